--- How the console shows values: tables with limits of depth, length and width, everything of ours as the
--- summary that it gives of itself, functions by where they come from. No addresses: the same input shows
--- the same on every run.
local options = require "moontide.kit.options"
local plain = require "moontide.kit.text"
local tokens = require "moontide.repl.tokens"
local types = require "moontide.kit.value"

local show = {}

-- Elements shown of a table, tables inside tables, bytes of a string, keys that are sorted.
local most_elements, deepest, most_bytes, most_sorted = 40, 4, 2000, 1000

local escapes = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\\"] = "\\\\", ['"'] = '\\"' }

-- A string as Lua reads it: broken UTF-8 and control bytes by number.
local function quoted(text)
  local rest = ""
  if #text > most_bytes then
    rest = ("... (%d bytes)"):format(#text)
    text = text:sub(1, utf8.offset(text, 0, most_bytes + 1) - 1)
  end
  local function by_number(byte) return escapes[byte] or ("\\x%02X"):format(byte:byte()) end
  local escaped = text:gsub('[%c\\"]', by_number)
  escaped = escaped:gsub("\xC2[\x80-\x9F]", function(control) return control:gsub(".", by_number) end)
  if not utf8.len(escaped) then escaped = escaped:gsub("[\x80-\xFF]", by_number) end
  return '"' .. escaped .. '"' .. rest
end

local standard_libraries = { "coroutine", "debug", "io", "math", "os", "string", "table", "utf8" }

-- "print", "string.rep", or nil.
local function standard_name(fn)
  for name, value in next, _G do
    if rawequal(value, fn) then return tostring(name) end
  end
  for _, library in ipairs(standard_libraries) do
    for name, value in next, package.loaded[library] do
      if rawequal(value, fn) then return library .. "." .. tostring(name) end
    end
  end
end

--- A function's name in the module or in Lua's libraries, or nil.
---@param fn function
---@return string?
function show.name_of(fn)
  return require("moontide.reference.methods").name_of(fn) or standard_name(fn)
end

local function function_text(fn)
  local name = show.name_of(fn)
  if name then return "function " .. name end
  local info = debug.getinfo(fn, "S")
  if info.what == "C" then return "function (in C)" end
  return ("function (%s:%d)"):format(info.short_src, info.linedefined)
end

local function has_text(value)
  local metatable = debug.getmetatable(value)
  return type(metatable) == "table" and rawget(metatable, "__tostring") ~= nil
end

local function is_plain_table(value)
  return type(value) == "table" and not has_text(value)
end

local function scalar(value)
  local kind = type(value)
  if kind == "string" then return quoted(value) end
  if kind == "number" then return options.python_number(value) end
  if kind == "function" then return function_text(value) end
  if io.type(value) then return io.type(value) end
  if kind == "nil" or kind == "boolean" or has_text(value) then return tostring(value) end
  return types.type_name(value)
end

local function key_text(key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" and not tokens.keywords[key] then return key end
  return "[" .. (type(key) == "table" and types.type_name(key) or scalar(key):match "[^\n]*") .. "]"
end

local order_of_types = { number = 1, string = 2 }

local function comes_before(a, b)
  local rank_a, rank_b = order_of_types[type(a)] or 3, order_of_types[type(b)] or 3
  if rank_a ~= rank_b then return rank_a < rank_b end
  if rank_a == 3 then return tostring(a) < tostring(b) end
  return a < b
end

-- The keys beside the list part, at most `most_sorted` of them, sorted; and whether there are more.
local function other_keys(value, list_length)
  local keys = {}
  local position = list_length > 0 and list_length or nil
  for key in next, value, position do
    if not (math.type(key) == "integer" and key >= 1 and key <= list_length) then
      if #keys == most_sorted then return keys, true end
      keys[#keys + 1] = key
    end
  end
  table.sort(keys, comes_before)
  return keys, false
end

-- How many elements the list part has: #value, where the table really begins with them.
local function list_length_of(value)
  local length = rawlen(value)
  return length > 0 and rawget(value, 1) ~= nil and length or 0
end

local element

-- The texts of a table's elements, cut at `most_elements`.
local function elements(value, depth, room, above)
  if rawequal(value, package.loaded.moontide) then require "moontide.whole" end
  local texts = {}
  local length = list_length_of(value)
  for i = 1, math.min(length, most_elements) do
    texts[i] = element(rawget(value, i), depth, room, above)
  end
  local keys, has_more = other_keys(value, length)
  for _, key in ipairs(keys) do
    if #texts >= most_elements then break end
    local name = key_text(key)
    texts[#texts + 1] = name .. " = " .. element(rawget(value, key), depth, room - #name - 3, above)
  end
  local left = length + #keys - #texts
  if has_more then
    texts[#texts + 1] = "... and many more"
  elseif left > 0 then
    texts[#texts + 1] = ("... and %d more"):format(left)
  end
  return texts
end

local function are_short(texts)
  for _, text in ipairs(texts) do
    if not (#text <= 20 and utf8.len(text)) then return false end
  end
  return true
end

-- A table in one line where it has room, else its elements on lines of their own, short ones in rows.
local function table_text(value, depth, room, above)
  if above[value] then return "{ ... itself ... }" end
  if next(value) == nil then return "{}" end
  if depth == deepest then return "{ ... }" end
  above[value] = true
  local texts = elements(value, depth + 1, room - 3, above)
  above[value] = nil
  local line = "{ " .. table.concat(texts, ", ") .. " }"
  if (utf8.len(line) or #line) <= room and not line:find("\n", 1, true) then return line end
  local indent = ("  "):rep(depth + 1)
  local is_filled = are_short(texts)
  for i = 1, #texts - 1 do texts[i] = texts[i] .. "," end
  local lines = is_filled and plain.filled(texts, room - #indent) or texts
  return "{\n" .. indent .. table.concat(lines, "\n" .. indent) .. "\n" .. ("  "):rep(depth) .. "}"
end

-- A value inside a table: values of ours as their first line.
function element(value, depth, room, above)
  if is_plain_table(value) then return table_text(value, depth, room, above) end
  local text = scalar(value)
  local first = text:match "^([^\n]*)\n"
  return first and first .. " ..." or text
end

--- A value as the console shows it.
---@param value any
---@param width integer columns of the terminal
---@return string
function show.text(value, width)
  if is_plain_table(value) then return table_text(value, 0, width, {}) end
  return scalar(value)
end

--- Several results: on one line, or one after the other when one of them takes several.
---@param values { n: integer }
---@param width integer
---@return string
function show.results(values, width)
  local texts, separator = {}, "\t"
  for i = 1, values.n do
    texts[i] = show.text(values[i], width)
    if texts[i]:find("\n", 1, true) then separator = "\n" end
  end
  return table.concat(texts, separator)
end

return show
