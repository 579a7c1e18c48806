-- Every public name is documented and annotated where it is defined, so that help and editors know it: a
-- plain sentence, the parameters by name, what is returned, and for a table of options a class whose fields
-- are those that the validator takes.
local mt = require "moontide"
local options = require "moontide.kit.options"

local parts = require "moontide.parts"

local function file_of(part) return "lua/moontide/" .. part:gsub("%.", "/") .. ".lua" end

local texts = {}

local function lines_of(path)
  if texts[path] then return texts[path] end
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  texts[path] = lines
  return lines
end

-- The function behind a public one, which core.base.located wraps.
local function inner_of(fn)
  local name, inner = debug.getupvalue(fn, 1)
  assert(debug.getinfo(fn, "S").what == "C" and name, "it is not located")
  return inner
end

-- A chunk's file: "@lua/moontide/x.lua", or "=moontide:moontide.x" where it is built in.
local function source_file(source)
  local module = source:match "^=moontide:moontide%.(.*)$"
  return module and file_of(module) or source:sub(2)
end

-- { comment = lines above it, parameters = names, returns = does it give something back, file, line }.
local function definition_of(fn)
  local inner = inner_of(fn)
  local info = debug.getinfo(inner, "S")
  if info.what == "C" then return nil end
  local lines, comment, parameters = lines_of(source_file(info.source)), {}, {}
  for i = info.linedefined - 1, 1, -1 do
    if not lines[i]:find "^%s*%-%-" then break end
    table.insert(comment, 1, lines[i])
  end
  for i = 1, debug.getinfo(inner, "u").nparams do parameters[i] = debug.getlocal(inner, i) end
  local returns = false
  for i = info.linedefined, info.lastlinedefined do
    returns = returns or lines[i]:find "%f[%w]return%f[%W]%s*[^%se]" ~= nil
  end
  return { comment = comment, parameters = parameters, returns = returns,
    file = source_file(info.source), line = info.linedefined }
end

-- All public functions by name, and all methods that Lua or C defines.
local functions, methods = {}, {}

local function collect(prefix, values, into)
  for key, value in pairs(values) do
    if type(value) == "function" and not tostring(key):find "^__" then into[prefix .. key] = value end
  end
end

collect("mt.", mt, functions)
for key, value in pairs(mt) do
  if type(value) == "table" and getmetatable(value) == nil then collect("mt." .. key .. ".", value, functions) end
