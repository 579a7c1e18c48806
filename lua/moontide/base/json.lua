--- JSON: mt.json.decode, mt.json.encode, and what a plain table cannot say: null, array, object.
local core = require "moontide.core"
local options = require "moontide.kit.options"

local json = {}

--- Stands for null, in what decode gives and encode takes; nil may stand for it too where a table can
--- hold nil. It is one value: compare with ==. In conditions it counts as true.
json.null = core.json.null

--- Marks a list as an array, which an empty table is not by itself. Gives the same table.
---@param list table
---@return table
function json.array(list)
  return core.json.array(list)
end

--- An object whose members are written in this order: mt.json.object{ {"name", value}, ... }. A value of
--- nil is null.
---@param members table list of { name, value }
---@return table members the same table, marked
function json.object(members)
  return core.json.object(members)
end

local decode_fields = { { "nulls", kind = "boolean", default = true } }

-- What adapters ask for at each event costs no look at a specification.
local function leaves_out_nulls(given)
  local is_alone = type(given) == "table" and next(given) == "nulls" and next(given, "nulls") == nil
  if is_alone and given.nulls == false then return true end
  return not options.table("json.decode", given, decode_fields).nulls
end

--- Reads one JSON value, strictly by RFC 8259. Numbers written without fraction and exponent are
--- integers, exact in all 64 bits; beyond them is an error, never a rounded number. All others are
--- floats. Of equal names in an object the last counts. An empty array stays one when encoded again.
--- Text that is not JSON gives nil, "NAME:LINE:COLUMN: what is wrong" and "input".
---@param text string
---@param name? string what to call the text in messages; "JSON"
---@param given? { nulls: boolean? } nulls = false: members of objects that are null are absent, as in what
--- servers say the two mean the same; in a list, and as the whole value, null stays
---@return any value, string? message, string? code
function json.decode(text, name, given)
  if type(text) ~= "string" then options.wrong("json.decode: the text", text, "a string") end
  if name ~= nil and type(name) ~= "string" then options.wrong("json.decode: the name", name, "a string") end
  return core.json.decode(text, name or "JSON", given ~= nil and leaves_out_nulls(given))
end

local fields = {
  { "indent", kind = "integer", min = 0, max = 16 },
  { "compact", kind = "boolean", default = false },
}

--- A value as JSON text. A table with the keys 1..n is an array; any other has its members sorted by
--- name, and an empty one is {}. Integers are written as integers, floats with the fewest digits that
--- read back as the same float (5.0 stays 5.0), NaN and infinity as null. Strings must be UTF-8. A table
--- whose metatable has __json is written as what __json(table) gives.
---@param value any
---@param given? { indent: integer?, compact: boolean? } indent: spaces a level, over several lines;
--- compact: no spaces after "," and ":" (of one line)
---@return string
function json.encode(value, given)
  local opt = options.table("json.encode", given, fields)
  if opt.indent and opt.compact then
    core.base.raise "json.encode: indent and compact exclude each other"
  end
  return core.json.encode(value, opt.indent or -1, opt.compact)
end

---@class moontide
local public = { json = json }

return { public = public }
