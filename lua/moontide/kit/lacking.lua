--- What is said of a name that a value does not have: what the value is, and what it has.
local core = require "moontide.core"
local lists = require "moontide.kit.lists"
local nearest = require "moontide.kit.nearest"

local lacking = {}

--- What a value is, and the nearest of its names or else all: "a curve (did you mean 'mean'?)", "an expected,
--- which has the members input_length, requests".
---@param name any what it lacks
---@param kind string what it is: "curve"
---@param names string[] what it has, sorted
---@param what? string before all names: "the members "
---@return string
function lacking.text(name, kind, names, what)
  local near = type(name) == "string" and nearest.name(name, names)
  return ("%s %s%s"):format(kind:find "^[aeiou]" and "an" or "a", kind,
    near and (" (did you mean '%s'?)"):format(near)
    or #names > 0 and (", which has %s%s"):format(what or "", table.concat(names, ", ")) or "")
end

--- Makes a table of methods raise where a name is looked for that it lacks: of values that have no other
--- members than these, in C, for a member that may be there or not is read as nil.
---@param kind string "curve"
---@param methods table<string, function>
---@param more? { fields: string[]?, tail: string? } what the values have beside them, and what else is said
---@return table methods
function lacking.raises(kind, methods, more)
  more = more or {}
  return setmetatable(methods, { __index = core.base.located(function(_, name)
    if type(name) ~= "string" then return nil end
    local names = lists.sorted_keys(methods)
    table.move(more.fields or {}, 1, #(more.fields or {}), #names + 1, names)
    table.sort(names)
    core.base.raise(("there is no '%s' in %s%s"):format(name, lacking.text(name, kind, names),
      more.tail or ""))
  end) })
end

return lacking
