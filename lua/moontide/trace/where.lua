--- Filters written as an expression on a request: "input_length > 1000 and session_id".
--
-- A name in it is a member of the request as the trace has it: timestamp, input_length, or anything else that
-- stands there. What we know of a request beside its members has names that begin with `request_`:
-- request_line, request_turn, request_hash_count, request_extra. Then come a few things of Lua's. What a name
-- was is remembered as long as nothing has been kept, to be told then; a short name (turn, isl) that no
-- request had as a member is a mistake, and the one that was meant is told.
local core = require "moontide.core"
local json = require("moontide.base.json").public.json
local nearest = require "moontide.kit.nearest"
local plain = require "moontide.kit.text"

local where = {}

local lua_names = { math = math, string = string, tostring = tostring, tonumber = tonumber, type = type }

local field_names = {
  "timestamp", "input_length", "output_length", "hash_ids", "session_id", "delay", "stream",
}

-- What is no member of the trace's, by the name that it has here; and what short names mean.
local internal = {}
local meant = { isl = "input_length", osl = "output_length", session = "session_id", time = "timestamp" }
for _, name in ipairs { "line", "turn", "hash_count", "extra" } do
  internal["request_" .. name], meant[name] = name, "request_" .. name
  table.insert(field_names, "request_" .. name)
end

local most_texts = 5

-- " (did you mean 'X'?)" for a name that is none of a request's.
local function hint(name)
  if meant[name] then return (" (did you mean '%s'?)"):format(meant[name]) end
  for _, field in ipairs(field_names) do
    if field == name then return "" end
  end
  return nearest.hint(name, field_names)
end

-- Remembers a value that a name had: its range, or the texts it was.
local function note(notes, name, value)
  local one = notes[name]
  if not one then
    one = { name = name, present = 0, texts = {} }
    notes[name] = one
    notes[#notes + 1] = one
  end
  if value == nil then return end
  one.present = one.present + 1
  if type(value) == "number" then
    if not one.min or value < one.min then one.min = value end
    if not one.max or value > one.max then one.max = value end
  elseif type(value) ~= "table" then
    local text = tostring(value)
    if not one.texts[text] then
      one.texts[text] = true
      one.texts[#one.texts + 1] = text
    end
  end
end

-- Reads the other members of the request, once a request.
local function member_reader(filter)
  local text, members = nil, {}
  return function(name)
    local now = filter:get "extra"
    if now ~= text then
      text = now
      members = now and json.decode(now) or {}
    end
    local value = members[name]
    if value == json.null then return nil end
    return value
  end
end

-- Remembers whether any request had the short name as a member.
local function note_short(short, name, value)
  if short[name] == nil then
    short[name] = false
    short[#short + 1] = name
  end
  if value ~= nil then short[name] = true end
end

local function environment(filter, notes)
  local member, is_noting, get, counts = member_reader(filter), true, filter.get, filter.counts
  return setmetatable({}, {
    __index = function(_, name)
      local value, is_field
      if meant[name] then
        value = member(name)
        note_short(notes.short, name, value)
      elseif internal[name] then
        value, is_field = member(name), true
        if value == nil then value = get(filter, internal[name]) end
      else
        value, is_field = get(filter, name)
        if not is_field then value = member(name) end
      end
      if value == nil and not is_field and lua_names[name] then return lua_names[name] end
      if value == nil then notes.absent, notes.absent_in = name, counts(filter) end
      if is_noting then
        local _, kept = counts(filter)
        is_noting = kept == 0
        if is_noting then note(notes, name, value) end
      end
      return value
    end,
    __newindex = function(_, name)
      core.base.raise(("where: an expression assigns nothing (%s)"):format(tostring(name)))
    end,
  })
end

--- What is wrong with an expression's grammar, nil when nothing is.
---@param expression string
---@return string?
function where.mistake(expression)
  local _, message = load("return " .. expression, "=where", "t", {})
  if not message then return nil end
  local bare = expression:gsub('"[^"]*"', ""):gsub("'[^']*'", "")
  local advice = bare:find "!=" and " (unlike is written ~=)" or bare:find "&&" and " (both is written and)"
    or bare:find "||" and " (either is written or)"
    or bare:gsub("[<>~]=", ""):find "%f[=]=%f[^=]" and " (equal is written ==)" or ""
  return ("'%s' is no expression: %s%s"):format(expression, message:gsub("^where:%d+: ", ""), advice)
end

--- Compiles the expression; raises what is wrong with it.
---@param expression string
---@param filter userdata core.source.filter(), which knows the request that is looked at
---@return fun(): any is_kept, table notes for where.nothing
function where.compile(expression, filter)
  local notes = { short = {} }
  local mistake = where.mistake(expression)
  if mistake then core.base.raise("where: " .. mistake) end
  return assert(load("return " .. expression, "=where", "t", environment(filter, notes))), notes
end

--- The message of an expression that failed, with the name that was absent: Lua says only "a nil value".
---@param message string "FILE:3: where:1: attempt to compare number with nil"
---@param filter userdata
---@param notes table
---@return string text, boolean is_ours was it the expression that failed?
function where.failure(message, filter, notes)
  local seen = filter:counts()
  local text, places = message:gsub("where:1: ", "where: ", 1)
  if places == 0 or notes.absent_in ~= seen then return text, places > 0 end
  return ("%s (this request has no %s%s)"):format(text, notes.absent, hint(notes.absent)), true
end

local function shown_list(one)
  local quoted = {}
  for i = 1, math.min(#one.texts, most_texts) do quoted[i] = "'" .. one.texts[i] .. "'" end
  if #one.texts > most_texts then quoted[#quoted + 1] = "others" end
  return table.concat(quoted, " or ")
end

-- "input_length is between 1 and 7 (absent in 2)"
local function described(one, seen)
  if one.present == 0 then
    return ("no request has %s%s"):format(one.name, hint(one.name))
  end
  local parts = {}
  if one.min == one.max and one.min then
    parts[#parts + 1] = tostring(one.min)
  elseif one.min then
    parts[#parts + 1] = ("between %s and %s"):format(one.min, one.max)
  end
  if #one.texts > 0 then parts[#parts + 1] = shown_list(one) end
  local text = ("%s is %s"):format(one.name, #parts > 0 and table.concat(parts, " or ") or "a list or object")
  if one.present < seen then text = ("%s (in %d of them)"):format(text, one.present) end
  return text
end

--- What to say of a short name that no request had as a member; nil where there was none.
---@param notes table
---@return string?
function where.misnamed(notes)
  for _, name in ipairs(notes.short) do
    if not notes.short[name] then
      return ("the expression says '%s', which no request has%s"):format(name, hint(name))
    end
  end
end

--- What to say of an expression that kept nothing; nil when it kept something or had nothing to look at.
---@param expression string
---@param filter userdata
---@param notes table
---@return string?
function where.nothing(expression, filter, notes)
  local seen, kept = filter:counts()
  if seen == 0 or kept > 0 then return nil end
  local texts = {}
  for _, one in ipairs(notes) do texts[#texts + 1] = described(one, seen) end
  return ("where '%s' keeps none of %s%s%s"):format(expression, plain.count(seen, "request"),
    #texts > 0 and ": " or "", table.concat(texts, "; "))
end

return where
