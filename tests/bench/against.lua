-- What a benchmark measured, as a file, and two of them side by side.
--
-- The file is JSON Lines, a row of the table each, with the members of table.lua's rows (seconds and bytes).
-- Two rows of one name are compared by their ratio to the floor, which is what machines and days have in
-- common, else by their time, else by their peak.
local against = {}

local order = { "what", "time", "spread", "floor", "floor_is", "floor_spread", "count", "of", "peak",
  "floor_bytes", "goal", "met" }

local function quoted(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

local function value_text(value)
  if type(value) == "string" then return quoted(value) end
  if type(value) == "number" then return ("%.9g"):format(value) end
  return tostring(value)
end

--- A row as a line.
---@param row table
---@return string
function against.line(row)
  local members = {}
  for _, name in ipairs(order) do
    if row[name] ~= nil then members[#members + 1] = quoted(name) .. ": " .. value_text(row[name]) end
  end
  return "{" .. table.concat(members, ", ") .. "}\n"
end

--- The rows of a file by name, read with `decode` (mt.json.decode), or nil and what is wrong.
---@param path string
---@param decode fun(text: string): any
---@return table<string, table>? rows, string? message
function against.read(path, decode)
  local file <close>, message = io.open(path)
  if not file then return nil, message end
  local rows, number = {}, 0
  for line in file:lines() do
    number = number + 1
    local ok, row = pcall(decode, line)
    if not ok or type(row) ~= "table" or type(row.what) ~= "string" then
      return nil, ("%s:%d: this is no row of a benchmark"):format(path, number)
    end
    rows[row.what] = row
  end
  return rows
end

-- What a row is compared by, and how far it may be off by chance: the quartiles' distance of its runs, and of
-- the floor's.
local function measure_of(row)
  local noise = (row.spread or 0) + (row.floor_spread or 0)
  if row.time and row.floor then return row.time / row.floor, noise, "ratio" end
  if row.time then return row.time, noise, "time" end
  return row.peak, 0, "peak"
end

-- Less than this, between two runs of one program, is nothing to speak of, however still the machine was.
local least = 0.05

--- Compares two rows of one name: now / before of what `by` names. The verdict is empty where that is within
-- the noise of the two.
---@param now table
---@param before table
---@return { by: string, change: number, noise: number, verdict: string, peak: number? }? how nil: they have
--- nothing in common to compare
function against.compare(now, before)
  local value, noise, by = measure_of(now)
  local other, other_noise, other_by = measure_of(before)
  if not value or by ~= other_by then return nil end
  local change = value / other
  local bound = math.max(least, noise + other_noise)
  local verdict = change > 1 + bound and "slower" or 1 / change > 1 + bound and "faster" or ""
  if by == "peak" and verdict ~= "" then verdict = change > 1 and "larger" or "smaller" end
  return { by = by, change = change, noise = bound, verdict = verdict,
    peak = now.peak and before.peak and now.peak / before.peak or nil }
end

local layout = "%-48s %7s %6s %6s  %s"

--- The comparison as text: a line a row, in the order of `rows`, and what only one of them has.
---@param rows table[] of this run
---@param before table<string, table>
---@return string
function against.text(rows, before)
  local lines, seen = { layout:format("against the earlier run", "by", "change", "peak", "") }, {}
  for _, row in ipairs(rows) do
    local old = before[row.what]
    local found = old and against.compare(row, old)
    seen[row.what] = true
    if found then
      lines[#lines + 1] = layout:format(row.what, found.by, ("%.2f"):format(found.change),
        found.peak and ("%.2f"):format(found.peak) or "",
        found.verdict ~= "" and found.verdict or ("within %.0f%%"):format(100 * found.noise))
    else
      lines[#lines + 1] = layout:format(row.what, "", "", "", old and "measured otherwise" or "new")
    end
  end
  local gone = {}
  for name in pairs(before) do
    if not seen[name] then gone[#gone + 1] = name end
  end
  table.sort(gone)
  for _, name in ipairs(gone) do lines[#lines + 1] = layout:format(name, "", "", "", "not measured now") end
  return (table.concat(lines, "\n"):gsub(" +\n", "\n")) .. "\n"
end

return against
