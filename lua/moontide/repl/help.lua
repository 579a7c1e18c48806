--- help() in the console: the reference by subject, by function, by method or by value.
local comments = require "moontide.reference.comments"
local core = require "moontide.core"
local nearest = require "moontide.kit.nearest"
local reference = require "moontide.reference"
local records = require "moontide.reference.records"
local reference_methods = require "moontide.reference.methods"
local search = require "moontide.repl.search"
local types = require "moontide.kit.value"

local repl_help = {}

-- Subject -> the module whose opening comment explains it and whose functions it has; `also`: another module
-- with functions of it.
local subjects = {
  { "curves", "load.curve", "rates over time and their algebra", also = "load.curve_shapes" },
  { "distributions", "load.distribution", "lengths, gaps, think times, picks",
    also = "load.distribution_laws" },
  { "arrivals", "load.process", "when requests come", also = "load.sessions" },
  { "sessions", "load.sessions", "turns that wait for the answers before" },
  { "prompts", "load.prompt", "who shares which prefix" },
  { "lengths", "load.length", "tokens by turn, by a function of your own, by class", also = "load.classes" },
  { "sub-agents", "load.branch", "sessions that turns of other sessions start" },
  { "streams", "load.stream", "requests: arrivals, lengths, prompts, fields", also = "load.clients" },
  { "workloads", "load.workload", "plans, and what can be done with them" },
  { "scripts", "script.script", "scripts with options, plans of other scripts", also = "script.plan" },
  { "traces", "trace.trace", "reading, writing, columns" },
  { "pipes", "trace.pipe", "cutting, moving and combining traces" },
  { "conversion", "trace.convert", "logs of real servers into traces" },
  { "lint", "trace.lint", "what contradicts itself in a trace" },
  { "analysis", "learn.analysis", "what a trace says of lengths and prefixes" },
  { "expectations", "load.profile", "what a load is, counted, and whether it is as expected" },
  { "caches", "learn.cache", "a cache that is fed request by request" },
  { "comparisons", "study.compare", "traces side by side, and runs", also = "learn.compare" },
  { "prefixes", "learn.radix", "the tree of what prompts share" },
  { "models", "learn.model", "what is learnt from a trace" },
  { "synthesis", "synthesis.synthesizer", "new traces that behave like a real one" },
  { "driving", "drive.api", "an endpoint under a load, and a server to try it on", also = "look.api" },
  { "studies", "study.api", "a load at many levels, and the most that keeps its promises" },
  { "records", "reference.records", "what functions give and files of results hold" },
  { "csv", "base.csv", "CSV files" },
  { "hashing", "base.hash", "from contents of blocks to hash ids" },
  { "random", "base.random", "random numbers by position" },
  { "charts", "draw.chart", "pictures in the terminal" },
  { "json", "base.json", "JSON values" },
}

local function overview()
  local lines = {}
  for i, subject in ipairs(subjects) do lines[i] = ("  %-18s %s\n"):format(subject[1], subject[3]) end
  return [[
Names are typed as in a script: mt.sine{ mean = 20, amp = 10, period = 60 }:plot()
A line that is an expression shows its value, which _ is then. Tab completes.

help "curves"        a subject, and its functions:
]] .. table.concat(lines) .. [[
help(mt.spike)       a function; help "curve:take" a method
help "expected()"    the members of what a function gives; help "records" lists them
help(x)              what a value is and can do
help "burst"         a command (.run burst runs it, .load burst makes its plan _)
help(mt)             every function in a line
.help                the commands of the console]]
end

-- --- a subject -------------------------------------------------------------------------------------

