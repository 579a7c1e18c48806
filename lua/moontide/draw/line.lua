--- The line chart.
local core = require "moontide.core"
local axis = require "moontide.draw.axis"
local canvas = require "moontide.draw.canvas"
local options = require "moontide.kit.options"
local styles = require "moontide.draw.style"

local line = {}

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
function line.bins(width, style, series_count)
  return plot_width(width, style) * (fine(series_count or 1, style) and 2 or 1)
end

local unicode_glyphs = { vertical = "│", horizontal = "─", corner = "└", y_tick = "┤", x_tick = "┬" }
local ascii_glyphs = { vertical = "|", horizontal = "-", corner = "+", y_tick = "+", x_tick = "+" }

-- What each series is drawn with, as many on a line as there is room for.
local function legend(opts, style, use_markers)
  local lines, used, room = {}, 0, opts.width or style.columns
  for i, name in ipairs(opts.names or {}) do
    local mark = use_markers and canvas.marker(i) or "━━"
    local text = styles.cut(name, room - utf8.len(mark) - 1)
    local columns = utf8.len(mark) + 1 + (utf8.len(text) or #text)
    if used > 0 and used + 3 + columns <= room then
      lines[#lines], used = lines[#lines] .. "   ", used + 3 + columns
    else
      lines[#lines + 1], used = "", columns
    end
    lines[#lines] = lines[#lines] .. (use_markers and mark or canvas.paint(mark, i, style)) .. " " .. text
  end
  return #lines > 0 and table.concat(lines, "\n") or nil
end

local function check_numbers(values, what)
  options.list(values, what, "a list of numbers")
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
  options.list(opts.series, "chart.line: series", "a list of lists of numbers")
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
function line.draw(given, style)
  local opts = line_options(given)
  style = style or styles.current()
  local width, height = plot_width(opts.width, style), opts.height
  local count = #opts.series
  local is_fine = fine(count, style)
  local glyphs = style.utf8 and unicode_glyphs or ascii_glyphs
  local fine_x, fine_y = is_fine and 2 or 1, is_fine and 4 or 1
  local cells = canvas.new(width, height, fine_x, fine_y, not is_fine)
  local values = axis.of_values(opts.series, height)
  local dots_y = height * fine_y - 1
  local function y_of(value)
    return math.floor((value - values.bottom) / (values.top - values.bottom) * dots_y + 0.5)
  end
  for i, one in ipairs(opts.series) do canvas.series(cells, one, i, width * fine_x, y_of) end

  local labels = {}
  for _, tick in ipairs(values.ticks) do labels[height - 1 - y_of(tick[1]) // fine_y] = tick[2] end
  local lines = {}
  if opts.title then lines[#lines + 1] = styles.cut(opts.title, opts.width or style.columns) end
  if opts.y_unit then
    lines[#lines + 1] = (" "):rep(math.max(0, y_label_width + 1 - #opts.y_unit)) .. opts.y_unit
  end
  for row = 0, height - 1 do
    local label = labels[row] or ""
    local drawn = cells.row(row, style, count > 1)
    lines[#lines + 1] = (" "):rep(y_label_width - #label) .. label .. " "
      .. (labels[row] and glyphs.y_tick or glyphs.vertical) .. drawn
  end
  local below, x_labels = axis.across(opts, width, glyphs, y_label_width + 1)
  lines[#lines + 1] = (" "):rep(y_label_width + 1) .. glyphs.corner .. below
  lines[#lines + 1] = (" "):rep(y_label_width + 1) .. x_labels
  lines[#lines + 1] = legend(opts, style, not is_fine)
  return table.concat(lines, "\n")
end

return line
