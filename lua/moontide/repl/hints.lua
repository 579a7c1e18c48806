--- What the console adds to Lua's messages: the nearest name, and what a failure was that nobody looked at.
local core = require "moontide.core"
local lacking = require "moontide.kit.lacking"
local nearest = require "moontide.kit.nearest"
local reference_methods = require "moontide.reference.methods"
local value_kit = require "moontide.kit.value"

local hints = {}

local leaving = { exit = true, quit = true, bye = true, logout = true }

local way_out = ".quit or Ctrl-D ends the console"

--- What helps somebody who typed a word for leaving, which is nothing here: a text, else nil.
---@param text string an expression
---@param value any what it gave
---@return string?
function hints.of_leaving(text, value)
  return value == nil and leaving[text:match "^%s*(%a+)%s*$" or ""] and way_out or nil
end

local function names_of(environment)
  local names = {}
  for _, values in ipairs { environment, _G } do
    for name in next, values do
      if type(name) == "string" then names[#names + 1] = name end
    end
  end
  table.sort(names)
  return names
end

local function method_names()
  local names, seen = {}, {}
  for _, one in ipairs(reference_methods.types()) do
    for name in pairs(one.methods) do
      if not seen[name] then names[#names + 1], seen[name] = name, true end
    end
  end
  table.sort(names)
  return names
end

-- What a value has that can be named behind it: its methods, or the members that are names.
local function names_behind(value, kind)
  local one = reference_methods.find(kind)
  local names = {}
  for name in pairs(one and one.methods or type(value) == "table" and value or {}) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  return names, one ~= nil
end

-- The types that have a method.
local function owners_of(method)
  local names = {}
  for _, one in ipairs(reference_methods.types()) do
    if one.methods[method] then names[#names + 1] = one.name end
  end
  return names
end

-- What to say of a method that a value lacks: what the value is and has, where the input calls it on a name;
-- else the nearest method of any type, or, where it is one, of which.
local function of_method(method, environment, text)
  local name = (" " .. text):match("[^%w_.:%])]%s*([%a_][%w_]*)%s*:%s*" .. method .. "%f[^%w_]")
  local value = name and environment[name]
  if value ~= nil and type(value) ~= "string" then
    local kind = value_kit.type_name(value)
    local names, are_methods = names_behind(value, kind)
    local what = are_methods and "" or "the members "
    return (": %s is %s"):format(name, lacking.text(method, kind, names, what))
  end
  local owners = owners_of(method)
  if #owners > 0 then return (" (what has it: %s)"):format(table.concat(owners, ", ")) end
  return nearest.hint(method, method_names())
end

--- The message with a hint where there is one.
---@param message string
---@param environment table the console's names
---@param text? string the input
---@return string
function hints.added(message, environment, text)
  local first, rest = message:match "^([^\n]*)(.*)$"
  local global = first:match "a nil value %(global '([%w_]+)'%)$"
  local method = first:match "a nil value %(method '([%w_]+)'%)$"
  local hint = ""
  if global and leaving[global] then
    hint = (" (%s)"):format(way_out)
  elseif global then
    hint = nearest.hint(global, names_of(environment))
  elseif method then
    hint = of_method(method, environment, text or "")
  elseif first:find "%(for iterator 'for iterator'%)$" or first:find "attempt to index a nil value$" then
    local failure = core.base.last_failure()
    hint = failure and ": " .. failure or ""
  end
  return first .. hint .. rest
end

--- What a statement's function failed with, where the statement keeps one value and the failure was the
--- second one: its message, else nil. Forgets it.
---@param text string the statement
---@return string?
function hints.discarded(text)
  local failure = core.base.last_failure()
  local keeps_one = text:find "^%s*[%a_][%w_.]*%s*=[^=]" or text:find "^%s*local%s+[%a_][%w_]*%s*=[^=]"
  return failure and keeps_one and not text:find "\n" and failure or nil
end

--- Forgets what has failed so far.
function hints.forget()
  core.base.last_failure()
end

return hints
