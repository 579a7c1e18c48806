--- The shapes that rate curves are made of: each is a function of the module. Those that need no list can
-- also be named in a text, "sine:mean=20,amp=10,period=60".
local core = require "moontide.core"
local lists = require "moontide.kit.lists"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"

local raw = core.curve

---@class moontide
local public = {}

-- The shapes that a text may name: the options and what makes the curve of their values.
local named = {}

-- The curve of a named shape; `label` begins the messages, "sine" unless it says more.
local function make(name, given, label, from_text)
  return named[name][2](options.table(label or name, given, named[name][1], from_text))
end

named.const = {
  { { "rate", kind = "rate_number", required = true }, { "duration", kind = "duration", above = 0 } },
  function(v) return raw.constant(v.rate, v.duration or math.huge) end,
}

--- A constant rate, endless unless a duration is given.
---@param rate number|string requests per second
---@param duration? number|string seconds
---@return moontide.curve
function public.const(rate, duration)
  return raw.constant(options.rate_number(rate, "const: the rate"),
    duration == nil and math.huge or options.duration(duration, "const: the duration"))
end

named.ramp = {
  { { "from", kind = "rate_number", required = true }, { "to", kind = "rate_number", required = true },
    { "duration", kind = "duration", above = 0, required = true } },
  function(v) return raw.ramp(v.from, v.to, v.duration) end,
}

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
    if not options.is_plain(item) or #item ~= 2 then options.wrong(what, item, form) end
    rates[i] = options.rate_number(item[1], what .. ": the rate")
    times[i] = options.duration(item[2], what .. ": the time")
  end
  return values, rates, times
end

local steps_spec = { items = true }

