-- What tests/slurm/run drives: times and prompts are the same in each run.
local mt = require "moontide"

return mt.workload {
  duration = "3s",
  mt.stream { arrivals = mt.poisson(100), new_input = mt.uniform(20, 60), output = 4,
    prompt = mt.shared_prefix { tokens = 512, groups = 7 } },
}
