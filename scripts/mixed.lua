-- Rate and kind of request both swing: long prompts with short answers by day, the reverse by night.
local mt = require "moontide"

return mt.script {
  summary = "Rate and mix of two kinds of request both vary over time",
  usage = "moontide mixed --rate-min 2 --rate-max 30 --period 10m --duration 1h",
  options = {
    { "rate-min", kind = "rate_number", min = 0, default = 5,
      help = "lowest requests per second" },
    { "rate-max", kind = "rate_number", min = 0, default = 20,
      help = "highest requests per second" },
    { "period", kind = "duration", above = 0, default = 120,
      help = "from one low of the rate to the next" },
    { "isl1", kind = "length", default = 500, help = "input tokens of the first kind" },
    { "osl1", kind = "length", default = 1000, help = "output tokens of the first kind" },
    { "isl2", kind = "length", default = 6000, help = "input tokens of the second kind" },
    { "osl2", kind = "length", default = 150, help = "output tokens of the second kind" },
    { "share-min", kind = "number", min = 0, max = 1, default = 0.2,
      help = "lowest share of the first kind" },
    { "share-max", kind = "number", min = 0, max = 1, default = 0.8,
      help = "highest share of the first kind" },
    { "share-period", kind = "duration", above = 0, default = 180,
      help = "from one low of the share to the next" },
  },
  check = function(opt)
    if opt.rate_min > opt.rate_max then return "--rate-min is above --rate-max" end
    if opt.share_min > opt.share_max then return "--share-min is above --share-max" end
  end,
  plan = function(opt)
    local rate = mt.sine { min = opt.rate_min, max = opt.rate_max, period = opt.period,
      peak_at = opt.period / 2 }
    local share = mt.sine { min = opt.share_min, max = opt.share_max, period = opt.share_period,
      peak_at = opt.share_period / 2 }
    return mt.workload {
      mt.stream {
        arrivals = mt.poisson(rate), prompt = mt.unique(),
        lengths = mt.classes {
          { share, input = opt.isl1, output = opt.osl1 },
          { 1 - share, input = opt.isl2, output = opt.osl2 },
        },
      },
    }
  end,
}
