local script = require "moontide.script.script"
local scripts = require "moontide.script.load"

return script.new {
  summary = "Explain a command or a script; without a name, list the commands",
  usage = "moontide help [NAME [--source]]",
  options = {
    { "name", kind = "string", argument = true,
      help = "a command, a script's file, or a name of the Lua module (mt, mt.spike)" },
    { "source", kind = "flag", help = "print the script itself" },
    { "man", kind = "flag", hidden = true }, -- the manual page, as `make install` asks for it
  },
  check = function(opt)
    if opt.source and not opt.name then return "--source needs a NAME" end
    if opt.man and opt.name then return "--man is one page for all commands: it takes no NAME" end
  end,
  run = function(opt)
    local help = require "moontide.command.help"
    if opt.man then
      io.write(require("moontide.command.man").page())
      return
    end
    if not opt.name then
      io.write(help.overview())
      return
    end
    local reference = require "moontide.reference"
    if reference.is_name(opt.name) then
      local text, problem, kind = reference.text(opt.name)
      if not text then return nil, problem, kind end
      io.write(text)
      return
    end
    local source, message, code = scripts.find(opt.name)
    if not source then return nil, message, code end
    io.write(opt.source and source.text or help.of_script(scripts.load(source)))
  end,
}
