--- The console: reads inputs, runs them, shows results, until Ctrl-D.
--
-- Two ways to be used. On a terminal it is a place to stay: editing, history, and errors that end an input
-- but not the session. Elsewhere it runs what comes as a script would, shows the same results, and the
-- first error ends it with 1.
local core = require "moontide.core"
local chart = require "moontide.draw.chart"
local commands = require "moontide.repl.commands"
local evaluate = require "moontide.repl.evaluate"
local hints = require "moontide.repl.hints"
local pending_input = require "moontide.repl.pending"
local report = require "moontide.kit.report"
local scripts = require "moontide.script.load"
local show = require "moontide.repl.show"
local system = require "moontide.kit.system"

local repl = {}

local status = { done = 0, failed = 1, interrupted = 130 }

---@class moontide.repl_session
---@field environment table what inputs see
---@field entries moontide.repl_entry[] what was typed, for .save
---@field saved table<string, boolean> files that .save has written
---@field seed integer
---@field is_terminal boolean
---@field is_timed boolean?
---@field is_over boolean?
---@field has_helped boolean? the input has called help: .save leaves it out
---@field line integer the line read last
---@field pending string? the lines of an input that is not whole yet
---@field growth moontide.pending what is known of the input that is being typed
local session_methods = {}
session_methods.__index = session_methods

-- What a failed .run raises: it has said everything itself.
session_methods.failed_run = { is_told = true }

--- The value of `_`.
---@return any
function session_methods:last()
  return rawget(self.environment, "_")
end

--- Shows results as the console does.
---@param values { n: integer }
function session_methods.show(_, values)
  print(show.results(values, chart.style().columns))
end

--- Makes a value `_`, and remembers the expression that gave it.
---@param expression string
---@param value any
function session_methods:keep(expression, value)
  self.environment._ = value
  table.insert(self.entries, { text = expression, kind = "expression", is_kept = true, is_printed = true })
end

--- Remembers for .save something that is no input, as a comment.
---@param text string
function session_methods:note(text)
  table.insert(self.entries, { text = text, kind = "note" })
end

--- Remembers a statement for .save.
---@param text string
function session_methods:remember_statement(text)
  table.insert(self.entries, { text = text, kind = "statement" })
end

-- Does print show the value as the console does?
local function prints_well(value)
  local metatable = debug.getmetatable(value)
  local kind = type(value)
  return kind == "number" or kind == "boolean" or kind == "string"
    or type(metatable) == "table" and rawget(metatable, "__tostring") ~= nil
end

-- Runs one input, shows and keeps what it gives.
local function run_input(self, parsed)
  self.has_helped, self.current = false, parsed.text
  hints.forget()
  local results = evaluate.run(parsed.run)
  local discarded = not parsed.is_expression and hints.discarded(parsed.text)
  if discarded then report.note(discarded) end
  local leaving = parsed.is_expression and hints.of_leaving(parsed.text, results[1])
  if leaving then
    report.note(leaving)
  elseif results.n > 0 then
    self:show(results)
    if results[1] ~= nil then self.environment._ = results[1] end
  end
  if self.has_helped then return end
  local kind = parsed.is_expression and "expression" or "statement"
  if parsed.returns and results.n > 0 then kind = "returning" end
  table.insert(self.entries, { text = parsed.text, kind = kind, is_kept = results[1] ~= nil,
    is_printed = results[1] ~= nil and prints_well(results[1]) })
end

-- --- what goes wrong -------------------------------------------------------------------------------

local function say(self, text)
  io.stdout:flush()
  io.stderr:write(self.is_terminal and "" or "moontide: ", text, "\n")
end

-- "interrupted", and where whole requests were kept since the last time.
local function say_interrupted(self)
  say(self, "interrupted")
  local parts = core.trace.kept_parts()
  for i = (self.parts_told or 0) + 1, #parts do
    report.note("the whole requests so far are in " .. parts[i])
  end
  self.parts_told = #parts
  core.trace.parts_are_told()
end

-- Calls fn(...) and reports what went wrong. Gives true, or false and the status to leave with where the
-- session cannot go on.
local function attempt(self, is_command, fn, ...)
  local ok, failure = evaluate.protected(is_command, fn, ...)
  local was_pressed, is_final = core.interrupt.clear()
  report.finish()
  report.begin()
  if was_pressed then
    say_interrupted(self)
    if is_final or not self.is_terminal then return false, status.interrupted end
    return false
  end
  if ok then return true end
  if report.is_write_failure(failure) then error(failure, 0) end
  if not failure.is_told then
    say(self, hints.added(failure.message, self.environment, self.current))
    if failure.traceback then io.stderr:write(failure.traceback, "\n") end
  end
  return false, not self.is_terminal and status.failed or nil
end

-- --- reading ---------------------------------------------------------------------------------------

local function show_cost(started)
  io.stdout:flush()
  local seconds = core.base.seconds() - started
  local text = seconds < 1 and chart.number(1000 * seconds) .. " ms" or chart.number(seconds) .. " s"
  io.stderr:write("time: ", text, "\n")
end

