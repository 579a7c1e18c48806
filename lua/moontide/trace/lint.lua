--- What contradicts itself in a trace, why it may be so, and what mends it: mt.lint.
local any = require "moontide.trace.any"
local core = require "moontide.core"
local json = require("moontide.base.json").public.json
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local plain = require "moontide.kit.text"

local lint = {}

--- Names of findings, in the order in which they are reported.
lint.names = {
  "empty_trace", "bad_lines", "seconds", "decreasing_times", "quantised_clock", "no_timestamp",
  "empty_prompts", "no_requests", "empty_ids",
  "block_size", "session_rows", "named_twice", "lost_names", "two_parents",
}

---@class moontide.finding
---@field name string "seconds", "decreasing_times", "two_parents", ...
---@field line integer? the first line
---@field column integer? in it, where a line is no request
---@field lines integer[] the first few
---@field count integer lines in all
---@field message string what contradicts what
---@field cause string a guess at why
---@field mend string? the flags of moontide cat that mend it

---@class moontide.lint
---@field requests integer
---@field block_size integer? the one given, or the one that fits most prompts; nil without hash_ids
---@field whole_blocks true? only whole blocks have hash_ids, the rest of a prompt has none
---@field sessions string? what session rows count: "cumulative" or "delta"
---@field findings moontide.finding[]
local metatable = { __name = "moontide.lint" }
local methods = {}
metatable.__index = methods

local function short(number)
  if number >= 1e6 then return ("%.3g million"):format(number / 1e6) end
  return ("%.4g"):format(number)
end

-- --- the findings ----------------------------------------------------------------------------------

local find = {}

function find.empty_trace(facts, skipped)
  if facts.requests > 0 or skipped.count > 0 then return nil end
  return { count = 1, message = "there is no request in it",
    cause = "what should have written it failed, or kept nothing" }
end

function find.bad_lines(facts, skipped)
  if skipped.count == 0 then return nil end
  local more = skipped.count > 1 and (" (and %d more)"):format(skipped.count - 1) or ""
  local line, column, message = skipped.first:match ":(%d+):(%d+): (.*)$"
  return { line = math.tointeger(tonumber(line)), column = math.tointeger(tonumber(column)),
    count = skipped.count, message = (message or skipped.first) .. more,
    cause = facts.requests > 0 and "the line is no request in the trace format"
      or "the file is no trace",
    mend = facts.requests > 0 and "--skip-bad-lines" or nil }
end

-- A unit's name, and how much faster the trace is in it than in milliseconds.
local units = {
  s = { name = "seconds", speed = 1 / 1000 },
  us = { name = "microseconds", speed = 1000 },
  ns = { name = "nanoseconds", speed = 1e6 },
}

local seconds_messages = {
  epoch = function(facts)
    return ("timestamps are %s since 1970, the first %s"):format(units[facts.unit].name, facts.first)
  end,
  load = function(facts)
    return ("as milliseconds the trace has %s requests and %s input tokens a second"):format(
      short(facts.requests_a_second), short(facts.tokens_a_second))
  end,
  slow = function(facts)
    return ("as milliseconds the trace has one request in %s s, and takes %s days"):format(
      short(1 / facts.requests_a_second), short(facts.span / 86400))
  end,
  turns = function() return "as milliseconds, turns follow one another faster than answers can be made" end,
}

function find.seconds(facts)
  local unit = units[facts.unit]
  if facts.read_in then -- the reader was told: as milliseconds they are out of range
    return { line = facts.read_in.line, count = facts.times, message = facts.read_in.message,
      cause = ("timestamps are in %s%s"):format(unit.name, facts.requests_a_second > 0
        and (": that is %s requests a second"):format(short(facts.requests_a_second)) or ""),
      mend = "--time-unit " .. facts.unit }
  end
  local message = seconds_messages[facts.seconds_because]
  return message and { count = facts.times, message = message(facts),
    cause = ("timestamps are in %s: that would be %s requests a second"):format(unit.name,
      short(facts.requests_a_second * unit.speed)),
    mend = "--time-unit " .. facts.unit }
end

function find.decreasing_times(facts)
  return { at = facts.decreasing,
    message = ("timestamp %s is smaller than the %s before it"):format(
      facts.decreased_to, facts.decreased_from),
    cause = "several logs were put one after the other, or several writers wrote to one", mend = "--sort" }
end

function find.quantised_clock(facts)
  local grid = facts.grid
  return grid and { count = grid.times,
    message = ("the clock ticks every %g s: %d requests at %d instants"):format(grid.period, grid.times,
      grid.instants),
    cause = "the recording's clock; replayed as it is, each tick is a burst that never happened",
    mend = "--dequantize" }
end

