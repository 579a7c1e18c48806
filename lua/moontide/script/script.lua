--- Scripts as values: what `mt.script` returns, and mt.plan_of.
--
-- A script is a Lua file that returns mt.script{...}, or a bare mt.workload{...}. Loading it does
-- nothing but that. It runs in an environment of its own over the standard libraries, and `require`
-- in it finds the modules that lie beside it before those of the path.
local core = require "moontide.core"
local common = require "moontide.script.common"
local lists = require "moontide.kit.lists"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"

local script = {}

---@class moontide.script: moontide.script_options
---@field name string how it is called: "sin", or the file's name without folder and .lua
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
  { "bare", kind = "any" },
  { "required", kind = "boolean" }, { "list", kind = "boolean" },
  { "min", kind = "number" }, { "max", kind = "number" },
  { "above", kind = "number" }, { "below", kind = "number" },
  { "choices", kind = "any" }, { "aliases", kind = "any" },
  { "help", kind = "string" }, { "placeholder", kind = "string" }, { "short", kind = "string" },
  { "hidden", kind = "boolean" }, { "argument", kind = "boolean" },
  { "stands_for", kind = "string" }, { "takes_words", kind = "boolean" },
  { "whole", kind = "boolean" },
  items = true,
}

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
    local names = lists.sorted_keys(options.kinds)
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
  options.check_whole(list, "script: options")
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
---@field run? fun(opt: table, words: string[]): (integer|true)?, string?, string? a command, not a plan; the
--- words are those of the command line
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

--- The options as the script's functions see them: an unknown name (opt.rtae) is a mistake, not nil.
---@param self moontide.script
---@param opt table
---@return table opt the same table
function script.strict(self, opt)
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
      local as_key = type(name) == "string" and options.key(name) or ""
      core.base.raise(("there is no opt.%s%s"):format(tostring(name),
        known[as_key] and (" (it is opt.%s)"):format(as_key)
          or nearest.hint(as_key, lists.sorted_keys(known))))
    end),
  })
end

--- Says what a script's `check` finds wrong with its options, as a usage error.
---@param self moontide.script
---@param opt table
function script.check_options(self, opt)
  local message = self.check and self.check(opt)
  if message then core.base.raise(self.name .. ": " .. tostring(message)) end
end

---@class moontide
local public = { script = script.new }
script.public = public

return script