-- The comment that a module's file begins with, without the dashes.
local function opening_comment(part)
  local lines = {}
  for _, line in ipairs(comments.lines_of("=moontide:moontide." .. part) or {}) do
    local text = line:match "^%-%-%-?%s?(.*)$"
    if not text then break end
    lines[#lines + 1] = text
  end
  return table.concat(lines, "\n")
end

local function public_functions(prefix, functions, into)
  for name, value in pairs(functions) do
    if type(value) == "function" and not name:find "^__" then
      into[#into + 1] = prefix .. name
    elseif types.is_plain(value) then
      public_functions(prefix .. name .. ".", value, into)
    end
  end
  return into
end

-- The function of the module by its full name: "mt.trace.open".
local function public_value(name)
  local value = require "moontide.whole"
  for part in name:gsub("^mt%.", ""):gmatch "[^.]+" do value = rawget(value, part) end
  return value
end

local function subject_text(subject)
  local part = subject[2]
  local lines = { opening_comment(part) }
  if part == "reference.records" then
    lines[2] = ""
    for _, one in ipairs(records.all) do lines[#lines + 1] = records.line(one) end
  end
  local functions = public_functions("mt.", require("moontide." .. part).public or {}, {})
  if subject.also then public_functions("mt.", require("moontide." .. subject.also).public, functions) end
  if #functions > 0 then lines[2] = "" end
  table.sort(functions)
  for _, name in ipairs(functions) do lines[#lines + 1] = reference.line(name, public_value(name)) end
  for _, one in ipairs(reference_methods.types()) do
    if one.part == part or one.name == part:match "[%w_]+$" then
      lines[#lines + 1] = ""
      lines[#lines + 1] = reference_methods.list(one):gsub("\n$", "")
    end
  end
  return table.concat(lines, "\n")
end

-- --- by name ---------------------------------------------------------------------------------------

local function subject_of(name)
  for _, subject in ipairs(subjects) do
    if name == subject[1] or name == subject[2] or name .. "s" == subject[1] then return subject end
  end
end

--- Every name that help "NAME" knows beside functions and commands.
---@return string[]
function repl_help.subjects()
  local names = {}
  for i, subject in ipairs(subjects) do names[i] = subject[1] end
  return names
end

local function command_text(name)
  local scripts = require "moontide.script.load"
  local source = scripts.find(name)
  if not source then return nil end
  return require("moontide.command.help").of_script(scripts.load(source)):gsub("\n$", "")
end

-- What is said of a name; raises when nobody knows it.
local function text_of_name(name)
  local subject = subject_of(name)
  if subject then return subject_text(subject) end
  local record = records.find(name)
  if record then return (records.page(record):gsub("\n$", "")) end
  local text, trouble
  local type_name, method = name:match "^([%w_]+):([%w_]+)$"
  if type_name then
    text, trouble = reference_methods.text(type_name, method)
  elseif reference.is_name(name) then
    text, trouble = reference.text(name)
  elseif rawget(require "moontide.whole", name) ~= nil then
    local one = reference_methods.find(name)
    text = reference.text("mt." .. name) .. (one and "\n" .. reference_methods.list(one) or "")
  elseif reference_methods.find(name) then
    text = reference_methods.list(reference_methods.find(name))
  else
    text = command_text(name)
  end
  if text then return (text:gsub("\n$", "")) end
  local found = not trouble and search.lines(name, subjects) or {}
  if #found > 0 then return ("what has to do with '%s':\n%s"):format(name, table.concat(found, "\n")) end
  core.base.raise("help: " .. (trouble or ("nothing is known of '%s'%s"):format(name,
    nearest.hint(name, search.names(subjects)))))
end

--- Is it a subject, a record, or a method or type by its name ("curve:take", "curve")?
---@param name string
---@return boolean
function repl_help.is_subject(name)
  return subject_of(name) ~= nil or records.find(name) ~= nil or name:find "^[%w_]+:[%w_]+$" ~= nil
    or reference_methods.find(name) ~= nil
end

--- Lines of all that has to do with a word; none where nothing has.
---@param word string
---@return string[]
function repl_help.search(word)
  return search.lines(word, subjects)
end

--- " (did you mean 'X'?)" among all names that help knows, or "".
---@param name string
---@return string
function repl_help.hint(name)
  return nearest.hint(name, search.names(subjects))
end

-- --- by value --------------------------------------------------------------------------------------

local function text_of_value(value)
  if rawequal(value, require "moontide.whole") then return (reference.text("mt"):gsub("\n$", "")) end
  if type(value) == "function" then
    local name = reference_methods.name_of(value)
    if name then return text_of_name(name) end
  elseif types.is_plain(value) then
    for name, part in pairs(require "moontide.whole") do
      if rawequal(part, value) then return text_of_name("mt." .. name) end
    end
  end
  local one = types.type_of(value) and reference_methods.find(types.type_name(value))
  local shown = require("moontide.repl.show").text(value, 80)
  if one then return shown .. "\n" .. reference_methods.list(one):gsub("\n$", "") end
  return shown .. "\nhelp() lists what there is help on."
end

--- What help(...) prints.
---@param ... any nothing, a subject, a name, a function or any other value
---@return string
function repl_help.text(...)
  if select("#", ...) == 0 then return overview() end
  local value = ...
  if type(value) == "string" then return text_of_name(value) end
  return text_of_value(value)
end

return repl_help
