--- The measures by which two traces are held to be alike: how far apart they may be, in one number each.
--
--   ks                    the largest Kolmogorov-Smirnov distance of the lengths
--   input_length.ks, output_length.ks, context_length.ks
--   hit_infinite          the difference of the hit ratios of an infinite cache
--   lru, lru.SIZE         the difference of the hit ratios of an LRU cache: the largest, or at one size
--   dispersion, dispersion.WINDOW
--                         the difference of variance over mean of the counts per window, in parts of the
--                         first trace's: the largest, or of one window
--   ttl, ttl.SECONDS      the difference of the hit ratios of a cache that forgets by age, of those ages that
--                         were compared: the largest, or at one age
--   fifo, fifo.SIZE       and so of every policy that was compared
-- A bound on one of them (lru.500, context_length.ks) takes it out of the largest of all (lru, ks).
-- What both traces lack has no part in a largest one; what only one of them lacks cannot be measured.
local absent = require "moontide.learn.compare_absent"
local cache_options = require "moontide.learn.cache_options"
local core = require "moontide.core"
local lists = require "moontide.kit.lists"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"

local measure = {}

--- The windows in which arrivals are counted, seconds.
measure.windows = { 1, 10, 60, 300 }

--- The metrics that have a distance.
measure.lengths = { "input_length", "output_length", "context_length" }

local names = { "ks", "hit_infinite", "lru", "dispersion", "ttl" }
local is_policy = {}
for _, policy in ipairs(cache_options.names) do
  if policy ~= "lru" then names[#names + 1], is_policy[policy] = policy, true end
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

local function length_distance(comparison, name)
  local metric = comparison[name]
  if not metric then return nil, absent.why(comparison, name) end
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

local function hit_infinite(comparison)
  if not comparison.hit_infinite then return nil, absent.why(comparison, "hit_infinite") end
  return absolute(comparison.hit_infinite), pair_text(comparison.hit_infinite)
end

local function lru(comparison, size, named)
  if not comparison.lru then return nil, absent.why(comparison, "lru") end
  if size then
    local pair = comparison:hit_ratios(size)
    return absolute(pair), pair_text(pair)
  end
  return largest(comparison.lru, comparison.cache_sizes, absolute,
    function(key, pair) return ("at %d blocks: %s"):format(key, pair_text(pair)) end, named, "lru")
end

local function dispersion(comparison, window, named)
  local why = absent.why(comparison, "dispersion")
  if why then return nil, why end
  local value, text = largest(comparison.dispersion or {}, window and { window } or measure.windows, relative,
    function(key, pair) return ("at %d s: %s"):format(key, pair_text(pair)) end, window and {} or named,
    "dispersion")
  if not value then return nil, absent.why_window(comparison, window or measure.windows[1]) end
  return value, text
end

-- Of what was played only when it was asked for: ages, or a policy's sizes.
local function played(comparison, base, number, named)
  local why = absent.why(comparison, "lru")
  if why then return nil, why end
  local pairs_by_key = base == "ttl" and comparison.ttl or comparison.hits and comparison.hits[base]
  if not pairs_by_key then
    return nil, base == "ttl" and "no ages were compared (--ttl)" or "it was not compared (--policy)"
  end
  if number and not pairs_by_key[number] then return nil, ("%d was not compared"):format(number) end
  local keys = number and { number } or lists.ascending(lists.sorted_keys(pairs_by_key))
  return largest(pairs_by_key, keys, absolute, function(key, pair)
    local unit = base == "ttl" and "s" or "blocks"
    return ("at %s %s: %s"):format(options.python_number(key), unit, pair_text(pair))
  end, number and {} or named, base)
end

--- How far apart the two traces are by a measure.
---@param comparison moontide.comparison
---@param name string as measure.parse gave it
---@param named? table<string, any> measures that have a bound of their own: no part of a largest one
---@return number? value, string? detail where the largest is, or why there is none
function measure.value(comparison, name, named)
  named = named or {}
  local length = name:match "^(.*)%.ks$"
  if length then return length_distance(comparison, length) end
  local base, number = name:match "^([%w_-]+)%.?(%d*)$"
  number = math.tointeger(tonumber(number))
  if base == "ttl" or is_policy[base] then return played(comparison, base, number, named) end
  if base == "ks" then return largest_distance(comparison, named) end
  if base == "hit_infinite" then return hit_infinite(comparison) end
  if base == "lru" then return lru(comparison, number, named) end
  return dispersion(comparison, number, named)
end

-- --- bounds ----------------------------------------------------------------------------------------

local function is_window(number)
  for _, window in ipairs(measure.windows) do
    if number == window then return true end
  end
  return false
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
  if base == "dispersion" then
    if is_window(number) then return ("dispersion.%d"):format(number) end
    core.base.raise(("%s: arrivals are counted in windows of %s s, not of %s"):format(
      what, table.concat(measure.windows, ", "), number))
  end
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
