--- A comparison as a table for people: a line a figure, the two traces side by side, and the difference.
local absent = require "moontide.learn.compare_absent"
local groups = require "moontide.learn.compare_groups"
local lists = require "moontide.kit.lists"
local measure = require "moontide.learn.compare_measure"
local show = require "moontide.learn.analysis_show"
local texts = require "moontide.kit.text"
local yardstick = require "moontide.learn.compare_yardstick"

local text = {}

-- --- cells -----------------------------------------------------------------------------------------

local function signed(value, format, unit)
  local shown = format:format(value)
  if tonumber(shown) == 0 then shown = format:format(0) end
  return (tonumber(shown) > 0 and "+" or "") .. shown .. (unit or "")
end

-- How a difference is told: its value of both, and the value as text.
local in_percent = {
  of = function(both)
    if both[1] == both[2] then return 0 end
    return both[1] ~= 0 and 100 * (both[2] - both[1]) / math.abs(both[1]) or nil
  end,
  format = "%.1f", unit = " %",
}
local in_hit_ratio = { of = function(both) return both[2] - both[1] end, format = "%.4f" }

local function told(difference, both)
  local value = difference.of(both)
  return value and signed(value, difference.format, difference.unit) or "N/A"
end

-- What chance makes of a distance, as text.
local function chance_text(comparison, distance, format, unit, is_per_window)
  local value = yardstick.value(comparison.chance, distance, is_per_window)
  return value and format:format(value) .. (unit or "") or ""
end

-- Adds a line: title, both values with so many decimals, the difference, and what chance makes of it;
-- get(comparison) gives both.
local function add(lines, comparison, title, get, decimals, difference)
  local both = get(comparison)
  if not both then return end
  lines[#lines + 1] = { title, texts.number(both[1], decimals), texts.number(both[2], decimals),
    told(difference, both), "", chance_text(comparison, function(one)
      local here = get(one)
      return here and difference.of(here)
    end, difference.format, difference.unit) }
end

-- A title, with the distance of the samples if there is one.
local function add_title(lines, comparison, title, get)
  local values = get and get(comparison)
  local distance = values and values.ks
  lines[#lines + 1] = { title, "", "", "", distance and ("%.4f"):format(distance) or "",
    distance and chance_text(comparison, function(one) return (get(one) or {}).ks end, "%.4f") or "" }
end

-- A title and a line each for the statistics, when there are any.
local function add_group(lines, comparison, title, name, wanted, decimals)
  local function values(one) return one[name] end
  if not values(comparison) then return end
  add_title(lines, comparison, title, values)
  for _, one in ipairs(wanted) do
    add(lines, comparison, "  " .. one[2], function(of) return of[name] and of[name][one[1]] end, decimals,
      in_percent)
  end
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
  for _, metric in ipairs(metrics) do add_group(lines, comparison, metric[2], metric[1], statistics, 2) end
end

-- A line of hit ratios: title, and the names that lead to it.
local function add_ratio(lines, comparison, title, ...)
  local names = { ... }
  add(lines, comparison, title, function(one)
    local value = one
    for _, name in ipairs(names) do value = value and value[name] end
    return value
  end, 4, in_hit_ratio)
end

local function add_hits(lines, comparison)
  if not comparison.hit_infinite then return end
  add_title(lines, comparison, "Hit Ratio by Block")
  for _, size in ipairs(comparison.cache_sizes) do
    add_ratio(lines, comparison, "  LRU, " .. texts.grouped_count(size, "block"), "lru", size)
  end
  for _, policy in ipairs(comparison.policies or {}) do
    for _, size in ipairs(policy ~= "lru" and comparison.cache_sizes or {}) do -- LRU stands above
      local title = ("  %s, %s"):format(policy, texts.grouped_count(size, "block"))
      add_ratio(lines, comparison, title, "hits", policy, size)
    end
  end
  for _, age in ipairs(lists.ascending(lists.sorted_keys(comparison.ttl or {}))) do
    add_ratio(lines, comparison, ("  used at most %g s ago"):format(age), "ttl", age)
  end
  add_ratio(lines, comparison, "  infinite cache", "hit_infinite")
  add_ratio(lines, comparison, "    by request", "hit_infinite_request")
  add_ratio(lines, comparison, "    by token", "hit_infinite_token")
  for _, tenth in ipairs(comparison.tenths and measure.tenths or {}) do
    add_ratio(lines, comparison, ("    in tenth %d of the requests"):format(tenth), "tenths", tenth)
  end
  add(lines, comparison, "Blocks for 90 % of the Hits", function(one) return one.blocks_for_90_percent end, 0,
    in_percent)
  add_group(lines, comparison, "Reuse Time (s)", "reuse_time", some_quantiles, 2)
  add(lines, comparison, "First Blocks", function(one) return one.roots end, 0, in_percent)
  add_ratio(lines, comparison, "  share of the commonest", "root_share")
