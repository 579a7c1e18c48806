-- Sub-agents: when they begin, what their prompts carry, what waits for them, and what is expected of them.
local mt = require "moontide"
local refusal = require "tests.support.refusal"

local block = 16
local service = { ttft = 0.1, per_token = 0.01 }

-- Requests of a plan whose sessions have sub-agents, with the members that name others; by request_id too.
local function run(branch, more, opt)
  local sessions = { starts = mt.even(1), turns = 6, think = 0.5, service = service }
  for key, value in pairs(more or {}) do sessions[key] = value end
  local plan = mt.workload { block_size = block, duration = opt and opt.duration or 5,
    mt.stream { name = "a", arrivals = mt.sessions(sessions), new_input = 40, output = 20,
      prompt = mt.shared_prefix { tokens = 100 }, branch = mt.branch(branch) } }
  local list, by_name = {}, {}
  for request in plan:requests(opt) do
    local row = mt.json.decode(request.extra)
    for key, value in pairs(request) do row[key] = value end
    list[#list + 1], by_name[row.request_id] = row, row
  end
  return list, by_name, plan
end

local function children_of(shape)
  local all = { every = 2, count = 2, turns = 3, new_input = 30, output = 10 }
  for key, value in pairs(shape or {}) do all[key] = value end
  return all
end

-- When the answer has come, milliseconds.
local function answered(row)
  return row.timestamp + 1000 * (service.ttft + service.per_token * row.output_length)
end

local function near(a, b)
  assert.is_true(math.abs(a - b) < 1e-3, ("%.9g is not %.9g"):format(a, b))
end

local function common(a, b)
  local n = 0
  while a.hash_ids[n + 1] and a.hash_ids[n + 1] == b.hash_ids[n + 1] do n = n + 1 end
  return n
end

-- What holds of every trace with branches: names are of requests that came before, times follow from waits.
local function check(list, by_name)
  local seen = {}
  for _, row in ipairs(list) do
    assert.is_nil(seen[row.request_id])
    seen[row.request_id] = true
    local latest
    for _, name in ipairs(row.wait_for or {}) do
      assert.is_true(seen[name], name)
      latest = math.max(latest or 0, answered(by_name[name]))
    end
    assert.equal(row.turn == 0 and not row.session_id:find(".", 1, true), row.wait_for == nil)
    if latest then near(row.timestamp, latest + row.delay) end
    for _, name in ipairs(row.branches or {}) do
      assert.same({ row.request_id }, by_name[name].wait_for)
      assert.equal(0, by_name[name].turn)
    end
  end
end

it("every= counts turns, the last starts none, and each is what it is called", function()
  local list, by_name = run(children_of())
  check(list, by_name)
  assert.equal(5 * (6 + 2 * 2 * 3), #list)
  for session = 0, 4 do
    for turn = 0, 5 do
      local row = by_name[("a-%d:%d"):format(session, turn)]
      local starts = turn == 1 and { 1, 2 } or turn == 3 and { 3, 4 } or nil
      local names = {}
      for i, child in ipairs(starts or {}) do names[i] = ("a-%d.%d:0"):format(session, child) end
      assert.same(starts and names, row.branches)
    end
    assert.equal(("a-%d.3"):format(session), by_name[("a-%d.3:2"):format(session)].session_id)
  end
end)

it("join: the parent waits for all, for the first, or for none", function()
  for _, join in ipairs { "all", "any", false } do
    -- Children of one to four turns: they end at different times.
    local list, by_name = run(children_of { turns = mt.uniform(1, 4), count = 3, join = join })
    check(list, by_name)
    local differs = 0
    for session = 0, 4 do
      local ends, last = {}, {}
      for child = 1, 3 do
        local turn = 0
        while by_name[("a-%d.%d:%d"):format(session, child, turn + 1)] do turn = turn + 1 end
        last[child] = ("a-%d.%d:%d"):format(session, child, turn)
        ends[child] = answered(by_name[last[child]])
      end
      local row, turn = by_name[("a-%d:2"):format(session)], by_name[("a-%d:1"):format(session)]
      local from = join == "all" and math.max(table.unpack(ends)) or join == "any" and math.min(table.unpack(ends))
        or answered(turn)
      near(row.timestamp, from + 500)
      assert.equal(500, row.delay)
      if join == "all" then
        table.sort(row.wait_for)
        assert.same(last, row.wait_for)
      elseif join == "any" then
        assert.equal(1, #row.wait_for)
        near(answered(by_name[row.wait_for[1]]), from)
      else
        assert.same({ turn.request_id }, row.wait_for)
      end
      if math.min(table.unpack(ends)) < math.max(table.unpack(ends)) then differs = differs + 1 end
    end
    assert.is_true(differs >= 2)
  end
end)

it("a child begins with its parent's shared beginning, with all it said, or with a prompt of its own", function()
  for _, inherit in ipairs { false, true } do
    local _, by_name = run(children_of { inherit = inherit })
    local parent, after = by_name["a-0:1"], by_name["a-0:2"]
    local one, two = by_name["a-0.1:0"], by_name["a-0.2:0"]
    local said = inherit and parent.input_length + 20 or 100
    assert.equal(said + 30, one.input_length)
    assert.equal((said + 30 + block - 1) // block, #one.hash_ids)
    -- All whole blocks of what was said are shared, the answer's too; the parent goes on with the same.
    assert.equal(said // block, common(one, two))
    assert.equal(inherit and said // block or 100 // block, common(one, after))
    assert.equal(said + 30 + 10 + 30, by_name["a-0.1:1"].input_length)
    assert.equal((said + 30) // block, common(one, by_name["a-0.1:1"]))
  end
  local _, by_name = run(children_of { prompt = mt.shared_prefix { tokens = 64 } })
  assert.equal(64 + 30, by_name["a-0.1:0"].input_length)
  assert.equal(4, common(by_name["a-0.1:0"], by_name["a-3.2:0"]))
  assert.equal(0, common(by_name["a-0.1:0"], by_name["a-0:1"]))
end)

it("children have children", function()
  local list, by_name = run(children_of { count = 1, inherit = true,
    branch = mt.branch { every = 1, turns = 2, new_input = 5, output = 5, inherit = true, join = "any" } })
  check(list, by_name)
  assert.equal(5 * (6 + 2 * (3 + 2 * 2)), #list) -- two of a child's three turns start one
  assert.equal(by_name["a-2.1:1"].input_length + 10 + 5, by_name["a-2.1.2:0"].input_length)
  assert.equal((by_name["a-2.1:1"].input_length + 10) // block,
    common(by_name["a-2.1.2:0"], by_name["a-2.1:2"]))
end)

it("max_input ends children and parents, and nobody waits for what does not come", function()
  local list, by_name = run(children_of { turns = 20, max_input = 200, inherit = true }, { max_input = 300 })
  check(list, by_name)
  for _, row in ipairs(list) do
    assert.is_true(row.turn == 0 or row.input_length <= (row.session_id:find(".", 1, true) and 200 or 300))
  end
  assert.is_truthy(by_name["a-0:2"])
end)

it("what is expected is what a long run has", function()
  local shape = { chance = 0.3, count = mt.uniform(1, 3), turns = mt.geometric(3), new_input = 30, output = 10,
    branch = mt.branch { every = 2, turns = 2, new_input = 5, output = 5 } }
  local list, _, plan = run(shape, { starts = mt.poisson(20), turns = mt.geometric(5) }, { duration = 200 })
  local expected = plan:expected { duration = 200 }
  assert.equal(#list, expected.requests) -- counted, where no formula knows the lengths
  -- 5 turns, of which 4 may start 2 sub-agents; each has 3 turns, of which the 2nd, 4th, ... start one of 2:
  -- E[floor((T - 1) / 2)] = sum over k of P(T > 2 k) = (4/9) / (1 - 4/9).
  local a_session = 5 + 0.3 * 4 * 2 * (3 + 0.8 * 2)
  assert.is_true(math.abs(#list / 4000 / a_session - 1) < 0.06, #list / 4000)
  assert.truthy(tostring(expected):find("sub-agents come between: requests and lengths are counted", 1, true))
end)

it("a request is the same at every rate, and shards keep families together", function()
  local shape = children_of { turns = mt.uniform(1, 4), chance = 0.5, count = mt.uniform(1, 3) }
  shape.every = nil
  local function lengths(scale)
    local list, of = run(shape, { starts = mt.even(scale), turns = mt.geometric(6) }, { duration = 10 / scale }), {}
    for _, row in ipairs(list) do of[row.request_id] = { row.input_length, row.branches } end
    return of
  end
  assert.same(lengths(1), lengths(4))
  local whole = run(shape)
  local count = 0
  for shard = 0, 2 do
    local list, by_name = run(shape, nil, { shard = shard .. "/3" })
    check(list, by_name)
    count = count + #list
    for _, row in ipairs(list) do assert.equal(shard, tonumber(row.session_id:match "a%-(%d+)") % 3) end
  end
  assert.equal(#whole, count)
end)

-- A plan with families of three levels, and fields at each.
local function with_fields(more)
  local readers = mt.branch { every = 1, count = 2, turns = 2, new_input = 10, output = 5,
    fields = { level = 2, depth = mt.uniform(0, 1) } }
  local helpers = mt.branch { every = 2, count = 2, turns = 3, new_input = 30, output = 10, branch = readers,
    fields = { level = 1, model = "small", seat = mt.uniform(0, 1) } }
  return mt.workload { block_size = block, duration = 4, mt.stream { name = "a", new_input = 40, output = 20,
    arrivals = mt.sessions { starts = mt.even(1), turns = 6, think = 0.5, service = service,
      branch = more and more.branch or helpers },
    fields = { level = 0, model = "large", tenant = mt.uniform(0, 1), zone = mt.choice { { 1, "x" }, { 1, "y" } } } } }
end

it("fields of sub-agents stand beside those of their session, or in their place", function()
  local tenants, seats, seen, count = {}, {}, {}, { [0] = 0, 0, 0 }
  for request in with_fields():requests() do
    local row = mt.json.decode(request.extra)
    local session = request.session_id:gsub('"', "")
    local root, level = session:match "^a%-%d+", select(2, session:gsub("%.", ""))
    assert.equal(level, row.level)
    assert.equal(level > 0 and "small" or "large", row.model)
    assert.equal(1, select(2, request.extra:gsub('"level"', "")))
    count[level] = count[level] + 1
    -- What is inherited is as the session has it, also where it was drawn.
    local same = row.tenant .. row.zone
    assert.equal(tenants[root] or same, same)
    tenants[root] = same
    -- A helper's own draw is its readers', too; each has one of its own.
    local helper = session:match "^a%-%d+%.%d+"
    assert.equal(helper == nil, row.seat == nil)
    if helper then
      assert.equal(seats[helper] or row.seat, row.seat)
      assert.is_true(seats[helper] ~= nil or not seen[row.seat])
      seats[helper], seen[row.seat] = row.seat, true
    end
    assert.equal(level == 2, row.depth ~= nil)
  end
  -- 4 sessions of 6 turns; 4 helpers of 3 turns each; of them two turns start 2 readers of 2 turns.
  assert.same({ [0] = 24, 48, 128 }, count)
end)

it("sub-agents have the fields of the class of the turn that started them, and its tag", function()
  local readers = mt.branch { every = 1, turns = 2, new_input = 10, output = 5 }
  local helpers = mt.branch { every = 1, turns = 2, new_input = 30, output = 10, join = false, branch = readers,
    fields = { role = "helper" } }
  local plan = mt.workload { block_size = block, duration = 40, mt.stream { name = "a", fields = { tenant = 7 },
    lengths = mt.classes { { 1, name = "chat", new_input = 40, output = 20, fields = { model = "small", tenant = 8 } },
      { 1, name = "rag", new_input = 90, output = 30, fields = { model = "large" } } },
    arrivals = mt.sessions { starts = mt.even(1), turns = 4, think = 0.5, service = service, branch = helpers } } }
  local classes, children, differing = {}, 0, 0
  for request in plan:requests { tags = true, seed = 3 } do
    local row = mt.json.decode(request.extra)
    classes[row.request_id] = row.class
    assert.equal(row.class == "chat" and "small" or "large", row.model)
    assert.equal(row.class == "chat" and 8 or 7, row.tenant)
    if request.session_id:find(".", 1, true) then
      assert.equal("helper", row.role)
      children = children + 1
      assert.equal(classes[row.wait_for[1]], row.class)
    else
      local before = row.wait_for and classes[row.wait_for[1]]
      differing = differing + (before and before ~= row.class and 1 or 0)
    end
  end
  -- 40 sessions whose 3 first turns start helpers of 2 turns, and of these the first a reader of 2.
  assert.equal(480, children)
  assert.is_true(differing > 30) -- turns of one session are of several classes
end)

it("fields of sub-agents change nothing else", function()
  local plain = mt.branch(children_of { every = 2 })
  local own = mt.branch(children_of { every = 2, fields = { role = mt.choice { { 1, "a" }, { 1, "b" } } } })
  local function rows(branch)
    local list = {}
    for request in with_fields { branch = branch }:requests { seed = 4 } do
      request.extra = request.extra:gsub(', "role": "[ab]"', "")
      list[#list + 1] = request
    end
    return list
  end
  assert.same(rows(plain), rows(own))
end)

it("branch= is one thing, of the sessions or of their stream, and follows a faster clock", function()
  local shape = mt.branch(children_of { count = mt.uniform(1, 3), think = mt.exponential(1) })
  local function plan(of_sessions)
    return mt.workload { duration = 6, mt.stream { name = "a", new_input = 40, output = 20,
      arrivals = mt.sessions { starts = mt.poisson(1), turns = 5, service = service,
        branch = of_sessions and shape or nil }, branch = not of_sessions and shape or nil } }
  end
  local inner, outer = plan(true), plan(false)
  assert.equal(outer:digest(), inner:digest())
  assert.equal(tostring(outer:expected()), tostring(inner:expected()))
  local of, count = {}, 0
  for request in inner:requests() do of[mt.json.decode(request.extra).request_id] = request end
  for request in inner:compress(4, { think = true }):requests() do
    local name = mt.json.decode(request.extra).request_id
    near(of[name].timestamp / 4, request.timestamp)
    assert.equal(of[name].input_length, request.input_length)
    of[name], count = nil, count + 1
  end
  assert.is_nil(next(of))
  assert.is_true(count > 30)
end)

describe("mistakes are told with the caller's line", function()
  local function branch(shape)
    return mt.branch(children_of(shape))
  end
  local function stream(shape, sessions)
    return mt.stream { arrivals = sessions or mt.sessions { starts = mt.even(1), turns = 4 }, new_input = 5,
      branch = branch(shape) }
  end
  local endless = branch { every = 1, count = 60, turns = 2 }
  for _ = 1, 3 do endless = branch { every = 1, count = 60, turns = 2, branch = endless } end
  local deep = branch()
  for _ = 2, 8 do deep = branch { branch = deep } end
  assert.is_true(mt.workload { duration = 2, mt.stream { new_input = 5,
    arrivals = mt.sessions { starts = mt.even(1), turns = 4, branch = deep } } }:expected().requests > 16)
  for _, case in ipairs {
    { "@branch: chance= (of a turn) or every= (each so many turns) is required",
      function() mt.branch { turns = 2, new_input = 5 } end },
    { "@branch: chance= is drawn, every= is counted: give one of them", function() branch { chance = 1 } end },
    { "@branch: every must be at least 1, not 0", function() branch { every = 0 } end },
    { "@branch: count must be at least 1, not 0", function() branch { count = 0 } end },
    { '@branch: join must be "all", "any" or false, not \'first\'', function() branch { join = "first" } end },
    { "@branch: inherit=true begins with what the parent has said: leave out prompt=",
      function() branch { inherit = true, prompt = mt.unique() } end },
    { "@branch: branch must be mt.branch{...}, not 3", function() branch { branch = 3 } end },
    { "@branch: 9 levels of sub-agents, at most 8", function() branch { branch = deep } end },
    { "@branch: a session and its sub-agents bring 7.91e+07 requests on average, at most 1000000: fewer levels, a "
      .. "smaller count or chance", function()
      mt.stream { arrivals = mt.sessions { starts = mt.even(1), turns = 4 }, new_input = 5, branch = endless }
    end },
    { "@branch: no turn ever starts a sub-agent: turn 4 would be the first, sessions have at most 4 turns, and "
      .. "their last one starts none", function() stream { every = 4 } end },
    { "@stream: branch= is for turns of mt.sessions{...}", function() stream({}, mt.poisson(3)) end },
    { "@sessions: branch must be mt.branch{...}, not 3",
      function() mt.sessions { starts = mt.even(1), turns = 2, branch = 3 } end },
    { "@stream: branch= is in mt.sessions{...}, too: give one of them",
      function() stream({}, mt.sessions { starts = mt.even(1), turns = 4, branch = branch() }) end },
    { "@branch: fields: 'timestamp' cannot be set: the record has it",
      function() branch { fields = { timestamp = 1 } } end },
    { "@branch: fields must be a table of names and values, not 3", function() branch { fields = 3 } end },
    { "@stream: fields: 'wait_for' cannot be set: branch= writes it",
      function() stream { fields = { wait_for = 1 } } end },
    { "@stream: fields: 'request_id' cannot be set: branch= writes it", function()
      mt.stream { arrivals = mt.sessions { starts = mt.even(1), turns = 4, branch = branch() }, new_input = 5,
        fields = { request_id = "a" } }
    end },
    { "@stream 'main': compact: at=20 leaves no room: the shared beginning has 64 tokens, the summary 5", function()
      stream { prompt = mt.shared_prefix { tokens = 64 }, compact = { at = 20, keep = 5 } }
    end },
  } do
    it(case[1], function() refusal.is(table.unpack(case)) end)
  end
end)
