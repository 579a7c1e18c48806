local core = require "moontide.core"
local mt = require "moontide"

-- The message of the usage error that the function raises, with this file's line before it.
local message_of = require "tests.support.refusal".message

describe("mt.random", function()
  it("depends on seed, name and purpose alone", function()
    local function first(...) return mt.random(...):u64() end
    assert.equal(first(1, "a"), first(1, "a"))
    assert.equal(first(1, "a"), first(1, "a", "script"))
    local seen = {}
    for _, arguments in ipairs { { 1, "a" }, { 2, "a" }, { 1, "b" }, { 1, "a", "x" }, { -1, "a" }, { 1, "" } } do
      local value = first(table.unpack(arguments))
      assert.is_nil(seen[value])
      seen[value] = true
    end
  end)

  it("keeps its first numbers for ever", function()
    local random = mt.random(0, "main", "lengths")
    assert.equal(0x5570adbaddee2543, random:u64())
    assert.equal(296, random:below(1000))
    assert.equal(0x1.d54c117fb875p-5, random:uniform())
    assert.equal(0x01dce88c, random:seek(12345678901):u32())
  end)

  it("goes to any item", function()
    local random = mt.random(3, "s")
    local tenth = random:seek(10):normal()
    random:seek(3):gamma(2)
    assert.equal(tenth, random:seek(10):normal())
    assert.equal("random (seed 3, item 10)", tostring(random))
  end)

  it("draws what was asked for", function()
    local random = mt.random(5, "means")
    local n = 50000
    local function mean(draw)
      local sum = 0
      for _ = 1, n do sum = sum + draw() end
      return sum / n
    end
    -- Five standard errors of each mean.
    local cases = {
      { 0.5, 0.29, function() return random:uniform() end },
      { 30, 5.8, function() return random:uniform(20, 40) end },
      { 4.5, 2.9, function() return random:below(10) end },
      { 0, 1, function() return random:normal() end },
      { 7, 3, function() return random:normal(7, 3) end },
      { 1, 1, function() return random:exponential() end },
      { 8, 8, function() return random:exponential(8) end },
      { 2.5, 1.6, function() return random:gamma(2.5) end },
      { 6, 3, function() return random:gamma { mean = 6, cv = 0.5 } end },
      { 1, 2, function() return random:gamma { cv = 2 } end },
      { 3.3, 1.9, function() return random:poisson(3.3) end },
      { 1e6, 1000, function() return random:poisson(1e6) end },
      { 9, 8.5, function() return random:geometric(9) end },
      { 50.5, 29, function() return random:zipf(100, 0) end },
      { 12, 12, function() return random:draw(mt.exponential(12)) end },
    }
    for i, case in ipairs(cases) do
      local got = mean(case[3])
      assert(math.abs(got - case[1]) < 5 * case[2] / math.sqrt(n), ("case %d: %g"):format(i, got))
    end
  end)

  it("gives whole numbers as integers", function()
    local random = mt.random(5, "integers")
    for _, method in ipairs { "u32", "u64" } do
      assert.equal("integer", math.type(random[method](random)))
    end
    assert.equal("integer", math.type(random:below(7)))
    assert.equal("integer", math.type(random:poisson(7)))
    assert.equal("integer", math.type(random:geometric(7)))
    assert.equal("integer", math.type(random:geometric(1e15)))
    assert.equal("integer", math.type(random:zipf(7, 1)))
    for _ = 1, 100 do assert.is_true(random:u32() >= 0) end
  end)

  it("says what is wrong, with the caller's line", function()
    local random = mt.random(1, "errors")
    local line = debug.getinfo(1, "l").currentline
    local cases = {
      { "random: seed must be a whole number, not x", function() mt.random("x", "n") end },
      { "random: seed must be a whole number, not 1.5", function() mt.random(1.5, "n") end },
      { "random: name must be a string, not nil", function() mt.random(1) end },
      { "random: purpose must be a string, not table", function() mt.random(1, "n", {}) end },
      { "below: n must be at least 1", function() random:below(0) end },
      { "below: n must be a whole number, not 2.5", function() random:below(2.5) end },
      { "seek: item must not be negative", function() random:seek(-1) end },
      { "uniform: low must not be above high", function() random:uniform(2, 1) end },
      { "uniform: high must be a number", function() random:uniform(2) end },
      { "normal: std must not be negative", function() random:normal(1, -1) end },
      { "exponential: mean must be above 0", function() random:exponential(0) end },
      { "gamma: shape must be above 0", function() random:gamma(-2) end },
      { "gamma: cv is required", function() random:gamma {} end },
      { "gamma: unknown option 'cw' %(did you mean 'cv'%?%)", function() random:gamma { cw = 2 } end },
      { "poisson: mean must be at most 1e9", function() random:poisson(1e10) end },
      { "poisson: mean must be finite", function() random:poisson(0 / 0) end },
      { "geometric: mean must be between 1 and 1e15", function() random:geometric(0.5) end },
      { "zipf: n must be between 1 and 2%^53", function() random:zipf(0, 1) end },
      { "zipf: s must not be negative", function() random:zipf(5, -1) end },
      { "draw: takes a distribution or a number, not no value", function() random:draw() end },
      { "draw: the number must be finite", function() random:draw(0 / 0) end },
      { "argument 1 must be a generator", function() random.u64(mt.fixed(3)) end },
    }
    for i, case in ipairs(cases) do
      assert.matches("random_spec.lua:" .. line + 1 + i .. ": " .. case[1], message_of(case[2]))
    end
  end)
end)

