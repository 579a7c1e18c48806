-- Sessions: turns, think and service times, prompts that grow, and what is expected of them.
local mt = require "moontide"
local refusal = require "tests.support.refusal"

local block = 16

-- A workload of one stream of sessions; `shape` changes the sessions, `more` the stream.
local function plan(shape, more, duration)
  local sessions = { starts = mt.poisson(2), turns = mt.geometric(4), think = mt.exponential(5) }
  for key, value in pairs(shape or {}) do sessions[key] = value end
  local opt = { name = "chat", arrivals = mt.sessions(sessions), new_input = mt.uniform(5, 60),
    output = mt.uniform(1, 50) }
  for key, value in pairs(more or {}) do opt[key] = value end
  return mt.workload { block_size = block, duration = duration or 100, mt.stream(opt) }
end

local list_of = require "tests.support.records".of

-- Requests by session, in order of first appearance.
local function by_session(list)
  local sessions, known = {}, {}
  for _, request in ipairs(list) do
    local one = known[request.session_id]
    if not one then
      one = { id = request.session_id }
      known[request.session_id], sessions[#sessions + 1] = one, one
    end
    one[#one + 1] = request
  end
  return sessions
end

local function near(a, b, within)
  assert.is_true(math.abs(a - b) <= within, ("%.9g is not %.9g"):format(a, b))
end

-- Pearson's statistic of counts[k] against expected[k], k from 1.
local function chi_square(counts, expected)
  local sum = 0
  for k, wanted in ipairs(expected) do sum = sum + ((counts[k] or 0) - wanted) ^ 2 / wanted end
  return sum
end

it("turns follow their distribution", function()
  local sessions = by_session(list_of(plan({ starts = mt.poisson(30) })))
  local counts, expected, n = {}, {}, #sessions
  for _, one in ipairs(sessions) do
    local k = math.min(#one, 12)
    counts[k] = (counts[k] or 0) + 1
  end
  for k = 1, 11 do expected[k] = n * 0.25 * 0.75 ^ (k - 1) end
  expected[12] = n * 0.75 ^ 11
  near(n, 3000, 4 * math.sqrt(3000))
  assert.is_true(chi_square(counts, expected) < 31.3) -- 11 degrees: p = 0.001
end)

it("a number of turns is that many", function()
  for _, one in ipairs(by_session(list_of(plan { turns = 3 }))) do assert.equal(3, #one) end
  for _, one in ipairs(by_session(list_of(plan { turns = mt.uniform(0.6, 1.4) }))) do assert.equal(1, #one) end
end)

it("think time is the record's delay, and the next turn comes when the answer has taken its time", function()
  local sum, count = 0, 0
  local service = { ttft = "300ms", per_token = "20ms" }
  for _, one in ipairs(by_session(list_of(plan({ starts = mt.poisson(10), service = service })))) do
    assert.is_nil(one[1].delay)
    for k = 2, #one do
      local before, now = one[k - 1], one[k]
      local answered = before.timestamp + 300 + 20 * before.output_length
      near(now.timestamp - answered, now.delay, 2e-6) -- milliseconds, each to a nanosecond
      sum, count = sum + now.delay / 1000, count + 1
    end
  end
  near(sum / count, 5, 4 * 5 / math.sqrt(count)) -- the deviation of an exponential is its mean
end)

it("think may be a time with a unit", function()
  for _, one in ipairs(by_session(list_of(plan { think = "250ms", turns = 2 }))) do
    assert.equal(250, one[2].delay)
    near(one[2].timestamp - one[1].timestamp, 250, 2e-6)
  end
end)

it("a prompt is what was said before and what is new; it begins with the earlier prompt's whole blocks", function()
  local most = 0
  for _, one in ipairs(by_session(list_of(plan()))) do
    for k = 2, #one do
      local before, now = one[k - 1], one[k]
      local new = now.input_length - before.input_length - before.output_length
      assert.is_true(new >= 5 and new <= 60)
      assert.equal(math.ceil(now.input_length / block), #now.hash_ids)
      local kept = before.input_length // block
      for i = 1, kept do assert.equal(before.hash_ids[i], now.hash_ids[i]) end
      -- A block that was not whole has grown and is another.
      assert.are_not.equal(before.hash_ids[kept + 1], now.hash_ids[kept + 1])
      most = math.max(most, #now.hash_ids)
    end
  end
  assert.is_true(most > 10)
end)

it("sessions share no more than their prefix", function()
  local list = list_of(plan({ turns = 2 }, { prompt = mt.shared_prefix { tokens = 40 } }))
  local first = list[1]
  for _, one in ipairs(by_session(list)) do
    for _, request in ipairs(one) do
      if request.session_id ~= first.session_id then
        assert.equal(first.hash_ids[1], request.hash_ids[1])
        assert.equal(first.hash_ids[2], request.hash_ids[2])
        assert.are_not.equal(first.hash_ids[3], request.hash_ids[3])
      end
    end
    assert.is_true(one[1].input_length >= 45 and one[1].input_length <= 100)
  end
end)

it("a session ends when the next turn would pass max_input", function()
  local limit = 200
  local ended = 0
  local free = by_session(list_of(plan { turns = 9 }))
  for at, one in ipairs(by_session(list_of(plan { turns = 9, max_input = limit }))) do
    for k, request in ipairs(one) do
      assert.is_true(request.input_length <= limit)
      assert.equal(free[at][k].input_length, request.input_length)
    end
    local next_turn = free[at][#one + 1]
    if next_turn then
      assert.is_true(next_turn.input_length > limit)
      ended = ended + 1
    end
  end
  assert.is_true(ended > 50)
end)

-- Whole blocks that two prompts begin with.
local function common(a, b)
  local n = 0
  while a.hash_ids[n + 1] and a.hash_ids[n + 1] == b.hash_ids[n + 1] do n = n + 1 end
  return n
end

-- A plan whose turns add 48 tokens and get answers of 16, after a shared beginning of 160; by session.
local function agents(shape)
  for key, value in pairs { starts = mt.even(1), turns = 30, think = 1 } do shape[key] = value end
  return by_session(list_of(plan(shape,
    { new_input = 48, output = 16, prompt = mt.shared_prefix { tokens = 160 } }, 5)))
end

it("compact puts a summary in the place of the history, after the shared beginning", function()
  local sessions = agents { compact = { at = 500, keep = 40 } }
  assert.equal(5, #sessions)
  for _, one in ipairs(sessions) do
    assert.equal(30, #one)
    local said, resets = 0, 0
    for k, request in ipairs(one) do
      local wanted = k == 1 and 160 + 48 or said + 48
      if wanted > 500 then
        wanted, resets = 160 + 40 + 48, resets + 1
        assert.equal('{"prefix_reset": true}', request.extra)
        assert.equal(160 // block, common(one[k - 1], request)) -- the shared beginning and nothing else
      elseif k > 1 then
        assert.is_nil(request.extra)
        assert.equal(one[k - 1].input_length // block, common(one[k - 1], request))
      end
      assert.equal(wanted, request.input_length)
      assert.equal((wanted + block - 1) // block, #request.hash_ids)
      said = wanted + 16
    end
    assert.equal(7, resets)
  end
end)

it("a summary's length may be drawn, and max_input stays the end", function()
  local lengths = {}
  for _, one in ipairs(agents { compact = { at = 400, keep = mt.uniform(50, 150) } }) do
    for _, request in ipairs(one) do
      assert.is_true(request.input_length <= 400)
      if request.extra then lengths[request.input_length] = true end
    end
  end
  local count = 0
  for length in pairs(lengths) do
    count = count + 1
    assert.is_true(length >= 160 + 50 + 48 and length <= 160 + 150 + 48)
  end
  assert.is_true(count > 10)
  -- What a compaction leaves may still be too long for max_input: here new input alone is.
  local ended = by_session(list_of(plan({ turns = 9, compact = { at = 100, keep = 50 }, max_input = 140 },
    { new_input = mt.empirical { 20, 200 }, output = 5 })))
  local cut = 0
  for _, one in ipairs(ended) do
    for k = 2, #one do assert.is_true(one[k].input_length <= 140) end
    if #one < 9 then cut = cut + 1 end
  end
  assert.is_true(cut > 50)
end)

it("clear takes the outputs of tools away, but for the last ones", function()
  for _, one in ipairs(agents { clear = { at = 400, keep = 2, share = 0.5 } }) do
    local said, outputs, cleared = 0, {}, 0
    for k, request in ipairs(one) do
      local wanted, shared = said + 48, k > 1 and one[k - 1].input_length or 0
      if k == 1 then wanted = 208 end
      if wanted > 400 and #outputs > 2 then
        shared = outputs[1]
        while #outputs > 2 do
          table.remove(outputs, 1)
          wanted, said = wanted - 24, said - 24
          for i, at in ipairs(outputs) do outputs[i] = at - 24 end
        end
        cleared = cleared + 1
        assert.equal('{"prefix_reset": true}', request.extra)
      else
        assert.is_nil(request.extra)
      end
      assert.equal(wanted, request.input_length)
      if k > 1 then
        assert.equal(shared // block, common(one[k - 1], request))
        outputs[#outputs + 1] = said
      end
      said = wanted + 16
    end
    assert.is_true(cleared > 5)
  end
end)

it("rules of a context that are not reached change no byte", function()
  local function bytes(shape)
    local path = os.tmpname()
    assert(plan(shape):write(path))
    local file = assert(io.open(path))
    local text = file:read "a"
    file:close()
    os.remove(path)
    return text
  end
  assert.equal(bytes {}, bytes { compact = { at = 1000000, keep = 10 }, clear = { at = 1000000 } })
end)

it("first= is the first turn's", function()
  local sessions = by_session(list_of(plan({ turns = 3 }, { first = { new_input = 1000, output = 7 } })))
  for _, one in ipairs(sessions) do
    assert.equal(1000, one[1].input_length)
    assert.equal(7, one[1].output_length)
    local new = one[2].input_length - 1007
    assert.is_true(new >= 5 and new <= 60)
  end
  for _, one in ipairs(by_session(list_of(plan({ turns = 2 }, { first = { new_input = 99 } })))) do
    assert.equal(99, one[1].input_length)
    assert.is_true(one[1].output_length >= 1 and one[1].output_length <= 50) -- output= as in all turns
  end
end)

it("sessions are called after their stream, in order of their beginning", function()
  for k, one in ipairs(by_session(list_of(plan()))) do
    assert.equal(("chat-%d"):format(k - 1), one.id)
  end
  local two = mt.workload { duration = 5, mt.workload { name = "in",
    mt.stream { arrivals = mt.sessions { starts = mt.even(1), turns = 1 }, new_input = 5, output = 1 } } }
  assert.equal("in/main-4", list_of(two)[5].session_id)
end)

it("a session begun before the end runs on, none begins after", function()
  local late, last_start = 0, 0
  for _, one in ipairs(by_session(list_of(plan(nil, nil, 30)))) do
    last_start = math.max(last_start, one[1].timestamp)
    late = late + (one[#one].timestamp > 30000 and 1 or 0)
  end
  assert.is_true(last_start < 30000 and last_start > 20000)
  assert.is_true(late > 5)
end)

it("fields are drawn once a session", function()
  local kinds = {}
  for _, one in ipairs(by_session(list_of(plan(nil, { fields = { user = mt.uniform(0, 1),
    plan = mt.choice { { 1, "free" }, { 1, "paid" } } } })))) do
    for _, request in ipairs(one) do assert.equal(one[1].extra, request.extra) end
    kinds[one[1].extra:match '"plan": "(%a+)"'] = true
    assert.is_nil(kinds[one[1].extra])
    kinds[one[1].extra] = true
  end
  assert.is_true(kinds.free and kinds.paid)
end)

it("session s is the same at every rate", function()
  local once, thrice = by_session(list_of(plan(nil, nil, 90))), by_session(list_of(plan(nil, nil, 30):scale(3)))
  assert.equal(#once, #thrice)
  for s, one in ipairs(once) do
    assert.equal(#one, #thrice[s])
    near(one[1].timestamp / 3, thrice[s][1].timestamp, 2e-6)
    for k, request in ipairs(one) do
      assert.equal(request.input_length, thrice[s][k].input_length)
      assert.equal(request.output_length, thrice[s][k].output_length)
      assert.equal(request.delay, thrice[s][k].delay)
    end
  end
end)

it("shards keep whole sessions, in turn", function()
  local whole, seen = list_of(plan()), 0
  local place = {}
  for s, one in ipairs(by_session(whole)) do place[one.id] = (s - 1) % 3 end
  for shard = 0, 2 do
    for _, request in ipairs(list_of(plan(), { shard = shard .. "/3" })) do
      assert.equal(shard, place[request.session_id])
      seen = seen + 1
    end
  end
  assert.equal(#whole, seen)
end)

it("adding a stream changes nothing but numbers", function()
  local function pure(list)
    local kept = {}
    for _, request in ipairs(list) do
      if request.session_id then
        kept[#kept + 1] = { request.timestamp, request.input_length, request.output_length, request.delay,
          request.session_id, #request.hash_ids }
      end
    end
    return kept
  end
  local chat = { name = "chat", arrivals = mt.sessions { starts = mt.poisson(2), turns = mt.geometric(4),
    think = mt.exponential(5) }, new_input = mt.uniform(5, 60), output = mt.uniform(1, 50) }
  local alone = pure(list_of(mt.workload { block_size = block, duration = 60, mt.stream(chat) }))
  local beside = pure(list_of(mt.workload { block_size = block, duration = 60,
    mt.stream { name = "a", arrivals = mt.poisson(30), input = 99 }, mt.stream(chat) }))
  assert.is_true(#alone > 200)
  assert.same(alone, beside)
end)

it("expected() is what a long run has", function()
  local shapes = {
    { {}, {} },
    { { turns = mt.uniform(1, 9), service = { per_token = 0.1 } },
      { first = { new_input = 900, output = 30 }, prompt = mt.shared_prefix { tokens = 200 } } },
    { { starts = mt.on_off(2, { on = 3, off = 5 }), turns = 2 },
      { lengths = mt.classes { { 1, new_input = 30, output = 5 }, { 3, new_input = 300 } },
        new_input = false, output = false } },
  }
  for _, case in ipairs(shapes) do
    local shape = { starts = mt.poisson(20), turns = mt.geometric(4), think = mt.exponential(5) }
    for key, value in pairs(case[1]) do shape[key] = value end
    local opt = { arrivals = mt.sessions(shape), new_input = mt.uniform(5, 60), output = mt.uniform(1, 50) }
    for key, value in pairs(case[2]) do opt[key] = value or nil end
    local workload = mt.workload { block_size = block, duration = 300, mt.stream(opt) }
    local expected, list = workload:expected(), list_of(workload)
    local sessions, input, output, answers = by_session(list), 0, 0, 0
    for _, request in ipairs(list) do
      input = input + request.input_length
      output, answers = output + (request.output_length or 0), answers + (request.output_length and 1 or 0)
    end
    -- Starts are at most 4 times as scattered as Poisson ones (on_off); lengths follow sessions.
    near(#sessions / expected.sessions, 1, 4 * 2 / math.sqrt(expected.sessions))
    near(#list / #sessions, expected.requests / expected.sessions, 0.08 * #list / #sessions)
    near(input / #list / expected.input_length, 1, 0.06)
    near(output / answers / expected.output_length, 1, 0.03)
    assert.is_truthy(tostring(expected):find "sessions, %S+ per second")
  end
end)

it("they print as they are written", function()
  assert.equal("sessions{starts=poisson(const(2)), turns=geometric(4), think=fixed(0)}",
    tostring(mt.sessions { starts = mt.poisson(2), turns = mt.geometric(4) }))
  assert.equal("sessions{starts=even(const(1)), turns=fixed(3), think=fixed(5), "
    .. "service={ttft=0.2, per_token=0.02}, max_input=32000}",
    tostring(mt.sessions { starts = mt.even(1), turns = 3, think = 5,
      service = { ttft = "200ms", per_token = "20ms" }, max_input = 32000 }))
  assert.equal("sessions{starts=even(const(1)), turns=fixed(3), think=fixed(0), "
    .. "clear={at=300, keep=3, share=1}, compact={at=500, keep=fixed(40)}}",
    tostring(mt.sessions { starts = mt.even(1), turns = 3, clear = { at = 300 },
      compact = { at = 500, keep = 40 } }))
end)

describe("mistakes are told with the caller's line", function()
  local function sessions(shape)
    local all = { starts = mt.poisson(2), turns = 2 }
    for key, value in pairs(shape or {}) do all[key] = value end
    return mt.sessions(all)
  end
  local needs = "sessions need new_input=, what a turn adds to what was said before; "
  local path = os.tmpname()
  mt.workload { mt.stream { arrivals = mt.even(1), input = 9 } }:write(path, { duration = 3 })
  local cases = {
    { "@sessions: turns is required", function() mt.sessions { starts = mt.poisson(2) } end },
    { "@sessions: turns must be at least 1, not 0", function() sessions { turns = 0 } end },
    { "@sessions: starts must be an arrival process such as mt.poisson(2), not 3",
      function() sessions { starts = 3 } end },
    { "@sessions: starts must be a plain arrival process, not sessions",
      function() sessions { starts = sessions() } end },
    { "@sessions: think must not be negative: min=0 keeps it there",
      function() sessions { think = mt.normal { mean = 5, cv = 0.1 } } end },
    { "@sessions: service: unknown option 'tftt' (did you mean 'ttft'?)",
      function() sessions { service = { tftt = 1 } } end },
    { "@sessions: service: ttft must be at least 0, not -1", function() sessions { service = { ttft = -1 } } end },
    { "@sessions: max_input must be at least 1, not 0", function() sessions { max_input = 0 } end },
    { "@sessions: compact: keep is required", function() sessions { compact = { at = 9 } } end },
    { "@sessions: compact: at is required", function() sessions { compact = { keep = 9 } } end },
    { "@sessions: clear: at is required", function() sessions { clear = { share = 0.5 } } end },
    { "@sessions: compact: keep=60 leaves no room below at=50",
      function() sessions { compact = { at = 50, keep = 60 } } end },
    { "@sessions: compact: at=500 is never passed: max_input=400 ends sessions before",
      function() sessions { compact = { at = 500, keep = 60 }, max_input = 400 } end },
    { "@sessions: clear: at=400 is never passed: max_input=400 ends sessions before",
      function() sessions { clear = { at = 400 }, max_input = 400 } end },
    { "@sessions: clear: share must be at most 1, not 1.5",
      function() sessions { clear = { at = 400, share = 1.5 } } end },
    { "@stream: " .. needs .. "input= is a whole prompt",
      function() mt.stream { arrivals = sessions(), input = 3 } end },
    { "@stream 's': " .. needs .. "input= of class 2 is a whole prompt", function()
      mt.stream { name = "s", arrivals = sessions(),
        lengths = mt.classes { { 1, new_input = 3 }, { 1, input = 3 } } }
    end },
    { "@stream: " .. needs .. "lengths_of brings whole prompts",
      function() mt.stream { arrivals = sessions(), lengths = mt.lengths_of(path) } end },
    { "@stream: " .. needs .. "prompts_of brings whole prompts",
      function() mt.stream { arrivals = sessions(), prompt = mt.prompts_of(path) } end },
    { "@stream: first= is for the first turns of mt.sessions{...}",
      function() mt.stream { arrivals = mt.poisson(2), input = 3, first = { new_input = 4 } } end },
    { "@stream: first: unknown option 'input' (it takes new_input, output)",
      function() mt.stream { arrivals = sessions(), new_input = 3, first = { input = 4 } } end },
    { "@stream: first: new_input is required beside lengths=", function()
      mt.stream { arrivals = sessions(), lengths = mt.classes { { 1, new_input = 3 } }, first = { output = 4 } }
    end },
  }
  for _, case in ipairs(cases) do
    it(case[1], function() refusal.is(table.unpack(case)) end)
  end
  teardown(function() os.remove(path) end)

  it("think times and turns that are no numbers, with their time", function()
    local nothing = mt.curve(function(t) return t < 5 and 1 or 0 end, 100)
    local problem = refusal.message(list_of, plan { think = mt.exponential(mt.const(1) / nothing) })
    assert.is_truthy(problem:find "sessions_spec%.lua:%d+: stream 'chat': sessions: a think time of %S+ s came out at t = ")
  end)
end)

describe("service", function()
  -- When each turn's answer ended: the next one's time without its delay.
  local function taken(service, turns, duration)
    local sessions = by_session(list_of(plan({ starts = mt.even(0.5), turns = turns or 4, think = 1,
      service = service }, { new_input = 10, output = 20 }, duration)))
    local times = {}
    for _, one in ipairs(sessions) do
      for k = 2, #one do times[#times + 1] = (one[k].timestamp - one[k].delay - one[k - 1].timestamp) / 1000 end
    end
    return times
  end

  it("times may be drawn", function()
    local times, sum = taken { ttft = mt.exponential(2),
      per_token = "10ms" }, 0
    assert.equal(150, #times)
    for _, time in ipairs(times) do
      assert.is_true(time >= 0.2 - 1e-6)
      sum = sum + time - 0.2
    end
    near(sum / #times, 2, 4 * 2 / math.sqrt(#times))
  end)

  it("a function is given the tokens in flight, its own included", function()
    -- One session alone: prompts of 10, 40, 70 and answers of 20.
    local seen = {}
    local times = taken({ ttft = 0.5, per_token = function(in_flight)
      seen[#seen + 1] = in_flight
      return in_flight / 1000
    end }, 4, 1)
    assert.equal(30, seen[1]) -- the first request
    assert.equal(3, #times)
    for i, time in ipairs(times) do near(time, 0.5 + 20 * (i * 30) / 1000, 1e-6) end
    -- Answers of two hours are all under way at once.
    local all, last = {}, 0
    taken({ ttft = "2h", per_token = function(in_flight) all[#all + 1] = in_flight return 0 end }, 1)
    for i, in_flight in ipairs(all) do
      assert.equal(30 * i, in_flight)
      last = i
    end
    assert.equal(50, last)
  end)

  it("what follows the load is counted, and its mistakes are told", function()
    local function asked(value)
      local count = 0
      return plan({ starts = mt.even(5), service = { per_token = function()
        count = count + 1
        if count > 300 then
          if value == "raise" then error "no more" end
          return value
        end
        return 0.01
      end } })
    end
    local shown = tostring(plan({ service = { ttft = function(n) return n / 1000 end } }):expected())
    assert.truthy(shown:find("answers take what a function says: requests and lengths are counted", 1, true), shown)
    for value, text in pairs { [-1] = "%-1", x = "a string", raise = "no more" } do
      local ok, message = pcall(list_of, asked(value))
      assert.is_false(ok)
      assert.truthy(tostring(message):find("sessions_spec%.lua:%d+: [^\n]*" .. text), message)
    end
    local ok, message = pcall(list_of, asked(nil))
    assert.is_false(ok)
    assert.truthy(tostring(message):find("service: the function returned nil (with ", 1, true), message)
    refusal.is("@sessions: service: ttft must be a number, a distribution, or NAME:key=value,..., not true",
      function() mt.sessions { starts = mt.even(1), turns = 2, service = { ttft = true } } end)
    refusal.is("@service: per_token must not be negative: min=0 keeps it there", function()
      mt.sessions { starts = mt.even(1), turns = 2, service = { per_token = mt.normal { mean = 1, cv = 1 } } }
    end)
  end)
end)
