-- What is expected of plans, beside what their runs write: by arithmetic where that is short.
local mt = require "moontide"

-- A workload of one stream of sessions with nothing between its turns but what is said.
local function talk(sessions, opt, duration)
  sessions.starts = sessions.starts or mt.even(1)
  opt.arrivals = mt.sessions(sessions)
  return mt.workload { duration = duration or 360, mt.stream(opt) }
end

-- What a run is expected to have, and what it has.
local function both(plan, seed)
  local expected, run = plan:expected { seed = seed }, assert(mt.profile(plan, { seed = seed or 0 }))
  return { requests = expected.requests, input = expected.input_length, within = expected.within },
    { requests = run.requests, input = run.input_length.mean, within = run.within }
end

local function near(wanted, got, share)
  assert.is_true(math.abs(got - wanted) <= share * wanted, ("%.9g, not %.9g"):format(got, wanted))
end

describe("turns that end in a half", function()
  it("are rounded up, as the run does", function()
    -- Turns of 100 and 50 tokens: 100, 250, 400, ...; each is answered at once.
    for _, case in ipairs {
      { 2.5, 3, 250 },
      { mt.empirical { 1.5, 3.5 }, 3, (100 * 2 + 250 * 2 + 400 + 550) / 6 },
      { mt.mix { { 0.5, 2.5 }, { 0.5, 5.5 } }, 4.5, (6 * 100 + 6 * 250 + 6 * 400 + 3 * (550 + 700 + 850)) / 27 },
      -- Of a geometric law of mean 4 times a half: 1 of 1 and 2, 2 of 3 and 4, ...; q = 3/4.
      { mt.geometric(4) * 0.5, 1 / (1 - 0.75 ^ 2), 100 + 150 * 0.75 ^ 2 / (1 - 0.75 ^ 2) * 1 },
      -- 1, 2, and at most 2.5, which is 3.
      { mt.geometric { mean = 4, max = 2.5 }, 1 + 0.75 + 0.75 ^ 2,
        (100 + 0.75 * 250 + 0.75 ^ 2 * 400) / (1 + 0.75 + 0.75 ^ 2) },
    } do
      local expected = talk({ turns = case[1] }, { new_input = 100, output = 50 }):expected()
      near(360 * case[2], expected.requests, 1e-6)
      near(case[3], expected.input_length, 1e-6)
      near(expected.requests, expected.within, 1e-6)
    end
    local expected, run = both(talk({ turns = 2.5 }, { new_input = 100, output = 50 }))
    assert.same({ requests = 1080, input = 250, within = 1080 }, run)
    near(run.within, expected.within, 1e-9)
  end)

  it("start sub-agents as often as the run does", function()
    -- Turn 2 of 3 starts one, of 2.5 turns each; the last turn starts none.
    local expected, run = both(talk({ turns = 2.5 }, { new_input = 100, output = 50,
      branch = mt.branch { every = 2, turns = 2.5, new_input = 10 } }))
    assert.equal(360 * 6, run.requests)
    assert.equal(run.requests, expected.requests)
  end)
end)

describe("sessions that follow curves of time", function()
  it("are as their run is", function()
    local cases = {
      talk({ turns = mt.geometric(mt.ramp(1, 10, 400)), think = 1 }, { new_input = 10 }, 400),
      talk({ turns = 4, think = mt.exponential(mt.ramp(1, 60, 400)) }, { new_input = 10 }, 400),
      talk({ turns = 2, think = 200 }, { new_input = mt.fixed(mt.ramp(0, 1000, 400):pad("3h")) }, 400),
      talk({ turns = 2, think = 200 }, { lengths = mt.classes {
        { mt.ramp(0, 3, 600):pad(1000), new_input = 1000 }, { 1, new_input = 100 } } }, 600),
      talk({ turns = 2, think = 20, service = { ttft = mt.fixed(mt.ramp(0, 9, 400)) } }, { new_input = 10 }, 400),
      talk({ turns = 2, think = 200 }, { new_input = 10, first = { new_input = mt.fixed(mt.ramp(1, 99, 400)) } }, 400),
    }
    for i, plan in ipairs(cases) do
      for seed = 0, 1 do
        local expected, run = both(plan, seed)
        assert.equal(run.requests, expected.requests, i)
        near(run.input, expected.input, 1e-9)
        -- In bins of the duration.
        near(run.within, expected.within, 1e-9)
      end
      assert.matches("turns read curves at their own times: requests and lengths are counted in a run of this seed\n",
        tostring(plan:expected()), 1, true)
    end
  end)

  it("have the lengths of each turn's time", function()
    -- One a second for 400 s: first turns of t, later ones 200 s after them of t + 200 and no more than 1000 at 400 s,
    -- of which nothing is left after it: 0 is 1 token.
    local plan = talk({ turns = 2, think = 200 }, { new_input = mt.fixed(mt.ramp(0, 400, 400):pad("3h")) }, 400)
    local sum = 0
    for t = 0, 399 do
      local first = math.max(1, t)
      sum = sum + first + first + (t + 200 < 400 and t + 200 or 1)
    end
    near(sum / 800, plan:expected().input_length, 1e-9)
  end)

  it("weigh classes by when requests come, not by when there are none", function()
    -- Shares of 1/4 and 3/4 on average over the second half, which begins after a silence and ends before one.
    local plan = mt.workload { duration = 200, mt.stream { arrivals = mt.even(mt.const(10, 50):shift(50):pad(200)),
      lengths = mt.classes { { mt.ramp(1, 0, 100):pad(200), input = 100, output = 8 },
        { mt.ramp(0, 1, 100):pad(200), input = 900 } } } }
    near(100 * 0.25 + 900 * 0.75, plan:expected().input_length, 1e-9)
    near(500, plan:expected().requests, 1e-9)
  end)

  it("bring as many requests as the formula says, over seeds", function()
    -- Means of 1 to 10 turns, 5.5 over the time.
    local plan, sum = talk({ turns = mt.geometric(mt.ramp(1, 10, 400)) }, { new_input = 10 }, 400), 0
    for seed = 1, 40 do sum = sum + plan:expected { seed = seed }.requests / 40 end
    -- The deviation of a session's turns is about 6, of 400 of them 120, of 40 runs 19: three are 57.
    assert.is_true(math.abs(sum - 2200) < 57, sum)
  end)
end)

