-- A test of a plan, for busted: that an edit of the script does not change the load unnoticed. Any other
-- runner with `assert` does as well: mt.expect gives nil and all that is not as expected.
--
--     busted --lua=lua5.4 examples/testing/ramp_spec.lua
local mt = require "moontide"

describe("the ramp", function()
  local plan = mt.plan_of "examples/ramp.lua"

  it("has the load that was agreed on", function()
    local load = assert(mt.expect(plan, { ["rate.mean"] = ">1", ["input_length.p99"] = "<100k" },
      { seed = 7, service = { ttft = "200ms", per_token = "20ms" } }))
    assert.is_true(load.in_flight.mean < load.in_flight.peak)
  end)

  it("makes other requests for another seed", function()
    assert.not_equal(plan:digest { seed = 7 }, plan:digest { seed = 8 })
  end)
end)
