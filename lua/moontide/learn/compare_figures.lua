--- The figures of two analysed traces as pairs, for a comparison (its fields are described in
-- learn/compare.lua). What one of the two lacks is absent.
local absent = require "moontide.learn.compare_absent"
local measure = require "moontide.learn.compare_measure"

local figures = {
  --- Names of figures, in the order in which they are told.
  statistics = { "mean", "std", "min", "p25", "median", "p75", "max" },
  quantiles = { "mean", "min", "p10", "p25", "median", "p75", "p90", "p99", "max" },
  metrics = { "input_length", "output_length", "context_length", "unique_prompt_length",
    "theoretical_hit_rate" },
  rates = { "mean", "peak", "coefficient_of_variation" },
}

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

local function add_lengths(self, a, b, samples)
  for _, name in ipairs(figures.metrics) do
    self[name] = pairs_of(a.metrics[name], b.metrics[name], figures.statistics)
  end
  for _, name in ipairs(measure.lengths) do
    if self[name] then self[name].ks = samples[1][name]:distance(samples[2][name]) end
  end
end

-- Of policies and ages, where they were played: pairs of the ratios by block.
local function add_played(self, a, b)
  if a.ttl and b.ttl then
    self.ttl = {}
    for age, played in pairs(a.ttl) do self.ttl[age] = pair(played.block, b.ttl[age].block) end
  end
  self.hits = {}
  for _, policy in ipairs(self.policies) do
    local of = {}
    for _, size in ipairs(self.cache_sizes) do
      local played = measure.size_of(self, size)
      of[size] = pair(a.hits[policy][played].block, b.hits[policy][played].block)
    end
    self.hits[policy] = of
  end
end

local function add_blocks(self, a, b)
  if not a.hit_infinite or not b.hit_infinite then return end
  self.distinct_blocks = pair(a.distinct_blocks, b.distinct_blocks)
  self.hit_infinite = pair(a.hit_infinite.block, b.hit_infinite.block)
  self.hit_infinite_request = pair(a.hit_infinite.request, b.hit_infinite.request)
  self.hit_infinite_token = pair(a.hit_infinite.token, b.hit_infinite.token)
  self.blocks_for_90_percent = pair(a.blocks_for_90_percent, b.blocks_for_90_percent)
  self.lru = {}
  for _, size in ipairs(self.cache_sizes) do self.lru[size] = measure.hit_ratios(self, size) end
  add_played(self, a, b)
  self.reuse_time = pairs_of(a.reuse_time, b.reuse_time, figures.quantiles)
end

-- Prompts' first blocks, and hits in each tenth of the requests.
local function add_course(self, one, other)
  if self.hit_infinite then
    self.roots = pair(one.roots, other.roots)
    self.root_share = pair(one.root_share, other.root_share)
    local tenths = {}
    for i in ipairs(measure.tenths) do tenths[i] = pair(one.tenths[i], other.tenths[i]) end
    self.tenths = #tenths == #measure.tenths and tenths or nil
  end
  if one.turns > 0 and other.turns > 0 then
    self.early = pair(one.early / one.turns, other.early / other.turns)
  end
  for _, name in ipairs { "input_tokens", "output_tokens" } do
    self[name] = pairs_of(one[name], other[name], measure.token_windows)
  end
end

local function add_sessions(self, a, b, samples)
  if not a.sessions or not b.sessions then return end
  self.sessions = pairs_of(a.sessions, b.sessions, { "count", "single" })
  for _, name in ipairs { "turns", "think_time" } do
    self[name] = pairs_of(a.sessions[name], b.sessions[name], figures.quantiles)
    if self[name] then self[name].ks = samples[1][name]:distance(samples[2][name]) end
  end
end

local function add_arrivals(self, a, b)
  local dispersion = {}
  for _, window in ipairs(measure.windows) do
    local one, other = absent.arrivals(a, window), absent.arrivals(b, window)
    if window == 1 then self.rate = pairs_of(one, other, figures.rates) end
    dispersion[window] = one and other and pair(one.variance_over_mean, other.variance_over_mean)
  end
  self.dispersion = next(dispersion) and dispersion or nil
end

--- All figures of two traces, { name =, analysis =, samples = } each (analysis.begun and finished).
---@param first table
---@param second table
---@param settings table cache_sizes; policy, as they were played
---@param parts? integer the traces are so many parts of one, and caches stand for larger ones
---@return table comparison without its methods
function figures.of(first, second, settings, parts)
  local a, b = first.analysis, second.analysis
  local samples = { first.samples, second.samples }
  local self = {
    traces = { first.name, second.name }, analyses = { a, b }, parts = parts,
    courses = { samples[1].course, samples[2].course },
    policies = settings.policy, cache_sizes = settings.cache_sizes,
    requests = pair(a.requests, b.requests), blocks = pair(a.blocks, b.blocks),
  }
  add_lengths(self, a, b, samples)
  add_blocks(self, a, b)
  add_course(self, self.courses[1], self.courses[2])
  add_sessions(self, a, b, samples)
  add_arrivals(self, a, b)
  return self
end

return figures
