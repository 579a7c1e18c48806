--- What a synthesiser learns from a trace, and the file in which it can be handed on: mt.model.
local any = require "moontide.trace.any"
local core = require "moontide.core"
local knobs = require "moontide.learn.knobs"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local show = require "moontide.learn.model_show"

local model = {}

---@class moontide.model
---@field requests fun(self): integer one description each
---@field block_size fun(self): integer tokens a block
---@field keeps_order fun(self): boolean are the gaps in order, as --arrivals source needs them?
---@field close fun(self) gives the memory back at once
local methods = core.model.methods

---@class moontide.model_figures
---@field requests integer one description each
---@field block_size integer tokens
---@field input_length moontide.metric tokens
---@field output_length moontide.metric tokens; without fields where no request has one
---@field shared_length moontide.metric tokens that earlier requests had
---@field shared_blocks integer of all requests: that earlier requests had
---@field returning_blocks integer that were new, and were touched again
---@field unique_blocks integer that no other request has
---@field runs integer stretches of shared blocks with one reuse distance
---@field distance moontide.quantiles? reuse distance of each request's deepest shared block, in blocks
---@field instants integer at which requests came
---@field span number seconds from the first to the last
---@field keeps_order boolean are the gaps in order?
---@field single_lengths integer requests whose pair of input and output length no other has
---@field single_descriptions integer requests whose whole description no other has
---@field chains integer of requests that continue each other, sessions; 0: not known
---@field sharing number? part of all blocks that earlier requests had, 0 to 1
---@field session_length number? mean turns a session, where chains are known
---@field sessions_at_once number? mean number of sessions in progress, where chains are known
---@field cliff integer? blocks of the smallest LRU cache that has half of the hits that one without limit has
---@field stretch integer so many sessions in a row change places where they are alike; 1: none does

local figures_metatable = { __name = "moontide.model_figures", __tostring = show.text, __json = show.json }

--- What the model holds in figures, and so what it gives away; prints as a screen of text.
---@return moontide.model_figures? figures, string? message, string? code
function methods:describe()
  local figures, message, code = core.model.figures(self)
  if not figures then return nil, message, code end
  return setmetatable(figures, figures_metatable)
end

---@class moontide.adjust_options
---@field sharing? number so much of what was shared is shared, 0 to 1; lengths and times stay
---@field sessions_at_once? number|string in progress on average, or "x2": times the model's
---@field session_length? number|string turns on average, or "x0.5": times the model's
---@field cliff_at? integer|string an LRU cache of this size has half of the hits that it can have: blocks
--- (1000), "2Mtokens" or "80GB"
---@field bytes_per_token? number|string for cliff_at in bytes

--- A model of which one thing is as you ask for it, and the others as they were.
-- Turned one after the other: session_length, sharing, then sessions_at_once or cliff_at. The model must know
-- its sessions, so it must have its gaps in order.
---@param given moontide.adjust_options
---@return moontide.model? model, string? message, string? code
function methods:adjust(given)
  if options.type_of(self) ~= "moontide.model" then
    options.wrong("adjust: the model", self, "a model (model:adjust)")
  end
  local opt = options.table("adjust", given, knobs.fields)
  local problem = knobs.mistake(opt, options.key)
  if problem then core.base.raise("adjust: " .. problem) end
  if not knobs.first(opt) then
    core.base.raise "adjust: one of sharing, sessions_at_once, session_length, cliff_at is needed"
  end
  return knobs.turn(self, opt, options.key)
end

-- --- learning --------------------------------------------------------------------------------------

-- The model of a source, and what was skipped; or nil, message, code.
local function learn_from(source, is_numbered, opt, text)
  local sized, size, kind = pipe.sized(source, opt.block_size, text, nil, nil, true)
  if not sized then return nil, size, kind end
  local learner <close> = core.model.learner(size)
  return any.learn(learner, sized, is_numbered, opt.skip_bad_lines)
end

--- For what takes a trace and may be given a model, as userdata or in a file, which is known by its first
--- line: of_model(model, name) of a model, name being its file's, of_trace(source, is_numbered) of a trace.
--- Raises when `value` is neither.
---@param value moontide.trace|moontide.model
---@param what string the value's name for messages
---@param skip_bad_lines boolean?
---@param of_model fun(model: moontide.model, name: string?): any, any, string?
---@param of_trace fun(source: userdata, is_numbered: boolean?): any, any, string?
---@param also? string what else than a trace it may be, for messages
---@return any result, any message, string? code
function model.either(value, what, skip_bad_lines, of_model, of_trace, also)
  if options.type_of(value) == "moontide.model" then return of_model(value) end
  if type(value) ~= "string" or value == "" then
    return any.read(value, what, skip_bad_lines, of_trace, also)
  end
  local opened, message, code = core.model.open(value, skip_bad_lines)
  if not opened then return nil, message, code end
  if options.type_of(opened) == "moontide.model" then
    return of_model(opened, value == "-" and "standard input" or value)
  end
  local reader <close> = opened
  return of_trace(reader)
