-- What is wrong with a script's plan, told by the real binary with the script's line, and the exit status.
local command = require "tests.support.command"

local folder

setup(function() folder = command.folder() end)
teardown(command.remove_folders)

local count = 0

-- Writes a script (line 1 is the require) and runs it with the words of `line`.
local function run(text, line)
  count = count + 1
  local name = ("s%d.lua"):format(count)
  command.write(folder, name, 'local mt = require "moontide"\n' .. text .. "\n")
  local result = command.line(name .. " " .. (line or ""), { folder = folder })
  result.name = name
  return result
end

local exists = command.exists

-- A plan of one stream; what is given comes into its table.
local function stream(inside)
  return ("return mt.workload { mt.stream { %s } }"):format(inside)
end

local poisson = "arrivals = mt.poisson(3), "
local closed = "stream 'main': closed: a closed loop sends when an answer has come: it has no times of its own "
  .. "and is for driving an endpoint"
local a_time = "a time in seconds, or with units (90s, 250ms, 1h30m, 2d; m is minutes), not "
local a_rate = "a rate per second (20, 1.5k), or with a unit (60/m, 200/h), not "
local must_give = "; it must return the gap in seconds, 0 or more, or nil at the end"

-- { what, script, line, message, words of the command line }; the status is 1.
local cases = {
  { "an unknown option", "local c = 5 + mt.spike { at = 60, hieght = 3 }", 2,
    "spike: unknown option 'hieght' (did you mean 'height'?)" },
  { "a stream that is nil before another", "local night\nreturn mt.workload { night, mt.stream { " .. poisson
    .. "input = 5 } }", 3, "workload: item 1 of the list is nil, and item 2 is not: is a name misspelt, or not yet set?" },
  { "a nil between the pieces of a curve", stream "arrivals = mt.poisson(mt.steps { {5, 10}, nil, {20, 10} }), input = 5", 2,
    "steps: item 2 of the list is nil, and item 3 is not: is a name misspelt, or not yet set?" },
  { "a list that begins at 0", stream(poisson .. "input = mt.empirical { [0] = 7, 8 }"), 2, "empirical: a list begins at 1" },
  { "an unknown option, in the last statement", "return mt.workload { duraton = 3, " .. stream(poisson .. "input = 5"):sub(22), 2,
    "workload: unknown option 'duraton' (did you mean 'duration'?)" },
  { "an unknown option, deep in the last statement", "return mt.workload {\n  mt.stream {\n    arrivals = mt.poisson(mt.spike {\n"
    .. "      at = 60, hieght = 3 }), input = 5 } }", 4, "spike: unknown option 'hieght' (did you mean 'height'?)" },
  { "a method of a curve", "local c = mt.const(3)\nlocal function cut()\n  return c:take('3x')\nend\nreturn cut()", 4,
    "take: the duration must be " .. a_time .. "'3x'" },
  { "a method of a workload", "local w = mt.workload { mt.stream { arrivals = mt.poisson(3), input = 5 } }\nreturn w:scale(0)", 3,
    "scale: the factor must be above 0, not 0" },
  { "curves of different durations", "local c = mt.ramp(1, 2, 30) + mt.ramp(1, 2, 60)", 2,
    "a + b: the curves last 30 s and 60 s and cannot be combined: :take(30) cuts the long one, :pad(60) adds "
    .. "silence to the short one" },
  { "an endless left side", "local c = mt.const(3) .. mt.ramp(1, 2, 3)", 2,
    "a .. b: the curve on the left never ends, so nothing can follow it: end it with :take(d)" },
  { "a string beside ..", "local c = mt.ramp(1, 2, 3) .. 50 .. 0", 2,
    "a .. b: a string ('500') is not a curve; Lua reads `c .. 50 .. 0` as `c .. \"500\"`: write mt.const(50, d) "
    .. "for a piece of a curve" },
  { "a time as a rate", "local c = mt.const('20s')", 2, "const: the rate must be " .. a_rate .. "'20s'" },
  { "a rate as a time", "local c = mt.const(3, '20/m')", 2, "const: the duration must be " .. a_time .. "'20/m'" },
  { "a unit that is none", "return mt.workload { duration = '5x', mt.stream { arrivals = mt.poisson(3), input = 5 } }", 2,
    "workload: duration must be " .. a_time .. "'5x'" },
  { "a curve nowhere above zero", stream "arrivals = mt.poisson(mt.ramp(0, 0, 9)), input = 5", 2,
    "no rate is above 0 anywhere: there would be no requests" },
  { "a function that returns nil", stream "arrivals = mt.poisson(function(t) end), input = 5", 2,
    "curve: the function must return a number, not nil (at t = 0 s)" },
  { "a function that returns NaN", stream "arrivals = mt.poisson(function(t) return t < 30 and 1 or 0/0 end), input = 5", 2,
    "curve: the function must return a finite number, not NaN (at t = 30 s)" },
  { "a stream's name twice", "local function a()\n  return mt.stream { name = 'a', arrivals = mt.poisson(3), input = 5 }\nend\n"
    .. "return mt.workload { a(), a() }", 5, "workload: two streams are named 'a'" },
  { "both input= and new_input=", stream(poisson .. "input = 5, new_input = 6"), 2,
    "stream: input= is the whole prompt, new_input= what is added to its shared part: give one of them" },
  { "neither", stream(poisson .. "output = 5"), 2,
    "stream: input= (the whole prompt) or new_input= (what is added to its shared part) is required" },
  { "prompts inside the shared prefix", stream(poisson .. "input = 5, prompt = mt.shared_prefix { tokens = 900 }"), 2,
    "more than half of the prompts lie wholly inside their shared prefix: input= is the whole prompt (did you mean "
    .. "new_input=, what comes after the prefix?)" },
  { "a closed loop", stream "arrivals = mt.closed { users = 5 }, input = 5", 2, closed },
  { "a closed loop, checked", stream "arrivals = mt.closed { users = 5 }, input = 5", 2, closed, "--check" },
  { "a closed loop, plotted", stream "arrivals = mt.closed { users = 5 }, input = 5", 2, closed, "--plot" },
  { "a client that is none", "return mt.workload { mt.clients { n = 3, stream = function(i) return i end } }", 2,
    "clients: what stream(1, share) returned must be mt.stream{...}, not 1" },
  { "a client's mistake", "return mt.workload { mt.clients { n = 3, stream = function(i)\n"
    .. "  return mt.stream { arrivals = i, input = 3 } end } }", 3,
    "stream: arrivals must be an arrival process such as mt.poisson(20), not 1" },
  { "a client's error", "return mt.workload { mt.clients { n = 3, stream = function(i)\n  error 'no' end } }", 3, "no" },
  { "arrivals that return nil at first", stream "arrivals = mt.arrivals(function()\n  return function() end end), input = 5", 3,
    "arrivals: the function returned nil for the first request: there is none (at t = 0 s)" .. must_give },
  { "arrivals that return NaN", stream "arrivals = mt.arrivals(function()\n  return function() return 0/0 end end), input = 5", 3,
    "arrivals: the function returned NaN (at t = 0 s)" .. must_give, "--check" },
  { "arrivals that raise", stream("arrivals = mt.arrivals(function()\n  return function()\n    error 'boom'\n"
    .. "  end end), input = 5"), 4, "boom", "--plot" },
  { "a factory that returns nothing", stream "arrivals = mt.arrivals(\n  function() end), input = 5", 3,
    "arrivals: the factory returned nil, it must return a function of the time that returns the gap to the next request" },
  { "a length that yields", stream(poisson .. "input = mt.length(function()\n  coroutine.yield(3) end)"), 3,
    "a function that is called back cannot yield" },
  { "a negative mean", stream(poisson .. "input = 5, output = mt.lognormal { mean = -3, cv = 1 }"), 2, nil },
}

