local mt = require "moontide"

local a_trace = require "tests.support.any"
local refusal = require "tests.support.refusal".text

local function names_of(result)
  local names = {}
  for i, finding in ipairs(result.findings) do names[i] = finding.name end
  return names
end

-- A clean trace: two sessions of whole prompts, blocks of 16.
local function clean()
  return {
    { timestamp = 0, input_length = 30, output_length = 5, hash_ids = { 0, 1 }, session_id = 1 },
    { timestamp = 20, input_length = 20, output_length = 5, hash_ids = { 0, 2 }, session_id = 2 },
    { timestamp = 9000, input_length = 70, output_length = 5, hash_ids = { 0, 3, 4, 5, 6 }, session_id = 1 },
    { timestamp = 9500, input_length = 60, output_length = 5, hash_ids = { 0, 7, 8, 9 }, session_id = 2 },
  }
end

describe("mt.lint", function()
  it("finds nothing in a clean trace", function()
    local result = mt.lint(mt.trace.columns(clean()))
    assert.same({}, result.findings)
    assert.equal(4, result.requests)
    assert.equal(16, result.block_size)
    assert.equal("cumulative", result.sessions)
    assert.equal("columns: 4 requests, blocks of 16 tokens, session rows are cumulative\nNothing contradicts itself.",
      tostring(result))
    assert.equal('{"requests": 4, "block_size": 16, "sessions": "cumulative", "findings": []}', mt.json.encode(result))
  end)

  it("finds that there is nothing, which nothing mends", function()
    local result = mt.lint(mt.trace.columns())
    assert.equal("empty_trace", result.findings[1].name)
    assert.is_nil(result.findings[2])
    assert.is_nil(result.block_size)
    local _, mended, left = result:mended()
    assert.same({ {}, { "empty_trace" } }, { mended, left })
    assert.same({}, mt.lint(mt.trace.columns(), { ignore = { "empty_trace" } }).findings)
  end)

  it("finds each contradiction, and mends it", function()
    local requests = clean()
    requests[2].timestamp = 10000
    requests[3].hash_ids = { 0, 3, 4, 5 }
    requests[4].hash_ids = { 7, 3, 8, 9 }
    requests[5] = { output_length = 1 }
    requests[6] = { timestamp = 10001, input_length = 0 }
    local result = mt.lint(mt.trace.columns(requests))
    assert.same({ "decreasing_times", "no_timestamp", "empty_prompts", "block_size", "session_rows", "two_parents" },
      names_of(result))
    local text = tostring(result)
    for _, part in ipairs {
      "columns: 6 requests, blocks of 16 tokens\n",
      "\ncolumns: timestamp 9000 is smaller than the 10000 before it\n  why:  ", "\n  mend: --sort\n",
      "4 hash ids for 70 tokens, which are 5 blocks of 16\n", "mend: --fit-ids --block-size 16\n",
      "hash id 3 follows 7, but before it follows 0\n", "\n  mend: --renumber",
      "mend: --where 'input_length ~= 0'\n", "no timestamp, and no earlier turn",
    } do assert.truthy(text:find(part, 1, true), part .. "\nin\n" .. text) end
    local trace, mended, left = result:mended()
    assert.same({ "decreasing_times", "empty_prompts", "block_size", "two_parents" }, mended)
    assert.same({ "no_timestamp", "session_rows" }, left)
    local after = mt.lint(trace)
    assert.same({ "no_timestamp" }, names_of(mt.lint(trace, { ignore = { "session_rows" } })))
    assert.equal(5, after.requests)
  end)

  it("takes a size that is given, and names a better one", function()
    local result = mt.lint(mt.trace.columns(clean()), { block_size = 512 })
    assert.same({ "block_size" }, names_of(result))
    assert.equal("2 hash ids for 30 tokens, which are 1 block of 512", result.findings[1].message)
    assert.equal("blocks have 16 tokens: that fits 4 of 4 prompts", result.findings[1].cause)
    assert.equal("--block-size 16", result.findings[1].mend)
    assert.same({}, mt.lint(mt.trace.columns(clean()), { block_size = 512, ignore = "block_size" }).findings)
    -- Mended in the size that fits: nothing changes.
    assert.same(clean()[3].hash_ids, result:mended():columns()[3].hash_ids)
  end)

  it("finds a size that is none of the usual ones", function()
    local columns = mt.trace.columns()
    for i = 1, 40 do
      local ids = {}
      for j = 1, (37 * i - 1) // 48 + 1 do ids[j] = 100 * i + j end
      columns:append { input_length = 37 * i, hash_ids = ids }
    end
    local result = mt.lint(columns)
    assert.same({}, result.findings)
    assert.equal(48, result.block_size)
    result = mt.lint(columns, { block_size = 512 })
    assert.equal("--block-size 48", result.findings[1].mend)
    assert.equal("blocks have 48 tokens: that fits 40 of 40 prompts", result.findings[1].cause)
  end)

  it("tells traces of two block sizes put together, and spoils neither", function()
    local columns = mt.trace.columns()
    for i = 1, 40 do
      local ids = {}
      for j = 1, (300 * i - 1) // (i % 3 == 0 and 128 or 512) + 1 do ids[j] = 1000 * i + j end
      columns:append { input_length = 300 * i, hash_ids = ids }
    end
    local result = mt.lint(columns)
    assert.same({ "block_size" }, names_of(result))
    assert.equal("traces with blocks of 512 and of 128 tokens were put together: every prompt fits one of them",
      result.findings[1].cause)
    assert.is_nil(result.findings[1].mend)
    local mended, done, left = result:mended()
    assert.same({ {}, { "block_size" } }, { done, left })
    assert.equal(8, #mended:columns()[3].hash_ids)
  end)

  it("tells session rows that count only what a turn adds", function()
    local delta = mt.trace.columns(clean()):sessions { to = "delta", block_size = 16 }
    local result = mt.lint(delta)
    assert.same({ "session_rows" }, names_of(result))
    assert.equal("2 of 2 later turns share no block with the turn before", result.findings[1].message)
    assert.equal("--sessions-to cumulative --block-size 16", result.findings[1].mend)
    local whole = result:mended():columns()
    for i, request in ipairs(clean()) do
      assert.equal(request.input_length, whole[i].input_length)
      assert.equal(#request.hash_ids, #whole[i].hash_ids)
    end
  end)

  it("tells seconds and ticks, and mends both", function()
    local columns = mt.trace.columns()
    local now = 0
    for i = 1, 400 do
      now = now + i * i % 37 / 60
      columns:append { timestamp = now // 1 * 1.0, input_length = 9000 }
    end
    local result = mt.lint(columns)
    assert.same({ "seconds", "quantised_clock" }, names_of(result))
    assert.truthy(result.findings[1].message
      :find "^as milliseconds the trace has %d+ requests and [%d.]+ million input tokens a second$")
    assert.truthy(result.findings[2].message:find "^the clock ticks every 1 s: 400 requests at %d+ instants$")
    local mended = result:mended(5)
    assert.same({}, mt.lint(mended).findings)
    assert.is_true(mended:columns()[400].timestamp > 100000)
    assert.equal(mended:columns()[9].timestamp, result:mended(5):columns()[9].timestamp)
    assert.not_equal(mended:columns()[9].timestamp, result:mended(6):columns()[9].timestamp)
  end)

  it("refuses what it does not know", function()
    local columns = mt.trace.columns()
    assert.truthy(refusal(mt.lint, columns, { ignore = { "order" } }):find "^lint: ignore must be one of empty_trace, ")
    assert.equal("lint: block_size must be at least 1, not 0", refusal(mt.lint, columns, { block_size = 0 }))
    assert.truthy(refusal(mt.lint, 5):find "the trace must be " .. a_trace .. " or a list of these, not 5$")
    local result, message, code = mt.lint "/nowhere/trace.jsonl"
    assert.is_nil(result)
    assert.equal("/nowhere/trace.jsonl: cannot open: No such file or directory", message)
    assert.equal("io", code)
  end)
end)
