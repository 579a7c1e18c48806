-- A day in minutes, through the real binary: --compress, rates as lists and as files.
local command = require "tests.support.command"
local mt = require "moontide"

local folder

before_each(function() folder = command.folder() end)
after_each(command.remove_folders)

local function run(line) return command.line(line, { folder = folder }) end

local day = [[
local mt = require "moontide"
return mt.workload{ duration = "2h",
  mt.stream{ name = "a", input = mt.lognormal{ mean = mt.sine{ mean = 900, amp = 300, period = "2h" }, cv = 1 },
    output = 90, arrivals = mt.poisson(mt.sine{ min = 0.1, max = 1, period = "2h" }
      * mt.noise{ cv = 0.3, corr_time = "10m" }) },
  mt.stream{ name = "s", new_input = 100, output = 20, arrivals = mt.sessions{
    starts = mt.hawkes(0.1, { branching = 0.5, decay = "60s" }), turns = 3, think = mt.exponential(20) } },
  mt.stream{ name = "m", input = 100, output = 20, arrivals = mt.on_off(0.1, { on = "60s", off = "240s" }) },
  mt.stream{ name = "c", input = 7, output = 3, arrivals = mt.poisson_counts(0.2, "30s") },
  mt.stream{ name = "r", input = 7, output = 3, arrivals = mt.renewal(0.2, mt.gamma{ cv = 2 }) },
  mt.stream{ name = "o", input = 7, output = 3,
    arrivals = mt.arrivals(function(random) return function() return random:exponential(0.1) end end) },
  mt.stream{ name = "t", input = 7, output = 3,
    arrivals = mt.times_of(mt.plan_of("steady"):columns{ duration = "20s" }) } }]]

