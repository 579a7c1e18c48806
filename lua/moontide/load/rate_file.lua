--- The rate of a file that a text names, as on the command line: "rates.csv", "trace.jsonl", or with options
--- of mt.rate_of "counts.csv:time=day,rate=n,per=1h".
--
-- Where the columns are not named they are found: `time` and `rate`, or the two that there are. Such a guess
-- must not make 60 times the load of what somebody counted by the minute, so a header that speaks of anything
-- but seconds and requests a second is refused, with what to write instead.
local core = require "moontide.core"
local csv = require "moontide.base.csv"
local options = require "moontide.kit.options"
local rate_of = require "moontide.load.rate_of"
local units = require "moontide.kit.units"

local rate_file = {}

local function has_ending(path, ...)
  local name = path:lower():gsub("%.gz$", ""):gsub("%.zst$", "")
  for _, ending in ipairs { ... } do
    if name:sub(-#ending) == ending then return true end
  end
  return false
end

-- "FILE:NAME=VALUE,..." as the file's name and the text of its options, "" without any. A colon elsewhere in
-- a path is the path's own.
local function split(text)
  for at in text:gmatch "():%s*[%a_]+%s*=" do
    local path = text:sub(1, at - 1)
    if has_ending(path, ".csv", ".tsv", ".jsonl") then return path, text:sub(at + 1) end
  end
  return text, ""
end

--- Does a text name a file of rates or of requests?
---@param text string
---@return boolean
function rate_file.names(text)
  return has_ending(split(text), ".csv", ".tsv", ".jsonl")
end

-- Does a name of a column hold one of these, in small letters?
local function holds(name, patterns)
  for _, pattern in ipairs(patterns) do
    if name:lower():find(pattern) then return true end
  end
  return false
end

-- Names of columns: of what is counted in longer times than seconds, of a rate per second, of counts.
local longer = { "minut", "hour", "day", "daily", "/%s*min", "/%s*h", "per[_ ]?min", "per[_ ]?h%f[%A]",
  "[_ %[%(]min%f[%A]", "[_ %[%(]h%f[%A]", "[rq]pm$", "[rq]ph$" }
local per_second = { "^rate", "per[_ ]?s", "/%s*s", "[rq]ps$" }
local counts = { "count", "request", "total", "^n$", "^num", "calls", "hits", "events", "arrival" }

-- Of a column of times that are numbers: the unit that its name says, where it is not seconds.
local units_of_names = { { "minut", "m" }, { "%f[%a]mins?%f[%A]", "m" }, { "hour", "h" },
  { "%f[%a]hr?s?%f[%A]", "h" }, { "day", "d" },
  { "milli", "ms" }, { "%f[%a]ms$", "ms" }, { "micro", "us" }, { "%f[%a]us$", "us" }, { "nano", "ns" },
  { "%f[%a]ns$", "ns" } }

local function unit_of_name(name)
  for _, pair in ipairs(units_of_names) do
    if name:lower():find(pair[1]) then return pair[2] end
  end
end

-- Raises where a column's name, and the first row, makes a guess of a unit a wrong one. `begin` is what an
-- option is written behind.
local function check_rate(path, name, begin)
  if holds(name, longer) or not holds(name, per_second) and holds(name, counts) then
    core.base.raise(("%s: column %s seems to count requests in some time: say which, as in %sper=1m "
      .. "(per=1s: they are rates per second)"):format(path, options.show(name), begin))
  end
end

local function check_time(path, name, first, begin)
  local unit = unit_of_name(name)
  if unit and first and tonumber(first[name]) then
    core.base.raise(("%s: column %s has numbers: say what they count, as in %sunit=%s (unit=s: seconds)")
      :format(path, options.show(name), begin, unit))
  end
end

-- The columns of the file that nobody named, and the first row.
local function find_columns(path, given)
  local reader <close>, message = csv.open(path, nil, given.delimiter)
  if not reader then core.base.raise("rate_of: " .. message) end
  local names, found = reader:names(), {}
  local is_row = true
  for _, name in ipairs(names) do
    found[name:lower()] = name
    is_row = is_row and (core.csv.time(name, 9, reader) or units.duration_text(name)) ~= nil
  end
  if is_row then
    core.base.raise(("%s: the first line (%s) is a row already: put the names of the columns before it, as "
      .. "in time,rate"):format(path, csv.list_of(names)))
  end
  given.time, given.rate = given.time or found.time or found.timestamp, given.rate or found.rate
  if #names == 2 then
    given.time = given.time or names[names[1] == given.rate and 2 or 1]
    given.rate = given.rate or names[names[1] == given.time and 2 or 1]
  end
  if not (given.time and given.rate) then
    core.base.raise(("%s: a file of rates has columns time and rate, or two columns; this one has %s "
      .. "(%s:time=NAME,rate=NAME says which they are)"):format(path, csv.list_of(names), path))
  end
  return (reader:next())
end

--- The rate that a file had: of a trace, or of a CSV, as mt.rate_of has it; raises what is wrong.
---@param text string of which rate_file.names is true
---@param what string begins a message about its options
---@return moontide.curve
function rate_file.curve(text, what)
  local path, rest = split(text)
  local given = {}
  if rest ~= "" then given = select(2, options.call("rate_of:" .. rest, what)) end
  if not has_ending(path, ".jsonl") and not given.bin then
    local time, rate = given.time, given.rate
    local first = find_columns(path, given)
    local begin = text .. (rest == "" and ":" or ",")
    if not (rate or given.per) then check_rate(path, given.rate, begin) end
    if not (time or given.unit) then check_time(path, given.time, first, begin) end
  end
  return rate_of(path, given)
end

return rate_file
