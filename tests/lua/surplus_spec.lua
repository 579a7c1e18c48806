-- Arguments that a public function does not take: Lua drops them, and a workload would run on without them.
local mt = require "moontide"
local message_of = require "tests.support.refusal".message

describe("arguments that a function does not take", function()
  it("are refused with the caller's line, the function's name and what it takes", function()
    local curve = mt.const(1)
    local line = debug.getinfo(1, "l").currentline
    local cases = {
      { 'poisson: takes 1 argument (rate), not 2 (argument 2 is \'5m\'): how long is said by the curve, '
        .. 'mt.poisson(mt.const(10, "5m"))', function() return mt.poisson(10, "5m") end },
      { "exponential: takes 1 argument (mean), not 2 (argument 2 is 5)", function() mt.exponential(20, 5) end },
      { "geometric: takes 1 argument (mean), not 2 (argument 2 is 10)", function() mt.geometric(4, 10) end },
      { "uniform: takes 2 arguments (low, high), not 3 (argument 3 is 3)", function() mt.uniform(1, 2, 3) end },
      { "ramp: takes 3 arguments (from, to, duration), not 4", function() mt.ramp(1, 2, 3, 4) end },
      { "clamp: takes 2 arguments (low, high), not 3 (argument 3 is 3)", function() curve:clamp(1, 2, 3) end },
      { "lengths_of: takes 1 argument (trace), not 2 (argument 2 is a table)",
        function() mt.lengths_of("f", { foo = 1 }) end },
      { "renewal: takes 2 arguments (rate, gaps), not 3 (argument 3 is 'x')",
        function() mt.renewal(10, mt.exponential(), "x") end },
      { "lognormal: takes 1 argument (a table of options), not 2", function() mt.lognormal(300, 1) end },
      { "trace.open: takes 2 arguments (path, a table of options), not 3",
        function() mt.trace.open("f", {}, true) end },
      { "a curve: takes 2 arguments (t, seed), not 3 (argument 3 is 5)", function() return curve(3, 4, 5) end },
      { "take: takes 1 argument (d), not 3 (argument 3 is 4)", function() curve:take(3, nil, 4) end },
    }
    local at = line
    for _, case in ipairs(cases) do
      local message = message_of(case[2])
      local where, text = message:match "surplus_spec.lua:(%d+): (.*)$"
      assert.equal(case[1], text and text:sub(1, #case[1]) or message)
      assert.is_true(tonumber(where) > at, message)
      at = tonumber(where)
    end
  end)

  it("say how a duration is given, for even as for poisson", function()
    assert.matches('mt.even(mt.const("10/s", 300))', message_of(function() mt.even("10/s", 300) end), 1, true)
    assert.matches("curve:take(d)", message_of(function() mt.even(mt.const(10), "5m") end), 1, true)
    assert.matches("curve:take(d)", message_of(function() mt.poisson(mt.const(10), "5m") end), 1, true)
  end)

  it("may be nil, and may come from whoever calls back", function()
    assert.equal("poisson(const(3))", tostring(mt.poisson(3, nil)))
    assert.equal("-const(1)", tostring(-mt.const(1)))
    assert.equal("fixed(3)", tostring(select(2, pcall(mt.fixed, 3, 4))))
  end)
end)
