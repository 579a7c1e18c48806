--- Two traces side by side, for mt.compare.
local any = require "moontide.trace.any"
local analysis = require "moontide.learn.analysis"
local analysis_samples = require "moontide.learn.analysis_samples"
local cache_options = require "moontide.learn.cache_options"
local caches = require "moontide.learn.analysis_caches"
local core = require "moontide.core"
local figures = require "moontide.learn.compare_figures"
local groups = require "moontide.learn.compare_groups"
local kinds = require "moontide.kit.kinds"
local lists = require "moontide.kit.lists"
local measure = require "moontide.learn.compare_measure"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
require "moontide.learn.profile" -- the kind of option `service`
local report = require "moontide.kit.report"
local yardstick = require "moontide.learn.compare_yardstick"

local compare = {}

-- --- the result ------------------------------------------------------------------------------------

---@class moontide.number_pair
---@field [1] number of the first trace
---@field [2] number of the second

---@class moontide.metric_pair
---@field ks number? Kolmogorov-Smirnov distance, of input_length, output_length, context_length
---@field mean moontide.number_pair
---@field std moontide.number_pair
---@field min moontide.number_pair
---@field p25 moontide.number_pair
---@field median moontide.number_pair
---@field p75 moontide.number_pair
---@field max moontide.number_pair

---@class moontide.bounds
---@field ks? number the largest distance of the lengths; also input_length.ks, output_length.ks,
--- context_length.ks
---@field hit_infinite? number the difference of the hit ratios of an infinite cache
---@field lru? number the largest difference of the hit ratios of an LRU cache; also lru.SIZE
---@field fifo? number and so of every policy: the largest difference of its hit ratios; also fifo.SIZE
---@field ttl? number the largest difference of the hit ratios by age; also ttl.SECONDS
---@field tenths? number the largest difference of the hit ratios of an infinite cache in a tenth of the
--- requests; also tenths.N
---@field roots? number the difference of the number of blocks that prompts begin with, in parts of the first
--- trace's; so are `sessions`, `turns` (the mean of a session) and `think_time` (the median)
---@field root_share? number the difference of the shares of requests that begin with the commonest
---@field ["turns.ks"]? number the distance of the turns of all sessions; also think_time.ks
---@field early? number how much more the second has of turns before the answer they continue: a share
---@field dispersion? number the largest difference of variance over mean, in parts of the first trace's;
--- also dispersion.WINDOW
---@field input_tokens? number the largest difference of the variation of tokens per window, so; also
--- input_tokens.WINDOW, output_tokens, output_tokens.WINDOW

---@class moontide.comparison
---@field traces { [1]: string, [2]: string } what they are called
---@field analyses { [1]: moontide.analysis, [2]: moontide.analysis }
---@field requests moontide.number_pair
---@field blocks moontide.number_pair
---@field distinct_blocks moontide.number_pair? absent, like all that follows, where one of the traces has
--- nothing to say of it
---@field input_length moontide.metric_pair
---@field output_length moontide.metric_pair?
---@field context_length moontide.metric_pair?
---@field unique_prompt_length moontide.metric_pair?
---@field theoretical_hit_rate moontide.metric_pair?
---@field hit_infinite moontide.number_pair? hit ratio of an infinite cache, by block
---@field hit_infinite_request moontide.number_pair? the same, by request
---@field hit_infinite_token moontide.number_pair? by token
---@field blocks_for_90_percent moontide.number_pair?
---@field cache_sizes integer[] the sizes of `lru`, going up
---@field lru table<integer, moontide.number_pair>? hit ratio by block of an LRU cache of so many blocks
---@field hits table<string, table<integer, moontide.number_pair>>? hit ratio by block, by policy and size
---@field ttl table<number, moontide.number_pair>? hit ratio by block of a cache without limit that forgets
--- blocks at an age in seconds; absent where timestamps are missing or go back
---@field tenths moontide.number_pair[]? hit ratio by block of an infinite cache in each tenth of the requests
--- that have hash_ids, where both have ten
---@field roots moontide.number_pair? blocks that prompts begin with
---@field root_share moontide.number_pair? share of the requests with hash_ids that begin with the commonest
---@field reuse_time table<string, moontide.number_pair>? seconds: mean, median, ...
---@field sessions table<string, moontide.number_pair>? count, single
---@field turns table<string, moontide.number_pair|number>? of a session: mean, median, ...; ks
---@field think_time table<string, moontide.number_pair|number>? seconds: mean, median, ...; ks
---@field early moontide.number_pair? share of the turns that come before the answer they continue could have
--- ended, by `service`
---@field service { ttft: number, per_token: number } seconds: an answer ends no sooner
---@field rate table<string, moontide.number_pair>? requests per second: mean, peak,
--- coefficient_of_variation, counted in windows of a second
---@field dispersion table<integer, moontide.number_pair>? variance over mean of the requests per window of 1,
--- 10, 60 and 300 s; those that a trace is too short for are absent
---@field input_tokens table<integer, moontide.number_pair>? coefficient of variation of the input tokens per
--- window of 10, 60 and 300 s; output_tokens alike
---@field by moontide.group_pair[]? by the values of a member, where one was asked for
---@field by_name string? that member
---@field chance moontide.chance? what chance makes of the same measures
local methods = {}
local metatable = { __name = "moontide.comparison", __index = methods }

