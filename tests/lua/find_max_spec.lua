-- The search for the most on a machine that is busy with something else: its probes are made up here.
local find_max = require "moontide.study.find_max"
local level = require "moontide.study.level"

-- What a drive at a level gives: kept up to `holds`, on time as `is_on_time(level, how often it was driven)` says.
local function runs(holds, is_on_time)
  local driven = {}
  return driven, function(_, settings)
    local value = settings.concurrency
    driven[#driven + 1] = value
    local times = 0
    for _, one in ipairs(driven) do times = times + (one == value and 1 or 0) end
    local is_kept = value <= holds
    return {
      seconds = 30, results = { due = 200, done = 200 },
      counts = { due = 200, done = 200, failed = 0, cancelled = 0, not_sent = 0 },
      promises = { { name = "ttft.p99", limit = 500, is_least = false, value = is_kept and 100 or 900, kept = is_kept,
        text = is_kept and "kept" or "not kept" } },
      verdict = { name = is_on_time(value, times) and "valid" or "degraded", limited_by = { "lag" } },
    }
  end
end

local function find(holds, is_on_time)
  local driven, drive = runs(holds, is_on_time)
  local before = level.drive
  level.drive = drive
  local found = find_max.run({ name = "load", make = error }, { unit = "concurrency", slo = { { "ttft.p99", 500 } },
    probe = 20, ramp = 5, precision = 0.05, settle = 0, seed = 0, url = { "http://127.0.0.1:1" }, model = "m",
    accept_invalid = false })
  level.drive = before
  return found, driven
end

describe("a search for the most", function()
  it("takes a level at which the generator is late twice as beyond it, where nothing says otherwise", function()
    local found, driven = find(1000, function(value) return value <= 20 end)
    assert.same({ 20, true, 0 }, { found.max, found.is_confirmed, find_max.status(found) })
    assert.is_nil(found.stopped)
    assert.truthy(found.limited_by:find("^the generator: lag"), found.limited_by)
    assert.same({ 8, 16, 32, 32, 24, 24, 20 }, table.move(driven, 1, 7, 1, {}))
  end)

  it("stops where the generator is late at less than it has driven on time, after five tries", function()
    local found, driven = find(20, function(value) return value ~= 24 end)
    assert.same({ 8, 16, 32, 24, 24, 24, 24, 24 }, driven)
    assert.is_nil(found.max)
    assert.is_false(found.is_confirmed)
    assert.same({ 16, 1 }, { found.low, find_max.status(found) })
    assert.truthy(tostring(found):find("\nThe most was not found out: at 24 requests in flight the driver was late each time, "
      .. "and was on time at as much or more before: something else keeps this machine busy (lag); "
      .. "so far 16 requests in flight kept the promises", 1, true), tostring(found))
  end)

  it("goes on where one of the tries is on time", function()
    local found, driven = find(20, function(value, times) return value ~= 24 or times == 4 end)
    assert.same({ 20, true }, { found.max, found.is_confirmed })
    assert.same({ 8, 16, 32, 24, 24, 24, 24, 20 }, table.move(driven, 1, 8, 1, {}))
  end)
end)