for _, case in ipairs(cases) do
  it(case[1] .. " is refused with its line and 1", function()
    local result = run(case[2], case[5])
    local place = ("moontide: %s:%d: "):format(result.name, case[3])
    if case[4] then
      assert.equal(place .. case[4] .. "\n", (result.err:gsub("^moontide: stream[^\n]+\n", "")))
    else
      assert.equal(place, result.err:sub(1, #place))
    end
    assert.equal(1, result.status)
    assert.equal("", result.out)
    assert.is_false(exists(folder .. "/" .. result.name .. "l"))
  end)
end

it("a factory that C made has no line to be told", function()
  local result = run(stream "requests = coroutine.wrap(function() coroutine.yield {} end)", "--check")
  assert.equal("moontide: requests: the factory returned table, it must return a function that returns the next "
    .. "request, a table\n", result.err)
  assert.equal(1, result.status)
end)

it("prompts that decide their lengths are refused beside input=", function()
  command.write(folder, "t.jsonl", '{"timestamp": 0, "input_length": 9, "hash_ids": [1]}\n')
  for _, name in ipairs { "input", "new_input" } do
    local result = run(stream(poisson .. "prompt = mt.prompts_of 't.jsonl', " .. name .. " = 5"))
    assert.equal(("moontide: %s:2: stream: prompts_of decides the lengths of its prompts: leave out %s= "
      .. "(output= may replace its OSL)\n"):format(result.name, name), result.err)
    assert.equal(1, result.status)
  end
end)

it("a curve that dips below zero counts as 0 there, which is said once", function()
  local result = run(stream "arrivals = mt.poisson(mt.sine { mean = 1, amp = 3, period = 10 }), input = 5", "-o x.jsonl")
  assert.equal(0, result.status)
  local _, times = result.err:gsub("its rate is below 0 from t = 5%.5", "")
  assert.equal(1, times)
  assert.equal(2, select(2, result.err:gsub("\n", "\n")))
  -- Also where the script has looked at what it expects, and of a stream among several.
  local looked = run([[
local function one(name, rate) return mt.stream { name = name, arrivals = mt.poisson(rate), input = 5 } end
local plan = mt.workload { duration = 10, one("a", 1), one("b", mt.ramp(-1, 3, "10s")), one("c", 2) }
assert(plan:expected().streams[2].clamped_at == 0)
return plan]], "--check")
  assert.equal("moontide: stream 'b': its rate is below 0 from t = 0 s on and counts as 0 there\n", looked.err)
  assert.equal(0, looked.status)
end)

it("more than 10^9 requests are refused with 2, unless --yes or a smaller number", function()
  local many = stream "arrivals = mt.poisson('20k'), input = 5"
  local result = run(many, "--duration 1d")
  assert.equal("moontide: about 1.73e+09 requests would be made; --yes makes more than 10^9, --num-requests fewer\n", result.err)
  assert.equal(2, result.status)
  assert.equal(0, run(many, "--duration 1d --num-requests 9 -o x.jsonl").status)
  assert.equal(0, run(many, "--duration 1d --check").status)
  local begun = command.shell([[env --default-signal=INT timeout --foreground -s INT 0.3 "$MOONTIDE" s]] .. count
    .. [[.lua --duration 1d --yes -o /dev/null]], { folder = folder })
  assert.equal("moontide: interrupted\n", begun.err)
end)

it("Ctrl-C stops an arrival function that never returns, with 130", function()
  run(stream "arrivals = mt.arrivals(function() return function() while true do end end end), input = 5", "--help")
  local result = command.shell(([[
    env --default-signal=INT "$MOONTIDE" s%d.lua -o x.jsonl & pid=$!
    until [ "$(awk '{ print $14 }' /proc/$pid/stat)" -gt 9 ]; do
      kill -0 $pid 2>/dev/null || break
      sleep 0.02
    done
    kill -INT $pid
    wait $pid; echo $?]]):format(count), { folder = folder })
  assert.equal("130\n", result.out)
  assert.is_truthy(result.err:find "^moontide: interrupted\n")
end)

it("--check shows sessions and the real levels of an mmpp", function()
  local result = run([[
return mt.workload { duration = 100,
  mt.stream { name = "a", input = 9, arrivals = mt.mmpp(10, { levels = { 1, 3 }, dwell = { 30, 10 } }) },
  mt.stream { name = "b", new_input = 9, output = 1, arrivals = mt.sessions { starts = mt.even(1), turns = 3 } } }]], "--check")
  assert.equal(0, result.status, result.err)
  assert.is_truthy(result.out:find("\n100.0 sessions, 1 per second\n", 1, true))
  assert.is_truthy(result.out:find("\nstream 'a': mmpp(const(10), {x0.6667 for 30 s, x2 for 10 s})\n", 1, true))
  assert.is_truthy(result.out:find("\nstream 'b': sessions{starts=even(const(1)), turns=fixed(3), think=fixed(0)}\n", 1, true))
end)

it("--check says how many levels of a long mmpp it leaves out", function()
  local result = run([[
local levels = {}
for i = 1, 40 do levels[i] = i end
local arrivals = mt.mmpp(10, { levels = levels, dwell = 2 })
return mt.workload { duration = 100, mt.stream { name = "a", input = 9, arrivals = arrivals } }]],
    "--check")
  assert.equal(0, result.status, result.err)
  local list = result.out:match "\nstream 'a': mmpp%(const%(10%), {(.-), and %d+ more levels}%)\n"
  local _, commas = list:gsub(",", "")
  assert.equal(40, commas + 1 + result.out:match "and (%d+) more levels")
end)

it("--rate-scale makes all of recorded times, in less or more time", function()
  local recorded = [[
local recorded = mt.workload { mt.stream { input = 8, arrivals = mt.even(4) } }:columns { duration = 10 }
return mt.workload { mt.stream { name = "a", input = 9, arrivals = mt.times_of(recorded) } }]]
  for scale, last in pairs { ["0.5"] = 19500, ["1"] = 9750, ["2"] = 4875 } do
    local result = run(recorded, "-o - --rate-scale " .. scale)
    assert.equal(0, result.status, result.err)
    local _, lines = result.out:gsub("\n", "")
    assert.equal(40, lines)
    assert.equal(last, tonumber(result.out:match '"timestamp": (%d+)[^\n]*\n$'))
    assert.is_nil(result.err:find("its curve lasts", 1, true))
  end
end)

it("--plot draws what is expected and what comes in one chart; without answers there is no OSL", function()
  local result = run(stream "arrivals = mt.poisson(mt.ramp(1, 50, 60)), input = 5", "--plot --seed 7")
  assert.equal(0, result.status, result.err)
  local _, charts = result.out:gsub("requests/s", "")
  assert.equal(1, charts)
  assert.is_truthy(result.out:find "\n%S+ seed 7   %S+ expected\nmean ISL\n")
  assert.is_nil(result.out:find("OSL", 1, true))
end)
