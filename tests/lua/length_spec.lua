-- Lengths by a rule: by turn, and by a function of a script.
local mt = require "moontide"
local refusal = require "tests.support.refusal"

local list_of = require "tests.support.records".of

local function talks(stream, opt)
  local all = { arrivals = mt.sessions { starts = mt.even(opt and opt.rate or 1), turns = 5, think = 1 } }
  for key, value in pairs(stream) do all[key] = value end
  return mt.workload { duration = opt and opt.duration or 10, block_size = 16, mt.stream(all) }
end

-- What each request adds, by session and turn.
local function new_tokens(list)
  local said, new = {}, {}
  for _, request in ipairs(list) do
    local of = new[request.session_id] or {}
    new[request.session_id] = of
    of[request.turn + 1] = request.input_length - (said[request.session_id] or 0)
    said[request.session_id] = request.input_length + (request.output_length or 0)
  end
  return new
end

it("by_turn gives each turn its own, and the last goes on", function()
  for _, of in pairs(new_tokens(list_of(talks { new_input = mt.by_turn { 900, 120, 40 }, output = 7 }))) do
    assert.same({ 900, 120, 40, 40, 40 }, of)
  end
  local list = list_of(talks { new_input = 5, output = mt.by_turn { 3, mt.uniform(10, 12) } })
  for _, request in ipairs(list) do
    local length = request.output_length
    assert.is_true(request.turn == 0 and length == 3 or request.turn > 0 and length >= 10 and length <= 12)
  end
end)

