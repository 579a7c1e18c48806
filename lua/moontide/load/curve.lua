--- Rate curves: functions of time in requests per second, with an algebra.
--
-- Rate first, time after. Times are seconds or "90s", "1h30m"; rates are per second or "60/m". A
-- curve is 0 outside [0, duration). Numbers and functions may stand wherever a curve may.
local core = require "moontide.core"
local chart = require "moontide.draw.chart"
local options = require "moontide.kit.options"
local sample = require "moontide.load.curve_sampling"
core.base.own()

local raw = core.curve
---@class moontide.curve
---@field duration number seconds; math.huge when endless
---@operator add(moontide.curve|number|function): moontide.curve
---@operator sub(moontide.curve|number|function): moontide.curve
---@operator mul(moontide.curve|number|function): moontide.curve
---@operator div(moontide.curve|number|function): moontide.curve
---@operator unm: moontide.curve
---@operator concat(moontide.curve|number|function): moontide.curve
---@operator call(number|string): number
local methods = raw.methods

local default_horizon = 24 * 3600 -- seconds over which an endless function is sampled

---@class moontide
local public = {}

-- --- makers ----------------------------------------------------------------------------------------

-- A duration given or not: nil is endless.
local function duration_or_endless(value, what)
  return value == nil and math.huge or options.duration(value, what)
end

--- A constant rate, endless unless a duration is given.
---@param rate number|string requests per second
---@param duration? number|string seconds
---@return moontide.curve
function public.const(rate, duration)
  return raw.constant(options.rate_number(rate, "const: the rate"),
    duration_or_endless(duration, "const: the duration"))
end

--- A straight line from one rate to another.
---@param from number|string requests per second at the start
---@param to number|string requests per second at the end
---@param duration number|string seconds
---@return moontide.curve
function public.ramp(from, to, duration)
  return raw.ramp(options.rate_number(from, "ramp: the first rate"),
    options.rate_number(to, "ramp: the last rate"), options.duration(duration, "ramp: the duration"))
end

-- The list part of `given` as two lists of numbers.
local function pairs_of(given, function_name, spec, noun, form)
  local values = options.table(function_name, given, spec)
  local rates, times = {}, {}
  for i, item in ipairs(given or {}) do
    local what = ("%s: %s %d"):format(function_name, noun, i)
    if type(item) ~= "table" or getmetatable(item) or #item ~= 2 then options.wrong(what, item, form) end
    rates[i] = options.rate_number(item[1], what .. ": the rate")
    times[i] = options.duration(item[2], what .. ": the time")
  end
  return values, rates, times
end

local steps_spec = { items = true }

--- Constant pieces, one after the other, with jumps between them.
---@param pieces { [1]: number|string, [2]: number|string }[] { rate, duration } each
---@return moontide.curve
function public.steps(pieces)
  local _, rates, durations = pairs_of(pieces, "steps", steps_spec, "piece", "{rate, duration}")
  return raw.steps(rates, durations)
end

local points_spec = { items = true, { "smooth", kind = "boolean", default = false } }

---@class moontide.points_options { rate, time } each, times increasing
---@field [integer] { [1]: number|string, [2]: number|string }
---@field smooth? boolean

--- Straight lines (or, with smooth=true, a monotone cubic) through points; holds the first rate from
--- 0 and ends at the last time.
---@param list moontide.points_options
---@return moontide.curve
function public.points(list)
  local values, rates, times = pairs_of(list, "points", points_spec, "point", "{rate, time}")
  return raw.points(rates, times, values.smooth)
end

local sine_spec = {
  { "mean", kind = "rate_number" }, { "amp", kind = "rate_number" },
  { "min", kind = "rate_number" }, { "max", kind = "rate_number" },
  { "period", kind = "duration", above = 0, required = true },
  { "phase", kind = "duration" }, { "peak_at", kind = "duration" },
}

