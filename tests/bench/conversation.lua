-- Benchmark: a trace of the size and kind of a chat service's, for where no real one is at hand:
-- an hour, about 12 000 requests, 24 blocks each, half of them shared with others.
local mt = require "moontide"

return mt.script {
  summary = "About 12 000 requests whose prompts share long beginnings",
  plan = function()
    return mt.workload {
      duration = 3600,
      mt.stream {
        arrivals = mt.poisson(12000 / 3600),
        new_input = mt.lognormal { mean = 5700, cv = 2.1, min = 1, max = 120000 },
        output = mt.lognormal { mean = 343, cv = 0.73, max = 2000 },
        prompt = mt.shared_prefix {
          tokens = mt.lognormal { mean = 6400, cv = 1.8, max = 120000 }, groups = 2000, zipf = 0.7,
        },
      },
    }
  end,
}
