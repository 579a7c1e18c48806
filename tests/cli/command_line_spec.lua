-- The command line through the real binary: messages and exit codes.
local command = require "tests.support.command"

local folder

-- A command with one option of most kinds, and a workload whose plan and generator are stand-ins, so
-- that what the command line hands over can be seen.
local tool = [[
local mt = require "moontide"
return mt.script{
  summary = "Show what was given",
  options = {
    { "time-duration", kind = "integer", default = 100, min = 1, help = "seconds" },
    { "total-blocks", kind = "integer", default = 10000 },
    { "amp", kind = "number", help = "may be negative" },
    { "mode", kind = "choice", choices = { "fast", "slow" }, default = "fast" },
    { "input-file", kind = "path", argument = true, help = "a trace" },
  },
  run = function(opt)
    print(opt.time_duration, opt.amp, opt.mode, opt.input_file)
  end,
}
]]

local plan = [[
local Workload = { __name = "moontide.workload" }
package.loaded["moontide.load.workload"] = {
  is = function(value) return getmetatable(value) == Workload end,
  with_script_name = function(value) return value end,
}
package.loaded["moontide.command.generate"] = { run = function(script, workload, opt)
  io.stdout:write(script.name, " ", require "moontide.script.common".output_path(script, opt), " ", opt.seed,
    " ", opt.duration or "-", " ", opt.timestamp_digits, " ", opt.shard and opt.shard.index or "-",
    " ", tostring(opt.compact), " ", workload.draw, "\n")
  if opt.check then return nil, "in.jsonl:3:7: expected a number", "input" end
  if opt.plot then return nil, "closed", "closed" end
  if opt.tags then require "moontide.core".base.raise("plan: --tags cannot be had") end
end }
local mt = require "moontide"
print "loading"
return mt.script{
  summary = "A plan",
  options = {
    { "rate", kind = "number", default = 20, help = "mean requests per second" },
    { "time-duration", kind = "integer", default = 100, stands_for = "duration" },
  },
  output_name = function(opt)
    local options = require "moontide.kit.options"
    return "rr" .. options.python_number(opt.rate, options.given(opt, "rate")) .. ".jsonl"
  end,
  timestamp_digits = 0,
  plan = function(opt)
    print("planning", opt.rate)
    io.write "written\n"
    return setmetatable({ draw = math.random(1 << 30) }, Workload)
  end,
}
]]

setup(function()
  folder = command.folder()
  command.write(folder, "tool.lua", tool)
  command.write(folder, "plan.lua", plan)
end)

teardown(command.remove_folders)

-- Runs the binary in the folder; words are separated by spaces.
local function run(line, opts)
  opts = opts or {}
  opts.folder = opts.folder or folder
  return command.line(line, opts)
end

local function fails(line, exit_status, message)
  command.refuses(run(line), message, exit_status)
end

