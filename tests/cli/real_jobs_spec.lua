-- Jobs as people run them: killed, interrupted at the last moment, with many files, over files they need.
local command = require "tests.support.command"

local folder

local function file(name, text)
  return command.write(folder, name, text)
end

local function shell(line)
  return command.shell(line, { folder = folder })
end

local request = '{"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [0]}\n'
local plan = 'local mt = require "moontide"\nreturn mt.workload { duration = 1, mt.stream { arrivals = mt.even(2), '
  .. 'input = 5, output = 1 } }\n'

describe("a job", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("that is killed leaves nothing beside its target, which is as it was", function()
    file("kept.jsonl", "old\n")
    for _, name in ipairs { "kept.jsonl", "new.jsonl", "new.jsonl.gz", "new.jsonl.zst" } do
      local result = shell(([[
        ulimit -f 1000000 # should it not be killed, it fills no disk
        "$MOONTIDE" steady --rate 10k --duration 10h --yes -o %s & pid=$!
        until [ "$(awk '/^rchar|^wchar/ { n += $2 } END { print n }' /proc/$pid/io)" -gt 300000 ] \
            && [ -n "$(find /proc/$pid/fd -lname '*deleted*' 2>/dev/null)" ]; do
          kill -0 $pid 2>/dev/null || break
          sleep 0.02
        done
        kill -KILL $pid; wait $pid; echo $?; ls -A]]):format(name))
      assert.equal("137\nkept.jsonl\n", result.out)
    end
    assert.equal("old\n", command.read(folder .. "/kept.jsonl"))
  end)

  -- The report waits for a full pipe's reader: the trace is in its place, and a signal comes too late.
  it("that has written all says nothing of an interrupt", function()
    file("log.csv", "Timestamp,Request tokens,Response tokens\n1,2,3\n")
    for _, signal in ipairs { "INT", "TERM", "HUP" } do
      local result = shell([[
        rm -f pipe t.jsonl; mkfifo pipe; exec 3<>pipe
        dd if=/dev/zero bs=65536 count=1 >&3 2>/dev/null
        env --default-signal=INT,TERM,HUP "$MOONTIDE" convert log.csv -o t.jsonl >pipe 2>err & pid=$!
        for i in $(seq 500); do [ -e t.jsonl ] && break; sleep 0.01; done
        sleep 0.1
        kill -]] .. signal .. [[ $pid
        sleep 0.1
        { head -c 65536 >/dev/null; cat >report; } <&3 & reader=$!
        wait $pid; echo $?
        exec 3>&-
        sleep 0.1; kill $reader 2>/dev/null
        cat err t.jsonl; grep -c 'RPS' report]])
      assert.equal("0\nmoontide: t.jsonl: 1 request in blocks of 128 (seed 0)\n"
        .. '{"timestamp": 0, "input_length": 2, "output_length": 3, "hash_ids": [0]}\n1\n', result.out, signal)
    end
  end)

  it("joins more files than a process may have open", function()
    local result = shell([[
      mkdir many; for i in $(seq 300); do echo '{"timestamp": 0, "input_length": 5, "hash_ids": [0]}' >many/$i; done
      ulimit -n 20
      "$MOONTIDE" cat many/* | tail -n 1
      "$MOONTIDE" cat --parts --sort --speed-ratio 2 many/* | wc -l]])
    assert.equal('{"timestamp": 0, "input_length": 5, "hash_ids": [299]}\n300\n', result.out, result.err)
    file("a", request .. "bad\n")
    file("b", request)
    file("c", "worse\n" .. request)
    result = command.run({ "cat", "a", "b", "c", "--skip-bad-lines" }, { folder = folder })
    assert.truthy(result.err:find("skipped 2 bad lines; the first: a:2:1: ", 1, true), result.err)
    command.refuses(command.run({ "cat", "--parts", "b", "none", "-o", "x" }, { folder = folder }),
      "none: cannot open: No such file or directory")
    result = shell([["$MOONTIDE" cat b - b <a --skip-bad-lines]])
    assert.truthy(result.err:find("skipped 1 bad line; the first: standard input:2:1: ", 1, true), result.err)
  end)
end)

describe("a file", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("that a command needs is not replaced, by whatever name", function()
    local log = "Timestamp,Request tokens,Response tokens\n1,2,3\n"
    local cases = {
      { "convert log", "log", log }, { "learn log", "log", request }, { "synthesize log", "log", request:rep(30) },
      { "plan.lua", "plan.lua", plan },
      { "reader.lua --source log", "log", request },
    }
    file("reader.lua", 'local mt = require "moontide"\nreturn mt.script { summary = "x", options = { { "source", '
      .. 'kind = "path" } }, plan = function() return mt.workload { duration = 1, mt.stream { arrivals = mt.even(2), '
      .. "input = 5, output = 1 } } end }\n")
    for _, case in ipairs(cases) do
      local words, name, text = table.unpack(case)
      file(name, text)
      shell(("mkdir -p sub; ln -sf %s soft; ln -sf ../soft sub/soft; rm -f hard; ln %s hard"):format(name, name))
      for _, target in ipairs { name, "./" .. name, "sub/../" .. name, "soft", "sub/soft", "hard", folder .. "/" .. name } do
        local result = shell(("$MOONTIDE %s -o %s"):format(words, target))
        assert.equal(2, result.status, words .. " -o " .. target .. "\n" .. result.err)
        assert.truthy(result.err:find("would replace", 1, true), result.err)
        assert.equal(text, command.read(folder .. "/" .. name))
      end
    end
    file("log", log)
    assert.truthy(shell("$MOONTIDE convert - -o log <log").err:find("would replace the log -", 1, true))
  end)

  it("that is no trace is not replaced by a trace that nobody named so", function()
    file("plan.lua", plan)
    for _, text in ipairs { "notes\n", '{"event": "start"}\n', '[{"a": 1}]\n' } do
      file("plan.jsonl", text)
      command.refuses(command.run({ "plan.lua" }, { folder = folder }), "plan.jsonl is there and is no trace: say with "
        .. "--output-file where the trace goes (-o plan.jsonl replaces it)", 2)
      assert.equal(text, command.read(folder .. "/plan.jsonl"))
    end
    assert.equal(0, command.run({ "plan.lua", "-o", "plan.jsonl" }, { folder = folder }).status)
    assert.equal(0, command.run({ "plan.lua" }, { folder = folder }).status) -- a trace is
    file("plan.jsonl", "")
    assert.equal(0, command.run({ "plan.lua" }, { folder = folder }).status) -- nothing is lost
    file("log.csv", "Timestamp,Request tokens,Response tokens\n1,2,3\n")
    file("log.jsonl", "notes\n")
    assert.equal(2, command.run({ "convert", "log.csv" }, { folder = folder }).status)
    assert.equal("notes\n", command.read(folder .. "/log.jsonl"))
  end)
end)

describe("messages", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("name arguments as they are typed, and where options are listed", function()
    for words, message in pairs {
      cat = "cat: TRACE (--input-file) is required", compare = "compare: A (--first) is required",
      ["compare a"] = "compare: B (--second) is required", lint = "lint: TRACE (--input-file) is required",
      ["cat --qqqqq"] = "cat: unknown option '--qqqqq' (--help lists them)",
      ["cat -Z"] = "cat: unknown option '-Z' (--help lists them)",
    } do
      command.refuses(command.line(words, { folder = folder }), message, 2)
    end
    for _, words in ipairs { "analyze", "synthesize" } do
      command.refuses(command.line(words, { folder = folder }), "mooncake_trace.jsonl: cannot open: No such file or "
        .. "directory (nothing was named: this is what is looked for then)")
    end
  end)

  it("say in which line a method was called without its object", function()
    for call, message in pairs {
      ["h.blocks(5, {})"] = "argument 1: moontide.hasher expected, got number (methods are called with a colon: "
        .. "object:method(...))",
      ["w.requests()"] = "a method is called without its object: methods are called with a colon: object:method(...)",
      ["mt.trace.columns().column('x')"] = "argument 1: moontide.columns expected, got string (methods are called with "
        .. "a colon: object:method(...))",
    } do
      local script = file("s.lua", 'local mt = require "moontide"\nlocal h = mt.hasher {}\nlocal w = mt.workload { '
        .. "mt.stream { arrivals = mt.even(1), input = 1, output = 1 } }\n" .. call .. "\nreturn w\n")
      command.refuses(command.run { script, "--check" }, script .. ":4: " .. message)
    end
  end)

  it("of a hasher are the same whatever a list does when it is read", function()
    local script = file("s.lua", [[
local mt = require "moontide"
local h
local function close() h:close() return 1 end
local list = setmetatable({ 1, nil, 3 }, { __index = close, __len = close })
for _, name in ipairs { "blocks", "tokens" } do
  h = mt.hasher { block_size = 2 }
  print(pcall(h[name], h, list))
  print(pcall(h[name], h, { 1, setmetatable({}, { __index = close, __len = close, __tostring = close }) }))
  print(pcall(function() return #h end))
end
return mt.workload { duration = 1, mt.stream { arrivals = mt.even(1), input = 1, output = 1 } }]])
    local result = command.run { script, "-o", folder .. "/x" }
    assert.equal(0, result.status, result.err)
    assert.falsy(result.err:find("sanitizer", 1, true), result.err)
  end)
end)
