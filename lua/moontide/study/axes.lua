--- What a sweep varies, and the levels that come of it.
--
-- An *axis* is one quantity with its values: { kind = "concurrency" | "request_rate" | "rate_scale", values =
-- numbers } or { kind = "option", name = a script's option, values = texts (from Lua: any values) }. Two axes
-- make a grid. A level is { folder =, settings = (study/level.lua), cells = { text, ... } } with a cell an
-- axis.
local options = require "moontide.kit.options"

local axes = {}

---@class moontide.axis
---@field kind string
---@field name string "concurrency", or the option's name
---@field values any[]

---@class moontide.sweep_level
---@field folder string "c8", "r2.5", "x0.5", "isl=500", "isl=500/c8"
---@field settings table
---@field cells string[] the value of each axis

-- "isl=500,2000" as { name =, values = texts }.
options.kinds.varied = { is_whole = true, placeholder = "OPTION=A,B,...", convert = function(value, what)
  local allowed = "a script's option and its values (isl=500,2000,8000)"
  local name, text = tostring(value):match "^%s*%-*([%a][%w_-]*)%s*=%s*(.-)%s*$"
  if not name or text == "" then options.wrong(what, value, allowed) end
  local values = options.value(text, what, { kind = "string", list = true }, true)
  for _, one in ipairs(values) do
    if not one:find "%S" then options.wrong(what, value, allowed) end
  end
  return { name = name:gsub("_", "-"), values = values }
end }

-- From Lua: { isl = { 500, 2000 } }.
options.kinds.varied.pair = function(name, values)
  local texts = {}
  for i, one in ipairs(type(values) == "table" and values or { values }) do texts[i] = tostring(one) end
  return name .. "=" .. table.concat(texts, ",")
end

axes.options = {
  { "concurrencies", kind = "integer", list = true, min = 1, max = 1000000, placeholder = "N",
    help = "levels: requests in flight (default: 1,2,5,10,50,100,250, or CONCURRENCIES of the environment)" },
  { "request-rates", kind = "rate_number", list = true, above = 0, placeholder = "RATE",
    help = "levels: requests a second on average" },
  { "rate-scales", kind = "number", list = true, above = 0, whole = true, placeholder = "FACTOR",
    help = "levels: all rates of a script, or the speed of a trace, times this" },
  { "vary", kind = "varied", list = true,
    help = "levels: the values of a script's option (isl=500,2000); a second one, or one beside the others, "
      .. "makes a grid" },
}

local kinds = {
  { option = "concurrencies", kind = "concurrency", letter = "c" },
  { option = "request_rates", kind = "request_rate", letter = "r" },
  { option = "rate_scales", kind = "rate_scale", letter = "x" },
}

local default_concurrencies = { 1, 2, 5, 10, 50, 100, 250 }

-- CONCURRENCIES of the environment, else upstream's.
local function concurrencies_by_default()
  local text = os.getenv "CONCURRENCIES"
  if not text or not text:find "%S" then return default_concurrencies end
  local option = { kind = "integer", list = true, min = 1, max = 1000000 }
  return options.value(text, "CONCURRENCIES in the environment", option, true)
end

--- REQUEST_COUNT of the environment for that many in flight; 0, and without it: max(3 * concurrency, 10).
---@param concurrency integer
---@return integer
function axes.request_count(concurrency)
  local text = os.getenv "REQUEST_COUNT"
  local count = text and text:find "%S" and options.value(text, "REQUEST_COUNT in the environment",
    { kind = "integer", min = 0 }, true) or 0
  return count > 0 and count or math.max(3 * concurrency, 10)
end

local function shown(value)
  return type(value) == "string" and value or ("%.10g"):format(value)
end

-- What is wrong with an axis, named `what` for people: a value that is there twice.
local function twice(axis, what)
  local seen = {}
  for _, value in ipairs(axis.values) do
    if seen[shown(value)] then return ("%s: %s is there twice"):format(what, shown(value)) end
    seen[shown(value)] = true
  end
end

local function axes_of_options(opt)
  local found, wrong = {}, nil
  for _, one in ipairs(opt.vary or {}) do
    found[#found + 1] = { kind = "option", name = one.name, values = one.values }
    wrong = wrong or twice(found[#found], "--vary " .. one.name)
  end
  if #found == 2 and found[1].name == found[2].name then
    wrong = wrong or ("--vary %s: it is there twice"):format(found[1].name)
  end
  return found, wrong
end

--- The axes that the options ask for; those of script options first. by_default: without a word of it the
--- concurrencies vary. Gives nil and what is wrong with them.
---@param opt table
---@param by_default boolean the load has no other levels by itself
---@return moontide.axis[]? list, string? message
function axes.of(opt, by_default)
  local found, wrong = axes_of_options(opt)
  local of_load
  for _, one in ipairs(kinds) do
    local name = "--" .. one.option:gsub("_", "-")
    if opt[one.option] then
      if of_load then return nil, ("%s and %s exclude each other"):format(of_load, name) end
      of_load = name
      found[#found + 1] = { kind = one.kind, name = one.kind, values = opt[one.option], letter = one.letter }
      wrong = wrong or twice(found[#found], name)
    end
  end
  if not of_load and not opt.concurrency and (by_default or #found == 0) then
    found[#found + 1] = { kind = "concurrency", name = "concurrency", values = concurrencies_by_default(),
      letter = "c" }
    wrong = wrong or twice(found[#found], "CONCURRENCIES in the environment")
  end
  if #found == 0 then wrong = "nothing varies: --concurrencies, --request-rates, --rate-scales or --vary" end
  if #found > 2 then wrong = wrong or "at most two of what a sweep varies make a grid" end
  if wrong then return nil, wrong end
  return found
end

local longest_value = 60

-- A value as a part of a folder's name.
local function folder_of(axis, value)
  if axis.letter then return axis.letter .. shown(value) end
  local text = shown(value):gsub("[^%w.:,=+_-]", "_")
  if #text > longest_value then text = text:sub(1, longest_value) .. "~" end
  return axis.name .. "=" .. text
end

-- Values whose folders' names would be the same have a number.
local function folders_of(axis)
  local names, seen = {}, {}
  for i, value in ipairs(axis.values) do
    local name = folder_of(axis, value)
    seen[name] = (seen[name] or 0) + 1
    names[i] = seen[name] == 1 and name or ("%s~%d"):format(name, seen[name])
  end
  return names
end

-- What the value of an axis sets.
local function set(settings, axis, value)
  if axis.kind == "option" then
    settings.varied[#settings.varied + 1] = { axis.name, value }
  else
    settings[axis.kind] = value
  end
end

--- How many levels the axes make.
---@param list moontide.axis[]
---@return integer
function axes.count(list)
  local count = 1
  for _, axis in ipairs(list) do count = count * #axis.values end
  return count
end

--- The levels, the last axis varying fastest.
---@param list moontide.axis[] one or two
---@return moontide.sweep_level[]
function axes.levels(list)
  local levels = { { cells = {}, settings = { varied = {} } } }
  for _, axis in ipairs(list) do
    local names, longer = folders_of(axis), {}
    for _, one in ipairs(levels) do
      for i, value in ipairs(axis.values) do
        local settings = { varied = table.move(one.settings.varied, 1, #one.settings.varied, 1, {}) }
        for _, kind in ipairs(kinds) do settings[kind.kind] = one.settings[kind.kind] end
        set(settings, axis, value)
        local cells = table.move(one.cells, 1, #one.cells, 1, {})
        cells[#cells + 1] = shown(value)
        longer[#longer + 1] = { cells = cells, settings = settings,
          folder = one.folder and one.folder .. "/" .. names[i] or names[i] }
      end
    end
    levels = longer
  end
  return levels
end

return axes
