-- Adapters: what the built-in ones make of a request and of the events that their servers send (as their
-- documentation shows them), and adapters of one's own against the mock.
local command = require "tests.support.command"
local endpoint = require "moontide.drive.endpoint"
local mt = require "moontide"

-- The functions that a replay calls.
local function functions_of(name)
  local settings = { api = "chat" }
  local self = assert(endpoint.of { adapter = name })
  endpoint.apply(self, settings, "m")
  return settings, self
end

-- What is sent for a body of OpenAI's: the decoded body, and the path.
local function request(name, body, output)
  local settings, self = functions_of(name)
  local made = settings.request(mt.json.encode(body), { output_length = output, path = "/base" .. (self.path or "/x") })
  return mt.json.decode(made[1]), made[2] or "/base" .. (self.path or "/x")
end

local function event(name, text)
  return functions_of(name).event(text)
end

describe("the adapter", function()
  it("names are those of the folder", function()
    assert.same({ "llamacpp", "ollama", "openai", "sglang", "tgi", "triton" }, endpoint.names())
  end)

  it("openai", function()
    local body = { model = "m", messages = { { role = "user", content = "a" } }, max_tokens = 5, stream = true }
    assert.same(body, (request("openai", body, 5)))
    assert.equal(" a", event("openai", '{"choices":[{"delta":{"content":" a"},"finish_reason":null}]}').content)
    assert.is_true(event("openai", "[DONE]").done)
    assert.same({ prompt_tokens = 7, completion_tokens = 2, cached_tokens = 4 }, event("openai",
      '{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}').usage)
    assert.equal("no", event("openai", '{"error":{"message":"no","code":500}}').error.message)
  end)

  it("tgi", function()
    local body, path = request("tgi", { prompt = " a b", stream = true }, 7)
    assert.equal("/base/generate_stream", path)
    assert.same({ inputs = " a b", parameters = { max_new_tokens = 7, details = true } }, body)
    local said = event("tgi", '{"index":1,"token":{"id":5,"text":" x","logprob":-0.3,"special":false},'
      .. '"generated_text":null,"details":null}')
    assert.same({ " x", 1 }, { said.content, said.tokens })
    assert.is_nil(said.done)
    said = event("tgi", '{"index":2,"token":{"id":2,"text":"</s>","logprob":-0.3,"special":true},'
      .. '"generated_text":" x","details":{"finish_reason":"length","generated_tokens":2,"seed":null}}')
    assert.is_nil(said.content)
    assert.equal("length", said.finish)
    assert.same({ completion_tokens = 2 }, said.usage)
    assert.equal("Model is overloaded", event("tgi", '{"error":"Model is overloaded","error_type":"overloaded"}').error)
  end)

  it("ollama", function()
    local messages = { { role = "user", content = " a" } }
    local body, path = request("ollama", { messages = messages, stream = true }, 7)
    assert.equal("/base/api/chat", path)
    assert.same({ model = "m", messages = messages, stream = true, options = { num_predict = 7 } }, body)
    assert.equal("The", event("ollama",
      '{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"The"},"done":false}').content)
    local said = event("ollama", '{"model":"m","message":{"role":"assistant","content":""},"done_reason":"stop",'
      .. '"done":true,"total_duration":5,"prompt_eval_count":26,"eval_count":259}')
    assert.is_true(said.done)
    assert.is_nil(said.content)
    assert.same({ prompt_tokens = 26, completion_tokens = 259 }, said.usage)
    assert.equal("model 'm' not found", event("ollama", [[{"error":"model 'm' not found"}]]).error)
  end)

  it("llamacpp", function()
    local body, path = request("llamacpp", { prompt = { 1, 2 }, stream = true, ignore_eos = true }, 7)
    assert.equal("/base/completion", path)
    assert.same({ prompt = { 1, 2 }, n_predict = 7, ignore_eos = true, stream = true, cache_prompt = true,
      return_tokens = true }, body)
    local said = event("llamacpp", '{"index":0,"content":" a","tokens":[5,6],"stop":false,"id_slot":-1}')
    assert.same({ " a", 2, false }, { said.content, said.tokens, said.done })
    said = event("llamacpp", '{"index":0,"content":"","tokens":[],"stop":true,"tokens_predicted":7,"tokens_evaluated":2,'
      .. '"stop_type":"limit","timings":{"cache_n":1,"prompt_n":1}}')
    assert.is_true(said.done)
    assert.same({ prompt_tokens = 2, completion_tokens = 7, cached_tokens = 1 }, said.usage)
    assert.same({ message = "too long", status = 400 },
      event("llamacpp", '{"error":{"code":400,"message":"too long","type":"exceed_context_size_error"}}').error)
  end)

  it("sglang", function()
    local body, path = request("sglang", { prompt = { 1, 2 }, stream = true, ignore_eos = true, min_tokens = 7 }, 7)
    assert.equal("/base/generate", path)
    assert.same({ input_ids = { 1, 2 }, stream = true,
      sampling_params = { max_new_tokens = 7, min_new_tokens = 7, ignore_eos = true } }, body)
    local said = event("sglang", '{"text":" a b","meta_info":{"id":"x","finish_reason":null,"prompt_tokens":2,'
      .. '"completion_tokens":2,"cached_tokens":1}}')
    assert.equal(" a b", said.content)
    assert.is_false(said.finish)
    assert.same({ prompt_tokens = 2, completion_tokens = 2, cached_tokens = 1 }, said.usage)
    assert.is_true(event("sglang", '{"text":"","meta_info":{"finish_reason":{"type":"length","length":2}}}').finish)
    assert.is_true(event("sglang", "[DONE]").done)
    assert.same({ message = "The queue is full.", status = 503 }, event("sglang",
      '{"text":"","meta_info":{"finish_reason":{"type":"abort","message":"The queue is full.","status_code":503}}}').error)
  end)

  it("triton", function()
    local body, path = request("triton", { prompt = " a", stream = true, min_tokens = 7 }, 7)
    assert.equal("/base/v2/models/m/generate_stream", path)
    assert.same({ text_input = " a", max_tokens = 7, min_length = 7, stream = true }, body)
    local said = event("triton", '{"model_name":"m","model_version":"1","sequence_end":false,"text_output":" x"}')
    assert.same({ " x", 1 }, { said.content, said.tokens, said.done })
    assert.equal("no", event("triton", '{"error":"no"}').error)
  end)
end)

