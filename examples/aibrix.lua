-- The four load shapes that autoscalers are tried with in AIBrix's benchmarks: a mean rate and a sine of half
-- of it (slight: a tenth), so many periods in a run; those that rise stay up once they are there.
local mt = require "moontide"

local shapes = {
  ["quick-rise"] = function(rate, duration)
    local rise = mt.sine { mean = rate, amp = rate / 2, period = duration / 5 }:take(duration / 20)
    return rise .. mt.const(1.5 * rate, duration - duration / 20)
  end,
  ["slow-rise"] = function(rate, duration)
    return mt.sine { mean = rate, amp = rate / 2, period = 4 * duration }:take(duration)
  end,
  ["slight-fluctuation"] = function(rate, duration)
    return mt.sine { mean = rate, amp = rate / 10, period = duration }:take(duration)
  end,
  ["severe-fluctuation"] = function(rate, duration)
    return mt.sine { mean = rate, amp = rate / 2, period = duration / 12 }:take(duration)
  end,
}

return mt.script {
  summary = "The shapes known from AIBrix: quick and slow rise, slight and severe fluctuation",
  usage = "moontide examples/aibrix.lua --shape severe-fluctuation --rate 10 --over 10m",
  options = {
    { "shape", kind = "choice", default = "quick-rise",
      choices = { "quick-rise", "slow-rise", "slight-fluctuation", "severe-fluctuation" },
      help = "how the rate moves" },
    { "rate", kind = "rate_number", default = 10, above = 0,
      help = "requests per second that it moves around" },
    { "over", kind = "duration", default = "5m", above = 0, help = "how long the whole shape takes" },
  },
  plan = function(opt)
    local rate = shapes[opt.shape](opt.rate, opt.over)
    return mt.workload { mt.stream { arrivals = mt.poisson(rate), input = 1000, output = 200 } }
  end,
}
