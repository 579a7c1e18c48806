--- Figures in the terminal: as lines over equal bins of x, by the charts of draw.
local chart = require "moontide.draw.chart"
local figure = require "moontide.look.figure"
local texts = require "moontide.kit.text"

local terminal = {}

local function range_of(self)
  local from, to = math.huge, -math.huge
  for _, series in ipairs(self.series) do
    for _, x in ipairs(series.x) do from, to = math.min(from, x), math.max(to, x) end
  end
  if self.x.from then from = math.min(from, self.x.from) end
  if self.x.is_time and from > 0 and from <= 0.5 * to then from = 0 end
  if to <= from then
    if self.x.scale == "log" then return from / 2, from * 2 end
    if self.x.is_time and from > 0 then return 0, 2 * from end
    return from - 0.5, from + 0.5
  end
  return from, to
end

-- Where x lies in the range, 0 to 1.
local function placer(self, from, to)
  if self.x.scale == "log" then return function(x) return math.log(x / from) / math.log(to / from) end end
  return function(x) return (x - from) / (to - from) end
end

-- A series as values of equal bins: the mean of the points in a bin, of a distribution the last; between
-- points a straight line, or the value that holds.
local function sampled(series, place, bins)
  local sums, counts, values = {}, {}, {}
  for i, x in ipairs(series.x) do
    local bin, y = math.min(bins, math.floor(place(x) * bins) + 1), series.y[i]
    if y == y and series.is_cumulative then
      sums[bin], counts[bin] = y, 1
    elseif y == y then
      sums[bin], counts[bin] = (sums[bin] or 0) + y, (counts[bin] or 0) + 1
    end
  end
  local last
  for bin = 1, bins do
    values[bin] = counts[bin] and sums[bin] / counts[bin] or 0 / 0
    if counts[bin] then
      for between = last and series.kind ~= "points" and last + 1 or bin, bin - 1 do
        local way = series.kind == "steps" and 0 or (between - last) / (bin - last)
        values[between] = values[last] + (values[bin] - values[last]) * way
      end
      last = bin
    end
  end
  return values
end

--- A figure as text.
---@param self moontide.figure
---@param style moontide.chart_style
---@return string
function terminal.text(self, style)
  local from, to = range_of(self)
  local place, series, names = placer(self, from, to), {}, {}
  local bins = chart.bins(nil, style, #self.series)
  for _, one in ipairs(self.series) do
    if one.kind ~= "band" then
      series[#series + 1], names[#names + 1] = sampled(one, place, bins), one.name
    end
  end
  local text = chart.line({ series = series, names = #names > 1 and names or nil, x_from = from, x_to = to,
    x_unit = self.x.is_time and "s" or figure.axis_text(self.x), x_scale = self.x.scale,
    y_unit = figure.axis_text(self.y), title = self.title, height = 10 }, style)
  local parts = { text }
  for _, note in ipairs(self.notes) do
    local words = {}
    for word in note:gmatch "%S+" do words[#words + 1] = word end
    parts[#parts + 1] = table.concat(texts.filled(words, style.columns), "\n")
  end
  return table.concat(parts, "\n")
end

return terminal
