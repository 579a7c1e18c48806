--- Records: what functions give and what files of results hold, member by member. help "run.json" shows
-- one; a type with a question mark is of a member that need not be there, or is null in a file.
local comments = require "moontide.reference.comments"

-- A record of Lua is a class that is annotated where it is made; that of a file is told here, and a test
-- holds it against the file.

local records = {}

-- Members of a line of profile_export.jsonl. AIPerf's names, and ours behind them.
local line_members = {
  "metadata.session_num integer the request's number, from 0",
  "metadata.x_request_id string its own; metadata.x_correlation_id string its session's",
  "metadata.conversation_id string|integer its session_id, or a number of its own",
  "metadata.turn_index integer from 0 within its session",
  "metadata.credit_issued_ns integer when it was due; as all moments nanoseconds since 1970",
  "metadata.request_start_ns integer when it was begun",
  "metadata.request_sent_ns integer when its last byte was given to the system",
  "metadata.request_ack_ns integer when the answer's first byte came",
  "metadata.request_end_ns integer when the answer had ended",
  "metadata.cancellation_time_ns integer? when the user gave up",
  "metadata.last_chunk_ns integer? of an answer that failed: when its last piece came",
  'metadata.worker_id string "driver"; metadata.record_processor_id string "moontide"',
  "metadata.fields table? further members of its row: stream, model, ...; of one beyond 200 bytes "
    .. "{ left_out: BYTES }",
  'metadata.benchmark_phase string "profiling", or "outside" of the window',
  "metadata.was_cancelled boolean",
  "metadata.trace_line integer its line in the trace; 0: there is none",
  "metadata.http_status integer 0: no answer came",
  "metadata.was_resent boolean on a new connection, for the server had closed the one it was on",
  "metadata.saw_done boolean the stream of the answer ended as it should",
  "metadata.usage_said boolean the server said how many tokens there were",
  "metadata.chunks integer pieces of the answer with content",
  "metadata.endpoint integer which of the URLs, from 0",
  "metadata.shard integer? of merged runs: whose it was",
  'metrics table by name { "value", "unit" }; help "metrics" lists them. inter_chunk_latency has a list',
  'error table? { "code", "type", "message" } of a request that failed',
}

-- Members of run.json.
local run_members = {
  "command string[], version string, seed integer, options table: how it was made; secrets left out",
  "target string, urls string[], model string: what was driven",
  "clock string what the times are read from",
  "start_time string UTC, start_ns integer nanoseconds since 1970",
  "start table { asked_ns, late }: with --start-at, and seconds after it",
  "wall_clock table? { synchronised, offset, max_error, estimated_error }, seconds",
  "shard table? { index, count, digest, requests }",
  "seconds number how long it was",
  "was_cancelled boolean by Ctrl-C, failure string? what ended it",
  "counts table due, done, failed, cancelled, not_sent, resent: requests in the window",
  "outside table the same before and after it",
  "metrics table by name { unit, avg, min, max, std, p1 to p99, count, sum }; totals have unit and avg. "
    .. "Values have 7 digits, percentiles of inter_chunk_latency are of bins of 0.8 %; "
    .. "profile_export.jsonl has each value",
  "by string?, groups table[] of each value { value, counts, metrics, error_summary }",
  "phases table[] { name, from, to, counts, longest_gap_ms, is_recovered, recovery, metrics, "
    .. "error_summary }, seconds",
  "bounds table[]? { measure, most } or { measure, least, \"least\" } each: what it is held "
    .. "against, of --fail-over and of the plan",
  "error_summary table[] { error_details = { code, type, message }, count }",
  "objectives table[]? { metric, most } each, by which goodput was counted: of judge those that it was given",
  "objectives_lacking table? by metric: answers without it, of which there is an objective",
  "server table? what the server said of itself, with --server-metrics",
  "verdict table { name, limited_by, measures = { { name, value, limit, unit } } }",
  "driver table { cpu, run_queue, stalled, longest_turn, connections_opened, realtime }, seconds",
  "shards table[]? of merged runs { index, folder, has_ended, counts, lost, start, seconds, late, "
    .. "wall_clock, verdict, lag, first_token } each: start after the first one's, lag and first_token in ms",
}

-- Members of profile_export_aiperf.json beside the metrics.
local summary_members = {
  "schema_version string AIPerf's, moontide_version string",
  'METRIC table by name { unit, avg, min, max, std, p1 to p99, count, sum }; help "metrics" lists them',
  "counts table due, done, failed, cancelled, not_sent, resent: requests",
  "input_config table the options, was_cancelled boolean",
  "error_summary table[] { error_details = { code, type, message }, count }",
  "start_time string, end_time string: UTC",
}

