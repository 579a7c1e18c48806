-- The binding of samples and times; what it computes is tested in tests/core.
local mt = require "moontide"
local statistics = require("moontide.core").statistics

local refusal = require "tests.support.refusal".text

local columns = mt.trace.columns {
  { timestamp = 2500, input_length = 30, output_length = 7 },
  { input_length = 10 },
  { timestamp = 0, input_length = 20, output_length = 5 },
  { timestamp = 500.000001, output_length = 9 },
}

describe("a sample", function()
  it("is a list's numbers, or the lengths that requests have", function()
    assert.equal("sample: 3 numbers", tostring(statistics.sample { 3, 1, 2 }))
    assert.equal(3, #statistics.sample(columns, "input_length"))
    assert.equal(3, #statistics.sample(columns, "output_length"))
    assert.equal(0, statistics.sample(columns, "input_length"):distance(statistics.sample { 10, 30, 20 }))
    assert.equal(0, statistics.sample(columns, "output_length"):distance(statistics.sample { 9, 5, 7 }))
  end)

  it("has a distance to another, none from an empty one", function()
    local one, other = statistics.sample { 1, 1, 1, 2 }, statistics.sample { 2, 2, 1, 2 }
    assert.equal(0.5, one:distance(other))
    assert.equal(1, one:distance(statistics.sample { -3.5 }))
    assert.is_nil(one:distance(statistics.sample {}))
  end)

  it("refuses what is no number", function()
    assert.equal("statistics: number 2 must be a number, not string", refusal(statistics.sample, { 1, "2" }))
    assert.matches("^statistics: number 1 must be finite, not %-?nan$", refusal(statistics.sample, { 0 / 0 }))
    assert.matches("bad argument #1", refusal(statistics.sample, 5))
    assert.matches("invalid option 'turn'", refusal(statistics.sample, columns, "turn"))
    assert.matches("moontide.sample expected", refusal(function() statistics.sample({}):distance {} end))
  end)

  it("can be closed, and again", function()
    local sample = statistics.sample { 1 }
    sample:close()
    sample:close()
    assert.equal("statistics: the sample is closed", refusal(function() return #sample end))
  end)
end)

describe("times", function()
  it("count in windows, in whatever order", function()
    local times = statistics.times(columns)
    assert.equal("times: of 3 requests", tostring(times))
    assert.same({ window = 1, windows = 2, requests = 2, mean = 1, peak = 2,
      coefficient_of_variation = math.sqrt(2), variance_over_mean = 2 }, times:dispersion(1))
    assert.same(times:dispersion(0.5), statistics.times { 2.5, 0, 0.500000001 }:dispersion(0.5))
    -- Peaks are per second: one request in half a second; two, when a nanosecond brings them together.
    assert.equal(2, times:dispersion(0.5).peak)
    assert.equal(4, statistics.times { 0, 0.499999999, 2.5 }:dispersion(0.5).peak)
  end)

  it("leave out what the windows are too few for", function()
    assert.same({ window = 10, windows = 0, requests = 0 }, statistics.times(columns):dispersion(10))
    assert.same({ window = 2, windows = 1, requests = 2, mean = 1, peak = 1 },
      statistics.times(columns):dispersion(2))
    assert.same({ window = 1, windows = 0, requests = 0 }, statistics.times({}):dispersion(1))
  end)

  it("refuse windows and times that cannot be", function()
    local times = statistics.times { 0, 1 }
    assert.equal("statistics: window must be at least a nanosecond, not 0.0 s",
      refusal(function() times:dispersion(0) end))
    assert.equal("statistics: window must be at least a nanosecond, not -1.0 s",
      refusal(function() times:dispersion(-1) end))
    assert.equal("statistics: 10000000000.0 s is more than 64 bits of nanoseconds hold",
      refusal(function() times:dispersion(1e10) end))
    assert.equal("statistics: -10000000000.0 s is more than 64 bits of nanoseconds hold",
      refusal(statistics.times, { -1e10 }))
    times:close()
    times:close()
    assert.equal("statistics: the times are closed", refusal(function() times:dispersion(1) end))
  end)
end)