describe("options", function()
  local known = {
    { "tool.lua", "100\tnil\tfast\tnil" },
    { "run tool.lua --amp=1", "100\t1\tfast\tnil" },
    { "tool.lua --amp -3 --time-dur 5 x.jsonl", "5\t-3\tfast\tx.jsonl" },
    { "tool.lua --amp=-3 --mode=slow -- --x", "100\t-3\tslow\t--x" },
    { "./tool.lua --time-duration 1e2", "100\tnil\tfast\tnil" },
  }
  for _, case in ipairs(known) do
    it("are read: " .. case[1], function()
      local result = run(case[1])
      assert.same({ status = 0, out = case[2] .. "\n", err = "" }, result)
    end)
  end

  local refused = {
    { "tool.lua --tmie-duration 3", "tool: unknown option '--tmie-duration' (did you mean '--time-duration'?)" },
    { "tool.lua --t 3", "tool: option '--t' is ambiguous: it could be --time-duration, --total-blocks" },
    { "tool.lua --amp much", "tool: --amp must be a number, not 'much'" },
    { "tool.lua --time-duration 100.5", "tool: --time-duration must be a whole number, not '100.5'" },
    { "tool.lua --time-duration 0", "tool: --time-duration must be at least 1, not 0" },
    { "tool.lua --amp", "tool: --amp needs a value" },
    { "tool.lua --mode fats", "tool: --mode must be one of fast, slow, not 'fats' (did you mean 'fast'?)" },
    { "tool.lua a b", "tool: unexpected argument 'b'" },
    { "hlep", "unknown command 'hlep' (did you mean 'help'?)" },
    { "zzzzzz", "unknown command 'zzzzzz'" },
    { "datagen", "unknown command 'datagen' (its work is done by analyze and synthesize here)" },
    { "sin_synth.py --time-duration 5", "unknown command 'sin_synth.py' (its work is done by sin here)" },
    { "--verison", "unknown option '--verison' (did you mean '--version'?)" },
    { "run", "run: needs a script's file, or a command's name" },
    { "help hlep", "unknown command 'hlep' (did you mean 'help'?)" },
    { "help --source", "help: --source needs a NAME" },
    { "list everything", "list: unexpected argument 'everything'" },
    { "plan.lua --seed x -o -", "loading\nmoontide: plan: --seed must be a whole number, not 'x'", true },
    { "plan.lua --shard 4/4", "loading\nmoontide: plan: --shard must be I/N, a shard's number from 0 to N-1 "
      .. "and how many there are (0/4), not '4/4'", true },
  }
  for _, case in ipairs(refused) do
    it("are refused with 2: " .. case[1], function()
      if case[3] then
        local result = run(case[1])
        assert.same({ status = 2, out = "", err = case[2] .. "\n" }, result)
      else
        fails(case[1], 2, case[2])
      end
    end)
  end
end)

describe("a script", function()
  local wrong = {
    { "syntax.lua", "local x = = 1", "syntax.lua:1: unexpected symbol near '='" },
    { "raises.lua", "\nerror 'boom'", "raises.lua:2: boom" },
    { "fault.lua", "local t\nreturn t.x", "fault.lua:2: attempt to index a nil value (local 't')" },
    { "lacks.lua", "local mt = require 'moontide'\nreturn (mt.const(3) * 2):delay(4)", "lacks.lua:2: there is no 'delay' in "
      .. "a curve, which has area, clamp, duration, loop, max, mean, mean_error, pad, plot, scale_to, shift, speed, "
      .. "stretch, take" },
    { "nothing.lua", "local mt = require 'moontide'", "nothing.lua: returned nothing: a script ends in "
      .. "return mt.script{...} or return mt.workload{...}" },
    { "number.lua", "return 3", "number.lua: returned 3: a script ends in return mt.script{...} or "
      .. "return mt.workload{...}" },
    { "object.lua", "error({})", "a script raised a table" },
    { "object2.lua", "error(setmetatable({}, { __tostring = function() return 'told' end }))", "told" },
    { "noplan.lua", "return require 'moontide'.script{ summary = 'x' }",
      "noplan.lua:1: script: needs either plan = function(opt) ... end or run = function(opt) ... end" },
    { "late.lua", "local mt = require 'moontide'\nreturn mt.script{ summary = 'x', run = function()\n"
      .. "  mt.script{ sumary = 'y' }\nend }", "late.lua:3: script: unknown option 'sumary' (did you mean 'summary'?)" },
    { "failure.lua", "return require 'moontide'.script{ summary = 'x', run = function()\n"
      .. "  return nil, 'in.jsonl:3: what is that', 'input' end }", "in.jsonl:3: what is that" },
    { "result.lua", "return require 'moontide'.script{ summary = 'x', run = function() return 'yes' end }",
      "result: run must return nothing, an exit status, or nil and a message, not 'yes'" },
    { "false.lua", "return require 'moontide'.script{ summary = 'x', run = function() return false end }",
      "false: run must return nothing, an exit status, or nil and a message, not false" },
    { "below/module.lua", "return require 'broken'", "./below/broken.lua:1: boom" },
  }
  setup(function()
    command.write(folder, "below/broken.lua", "error 'boom'")
    for _, case in ipairs(wrong) do command.write(folder, case[1], case[2]) end
  end)
  for _, case in ipairs(wrong) do
    it("that is wrong ends with 1: " .. case[1], function()
      fails((case[1]:find "/" and "./" or "") .. case[1], 1, case[3])
    end)
  end

  it("that does not exist ends with 1", function()
    fails("nosuch.lua", 1, "nosuch.lua: No such file or directory")
    fails("steady.lua", 1, "steady.lua: No such file or directory (did you mean the command 'steady'?)")
    fails("./below", 1, "./below: Is a directory")
  end)

  it("may return its exit status", function()
    command.write(folder, "status.lua",
      "return require 'moontide'.script{ summary = 'x', run = function() return 7 end }")
    assert.equal(7, run("status.lua").status)
  end)

  it("shows the stack only when asked", function()
    local result = run("raises.lua", { environment = "MOONTIDE_TRACEBACK=1" })
    assert.matches("^moontide: raises.lua:2: boom\nstack traceback:\n", result.err)
    assert.equal(1, result.status)
  end)

  it("finds modules beside it from any folder", function()
    command.write(folder, "lib/helper.lua", "return { greeting = 'hello' }")
    local path = command.write(folder, "lib/uses.lua", "local helper = require 'helper'\n"
      .. "return require 'moontide'.script{ summary = 'x', run = function() print(helper.greeting) end }")
    assert.same({ status = 0, out = "hello\n", err = "" }, command.run({ path }, { folder = "/" }))
  end)
end)

