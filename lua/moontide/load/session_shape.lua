--- What sessions and their sub-agents are like, checked: think times, what answers take, what becomes of a
--- context that grows too long.
local core = require "moontide.core"
local distribution = require "moontide.load.distribution"
local options = require "moontide.kit.options"

local session_shape = {}

--- A time that may be a distribution: seconds, "5s", or a distribution of seconds.
function session_shape.seconds_of(value, what)
  if type(value) == "string" and not value:find ":" then value = options.duration(value, what) end
  return distribution.of(value, what)
end

local service_options = {
  { "ttft", kind = "any", default = 0 },
  { "per_token", kind = "any", default = 0 },
}

--- What an answer takes: ttft and per_token in seconds, or where these are drawn or a function's, `drawn`,
--- which has both (core.service).
---@param value any
---@param where string
---@return { ttft: number?, per_token: number?, drawn: userdata? }
function session_shape.service(value, where)
  where = where .. ": service"
  local values = options.table(where, value, service_options)
  local parts, is_plain = {}, true
  for i, name in ipairs { "ttft", "per_token" } do
    local given = values[name]
    local what = where .. ": " .. name
    if type(given) == "number" or type(given) == "string" and not given:find ":" then
      parts[i] = options.value(given, what, { kind = "duration", min = 0 })
    else
      parts[i] = type(given) == "function" and given or distribution.of(given, what)
      is_plain = false
    end
  end
  if is_plain then return { ttft = parts[1], per_token = parts[2] } end
  for i, part in ipairs(parts) do
    if type(part) == "number" then parts[i] = distribution.of(part, where) end
  end
  return { ttft = 0, per_token = 0, drawn = core.service.new(parts[1], parts[2]) }
end

--- A function is given the tokens in flight, of prompts and answers under way, its own included.
---@alias moontide.service_time number|string|moontide.distribution|fun(in_flight: integer): number

---@class moontide.service_options
---@field ttft? moontide.service_time seconds to an answer's first token
---@field per_token? moontide.service_time seconds a token of an answer

local clear_options = {
  { "at", kind = "integer", min = 1, required = true },
  { "keep", kind = "integer", min = 0, default = 3 },
  { "share", kind = "number", above = 0, max = 1, default = 1 },
}

local compact_options = {
  { "at", kind = "integer", min = 1, required = true },
  { "keep", kind = "length", required = true },
}

--- What becomes of a context that grows too long, as core takes it, from clear=, compact= and max_input=.
---@param values table
---@param where string
---@return table
function session_shape.rules_of(values, where)
  local rules = { max_input = values.max_input }
  if values.clear ~= nil then
    local clear = options.table(where .. ": clear", values.clear, clear_options)
    rules.clear_at, rules.clear_keep, rules.clear_share = clear.at, clear.keep, clear.share
  end
  if values.compact ~= nil then
    local compact = options.table(where .. ": compact", values.compact, compact_options)
    rules.compact_at = compact.at
    rules.compact_keep = distribution.of(compact.keep, where .. ": compact: keep")
    local keep = rules.compact_keep:mean_rounded(1)
    if keep >= compact.at then
      core.base.raise(("%s: compact: keep=%.9g leaves no room below at=%d"):format(where, keep, compact.at))
    end
  end
  for _, name in ipairs { "clear", "compact" } do
    local at = rules[name .. "_at"]
    if at and values.max_input and at >= values.max_input then
      core.base.raise(("%s: %s: at=%d is never passed: max_input=%d ends sessions before"):format(
        where, name, at, values.max_input))
    end
  end
  return rules
end

---@class moontide.clear_options
---@field at integer tokens: a longer prompt loses tools' outputs
---@field keep? integer the outputs of so many last turns stay; 3
---@field share? number how much of what a turn after the first adds is a tool's output, above 0 to 1; 1

---@class moontide.compact_options
---@field at integer tokens: a longer prompt has a summary in place of its history
---@field keep number|moontide.distribution tokens of the summary

return session_shape
