--- Numbers on axes: steps that read well, ticks, labels.

local axis = {}

--- The smallest of 1, 2, 5 times a power of ten that is not below `value`.
---@param value number
---@return number
function axis.nice_step(value)
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
  if value <= 1 then return axis.nice_step(value) end
  for _, step in ipairs(clock_steps) do
    if step >= value * (1 - 1e-9) then return step end
  end
  return 86400 * axis.nice_step(value / 86400)
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
function axis.number(value)
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

--- The axis of values: { bottom =, top =, ticks = { value, label } each }.
---@param series number[][]
---@param height integer lines
---@return table
function axis.of_values(series, height)
  local low, high = range_of(series)
  local step = axis.nice_step((high - low) / math.max(2, height // 2))
  local bottom = math.floor(low / step + 1e-9) * step
  local top = math.ceil(high / step - 1e-9) * step
  return { bottom = bottom, top = top, ticks = ticks(bottom, top, step) }
end

-- Ticks of a logarithmic axis: the powers of ten, with their double and fivefold where those are few; of less
-- than a power of ten equal steps.
local function log_ticks(from, to, width)
  if to < 10 * from then return ticks(from, to, axis.nice_step((to - from) / math.max(2, width // 12))) end
  local list = {}
  local factors = math.log(to / from, 10) < 3 and { 1, 2, 5 } or { 1 }
  for power = math.floor(math.log(from, 10)), math.ceil(math.log(to, 10)) do
    for _, factor in ipairs(factors) do
      local value = factor * 10.0 ^ power
      if value >= from * (1 - 1e-9) and value <= to * (1 + 1e-9) then
        list[#list + 1] = { value, axis.number(value) }
      end
    end
  end
  return list
end

-- The ticks of the x axis, where a value lies on it (0 to 1), and the unit.
local function x_ticks(opts, width)
  local from, to = opts.x_from, opts.x_to
  if opts.x_scale == "log" then
    local span = math.log(to / from)
    return log_ticks(from, to, width), function(value) return math.log(value / from) / span end, opts.x_unit
  end
  local is_time = opts.x_unit == "s"
  local unit, scale = opts.x_unit, 1
  if is_time then unit, scale = time_unit(math.max(math.abs(from), math.abs(to))) end
  local step = (is_time and time_step or axis.nice_step)((to - from) / math.max(2, width // 12))
  return ticks(from, to, step, scale), function(value) return (value - from) / (to - from) end, unit
end

--- The line under the chart with its tick marks, and the line of their labels.
---@param opts table of mt.chart.line
---@param width integer columns
---@param glyphs table<string, string>
---@param margin integer columns left of the axis
---@return string line, string labels where the unit has no room beside them, two lines
function axis.across(opts, width, glyphs, margin)
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
  local text = table.concat(labels)
  if used + utf8.len(unit) > width + 4 then -- has a line of its own
    local before = (" "):rep(margin + math.max(0, width - utf8.len(unit)))
    return table.concat(line), text:gsub(" +$", "") .. "\n" .. before .. unit
  end
  return table.concat(line), text .. unit
end

axis.time_unit = time_unit

return axis