-- Plain numbers that begin at 0, grow, and pass all those beside them are times, as a rule.
local function warn_of_swapped(list, rates, durations)
  if #rates < 3 or rates[1] ~= 0 then return end
  local longest = 0
  for i, item in ipairs(list) do
    if type(item[1]) ~= "number" or type(item[2]) ~= "number" or i > 1 and rates[i] <= rates[i - 1] then
      return
    end
    longest = math.max(longest, durations[i])
  end
  if rates[#rates] <= longest then return end
  report.warning(("steps: {rate, duration} each: rates grow from 0 to %.9g in pieces of at most %.9g s; were "
    .. "times meant to come first? They are durations, and come second"):format(rates[#rates], longest))
end

--- Constant pieces, one after the other, with jumps between them.
---@param pieces { [1]: number|string, [2]: number|string }[] { rate, duration } each
---@return moontide.curve
function public.steps(pieces)
  local _, rates, durations = pairs_of(pieces, "steps", steps_spec, "piece", "{rate, duration}")
  warn_of_swapped(pieces, rates, durations)
  return raw.steps(rates, durations)
end

local points_spec = { items = true, { "smooth", kind = "boolean", default = false } }

-- Plain numbers that begin at 0 and grow are times, as a rule, where those beside them begin later.
local function warn_of_order(list, rates, times)
  if #rates < 2 or rates[1] ~= 0 or times[1] <= 0 then return end
  for i, item in ipairs(list) do
    if type(item[2]) ~= "number" or i > 1 and rates[i] <= rates[i - 1] then return end
  end
  report.warning(("points: {rate, time} each: the rate is 0 until %.9g s, and grows to %.9g at %.9g s, the "
    .. "end; were times meant to come first? Begin with {0, 0}, or write times with units, if so"):format(
    times[1], rates[#rates], times[#times]))
end

---@class moontide.points_options { rate, time } each, times increasing
---@field [integer] { [1]: number|string, [2]: number|string }
---@field smooth? boolean

--- Straight lines (or, with smooth=true, a monotone cubic) through points; holds the first rate from
--- 0 and ends at the last time.
---@param list moontide.points_options
---@return moontide.curve
function public.points(list)
  local values, rates, times = pairs_of(list, "points", points_spec, "point", "{rate, time}")
  warn_of_order(list, rates, times)
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
  if not by_mean and not by_range then
    core.base.raise "sine: mean and amp, or min and max, are required"
  end
  for _, pair in ipairs { { "min", "max" }, { "max", "min" }, { "mean", "amp" }, { "amp", "mean" } } do
    if o[pair[1]] == nil and o[pair[2]] ~= nil then
      core.base.raise(("sine: %s is required beside %s"):format(pair[1], pair[2]))
    end
  end
  if by_mean then return o.mean, o.amp end
  if o.min > o.max then
    core.base.raise(("sine: min (%s) must not be above max (%s)"):format(options.show(o.min),
      options.show(o.max)))
  end
  return (o.min + o.max) / 2, (o.max - o.min) / 2
end

named.sine = { sine_spec, function(o)
  local mean, amp = mean_and_amp(o)
  if o.phase and o.peak_at then core.base.raise "sine: give phase or peak_at, not both" end
  local phase = o.phase or 0
  if o.peak_at then phase = o.peak_at - o.period * (amp < 0 and 0.75 or 0.25) end
  return raw.sine(mean, amp, o.period, phase)
end }

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
  return make("sine", o)
end

named.spike = { {
  { "at", kind = "duration", required = true }, { "height", kind = "rate_number", required = true },
  { "rise", kind = "duration", default = 0, min = 0 }, { "fall", kind = "duration", default = 0, min = 0 },
}, function(v) return raw.spike(v.at, v.height, v.rise, v.fall) end }

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
  return make("spike", o)
end

named.noise = { {
  { "cv", kind = "number", required = true, min = 0, max = 100 },
  { "corr_time", kind = "duration", required = true, above = 0 },
}, function(v) return raw.noise(v.cv, v.corr_time) end }

---@class moontide.noise_options
---@field cv number standard deviation / mean
---@field corr_time number|string the time in which the correlation of its logarithm falls to 1/e; its own has
--- fallen to ((1 + cv^2)^(1/e) - 1) / cv^2 by then: 0.36 at cv 0.3, 0.29 at cv 1, 0.20 at cv 2

--- Positive random noise of mean 1, to multiply with. Each call is a new realisation, the same one
--- wherever its value is used. Endless.
---@param o moontide.noise_options
---@return moontide.curve
function public.noise(o)
  return make("noise", o)
end

-- "5@1m,20@5m": RATE@TIME each, times being durations of steps, moments of points.
local function of_list(name, text, what)
  local list = {}
  for piece in (text .. ","):gmatch "([^,]*)," do
    local rate, time = piece:match "^%s*(.-)%s*@%s*(.-)%s*$"
    if not rate or rate == "" or time == "" then
      options.wrong(what, name .. ":" .. text, name .. ":RATE@TIME,RATE@TIME,..., as in " .. name
        .. (name == "steps" and ":5@1m,20@5m" or ":5@0s,20@5m"))
    end
    list[#list + 1] = { options.rate_number(rate, what .. ": " .. name), options.duration(time,
      what .. ": " .. name) }
  end
  return options.of(what, public[name], list)
end

--- The curve of a text: a rate, NAME:key=value,..., or steps: and points: with RATE@TIME,...
---@param text string
---@param what string begins a message
---@return moontide.curve
local function of_text(text, what)
  if not text:find ":" and not named[text] then
    return raw.constant(options.rate_number(text, what), math.huge)
  end
  local listed, rest = text:match "^%s*(%a+)%s*:%s*(.*)$"
  if listed == "steps" or listed == "points" then return of_list(listed, rest, what) end
  local name, texts = options.call(text, what)
  if not named[name] then
    core.base.raise(("%s: there is no curve called '%s' (there are %s; steps: and points: "
      .. "have lists)"):format(what, name, table.concat(lists.sorted_keys(named), ", ")))
  end
  return options.of(what, make, name, texts, what .. ": " .. name, true)
end

return { public = public, of_text = of_text }
