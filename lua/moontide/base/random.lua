--- Random numbers by position: generators, and weighted choice among values.
local core = require "moontide.core"
local lacking = require "moontide.kit.lacking"
local options = require "moontide.kit.options"

---@class moontide
local public = {}

---@class moontide.random
---@field seek fun(self, item: integer): moontide.random goes to the first draw of the item
---@field u32 fun(self): integer 32 uniform bits
---@field u64 fun(self): integer 64 uniform bits: half of them negative
---@field uniform fun(self, low?: number, high?: number): number in [0, 1), or in [low, high)
---@field below fun(self, n: integer): integer 0 to n - 1, each as likely
---@field normal fun(self, mean?: number, std?: number): number mean 0 and std 1 when left out
---@field exponential fun(self, mean?: number): number mean 1 when left out
---@field poisson fun(self, mean: number): integer
---@field geometric fun(self, mean: number): integer from 1
---@field zipf fun(self, n: integer, s: number): integer 1 to n
---@field draw fun(self, distribution: moontide.distribution|number, time?: number): number
local methods = core.random.methods

-- Few laws have a method of their own.
lacking.raises("generator", methods, { tail = "; draw(mt.lognormal{...}) draws of any distribution" })

---@class moontide.sampler
---@field draw fun(self, random: moontide.random): any one of the values

--- Makes a generator whose numbers depend on seed, name and purpose alone; `:seek(k)` goes to item k.
-- Its methods: seek(item), u32(), u64() (64 bits: half of them negative), uniform([low, high]),
-- below(n) (0 to n-1), normal([mean, std]), exponential([mean]), gamma(shape) or gamma{mean=, cv=},
-- poisson(mean), geometric(mean) (from 1), zipf(n, s) (from 1), draw(distribution [, time]).
---@param seed integer
---@param name string
---@param purpose? string "script" when left out
---@return moontide.random
function public.random(seed, name, purpose)
  return core.random.new(seed, name, purpose == nil and "script" or purpose)
end

--- Makes a sampler: `:draw(random)` gives one of the values, by weight (as likely each without).
---@param values any[]
---@param weights? number[] as many as values, 0 or more, not all 0
---@return moontide.sampler
function public.sampler(values, weights)
  return core.random.sampler(values, weights)
end

local gamma_options = {
  { "mean", kind = "number", default = 1, above = 0 },
  { "cv", kind = "number", required = true, above = 0 },
}

local gamma_of_shape = methods.gamma

---@class moontide.gamma_draw_options
---@field mean? number 1 when left out
---@field cv number standard deviation / mean

--- Draws from the gamma distribution: by shape (scale 1), or by { mean = 1, cv = }.
---@param self moontide.random
---@param shape number|moontide.gamma_draw_options
---@return number
function methods.gamma(self, shape)
  if type(shape) ~= "table" then return gamma_of_shape(self, shape) end
  local given = options.table("gamma", shape, gamma_options)
  local square = given.cv * given.cv
  return gamma_of_shape(self, 1 / square) * square * given.mean
end

return { public = public, methods = { { "random", methods }, { "sampler", core.random.sampler_methods } } }
