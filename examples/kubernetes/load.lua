-- The load that kustomization.yaml drives until you put yours in its place.
local mt = require "moontide"

return mt.workload {
  duration = "1m",
  mt.stream {
    arrivals = mt.poisson(10), new_input = mt.lognormal { mean = 300, cv = 1 }, output = 50,
    prompt = mt.shared_prefix { tokens = 1024, groups = 10, zipf = 1 },
  },
}
