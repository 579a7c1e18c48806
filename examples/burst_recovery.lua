-- One burst on a steady load: how bad does it get, and how long is it until TTFT is what it was?
local mt = require "moontide"

return mt.script {
  summary = "Burst: a steady load, many times as much for a while, and the time to recover",
  usage = "moontide examples/burst_recovery.lua --rate 5 --times 8 --burst 10s --span 30s",
  options = {
    { "rate", kind = "rate_number", default = 5, above = 0, help = "requests per second before and after" },
    { "times", kind = "number", default = 8, above = 1, help = "so many times as much in the burst" },
    { "burst", kind = "duration", default = "10s", above = 0, help = "how long the burst lasts" },
    { "span", kind = "duration", default = "30s", above = 0,
      help = "how long it is steady before and after" },
  },
  plan = function(opt)
    local rate, high = opt.rate, opt.rate * opt.times
    return mt.workload {
      phases = { { "before", opt.span }, { "during", opt.burst }, { "after" } },
      fail_over = { ["recovery@during"] = "20s", error_rate = 0.01 },
      mt.stream {
        arrivals = mt.poisson(mt.steps { { rate, opt.span }, { high, opt.burst }, { rate, opt.span } }),
        input = mt.lognormal { mean = 1000, cv = 0.5 }, output = 150,
      },
    }
  end,
}
