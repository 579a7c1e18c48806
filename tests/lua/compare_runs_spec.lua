-- Runs against each other: how often alike ones are said to differ, what is found, what pairing gives.
local command = require "tests.support.command"
local mt = require "moontide"
local runs = require "tests.support.runs"

local statistics = { "avg", "p1", "p10", "p50", "p90", "p95", "p99" }

-- How many measures of a comparison can differ, and how many are shown to.
local function tell(comparison)
  local can, do_differ = 0, 0
  local function count(name)
    local one = comparison:difference(name)
    if one.low ~= 0 or one.high ~= 0 then can = can + 1 end
    if one.is_shown then do_differ = do_differ + 1 end
  end
  for _, metric in ipairs { "ttft", "e2e", "itl", "osl" } do
    for _, statistic in ipairs(statistics) do count(metric .. "." .. statistic) end
  end
  count "request_throughput"
  count "output_token_throughput"
  return can, do_differ
end

-- 1000 requests of a server that is loaded to so much of what it can.
local function run_of(plan, seed, own)
  local opts = { count = 1000, load = 0.6, plan = plan, seed = seed }
  for name, value in pairs(own or {}) do opts[name] = value end
  return runs.folder(opts)
end

local function compared(...)
  return assert(mt.compare(...))
end

describe("mt.compare of runs", function()
  after_each(command.remove_folders)

  it("says of at most 5 % of the measures of alike runs that they differ", function()
    local can, do_differ = 0, 0
    for repeat_number = 1, 40 do
      local is_paired = repeat_number % 2 == 0
      local first = run_of(repeat_number, 1000 + repeat_number)
      local second = run_of(is_paired and repeat_number or 500 + repeat_number, 2000 + repeat_number)
      local comparison = compared(first, second)
      assert.equal(is_paired, comparison.pairs[2].is_paired)
      local these_can, these_do = tell(comparison)
      can, do_differ = can + these_can, do_differ + these_do
      command.remove_folders()
    end
    assert.is_true(can > 1000, can .. " were looked at")
    assert.is_true(do_differ <= 0.05 * can, ("%d of %d differ"):format(do_differ, can))
    assert.is_true(do_differ > 0.005 * can, ("%d of %d differ: the intervals are too wide"):format(do_differ, can))
  end)

  it("finds a server that is a tenth slower", function()
    local found = 0
    for seed = 1, 10 do
      local comparison = compared(run_of(seed, 1), run_of(seed, 2, { slower = 1.1 }))
      local one = comparison:difference "e2e.avg"
      assert.is_true(one.low < one.difference and one.difference < one.high)
      local shown = one.low > 0 and comparison:difference("ttft").is_shown and comparison:difference("itl.avg").is_shown
      found = found + (shown and 1 or 0)
      command.remove_folders()
    end
    assert.equal(10, found)
  end)

  it("knows what pairing leaves to chance", function()
    local plan = { load = 0.05 } -- no request waits, so a token takes 3 % longer and that is all
    local first = run_of(1, 1, plan)
    local second = run_of(1, 1, { load = 0.05, slower = 1.03 })
    local other = run_of(1, 1, { load = 0.05, slower = 1.03, first_line = 7 })
    local paired, apart = compared(first, second), compared(first, other)
    assert.is_true(paired.pairs[2].is_paired)
    assert.is_false(apart.pairs[2].is_paired)
    local narrow, wide = paired:difference "e2e.avg", apart:difference "e2e.avg"
    assert.near(0.03, narrow.relative, 0.001)
    assert.equal(narrow.difference, wide.difference)
    assert.is_true(narrow.is_shown)
    assert.is_false(wide.is_shown)
    assert.is_true(narrow.high - narrow.low < 0.05 * (wide.high - wide.low))
  end)

  it("gives the same for the same seed, and nearly the same for another", function()
    local first, second = run_of(1, 1), run_of(2, 2)
    local text = mt.json.encode(compared(first, second))
    assert.equal(text, mt.json.encode(compared(first, second, { seed = 0 })))
    local other = compared(first, second, { seed = 1 })
    assert.not_equal(text, mt.json.encode(other))
    local one, another = compared(first, second):difference "ttft.avg", other:difference "ttft.avg"
    assert.equal(one.difference, another.difference)
    assert.near(one.high - one.low, another.high - another.low, 0.15 * (one.high - one.low))
  end)

  it("takes further runs, each against the first, and runs that were read", function()
    local folders = {}
    for i = 1, 3 do folders[i] = run_of(1, i, { load = 0.2, slower = i == 3 and 2 or 1 }) end
    local comparison = compared(mt.run_of(folders[1]), folders[2], folders[3] .. "/profile_export.jsonl", { seed = 3 })
    assert.same({ folders[1], folders[2], folders[3] .. "/profile_export.jsonl" }, comparison.names)
    assert.is_true(comparison:difference("e2e.avg", 3).relative > 0.9)
    assert.is_true(comparison:difference("e2e.avg", 2).relative < 0.2)
    assert.matches("\n\n", tostring(comparison))
    -- An interval that leaves out 0 has as many decimals as its end that is nearer to 0 takes.
    local latency = comparison.pairs[3].metrics.request_latency.avg
    latency.low, latency.high = 0.0004, 3
    assert.truthy(tostring(comparison):find(" +0.0004 .. +3.0000 ", 1, true))
    latency.low, latency.high = -3, -0.0004
    assert.truthy(tostring(comparison):find(" -3.0000 .. -0.0004 ", 1, true))
    local exceeded = assert(comparison:exceeded { ["e2e.avg"] = "+50%", ["itl.p50"] = "+5ms", error_rate = 0.01 })
    assert.equal(2, #exceeded)
    assert.equal("e2e.avg", exceeded[1].measure)
    assert.equal(folders[3] .. "/profile_export.jsonl", exceeded[1].run)
    assert.same({}, comparison:exceeded { ["e2e.avg"] = "+300%", osl = "-1%" })
    local list, message = comparison:exceeded { hit_ratio = "-0.1" }
    assert.is_nil(list)
    assert.matches("^hit_ratio: not both .* have it", message)
  end)

  it("reads AIPerf's folders, whose requests cannot be paired", function()
    local first = run_of(1, 1, { lines = false })
    local second = run_of(1, 2, { lines = false, slower = 1.5 })
    local comparison = compared(first, second)
    assert.is_false(comparison.pairs[2].is_paired)
    assert.is_true(comparison:difference("ttft").is_shown)
    assert.matches("It is not known of both", tostring(comparison))
  end)

  it("names what runs were asked for where that differs, but for where results go and what is made of them", function()
    local function run(options) return { info = { options = options, target = "steady", version = "1" } } end
    local subjects = require "moontide.study.compare_subjects"
    local first = { seed = 1, fail_over = { { "ttft", 5 } }, limits = { { "lag", 1 } }, output_dir = "a", accept_invalid = true }
    assert.same({}, subjects.differing(run(first), run { seed = 1, json = true, inputs = true, record = "x" }))
    assert.same({ { name = "grace", first = "null", second = "5" }, { name = "seed", first = "1", second = "2" } },
      subjects.differing(run(first), run { seed = 2, grace = 5 }))
    assert.is_nil(subjects.differing(run(first), {}))
  end)

  it("refuses what it cannot compare", function()
    local folder = run_of(1, 1, { count = 20 })
    local columns = mt.trace.columns { { timestamp = 0, input_length = 1 } }
    local function refuses(message, ...)
      local ok, err = pcall(mt.compare, ...)
      assert.is_false(ok)
      assert.truthy(tostring(err):find(message, 1, true), tostring(err))
    end
    refuses("compare: a columns is a trace and " .. folder .. " a run", columns, folder)
    refuses("compare: 7 is a trace and " .. folder .. " a run", folder, 7)
    refuses("compare: unknown option 'sed'", folder, folder, { sed = 1 })
    local comparison = compared(folder, folder)
    for _, case in ipairs {
      { "difference: there is no measure 'tfft' (did you mean 'ttft'?)", "tfft" },
      { "difference: max of a metric is not compared", "ttft.max" },
      { "difference: request_count is not compared", "request_count" },
    } do
      local ok, err = pcall(comparison.difference, comparison, case[2])
      assert.is_false(ok)
      assert.truthy(tostring(err):find(case[1], 1, true), tostring(err))
    end
    assert.is_false(pcall(comparison.difference, comparison, "ttft", 3))
  end)
end)
