--- What a value is.
local core = require "moontide.core"
core.base.own()

local value = {}

--- The name of a value's type ("moontide.curve"); nil where it has none.
---@param one any
---@return string?
function value.type_of(one)
  local metatable = debug.getmetatable(one)
  local name = type(metatable) == "table" and rawget(metatable, "__name")
  return type(name) == "string" and name or nil
end

--- The name of a value's type for people: "curve", else Lua's: "table".
---@param one any
---@return string
function value.type_name(one)
  local name = value.type_of(one)
  return name and name:gsub("^moontide%.", "") or type(one)
end

--- Is it a table that is nothing but a table: a list, names and values?
---@param one any
---@return boolean
function value.is_plain(one)
  return type(one) == "table" and debug.getmetatable(one) == nil
end

return value
