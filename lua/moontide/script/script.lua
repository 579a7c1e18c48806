--- Scripts as values: what `mt.script` returns, how a script is found and loaded, mt.plan_of.
--
-- A script is a Lua file that returns mt.script{...}, or a bare mt.workload{...}. Loading it does
-- nothing but that. It runs in an environment of its own over the standard libraries, and `require`
-- in it finds the modules that lie beside it before those of the path.
local core = require "moontide.core"
local common = require "moontide.command.common"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
core.base.own()

local script = {}

---@class moontide.script
---@field name string how it is called: "sin", or the file's name without folder and .lua
---@field summary string
---@field usage string?
---@field options moontide.option[]
---@field plan (fun(opt: table): table)?
---@field run (fun(opt: table): (integer|true)?, string?, string?)?
---@field check (fun(opt: table): string?)?
---@field raw boolean run gets the command line's words as they are
---@field output_name (fun(opt: table): string)?
---@field timestamp_digits integer
---@field default_duration number?
---@field chunk string "@FILE", Lua's name of its text
---@field folder string? the file's folder, nil for a bundled script
local metatable = { __name = "moontide.script" }
metatable.__index = metatable

function metatable.__tostring(self)
  return ("script %s: %s"):format(self.name or "?", self.summary)
end

-- --- mt.script -------------------------------------------------------------------------------------

local fields = {
  { "summary", kind = "string", required = true },
  { "usage", kind = "string" },
  { "options", kind = "any", default = {} },
  { "plan", kind = "any" },
  { "run", kind = "any" },
  { "check", kind = "any" },
  { "raw", kind = "boolean", default = false },
  { "output_name", kind = "any" },
  { "timestamp_digits", kind = "integer", min = 0, max = 6, default = 3 },
  { "default_duration", kind = "duration", above = 0 },
}

local option_fields = {
  { "kind", kind = "string", required = true }, { "default", kind = "any" },
  { "required", kind = "boolean" }, { "list", kind = "boolean" },
  { "min", kind = "number" }, { "max", kind = "number" },
  { "above", kind = "number" }, { "below", kind = "number" },
  { "choices", kind = "any" }, { "aliases", kind = "any" },
  { "help", kind = "string" }, { "placeholder", kind = "string" }, { "short", kind = "string" },
  { "hidden", kind = "boolean" }, { "argument", kind = "boolean" },
  { "stands_for", kind = "string" },
  items = true,
}

local function kind_names()
  local names = {}
  for name in pairs(options.kinds) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- One option of a script; raises what is wrong with it.
