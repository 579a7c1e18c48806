--- What traces lack, and what a comparison therefore cannot say.

local absent = {}

-- What a part of the comparison needs of both traces.
local needs = {
  output_length = "output_length", context_length = "hash_ids", hit_infinite = "hash_ids", lru = "hash_ids",
  dispersion = "timestamps",
}

local has = {
  output_length = function(analysis) return analysis.metrics.output_length.mean ~= nil end,
  hash_ids = function(analysis) return analysis.blocks > 0 end,
  timestamps = function(analysis) return #analysis.arrivals > 0 end,
}

--- The counts of one window's width, or nil.
---@param analysis moontide.analysis
---@param window integer seconds
---@return moontide.arrival_window?
function absent.arrivals(analysis, window)
  for _, counts in ipairs(analysis.arrivals) do
    if counts.window == window then return counts end
  end
end

-- "a.jsonl has no hash_ids", "neither trace has hash_ids"; is it one of them only?
local function who(comparison, first_has, second_has, lacks)
  if first_has and second_has then return nil end
  if not first_has and not second_has then return "neither trace has " .. lacks, false end
  return ("%s has no %s"):format(comparison.traces[first_has and 2 or 1], lacks), true
end

--- Why a part is absent, and is that for one of the traces only? nil when nothing is lacking.
---@param comparison moontide.comparison
---@param part string "input_length", "lru", "dispersion", ...
---@return string? why, boolean? by_one
function absent.why(comparison, part)
  local need = needs[part]
  if not need then return nil end
  local a, b = comparison.analyses[1], comparison.analyses[2]
  return who(comparison, has[need](a), has[need](b), need)
end

--- Why there is no dispersion in a window, though there are timestamps.
---@param comparison moontide.comparison
---@param window integer seconds
---@return string why
function absent.why_window(comparison, window)
  local function is_long_enough(analysis)
    local counts = absent.arrivals(analysis, window)
    return counts ~= nil and counts.variance_over_mean ~= nil
  end
  local a, b = comparison.analyses[1], comparison.analyses[2]
  return (who(comparison, is_long_enough(a), is_long_enough(b), ("two whole windows of %d s"):format(window)))
end

--- All that is lacking, a sentence each, for people.
---@param comparison moontide.comparison
---@return string[]
function absent.all(comparison)
  local sentences = {}
  for _, part in ipairs { "output_length", "context_length", "dispersion" } do
    sentences[#sentences + 1] = absent.why(comparison, part)
  end
  for i, one in ipairs(comparison.analyses) do
    if one.backward > 0 then
      sentences[#sentences + 1] = ("reuse times, as the timestamps of %s go back "
        .. "('moontide cat --sort' puts them in order)"):format(comparison.traces[i])
    end
  end
  return sentences
end

return absent
