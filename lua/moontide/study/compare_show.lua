--- A comparison of runs, for people and as JSON.
local difference = require "moontide.study.difference"
local json = require("moontide.base.json").public.json
local lists = require "moontide.kit.lists"
local show = require "moontide.drive.show"
local texts = require "moontide.kit.text"

local compare_show = {}

-- --- metrics ---------------------------------------------------------------------------------------

local error_rate = { key = "error_rate", unit = "ratio", title = "Error Rate" }

-- What a run says of a metric of its own.
local function metric_of(self, key)
  return key == "error_rate" and error_rate or self.runs[1].by_key[key]
end

local function title_of(self, key)
  local metric = metric_of(self, key)
  return ("%s (%s)"):format(metric.title, metric.unit)
end

-- --- the table -------------------------------------------------------------------------------------

local shown_statistics = { "avg", "p50", "p90", "p99" }

local function signed(value, decimals)
  local shown = texts.number(value, decimals)
  if shown:find "[1-9]" then return (value > 0 and "+" or "") .. shown end
  return (shown:gsub("^%-", ""))
end

local function percent(relative)
  return relative and signed(100 * relative, 1) .. " %" or "N/A"
end

-- Small numbers have more decimals, and intervals that leave out 0 as many as that takes.
local function decimals_of(one)
  local decimals = math.max(math.abs(one.first), math.abs(one.second)) < 1 and 4 or 2
  local nearest = one.is_shown and math.min(math.abs(one.low), math.abs(one.high)) or 1
  while nearest < 0.5 * 10 ^ -decimals and decimals < 8 do decimals = decimals + 1 end
  return decimals
end

-- What is printed of a difference, after its name.
local function cells(one)
  local decimals = decimals_of(one)
  local interval = one.low and signed(one.low, decimals) .. " .. " .. signed(one.high, decimals) or "N/A"
  return texts.number(one.first, decimals), texts.number(one.second, decimals),
    signed(one.difference, decimals), percent(one.relative), interval,
    one.is_shown and "shown to differ" or "not shown"
end

-- The same of sides: beside each mean how far the runs are from one another.
local function cells_of_sides(one)
  local first, second, difference_text, relative, interval, outcome = cells(one)
  local spreads = {}
  for s = 1, 2 do
    spreads[s] = one.spreads and "± " .. texts.number(one.spreads[s], decimals_of(one)) or ""
  end
  return first, spreads[1], second, spreads[2], difference_text, relative, interval, outcome
end

