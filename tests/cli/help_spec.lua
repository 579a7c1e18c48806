-- Help by subject, method and word; and what the console says of mistakes.
local command = require "tests.support.command"

local folder

before_each(function() folder = command.folder() end)
after_each(command.remove_folders)

local function run(line, opts)
  opts = opts or {}
  opts.folder = folder
  return command.line(line, opts)
end

describe("moontide help", function()
  it("knows subjects and methods, as the prompt does", function()
    for line, words in pairs {
      ["help curves"] = "Rate curves: functions of time",
      ["help curve:take"] = "The curve ended at d (seconds)",
      ["help workload:compress"] = "The whole plan's clock runs k times faster",
      ["help expectations"] = "mt.expect",
      ["help records"] = "\n  run.json ",
      ["help expected()"] = "\n  output_length number? mean tokens",
      ["help part[]"] = "\n  pick? integer|moontide.distribution",
      ["help results.jsonl"] = "\n  metadata.turn_index integer",
      ["help run.json"] = "\n  outside table",
    } do
      local result = run(line)
      assert.equal(0, result.status, result.err)
      assert.truthy(result.out:find(words, 1, true), result.out)
    end
  end)

  it("searches subjects, functions, methods, commands and options", function()
    local found = run "help cache"
    assert.equal(0, found.status)
    assert.matches("what has to do with 'cache':", found.out)
    assert.matches("\n  analyze %-%-cache%-sizes ", found.out)
    found = run "help reblock"
    assert.matches("\n  pipe:reblock ", found.out)
    assert.matches("\n  cat %-%-reblock ", found.out)
    found = run("help itl").out -- where words begin, not in "title"
    assert.matches("\n  mock %-%-itl ", found)
    assert.falsy(found:find("title", 1, true))
    assert.matches("mt.exponential", run("help xponential").out, 1, true) -- else anywhere
    -- Lines of examples, "name = value", are no options.
    assert.falsy(run("help '= '").out:find "\n  mt%S+ %S+%s+= ")
  end)

  it("names what is near, and fails where nothing is", function()
    assert.matches("did you mean 'curve:take'", run("help curve:tkae").err)
    assert.matches("did you mean 'analyze'", run("help anlayze").err)
    assert.matches("did you mean 'run.json'", run("help rnu.json").err)
    local nothing = run "help zzzzqq"
    assert.equal(2, nothing.status)
    assert.equal("moontide: unknown command 'zzzzqq', and no help speaks of it\n", nothing.err)
    assert.matches("its work is done by analyze and synthesize here", run("help datagen").err)
    assert.matches("\n  mt.stream fields +.*priority, tenant", run("help tenant").out)
    assert.equal(2, run("help cache --source").status)
  end)
end)

describe("the console", function()
  local function told(input) return run("repl", { input = input }).err end

  it("names the nearest global and method, and how to leave", function()
    assert.matches("%(global 'prnt'%) %(did you mean 'print'%?%)", told "prnt(3)\n")
    assert.matches("there is no 'tkae' in a curve %(did you mean 'take'%?%)", told "mt.const(5):tkae(3)\n")
    assert.matches("%(method 'expectd'%) %(did you mean 'expected'%?%)", told "mt.plan_of('steady'):expectd()\n")
    assert.matches("there is no mt%.sin %(did you mean 'sine'%?%)", told "mt.sin(3)\n")
    assert.matches("%(%.quit or Ctrl%-D ends the console%)", told "exit()\n")
    assert.equal("moontide: .quit or Ctrl-D ends the console\n", told "quit\n")
    assert.equal("", told "quit = 3\nquit\n")
    assert.equal("", told ".quit\nprnt(3)\n")
    assert.matches("^moontide: stdin:1: help: nothing is known of 'sessoins' %(did you mean 'sessions'%?%)\n"
      .. "stack traceback:\n\t%[C%]: in [^\n]*\n\tstdin:1: in main chunk\n$", told 'help "sessoins"\n')
  end)

  it("shows a failure that an assignment drops, and names a file that a loop has not found", function()
    assert.equal("moontide: nope.jsonl: cannot open: No such file or directory\n",
      told 'x = mt.trace.read("nope.jsonl")\n')
    assert.matches("^moontide: stdin:1: attempt to index a nil value: nope.jsonl: cannot open: ",
      told 'mt.trace.open("nope.jsonl"):columns()\n')
    assert.equal("", told 'x, message = mt.trace.read("nope.jsonl")\n')
    assert.equal("", told 'x = 1\n')
    assert.matches("'for iterator'%): nope.jsonl: cannot open", told 'for r in mt.trace.open("nope.jsonl") do end\n')
  end)

  it("plots distributions", function()
    local result = run("repl", { input = "mt.normal{ mean = 300, std = 30 }:plot()\n" })
    assert.equal(0, result.status, result.err)
    assert.matches("normal", result.out)
    assert.is_true(select(2, result.out:gsub("\n", "")) > 5)
  end)
end)
