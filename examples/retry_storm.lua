-- A short disturbance whose retries bring further retries: most of the storm comes after its cause is over.
local mt = require "moontide"

return mt.script {
  summary = "A retry storm: each request brings others, so that a short spike lasts",
  usage = "moontide examples/retry_storm.lua --height 100 --length 10s --branching 0.8 --decay 5s",
  default_duration = "4m",
  options = {
    { "rate", kind = "rate", default = 5, help = "requests per second before, retries included" },
    { "at", kind = "duration", default = "1m", min = 0, help = "when the disturbance begins" },
    { "height", kind = "rate_number", default = 60, above = 0,
      help = "requests per second that it adds at its beginning, retries included" },
    { "length", kind = "duration", default = "10s", above = 0, help = "how long it takes to fade" },
    { "branching", kind = "number", default = 0.8, min = 0, below = 1,
      help = "retries that a request brings" },
    { "decay", kind = "duration", default = "5s", above = 0, help = "mean time to a retry" },
  },
  plan = function(opt)
    local cause = mt.spike { at = opt.at, height = opt.height, fall = opt.length }
    return mt.workload {
      mt.stream {
        arrivals = mt.hawkes(opt.rate + cause, { branching = opt.branching, decay = opt.decay }),
        input = mt.lognormal { mean = 1000, cv = 1 }, output = 150,
      },
    }
  end,
}
