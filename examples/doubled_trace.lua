-- The rate of one trace, twice, with the lengths of another: next year's load with tomorrow's users.
local mt = require "moontide"

-- Traces to try it with: a quarter of an hour with a burst each minute, and long documents.
local function own_trace()
  return mt.plan_of("burst", { base = 1, peak = 8, every = "1m" }):columns { duration = "15m" }
end

local function own_lengths()
  local documents = mt.lognormal { mean = 3000, cv = 1 }
  return mt.workload { mt.stream { arrivals = mt.even(10), input = documents, output = 100 } }:columns()
end

return mt.script {
  summary = "A trace's rate times a factor with another trace's lengths",
  usage = "moontide examples/doubled_trace.lua --trace day.jsonl --lengths other.jsonl --factor 2 --bin 30s",
  options = {
    { "trace", kind = "path", help = "whose rate over time (default: a small one made here)" },
    { "lengths", kind = "path", help = "whose pairs of ISL and OSL (default: long documents made here)" },
    { "factor", kind = "number", default = 2, above = 0, help = "of the rate" },
    { "bin", kind = "duration", default = "30s", above = 0, help = "width of a step of the rate" },
  },
  plan = function(opt)
    local rate = mt.rate_of(opt.trace or own_trace(), { bin = opt.bin })
    return mt.workload {
      mt.stream {
        arrivals = mt.poisson(opt.factor * rate),
        lengths = mt.lengths_of(opt.lengths or own_lengths()),
      },
    }
  end,
}
