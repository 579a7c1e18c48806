local core = require "moontide.core"
local command = require "tests.support.command"

-- A stand-in for workloads: what is tested here is how scripts and their plans are handled.
local Workload = { __name = "moontide.workload" }
package.loaded["moontide.load.workload"] = {
  is = function(value) return getmetatable(value) == Workload end,
  with_script_name = function(value, name)
    return setmetatable({ value = value.value, script = name }, Workload)
  end,
}
local function workload(value) return setmetatable({ value = value }, Workload) end
_G.test_workload = workload

local mt = require "moontide"
local plans = require "moontide.script.plan"
local script = require "moontide.script.script"
local scripts = require "moontide.script.load"

-- The message of an error, usage error or text.
local function refusal(fn, ...)
  local ok, value = pcall(fn, ...)
  assert.is_false(ok, "nothing was raised")
  return core.base.is_usage(value) and value.message or value
end

local function plan() return workload(1) end

teardown(command.remove_folders)

it("a script that is only a workload says in its first comment what it is", function()
  local function summary(text)
    return scripts.load({ name = "x", chunk = "@x.lua", text = text .. "\nreturn test_workload(1)" }).summary
  end
  assert.equal("A load of 2.5 a second", summary "-- A load of 2.5 a second. It is steady.")
  assert.equal("A load of two lines", summary "#!/usr/bin/env moontide\n\n--- A load of\n-- two lines\nlocal x = 1 -- no")
  assert.equal("A workload", summary "local x = 1\n-- a comment further down")
  assert.equal("A workload", summary "-- ------")
end)

describe("mt.script", function()
  it("makes a script", function()
    local made = mt.script { summary = "Test", options = { { "rate", kind = "rate", default = 20 } }, plan = plan }
    assert.is_true(script.is(made))
    assert.equal(3, made.timestamp_digits)
    assert.is_false(script.is {})
    assert.is_false(script.is(nil))
  end)

  local refusals = {
    { { plan = plan }, "script: summary is required" },
    { { summary = "x" }, "script: needs either plan = function(opt) ... end or run = function(opt) ... end" },
    { { summary = "x", plan = plan, run = plan },
      "script: needs either plan = function(opt) ... end or run = function(opt) ... end" },
    { { summary = "x", plan = 3 }, "script: plan must be a function, not 3" },
    { { summary = "x", plan = plan, optoins = {} }, "script: unknown option 'optoins' (did you mean 'options'?)" },
    { { summary = "x", plan = plan, timestamp_digits = 7 }, "script: timestamp_digits must be between 0 and 6, not 7" },
    { { summary = "x", plan = plan, options = { "rate" } },
      'script: option 1 must be { "name", kind = ..., ... }, its name letters, digits and hyphens' },
    { { summary = "x", plan = plan, options = { { "rate" } } }, "script: option 'rate': kind is required" },
    { { summary = "x", plan = plan, options = { { "rate", kind = "nubmer" } } }, "did you mean 'number'" },
    { { summary = "x", plan = plan, options = { { "rate", kind = "number", defualt = 3 } } },
      "script: option 'rate': unknown option 'defualt' (did you mean 'default'?)" },
    { { summary = "x", plan = plan, options = { { "rate", kind = "number", default = "x" } } },
      "script: option 'rate': default must be a number, not 'x'" },
    { { summary = "x", plan = plan, options = { { "rate", "r", kind = "number" } } }, "has one name" },
    { { summary = "x", plan = plan, options = { { "c", kind = "choice" } } }, "a choice needs choices" },
    { { summary = "x", plan = plan, options = { { "a-b", kind = "flag" }, { "a_b", kind = "flag" } } },
      "script: option 'a_b' is declared twice" },
    { { summary = "x", plan = plan, options = { { "seed", kind = "integer" } } },
      "script: option 'seed' is a common one: every script has it, none redefines it" },
    { { summary = "x", plan = plan, options = { { "out", short = "o", kind = "path" } } }, "option 'o' is a common" },
    { { summary = "x", run = plan, options = { { "help", kind = "flag" } } }, "option 'help' is a common one" },
    { { summary = "x", plan = plan, options = { { "t", kind = "number", stands_for = "time" } } },
      "stands for 'time', which is not a common option" },
  }
  for _, case in ipairs(refusals) do
    it("refuses: " .. case[2], function()
      local message = refusal(mt.script, case[1])
      assert.is_truthy(message:find(case[2], 1, true), message)
    end)
  end

  it("names the author's line", function()
    local chunk = load('\nlocal mt = ...\nreturn mt.script{ summary = 3, plan = print }', "@my.lua")
    assert.equal("my.lua:3: script: summary must be a string, not 3", refusal(chunk, mt))
  end)

  it("lets a command have options of any name but help", function()
    assert.is_true(script.is(mt.script { summary = "x", run = print, options = { { "seed", kind = "integer" } } }))
  end)
end)

