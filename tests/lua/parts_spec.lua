-- The list of the API's parts against the parts: what is loaded when it is first named, and that nothing is
-- missing then. Each look is in a state that has loaded nothing of it before.
local parts = require "moontide.parts"

-- A table of modules that loads them anew: require "moontide" and what it requires in Lua are not shared with
-- this spec, what is in C is. Gives require and its table of loaded modules.
local function fresh()
  local kept = {}
  for name in pairs(package.loaded) do
    if name:find "^moontide" and name ~= "moontide.core" then
      kept[name], package.loaded[name] = package.loaded[name], nil
    end
  end
  return function()
    for name in pairs(package.loaded) do
      if name:find "^moontide" and name ~= "moontide.core" then package.loaded[name] = nil end
    end
    for name, module in pairs(kept) do package.loaded[name] = module end
  end
end

-- Calls fn with an API of which nothing is loaded.
local function with_fresh(fn)
  local restore = fresh()
  local ok, message = pcall(fn, require "moontide")
  restore()
  if not ok then error(message, 0) end
end

local function sorted(list)
  local copy = table.move(list, 1, #list, 1, {})
  table.sort(copy)
  return copy
end

local function keys(values)
  local list = {}
  for name in pairs(values) do list[#list + 1] = name end
  table.sort(list)
  return list
end

describe("the parts of the API", function()
  it("give the names that the list says", function()
    for _, part in ipairs(parts) do
      assert.same(sorted(part.public), keys(require("moontide." .. part.module).public), part.module)
    end
  end)

  it("give the methods that the list says to classes that they do not make", function()
    local owner = {}
    for _, part in ipairs(parts) do
      for _, one in ipairs(require("moontide." .. part.module).methods or {}) do
        local class = one[1]
        if owner[class] and owner[class] ~= part.module then
          assert.is_truthy(part.adds and part.adds[class], part.module .. " adds to " .. class .. " and does not say so")
          assert.same(sorted(part.adds[class]), keys(one[2]), part.module .. ": " .. class)
        end
        owner[class] = owner[class] or part.module
      end
    end
  end)

  it("each name is there when it is asked for first", function()
    for _, part in ipairs(parts) do
      for _, name in ipairs(part.public) do
        with_fresh(function(mt)
          assert.is_nil(rawget(mt, name))
          assert.is_truthy(mt[name], name)
          assert.is_true(rawequal(mt[name], rawget(mt, name)))
        end)
      end
    end
  end)

  it("each kind of option is there, and says what it says when it is read first", function()
    for kind, module in pairs(require "moontide.kind_modules") do
      with_fresh(function()
        local kinds = require("moontide.kit.kinds").by_name
        local before = kinds[kind]
        assert.is_nil(package.loaded["moontide." .. module])
        assert.is_function(before.convert, kind)
        assert.is_function(rawget(kinds[kind], "convert"), kind)
        assert.equal(kinds[kind].placeholder, before.placeholder)
      end)
    end
  end)

  it("no kind of option is left out of the list", function()
    with_fresh(function(mt)
      local kinds = require("moontide.kit.kinds").by_name
      local known = {}
      for kind in pairs(kinds) do known[kind] = true end
      pairs(mt)
      for kind in pairs(kinds) do assert.is_true(known[kind], kind) end
    end)
  end)

  it("each late method is there when it is asked for first", function()
    local looked = 0
    for _, part in ipairs(parts) do
      for _, by_class in ipairs { part.adds or {}, part.late or {} } do
        for class, names in pairs(by_class) do
          if class ~= "columns" then -- its table is C's, which this spec shares with the others
            for _, name in ipairs(names) do
              with_fresh(function()
                require "moontide.draw.file"
                require "moontide.drive.result"
                require "moontide.load.workload"
                require "moontide.trace.pipe"
                local methods = require("moontide.kit.late").known[class]
                assert.is_function(methods[name], class .. ":" .. name)
                looked = looked + 1
              end)
            end
          end
        end
      end
    end
    assert.is_true(looked >= 30, looked .. " were looked at")
  end)

  it("all are seen by who goes through them", function()
    with_fresh(function(mt)
      local seen = {}
      for name in pairs(mt) do seen[name] = true end
      for _, part in ipairs(parts) do
        for _, name in ipairs(part.public) do assert.is_true(seen[name], name) end
      end
    end)
  end)

  it("what a script puts there stays, whatever is loaded after it", function()
    with_fresh(function(mt)
      mt.sine = "mine"
      assert.is_function(mt.spike)
      assert.equal("mine", mt.sine)
    end)
  end)

  it("a name that is not there loads nothing it does not need, and is told with the nearest of all", function()
    with_fresh(function(mt)
      local ok, message = pcall(function() return mt.sinne end)
      assert.is_false(ok)
      assert.matches("there is no mt.sinne (did you mean 'sine'?)", tostring(message), 1, true)
    end)
  end)
end)
