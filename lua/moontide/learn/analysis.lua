--- What a trace says of lengths and prefixes: mt.analyze.
local analysis_json = require "moontide.learn.analysis_json"
local any = require "moontide.trace.any"
local core = require "moontide.core"
local cache_options = require "moontide.learn.cache_options"
local figures = require "moontide.learn.analysis_figures"
local file = require "moontide.draw.file"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local samples_of = require "moontide.learn.analysis_samples"
local show = require "moontide.learn.analysis_show"
local styles = require "moontide.draw.style"

local analysis = {}

-- --- the result ------------------------------------------------------------------------------------

---@class moontide.metric
---@field mean number? absent, like the others, when no request has a value
---@field std number? population standard deviation
---@field min number?
---@field p25 number? percentiles by linear interpolation
---@field median number?
---@field p75 number?
---@field p90 number?
---@field p95 number?
---@field p99 number?
---@field max number?

---@class moontide.hit_weights
---@field request number mean over the requests of the share of their blocks that hit
---@field block number hits / blocks
---@field token number tokens of the blocks that hit / tokens

---@class moontide.hit_figures: moontide.hit_weights
---@field within number `block` in two parts: up to the deepest block that the request's own session touched
--- last, and
---@field across number the rest
---@field by moontide.group_figures[]? by the values of a member, in order of appearance, where that was asked
--- for and the size was not sampled
---@field error moontide.hit_weights? standard errors, where the size was sampled

---@class moontide.group_figures: moontide.hit_figures
---@field value string of the member; "" of requests without it
---@field requests integer
---@field blocks integer

---@class moontide.tier
---@field size integer blocks
---@field block number hits that came from this tier / all blocks
---@field moved_up integer blocks that hit and went from here to the first tier
---@field moved_down integer blocks that the tier above evicted to this one
---@field evicted integer blocks that went from here to the next tier, or from the last one for good

---@class moontide.tiered_figures: moontide.hit_figures
---@field tiers moontide.tier[]

---@class moontide.replica
---@field requests integer
---@field blocks integer
---@field block number? its hits / its blocks
---@field tiers moontide.tier[]? of its own, where tiers were asked for; `block` of its own blocks

---@class moontide.replica_figures: moontide.hit_figures
---@field imbalance number? blocks to compute: the most of a replica / the mean
---@field replicas moontide.replica[]
---@field tiers moontide.tier[]? of all replicas together, `size` that of each, where tiers were asked for

---@class moontide.quantiles
---@field mean number
---@field min number
---@field p10 number
---@field p25 number
---@field median number
---@field p75 number
---@field p90 number
---@field p95 number
---@field p99 number
---@field max number

---@class moontide.shared_prefix
---@field requests integer that begin with it
---@field share number of the requests that have hash_ids, 0 to 1
---@field blocks integer
---@field tokens integer

---@class moontide.session_figures
---@field count integer
---@field given integer requests whose session_id said their session; that of all others was inferred
---@field single integer sessions of one turn
---@field turns moontide.quantiles turns of a session
---@field think_time moontide.quantiles? seconds between two turns: their `delay`, else from the one
--- turn's timestamp to the next one's

---@class moontide.time_bin
---@field start integer seconds
---@field requests integer
---@field rate number? requests per second; absent in the last stretch, which the trace does not fill
---@field blocks integer
---@field hit_ratio number? by block, infinite cache; absent where there are no blocks
---@field distinct_blocks integer? the working set; absent where there are none or timestamps go back
---@field hits table<string, table<integer, number>>? hit ratio by block, by policy and size, where policies
--- or sizes were asked for (and not sampled)

---@class moontide.clock
---@field period number seconds between two ticks
---@field offset number of the ticks
---@field instants integer ticks at which requests came

---@class moontide.arrival_window
---@field window integer seconds
---@field windows integer whole ones, from the first request's to the last one's
---@field requests integer in them
---@field last_requests integer in the window of the last request, which is incomplete and none of them
---@field last_seconds number of that window, up to the last request
---@field mean number? requests per second
---@field peak number? requests per second in the fullest window, the last one too
---@field coefficient_of_variation number? of the counts
---@field variance_over_mean number? of the counts: 1 for a Poisson process