describe("sessions that end at max_input", function()
  it("are counted in the same run as their requests", function()
    local plan = talk({ starts = mt.poisson(1), turns = mt.geometric(4), think = 5, max_input = 500 },
      { new_input = 100, output = 50, first = { new_input = 100, output = 20 } })
    for seed = 0, 1 do
      local run, expected = assert(mt.profile(plan, { seed = seed })), plan:expected { seed = seed }
      assert.equal(run.requests, expected.requests)
      assert.equal(run.sessions, expected.sessions)
      near(run.input_length.mean, expected.input_length, 1e-9)
      near(run.output_length.mean, expected.output_length, 1e-9)
    end
  end)
end)

describe("the profile of a run", function()
  it("has the peak where it is, in steps of any length, and means of what comes within the duration", function()
    local plan = mt.workload { duration = 400,
      mt.stream { arrivals = mt.even(mt.steps { { 1, 200 }, { 3, 50 }, { 1, 150 } }), input = 7, output = 2 } }
    local rate = mt.profile(plan, { step = "10s" }).rate
    assert.same({ 3, 200, 1.25 }, { rate.peak, rate.peak_at, rate.mean })
    -- 400 sessions, of whose later turns half come when it is over.
    local on = mt.profile(talk({ turns = 2, think = 200 }, { new_input = 10 }, 400))
    assert.same({ 800, 600, 1.5, 20.0 }, { on.requests, on.within, on.rate.mean, on.input_tokens.mean })
  end)
end)

describe("intervals of Poisson counts", function()
  it("are spread over bins", function()
    -- Rates of 1, 8 and 15 in intervals of 7 s, in bins of 3.5 s; the last ends at 20 s.
    local core = require "moontide.core"
    local process = mt.poisson_counts(mt.ramp(1, 101, 100), 7)
    assert.same({ 3.5, 3.5, 28, 28, 52.5, 37.5, 0 }, core.process.areas(process, 0, 1, 20, 0, 24.5, 7))
  end)
end)

describe("the prompts of a trace", function()
  local function trace()
    return mt.workload { duration = 20, mt.stream { requests = function()
      local i = 0
      return function()
        i = i + 1
        if i <= 10 then return { time = i, input = 10 * i, output = i > 5 and i or nil } end
      end
    end } }:columns()
  end

  it("are those that are used", function()
    for _, case in ipairs { { 4, 25 }, { 10, 55 }, { 5, 30 } } do
      local plan = mt.workload { duration = case[1], mt.stream { arrivals = mt.even(1), prompt = mt.prompts_of(trace()) } }
      assert.equal(case[2], plan:expected().input_length)
      assert.equal(case[2], assert(mt.profile(plan)).input_length.mean)
    end
    -- Once round, and half of it again; twice and a bit.
    for _, case in ipairs { { 15, (550 + 150) / 15 }, { 21, (2 * 550 + 10) / 21 } } do
      local plan = mt.workload { duration = case[1],
        mt.stream { arrivals = mt.even(1), prompt = mt.prompts_of(trace(), { wrap = true }) } }
      near(case[2], plan:expected().input_length, 1e-12)
      near(case[2], assert(mt.profile(plan)).input_length.mean, 1e-12)
    end
    local plan = mt.workload { duration = 30, mt.stream { arrivals = mt.even(1), prompt = mt.prompts_of(trace()) } }
    assert.equal(10, plan:expected().requests)
    assert.equal(55, plan:expected().input_length)
    assert.equal(8, plan:expected().output_length)
  end)

  it("begin again", function()
    local plan = mt.workload { duration = 23, mt.stream { arrivals = mt.even(1),
      prompt = mt.prompts_of(trace(), { wrap = true }) } }
    near((2 * 550 + 10 + 20 + 30) / 23, plan:expected().input_length, 1e-12)
    near((2 * 550 + 10 + 20 + 30) / 23, assert(mt.profile(plan)).input_length.mean, 1e-12)
    assert.equal(8, plan:expected().output_length)
  end)
end)
