--- What chance alone does to the figures of a comparison, as a yardstick beside the differences.
--
-- *Others.* Where further traces are given, made as the second was with other seeds, chance is the mean
-- distance of these from the second: that of two seeds.
-- *Halves.* Else the first trace is cut in two, each session drawn to one half (prefix/analysis/halves.h),
-- and the halves are compared with each other, in caches of half the size. Were sessions independent, two
-- traces of the whole's length would be apart by the halves' distance over the square root of 2, and that is
-- given; of what varies from window to window, whose windows are as many in a half, by the distance itself.
-- What is common to all sessions (a day's course, a bad hour) is in both halves and no part of it; nor is
-- that sessions of a whole trace share prefixes with twice as many others.
-- Either is one draw, or a few: a difference well below it says nothing, one several times as large is hardly
-- chance. On a load of 1000 sessions drawn anew (means of eight pairs) halves gave 0.8 to 1.4 times the
-- distance of two seeds of lengths, hits and turns, 0.6 times that of the number of sessions, twice that of
-- think times, 0.6 to 1.1 times that of what varies per window.
local analysis = require "moontide.learn.analysis"
local figures = require "moontide.learn.compare_figures"
local measure = require "moontide.learn.compare_measure"

local yardstick = {
  --- Ages that are compared unless others are asked for, seconds.
  ages = { 1, 5, 30, 300 },
}

-- Sessions (and requests without one) that a half has at least.
local least_units = 10

---@class moontide.chance
---@field of string[]|"halves" the further traces' names
---@field why string? why it is not known, in place of the rest
---@field between table[] the comparisons it comes from: their figures, without methods
---@field factor number what their distances are multiplied with, but those of what varies per window

--- Chance by further traces, the third and those after it: how far they are from the second.
---@param opens table[] what analysis.begun gave, with the second's analysis finished
---@param settings table what the first two were played with
---@param finish fun(opens: table[], settings: table): true?, string?, string?
---@return moontide.chance? chance, string? message, string? code
function yardstick.of_others(opens, settings, finish)
  local self = { of = {}, between = {}, factor = 1 }
  for i = 3, #opens do
    local done, message, code = finish({ opens[i] }, settings)
    if not done then return nil, message, code end
    self.of[#self.of + 1] = opens[i].name
    self.between[#self.between + 1] = figures.of(opens[2], opens[i], settings)
  end
  return self
end

-- One half as a subject of figures.of, or nil and why not.
local function half_of(open, place, settings, opt)
  local state, units = open.state:half(place)
  if units < least_units then
    return nil, ("%s has too few sessions to be halved"):format(open.name)
  end
  local half, message, code = analysis.opened(state, open.result.block_size, opt, open.text, true)
  if not half then return nil, message, code end
  half.name = ("half %d of %s"):format(place, open.name)
  half.analysis, message, code = analysis.finished(half, settings)
  if not half.analysis then return nil, message, code end
  return half
end

--- Chance by two halves of the first trace.
---@param open table what analysis.begun gave, with halves
---@param settings table what it was played with
---@param opt table block_size, service
---@return moontide.chance? chance, string? message, string? code
function yardstick.of_halves(open, settings, opt)
  local sizes, halves = {}, {}
  for i, size in ipairs(settings.cache_sizes) do sizes[i] = math.max(1, size // 2) end
  local played = setmetatable({ cache_sizes = sizes }, { __index = settings })
  for place = 1, 2 do
    local half, message, code = half_of(open, place, played, opt)
    if code then return nil, message, code end
    if not half then return { of = "halves", why = message, between = {}, factor = 0 } end
    halves[place] = half
  end
  return { of = "halves", factor = math.sqrt(0.5),
    between = { figures.of(halves[1], halves[2], settings, 2) } }
end

--- What chance makes of a distance; nil where it is not known, infinite where the traces it comes from are
--- so far apart.
---@param chance moontide.chance?
---@param distance fun(comparison: table): number?
---@param is_per_window boolean? of what varies per window
---@return number?
function yardstick.value(chance, distance, is_per_window)
  local sum, count = 0, 0
  for _, one in ipairs(chance and chance.between or {}) do
    local here = distance(one)
    if here and here == here then sum, count = sum + math.abs(here), count + 1 end
  end
  if count == 0 then return nil end
  return (is_per_window and 1 or chance.factor) * sum / count
end

--- The same of a measure.
---@param chance moontide.chance?
---@param name string
---@return number?
function yardstick.of_measure(chance, name)
  return yardstick.value(chance, function(one) return (measure.value(one, name)) end,
    measure.is_per_window(name))
end

return yardstick
