--- Rate curves: functions of time in requests per second, with an algebra.
--
-- Rate first, time after. Times are seconds or "90s", "1h30m"; rates are per second or "60/m". A
-- curve is 0 outside [0, duration). Numbers and functions may stand wherever a curve may.
local core = require "moontide.core"
local file = require "moontide.draw.file"
local kinds = require "moontide.kit.kinds"
local lacking = require "moontide.kit.lacking"
local of_number = require "moontide.kit.of_number"
local options = require "moontide.kit.options"
local rate_file = require "moontide.load.rate_file"
local sample = require "moontide.load.curve_sampling"
local shapes = require "moontide.load.curve_shapes"
local styles = require "moontide.draw.style"
local surplus = require "moontide.kit.surplus"

local raw = core.curve
---@class moontide.curve
---@field duration number seconds; math.huge when endless
---@operator add(moontide.curve|number|function): moontide.curve
---@operator sub(moontide.curve|number|function): moontide.curve
---@operator mul(moontide.curve|number|function): moontide.curve
---@operator div(moontide.curve|number|function): moontide.curve
---@operator unm: moontide.curve
---@operator concat(moontide.curve|number|function): moontide.curve
---@operator call(number|string): number its rate at a time; a second argument is the seed of its noise
local methods = lacking.raises("curve", raw.methods, { fields = { "duration" } })

local default_horizon = 24 * 3600 -- seconds over which an endless function is sampled

---@class moontide
local public = {}

local function from_function(fn, duration, horizon, label, step)
  local times, rates = sample(fn, horizon, step)
  return raw.sampled(rates, times, duration, label)
end

---@class moontide.curve_function_options
---@field step? number|string the function is looked at at least so often

--- A curve from a function of time. It is sampled here, once: over [0, duration), or without a
--- duration over 24 h, after which the last value holds. Jumps are kept where they are seen: the function is
--- looked at in cells of a second (of a shorter duration than 17 min 1024 cells, of a longer one than 3 days
--- 262144), at their ends and twice in between, and followed where it is not straight there. A pulse that is
--- shorter than 0.4 of a cell may be missed, and nothing says so: `step` makes the cells as short as it
--- is, at most 10 000 000 of them; mt.steps, mt.points and mt.spike are exact at any length.
---
--- mt.curve(function(t) return t % 60 < 0.01 and 100 or 1 end, "1h", { step = "10ms" })
---@param fn fun(t: number): number seconds to requests per second
---@param duration? number|string
---@param opt? moontide.curve_function_options
---@return moontide.curve
function public.curve(fn, duration, opt)
  if type(fn) ~= "function" then options.wrong("curve: the first argument", fn, "a function of time") end
  local step = options.table("curve", opt, { { "step", kind = "duration", above = 0 } }).step
  if duration == nil then return from_function(fn, math.huge, default_horizon, "curve(function)", step) end
  local seconds = options.duration(duration, "curve: the duration")
  if seconds <= 0 then options.wrong("curve: the duration", duration, "above 0") end
  return from_function(fn, seconds, seconds, ("curve(function, %s)"):format(options.show(seconds)), step)
end

public.rate_of = require "moontide.load.rate_of"

-- --- coercion --------------------------------------------------------------------------------------

-- How long functions among the operands are sampled: as long as the longest curve that ends, which is enough.
local function horizon_of_functions(...)
  local longest = 0
  for i = 1, select("#", ...) do
    local one = select(i, ...)
    local duration = raw.is(one) and one.duration or math.huge
    if duration < math.huge then longest = math.max(longest, duration) end
  end
  return longest > 0 and longest or default_horizon
end

-- The curve that an operand stands for. A function is sampled over `horizon` seconds.
local function operand(value, horizon, operation)
  if raw.is(value) then return value end
  if type(value) == "number" then
    if value ~= value or math.abs(value) == math.huge then
      options.wrong(operation .. ": a number", value, "finite")
    end
    return raw.constant(value, math.huge)
  elseif type(value) == "function" then
    return from_function(value, math.huge, horizon, "curve(function)")
  elseif type(value) == "string" and operation == "a .. b" then
    core.base.raise(("a .. b: a string (%s) is not a curve; Lua reads `c .. 50 .. 0` as `c .. \"500\"`: "
      .. "write mt.const(50, d) for a piece of a curve"):format(options.show(value)))
  elseif type(value) == "string" then
    core.base.raise(("%s: a string (%s) is not a curve; a rate with a unit is mt.const(%s)"):format(
      operation, options.show(value), options.show(value)))
  end
  return options.wrong(operation .. ": the other operand", value, "a curve, a number or a function of time")
end

local function binary(operation, combine)
  return core.base.located(function(a, b)
    local horizon = horizon_of_functions(a, b)
    return combine(operand(a, horizon, operation), operand(b, horizon, operation))
  end)
end

-- What comes after a curve has a clock of its own: a function is sampled as far as one that stands alone.
local after = core.base.located(function(a, b)
  return raw.after(operand(a, default_horizon, "a .. b"), operand(b, default_horizon, "a .. b"))
end)

