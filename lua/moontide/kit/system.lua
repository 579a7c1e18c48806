--- What is around us: variables of the environment, files.
local core = require "moontide.core"
core.base.own()

local system = {}

--- A variable of the environment; nil where it is empty too.
---@param name string
---@return string?
function system.variable(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

--- A folder of the user's for files of ours: $XDG_STATE_HOME/moontide, else ~/.local/state/moontide; nil
--- without a home.
---@param variable string "XDG_STATE_HOME"
---@param beneath string ".local/state"
---@return string?
function system.folder(variable, beneath)
  local folder, home = system.variable(variable), system.variable "HOME"
  if not folder and home then folder = home .. "/" .. beneath end
  return folder and folder .. "/moontide"
end

--- A file's text, or nil and the system's message ("NAME: No such file or directory").
---@param path string
---@return string? text, string? message
function system.read(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local text, trouble = file:read "a"
  file:close()
  if not text then return nil, path .. ": " .. trouble end
  return text
end

--- Is there a file that can be opened?
---@param path string
---@return boolean
function system.exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

return system
