--- Charts in the terminal: lines over time and horizontal bars, as text.
--
-- A style says what may be used: { utf8 =, colour =, columns = }. chart.style() finds the one for
-- standard output: braille dots and blocks where the locale is UTF-8 and the terminal is not "dumb",
-- ASCII elsewhere and with NO_COLOR, which asks for plain text; colour only for several series on a
-- terminal.
local core = require "moontide.core"
local options = require "moontide.kit.options"
core.base.own()

local chart = {}

---@class moontide.chart_style
---@field utf8 boolean
---@field colour boolean
---@field columns integer

local function environment(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

--- The style for standard output.
---@return moontide.chart_style
function chart.style()
  local locale = environment "LC_ALL" or environment "LC_CTYPE" or environment "LANG" or ""
  local terminal = environment "TERM"
  local is_plain = terminal == "dumb" or environment "NO_COLOR" ~= nil
  local columns = math.tointeger(tonumber(environment "COLUMNS")) or core.base.terminal_width() or 80
  return {
    utf8 = locale:lower():find "utf%-?8" ~= nil and not is_plain,
    colour = core.base.is_terminal(1) and not is_plain,
    columns = math.max(20, math.min(columns, 1000)),
  }
end

---@class moontide.picture

local picture_metatable = { __name = "moontide.picture" }
function picture_metatable:__tostring()
  return self.draw(chart.style())
end

--- A value that is drawn when it is printed, in the style of the moment.
---@param draw fun(style: moontide.chart_style): string
---@return moontide.picture
function chart.picture(draw)
  return setmetatable({ draw = draw }, picture_metatable)
end

-- --- numbers on axes -------------------------------------------------------------------------------

-- The smallest of 1, 2, 5 times a power of ten that is not below `value`.
local function nice_step(value)
  local power = 10.0 ^ math.floor(math.log(value, 10))
  for _, factor in ipairs { 1, 2, 5 } do
    if factor * power >= value * (1 - 1e-9) then return factor * power end
  end
  return 10 * power
end

-- Steps of clock time that read well, up to a day; nice_step outside of them.
local clock_steps = { 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800,
  14400, 21600, 43200, 86400 }

local function time_step(value)
  if value <= 1 then return nice_step(value) end
  for _, step in ipairs(clock_steps) do
    if step >= value * (1 - 1e-9) then return step end
  end
  return 86400 * nice_step(value / 86400)
end

-- A number with as many decimals as the step needs; -0 is 0.
local function label_of(value, step)
  local decimals = math.max(0, -math.floor(math.log(step, 10) + 1e-9))
  if math.abs(value) < step * 1e-6 then value = 0.0 end
  if decimals > 6 or math.abs(value) >= 1e7 then return ("%.4g"):format(value) end
  return ("%.*f"):gsub("%*", tostring(decimals)):format(value)
end

--- A number for people: four significant digits, no exponent where it can be helped.
---@param value number
---@return string
function chart.number(value)
  if value == math.floor(value) and math.abs(value) < 1e7 then return ("%.0f"):format(value) end
  local text = ("%.4g"):format(value)
  if text:find "e" and math.abs(value) >= 1 and math.abs(value) < 1e7 then text = ("%.0f"):format(value) end
  return text
end

-- Ticks inside [from, to], `step` apart, as { value, label }.
local function ticks(from, to, step, scale)
  local list = {}
  for i = math.ceil(from / step - 1e-9), math.floor(to / step + 1e-9) do
    list[#list + 1] = { i * step, label_of(i * step / (scale or 1), step / (scale or 1)) }
  end
  return list
end

-- The unit that a span of seconds is written in, and its length.
local function time_unit(span)
  if span > 3 * 86400 then return "d", 86400 end
  if span > 3 * 3600 then return "h", 3600 end
  if span > 300 then return "min", 60 end
  return "s", 1
end

-- --- the canvas ------------------------------------------------------------------------------------

local markers = { "*", "+", "o", "x", "#", "@" }
local colours = { "36", "33", "35", "32", "31", "34" }
-- The bit of each dot of a braille cell, by row and column.
local braille_bits = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } }

