--- What a command says beside its results: on standard error, so that a pipe carries only results.
local core = require "moontide.core"

local report = {}

-- Progress appears once the work has taken this long, and then this often; seconds.
local first_after, again_after = 0.5, 0.1

local started, shown_at, is_shown

local function clear()
  if is_shown then
    io.stderr:write "\r\27[K"
    is_shown = false
  end
end

--- Tells something worth knowing: one line, "moontide: TEXT".
---@param text string
function report.note(text)
  clear()
  io.stderr:write("moontide: ", text, "\n")
end

local noted = {}

--- Tells something that stays true as long as the command runs, and so only once: each level of a sweep would
--- say it again. In the console it is told for each input.
---@param text string
function report.note_once(text)
  if not noted[text] then report.note(text) end
  noted[text] = true
end

--- Forgets what was told once: other work begins.
function report.begin()
  noted = {}
end

--- Warns of something that may be wrong: one line, "moontide: warning: TEXT".
---@param text string
function report.warning(text)
  report.note("warning: " .. text)
end

-- The options of the command that runs and what was given of them, once they are read.
local spec_in_force, given_in_force

--- Says which command runs.
---@param spec table[] its options
---@param given table what was given of them
function report.command(spec, given)
  spec_in_force, given_in_force = spec, given
end

--- A message; one about a line that the command passes over when it is told to names the flag that does it.
---@param message string
---@return string
function report.with_way_around(message)
  local line = core.base.bad_line()
  if not line or not given_in_force or not message:find(line, 1, true) then return message end
  for _, option in ipairs(spec_in_force) do
    if option[1] == "skip-bad-lines" and not rawget(given_in_force, "skip_bad_lines") then
      return message .. " (--skip-bad-lines passes over bad lines)"
    end
  end
  return message
end

--- Shows how far long work has come, on a line that the next one replaces; only where standard error
--- is a terminal, and not within the first half second. Cheap to call often.
---@param text string|fun(): string called only when it is shown
function report.progress(text)
  local now = core.base.seconds()
  if not started then started = core.base.is_terminal(2) and now or math.huge end
  if now - started < first_after or (shown_at and now - shown_at < again_after) then return end
  shown_at = now
  clear()
  io.stderr:write(type(text) == "function" and text() or text)
  io.stderr:flush()
  is_shown = true
end

--- Removes the progress line; the next work starts anew.
function report.finish()
  clear()
  started, shown_at = nil, nil
end

--- Long work in chunks, with progress: work(most) does so much at most and gives how much it did; less is the
--- end. Gives how much was done in all, or nil, message, code.
---@param chunk integer what is done between two looks at whether progress is to be shown
---@param work fun(most: integer): integer?, string?, string?
---@param text fun(total: integer): string
---@return integer? total, string? message, string? code
function report.chunks(chunk, work, text)
  local total = 0
  repeat
    local done, message, code = work(chunk)
    if not done then
      report.finish()
      return nil, message, code
    end
    total = total + done
    report.progress(function() return text(total) end)
  until done < chunk
  report.finish()
  return total
end

-- --- print -----------------------------------------------------------------------------------------

-- One line of print's, in one write: true, or nil, message, errno.
local function write_line(file, ...)
  local texts = table.pack(...)
  for i = 1, texts.n do texts[i] = tostring(texts[i]) end
  return file:write(table.concat(texts, "\t"), "\n")
end

local broken_pipe = 32

-- What report.print raises: { message =, code = "io" or "closed" }.
local write_failure = {}

--- Is the value what report.print raises when standard output cannot be written?
---@param value any
---@return boolean
function report.is_write_failure(value)
  return getmetatable(value) == write_failure
end

-- Raises where a write failed: takes what it gave.
local function check_written(ok, message, number)
  if ok then return end
  local code = number == broken_pipe and "closed" or "io"
  message = "standard output: cannot write: " .. message
  error(setmetatable({ message = message, code = code }, write_failure), 0)
end

--- print for a command: one whose output goes nowhere stops instead of running on for nobody.
function report.print(...)
  check_written(write_line(io.stdout, ...))
end

--- io.write for a command, which stops where print does: the reason of a failure is known only then.
---@param ... string
function report.write(...)
  check_written(io.output():write(...))
end

--- The same for what is all of a command's output: it has arrived, or this raises.
---@param ... string
function report.write_out(...)
  report.write(...)
  check_written(io.output():flush())
end

local function print_to_stderr(...)
  write_line(io.stderr, ...)
end

local print_before

--- Sends what scripts print and io.write to standard error, or back to standard output: while that
--- belongs to a trace, and while a script is loaded, when nobody knows yet whether it will.
---@param on boolean
---@return boolean before was it diverted?
function report.divert(on)
  local before = print_before ~= nil
  if on and not before then
    print_before, _G.print = _G.print, print_to_stderr
    if io.output() == io.stdout then io.output(io.stderr) end
  elseif before and not on then
    print_before, _G.print = nil, print_before
    if io.output() == io.stderr then io.output(io.stdout) end
  end
  return before
end

return report
