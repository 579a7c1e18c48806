--- The command line: finds the script that a command is, reads its options, runs it, and turns what
--- happens into one line on standard error and an exit status.
--
-- 0 done; 1 failed: a script's error, a missing input, a bad line; 2 wrong usage; 130 interrupted.
--
-- What only some commands need (help, workloads) is required where it is used, so that each starts at once.
local core = require "moontide.core"
local arguments = require "moontide.command.arguments"
local common = require "moontide.script.common"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"
local plan = require "moontide.script.plan"
local report = require "moontide.kit.report"
local script = require "moontide.script.script"
local scripts = require "moontide.script.load"

local cli = {}

local status = { done = 0, failed = 1, usage = 2, interrupted = 130 }

-- --- failures --------------------------------------------------------------------------------------

local function say(message)
  -- Control bytes of names that a user gave do not reach the terminal.
  message = scripts.whole_names(message):gsub("[\0-\8\11-\31\127]", "?")
  io.stderr:write("moontide: ", message, "\n")
end

-- Ctrl-C: says so, and where the whole requests so far are.
local function interrupted()
  local parts = core.trace and core.trace.kept_parts and core.trace.kept_parts() or {}
  io.stderr:write "moontide: interrupted\n"
  for _, path in ipairs(parts) do
    io.stderr:write("moontide: the whole requests so far are in ", path, "\n")
  end
  if #parts > 0 then core.trace.parts_are_told() end
  return status.interrupted
end

-- Has it been said that standard output takes no more?
local is_output_told = false

-- Reports a message with its code ("io", "input", "closed", ...) and gives the exit status.
local function failure(message, code)
  if code == "interrupted" or core.base.interrupted() then return interrupted() end
  if code == "closed" then return status.failed end
  say(report.with_way_around(message))
  is_output_told = is_output_told or message:find "^standard output: " ~= nil
  return code == "usage" and status.usage or status.failed
end

-- The message of anything that error() can throw.
local function message_of(value)
  if type(value) == "string" then return value end
  if core.base.is_usage(value) then return value.message end
  local metatable = getmetatable(value)
  if type(metatable) == "table" and metatable.__tostring then return tostring(value) end
  return ("a script raised %s"):format(options.show(value))
end

-- Calls fn(...) and gives true and its results, or false and the exit status after the report. A usage
-- error that nobody located is the command line's own (`usage_code` "usage") unless said otherwise.
local function protected(usage_code, fn, ...)
  local results = table.pack(xpcall(fn, scripts.add_traceback, ...))
  if results[1] then return table.unpack(results, 1, results.n) end
  local value = results[2]
  if report.is_write_failure(value) then
    return false, failure(value.message, value.code)
  end
  return false, failure(message_of(value), core.base.is_usage(value) and usage_code or "callback")
end

-- The exit status of what a run function returned. true is what writing gives when it is done.
local function status_of(name, result, message, code)
  if result == nil and message ~= nil then return failure(tostring(message), code) end
  if result == nil or result == true then return status.done end
  if math.type(result) == "integer" and result >= 0 and result <= 255 then return result end
  return failure(("%s: run must return nothing, an exit status, or nil and a message, not %s"):format(
    name, options.show(result)))
end

-- --- running ---------------------------------------------------------------------------------------

-- The --seed among the words, before the script that declares the options is loaded.
local function early_seed(words)
  local text
  for i, word in ipairs(words) do
    if word == "--" then break end
    text = word:match "^%-%-seed=(.*)$" or (word == "--seed" and words[i + 1]) or text
  end
  local ok, seed = pcall(options.integer, text, "")
  return ok and seed or 0
end

-- Loads the script with math.random seeded.
local function load_script(source, seed)
  plan.seed(seed)
  return protected("callback", scripts.load, source)
end

-- Calls what a script's run is; gives the exit status.
local function run(self, fn, ...)
  local results = table.pack(protected("usage", fn, ...))
  if not results[1] then return results[2] end
  return status_of(self.name, table.unpack(results, 2, results.n))
end

