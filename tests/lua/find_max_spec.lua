-- The search for the most where no machine disturbs it: its probes are made up here. On a machine that is busy with
-- something else, and of servers whose most is known, by a simulation of them.
local find_max = require "moontide.study.find_max"
local level = require "moontide.study.level"
local mt = require "moontide"

-- What is counted where all that was due was done, and the server told of its tokens.
local function counted(due)
  return { due = due, done = due, usage_said = due, metrics = {}, lacking = {},
    ended = { done = due, good = due, output_tokens = 0, input_tokens = 0 } }
end

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
      seconds = 30, results = counted(200), by_key = {}, options = {},
      counts = { due = 200, done = 200, failed = 0, cancelled = 0, not_sent = 0 },
      promises = { { name = "ttft.p99", limit = 500, is_least = false, value = is_kept and 100 or 900, kept = is_kept,
        text = is_kept and "kept" or "not kept" } },
      verdict = { name = is_on_time(value, times) and "valid" or "degraded", limited_by = { "lag" } },
    }
  end
end

-- A search whose probes are driven by that; opt: what is not as usual.
local function search(drive, opt)
  local before, all = level.drive, { unit = "concurrency", slo = { { "ttft.p99", 500 } }, probe = 20, ramp = 5,
    precision = 0.05, settle = 0, seed = 0, url = { "http://127.0.0.1:1" }, model = "m", accept_invalid = false }
  for name, value in pairs(opt or {}) do all[name] = value end
  level.drive = drive
  local found = find_max.run({ name = "load", make = error }, all)
  level.drive = before
  return found
end

local function find(holds, is_on_time)
  local driven, drive = runs(holds, is_on_time)
  return search(drive), driven
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

-- A drive of a simulated server: `measure(level, settings)` gives what is promised and how many requests were due.
local function simulated(name, limit, measure)
  return function(_, settings)
    local value, due = measure(settings.request_rate or settings.concurrency, settings)
    return {
      seconds = settings.stop_after, results = counted(due), by_key = {}, options = {},
      counts = { due = due, done = due, failed = 0, cancelled = 0, not_sent = 0 },
      promises = { { name = name, limit = limit, is_least = false, value = value, kept = value <= limit,
        text = ("%s is %g"):format(name, value) } },
      verdict = { name = "valid", limited_by = {} },
    }
  end
end

local function exponential(random)
  return -math.log(1 - random:uniform())
end

-- The slot that is free first.
local function soonest_of(free)
  local soonest = 1
  for k = 2, #free do
    if free[k] < free[soonest] then soonest = k end
  end
  return soonest
end

