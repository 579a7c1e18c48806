-- Phases of a run and the scenarios that are made of them, against mocks in which the effect is large: a
-- machine that is busy does not hide it, and makes none.
local command = require "tests.support.command"
local mock = require "tests.support.mock"
local json = require("moontide.base.json").public.json

-- A folder with examples/ in it.
local function new_folder()
  local folder = command.folder()
  os.execute(("ln -s \"$PWD/examples\" '%s/examples'"):format(folder))
  return folder
end

-- `moontide replay TARGET ...` at the mock, with these words.
local function replay_line(server, words)
  return ('exec "$MOONTIDE" replay --url http://127.0.0.1:%d --model m --warmup 0 --accept-invalid %s'):format(
    server.port, words)
end

local function replay(folder, server, words)
  return command.shell(replay_line(server, words), { folder = folder })
end

local function run_of(folder) return json.decode(command.read(folder .. "/out/run.json")) end

-- Rows every 20 ms, with these further members by number.
local function write_trace(folder, count, members)
  local lines = {}
  for i = 1, count do
    lines[i] = ('{"timestamp": %d, "input_length": 20, "output_length": 4%s}'):format((i - 1) * 20,
      members and members(i) or "")
  end
  command.write(folder, "trace.jsonl", table.concat(lines, "\n") .. "\n")
end

local function counts_of(phases)
  local list = {}
  for i, one in ipairs(phases) do list[i] = one.counts.due end
  return list
end

