-- The rest between two runs, with a server and a clock that are made up here.
local drive = require "moontide.drive"
local quiet = require "moontide.study.quiet"
local report = require "moontide.kit.report"

describe("before a run", function()
  local before, notes, slept, now

  -- The server says in turn what it has: { running, waiting }; false: nothing.
  local function wait(said, opt)
    local looks = 0
    drive.scraper = function()
      looks = math.min(looks + 1, #said)
      local one = said[looks]
      return setmetatable({ stop = function() return { one and { running = one[1], waiting = one[2] } or nil } end },
        { __close = function() end })
    end
    notes, slept, now = {}, {}, 0
    return quiet.wait({ url = { "http://a:1/v1" }, grace = opt and opt.grace or 30 }, 0.5)
  end

  setup(function()
    before = { scraper = drive.scraper, sleep = drive.sleep, now = drive.now, note = report.note }
    drive.now = function() return math.floor(now * 1e9) end
    drive.sleep = function(seconds)
      slept[#slept + 1], now = seconds, now + seconds
      return true
    end
    report.note = function(text) notes[#notes + 1] = text end
  end)

  teardown(function()
    drive.scraper, drive.sleep, drive.now, report.note = before.scraper, before.sleep, before.now, before.note
  end)

  it("the server is waited for until it has nothing to do, and rests", function()
    assert.is_true(wait { { 2, 1 }, { 1, 0 }, { 0, 1 }, { 0, 0 } })
    assert.same({ { 0.2, 0.2, 0.2, 0.5 }, {} }, { slept, notes })
    assert.is_true(wait { { 0 } })
    assert.same({ { 0.5 }, {} }, { slept, notes })
    assert.is_true(wait { false })
    assert.same({ { 0.5 }, {} }, { slept, notes })
  end)

  it("it is waited for no longer than --grace, and what it has is told", function()
    assert.is_true(wait({ { 1 } }, { grace = 0.5 }))
    assert.same({ { 0.2, 0.2, 0.2, 0.5 }, { "http://a:1 still has 1 request after 0.5 s" } }, { slept, notes })
  end)
end)
