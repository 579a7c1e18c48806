-- Chats that grow, two bursts of a batch job over one long document, and lone requests: five minutes.
-- tests/data/small.jsonl is what this made; see tests/data/README.md.
local mt = require "moontide"

local chats = mt.stream {
  name = "chat",
  arrivals = mt.sessions { starts = mt.poisson(0.11), turns = mt.geometric(3), think = mt.exponential(12),
    service = { ttft = "300ms", per_token = "20ms" }, max_input = 2000 },
  new_input = mt.lognormal { mean = 120, cv = 0.8 },
  output = mt.geometric(60),
  prompt = mt.shared_prefix { tokens = 192, groups = 2 },
}

local batch = mt.stream {
  name = "batch",
  arrivals = mt.poisson(mt.spike { at = 80, height = 6, rise = 1, fall = 12 }
    + mt.spike { at = 230, height = 8, rise = 1, fall = 8 }),
  input = mt.uniform(700, 800),
  output = 4,
  prompt = mt.shared_prefix { tokens = 640 },
}

local lone = mt.stream {
  name = "lone",
  arrivals = mt.poisson(0.1),
  input = mt.lognormal { mean = 400, cv = 1, max = 1500 },
  output = mt.lognormal { mean = 150, cv = 1 },
}

return mt.workload { name = "small", duration = "5m", block_size = 64, chats, batch, lone }