local function check_option(option, position)
  local where = ("script: option %d"):format(position)
  if type(option) ~= "table" or type(option[1]) ~= "string" or not option[1]:find "^%a[%w_-]*$" then
    core.base.raise(where .. " must be { \"name\", kind = ..., ... }, its name letters, digits and hyphens")
  end
  where = ("script: option '%s'"):format(option[1])
  options.table(where, option, option_fields)
  if #option > 1 then core.base.raise(where .. " has one name; further ones are aliases = { ... }") end
  if not options.kinds[option.kind] then
    local names = kind_names()
    core.base.raise(("%s: kind must be one of %s, not '%s'%s"):format(
      where, table.concat(names, ", "), option.kind, nearest.hint(option.kind, names)))
  end
  if option.kind == "choice" and (type(option.choices) ~= "table" or #option.choices == 0) then
    core.base.raise(where .. ": a choice needs choices = { \"a\", \"b\" }")
  end
  if option.default ~= nil then options.value(option.default, where .. ": default", option) end
end

local reserved = { help = true, h = true }

local function check_options(list, is_plan)
  if type(list) ~= "table" then options.wrong("script: options", list, "a list of options") end
  local seen = {}
  for position, option in ipairs(list) do
    check_option(option, position)
    local names = { option[1], option.short }
    for _, alias in ipairs(option.aliases or {}) do names[#names + 1] = alias end
    for _, name in ipairs(names) do
      local key = options.key(name)
      if reserved[key] or (is_plan and (common.has(name) or name == "o")) then
        core.base.raise(("script: option '%s' is a common one: every script has it, none redefines it")
          :format(name))
      elseif seen[key] then
        core.base.raise(("script: option '%s' is declared twice"):format(name))
      end
      seen[key] = true
    end
    if option.stands_for and not (is_plan and common.has(option.stands_for)) then
      core.base.raise(("script: option '%s' stands for '%s', which is not a common option of a plan")
        :format(option[1], option.stands_for))
    end
  end
end

local function check_function(spec, name)
  local value = spec[name]
  if value ~= nil and type(value) ~= "function" then
    options.wrong("script: " .. name, value, "a function")
  end
end

---@class moontide.script_options
---@field summary string one line of help
---@field usage? string
---@field options? moontide.option[] { "name", kind = ..., default = ..., help = ... } each
---@field plan? fun(opt: table): moontide.workload
---@field run? fun(opt: table): (integer|true)?, string?, string? a command, instead of a plan
---@field check? fun(opt: table): string? says what is wrong with the options
---@field raw? boolean run gets the command line's words as they are
---@field output_name? fun(opt: table): string the trace's file without --output-file
---@field timestamp_digits? integer decimals of a millisecond; 3
---@field default_duration? number|string of a plan whose curves do not end

--- A script: its summary, its options as data, and the plan they make or the command they run.
---@param spec moontide.script_options
---@return moontide.script
function script.new(spec)
  local self = options.table("script", spec, fields)
  for _, name in ipairs { "plan", "run", "check", "output_name" } do check_function(self, name) end
  if (self.plan == nil) == (self.run == nil) then
    core.base.raise("script: needs either plan = function(opt) ... end or run = function(opt) ... end")
  end
  check_options(self.options, self.plan ~= nil)
  return setmetatable(self, metatable)
end

--- Is the value a script?
---@param value any
---@return boolean
function script.is(value)
  return getmetatable(value) == metatable
end

-- --- finding and loading ---------------------------------------------------------------------------

--- Is it a file's name rather than a command's?
---@param name string
---@return boolean
function script.is_file(name)
  return name:find("/", 1, true) ~= nil or name:find "%.lua$" ~= nil
end

-- A file's text, or nil and the system's message ("NAME: No such file or directory").
local function read_file(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local text, trouble = file:read "a"
  file:close()
  if not text then return nil, path .. ": " .. trouble end
  return text
end

local function read_bundled(name)
  return core.embedded("scripts/" .. name .. ".lua")
end

--- The names of the bundled scripts, sorted.
---@return string[]
function script.bundled_names()
  local names = {}
  for _, path in ipairs(core.embedded_list()) do
    names[#names + 1] = path:match "^scripts/([^/]+)%.lua$"
  end
  table.sort(names)
  return names
end

-- The nearest command, or the file that was meant.
local function hint_of(name)
  local file = io.open(name .. ".lua", "rb")
  if not file then return nearest.hint(name, script.bundled_names()) end
  file:close()
  return (" (did you mean the file '%s.lua'?)"):format(name)
end

---@class moontide.source
---@field name string
---@field text string
---@field chunk string
---@field folder string?

--- Finds a script's text by its name. Nil, message, code when there is none: code "io" for a file,
--- "usage" for an unknown command.
---@param name string a file (with / or ending in .lua) or a bundled script
---@return moontide.source|nil, string?, string?
function script.find(name)
  if script.is_file(name) then
    local text, message = read_file(name)
    if not text then return nil, message, "io" end
    local folder = name:match "^(.*)/[^/]*$" or "."
    if folder == "" then folder = "/" end
    local short = name:match "([^/]*)$":gsub("%.lua$", "")
    return { name = short, text = text, chunk = "@" .. name, folder = folder }
  end
  local text = name:find "^[%w_-]+$" and read_bundled(name)
  if not text then
    return nil, ("unknown command '%s'%s"):format(name, hint_of(name)), "usage"
  end
  return { name = name, text = text, chunk = "@scripts/" .. name .. ".lua" }
end

-- The require of one folder's scripts: modules beside them first, then everybody's. What lies beside
-- is loaded once a folder, with the script's environment, so that two folders may each have a "util".
local function local_require(folder, environment)
  local loaded, loading = {}, {}
  local path = folder .. "/?.lua;" .. folder .. "/?/init.lua"
  return function(name)
    if type(name) ~= "string" or name:find "^moontide%f[%W]" or package.loaded[name] then
      return require(name)
    end
    if loaded[name] ~= nil then return loaded[name] end
    local file = package.searchpath(name, path)
    if not file then return require(name) end
    if loading[name] then error(("%s: module '%s' requires itself"):format(file, name), 0) end
    loading[name] = true
    local chunk, message = loadfile(file, "t", environment)
    if not chunk then error(message, 0) end
    local value = chunk(name, file)
    loading[name] = nil
    loaded[name] = value == nil and true or value
    return loaded[name], file
  end
end

--- What a script sees: names of its own over the standard libraries, and a require that knows the modules
--- beside it.
---@param folder string? nil: there is nothing beside it
---@return table
function script.environment(folder)
  local environment = setmetatable({}, { __index = _G })
  if folder then environment.require = local_require(folder, environment) end
  return environment
end

-- The names of scripts' chunks that Lua cuts in messages, by what it shows of them.
local cut_names = {}

-- Lua shows at most so many bytes of a chunk's name ("@" included), the end of a longer one after "...".
local shown_bytes, dots = 60, "..."

local function remember_cut(chunk)
  if #chunk > shown_bytes then
    cut_names[dots .. chunk:sub(-(shown_bytes - #dots - 1))] = chunk:sub(2)
  end
end

--- A message of Lua's with the whole names of script files where Lua has cut them.
---@param message string
---@return string
function script.whole_names(message)
  for cut, whole in pairs(cut_names) do
    if message:sub(1, #cut + 1) == cut .. ":" then return whole .. message:sub(#cut + 1) end
  end
  return message
end

--- The handler of protected calls into scripts: with MOONTIDE_TRACEBACK=1 a message that is a text
--- gets the stack, once.
---@param message any
---@return any
function script.add_traceback(message)
  local is_wanted = os.getenv "MOONTIDE_TRACEBACK" == "1"
  if is_wanted and type(message) == "string" and not message:find("\nstack traceback:", 1, true) then
    return debug.traceback(message, 2)
  end
  return message
end

local function is_workload(value)
  local has_type = type(value) == "userdata" or getmetatable(value) ~= nil and type(value) == "table"
  return has_type and not script.is(value) and require("moontide.load.workload").is(value)
end

-- The first sentence of the comment that a text begins with, nil without one.
local function first_sentence(text)
  local comment = ""
  for line in text:gmatch "[^\n]*" do
    local words = line:match "^%-%-+%s*(.-)%s*$"
    if words then
      comment = comment .. (comment ~= "" and " " or "") .. words
    elseif comment ~= "" or line:find "%S" then
      break
    end
  end
  local sentence = comment:match "^(.-)%.%f[%s\0]" or comment
  return sentence:find "%w" and sentence or nil
end

-- Chunks that are running for the first time: one that asks for its own plan would never end.
local loading_now = {}

--- Loads a script: runs its text, which must return a script or a workload (whose summary is the first
--- sentence of the comment that the text begins with). Raises what is wrong with it: a text that begins
--- with its name (and line).
---@param source moontide.source
---@return moontide.script
function script.load(source)
  remember_cut(source.chunk)
  local text = source.text:gsub("^\xEF\xBB\xBF", ""):gsub("^#[^\n]*", "")
  local chunk, message = load(text, source.chunk, "t", script.environment(source.folder))
  if not chunk then error(message, 0) end
  if loading_now[source.chunk] then
    error(source.chunk:sub(2) .. ": asks for its own plan while it is loaded", 0)
  end
  loading_now[source.chunk] = true
  local before = report.divert(true)
  local ok, value = xpcall(chunk, script.add_traceback)
  report.divert(before)
  loading_now[source.chunk] = nil
  if not ok then error(value, 0) end
  local self = value
  if is_workload(value) then
    local summary = first_sentence(text) or "A workload"
    self = script.new { summary = summary, plan = function() return value end }
  elseif not script.is(value) then
    error(("%s: returned %s: a script ends in return mt.script{...} or return mt.workload{...}"):format(
      source.chunk:sub(2), value == nil and "nothing" or options.show(value)), 0)
  end
  self.name, self.chunk, self.folder = source.name, source.chunk, source.folder
  return self
end

-- --- plans -----------------------------------------------------------------------------------------

-- The scripts whose plans are being made, innermost last: for relative names and against recursion.
local making = {}

-- One spelling for the ways to write a path. Links are not followed: against these there is `deepest`.
local function plain_path(path)
  local parts, root = {}, path:match "^/*"
  for part in path:gmatch "[^/]+" do
    if part == ".." and #parts > 0 and parts[#parts] ~= ".." then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return (root ~= "" and "/" or "") .. table.concat(parts, "/")
end

local deepest = 30

local function refuse_recursion(self)
  for position, other in ipairs(making) do
    if plain_path(other.chunk:sub(2)) == plain_path(self.chunk:sub(2)) then
      local names = {}
      for i = position, #making do names[#names + 1] = making[i].name end
      core.base.raise(("plan_of: %s asks for its own plan (%s -> %s)"):format(
        self.name, table.concat(names, " -> "), self.name))
    end
  end
  if #making == deepest then
    core.base.raise(("plan_of: %s: plans of plans of plans, %d deep"):format(self.name, deepest))
  end
end

-- opt.rtae in a plan or a command is a mistake, not nil.
local function strict(self, opt)
  local known = {}
  for _, option in ipairs(self.options) do
    known[options.key(option[1])] = true
    if option.stands_for then known[options.key(option.stands_for)] = true end
  end
  for _, option in ipairs(self.plan and common.of_script(self) or {}) do
    known[options.key(option[1])] = true
  end
  return setmetatable(opt, {
    __index = core.base.located(function(_, name)
      if known[name] then return nil end
      local names = {}
      for key in pairs(known) do names[#names + 1] = key end
      table.sort(names)
      local as_key = type(name) == "string" and options.key(name) or ""
      core.base.raise(("there is no opt.%s%s"):format(tostring(name),
        known[as_key] and (" (it is opt.%s)"):format(as_key) or nearest.hint(as_key, names)))
    end),
  })
end

--- The options as the script's functions see them: an unknown name raises.
script.strict = strict

--- The workload of a script's plan for its options; mistakes in the plan raise.
---@param self moontide.script
---@param opt table
---@return table workload
function script.make_plan(self, opt)
  refuse_recursion(self)
  making[#making + 1] = self
  local ok, value = xpcall(self.plan, script.add_traceback, strict(self, opt))
  making[#making] = nil
  if not ok then error(value, 0) end
  if not is_workload(value) then
    error(("%s: plan returned %s, it must return mt.workload{...}"):format(
      self.chunk:sub(2), value == nil and "nothing" or options.show(value)), 0)
  end
  return require("moontide.load.workload").with_script_name(value, self.name)
end

local seed_of_run = 0

--- Seeds math.random and the noise curves of the scripts loaded from now on.
---@param seed integer
function script.seed(seed)
  seed_of_run = seed
  math.randomseed(seed, 0)
  core.curve.reset(seed)
end

--- Says what a script's `check` finds wrong with its options, as a usage error.
---@param self moontide.script
---@param opt table
function script.check_options(self, opt)
  local message = self.check and self.check(opt)
  if message then core.base.raise(self.name .. ": " .. tostring(message)) end
end

--- The plan of a loaded script for values of its own options; the common ones are as they are by
--- themselves, the seed is the one of the run.
---@param self moontide.script
---@param opt table
---@return table workload
function script.plan_of_values(self, opt)
  script.check_options(self, opt)
  for _, option in ipairs(common.of_script(self)) do
    local key = options.key(option[1])
    if opt[key] == nil then opt[key] = option.default end
  end
  opt.seed = seed_of_run
  return script.make_plan(self, opt)
end

-- A file's name as the script that asks means it: beside that script, else in the current folder.
local function beside_caller(name)
  local caller = making[#making]
  if not (caller and caller.folder) or name:find "^/" or not script.is_file(name) then return name end
  local path = plain_path(caller.folder .. "/" .. name)
  local file = io.open(path, "rb")
  if not file then return name end
  file:close()
  return script.is_file(path) and path or "./" .. path
end

--- The plan of a loaded script that has one, for options that are checked as on the command line.
---@param self moontide.script
---@param given? table
---@return table workload
function script.plan_with(self, given)
  return script.plan_of_values(self, options.table(self.name, given, self.options))
end

--- The plan of another script, bundled or a file (beside this one, or in the current folder).
---@param name string "burst", "lib/evening.lua"
---@param given? table its options, checked as on the command line: { peak = 80 }
---@return table workload
function script.plan_of(name, given)
  if type(name) ~= "string" then options.wrong("plan_of: the script", name, "a name") end
  local source, message = script.find(beside_caller(name))
  if not source then core.base.raise("plan_of: " .. message:gsub("^unknown command", "unknown script")) end
  local self = script.load(source)
  if not self.plan then
    core.base.raise(("plan_of: %s is a command, it has no plan"):format(self.name))
  end
  return script.plan_with(self, given)
end

---@class moontide
local public = { script = script.new, plan_of = script.plan_of }
script.public = public

return script
