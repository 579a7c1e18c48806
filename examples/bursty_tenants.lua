-- Three tenants with the same mean rate: one steady, one bursty, one that comes and goes. What a scheduler
-- that looks only at means does not see.
local mt = require "moontide"

return mt.script {
  summary = "Three tenants of one mean rate: Poisson, gamma gaps with a high cv, on and off",
  usage = "moontide examples/bursty_tenants.lua --rate 10 --cv 4 --on 10s --off 50s",
  default_duration = "5m",
  options = {
    { "rate", kind = "rate", default = 5, help = "requests per second of each tenant" },
    { "cv", kind = "number", default = 4, above = 0, help = "coefficient of variation of gaps; 1: Poisson" },
    { "on", kind = "duration", default = "5s", above = 0, help = "how long the third is there, on average" },
    { "off", kind = "duration", default = "20s", above = 0, help = "how long it is away, on average" },
  },
  plan = function(opt)
    local function tenant(name, arrivals)
      return mt.stream {
        name = name, arrivals = arrivals, fields = { tenant = name },
        input = mt.lognormal { mean = 1200, cv = 1 }, output = mt.exponential(200),
      }
    end
    return mt.workload {
      tenant("steady", mt.poisson(opt.rate)),
      tenant("bursty", mt.renewal(opt.rate, mt.gamma { cv = opt.cv })),
      tenant("sometimes", mt.on_off(opt.rate, { on = opt.on, off = opt.off })),
    }
  end,
}
