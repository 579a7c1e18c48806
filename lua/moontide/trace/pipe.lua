--- Traces as material: steps that cut, move and combine them while they pass.
--
-- A *pipe* is a value that says where requests come from and what is done to them (moontide.trace.any makes
-- one of anything that may be a trace). Nothing is read before pipe:write, pipe:columns or pipe:requests, and
-- each of these reads anew. Every step is a method of pipes and of columns: of pipes it gives a pipe, of
-- columns new columns.
local core = require "moontide.core"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
local trace_plot = require "moontide.trace.trace_plot"
local where = require "moontide.trace.where"

local pipe = {}

---@class moontide.pipe
---@field private start fun(run: table): userdata?, string?, string? opens core's source
---@field private text string where its requests come from, for people
---@field private is_numbered boolean? they are no lines of a file: messages call them "request 1" and so on
---@field private failed (fun(message: string, code: string): nil, string, string)? what a failure means
local metatable = { __name = "moontide.pipe" }
local steps = {}
metatable.__index = steps

-- --- pipes -----------------------------------------------------------------------------------------

local type_of = options.type_of

--- A new pipe.
---@param start fun(run: table): userdata?, string?, string? gives a source of core, or nil, message, code;
--- what it notes in `run` the caller of pipe.copy gets
---@param text string
---@param like? table is_numbered, failed, as of another pipe
---@return moontide.pipe
function pipe.new(start, text, like)
  return setmetatable({ start = start, text = text, is_numbered = like and like.is_numbered,
    failed = like and like.failed }, metatable)
end

function metatable:__tostring()
  return "trace: " .. self.text
end

--- The requests of columns.
---@param columns moontide.columns
---@return moontide.pipe
function pipe.of_columns(columns)
  return pipe.new(function() return core.source.columns(columns) end, "columns", { is_numbered = true })
end

local function run_of() return { filters = {} } end

-- What a failure means: of an expression its message says more; a workload's own may raise.
local function failure(self, run, message, code)
  for _, one in ipairs(run.filters) do message = where.failure(message, one.filter, one.notes) end
  if self.failed then return self.failed(message, code) end
  return nil, message, code
end

-- The first name in a filter that no request had, and that means another; nil where there is none.
local function misnamed(run)
  for _, one in ipairs(run.filters) do
    local message = where.misnamed(one.notes)
    if message then return message end
  end
end

-- Opens the pipe, does the work with its source, closes it: what work gives, or nil, message, code.
local function with_source(self, run, work)
  local source <close>, message, code = self.start(run)
  if not source then return failure(self, run, message, code) end
  local results = table.pack(work(source))
  run.skipped, run.first_skipped = core.source.skipped(source)
  if not results[1] then return failure(self, run, results[2], results[3]) end
  local mistake = misnamed(run)
  if mistake then return nil, mistake, "value" end
  return table.unpack(results, 1, results.n)
end

--- Opens a pipe, does the work with its source and closes it: what work gives, or nil, message, code.
---@param self moontide.pipe
---@param work fun(source: userdata): any, string?, string?
---@return any result, string? message, string? code
function pipe.read(self, work)
  return with_source(self, run_of(), work)
end

--- The step as a method: `put(source, run, before)` puts it on a source that the pipe `before` gave, and
-- gives the source or a failure. Columns stand inside expressions, where nobody looks at a second result:
-- what goes wrong raises.
---@param self moontide.pipe|moontide.columns
---@param name string the method's
---@param put fun(source: userdata, run: table, before: moontide.pipe): userdata?, string?, string?
---@return moontide.pipe|moontide.columns
function pipe.apply(self, name, put)
  local is_columns = type_of(self) == "moontide.columns"
  if not is_columns and type_of(self) ~= "moontide.pipe" then
    options.wrong(name .. ": the trace", self, "columns or a pipe (called with a colon)")
  end
  local before = is_columns and pipe.of_columns(self) or self
  local made = pipe.new(function(run)
    local source, message, code = before.start(run)
    if not source then return nil, message, code end
    return put(source, run, before)
  end, before.text .. ", " .. name, before)
  if not is_columns then return made end
  local columns, message = pipe.read(made, core.source.collect)
  if not columns then core.base.raise(name .. ": " .. message) end
  return columns
end

