-- A voice agent: short turns, and pauses that people who speak leave, never less than a breath.
--
-- The trace: contexts hardly grow (1.3 to 1.4 times the first prompt, on average); nine tenths of all blocks
-- have been seen in the same session before, five hundredths in another one, which is the greeting.
local mt = require "moontide"

return mt.script {
  summary = "Voice agents: short answers, pauses of speech that hardly vary, one greeting for all",
  usage = "moontide examples/voice_agent.lua --calls 5 --turns 14",
  default_duration = "5m",
  options = {
    { "calls", kind = "rate", default = 0.5, help = "new calls per second" },
    { "turns", kind = "number", default = 12, min = 1, help = "mean number of turns in a call" },
    { "listens", kind = "duration", default = "6s", min = 1,
      help = "mean time to hear the answer and to reply" },
  },
  plan = function(opt)
    return mt.workload {
      block_size = 16,
      mt.stream {
        arrivals = mt.sessions {
          starts = mt.poisson(opt.calls), turns = mt.geometric(opt.turns),
          think = mt.gamma { mean = opt.listens - 0.7, cv = 0.4 } + 0.7,
          service = { ttft = mt.lognormal { mean = 0.25, cv = 0.3 }, per_token = "12ms" },
        },
        prompt = mt.shared_prefix { tokens = 1500 },
        -- Who calls is looked up before the first turn; afterwards there is only what was said.
        new_input = mt.by_turn { mt.uniform(150, 350),
          mt.lognormal { mean = 22, cv = 0.8, min = 2, max = 200 } },
        output = mt.by_turn { 25, mt.lognormal { mean = 45, cv = 0.6, min = 5, max = 150 } },
      },
    }
  end,
}
