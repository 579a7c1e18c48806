--- The search for the largest level that passes, without a word of what a level is: a bracket is grown (or
--- shrunk) from any start by doubling, then halved until it is narrow enough, and its lower end tried once
--- more.
--
--   local search = search.new{ first = 8, precision = 0.05 }
--   for level, why in search.next, search do search:tell(level, passes(level)) end
--   search.low, search.high    the largest that passed twice, the smallest above it that did not
--
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
    least = opt.least, passes = {}, failed = {},
  }, metatable)
  self.first = self:rounded(math.max(self.least, math.min(self.most, opt.first)))
  return self
end

-- Four digits of it.
function methods:rounded(level)
  if self.is_whole then return math.max(1, math.floor(level + 0.5)) end
  return tonumber(("%.4g"):format(level))
end

-- The largest level that passed below all that did not, and the smallest of those.
local function bracket(self)
  local low, high
  for level in pairs(self.failed) do high = math.min(high or level, level) end
  for level in pairs(self.passes) do
    if not high or level < high then low = math.max(low or level, level) end
  end
  return low, high
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
function methods:tell(level, has_passed)
  if has_passed then
    self.passes[level] = (self.passes[level] or 0) + 1
  else
    self.is_strict = self.is_strict or self.passes[level] ~= nil
    self.passes[level], self.failed[level] = nil, true
  end
  self.low, self.high = bracket(self)
end

--- The level to try next and why ("first", "grow", "shrink", "halve", "confirm"); nil at the end.
---@return number? level, string? why
function methods:next()
  local low, high = self.low, self.high
  if not low and not high then return self.first, "first" end
  if not low then
    local level = self:rounded(high / 2)
    if self.is_whole then level = math.floor(high / 2) end
    if high <= self.least then return nil end
    return math.max(self.least, level), "shrink"
  end
  if self.is_strict and self.passes[low] < 2 then return low, "confirm" end
  if not high and low < self.most then return math.min(self.most, self:rounded(2 * low)), "grow" end
  local is_narrow = not high or high - low <= self.precision * low
  local middle = not is_narrow and between(self, low, high)
  if middle then return middle, "halve" end
  if self.passes[low] < 2 then return low, "confirm" end
  return nil
end

return search
