--- Horizontal bars.
local core = require "moontide.core"
local axis = require "moontide.draw.axis"
local options = require "moontide.kit.options"
local styles = require "moontide.draw.style"
core.base.own()

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
  options.list(opts.rows, "chart.bars: rows", "a list of {label, value}")
  for i, row in ipairs(opts.rows) do
    local what = ("chart.bars: row %d"):format(i)
    options.list(row, what, "{label, value}")
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
local function bars(given, style)
  local opts = bars_options(given)
  style = style or styles.current()
  local width = opts.width or style.columns
  local label_width, number_width, most = 0, 0, 0
  local texts = {}
  for i, row in ipairs(opts.rows) do
    texts[i] = axis.number(row[2]) .. (opts.unit and " " .. opts.unit or "")
    local label = styles.cut(row[1], width // 2)
    label_width = math.max(label_width, utf8.len(label) or #label)
    number_width = math.max(number_width, #texts[i])
    most = math.max(most, row[2])
  end
  local room = math.max(5, width - label_width - number_width - 3)
  local lines = { opts.title and styles.cut(opts.title, width) }
  for i, row in ipairs(opts.rows) do
    local label = styles.cut(row[1], width // 2)
    local bar = most > 0 and bar_of(row[2] / most * room, style) or ""
    lines[#lines + 1] = (" "):rep(label_width - (utf8.len(label) or #label)) .. label .. " "
      .. (style.utf8 and "│" or "|") .. bar .. " " .. texts[i]
  end
  return table.concat(lines, "\n")
end

return bars
