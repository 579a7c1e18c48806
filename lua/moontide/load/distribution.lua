--- Distributions: of lengths, gaps, think times, picks. A number is a fixed one.
local core = require "moontide.core"
local kinds = require "moontide.kit.kinds"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"
core.base.own()

local raw = core.distribution
local metatable = raw.metatable

---@class moontide
local public = {}

-- Parameters may be curves, read at the request's own time; one that has ended keeps its last value.
---@class moontide.distribution
---@operator add(number): moontide.distribution
---@operator sub(number): moontide.distribution
---@operator mul(number): moontide.distribution
---@operator div(number): moontide.distribution
---@operator unm: moontide.distribution
---@field mean fun(self, time?: number, seed?: integer): number
---@field mean_rounded fun(self, low?: number, high?: number, time?: number, seed?: integer): number of draws
--- rounded to whole numbers, then moved into [low, high]
---@field probability_below fun(self, x: number, time?: number, seed?: integer): number of a draw of at most x
---@field lowest fun(self, time?: number, seed?: integer): number
---@field highest fun(self, time?: number, seed?: integer): number
---@field varies fun(self): boolean does a parameter change over time?
---@field is_shape fun(self): boolean is it made without its mean, for the gaps of mt.renewal?
local methods = raw.methods

---@class moontide.choice
---@field weights number[]
---@field values any[]
---@field draw fun(self, random: moontide.random): any one of the values

local distribution = { public = public, methods = { { "distribution", methods } } }

local function is_distribution(value)
  return getmetatable(value) == metatable
end

local function is_curve(value)
  return options.type_of(value) == "moontide.curve"
end

-- --- parameters ------------------------------------------------------------------------------------

-- A number in a text, with k and M where somebody writes counts: "2.4k".
local function number_of_text(text, what)
  if text:find "[kM]%s*$" then return options.integer(text, what) end
  return options.number(text, what, true)
end

local function parameter(value, what, from_text)
  if type(value) == "number" then return options.number(value, what) end
  if from_text and type(value) == "string" then return number_of_text(value, what) end
  if is_curve(value) then return value end
  options.wrong(what, value, "a number or a curve")
end

