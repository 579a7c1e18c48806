--- Further members of a stream's records: `fields = { model = "llama", priority = mt.choice{...} }`.
local core = require "moontide.core"
local distribution = require "moontide.load.distribution"
local lists = require "moontide.kit.lists"
local options = require "moontide.kit.options"

local fields = {}

-- A value as JSON text; what JSON cannot say is told of the field.
local function json_text(value, where)
  if type(value) == "number" and (value ~= value or math.abs(value) == math.huge) then
    options.wrong(where, value, "finite")
  end
  local ok, text = pcall(core.json.encode, value, -1, false)
  if ok then return text end
  if not core.base.is_usage(text) then error(text, 0) end
  core.base.raise((text.message:gsub("^json%.encode: the value", where):gsub("^json%.encode", where)))
end

local ours = {
  timestamp = true, input_length = true, output_length = true, hash_ids = true, session_id = true,
  delay = true, stream = true,
}

-- More different values than this are not listed.
local most_values = 4096

-- Is there a choice somewhere in the value?
local function has_choice(value)
  if options.type_of(value) == "moontide.choice" then return true end
  if not options.is_plain(value) then return false end
  for _, one in pairs(value) do
    if has_choice(one) then return true end
  end
  return false
end

local alternatives

-- Every table in `tables` with each of the alternatives as its member.
local function with_member(tables, key, members, where)
  if #tables * #members > most_values then
    core.base.raise(("%s: the choices in it make more than %d different values"):format(where, most_values))
  end
  local all = {}
  for _, one in ipairs(tables) do
    for _, member in ipairs(members) do
      local copy = { [key] = member.value }
      for name, before in pairs(one.value) do copy[name] = before end
      all[#all + 1] = { weight = one.weight * member.weight, value = copy }
    end
  end
  return all
end

-- The values that a value with choices in it can have, and their weights.
function alternatives(value, where)
  local all = {}
  if options.type_of(value) == "moontide.choice" then
    for i, one in ipairs(value.values) do
      for _, inner in ipairs(alternatives(one, where)) do
        all[#all + 1] = { weight = value.weights[i] * inner.weight, value = inner.value }
      end
    end
    return all
  end
  all[1] = { weight = 1, value = value }
  if not options.is_plain(value) then return all end
  all[1].value = {}
  for _, key in ipairs(lists.sorted_keys(value)) do
    all = with_member(all, key, alternatives(value[key], where), where)
  end
  return all
end

local function check_no_distribution(value, where)
  if distribution.is(value) then
    core.base.raise(where
      .. ": a distribution stands for a whole field, not for a member of one: mt.choice works there")
  elseif options.is_plain(value) then
    for key, one in pairs(value) do check_no_distribution(one, ("%s.%s"):format(where, key)) end
  end
end

local function add(list, name, value, where)
  local key = json_text(name, where)
  where = where .. "." .. name
  if distribution.is(value) then
    core.plan.add_number(list, key, value)
  elseif has_choice(value) then
    local texts, weights = {}, {}
    for i, one in ipairs(alternatives(value, where)) do
      check_no_distribution(one.value, where)
      texts[i], weights[i] = json_text(one.value, where), one.weight
    end
    core.plan.add_choice(list, key, texts, weights)
  else
    check_no_distribution(value, where)
    core.plan.add_constant(list, key, json_text(value, where))
  end
end

--- Checks a table of fields and makes it core's, in the order of the names.
---@param given table<string, any>|nil texts, numbers, booleans, tables of them, distributions, mt.choice
---@param where string for messages: "stream 'chat'"
---@param beneath table<string, any>|nil fields that hold where given has no such name
---@param class string|nil name of the class of the requests: the field "class", unless one is given
---@return userdata|nil list nil when there are none
function fields.of(given, where, beneath, class)
  if given == nil and beneath == nil and class == nil then return nil end
  where = where .. ": fields"
  local all = {}
  for _, from in ipairs { beneath or {}, given or {} } do
    options.list(from, where, "a table of names and values")
    for name, value in pairs(from) do
      if type(name) ~= "string" then
        core.base.raise(("%s: fields have names, %s is none"):format(where, options.show(name)))
      elseif ours[name] then
        core.base.raise(("%s: '%s' cannot be set: the record has it"):format(where, name))
      end
      all[name] = value
    end
  end
  if all.class == nil then all.class = class end
  if next(all) == nil then return nil end
  local list = core.plan.fields()
  for _, name in ipairs(lists.sorted_keys(all)) do add(list, name, all[name], where) end
  return list
end

--- Raises where fields have a name that something else writes.
---@param given any
---@param names string[]
---@param where string for messages
---@param writer string what writes them
function fields.refuse(given, names, where, writer)
  for _, name in ipairs(names) do
    if type(given) == "table" and given[name] ~= nil then
      core.base.raise(("%s: fields: '%s' cannot be set: %s writes it"):format(where, name, writer))
    end
  end
end

return fields