---@class moontide.analysis
---@field requests integer
---@field blocks integer hash ids of all requests
---@field drawn_from integer? what prompts share looks drawn, from about so many blocks, by a tool that knew
--- only their lengths
---@field metrics table<string, moontide.metric> input_length, context_length, unique_prompt_length,
--- output_length (tokens), theoretical_hit_rate (0 to 1)
---@field distinct_blocks integer
---@field hit_infinite moontide.hit_weights? hit ratios of an infinite cache; absent, like all that
--- follows about blocks, where no request has hash_ids
---@field hit_sessions { within: number, across: number }? hit_infinite.block in two parts: up to the
--- deepest block that the request's own session touched last, and the rest
---@field lru { [1]: integer, [2]: number }[]? { size, hit ratio by block } of an LRU cache, sizes going up
---@field hits table<string, table<integer, moontide.hit_figures>>? by policy, then by size in blocks
---@field ttl table<number, moontide.hit_figures>? by age in seconds, where ages were asked for
---@field tiers table<string, moontide.tiered_figures>? by policy, where tiers were asked for, and no replicas
---@field replicas table<string, table<integer|string, table<integer, moontide.replica_figures>>>? by policy,
--- cache of each (its size, or the sizes of its tiers: "500,2000") and how many they are, where replicas were
--- asked for
---@field touch "root"|"leaf"? as asked for, like hit_rule, ttl_since and route
---@field hit_rule "all"|"vllm"?
---@field ttl_since "use"|"write"?
---@field route string?
---@field block_size integer tokens a block
---@field blocks_for_90_percent integer? the least LRU cache with 90 % of the infinite one's hits
---@field reuse_time moontide.quantiles? seconds since a block that hits was touched last; absent where
--- timestamps are missing or go back
---@field prefixes moontide.shared_prefix[]? the prefixes that most requests share
---@field sessions moontide.session_figures?
---@field over_time moontide.time_bin[]? equal stretches of time; absent where no request has a timestamp
---@field arrivals moontide.arrival_window[] windows of 1, 10, 60 and 300 s; empty where no request has a
--- timestamp
---@field clock moontide.clock? the grid that the timestamps lie on; absent where they lie on none
---@field backward integer requests whose timestamp lies before that of one before them
---@field first number? the earliest timestamp, seconds
---@field last number?
---@field caches_only boolean? output_length was not asked for
---@field skipped integer bad lines that were passed over
---@field first_skipped string? what was wrong with the first
local methods = {}

local metatable = { __name = "moontide.analysis", __index = methods }

-- The hit curve of each analysis; it is no field, so that two equal analyses compare equal.
local curves = setmetatable({}, { __mode = "k" })

local weight_places = { request = 1, block = 2, token = 3 }

local function curve_of(self, method)
  return curves[self] or options.wrong(method .. ": the analysis", self,
    ("what mt.analyze gave (analysis:%s)"):format(method))
end

local hit_ratio_fields = {
  { "size", kind = "number", min = 0 },
  { "weight", kind = "choice", choices = { "block", "request", "token" } },
}

--- Hit ratio of an LRU cache, exact at every size.
-- A block is a hit when it and every block before it in the request were touched within the last `size`
-- distinct blocks. Weighted by block: hits / blocks; by request: the mean over the requests of the share
-- of their blocks that hit; by token: tokens of the blocks that hit / tokens. nil where no request has
-- hash_ids.
---@param size number blocks; math.huge is an infinite cache
---@param weight? "block"|"request"|"token" default "block"
---@return number? ratio
function methods:hit_ratio(size, weight)
  local curve = curve_of(self, "hit_ratio")
  if weight == nil and math.type(size) == "integer" and size >= 0 then -- as charts ask, many times
    return (select(weight_places.block, curve:at(size)))
  end
  if size ~= math.huge then
    size = math.floor(options.value(size, "hit_ratio: the size", hit_ratio_fields[1]))
  end
  weight = options.value(weight or "block", "hit_ratio: the weight", hit_ratio_fields[2])
  local at = math.type(size) == "integer" and size or nil -- beyond 2^63 nothing changes any more
  return (select(weight_places[weight], curve:at(at)))
end

