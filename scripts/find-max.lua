-- The largest rate at which a server keeps its promises.
local live = require "moontide.look.live"
local mt = require "moontide"
local capacity = require "moontide.study.capacity"

return mt.script(live.command("find-max", {
  summary = "The largest rate, concurrency or rate scale at which every promise is kept",
  usage = "moontide find-max TARGET --url URL --model NAME --slo ttft.p99=500,error_rate=0.01 [options] "
    .. "[-- the script's own options]",
  options = capacity.options(),
  check = capacity.check,
  run = capacity.run,
}))
