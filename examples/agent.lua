-- Agents: many turns in quick succession, each with the result of a tool, on top of long descriptions of
-- the tools that all tasks of one kind share.
local mt = require "moontide"

return mt.script {
  summary = "Agents that call tools: short pauses, growing prompts, long shared instructions",
  usage = "moontide examples/agent.lua --rate 12/m --turns 15 --tools 8192 --kinds 5",
  default_duration = "2m",
  options = {
    { "rate", kind = "rate", default = 0.3, help = "new tasks per second" },
    { "turns", kind = "number", default = 12, min = 1, help = "mean number of model calls for a task" },
    { "tools", kind = "integer", default = 6144, min = 1, help = "tokens that describe the tools" },
    { "kinds", kind = "integer", default = 4, min = 1, help = "kinds of task, each with tools of its own" },
    { "tool-time", kind = "duration", default = "1500ms", min = 0,
      help = "how long a tool runs, on average" },
  },
  plan = function(opt)
    return mt.workload {
      mt.stream {
        arrivals = mt.sessions {
          starts = mt.poisson(opt.rate), turns = mt.geometric { mean = opt.turns, max = 60 },
          think = mt.exponential(opt.tool_time),
          service = { ttft = "200ms", per_token = "15ms" }, max_input = 128000,
        },
        prompt = mt.shared_prefix { tokens = opt.tools, groups = opt.kinds, zipf = 1 },
        first = { new_input = mt.lognormal { mean = 600, cv = 1 } },
        new_input = mt.lognormal { mean = 900, cv = 2, max = 16000 },
        output = mt.lognormal { mean = 120, cv = 1 },
      },
    }
  end,
}
