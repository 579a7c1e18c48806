--- What a conversion says of itself: as text with a chart, as JSON, and in notes on standard error.
local chart = require "moontide.draw.chart"
local json = require("moontide.base.json").public.json
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
local texts = require "moontide.kit.text"

local convert_report = {}

-- Columns of a CSV that are listed.
local most_columns = 20

---@class moontide.converted_log
---@field file string
---@field format string
---@field columns string[] of a CSV
---@field block_size integer tokens a block
---@field speed number its times were divided by it
---@field rows integer bad ones counted
---@field bad integer passed over
---@field kept integer requests of the trace
---@field counted string? what a token of its texts is
---@field starts_unknown boolean its sessions' times count from their own start
---@field has_waits boolean its requests may wait for others by their names
---@field passed_over integer files of a folder that are no sessions by their names
---@field parts_without_text integer parts of messages that count nothing
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
---@field options table those of mt.convert
---@field logs moontide.converted_log[]
---@field rows integer of all logs
---@field bad integer
---@field first_bad string? what was wrong with the first bad row
---@field of_model integer rows left after the filter by model
---@field of_type integer and after that by log type
---@field after_skip integer and after the first were skipped
---@field requests integer and the rest was capped
---@field sessions integer
---@field without_input integer requests with 0 input tokens
---@field without_output integer requests with 0 output tokens
---@field blocks integer
---@field distinct integer different blocks
---@field made integer prompts of which the log says only the length
---@field drawn_from integer? their blocks were drawn from 0 to this; absent where they are unique
---@field input_length moontide.lengths
---@field unknown_output integer requests without output_length
---@field output_length moontide.lengths? of the others
---@field longest integer the most of ISL + OSL
---@field duration number? seconds from the first request to the last; absent without times
---@field rate number? requests a second; absent when the duration is 0
---@field bin number? seconds of a bin of the rate's chart; absent where it was written while the log was read
---@field in_bin integer[]? requests in each
---@field peak number? requests a second in the fullest
local metatable = { __name = "moontide.conversion" }

local function seconds(number)
  return ("%.9g s"):format(number)
end

-- Numbers from here on are taken for seconds since 1970: 1998 and 2106.
local first_date, last_date = 9e8, 2 ^ 32

-- A time on the log's own clock, where that is the calendar's.
local function shown_time(log, number)
  local is_date = log.has_dates or number >= first_date and number < last_date
  if not is_date then return seconds(number) end
  local date = os.date("!%Y-%m-%d %H:%M:%S", math.floor(number)) --[[@as string]]
  return log.has_dates and date or ("%.3f s (%s, if since 1970)"):format(number, date)
end