--- What a trace is called in what is said of it.
---@param trace moontide.trace
---@param what string where it has no name
---@return string
function pipe.text_of(trace, what)
  if type_of(trace) == "moontide.pipe" then return trace.text end
  return trace == "-" and "standard input" or type(trace) == "string" and trace or what
end

--- Puts on a source of core what gives its hash_ids one a block, in blocks of a size that is given or found;
--- tells what was found.
---@param source userdata
---@param size integer? tokens; nil: the trace says it, or it is found in its first requests
---@param text string where the requests come from
---@param by_majority? boolean the size that fits most, where none fits all
---@param as_it_is? boolean only find the size, and add no ids
---@return userdata? source, integer|string size_or_message, string? code
function pipe.sized(source, size, text, by_majority, as_it_is)
  local sized, found, is_found, is_whole = core.source.sized(source, size or 0, by_majority, as_it_is)
  if not sized then return nil, found, is_found end
  if is_found or is_whole then
    report.note(("%s: hash_ids fit blocks of %d tokens%s%s"):format(text, found,
      is_whole and ", whole ones only: the rest of a prompt counts as a new block" or "",
      is_found and " (--block-size says otherwise)" or ""))
  end
  return sized, found
end

-- Puts on what gives one hash id a block, in the size that all prompts fit, else in the one that most do.
local function best_sized(source, size, text)
  local looked, why, is_found, is_whole = core.source.sized(source, size or 0, false, true)
  if not looked then return nil, why, is_found end
  return pipe.sized(looked, size, text, not (is_found or is_whole))
end

--- The pipe with one hash id a block, in blocks of a size that is given or found, and told when it is
--- opened: to tell(size), and to the steps that follow.
---@param self moontide.pipe
---@param size integer?
---@param tell fun(size: integer)
---@return moontide.pipe
function pipe.in_blocks(self, size, tell)
  return pipe.new(function(run)
    local source, message, code = self.start(run)
    if not source then return nil, message, code end
    local sized, found, kind = best_sized(source, size, self.text)
    if not sized then return nil, found, kind end
    run.block_size = found
    tell(found)
    return sized
  end, self.text, self)
end

-- A step that needs to know the block size: put(source, size) puts it on.
local function sized_step(self, name, size, put)
  return pipe.apply(self, name, function(source, run, before)
    local is_fitted = name == "fit_ids"
    local sized, found, code = pipe.sized(source, size or run.block_size, before.text, true, is_fitted)
    if not sized then return nil, found, code end
    return put(sized, found)
  end)
end

-- The step that core.source has by that name.
local function step(self, name, ...)
  local given = table.pack(...)
  return pipe.apply(self, name, function(source)
    return core.source[name](source, table.unpack(given, 1, given.n))
  end)
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
  return step(self, "window", opt.start, opt.stop, opt.needs_some)
end

