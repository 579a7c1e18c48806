--- Traces as material: steps that cut, move and combine them while they pass.
--
-- mt.trace.pipe, merge and join make a *pipe*: a value that says where requests come from and what is
-- done to them. Nothing is read before pipe:write, pipe:columns or pipe:requests, and each of these reads
-- anew. Every step is a method of pipes and of columns: of pipes it gives a pipe, of columns new columns.
local core = require "moontide.core"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
local where = require "moontide.trace.where"
core.base.own()

local pipe = {}

---@class moontide.pipe
---@field private start fun(run: table): userdata?, string?, string?
local metatable = { __name = "moontide.pipe" }
local steps = {}
metatable.__index = steps

-- --- pipes -----------------------------------------------------------------------------------------

local function new(start, text)
  return setmetatable({ start = start, text = text }, metatable)
end

function metatable:__tostring()
  return "trace: " .. self.text
end

local type_of = options.type_of

local function of_path(path, skip_bad_lines)
  return new(function() return core.source.open(path, skip_bad_lines) end, path)
end

local function of_columns(columns)
  return new(function() return core.source.columns(columns) end, "columns")
end

-- A path, columns or a pipe as a pipe.
local function of(value, what, skip_bad_lines)
  local kind = type_of(value)
  if kind == "moontide.pipe" then return value end
  if kind == "moontide.columns" then return of_columns(value) end
  if type(value) ~= "string" or value == "" then
    options.wrong(what, value, "a file's name, columns or a pipe")
  end
  return of_path(value, skip_bad_lines)
end

local function run_of() return { filters = {} } end

-- Opens the pipe, does the work with the source, closes it. World's failures are returned.
local function with_source(self, run, work)
  local source <close>, message, code = self.start(run)
  if not source then return nil, message, code end
  local results = table.pack(work(source))
  run.skipped, run.first_skipped = core.source.skipped(source)
  return table.unpack(results, 1, results.n)
end

-- A failure's message; of an expression it says more.
local function explained(message, run)
  for _, one in ipairs(run.filters) do message = where.failure(message, one.filter, one.notes) end
  return message
end

--- Opens a pipe, does the work with its source and closes it: what work gives, or nil, message, code.
---@param self moontide.pipe
---@param work fun(source: userdata): any, string?, string?
---@return any result, string? message, string? code
function pipe.read(self, work)
  local run = run_of()
  local result, message, code = with_source(self, run, work)
  if not result then return nil, explained(message, run), code end
  return result, message, code
end

local function collect(self)
  return pipe.read(self, core.source.collect)
end

-- The step as a method: `put(source, run, before)` puts it on a source that the pipe `before` gave, and gives
-- the source or a failure. Columns stand inside expressions, where nobody looks at a second result: what goes
-- wrong raises.
local function apply(self, name, put)
  local is_columns = type_of(self) == "moontide.columns"
  if not is_columns and type_of(self) ~= "moontide.pipe" then
    options.wrong(name .. ": the trace", self, "columns or a pipe (called with a colon)")
  end
  local before = is_columns and of_columns(self) or self
  local made = new(function(run)
    local source, message, code = before.start(run)
    if not source then return nil, message, code end
    return put(source, run, before)
  end, before.text .. ", " .. name)
  if not is_columns then return made end
  local columns, message = collect(made)
  if not columns then core.base.raise(name .. ": " .. message) end
  return columns
end

-- --- where they begin ------------------------------------------------------------------------------

local trace = {}

local skip_option = { "skip_bad_lines", kind = "boolean", default = false }

---@class moontide.pipe_options
---@field skip_bad_lines? boolean pass over them

--- A trace as a pipe: what the steps are methods of, a request at a time, in memory that does not grow.
---@param source string|moontide.columns|moontide.pipe a file's name, columns
---@param given? moontide.pipe_options
---@return moontide.pipe
function trace.pipe(source, given)
  local opt = options.table("trace.pipe", given, { skip_option })
  return of(source, "trace.pipe: the trace", opt.skip_bad_lines)
end

-- Pipes of all in the list, which must not be empty.
local function pipes_of(name, list, skip_bad_lines)
  if type(list) ~= "table" or getmetatable(list) or #list == 0 then
    options.wrong(name .. ": the first argument", list, "a list of traces")
  end
  local pipes, texts = {}, {}
  for i, value in ipairs(list) do
    pipes[i] = of(value, ("%s: trace %d"):format(name, i), skip_bad_lines)
    texts[i] = pipes[i].text
  end
  return pipes, table.concat(texts, " and ")