local totals = {
  "request_throughput requests/sec: what was done over benchmark_duration; of a window or a phase what ended "
    .. "in it, whenever it was due, over its length; of a member over the time of the whole. So are the "
    .. "three below",
  "goodput requests/sec: of those that met their objectives",
  "output_token_throughput tokens/sec, total_token_throughput tokens/sec",
  "request_count requests, error_request_count requests, good_request_count requests",
  "total_isl tokens, total_osl tokens, error_isl tokens",
  "uncounted_answers requests: done ones of which the server counted no tokens; only where there are any",
  "error_rate ratio: what was due and not done (failed, cancelled, not sent) over what was due; bounds and "
    .. "run:measure have it",
  "hit_ratio ratio: cached tokens over prompt tokens, where the server says them",
  "benchmark_duration sec: from the first request to the last answer; of a window or a phase its length",
  "min_request_timestamp ns, max_response_timestamp ns",
}

-- "time_to_first_token ms Time to First Token" of each metric of a request, then the totals.
local function metric_members()
  local members = {}
  for _, one in ipairs(require("moontide.drive.summary").of_requests()) do
    members[#members + 1] = ("%s %s: %s"):format(one.key, one.unit, one.title)
  end
  return table.move(totals, 1, #totals, #members + 1, members)
end

---@class moontide.reference_record
---@field name string
---@field summary string
---@field class? string annotated in the module `part`
---@field part? string
---@field members? string[]|fun(): string[]
---@field also string[] further names of it

---@type moontide.reference_record[]
local all = {
  { name = "request", summary = "what w:requests() and readers give one by one", class = "request",
    part = "trace.trace", also = { "requests()" } },
  { name = "given_request", summary = "what a stream's own requests= function gives", class = "given_request",
    part = "load.stream", also = {} },
  { name = "event", summary = "what a function of mt.length is given", class = "length_event",
    part = "load.length", also = {} },
  { name = "part", summary = "a content of mt.parts{ part, ... }", class = "part_options",
    part = "load.prompt", also = { "part[]" } },
  { name = "expected",
    summary = "what w:expected() gives, and --check --json writes (streams by name, part as shard)",
    class = "expected",
    part = "load.expected", also = { "expected()" } },
  { name = "expected_class", summary = "a class of mt.classes in a stream of w:expected()",
    class = "expected_class", part = "load.class_expect", also = {} },
  { name = "run", summary = "what driving gives: load:drive{...}, mt.run_of(folder)", class = "drive_run",
    part = "drive.result", also = { "results", "drive_run" } },
  { name = "metric", summary = "one of a run's metrics: run.time_to_first_token", class = "metric_summary",
    part = "drive.summary", also = {} },
  { name = "verdict", summary = "whether a run's figures may be believed: run.verdict", class = "verdict",
    part = "drive.verdict", also = {} },
  { name = "metrics", summary = "the metrics of requests, then a run's totals, with their units",
    members = metric_members, also = {} },
  { name = "profile_export.jsonl", summary = "a run's requests, a line each (--output-dir)",
    members = line_members, also = { "results.jsonl" } },
  { name = "profile_export_aiperf.json", summary = "a run's summary, in AIPerf's layout (--output-dir)",
    members = summary_members, also = { "results.json", "profile_export_genai_perf.json" } },
  { name = "run.json", summary = "all of a run (--output-dir)", members = run_members, also = {} },
}
records.all = all

-- The annotated members of a class, what follows of their comments in the line.
local function class_members(one)
  local members, is_inside = {}, false
  for _, line in ipairs(comments.lines_of("=moontide:moontide." .. one.part)) do
    local class = line:match "^%-%-%-@class%s+([%w_.]+)"
    if class then is_inside = class == "moontide." .. one.class end
    local member = is_inside and line:match "^%-%-%-@field%s+(.*)$"
    local more = is_inside and not member and line:match "^%-%-%-%s(.*)$"
    if member and not member:find "^private " then
      members[#members + 1] = member
    elseif more and #members > 0 then
      members[#members] = members[#members] .. " " .. more
    elseif not line:find "^%-%-%-" then
      is_inside = false
    end
  end
  return members
end

--- The members of a record, a text each: name, type, what it is.
---@param one moontide.reference_record
---@return string[]
function records.members(one)
  if one.class then return class_members(one) end
  return type(one.members) == "function" and one.members() or one.members --[[@as string[] ]]
end

--- The record of that name: "expected()", "part[]", "run.json"; nil where there is none.
---@param name string
---@return moontide.reference_record?
function records.find(name)
  for _, one in ipairs(records.all) do
    if one.name == name then return one end
    for _, other in ipairs(one.also) do
      if other == name then return one end
    end
  end
end

--- The record that a type in an annotation names, "moontide.expected?"; nil where it is none.
---@param type_text string
---@return moontide.reference_record?
function records.of_type(type_text)
  local class = type_text:match "moontide%.([%w_]+)"
  for _, one in ipairs(class and records.all or {}) do
    if one.class == class then return one end
  end
end

--- What there is to say of a record.
---@param one moontide.reference_record
---@return string
function records.page(one)
  return ("%s: %s\n\n  %s\n"):format(one.name, one.summary, table.concat(records.members(one), "\n  "))
end

--- The line of each record in a list.
---@param one moontide.reference_record
---@return string
function records.line(one)
  return ("  %-28s %s"):format(one.name, one.summary)
end

return records
