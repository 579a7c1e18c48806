--- The picture of a run of a plan: its rate over time, expected and as it comes out, with mean ISL and OSL.
local core = require "moontide.core"
local chart = require "moontide.draw.chart"
core.base.own()

local workload_plot = {}

-- A picture is made of so many points over time.
workload_plot.bins = 120

--- Requests a second expected in each bin, over all streams; nil where nobody knows.
---@param self moontide.workload
---@param opt table seed, duration, rate_scale, shard
---@param expected moontide.expected of the same
---@return number[]?
function workload_plot.expected_rates(self, opt, expected)
  local per_second = workload_plot.bins / opt.duration / (opt.shard and opt.shard.count or 1)
  local rates = {}
  for i = 1, workload_plot.bins do rates[i] = 0 end
  for at, entry in ipairs(self.streams) do
    local one = expected.streams[at]
    if one.requests ~= one.requests then return nil end
    local areas = core.process.areas(entry.stream.process, opt.seed, entry.factor * (opt.rate_scale or 1),
      math.min(entry.last, opt.duration), one.output_length or 0, opt.duration, workload_plot.bins)
    for i = 1, workload_plot.bins do rates[i] = rates[i] + areas[i] * per_second end
  end
  return rates
end

-- Means a bin, nothing where there was no request.
local function means(sums, counts)
  local values = {}
  for i, count in ipairs(counts) do values[i] = count > 0 and sums[i] / count or 0 / 0 end
  return values
end

-- The charts of a plot, each as chart.line takes it.
local function charts_of(opt, expected_rate, counts, inputs, answered, outputs)
  local function over_time(title, unit, height, series, names)
    return { title = title, series = series, names = names, x_from = 0, x_to = opt.duration, x_unit = "s",
      y_unit = unit, height = height }
  end
  local rates, has_outputs = {}, false
  for i, count in ipairs(counts) do
    rates[i] = count * workload_plot.bins / opt.duration
    has_outputs = has_outputs or answered[i] > 0
  end
  local series, names = { rates }, { ("seed %d"):format(opt.seed) }
  if expected_rate then series[2], names[2] = expected_rate, "expected" end
  local charts = {
    over_time("rate", "requests/s", 12, series, names),
    over_time("mean ISL", "tokens", 5, { means(inputs, counts) }),
  }
  if has_outputs then charts[3] = over_time("mean OSL", "tokens", 5, { means(outputs, answered) }) end
  return charts
end

--- The picture of what was counted.
---@param opt table seed, duration
---@param expected_rate number[]? what workload_plot.expected_rates gave
---@param ... number[] what core.plan.count gave: requests, sums of ISL, answers and sums of OSL, a bin each
---@return moontide.picture
function workload_plot.picture(opt, expected_rate, ...)
  local charts = charts_of(opt, expected_rate, ...)
  return chart.picture(function(style)
    local texts = {}
    for i, one in ipairs(charts) do texts[i] = chart.line(one, style) end
    return table.concat(texts, "\n")
  end)
end

return workload_plot
