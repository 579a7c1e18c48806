local distribution = require "moontide.load.distribution"
local mt = require "moontide"

local message_of = require "tests.support.refusal".message

-- Mean and standard deviation of draws.
local function moments(d, n, time)
  local random = mt.random(1, tostring(d))
  local sum, squares = 0, 0
  for _ = 1, n do
    local x = random:draw(d, time)
    sum, squares = sum + x, squares + x * x
  end
  local mean = sum / n
  return mean, math.sqrt(squares / n - mean * mean)
end

local function near(got, want, tolerance)
  assert(math.abs(got - want) <= tolerance, ("%.10g is not %.10g"):format(got, want))
end

describe("the makers of distributions", function()
  it("give the mean and spread asked for", function()
    local n = 40000
    -- distribution, mean, standard deviation
    for _, case in ipairs {
      { mt.fixed(3), 3, 0 },
      { mt.uniform(10, 22), 16, 12 / math.sqrt(12) },
      { mt.uniform { low = 10, high = 22 }, 16, 12 / math.sqrt(12) },
      { mt.normal { mean = 50, cv = 0.1 }, 50, 5 },
      { mt.normal { mean = 50, std = 7 }, 50, 7 },
      { mt.lognormal { mean = 2400, cv = 1.2 }, 2400, 2880 },
      { mt.lognormal { mean = 100, std = 30 }, 100, 30 },
      { mt.lognormal { median = 100, cv = 0.5 }, 100 * math.sqrt(1.25), 50 * math.sqrt(1.25) },
      { mt.exponential(12), 12, 12 },
      { mt.exponential { mean = 12 }, 12, 12 },
      { mt.gamma { mean = 20, cv = 0.5 }, 20, 10 },
      { mt.weibull { mean = 20, shape = 1 }, 20, 20 },
      { mt.pareto { mean = 20, shape = 5 }, 20, 20 / math.sqrt(15) },
      { mt.geometric(20), 20, math.sqrt(380) },
      { mt.geometric { mean = 20 }, 20, math.sqrt(380) },
      { mt.zipf { n = 100, s = 0 }, 50.5, math.sqrt(9999 / 12) },
      { mt.empirical { 1, 2, 3, 10 }, 4, math.sqrt(12.5) },
      { mt.mix { { 3, mt.fixed(1) }, { 1, 9 } }, 3, math.sqrt(12) },
    } do
      local d, mean, deviation = table.unpack(case)
      near(d:mean(), mean, 1e-9 * mean)
      local got_mean, got_deviation = moments(d, n)
      near(got_mean, mean, 5 * deviation / math.sqrt(n) + 1e-9)
      near(got_deviation, deviation, 0.06 * deviation + 1e-4)
    end
  end)

  it("reach their 99th percentile where it was given", function()
    near(mt.lognormal { mean = 900, p99 = 8000 }:probability_below(8000), 0.99, 1e-12)
    near(mt.lognormal { median = 900, p99 = 8000 }:probability_below(8000), 0.99, 1e-12)
    near(mt.lognormal { median = 900, p99 = 8000 }:probability_below(900), 0.5, 1e-12)
  end)

  it("clamp to min and max", function()
    local random = mt.random(1, "clamp")
    for _, d in ipairs {
      mt.normal { mean = 5, std = 9, min = 2, max = 8 },
      mt.exponential { mean = 5, min = 2, max = 8 },
      mt.uniform { low = 0, high = 10, min = 2, max = 8 },
      mt.empirical { -4, 5, 99, min = 2, max = 8 },
      mt.mix { { 1, 0 }, { 2, 5 }, { 3, mt.exponential(90) }, min = 2, max = 8 },
      mt.exponential(5):clamp(2, 8),
      mt.exponential(5):clamp(2):clamp(nil, 8),
    } do
      local seen_low, seen_high = false, false
      for _ = 1, 2000 do
        local x = random:draw(d)
        assert.is_true(x >= 2 and x <= 8)
        seen_low, seen_high = seen_low or x == 2, seen_high or x == 8
      end
      assert.is_true(seen_low and seen_high)
      assert.equal(2, d:lowest())
      assert.equal(8, d:highest())
      near(moments(d, 20000), d:mean(), 5 * 3 / math.sqrt(20000))
    end
  end)

  it("know the mean of a whole number of tokens", function()
    local d = mt.lognormal { mean = 1.5, cv = 1 }
    local random, sum, n = mt.random(1, "rounded"), 0, 50000
    for _ = 1, n do sum = sum + math.max(1, math.floor(random:draw(d) + 0.5)) end
    near(d:mean_rounded(1), sum / n, 5 * 1.5 / math.sqrt(n))
    assert.is_true(d:mean_rounded(1) > d:mean() + 0.1)
    assert.equal(3.0, mt.fixed(2.5):mean_rounded())
  end)

  it("read as they were written", function()
    for text, d in pairs {
      ["fixed(3)"] = mt.fixed(3),
      ["uniform(1, 5)"] = mt.uniform { 1, 5 },
      ["uniform{low=1, high=5, max=4}"] = mt.uniform { 1, high = 5, max = 4 },
      ["lognormal{mean=2400, cv=1.2} + 3"] = mt.lognormal { mean = 2400, cv = 1.2 } + 3,
      ["exponential(4) * 2 + 6"] = (3 + mt.exponential(4)) * 2,
      ["exponential(4) * 0.5 - 1"] = mt.exponential(4) / 2 - 1,
      ["10 - geometric(3)"] = 10 - mt.geometric(3),
      ["-geometric(3)"] = -mt.geometric(3),
      ["zipf{n=1000000, s=1.1}"] = mt.zipf { n = 1e6, s = 1.1 },
      ["mix{ {0.7, exponential(4)}, {0.3, fixed(20)} }"] = mt.mix { { 0.7, mt.exponential(4) }, { 0.3, 20 } },
      ["gamma{cv=2, min=0.5}"] = mt.gamma { cv = 2, min = 0.5 },
    } do
      assert.equal(text, tostring(d))
    end
  end)

  it("take a curve as a parameter, read at the draw's time", function()
    local d = mt.exponential(mt.ramp(0, 100, 100))
    assert.is_true(d:varies())
    assert.is_false(mt.exponential(3):varies())
    near(d:mean(30), 30, 1e-9)
    near(moments(d, 20000, 60), 60, 5 * 60 / math.sqrt(20000))
    assert.matches("^exponential%(ramp", tostring(d))
    assert.equal(40, mt.fixed(mt.const(40)):mean(1))
    -- The distribution keeps the curve.
    collectgarbage()
    near(d:mean(50), 50, 1e-9)
  end)

  it("remember that a mean was left out", function()
    for _, d in ipairs { mt.exponential(), mt.gamma { cv = 2 }, mt.weibull { shape = 2 }, mt.lognormal { cv = 1 },
      mt.pareto { shape = 3 }, mt.normal { cv = 0.1 }, mt.gamma { cv = 2 } * 3 } do
      assert.is_true(d:is_shape())
      assert.matches("^input: .* has no mean", message_of(distribution.of, d, "input"))
      assert.equal(d, distribution.of(d, "gaps", { shape = true }))
    end
    assert.is_false(mt.exponential(1):is_shape())
  end)

  it("say what is wrong, with the caller's line", function()
    local d = mt.exponential(3)
    local line = debug.getinfo(1, "l").currentline
    local cases = {
      { "there is no 'meen' in a distribution %(did you mean 'mean'%?%)", function() d:meen() end },
      { "lognormal: unknown option 'medain' %(did you mean 'median'%?%)", function() mt.lognormal { medain = 3 } end },
      { "lognormal: give mean and cv, or mean and std", function() mt.lognormal { mean = 3 } end },
      { "lognormal: give mean and cv", function() mt.lognormal { mean = 3, cv = 1, std = 2 } end },
      { "lognormal: p99 must be above median", function() mt.lognormal { median = 9, p99 = 9 } end },
      { "lognormal: p99 must be above mean and at most", function() mt.lognormal { mean = 9, p99 = 900 } end },
      { "lognormal: mean must be a number or a curve, not '3'", function() mt.lognormal { mean = "3", cv = 1 } end },
      { "lognormal: the argument must be a table of options", function() mt.lognormal(3) end },
      { "gamma: cv must be above 0 %(it is %-1%)", function() mt.gamma { mean = 3, cv = -1 } end },
      { "exponential: mean must be finite", function() mt.exponential(0 / 0) end },
      { "exponential: mean must be above 0", function() mt.exponential(0) end },
      { "uniform: low must not be above high", function() mt.uniform(5, 1) end },
      { "uniform: give low and high", function() mt.uniform(5) end },
      { "uniform: low is given twice", function() mt.uniform { 1, 5, low = 2 } end },
      { "uniform: has no parameter number 3", function() mt.uniform { 1, 5, 9 } end },
      { "geometric: mean must be at least 1", function() mt.geometric(0.2) end },
      { "geometric: give mean", function() mt.geometric() end },
      { "fixed: value must be a number or a curve, not a table", function() mt.fixed(setmetatable({}, {})) end },
      { "exponential: min must not be above max", function() mt.exponential { mean = 3, min = 5, max = 4 } end },
      { "exponential: min must be a number", function() mt.exponential { mean = 3, min = {} } end },
      { "clamp: the lower bound must not be above", function() d:clamp(5, 2) end },
      { "clamp: the upper bound must be a number", function() d:clamp(5, "x") end },
      { "empirical: there must be at least one value", function() mt.empirical {} end },
      { "empirical: value 2 must be a number, not string", function() mt.empirical { 1, "x" } end },
      { "mix: takes a list", function() mt.mix {} end },
      { "mix: item 2 must be { weight, value }", function() mt.mix { { 1, d }, d } end },
      { "mix: weight 1 must be 0 or more", function() mt.mix { { -1, d } } end },
      { "mix: item 1 must be a number, a distribution", function() mt.mix { { 1, {} } } end },
      { "cannot add two distributions", function() return d + d end },
      { "cannot add a distribution and 'x'", function() return d + "x" end },
      { "cannot add a distribution and nil", function() return d + nil end },
      { "cannot multiply a distribution and nil", function() return nil * d end },
      { "mix: at least one weight must be above 0", function() mt.mix { { 0, 1 }, { 0, d } } end },
      { "probability_below: argument 1: number expected, got string", function() d:probability_below "x" end },
      { "cannot divide a number by a distribution", function() return 1 / d end },
      { "cannot divide a distribution by 0", function() return d / 0 end },
      { "the factor not 0", function() return d * 0 end },
    }
    for i, case in ipairs(cases) do
      assert.matches("distribution_spec.lua:" .. line + 1 + i .. ": .*" .. case[1], message_of(case[2]))
    end
  end)

  it("release what is closed", function()
    local kept
    do
      local d <close> = mt.exponential(3)
      kept = d * 2
      near(kept:mean(), 6, 1e-12)
    end
    collectgarbage()
    near(kept:mean(), 6, 1e-12)
  end)
end)

