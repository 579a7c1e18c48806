--- What a synthesiser learns from a trace, and the file in which it can be handed on: mt.model.
local core = require "moontide.core"
local options = require "moontide.options"
local report = require "moontide.report"
local show = require "moontide.model_show"
core.base.own()

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

local figures_metatable = { __name = "moontide.model_figures", __tostring = show.text, __json = show.json }

--- What the model holds in figures, and so what it gives away; prints as a screen of text.
---@return moontide.model_figures? figures, string? message, string? code
function methods:describe()
  local figures, message, code = core.model.figures(self)
  if not figures then return nil, message, code end
  return setmetatable(figures, figures_metatable)
end

local function is_type(value, type_name)
  local metatable = getmetatable(value)
  return type(metatable) == "table" and metatable.__name == type_name
end

-- --- learning --------------------------------------------------------------------------------------

-- Requests between two looks at whether progress is to be shown.
local step = 20000

local function read(learner, reader, skip)
  local total = 0
  repeat
    local count, message, code = learner:read(reader, step, skip)
    if not count then
      report.finish()
      return nil, message, code
    end
    total = total + count
    report.progress(function() return ("%d requests learnt"):format(total) end)
  until count < step
  report.finish()
  return true
end

-- The model of columns, or of what is left in a reader, and what was skipped; or nil, message, code.
local function learn_from(source, opt)
  local learner <close> = core.model.learner(opt.block_size or 512)
  local is_reader = is_type(source, "moontide.reader")
  local done, message, code
  if is_reader then
    done, message, code = read(learner, source, opt.skip_bad_lines)
  else
    done, message, code = learner:add(source, opt.skip_bad_lines)
  end
  if not done then return nil, message, code end
  local learnt
  learnt, message, code = learner:finish()
  if not learnt then return nil, message, code end
  return learnt, { learner:skipped(is_reader and source or nil) }
end

local function is_requests(value)
  return is_type(value, "moontide.columns") or is_type(value, "moontide.reader")
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

--- For what needs a model: that of a trace (a path, columns, a reader), of a model's file, which is known by
--- its first line, or a model as it is. Raises when `value` is none of these.
---@param value string|moontide.columns|moontide.reader|moontide.model
---@param opt table block_size (nil: 512, or the model's own), skip_bad_lines
---@param what string the value's name for messages
---@return moontide.model? model, string|table|nil message, string? code the message is a table where a trace
--- was learnt: how many bad lines were skipped, and what was wrong with the first
function model.of(value, opt, what)
  if is_type(value, "moontide.model") then return with_block_size(value, opt, what) end
  if is_requests(value) then return learn_from(value, opt) end
  if type(value) ~= "string" then
    options.wrong(what, value, "a file's name, columns, a reader or a model")
  end
  local opened, message, code = core.model.open(value, opt.skip_bad_lines)
  if not opened then return nil, message, code end
  if is_type(opened, "moontide.model") then
    return with_block_size(opened, opt, value == "-" and "standard input" or value)
  end
  local reader <close> = opened
  return learn_from(reader, opt)
end

local learn_fields = {
  { "block_size", kind = "integer", min = 1, default = 512 },
  { "skip_bad_lines", kind = "boolean", default = false },
}

---@class moontide.learn_options
---@field block_size? integer tokens a block: 512
---@field skip_bad_lines? boolean pass over them, and count them

--- Learns from a trace what a synthesiser needs: how long requests are, what they share, when it comes back,
--- and the gaps between arrivals.
-- Every request needs a timestamp, in order, and input_length.
---@param trace string|moontide.columns|moontide.reader a path, columns, or what is left in a reader
---@param given? moontide.learn_options
---@return moontide.model? model, string? message, string? code
function model.learn(trace, given)
  local opt = options.table("model.learn", given, learn_fields)
  local learnt, message, code = model.learned(trace, opt)
  if not learnt then return nil, message --[[@as string]], code end
  return learnt
end

--- The same, with what was skipped as a second value: { count, message of the first }.
---@param trace string|moontide.columns|moontide.reader
---@param opt table block_size, skip_bad_lines
---@return moontide.model? model, string|table|nil skipped_or_message, string? code
function model.learned(trace, opt)
  if is_requests(trace) then return learn_from(trace, opt) end
  if type(trace) ~= "string" then
    options.wrong("model.learn: the trace", trace, "a file's name, columns or a reader")
  end
  local reader <close>, message, code = core.model.open(trace, opt.skip_bad_lines)
  if not reader then return nil, message, code end
  if is_type(reader, "moontide.model") then
    return nil, (trace == "-" and "standard input" or trace) .. ": is a model already, not a trace", "input"
  end
  return learn_from(reader, opt)
end

-- --- the file --------------------------------------------------------------------------------------

--- Reads a model's file.
---@param path string .gz is decompressed, - is standard input
---@return moontide.model? model, string? message, string? code
function model.open(path)
  options.value(path, "model.open: path", { "path", kind = "path" })
  return core.model.read(path)
end

local write_fields = { { "gaps", kind = "boolean", default = true } }

---@class moontide.model_write_options
---@field gaps? boolean false leaves out the order of the gaps, and so the bunching

--- Writes the model to a file; what is written is all that it gives away.
---@param path string .gz is compressed, - is standard output
---@param given? moontide.model_write_options
---@return integer? bytes, string? message, string? code bytes of text, before compression
function methods:write(path, given)
  options.value(path, "write: path", { "path", kind = "path" })
  local opt = options.table("write", given, write_fields)
  return core.model.write(self, path, opt.gaps)
end

---@class moontide
local public = { model = { learn = model.learn, open = model.open } }
model.public = public
model.methods = { methods }

return model
