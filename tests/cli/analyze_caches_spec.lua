-- Caches in `moontide analyze`: policies, ages, sizes in other units, what counts as a hit.
local command = require "tests.support.command"
local json = require("moontide").json

local folder

local function analyze(words)
  return command.run { "analyze", table.unpack(words) }
end

local function refused(message, words, exit_status)
  command.refuses(analyze(words), message, exit_status)
end

-- A trace of requests { seconds, ids... } with blocks of 10 tokens, all full.
local function trace(name, requests)
  local lines = {}
  for i, request in ipairs(requests) do
    lines[i] = ('{"timestamp": %d, "input_length": %d, "output_length": 1, "hash_ids": [%s]}\n'):format(
      request[1] * 1000, 10 * (#request - 1), table.concat(request, ", ", 2))
  end
  return command.write(folder, name, table.concat(lines))
end

local function result_of(words)
  local result = analyze { "--json", "--block-size", "10", table.unpack(words) }
  assert.equal("", (result.err:gsub("^moontide: %-%-sample: blocks are drawn with seed 0\n$", "")))
  assert.equal(0, result.status)
  return json.decode(result.out), result.out
end

-- One block each second.
local singles = { { 0, 0 }, { 1, 1 }, { 2, 0 }, { 3, 2 }, { 4, 0 }, { 5, 1 }, { 6, 2 } }

describe("moontide analyze, of caches", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("plays policies at each size", function()
    local path = trace("t.jsonl", singles)
    local result, text = result_of { path, "--policy", "optimum,fifo,lru,fifo", "--cache-sizes", "2,1,3,2" }
    local function hits(policy, size) return math.floor(result.hits[policy][size].block * 7 + 0.5) end
    assert.same({ 0, 2, 4 }, { hits("lru", "1"), hits("lru", "2"), hits("lru", "3") })
    assert.same({ 0, 1, 4 }, { hits("fifo", "1"), hits("fifo", "2"), hits("fifo", "3") })
    assert.same({ 2, 3, 4 }, { hits("optimum", "1"), hits("optimum", "2"), hits("optimum", "3") })
    assert.truthy(text:find('"fifo": {"1": {"block": 0, "request": 0, "token": 0, "within": 0, "across": 0}, "2"', 1, true))
    local shown = analyze { path, "--block-size", "10", "--policy", "lru,fifo,optimum", "--cache-sizes", "1,2" }
    assert.truthy(shown.out:find([[

Hit Ratio by Block, Cache of    lru   fifo  optimum
1 blocks                      0.000  0.000    0.286
2 blocks                      0.286  0.143    0.429
]], 1, true), shown.out)
  end)

  it("plays every policy, none above the optimum", function()
    local requests = {}
    for i = 1, 400 do requests[i] = { i, i * i % 23, 100 + i * i % 23, 200 + i * 7 % 60 } end
    local result = result_of { trace("t.jsonl", requests), "--cache-sizes", "10,30,60", "--policy",
      "lru,fifo,clock,sieve,s3-fifo,lfu,random,optimum" }
    local different = {}
    for policy, sizes in pairs(result.hits) do
      for size, figures in pairs(sizes) do
        assert.is_true(figures.block <= result.hits.optimum[size].block, policy .. size)
        assert.is_near(figures.block, figures.within + figures.across, 1e-12)
      end
      different[sizes["30"].block] = policy
    end
    local count = 0
    for _ in pairs(different) do count = count + 1 end
    assert.is_true(count >= 5)
  end)

  it("touches from the leaf on, so that leaves go first", function()
    -- From the root on [1] and then [2] push out the root of [0, 5]; from the leaf on they push out 5 and
    -- then 0, so that after one of them the root still hits.
    local path = trace("t.jsonl", { { 0, 0, 5 }, { 1, 1 }, { 2, 0, 5 } })
    assert.equal(0, result_of({ path, "--cache-sizes", "2" }).hits.lru["2"].block)
    assert.equal(1 / 5, result_of({ path, "--cache-sizes", "2", "--touch", "leaf" }).hits.lru["2"].block)
  end)

  it("has one figure for a cache that is touched from the leaf on, wherever it stands", function()
    -- Of [0, 5] a cache of 2 keeps 0 behind [1], a cache of 3 both.
    local path = trace("t.jsonl", { { 0, 0, 5 }, { 1, 1 }, { 2, 0, 5 } })
    local words = { path, "--cache-sizes", "1,2,3", "--touch", "leaf" }
    local result = result_of(words)
    assert.same({ ["1"] = 0, ["2"] = 1 / 5, ["3"] = 2 / 5 }, result.lru)
    for size, ratio in pairs(result.lru) do assert.equal(ratio, result.hits.lru[size].block) end
    assert.equal(3, result.blocks_for_90_percent)
    local shown = analyze { "--block-size", "10", table.unpack(words) }.out
    assert.matches("\n2 +0.167 +0.200 +0.200\n3 +0.333 +0.400 +0.400\n", shown)
    assert.matches("\nTouched from the last block of a request to the first, here and below\n\n3 distinct", shown)
    assert.is_nil(shown:find("Cache of  +lru"))
    local held = analyze { "--block-size", "10", "--expect", "hit_ratio.2>0.3", table.unpack(words) }
    assert.matches("^moontide: expected hit_ratio.2>0.3: hit_ratio.2 is 0.2, which is not so\n", held.err)
    assert.equal(1, held.status)
    local both = command.run { "compare", path, path, "--block-size", "10", "--touch", "leaf", "--policy",
      "lru", "--cache-sizes", "2" }
    assert.matches("\n  LRU, 2 blocks +0.2000 +0.2000 ", both.out)
    assert.is_nil(both.out:find("  lru, 2", 1, true))
  end)

  it("leaves out what vLLM computes again", function()
    local path = trace("t.jsonl", { { 0, 0, 1 }, { 1, 0, 1 }, { 2, 0, 1, 2 } })
    local all = result_of { path, "--cache-sizes", "9", "--policy", "fifo,lru" }
    local less = result_of { path, "--cache-sizes", "9", "--policy", "fifo,lru", "--hit-rule", "vllm" }
    for _, policy in ipairs { "fifo", "lru" } do
      assert.equal(4 / 7, all.hits[policy]["9"].block)
      assert.equal(3 / 7, less.hits[policy]["9"].block)
    end
    assert.equal(3 / 7, less.lru["9"])
    assert.equal(3 / 7, less.hit_infinite.token)
    assert.equal(3 / 7, less.hit_sessions.within + less.hit_sessions.across)
  end)

  it("forgets blocks by age, since use or since they were computed", function()
    local path = trace("t.jsonl", singles)
    local function hits(...)
      local ttl, counts = result_of({ path, "--ttl", "1s,2,3s,1h", ... }).ttl, {}
      for i, age in ipairs { "1", "2", "3", "3600" } do counts[i] = math.floor(ttl[age].block * 7 + 0.5) end
      return counts
    end
    assert.same({ 0, 2, 3, 4 }, hits())
    assert.same({ 0, 1, 2, 4 }, hits("--ttl-since", "write"))
    local shown = analyze { path, "--block-size", "10", "--ttl", "2500ms" }
    assert.truthy(shown.out:find([[

Without Limit, Used At Most  Hit Ratio by Request  by Block  by Token
2.5 s ago                                   0.286     0.286     0.286
]], 1, true), shown.out)
  end)

  it("takes sizes in tokens and bytes", function()
    local path = trace("t.jsonl", singles)
    local result = result_of { path, "--cache-sizes", "20tokens,0.03k tokens,4KB,1KiB", "--bytes-per-token", "0.1KB" }
    assert.same({ "1", "2", "3", "4" }, (function()
      local sizes = {}
      for size in pairs(result.lru) do sizes[#sizes + 1] = size end
      table.sort(sizes)
      return sizes
    end)())
    refused("analyze: --cache-sizes is in bytes (4KB), and what a token takes is not known (--bytes-per-token)",
      { path, "--cache-sizes", "4KB" }, 2)
    refused(path .. ": a cache of 9tokens has no room for a block of 10 tokens",
      { path, "--block-size", "10", "--cache-sizes", "9tokens" }, 1)
  end)

  it("says hits and working set over time", function()
    local path = trace("t.jsonl", { { 0, 0, 1 }, { 0, 0, 2 }, { 1, 0, 1 }, { 3, 0, 1, 5 } })
    local result, text = result_of { path, "--policy", "fifo,lru", "--cache-sizes", "3,2" }
    local bins = result.over_time
    assert.same({ 3, 2, json.null, 3 }, { bins[1].distinct_blocks, bins[2].distinct_blocks, bins[3].distinct_blocks,
      bins[4].distinct_blocks })
    assert.same({ ["2"] = 1 / 4, ["3"] = 1 / 4 }, bins[1].hits.lru)
    assert.same({ ["2"] = 1 / 2, ["3"] = 1 }, bins[2].hits.lru)
    assert.same({ lru = {}, fifo = {} }, bins[3].hits)
    assert.truthy(text:find('"hits": {"lru": {"2": 0.25, "3": 0.25}, "fifo": {"2": 0.25, "3": 0.25}}}', 1, true))
    assert.is_nil(result_of({ path }).over_time[1].hits)
  end)

  it("groups requests by a member", function()
    local lines = {}
    for i, model in ipairs { '"a"', '"b\\u00fc"', '"a"', "7", "" } do
      lines[i] = ('{"input_length": 20, "output_length": 1, "hash_ids": [0, %d]%s}\n'):format(i % 2 + 1,
        model == "" and "" or ', "x": {"model": 1}, "model": ' .. model .. ', "y": [1]')
    end
    local path = command.write(folder, "t.jsonl", table.concat(lines))
    local all = result_of({ path, "--by", "model", "--cache-sizes", "9" }).hits.lru["9"]
    local by = all.by
    assert.same({ 0.7, 0, 0.7 }, { all.block, all.within, all.across })
    assert.same({ requests = 2, blocks = 4, block = 0.5, request = 0.5, token = 0.5, within = 0, across = 0.5 }, by.a)
    assert.equal(1 / 2, by["b\u{fc}"].block)
    assert.equal(1, by["7"].block)
    assert.equal(1, by[""].block)
    local shown = analyze { path, "--block-size", "10", "--by", "model", "--cache-sizes", "9" }
    assert.matches("\nby model +Cache  Requests  Hit Ratio by Request  by Block  by Token\na +lru, 9 +2 +0.500", shown.out)
    assert.matches("\n%(none%) +lru, 9 +1 +1.000 +1.000 +1.000\n", shown.out)
    local many = {}
    for i = 1, 1001 do many[i] = ('{"input_length": 1, "output_length": 1, "session_id": %d}\n'):format(i) end
    refused("session_id has more than 1000 values: too many to group by",
      { command.write(folder, "many.jsonl", table.concat(many)), "--by", "session_id" }, 1)
  end)

  it("keeps in the next tier what one evicts", function()
    -- Sizes 1 and 1 of LRU are one cache of 2, in which block 0 hits twice, each time from below.
    local path = trace("t.jsonl", singles)
    local result, text = result_of { path, "--tiers", "1,1", "--policy", "lru,fifo" }
    assert.equal(2 / 7, result.tiers.lru.block)
    assert.same({ { size = 1, block = 0, moved_up = 0, moved_down = 0, evicted = 6 },
      { size = 1, block = 2 / 7, moved_up = 2, moved_down = 6, evicted = 3 } }, result.tiers.lru.tiers)
    assert.truthy(text:find('"tiers": {"lru": {"block": 0.2857142857142857, "request": 0.2857142857142857, ', 1, true))
    local shown = analyze { path, "--block-size", "10", "--tiers", "10tokens,1" }
    assert.truthy(shown.out:find([[

Tiers  Blocks  Hit Ratio by Block  Moved Up  Moved Down  Evicted
lru 1       1               0.000         0           0        6
lru 2       1               0.286         2           6        3
lru       all               0.286         2           6        3
Moved up: blocks that hit here and went to the first tier; moved down: that the tier above evicted
to this one; evicted: from this one, of the last tier for good
]], 1, true), shown.out)
  end)

  it("says once that the optimum has no tiers and no replicas", function()
    local path = trace("t.jsonl", singles)
    for _, words in ipairs { { "tiers", "1,1" }, { "replicas", "2" } } do
      local played = analyze { "--json", "--block-size", "10", path, "--" .. words[1], words[2], "--cache-sizes", "2",
        "--policy", "lru,optimum,optimum" }
      assert.equal("moontide: --" .. words[1] .. " does without optimum, which knows what comes: it is played only "
        .. "at the sizes of one cache\n", played.err)
      assert.equal(0, played.status)
      local result = json.decode(played.out)
      assert.truthy(result.hits.optimum["2"].block)
      assert.truthy(result[words[1]].lru)
      assert.is_nil(result[words[1]].optimum)
    end
  end)

  it("routes requests to replicas", function()
    local path = trace("t.jsonl", singles)
    -- In turns: 0, 0, 0, 2 go to the first, 1, 2, 1 to the second.
    local turns = result_of { path, "--replicas", "2", "--cache-sizes", "2,1" }
    assert.equal(2 / 7, turns.replicas.lru["1"]["2"].block)
    assert.equal(3 / 7, turns.replicas.lru["2"]["2"].block)
    assert.same({ { requests = 4, blocks = 4, block = 0.5 }, { requests = 3, blocks = 3, block = 1 / 3 } },
      turns.replicas.lru["2"]["2"].replicas)
    assert.equal(1, turns.replicas.lru["2"]["2"].imbalance)
    -- 0, 2 (to the one with least to compute, the first) and 1, as the caches hold them.
    local prefix = result_of { path, "--replicas", "2", "--cache-sizes", "2", "--route", "prefix" }
    assert.equal(4 / 7, prefix.replicas.lru["2"]["2"].block)
    assert.equal(4 / 3, prefix.replicas.lru["2"]["2"].imbalance)
    for _, route in ipairs { "session", "least-loaded" } do
      local played = result_of({ path, "--replicas", "3", "--cache-sizes", "2", "--route", route }).replicas.lru["2"]["3"]
      assert.equal(3, #played.replicas)
      assert.is_near(played.block, played.within + played.across, 1e-12)
    end
  end)

  it("sets numbers of replicas side by side", function()
    local path = trace("t.jsonl", singles)
    local words = { path, "--replicas", "4,1,2,2", "--cache-sizes", "2", "--route", "prefix", "--policy", "fifo,lru" }
    local result, text = result_of(words)
    assert.equal(result.hits.lru["2"].block, result.replicas.lru["2"]["1"].block)
    assert.equal(4, #result.replicas.fifo["2"]["4"].replicas)
    assert.truthy(text:find('"replicas": {"lru": {"2": {"1": {"block": ', 1, true))
    assert.matches('"replicas": {"lru": {"2": {"1": {.-}]}, "2": {.-}]}, "4": {.-}]}}}, "fifo": {"2": {', text)
    local shown = analyze { "--block-size", "10", table.unpack(words) }
    assert.truthy(shown.out:find([[

Replicas, prefix   Cache of Each  Hit Ratio by Block         of Each  Requests of Each  Imbalance
1                  lru, 2 blocks               0.286  0.286 to 0.286            7 to 7       1.00
2                  lru, 2 blocks               0.571  0.500 to 0.600            2 to 5       1.33
4                  lru, 2 blocks               0.571  0.500 to 0.667            0 to 3       1.33
1                 fifo, 2 blocks               0.143  0.143 to 0.143            7 to 7       1.00
2                 fifo, 2 blocks               0.571  0.500 to 0.600            2 to 5       1.33
4                 fifo, 2 blocks               0.571  0.500 to 0.667            0 to 3       1.33
Imbalance: what the replica with most to compute had, in parts of the mean
]], 1, true), shown.out)
  end)

  it("gives each replica the tiers", function()
    local path = trace("t.jsonl", singles)
    local words = { path, "--replicas", "1,2", "--tiers", "1,10tokens" }
    local result, text = result_of(words)
    assert.is_nil(result.tiers)
    local one = result_of({ path, "--tiers", "1,1" }).tiers.lru
    assert.same(one.tiers, result.replicas.lru["1,1"]["1"].tiers)
    -- In turns: 0, 0, 0, 2 go to the first, 1, 2, 1 to the second, whose last 1 hits in its second tier.
    local two = result.replicas.lru["1,1"]["2"]
    assert.equal(3 / 7, two.block)
    assert.same({ { size = 1, block = 2 / 7, moved_up = 0, moved_down = 0, evicted = 3 },
      { size = 1, block = 1 / 7, moved_up = 1, moved_down = 3, evicted = 0 } }, two.tiers)
    assert.same({ requests = 3, blocks = 3, block = 1 / 3, tiers = {
      { size = 1, block = 0, moved_up = 0, moved_down = 0, evicted = 2 },
      { size = 1, block = 1 / 3, moved_up = 1, moved_down = 2, evicted = 0 } } }, two.replicas[2])
    assert.truthy(text:find('"replicas": {"lru": {"1,1": {"1": {"block": ', 1, true))
    local shown = analyze { "--block-size", "10", table.unpack(words) }
    assert.truthy(shown.out:find([[

Replicas, round-robin  Cache of Each  Hit Ratio by Block         of Each  Requests of Each  Imbalance
1                       lru, 2 tiers               0.286  0.286 to 0.286            7 to 7       1.00
2                       lru, 2 tiers               0.429  0.333 to 0.500            3 to 4       1.00
Imbalance: what the replica with most to compute had, in parts of the mean

Replicas  Tiers of Each  Blocks of Each  Hit Ratio by Block         of Each  Moved Up  Moved Down  Evicted
1                 lru 1               1               0.000  0.000 to 0.000         0           0        6
1                 lru 2               1               0.286  0.286 to 0.286         2           6        3
2                 lru 1               1               0.286  0.000 to 0.500         0           0        3
2                 lru 2               1               0.143  0.000 to 0.333         1           3        0
Moved up: blocks that hit here and went to the first tier; moved down: that the tier above evicted
to this one; evicted: from this one, of the last tier for good
]], 1, true), shown.out)
  end)

  it("samples policies where the sample is large enough, with their errors", function()
    local requests = {}
    for i = 1, 3000 do
      requests[i] = { i, i * i % 1009, 2000 + i * i % 1009, 4000 + i * i % 1009, 10000 + i }
    end
    local path = trace("t.jsonl", requests)
    local words = { path, "--cache-sizes", "1000,2100", "--policy", "lru,fifo,clock,sieve,s3-fifo,lfu,random,optimum" }
    local whole = result_of(words).hits
    local played = analyze { "--json", "--block-size", "10", "--sample", "0.5", table.unpack(words) }
    assert.equal("moontide: --sample is of clock: lru, fifo, sieve, s3-fifo, lfu, random, optimum are played whole\n"
      .. "moontide: --sample: blocks are drawn with seed 0\n",
      played.err)
    local sampled = json.decode(played.out).hits
    for _, policy in ipairs { "lru", "fifo", "sieve", "s3-fifo", "lfu", "random", "optimum" } do
      assert.same(whole[policy], sampled[policy])
    end
    assert.same(whole.clock["1000"], sampled.clock["1000"])
    local error = sampled.clock["2100"].error
    assert.is_true(error.block > 0 and error.request > 0 and error.token > 0)
    assert.is_near(whole.clock["2100"].block, sampled.clock["2100"].block, 4 * error.block)
    local all = result_of { "--sample", "1", path, "--cache-sizes", "2100", "--policy", "clock" }.hits
    assert.is_near(whole.clock["2100"].block, all.clock["2100"].block, 1e-9)
    assert.is_near(0, all.clock["2100"].error.block, 1e-9)
    local shown = analyze { "--block-size", "10", "--sample", "0.5", path, "--cache-sizes", "2100",
      "--policy", "lru,clock,sieve,random" }
    assert.matches("\n2,100 blocks +0%.%d+ +0%.%d+ %+%- 0%.%d+ +0%.%d+ +0%.%d+\n%+%-: two standard errors",
      shown.out)
  end)

  it("plays whole what is not sampled, in either order of touching", function()
    local path = trace("t.jsonl", singles)
    local words = { "--json", "--block-size", "10", path, "--cache-sizes", "2", "--touch", "leaf" }
    local whole = analyze(words)
    local asked = analyze { "--sample", "0.1", table.unpack(words) }
    assert.equal(whole.out, asked.out)
    assert.equal("moontide: --sample is of clock: lru is played whole\n", asked.err)
  end)

  it("says when no request has the member to group by, and when times are no milliseconds", function()
    local path = trace("t.jsonl", singles)
    refused(path .. ": no request has modle (--by)", { path, "--block-size", "10", "--by", "modle" }, 1)
    command.refuses(command.run { "compare", path, path, "--block-size", "10", "--by", "modle" },
      ("no request of %s or %s has modle (--by)"):format(path, path), 1)
    local lines = {}
    for i = 1, 200 do
      lines[i] = ('{"timestamp": %d, "input_length": 20000, "output_length": 1}\n'):format(i)
    end
    path = command.write(folder, "sec.jsonl", table.concat(lines))
    assert.equal("moontide: warning: as milliseconds the timestamps make 20.1 million input tokens a second: "
      .. "'moontide lint' says what unit they look like\n", analyze({ path }).err)
  end)

  it("warns of a service whose times are seconds", function()
    local path = trace("t.jsonl", singles)
    local function warning(times) return analyze({ path, "--block-size", "10", "--service", times }).err end
    assert.equal("moontide: warning: a service with ttft=200: without a unit that is seconds (ttft=200ms: "
      .. "milliseconds)\n", warning "ttft=200")
    assert.matches("^moontide: warning: a service with per_token=20: ", warning "ttft=1,per_token=20")
    assert.equal("", warning "ttft=200ms,per_token=20ms")
    assert.equal("", warning "ttft=90s,per_token=0.02")
  end)

  it("refuses what it cannot do", function()
    for _, case in ipairs {
      { "--sample must be above 0, not 0", "--sample", "0" },
      { "--sample must be at most 1, not 1.5", "--sample", "1.5" },
      { "--route needs --replicas", "--route", "session" },
      { "--ttl-since needs --ttl", "--ttl-since", "write" },
      { "--bytes-per-token needs a size in bytes", "--bytes-per-token", "160KB", "--cache-sizes", "5" },
      { "--replicas must be between 1 and 4096, not 5000", "--replicas", "2,5000" },
      { "--sample is of policies: --tiers cannot be sampled", "--tiers", "5", "--sample", "0.1" },
      { "--sample is of policies: --replicas cannot be sampled", "--replicas", "5", "--sample", "0.1" },
      { "--replicas needs a policy that does not know what comes", "--replicas", "2", "--policy", "optimum" },
      { "--tiers needs a policy that does not know what comes", "--tiers", "2", "--policy", "optimum" },
      { "--replicas must be between 1 and 4096, not 0", "--replicas", "0" },
      { "--tiers must be at least 1, not 0", "--tiers", "5,0" },
      { "--tiers is in bytes (5GB), and what a token takes is not known (--bytes-per-token)", "--tiers", "5GB" },
      { "--tiers are at most 16, not 17", "--tiers", ("1,"):rep(16) .. "1" },
      { "--route must be one of round-robin, session, prefix, least-loaded, not 'x'", "--route", "x" },
    } do
      refused("analyze: " .. case[1], { trace("t.jsonl", singles), table.unpack(case, 2) }, 2)
    end
    local path = trace("t.jsonl", singles)
    refused("analyze: --policy must be one of lru, fifo, clock, sieve, s3-fifo, lfu, random, optimum, not 'mru' "
      .. "(did you mean 'lru'?)", { path, "--policy", "mru" }, 2)
    refused("analyze: --ttl must be at least 0, not -1", { path, "--ttl", "5s,-1" }, 2)
    refused("analyze: --touch must be one of root, leaf, not 'top'", { path, "--touch", "top" }, 2)
    refused("analyze: --hit-rule must be one of all, vllm, not 'some'", { path, "--hit-rule", "some" }, 2)
    refused("analyze: --ttl-since must be one of use, write, not 'x'", { path, "--ttl-since", "x" }, 2)
    refused("analyze: --bytes-per-token must be above 0, not 0", { path, "--bytes-per-token", "0" }, 2)
    refused("analyze: --bytes-per-token must be a number of bytes (160KB, 163840), not '160K'",
      { path, "--bytes-per-token", "160K" }, 2)
    refused("analyze: --cache-sizes must be sizes without commas in them (1000,20000), not '000'",
      { path, "--cache-sizes", "1,000" }, 2)
    refused("analyze: --cache-sizes must be blocks (1000, 20k), tokens (2Mtokens) or bytes (80GB), not '5 apples'",
      { path, "--cache-sizes", "5 apples" }, 2)
    local back = trace("back.jsonl", { { 5, 0 }, { 1, 0 } })
    refused(back .. ": ages need timestamps in order, and those of 1 request go back ('moontide cat --sort' puts "
      .. "them in order)", { back, "--block-size", "10", "--ttl", "5s" }, 1)
    local without = command.write(folder, "no.jsonl", '{"input_length": 5, "output_length": 1, "hash_ids": [0]}\n')
    refused(without .. ": ages need timestamps, which 1 of 1 request lacks", { without, "--ttl", "5s" }, 1)
  end)
end)