it("an output's function knows the input, that of an input none", function()
  local list = list_of(mt.workload { duration = 30, mt.stream { arrivals = mt.poisson(5),
    lengths = mt.classes {
      { 1, input = mt.lognormal { mean = 300, cv = 1 }, output = mt.length(function(_, event) return 2 * event.input end) },
      { 1, input = mt.length(function(_, event) return 7 + event.input end),
        output = mt.length(function(_, event) return 2 * event.input end) } } } })
  local sevens = 0
  for _, request in ipairs(list) do
    assert.equal(2 * request.input_length, request.output_length)
    if request.input_length == 7 then sevens = sevens + 1 end
  end
  assert.is_true(sevens > 40 and #list - sevens > 40)
end)

it("a length of each turn is drawn as it would be for all", function()
  local one = mt.lognormal { mean = 300, cv = 1 }
  assert.same(list_of(talks { new_input = one, output = 5 }),
    list_of(talks { new_input = mt.by_turn { one }, output = 5 }))
end)

it("a function is asked once a request, and told which", function()
  local asked = {}
  local plan = talks { output = 7, new_input = mt.length(function(_, event)
    asked[#asked + 1] = { event.time, event.session, event.turn, event.history }
    return 10 + event.turn
  end) }
  local list = list_of(plan)
  assert.equal(50, #list)
  -- A workload is first expected, for which its rules are not asked.
  assert.equal(#list, #asked)
  for i, request in ipairs(list) do
    local time, session, turn, history = table.unpack(asked[i])
    assert.is_true(math.abs(1000 * time - request.timestamp) < 1e-3)
    assert.equal(request.session_id, "main-" .. session)
    assert.equal(request.turn, turn)
    assert.equal(request.input_length, history + 10 + turn)
  end
end)

it("what a function draws is the same at every rate and on every shard, and does not disturb other draws", function()
  local function stream()
    return { new_input = mt.length(function(random) return 1 + random:below(1000) end), output = mt.uniform(1, 500) }
  end
  local whole = list_of(talks(stream()))
  local by_name = {}
  for _, request in ipairs(whole) do
    by_name[request.session_id .. ":" .. request.turn] = { request.input_length, request.output_length }
  end
  local function same(list, count)
    assert.equal(count, #list)
    for _, request in ipairs(list) do
      assert.same(by_name[request.session_id .. ":" .. request.turn], { request.input_length, request.output_length })
    end
  end
  same(list_of(talks(stream(), { rate = 4, duration = 2.5 })), 50)
  same(list_of(talks(stream()), { shard = "1/2" }), 25)
  -- Uniform on 1 to 1000: the mean of 50 lies within 4 standard errors.
  local sum = 0
  for _, of in pairs(new_tokens(whole)) do for _, tokens in ipairs(of) do sum = sum + tokens end end
  assert.is_true(math.abs(sum / 50 - 500.5) < 4 * 288.7 / math.sqrt(50))
end)

it("lengths by rules stand in classes, in first turns and in sub-agents", function()
  local classes = mt.classes { { 1, input = mt.length(function() return 33 end), output = 4 } }
  local list = list_of(mt.workload { duration = 5, mt.stream { arrivals = mt.even(2), lengths = classes } })
  assert.equal(33, list[1].input_length)
  list = list_of(talks { new_input = 5, first = { new_input = mt.length(function() return 77 end) },
    branch = mt.branch { every = 2, turns = 2, new_input = mt.by_turn { 40, 3 }, output = 1 } })
  local new = new_tokens(list)
  assert.same({ 77, 5, 5, 5, 5 }, new["main-0"])
  assert.same({ 40, 3 }, new["main-0.1"])
end)

it("what they are on average is counted", function()
  local plan = talks { new_input = mt.by_turn { 900, 120, 40 }, output = 7 }
  local list, sum = list_of(plan), 0
  for _, request in ipairs(list) do sum = sum + request.input_length end
  local expected = plan:expected()
  assert.equal(#list, expected.requests)
  assert.is_true(math.abs(sum / #list - expected.input_length) < 0.01)
  assert.truthy(tostring(expected):find("lengths follow a rule: requests and lengths are counted", 1, true))
end)

describe("mistakes are told", function()
  local function wrong(value, output)
    return function()
      local count = 0
      local rule = mt.length(function()
        count = count + 1
        if count < 10000 then return 3 end
        if value == "raise" then error "no more" end
        return value
      end)
      list_of(mt.workload { duration = 200, mt.stream { arrivals = mt.even(100), input = output and 5 or rule,
        output = output and rule or 5 } })
    end
  end
  local must = " %(at t = 99%.99 s%); it must return a whole number of tokens, "
  for what, case in pairs {
    ["nil"] = { wrong(nil), "nil" .. must .. "1 or more" },
    ["a fraction"] = { wrong(2.5), "2%.5" .. must .. "1 or more" },
    ["a negative"] = { wrong(-3, true), "%-3" .. must .. "0 or more" },
    ["zero new tokens"] = { wrong(0), "0" .. must .. "1 or more" },
    ["a text"] = { wrong("7"), "a string" .. must .. "1 or more" },
    ["no number"] = { wrong(0 / 0), "NaN" .. must .. "1 or more" },
    ["too many"] = { wrong(1 << 60), "1%.15%d+e%+18" .. must .. "1 or more" },
  } do
    it("from the 10 000th call: " .. what, function()
      local ok, message = pcall(case[1])
      assert.is_false(ok)
      assert.truthy(tostring(message):find("length_spec%.lua:%d+: length: the function returned " .. case[2]), message)
    end)
  end
  it("from the 10 000th call: it raises", function()
    local ok, message = pcall(wrong("raise"))
    assert.is_false(ok)
    assert.truthy(tostring(message):find "length_spec%.lua:%d+: no more", message)
  end)
  for _, case in ipairs {
    { "@by_turn: needs at least one length, as in by_turn{ 900, 120 }", function() mt.by_turn {} end },
    { "@by_turn: length 2 must be a number, a distribution, or NAME:key=value,..., not true",
      function() mt.by_turn { 3, true } end },
    { "@length: the rule must be a function(random, event) that returns a number of tokens, not 3",
      function() mt.length(3) end },
    { "@stream 'main': by_turn: only sessions have turns",
      function() mt.stream { arrivals = mt.poisson(3), input = mt.by_turn { 3 } } end },
  } do
    it(case[1], function() refusal.is(table.unpack(case)) end)
  end
end)
