--- Further members of a stream's records: `fields = { model = "llama", priority = mt.choice{...} }`.
local core = require "moontide.core"
local distribution = require "moontide.distribution"
local options = require "moontide.options"
core.base.own()

local fields = {}

-- --- values as JSON ---------------------------------------------------------------------------------

local deepest = 100

local function quoted(text, where)
  if not utf8.len(text) then options.wrong(where, text, "UTF-8 text") end
  return '"' .. text:gsub('[%c"\\]', function(byte)
    if byte == '"' or byte == "\\" then return "\\" .. byte end
    return ("\\u%04x"):format(byte:byte())
  end) .. '"'
end

local function number_text(value, where)
  if math.type(value) == "integer" then return ("%d"):format(value) end
  if value ~= value or value == math.huge or value == -math.huge then options.wrong(where, value, "finite") end
  return options.python_number(value)
end

local json_text

local function list_text(list, where, depth)
  local texts = {}
  for i = 1, #list do texts[i] = json_text(list[i], ("%s[%d]"):format(where, i), depth) end
  return "[" .. table.concat(texts, ", ") .. "]"
end

local function object_text(object, where, depth)
  local keys, texts = {}, {}
  for key in pairs(object) do
    if type(key) ~= "string" then
      core.base.raise(("%s: a table is a list or has names, it cannot mix them"):format(where))
    end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for i, key in ipairs(keys) do
    texts[i] = quoted(key, where) .. ": " .. json_text(object[key], where .. "." .. key, depth)
  end
  return "{" .. table.concat(texts, ", ") .. "}"
end

-- Keys in their order, whole numbers exact: the same value is the same text, always.
function json_text(value, where, depth)
  depth = (depth or 0) + 1
  if depth > deepest then core.base.raise(where .. ": tables within tables without end") end
  local kind = type(value)
  if kind == "string" then return quoted(value, where) end
  if kind == "number" then return number_text(value, where) end
  if kind == "boolean" then return tostring(value) end
  if kind ~= "table" or getmetatable(value) then
    options.wrong(where, value, "a text, a number, true, false or a table of them")
  end
  if #value > 0 then
    for key in pairs(value) do
      if math.type(key) ~= "integer" or key < 1 or key > #value then
        core.base.raise(("%s: a table is a list or has names, it cannot mix them"):format(where))
      end
    end
    return list_text(value, where, depth)
  end
  return object_text(value, where, depth)
end

-- --- members ----------------------------------------------------------------------------------------

local ours = {
  timestamp = true, input_length = true, output_length = true, hash_ids = true, session_id = true,
  delay = true, stream = true,
}

local function is_choice(value)
  local metatable = getmetatable(value)
  return type(metatable) == "table" and metatable.__name == "moontide.choice"
end

local function add(list, name, value, where)
  local key = quoted(name, where)
  where = where .. "." .. name
  if distribution.is(value) then
    core.plan.add_number(list, key, value)
  elseif is_choice(value) then
    local texts = {}
    for i, one in ipairs(value.values) do texts[i] = json_text(one, where) end
    core.plan.add_choice(list, key, texts, value.weights)
  else
    core.plan.add_constant(list, key, json_text(value, where))
  end
end

--- Checks a table of fields and makes it core's, in the order of the names.
---@param given table<string, any>|nil values: texts, numbers, booleans, tables of them, distributions, mt.choice
---@param where string for messages: "stream 'chat'"
---@param beneath table<string, any>|nil fields that hold where given has no such name
---@return userdata|nil list nil when there are none
function fields.of(given, where, beneath)
  where = where .. ": fields"
  local all, names = {}, {}
  for _, from in ipairs { beneath or {}, given or {} } do
    if type(from) ~= "table" or getmetatable(from) then options.wrong(where, from, "a table of names and values") end
    for name, value in pairs(from) do
      if type(name) ~= "string" then
        core.base.raise(("%s: fields have names, %s is none"):format(where, options.show(name)))
      elseif ours[name] then
        core.base.raise(("%s: '%s' cannot be set: the record has it"):format(where, name))
      end
      all[name] = value
    end
  end
  for name in pairs(all) do names[#names + 1] = name end
  if #names == 0 then return nil end
  table.sort(names)
  local list = core.plan.fields()
  for _, name in ipairs(names) do add(list, name, all[name], where) end
  return list
end

return fields