end

-- The sources of all pipes; what was opened before a failure is closed.
local function open_all(pipes, run)
  local sources = {}
  for i, one in ipairs(pipes) do
    local source, message, code = one.start(run)
    if not source then
      for _, opened in ipairs(sources) do core.source.close(opened) end
      return nil, message, code
    end
    sources[i] = source
  end
  return sources
end

local parts_option = { "parts", kind = "boolean", default = false }
local shared_option = { "shared_ids", kind = "boolean", default = false }

---@class moontide.merge_options
---@field parts? boolean they are parts of one trace: equal ids and sessions mean the same
---@field shared_ids? boolean equal ids mean the same, equal sessions do not
---@field skip_bad_lines? boolean pass over them

--- Merges several traces by time; each must be in the order of its times. Their hash_ids and sessions are
-- kept apart unless they are parts of one trace.
---@param list (string|moontide.columns|moontide.pipe)[]
---@param given? moontide.merge_options
---@return moontide.pipe
function trace.merge(list, given)
  local opt = options.table("trace.merge", given, { parts_option, shared_option, skip_option })
  local pipes, text = pipes_of("trace.merge", list, opt.skip_bad_lines)
  return new(function(run)
    local sources, message, code = open_all(pipes, run)
    if not sources then return nil, message, code end
    return core.source.merge(sources, opt.parts, opt.shared_ids)
  end, text .. ", merged")
end

---@class moontide.join_options
---@field gap? number|string from the last request of one to the first of the next; else a mean gap
---@field parts? boolean they are parts of one trace: times stay, equal ids and sessions mean the same
---@field shared_ids? boolean equal ids mean the same, equal sessions do not
---@field skip_bad_lines? boolean pass over them

--- Joins several traces one after the other, the time going on. Their hash_ids and sessions are kept apart
-- unless they are parts of one trace.
---@param list (string|moontide.columns|moontide.pipe)[]
---@param given? moontide.join_options
---@return moontide.pipe
function trace.join(list, given)
  local opt = options.table("trace.join", given,
    { { "gap", kind = "duration", min = 0 }, parts_option, shared_option, skip_option })
  local pipes, text = pipes_of("trace.join", list, opt.skip_bad_lines)
  return new(function(run)
    local sources, message, code = open_all(pipes, run)
    if not sources then return nil, message, code end
    return core.source.join(sources, opt.gap, opt.parts, opt.shared_ids)
  end, text .. ", joined")
end

-- --- steps: which requests -------------------------------------------------------------------------

---@class moontide.window_options
---@field start? number|string seconds; requests before it are left out
---@field stop? number|string requests at this time and after it are left out
---@field needs_some? boolean it is a failure when no request is left

--- Keeps a window of time, on the trace's own clock.
---@param given moontide.window_options
---@return moontide.pipe|moontide.columns
function steps:window(given)
  local opt = options.table("window", given, {
    { "start", kind = "duration" }, { "stop", kind = "duration" },
    { "needs_some", kind = "boolean", default = false },
  })
  return apply(self, "window", function(source)
    return core.source.window(source, opt.start, opt.stop, opt.needs_some)
  end)
end