describe("a plan", function()
  it("gets the common options and the script's own", function()
    local result = run "plan.lua --seed 7 --compact --shard 1/2 --time-dur 5"
    assert.matches("^planning\t20\nwritten\nplan rr20.jsonl 7 5 0 1 true %d+\n$", result.out)
    assert.equal("loading\n", result.err)
    assert.matches("plan rr20.0.jsonl 0 100 0 %- false", run("plan.lua --rate 20").out)
    assert.matches("plan other 0 9 3 ", run("plan.lua -oother --duration 9 --timestamp-digits=3").out)
  end)

  it("leaves standard output to the trace with -o -", function()
    local result = run "plan.lua -o -"
    assert.matches("^plan %- 0 100 0 %- false %d+\n$", result.out)
    assert.equal("loading\nplanning\t20\nwritten\n", result.err)
  end)

  it("draws the same from math.random for the same seed, however it is written", function()
    local function draw(line) return run(line).out:match "(%d+)\n$" end
    local seven = draw "plan.lua --seed 7"
    assert.is_truthy(seven)
    assert.equal(seven, draw "plan.lua --seed=7")
    assert.equal(seven, draw "run plan.lua --seed 7")
    assert.not_equal(seven, draw "plan.lua")
    assert.equal(draw "plan.lua", draw "plan.lua --seed 0")
  end)

  it("that fails says why, with the right status", function()
    local result = run "plan.lua --check -o -"
    assert.equal(1, result.status)
    assert.matches("moontide: in.jsonl:3:7: expected a number\n$", result.err)
    result = run "plan.lua --tags -o -"
    assert.equal(2, result.status)
    assert.matches("moontide: plan: %-%-tags cannot be had\n$", result.err)
    result = run "plan.lua --plot -o -"
    assert.equal(1, result.status)
    assert.equal("loading\nplanning\t20\nwritten\n", result.err)
  end)
end)

