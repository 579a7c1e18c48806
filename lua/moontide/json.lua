--- JSON: mt.json.decode and mt.json.encode.
--
-- Objects are tables with names, arrays are lists, null is mt.json.null (which is true in a condition).
-- An empty table is an object, mt.json.array{} is an array; a decoded [] stays one.
-- Integers are exact. Whole numbers that do not fit a Lua integer are decoded as strings of digits.
-- Objects are written with their names sorted, those of mt.json.object in its order. What can print
-- itself as JSON has a metamethod __json(value), which returns what is written in its place.
local core = require "moontide.core"
local options = require "moontide.options"
core.base.own()

local array_metatable, null_metatable = core.json.array, core.json.null
local object_metatable = { __name = "moontide.json.object" }

null_metatable.__tostring = function() return "null" end
null_metatable.value = setmetatable({}, null_metatable)

local json = {
  null = null_metatable.value, -- what stands for null
}

-- Tables inside tables may be so deep, in what is read too.
local deepest = 512

-- --- arrays and objects ----------------------------------------------------------------------------

--- A list that is written as an array even when it is empty.
---@param list? any[]
---@return any[]
function json.array(list)
  if list ~= nil and type(list) ~= "table" then options.wrong("json.array: the argument", list, "a list") end
  return setmetatable(table.move(list or {}, 1, #(list or {}), 1, {}), array_metatable)
end

--- An object whose members are written in the order given: mt.json.object{ {"name", value}, ... }.
---@param members { [1]: string, [2]: any }[]
---@return table
function json.object(members)
  if type(members) ~= "table" then options.wrong("json.object: the argument", members, "a list of pairs") end
  local copy, seen = {}, {}
  for i, member in ipairs(members) do
    local name = type(member) == "table" and member[1] or nil
    if type(name) ~= "string" then
      core.base.raise(("json.object: member %d must be { \"name\", value }"):format(i))
    elseif seen[name] then
      core.base.raise(("json.object: the member '%s' is there twice"):format(name))
    end
    seen[name] = true
    copy[i] = { name, member[2] }
  end
  return setmetatable(copy, object_metatable)
end

-- --- encoding --------------------------------------------------------------------------------------

-- `where` names a value in messages: "value.users[3]".
local function refuse(where, what)
  core.base.raise(("json.encode: %s is %s"):format(where, what))
end

-- The shortest of the texts with 15 to 17 digits that reads back the same.
local function number(value)
  if math.type(value) == "integer" then return ("%d"):format(value) end
  if value ~= value or value == math.huge or value == -math.huge then return "null" end
  local text
  for digits = 15, 17 do
    text = ("%%.%dg"):format(digits):format(value)
    if tonumber(text) == value then break end
  end
  return text
end

local function text(value, where)
  local _, bad = utf8.len(value)
  if bad then refuse(where, ("not UTF-8 (byte %d)"):format(bad)) end
  return core.json.quote(value)
end

-- How many elements a list has; nil when the table is an object. Anything between is an error.
local function list_length(value, where)
  local count, largest, has_names = 0, 0, false
  for key in pairs(value) do
    if type(key) == "string" then
      has_names = true
    elseif math.type(key) == "integer" and key >= 1 then
      count, largest = count + 1, math.max(largest, key)
    else
      refuse(where, ("a table with the key %s: it must be a list or have names"):format(options.show(key)))
    end
  end
  if getmetatable(value) == array_metatable and has_names then refuse(where, "an array that has names") end
  if count == 0 then return getmetatable(value) == array_metatable and 0 or nil end
  if has_names then refuse(where, "a table with both a list and names") end
  if largest > count then refuse(where, "a list with holes (mt.json.null fills them)") end
  return count
end

-- The members of an object as { {name, value}, ... }, in the order they are written.
local function members_of(value)
  if getmetatable(value) == object_metatable then return value end
  local members = {}
  for name, member in pairs(value) do members[#members + 1] = { name, member } end
  table.sort(members, function(a, b) return a[1] < b[1] end)
  return members
end

-- Writes pieces between two brackets, one a line where the format is indented.
local function bracket(open, pieces, close, format, depth)
  if #pieces == 0 then return open .. close end
  if not format.indent then return open .. table.concat(pieces, format.comma) .. close end
  local margin = "\n" .. (" "):rep(format.indent * depth)
  local inner = margin .. (" "):rep(format.indent)
  return open .. inner .. table.concat(pieces, "," .. inner) .. margin .. close
end

local encode

local function encode_list(value, length, where, format, depth)
  local pieces = {}
  for i = 1, length do pieces[i] = encode(value[i], ("%s[%d]"):format(where, i), format, depth + 1) end
  return bracket("[", pieces, "]", format, depth)
end

local function encode_object(value, where, format, depth)
  local pieces = {}
  for _, member in ipairs(members_of(value)) do
    local inside = where .. "." .. member[1]
    pieces[#pieces + 1] = text(member[1], "the name of " .. inside) .. format.colon
      .. encode(member[2] == nil and json.null or member[2], inside, format, depth + 1)
  end
  return bracket("{", pieces, "}", format, depth)
end

function encode(value, where, format, depth)
  local kind = type(value)
  if depth > deepest then
    core.base.raise(("json.encode: tables are nested more than %d deep (does one contain itself?)")
      :format(deepest))
  elseif kind == "string" then
    return text(value, where)
  elseif kind == "number" then
    return number(value)
  elseif kind == "boolean" or value == json.null then
    return tostring(value)
  end
  local metatable = getmetatable(value)
  if type(metatable) == "table" and metatable.__json then
    return encode(metatable.__json(value), where, format, depth + 1)
  elseif kind ~= "table" then
    refuse(where, options.show(value) .. ", which JSON cannot say")
  elseif metatable == object_metatable then
    return encode_object(value, where, format, depth)
  end
  local length = list_length(value, where)
  if length then return encode_list(value, length, where, format, depth) end
  return encode_object(value, where, format, depth)
end

local encode_options = {
  { "indent", kind = "integer", min = 0, max = 16 },
  { "compact", kind = "boolean", default = false },
}

--- Writes a value as JSON text: on one line, with `indent` a member or element a line.
-- Numbers have the fewest digits that read back the same; NaN and infinities, which JSON lacks, are null.
---@param value any
---@param given? { indent: integer?, compact: boolean? } spaces a level; no spaces at all
---@return string
function json.encode(value, given)
  local opt = options.table("json.encode", given, encode_options)
  if opt.indent and opt.compact then core.base.raise "json.encode: indent and compact exclude each other" end
  local format = {
    indent = opt.indent,
    comma = opt.compact and "," or ", ",
    colon = opt.compact and ":" or ": ",
  }
  return encode(value, "the value", format, 1)
end

--- Reads a JSON text, strictly: one value and nothing after it, no member twice.
---@param source string
---@return any value, string? message, string? code nil and a message when it is no JSON
function json.decode(source)
  if type(source) ~= "string" then options.wrong("json.decode: the text", source, "a string") end
  local value, message, code = core.json.decode(source)
  if value == nil then return nil, "json.decode: " .. message, code end
  return value
end

return { public = { json = json } }