--- Keeps the requests for which an expression on their members is true ("input_length > 1000 and
-- session_id"), or a function of the request.
---@param condition string|fun(request: moontide.request): any
---@return moontide.pipe|moontide.columns
function steps:where(condition)
  if type(condition) == "string" then
    where.compile(condition, core.source.filter()) -- mistakes are told at once
  elseif type(condition) ~= "function" then
    options.wrong("where: the condition", condition, "an expression or a function")
  end
  return apply(self, "where", function(source, run)
    local filter = core.source.filter()
    if type(condition) == "function" then return core.source.where(source, filter, condition, true) end
    local chunk, notes = where.compile(condition, filter)
    table.insert(run.filters, { expression = condition, filter = filter, notes = notes })
    return core.source.where(source, filter, chunk, false)
  end)
end

local seed_option = { "seed", kind = "integer", default = 0 }

---@class moontide.thin_options
---@field seed? integer

--- Keeps about a share of the requests, whole sessions together; of one seed a smaller share is part of a
-- larger one.
---@param share number from 0 to 1
---@param given? moontide.thin_options
---@return moontide.pipe|moontide.columns
function steps:thin(share, given)
  share = options.value(share, "thin: share", { "share", kind = "number", min = 0, max = 1 })
  local opt = options.table("thin", given, { seed_option })
  return apply(self, "thin", function(source) return core.source.thin(source, share, opt.seed) end)
end

--- Keeps one shard of several, whole sessions together.
---@param shard string "0/4": the first of four
---@return moontide.pipe|moontide.columns
function steps:shard(shard)
  local one = options.value(shard, "shard", { "shard", kind = "shard" })
  return apply(self, "shard", function(source) return core.source.shard(source, one.index, one.count) end)
end

--- Keeps the first so many requests.
---@param count integer
---@return moontide.pipe|moontide.columns
function steps:first(count)
  count = options.value(count, "first", { "count", kind = "integer", min = 0 })
  return apply(self, "first", function(source) return core.source.first(source, count) end)
end

-- --- steps: when -----------------------------------------------------------------------------------

--- Moves all times; one that would fall below 0 is a failure.
---@param by number|string seconds, "90s", "-1h"
---@return moontide.pipe|moontide.columns
function steps:shift(by)
  by = options.value(by, "shift", { "by", kind = "duration" })
  return apply(self, "shift", function(source) return core.source.shift(source, by) end)
end

--- Moves all times so that the first is 0.
---@return moontide.pipe|moontide.columns
function steps:from_zero()
  return apply(self, "from_zero", core.source.from_zero)
end

--- Divides times and delays: the same requests in 1/ratio of the time.
---@param ratio number above 0
---@return moontide.pipe|moontide.columns
function steps:speed(ratio)
  ratio = options.value(ratio, "speed", { "ratio", kind = "number", above = 0 })
  return apply(self, "speed", function(source) return core.source.speed(source, ratio) end)
end

---@class moontide.dequantize_options
---@field grid? number|string the clock's ticks, seconds or "3s"; else found in the trace
---@field offset? number|string of the ticks, less than the grid: 0
---@field seed? integer

--- Spreads the times of a clock that ticks ("3s") uniformly over its ticks, order kept.
---@param given? moontide.dequantize_options
---@return moontide.pipe|moontide.columns
function steps:dequantize(given)
  local opt = options.table("dequantize", given, {
    { "grid", kind = "duration", above = 0 }, { "offset", kind = "duration", min = 0 }, seed_option,
  })
  return apply(self, "dequantize", function(source)
    return core.source.dequantize(source, opt.grid, opt.offset, opt.seed)
  end)
end

--- Puts the requests in the order of their times; what does not fit in 128 MiB is sorted on disk.
---@return moontide.pipe|moontide.columns
function steps:sort()
  return apply(self, "sort", core.source.sort)
end

---@class moontide.loop_options
---@field every? number|string from one lap's start to the next; else a mean gap after the last request
---@field fresh_ids? boolean later laps get hash_ids of their own, or they would be all cache hits
---@field common_root? integer leading blocks that stay the same in all laps

--- Repeats the trace so many times in all. Later laps have sessions of their own.
---@param laps integer at least 1
---@param given? moontide.loop_options
---@return moontide.pipe|moontide.columns
function steps:loop(laps, given)
  laps = options.value(laps, "loop: laps", { "laps", kind = "integer", min = 1 })
  local opt = options.table("loop", given, {
    { "every", kind = "duration", above = 0 }, { "fresh_ids", kind = "boolean", default = false },
    { "common_root", kind = "integer", min = 0, default = 0 },
  })
  return apply(self, "loop", function(source)
    return core.source.loop(source, laps, opt.every, opt.fresh_ids, opt.common_root)
  end)
end

-- --- steps: lengths and ids ------------------------------------------------------------------------

local block_size_option = { "block_size", kind = "integer", min = 1, default = 512 }

---@class moontide.scale_options
---@field input? number ISL times this, hash_ids with it
---@field output? number OSL times this
---@field block_size? integer tokens a block: 512

--- Multiplies lengths; what prompts share becomes as much longer or shorter.
---@param given moontide.scale_options
---@return moontide.pipe|moontide.columns
function steps:scale(given)
  local opt = options.table("scale", given, {
    { "input", kind = "number", above = 0, max = 1000000, default = 1 },
    { "output", kind = "number", above = 0, max = 1000000, default = 1 }, block_size_option,
  })
  return apply(self, "scale", function(source)
    return core.source.scale(source, opt.input, opt.output, opt.block_size)
  end)
end

---@class moontide.fit_ids_options
---@field block_size? integer tokens a block: 512
---@field first_free? integer added ids begin here: 2^62

--- Cuts hash_ids, or adds new ones, until there is one a block of input_length.
---@param given? moontide.fit_ids_options
---@return moontide.pipe|moontide.columns
function steps:fit_ids(given)
  local opt = options.table("fit_ids", given, {
    block_size_option, { "first_free", kind = "integer", min = 0, default = 1 << 62 },
  })
  return apply(self, "fit_ids", function(source)
    return core.source.fit(source, opt.block_size, opt.first_free)
  end)
end

--- Numbers hash_ids 0, 1, 2, ... by first appearance; an id after other ids is another one.
---@return moontide.pipe|moontide.columns
function steps:renumber()
  return apply(self, "renumber", function(source) return core.source.renumber(source, false) end)
end

--- Makes a trace that can be shown to others: hash_ids, sessions and streams numbered by first appearance,
-- all members but the trace's own left out.
---@return moontide.pipe|moontide.columns
function steps:anonymise()
  return apply(self, "anonymise", function(source) return core.source.renumber(source, true) end)
end

local kinds_of_rows = { "cumulative", "delta" }

---@class moontide.sessions_options
---@field to string "cumulative": input_length is the whole prompt; "delta": what the turn adds
---@field from? string what the rows are; else it is guessed
---@field block_size? integer tokens a block: 512

--- Converts the rows of sessions between whole prompts and what each turn adds.
---@param given moontide.sessions_options
---@return moontide.pipe|moontide.columns
function steps:sessions(given)
  local opt = options.table("sessions", given, {
    { "to", kind = "choice", choices = kinds_of_rows, required = true },
    { "from", kind = "choice", choices = kinds_of_rows }, block_size_option,
  })
  return apply(self, "sessions", function(source)
    return core.source.sessions(source, opt.to, opt.from, opt.block_size)
  end)
end

-- --- where they end --------------------------------------------------------------------------------

-- The methods that columns do not have (or have as their own).
local ends = setmetatable({}, { __index = steps })
metatable.__index = ends

--- Reads all of it into columns.
---@return moontide.columns? columns, string? message, string? code
function ends:columns()
  return collect(self)
end

--- The requests one after the other, for a loop, in which what goes wrong raises.
---@return fun(): moontide.request?
function ends:requests()
  local run = run_of()
  local source, problem = self.start(run)
  if not source then error(problem, 0) end
  return function()
    if not source then return nil end
    local request, message = core.source.next(source)
    if request then return request end
    core.source.close(source)
    source = nil
    if message then error(explained(message, run), 0) end
  end
end

-- Requests between two looks at whether progress is to be shown.
local copied_at_once = 50000

--- Writes it with a writer that the caller has opened and will finish. `run` becomes { skipped,
-- first_skipped, nothing = what to say when a filter kept nothing }.
---@param self moontide.pipe
---@param writer moontide.writer
---@return integer? written, string|table message_or_run, string? code
function pipe.copy(self, writer)
  local run, total = run_of(), 0
  local done, message, code = with_source(self, run, function(source)
    repeat
      local written, problem, kind = core.source.copy(source, writer, copied_at_once)
      if not written then return nil, problem, kind end
      total = total + written
      report.progress(function() return ("%d requests written"):format(total) end)
    until written < copied_at_once
    return true
  end)
  report.finish()
  if not done then return nil, explained(message, run), code end
  for _, one in ipairs(run.filters) do
    run.nothing = run.nothing or where.nothing(one.expression, one.filter, one.notes)
  end
  return total, run
end

---@class moontide.pipe_write_options
---@field compact? boolean no spaces between members
---@field timestamp_digits? integer at most so many decimals of a millisecond, 0 to 6

--- Writes it to a trace.
---@param path string
---@param given? moontide.pipe_write_options
---@return true? done, string? message, string? code
function ends:write(path, given)
  options.value(path, "write: path", { "path", kind = "path" })
  local opt = options.table("write", given, {
    { "compact", kind = "boolean", default = false },
    { "timestamp_digits", kind = "integer", min = 0, max = 6, default = 6 },
  })
  local writer <close>, message, code = core.trace.writer(path, opt.compact, opt.timestamp_digits)
  if not writer then return nil, message, code end
  local written, problem, kind = pipe.copy(self, writer)
  if not written then return nil, problem --[[@as string]], kind end
  return writer:finish()
end

pipe.new = new
pipe.apply = apply
pipe.trace = trace
pipe.steps = steps
pipe.ends = ends

return pipe
