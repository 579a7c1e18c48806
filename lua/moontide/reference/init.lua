--- The reference of the Lua module: what the comments above its functions say.
--
-- A public function is a C closure around the function that does the work (core.base.located): its
-- source and line say where the comment stands, and the sources are inside the executable.
local comments = require "moontide.reference.comments"
local is_plain = require("moontide.kit.value").is_plain
local lists = require "moontide.kit.lists"
local nearest = require "moontide.kit.nearest"

local reference = {}

-- Columns for a sentence in a list of names.
local room = 74

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

-- A value of mt by its dotted name, and the name in full.
local function find(name)
  local path = name:gsub("^mt%.?", "")
  local value, full = require "moontide.whole", "mt"
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
  return ("  %-24s %s"):format(name, reference.sentence_of(comments.of(fn) or { "" }))
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
  local comment, parameters, source = comments.of(fn)
  if not comment then return full .. "\n" .. reference.example(full) end
  if full:find ":" then parameters = parameters:gsub("^self,?%s*", "") end
  local lines = { ("%s(%s)"):format(full, parameters), "" }
  local told -- the line of the parameter or result that a comment's next line goes on with
  for _, line in ipairs(comment) do
    line = line:gsub("^%s?", "", 1)
    local kind, rest = line:match "^@(%w+)%s*(.*)$"
    if kind then told = (kind == "param" or kind == "return") and #lines + 1 or nil end
    if kind == "param" then
      lines[#lines + 1] = "  " .. rest
      for _, field in ipairs(comments.fields_of(rest, source)) do lines[#lines + 1] = "    " .. field end
    elseif kind == "return" then
      lines[#lines + 1] = "  -> " .. rest
      local record = require("moontide.reference.records").of_type(rest)
      if record then lines[#lines + 1] = ('     its members: help "%s"'):format(record.name) end
    elseif kind == nil and lines[told] then
      lines[told] = lines[told] .. " " .. line:gsub("^%s+", "")
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
  local comment, _, source = comments.of(fn)
  local names = {}
  for _, line in ipairs(comment or {}) do
    for _, field in ipairs(line:find "^%s*@param" and comments.fields_of(line, source) or {}) do
      names[#names + 1] = field:match "^[%a_][%w_]*"
    end
  end
  return names
end

--- What the annotation says that a function returns: "moontide.curve", or nil.
---@param fn function
---@return string?
function reference.returns(fn)
  for _, line in ipairs(comments.of(fn) or {}) do
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
  local names = lists.sorted_keys(require "moontide.whole")
  return nil, ("there is no %s%s"):format(name, nearest.hint(name:gsub("^mt%.", ""), names, "mt.")), "usage"
end

return reference
