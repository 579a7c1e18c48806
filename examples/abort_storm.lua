-- Users leave in the middle of their answers: does a server stop working for them, and serve those who stay?
local mt = require "moontide"

return mt.script {
  summary = "Abort storm: for a while many users give up on their answers, told before, during and after",
  usage = "moontide examples/abort_storm.lua --rate 8 --share 0.5 --patience 1s --span 20s",
  options = {
    { "rate", kind = "rate_number", default = 8, above = 0, help = "requests per second, all the time" },
    { "share", kind = "number", default = 0.5, above = 0, below = 1,
      help = "of the users, who leave in the middle" },
    { "patience", kind = "duration", default = "1s", above = 0,
      help = "how long after they asked they leave" },
    { "span", kind = "duration", default = "20s", above = 0, help = "how long each phase lasts" },
  },
  plan = function(opt)
    local storm = mt.steps { { 0, opt.span }, { opt.share, opt.span }, { 0, opt.span } }
    return mt.workload { duration = 3 * opt.span,
      phases = { { "before", opt.span }, { "during", opt.span }, { "after" } },
      fail_over = { ["ttft.p90@during"] = "2s", ["recovery@during"] = "5s", ["error_rate@after"] = 0.01 },
      mt.stream { name = "stay", arrivals = mt.poisson(opt.rate * (1 - storm)), input = 800, output = 200 },
      mt.stream { name = "leave", arrivals = mt.poisson(opt.rate * storm), input = 800, output = 200,
        fields = { cancel_after = 1000 * opt.patience } }, -- milliseconds
    }
  end,
}
