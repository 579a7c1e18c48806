--- What a command says beside its results: on standard error, so that a pipe carries only results.
local core = require "moontide.core"
core.base.own()

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

--- Warns of something that may be wrong: one line, "moontide: warning: TEXT".
---@param text string
function report.warning(text)
  report.note("warning: " .. text)
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

-- print, while standard output is diverted.
local function print_to_stderr(...)
  local texts = table.pack(...)
  for i = 1, texts.n do texts[i] = tostring(texts[i]) end
  io.stderr:write(table.concat(texts, "\t"), "\n")
end

local plain_print, is_diverted = print, false

--- Sends what scripts print and io.write to standard error, or back to standard output: while that
--- belongs to a trace, and while a script is loaded, when nobody knows yet whether it will.
---@param on boolean
---@return boolean before was it diverted?
function report.divert(on)
  local before = is_diverted
  is_diverted = on
  _G.print = on and print_to_stderr or plain_print
  local from, to = io.stdout, io.stderr
  if not on then from, to = to, from end
  if io.output() == from then io.output(to) end
  return before
end

return report