describe("phases of a run", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("are told apart in the report, in run.json, and by a judge", function()
    local folder, server = new_folder(), mock.start { "--ttft", "5", "--itl", "20" }
    write_trace(folder, 60)
    local result = replay(folder, server, "trace.jsonl --phases before=200ms,storm=0.4s,after --output-dir out")
    assert.equal(0, result.status, result.err)
    local run = run_of(folder)
    assert.same({ 10, 20, 30 }, counts_of(run.phases))
    assert.same({ "before", 0, 0.2 }, { run.phases[1].name, run.phases[1].from, run.phases[1].to })
    assert.equal(json.null, run.phases[3].to)
    assert.equal(20, run.phases[2].metrics.time_to_first_token.count)
    assert.is_true(run.phases[2].longest_gap_ms > 0)
    assert.is_boolean(run.phases[2].is_recovered)
    for _, place in ipairs { 1, 3 } do assert.equal(json.null, run.phases[place].is_recovered) end
    local lines = result.out:match "\nBy phase %(times in ms%)\n(.-)\n\n"
    assert.truthy(lines:find("^phase  "), lines)
    assert.truthy(lines:find "\nbefore +0 s to 0.2 s +10 +10 +0 +0 .*\nstorm +0.2 s to 0.6 s +20 .*\nafter +from 0.6 s +30 ")
    local function judge(words)
      return command.shell('exec "$MOONTIDE" judge out --accept-invalid ' .. words, { folder = folder })
    end
    assert.equal(result.out, judge("").out)
    assert.same(run, json.decode(judge("--json").out))
    local other = json.decode(judge("--json --phases a=100ms,b=1s").out)
    assert.same({ 5, 50 }, counts_of(other.phases)) -- the last five are of none
    local gated = judge "--fail-over ttft.p99@storm=0,error_rate@after=0,longest_gap@after=0,ttft@x=1"
    assert.equal(1, gated.status)
    assert.truthy(gated.err:find "%-%-fail%-over: ttft.p99@storm is [%d.]+, over 0 ms\n")
    assert.truthy(gated.err:find "%-%-fail%-over: longest_gap@after is [%d.]+, over 0 ms\n")
    assert.truthy(gated.err:find("--fail-over: ttft@x: the run has no phase 'x'\n", 1, true))
    assert.is_nil(gated.err:find "error_rate")
  end)

  it("are those of the whole when shards are merged", function()
    local folder, server = new_folder(), mock.start { "--ttft", "5", "--itl", "1" }
    write_trace(folder, 40)
    for i = 0, 1 do
      local result = replay(folder, server, ("trace.jsonl --phases a=200ms,b=300ms,c --shard %d/2 --output-dir s%d"):format(i, i))
      assert.equal(0, result.status, result.err)
      assert.same({ 5, i == 0 and 8 or 7, i == 0 and 7 or 8 },
        counts_of(json.decode(command.read(folder .. ("/s%d/run.json"):format(i))).phases))
    end
    -- Of each shard from its own start on, though the second began when the first was over.
    command.shell('exec "$MOONTIDE" merge s0 s1 -o out --max-skew 1h', { folder = folder }) -- 1: not together
    local run = run_of(folder)
    assert.same({ 10, 15, 15 }, counts_of(run.phases))
    assert.same({ "a", "b", "c" }, { run.phases[1].name, run.phases[2].name, run.phases[3].name })
  end)

  it("are a plan's, at another speed, or the command line's", function()
    local folder, server = new_folder(), mock.start { "--ttft", "5", "--itl", "1" }
    command.write(folder, "inner.lua", [[
      local mt = require "moontide"
      return mt.workload { duration = 2, phases = { { "one", "1s" }, { "two" } },
        fail_over = { ["ttft.p99@two"] = 0, ["error_rate@one"] = 0 },
        mt.stream { arrivals = mt.even(20), input = 20, output = 4 } }]])
    command.write(folder, "outer.lua", [[
      local mt = require "moontide"
      return mt.workload { mt.plan_of "./inner.lua" }]])
    for _, name in ipairs { "inner.lua", "outer.lua" } do
      local result = replay(folder, server, name .. " --speed-ratio 2 --output-dir out")
      assert.equal(1, result.status) -- by the plan's own bound
      assert.truthy(result.err:find "%-%-fail%-over: ttft.p99@two is [%d.]+, over 0 ms\n", result.err)
      local run = run_of(folder)
      assert.same({ 20, 20 }, counts_of(run.phases))
      assert.equal(0.5, run.phases[1].to)
      -- They are the run's, and no option that was given.
      assert.is_nil(run.options.fail_over)
      table.sort(run.bounds, function(a, b) return a[1] < b[1] end)
      assert.same({ { "error_rate@one", 0 }, { "ttft.p99@two", 0 } }, run.bounds)
    end
    -- A run that is over is held to its own bounds, too: but for those that are given, or whose phase is gone.
    local function judged(words)
      return command.shell('exec "$MOONTIDE" judge out --accept-invalid ' .. words, { folder = folder })
    end
    local again = judged ""
    assert.equal(1, again.status)
    assert.truthy(again.err:find "%-%-fail%-over: ttft.p99@two is [%d.]+, over 0 ms\n", again.err)
    assert.is_nil(again.err:find "error_rate")
    assert.equal(0, judged("--fail-over ttft.p99@two=60000").status)
    assert.equal(1, judged("--phases two=1s,three").status)
    again = judged "--phases three=1s,four"
    assert.equal(0, again.status, again.err)
    command.write(folder, "past.lua", [[
      local mt = require "moontide"
      return mt.script { summary = "its bounds", run = function()
        local run = mt.run_of "out"
        local function texts(one)
          local list = {}
          for i, bound in ipairs(one.bounds or {}) do list[i] = ("%s<=%g"):format(bound[1], bound[2]) end
          table.sort(list)
          return table.concat(list, " ")
        end
        print(texts(run))
        print(texts(run:judge { phases = "two=1s,three" }))
        return true
      end }]])
    assert.equal("error_rate@one<=0 ttft.p99@two<=0\nttft.p99@two<=0\n",
      command.shell('exec "$MOONTIDE" past.lua', { folder = folder }).out)
    local result = replay(folder, server, "inner.lua --fail-over ttft.p99@two=60000 --output-dir out")
    assert.equal(0, result.status, result.err)
    local run = run_of(folder)
    assert.same({ 20, 20 }, counts_of(run.phases))
    assert.same({ { "ttft.p99@two", 60000 } }, run.options.fail_over)
    assert.same({ { "ttft.p99@two", 60000 }, { "error_rate@one", 0 } }, run.bounds)
    result = replay(folder, server, "inner.lua --phases two=1500ms,one=1s --fail-over ttft.p99@two=60000 --output-dir out")
    assert.equal(0, result.status, result.err)
    assert.same({ 30, 10 }, counts_of(run_of(folder).phases))
  end)

  it("refuse what they cannot be, before anything is sent", function()
    local folder, server = new_folder(), mock.start { "--ttft", "5" }
    write_trace(folder, 3)
    local kind = " must be a phase's name and how long it lasts (storm=30s; the last one may have no time), not "
    for words, message in pairs {
      ["--phases a=1s,b,c=2s"] = "--phases: b needs a time: only the last phase may have none",
      ["--phases a=1s,a"] = "--phases: two phases are named 'a'",
      ["--phases 3=1s"] = "--phases" .. kind .. "'3=1s'",
      ["--phases a=0"] = "--phases: a must last longer than 0 s, not '0'",
      ["--phases a=1s,b --fail-over ttft@bb=3"] = "--fail-over: ttft@bb: there is no phase 'bb' (did you mean 'b'?) (a, b)",
      ["--fail-over recovery@a=3"] = "--fail-over: recovery@a: the run has no phases (--phases)",
      ["--fail-over recovery=3"] = "--fail-over: recovery is of a phase: recovery@PHASE",
      ["--fail-over ttft@=3"] = "--fail-over: 'ttft@' names no phase: MEASURE@PHASE (ttft.p99@storm)",
    } do
      local result = replay(folder, server, "trace.jsonl " .. words)
      assert.equal(2, result.status, words)
      assert.equal("", result.out)
      assert.truthy(result.err:find(message, 1, true), result.err)
    end
    local result = command.shell(('exec "$MOONTIDE" find-max trace.jsonl --url http://127.0.0.1:%d --model m '
      .. "--slo ttft@a=3"):format(server.port), { folder = folder })
    assert.equal(2, result.status)
    assert.truthy(result.err:find("--slo: ttft@a: a probe is not told by phase", 1, true), result.err)
    assert.truthy(server.finish("INT").err:find "\nmoontide: 0 requests")
  end)

  it("are refused in a plan with its line", function()
    local folder = new_folder()
    local stream = 'mt.stream { name = "NAME", arrivals = mt.even(20), input = 20 }'
    for text, message in pairs {
      ['phases = { { "a", "1s" }, { "b", "1s" }, { "a" } }'] = "workload: phases: two phases are named 'a'",
      ['phases = { "a", "1s" }'] = "workload: phases must be a phase's name",
      ['phases = { { "a", -1 } }'] = "workload: phases: a must last longer than 0 s, not -1",
      ["fail_over = 3"] = "workload: fail_over must be a table of measures and the most they may be, not 3",
      ['fail_over = { ["ttft@b"] = 3 }, phases = { { "a" } }'] = "--fail-over: ttft@b: there is no phase 'b'",
      ["fail_over = { tttf = 3 }"] = "w.lua:2: workload: fail_over: there is no measure 'tttf' (did you mean 'ttft'?)",
      ['mt.workload { name = "x", phases = { { "a" } }, ' .. stream:gsub("NAME", "1") .. ' }, mt.workload { '
        .. 'name = "y", fail_over = { ttft = 1 }, ' .. stream:gsub("NAME", "2") .. " }"]
        = "workload: both 'x' and 'y' have phases or fail_over: say here what holds",
    } do
      command.write(folder, "w.lua", ('local mt = require "moontide"\nreturn mt.workload { %s, %s }'):format(text,
        (stream:gsub("NAME", "own"))))
      local result = command.shell('exec "$MOONTIDE" replay w.lua --url http://127.0.0.1:1 --model m', { folder = folder })
      assert.is_true(result.status == 1 or result.status == 2, text)
      assert.truthy(result.err:find(message, 1, true), result.err)
    end
  end)
end)

