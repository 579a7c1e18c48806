--- Texts for people: counted things, numbers, times, tables.

local text = {}

-- "%.2f", by the decimals.
local formats = setmetatable({}, { __index = function(known, decimals)
  known[decimals] = "%." .. decimals .. "f"
  return known[decimals]
end })

--- A number with its thousands apart: "12,035.06"; "N/A" without one.
---@param value number?
---@param decimals integer
---@return string
function text.number(value, decimals)
  if not value then return "N/A" end
  local plain = formats[decimals]:format(value)
  if value > -999 and value < 999 then return plain end
  local sign, whole, fraction = plain:match "^(-?)(%d+)(%.?%d*)$"
  return sign .. whole:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "") .. fraction
end

--- So many of a thing: "1 request", "12035 requests".
---@param count integer
---@param noun string
---@param shown? string the number as it is to be written
---@return string
function text.count(count, noun, shown)
  return ("%s %s%s"):format(shown or ("%d"):format(count), noun, count == 1 and "" or "s")
end

--- The same with thousands apart: "12,035 requests".
---@param count integer
---@param noun string
---@return string
function text.grouped_count(count, noun)
  return text.count(count, noun, text.number(count, 0))
end

--- What was passed over: "skipped 2 bad lines; the first: WHAT IS WRONG".
---@param count integer
---@param first string
---@param noun? string "bad line" when left out
---@return string
function text.skipped(count, first, noun)
  return ("skipped %s; the first: %s"):format(text.count(count, noun or "bad line"), first)
end

--- Whole seconds: "1h30m", "0s".
---@param seconds integer
---@return string
function text.time(seconds)
  if seconds < 0 then return "-" .. text.time(-seconds) end
  local parts = ""
  for _, unit in ipairs { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 } } do
    local count = seconds // unit[2]
    if count > 0 then parts = parts .. count .. unit[1] end
    seconds = seconds % unit[2]
  end
  return parts == "" and "0s" or parts
end

local function width(cell) return utf8.len(cell) or #cell end

--- Pieces behind one another with a space between, as many on a line as it has room for.
---@param pieces string[]
---@param room integer
---@return string[] lines
function text.filled(pieces, room)
  local lines, line = {}, ""
  for _, piece in ipairs(pieces) do
    if line ~= "" and width(line) + 1 + width(piece) > room then
      lines[#lines + 1], line = line, piece
    else
      line = line == "" and piece or line .. " " .. piece
    end
  end
  lines[#lines + 1] = line
  return lines
end

--- Names as a sentence has them: "a", "a and b", "a, b and c".
---@param names string[]
---@return string
function text.listed(names)
  if #names < 2 then return names[1] or "" end
  return table.concat(names, ", ", 1, #names - 1) .. " and " .. names[#names]
end

--- Rows of cells as lines: the first column to the left, the others to the right.
---@param rows string[][]
---@return string lines without a newline at the end
function text.aligned(rows)
  local widths, lines = {}, {}
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

--- A seed as it is given, 0 to 2^64 - 1; Lua's negative numbers are the upper half.
---@param value integer
---@return string
function text.seed(value)
  if value >= 0 then return tostring(value) end
  local tens = (value >> 1) // 5
  return ("%d%d"):format(tens, value - tens * 10)
end

return text
