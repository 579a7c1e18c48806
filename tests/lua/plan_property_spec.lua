-- What holds of every plan, tried on plans put together at random from everything there is.
local mt = require "moontide"

local plans = 24

-- Its own generator, so that plan number k is the same whatever else is tested.
local function chooser(k)
  local random = mt.random(k, "plans")
  local choose = {}
  function choose.one(list) return list[random:below(#list) + 1] end
  function choose.whole(low, high) return low + random:below(high - low + 1) end
  function choose.real(low, high) return random:uniform(low, high) end
  function choose.chance(p) return random:uniform() < p end
  return choose
end

local duration = 12

local function curve_of(choose)
  local rate = choose.real(0.5, 12)
  return choose.one {
    function() return rate end,
    function() return mt.ramp(0, 2 * rate, duration) end,
    function() return mt.sine { mean = rate, amp = 1.5 * rate, period = choose.real(1, 20) } end,
    function() return mt.steps { { rate, 3 }, { 0, 4 }, { 2 * rate, 20 } } end,
    function() return rate + mt.spike { at = 5, height = 3 * rate, rise = 1, fall = 2 } end,
    function() return rate * mt.noise { cv = 0.7, corr_time = 2 } end,
    function() return mt.curve(function(t) return rate * t % 7 end, 30) end,
  }()
end

local function length_of(choose)
  local mean = choose.real(1, 300)
  return choose.one {
    function() return choose.whole(1, 400) end,
    function() return mt.lognormal { mean = mean, cv = choose.real(0.1, 3) } end,
    function() return mt.uniform(0, 2 * mean) end,
    function() return mt.normal { mean = mean, cv = 1, max = 500 } end,
    function() return mt.mix { { 1, mt.geometric(mean) }, { 2, mt.pareto { mean = mean, shape = 2 } } } end,
    function() return mt.gamma { mean = mt.ramp(10, 200, duration), cv = 1 } end,
  }()
end

local function gaps_of(choose)
  return choose.one { mt.gamma { cv = choose.real(0.2, 3) }, mt.weibull { shape = choose.real(0.5, 3) },
    mt.lognormal { cv = 1 }, mt.fixed(1) }
end

local function plain_process(choose, trace)
  local curve = curve_of(choose)
  return choose.one {
    function() return mt.even(curve, { phase = choose.real(0, 0.99) }) end,
    function() return mt.poisson(curve) end,
    function() return mt.poisson_counts(curve, choose.real(0.1, 3)) end,
    function() return mt.renewal(curve, gaps_of(choose)) end,
    function() return mt.on_off(curve, { on = choose.real(0.1, 3), off = choose.real(0.1, 3) }) end,
    function() return mt.mmpp(curve, { levels = { 1, 4, 0 }, dwell = { 1, choose.real(0.1, 2), 3 } }) end,
    function() return mt.hawkes(curve, { branching = choose.real(0, 0.9), decay = choose.real(0.1, 3) }) end,
    function() return mt.times_of(trace, { speed = choose.real(0.5, 3), wrap = choose.chance(0.5) }) end,
    function()
      return mt.arrivals(function(random)
        local left = 30
        return function()
          left = left - 1
          return left > 0 and random:exponential(0.5) or nil
        end
      end)
    end,
  }()
end

local function process_of(choose, trace)
  if not choose.chance(0.35) then return plain_process(choose, trace), false end
  return mt.sessions {
    starts = plain_process(choose, trace), turns = choose.one { 1, 3, mt.geometric(4), mt.uniform(0, 6) },
    think = choose.one { 0, "2s", mt.exponential(3) }, max_input = choose.chance(0.5) and 900 or nil,
    service = choose.chance(0.5) and { ttft = "100ms", per_token = 0.01 } or nil,
  }, true
end

local function prompt_of(choose)
  return choose.one {
    function() return nil end,
    function() return mt.unique() end,
    function() return mt.random_blocks { total = choose.whole(1, 50) } end,
    function()
      return mt.shared_prefix { tokens = length_of(choose), groups = choose.whole(1, 9),
        zipf = choose.one { 0, 1.2 }, name = choose.one { nil, "x", "y" } }
    end,
    function()
      return mt.parts { { tokens = choose.whole(1, 90) }, { tokens = length_of(choose), pick = mt.zipf { n = 20, s = 1 },
        count = choose.whole(1, 4) }, { tokens = 30, pick = choose.whole(1, 5), name = choose.one { nil, "x" } } }
    end,
  }()
end

local function fields_of(choose)
  return choose.one { false, false, { model = mt.choice { { 1, "a" }, { 2, "b" } } }, { n = mt.uniform(0, 1) } } or nil
end

local function classes_of(choose)
  local classes = {}
  for i = 1, choose.whole(1, 3) do
    classes[i] = { choose.one { 1, 2.5, mt.ramp(1, 0.1, 2 * duration) }, new_input = length_of(choose),
      output = choose.chance(0.7) and length_of(choose) or nil, prompt = prompt_of(choose), fields = fields_of(choose) }
  end
  return mt.classes(classes)
end

local function stream_of(choose, name, trace)
  local process, has_sessions = process_of(choose, trace)
  local opt = { name = name, arrivals = process, fields = fields_of(choose) }
  if not has_sessions and choose.chance(0.15) then
    opt.prompt = mt.prompts_of(trace, { wrap = choose.chance(0.5) })
    return mt.stream(opt)
  end
  if not has_sessions and choose.chance(0.15) then
    opt.lengths = mt.lengths_of(trace)
    return mt.stream(opt)
  end
  opt.prompt = prompt_of(choose)
  if choose.chance(0.3) then
    opt.lengths = classes_of(choose)
  else
    opt.new_input = length_of(choose)
    opt.output = choose.chance(0.8) and length_of(choose) or nil
    if has_sessions and choose.chance(0.4) then opt.first = { new_input = length_of(choose), output = 9 } end
  end
  return mt.stream(opt)
end

-- A plan and its block size.
local function plan_of(k)
  require("moontide.core").curve.reset(0) -- noise curves are numbered
  local choose = chooser(k)
  local block_size = choose.one { 1, 7, 16, 64, 512 }
  local trace = mt.workload { block_size = block_size, duration = 5, mt.stream {
    arrivals = mt.poisson(4), new_input = mt.uniform(1, 200), output = mt.uniform(0, 9),
    prompt = mt.shared_prefix { tokens = 90, groups = 3 } } }:columns { seed = k }
  local members = { duration = duration, block_size = block_size }
  for i = 1, choose.whole(1, 3) do members[i] = stream_of(choose, "s" .. i, trace) end
  if choose.chance(0.3) then
    members[#members + 1] = mt.workload { name = "in", duration = choose.one { nil, 5 },
      stream_of(choose, nil, trace) }:scale(choose.real(0.5, 2))
  end
  if choose.chance(0.3) then
    members[#members + 1] = mt.clients { n = choose.whole(1, 5), zipf = 1,
      stream = function() return stream_of(choose, nil, trace) end }
  end
  return mt.workload(members), block_size
end

local list_of = require "tests.support.records".of

local function check_request(request, block_size, seen)
  local over = request.input_length - (#request.hash_ids - 1) * block_size
  assert(over > 0 and over <= block_size, "its blocks do not fit its length")
  assert(request.timestamp >= seen.time, "it comes before the one before it")
  seen.time = request.timestamp
  local parent = -1
  for _, id in ipairs(request.hash_ids) do
    if id == seen.next_id then
      seen.parents[id], seen.next_id = parent, id + 1
    end
    assert(seen.parents[id] == parent, "an id has another parent, or was skipped")
    parent = id
  end
end

local function bytes_of(workload, opt)
  local path = os.tmpname()
  assert(workload:write(path, opt))
  local file <close> = assert(io.open(path, "rb"))
  os.remove(path)
  return file:read "a"
end

local requests_made = 0

for k = 1, plans do
  it(("plan %d keeps the rules"):format(k), function()
    local workload, block_size = plan_of(k)
    local list = list_of(workload, { seed = k })
    local seen = { time = 0, next_id = 0, parents = {} }
    for i, request in ipairs(list) do
      local ok, problem = pcall(check_request, request, block_size, seen)
      if not ok then error(("request %d of plan %d: %s"):format(i, k, problem)) end
    end
    requests_made = requests_made + #list

    -- Made again, from a plan made again, it is the same.
    assert.equal(bytes_of(workload, { seed = k }), bytes_of((plan_of(k)), { seed = k }))

    -- Three shards are the whole, whole sessions each.
    local owner, count = {}, 0
    for shard = 0, 2 do
      for _, request in ipairs(list_of(workload, { seed = k, shard = shard .. "/3" })) do
        count = count + 1
        local session = request.session_id
        if session then
          assert.is_true(owner[session] == nil or owner[session] == shard)
          owner[session] = shard
        end
      end
    end
    assert.equal(#list, count)

    -- The first requests are the same whatever comes after them.
    for i, request in ipairs(list_of(workload, { seed = k, num_requests = 20 })) do assert.same(list[i], request) end
  end)
end

it("the plans were not empty", function()
  assert.is_true(requests_made > plans * 50)
end)
