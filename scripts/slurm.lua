-- The replay at hand as jobs for Slurm: its shards, and the merge of what they measured.
local mt = require "moontide"
local slurm = require "moontide.cluster.slurm"

return mt.script {
  summary = "Print a script that submits a load to Slurm in shards, and the merge of their runs",
  usage = "moontide slurm TARGET --url URL --model NAME --shards N [options] "
    .. "[-- the script's own options]",
  options = slurm.options(),
  check = slurm.check,
  run = slurm.run,
}
