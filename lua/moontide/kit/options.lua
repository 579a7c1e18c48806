--- The one validator: of option tables (`mt.spike{ height = 3 }`), of mt.plan_of and, through
-- command/arguments.lua, of the command line.
--
-- An option is data: { "name", kind = "number", default = 3, help = "..." }. A specification is a list of
-- options; `items = true` in it lets a table's list part through; `is_forgotten = true` says that nobody asks
-- options.given of its values, and that who gets them neither changes nor keeps the table: where there is
-- nothing to convert it is the author's own. That spares thousands of streams a book and a copy each.
local core = require "moontide.core"
local kinds = require "moontide.kit.kinds"
local lists = require "moontide.kit.lists"
local nearest = require "moontide.kit.nearest"
local units = require "moontide.kit.units"
local types = require "moontide.kit.value"

local options = {
  duration = units.duration,
  rate_number = units.rate_number,
  integer = units.integer,
  count = units.count,
  number = units.number,
  wrong = units.wrong,
  of = units.of,
  show = units.show,
  type_of = types.type_of,
  is_plain = types.is_plain,
  kinds = kinds.by_name,
  python_number = units.python_number,
}

---@class moontide.option
---@field [1] string its name, with hyphens or underscores: --corr-time on the command line, corr_time in a
--- table
---@field kind string number (finite), integer (exact; k and M), rate (a number per second or a curve),
--- rate_number (only a number), duration (seconds), length (tokens or a distribution), curve, path, choice,
--- flag (absent is false), shard ("0/4"), string, boolean, any; further ones where their values are made
--- (kinds.lua says how). A rate or length given as a number is 0 or more unless the option has a range
---@field default any taken through the same conversion; without one the option is absent
---@field bare any on the command line its value when it is given without one
---@field required boolean? it must be given
---@field takes_words boolean? of a list: on the command line all words up to the next option are its values
---@field whole boolean? on the command line its name may not be shortened
---@field min number? smallest allowed number; above: the same, exclusive
---@field max number? largest allowed number; below: the same, exclusive
---@field above number?
---@field below number?
---@field choices string[]? the texts that a choice may be
---@field list boolean? several values, "1,2,4" or { 1, 2, 4 }
---@field help string? what it means
---@field placeholder string? stands for its value in the help
---@field short string? one letter: -o
---@field aliases string[]? further names
---@field hidden boolean? left out of the help
---@field argument boolean? may be given as a plain argument
---@field stands_for string? the name of a common option that this one replaces and whose value it also gives

-- --- one value -------------------------------------------------------------------------------------

