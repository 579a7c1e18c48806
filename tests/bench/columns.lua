-- Benchmark: plain Poisson arrivals into columns.
local mt = require "moontide"

return mt.script {
  summary = "Poisson arrivals with one block each, kept in memory as columns",
  options = { { "requests", kind = "integer", min = 1, default = 2000000, help = "how many" } },
  run = function(opt)
    local workload = mt.workload {
      mt.stream { arrivals = mt.poisson(1000), input = 500, output = 100, prompt = mt.unique() },
    }
    local columns, message, code = workload:columns { num_requests = opt.requests, duration = opt.requests }
    if not columns then return nil, message, code end
    if #columns ~= opt.requests then return nil, ("made %d requests"):format(#columns) end
  end,
}
