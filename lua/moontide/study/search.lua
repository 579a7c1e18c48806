--- The search for the largest level that passes, without a word of what a level is: a bracket is grown (or
--- shrunk) from any start by doubling, then halved until it is narrow enough, and its lower end tried once
--- more.
--
--   local search = search.new{ first = 8, precision = 0.05 }
--   for level, why in search.next, search do search:tell(level, passes(level)) end
--   search.low, search.high    the largest that passed twice, the smallest above it that did not
--
-- A level may be too low to pass: search:tell(level, false, true). While none has passed, the search then
-- goes up instead of down, or into the gap between the largest that was too low (search.under) and the
-- smallest that was too high. Above a level that passed nothing is too low.
-- A level that has passed and then does not has not passed, and from then on each must pass twice before the
-- search goes on from it. What passed above one that did not is luck, and counts for nothing.
local search = {}

local methods = {}
local metatable = { __index = methods }

---@class moontide.search_options
---@field first number where it begins
---@field precision number the bracket's width over its lower end at which it is narrow enough
---@field least number the smallest level that is tried
---@field most number? the largest
---@field is_whole boolean? levels are whole numbers

--- A new search.
---@param opt moontide.search_options
---@return table
function search.new(opt)
  local self = setmetatable({
    precision = opt.precision, is_whole = opt.is_whole, most = opt.most or math.huge,
    least = opt.least, passes = {}, failed = {}, too_low = {},
  }, metatable)
  self.first = self:rounded(math.max(self.least, math.min(self.most, opt.first)))
  return self
end

-- Four digits of it.
function methods:rounded(level)
  if self.is_whole then return math.max(1, math.floor(level + 0.5)) end
  return tonumber(("%.4g"):format(level))
end

-- The largest level that passed below all that did not, the smallest of those, and the largest below that was
-- too low.
local function bracket(self)
  local low, high, under
  for level in pairs(self.failed) do high = math.min(high or level, level) end
  for level in pairs(self.passes) do
    if not high or level < high then low = math.max(low or level, level) end
  end
  for level in pairs(self.too_low) do
    if not high or level < high then under = math.max(under or level, level) end
  end
  return low, high, under
end

-- A level strictly between two others, nil where there is none.
local function between(self, low, high)
  local middle = self:rounded((low + high) / 2)
  if middle > low and middle < high then return middle end
  return nil
end

--- Takes what came of a level.
---@param level number
---@param has_passed boolean
---@param is_too_low boolean? it has not passed because it is too low
function methods:tell(level, has_passed, is_too_low)
  if has_passed then
    self.passes[level] = (self.passes[level] or 0) + 1
  else
    self.is_strict = self.is_strict or self.passes[level] ~= nil
    self.passes[level] = nil
    for passed in pairs(self.passes) do is_too_low = is_too_low and passed > level end
    local list = is_too_low and self.too_low or self.failed
    list[level] = true
  end
  self.low, self.high, self.under = bracket(self)
end

-- Whether two levels are so near that no other is looked for between them.
local function is_narrow(self, low, high)
  return high - low <= self.precision * low
end

-- While none has passed and one was too low: up, or into the gap.
local function next_above(self)
  local under, high = self.under, self.high
  if high then
    local middle = not is_narrow(self, under, high) and between(self, under, high)
    if middle then return middle, "halve" end
    return nil
  end
  if under < self.most then return math.min(self.most, self:rounded(2 * under)), "grow" end
  return nil
end

--- The level to try next and why ("first", "grow", "shrink", "halve", "confirm"); nil at the end.
---@return number? level, string? why
function methods:next()
  local low, high = self.low, self.high
  if not low and self.under then return next_above(self) end
  if not low and not high then return self.first, "first" end
  if not low then
    local level = self:rounded(high / 2)
    if self.is_whole then level = math.floor(high / 2) end
    if high <= self.least then return nil end
    return math.max(self.least, level), "shrink"
  end
  if self.is_strict and self.passes[low] < 2 then return low, "confirm" end
  if not high and low < self.most then return math.min(self.most, self:rounded(2 * low)), "grow" end
  local middle = high and not is_narrow(self, low, high) and between(self, low, high)
  if middle then return middle, "halve" end
  if self.passes[low] < 2 then return low, "confirm" end
  return nil
end

return search