-- Mean and amplitude from exactly one of the two ways to say them.
local function mean_and_amp(o)
  local by_mean = o.mean ~= nil or o.amp ~= nil
  local by_range = o.min ~= nil or o.max ~= nil
  if by_mean and by_range then
    core.base.raise "sine: give mean and amp, or min and max, not a mixture of them"
  end
  if by_range then
    if o.min == nil then core.base.raise "sine: min is required beside max" end
    if o.max == nil then core.base.raise "sine: max is required beside min" end
    if o.min > o.max then
      core.base.raise(("sine: min (%s) must not be above max (%s)"):format(options.show(o.min),
        options.show(o.max)))
    end
    return (o.min + o.max) / 2, (o.max - o.min) / 2
  end
  if o.mean == nil and o.amp == nil then
    core.base.raise "sine: mean and amp, or min and max, are required"
  end
  if o.mean == nil then core.base.raise "sine: mean is required beside amp" end
  if o.amp == nil then core.base.raise "sine: amp is required beside mean" end
  return o.mean, o.amp
end

local function sine_of(o)
  local mean, amp = mean_and_amp(o)
  if o.phase and o.peak_at then core.base.raise "sine: give phase or peak_at, not both" end
  local phase = o.phase or 0
  if o.peak_at then phase = o.peak_at - o.period * (amp < 0 and 0.75 or 0.25) end
  return raw.sine(mean, amp, o.period, phase)
end

---@class moontide.sine_options mean and amp, or min and max; phase or peak_at, or neither
---@field mean? number|string
---@field amp? number|string
---@field min? number|string
---@field max? number|string
---@field period number|string seconds
---@field phase? number|string when it rises through its mean
---@field peak_at? number|string when a top is

--- A sine: mean + amp * sin(2 pi (t - phase) / period). Endless.
---@param o moontide.sine_options
---@return moontide.curve
function public.sine(o)
  return sine_of(options.table("sine", o, sine_spec))
end

local spike_spec = {
  { "at", kind = "duration", required = true }, { "height", kind = "rate_number", required = true },
  { "rise", kind = "duration", default = 0, min = 0 }, { "fall", kind = "duration", default = 0, min = 0 },
}

---@class moontide.spike_options
---@field at number|string when the top is
---@field height number|string requests per second
---@field rise? number|string how long it rises before the top; at once when left out
---@field fall? number|string how long it falls after it

--- A spike: from 0 straight up to height over `rise` before `at`, and back over `fall` after. Add it
--- to another curve. Endless.
---@param o moontide.spike_options
---@return moontide.curve
function public.spike(o)
  local v = options.table("spike", o, spike_spec)
  return raw.spike(v.at, v.height, v.rise, v.fall)
end

local noise_spec = {
  { "cv", kind = "number", required = true, min = 0, max = 100 },
  { "corr_time", kind = "duration", required = true, above = 0 },
}

---@class moontide.noise_options
---@field cv number standard deviation / mean
---@field corr_time number|string the time in which its correlation falls to 1/e

--- Positive random noise of mean 1, to multiply with. Each call is a new realisation, the same one
--- wherever its value is used. Endless.
---@param o moontide.noise_options
---@return moontide.curve
function public.noise(o)
  local v = options.table("noise", o, noise_spec)
  return raw.noise(v.cv, v.corr_time)
end

local function from_function(fn, duration, horizon, label)
  local times, rates = sample(fn, horizon)
  return raw.sampled(rates, times, duration, label)
end

--- A curve from a function of time. It is sampled here, once: over [0, duration), or without a
--- duration over 24 h, after which the last value holds. Jumps are kept.
---@param fn fun(t: number): number seconds to requests per second
---@param duration? number|string
---@return moontide.curve
function public.curve(fn, duration)
  if type(fn) ~= "function" then options.wrong("curve: the first argument", fn, "a function of time") end
  if duration == nil then return from_function(fn, math.huge, default_horizon, "curve(function)") end
  local seconds = options.duration(duration, "curve: the duration")
  if seconds <= 0 then options.wrong("curve: the duration", duration, "above 0") end
  return from_function(fn, seconds, seconds, ("curve(function, %s)"):format(options.show(seconds)))
end

public.rate_of = require "moontide.load.rate_of"

-- --- coercion --------------------------------------------------------------------------------------

-- The curve that an operand stands for. `other`: what it is combined with, whose duration is enough
-- for a function to be sampled over.
local function operand(value, other, operation)
  if raw.is(value) then return value end
  if type(value) == "number" then
    if value ~= value or math.abs(value) == math.huge then
      options.wrong(operation .. ": a number", value, "finite")
    end
    return raw.constant(value, math.huge)
  elseif type(value) == "function" then
    local horizon = raw.is(other) and other.duration or math.huge
    if horizon == math.huge then horizon = default_horizon end
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
    return combine(operand(a, b, operation), operand(b, a, operation))
  end)
