--- What the console adds to Lua's messages: the nearest name, and what a failure was that nobody looked at.
local core = require "moontide.core"
local nearest = require "moontide.kit.nearest"
local reference_methods = require "moontide.reference.methods"

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

--- The message with a hint where there is one.
---@param message string
---@param environment table the console's names
---@return string
function hints.added(message, environment)
  local first, rest = message:match "^([^\n]*)(.*)$"
  local global = first:match "a nil value %(global '([%w_]+)'%)$"
  local method = first:match "a nil value %(method '([%w_]+)'%)$"
  local hint = ""
  if global and leaving[global] then
    hint = (" (%s)"):format(way_out)
  elseif global then
    hint = nearest.hint(global, names_of(environment))
  elseif method then
    hint = nearest.hint(method, method_names())
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
