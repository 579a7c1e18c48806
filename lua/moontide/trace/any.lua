--- What may be a trace: one answer for everything that takes one, and the pipes that begin with it.
--
-- A file's name; columns; a pipe; a reader, of which what is left is taken; a workload or a synthesizer,
-- whose requests are made as its method `pipe` makes them; a list of these, which are parts of one trace: one
-- after the other, their times, hash_ids and sessions as they are.
local core = require "moontide.core"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local report = require "moontide.kit.report"

local any = {}

local type_of = options.type_of

-- What has a method `pipe` that gives its requests.
local makes_requests = { ["moontide.workload"] = true, ["moontide.synthesizer"] = true }

-- Raises that the value is no trace. `also` is what else the function takes.
local function refuse(value, what, also)
  options.wrong(what, value, "a file's name, columns, a pipe, a reader, a workload, a synthesizer" ..
    (also and (", a list of these or " .. also) or " or a list of these"))
end

-- The sources of all pipes; what was opened before a failure is closed. one_by_one: files are opened when
-- their turn comes.
local function open_all(pipes, run, one_by_one)
  local sources = {}
  for i, one in ipairs(pipes) do
    run.later = one_by_one
    local source, message, code = one.start(run)
    if not source then
      for _, opened in ipairs(sources) do core.source.close(opened) end
      return nil, message, code
    end
    sources[i] = source
  end
  return sources
end

-- The first failure's meaning is that of the first of them that gives it one.
local function failed_of(pipes)
  for _, one in ipairs(pipes) do
    if one.failed then return one.failed end
  end
end

-- Pipes of all in the list put together: `put` makes one source of theirs, one_by_one where it reads them so.
local function together(list, what, skip_bad_lines, done, one_by_one, put)
  local pipes, texts = {}, {}
  options.check_whole(list, what)
  for i, value in ipairs(list) do
    pipes[i] = any.pipe(value, ("%s %d"):format(what, i), skip_bad_lines)
    texts[i] = pipes[i].text
  end
  return pipe.new(function(run)
    local sources, message, code = open_all(pipes, run, one_by_one)
    if not sources then return nil, message, code end
    return put(sources)
  end, table.concat(texts, " and ") .. ", " .. done, { failed = failed_of(pipes) })
end

--- Whatever may be a trace, as a pipe; raises when it is none.
---@param value any
---@param what string its name for messages: "analyze: the trace"
---@param skip_bad_lines? boolean of a file
---@param also? string what else it may be, for messages
---@param unit? string of a file's times; else milliseconds
---@return moontide.pipe
function any.pipe(value, what, skip_bad_lines, also, unit)
  local kind = type_of(value)
  if kind == "moontide.pipe" then return value end
  if kind == "moontide.columns" then return pipe.of_columns(value) end
  if kind == "moontide.reader" then
    return pipe.new(function(run)
      run.is_once = true
      return core.source.take(value)
    end, "a reader")
  end
  if makes_requests[kind] then return value:pipe() end
  if type(value) == "string" and value ~= "" then
    return pipe.new(function(run)
      run.is_once = run.is_once or value == "-" or not core.trace.replaces(value, value) -- no regular file
      return core.source.open(value, skip_bad_lines, run.later, unit)
    end, value)
  end
  if type(value) ~= "table" or kind or #value == 0 then refuse(value, what, also) end
  return together(value, what .. ", part", skip_bad_lines, "joined", true, function(sources)
    return core.source.join(sources, nil, true)
  end)
end

--- Does the work with core's source of whatever may be a trace: work(source, is_numbered) gives a result, or
--- nil, message, code. Raises when it is no trace. A reader stays open.
---@param value any
---@param what string its name for messages
---@param skip_bad_lines? boolean of a file
---@param work fun(source: userdata, is_numbered: boolean?): any, any, string?
---@param also? string what else it may be, for messages
---@return any result, any message, string? code
function any.read(value, what, skip_bad_lines, work, also)
  if type_of(value) == "moontide.reader" then return work(value) end
  local whole = any.pipe(value, what, skip_bad_lines, also)
  return pipe.read(whole, function(source) return work(source, whole.is_numbered) end)
end

--- For constructors that stand inside expressions, where nobody looks at a second result: the columns of
--- whatever may be a trace. What is wrong raises.
---@param value any
---@param name string of the function that the user called
---@param also? string what else it may be, for messages
---@return moontide.columns
function any.columns(value, name, also)
  if type_of(value) == "moontide.columns" then return value end
  local columns, message = any.read(value, name .. ": the trace", false, core.source.collect, also)
  if not columns then core.base.raise(name .. ": " .. message) end
  return columns
end

