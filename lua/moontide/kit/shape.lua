--- Is a value that was read from a file made as what reads it expects? Of files that people may have cut,
--- changed or taken from another version.
--
-- A shape is the name of a type ("string", "number", "boolean", "table"), "integer", { list = SHAPE }, whose
-- elements are all such, { each = SHAPE }, an object whose members are, or { members = { NAME = SHAPE } }. A
-- name that ends in "?" may be absent, or null. Members that a shape does not name may be anything.
local shape = {}

local articles = { string = "a text", number = "a number", boolean = "true or false",
  table = "an object or a list", integer = "a whole number" }

local function is_of(value, kind)
  if kind == "integer" then return math.type(value) == "integer" end
  return type(value) == kind
end

local fault_within

-- The same of one member or element.
local function fault_of(value, wanted, name)
  local kind = type(wanted) == "string" and wanted or "table"
  if not is_of(value, kind) then
    if value == nil then return name .. " is missing" end
    local what = wanted.list and "a list" or type(wanted) == "table" and "an object" or articles[kind]
    return ("%s must be %s"):format(name, what)
  end
  return kind == "table" and wanted ~= "table" and fault_within(value, wanted, name .. ".") or nil
end

function fault_within(value, wanted, before)
  for i, one in ipairs(wanted.list and value or {}) do
    local fault = fault_of(one, wanted.list, before .. i)
    if fault then return fault end
  end
  for name, one in pairs(wanted.each and value or {}) do
    local fault = fault_of(one, wanted.each, before .. tostring(name))
    if fault then return fault end
  end
  local names = {}
  for name in pairs(wanted.members or {}) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local bare = name:gsub("%?$", "")
    local one = value[bare]
    local is_absent = bare ~= name and (one == nil or type(one) == "userdata")
    local fault = not is_absent and fault_of(one, wanted.members[name], before .. bare)
    if fault then return fault end
  end
end

--- What is wrong with a value: "verdict.limited_by.2 must be a text"; nil: nothing.
---@param value any
---@param wanted table a shape with members
---@return string?
function shape.fault(value, wanted)
  if type(value) ~= "table" then return "it is no object" end
  return fault_within(value, wanted, "")
end

return shape
