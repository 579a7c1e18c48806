--- A comparison as a table for people: a line a figure, the two traces side by side, and the difference.
local absent = require "moontide.learn.compare_absent"
local groups = require "moontide.learn.compare_groups"
local lists = require "moontide.kit.lists"
local measure = require "moontide.learn.compare_measure"
local show = require "moontide.learn.analysis_show"
local texts = require "moontide.kit.text"

local text = {}

-- --- cells -----------------------------------------------------------------------------------------

local function signed(value, format, unit)
  local shown = format:format(value)
  if tonumber(shown) == 0 then shown = format:format(0) end
  return (tonumber(shown) > 0 and "+" or "") .. shown .. (unit or "")
end

-- In percent of the first.
local function in_percent(both)
  if both[1] == both[2] then return signed(0, "%.1f", " %") end
  if both[1] == 0 then return "N/A" end
  return signed(100 * (both[2] - both[1]) / math.abs(both[1]), "%.1f", " %")
end

local function in_hit_ratio(both)
  return signed(both[2] - both[1], "%.4f")
end

-- Adds a line: title, both values with so many decimals, the difference, and perhaps the distance.
local function add(lines, title, both, decimals, difference, distance)
  if not both then return end
  lines[#lines + 1] = { title, texts.number(both[1], decimals), texts.number(both[2], decimals),
    difference(both), distance and ("%.4f"):format(distance) or "" }
end

local function add_title(lines, title)
  lines[#lines + 1] = { title, "", "", "", "" }
end

-- A title and a line each for the statistics, when there are any.
local function add_group(lines, title, values, wanted, decimals)
  if not values then return end
  add_title(lines, title)
  for _, one in ipairs(wanted) do add(lines, "  " .. one[2], values[one[1]], decimals, in_percent) end
end

-- --- the parts -------------------------------------------------------------------------------------

local statistics = {
  { "mean", "mean" }, { "std", "std dev" }, { "p25", "P25" }, { "median", "median" }, { "p75", "P75" },
  { "max", "max" },
}

local some_quantiles = { { "mean", "mean" }, { "median", "median" }, { "p90", "P90" }, { "max", "max" } }

local metrics = {
  { "input_length", "Input Length" }, { "output_length", "Output Length" },
  { "context_length", "Context Length" }, { "unique_prompt_length", "Unique Prompt Length" },
}

local function add_lengths(lines, comparison)
  for _, metric in ipairs(metrics) do
    local values = comparison[metric[1]]
    add_group(lines, metric[2], values, statistics, 2)
    if values and values.ks then lines[#lines - #statistics][5] = ("%.4f"):format(values.ks) end
  end
end

local function add_hits(lines, comparison)
  if not comparison.hit_infinite then return end
  add_title(lines, "Hit Ratio by Block")
  for _, size in ipairs(comparison.cache_sizes) do
    local title = "  LRU, " .. texts.grouped_count(size, "block")
    add(lines, title, comparison.lru[size], 4, in_hit_ratio)
  end
  for _, policy in ipairs(comparison.policies or {}) do
    for _, size in ipairs(comparison.cache_sizes) do
      local title = ("  %s, %s"):format(policy, texts.grouped_count(size, "block"))
      add(lines, title, comparison.hits[policy][size], 4, in_hit_ratio)
    end
  end
  for _, age in ipairs(lists.ascending(lists.sorted_keys(comparison.ttl or {}))) do
    local title = ("  used at most %g s ago"):format(age)
    add(lines, title, comparison.ttl[age], 4, in_hit_ratio)
  end
  add(lines, "  infinite cache", comparison.hit_infinite, 4, in_hit_ratio)
  add(lines, "    by request", comparison.hit_infinite_request, 4, in_hit_ratio)
  add(lines, "    by token", comparison.hit_infinite_token, 4, in_hit_ratio)
  add(lines, "Blocks for 90 % of the Hits", comparison.blocks_for_90_percent, 0, in_percent)
  add_group(lines, "Reuse Time (s)", comparison.reuse_time, some_quantiles, 2)
end

local function add_sessions(lines, comparison)
  add(lines, "Sessions", comparison.sessions and comparison.sessions.count, 0, in_percent)
  add_group(lines, "Turns per Session", comparison.turns, some_quantiles, 2)
  add_group(lines, "Think Time (s)", comparison.think_time, some_quantiles, 2)
end

-- Sessions that a log names are longer than those that can be seen in the prompts alone.
local function sessions_note(comparison)
  if not comparison.sessions then return nil end
  local origins = {}
  for i, one in ipairs(comparison.analyses) do origins[i] = show.sessions_origin(one):match "^[^:]*" end
  if origins[1] == origins[2] then return nil end
  return ("\nSessions are not told alike: A's %s, B's %s."):format(origins[1], origins[2])
end

-- The line of a window that one of the traces at least is long enough for.
local function add_dispersion(lines, comparison, window)
  local values = {}
  for i, one in ipairs(comparison.analyses) do values[i] = absent.arrivals(one, window).variance_over_mean end
  if not (values[1] or values[2]) then return end
  lines[#lines + 1] = { ("  in windows of %d s"):format(window), texts.number(values[1], 2),
    texts.number(values[2], 2), values[1] and values[2] and in_percent(values) or "N/A", "" }
end

local function add_arrivals(lines, comparison)
  add_group(lines, "Requests per Second", comparison.rate,
    { { "mean", "mean" }, { "peak", "peak" }, { "coefficient_of_variation", "CV" } }, 2)
  if absent.why(comparison, "dispersion") then return end
  local title = #lines + 1
  for _, window in ipairs(measure.windows) do
    add_dispersion(lines, comparison, window)
  end
  if #lines >= title then table.insert(lines, title, { "Variance over Mean of Requests", "", "", "", "" }) end
end

--- All of a comparison.
---@param comparison moontide.comparison
---@return string
function text.of(comparison)
  local lines = { { "", "A", "B", "Difference", "KS" } }
  add(lines, "Requests", comparison.requests, 0, in_percent)
  add(lines, "Blocks", comparison.blocks, 0, in_percent)
  add(lines, "Distinct Blocks", comparison.distinct_blocks, 0, in_percent)
  add_lengths(lines, comparison)
  add_hits(lines, comparison)
  add_sessions(lines, comparison)
  add_arrivals(lines, comparison)
  local by = comparison.by and "\n" .. groups.text(comparison.by_name, comparison.by)
  local names = ("A: %s\nB: %s\n"):format(comparison.traces[1], comparison.traces[2])
  local parts = { names, texts.aligned(lines) }
  parts[#parts + 1] = sessions_note(comparison)
  parts[#parts + 1] = by or nil
  local lacking = absent.all(comparison)
  if #lacking > 0 then parts[#parts + 1] = "\nNot compared: " .. table.concat(lacking, "; ") end
  return (table.concat(parts, "\n"):gsub(" +\n", "\n"):gsub(" +$", ""))
end

return text
