-- AIPerf's and GenAI-Perf's inputs.json, and Perf Analyzer's raw profile_export.json, through the real binary.
local command = require "tests.support.command"
local mt = require "moontide"

local folder

before_each(function() folder = command.folder() end)
after_each(command.remove_folders)

local function run(line) return command.line(line, { folder = folder }) end

-- What `convert` makes of the text, whose tokens are its words: a line a request, "none" where nothing is known.
local function converted(text, more)
  command.write(folder, "r.json", text)
  local result = run(("convert r.json --count words --block-size 4 %s -o out.jsonl"):format(more or ""))
  assert.equal(0, result.status, result.err)
  local list = {}
  for one in mt.trace.open(folder .. "/out.jsonl") do
    list[#list + 1] = ("%s %s %s [%s] %s %s %s"):format(one.timestamp or "none", one.input_length,
      one.output_length or "none", table.concat(one.hash_ids, " "), one.session_id or "none", one.delay or "none",
      one.extra and mt.json.decode(one.extra).model or "none")
  end
  return list, result
end

-- It fails with the message, where # is some column, and leaves nothing; without the bad row `left` are left.
local function refused(text, message, left)
  command.write(folder, "r.json", text)
  local result = run "convert r.json -o bad.jsonl"
  assert.equal(1, result.status, text)
  local shown = message:find "#" and result.err:gsub("^(.-:%d+:)%d+", "%1#") or result.err
  assert.equal("moontide: r.json" .. message .. " (--skip-bad-lines passes over bad rows)\n", shown)
  assert.is_false(command.exists(folder .. "/bad.jsonl"))
  assert.equal(left, #converted(text, "--skip-bad-lines"), text)
end

local function message(role, text) return ('{"role": "%s", "content": "%s"}'):format(role, text) end

local function chat(messages, more)
  return ('{"messages": [%s], "model": "m", "stream": true%s}'):format(table.concat(messages, ", "), more or "")
end

describe("convert of inputs.json", function()
  local system, limit = message("system", "you are a kind helper"), ', "max_tokens": 5'
  local function sessions(list) return '{\n  "data": [\n' .. table.concat(list, ",\n") .. "\n  ]\n}\n" end
  local function session(name, payloads)
    return ('{"session_id": %s, "payloads": [\n%s]}'):format(name, table.concat(payloads, ",\n"))
  end

  it("adds a turn's own messages to what was said before", function()
    local list, told = converted(sessions {
      session('"a"', { chat({ system, message("user", "one two") }, limit), chat({ system, message("user", "three") }, limit) }),
      session('"b"', { chat({ system, message("user", "one two") }, ', "max_completion_tokens": 0, "max_tokens": 9'),
        chat { message("user", "three four") } }) })
    -- The system's five words and two more; then an answer of five, known by its length only, and the third.
    assert.same({ "none 7 5 [0 1] a none m", "none 13 5 [0 2 3 4] a none m", "none 7 0 [0 1] b none m",
      "none 9 none [0 5 6] b none m" }, list)
    assert.matches("inputs%-json, 4 rows", told.out)
    assert.matches("the log has no times", told.out)
  end)

  it("takes what has been said as it is where it stands in the body", function()
    local a, hi, b = message("user", "one two three"), message("assistant", "hi"), message("user", "four")
    assert.same({ "none 3 none [0] a none m", "none 5 none [1 2] a none m", "none 2 none [3] a none m",
      "none 6 none [1 4] c none m", "none 4 none [5] c none m" },
      (converted(sessions { session('"a"', { chat { a }, chat { a, hi, b }, chat { hi, b } }),
        session('"c"', { chat { a, hi, b, hi }, chat { a, message("assistant", "ho") } }) })))
    -- Several bodies without a name are a session by its number; one is none.
    assert.same({ "none 3 none [0] none none m", "none 3 none [0] session 2 none m", "none 4 none [1] session 2 none m" },
      (converted(sessions { ('{"payloads": [%s]}'):format(chat { a }), ('{"payloads": [%s, %s]}'):format(chat { a },
        chat { b }) })))
  end)

  it("reads the bodies of other endpoints, tools and calls", function()
    local tools = '"tools": [{"type": "function", "function": {"name": "f", "x": "y"}}], '
    local list = converted(sessions { session('"a"', {
      '{"prompt": "one two", "max_tokens": 3, "model": "m"}', '{"prompt": [11, 12, 13, 14, 15]}', '{"prompt": [[11, 12], [13]]}',
      '{"input": "one two", "max_output_tokens": 4, "instructions": "be kind"}',
      '{"input": [{"role": "user", "content": [{"type": "input_text", "text": "one"}]}, {"type": "function_call", '
        .. '"name": "f", "arguments": "x y"}, {"type": "function_call_output", "output": "z"}]}',
      '{"system": [{"type": "text", "text": "be kind"}], "messages": [{"role": "user", "content": "one"}], "max_tokens": 6}',
      '{"inputs": "one two three", "parameters": {"max_new_tokens": 7}}',
      "{" .. tools .. '"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]}' }) })
    assert.same({ "none 2 3 [0] a none m", "none 5 none [1 2] a none none", "none 3 none [3] a none none",
      "none 4 4 [4] a none none", "none 5 none [5 6] a none none", "none 3 6 [7] a none none",
      "none 3 7 [8] a none none", "none 9 none [9 10 11] a none none" }, list)
  end)

  it("reads GenAI-Perf's: sessions, delays, a schedule, Triton's inputs", function()
    local function record(text, more)
      return ('{"payload": [%s]%s}'):format(chat({ message("user", text) }, limit), more or "")
    end
    -- A delay is that before the session's next record, whichever stands between them.
    assert.same({ "0 2 5 [0] a none m", "none 8 5 [1 2] a 1500 m", "30 1 5 [3] none none m", "2500 1 5 [4] b none m",
      "none 7 5 [5 6] b 10 m" }, (converted('{"data":[' .. table.concat({
        record("one two", ', "session_id": ["a"], "delay": [1500], "timestamp": [0]'),
        record("three", ', "session_id": ["b"], "delay": [10], "timestamp": [2500]'),
        record("four", ', "session_id": ["a"]'), record("five", ', "session_id": ["b"]'),
        record("six", ', "timestamp": [30]') }, ",") .. "]}")))
    assert.same({ "none 2 16 [0] none none m", "none 2 256 [0] none none m", "none 3 99 [1] none none none",
      "none 1 none [2] none none none" }, (converted('{"data": [\n'
        .. '{"model": "m", "text_input": ["one two"], "sampling_parameters": ["{\\"max_tokens\\": \\"16\\"}"]},\n'
        .. '{"model": "m", "text_input": ["one two"], "max_tokens": [256]},\n'
        .. '{"input_ids": {"content": [5, 6, 7], "shape": [3]}, "input_lengths": [3], "request_output_len": [99]},\n'
        .. '{"text_input": "one", "sampling_parameters": "{}"}]}')))
  end)

  it("reads bodies one after another, and batches", function()
    local a, hi, b = message("user", "one two three"), message("assistant", "hi"), message("user", "four")
    local list = { "none 3 5 [0] none none m", "none 5 5 [1 2] none none m", "none 3 none [0] none none m" }
    local bodies = { chat({ a }, limit), chat({ a, hi, b }, limit), chat { a } }
    assert.same(list, (converted(table.concat(bodies, "\n") .. "\n")))
    for i, body in ipairs(bodies) do
      bodies[i] = ('{"custom_id": "r%d", "method": "POST", "url": "/v1/chat/completions", "body": %s}'):format(i, body)
    end
    assert.same(list, (converted(table.concat(bodies, "\n") .. "\n")))
    -- What is said in the end is an answer where the line is no body.
    assert.same({ "none 3 1 [0] conversation 1 none none" }, (converted('{"messages": [' .. a .. ", " .. hi .. "]}\n")))
  end)

  it("says what is wrong", function()
    local good = session('"a"', { chat { message("user", "one") } })
    for text, wrong in pairs {
      [session('"b"', { "5" })] = ":6:1: a request must be an object",
      [session('"b"', { '{"model": "m"}' })] =
        ":6:1: a request lacks its prompt: messages, prompt, input or text_input",
      [session('"b"', { '{"messages": [5.5, true]}' })] =
        ":6:#: messages must be a string or a list of parts, not true",
      [session('"b"', { '{"prompt": "a", "max_tokens": -1}' })] =
        ":6:#: the limit of the answer must be a whole number of at least 0, not -1",
      ['{"payload": [{"prompt": "a"}], "timestamp": ["x"]}'] =
        ':5:#: timestamp must be a number of milliseconds, not "x"',
    } do refused(sessions { good, text }, wrong, 1) end
    refused(sessions { good, session('"b"', { chat({ message("user", "x") }, ', "max_tokens": 9223372036854775807'),
      chat { message("user", "y z") } }) }, ":7: the prompt is too large: 9223372036854775808 tokens are "
        .. "more than 134217728 blocks of 128", 2)
    refused(sessions { good, '{"payload": [{"prompt": "a"}], "session_id": ["s"], "delay": [-1]}',
      '{"payload": [{"prompt": "a"}], "session_id": ["s"]}' }, ":5:#: delay must be a time of at least 0, not -1", 2)
    for text, wrong in pairs {
      [sessions { good, "5" }] = ":5:1: an element of data must be an object",
      [sessions { '{"payloads": 5}' }] = ":3:#: payloads must be a list of requests",
      ['{"payloads": []}'] = ":1:1: data is missing: this is no inputs.json of AIPerf or GenAI-Perf",
      ['{"data": [], "payloads" 5}'] = ":1:#: expected ':', found '5}'",
    } do
      command.write(folder, "r.json", text)
      local err = run("convert r.json --format inputs-json -o bad.jsonl").err:gsub("^(.-:%d+:)%d+", "%1#")
      assert.equal("moontide: r.json" .. wrong:gsub("^(:%d+:)%d+", "%1#") .. " (--skip-bad-lines passes over bad rows)\n", err)
    end
  end)
end)

describe("convert of Perf Analyzer's profile_export.json", function()
  local zero = 1759813207532900363
  local function payload(text, more)
    return mt.json.encode(chat { message("user", text) }):gsub("^", '{"payload": ') .. (more or "") .. "}"
  end
  -- A request `after` so many milliseconds, answered 100 ms later.
  local function request(after, inputs, outputs, more)
    local at = zero + after * 1000000
    return ('{"timestamp":%d%s,"request_inputs":%s,"response_timestamps":[%s],"response_outputs":[%s]}'):format(at, more or "",
      inputs, #outputs > 0 and ("%d,%d"):format(at + 50000000, at + 100000000) or "", table.concat(outputs, ","))
  end
  local function response(text) return '{"response":' .. mt.json.encode(text) .. "}" end
  local function event(delta, more)
    return ('data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":%s}]%s}\n\n'):format(delta, more or "")
  end
  local function file(requests, others)
    return '{"experiments":[{"experiment":{"mode":"concurrency","value":10},"requests":[\n' .. table.concat(requests, ",\n")
      .. '],"window_boundaries":[1]},{"experiment":{"mode":"request_rate","value":2.0},"requests":['
      .. table.concat(others or {}, ",\n") .. ']}],"version":"","service_kind":"openai","endpoint":"v1/chat/completions"}'
  end
  local answer = { response(event '{"role":"assistant"}'), response(event '{"content":"I"}'),
    response(event '{"content":" like dogs"}'), response "data: [DONE]\n\n" }

  it("makes the trace that the run was", function()
    local whole = '{"object": "chat.completion",\n "choices": [{"message": {"content": "x"}}],\n "usage": '
      .. '{"prompt_tokens": 77, "completion_tokens": 33}}'
    local piece = event '{"content":"one two"}'
    local list, told = converted(file({ request(0, payload "a b c d e", answer), request(1500, payload "a b c d f", answer),
      request(2000, payload "a", { response(whole) }), request(2250, payload "a b", {}),
      request(2500, payload "a b", { response 'data: {"error": {"code": 500}}\n\n' }),
      request(3000, payload("a", ',"session_id":"s"'), { response(piece:sub(1, 70)),
        response(piece:sub(71) .. event '{"content":" three"}') }),
      request(4000, payload("a b", ',"session_id":"s"'), { response(event('{"content":"x"}',
        ',"usage":{"prompt_tokens":9,"completion_tokens":4}')) }) }, {
      request(9000, '{"text_input":"a b c"}', { '{"text_output":"x y"}', '{"text_output":" z"}' }, ',"sequence_id":1'),
      request(9050, '{"input_ids":[1,2,3]}', { '{"output_ids":[1,2]}', '{"output_ids":3}' }, ',"sequence_id":1') }))
    assert.same({ "0 5 3 [0 1] none none m", "1500 5 3 [0 2] none none m",
      "2000 77 33 [" .. table.concat({ 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22 }, " ")
        .. "] none none m",
      "2250 2 none [23] none none m", "2500 2 none [23] none none m", "3000 1 3 [24] s none m",
      "4000 9 4 [25 26 27] s 900 m", "9000 3 3 [28] 1 none none", "9050 3 3 [29] 1 0 none" }, list)
    assert.matches("perf%-analyzer, 9 rows.*from 2025%-10%-07 05:00:07", told.out)
  end)

  it("reads requests of which there is no response", function()
    assert.same({ "0 1 none [0] none none none", "5 2 none [1] none none none" }, (converted(file {
      '{"timestamp": 0, "request_inputs": {"text_input": "a"}}',
      '{"timestamp": 5000000, "request_inputs": {"text_input": "a b"}, "response_outputs": [{"response": ""}]}' })))
  end)

  it("says what is wrong", function()
    local good = request(0, payload "a b", answer)
    for text, wrong in pairs {
      ["5"] = ":3:1: a request must be an object",
      ['{"timestamp": 5}'] = ":3:1: request_inputs is missing: what was sent is not known",
      ['{"request_inputs": {"text_input": "x"}}'] = ":3:1: timestamp is missing",
      ['{"timestamp": "x", "request_inputs": {"text_input": "x"}}'] =
        ':3:#: timestamp must be a number of nanoseconds, not "x"',
      ['{"timestamp": 5, "request_inputs": {"text_input": "x"}, "response_timestamps": [true]}'] =
        ":3:#: a response's timestamp must be a number of nanoseconds, not true",
      ['{"timestamp": 5, "request_inputs": {"x": 5}}'] =
        ":3:#: a request lacks its prompt: messages, prompt, input or text_input",
      ['{"timestamp": 5, "request_inputs": {"payload": "{}"}}'] =
        ":3:#: a request lacks its prompt: messages, prompt, input or text_input",
      ['{"timestamp": 5, "request_inputs": {"payload": ""}}'] = ':3:#: payload must be a request, not ""',
      ['{"timestamp": 5, "request_inputs": {"payload": "[1"}}'] = ":3:#: expected an object ('{'), found '[1'",
    } do refused(file { good, text }, wrong, 1) end
    for text, wrong in pairs {
      ['{"experiments": 5, "experiment": 5}'] =
        ":1:1: experiments is missing: this is no profile_export.json of Perf Analyzer",
      ['{"experiments": [{"experiment": 5}]}'] = ":1:18: an experiment lacks its requests",
      ['{"experiments" [], "experiment": 5}'] = ":1:16: expected ':', found '[], \"experiment\": 5}'",
    } do
      command.write(folder, "r.json", text)
      assert.equal("moontide: r.json" .. wrong .. " (--skip-bad-lines passes over bad rows)\n", run("convert r.json -o bad").err)
    end
  end)
end)