-- Name -> parameters in the order that they are written, and the options that a table may have.
local specifications, names = {}, {}
for _, form in ipairs(raw.forms()) do
  local name = form[1]
  local specification = specifications[name]
  if not specification then
    specification = { order = {}, items = true, { "min", kind = "any" }, { "max", kind = "any" } }
    specifications[name] = specification
    names[#names + 1] = name
  end
  for i = 2, #form do
    if not specification.order[form[i]] then
      specification.order[form[i]] = true
      table.insert(specification.order, form[i])
      table.insert(specification, #specification.order, { form[i], kind = "any" })
    end
  end
end

local function clamped(made, low, high)
  if low == nil and high == nil then return made end
  return raw.clamp(made, low or -math.huge, high or math.huge)
end

-- The table's list part are the first parameters: uniform{1, 5, max=4}.
local function make_of_table(name, given, from_text)
  local specification = specifications[name]
  local checked = options.table(name, given, specification)
  local parameters = {}
  for i, value in ipairs(checked) do
    local key = specification.order[i]
    if not key then core.base.raise(("%s: has no parameter number %d"):format(name, i)) end
    if checked[key] ~= nil then core.base.raise(("%s: %s is given twice"):format(name, key)) end
    checked[key] = value
  end
  for _, key in ipairs(specification.order) do
    if checked[key] ~= nil then
      parameters[key] = parameter(checked[key], name .. ": " .. key, from_text)
    end
  end
  local bounds = {}
  for _, key in ipairs { "min", "max" } do
    local value = checked[key]
    local what = name .. ": " .. key
    if from_text and type(value) == "string" then value = number_of_text(value, what) end
    if value ~= nil then bounds[key] = options.number(value, what) end
  end
  if bounds.min and bounds.max and bounds.min > bounds.max then
    core.base.raise(("%s: min must not be above max (they are %s and %s)"):format(
      name, options.show(bounds.min), options.show(bounds.max)))
  end
  return clamped(raw.make(name, parameters), bounds.min, bounds.max)
end

local function make(name, first, second)
  if options.is_plain(first) then
    return make_of_table(name, first, false)
  end
  local order = specifications[name].order
  local parameters = {}
  for i, value in pairs { first, second } do
    parameters[order[i]] = parameter(value, name .. ": " .. order[i], false)
  end
  return raw.make(name, parameters)
end

-- --- makers ----------------------------------------------------------------------------------------

--- Always the same value.
---@param value number|moontide.curve
---@return moontide.distribution
function public.fixed(value) return make("fixed", value) end

---@class moontide.uniform_options
---@field low number|moontide.curve
---@field high number|moontide.curve
---@field min? number draws below become it
---@field max? number draws above become it

--- Every value between low and high as likely; also uniform{low=, high=, min=, max=}.
---@param low number|moontide.curve|moontide.uniform_options
---@param high? number|moontide.curve
---@return moontide.distribution
function public.uniform(low, high) return make("uniform", low, high) end

---@class moontide.normal_options
---@field mean? number|moontide.curve
---@field cv? number|moontide.curve standard deviation / mean; or std
---@field std? number|moontide.curve
---@field min? number draws below become it
---@field max? number draws above become it

--- The normal distribution: normal{mean=, cv=|std=, min=, max=}.
---@param given moontide.normal_options
---@return moontide.distribution
function public.normal(given) return make_of_table("normal", given) end

---@class moontide.lognormal_options
---@field mean? number|moontide.curve or median
---@field median? number|moontide.curve
---@field cv? number|moontide.curve standard deviation / mean; or std, or p99
---@field std? number|moontide.curve
---@field p99? number|moontide.curve what 99 of 100 draws are below
---@field sigma? number|moontide.curve standard deviation of the logarithm
---@field min? number draws below become it
---@field max? number draws above become it

--- The lognormal distribution: lognormal{mean=|median=, cv=|std=|p99=, min=, max=}.
---@param given moontide.lognormal_options
---@return moontide.distribution
function public.lognormal(given) return make_of_table("lognormal", given) end

---@class moontide.exponential_options
---@field mean? number|moontide.curve
---@field min? number draws below become it
---@field max? number draws above become it

--- The exponential distribution; also exponential{mean=, min=, max=}.
---@param mean? number|moontide.curve|moontide.exponential_options left out, only its shape counts (gaps of
--- mt.renewal)
---@return moontide.distribution
function public.exponential(mean) return make("exponential", mean) end

---@class moontide.gamma_options
---@field mean? number|moontide.curve
---@field cv number|moontide.curve standard deviation / mean
---@field min? number draws below become it
---@field max? number draws above become it

--- The gamma distribution: gamma{mean=, cv=, min=, max=}; cv 1 is exponential, below it steadier.
---@param given moontide.gamma_options
---@return moontide.distribution
function public.gamma(given) return make_of_table("gamma", given) end

---@class moontide.weibull_options
---@field mean? number|moontide.curve
---@field shape number|moontide.curve 1 is exponential, below it heavier
---@field min? number draws below become it
---@field max? number draws above become it

--- The Weibull distribution: weibull{mean=, shape=, min=, max=}; shape 1 is exponential.
---@param given moontide.weibull_options
---@return moontide.distribution
function public.weibull(given) return make_of_table("weibull", given) end

---@class moontide.pareto_options
---@field mean? number|moontide.curve
---@field shape number|moontide.curve above 1
---@field min? number draws below become it
---@field max? number draws above become it

--- The Pareto distribution: pareto{mean=, shape=, min=, max=}; shape above 1, heavy near it.
---@param given moontide.pareto_options
---@return moontide.distribution
function public.pareto(given) return make_of_table("pareto", given) end

---@class moontide.geometric_options
---@field mean number|moontide.curve at least 1
---@field min? number draws below become it
---@field max? number draws above become it

--- Whole numbers from 1, each step as likely to be the last; also geometric{mean=, min=, max=}.
---@param mean number|moontide.curve|moontide.geometric_options at least 1
---@return moontide.distribution
function public.geometric(mean) return make("geometric", mean) end

---@class moontide.zipf_options
---@field n integer|moontide.curve the largest
---@field s number|moontide.curve exponent: weight k^-s
---@field min? number draws below become it
---@field max? number draws above become it

--- Whole numbers 1 to n, k with weight k^-s: zipf{n=, s=, min=, max=}.
---@param given moontide.zipf_options
---@return moontide.distribution
function public.zipf(given) return make_of_table("zipf", given) end

local empirical_options = { items = true, { "min", kind = "number" }, { "max", kind = "number" } }

--- One of the values of a list, each as likely: empirical(values), or empirical{1, 2, 5, max=4}.
---@param values number[]
---@return moontide.distribution
function public.empirical(values)
  local given = options.table("empirical", values, empirical_options)
  return clamped(raw.empirical(given), given.min, given.max)
end

-- Splits { {weight, x}, ... } into weights and xs.
local function weighted(name, list)
  local weights, values = {}, {}
  if #list == 0 then core.base.raise(name .. ": takes a list of { weight, value } pairs, at least one") end
  for i, pair in ipairs(list) do
    if not options.is_plain(pair) or pair[2] == nil then
      core.base.raise(("%s: item %d must be { weight, value }"):format(name, i))
    end
    weights[i] = options.number(pair[1], ("%s: weight %d"):format(name, i))
    if weights[i] < 0 then options.wrong(("%s: weight %d"):format(name, i), weights[i], "0 or more") end
    values[i] = pair[2]
  end
  return weights, values
end

--- One of several distributions, by weight: mix{ {0.7, d}, {0.3, 2000}, min=, max= }.
---@param list table
---@return moontide.distribution
function public.mix(list)
  local given = options.table("mix", list, empirical_options)
  local weights, parts = weighted("mix", given)
  for i, part in ipairs(parts) do
    parts[i] = distribution.of(part, ("mix: item %d"):format(i), { shape = true })
  end
  return clamped(raw.mix(parts, weights), given.min, given.max)
end

local choice_metatable = raw.choice_metatable
choice_metatable.__index = {
  --- Draws one of the values.
  draw = function(self, random) return self.sampler:draw(random) end,
}
choice_metatable.__tostring = function(self) return ("choice (%d values)"):format(#self.values) end

--- One of several values of any kind, by weight, for fields: choice{ {0.9, "chat"}, {0.1, "code"} }.
-- The value has the lists `weights` and `values`, and `:draw(random)`.
---@param list table
---@return moontide.choice
function public.choice(list)
  local weights, values = weighted("choice", options.table("choice", list, { items = true }))
  return setmetatable(
    { weights = weights, values = values, sampler = core.random.sampler(values, weights) }, choice_metatable)
end

-- --- methods and operators -------------------------------------------------------------------------

--- The distribution with its draws moved into [low, high]; nil is no bound.
---@param low? number
---@param high? number
---@return moontide.distribution
function methods:clamp(low, high)
  if low ~= nil then low = options.number(low, "clamp: the lower bound") end
  if high ~= nil then high = options.number(high, "clamp: the upper bound") end
  return clamped(self, low, high)
end

-- The distribution and the number of an operator's two sides, and whether the number came first.
local function sides(a, b, operator)
  local number_first = type(a) == "number"
  local d, number = a, b
  if number_first then d, number = b, a end
  if not is_distribution(d) or type(number) ~= "number" then
    local what = is_distribution(a) and is_distribution(b) and "two distributions"
      or "a distribution and " .. options.show(is_distribution(a) and b or a)
    core.base.raise(("cannot %s %s: the other side must be a number%s"):format(operator, what,
      operator == "add" and " (mt.mix draws from one of several)" or ""))
  end
  return d, options.number(number, "the number beside a distribution"), number_first
end

local operators = {
  __add = function(a, b)
    local d, number = sides(a, b, "add")
    return raw.affine(d, 1, number)
  end,
  __sub = function(a, b)
    local d, number, number_first = sides(a, b, "subtract")
    if number_first then return raw.affine(d, -1, number) end
    return raw.affine(d, 1, -number)
  end,
  __mul = function(a, b)
    local d, number = sides(a, b, "multiply")
    return raw.affine(d, number, 0)
  end,
  __div = function(a, b)
    local d, number, number_first = sides(a, b, "divide")
    if number_first then core.base.raise "cannot divide a number by a distribution" end
    if number == 0 then core.base.raise "cannot divide a distribution by 0" end
    return raw.affine(d, 1 / number, 0)
  end,
  __unm = function(d) return raw.affine(d, -1, 0) end,
}
for name, operator in pairs(operators) do
  metatable[name] = core.base.located(operator)
end

-- --- from anything -----------------------------------------------------------------------------------

local forms_text = "a number, a distribution, or NAME:key=value,..."

local function of_text(text, what)
  if not text:find "^%s*%a" then return raw.make("fixed", { value = number_of_text(text, what) }) end
  local name, given = options.call(text, what)
  if not specifications[name] then
    core.base.raise(("%s: there is no distribution '%s'%s; there are %s"):format(
      what, name, nearest.hint(name, names), table.concat(names, ", ")))
  end
  return make_of_table(name, given, true)
end

--- A distribution from what an author wrote: a number, a distribution, or a text as on the command
--- line ("lognormal:mean=2400,cv=1.2", "2k"); else raises a usage error that begins with `what`.
---@param value any
---@param what string
---@param allowed? { shape: boolean } shape: one without a mean will do
---@return moontide.distribution
function distribution.of(value, what, allowed)
  local made
  if type(value) == "number" then
    made = raw.make("fixed", { value = options.number(value, what) })
  elseif type(value) == "string" then
    made = of_text(value, what)
  elseif is_distribution(value) then
    made = value
  elseif is_curve(value) then
    made = raw.make("fixed", { value = value })
  else
    options.wrong(what, value, forms_text)
  end
  if made:is_shape() and not (allowed and allowed.shape) then
    core.base.raise(("%s: %s has no mean; only the gaps of renewal may leave it out"):format(
      what, tostring(made)))
  end
  return made
end

--- Is the value a distribution?
---@param value any
---@return boolean
distribution.is = is_distribution

kinds.by_name.length = kinds.number_or(function(value, what)
  return type(value) == "string" and options.integer(value, what) or options.number(value, what)
end, distribution.of, "LENGTH")

return distribution
