local mt = require "moontide"

local a_trace = require "tests.support.any"
local conversation, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"

local refusal = require "tests.support.refusal".text

local function requests()
  return {
    { input_length = 1000, output_length = 10, hash_ids = { 0, 1 } },
    { input_length = 1500, output_length = 20, hash_ids = { 0, 1, 2 } },
    { input_length = 600, output_length = 30, hash_ids = { 3, 4 } },
    { input_length = 1024, output_length = 40, hash_ids = { 0, 1 } },
    { input_length = 1, output_length = 50 },
  }
end

describe("mt.analyze", function()
  it("analyses columns", function()
    local result = mt.analyze(mt.trace.columns(requests()))
    assert.equal(5, result.requests)
    assert.equal(9, result.blocks)
    assert.equal(0, result.skipped)
    assert.same({ mean = 825, min = 1, p25 = 600, median = 1000, p75 = 1024, max = 1500,
      p90 = 1024 + 0.6 * 476, p95 = 1024 + 0.8 * 476, p99 = 1024 + 0.96 * 476,
      std = math.sqrt((175^2 + 675^2 + 225^2 + 199^2 + 824^2) / 5) }, result.metrics.input_length)
    assert.equal("integer", math.type(result.metrics.input_length.max))
    assert.equal(762, result.metrics.context_length.mean)
    assert.equal(1012, result.metrics.context_length.median)
    assert.equal(1076 / 4, result.metrics.unique_prompt_length.mean)
    assert.equal(30, result.metrics.output_length.median)
    assert.equal((2 / 3 + 1) / 4, result.metrics.theoretical_hit_rate.mean)
  end)

  -- luacheck: no max line length
  it("prints as a table", function()
    local one = mt.trace.columns {
      { input_length = 1234567, output_length = 999, hash_ids = { 0 } },
    }
    assert.equal([[
                               Mean  Std Dev           Min           P25        Median           P75           P90           P95           P99           Max
Input Length           1,234,567.00     0.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00
Context Length                 0.00     0.00          0.00          0.00          0.00          0.00          0.00          0.00          0.00          0.00
Unique Prompt Length   1,234,567.00     0.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00
Output Length                999.00     0.00        999.00        999.00        999.00        999.00        999.00        999.00        999.00        999.00
Theoretical Hit Rates          0.00     0.00          0.00          0.00          0.00          0.00          0.00          0.00          0.00          0.00]],
      tostring(mt.analyze(one, { block_size = 1 << 40 })))
  end)

  it("has no values where no request has ids", function()
    local result = mt.analyze(mt.trace.columns { { input_length = 5, output_length = 0 } })
    assert.same({}, result.metrics.theoretical_hit_rate)
    assert.matches("Theoretical Hit Rates +N/A +N/A +N/A +N/A +N/A +N/A +N/A +N/A +N/A +N/A$", tostring(result))
    local empty = '{"mean": null, "std": null, "min": null, "p25": null, "median": null, "p75": null, '
      .. '"p90": null, "p95": null, "p99": null, "max": null}'
    local five, zero = empty:gsub("null", "5"):gsub('"std": 5', '"std": 0'), empty:gsub("null", "0")
    assert.equal('{"requests": 1, "blocks": 0, "metrics": {"input_length": ' .. five ..
      ', "context_length": ' .. empty .. ', "unique_prompt_length": ' .. empty .. ', "output_length": ' .. zero ..
      ', "theoretical_hit_rate": ' .. empty .. '}, "distinct_blocks": 0, "hit_infinite": null, "hit_sessions": null, ' ..
      '"lru": null, "hits": null, "blocks_for_90_percent": null, "reuse_time": null, "prefixes": null, "sessions": null, ' ..
      '"over_time": null, "arrivals": null, "dispersion": null, "clock": null}', mt.json.encode(result))
    assert.is_nil(result.hit_infinite)
    assert.is_nil(result:hit_ratio(100))
    assert.is_nil(result:plot())
  end)

  it("gives the same from a path, a reader and columns", function()
    if missing then return pending(missing) end
    local result = assert(mt.analyze(conversation))
    assert.equal(12031, result.requests)
    assert.equal(6373.585487490649, result.metrics.context_length.mean)
    assert.same(result, mt.analyze(mt.trace.open(conversation)))
    assert.same(result, mt.analyze(mt.trace.read(conversation)))
    assert.same(result, mt.analyze(mt.trace.pipe(conversation)))
  end)

  it("analyses a pipe as the columns that it would give", function()
    local path = os.tmpname()
    assert(mt.trace.columns(requests()):write(path))
    local late = mt.trace.pipe(path):where "input_length > 100":speed(2)
    assert.same(mt.analyze(late:columns()), mt.analyze(late))
    assert.equal(mt.analyze(late).requests, mt.compare(path, late).requests[2])
    assert.equal(path .. ", where, speed", mt.compare(path, late).traces[2])
    local result, message, code = mt.analyze(mt.trace.pipe(path):where "input_lenght > 100")
    assert.is_nil(result)
    assert.equal(path .. ":1: where: attempt to compare number with nil (this request has no input_lenght "
      .. "(did you mean 'input_length'?))", message)
    assert.equal("callback", code)
    assert(io.open(path, "a")):write("junk\n"):close()
    result, message = mt.analyze(mt.trace.pipe(path):speed(2))
    assert.is_nil(result)
    assert.truthy(message:find(":6:1: expected a request", 1, true))
    result = mt.analyze(mt.trace.pipe(path, { skip_bad_lines = true }):speed(2))
    assert.same({ 5, 1 }, { result.requests, result.skipped })
    os.remove(path)
    assert.truthy(select(2, mt.compare(path, mt.trace.pipe(path))):find "cannot open")
  end)

  it("analyses what is left in a reader", function()
    local path = os.tmpname()
    assert(mt.trace.columns(requests()):write(path))
    local reader = mt.trace.open(path)
    reader()
    reader()
    local result = mt.analyze(reader)
    assert.equal(3, result.requests)
    assert.equal(0, result.metrics.theoretical_hit_rate.max)
    os.remove(path)
  end)

  it("gives the hit ratio at every size, weighted in three ways", function()
    local result = mt.analyze(mt.trace.columns(requests()))
    local by_block = { [0] = 0, 0, 2 / 9, 2 / 9, 2 / 9, 4 / 9, 4 / 9 }
    for size, ratio in pairs(by_block) do
      assert.equal(ratio, result:hit_ratio(size))
      assert.equal(ratio, result:hit_ratio(size + 0.5, "block"))
    end
    assert.equal(4 / 9, result:hit_ratio(math.huge))
    assert.equal(4 / 9, result:hit_ratio(1e300))
    assert.is_near(2 / 3 / 4, result:hit_ratio(4, "request"), 1e-12)
    assert.is_near((2 / 3 + 1) / 4, result:hit_ratio(5, "request"), 1e-12)
    assert.equal(2048 / 4124, result:hit_ratio(5, "token"))
    assert.same({ 1, 0.0 }, result.lru[1])
    assert.same({ 5, 4 / 9 }, result.lru[4])
    assert.equal(4, #result.lru)
    assert.equal(5, result.blocks_for_90_percent)
    assert.same({ request = result:hit_ratio(5, "request"), block = 4 / 9, token = 2048 / 4124 }, result.hit_infinite)
    assert.same({ within = 2 / 9, across = 2 / 9 }, result.hit_sessions)
    assert.equal(5, result.distinct_blocks)
    assert.equal("hit_ratio: the size must be at least 0, not -1", refusal(result.hit_ratio, result, -1))
    assert.equal("hit_ratio: the weight must be one of block, request, token, not 'blocks' (did you mean 'block'?)",
      refusal(result.hit_ratio, result, 1, "blocks"))
    assert.equal("hit_ratio: the analysis must be what mt.analyze gave (analysis:hit_ratio), not 5",
      refusal(result.hit_ratio, 5))
  end)

  it("knows the hit ratios of more caches than go in one pass", function()
    local list, sizes = requests(), {}
    for i = 1, 150 do sizes[i] = i end
    for _, request in ipairs(list) do request.timestamp = nil end -- no hits over time
    local result = mt.analyze(mt.trace.columns(list), { cache_sizes = sizes })
    assert.equal(150, #result.lru)
    for i = 1, 150 do
      assert.equal(result:hit_ratio(i), result.hits.lru[i].block)
      assert.is_near(result:hit_ratio(i, "request"), result.hits.lru[i].request, 1e-15)
    end
    assert.is_true(result.hits.lru[150].block > 0)
  end)

  it("knows the hit ratios of the conversation trace", function()
    if missing then return pending(missing) end
    local result = mt.analyze(conversation, { cache_sizes = { 30000, 1000, 30000 } })
    assert.is_near(0.38425808746366197, result.hit_infinite.request, 1e-12)
    assert.is_near(0.366, result.hit_infinite.block, 0.0005)
    assert.is_near(0.374, result.hit_infinite.token, 0.0005)
    assert.equal(2, #result.lru)
    assert.same({ 30000, result:hit_ratio(30000) }, result.lru[2])
    assert.is_near(0.326, result.lru[2][2], 0.0005)
    assert.is_near(0.211, result:hit_ratio(10000), 0.0005)
    assert.is_near(result.hit_infinite.block, result.hit_sessions.within + result.hit_sessions.across, 1e-12)
    local least = result.blocks_for_90_percent
    assert.is_true(result:hit_ratio(least) >= 0.9 * result.hit_infinite.block)
    assert.is_true(result:hit_ratio(least - 1) < 0.9 * result.hit_infinite.block)
    assert.same({ requests = 12031, share = 1.0, blocks = 1, tokens = 512 }, result.prefixes[1])
    assert.same({ period = 3, offset = 0, instants = 1180 }, result.clock)
    local requests_in_bins = 0
    for _, bin in ipairs(result.over_time) do requests_in_bins = requests_in_bins + bin.requests end
    assert.equal(12031, requests_in_bins)
    assert.equal(12, #result.over_time)
  end)

  it("draws the hit ratio against the cache's size", function()
    local picture = tostring(mt.analyze(mt.trace.columns(requests())):plot())
    assert.matches("^Hit ratio by block of an LRU cache, by its size\n", picture)
    assert.matches("blocks$", picture)
  end)

  it("counts turns and think times by session_id, and infers them where there is none", function()
    local columns = mt.trace.columns {
      { timestamp = 0, input_length = 600, output_length = 1, hash_ids = { 0, 1 }, session_id = "a" },
      { timestamp = 1000, input_length = 600, output_length = 1, hash_ids = { 0, 2 }, session_id = "b" },
      { timestamp = 4000, input_length = 1100, output_length = 1, hash_ids = { 0, 1, 3 }, session_id = "a" },
      { delay = 2000, input_length = 5, output_length = 1, session_id = "b" },
      { timestamp = 9000, input_length = 600, output_length = 1, hash_ids = { 8, 9 } },
    }
    local sessions = mt.analyze(columns).sessions
    assert.equal(3, sessions.count)
    assert.equal(4, sessions.given)
    assert.equal(1, sessions.single)
    assert.equal(2, sessions.turns.max)
    assert.same({ 2, 3, 4 }, { sessions.think_time.min, sessions.think_time.mean, sessions.think_time.max })
    assert.matches("\n3 sessions %(session_id of 4 requests, the rest inferred%), 1 of one turn\n",
      mt.analyze(columns):report())
  end)

  it("begins a session where a prompt falls back, which goes on in a model, as both say", function()
    local columns = mt.trace.columns {
      { timestamp = 0, input_length = 1024, output_length = 1, hash_ids = { 1, 2 } },
      { timestamp = 1000, input_length = 2048, output_length = 1, hash_ids = { 1, 2, 3, 4 } },
      { timestamp = 2000, input_length = 1536, output_length = 1, hash_ids = { 1, 2, 3 } },
    }
    local analysis, model = mt.analyze(columns), assert(mt.learn(columns)):describe()
    assert.equal(2, analysis.sessions.count)
    assert.equal(1, model.chains)
    assert.matches("Where a prompt falls back a little, as a compacted one, another session begins; a model of 'learn'",
      analysis:report(), 1, true)
    assert.matches("a session goes on where its prompt falls back a little; 'analyze' begins another", tostring(model), 1,
      true)
  end)

  it("says the rate over time, whatever the times", function()
    local function over_time(times)
      local columns = mt.trace.columns()
      for _, time in ipairs(times) do columns:append { timestamp = time, input_length = 1, output_length = 1 } end
      return mt.analyze(columns).over_time
    end
    assert.same({ { start = 0, requests = 3, blocks = 0, rate = 3.0 }, { start = 1, requests = 1, blocks = 0 } },
      over_time { 0, 10, 500, 1999 })
    assert.equal(1, #over_time { 5 })
    local day = over_time { 0, 86400000 }
    assert.same({ 13, 7200, 86400 }, { #day, day[2].start, day[13].start })
    local since_1970 = over_time { 1700000000000, 1700000060000 }
    assert.same({ 13, 1700000000 }, { #since_1970, since_1970[1].start })
    local years = over_time { 0, 5 * 365 * 86400000 }
    assert.is_true(#years <= 20 and years[#years].requests == 1)
    for days, width in pairs { [19] = 1, [20] = 2, [39] = 2, [40] = 3, [59] = 3, [60] = 4 } do
      local bins = over_time { 0, days * 86400000 }
      assert.same({ days // width + 1, 86400 * width }, { #bins, bins[2].start })
    end
  end)

  it("reports a trace that cannot be analysed", function()
    assert.same({ nil, "/nowhere/x: cannot open: No such file or directory", "io" }, { mt.analyze "/nowhere/x" })
    assert.same({ nil, "columns: no requests", "input" }, { mt.analyze(mt.trace.columns()) })
    local list = requests()
    list[3].output_length = nil
    assert.same({ nil, "request 3: output_length is missing, and the analysis needs it", "input" },
      { mt.analyze(mt.trace.columns(list)) })
    local result = mt.analyze(mt.trace.columns(list), { skip_bad_lines = true })
    assert.equal(4, result.requests)
    assert.equal(1, result.skipped)
    assert.equal("request 3: output_length is missing, and the analysis needs it", result.first_skipped)
  end)

  it("refuses wrong arguments", function()
    assert.equal("analyze: the trace must be " .. a_trace .. " or a list of these, not 5", refusal(mt.analyze, 5))
    assert.equal("analyze: block_size must be at least 1, not 0", refusal(mt.analyze, "x", { block_size = 0 }))
    assert.equal("analyze: cache_sizes must be at least 1, not 0", refusal(mt.analyze, "x", { cache_sizes = { 0 } }))
    assert.equal("analyze: cache_sizes must be a list of at least one value, not a table",
      refusal(mt.analyze, "x", { cache_sizes = {} }))
    assert.equal("analyze: unknown option 'blok_size' (did you mean 'block_size'?)",
      refusal(mt.analyze, "x", { blok_size = 1 }))
  end)
end)
