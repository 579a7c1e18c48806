--- New traces that behave like an old one: mt.synthesizer.
local analysis_json = require "moontide.learn.analysis_json"
local any = require "moontide.trace.any"
local core = require "moontide.core"
local json = require("moontide.base.json").public.json
local knobs = require "moontide.learn.knobs"
local model = require "moontide.learn.model"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local plan_times = require "moontide.synthesis.plan_times"
local show = require "moontide.learn.analysis_show"
local synthesis_options = require "moontide.synthesis.options"
local texts = require "moontide.kit.text"

local synthesizer = {}

-- --- options ---------------------------------------------------------------------------------------

local constructor_fields = table.move(synthesis_options.list, 1, #synthesis_options.list, 2, {
  { "num-requests", kind = "request_count" },
})

local run_fields = {
  { "num_requests", kind = "request_count" },
  { "seed", kind = "seed" },
}

local write_fields = {
  { "num_requests", kind = "request_count" },
  { "seed", kind = "seed" },
  { "timestamp_digits", kind = "integer", min = 0, max = 6, default = 0 },
  { "compact", kind = "boolean", default = false },
}

-- --- learning --------------------------------------------------------------------------------------

-- What the radix method learns of a source, and what was skipped; or nil, message, code.
local function learn_radix(source, is_numbered, opt, text)
  local sized, size, kind = pipe.sized(source, opt.block_size, text, nil, nil, true)
  if not sized then return nil, size, kind end
  return any.learn(core.radix_source.new(size), sized, is_numbered, opt.skip_bad_lines)
end

-- What core.synthesis makes requests after, and what was skipped; or nil, message, code.
local function learn(trace, opt)
  local what = "synthesizer: the trace"
  if opt.method ~= "radix" then return model.of(trace, opt, what) end
  return model.either(trace, what, opt.skip_bad_lines,
    function(_, name)
      return nil, (name or "the trace") .. ": it is a model, and the radix method needs the trace itself",
        "value"
    end,
    function(source, is_numbered) return learn_radix(source, is_numbered, opt, pipe.text_of(trace, what)) end)
end

-- --- making requests -------------------------------------------------------------------------------

local rows = { table.unpack(show.rows, 1, 4) }

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
      { "duration", self.duration }, { "metrics", analysis_json.metrics(self.metrics, rows) } }
  end,
}

---@class moontide.synthesizer
---@field method "reuse"|"radix"
---@field arrivals "iid"|"source"|"follow"|"resample"|"plan"
---@field block_size integer
---@field source_requests integer that were learnt from
---@field skipped integer bad lines that were passed over
---@field first_skipped string? what was wrong with the first
---@field knobs string? where the knobs stand, where some were turned
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
    count = math.max(1, math.floor(count.times * insides[self].requests + 0.5))
  end
  return count
end

-- A new trace as a pipe, and how many requests it has at most (nil: as many as the plan). The run that reads
-- it gets what makes them as `synthesis`.
local function pipe_of(self, method, given)
  local inside = inside_of(self, method)
  local opt, plan = inside.opt, inside.plan
  local seed, count = given.seed or opt.seed, count_of(self, given.num_requests or opt.num_requests)
  local function start(run)
    local synthesis, message, code = core.synthesis.open(inside.source, {
      seed = seed, block_size = self.block_size,
      prefix_len_multiplier = opt.prefix_len_multiplier, prompt_len_multiplier = opt.prompt_len_multiplier,
      osl_multiplier = opt.osl_multiplier, prefix_root_multiplier = opt.prefix_root_multiplier,
      min_isl = opt.min_isl, max_isl = opt.max_isl, min_osl = opt.min_osl, max_osl = opt.max_osl,
      speed_ratio = opt.speed_ratio, arrivals = self.arrivals, dequantize = opt.dequantize,
      with_sessions = opt.with_sessions,
      requests = not plan and count or nil,
      compact = given.compact,
    })
    if not synthesis then return nil, message, code end
    run.synthesis = synthesis
    if not plan then return core.source.synthesis(synthesis, count) end
    local times
    times, message, code = plan_times.run(plan, { seed = seed, duration = opt.duration, num_requests = count,
      whole_milliseconds = given.timestamp_digits == 0 })
    if not times then return nil, message, code end
    return core.source.timed_synthesis(times, synthesis)
  end
  return pipe.new(start, "synthesizer", { is_numbered = true,
    failed = function(message, code) return plan_times.failed(plan, message, code) end }), count
