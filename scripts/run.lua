local script = require "moontide.script.script"

return script.new {
  summary = "Run a script of your own: the same as moontide FILE",
  usage = "moontide run FILE [its options]",
  raw = true,
  run = function(words)
    if not words[1] then return nil, "run: needs a script's file, or a command's name", "usage" end
    return require("moontide.command.cli").run_script(words[1], table.move(words, 2, #words, 1, {}))
  end,
}
