-- Documents whose examples are run: the fenced blocks of a Markdown text, and how each kind runs.
local command = require "tests.support.command"

local document = {}

--- The text of each block fenced as ```language, in order.
function document.blocks(text, language)
  local blocks = {}
  for block in ("\n" .. text):gmatch("\n```" .. language .. "\n(.-)\n```") do blocks[#blocks + 1] = block end
  return blocks
end

--- A new folder with the executable in it as `moontide`, and the options with which command.run and
--- command.shell find it there.
function document.folder()
  local folder = command.folder()
  os.execute(("ln -s '%s' '%s/moontide'"):format(command.binary(), folder))
  return folder, { folder = folder, environment = ("PATH='%s':\"$PATH\""):format(folder) }
end

--- Runs a piece of Lua in the executable and gives what command.run gives. `before` stands before it, on
--- its first line.
function document.run_lua(folder, block, before)
  command.write(folder, "body.lua", (before or "") .. block .. "\n")
  command.write(folder, "example.lua", [[return require "moontide".script {
    summary = "an example", run = function() dofile "body.lua" end }]])
  return command.run({ "run", "example.lua" }, { folder = folder })
end

--- Runs each line of the `sh` blocks and gives how many there were; `check` is called with each line
--- and what command.shell gave.
function document.run_commands(text, opts, check)
  local ran = 0
  for _, block in ipairs(document.blocks(text, "sh")) do
    for line in block:gmatch "[^\n]+" do
      check(line, command.shell("set -e; " .. line, opts))
      ran = ran + 1
    end
  end
  return ran
end

return document
