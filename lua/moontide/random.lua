--- Random numbers by position: generators, and weighted choice among values.
local core = require "moontide.core"
local options = require "moontide.options"
core.base.own()

local public, methods = {}, core.random.methods

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

--- Draws from the gamma distribution: by shape (scale 1), or by { mean = 1, cv = }.
---@param self moontide.random
---@param shape number|table
---@return number
function methods.gamma(self, shape)
  if type(shape) ~= "table" then return gamma_of_shape(self, shape) end
  local given = options.table("gamma", shape, gamma_options)
  local square = given.cv * given.cv
  return gamma_of_shape(self, 1 / square) * square * given.mean
end

return { public = public, methods = { methods, core.random.sampler_methods } }
