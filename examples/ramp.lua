-- What an autoscaler must follow: up in time, and down again when it is over.
local mt = require "moontide"

return mt.script {
  summary = "A ramp for an autoscaler: quiet, a climb, a plateau, a descent, quiet",
  usage = "moontide examples/ramp.lua --low 2 --high 40 --climb 10m --hold 15m",
  options = {
    { "low", kind = "rate_number", default = 2, min = 0, help = "requests per second when quiet" },
    { "high", kind = "rate_number", default = 20, min = 0, help = "requests per second on the plateau" },
    { "climb", kind = "duration", default = "2m", above = 0, help = "how long it climbs, and descends" },
    { "hold", kind = "duration", default = "2m", above = 0, help = "how long each level is held" },
  },
  plan = function(opt)
    local low, high = mt.const(opt.low, opt.hold), mt.const(opt.high, opt.hold)
    local up, down = mt.ramp(opt.low, opt.high, opt.climb), mt.ramp(opt.high, opt.low, opt.climb)
    return mt.workload {
      mt.stream {
        arrivals = mt.poisson(low .. up .. high .. down .. low),
        input = mt.lognormal { mean = 1500, cv = 1 }, output = 200,
      },
    }
  end,
}
