-- A stream whose requests a function of the script gives: times, sessions, lengths and prompts.
local mt = require "moontide"
local refusal = require "tests.support.refusal"

local list_of = require "tests.support.records".of

local function plan(requests, more)
  local stream = { requests = requests }
  for key, value in pairs(more or {}) do stream[key] = value end
  return mt.workload { duration = 20, block_size = 16, mt.stream(stream) }
end

-- A source that gives the rows of a list; `made` counts how many were begun.
local function rows(list, made)
  return function()
    if made then made[1] = made[1] + 1 end
    local i = 0
    return function()
      i = i + 1
      return list[i]
    end
  end
end

local function shared(a, b)
  local n = 0
  while a.hash_ids[n + 1] and a.hash_ids[n + 1] == b.hash_ids[n + 1] do n = n + 1 end
  return n
end

it("requests are what the function gives, until nil or the duration's end", function()
  local made = { 0 }
  local load = plan(rows({ { time = 0.5, input = 40, output = 3 }, { time = 0.5, new_input = 7 },
    { time = 19.999, input = 1, output = 0 }, { time = 20, input = 5 }, { time = 21, input = 5 } }, made))
  local list = list_of(load)
  assert.equal(3, #list)
  for i, wanted in ipairs { { 500, 40, 3 }, { 500, 7 }, { 19999, 1, 0 } } do
    assert.same(wanted, { list[i].timestamp, list[i].input_length, list[i].output_length })
    assert.is_nil(list[i].session_id)
  end
  assert.same(list, list_of(load))
  assert.equal(2, made[1])
end)

it("a session carries what was said, whatever it is called", function()
  local list = list_of(plan(rows { { time = 0, session = "x", new_input = 40, output = 8 },
    { time = 1, session = 7, new_input = 40, output = 8 }, { time = 2, session = "x", new_input = 20, output = 5 },
    { time = 3, session = 7, new_input = 1 }, { time = 4, session = "x", new_input = 16 } },
    { prompt = mt.shared_prefix { tokens = 32 } }))
  local lengths, sessions, turns = {}, {}, {}
  for i, request in ipairs(list) do
    lengths[i], sessions[i], turns[i] = request.input_length, request.session_id, request.turn
  end
  assert.same({ 72, 72, 100, 81, 121 }, lengths)
  assert.same({ "main-0", "main-1", "main-0", "main-1", "main-0" }, sessions)
  assert.same({ 0, 0, 1, 1, 2 }, turns)
  assert.equal(2, shared(list[1], list[2]))
  assert.equal(72 // 16, shared(list[1], list[3]))
  assert.equal(100 // 16, shared(list[3], list[5]))
end)

it("a request may bring how its prompt begins", function()
  local one, two = mt.shared_prefix { tokens = 32 }, mt.shared_prefix { tokens = 48 }
  local list = list_of(plan(rows { { time = 0, new_input = 5, prompt = one }, { time = 1, new_input = 5, prompt = two },
    { time = 2, new_input = 5, prompt = one }, { time = 3, input = 64, prompt = two }, { time = 4, new_input = 5 } }))
  assert.same({ 37, 53, 37, 64, 5 }, { list[1].input_length, list[2].input_length, list[3].input_length,
    list[4].input_length, list[5].input_length })
  assert.equal(2, shared(list[1], list[3]))
  assert.equal(3, shared(list[2], list[4]))
  assert.equal(0, shared(list[1], list[2]))
end)

it("its draws follow the seed; runs beside one another do not disturb each other", function()
  local load = plan(function(random)
    local time = 0
    return function()
      time = time + random:exponential(0.5)
      return { time = time, input = 1 + random:below(1000), session = nil }
    end
  end)
  local list = list_of(load, { seed = 3 })
  assert.are_not.same(list, list_of(load, { seed = 4 }))
  local first, second, both = load:requests { seed = 3 }, load:requests { seed = 4 }, {}
  for request in first do
    both[#both + 1] = request
    second()
  end
  assert.same(list, both)
  -- Exponential gaps of 0.5 s: 40 in 20 s, within 4 deviations.
  assert.is_true(math.abs(#list - 40) < 4 * math.sqrt(40))
end)

it("shards divide it, and what is expected is counted", function()
  local list = {}
  for i = 1, 30 do list[i] = { time = i / 10, session = i % 5, new_input = 10, output = 2 } end
  local load = plan(rows(list))
  local whole = list_of(load)
  local count = 0
  for shard = 0, 1 do
    for _, request in ipairs(list_of(load, { shard = shard .. "/2" })) do
      assert.equal(shard, tonumber(request.session_id:match "%d+") % 2)
      count = count + 1
    end
  end
  assert.equal(30, count)
  local expected, sum = load:expected(), 0
  for _, request in ipairs(whole) do sum = sum + request.input_length end
  assert.equal(30, expected.requests)
  assert.is_true(math.abs(expected.input_length - sum / 30) < 1e-6)
  assert.equal(2, expected.output_length)
  assert.truthy(tostring(expected):find("requests follow a function: requests and lengths are counted", 1, true))
  assert.truthy(tostring(load:plot()):find "rate")
end)

it("a scale is refused by name", function()
  local load = plan(rows { { time = 1, input = 4 } })
  for _, attempt in ipairs { function() load:scale(2):expected() end,
    function() list_of(mt.workload { load:scale(3) }) end } do
    local ok, message = pcall(attempt)
    assert.is_false(ok)
    assert.truthy(tostring(message):find("stream 'main': requests: the function says when its requests come: no scale "
      .. "(--rate-scale) can apply to them", 1, true), message)
  end
end)

describe("mistakes in the 10 000th call are told", function()
  local row = ": requests: request 10000: "
  for what, case in pairs {
    ["no table"] = { 7, row .. "it must be a table, or nil at the end, not 7" },
    ["no time"] = { { input = 3 }, row .. "time must be seconds, 0 or more, not nil" },
    ["time as text"] = { { time = "9", input = 3 }, row .. "time must be seconds, 0 or more, not a string" },
    ["a fraction"] = { { time = 10, input = 2.5 }, row .. "input must be a whole number of tokens, 1 or more, not 2.5" },
    ["a negative"] = { { time = 10, input = 2, output = -1 },
      row .. "output must be a whole number of tokens, 0 or more, not -1" },
    ["no length"] = { { time = 10 }, row .. "input or new_input is required" },
    ["two lengths"] = { { time = 10, input = 3, new_input = 3 },
      row .. "input is the whole prompt, new_input what is added: give one" },
    ["a whole prompt in a session"] = { { time = 10, session = 1, input = 3 },
      row .. "in a session new_input says what a turn adds" },
    ["a session that is no name"] = { { time = 10, session = true, new_input = 3 },
      row .. "session must be a text or a whole number, not a boolean" },
    ["no prompt"] = { { time = 10, input = 3, prompt = 4 },
      row .. "prompt must be a prompt source such as mt.shared_prefix{...}, not 4" },
    ["an unknown member"] = { { time = 10, inptu = 3 },
      row .. "unknown member inptu (a request has time, session, input or new_input, output, prompt)" },
    ["a time before"] = { { time = 1, input = 3 }, "requests: the function gave request 10000 at t = 1 s, after one at "
      .. "t = 9.999 s: times must not decrease" },
    ["it raises"] = { "raise", "no more" },
  } do
    it(what, function()
      local load = plan(function()
        local i = 0
        return function()
          i = i + 1
          if i < 10000 then return { time = i / 1000, input = 3 } end
          if case[1] == "raise" then error "no more" end
          return case[1]
        end
      end)
      local ok, message = pcall(list_of, load)
      assert.is_false(ok)
      assert.truthy(tostring(message):find(case[2], 1, true), message)
      assert.truthy(tostring(message):find "requests_spec%.lua:%d+: ", message)
    end)
  end

  for _, case in ipairs {
    { "@stream: arrivals is required", function() mt.stream { input = 3 } end },
    { "@stream: requests must be a function(random) that returns a function of requests, not 3",
      function() mt.stream { requests = 3 } end },
    { "@stream: requests= says when they come and how long they are: leave out output=",
      function() mt.stream { requests = rows {}, output = 3 } end },
    { "@stream: requests= says when they come and how long they are: leave out arrivals=",
      function() mt.stream { requests = rows {}, arrivals = mt.even(1) } end },
  } do
    it(case[1], function() refusal.is(table.unpack(case)) end)
  end

  it("a factory that makes no function", function()
    local ok, message = pcall(list_of, plan(function() return 3 end))
    assert.is_false(ok)
    assert.truthy(tostring(message):find("requests: the factory returned number, it must return a function", 1, true),
      message)
  end)
end)

it("prompts that requests bring share nothing with each other, nor with the stream's own", function()
  local a, b = mt.shared_prefix { tokens = 32 }, mt.shared_prefix { tokens = 32 }
  local brought, list = { a, b, nil, b, a, nil }, {}
  for i = 1, 6 do list[i] = { time = i, new_input = 5, prompt = brought[i] } end
  local made = list_of(plan(rows(list), { prompt = mt.shared_prefix { tokens = 32 } }))
  for i = 1, 6 do
    for j = 1, i - 1 do assert.equal(brought[i] == brought[j] and 2 or 0, shared(made[i], made[j]), i .. " and " .. j) end
  end
end)
