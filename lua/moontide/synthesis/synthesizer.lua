--- New traces that behave like an old one: mt.synthesizer.
local core = require "moontide.core"
local intake = require "moontide.learn.intake"
local json = require("moontide.base.json").public.json
local model = require "moontide.learn.model"
local options = require "moontide.kit.options"
local plan_times = require "moontide.synthesis.plan_times"
local report = require "moontide.kit.report"
local show = require "moontide.learn.analysis_show"
local synthesis_options = require "moontide.synthesis.options"
local texts = require "moontide.kit.text"
core.base.own()

local synthesizer = {}

-- Requests made between two looks at whether progress is to be shown.
local step = 20000

-- --- options ---------------------------------------------------------------------------------------

local constructor_fields = table.move(synthesis_options.list, 1, #synthesis_options.list, 2, {
  { "num-requests", kind = "request_count" },
})

local run_fields = {
  { "num_requests", kind = "request_count" },
  { "seed", kind = "integer" },
}

local write_fields = {
  { "num_requests", kind = "request_count" },
  { "seed", kind = "integer" },
  { "timestamp_digits", kind = "integer", min = 0, max = 6, default = 0 },
  { "compact", kind = "boolean", default = false },
}

-- --- learning --------------------------------------------------------------------------------------

-- What is learnt is { source =, skipped =, first_skipped = }; or nil, message, code.
local function learn_radix(trace, opt)
  local source = core.radix_source.new(opt.block_size or 512)
  local done, message, code = intake.into(source, trace, opt.skip_bad_lines, "learnt")
  if not done then return nil, message, code end
  done, message, code = source:finish()
  if not done then return nil, message, code end
  local skipped, first = intake.skipped(source, trace)
  return { source = source, skipped = skipped, first_skipped = first }
end

-- The same of whatever a trace can be.
local function learn_radix_of(trace, opt)
  local function take(source)
    if options.type_of(source) ~= "moontide.model" then return learn_radix(source, opt) end
    local name = trace == source and "the trace" or trace == "-" and "standard input" or trace
    return nil, name .. ": it is a model, and the radix method needs the trace itself", "value"
  end
  if options.type_of(trace) == "moontide.model" then return take(trace) end
  return intake.open(trace, take,
    { what = "synthesizer: the trace", skip_bad_lines = opt.skip_bad_lines, open = core.model.open })
end

local function learn(trace, opt)
  if opt.method == "radix" then return learn_radix_of(trace, opt) end
  local learnt, skipped, code = model.of(trace, opt, "synthesizer: the trace")
  if not learnt then return nil, skipped, code end
  local count, first = table.unpack(skipped or { 0 })
  return { source = learnt, skipped = count, first_skipped = first }
end

-- --- making requests -------------------------------------------------------------------------------

local rows = {
  { "input_length", "Input Length" },
  { "context_length", "Context Length" },
  { "unique_prompt_length", "Unique Prompt Length" },
  { "output_length", "Output Length" },
}

---@class moontide.synthesis
---@field requests integer
---@field missing integer? requests that were asked for and not made: the plan had ended
---@field blocks integer hash ids of all requests
---@field duration number seconds, to the last request
---@field metrics table<string, moontide.metric> input_length, context_length (tokens of the leading blocks
--- that requests of the source shared), unique_prompt_length (the rest), output_length

local synthesis_metatable = {
  __name = "moontide.synthesis",
  __tostring = function(self) return show.metrics(self.metrics, rows) end,
  __json = function(self)
    return json.object { { "requests", self.requests }, { "blocks", self.blocks },
      { "duration", self.duration }, { "metrics", show.json_metrics(self.metrics, rows) } }
  end,
}

---@class moontide.synthesizer
---@field method "reuse"|"radix"
---@field arrivals "iid"|"source"|"plan"
---@field block_size integer
---@field source_requests integer that were learnt from
---@field skipped integer bad lines that were passed over
---@field first_skipped string? what was wrong with the first
local methods = {}

local metatable = { __name = "moontide.synthesizer", __index = methods }

-- What was learnt and the options, by synthesizer.
local insides = setmetatable({}, { __mode = "k" })

local function inside_of(self, method)
  return insides[self] or options.wrong(method .. ": the synthesizer", self,
    ("what mt.synthesizer gave (synthesizer:%s)"):format(method))
