-- The real binary in a pseudo-terminal: tests/support/terminal.c does the steps and waits for what is shown.
local command = require "tests.support.command"

local terminal = {}

local driver = command.binary():match "^(.*)/[^/]*$" .. "/tests/terminal"

--- Runs the binary with words in a terminal of 80 columns. Steps: "wait TEXT", "type TEXT", "insist TEXT",
--- "compute", "size COLUMNS", "end". opts.folder: the working folder and the home; opts.environment:
--- "NAME=value ..."; opts.program: run instead of the binary. Gives { status (of the driver: 0 when no step
--- was in vain), out }; the last line of out says how it ended.
function terminal.run(steps, words, opts)
  opts = opts or {}
  local folder = opts.folder or command.folder()
  local path = command.write(command.folder(), "steps", table.concat(steps, "\n") .. "\n")
  local line = ("env -u XDG_STATE_HOME -u XDG_CONFIG_HOME -u NO_COLOR -u COLUMNS HOME=\"$PWD\" TERM=xterm "
    .. "LC_ALL=C.UTF-8 %s '%s' '%s' %s %s"):format(opts.environment or "", driver, path,
    opts.program or '"$MOONTIDE"', table.concat(words or {}, " "))
  local result = command.shell(line, { folder = folder })
  result.out = result.out:gsub("\r\n", "\n")
  return result
end

return terminal
