-- A load at one level of concurrency or rate after the other, and a table over all of them.
local live = require "moontide.look.live"
local mt = require "moontide"
local benchmark = require "moontide.study.benchmark"

return mt.script(live.command("sweep", {
  summary = "Drive a load at level after level of concurrency, rate or an option, and compare them",
  usage = "moontide sweep [TARGET] --benchmark-name NAME --endpoint-url URL --model NAME [options] "
    .. "[-- the script's own options]",
  options = benchmark.options(),
  check = benchmark.check,
  run = benchmark.run,
}))
