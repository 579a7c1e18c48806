-- moontide synthesize --dequantize: a source whose clock ticks, its times spread before they are learnt from.
local command = require "tests.support.command"
local mt = require "moontide"
local records = require "tests.support.records"

local folder

-- 3000 requests at the ticks of a clock, every `period` ms, one to five at each.
local function ticking(period)
  local lines = {}
  local tick = 0
  for i = 1, 3000 do
    if i * i % 5 ~= 1 then tick = tick + i % 2 end
    lines[i] = ('{"timestamp": %d, "input_length": %d, "output_length": 5, "hash_ids": [%d, %d]}\n'):format(
      tick * period, 513 + i % 500, i % 40, i % 40 + 1000)
  end
  return table.concat(lines)
end

setup(function()
  folder = command.folder()
  command.write(folder, "t.jsonl", ticking(3000))
  command.write(folder, "fine.jsonl", ticking(1))
  command.write(folder, "few.jsonl", (ticking(3000):gsub("\n.*", "\n", 1)))
end)
teardown(command.remove_folders)

local function run(line)
  return command.shell('exec "$MOONTIDE" ' .. line, { folder = folder })
end

local function list_of(line)
  local result = run(line .. " -o -")
  assert.equal(0, result.status, result.err)
  return records.read(result.out), result.out
end

local function instants(list)
  local count, before = 0, -1
  for _, record in ipairs(list) do
    if record.timestamp ~= before then count = count + 1 end
    before = record.timestamp
  end
  return count
end

it("by either method, with either kind of arrivals, and nothing else changes", function()
  for _, line in ipairs { "", " --method radix", " --arrivals iid", " --method radix --arrivals source" } do
    line = "synthesize t.jsonl --seed 1 --timestamp-digits 6 --num-requests 1x" .. line
    local plain, list = list_of(line), list_of(line .. " --dequantize")
    assert.is_nil(records.fault(list, 512))
    assert.is_true(instants(plain) < 1600, line)
    assert.is_true(instants(list) > 2990, line)
    local duration, source = list[#list].timestamp, plain[#plain].timestamp
    assert.is_true(math.abs(duration / source - 1) < 0.06, line) -- of iid: 3 deviations
    for i, record in ipairs(plain) do
      assert.equal(0, record.timestamp % 3000)
      assert.equal(record.line:match '"input_length.*', list[i].line:match '"input_length.*')
    end
  end
end)

it("counts in whole minutes stay the source's", function()
  local source = records.read(command.read(folder .. "/t.jsonl"))
  local made = list_of "synthesize t.jsonl --dequantize --num-requests 1x --seed 2"
  local function per_minute(list)
    local counts = {}
    for _, record in ipairs(list) do
      local minute = record.timestamp // 60000
      counts[minute] = (counts[minute] or 0) + 1
    end
    return counts
  end
  local wanted, got = per_minute(source), per_minute(made)
  local last = source[#source].timestamp // 60000
  assert.is_true(last > 40)
  for minute = 0, last - 1 do
    assert.is_true(math.abs(wanted[minute] - got[minute]) <= 5, minute) -- a tick more or less
  end
end)

it("the same seed, the same bytes, of the trace and of its model; another, others", function()
  local line = "synthesize %s --dequantize --num-requests 500 --seed %d"
  local _, one = list_of(line:format("t.jsonl", 1))
  local _, other = list_of(line:format("t.jsonl", 2))
  assert.are_not.equal(one, other)
  assert.equal(0, run("learn t.jsonl -o t.model").status)
  local _, again = list_of(line:format("t.model", 1))
  assert.equal(one, again)
  local synthesizer = assert(mt.synthesizer(folder .. "/t.jsonl", { dequantize = true, seed = 1 }))
  assert(synthesizer:write(folder .. "/lua.jsonl", { num_requests = 500 }))
  assert.equal(one, command.read(folder .. "/lua.jsonl"))
end)

for _, case in ipairs {
  { "times on no grid", "fine.jsonl", 1,
    "the source's times lie on no grid (3000 looked at): there is nothing to dequantize" },
  { "too few times to tell", "few.jsonl", 1,
    "the source's times lie on no grid (1 looked at): there is nothing to dequantize" },
  { "a model without the order of its gaps", "bare.model", 1,
    "the model has its gaps without their order, and its times cannot be dequantized without it" },
  { "the times of a script", "t.jsonl --arrivals burst", 2,
    "synthesize: --dequantize is for the source's arrivals, not for --arrivals SCRIPT" },
} do
  it("refuses " .. case[1] .. ", and leaves an old file as it was", function()
    assert.equal(0, run("learn t.jsonl --no-gaps -o bare.model").status)
    command.write(folder, "old.jsonl", "old")
    local result = run(("synthesize %s --dequantize -o old.jsonl"):format(case[2]))
    assert.equal("moontide: " .. case[4] .. "\n", result.err)
    assert.equal(case[3], result.status)
    assert.equal("old", command.read(folder .. "/old.jsonl"))
  end)
end

it("from Lua, refuses a plan's times", function()
  local plan = mt.workload { duration = 20, mt.stream { arrivals = mt.even(5), input = 9 } }
  assert.error_matches(function()
    mt.synthesizer(folder .. "/t.jsonl", { arrivals = plan, dequantize = true })
  end, "synthesizer: dequantize is for the source's arrivals, not for those of a plan", nil, true)
end)
