-- The console in a terminal: editing, completion, history, Ctrl-C. The driver waits for what is shown, so
-- that nothing here depends on how long anything takes.
local command = require "tests.support.command"
local terminal = require "tests.support.terminal"

teardown(command.remove_folders)

-- Types lines in the console one by one, each when the prompt is back, and leaves with Ctrl-D.
local function session(lines, opts)
  local steps = {}
  for _, line in ipairs(lines) do
    if type(line) == "table" then
      table.move(line, 1, #line, #steps + 1, steps)
    else
      steps[#steps + 1] = "wait \\n> "
      steps[#steps + 1] = "type " .. line .. "\\r"
    end
  end
  for _, step in ipairs { "wait \\n> ", "type \\x04", "end" } do steps[#steps + 1] = step end
  local result = terminal.run(steps, opts and opts.words, opts)
  assert.equal(0, result.status, result.out .. result.err)
  return result.out
end

local function shows(out, text)
  assert.is_truthy(out:find(text, 1, true), "not shown: " .. text .. "\n" .. out)
end

describe("the console in a terminal", function()
  it("is what moontide alone starts, and Ctrl-D leaves it", function()
    local out = session { "1 + 1" }
    shows(out, "Moontide ")
    shows(out, "help()")
    shows(out, "> 1 + 1\n2\n")
    shows(out, "\n[exit 0]\n")
  end)

  it("goes on after errors, with the state as it was", function()
    local out = session { "x = 41", "x.y.z()", "x = x + 1 error 'stop'", "x" }
    shows(out, "\nconsole:1: attempt to index a number value (global 'x')\nstack traceback:\n\tconsole:1: in main chunk\n> ")
    shows(out, "console:1: stop\n")
    shows(out, "> x\n42\n")
    assert.is_nil(out:find("moontide.repl", 1, true), out)
  end)

  it("tells at once of a quoted string that is not closed, and goes on with one that a backslash continues", function()
    local out = session { "x = 'abc", "1 + 1", "x = 'abc\\\\", { "wait >> ", "type d'\\r" }, "#x" }
    shows(out, "console:1: unfinished string near <eof>\n> 1 + 1\n2\n")
    shows(out, "> #x\n5\n")
  end)

  it("takes an input over several lines, and Ctrl-C gives it up", function()
    local out = session {
      "function f(a)", { "wait >> ", "type return a * 2\\r", "wait >> ", "type end\\r" }, "f(21)",
      "y = {", { "wait >> ", "type \\x03" }, "y",
    }
    shows(out, ">> end\n")
    shows(out, "> f(21)\n42\n")
    shows(out, "> y\nnil\n")
  end)

  it("edits: arrows, Ctrl-A, Ctrl-W, letters beyond ASCII", function()
    local out = session {
      { "wait \\n> ", "type 1 + 3\\e[D\\e[D\\e[D\\e[D4\\r" }, -- 14 + 3
      { "wait \\n> ", "type 5\\x01print('a', \\x05)\\r" },
      { "wait \\n> ", "type x = 'M\xc3\xbc\xc3\xbd\\x7fnchen'\\r" }, "print(#x, x)",
    }
    shows(out, "\n17\n")
    shows(out, "\na\t5\n")
    shows(out, "\n8\tM\xc3\xbcnchen\n")
  end)

  it("completes names, methods, options and files", function()
    local folder = command.folder()
    command.write(folder, "evening.jsonl", '{"timestamp": 0, "input_length": 5}\n')
    local out = session({
      { "wait \\n> ", "type c = mt.ram\\t(2, 20, '1m')\\r" },
      { "wait \\n> ", "type c:dur\\t\\x15c:ta\\t('30s')\\r" },
      { "wait \\n> ", "type mt.spike{ at = 5, hei\\t3, fal\\t1 }\\r" },
      { "wait \\n> ", "type #mt.trace.read 'eve\\t\\r" },
      "tree = { alpha = 1, alpine = 7 }",
      { "wait \\n> ", "type tree.a\\t\\t", "wait alpine", "wait > tree.alp", "type in\\t\\r" },
      { "wait \\n> ", "type .he\\t\\r" },
    }, { folder = folder })
    shows(out, "ramp(2, 20, 60):take(30)")
    shows(out, "spike{at=5, height=3, rise=0, fall=1}")
    shows(out, "\n1\n")
    shows(out, "\nalpha   alpine\n")
    shows(out, "\n7\n")
    shows(out, "\n  .load NAME [options]")
  end)

  it("remembers lines from one session to the next; Ctrl-R finds them", function()
    local folder = command.folder()
    session({ "first = 111", "second = 222" }, { folder = folder })
    assert.equal("first = 111\nsecond = 222\n", command.read(folder .. "/.local/state/moontide/history"))
    local out = session({
      { "wait \\n> ", "type \\e[A\\r" }, { "wait \\n> ", "type \\x12fir\\r" }, "first + second",
    }, { folder = folder })
    shows(out, "> first + second\n333\n")
  end)

  it("cuts a long history back, and lives without one", function()
    local folder = command.folder()
    local lines = {}
    for i = 1, 4001 do lines[i] = "x = " .. i end
    local path = command.write(folder, "state/moontide/history", table.concat(lines, "\n") .. "\n")
    local state = { folder = folder, environment = ("XDG_STATE_HOME='%s/state'"):format(folder) }
    session({ { "wait \\n> ", "type \\e[A\\r" }, "x" }, state)
    local text = command.read(path)
    assert.equal("x = 3002\n", text:match "^[^\n]*\n")
    assert.equal("x = 4001\nx = 4001\nx\n", text:match "[^\n]*\n[^\n]*\n[^\n]*\n$")
    local out = session({ "1 + 1" }, { environment = "XDG_STATE_HOME=/dev/null/nowhere" })
    shows(out, "moontide: the history cannot be kept in /dev/null/nowhere/moontide/history\n2\n")
  end)

  it("works without editing where the terminal can do nothing", function()
    local steps = { "wait \\n> ", "type x = 1 +\\n", "wait >> ", "type 2\\n", "wait \\n> ", "type x\\n",
      "wait \\n3\\r", "wait \\n> ", "type \\x03", "wait \\n> ", "type \\x04", "end" }
    local result = terminal.run(steps, {}, { environment = "TERM=dumb" })
    assert.equal(0, result.status, result.out .. result.err)
    shows(result.out, "[exit 0]")
  end)

  it("works without the line editor's module, and keeps no history then", function()
    local folder = command.folder()
    assert.is_true(os.execute(("cp '%s' '%s/alone'"):format(command.binary(), folder)))
    local result = terminal.run({ "wait \\n> ", "type 20 +\\n", "wait >> ", "type 1\\n", "wait \\n21\\r", "wait \\n> ",
      "type \\x04", "end" }, {}, { folder = folder, program = folder .. "/alone" })
    assert.equal(0, result.status, result.out)
    shows(result.out, "[exit 0]")
    assert.is_nil(io.open(folder .. "/.local/state/moontide/history"))
  end)

  it("draws as wide as the terminal, in ASCII where it must", function()
    local out = session { { "size 60", "wait \\n> ", "type mt.const(5):plot{ to = 10 }\\r", "wait requests/s" } }
    local widest = 0
    for line in out:gmatch "[^\n]+" do
      if line:find "┤" then widest = math.max(widest, utf8.len(line)) end
    end
    assert.is_true(widest > 50 and widest <= 60, widest .. out)
    local ascii = session({ "mt.const(5):plot{ to = 10 }" }, { environment = "LC_ALL=C" })
    shows(ascii, "requests/s\n")
    assert.is_nil(ascii:find "[\x80-\xff]", ascii)
  end)

  it("runs init.lua and the script of -i first", function()
    local folder = command.folder()
    command.write(folder, ".config/moontide/init.lua", "double = function(x) return 2 * x end\nlocal shown = 5\n")
    command.write(folder, "my.lua", 'return require "moontide".workload { duration = 7, require "moontide".stream {\n'
      .. '  arrivals = require "moontide".even(2), input = 5 } }\n')
    local out = session({ "double(shown)", "#_:columns()" }, { folder = folder, words = { "repl", "-i", "my.lua" } })
    shows(out, "workload: 1 stream (main), 7 s\n> ")
    shows(out, "> double(shown)\n10\n")
    local without = session({ "double" }, { folder = folder, words = { "repl", "--no-init" } })
    shows(without, "> double\nnil\n")
  end)

  it("goes on when init.lua fails", function()
    local folder = command.folder()
    command.write(folder, ".config/moontide/init.lua", "x = 1\nerror 'broken'\n")
    local out = session({ "x" }, { folder = folder })
    shows(out, "init.lua:2: broken\n")
    shows(out, "> x\n1\n")
  end)
end)

describe("Ctrl-C in the console", function()
  -- Each prints "go" when it has begun, or shows its progress.
  local loops = {
    { "a plain loop", "print 'go' while true do end" },
    { "a loop in a coroutine", "print 'go' coroutine.wrap(function() while true do end end)()" },
    { "a loop that swallows errors", "print 'go' while true do pcall(function() while true do end end) end" },
    { "a loop over coroutines that fail", "print 'go' while true do coroutine.resume(coroutine.create(function() "
      .. "while true do end end)) end" },
    { "a function that C calls", "print 'go' table.sort({ 1, 2, 3 }, function() while true do end end)" },
    { "a text of a result", "setmetatable({}, { __tostring = function() print 'go' while true do end end })" },
    { "a text of an error", "error(setmetatable({}, { __tostring = function() print 'go' while true do end end }))" },
    { "what closes a local", "do local x <close> = setmetatable({}, { __close = function() print 'go' while true do "
      .. "pcall(function() while true do end end) end end }) end" },
    { "a long C call of ours", "mt.workload{ mt.stream{ arrivals = mt.even(1e6), input = 1 } }:write("
      .. "'/dev/null', { duration = 1e6, yes = true })", "/dev/null: " },
    { "a loop over requests", "print 'go' for r in mt.plan_of('steady'):requests{ duration = 1e9 } do end" },
    { "a loop over reads", "print 'go' while true do pcall(io.read) end" },
    { "a loop until there is a line", "print 'go' repeat local line = io.read() until line" },
    { "a function of arrivals", "w = mt.workload{ mt.stream{ input = 1, arrivals = mt.arrivals(function() return "
      .. "function() print 'go' while true do end end end) } } print(w:columns())" },
  }
  for _, loop in ipairs(loops) do
    it("stops " .. loop[1], function()
      local begun = "wait " .. (loop[3] or "\\ngo")
      local out = session { "state = 5", loop[2], { begun, "type \\x03", "wait interrupted" }, "state * 2" }
      shows(out, "> state * 2\n10\n")
      shows(out, "[exit 0]")
    end)
  end

  it("stops the next loop as well, also in a coroutine from before", function()
    local out = session {
      "co = coroutine.wrap(function() coroutine.yield() print 'go' while true do end end) co()",
      "while true do print 'go' pcall(function() while true do end end) end",
      { "wait \\ngo", "type \\x03", "wait interrupted" },
      "co()", { "wait \\ngo", "type \\x03", "wait interrupted" }, "3 * 3",
    }
    shows(out, "> 3 * 3\n9\n")
  end)

  it("keeps the whole requests of an interrupted trace", function()
    local folder = command.folder()
    local out = session({
      "w = mt.workload{ mt.stream{ arrivals = mt.even(1e6), input = 1 } }",
      "w:write('long.jsonl', { duration = 1e6, yes = true })",
      { "wait long.jsonl: ", "type \\x03", "wait interrupted", "wait long.jsonl.part" },
      "os.remove 'long.jsonl.part'",
    }, { folder = folder })
    shows(out, "the whole requests so far are in long.jsonl.part\n")
    shows(out, "> os.remove 'long.jsonl.part'\ntrue\n")
  end)

  it("stops a command that .run runs", function()
    local out = session {
      ".run steady --rate 1000000 --duration 1000000 --yes -o /dev/null",
      { "wait /dev/null: ", "type \\x03", "wait interrupted" }, "6 * 7",
    }
    shows(out, "> 6 * 7\n42\n")
  end)

  it("and Ctrl-Z leave the line editor in order", function()
    local alone = session { { "wait \\n> ", "type 1 +", "wait 1 +", "type \\x1a", "wait 1 +", "type  2\\r" }, "9 * 9" }
    shows(alone, "\n3\n")
    shows(alone, "> 9 * 9\n81\n")
    local folder = command.folder()
    local job = command.write(folder, "job", '"$MOONTIDE"\necho stopped\nfg\n')
    local result = terminal.run({ "wait \\n> ", "type 1 +", "wait 1 +", "type \\x1a", "wait stopped", "wait 1 +", "type  2\\r",
      "wait \\n3\\r", "wait \\n> ", "type \\x04", "end" }, { "-m", job }, { folder = folder, program = "/bin/sh" })
    assert.equal(0, result.status, result.out)
    shows(result.out, "\n[exit 0]\n")
  end)

  it("clears the line and stays", function()
    local out = session { { "wait \\n> ", "type half a line\\x03" }, "8 * 8" }
    shows(out, "> 8 * 8\n64\n")
  end)

  it("ends the process when pressed three times in vain", function()
    local result = terminal.run { "wait \\n> ", "type print 'go' string.find(('a'):rep(300000), ('.-'):rep(60) .. 'b')\\r",
      "wait \\ngo", "compute", "insist \\x03" }
    assert.equal(0, result.status, result.out)
    shows(result.out, "\n[exit 130]\n")
  end)
end)

describe(".save in a terminal", function()
  it("leaves out what failed and what Ctrl-C stopped, and can be repeated", function()
    local folder = command.folder()
    session({ "x = 1", "x = 2 error 'no'", "print 'go' while true do end",
      { "wait \\ngo", "type \\x03", "wait interrupted" },
      "x + 1", ".save typed.lua", "x + 2", ".save typed.lua" }, { folder = folder })
    local text = command.read(folder .. "/typed.lua")
    assert.is_nil(text:find("error", 1, true))
    assert.is_nil(text:find("while", 1, true))
    local result = command.run({ "typed.lua" }, { folder = folder })
    assert.same({ status = 0, out = "2\n3\n", err = "" }, result) -- x = 2 was not kept: the line failed
  end)
end)

describe("the end of a session", function()
  it("in the middle of an input says so on a line of its own", function()
    local result = terminal.run { "wait \\n> ", "type x = {\\r", "wait >> ", "type \\x04", "end" }
    shows(result.out, "\nconsole:1: unexpected symbol near <eof>\n")
    shows(result.out, "\n[exit 0]\n")
  end)

  it("by .quit, by os.exit and with the terminal", function()
    for _, ending in ipairs { ".quit", "os.exit(0)" } do
      local result = terminal.run { "wait \\n> ", "type " .. ending .. "\\r", "end" }
      assert.equal(0, result.status, result.out)
      shows(result.out, "\n[exit 0]\n")
    end
    local gone = terminal.run { "wait \\n> ", "type x = 1" }
    shows(gone.out, "\n[exit 130]\n")
  end)

  it("drives, shows the run, and Ctrl-C stops one and gives the console back with what was measured", function()
    local out = session {
      "server = mt.mock{ ttft = 5, itl = 1 }",
      "load = mt.workload{ duration = '1s', mt.stream{ arrivals = mt.even(10), input = 100, output = 5 } }",
      "load:drive{ url = server.url, model = 'any', warmup = 0 }",
      "_.counts.done",
      "trace = load:pipe():loop(1000)",
      { "wait \\n> ", "type run = mt.drive(trace, { url = server.url, model = 'any', warmup = 0 })\\r",
        "wait in flight", "type \\x03", "wait interrupted: nothing more is sent" },
      "run.was_cancelled, run.counts.done > 0, run.counts.due < 10000",
      "'still ' .. 'here'",
    }
    shows(out, "Time to First Token (ms)")
    shows(out, "10 requests due: 10 done")
    shows(out, "> _.counts.done\n10\n")
    shows(out, "\ntrue\ttrue\ttrue\n")
    shows(out, "still here")
  end)

end)
