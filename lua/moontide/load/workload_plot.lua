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
---@return number[][]? areas, string? message, string? code
function workload_plot.stream_rates(self, opt, expected)
  local all = {}
  for at, entry in ipairs(self.streams) do
    local one = expected.streams[at]
    local areas, message, code
    if counted.is_needed(entry) then
      areas, message, code = counted.areas(entry, self.block_size, opt, one.requests, workload_plot.bins)
      if not areas then return nil, message, code end
    end
    all[at] = areas or core.process.areas(entry.stream.process, opt.seed,
      entry.factor * (opt.rate_scale or 1), math.min(entry.last, opt.duration), one.output_length or 0,
      opt.duration, workload_plot.bins)
  end
  return all
end

--- Requests a second expected in each bin, over all streams; nil where nobody knows.
---@param self moontide.workload
---@param opt table seed, duration, rate_scale, shard
---@param expected moontide.expected of the same
---@return number[]?
function workload_plot.expected_rates(self, opt, expected)
  local per_second = workload_plot.bins / opt.duration / (opt.shard and opt.shard.count or 1)
  local rates = {}
  for i = 1, workload_plot.bins do rates[i] = 0 end
  for at in ipairs(self.streams) do
    local requests = expected.streams[at].requests
    if requests ~= requests then return nil end
  end
  local all = workload_plot.stream_rates(self, opt, expected)
  if not all then return nil end
  for _, areas in ipairs(all) do
    if areas[1] ~= areas[1] then return nil end
    for i = 1, workload_plot.bins do rates[i] = rates[i] + areas[i] * per_second end
  end
  return rates
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
