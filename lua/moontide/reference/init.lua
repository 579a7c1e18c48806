--- The reference of the Lua module: what the comments above its functions say.
--
-- A public function is a C closure around the function that does the work (core.base.located): its
-- source and line say where the comment stands, and the sources are inside the executable.
local core = require "moontide.core"
local is_plain = require("moontide.kit.value").is_plain
local lists = require "moontide.kit.lists"
local nearest = require "moontide.kit.nearest"
local system = require "moontide.kit.system"

local reference = {}

-- Columns for a sentence in a list of names.
local room = 74

--- The lines of the file that a chunk's name means, or nil: "=moontide:moontide.load.curve" is built in,
--- "@path" a file.
---@param chunk string
---@return string[]?
function reference.lines_of(chunk)
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

-- The comment above a function, its lines without the dashes, the parameters of its definition and the
-- lines of its file.
local function comment_of(fn)
  local info = debug.getinfo(fn, "S")
  if info.what == "C" then
    local _, inner = debug.getupvalue(fn, 1)
    if type(inner) ~= "function" then return nil end
    info = debug.getinfo(inner, "S")
  end
  local lines = info.what ~= "C" and reference.lines_of(info.source)
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

--- The first sentence of a comment's lines, as far as a line of a list has room.
---@param comment string[]
---@return string
function reference.sentence_of(comment)
  local plain = {}
  for _, line in ipairs(comment) do
    if line:find "^%s*@" or line:find "^%s*$" then break end
    plain[#plain + 1] = line:gsub("^%s+", "")
  end
  local text = table.concat(plain, " ")
  text = text:match "^(.-%.)%s" or text
  return #text <= room and text or text:sub(1, room - 3):gsub("%s+%S*$", "") .. "..."
end

-- The fields of a class and of those it inherits from, as they are annotated in its file.
local function fields_of_class(class, lines)
  local fields, is_inside, above = {}, false, nil
  for _, line in ipairs(lines) do
    local name, parent = line:match "^%-%-%-@class%s+([%w_.]+):?%s*([%w_.]*)"
    if name then is_inside = name == class end
    if name == class then above = parent ~= "" and parent or nil end
    local field = is_inside and line:match "^%-%-%-@field%s+(.*)$"
    if field then fields[#fields + 1] = field end
  end
  local inherited = above and fields_of_class(above, lines) or {}
  return table.move(inherited, 1, #inherited, #fields + 1, fields)
end

-- The fields of the class of options that a parameter's type names. Its name ends in _options.
local function fields_of(type_text, lines)
  local class = type_text:match "moontide%.[%w_]+_options"
  return class and fields_of_class(class, lines) or {}
end

-- A value of mt by its dotted name, and the name in full.
local function find(name)
  local path = name:gsub("^mt%.?", "")
  local value, full = require "moontide", "mt"
  for part in path:gmatch "[^.]+" do
    if type(value) ~= "table" then return nil end
    value = rawget(value, part)
    full = full .. "." .. part
  end
  return value, full
end

local function overview(prefix, functions)
  local lines = {}
  for _, name in ipairs(lists.sorted_keys(functions)) do
    local value = functions[name]
    if type(value) == "function" then
      lines[#lines + 1] = reference.line(prefix .. name, value)
    elseif is_plain(value) then
      lines[#lines + 1] = ("  %-24s see: moontide help %s%s"):format(prefix .. name, prefix, name)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

--- A function's line in a list: its name and its first sentence.
---@param name string
---@param fn function
---@return string
function reference.line(name, fn)
  return ("  %-24s %s"):format(name, reference.sentence_of(comment_of(fn) or { "" }))
end

--- The lines that follow the text of a name: an example, where there is one.
---@param full string "mt.spike", "curve:take"
---@return string
function reference.example(full)
  -- A step of a pipe is one of columns too.
  local examples = require "moontide.reference.examples"
  local text = examples[full] or examples[full:gsub("^pipe:", "columns:")]
  if not text then return "" end
  return "\nexample:\n  " .. text:gsub("\n", "\n  ") .. "\n"
end

--- What there is to say of a function: its parameters, the comment above it, an example.
---@param full string its name: "mt.spike", "curve:take"
---@param fn function
---@return string
function reference.page(full, fn)
  local comment, parameters, source = comment_of(fn)
  if not comment then return full .. "\n" .. reference.example(full) end
  if full:find ":" then parameters = parameters:gsub("^self,?%s*", "") end
  local lines = { ("%s(%s)"):format(full, parameters), "" }
  for _, line in ipairs(comment) do
    line = line:gsub("^%s?", "", 1)
    local kind, rest = line:match "^@(%w+)%s*(.*)$"
    if kind == "param" then
      lines[#lines + 1] = "  " .. rest
      for _, field in ipairs(fields_of(rest, source)) do lines[#lines + 1] = "    " .. field end
    elseif kind == "return" then
      lines[#lines + 1] = "  -> " .. rest
      local record = require("moontide.reference.records").of_type(rest)
      if record then lines[#lines + 1] = ('     its members: help "%s"'):format(record.name) end
    elseif kind == nil then
      lines[#lines + 1] = line
    end
  end
  return table.concat(lines, "\n") .. "\n" .. reference.example(full)
end

--- The names that a function's table of options may have, in declared order.
---@param fn function
---@return string[]
function reference.option_names(fn)
  local comment, _, source = comment_of(fn)
  local names = {}
  for _, line in ipairs(comment or {}) do
    for _, field in ipairs(line:find "^%s*@param" and fields_of(line, source) or {}) do
      names[#names + 1] = field:match "^[%a_][%w_]*"
    end
  end
  return names
end

--- What the annotation says that a function returns: "moontide.curve", or nil.
---@param fn function
---@return string?
function reference.returns(fn)
  for _, line in ipairs(comment_of(fn) or {}) do
    local returned = line:match "^%s*@return%s+(.*)$"
    if returned then return returned end
  end
end

--- Is it a name of the Lua module: "mt", "mt.spike", "mt.trace.open"?
---@param name string
---@return boolean
function reference.is_name(name)
  return name == "mt" or name:find "^mt%." ~= nil
end

--- What the module says of one of its names; nil, message, "usage" when there is none.
---@param name string
---@return string|nil text, string? message, string? code
function reference.text(name)
  local value, full = find(name)
  if type(value) == "function" then return reference.page(full, value) end
  if type(value) == "table" then return overview(full .. ".", value) end
  if value ~= nil then return ("%s: %s\n"):format(full, tostring(value)) end
  local names = lists.sorted_keys(require "moontide")
  return nil, ("there is no %s%s"):format(name, nearest.hint(name:gsub("^mt%.", ""), names, "mt.")), "usage"
end

return reference
