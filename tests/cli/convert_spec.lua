local command = require "tests.support.command"

local azure, missing = require "tests.support.real_data" "azure_llm_inference_conv.csv"

local folder

local function convert(words, opts)
  return command.run({ "convert", table.unpack(words) }, opts)
end

local function file(name, text)
  return command.write(folder, name, text)
end

-- The files of the folder, one a line.
local function entries()
  return command.shell("ls", { folder = folder }).out
end

-- Runs convert on the words, which must fail with one line on standard error and leave nothing.
local function refused(words, message, exit_status)
  local before = entries()
  command.refuses(convert(words, { folder = folder }), message, exit_status)
  assert.equal(before, entries())
end

-- The same for a log of this text, called bad.csv.
local function refused_log(text, message, words)
  file("bad.csv", text)
  refused({ "bad.csv", table.unpack(words or {}) }, message)
end

-- The same for one bad row, which can be passed over.
local function refused_row(text, message, words)
  refused_log(text, message .. " (--skip-bad-lines passes over bad rows)", words)
end

local head = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"

local burstgpt = head .. [[
5,ChatGPT,472,18,490,Conversation log
45,ChatGPT,1087,230,1317,Conversation log
45,GPT-4,417,0,417,API log
118,ChatGPT,1360,203,1563,Conversation log
185,GPT-4,184,2,186,API log
]]

-- luacheck: no max line length
local trace = [[
{"timestamp": 0, "input_length": 472, "output_length": 18, "hash_ids": [0, 1, 2, 3], "model": "ChatGPT", "log_type": "Conversation log"}
{"timestamp": 40000, "input_length": 1087, "output_length": 230, "hash_ids": [4, 5, 6, 7, 8, 9, 10, 11, 12], "model": "ChatGPT", "log_type": "Conversation log"}
{"timestamp": 40000, "input_length": 417, "output_length": 0, "hash_ids": [13, 14, 15, 16], "model": "GPT-4", "log_type": "API log"}
{"timestamp": 113000, "input_length": 1360, "output_length": 203, "hash_ids": [17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27], "model": "ChatGPT", "log_type": "Conversation log"}
{"timestamp": 180000, "input_length": 184, "output_length": 2, "hash_ids": [28, 29], "model": "GPT-4", "log_type": "API log"}
]]

