--- Turns a Lua function of time into points joined by straight lines, once.
--
-- The span is cut into cells (one a second where that is between 1024 and 262144), each cell halved
-- until straight lines follow the function to 1e-5 of its largest value; a jump is cornered to a
-- nanosecond and stays a jump. A feature that falls between two cells' samples is not seen: shorter cells may
-- be asked for.
local core = require "moontide.core"

local fewest_cells, most_cells, most_points = 1024, 262144, 1000000
local most_asked = 10000000 -- cells, where their length is asked for
local follow, merge = 1e-5, 1e-10 -- of the largest value: allowed error, and what counts as straight
local jump_width = 1e-9           -- seconds, or of the time where that is more
local inner = { 0.382, 0.707 }    -- where in a cell the straight line is checked

-- The function, checked: a usage error that says at which t it went wrong.
local function checked(fn)
  return function(t)
    local ok, value = pcall(fn, t)
    if not ok then
      core.base.raise(("curve: the function failed at t = %.15g s: %s"):format(t, tostring(value)))
    end
    if type(value) ~= "number" then
      core.base.raise(("curve: the function must return a number, not %s (at t = %.15g s)"):format(
        type(value), t))
    end
    if value ~= value or value == math.huge or value == -math.huge then
      core.base.raise(("curve: the function must return a finite number, not %s (at t = %.15g s)"):format(
        value ~= value and "NaN" or value, t))
    end
    return value
  end
end

-- Collects points, leaving out those that lie on the straight line between their neighbours.
local function collector(tolerance)
  local times, rates = {}, {}
  local last_t, last_v
  local low, high -- slopes from the last kept point that pass near all points since

  local function keep(t, v)
    times[#times + 1], rates[#rates + 1] = t, v
    low, high = -math.huge, math.huge
  end

  local function add(t, v)
    if not last_t then
      keep(t, v)
    else
      local dt = t - times[#times]
      local slope = (v - rates[#rates]) / dt
      if t == last_t or not (slope >= low and slope <= high) then
        if last_t ~= times[#times] or last_v ~= rates[#rates] then keep(last_t, last_v) end
        dt = t - times[#times]
        slope = (v - rates[#rates]) / dt
      end
      if dt > 0 then
        low = math.max(low, slope - tolerance / dt)
        high = math.min(high, slope + tolerance / dt)
      else
        keep(t, v)
      end
    end
    last_t, last_v = t, v
  end

  local function finish()
    if last_t ~= times[#times] then keep(last_t, last_v) end
    return times, rates
  end
  return add, finish, times
end

-- Where between a and b, a nanosecond apart, the jump is: a round time, if one is there.
local function place_of_jump(a, b)
  local rounded = math.floor(b * 1e6 + 0.5) / 1e6
  return (rounded >= a and rounded <= b) and rounded or b
end

local function largest(values)
  local size = 0
  for _, value in ipairs(values) do size = math.max(size, math.abs(value)) end
  return size
end

--- Samples fn over [0, duration).
---@param fn fun(t: number): number
---@param duration number seconds, finite
---@param step? number seconds: cells are no longer
---@return number[] times increasing; twice the same where the function jumps
---@return number[] rates
return function(fn, duration, step)
  local read = checked(fn)
  local cells = math.max(fewest_cells, math.min(most_cells, math.ceil(duration)),
    step and math.ceil(duration / step - 1e-9) or 0)
  if cells > most_asked then
    core.base.raise(("curve: steps of %.15g s are %d over %.15g s, at most %d are taken"):format(step, cells,
      duration, most_asked))
  end
  local grid = {}
  for i = 0, cells - 1 do grid[i + 1] = read(duration * (i / cells)) end
  grid[cells + 1] = read(duration * (1 - 2 ^ -50)) -- the end itself is outside
  local size = largest(grid)
  local tolerance = follow * size
  local add, finish, times = collector(merge * size)

  local function refine(a, value_a, b, value_b)
    local straight = true
    for _, part in ipairs(inner) do
      local value = read(a + (b - a) * part)
      straight = straight and math.abs(value_a + (value_b - value_a) * part - value) <= tolerance
    end
    if straight then return add(b, value_b) end
    if b - a <= jump_width * math.max(1, b) then
      local place = place_of_jump(a, b)
      add(place, value_a)
      return add(place, value_b)
    end
    if #times > most_points then
      core.base.raise(("curve: the function changes too fast to be followed over %.15g s (near t = %.15g s): "
        .. "give a shorter duration, mt.curve(fn, d), or build it from mt.sine, mt.steps, mt.points"):format(
        duration, a))
    end
    local middle = a + (b - a) / 2
    local value = read(middle)
    refine(a, value_a, middle, value)
    refine(middle, value, b, value_b)
  end

  add(0, grid[1])
  for i = 1, cells do
    local b = i == cells and duration or duration * (i / cells)
    local from = duration * ((i - 1) / cells)
    if i == cells then
      -- The end is outside: what is read there is the limit from below.
      local limit = read
      read = function(t) return limit(math.min(t, duration * (1 - 2 ^ -50))) end
    end
    refine(from, grid[i], b, grid[i + 1])
  end
  return finish()
end
