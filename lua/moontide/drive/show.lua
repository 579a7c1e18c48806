--- A run's report for people.
local by_endpoint = require "moontide.drive.by_endpoint"
local drive = require "moontide.drive"
local span = require "moontide.drive.span"
local texts = require "moontide.kit.text"

local show = {}

local columns = { "avg", "min", "max", "p99", "p90", "p50", "std" }

-- Metrics of the table; the others are told in sentences or stand in the files.
show.rows = {
  "time_to_first_token", "time_to_second_token", "request_latency", "inter_token_latency",
  "inter_chunk_latency", "output_token_throughput_per_user", "output_sequence_length",
  "input_sequence_length", "cached_tokens", "latency_from_due", "time_to_first_token_from_due",
  "schedule_lag", "read_lag",
}

local function table_of(by_key)
  local lines = { { "", table.unpack(columns) } }
  for _, key in ipairs(show.rows) do
    local one = by_key[key]
    if one then
      local line = { ("%s (%s)"):format(one.title, one.unit) }
      for _, name in ipairs(columns) do line[#line + 1] = texts.number(one[name], 2) end
      lines[#lines + 1] = line
    end
  end
  return #lines > 1 and texts.aligned(lines) or "no request was answered"
end

-- due = done + failed + cancelled + not sent
--- The requests of results by what came of them.
---@param results table
---@return string
function show.accounting(results)
  local line = ("%s due: %s done"):format(texts.grouped_count(results.due, "request"),
    texts.number(results.done, 0))
  for _, name in ipairs { "failed", "cancelled", "not_sent" } do
    if results[name] > 0 then
      line = ("%s, %s %s"):format(line, texts.number(results[name], 0), (name:gsub("_", " ")))
    end
  end
  if results.resent > 0 then
    line = ("%s; %s sent once more on a fresh connection (stale_connection)"):format(line,
      texts.number(results.resent, 0))
  end
  return line
end

local function failures(results)
  local lines = {}
  for _, one in ipairs(results.failures) do
    lines[#lines + 1] = ("  %s: %s%s"):format(one.name, texts.number(one.count, 0),
      one.text ~= "" and (" (%s)"):format(one.text) or "")
  end
  return lines
end

-- What throughputs count, and over what time: of a window all that ended in it (drive/span.lua).
local function throughputs(run, results, by_key, is_member)
  local parts, window = {}, span.window(run.options)
  for _, key in ipairs { "request_throughput", "output_token_throughput", "goodput" } do
    local one = by_key[key]
    if one then parts[#parts + 1] = ("%s %s %s"):format(one.title, texts.number(one.avg, 2), one.unit) end
  end
  local duration = by_key.benchmark_duration
  if not duration then return "" end
  local whose = window and "the window's " or is_member and "the run's " or ""
  parts[#parts + 1] = ("over %s%s s"):format(whose, texts.number(duration.avg, 2))
  local text = table.concat(parts, ", ")
  if not window then return text end
  text = ("%s: of %s that ended in it"):format(text, texts.grouped_count(results.ended.done, "answer"))
  if window.to == math.huge or run.seconds >= window.to or is_member then return text end
  return ("%s; the run was over after %s s"):format(text, texts.number(run.seconds, 2))
end

-- Wanted and got lengths, where they differ.
local function lengths(by_key)
  local lines = {}
  for _, one in ipairs {
    { "input_length_difference", "wanted_input_length", "Input" },
    { "output_length_difference", "wanted_output_length", "Output" },
  } do
    local difference, wanted = by_key[one[1]], by_key[one[2]]
    if difference and wanted and (difference.min ~= 0 or difference.max ~= 0) then
      lines[#lines + 1] = ("%s lengths: wanted %s tokens on average; off by %+.2f, from %+.0f to "
        .. "%+.0f"):format(one[3], texts.number(wanted.avg, 1), difference.avg, difference.min,
          difference.max)
    end
  end
  return lines
end

-- A piece with content is a token at least: where there are fewer, one of the two counts something else.
local function few_tokens(by_key)
  local tokens = by_key.tokens_per_chunk
  if tokens and tokens.min < 0.995 then -- below what is written as 1.00
    return ("Answers came in more pieces than the server counts tokens, down to %.2f tokens a piece: it "
      .. "counts something else, or pieces are no tokens"):format(tokens.min)
  end
end

local late_read = 5 -- ms, of the read lag

-- Pieces that came in one read with another before them, and were read when they came: a proxy has kept them
-- back, or the server.
local function together(by_key)
  local gaps, held, lag = by_key.inter_chunk_latency, by_key.chunks_read_together, by_key.read_lag
  if lag and lag.p99 > late_read then return nil end
  if gaps and held and gaps.count >= 10 and held.sum > gaps.count / 2 then
    return ("%.0f %% of the pieces came together with the one before: the server or what stands between "
      .. "keeps them back, and times of tokens are not those at which they were made")
      :format(100 * held.sum / gaps.count)
  end
end

-- Objectives that could not be held against all answers.
local function unmeasured(results, lines)
  for _, one in ipairs(drive.metrics()) do
    local count = results.lacking[one.key]
    if count and not results.metrics[one.key] then
      lines[#lines + 1] = ("No answer has a %s, of which there is an objective: goodput was not measured")
        :format(one.title)
    elseif count then
      lines[#lines + 1] = ("%s no %s, of which there is an objective: not counted as good"):format(
        count == 1 and "1 answer has" or texts.grouped_count(count, "answer") .. " have", one.title)
    end
  end
end

--- What a reader of the figures must know of how they were counted: lines, none where all is as asked.
---@param run moontide.drive_run
---@return string[]
function show.cautions(run)
  local results, lines = run.results, {}
  local uncounted = results.done - results.usage_said
  if uncounted > 0 then
    lines[1] = ("%s came without the server's count of tokens (usage): each piece of a stream counts as one "
      .. "token, and a prompt as long as it was planned"):format(texts.grouped_count(uncounted, "answer"))
  end
  local first_token = results.metrics.time_to_first_token
  local whole = results.done - (first_token and first_token.count or 0)
  if run.options.no_stream == false and whole > 0 then
    lines[#lines + 1] = ("%s came as a whole though a stream was asked for: they have no first token"):format(
      texts.grouped_count(whole, "answer"))
  end
  unmeasured(results, lines)
  lines[#lines + 1] = few_tokens(run.by_key)
  lines[#lines + 1] = together(run.by_key)
  return lines
end

--- What must be known of how the figures of several runs were counted: the lines of the first run that has
--- any, and how many more have some.
---@param runs { name: string, cautions: string[] }[] each with what show.cautions gave
---@param more_at string? where the others' can be read
---@return string[]
function show.first_cautions(runs, more_at)
  local lines, more = {}, 0
  for _, run in ipairs(runs) do
    if #lines > 0 and #run.cautions > 0 then
      more = more + 1
    elseif #lines == 0 then
      for i, text in ipairs(run.cautions) do lines[i] = ("%s: %s"):format(run.name, text) end
    end
  end
  if more > 0 then
    lines[#lines + 1] = ("So it is of %s more%s"):format(texts.grouped_count(more, "run"),
      more_at and (" (%s)"):format(more_at) or "")
  end
  return lines
end

--- Where the cautions of one run of several can be read.
show.cautions_at = "moontide judge FOLDER tells of each"

local function cache(results, by_key)
  local ratio = by_key.hit_ratio
  if ratio then
    return ("Cached tokens: %.4f of the prompts' tokens, by the server's count of %s"):format(ratio.avg,
      texts.grouped_count(results.cached_said, "answer"))
  end
end

--- A row a shard of a merged run, below their heading.
---@param shards table[]
---@return string[][]
function show.shard_rows(shards)
  local function number(value, digits) return value and texts.number(value, digits) or "-" end
  local lines = { { "", "start (ms)", "due", "done", "failed", "cancelled", "not sent", "TTFT p50",
    "lag p99", "verdict", "folder" } }
  for _, one in ipairs(shards) do
    local counts = one.counts
    lines[#lines + 1] = { ("Shard %d/%d"):format(one.index, #shards),
      number(one.start and 1000 * one.start, 3), number(counts.due, 0), number(counts.done, 0),
      number(counts.failed, 0), number(counts.cancelled, 0), number(counts.not_sent, 0),
      number(one.first_token, 2), number(one.lag, 2),
      one.verdict or (one.folder and "did not end" or "missing"), one.folder or "-" }
  end
  return lines
end

local function span_of(one)
  if one.to == math.huge then return ("from %.9g s"):format(one.from) end
  return ("%.9g s to %.9g s"):format(one.from, one.to)
end

-- When TTFT was back after a phase.
local function recovery_of(one, is_first)
  if is_first or one.to == math.huge then return "" end
  if one.is_recovered == nil then return "unknown" end
  if one.is_recovered then return ("after %s s"):format(texts.number(one.recovery, 2)) end
  return ("not within %s s"):format(texts.number(one.recovery, 2))
end

--- What rates of phases are of.
show.of_phases = "/s: what ended in the phase, whenever it was due, over its length"

--- A row a phase, below their heading.
---@param run moontide.drive_run
---@return string[][]
function show.phase_rows(run)
  local lines = { { "phase", "", "due", "done", "failed", "cancelled", "ended/s", "good/s", "TTFT p50", "p99",
    "ITL p50", "p99", "longest gap", "TTFT back" } }
  local function cell(value) return value and texts.number(value, 2) or "" end
  for i, one in ipairs(run.phases) do
    local ttft, itl = one.by_key.time_to_first_token or {}, one.by_key.inter_token_latency or {}
    local results, rate, good = one.results, one.by_key.request_throughput or {}, one.by_key.goodput or {}
    lines[i + 1] = { one.name, span_of(one), texts.number(results.due, 0), texts.number(results.done, 0),
      texts.number(results.failed + results.not_sent, 0), texts.number(results.cancelled, 0), cell(rate.avg),
      cell(good.avg), cell(ttft.p50), cell(ttft.p99), cell(itl.p50), cell(itl.p99), cell(one.longest_gap),
      recovery_of(one, i == 1) }
  end
  if not run.has_objectives then
    for _, line in ipairs(lines) do table.remove(line, 8) end
  end
  return lines
end

-- A line an endpoint, and below them how many times the least the largest is.
local function endpoints_of(run)
  if run.by ~= by_endpoint.name or #run.groups < 2 then return nil end
  local rows, titles, ratios, due = by_endpoint.rows(run)
  local function cell(value) return value and texts.number(value, 2) or "-" end
  local function cells(values)
    local list = {}
    for i = 1, #titles do list[i] = cell(values[i]) end
    return table.unpack(list)
  end
  local lines = { { "endpoint", "due", "done", "not done", table.unpack(titles) } }
  for i, row in ipairs(rows) do
    local results = row.results
    lines[i + 1] = { row.name, texts.number(results.due, 0), texts.number(results.done, 0),
      texts.number(results.due - results.done, 0), cells(row.values) }
  end
  lines[#lines + 1] = { "most over least", cell(due), "", "", cells(ratios) }
  return "\nBy endpoint (times in ms)\n" .. texts.aligned(lines)
end

local function verdict_lines(one)
  local lines = { "The run is " .. one.name .. (one.name == "valid" and ": the driver was on time" or "") }
  for _, text in ipairs(one.limited_by) do lines[#lines + 1] = "  " .. text end
  return lines
end

--- The report of a run.
---@param run moontide.drive_run
---@return string
function show.report(run)
  local results, lines = run.results, {}
  local function add(text)
    if text and text ~= "" then lines[#lines + 1] = text end
  end
  add(table_of(run.by_key))
  add ""
  add(throughputs(run, results, run.by_key))
  add(show.accounting(results))
  for _, line in ipairs(failures(results)) do add(line) end
  if results.flagged > 0 then
    add(("%s ended without [DONE]"):format(texts.grouped_count(results.flagged, "stream")))
  end
  for _, line in ipairs(show.cautions(run)) do add(line) end
  if run.outside.due > 0 then add("Outside the window: " .. show.accounting(run.outside)) end
  for _, line in ipairs(lengths(run.by_key)) do add(line) end
  add(cache(results, run.by_key))
  if run.server then
    for _, line in ipairs(require("moontide.drive.server").lines(run)) do add(line) end
  end
  if #run.groups == 1 and run.groups[1].value == "null" then
    add(("No request has a value of '%s'"):format(run.by))
  end
  add(endpoints_of(run))
  for _, group in ipairs(run.groups) do
    local _, by_key = span.metrics_of_member(run, group.results)
    lines[#lines + 1] = ("\n%s = %s: %s"):format(run.by, group.value, show.accounting(group.results))
    lines[#lines + 1] = table_of(by_key)
    add(throughputs(run, group.results, by_key, true))
  end
  if #run.phases > 0 then
    add(("\nBy phase (times in ms)\n%s\n%s"):format(texts.aligned(show.phase_rows(run)), show.of_phases))
  end
  if run.shards then
    lines[#lines + 1] = ""
    lines[#lines + 1] = texts.aligned(show.shard_rows(run.shards))
  end
  lines[#lines + 1] = ""
  if run.message then add("It failed in mid-run: " .. run.message) end
  for _, line in ipairs(verdict_lines(run.verdict)) do add(line) end
  return table.concat(lines, "\n")
end

local function milliseconds(pair)
  return pair and ("%.1f / %.1f ms"):format(pair[1], pair[2]) or "-"
end

--- One line of how the run goes: what there is after so many seconds.
---@param seconds number since the start
---@param load table the driver's look
---@param progress table the replay's look
---@param begun_before integer requests that the driver had begun before the start
---@return string
function show.status(seconds, load, progress, begun_before)
  return ("%s  sent %d  done %d  failed %d  in flight %d  TTFT %s  ITL %s  lag %s"):format(
    texts.time(math.floor(seconds)), load.begun - begun_before, progress.done,
    progress.failed + progress.cancelled, math.max(0, load.begun - load.ended), milliseconds(progress.ttft),
    milliseconds(progress.itl), milliseconds(progress.lag))
end

return show
