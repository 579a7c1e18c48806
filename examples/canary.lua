-- A new model takes over step by step. The two never share a prefix: each step also empties a cache.
local mt = require "moontide"

return mt.script {
  summary = "A canary ramp: the new model's share goes up in steps",
  usage = "moontide examples/canary.lua --rate 50 --steps 0.01,0.1,0.5,1 --step-time 10m",
  options = {
    { "rate", kind = "rate", default = 20, help = "requests per second, both models together" },
    { "steps", kind = "number", list = true, default = { 0.01, 0.1, 0.5, 1 }, min = 0, max = 1,
      help = "shares of the new model, one after the other" },
    { "step-time", kind = "duration", default = "1m", above = 0, help = "how long a step lasts" },
  },
  plan = function(opt)
    local pieces = {}
    for i, share in ipairs(opt.steps) do pieces[i] = { share, opt.step_time } end
    local new = mt.steps(pieces) .. mt.const(opt.steps[#opt.steps]) -- the last share stays
    return mt.workload {
      duration = #opt.steps * opt.step_time,
      mt.stream {
        arrivals = mt.poisson(opt.rate),
        prompt = mt.shared_prefix { tokens = 1536, groups = 10, zipf = 1 },
        lengths = mt.classes {
          { 1 - new, new_input = 300, output = 250, fields = { model = "old" } },
          { new, new_input = 300, output = 400, fields = { model = "new" } },
        },
      },
    }
  end,
}