-- " (--rate 0)": what was given of a script's own options.
local function given_text(self, opt)
  local texts = {}
  for _, option in ipairs(self.options) do
    local value = opt[options.key(option[1])]
    if options.given(opt, option[1]) and type(value) ~= "table" then
      texts[#texts + 1] = ("--%s %s"):format(option[1],
        type(value) == "number" and options.show(value) or tostring(value))
    end
  end
  return #texts > 0 and " (" .. table.concat(texts, " ") .. ")" or ""
end

-- A mistake in a bundled script's plan is in what was asked of it: the options say where, not its lines.
local function of_bundled(self, opt, message)
  if self.folder or type(message) ~= "string" then return message end
  local place = self.chunk:sub(2)
  if message:sub(1, #place + 1) ~= place .. ":" then return message end
  return self.name .. message:sub(#place + 1):gsub("^:%d+", "") .. given_text(self, opt)
end

-- fn(self, ...), whose failures are told so.
local function told(self, opt, fn)
  return function(...)
    local results = table.pack(xpcall(fn, scripts.add_traceback, ...))
    if not results[1] then error(of_bundled(self, opt, results[2]), 0) end
    if results[2] == nil then results[3] = of_bundled(self, opt, results[3]) end
    return table.unpack(results, 2, results.n)
  end
end

local function run_plan(self, opt)
  if opt.output_file == "-" then report.divert(true) end
  local ok, workload = protected("callback", told(self, opt, plan.make), self, opt)
  if not ok then return workload end
  return run(self, told(self, opt, require("moontide.command.generate").run), self, workload, opt)
end

-- The options in force: a script's own, then the common ones if it has a plan.
local function full_spec(self)
  local spec = table.move(self.options, 1, #self.options, 1, {})
  if self.plan then
    local shared = common.of_script(self)
    table.move(shared, 1, #shared, #spec + 1, spec)
  end
  return spec
end

local function show_help(self)
  report.write_out(require("moontide.command.help").of_script(self))
  return status.done
end

-- A loaded script with the words after its name.
local function run_loaded(self, words)
  if self.raw then
    if words[1] == "-h" or words[1] == "--help" then return show_help(self) end
    return run(self, self.run, words)
  end
  if arguments.asks_help(words) then return show_help(self) end
  local ok, opt = protected("usage", arguments.parse, self.name, words, full_spec(self))
  if not ok then return opt end
  report.command(full_spec(self), opt)
  local checked, result = protected("usage", script.check_options, self, opt)
  if not checked then return result end
  return self.plan and run_plan(self, opt) or run(self, self.run, script.strict(self, opt), words)
end

--- Runs a script by name with the words that follow it; gives the exit status.
---@param name string a bundled script, or a file (with / or ending in .lua)
---@param words string[]
---@return integer status
function cli.run_script(name, words)
  local source, message, code = scripts.find(name)
  if not source then return failure(message, code) end
  local ok, self = load_script(source, early_seed(words))
  if not ok then return self end
  return run_loaded(self, words)
end

local function dispatch(words)
  local first = words[1]
  if first == nil and core.base.is_terminal(0) and core.base.is_terminal(1) then
    return cli.run_script("repl", {})
  elseif first == nil or first == "-h" or first == "--help" then
    report.write_out(require("moontide.command.help").overview())
    return status.done
  elseif first == "--version" then
    io.stdout:write("moontide ", core.version, "\n")
    return status.done
  elseif first:find "^%-" then
    local hint = nearest.hint(first, { "--version", "--help" })
    return failure(("unknown option '%s'%s"):format(first, hint), "usage")
  end
  return cli.run_script(first, table.move(words, 2, #words, 1, {}))
end

-- Results still in the buffer may meet a full disk or a closed pipe: the run has failed then. One that
-- has failed already, by a limit that is exceeded, by findings or by Ctrl-C, has lost its results as well.
local function flush_results(exit_status)
  local ok, message, code = core.base.flush_stdout()
  if ok then return exit_status end
  if exit_status == status.done then return failure(message, code) end
  if code ~= "closed" and not is_output_told then say(message) end
  return exit_status
end

--- The program: words are those of the command line (0 is the program's name).
---@param words string[]
---@return integer status
function cli.main(words)
  _G.print = report.print
  local _, exit_status = protected("usage", dispatch, words)
  return flush_results(exit_status)
end

return cli