---@class moontide.analysis_plot_options
---@field file? string a picture's name: it ends in .png, .svg or .pdf, or in .gnuplot (what gnuplot is given)
---@field what? string[] hit_curve, sessions, think_time, reuse_time, dispersion

--- The hit ratio of an LRU cache drawn against its size; nil where no request has hash_ids. With `file` it is
--- drawn into that file.
---@param given? moontide.analysis_plot_options
---@return (moontide.picture|true)? done, string? message, string? code
function methods:plot(given)
  local opt = options.table("plot", given, file.options)
  if file.is_wanted(opt) then return file.plot(self, opt) end
  if not self.lru then return nil end
  return styles.picture(function(style) return show.hit_curve(self, style) end)
end

--- All of it as text for people, as `moontide analyze` prints it.
---@return string
function methods:report()
  return show.report(self, styles.current())
end

function metatable:__tostring()
  return show.metrics(self.metrics, show.rows, show.columns.far_statistics)
end

metatable.__json = analysis_json.analysis

-- --- analysing -------------------------------------------------------------------------------------

local fields = {
  { "block_size", kind = "integer", min = 1 },
  { "skip_bad_lines", kind = "boolean", default = false },
  { "caches_only", kind = "boolean", default = false },
  table.unpack(cache_options.analysis),
}

-- An analysis that has taken in its requests and has its figures yet to come, those of caches above all:
-- { result =, state =, curve =, found =, text = }, samples too where they are wanted. The state is to be
-- closed.

-- Takes in what is left in the source. With `samples`, requests may lack output_length, and the values of the
-- metrics are kept by name; with the seed of `halves`, two halves of the trace are analysed too.
local function begin(source, is_numbered, opt, text, samples, halves)
  local sized, size, kind = pipe.sized(source, opt.block_size, text, nil, nil, true)
  if not sized then return nil, size, kind end
  source = sized
  local state = core.analysis.new(size, opt.by)
  if samples or opt.caches_only then state:allow_no_output() end
  if halves then state:halve(size, halves) end
  local open
  local done, message, code = any.take(state, source, is_numbered, opt.skip_bad_lines, "analysed")
  if done then
    state:seal()
    open, message, code = analysis.opened(state, size, opt, text, samples)
  end
  if not open then
    state:close()
    return nil, message, code
  end
  open.result.skipped, open.result.first_skipped = state:skipped(source)
  return open
end

--- An analysis, as far as analysis.begun brings it, of a state of core that has taken in its requests.
---@param state userdata
---@param size integer tokens a block
---@param opt table
---@param text string the trace's name for messages
---@param samples boolean?
---@return table? open, string? message, string? code
function analysis.opened(state, size, opt, text, samples)
  local result, message, code = state:result()
  if not result then return nil, message, code end
  local open = { result = result, state = state, text = text }
  open.curve, open.found, code = figures.begin(result, state, opt)
  if not open.curve then return nil, open.found, code end
  curves[result] = open.curve
  result.block_size, result.caches_only, result.skipped = size, opt.caches_only or nil, 0
  if samples then
    open.samples, message, code = samples_of.take(state, opt)
    if not open.samples then return nil, message, code end
  end
  return open
end

--- The analysis, with all of its figures. The state stays open.
---@param open table what analysis.begun gave
---@param opt table block_size, cache_sizes, ...
---@return moontide.analysis? result, string? message, string? code
function analysis.finished(open, opt)
  local result = open.result
  local done, message, code = figures.finish(result, open.state, opt, open.curve, open.found)
  if not done then return nil, code == "input" and ("%s: %s"):format(open.text, message) or message, code end
  return setmetatable(result, metatable)
end

--- The hit curve of an analysis, as core gives it.
---@param result moontide.analysis
---@return userdata
function analysis.curve(result)
  return curves[result]
end

--- For comparing: takes in a trace, in which output_length may be missing, and samples of it.
---@param trace moontide.trace
---@param opt table block_size, skip_bad_lines, hit_rule, service
---@param what string the trace's name for messages
---@param halves? integer a seed: two halves of the trace too, state:half(1) and (2)
---@return table? open for analysis.finished; its state is to be closed
---@return string? message, string? code
function analysis.begun(trace, opt, what, halves)
  local text = pipe.text_of(trace, what)
  return any.read(trace, what, opt.skip_bad_lines, function(source, is_numbered)
    return begin(source, is_numbered, opt, text, true, halves)
  end)