-- Times of requests in milliseconds and their lengths, in order.
local function requests(path)
  local times, lengths = {}, {}
  for one in mt.trace.open(folder .. "/" .. path) do
    times[#times + 1] = one.timestamp
    lengths[#lengths + 1] = ("%d %d"):format(one.input_length, one.output_length)
  end
  return times, lengths
end

describe("--compress", function()
  it("makes the same requests in that part of the time", function()
    command.write(folder, "day.lua", day)
    assert.equal(0, run("day.lua -o a.jsonl --seed 3").status)
    local result = run("day.lua -o b.jsonl --seed 3 --compress 60 --compress-think --timestamp-digits 6")
    assert.equal(0, result.status, result.err)
    assert.matches("requests over 120 s", result.err)
    local times, lengths = requests "a.jsonl"
    local faster, same = requests "b.jsonl"
    assert.is_true(#times > 5000)
    assert.same(lengths, same)
    for i, time in ipairs(times) do assert.is_true(math.abs(time - 60 * faster[i]) < 0.01, i) end
  end)

  it("leaves think times as people are", function()
    command.write(folder, "day.lua", day)
    run "day.lua -o a.jsonl"
    run "day.lua -o b.jsonl --compress 60"
    local _, lengths = requests "a.jsonl"
    local times, same = requests "b.jsonl"
    table.sort(lengths)
    table.sort(same)
    assert.same(lengths, same)
    assert.is_true(times[#times] > 120000) -- sessions that have begun run on
    local plan = mt.workload { duration = 100, mt.stream { new_input = 5, output = 1,
      arrivals = mt.sessions { starts = mt.even(0.02), turns = 2, think = 30 } } }
    local found = {}
    for one in plan:compress(10):requests() do found[#found + 1] = one.timestamp end
    assert.same({ 0, 5000, 30000, 35000 }, found)
  end)

  it("takes durations on the plan's own clock, and expects the same", function()
    command.write(folder, "day.lua", day)
    local whole = mt.json.decode(run("day.lua --check --json --duration 1h").out)
    local part = mt.json.decode(run("day.lua --check --json --duration 1h --compress 60").out)
    assert.equal(60, part.duration)
    assert.is_true(math.abs(whole.requests - part.requests) < 1e-6 * whole.requests)
    assert.is_true(math.abs(whole.input_length - part.input_length) < 1e-6 * whole.input_length)
    assert.equal(2, run("day.lua --check --compress-think").status)
    assert.equal(2, run("day.lua --check --compress 0").status)
  end)
end)

describe("--rate", function()
  it("takes steps and points", function()
    local expected = mt.json.decode(run("steady --check --json --rate steps:5@1m,20@5m").out)
    assert.equal(6300, expected.requests)
    expected = mt.json.decode(run("steady --check --json --rate points:5@0,20@60s,5@2m").out)
    assert.equal(1500, expected.requests)
    for text, message in pairs {
      ["steps:5"] = "must be steps:RATE@TIME,RATE@TIME,..., as in steps:5@1m,20@5m, not 'steps:5'",
      ["points:5@x"] = "--rate: points must be a time in seconds",
      ["stairs:a=1"] = "there is no curve called 'stairs'",
    } do
      local result = run("steady --check --rate " .. text)
      assert.equal(2, result.status)
      assert.truthy(result.err:find(message, 1, true), result.err)
    end
  end)

  it("takes a file of rates, and a trace", function()
    command.write(folder, "rates.csv", "time,rate,note\n0,5,a\n60,20,b\n120,5,c\n")
    command.write(folder, "two.csv", "when;what\n0;5\n60;20\n120;5\n")
    command.write(folder, "other.csv", "a,b,c\n0,5,1\n60,20,1\n")
    for _, name in ipairs { "rates.csv", "two.csv" } do
      assert.equal(1800, mt.json.decode(run("steady --check --json --rate " .. name).out).requests)
    end
    run "steady --duration 50s -o t.jsonl"
    local count = #assert(mt.trace.read(folder .. "/t.jsonl"))
    assert.equal(count, mt.json.decode(run("steady --check --json --rate t.jsonl").out).requests)
    local result = run "steady --check --rate other.csv"
    assert.equal(2, result.status)
    assert.truthy(result.err:find("has columns time and rate, or two columns; this one has 'a', 'b', 'c'", 1, true))
    assert.matches("nothere.csv: cannot open", run("steady --check --rate nothere.csv").err)
  end)

  it("takes a colon in a folder's name as the path's own", function()
    os.execute(("mkdir '%s/a:x=1'"):format(folder))
    command.write(folder, "a:x=1/rates.csv", "time,rate\n0,5\n60,20\n120,5\n")
    for text, expected in pairs { ["a:x=1/rates.csv"] = 1800, ["a:x=1/rates.csv:per=1m"] = 30 } do
      assert.near(expected, mt.json.decode(run("steady --check --json --rate " .. text).out).requests, 1e-6)
    end
  end)

  it("takes what a file of rates counts from what is said, and guesses no unit that its header denies", function()
    command.write(folder, "counts.csv", "day,count\n2024-01-01,86400\n2024-01-02,172800\n")
    command.write(folder, "minutes.csv", "minute,rate\n0,5\n1,20\n2,5\n")
    command.write(folder, "bare.csv", "0,5\n60,20\n120,5\n")
    command.write(folder, "units.csv", "0s,5\n60s,20\n")
    for i, names in ipairs { "time_min,rate", "t_min,rate", "time [min],rate", "hrs,rate", "time,rate_per_min",
      "time,rate_min", "time,arrivals", "time,rate_per_h", "time,req/min" } do
      command.write(folder, ("names%d.csv"):format(i), names .. "\n0,5\n1,20\n")
    end
    command.write(folder, "three.csv", "t,n,note\n0,60,a\n1,120,b\n")
    for text, expected in pairs { ["counts.csv:per=1d"] = 259200, ["minutes.csv:unit=m"] = 1800,
      ["minutes.csv:unit=s"] = 30, ["three.csv:time=t,rate=n,per=1m,unit=m"] = 180,
      ["three.csv:time=t,unit=m,bin=1m"] = 2 } do
      local result = run("steady --check --json --rate " .. text)
      assert.equal(0, result.status, result.err)
      assert.near(expected, mt.json.decode(result.out).requests, 1e-6, text)
    end
    for text, message in pairs {
      ["counts.csv"] = "counts.csv: column 'count' seems to count requests in some time: say which, as in "
        .. "counts.csv:per=1m (per=1s: they are rates per second)",
      ["counts.csv:unit=s"] = "as in counts.csv:unit=s,per=1m ",
      ["minutes.csv"] = "minutes.csv: column 'minute' has numbers: say what they count, as in minutes.csv:unit=m",
      ["bare.csv"] = "bare.csv: the first line ('0', '5') is a row already: put the names of the columns before it",
      ["units.csv"] = "units.csv: the first line ('0s', '5') is a row already",
      ["names1.csv"] = "column 'time_min' has numbers: say what they count, as in names1.csv:unit=m",
      ["names2.csv"] = "column 't_min' has numbers: say what they count, as in names2.csv:unit=m",
      ["names3.csv"] = "column 'time [min]' has numbers: say what they count, as in names3.csv:unit=m",
      ["names4.csv"] = "column 'hrs' has numbers: say what they count, as in names4.csv:unit=h",
      ["names5.csv"] = "column 'rate_per_min' seems to count",
      ["names6.csv"] = "column 'rate_min' seems to count",
      ["names7.csv"] = "column 'arrivals' seems to count",
      ["names8.csv"] = "column 'rate_per_h' seems to count",
      ["names9.csv"] = "column 'req/min' seems to count",
      ["three.csv"] = "this one has 't', 'n', 'note' (three.csv:time=NAME,rate=NAME says which they are)",
      ["three.csv:time=t,rate=m"] = "no column 'm'",
      ["three.csv:time=t,rate=n,pre=1m"] = "rate_of: unknown option 'pre' (did you mean 'per'?)",
    } do
      local result = run("steady --check --rate " .. text)
      assert.equal(2, result.status, text)
      assert.truthy(result.err:find(message, 1, true), result.err)
    end
  end)
end)

describe("curves", function()
  it("warn of steps whose times come first", function()
    command.write(folder, "swapped.lua", [[
local mt = require "moontide"
return mt.workload{ mt.stream{ input = 5, arrivals = mt.poisson(mt.steps{ {0, 5}, {60, 20}, {120, 5} }) } }]])
    assert.matches("steps: {rate, duration} each: .* were times meant to come first", run("swapped.lua --check").err)
    command.write(folder, "right.lua", [[
local mt = require "moontide"
return mt.workload{ mt.stream{ input = 5, arrivals = mt.poisson(mt.steps{ {0, 60}, {10, 60}, {20, 60} }) } }]])
    assert.equal("", run("right.lua --check").err)
  end)

  it("tell what of an expectation is the seed's noise", function()
    command.write(folder, "day.lua", day)
    local result = run "day.lua --check --seed 3"
    assert.matches("stream 'a': its curve has noise, of which [%d.]+ requests are seed 3's; over seeds ", result.out)
    -- By formula where the rate is in proportion to its noise, even times the turns of sessions; else estimated.
    local line = "steady --rate noise:cv=1,corr_time=60 --duration 1h --check"
    assert.matches("over seeds 3600, give or take %d+\n", run(line).out)
    local told = mt.json.decode(run(line .. " --json").out).streams.main.over_seeds
    assert.equal(3600, told.requests)
    assert.equal(0, told.error)
    -- cv sqrt(2 corr_time / duration) without lines between, 657; of 32 seeds to 1 / 8.
    assert.is_true(told.deviation > 400 and told.deviation < 900, told.deviation)
    command.write(folder, "capped.lua", [[
local mt = require "moontide"
local noise = mt.noise { cv = 1, corr_time = 60 }
return mt.workload{ duration = "1h",
  mt.stream{ name = "a", input = 5, arrivals = mt.poisson(noise:clamp(nil, 1):scale_to{ mean = 10 }) },
  mt.stream{ name = "b", new_input = 5, arrivals = mt.sessions{ starts = mt.poisson(noise), turns = 3 } },
  mt.stream{ name = "c", input = 5, arrivals = mt.poisson(9) },
  mt.workload{ name = "d", duration = 600, mt.stream{ input = 5, arrivals = mt.even(noise) } } }]])
    assert.matches("over seeds %d+%.?%d* %(estimated, right within [%d.e+]+%), give or take [%d.e+]+\n",
      run("capped.lua --check").out)
    told = mt.json.decode(run("capped.lua --check --json").out).streams
    assert.is_true(math.abs(told.a.over_seeds.requests - 36000) < 2 * told.a.over_seeds.error, told.a.over_seeds.requests)
    assert.is_true(math.abs(told.b.over_seeds.requests - 10800) < 1e-6)
    assert.is_nil(told.c.over_seeds)
    assert.equal(600, told["d/main"].over_seeds.requests)
    -- Of what has no formula the next 32 seeds are looked at.
    local plan, sum, squares = mt.plan_of(folder .. "/capped.lua"), 0, 0
    for seed = 1, 32 do
      local count = plan:expected { seed = seed }.streams[1].requests
      sum, squares = sum + count, squares + count ^ 2
    end
    local deviation = math.sqrt((squares - sum ^ 2 / 32) / 31)
    assert.is_true(math.abs(told.a.over_seeds.requests - sum / 32) < 1e-6)
    assert.is_true(math.abs(told.a.over_seeds.deviation - deviation) < 1e-3)
    -- 2.0395134: the 97.5 % quantile of Student's distribution with 31 degrees of freedom.
    assert.is_true(math.abs(told.a.over_seeds.error - 2.0395134 * deviation / math.sqrt(32)) < 1e-3)
    local noisy = mt.const(5) * mt.noise { cv = 0.3, corr_time = 5 }
    assert.equal(noisy(3, 7), noisy(3, 7))
    assert.not_equal(noisy(3, 7), noisy(3, 8))
  end)
end)
