--- Moontide: load shapes as values, and the traces they become. `local mt = require "moontide"`.
--
-- Its parts (parts.lua lists them) become one table here, and every public function and method is located: a
-- caller's mistake is reported with the caller's own line.
local core = require "moontide.core"
local is_plain = require("moontide.kit.value").is_plain

-- For an editor (LuaLS) every part declares the class moontide again, above its `local public`: the
-- class has the fields of all of them.
---@class moontide
---@field version string
local mt = { version = core.version }

local function locate(functions)
  for name, value in pairs(functions) do
    if type(value) == "function" and not name:find "^__" then
      functions[name] = core.base.located(value)
    end
  end
end

-- The methods of a class by its name: a later part may add to those of an earlier one.
local classes = {}

local function add_methods(class, methods)
  locate(methods)
  local known = classes[class]
  classes[class] = known or methods
  for name, method in pairs(known and methods or {}) do known[name] = method end
end

for _, name in ipairs(require "moontide.parts") do
  local part = require("moontide." .. name)
  for key, value in pairs(part.public or {}) do
    if type(value) == "function" then
      mt[key] = core.base.located(value)
    else
      if is_plain(value) then locate(value) end
      mt[key] = value
    end
  end
  for _, one in ipairs(part.methods or {}) do add_methods(one[1], one[2]) end
end

--- A name that is not there is a mistake, told with the nearest one that is.
setmetatable(mt, {
  __index = core.base.located(function(_, name)
    local names = require("moontide.kit.lists").sorted_keys(mt)
    local hint = type(name) == "string" and require("moontide.kit.nearest").hint(name, names) or ""
    core.base.raise(("there is no mt.%s%s"):format(tostring(name), hint))
  end),
})

return mt
