-- What a trace looks like over time: requests per second, as a picture in the terminal. A command: it has
-- run= where a workload has plan=.
local mt = require "moontide"

-- Requests in each of `bins` equal stretches of time.
local function counts_of(trace, bins)
  local times = trace:column "timestamp"
  local first = times:min()
  local width = math.max((times:max() - first) / bins, 1)
  local counts = {}
  for i = 1, bins do counts[i] = 0 end
  for _, time in ipairs(times:values()) do
    local bin = math.min(math.floor((time - first) / width) + 1, bins)
    counts[bin] = counts[bin] + 1
  end
  return counts, width / 1000
end

-- A trace to try it with.
local function own_trace()
  return mt.plan_of("burst", { every = "1m" }):columns { duration = "5m" }
end

return mt.script {
  summary = "A trace's request rate over time as a picture",
  usage = "moontide examples/rate_over_time.lua [TRACE] [--bins 60]",
  options = {
    { "trace", kind = "path", argument = true, help = "the trace (default: a small one made here)" },
    { "bins", kind = "integer", default = 120, min = 1, max = 10000, help = "points over time" },
  },
  run = function(opt)
    local trace, message, code
    if opt.trace then trace, message, code = mt.trace.read(opt.trace) else trace = own_trace() end
    if not trace then return nil, message, code end
    if trace:column "timestamp":count() == 0 then return nil, opt.trace .. ": no timestamps" end
    local counts, width = counts_of(trace, opt.bins)
    local rates = {}
    for i, count in ipairs(counts) do rates[i] = count / width end
    print(mt.chart.line {
      title = "request rate", series = { rates },
      x_from = 0, x_to = width * opt.bins, x_unit = "s", y_unit = "requests/s",
    })
  end,
}
