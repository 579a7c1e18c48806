-- A trace's prompts at a load that it never had: what will the cache do in next year's peak?
local mt = require "moontide"

-- A trace to try it with: conversations, half an hour of them.
local function own_trace(block_size)
  local chat = mt.sessions { starts = mt.poisson(0.4), turns = mt.geometric(4), think = mt.exponential(30) }
  return mt.workload { duration = "30m", block_size = block_size, mt.stream {
    arrivals = chat, prompt = mt.shared_prefix { tokens = 1024, groups = 5 },
    first = { new_input = 700 }, new_input = 150, output = 200,
  } }:columns()
end

return mt.script {
  summary = "Prompts learnt from a trace, as many as wanted, on a rate with a peak",
  usage = "moontide examples/learned_peak.lua --trace day.jsonl --low 2 --peak 40 --rise 10m",
  options = {
    { "trace", kind = "path", help = "a trace, or a model of one (default: a small trace made here)" },
    { "block-size", kind = "integer", default = 512, min = 1, help = "tokens per block of the trace" },
    { "low", kind = "number", default = 1, min = 0, help = "requests per second at first and at last" },
    { "peak", kind = "number", default = 20, above = 0, help = "requests per second in between" },
    { "rise", kind = "duration", default = "3m", above = 0, help = "from low to peak, and back" },
  },
  plan = function(opt)
    local learnt = mt.learned(opt.trace or own_trace(opt.block_size), { block_size = opt.block_size })
    local rate = mt.ramp(opt.low, opt.peak, opt.rise) .. mt.ramp(opt.peak, opt.low, opt.rise)
    return mt.workload {
      block_size = opt.block_size,
      mt.stream { arrivals = mt.poisson(rate), prompt = learnt },
    }
  end,
}
