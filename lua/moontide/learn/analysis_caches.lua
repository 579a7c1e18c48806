--- The figures of an analysis that need a cache: hit ratios by policy and size, and by age. As fields of the
-- result that learn/analysis.lua describes.
local cache_options = require "moontide.learn.cache_options"
local lists = require "moontide.kit.lists"
local text = require "moontide.kit.text"

local caches = {}

local nanoseconds = 1000000000

-- --- playing ---------------------------------------------------------------------------------------

-- A size is sampled where the sample's cache holds so many blocks.
local least_sampled = 1000

-- Moves the hit ratios over time of a cache to the stretches of the result.
local function spread_over_time(result, policy, size, played)
  for i, ratio in ipairs(played.over_time or {}) do
    local bin = result.over_time[i]
    bin.hits = bin.hits or {}
    bin.hits[policy] = bin.hits[policy] or {}
    bin.hits[policy][size] = ratio or nil
  end
  played.over_time = nil
end

-- Of LRU at each size, where nothing beside the ratios is wanted: in one pass for all that go at once.
local function play_lru(state, opt, sizes)
  local hits, at_once = {}, 64
  for first = 1, #sizes, at_once do
    local some = table.move(sizes, first, math.min(first + at_once - 1, #sizes), 1, {})
    for i, played in ipairs(state:play_lru(some, { touch = opt.touch, hit_rule = opt.hit_rule })) do
      hits[some[i]] = played
    end
  end
  return hits
end

-- The sample that policies are played on at some of the sizes; nil where none is, and on failure.
local function open_sample(state, opt, policies, sizes)
  if not opt.sample or sizes[#sizes] * opt.sample < least_sampled then return nil end
  for _, policy in ipairs(policies) do
    if cache_options.is_sampled[policy] then return state:block_sample(opt.sample, 0) end
  end
end

-- Of each policy at each size; over time too where policies or sizes were asked for. Size by size: a sample
-- keeps what policies have in common at the last one.
local function play_policies(result, state, opt, sizes, stretches)
  local hits, policies = {}, cache_options.once(opt.policy or { "lru" })
  local sample, message, code = open_sample(state, opt, policies, sizes)
  if message then return nil, message, code end
  local sampled <close> = sample
  for _, policy in ipairs(policies) do
    local is_read = policy == "lru" and not stretches and not opt.by
    hits[policy] = is_read and play_lru(state, opt, sizes) or {}
  end
  for _, size in ipairs(sizes) do
    local is_large = sampled and size * opt.sample >= least_sampled
    for _, policy in ipairs(policies) do
      if hits[policy][size] then goto next_policy end
      local from = is_large and cache_options.is_sampled[policy] and sampled or state
      local played
      played, message, code = from:play({
        policy = policy, size = size, touch = opt.touch, hit_rule = opt.hit_rule,
      }, table.unpack(stretches or {}))
      if not played then return nil, message, code end
      spread_over_time(result, policy, size, played)
      hits[policy][size] = played
      ::next_policy::
    end
  end
  return hits
end

--- Why blocks have no ages, or nil: that takes to know when each request came.
---@param result table
---@param found table what the state says of locality
---@return string?
function caches.wrong_times(result, found)
  if found.timed < result.requests then
    return ("ages need timestamps, which %d of %s"):format(result.requests - found.timed,
      result.requests == 1 and "1 request lacks" or result.requests .. " requests lack")
  end
  if found.backward > 0 then
    return ("ages need timestamps in order, and those of %s go back "
      .. "('moontide cat --sort' puts them in order)")
      :format(text.count(found.backward, "request"))
  end
end

local function play_ages(result, state, opt, found)
  local wrong = caches.wrong_times(result, found)
  if wrong then return nil, wrong, "input" end
  local ages = {}
  for _, age in ipairs(lists.ascending(opt.ttl)) do
    local in_ns = age < 9e9 and math.tointeger(math.floor(age * nanoseconds + 0.5)) or nil
    local played, message, code = state:play {
      ttl_ns = in_ns, ttl_since = opt.ttl_since, hit_rule = opt.hit_rule,
    }
    if not played then return nil, message, code end
    ages[math.tointeger(age) or age] = played
  end
  return ages
end

-- On servers, by policy: what `of` makes of a function that plays one more on what it is given.
local function play_on_servers(state, opt, of)
  local by_policy = {}
  for _, policy in ipairs(cache_options.played_online(opt.policy or { "lru" })) do
    local figures, message, code = of(function(servers)
      servers.policy, servers.touch, servers.hit_rule = policy, opt.touch, opt.hit_rule
      return state:play_replicas(servers)
    end)
    if not figures then return nil, message, code end
    by_policy[policy] = figures
  end
  return by_policy
end

-- In tiers, by policy.
local function play_tiers(state, opt, tiers)
  return play_on_servers(state, opt, function(play) return play { tiers = tiers } end)
end

-- On replicas, by policy, by the cache of each (its size, or the sizes of its tiers) and by their number.
local function play_replicas(state, opt, sizes, tiers)
  return play_on_servers(state, opt, function(play)
    local by_cache = {}
    for _, size in ipairs(tiers and { table.concat(tiers, ",") } or sizes) do
      by_cache[size] = {}
      for _, count in ipairs(lists.ascending(opt.replicas)) do
        local played, message, code = play {
          replicas = count, route = opt.route, size = not tiers and size or nil, tiers = tiers,
        }
        if not played then return nil, message, code end
        by_cache[size][count] = played
      end
    end
    return by_cache
  end)
end

-- What was asked for beside policies: ages, tiers, replicas.
local function add_further(result, state, opt, found, sizes)
  local tiers, message, code
  if opt.ttl then
    result.ttl_since = opt.ttl_since
    result.ttl, message, code = play_ages(result, state, opt, found)
    if not result.ttl then return nil, message, code end
  end
  if opt.tiers then
    tiers, message, code = cache_options.blocks(opt.tiers, result.block_size, opt.bytes_per_token)
    if not tiers then return nil, message, code end
  end
  if opt.replicas then
    result.route = opt.route or "round-robin"
    result.replicas, message, code = play_replicas(state, opt, sizes, tiers)
    if not result.replicas then return nil, message, code end
  elseif tiers then
    result.tiers, message, code = play_tiers(state, opt, tiers)
    if not result.tiers then return nil, message, code end
  end
  return true
end

-- Why the requests cannot be grouped by that member, or nil: none has it.
local function wrong_groups(hits, by)
  for _, sizes in pairs(by and hits or {}) do
    for _, played in pairs(sizes) do
      local groups = played.by
      if groups and #groups == 1 and groups[1].value == "" then
        return ("no request has %s (--by)"):format(by)
      end
    end
  end
end

--- Adds what is known of caches to the result; nothing where no request has blocks.
---@param result table
---@param state userdata of core.analysis
---@param opt table options of cache_options.analysis; without_stretches: no hits over time are wanted
---@param found table what the state says of locality
---@param curve userdata
---@param stretches? integer[] of time: from and width in nanoseconds, and how many
---@return true? done, string? message, string? code
function caches.add(result, state, opt, found, curve, stretches)
  if found.blocks == 0 then return true end
  local sizes, message, code
  if opt.cache_sizes then
    sizes, message, code = cache_options.ascending(opt.cache_sizes, result.block_size, opt.bytes_per_token)
    if not sizes then return nil, message, code end
  else
    sizes = curve:bends(found.distinct_blocks)
  end
  result.lru = {}
  for i, size in ipairs(sizes) do result.lru[i] = { size, (select(2, curve:at(size))) } end
  result.touch, result.hit_rule, result.by = opt.touch, opt.hit_rule, opt.by
  if opt.hit_rule == "vllm" then
    local played
    played, message, code = state:play { hit_rule = opt.hit_rule }
    if not played then return nil, message, code end
    result.hit_sessions = { within = played.within, across = played.across }
  end
  result.hits, message, code = play_policies(result, state, opt, sizes,
    (opt.policy or opt.cache_sizes) and not opt.without_stretches and stretches or nil)
  if not result.hits then return nil, message, code end
  local wrong = wrong_groups(result.hits, opt.by)
  if wrong then return nil, wrong, "input" end
  return add_further(result, state, opt, found, sizes)
end

return caches
