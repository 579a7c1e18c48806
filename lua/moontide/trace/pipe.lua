--- Pipes: where requests come from, what is done to them, and where they end.
--
-- A *pipe* is a value (moontide.trace.any makes one of anything that may be a trace). Nothing is read before
-- pipe:write, pipe:columns or pipe:requests, and each of these reads anew. The steps are in
-- moontide.trace.pipe_steps.
local core = require "moontide.core"
local late = require "moontide.kit.late"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"

local pipe = {}

---@class moontide.pipe
---@field private start fun(run: table): userdata?, string?, string? opens core's source
---@field private text string where its requests come from, for people
---@field private is_numbered boolean? they are no lines of a file: messages call them "request 1" and so on
---@field private failed (fun(message: string, code: string): nil, string, string)? what a failure means
---@field private check fun(name: string)? raises where all of it is more than anybody means
local metatable = { __name = "moontide.pipe" }
local steps = late.methods("pipe", {}) -- methods: what is done to requests while they pass

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

-- What a failure means: of an expression its message says more; a workload's own may raise. Of a workload's
-- requests an expression's failure is a mistake of who wrote it, and is told with the caller's line.
local function failure(self, run, message, code)
  local is_ours = false
  for _, one in ipairs(run.filters) do
    local of_this
    message, of_this = require("moontide.trace.where").failure(message, one.filter, one.notes)
    is_ours = is_ours or of_this
  end
  if self.failed and is_ours then error(core.base.where() .. message:match "where: .*", 0) end
  if self.failed then return self.failed(message, code) end
  return nil, message, code
end

-- The first name in a filter that no request had, and that means another; nil where there is none.
local function misnamed(run)
  for _, one in ipairs(run.filters) do
    local message = require("moontide.trace.where").misnamed(one.notes)
    if message then return message end
  end
end

-- Opens the pipe, does the work with its source, closes it: what work gives, or nil, message, code.
local function with_source(self, run, work)
  local source <close>, message, code = self.start(run)
  if not source then return failure(self, run, message, code) end
  local results = table.pack(work(source))
  if not results[1] then return failure(self, run, results[2], results[3]) end -- which may have ended it
  run.skipped, run.first_skipped = core.source.skipped(source)
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
---@param wants_prompts? boolean input_length is taken as the whole prompt: warns where rows do not look it
---@return userdata? source, integer|string size_or_message, string? code
function pipe.sized(source, size, text, by_majority, as_it_is, wants_prompts)
  local sized, found, is_found, is_whole, _, _, _, rows = core.source.sized(source, size or 0, by_majority,
    as_it_is, wants_prompts)
  if not sized then return nil, found, is_found end
  if rows == "delta" then
    report.warning(("%s: its session rows look as if they counted only what a turn adds, and are taken as "
      .. "whole prompts (moontide cat --sessions-to cumulative makes them such)"):format(text))
  end
  if is_found or is_whole then
    report.note_once(("%s: hash_ids fit blocks of %d tokens%s%s"):format(text, found,
      is_whole and ", whole ones only: the rest of a prompt counts as a new block" or "",
      is_found and " (--block-size says otherwise)" or ""))
  end
  return sized, found
end

--- Puts on what gives one hash id a block, in the size that all prompts fit, else in the one that most do.
---@param source userdata
---@param size integer? tokens; nil: it is found
---@param text string where the requests come from
---@return userdata? source, integer|string size_or_message, boolean|string? is_empty_or_code
function pipe.best_sized(source, size, text)
  local looked, why, is_found, is_whole, _, _, is_empty = core.source.sized(source, size or 0, false, true)
  if not looked then return nil, why, is_found end
  local sized, found, code = pipe.sized(looked, size, text, not (is_found or is_whole))
  if not sized then return nil, found, code end
  return sized, found, is_empty
end

--- The pipe with one hash id a block, in blocks of a size that is given or found, and told when it is
--- opened: to tell(size, is_empty), and to the steps that follow.
---@param self moontide.pipe
---@param size integer?
---@param tell fun(size: integer, is_empty: boolean)
---@return moontide.pipe
function pipe.in_blocks(self, size, tell)
  return pipe.new(function(run)
    local source, message, code = self.start(run)
    if not source then return nil, message, code end
    local sized, found, is_empty = pipe.best_sized(source, size, self.text)
    if not sized then return nil, found, is_empty --[[@as string]] end
    run.block_size = found
    tell(found --[[@as integer]], is_empty --[[@as boolean]])
    return sized
  end, self.text, self)
end

-- --- where they end --------------------------------------------------------------------------------

-- The methods that columns do not have (or have as their own).
local ends = setmetatable({}, { __index = steps })
metatable.__index = ends

--- Reads all of it into columns.
---@return moontide.columns? columns, string? message, string? code
function ends:columns()
  if self.check then self.check "columns" end
  return pipe.read(self, core.source.collect)
end

--- A picture of it: requests a second over time, with mean ISL and OSL.
---@param given? moontide.columns_plot_options
---@return moontide.picture
function ends:plot(given)
  local columns, message = self:columns()
  if not columns then core.base.raise("plot: " .. message) end
  return require("moontide.trace.trace_plot").plot(columns, given)
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

--- The requests one after the other, for a loop.
---@param self moontide.pipe
---@param reads integer? what core.source.reads gave in the public method that was called
---@return fun(): moontide.request?
function pipe.requests(self, reads)
  local source, over = opened(self)
  return core.source.requests(source, over, reads)
end

--- The requests one after the other, for a loop, in which what goes wrong raises. Each is a table of its own;
--- where the loop only reads members of it by name (r.timestamp) none is made that nobody would see, and it
--- is nearly as fast as a loop over pipe:members.
---@return fun(): moontide.request?
function ends:requests()
  return pipe.requests(self, core.source.reads())
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
-- say when a filter kept nothing, last = seconds of the last request that has a time }.
---@param self moontide.pipe
---@param writer moontide.writer
---@param progress? fun(total: integer): string
---@return integer? written, string|table message_or_run, string? code
function pipe.copy(self, writer, progress)
  local run = run_of()
  local total, message, code = with_source(self, run, function(source)
    core.source.leave_ids(source, writer)
    return report.chunks(written_at_once, function(most)
      local done, last, code = core.source.write(source, writer, most)
      if done and done > 0 then run.last = last or run.last end
      return done, last, code
    end, progress or written_text)
  end)
  if not total then return nil, message, code end
  for _, one in ipairs(run.filters) do
    run.nothing = run.nothing
      or require("moontide.trace.where").nothing(one.expression, one.filter, one.notes)
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
  if self.check then self.check "write" end
  local opt = options.table("write", given, pipe.writer_options)
  local written, message, code = pipe.write(self, path, opt)
  if not written then return nil, message --[[@as string]], code end
  return true
end

pipe.steps = steps
pipe.ends = ends

return pipe
