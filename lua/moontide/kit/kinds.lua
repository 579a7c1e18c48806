--- What values of options may be: the kinds, each a conversion that gives the value or raises.
--
-- The kinds here are built of texts and numbers alone. A kind whose value is made elsewhere is an entry that
-- its own module adds: `kinds.by_name.curve = { convert =, placeholder = }` stands in load/curve.lua.
local core = require "moontide.core"
local nearest = require "moontide.kit.nearest"
local units = require "moontide.kit.units"

local kinds = {}

---@class moontide.option_kind
---@field convert fun(value: any, what: string, option: moontide.option, from_text?: boolean): any `what`
--- begins a message; from_text: the value is a text from the command line
---@field placeholder string? stands for the value in the help
---@field is_whole boolean? a text is one value of a list, whatever commas are in it
---@field is_ready? fun(option: moontide.option): true|string|(fun(value: any): boolean)? the test by which a
--- value is known to be one already, to be taken as it is: true of any value, the name of Lua's type, or a
--- function; what fails it may still be converted
---@field pair string|(fun(name: string, value: any): string)? a list of such values may be given by name,
--- { ttft = 500 }: what stands between name and value in the text of one, or what makes that text

local function refuse(number, what, bound, limit)
  core.base.raise(("%s must be %s %s, not %s"):format(what, bound, units.show(limit), units.show(number)))
end

--- The number, when it is within the option's range; else a usage error.
---@param number number
---@param what string
---@param option moontide.option its min, max, above, below
---@return number
function kinds.in_range(number, what, option)
  local min, max, above, below = option.min, option.max, option.above, option.below
  if min and max and (number < min or number > max) then
    refuse(number, what, "between " .. units.show(min) .. " and", max)
  end
  if min and number < min then refuse(number, what, "at least", min) end
  if max and number > max then refuse(number, what, "at most", max) end
  if above and number <= above then refuse(number, what, "above", above) end
  if below and number >= below then refuse(number, what, "below", below) end
  return number
end

-- The test of finite numbers from `low` on, or in the option's own range.
local function ready_number(option, low)
  if option.above or option.below then return nil end
  local min, max = option.min or low, option.max or math.huge
  return function(value)
    return type(value) == "number" and value >= min and value <= max and value - value == 0
  end
end

-- Of any sign, where the option says none.
local function any_finite(option) return ready_number(option, -math.huge) end

-- A kind whose values are numbers that `read` reads; is_ready where it takes finite ones as they are.
local function ranged(read, placeholder, is_ready)
  return { placeholder = placeholder, is_ready = is_ready, convert = function(value, what, option, from_text)
    return kinds.in_range(read(value, what, from_text), what, option)
  end }
end

local not_negative = { min = 0 }

--- A kind that takes a plain number, 0 or more unless the option has a range of its own, or a value that
--- `of` makes of anything else: of curves, distributions and texts as "sine:mean=20".
---@param read fun(value: number|string, what: string): number
---@param of fun(value: any, what: string): any
---@param placeholder string
---@return moontide.option_kind
function kinds.number_or(read, of, placeholder)
  local function is_ready(option)
    return ready_number(option, (option.min or option.max) and -math.huge or 0)
  end
  return { placeholder = placeholder, is_ready = is_ready, convert = function(value, what, option)
    local is_named = type(value) == "string" and value:find "^%s*%a"
      and not value:find "^%s*[iInN][nNaA][fFnN]%s*$"
    if is_named or type(value) ~= "number" and type(value) ~= "string" then return of(value, what) end
    local has_range = option.min or option.above or option.max or option.below
    return kinds.in_range(read(value, what), what, has_range and option or not_negative)
  end }
end

-- "i/n", i from 0 to n - 1, as { index = i, count = n }.
local function shard(value, what)
  local text = type(value) == "string" and value or ""
  local index, count = text:match "^%s*(%d+)%s*/%s*(%d+)%s*$"
  index, count = math.tointeger(tonumber(index)), math.tointeger(tonumber(count))
  if not index or not count or index >= count then
    units.wrong(what, value, "I/N, a shard's number from 0 to N-1 and how many there are (0/4)")
  end
  return { index = index, count = count }
end

local largest_seed = "18446744073709551615"

-- 64 bits: up to 2^64 - 1, of which the upper half are Lua's negative numbers.
local function seed(value, what)
  local digits = type(value) == "string" and value:match "^0*(%d+)$" or ""
  local is_large = #digits == 19 and digits > "9223372036854775807"
    or #digits == 20 and digits <= largest_seed
  if is_large then return tonumber(digits:sub(1, -2)) * 10 + tonumber(digits:sub(-1)) end
  return units.integer(value, what)
end

local function choice(value, what, option)
  for _, allowed in ipairs(option.choices) do
    if value == allowed then return value end
  end
  local shown = table.concat(option.choices, ", ")
  local hint = type(value) == "string" and nearest.hint(value, option.choices) or ""
  core.base.raise(("%s must be one of %s, not %s%s"):format(what, shown, units.show(value), hint))
end

local function path(value, what)
  if type(value) ~= "string" or value == "" then units.wrong(what, value, "a file's name") end
  return value
end

-- A kind whose values are of a type of Lua's.
local function of_type(type_name, allowed, placeholder)
  return { placeholder = placeholder, is_ready = function() return type_name end,
    convert = function(value, what)
      if type(value) ~= type_name then units.wrong(what, value, allowed) end
      return value
    end }
end

kinds.by_name = {
  number = ranged(units.number, "NUMBER", any_finite),
  integer = ranged(units.integer, "N"),
  seed = { convert = seed, placeholder = "N" },
  rate_number = ranged(units.rate_number, "RATE", any_finite),
  duration = ranged(units.duration, "TIME", any_finite),
  path = { convert = path, placeholder = "FILE", is_whole = true },
  expression = { convert = of_type("string", "an expression").convert, placeholder = "EXPRESSION",
    is_whole = true },
  choice = { convert = choice },
  flag = of_type("boolean", "true or false"),
  string = of_type("string", "a string", "TEXT"),
  boolean = of_type("boolean", "true or false", "true|false"),
  shard = { convert = shard, placeholder = "I/N" },
  any = { convert = function(value) return value end, placeholder = "VALUE",
    is_ready = function() return true end },
}

return kinds