describe("loading", function()
  local folder
  setup(function() folder = command.folder() end)
  local function load_text(name, text)
    return scripts.load(assert(scripts.find(command.write(folder, name, text))))
  end

  it("takes a bare workload for a whole script", function()
    local made = load_text("bare.lua", "#!/usr/bin/env moontide\nreturn test_workload(7)")
    assert.equal("bare", made.name)
    assert.equal(7, plans.make(made, {}).value)
  end)

  it("says the file when something else is returned", function()
    for text, what in pairs { ["return"] = "nothing", ["return 3"] = "3", ["return {}"] = "a table",
      ["return 'x'"] = "'x'", ["return io.stdout"] = "a FILE*" } do
      assert.equal(("%s/other.lua: returned %s: a script ends in return mt.script{...} or return mt.workload{...}")
        :format(folder, what), scripts.whole_names(refusal(load_text, "other.lua", text)))
    end
  end)

  it("names the line of a mistake, however long the path", function()
    local long = ("a"):rep(80) .. "/"
    assert.equal(folder .. "/" .. long .. "wrong.lua:2: unexpected symbol near '='",
      scripts.whole_names(refusal(load_text, long .. "wrong.lua", "\nx = = 1")))
    assert.equal(folder .. "/" .. long .. "raises.lua:1: boom",
      scripts.whole_names(refusal(load_text, long .. "raises.lua", "error 'boom'")))
  end)

  it("keeps a script's globals to itself", function()
    load_text("globals.lua", "leaked = 1 return test_workload(leaked)")
    assert.is_nil(rawget(_G, "leaked"))
  end)

  it("finds modules beside the script, each folder its own", function()
    command.write(folder, "one/util.lua", "count = (count or 0) + 1 return { name = 'one', count = count }")
    command.write(folder, "two/util.lua", "return { name = 'two' }")
    command.write(folder, "one/sub/init.lua", "return require 'util'.name .. ' from sub'")
    local text = "local u = require 'util' assert(u == require 'util') return test_workload(u.name)"
    assert.equal("one", plans.make(load_text("one/a.lua", text), {}).value)
    assert.equal("two", plans.make(load_text("two/b.lua", text), {}).value)
    assert.equal("one from sub",
      plans.make(load_text("one/c.lua", "return test_workload(require 'sub')"), {}).value)
    assert.is_nil(package.loaded.util)
    assert.matches("module 'nowhere' not found", refusal(load_text, "one/d.lua", "require 'nowhere'"))
  end)

  it("is not fooled by a moontide.lua beside the script", function()
    command.write(folder, "three/moontide.lua", "error 'shadowed'")
    local made = load_text("three/a.lua", "local mt = require 'moontide' return mt.script{summary='x', run=print}")
    assert.is_true(script.is(made))
  end)

  it("says when a module requires itself", function()
    command.write(folder, "loop/m.lua", "return require 'm'")
    assert.equal(folder .. "/loop/m.lua: module 'm' requires itself",
      refusal(load_text, "loop/a.lua", "require 'm'"))
  end)
end)

