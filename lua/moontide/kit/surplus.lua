--- What is said of more arguments than a function takes, which Lua would drop without a word.
local core = require "moontide.core"
local units = require "moontide.kit.units"

local surplus = {}

-- Parameters that are tables of named options.
local tables = { given = true, o = true, opt = true }

-- The parameters as an author gives them; what stands before a method's colon is none.
local function parameters_of(fn)
  local names, first = {}, debug.getlocal(fn, 1) == "self" and 2 or 1
  for i = first, debug.getinfo(fn, "u").nparams do
    local name = debug.getlocal(fn, i)
    names[#names + 1] = tables[name] and "a table of options" or name
  end
  return names, first - 1
end

-- The slip that is likely where a rate alone is taken: a duration belongs to the curve.
local function hint_of(name, names, rate, first_surplus)
  local kind = type(first_surplus)
  if #names ~= 1 or names[1] ~= "rate" or kind ~= "string" and kind ~= "number" then return "" end
  local given = type(rate) == "string" and ("%q"):format(rate) or type(rate) == "number" and units.show(rate)
  if not given then return ": a curve has its duration itself, curve:take(d)" end
  return (": how long is said by the curve, mt.%s(mt.const(%s, %s))"):format(name, given,
    kind == "string" and ("%q"):format(first_surplus) or units.show(first_surplus))
end

local function count_text(count)
  return count == 0 and "no arguments" or count == 1 and "1 argument" or ("%d arguments"):format(count)
end

--- Raises about the arguments after those that a function takes.
---@param name string the function's
---@param fn function
---@param ... any all arguments
function surplus.refuse(name, fn, ...)
  local names, offset = parameters_of(fn)
  local takes, last = offset + #names, select("#", ...)
  local at = takes + 1
  while select(at, ...) == nil do at = at + 1 end
  local first_surplus = select(at, ...)
  core.base.raise(("%s: takes %s%s, not %d (argument %d is %s)%s"):format(name, count_text(#names),
    #names == 0 and "" or " (" .. table.concat(names, ", ") .. ")", last - offset, at - offset,
    units.show(first_surplus), hint_of(name, names, (...), first_surplus)))
end

return surplus
