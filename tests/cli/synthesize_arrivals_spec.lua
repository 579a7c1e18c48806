-- moontide synthesize --arrivals SCRIPT: prompts learnt from a trace, at the times of a script's plan.
local command = require "tests.support.command"
local mt = require "moontide"
local records = require "tests.support.records"
local sources = require "tests.support.sources"

local folder
setup(function()
  folder = command.folder()
  sources.repeated_documents(folder .. "/t.jsonl", 600)
  command.write(folder, "evening.lua", [[
    -- An evening with a peak.
    local mt = require "moontide"
    return mt.script { summary = "An evening", options = { { "peak", kind = "number", default = 20 } },
      plan = function(opt)
        return mt.workload {
          mt.stream { name = "chat", arrivals = mt.poisson(mt.ramp(1, opt.peak, "50s")), input = 5 },
          mt.stream { name = "clock", arrivals = mt.even(2), input = 5 },
        }
      end }
  ]])
  command.write(folder, "wide.lua", [[
    local mt = require "moontide"
    return mt.plan_of("evening.lua", { peak = 40 })
  ]])
end)
teardown(command.remove_folders)

local function run(line, opts)
  opts = opts or {}
  opts.folder = folder
  return command.shell('exec "$MOONTIDE" ' .. line, opts)
end

local function works(line)
  local result = run(line)
  assert.equal(0, result.status, result.err)
  return result
end

local function times_of(list)
  local times = {}
  for i, record in ipairs(list) do times[i] = record.timestamp end
  return times
end

-- What a list's requests are, without their times.
local function contents(list, count)
  local all = {}
  for i = 1, count or #list do all[i] = { list[i].isl, list[i].osl, list[i].ids } end
  return all
end

local function list_of(line) return records.read(works(line .. " -o -").out) end

