-- A trace as it was, prompts and their order included, but faster and with other answers.
local mt = require "moontide"

return mt.script {
  summary = "A trace again: its times at another speed, its prompts, answers of another length",
  usage = "moontide examples/faster_replay.lua --trace day.jsonl --speed 4 --osl 100",
  options = {
    { "trace", kind = "path", help = "the trace (default: a small one made here)" },
    { "block-size", kind = "integer", default = 512, min = 1, help = "tokens per block of the trace" },
    { "speed", kind = "number", default = 2, above = 0, help = "factor; 2 is twice as fast" },
    { "osl", kind = "length", default = 100, help = "output tokens of a request" },
  },
  plan = function(opt)
    local trace = opt.trace
      or mt.plan_of("sin", { block_size = opt.block_size, total_blocks = 50 }):columns { duration = "1m" }
    return mt.workload {
      block_size = opt.block_size,
      mt.stream {
        arrivals = mt.times_of(trace, { speed = opt.speed }), prompt = mt.prompts_of(trace), output = opt.osl,
      },
    }
  end,
}