-- Requests between two looks at whether progress is to be shown.
local taken_at_once = 20000

--- All that is left of a source into a taker of core (lua/intake.h there), with progress.
---@param taker { read: fun(self, source: userdata, most: integer, skip: boolean?, is_numbered: boolean?) }
---@param source userdata
---@param is_numbered boolean?
---@param skip boolean? pass over what does not fit, and count it
---@param done string what has been done to a request: "learnt"
---@return integer? requests, string? message, string? code
function any.take(taker, source, is_numbered, skip, done)
  return report.chunks(taken_at_once, function(most) return taker:read(source, most, skip, is_numbered) end,
    function(total) return ("%d requests %s"):format(total, done) end)
end

--- The same with a learner: what it has learnt, and what was skipped: { count, message of the first }.
---@param learner userdata of core: read, finish, skipped
---@param source userdata
---@param is_numbered boolean?
---@param skip boolean?
---@return any learnt, any skipped_or_message, string? code
function any.learn(learner, source, is_numbered, skip)
  local done, message, code = any.take(learner, source, is_numbered, skip, "learnt")
  if not done then return nil, message, code end
  local learnt
  learnt, message, code = learner:finish()
  if not learnt then return nil, message, code end
  return learnt, { learner:skipped(source) }
end

-- --- the pipes that begin with it ------------------------------------------------------------------

local trace = {}

local skip_option = { "skip_bad_lines", kind = "boolean", default = false }
local parts_option = { "parts", kind = "boolean", default = false }
local shared_option = { "shared_ids", kind = "boolean", default = false }

---@class moontide.pipe_options
---@field skip_bad_lines? boolean pass over them
---@field time_unit? string what a file's times are written in by mistake: "s", "us", "ns"

---@alias moontide.trace
---| string
---| moontide.columns
---| moontide.pipe
---| moontide.reader
---| moontide.workload
---| moontide.synthesizer
---| moontide.trace[]

--- A trace as a pipe: what the steps are methods of, a request at a time, in memory that does not grow.
---@param source moontide.trace a file's name, columns, a reader, a workload, a synthesizer, a list of parts
---@param given? moontide.pipe_options
---@return moontide.pipe
function trace.pipe(source, given)
  local opt = options.table("trace.pipe", given,
    { skip_option, { "time_unit", kind = "choice", choices = { "s", "ms", "us", "ns" }, default = "ms" } })
  return any.pipe(source, "trace.pipe: the trace", opt.skip_bad_lines, nil, opt.time_unit)
end

local function check_list(name, list)
  if type(list) ~= "table" or getmetatable(list) or #list == 0 then
    options.wrong(name .. ": the first argument", list, "a list of traces")
  end
end

---@class moontide.merge_options
---@field parts? boolean they are parts of one trace: equal ids and sessions mean the same
---@field shared_ids? boolean equal ids mean the same, equal sessions do not
---@field skip_bad_lines? boolean pass over them

--- Merges several traces by time; each must be in the order of its times. Their hash_ids and sessions are
-- kept apart unless they are parts of one trace. Where it shows that they are in blocks of unlike sizes (by
-- the first line's member block_size, or as the hash_ids of the first prompts fit) reading fails, and names
-- both: pipe:reblock makes the small ones larger.
---@param list moontide.trace[]
---@param given? moontide.merge_options
---@return moontide.pipe
function trace.merge(list, given)
  local opt = options.table("trace.merge", given, { parts_option, shared_option, skip_option })
  check_list("trace.merge", list)
  return together(list, "trace.merge: trace", opt.skip_bad_lines, "merged", false, function(sources)
    return core.source.merge(sources, opt.parts, opt.shared_ids, true)
  end)
end

---@class moontide.join_options
---@field gap? number|string from the last request of one to the first of the next; else a mean gap
---@field parts? boolean they are parts of one trace: times stay, equal ids and sessions mean the same
---@field shared_ids? boolean equal ids mean the same, equal sessions do not
---@field skip_bad_lines? boolean pass over them

--- Joins several traces one after the other, the time going on. Their hash_ids and sessions are kept apart
-- unless they are parts of one trace. Blocks of unlike sizes fail as in trace.merge.
---@param list moontide.trace[]
---@param given? moontide.join_options
---@return moontide.pipe
function trace.join(list, given)
  local opt = options.table("trace.join", given,
    { { "gap", kind = "duration", min = 0 }, parts_option, shared_option, skip_option })
  check_list("trace.join", list)
  return together(list, "trace.join: trace", opt.skip_bad_lines, "joined", true, function(sources)
    return core.source.join(sources, opt.gap, opt.parts, opt.shared_ids, true)
  end)
end

any.trace = trace

return any