describe("distribution.of", function()
  it("takes numbers, distributions and the command line's texts", function()
    local d = mt.exponential(3)
    assert.equal(d, distribution.of(d, "x"))
    for text, value in pairs {
      ["fixed(7)"] = 7,
      ["fixed(2400)"] = "2400",
      ["fixed(1500)"] = "1.5k",
      ["lognormal{mean=2400, cv=1.2}"] = "lognormal:mean=2400,cv=1.2",
      ["lognormal{mean=2000, p99=8000, max=100000}"] = "lognormal:mean=2k,p99=8k,max=100k",
      ["uniform(1, 5)"] = "uniform:low=1,high=5",
      ["zipf{n=1000000, s=1}"] = "zipf:n=1M,s=1",
    } do
      assert.equal(text, tostring(distribution.of(value, "x")))
    end
    assert.equal(5, distribution.of(mt.const(5), "x"):mean(3))
  end)

  it("names what is wrong", function()
    local function of(value) return message_of(distribution.of, value, "--isl") end
    assert.matches("^%-%-isl must be a number, a distribution, or NAME:key=value,..., not a table", of {})
    assert.matches("^%-%-isl: there is no distribution 'lognormel' %(did you mean 'lognormal'%?%)", of "lognormel:mean=1,cv=1")
    assert.matches("unknown option 'cw'", of "lognormal:mean=1,cw=1")
    assert.matches("lognormal: cv must be a number", of "lognormal:mean=1,cv=x")
    assert.matches("^%-%-isl", of "12x")
    assert.matches("^%-%-isl: exponential%(%) has no mean", of "exponential")
  end)
end)

describe("mt.choice", function()
  it("holds weights and values of any kind, and draws", function()
    local choice = mt.choice { { 0.9, "chat" }, { 0.1, { priority = 1 } } }
    assert.same({ 0.9, 0.1 }, choice.weights)
    assert.same({ "chat", { priority = 1 } }, choice.values)
    local random, chats = mt.random(1, "choice"), 0
    for _ = 1, 10000 do
      if choice:draw(random) == "chat" then chats = chats + 1 end
    end
    near(chats, 9000, 150) -- five standard deviations
    assert.equal("choice (2 values)", tostring(choice))
    assert.is_false(mt.choice { { 1, false } }:draw(random))
  end)

  it("says what is wrong", function()
    assert.matches("choice: takes a list of { weight, value } pairs", message_of(mt.choice, {}))
    assert.matches("choice: item 1 must be { weight, value }", message_of(mt.choice, { "chat" }))
    assert.matches("choice: weight 1 must be a number", message_of(mt.choice, { { "x", "chat" } }))
    assert.matches("choice: at least one weight must be above 0", message_of(mt.choice, { { 0, "chat" } }))
  end)
end)