describe("help", function()
  -- `help` and `list` load no script, and so start at once.
  it("reads each command's summary out of its text", function()
    local looked = 0
    for path in io.popen("ls scripts/*.lua"):lines() do
      assert.is_truthy(command.read(path):find '\n%s*summary%s*=%s*"[^"\\\n]*"%s*,', path)
      looked = looked + 1
    end
    assert.is_true(looked > 10)
    local text = command.run({ "help", "convert" }).out:gsub("%s+", " ")
    for _, title in ipairs(require("moontide.trace.log").titles) do
      assert.is_truthy(text:find(title, 1, true), title)
    end
  end)

  it("of a script is pinned", function()
    local result = run "help tool.lua"
    assert.equal(0, result.status)
    assert.equal([[
Show what was given

usage: moontide tool.lua [options] [INPUT-FILE]

options:
  --time-duration N           seconds (default: 100)
  --total-blocks N            (default: 10000)
  --amp NUMBER                may be negative
  --mode fast|slow            (default: fast)
  --input-file FILE           a trace
]], result.out)
    assert.equal(result.out, run("tool.lua --help").out)
    assert.equal(result.out, run("run tool.lua -h").out)
    assert.equal(result.out, run("tool.lua --bogus --help").out)
  end)

  it("of a plan names the common options and does not run it", function()
    local result = run "help plan.lua"
    assert.equal(0, result.status)
    assert.equal([[
A plan

usage: moontide plan.lua [options]

options:
  --rate NUMBER               mean requests per second (default: 20)
  --time-duration N           (default: 100)

options of every workload:
  -o, --output-file FILE      the trace's file, - for standard output (default: NAME.jsonl)
  --seed N                    of the random numbers; 64 bits (default: 0)
  --num-requests N            stop after so many requests
  --rate-scale NUMBER         multiply all rates; request k (of sessions turn t of session j)
                              keeps its lengths and prefix, but where they follow curves of time
                              (default: 1)
  --shard I/N                 only every N-th session or request, beginning with the I-th (counted
                              from 0)
  --check                     only check the plan and print its expected totals and digest
  --plot                      only plot the plan's rates
  --tags                      add each request's stream name, and its class's
  --timestamp-digits N        decimals of a millisecond in timestamps (default: 0)
  --compact                   write no spaces between JSON members
  --yes                       make a trace of more than 10^9 requests, or of 10 000 at one time
  --json                      with --check: print one JSON value
  --compress NUMBER           the plan's clock runs so many times faster: the same requests in
                              that part of the time
  --compress-think            and think times of sessions are so much shorter too
  --expect FIGURE=RANGE,...   fail (exit 1) unless the load is so:
                              'requests=900..1100,input_length.p99<20000,rate.peak<40'; the trace
                              that it would write is left as it was, and --series is written all
                              the same, to show why. hit_ratio is by block, of a cache without
                              limit, hit_ratio.1000 of an LRU cache of so many blocks
  --service TIMES|RUN         what an answer takes, ttft=200ms,per_token=20ms or a run's folder:
                              then requests in flight and tokens held are known
  --step TIME                 the steps of peaks and of --series (default: 1)
  --by MEMBER                 totals by the values of this member too (stream, class, model, ...)
  --series FILE.csv           write rates, tokens, hit ratio and, with --service, what is in
                              flight: a row a --step
  --series-cache SIZE         of --series: the hit ratio, by block, of an LRU cache of so many
                              blocks (1000) or tokens (2Mtokens), instead of one without limit
]], result.out)
  end)

  it("of commands without --series does not speak of it", function()
    for _, name in ipairs { "replay", "compare", "lint", "learn" } do
      local help = run("help " .. name).out
      assert.truthy(help:find("\n  %-%-step TIME +the steps of peaks %(default: 1%)\n"), help)
      assert.is_nil(help:find("--series", 1, true), name)
    end
  end)

  it("of itself is pinned", function()
    local expected = [==[
Explain a command or a script; without a name, list the commands

usage: moontide help [NAME [--source]]

options:
  --name TEXT                 a command, a script's file, a name of the Lua module (mt, mt.spike,
                              curve:take), a subject (curves), a record (run.json, expected()), or
                              any other word, to search
  --source                    print the script itself
]==]
    assert.equal(expected, run("help help").out)
    assert.equal(expected, run("help --help").out)
  end)

  it("of the Lua module is its comments", function()
    local spike = run "help mt.spike"
    assert.equal(0, spike.status)
    assert.matches("^mt%.spike%(%w+%)\n\nA spike: .*\n  %-> moontide%.curve\n\nexample:\n  [^\n]+\n$", spike.out)
    local stream = run "help mt.stream".out
    assert.matches("\n    new_input%? moontide%.any_length tokens after the shared part\n", stream)
    local all = run "help mt".out
    for name in pairs(require "moontide") do
      if name ~= "version" then assert.matches("\n  mt%." .. name .. " +%S", "\n" .. all) end
    end
    assert.matches("\n  mt%.trace%.open +Opens a trace", "\n" .. run "help mt.trace".out)
    local wrong = run "help mt.spkie"
    assert.same({ 2, "moontide: there is no mt.spkie (did you mean 'mt.spike'?)\n" }, { wrong.status, wrong.err })
  end)

  it("lists the commands", function()
    local result = run "help"
    assert.equal(0, result.status)
    assert.matches("^Moontide: .*\nusage: moontide COMMAND %[options%]\n", result.out)
    assert.matches("\nExplore\n  .*list +List the commands, one a line\n", result.out)
    assert.equal(result.out, run("").out)
    assert.equal(result.out, run("--help").out)
    assert.equal(result.out, run("-h").out)
  end)

  it("prints a script's source", function()
    local result = run "help list --source"
    assert.equal(0, result.status)
    assert.equal(command.read "scripts/list.lua", result.out)
    assert.equal(tool, run("help tool.lua --source").out)
  end)

  it("has the summary that each script has itself", function()
    local seen = 0
    for name, summary in run("list").out:gmatch "([%w_-]+) +([^\n]*)\n" do
      seen = seen + 1
      assert.equal(summary, run("help " .. name).out:match "^[^\n]*")
    end
    assert.is_true(seen >= 3)
  end)

  it("says the version", function()
    assert.matches("^moontide %d+%.%d+%.%d+\n$", run("--version").out)
  end)
