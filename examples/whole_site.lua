-- A plan made of other scripts' plans: bundled ones by their name, files beside this one by theirs. Their
-- streams are called "steady/main", "burst/main", "chat/main".
local mt = require "moontide"

return mt.script {
  summary = "A site: a steady API, a nightly job in bursts, and chats, each from its own script",
  usage = "moontide examples/whole_site.lua --api 20 --chats 1 --tags",
  default_duration = "3m",
  options = {
    { "api", kind = "rate", default = 5, help = "requests per second of the API" },
    { "job", kind = "rate", default = 30, help = "requests per second in a burst of the job" },
    { "chats", kind = "rate", default = 0.5, help = "new conversations per second" },
  },
  plan = function(opt)
    return mt.workload {
      mt.plan_of("steady", { rate = opt.api, isl = mt.lognormal { mean = 900, cv = 1 }, osl = 120 }),
      mt.plan_of("burst", { base = 0, peak = opt.job, every = "1m", isl = 6000 }),
      mt.plan_of("chat.lua", { rate = opt.chats, turns = 3 }),
    }
  end,
}