-- "a,b" as texts; in "sine:mean=2,amp=1,fixed:n=3" a piece without a colon belongs to the one before.
local function split(list)
  local pieces = {}
  for piece in (list .. ","):gmatch "([^,]*)," do
    local is_parameter = piece:find "^%s*[%a_]+=" and #pieces > 0 and pieces[#pieces]:find ":"
    if is_parameter then
      pieces[#pieces] = pieces[#pieces] .. "," .. piece
    else
      pieces[#pieces + 1] = piece
    end
  end
  return pieces
end

-- { itl = 50, ttft = 500 } as { "itl=50", "ttft=500" }
local function by_name(values, pair, what)
  local texts = {}
  for i, name in ipairs(lists.sorted_keys(values)) do
    texts[i] = type(pair) == "function" and pair(name, values[name], what)
      or name .. pair .. tostring(values[name])
  end
  return texts
end

--- Raises where a list has a hole: an item that is nil before one that is not. Loops would end there, and
--- what comes after would be lost without a word.
---@param list table
---@param what string
function options.check_whole(list, what)
  local count, last = 0, 0
  for key in next, list do
    if math.type(key) == "integer" then
      if key < 1 then core.base.raise(what .. ": a list begins at 1") end
      count, last = count + 1, math.max(last, key)
    end
  end
  if count == last then return end
  local hole = 1
  while list[hole] ~= nil do hole = hole + 1 end
  core.base.raise(("%s: item %d of the list is nil, and item %d is not: is a name misspelt, or not yet set?")
    :format(what, hole, last))
end

--- Converts one option's value, or raises a usage error that begins with `what`.
---@param value any
---@param what string
---@param option moontide.option
---@param from_text? boolean the value is a text from the command line
---@return any
function options.value(value, what, option, from_text)
  local convert = options.kinds[option.kind].convert
  if not option.list then return convert(value, what, option, from_text) end
  local pair = options.kinds[option.kind].pair
  if pair and types.is_plain(value) and #value == 0 then value = by_name(value, pair, what) end
  if type(value) == "string" and not options.kinds[option.kind].is_whole then
    value, from_text = split(value), true
  elseif not types.is_plain(value) then
    value = { value }
  else
    options.check_whole(value, what)
  end
  local converted = {}
  for i, element in ipairs(value) do
    converted[i] = convert(element, what, option, from_text)
  end
  if #converted == 0 then units.wrong(what, value, "a list of at least one value") end
  return converted
end

-- --- tables ----------------------------------------------------------------------------------------

-- Keys by name. A script with thousands of streams asks for the same few over and over.
local keys = setmetatable({}, { __index = function(known, name)
  local key = name:gsub("-", "_")
  known[name] = key
  return key
end })

--- An option's key in a table of options: hyphens become underscores.
---@param name string
---@return string
function options.key(name)
  return keys[name]
end

-- Which options were given rather than defaulted, by values table.
local given_names = setmetatable({}, { __mode = "k" })

--- Was the option given, rather than left at its default?
---@param values table what options.table or the command line gave
---@param name string with hyphens or underscores
---@return boolean
function options.given(values, name)
  local names = given_names[values]
  return names ~= nil and names[options.key(name)] == true
end

--- A copy of a values table with some of them replaced; those count as given.
---@param values table
---@param replaced table
---@return table
function options.with(values, replaced)
  local copy, given = {}, {}
  for key, value in pairs(values) do copy[key] = value end
  for key in pairs(given_names[values] or {}) do given[key] = true end
  for key, value in pairs(replaced) do copy[key], given[key] = value, true end
  given_names[copy] = given
  return copy
end

--- The message about a file that an option names; where nobody gave the option, that says why it was looked
--- for.
---@param values table
---@param name string
---@param message string
---@return string
function options.of_default(values, name, message)
  if options.given(values, name) then return message end
  return message .. " (nothing was named: this is what is looked for then)"
end

--- The values table of a specification, from values already converted: adds defaults, reports what
-- is required and missing. `label(option)` names an option for messages.
---@param converted table by key
---@param spec moontide.option[]
---@param label fun(option: moontide.option): string
---@return table
function options.complete(converted, spec, label)
  local given = {}
  for key in pairs(converted) do given[key] = true end
  for _, option in ipairs(spec) do
    local key = keys[option[1]]
    if converted[key] == nil then
      if option.required then core.base.raise(label(option) .. " is required") end
      if option.default ~= nil then
        converted[key] = options.value(option.default, label(option), option, false)
      elseif option.kind == "flag" then
        converted[key] = false
      end
    end
  end
  for _, option in ipairs(spec) do
    if option.stands_for then
      local key, common = options.key(option[1]), options.key(option.stands_for)
      converted[common], given[common] = converted[key], given[key]
    end
  end
  given_names[converted] = given
  return converted
end

local function names_of(spec)
  local names = {}
  for _, option in ipairs(spec) do names[#names + 1] = options.key(option[1]) end
  return names
end

-- " (it takes at, height, rise, fall)"
local function list_of(spec)
  local names = names_of(spec)
  if #names == 0 then return " (it takes no names, only a list)" end
  return (" (it takes %s%s)"):format(table.concat(names, ", "), spec.items and ", and a list" or "")
end

-- A test of whether a value is already what the option wants, so that it is taken as it is: nil where the
-- option's kind says none.
local function test_of(option)
  local is_ready = options.kinds[option.kind].is_ready
  return not option.list and is_ready and is_ready(option) or nil
end

-- The key, in a specification, of what is worked out of it once: { count =, keys = by place, known = by key,
-- function_name = and labels = by place of the last one that asked, has_stand_ins =, tests = by key, where a
-- table may be given back as it is }. It is kept there and not in a weak table, which the collector would
-- have to go through at each of thousands of streams.
local checker_key = {}

local function checker_of(spec)
  local checker = spec[checker_key]
  if checker and checker.count == #spec then return checker end
  checker = { count = #spec, keys = {}, known = {}, labels = {} }
  local tests, is_as_given = {}, spec.is_forgotten and not spec.items
  for i, option in ipairs(spec) do
    local key = keys[option[1]]
    checker.keys[i], checker.known[key] = key, true
    checker.has_stand_ins = checker.has_stand_ins or option.stands_for ~= nil
    tests[key] = test_of(option)
    is_as_given = is_as_given and not (option.stands_for or option.required or option.default ~= nil
      or option.kind == "flag")
  end
  checker.tests = is_as_given and tests
  spec[checker_key] = checker
  return checker
end

-- The labels of options in messages, "spike: height", by place: as far as they were needed.
local function labels_of(checker, function_name)
  if checker.function_name ~= function_name then
    checker.function_name, checker.labels = function_name, {}
  end
  return checker.labels
end

local function label_of(checker, labels, function_name, i)
  local label = labels[i] or function_name .. ": " .. checker.keys[i]
  labels[i] = label
  return label
end

-- Raises about the keys that are unknown: the first in order, so that it is always the same one.
local function refuse_unknown(function_name, given, spec, known)
  local wrong = {}
  for key in pairs(given) do
    if not known[key] and not (spec.items and math.type(key) == "integer") then wrong[key] = true end
  end
  for _, key in ipairs(lists.sorted_keys(wrong)) do
    if math.type(key) == "integer" then
      core.base.raise(("%s: takes named options, not a list (item %d is %s)"):format(
        function_name, key, units.show(given[key])))
    else
      local hint = type(key) == "string" and nearest.hint(options.key(key), names_of(spec)) or ""
      if hint == "" then hint = list_of(spec) end
      core.base.raise(("%s: unknown option %s%s"):format(function_name, units.show(key), hint))
    end
  end
end

-- Is each of the values known and already what its option wants?
local function is_ready(given, tests)
  for key, value in next, given do
    local test = tests[key]
    if test ~= true and type(value) ~= test and (type(test) ~= "function" or not test(value)) then
      return false
    end
  end
  return true
end

--- Checks and converts a table of options; raises a usage error that names function, option, value,
-- what is allowed and the nearest name. Unknown names come before missing ones.
---@param function_name string how the author calls it: "spike"
---@param given table|nil nil is an empty table
---@param spec moontide.option[]
---@param from_text? boolean every value is a text, as in "sine:mean=20,amp=10"
---@return table values a new table; of a specification that is forgotten it may be `given`
function options.table(function_name, given, spec, from_text)
  if given == nil then given = {} end
  if not types.is_plain(given) then
    units.wrong(function_name .. ": the argument", given, "a table of options")
  end
  local checker = checker_of(spec)
  local known, tests = checker.known, checker.tests
  if tests and not from_text and is_ready(given, tests) then return given end
  for key in next, given do
    if not known[key] and not (spec.items and math.type(key) == "integer") then
      refuse_unknown(function_name, given, spec, known)
    end
  end
  if spec.items then options.check_whole(given, function_name) end
  local values, are_complete = {}, not checker.has_stand_ins
  local labels, checked = labels_of(checker, function_name), checker.keys
  for i = 1, #checked do
    local key, option = checked[i], spec[i]
    local value = given[key]
    if value == nil then
      are_complete = are_complete and option.default == nil and not option.required and option.kind ~= "flag"
    elseif option.kind == "any" and not option.list then
      values[key] = value
    else
      values[key] = options.value(value, label_of(checker, labels, function_name, i), option, from_text)
    end
  end
  if spec.is_forgotten and are_complete then
    if not spec.items then return values end
  else
    options.complete(values, spec, function(option) return function_name .. ": " .. keys[option[1]] end)
  end
  if spec.items then
    for i, item in ipairs(given) do values[i] = item end
  end
  return values
end

--- Raises unless the value is a list; `allowed` says of what.
---@param value any
---@param what string
---@param allowed string
function options.list(value, what, allowed)
  if not types.is_plain(value) then units.wrong(what, value, allowed) end
end

--- Reads "NAME:key=value,key=value" as options are given on the command line; "NAME" alone has no
-- options. The values are texts, for options.table(..., true).
---@param text_value string
---@param what string
---@return string name, table texts
function options.call(text_value, what)
  local name, rest = text_value:match "^%s*([%a_][%w_]*)%s*:?(.*)$"
  if not name or (rest ~= "" and not text_value:find ":") then
    units.wrong(what, text_value, "NAME:key=value,key=value")
  end
  local texts = {}
  for piece in rest:gmatch "[^,]+" do
    local key, value = piece:match "^%s*([%a_][%w_-]*)%s*=%s*(.-)%s*$"
    if not key then units.wrong(what, text_value, "NAME:key=value,key=value") end
    texts[options.key(key)] = value
  end
  return name, texts
end

return options