function find.no_timestamp(facts)
  return { at = facts.without_time,
    message = "no timestamp, and no earlier turn of its session that it could follow",
    cause = "other requests have one: the log is incomplete here" }
end

function find.empty_prompts(facts)
  return { at = facts.empty_prompts, message = "input_length is 0: a prompt has at least one token",
    cause = "the log counted requests that were refused or cut off",
    mend = "--where 'input_length ~= 0'" }
end

function find.no_requests(facts)
  local what = facts.looks_like_log
    and "a log of conversations: moontide convert makes a trace of one"
    or "another tool's file, or its events"
  return { at = facts.no_requests,
    message = "no timestamp, input_length, output_length or hash_ids: this is no request",
    cause = "this seems to be " .. what,
    mend = facts.no_requests.count < facts.requests
      and "--where 'timestamp or input_length or output_length or hash_ids'" or nil }
end

function find.empty_ids(facts)
  return { at = facts.empty_ids, message = "hash_ids is empty, and input_length is more than a block",
    cause = "the ids were not recorded here: the prompt would count as one without blocks",
    mend = "--where 'not hash_ids or #hash_ids > 0'" }
end

function find.block_size(facts)
  if facts.misfits.count == 0 then return nil end
  local input, size = math.tointeger(facts.misfit_input) or 0, facts.block_size
  local rest = input % size > 0 and not facts.is_whole and 1 or 0
  local finding = { at = facts.misfits,
    message = ("%s for %s tokens, which are %s of %d"):format(plain.count(facts.misfit_ids, "hash id"),
      facts.misfit_input,
      plain.count(input // size + rest, facts.is_whole and "whole block" or "block"), size),
    cause = ("ids or lengths are wrong: no block size fits, %d fits %d of %d prompts"):format(
      size, facts.fits, facts.prompts),
    mend = "--fit-ids --block-size " .. size }
  if facts.other_size > 0 then
    finding.cause = ("traces with blocks of %d and of %d tokens were put together: every prompt fits one of "
      .. "them"):format(size, facts.other_size)
    finding.mend = nil
  elseif facts.better_size > 0 then
    finding.cause = ("blocks have %d tokens: that fits %d of %d prompts"):format(facts.better_size,
      facts.better_fits, facts.prompts)
    finding.mend = "--block-size " .. facts.better_size
  end
  return finding
end

function find.session_rows(facts)
  local by_ids = facts.continued + facts.apart > 0
  local like_whole = by_ids and facts.continued or facts.longer
  local unlike = by_ids and facts.apart or facts.shorter
  if facts.rows == "cumulative" or like_whole + unlike == 0 then return nil end
  local line = by_ids and facts.first_apart or facts.first_shorter
  local message = (by_ids and "%d of %d later turns share no block with the turn before"
    or "%d of %d later turns are shorter than prompt and answer of the turn before"):format(
      unlike, like_whole + unlike)
  local finding = { line = line > 0 and line or nil, count = unlike, message = message,
    cause = "input_length counts only what a turn adds; commands take it as the whole prompt",
    mend = "--sessions-to cumulative" }
  if not facts.rows then
    finding.cause = "rows of two kinds in one trace, or sessions whose history was cut"
    finding.mend = "--sessions-to cumulative --sessions delta"
  end
  if facts.bare_turns.count > 0 then
    finding.cause = ("%s, but %s no input_length: rows without it cannot be converted"):format(finding.cause,
      facts.bare_turns.count == 1 and "one turn has" or facts.bare_turns.count .. " turns have")
    finding.mend = nil
  elseif facts.block_size > 0 and facts.block_size ~= 512 then
    finding.mend = finding.mend .. " --block-size " .. facts.block_size
  end
  return finding
end

function find.named_twice(facts)
  if not facts.twice_named then return nil end
  local others = facts.twice_named - 1
  local more = others > 0 and (" (and %s)"):format(plain.count(others, "more such pair")) or ""
  return { count = facts.twice_named,
    message = ('session_id is %s in some lines and "%s" in others: a number and a string are two sessions%s')
      :format(facts.twice_name, facts.twice_name, more),
    cause = "two writers, one of which put quotes around the same session's name" }
end

function find.lost_names(facts)
  return { at = facts.lost_names,
    message = ("wait_for or branches names the request_id '%s', which no request has"):format(
      facts.lost_name),
    cause = "requests were left out without their names: what waits for one of them is never sent" }
end

function find.two_parents(facts)
  local function after(parent) return parent and "follows " .. parent or "begins a prompt" end
  return { at = facts.two_parents,
    message = ("hash id %s %s, but %s it %s"):format(facts.conflict_id, after(facts.parent_now),
      facts.conflict_line > 0 and "in line " .. facts.conflict_line or "before", after(facts.parent_before)),
    cause = "ids name contents rather than prefixes, or the ids of several traces were mixed",
    mend = "--renumber" }
end

-- One finding with its fields in place; nil where there is none.
local function complete(name, finding)
  if not finding or (finding.at and finding.at.count == 0) then return nil end
  local at = finding.at or { count = finding.count, lines = { finding.line } }
  finding.at = nil
  finding.name, finding.count, finding.lines = name, at.count, at.lines
  finding.line = at.lines[1] ~= 0 and at.lines[1] or nil
  return finding
end

-- --- the report ------------------------------------------------------------------------------------

-- " (and lines 5, 8 and 100 more)"
local function further(finding)
  local others = finding.count - math.max(1, #finding.lines)
  if finding.count < 2 or not finding.line or #finding.lines < 2 then return "" end
  local texts = table.move(finding.lines, 2, #finding.lines, 1, {})
  local is_one = #texts == 1 and others == 0
  return (" (and %s %s%s)"):format(is_one and "line" or "lines", table.concat(texts, ", "),
    others > 0 and (" and %d more"):format(others) or "")
end

function metatable:__tostring()
  local facts = { plain.count(self.requests, "request") }
  if self.block_size then
    facts[#facts + 1] = ("blocks of %d tokens%s"):format(self.block_size,
      self.whole_blocks and ", with hash_ids for whole ones only" or "")
  end
  if self.sessions then facts[#facts + 1] = "session rows are " .. self.sessions end
  local lines = { ("%s: %s"):format(self.name, table.concat(facts, ", ")) }
  for _, finding in ipairs(self.findings) do
    local place = finding.line and finding.line .. ":" or ""
    if finding.column then place = place .. finding.column .. ":" end
    lines[#lines + 1] = ("\n%s:%s %s%s"):format(self.name, place, finding.message, further(finding))
    lines[#lines + 1] = "  why:  " .. finding.cause
    local command = self.path and ("moontide cat %s "):format(self.path) or ""
    if finding.mend then lines[#lines + 1] = "  mend: " .. command .. finding.mend end
  end
  if #self.findings == 0 then lines[#lines + 1] = "Nothing contradicts itself." end
  return table.concat(lines, "\n")
end

function metatable:__json()
  local findings = {}
  for i, one in ipairs(self.findings) do
    findings[i] = json.object {
      { "name", one.name }, { "line", one.line }, { "count", one.count }, { "lines", json.array(one.lines) },
      { "message", one.message }, { "cause", one.cause }, { "mend", one.mend },
    }
  end
  local members = {
    { "requests", self.requests }, { "block_size", self.block_size }, { "sessions", self.sessions },
    { "findings", json.array(findings) },
  }
  if self.whole_blocks then table.insert(members, 3, { "whole_blocks", true }) end
  return json.object(members)
end

-- --- linting ---------------------------------------------------------------------------------------

-- The facts of a source, and the bad lines it passed over.
local function facts_of(source, is_numbered, block_size)
  local state <close> = core.lint.new(block_size or 0)
  local done, message, code = any.take(state, source, is_numbered, false, "looked at")
  if not done then return nil, message, code end
  local facts
  facts, message, code = state:result()
  if not facts then return nil, message, code end
  local count, first = core.source.skipped(source)
  return facts, { count = count, first = first }
end

---@class moontide.lint_options
---@field block_size? integer tokens a block; else the size that fits most prompts
---@field ignore? string[] names of findings that are none

local lint_options = {
  { "block_size", kind = "integer", min = 1 },
  { "ignore", kind = "choice", choices = lint.names, list = true },
}

-- Where the first bad line of a file has a time that is beyond milliseconds, in a unit that is not: the
-- file as a pipe in that unit, the facts and the bad lines of it.
local function in_another_unit(path, opt, bad)
  local line, message, unit = bad.first:match
    ":(%d+):%d+: (.-) %(if these are %a+, 'moontide cat %-%-time%-unit (%a+)'"
  if not line then return nil end
  local whole = any.trace.pipe(path, { skip_bad_lines = true, time_unit = unit })
  local facts, others = pipe.read(whole, function(source) return facts_of(source, false, opt.block_size) end)
  if not facts or others.count >= bad.count then return nil end
  facts.seconds_because, facts.unit = "epoch", unit
  facts.read_in = { line = math.tointeger(tonumber(line)), message = message }
  return whole, facts, others
end

-- The result for a pipe called `name`, `path` in commands; `skipped` are bad lines left out before.
local function judge(whole, name, path, opt, skipped)
  local facts, bad, kind = pipe.read(whole, function(source)
    return facts_of(source, whole.is_numbered, opt.block_size)
  end)
  if not facts then return nil, bad --[[@as string]], kind end
  if path and path ~= "-" and bad.count > 0 then
    local again, better, others = in_another_unit(path, opt, bad)
    if again then whole, facts, bad = again, better, others end
  end
  local ignored = {}
  for _, one in ipairs(opt.ignore or {}) do ignored[one] = true end
  local findings = {}
  for _, one in ipairs(lint.names) do
    local finding = not ignored[one] and complete(one, find[one](facts, skipped or bad))
    findings[#findings + 1] = finding or nil
  end
  return setmetatable({
    name = name, path = path, trace = whole, requests = facts.requests,
    block_size = facts.block_size > 0 and facts.block_size or nil, sessions = facts.rows,
    whole_blocks = facts.block_size > 0 and facts.is_whole or nil,
    findings = findings, facts = facts,
  }, metatable)
end

-- The same of what can be read only once: it is kept, so that it can be mended.
local function once(reader, opt, name, path)
  local columns, message, code = reader:columns()
  if not columns then return nil, message, code end
  local count, first = reader:skipped()
  return judge(pipe.of_columns(columns), name, path, opt, { count = count, first = first })
end

--- Looks for what contradicts itself in a trace: seconds taken for milliseconds, decreasing times, a clock
-- that ticks, hash_ids that do not fit the lengths or have two parents, session rows that count only what a
-- turn adds, names of requests that are not there. Each finding says where, why it may be so, and which flag
-- of `moontide cat` mends it. The
-- result prints as a report; result:mended() is the trace with all of it mended.
---@param trace moontide.trace a path, columns, a pipe, what is left in a reader, a workload, ...
---@param given? moontide.lint_options
---@return moontide.lint? result, string? message, string? code
function lint.lint(trace, given)
  local opt = options.table("lint", given, lint_options)
  if options.type_of(trace) == "moontide.reader" then return once(trace, opt, "a reader", nil) end
  local whole = any.pipe(trace, "lint: the trace", true)
  local path = type(trace) == "string" and trace or nil
  return judge(whole, path == "-" and "standard input" or whole.text, path, opt)
end

--- The same of standard input.
---@param given? moontide.lint_options
---@return moontide.lint? result, string? message, string? code
function lint.standard_input(given)
  local opt = options.table("lint", given, lint_options)
  local reader <close>, message, code = core.source.open("-", true)
  if not reader then return nil, message, code end
  return once(reader, opt, "standard input", "-")
end

-- --- mending ---------------------------------------------------------------------------------------

local function fitted(trace, facts)
  if facts.other_size > 0 then return nil end -- all ids are right, in blocks of one size or the other
  return trace:fit_ids {
    block_size = facts.better_size > 0 and facts.better_size or facts.block_size,
    first_free = facts.next_id,
  }
end

-- What mends each finding, in the order in which it is done.
local mends = {
  { "seconds", function(trace, facts)
    return facts.read_in and trace or trace:speed(units[facts.unit].speed)
  end },
  { "decreasing_times", function(trace) return trace:sort() end },
  { "quantised_clock", function(trace, facts, seed)
    return trace:dequantize { grid = facts.grid.period, offset = facts.grid.offset, seed = seed }
  end },
  { "empty_prompts", function(trace) return trace:where "input_length ~= 0" end },
  { "block_size", fitted },
  { "session_rows", function(trace, facts)
    if facts.rows ~= "delta" or facts.bare_turns.count > 0 then return nil end
    local size = facts.better_size > 0 and facts.better_size or facts.block_size
    if facts.misfits.count > 0 then trace = fitted(trace, facts) end -- also where that is no finding
    if not trace then return nil end
    return trace:sessions { to = "cumulative", from = "delta", block_size = size > 0 and size or 512 }
  end },
  { "two_parents", function(trace) return trace:renumber() end },
}

--- The trace with its findings mended as far as that can be done without asking: bad lines and empty
-- prompts left out, times in milliseconds, in order and off their ticks, as many hash_ids as blocks, whole
-- prompts in session rows, ids with one parent.
---@param seed? integer for the ticks
---@return moontide.pipe trace, string[] mended, string[] left names of findings
function methods:mended(seed)
  seed = options.value(seed or 0, "mended: seed", { "seed", kind = "seed" })
  local trace, mended, left, is_mended = self.trace, {}, {}, { bad_lines = true }
  local found = {}
  for _, finding in ipairs(self.findings) do found[finding.name] = true end
  for _, mend in ipairs(mends) do
    local better = found[mend[1]] and mend[2](trace, self.facts, seed)
    if better then trace, is_mended[mend[1]] = better, true end
  end
  for _, finding in ipairs(self.findings) do
    table.insert(is_mended[finding.name] and mended or left, finding.name)
  end
  return trace, mended, left
end

---@class moontide
local public = { lint = lint.lint }

lint.public = public
lint.methods = { { "lint", methods } }

return lint