end

---@class moontide.synthesis_options
---@field num_requests? integer|string else the synthesizer's own
---@field seed? integer else the synthesizer's own

--- New requests as a pipe, so that steps can be put on them. Each time that it is read the trace begins anew.
---@param given? moontide.synthesis_options
---@return moontide.pipe
function methods:pipe(given)
  return (pipe_of(self, "pipe", options.table("pipe", given, run_fields)))
end

--- Iterates over new requests: for r in s:requests{ num_requests = 100 } do ... end.
-- Each call begins the trace anew. A failure while iterating raises.
---@param given? moontide.synthesis_options
---@return fun(): moontide.request?
function methods:requests(given)
  local reads = core.source.reads()
  return pipe.requests(pipe_of(self, "requests", options.table("requests", given, run_fields)), reads)
end

--- methods:write for a command: `watch` has a profile that takes the requests in, and what judges it.
---@param self moontide.synthesizer
---@param path string
---@param opt table what methods:write takes, checked
---@param watch { state: userdata?, judge: function? }
---@return moontide.synthesis? made, string? message, string? code
function synthesizer.write(self, path, opt, watch)
  local whole, count = pipe_of(self, "write", opt)
  if watch.state then whole = pipe.watched(whole, watch.state) end
  opt.judge = watch.judge
  local total, run, code = pipe.write(whole, path, opt, function(done)
    return count and ("%s: %d of %d requests"):format(path, done, count)
      or ("%s: %d requests"):format(path, done)
  end)
  if not total then return nil, run --[[@as string]], code end
  local synthesis <close> = run.synthesis
  local made, message
  made, message, code = synthesis:summary()
  if not made then return nil, message, code end
  made.missing = count and count - total
  return setmetatable(made, synthesis_metatable)
end

--- New requests as columns in memory; nil, message, code when that fails.
---@param given? moontide.synthesis_options
---@return moontide.columns? columns, string? message, string? code
function methods:columns(given)
  return pipe_of(self, "columns", options.table("columns", given, run_fields)):columns()
end

---@class moontide.synthesis_write_options
---@field num_requests? integer|string else the synthesizer's own
---@field seed? integer else the synthesizer's own
---@field timestamp_digits? integer at most so many decimals of a millisecond, 0 to 6; 0
---@field compact? boolean no spaces between members

--- Writes a new trace, and gives what was made: it prints as a table of lengths.
-- The members context_len and unique_user_prompt_len say what of a prompt is shared, in tokens.
---@param path string "-" is standard output; compressed when it ends in .gz or .zst
---@param given? moontide.synthesis_write_options
---@return moontide.synthesis? made, string? message, string? code
function methods:write(path, given)
  path = options.value(path, "write: the path", { kind = "path" })
  return synthesizer.write(self, path, options.table("write", given, write_fields), {})
end

function metatable:__tostring()
  return ("synthesizer: %s method, arrivals %s, blocks of %d tokens, learnt from %s"):format(
    self.method, self.arrivals, self.block_size, texts.count(self.source_requests, "request"))
end

-- --- the constructor -------------------------------------------------------------------------------

---@class moontide.synthesizer_options
---@field method? "reuse"|"radix" reuse: prompts come back when the source's did; radix: each is drawn by
--- itself
---@field arrivals? string|moontide.workload follow (default of reuse): sessions begin and go on as the
--- source's, along its rate; resample: they begin at other times, bunched alike; source: follow, or where
--- sessions are not known, and for radix, the source's gaps in their order; iid: gaps drawn by themselves
--- (default of radix); a workload, or a script: its times
---@field with_sessions? boolean requests say which session they are of, and the delay since its last answer
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
---@field sharing? number so much of what was shared is shared, 0 to 1; lengths and times stay
---@field sessions_at_once? number|string in progress on average, or "x2": times the source's (with arrivals
--- that follow)
---@field session_length? number|string turns on average, or "x0.5": times the source's (arrivals follow)
---@field cliff_at? integer|string an LRU cache of this size has half of the hits that it can have, by as many
--- sessions at once as that takes: blocks (1000), "2Mtokens" or "80GB"
---@field bytes_per_token? number|string for cliff_at in bytes
---@field seed? integer of the random numbers: 0
---@field skip_bad_lines? boolean pass over them, and count them

