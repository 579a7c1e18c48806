--- The lengths of a stream or class: input= or new_input=, and output=, as values of core.
local core = require "moontide.core"
local distribution = require "moontide.load.distribution"
local length = require "moontide.load.length"
local of_number = require "moontide.kit.of_number"

local stream_lengths = {}

--- The pair {input, is_new, output or false} of a stream or class; exactly one input is given.
---@param values table input or new_input, and perhaps output
---@param where string begins messages
---@return table
function stream_lengths.pair_of(values, where)
  if (values.input == nil) == (values.new_input == nil) then
    core.base.raise(where .. (values.input == nil
      and ": input= (the whole prompt) or new_input= (what is added to its shared part) is required"
      or ": input= is the whole prompt, new_input= what is added to its shared part: give one of them"))
  end
  local is_new = values.new_input ~= nil
  local name = is_new and "new_input" or "input"
  local output = false
  if values.output ~= nil then output = length.of(values.output, where .. ": output") end
  return { length.of(values[name], where .. ": " .. name), is_new, output }
end

-- core.lengths of two plain numbers, by those.
local function plain_lengths(is_new)
  return of_number.remembered(function(input)
    local from = distribution.of(input, "input")
    local function with(output)
      return core.lengths.pair { from, is_new, output and distribution.of(output, "output") }
    end
    return { alone = with(false), with = of_number.remembered(with) }
  end)
end

local of_input, of_new_input = plain_lengths(false), plain_lengths(true)

--- The lengths of core of numbers of at least 0, which are made once.
---@param input number? one of the two
---@param new_input number?
---@param output number?
---@return userdata
function stream_lengths.of_numbers(input, new_input, output)
  local known = input and of_input(input) or of_new_input(new_input)
  return output and known.with(output) or known.alone
end

--- The lengths of core of a stream that has no classes.
---@param values table as of pair_of
---@param where string
---@return userdata
function stream_lengths.of(values, where)
  local input, new_input, output = values.input, values.new_input, values.output
  if (input == nil or new_input == nil) and type(input or new_input) == "number"
    and (output == nil or type(output) == "number") then
    return stream_lengths.of_numbers(input, new_input, output)
  end
  return core.lengths.pair(stream_lengths.pair_of(values, where))
end

return stream_lengths
