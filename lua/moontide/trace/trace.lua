--- Traces: reading them a request at a time or into columns, and writing them. What can be done to them
-- in between: help "pipes".
--
-- A request is a table: timestamp and delay in milliseconds, input_length, output_length, hash_ids,
-- session_id, stream, turn, line, and extra, the members that have no field of their own as the text
-- of a JSON object. A name that ends in ".gz" or ".zst" is compressed; "-" is standard input or output. A
-- file that cannot be read or written gives nil, a message and a code.
local any = require "moontide.trace.any"
local core = require "moontide.core"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"

---@class moontide.request
---@field timestamp number? milliseconds; an integer when whole
---@field input_length integer? tokens of the whole prompt
---@field output_length integer? tokens of the answer
---@field hash_ids integer[]? one a block of the prompt; ids of 2^63 and more are strings of digits
---@field session_id (string|number)?
---@field delay number? milliseconds after the answer to the session's previous turn
---@field stream string?
---@field turn integer? from 0 within its session; never written
---@field extra string? the other members, the text of a JSON object
---@field line integer? its line in the file it came from; never written

---@class moontide.reader
---@operator call: moontide.request?
---@field next fun(self): moontide.request?, string?, string? nil alone is the end
---@field columns fun(self): moontide.columns?, string?, string? all that is left
---@field skipped fun(self): integer, string? bad lines passed over, and what was wrong with the first
---@field close fun(self)

---@class moontide.writer
---@field write fun(self, what: moontide.request|moontide.columns): true?, string?, string?
---@field text fun(self, text: string): true?, string?, string? bytes as they are, for rows of other tools
---@field finish fun(self): true?, string?, string? only now the file is there, whole
---@field close fun(self) unfinished: leaves the old file as it was

--- Numbers of requests, one each or none. They are computed with, request by request: a + b, a - b, a * b,
--- a / b, a // b, a % b and -a of columns and numbers give new columns; comparisons give 1 or 0, which a & b,
--- a | b and ~a combine. Where one of the two has no number the result has none.
---@class moontide.column
---@operator add(moontide.column|number): moontide.column
---@operator sub(moontide.column|number): moontide.column
---@operator mul(moontide.column|number): moontide.column
---@operator div(moontide.column|number): moontide.column
---@operator idiv(moontide.column|number): moontide.column
---@operator mod(moontide.column|number): moontide.column
---@operator unm: moontide.column
---@operator band(moontide.column|number): moontide.column
---@operator bor(moontide.column|number): moontide.column
---@operator bnot: moontide.column
---@field sum fun(self): number
---@field mean fun(self): number?
---@field min fun(self): number?
---@field max fun(self): number?
---@field count fun(self): integer requests that have a value
---@field values fun(self): number[] the values there are
---@field histogram fun(self, edges: number[]): integer[]?, string?, string? values from edges[i] to before
--- edges[i + 1]; the last bin has its upper edge too
---@field above fun(self, other: moontide.column|number): moontide.column mask: 1 where greater, else 0
---@field below fun(self, other: moontide.column|number): moontide.column mask: 1 where less, else 0
---@field at_least fun(self, other: moontide.column|number): moontide.column mask: 1 where not less, else 0
---@field at_most fun(self, other: moontide.column|number): moontide.column mask: 1 where not greater, else 0
---@field equals fun(self, other: moontide.column|number): moontide.column mask: 1 where the same, else 0
---@field where fun(self, mask: moontide.column|number): moontide.column only numbers for which the mask has
--- one that is not 0; the others are absent
---@field group_by fun(self, keys: moontide.column|number): moontide.column_group[] values of each key

---@class moontide.column_group
---@field key number
---@field count integer values with this key
---@field sum number
---@field mean number
---@field min number
---@field max number

---@alias moontide.column_name
---| "timestamp"
---| "input_length"
---| "output_length"
---| "delay"
---| "turn"
---| "hash_count" # how many hash_ids

