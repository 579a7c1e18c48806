-- moontide compare on runs, through the binary: real ones of the mock, and folders that are none.
local command = require "tests.support.command"
local json = require("moontide.base.json").public.json
local mock = require "tests.support.mock"
local runs = require "tests.support.runs"

local folder

local function compare(words, opts)
  opts = opts or {}
  opts.folder = folder
  return command.line("compare " .. words, opts)
end

local function refused(message, words, exit_status)
  command.refuses(compare(words), message, exit_status)
end

-- Runs a load, or `target`, against a mock of its own, into a folder of that name.
local function drive(name, mock_words, words, target)
  local server = mock.start(mock_words)
  command.line("steady --rate 100 --isl 40 --osl 4 --duration 2s -o load.jsonl", { folder = folder })
  local result = command.line(("replay %s --url http://127.0.0.1:%d --model m --warmup 0 --accept-invalid "
    .. "--output-dir %s %s"):format(target or "load.jsonl", server.port, name, words or ""), { folder = folder })
  server.finish "INT"
  assert.equal(0, result.status, result.err)
end

local function place(name, opts)
  os.execute(("mv %s %s/%s"):format(runs.folder(opts), folder, name))
end

local function has(text, part)
  assert.truthy(text:find(part, 1, true), part .. " is not in " .. text)
end

