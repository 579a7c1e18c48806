-- Several runs against several: Welch's interval, what it says of alike runs, and what is printed.
local command = require "tests.support.command"
local mt = require "moontide"
local repeats = require "moontide.study.compare_repeats"
local runs = require "tests.support.runs"

local json = mt.json

-- So many runs, each of a plan and of answers of its own.
local function side(count, first_seed, own)
  local folders = {}
  for i = 1, count do
    local opts = { count = 400, load = 0.6, plan = first_seed + i, seed = first_seed + i }
    for name, value in pairs(own or {}) do opts[name] = value end
    folders[i] = runs.folder(opts)
  end
  return folders
end

local function compared(first, second, more)
  local opt = { against = second }
  for name, value in pairs(more or {}) do opt[name] = value end
  local values = table.move(first, 1, #first, 1, {})
  values[#values + 1] = opt
  return assert(mt.compare(table.unpack(values)))
end

local function normal(random)
  return math.sqrt(-2 * math.log(1 - random:uniform())) * math.cos(2 * math.pi * random:uniform())
end

describe("several runs against several", function()
  after_each(command.remove_folders)

  it("have Welch's interval", function()
    -- By hand: means 2 and 12, variances 1 and 4 over 3 and 5 values; variance of the difference 1/3 + 4/5 =
    -- 17/15, degrees (17/15)^2 / ((1/3)^2 / 2 + (4/5)^2 / 4) = 5.96, so 5, whose 97.5 % quantile is 2.5706.
    local one = repeats.numbers({ 1, 2, 3 }, { 10, 10, 12, 14, 14 })
    assert.same({ 2, 12 }, { one.first, one.second })
    assert.same({ 1, 2 }, one.spreads)
    assert.near(2.5706 * math.sqrt(17 / 15), one.high - 10, 1e-3)
    assert.near(10, (one.low + one.high) / 2, 1e-12)
    -- Alike sides have all their degrees: 4 of 3 and 3, t = 2.7764; 1 of a side that does not vary.
    one = repeats.numbers({ 1, 2, 3 }, { 1, 2, 3 })
    assert.near(2.7764 * math.sqrt(2 / 3), one.high, 1e-4)
    one = repeats.numbers({ 5, 5 }, { 1, 3 })
    assert.near(12.7062, one.high + 3, 1e-3)
    -- What does not vary at all is known; one run says nothing of noise.
    assert.same({ first = 4, second = 7, spreads = { 0, 0 }, low = 3, high = 3 }, repeats.numbers({ 4, 4 }, { 7, 7, 7 }))
    assert.same({ first = 4, second = 7 }, repeats.numbers({ 4 }, { 6, 8 }))
  end)

  it("hold the true difference in at least 95 of 100 cases, as few as the runs are and however they vary", function()
    local random = mt.random(1, "welch")
    for _, case in ipairs { { 2, 2, 1 }, { 3, 3, 1 }, { 3, 3, 10 }, { 3, 8, 4 } } do
      local held, cases = 0, 2000
      for _ = 1, cases do
        local first, second = {}, {}
        for i = 1, case[1] do first[i] = 100 + normal(random) end
        for i = 1, case[2] do second[i] = 107 + case[3] * normal(random) end
        local one = repeats.numbers(first, second)
        if one.low <= 7 and 7 <= one.high then held = held + 1 end
      end
      -- 95 % of 2000 is 1900, its deviation 9.7: four of these below. Rounding degrees down holds more.
      assert.is_true(held >= 1861, ("%d of %d runs against %d"):format(held, cases, case[2]))
    end
  end)

  it("say seldom of alike runs that they differ, and find a server that is a third slower", function()
    local can, do_differ = 0, 0
    for k = 1, 6 do
      local comparison = compared(side(3, 100 * k), side(3, 100 * k + 50))
      for _, name in ipairs { "ttft.avg", "ttft.p99", "e2e.avg", "e2e.p90", "itl.avg", "itl.p50", "osl.avg",
        "request_throughput" } do
        local one = assert(comparison:difference(name))
        can, do_differ = can + 1, do_differ + (one.is_shown and 1 or 0)
      end
      command.remove_folders()
    end
    assert.is_true(do_differ <= 0.15 * can, ("%d of %d"):format(do_differ, can)) -- they go together: 2 of 6 pairs
    local comparison = compared(side(3, 1), side(3, 50, { slower = 1.3 }))
    local one = comparison:difference "itl.avg"
    assert.is_true(one.is_shown and one.low > 0 and one.spreads[1] > 0)
    assert.is_true(one.relative > 0.25)
    local exceeded = assert(comparison:exceeded { ["itl.avg"] = "+10%", ["osl.avg"] = "+50%" })
    assert.same({ 1, "itl.avg" }, { #exceeded, exceeded[1].measure })
  end)

  it("have the mean of what each run says of itself", function()
    local first, second = side(3, 1), side(2, 20)
    local comparison = compared(first, second)
    local sum, errors = 0, 0
    for _, folder in ipairs(first) do
      local run = assert(mt.run_of(folder))
      sum, errors = sum + run.time_to_first_token.p99, errors + run:measure "error_rate"
    end
    assert.near(sum / 3, comparison:difference("ttft.p99").first, 1e-9)
    assert.equal(errors / 3, comparison:difference("error_rate").first)
    assert.same({ 3, 2 }, comparison.pairs[2].repeats)
    assert.equal(first[1] .. " and 2 more", comparison.names[1])
    local values = json.decode(json.encode(comparison))
    assert.equal(5, #values.runs)
    assert.same({ 1, 1, 1, 2, 2 }, { values.runs[1].side, values.runs[2].side, values.runs[3].side, values.runs[4].side,
      values.runs[5].side })
    local pair = values.comparisons[1]
    assert.equal("welch", pair.statistic)
    assert.same({ 3, 2 }, pair.repeats)
    assert.same(comparison:difference("ttft.p99").spreads, pair.metrics.time_to_first_token.p99.spreads)
    assert.equal(1200, pair.metrics.time_to_first_token.counts[1])
  end)

  it("may be fewer than say anything", function()
    local comparison = compared(side(1, 1), side(2, 20))
    local one = comparison:difference "ttft"
    assert.is_nil(one.low)
    assert.is_false(one.is_shown)
    local list, message = comparison:exceeded { ttft = "+1000%" }
    assert.truthy(list or message)
    assert.truthy(tostring(comparison):find(
      "Nothing can be shown: an interval needs 2 runs of either side, and there are 1 and 2", 1, true))
  end)

  it("are refused where they are none", function()
    local folder = side(1, 1)[1]
    for _, case in ipairs { { "compare: against must be a list of runs, not 5", 5 },
      { "compare: against must be a list of runs", {} }, { "compare: against must be a list of runs", folder } } do
      local done, message = pcall(mt.compare, folder, { against = case[2] })
      assert.is_false(done)
      assert.truthy(tostring(message):find(case[1], 1, true), tostring(message))
    end
    local columns = mt.trace.columns { { timestamp = 0, input_length = 1 } }
    local done, message = pcall(mt.compare, columns, columns, { against = { folder } })
    assert.is_false(done)
    assert.truthy(tostring(message):find("against", 1, true), tostring(message))
    assert.truthy(select(2, mt.compare(folder, { against = { "/nowhere" } })):find("/nowhere", 1, true))
  end)

  it("are printed with their spread, and are a gate", function()
    local folder = command.folder()
    local function place(name, opts) os.execute(("mv %s %s/%s"):format(runs.folder(opts), folder, name)) end
    for i = 1, 3 do
      place("a" .. i, { count = 400, load = 0.3, plan = i, seed = i })
      place("b" .. i, { count = 400, load = 0.3, plan = 9 + i, seed = 9 + i, slower = 1.3 })
    end
    local function compare(words) return command.line("compare " .. words, { folder = folder }) end
    local result = compare "a1 a2 a3 --against b1 b2 b3 --seed 4"
    assert.equal(0, result.status, result.err)
    for _, text in ipairs { "A1: a1: 400 requests due: 400 done; ", "\nA3: a3: ", "\nB2: b2: ",
      "\nMeans over 3 runs of A and 3 runs of B; spread is ", "\nShown to differ: " } do
      assert.truthy(result.out:find(text, 1, true), result.out)
    end
    assert.matches("\n +A, mean +spread +B, mean +spread +Difference +%% +95 %% interval *\n", result.out)
    assert.matches("\nInter Token Latency %(ms%) *\n  avg +[%d.]+ +± [%d.]+ +[%d.]+ +± [%d.]+ +%+[%d.]+ +%+[%d.]+ %% "
      .. "+%+[%d.]+ %.%. %+[%d.]+  shown to differ\n", result.out)
    local other_way = compare "--against b1 b2 b3 --seed 4 a1 a2 a3"
    assert.equal("", other_way.err)
    assert.equal(result.out, other_way.out)
    assert.equal(result.out, compare("a1 a2 a3 --against=b1 --against=b2 --against b3 --seed 4").out)
    local gate = compare "a1 a2 a3 --against b1 b2 b3 --fail-over itl.avg=+10%"
    assert.equal(1, gate.status)
    assert.truthy(gate.err:find("--fail-over: itl.avg of b1 and 2 more is over +10%: +", 1, true), gate.err)
    assert.truthy(gate.err:find("from a1 and 2 more, 95 % interval +", 1, true), gate.err)
    assert.equal(0, compare("a1 a2 a3 --against b1 b2 b3 --fail-over itl.avg=+60%").status)
    for words, message in pairs {
      ["a1"] = "compare: B (--second) is required",
      ["a1 --against"] = "compare: --against needs a value: --against RUN...",
      ["a1 --against t.jsonl"] = "is a trace and a1 a run",
      ["x.jsonl y.jsonl --against z.jsonl"] = "compare: --against is of runs, and these are traces",
    } do
      local refused = compare(words)
      assert.equal(2, refused.status, words)
      assert.truthy(refused.err:find(message, 1, true), refused.err)
    end
  end)
end)
