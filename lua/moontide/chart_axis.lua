--- Where an axis has its ticks, and what is written beside them.
local core = require "moontide.core"
core.base.own()

local axis = {}

---@class moontide.tick
---@field value number
---@field label string

-- The smallest of 1, 2, 5 times a power of ten that is not below `least`.
local function nice_step(least)
  local power = 10.0 ^ math.floor(math.log(least, 10))
  for _, digit in ipairs { 1, 2, 5 } do
    if digit * power >= least * (1 - 1e-9) then return digit * power end
  end
  return 10 * power
end

local minute, hour, day = 60, 3600, 86400
local time_steps = {
  1, 2, 5, 10, 20, 30, minute, 2 * minute, 5 * minute, 10 * minute, 20 * minute, 30 * minute,
  hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour,
}

local function time_step(least)
  if least <= 1 then return nice_step(least) end
  for _, step in ipairs(time_steps) do
    if step >= least then return step end
  end
  return math.max(1, nice_step(least / day)) * day
end

local function number_label(value, size)
  if value == 0 then return "0" end
  if size >= 1e13 or size < 1e-4 then return ("%.3g"):format(value) end
  if size >= 1e7 then return ("%.9gM"):format(value / 1e6) end
  if size >= 1e4 then return ("%.9gk"):format(value / 1e3) end
  return ("%.9g"):format(value)
end

-- Up to ten minutes in seconds, beyond that "1h30m".
local function time_label(value, size)
  if size < 10 * minute or value == 0 then return ("%.9gs"):format(value) end
  local rest, text = math.abs(value), value < 0 and "-" or ""
  for _, unit in ipairs { { day, "d" }, { hour, "h" }, { minute, "m" } } do
    local whole = math.floor(rest / unit[1])
    if whole > 0 then text = ("%s%d%s"):format(text, whole, unit[2]) end
    rest = rest - whole * unit[1]
  end
  return rest > 0 and ("%s%.9gs"):format(text, rest) or text
end

--- The ticks within [low, high], low < high, at most `most` + 1 of them, at round numbers.
---@param low number
---@param high number
---@param most integer
---@param unit string|nil "s": times, with their unit in the label
---@return moontide.tick[] ticks
---@return number step between two of them
function axis.ticks(low, high, most, unit)
  local is_time = unit == "s"
  local step = (is_time and time_step or nice_step)((high - low) / math.max(most, 1))
  local size = math.max(math.abs(low), math.abs(high))
  local ticks = {}
  local first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
  for i = first, last do
    local value = i * step
    ticks[#ticks + 1] = { value = value, label = (is_time and time_label or number_label)(value, size) }
  end
  return ticks, step
end

--- A range that holds low to high and 0, and ends at round numbers or at 0.
---@param low number
---@param high number
---@param most integer as for ticks
---@return number low, number high
function axis.range(low, high, most)
  low, high = math.min(low, 0), math.max(high, 0)
  if low == high then high = 1 end
  local step = nice_step((high - low) / math.max(most, 1))
  return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
end

--- A number as an axis would write it.
axis.number_label = number_label

return axis
