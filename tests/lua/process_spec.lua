-- Arrival processes as values: what they take, how they print, what they refuse.
local mt = require "moontide"

-- The times, in seconds, of a process's requests.
local function times(process, duration, seed)
  local list = {}
  local workload = mt.workload { mt.stream { arrivals = process, input = 1 } }
  for request in workload:requests { duration = duration, seed = seed } do
    list[#list + 1] = request.timestamp / 1000
  end
  return list
end

local fails = require "tests.support.refusal".is

describe("even", function()
  it("spreads over the area", function()
    assert.same({ 0, 0.5, 1, 1.5 }, times(mt.even(2), 2))
    assert.same({ 0.25, 0.75 }, times(mt.even(2, { phase = 0.5 }), 1))
    assert.same({ 0, 0.5 }, times(mt.even("120/m"), 1))
  end)

  it("prints as it is written", function()
    assert.equal("even(const(2))", tostring(mt.even(2)))
    assert.equal("even(const(2), {phase=0.5})", tostring(mt.even(2, { phase = 0.5 })))
  end)
end)

describe("poisson", function()
  it("takes numbers, texts, curves and functions", function()
    local by_number, by_text = times(mt.poisson(50), 4), times(mt.poisson "3000/m", 4)
    assert.same(by_number, by_text)
    assert.same(by_number, times(mt.poisson(mt.const(50)), 4))
    assert.is_true(#times(mt.poisson(function(t) return t < 2 and 50 or 0 end), 4) > 60)
  end)

  it("depends on the seed and on nothing else", function()
    assert.same(times(mt.poisson(50), 4, 7), times(mt.poisson(50), 4, 7))
    assert.are_not.same(times(mt.poisson(50), 4, 7), times(mt.poisson(50), 4, 8))
  end)
end)

describe("poisson_counts", function()
  it("spreads each interval's count evenly from its start", function()
    local seen = {}
    for _, t in ipairs(times(mt.poisson_counts(5, "1s"), 50, 3)) do
      local interval = math.floor(t + 1e-9)
      seen[interval] = seen[interval] or {}
      table.insert(seen[interval], t - interval)
    end
    for _, offsets in pairs(seen) do
      for i, offset in ipairs(offsets) do
        assert.is_true(math.abs(offset - (i - 1) / #offsets) < 2e-6)
      end
    end
  end)
end)

describe("renewal", function()
  it("takes gaps without a mean", function()
    assert.equal("renewal(const(3), gamma{cv=2})", tostring(mt.renewal(3, mt.gamma { cv = 2 })))
    assert.is_true(#times(mt.renewal(100, mt.gamma { cv = 2 }), 10) > 500)
  end)

  it("keeps the curve as its rate where its gaps follow time", function()
    -- Deviations of the count: 71, and about 1.3 times that.
    for _, gaps in ipairs { mt.gamma { mean = mt.ramp(1, 4, 100), cv = 1 }, mt.gamma { cv = mt.ramp(0.5, 2, 100) } } do
      local count = #times(mt.renewal(50, gaps), 100)
      assert.is_true(math.abs(count - 5000) < 350, count)
    end
  end)

  it("is even, but for its start, with fixed gaps", function()
    local list = times(mt.renewal(10, mt.fixed(4)), 5)
    for i = 2, #list do assert.is_true(math.abs(list[i] - list[i - 1] - 0.1) < 1e-5) end
    assert.is_true(list[1] < 0.1)
  end)
end)

describe("mistakes are told with the caller's line", function()
  local cases = {
    { "@even: phase must be at least 0 and below 1, not 1", function() mt.even(3, { phase = 1 }) end },
    { "@even: unknown option 'fase' (it takes phase)", function() mt.even(3, { fase = 0.5 }) end },
    { "@poisson_counts: interval must be above 0 seconds, not 0", function() mt.poisson_counts(3, 0) end },
    { "@renewal: gaps must be positive with a finite mean; normal{mean=1, cv=1} has lowest value -inf and mean 1",
      function() mt.renewal(3, mt.normal { mean = 1, cv = 1 }) end },
    { "@poisson: rate must be a rate per second (20, 1.5k), or with a unit (60/m, 200/h), not 'x'",
      function() mt.poisson "x" end },
  }
  for _, case in ipairs(cases) do
    it(case[1], function() fails(case[1], case[2]) end)
  end

  it("also that of a closed value", function()
    local process = mt.poisson(3)
    do
      local closed <close> = process -- luacheck: ignore
    end
    fails("@the arrival process is closed", function()
      mt.workload { mt.stream { arrivals = process, input = 1 } }:expected()
    end)
  end)
end)
