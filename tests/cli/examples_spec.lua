-- Every example of loads, through the real binary: its help, a run without options, each of its options, and the
-- property that it claims; and that every example is tested.
local command = require "tests.support.command"
local examples = require "tests.support.examples"
local records = require "tests.support.records"

local run, trace, is_about, mean_of = examples.run, examples.trace, examples.is_about, examples.mean_of

setup(examples.make_folder)
teardown(command.remove_folders)

describe("every example", function()
  it("is tested", function()
    local count = 0
    for _, group in pairs(examples.groups) do
      for _ in pairs(group) do count = count + 1 end
    end
    local pipe = assert(io.popen "ls examples/*.lua")
    for path in pipe:lines() do
      local name = path:match "([%w_]+)%.lua$"
      local is_tested = false
      for _, group in pairs(examples.groups) do is_tested = is_tested or group[name] ~= nil end
      assert.is_true(is_tested, path)
      count = count - 1
    end
    pipe:close()
    assert.equal(0, count)
  end)

  examples.check("loads", it)
end)

describe("the example", function()
  it("steady is steady and shares nothing", function()
    local list = trace "steady"
    for from = 0, 40, 20 do is_about(200, records.between(list, from, from + 20), "requests in 20 s") end
    for i, record in ipairs(list) do
      assert.same({ 2000, 250, 4 * (i - 1) }, { record.isl, record.osl, record.ids[1] })
    end
  end)

  it("ramp climbs, stays, and comes down", function()
    local list = trace "ramp"
    for i, mean in ipairs { 240, 1320, 2400, 1320, 240 } do
      is_about(mean, records.between(list, 120 * (i - 1), 120 * i), "phase " .. i)
    end
    is_about(30 * (2 + 6.5) / 2, records.between(list, 120, 150), "the climb's first quarter")
  end)

  -- Counts in 5 s: var/mean of a Poisson process is 1, its deviation sqrt(2/59) for 60 windows; gamma gaps
  -- of cv 4 come to 16, on and off of these times above 30 in long windows.
  it("bursty_tenants has three of one rate, and two of them burst", function()
    local expected = run("bursty_tenants", "--check")
    local dispersion = {}
    local list = trace "bursty_tenants"
    for tenant, own in pairs(records.by(list, function(record) return record:member "tenant" end)) do
      assert.is_truthy(expected:find("\n" .. tenant .. " +1,500.0 +5 "), expected)
      local counts = records.counts(own, 5, 60)
      local mean = mean_of(counts, function(count) return count end)
      dispersion[tenant] = mean_of(counts, function(count) return (count - mean) ^ 2 end) / mean
    end
    assert.is_true(math.abs(dispersion.steady - 1) < 4 * math.sqrt(2 / 59), dispersion.steady)
    assert.is_true(dispersion.bursty > 4, dispersion.bursty)
    assert.is_true(dispersion.sometimes > 8, dispersion.sometimes)
  end)

  it("own_arrivals sends volleys on the minute", function()
    local list = trace "own_arrivals"
    is_about(200, #list, "requests")
    local volleys = records.by(list, function(record) return record.timestamp // 60000 end)
    for minute = 1, 10 do
      for i, record in ipairs(volleys[minute]) do
        assert.is_true(math.abs(record.timestamp - 60000 * minute - 50 * (i - 1)) < 0.01)
      end
    end
    assert.is_nil(volleys[0])
  end)

  it("priorities says who a request is", function()
    local kinds = records.by(trace "priorities", function(record) return record:member "priority" end)
    is_about(8 * 60 * 0.9, #kinds.normal, "normal")
    is_about(8 * 60 * 0.1, #kinds.urgent, "urgent")
    is_about(2 * 60, #kinds.low, "low")
    for _, record in ipairs(kinds.low) do
      local deadline = record:member "deadline_s"
      assert.is_true(deadline >= 60 and deadline <= 600)
    end
    local users = records.by(kinds.normal, function(record) return record:member "user" end)
    assert.is_true(#users[1] > #users[5] and users[501] == nil and users[0] == nil)
  end)

  -- A background of height h (1 - b) (1 - s / D) during the cause of length D; each of its requests has
  -- b / (1 - b) descendants, later by an exponential time of rate (1 - b) / decay. So much of it comes
  -- after D. The deviation of the share, over clusters of 5 requests on average, is about 0.02.
  it("retry_storm outlives its cause", function()
    local branching, rate, length, after = 0.8, 0.2 / 5, 10, 0
    for i = 0.5, 999.5 do
      local s = length * i / 1000
      after = after + 2 * (1 - s / length) / 1000 * branching * math.exp(-rate * (length - s))
    end
    local list = trace("retry_storm", "--height 2000 --seed 3")
    local during_cause = records.between(list, 60, 70) - 5 * 10
    local afterwards = records.between(list, 70, 240) - 5 * 170
    local share = afterwards / (during_cause + afterwards)
    assert.is_true(after > 0.5)
    assert.is_true(math.abs(share - after) < 0.08, ("%.3f, not %.3f"):format(share, after))
  end)

  -- The mean of noise of cv 0.2 and 10 minutes over 4 hours has a deviation of 0.06.
  it("diurnal has its afternoon, its night and its crowd where it says", function()
    local function busiest(list)
      local best, most = nil, 0
      for i, count in ipairs(records.counts(list, 300, 288)) do
        if count > most then best, most = i, count end
      end
      return 300 * (best - 1) / 3600
    end
    local peak = busiest(trace("diurnal", "--mean 0.2"))
    assert.is_true(peak >= 20.4 and peak <= 20.75, peak)
    peak = busiest(trace("diurnal", "--mean 0.2 --flash-at 4h"))
    assert.is_true(peak >= 3.9 and peak <= 4.25, peak)
    local plain = trace("diurnal", "--mean 0.2 --flash 0")
    for _, window in ipairs { { 13, 17, 1 }, { 1, 5, -1 } } do
      local swing = 0.7 * math.sin(math.pi / 6) / (math.pi / 6)
      local mean = 0.2 * 4 * 3600 * (1 + window[3] * swing)
      local count = records.between(plain, window[1] * 3600, window[2] * 3600)
      assert.is_true(math.abs(count / mean - 1) < 4 * math.sqrt(0.06 ^ 2 + 1 / mean), count / mean)
    end
  end)

  it("canary moves the requests from one model to the other, and no prefix", function()
    local list = trace "canary"
    local owner = {}
    for step, share in ipairs { 0.01, 0.1, 0.5, 1 } do
      local all, new = 0, 0
      for _, record in ipairs(list) do
        if record.timestamp // 60000 == step - 1 then
          all = all + 1
          if record:member "model" == "new" then new = new + 1 end
        end
      end
      is_about(1200, all, "step " .. step)
      local bound = 4 * math.sqrt(all * share * (1 - share))
      assert.is_true(math.abs(new - all * share) <= bound, ("step %d: %d of %d"):format(step, new, all))
    end
    for _, record in ipairs(list) do
      local model = record:member "model"
      for _, id in ipairs(record.ids) do
        owner[id] = owner[id] or model
        assert.equal(owner[id], model)
      end
    end
    for _, record in ipairs(trace("canary", "--steps 0,1 --step-time 10s --duration 30s")) do
      assert.equal(record.timestamp < 10000 and "old" or "new", record:member "model")
    end
  end)

  -- Requests of a stream in each of three spans.
  local function check_spans(list, counts, ends)
    for stream, means in pairs(counts) do
      local own = records.by(list, function(record) return record:member "stream" end)[stream]
      for i, mean in ipairs(means) do
        is_about(mean, records.between(own, ends[i - 1] or 0, ends[i]), ("%s in span %d"):format(stream, i))
      end
    end
  end

  it("collision, late_short, burst_recovery and abort_storm have their disturbance in the middle alone", function()
    check_spans(trace("collision", "--tags"), { chat = { 100, 100, 100 }, long = { 0, 20, 0 } }, { 20, 40, 60 })
    local late = trace("late_short", "--tags")
    check_spans(late, { short = { 200, 200, 200 } }, { 20, 40, 60 })
    local long = records.by(late, function(record) return record.osl end)[500]
    assert.equal(20, #long)
    assert.equal(20, records.between(long, 20, 21))
    check_spans(trace("burst_recovery", "--tags"), { main = { 150, 400, 150 } }, { 30, 40, 70 })
    local storm = trace("abort_storm", "--tags")
    check_spans(storm, { stay = { 160, 80, 160 }, leave = { 0, 80, 0 } }, { 20, 40, 60 })
    for _, record in ipairs(storm) do
      assert.equal(record:member "stream" == "leave" and 1000 or nil, record:member "cancel_after")
    end
  end)

  -- The mean of sin over its positive half is 2 / pi.
  it("aibrix has the four shapes", function()
    local half = 2 / math.pi
    local list = trace("aibrix", "--shape quick-rise")
    is_about(15 * (10 + 5 * half), records.between(list, 0, 15), "the rise")
    is_about(285 * 15, records.between(list, 15, 300), "above")
    list = trace("aibrix", "--shape slow-rise")
    for i = 1, 3 do
      local swing = 200 / (math.pi / 2) * (math.cos(math.pi / 6 * (i - 1)) - math.cos(math.pi / 6 * i))
      is_about(1000 + 5 * 1.5 * swing, records.between(list, 100 * (i - 1), 100 * i), "third " .. i)
    end
    list = trace("aibrix", "--shape slight-fluctuation")
    is_about(150 * (10 + half), records.between(list, 0, 150), "the upper half")
    is_about(150 * (10 - half), records.between(list, 150, 300), "the lower half")
    local upper = 0
    list = trace("aibrix", "--shape severe-fluctuation")
    for i = 0, 11 do upper = upper + records.between(list, 25 * i, 25 * i + 12.5) end
    is_about(150 * (10 + 5 * half), upper, "the upper halves")
    is_about(150 * (10 - 5 * half), #list - upper, "the lower halves")
  end)

  it("costs has a line and a time for each thing", function()
    local count = 0
    for line in run("costs", "--requests 10k"):gmatch "[^\n]+" do
      local time = tonumber(line:match "([%d.]+) ns$")
      assert.is_true(time and time > 0, line)
      count = count + 1
    end
    assert.equal(13, count)
  end)
end)