end

local metatable = raw.metatable
metatable.__add = binary("a + b", raw.add)
metatable.__sub = binary("a - b", raw.subtract)
metatable.__mul = binary("a * b", raw.multiply)
metatable.__div = binary("a / b", raw.divide)
metatable.__concat = binary("a .. b", raw.after)
metatable.__unm = core.base.located(function(a) return raw.negate(a) end)
metatable.__call = core.base.located(function(c, t) return raw.at(c, options.duration(t, "the time")) end)

local function fold(name, combine, first, second, ...)
  local operands = { first, second, ... }
  if #operands < 2 then core.base.raise(name .. ": takes two curves or more") end
  local result = operand(operands[1], operands[2], name)
  for i = 2, #operands do result = combine(result, operand(operands[i], result, name)) end
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
--- the factor is the same for every seed.
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

--- The mean rate: of an endless curve in the long run (noise counting as its mean).
---@param horizon? number|string up to when, for an endless curve that never repeats itself
---@return number
function methods:mean(horizon)
  return raw.mean(self, horizon_of(self, horizon, "mean", raw.period(self) == nil))
end

--- The largest rate.
---@param horizon? number|string up to when, for an endless curve with noise or without a period
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

local plot_spec = {
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

--- A picture of the curve for the terminal: print it. Each dot is the mean rate over its bin.
---@param o? moontide.curve_plot_options
---@return moontide.picture
function methods:plot(o)
  local v = options.table("plot", o, plot_spec)
  local to = v.to or span_of(self)
  if to <= v.from then
    core.base.raise(("plot: to (%s) must be after from (%s)"):format(options.show(to), options.show(v.from)))
  end
  return chart.picture(function(style)
    local bins = chart.bins(v.width, style)
    local values = {}
    local function edge(i) return v.from + (to - v.from) * (i / bins) end
    for i = 1, bins do values[i] = raw.area(self, edge(i - 1), edge(i)) / (edge(i) - edge(i - 1)) end
    return chart.line({ series = { values }, x_from = v.from, x_to = to, x_unit = "s",
      y_unit = "requests/s", width = v.width, height = v.height, title = v.title or raw.text(self) }, style)
  end)
end

-- --- curves from the command line ------------------------------------------------------------------

local const_spec = {
  { "rate", kind = "rate_number", required = true }, { "duration", kind = "duration", above = 0 },
}
local ramp_spec = {
  { "from", kind = "rate_number", required = true }, { "to", kind = "rate_number", required = true },
  { "duration", kind = "duration", above = 0, required = true },
}

-- NAME:key=value,... by name: a specification and what to do with the values.
local by_name = {
  const = { const_spec, function(v) return raw.constant(v.rate, v.duration or math.huge) end },
  noise = { noise_spec, function(v) return raw.noise(v.cv, v.corr_time) end },
  ramp = { ramp_spec, function(v) return raw.ramp(v.from, v.to, v.duration) end },
  sine = { sine_spec, sine_of },
  spike = { spike_spec, function(v) return raw.spike(v.at, v.height, v.rise, v.fall) end },
}
local names = "const, noise, ramp, sine, spike"

local function from_text(text, what)
  if not text:find ":" and not by_name[text] then
    return raw.constant(options.rate_number(text, what), math.huge)
  end
  local name, texts = options.call(text, what)
  local entry = by_name[name]
  if not entry then
    core.base.raise(("%s: there is no curve called '%s' (there are %s)"):format(what, name, names))
  end
  return entry[2](options.table(what .. ": " .. name, texts, entry[1], true))
end

return {
  public = public,
  methods = { methods },

  --- The curve that a value stands for, for other modules: a number is an endless constant, a function
  --- of time is sampled, a text is read as on the command line ("sine:mean=20,amp=10,period=60").
  ---@param value any
  ---@param what string what the value is, for the error message
  ---@return moontide.curve
  of = function(value, what)
    if raw.is(value) then return value end
    if type(value) == "number" then
      return raw.constant(options.rate_number(value, what), math.huge)
    elseif type(value) == "function" then
      return from_function(value, math.huge, default_horizon, "curve(function)")
    elseif type(value) == "string" then
      return from_text(value, what)
    end
    return options.wrong(what, value, "a curve, a rate or a function of time")
  end,

  --- Is the value a curve?
  is = raw.is,
}