describe("driving with an adapter", function()
  local server
  before_each(function() server = assert(mt.mock { ttft = 10, itl = 2, kv_blocks = 1000 }) end)
  after_each(function()
    server:close()
    command.remove_folders()
  end)

  local load = mt.workload { duration = "1s", mt.stream { arrivals = mt.even(20), input = 100, output = 5 } }

  local function drive(more)
    local opt = { url = server.url, model = "any", warmup = 0 }
    for name, value in pairs(more or {}) do opt[name] = value end
    return assert(load:drive(opt))
  end

  it("measures what the driver measures by itself", function()
    for _, own in ipairs { {}, { api = "completions" }, { no_stream = true } } do
      local plain = drive(own)
      own.adapter = "openai"
      local adapted = drive(own)
      assert.same(plain.counts, adapted.counts)
      assert.equal(20, adapted.counts.done)
      for _, key in ipairs { "output_sequence_length", "input_sequence_length", "cached_tokens", "time_to_first_token",
        "inter_token_latency", "inter_chunk_latency", "read_lag" } do
        assert.equal(plain[key] ~= nil, adapted[key] ~= nil, key)
        if plain[key] then assert.equal(plain[key].count, adapted[key].count, key) end
      end
      assert.equal(plain.output_sequence_length and plain.output_sequence_length.avg,
        adapted.output_sequence_length and adapted.output_sequence_length.avg)
      if adapted.time_to_first_token then assert.is_true(adapted.time_to_first_token.min >= 10) end
    end
  end)

  it("may be a file, with path, headers and body of its own", function()
    local file = command.file([[
      local mt = require "moontide"
      return mt.endpoint {
        request = function(r)
          assert(r.model == "any" and r.input_length == 100 and r.output_length == 5 and r.number < 20 and r.extra)
          return { path = "/completions", headers = { ["X-Own"] = "a", "X-Other: b" },
            body = '{"prompt": [1, 2, 3], "max_tokens": 2, "stream": true, "stream_options": {"include_usage": true}}' }
        end,
      }]], "own.lua")
    local run = drive { adapter = file, url = server.url .. "/v1/completions" }
    assert.equal(20, run.counts.failed) -- the path comes after the URL's own
    run = drive { adapter = mt.endpoint { path = "/v1", request = function()
      return { path = "/v1/completions", headers = { ["X-Own"] = "a" },
        body = { prompt = { 1, 2, 3 }, max_tokens = 2, stream = true, stream_options = { include_usage = true } } }
    end } }
    assert.equal(20, run.counts.done)
    assert.equal(3, run.input_sequence_length.avg)
    assert.equal(2, run.output_sequence_length.avg)
  end)

  it("counts what an adapter says", function()
    local run = drive { adapter = mt.endpoint { event = function(text)
      return text:find '"content":"[^"]' and { content = "a", tokens = 3 } or nil
    end } }
    assert.equal(20, run.counts.done)
    assert.equal(15, run.output_sequence_length.min)
    run = drive { adapter = mt.endpoint { event = function() return { error = { message = "full", status = 503 } } end } }
    assert.equal(20, run.counts.failed)
    assert.same({ "overload_200", "full" }, { run.results.failures[1].name, run.results.failures[1].text })
    run = drive { adapter = mt.endpoint { event = function() return nil end } }
    assert.equal("no_content", run.results.failures[1].name)
  end)

  it("ends with what an adapter raises", function()
    for what, functions in pairs {
      ["boom"] = { event = function() error "boom" end },
      ["must return a table or nil, not a number"] = { event = function() return 5 end },
      ["bang"] = { request = function() error "bang" end },
      ["must return { body = ... }"] = { request = function() return {} end },
    } do
      local run = drive { adapter = mt.endpoint(functions), grace = 1 }
      assert.truthy(run.message:find(what, 1, true), run.message)
      assert.equal("callback", run.code)
      local counts = run.counts
      assert.equal(counts.due, counts.done + counts.failed + counts.cancelled + counts.not_sent)
      assert.equal(0, counts.done)
    end
  end)

  it("says what is no adapter", function()
    local opt = { url = server.url, model = "any" }
    local function refused(adapter, text, more)
      opt.adapter = adapter
      for name, value in pairs(more or {}) do opt[name] = value end
      local done, run, message = pcall(load.drive, load, opt)
      message = tostring(done and message or run)
      assert.is_true(not done or run == nil)
      assert.truthy(message:find(text, 1, true), message)
    end
    refused("tgj", "drive: adapter: there is no 'tgj' (did you mean 'tgi'?): there are llamacpp, ollama")
    refused("/nowhere/x.lua", "No such file or directory")
    refused(command.file("return 5", "x.lua"), "an adapter ends in return mt.endpoint{...}")
    refused(command.file("error 'boom'", "x.lua"), "boom")
    refused(command.file("return )", "x.lua"), "unexpected symbol")
    refused(5, "adapter must be an adapter's name, a file, or mt.endpoint{...}, not 5")
    refused("tgi", "drive: api: the adapter says by itself what prompts are made of", { api = "chat" })
    for text, given in pairs {
      ["endpoint: needs request"] = {}, ["endpoint: path must be a path"] = { path = "x" },
      ["endpoint: event must be a function"] = { event = 5 }, ["endpoint: unknown option 'evnt'"] = { evnt = print },
    } do
      local done, message = pcall(mt.endpoint, given)
      assert.is_false(done)
      assert.truthy(tostring(message):find(text, 1, true), tostring(message))
    end
  end)

  it("is an option of the command", function()
    local result = command.run { "replay", "steady", "--url", server.url, "--model", "any", "--adapter", "openai",
      "--duration", "1s", "--json", "--accept-invalid", "--", "--rate", "10", "--isl", "50", "--osl", "3" }
    assert.equal(0, result.status, result.err)
    assert.is_true(mt.json.decode(result.out).counts.done > 0)
    assert.equal(2, command.run({ "replay", "steady", "--url", server.url, "--model", "any", "--adapter", "none" }).status)
  end)
end)