--- mt.synthesizer, in whose messages `label` names an option.
---@param trace moontide.trace|moontide.model
---@param given? moontide.synthesizer_options
---@param label fun(name: string): string
---@return moontide.synthesizer? synthesizer, string? message, string? code
function synthesizer.labelled(trace, given, label)
  local opt = options.table("synthesizer", given, constructor_fields)
  local problem = synthesis_options.check(opt, options.key)
  if problem then core.base.raise("synthesizer: " .. problem) end
  local plan, learnt, skipped, message, code
  if synthesis_options.takes_plan(opt) then
    if opt.dequantize then
      core.base.raise "synthesizer: dequantize is for the source's arrivals, not for those of a plan"
    end
    plan, message, code = plan_times.of(opt.arrivals, "synthesizer: arrivals")
    if not plan then return nil, message, code end
  elseif opt.duration then
    core.base.raise "synthesizer: duration is for the arrivals of a plan"
  end
  learnt, skipped, code = learn(trace, opt)
  if not learnt then return nil, skipped, code end
  skipped = skipped or { 0 }
  local source_requests = core.synthesis.about(learnt).requests
  if opt.method == "reuse" then
    learnt, message, code = knobs.turn(learnt, opt, label)
    if not learnt then return nil, message, code end
  end
  local about = core.synthesis.about(learnt)
  local in_order = about.chains > 0 and "follow" or "source"
  local default = about.gaps_in_order and opt.method == "reuse" and in_order or "iid"
  local arrivals = opt.arrivals or default
  if arrivals == "source" and opt.method == "reuse" then arrivals = in_order end
  local self = setmetatable({
    method = opt.method, arrivals = plan and "plan" or arrivals, block_size = about.block_size,
    source_requests = source_requests, skipped = skipped[1], first_skipped = skipped[2],
  }, metatable)
  local follows = self.arrivals == "follow" or self.arrivals == "resample"
  if opt.with_sessions and not follows then
    core.base.raise "synthesizer: with_sessions needs the reuse method, and arrivals that follow or resample"
  elseif follows and opt.method ~= "reuse" then
    core.base.raise(("synthesizer: arrivals %s needs the reuse method"):format(self.arrivals))
  end
  if (self.arrivals == "source" or follows) and not about.gaps_in_order then
    return nil, "the model has its gaps without their order, and arrivals like the source's need it: "
      .. "only iid is left", "value"
  elseif follows and about.chains == 0 then
    return nil, ("who continues whom is not known, and arrivals %s needs it: source and iid are left"):format(
      self.arrivals), "value"
  elseif opt.dequantize and not about.gaps_in_order then
    return nil, "the model has its gaps without their order, and its times cannot be dequantized without it",
      "value"
  end
  if opt.method == "reuse" and knobs.first(opt) then
    local measures
    measures, message, code = core.model.measures(learnt)
    if not measures then return nil, message, code end
    self.knobs = knobs.shown(measures)
  end
  insides[self] = { source = learnt, opt = opt, plan = plan, requests = about.requests }
  return self
end

--- Learns from a trace, or from a model, to make new requests that behave alike in a cache and on a clock.
-- The reuse method keeps the lengths that belong together, when prefixes come back and how arrivals bunch;
-- the radix method draws each prompt by itself from the tree of prefixes.
---@param trace moontide.trace|moontide.model a path of a trace or a model, columns, a pipe, ... or a model
---@param given? moontide.synthesizer_options
---@return moontide.synthesizer? synthesizer, string? message, string? code
function synthesizer.new(trace, given)
  return synthesizer.labelled(trace, given, options.key)
end

---@class moontide
local public = { synthesizer = synthesizer.new }
synthesizer.public = public
synthesizer.methods = { { "synthesizer", methods } }

return synthesizer
