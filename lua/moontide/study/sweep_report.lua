--- A sweep's table, and its files: SUMMARY.txt (the table), sweep.csv (a row a run) and sweep.json (all of
--- it).
--
-- sweep.json, which reports and plots read:
--   name, version, target, words, urls, model, seed, start_time, repeats, was_cancelled
--   axes     [{ "name": "concurrency", "values": [1, 2, ...] }], of a grid two
--   levels   [{ "folder": "c8", "values": { "concurrency": 8 }, "status": "done" | "failed" | "interrupted" |
--            "not run", "effective_concurrency":, "counts": {}, "metrics": {}, "intervals": {}, "runs": [] }]
--            metrics: { key: { "unit":, "avg":, "p99":, ... } }, means over the runs; intervals: the same
--            members, half the width of the mean's 95 % interval, only where there are repeats
--   run      { "folder":, "seed":, "status":, "kept":, "message":, "cache_was_reset":, "verdict":,
--            "limited_by": [], "reasons": [] (why it failed), "failures": [{ "name":, "count":, "text": }],
--            "effective_concurrency":, "counts":, "metrics": }
-- Folders are below that of sweep.json.
local core = require "moontide.core"
local drive = require "moontide.drive"
local interval = require "moontide.kit.interval"
local json = require("moontide.base.json").public.json
local show = require "moontide.drive.show"
local span = require "moontide.drive.span"
local styles = require "moontide.draw.style"
local summary = require "moontide.drive.summary"
local texts = require "moontide.kit.text"

local sweep_report = {}

sweep_report.names = { summary = "SUMMARY.txt", csv = "sweep.csv", json = "sweep.json" }

-- --- figures ---------------------------------------------------------------------------------------

