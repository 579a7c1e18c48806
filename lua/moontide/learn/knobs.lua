--- A learnt model's knobs: each makes one thing of it as it is asked for, and leaves the others.
local cache_options = require "moontide.learn.cache_options"
local core = require "moontide.core"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
local texts = require "moontide.kit.text"
local units = require "moontide.kit.units"

local knobs = {}

-- A number, or { times =, text = } of "x2", times what the source has.
local function change(value, what)
  if type(value) == "table" and getmetatable(value) == nil and value.times then return value end
  local text = type(value) == "string" and (value:match "^%s*[xX](.+)$" or value:match "^(.+)[xX]%s*$")
  local ok, number = pcall(units.number, text or value, what, type(value) == "string")
  if ok and number > 0 then
    if not text and number < 1 and type(value) == "string" then
      report.note(("%s: %.9g is less than one; times what the source has is x%.9g"):format(what, number,
        number))
    end
    return text and { times = number, text = ("x%.9g"):format(number) } or number
  end
  units.wrong(what, value, "a number above 0, or times what the source has, as x2")
end

options.kinds.change = { convert = change, placeholder = "N|xTIMES" }

--- The options, as the command line names them.
knobs.list = {
  { "sharing", kind = "number", min = 0, max = 1,
    help = "share this part of what was shared, 0 to 1: blocks in place of the rest are a request's own; "
      .. "lengths and times stay" },
  { "sessions-at-once", kind = "change",
    help = "so many sessions in progress on average, or times the source's, as x2: the rate moves alike; "
      .. "what a session is stays (arrivals follow)" },
  { "session-length", kind = "change",
    help = "so many turns a session on average, or times the source's, as x0.5: cut off at the end, or going "
      .. "on as they had gone; starts and think times stay (arrivals follow)" },
  { "cliff-at", kind = "cache_size", min = 1,
    help = "as many sessions at once as put the cliff there: the size at which an LRU cache has half of the "
      .. "hits that it can have; blocks (1000), tokens (2Mtokens) or bytes (80GB)" },
  { "bytes-per-token", kind = "bytes", above = 0, help = "what a token takes, for --cliff-at in bytes" },
}

--- The same, as a table of options names them.
knobs.fields = {}
for i, option in ipairs(knobs.list) do
  knobs.fields[i] = {}
  for key, value in pairs(option) do knobs.fields[i][key] = value end
  knobs.fields[i][1] = options.key(option[1])
end

--- Where the knobs stand: "sharing 44.4 %, session_length 5.20 turns, ...".
---@param measures table sharing, session_length, sessions_at_once, cliff (blocks): those that are known
---@return string
function knobs.shown(measures)
  local parts = {}
  local function add(name, value, text)
    parts[#parts + 1] = value and ("%s %s"):format(name, text(value)) or nil
  end
  add("sharing", measures.sharing, function(value) return ("%.1f %%"):format(100 * value) end)
  local function two_digits(value) return texts.number(value, 2) end
  add("session_length", measures.session_length, function(value) return two_digits(value) .. " turns" end)
  add("sessions_at_once", measures.sessions_at_once, two_digits)
  add("cliff_at", measures.cliff, function(value) return texts.grouped_count(value, "block") end)
  return table.concat(parts, ", ")
end

-- In the order in which they are turned: session_length changes what is shared, and all change the cliff.
local order = { "session_length", "sharing", "sessions_at_once", "cliff_at" }

--- Those that are about sessions, which only arrivals that follow them keep.
knobs.of_sessions = { "sessions_at_once", "session_length" }

--- The first of the names that is among the options, or nil.
---@param opt table
---@param names? string[] default: all knobs
---@return string?
function knobs.first(opt, names)
  for _, name in ipairs(names or order) do
    if opt[name] then return name end
  end
end

--- Each knob among the options with its value as text, in order.
---@param opt table
---@return { [1]: string, [2]: string }[]
function knobs.texts(opt)
  local list = {}
  for _, name in ipairs(order) do
    local value = opt[name]
    if value then
      list[#list + 1] = { name, type(value) == "table" and value.text or ("%.9g"):format(value) }
    end
  end
  return list
end

--- What is wrong with the knobs together: a message, or nil. `label` names an option.
---@param opt table
---@param label fun(name: string): string
---@return string?
function knobs.mistake(opt, label)
  if opt.cliff_at and opt.sessions_at_once then
    return ("%s and %s exclude each other: the cliff is moved by how many sessions are at once"):format(
      label "cliff_at", label "sessions_at_once")
  elseif opt.bytes_per_token and not opt.cliff_at then
    return ("%s needs %s"):format(label "bytes_per_token", label "cliff_at")
  end
  return cache_options.wrong_sizes(opt.cliff_at and { opt.cliff_at }, opt.bytes_per_token, label "cliff_at")
end

-- The number that a knob is to be turned to, in what core counts in; or nil, message, code.
local function target(name, value, measures, block_size, bytes_per_token)
  if name == "cliff_at" then
    local blocks, message = cache_options.blocks({ value }, block_size, bytes_per_token)
    if not blocks then return nil, message, "value" end
    return blocks[1]
  elseif type(value) ~= "table" then
    return value
  elseif not measures[name] then
    return nil, "all requests come at one instant, so no session lasts", "value"
  end
  return value.times * measures[name]
end

--- The model with the knobs turned, or the model itself where there are none. Times that the source has are
--- those of the model as given.
---@param model moontide.model
---@param opt table sharing, sessions_at_once, session_length, cliff_at, bytes_per_token
---@param label fun(name: string): string names an option in messages
---@return moontide.model? turned, string? message, string? code
function knobs.turn(model, opt, label)
  local first = knobs.first(opt)
  if not first then return model end
  local measures, message, code = core.model.measures(model)
  if not measures then return nil, message, code end
  if not measures.session_length then
    return nil, ("who continues whom is not known, and %s needs it: learn the model again from its trace, "
      .. "with the order of its gaps"):format(label(first)), "value"
  end
  local turned, block_size = model, model:block_size()
  for _, name in ipairs(order) do
    if opt[name] then
      local number
      number, message, code = target(name, opt[name], measures, block_size, opt.bytes_per_token)
      local before = turned
      if number then turned, message, code = core.model.turned(before, name, number) end
      if before ~= model then before:close() end
      if not number or not turned then
        return nil, code == "value" and ("%s: %s"):format(label(name), message) or message, code
      end
    end
  end
  return turned
end

return knobs
