--- The measures by which two traces are held to be alike: how far apart they may be, in one number each.
--
--   ks                    the largest Kolmogorov-Smirnov distance of the lengths
--   input_length.ks, output_length.ks, context_length.ks
--   hit_infinite          the difference of the hit ratios of an infinite cache
--   lru, lru.SIZE         the difference of the hit ratios of an LRU cache: the largest, or at one size
--   fifo, fifo.SIZE       and so of every policy that was compared
--   ttl, ttl.SECONDS      the difference of the hit ratios of a cache that forgets by age, of those ages that
--                         were compared: the largest, or at one age
--   tenths, tenths.N      the difference of the hit ratios of an infinite cache in a tenth of the requests:
--                         the largest, or in the Nth
--   roots                 the difference of the number of blocks that prompts begin with, in parts of the
--                         first trace's
--   root_share            the difference of the shares of requests that begin with the commonest one
--   sessions              the difference of the number of sessions, in parts of the first trace's
--   turns, turns.ks       of the mean turns of a session, so; the distance of the turns of all sessions
--   think_time, think_time.ks
--                         of the median think time, so; the distance of all think times
--   early                 how much larger the second trace's share is of turns that come before the answer
--                         they continue could have ended; 0 where it is smaller
--   dispersion, dispersion.WINDOW
--                         the difference of variance over mean of the counts per window, in parts of the
--                         first trace's: the largest, or of one window
--   input_tokens, input_tokens.WINDOW, output_tokens, output_tokens.WINDOW
--                         the difference of the coefficient of variation of the tokens per window, so
-- A bound on one of them (lru.500, context_length.ks) takes it out of the largest of all (lru, ks).
-- What both traces lack has no part in a largest one; what only one of them lacks cannot be measured.
local absent = require "moontide.learn.compare_absent"
local analysis_samples = require "moontide.learn.analysis_samples"
local cache_options = require "moontide.learn.cache_options"
local core = require "moontide.core"
local lists = require "moontide.kit.lists"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"

local measure = {}

--- The windows in which arrivals are counted, seconds.
measure.windows = { 1, 10, 60, 300 }

--- Those in which tokens are.
measure.token_windows = analysis_samples.token_windows

--- The parts of a trace whose hits are compared.
measure.tenths = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }

--- The metrics that have a distance and a part in the largest of them.
measure.lengths = { "input_length", "output_length", "context_length" }

