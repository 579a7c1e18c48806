-- What is expected of a load, through the real binary: --expect, --check --json, --service, --series, --by.
local command = require "tests.support.command"
local mt = require "moontide"

local folder

before_each(function() folder = command.folder() end)
after_each(command.remove_folders)

local function run(line) return command.line(line, { folder = folder }) end

local trace = table.concat({
  '{"timestamp": 0, "input_length": 100, "output_length": 10, "hash_ids": [0], "model": "a"}',
  '{"timestamp": 500, "input_length": 300, "output_length": 20, "hash_ids": [0], "model": "b"}',
  '{"timestamp": 2000, "input_length": 200, "output_length": 30, "hash_ids": [1], "model": "a"}', "",
}, "\n")

-- Two contents, one of which comes back after the other: 2 of 6 blocks.
local hits = [[
{"timestamp": 0, "input_length": 1000, "output_length": 1, "hash_ids": [1, 2]}
{"timestamp": 1000, "input_length": 1000, "output_length": 1, "hash_ids": [3, 4]}
{"timestamp": 2000, "input_length": 1000, "output_length": 1, "hash_ids": [1, 2]}
]]

describe("--expect", function()
  it("judges hits of a cache without limit and of LRU caches, wherever a trace is judged", function()
    local of_hits = command.write(folder, "hits.jsonl", hits)
    local told = "moontide: expected hit_ratio=0.33..0.34: hit_ratio is 0.333333\nmoontide: expected hit_ratio.3<0.1: "
      .. "hit_ratio.3 is 0\nmoontide: expected hit_ratio.4>0.3: hit_ratio.4 is 0.333333\n"
    for _, line in ipairs { "analyze %s", "cat %s -o h.jsonl", "lint %s", "plot %s -o h.svg" } do
      local result = run(line:format(of_hits) .. " --expect hit_ratio=0.33..0.34,hit_ratio.3<0.1,hit_ratio.4>0.3")
      assert.equal(0, result.status, result.err)
      assert.truthy(result.err:find(told, 1, true), line .. result.err)
    end
    local result = run("analyze " .. of_hits .. " --series s.csv --series-cache 3 --expect hit_ratio>0.5")
    assert.equal(1, result.status)
    assert.matches("expected hit_ratio>0.5: hit_ratio is 0.333333, which is not so\n", result.err)
    result = run("cat " .. of_hits .. " -o h.jsonl --num-requests 0 --expect hit_ratio.4>0")
    assert.matches("expected hit_ratio.4>0: the load has no hit_ratio.4: no request of it names blocks %(hash_ids%); results of "
      .. "a run have lengths alone, the trace that was sent has the blocks %(replay %-%-record%)\n", result.err)
    local many = {} -- of seven caches, one of them twice, and of what is no cache
    for i = 1, 8 do many[i] = ("hit_ratio.%d<1"):format(i) end
    result = run("cat " .. of_hits .. " -o h.jsonl --expect hit_ratio.1<1,requests=3,duration=2,"
      .. table.concat(many, ",", 1, 7))
    assert.equal(0, result.status, result.err)
    for text, message in pairs { [table.concat(many, ",")] = "hit ratios of at most 7 caches are counted, not of 8",
      ["hit_ratio.0<1"] = "there is no figure 'hit_ratio.0'", ["hit_ratio.1k<1"] = "there is no figure 'hit_ratio.1k'" } do
      result = run("cat " .. of_hits .. " -o no.jsonl --expect " .. text)
      assert.equal(2, result.status)
      assert.truthy(result.err:find(message, 1, true), result.err)
    end
  end)

  it("passes, and says each", function()
    local path = command.write(folder, "t.jsonl", trace)
    local result = run("cat " .. path .. " -o out.jsonl --expect requests=3,input_length.p50=200,rate.peak<=2")
    assert.equal(0, result.status, result.err)
    assert.equal(trace, command.read(folder .. "/out.jsonl"))
    assert.matches("expected requests=3: requests is 3\n", result.err)
    assert.matches("expected rate.peak<=2: rate.peak is 2\n", result.err)
  end)

  it("fails with exit 1 and leaves the file that is there as it was", function()
    local path = command.write(folder, "t.jsonl", trace)
    command.write(folder, "out.jsonl", "old\n")
    for _, line in ipairs { "cat " .. path, "synthesize " .. path .. " --num-requests 9", "steady" } do
      local result = run(line .. " -o out.jsonl --expect requests=1..2")
      assert.equal(1, result.status, line .. ": " .. result.err)
      assert.matches("expected requests=1..2: requests is %d+, which is not so\n", result.err)
      assert.matches("1 of 1 expectations missed\n$", result.err)
      assert.equal("old\n", command.read(folder .. "/out.jsonl"))
    end
  end)

  it("names the line of a trace whose figures over time are not known", function()
    local path = command.write(folder, "back.jsonl", '{"timestamp": 5000, "input_length": 5, "output_length": 1}\n'
      .. '{"timestamp": 1000, "input_length": 5, "output_length": 1}\n')
    for _, line in ipairs { "cat %s -o out.jsonl --expect rate.peak>0", "cat %s -o out.jsonl --series out.csv" } do
      command.refuses(run(line:format(path)), path .. ":2: the request comes 4 s before the first: figures over time need "
        .. "a trace in the order of its times (cat --sort)", 1)
      assert.is_false(command.exists(folder .. "/out.jsonl"))
    end
  end)

  it("judges what convert makes of a log", function()
    command.write(folder, "log.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n"
      .. "2023-11-16 18:15:46,100,5\n2023-11-16 18:15:48,200,6\n")
    assert.equal(0, run("convert log.csv -o c.jsonl --expect requests=2,input_length.max=200").status)
    local result = run "convert log.csv -o d.jsonl --expect rate.mean>9"
    assert.equal(1, result.status)
    assert.equal("moontide: expected rate.mean>9: rate.mean is 1, which is not so\n"
      .. "moontide: 1 of 1 expectations missed\n", result.err)
    assert.is_false(command.exists(folder .. "/d.jsonl"))
  end)

  it("judges what analyze reads and replay would send, and sends nothing when it fails", function()
    local path = command.write(folder, "t.jsonl", trace)
    local result = run("analyze " .. path .. " --service ttft=1s,per_token=100ms --expect in_flight.peak>2")
    assert.equal(1, result.status)
    assert.matches("expected in_flight.peak>2: in_flight.peak is 2, which is not so", result.err, 1, true)
    result = run("replay " .. path .. " --url http://127.0.0.1:9 --model m --expect requests>3")
    assert.equal(1, result.status)
    assert.matches("expected requests>3: requests is 3, which is not so", result.err)
    assert.equal("", result.out)
  end)

  it("judges what is linted, learnt from, compared and drawn; outputs stay as they were", function()
    local path = command.write(folder, "t.jsonl", trace)
    for _, line in ipairs { "learn %s -o m.model", "plot %s -o p.gnuplot", "report %s -o r.html", "lint %s",
      "compare %s %s" } do
      line = line:gsub("%%s", (path:gsub("%%", "%%%%")))
      local result = run(line .. " --expect requests=3,input_length.p50=150..250")
      assert.matches("expected requests=3: requests is 3\n", result.err, line)
      assert.is_nil(result.err:find("missed", 1, true), result.err)
      assert.equal(0, result.status, line .. result.err)
    end
    for _, name in ipairs { "m.model", "p.gnuplot", "r.html" } do command.write(folder, name, "old\n") end
    for _, line in ipairs { "learn %s -o m.model", "plot %s -o p.gnuplot", "report %s -o r.html", "lint %s",
      "compare %s %s" } do
      line = line:gsub("%%s", (path:gsub("%%", "%%%%")))
      local result = run(line .. " --expect requests<3")
      assert.equal(1, result.status, line .. result.err)
      assert.matches("expected requests<3: requests is 3, which is not so\n", result.err, line)
      assert.matches("1 of 1 expectations missed\n$", result.err, line)
    end
    for _, name in ipairs { "m.model", "p.gnuplot", "r.html" } do
      assert.equal("old\n", command.read(folder .. "/" .. name), name)
    end
  end)

  it("is about B in compare, about each of several in plot, about no run", function()
    local path = command.write(folder, "t.jsonl", trace)
    local other = command.write(folder, "u.jsonl", (trace:gsub("\n.*", "\n")))
    local result = run(("compare %s %s --expect requests=1"):format(path, other))
    assert.equal(0, result.status, result.err)
    assert.matches("Requests +3 +1 ", result.out)
    result = run(("plot %s %s --expect requests=1"):format(path, other))
    assert.equal(1, result.status)
    assert.equal("", result.out)
    assert.equal("moontide: t: expected requests=1: requests is 3, which is not so\nmoontide: u: expected requests=1: "
      .. "requests is 1\nmoontide: 1 of 2 expectations missed\n", result.err)
    result = run "plot steady -- --expect requests=1"
    assert.equal(2, result.status)
    assert.matches("%-%-expect after the script's name is of 'steady' alone: here it stands before %-%-", result.err)
    result = run "learn --show m.model --expect requests=1"
    assert.equal(2, result.status)
  end)

  it("judges every level of a sweep and the first probe of find-max, and drives nothing when one fails", function()
    local driving = " --model m --output-dir runs --expect "
    local result = run("sweep --benchmark-name b --endpoint-url http://127.0.0.1:9 --concurrencies 1,8" .. driving
      .. "requests=10")
    assert.equal(1, result.status)
    assert.equal("moontide: c1: expected requests=10: requests is 10\nmoontide: c8: expected requests=10: requests is "
      .. "24, which is not so\nmoontide: 1 of 2 expectations missed\n", result.err)
    result = run("sweep steady --benchmark-name b --endpoint-url http://127.0.0.1:9 --request-rates 5,20 --duration 10s"
      .. driving .. "rate.mean<10")
    assert.equal(1, result.status)
    assert.matches("r20: expected rate.mean<10: rate.mean is [%d.]+, which is not so\n", result.err)
    result = run("find-max steady --url http://127.0.0.1:9 --slo ttft.p99=1 --probe 4s --ramp 1s --first 9" .. driving
      .. "requests<9,duration=5")
    assert.equal(1, result.status)
    assert.matches("first probe, 9 requests/s: expected requests<9: requests is %d+, which is not so\n", result.err)
    assert.matches("first probe, 9 requests/s: expected duration=5: duration is 5\n", result.err)
    assert.is_false(command.exists(folder .. "/runs"))
    -- A window alone does not end a plan, and what a closed loop sends in a time nobody knows.
    result = run "replay steady --url http://127.0.0.1:9 --model m --window 1s..3s --expect requests<9"
    assert.equal(1, result.status)
    result = run "replay steady --url http://127.0.0.1:9 --model m --concurrency 2 --duration 3s --expect requests<9"
    assert.equal(2, result.status)
    assert.matches("how many requests a closed loop sends in a time is not known before", result.err)
    result = run("sweep --benchmark-name b --endpoint-url http://127.0.0.1:9" .. driving .. "requets=10")
    assert.equal(2, result.status)
    assert.matches("did you mean 'requests'", result.err)
  end)

  it("names what is unknown, malformed or missing", function()
    local path = command.write(folder, "t.jsonl", trace)
    for text, message in pairs {
      ["requets=3"] = "there is no figure 'requets' (did you mean 'requests'?); there are requests, within,",
      ["requests"] = "--expect must be NAME=VALUE, NAME=LEAST..MOST,",
      ["requests=9..3"] = "requests=9..3: the least is above the most",
      ["requests=many"] = "requests is held against a number (20, 1.5k; of a rate 60/m), not 'many'",
      ["in_flight.mean<3"] = "--expect: in_flight.mean is known only with --service",
    } do
      local result = run("cat " .. path .. " -o out.jsonl --expect " .. text)
      assert.equal(2, result.status, text)
      assert.truthy(result.err:find(message, 1, true), result.err)
      assert.is_false(command.exists(folder .. "/out.jsonl"))
    end
    local result = run("cat " .. path .. " -o out.jsonl --expect sessions=1,turns.mean=1")
    assert.equal(1, result.status)
    assert.matches("the load has no turns.mean", result.err)
  end)
end)

