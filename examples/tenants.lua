-- A service of many tenants: a few large ones and many small ones, each with a system prompt of its own.
local mt = require "moontide"

return mt.script {
  summary = "A service of 40 tenants with Zipf sizes and their own system prompts",
  usage = "moontide examples/tenants.lua --tenants 40 --zipf 1.1 --rate 100 --duration 10m",
  options = {
    { "tenants", kind = "integer", default = 40, min = 1, max = 100000, help = "how many tenants" },
    { "zipf", kind = "number", default = 1, min = 0,
      help = "exponent of their shares; 0: all alike; the larger, the more the first ones have" },
    { "rate", kind = "rate", default = 50, help = "requests per second of all tenants together" },
  },
  plan = function(opt)
    return mt.workload {
      block_size = 64,
      mt.clients { n = opt.tenants, zipf = opt.zipf, stream = function(i, share)
        return mt.stream {
          arrivals = mt.poisson(opt.rate * share),
          prompt = mt.shared_prefix { tokens = 256 * (1 + i % 8) },
          new_input = mt.lognormal { mean = 200 + 50 * (i % 5), cv = 1 },
          output = mt.lognormal { mean = 250, cv = 1 },
          fields = { tenant = i },
        }
      end },
    }
  end,
}