end

-- How many requests; nil: as many as the plan has.
local function count_of(self, count)
  if count == nil and self.arrivals ~= "plan" then return 100000 end
  if type(count) == "table" then
    count = math.max(1, math.floor(count.times * self.source_requests + 0.5))
  end
  return count
end

-- Begins a new trace: core's synthesis, how many requests at most, and where a plan says when, its run; or
-- nil, message, code.
local function begin(self, method, given)
  local inside = inside_of(self, method)
  local opt = inside.opt
  local count, times = count_of(self, given.num_requests or opt.num_requests), nil
  local run, message, code = core.synthesis.open(inside.source, {
    seed = given.seed or opt.seed, block_size = self.block_size,
    prefix_len_multiplier = opt.prefix_len_multiplier, prompt_len_multiplier = opt.prompt_len_multiplier,
    osl_multiplier = opt.osl_multiplier, prefix_root_multiplier = opt.prefix_root_multiplier,
    min_isl = opt.min_isl, max_isl = opt.max_isl, min_osl = opt.min_osl, max_osl = opt.max_osl,
    speed_ratio = opt.speed_ratio, arrivals = self.arrivals, dequantize = opt.dequantize,
    compact = given.compact,
  })
  if not run then return nil, message, code end
  if inside.plan then
    times, message, code = plan_times.run(inside.plan, {
      seed = given.seed or opt.seed, duration = opt.duration, num_requests = count,
      whole_milliseconds = given.timestamp_digits == 0,
    })
    if not times then return nil, message, code end
  end
  return run, count or math.maxinteger, times
end

-- What core gave while it made requests; where it failed, nil, message, code, or the error of a script's
-- function, raised.
local function checked(self, value, message, code)
  if message then return plan_times.failed(insides[self].plan, message, code) end
  return value
end

---@class moontide.synthesis_options
---@field num_requests? integer|string else the synthesizer's own
---@field seed? integer else the synthesizer's own

--- Iterates over new requests: for r in s:requests{ num_requests = 100 } do ... end.
-- Each call begins the trace anew. A failure while iterating raises.
---@param given? moontide.synthesis_options
---@return fun(): moontide.request?
function methods:requests(given)
  local run, left, times = begin(self, "requests", options.table("requests", given, run_fields))
  if not run then core.base.raise(left) end
  return core.base.located(function()
    if left == 0 then
      run:close()
      return nil
    end
    left = left - 1
    local request, message = checked(self, run:next(times))
    if message then core.base.raise(message) end
    if not request then left = 0 end
    return request
  end)
end

--- New requests as columns in memory; nil, message, code when that fails.
---@param given? moontide.synthesis_options
---@return moontide.columns? columns, string? message, string? code
function methods:columns(given)
  local run <close>, count, times = begin(self, "columns", options.table("columns", given, run_fields))
  if not run then return nil, count, times end
  return checked(self, run:columns(count, times))
end

-- Writes the requests in steps: true, or nil, message, code.
local function write_all(self, run, writer, count, times, path)
  local written = 0
  while written < count do
    local some = math.min(step, count - written)
    local done, message, code = checked(self, run:write(writer, some, times))
    if not done then return nil, message, code end
    written = written + done
    if done < some then break end
    report.progress(function()
      return count == math.maxinteger and ("%s: %d requests"):format(path, written)
        or ("%s: %d of %d requests"):format(path, written, count)
    end)
  end
  return writer:finish()
end

---@class moontide.synthesis_write_options
---@field num_requests? integer|string else the synthesizer's own
---@field seed? integer else the synthesizer's own
---@field timestamp_digits? integer at most so many decimals of a millisecond, 0 to 6; 0
---@field compact? boolean no spaces between members

--- Writes a new trace, and gives what was made: it prints as a table of lengths.
-- The members context_len and unique_user_prompt_len say what of a prompt is shared, in tokens.
---@param path string "-" is standard output; compressed when it ends in .gz
---@param given? moontide.synthesis_write_options
---@return moontide.synthesis? made, string? message, string? code
function methods:write(path, given)
  path = options.value(path, "write: the path", { kind = "path" })
  local opt = options.table("write", given, write_fields)
  local run <close>, count, times = begin(self, "write", opt)
  if not run then return nil, count, times end
  local writer <close>, message, code = core.trace.writer(path, opt.compact, opt.timestamp_digits)
  if not writer then return nil, message, code end
  local done
  done, message, code = write_all(self, run, writer, count, times, path)
  report.finish()
  if not done then return nil, message, code end
  local made
  made, message, code = run:summary()
  if not made then return nil, message, code end
  if count < math.maxinteger then made.missing = count - made.requests end
  return setmetatable(made, synthesis_metatable)