local metatable = raw.metatable
metatable.__add = binary("a + b", raw.add)
metatable.__sub = binary("a - b", raw.subtract)
metatable.__mul = binary("a * b", raw.multiply)
metatable.__div = binary("a / b", raw.divide)
metatable.__concat = after
metatable.__unm = core.base.located(function(a) return raw.negate(a) end)
metatable.__call = core.base.located(function(self, t, seed)
  local number = seed ~= nil and options.integer(seed, "the seed") or nil
  return raw.at(self, options.duration(t, "the time"), number)
end, "a curve", surplus.refuse)

local function fold(name, combine, ...)
  local operands = table.pack(...)
  for i = 1, 2 do -- which are there, be it as nil
    if operands[i] == nil and operands.n == 2 then
      core.base.raise(("%s: takes two curves or more (argument %d is nil)"):format(name, i))
    end
  end
  local horizon = horizon_of_functions(...)
  local result = operand(operands[1], horizon, name)
  for i = 2, operands.n do result = combine(result, operand(operands[i], horizon, name)) end
  return result
end

--- The largest of two or more curves at each time.
---@param first moontide.curve|number|function
---@param second moontide.curve|number|function
---@return moontide.curve
function public.max(first, second, ...)
  return fold("max", raw.maximum, first, second, ...)
end

--- The smallest of two or more curves at each time.
---@param first moontide.curve|number|function
---@param second moontide.curve|number|function
---@return moontide.curve
function public.min(first, second, ...)
  return fold("min", raw.minimum, first, second, ...)
end

-- --- methods ---------------------------------------------------------------------------------------

--- The curve ended at d (seconds); one that ends before stays as it is.
---@param d number|string
---@return moontide.curve
function methods:take(d)
  return raw.take(self, options.duration(d, "take: the duration"))
end

--- The curve followed by silence up to d (seconds); one that ends later stays as it is.
---@param d number|string math.huge: for ever
---@return moontide.curve
function methods:pad(d)
  return raw.pad(self, d == math.huge and d or options.duration(d, "pad: the duration"))
end

--- The curve d seconds later, 0 before; a negative d drops the start.
---@param d number|string
---@return moontide.curve
function methods:shift(d)
  return raw.shift(self, options.duration(d, "shift: the delay"))
end

--- The curve n times over, or for ever.
---@param n? integer
---@return moontide.curve
function methods:loop(n)
  if n == nil then return raw.loop(self, 0) end
  local rounds = options.count(n, "loop: the number of rounds")
  if rounds == 0 then options.wrong("loop: the number of rounds", n, "1 or more (without one: for ever)") end
  return raw.loop(self, rounds)
end

--- The curve with all durations times k and the same rates.
---@param k number
---@return moontide.curve
function methods:stretch(k)
  return raw.stretch(self, options.number(k, "stretch: the factor"))
end

--- The same requests in 1/k of the time: rates times k, durations divided by k.
---@param k number
---@return moontide.curve
function methods:speed(k)
  return raw.speed(self, options.number(k, "speed: the factor"))
end

--- The curve held between two rates; nil leaves a side open.
---@param low number|string|nil
---@param high number|string|nil
---@return moontide.curve
function methods:clamp(low, high)
  if low == nil and high == nil then core.base.raise "clamp: takes a lowest rate, a highest, or both" end
  return raw.clamp(self, low == nil and -math.huge or options.rate_number(low, "clamp: the lowest rate"),
    high == nil and math.huge or options.rate_number(high, "clamp: the highest rate"))
end

local scale_spec = { { "mean", kind = "rate_number", min = 0 }, { "max", kind = "rate_number", min = 0 } }

---@class moontide.scale_to_options one of them
---@field mean? number|string
---@field max? number|string

--- The curve scaled so that its mean, or its maximum, is the rate given. Noise counts as its mean, so
--- the factor is the same for every seed; where c:mean() is estimated, so is the factor. The mean is signed,
--- and a rate below 0 sends nothing: what comes of a curve that goes below 0 is more than the mean says,
--- unless :clamp(0) stands before it.
---@param o moontide.scale_to_options
---@return moontide.curve
function methods:scale_to(o)
  local v = options.table("scale_to", o, scale_spec)
  if (v.mean == nil) == (v.max == nil) then core.base.raise "scale_to: takes one of mean and max" end
  return raw.scale_to(self, v.mean or v.max, v.max ~= nil)
end

--- The number of requests between two times: the area under the curve, signed.
---@param from? number|string default 0
---@param to? number|string default the curve's end
---@return number
function methods:area(from, to)
  local start = from == nil and 0 or options.duration(from, "area: the start")
  if to == nil and raw.duration(self) == math.huge then
    core.base.raise "area: the curve never ends: say where the area does, c:area(0, \"1h\")"
  end
  return raw.area(self, start, to == nil and raw.duration(self) or options.duration(to, "area: the end"))
end