end
for _, one_part in ipairs(parts) do
  local part = one_part.module
  for i, one in ipairs(require("moontide." .. part).methods or {}) do
    local own = {}
    collect("", one[2], own)
    methods[#methods + 1] = { name = part .. (i > 1 and " " .. i or ""), part = part, list = own }
  end
end

local function sorted(list)
  local names = {}
  for name in pairs(list) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function check_definition(name, found)
  local where = ("%s (%s:%d)"):format(name, found.file, found.line)
  local first, annotations = found.comment[1], table.concat(found.comment, "\n")
  assert.is_truthy(first and first:find "^%-%-%- %S.*%S", where .. ": no sentence above it")
  assert.is_truthy(annotations:gsub("\n%-%-%-?", ""):find "^%-%-%- %u[^@]-[.:]", where .. ": it begins with no plain sentence")
  for _, parameter in ipairs(found.parameters) do
    if parameter ~= "self" then
      assert.is_truthy(annotations:find("\n---@param " .. parameter .. "%??%s+%S"), where .. ": no ---@param " .. parameter)
    end
  end
  for parameter in annotations:gmatch "\n%-%-%-@param ([%w_]+)" do
    local is_one = parameter == "self"
    for _, other in ipairs(found.parameters) do is_one = is_one or other == parameter end
    assert.is_true(is_one, where .. ": ---@param " .. parameter .. " is no parameter")
  end
  assert.equal(found.returns, annotations:find("\n---@return ", 1, true) ~= nil, where .. ": ---@return")
end

describe("every public function is documented:", function()
  for _, name in ipairs(sorted(functions)) do
    it(name, function() check_definition(name, definition_of(functions[name])) end)
  end
  it("and there are as many as there are", function() assert.is_true(#sorted(functions) >= 60) end)
end)

-- "---@field name fun(self" of any class in a file.
local function has_field(file, name)
  for _, line in ipairs(lines_of(file)) do
    if line:find("^%-%-%-@field " .. name .. " fun%(self[,)]") then return true end
  end
  return false
end

describe("every method is documented:", function()
  for _, one in ipairs(methods) do
    for _, name in ipairs(sorted(one.list)) do
      it(one.name .. ":" .. name, function()
        local found = definition_of(one.list[name])
        if found then return check_definition(name, found) end
        assert.is_true(has_field(file_of(one.part), name), ("no ---@field %s in %s"):format(name, file_of(one.part)))
      end)
    end
  end
end)

-- What the validator takes, by the name of the function that asks it.
local function specifications()
  local seen, validate = {}, options.table
  options.table = function(name, given, spec, ...) -- luacheck: ignore
    seen[name] = spec
    return validate(name, given, spec, ...)
  end
  return seen, function() options.table = validate end -- luacheck: ignore
end

-- The file that declares a class with fields, of those of the parts of the API; the first one when it has it.
local function file_with(class, first)
  local files = { first }
  for _, part in ipairs(parts) do files[#files + 1] = file_of(part.module) end
  for _, file in ipairs(files) do
    for _, line in ipairs(lines_of(file)) do
      if line == "---@class " .. class or line:find("---@class " .. class .. ":", 1, true) then return file end
    end
  end
  return first
end

-- The fields of a class, by name: true for those that may be left out. List items are no names.
local fields_of
function fields_of(class, file)
  file = file_with(class, file)
  local fields, inside
  for _, line in ipairs(lines_of(file)) do
    local name, parent = line:match "^%-%-%-@class ([%w_.]+):? ?(.*)"
    if name == class then fields, inside = parent ~= "" and fields_of(parent, file) or {}, true end
    if name and name ~= class or not line:find "^%-%-%-" then inside = false end
    local field, optional = line:match "^%-%-%-@field ([%w_]+)(%??)"
    if inside and field then fields[field] = optional == "?" end
  end
  return fields
end

-- The parameter that is a table of options, or a list of them: its place, its class, is it a list.
local function options_of(found)
  for _, line in ipairs(found.comment) do
    local parameter, class, list = line:match "^%-%-%-@param ([%w_]+)%??%s.-(moontide%.[%w_]+_options)(%[?)"
    for place, name in ipairs(found.parameters) do
      if name == parameter then return place, class, list == "[" end
    end
  end
end

describe("editors complete what the validator takes:", function()
  local trace = os.tmpname()
  local file = assert(io.open(trace, "w"))
  file:write '{"timestamp": 0, "input_length": 5}\n'
  file:close()
  teardown(function() os.remove(trace) end)
  -- What stands before the options.
  local before = { ["mt.times_of"] = trace, ["mt.prompts_of"] = trace, ["mt.rate_of"] = trace, ["mt.analyze"] = trace,
    ["mt.radix"] = trace, ["mt.model.learn"] = trace, ["mt.trace.open"] = trace, ["mt.trace.read"] = trace,
    ["mt.trace.writer"] = "/dev/null", ["mt.csv.open"] = trace, ["mt.curve"] = math.abs,
    ["mt.profile"] = mt.plan_of "steady", ["mt.expect"] = mt.plan_of "steady" }
  local count = 0

  local function check(name, fn, found, self)
    local place, class, is_list = options_of(found)
    if not class then return end
    count = count + 1
    local fields = assert(fields_of(class, found.file), "no class " .. class .. " in " .. found.file)
    local seen, restore = specifications()
    local arguments = { n = place, self }
    for i = self and 2 or 1, place - 1 do arguments[i] = before[name] or 1 end
    arguments[place] = is_list and { {} } or {}
    pcall(fn, table.unpack(arguments, 1, place))
    restore()
    local short = name:gsub("^mt%.", "")
    local spec = seen[short] or seen[name:match "[%w_]+$"]
    for what, one in pairs(is_list and seen or {}) do spec = what:find("^" .. short .. ": ") and one or spec end
    assert(spec, "it validates no table")
    local known = {}
    for _, option in ipairs(spec) do
      local key = options.key(option[1])
      known[key] = true
      assert.is_not_nil(fields[key], ("%s has no field %s"):format(class, key))
      if option.required then assert.is_false(fields[key], ("%s: %s is required"):format(class, key)) end
      if option.default ~= nil then assert.is_true(fields[key], ("%s: %s may be left out"):format(class, key)) end
    end
    for key in pairs(fields) do assert.is_true(known[key], ("%s: the validator knows no %s"):format(class, key)) end
  end

  for _, name in ipairs(sorted(functions)) do
    it(name, function() check(name, functions[name], definition_of(functions[name])) end)
  end

  local values = {
    curve = mt.const(1), workload = mt.workload { mt.stream { arrivals = mt.even(1), input = 5 } },
  }
  for _, one in ipairs(methods) do
    for _, name in ipairs(values[one.part] and sorted(one.list) or {}) do
      it(one.name .. ":" .. name, function()
        local found = definition_of(one.list[name])
        table.insert(found.parameters, 1, found.parameters[1] == "self" and table.remove(found.parameters, 1) or "self")
        if name == "write" then before[name] = "/dev/null" end
        check(name, one.list[name], found, values[one.part])
      end)
    end
  end

  it("many functions take options", function() assert.is_true(count >= 35, count .. " were looked at") end)
end)

it("every part's functions are fields of the class moontide", function()
  for _, part in ipairs(parts) do
    local file = file_of(part.module)
    local text = table.concat(lines_of(file), "\n")
    assert.is_truthy(text:find("\n---@class moontide\nlocal public = {", 1, true), file)
    assert.is_nil(text:find "%-%-%-@class [^\n]*\n%-%-%-@class moontide\n", file .. ": two classes of one table")
    assert.is_truthy(text:find "public = public", file)
  end
end)