end

-- An analysis of whatever a trace can be; raises when it is none.
local function analyse_trace(trace, opt, what, samples)
  local text = pipe.text_of(trace, what)
  return any.read(trace, what, opt.skip_bad_lines, function(source, is_numbered)
    local open, message, code = begin(source, is_numbered, opt, text, samples ~= nil)
    if not open then return nil, message, code end
    local _ <close> = open.state
    for name, values in pairs(open.samples or {}) do samples[name] = values end
    return analysis.finished(open, opt)
  end)
end

--- An analysis of a trace in which output_length may be missing, and beside it the samples that
--- analysis.begun takes.
---@param trace moontide.trace
---@param opt table block_size, skip_bad_lines, cache_sizes
---@param what string the trace's name for messages
---@return moontide.analysis? result, table|string samples, string? code
function analysis.sampled(trace, opt, what)
  local samples = {}
  local result, message, code = analyse_trace(trace, opt, what, samples)
  if not result then return nil, message, code end
  return result, samples
end

---@class moontide.analyze_options
---@field block_size? integer tokens a block; else found, 512 where that fits
---@field skip_bad_lines? boolean pass over them, and count them
---@field caches_only? boolean only figures of caches: requests need no output_length
---@field cache_sizes? any[] sizes of caches: blocks (1000), tokens ("2Mtokens") or bytes ("80GB"); default:
--- where the curve of LRU bends
---@field bytes_per_token? number|string what a token takes in a cache ("160KB"), for sizes in bytes
---@field policy? string[] what caches forget, for `hits`: lru, fifo, clock, sieve, s3-fifo, lfu, random,
--- optimum (the most that any cache can hit); default: lru
---@field sample? number of clock: play this part of the blocks (0.01), with standard
--- errors, at sizes of 1000 of them and more; all others are played whole; not with tiers and replicas
---@field touch? "root"|"leaf" a request touches its blocks from the first on, or from the last; default: root
---@field hit_rule? "all"|"vllm" what counts as a hit: all, or all but the last block of a prompt
---@field ttl? any[] ages, seconds or texts ("5m"), at which a cache without limit forgets a block, for `ttl`
---@field by? string a member of the requests ("model"), by whose values hit ratios are given too
---@field tiers? any[] sizes of caches below one another (device, host, disk): what one evicts the next keeps
---@field replicas? integer servers, each with a cache of each of the sizes
---@field route? "round-robin"|"session"|"prefix"|"least-loaded" how requests find their replica
---@field ttl_since? "use"|"write" a block's age counts from its last use, or from when it was computed

--- Analyses a trace: lengths, contexts shared with other requests, hit ratios of caches of every size,
--- reuse, sessions, arrivals.
-- A (position, id) pair that occurs in several places of the trace is repeated. A request's context is
-- its repeated pairs in tokens (its whole input when all are), the rest is its unique prompt. Its
-- theoretical hit rate is the share of leading ids that earlier requests had. The result prints as a table
-- of these; result:report() is all there is. Caches see the requests in the trace's order.
---@param trace moontide.trace a path, columns, a pipe, what is left in a reader, a workload, ...
---@param given? moontide.analyze_options
---@return moontide.analysis? result, string? message, string? code
function analysis.analyze(trace, given)
  local opt = options.table("analyze", given, fields)
  local wrong = cache_options.check(opt, function(name) return name end)
  if wrong then core.base.raise("analyze: " .. wrong) end
  return analyse_trace(trace, opt, "analyze: the trace")
end

--- mt.analyze of a trace that a profile of core watches: it takes the requests in.
---@param trace moontide.trace
---@param given moontide.analyze_options
---@param state userdata
---@return moontide.analysis? result, string? message, string? code
function analysis.watched(trace, given, state)
  local opt = options.table("analyze", given, fields)
  local watched = pipe.watched(any.pipe(trace, "analyze: the trace", opt.skip_bad_lines), state)
  return analyse_trace(watched, opt, "analyze: the trace")
end

---@class moontide
local public = { analyze = analysis.analyze }
analysis.public = public
analysis.methods = { { "analysis", methods } }

return analysis
