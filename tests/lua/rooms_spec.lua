-- The rooms of the house: those of README's table are those there are, and each uses only itself and
-- those above it.
local command = require "tests.support.command"

local function lines_of(shell)
  local pipe = assert(io.popen(shell))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

describe("the rooms", function()
  local place, rooms = {}, {}
  for room in command.read "README.md":match("\n## How the house is laid out\n(.-)\n## "):gmatch "\n| `core/(%l+)`" do
    rooms[#rooms + 1] = room
    place[room] = #rooms
  end

  it("are those of README's table", function()
    local there = lines_of "ls -d core/*/ | cut -d / -f 2"
    table.sort(rooms)
    assert.same(there, rooms)
    assert.is_true(#there >= 9)
  end)

  it("use no room below them", function()
    local looked = 0
    for _, line in ipairs(lines_of "grep -H '#include \"' core/*/*.c core/*/*.h") do
      local room, used = line:match '^core/(%l+)/.*#include "(%l+)/'
      if room then
        looked = looked + 1
        assert.is_true(place[used] and place[used] <= place[room], line)
      end
    end
    assert.is_true(looked > 100)
  end)
end)
