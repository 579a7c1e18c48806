--- The picture of a run of a plan: its rate over time, expected and as it comes out, with mean ISL and OSL.
local core = require "moontide.core"
local counted = require "moontide.load.counted"
local styles = require "moontide.draw.style"
local texts = require "moontide.kit.text"
local trace_plot = require "moontide.trace.trace_plot"

local workload_plot = {}

-- A picture is made of so many points over time.
workload_plot.bins = 120

--- Requests expected in each bin, a list a stream; NaN where nobody knows. nil, message, code.
---@param self moontide.workload
---@param opt table seed, duration, rate_scale
---@param expected moontide.expected of the same
---@param bins? integer workload_plot.bins
---@return number[][]? areas, string? message, string? code
function workload_plot.stream_rates(self, opt, expected, bins)
  bins = bins or workload_plot.bins
  local all = {}
  for at, entry in ipairs(self.streams) do
    local one = expected.streams[at]
    local areas, message, code
    if counted.is_needed(entry) then
      areas, message, code = counted.areas(entry, self.block_size, opt, one.requests, bins)
      if not areas then return nil, message, code end
    end
    all[at] = areas or core.process.areas(entry.stream.process, opt.seed,
      entry.factor * (opt.rate_scale or 1), math.min(entry.last, opt.duration), one.output_length or 0,
      opt.duration, bins)
  end
  return all
end

--- Requests a second expected in each bin, over all streams; nil where nobody knows.
---@param self moontide.workload
---@param opt table seed, duration, rate_scale, shard
---@param expected moontide.expected of the same
---@param bins? integer
---@return number[]?
function workload_plot.expected_rates(self, opt, expected, bins)
  bins = bins or workload_plot.bins
  local per_second = bins / opt.duration / (opt.shard and opt.shard.count or 1)
  local rates = {}
  for i = 1, bins do rates[i] = 0 end
  for at in ipairs(self.streams) do
    local requests = expected.streams[at].requests
    if requests ~= requests then return nil end
  end
  local all = workload_plot.stream_rates(self, opt, expected, bins)
  if not all then return nil end
  for _, areas in ipairs(all) do
    if areas[1] ~= areas[1] then return nil end
    for i = 1, bins do rates[i] = rates[i] + areas[i] * per_second end
  end
  return rates
end

-- The busiest stretch is looked for in steps that are a round part of it, from a fifth to a fiftieth; where
-- there is no such part, in tenths.
local fewest_steps, most_steps = 5, 50

-- Of so many steps of all streams together at most; of more, in whole stretches.
local most_looked_at = 1e6

local function step_of(width)
  local power = 10 ^ math.floor(math.log(width, 10))
  for _, of in ipairs { 0.2, 0.1, 0.05, 0.02 } do
    local steps = width / (of * power)
    if steps >= fewest_steps and steps <= most_steps and math.abs(steps - math.floor(steps + 0.5)) < 1e-9 then
      return math.floor(steps + 0.5)
    end
  end
  return 10
end

-- Rates that differ by no more are told apart by rounding alone.
local same <const> = 1e-9

---@class moontide.busiest
---@field rate number requests a second
---@field from number seconds
---@field width number seconds
---@field is_flat boolean the rate is the same everywhere

--- The stretch of a 120th of the duration in which the rate is expected to be largest, the first of several;
--- nil where nobody knows.
---@param self moontide.workload
---@param opt table seed, duration, rate_scale, shard
---@param expected moontide.expected of the same
---@return moontide.busiest?
function workload_plot.busiest(self, opt, expected)
  local width = opt.duration / workload_plot.bins
  local steps = step_of(width)
  if steps * workload_plot.bins * #self.streams > most_looked_at then steps = 1 end
  local rates = workload_plot.expected_rates(self, opt, expected, workload_plot.bins * steps)
  if not rates then return nil end
  local sum, best, least, at = 0, -1, math.huge, 0
  for i, rate in ipairs(rates) do
    sum = sum + rate - (rates[i - steps] or 0)
    if i >= steps then
      if sum > best * (1 + same) then best, at = sum, i - steps end
      least = math.min(least, sum)
    end
  end
  return { rate = best / steps, from = at * width / steps, width = width,
    is_flat = least >= best * (1 - 1e-6) }
end

--- The picture of what was counted.
---@param opt table seed
---@param bins moontide.time_bins
---@param expected number[]? what workload_plot.expected_rates gave
---@return moontide.picture
function workload_plot.picture(opt, bins, expected)
  return styles.picture(function(style)
    return trace_plot.text(bins, { zero = 0, title = "rate", height = 12, expected = expected,
      names = { "seed " .. texts.seed(opt.seed), expected and "expected" } }, style)
  end)
end

return workload_plot
