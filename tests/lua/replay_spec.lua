-- A trace as a source: its times, its prompts, its pairs of lengths.
local command = require "tests.support.command"
local mt = require "moontide"
local refusal = require "tests.support.refusal"

teardown(command.remove_folders)

local file_of = command.file

local list_of = require "tests.support.records".of

-- Ids numbered by first appearance: what two traces of the same sharing have in common.
local function renamed(list)
  local names, count, all = {}, 0, {}
  for i, request in ipairs(list) do
    all[i] = {}
    for k, id in ipairs(request.hash_ids or {}) do
      if not names[id] then names[id], count = count, count + 1 end
      all[i][k] = names[id]
    end
  end
  return all
end

-- A trace that starts at 5 s, with equal times, equal prompts, an absent output and absent ids.
local small = [[
{"timestamp": 5000, "input_length": 100, "output_length": 7, "hash_ids": [90, 17]}
{"timestamp": 5250, "input_length": 64, "hash_ids": [90]}
{"timestamp": 5250, "input_length": 200, "output_length": 0, "hash_ids": [90, 17, 40, 41]}
{"timestamp": 9000, "input_length": 65, "output_length": 3}
]]

local function replay(trace, more, times)
  local opt = { arrivals = mt.times_of(trace, times), prompt = mt.prompts_of(trace) }
  for key, value in pairs(more or {}) do opt[key] = value end
  return mt.workload { block_size = 64, mt.stream(opt) }
end

it("times and prompts together are the trace again, from 0 on", function()
  local list = list_of(replay(file_of(small)))
  local times, lengths, outputs = {}, {}, {}
  for i, request in ipairs(list) do
    times[i], lengths[i], outputs[i] = request.timestamp, request.input_length, request.output_length or "none"
  end
  assert.same({ 0, 250, 250, 4000 }, times)
  assert.same({ 100, 64, 200, 65 }, lengths)
  assert.same({ 7, "none", 0, 3 }, outputs)
  assert.same({ { 0, 1 }, { 0 }, { 0, 1, 2, 3 }, { 4, 5 } }, renamed(list))
end)

it("it lasts as long as the trace, the last request included", function()
  local workload = replay(file_of(small))
  assert.is_true(math.abs(workload:expected().duration - 4) < 1e-9)
  assert.equal(4, workload:expected().requests)
  assert.is_true(math.abs(workload:expected().input_length - 429 / 4) < 1e-9)
  assert.is_true(math.abs(workload:expected().output_length - 10 / 3) < 1e-9)
  assert.equal(3, workload:expected { duration = 4 }.requests)
end)

it("columns will do instead of a file", function()
  local path = file_of(small)
  assert.same(list_of(replay(path)), list_of(replay(mt.trace.read(path))))
end)

it("speed divides the times", function()
  local list = list_of(replay(file_of(small), nil, { speed = 4 }))
  assert.equal(1000, list[4].timestamp)
  assert.equal(62.5, list[2].timestamp)
end)

it("output= replaces the OSL of all", function()
  for _, request in ipairs(list_of(replay(file_of(small), { output = 11 }))) do
    assert.equal(11, request.output_length)
  end
  assert.equal(11, replay(file_of(small), { output = 11 }):expected().output_length)
end)

