--- What a prompt source is called, and whether a value is one.
local options = require "moontide.kit.options"

local prompt_kind = {}

--- Raises where the value is there and no prompt source.
---@param value any
---@param where string begins the message
function prompt_kind.check(value, where)
  if value ~= nil and options.type_of(value) ~= "moontide.prompt" then
    options.wrong(where .. ": prompt", value, "a prompt source such as mt.unique()")
  end
end

--- "prompts_of", of a prompt source.
---@param prompt moontide.prompt
---@return string
function prompt_kind.name(prompt)
  return tostring(prompt):match "^[%w_]+"
end

return prompt_kind