---@class moontide.grid
---@field period number seconds between two ticks
---@field offset number seconds, of the ticks
---@field times integer that were looked at
---@field instants integer ticks that have a request
---@field off integer times that lie on no tick

---@class moontide.columns
---@field append fun(self, request: moontide.request): moontide.columns
---@field requests fun(self): fun(): moontide.request?
---@field column fun(self, name: moontide.column_name): moontide.column
---@field grid fun(self): moontide.grid?, string?, string? the recording's clock, where it ticks

local trace = {}

local reader_options = { { "skip_bad_lines", kind = "boolean", default = false } }

local function check_path(name, path)
  options.value(path, name .. ": path", { "path", kind = "path" })
end

---@class moontide.reader_options
---@field skip_bad_lines? boolean pass over them, and count them

--- Opens a trace for reading: `for request in mt.trace.open(path) do ... end`.
-- In such a loop a bad line raises its message, for the loop has no place to return it; reader:next()
-- returns it. With skip_bad_lines = true bad lines are passed over and counted.
---@param path string
---@param given? moontide.reader_options
---@return moontide.reader? reader, string? message, string? code
function trace.open(path, given)
  check_path("trace.open", path)
  local opt = options.table("trace.open", given, reader_options)
  return core.source.open(path, opt.skip_bad_lines)
end

--- Reads a whole trace into columns.
---@param path string
---@param given? moontide.reader_options
---@return moontide.columns? columns, string? message, string? code
function trace.read(path, given)
  check_path("trace.read", path)
  local opt = options.table("trace.read", given, reader_options)
  local reader <close>, message, code = core.source.open(path, opt.skip_bad_lines)
  if not reader then return nil, message, code end
  return reader:columns()
end

--- Columns made of a list of requests, or of anything that may be a trace; empty without one. What is wrong
-- raises.
---@param requests? moontide.request[]|moontide.trace
---@return moontide.columns
function trace.columns(requests)
  local first = type(requests) == "table" and not getmetatable(requests) and requests[1]
  local is_list = type(first) == "table" and not getmetatable(first)
  if requests ~= nil and not is_list and not (type(requests) == "table" and next(requests) == nil) then
    return any.columns(requests, "trace.columns", "a list of requests")
  end
  options.check_whole(requests or {}, "trace.columns")
  local columns = core.columns.new()
  for _, request in ipairs(requests or {}) do columns:append(request) end
  return columns
end

---@class moontide.writer_options
---@field compact? boolean no spaces between members
---@field timestamp_digits? integer at most so many decimals of a millisecond, 0 to 6
---@field format? string "jsonl"

--- Opens a trace for writing. The file appears, or is replaced, when writer:finish() is called.
---@param path string
---@param given? moontide.writer_options
---@return moontide.writer? writer, string? message, string? code
function trace.writer(path, given)
  check_path("trace.writer", path)
  local opt = options.table("trace.writer", given, pipe.writer_options)
  return core.trace.writer(path, opt.compact, opt.timestamp_digits, opt.format)
end

---@class moontide.columns
local columns_methods = core.columns.methods.columns

--- Writes the columns to a trace.
---@param path string
---@param given? moontide.writer_options
---@return true? done, string? message, string? code
function columns_methods:write(path, given)
  return pipe.ends.write(pipe.of_columns(self), path, given)
end

columns_methods.plot = require("moontide.trace.trace_plot").plot
require "moontide.trace.pipe_steps"
require "moontide.trace.log" -- a step more

-- What is done to traces while they pass: constructors, and steps that columns have as well.
for name, constructor in pairs(any.trace) do trace[name] = constructor end
for name, step in pairs(pipe.steps) do columns_methods[name] = step end

---@class moontide
local public = { trace = trace }

return {
  public = public,
  methods = {
    { "reader", core.source.methods }, { "writer", core.trace.methods.writer },
    { "columns", columns_methods }, { "column", core.columns.methods.column },
    { "pipe", pipe.steps }, { "pipe", pipe.ends },
  },
}
