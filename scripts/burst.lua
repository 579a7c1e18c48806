-- A quiet base rate with regular bursts: what an autoscaler and a queue must live through.
local mt = require "moontide"

return mt.script {
  summary = "A base rate with a burst at a higher one every so often",
  usage = "moontide burst --base 5 --peak 60 --every 2m --burst-duration 15s --duration 10m",
  options = {
    { "base", kind = "rate", default = 5, help = "requests per second between bursts" },
    { "peak", kind = "rate", default = 50, help = "requests per second in a burst" },
    { "every", kind = "duration", default = 60, above = 0, help = "from the start of a burst to the next" },
    { "burst-duration", kind = "duration", default = 10, above = 0, help = "how long a burst lasts" },
    { "isl", kind = "length", default = 2000, help = "input tokens of a request" },
    { "osl", kind = "length", default = 250, help = "output tokens of a request" },
  },
  check = function(opt)
    if opt.burst_duration >= opt.every then
      return ("--burst-duration must be shorter than --every (%g s)"):format(opt.every)
    end
  end,
  plan = function(opt)
    local quiet = opt.every - opt.burst_duration
    local is_burst = mt.steps { { 0, quiet }, { 1, opt.burst_duration } }:loop()
    local rise = mt.const(1) * opt.peak - opt.base
    return mt.workload {
      mt.stream {
        arrivals = mt.poisson(opt.base + rise * is_burst),
        input = opt.isl, output = opt.osl, prompt = mt.unique(),
      },
    }
  end,
}
