-- Arrival processes of a script's own: how often their functions are called, with what, and what
-- happens when they fail.
local mt = require "moontide"

local function workload(factory, more)
  local opt = { arrivals = mt.arrivals(factory), input = 5 }
  for key, value in pairs(more or {}) do opt[key] = value end
  return mt.workload { duration = 10, mt.stream(opt) }
end

local function times(from, opt)
  local list = {}
  for request in from:requests(opt) do list[#list + 1] = request.timestamp / 1000 end
  return list
end

-- "@" for this file's name and line; the rest as it is.
local message_of = require "tests.support.refusal".here

-- The line of its caller, to be found again in a message.
local function line() return debug.getinfo(2, "l").currentline end

it("the factory is called once a run, its function once a request with the time before", function()
  local made, nows = 0, {}
  local plan = workload(function()
    made = made + 1
    return function(now)
      nows[#nows + 1] = now
      return 0.25
    end
  end)
  assert.equal(0, made)
  assert.same({ 0.25, 0.5, 0.75 }, times(plan, { duration = 1 }))
  assert.equal(1, made)
  assert.same({ 0, 0.25, 0.5, 0.75 }, nows)
  times(plan, { duration = 1 })
  assert.equal(2, made)
end)

it("nil ends it", function()
  local plan = workload(function()
    local left = 3
    return function()
      left = left - 1
      return left >= 0 and 1 or nil
    end
  end)
  assert.same({ 1, 2, 3 }, times(plan))
end)

it("a rate scale divides its gaps", function()
  local plan = workload(function() return function() return 1 end end)
  assert.equal(9, #times(plan))
  assert.same({ 0.25, 0.5, 0.75 }, times(plan:scale(4), { duration = 1 }))
end)

it("its random numbers are those of the seed and the stream", function()
  local function plan(name, more)
    local mine = mt.stream { name = name, input = 5, fields = { mine = true },
      arrivals = mt.arrivals(function(random) return function() return random:exponential(0.1) end end) }
    return mt.workload { duration = 10, more or mine, more and mine or nil }
  end
  local function mine(from, opt)
    local list = {}
    for request in from:requests(opt) do
      if request.extra then list[#list + 1] = request.timestamp end
    end
    return list
  end
  local alone = mine(plan "a")
  assert.is_true(#alone > 60)
  assert.same(alone, mine(plan "a"))
  assert.are_not.same(alone, mine(plan "b"))
  assert.are_not.same(alone, mine(plan "a", { seed = 1 }))
  assert.same(alone, mine(plan("a", mt.stream { name = "x", arrivals = mt.poisson(9), input = 5 })))
end)

it("two runs at once do not meet", function()
  local plan = workload(function(random) return function() return random:exponential(0.1) end end)
  local alone, first, second = times(plan), {}, {}
  local next_first, next_second = plan:requests(), plan:requests()
  for _ = 1, #alone do
    first[#first + 1] = next_first().timestamp / 1000
    second[#second + 1] = next_second().timestamp / 1000
  end
  assert.is_nil(next_first())
  assert.same(alone, first)
  assert.same(alone, second)
end)

it("works inside coroutines, one run in several", function()
  local plan = workload(function(random) return function() return random:exponential(0.1) end end)
  local next_request = plan:requests()
  local list, alone = {}, times(plan)
  for _ = 1, #alone do
    coroutine.wrap(function() list[#list + 1] = next_request().timestamp / 1000 end)()
  end
  assert.same(alone, list)
end)

it("the function may itself run a plan, and this one too", function()
  local deep, plan = 0, nil
  plan = workload(function()
    return function()
      if deep == 2 then return 1 end
      deep = deep + 1
      local inner = #times(plan, { duration = 5 })
      deep = deep - 1
      return inner
    end
  end)
  -- Innermost gaps of 1: 4 requests before 5 s; around them gaps of 4: one before 5 s; then gaps of 1.
  assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, times(plan))
end)

it("starts sessions", function()
  local plan = mt.workload { duration = 10, mt.stream { new_input = 5, output = 1, arrivals = mt.sessions {
    starts = mt.arrivals(function() return function() return 4 end end), turns = 2, think = 1 } } }
  assert.same({ 4, 5, 8, 9 }, times(plan))
  local expected = plan:expected()
  assert.equal(2, expected.sessions) -- nobody knows: they are counted
  assert.equal((5 + 11) / 2, expected.input_length)
  assert.is_truthy(tostring(expected):find("requests are counted in a run of this seed", 1, true))
end)

it("nobody knows its number of requests beforehand, and it is counted", function()
  local plan = workload(function() return function() return 1 end end)
  local expected = plan:expected()
  assert.equal(9, expected.requests)
  assert.equal(5, expected.input_length)
  assert.is_truthy(tostring(expected):find("arrivals of the script's own: requests are counted", 1, true))
  assert.is_nil(tostring(plan:plot()):find("expected", 1, true))
end)

describe("a failure is told with the function's own line", function()
  local made = line() + 1
  local function returning(value) return function() return function() return value end end end
  local must = "; it must return the gap in seconds, 0 or more, or nil at the end"
  local cases = {
    { "nil for the first request: there is none", nil },
    { "NaN", 0 / 0 }, { "a negative gap", -1 }, { "an infinite gap", math.huge },
    { "a string", "5" }, { "a table", {} }, { "a boolean", false }, { "a function", print },
    { "no number", io.stdout },
  }
  for _, case in ipairs(cases) do
    it("that returns " .. case[1], function()
      local message = message_of(function() times(workload(returning(case[2]))) end)
      assert.equal("@arrivals: the function returned " .. case[1] .. " (at t = 0 s)" .. must, message)
      local _, whole = pcall(times, workload(returning(case[2])))
      assert.equal(tostring(made), whole:match ":(%d+): ")
    end)
  end

  it("that comes later says when", function()
    local message = message_of(function()
      times(workload(function() return function(now) return now < 2 and 1 or -1 end end))
    end)
    assert.equal("@arrivals: the function returned a negative gap (at t = 2 s)" .. must, message)
  end)

  it("that raises, in every method", function()
    local plan = workload(function() return function() error "boom" end end)
    for _, method in ipairs { "requests", "columns", "plot" } do
      assert.equal("@boom", message_of(function() plan[method](plan) end), method)
    end
    local path = os.tmpname()
    assert.equal("@boom", message_of(function() plan:write(path) end))
    os.remove(path)
  end)

  it("that raises in the midst of a run", function()
    local next_request = workload(function()
      return function(now) return now < 3 and 1 or error "late" end
    end):requests()
    assert.equal("@late", message_of(function() while next_request() do end end))
    assert.equal("@late", message_of(next_request)) -- it stays failed
  end)

  it("that raises no text", function()
    local thrown = setmetatable({}, { __tostring = function() return "thrown" end })
    assert.equal("thrown", message_of(function()
      times(workload(function() return function() error(thrown) end end))
    end))
    assert.is_truthy(message_of(function()
      times(workload(function() return function() error({}) end end))
    end):find "^table: ")
  end)

  it("that misuses the library", function()
    assert.is_truthy(message_of(function()
      times(workload(function(random) return function() return random:below(0) end end))
    end):find "^@below: ")
  end)

  it("that yields", function()
    assert.is_truthy(message_of(function()
      times(workload(function() return coroutine.yield end))
    end):find "^a function that is called back cannot yield")
    assert.is_truthy(message_of(function()
      times(workload(function() return function() coroutine.yield(1) end end))
    end):find "^@a function that is called back cannot yield")
    assert.equal("attempt to yield, said the script", message_of(function()
      times(workload(function() return function() error("attempt to yield, said the script", 0) end end))
    end))
  end)

  it("of the factory", function()
    assert.equal("@arrivals: the factory returned nil, it must return a function of the time that returns "
      .. "the gap to the next request", message_of(function() times(workload(function() end)) end))
    assert.equal("@no", message_of(function() times(workload(function() error "no" end)) end))
  end)

  it("of no function at all", function()
    assert.equal("@arrivals: the factory must be a function of a generator of random numbers, not 3",
      message_of(function() mt.arrivals(3) end))
  end)
end)

it("nothing else calls Lua while requests are made", function()
  local calls = 0
  local plan = mt.workload { duration = 50, mt.stream {
    arrivals = mt.poisson(mt.curve(function(t)
      calls = calls + 1
      return 20 + 10 * math.sin(t)
    end, 50)),
    input = mt.lognormal { mean = mt.curve(function(t)
      calls = calls + 1
      return 100 + t
    end, 50), cv = 1 },
  } }
  local after_construction = calls
  assert.is_true(calls > 0)
  assert.is_true(#times(plan) > 500)
  plan:expected()
  plan:plot()
  assert.equal(after_construction, calls)
end)
