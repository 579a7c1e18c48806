--- The figures of an analysis beside its metrics: hit ratios, reuse, prefixes, sessions, arrivals; as fields
-- of the result that learn/analysis.lua describes. What is not known is absent.
local caches = require "moontide.learn.analysis_caches"

local figures = {}

-- What the result says of blocks; nothing where no request has any.
local function add_hits(result, curve, found)
  if found.blocks == 0 then return end
  local by_request, by_block, by_token = curve:at()
  result.hit_infinite = { request = by_request, block = by_block, token = by_token }
  local within = found.hits_within / found.blocks
  result.hit_sessions = {
    within = within, across = (found.hits - found.hits_within) / found.blocks,
  }
  if found.hits > 0 then result.blocks_for_90_percent = curve:size(0.9) end
  result.reuse_time = found.reuse_time
end

local function add_prefixes(result, state, found)
  if found.blocks == 0 then return true end
  local prefixes, message, code = state:prefixes(10)
  if not prefixes then return nil, message, code end
  for _, prefix in ipairs(prefixes) do prefix.share = prefix.requests / found.requests end
  result.prefixes = prefixes
  return true
end

local function add_sessions(result, found)
  if found.sessions == 0 then return end
  result.sessions = {
    count = found.sessions, given = found.given, single = found.single,
    turns = found.turns, think_time = found.think_time,
  }
end

local nanoseconds = 1000000000
local windows = { 1, 10, 60, 300 }

local function add_arrivals(result, state, found)
  local in_ns = {}
  for i, window in ipairs(windows) do in_ns[i] = window * nanoseconds end
  local arrivals, message, code = state:arrivals(table.unpack(in_ns))
  if not arrivals then return nil, message, code end
  result.arrivals = found.timed > 0 and arrivals or {}
  local clock
  clock, message, code = state:clock()
  if not clock then return nil, message, code end
  result.clock = clock.period and clock or nil
  result.backward, result.first, result.last = found.backward, found.first, found.last
  return true
end

-- Stretches of time that read well, in seconds; at most so many of them.
local stretches = {
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
}
local most_stretches = 20

local function stretch_of(span)
  for _, width in ipairs(stretches) do
    if span < most_stretches * width then return width end
  end
  return 86400 * (span // (86400 * most_stretches) + 1)
end

-- Gives where its stretches lie: from and width in nanoseconds, and how many they are.
local function add_over_time(result, state, opt, found)
  if found.timed == 0 then return end
  local width = math.tointeger(stretch_of(found.last - found.first))
  local from = math.tointeger(found.first // width * width)
  if not width or not from or math.abs(from) > 9000000000 then return end
  local count = math.tointeger((found.last - from) // width) + 1
  local here = { from * nanoseconds, width * nanoseconds, count }
  result.over_time = state:over_time(here[1], here[2], count, { hit_rule = opt.hit_rule })
  for i, bin in ipairs(result.over_time) do
    bin.start = from + (i - 1) * width
    bin.rate = i < count and bin.requests / width or nil
  end
  return here
end

--- Adds what the state says of hits in a cache without limit and of sessions to the result; gives the hit
--- curve, and all that is found of locality.
---@param result table
---@param state userdata of core.analysis
---@param opt table options of cache_options.analysis
---@return userdata? curve, table|string found, string? code
function figures.begin(result, state, opt)
  local found, message, code = state:locality()
  if not found then return nil, message, code end
  local curve
  curve, message, code = state:hit_curve { touch = opt.touch, hit_rule = opt.hit_rule }
  if not curve then return nil, message, code end
  result.distinct_blocks = found.distinct_blocks
  add_hits(result, curve, found)
  add_sessions(result, found)
  return curve, found
end

--- Adds what else the state says, of caches and time.
---@param result table
---@param state userdata of core.analysis
---@param opt table options of cache_options.analysis
---@param curve userdata what figures.begin gave
---@param found table as well
---@return true? done, string? message, string? code
function figures.finish(result, state, opt, curve, found)
  local in_time = add_over_time(result, state, opt, found)
  local done, message, code = caches.add(result, state, opt, found, curve, in_time)
  if done then done, message, code = add_prefixes(result, state, found) end
  if done then done, message, code = add_arrivals(result, state, found) end
  if not done then return nil, message, code end
  return true
end

return figures
