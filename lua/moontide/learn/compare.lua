--- Two traces side by side, for mt.compare.
local any = require "moontide.trace.any"
local absent = require "moontide.learn.compare_absent"
local analysis = require "moontide.learn.analysis"
local cache_options = require "moontide.learn.cache_options"
local core = require "moontide.core"
local figures = require "moontide.learn.analysis_figures"
local groups = require "moontide.learn.compare_groups"
local json = require("moontide.base.json").public.json
local lists = require "moontide.kit.lists"
local measure = require "moontide.learn.compare_measure"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"

local compare = {}

-- --- the result ------------------------------------------------------------------------------------

---@class moontide.number_pair
---@field [1] number of the first trace
---@field [2] number of the second

---@class moontide.metric_pair
---@field ks number? Kolmogorov-Smirnov distance, of input_length, output_length and context_length
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
---@field dispersion? number the largest difference of variance over mean, in parts of the first trace's;
--- also dispersion.WINDOW
---@field ttl? number the largest difference of the hit ratios by age; also ttl.SECONDS
---@field fifo? number and so of every policy: the largest difference of its hit ratios; also fifo.SIZE

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
---@field hits table<string, table<integer, moontide.number_pair>>? hit ratio by block, by policy and size,
--- where policies were asked for
---@field ttl table<number, moontide.number_pair>? hit ratio by block of a cache without limit that forgets
--- blocks at an age in seconds, where ages were asked for
---@field reuse_time table<string, moontide.number_pair>? seconds: mean, median, ...
---@field sessions table<string, moontide.number_pair>? count, single
---@field turns table<string, moontide.number_pair>? of a session: mean, median, ...
---@field think_time table<string, moontide.number_pair>? seconds: mean, median, ...
---@field rate table<string, moontide.number_pair>? requests per second: mean, peak,
--- coefficient_of_variation, counted in windows of a second
---@field dispersion table<integer, moontide.number_pair>? variance over mean of the requests per window of 1,
--- 10, 60 and 300 s; those that a trace is too short for are absent
---@field by moontide.group_pair[]? by the values of a member, where one was asked for
---@field by_name string? that member
local methods = {}
local metatable = { __name = "moontide.comparison", __index = methods }

-- Both values, or nil when one is missing.
local function pair(a, b)
  return a ~= nil and b ~= nil and { a, b } or nil
end

-- The named fields of two tables, as pairs; nil when there is not one.
local function pairs_of(a, b, names)
  if not a or not b then return nil end
  local both = {}
  for _, name in ipairs(names) do both[name] = pair(a[name], b[name]) end
  return next(both) and both or nil
end

local statistics = { "mean", "std", "min", "p25", "median", "p75", "max" }
local quantiles = { "mean", "min", "p10", "p25", "median", "p75", "p90", "p99", "max" }
local metrics = { "input_length", "output_length", "context_length", "unique_prompt_length",
  "theoretical_hit_rate" }
local rates = { "mean", "peak", "coefficient_of_variation" }

--- The hit ratios of an LRU cache of any size, by block: { of the first trace, of the second }, exact; nil
--- where one of them has no hash_ids.
---@param size number blocks
---@return moontide.number_pair?
function methods:hit_ratios(size)
  return pair(self.analyses[1]:hit_ratio(size), self.analyses[2]:hit_ratio(size))
end