end

local function add_sessions(lines, comparison)
  add(lines, comparison, "Sessions", function(one) return one.sessions and one.sessions.count end, 0,
    in_percent)
  add_group(lines, comparison, "Turns per Session", "turns", some_quantiles, 2)
  add_group(lines, comparison, "Think Time (s)", "think_time", some_quantiles, 2)
  add_ratio(lines, comparison, "Turns Before Their Answer", "early")
end

-- Sessions that a log names are longer than those that can be seen in the prompts alone.
local function sessions_note(comparison)
  if not comparison.sessions then return nil end
  local origins = {}
  for i, one in ipairs(comparison.analyses) do origins[i] = show.sessions_origin(one):match "^[^:]*" end
  if origins[1] == origins[2] then return nil end
  return ("\nSessions are not told alike: A's %s, B's %s."):format(origins[1], origins[2])
end

-- Adds a title and a line for each window that one of the traces at least is long enough for; get(comparison,
-- place, window) gives the value.
local function add_windows(lines, comparison, title, windows, get)
  local first = #lines + 1
  for _, window in ipairs(windows) do
    local values = { get(comparison, 1, window), get(comparison, 2, window) }
    if values[1] or values[2] then
      lines[#lines + 1] = { ("  in windows of %d s"):format(window), texts.number(values[1], 2),
        texts.number(values[2], 2), values[1] and values[2] and told(in_percent, values) or "N/A", "",
        chance_text(comparison, function(one)
          local here = { get(one, 1, window), get(one, 2, window) }
          return here[1] and here[2] and in_percent.of(here)
        end, in_percent.format, in_percent.unit, true) }
    end
  end
  if #lines >= first then table.insert(lines, first, { title, "", "", "", "", "" }) end
end

local function add_arrivals(lines, comparison)
  add_group(lines, comparison, "Requests per Second", "rate",
    { { "mean", "mean" }, { "peak", "peak" }, { "coefficient_of_variation", "CV" } }, 2)
  if absent.why(comparison, "dispersion") then return end
  local function dispersion(one, place, window)
    return absent.arrivals(one.analyses[place], window).variance_over_mean
  end
  add_windows(lines, comparison, "Variance over Mean of Requests", measure.windows, dispersion)
  for _, of in ipairs { { "input", "CV of Input Tokens" }, { "output", "CV of Output Tokens" } } do
    add_windows(lines, comparison, of[2], measure.token_windows, function(one, place, window)
      return one.courses[place][of[1] .. "_tokens"][window]
    end)
  end
end

-- What the column of chance is, or why there is none.
local function chance_note(comparison)
  local chance = comparison.chance
  if not chance then return nil end
  if chance.why then return ("\nChance is not known: %s.\n"):format(chance.why) end
  if chance.of ~= "halves" then
    return ("\nChance: how far B is from %s.\n"):format(table.concat(chance.of, ", "))
  end
  return "\nChance: what two draws of such a trace differ by, from two halves of A's sessions (one draw, no "
    .. "bound).\n"
end

-- When an answer is taken to have ended.
local function service_note(comparison)
  if not comparison.early then return nil end
  local service = comparison.service
  return ("\nAn answer ends %s%g ms a token after its request, no sooner.\n"):format(
    service.ttft > 0 and ("%g ms and "):format(1000 * service.ttft) or "", 1000 * service.per_token)
end

--- All of a comparison.
---@param comparison moontide.comparison
---@return string
function text.of(comparison)
  local has_chance = comparison.chance and not comparison.chance.why
  local lines = { { "", "A", "B", "Difference", "KS", has_chance and "Chance" or "" } }
  add(lines, comparison, "Requests", function(one) return one.requests end, 0, in_percent)
  add(lines, comparison, "Blocks", function(one) return one.blocks end, 0, in_percent)
  add(lines, comparison, "Distinct Blocks", function(one) return one.distinct_blocks end, 0, in_percent)
  add_lengths(lines, comparison)
  add_hits(lines, comparison)
  add_sessions(lines, comparison)
  add_arrivals(lines, comparison)
  local by = comparison.by and "\n" .. groups.text(comparison.by_name, comparison.by)
  local names = ("A: %s\nB: %s\n"):format(comparison.traces[1], comparison.traces[2])
  local parts = { names, texts.aligned(lines) }
  for _, note in ipairs { service_note, chance_note, sessions_note } do
    parts[#parts + 1] = note(comparison)
  end
  parts[#parts + 1] = by or nil
  local lacking = absent.all(comparison)
  if #lacking > 0 then parts[#parts + 1] = "\nNot compared: " .. table.concat(lacking, "; ") .. "\n" end
  local whole = table.concat(parts, "\n"):gsub(" +\n", "\n"):gsub("\n\n\n+", "\n\n"):gsub("%s+$", "")
  return whole
end

return text