describe("a sweep of a plan with bounds", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("holds each level against them, also those that are kept", function()
    local folder, server = new_folder(), mock.start { "--ttft", "5", "--itl", "1" }
    command.write(folder, "plan.lua", [[
      local mt = require "moontide"
      return mt.workload { duration = 1, phases = { { "one", "500ms" }, { "two" } },
        fail_over = { ["ttft.p99@two"] = 0 }, mt.stream { arrivals = mt.even(20), input = 20, output = 4 } }]])
    for _, resume in ipairs { "", "--resume" } do
      local result = command.shell(('exec "$MOONTIDE" sweep plan.lua --benchmark-name s --url http://127.0.0.1:%d '
        .. "--model m --rate-scales 1 --settle 0 --warmup 0 --output-dir out --accept-invalid %s"):format(server.port,
        resume), { folder = folder })
      assert.equal(1, result.status, result.err)
      assert.truthy(result.err:find "%-%-fail%-over: ttft.p99@two is [%d.]+, over 0 ms\n", result.err)
      assert.equal(resume ~= "", result.err:find("(kept)", 1, true) ~= nil, result.err)
    end
  end)
end)

describe("a row's cancel_after", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("goes before --cancel-after", function()
    local folder, server = new_folder(), mock.start { "--ttft", "1500" }
    write_trace(folder, 40, function(i)
      return ({ ', "cancel_after": 100.5', ', "cancel_after": null', ', "cancel_after": 60000', "" })[i % 4 + 1]
    end)
    for words, cancelled in pairs { [""] = 10, ["--cancel-after 200ms"] = 20 } do
      local result = replay(folder, server, "trace.jsonl --json " .. words)
      assert.equal(0, result.status, result.err)
      assert.equal(cancelled, json.decode(result.out).counts.cancelled)
      assert.equal(40 - cancelled, json.decode(result.out).counts.done)
    end
  end)

  it("is a number of milliseconds", function()
    local folder, server = new_folder(), mock.start { "--ttft", "5" }
    for _, value in ipairs { '"2s"', "-1", "true", "[1]" } do
      write_trace(folder, 3, function(i) return i == 2 and ', "cancel_after": ' .. value or "" end)
      local result = replay(folder, server, "trace.jsonl")
      assert.equal(1, result.status)
      assert.truthy(result.err:find("moontide: trace.jsonl:2: cancel_after must be a number of milliseconds or null, not "
        .. value, 1, true), result.err)
    end
  end)
end)

