--- Pictures for the terminal: lines over time and horizontal bars.
--
-- Braille and block characters where the locale is UTF-8 and TERM is not "dumb", else ASCII. Colour
-- tells several lines apart on a terminal, unless NO_COLOR is set; elsewhere each line has its mark.
local core = require "moontide.core"
local axis = require "moontide.chart_axis"
local options = require "moontide.options"
core.base.own()

local chart = {}

local default_width, least_width = 80, 20
local label_width = 7 -- of the y axis, unless a label is longer: pictures below one another line up
local marks = { "*", "+", "o", "x", "#", "@", "%", "&" }
local colours = { "36", "33", "35", "32", "31", "34" } -- of ECMA-48: cyan, yellow, magenta, ...

-- --- what the terminal can show -------------------------------------------------------------------

---@class moontide.chart.style
---@field unicode boolean braille and block characters
---@field colour boolean
---@field width integer columns

local function is_set(name)
  local value = os.getenv(name)
  return value ~= nil and value ~= ""
end

local function locale()
  for _, name in ipairs { "LC_ALL", "LC_CTYPE", "LANG" } do
    if is_set(name) then return os.getenv(name):lower() end
  end
  return ""
end

--- How to draw for where standard output goes.
---@return moontide.chart.style
function chart.style()
  local term = os.getenv "TERM"
  local columns = math.tointeger(tonumber(os.getenv "COLUMNS")) or core.base.terminal_width() or default_width
  return {
    unicode = locale():find "utf%-?8" ~= nil and term ~= "dumb",
    colour = core.base.is_terminal(1) and not is_set "NO_COLOR" and term ~= "dumb",
    width = math.max(columns, least_width),
  }
end

local picture_type = { __name = "moontide.picture", __tostring = function(self) return self.text end }

---@class moontide.picture
---@field text string

--- A value whose tostring is the text.
---@param text string
---@return moontide.picture
function chart.picture(text)
  return setmetatable({ text = text }, picture_type)
end

-- --- texts ----------------------------------------------------------------------------------------

local function text_width(text)
  return utf8.len(text) or #text
end

-- The text in at most `width` columns.
local function cut(text, width)
  text = text:gsub("%c", " ")
  if text_width(text) <= width then return text end
  local keep = math.max(width - 3, 0)
  local last = utf8.len(text) and utf8.offset(text, keep + 1) - 1 or keep
  return text:sub(1, last) .. ("..."):sub(1, width)
end

local function pad_left(text, width)
  return (" "):rep(width - text_width(text)) .. text
end

local function pad_right(text, width)
  return text .. (" "):rep(width - text_width(text))
end

local function title_line(title, unit, width)
  local suffix = unit and "[" .. unit .. "]" or ""
  if not title then return suffix end
  if suffix == "" then return cut(title, width) end
  return cut(title, width - text_width(suffix) - 2) .. "  " .. suffix
end

-- --- the canvas -----------------------------------------------------------------------------------

-- A braille character has 2 by 4 dots; these are their bits, column by column from the top.
local braille_bits = { { 0x01, 0x02, 0x04, 0x40 }, { 0x08, 0x10, 0x20, 0x80 } }

local function is_finite(value)
  return value - value == 0
end

-- Cells of dots: braille, or one mark each. `bits` and `owner` (the number of the series drawn last)
-- are kept by cell.
local function new_canvas(columns, rows, is_braille)
  return {
    columns = columns, rows = rows, across = is_braille and 2 or 1, down = is_braille and 4 or 1,
    bits = {}, owner = {},
  }
end