local names = { "ks", "hit_infinite", "lru", "ttl" }
local is_policy = {}
for _, policy in ipairs(cache_options.names) do
  if policy ~= "lru" then names[#names + 1], is_policy[policy] = policy, true end
end
for _, name in ipairs { "tenths", "roots", "root_share", "sessions", "turns", "turns.ks", "think_time",
  "think_time.ks", "early", "dispersion", "input_tokens", "output_tokens" } do
  names[#names + 1] = name
end
for _, length in ipairs(measure.lengths) do names[#names + 1] = length .. ".ks" end

-- --- one number each -------------------------------------------------------------------------------

local function absolute(pair)
  return math.abs(pair[2] - pair[1])
end

-- In parts of the first; infinite where only the first is 0.
local function relative(pair)
  if pair[1] == pair[2] then return 0 end
  return math.abs(pair[2] - pair[1]) / math.abs(pair[1])
end

local function more(pair)
  return math.max(0, pair[2] - pair[1])
end

local function pair_text(pair)
  return ("%.4g and %.4g"):format(pair[1], pair[2])
end

-- The largest of several: `distance` of each pair; detail(key, pair) says which it was.
-- Those in `named` have a bound of their own and no part in it.
local function largest(pairs_by_key, keys, distance, detail, named, base)
  local value, text
  for _, key in ipairs(keys) do
    local pair = not named[("%s.%s"):format(base, options.python_number(key))] and pairs_by_key[key]
    local here = pair and distance(pair)
    if here and (not value or here > value) then value, text = here, detail(key, pair) end
  end
  return value, text
end

--- The size of a cache that stands for one of `size` blocks: a part of it where the traces are parts of one.
---@param comparison moontide.comparison
---@param size number blocks
---@return number
function measure.size_of(comparison, size)
  return comparison.parts and math.max(1, size // comparison.parts) or size
end

--- The hit ratios of an LRU cache of that size, by block; nil where one of the traces has no hash_ids.
---@param comparison moontide.comparison
---@param size number blocks
---@return moontide.number_pair?
function measure.hit_ratios(comparison, size)
  local a, b = comparison.analyses[1], comparison.analyses[2]
  size = measure.size_of(comparison, size)
  local one, other = a:hit_ratio(size), b:hit_ratio(size)
  return one and other and { one, other } or nil
end

local function sample_distance(comparison, name)
  local metric = comparison[name]
  if not metric or not metric.ks then
    return nil, absent.why(comparison, name) or absent.why(comparison, "think_time")
  end
  return metric.ks
end

local function largest_distance(comparison, named)
  local value, which
  for _, name in ipairs(measure.lengths) do
    local has_own = named[name .. ".ks"]
    local why, by_one = absent.why(comparison, name)
    if by_one and not has_own then return nil, why end
    local here = not why and not has_own and comparison[name].ks
    if here and (not value or here > value) then value, which = here, name end
  end
  return value, which
end

local function lru(comparison, size, named)
  if not comparison.lru then return nil, absent.why(comparison, "lru") end
  if size then
    local pair = measure.hit_ratios(comparison, size)
    return absolute(pair), pair_text(pair)
  end
  return largest(comparison.lru, comparison.cache_sizes, absolute,
    function(key, pair) return ("at %d blocks: %s"):format(key, pair_text(pair)) end, named, "lru")
end

-- Of windows of time: requests or tokens.
local function per_window(comparison, base, window, named)
  local windows = base == "dispersion" and measure.windows or measure.token_windows
  local why = absent.why(comparison, base)
  if why then return nil, why end
  local value, text = largest(comparison[base] or {}, window and { window } or windows, relative,
    function(key, pair) return ("at %d s: %s"):format(key, pair_text(pair)) end, window and {} or named, base)
  if value then return value, text end
  window = window or windows[1]
  return nil, absent.why_window(comparison, window, function(place)
    if base ~= "dispersion" then return comparison.courses[place][base][window] end
    local counts = absent.arrivals(comparison.analyses[place], window)
    return counts and counts.variance_over_mean
  end)
end

local function tenths(comparison, number, named)
  local why = absent.why(comparison, "tenths")
  if why then return nil, why end
  if not comparison.tenths then
    return nil, "one of the traces has fewer than ten requests with hash_ids"
  end
  return largest(comparison.tenths, number and { number } or measure.tenths, absolute,
    function(key, pair) return ("in tenth %d: %s"):format(key, pair_text(pair)) end, number and {} or named,
    "tenths")
end

-- Of what was played: ages, or a policy's sizes.
local function played(comparison, base, number, named)
  local why = absent.why(comparison, "lru")
  if why then return nil, why end
  local pairs_by_key = base == "ttl" and comparison.ttl or comparison.hits and comparison.hits[base]
  if not pairs_by_key then
    if base ~= "ttl" then return nil, "it was not compared (--policy)" end
    return nil, absent.why(comparison, "dispersion")
      or "no ages were compared: timestamps are missing or go back"
  end
  if number and not pairs_by_key[number] then
    return nil, ("%s was not compared (%s)"):format(options.python_number(number),
      base == "ttl" and "--ttl" or "--cache-sizes")
  end
  local keys = number and { number } or lists.ascending(lists.sorted_keys(pairs_by_key))
  return largest(pairs_by_key, keys, absolute, function(key, pair)
    local unit = base == "ttl" and "s" or "blocks"
    return ("at %s %s: %s"):format(options.python_number(key), unit, pair_text(pair))
  end, number and {} or named, base)
end

-- Measures that are the distance of one pair, which a function finds.
local single = {
  hit_infinite = { absolute, function(comparison) return comparison.hit_infinite end },
  roots = { relative, function(comparison) return comparison.roots end },
  root_share = { absolute, function(comparison) return comparison.root_share end },
  sessions = { relative, function(comparison) return comparison.sessions and comparison.sessions.count end },
  turns = { relative, function(comparison) return comparison.turns and comparison.turns.mean end },
  think_time = { relative, function(comparison)
    return comparison.think_time and comparison.think_time.median
  end },
  early = { more, function(comparison) return comparison.early end },
}

local function of_single(comparison, name)
  local pair = single[name][2](comparison)
  if not pair then return nil, absent.why(comparison, name) end
  return single[name][1](pair), pair_text(pair)
end

local is_per_window = { dispersion = true, input_tokens = true, output_tokens = true }

--- Does the measure say how something varies from window to window?
---@param name string
---@return boolean
function measure.is_per_window(name)
  return is_per_window[name:match "^[%w_]*"] or false
end

--- How far apart the two traces are by a measure.
---@param comparison moontide.comparison
---@param name string as measure.bound gives it
---@param named? table<string, any> measures that have a bound of their own: no part of a largest one
---@return number? value, string? detail where the largest is, or why there is none
function measure.value(comparison, name, named)
  named = named or {}
  local sampled = name:match "^(.*)%.ks$"
  if sampled then return sample_distance(comparison, sampled) end
  if name == "ks" then return largest_distance(comparison, named) end
  if single[name] then return of_single(comparison, name) end
  local base, number = name:match "^([%w_-]+)%.?(%d*)$"
  number = math.tointeger(tonumber(number))
  if base == "ttl" or is_policy[base] then return played(comparison, base, number, named) end
  if base == "lru" then return lru(comparison, number, named) end
  if base == "tenths" then return tenths(comparison, number, named) end
  return per_window(comparison, base, number, named)
end

--- All measures by which these two can be compared, general ones before those of one size, age or window.
---@param comparison moontide.comparison
---@return string[]
function measure.measurable(comparison)
  local found = {}
  local function add(name)
    if measure.value(comparison, name) then found[#found + 1] = name end
  end
  for _, name in ipairs(names) do add(name) end
  local function add_each(base, keys)
    for _, key in ipairs(keys) do
      if math.type(key) == "integer" then add(("%s.%d"):format(base, key)) end
    end
  end
  add_each("lru", comparison.lru and comparison.cache_sizes or {})
  for _, policy in ipairs(comparison.policies or {}) do
    local sizes = comparison.hits and comparison.hits[policy] or {}
    if policy ~= "lru" then add_each(policy, lists.ascending(lists.sorted_keys(sizes))) end
  end
  add_each("ttl", lists.ascending(lists.sorted_keys(comparison.ttl or {})))
  add_each("tenths", measure.tenths)
  add_each("dispersion", measure.windows)
  for _, base in ipairs { "input_tokens", "output_tokens" } do add_each(base, measure.token_windows) end
  return found
end

-- --- bounds ----------------------------------------------------------------------------------------

-- "dispersion.60", "tenths.3"; raises where there is none of that number.
local function numbered_name(base, number, what)
  local known, wrong = measure.tenths, "%s: tenths are numbered %s, not %d"
  if base == "dispersion" then
    known, wrong = measure.windows, "%s: arrivals are counted in windows of %s s, not of %d"
  elseif is_per_window[base] then
    known, wrong = measure.token_windows, "%s: tokens are counted in windows of %s s, not of %d"
  end
  for _, one in ipairs(known) do
    if number == one then return ("%s.%d"):format(base, number) end
  end
  core.base.raise(wrong:format(what, table.concat(known, ", "), number))
end

-- The measure's name in its own spelling; raises when there is none of it.
local function known_name(name, what)
  local lower = name:lower()
  for _, known in ipairs(names) do
    if lower == known then return known end
  end
  local base, number = lower:match "^([%w_-]+)%.(%d+)$"
  number = math.tointeger(tonumber(number))
  if number and (base == "ttl" or is_policy[base]) then return ("%s.%d"):format(base, number) end
  if base == "lru" and number and number >= 1 then return ("lru.%d"):format(number) end
  if number and (base == "tenths" or is_per_window[base]) then return numbered_name(base, number, what) end
  local hint = nearest.hint(lower, names)
  if hint == "" then hint = " (it must be one of " .. table.concat(names, ", ") .. ")" end
  core.base.raise(("%s: unknown measure %s%s"):format(what, options.show(name), hint))
end

--- A bound: the measure's name, and the most that it may be.
---@param name string
---@param most any
---@param what string for messages
---@param from_text? boolean `most` is a text of the command line
---@return { [1]: string, [2]: number }
function measure.bound(name, most, what, from_text)
  name = known_name(name, what)
  local option = { name, kind = "number", min = 0 }
  return { name, options.value(most, ("%s: %s"):format(what, name), option, from_text) }
end

-- "KS=0.02" as a bound.
local function convert(value, what)
  local name, most = (type(value) == "string" and value or ""):match "^%s*([^%s=]+)%s*=%s*(.-)%s*$"
  if not name then options.wrong(what, value, "MEASURE=MOST (lru=0.015)") end
  return measure.bound(name, most, what, true)
end

options.kinds.bound = { convert = convert, placeholder = "MEASURE=MOST" }

--- Holds a comparison against bounds: which are exceeded ({ measure =, value =, bound =, detail = } each),
--- and why others cannot be measured, a sentence each; both in the order of the bounds.
---@param comparison moontide.comparison
---@param bounds { [1]: string, [2]: number }[]
---@return table[] exceeded, string[] missing
function measure.check(comparison, bounds)
  local exceeded, missing, named = {}, {}, {}
  for _, bound in ipairs(bounds) do named[bound[1]] = true end
  for _, bound in ipairs(bounds) do
    local name, most = bound[1], bound[2]
    local value, detail = measure.value(comparison, name, named)
    -- Where each one that it would be the largest of has a bound of its own, it bounds nothing.
    local is_idle = not value and measure.value(comparison, name) ~= nil
    if not value and not is_idle then
      missing[#missing + 1] = ("%s cannot be measured: %s"):format(name, detail)
    elseif value and value > most then
      exceeded[#exceeded + 1] = { measure = name, value = value, bound = most, detail = detail }
    end
  end
  return exceeded, missing
end

return measure
