--- Traces as material: steps that cut, move and combine them while they pass.
--
-- Every step is a method of pipes and of columns: of pipes it gives a pipe, of columns new columns.
local core = require "moontide.core"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local where = require "moontide.trace.where"

local steps = pipe.steps

local type_of = options.type_of

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
  if opt.start and opt.stop and opt.stop <= opt.start then
    core.base.raise(("window: stop (%s) must be after start (%s)"):format(options.show(opt.stop),
      options.show(opt.start)))
  end
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
  return pipe.apply(self, name, function(source, run, before)
    if not is_part or core.source.is_live(source) then -- what waits for answers cannot be looked ahead
      return core.source[name](source, table.unpack(given))
    end
    local sized, message, code, _, has_ids, has_waits = core.source.sized(source, 0, true, true)
    if not sized then return nil, message, code end
    if has_ids then run.thins_ids = run.thins_ids or name end
    if name ~= "shard" or not has_waits or run.is_once then
      return core.source[name](sized, table.unpack(given))
    end
    -- Who waits for whom is known when all of it has been read.
    local ahead
    ahead, message, code = before.start { filters = {} }
    if not ahead then
      core.source.close(sized)
      return nil, message, code
    end
    return core.source.shard(sized, given[1], given[2], ahead)
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

--- Keeps one shard of several, whole sessions together, and with them all sessions and requests that wait for
-- one another by request_id, wait_for and branches. Where requests wait, the trace is read twice; a stream,
-- which can be read only once, is divided as it comes, and refused where that parts what belongs together.
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

--- Repeats the trace so many times in all. Later laps have sessions and request ids of their own.
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
-- for only whole blocks are shared. Smaller ones cannot be made: what stood in them is not known. A member
-- block_size says the new size.
---@param size integer tokens a block
---@param given? moontide.reblock_options
---@return moontide.pipe|moontide.columns
function steps:reblock(size, given)
  size = options.value(size, "reblock: the size", { "size", kind = "integer", min = 1 })
  local opt = options.table("reblock", given, { block_size_option })
  return pipe.apply(self, "reblock", function(source, run, before)
    local sized, found, code = pipe.best_sized(source, opt.block_size or run.block_size, before.text)
    if not sized then return nil, found, code end
    if size % found ~= 0 then
      core.source.close(sized)
      return nil, ("reblock: blocks of %d tokens become larger by whole numbers, as %d or %d; not %d"):format(
        found, 2 * found, 4 * found, size), "value"
    end
    run.block_size = size
    return core.source.reblock(sized, size // found, size)
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

return steps