end)

describe("a mistake in what a bundled script is asked for", function()
  for line, message in pairs {
    ["steady --isl lognormal:mean=5"] = "steady: --isl: lognormal: give mean and cv,",
    ["steady --isl normal:mean=5,std=x"] = "steady: --isl: normal: std must be a number, not 'x'",
    ["steady --rate points:5@5m,20@0"] = "steady: --rate: points: times must increase:",
    ["steady --rate sine:mean=-5,amp=x,period=3"] = "steady: --rate: sine: amp must be",
    ["steady --rate 0"] = "steady: no rate is above 0 anywhere: there would be no requests (--rate 0)\n",
    ["sin --isl2 9223372036854775807"] = "sin: stream 'main': a prompt of 17592186044416 blocks is too long "
      .. "(at most 134217728) (--isl2 9223372036854775807)\n",
  } do
    it("is told with the option: " .. line, function()
      local result = command.line(line .. " -o none.jsonl", { folder = folder })
      assert.equal("moontide: " .. message, result.err:sub(1, #message + 10))
      assert.is_true(result.status > 0)
      assert.is_false(command.exists(folder .. "/none.jsonl"))
    end)
  end
end)

describe("standard output", function()
  setup(function()
    command.write(folder, "prints.lua", [[
      return require "moontide".script{ summary = "x", run = function() while true do print "more" end end }]])
    command.write(folder, "writes.lua", [[
      return require "moontide".script{ summary = "x", run = function()
        for i = 1, 100000 do io.write(i, "\n") end
        io.stdout:setvbuf "no"
      end }]])
  end)

  it("that is full is a failure", function()
    local full = "cannot write: No space left on device"
    for line, why in pairs { help = full, ["prints.lua"] = full, ["writes.lua"] = "a write failed" } do
      local result = command.shell('"$MOONTIDE" ' .. line .. " >/dev/full", { folder = folder })
      assert.same({ status = 1, out = "", err = "moontide: standard output: " .. why .. "\n" }, result)
    end
  end)

  it("that is full is told with the reason, whatever the size of what is written", function()
    command.line("steady --rate 5 --duration 10s -o full.jsonl", { folder = folder })
    for _, line in ipairs { "help cat", "help mt", "help --man", "cat --help", "report full.jsonl -o -",
      "steady --check --json" } do
      local result = command.shell('"$MOONTIDE" ' .. line .. " >/dev/full", { folder = folder })
      assert.same({ status = 1, out = "", err = "moontide: standard output: cannot write: No space left on device\n" },
        result, line)
    end
  end)

  it("that is closed ends quietly", function()
    for _, line in ipairs { "help", "prints.lua", "writes.lua" } do
      local result = command.shell('{ sleep 0.1; "$MOONTIDE" ' .. line .. "; echo $? >&2; } | true",
        { folder = folder })
      assert.equal("1\n", result.err)
    end
  end)
end)

describe("MOONTIDE_HOME", function()
  it("takes the place of the built-in files", function()
    local home = command.folder()
    command.shell(("mkdir %s/lua && cp -r lua/moontide %s/lua && cp -r scripts %s"):format(home, home, home))
    command.write(home, "scripts/list.lua", [[
      return require "moontide.script.script".new{ summary = "Mine", run = function() print "mine" end }]])
    assert.equal("mine\n", command.run({ "list" }, { environment = "MOONTIDE_HOME=" .. home }).out)
  end)
end)

describe("progress", function()
  local slow = [[
    local core, report = require "moontide.core", require "moontide.kit.report"
    return require "moontide".script{ summary = "x", run = function()
      local start, calls = core.base.seconds(), 0
      while core.base.seconds() - start < 0.65 do
        report.progress(function() calls = calls + 1 return "working" end)
      end
      report.note "a note"
      report.warning "look out"
      report.finish()
      print(calls)
    end }]]

  it("is shown on a terminal once the work is long, and notes clear it", function()
    command.write(folder, "slow.lua", slow)
    local result = command.shell([[script -qec "'$MOONTIDE' slow.lua" /dev/null]], { folder = folder })
    assert.equal(0, result.status)
    assert.matches("^working", result.out)
    assert.matches("working\r\27%[Kmoontide: a note\r?\nmoontide: warning: look out\r?\n%d\r?\n$", result.out)
  end)

  it("is not shown into a pipe", function()
    local result = run "slow.lua"
    assert.same({ status = 0, out = "0\n", err = "moontide: a note\nmoontide: warning: look out\n" }, result)
  end)
end)

describe("a name that is not there", function()
  it("is a mistake with the script's line, not nil", function()
    command.write(folder, "names.lua", [[
local mt = require "moontide"
return mt.script { summary = "x", options = { { "my-rate", kind = "number", default = 1 } },
  run = function(opt)
    print(pcall(function() return mt.posson end))
    print(pcall(function() return opt["my-rate"] end))
    print(opt.my_rate)
    return opt.rtae
  end }
]])
    local result = run "names.lua"
    assert.equal(1, result.status)
    assert.equal("false\tnames.lua:4: there is no mt.posson (did you mean 'poisson'?)\n"
      .. "false\tnames.lua:5: there is no opt.my-rate (it is opt.my_rate)\n1\n", result.out)
    assert.matches("^moontide: names.lua:7: there is no opt.rtae", result.err)
  end)

  it("of a command may be a file's", function()
    assert.equal("moontide: unknown command 'names' (did you mean the file 'names.lua'?)\n", run("names").err)
  end)

  it("of a common option is not shortened", function()
    command.write(folder, "bare.lua", [[local mt = require "moontide"
return mt.workload { mt.stream { arrivals = mt.poisson(5), input = 10 } }]])
    local result = run "bare.lua --rate 5"
    assert.same({ 2, "moontide: bare: unknown option '--rate' (did you mean '--rate-scale'?)\n" },
      { result.status, result.err })
    for words, near in pairs { ["replay steady"] = "--rate-scale", ["sweep steady"] = "--rate-scales" } do
      result = run(words .. " --url http://127.0.0.1:1 --model m --rate 5")
      assert.same({ 2, ("moontide: %s: unknown option '--rate' (did you mean '%s'? Options of the script itself "
        .. "stand behind a --)\n"):format(words:match "%a+", near) }, { result.status, result.err })
    end
  end)
end)

describe("Ctrl-C", function()
  it("ends with 130 and says so, and where the requests so far are", function()
    command.write(folder, "forever.lua", [[
      local mt = require "moontide"
      require "moontide.core".trace.kept_parts = function() return { "x.jsonl.part" } end
      return mt.script{ summary = "x", run = function()
        io.stdout:write "ready\n" io.stdout:flush()
        while true do end
      end }]])
    local result = command.shell([[
      mkfifo pipe
      env --default-signal=INT "$MOONTIDE" forever.lua >pipe &
      read line <pipe
      kill -INT $!
      wait $!
      echo $? ]], { folder = folder })
    assert.equal("130\n", result.out)
    assert.equal("moontide: interrupted\nmoontide: the whole requests so far are in x.jsonl.part\n", result.err)
  end)
end)