describe("--check", function()
  it("prints the members of w:expected() as JSON, with the digest", function()
    local result = run "burst --check --json --duration 2m --seed 3"
    assert.equal(0, result.status, result.err)
    local told = mt.json.decode(result.out)
    local plan = mt.plan_of "burst"
    local expected = plan:expected { duration = "2m", seed = 3 }
    for _, name in ipairs { "requests", "within", "sessions", "input_length", "output_length", "duration" } do
      assert.equal(expected[name], told[name], name)
    end
    assert.equal(expected.requests, told.streams.main.requests)
    assert.equal(plan:digest { duration = "2m", seed = 3 }, told.digest)
    assert.equal("3", told.seed)
  end)

  it("has requests in flight: on average what the rate times the time of an answer is", function()
    local line = "steady --rate 20 --isl 100 --osl 100 --duration 100s --check --json --service "
      .. "ttft=1s,per_token=10ms"
    local told = mt.json.decode(run(line).out)
    -- Little (1961): 20 a second, each for 2 s; the first 2 s fill up.
    local wanted = 20 * 2 * (100 - 1) / 100
    assert.is_true(math.abs(told.on_average.in_flight.mean - wanted) < 0.01 * wanted)
    assert.is_true(math.abs(told.on_average.kv_tokens.mean - 20 * (2 * 100 + 50)) < 0.03 * 5000)
    assert.is_true(told.run.in_flight.peak >= told.on_average.in_flight.peak)
    -- Of a shard a part of it, of the same draws.
    local part = mt.json.decode(run(line .. " --shard 1/4").out).on_average
    assert.equal(told.on_average.requests / 4, part.requests)
    for _, name in ipairs { "mean", "peak" } do
      local whole = told.on_average.in_flight[name] / 4
      assert.is_true(math.abs(part.in_flight[name] - whole) < 1e-9 * whole)
    end
  end)

  it("says how wrong an average is, from how far its draws are apart", function()
    local service = " --duration 100s --check --service ttft=1s,per_token=10ms"
    command.write(folder, "long.lua", [[
local mt = require "moontide"
return mt.workload{ duration = 100, mt.stream{ arrivals = mt.poisson(20),
  input = mt.exponential(40), output = mt.exponential(100) } }]])
    local told = mt.json.decode(run("long.lua --json" .. service).out).on_average
    -- Arrivals have a formula. Of 200 000 lengths of cv 1 the mean is right to 1 / sqrt(200 000), 0.22 %; Student's
    -- factor for 8 draws is 2.365.
    assert.equal(0, told.rate.error)
    assert.is_true(math.abs(told.rate.mean - 20) < 1e-9)
    for _, name in ipairs { "input_tokens", "in_flight", "kv_tokens" } do
      assert.is_true(told[name].error > 0.0005 and told[name].error < 0.015, name .. " " .. told[name].error)
    end
    -- Rates that change at random are their mean.
    command.write(folder, "bursts.lua", [[
local mt = require "moontide"
return mt.workload{ duration = 100, mt.stream{ input = 40, output = 10,
  arrivals = mt.mmpp(20, { levels = { 0, 1, 5 }, dwell = 10 }) } }]])
    local bursts = mt.json.decode(run("bursts.lua --json" .. service).out).on_average
    assert.is_true(math.abs(bursts.rate.peak - 20) < 1e-9)
    -- The formula of excited arrivals is dear: a longer course has it by stretches.
    command.write(folder, "excited.lua", [[
local mt = require "moontide"
return mt.workload{ duration = 2500, mt.stream{ input = 40, output = 1,
  arrivals = mt.hawkes(mt.steps{ {4, 1250}, {8, 1250} }, { branching = 0.5, decay = 1 }) } }]])
    local excited = mt.json.decode(run("excited.lua --check --json --service ttft=1s").out).on_average
    assert.is_true(math.abs(excited.rate.peak - 8) < 1e-6, excited.rate.peak)
    assert.is_true(math.abs(excited.rate.mean - 6) < 0.01, excited.rate.mean)
    assert.is_true(math.abs(excited.input_tokens.mean - 6 * 40) < 0.4, excited.input_tokens.mean)
    command.write(folder, "even.lua", [[
local mt = require "moontide"
return mt.workload{ duration = 100, mt.stream{ input = 40, output = 10, arrivals = mt.even(20) } }]])
    local even = run("even.lua" .. service).out
    assert.matches("on average, from %d+ drawn requests; means are so near in 95 of 100 cases:\n", even)
    assert.matches("Mean to within\nRequests per Second +20.00 +20.00 +0 s +0 %%\n", even)
    assert.matches("peaks are those of the expected course: chance puts a run's above them\n", even, 1, true)
    assert.is_nil(mt.json.decode(run("even.lua --json" .. service).out).run.rate.error)
  end)

  it("has the peaks of the expected course, not those of what was drawn", function()
    -- 5 a second, up to 30 at 1 h and down again: 1 s, and then 100 tokens each 50 ms, are 6 s in flight, of which
    -- the course is 180 requests at its top, less the bend: 3 s before it the rate is 3 * 25 / 3600 lower.
    command.write(folder, "tent.lua", [[
local mt = require "moontide"
return mt.workload{ duration = "2h", mt.stream{ input = 1000, output = 100,
  arrivals = mt.poisson(mt.points{ { 5, 0 }, { 30, "1h" }, { 5, "2h" } }) } }]])
    local told = mt.json.decode(run "tent.lua --check --json --service ttft=1,per_token=50ms".out).on_average
    assert.is_true(told.rate.peak < 30 and told.rate.peak > 29.99, told.rate.peak)
    assert.is_true(told.in_flight.peak < 180 and told.in_flight.peak > 179.8, told.in_flight.peak)
    assert.is_true(math.abs(told.in_flight.peak_at - 3602) <= 2, told.in_flight.peak_at)
    -- An answer has 50 of its tokens on average for 5 of its 6 s.
    local held = 180 * (1000 + 50 * 5 / 6)
    assert.is_true(math.abs(told.kv_tokens.peak - held) < 0.002 * held, told.kv_tokens.peak)
    -- Conversations: each turn of three begins 12 s after the one before; two a second.
    command.write(folder, "talk3.lua", [[
local mt = require "moontide"
return mt.workload{ duration = 100, mt.stream{ new_input = 100, output = 100, arrivals = mt.sessions{
  starts = mt.poisson(2), turns = 3, think = 10, service = { ttft = 1, per_token = "10ms" } } } }]])
    told = mt.json.decode(run "talk3.lua --check --json --service ttft=1,per_token=10ms".out).on_average
    assert.is_true(math.abs(told.rate.peak - 6) < 1e-6, told.rate.peak)
    assert.is_true(math.abs(told.in_flight.peak - 12) < 1e-6, told.in_flight.peak)
    assert.is_true(math.abs(told.within - (200 + 2 * 88 + 2 * 76)) < 1e-6, told.within)
    assert.is_true(math.abs(told.input_tokens.peak - 2 * (100 + 300 + 500)) < 1e-6, told.input_tokens.peak)
  end)

  it("is of the lengths that there are at each time", function()
    -- 10 tokens, each 1 s, in the first half, and 30 in the second: 20 and 60 in flight.
    command.write(folder, "grow.lua", [[
local mt = require "moontide"
return mt.workload{ duration = 400, mt.stream{ input = 5, arrivals = mt.poisson(2),
  output = mt.fixed(mt.steps{ { 10, 200 }, { 30, 200 } }) } }]])
    local told = mt.json.decode(run "grow.lua --check --json --service per_token=1".out).on_average
    assert.is_true(math.abs(told.in_flight.peak - 60) < 1e-6, told.in_flight.peak)
    assert.is_true(math.abs(told.in_flight.mean - (2 * (10 * 200 + 30 * 185)) / 400) < 0.5, told.in_flight.mean)
  end)

  it("stops where the run does", function()
    local line = "steady --rate 10 --isl 100 --osl 100 --duration 1000s --num-requests 500 --check"
    local service = " --service ttft=1s,per_token=10ms"
    local told = mt.json.decode(run(line .. " --json" .. service).out).on_average
    assert.is_true(math.abs(told.requests - 500) < 1e-6 and math.abs(told.within - 500) < 1e-6, told.within)
    assert.is_true(math.abs(told.rate.peak - 10) < 1e-6)
    assert.is_true(math.abs(told.rate.mean - 0.5) < 1e-6, told.rate.mean)
    assert.matches("stops after 500 requests, at about 50 s: the table is of all\n", run(line).out, 1, true)
  end)

  it("is the mean of runs where no formula says when requests come", function()
    command.write(folder, "own2.lua", [[
local mt = require "moontide"
return mt.workload{ duration = "60s", mt.stream{ input = 100, output = 10,
  arrivals = mt.arrivals(function() return function() return 0.5 end end) } }]])
    local told = run "own2.lua --check --service ttft=1".out
    assert.matches("Requests per Second +1.98 +2.00 +", told)
    assert.matches("peaks are those of the mean of 8 runs: that of many would be lower\n", told, 1, true)
    told = run "own2.lua --check --service ttft=1 --shard 1/2".out
    assert.matches("on average of shard 1/2 alone, ", told, 1, true)
    assert.matches("Requests per Second +0.98 +1.00 +", told)
    -- Sessions, of which a number of requests is taken.
    command.write(folder, "talk3.lua", [[
local mt = require "moontide"
return mt.workload{ duration = 100, mt.stream{ new_input = 100, output = 100, arrivals = mt.sessions{
  starts = mt.poisson(2), turns = 3, think = 10, service = { ttft = 1, per_token = "10ms" } } } }]])
    told = mt.json.decode(run("talk3.lua --check --json --num-requests 100 --service ttft=1").out).on_average
    assert.equal(100, told.requests)
  end)

  it("counts arrivals of a script's own, and says so", function()
    command.write(folder, "own.lua", [[
local mt = require "moontide"
return mt.workload{ duration = "60s", mt.stream{ input = 100, output = 10,
  arrivals = mt.arrivals(function() return function() return 0.5 end end) } }]])
    local result = run "own.lua --check"
    assert.equal(0, result.status, result.err)
    assert.matches("main +119.0 +1.98333", result.out)
    assert.matches("arrivals of the script's own: requests are counted in a run of this seed", result.out, 1, true)
    assert.matches("counted: 119 requests drawn, which are all of this seed's; another seed has its own", result.out)
  end)

  it("refuses arrivals that stand still", function()
    command.write(folder, "still.lua", [[
local mt = require "moontide"
return mt.workload{ duration = "60s", mt.stream{ input = 100, output = 10,
  arrivals = mt.arrivals(function() return function() return 0 end end) } }]])
    local result = run "still.lua -o out.jsonl"
    assert.equal(1, result.status)
    assert.matches("10000 requests come at the same time, t = 0 s: the arrivals stand still there", result.err)
    assert.is_false(command.exists(folder .. "/out.jsonl"))
    assert.equal(0, run("still.lua -o out.jsonl --yes --num-requests 20000").status)
    assert.equal(1, run("still.lua --check").status)
  end)

  it("gives totals by any member", function()
    command.write(folder, "two.lua", [[
local mt = require "moontide"
return mt.workload{ duration = "10s",
  mt.stream{ name = "x", arrivals = mt.even(1), input = 10, output = 1, fields = { model = "a" } },
  mt.stream{ name = "y", arrivals = mt.even(3), input = 20, output = 1, fields = { model = "b" } } }]])
    local by_model = mt.json.decode(run("two.lua --check --json --by model").out).run.by
    assert.equal(10, by_model.a.requests)
    assert.equal(600, by_model.b.input_tokens)
    assert.equal(30, mt.json.decode(run("two.lua --check --json --by stream").out).run.by.y.requests)
    assert.equal(2, run("two.lua --json").status)
  end)

  it("says that no request has the member, and what comes after the duration", function()
    command.write(folder, "talk.lua", [[local mt = require "moontide"
return mt.workload { duration = 10, mt.stream { new_input = 100, output = 10, fields = { model = "a" },
  arrivals = mt.sessions { starts = mt.even(1), turns = 3, think = 5 } } }]])
    local told = run("talk.lua --check --by modl").out
    assert.matches("\n%(none%) +30 .*\nno request has the member 'modl'\n$", told)
    told = run("talk.lua --check --by model").out
    assert.is_nil(told:find("no request has", 1, true))
    assert.matches("\nper second of the duration, with the %d+ that come after it\n$", told)
  end)

  it("says which classes no formula knows", function()
    command.write(folder, "turns.lua", [[
local mt = require "moontide"
return mt.workload{ duration = 9,
  mt.stream{ name = "x", arrivals = mt.even(10), lengths = mt.classes{
    { 2, name = "chat", input = 10, output = 1 }, { 1, input = 600 }, { 0, name = "none", input = 9 } } },
  mt.stream{ name = "y", arrivals = mt.sessions{ starts = mt.even(1), turns = 2, think = 1 },
    lengths = mt.classes{ { mt.ramp(1, 2, 9), name = "up", new_input = 5 }, { 1, new_input = 6 } } } }]])
    local result = run "turns.lua --check --by class --shard 0/2"
    assert.equal(0, result.status, result.err)
    assert.matches("class on average +requests +per second +mean ISL +mean OSL\nchat of 'x' +30.0 +3.33333 +10.0 +1.0\n"
      .. "2 of 'x' +15.0 +1.66667 +600.0 +%-\nnone of 'x' +0.0 +0 +%- +%-\n"
      .. "stream 'y': no formula knows its classes: they are counted in the run of this seed\n", result.out)
    assert.is_nil(run("turns.lua --check --by stream").out:find("on average", 1, true))
    assert.is_true(mt.json.decode(run("turns.lua --check --json").out).streams.y.counts_classes)
  end)

  it("gives totals by class, which --tags writes into the trace", function()
    command.write(folder, "classes.lua", [[
local mt = require "moontide"
return mt.workload{ duration = "40s",
  mt.stream{ name = "x", arrivals = mt.even(10), fields = { model = "a" }, lengths = mt.classes{
    { 3, name = "chat", input = 10, output = 1 }, { 1, input = 600, output = 2, fields = { kind = "rag" } } } },
  mt.stream{ name = "y", arrivals = mt.even(1), input = 20, output = 1 } }]])
    local checked = mt.json.decode(run("classes.lua --check --json --by class").out)
    assert.same({ chat = { requests = 300, input_length = 10, output_length = 1 },
      ["2"] = { requests = 100, input_length = 600, output_length = 2 } }, checked.streams.x.classes)
    assert.is_nil(checked.streams.y.classes)
    local told = checked.run.by
    assert.equal(400, told.chat.requests + told["2"].requests)
    assert.is_true(math.abs(told.chat.requests - 300) < 35) -- 4 standard deviations
    assert.equal(600 * told["2"].requests, told["2"].input_tokens)
    assert.equal(40, told[""].requests)
    local plain = run "classes.lua -o -"
    local tagged = run "classes.lua -o - --tags"
    assert.equal(0, tagged.status, tagged.err)
    assert.is_nil(plain.out:find("class", 1, true))
    assert.equal(plain.out, (tagged.out:gsub(', "stream": "%w+"', ""):gsub(', "class": "%w+"', "")))
    command.write(folder, "tagged.jsonl", tagged.out)
    local result = run "analyze tagged.jsonl --by class --json"
    local read = mt.json.decode(result.out).profile.by
    assert.same(told, read)
    result = run "compare tagged.jsonl tagged.jsonl --by class"
    assert.equal(0, result.status, result.err)
    assert.matches("by class +Requests A +B +Difference +per Second A +B +Mean ISL A +B +Mean OSL A +B\n", result.out)
    assert.matches("2 +(%d+) +%1 +%+0.0 %% +[%d.]+ +[%d.]+ +600.0 +600.0 +2.0 +2.0", result.out)
    local both = mt.json.decode(run("compare tagged.jsonl tagged.jsonl --by class --json").out).by
    assert.same({ 600, 600 }, both["2"].input_length)
    assert.equal(2, run("compare tagged.jsonl tagged.jsonl --by").status)
  end)

  it("leaves names of options that scripts had before to the scripts", function()
    command.write(folder, "mine.lua", [[
local mt = require "moontide"
return mt.script{ summary = "Mine", options = { { "step", kind = "integer", default = 3 } },
  plan = function(opt)
    return mt.workload{ duration = 1, mt.stream{ arrivals = mt.even(opt.step), input = 9 } }
  end }]])
    local result = run "mine.lua --step 7 -o out.jsonl --expect requests=7"
    assert.equal(0, result.status, result.err)
  end)
end)