describe("draw", function()
  it("takes a number as a fixed distribution", function()
    local random = mt.random(1, "n")
    assert.same({ 5, 5 }, { random:draw(5), random:draw(mt.fixed(5)) })
  end)
end)

describe("mt.sampler", function()
  it("draws values of any kind by weight", function()
    local random = mt.random(9, "sampler")
    local sampler = mt.sampler({ "a", 2, false, "never" }, { 1, 2, 1, 0 })
    local counts = {}
    for _ = 1, 40000 do
      local value = sampler:draw(random)
      counts[value] = (counts[value] or 0) + 1
    end
    assert.is_nil(counts.never)
    -- Five standard deviations of the counts.
    assert.is_true(math.abs(counts.a - 10000) < 5 * 87)
    assert.is_true(math.abs(counts[2] - 20000) < 500)
    assert.is_true(math.abs(counts[false] - 10000) < 5 * 87)
    assert.equal(4, #sampler)
    assert.equal("sampler (4 values)", tostring(sampler))
  end)

  it("keeps its own list", function()
    local values = { "kept" }
    local sampler = mt.sampler(values)
    values[1] = "changed"
    assert.equal("kept", sampler:draw(mt.random(1, "s")))
  end)

  it("is closed once", function()
    local kept
    do
      local sampler <close> = mt.sampler { 1, 2 }
      kept = sampler
    end
    assert.matches("the sampler is closed", message_of(function() kept:draw(mt.random(1, "s")) end))
  end)

  it("says what is wrong", function()
    assert.matches("sampler: values must be a list, not nil", message_of(mt.sampler))
    assert.matches("sampler: there must be at least one value", message_of(mt.sampler, {}))
    assert.matches("sampler: there are 2 values and 1 weights", message_of(mt.sampler, { 1, 2 }, { 1 }))
    assert.matches("sampler: weight 2 must be a number, not string", message_of(mt.sampler, { 1, 2 }, { 1, "x" }))
    assert.matches("sampler: weight 1 must be a finite number, 0 or more", message_of(mt.sampler, { 1 }, { -1 }))
    assert.matches("sampler: at least one weight must be above 0", message_of(mt.sampler, { 1 }, { 0 }))
  end)
end)

it("a law that a generator has no method for is told where to go", function()
  assert.matches("^[^\n]*random_spec.lua:%d+: there is no 'lognormal' in "
    .. "a generator %(did you mean 'normal'%?%); draw%(mt.lognormal{...}%)",
    message_of(function() return mt.random(1, "s"):lognormal(3, 1) end))
end)

describe("core.random", function()
  it("wants its arguments", function()
    assert.equal("random: seed must be a whole number, not no value: (nil)", message_of(core.random.new))
    assert.equal("sampler: values must be a list, not number", message_of(core.random.sampler, 3))
  end)
end)
