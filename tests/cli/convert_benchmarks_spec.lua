-- Results of other load generators through the real binary: vLLM's and SGLang's, GuideLLM's, inference-perf's; and
-- everything that can be wrong with them. AIPerf's and ours are in convert_results_spec.
local command = require "tests.support.command"
local mt = require "moontide"

local folder

before_each(function() folder = command.folder() end)
after_each(command.remove_folders)

local function run(line) return command.line(line, { folder = folder }) end

-- {timestamp, input, output} of the requests that `convert` makes of the text; "none" is absent.
local function converted(text, more)
  command.write(folder, "r.json", text)
  local result = run(("convert r.json %s -o out.jsonl"):format(more or ""))
  assert.equal(0, result.status, result.err)
  local list = {}
  for one in mt.trace.open(folder .. "/out.jsonl") do
    list[#list + 1] = { one.timestamp or "none", one.input_length, one.output_length or "none" }
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

describe("convert of vLLM's and SGLang's results", function()
  local function result(lists, more)
    return ('{"date": "x", "model_id": "%s", "total_input_tokens": 60, "request_throughput": 1.5, %s, "itls": [[0.1], []]}\n')
      :format(more or "m", lists)
  end
  local lists = '"input_lens": [10, 20, 30], "output_lens": [5, 6, 0], "errors": ["", "", "boom"]'
  local starts = ', "start_times": [353399.725848632, 353400.485208009, 353401.5]'

  it("makes the trace that the run was", function()
    local list, told = converted(result(lists .. starts))
    assert.same({ { 0, 10, 5 }, { 759, 20, 6 }, { 1774, 30, "none" } }, list)
    assert.matches("vllm%-bench, 3 rows", told.out)
    -- What waited in the client was due before.
    assert.same({ { 0, 20, 6 }, { 500, 10, 5 }, { 2750, 30, "none" } }, (converted(result(lists
      .. ', "start_times": [2, 2.5, 4], "queue_times": [0.25, 1.25, 0]'))))
    -- Without times, without errors; several runs, by model.
    list, told = converted(result '"input_lens": [10, 20], "output_lens": [5, 0]')
    assert.same({ { "none", 10, 5 }, { "none", 20, 0 } }, list)
    assert.matches("the log has no times", told.out)
    assert.same({ { 0, 7, 8 } }, (converted(result(lists .. starts)
      .. result('"start_times": [5], "input_lens": [7], "output_lens": [8]', "n"), "--model n")))
  end)

  it("says what is wrong", function()
    local good = result(lists .. starts)
    local details = " is missing: the run was saved without --save-detailed (SGLang's --output-details)"
    for text, message in pairs {
      ['"x": 1'] = ":2:1: input_lens" .. details,
      ['"input_lens": [1]'] = ":2:1: output_lens" .. details,
      ['"input_lens": [1], "output_lens": 5'] = ":2:#: output_lens must be a list",
      ['"input_lens": {}, "output_lens": [5]'] = ":2:#: input_lens must be a list",
      ['"input_lens": [1], "output_lens": [5, 6]'] = ":2:#: output_lens has 2 values, input_lens 1",
      ['"input_lens": [1], "output_lens": [5], "errors": []'] = ":2:#: errors has 0 values, input_lens 1",
      ['"input_lens": [1], "output_lens": [5], "start_times": [1, 2]'] = ":2:#: start_times has 2 values, input_lens 1",
    } do refused(good .. result(text), message, 3) end
    for text, message in pairs { -- only the request is lost
      ['"input_lens": [1, "2"], "output_lens": [5, 6]'] =
        ':1:#: a value of input_lens must be a whole number of at least 0, not "2"',
      ['"input_lens": [1, 9223372036854775807], "output_lens": [5, 6]'] =
        ":1: the prompt is too large: 9223372036854775807 tokens are more than 134217728 blocks of 128",
      ['"input_lens": [1, 2], "output_lens": [5, -6]'] =
        ":1:#: a value of output_lens must be a whole number of at least 0, not -6",
      ['"input_lens": [1, 2], "output_lens": [5, 6], "start_times": [null, 1]'] =
        ":1:#: a value of start_times must be a number of seconds, not null",
      ['"input_lens": [1, 2], "output_lens": [5, 6], "start_times": [1, 1], "queue_times": [0, "x"]'] =
        ':1:#: a value of queue_times must be a number of seconds, not "x"',
    } do refused(result(text), message, 1) end
    refused(good .. '{"input_lens" []}', ":2:#: expected ':', found '[]}'", 3)
    command.write(folder, "r.json", good:sub(1, 150))
    assert.equal("moontide: r.json:1: the file ends inside the run that begins here (it seems to be cut)\n",
      run("convert r.json -o bad").err)
  end)
end)

describe("convert of GuideLLM's reports", function()
  local function request(start, input, output, name)
    return ('{"request_id": "x", "%s": %s, "prompt_tokens": %s, "output_tokens": %s}')
      :format(name or "request_start_time", start, input, output)
  end
  local function report(benchmarks)
    return '{"type_": "generative_benchmarks_report", "metadata": {"version": 1}, "args": {"metrics": 1}, "benchmarks": [\n'
      .. table.concat(benchmarks, ",\n") .. "]}\n"
  end
  local function benchmark(good, cut, failed)
    return ('{"type_": "generative_benchmark", "requests": {"successful": [%s], "incomplete": [%s], "errored": [%s]}}')
      :format(good or "", cut or "", failed or "")
  end

  it("makes a trace of all their runs", function()
    local list, told = converted(report { benchmark(request("1763500003", 5, 6), request("1763500002", 7, 1),
      request("1763500001.5", 8, "null")), benchmark(request("1763500010", 9, 2, "start_time")) })
    assert.same({ { 0, 8, "none" }, { 500, 7, 1 }, { 1500, 5, 6 }, { 8500, 9, 2 } }, list)
    assert.matches("guidellm, 4 rows.*from 2025%-11%-18 21:06:41", told.out)
  end)

  it("takes requests that were cut before their first token, and conversations of each benchmark", function()
    local function turn(start, output, name)
      return ('{"info": {"conversation_id": %s, "turn_index": 0}, %s'):format(name, request(start, 5, output):sub(2))
    end
    command.write(folder, "r.json", report {
      benchmark(turn("1", 6, '"a"') .. ", " .. turn("2", 7, '"a"') .. ", " .. turn("3", 8, "null"), turn("4", "null", '"b"')),
      benchmark(turn("5", 9, '"a"'), turn("6", 3, '"b"')) })
    assert.equal(0, run("convert r.json -o out.jsonl").status)
    local found = {}
    for one in mt.trace.open(folder .. "/out.jsonl") do
      found[#found + 1] = ("%d %s %s"):format(one.timestamp, one.output_length or "none", one.session_id or "none")
    end
    assert.same({ "0 6 a", "1000 7 a", "2000 8 none", "3000 none b", "4000 9 a/2", "5000 3 b/2" }, found)
  end)

  it("says what is wrong", function()
    local good = report { benchmark(request("1", 5, 6)) }
    for text, message in pairs {
      [report { "5" }] = ":4:1: a benchmark lacks its requests",
      [report { '{"requests": {}}' }] = ":4:1: a benchmark lacks its requests",
      [report { '{"requests": {"successful": 5}}' }] = ":4:#: the requests of a benchmark must be lists",
      ['{"benchmarks": 5}'] = ":3:1: benchmarks is missing: this is no report of GuideLLM",
      ['{"benchmarks" 5}'] = ":3:#: expected ':', found '5}'",
      [report { benchmark "7" }] = ":4:#: a request must be an object",
      [report { benchmark(request("1", "null", 6)) }] = ":4:#: prompt_tokens is missing",
      [report { benchmark(request("1", 5, "null")) }] = ":4:#: output_tokens is missing",
      [report { benchmark(request("null", 5, 6)) }] = ":4:#: request_start_time is missing",
      [report { benchmark(request('"x"', 5, 6)) }] = ':4:#: request_start_time must be a number of seconds, not "x"',
    } do refused(good .. text, message, 1) end
  end)
end)

describe("convert of inference-perf's requests", function()
  local function request(start, info, failure)
    return ('{"start_time": %s, "end_time": 7, "request": "{\\"prompt\\": \\"benchmarks\\"}", "response": null, "info": %s, '
      .. '"error": %s}'):format(start, info, failure or "null")
  end
  local function list(requests) return "[\n" .. table.concat(requests, ",\n") .. "\n]\n" end

  it("makes the trace that the run was", function()
    local all, told = converted(list { request("5.5", '{"input_tokens": 9, "output_tokens": 3}'),
      request("6", '{"response_metrics": {"output_tokens": 4, "server_usage": {"prompt_tokens": 11, "completion_tokens": 5}}, '
        .. '"input_tokens": 10}'), request("6.5", '{"response_metrics": {"output_tokens": 4, "server_usage": null}, '
        .. '"input_tokens": 10}'), request("7", '{"input_tokens": 10}', '{"error_type": "x"}') })
    assert.same({ { 0, 9, 3 }, { 500, 11, 5 }, { 1000, 10, 4 }, { 1500, 10, "none" } }, all)
    assert.matches("inference%-perf, 4 rows", told.out)
    -- Of newer versions: without texts, counts of the client's for each kind of input, Anthropic's usage.
    assert.same({ { 0, 30, 4 }, { 1000, 36, 9 }, { 2000, 31, 8 } }, (converted([[
[{"start_time": 1, "end_time": 2, "info": {"request_metrics": {"text": {"input_tokens": 30}}, "response_metrics":
  {"output_tokens": 4, "server_usage": null}}, "error": null},
{"start_time": 2, "end_time": 3, "info": {"input_tokens": 31, "response_metrics": {"output_tokens": 5, "server_usage":
  {"input_tokens": 6, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 10, "output_tokens": 9}}}, "error": null},
{"start_time": 3, "end_time": 4, "info": {"input_tokens": 31, "response_metrics": {"output_tokens": 8, "server_usage": {}}}}]
]])))
  end)

  it("says what is wrong", function()
    local good = request("1", '{"input_tokens": 9, "output_tokens": 3}')
    for text, message in pairs {
      [request("null", "{}")] = ":3:1: start_time is missing",
      [request('"x"', "{}")] = ':3:#: start_time must be a number of seconds, not "x"',
      [request("1", "null")] = ":3:1: input_tokens is missing",
      [request("1", '{"input_tokens": 2}')] = ":3:1: output_tokens is missing",
      [request("1", '{"input_tokens": -2}')] = ":3:#: input_tokens must be a whole number of at least 0, not -2",
      [request("1", '{"input_tokens": 2, "output_tokens": 0.5}')] =
        ":3:#: output_tokens must be a whole number of at least 0, not 0.5",
      ['{"start_time" 1}'] = ":3:#: expected ':', found '1}'",
    } do refused(list { good, text, good }, message, 2) end
  end)
end)
