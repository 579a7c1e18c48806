local verdict = require "moontide.drive.verdict"

-- A run of an hour, on time in everything.
local function results(with)
  local one = {
    due = 3600, not_sent = 0, first_due = 0, last_due = 3599000000000, last_sent = 3599000000000, longest_late = 0,
    metrics = { schedule_lag = { p50 = 0.1, p99 = 0.5 }, read_lag = { p99 = 0.5 } },
  }
  for name, value in pairs(with or {}) do one[name] = value end
  return one
end

local function load(with)
  local one = { stalled = 0, longest_turn = 0.004, cpu = 10 }
  for name, value in pairs(with or {}) do one[name] = value end
  return one
end

local function judge(of_results, of_load, limits, is_closed)
  return verdict.of(results(of_results), load(of_load), 3600, limits, not is_closed)
end

describe("the verdict on a run", function()
  it("is valid where the driver was on time", function()
    local one = judge()
    assert.equal("valid", one.name)
    assert.same({}, one.limited_by)
  end)

  it("is not valid after one long stall, however long the run was", function()
    -- Two seconds of 3600 are 0.06 % of the time and change no percentile.
    local one = judge(nil, { stalled = 2, longest_turn = 2 })
    assert.equal("invalid", one.name)
    assert.same({ "longest stall is 2000 ms, the limit is 100" }, one.limited_by)
    one = judge({ longest_late = 2 }, nil)
    assert.equal("invalid", one.name)
    assert.equal("degraded", judge(nil, { longest_turn = 0.101 }).name)
    assert.equal("degraded", judge(nil, { longest_turn = 1 }).name)
    assert.equal("degraded", judge({ longest_late = 0.2 }, nil).name)
    assert.equal("valid", judge({ longest_late = 0.1 }, { longest_turn = 0.1 }).name)
    assert.equal("invalid", judge({ longest_late = 1.1 }, nil, nil, true).name)
  end)

  it("takes limits in place of its own", function()
    assert.equal("valid", judge(nil, { longest_turn = 2 }, { longest_stall = 2000 }).name)
    assert.equal("degraded", judge(nil, { longest_turn = 2 }, { longest_stall = 200 }).name)
    assert.equal("degraded", judge(nil, { stalled = 19 }).name)
    assert.equal("valid", judge(nil, { stalled = 19 }, { stalls = 0.01 }).name)
  end)

  it("grades each measure: up to ten times its limit is degraded", function()
    local function of_lag(p50, p99, read)
      return judge({ metrics = { schedule_lag = { p50 = p50, p99 = p99 }, read_lag = { p99 = read } } }).name
    end
    assert.equal("valid", of_lag(1, 5, 5))
    assert.equal("degraded", of_lag(1.1, 5, 5))
    assert.equal("degraded", of_lag(1, 50, 5))
    assert.equal("invalid", of_lag(1, 51, 5))
    assert.equal("invalid", of_lag(1, 5, 51))
    -- The last was sent so late that a share of the rate was not reached.
    assert.equal("valid", judge({ last_sent = 3599000000000 * 1.01 }).name)
    assert.equal("degraded", judge({ last_sent = 3599000000000 * 1.02 }).name)
    assert.equal("invalid", judge({ last_sent = 3599000000000 * 1.06 }).name)
    assert.equal("valid", judge({ last_sent = 3599000000000 * 1.06 }, nil, nil, true).name)
  end)
end)
