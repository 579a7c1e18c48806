--- Distributions: of lengths, gaps, think times, picks. A number is a fixed one.
local core = require "moontide.core"
local kinds = require "moontide.kit.kinds"
local lacking = require "moontide.kit.lacking"
local laws = require "moontide.load.distribution_laws"
local of_number = require "moontide.kit.of_number"
local options = require "moontide.kit.options"

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
local methods = lacking.raises("distribution", raw.methods)

---@class moontide.choice
---@field weights number[]
---@field values any[]
---@field draw fun(self, random: moontide.random): any one of the values

local distribution = { public = public, methods = { { "distribution", methods } } }

local function is_distribution(value)
  return getmetatable(value) == metatable
end

local empirical_options = { items = true, { "min", kind = "number" }, { "max", kind = "number" } }

--- One of the values of a list, each as likely: empirical(values), or empirical{1, 2, 5, max=4}.
---@param values number[]
---@return moontide.distribution
function public.empirical(values)
  local given = options.table("empirical", values, empirical_options)
  return laws.clamped(raw.empirical(given), given.min, given.max)
end

-- Splits { {weight, x}, ... } into weights and xs.
local function weighted(name, list)
  local weights, values, sum = {}, {}, 0
  if #list == 0 then core.base.raise(name .. ": takes a list of { weight, value } pairs, at least one") end
  for i, pair in ipairs(list) do
    if not options.is_plain(pair) or pair[2] == nil then
      core.base.raise(("%s: item %d must be { weight, value }"):format(name, i))
    end
    weights[i] = options.number(pair[1], ("%s: weight %d"):format(name, i))
    if weights[i] < 0 then options.wrong(("%s: weight %d"):format(name, i), weights[i], "0 or more") end
    values[i], sum = pair[2], sum + weights[i]
  end
  if sum == 0 then core.base.raise(name .. ": at least one weight must be above 0") end
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
  return laws.clamped(raw.mix(parts, weights), given.min, given.max)
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
  return laws.clamped(self, low, high)
end

local plotted_draws = 20000

---@class moontide.distribution_plot_options
---@field time? number|string at which parameters that are curves are read: 0
---@field seed? integer of the draws: 0

--- A picture of it: a histogram of 20 000 draws.
---@param given? moontide.distribution_plot_options
---@return moontide.picture
function methods:plot(given)
  local opt = options.table("plot", given, { { "time", kind = "duration", default = 0 },
    { "seed", kind = "seed", default = 0 } })
  local random, values = core.random.new(opt.seed, "plot", "draw"), {}
  for i = 1, plotted_draws do values[i] = random:draw(self, opt.time) end
  return require("moontide.draw.chart").hist(values, { title = tostring(self) })
end

-- The distribution and the number of an operator's two sides, and whether the number came first.
local function sides(a, b, operator)
  local number_first = type(a) == "number"
  local d, number = a, b
  if number_first then d, number = b, a end
  if not is_distribution(d) or type(number) ~= "number" then
    local other = b
    if not is_distribution(a) then other = a end
    local what = is_distribution(other) and "two distributions"
      or "a distribution and " .. options.show(other)
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

local fixed = of_number.remembered(function(number) return raw.make("fixed", { value = number }) end)

local forms_text = "a number, a distribution, or NAME:key=value,..."

--- A distribution from what an author wrote: a number, a distribution, or a text as on the command
--- line ("lognormal:mean=2400,cv=1.2", "2k"); else raises a usage error that begins with `what`.
---@param value any
---@param what string
---@param allowed? { shape: boolean } shape: one without a mean will do
---@return moontide.distribution
function distribution.of(value, what, allowed)
  if type(value) == "number" then return fixed(options.number(value, what)) end
  local made
  if type(value) == "string" then
    made = laws.of_text(value, what)
  elseif is_distribution(value) then
    made = value
  elseif laws.is_curve(value) then
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
