--- Real logs into traces: mt.convert, and what it says of them.
local chart = require "moontide.chart"
local core = require "moontide.core"
local json = require("moontide.json").public.json
local options = require "moontide.options"
local report = require "moontide.report"
core.base.own()

local convert = {}

-- Rows between two looks at whether progress is to be shown.
local step = 100000

convert.formats = { "burstgpt", "azure", "csv", "bailian", "aibrix", "sharegpt" }
convert.time_units = { "s", "ms", "us", "ns" }

local time_digits = { s = 9, ms = 6, us = 3, ns = 0 }

-- --- the result ------------------------------------------------------------------------------------

---@class moontide.converted_log
---@field file string
---@field format string
---@field columns string[] of a CSV
---@field speed number its times were divided by it
---@field rows integer bad ones counted
---@field bad integer passed over
---@field kept integer requests of the trace
---@field backwards integer rows earlier than the row before them
---@field first number? seconds on the log's own clock: the earliest request kept
---@field last number? and the latest
---@field begins number? seconds of the trace at which they are
---@field ends number?

---@class moontide.lengths
---@field min integer
---@field max integer
---@field mean number
---@field std number? of a sample; absent for one request

---@class moontide.conversion
---@field output string where the trace is
---@field logs moontide.converted_log[]
---@field rows integer of all logs
---@field bad integer
---@field first_bad string? what was wrong with the first bad row
---@field of_model integer rows left after the filter by model
---@field of_type integer and after that by log type
---@field after_skip integer and after the first were skipped
---@field requests integer and the rest was capped
---@field sessions integer
---@field without_output integer requests with 0 output tokens
---@field blocks integer
---@field distinct integer different blocks
---@field input_length moontide.lengths
---@field output_length moontide.lengths
---@field longest integer the most of ISL + OSL
---@field duration number? seconds from the first request to the last; absent without times
---@field rate number? requests a second; absent when the duration is 0
---@field bin number? seconds of a bin of the rate's chart
---@field in_bin integer[]? requests in each
---@field peak number? requests a second in the fullest
local metatable = { __name = "moontide.conversion" }

local function plural(number, what)
  return ("%d %s%s"):format(number, what, number == 1 and "" or "s")
end

local function seconds(number)
  return ("%.9g s"):format(number)
end

-- A time on the log's own clock, where that is the calendar's.
local function shown_time(log, number)
  if not log.has_dates then return seconds(number) end
  return os.date("!%Y-%m-%d %H:%M:%S", math.floor(number)) --[[@as string]]
end

