-- Streams, classes and workloads: names, fields, durations, seeds, shards, scales, mistakes.
local mt = require "moontide"

local list_of = require "tests.support.records".of

local function stream(name, more)
  local opt = { name = name, arrivals = mt.poisson(20), input = mt.lognormal { mean = 900, cv = 1 }, output = 7 }
  for key, value in pairs(more or {}) do opt[key] = value end
  return mt.stream(opt)
end

local fails = require "tests.support.refusal".is

-- --- requests ---------------------------------------------------------------------------------------

it("a stream of plain numbers is the same however it is written", function()
  local function made(opt)
    opt.arrivals, opt.name, opt.prompt = mt.poisson(20), "a", mt.unique()
    return list_of(mt.workload { mt.stream(opt) }, { num_requests = 20 })
  end
  local plain = made { input = 900, output = 2.5 }
  assert.same({ 900, 3, "a" }, { plain[1].input_length, plain[1].output_length,
    mt.stream { name = "a", arrivals = mt.poisson(20), input = 900 }.name })
  assert.same(plain, made { input = "900", output = 2.5 })
  assert.same(plain, made { input = mt.fixed(900), output = 2.5 })
  assert.same(plain, made { new_input = 900.0, output = 2.5, fields = {} })
end)

it("requests have what the record has", function()
  local first = list_of(mt.workload { stream() }, { num_requests = 1 })[1]
  assert.equal(7, first.output_length)
  assert.equal("integer", math.type(first.input_length))
  assert.equal(math.ceil(first.input_length / 512), #first.hash_ids)
  assert.is_nil(first.session_id)
  assert.is_nil(list_of(mt.workload { mt.stream { arrivals = mt.even(1), input = 3 } })[1].output_length)
end)

it("requests of one time are in the order of their streams' names, byte by byte", function()
  local names = { "", "1", "10", "2", "a", "a longer one than eight", "a longer one than nine", "a longer one",
    "\u{e9}", "\u{e9}t\u{e9}", "Z", "~", "\1", "aaaaaaa", "aaaaaaaa", "aaaaaaab" }
  for _, prefix in ipairs { "s", "stream ", "a" } do
    local streams, sorted = { duration = 1 }, {}
    for i, name in ipairs(names) do
      sorted[i] = prefix .. name
      streams[i] = mt.stream { name = sorted[i], arrivals = mt.even(1), input = 9 }
    end
    table.sort(sorted)
    local found = list_of(mt.workload(streams), { tags = true })
    for i, request in ipairs(found) do assert.equal(sorted[i], request.stream) end
    assert.equal(#names, #found)
  end
end)

it("streams of many different lengths have their own each, whatever was said before", function()
  local streams, shared = { duration = 1 }, mt.shared_prefix { tokens = 512 }
  local opt = { arrivals = mt.even(1), prompt = shared }
  for i = 1, 600 do -- more than are remembered, and each twice
    local k = (i - 1) % 300 + 1
    opt.name = ("%03d"):format(i)
    opt.input, opt.new_input = i % 2 == 0 and 1000 + k or nil, i % 2 == 1 and 1000 + k or nil
    opt.output = i % 3 > 0 and i or nil
    streams[i] = mt.stream(opt) -- one table for all: none keeps it
  end
  for i, request in ipairs(list_of(mt.workload(streams), { tags = true })) do
    assert.equal(("%03d"):format(i), request.stream)
    assert.equal(1000 + (i - 1) % 300 + 1 + (i % 2 == 1 and 512 or 0), request.input_length)
    assert.equal(i % 3 > 0 and i or nil, request.output_length)
  end
end)

it("a process may run faster however many there are of it", function()
  local faster = mt.workload { duration = 8, mt.stream { arrivals = mt.even(1), input = 3 } }:compress(4)
  assert.equal(8, #list_of(faster))
  assert.equal(250, list_of(faster)[2].timestamp - list_of(faster)[1].timestamp)
end)

it("the same seed is the same load, another seed is another", function()
  local workload = mt.workload { duration = 5, stream() }
  assert.same(list_of(workload, { seed = 3 }), list_of(workload, { seed = 3 }))
  assert.are_not.same(list_of(workload, { seed = 3 }), list_of(workload, { seed = 4 }))
  assert.same(list_of(workload), list_of(workload, { seed = 0 }))
end)

it("columns, requests and the written file are the same load", function()
  local workload = mt.workload { duration = 5, stream("a"), stream("b", { prompt = mt.random_blocks { total = 9 } }) }
  local columns, list = workload:columns { seed = 2 }, list_of(workload, { seed = 2 })
  assert.equal(#list, #columns)
  local path = os.tmpname()
  assert.equal(#list, workload:write(path, { seed = 2 }))
  local read = mt.trace.read(path)
  os.remove(path)
  assert.equal(#list, #read)
  for i = 1, #list do
    assert.same(list[i].hash_ids, read[i].hash_ids)
    assert.equal(list[i].input_length, read[i].input_length)
  end
end)

it("shards together are the whole, in order", function()
  local workload = mt.workload { duration = 5, stream("a"), stream("b") }
  local whole, parts, at = list_of(workload, { num_requests = 90 }), {}, { 1, 1, 1 }
  for i = 1, 3 do parts[i] = list_of(workload, { num_requests = 90, shard = (i - 1) .. "/3" }) end
  assert.equal(90, #parts[1] + #parts[2] + #parts[3])
  for k, request in ipairs(whole) do
    local i = (k - 1) % 3 + 1
    assert.same(request, parts[i][at[i]])
    at[i] = at[i] + 1
  end
end)

it("a stream does not feel the others", function()
  local alone = list_of(mt.workload { duration = 5, stream("a", { fields = { who = "a" } }) })
  local k = 0
  for _, request in ipairs(list_of(mt.workload { duration = 5, stream("b"), stream("a", { fields = { who = "a" } }) })) do
    if request.extra then
      k = k + 1
      assert.equal(alone[k].timestamp, request.timestamp)
      assert.equal(alone[k].input_length, request.input_length)
    end
  end
  assert.equal(#alone, k)
end)

it("scale multiplies the rates and keeps every request's lengths", function()
  local workload = mt.workload { duration = 5, stream() }
  local once, twice = list_of(workload), list_of(workload:scale(2), { duration = 2.5 })
  assert.equal(#once, #twice)
  for k, request in ipairs(once) do
    assert.equal(request.input_length, twice[k].input_length)
    assert.is_true(math.abs(request.timestamp / 2 - twice[k].timestamp) < 1e-3)
  end
  assert.equal(100, workload:expected().requests)
  assert.equal(300, workload:scale(3):expected().requests)
  assert.equal(150, mt.workload { duration = 5, workload:scale(1.5) }:expected().requests)
end)

-- --- names and nesting ------------------------------------------------------------------------------

local function names(workload)
  local list = {}
  for i, one in ipairs(workload:expected().streams) do list[i] = one.name end
  return list
end

it("streams have the names of the workloads around them", function()
  assert.same({ "main" }, names(mt.workload { stream() }))
  local inner = mt.workload { name = "burst", stream() }
  assert.same({ "a", "burst/main" }, names(mt.workload { stream("a"), inner }))
  assert.same({ "day/burst/main" }, names(mt.workload { mt.workload { name = "day", inner } }))
end)

it("a workload without a block size takes that of those in it", function()
  local inner = mt.workload { block_size = 64, stream() }
  local request = list_of(mt.workload { mt.workload { inner } }, { num_requests = 1 })[1]
  assert.equal(math.ceil(request.input_length / 64), #request.hash_ids)
  fails("@workload: the block_size of 'x' is 64, beside it or around it is 128", function()
    mt.workload { block_size = 128, mt.workload { name = "x", block_size = 64, stream() } }
  end)
end)

-- --- durations --------------------------------------------------------------------------------------

it("duration is what is asked, else the workload's, else the longest curve, else 60 s", function()
  local function duration(workload, opt) return workload:expected(opt).duration end
  local ramp = stream("r", { arrivals = mt.poisson(mt.ramp(1, 2, 30)) })
  assert.equal(60, duration(mt.workload { stream() }))
  assert.equal(30, duration(mt.workload { ramp, stream("x") }))
  assert.equal(90, duration(mt.workload { duration = "1m30s", ramp }))
  assert.equal(2, duration(mt.workload { duration = 90, ramp }, { duration = "2s" }))
end)

it("what is asked may be longer than the workload's own duration", function()
  local workload = mt.workload { duration = 2, stream() }
  local each = workload:expected().requests / 2
  assert.equal(10 * each, workload:expected({ duration = 10 }).requests)
  local last
  for request in workload:requests { duration = 10 } do last = request.timestamp end
  assert.is_true(last > 9000)
end)

it("a workload inside ends after its own duration", function()
  local inner = mt.workload { name = "in", duration = 10, stream() }
  assert.equal(200, mt.workload { duration = 60, inner }:expected().requests)
end)

-- --- expectations -----------------------------------------------------------------------------------

it("expected prints a table", function()
  local expected = mt.workload { duration = 100, stream("a", { input = 100 }), stream("b", { input = 300 }) }:expected()
  assert.equal(4000, expected.requests)
  assert.equal(200, expected.input_length)
  assert.equal([[
expected over 100 s:
stream  requests  per second  mean ISL  mean OSL
a        2,000.0          20     100.0       7.0
b        2,000.0          20     300.0       7.0
all      4,000.0          40     200.0       7.0]], tostring(expected))
end)

it("expected agrees with what comes", function()
  local workload = mt.workload {
    duration = 400,
    mt.stream {
      arrivals = mt.poisson(mt.sine { mean = 20, amp = 10, period = 40 }),
      lengths = mt.classes {
        { mt.sine { mean = 1, amp = 0.9, period = 40 }, input = mt.lognormal { mean = 500, cv = 1 }, output = 10 },
        { 1, new_input = 30, prompt = mt.shared_prefix { tokens = 1500 } },
      },
    },
  }
  local expected, input, outputs = workload:expected(), 0, 0
  local list = list_of(workload)
  for _, request in ipairs(list) do
    input = input + request.input_length
    outputs = outputs + (request.output_length and 1 or 0)
  end
  assert.is_true(math.abs(#list - expected.requests) < 4 * math.sqrt(expected.requests))
  assert.is_true(math.abs(input / #list / expected.input_length - 1) < 0.03)
  assert.is_true(math.abs(expected.output_length - 10) < 1e-9)
  assert.is_true(outputs > 0.5 * #list)
end)

-- --- fields -----------------------------------------------------------------------------------------

it("fields are constants, draws and choices, in the order of their names", function()
  local list = list_of(mt.workload { duration = 20, mt.stream {
    arrivals = mt.poisson(50), input = 3,
    fields = { z = true, model = "m", n = 3, size = mt.uniform(1, 2), kind = mt.choice { { 3, "p" }, { 1, { 1, 2 } } } },
  } })
  local lists = 0
  for _, request in ipairs(list) do
    local extra = mt.json.decode(request.extra)
    assert.is_true(extra.z)
    assert.equal("m", extra.model)
    assert.equal(3, extra.n)
    assert.is_true(extra.size >= 1 and extra.size < 2)
    lists = lists + (type(extra.kind) == "table" and 1 or 0)
    assert.is_truthy(request.extra:find '^{"kind": .*, "model": "m", "n": 3, "size": .*, "z": true}$')
  end
  assert.is_true(math.abs(lists - #list / 4) < 4 * math.sqrt(#list * 3 / 16))
end)

it("a class's fields are added to the stream's", function()
  local list = list_of(mt.workload { duration = 5, mt.stream {
    arrivals = mt.poisson(50), fields = { a = 1, b = 2 },
    lengths = mt.classes { { 1, input = 10 }, { 1, input = 20, fields = { b = 3, c = 4 } } },
  } })
  for _, request in ipairs(list) do
    assert.equal(request.input_length == 10 and '{"a": 1, "b": 2}' or '{"a": 1, "b": 3, "c": 4}', request.extra)
  end
end)

-- --- mistakes ---------------------------------------------------------------------------------------

describe("mistakes are told with the caller's line", function()
  local poisson = mt.poisson(3)
  local function one(name, more) return stream(name, more) end
  local cases = {
    { "@stream: arrivals is required", function() mt.stream { input = 5 } end },
    { "@stream: arrivals must be an arrival process such as mt.poisson(20), not 3",
      function() mt.stream { arrivals = 3, input = 5 } end },
    { "@stream: input= (the whole prompt) or new_input= (what is added to its shared part) is required",
      function() mt.stream { arrivals = poisson } end },
    { "@stream 'x': input= is the whole prompt, new_input= what is added to its shared part: give one of them",
      function() mt.stream { name = "x", arrivals = poisson, input = 3, new_input = 4 } end },
    { "@stream: lengths= says how long requests are: leave out input=",
      function() mt.stream { arrivals = poisson, input = 3, lengths = mt.classes { { 1, input = 4 } } } end },
    { "@stream: unknown option 'imput' (did you mean 'input'?)",
      function() mt.stream { arrivals = poisson, imput = 3 } end },
    { "@stream: unknown option 'output?typo' (it takes name, arrivals, requests, input, new_input, output, lengths, prompt, "
      .. "first, branch, fields)", function() mt.stream { arrivals = poisson, input = 3, ["output\0typo"] = 7 } end },
    { "@stream: name must not be empty", function() mt.stream { name = "", arrivals = poisson, input = 3 } end },
    { "@stream: name must be UTF-8 without zero bytes",
      function() mt.stream { name = "a\0b", arrivals = poisson, input = 3 } end },
    { "@stream: name must be UTF-8 without zero bytes",
      function() mt.stream { name = "a\xff", arrivals = poisson, input = 3 } end },
    { "@stream 'x': arrivals must be an arrival process such as mt.poisson(20), not 20",
      function() mt.stream { name = "x", arrivals = 20, input = 3 } end },
    { "@stream 'x': arrivals is required", function() mt.stream { name = "x", input = 3 } end },
    { "@stream 'x': input= (the whole prompt) or new_input= (what is added to its shared part) is required",
      function() mt.stream { name = "x", arrivals = poisson } end },
    { "@stream: input must be at least 0, not -1", function() mt.stream { arrivals = poisson, input = -1 } end },
    { "@stream: output must be finite: a number, not inf",
      function() mt.stream { arrivals = poisson, input = 3, output = math.huge } end },
    { "@stream: the argument must be a table of options, not 3", function() mt.stream(3) end },
    { "@stream: prompt must be a prompt source such as mt.unique(), not 4",
      function() mt.stream { arrivals = poisson, input = 3, prompt = 4 } end },
    { "@stream: fields: 'timestamp' cannot be set: the record has it",
      function() mt.stream { arrivals = poisson, input = 3, fields = { timestamp = 4 } } end },
    { "@stream: fields.a: a table is neither a list nor an object, it has items and other keys",
      function() mt.stream { arrivals = poisson, input = 3, fields = { a = { 1, b = 2 } } } end },
    { "@classes: class 1: begins with its weight, as in {1, input=100, output=20}",
      function() mt.classes { { input = 3 } } end },
    { "@classes: class 2: weight must be 0 or more, not -1",
      function() mt.classes { { 1, input = 3 }, { -1, input = 3 } } end },
    { "@workload: needs at least one stream", function() mt.workload {} end },
    { "@workload: member 1 must be a stream, mt.clients{...} or a workload, not 3", function() mt.workload { 3 } end },
    { "@workload: stream 1 has no name; where there are several each needs one",
      function() mt.workload { one(), one "b" } end },
    { "@workload: two streams are named 'a'", function() mt.workload { one "a", one "a" } end },
    { "@workload: duration must be above 0, not 0", function() mt.workload { duration = 0, one() } end },
    { "@scale: the factor must be above 0, not 0", function() mt.workload { one() }:scale(0) end },
    { "@requests: unknown option 'sed' (did you mean 'seed'?)",
      function() mt.workload { one() }:requests { sed = 3 } end },
    { "@write: the path must be a file's name, not nil", function() mt.workload { one() }:write() end },
    { "@more than half of the prompts lie wholly inside their shared prefix: input= is the whole prompt "
      .. "(did you mean new_input=, what comes after the prefix?)",
      function() mt.workload { one("a", { prompt = mt.shared_prefix { tokens = 9000 } }) }:expected() end },
    { "@stream 'main': the rate is infinite at t = 0 s",
      function() mt.workload { one(nil, { arrivals = mt.poisson(mt.const(1) / mt.const(0)) }) }:requests() end },
  }
  for _, case in ipairs(cases) do
    it(case[1], function() fails(case[1], case[2]) end)
  end

  it("the world's failures are returned", function()
    local written, message, code = mt.workload { one() }:write "/nowhere/x.jsonl"
    assert.is_nil(written)
    assert.is_truthy(message:find "^/nowhere/x%.jsonl: ")
    assert.equal("io", code)
  end)
end)

describe("mt.profile", function()
  local function plan()
    return mt.workload { duration = 8, block_size = 10, mt.stream { arrivals = mt.even(1), output = 1,
      input = 40, prompt = mt.shared_prefix { tokens = 20 } } }
  end

  it("has hit ratios in its series where they are asked for", function()
    assert.is_nil(assert(mt.profile(plan(), { step = 2 })):series().hit_ratio)
    assert.same({ 0.25, 0.5, 0.5, 0.5 }, assert(mt.profile(plan(), { step = 2, hits = true })):series().hit_ratio)
    assert.same({ 0, 0, 0, 0 }, assert(mt.profile(plan(), { step = 2, hits = 3 })):series().hit_ratio)
    assert.same({ 0.25, 0.5, 0.5, 0.5 },
      assert(mt.profile(plan():columns(), { step = 2, hits = 100 })):series().hit_ratio)
    assert.has_error(function() mt.profile(plan(), { hits = 0 }) end)
    for _, service in ipairs { "foo", "ttft", "" } do
      local ok, message = pcall(mt.profile, plan(), { service = service })
      assert.is_false(ok)
      assert.is_truthy(tostring(message):find("profile: service must be ttft=TIME,per_token=TIME or a run "
        .. "(mt.run_of(folder)), not '" .. service .. "'", 1, true), tostring(message))
    end
    assert.has_error(function() mt.profile(plan(), { hits = "many" }) end)
  end)

  it("has totals by class", function()
    local classes = mt.workload { duration = 20, mt.stream { arrivals = mt.even(10), lengths = mt.classes {
      { 1, name = "short", input = 10, output = 1 }, { 1, input = 600, output = 1 } } } }
    local by = assert(mt.profile(classes, { by = "class" })).by
    local found = {}
    for _, group in ipairs(by) do found[group.value] = group end
    assert.equal(200, found.short.requests + found["2"].requests)
    assert.equal(600 * found["2"].requests, found["2"].input_tokens)
    assert.has_error(function()
      mt.classes { { 1, name = "2", input = 1, output = 1 }, { 1, input = 1, output = 1 } }
    end, "classes: classes 1 and 2 are both named '2'")
  end)
end)

describe("classes on average", function()
  -- Each class's requests within four standard deviations of what one seed's run has, lengths within 3 %.
  local function hold(plan, first)
    local counted = assert(mt.profile(plan, { by = "class", seed = 3 }))
    local by = {}
    for _, group in ipairs(counted.by) do by[group.value] = group end
    local row = plan:expected().streams[1]
    assert.is_nil(row.counts_classes)
    local sum, input = first and plan:expected().sessions or 0, first and plan:expected().sessions * first or 0
    for _, class in ipairs(row.classes) do
      local seen = by[class.name]
      assert.near(class.requests, seen.requests, 4 * math.sqrt(class.requests) + 1e-9, class.name)
      assert.near(1, seen.input_tokens / seen.requests / class.input_length, 0.03, class.name)
      if class.output_length then
        assert.near(1, seen.output_tokens / seen.requests / class.output_length, 0.03, class.name)
      else
        assert.equal(0, seen.output_tokens)
      end
      sum, input = sum + class.requests, input + class.requests * class.input_length
    end
    -- Together they are the stream.
    assert.near(1, sum / row.requests, 1e-9)
    assert.near(1, input / row.requests / row.input_length, 1e-9)
  end

  it("are those of a counted run, by weights and rates that follow time", function()
    hold(mt.workload { duration = 100, mt.stream { arrivals = mt.poisson(mt.ramp(50, 350, 100)),
      prompt = mt.shared_prefix { tokens = 700 }, lengths = mt.classes {
        { mt.ramp(1, 9, 100), name = "chat", new_input = mt.exponential(300), output = 40 },
        { 3, name = "rag", input = mt.uniform(2000, 4000), output = mt.exponential(9), prompt = mt.unique() },
        { 1, input = 900 } } } })
  end)

  it("are those of a counted run of sessions, whose first turns may have lengths of their own", function()
    local kinds = mt.classes { { 1, name = "a", new_input = 50, output = mt.exponential(30) },
      { 3, name = "b", new_input = mt.exponential(400), output = 100 } }
    local talks = mt.sessions { starts = mt.poisson(20), turns = mt.uniform(2, 6), think = 1 }
    local shared = mt.shared_prefix { tokens = 600 }
    hold(mt.workload { duration = 200, mt.stream { arrivals = talks, lengths = kinds, prompt = shared } })
    hold(mt.workload { duration = 200, mt.stream { arrivals = talks, lengths = kinds, prompt = shared,
      first = { new_input = 2000, output = 7 } } }, 2600)
  end)

  it("are counted where no formula knows them", function()
    local talks = mt.sessions { starts = mt.poisson(20), turns = 3, think = 1 }
    for _, given in ipairs {
      { arrivals = talks, lengths = mt.classes { { mt.ramp(1, 2, 10), new_input = 5 }, { 1, new_input = 6 } } },
      { arrivals = talks, lengths = mt.classes { { 1, new_input = 5, prompt = mt.shared_prefix { tokens = 9 } } } },
      { arrivals = mt.even(9), lengths = mt.classes { { 1, input = mt.length(function() return 5 end) } } },
    } do
      local row = mt.workload { duration = 10, mt.stream(given) }:expected().streams[1]
      assert.is_true(row.counts_classes)
      assert.is_nil(row.classes)
    end
    local plain = mt.workload { duration = 10, mt.stream { arrivals = mt.even(9), input = 5 } }:expected().streams[1]
    assert.same({}, { plain.classes, plain.counts_classes })
  end)
end)

describe("more requests than anybody means", function()
  local workload = mt.workload { duration = 60, mt.stream { arrivals = mt.poisson(1e12), input = 10 } }

  it("are refused where all are made", function()
    for name, make in pairs {
      ["columns"] = function() return workload:columns() end,
      ["write"] = function() return workload:write "/dev/null" end,
      ["pipe columns"] = function() return workload:pipe():columns() end,
      ["pipe write"] = function() return workload:pipe():write "/dev/null" end,
    } do
      local ok, message = pcall(make)
      assert.is_false(ok, name)
      assert.matches("workload_spec.lua:%d+: " .. name:match "%a+$" .. ": about 6e%+13 requests would be made; "
        .. "yes = true makes more than 10^9, num_requests fewer$", message)
    end
  end)

  it("are made where few of them are asked for, or all are meant", function()
    assert.equal(3, #workload:columns { num_requests = 3 })
    assert.equal(3, #workload:pipe():first(3):columns())
    local sparse = mt.workload { duration = 1, mt.stream { arrivals = mt.poisson(mt.const(1e12, 1)), input = 10 } }
    assert.equal(5, #sparse:pipe { yes = true, num_requests = 5 }:columns())
    assert.matches("yes must be true or false", select(2, pcall(function() sparse:columns { yes = 3 } end)))
  end)
end)