describe("mt.plan_of", function()
  local folder
  setup(function()
    folder = command.folder()
    command.write(folder, "burst.lua", [[
      local mt = require "moontide"
      return mt.script{ summary = "x", options = { { "peak-rate", kind = "number", default = 10, above = 0 } },
        check = function(opt) if opt.peak_rate == 13 then return "13 is unlucky" end end,
        plan = function(opt) return test_workload(opt) end }]])
    command.write(folder, "command.lua", [[
      return require "moontide".script{ summary = "x", run = function() end }]])
    command.write(folder, "nothing.lua", [[
      return require "moontide".script{ summary = "x", plan = function() end }]])
  end)

  it("gives another script's plan with its options", function()
    local opt = mt.plan_of(folder .. "/burst.lua", { peak_rate = 80 }).value
    assert.equal(80, opt.peak_rate)
    assert.equal(1, opt.rate_scale)
    assert.is_nil(opt.duration)
    assert.equal("burst", mt.plan_of(folder .. "/burst.lua").script)
  end)

  it("runs beside the script that asks", function()
    local path = command.write(folder, "both.lua", [[
      local mt = require "moontide"
      return mt.script{ summary = "x", plan = function()
        return test_workload{ mt.plan_of("burst.lua").value, mt.plan_of("./burst.lua").value } end }]])
    assert.equal(2, #plans.make(scripts.load(assert(scripts.find(path))), {}).value)
  end)

  it("gives the run's seed to the other script", function()
    plans.seed(42)
    assert.equal(42, mt.plan_of(folder .. "/burst.lua").value.seed)
    plans.seed(0)
  end)

  local function asked(text)
    return refusal(assert(load("local mt, folder = ...\n" .. text, "@asks.lua")), mt, folder)
  end

  it("names the caller's line, the option and what is allowed", function()
    assert.equal("asks.lua:2: burst: unknown option 'peek_rate' (did you mean 'peak_rate'?)",
      asked "return mt.plan_of(folder .. '/burst.lua', { peek_rate = 3 })")
    assert.equal("asks.lua:2: burst: peak_rate must be above 0, not -1",
      asked "return mt.plan_of(folder .. '/burst.lua', { peak_rate = -1 })")
    assert.equal("asks.lua:2: burst: 13 is unlucky",
      asked "return mt.plan_of(folder .. '/burst.lua', { peak_rate = 13 })")
    assert.equal("asks.lua:2: plan_of: command is a command, it has no plan",
      asked "return mt.plan_of(folder .. '/command.lua')")
    assert.equal("asks.lua:2: plan_of: unknown script 'nosuch'", asked "return mt.plan_of('nosuch')")
    assert.equal("asks.lua:2: plan_of: nosuch.lua: No such file or directory", asked "mt.plan_of('nosuch.lua')")
    assert.equal("asks.lua:2: plan_of: the script must be a name, not a table", asked "mt.plan_of({})")
    assert.matches("nothing.lua: plan returned nothing, it must return mt.workload",
      scripts.whole_names(asked "mt.plan_of(folder .. '/nothing.lua')"))
  end)

  it("refuses to run in circles", function()
    local other = [[
      local mt = require "moontide"
      return mt.script{ summary = "x", plan = function() return mt.plan_of("./%s.lua") end }]]
    command.write(folder, "circle/ping.lua", other:format "pong")
    command.write(folder, "circle/pong.lua", other:format "../circle/./ping")
    assert.matches("pong.lua:2: plan_of: ping asks for its own plan %(ping %-> pong %-> ping%)",
      scripts.whole_names(refusal(mt.plan_of, folder .. "/circle/ping.lua")))
    assert.equal(10, mt.plan_of(folder .. "/burst.lua").value.peak_rate)
  end)
end)
