--- Real logs into traces: mt.convert, and what it says of them.
local convert_report = require "moontide.trace.convert_report"
local core = require "moontide.core"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"

local convert = {}

-- Rows between two looks at whether progress is to be shown.
local step = 100000

convert.formats = { "burstgpt", "azure", "csv", "bailian", "aibrix", "sharegpt" }
convert.time_units = { "s", "ms", "us", "ns" }

local time_digits = { s = 9, ms = 6, us = 3, ns = 0 }

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
      options.wrong(what, text,
        "timestamp=NAME,input=NAME,output=NAME and perhaps session=, model=, log_type=")
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
  summary.block_size = opened.block_size
  for _, name in ipairs { "first", "last", "begins", "ends" } do
    summary[name] = summary[name] and summary[name] / 1e9
  end
  return summary
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
  return convert_report.new(state:result(), summaries, path, opt)
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

-- The options of mt.convert among those of the command.
local function shared_options(opt)
  local shared = { columns = opt.columns and convert.columns_of(opt.columns, "convert: --columns") }
  for _, field in ipairs(fields) do
    local name = field[1]
    if name ~= "columns" then shared[name] = opt[name] end
  end
  return shared
end

--- Carries out the command: converts, and tells on standard error what was left out or changed.
---@param opt table its options
---@return moontide.conversion? result, string? message, string? code
function convert.run(opt)
  local logs = { opt.input_file }
  for i, segment in ipairs(opt.segment or {}) do
    logs[i] = convert.segment_of(segment, "convert: --segment")
  end
  local first = opt.input_file or logs[1][1]
  local path = opt.output_file or convert.output_name(first)
  for _, log in ipairs(logs) do
    local name = type(log) == "table" and log[1] or log
    if core.trace.replaces(path, name) then
      return nil, ("convert: the trace would replace the log %s: say where %sit goes with --output-file")
        :format(name, opt.output_file and "else " or ""), "usage"
    end
  end
  local result, message, code = convert.convert(logs, path, shared_options(opt))
  if not result then return nil, message, code end
  convert_report.tell(result)
  return result
end

---@class moontide
local public = { convert = convert.convert }
convert.public = public

return convert
