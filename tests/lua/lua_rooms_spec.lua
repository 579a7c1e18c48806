-- The rooms of the Lua house: those of lua/README.md's table are those there are, each uses only itself and
-- those above it, and no file requires itself by way of others.
local command = require "tests.support.command"

local function lines_of(shell)
  local pipe = assert(io.popen(shell))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

describe("the rooms of lua/moontide", function()
  local place, rooms = {}, {}
  for room in command.read "lua/README.md":match("\n## The folders\n(.-)\n## "):gmatch "\n| `(%l+)`" do
    rooms[#rooms + 1] = room
    place[room] = #rooms
  end

  local in_c = { ["moontide.core"] = true, ["moontide.drive"] = true, ["moontide.edit"] = true }

  -- Module -> the modules it requires anywhere, those in C aside. "moontide" requires its parts.
  local uses = { moontide = {} }
  for _, path in ipairs(lines_of "find lua/moontide -name '*.lua'") do
    local name = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
    local used = {}
    for module in command.read(path):gsub("%-%-[^\n]*", ""):gmatch 'require *%(?"(moontide[%w_.]*%w)"' do
      -- What .save writes requires the module that says so.
      if not in_c[module] and module ~= name then used[#used + 1] = module end
    end
    uses[name] = used
  end
  for _, part in ipairs(require "moontide.parts") do table.insert(uses.moontide, "moontide." .. part.module) end

  it("are those of the table", function()
    local there = lines_of "ls -d lua/moontide/*/ | cut -d / -f 3"
    table.sort(rooms)
    assert.same(there, rooms)
  end)

  it("use no room below them, and require what is there", function()
    local looked = 0
    for name, used in pairs(uses) do
      local room = name:match "^moontide%.(%l+)%.?"
      for _, module in ipairs(used) do
        assert.is_truthy(uses[module], name .. " requires " .. module)
        local other = module:match "^moontide%.(%l+)%.?"
        if place[room] and place[other] then
          looked = looked + 1
          assert.is_true(place[other] <= place[room], name .. " requires " .. module)
        end
      end
    end
    assert.is_true(looked > 200, looked .. " were looked at")
  end)

  it("the API is required only from above it", function()
    for name, used in pairs(uses) do
      local room = place[name:match "^moontide%.(%l+)%.?"]
      for _, module in ipairs(used) do
        assert.is_false(module == "moontide" and room ~= nil and room <= place.synthesis, name .. " requires moontide")
      end
    end
  end)

  it("no file requires itself by way of others", function()
    local state = {}
    local function visit(name, way)
      assert.is_true(state[name] ~= "open", way .. " -> " .. name)
      if state[name] then return end
      state[name] = "open"
      for _, module in ipairs(uses[name] or {}) do visit(module, way .. " -> " .. name) end
      state[name] = "done"
    end
    for name in pairs(uses) do visit(name, "") end
  end)
end)
