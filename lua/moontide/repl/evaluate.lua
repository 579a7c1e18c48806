--- One input of the console: read as an expression where it is one, else as statements; run; its results.
local core = require "moontide.core"
local report = require "moontide.kit.report"
local scripts = require "moontide.script.load"
local show = require "moontide.repl.show"

local evaluate = {}

-- The name under which an input finds what keeps its locals.
local keep_name = "__moontide_keep_locals"
evaluate.hidden_name = keep_name

-- --- reading ---------------------------------------------------------------------------------------

-- `<eof>` at the end of a message: more lines may make sense of it. A quoted string ends in its line, unless
-- a backslash ends the line, or \z what is blank.
local function wants_more(message, text)
  if not message:find "<eof>$" then return false end
  if not message:find("unfinished string near", 1, true) then return true end
  return #text:match "\\*$" % 2 == 1 or text:find "\\z%s*$" ~= nil
end

-- The text as an expression: "= x" is x.
local function expression_of(text)
  return text:match "^%s*=%s*([^=].*)$" or text
end

---@class moontide.repl_input
---@field run function
---@field text string as a script would have it: without "="
---@field is_expression boolean
---@field returns boolean? statements that end in `return`

--- Reads an input; nil, message, and whether more lines may complete it.
---@param text string
---@param chunk string
---@param line integer its first line, for messages
---@param environment table
---@return moontide.repl_input? input, string? message, boolean? is_incomplete
function evaluate.read(text, chunk, line, environment)
  local before = ("\n"):rep(line - 1)
  local expression = expression_of(text)
  local run, expression_trouble = load(before .. "return " .. expression, chunk, "t", environment)
  if run then return { run = run, text = expression, is_expression = true } end
  local plain, message = load(before .. text, chunk, "t", environment)
  if not plain then
    message = message or ""
    if expression ~= text then return nil, expression_trouble, wants_more(expression_trouble or "", text) end
    return nil, message, wants_more(message, text) or wants_more(expression_trouble or "", text)
  end
  -- A local lives as long as its chunk; here it is to live as long as the console, as in a script. Behind
  -- a `return` nothing can stand, and who changes _ENV is left alone.
  local keeping = before .. text .. "\n" .. keep_name .. "()"
  run = not text:find("_ENV", 1, true) and load(keeping, chunk, "t", environment)
  return { run = run or plain, text = text, is_expression = false, returns = not run }
end

-- Called by an input at its end: its locals become names of the console.
local function keep_locals(environment)
  local i = 1
  while true do
    local name, value = debug.getlocal(3, i)
    if not name then return end
    if name:find "^[%a_]" then rawset(environment, name, value) end
    i = i + 1
  end
end

--- What the inputs of a session see: `names` over the globals.
---@param environment table from script/load.lua
---@param names table<string, any>
function evaluate.prepare(environment, names)
  for name, value in pairs(names) do environment[name] = value end
  environment[keep_name] = function() keep_locals(environment) end
end

-- --- errors ----------------------------------------------------------------------------------------

local function message_of(value)
  if type(value) == "string" then return scripts.whole_names(value) end
  if core.base.is_usage(value) then return value.message end
  local metatable = debug.getmetatable(value)
  if type(metatable) == "table" and rawget(metatable, "__tostring") then
    local is_text, text = pcall(tostring, value)
    return is_text and text or "an error whose __tostring fails"
  end
  return "an error that is no text: " .. show.text(value, 80)
end

-- "console:1: in function 'f'"
local function frame_text(info)
  local where = info.currentline > 0 and ("%s:%d"):format(info.short_src, info.currentline) or "[C]"
  if info.what == "main" then return where .. ": in main chunk" end
  local known = info.what == "C" and show.name_of(info.func)
  if known then return ("%s: in %s"):format(where, known) end
  if info.istailcall and info.what ~= "C" then
    return ("%s: in function <%s:%d>\n\t(...tail calls...)"):format(where, info.short_src, info.linedefined)
  end
  if info.namewhat ~= "" then return ("%s: in %s '%s'"):format(where, info.namewhat, info.name) end
  if info.what == "C" then return where .. ": in a function" end
  return ("%s: in function <%s:%d>"):format(where, info.short_src, info.linedefined)
end

-- Frames shown at the top and at the bottom of a deep stack.
local most_above, most_below = 10, 10

--- Runs an input: the console's own frames lie below this one.
---@param run function
---@return table results packed
function evaluate.run(run)
  return table.pack(run())
end

-- The number of levels, seen from the caller: found by halving, for looking at level n takes n steps.
local function depth()
  local low, high = 1, 2
  while debug.getinfo(high, "l") do low, high = high, high * 2 end
  while high - low > 1 do
    local middle = (low + high) // 2
    if debug.getinfo(middle, "l") then low = middle else high = middle end
  end
  return low - 1
end

-- The stack from `first` up to the console's own frames, as lines.
local function stack(first)
  local last = depth()
  local is_own
  repeat
    is_own = debug.getinfo(last, "f").func == evaluate.run
    last = last - 1
  until is_own or last < first
  local raiser = debug.getinfo(first, "f")
  if raiser and raiser.func == error then first = first + 1 end
  local texts, skipped = {}, last - first + 1 - most_above - most_below
  local level = first
  while level <= last do
    if skipped > 1 and level == first + most_above then
      texts[#texts + 1] = ("\t... (%d more)"):format(skipped)
      level = level + skipped
    else
      texts[#texts + 1] = "\t" .. frame_text(debug.getinfo(level, "Slnft"))
      level = level + 1
    end
  end
  return texts
end

-- { message = }: what is shown of an error of a command of the console, of which nobody wants the stack.
local function on_command_error(value)
  if report.is_write_failure(value) or type(value) == "table" and value.is_told then
    return value
  end
  return { message = message_of(value) }
end

-- The same for an input, with the stack where that says more.
local function on_error(value)
  if report.is_write_failure(value) then return value end
  local texts = stack(4) -- above: stack, this function, the handler around it
  if #texts == 0 then return { message = message_of(value) } end
  return { message = message_of(value), traceback = "stack traceback:\n" .. table.concat(texts, "\n") }
end

-- --- running ---------------------------------------------------------------------------------------

--- Calls fn(...) so that Ctrl-C and errors end it, and nothing else.
---@param is_command boolean of the console: errors have no traceback
---@param fn function
---@return boolean ok, any ... the results, or { message =, traceback = }
function evaluate.protected(is_command, fn, ...)
  local results = table.pack(core.interrupt.call(is_command and on_command_error or on_error, fn, ...))
  if not results[1] and type(results[2]) ~= "table" then
    return false, { message = tostring(results[2]) }
  end
  return table.unpack(results, 1, results.n)
end

return evaluate
