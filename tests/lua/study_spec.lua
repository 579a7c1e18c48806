-- Studies from Lua: mt.sweep, mt.find_max, and the values that they give.
local command = require "tests.support.command"
local mt = require "moontide"

local function load_of(rate)
  return mt.workload { duration = 10, mt.stream { arrivals = mt.even(rate), input = 50, output = 3 } }
end

describe("studies from Lua", function()
  local server
  before_each(function() server = assert(mt.mock { ttft = 30, itl = 10, slots = 2 }) end)
  after_each(function()
    server:close()
    command.remove_folders()
  end)

  local function options_for(more)
    local opt = { url = server.url, model = "any", warmup = 0, settle = 0, accept_invalid = true }
    for name, value in pairs(more or {}) do opt[name] = value end
    return opt
  end

  it("a sweep is a value: levels, measures, a table, JSON", function()
    local found = assert(load_of(10):sweep(options_for { concurrencies = { 1, 4 }, num_requests = 6, ["repeat"] = 2 }))
    assert.equal(2, #found)
    assert.same({ "c1", "c4" }, { found.levels[1].folder, found.levels[2].folder })
    assert.same({ "done", "done" }, { found.levels[1].status, found.levels[2].status })
    local mean, half = found:measure(1, "ttft.p50")
    local runs = found.levels[1].runs
    assert.near((runs[1].run:measure "ttft.p50" + runs[2].run:measure "ttft.p50") / 2, mean, 1e-9)
    assert.is_true(half >= 0)
    assert.is_true(found:measure(2, "e2e.p50") > found:measure(1, "e2e.p50")) -- a mean has each pause of a busy machine in it
    assert.is_nil((found:measure(1, "hit_ratio")))
    assert.truthy(tostring(found):find("concurrency  ", 1, true))
    assert.equal(4, mt.json.decode(mt.json.encode(found)).levels[2].values.concurrency)
    assert.is_false(command.exists "sweep.json")
  end)

  it("nothing is driven where the load is not as expected", function()
    local found, message, code = load_of(10):sweep(options_for { concurrencies = { 1, 4 }, num_requests = 6,
      expect = { requests = "<6" } })
    assert.same({ nil, "2 of 2 expectations missed", "value" }, { found, message, code })
    found, message, code = load_of(10):find_max(options_for { slo = { ["ttft.p99"] = 500 }, probe = 1, ramp = 0,
      expect = "rate.mean>11" })
    assert.same({ nil, "1 of 1 expectations missed", "value" }, { found, message, code })
    assert.has_error(function() load_of(10):sweep(options_for { concurrencies = { 1 }, expect = "nothing=1" }) end)
  end)

  it("a function makes the loads of what varies, and files are left where they are asked for", function()
    local folder = command.folder()
    local found = assert(mt.sweep(function(v)
      return mt.workload { duration = 1, mt.stream { arrivals = mt.even(20), input = v.isl, output = 2 } }
    end, options_for { vary = { isl = { 30, 60 } }, rate_scales = { 1, 2 }, output_dir = folder .. "/out" }))
    local names = {}
    for i, level in ipairs(found.levels) do names[i] = level.folder end
    assert.same({ "isl=30/x1", "isl=30/x2", "isl=60/x1", "isl=60/x2" }, names)
    assert.same({ 20, 40 }, { found.levels[1].runs[1].run.counts.done, found.levels[2].runs[1].run.counts.done })
    assert.equal(60, found:measure(3, "wanted_input_length.avg"))
    assert.is_true(command.exists(folder .. "/out/isl=60/x2/run.json"))
    assert.is_true(command.exists(folder .. "/out/sweep.csv"))
    local again = assert(mt.sweep(function(v)
      return mt.workload { duration = 1, mt.stream { arrivals = mt.even(20), input = v.isl, output = 2 } }
    end, options_for { vary = { isl = { 30, 60 } }, rate_scales = { 1, 2 }, output_dir = folder .. "/out", resume = true }))
    assert.is_true(again.levels[4].runs[1].is_kept)
    assert.equal(found:measure(4, "ttft.p99"), again:measure(4, "ttft.p99"))
  end)

  it("find_max gives the most, why not more, and every probe", function()
    -- Two slots of 50 ms: N in flight take N / 2 * 50 ms each.
    local found = assert(load_of(10):find_max(options_for { unit = "concurrency", slo = { ["e2e.avg"] = 220 },
      probe = 0.6, ramp = 0.3 }))
    assert.is_true(found.max >= 4 and found.max <= 8, tostring(found)) -- a busy machine has less
    assert.equal("requests in flight", found.unit)
    assert.is_true(#found.probes >= 3)
    assert.truthy(tostring(found):find("The most is ", 1, true))
    assert.equal(found.max, mt.json.decode(mt.json.encode(found)).max)
  end)

  it("raise what a caller has got wrong, with the name of the function", function()
    local url = "http://127.0.0.1:1"
    for said, opt in pairs {
      ["sweep: unknown option 'concurency' (did you mean 'concurrency'?)"] = { concurency = 3 },
      ["sweep: url is missing"] = { model = "m", concurrencies = { 1 } },
      ["sweep: concurrencies must be between 1 and 1000000, not 0"] = { concurrencies = { 0 } },
      ["sweep: request_rates and rate_scales exclude each other"] = { url = url, model = "m", request_rates = { 1 },
        rate_scales = { 1 } },
      ["sweep: request_rates: 2 is there twice"] = { url = url, model = "m", request_rates = { 2, 2 } },
      ["sweep: vary isl: only a function can make a load of it"] = { url = url, model = "m", vary = { isl = { 1 } } },
      ["sweep: 2 levels, each driven 1000 times, are 2000 runs: yes drives them"] = { url = url, model = "m",
        concurrencies = { 1, 2 }, ["repeat"] = 1000 },
    } do
      local ok, message = pcall(mt.sweep, load_of(1), opt)
      assert.is_false(ok)
      assert.truthy(tostring(message):find(said, 1, true), tostring(message))
    end
    for said, opt in pairs {
      ["find_max: slo is missing: the promises"] = { url = "http://127.0.0.1:1", model = "m" },
      ["find_max: slo: there is no measure 'tftt.p99' (did you mean 'ttft'?)"] = { url = "http://127.0.0.1:1", model = "m",
        slo = { ["tftt.p99"] = 1 } },
      ["find_max: unknown option 'duration'"] = { url = "http://127.0.0.1:1", model = "m", slo = "ttft=1", duration = 3 },
    } do
      local ok, message = pcall(mt.find_max, load_of(1), opt)
      assert.is_false(ok)
      assert.truthy(tostring(message):find(said, 1, true), tostring(message))
    end
    for name, call in pairs { sweep = mt.sweep, find_max = mt.find_max } do
      local ok, message = pcall(call, 3, { url = url, model = "m", concurrencies = name == "sweep" and { 1 } or nil,
        slo = "ttft=1" })
      assert.is_false(ok)
      assert.truthy(tostring(message):find(name .. ": the trace must be ", 1, true), tostring(message))
    end
    local ok, message = pcall(function()
      local found = load_of(50):sweep(options_for { concurrencies = { 1 }, num_requests = 1 })
      return found:measure(2, "ttft")
    end)
    assert.is_false(ok)
    assert.truthy(tostring(message):find("measure: there is no level 2 of 1", 1, true), tostring(message))
  end)
end)
