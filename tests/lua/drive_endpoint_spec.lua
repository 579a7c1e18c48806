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
    assert.same({ "anthropic", "embeddings", "gemini", "llamacpp", "ollama", "openai", "responses", "sglang", "tgi",
      "triton" }, endpoint.names())
  end)

  -- A conversation with tools, as a row's own messages may be.
  local asked = { role = "assistant", content = mt.json.null,
    tool_calls = { { id = "c1", type = "function", ["function"] = { name = "look", arguments = '{"at":1}' } } } }
  local agent = { { role = "system", content = "be brief" }, { role = "user", content = "a" }, asked,
    { role = "tool", tool_call_id = "c1", content = "found" } }
  local look = { name = "look", description = "looks", parameters = { type = "object" } }
  local tools = { { type = "function", ["function"] = look } }

  it("anthropic", function()
    local body, path = request("anthropic", { messages = agent, tools = tools, stream = true, max_tokens = 7,
      min_tokens = 7, ignore_eos = true, stream_options = { include_usage = true }, temperature = 0 }, 7)
    assert.equal("/base/v1/messages", path)
    assert.same({ model = "m", max_tokens = 7, stream = true, system = "be brief", temperature = 0,
      tools = { { name = "look", description = "looks", input_schema = { type = "object" } } },
      messages = { { role = "user", content = "a" },
        { role = "assistant", content = { { type = "tool_use", id = "c1", name = "look", input = { at = 1 } } } },
        { role = "user", content = { { type = "tool_result", tool_use_id = "c1", content = "found" } } } } }, body)
    local settings = functions_of "anthropic"
    assert.same({ "anthropic-version: 2023-06-01" },
      settings.request('{"messages":[]}', { path = "/v1/messages" })[3])
    local said = event("anthropic", '{"type":"message_start","message":{"id":"x","content":[],"usage":{"input_tokens":3,'
      .. '"cache_creation_input_tokens":20,"cache_read_input_tokens":400,"output_tokens":1}}}')
    assert.same({ prompt_tokens = 423, cached_tokens = 400 }, said.usage)
    assert.same({}, event("anthropic", '{"type":"message_start","message":{"usage":{"input_tokens":0,"output_tokens":0}}}').usage)
    assert.equal(" a", event("anthropic",
      '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" a"}}').content)
    assert.equal("{", event("anthropic",
      '{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{"}}').content)
    said = event("anthropic", '{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}')
    assert.same({ "hm", nil }, { said.reasoning, said.content })
    for _, nothing in ipairs { '{"type":"ping"}', '{"type":"content_block_stop","index":0}',
      '{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"x"}}' } do
      said = event("anthropic", nothing)
      assert.same({ nil, nil, nil, false }, { said.content, said.reasoning, said.usage, said.finish })
    end
    said = event("anthropic", '{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":15}}')
    assert.same({ true, { completion_tokens = 15 } }, { said.finish, said.usage })
    said = event("anthropic", '{"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":15,'
      .. '"cache_read_input_tokens":400}}') -- as SGLang, whose message_start has told the input
    assert.same({ false, { completion_tokens = 15, cached_tokens = 400 } }, { said.finish, said.usage })
    assert.is_true(event("anthropic", '{"type":"message_stop"}').done)
    assert.same({ message = "Overloaded", status = 529 }, event("anthropic",
      '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}').error)
    said = event("anthropic", '{"type":"message","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn",'
      .. '"usage":{"input_tokens":3,"output_tokens":1}}')
    assert.same({ "a", true, { prompt_tokens = 3, completion_tokens = 1 } }, { said.content, said.finish, said.usage })
  end)

  it("responses", function()
    local body, path = request("responses", { messages = agent, tools = tools, stream = true, max_tokens = 7,
      min_tokens = 7, ignore_eos = true }, 7)
    assert.equal("/base/v1/responses", path)
    assert.same({ model = "m", max_output_tokens = 7, stream = true, store = false,
      tools = { { type = "function", name = "look", description = "looks", parameters = { type = "object" } } },
      input = { { role = "system", content = "be brief" }, { role = "user", content = "a" },
        { type = "function_call", call_id = "c1", name = "look", arguments = '{"at":1}' },
        { type = "function_call_output", call_id = "c1", output = "found" } } }, body)
    assert.is_true(request("responses", { messages = agent, store = true }, 7).store)
    assert.equal(" a", event("responses", '{"type":"response.output_text.delta","delta":" a"}').content)
    local said = event("responses", '{"type":"response.reasoning_text.delta","delta":"hm"}')
    assert.same({ "hm", nil }, { said.reasoning, said.content })
    for _, nothing in ipairs { '{"type":"response.created","response":{"status":"in_progress","usage":null}}',
      '{"type":"response.reasoning_summary_text.delta","delta":"hm"}',
      '{"type":"response.output_text.done","text":" a"}' } do
      said = event("responses", nothing)
      assert.same({ nil, nil, nil, false }, { said.content, said.reasoning, said.usage, said.finish })
    end
    said = event("responses", '{"type":"response.incomplete","response":{"status":"incomplete","output":[],"usage":'
      .. '{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":7,'
      .. '"output_tokens_details":{"reasoning_tokens":5},"total_tokens":16}}}')
    assert.same({ true, true, nil }, { said.done, said.finish, said.content })
    assert.same({ prompt_tokens = 9, completion_tokens = 7, cached_tokens = 4, reasoning_tokens = 5 }, said.usage)
    said = event("responses", '{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error",'
      .. '"message":"boom"}}}')
    assert.same({ { message = "boom" }, false }, { said.error, said.done })
    assert.same({ message = "slow down", status = 429 }, event("responses",
      '{"type":"error","code":"rate_limit_exceeded","message":"slow down"}').error)
    assert.same({ message = "no", status = 404 }, event("responses", '{"error":{"message":"no","code":404}}').error)
    said = event("responses", '{"object":"response","status":"completed","error":null,"output":[{"type":"reasoning"},'
      .. '{"type":"message","content":[{"type":"output_text","text":"a"}]}],"usage":{"input_tokens":3,"output_tokens":1}}')
    assert.same({ "a", true, { prompt_tokens = 3, completion_tokens = 1 } }, { said.content, said.finish, said.usage })
  end)

  it("gemini", function()
    local messages = { { role = "system", content = "be brief" }, { role = "user", content = "a" },
      { role = "assistant", content = "b" }, { role = "user", content = { { type = "text", text = "c" } } } }
    local body, path = request("gemini", { messages = messages, tools = tools, stream = true, temperature = 0 }, 7)
    assert.equal("/base/v1beta/models/m:streamGenerateContent?alt=sse", path)
    assert.same({ generationConfig = { maxOutputTokens = 7, temperature = 0 },
      systemInstruction = { parts = { { text = "be brief" } } }, tools = { { functionDeclarations = { look } } },
      contents = { { role = "user", parts = { { text = "a" } } }, { role = "model", parts = { { text = "b" } } },
        { role = "user", parts = { { text = "c" } } } } }, body)
    body, path = request("gemini", { messages = { { role = "user", content = "a" } } }, 7)
    assert.equal("/base/v1beta/models/m:generateContent", path)
    assert.same({ generationConfig = { maxOutputTokens = 7 }, contents = { { role = "user", parts = { { text = "a" } } } } },
      body)
    assert.has_error(function() request("gemini", { messages = agent }, 7) end,
      "gemini: messages of tools and their calls cannot be sent")
    local said = event("gemini", '{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true}]}}],'
      .. '"usageMetadata":{"promptTokenCount":21,"thoughtsTokenCount":60,"totalTokenCount":81}}')
    assert.same({ "hm", "", false }, { said.reasoning, said.content, said.finish })
    said = event("gemini", '{"candidates":[{"content":{"parts":[{"text":" a"},{"functionCall":{"name":"f"}}]},'
      .. '"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":21,"candidatesTokenCount":3,'
      .. '"thoughtsTokenCount":60,"cachedContentTokenCount":16}}')
    assert.same({ " af", true }, { said.content, said.finish })
    assert.same({ prompt_tokens = 21, completion_tokens = 63, reasoning_tokens = 60, cached_tokens = 16 }, said.usage)
    assert.same({ message = "full", status = 503 },
      event("gemini", '{"error":{"code":503,"message":"full","status":"UNAVAILABLE"}}').error)
    assert.equal("blocked: SAFETY", event("gemini", '{"promptFeedback":{"blockReason":"SAFETY"}}').error)
  end)

  it("keeps what is asked for beside, where its server looks for it", function()
    local messages = { { role = "user", content = "a" } }
    for name, place in pairs { anthropic = false, responses = false, llamacpp = false, triton = false,
      ollama = "options", sglang = "sampling_params", tgi = "parameters", gemini = "generationConfig" } do
      local body = request(name, { messages = messages, prompt = "a", temperature = 0.5, max_tokens = 3 }, 3)
      assert.equal(0.5, (place and body[place] or body).temperature, name)
      assert.is_nil((place and body[place] or body).min_tokens)
    end
    assert.same(tools, request("ollama", { messages = messages, tools = tools }, 3).tools)
    for name, place in pairs { ollama = "options", sglang = "sampling_params", gemini = "generationConfig" } do
      local beside = ({ ollama = "think", sglang = "return_logprob", gemini = "safetySettings" })[name]
      local body = request(name, { messages = messages, prompt = "a", [beside] = true }, 3)
      assert.same({ true, nil }, { body[beside], body[place][beside] })
    end
  end)

  it("sends a row's own model and limit, by any of their names", function()
    for name, limit in pairs { anthropic = "max_tokens", responses = "max_output_tokens", triton = "max_tokens",
      llamacpp = "n_predict" } do
      for _, most in ipairs { "max_tokens", "max_completion_tokens" } do
        local body, path = request(name, { messages = {}, prompt = "a", model = "b", [most] = 7 }, nil)
        assert.equal(7, body[limit], name)
        assert.is_nil(most ~= limit and body[most] or nil)
        if name == "triton" then assert.equal("/base/v2/models/b/generate_stream", path) end
        if name == "anthropic" or name == "responses" then assert.equal("b", body.model) end
      end
    end
    assert.equal(2, request("ollama", { messages = {}, max_tokens = 2 }, 9).options.num_predict)
  end)

  it("says of a payload what it lacks, and one of one's own may send it", function()
    for _, name in ipairs { "anthropic", "responses", "gemini", "ollama" } do
      assert.has_error(function() request(name, { input = "x" }) end, "the row's payload has no messages for the adapter")
    end
    for _, name in ipairs { "tgi", "llamacpp", "sglang", "triton" } do
      assert.has_error(function() request(name, { input = "x" }) end, "the row's payload has no prompt for the adapter")
    end
    local settings = {}
    endpoint.apply(mt.endpoint { request = function(r) return { body = r.body } end }, settings, "m")
    assert.same({ '{"input": "x"}' }, settings.request('{"input":"x"}', { path = "/x" }))
  end)

  it("keeps every message: those of the system and of tools", function()
    local function parts(text) return { { type = "text", text = text } } end
    local messages = { { role = "system", content = "a" }, { role = "system", content = parts "b" },
      { role = "developer", content = "c" } }
    local call = { id = "c1", type = "function", ["function"] = { name = "look", arguments = "" } }
    local body = request("anthropic", { messages = { messages[1], messages[3] } })
    assert.equal("a\nc", body.system)
    messages[4] = { role = "assistant", content = parts "d", tool_calls = { call } }
    body = request("anthropic", { messages = messages })
    assert.same({ parts "a"[1], parts "b"[1], parts "c"[1] }, body.system)
    assert.same({ parts "d"[1], { type = "tool_use", id = "c1", name = "look", input = {} } }, body.messages[1].content)
    messages[4] = { role = "assistant", content = "d", tool_calls = mt.json.null }
    body = request("gemini", { messages = messages })
    assert.same({ parts = { { text = "a" }, { text = "b" }, { text = "c" } } }, body.systemInstruction)
    assert.same({ { role = "model", parts = { { text = "d" } } } }, body.contents)
  end)

  it("reads null as what is not there", function()
    local zeros = event("anthropic", '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":0,'
      .. '"cache_read_input_tokens":0,"output_tokens":15}}') -- message_start has told both
    assert.same({ completion_tokens = 15 }, zeros.usage)
    assert.is_true(event("anthropic", '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":null}').finish)
    assert.same({}, event("anthropic", '{"type":"message_start","message":{"usage":null}}').usage)
    local said = event("gemini", '{"error":null,"promptFeedback":null,"candidates":[{"content":{"parts":[{"text":"a",'
      .. '"thought":null}]},"finishReason":null}],"usageMetadata":{"promptTokenCount":3,"thoughtsTokenCount":null}}')
    assert.same({ "a", false, false, nil }, { said.content, said.finish, said.done, said.error })
    assert.equal(0, said.usage.completion_tokens)
    assert.same({ message = "boom" }, event("responses", '{"type":"error","error":null,"message":"boom"}').error)
    said = event("responses", '{"type":"response.completed","response":{"status":"completed","usage":null,"output":null}}')
    assert.same({ true, true, nil }, { said.done, said.finish, said.usage })
    for name, text in pairs { ollama = '{"error":null,"message":{"content":"a"},"done":false}',
      llamacpp = '{"error":null,"content":"a","stop":false,"timings":null}', triton = '{"error":null,"text_output":"a"}',
      sglang = '{"error":null,"text":"a","meta_info":{"finish_reason":null}}',
      tgi = '{"error":null,"token":{"text":"a","special":false},"details":null}' } do
      said = event(name, text)
      assert.same({ "a", nil }, { said.content, said.error }, name)
    end
    for _, name in ipairs(endpoint.names()) do
      assert.has_error(function() event(name, "Bad Gateway") end, "Bad Gateway")
    end
  end)

  it("openai", function()
    local body = { model = "m", messages = { { role = "user", content = "a" } }, max_tokens = 5, stream = true }
    assert.same(body, (request("openai", body, 5)))
    assert.equal(" a", event("openai", '{"choices":[{"delta":{"content":" a"},"finish_reason":null}]}').content)
    assert.is_true(event("openai", "[DONE]").done)
    assert.same({ prompt_tokens = 7, completion_tokens = 2, cached_tokens = 4 }, event("openai",
      '{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}').usage)
    assert.same({ message = "no", status = 500 }, event("openai", '{"error":{"message":"no","code":500}}').error)
    assert.same({ message = "busy", status = 503 }, event("openai",
      '{"object":"error","message":"busy","code":503}').error)
  end)

  it("openai reads as the driver does", function()
    local function choice(text) return event("openai", ('{"choices":[{%s}]}'):format(text)) end
    for _, name in ipairs { "reasoning_content", "reasoning", "thinking" } do
      local said = choice(('"delta":{"content":null,"%s":"hm"}'):format(name))
      assert.same({ "", "hm" }, { said.content, said.reasoning })
    end
    assert.equal("", choice '"delta":{"reasoning_details":[{"type":"reasoning.summary","summary":"x"}]}'.reasoning)
    assert.truthy(#choice '"delta":{"reasoning_details":[{"type":"reasoning.text","text":"x"}]}'.reasoning > 0)
    assert.truthy(#choice '"delta":{"content":[{"type":"thinking","thinking":"x"}]}'.reasoning > 0)
    assert.truthy(#choice '"delta":{"tool_calls":[{"index":0}]}'.content > 0)
    assert.equal("ab", event("openai", '{"choices":[{"text":"a"},{"text":"b"}]}').content)
    assert.same({ message = "finish_reason abort", status = 0 }, choice '"delta":{},"finish_reason":"abort"'.error)
    assert.equal(503, choice '"delta":{},"finish_reason":"insufficient_system_resource"'.error.status)
    assert.is_false(choice '"text":"a","finish_reason":""'.finish)
    assert.is_false(choice '"delta":{},"finish_reason":null'.finish)
    local function usage(text) return event("openai", ('{"choices":[],"usage":{%s}}'):format(text)).usage end
    assert.same({ prompt_tokens = 9, completion_tokens = 317 + 2, reasoning_tokens = 317 }, usage(
      '"prompt_tokens":9,"completion_tokens":2,"total_tokens":328,"completion_tokens_details":{"reasoning_tokens":317}'))
    assert.equal(105, usage(
      '"prompt_tokens":9,"completion_tokens":105,"completion_tokens_details":{"reasoning_tokens":100}').completion_tokens)
    assert.equal(4, usage '"prompt_cache_hit_tokens":4,"prompt_tokens_details":null'.cached_tokens)
    assert.equal(3, event("openai", '{"x_groq":{"usage":{"prompt_tokens":3}}}').usage.prompt_tokens)
    assert.equal(3, choice '"delta":{},"usage":{"prompt_tokens":3}'.usage.prompt_tokens)
    assert.equal(5, event("openai", '{"choices":[],"timings":{"cache_n":5}}').usage.cached_tokens)
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
    said = event("ollama", '{"message":{"role":"assistant","content":"","thinking":"hm"},"done":false}')
    assert.same({ "hm", nil }, { said.reasoning, said.content })
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

  it("joins the URL's path and the adapter's where they meet", function()
    local paths = {}
    local function sent(url, path)
      local one = mt.workload { duration = "0.05s",
        mt.stream { arrivals = mt.even(40), input = 5, output = 2 } }
      local adapter = mt.endpoint { path = path, request = function(r)
        paths[#paths + 1] = r.path
        return { body = r.body }
      end }
      local run = assert(one:drive { url = server.url .. url, model = "any", warmup = 0, adapter = adapter })
      assert.is_true(run.counts.due > 0)
      return paths[#paths]
    end
    for _, row in ipairs { { "", "/v1/messages" }, { "/v1", "/v1/messages" }, { "/v1/messages", "/v1/messages" },
      { "/api/v1", "/api/v1/messages" }, { "/api/v1/messages/", "/api/v1/messages" }, { "/av1", "/av1/v1/messages" },
      { "/v1/mess", "/v1/mess/v1/messages" } } do
      assert.equal(row[2], sent(row[1], "/v1/messages"))
    end
  end)

  -- An adapter that makes no request of those whose numbers are in `bad`.
  local function failing(bad, raise)
    return mt.endpoint { request = function(r)
      if bad(r.number) then return raise() end
      return { body = r.body }
    end }
  end

  it("counts a request that an adapter cannot make as adapter_error, and goes on", function()
    for what, raise in pairs {
      ["bang"] = function() error "bang" end,
      ["must return { body = ... }"] = function() return {} end,
      ["nothing of what it got"] = function() error("nothing of what it got\nwas right", 0) end,
    } do
      local run = drive { adapter = failing(function(number) return number % 4 == 0 end, raise) }
      assert.is_nil(run.message)
      assert.same({ 20, 15, 5, 0 }, { run.counts.due, run.counts.done, run.counts.failed, run.counts.not_sent })
      local failure = run.results.failures[1]
      assert.equal("adapter_error", failure.name)
      assert.equal(5, failure.count)
      assert.truthy(failure.text:find(what, 1, true), failure.text)
      assert.is_nil(failure.text:find("traceback", 1, true))
      assert.is_nil(failure.text:find("was right", 1, true))
      assert.equal(0.25, run:measure "error_rate")
      assert.equal(15, run.schedule_lag.count) -- nothing was sent, so nothing was late
    end
  end)

  it("fails a request that it cannot make when that would leave, with a slot as with a time", function()
    local folder = command.folder()
    for _, concurrency in ipairs { false, 2 } do
      local run = drive { adapter = failing(function(number) return number == 3 end, function() error "bang" end),
        concurrency = concurrency or nil, num_requests = 12, output_dir = folder .. "/" .. tostring(concurrency) }
      assert.same({ 12, 11, 1 }, { run.counts.due, run.counts.done, run.counts.failed })
      local requests = assert(run:requests())
      local at
      for i = 1, #requests do
        if requests:column "outcome"[i] == "adapter_error" then at = i end
      end
      assert.equal(3, requests:column "number"[at])
      local due, begun, ended = requests:column "due"[at], requests:column "begun"[at], requests:column "end"[at]
      assert.is_true(begun >= due)
      assert.equal(begun, ended)
      local past = assert(mt.run_of(run.folder))
      assert.same(run.counts, past.counts)
    end
  end)

  it("lets a session go on after a turn that could not be made", function()
    local rows = {}
    for turn = 1, 3 do
      rows[turn] = { timestamp = 0, input_length = 100 * turn, output_length = 3, session_id = "s", delay = 50 }
    end
    local bad = failing(function(number) return number == 1 end, function() error "bang" end)
    local run = assert(mt.drive(mt.trace.columns(rows), { url = server.url, model = "any", warmup = 0, adapter = bad }))
    assert.same({ 3, 2, 1 }, { run.counts.due, run.counts.done, run.counts.failed })
  end)

  it("ends where an adapter has made none of the first ten requests", function()
    local made = 0
    local run = drive { adapter = failing(function() made = made + 1; return true end, function() error "bang" end) }
    assert.truthy(run.message:find("bang", 1, true), run.message)
    assert.equal("callback", run.code)
    assert.equal(10, made)
    local counts = run.counts
    assert.equal(counts.due, counts.failed + counts.not_sent)
    -- One that was made is enough to go on.
    run = drive { adapter = failing(function(number) return number ~= 8 end, function() error "bang" end) }
    assert.is_nil(run.message)
    assert.same({ 1, 19 }, { run.counts.done, run.counts.failed })
    -- And so are fewer than ten.
    run = drive { num_requests = 9, adapter = failing(function() return true end, function() error "bang" end) }
    assert.is_nil(run.message)
    assert.same({ 0, 9 }, { run.counts.done, run.counts.failed })
  end)

  it("counts an answer that an adapter cannot read as malformed, and goes on", function()
    for what, raise in pairs {
      ["boom"] = function() error "boom" end,
      ["must return a table or nil, not a number"] = function() return 5 end,
    } do
      local answers = 0
      local run = drive { adapter = mt.endpoint { event = function(text)
        if text == "[DONE]" then return { done = true } end
        if text:find '"role"' then answers = answers + 1 end
        return answers == 1 and raise() or { content = "a" }
      end } }
      assert.is_nil(run.message)
      assert.same({ 19, 1 }, { run.counts.done, run.counts.failed })
      local failure = run.results.failures[1]
      assert.equal("malformed", failure.name)
      assert.truthy(failure.text:find(what, 1, true), failure.text)
      assert.is_nil(failure.text:find("traceback", 1, true))
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
    refused("tgj", "drive: adapter: there is no 'tgj' (did you mean 'tgi'?): there are anthropic, embeddings, gemini, ")
    refused("/nowhere/x.lua", "No such file or directory")
    refused(command.file("return 5", "x.lua"), "an adapter ends in return mt.endpoint{...}")
    refused(command.file("error 'boom'", "x.lua"), "boom")
    refused(command.file("return )", "x.lua"), "unexpected symbol")
    refused(5, "adapter must be an adapter's name, a file, or mt.endpoint{...}, not 5")
    refused(nil, "drive: api must be one of chat, completions, not 'responses' (adapter = 'responses' speaks it)",
      { api = "responses" })
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
