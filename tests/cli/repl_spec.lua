-- The console through a pipe: evaluation, printing, errors, dot commands, saving.
local command = require "tests.support.command"

teardown(command.remove_folders)

local home

setup(function() home = command.folder() end)

-- Runs the lines through `moontide repl`, in a home without an init.lua.
local function repl(text, opts)
  opts = opts or {}
  local words = table.move(opts.words or {}, 1, #(opts.words or {}), 2, { "repl" })
  return command.run(words, { input = text, folder = opts.folder, environment = ("HOME='%s' XDG_CONFIG_HOME= LC_ALL=C %s")
    :format(opts.home or home, opts.environment or "") })
end

local function gives(text, out, opts)
  local result = repl(text, opts)
  assert.same({ status = 0, out = out, err = "" }, result)
end

local function fails(text, out, err, opts)
  local result = repl(text, opts)
  assert.equal(err, result.err)
  assert.equal(out, result.out)
  assert.equal(1, result.status)
end

it("a console begins with what it needs of the API, and shows and completes all of it", function()
  gives("package.loaded['moontide.drive.api']\nmt.even(2)\npackage.loaded['moontide.drive.api']\n",
    repl("nil\nmt.even(2)\nnil\n").out)
  assert.equal(repl("x = pairs(mt)\nmt\n").out, repl("mt\n").out)
  gives("next((require('moontide.repl.complete').candidates('mt.swee', nil, { mt = mt })))", '"sweep"\t"sweep"\n')
end)

describe("an input", function()
  local known = {
    { "an expression shows its value", "1 + 1", "2\n" },
    { "several values stand on one line", '1, "a", nil, true', '1\t"a"\tnil\ttrue\n' },
    { "= before an expression is as good", "= 3 * 4", "12\n" },
    { "a comparison is no such =", "x = 5\nx == 5", "true\n" },
    { "what breaks string does not break the console", "string.find, string.gsub, string.format, string.sub = nil\n"
      .. "mt.fixed(3)\nfunction string.twice(s) return s .. s end\n('x'):twice()", 'fixed(3)\n"xx"\n' },
    { "statements show nothing", "x = 5 local y = x", "" },
    { "a call without results shows nothing", "(function() end)()", "" },
    { "nil is shown", "nil", "nil\n" },
    { "_ is the last result", "6\n_ * 7\n_", "6\n42\n42\n" },
    { "statements and nil leave _", "6\nx = 1\nnil\n_", "6\nnil\n6\n" },
    { "print prints as ever", "print(1, 'a')", "1\ta\n" },
    { "it may go over lines", "function f(a)\nreturn a + 1\nend\nf(\n1)", "2\n" },
    { "it may be a long string", "#[[\na\n]]", "2\n" },
    { "a local lives on, as in a script", "local x, y = 2, 3\nlocal function f() return x * y end\nf()", "6\n" },
    { "a local of a block does not", "do local x = 2 end\nx", "nil\n" },
    { "_ENV is left alone", "local _ENV = { x = 1 } x = 2\nx", "nil\n" },
    { "a script may be pasted", "local mt = require 'moontide'\nlocal c = mt.const(5, 10)\nreturn c:area()", "50.0\n" },
    { "mt is there", "mt.const(5)", "const(5)\n" },
    { "blank lines and comments are nothing", "\n  \n-- no\n1 -- one\n", "1\n" },
    { "a last line needs no end", "x = 3\nx", "3\n" },
    { "numbers begin with a point", ".5 + .5", "1.0\n" },
    { "os.exit ends it", "os.exit(0)\n1", "" },
    { "the mark of UTF-8 before the first line is none", "\xEF\xBB\xBF1 + 1", "2\n" },
    { "it comes from standard input, whatever io.input is", "io.input('/dev/null') x = 1\nx", "1\n" },
    { "the first line may name the interpreter", "#!/usr/bin/env -S moontide repl\n1", "1\n" },
  }
  for _, case in ipairs(known) do
    it(case[1], function() gives(case[2] .. "\n", case[3]) end)
  end

  it("takes help NAME as .help NAME, and help as a name", function()
    local wanted = command.shell('printf "%s\\n" ".help mt.spike" | "$MOONTIDE" repl').out
    assert.truthy(wanted:find("mt.spike", 1, true), wanted)
    gives("help mt.spike\n", wanted)
    gives("  help   mt.spike \n", wanted)
    gives("help = 3\nhelp\n", "3\n")
  end)

  it("finds modules in the working folder", function()
    local folder = command.folder()
    command.write(folder, "twice.lua", "return function(x) return 2 * x end\n")
    gives("require('twice')(4)\n", "8\n", { folder = folder })
  end)
end)

describe("an error ends it with 1 and says where", function()
  local known = {
    { "in the input", "x = {}\nx.y.z = 1\nprint 'not reached'", "stdin:2: attempt to index a nil value (field 'y')\n"
      .. "stack traceback:\n\tstdin:2: in main chunk\n" },
    { "in a function of an earlier one", "function f()\n  error 'no'\nend\n\nprint(f())", "stdin:2: no\nstack traceback:\n"
      .. "\tstdin:2: in global 'f'\n\tstdin:5: in main chunk\n" },
    { "of syntax", "x = = 1", "stdin:1: unexpected symbol near '='\n" },
    { "at the end of an input that is not whole", "1\nfor i = 1, 2 do", "stdin:2: 'end' expected near <eof>\n" },
    { "with the nearest name", "mt.sien{}", "stdin:1: there is no mt.sien (did you mean 'sine'?)\n"
      .. "stack traceback:\n\t[C]: in metamethod 'index'\n\tstdin:1: in main chunk\n" },
    { "of a quoted string that is not closed", "x = 'abc\n1 + 1", "stdin:1: unfinished string near <eof>\n" },
    { "with what the value is and has", "w = mt.sampler{1}\nw:expected()", "stdin:2: attempt to call a nil value (method "
      .. "'expected'): w is a sampler, which has draw\nstack traceback:\n\tstdin:2: in main chunk\n" },
    { "with the nearest of what the value has", "w = mt.plan_of('steady')\nw:expectd()", "stdin:2: attempt to call a nil "
      .. "value (method 'expectd'): w is a workload (did you mean 'expected'?)\n"
      .. "stack traceback:\n\tstdin:2: in main chunk\n" },
    { "with what a curve is and has, as in a script", "w = mt.const(3)\nw:delay(4)", "stdin:2: there is no "
      .. "'delay' in a curve, which has area, clamp, duration, loop, max, mean, mean_error, pad, plot, scale_to, shift, "
      .. "speed, stretch, take\n"
      .. "stack traceback:\n\t[C]: in a function\n\t[C]: in metamethod 'index'\n\tstdin:2: in main chunk\n" },
    { "of a record's members", "e = mt.plan_of('steady'):expected()\ne:plot()", "stdin:2: attempt to call a nil value "
      .. "(method 'plot'): e is an expected, which has the members duration, input_length, inside, output_length, requests, "
      .. "sessions, streams, within\nstack traceback:\n\tstdin:2: in main chunk\n" },
    { "with who has the method, where the value has no name", "({}):draw()", "stdin:1: attempt to call a nil value (method "
      .. "'draw') (what has it: random, sampler)\nstack traceback:\n\tstdin:1: in main chunk\n" },
    { "of an option", "mt.spike{ at = 1, heigth = 2 }", "stdin:1: spike: unknown option 'heigth' (did you mean 'height'?)\n"
      .. "stack traceback:\n\t[C]: in mt.spike\n\tstdin:1: in main chunk\n" },
    { "whose own text fails", "error(setmetatable({}, { __tostring = function() error 'no' end }))",
      "an error whose __tostring fails\nstack traceback:\n\tstdin:1: in main chunk\n" },
    { "that is nothing", "error()", "an error that is no text: nil\nstack traceback:\n\tstdin:1: in main chunk\n" },
    { "of bytes", "\200\255\27[2J", "stdin:1: unexpected symbol near '<\\200>'\n" },
    { "in the middle of a long input", "x = {\n" .. ("1,\n"):rep(150) .. "= 5\n" .. ("1,\n"):rep(100) .. "}",
      "stdin:152: unexpected symbol near '='\n" },
    { "that is a table", "error{ code = 1 }", "an error that is no text: { code = 1 }\n"
      .. "stack traceback:\n\tstdin:1: in main chunk\n" },
  }
  for _, case in ipairs(known) do
    it(case[1], function()
      local result = repl(case[2] .. "\n")
      assert.equal("moontide: " .. case[3], result.err)
      assert.equal(1, result.status)
      assert.is_nil(result.out:find("not reached", 1, true))
    end)
  end

  it("and a deep stack is cut", function()
    local result = repl "function f(n) if n == 0 then error 'deep' end return 1 + f(n - 1) end\nf(100)\n"
    local _, lines = result.err:gsub("\n", "\n")
    assert.equal(24, lines)
    assert.is_truthy(result.err:find("\n\t... (81 more)\n", 1, true), result.err)
  end)

  it("and endless recursion is one", function()
    local result = repl "function f() return 1 + f() end\nf()\n"
    assert.is_truthy(result.err:find("stack overflow", 1, true), result.err)
    assert.equal(1, result.status)
  end)

  it("a closed pipe ends it quietly", function()
    local result = command.shell("i=0; while [ $i -lt 5000 ]; do echo 12345; i=$((i+1)); done | $MOONTIDE repl --no-init "
      .. "| head -n 1; exit 0")
    assert.same({ status = 0, out = "12345\n", err = "" }, result)
  end)
end)

describe("values are shown", function()
  local known = {
    { "a curve", 'mt.ramp(0, 10, "1m")', "ramp(0, 10, 60)\n" },
    { "columns", "mt.trace.columns{ { timestamp = 0, input_length = 5 } }", "columns: 1 requests, 0 s, 0 blocks\n" },
    { "a workload", "mt.plan_of('steady')", "workload: 1 stream (main), 60 s\n" },
    { "a column of a million", "c = mt.workload{ mt.stream{ arrivals = mt.even(1e6), input = 1 } }"
      .. ":columns{ duration = 1 }\nc:column 'timestamp'", "column: timestamp of 1000000 requests\n" },
    { "a list", "{ 1, 2.5, 'x' }", '{ 1, 2.5, "x" }\n' },
    { "names before which nothing stands in the way", "{ b = 1, a = { c = true }, ['x y'] = 2, ['end'] = 3, [7] = 4 }",
      '{ [7] = 4, a = { c = true }, b = 1, ["end"] = 3, ["x y"] = 2 }\n' },
    { "a table in itself", "t = { 1 } t.t = t\nt", "{ 1, t = { ... itself ... } }\n" },
    { "a long list", "t = {} for i = 1, 10000 do t[i] = 0 end\nt",
      "{\n  " .. ("0, "):rep(25) .. "0,\n  " .. ("0, "):rep(13) .. "0, ... and 9960 more\n}\n" },
    { "a function", "mt.spike, print, string.rep, function() end", "function mt.spike\tfunction print\tfunction string.rep"
      .. "\tfunction (stdin:1)\n" },
    { "a string", [["a\tb\n\0\"\\\200"]], [["a\tb\n\x00\"\\\xC8"]] .. "\n" },
    { "a string that would drive the terminal", [["\27[2J\u{9b}2J\u{e4}"]], [["\x1B[2J\xC2\x9B2J]] .. "\u{e4}\"\n" },
    { "files, without addresses", "io.stdout, { io.stdin }", "file\t{ file }\n" },
    { "a picture", "mt.const(5):plot{ height = 3, width = 40, to = 1 }",
      "const(5)\nrequests/s\n       5 +*****************************\n         |\n       0 +\n" },
  }
  for _, case in ipairs(known) do
    it(case[1], function()
      local result = repl(case[2] .. "\n")
      assert.same({ status = 0, err = "" }, { status = result.status, err = result.err })
      assert.equal(case[3], result.out:sub(1, #case[3]))
      if not case[1]:find "picture" then assert.equal(case[3], result.out) end
    end)
  end
end)

describe("dot commands", function()
  local refused = {
    { ".nope", ".nope", "unknown command '.nope'" }, { ".sav x.lua extra", nil, ".save: unexpected argument 'extra'" },
    { ".s", nil, "'.s' is ambiguous: it could be .seed, .save" },
    { ".laod", nil, "unknown command '.laod' (did you mean '.load'?)" },
    { ".load", nil, ".load: needs a name" }, { ".load analyze", nil, "analyze: is a command, it has no plan (.run runs it)" },
    { ".load nosuch", nil, "unknown command 'nosuch'" },
    { ".load nosuch.lua", nil, "nosuch.lua: No such file or directory" },
    { ".load burst --paek 3", nil, "burst: unknown option '--paek' (did you mean '--peak'?)" },
    { ".seed x", nil, ".seed: the seed must be a whole number, not 'x'" },
    { ".time 5", nil, ".time: takes on or off, not '5'" }, { ".run repl", nil, ".run: this is the console already" },
    { ".save x", nil, ".save: the name must end in .lua, not 'x'" },
    { ".load 'burst", nil, "a quote is not closed: 'burst" },
    { ".help nosuch", nil, "help: nothing is known of 'nosuch'" },
  }
  for _, case in ipairs(refused) do
    it("are refused: " .. case[1], function() fails(case[1] .. "\n1\n", "", "moontide: " .. case[3] .. "\n") end)
  end

  it("are known only at the start of a line", function()
    local result = repl "x = 1 .quit\n"
    assert.equal(1, result.status)
    assert.is_truthy(result.err:find("near '.'", 1, true) or result.err:find "malformed number", result.err)
    gives("x = {\n.5, .25 }\nx\n", "{ 0.5, 0.25 }\n")
  end)

  it(".help lists them all", function()
    local out = repl(".help\n").out
    for _, name in ipairs { ".help", ".load", ".run", ".seed", ".time", ".save", ".quit" } do
      assert.is_truthy(out:find("  " .. name, 1, true), name)
    end
  end)

  it(".quit leaves, and as much of it as is unambiguous", function()
    gives("1\n.quit\n2\n", "1\n")
    gives("1\n.q\n2\n", "1\n")
  end)

  it(".load makes a plan with options", function()
    gives(".load burst --base 2 --every 100\n_:expected().requests\n", "workload: 1 stream (main), 60 s\n120.0\n")
  end)

  it(".run runs a command, and its failure is one", function()
    local folder = command.folder()
    local result = repl(".run steady --duration 5 -o 'a b.jsonl'\n#mt.trace.read 'a b.jsonl'\n", { folder = folder })
    assert.same({ 0, "54\n" }, { result.status, result.out })
    assert.is_truthy(result.err:find("54 requests", 1, true))
    fails(".run steady --duration x\n1\n", "", "moontide: steady: --duration must be a time in seconds, or with units "
      .. "(90s, 250ms, 1h30m, 2d; m is minutes), not 'x'\n")
  end)

  it(".seed decides what is random", function()
    local draws = "math.random(1 << 30)\n#mt.plan_of('steady'):columns()\n(5 * mt.noise{ cv = 1, corr_time = 1 }):area(0, 60)\n"
    local zero, one = repl(draws).out, repl(draws, { words = { "--seed", "1" } }).out
    assert.not_equal(zero, one)
    assert.equal(zero, repl(".seed 0\n" .. draws).out)
    assert.equal(one, repl(".seed 1\n" .. draws).out)
    assert.equal(zero .. one .. "seed 1\n", repl(draws .. ".seed 1\n" .. draws .. ".seed\n").out)
    local columns = "mt.plan_of('steady'):columns{ seed = 5 }:column('timestamp'):sum()\n"
    assert.equal(repl(columns).out, repl(".seed 1\n" .. columns).out)
  end)

  it(".run is as without the console, whatever the seed", function()
    local folder = command.folder()
    repl(".seed 3\n.run burst -o a.jsonl\n", { folder = folder })
    command.run({ "burst", "-o", "b.jsonl" }, { folder = folder })
    assert.equal(command.read(folder .. "/b.jsonl"), command.read(folder .. "/a.jsonl"))
  end)

  it(".time shows what each input costs", function()
    local result = repl ".time on\n1\nx = 2\n.time\n.time off\n3\n"
    assert.same({ 0, "1\ntime on\n3\n" }, { result.status, result.out })
    local _, lines = result.err:gsub("time: [%d.e-]+ ms\n", "")
    assert.equal(2, lines)
  end)
end)

describe(".save", function()
  -- What is typed, saved, and what the script then prints.
  local function round_trip(text, check)
    local folder = command.folder()
    local result = repl(text .. "\n.save typed.lua\n", { folder = folder })
    assert.same({ 0, "" }, { result.status, result.err })
    check(command.read(folder .. "/typed.lua"), result.out, folder)
  end

  it("writes a command that prints what the console showed", function()
    round_trip(table.concat({
      "rate = mt.sine{ mean = 20, amp = 10, period = 60 }", "rate:mean()", "_ * 2", "= rate", "local x <const> = 5",
      "function f(a)", "  return a .. '!'", "end", "f 'b' .. 'c'", "nil", "print 'printed'", "(print or f)('bracket')",
      "for i = 1, 2 do print(i) end", "help(mt.spike)", "mt.const(5):plot{ height = 3 }", "return rate:max(), 'last'",
    }, "\n"), function(text, out, folder)
      local result = command.run({ "typed.lua" }, { folder = folder, environment = "LC_ALL=C" })
      assert.same({ 0, "" }, { result.status, result.err })
      -- Strings are quoted in the console; nil, help, a second result and what .save says are not printed.
      local expected = out:gsub("mt%.spike%(o%).-plot%{ to = \"2m\" %}\n", ""):gsub("typed.lua: a command\n", "")
        :gsub('"(.-)"', "%1"):gsub("\nnil\n", "\n"):gsub("\tlast\n", "\n")
      assert.equal(expected, result.out)
      assert.is_nil(text:find("help", 1, true))
    end)
  end)

  it("writes a plan when the last result is a workload", function()
    round_trip("local rate = mt.ramp(0, 10, 20)\nrate:area()\nmt.workload{ mt.stream{ arrivals = mt.even(rate), input = 5 } }",
      function(_, out, folder)
        assert.equal("100.0\nworkload: 1 stream (main), 20 s\ntyped.lua: a plan, as --check, --plot and -o take it\n", out)
        local result = command.run({ "typed.lua", "-o", "-" }, { folder = folder })
        local _, lines = result.out:gsub("\n", "\n")
        assert.same({ 0, 100 }, { result.status, lines })
      end)
  end)

  it("knows what .load, .seed and hist did", function()
    round_trip(".seed 7\n.load burst --peak 80 --isl uniform:low=5,high=9 --every 2m\n_:columns():column 'input_length'\n"
      .. "hist(_, { bins = 4 })\nmath.random(1000)", function(_, out, folder)
      local result = command.run({ "typed.lua" }, { folder = folder, environment = "LC_ALL=C" })
      assert.same({ 0, "" }, { result.status, result.err })
      assert.equal(out, result.out .. "typed.lua: a command\n")
    end)
  end)

  it("requires nothing but what a script may", function()
    local folder = command.folder()
    repl(".seed 7\nmath.random(9)\n.save typed.lua\n", { folder = folder })
    local text = command.read(folder .. "/typed.lua")
    assert.is_truthy(text:find("mt.seed(7)", 1, true), text)
    assert.is_nil(text:find("moontide.", 1, true), text)
  end)

  it("never overwrites a file of somebody else", function()
    local folder = command.folder()
    command.write(folder, "mine.lua", "precious\n")
    fails("1\n.save mine.lua\n", "1\n",
      "moontide: .save: mine.lua is there already; another name, or remove it first\n", { folder = folder })
    assert.equal("precious\n", command.read(folder .. "/mine.lua"))
    local result = repl("1\n.save own.lua\n2\n.save own.lua\n", { folder = folder })
    assert.equal(0, result.status)
    assert.is_truthy(command.read(folder .. "/own.lua"):find("_ = 2", 1, true))
  end)

  it("says why a file cannot be written", function()
    fails("1\n.save /nonexistent/x.lua\n", "1\n",
      "moontide: .save: /nonexistent/x.lua.new: No such file or directory\n")
  end)
end)

describe("moontide repl", function()
  it("loads a script first with -i", function()
    local folder = command.folder()
    command.write(folder, "my.lua", 'local mt = require "moontide"\nprint "loading"\n'
      .. "return mt.workload{ duration = 7, mt.stream{ arrivals = mt.even(2), input = 5 } }\n")
    local result = repl("#_:columns()\n", { folder = folder, words = { "-i", "my.lua" } })
    assert.same({ status = 0, out = "14\n", err = "loading\n" }, result)
    fails("1\n", "", "moontide: nosuch.lua: No such file or directory\n", { words = { "-i", "nosuch.lua" } })
    command.write(folder, "bad.lua", "error 'broken'\n")
    fails("1\n", "", "moontide: bad.lua:1: broken\n", { folder = folder, words = { "-i", "bad.lua" } })
  end)

  it("runs init.lua, unless --no-init", function()
    local folder = command.folder()
    command.write(folder, ".config/moontide/init.lua", "local function double(x) return 2 * x end\nthree = 3\n")
    gives("double(three)\n", "6\n", { home = folder })
    gives("double\n", "nil\n", { home = folder, words = { "--no-init" } })
    gives("three\n", "3\n", { environment = ("XDG_CONFIG_HOME='%s/.config'"):format(folder) })
    command.write(folder, ".config/moontide/init.lua", "x = {}\nx.y.z = 1\n")
    local result = repl("1\n", { home = folder })
    assert.same({ 1, "" }, { result.status, result.out })
    assert.is_truthy(result.err:find("^moontide: .*init%.lua:2: attempt to index a nil value"), result.err)
  end)

  it("refuses what it does not know with 2", function()
    local result = repl("", { words = { "--sed", "1" } })
    assert.same({ status = 2, out = "", err = "moontide: repl: unknown option '--sed' (did you mean '--seed'?)\n" }, result)
  end)

  it("has no banner, no prompt and no help in a pipe, and moontide alone is still the overview", function()
    gives("", "")
    local result = command.run({}, { input = "1\n" })
    assert.is_truthy(result.out:find("^Moontide: load shapes"))
  end)

  it("ends with 130 after Ctrl-C", function()
    local folder = command.folder()
    command.write(folder, "in", "print 'go' io.stdout:flush() while true do pcall(function() while true do end end) end\n2\n")
    local result = command.shell("mkfifo out; env --default-signal=INT \"$MOONTIDE\" repl --no-init <in >out 2>err & "
      .. "read -r go <out; kill -INT $!; wait $!; echo $go $?", { folder = folder })
    assert.equal("go 130\n", result.out)
    assert.equal("moontide: interrupted\n", command.read(folder .. "/err"))
  end)
end)

describe("help", function()
  it("explains subjects, functions, methods, types and commands", function()
    for text, wanted in pairs {
      ["help()"] = '\nhelp "curves"', ["help 'curves'"] = "\n  mt.spike ", ["help(mt.spike)"] = "^mt.spike%(o%)\n",
      ["help 'mt.spike'"] = "\nexample:\n  %(10 %+ mt.spike", ["help 'spike'"] = "^mt.spike%(o%)\n",
      ["help 'curve:take'"] = "^curve:take%(d%)\n", ["help 'column:mean'"] = "^column:mean%(%): number",
      ["help(mt.const(5))"] = "^const%(5%)\n  curve:area ", ["help 'burst'"] = "\nusage: moontide burst",
      ["help(mt)"] = "^  mt.analyze ", ["help(mt.trace)"] = "^  mt.trace.columns ", ["help(5)"] = "^5\n",
      ["help 'column'"] = "^  column:above ", [".help curves"] = "\n  mt.spike ", ["help(mt.const(5).take)"] = "^curve:take",
    } do
      local result = repl(text .. "\n")
      assert.equal(0, result.status, result.err)
      assert.is_truthy(result.out:find(wanted), text .. "\n" .. result.out)
    end
  end)

  it("says what is near to what nobody knows", function()
    local result = repl "help 'curvse'\n"
    assert.is_truthy(result.err:find("help: nothing is known of 'curvse' (did you mean 'curves'?)", 1, true), result.err)
    result = repl "help 'curve:tkae'\n"
    assert.is_truthy(result.err:find("help: there is no curve:tkae (did you mean 'curve:take'?)", 1, true), result.err)
  end)
end)
