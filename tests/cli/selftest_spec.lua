-- `moontide selftest`: what it finds depends on the machine and on who else works on it; that it finds something,
-- and says why not more, does not.
local command = require "tests.support.command"
local mt = require "moontide"

describe("moontide selftest", function()
  it("finds what the driver holds, and says what ended each search", function()
    local result = command.run { "selftest", "--seconds", "5", "--json" }
    assert.equal("", result.err)
    local found = assert(mt.json.decode(result.out))
    local is_nothing = false
    for _, key in ipairs { "request_rate", "chunk_rate", "streams_in_flight" } do
      assert.is_true(found[key].held >= 0)
      assert.truthy(#found[key].ended_by > 0)
      is_nothing = is_nothing or found[key].held == 0
    end
    assert.equal(is_nothing and 1 or 0, result.status)
    assert.equal(1, found.lag_p99_limit)
    assert.is_true(found.stalls.share >= 0 and found.stalls.share <= 1)
    assert.is_true(found.stalls.longest >= 0)
  end)

  it("shows it as a table", function()
    local result = command.run { "selftest", "--seconds", "5" }
    for _, text in ipairs { "requests a second, short streams", "chunks a second", "streams in flight", "What ended it:",
      "The machine itself stops a program" } do
      assert.truthy(result.out:find(text, 1, true), result.out)
    end
  end)

  it("wants some seconds", function()
    local result = command.run { "selftest", "--seconds", "1" }
    assert.same({ status = 2, out = "", err = "moontide: selftest: --seconds must be at least 5, not 1\n" },
      { status = result.status, out = result.out, err = result.err })
  end)
end)
