--- Further members of a stream's records: `fields = { model = "llama", priority = mt.choice{...} }`.
local core = require "moontide.core"
local distribution = require "moontide.load.distribution"
local json = require("moontide.base.json").public.json
local lists = require "moontide.kit.lists"
local options = require "moontide.kit.options"
core.base.own()

local fields = {}

-- A value as JSON text; what JSON cannot say is told of the field.
local function json_text(value, where)
  if type(value) == "number" and (value ~= value or math.abs(value) == math.huge) then
    options.wrong(where, value, "finite")
  end
  local ok, text = pcall(function() return json.encode(value) end)
  if ok then return text end
  if not core.base.is_usage(text) then error(text, 0) end
  core.base.raise((text.message:gsub("^json%.encode: the value", where):gsub("^json%.encode", where)))
end

local ours = {
  timestamp = true, input_length = true, output_length = true, hash_ids = true, session_id = true,
  delay = true, stream = true,
}

local function add(list, name, value, where)
  local key = json_text(name, where)
  where = where .. "." .. name
  if distribution.is(value) then
    core.plan.add_number(list, key, value)
  elseif options.type_of(value) == "moontide.choice" then
    local texts = {}
    for i, one in ipairs(value.values) do texts[i] = json_text(one, where) end
    core.plan.add_choice(list, key, texts, value.weights)
  else
    core.plan.add_constant(list, key, json_text(value, where))
  end
end

--- Checks a table of fields and makes it core's, in the order of the names.
---@param given table<string, any>|nil texts, numbers, booleans, tables of them, distributions, mt.choice
---@param where string for messages: "stream 'chat'"
---@param beneath table<string, any>|nil fields that hold where given has no such name
---@return userdata|nil list nil when there are none
function fields.of(given, where, beneath)
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
  if next(all) == nil then return nil end
  local list = core.plan.fields()
  for _, name in ipairs(lists.sorted_keys(all)) do add(list, name, all[name], where) end
  return list
end

return fields
