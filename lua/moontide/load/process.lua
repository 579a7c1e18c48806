--- Arrival processes: when requests come, given a rate curve.
local core = require "moontide.core"
local curve = require "moontide.load.curve"
local distribution = require "moontide.load.distribution"
local options = require "moontide.kit.options"
local session_shape = require "moontide.load.session_shape"
local surplus = require "moontide.kit.surplus"

local process = {}

---@class moontide.process an arrival process

---@class moontide
local public = {}

-- --- faster clocks ---------------------------------------------------------------------------------

-- How the same process is made for a clock that runs k times faster, function(k, with_think), is its user
-- value: a weak table of thousands of processes is dear to the collector. Of Poisson arrivals, which have
-- nothing but a curve, core has put that there.
local maker_place = 1

--- The process that a maker makes, which then knows how to be faster.
---@param maker fun(k: number, with_think: boolean): moontide.process? k times faster; nil: it cannot be
---@return moontide.process
function process.made(maker)
  local self = maker(1, false)
  debug.setuservalue(self, maker, maker_place)
  return self
end

-- A curve k times faster: the same requests in 1/k of the time.
local function faster_curve(self, k)
  return k == 1 and self or core.curve.speed(self, k)
end

--- The same requests in 1/k of the time; nil of a process that cannot be.
---@param self moontide.process
---@param k number
---@param with_think boolean think times and answers are shorter too
---@return moontide.process?
function process.faster(self, k, with_think)
  local maker = debug.getuservalue(self, maker_place)
  if core.curve.is(maker) then return core.process.poisson(faster_curve(maker, k)) end
  return maker and maker(k, with_think)
end

local made = process.made

-- --- plain ones ------------------------------------------------------------------------------------

---@class moontide.even_options
---@field phase? number share of a gap before the first request, 0 <= phase < 1

--- Requests evenly over the curve's area, the first at t = 0 (or as late as phase says).
---@param rate number|moontide.curve|function requests a second
---@param opt? moontide.even_options
---@return moontide.process
function public.even(rate, opt)
  if type(opt) == "string" or type(opt) == "number" then surplus.refuse("even", public.poisson, rate, opt) end
  local values = options.table("even", opt, { { "phase", kind = "number", default = 0 } })
  local rates = curve.of(rate, "even: rate")
  return made(function(k) return core.process.even(faster_curve(rates, k), values.phase) end)
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
  local rates = curve.of(rate, "poisson_counts: rate")
  local seconds = options.duration(interval, "poisson_counts: interval")
  return made(function(k) return core.process.poisson_counts(faster_curve(rates, k), seconds / k) end)
end

--- Gaps from any positive distribution, scaled so that the curve is the mean rate from the first second.
--- Gamma gaps with cv = 1 are Poisson; a larger cv is burstier, a smaller one more regular.
---@param rate number|moontide.curve|function requests a second
---@param gaps moontide.distribution only its shape counts: mean= may be left out
---@return moontide.process
function public.renewal(rate, gaps)
  local rates = curve.of(rate, "renewal: rate")
  local shape = distribution.of(gaps, "renewal: gaps", { shape = true })
  return made(function(k) return core.process.renewal(faster_curve(rates, k), shape) end)
end

-- --- processes that switch and remember -----------------------------------------------------------

---@class moontide.on_off_options
---@field on number|string mean seconds
---@field off number|string mean seconds

--- The curve in bursts: on for a while, off for a while, exponential times; its mean stays the curve's.
---
--- mt.on_off(20, { on = "10s", off = "40s" }) sends 100 a second while it is on.
---@param rate number|moontide.curve|function requests a second, on average over on and off
---@param opt moontide.on_off_options
---@return moontide.process
function public.on_off(rate, opt)
  local values = options.table("on_off", opt, {
    { "on", kind = "duration", above = 0, required = true },
    { "off", kind = "duration", above = 0, required = true },
  })
  local rates = curve.of(rate, "on_off: rate")
  return made(function(k)
    return core.process.mmpp(faster_curve(rates, k), { 1, 0 }, { values.on / k, values.off / k })
  end)
end

---@class moontide.mmpp_options
---@field levels number[] relative; the mean is scaled to 1
---@field dwell number|string|(number|string)[] mean seconds: one for all levels, or one a level

