-- Deep research: a leader plans, sends many readers out at once, each of whom reads for itself, and goes on
-- when all are back.
--
-- The trace: each leader's turn but the last is followed by as many readers as were asked for, in the same
-- moment; their contexts grow about tenfold until old pages are cleared. Six tenths of all blocks have been
-- seen in the same session before, less than five hundredths in another one.
local mt = require "moontide"

return mt.script {
  summary = "Deep research: a wide fan-out of readers, joined, round after round",
  usage = "moontide examples/deep_research.lua --rate 2/m --readers 12 --rounds 3",
  default_duration = "10m",
  options = {
    { "rate", kind = "rate", default = 0.03, help = "new questions per second" },
    { "rounds", kind = "integer", default = 3, min = 1, help = "how often readers are sent out" },
    { "readers", kind = "integer", default = 8, min = 1, help = "readers that are sent out at a time" },
  },
  plan = function(opt)
    local readers = mt.branch {
      every = 1, count = opt.readers, turns = mt.geometric { mean = 5, max = 20 },
      think = mt.lognormal { mean = 2, cv = 1 }, -- a search, a page
      new_input = mt.by_turn { 200, mt.lognormal { mean = 5000, cv = 1, max = 30000 } },
      output = mt.lognormal { mean = 400, cv = 0.8 },
      prompt = mt.shared_prefix { tokens = 2048, name = "reader" }, join = "all",
      clear = { at = 40000, keep = 2 }, max_input = 120000,
    }
    return mt.workload {
      block_size = 64,
      mt.stream {
        arrivals = mt.sessions {
          starts = mt.poisson(opt.rate), turns = opt.rounds + 1,
          service = { ttft = "500ms", per_token = "15ms" }, branch = readers,
        },
        prompt = mt.shared_prefix { tokens = 3072 },
        -- What all readers of a round have found comes back at once.
        first = { new_input = mt.lognormal { mean = 300, cv = 1 }, output = 600 },
        new_input = mt.normal { mean = 700 * opt.readers, cv = 0.2, min = 100 },
        output = mt.lognormal { mean = 1200, cv = 0.5 },
      },
    }
  end,
}
