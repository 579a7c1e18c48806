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

describe("--expect", function()
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
    assert.equal(1, run("analyze " .. path).status)
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
  end)
end)