describe("moontide compare", function()
  before_each(function() folder = command.folder() end)
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("pairs runs of a script only when they had one seed", function()
    for name, seed in pairs { a = 0, b = 0, c = 1 } do
      drive(name, {}, ("--seed %d --duration 1s -- --rate 60 --isl 20 --osl 2"):format(seed), "steady")
    end
    has(compare("a b").out, "\nPaired by request: both sent the same ")
    has(compare("a c").out, "\nNot paired: they did not send the same requests (")
  end)

  it("compares real runs of one mock, and of a slower one", function()
    -- The share of alike runs that differ is tested where no machine disturbs them (tests/lua/compare_runs_spec.lua).
    for i = 1, 2 do drive("alike" .. i, { "--ttft", "lognormal:mean=200,cv=0.3", "--itl", "2", "--seed", i }) end
    drive("slower", { "--ttft", "lognormal:mean=800,cv=0.3", "--itl", "2", "--seed", "9" }, "--seed 1")
    local result = compare "alike1 alike2 --json"
    assert.equal(0, result.status)
    local pair = json.decode(result.out).comparisons[1]
    assert.is_true(pair.paired)
    assert.same({}, { next(pair.differing) == "url" and next(pair.differing, "url") or nil })
    local first_token = pair.metrics.time_to_first_token
    for _, name in ipairs { "avg", "p10", "p25", "p50", "p75", "p90", "p95", "p99" } do
      assert.is_boolean(first_token[name].is_shown)
    end
    assert.is_false(first_token.avg.is_shown and first_token.p50.is_shown)
    result = compare "alike1 slower"
    assert.equal(0, result.status, result.err)
    has(result.out, "A: alike1: ")
    has(result.out, "\nThe runs differ in: seed (0 | 1), url (")
    assert.matches("\nTime to First Token %(ms%) *\n  avg +[%d.]+ +[%d.]+ +%+[%d.]+ +%+[%d.,]+ %% +%+[%d.]+ %.%. %+[%d.]+  "
      .. "shown to differ\n", result.out)
    assert.matches("\nError Rate %(ratio%) +0.0000 +0.0000 ", result.out)
    assert.matches("\nShown to differ: %d+ of %d+ %(.*%)\n$", result.out)
    assert.equal(result.out, compare("alike1 slower").out)
    has(result.out, "\nPaired by request") -- a trace's requests are the same with any seed
  end)

  it("says that a run has found the cache of another; --reset-cache empties it", function()
    local server, lines = mock.start { "--ttft", "2", "--itl", "1", "--kv-blocks", "10000" }, {}
    for i = 1, 12 do
      lines[i] = ('{"timestamp": %d, "input_length": 600, "output_length": 2, "hash_ids": [%d, %d]}'):format(i * 10,
        2 * i, 2 * i + 1)
    end
    command.write(folder, "load.jsonl", table.concat(lines, "\n") .. "\n")
    for name, words in pairs { a = "--reset-cache", b = "", c = "--reset-cache" } do
      -- Whatever the order in which they run, b finds what is there.
      if name == "b" then
        command.line(("replay load.jsonl --url http://127.0.0.1:%d --model m --warmup 0 --accept-invalid"):format(
          server.port), { folder = folder })
      end
      local result = command.line(("replay load.jsonl --url http://127.0.0.1:%d --model m --warmup 0 --accept-invalid "
        .. "--output-dir %s %s"):format(server.port, name, words), { folder = folder })
      assert.equal(0, result.status, result.err)
      local told = ("moontide: the cache of http://127.0.0.1:%d was reset (/reset_prefix_cache)\n"):format(server.port)
      assert.equal(name ~= "b", result.err:find(told, 1, true) ~= nil, result.err)
    end
    local told = compare("a b").out
    assert.matches("\nThe servers' caches were not alike: 0.00 of A's prompt tokens came from a cache, and 0.9%d of B's: "
      .. "B may have found there what an earlier run had left, and be faster for it %(replay %-%-reset%-cache%)\n", told)
    assert.matches("and 0.00 of B's: A may have found", compare("b a").out)
    assert.equal(1, #json.decode(compare("a b --json").out).comparisons[1].cautions)
    assert.is_nil(compare("a c").out:find "caches were not alike")
    assert.same({}, json.decode(compare("a c --json").out).comparisons[1].cautions)
  end)

  it("is a gate", function()
    place("a", { count = 1000, load = 0.3, plan = 1, seed = 1 })
    place("b", { count = 1000, load = 0.3, plan = 1, seed = 2, slower = 1.2 })
    local function gate(bounds, exit_status, ...)
      local result = compare("a b --fail-over " .. bounds)
      assert.equal(exit_status, result.status, result.err)
      local count = 0
      for _, text in ipairs { ... } do
        has(result.err, text)
        count = count + 1
      end
      local _, lines = result.err:gsub("\n", "")
      assert.equal(count, lines, result.err)
    end
    gate("itl.avg=+30%,ttft=+1s,e2e.avg=+900", 0)
    gate("itl.avg=+10%", 1, "moontide: --fail-over: itl.avg of b is over +10%: +")
    gate("itl.avg=10%,ttft.p50=+1ms", 1, "itl.avg of b is over 10%: ", "ttft.p50 of b is over +1ms: ")
    gate("output_token_throughput=-50%,osl.avg=-1,error_rate=0.01", 0)
    gate("request_throughput=-0.0001%", 0, "request_throughput of b is over -0.0001%, but is not shown to differ: -")
    gate("hit_ratio=-0.1", 1, "--fail-over: hit_ratio: not both a and b have it")
    gate("goodput=-5%", 1, "goodput: not both a and b have it: it is counted by objectives (replay --slo)")
    local shorter = command.read(folder .. "/a/profile_export.jsonl"):gsub('("output_sequence_length": {"value": )(%d+)',
      function(before, tokens) return before .. tokens // 2 end)
    command.write(folder, "short/profile_export.jsonl", shorter)
    local result = compare "a short --fail-over osl.avg=-10%"
    assert.equal(1, result.status)
    has(result.err, "osl.avg of short is over -10%: -")
    local refusing = command.read(folder .. "/a/profile_export.jsonl"):gsub('"metrics": {[^\n]*',
      '"metrics": {}, "error": {"code": 503, "type": "overload_503", "message": ""}}', 125)
    command.write(folder, "refusing/profile_export.jsonl", refusing)
    local unanswered = "--fail-over: ttft.p99 is of the answered requests: of refusing 12.50 % were not answered, of a 0.00 %"
    has(compare("a refusing --fail-over ttft.p99=+100%").err, unanswered)
    for _, words in ipairs { "a refusing --fail-over ttft.p99=+100%,error_rate=+1", "refusing a --fail-over ttft.p99=+100%" } do
      assert.is_nil(compare(words).err:find("answered requests", 1, true), words)
    end
    result = compare "a b --fail-over itl.avg=+10% --json"
    assert.equal(1, result.status)
    assert.is_true(json.decode(result.out).comparisons[1].metrics.inter_token_latency.avg.is_shown)
  end)

  it("says that a run is invalid, and takes it at a gate only when told to", function()
    drive("a", { "--ttft", "5", "--itl", "1" }, "--duration 1s --limits lag_p50=0")
    local result = compare "a a"
    assert.equal(0, result.status)
    local due, done = result.out:match "^A: a: (%d+) requests due: (%d+) done; invalid %(schedule lag p50 is "
    assert.is_true(due == done and math.abs(due - 100) <= 40, result.out) -- of 200, those of one second
    has(result.out, "\nNothing differs in any request\n")
    result = compare "a a --fail-over ttft=+1%"
    assert.equal(1, result.status)
    has(result.err, "moontide: a is invalid (--accept-invalid takes it as it is)\n")
    assert.equal(0, compare("a a --fail-over ttft=+1% --accept-invalid").status)
  end)

  it("says when there are too few requests", function()
    place("a", { count = 7, load = 0.3, plan = 1, seed = 1 })
    place("b", { count = 9, load = 0.3, plan = 2, seed = 1, slower = 3 })
    local result = compare "a b --fail-over itl.avg=+10%"
    assert.equal(1, result.status)
    has(result.out, "\nNothing can be shown: an interval needs 8 requests of either run, and there are 7 and 9\n")
    assert.matches("\n  avg +[%d.]+ +[%d.]+ +%+[%d.]+ +%+[%d.]+ %% +N/A +not shown\n", result.out)
    has(result.err, "--fail-over: itl.avg: an interval needs 8 requests")
  end)

  it("refuses what it cannot compare", function()
    place("a", { count = 20, load = 0.3, plan = 1, seed = 1 })
    command.write(folder, "t.jsonl", '{"timestamp": 0, "input_length": 10, "output_length": 2, "hash_ids": [0]}\n')
    refused("compare: t.jsonl is a trace and a a run: compare traces with traces, runs with runs", "a t.jsonl", 2)
    refused("compare: - is a trace and a a run: compare traces with traces, runs with runs", "a -", 2)
    refused("compare: nothere is a trace and a a run: compare traces with traces, runs with runs", "a nothere", 2)
    refused("compare: --service is of traces, and these are runs", "a a --service ttft=1s", 2)
    refused("compare: --block-size is of traces, and these are runs", "a a --block-size 16", 2)
    refused("compare: --accept-invalid is of runs, and these are traces", "t.jsonl t.jsonl --accept-invalid", 2)
    refused("compare: --fail-over: there is no measure 'tfft.p99' (did you mean 'ttft'?)", "a a --fail-over tfft.p99=5%", 2)
    refused("compare: --fail-over: there is no statistic 'p98' (did you mean 'p90'?)", "a a --fail-over ttft.p98=5%", 2)
    refused("compare: --fail-over: ttft must be a difference (+5%, -10%, +20, +2s), not 'abc'", "a a --fail-over ttft=abc", 2)
    refused("compare: --fail-over: osl must be a difference (+5%, -10%, +20, +2s), not '2s'", "a a --fail-over osl=2s", 2)
    for _, bound in ipairs { "goodput=5%", "goodput=+5%" } do
      refused(("compare: --fail-over: %s is how far it may be above, and more of it is better: goodput=-5%% is how "
        .. "far it may be below"):format(bound), "a a --fail-over " .. bound, 2)
    end
    for name in ("ttft itl.avg e2e.p99 inter_chunk_latency.p99 latency_from_due error_rate"):gmatch "%S+" do
      refused(("compare: --fail-over: %s=-5%% is how far it may be below, and less of it is better: %s=+5%% is how "
        .. "far it may be above"):format(name, name), ("a a --fail-over %s=-5%%"):format(name), 2)
    end
    refused("compare: --fail-over must be MEASURE=DIFFERENCE (ttft.p99=+5%), not 'goodput>=5'",
      "a a --fail-over goodput>=5", 2)
    refused("compare: --fail-over must be MEASURE=DIFFERENCE (ttft.p99=+5%), not 'ttft'", "a a --fail-over ttft", 2)
    refused("compare: --fail-over: unknown measure 'ttft.p99' (it must be one of ks, hit_infinite, lru, "
      .. "ttl, fifo, clock, sieve, s3-fifo, lfu, random, optimum, tenths, roots, root_share, sessions, turns, turns.ks, "
      .. "think_time, think_time.ks, early, dispersion, input_tokens, output_tokens, input_length.ks, "
      .. "output_length.ks, context_length.ks)", "t.jsonl t.jsonl --fail-over ttft.p99=5", 2)
  end)

  it("refuses folders that are no whole run", function()
    place("a", { count = 20, load = 0.3, plan = 1, seed = 1 })
    os.execute("mkdir " .. folder .. "/other")
    refused("other: profile_export.jsonl is not there: this is no folder of a run's results", "a other")
    local text = command.read(folder .. "/a/profile_export.jsonl")
    command.write(folder, "half/profile_export.jsonl", text:sub(1, #text // 2))
    local result = compare "a half"
    assert.equal(1, result.status)
    assert.equal("", result.out)
    assert.matches("^moontide: half/profile_export.jsonl:%d+[^\n]*\n$", result.err)
    command.write(folder, "swept/sweep.json", "{}")
    refused("swept: profile_export.jsonl is not there: this is a sweep, whose levels have folders of their own "
      .. "(moontide report sets sweeps side by side)", "a swept")
    command.write(folder, "empty/profile_export.jsonl", "")
    refused("empty: no request was due in this run", "a empty")
    local failed = text:gsub('"metrics": {[^\n]*', '"metrics": {}, "error": {"code": 500, "type": "status_500", '
      .. '"message": "no"}}')
    command.write(folder, "failed/profile_export.jsonl", failed)
    refused("failed: no request was answered (status_500 20): there is nothing to compare", "a failed")
    local counted = text:gsub('"metrics": {[^\n]*',
      '"metrics": {"cached_tokens": {"value": 1, "unit": "tokens"}}, "error": null}')
    command.write(folder, "counted/profile_export.jsonl", counted)
    refused("a and counted have no metric in common", "a counted")
    command.write(folder, "own/profile_export.jsonl", text)
    command.write(folder, "own/profile_export_aiperf.json", '{"moontide_version": "1"}')
    result = compare "a own"
    assert.equal(1, result.status)
    assert.matches("^moontide: own: run.json is not there: ", result.err)
  end)

  it("takes traces from pipes as before, which it opens once", function()
    command.write(folder, "t.jsonl", '{"timestamp": 0, "input_length": 10, "output_length": 2, "hash_ids": [0]}\n')
    local result = command.shell('mkfifo p; cat t.jsonl >p & "$MOONTIDE" compare p t.jsonl --chance none', { folder = folder })
    assert.equal("", result.err)
    assert.equal(0, result.status)
    has(result.out, "A: p\nB: t.jsonl\n")
  end)
end)
