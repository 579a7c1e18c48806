--- How a script is found and loaded: its text, its environment, and the names that messages have for it.
local core = require "moontide.core"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
local script = require "moontide.script.script"
local system = require "moontide.kit.system"

local scripts = {}

--- Is it a file's name rather than a command's?
---@param name string
---@return boolean
function scripts.is_file(name)
  return name:find("/", 1, true) ~= nil or name:find "%.lua$" ~= nil
end

local function read_bundled(name)
  return core.embedded("scripts/" .. name .. ".lua")
end

--- The names of the bundled scripts, sorted.
---@return string[]
function scripts.bundled_names()
  local names = {}
  for _, path in ipairs(core.embedded_list()) do
    names[#names + 1] = path:match "^scripts/([^/]+)%.lua$"
  end
  table.sort(names)
  return names
end

-- Commands of the tools that ours stand in for, and which of ours do their work.
local elsewhere = {
  sin_load_generator = "sin", sin_synth = "sin", burstgpt_loadgen = "convert", benchmark = "sweep",
  prefix_data_generator = "analyze and synthesize", datagen = "analyze and synthesize",
  aiperf = "replay and sweep", ["genai-perf"] = "replay and sweep", guidellm = "replay and sweep",
}

-- The nearest command, the file that was meant, or ours for another tool's.
local function hint_of(name)
  local ours = elsewhere[name:gsub("%.py$", "")]
  if ours then return (" (its work is done by %s here)"):format(ours) end
  if not system.exists(name .. ".lua") then return nearest.hint(name, scripts.bundled_names()) end
  return (" (did you mean the file '%s.lua'?)"):format(name)
end

-- The command that was meant by a file that is not there.
local function command_hint(name)
  local command = name:match "^([%w_-]+)%.lua$"
  return command and not system.exists(name) and read_bundled(command)
    and (" (did you mean the command '%s'?)"):format(command) or ""
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
function scripts.find(name)
  if scripts.is_file(name) then
    local text, message = system.read(name)
    if not text then return nil, message .. command_hint(name), "io" end
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
function scripts.environment(folder)
  local environment = setmetatable({}, { __index = _G })
  if folder then environment.require = local_require(folder, environment) end
  return environment
end

-- The names of scripts' chunks that Lua cuts in messages, by what it shows of them. One table for the
-- process: a message may come from any script that was loaded before.
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
function scripts.whole_names(message)
  for cut, whole in pairs(cut_names) do
    if message:sub(1, #cut + 1) == cut .. ":" then return whole .. message:sub(#cut + 1) end
  end
  return message
end

--- The handler of protected calls into scripts: with MOONTIDE_TRACEBACK=1 a message that is a text
--- gets the stack, once.
---@param message any
---@return any
function scripts.add_traceback(message)
  local is_wanted = os.getenv "MOONTIDE_TRACEBACK" == "1"
  if is_wanted and type(message) == "string" and not message:find("\nstack traceback:", 1, true) then
    return debug.traceback(message, 2)
  end
  return message
end

--- Is the value a workload? The module of workloads is required only for what may be one: commands without a
--- plan start without it.
---@param value any
---@return boolean
function scripts.is_workload(value)
  local has_type = type(value) == "userdata" or type(value) == "table" and getmetatable(value) ~= nil
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

-- Chunks that are running for the first time: one that asks for its own plan would never end. It is empty
-- when no script is being loaded.
local loading_now = {}

--- Loads a script: runs its text, which must return a script or a workload (whose summary is the first
--- sentence of the comment that the text begins with). Raises what is wrong with it: a text that begins
--- with its name (and line).
---@param source moontide.source
---@return moontide.script
function scripts.load(source)
  remember_cut(source.chunk)
  local text = source.text:gsub("^\xEF\xBB\xBF", ""):gsub("^#[^\n]*", "")
  local chunk, message = load(text, source.chunk, "t", scripts.environment(source.folder))
  if not chunk then error(message, 0) end
  if loading_now[source.chunk] then
    error(source.chunk:sub(2) .. ": asks for its own plan while it is loaded", 0)
  end
  loading_now[source.chunk] = true
  local before = report.divert(true)
  local ok, value = xpcall(chunk, scripts.add_traceback)
  report.divert(before)
  loading_now[source.chunk] = nil
  if not ok then error(value, 0) end
  local self = value
  if scripts.is_workload(value) then
    local summary = first_sentence(text) or "A workload"
    self = script.new { summary = summary, plan = function() return value end }
  elseif not script.is(value) then
    error(("%s: returned %s: a script ends in return mt.script{...} or return mt.workload{...}"):format(
      source.chunk:sub(2), value == nil and "nothing" or options.show(value)), 0)
  end
  self.name, self.chunk, self.folder = source.name, source.chunk, source.folder
  return self
end

return scripts
