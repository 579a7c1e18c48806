-- Five kinds of prompt that share most of their tokens, by the figures published with Preble (Srivatsa and
-- others, ICLR 2025): mean and deviation of the prompt's tokens, and how much of them is shared.
local mt = require "moontide"

local mixes = {
  toolbench = { mean = 1835, std = 742, shared = 0.85 },
  embodied = { mean = 2285, std = 471, shared = 0.97 },
  programming = { mean = 3871, std = 1656, shared = 0.97 },
  video = { mean = 9865, std = 5976, shared = 0.88 },
  loogle = { mean = 23474, std = 6105, shared = 0.91 },
}

return mt.script {
  summary = "The sharing mixes published with Preble: a shared part and what is new",
  usage = "moontide examples/preble.lua --mix loogle --groups 100 --rate 20 --duration 5m",
  options = {
    { "mix", kind = "choice", default = "toolbench",
      choices = { "toolbench", "embodied", "programming", "video", "loogle" },
      help = "which kind of prompt" },
    { "groups", kind = "integer", default = 50, min = 1, help = "shared parts to choose from" },
    { "rate", kind = "rate", default = 10, help = "requests per second" },
    { "osl", kind = "length", default = 50, help = "output tokens of a request" },
  },
  plan = function(opt)
    local mix = mixes[opt.mix]
    local shared, new = mix.mean * mix.shared, mix.mean * (1 - mix.shared)
    -- Both parts have the same cv: the one with which the whole has the deviation.
    local cv = mix.std / math.sqrt(shared ^ 2 + new ^ 2)
    return mt.workload {
      block_size = 16,
      mt.stream {
        arrivals = mt.poisson(opt.rate),
        prompt = mt.shared_prefix { tokens = mt.lognormal { mean = shared, cv = cv }, groups = opt.groups },
        new_input = mt.lognormal { mean = new, cv = cv }, output = opt.osl,
      },
    }
  end,
}