-- Runs an input that is whole, or says that more lines are needed. `pending`: the lines so far.
local function take(self, pending, first_line)
  local parsed, message, wants_more = evaluate.read(pending, self.chunk,
    self.is_terminal and 1 or first_line, self.environment)
  if not parsed then
    if wants_more then return true end
    say(self, message)
    return false, not self.is_terminal and status.failed or nil
  end
  local started = core.base.seconds()
  local _, leave = attempt(self, false, run_input, self, parsed)
  if self.is_timed then show_cost(started) end
  return false, leave
end

-- The end of input in the middle of one.
local function at_end(self, pending, message)
  local leave = status.done
  if self.is_terminal and pending then print() end -- behind the prompt, where Ctrl-D shows nothing
  if message ~= "end" then
    say(self, "standard input: " .. tostring(message))
    leave = status.failed
  elseif pending then
    local _, trouble = evaluate.read(pending, self.chunk, self.is_terminal and 1 or self.first_line,
      self.environment)
    say(self, trouble)
    leave = self.is_terminal and status.done or status.failed
  end
  if self.is_terminal then print() end
  return leave
end

-- Takes one line; gives the lines of an input that is not whole yet, and the status to leave with.
local function take_line(self, input, line, pending)
  if line:find "%S" then input:remember(line) end
  if not pending then
    self.first_line, self.growth = self.line, pending_input.new()
    if self.line == 1 then line = line:gsub("^\xEF\xBB\xBF", "") end -- the mark of UTF-8, as in files
  end
  -- "help spike", as a shell's user types it, is no Lua at all.
  local wanted = not pending and line:match "^%s*help%s+([%a][%w_.:-]*)%s*$"
  if wanted then line = ".help " .. wanted end
  if not pending and commands.is(line) then
    local _, leave = attempt(self, true, commands.run, self, line)
    return nil, leave
  end
  if not pending and (not line:find "%S" or self.line == 1 and line:find "^#!") then return nil end
  pending = pending and pending .. "\n" .. line or line
  self.growth:take(line)
  if not self.growth:is_worth_reading() then return pending end
  local wants_more, leave = take(self, pending, self.first_line)
  return wants_more and pending or nil, leave
end

local function read_all(self, input)
  local pending
  while not self.is_over do
    self.pending = pending
    local line, why = input:read(pending and ">> " or "> ")
    local leave
    if line then
      self.line = self.line + 1
      pending, leave = take_line(self, input, line, pending)
    elseif why == "interrupted" then
      pending = nil
      local _, is_final = core.interrupt.clear()
      print()
      if is_final or not self.is_terminal then leave = status.interrupted end
    else
      leave = at_end(self, pending, why)
    end
    if leave then return leave end
  end
  return status.done
end

-- --- beginning -------------------------------------------------------------------------------------

-- Runs $XDG_CONFIG_HOME/moontide/init.lua, where there is one.
local function run_init(self)
  local folder = system.folder("XDG_CONFIG_HOME", ".config")
  local path = folder and folder .. "/init.lua"
  if not (path and system.exists(path)) then return end
  local text, message = system.read(path)
  local parsed
  if text then parsed, message = evaluate.read(text, "@" .. path, 1, self.environment) end
  if not parsed then error(message, 0) end
  evaluate.run(parsed.run)
end

local function load_first(self, name)
  local plan, expression = commands.load(name, {})
  self:keep(expression, plan)
  if self.is_terminal then self:show { n = 1, plan } end
end

local function new_session(opt)
  local is_terminal = core.base.is_terminal(0) and core.base.is_terminal(1)
  local self = setmetatable({
    environment = scripts.environment ".", entries = {}, saved = {}, seed = opt.seed, line = 0,
    is_terminal = is_terminal, chunk = is_terminal and "=console" or "=stdin",
  }, session_methods)
  evaluate.prepare(self.environment, {
    mt = require "moontide", hist = require("moontide").chart.hist,
    help = core.base.located(function(...)
      self.has_helped = true
      print(require("moontide.repl.help").text(...))
    end),
  })
  commands.seed(opt.seed)
  return self
end

-- Methods of texts are ours first: what is typed may break `string`, and the console goes on.
local function keep_string_methods()
  local own = {}
  for name, method in pairs(string) do own[name] = method end
  getmetatable("").__index = setmetatable(own, { __index = string })
end

local banner = "Moontide %s (%s). help() explains, .help lists commands, Tab completes, Ctrl-D leaves."

--- Runs the console until its end; gives the exit status.
---@param opt { load: string?, seed: integer, init: boolean }
---@return integer status
function repl.run(opt)
  core.interrupt.watch()
  keep_string_methods()
  local self = new_session(opt)
  local input <close> = setmetatable({ source = require("moontide.repl.input").open(self.is_terminal,
    function(before, list_folder)
      return require("moontide.repl.complete").complete(before, self.pending, self.environment, list_folder,
        chart.style().columns)
    end) }, {
    __index = function(own, name) return function(_, ...) return own.source[name](own.source, ...) end end,
    __close = function(own) own.source:close() end,
  })
  if self.is_terminal then print(banner:format(core.version, _VERSION)) end
  local beginnings = { opt.init and run_init or false, opt.load and load_first or false }
  for _, begin in ipairs(beginnings) do
    if begin then
      local _, leave = attempt(self, begin == load_first, begin, self, opt.load)
      if leave then return leave end
    end
  end
  return read_all(self, input)
end

return repl
