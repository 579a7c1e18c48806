-- What searches and sweeps count with: the search for the largest level, Student's intervals, promises.
local interval = require "moontide.kit.interval"
local promise = require "moontide.drive.promise"
local search = require "moontide.study.search"

-- Searches among levels that pass as passes(level, how often it was tried before) says: the search, the list of
-- levels tried, and the reasons.
local function find(opt, passes)
  opt.precision, opt.least = opt.precision or 0.05, opt.least or (opt.is_whole and 1 or 0.01)
  local looking, levels, whys, tried = search.new(opt), {}, {}, {}
  for level, why in looking.next, looking do
    levels[#levels + 1], whys[#whys + 1] = level, why
    assert.is_true(#levels < 100, "it does not end")
    looking:tell(level, passes(level, tried[level] or 0))
    tried[level] = (tried[level] or 0) + 1
  end
  return looking, levels, whys
end

describe("the search for the largest level", function()
  it("finds it within its precision from any start, and tries it twice", function()
    for _, truth in ipairs { 0.3, 1, 9.99, 38.5, 1234, 70000 } do
      for _, first in ipairs { 0.5, 1, 38, 5000 } do
        for _, precision in ipairs { 0.01, 0.1, 0.5 } do
          local looking, levels, whys = find({ first = first, precision = precision },
            function(level) return level <= truth end)
          local what = ("%g from %g: %g"):format(truth, first, looking.low or -1)
          assert.is_true(looking.low <= truth and looking.high > truth, what)
          assert.is_true(looking.high - looking.low <= precision * looking.low, what)
          assert.equal(looking.low, levels[#levels], what)
          assert.equal("confirm", whys[#whys], what)
          assert.is_true(#levels < 45, what)
        end
      end
    end
  end)

  it("goes by whole levels where they are whole", function()
    for truth = 1, 40 do
      local looking, levels = find({ first = 8, is_whole = true, precision = 0.001 },
        function(level) return level <= truth end)
      assert.same({ truth, truth + 1 }, { looking.low, looking.high })
      for _, level in ipairs(levels) do assert.equal("integer", math.type(level)) end
    end
    local looking = find({ first = 8, is_whole = true }, function() return false end)
    assert.same({ nil, 1 }, { looking.low, looking.high })
  end)

  it("ends at its bounds", function()
    local looking, levels, whys = find({ first = 4, most = 10 }, function() return true end)
    assert.same({ 10, nil }, { looking.low, looking.high })
    assert.same({ 4, 8, 10, 10 }, levels)
    assert.same({ "first", "grow", "grow", "confirm" }, whys)
    looking, levels, whys = find({ first = 4, least = 1.5 }, function() return false end)
    assert.same({ nil, 1.5 }, { looking.low, looking.high })
    assert.same({ 4, 2, 1.5 }, levels)
    assert.same({ "first", "shrink", "shrink" }, whys)
    assert.same({ 3 }, { (select(2, find({ first = 9, most = 3 }, function() return true end)))[1] })
  end)

  it("does not believe luck: neither a level that passes once, nor one above a failure", function()
    -- Beyond 10 every first try passes.
    local looking, levels, whys = find({ first = 8, most = 100 }, function(level, before) return level <= 10 or before == 0 end)
    assert.is_true(looking.low <= 10 and looking.low > 9, looking.low)
    -- When one has failed that had passed before, the next below is tried again before it is believed.
    assert.same({ 8, 16, 32, 64, 100, 100, 64, 32, 16, 8 }, table.move(levels, 1, 10, 1, {}))
    assert.same({ "first", "grow", "grow", "grow", "grow", "confirm", "confirm", "confirm", "confirm", "confirm" },
      table.move(whys, 1, 10, 1, {}))
    -- 32 passes, 16 and whatever is above 10 does not.
    looking = find({ first = 32 }, function(level) return level <= 10 or level == 32 end)
    assert.is_true(looking.low <= 32)
    local shrunk = find({ first = 16 }, function(level) return level <= 10 or level > 30 end)
    assert.is_true(shrunk.low <= 10 and shrunk.low > 9.5)
  end)

  it("goes up where a level is too low, and down again to what passes", function()
    for _, first in ipairs { 1, 7, 20, 39, 50, 300 } do
      local looking, levels = find({ first = first },
        function(level) return level >= 20 and level <= 40, level < 20 end)
      assert.is_true(looking.low <= 40 and looking.low > 38, first .. ": " .. looking.low)
      assert.is_true(#levels < 20, first)
    end
    -- Nothing passes: between what is too low and what is too much there is no level.
    local looking = find({ first = 3 }, function(level) return false, level < 20 end)
    assert.is_nil(looking.low)
    assert.is_true(looking.under < 20 and looking.high >= 20 and looking.high - looking.under <= 0.05 * looking.under)
    -- Too low up to the most.
    local levels, whys
    looking, levels, whys = find({ first = 3, most = 10 }, function() return false, true end)
    assert.same({ nil, nil, 10 }, { looking.low, looking.high, looking.under })
    assert.same({ { 3, 6, 10 }, { "first", "grow", "grow" } }, { levels, whys })
    -- Above a level that passed nothing is too low.
    looking = find({ first = 8 }, function(level) return level <= 10, true end)
    assert.is_true(looking.low <= 10 and looking.low > 9.5 and looking.under == nil)
    -- One that passes the first time only was too low.
    looking = find({ first = 8, most = 8 }, function(_, before) return before == 0, true end)
    assert.same({ nil, nil, 8 }, { looking.low, looking.high, looking.under })
  end)
end)

describe("Student's interval", function()
  it("has the quantiles of the tables", function()
    -- t(0.975) by degrees of freedom, as every table has them; t(0.995) for 7.
    for degrees, t in pairs { [1] = 12.7062, [2] = 4.30265, [3] = 3.18245, [4] = 2.77645, [5] = 2.57058, [9] = 2.26216,
      [10] = 2.22814, [29] = 2.04523, [30] = 2.04227, [100] = 1.98397, [999] = 1.96234 } do
      assert.near(t, interval.quantile(0.95, degrees), 1e-4 * t)
    end
    assert.near(3.49948, interval.quantile(0.99, 7), 1e-4)
  end)

  it("is that of a mean", function()
    assert.same({ 5, nil }, { interval.of { 5 } })
    assert.same({ 5, 0 }, { interval.of { 5, 5, 5 } })
    local mean, half = interval.of { 1, 2, 3, 4, 5 }
    assert.equal(3, mean)
    assert.near(2.77645 * math.sqrt(2.5 / 5), half, 1e-4)
  end)
end)

describe("a promise", function()
  -- A run of the values (ms) of TTFT, and so many requests that failed.
  local function check(values, failures, list)
    table.sort(values)
    local function percentile(_, p)
      local rank = p / 100 * (#values - 1)
      local low = math.floor(rank)
      local above = values[math.min(#values, low + 2)]
      return values[low + 1] + (rank - low) * (above - values[low + 1])
    end
    local ttft = #values > 0 and { key = "time_to_first_token", unit = "ms", count = #values, avg = 1, max = values[#values],
      min = values[1], std = 0, p50 = percentile(nil, 50), p99 = percentile(nil, 99), p25 = percentile(nil, 25) } or nil
    local results = { due = #values + failures, done = #values, failed = failures, cancelled = 0, not_sent = 0 }
    return promise.of({ by_key = { time_to_first_token = ttft,
      schedule_lag = { key = "schedule_lag", unit = "ms", count = #values, p99 = 3 } }, results = results }, list, percentile)
  end

  it("is on all that were due: what failed waited for ever", function()
    local values = {}
    for i = 1, 99 do values[i] = i end
    -- Of 1, 2, ..., 99 and one that is infinite: the 101 - 1 gaps' middle is 50.5, not the 50 of those answered.
    local one = check(values, 1, { { "ttft.p50", 50.4 } })[1]
    assert.near(50.5, one.value, 1e-9)
    assert.is_false(one.kept)
    assert.near(50, check(values, 0, { { "ttft", 50.4 } })[1].value, 1e-9)
    one = check(values, 1, { { "ttft.p99", 1000 } })[1]
    assert.equal(math.huge, one.value)
    assert.is_false(one.kept)
    assert.equal("ttft.p99: too many requests failed", one.text)
    assert.near(25.75, check(values, 1, { { "ttft.p25", 1000 } })[1].value, 1e-9)
  end)

  it("on an average or a most bears only failures that an error_rate allows", function()
    local values = { 1, 2, 3 }
    assert.is_false(check(values, 1, { { "ttft.avg", 5 } })[1].kept)
    assert.is_true(check(values, 1, { { "ttft.avg", 5 }, { "error_rate", 0.3 } })[1].kept)
    assert.is_true(check(values, 0, { { "ttft.max", 3 } })[1].kept)
    assert.is_false(check(values, 1, { { "ttft.max", 3 } })[1].kept)
    assert.is_false(check(values, 1, { { "error_rate", 0.2 } })[1].kept)
    assert.equal("error_rate is 0.25, over 0.2", check(values, 1, { { "error_rate", 0.2 } })[1].text)
  end)

  it("is broken when nothing was answered, and nothing of the driver's own counts failures", function()
    local found = check({}, 3, { { "ttft.p99", 5 }, { "itl.avg", 5 } })
    assert.same({ math.huge, math.huge, false, false }, { found[1].value, found[2].value, found[1].kept, found[2].kept })
    assert.is_true(check({ 1, 2 }, 5, { { "lag.p99", 3 } })[1].kept)
    found = check({ 1, 2 }, 0, { { "itl.avg", 5 } })[1]
    assert.same({ nil, false, "itl.avg was not measured" }, { found.value, found.kept, found.text })
  end)
end)