describe("the most that a search finds", function()
  it("is what a server takes that refuses whoever comes while it works", function()
    -- One at a time, 0.094 s each: evenly spaced requests are refused as soon as they come faster than 10.64 a second.
    local drive = simulated("error_rate", 0.3, function(rate, settings)
      local free, due, refused = 0, 0, 0
      for i = 0, math.floor(settings.window.to * rate) do
        local time = i / rate
        local is_refused, is_due = time < free, time >= settings.window.from
        if not is_refused then free = time + 0.094 end
        due = due + (is_due and 1 or 0)
        refused = refused + (is_due and is_refused and 1 or 0)
      end
      return refused / due, due
    end)
    for _, first in ipairs { 0.3, 4, 40, 1000 } do
      local found = search(drive, { unit = "rate", first = first, precision = 0.01 })
      assert.is_true(found.is_confirmed)
      assert.is_true(found.max <= 1 / 0.094 and found.max >= 0.99 / 0.094, found.max)
    end
  end)

  it("is the concurrency at which a closed loop's latency is known", function()
    -- Four slots of 20 ms: N in flight take N / 4 * 20 ms each (Little's law), so 54 ms allow 10.
    local drive = simulated("e2e.avg", 54, function(users, settings)
      local free, asked, sum, count = { 0, 0, 0, 0 }, {}, 0, 0
      for user = 1, users do asked[user] = 0 end
      for i = 0, 4000 do
        local user, slot = i % users + 1, soonest_of(free) -- they are answered in the order in which they ask
        free[slot] = math.max(free[slot], asked[user]) + 0.02
        if asked[user] >= settings.window.from / 10 then sum, count = sum + free[slot] - asked[user], count + 1 end
        asked[user] = free[slot]
      end
      return 1000 * sum / count, count
    end)
    for _, first in ipairs { 1, 8, 100 } do
      local found = search(drive, { first = first, precision = 0.05 })
      assert.same({ 10, true }, { found.max, found.is_confirmed })
    end
  end)

  it("is above what brings too little of a least, unless more in flight brings no more", function()
    -- Two requests a second each, at most `most`; latency as it was, but for ever beyond 50 in flight.
    local function found_of(most, least)
      local driven = {}
      local found = search(function(_, settings)
        local users = settings.concurrency
        local rate, latency = math.min(2 * users, most), users > 50 and math.huge or 20
        driven[#driven + 1] = users
        return { seconds = settings.stop_after, results = counted(200), by_key = {}, options = {},
          counts = { due = 200, done = 200, failed = 0, cancelled = 0, not_sent = 0 },
          promises = { { name = "ttft.p99", limit = 30, is_least = false, value = latency, kept = latency <= 30,
            text = "late" },
            { name = "request_throughput", limit = least, is_least = true, value = rate, kept = rate >= least,
              text = "little" } },
          verdict = { name = "valid", limited_by = {} } }
      end, { first = 4, most = 400 })
      return found, driven
    end
    local found, driven = found_of(1000, 60)
    assert.same({ true, 4, 8, 16, 32, 64, 48 }, { found.is_confirmed, table.unpack(driven, 1, 6) })
    assert.is_true(found.max <= 50 and found.max >= 48, found.max)
    -- What is for ever has no number in JSON.
    local probes = mt.json.decode(mt.json.encode(found)).probes
    assert.same({ name = "ttft.p99", limit = 30, is_least = false, value = mt.json.null, kept = false }, probes[5].promises[1])
    assert.equal(20, probes[4].promises[1].value)
    -- 16 in flight bring what 4 do: there is no use in more.
    found, driven = found_of(8, 60)
    assert.is_nil(found.max)
    assert.same({ 4, 8, 16 }, table.move(driven, 1, 3, 1, {}))
    for i = 4, #driven do assert.is_true(driven[i] < 16, driven[i]) end
  end)

  it("is the rate at which queueing theory has the wait that is promised", function()
    -- M/M/c: Poisson arrivals, exponential times of service of mean 1/mu, c servers. With a = lambda/mu the share of
    -- requests that wait is Erlang's C(c, a) = (a^c/c! * c/(c-a)) / (sum_{k<c} a^k/k! + a^c/c! * c/(c-a)), and
    -- P(wait > t) = C(c, a) * exp(-(c mu - lambda) t). (A. K. Erlang, 1917; L. Kleinrock, Queueing Systems I, 3.5.)
    local servers, mu, limit = 4, 100, 0.015
    local function waits_longer(lambda)
      local a, term, sum = lambda / mu, 1, 0
      for k = 0, servers - 1 do
        sum = sum + term
        term = term * a / (k + 1)
      end
      local all_busy = term * servers / (servers - a)
      return all_busy / (sum + all_busy) * math.exp(-(servers * mu - lambda) * limit)
    end
    local low, high = 1, servers * mu - 1
    for _ = 1, 60 do
      local middle = (low + high) / 2
      if waits_longer(middle) < 0.1 then low = middle else high = middle end
    end
    local truth = low
    assert.near(294, truth, 1)

    local drive = simulated("ttft.p90", 1000 * limit, function(rate, settings)
      local random, free, waits, time = mt.random(settings.seed, "queue"), { 0, 0, 0, 0 }, {}, 0
      while true do
        time = time + exponential(random) / rate
        if time >= settings.window.to then break end
        local slot = soonest_of(free)
        local begun = math.max(free[slot], time)
        free[slot] = begun + exponential(random) / mu
        if time >= settings.window.from then waits[#waits + 1] = begun - time end
      end
      table.sort(waits)
      return 1000 * waits[math.ceil(0.9 * #waits)], #waits
    end)
    -- Its precision of 0.05, and what a p90 of some 24 000 waits that hang together leaves open.
    for seed, first in ipairs { 150, 200, 260 } do
      local found = search(drive, { unit = "rate", first = first, seed = seed, probe = 80 })
      assert.is_true(math.abs(found.max / truth - 1) < 0.12, found.max)
    end
  end)
end)
