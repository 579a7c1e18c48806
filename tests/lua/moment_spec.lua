-- Moments of the wall clock, as --start-at takes them.
local moment = require "moontide.drive.moment"

local minute = 60000000 -- a full one, in seconds since 1970

local function of(text, now)
  return moment.of(text, "--start-at", now or minute + 5)
end

describe("a moment of the wall clock", function()
  it("is a date and a time with an offset, and fractions", function()
    local cases = {
      ["1970-01-01T00:00:00Z"] = 0,
      ["2026-07-06T12:30:00Z"] = 1783341000000000000,
      ["2026-07-06t12:30:00z"] = 1783341000000000000,
      ["2026-07-06 12:30:00+00:00"] = 1783341000000000000,
      ["2026-07-06T14:30:00+02:00"] = 1783341000000000000,
      ["2026-07-06T07:00:00-05:30"] = 1783341000000000000,
      ["2026-07-06T12:30:00.25Z"] = 1783341000250000000,
      ["2026-07-06T12:30:00.000000001Z"] = 1783341000000000001,
      ["2000-02-29T23:59:59Z"] = 951868799000000000,
      ["2016-12-31T23:59:60Z"] = 1483228800000000000, -- a leap second
      ["1795951215.25"] = 1795951215250000000,
      ["1795951215"] = 1795951215000000000,
    }
    for text, wanted in pairs(cases) do assert.equal(wanted, of(text), text) end
    -- date(1) as the oracle, of local times too.
    for _, text in ipairs { "2024-02-29T05:06:07Z", "2100-03-01T00:00:00Z", "2031-11-30T23:00:01+13:45",
      "2026-07-06T12:30:00" } do
      local pipe = assert(io.popen(("date -d %s +%%s"):format(text)))
      local seconds = math.tointeger(pipe:read "n")
      pipe:close()
      assert.equal(seconds * 1000000000, of(text), text)
    end
  end)

  it("is the next time that the clock shows it", function()
    local now = os.time { year = 2026, month = 7, day = 6, hour = 12, min = 30, sec = 0 }
    assert.equal((now + 1) * 1000000000, of("12:30:01", now))
    assert.equal((now + 60) * 1000000000, of("12:31", now))
    assert.equal((now + 86400) * 1000000000, of("12:30:00", now))
    assert.equal((now + 1) * 1000000000 + 500000000, of("12:30:01.5", now))
  end)

  it("is so long after the next full minute: the same for all who say it within one", function()
    for second = 0, 59 do assert.equal((minute + 90) * 1000000000, of("+30s", minute + second)) end
    assert.equal((minute + 150) * 1000000000, of("+30s", minute + 60))
    assert.equal((minute + 60) * 1000000000 + 500000000, of("+500ms"))
  end)

  it("is nothing else", function()
    for _, text in ipairs { "x", "", "-5", "12:61", "24:00:00", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
      "2026-07-06T25:00:00Z", "2026-07-06T12:30:00+2", "2026-07-06T12:30:00+25:00", "2026-07-06", "12:30:00Z",
      "12345678901" } do
      local done, message = pcall(of, text)
      assert.is_false(done, text)
      assert.truthy(tostring(message):find("--start-at must be a time of the clock (2026-07-06T12:30:00Z", 1, true),
        tostring(message))
    end
    assert.is_false((pcall(of, "+-3s")))
    assert.is_false((pcall(of, "+soon")))
  end)
end)
