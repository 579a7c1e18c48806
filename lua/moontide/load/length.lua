--- Lengths by a rule: by turn, or as a function of one's own says. A plain length is a distribution.
local core = require "moontide.core"
local distribution = require "moontide.load.distribution"
local kinds = require "moontide.kit.kinds"
local options = require "moontide.kit.options"

local length = {}
---@class moontide.length_rule a length by turn, or by a function

---@class moontide
local public = {}

--- Lengths by turn of a session: the first turn has the first, and so on; the last one goes on.
---
--- new_input = mt.by_turn{ 900, 120, 120, mt.lognormal{ mean = 400, cv = 1 } }
---@param list (number|moontide.distribution)[] at least one
---@return moontide.length_rule
function public.by_turn(list)
  if not options.is_plain(list) or #list == 0 then
    core.base.raise "by_turn: needs at least one length, as in by_turn{ 900, 120 }"
  end
  options.table("by_turn", list, { items = true })
  local turns = {}
  for i, one in ipairs(list) do turns[i] = distribution.of(one, ("by_turn: length %d"):format(i)) end
  return core.length_rule.turns(turns)
end

--- A length by a function of your own, called for each request: it returns a whole number of tokens. Draw
--- from `random` and from nothing else, and the request is the same at every rate and on every shard.
--- `event` has `time` (seconds), `session` and `turn` (both from 0; 0 where there are no sessions),
--- `history`, the tokens that its session has said before, and for an output `input`, the tokens of the input
--- or new_input (of an input 0), so that the two go together; it is the same table each time.
---
--- Its price: a call about doubles what it takes to make a request (0.15 microseconds more, where two
--- million requests took 0.34 s). What the lengths are on average has no formula: it is counted in a run.
---
--- new_input = mt.length(function(random, event) return 100 + 20 * event.turn + random:below(50) end)
---@param rule fun(random: moontide.random, event: moontide.length_event): integer
---@return moontide.length_rule
function public.length(rule)
  if type(rule) ~= "function" then
    options.wrong("length: the rule", rule, "a function(random, event) that returns a number of tokens")
  end
  return core.length_rule.custom(rule)
end

---@class moontide.length_event
---@field time number seconds
---@field input integer tokens of the request's input or new_input, for the function of an output; else 0
---@field session integer from 0, within its stream
---@field turn integer from 0
---@field history integer tokens

--- Is the value a length by a rule?
---@param value any
---@return boolean
function length.is_rule(value)
  return options.type_of(value) == "moontide.length_rule"
end

--- A length from what an author wrote: a rule, or what may be a distribution.
---@param value any
---@param what string
---@return moontide.distribution|moontide.length_rule
function length.of(value, what)
  return length.is_rule(value) and value or distribution.of(value, what)
end

kinds.by_name.tokens = kinds.number_or(function(value, what)
  return type(value) == "string" and options.integer(value, what) or options.number(value, what)
end, length.of, "LENGTH")

length.public = public

return length
