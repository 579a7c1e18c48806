--- A canvas of characters: dots, markers and colours.

local canvas = {}

-- What series are drawn with where cells have no dots.
local markers = { "*", "+", "o", "x", "#", "@", "%", "=", "&", "~" }
local colours = { "36", "33", "35", "32", "31", "34" }
-- The bit of each dot of a braille cell, by row and column.
local braille_bits = { { 0x01, 0x08 }, { 0x02, 0x10 }, { 0x04, 0x20 }, { 0x40, 0x80 } }

--- The text in the colour of a series, where the style has colour.
---@param text string
---@param series integer
---@param style moontide.chart_style
---@return string
function canvas.paint(text, series, style)
  if not style.colour then return text end
  return ("\27[%sm%s\27[0m"):format(colours[(series - 1) % #colours + 1], text)
end

--- The marker of a series.
---@param series integer
---@return string
function canvas.marker(series)
  return markers[(series - 1) % #markers + 1]
end

--- A canvas of width x height cells, each fine_x by fine_y dots. `dot(x, y, series)`: x from the left,
--- y from the bottom, whole numbers from 0; what is outside is left out. `row(row, style, many)`: the text of
--- a row of cells, coloured where there are many series.
function canvas.new(width, height, fine_x, fine_y, use_markers)
  local cells = {}
  local self = {}

  function self.dot(x, y, series)
    local column, row = x // fine_x, height - 1 - y // fine_y
    if column < 0 or column >= width or row < 0 or row >= height then return end
    local at = row * width + column
    local cell = cells[at]
    if use_markers then
      cells[at] = { series = series, text = canvas.marker(series) }
      return
    end
    if not cell or cell.series ~= series then
      cell = { series = series, bits = cell and cell.bits or 0 }
      cells[at] = cell
    end
    cell.bits = cell.bits | braille_bits[fine_y - y % fine_y][x % fine_x + 1]
  end

  function self.row(row, style, many)
    local out, used = {}, 0
    for column = 0, width - 1 do
      local cell = cells[row * width + column]
      if cell then
        local text = cell.text or utf8.char(0x2800 + cell.bits)
        out[#out + 1] = (" "):rep(column - used) .. (many and canvas.paint(text, cell.series, style) or text)
        used = column + 1
      end
    end
    return table.concat(out)
  end
  return self
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

--- Draws one series, each dot column from its lowest to its highest value, joined to the one before.
--- The joining line belongs to the later column and does not cover the dot before it. `on` is what canvas.new
--- gave, y_of(value) the dot from the bottom.
function canvas.series(on, values, series, dots, y_of)
  local low_before, high_before
  for x = 0, dots - 1 do
    local low, high = range_at(values, x, dots)
    if low then
      low, high = y_of(low), y_of(high)
      local from, to = low, high
      if low_before and low > high_before then from = high_before + 1 end
      if low_before and high < low_before then to = low_before - 1 end
      for y = from, to do on.dot(x, y, series) end
    end
    low_before, high_before = low, high
  end
end

return canvas
