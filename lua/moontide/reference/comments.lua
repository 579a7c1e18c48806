--- Comments above functions, and annotations, as they stand in the sources, which are inside the executable.
local core = require "moontide.core"
local system = require "moontide.kit.system"

local comments = {}

--- The lines of the file that a chunk's name means, or nil: "=moontide:moontide.load.curve" is built in,
--- "@path" a file.
---@param chunk string
---@return string[]?
function comments.lines_of(chunk)
  local text
  local built_in, path = chunk:match "^=moontide:(.*)$", chunk:match "^@(.*)$"
  if built_in then
    local base = "lua/" .. built_in:gsub("%.", "/")
    text = core.embedded(base .. ".lua") or core.embedded(base .. "/init.lua")
  elseif path then
    text = system.read(path)
  end
  if not text then return nil end
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
  return lines
end

--- The comment above a function, its lines without the dashes, the parameters of its definition and the
--- lines of its file; nil where its source is not there.
---@param fn function
---@return string[]? comment, string? parameters, string[]? lines
function comments.of(fn)
  local info = debug.getinfo(fn, "S")
  if info.what == "C" then
    local _, inner = debug.getupvalue(fn, 1)
    if type(inner) ~= "function" then return nil end
    info = debug.getinfo(inner, "S")
  end
  local lines = info.what ~= "C" and comments.lines_of(info.source)
  if not lines then return nil end
  local first = info.linedefined
  local comment = {}
  for i = first - 1, 1, -1 do
    local line = lines[i]:match "^%s*%-%-%-?(.*)$"
    if not line then break end
    table.insert(comment, 1, line)
  end
  return comment, lines[first]:match "%((.-)%)" or "", lines
end

-- The fields of a class and of those it inherits from, as they are annotated in its file.
local function fields_of_class(class, lines)
  local fields, is_inside, above = {}, false, nil
  for _, line in ipairs(lines) do
    local name, parent = line:match "^%-%-%-@class%s+([%w_.]+):?%s*([%w_.]*)"
    if name then is_inside = name == class end
    if name == class then above = parent ~= "" and parent or nil end
    local field = is_inside and line:match "^%-%-%-@field%s+(.*)$"
    local more = is_inside and #fields > 0 and line:match "^%-%-%-?%s+([^@].*)$"
    if field then
      fields[#fields + 1] = field
    elseif more then
      fields[#fields] = fields[#fields] .. " " .. more
    elseif not name then
      is_inside = false
    end
  end
  local inherited = above and fields_of_class(above, lines) or {}
  return table.move(inherited, 1, #inherited, #fields + 1, fields)
end

--- The fields of the class of options that a parameter's type names. Its name ends in _options.
---@param type_text string
---@param lines string[] of the file
---@return string[]
function comments.fields_of(type_text, lines)
  local class = type_text:match "moontide%.[%w_]+_options"
  return class and fields_of_class(class, lines) or {}
end

return comments
