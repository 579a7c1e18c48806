local script = require "moontide.script.script"

return script.new {
  summary = "List the commands, one a line",
  run = function()
    local help = require "moontide.command.help"
    for _, name in ipairs(help.ordered_names()) do
      io.write(("%-12s %s\n"):format(name, help.summary(name)))
    end
  end,
}
