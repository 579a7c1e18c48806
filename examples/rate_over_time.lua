-- What a trace looks like over time: requests per second, as a picture in the terminal.
local mt = require "moontide"

-- Requests in each of `bins` equal stretches of time.
local function counts_of(trace, bins)
  local first, last = trace:column "timestamp":min(), trace:column "timestamp":max()
  local width = math.max((last - first) / bins, 1)
  local counts = {}
  for i = 1, bins do counts[i] = 0 end
  for request in trace:requests() do
    local bin = math.min(math.floor((request.timestamp - first) / width) + 1, bins)
    counts[bin] = counts[bin] + 1
  end
  return counts, width / 1000
end

return mt.script {
  summary = "A trace's request rate over time as a picture",
  usage = "moontide examples/rate_over_time.lua TRACE",
  options = {
    { "input-file", kind = "path", argument = true, required = true, help = "the trace" },
    { "bins", kind = "integer", default = 120, min = 1, max = 10000, help = "points over time" },
  },
  run = function(opt)
    local trace, message, code = mt.trace.read(opt.input_file)
    if not trace then return nil, message, code end
    if #trace == 0 then return nil, opt.input_file .. ": no requests" end
    local counts, width = counts_of(trace, opt.bins)
    local rates = {}
    for i, count in ipairs(counts) do rates[i] = count / width end
    print(mt.chart.line {
      title = "request rate", series = { rates },
      x_from = 0, x_to = width * opt.bins, x_unit = "s", y_unit = "requests/s",
    })
  end,
}
