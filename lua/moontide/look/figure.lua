--- A figure as data: what is drawn, before anybody decides with what. gnuplot (gnuplot.lua), the page
--- (page.lua) and the terminal (terminal.lua) draw the same figure.
--
-- Numbers are floats; NaN is a gap. x goes up within a series but for kind "points". Time is in seconds; who
-- draws chooses minutes or hours. Of a long series few points are kept, the extremes among them, and the
-- figure's notes say so.
local core = require "moontide.core"
local json = require("moontide.base.json").public.json
local texts = require "moontide.kit.text"

local figure = {}

---@class moontide.figure_axis
---@field label string "Input length"
---@field unit string? "tokens"; "s" is time where is_time
---@field scale "linear"|"log"
---@field is_time boolean? seconds since a beginning, the same for all figures that have it
---@field from number? where the axis begins, where that is known
---@field to number?

---@class moontide.figure_series
---@field name string
---@field kind "line"|"steps"|"points"|"both"|"band" steps: a value holds up to the next x; both: a line with
--- its points marked; band: from `low` to y
---@field x number[]
---@field y number[]
---@field low number[]? of a band
---@field of integer? a band is of that series: it has its colour, and no name of its own in a legend
---@field labels string[]? beside the points
---@field is_dashed boolean?
---@field is_cumulative boolean? a distribution function

---@class moontide.figure
---@field name string as --what calls it
---@field title string
---@field x moontide.figure_axis
---@field y moontide.figure_axis
---@field series moontide.figure_series[]
---@field notes string[] sentences
local methods = {}
local metatable = { __name = "moontide.figure", __index = methods }

-- Of a series more points than this are thinned, to at most as many.
figure.most_points = 1600

-- So many streams, errors, URLs are told apart in a figure.
figure.most_series = 8

--- A text that is UTF-8: bytes that are not become U+FFFD.
---@param text any
---@return string
function figure.clean(text)
  text = tostring(text)
  local length, bad = utf8.len(text)
  while not length do
    text = text:sub(1, bad - 1) .. "\u{FFFD}" .. text:sub(bad + 1)
    length, bad = utf8.len(text, bad)
  end
  return text
end

local function axis_of(given)
  return { label = given[1], unit = given[2], scale = given.scale or "linear", is_time = given.is_time,
    from = given.from, to = given.to }
end

--- The axis of time.
---@param label? string
---@return table for figure.new
function figure.time(label)
  return { label or "Time", "s", is_time = true }
end

--- A figure without series.
---@param name string
---@param title string
---@param x table { label, unit, scale =, is_time =, from =, to = }
---@param y table
---@return moontide.figure
function figure.new(name, title, x, y)
  return setmetatable({ name = name, title = title, x = axis_of(x), y = axis_of(y), series = {}, notes = {} },
    metatable)
end

local function has_number(values)
  for _, value in ipairs(values) do
    if value == value and value < math.huge and value > -math.huge then return true end
  end
  return false
end

--- Adds a note, once.
---@param text string
function methods:note(text)
  for _, one in ipairs(self.notes) do
    if one == text then return end
  end
  self.notes[#self.notes + 1] = text
end

-- A logarithmic axis shows what is above 0; of what is not it is said how much there is.
local function without_zeros(self, series)
  local x_log, y_log = self.x.scale == "log", self.y.scale == "log"
  if not x_log and not y_log then return end
  local x, y, low, labels, dropped = {}, {}, series.low and {}, series.labels and {}, 0
  for i, value in ipairs(series.x) do
    if x_log and value <= 0 or y_log and series.y[i] <= 0 then
      dropped = dropped + 1
    else
      x[#x + 1], y[#y + 1] = value, series.y[i]
      if low then low[#x] = series.low[i] end
      if labels then labels[#x] = series.labels[i] end
    end
  end
  if dropped == 0 then return end
  series.x, series.y, series.low, series.labels = x, y, low, labels
  self:note "What is 0 has no place on a logarithmic axis."
end

--- Adds a series: { name, kind, x =, y =, low =, of =, labels =, is_dashed =, is_cumulative = }; one without
--- numbers is left out.
---@param given table
---@return boolean is_there
function methods:add(given)
  local one = { name = figure.clean(given[1]), kind = given[2], x = given.x, y = given.y, low = given.low,
    labels = given.labels, is_dashed = given.is_dashed, is_cumulative = given.is_cumulative, of = given.of }
  if #one.x == 0 or not has_number(one.y) then return false end
  without_zeros(self, one)
  if #one.x == 0 then return false end
  local count = #one.x
  if count > figure.most_points and not one.low and not one.labels then
    one.x, one.y = core.series.thin(one.x, one.y, figure.most_points // 4)
    self:note(("Of %s in a series those are drawn that are the first, last, smallest or largest in one of %d "
      .. "stretches."):format(texts.grouped_count(count, "point"), figure.most_points // 4))
  end
  self.series[#self.series + 1] = one
  return true
end

--- The figure when it has a series, else nil and why it has none.
---@param why string
---@return moontide.figure? self, string? why
function methods:or_why(why)
  if #self.series == 0 then return nil, why end
  return self
end

-- A number with so many digits that nobody sees the difference; of time all that it needs.
local function short(value, digits)
  if value ~= value or value == math.huge or value == -math.huge then return json.null end
  local number = tonumber(("%." .. digits .. "g"):format(value))
  return math.tointeger(number) or number
end

local function short_list(values, digits)
  local list = {}
  for i, value in ipairs(values) do list[i] = short(value, digits) end
  return json.array(list)
end

local function axis_object(axis)
  return json.object {
    { "label", axis.label }, { "unit", axis.unit or "" }, { "scale", axis.scale },
    { "is_time", axis.is_time or false }, { "from", axis.from or json.null }, { "to", axis.to or json.null },
  }
end

local function series_object(series)
  local members = { { "name", series.name }, { "kind", series.kind },
    { "x", short_list(series.x, 7) }, { "y", short_list(series.y, 5) } }
  if series.low then members[#members + 1] = { "low", short_list(series.low, 5) } end
  if series.of then members[#members + 1] = { "of", series.of - 1 } end -- from 0 there
  if series.labels then members[#members + 1] = { "labels", json.array(series.labels) } end
  if series.is_dashed then members[#members + 1] = { "is_dashed", true } end
  return json.object(members)
end

function metatable:__json()
  local series = {}
  for i, one in ipairs(self.series) do series[i] = series_object(one) end
  local notes = {}
  for i, note in ipairs(self.notes) do notes[i] = figure.clean(note) end
  return json.object {
    { "name", self.name }, { "title", figure.clean(self.title) }, { "x", axis_object(self.x) },
    { "y", axis_object(self.y) }, { "series", json.array(series) }, { "notes", json.array(notes) },
  }
end

--- An axis's label with its unit: "Input length (tokens)".
---@param axis moontide.figure_axis
---@param unit? string in place of its own
---@return string
function figure.axis_text(axis, unit)
  unit = unit or axis.unit
  return unit and unit ~= "" and ("%s (%s)"):format(axis.label, unit) or axis.label
end

--- The middle of each of `count` equal stretches.
---@param from number
---@param to number
---@param count integer
---@return number[]
function figure.middles(from, to, count)
  local x = {}
  for i = 1, count do x[i] = from + (to - from) * (i - 0.5) / count end
  return x
end

return figure