local function log_lines(log, lines)
  lines[#lines + 1] = ("%s: %s, %s%s"):format(log.file, log.format, texts.count(log.rows, "row"),
    log.bad > 0 and (", %d of them bad"):format(log.bad) or "")
  if #log.columns > 0 then
    local names = table.concat(log.columns, ", ", 1, math.min(#log.columns, most_columns)):gsub("%c", "?")
    local more = #log.columns - most_columns
    lines[#lines + 1] = "  columns: " .. names .. (more > 0 and (" and %d more"):format(more) or "")
  end
  if log.counted then
    lines[#lines + 1] = ("  tokens: %s, where the log does not count them (--count, --tokens-per-char)")
      :format(log.counted)
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
    if one[1] then lines[#lines + 1] = ("%s: %s left"):format(one[2], texts.count(one[3], "row")) end
  end
end

local function length_line(title, lengths)
  if not lengths then return ("%-14s %10s"):format(title, "unknown") end
  local deviation = lengths.std and ("%.2f"):format(lengths.std) or "N/A"
  return ("%-14s %10d %10d %12.2f %12s"):format(title, lengths.min, lengths.max, lengths.mean, deviation)
end

-- A time beside bins of a minute and more, which nobody reads in seconds: "14h24m".
local function of_clock(self, time)
  return self.bin < 60 and seconds(time) or texts.time(math.floor(time + 0.5))
end

local function rate_lines(self, lines)
  if not self.rate then
    lines[#lines + 1] = self.duration and "RPS: N/A (all requests at one instant)"
      or "RPS: N/A (the log has no times)"
    return
  end
  local clock = self.duration < 3600 and "" or (" (%s)"):format(texts.time(math.floor(self.duration + 0.5)))
  lines[#lines + 1] = ("%s in %s%s: %s RPS on average"):format(texts.count(self.requests, "request"),
    seconds(self.duration), clock, chart.number(self.rate))
  if not self.in_bin then return end
  local rows = {}
  for i, count in ipairs(self.in_bin) do
    rows[i] = { of_clock(self, (i - 1) * self.bin), count / self.bin }
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = chart.bars { rows = rows,
    title = ("RPS in bins of %s, peak %s"):format(of_clock(self, self.bin), chart.number(self.peak)) }
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
  if self.without_input > 0 then
    lines[#lines + 1] = ("without input: %s of 0 tokens (kept, as other converters do; "
      .. "moontide cat --where 'input_length > 0' leaves them out)"):format(
      texts.count(self.without_input, "request"))
  end
  if self.without_output > 0 then
    lines[#lines + 1] = ("without output: %s (kept)"):format(texts.count(self.without_output, "request"))
  end
  if self.unknown_output > 0 then
    lines[#lines + 1] = ("output not known: %s (kept, without output_length)"):format(
      texts.count(self.unknown_output, "request"))
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = ("blocks: %d, %d of them different%s"):format(self.blocks, self.distinct,
    self.sessions > 0 and ("; %s"):format(texts.count(self.sessions, "session")) or "")
  if self.drawn_from then
    lines[#lines + 1] = ("  of %s drawn from 0 to %d (--num-hash-blocks%s): what they share is invented")
      :format(texts.count(self.made, "prompt"), self.drawn_from,
      self.options.num_hash_blocks and "" or "; this is the default of BurstGPT's converter")
  elseif self.made > 0 then
    lines[#lines + 1] = ("  %s unique: the log does not say what they share (--num-hash-blocks draws it)")
      :format(self.made == 1 and "1 prompt is" or ("%d prompts are"):format(self.made))
  end
  rate_lines(self, lines)
  return table.concat(lines, "\n")
end

local function log_object(log)
  local members = {
    { "file", log.file }, { "format", log.format }, { "columns", json.array(log.columns) },
    { "speed_ratio", log.speed }, { "rows", log.rows }, { "bad_rows", log.bad }, { "requests", log.kept },
    { "backwards", log.backwards }, { "first", log.first }, { "last", log.last },
    { "begins", log.begins }, { "ends", log.ends },
  }
  if log.counted then members[#members + 1] = { "tokens", log.counted } end
  return json.object(members)
end

local function length_object(lengths)
  if not lengths then return nil end
  return json.object {
    { "min", lengths.min }, { "max", lengths.max }, { "mean", lengths.mean }, { "std", lengths.std },
  }
end

function metatable:__json()
  local logs, rates = {}, {}
  for i, log in ipairs(self.logs) do logs[i] = log_object(log) end
  for i, count in ipairs(self.in_bin or {}) do rates[i] = count / self.bin end
  local members = {
    { "output_file", self.output }, { "logs", json.array(logs) }, { "rows", self.rows },
    { "bad_rows", self.bad }, { "after_model", self.of_model }, { "after_log_type", self.of_type },
    { "after_skip", self.after_skip }, { "requests", self.requests }, { "sessions", self.sessions },
    { "without_output", self.without_output }, { "blocks", self.blocks },
    { "distinct_blocks", self.distinct }, { "input_length", length_object(self.input_length) },
    { "output_length", length_object(self.output_length) }, { "longest", self.longest },
    { "duration", self.duration }, { "rate", self.rate }, { "peak_rate", self.peak },
    { "bin", self.bin }, { "rates", json.array(rates) },
  }
  if self.without_input > 0 then members[#members + 1] = { "without_input", self.without_input } end
  if self.unknown_output > 0 then members[#members + 1] = { "unknown_output", self.unknown_output } end
  if self.drawn_from then members[#members + 1] = { "drawn_from", self.drawn_from } end
  return json.object(members)
end

-- --- notes -----------------------------------------------------------------------------------------

--- Says what was left out or changed.
---@param result moontide.conversion
function convert_report.tell(result)
  if result.bad > 0 then
    report.note(texts.skipped(result.bad, result.first_bad, "bad row"))
  end
  for _, log in ipairs(result.logs) do
    if log.passed_over > 0 then
      report.note(("%s: %s passed over, not called *.json or *.jsonl"):format(log.file,
        texts.count(log.passed_over, "file")))
    end
    if log.starts_unknown and not result.options.start then
      report.note(("%s: when sessions began is not known: all begin at 0 (--start uniform:12h spreads them)")
        :format(log.file))
    end
    if log.parts_without_text > 0 then
      report.note(("%s: %s of messages without a text (pictures, sounds) count no tokens"):format(log.file,
        texts.count(log.parts_without_text, "part")))
    end
    if log.backwards > 0 and not log.starts_unknown then
      report.note(("%s:%d: earlier than the row before it%s; the trace is in the order of its times"):format(
        log.file, log.backwards_line,
        log.backwards > 1 and (", and so are %d more"):format(log.backwards - 1) or ""))
    end
  end
end

--- Completes what the core counted, and makes it the value that prints and encodes itself.
---@param result table
---@param logs moontide.converted_log[]
---@param path string
---@param opt table the options of mt.convert
---@return moontide.conversion
function convert_report.new(result, logs, path, opt)
  result.output, result.logs, result.options = path, logs, opt
  for _, log in ipairs(logs) do result.first_bad = result.first_bad or log.first_bad end
  if result.duration and result.duration > 0 then result.rate = result.requests / result.duration end
  if result.in_bin then
    result.peak = math.max(table.unpack(result.in_bin)) / result.bin
  end
  return setmetatable(result, metatable)
end

return convert_report
