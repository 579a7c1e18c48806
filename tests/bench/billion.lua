-- Benchmark: very many block ids in bounded memory.
local mt = require "moontide"

return mt.script {
  summary = "Long prompts that nobody shares: each its own, or turns of sessions",
  options = {
    { "kind", kind = "choice", choices = { "unique", "sessions" }, default = "unique", help = "of prompts" },
    { "ids", kind = "integer", min = 100000, default = 10000000, help = "hash_ids in all, about" },
  },
  plan = function(opt)
    -- A turn adds 100 blocks; the mean of 10 turns is 550.
    local a_request = opt.kind == "unique" and 1000 or 550
    local stream = opt.kind == "unique"
      and { arrivals = mt.even(1000), input = 512000, output = 1, prompt = mt.unique() }
      or { arrivals = mt.sessions { starts = mt.even(100), turns = 10, think = 1 }, new_input = 51199,
        output = 1 }
    return mt.workload { duration = opt.ids / a_request / 1000, mt.stream(stream) }
  end,
}