local function paint(text, series, style)
  if not style.colour then return text end
  return ("\27[%sm%s\27[0m"):format(colours[(series - 1) % #colours + 1], text)
end

-- A canvas of width x height cells, each fine_x by fine_y dots. `dot(x, y, series)`: x from the left,
-- y from the bottom, whole numbers from 0; what is outside is left out.
local function new_canvas(width, height, fine_x, fine_y, use_markers)
  local cells = {}
  local canvas = {}

  function canvas.dot(x, y, series)
    local column, row = x // fine_x, height - 1 - y // fine_y
    if column < 0 or column >= width or row < 0 or row >= height then return end
    local at = row * width + column
    local cell = cells[at]
    if use_markers then
      cells[at] = { series = series, text = markers[(series - 1) % #markers + 1] }
      return
    end
    if not cell or cell.series ~= series then
      cell = { series = series, bits = cell and cell.bits or 0 }
      cells[at] = cell
    end
    cell.bits = cell.bits | braille_bits[fine_y - y % fine_y][x % fine_x + 1]
  end

  function canvas.row(row, style, many)
    local out, used = {}, 0
    for column = 0, width - 1 do
      local cell = cells[row * width + column]
      if cell then
        local text = cell.text or utf8.char(0x2800 + cell.bits)
        out[#out + 1] = (" "):rep(column - used) .. (many and paint(text, cell.series, style) or text)
        used = column + 1
      end
    end
    return table.concat(out)
  end
  return canvas
end

-- The lowest and highest of the values that dot column x of `dots` stands for: no value is left out
-- when there are more of them than dots. nil where none is finite.
local function range_at(values, x, dots)
  local first = x * #values // dots + 1
  local low, high
  for i = first, math.max(first, (x + 1) * #values // dots) do
    local value = values[i]
    if value - value == 0 then low, high = math.min(low or value, value), math.max(high or value, value) end
  end
  return low, high
end

-- Draws one series, each dot column from its lowest to its highest value, joined to the one before.
-- The joining line belongs to the later column and does not cover the dot before it.
local function draw_series(canvas, values, series, dots, y_of)
  local low_before, high_before
  for x = 0, dots - 1 do
    local low, high = range_at(values, x, dots)
    if low then
      low, high = y_of(low), y_of(high)
      local from, to = low, high
      if low_before and low > high_before then from = high_before + 1 end
      if low_before and high < low_before then to = low_before - 1 end
      for y = from, to do canvas.dot(x, y, series) end
    end
    low_before, high_before = low, high
  end
end

-- --- the line chart --------------------------------------------------------------------------------

local y_label_width = 8 -- columns for the numbers left of the axis

local function plot_width(width, style)
  return math.max(10, (width or style.columns) - y_label_width - 3)
end

-- Braille cells cannot tell series apart without colour.
local function fine(series_count, style)
  return style.utf8 and (series_count == 1 or style.colour)
end

--- How many bins a line chart of this width shows: give each series that many values.
---@param width? integer columns of the whole chart
---@param style moontide.chart_style
---@param series_count? integer default 1
---@return integer
function chart.bins(width, style, series_count)
  return plot_width(width, style) * (fine(series_count or 1, style) and 2 or 1)
end

-- The lowest and highest value, 0 among them.
local function range_of(series)
  local low, high = 0, 0
  for _, values in ipairs(series) do
    for _, value in ipairs(values) do
      if value < low and value > -math.huge then low = value end
      if value > high and value < math.huge then high = value end
    end
  end
  if low == high then high = 1 end
  return low, high
end

local function y_axis(series, height)
  local low, high = range_of(series)
  local step = nice_step((high - low) / math.max(2, height // 2))
  local bottom = math.floor(low / step + 1e-9) * step
  local top = math.ceil(high / step - 1e-9) * step
  return { bottom = bottom, top = top, ticks = ticks(bottom, top, step) }
end

-- Ticks of a logarithmic axis: the powers of ten, with their double and fivefold where those are few.
local function log_ticks(from, to)
  local list = {}
  local factors = math.log(to / from, 10) < 3 and { 1, 2, 5 } or { 1 }
  for power = math.floor(math.log(from, 10)), math.ceil(math.log(to, 10)) do
    for _, factor in ipairs(factors) do
      local value = factor * 10.0 ^ power
      if value >= from * (1 - 1e-9) and value <= to * (1 + 1e-9) then
        list[#list + 1] = { value, chart.number(value) }
      end
    end
  end
  return list
end

-- The ticks of the x axis, where a value lies on it (0 to 1), and the unit.
local function x_ticks(opts, width)
  local from, to = opts.x_from, opts.x_to
  if opts.x_scale == "log" then
    return log_ticks(from, to), function(value) return math.log(value / from) / math.log(to / from) end,
      opts.x_unit
  end
  local is_time = opts.x_unit == "s"
  local unit, scale = opts.x_unit, 1
  if is_time then unit, scale = time_unit(math.max(math.abs(from), math.abs(to))) end
  local step = (is_time and time_step or nice_step)((to - from) / math.max(2, width // 12))
  return ticks(from, to, step, scale), function(value) return (value - from) / (to - from) end, unit
end

-- The line under the chart with its tick marks, and the line of their labels.
local function x_axis(opts, width, glyphs)
  local line, labels, used = {}, {}, 0
  local list, position, unit = x_ticks(opts, width)
  for i = 1, width do line[i] = glyphs.horizontal end
  for _, tick in ipairs(list) do
    local column = math.min(width, math.floor(position(tick[1]) * width) + 1)
    line[column] = glyphs.x_tick
    local start = math.max(column - #tick[2] // 2 - 1, used)
    if start + #tick[2] <= width + 2 then
      labels[#labels + 1] = (" "):rep(start - used) .. tick[2]
      used = start + #tick[2] + 1
      labels[#labels] = labels[#labels] .. " "
    end
  end
  return table.concat(line), table.concat(labels) .. unit
end

local unicode_glyphs = { vertical = "│", horizontal = "─", corner = "└", y_tick = "┤", x_tick = "┬" }
local ascii_glyphs = { vertical = "|", horizontal = "-", corner = "+", y_tick = "+", x_tick = "+" }

local function cut(text, columns)
  text = tostring(text):gsub("%c", " ")
  local length = utf8.len(text) or #text
  if length <= columns then return text end
  local at = utf8.len(text) and utf8.offset(text, columns - 2) or columns - 2
  return text:sub(1, at - 1) .. "..."
end

local function legend(opts, style, use_markers)
  if not opts.names then return nil end
  local words = {}
  for i, name in ipairs(opts.names) do
    local mark = use_markers and markers[(i - 1) % #markers + 1] or "━━"
    words[i] = (use_markers and mark or paint(mark, i, style)) .. " " .. name
  end
  return table.concat(words, "   ")
end

-- Raises unless `value` is a list; `allowed` says of what.
local function check_list(value, what, allowed)
  if type(value) ~= "table" or getmetatable(value) then options.wrong(what, value, allowed) end
end

local function check_numbers(values, what)
  check_list(values, what, "a list of numbers")
  for i, value in ipairs(values) do
    if type(value) ~= "number" then options.wrong(("%s, value %d"):format(what, i), value, "a number") end
  end
end

local line_spec = {
  { "series", kind = "any", required = true }, { "names", kind = "string", list = true },
  { "x_from", kind = "number", required = true }, { "x_to", kind = "number", required = true },
  { "x_unit", kind = "string", default = "s" }, { "y_unit", kind = "string" },
  { "x_scale", kind = "choice", choices = { "linear", "log" }, default = "linear" },
  { "width", kind = "integer", min = 20, max = 1000 },
  { "height", kind = "integer", min = 3, max = 200, default = 12 }, { "title", kind = "string" },
}

local function line_options(given)
  local opts = options.table("chart.line", given, line_spec)
  check_list(opts.series, "chart.line: series", "a list of lists of numbers")
  for i, values in ipairs(opts.series) do
    check_numbers(values, ("chart.line: series %d"):format(i))
  end
  if opts.x_to <= opts.x_from then
    core.base.raise(("chart.line: x_to (%s) must be above x_from (%s)"):format(options.show(opts.x_to),
      options.show(opts.x_from)))
  end
  if opts.x_scale == "log" and opts.x_from <= 0 then
    core.base.raise(("chart.line: x_from must be above 0 on a logarithmic axis, not %s"):format(
      options.show(opts.x_from)))
  end
  return opts
end

---@class moontide.line_options
---@field series number[][] values of bins from x_from to x_to, equal on the axis, from the left; NaN and
--- infinity are gaps
---@field names? string[] of the series, for a legend
---@field x_from number
---@field x_to number
---@field x_unit? string default "s", written in minutes, hours or days where that reads better
---@field x_scale? "linear"|"log"
---@field y_unit? string
---@field width? integer of the whole chart in columns; default: the terminal's
---@field height? integer of the drawing in lines, default 12
---@field title? string

--- Lines over a common x axis, cut into equal bins.
---@param given moontide.line_options
---@param style? moontide.chart_style
---@return string lines without a newline at the end
function chart.line(given, style)
  local opts = line_options(given)
  style = style or chart.style()
  local width, height = plot_width(opts.width, style), opts.height
  local count = #opts.series
  local is_fine = fine(count, style)
  local glyphs = style.utf8 and unicode_glyphs or ascii_glyphs
  local fine_x, fine_y = is_fine and 2 or 1, is_fine and 4 or 1
  local canvas = new_canvas(width, height, fine_x, fine_y, not is_fine)
  local axis = y_axis(opts.series, height)
  local dots_y = height * fine_y - 1
  local function y_of(value)
    return math.floor((value - axis.bottom) / (axis.top - axis.bottom) * dots_y + 0.5)
  end
  for i, values in ipairs(opts.series) do draw_series(canvas, values, i, width * fine_x, y_of) end

  local labels = {}
  for _, tick in ipairs(axis.ticks) do labels[height - 1 - y_of(tick[1]) // fine_y] = tick[2] end
  local lines = {}
  if opts.title then lines[#lines + 1] = cut(opts.title, opts.width or style.columns) end
  if opts.y_unit then
    lines[#lines + 1] = (" "):rep(math.max(0, y_label_width + 1 - #opts.y_unit)) .. opts.y_unit
  end
  for row = 0, height - 1 do
    local label = labels[row] or ""
    local drawn = canvas.row(row, style, count > 1)
    lines[#lines + 1] = (" "):rep(y_label_width - #label) .. label .. " "
      .. (labels[row] and glyphs.y_tick or glyphs.vertical) .. drawn
  end
  local line, x_labels = x_axis(opts, width, glyphs)
  lines[#lines + 1] = (" "):rep(y_label_width + 1) .. glyphs.corner .. line
  lines[#lines + 1] = (" "):rep(y_label_width + 1) .. x_labels
  lines[#lines + 1] = legend(opts, style, not is_fine)
  return table.concat(lines, "\n")
end

-- --- bars ------------------------------------------------------------------------------------------

local eighths = { "▏", "▎", "▍", "▌", "▋", "▊", "▉" }

-- A bar of `length` columns (a float).
local function bar_of(length, style)
  if not style.utf8 then return ("#"):rep(math.floor(length + 0.5)) end
  local whole = math.floor(length)
  local part = math.floor((length - whole) * 8 + 0.5)
  if part == 8 then whole, part = whole + 1, 0 end
  return ("█"):rep(whole) .. (eighths[part] or "")
end

local bars_spec = {
  { "rows", kind = "any", required = true }, { "width", kind = "integer", min = 10, max = 1000 },
  { "unit", kind = "string" }, { "title", kind = "string" },
}

local function bars_options(given)
  local opts = options.table("chart.bars", given, bars_spec)
  check_list(opts.rows, "chart.bars: rows", "a list of {label, value}")
  for i, row in ipairs(opts.rows) do
    local what = ("chart.bars: row %d"):format(i)
    check_list(row, what, "{label, value}")
    if type(row[1]) ~= "string" and type(row[1]) ~= "number" then
      options.wrong(what .. ": the label", row[1], "a string")
    end
    if type(row[2]) ~= "number" or not (row[2] >= 0 and row[2] < math.huge) then
      options.wrong(what .. ": the value", row[2], "a finite number that is not below 0")
    end
  end
  return opts
end

---@class moontide.bars_options
---@field rows { [1]: string, [2]: number }[] { label, value } each, with values >= 0
---@field width? integer of the whole chart in columns; default: the terminal's
---@field unit? string written after each number
---@field title? string

--- Horizontal bars, one a row, each with its number.
---@param given moontide.bars_options
---@param style? moontide.chart_style
---@return string lines without a newline at the end
function chart.bars(given, style)
  local opts = bars_options(given)
  style = style or chart.style()
  local width = opts.width or style.columns
  local label_width, number_width, most = 0, 0, 0
  local texts = {}
  for i, row in ipairs(opts.rows) do
    texts[i] = chart.number(row[2]) .. (opts.unit and " " .. opts.unit or "")
    local label = cut(row[1], width // 2)
    label_width = math.max(label_width, utf8.len(label) or #label)
    number_width = math.max(number_width, #texts[i])
    most = math.max(most, row[2])
  end
  local room = math.max(5, width - label_width - number_width - 3)
  local lines = { opts.title and cut(opts.title, width) }
  for i, row in ipairs(opts.rows) do
    local label = cut(row[1], width // 2)
    local bar = most > 0 and bar_of(row[2] / most * room, style) or ""
    lines[#lines + 1] = (" "):rep(label_width - (utf8.len(label) or #label)) .. label .. " "
      .. (style.utf8 and "│" or "|") .. bar .. " " .. texts[i]
  end
  return table.concat(lines, "\n")
end

---@class moontide.hist_options
---@field bins? integer about so many; 15
---@field log? boolean bins that grow with the value, for long tails; values must be above 0
---@field width? integer of the whole chart in columns
---@field title? string

--- How often which values occur, as bars: of a column of a trace, or of a list of numbers. A bin has its
--- first number and what is below its second; the last has both. Print it.
---@param values moontide.column|number[]
---@param given? moontide.hist_options
---@return moontide.picture
function chart.hist(values, given)
  return require("moontide.draw.histogram")(values, given)
end

--- What a script author sees as mt.chart.
---@class moontide
local public = { chart = { line = chart.line, bars = chart.bars, hist = chart.hist } }
chart.public = public

return chart
