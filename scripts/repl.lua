local script = require "moontide.script.script"

return script.new {
  summary = "The console: try out curves, plans and traces; moontide alone on a terminal starts it too",
  usage = "moontide repl [-i SCRIPT] [--seed N] [--no-init]",
  options = {
    { "load", short = "i", kind = "path", placeholder = "SCRIPT",
      help = "load a script first, bundled or a file, and leave its plan as _" },
    { "seed", kind = "seed", default = 0, help = "of what is random; 64 bits" },
    { "init", kind = "flag", default = true, help = "do not run ~/.config/moontide/init.lua first" },
  },
  run = function(opt)
    return require("moontide.repl").run(opt)
  end,
}