end

-- The model, unless its blocks are not those that are asked for.
local function with_block_size(found, opt, name)
  local own = found:block_size()
  if opt.block_size and opt.block_size ~= own then
    local message = "%s: the model has blocks of %d tokens, not of %d"
    return nil, message:format(name, own, opt.block_size), "value"
  end
  return found
end

--- For what needs a model: that of a trace, of a model's file, or a model as it is. Raises when `value` is
--- none of these.
---@param value moontide.trace|moontide.model
---@param opt table block_size (nil: found, or the model's own), skip_bad_lines
---@param what string the value's name for messages
---@return moontide.model? model, string|table|nil message, string? code the message is a table where a trace
--- was learnt: how many bad lines were skipped, and what was wrong with the first
function model.of(value, opt, what)
  return model.either(value, what, opt.skip_bad_lines,
    function(found, name) return with_block_size(found, opt, name or what) end,
    function(source, is_numbered) return learn_from(source, is_numbered, opt, pipe.text_of(value, what)) end,
    "a model")
end

local learn_fields = {
  { "block_size", kind = "integer", min = 1 },
  { "skip_bad_lines", kind = "boolean", default = false },
}

---@class moontide.learn_options
---@field block_size? integer tokens a block; else found, 512 where that fits
---@field skip_bad_lines? boolean pass over them, and count them

--- Learns from a trace what a synthesiser needs: how long requests are, what they share, when it comes back,
--- and the gaps between arrivals.
-- Every request needs a timestamp, in order, and input_length.
---@param trace moontide.trace a path, columns, a pipe, what is left in a reader, a workload, ...
---@param given? moontide.learn_options
---@return moontide.model? model, string? message, string? code
function model.learn(trace, given)
  local opt = options.table("model.learn", given, learn_fields)
  local learnt, message, code = model.learned(trace, opt)
  if not learnt then return nil, message --[[@as string]], code end
  return learnt
end

--- The same, with what was skipped as a second value: { count, message of the first }.
---@param trace moontide.trace
---@param opt table block_size, skip_bad_lines
---@param name? string of the function that the user called
---@return moontide.model? model, string|table|nil skipped_or_message, string? code
function model.learned(trace, opt, name)
  local what = (name or "model.learn") .. ": the trace"
  return model.either(trace, what, opt.skip_bad_lines,
    function(found, file)
      if not file then any.pipe(found, what) end -- raises that it is no trace
      return nil, file .. ": is a model already, not a trace", "input"
    end,
    function(source, is_numbered) return learn_from(source, is_numbered, opt, pipe.text_of(trace, what)) end)
end

--- Learns from a trace what a synthesiser needs: mt.model.learn by a shorter name.
---@param trace moontide.trace a path, columns, a pipe, what is left in a reader, a workload, ...
---@param given? moontide.learn_options
---@return moontide.model? model, string? message, string? code
local function learn(trace, given)
  local learnt, message, code = model.learned(trace, options.table("learn", given, learn_fields), "learn")
  if not learnt then return nil, message --[[@as string]], code end
  return learnt
end

-- --- the file --------------------------------------------------------------------------------------

--- Reads a model's file.
---@param path string .gz and .zst are decompressed, - is standard input
---@return moontide.model? model, string? message, string? code
function model.open(path)
  options.value(path, "model.open: path", { "path", kind = "path" })
  return core.model.read(path)
end

local write_fields = { { "gaps", kind = "boolean", default = true } }

---@class moontide.model_write_options
---@field gaps? boolean false leaves out the order of the gaps, and so the bunching

--- Writes the model to a file; what is written is all that it gives away.
---@param path string .gz and .zst are compressed, - is standard output
---@param given? moontide.model_write_options
---@return integer? bytes, string? message, string? code bytes of text, before compression
function methods:write(path, given)
  options.value(path, "write: path", { "path", kind = "path" })
  local opt = options.table("write", given, write_fields)
  return core.model.write(self, path, opt.gaps)
end

---@class moontide
local public = { learn = learn, model = { learn = model.learn, open = model.open } }
model.public = public
model.methods = { { "model", methods } }

return model
