--- The reference of methods: of curves, distributions, columns, ... Methods in Lua have the comment above
--- them, methods in C a field in the annotated class of their type.
local comments = require "moontide.reference.comments"
local is_plain = require("moontide.kit.value").is_plain
local lists = require "moontide.kit.lists"
local nearest = require "moontide.kit.nearest"
local reference = require "moontide.reference"

local reference_methods = {}

--- The table in which a type looks for its methods: __index, or what a function in C for it holds. Nothing
--- is called.
---@param metatable table
---@return table?
function reference_methods.of_metatable(metatable)
  local index = rawget(metatable, "__index")
  if type(index) ~= "function" then return type(index) == "table" and index or nil end
  if debug.getinfo(index, "S").what ~= "C" then return nil end
  for position = 1, 2 do
    local _, value = debug.getupvalue(index, position)
    if type(value) == "function" then return nil end -- a function of the module (core.base.located)
    if type(value) == "table" then return value end
  end
end

-- The function in Lua behind a method, which core.base.located wraps; nil of a method in C.
local function inner_of(method)
  if debug.getinfo(method, "S").what ~= "C" then return method end
  local _, inner = debug.getupvalue(method, 1)
  return type(inner) == "function" and debug.getinfo(inner, "S").what ~= "C" and inner or nil
end

local types

---@class moontide.reference_type
---@field name string "curve"
---@field part string the module: "load.curve", "trace.trace"
---@field methods table<string, function>

--- The types with methods, sorted by name.
---@return moontide.reference_type[]
function reference_methods.types()
  if types then return types end
  require "moontide.whole"
  types = {}
  local by_name = {}
  for _, part in ipairs(require "moontide.parts") do
    for _, entry in ipairs(require("moontide." .. part.module).methods or {}) do
      local name, methods = table.unpack(entry)
      local one = by_name[name]
      if not one then
        one = { name = name, part = part.module, methods = {} }
        by_name[name] = one
        types[#types + 1] = one
      end
      for method, value in pairs(methods) do
        if type(value) == "function" and not method:find "^__" then one.methods[method] = value end
      end
    end
  end
  table.sort(types, function(a, b) return a.name < b.name end)
  return types
end

--- The type of that name, or nil.
---@param name string
---@return moontide.reference_type?
function reference_methods.find(name)
  for _, one in ipairs(reference_methods.types()) do
    if one.name == name then return one end
  end
end

-- The field of a method in C: its type, and the lines of its comment.
local function field_of(one, name)
  local lines = comments.lines_of("=moontide:moontide." .. one.part) or {}
  local found, is_inside
  for _, line in ipairs(lines) do
    local class = line:match "^%-%-%-@class%s+(%S+)"
    if class then is_inside = class == "moontide." .. one.name end
    local field, rest = line:match "^%-%-%-@field%s+(%S+)%s+(.*)$"
    if found and (field or not line:find "^%-%-%-") then break end
    if found then
      found = found .. " " .. line:match "^%-%-%-%s*(.*)$"
    elseif is_inside and field == name then
      found = rest
    end
  end
  return found
end

-- "fun(self, x: number): number of a draw" -> "(x: number): number of a draw"
local function signature_of(field)
  return (field:gsub("^fun%(self,?%s*", "("))
end

--- The type of what a function or method gives, by its annotation: "curve", or nil.
---@param fn function
---@return string?
function reference_methods.result_of(fn)
  local returned
  for _, one in ipairs(reference_methods.types()) do
    for name, method in pairs(one.methods) do
      if method == fn and not inner_of(fn) then
        returned = (field_of(one, name) or ""):match "^fun%b():%s*(.*)$"
      end
    end
  end
  returned = returned or reference.returns(fn)
  return returned and returned:match "^moontide%.([%w_]+)" or nil
end

local names_by_function

-- The names of the functions in a table of them, and of the tables in it.
local function collect_names(prefix, functions)
  for name, value in pairs(functions) do
    if type(value) == "function" then
      names_by_function[value] = prefix .. name
    elseif is_plain(value) then
      collect_names(prefix .. name .. ".", value)
    end
  end
end

--- The name of a function of the module or of a method, or nil: "mt.spike", "curve:take".
---@param fn function
---@return string?
function reference_methods.name_of(fn)
  if not names_by_function then
    names_by_function = {}
    for _, one in ipairs(reference_methods.types()) do
      for name, method in pairs(one.methods) do names_by_function[method] = one.name .. ":" .. name end
    end
    collect_names("mt.", require "moontide.whole")
  end
  return names_by_function[fn]
end

--- The methods of a type, a line each.
---@param one moontide.reference_type
---@return string
function reference_methods.list(one)
  local lines = {}
  for _, name in ipairs(lists.sorted_keys(one.methods)) do
    local full = one.name .. ":" .. name
    local text = inner_of(one.methods[name]) and reference.line(full, one.methods[name])
      or ("  %-24s %s"):format(full, signature_of(field_of(one, name) or "()"))
    lines[#lines + 1] = text
  end
  return table.concat(lines, "\n") .. "\n"
end

--- What there is to say of a method; nil and a message when there is none of that name.
---@param type_name string "curve"
---@param method_name string "take"
---@return string? text, string? message
function reference_methods.text(type_name, method_name)
  local one = reference_methods.find(type_name)
  if not one then return nil, ("there is no type '%s'"):format(type_name) end
  local method = one.methods[method_name]
  local full = type_name .. ":" .. method_name
  if not method then
    local hint = nearest.hint(method_name, lists.sorted_keys(one.methods), type_name .. ":")
    return nil, ("there is no %s%s"):format(full, hint)
  end
  if inner_of(method) then return reference.page(full, method) end
  return full .. signature_of(field_of(one, method_name) or "()") .. "\n" .. reference.example(full)
end

return reference_methods
