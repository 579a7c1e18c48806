--- mt.rate_of: the rate that a recorded load had, as a curve: of a trace, of a CSV with a row a request,
-- of a CSV of rates.
local core = require "moontide.core"
local csv = require "moontide.base.csv"
local options = require "moontide.kit.options"
local units = require "moontide.kit.units"

local default_bin = 30
local most_bins = 1000000

local spec = {
  { "bin", kind = "duration", above = 0 }, { "time", kind = "string" }, { "rate", kind = "string" },
  { "per", kind = "any" }, { "delimiter", kind = "delimiter" },
  { "unit", kind = "choice", choices = { "s", "ms", "us", "ns", "m", "h", "d" } },
}

local function fail(format, ...)
  core.base.raise("rate_of: " .. format:format(...))
end

-- A curve that holds rates[i] from edges[i] to edges[i + 1]: each piece as two points, so that the rate
-- jumps between.
local function staircase(rates, edges, label)
  local times, values = {}, {}
  for i, rate in ipairs(rates) do
    times[2 * i - 1], times[2 * i] = edges[i], edges[i + 1]
    values[2 * i - 1], values[2 * i] = rate, rate
  end
  return core.curve.sampled(values, times, edges[#edges], label)
end

-- The rate of requests at these times, in bins of which the first starts at the first request; `second`
-- is how much of the times' unit a second is.
local function binned(times, second, bin, label)
  local first, last = math.huge, -math.huge
  for _, time in ipairs(times) do first, last = math.min(first, time), math.max(last, time) end
  local bins = math.floor((last - first) / second / bin) + 1
  if bins > most_bins then
    fail("bin (%s s) is too short for a trace of %.9g s", options.show(bin), (last - first) / second)
  end
  local rates, edges = {}, {}
  for i = 1, bins do rates[i], edges[i] = 0, (i - 1) * bin end
  edges[bins + 1] = bins * bin
  for _, time in ipairs(times) do
    local i = math.min(math.floor((time - first) / second / bin) + 1, bins)
    rates[i] = rates[i] + 1
  end
  for i = 1, bins do rates[i] = rates[i] / bin end
  return staircase(rates, edges, label)
end

local function of_trace(trace, bin)
  local columns = require("moontide.trace.any").columns(trace, "rate_of")
  local is_path = type(trace) == "string"
  local times = columns:column "timestamp"
  local name = is_path and trace .. ": " or ""
  if #columns == 0 then fail("%sthere are no requests", name) end
  if times:count() < #columns then
    fail("%s%d of %d requests have no timestamp", name, #columns - times:count(), #columns)
  end
  return binned(times:values(), 1000, bin, is_path and ("rate_of(%q)"):format(trace) or "rate_of(columns)")
end

-- --- CSV -------------------------------------------------------------------------------------------

-- Raises what is wrong with a column's value in the row that was read last.
local function refuse(reader, column, format, ...)
  fail("%s: column %s: %s", core.csv.where(reader), options.show(column), format:format(...))
end

local longest_time = 9e9 -- seconds, which 64 bits of nanoseconds hold

-- What a number in the column of times counts: its name, 10 to which power nanoseconds it is, and how often.
local time_units = {
  s = { "seconds", 9, 1 }, ms = { "milliseconds", 6, 1 }, us = { "microseconds", 3, 1 },
  ns = { "nanoseconds", 0, 1 }, m = { "minutes", 9, 60 }, h = { "hours", 9, 3600 }, d = { "days", 9, 86400 },
}

-- The text's time in nanoseconds, and "a date" or "a time".
local function time_of(text, reader, column, unit)
  local name, digits, times = table.unpack(time_units[unit])
  local nanoseconds, is_date = core.csv.time(text, digits, reader)
  if nanoseconds and is_date then return nanoseconds, "a date" end
  if nanoseconds and times == 1 then return nanoseconds, "a time" end
  -- Numbers that JSON writes otherwise (".5") or that are too large, and times with units.
  local number = core.csv.number(text, reader)
  local seconds = number and number * times * 10.0 ^ (digits - 9) or units.duration_text(text)
  if not seconds then
    refuse(reader, column, "%s is neither a time in %s or with units (90s, 1h30m) nor a date "
      .. "(2023-11-16 18:15:46)", options.show(text), name)
  elseif math.abs(seconds) > longest_time then
    refuse(reader, column, "%s is too far away for %s (unit = \"ms\" reads milliseconds)",
      options.show(text), name)
  end
  return math.floor(seconds * 1e9 + 0.5), "a time"
end

-- Over the rows of a CSV: the time in nanoseconds, the row, and the reader, which says where it is.
local function rows(path, o)
  local time, unit = o.time, o.unit or "s"
  local reader, message = csv.open(path, { time, o.rate }, o.delimiter)
  if not reader then fail("%s", message) end
  local kind
  local function next_row()
    local row, problem = reader:next()
    if not row then
      if problem then fail("%s", problem) end
      return nil
    end
    local nanoseconds, found = time_of(row[time], reader, time, unit)
    if kind and found ~= kind then
      refuse(reader, time, "%s is %s, the rows before have %s", options.show(row[time]), found, kind)
    end
    kind = found
    return nanoseconds, row, reader
  end
  return next_row, nil, nil, reader
end

-- A CSV in which every row is a request.
local function of_requests(path, o)
  local times = {}
  for time in rows(path, o) do times[#times + 1] = time end
  if #times == 0 then fail("%s: there are no rows", path) end
  return binned(times, 1e9, o.bin, ("rate_of(%q, time=%q)"):format(path, o.time))
end

local function rate_in(row, reader, column)
  local rate = core.csv.number(row[column], reader)
  if not rate then refuse(reader, column, "%s is not a number", options.show(row[column])) end
  if rate < 0 then refuse(reader, column, "the rate must not be below 0, as %s is", row[column]) end
  return rate
end

-- How long the rows of a table usually last: the median step between these times.
local function median_step(times)
  local steps = {}
  for i = 2, #times do steps[i - 1] = times[i] - times[i - 1] end
  table.sort(steps)
  return steps[(#steps + 1) // 2]
end

-- A CSV of rates, each counted per `per` seconds.
local function of_rates(path, o, per)
  local times, rates, edges = {}, {}, {}
  local text_before
  for time, row, reader in rows(path, o) do
    if #times > 0 and time <= times[#times] then
      refuse(reader, o.time, "%s does not come after the %s of the row before", options.show(row[o.time]),
        options.show(text_before))
    end
    text_before = row[o.time]
    rates[#rates + 1] = rate_in(row, reader, o.rate) / per
    times[#times + 1] = time
  end
  if #times < 2 then
    fail("%s: there must be two rows or more to tell how long each lasts (there %s)", path,
      #times == 1 and "is 1" or "are none")
  end
  times[#times + 1] = times[#times] + median_step(times)
  for i, time in ipairs(times) do edges[i] = (time - times[1]) / 1e9 end
  return staircase(rates, edges, ("rate_of(%q, rate=%q%s)"):format(path, o.rate,
    per == 1 and "" or (", per=%.9g"):format(per)))
end

local per_units = { s = 1, m = 60, min = 60, h = 3600, d = 86400 }

local function seconds_of(per)
  local seconds = per_units[per] or options.duration(per, "rate_of: per (s, m, h, d)")
  if seconds <= 0 then options.wrong("rate_of: per", per, "above 0") end
  return seconds
end

-- The columns of the file, for the message that asks for some of them.
local function columns_of(path, o)
  local reader, message = csv.open(path, {}, o.delimiter)
  if not reader then fail("%s", message) end
  local names = csv.list_of(reader:names())
  reader:close()
  return names
end

local function of_csv(path, o)
  if o.rate and o.bin then fail "bin is for counting requests, not for a table of rates (rate=)" end
  if o.per and not o.rate then fail "per is for a table of rates: say in which column they are (rate=)" end
  if not o.time then fail("%s: say in which column the time is (time=): %s", path, columns_of(path, o)) end
  if o.rate then return of_rates(path, o, seconds_of(o.per or "s")) end
  if not o.bin then
    fail("%s: say in which column the rate is (rate=): %s; or give bin= to count each row as a request",
      path, columns_of(path, o))
  end
  return of_requests(path, o)
end

local function is_csv_name(path)
  local name = path:lower():gsub("%.gz$", ""):gsub("%.zst$", "")
  return name:find "%.[ct]sv$" ~= nil
end

---@class moontide.rate_of_options
---@field bin? number|string of a trace, default "30s"; of a CSV: each row is a request
---@field time? string the column of times: numbers, times with units ("90s") or dates ("2023-11-16 18:15:46")
---@field delimiter? string between the CSV's columns: "," ";" "tab"; found from its header without it
---@field unit? string what a number there counts: "s" (default), "ms", "us", "ns", "m", "h", "d"
---@field rate? string the column of rates, of a CSV that is a table of rates
---@field per? number|string what they count per: "s" (default), "m", "h", "d" or a time

--- The rate that a recorded load had, as a curve that starts at 0 with the first request or row.
--
-- Of a trace (a file's name or columns): requests a second in bins of `bin`, as many whole bins as the
-- trace needs, so that the area is the number of requests. Of a CSV (a file whose name ends in .csv or
-- .tsv, perhaps compressed, or any with `time`): with `rate` a table of rates, each holding from its row's
-- time to the next row's, the last one for the median of these steps, and the times must increase; with `bin`
-- every row is a request, in any order. Dates are ISO 8601, without a zone UTC. A file that cannot be read
-- raises.
---@param source moontide.trace a file, or what else may be a trace
---@param given? moontide.rate_of_options
---@return moontide.curve
local function rate_of(source, given)
  local o = options.table("rate_of", given, spec)
  local is_path = type(source) == "string"
  if o.time or o.rate or o.per or o.unit or o.delimiter or (is_path and is_csv_name(source)) then
    if not is_path then
      fail "time, rate, per, unit and delimiter are for a CSV: the first argument must be its name"
    end
    return of_csv(source, o)
  end
  return of_trace(source, o.bin or default_bin)
end

return rate_of
