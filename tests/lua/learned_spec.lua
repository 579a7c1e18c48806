-- Learnt prompts in streams: whose they are, what stays at every scale, shard and seed, what is refused.
local command = require "tests.support.command"
local mt = require "moontide"
local refusal = require "tests.support.refusal"
local sources = require "tests.support.sources"

teardown(command.remove_folders)

local file_of = command.file

local function source_of(name, requests)
  local path = command.file()
  sources[name](path, requests)
  return path
end

local source
setup(function() source = source_of("repeated_documents", 1500) end)

local function stream(more)
  local opt = { arrivals = mt.even(10), prompt = mt.learned(source) }
  for key, value in pairs(more or {}) do opt[key] = value end
  return mt.stream(opt)
end

local list_of = require "tests.support.records".of

-- What a list's requests are, without their times.
local function contents(list)
  local all = {}
  for i, request in ipairs(list) do
    all[i] = { request.input_length, request.output_length, request.hash_ids }
  end
  return all
end

-- Ids numbered by first appearance: what two lists of the same sharing have in common.
local function renamed(list)
  local names, count, all = {}, 0, {}
  for i, request in ipairs(list) do
    all[i] = { request.input_length, request.output_length }
    for k, id in ipairs(request.hash_ids) do
      if not names[id] then names[id], count = count, count + 1 end
      all[i][k + 2] = names[id]
    end
  end
  return all
end