it("the stream ends with its prompts", function()
  local workload = mt.workload { block_size = 64, duration = 60,
    mt.stream { arrivals = mt.even(1), prompt = mt.prompts_of(file_of(small)) } }
  assert.equal(4, #list_of(workload))
  assert.equal(4, workload:expected().requests)
  local both = mt.workload { block_size = 64, duration = 8,
    mt.stream { name = "a", arrivals = mt.even(1), prompt = mt.prompts_of(file_of(small)) },
    mt.stream { name = "b", arrivals = mt.even(1), input = 5 } }
  assert.equal(12, #list_of(both))
end)

it("wrap begins again, with the same prompts", function()
  local workload = mt.workload { block_size = 64, duration = 10,
    mt.stream { arrivals = mt.even(1), prompt = mt.prompts_of(file_of(small), { wrap = true }) } }
  local list = list_of(workload)
  assert.equal(10, #list)
  for i = 5, 10 do assert.equal(list[i - 4].input_length, list[i].input_length) end
  for i = 5, 7 do assert.same(list[i - 4].hash_ids, list[i].hash_ids) end
  assert.are_not.same(list[4].hash_ids, list[8].hash_ids) -- it had no ids: all new
end)

it("times wrap after a mean gap", function()
  local list = list_of(replay(file_of(small), { prompt = mt.unique(), input = 5 }, { wrap = true }), { duration = 16 })
  local lap = 4000 * 4 / 3
  for i, request in ipairs(list) do
    if i > 4 then assert.is_true(math.abs(request.timestamp - list[i - 4].timestamp - lap) < 1e-3) end
  end
  assert.equal(12, #list)
end)

it("a trace that was made comes back whole", function()
  local made = mt.workload { block_size = 64, duration = 100, mt.stream {
    arrivals = mt.sessions { starts = mt.poisson(1), turns = mt.geometric(3), think = mt.exponential(9) },
    new_input = mt.uniform(1, 300), output = mt.uniform(0, 90), prompt = mt.shared_prefix { tokens = 200 } } }
  local path = command.file()
  local count = made:write(path)
  local before, after = list_of(made), list_of(replay(path))
  assert.equal(count, #after)
  assert.same(renamed(before), renamed(after))
  for i, request in ipairs(before) do
    assert.equal(request.input_length, after[i].input_length)
    assert.equal(request.output_length, after[i].output_length)
    assert.is_true(math.abs(request.timestamp - before[1].timestamp - after[i].timestamp) < 1.1e-3)
  end
end)

it("a real trace comes back whole", function()
  local path, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"
  if missing then return pending(missing) end
  local real = mt.trace.read(path)
  local workload = mt.workload { mt.stream { arrivals = mt.times_of(real), prompt = mt.prompts_of(real) } }
  local made = workload:columns()
  assert.equal(#real, #made)
  local names, count = {}, 0
  for i = 1, #real do
    local one, other = real[i], made[i]
    assert.equal(one.input_length, other.input_length)
    assert.equal(one.output_length, other.output_length)
    assert.equal(one.timestamp - real[1].timestamp, other.timestamp)
    assert.equal(#one.hash_ids, #other.hash_ids)
    for k, id in ipairs(one.hash_ids) do
      if not names[id] then names[id], count = count, count + 1 end
      if names[id] ~= other.hash_ids[k] then error(("request %d: id %d is another"):format(i, k)) end
    end
  end
end)

it("lengths_of draws the pairs whole, each as likely", function()
  local path = file_of [[
{"timestamp": 0, "input_length": 10, "output_length": 1}
{"timestamp": 0, "input_length": 20, "output_length": 2}
{"timestamp": 0, "input_length": 30}
]]
  local workload = mt.workload { duration = 90, mt.stream { arrivals = mt.poisson(100), lengths = mt.lengths_of(path) } }
  local counts, list = { 0, 0, 0 }, list_of(workload)
  for _, request in ipairs(list) do
    local k = request.input_length // 10
    counts[k] = counts[k] + 1
    assert.equal(k < 3 and k or nil, request.output_length)
  end
  for k = 1, 3 do assert.is_true(math.abs(counts[k] - #list / 3) < 4 * math.sqrt(#list * 2 / 9)) end
  assert.equal(20, workload:expected().input_length)
  assert.equal(1.5, workload:expected().output_length)
  assert.equal("lengths_of(3 requests)", tostring(mt.lengths_of(path)))
end)

it("they print what they are", function()
  local path = file_of(small)
  assert.equal("times_of(4 requests in 4 s, {speed=2})", tostring(mt.times_of(path, { speed = 2 })))
  assert.equal("prompts_of(4 requests, {wrap=true})", tostring(mt.prompts_of(path, { wrap = true })))
end)

describe("mistakes are told with the caller's line", function()
  local path, empty = file_of(small), file_of ""
  local falling = file_of '{"timestamp": 2000, "input_length": 1}\n{"timestamp": 1000, "input_length": 1}\n'
  local bare = file_of '{"timestamp": 1, "input_length": 9}\n{"input_length": 9}\n{"timestamp": 1, "output_length": 9}\n'
  local cases = {
    { "@times_of: speed must be above 0, not 0", function() mt.times_of(path, { speed = 0 }) end },
    { "@times_of: the trace has no requests", function() mt.times_of(empty) end },
    { "@prompts_of: the trace has no requests", function() mt.prompts_of(empty) end },
    { "@lengths_of: the trace has no requests with lengths", function() mt.lengths_of(empty) end },
    { "@times_of: the times decrease at request 2 of the trace (1 s after 2 s): moontide cat --sort puts them in order",
      function() mt.times_of(falling) end },
    { "@times_of: request 2 of the trace has no timestamp", function() mt.times_of(bare) end },
    { "@prompts_of: request 3 of the trace has no input_length above 0", function() mt.prompts_of(bare) end },
    { "@lengths_of: request 3 of the trace has no input_length above 0", function() mt.lengths_of(bare) end },
    { "@stream: prompts_of decides the lengths of its prompts: leave out input= (output= may replace its OSL)",
      function() mt.stream { arrivals = mt.even(1), prompt = mt.prompts_of(path), input = 5 } end },
    { "@stream: prompts_of decides the lengths of its prompts: leave out new_input= (output= may replace its OSL)",
      function() mt.stream { arrivals = mt.even(1), prompt = mt.prompts_of(path), new_input = 5 } end },
    { "@stream: prompts_of decides the lengths of its prompts: leave out lengths= (output= may replace its OSL)",
      function() mt.stream { arrivals = mt.even(1), prompt = mt.prompts_of(path), lengths = mt.lengths_of(path) } end },
    { "@classes: class 1: prompts_of decides the lengths of its prompts: it is for a stream of its own",
      function() mt.classes { { 1, input = 5, prompt = mt.prompts_of(path) } } end },
    { "@stream 'main': prompts_of: request 1 of the trace has 2 hash ids for 100 tokens, which blocks of 512 tokens "
      .. "do not fit (block_size= of the workload)",
      function() mt.workload { mt.stream { arrivals = mt.even(1), prompt = mt.prompts_of(path) } }:requests() end },
  }
  for _, case in ipairs(cases) do
    it(case[1], function() refusal.is(table.unpack(case)) end)
  end

  it("a file that is not there", function()
    assert.is_truthy(refusal.message(mt.times_of, "/nowhere/x.jsonl"):find("/nowhere/x.jsonl: ", 1, true))
  end)
end)
