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

--- Begins the lines of the `sh` blocks, one after the other, beside what follows. Gives a function that waits
--- for their end, calls `check` with each line and what command.shell would have given, and gives how many
--- there were.
function document.start_commands(text, opts, check)
  local folder, lines, script = command.folder(), {}, {}
  for _, block in ipairs(document.blocks(text, "sh")) do
    for line in block:gmatch "[^\n]+" do
      local file = ("%s/%d"):format(folder, #lines + 1)
      lines[#lines + 1] = line
      script[#script + 1] = ("(set -e; %s\n) </dev/null >%s.out 2>%s.err; echo $? >%s.status"):format(
        line, file, file, file)
    end
  end
  local finish = command.start(table.concat(script, "\n"), opts)
  return function()
    finish()
    for i, line in ipairs(lines) do
      local function told(kind) return command.read(("%s/%d.%s"):format(folder, i, kind)) end
      check(line, { status = tonumber(told "status"), out = told "out", err = told "err" })
    end
    return #lines
  end
end

--- Runs them; the same but for the waiting.
function document.run_commands(text, opts, check)
  return document.start_commands(text, opts, check)()
end

return document
