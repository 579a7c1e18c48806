--- Numbers as people write them: "90s", "1h30m", "60/m", "10k"; and as Python prints them.
--
-- Each reader takes a value (a number or a text) and `what`, its name for the error message
-- ("spike: rise", "steady: --rate"), and raises a usage error that says what is allowed.
local core = require "moontide.core"
local types = require "moontide.kit.value"

local units = {}

--- Shows any value for an error message: texts quoted and cut, numbers as numbers.
---@param value any
---@return string
function units.show(value)
  local kind = type(value)
  if kind == "string" then
    local text = value:gsub("%c", "?")
    if #text > 60 then text = text:sub(1, utf8.offset(text, 0, 57) - 1) .. "..." end
    return "'" .. text .. "'"
  elseif kind == "number" then
    return math.type(value) == "integer" and ("%d"):format(value) or units.python_number(value)
  elseif kind == "nil" or kind == "boolean" then
    return tostring(value)
  end
  return "a " .. types.type_name(value)
end

--- Raises the usage error "WHAT must be ALLOWED, not VALUE".
---@param what string
---@param value any
---@param allowed string
function units.wrong(what, value, allowed)
  core.base.raise(("%s must be %s, not %s"):format(what, allowed, units.show(value)))
end

--- Calls fn(...), whose mistakes are told as `what`'s: their messages begin with it.
---@param what string
---@param fn function
---@return any ... what fn gives
function units.of(what, fn, ...)
  local results = table.pack(pcall(fn, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local problem = results[2]
  if not core.base.is_usage(problem) then error(problem, 0) end
  local message = problem.message
  core.base.raise(message:sub(1, #what) == what and message or what .. ": " .. message)
end

-- The number a decimal text stands for, or nil: what tonumber takes, without hexadecimal.
local function decimal(text)
  return not text:find "[xX]" and tonumber(text) or nil
end

local function finite(value, what, allowed)
  if value ~= value or value == math.huge or value == -math.huge then
    units.wrong(what, value, "finite: " .. allowed)
  end
  return value
end

--- A finite number. Texts are read only where `from_text` says that everything is a text.
---@param value any
---@param what string
---@param from_text? boolean
---@return number
function units.number(value, what, from_text)
  local number = value
  if from_text and type(value) == "string" then number = decimal(value) end
  if type(number) ~= "number" then units.wrong(what, value, "a number") end
  return finite(number, what, "a number")
end

-- `k` and `M` move the decimal point of the text, so that "4.35k" is 4350 exactly.
local exponents = { k = "e3", M = "e6" }

-- The number in a text with an optional suffix k or M, or nil.
local function scaled(text)
  local digits, suffix = text:match "^%s*([+-]?[%d.]+)([kM])%s*$"
  if digits then return tonumber(digits .. exponents[suffix]) end
  return decimal(text)
end

--- A whole number within 64 bits: 100, 1e3, "10k", "2M"; not 100.5.
---@param value any
---@param what string
---@return integer
function units.integer(value, what)
  local number = value
  if type(value) == "string" then number = scaled(value) end
  if type(number) ~= "number" then units.wrong(what, value, "a whole number") end
  finite(number, what, "a whole number")
  local integer = math.tointeger(number)
  if not integer then
    local is_whole = number == math.floor(number)
    units.wrong(what, value, is_whole and "a whole number of at most 64 bits" or "a whole number")
  end
  return integer --[[@as integer]]
end

--- A whole number that is not negative.
---@param value any
---@param what string
---@return integer
function units.count(value, what)
  local integer = units.integer(value, what)
  if integer < 0 then units.wrong(what, value, "0 or more") end
  return integer
end

-- A unit is a multiple or a fraction of a second; dividing keeps "250ms" exactly 0.25.
local multiples = { d = 86400, h = 3600, m = 60, s = 1 }
local fractions = { ms = 1000, us = 1000000 }
local duration_forms = "a time in seconds, or with units (90s, 250ms, 1h30m, 2d; m is minutes)"

-- Seconds in a text such as "1h30m", or nil.
function units.duration_text(text)
  local sign, rest = text:match "^%s*([+-]?)(.-)%s*$"
  if decimal(rest) and not rest:find "^[+-]" then return tonumber(sign .. rest) end
  local total, seen = 0, {}
  if rest == "" then return nil end
  while rest ~= "" do
    local digits, unit, after = rest:match "^(%d*%.?%d*)(%a+)(.*)$"
    local number = digits and tonumber(digits)
    if not number or seen[unit] or not (multiples[unit] or fractions[unit]) then return nil end
    total = total + (multiples[unit] and number * multiples[unit] or number / fractions[unit])
    seen[unit], rest = true, after
  end
  return sign == "-" and -total or total
end

--- A duration or point in time: seconds, or "90s" "1h30m" "250ms" "-19h"; `m` is minutes.
---@param value any
---@param what string
---@return number seconds
function units.duration(value, what)
  local number = value
  if type(value) == "string" then number = units.duration_text(value) end
  if type(number) ~= "number" then units.wrong(what, value, duration_forms) end
  return finite(number, what, duration_forms)
end

local rate_forms = "a rate per second (20, 1.5k), or with a unit (60/m, 200/h)"

-- The rate per second in a text such as "60/m", or nil.
function units.rate_text(text)
  local digits, unit = text:match "^(.-)/%s*(%a+)%s*$"
  if not digits then return scaled(text) end
  local number = scaled(digits)
  return number and multiples[unit] and number / multiples[unit] or nil
end

--- A rate: per second, or "60/m" "200/h" "1.5k".
---@param value any
---@param what string
---@return number per_second
function units.rate_number(value, what)
  local number = value
  if type(value) == "string" then number = units.rate_text(value) end
  if type(number) ~= "number" then units.wrong(what, value, rate_forms) end
  return finite(number, what, rate_forms)
end

--- A number as Python prints it: floats with the fewest digits that read back the same and at least
--- one decimal; an integer as one, unless `as_float`.
---@param value number
---@param as_float? boolean print an integer as the float it would be in Python
---@return string
function units.python_number(value, as_float)
  if math.type(value) == "integer" then
    if not as_float then return ("%d"):format(value) end
    value = value + 0.0
  end
  if value ~= value then return "nan" end
  if value == math.huge or value == -math.huge then return value > 0 and "inf" or "-inf" end
  local text
  for digits = 1, 17 do
    text = ("%%.%de"):format(digits - 1):format(value)
    if tonumber(text) == value then break end
  end
  local sign, first, rest, exponent = text:match "^(-?)(%d)%.?(%d*)e([+-]%d+)$"
  exponent = math.tointeger(tonumber(exponent)) --[[@as integer]]
  local all = first .. rest
  if exponent < -4 or exponent >= 16 then
    local mantissa = rest == "" and first or first .. "." .. rest
    return ("%s%se%s%02d"):format(sign, mantissa, exponent < 0 and "-" or "+", math.abs(exponent))
  elseif exponent < 0 then
    return sign .. "0." .. ("0"):rep(-exponent - 1) .. all
  end
  all = all .. ("0"):rep(exponent + 1 - #all)
  local decimals = all:sub(exponent + 2)
  return sign .. all:sub(1, exponent + 1) .. "." .. (decimals == "" and "0" or decimals)
end

return units
