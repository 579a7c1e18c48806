-- Requests that say who they are: members of the record for a router or a scheduler to act upon.
local mt = require "moontide"

return mt.script {
  summary = "Interactive and batch requests with priority, user and deadline",
  usage = "moontide examples/priorities.lua --interactive 8 --batch 2 --urgent 0.1",
  options = {
    { "interactive", kind = "rate", default = 8, help = "interactive requests per second" },
    { "batch", kind = "rate", default = 2, help = "batch requests per second" },
    { "urgent", kind = "number", default = 0.1, min = 0, max = 1,
      help = "share of the interactive requests that are urgent" },
  },
  plan = function(opt)
    local urgency = mt.choice { { 1 - opt.urgent, "normal" }, { opt.urgent, "urgent" } }
    return mt.workload {
      mt.stream {
        name = "interactive", arrivals = mt.poisson(opt.interactive),
        input = mt.lognormal { mean = 800, cv = 1 }, output = 150,
        fields = { priority = urgency, user = mt.zipf { n = 500, s = 1 } },
      },
      mt.stream {
        name = "batch", arrivals = mt.poisson(opt.batch),
        input = mt.lognormal { mean = 6000, cv = 0.5 }, output = 600,
        fields = { priority = "low", deadline_s = mt.uniform(60, 600) },
      },
    }
  end,
}