--- The curve times a level that jumps: a Markov-modulated Poisson process. Levels are relative, visited
--- in turn, each for an exponential time, and scaled so that the mean stays the curve's.
---
--- mt.mmpp(20, { levels = {1, 4, 0.5}, dwell = {"60s", "5s", "30s"} })
---@param rate number|moontide.curve|function requests a second
---@param opt moontide.mmpp_options
---@return moontide.process
function public.mmpp(rate, opt)
  local values = options.table("mmpp", opt, {
    { "levels", kind = "number", min = 0, list = true, required = true },
    { "dwell", kind = "duration", above = 0, list = true, required = true },
  })
  local levels, dwells = values.levels, values.dwell
  if #dwells == 1 then
    for i = 2, #levels do dwells[i] = dwells[1] end
  elseif #dwells ~= #levels then
    core.base.raise(("mmpp: there are %d levels and %d dwelling times: give one for all or one a level")
      :format(#levels, #dwells))
  end
  local rates = curve.of(rate, "mmpp: rate")
  return made(function(k)
    local shorter = {}
    for i, dwell in ipairs(dwells) do shorter[i] = dwell / k end
    return core.process.mmpp(faster_curve(rates, k), levels, shorter)
  end)
end

---@class moontide.hawkes_options
---@field branching number children of a request on average: at least 0, below 1
---@field decay number|string mean seconds until they come

--- Requests that bring further ones, as a retry or a shared link does (a Hawkes process): a background of
--- curve * (1 - branching); each request has `branching` children on average, after exponential delays. It
--- begins empty and comes up to the curve over several decay / (1 - branching): a short run has less.
---@param rate number|moontide.curve|function requests a second, background and children together
---@param opt moontide.hawkes_options
---@return moontide.process
function public.hawkes(rate, opt)
  local values = options.table("hawkes", opt, {
    { "branching", kind = "number", min = 0, below = 1, required = true },
    { "decay", kind = "duration", above = 0, required = true },
  })
  local rates = curve.of(rate, "hawkes: rate")
  return made(function(k)
    return core.process.hawkes(faster_curve(rates, k), values.branching, values.decay / k)
  end)
end

-- --- given times ----------------------------------------------------------------------------------

---@class moontide.times_of_options
---@field speed? number 2 is twice as fast
---@field wrap? boolean again from the start at the end, a mean gap later
---@field from_zero? boolean false: at the trace's own times, so that a part of it stays beside the rest; true

--- The arrival times of a trace, the first at 0. A part of a load that goes to a second model as well:
---
--- part = w:pipe():thin(0.1)
--- mt.stream{ arrivals = mt.times_of(part, { from_zero = false }), prompt = mt.prompts_of(part) }
---@param trace moontide.trace a file, or what else may be a trace
---@param opt? moontide.times_of_options
---@return moontide.process
function public.times_of(trace, opt)
  local values = options.table("times_of", opt, {
    { "speed", kind = "number", above = 0, default = 1 },
    { "wrap", kind = "boolean", default = false },
    { "from_zero", kind = "boolean", default = true },
  })
  local columns = require("moontide.trace.any").columns(trace, "times_of")
  return made(function(k)
    return core.process.recorded(columns, values.speed * k, values.wrap, values.from_zero)
  end)
end

---@class moontide.closed_options
---@field users integer at least 1
---@field think? number|string|moontide.distribution seconds between an answer and the next request

--- A closed loop: so many users, each sends, waits for the answer, thinks, and sends again until the
--- duration's end. As the starts of mt.sessions each user has one conversation after the other, and the last
--- ones go on for --grace at most. It has no times of its own: it is for driving an endpoint (moontide
--- replay), and writing its trace is an error.
---@param opt moontide.closed_options
---@return moontide.process
function public.closed(opt)
  local values = options.table("closed", opt, {
    { "users", kind = "integer", min = 1, required = true },
    { "think", kind = "any", default = 0 },
  })
  local think = session_shape.seconds_of(values.think, "closed: think")
  return made(function(k, with_think)
    return core.process.closed(values.users, with_think and think * (1 / k) or think)
  end)
end

--- Arrivals of your own: factory(random) is called once a run and returns a function that is called with
--- the time of the last request (seconds) and returns the gap to the next one, or nil at the end.
---
--- mt.arrivals(function(random) return function(now) return random:exponential(0.1) end end)
---@param factory fun(random: moontide.random): fun(now: number): number?
---@return moontide.process
function public.arrivals(factory)
  if type(factory) ~= "function" then
    options.wrong("arrivals: the factory", factory, "a function of a generator of random numbers")
  end
  return made(function(k)
    if k == 1 then return core.process.custom(factory) end
    return core.process.custom(function(random)
      local gap_after = factory(random)
      return function(now)
        local gap = gap_after(now * k)
        return gap and gap / k
      end
    end)
  end)
end

process.public = public

return process
