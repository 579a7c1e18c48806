-- A coding agent: tools whose outputs fill the context, a summary when it is full, and sub-agents that look
-- around in the code while the agent waits for them.
--
-- The trace: contexts grow from 10 to 60 thousand tokens, are compacted, and grow again; nine tenths of all
-- blocks have been seen in the same session before, two hundredths in another one.
local mt = require "moontide"

return mt.script {
  summary = "Coding agents: tools, contexts that are compacted, sub-agents that search",
  usage = "moontide examples/coding_agent.lua --rate 6/m --turns 60 --compact-at 100000",
  default_duration = "5m",
  options = {
    { "rate", kind = "rate", default = 0.1, help = "new tasks per second" },
    { "turns", kind = "number", default = 40, min = 2, help = "mean number of model calls for a task" },
    { "compact-at", kind = "integer", default = 60000, min = 16000,
      help = "tokens of a prompt from which on a summary takes the history's place" },
    { "search-chance", kind = "number", default = 0.06, above = 0, max = 1,
      help = "how likely a call is to start sub-agents" },
  },
  plan = function(opt)
    local service = { ttft = "400ms", per_token = "15ms" }
    local searchers = mt.branch {
      chance = opt.search_chance, count = mt.uniform(1, 4), turns = mt.geometric(8),
      think = mt.exponential(0.8), new_input = mt.lognormal { mean = 1500, cv = 1.5, max = 12000 },
      output = mt.lognormal { mean = 150, cv = 1 },
      prompt = mt.shared_prefix { tokens = 4096, name = "searcher" }, join = "all",
      max_input = opt.compact_at,
    }
    return mt.workload {
      block_size = 64,
      mt.stream {
        arrivals = mt.sessions {
          starts = mt.poisson(opt.rate), turns = mt.geometric { mean = opt.turns, max = 300 },
          think = mt.mix { { 0.9, mt.exponential(1.5) }, { 0.1, mt.exponential(30) } }, -- tools, and people
          service = service, compact = { at = opt.compact_at, keep = mt.uniform(2000, 5000) },
          branch = searchers,
        },
        -- The description of the tools, then what the repository says of itself.
        prompt = mt.parts { { tokens = 8192 }, { tokens = mt.uniform(500, 3000), pick = 20 } },
        first = { new_input = mt.lognormal { mean = 800, cv = 1 } },
        new_input = mt.lognormal { mean = 1200, cv = 2, max = 12000 },
        output = mt.lognormal { mean = 250, cv = 1.2 },
      },
    }
  end,
}
