-- Shards of a written trace keep together whoever waits for whom.
local command = require "tests.support.command"
local mt = require "moontide"

local folder

before_each(function() folder = command.folder() end)
after_each(command.remove_folders)

local function row(id, more)
  return ('{"request_id": "%s", "timestamp": 0, "input_length": 5, "output_length": 1%s}\n'):format(id,
    more and ", " .. more or "")
end

-- Which shard each request_id is in, by the pipe; every request is in one.
local function shards_of(trace, count)
  local shard_of, total = {}, 0
  for i = 0, count - 1 do
    for one in mt.trace.pipe(trace):shard(("%d/%d"):format(i, count)):requests() do
      local id = mt.json.decode(one.extra).request_id
      assert.is_nil(shard_of[id])
      shard_of[id], total = i, total + 1
    end
  end
  return shard_of, total
end

local function stay_together(trace, count)
  local shard_of, total = shards_of(trace, count)
  local used = {}
  for one in mt.trace.pipe(trace):requests() do
    local own = mt.json.decode(one.extra)
    used[shard_of[own.request_id]] = true
    for _, list in ipairs { own.wait_for or {}, own.branches or {} } do
      for _, name in ipairs(list) do assert.equal(shard_of[own.request_id], shard_of[name], name) end
    end
  end
  return total, used
end

describe("a shard", function()
  it("keeps sessions and their sub-agents together, in memory too", function()
    local plan = mt.workload { block_size = 16, duration = 10, mt.stream { new_input = 40, output = 20,
      arrivals = mt.sessions { starts = mt.even(2), turns = 4, think = 0.5 },
      branch = mt.branch { every = 2, count = 2, turns = 2, new_input = 30, output = 10,
        branch = mt.branch { chance = 0.5, turns = 1, new_input = 5 } } } }
    plan:write(folder .. "/t.jsonl", { seed = 3 })
    local whole = #assert(mt.trace.read(folder .. "/t.jsonl"))
    for _, count in ipairs { 2, 3, 7 } do
      local total, used = stay_together(folder .. "/t.jsonl", count)
      assert.equal(whole, total)
      for i = 0, count - 1 do assert.is_true(used[i], i) end
      assert.equal(whole, (stay_together(mt.trace.read(folder .. "/t.jsonl"), count)))
    end
    assert.equal(whole, (stay_together(plan:pipe { seed = 3 }, 3)))
  end)

  it("divides components in turn, whoever names whom first", function()
    local trace = command.write(folder, "f.jsonl", row "a" .. row "b" .. row "c" .. row("d", '"wait_for": ["a", "c"]')
      .. row("e", '"branches": ["f"]') .. row "f" .. row("g", '"session_id": 1') .. row("h", '"session_id": 1')
      .. row("i", '"session_id": 2, "wait_for": ["h"]') .. row "j" .. row("k", '"session_id": 2'))
    assert.same({ a = 0, c = 0, d = 0, b = 1, e = 0, f = 0, g = 1, h = 1, i = 1, k = 1, j = 0 }, (shards_of(trace, 2)))
    local result = command.line("cat f.jsonl --shard 1/2", { folder = folder })
    assert.equal(0, result.status, result.err)
    assert.equal(5, select(2, result.out:gsub("\n", "")))
  end)

  it("divides a stream as it comes, and refuses to part what belongs together", function()
    local late = row "a" .. row "b" .. row("c", '"wait_for": ["a", "b"]')
    command.write(folder, "late.jsonl", late)
    assert.equal(0, command.line("cat late.jsonl --shard 0/2", { folder = folder }).status)
    command.refuses(command.line("cat - --shard 0/2 -o out.jsonl", { folder = folder, input = late }),
      "standard input:3: it waits for requests that are in different shards already: who waits for whom must be read "
      .. "before the trace is divided, from a file and not from a stream")
    assert.is_false(command.exists(folder .. "/out.jsonl"))
    local early = row("a", '"branches": ["b"]') .. row "b" .. row("c", '"wait_for": ["b"]') .. row "d"
    local result = command.line("cat - --shard 0/2", { folder = folder, input = early })
    assert.equal(0, result.status, result.err)
    assert.equal(3, select(2, result.out:gsub("\n", "")))
  end)
end)

it("request_ids of joined, merged and repeated traces are kept apart, with all that names them", function()
  local path = command.write(folder, "f.jsonl", row("a", '"branches": ["b"], "x": {"request_id": "a"}')
    .. row("b", '"wait_for": ["a"]')
    .. '{"request_id": 7, "wait_for": [ "a" ,"b", null], "timestamp": 1, "input_length": 5, "output_length": 1}\n'
    .. '{"request_id": null, "wait_for": [], "timestamp": 1, "input_length": 5, "output_length": 1}\n')
  local first = { '"request_id": "a", "branches": ["b"], "x": {"request_id": "a"}', '"request_id": "b", "wait_for": ["a"]',
    '"request_id": 7, "wait_for": [ "a" ,"b", null]', '"request_id": null, "wait_for": []' }
  local second = { '"request_id": "a/2", "branches": ["b/2"], "x": {"request_id": "a"}',
    '"request_id": "b/2", "wait_for": ["a/2"]', '"request_id": "7/2", "wait_for": [ "a/2" ,"b/2", null]', first[4] }
  local whole = table.move(second, 1, 4, 5, table.move(first, 1, 4, 1, {}))
  local function extras(words)
    local result, list = command.line("cat f.jsonl " .. words .. " -o out.jsonl", { folder = folder }), {}
    assert.equal(0, result.status, result.err)
    for one in mt.trace.pipe(folder .. "/out.jsonl"):requests() do list[#list + 1] = one.extra:sub(2, -2) end
    return list
  end
  assert.same(whole, extras "f.jsonl")
  assert.same(whole, extras "--repeat 2")
  local merged = extras "f.jsonl --merge"
  table.sort(merged)
  table.sort(whole)
  assert.same(whole, merged)
  assert.same(table.move(first, 1, 4, 5, table.move(first, 1, 4, 1, {})), extras "f.jsonl --parts") -- of one trace
  assert.equal(4, #mt.trace.read(path))
end)