-- Each against a server that has room for all of it, and against one that has not; all of them at once.
-- The first takes 1.8 s, beside which what a busy machine adds is little: TTFT is back at 1.1 times what it was.
describe("the scenario", function()
  local wide = { "--ttft", "1800", "--itl", "1" }
  local bounds = "--fail-over ttft.p50@during=10000,ttft.p90@during=10000,longest_gap@during=10000,"
    .. "recovery@during=10000 "
  local narrow = {
    collision = { "--ttft", "10", "--itl", "1", "--slots", "30", "--load-factor", "30", "--prefill-per-token", "0.01" },
    late_short = { "--ttft", "10", "--itl", "4", "--slots", "4" },
    burst_recovery = { "--ttft", "10", "--itl", "2", "--slots", "8" },
  }
  local arguments = {
    collision = "--span 2s --chat 10 --long 8 --isl 16000", late_short = "--span 2s --osl 200",
    burst_recovery = "--span 2s --burst 1s --rate 20 --times 8",
  }

  -- What waits for a run, with .folder.
  local function begin(words, line)
    local folder, server = new_folder(), mock.start(words)
    return { folder = folder, finish = command.start(replay_line(server, line), { folder = folder }) }
  end

  local runs = { wide = {}, narrow = {} }
  setup(function()
    for name, words in pairs(arguments) do
      local line = "examples/" .. name .. ".lua --output-dir out %s-- " .. words
      runs.wide[name] = begin(wide, line:format(bounds))
      runs.narrow[name] = begin(narrow[name], line:format "")
    end
    local patient = { "--ttft", "5000", "--itl", "20" }
    runs.storm = begin(patient, "examples/abort_storm.lua --by stream --output-dir out --fail-over "
      .. "ttft.p90@during=10000,recovery@during=10000 -- --span 2s --rate 20 --patience 5100ms")
    runs.gated_storm = begin(patient, "examples/abort_storm.lua --fail-over ttft.p90@during=0 -- --span 1s --rate 20")
  end)

  teardown(function()
    mock.stop_all()
    command.remove_folders()
  end)

  -- What either exits with, its phases, and of the narrow one its gates; gives the narrow one.
  local function both(name, gates)
    for _, kind in ipairs { "wide", "narrow" } do
      local one = runs[kind][name]
      local result = one.finish()
      assert.equal(kind == "narrow" and 1 or 0, result.status, result.err)
      for _, gate in ipairs(kind == "narrow" and gates or {}) do
        assert.truthy(result.err:find("--fail-over: " .. gate, 1, true), result.err)
      end
      for i, phase in ipairs { "before", "during", "after" } do
        assert.equal(phase, run_of(one.folder).phases[i].name)
        assert.truthy(result.out:find("\n" .. phase .. " ", 1, true))
      end
    end
    return run_of(runs.narrow[name].folder)
  end

  local function p50(phase) return phase.metrics.time_to_first_token.p50 end

  it("collision: long prompts stop the streams that run", function()
    local run = both("collision", { "recovery@during" })
    assert.is_true(run.phases[2].longest_gap_ms > 5 * 1)
  end)

  it("late_short: short requests wait behind long ones", function()
    local run = both("late_short", { "ttft.p50@during" })
    assert.is_true(p50(run.phases[2]) > 5 * p50(run.phases[1]))
  end)

  it("burst_recovery: TTFT is not back at once", function()
    local run = both("burst_recovery", { "recovery@during" })
    assert.is_false(run.phases[2].is_recovered)
  end)

  it("abort_storm: those leave who were to leave, in the middle", function()
    local result = runs.storm.finish()
    assert.equal(0, result.status, result.err)
    local run = run_of(runs.storm.folder)
    local cancelled = {}
    for i, phase in ipairs(run.phases) do cancelled[i] = phase.counts.cancelled end
    local leave
    for _, group in ipairs(run.groups) do
      if group.value == "leave" then leave = group.counts else assert.equal(0, group.counts.cancelled) end
    end
    assert.is_true(leave.due > 10)
    assert.same({ 0, leave.due, 0 }, cancelled)
    result = runs.gated_storm.finish()
    assert.equal(1, result.status)
    assert.truthy(result.err:find "%-%-fail%-over: ttft.p90@during is [%d.]+, over 0 ms\n", result.err)
  end)
end)