--- The hit ratios of an LRU cache of any size, by block: { of the first trace, of the second }, exact; nil
--- where one of them has no hash_ids.
---@param size number blocks
---@return moontide.number_pair?
function methods:hit_ratios(size)
  return measure.hit_ratios(self, size)
end

--- Which bounds are exceeded: comparison:exceeded{ ks = 0.02, lru = 0.015 }.
-- A bound is the most that a measure may be: `ks` (the largest distance of the lengths), `input_length.ks`
-- and the like, `hit_infinite`, `lru` (the largest difference over the cache sizes), `lru.1000`, `fifo`,
-- `ttl.30`, `tenths`, `roots`, `sessions`, `turns`, `think_time`, `early`, `dispersion.60`, `input_tokens`
-- and the others of moontide.bounds. A bound on one of several (`lru.1000`) takes it out of the largest of
-- all (`lru`).
-- Gives a list of { measure =, value =, bound =, detail = }, empty when all are kept; nil and a message when
-- a trace lacks what a measure needs.
---@param bounds moontide.bounds
---@return table[]? exceeded, string? message, string? code
function methods:exceeded(bounds)
  if type(bounds) ~= "table" or getmetatable(bounds) then
    options.wrong("exceeded: the argument", bounds, "a table of bounds")
  end
  local list = {}
  for name, most in pairs(bounds) do
    if type(name) ~= "string" then options.wrong("exceeded: a measure", name, "a name") end
    list[#list + 1] = measure.bound(name, most, "exceeded")
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  local exceeded, missing = measure.check(self, list)
  if #missing > 0 then return nil, table.concat(missing, "; "), "input" end
  return exceeded
end

function metatable:__tostring()
  return require("moontide.learn.compare_text").of(self)
end

metatable.__json = function(self)
  return require("moontide.learn.compare_json").of(self)
end

-- --- comparing -------------------------------------------------------------------------------------

-- What a trace is called.
local function name_of(trace, ordinal)
  if trace == "-" then return "standard input" end
  if options.type_of(trace) == "moontide.pipe" then return trace.text end
  return type(trace) == "string" and trace or ("the %s trace"):format(ordinal)
end

-- Of these a failure's message does not say which they are.
local nameless = { ["moontide.columns"] = 1, ["moontide.workload"] = 1, ["moontide.synthesizer"] = 1 }

local function failure_text(trace, name, message)
  return nameless[options.type_of(trace)] and name .. ": " .. message or message
end

-- The measured times of a run are no folder's: those are the command's to look up.
local function service_times(value, what, option)
  local times = kinds.by_name.service.convert(value, what, option)
  if times.run then options.wrong(what, value, "ttft=TIME,per_token=TIME or a run that was driven") end
  return times
end

options.kinds.service_times = { convert = service_times, placeholder = "TIMES" }

local fields = {
  { "block_size", kind = "integer", min = 1 },
  { "cache_sizes", kind = "integer", min = 1, list = true },
  { "skip_bad_lines", kind = "boolean", default = false },
  { "policy", kind = "choice", list = true, choices = cache_options.names },
  { "ttl", kind = "duration", list = true, min = 0 },
  { "touch", kind = "choice", choices = { "root", "leaf" }, default = "root" },
  { "service", kind = "service_times" },
  { "chance", kind = "choice", choices = { "halves", "none" } },
  { "seed", kind = "seed", default = 0 },
  { "by", kind = "string" },
}

-- Takes in the trace of that place; of the first two, also by the values of a member where one is asked for.
local function begin(trace, place, ordinal, opt, halves)
  local name, what = name_of(trace, ordinal), ("compare: the %s trace"):format(ordinal)
  local watched, watch = trace, nil
  if opt.by_name and place <= 2 then
    watch = groups.open(opt.by_name)
    -- A plan's own requests have the names of their streams and classes only when they are asked for.
    if options.type_of(trace) == "moontide.workload" then trace = trace:pipe { tags = true } end
    watched = pipe.watched(any.pipe(trace, what, opt.skip_bad_lines), watch)
  end
  local open, message, code = analysis.begun(watched, opt, what, halves)
  if not open then return nil, failure_text(trace, name, message), code end
  open.name, open.place, open.watch = name, place, watch
  return open
end

-- Sizes where one of two hit curves bends.
local function sizes_of(analyses)
  local curves, most = {}, 0
  for i, one in ipairs(analyses) do
    if one.blocks == 0 then return { 1 } end
    curves[i], most = analysis.curve(one), math.max(most, one.distinct_blocks)
  end
  return curves[1]:bends(most, table.unpack(curves, 2))
end

-- What both traces are played with.
local function playing(opt, opens)
  local results, is_timed = {}, true
  for i, open in ipairs(opens) do
    results[i] = open.result
    is_timed = is_timed and not caches.wrong_times(open.result, open.found)
  end
  return {
    touch = opt.touch, without_stretches = true, policy = cache_options.once(opt.policy or { "fifo" }),
    ttl = opt.ttl or is_timed and yardstick.ages or nil,
    cache_sizes = opt.cache_sizes and lists.ascending(opt.cache_sizes) or sizes_of(results),
  }
end

local function finish(opens, settings)
  for _, open in ipairs(opens) do
    local result, message, code = analysis.finished(open, settings)
    if not result then return nil, message, code end
    open.analysis = result
  end
  return true
end

local function new(first, second, settings, service)
  local self = figures.of(first, second, settings)
  self.service = service or analysis_samples.service
  return setmetatable(self, metatable)
end

-- Hit ratios of caches of as many blocks are those of unlike caches where blocks are.
local function warn_of_block_sizes(first, second)
  local sizes = { first.result.block_size, second.result.block_size }
  if sizes[1] == sizes[2] or first.result.blocks == 0 or second.result.blocks == 0 then return end
  local small, large = math.min(sizes[1], sizes[2]), math.max(sizes[1], sizes[2])
  local remedy = large % small == 0
    and (" (moontide cat --reblock %d makes the small ones as large)"):format(large) or ""
  report.warning(("%s has blocks of %d tokens and %s of %d: contexts and hit ratios are counted in them, and "
    .. "a cache of as many blocks is not as large%s"):format(first.name, sizes[1], second.name, sizes[2],
    remedy))
end

-- The comparison of what has been taken in: the first two, and chance by the others, or by halves of the
-- first.
local function compared(opens, opt)
  warn_of_block_sizes(opens[1], opens[2])
  local settings = playing(opt, { opens[1], opens[2] })
  local done, message, code = finish({ opens[1], opens[2] }, settings)
  if not done then return nil, message, code end
  local self = new(opens[1], opens[2], settings, opt.service)
  if opt.by_name then
    self.by_name, self.by = opt.by_name, groups.of(opt.by_name, opens[1].watch, opens[2].watch)
    if #self.by == 1 and self.by[1].value == "" then
      return nil, ("no request of %s or %s has %s (--by)"):format(opens[1].name, opens[2].name,
        opt.by_name), "input"
    end
  end
  if #opens > 2 then
    self.chance, message, code = yardstick.of_others(opens, settings, finish)
  elseif opt.chance ~= "none" then
    self.chance, message, code = yardstick.of_halves(opens[1], settings, opt)
  end
  if message then return nil, message, code end
  return self
end

local ordinals = { "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth" }

--- Compares two traces: lengths with their Kolmogorov-Smirnov distances, hit ratios, sessions, arrivals.
-- What one of the traces lacks (timestamps, hash_ids, output lengths) is absent from the comparison. It
-- prints as a table; comparison:exceeded{ ks = 0.02 } tells whether they are further apart than allowed.
-- Both are held in memory at the same time.
---@param traces moontide.trace[] two, as table.pack gives them; further ones, made as the second was
--- with other seeds, say what chance is
---@param given? moontide.compare_options
---@return moontide.comparison? comparison, string? message, string? code
function compare.compare(traces, given)
  local opt = options.table("compare", given, fields)
  opt.by_name, opt.by = opt.by, nil -- the analysis has no groups of its own
  local count = math.max(2, traces.n or #traces)
  if opt.chance and count > 2 then
    core.base.raise("compare: chance is of two traces; further ones are the yardstick")
  end
  local opens <close> = setmetatable({}, { __close = function(self)
    for _, open in ipairs(self) do open.state:close() end
  end })
  for i = 1, count do
    local halves = i == 1 and count == 2 and opt.chance ~= "none" and opt.seed or nil
    local message, code
    opens[i], message, code = begin(traces[i], i, ordinals[i] or "next", opt, halves)
    if not opens[i] then return nil, message, code end
  end
  return compared(opens, opt)
end

---@class moontide
local public = {} -- mt.compare is in study/compare.lua, which knows runs too
compare.public = public
compare.methods = { { "comparison", methods } }

return compare
