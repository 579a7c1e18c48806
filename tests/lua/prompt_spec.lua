-- Prompt sources as values: what they share, how they print, what they refuse.
local mt = require "moontide"

local function requests(prompt, lengths, count)
  local stream = { arrivals = mt.poisson(100), prompt = prompt }
  for key, value in pairs(lengths) do stream[key] = value end
  local workload = mt.workload { block_size = 100, duration = 1000, mt.stream(stream) }
  local list = {}
  for request in workload:requests { num_requests = count or 50 } do list[#list + 1] = request end
  return list
end

-- How many leading ids two requests share.
local function shared(a, b)
  local n = 0
  while a.hash_ids[n + 1] and a.hash_ids[n + 1] == b.hash_ids[n + 1] do n = n + 1 end
  return n
end

local fails = require "tests.support.refusal".is

it("unique shares nothing", function()
  local list = requests(mt.unique(), { input = 250 }, 20)
  local next_id = 0
  for _, request in ipairs(list) do
    assert.same({ next_id, next_id + 1, next_id + 2 }, request.hash_ids)
    next_id = next_id + 3
  end
end)

it("closing one unique closes no other", function()
  local other = mt.unique()
  do
    local closed <close> = mt.unique()
    assert.equal("unique()", tostring(closed))
  end
  assert.equal(5, #requests(other, { input = 250 }, 5))
  assert.equal(5, #requests(mt.unique(), { input = 250 }, 5))
  assert.equal(5, #requests(nil, { input = 250 }, 5)) -- the prompt of a stream that names none
end)

it("random_blocks draws each block", function()
  local firsts, count = {}, 0
  for _, request in ipairs(requests(mt.random_blocks { total = 3 }, { input = 200 }, 200)) do
    if not firsts[request.hash_ids[1]] then count = count + 1 end
    firsts[request.hash_ids[1]] = true
  end
  assert.equal(3, count)
end)

it("shared_prefix shares whole blocks", function()
  local list = requests(mt.shared_prefix { tokens = 350 }, { new_input = 60 })
  for i = 2, #list do
    assert.equal(410, list[i].input_length)
    assert.equal(3, shared(list[1], list[i]))
  end
end)

it("shared_prefix has groups, by a Zipf law when asked", function()
  for _, zipf in ipairs { 0, 1.2 } do
    local kinds, count = {}, 0
    for _, request in ipairs(requests(mt.shared_prefix { tokens = 100, groups = 4, zipf = zipf },
      { new_input = 10 }, 300)) do
      local first = request.hash_ids[1]
      if not kinds[first] then count = count + 1 end
      kinds[first] = (kinds[first] or 0) + 1
    end
    assert.equal(4, count)
  end
end)

it("a group's length is drawn once", function()
  local by_group = {}
  for _, request in ipairs(requests(mt.shared_prefix { tokens = mt.uniform(100, 900), groups = 5 },
    { new_input = 1 }, 100)) do
    local first = request.hash_ids[1]
    by_group[first] = by_group[first] or request.input_length
    assert.equal(by_group[first], request.input_length)
  end
end)

it("parts are chained: a tree of depth 3", function()
  local tree = mt.parts { { tokens = 100 }, { tokens = 100, pick = 2 }, { tokens = 100, pick = 2 } }
  local levels = { {}, {}, {} }
  for _, request in ipairs(requests(tree, { new_input = 5 }, 200)) do
    assert.equal(4, #request.hash_ids)
    for depth = 1, 3 do levels[depth][request.hash_ids[depth]] = true end
  end
  for depth, wanted in ipairs { 1, 2, 4 } do
    local count = 0
    for _ in pairs(levels[depth]) do count = count + 1 end
    assert.equal(wanted, count)
  end
end)

it("parts are chained: retrieval picks several documents", function()
  local rag = mt.parts { { tokens = 100 }, { tokens = 200, pick = mt.zipf { n = 1000, s = 1 }, count = 3 } }
  for _, request in ipairs(requests(rag, { new_input = 40 })) do
    assert.equal(740, request.input_length)
    assert.equal(8, #request.hash_ids)
  end
end)

it("names share between streams, models never", function()
  local function stream(name, model, prefix)
    return mt.stream {
      name = name, arrivals = mt.even(1), new_input = 10, fields = model and { model = model },
      prompt = mt.shared_prefix { tokens = 200, name = prefix },
    }
  end
  local function first_shared(a, b)
    local list = {}
    for request in mt.workload { block_size = 100, duration = 1, a, b }:requests() do list[#list + 1] = request end
    return shared(list[1], list[2])
  end
  assert.equal(2, first_shared(stream("a", nil, "x"), stream("b", nil, "x")))
  assert.equal(0, first_shared(stream("a", nil, nil), stream("b", nil, nil)))
  assert.equal(0, first_shared(stream("a", nil, "x"), stream("b", nil, "y")))
  assert.equal(0, first_shared(stream("a", "m", "x"), stream("b", "n", "x")))
  assert.equal(2, first_shared(stream("a", "m", "x"), stream("b", "m", "x")))
end)

it("they print as they are written", function()
  assert.equal("unique()", tostring(mt.unique()))
  assert.equal("random_blocks{total=7}", tostring(mt.random_blocks { total = 7 }))
  assert.equal('shared_prefix{tokens=2000, groups=8, zipf=1.1, name="s"}',
    tostring(mt.shared_prefix { tokens = 2000, groups = 8, zipf = 1.1, name = "s" }))
  assert.equal("parts{ {tokens=512}, {tokens=fixed(64), pick=8, count=2} }",
    tostring(mt.parts { { tokens = 512 }, { tokens = mt.fixed(64), pick = 8, count = 2 } }))
end)

describe("mistakes are told with the caller's line", function()
  local cases = {
    { "@random_blocks: total is required", function() mt.random_blocks {} end },
    { "@random_blocks: total must be at least 1, not 0", function() mt.random_blocks { total = 0 } end },
    { "@shared_prefix: tokens is required", function() mt.shared_prefix { groups = 3 } end },
    { "@shared_prefix: unknown option 'group' (did you mean 'groups'?)",
      function() mt.shared_prefix { tokens = 3, group = 3 } end },
    { "@shared_prefix: zipf must be at least 0, not -1", function() mt.shared_prefix { tokens = 3, zipf = -1 } end },
    { "@parts: needs at least one part, as in parts{ {tokens=512}, {tokens=2048, pick=100} }",
      function() mt.parts {} end },
    { "@parts: part 2: count must be at least 1, not 0",
      function() mt.parts { { tokens = 3 }, { tokens = 3, count = 0 } } end },
    { "@parts: part 1: pick must be a whole number, not 1.5", function() mt.parts { { tokens = 3, pick = 1.5 } } end },
  }
  for _, case in ipairs(cases) do
    it(case[1], function() fails(case[1], case[2]) end)
  end
end)
