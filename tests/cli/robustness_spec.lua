-- What attacks once found, through the real binary: none of it may crash, lose a file or write a wrong one.
local command = require "tests.support.command"

local folder

local function run_script(text, words)
  command.write(folder, "attack.lua", 'local mt = require "moontide"\n' .. text)
  return command.shell('"$MOONTIDE" attack.lua ' .. (words or ""), { folder = folder })
end

local function command_script(body)
  return run_script("return mt.script { summary = 'x', run = function()\n" .. body .. "\nend }")
end

describe("an attack", function()
  setup(function() folder = command.folder() end)
  teardown(command.remove_folders)

  it("by a request whose fields run code cannot reach into a write", function()
    local result = command_script [[
      local writer = assert(mt.trace.writer "out.jsonl")
      local request = setmetatable({ timestamp = 0 }, { __index = function() writer:close() end })
      print(writer:write(request), writer:finish())]]
    assert.same({ status = 0, out = "true\ttrue\n", err = "" }, result)
    assert.equal('{"timestamp": 0}\n', command.read(folder .. "/out.jsonl"))
  end)

  it("by __json that returns its own table, or takes names away, is refused or harmless", function()
    local result = command_script "mt.json.encode(setmetatable({}, { __json = function(t) return t end }))"
    assert.equal(1, result.status)
    assert.is_truthy(result.err:find "attack.lua:3: json.encode: nested more than 512 deep")
    result = command_script [[
      local all = {}
      for i = 1, 50 do all["name " .. i .. ("x"):rep(50)] = i end
      all.a = setmetatable({}, { __json = function()
        for name in pairs(all) do if name ~= "a" then all[name] = nil end end
        collectgarbage()
        return 0
      end })
      print(#mt.json.encode(all) > 2000)]]
    assert.same({ status = 0, out = "true\n", err = "" }, result)
  end)

  it("by distributions one inside another is refused", function()
    local result = command_script [[
      local d = mt.fixed(1)
      for _ = 1, 100000 do d = mt.mix { { 1, d }, { 1, 2 } } end]]
    assert.equal(1, result.status)
    assert.is_truthy(result.err:find "attack.lua:4: .*at most 500 distributions may stand one inside another")
  end)

  it("by a time that a record cannot hold is refused", function()
    local result = command.shell('"$MOONTIDE" steady --rate 1e-9 --duration 1e12 -o far.jsonl', { folder = folder })
    assert.equal(1, result.status)
    assert.is_truthy(result.err:find "a trace lasts at most 9223372036 s %(292 years%)")
  end)

  it("by names that cannot be written is refused", function()
    for _, name in ipairs { "a\\xff", "a\\0b", "" } do
      local result = run_script(('return mt.workload { mt.stream { name = "%s", input = 1, arrivals = '
        .. 'mt.poisson(1) } }'):format(name))
      assert.equal(1, result.status)
      assert.is_truthy(result.err:find "^moontide: attack.lua:2: stream: name must")
    end
  end)

  it("by a closed standard error does not write messages into the trace", function()
    command.write(folder, "bad.jsonl", '{"timestamp": 1}\nnonsense\n')
    local result = command.shell([["$MOONTIDE" cat bad.jsonl --skip-bad-lines -o good.jsonl 2>&- <&-]],
      { folder = folder })
    assert.equal(0, result.status)
    assert.equal('{"timestamp": 1}\n', command.read(folder .. "/good.jsonl"))
  end)

  it("by a limit on file sizes is a failed write that leaves nothing behind", function()
    local result = command.shell([[ulimit -f 100; "$MOONTIDE" steady --rate 20k -o limited.jsonl]], { folder = folder })
    assert.equal(1, result.status)
    assert.equal("moontide: limited.jsonl: cannot write: File too large\n", result.err)
    assert.equal("", command.shell("ls -A | grep limited", { folder = folder }).out)
  end)

  it("by os.exit in a script leaves no temporary file", function()
    command_script 'local w = mt.trace.writer "left.jsonl" w:write { timestamp = 0 } os.exit(3)'
    assert.equal("", command.shell("ls -A | grep left", { folder = folder }).out)
  end)

  it("by a script that asks for its own plan while it is loaded ends", function()
    local result = run_script 'return mt.plan_of "attack.lua"'
    assert.equal(1, result.status)
    assert.is_truthy(result.err:find "asks for its own plan while it is loaded")
  end)

  it("by a byte order mark in a script is none", function()
    command.write(folder, "marked.lua", '\xEF\xBB\xBFlocal mt = require "moontide"\n'
      .. 'return mt.script { summary = "x", run = function() print "ran" end }')
    assert.equal("ran\n", command.shell('"$MOONTIDE" marked.lua', { folder = folder }).out)
  end)

  it("by control bytes in a name does not reach the terminal", function()
    local result = command.run({ "a\27[31mb" }, { folder = folder })
    assert.equal(2, result.status)
    assert.is_nil(result.err:find("\27", 1, true))
  end)

  it("by a finaliser that closes what is in use is harmless", function()
    local result = command_script [[
      for _ = 1, 50 do
        local hasher, blocks = mt.hasher(), {}
        for i = 1, 2000 do blocks[i] = i end
        setmetatable({}, { __gc = function() hasher:close() end })
        for _ = 1, 20 do
          if not pcall(hasher.blocks, hasher, blocks) then break end
        end
      end
      print "ended"]]
    assert.same({ status = 0, out = "ended\n", err = "" }, result)
  end)
end)

describe("the C half", function()
  setup(function() folder = command.folder() end)
  teardown(command.remove_folders)

  it("closes a value of a type that another of its tables makes", function()
    command.write(folder, "other.lua", [[
      local core = require "moontide.core"
      local open = core.model.open
      print(rawget(core, "source"))
      local source = open "small.jsonl"
      print(getmetatable(source).__name, source:close())
      return require("moontide").script { summary = "x", run = function() end }]])
    command.write(folder, "small.jsonl", command.read "tests/data/small.jsonl")
    assert.same({ status = 0, out = "", err = "nil\nmoontide.reader\n" },
      command.shell('"$MOONTIDE" other.lua', { folder = folder }))
  end)

  it("makes its tables when they are asked for, and all of them for a value of a type that none has made", function()
    command.write(folder, "small.jsonl", command.read "tests/data/small.jsonl")
    command.write(folder, "own.lua", [[
      local core = require "moontide.core"
      local function there(name) return rawget(core, name) ~= nil end
      print(there "base", there "source", core.nothing)
      local columns = core.source.open("small.jsonl").columns
      print(there "source", there "columns", there "lint")
      print(#columns(core.source.open "small.jsonl"), there "columns", there "lint")
      return require("moontide").script { summary = "x", run = function() end }]])
    assert.same({ status = 0, out = "", err = "true\tfalse\tnil\ntrue\tfalse\tfalse\n210\ttrue\ttrue\n" },
      command.shell('"$MOONTIDE" own.lua', { folder = folder }))
  end)
end)
