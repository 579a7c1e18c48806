-- How much load this machine's driver sends and reads on time.
local mt = require "moontide"

return mt.script {
  summary = "How much load this machine's driver sends and reads on time",
  usage = "moontide selftest [--seconds N] [--json]",
  options = {
    { "seconds", kind = "duration", min = 5, default = 30, help = "how long to search" },
    { "json", kind = "flag", help = "print one JSON value" },
  },
  run = function(opt) return require("moontide.drive.selftest").run(opt) end,
}
