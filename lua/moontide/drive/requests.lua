--- The requests of a finished run, from the folder of its results.
local drive = require "moontide.drive"
local files = require "moontide.drive.files"

local requests = {}

--- "file", "folder", or nil and why it cannot be opened.
---@param path string
---@return "file"|"folder"|nil kind, string? message
function requests.kind_of(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, path .. ": cannot open: " .. message:gsub("^.*: ", "") end
  local _, _, number = file:read(1)
  file:close()
  return number == 21 and "folder" or "file" -- EISDIR
end

--- The whole text of a file; nil when it cannot be read.
---@param path string
---@return string?
function requests.text_of(path)
  local file = io.open(path, "rb")
  local text = file and file:read "a"
  if file then file:close() end
  return text
end

--- The requests in a folder of results or in a profile_export.jsonl.
---@param path string
---@return userdata? requests, string? message, string? code
function requests.of(path)
  local kind, why = requests.kind_of(path)
  if not kind then return nil, why, "io" end
  local file = kind == "folder" and path .. "/" .. files.names.lines or path
  if kind == "folder" and not requests.kind_of(file) then
    local is_sweep = requests.kind_of(path .. "/sweep.json") ~= nil
    return nil, ("%s: %s is not there: this is %s"):format(path, files.names.lines, is_sweep
      and "a sweep, whose levels have folders of their own (moontide report sets sweeps side by side)"
      or "no folder of a run's results"), "input"
  end
  local read = drive.requests()
  local cut, message, code = read:read(file, 0)
  if cut == nil then return nil, message, code end
  return read
end

return requests
