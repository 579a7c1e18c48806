-- Distributions as script authors see them.
local mt = require "moontide"
local distribution = require "moontide.distribution"

-- Mean and coefficient of variation of n draws.
local function moments(d, n)
  local random, sum, squares = mt.random(1, "test"), 0, 0
  for i = 1, n do
    random:seek(i)
    local x = random:draw(d)
    sum, squares = sum + x, squares + x * x
  end
  local mean = sum / n
  return mean, math.sqrt(math.max(0, squares / n - mean * mean)) / mean
end

-- A located error of one line, and what it says.
local function error_of(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return (tostring(message):gsub("^.-_spec.lua:%d+: ", ""))
end

describe("distributions", function()
  it("have the mean and cv they are asked for, within 1 % at 200 000 draws", function()
    local n = 200000
    for _, case in ipairs {
      { mt.fixed(7), 7, 0 }, { mt.uniform(2, 8), 5, math.sqrt(36 / 12) / 5 },
      { mt.normal { mean = 100, cv = 0.2 }, 100, 0.2 }, { mt.normal { mean = 100, std = 30 }, 100, 0.3 },
      { mt.lognormal { mean = 2400, cv = 0.8 }, 2400, 0.8 }, { mt.exponential(5), 5, 1 },
      { mt.gamma { mean = 3, cv = 1.5 }, 3, 1.5 }, { mt.weibull { mean = 4, shape = 1 }, 4, 1 },
      { mt.geometric(1), 1, 0 }, { mt.exponential(5) * 2 + 10, 20, 0.5 },
      { mt.mix { { 1, 2 }, { 3, 6 } }, 5, math.sqrt(3) / 5 },
      { mt.empirical { 1, 2, 3 }, 2, math.sqrt(2 / 3) / 2 },
    } do
      local mean, cv = moments(case[1], n)
      assert.near(case[2], mean, 0.01 * case[2] + 1e-9, tostring(case[1]))
      assert.near(case[3], cv, 0.02, tostring(case[1]))
      assert.near(case[2], case[1]:mean(), 1e-9 * case[2])
    end
  end)

  it("reduce median and p99", function()
    local d = mt.lognormal { median = 1000, p99 = 8000 }
    local random, below, high = mt.random(2, "test"), 0, 0
    for i = 1, 100000 do
      random:seek(i)
      local x = random:draw(d)
      if x < 1000 then below = below + 1 end
      if x > 8000 then high = high + 1 end
    end
    assert.near(0.5, below / 100000, 0.01)
    assert.near(0.01, high / 100000, 0.002)
    assert.equal("lognormal: p99 must be above median (median is 1000, p99 500)",
      error_of(mt.lognormal, { median = 1000, p99 = 500 }))
  end)

  it("are moved into min and max", function()
    local d, random = mt.normal { mean = 10, std = 10, min = 1, max = 12 }, mt.random(3, "test")
    local low, high = math.huge, -math.huge
    for i = 1, 10000 do
      random:seek(i)
      local x = random:draw(d)
      low, high = math.min(low, x), math.max(high, x)
    end
    assert.equal(1, low)
    assert.equal(12, high)
  end)

  it("read as the expression", function()
    assert.equal("lognormal{mean=2400, cv=1.2} * 2 + 3", tostring(mt.lognormal { mean = 2400, cv = 1.2 } * 2 + 3))
    assert.equal("zipf{n=100, s=1}", tostring(mt.zipf { n = 100, s = 1 }))
  end)

  it("take a curve as a parameter, read at the time", function()
    local d, random = mt.fixed(mt.ramp(0, 10, 10)), mt.random(1, "test")
    assert.equal(5, random:draw(d, 5))
    assert.equal(2.5, random:draw(d, 2.5))
  end)

  it("come from numbers and command-line texts", function()
    assert.equal("lognormal{mean=2400, cv=1.2}", tostring(distribution.of("lognormal:mean=2.4k,cv=1.2", "isl")))
    assert.equal(2000, distribution.of("2k", "isl"):mean())
    assert.equal("isl: there is no distribution 'lognromal' (did you mean 'lognormal'?); there are",
      error_of(distribution.of, "lognromal:mean=3", "isl"):match "^.-there are")
  end)

  it("without a mean are a shape, for gaps only", function()
    assert.equal("--isl: gamma{cv=2} has no mean; only the gaps of renewal may leave it out",
      error_of(distribution.of, mt.gamma { cv = 2 }, "--isl"))
    assert.truthy(distribution.of(mt.gamma { cv = 2 }, "gaps", { shape = true }))
  end)

  it("refuse what they cannot have, naming it and the script's line", function()
    local ok, message = pcall(function() return mt.gamma { meen = 3, cv = 1 } end)
    assert.is_false(ok)
    assert.matches("distribution_spec.lua:%d+: gamma: unknown option 'meen' %(did you mean 'mean'%?%)$", message)
    assert.matches("mean", error_of(mt.exponential, -1))
    assert.matches("^uniform: ", error_of(mt.uniform, 5, 1))
    assert.matches("^normal: min must not be above max", error_of(mt.normal, { mean = 1, cv = 1, min = 3, max = 2 }))
    assert.matches("^mix: item 1 must be { weight, value }", error_of(mt.mix, { 3 }))
    assert.matches("^lognormal: mean", error_of(mt.lognormal, { mean = "many", cv = 1 }))
  end)
end)

describe("choice", function()
  it("holds weights and values, and draws by weight", function()
    local choice, random, counts = mt.choice { { 0.75, "chat" }, { 0.25, "code" } }, mt.random(4, "test"), {}
    for i = 1, 20000 do
      random:seek(i)
      local value = choice:draw(random)
      counts[value] = (counts[value] or 0) + 1
    end
    assert.near(15000, counts.chat, 5 * math.sqrt(20000 * 0.75 * 0.25))
    assert.equal(20000, counts.chat + counts.code)
  end)
end)

describe("mt.random", function()
  it("is addressed: an item's draws need none of those before it", function()
    local a, b = mt.random(7, "x"), mt.random(7, "x")
    a:seek(5)
    local first, second = a:u64(), a:u64()
    for _ = 1, 100 do b:u64() end
    b:seek(5)
    assert.equal(first, b:u64())
    assert.equal(second, b:u64())
    assert.not_equal(first, mt.random(7, "y"):u64())
    assert.not_equal(mt.random(0, "ab", "c"):u64(), mt.random(0, "a", "bc"):u64())
  end)

  it("draws what its methods say", function()
    local random = mt.random(1, "methods")
    for _ = 1, 1000 do
      local u = random:uniform()
      assert.truthy(u >= 0 and u < 1)
      local v = random:uniform(5, 6)
      assert.truthy(v >= 5 and v < 6)
      local k = random:below(3)
      assert.equal("integer", math.type(k))
      assert.truthy(k >= 0 and k < 3)
      assert.equal("integer", math.type(random:poisson(4)))
      assert.truthy(random:zipf(10, 1) <= 10)
      assert.truthy(random:exponential(2) > 0)
    end
    assert.matches("below", error_of(random.below, random, 0))
  end)

  it("samples values by weight", function()
    local sampler, random, seen = mt.sampler({ "a", "b", "c" }, { 1, 0, 1 }), mt.random(1, "s"), {}
    for _ = 1, 1000 do seen[sampler:draw(random)] = true end
    assert.same({ a = true, c = true }, seen)
  end)
end)
