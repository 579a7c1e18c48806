--- Moontide: load shapes as values, and the traces they become. `local mt = require "moontide"`.
--
-- Its parts (parts.lua lists them) become one table here, and every public function and method is located: a
-- caller's mistake is reported with the caller's own line, and arguments that the function does not take are
-- a mistake. A part is loaded when something of it is first named, so that a script costs at its start what
-- it uses; whoever goes through `pairs(mt)` sees them all.
local core = require "moontide.core"
local is_plain = require("moontide.kit.value").is_plain
local late = require "moontide.kit.late"
local kinds = require("moontide.kit.kinds").by_name
local parts = require "moontide.parts"

-- For an editor (LuaLS) every part declares the class moontide again, above its `local public`: the
-- class has the fields of all of them.
---@class moontide
---@field version string
local mt = { version = core.version }

-- --- who has what ----------------------------------------------------------------------------------

local by_module = {} -- parts by their module
local owner = {}     -- the module that gives a name of mt
local bringers = {}  -- class -> name -> the module that has this method

local function note_methods(part, by_class)
  for class, names in pairs(by_class or {}) do
    bringers[class] = bringers[class] or {}
    for _, name in ipairs(names) do bringers[class][name] = part.module end
  end
end

for _, part in ipairs(parts) do
  by_module[part.module] = part
  for _, name in ipairs(part.public) do owner[name] = part.module end
  note_methods(part, part.adds)
  note_methods(part, part.late)
end

-- --- parts become mt -------------------------------------------------------------------------------

local is_located = setmetatable({}, { __mode = "k" })

-- Loaded where there is something to refuse.
local function refuse(...)
  require("moontide.kit.surplus").refuse(...)
end

local function located(fn, name)
  local outer = is_located[fn] and fn or core.base.located(fn, name, refuse)
  is_located[outer] = true
  return outer
end

-- `prefix` is what stands before their names: "trace.".
local function locate(functions, prefix)
  for name, value in pairs(functions) do
    if type(value) == "function" and not name:find "^__" then
      functions[name] = located(value, (prefix or "") .. name)
    end
  end
end

-- The methods of a class by its name: the table of its own part. What other parts add is copied there, or
-- waits for it.
local classes, waiting = {}, {}

local function copy(from, to)
  for name, method in pairs(from) do to[name] = method end
end

local function add_methods(part, class, methods)
  locate(methods)
  local known = classes[class] or late.known[class]
  if not known and part.adds and part.adds[class] then
    waiting[class] = waiting[class] or {}
    return copy(methods, waiting[class])
  end
  known = known or methods
  if not classes[class] then copy(waiting[class] or {}, known) end
  classes[class] = known
  if known ~= methods then copy(methods, known) end
end

local is_there = {} -- module -> it is in mt

local load

local function join(part)
  local it = require("moontide." .. part.module)
  is_there[part.module] = true
  for key, value in pairs(it.public or {}) do
    local is_function = type(value) == "function"
    if not is_function and is_plain(value) then locate(value, key .. ".") end
    -- What a script has put there itself stays.
    if rawget(mt, key) == nil then mt[key] = is_function and located(value, key) or value end
  end
  for _, one in ipairs(it.methods or {}) do add_methods(part, one[1], one[2]) end
  for _, module in ipairs(part.with or {}) do load(module) end
end

-- Loads a part. Others that are loaded already, because a module requires them, join too: what a script gets
-- of them is located.
function load(module)
  if is_there[module] then return end
  join(by_module[module])
  for _, part in ipairs(parts) do
    if not is_there[part.module] and package.loaded["moontide." .. part.module] then join(part) end
  end
end

local function load_all()
  for _, part in ipairs(parts) do load(part.module) end
end

-- --- when they are loaded --------------------------------------------------------------------------

function late.bring(class, name)
  local module = bringers[class] and bringers[class][name]
  if not module then return nil end
  load(module)
  return rawget(late.known[class], name) or waiting[class] and waiting[class][name]
end

-- Columns are made in C, and many parts give some: their methods are there before the part that adds to them.
for class, methods in pairs(core.columns.methods) do
  locate(methods)
  late.methods(class, methods)
end

-- A kind is there for who asks whether it is; what it says of values comes with its module, which puts its
-- own in this place.
for name, module in pairs(require "moontide.kind_modules") do
  if kinds[name] == nil then
    kinds[name] = setmetatable({}, { __index = function(_, field)
      require("moontide." .. module)
      return rawget(kinds[name], field)
    end })
  end
end

--- A name that is not there is a mistake, told with the nearest one that is.
local function missing(name)
  local names = require("moontide.kit.lists").sorted_keys(mt)
  local hint = type(name) == "string" and require("moontide.kit.nearest").hint(name, names) or ""
  core.base.raise(("there is no mt.%s%s"):format(tostring(name), hint))
end

setmetatable(mt, {
  __index = core.base.located(function(_, name)
    if not owner[name] then missing(name) end
    load(owner[name])
    return rawget(mt, name)
  end),
  __pairs = function()
    load_all()
    return next, mt, nil
  end,
})

return mt
