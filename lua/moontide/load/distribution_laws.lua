--- The laws that distributions follow: each is a function of the module, and is named in a text as
-- "lognormal:mean=2400,cv=1.2". Which there are, and with which parameters, core says.
local core = require "moontide.core"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"

local raw = core.distribution

---@class moontide
local public = {}

local laws = { public = public }

--- Is the value a curve? Parameters may be curves.
---@param value any
---@return boolean
function laws.is_curve(value)
  return options.type_of(value) == "moontide.curve"
end

-- A number in a text, with k and M where somebody writes counts: "2.4k".
local function number_of_text(text, what)
  if text:find "[kM]%s*$" then return options.integer(text, what) end
  return options.number(text, what, true)
end

local function parameter(value, what, from_text)
  if type(value) == "number" then return options.number(value, what) end
  if from_text and type(value) == "string" then return number_of_text(value, what) end
  if laws.is_curve(value) then return value end
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

--- A distribution with its draws moved into [low, high]; nil is no bound.
---@param made moontide.distribution
---@param low number?
---@param high number?
---@return moontide.distribution
function laws.clamped(made, low, high)
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
  return laws.clamped(raw.make(name, parameters), bounds.min, bounds.max)
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

---@class moontide.bounds_options
---@field min? number draws below become it
---@field max? number draws above become it

--- Always the same value.
---@param value number|moontide.curve
---@return moontide.distribution
function public.fixed(value) return make("fixed", value) end

---@class moontide.uniform_options: moontide.bounds_options
---@field low number|moontide.curve
---@field high number|moontide.curve

--- Every value between low and high as likely; of lengths and turns every whole number from low to high,
--- both ends included; also uniform{low=, high=, min=, max=}.
---@param low number|moontide.curve|moontide.uniform_options
---@param high? number|moontide.curve
---@return moontide.distribution
function public.uniform(low, high) return make("uniform", low, high) end

---@class moontide.normal_options: moontide.bounds_options
---@field mean? number|moontide.curve
---@field cv? number|moontide.curve standard deviation / mean; or std
---@field std? number|moontide.curve

--- The normal distribution: normal{mean=, cv=|std=, min=, max=}; normal{300, 0.5} is mean and cv.
---@param given moontide.normal_options
---@return moontide.distribution
function public.normal(given) return make_of_table("normal", given) end

---@class moontide.lognormal_options: moontide.bounds_options
---@field mean? number|moontide.curve or median
---@field median? number|moontide.curve
---@field cv? number|moontide.curve standard deviation / mean; or std, or p99
---@field std? number|moontide.curve
---@field p99? number|moontide.curve what 99 of 100 draws are below
---@field sigma? number|moontide.curve standard deviation of the logarithm

--- The lognormal distribution: lognormal{mean=|median=, cv=|std=|p99=, min=, max=}; lognormal{300, 1.2} is
--- mean and cv.
---@param given moontide.lognormal_options
---@return moontide.distribution
function public.lognormal(given) return make_of_table("lognormal", given) end

---@class moontide.exponential_options: moontide.bounds_options
---@field mean? number|moontide.curve

--- The exponential distribution; also exponential{mean=, min=, max=}.
---@param mean? number|moontide.curve|moontide.exponential_options left out, only its shape counts (gaps of
--- mt.renewal)
---@return moontide.distribution
function public.exponential(mean) return make("exponential", mean) end

---@class moontide.gamma_options: moontide.bounds_options
---@field mean? number|moontide.curve
---@field cv number|moontide.curve standard deviation / mean

--- The gamma distribution: gamma{mean=, cv=, min=, max=}; cv 1 is exponential, below it steadier;
--- gamma{300, 2} is mean and cv.
---@param given moontide.gamma_options
---@return moontide.distribution
function public.gamma(given) return make_of_table("gamma", given) end

---@class moontide.weibull_options: moontide.bounds_options
---@field mean? number|moontide.curve
---@field shape number|moontide.curve 1 is exponential, below it heavier

--- The Weibull distribution: weibull{mean=, shape=, min=, max=}; shape 1 is exponential;
--- weibull{300, 0.7} is mean and shape.
---@param given moontide.weibull_options
---@return moontide.distribution
function public.weibull(given) return make_of_table("weibull", given) end

---@class moontide.pareto_options: moontide.bounds_options
---@field mean? number|moontide.curve
---@field shape number|moontide.curve above 1

--- The Pareto distribution: pareto{mean=, shape=, min=, max=}; shape above 1, heavy near it;
--- pareto{300, 2} is mean and shape.
---@param given moontide.pareto_options
---@return moontide.distribution
function public.pareto(given) return make_of_table("pareto", given) end

---@class moontide.geometric_options: moontide.bounds_options
---@field mean number|moontide.curve at least 1

--- Whole numbers from 1, each step as likely to be the last; also geometric{mean=, min=, max=}.
---@param mean number|moontide.curve|moontide.geometric_options at least 1
---@return moontide.distribution
function public.geometric(mean) return make("geometric", mean) end

---@class moontide.zipf_options: moontide.bounds_options
---@field n integer|moontide.curve the largest
---@field s number|moontide.curve exponent: weight k^-s

--- Whole numbers 1 to n, k with weight k^-s: zipf{n=, s=, min=, max=}; zipf{100, 1.1} is n and s.
---@param given moontide.zipf_options
---@return moontide.distribution
function public.zipf(given) return make_of_table("zipf", given) end

--- The distribution of a text: a number, or NAME:key=value,...
---@param text string
---@param what string begins a message
---@return moontide.distribution
function laws.of_text(text, what)
  if not text:find "^%s*%a" then return raw.make("fixed", { value = number_of_text(text, what) }) end
  local name, given = options.call(text, what)
  if not specifications[name] then
    core.base.raise(("%s: there is no distribution '%s'%s; there are %s"):format(
      what, name, nearest.hint(name, names), table.concat(names, ", ")))
  end
  return options.of(what, make_of_table, name, given, true)
end

return laws
