-- The replay at hand as jobs for Kubernetes: its shards, and the merge of what they measured.
local kubernetes = require "moontide.cluster.kubernetes"
local mt = require "moontide"

return mt.script {
  summary = "Print the Kubernetes manifests that drive a load in shards and merge their runs",
  usage = "moontide kubernetes TARGET --url URL --model NAME --shards N [options] "
    .. "[-- the script's own options]",
  options = kubernetes.options(),
  check = kubernetes.check,
  run = kubernetes.run,
}
