--- The files of a run: AIPerf's and GenAI-Perf's names and layouts, and run.json.
local core = require "moontide.core"
local drive = require "moontide.drive"
local json = require("moontide.base.json").public.json
local secrets = require "moontide.drive.secrets"
local span = require "moontide.drive.span"
local summary = require "moontide.drive.summary"

local files = {}

files.names = {
  lines = "profile_export.jsonl", inputs = "inputs.json",
  summary = "profile_export_aiperf.json", older_summary = "profile_export_genai_perf.json",
  csv = "profile_export_aiperf.csv", run = "run.json",
}

-- "2026-07-06T10:00:00.000000", in UTC.
local function iso_time(nanoseconds)
  return os.date("!%Y-%m-%dT%H:%M:%S", nanoseconds // 1000000000)
    .. (".%06d"):format(nanoseconds // 1000 % 1000000)
end

local function metric_object(one)
  local members = { { "unit", one.unit }, { "avg", one.avg } }
  if one.count then
    for i = 2, #summary.statistics do
      local name = summary.statistics[i]
      members[#members + 1] = { name, one[name] }
    end
    members[#members + 1] = { "count", one.count }
    members[#members + 1] = { "sum", one.sum }
  end
  return json.object(members)
end

local function metrics_of(list, members)
  for _, one in ipairs(list) do members[#members + 1] = { one.key, metric_object(one) } end
  return members
end

local function errors_of(results)
  local list = {}
  for i, one in ipairs(results.failures) do
    local code = one.name:find "^cancelled" and 499 or one.status >= 400 and one.status or json.null
    list[i] = json.object {
      { "error_details", json.object {
        { "code", code }, { "type", one.name }, { "message", one.text } } },
      { "count", one.count },
    }
  end
  return json.array(list)
end

local function counts_of(results)
  return json.object {
    { "due", results.due }, { "done", results.done }, { "failed", results.failed },
    { "cancelled", results.cancelled }, { "not_sent", results.not_sent }, { "resent", results.resent },
  }
end

-- A value of an options table as JSON can say it: lists, tables with names, numbers, texts.
local function plain(value)
  if math.type(value) == "float" and (value ~= value or value == math.huge) then return tostring(value) end
  local kind = type(value)
  if kind == "string" or kind == "number" or kind == "boolean" then return value end
  if type(value) ~= "table" then return tostring(value) end
  local list, members = {}, {}
  for i, one in ipairs(value) do list[i] = plain(one) end
  for name, one in pairs(value) do
    if type(name) == "string" then members[#members + 1] = { name, plain(one) } end
  end
  table.sort(members, function(a, b) return a[1] < b[1] end)
  return #members > 0 and json.object(members) or json.array(list)
end

-- The process's command line, a word each.
local function command_line()
  local file = io.open("/proc/self/cmdline", "rb")
  if not file then return json.null end
  local words = {}
  for word in file:read "a":gmatch "([^\0]*)\0" do words[#words + 1] = word end
  file:close()
  return json.array(secrets.words(words))
end

--- Members of an options table as JSON can say them, sorted by name, without secrets.
---@param opt table
---@return table for json.encode
function files.plain_options(opt)
  local members = {}
  for name, value in pairs(secrets.options(opt)) do members[#members + 1] = { name, plain(value) } end
  table.sort(members, function(a, b) return tostring(a[1]) < tostring(b[1]) end)
  return json.object(members)
end

-- --- where and when it ran --------------------------------------------------------------------------

-- The time that was asked for, and how many seconds later it began.
local function start_of(run)
  return json.object { { "asked_ns", run.start_asked or json.null }, { "late", run.late or json.null } }
end

-- How good the wall clock is, in seconds.
local function clock_of(run)
  local clock = run.wall_clock
  return clock and json.object {
    { "synchronised", clock.synchronised }, { "offset", clock.offset }, { "max_error", clock.max_error },
    { "estimated_error", clock.estimated_error },
  } or json.null
end

-- Which part of which load it is.
local function shard_of(run)
  local shard = run.shard
  return shard and json.object {
    { "index", shard.index }, { "count", shard.count }, { "digest", shard.digest or json.null },
    { "requests", shard.requests and json.array(shard.requests) or json.null },
  } or json.null
end

-- What it is held against: [measure, the most it may be] or [measure, the least it may be, "least"] each.
local function bounds_of(run)
  local bounds = run.bounds or run.info and run.info.bounds
  return bounds and plain(bounds) or json.null
end

local function span_of(one)
  return { { "name", one.name }, { "from", one.from }, { "to", one.to < math.huge and one.to or json.null } }
end

-- What of a run is known when it begins.
local function beginning(run)
  local spans = {}
  for i, one in ipairs(run.spans) do spans[i] = json.object(span_of(one)) end
  return {
    { "command", run.command or command_line() }, { "version", run.version or core.version },
    { "seed", run.seed }, { "target", run.target }, { "urls", json.array(run.urls) }, { "model", run.model },
    { "start_time", iso_time(run.start + run.epoch) }, { "start_ns", run.start + run.epoch },
    { "start", start_of(run) }, { "wall_clock", clock_of(run) }, { "shard", shard_of(run) },
    { "by", run.by or json.null }, { "phases", json.array(spans) },
    { "bounds", bounds_of(run) }, { "options", files.plain_options(run.options) },
  }
end

--- Writes what is known of a run that begins into its folder: run.json.part, which files.write removes.
---@param run table
---@param folder string
function files.begin(run, folder)
  drive.write_file(folder .. "/" .. files.names.run .. ".part",
    json.encode(json.object(beginning(run)), { indent = 2 }) .. "\n")
end

--- The summary as AIPerf writes it.
---@param run moontide.drive_run
---@return table for json.encode
function files.summary(run)
  local results = run.results
  local members = { { "schema_version", "1.3" }, { "moontide_version", core.version } }
  metrics_of(run.metrics, members)
  local first = run.start + run.epoch
  members[#members + 1] = { "counts", counts_of(results) }
  members[#members + 1] = { "input_config", files.plain_options(run.options) }
  members[#members + 1] = { "was_cancelled", run.was_cancelled }
  members[#members + 1] = { "error_summary", errors_of(results) }
  members[#members + 1] = { "start_time", iso_time(first) }
  members[#members + 1] = { "end_time", iso_time(first + math.floor(run.seconds * 1e9)) }
  return json.object(members)
end

-- How many answers lack a metric of which there is an objective; nil: none does.
local function lacking_of(results)
  local members = {}
  for key, count in pairs(results.lacking) do members[#members + 1] = { key, count } end
  table.sort(members, function(a, b) return a[1] < b[1] end)
  return #members > 0 and json.object(members) or nil
end

local function either(truth)
  if truth == nil then return json.null end
  return truth
end

--- All of a run as one JSON value: what the summary has, and the run itself.
---@param run moontide.drive_run
---@return table
function files.whole(run)
  local measures = {}
  for i, one in ipairs(run.verdict.measures) do
    measures[i] = json.object {
      { "name", one.name }, { "value", one.value or json.null },
      { "limit", one.limit }, { "unit", one.unit } }
  end
  local groups = {}
  for i, group in ipairs(run.groups) do
    local list = span.metrics_of_member(run, group.results)
    groups[i] = json.object {
      { "value", json.decode(group.value) }, { "counts", counts_of(group.results) },
      { "metrics", json.object(metrics_of(list, {})) }, { "error_summary", errors_of(group.results) } }
  end
  local phases = {}
  for i, one in ipairs(run.phases) do
    local members = span_of(one)
    for _, member in ipairs {
      { "counts", counts_of(one.results) }, { "longest_gap_ms", one.longest_gap or json.null },
      { "is_recovered", either(one.is_recovered) }, { "recovery", one.recovery or json.null },
      { "metrics", json.object(metrics_of(one.metrics, {})) }, { "error_summary", errors_of(one.results) },
    } do members[#members + 1] = member end
    phases[i] = json.object(members)
  end
  local load = run.load
  return json.object {
    { "command", run.command or command_line() }, { "version", run.version or core.version },
    { "seed", run.seed },
    { "target", run.target }, { "urls", json.array(run.urls) }, { "model", run.model },
    { "clock", "CLOCK_MONOTONIC; arrivals stamped by "
      .. (load.has_kernel_stamps and "the kernel" or "the clock after reading") },
    { "start_time", iso_time(run.start + run.epoch) }, { "start_ns", run.start + run.epoch },
    { "start", start_of(run) }, { "wall_clock", clock_of(run) }, { "shard", shard_of(run) },
    { "seconds", run.seconds }, { "was_cancelled", run.was_cancelled },
    { "failure", run.message or json.null },
    { "counts", counts_of(run.results) }, { "outside", counts_of(run.outside) },
    { "metrics", json.object(metrics_of(run.metrics, {})) },
    { "by", run.by or json.null }, { "groups", json.array(groups) }, { "phases", json.array(phases) },
    { "bounds", bounds_of(run) }, { "error_summary", errors_of(run.results) },
    { "objectives", run.objectives and plain(run.objectives) or json.null },
    { "objectives_lacking", lacking_of(run.results) },
    { "server", run.server and require("moontide.drive.server").members(run.server, run.start) or json.null },
    { "verdict", json.object {
      { "name", run.verdict.name }, { "limited_by", json.array(run.verdict.limited_by) },
      { "measures", json.array(measures) } } },
    { "driver", json.object {
      { "cpu", load.cpu }, { "run_queue", load.run_queue or json.null }, { "stalled", load.stalled },
      { "longest_turn", load.longest_turn }, { "connections_opened", load.connections_opened },
      { "realtime", load.has_realtime } } },
    { "options", files.plain_options(run.options) }, { "shards", run.shards and plain(run.shards) },
  }
end

local function quoted(text)
  return text:find '[,"\n]' and '"' .. text:gsub('"', '""') .. '"' or text
end

--- The summary as CSV: a metric of the requests a row, then the totals.
---@param run moontide.drive_run
---@return string
function files.csv(run)
  local lines = { "Metric," .. table.concat(summary.statistics, ",") }
  local function name_of(one) return quoted(("%s (%s)"):format(one.title, one.unit)) end
  for _, one in ipairs(run.metrics) do
    if one.count then
      local cells = { name_of(one) }
      for i, name in ipairs(summary.statistics) do cells[i + 1] = ("%.2f"):format(one[name]) end
      lines[#lines + 1] = table.concat(cells, ",")
    end
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = "Metric,Value"
  for _, one in ipairs(run.metrics) do
    if not one.count then
      local value = math.type(one.avg) == "integer" and one.avg or ("%.2f"):format(one.avg)
      lines[#lines + 1] = ("%s,%s"):format(name_of(one), value)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

--- Writes all that is known when a run has ended into its folder, as many of its files as can be: true, or
--- nil, message, code.
---@param run moontide.drive_run
---@param folder string
---@return true? done, string? message, string? code
function files.write(run, folder)
  local text = json.encode(files.summary(run), { indent = 2 }) .. "\n"
  local problem
  for _, one in ipairs {
    { files.names.summary, text }, { files.names.older_summary, text }, { files.names.csv, files.csv(run) },
    { files.names.run, json.encode(files.whole(run), { indent = 2 }) .. "\n" },
  } do
    local done, message, code = drive.write_file(folder .. "/" .. one[1], one[2])
    if not done then problem = problem or { message, code } end
  end
  if problem then return nil, problem[1], problem[2] end
  os.remove(folder .. "/" .. files.names.run .. ".part")
  return true
end

return files
