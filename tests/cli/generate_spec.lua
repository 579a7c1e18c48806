-- The bundled workloads through the real binary: sin's contract, the common options, output files.
local command = require "tests.support.command"
local traces = require "tests.support.records"

local folder

setup(function() folder = command.folder() end)
teardown(command.remove_folders)

-- Runs the binary in the folder; words are separated by spaces.
local function run(line, opts)
  opts = opts or {}
  opts.folder = opts.folder or folder
  return command.line(line, opts)
end

local exists = command.exists

-- The trace a line writes to standard output, as text.
local function trace(line)
  local result = run(line .. " -o -")
  assert.equal(0, result.status, result.err)
  return result.out
end

-- Its lines, which have our members and no others, as records.
local function records(text)
  for line in text:gmatch "[^\n]+" do
    assert.is_truthy(line:find(
      '^{"timestamp": [%d.]+, "input_length": %d+, "output_length": %d+, "hash_ids": %[[%d, ]*%]}$'), line)
  end
  return traces.read(text)
end

local function check_rules(list, block_size)
  assert.is_nil(traces.fault(list, block_size))
end

local function written_lines(path)
  local _, count = command.read(path):gsub("\n", "\n")
  return count
end

-- --- sin --------------------------------------------------------------------------------------------

describe("sin", function()
  local names = {
    { "", "sin_b512_t100_rr5-10-10_io1002000-5000100-0.2-0.8-10.jsonl" },
    { "--request-rate-min 6 --request-rate-period 20", "sin_b512_t100_rr6.0-10-20.0_io1002000-5000100-0.2-0.8-10.jsonl" },
    { "--time-dur 20 --block-size 64 --isl1 7 --isl-osl-ratio-max 1",
      "sin_b64_t20_rr5-10-10_io72000-5000100-0.2-1.0-10.jsonl" },
    { "--duration 3 --request-rate-max 1e1 --osl2 5 --isl-osl-ratio-min 0.25",
      "sin_b512_t3_rr5-10.0-10_io1002000-50005-0.25-0.8-10.jsonl" },
  }
  for _, case in ipairs(names) do
    it("names its file " .. case[2], function()
      local result = run("sin " .. case[1])
      assert.equal(0, result.status, result.err)
      assert.equal("", result.out)
      assert.is_true(exists(folder .. "/" .. case[2]))
      os.remove(folder .. "/" .. case[2])
    end)
  end

  it("writes whole milliseconds, and blocks by the rule", function()
    local list = records(trace "sin --time-duration 60 --block-size 100")
    local before = 0
    for _, record in ipairs(list) do
      assert.equal("integer", math.type(record.timestamp))
      assert.is_true(record.timestamp >= before and record.timestamp < 60000)
      before = record.timestamp
      assert.is_true((record.isl == 100 and record.osl == 2000) or (record.isl == 5000 and record.osl == 100))
    end
    check_rules(list, 100)
  end)

  it("spreads each interval's requests evenly, in whole milliseconds from its start", function()
    local counts, seen = {}, {}
    for _, record in ipairs(records(trace "sin --process-interval 2 --time-duration 51")) do
      local interval = record.timestamp // 2000
      counts[interval] = (counts[interval] or 0) + 1
      seen[#seen + 1] = record.timestamp
    end
    local k = 0
    for interval = 0, 25 do
      local width = interval == 25 and 1 or 2
      for i = 0, (counts[interval] or 0) - 1 do
        k = k + 1
        assert.equal(math.floor(1000 * (2 * interval + width * i / counts[interval])), seen[k])
      end
    end
    assert.equal(#seen, k)
  end)

  it("has the rate and the mix of its formulas", function()
    local seconds, firsts, counts, expected = 4000, {}, {}, {}
    local list = records(trace("sin --time-duration 4000 --isl2 500 --request-rate-min 4 --request-rate-max 16 "
      .. "--request-rate-period 20 --isl-osl-ratio-min 0.1 --isl-osl-ratio-max 0.7 --isl-osl-ratio-period 40"))
    for _, record in ipairs(list) do
      local second = record.timestamp // 1000 % 20
      counts[second] = (counts[second] or 0) + 1
      local phase = record.timestamp / 1000 % 40 // 2
      firsts[phase] = firsts[phase] or { 0, 0, 0 }
      local ratio = 0.4 + 0.3 * math.sin(2 * math.pi / 40 * record.timestamp / 1000 - math.pi / 2)
      firsts[phase][1] = firsts[phase][1] + (record.isl == 100 and 1 or 0)
      firsts[phase][2] = firsts[phase][2] + ratio
      firsts[phase][3] = firsts[phase][3] + ratio * (1 - ratio)
    end
    -- Sums of squared deviations in standard deviations: chi-square with 20 degrees; 45.3 has p = 0.001.
    local rate_statistic, mix_statistic = 0, 0
    for second = 0, 19 do
      expected[second] = (10 + 6 * math.sin(2 * math.pi / 20 * second - math.pi / 2)) * seconds / 20
      rate_statistic = rate_statistic + (counts[second] - expected[second]) ^ 2 / expected[second]
      mix_statistic = mix_statistic + (firsts[second][1] - firsts[second][2]) ^ 2 / firsts[second][3]
    end
    assert.is_true(rate_statistic < 45.3)
    assert.is_true(mix_statistic < 45.3)
  end)

  it("draws blocks from total-blocks, uniformly", function()
    local seen, count, total = {}, 0, 0
    local list = records(trace "sin --time-duration 300 --total-blocks 20 --isl2 512 --isl1 512")
    for _, record in ipairs(list) do
      local id = record.ids[1]
      if not seen[id] then count = count + 1 end
      seen[id] = (seen[id] or 0) + 1
      total = total + 1
    end
    assert.equal(20, count)
    local statistic = 0 -- chi-square with 19 degrees; 43.8 has p = 0.001
    for _, times in pairs(seen) do statistic = statistic + (times - total / 20) ^ 2 / (total / 20) end
    assert.is_true(statistic < 43.8)
  end)

  local refused = {
    { "sin --time-duration 1.5", "sin: --time-duration must be a whole number, not '1.5'" },
    { "sin --request-rate-min 20", "sin: --request-rate-min is above --request-rate-max" },
    { "sin --isl-osl-ratio-max 1.5", "sin: --isl-osl-ratio-max must be between 0 and 1, not 1.5" },
    { "sin --total-blocks 0", "sin: --total-blocks must be at least 1, not 0" },
    { "sin --request-rate 5", "sin: option '--request-rate' is ambiguous: it could be --request-rate-min, "
      .. "--request-rate-max, --request-rate-period" },
  }
  for _, case in ipairs(refused) do
    it("refuses with 2: " .. case[1], function()
      local result = run(case[1])
      assert.equal("moontide: " .. case[2] .. "\n", result.err)
      assert.equal(2, result.status)
    end)
  end
end)

-- --- every workload ---------------------------------------------------------------------------------

for _, name in ipairs { "steady", "burst", "mixed", "sin" } do
  describe(name, function()
    it("is the same for the same seed only", function()
      assert.equal(trace(name .. " --duration 9"), trace(name .. " --duration 9 --seed 0"))
      assert.are_not.equal(trace(name .. " --duration 9"), trace(name .. " --duration 9 --seed 1"))
    end)

    it("is its shards together", function()
      local parts, at = {}, {}
      for i = 0, 2 do
        parts[i], at[i] = {}, 0
        for line in trace(name .. " --num-requests 40 --shard " .. i .. "/3"):gmatch "[^\n]+" do
          table.insert(parts[i], line)
        end
      end
      local k = 0
      for line in trace(name .. " --num-requests 40"):gmatch "[^\n]+" do
        local shard = k % 3
        at[shard] = at[shard] + 1
        assert.equal(line, parts[shard][at[shard]])
        k = k + 1
      end
      assert.equal(40, k)
    end)

    it("is checked without writing", function()
      local result = run(name .. " --check", { folder = command.folder() })
      assert.equal(0, result.status)
      assert.is_truthy(result.out:find "^expected over %d+ s:\n")
      assert.is_truthy(result.out:find("digest of the first 10000 requests: %x+ %(" .. name .. ", seed 0%)\n$"))
      assert.is_false(exists(folder .. "/" .. name .. ".jsonl"))
    end)

    it("is plotted without writing", function()
      local elsewhere = command.folder()
      local result = run(name .. " --plot", { folder = elsewhere })
      assert.equal(0, result.status)
      assert.equal(("moontide: %s: seed 0\n"):format(name), result.err:match "[^\n]*\n$")
      assert.is_truthy(result.out:find "^rate\n.*seed 0   %S+ expected\nmean ISL\n.*mean OSL\n")
      assert.equal("", command.shell("ls", { folder = elsewhere }).out)
    end)
  end)
end

it("the default file is NAME.jsonl", function()
  assert.equal(0, run("steady --num-requests 5").status)
  assert.equal(5, written_lines(folder .. "/steady.jsonl"))
end)

it("the seed and the number are told on standard error", function()
  local result = run "steady --num-requests 5 --seed 9 -o x.jsonl"
  assert.equal("", result.out)
  assert.matches("^moontide: x.jsonl: 5 requests over 60 s, the last at 0%.%d+ s %(seed 9%)\n$", result.err)
  assert.matches("^moontide: x.jsonl: %d+ requests over 9 s %(seed 0%)\n$", run("steady --duration 9 -o x.jsonl").err)
end)

it("what is expected of a load of months is known at once", function()
  local function first(duration)
    return run("sin --num-requests 20 -o - --time-duration " .. duration).out
  end
  assert.equal(20, select(2, first(100):gsub("\n", "")))
  assert.equal(first(100), first(10000000))
end)

it("steady has a mean rate, lengths and Poisson gaps", function()
  local list = records(trace "steady --rate 200 --duration 100 --isl 1500 --osl lognormal:mean=300,cv=1")
  assert.is_true(math.abs(#list - 20000) < 4 * math.sqrt(20000))
  local output, squares, before = 0, 0, 0
  for _, record in ipairs(list) do
    assert.equal(3, #record.ids)
    output = output + record.osl
    squares = squares + ((record.timestamp - before) / 5) ^ 2
    before = record.timestamp
  end
  assert.is_true(math.abs(output / #list / 300 - 1) < 4 / math.sqrt(#list))
  assert.is_true(math.abs(squares / #list - 2) < 0.15) -- E[gap^2] of an exponential one
end)

it("burst bursts", function()
  local quiet, loud = 0, 0
  local list = records(trace "burst --base 2 --peak 80 --every 20 --burst-duration 5 --duration 400")
  for _, record in ipairs(list) do
    if record.timestamp / 1000 % 20 < 15 then quiet = quiet + 1 else loud = loud + 1 end
  end
  assert.is_true(math.abs(quiet - 600) < 4 * math.sqrt(600))
  assert.is_true(math.abs(loud - 8000) < 4 * math.sqrt(8000))
  local result = run "burst --every 5 --burst-duration 5"
  assert.equal("moontide: burst: --burst-duration must be shorter than --every (5 s)\n", result.err)
  assert.equal(2, result.status)
end)

it("mixed mixes", function()
  local first, total = 0, 0
  local list = records(trace("mixed --rate-min 40 --rate-max 40 --share-min 0.3 --share-max 0.3 --isl1 700 "
    .. "--duration 200"))
  for _, record in ipairs(list) do
    total, first = total + 1, first + (record.isl == 700 and 1 or 0)
  end
  assert.is_true(math.abs(first - 0.3 * total) < 4 * math.sqrt(0.21 * total))
end)

it("digests are equal for equal plans, and only for these", function()
  local function digest(line) return run(line .. " --check").out:match "requests: (%x+)" end
  assert.equal(digest "steady", digest "steady --compact --tags -o other.jsonl --shard 1/2")
  assert.are_not.equal(digest "steady", digest "steady --rate 11")
  assert.are_not.equal(digest "steady", digest "steady --seed 1")
end)

it("rate-scale keeps the requests and divides their times", function()
  local once = records(trace "steady --num-requests 50 --isl lognormal:mean=900,cv=1")
  local twice = records(trace "steady --num-requests 50 --isl lognormal:mean=900,cv=1 --rate-scale 2")
  for k, record in ipairs(once) do
    assert.same(record.ids, twice[k].ids)
    assert.equal(record.isl, twice[k].isl)
    assert.is_true(math.abs(record.timestamp / 2 - twice[k].timestamp) < 0.0011)
  end
end)

it("compact, tags and digits change how it is written", function()
  local line = "steady --num-requests 1 --compact --tags --timestamp-digits 6 -o -"
  assert.is_truthy(run(line).out:find
    '^{"timestamp":%d+%.%d%d%d%d+,"input_length":2000,"output_length":250,"hash_ids":%[0,1,2,3%],"stream":"main"}\n$')
  assert.is_truthy(run("steady --num-requests 1 --timestamp-digits 0 -o -").out:find '^{"timestamp": %d+, ')
end)

-- --- scripts' own plans -----------------------------------------------------------------------------

local function script(name, text)
  return command.write(folder, name, 'local mt = require "moontide"\n' .. text)
end

it("a curve in lengths or think times that ends early is told", function()
  command.write(folder, "early_lengths.lua", [[
local mt = require "moontide"
return mt.workload{ duration = "2m",
  mt.stream{ name = "a", arrivals = mt.even(1), input = mt.lognormal{ mean = mt.ramp(100, 1000, "1m"), cv = 1 } },
  mt.stream{ name = "b", arrivals = mt.sessions{ starts = mt.even(1), turns = 2,
    think = mt.exponential(mt.ramp(1, 9, "90s")) }, new_input = mt.by_turn{ 5, mt.fixed(mt.ramp(1, 9, "30s")) + 1 } },
  mt.stream{ name = "c", arrivals = mt.even(mt.const(1, "30s")), input = 1 + mt.fixed(mt.ramp(1, 9, "30s")) } }]])
  local result = run("early_lengths.lua --check")
  assert.equal(0, result.status)
  assert.equal("moontide: stream 'a': a curve in its lengths lasts 60 s, and requests come until 120 s: its last value "
    .. "holds from then on\n"
    .. "moontide: stream 'b': a curve in its lengths lasts 30 s, and requests come until 120 s: its last value holds "
    .. "from then on\n"
    .. "moontide: stream 'b': a curve in its turns or think times lasts 90 s, and requests come until 120 s: its last "
    .. "value holds from then on\n"
    .. "moontide: stream 'c': its curve lasts 30 s, the workload 120 s: it ends early\n", result.err)
end)

it("the busiest stretch is the first of several, or all of it", function()
  local function told(line) return run("steady --check --rate " .. line).out end
  assert.matches("\nbusiest: 0.5 per second, the same all the time\n", told "0.5 --duration 1h", 1, true)
  assert.matches("\nbusiest: 20 per second from 60 s on, over 3.5 s\n", told "steps:5@1m,20@5m,5@1m", 1, true)
end)

it("a curve that ends early, is cut or is below 0 is told", function()
  script("notes.lua", [[
return mt.workload { duration = 20,
  mt.stream { name = "a", arrivals = mt.poisson(mt.ramp(1, 5, 10)), input = 5 },
  mt.stream { name = "b", arrivals = mt.poisson(mt.ramp(1, 5, 30)), input = 5 },
  mt.stream { name = "c", arrivals = mt.poisson(mt.ramp(5, -5, 20)), input = 5 },
}]])
  local result = run "notes.lua -o notes.jsonl --check"
  assert.equal("moontide: stream 'a': its curve lasts 10 s, the workload 20 s: it ends early\n"
    .. "moontide: stream 'b': its curve lasts 30 s, the workload 20 s: it is cut\n"
    .. "moontide: stream 'c': its rate is below 0 from t = 10 s on and counts as 0 there\n", result.err)
end)

it("plans of scripts bring their script's name and their requests", function()
  script("both.lua", [[
return mt.workload { duration = 10,
  mt.plan_of("steady", { rate = 3, isl = 700 }), mt.plan_of("burst", { base = 2, peak = 2 }):scale(2) }]])
  local counts = {}
  for line in run("both.lua --tags -o -").out:gmatch "[^\n]+" do
    local isl, name = line:match '"input_length": (%d+),.*"stream": "([^"]*)"'
    assert.equal(name == "steady/main" and "700" or "2000", isl)
    counts[name] = (counts[name] or 0) + 1
  end
  assert.is_truthy(run("both.lua --check").out:find "\nall +70%.0 ")
  assert.is_true(math.abs(counts["steady/main"] - 30) < 4 * math.sqrt(30))
  assert.is_true(math.abs(counts["burst/main"] - 40) < 4 * math.sqrt(40))
end)

local wrong = {
  { "silent.lua", "return mt.workload { mt.stream { arrivals = mt.poisson(0), input = 5 } }",
    "silent.lua:2: no rate is above 0 anywhere: there would be no requests" },
  { "inside.lua", "return mt.workload { mt.stream { arrivals = mt.poisson(1), input = 5,\n"
    .. "  prompt = mt.shared_prefix { tokens = 9 } } }",
    "inside.lua:2: more than half of the prompts lie wholly inside their shared prefix: input= is the "
    .. "whole prompt (did you mean new_input=, what comes after the prefix?)" },
  { "infinite.lua", "return mt.workload { mt.stream { arrivals = mt.poisson(mt.const(1) / 0), input = 5 } }",
    "infinite.lua:2: stream 'main': the rate is infinite at t = 0 s" },
  { "weights.lua", "return mt.workload { duration = 9, mt.stream { arrivals = mt.poisson(9),\n"
    .. "  lengths = mt.classes { { mt.ramp(1, 1, 3), input = 5 } } } }",
    "weights.lua:2: stream 'main': classes: the weight of class 1 ends at 3 s, but requests come until 9 s" },
  { "option.lua", "return mt.workload { mt.stream { arrivals = mt.poisson(1), inptu = 5 } }",
    "option.lua:2: stream: unknown option 'inptu' (did you mean 'input'?)" },
}
for _, case in ipairs(wrong) do
  it("is refused with its line and 1: " .. case[1], function()
    script(case[1], case[2])
    local result = run(case[1])
    local message = "moontide: " .. case[3]
    assert.equal(message .. "\n", result.err)
    assert.equal(1, result.status)
    assert.is_false(exists(folder .. "/" .. case[1]:gsub("%.lua$", ".jsonl")))
  end)
end

it("what a script prints does not get into the trace", function()
  script("chatty.lua", 'print "hello"; return mt.script { summary = "x", plan = function()\n'
    .. '  print "there"; return mt.workload { mt.stream { arrivals = mt.even(1), input = 5 } } end }')
  local result = run "chatty.lua --num-requests 2 -o -"
  assert.equal(2, select(2, result.out:gsub("\n", "\n")))
  assert.is_truthy(result.err:find "^hello\nthere\n")
end)

-- --- output files -----------------------------------------------------------------------------------

-- Starts a workload that takes far longer than the test, and interrupts it once a megabyte is there.
local function interrupted(name)
  local line = ([[
    ulimit -f 1000000 # should it not be stopped, it fills no disk
    env --default-signal=INT "$MOONTIDE" steady --rate 100k --duration 100h --yes -o NAME & pid=$!
    until [ "$(awk '/^wchar/ { print $2 }' /proc/$pid/io)" -gt 1000000 ]; do
      kill -0 $pid 2>/dev/null || break
      sleep 0.05
    done
    kill -INT $pid
    wait $pid; echo $?]]):gsub("NAME", name)
  return command.shell(line, { folder = folder })
end

it("Ctrl-C leaves the whole requests so far in FILE.part and gives 130", function()
  local result = interrupted "long.jsonl"
  assert.equal("130\n", result.out)
  assert.equal("moontide: interrupted\nmoontide: the whole requests so far are in long.jsonl.part\n", result.err)
  assert.is_false(exists(folder .. "/long.jsonl"))
  local text = command.read(folder .. "/long.jsonl.part")
  assert.is_true(#text > 100000)
  assert.equal("}\n", text:sub(-2))
  assert.equal("", command.shell("ls -A | grep '^\\.'", { folder = folder }).out)
end)

it("Ctrl-C leaves an older file as it was", function()
  command.write(folder, "kept.jsonl", "old\n")
  assert.equal("130\n", interrupted("kept.jsonl").out)
  assert.equal("old\n", command.read(folder .. "/kept.jsonl"))
end)

it("a full disk is a failure, with 1", function()
  if command.shell("test -w /dev/full").status ~= 0 then return pending "there is no /dev/full" end
  local result = run "steady --rate 1000 -o /dev/full"
  assert.equal(1, result.status)
  assert.is_truthy(result.err:find "^moontide: /dev/full: .*No space left on device")
end)

it("a reader that goes away ends it quietly, with 1", function()
  local result = command.shell([[{ "$MOONTIDE" steady --rate 100k --duration 100h --yes -o -; echo $? >status; } | head -n 1]],
    { folder = folder })
  assert.is_truthy(result.out:find "^{")
  assert.equal("1\n", command.read(folder .. "/status"))
  assert.equal("", result.err)
end)

-- The most memory that making this many seconds of requests took, in KiB: the process reads its own, when it is done.
local function memory(seconds)
  local measured = ([[
    mt = require "moontide"
    load = mt.workload { duration = %d,
      mt.stream { arrivals = mt.poisson(100000), input = mt.lognormal { mean = 900, cv = 1 }, output = 100 } }
    assert(load:write "/dev/null")
    print((io.open "/proc/self/status":read "a":match "VmHWM:%%s*(%%d+)"))]]):format(seconds)
  local result = command.shell('"$MOONTIDE" repl < ' .. command.file(measured, "memory.lua"), { folder = folder })
  assert.equal("", result.err)
  return tonumber(result.out:match "(%d+)\n$")
end

it("memory does not grow with the number of requests", function()
  if not exists "/proc/self/status" then return pending "there is no /proc" end
  local short = memory(3)
  local long_run = memory(15)
  assert.is_true(short > 1000)
  assert.is_true(long_run < short + 1500, ("%d KiB, then %d"):format(short, long_run))
end)

-- --- what is told before a load is wrong --------------------------------------------------------------

local function check_of(name, text)
  command.write(folder, name, 'local mt = require "moontide"\n' .. text)
  return run(name .. " --check")
end

it("a prompt that ends inside its shared prefix counts for what it shares, and is told", function()
  local result = check_of("inside.lua", [[return mt.workload { mt.stream { arrivals = mt.poisson(10),
    input = mt.uniform(1000, 3000), prompt = mt.shared_prefix { tokens = 1536 } } }]])
  assert.equal(0, result.status)
  -- E[min(X, 1536)] of X uniform on [1000, 3000): 1536 - 536^2 / 4000
  assert.is_truthy(result.out:find "stream 'main': 1464.%d+ tokens shared on average")
  assert.is_truthy(result.err:find "warning: 27 %% of the prompts end inside their shared prefix")
end)

it("a shared part shorter than a block is told", function()
  local result = check_of("short.lua", [[return mt.workload { mt.stream { arrivals = mt.poisson(10),
    new_input = 500, prompt = mt.shared_prefix { tokens = 300 } } }]])
  assert.is_truthy(result.err:find "warning: stream 'main': 300 shared tokens are less than a block of 512")
end)

it("a curve that repeats after the default duration is told, one with a duration is not", function()
  local day = [[return mt.workload { %s mt.stream { input = 10,
    arrivals = mt.poisson(mt.sine { min = 1, max = 9, period = "24h" }) } }]]
  assert.is_truthy(check_of("day.lua", day:format "").err:find "its curve repeats every 86400 s, and nothing says")
  local result = check_of("day.lua", day:format 'duration = "24h",')
  assert.equal("", result.err)
  assert.is_truthy(result.out:find "\nbusiest: 8.99%d+ per second from %d+ s %(%d+h[%dm]*%) on, over 720 s\n")
end)
