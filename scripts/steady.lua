-- A constant rate with Poisson arrivals: the load a capacity plan starts from.
local mt = require "moontide"

return mt.script {
  summary = "A constant request rate with Poisson arrivals and unique prompts",
  usage = "moontide steady --rate 20 --isl lognormal:mean=2400,cv=1.2 --osl 300 --duration 10m",
  options = {
    { "rate", kind = "rate", default = 10, help = "mean requests per second" },
    { "isl", kind = "length", default = 2000, help = "input tokens of a request" },
    { "osl", kind = "length", default = 250, help = "output tokens of a request" },
  },
  plan = function(opt)
    return mt.workload {
      mt.stream { arrivals = mt.poisson(opt.rate), input = opt.isl, output = opt.osl, prompt = mt.unique() },
    }
  end,
}