-- The horizon for a summary of a curve; asked for where the curve itself gives none.
local function horizon_of(self, horizon, name, is_needed)
  if horizon ~= nil then
    local seconds = options.duration(horizon, name .. ": the horizon")
    if seconds <= 0 then options.wrong(name .. ": the horizon", horizon, "above 0") end
    return seconds
  end
  if is_needed and raw.duration(self) == math.huge then
    core.base.raise(("%s: the curve never ends and does not repeat itself: say up to when, c:%s(\"1h\")")
      :format(name, name))
  end
  return 0
end

--- The mean rate: of an endless curve in the long run, or up to a horizon. Noise counts as its mean. Where
--- the rate is not in proportion to its noise (noise in a clamp, in max or min, as a divisor, times itself)
--- the mean over seeds is estimated from 65 536 values; c:mean_error() is what it may be wrong by.
---@param horizon? number|string up to when, needed for an endless curve that never repeats itself
---@return number
function methods:mean(horizon)
  return (raw.mean(self, horizon_of(self, horizon, "mean", raw.period(self) == nil)))
end

--- What c:mean() may be wrong by where it is estimated: two standard errors; else 0.
---@param horizon? number|string as of c:mean()
---@return number
function methods:mean_error(horizon)
  local _, wrong = raw.mean(self, horizon_of(self, horizon, "mean_error", raw.period(self) == nil))
  return wrong or 0
end

--- The largest rate: of an endless curve in its first period, or up to a horizon.
---@param horizon? number|string up to when, needed for an endless curve with noise or without a period
---@return number
function methods:max(horizon)
  local period, _, noisy = raw.period(self)
  return raw.maximum_of(self, horizon_of(self, horizon, "max", period == nil or noisy))
end

-- How much of an endless curve a plot shows.
local function span_of(self)
  local duration = raw.duration(self)
  if duration < math.huge then return duration end
  local period, settled = raw.period(self)
  if period == nil then return default_horizon end
  if period > 0 then return settled + 2 * period end
  return settled > 0 and settled * 1.5 or 60
end

local plot_spec = file.with {
  { "width", kind = "integer", min = 20, max = 1000 }, { "height", kind = "integer", min = 3, max = 200 },
  { "from", kind = "duration", default = 0, min = 0 }, { "to", kind = "duration" },
  { "title", kind = "string" },
}

---@class moontide.curve_plot_options
---@field width? integer of the whole chart in columns
---@field height? integer of the drawing in lines
---@field from? number|string
---@field to? number|string
---@field title? string
---@field file? string a picture's name: it ends in .png, .svg or .pdf, or in .gnuplot (what gnuplot is given)
---@field what? string[] "rate"

--- The mean rates of equal bins.
---@param self moontide.curve
---@param from number seconds
---@param to number
---@param bins integer
---@return number[]
local function means(self, from, to, bins)
  local values = {}
  local function edge(i) return from + (to - from) * (i / bins) end
  for i = 1, bins do values[i] = raw.area(self, edge(i - 1), edge(i)) / (edge(i) - edge(i - 1)) end
  return values
end

--- A picture of the curve for the terminal: print it. Each dot is the mean rate over its bin. With `file` it
-- is drawn into that file.
---@param o? moontide.curve_plot_options
---@return (moontide.picture|true)? done, string? message, string? code
function methods:plot(o)
  local v = options.table("plot", o, plot_spec)
  local to = v.to or span_of(self)
  if to <= v.from then
    core.base.raise(("plot: to (%s) must be after from (%s)"):format(options.show(to), options.show(v.from)))
  end
  v.to, v.title = to, v.title or raw.text(self)
  if file.is_wanted(v) then return file.plot(self, v) end
  return styles.picture(function(style)
    local line = require "moontide.draw.line"
    local values = means(self, v.from, to, line.bins(v.width, style))
    return line.draw({ series = { values }, x_from = v.from, x_to = to, x_unit = "s",
      y_unit = "requests/s", width = v.width, height = v.height, title = v.title }, style)
  end)
end

local curve = { public = public, methods = { { "curve", methods } }, is = raw.is, means = means }

local endless = of_number.remembered(function(rate, what)
  return raw.constant(options.rate_number(rate, what), math.huge)
end)

--- The curve that a value stands for: a number is an endless constant, a function of time is sampled, a text
--- is read as on the command line ("sine:mean=20,amp=10,period=60",
--- "steps:5@1m,20@5m", "rates.csv", "counts.csv:per=1m").
---@param value any
---@param what string what the value is, for the error message
---@return moontide.curve
function curve.of(value, what)
  if type(value) == "number" then return endless(value, what) end
  if raw.is(value) then return value end
  if type(value) == "function" then
    return from_function(value, math.huge, default_horizon, "curve(function)")
  elseif type(value) == "string" then
    if rate_file.names(value) then return rate_file.curve(value, what) end
    return shapes.of_text(value, what)
  end
  return options.wrong(what, value, "a curve, a rate or a function of time")
end

kinds.by_name.curve = { convert = curve.of, placeholder = "CURVE" }

local rate = kinds.number_or(options.rate_number, curve.of, "RATE")
kinds.by_name.rate = { placeholder = rate.placeholder, convert = function(value, what, option, from_text)
  if type(value) == "string" and rate_file.names(value) then return curve.of(value, what) end
  return rate.convert(value, what, option, from_text)
end }

return curve
