--- Real logs into traces: mt.convert, and what it says of them.
local any = require "moontide.trace.any"
local convert_report = require "moontide.trace.convert_report"
local core = require "moontide.core"
local log_source = require "moontide.trace.log"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local report = require "moontide.kit.report"
local target = require "moontide.trace.target"

local convert = {}

-- Rows between two looks at whether progress is to be shown.
local step = 100000

-- Bins of the rate's chart.
local most_bins = 20

-- What is counted of every log and of all of them.
local counts = { "rows", "bad", "of_model", "of_type", "after_skip", "kept" }

-- --- what is converted -----------------------------------------------------------------------------

local function is_file(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local speed_option = { "speed", kind = "number", above = 0 }

--- "FILE@SPEED" or "FILE", which may have an @ of its own, as { file, speed = }; raises what is wrong.
---@param text string
---@param what string the text's name for messages
---@return { [1]: string, speed: number? }
function convert.segment_of(text, what)
  local file, speed = text:match "^(.+)@([^@]*)$"
  if not file or (not tonumber(speed) and is_file(text)) then return { text } end
  return { file, speed = options.value(speed, what .. ": the speed of " .. options.show(file), speed_option,
    true) }
end

-- The logs as a list of { file, speed = }.
local function logs_of(given, speed_ratio)
  if type(given) == "string" then given = { given } end
  if type(given) ~= "table" or getmetatable(given) or #given == 0 then
    options.wrong("convert: the log", given, "a file's name, or a list of names and { name, speed = ... }")
  end
  local logs = {}
  for i, one in ipairs(given) do
    if type(one) == "string" then one = { one } end
    local what = ("convert: log %d"):format(i)
    local fields = { speed_option, items = true }
    local log = options.table(what, one, fields)
    options.value(log[1], what .. ": its file", { "file", kind = "path" })
    logs[i] = { log[1], speed = log.speed or speed_ratio }
  end
  return logs
end

-- --- converting ------------------------------------------------------------------------------------

-- Why no row is left, which each log says of itself.
local function nothing_left(all)
  local reasons = {}
  for i, log in ipairs(all.logs) do reasons[i] = log.file .. ": " .. log.nothing end
  return table.concat(reasons, "; ")
end

-- The log of this source has been read: fills in what it gave, adds it to that of all logs and places it
-- behind those before. The log, or nil, message, code.
local function end_log(all, log, source)
  local summary, message, code = core.log.summary(source, log.speed)
  if not summary then return nil, message, code end
  for name, value in pairs(summary) do log[name] = value end
  for _, count in ipairs(counts) do all[count] = all[count] + log[count] end
  if log.kept == 0 then return log end
  local other = all.kept > log.kept and all.has_times ~= log.has_times and all.logs[#all.logs - 1]
  if other then
    return nil, ("%s: a log with times and one without (%s) cannot follow one another"):format(log.file,
      log.has_times and other.format or log.format), "input"
  end
  all.has_times = log.has_times
  if log.has_times then
    log.first, log.last = log.first_ns / 1e9, log.last_ns / 1e9
    log.begins, log.ends = all.end_ns / 1e9, (all.end_ns + log.span_ns) / 1e9
    all.end_ns = all.end_ns + log.span_ns
  end
  return log
end

-- Opens the next log: its source and what it is, or nil, message, code.
local function open_log(given, opt, all)
  local source, log, code = log_source.open(given[1], opt, { number = #all.logs, rows_before = all.rows,
    skip = math.max(0, opt.skip_num_prompt - all.of_type),
    limit = opt.num_prompt and opt.num_prompt - all.kept, in_order = opt.in_order })
  if not source then return nil, log, code end
  log.counted = log.has_texts and log_source.counted(opt) or nil
  log.file, log.speed = given[1] == "-" and "standard input" or given[1], given.speed
  all.logs[#all.logs + 1] = log
  local with_waits = #all.logs > 1 and (log.has_waits or all.logs[1].has_waits)
  if not with_waits then return source, log end
  core.source.close(source)
  return nil, ("%s: requests that may wait for each other by their names (%s) stand in one log, not in "
    .. "several"):format(log.file, log.has_waits and log.format or all.logs[1].format), "value"
end

-- The source in blocks of the size that all hash_ids fit, be they ever so few, else of the one that most do.
local function sized_by_ids(source, as_it_is)
  local looked, size, is_found, is_whole = core.source.sized(source, 0, false, true)
  if not looked then return nil, size, is_found end
  local is_known = is_found or is_whole
  return core.source.sized(looked, is_known and size or 0, not is_known, as_it_is)
end

-- The requests in blocks of the size that the log says, or shows: log.block_size is known then.
local function in_blocks(requests, source, log, all)
  if log.block_size == 0 then
    local sized, found, code
    if all.is_read then
      sized, found, code = pipe.read(requests, function(columns) return sized_by_ids(columns, true) end)
    else
      sized, found, code = sized_by_ids(source, false)
    end
    if not sized then return nil, found, code end
    log.block_size = found --[[@as integer]]
    if all.is_read then requests = pipe.in_blocks(requests, log.block_size, function() end) end
  end
  local before = all.logs[#all.logs - 1]
  if not before or before.block_size == log.block_size then return requests end
  return nil, ("%s: this log has blocks of %d tokens, the one before of %d: say the block size of all of "
    .. "them"):format(log.file, log.block_size, before.block_size), "value"
end

-- What the command says of a failure: for a bad row, the flag that passes over it.
local function explained(source, message, all)
  if not all.is_command or not core.log.failed_at_row(source) then return message end
  return message .. " (--skip-bad-lines passes over bad rows)"
end

-- Reads a log into columns: its requests as a pipe.
local function read_log(source, log, all)
  local _ <close> = source
  local columns = core.columns.new(log.file)
  local done, message, code = report.chunks(step,
    function(most) return core.source.append(source, columns, most) end,
    function(total) return ("%d rows read"):format(total) end)
  if not done then return nil, explained(source, message, all), code end
  done, message, code = end_log(all, log, source)
  if not done then return nil, message, code end
  return pipe.of_columns(columns)
end

-- The requests in the order of their times, which begin at 0.
local function in_time(requests, log)
  if log.backwards and log.backwards > 0 then requests = requests:sort() end
  if log.has_times then requests = requests:from_zero() end
  return log.has_times and log.speed ~= 1 and requests:speed(log.speed) or requests
end

-- All logs: what they gave, and pipes of their requests. One log alone whose rows have no times, or are said
-- to be in their order, is read while the trace is written (is_read false).
local function open_logs(list, opt, is_command)
  local all = { logs = {}, pipes = {}, end_ns = 0, is_read = true, is_command = is_command }
  for _, count in ipairs(counts) do all[count] = 0 end
  for i, given in ipairs(list) do
    local source, log, code = open_log(given, opt, all)
    if not source then return nil, log, code end
    all.is_read = #list > 1 or log.has_times and not opt.in_order
    local requests, message = pipe.new(function() return source end, log.file), nil
    if all.is_read then requests, message, code = read_log(source, log, all) end
    if requests then requests, message, code = in_blocks(requests, source, log, all) end
    if not requests then return nil, message, code end
    all.pipes[i] = in_time(requests, log)
  end
  if all.is_read and all.kept == 0 then return nil, nothing_left(all), "input" end
  return all
end

-- BurstGPT's own converter draws blocks, and invents what prompts share.
local burstgpt_hash_blocks = 10000

-- From how many blocks prompts are drawn; nil: they are unique.
local function hash_blocks(all, opt)
  if opt.num_hash_blocks then return opt.num_hash_blocks end
  for _, log in ipairs(all.logs) do
    if log.format ~= "burstgpt" then return nil end
  end
  return burstgpt_hash_blocks
end

-- Writes the trace: what was measured of it, or nil, message, code.
local function write(all, path, opt, watch)
  local bins = all.end_ns == 0 and 0 or math.max(1, math.min(most_bins, all.end_ns // 1000000000))
  local requests = all.pipes[2] and any.trace.join(all.pipes, { gap = 0, shared_ids = true }) or all.pipes[1]
  requests = requests:prompts { block_size = all.logs[1].block_size, twice = all.is_read,
    num_hash_blocks = hash_blocks(all, opt), no_sessions = opt.no_sessions, seed = opt.seed }
  if watch.state then requests = pipe.watched(requests --[[@as moontide.pipe]], watch.state) end
  requests = pipe.apply(requests, "measure", function(source)
    return core.log.measure(source, all.end_ns, bins)
  end)
  local writer <close>, message, code = core.trace.writer(path, opt.compact, opt.timestamp_digits)
  if not writer then return nil, message, code end
  return pipe.read(requests, function(source)
    local done, problem, kind = report.chunks(step,
      function(most) return core.source.write(source, writer, most) end,
      function(total) return ("%d requests written"):format(total) end)
    if done and not all.is_read then done, problem, kind = end_log(all, all.logs[1], source) end
    if not done then return nil, explained(source, problem, all), kind end
    if all.kept == 0 then return nil, nothing_left(all), "input" end
    local result, in_bin = core.log.measures(source)
    local duration = all.end_ns / 1e9
    if all.has_times then result.duration = duration end
    if bins > 0 then
      result.bin = duration < 1 and 1.0 or duration / bins
      result.in_bin = table.move(in_bin, 1, bins, 1, {})
    end
    for _, count in ipairs(counts) do result[count] = all[count] end
    if result.made > 0 then result.drawn_from = hash_blocks(all, opt) end
    if watch.judge then done, problem, kind = watch.judge() end
    if done then done, problem, kind = writer:finish() end
    if not done then return nil, problem, kind end
    return result
  end)
end

local fields = {
  { "skip_num_prompt", kind = "integer", min = 0, default = 0 },
  { "num_prompt", kind = "integer", min = 1 },
  { "in_order", kind = "boolean", default = false },
  { "speed_ratio", kind = "number", above = 0, default = 1 },
  { "timestamp_digits", kind = "integer", min = 0, max = 6, default = 0 },
  { "compact", kind = "boolean", default = false },
}
for _, shared in ipairs { log_source.fields, log_source.prompt_fields } do
  table.move(shared, 1, #shared, #fields + 1, fields)
end

-- mt.convert, or with `command` { is_unnamed = } what the command does: where nobody has named the path, what
-- stands there must be a trace.
local function converted(logs, path, given, command)
  local opt = log_source.options("convert", given, fields)
  local list = logs_of(logs, opt.speed_ratio)
  options.value(path, "convert: path", { "path", kind = "path" })
  local result
  local all, message, code = open_logs(list, opt, command ~= nil)
  local problem = all and command and command.is_unnamed and target.not_a_trace(path)
  if problem then return nil, "convert: " .. problem, "usage" end
  if all then result, message, code = write(all, path, opt, command and command.watch or {}) end
  if result then return convert_report.new(result, all.logs, path, opt) end
  -- What the core found wrong with how it was called is the caller's mistake.
  if code == "value" and not (command and command.watch.judge) then
    core.base.raise("convert: " .. message)
  end
  return nil, message, code
end

---@class moontide.convert_options
---@field format? string burstgpt, azure, csv, json, langfuse, mini-swe-agent, swe-agent, bailian, vllm-bench,
--- guidellm, inference-perf, perf-analyzer, inputs-json, results, dynamo, dynamo-trace, weka, aibrix,
--- lmcache, claude-code, codex, otel or sharegpt; found from the file without it
---@field columns? { timestamp: string, input: string, output: string, session: string?, model: string?,
--- log_type: string? } names of a CSV's columns, or of JSON lines' members
---@field delimiter? string what stands between a CSV's columns: a character or "tab"; found from its header
---@field time_unit? string what a number in the log's time counts: "s", "ms", "us" or "ns"
---@field count? string what a token of a text is where the log does not count them: "script" (an estimate by
--- its letters), "words", "chars" or "bytes"
---@field tokens_per_char? number so many a character instead
---@field model? string keep only the rows of this model
---@field log_type? string keep only the rows of this type
---@field skip_num_prompt? integer leave out so many rows
---@field num_prompt? integer keep so many at most
---@field in_order? boolean rows are in the order of their times, and written while they are read
---@field speed_ratio? number times are divided by it: 1
---@field block_size? integer tokens a block: 128, of a bailian log 16; dynamo-trace and weka logs say it, a
--- dynamo log's hash_ids show it
---@field num_hash_blocks? integer blocks are drawn from 0 to this, both included; without it the prompts are
--- unique, for nobody knows what they share; of burstgpt logs 10000
---@field no_sessions? boolean turns of a session share no prefix and lose its name
---@field start? string|integer when the sessions of a weka log begin: 0 (all at once), "uniform:12h"
--- (anywhere in that time), "poisson:0.5" (one after the other, so many a second on average)
---@field seed? integer of the drawn blocks and of start
---@field timestamp_digits? integer decimals of a millisecond: 0
---@field compact? boolean no spaces between JSON members
---@field skip_bad_lines? boolean pass over bad rows, and count them

--- Converts logs of real servers into a trace: BurstGPT's and Azure's CSVs, any CSV or JSON lines,
--- Bailian's and AIBrix's JSON lines, ShareGPT's conversations, results of runs (profile_export.jsonl,
--- AIPerf's or ours), and agents: Dynamo's rows and request traces, kv-cache-tester's sessions (a file or a
--- folder of them), LMCache's lines.
-- Rows are filtered by model and log type, the first skipped, the rest capped; times are divided by the
-- speed and begin at 0. Several logs follow one another, each at its own speed. The turns of a session
-- share a growing prefix; other prompts are unique, or their blocks are drawn at random, by seed. What comes
-- back prints as statistics with a chart of the rate.
---@param logs string|(string|{ [1]: string, speed: number? })[] a file's name, or a list of names and
--- { name, speed = ... }; "-" is standard input
---@param path string the trace's file
---@param given? moontide.convert_options
---@return moontide.conversion? result, string? message, string? code
function convert.convert(logs, path, given)
  return converted(logs, path, given)
end

-- --- the command -----------------------------------------------------------------------------------

--- The trace's file when none is named: the first log's, its extension replaced by .jsonl.
---@param log string
---@return string
function convert.output_name(log)
  if log == "-" then return "convert.jsonl" end
  if core.base.folder(log) then return log:gsub("(.)/+$", "%1") .. ".jsonl" end
  local name = log:gsub("%.gz$", ""):gsub("%.zst$", "")
  local stem = name:match "^(.*[^/])%.[^./]+$" or name
  return stem .. ".jsonl"
end

-- The options of mt.convert among those of the command.
local function shared_options(opt)
  local shared = { columns = opt.columns and log_source.columns_of(opt.columns, "convert: --columns") }
  for _, field in ipairs(fields) do
    local name = field[1]
    if name ~= "columns" then shared[name] = opt[name] end
  end
  return shared
end

--- Carries out the command: converts, and tells on standard error what was left out or changed.
---@param opt table its options
---@param watch { state: userdata?, judge: function? } what counts the requests, and judges them
---@return moontide.conversion? result, string? message, string? code
function convert.run(opt, watch)
  local logs = { opt.input_file }
  for i, segment in ipairs(opt.segment or {}) do
    logs[i] = convert.segment_of(segment, "convert: --segment")
  end
  local first = opt.input_file or logs[1][1]
  local path = opt.output_file or convert.output_name(first)
  local names = {}
  for i, log in ipairs(logs) do names[i] = type(log) == "table" and log[1] or log end
  local replaced = target.replaced(path, names)
  local wrong = target.series_mistake(opt.series, names, path)
  if wrong then return nil, "convert: " .. wrong, "usage" end
  if replaced then
    return nil, ("convert: the trace would replace the log %s: say where %sit goes with --output-file")
      :format(replaced, opt.output_file and "else " or ""), "usage"
  end
  core.trace.finish_is_last()
  local result, message, code = converted(logs, path, shared_options(opt),
    { is_unnamed = not opt.output_file, watch = watch })
  if not result then return nil, message, code end
  convert_report.tell(result)
  return result
end

---@class moontide
local public = { convert = convert.convert }
convert.public = public

return convert