-- The bars' lengths are the chart's business and left out.
local report = [[
log.csv: burstgpt, 5 rows
  columns: Timestamp, Model, Request tokens, Response tokens, Total tokens, Log Type
  time: from 5 s to 185 s
  at speed 1: from 0 s to 180 s

                      Min        Max         Mean      Std Dev
Input Length          184       1360       704.00       495.89
Output Length           0        230        90.60       115.54
ISL + OSL                       1563
without output: 1 request (kept)

blocks: 30, 30 of them different
  of 5 prompts drawn from 0 to 10000 (--num-hash-blocks; this is the default of BurstGPT's converter): what they share is invented
5 requests in 180 s: 0.02778 RPS on average

RPS in bins of 9 s, peak 0.2222
]]
for i = 0, 19 do
  local rate = ({ [0] = "0.1111", [4] = "0.2222", [12] = "0.1111", [19] = "0.1111" })[i] or "0"
  report = report .. ("%3d s | %s\n"):format(9 * i, rate)
end

describe("moontide convert", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("converts a BurstGPT log and says what it is like", function()
    file("log.csv", burstgpt)
    local result = convert({ "log.csv" }, { folder = folder, environment = "LC_ALL=C COLUMNS=86" })
    assert.equal("moontide: log.jsonl: 5 requests in blocks of 128 (seed 0)\n", result.err)
    assert.equal(0, result.status)
    assert.equal(trace, command.read(folder .. "/log.jsonl"))
    assert.equal(report, (result.out:gsub("|#+", "|")))
    assert.matches("|####+ 0.2222\n", result.out)
  end)

  it("writes to standard output, and then says everything on standard error", function()
    local path = file("log.csv", burstgpt)
    local result = convert { path, "-o", "-" }
    assert.equal(trace, result.out)
    assert.matches("^" .. path:gsub("%p", "%%%0") .. ": burstgpt, 5 rows\n", result.err)
    assert.matches("\nmoontide: standard output: 5 requests in blocks of 128 %(seed 0%)\n$", result.err)
    assert.equal(trace, convert({ "--input-file", "-", "--output-file=-" }, { input = burstgpt }).out)
  end)

  it("takes the steps in upstream's order", function()
    local path = file("log.csv", burstgpt)
    local result = convert { path, "-o", "-", "--model", "ChatGPT", "--log-type", "Conversation log",
      "--skip-num-prompt", "1", "--num-prompt", "1", "--speed-ratio", "3" }
    assert.equal('{"timestamp": 0, "input_length": 1087, "output_length": 230, '
      .. '"hash_ids": [0, 1, 2, 3, 4, 5, 6, 7, 8], "model": "ChatGPT", "log_type": "Conversation log"}\n', result.out)
    assert.matches([[
model 'ChatGPT': 3 rows left
log type 'Conversation log': 3 rows left
without the first 1: 2 rows left
at most 1: 1 row left
]], result.err, 1, true)
    assert.matches("RPS: N/A %(all requests at one instant%)", result.err)
    result = convert { path, "-o", "-", "--model", "GPT-4", "--speedup-ratio", "7", "--timestamp-digits", "2",
      "--block-size", "512", "--compact" }
    assert.equal('{"timestamp":0,"input_length":417,"output_length":0,"hash_ids":[0],"model": "GPT-4", "log_type": "API log"}\n'
      .. '{"timestamp":20000,"input_length":184,"output_length":2,"hash_ids":[1],"model": "GPT-4", "log_type": "API log"}\n', result.out)
  end)

  it("draws blocks by seed, from 0 to --num-hash-blocks", function()
    local path = file("log.csv", burstgpt)
    local one = convert { path, "-o", "-", "--num-hash-blocks", "0" }
    assert.matches('"hash_ids": %[0, 1, 2, 3%], .*}\n{.*"hash_ids": %[0, 1, 2, 3, 4, 5, 6, 7, 8%], ', one.out)
    local outs = {}
    for seed = 0, 1 do
      for _ = 1, 2 do
        outs[#outs + 1] = convert({ path, "-o", "-", "--num-hash-blocks", "1", "--seed", seed }).out
      end
    end
    assert.equal(outs[1], outs[2])
    assert.equal(outs[3], outs[4])
    assert.not_equal(outs[1], outs[3])
  end)

  it("says that an export of spans stands in one line", function()
    file("spans.json", '{\n  "resourceSpans": [\n  ]\n}\n')
    refused({ "spans.json", "-o", "out.jsonl" }, "spans.json:1:2: expected a member's name in quotes, but the line ends; "
      .. "an export stands in one line (jq -c makes one of many) (--skip-bad-lines passes over bad rows)")
  end)

  it("prints JSON", function()
    local path = file("log.csv", burstgpt)
    local target = folder .. "/t.jsonl"
    local result = convert { path, "--json", "-o", target, "--model", "GPT-4" }
    local err = ("moontide: %s: 2 requests in blocks of 128 (seed 0)\n"):format(target)
    assert.same({ status = 0, err = err, out = ('{"output_file": "%s", "logs": [{"file": "%s", '):format(target, path)
      .. '"format": "burstgpt", "columns": ["Timestamp", "Model", "Request tokens", "Response tokens", '
      .. '"Total tokens", "Log Type"], "speed_ratio": 1, "rows": 5, "bad_rows": 0, "requests": 2, "backwards": 0, '
      .. '"first": 45.0, "last": 185.0, "begins": 0.0, "ends": 140.0}], "rows": 5, "bad_rows": 0, '
      .. '"after_model": 2, "after_log_type": 2, "after_skip": 2, "requests": 2, "sessions": 0, '
      .. '"without_output": 1, "blocks": 6, "distinct_blocks": 6, '
      .. '"input_length": {"min": 184, "max": 417, "mean": 300.5, "std": 164.75588001646557}, '
      .. '"output_length": {"min": 0, "max": 2, "mean": 1.0, "std": 1.4142135623730951}, "longest": 417, '
      .. '"duration": 140.0, "rate": 0.014285714285714285, "peak_rate": 0.14285714285714285, "bin": 7.0, '
      .. '"rates": [0.14285714285714285' .. (", 0.0"):rep(18) .. ', 0.14285714285714285], "drawn_from": 10000}\n' }, result)
    local single = convert { path, "--json", "-o", target, "--num-prompt", "1" }
    assert.matches('"std": null}.* "duration": 0.0, "rate": null, "peak_rate": null, "bin": null, "rates": %[%], '
      .. '"drawn_from": 10000}\n$', single.out)
  end)

  it("reads any order of columns, quotes, CRLF, a byte order mark and .gz", function()
    local path = file("log.csv", '\239\187\191"Response tokens",Model,"Request tokens",Timestamp\r\n'
      .. '18,"Chat ""GPT"", new\nline","472",5\r\n\r\n"230",x,1087,45\r\n')
    local expected = trace:match "^[^\n]*\n[^\n]*\n":gsub('"log_type": "[^"]*"', ""):gsub(', }', "}")
      :gsub('"ChatGPT"', [["Chat \"GPT\", new\nline"]], 1):gsub('"ChatGPT"', '"x"')
    assert.equal(expected, convert({ path, "-o", "-" }).out)
    command.shell(("gzip '%s'"):format(path))
    assert.equal(0, convert({ "log.csv.gz" }, { folder = folder }).status)
    assert.equal(expected, command.read(folder .. "/log.jsonl"))
  end)

  it("lets the turns of a session share a growing prefix", function()
    local path = file("log.csv", "Session ID,Elapsed time,Timestamp,Model,Request tokens,Response tokens,Log Type\n"
      .. "a,1,1,m,300,100,x\n,1,2,m,300,100,x\na,1,3,m,500,10,x\n")
    local named = ', "model": "m", "log_type": "x"'
    local first = '{"timestamp": 0, "input_length": 300, "output_length": 100, "hash_ids": [0, 1, 2]'
    local second = '}\n{"timestamp": 1000, "input_length": 300, "output_length": 100, "hash_ids": [3, 4, 5]' .. named .. "}\n"
    local third = '{"timestamp": 2000, "input_length": 500, "output_length": 10, "hash_ids": [%s]'
    assert.equal(first .. ', "session_id": "a"' .. named .. second .. third:format "0, 1, 6, 7"
      .. ', "session_id": "a"' .. named .. "}\n", convert({ path, "-o", "-" }).out)
    assert.equal(first .. named .. second .. third:format "6, 7, 8, 9" .. named .. "}\n",
      convert({ path, "-o", "-", "--no-sessions" }).out)
  end)

  it("converts Azure's log, dates to seven digits", function()
    local text = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n"
      .. "2023-11-16 18:15:50.9951690,396,109\n"
    local path = file("azure.csv", text)
    assert.matches('{"timestamp": 4315, "input_length": 396, "output_length": 109, ',
      convert({ path, "-o", "-" }).out, 1, true)
    local result = convert { path, "-o", "-", "--timestamp-digits", "6", "--format", "azure" }
    assert.matches('{"timestamp": 4314.579, ', result.out, 1, true)
    assert.matches("\n  time: from 2023-11-16 18:15:46 to 2023-11-16 18:15:50\n", result.err, 1, true)
  end)

  it("shows numbers that are seconds since 1970 with their date", function()
    local path = file("since.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n1714521600123456,374,44\n1714521601123456,396,109\n")
    local result = convert { path, "-o", "-", "--time-unit", "us" }
    assert.truthy(result.err:find("\n  time: from 1714521600.123 s (2024-05-01 00:00:00, "
      .. "if since 1970) to 1714521601.123 s (2024-05-01 00:00:01, if since 1970)\n  at speed 1: from 0 s to 1 s\n", 1, true))
  end)

  it("converts the real Azure log", function()
    if missing then return pending(missing) end
    local result = convert { azure, "-o", folder .. "/azure.jsonl", "--json" }
    assert.equal(("moontide: %s/azure.jsonl: 19366 requests in blocks of 128 (seed 0)\n"):format(folder), result.err)
    assert.matches('"requests": 19366, "sessions": 0, "without_output": 0, "blocks": 184869, '
      .. '"distinct_blocks": 184869, "input_length": {"min": 2, "max": 14050, "mean": 1154.6974078281523, '
      .. '"std": 1108.822564486806', result.out, 1, true)
    assert.matches('"duration": 3501.721937, ', result.out, 1, true)
    assert.matches(": 19366 requests, 184869 blocks\n",
      command.run({ "analyze", folder .. "/azure.jsonl", "--block-size", "128" }).out)
  end)

  it("converts any CSV by the names of its columns", function()
    local path = file("own.csv", "user,sent at,got,in\nu,1500,3,20\nu,2250.5,4,10\n")
    local expected = '{"timestamp": 0, "input_length": 20, "output_length": 3, "hash_ids": [0], "session_id": "u"}\n'
      .. '{"timestamp": 750.5, "input_length": 10, "output_length": 4, "hash_ids": [1], "session_id": "u"}\n'
    local words = { path, "-o", "-", "--columns", "timestamp=sent at,input=in,output=got,session=user",
      "--time-unit", "ms", "--timestamp-digits", "3" }
    assert.equal(expected, convert(words).out)
    words[#words + 1] = "--format=csv"
    assert.equal(expected, convert(words).out)
    words[7] = "us"
    assert.matches('"timestamp": 0.751, ', convert(words).out, 1, true)
  end)

  it("joins logs, each at its own speed", function()
    file("a.csv", burstgpt)
    file("b@2.csv", burstgpt)
    local result = convert({ "--segment", "a.csv@2", "--segment", "b@2.csv", "--segment=a.csv@0.5", "-o", "-",
      "--speed-ratio", "10", "--model", "GPT-4" }, { folder = folder })
    local times = {}
    for time in result.out:gmatch '"timestamp": (%d+)' do times[#times + 1] = time end
    assert.equal("0 70000 70000 84000 84000 364000", table.concat(times, " "))
    assert.matches("\nb@2.csv: burstgpt, 5 rows\n.*  at speed 10: from 70 s to 84 s\n", result.err)
  end)

  it("puts rows into the order of their times, and says so", function()
    local path = file("log.csv", head .. "9,m,1,1,2,x\n5,m,2,1,3,x\n7,m,3,1,4,x\n6,m,4,1,5,x\n")
    local result = convert { path, "-o", "-" }
    assert.equal(0, result.status)
    local lengths = {}
    for length in result.out:gmatch '"input_length": (%d)' do lengths[#lengths + 1] = length end
    assert.equal("2431", table.concat(lengths))
    assert.matches(("moontide: %s:3: earlier than the row before it, and so are 1 more; the trace is in the order "
      .. "of its times\n"):format(path), result.err, 1, true)
  end)

  it("converts Bailian's, AIBrix's and ShareGPT's logs", function()
    local bailian = '{"chat_id": 8, "parent_chat_id": -1, "timestamp": 1.5, "input_length": 17, '
      .. '"output_length": 2, "type": "text", "turn": 1, "hash_ids": [70, 71]}\n'
    assert.equal('{"timestamp": 0, "input_length": 17, "output_length": 2, "hash_ids": [0, 1], "session_id": "8", '
      .. '"chat_id": 8, "parent_chat_id": -1, "type": "text", "turn": 1}\n',
      convert({ "-", "-o", "-" }, { input = bailian }).out)
    local aibrix = '{"timestamp": 100, "requests": [{"prompt_length": 5, "output_length": 1}, '
      .. '{"Prompt Length": 6, "Output Length": 1, "session_id": "s"}]}\n'
    assert.equal('{"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [0]}\n'
      .. '{"timestamp": 0, "input_length": 6, "output_length": 1, "hash_ids": [1], "session_id": "s"}\n',
      convert({ "-", "-o", "-", "--format", "aibrix" }, { input = aibrix }).out)
    local sharegpt = '[{"id": "c", "conversations": [{"from": "human", "value": "a b c"}, '
      .. '{"from": "gpt", "value": "d"}, {"from": "human", "value": "e"}, {"from": "gpt", "value": "f g"}]}]'
    local result = convert({ "-", "-o", "-", "--block-size", "2" }, { input = sharegpt })
    assert.equal('{"input_length": 3, "output_length": 1, "hash_ids": [0, 1], "session_id": "c"}\n'
      .. '{"input_length": 5, "output_length": 2, "hash_ids": [0, 2, 3], "session_id": "c"}\n', result.out)
    assert.matches("RPS: N/A (the log has no times)", result.err, 1, true)
  end)

  it("keeps rows without an answer and counts them", function()
    local result = convert({ "-", "-o", "-" }, { input = head .. "1,m,5,0,5,x\n2,m,5,0,5,x\n" })
    assert.matches("\nwithout output: 2 requests (kept)\n", result.err, 1, true)
    local _, lines = result.out:gsub('"output_length": 0', "")
    assert.equal(2, lines)
  end)

  -- --- bad input -----------------------------------------------------------------------------------

  it("passes over bad rows when told to, and says so", function()
    local path = file("log.csv", burstgpt:gsub("45,ChatGPT", "x,ChatGPT"):gsub("118,ChatGPT,", "118,"))
    local result = convert { path, "-o", folder .. "/t.jsonl", "--skip-bad-lines" }
    assert.equal(0, result.status)
    assert.matches("^" .. path:gsub("%p", "%%%0") .. ": burstgpt, 5 rows, 2 of them bad\n", result.out)
    assert.matches(("moontide: skipped 2 bad rows; the first: %s:3: column 'Timestamp' must be a time in seconds "
      .. "or a date (2023-11-16 18:15:46), not 'x'\n"):format(path), result.err, 1, true)
    local _, lines = command.read(folder .. "/t.jsonl"):gsub("\n", "")
    assert.equal(3, lines)
    refused_log(head .. "x,m,1,1,1,x\n", "bad.csv: all 1 rows are bad", { "--skip-bad-lines" })
  end)

  it("reports rows that are not as they must be", function()
    refused_row(head .. "1,m,1,1\n", "bad.csv:2: the row has 4 fields, the header has 6")
    refused_row(burstgpt .. "200,m,1", "bad.csv:7: the row has 3 fields, the header has 6"
      .. " (the file ends without a newline here: it seems to be cut)")
    refused_log(head .. '1,"m,1,1,2,x\n', "bad.csv:2: a quote that opens here is never closed")
    refused_row(head .. '1,m"n,1,1,2,x\n', "bad.csv:2:4: a quote inside a field that does not begin with one"
      .. ' (a field with quotes is written "say ""so""")')
    for value, must in pairs {
      many = "a whole number of at least 0, not 'many'", ["-5"] = "a whole number of at least 0, not '-5'",
      ["5.5"] = "a whole number of at least 0, not '5.5'",
      [""] = "a whole number of at least 0, not ''", ["1e3"] = "a whole number of at least 0, not '1e3'",
    } do
      refused_row(head .. "1,m," .. value .. ",1,2,x\n", "bad.csv:2: column 'Request tokens' must be " .. must)
    end
    refused_row(head .. "1,m,1,-1,2,x\n",
      "bad.csv:2: column 'Response tokens' must be a whole number of at least 0, not '-1'")
    refused_row(head .. "1,m,1,0.5,2,x\n",
      "bad.csv:2: column 'Response tokens' must be a whole number of at least 0, not '0.5'")
    for _, value in ipairs { "2023-02-30", "16/11/2023", "NaN", "inf", "" } do
      refused_row(head .. value .. ",m,1,1,2,x\n", "bad.csv:2: column 'Timestamp' must be a time in seconds or a "
        .. "date (2023-11-16 18:15:46), not '" .. value .. "'")
    end
    refused_row(head .. "1700158546680,m,1,1,2,x\n", "bad.csv:2: column 'Timestamp' must be within 292 years, in "
      .. "seconds (--time-unit names another unit), not '1700158546680'")
    refused_row(head .. "1,m,1,1,2,x\n2023-11-16,m,1,1,2,x\n",
      "bad.csv:3: column 'Timestamp': '2023-11-16' is a date, line 2 has a number")
  end)

  it("reports wrong and missing columns", function()
    refused_log("a,b\n1,2\n", "bad.csv:1: the columns are 'a', 'b': neither BurstGPT's (Timestamp, Request tokens, "
      .. "Response tokens) nor Azure's (TIMESTAMP, ContextTokens, GeneratedTokens); "
      .. "--columns says which of another CSV they are")
    refused_log("a;b\n1;2\n", "bad.csv:1: the columns are 'a', 'b': neither BurstGPT's (Timestamp, Request tokens, "
      .. "Response tokens) nor Azure's (TIMESTAMP, ContextTokens, GeneratedTokens); --columns says which of another CSV they are")
    refused_log(("abcdefghijklmnopqrst,"):rep(40) .. "z\n1\n", "bad.csv:1: the columns are "
      .. ("'abcdefghijklmnopqrst', "):rep(11) .. "...: neither BurstGPT's (Timestamp, Request tokens, Response tokens) "
      .. "nor Azure's (TIMESTAMP, ContextTokens, GeneratedTokens); --columns says which of another CSV they are")
    refused_log("Timestamp,Model\n1,2\n", "bad.csv:1: no column 'Request tokens'; the columns are 'Timestamp', 'Model'",
      { "--format", "burstgpt" })
    refused_log(burstgpt, "bad.csv:1: no column 'TIMESTAMPS'; the columns are 'Timestamp', 'Model', "
      .. "'Request tokens', 'Response tokens', 'Total tokens', 'Log Type'",
      { "--columns", "timestamp=TIMESTAMPS,input=Request tokens,output=Response tokens" })
    refused_log("TIMESTAMP,ContextTokens,GeneratedTokens\n1,1,1\n",
      "bad.csv: the log (azure) has no column of models to filter by", { "--model", "x" })
  end)

  it("reports files that are no logs", function()
    refused({ "none.csv" }, "none.csv: cannot open: No such file or directory")
    refused({ "." }, ".: no session is in this folder: no file of it is called *.json or *.jsonl")
    refused({ ".", "--format", "azure" }, ".: is a directory, not a file")
    refused_log("", "bad.csv: the file is empty")
    refused_log("\n\n", "bad.csv: the file is empty")
    refused_log(head, "bad.csv: there are no rows")
    refused_log(trace, "bad.csv:1: this is a trace already, not a log ('moontide cat' passes a trace on)")
    refused_log('{"a": 1}\n', "bad.csv:1: this is JSON, but of no log that is known: langfuse has traceId, mini-swe-agent "
      .. "model_stats, swe-agent trajectory, bailian chat_id, vllm-bench input_lens, guidellm benchmarks, inference-perf "
      .. "start_time, perf-analyzer experiments, inputs-json payloads, results metadata, dynamo request_id, dynamo-trace schema, "
      .. "weka requests and block_size, aibrix requests, lmcache input, claude-code parentUuid, codex session_meta, "
      .. "otel resourceSpans, sharegpt conversations "
      .. "(--format says which it is, and --columns names the members of other lines)")
    refused_log(trace, "bad.csv:1:1: expected a row with the columns' names, found JSON: '"
      .. trace:sub(1, 28) .. "...' (this is a trace already: 'moontide cat' passes a trace on)",
      { "--format", "burstgpt" })
    refused_log('{"chat_id": 1}', "bad.csv:1:1: expected a row with the columns' names, found JSON: '"
      .. "{\"chat_id\": 1}' (--format langfuse, mini-swe-agent, swe-agent, bailian, "
      .. "vllm-bench, guidellm, inference-perf, perf-analyzer, inputs-json, results, dynamo, dynamo-trace, weka, aibrix, "
      .. "lmcache, claude-code, codex, otel, sharegpt or json reads JSON)",
      { "--format", "azure" })
    refused_log('[{"chat_id": 1, "parent_chat_id": -1}]\n', "bad.csv:1:1: expected an object ('{') a line, found a list "
      .. "(jq -c '.[]' makes lines of one) (--skip-bad-lines passes over bad rows)")
    refused_log("\x1f\x8b\8", "bad.csv:1: this is gzip data: it is decompressed where the file's name ends in .gz, "
      .. "and 'zcat' does it for standard input")
    for _, format in ipairs { "bailian", "aibrix" } do
      refused_row(burstgpt, "bad.csv:1:1: expected an object ('{'), found '" .. head:sub(1, 44) .. "...'",
        { "--format", format })
    end
    refused_log(burstgpt, "bad.csv:1:1: expected a list of conversations ('['), found '" .. head:sub(1, 24) .. "'",
      { "--format", "sharegpt" })
    refused_log('[{"conversations": [', "bad.csv:1: the file ends inside the conversation that begins here"
      .. " (it seems to be cut)")
  end)

  it("refuses logs that cannot follow one another, and times too far apart", function()
    file("log.csv", burstgpt)
    file("b.jsonl", '{"chat_id": 8, "timestamp": 1.5, "input_length": 17, "output_length": 2}\n')
    file("s.json", '[{"messages": [{"role": "user", "content": "a b"}, {"role": "gpt"}]}]')
    refused({ "--segment", "log.csv", "--segment", "b.jsonl", "-o", "t" }, "convert: b.jsonl: this log has blocks of "
      .. "16 tokens, the one before of 128: say the block size of all of them", 2)
    refused({ "--segment", "log.csv", "--segment", "s.json", "-o", "t" },
      "s.json: a log with times and one without (sharegpt) cannot follow one another")
    refused({ "--segment", "s.json", "--segment", "log.csv", "-o", "t" },
      "log.csv: a log with times and one without (sharegpt) cannot follow one another")
    file("log.csv", head .. "-9e9,m,1,1,2,x\n9e9,m,1,1,2,x\n")
    refused({ "log.csv", "-o", "t" }, "convert: log.csv: at a speed of 1, its times span more than 292 years", 2)
    file("log.csv", head .. "0,m,1,1,2,x\n9e8,m,1,1,2,x\n")
    refused({ "log.csv", "-o", "t", "--speed-ratio", "0.05" },
      "convert: log.csv: at a speed of 0.05, its times span more than 292 years", 2)
  end)

  it("names sessions of several logs apart, and shares the blocks of equal texts", function()
    file("a.csv", "Timestamp,Request tokens,Response tokens,Session ID\n1,300,1,5\n2,300,1,\n")
    local result = convert({ "--segment", "a.csv", "--segment", "a.csv", "-o", "-" }, { folder = folder })
    assert.matches('^{"timestamp": 0, [^\n]*"session_id": "5"}\n[^\n]*\n'
      .. '{"timestamp": 1000, [^\n]*"session_id": "5/2"}\n', result.out)
    file("s.json", '[{"messages": [{"role": "user", "content": "a b"}, {"role": "gpt"}]}]')
    result = convert({ "--segment", "s.json", "--segment", "s.json", "-o", "-" }, { folder = folder })
    assert.matches("\nblocks: 2, 1 of them different; 2 sessions\n", result.err, 1, true)
  end)

  it("writes while it reads a log that has no times", function()
    local conversation = '{"messages": [{"role": "user", "content": "a b"}, {"role": "gpt", "content": "c"}]}\n'
    local result = command.shell(("{ yes '%s' | head -n 60000; sleep 1; } | $MOONTIDE convert - -o - 2>/dev/null"
      .. " | { head -c 100 >first; date +%%s%%N >shown; cat >/dev/null; date +%%s%%N >>shown; }"):format(conversation:sub(1, -2)),
      { folder = folder })
    assert.equal(0, result.status)
    local shown, ended = command.read(folder .. "/shown"):match "(%d+)\n(%d+)"
    assert.is_true(math.tointeger(ended) - math.tointeger(shown) > 500000000, "nothing came before the log's end")
    assert.equal('{"input_length": 2, "output_length": 1, ', command.read(folder .. "/first"):sub(1, 40))
  end)

  it("writes while it reads a log whose rows are said to be in order", function()
    local path = file("log.csv", burstgpt)
    local result = convert { path, "-o", "-", "--in-order", "--speed-ratio", "2" }
    assert.equal(0, result.status)
    assert.equal(convert({ path, "-o", "-", "--speed-ratio", "2" }).out, result.out)
    assert.matches("\n5 requests in 90 s: 0.05556 RPS on average\nmoontide: ", result.err, 1, true)
    refused_log(burstgpt .. "184,GPT-4,1,1,2,x\n",
      "bad.csv:7: earlier than the row before it: without --in-order rows are sorted", { "--in-order" })
    refused_log(head, "bad.csv: there are no rows", { "--in-order" })
    local rows = command.shell(("{ printf '%s'; yes 5,m,1,1,2,x | head -n 60000; sleep 1; } | $MOONTIDE convert - -o - "
      .. "--in-order 2>/dev/null | { head -c 40 >first; date +%%s%%N >shown; cat >/dev/null; date +%%s%%N >>shown; }")
      :format((head:gsub("\n", "\\n"))), { folder = folder })
    assert.equal(0, rows.status)
    local shown, ended = command.read(folder .. "/shown"):match "(%d+)\n(%d+)"
    assert.is_true(math.tointeger(ended) - math.tointeger(shown) > 500000000, "nothing came before the log's end")
  end)

  it("says what values there are when a filter keeps nothing", function()
    refused_log(burstgpt, "bad.csv: no row has the model 'gpt-4'; there are 'ChatGPT', 'GPT-4'", { "--model", "gpt-4" })
    refused_log(burstgpt, "bad.csv: no row has the log type 'Conversation log'; there is 'API log'",
      { "--model", "GPT-4", "--log-type", "Conversation log" })
    refused_log("[]", "bad.csv: there are no rows")
    refused_log(burstgpt, "bad.csv: no row is left of 5: the first 5 are skipped", { "--skip-num-prompt", "5" })
  end)

  it("refuses wrong options", function()
    file("log.csv", burstgpt)
    file("log.jsonl", "old\n")
    for words, message in pairs {
      [""] = "a log is required (LOG, --input-file or --segment)",
      ["log.csv --segment log.csv"] = "--input-file and --segment exclude each other",
      ["log.csv --speed-ratio 0"] = "--speed-ratio must be above 0, not 0",
      ["log.csv --speed-ratio -2"] = "--speed-ratio must be above 0, not -2",
      ["log.csv --speed-ratio nan"] = "--speed-ratio must be a number, not 'nan'",
      ["--segment log.csv@0"] = "--segment: the speed of 'log.csv' must be above 0, not 0",
      ["--segment log.csv@-1"] = "--segment: the speed of 'log.csv' must be above 0, not -1",
      ["--segment log.csv@nan"] = "--segment: the speed of 'log.csv' must be a number, not 'nan'",
      ["--segment log.csv@"] = "--segment: the speed of 'log.csv' must be a number, not ''",
      ["log.csv --num-prompt 0"] = "--num-prompt must be at least 1, not 0",
      ["log.csv --skip-num-prompt -1"] = "--skip-num-prompt must be at least 0, not -1",
      ["log.csv --block-size 0"] = "--block-size must be between 1 and 2147483648, not 0",
      ["log.csv --num-hash-blocks -1"] = "--num-hash-blocks must be at least 0, not -1",
      ["log.csv --format csv"] = "--format csv needs --columns timestamp=NAME,input=NAME,output=NAME",
      ["log.csv --format azure --columns timestamp=a,input=b,output=c"] = "--columns goes with --format csv or json",
      ["log.csv --columns timestamp=a,input=b"] = "--columns: output is required",
      ["log.csv --columns timestamp=a,input=b,outptu=c"] =
        "--columns: unknown option 'outptu' (did you mean 'output'?)",
      ["log.csv --columns when"] = "--columns must be timestamp=NAME,input=NAME,output=NAME and perhaps session=, "
        .. "model=, log_type=, not 'when'",
      ["log.csv --time-unit h"] = "--time-unit must be one of s, ms, us, ns, not 'h' (did you mean 's'?)",
      ["log.csv --format azur"] = "--format must be one of burstgpt, azure, csv, langfuse, mini-swe-agent, swe-agent, "
        .. "bailian, vllm-bench, guidellm, inference-perf, perf-analyzer, inputs-json, results, dynamo, dynamo-trace, weka, "
        .. "aibrix, lmcache, claude-code, codex, otel, sharegpt, json, not 'azur' (did you mean 'azure'?)",
    } do
      local list = {}
      for word in words:gmatch "%S+" do list[#list + 1] = word end
      refused(list, "convert: " .. message, 2)
    end
    assert.equal("old\n", command.read(folder .. "/log.jsonl"))
    file("b.jsonl", '{"chat_id": 8, "timestamp": 1.5, "input_length": 17, "output_length": 2}\n')
    refused({ "b.jsonl", "-o", "x", "--block-size", "20" },
      "convert: a bailian log has blocks of 16 tokens: the block size must be a multiple of 16, not 20", 2)
    refused({ "b.jsonl" }, "convert: the trace would replace the log b.jsonl: say where it goes with --output-file", 2)
    refused({ "--segment", "log.csv@2", "--segment", "b.jsonl@3", "-o", "b.jsonl" },
      "convert: the trace would replace the log b.jsonl: say where else it goes with --output-file", 2)
  end)

  it("leaves an old trace as it was when it fails", function()
    file("log.jsonl", "old\n")
    file("log.csv", burstgpt .. "bad\n")
    refused({ "log.csv" }, "log.csv:7: the row has 1 field, the header has 6 (--skip-bad-lines passes over bad rows)")
    assert.equal("old\n", command.read(folder .. "/log.jsonl"))
    file("log.csv", burstgpt)
    local result = convert { folder .. "/log.csv", "-o", "/dev/full" }
    assert.equal(1, result.status)
    assert.equal("moontide: /dev/full: cannot write: No space left on device\n", result.err)
  end)

  it("stops at a line of a gigabyte", function()
    local endless = "{ printf '%s'; head -c 1100000000 /dev/zero | tr '\\0' '%s'; } 2>/dev/null"
      .. " | $MOONTIDE convert - -o t %s"
    local function run(before, byte, words)
      return command.shell(endless:format(before, byte, words), { folder = folder })
    end
    local result = run(head:gsub("\n", "\\n") .. "1,m,", "x", "")
    assert.equal("moontide: standard input:2: a field of more than 1 MiB begins here (is its quote ever closed?)\n",
      result.err)
    assert.equal(1, result.status)
    result = run("a", "x", "--format burstgpt")
    assert.equal("moontide: standard input:1: a field of more than 1 MiB begins here (is its quote ever closed?)\n",
      result.err)
    result = run("a", ",", "--format burstgpt")
    assert.equal("moontide: standard input:1: the header has more than 65536 columns\n", result.err)
    assert.equal("", entries())
  end)

  it("stops at a JSON line of a gigabyte", function()
    if command.binary():find "sanitize" then return pending "too slow with sanitizers" end
    local result = command.shell("{ printf '{'; head -c 1100000000 /dev/zero; } 2>/dev/null"
      .. " | $MOONTIDE convert - -o t --format bailian", { folder = folder })
    assert.equal("moontide: standard input:1: line is longer than 1 GiB\n", result.err)
    assert.equal("", entries())
  end)

  it("fails when its statistics cannot be written", function()
    local path = file("log.csv", burstgpt)
    local result = command.shell(("$MOONTIDE convert '%s' >/dev/full"):format(path))
    assert.equal(1, result.status)
    assert.matches("moontide: standard output: [^\n]*\n$", result.err)
  end)

  it("leaves nothing when it is interrupted while it reads", function()
    -- Standard input stays open: it is interrupted while it reads, before there is anything to keep, once its status
    -- tells that it takes SIGINT (bit 1 of SigCgt, proc(5)).
    local result = command.shell("mkfifo p; exec 3<>p; printf 'Timestamp,Request tokens,Response tokens\\n1,1,1\\n' >&3; "
      .. "env --default-signal=INT $MOONTIDE convert - -o t <p & p=$!; "
      .. "until grep -q '^SigCgt:.*[2367abef]$' /proc/$p/status; do sleep 0.02; done; sleep 0.1; kill -INT $p; "
      .. "wait $p; status=$?; rm p; exit $status", { folder = folder })
    assert.equal(130, result.status)
    assert.equal("moontide: interrupted\n", result.err)
    assert.equal("", entries())
  end)

  it("is documented with every format there is", function()
    local guide = command.read "examples/traces.md":lower()
    local help = convert({ "--help" }).out
    local formats = require("moontide.core").log.formats
    assert.is_true(#formats >= 6)
    for _, format in ipairs(formats) do
      assert.truthy(help:find(format.name, 1, true), format.name)
      assert.truthy(help:find(format.title, 1, true), format.title)
      assert.truthy(guide:find(format.title:lower(), 1, true), format.title)
    end
  end)

  it("has help", function()
    local result = convert { "--help" }
    assert.equal(0, result.status)
    for _, word in ipairs { "--segment FILE[@SPEED]", "--columns", "--no-sessions", "--num-hash-blocks", "--json" } do
      assert.truthy(result.out:find(word, 1, true), word)
    end
  end)
end)
