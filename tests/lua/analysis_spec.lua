local mt = require "moontide"

local data = os.getenv "MOONTIDE_DATA" or "../shared/data"
local conversation = data .. "/mooncake_conversation_trace.jsonl"

local function refusal(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return (tostring(message):gsub("^[^:]*:%d+: ", ""))
end

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
  it("runs in Lua 5.4", function() assert.equal("Lua 5.4", _VERSION) end)

  it("analyses columns", function()
    local result = mt.analyze(mt.trace.columns(requests()))
    assert.equal(5, result.requests)
    assert.equal(9, result.blocks)
    assert.equal(0, result.skipped)
    assert.same({ mean = 825, min = 1, p25 = 600, median = 1000, p75 = 1024, max = 1500,
      std = math.sqrt((175^2 + 675^2 + 225^2 + 199^2 + 824^2) / 5) }, result.metrics.input_length)
    assert.equal("integer", math.type(result.metrics.input_length.max))
    assert.equal(762, result.metrics.context_length.mean)
    assert.equal(1012, result.metrics.context_length.median)
    assert.equal(1076 / 4, result.metrics.unique_prompt_length.mean)
    assert.equal(30, result.metrics.output_length.median)
    assert.equal((2 / 3 + 1) / 4, result.metrics.theoretical_hit_rate.mean)
  end)

  it("prints as a table", function()
    local one = mt.trace.columns {
      { input_length = 1234567, output_length = 999, hash_ids = { 0 } },
    }
    assert.equal([[
                               Mean  Std Dev           Min           P25        Median           P75           Max
Input Length           1,234,567.00     0.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00
Context Length                 0.00     0.00          0.00          0.00          0.00          0.00          0.00
Unique Prompt Length   1,234,567.00     0.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00  1,234,567.00
Output Length                999.00     0.00        999.00        999.00        999.00        999.00        999.00
Theoretical Hit Rates          0.00     0.00          0.00          0.00          0.00          0.00          0.00]],
      tostring(mt.analyze(one, { block_size = 1 << 40 })))
  end)

  it("has no values where no request has ids", function()
    local result = mt.analyze(mt.trace.columns { { input_length = 5, output_length = 0 } })
    assert.same({}, result.metrics.theoretical_hit_rate)
    assert.matches("Theoretical Hit Rates +N/A +N/A +N/A +N/A +N/A +N/A +N/A$", tostring(result))
    local empty = '{"mean": null, "std": null, "min": null, "p25": null, "median": null, "p75": null, "max": null}'
    local five, zero = empty:gsub("null", "5"):gsub('"std": 5', '"std": 0'), empty:gsub("null", "0")
    assert.equal('{"requests": 1, "blocks": 0, "metrics": {"input_length": ' .. five ..
      ', "context_length": ' .. empty .. ', "unique_prompt_length": ' .. empty .. ', "output_length": ' .. zero ..
      ', "theoretical_hit_rate": ' .. empty .. "}}", mt.json.encode(result))
  end)

  it("gives the same from a path, a reader and columns", function()
    if not io.open(conversation) then return pending("no " .. conversation) end
    local result = assert(mt.analyze(conversation))
    assert.equal(12031, result.requests)
    assert.equal(6373.585487490649, result.metrics.context_length.mean)
    assert.same(result, mt.analyze(mt.trace.open(conversation)))
    assert.same(result, mt.analyze(mt.trace.read(conversation)))
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
    assert.equal("analyze: the trace must be a file's name, columns or a reader, not 5", refusal(mt.analyze, 5))
    assert.equal("analyze: block_size must be at least 1, not 0", refusal(mt.analyze, "x", { block_size = 0 }))
    assert.equal("analyze: unknown option 'blok_size' (did you mean 'block_size'?)",
      refusal(mt.analyze, "x", { blok_size = 1 }))
  end)
end)
