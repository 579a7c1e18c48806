-- A volley of long requests, and short ones behind it: how long do those wait that ask for little?
local mt = require "moontide"

return mt.script {
  summary = "Late and short: short requests behind a volley of long ones, told before, during and after",
  usage = "moontide examples/late_short.lua --short 10 --long 20 --isl 8000 --osl 500 --span 20s",
  options = {
    { "short", kind = "rate_number", default = 10, above = 0,
      help = "short requests per second, all the time" },
    { "long", kind = "rate_number", default = 20, above = 0,
      help = "long requests in the one second with which the middle begins" },
    { "isl", kind = "length", default = 8000, help = "input tokens of a long request" },
    { "osl", kind = "length", default = 500, help = "output tokens of a long request" },
    { "span", kind = "duration", default = "20s", min = 2, help = "how long each phase lasts" },
  },
  plan = function(opt)
    return mt.workload { duration = 3 * opt.span,
      phases = { { "before", opt.span }, { "during", opt.span }, { "after" } },
      -- Short ones are the most, so that a median is theirs.
      fail_over = { ["ttft.p50@during"] = "1s", ["recovery@during"] = "10s", error_rate = 0.01 },
      mt.stream { name = "short", arrivals = mt.poisson(opt.short), input = 100, output = 10 },
      mt.stream { name = "long", arrivals = mt.even(mt.const(opt.long, 1):shift(opt.span):pad(3 * opt.span)),
        input = opt.isl, output = opt.osl },
    }
  end,
}
