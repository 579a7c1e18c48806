--- What traces lack, and what a comparison therefore cannot say.

local absent = {}

-- What a part of the comparison needs of both traces.
local needs = {
  output_length = "output_length", context_length = "hash_ids", hit_infinite = "hash_ids", lru = "hash_ids",
  roots = "hash_ids", root_share = "hash_ids", tenths = "hash_ids", dispersion = "timestamps",
  sessions = "sessions", turns = "sessions", think_time = "think times", early = "turns after an answer",
  input_tokens = "timestamps", output_tokens = "answers with timestamps",
}

local function has_sessions(analysis) return analysis.sessions ~= nil end
local function has_output(analysis) return analysis.metrics.output_length.mean ~= nil end
local function has_times(analysis) return #analysis.arrivals > 0 end

local has = {
  output_length = has_output,
  hash_ids = function(analysis) return analysis.blocks > 0 end,
  timestamps = has_times,
  sessions = has_sessions,
  ["think times"] = function(analysis)
    return has_sessions(analysis) and analysis.sessions.think_time ~= nil
  end,
  ["turns after an answer"] = function(_, course) return course.turns > 0 end,
  ["answers with timestamps"] = function(analysis) return has_output(analysis) and has_times(analysis) end,
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
  local found = {}
  for i, one in ipairs(comparison.analyses) do found[i] = has[need](one, comparison.courses[i]) end
  return who(comparison, found[1], found[2], need)
end

--- Why there is nothing in a window, though there are timestamps.
---@param comparison moontide.comparison
---@param window integer seconds
---@param value fun(place: integer): number? that of the first trace, of the second
---@return string why
function absent.why_window(comparison, window, value)
  return (who(comparison, value(1) ~= nil, value(2) ~= nil, ("two whole windows of %d s"):format(window)))
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
      sentences[#sentences + 1] = ("reuse times and ages, as the timestamps of %s go back "
        .. "('moontide cat --sort' puts them in order)"):format(comparison.traces[i])
    end
  end
  return sentences
end

return absent
