--- The reference of methods: of curves, distributions, columns, ... Methods in Lua have the comment above
--- them, methods in C a field in the annotated class of their type.
local core = require "moontide.core"
local nearest = require "moontide.kit.nearest"
local reference = require "moontide.reference"
core.base.own()

local reference_methods = {}

-- Modules that have methods, as lua/moontide/init.lua lists them.
local function parts_with_methods()
  require "moontide"
  local names = {}
  for name, part in pairs(package.loaded) do
    local short = type(name) == "string" and name:match "^moontide%.([%w_.]+)$"
    if short and type(part) == "table" and type(rawget(part, "methods")) == "table" then
      names[#names + 1] = short
    end
  end
  table.sort(names)
  return names
end

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

-- "moontide.curve" -> "curve", by the table of its methods.
local function names_by_methods()
  local names = {}
  for name, metatable in pairs(debug.getregistry()) do
    local short = type(name) == "string" and name:match "^moontide%.([%w_]+)$"
    local methods = short and type(metatable) == "table" and reference_methods.of_metatable(metatable)
    if methods then names[methods] = short end
  end
  return names
end

-- The function in Lua behind a method, which core.base.located wraps; nil of a method in C.
local function inner_of(method)
  if debug.getinfo(method, "S").what ~= "C" then return method end
  local _, inner = debug.getupvalue(method, 1)
  return type(inner) == "function" and debug.getinfo(inner, "S").what ~= "C" and inner or nil
end

-- The name of a type in Lua, as the file of its methods says it: { __name = "moontide.workload", __index =
-- methods }, or the first name there.
local function name_in_file(methods)
  for _, method in pairs(methods) do
    local inner = type(method) == "function" and inner_of(method)
    local lines = inner and reference.lines_of(debug.getinfo(inner, "S").source)
    local text = table.concat(lines or {}, "\n")
    local name = text:match '__name = "moontide%.([%w_]+)", __index = methods'
      or text:match '__name = "moontide%.([%w_]+)"'
    if name then return name end
  end
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
  types = {}
  local names, by_name = names_by_methods(), {}
  for _, part in ipairs(parts_with_methods()) do
    for _, methods in ipairs(require("moontide." .. part).methods) do
      local name = names[methods] or name_in_file(methods) or part:match "[%w_]+$"
      local one = by_name[name]
      if not one then
        one = { name = name, part = part, methods = {} }
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
  local lines = reference.lines_of("=moontide:moontide." .. one.part) or {}
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

local function names_of(one)
  local names = {}
  for name in pairs(one.methods) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- The methods of a type, a line each.
---@param one moontide.reference_type
---@return string
function reference_methods.list(one)
  local lines = {}
  for _, name in ipairs(names_of(one)) do
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
    return nil, ("there is no %s%s"):format(full, nearest.hint(method_name, names_of(one), type_name .. ":"))
  end
  if inner_of(method) then return reference.page(full, method) end
  return full .. signature_of(field_of(one, method_name) or "()") .. "\n" .. reference.example(full)
end

return reference_methods