it("the plan's times, the trace's prompts, to the plan's end", function()
  local result = works "synthesize t.jsonl --arrivals evening.lua --seed 3 -o new.jsonl"
  local text = command.read(folder .. "/new.jsonl")
  local list = records.read(text)
  local plan = list_of "evening.lua --seed 3 --timestamp-digits 0"
  assert.same(times_of(plan), times_of(list))
  assert.is_nil(records.fault(list, 512))
  assert.is_true(#list > 500 and list[#list].timestamp < 50000)
  assert.is_truthy(result.err:find(("new.jsonl: %d requests over %.9g s (seed 3)"):format(
    #list, list[#list].timestamp / 1000), 1, true), result.err)
  assert.is_truthy(result.out:find "Context Length")
  assert.is_truthy(text:find('"context_len": ', 1, true))
  local plain = list_of(("synthesize t.jsonl --arrivals iid --seed 3 --num-requests %d"):format(#list))
  assert.same(contents(plain), contents(list))
end)

it("of all its streams, whatever the script is", function()
  assert.same(times_of(list_of "wide.lua --timestamp-digits 0"), times_of(list_of "synthesize t.jsonl --arrivals wide.lua"))
  assert.same(times_of(list_of "burst --duration 30s --timestamp-digits 0"),
    times_of(list_of "synthesize t.jsonl --arrivals burst --duration 30s"))
  assert.same(times_of(list_of "evening.lua --timestamp-digits 3 --duration 20s"),
    times_of(list_of "synthesize t.jsonl --arrivals ./evening.lua --timestamp-digits 3 --duration 20s"))
end)

it("follows or resamples the source's sessions, and names them when asked", function()
  local default = works "synthesize t.jsonl --num-requests 1x -o - --seed 4".out
  assert.equal(default, works("synthesize t.jsonl --num-requests 1x -o - --seed 4 --arrivals source").out)
  local plain = works "synthesize t.jsonl --num-requests 1x -o - --seed 4 --arrivals follow".out
  assert.equal(plain, default)
  local resampled = works("synthesize t.jsonl --num-requests 1x -o - --seed 4 --arrivals resample").out
  assert.is_false(plain == resampled)
  local named = works("synthesize t.jsonl --num-requests 1x -o - --seed 4 --with-sessions").out
  assert.equal(plain, (named:gsub(', "session_id": %d+', ""):gsub(', "delay": %d+', "")))
  assert.equal(select(2, plain:gsub("\n", "")), select(2, named:gsub('"session_id": %d+', "")))
  -- A delay is what is left of the gap since the session's last request, its answer having taken 0.2 s and 20 ms
  -- a token (to a millisecond, for times are rounded too); a first request has none.
  local last, delays = {}, 0
  command.write(folder, "named.jsonl", named)
  for r in mt.trace.open(folder .. "/named.jsonl") do
    local before = last[r.session_id]
    assert.equal(before == nil, r.delay == nil)
    if before then
      delays = delays + 1
      local left = r.timestamp - before.timestamp - 200 - 20 * before.output_length
      assert.is_true(math.abs(math.max(0, left) - r.delay) <= 1, ("%g, not %g"):format(r.delay, left))
    end
    last[r.session_id] = r
  end
  assert.is_true(delays > 0)
  local result = run "synthesize t.jsonl --with-sessions --arrivals iid -o s.jsonl"
  assert.is_truthy(result.err:find("with_sessions needs the reuse method", 1, true), result.err)
  assert.is_false(result.status == 0)
end)

it("goes with the radix method, a model without gaps, and a speed", function()
  local times = times_of(list_of "evening.lua --timestamp-digits 6")
  local radix = list_of "synthesize t.jsonl --method radix --arrivals evening.lua --timestamp-digits 6"
  assert.same(times, times_of(radix))
  assert.is_nil(records.fault(radix, 512))
  works "learn t.jsonl --no-gaps -o t.model"
  local result = works "synthesize t.model --arrivals evening.lua -o m.jsonl"
  assert.equal(1, select(2, result.err:gsub("\n", "")), result.err) -- nothing of iid
  assert.same(times_of(list_of "evening.lua --timestamp-digits 0"), times_of(list_of "cat m.jsonl"))
  for i, time in ipairs(times_of(list_of
    "synthesize t.jsonl --speedup-ratio 4 --arrivals evening.lua --timestamp-digits 6")) do
    assert.is_true(math.abs(time - times[i] / 4) < 2e-6)
  end
end)

it("a number of requests ends it sooner, never later", function()
  local whole = list_of "synthesize t.jsonl --arrivals evening.lua"
  local list = list_of "synthesize t.jsonl --arrivals evening.lua --num-requests 100"
  assert.equal(100, #list)
  assert.same(contents(whole, 100), contents(list))
  assert.equal(60, #list_of "synthesize t.jsonl --arrivals evening.lua --num-requests 0.1x")
  local result = works(("synthesize t.jsonl --arrivals evening.lua --num-requests %d -o new.jsonl"):format(#whole + 7))
  assert.is_truthy(result.err:find("the plan ended 7 requests before the number asked for\n", 1, true), result.err)
  assert.equal(#whole, #records.read(command.read(folder .. "/new.jsonl")))
end)

it("says what a plan says of its duration", function()
  local result = works "synthesize t.jsonl --arrivals evening.lua --duration 80s -o new.jsonl"
  assert.is_truthy(result.err:find(
    "stream 'chat': its curve lasts 50 s, the workload 80 s: it ends early\n", 1, true), result.err)
end)

it("the same seed, the same bytes; another, others", function()
  local one = works("synthesize t.jsonl --arrivals evening.lua --seed 5 -o -").out
  assert.equal(one, works("synthesize t.jsonl --arrivals evening.lua --seed 5 -o -").out)
  assert.are_not.equal(one, works("synthesize t.jsonl --arrivals evening.lua --seed 6 -o -").out)
end)

it("from Lua: a workload, or a script by its name", function()
  local plan = mt.workload { duration = 20, mt.stream { arrivals = mt.even(5), input = 9 } }
  local s = assert(mt.synthesizer(folder .. "/t.jsonl", { arrivals = plan }))
  assert.equal("plan", s.arrivals)
  local columns, times = s:columns(), {}
  for i = 1, 100 do times[i] = 200 * (i - 1) end
  assert.same(times, columns:column("timestamp"):values())
  local count = 0
  for request in s:requests { num_requests = 150 } do
    assert.equal(times[count + 1], request.timestamp)
    count = count + 1
  end
  assert.equal(100, count)
  assert.equal(30, #s:columns { num_requests = 30 })
  s = assert(mt.synthesizer(folder .. "/t.jsonl", { arrivals = folder .. "/evening.lua", duration = "10s" }))
  assert.equal(#mt.plan_of(folder .. "/evening.lua"):columns { duration = 10 }, #s:columns())
end)

it("a plan's own functions give the times too, and their errors are told", function()
  command.write(folder, "own.lua", [[
    local mt = require "moontide"
    return mt.workload { duration = "10s", mt.stream { input = 5, arrivals = mt.arrivals(function()
      return function(now)
        if now > 5 then error "no more" end
        return 0.5
      end
    end) } }
  ]])
  assert.equal(9, #list_of "synthesize t.jsonl --arrivals own.lua --num-requests 9")
  local result = run "synthesize t.jsonl --arrivals own.lua -o out.jsonl"
  assert.equal(1, result.status)
  assert.is_truthy(result.err:find("own.lua:4: no more", 1, true), result.err)
end)

describe("it is refused:", function()
  local cases = {
    { "a script that is not there", "nowhere.lua", 1, "--arrivals: nowhere.lua: No such file or directory" },
    { "a command", "analyze", 2, "--arrivals: analyze is a command, it has no plan with times" },
    { "a name of nothing", "sorce", 2,
      "synthesize: --arrivals must be source, follow, resample, iid, or a script with a plan, as evening.lua, not 'sorce'" },
    { "a duration without a script", "source --duration 5s", 2, "synthesize: --duration is for --arrivals SCRIPT" },
    { "a script that returns something else", "three.lua", 1,
      "three.lua: returned 3: a script ends in return mt.script{...} or return mt.workload{...}", "return 3" },
    { "a script that does not compile", "broken.lua", 1, "broken.lua:1: unexpected symbol near <eof>", "return" .. " (" },
    { "a plan of nothing", "still.lua", 1, "still.lua:2: no rate is above 0 anywhere: there would be no requests",
      'local mt = require "moontide"\nreturn mt.workload { mt.stream { arrivals = mt.poisson(0), input = 5 } }' },
    { "a plan of too many", "many.lua", 2,
      "about 1e+10 requests would be made: for more than 10^9 their number must be given",
      'local mt = require "moontide"\nreturn mt.workload { duration = "10000s", '
        .. 'mt.stream { arrivals = mt.poisson(1e6), input = 5 } }' },
    { "users who wait for answers", "closed.lua", 1, nil,
      'local mt = require "moontide"\nreturn mt.workload { '
        .. 'mt.stream { arrivals = mt.closed { users = 5, think = "5s" }, input = 5, output = 5 } }' },
    { "a rate that is no number", "nan.lua", 1, nil,
      'local mt = require "moontide"\nreturn mt.workload { duration = 10, mt.stream { input = 5, '
        .. 'arrivals = mt.poisson(mt.curve(function(t) return t < 5 and 1 or 0/0 end)) } }' },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      if case[5] then command.write(folder, case[2], case[5]) end
      local result = run("synthesize t.jsonl -o out.jsonl --arrivals " .. case[2])
      assert.equal(case[3], result.status, result.err)
      if case[4] then
        assert.equal("moontide: " .. case[4] .. "\n", result.err)
      else
        assert.is_truthy(result.err:find("^moontide: " .. case[2]:gsub("%.", "%%.") .. ":2: .+\n$"), result.err)
      end
      assert.equal("", result.out)
      assert.equal("", command.shell("ls -A | grep out.jsonl", { folder = folder }).out)
    end)
  end
end)