local function log_lines(log, lines)
  lines[#lines + 1] = ("%s: %s, %s%s"):format(log.file, log.format, plural(log.rows, "row"),
    log.bad > 0 and (", %d of them bad"):format(log.bad) or "")
  if #log.columns > 0 then
    lines[#lines + 1] = "  columns: " .. table.concat(log.columns, ", "):gsub("%c", "?")
  end
  if not log.first then return end
  lines[#lines + 1] = ("  time: from %s to %s"):format(shown_time(log, log.first), shown_time(log, log.last))
  lines[#lines + 1] = ("  at speed %s: from %s to %s"):format(options.python_number(log.speed),
    seconds(log.begins), seconds(log.ends))
end

-- Rows left after each step that was asked for.
local function filter_lines(self, lines)
  local opt = self.options
  local steps = {
    { opt.model, "model " .. options.show(opt.model or ""), self.of_model },
    { opt.log_type, "log type " .. options.show(opt.log_type or ""), self.of_type },
    { opt.skip_num_prompt > 0, ("without the first %d"):format(opt.skip_num_prompt), self.after_skip },
    { opt.num_prompt, ("at most %d"):format(opt.num_prompt or 0), self.requests },
  }
  for _, one in ipairs(steps) do
    if one[1] then lines[#lines + 1] = ("%s: %s left"):format(one[2], plural(one[3], "row")) end
  end
end

local function length_line(title, lengths)
  local deviation = lengths.std and ("%.2f"):format(lengths.std) or "N/A"
  return ("%-14s %10d %10d %12.2f %12s"):format(title, lengths.min, lengths.max, lengths.mean, deviation)
end

local function rate_lines(self, lines)
  if not self.rate then
    lines[#lines + 1] = self.duration and "RPS: N/A (all requests at one instant)"
      or "RPS: N/A (the log has no times)"
    return
  end
  lines[#lines + 1] = ("%s in %s: %s RPS on average"):format(plural(self.requests, "request"),
    seconds(self.duration), chart.number(self.rate))
  local rows = {}
  for i, count in ipairs(self.in_bin) do
    rows[i] = { ("%.6g s"):format((i - 1) * self.bin), count / self.bin }
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = chart.bars { rows = rows,
    title = ("RPS in bins of %s, peak %s"):format(seconds(self.bin), chart.number(self.peak)) }
end

function metatable:__tostring()
  local lines = {}
  for _, log in ipairs(self.logs) do log_lines(log, lines) end
  filter_lines(self, lines)
  lines[#lines + 1] = ""
  lines[#lines + 1] = ("%-14s %10s %10s %12s %12s"):format("", "Min", "Max", "Mean", "Std Dev")
  lines[#lines + 1] = length_line("Input Length", self.input_length)
  lines[#lines + 1] = length_line("Output Length", self.output_length)
  lines[#lines + 1] = ("%-14s %10s %10d"):format("ISL + OSL", "", self.longest)
  if self.without_output > 0 then
    lines[#lines + 1] = ("without output: %s (kept)"):format(plural(self.without_output, "request"))
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = ("blocks: %d, %d of them different%s"):format(self.blocks, self.distinct,
    self.sessions > 0 and ("; %s"):format(plural(self.sessions, "session")) or "")
  rate_lines(self, lines)
  return table.concat(lines, "\n")
end

local function log_object(log)
  return json.object {
    { "file", log.file }, { "format", log.format }, { "columns", json.array(log.columns) },
    { "speed_ratio", log.speed }, { "rows", log.rows }, { "bad_rows", log.bad }, { "requests", log.kept },
    { "backwards", log.backwards }, { "first", log.first }, { "last", log.last },
    { "begins", log.begins }, { "ends", log.ends },
  }
end

local function length_object(lengths)
  return json.object {
    { "min", lengths.min }, { "max", lengths.max }, { "mean", lengths.mean }, { "std", lengths.std },
  }
end

function metatable:__json()
  local logs, rates = {}, {}
  for i, log in ipairs(self.logs) do logs[i] = log_object(log) end
  for i, count in ipairs(self.in_bin or {}) do rates[i] = count / self.bin end
  return json.object {
    { "output_file", self.output }, { "logs", json.array(logs) }, { "rows", self.rows },
    { "bad_rows", self.bad }, { "after_model", self.of_model }, { "after_log_type", self.of_type },
    { "after_skip", self.after_skip }, { "requests", self.requests }, { "sessions", self.sessions },
    { "without_output", self.without_output }, { "blocks", self.blocks },
    { "distinct_blocks", self.distinct }, { "input_length", length_object(self.input_length) },
    { "output_length", length_object(self.output_length) }, { "longest", self.longest },
    { "duration", self.duration }, { "rate", self.rate }, { "peak_rate", self.peak },
    { "bin", self.bin }, { "rates", json.array(rates) },
  }
end

-- --- what is converted -----------------------------------------------------------------------------

local column_fields = {
  { "timestamp", kind = "string", required = true }, { "input", kind = "string", required = true },
  { "output", kind = "string", required = true }, { "session", kind = "string" },
  { "model", kind = "string" }, { "log_type", kind = "string" },
}

--- The names of columns in a text "timestamp=...,input=...,output=...", as a table; raises what is wrong.
---@param text string
---@param what string the text's name for messages
---@return table<string, string>
function convert.columns_of(text, what)
  local names = {}
  for piece in (text .. ","):gmatch "([^,]*)," do
    local role, name = piece:match "^%s*([%a_-]+)%s*=%s*(.-)%s*$"
    if not role or name == "" then
      options.wrong(what, text, "timestamp=NAME,input=NAME,output=NAME and perhaps session=, model=, log_type=")
    end
    names[options.key(role)] = name
  end
  return options.table(what, names, column_fields)
end

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

-- What the core found wrong with how it was called is the caller's mistake.
local function failed(message, code)
  report.finish()
  if code == "value" then core.base.raise("convert: " .. message) end
  return nil, message, code
end

-- Calls fn(step) until it does less than it could: the number done, or nil, message, code.
local function steps(fn, what)
  local total = 0
  repeat
    local done, message, code = fn(step)
    if not done then return nil, message, code end
    total = total + done
    report.progress(function() return ("%d %s"):format(total, what) end)
  until done < step
  return total
end

local function read_log(state, log, opt)
  local columns = opt.columns or {}
  local opened, message, code = state:open(log[1], opt.format, columns, time_digits[opt.time_unit] or -1,
    opt.block_size or 0, opt.skip_bad_lines)
  if not opened then return nil, message, code end
  local read
  read, message, code = steps(function(most) return state:read(most) end, "rows read")
  if not read then return nil, message, code end
  local summary
  summary, message, code = state:end_log(log.speed)
  if not summary then return nil, message, code end
  summary.file = log[1] == "-" and "standard input" or log[1]
  summary.speed, summary.format, summary.columns = log.speed, opened.format, opened.columns
  for _, name in ipairs { "first", "last", "begins", "ends" } do
    summary[name] = summary[name] and summary[name] / 1e9
  end
  return summary
end

local function result_of(state, path, logs, opt)
  local result = state:result()
  result.output, result.logs, result.options = path, logs, opt
  for _, log in ipairs(logs) do result.first_bad = result.first_bad or log.first_bad end
  if result.in_bin then
    result.rate = result.requests / result.duration
    result.peak = math.max(table.unpack(result.in_bin)) / result.bin
  end
  return setmetatable(result, metatable)
end

local function write(state, path, opt)
  local writer <close>, message, code = core.trace.writer(path, opt.compact, opt.timestamp_digits)
  if not writer then return nil, message, code end
  local written
  written, message, code = steps(function(most) return state:write(writer, most) end, "requests written")
  if not written then return nil, message, code end
  return writer:finish()
end

local fields = {
  { "format", kind = "choice", choices = convert.formats }, { "columns", kind = "any" },
  { "time_unit", kind = "choice", choices = convert.time_units },
  { "model", kind = "string" }, { "log_type", kind = "string" },
  { "skip_num_prompt", kind = "integer", min = 0, default = 0 },
  { "num_prompt", kind = "integer", min = 1 },
  { "speed_ratio", kind = "number", above = 0, default = 1 },
  { "block_size", kind = "integer", min = 1, max = 1 << 31 },
  { "num_hash_blocks", kind = "integer", min = 0, default = 10000 },
  { "no_sessions", kind = "boolean", default = false },
  { "seed", kind = "integer", default = 0 },
  { "timestamp_digits", kind = "integer", min = 0, max = 6, default = 0 },
  { "compact", kind = "boolean", default = false },
  { "skip_bad_lines", kind = "boolean", default = false },
}

---@class moontide.convert_options
---@field format? string burstgpt, azure, csv, bailian, aibrix or sharegpt; found from the file without it
---@field columns? { timestamp: string, input: string, output: string, session: string?, model: string?,
--- log_type: string? } names of a CSV's columns
---@field time_unit? string what a number in the log's time counts: "s", "ms", "us" or "ns"
---@field model? string keep only the rows of this model
---@field log_type? string keep only the rows of this type
---@field skip_num_prompt? integer leave out so many rows
---@field num_prompt? integer keep so many at most
---@field speed_ratio? number times are divided by it: 1
---@field block_size? integer tokens a block: 128, of a bailian log 16
---@field num_hash_blocks? integer blocks are drawn from 0 to this, both included: 10000
---@field no_sessions? boolean turns of a session share no prefix and lose its name
---@field seed? integer of the drawn blocks
---@field timestamp_digits? integer decimals of a millisecond: 0
---@field compact? boolean no spaces between JSON members
---@field skip_bad_lines? boolean pass over bad rows, and count them

--- Converts logs of real servers into a trace: BurstGPT's and Azure's CSVs, any CSV, Bailian's and
--- AIBrix's JSON lines, ShareGPT's conversations.
-- Rows are filtered by model and log type, the first skipped, the rest capped; times are divided by the
-- speed and begin at 0. Several logs follow one another, each at its own speed. The turns of a session
-- share a growing prefix; the blocks of other prompts are drawn at random, by seed. What comes back
-- prints as statistics with a chart of the rate.
---@param logs string|(string|{ [1]: string, speed: number? })[] a file's name, or a list of names and
--- { name, speed = ... }; "-" is standard input
---@param path string the trace's file
---@param given? moontide.convert_options
---@return moontide.conversion? result, string? message, string? code
function convert.convert(logs, path, given)
  local opt = options.table("convert", given, fields)
  if opt.columns ~= nil then opt.columns = options.table("convert: columns", opt.columns, column_fields) end
  local list = logs_of(logs, opt.speed_ratio)
  options.value(path, "convert: path", { "path", kind = "path" })
  local state <close> = core.convert.new(opt.model, opt.log_type, opt.skip_num_prompt, opt.num_prompt,
    opt.num_hash_blocks, opt.seed, opt.no_sessions)
  local summaries = {}
  for i, log in ipairs(list) do
    local summary, message, code = read_log(state, log, opt)
    if not summary then return failed(message, code) end
    summaries[i] = summary
  end
  local done, message, code = state:finish()
  if not done then
    local names = {}
    for i, summary in ipairs(summaries) do names[i] = summary.file end
    if code == "input" then message = table.concat(names, ", ") .. ": " .. message end
    return failed(message, code)
  end
  done, message, code = write(state, path, opt)
  if not done then return failed(message, code) end
  report.finish()
  return result_of(state, path, summaries, opt)
end

-- --- the command -----------------------------------------------------------------------------------

--- The trace's file when none is named: the first log's, its extension replaced by .jsonl.
---@param log string
---@return string
function convert.output_name(log)
  if log == "-" then return "convert.jsonl" end
  local name = log:gsub("%.gz$", "")
  local stem = name:match "^(.*[^/])%.[^./]+$" or name
  return stem .. ".jsonl"
end

--- Says what was left out or changed.
---@param result moontide.conversion
function convert.tell(result)
  if result.bad > 0 then
    report.note(("skipped %s; the first: %s"):format(plural(result.bad, "bad row"), result.first_bad))
  end
  for _, log in ipairs(result.logs) do
    if log.backwards > 0 then
      report.note(("%s:%d: earlier than the row before it%s; the trace is in the order of its times"):format(
        log.file, log.backwards_line,
        log.backwards > 1 and (", and so are %d more"):format(log.backwards - 1) or ""))
    end
  end
end

---@class moontide
local public = { convert = convert.convert }
convert.public = public

return convert
