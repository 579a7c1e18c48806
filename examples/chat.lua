-- People who talk with a model: a turn's prompt is all that was said before and the next question.
local mt = require "moontide"

return mt.script {
  summary = "Chat sessions: prompts that grow from turn to turn, with time to read and think",
  usage = "moontide examples/chat.lua --rate 2 --turns 6 --think 30s --duration 30m",
  default_duration = "3m",
  options = {
    { "rate", kind = "rate", default = 1, help = "new conversations per second" },
    { "turns", kind = "number", default = 4, min = 1, help = "mean number of turns" },
    { "think", kind = "duration", default = "20s", min = 0,
      help = "mean time from an answer to the next turn" },
    { "max-input", kind = "integer", default = 32000, min = 1,
      help = "a session ends before a longer prompt" },
  },
  plan = function(opt)
    return mt.workload {
      mt.stream {
        arrivals = mt.sessions {
          starts = mt.poisson(opt.rate), turns = mt.geometric(opt.turns),
          think = mt.gamma { mean = opt.think, cv = 0.7 },
          service = { ttft = "300ms", per_token = "20ms" }, max_input = opt.max_input,
        },
        prompt = mt.shared_prefix { tokens = 1024 },
        first = { new_input = mt.lognormal { mean = 400, cv = 1.5 } },
        new_input = mt.lognormal { mean = 120, cv = 1 }, output = mt.lognormal { mean = 300, cv = 0.8 },
      },
    }
  end,
}