it("a stream has them without end, with the trace's lengths", function()
  local workload = mt.workload { duration = 200, stream() }
  local columns, trace = workload:columns(), mt.trace.read(source)
  assert.equal(2000, #columns)
  local one_lap = mt.workload { duration = 150, stream() }:columns()
  for _, name in ipairs { "input_length", "output_length" } do
    local a, b = one_lap:column(name):values(), trace:column(name):values()
    table.sort(a)
    table.sort(b)
    assert.same(b, a)
    assert.is_true(math.abs(workload:expected()[name] - trace:column(name):mean()) < 1e-6)
  end
end)

it("they come back in a cache as the trace's do, on another load", function()
  local load = mt.workload { duration = 170, stream { arrivals = mt.poisson(mt.ramp(0, 20, 170)) } }
  local columns = load:columns { num_requests = 1500 } -- of 1700 +- 41
  local hit_infinite = mt.compare(source, columns).hit_infinite
  assert.equal(1500, #columns)
  assert.is_true(hit_infinite[1] > 0.5)
  assert.is_true(math.abs(hit_infinite[1] - hit_infinite[2]) < 0.002)
end)

it("request k keeps its lengths and prefix at every scale, duration and process", function()
  local workload = mt.workload { duration = 30, stream { arrivals = mt.poisson(10) } }
  local list = contents(list_of(workload, { num_requests = 200 }))
  assert.same(list, contents(list_of(workload:scale(3), { num_requests = 200 })))
  assert.same(list, contents(list_of(workload, { num_requests = 200, duration = 500 })))
  assert.same(list, contents(list_of(mt.workload { stream { arrivals = mt.even(7) } }, { num_requests = 200 })))
end)

it("shards together are the whole", function()
  local workload = mt.workload { duration = 30, stream { name = "a" }, stream { name = "b" } }
  local whole, parts = list_of(workload, { num_requests = 500 }), {}
  for shard = 0, 2 do
    for i, request in ipairs(list_of(workload, { num_requests = 500, shard = shard .. "/3" })) do
      parts[3 * (i - 1) + shard + 1] = request
    end
  end
  assert.equal(500, #whole)
  assert.same(contents(whole), contents(parts))
end)

it("the seed decides", function()
  local workload = mt.workload { duration = 30, stream() }
  local list = renamed(list_of(workload, { seed = 4 }))
  assert.same(list, renamed(list_of(workload, { seed = 4 })))
  assert.are_not.same(list, renamed(list_of(workload, { seed = 5 })))
end)

it("streams have populations of their own, which do not depend on each other", function()
  local learnt = mt.learned(source)
  local both = mt.workload { duration = 30, stream { name = "a", prompt = learnt },
    stream { name = "b", prompt = learnt } }
  local columns = both:columns()
  assert.equal(600, #columns)
  local path = command.file()
  both:write(path, {})
  local lists, owner = { a = {}, b = {} }, {}
  local run = require("moontide.load.workload_run").run(both, { seed = 0, duration = 30, tags = true })
  local core = require "moontide.core"
  for request in function() return core.source.next(run) end do
    local list = lists[request.stream]
    list[#list + 1] = request
    for _, id in ipairs(request.hash_ids) do
      assert.equal(request.stream, owner[id] or request.stream)
      owner[id] = request.stream
    end
  end
  for _, name in ipairs { "a", "b" } do
    local alone = mt.workload { duration = 30, stream { name = name, prompt = learnt } }
    assert.same(renamed(list_of(alone)), renamed(lists[name]))
  end
  assert.are_not.same(renamed(lists.a), renamed(lists.b))
end)

it("a path, columns, a reader, a model and its file are the same source", function()
  local function of(value)
    return contents(list_of(mt.workload { stream { prompt = mt.learned(value) } }, { num_requests = 100 }))
  end
  local path = of(source)
  assert.same(path, of(mt.trace.read(source)))
  assert.same(path, of(mt.trace.open(source)))
  local learnt, file = mt.model.learn(source), command.file()
  assert.same(path, of(learnt))
  assert(learnt:write(file))
  assert.same(path, of(file))
  assert(learnt:write(file, { gaps = false })) -- the stream has times of its own
  assert.same(path, of(file))
end)

it("a trace of other blocks is learnt by its own", function()
  local small = source_of("bailian", 300)
  local prompt = mt.learned(small, { block_size = 16 })
  local workload = mt.workload { block_size = 16, mt.stream { arrivals = mt.even(10), prompt = prompt } }
  local list = list_of(workload, { num_requests = 300 })
  assert.equal(300, #list)
  prompt = mt.learned(assert(mt.model.learn(small, { block_size = 16 }))) -- a model has its own
  workload = mt.workload { block_size = 16, mt.stream { arrivals = mt.even(10), prompt = prompt } }
  assert.same(list, list_of(workload, { num_requests = 300 }))
end)

it("a model field keeps prompts apart, output= replaces their OSL", function()
  local choice = mt.choice { { 1, "large" }, { 1, "small" } }
  local list = list_of(mt.workload { duration = 30, stream { fields = { model = choice }, output = 9 } })
  local owner, seen = {}, {}
  for _, request in ipairs(list) do
    local name = request.extra:match '"model": "(%a+)"'
    assert.equal(9, request.output_length)
    for _, id in ipairs(request.hash_ids) do
      seen[name] = true
      assert.equal(name, owner[id] or name)
      owner[id] = name
    end
  end
  assert.is_true(seen.large and seen.small)
end)

it("requests without ids or outputs stay so in kind", function()
  local path = file_of('{"timestamp": 0, "input_length": 700}\n')
  local list = list_of(mt.workload { mt.stream { arrivals = mt.even(1), prompt = mt.learned(path) } },
    { num_requests = 3 })
  assert.same({ { 700, nil, { 0, 1 } }, { 700, nil, { 2, 3 } }, { 700, nil, { 4, 5 } } }, contents(list))
end)

it("they print as what they are", function()
  assert.equal("learned(1500 requests)", tostring(mt.learned(source)))
end)

describe("mistakes are told with the caller's line", function()
  local path = file_of '{"timestamp": 0, "input_length": 700, "output_length": 5, "hash_ids": [1, 2]}\n'
  local falling = file_of '{"timestamp": 2000, "input_length": 1}\n{"timestamp": 1000, "input_length": 1}\n'
  local empty, none = file_of "", file_of '{"timestamp": 0, "input_length": 0}\n'
  local function learnt() return mt.learned(path) end
  local decides = "@stream: learned decides the lengths of its prompts: leave out %s= (output= may replace its OSL)"
  local cases = {
    { decides:format "input", function() mt.stream { arrivals = mt.even(1), prompt = learnt(), input = 5 } end },
    { decides:format "new_input",
      function() mt.stream { arrivals = mt.even(1), prompt = learnt(), new_input = 5 } end },
    { decides:format "lengths",
      function() mt.stream { arrivals = mt.even(1), prompt = learnt(), lengths = mt.lengths_of(path) } end },
    { "@classes: class 1: learned decides the lengths of its prompts: it is for a stream of its own",
      function() mt.classes { { 1, input = 5, prompt = learnt() } } end },
    { "@stream: sessions need new_input=, what a turn adds to what was said before; learned brings whole prompts",
      function()
        local sessions = mt.sessions { starts = mt.even(1), turns = 2, think = 1 }
        mt.stream { arrivals = sessions, prompt = learnt() }
      end },
    { "@stream 'main': learned: the model was learnt with blocks of 512 tokens, and the workload has blocks of 16 "
      .. "(block_size= of the workload)",
      function() mt.workload { block_size = 16, mt.stream { arrivals = mt.even(1), prompt = learnt() } }:requests() end },
    { "@learned: block_size must be at least 1, not 0", function() mt.learned(path, { block_size = 0 }) end },
    { "@learned: unknown option 'blocksize' (did you mean 'block_size'?)",
      function() mt.learned(path, { blocksize = 16 }) end },
    { "@learned: the trace has a request with an input_length of 0", function() mt.learned(none) end },
  }
  for _, case in ipairs(cases) do
    it(case[1], function() refusal.is(table.unpack(case)) end)
  end

  local files = {
    { "a file that is not there", "/nowhere/x.jsonl", "/nowhere/x.jsonl: " },
    { "an empty file", empty, "no requests" },
    { "times that decrease", falling, falling .. ":2: the timestamp is earlier than the one before" },
    { "blocks of another size", path, path .. ":1: hash_ids has 2 ids, but input_length 700 makes 44 blocks of 16", 16 },
  }
  for _, case in ipairs(files) do
    it(case[1], function()
      local problem = refusal.message(mt.learned, case[2], { block_size = case[4] })
      assert.is_truthy(problem:find("learned: ", 1, true), problem)
      assert.is_truthy(problem:find(case[3], 1, true), problem)
    end)
  end
end)
