--- Commands as functions: their options in a table, their messages in the words of Lua.
local core = require "moontide.core"
local options = require "moontide.kit.options"

local calls = {}

-- Options of the command alone: they say how it prints and with which status it exits.
local of_command = { json = true, fail_over = true, accept_invalid = true }

--- Of a command's options those that a function takes.
---@param list moontide.option[]
---@param also? table<string, boolean> of those of a command alone, by key
---@return moontide.option[]
function calls.spec(list, also)
  local spec = {}
  for _, option in ipairs(list) do
    local key = options.key(option[1])
    if not of_command[key] or also and also[key] then spec[#spec + 1] = option end
  end
  return spec
end

--- What a function gives for a failure of its command: a caller's mistake raises, the world's failure is
--- returned. "--api-key-env: ..." is of the option api_key_env here.
---@param name string the function's
---@param message string
---@param code string?
---@return nil, string message, string? code
function calls.refuse(name, message, code)
  message = message:gsub("%-%-(%l[%l-]*)", options.key)
  if code == "usage" then core.base.raise(name .. ": " .. message) end
  return nil, message, code
end

return calls
