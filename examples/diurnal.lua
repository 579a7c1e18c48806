-- A day: few at night, most in the afternoon, uneven from minute to minute, and a flash crowd at one hour.
local mt = require "moontide"

return mt.script {
  summary = "A day with its night, its afternoon and a flash crowd",
  usage = "moontide examples/diurnal.lua --mean 20 --flash-at 20h30m --flash 10 --rate-scale 2",
  default_duration = "24h",
  options = {
    { "mean", kind = "rate_number", default = 1, above = 0,
      help = "requests per second over the day, without the crowd" },
    { "peak-at", kind = "duration", default = "15h", help = "the busiest hour, without the crowd" },
    { "flash-at", kind = "duration", default = "20h30m", help = "when the flash crowd is largest" },
    { "flash", kind = "number", default = 10, min = 0, help = "its height, in mean rates" },
  },
  plan = function(opt)
    local day = mt.sine { min = 0.3, max = 1.7, period = "24h", peak_at = opt.peak_at }
    local crowd = mt.spike { at = opt.flash_at, height = opt.flash, rise = "5m", fall = "40m" }
    local unrest = mt.noise { cv = 0.2, corr_time = "10m" }
    return mt.workload {
      mt.stream {
        arrivals = mt.poisson(opt.mean * (day * unrest + crowd)),
        new_input = mt.lognormal { mean = 400, cv = 1.2 }, output = mt.lognormal { mean = 250, cv = 0.8 },
        prompt = mt.shared_prefix { tokens = 1024, groups = 10, zipf = 1 },
      },
    }
  end,
}
