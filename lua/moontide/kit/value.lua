--- What a value is.
local core = require "moontide.core"
core.base.own() -- this folder is the library: errors are reported at the first line outside of it

local value = {}

--- The name of a value's type ("moontide.curve"); nil where it has none.
---@type fun(one: any): string?
value.type_of = core.base.type_of

--- The name of a value's type for people: "curve", else Lua's: "table".
---@param one any
---@return string
function value.type_name(one)
  local name = value.type_of(one)
  return name and name:gsub("^moontide%.", "") or type(one)
end

--- Is it a table that is nothing but a table: a list, names and values?
---@type fun(one: any): boolean
value.is_plain = core.base.is_plain

return value
