-- Benchmark: many streams that share one rate.
local mt = require "moontide"

return mt.script {
  summary = "10 000 requests a second, of so many streams",
  options = { { "streams", kind = "integer", min = 1, default = 1000, help = "how many" } },
  plan = function(opt)
    local streams = { duration = 200 }
    for i = 1, opt.streams do
      streams[i] = mt.stream { name = ("stream %d"):format(i), arrivals = mt.poisson(10000 / opt.streams),
        input = 500, output = 100, prompt = mt.unique() }
    end
    return mt.workload(streams)
  end,
}