--- Keeps the requests for which an expression on their members is true ("input_length > 1000 and
-- session_id"), or a function of the request. Names in it are members as the trace has them; beside them
-- there are request_line, request_turn, request_hash_count (how many hash_ids) and request_extra (the text of
-- all members that are not ours). Of columns a column serves too: those are kept for which it has a number
-- that is not 0.
---@param condition string|moontide.column|fun(request: moontide.request): any
---@return moontide.pipe|moontide.columns
function steps:where(condition)
  if type_of(condition) == "moontide.column" and type_of(self) == "moontide.columns" then
    return core.columns.masked(self, condition)
  end
  if type(condition) == "string" then
    where.compile(condition, core.source.filter()) -- mistakes are told at once
  elseif type(condition) ~= "function" then
    options.wrong("where: the condition", condition, "an expression or a function")
  end
  return pipe.apply(self, "where", function(source, run)
    local filter = core.source.filter()
    if type(condition) == "function" then return core.source.where(source, filter, condition, true) end
    local chunk, notes = where.compile(condition, filter)
    table.insert(run.filters, { expression = condition, filter = filter, notes = notes })
    return core.source.where(source, filter, chunk, false)
  end)
end

-- A step that keeps whole sessions of all; which one it is, is noted where the prompts of others are lost.
local function share_of(self, name, is_part, ...)
  local given = table.pack(...)
  return pipe.apply(self, name, function(source, run)
    if not is_part or core.source.is_live(source) then -- what waits for answers cannot be looked ahead
      return core.source[name](source, table.unpack(given))
    end
    local ahead, message, code, _, has_ids = core.source.sized(source, 0, true, true)
    if not ahead then return nil, message, code end
    if has_ids then run.thins_ids = run.thins_ids or name end
    return core.source[name](ahead, table.unpack(given))
  end)
end

local seed_option = { "seed", kind = "seed", default = 0 }

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
  return share_of(self, "thin", share < 1, share, opt.seed)
end

--- Keeps one shard of several, whole sessions together.
---@param shard string "0/4": the first of four
---@return moontide.pipe|moontide.columns
function steps:shard(shard)
  local one = options.value(shard, "shard", { "shard", kind = "shard" })
  return share_of(self, "shard", one.count > 1, one.index, one.count)
end

--- Keeps the first so many requests.
---@param count integer
---@return moontide.pipe|moontide.columns
function steps:first(count)
  count = options.value(count, "first", { "count", kind = "integer", min = 0 })
  return step(self, "first", count)
end

-- --- steps: when -----------------------------------------------------------------------------------

--- Moves all times; one that would fall below 0 is a failure.
---@param by number|string seconds, "90s", "-1h"
---@return moontide.pipe|moontide.columns
function steps:shift(by)
  by = options.value(by, "shift", { "by", kind = "duration" })
  return step(self, "shift", by)
end

--- Moves all times so that the first is 0.
---@return moontide.pipe|moontide.columns
function steps:from_zero()
  return step(self, "from_zero")
end

--- Divides times and delays: the same requests in 1/ratio of the time.
---@param ratio number above 0
---@return moontide.pipe|moontide.columns
function steps:speed(ratio)
  ratio = options.value(ratio, "speed", { "ratio", kind = "number", above = 0 })
  return step(self, "speed", ratio)
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
  return step(self, "dequantize", opt.grid, opt.offset, opt.seed)
end

---@class moontide.service_options
---@field ttft? number|string how long an answer's first token takes: 0
---@field per_token? number|string how long each token of an answer takes: 0

--- Gives the turns of sessions that have a delay and no time one: the delay after the answer to the turn
-- before has ended, which takes ttft and per_token times output_length. A session whose first turn has no
-- time begins at 0, or its delay later. Then all requests are put in the order of their times.
---@param given moontide.service_options
---@return moontide.pipe|moontide.columns
function steps:times_from_delays(given)
  local opt = options.table("times_from_delays", given, {
    { "ttft", kind = "duration", min = 0, default = 0 },
    { "per_token", kind = "duration", min = 0, default = 0 },
  })
  return step(self, "times_from_delays", opt.ttft, opt.per_token)
end

--- Puts the requests in the order of their times; what does not fit in 128 MiB is sorted on disk.
---@return moontide.pipe|moontide.columns
function steps:sort()
  return step(self, "sort")
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
  return step(self, "loop", laps, opt.every, opt.fresh_ids, opt.common_root)
end

-- --- steps: lengths and ids ------------------------------------------------------------------------

local block_size_option = { "block_size", kind = "integer", min = 1 }

---@class moontide.scale_options
---@field input? number ISL times this, hash_ids with it
---@field output? number OSL times this
---@field block_size? integer tokens a block; else found, 512 where that fits

--- Multiplies lengths; what prompts share becomes as much longer or shorter.
---@param given moontide.scale_options
---@return moontide.pipe|moontide.columns
function steps:scale(given)
  local opt = options.table("scale", given, {
    { "input", kind = "number", above = 0, max = 1000000, default = 1 },
    { "output", kind = "number", above = 0, max = 1000000, default = 1 }, block_size_option,
  })
  if opt.input == 1 then return step(self, "scale", 1, opt.output, opt.block_size or 512) end
  return sized_step(self, "scale", opt.block_size, function(source, size)
    return core.source.scale(source, opt.input, opt.output, size)
  end)
end

---@class moontide.fit_ids_options
---@field block_size? integer tokens a block; else found, 512 where that fits
---@field first_free? integer added ids begin here: 2^62

--- Cuts hash_ids, or adds new ones, until there is one a block of input_length.
---@param given? moontide.fit_ids_options
---@return moontide.pipe|moontide.columns
function steps:fit_ids(given)
  local opt = options.table("fit_ids", given, {
    block_size_option, { "first_free", kind = "integer", min = 0, default = 1 << 62 },
  })
  return sized_step(self, "fit_ids", opt.block_size, function(source, size)
    return core.source.fit_ids(source, size, opt.first_free)
  end)
end

---@class moontide.reblock_options
---@field block_size? integer tokens a block now; else found, 512 where that fits

--- Larger blocks, of a multiple of the tokens that they have: what prompts share is then known less exactly,
-- for only whole blocks are shared. Smaller ones cannot be made: what stood in them is not known.
---@param size integer tokens a block
---@param given? moontide.reblock_options
---@return moontide.pipe|moontide.columns
function steps:reblock(size, given)
  size = options.value(size, "reblock: the size", { "size", kind = "integer", min = 1 })
  local opt = options.table("reblock", given, { block_size_option })
  return pipe.apply(self, "reblock", function(source, run, before)
    local sized, found, code = best_sized(source, opt.block_size or run.block_size, before.text)
    if not sized then return nil, found, code end
    if size % found ~= 0 then
      core.source.close(sized)
      return nil, ("reblock: blocks of %d tokens become larger by whole numbers, as %d or %d; not %d"):format(
        found, 2 * found, 4 * found, size), "value"
    end
    run.block_size = size
    return core.source.reblock(sized, size // found)
  end)
end

--- Numbers hash_ids 0, 1, 2, ... by first appearance; an id after other ids is another one.
---@return moontide.pipe|moontide.columns
function steps:renumber()
  return step(self, "renumber", false)
end

--- Makes a trace that can be shown to others: hash_ids, sessions and streams numbered by first appearance,
-- all members but the trace's own left out.
---@return moontide.pipe|moontide.columns
function steps:anonymise()
  return pipe.apply(self, "anonymise", function(source) return core.source.renumber(source, true) end)
end

local kinds_of_rows = { "cumulative", "delta" }

---@class moontide.sessions_options
---@field to string "cumulative": input_length is the whole prompt; "delta": what the turn adds
---@field from? string what the rows are; else it is guessed
---@field block_size? integer tokens a block; else found, 512 where that fits
---@field guessed? fun(rows: string) is told what was guessed; "unknown" when no session has a second turn

--- Converts the rows of sessions between whole prompts and what each turn adds.
---@param given moontide.sessions_options
---@return moontide.pipe|moontide.columns
function steps:sessions(given)
  local opt = options.table("sessions", given, {
    { "to", kind = "choice", choices = kinds_of_rows, required = true },
    { "from", kind = "choice", choices = kinds_of_rows }, block_size_option,
    { "guessed", kind = "any" },
  })
  return sized_step(self, "sessions", opt.block_size, function(source, size)
    if not opt.guessed or opt.from then return core.source.sessions(source, opt.to, opt.from, size) end
    local made, found, code = core.source.guessed_sessions(source, opt.to, size)
    if not made then return nil, found, code end
    opt.guessed(found)
    return made
  end)
end

-- --- where they end --------------------------------------------------------------------------------

-- The methods that columns do not have (or have as their own).
local ends = setmetatable({}, { __index = steps })
metatable.__index = ends

--- Reads all of it into columns.
---@return moontide.columns? columns, string? message, string? code
function ends:columns()
  return pipe.read(self, core.source.collect)
end

--- A picture of it: requests a second over time, with mean ISL and OSL.
---@param given? moontide.columns_plot_options
---@return moontide.picture
function ends:plot(given)
  local columns, message = self:columns()
  if not columns then core.base.raise("plot: " .. message) end
  return trace_plot.plot(columns, given)
end

-- core's source for a loop, and what its end calls, with (nil, message, code) when that is a failure: it
-- closes the source, and raises, then and again, what went wrong.
local function opened(self)
  local run, is_over = run_of(), false
  local source, problem, kind = self.start(run)
  local function over(_, message, code)
    if not is_over then
      is_over = true
      if source then core.source.close(source) end
      problem, kind = message, code
      if not problem then problem, kind = misnamed(run), "value" end
    end
    if problem then error(select(2, failure(self, run, problem, kind)), 0) end
  end
  if not source then over(nil, problem, kind) end
  return source, over
end

--- The requests one after the other, for a loop, in which what goes wrong raises. Each is a table of its own.
---@return fun(): moontide.request?
function ends:requests()
  local source, over = opened(self)
  local is_over = false
  return function()
    local request, message, code
    if not is_over then
      request, message, code = core.source.next(source)
      if request then return request end
      is_over = true
    end
    return over(nil, message, code)
  end
end

local member_names = { "timestamp", "input_length", "output_length", "hash_ids", "hash_count", "session_id",
  "delay", "stream", "turn", "extra", "line" }

--- Some members of the requests, for a loop that wants no more than these: for i, time, isl in
-- pipe:members("timestamp", "input_length") do ... end. It makes no table a request, and is several times
-- as fast as a loop over pipe:requests(). i counts from 1; a member that is absent is nil; `hash_count` is
-- how many hash_ids there are. What goes wrong raises.
---@param ... string names of members
---@return fun(): integer?, ...
function ends:members(...)
  local names = table.pack(...)
  if names.n == 0 then core.base.raise "members: name the members that the loop wants" end
  for i = 1, names.n do
    options.value(names[i], "members: the name", { "name", kind = "choice", choices = member_names })
  end
  local source, over = opened(self)
  return core.source.members(source, over, ...)
end

-- Requests between two looks at whether progress is to be shown.
local written_at_once = 50000

local function written_text(total) return ("%d requests written"):format(total) end

--- Writes it with a writer that the caller has opened and will finish. `run` becomes { skipped,
-- first_skipped, thins_ids = the step ("thin", "shard") that takes requests from hash_ids, nothing = what to
-- say when a filter kept nothing }.
---@param self moontide.pipe
---@param writer moontide.writer
---@param progress? fun(total: integer): string
---@return integer? written, string|table message_or_run, string? code
function pipe.copy(self, writer, progress)
  local run = run_of()
  local total, message, code = with_source(self, run, function(source)
    return report.chunks(written_at_once, function(most) return core.source.write(source, writer, most) end,
      progress or written_text)
  end)
  if not total then return nil, message, code end
  for _, one in ipairs(run.filters) do
    run.nothing = run.nothing or where.nothing(one.expression, one.filter, one.notes)
  end
  return total, run
end

--- What pipe:write, columns:write and trace.writer take.
pipe.writer_options = {
  { "compact", kind = "boolean", default = false },
  { "timestamp_digits", kind = "integer", min = 0, max = 6, default = 6 },
  { "format", kind = "choice", choices = core.trace.formats(), default = core.trace.formats()[1] },
}

--- The pipe, each of whose requests a profile of core takes in while it passes.
---@param self moontide.pipe
---@param state userdata
---@return moontide.pipe
function pipe.watched(self, state)
  return pipe.new(function(run)
    local source, message, code = self.start(run)
    if not source then return nil, message, code end
    return core.source.watch(source, state)
  end, self.text, self)
end

--- Writes it to a trace: how many requests, and the run of pipe.copy; or nil, message, code.
---@param self moontide.pipe
---@param path string
---@param opt table compact, timestamp_digits, format; judge: called when all is written, nil, message and
--- code of it leave the file as it was
---@param progress? fun(total: integer): string
---@return integer? written, string|table message_or_run, string? code
function pipe.write(self, path, opt, progress)
  local writer <close>, message, code = core.trace.writer(path, opt.compact, opt.timestamp_digits, opt.format)
  if not writer then return nil, message, code end
  local written, run, kind = pipe.copy(self, writer, progress)
  if not written then return nil, run, kind end
  local done = true
  if opt.judge then done, message, code = opt.judge() end
  if done then done, message, code = writer:finish() end
  if not done then return nil, message, code end
  return written, run
end

---@class moontide.pipe_write_options
---@field compact? boolean no spaces between members
---@field timestamp_digits? integer at most so many decimals of a millisecond, 0 to 6
---@field format? string "jsonl"

--- Writes it to a trace.
---@param path string
---@param given? moontide.pipe_write_options
---@return true? done, string? message, string? code
function ends:write(path, given)
  options.value(path, "write: path", { "path", kind = "path" })
  local opt = options.table("write", given, pipe.writer_options)
  local written, message, code = pipe.write(self, path, opt)
  if not written then return nil, message --[[@as string]], code end
  return true
end

pipe.steps = steps
pipe.ends = ends

return pipe
