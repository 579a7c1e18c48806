--- The name somebody probably meant.
--
-- Distance is Damerau-Levenshtein in its optimal string alignment form (Boytsov 2011): insertions,
-- deletions, substitutions and swaps of neighbours, no part edited twice.

local nearest = {}

--- The number of edits between two texts, or nil when there are more than `bound`.
---@param a string
---@param b string
---@param bound integer
---@return integer|nil
function nearest.distance(a, b, bound)
  if math.abs(#a - #b) > bound then return nil end
  local before, previous, current = {}, {}, {}
  for j = 0, #b do previous[j] = j end
  for i = 1, #a do
    current[0] = i
    local smallest = i
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local cost = math.min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        cost = math.min(cost, before[j - 2] + 1)
      end
      current[j] = cost
      smallest = math.min(smallest, cost)
    end
    if smallest > bound then return nil end
    before, previous, current = previous, current, before
  end
  return previous[#b] <= bound and previous[#b] or nil
end

-- With so many letters both begin.
local function common_length(a, b)
  local n = 0
  while n < #a and a:byte(n + 1) == b:byte(n + 1) do n = n + 1 end
  return n
end

--- The candidate nearest to `word`, or nil when none is near: at most a third of its letters (at
-- least one, at most three) may differ. Of equally near ones wins the one that begins alike for longest, then
-- the first.
---@param word string
---@param candidates string[]
---@return string|nil
function nearest.name(word, candidates)
  local bound = math.max(1, math.min(3, #word // 3))
  local best, alike
  for _, candidate in ipairs(candidates) do
    local distance = nearest.distance(word, candidate, bound)
    if distance == 0 then return candidate end
    local common = distance and common_length(word, candidate)
    if distance and (not best or distance < bound or common > alike) then
      best, alike, bound = candidate, common, distance
    end
  end
  return best
end

--- " (did you mean 'X'?)" or "".
---@param word string
---@param candidates string[]
---@param decorate? string put before the name shown: "--"
---@return string
function nearest.hint(word, candidates, decorate)
  local name = nearest.name(word, candidates)
  return name and (" (did you mean '%s%s'?)"):format(decorate or "", name) or ""
end

return nearest