-- The lines of a pair; how many of them could differ (not those that are equal in every request), and do.
local function table_of(self, place, pair)
  local letter = compare_show.letter(place)
  local lines = { { "", "A", letter, "Difference", "%", "95 % interval", "" } }
  if pair.repeats then
    lines[1] = { "", "A, mean", "spread", "B, mean", "spread", "Difference", "%", "95 % interval", "" }
  end
  local count, shown = 0, 0
  local function add(title, one)
    if not one then return end
    lines[#lines + 1] = { title, (pair.repeats and cells_of_sides or cells)(one) }
    local can_differ = one.low and (one.low ~= 0 or one.high ~= 0)
    count = count + (can_differ and 1 or 0)
    shown = shown + (one.is_shown and 1 or 0)
  end
  for _, key in ipairs(show.rows) do
    if pair.metrics[key] then
      lines[#lines + 1] = { title_of(self, key) }
      for i = 2, #lines[1] do lines[#lines][i] = "" end
      for _, name in ipairs(shown_statistics) do
        add("  " .. name, difference.of(pair.metrics[key][name]))
      end
    end
  end
  for _, key in ipairs(difference.rates) do
    local one = difference.of(pair.rates[key])
    if one then add(title_of(self, key), one) end
  end
  return (texts.aligned(lines):gsub(" +\n", "\n"):gsub(" +$", "")), count, shown
end

-- --- sentences -------------------------------------------------------------------------------------

--- What the run in that place is called in a table: A, B, ...
---@param place integer
---@return string
function compare_show.letter(place)
  return place <= 26 and string.char(64 + place) or ("run %d"):format(place)
end

local function run_line(self, one, number)
  local run = one.run
  local verdict = run.verdict.name
  if #run.verdict.limited_by > 0 then
    verdict = ("%s (%s)"):format(verdict, table.concat(run.verdict.limited_by, "; "))
  end
  local lines = show.cautions(run)
  local letter = compare_show.letter(one.side)
  if self.pairs[2].repeats then letter = letter .. number end
  table.insert(lines, 1, ("%s: %s: %s; %s"):format(letter, one.name, show.accounting(run.results), verdict))
  return table.concat(lines, "\n   ")
end

local function cut(text)
  return #text > 40 and text:sub(1, utf8.offset(text, 0, 37) - 1) .. "..." or text
end

local function differences_text(list)
  local parts = {}
  for i, one in ipairs(list) do
    parts[i] = ("%s (%s | %s)"):format(one.name, cut(one.first), cut(one.second))
  end
  return table.concat(parts, ", ")
end

local function differing_line(pair)
  if not pair.differing then return "It is not known of both what was asked of them" end
  if #pair.differing == 0 then return nil end
  return (pair.repeats and "The first runs of A and B differ in: " or "The runs differ in: ")
    .. differences_text(pair.differing)
end

-- Repeats of one thing are to be of one thing.
local function within_lines(pair)
  local lines = {}
  for s, list in ipairs(pair.within or {}) do
    if #list > 0 then
      lines[#lines + 1] = ("The runs of %s are not repeats of one: they differ in %s"):format(
        compare_show.letter(s), differences_text(list))
    end
  end
  return #lines > 0 and table.concat(lines, "\n") or nil
end

local apart = 0.1 -- of the prompts' tokens, from which on caches explain what differs

--- What must be known beside the differences of the run in that place: lines, none where nothing must.
---@param self moontide.run_comparison
---@param place integer
---@return string[]
function compare_show.cautions(self, place)
  local first, other = self.runs[1].by_key.hit_ratio, self.runs[place].by_key.hit_ratio
  if not first or not other or math.abs(other.avg - first.avg) < apart then return {} end
  local warmer = other.avg > first.avg and compare_show.letter(place) or "A"
  return { ("The servers' caches were not alike: %.2f of A's prompt tokens came from a cache, and %.2f of "
    .. "%s's: %s may have found there what an earlier run had left, and be faster for it (replay "
    .. "--reset-cache)"):format(first.avg, other.avg, compare_show.letter(place), warmer) }
end

local function basis_line(pair)
  if pair.repeats then
    local text = "Means over %s of A and %s of B; spread is the sample deviation between runs, and the "
      .. "interval Welch's"
    return text:format(texts.grouped_count(pair.repeats[1], "run"),
      texts.grouped_count(pair.repeats[2], "run"))
  end
  local unit = pair.by_session and "session" or "request"
  if not pair.is_paired then
    return ("Not paired: they did not send the same requests (%s and %s)"):format(
      texts.grouped_count(pair.units[1], unit), texts.number(pair.units[2], 0))
  end
  return ("Paired by %s: both sent the same %s"):format(unit, texts.grouped_count(pair.matched, "request"))
end

local function outcome_line(self, place, pair, count, shown)
  local why = difference.why_no_interval(self, place, pair)
  if why then return "Nothing can be shown: " .. why end
  if count == 0 then return "Nothing differs in any " .. (pair.repeats and "run" or "request") end
  return ("Shown to differ: %d of %d (an interval is wrong in 5 of 100 cases: by chance about %.0f would be)")
    :format(shown, count, count * 0.05)
end

local function body_of(self, place, pair)
  local body, count, shown = table_of(self, place, pair)
  return ("%s\n\n%s\n\n%s"):format(basis_line(pair), body, outcome_line(self, place, pair, count, shown))
end

-- The parts by the values of a member.
local function add_groups(self, place, parts)
  local pair = self.pairs[place]
  for _, group in ipairs(pair.groups or {}) do
    parts[#parts + 1] = ("\n%s = %s"):format(self.by, group.name)
    parts[#parts + 1] = body_of(self, place, group.pair)
  end
  if #(pair.alone or {}) > 0 then
    parts[#parts + 1] = ("\nNot in all of them: %s = %s"):format(self.by, table.concat(pair.alone, ", "))
  end
  if (pair.left_out or 0) > 0 then
    parts[#parts + 1] = ("\n%d more values of %s are not compared"):format(pair.left_out, self.by)
  end
end

local function pair_text(self, place)
  local pair = self.pairs[place]
  local parts = lists.present(2, differing_line(pair), within_lines(pair))
  for _, line in ipairs(compare_show.cautions(self, place)) do parts[#parts + 1] = line end
  parts[#parts + 1] = body_of(self, place, pair)
  add_groups(self, place, parts)
  return table.concat(parts, "\n")
end

--- All of a comparison.
---@param self moontide.run_comparison
---@return string
function compare_show.text(self)
  local lines, parts = {}, {}
  local numbers = {}
  for i, one in ipairs(self.members) do
    numbers[one.side] = (numbers[one.side] or 0) + 1
    lines[i] = run_line(self, one, numbers[one.side])
  end
  parts[1] = table.concat(lines, "\n")
  for place = 2, #self.runs do parts[place] = pair_text(self, place) end
  return table.concat(parts, #self.runs > 2 and "\n\n" or "\n")
end

-- --- JSON ------------------------------------------------------------------------------------------

local function or_null(value)
  if value == nil then return json.null end
  return math.tointeger(value) or value
end

local function difference_members(one)
  return json.object {
    { "first", or_null(one.first) }, { "second", or_null(one.second) },
    { "difference", or_null(one.difference) }, { "relative", or_null(one.relative) },
    { "low", or_null(one.low) }, { "high", or_null(one.high) }, { "is_shown", one.is_shown },
    { "spreads", one.spreads and json.array(one.spreads) },
  }
end

local function run_members(self, one)
  local run = one.run
  local members = { { "name", one.name }, { "side", self.pairs[2].repeats and one.side },
    { "verdict", run.verdict.name }, { "limited_by", json.array(run.verdict.limited_by) } }
  for _, name in ipairs { "due", "done", "failed", "cancelled", "not_sent" } do
    members[#members + 1] = { name, run.counts[name] }
  end
  return json.object(members)
end

local function differing_members(list)
  if not list then return json.null end
  local members = {}
  for i, one in ipairs(list) do
    members[i] = { one.name, json.array { json.decode(one.first), json.decode(one.second) } }
  end
  return json.object(members)
end

local function metric_members(unit, metric)
  local members = { { "unit", unit }, { "counts", json.array(metric.counts) } }
  for _, name in ipairs(difference.statistics) do
    local one = difference.of(metric[name])
    if one then members[#members + 1] = { name, difference_members(one) } end
  end
  return json.object(members)
end

-- The differences of a pair, or of a part of it.
local function numbers_of(self, pair)
  local metrics, rates = {}, {}
  for _, one in ipairs(self.runs[1].metrics) do
    local metric = pair.metrics[one.key]
    if metric then metrics[#metrics + 1] = { one.key, metric_members(one.unit, metric) } end
  end
  for _, key in ipairs(difference.rates) do
    local one = difference.of(pair.rates[key])
    if one then rates[#rates + 1] = { key, difference_members(one) } end
  end
  local repeats = pair.repeats
  return { { "paired", pair.is_paired }, { "matched", pair.matched },
    { "unit", not repeats and (pair.by_session and "session" or "request") or nil },
    { "units", not repeats and json.array(pair.units) or nil },
    { "blocks", not repeats and json.array(pair.blocks) or nil },
    { "metrics", json.object(metrics) }, { "rates", json.object(rates) } }
end

local function pair_members(self, place)
  local pair, groups = self.pairs[place], nil
  for i, group in ipairs(pair.groups or {}) do
    groups = groups or {}
    local members = { { "name", group.name } }
    groups[i] = json.object(table.move(numbers_of(self, group.pair), 1, 7, 2, members))
  end
  local members = { { "first", self.names[1] }, { "second", self.names[place] },
    { "repeats", pair.repeats and json.array(pair.repeats) },
    { "statistic", pair.repeats and "welch" },
    { "cautions", json.array(compare_show.cautions(self, place)) },
    { "differing", differing_members(pair.differing) },
    { "within", pair.within and json.array {
      differing_members(pair.within[1]), differing_members(pair.within[2]) } } }
  local numbers = numbers_of(self, pair)
  table.move(numbers, 1, 7, #members + 1, members)
  members[#members + 1] = { "groups", groups and json.array(groups) }
  return json.object(members)
end

--- The same with all statistics, for json.encode.
---@param self moontide.run_comparison
---@return table
function compare_show.members(self)
  local runs, list = {}, {}
  for i, one in ipairs(self.members) do runs[i] = run_members(self, one) end
  for place = 2, #self.runs do list[place - 1] = pair_members(self, place) end
  return json.object {
    { "runs", json.array(runs) }, { "level", 0.95 }, { "seed", self.seed }, { "by", self.by },
    { "comparisons", json.array(list) },
  }
end

return compare_show
