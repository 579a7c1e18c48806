local report = require "moontide.kit.report"
local script = require "moontide.script.script"
local scripts = require "moontide.script.load"

-- A subject, a method, or all that has to do with a word.
local function of_reference(name, message, code)
  local repl_help = require "moontide.repl.help"
  if repl_help.is_subject(name) then
    print(repl_help.text(name))
    local more = name:find(":", 1, true) and {} or repl_help.search(name)
    if #more > 0 then print(("\nwhat has to do with '%s':\n%s"):format(name, table.concat(more, "\n"))) end
    return
  end
  if message:find("did you mean", 1, true) then return nil, message, code end
  local found = repl_help.search(name)
  if #found == 0 then
    local hint = repl_help.hint(name)
    if hint == "" and message:sub(-1) == "'" then hint = ", and no help speaks of it" end
    return nil, message .. hint, code
  end
  print(("what has to do with '%s':\n%s"):format(name, table.concat(found, "\n")))
end

return script.new {
  summary = "Explain a command or a script; without a name, list the commands",
  usage = "moontide help [NAME [--source]]",
  options = {
    { "name", kind = "string", argument = true,
      help = "a command, a script's file, a name of the Lua module (mt, mt.spike, curve:take), a subject "
        .. "(curves), a record (run.json, expected()), or any other word, to search" },
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
      report.write_out(require("moontide.command.man").page())
      return
    end
    if not opt.name then
      report.write_out(help.overview())
      return
    end
    local reference = require "moontide.reference"
    if reference.is_name(opt.name) then
      local text, problem, kind = reference.text(opt.name)
      if not text then return nil, problem, kind end
      report.write_out(text)
      return
    end
    local source, message, code = scripts.find(opt.name)
    if not source then
      if opt.source or scripts.is_file(opt.name) then return nil, message, code end
      return of_reference(opt.name, message, code)
    end
    report.write_out(opt.source and source.text or help.of_script(scripts.load(source)))
  end,
}
