-- Many clients as one service: shares, names, none lost for being small.
local mt = require "moontide"
local refusal = require "tests.support.refusal"

local function service(opt)
  return mt.clients {
    n = opt.n, zipf = opt.zipf,
    stream = opt.stream or function(_, share)
      return mt.stream { arrivals = mt.poisson(opt.rate * share), input = 9 }
    end,
  }
end

local function near(a, b, within)
  assert.is_true(math.abs(a - b) <= within, ("%.9g is not %.9g"):format(a, b))
end

it("shares sum to 1, the largest first, by a Zipf law", function()
  for _, zipf in ipairs { 0, 0.5, 1.1, 3 } do
    local shares, sum = {}, 0
    service { n = 300, zipf = zipf, stream = function(i, share)
      shares[i], sum = share, sum + share
      return mt.stream { arrivals = mt.poisson(share), input = 9 }
    end }
    near(sum, 1, 1e-12)
    assert.equal(300, #shares)
    for i = 2, 300 do near(shares[i] / shares[1], i ^ -zipf, 1e-12) end
  end
end)

it("all have names, in order", function()
  local names = {}
  for i, one in ipairs(mt.workload { service { n = 12, rate = 9 } }:expected().streams) do names[i] = one.name end
  assert.equal(12, #names)
  assert.equal("client-01", names[1])
  assert.equal("client-12", names[12])
  local own = mt.workload { name = "x", service { n = 2, stream = function(i)
    return mt.stream { name = "tenant " .. i, arrivals = mt.even(1), input = 3 }
  end } }
  assert.equal("tenant 2", own:expected().streams[2].name)
  assert.equal("clients (12 streams)", tostring(service { n = 12, rate = 9 }))
end)

it("none is lost for being small: each client's count is what its share promises", function()
  local n, rate, duration = 400, 400, 200
  local workload = mt.workload { duration = duration, service { n = n, zipf = 1, rate = rate } }
  local path = os.tmpname()
  assert.is_true(workload:write(path) > 0)
  os.remove(path)
  local counts, total = {}, 0
  local named = mt.workload { duration = duration, service { n = n, zipf = 1, stream = function(i, share)
    return mt.stream { arrivals = mt.poisson(rate * share), input = 9, fields = { client = i } }
  end } }
  for request in named:requests() do
    local i = math.tointeger(request.extra:match '"client": (%d+)')
    counts[i] = (counts[i] or 0) + 1
    total = total + 1
  end
  near(total, rate * duration, 4 * math.sqrt(rate * duration))
  local harmonic, statistic = 0, 0
  for i = 1, n do harmonic = harmonic + 1 / i end
  for i = 1, n do
    local wanted = rate * duration / i / harmonic -- the smallest: 30
    near(counts[i] or 0, wanted, 4.5 * math.sqrt(wanted))
    statistic = statistic + ((counts[i] or 0) - wanted) ^ 2 / wanted
  end
  near(statistic, n, 3.1 * math.sqrt(2 * n)) -- chi-square of 400 degrees: p = 0.001 above
end)

it("each has its own process, lengths and prefix", function()
  local workload = mt.workload { duration = 30, block_size = 10, service { n = 3, stream = function(i, share)
    return mt.stream { arrivals = i == 1 and mt.even(3 * share) or mt.poisson(3 * share), new_input = i,
      prompt = mt.shared_prefix { tokens = 20 * i } }
  end } }
  local firsts = {}
  for request in workload:requests() do
    local i = request.input_length // 20
    assert.equal(21 * i, request.input_length)
    firsts[i] = firsts[i] or request.hash_ids[1]
    assert.equal(firsts[i], request.hash_ids[1])
  end
  assert.is_true(firsts[1] ~= firsts[2] and firsts[2] ~= firsts[3] and firsts[1] ~= firsts[3])
end)

it("they stand beside streams and other clients, also in workloads inside", function()
  local inner = mt.workload { name = "b", service { n = 3, rate = 1 } }
  local all = mt.workload { mt.stream { name = "a", arrivals = mt.even(1), input = 3 }, service { n = 3, rate = 1 }, inner }
  local names = {}
  for i, one in ipairs(all:expected().streams) do names[i] = one.name end
  assert.same({ "a", "client-1", "client-2", "client-3", "b/client-1", "b/client-2", "b/client-3" }, names)
end)

it("thousands are no trouble", function()
  local workload = mt.workload { duration = 10, service { n = 5000, zipf = 1, rate = 1000 } }
  near(workload:expected().requests, 10000, 1e-6)
  local count = 0
  for _ in workload:requests() do count = count + 1 end
  near(count, 10000, 400)
end)

describe("mistakes are told with the caller's line", function()
  local must = " must be mt.stream{...}, not "
  local cases = {
    { "@clients: n is required", function() mt.clients { stream = print } end },
    { "@clients: n must be between 1 and 100000, not 0", function() service { n = 0, rate = 1 } end },
    { "@clients: stream must be a function(i, share) that returns mt.stream{...}, not 3",
      function() mt.clients { n = 3, stream = 3 } end },
    { "@clients: what stream(1, share) returned" .. must .. "nil", function() service { n = 3, stream = function() end } end },
    { "@clients: what stream(2, share) returned" .. must .. "5", function()
      service { n = 3, stream = function(i) return i == 1 and mt.stream { arrivals = mt.even(1), input = 3 } or 5 end }
    end },
    { "@mine", function() service { n = 3, stream = function() error "mine" end } end },
    { "@stream: unknown option 'imput' (did you mean 'input'?)",
      function() service { n = 3, stream = function() return mt.stream { arrivals = mt.even(1), imput = 3 } end } end },
    { "@workload: two streams are named 'x'", function()
      mt.workload { service { n = 2, stream = function() return mt.stream { name = "x", arrivals = mt.even(1), input = 3 } end } }
    end },
    { "@workload: two streams are named 'client-1'",
      function() mt.workload { service { n = 2, rate = 1 }, service { n = 2, rate = 1 } } end },
  }
  for _, case in ipairs(cases) do
    it(case[1], function() refusal.is(table.unpack(case)) end)
  end
end)