-- f(run) of each run of a level that has it: the mean, half of its interval, how many.
local function over_runs(one, f)
  local values = {}
  for _, entry in ipairs(one.runs) do
    local value = entry.run and f(entry.run)
    if value then values[#values + 1] = value end
  end
  if #values == 0 then return nil, nil end
  return interval.of(values)
end

--- A measure by its name: the mean over a level's runs, and half the width of its 95 % interval.
---@param one table level
---@param name string "ttft.p99"
---@return number? mean, number? half_width
function sweep_report.measure(one, name)
  return over_runs(one, function(run) return (summary.measure(run, name)) end)
end

local function counts_over_runs(one)
  local counts = {}
  for _, name in ipairs { "due", "done", "failed", "cancelled", "not_sent", "resent" } do
    local sum = 0
    for _, entry in ipairs(one.runs) do sum = sum + (entry.run and entry.run.results[name] or 0) end
    counts[name] = sum
  end
  return counts
end

-- --- the table -------------------------------------------------------------------------------------

local columns = {
  { "req/s", "request_throughput", 2 }, { "tok/s", "output_token_throughput", 1 },
  { "TTFT avg", "ttft.avg", 1 }, { "p99", "ttft.p99", 1 },
  { "ITL avg", "itl.avg", 2 }, { "p99", "itl.p99", 2 },
  { "latency avg", "e2e.avg", 1 }, { "p99", "e2e.p99", 1 },
}

local function cell(mean, half, decimals)
  if not mean then return "-" end
  local text = texts.number(mean, decimals)
  return half and ("%s +-%s"):format(text, texts.number(half, decimals)) or text
end

-- The worst of the runs' verdicts.
local function verdict_of(one)
  local found = {}
  for _, entry in ipairs(one.runs) do
    if entry.run then found[entry.run.verdict.name] = true end
  end
  return found.invalid and "invalid" or found.degraded and "degraded" or found.valid and "valid" or "-"
end

local function header(self)
  local line = {}
  for i, axis in ipairs(self.axes) do line[i] = (axis.name:gsub("_", " ")) end
  line[#line + 1] = "in flight"
  line[#line + 1] = "done"
  line[#line + 1] = "not done"
  for _, column in ipairs(columns) do line[#line + 1] = column[1] end
  line[#line + 1] = "driver"
  line[#line + 1] = "level"
  return line
end

local function row_of(one)
  local line = table.move(one.cells, 1, #one.cells, 1, {})
  local counts = counts_over_runs(one)
  local in_flight, half = over_runs(one, span.in_flight)
  line[#line + 1] = cell(in_flight, half, 2)
  line[#line + 1] = texts.number(counts.done, 0)
  line[#line + 1] = texts.number(counts.due - counts.done, 0)
  for _, column in ipairs(columns) do
    local mean, half_width = sweep_report.measure(one, column[2])
    line[#line + 1] = cell(mean, half_width, column[3])
  end
  line[#line + 1] = verdict_of(one)
  line[#line + 1] = one.status
  return line
end

-- What must be known of how figures were counted.
local function caution_lines(levels)
  local runs = {}
  for _, one in ipairs(levels) do
    for _, entry in ipairs(one.runs) do
      if entry.run then runs[#runs + 1] = { name = entry.folder, cautions = show.cautions(entry.run) } end
    end
  end
  return show.first_cautions(runs, show.cautions_at)
end

local most_troubled, most_names, longest_text = 40, 3, 160

-- What failed in a run, by name: "12 failed, status_400: 12 (what the first said)"; nil: nothing.
local function failures_of(run)
  local parts = {}
  for i, one in ipairs(run.results.failures) do
    if i > most_names then
      parts[i] = "..."
      break
    end
    local text = one.text ~= "" and (" (%s)"):format(styles.cut(one.text, longest_text)) or ""
    parts[i] = ("%s: %s%s"):format(one.name, texts.number(one.count, 0), text)
  end
  return #parts > 0 and ("%s not done, %s"):format(texts.number(run.results.due - run.results.done, 0),
    table.concat(parts, ", ")) or nil
end

-- Which runs were not well, and why.
local function trouble_lines(levels)
  local lines, left = {}, 0
  for _, one in ipairs(levels) do
    for _, entry in ipairs(one.runs) do
      local why = entry.reasons or { entry.message }
      local reasons = table.move(why, 1, #why, 1, {})
      reasons[#reasons + 1] = entry.run and failures_of(entry.run)
      if #reasons > 0 and #lines < most_troubled then
        lines[#lines + 1] = ("%s %s: %s"):format(entry.folder, entry.status, table.concat(reasons, "; "))
      elseif #reasons > 0 then
        left = left + 1
      end
    end
  end
  if left > 0 then lines[#lines + 1] = ("... and %s more"):format(texts.count(left, "run")) end
  return lines
end

--- The table with what it is of.
---@param self moontide.sweep
---@return string
function sweep_report.text(self)
  local rows = { header(self) }
  for _, one in ipairs(self.levels) do rows[#rows + 1] = row_of(one) end
  local lines = {
    ("%s: %s at %s, model %s, seed %s"):format(self.name, self.target, table.concat(self.urls, ", "),
      self.model, texts.seed(self.seed)), "", texts.aligned(rows), "",
    "In flight: on average over the level's time, of what was answered. Times are milliseconds."
      .. (self.repeats > 1 and (" Means over %d runs, +- half of a 95 %% interval."):format(self.repeats)
        or ""),
  }
  for _, line in ipairs(trouble_lines(self.levels)) do lines[#lines + 1] = line end
  for _, line in ipairs(caution_lines(self.levels)) do lines[#lines + 1] = line end
  return table.concat(lines, "\n")
end

-- --- JSON ------------------------------------------------------------------------------------------

local function counts_object(counts)
  return json.object {
    { "due", counts.due }, { "done", counts.done }, { "failed", counts.failed },
    { "cancelled", counts.cancelled }, { "not_sent", counts.not_sent }, { "resent", counts.resent } }
end

-- The members of a metric in the order of run.json.
local function metric_object(one, value_of)
  local members = { { "unit", one.unit } }
  for _, name in ipairs(summary.statistics) do
    if one[name] then members[#members + 1] = { name, value_of(name) } end
  end
  for _, name in ipairs { "count", "sum" } do
    if one[name] then members[#members + 1] = { name, value_of(name) } end
  end
  return json.object(members)
end

-- Keys of all metrics that any run of the level has, in the order of a run's report.
local order = {}
for i, metric in ipairs(drive.metrics()) do order[metric.key] = i end

local function keys_of(runs)
  local keys, seen = {}, {}
  for _, entry in ipairs(runs) do
    for key in pairs(entry.run and entry.run.by_key or {}) do
      if not seen[key] then
        seen[key] = true
        keys[#keys + 1] = key
      end
    end
  end
  table.sort(keys, function(a, b)
    local first, second = order[a] or math.huge, order[b] or math.huge
    if first ~= second then return first < second end
    return a < b
  end)
  return keys
end

local function metrics_of_run(entry)
  local members = {}
  for i, key in ipairs(keys_of { entry }) do
    local one = entry.run.by_key[key]
    members[i] = { key, metric_object(one, function(name) return one[name] end) }
  end
  return json.object(members)
end

-- Means over the runs, and the halves of their intervals.
local function metrics_of_level(one)
  local means, intervals = {}, {}
  for _, key in ipairs(keys_of(one.runs)) do
    local example, halves = nil, {}
    for _, entry in ipairs(one.runs) do example = example or entry.run and entry.run.by_key[key] end
    means[#means + 1] = { key, metric_object(example, function(name)
      local mean, half = over_runs(one, function(run) return run.by_key[key] and run.by_key[key][name] end)
      if half then halves[#halves + 1] = { name, half } end
      return mean
    end) }
    if #halves > 0 then intervals[#intervals + 1] = { key, json.object(halves) } end
  end
  return json.object(means), json.object(intervals)
end

local function failures_array(run)
  local list = {}
  for i, one in ipairs(run.results.failures) do
    list[i] = json.object { { "name", one.name }, { "count", one.count }, { "text", one.text } }
  end
  return json.array(list)
end

local function run_object(entry)
  local run = entry.run
  local members = {
    { "folder", entry.folder }, { "seed", entry.seed }, { "status", entry.status }, { "kept", entry.is_kept },
    { "message", entry.message or json.null },
  }
  if entry.cache_was_reset ~= nil then
    members[#members + 1] = { "cache_was_reset", entry.cache_was_reset }
  end
  if run then
    members[#members + 1] = { "verdict", run.verdict.name }
    members[#members + 1] = { "limited_by", json.array(run.verdict.limited_by) }
    members[#members + 1] = { "reasons", json.array(entry.reasons or {}) }
    members[#members + 1] = { "failures", failures_array(run) }
    members[#members + 1] = { "effective_concurrency", span.in_flight(run) or json.null }
    members[#members + 1] = { "counts", counts_object(run.results) }
    members[#members + 1] = { "metrics", metrics_of_run(entry) }
  end
  return json.object(members)
end

-- { "concurrency": 8 }: a number where the axis has numbers.
local function values_of(self, one)
  local members = {}
  for i, axis in ipairs(self.axes) do
    local text = one.cells[i]
    members[i] = { axis.name, tonumber(text) or text }
  end
  return json.object(members)
end

local function level_object(self, one)
  local runs = {}
  for i, entry in ipairs(one.runs) do runs[i] = run_object(entry) end
  local metrics, intervals = metrics_of_level(one)
  local effective, half = over_runs(one, span.in_flight)
  local members = {
    { "folder", one.folder }, { "values", values_of(self, one) }, { "status", one.status },
    { "effective_concurrency", effective or json.null }, { "counts", counts_object(counts_over_runs(one)) },
    { "metrics", metrics },
  }
  if half then table.insert(members, 5, { "effective_concurrency_interval", half }) end
  if self.repeats > 1 then members[#members + 1] = { "intervals", intervals } end
  members[#members + 1] = { "runs", json.array(runs) }
  return json.object(members)
end

--- All of a sweep, for json.encode.
---@param self moontide.sweep
---@return table
function sweep_report.json(self)
  local axes, levels = {}, {}
  for i, axis in ipairs(self.axes) do
    local values = {}
    for k, value in ipairs(axis.values) do values[k] = tonumber(value) or tostring(value) end
    axes[i] = json.object { { "name", axis.name }, { "values", json.array(values) } }
  end
  for i, one in ipairs(self.levels) do levels[i] = level_object(self, one) end
  return json.object {
    { "name", self.name }, { "version", core.version }, { "target", self.target },
    { "words", json.array(self.words) }, { "urls", json.array(self.urls) }, { "model", self.model },
    { "seed", self.seed }, { "start_time", os.date("!%Y-%m-%dT%H:%M:%S", self.started) },
    { "repeats", self.repeats }, { "was_cancelled", self.was_cancelled }, { "axes", json.array(axes) },
    { "levels", json.array(levels) },
  }
end

-- --- CSV -------------------------------------------------------------------------------------------

local function quoted(value)
  local text = math.type(value) == "float" and ("%.9g"):format(value) or tostring(value)
  return text:find '[,"\n]' and '"' .. text:gsub('"', '""') .. '"' or text
end

-- "time_to_first_token.avg", ... of all that any run has.
local function csv_measures(self)
  local runs, names = {}, {}
  for _, one in ipairs(self.levels) do table.move(one.runs, 1, #one.runs, #runs + 1, runs) end
  for _, key in ipairs(keys_of(runs)) do
    local example
    for _, entry in ipairs(runs) do example = example or entry.run and entry.run.by_key[key] end
    for _, name in ipairs(example.count and summary.statistics or { "avg" }) do
      names[#names + 1] = { key, name, example.count and key .. "." .. name or key }
    end
  end
  return names
end

local function csv_row(one, entry, measures)
  local line = table.move(one.cells, 1, #one.cells, 2, { entry.folder })
  for _, value in ipairs { entry.seed, entry.status } do line[#line + 1] = value end
  local run = entry.run
  line[#line + 1] = run and run.verdict.name or ""
  for _, name in ipairs { "due", "done", "failed", "cancelled", "not_sent" } do
    line[#line + 1] = run and run.results[name] or ""
  end
  line[#line + 1] = run and span.in_flight(run) or ""
  for _, measure in ipairs(measures) do
    local metric = run and run.by_key[measure[1]]
    line[#line + 1] = metric and metric[measure[2]] or ""
  end
  for i, value in ipairs(line) do line[i] = quoted(value) end
  return table.concat(line, ",")
end

--- A row a run: folder, what varies, seed, status, verdict, counts, effective concurrency, all metrics.
---@param self moontide.sweep
---@return string
function sweep_report.csv(self)
  local head, measures = { "folder" }, csv_measures(self)
  for _, axis in ipairs(self.axes) do head[#head + 1] = axis.name end
  for _, name in ipairs { "seed", "status", "verdict", "due", "done", "failed", "cancelled", "not_sent",
    "effective_concurrency" } do
    head[#head + 1] = name
  end
  for _, measure in ipairs(measures) do head[#head + 1] = measure[3] end
  local lines = { table.concat(head, ",") }
  for _, one in ipairs(self.levels) do
    for _, entry in ipairs(one.runs) do lines[#lines + 1] = csv_row(one, entry, measures) end
  end
  return table.concat(lines, "\n") .. "\n"
end

--- Writes the three files into a folder that is there.
---@param self moontide.sweep
---@param folder string
---@return true? done, string? message, string? code
function sweep_report.write(self, folder)
  local names = sweep_report.names
  for _, one in ipairs {
    { names.summary, sweep_report.text(self) .. "\n" }, { names.csv, sweep_report.csv(self) },
    { names.json, json.encode(sweep_report.json(self), { indent = 2 }) .. "\n" },
  } do
    local done, message, code = drive.write_file(folder .. "/" .. one[1], one[2])
    if not done then return nil, message, code end
  end
  return true
end

return sweep_report