-- Sets the dots from y = low to high (0 is the lowest) in dot column x (0 is the first).
local function draw_column(canvas, x, low, high, series)
  local column = braille_bits[x % canvas.across + 1]
  for y = low, high do
    local from_top = canvas.rows * canvas.down - 1 - y
    local cell = (from_top // canvas.down) * canvas.columns + x // canvas.across
    canvas.bits[cell] = (canvas.bits[cell] or 0) | column[from_top % canvas.down + 1]
    canvas.owner[cell] = series
  end
end

-- The least and largest value in dot column i (from 0) of `dots`; nil where there is none. With more
-- values than dots none is left out, with fewer straight lines join the bins' middles.
local function column_values(values, i, dots)
  local count = #values
  if count >= dots then
    local low, high = math.huge, -math.huge
    for k = i * count // dots + 1, (i + 1) * count // dots do
      if is_finite(values[k]) then low, high = math.min(low, values[k]), math.max(high, values[k]) end
    end
    if low <= high then return low, high end
    return nil
  end
  local place = math.max(1, math.min(count, (i + 0.5) * count / dots + 0.5))
  local before = math.floor(place)
  local value = values[before]
  if place > before then
    value = value + (values[before + 1] - value) * (place - before)
    if not is_finite(value) then value = values[math.floor(place + 0.5)] end
  end
  if is_finite(value) then return value, value end
end

local function draw_series(canvas, values, low, high, number)
  local dots, top = canvas.columns * canvas.across, canvas.rows * canvas.down - 1
  local before_low, before_high
  for x = 0, dots - 1 do
    local least, largest = column_values(values, x, dots)
    if least then
      local from = math.floor((least - low) / (high - low) * top + 0.5)
      local to = math.floor((largest - low) / (high - low) * top + 0.5)
      draw_column(canvas, x, before_high and math.min(from, before_high + 1) or from,
        before_low and math.max(to, before_low - 1) or to, number)
      before_low, before_high = from, to
    else
      before_low, before_high = nil, nil
    end
  end
end

local function coloured(text, number, style)
  if not style.colour then return text end
  return ("\27[%sm%s\27[0m"):format(colours[(number - 1) % #colours + 1], text)
end

local function canvas_row(canvas, row, style)
  local cells, last = {}, 0
  for column = 0, canvas.columns - 1 do
    local cell = row * canvas.columns + column
    local bits, number = canvas.bits[cell], canvas.owner[cell]
    if bits then
      local mark = canvas.across == 2 and utf8.char(0x2800 + bits) or marks[(number - 1) % #marks + 1]
      cells[column + 1] = coloured(mark, number, style)
      last = column + 1
    else
      cells[column + 1] = " "
    end
  end
  return table.concat(cells, "", 1, last)
end

-- --- line charts ----------------------------------------------------------------------------------

local glyphs = {
  [true] = { tick = "┤", side = "│", corner = "└", bottom = "─", bottom_tick = "┬", bar = "█" },
  [false] = { tick = "+", side = "|", corner = "+", bottom = "-", bottom_tick = "+", bar = "#" },
}

-- The axis below, of columns + 1 characters, and the line of its labels.
local function bottom_lines(o, columns, gutter, glyph)
  local line = { glyph.corner }
  for i = 2, columns + 1 do line[i] = glyph.bottom end
  local labels, used = "", 0
  local right = gutter + columns + 1
  for _, tick in ipairs(axis.ticks(o.x_from, o.x_to, columns // 10, o.x_unit)) do
    local place = math.floor((tick.value - o.x_from) / (o.x_to - o.x_from) * columns + 0.5)
    if place > 0 then line[place + 1] = glyph.bottom_tick end
    local start = math.min(gutter + place - (#tick.label - 1) // 2, right - #tick.label)
    if start >= used + (used > 0 and 1 or 0) then
      labels = labels .. (" "):rep(start - used) .. tick.label
      used = start + #tick.label
    end
  end
  if o.x_unit and o.x_unit ~= "s" then labels = labels .. " " .. o.x_unit end
  return (" "):rep(gutter) .. table.concat(line), labels
end

local function extent(series)
  local low, high = math.huge, -math.huge
  for _, values in ipairs(series) do
    for _, value in ipairs(values) do
      if is_finite(value) then low, high = math.min(low, value), math.max(high, value) end
    end
  end
  if low > high then return 0, 0 end
  return low, high
end

local function legend(names, is_braille, style)
  local entries = {}
  for i, name in ipairs(names) do
    local mark = is_braille and "─" or marks[(i - 1) % #marks + 1]
    entries[i] = coloured(mark, i, style) .. " " .. tostring(name)
  end
  return table.concat(entries, "   ")
end

local function check_series(series, names)
  if type(series) ~= "table" or #series == 0 then
    options.wrong("chart.line: series", series, "a list of lists of numbers")
  end
  for i, values in ipairs(series) do
    local what = ("chart.line: series %d"):format(i)
    if type(values) ~= "table" or #values == 0 then options.wrong(what, values, "a list of numbers") end
    for k, value in ipairs(values) do
      if type(value) ~= "number" then options.wrong(("%s: value %d"):format(what, k), value, "a number") end
    end
  end
  if names ~= nil and (type(names) ~= "table" or #names ~= #series) then
    options.wrong("chart.line: names", names, "a list of one name for each of the series")
  end
end

---@class moontide.chart.line
---@field series number[][]
---@field names string[]? for a legend
---@field x_from number? default 0
---@field x_to number
---@field x_unit string?
---@field y_unit string?
---@field title string?
---@field width integer? columns; default: the terminal's
---@field height integer? rows between the axes; default 12
local line_spec = {
  { "series", kind = "any", required = true }, { "names", kind = "any" },
  { "x_from", kind = "number", default = 0 }, { "x_to", kind = "number", required = true },
  { "x_unit", kind = "string" }, { "y_unit", kind = "string" }, { "title", kind = "string" },
  { "width", kind = "integer", min = least_width, max = 1000 },
  { "height", kind = "integer", min = 3, max = 200, default = 12 },
}

-- The y axis: its range, a label or nil for each row, and how wide the labels are.
local function left_axis(series, rows)
  local low, high = axis.range(select(1, extent(series)), select(2, extent(series)), rows // 2)
  local labels, width = {}, label_width
  for _, tick in ipairs(axis.ticks(low, high, rows // 2)) do
    local row = math.floor((high - tick.value) / (high - low) * (rows - 1) + 0.5)
    labels[row] = tick.label
    width = math.max(width, #tick.label)
  end
  return low, high, labels, width
end

local function draw_line(o, style)
  check_series(o.series, o.names)
  if o.x_to <= o.x_from then
    core.base.raise(("chart.line: x_to (%s) must be above x_from (%s)"):format(options.show(o.x_to),
      options.show(o.x_from)))
  end
  local width = o.width or style.width
  local glyph = glyphs[style.unicode]
  -- Braille lines cannot be told apart without colour.
  local is_braille = style.unicode and (#o.series == 1 or style.colour)
  local low, high, labels, gutter = left_axis(o.series, o.height)
  local columns = math.max(width - gutter - 2, 1)
  local canvas = new_canvas(columns, o.height, is_braille)
  for i, values in ipairs(o.series) do draw_series(canvas, values, low, high, i) end

  local lines = {}
  if o.title or o.y_unit then lines[1] = title_line(o.title, o.y_unit, width) end
  for row = 0, o.height - 1 do
    local side = labels[row] and glyph.tick or glyph.side
    lines[#lines + 1] = pad_left(labels[row] or "", gutter) .. " " .. side .. canvas_row(canvas, row, style)
  end
  lines[#lines + 1], lines[#lines + 2] = bottom_lines(o, columns, gutter + 1, glyph)
  if o.names then lines[#lines + 1] = (" "):rep(gutter + 1) .. legend(o.names, is_braille, style) end
  return table.concat(lines, "\n")
end

--- A picture of lines: each series is a list of values over equal bins of x; NaN is a gap. The y axis
--- holds 0. With x_unit "s" the ticks are times.
---@param o moontide.chart.line
---@param style? moontide.chart.style
---@return string picture lines without a final newline
chart.line = core.base.located(function(o, style)
  return draw_line(options.table("chart.line", o, line_spec), style or chart.style())
end)

--- How many values a line chart of this width can show one beside the other.
---@param width integer|nil columns; default the style's
---@param style moontide.chart.style
---@return integer
function chart.bins(width, style)
  return math.max((width or style.width) - label_width - 2, 1) * (style.unicode and 2 or 1)
end

-- --- bars -----------------------------------------------------------------------------------------

-- Blocks of 1 to 7 eighths of a character, from the left.
local eighths = { "▏", "▎", "▍", "▌", "▋", "▊", "▉" }

-- The bar of a share above 0: however small, it is seen.
local function bar(share, columns, style)
  local glyph = glyphs[style.unicode].bar
  if not style.unicode then
    local full = math.floor(share * columns + 0.5)
    return glyph:rep(math.max(full, 1))
  end
  local parts = math.max(math.floor(share * columns * 8 + 0.5), 1)
  return glyph:rep(parts // 8) .. (eighths[parts % 8] or "")
end

local function check_rows(rows)
  local form = "{label, value}, the value a number that is not negative"
  if type(rows) ~= "table" or #rows == 0 then options.wrong("chart.bars: rows", rows, "a list of rows") end
  for i, row in ipairs(rows) do
    local value = type(row) == "table" and row[2]
    if type(value) ~= "number" or not (value >= 0 and is_finite(value)) or row[1] == nil then
      options.wrong(("chart.bars: row %d"):format(i), row, form)
    end
  end
end

local bars_spec = {
  { "rows", kind = "any", required = true }, { "title", kind = "string" }, { "unit", kind = "string" },
  { "width", kind = "integer", min = least_width, max = 1000 },
}

local function draw_bars(o, style)
  check_rows(o.rows)
  local width = o.width or style.width
  local labels, values, label_columns, value_columns, largest = {}, {}, 0, 0, 0
  for i, row in ipairs(o.rows) do
    labels[i] = cut(tostring(row[1]), width // 3)
    values[i] = ("%.6g"):format(row[2])
    label_columns = math.max(label_columns, text_width(labels[i]))
    value_columns = math.max(value_columns, #values[i])
    largest = math.max(largest, row[2])
  end
  local columns = math.max(width - label_columns - value_columns - 3, 1)
  local lines = {}
  if o.title or o.unit then lines[1] = title_line(o.title, o.unit, width) end
  for i, row in ipairs(o.rows) do
    local share = largest > 0 and row[2] / largest or 0
    local drawn = share > 0 and " " .. coloured(bar(share, columns, style), 1, style) or ""
    lines[#lines + 1] = pad_right(labels[i], label_columns) .. " " .. pad_left(values[i], value_columns)
      .. drawn
  end
  return table.concat(lines, "\n")
end

--- A picture of horizontal bars, the longest as long as there is room.
---@param o { rows: { [1]: any, [2]: number }[], title: string?, unit: string?, width: integer? }
---@param style? moontide.chart.style
---@return string picture lines without a final newline
chart.bars = core.base.located(function(o, style)
  return draw_bars(options.table("chart.bars", o, bars_spec), style or chart.style())
end)

return chart