--- Which bounds are exceeded: comparison:exceeded{ ks = 0.02, lru = 0.015 }.
-- A bound is the most that a measure may be: `ks` (the largest distance of the lengths), `input_length.ks`
-- and the like, `hit_infinite`, `lru` (the largest difference over the cache sizes), `lru.1000`,
-- `dispersion` (the largest difference over the windows, in parts of the first trace's), `dispersion.60`;
-- `ttl`, `ttl.30` and `fifo`, `fifo.1000` where ages and policies were compared.
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

-- --- JSON ------------------------------------------------------------------------------------------

local function whole(value)
  return math.tointeger(value) or value
end

local function json_pair(both)
  return both and { whole(both[1]), whole(both[2]) }
end

-- The members that there are, in this order; `before` comes first.
local function json_pairs(both, names, before)
  if not both then return nil end
  local members = { before }
  for _, name in ipairs(names) do
    if both[name] then members[#members + 1] = { tostring(name), json_pair(both[name]) } end
  end
  return json.object(members)
end

local function ascending_keys(of)
  return lists.ascending(lists.sorted_keys(of))
end

local function json_hits(self)
  if not self.hits then return nil end
  local members = {}
  for i, policy in ipairs(self.policies) do
    members[i] = { policy, json_pairs(self.hits[policy], ascending_keys(self.hits[policy])) }
  end
  return json.object(members)
end

-- How far apart they are by each measure; infinite is null.
local function json_differences(self)
  local members = {}
  for _, name in ipairs { "ks", "hit_infinite", "lru", "dispersion" } do
    local value = measure.value(self, name)
    if value == math.huge then value = json.null end
    if value ~= nil then members[#members + 1] = { name, value == json.null and value or whole(value) } end
  end
  return json.object(members)
end

function metatable:__json()
  local members = { { "traces", self.traces } }
  local function add(name, value)
    if value ~= nil then members[#members + 1] = { name, value } end
  end
  for _, name in ipairs { "requests", "blocks", "distinct_blocks" } do add(name, json_pair(self[name])) end
  for _, name in ipairs(metrics) do
    local metric = self[name]
    add(name, json_pairs(metric, statistics, metric and metric.ks and { "ks", whole(metric.ks) } or nil))
  end
  for _, name in ipairs { "hit_infinite", "hit_infinite_request", "hit_infinite_token" } do
    add(name, json_pair(self[name]))
  end
  add("lru", json_pairs(self.lru, self.cache_sizes))
  add("hits", json_hits(self))
  add("ttl", self.ttl and json_pairs(self.ttl, ascending_keys(self.ttl)))
  add("blocks_for_90_percent", json_pair(self.blocks_for_90_percent))
  add("reuse_time", json_pairs(self.reuse_time, quantiles))
  add("sessions", json_pairs(self.sessions, { "count", "single" }))
  add("turns", json_pairs(self.turns, quantiles))
  add("think_time", json_pairs(self.think_time, quantiles))
  add("rate", json_pairs(self.rate, rates))
  add("dispersion", json_pairs(self.dispersion, measure.windows))
  add("by", self.by and groups.json(self.by))
  add("differences", json_differences(self))
  return json.object(members)
end

-- --- comparing -------------------------------------------------------------------------------------

local function compare_lengths(self, a, b, samples)
  for _, name in ipairs(metrics) do
    self[name] = pairs_of(a.metrics[name], b.metrics[name], statistics)
  end
  for _, name in ipairs(measure.lengths) do
    if self[name] then self[name].ks = samples[1][name]:distance(samples[2][name]) end
  end
end

-- What was played: pairs of the ratios by block.
local function compare_played(a, b)
  local both = {}
  for key, played in pairs(a) do both[key] = pair(played.block, b[key] and b[key].block) end
  return both
end

-- Of policies and ages, where they were asked for.
local function compare_caches(self, a, b)
  if a.ttl and b.ttl then self.ttl = compare_played(a.ttl, b.ttl) end
  if not self.policies then return end
  self.hits = {}
  for _, policy in ipairs(self.policies) do
    self.hits[policy] = compare_played(a.hits[policy], b.hits[policy])
  end
end

local function compare_blocks(self, a, b, sizes)
  self.cache_sizes = {}
  if not a.hit_infinite or not b.hit_infinite then return end
  self.distinct_blocks = pair(a.distinct_blocks, b.distinct_blocks)
  self.hit_infinite = pair(a.hit_infinite.block, b.hit_infinite.block)
  self.hit_infinite_request = pair(a.hit_infinite.request, b.hit_infinite.request)
  self.hit_infinite_token = pair(a.hit_infinite.token, b.hit_infinite.token)
  self.blocks_for_90_percent = pair(a.blocks_for_90_percent, b.blocks_for_90_percent)
  sizes = sizes and lists.ascending(sizes)
    or figures.sizes(math.max(a.distinct_blocks, b.distinct_blocks), 200)
  self.cache_sizes = #sizes > 0 and sizes or { 1 }
  self.lru = {}
  for _, size in ipairs(self.cache_sizes) do self.lru[size] = self:hit_ratios(size) end
  compare_caches(self, a, b)
  self.reuse_time = pairs_of(a.reuse_time, b.reuse_time, quantiles)
end

local function compare_arrivals(self, a, b)
  if a.sessions and b.sessions then
    self.sessions = pairs_of(a.sessions, b.sessions, { "count", "single" })
    self.turns = pairs_of(a.sessions.turns, b.sessions.turns, quantiles)
    self.think_time = pairs_of(a.sessions.think_time, b.sessions.think_time, quantiles)
  end
  local dispersion = {}
  for _, window in ipairs(measure.windows) do
    local one, other = absent.arrivals(a, window), absent.arrivals(b, window)
    if window == 1 then self.rate = pairs_of(one, other, rates) end
    dispersion[window] = one and other and pair(one.variance_over_mean, other.variance_over_mean)
  end
  self.dispersion = next(dispersion) and dispersion or nil
end

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

local fields = {
  { "block_size", kind = "integer", min = 1 },
  { "cache_sizes", kind = "integer", min = 1, list = true },
  { "skip_bad_lines", kind = "boolean", default = false },
  { "policy", kind = "choice", list = true, choices = cache_options.names },
  { "ttl", kind = "duration", list = true, min = 0 },
  { "touch", kind = "choice", choices = { "root", "leaf" }, default = "root" },
  { "by", kind = "string" },
}

-- Fills in all figures of two analyses.
local function compared(self, samples, cache_sizes)
  setmetatable(self, metatable)
  local a, b = self.analyses[1], self.analyses[2]
  self.requests, self.blocks = pair(a.requests, b.requests), pair(a.blocks, b.blocks)
  compare_lengths(self, a, b, samples)
  compare_blocks(self, a, b, cache_sizes)
  compare_arrivals(self, a, b)
  return self
end

local function close(samples)
  for _, one in pairs(samples) do
    local _ <close> = one
  end
end

--- The same of two traces that are analysed already, with all of their samples (analysis.sampled): { name =,
--- analysis =, samples = } each.
---@param first table
---@param second table
---@return moontide.comparison
function compare.of_analyses(first, second)
  return compared({ traces = { first.name, second.name }, analyses = { first.analysis, second.analysis } },
    { first.samples, second.samples })
end

--- Compares two traces: lengths with their Kolmogorov-Smirnov distances, hit ratios, sessions, arrivals.
-- What one of the traces lacks (timestamps, hash_ids, output lengths) is absent from the comparison. It
-- prints as a table; comparison:exceeded{ ks = 0.02 } tells whether they are further apart than allowed.
---@param first moontide.trace a path, columns, a pipe, what is left in a reader, a workload, ...
---@param second moontide.trace
---@param given? moontide.compare_options
---@return moontide.comparison? comparison, string? message, string? code
function compare.compare(first, second, given)
  local opt = options.table("compare", given, fields)
  if opt.policy and not opt.cache_sizes then core.base.raise("compare: policy needs cache_sizes") end
  local self = { traces = {}, analyses = {}, policies = opt.policy and cache_options.once(opt.policy) }
  local samples, watches = {}, {}
  self.by_name, opt.by = opt.by, nil
  for i, ordinal in ipairs { "first", "second" } do
    local trace, what = i == 1 and first or second, ("compare: the %s trace"):format(ordinal)
    local name, watched = name_of(trace, ordinal), trace
    if self.by_name then
      watches[i] = groups.open(self.by_name)
      watched = pipe.watched(any.pipe(trace, what, opt.skip_bad_lines), watches[i])
    end
    local one, values, code = analysis.sampled(watched, opt, what)
    if not one then return nil, failure_text(trace, name, values), code end
    self.traces[i], self.analyses[i], samples[i] = name, one, values
  end
  compared(self, samples, opt.cache_sizes)
  if self.by_name then self.by = groups.of(self.by_name, watches[1], watches[2]) end
  close(samples[1])
  close(samples[2])
  return self
end

---@class moontide
local public = {} -- mt.compare is in drive/compare.lua, which knows runs too
compare.public = public
compare.methods = { { "comparison", methods } }

return compare
