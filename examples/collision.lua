-- Long prompts fall into a steady chat: how long do the streams that run stand still, and until when?
local mt = require "moontide"

return mt.script {
  summary = "Collision: long prompts into steady chat, told before, during and after",
  usage = "moontide examples/collision.lua --chat 5 --long 1 --isl 16000 --span 20s",
  options = {
    { "chat", kind = "rate_number", default = 5, above = 0, help = "chat requests per second, all the time" },
    { "long", kind = "rate_number", default = 1, above = 0, help = "long prompts per second, in the middle" },
    { "isl", kind = "length", default = 16000, help = "input tokens of a long prompt" },
    { "span", kind = "duration", default = "20s", above = 0, help = "how long each phase lasts" },
  },
  plan = function(opt)
    local middle = mt.steps { { 0, opt.span }, { opt.long, opt.span }, { 0, opt.span } }
    return mt.workload { duration = 3 * opt.span,
      phases = { { "before", opt.span }, { "during", opt.span }, { "after" } },
      fail_over = { ["longest_gap@during"] = "1s", ["recovery@during"] = "10s", error_rate = 0.01 },
      mt.stream { name = "chat", arrivals = mt.poisson(opt.chat), input = 600, output = 150 },
      mt.stream { name = "long", arrivals = mt.poisson(middle), input = opt.isl, output = 20 },
    }
  end,
}