describe("--series", function()
  it("writes a row a step, with hit ratios where they are known", function()
    local path = command.write(folder, "t.jsonl", trace)
    local line = "analyze " .. path .. " --series s.csv --step 2s --service ttft=1s --block-size 512"
    local result = run(line)
    assert.equal(0, result.status, result.err)
    assert.equal("time,requests,requests_per_second,input_tokens_per_second,output_tokens_per_second,"
      .. "output_tokens_made_per_second,in_flight,kv_tokens,hit_ratio\n0,2,1,200,15,15,1,200,0.5\n"
      .. "2,1,0.5,100,15,15,0.5,100,0\n", command.read(folder .. "/s.csv"))
  end)

  it("has the hit ratio of the cache that is asked for: of plans, of what passes, of what is analysed", function()
    local path = command.write(folder, "t.jsonl", trace)
    local function ratios(line)
      local result = run(line .. " --series s.csv --step 2s")
      assert.equal(0, result.status, line .. result.err)
      local found = {}
      for row in command.read(folder .. "/s.csv"):gmatch "[^\n]+" do found[#found + 1] = row:match "([^,]*)$" end
      return table.concat(found, " ")
    end
    assert.equal("hit_ratio 0.5 0", ratios("cat " .. path .. " -o out.jsonl"))
    command.write(folder, "turns.lua", [[
local mt = require "moontide"
return mt.workload{ duration = 8, block_size = 10, mt.stream{ arrivals = mt.even(1), input = 40, output = 1,
  prompt = mt.shared_prefix{ tokens = 20 } } }]])
    -- Two of four blocks are shared; a cache of three blocks has forgotten the first by then.
    assert.equal("hit_ratio 0.25 0.5 0.5 0.5", ratios "turns.lua -o plan.jsonl")
    assert.equal("hit_ratio 0.25 0.5 0.5 0.5", ratios "turns.lua --check")
    assert.equal("hit_ratio 0 0 0 0", ratios "turns.lua -o plan.jsonl --series-cache 3")
    assert.equal("hit_ratio 0 0 0 0", ratios "turns.lua --check --series-cache 30tokens")
    assert.equal("hit_ratio 0.25 0.5 0.5 0.5", ratios "cat plan.jsonl -o out.jsonl")
    assert.equal("hit_ratio 0 0 0 0", ratios "cat plan.jsonl -o out.jsonl --series-cache 30tokens --block-size 10")
    assert.equal("hit_ratio 0.25 0.5 0.5 0.5", ratios "analyze plan.jsonl --block-size 10")
    assert.equal("hit_ratio 0 0 0 0", ratios "analyze plan.jsonl --block-size 10 --series-cache 3")
    assert.equal("hit_ratio 0.25 0.5 0.5 0.5", ratios "analyze plan.jsonl --block-size 10 --hit-rule vllm")
    for line, message in pairs {
      ["cat plan.jsonl -o out.jsonl --series-cache 3"] = "--series-cache goes with --series",
      ["cat plan.jsonl -o out.jsonl --series s.csv --series-cache 30tokens"] = "30tokens are blocks only with --block-size",
      ["turns.lua --series s.csv --series-cache 8GB"] = "--series-cache is in bytes (8GB), and what a token takes is not",
      ["turns.lua --series s.csv --series-cache 0"] = "--series-cache must be",
    } do
      local result = run(line)
      assert.equal(2, result.status, line)
      assert.truthy(result.err:find(message, 1, true), result.err)
    end
    local result = run "turns.lua --series s.csv --series-cache 3tokens"
    assert.equal(1, result.status)
    assert.truthy(result.err:find("a cache of 3tokens has no room for a block of 10 tokens", 1, true), result.err)
  end)

  it("is no option without a figure that it is of", function()
    local path = command.write(folder, "t.jsonl", trace)
    for line, message in pairs {
      ["cat " .. path .. " -o out.jsonl --service ttft=1s"] = "cat: --service goes with --series or --expect",
      ["cat " .. path .. " -o out.jsonl --step 5s"] = "cat: --step goes with --series or --expect",
      ["lint " .. path .. " --service ttft=1s"] = "lint: --service goes with --expect",
      ["learn " .. path .. " -o t.model --step 5s"] = "learn: --step goes with --expect",
      ["compare " .. path .. " " .. path .. " --service ttft=1s --step 5s"] = "compare: --step goes with --expect",
      ["analyze " .. path .. " --step 5s"] = "analyze: --step goes with --service, --series or --expect",
      ["steady --duration 1s -o out.jsonl --step 3"] = "steady: --step goes with --series, --expect or --service",
      ["steady --duration 1s -o out.jsonl --service ttft=1s"] =
        "steady: --service goes with --check, --plot, --series or --expect",
    } do
      local result = run(line)
      assert.equal(2, result.status, line)
      assert.truthy(result.err:find(message, 1, true), result.err)
    end
    assert.is_false(command.exists(folder .. "/out.jsonl"))
    assert.is_false(command.exists(folder .. "/t.model"))
  end)

  it("takes the times of a run as its service", function()
    local path = command.write(folder, "t.jsonl", trace)
    local result = run("analyze " .. path .. " --service nothere --series s.csv")
    assert.equal(1, result.status)
    assert.matches("%-%-service: ", result.err)
    assert.is_false(command.exists(folder .. "/s.csv"))
  end)
end)

describe("analyze", function()
  it("needs no output_length for figures of caches alone", function()
    local bare = trace:gsub(', "output_length": %d+', "")
    local path = command.write(folder, "t.jsonl", bare)
    assert.matches("output_length is missing, and the analysis needs it; --caches-only does not", run("analyze "
      .. path).err, 1, true)
    local result = run("analyze " .. path .. " --caches-only")
    assert.equal(0, result.status, result.err)
    assert.matches("infinite +0.333", result.out)
    assert.is_nil(result.out:find("Output Length", 1, true))
  end)
end)

describe("mt.expect", function()
  it("gives a profile, or what is not as expected", function()
    local plan = mt.plan_of "burst"
    assert.equal("moontide.profile", getmetatable(assert(mt.expect(plan, { requests = { 700, 800 } }))).__name)
    local ok, message, code = mt.expect(plan, { requests = { 1, 2 }, ["rate.peak"] = "<1" })
    assert.is_nil(ok)
    assert.equal("value", code)
    assert.matches("rate.peak<1: rate.peak is %d+, which is not so\n.*requests=1..2: requests is 769", message)
    assert.has_error(function() mt.expect(plan, "nothing=1") end)
    assert.matches("expect: the expectations: requests: a list is { LEAST, MOST }, two numbers",
      select(2, pcall(function() return mt.expect(plan, { requests = { 1 } }) end)), 1, true)
  end)
end)
