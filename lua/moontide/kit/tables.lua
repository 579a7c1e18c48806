--- Tables of texts for people.
local core = require "moontide.core"
core.base.own()

local tables = {}

--- A number with so many decimals, its thousands apart: "12,035.06".
---@param number number finite
---@param decimals integer
---@return string
function tables.number(number, decimals)
  local sign, whole, fraction = ("%." .. decimals .. "f"):format(number):match "^(-?)(%d+)(%.?%d*)$"
  local grouped = whole:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
  return sign .. grouped .. fraction
end

--- Rows of cells as lines: the first column to the left, the others to the right.
---@param rows string[][]
---@return string
function tables.layout(rows)
  local widths, lines = {}, {}
  local function width(cell) return utf8.len(cell) or #cell end
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, width(cell)) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      local space = (" "):rep(widths[i] - width(cell))
      cells[i] = i == 1 and cell .. space or space .. cell
    end
    lines[#lines + 1] = table.concat(cells, "  ")
  end
  return table.concat(lines, "\n")
end

return tables
