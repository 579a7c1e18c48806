-- Embeddings: the adapter and the mock's API, ids and words, over both transports; what has no tokens has no TTFT.
local command = require "tests.support.command"
local endpoint = require "moontide.drive.endpoint"
local mt = require "moontide"

local json = mt.json

describe("embeddings", function()
  local server
  after_each(function()
    if server then server:close() end
    server = nil
    command.remove_folders()
  end)

  local function drive(more)
    local opt = { url = server.url, model = "tide", warmup = 1, adapter = "embeddings" }
    for name, value in pairs(more or {}) do opt[name] = value end
    local load = mt.workload { duration = "1s", mt.stream { arrivals = mt.even(12), input = 40 } }
    return assert(load:drive(opt))
  end

  it("have a latency and an input length, and nothing that is of tokens", function()
    server = assert(mt.mock { ttft = 20, itl = 500, prefill_per_token = "0.1ms", model = "tide" })
    for _, more in ipairs { { transport = "direct" }, { transport = "curl" }, { text = true }, { concurrency = 3 } } do
      more.output_dir = command.folder() .. "/out"
      more.extra = { dimensions = 64 }
      local run = drive(more)
      assert.same({ 12, 12 }, { run.counts.due, run.counts.done })
      assert.is_true(run.request_latency.min >= 24) -- 20 ms and 0.1 ms a token of the prompt, no answer after it
      assert.is_true(run.request_latency.p50 < 400)
      assert.same({ 40, 40 }, { run.input_sequence_length.min, run.input_sequence_length.max })
      for _, key in ipairs { "time_to_first_token", "inter_token_latency", "inter_chunk_latency", "output_sequence_length",
        "cached_tokens", "output_length_difference" } do
        assert.is_nil(run[key], key)
      end
      assert.equal(0, run:measure "output_token_throughput")
      assert.equal(12, run.results.usage_said)
      local text = tostring(run)
      assert.falsy(text:find("first token", 1, true) or text:find("usage", 1, true), text)
      assert.equal(text, tostring(assert(mt.run_of(run.folder))))
      local body = json.decode(command.read(run.folder .. "/inputs.json")).data[1].payloads[1]
      assert.equal("tide", body.model)
      assert.equal(64, body.dimensions)
      assert.equal(more.text and "string" or "table", type(body.input))
      assert.is_nil(body.stream or body.max_tokens or body.prompt or body.min_tokens)
    end
  end)

  it("fail by the names of what goes wrong", function()
    for fault, name in pairs { error_event = "error_event", no_content = "no_content", status_500 = "status_500",
      malformed = "malformed", reset_mid_stream = "reset_mid_stream", overload = "overload_503" } do
      server = assert(mt.mock { ttft = 1, fail = { [fault] = 1 } })
      local run = drive { warmup = 0, num_requests = 4 }
      assert.same({ 0, 4 }, { run.counts.done, run.counts.failed }, fault)
      assert.same({ 1, name }, { #run.results.failures, run.results.failures[1].name })
      server:close()
    end
  end)

  it("are what the API says, null or absent", function()
    local event = assert(endpoint.of { adapter = "embeddings" }).event
    assert.same({ whole = true, usage = { prompt_tokens = 7 } }, event [[{"object":"list","data":[{"object":"embedding",
      "index":0,"embedding":[0.1,-0.2]}],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7},"error":null}]])
    assert.same({ whole = true, usage = {} }, event '{"data":[{"embedding":"AACAPw=="}],"usage":null}')
    assert.same({ whole = false, usage = {} }, event '{"data":[]}')
    assert.same({ whole = false, usage = {} }, event '{"data":null}')
    assert.same({ error = "no" }, event '{"error":"no"}')
    assert.has_error(function() event "<html>" end)
  end)

  it("of a server that does not count are said to be as long as planned", function()
    server = assert(mt.mock { ttft = 1 })
    local run = drive { num_requests = 3, adapter = mt.endpoint { api = { "tokens", "text" }, path = "/v1/embeddings",
      stream = false, request = function(r) return { body = { model = r.model, input = r.prompt } } end,
      event = function() return { whole = true } end } }
    assert.same({ 3, 0 }, { run.counts.done, run.results.usage_said })
    assert.equal(40, run.input_sequence_length.avg)
    assert.truthy(tostring(run):find("3 answers came without the server's count of tokens", 1, true))
  end)

  it("need an API of ids or words", function()
    for _, given in ipairs { { "tokens" }, { "text", "tokens" }, { "chat", "text" }, {}, 5, "words" } do
      local done, message = pcall(mt.endpoint, { path = "/x", api = given })
      assert.is_false(done)
      assert.truthy(tostring(message):find("endpoint: api must be", 1, true), tostring(message))
    end
    local result = command.run { "replay", "steady", "--url", "http://127.0.0.1:1", "--model", "m", "--adapter",
      "tgi", "--text" }
    assert.equal(2, result.status)
    assert.truthy(result.err:find("the adapter says by itself what prompts are made of", 1, true), result.err)
    result = command.run { "replay", "steady", "--url", "http://127.0.0.1:1", "--model", "m", "--text" }
    assert.equal(2, result.status)
    assert.truthy(result.err:find("--text goes with --api completions", 1, true), result.err)
  end)
end)
