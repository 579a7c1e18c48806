-- The rooms of the house: those of README's table are those there are, and each uses only itself and
-- those above it. Within rooms core/README.md says the order of folders and files.
local command = require "tests.support.command"

local function lines_of(shell)
  local pipe = assert(io.popen(shell))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

-- All of core's files, { room, unit, folder, path, text } without comments; and includes between them.
local files = {}
for i, path in ipairs(lines_of "find core -name '*.[ch]' | sort") do
  local room, rest = path:match "^core/(%l+)/(.*)"
  local text = command.read(path)
  files[i] = {
    path = path, room = room, rest = rest, folder = path:match "^(.*)/",
    text = text:gsub("/%*.-%*/", ""):gsub("//[^\n]*", ""), manual = text:match "^%s*/%*(.-)%*/" or "",
  }
  files[path] = files[i]
end

-- Every include of a file of core: use(user's file, used file).
local function each_include(use)
  local looked = 0
  for _, file in ipairs(files) do
    for name in file.text:gmatch '#include "([^"\n]+)"' do
      local used = files["core/" .. name]
      if file.path ~= "core/main.c" then assert(used, file.path .. " includes " .. name .. ", which is not there") end
      if used and file.room then
        looked = looked + 1
        use(file, used)
      end
    end
  end
  assert.is_true(looked > 100)
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
    each_include(function(file, used)
      assert.is_true(place[used.room] <= place[file.room], file.path .. " includes " .. used.path)
    end)
  end)

  it("know Lua only where they bind it", function()
    for _, file in ipairs(files) do
      local knows = file.text:find '#include [<"]l[ua]%l+%.h[>"]'
      local may = file.room == "lua" or file.room == "edit" or file.path == "core/main.c"
        or file.path == "core/embed.c" -- a tool of the build, which compiles what is built in
      assert.is_true(may or not knows, file.path)
    end
  end)
end)

describe("the modules", function()
  -- One that lacks a function cannot be loaded, and the console does without its line editor in silence.
  it("have what they use of ours, but for the flag that Ctrl-C sets", function()
    local modules = lines_of("ls " .. assert(os.getenv "MOONTIDE"):gsub("[^/]*$", "") .. "lib/moontide/*.so")
    for _, path in ipairs(modules) do
      local symbols = lines_of("nm -D --undefined-only " .. path)
      assert.is_true(#symbols > 10, path)
      for _, symbol in ipairs(symbols) do
        local name = symbol:match "%f[%w_]mt_[%w_]*"
        assert.is_true(not name or name == "mt_interrupt_flag", path .. " lacks " .. tostring(name))
      end
    end
    assert.is_true(#modules >= 1)
  end)
end)

-- room -> { unit -> column, rest = column of files that are not named }
local function order_within()
  local section = ("\n" .. command.read "core/README.md" .. "\n## "):match "\n## Order within rooms\n(.-)\n## "
  local order = {}
  for room, columns in section:gmatch "\n| `(%l+)` (|[^\n]+)" do
    order[room] = {}
    local column = 0
    for cell in columns:gmatch "|([^|]+)" do
      column = column + 1
      for unit in cell:gmatch "`([%l_]+)`" do order[room][unit] = column end
      if cell:find "^ files%f[^%l]" then order[room].rest = column end
    end
  end
  return order
end

describe("the order within rooms", function()
  local order = order_within()

  -- The folder, or the longest name of the table that a file's name begins with.
  local function unit_of(file)
    local folder = file.rest:match "^(.-)/"
    if folder then return folder, order[file.room][folder] end
    local stem, unit = file.rest:match "^(.*)%.", nil
    for name in pairs(order[file.room]) do
      local begins = stem == name or stem:sub(1, #name + 1) == name .. "_"
      if begins and (not unit or #name > #unit) then unit = name end
    end
    unit = unit or "rest"
    return unit, order[file.room][unit]
  end

  it("has a place for every folder and file of a room with folders, and no other", function()
    local met = {}
    for _, file in ipairs(files) do
      if file.room and file.rest:find "/" then
        assert.is_table(order[file.room], "core/README.md, Order within rooms, has no row for " .. file.room)
      end
      if order[file.room] then
        local unit, column = unit_of(file)
        assert.is_number(column, "core/README.md, Order within rooms, has no place for " .. file.path)
        met[file.room .. "/" .. unit] = true
      end
    end
    for room, units in pairs(order) do
      for unit in pairs(units) do assert.is_true(met[room .. "/" .. unit], room .. " has no " .. unit .. " any more") end
    end
  end)

  it("is kept", function()
    each_include(function(file, used)
      if file.room ~= used.room or not order[file.room] then return end
      local unit, column = unit_of(file)
      local used_unit, used_column = unit_of(used)
      assert.is_true(unit == used_unit or used_column < column, file.path .. " includes " .. used.path)
    end)
  end)
end)

describe("a header", function()
  it("that is private is included only where it is at home", function()
    local private = 0
    each_include(function(file, used)
      local says = used.manual:gsub("\n %*", ""):match "Private to ([%l ]+)"
      local is_state = used.path:find "/state%.h$" or used.path:find "_state%.h$"
      if not says and not is_state then return end
      private = private + 1
      local at_home = file.folder == used.folder or (says and says:find "^this room" and file.room == used.room)
      assert.is_true(at_home, file.path .. " includes " .. used.path)
    end)
    assert.is_true(private > 20)
  end)

  -- A type that one header declares and another one shows the inside of: the second is the kind's table of
  -- functions, or a private state.
  it("that shows the inside of an opaque type is a kind or a state", function()
    local declared, looked = {}, 0
    for _, file in ipairs(files) do
      for tag in (file.path:find "%.h$" and file.text or ""):gmatch "typedef struct ([%w_]+) [%w_]+;" do
        declared[tag] = file.path
      end
    end
    for _, file in ipairs(files) do
      for tag in (file.path:find "%.h$" and file.text or ""):gmatch "%f[%w_]struct ([%w_]+) {" do
        if declared[tag] and declared[tag] ~= file.path then
          looked = looked + 1
          assert.is_truthy(file.path:find "kind%.h$" or file.path:find "state%.h$",
            file.path .. " shows what is inside " .. tag)
        end
      end
    end
    assert.is_true(looked >= 5)
  end)
end)

-- Types that several files can see (those of headers, and all that are named mt_...).
describe("the name of a type", function()
  it("means one thing", function()
    local met, looked = {}, 0
    local function defined(name, file)
      local other = met[name]
      local is_shared = name:find "^mt_" or file.path:find "%.h$" or (other and other:find "%.h$")
      assert.is_true(not other or other == file.path or not is_shared,
        ("%s is defined in %s and in %s"):format(name, other, file.path))
      met[name] = file.path
      looked = looked + 1
    end
    for _, file in ipairs(files) do
      for _, kind in ipairs { "struct", "enum", "union" } do
        for tag in file.text:gmatch("%f[%w_]" .. kind .. "%s+([%w_]+)%s*%b{}") do defined(tag, file) end
      end
      for name in file.text:gmatch "typedef%s+%l+%s*%b{}%s*([%w_]+);" do defined(name, file) end
      for name in file.text:gmatch "typedef%s+[%w_%s%*]-([%w_]+)%([^;{}]-%);" do defined(name, file) end
      for name in file.text:gmatch "typedef%s+[%w_%s%*]-%(%*([%w_]+)%)%(" do defined(name, file) end
    end
    assert.is_true(looked > 200)
  end)
end)