end

function metatable:__tostring()
  return ("synthesizer: %s method, arrivals %s, blocks of %d tokens, learnt from %s"):format(
    self.method, self.arrivals, self.block_size, texts.count(self.source_requests, "request"))
end

-- --- the constructor -------------------------------------------------------------------------------

---@class moontide.synthesizer_options
---@field method? "reuse"|"radix" reuse: prompts come back when the source's did; radix: each is drawn by
--- itself
---@field arrivals? string|moontide.workload iid: gaps drawn by themselves (default of radix); source:
--- bunched as the source's are, along its rate (default of reuse); a workload, or a script: its times
---@field duration? number|string seconds that the plan lasts; else its own
---@field num_requests? integer|string 100000, or as many as the plan has; "10x": times the source's number
---@field dequantize? boolean spreads the source's times over the ticks of its clock, by the seed, first
---@field speed_ratio? number times are divided by it: 1
---@field prefix_len_multiplier? number stretches what requests share: 1
---@field prefix_root_multiplier? integer so many populations that share nothing: 1
---@field prompt_len_multiplier? number stretches what is a request's own: 1
---@field osl_multiplier? number 1
---@field max_isl? integer requests with more input tokens are not made
---@field min_isl? integer
---@field min_osl? integer an output length below it is raised to it
---@field max_osl? integer
---@field block_size? integer tokens a block: 512, of a model its own
---@field seed? integer of the random numbers: 0
---@field skip_bad_lines? boolean pass over them, and count them

--- Learns from a trace, or from a model, to make new requests that behave alike in a cache and on a clock.
-- The reuse method keeps the lengths that belong together, when prefixes come back and how arrivals bunch;
-- the radix method draws each prompt by itself from the tree of prefixes.
---@param trace string|moontide.columns|moontide.pipe|moontide.reader|moontide.model a path of a trace or a
--- model, columns, a pipe, what is left in a reader, or a model
---@param given? moontide.synthesizer_options
---@return moontide.synthesizer? synthesizer, string? message, string? code
function synthesizer.new(trace, given)
  local opt = options.table("synthesizer", given, constructor_fields)
  local problem = synthesis_options.check_bounds(opt, options.key)
  if problem then core.base.raise("synthesizer: " .. problem) end
  local plan, learnt, message, code
  if synthesis_options.takes_plan(opt) then
    if opt.dequantize then
      core.base.raise "synthesizer: dequantize is for the source's arrivals, not for those of a plan"
    end
    plan, message, code = plan_times.of(opt.arrivals, "synthesizer: arrivals")
    if not plan then return nil, message, code end
  elseif opt.duration then
    core.base.raise "synthesizer: duration is for the arrivals of a plan"
  end
  learnt, message, code = learn(trace, opt)
  if not learnt then return nil, message, code end
  local about = core.synthesis.about(learnt.source)
  local default = about.gaps_in_order and opt.method == "reuse" and "source" or "iid"
  local self = setmetatable({
    method = opt.method, arrivals = plan and "plan" or opt.arrivals or default, block_size = about.block_size,
    source_requests = about.requests, skipped = learnt.skipped, first_skipped = learnt.first_skipped,
  }, metatable)
  if self.arrivals == "source" and not about.gaps_in_order then
    return nil, "the model has its gaps without their order, and arrivals like the source's need it: "
      .. "only iid is left", "value"
  elseif opt.dequantize and not about.gaps_in_order then
    return nil, "the model has its gaps without their order, and its times cannot be dequantized without it",
      "value"
  end
  insides[self] = { source = learnt.source, opt = opt, plan = plan }
  return self
end

---@class moontide
local public = { synthesizer = synthesizer.new }
synthesizer.public = public
synthesizer.methods = { { "synthesizer", methods } }

return synthesizer
