-- Every example of the README and of the guides is run. README, and the guides that go on with its files, beside
-- each other: `lua` blocks that begin with "-- NAME.lua" are files, other `lua` blocks run in the executable, `sh`
-- blocks run line by line in the folder of those files, beside the mock that the text has in another terminal, `repl`
-- blocks are typed in the console. Scripting guide: `lua` blocks run after
-- `local mt = require "moontide"`, `sh` blocks where there is a folder `examples`.
local command = require "tests.support.command"
local document = require "tests.support.document"
local mock = require "tests.support.mock"

-- A machine that is busy makes a run invalid, which is no fault of the example.
local function succeeds(line, result)
  if result.status == 1 and result.err:find("the run is invalid", 1, true) then return end
  assert.equal(0, result.status, line .. "\n" .. result.err)
end

-- In the order in which they are read; pictures goes on with the files of driving.
local guides = { "planning", "traces", "synthesis", "driving", "pictures" }

describe("the README and its guides", function()
  local texts = { command.read "README.md" }
  for _, name in ipairs(guides) do
    local path = "examples/" .. name .. ".md"
    assert(texts[1]:find("](" .. path .. ")", 1, true), path .. " is not in the README")
    texts[#texts + 1] = command.read(path)
  end
  local text = table.concat(texts, "\n")
  local folder, with_path

  setup(function()
    folder, with_path = document.folder()
    for _, block in ipairs(document.blocks(text, "lua")) do
      local name = block:match "^%-%- ([%w_]+%.lua)\n"
      if name then command.write(folder, name, block .. "\n") end
    end
  end)

  teardown(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("has Lua examples that run", function()
    local ran = 0
    for _, block in ipairs(document.blocks(text, "lua")) do
      if not block:find "^%-%- [%w_]+%.lua\n" then
        local result = document.run_lua(folder, block)
        assert.equal("", result.err)
        assert.equal(0, result.status)
        assert.truthy(#result.out > 0)
        ran = ran + 1
      end
    end
    assert.truthy(ran > 0)
  end)

  it("has commands that run", function()
    local words = {}
    for word in text:match "\n    moontide mock ([^\n]+)\n":gmatch "%S+" do words[#words + 1] = word end
    assert.equal("--port", table.remove(words, 1))
    local shown = table.remove(words, 1)
    local server = mock.start(words)
    local there = {}
    for i, one in ipairs(texts) do there[i] = one:gsub("127%.0%.0%.1:" .. shown, "127.0.0.1:" .. server.port) end
    assert.truthy(document.run_commands(there[1], with_path, succeeds) >= 12)
    local running = {}
    for i = 2, #there - 1 do
      local guide = i == #there - 1 and there[i] .. "\n" .. there[i + 1] or there[i]
      running[#running + 1] = document.start_commands(guide, with_path, succeeds)
    end
    for _, finish in ipairs(running) do assert.truthy(finish() > 0) end
    assert.equal(0, server.finish("INT").status)
  end)

  it("has sessions in the console that go as they are shown", function()
    local blocks = document.blocks(text, "repl")
    for _, block in ipairs(blocks) do
      local typed, shown = {}, {}
      for line in (block .. "\n"):gmatch "(.-)\n" do
        local input = line:match "^>>? (.*)$"
        table.insert(input and typed or shown, (input or line) .. "\n")
      end
      local result = command.run({ "repl", "--no-init" }, { folder = folder, input = table.concat(typed),
        environment = "LC_ALL=C.UTF-8 TERM=xterm" })
      assert.same({ status = 0, out = table.concat(shown), err = "" }, result)
    end
    assert.truthy(#blocks > 0)
  end)

  it("names only commands and make targets that there are", function()
    local makefile = command.read "Makefile"
    for target in text:gmatch "`make ([a-z]+)" do
      assert.truthy(("\n" .. makefile):find("\n" .. target .. ":", 1, true), "make " .. target)
    end
    local list = command.run({ "list" }).out
    for row in text:match("\n## Commands(.-)\n## "):gmatch "\n| (`.-) |" do
      for name in row:gmatch "`(%l+)" do
        assert.truthy(("\n" .. list):find("\n%s*" .. name .. "%f[%W]"), name)
      end
    end
  end)
end)

describe("the scripting guide", function()
  local text = command.read "examples/README.md"
  local folder, with_path

  setup(function()
    folder, with_path = document.folder()
    os.execute(("ln -s \"$PWD/examples\" '%s/examples'"):format(folder))
  end)

  teardown(command.remove_folders)

  it("fits a page", function()
    local _, lines = text:gsub("\n", "\n")
    assert.is_true(lines <= 230, lines .. " lines")
  end)

  it("has Lua examples that run", function()
    local blocks = document.blocks(text, "lua")
    for _, block in ipairs(blocks) do
      if block:find "return mt.workload" and block:find "require" then
        command.write(folder, "whole.lua", block .. "\n")
        succeeds(block, command.run({ "whole.lua", "--check" }, with_path))
      else
        local result = document.run_lua(folder, block, 'local mt = require "moontide" ')
        succeeds(block, result)
        assert.equal("", result.err)
        assert.equal(block:find "print%(" ~= nil, #result.out > 0)
      end
    end
    assert.is_true(#blocks >= 7)
  end)

  it("has commands that run", function()
    assert.is_true(document.run_commands(text, with_path, succeeds) >= 4)
  end)

  it("names every example, and no other", function()
    local listed = {}
    for name in text:gmatch "%]%(([%w_]+%.lua)%)" do listed[name] = true end
    local pipe = assert(io.popen "ls examples")
    for name in pipe:lines() do
      if name:find "%.lua$" then
        assert.is_true(listed[name], name .. " is not in the guide")
        listed[name] = nil
      end
    end
    pipe:close()
    assert.is_nil(next(listed), "not among the examples: " .. tostring(next(listed)))
  end)

  it("has the smallest example first", function()
    local last = 0
    for name in text:match("\n## The examples.*"):gmatch "%]%(([%w_]+%.lua)%)" do
      local _, lines = command.read("examples/" .. name):gsub("\n", "\n")
      assert.is_true(lines >= last, name)
      last = lines
    end
    assert.is_true(last > 0)
  end)
end)
