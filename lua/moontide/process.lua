--- Arrival processes: when requests come, given a rate curve.
local core = require "moontide.core"
local curve = require "moontide.curve"
local distribution = require "moontide.distribution"
local options = require "moontide.options"
core.base.own()

local public = {}

--- Requests evenly over the curve's area, the first at t = 0 (or as late as phase says).
---@param rate number|moontide.curve|function requests a second
---@param opt? {phase: number} share of a gap before the first request, 0 <= phase < 1
---@return moontide.process
function public.even(rate, opt)
  local values = options.table("even", opt, { { "phase", kind = "number", default = 0 } })
  return core.process.even(curve.of(rate, "even: rate"), values.phase)
end

--- Poisson arrivals of the curve's rate, exact for any curve.
---@param rate number|moontide.curve|function requests a second
---@return moontide.process
function public.poisson(rate)
  return core.process.poisson(curve.of(rate, "poisson: rate"))
end

--- A Poisson count of requests in each interval, evenly spread in it.
---@param rate number|moontide.curve|function requests a second, read at each interval's start
---@param interval number|string seconds, or "250ms"
---@return moontide.process
function public.poisson_counts(rate, interval)
  return core.process.poisson_counts(curve.of(rate, "poisson_counts: rate"),
    options.duration(interval, "poisson_counts: interval"))
end

--- Gaps from any positive distribution, scaled so that the curve is the mean rate from the first second.
--- Gamma gaps with cv = 1 are Poisson; a larger cv is burstier, a smaller one more regular.
---@param rate number|moontide.curve|function requests a second
---@param gaps moontide.distribution only its shape counts: mean= may be left out
---@return moontide.process
function public.renewal(rate, gaps)
  return core.process.renewal(curve.of(rate, "renewal: rate"),
    distribution.of(gaps, "renewal: gaps", { shape = true }))
end

return { public = public }
