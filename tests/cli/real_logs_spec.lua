-- Logs as people have them, through `convert`: dates, delimiters, rows of 0 tokens, parts of messages, tokens
-- that nobody counted; and what is made up of them.
local command = require "tests.support.command"
local json = require("moontide").json

local folder

local function file(name, text)
  return command.write(folder, name, text)
end

-- The requests of a log, and what the command printed.
local function convert(text, name, ...)
  local path = file(name or "log.csv", text)
  local result = command.run { "convert", path, "-o", "-", ... }
  local requests = {}
  for line in result.out:gmatch "[^\n]+" do requests[#requests + 1] = json.decode(line) end
  return requests, result
end

local azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n"

describe("a log's times", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("may be dates in the forms of ISO 8601", function()
    local first = "2023-11-16 18:17:03"
    for text, milliseconds in pairs {
      ["2023-11-16 18:17:03,123"] = 123, ["20231116T181703"] = 0, ["2023/11/16 18:17:04"] = 1000,
      ["20231116T181703.5Z"] = 500, ["20231116T181703,25+0000"] = 250, ["2023-11-16T18:18"] = 57000,
      ["2023-11-16T19:18+01:00"] = 57000, ["2023-W46-4T18:18"] = 57000, ["2023W464T1818"] = 57000,
      ["2023-320T18:17:04"] = 1000, ["2023320T181704"] = 1000, ["2023-11-16t18:17:04z"] = 1000,
      ["2023-11-17"] = 20577000, ["2023/11/17"] = 20577000, ["2023-11-16T24:00"] = 20577000,
      ["2023-11-16T18.5"] = 777000, ["2023-11-16 18:17:04 GMT"] = 1000, ["20231116T19"] = 2577000,
    } do
      local requests, result = convert(azure .. first .. ',1,1\n"' .. text .. '",1,1\n', nil, "--timestamp-digits", "6")
      assert.equal(2, #requests, text .. result.err)
      assert.equal(milliseconds, requests[2].timestamp, text)
    end
    for _, text in ipairs { "2023-11/16", "2023-W54-1", "2022-W53-1", "2023-366", "20231116T1817:03", "2023-11-16T18:",
      "2023-11-16T24:01", "2023-11-16 18:17:03,", "16/11/2023", "2023-11-16T1" } do
      local requests, result = convert(azure .. '"' .. text .. '",1,1\n')
      assert.equal(0, #requests, text)
      assert.truthy(result.err:find("'" .. text .. "'", 1, true), result.err)
    end
  end)
end)

it("messages may have parts within parts, and calls of tools in any form", function()
  folder = command.folder()
  local function lengths(said, answered)
    local requests, result = convert(('[{"id": "a", "messages": [{"role": "user", %s}, {"role": "assistant", %s}]}]')
      :format(said, answered), "log.json", "--count", "words")
    assert.equal(1, #requests, result.err)
    return requests[1].input_length, requests[1].output_length, result.err
  end
  local text = '"content": "a b c"'
  for said, expected in pairs {
    ['"content": [{"type": "tool_result", "content": [{"type": "text", "text": "x y"}, "z"]}]'] = 3,
    ['"content": {"content_type": "text", "parts": ["x y", null]}'] = 2,
    ['"parts": [{"text": "x"}, {"text": "y z"}]'] = 3,
    ['"content": [{"type": "thinking", "thinking": "x y"}, {"type": "text", "text": {"value": "z"}}]'] = 3,
  } do
    local input, output, err = lengths(said, text)
    assert.same({ expected, 3 }, { input, output }, said)
    assert.falsy(err:find("without a text", 1, true), said)
  end
  for answered, expected in pairs {
    ['"content": [{"type": "tool_use", "id": "t", "name": "find", "input": {"query": "x"}}]'] = 3,
    ['"content": null, "tool_calls": [{"function": {"name": "find", "arguments": {"query": "x"}}}]'] = 3,
    ['"content": null, "tool_calls": [{"function": {"name": "find", "arguments": "{}"}}]'] = 2,
  } do
    local input, output = lengths(text, answered)
    assert.same({ 3, expected }, { input, output }, answered)
  end
  local _, result = convert('[{"messages": [{"role": "user", "content": 5}]}]', "log.json")
  assert.truthy(result.err:find("value (content) must be a string or a list of parts, not 5", 1, true), result.err)
  command.remove_folders()
end)

it("dates may be strings of JSON too", function()
  folder = command.folder()
  local rows = {}
  for i, time in ipairs { [["2023-11-16 18:17:03,123"]], [["2023\/11\/16T18:17:04Z"]], [["20231116T181705"]],
    [["2023-11-16T19:17:06+01:00"]], "1700158627000", [["1700158628000"]] } do
    rows[i] = ('{"timestamp": %s, "requests": [{"prompt_length": 9, "output_length": 1}]}\n'):format(time)
  end
  local requests, result = convert(table.concat(rows), "log.jsonl")
  assert.equal(6, #requests, result.err)
  local times = {}
  for i, request in ipairs(requests) do times[i] = request.timestamp end
  assert.same({ 0, 877, 1877, 2877, 3877, 4877 }, times)
  requests, result = convert('{"chat_id": 1, "parent_chat_id": -1, "timestamp": "2023-11-16T18:17:04", "input_length": 16, '
    .. '"output_length": 1, "type": "text", "turn": 1, "hash_ids": [1]}\n', "log.jsonl")
  assert.equal(1, #requests, result.err)
  result = select(2, convert('{"timestamp": "yesterday", "requests": []}\n', "log.jsonl"))
  assert.truthy(result.err:find('timestamp must be a number or a date, not "yesterday"', 1, true), result.err)
  command.remove_folders()
end)

describe("a CSV's delimiter", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("is recognised, and with it the decimal comma", function()
    local rows = { "Timestamp|Request tokens|Response tokens", "0_5|472|18", "1_75|1087|230" }
    local text = table.concat(rows, "\n") .. "\n"
    for delimiter, point in pairs { [";"] = ",", ["\t"] = ",", ["|"] = ",", [","] = "." } do
      for _, before in ipairs { "", "\xEF\xBB\xBF", delimiter ~= "," and "sep=" .. delimiter .. "\r\n" or "" } do
        local log = before .. text:gsub("|", delimiter):gsub("_", point)
        local requests, result = convert(log)
        assert.equal(2, #requests, result.err)
        assert.equal(1250, requests[2].timestamp)
        assert.equal(1087, requests[2].input_length)
        assert.equal(230, requests[2].output_length)
      end
    end
    local requests = convert(text:gsub("|", ":"):gsub("_", "."), nil, "--delimiter", ":")
    assert.equal(1250, requests[2].timestamp)
    requests = convert("sep=,\n" .. text:gsub("|", ";"):gsub("_", ","), nil, "--delimiter", ";")
    assert.equal(1250, requests[2].timestamp)
    requests = convert(text:gsub("|", "\t"):gsub("_", "."), nil, "--delimiter", "tab")
    assert.equal(1250, requests[2].timestamp)
  end)

  it("makes nothing up: lines count on, a thousand is no 1, a name may hold a semicolon", function()
    local head = "Timestamp;Request tokens;Response tokens\n"
    local _, result = convert("sep=;\n" .. head .. "0;1;1\n1;x;1\n")
    assert.truthy(result.err:find(":4: column 'Request tokens' must be", 1, true), result.err)
    _, result = convert(head .. "0;1,000;1\n")
    assert.truthy(result.err:find("must be a whole number of at least 0, not '1,000'", 1, true), result.err)
    _, result = convert(head .. "0;1.000;1\n")
    assert.truthy(result.err:find("must be a whole number of at least 0, not '1.000'", 1, true), result.err)
    local requests = convert(head .. "0;472,0;18,00\n")
    assert.equal(472, requests[1].input_length)
    requests = convert('Timestamp,Request tokens,Response tokens,"a;b;c;d"\n0,1,2,x\n')
    assert.equal(2, requests[1].output_length)
    _, result = convert("[]", "l.json", "--delimiter", ";")
    assert.truthy(result.err:find("a delimiter is for a CSV, this log is sharegpt", 1, true), result.err)
    result = command.run { "convert", file("l.csv", head), "--delimiter", ";;" }
    assert.equal(2, result.status)
  end)

  it("is recognised in tables of rates too", function()
    local rates = file("rates.csv", "t;r\n0;1,5\n60;3\n")
    local script = file("r.lua", ([[local mt = require "moontide"
return mt.workload { mt.stream { arrivals = mt.even(mt.rate_of(%q, { time = "t", rate = "r" })), input = 1, output = 1 } }]])
      :format(rates))
    local result = command.run { script, "-o", "-" }
    local _, lines = result.out:gsub("\n", "")
    assert.equal(270, lines)
  end)
end)

describe("a log's rows", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("of 0 tokens are taken and counted", function()
    local requests, result = convert("Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      .. "1,m,0,0,0,x\n2,m,300,0,300,x\n3,m,0,5,5,x\n", nil, "--json")
    assert.equal(3, #requests)
    assert.same({ 0, 300, 0 }, { requests[1].input_length, requests[2].input_length, requests[3].input_length })
    assert.same({ 0, 3, 0 }, { #requests[1].hash_ids, #requests[2].hash_ids, #requests[3].hash_ids })
    assert.truthy(result.err:find('"without_input": 2', 1, true))
    result = select(2, convert(azure .. "1,0,0\n"))
    assert.truthy(result.err:find("without input: 1 request of 0 tokens", 1, true), result.err)
  end)

  it("that are bad name the flag that passes over them", function()
    local flag = "(--skip-bad-lines passes over bad rows)\n"
    for _, case in ipairs {
      { azure .. "1,x,1\n" }, { azure .. "x,1,1\n" }, { azure .. "1,1\n" }, { azure .. "1,-1,1\n" },
      { azure .. '1,a"b,1\n' }, { '{"chat_id": 1}\n', "l.jsonl" }, { '{"timestamp": 1, "requests": 5}\n', "l.jsonl" },
      { '{"timestamp": 1, "requests": [{"prompt_length": "x", "output_length": 1}]}\n', "l.jsonl" },
      { '[{"conversations": [{"value": "x"}]}]', "l.json" },
    } do
      for _, more in ipairs { {}, { "--in-order" } } do
        local _, result = convert(case[1], case[2], table.unpack(more))
        assert.equal(flag, result.err:sub(-#flag), case[1])
        assert.equal(1, result.status)
      end
      local path = file("good.csv", case[1])
      assert.falsy(command.run({ "convert", path, "-o", "-", "--skip-bad-lines" }).err:find("passes over", 1, true))
    end
    local _, result = convert(azure .. '1,"1,1\n')
    assert.falsy(result.err:find("skip-bad", 1, true)) -- nobody knows where the next row begins
  end)

  it("may lack an answer's length, and have a type", function()
    local requests, result = convert([[
{"timestamp": 0, "requests": [{"prompt_length": 20, "output_length": null}]}
{"timestamp": 500, "requests": []}
{"timestamp": 1000, "requests": [{"prompt_length": 20, "output_length": 5}]}
]], "a.jsonl")
    assert.equal(2, #requests)
    assert.is_nil(requests[1].output_length)
    assert.equal(5, requests[2].output_length)
    assert.truthy(result.err:find("output not known: 1 request (kept, without output_length)", 1, true), result.err)
    assert.truthy(result.err:find("Output Length           5          5         5.00", 1, true), result.err)
    local bailian = [[
{"chat_id": 1, "parent_chat_id": -1, "timestamp": 1, "input_length": 9, "output_length": null, "type": "text"}
{"chat_id": 2, "parent_chat_id": 1, "timestamp": 2, "input_length": 9, "output_length": 1, "type": "se\u0061rch"}
]]
    requests = convert(bailian, "b.jsonl", "--log-type", "search")
    assert.same({ 1, 2 }, { #requests, requests[1].chat_id })
    result = select(2, convert(bailian, "b.jsonl", "--log-type", "image"))
    assert.truthy(result.err:find("no row has the log type 'image'; there are 'text', 'search'", 1, true), result.err)
  end)
end)

-- A conversation of one question, whose prompt's tokens are counted.
local function tokens_of(text, ...)
  local talk = json.encode { { id = "c", messages = { { role = "user", content = text },
    { role = "assistant", content = "ok" } } } }
  local requests, result = convert(talk, "talk.json", ...)
  assert.equal(1, #requests, result.err)
  return requests[1].input_length, result
end

describe("a conversation's tokens", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("are estimated by script, within what vendors give", function()
    local function rate(text) return tokens_of(text) / utf8.len(text) end
    local english = "The tide rises twice a day because the moon pulls the water of the oceans towards itself, and the "
      .. "earth turns below. Where the coast is steep, few people notice; where it is flat, the sea walks for miles."
    assert.near(0.26, rate(english), 0.05)
    local words = select(2, english:gsub("%S+", ""))
    assert.near(4 / 3, tokens_of(english) / words, 0.25 * 4 / 3)
    assert.near(0.62, rate(("潮汐是由月球和太阳的引力以及地球自转共同作用下海水水位的周期性涨落现象"):rep(10)), 0.1)
    assert.near(0.65, rate "潮の満ち引きは月と太陽の引力によって起こり、満潮と干潮はほぼ一日に二回ずつある", 0.12)
    assert.near(0.33, rate "Приливы и отливы происходят из-за притяжения Луны и Солнца, а также вращения Земли", 0.08)
    assert.near(0.32, rate(("    for (int i = 0; i < count; i++) {\n        total += values[i] * weights[i];\n    }\n"):rep(5)),
      0.08)
    assert.equal(4, tokens_of "1234567890") -- three digits a token
  end)

  it("are counted as asked for, and the report says how", function()
    local text = "héllo wörld"
    assert.equal(2, (tokens_of(text, "--count", "words")))
    assert.equal(11, (tokens_of(text, "--count", "chars")))
    assert.equal(13, (tokens_of(text, "--count", "bytes")))
    assert.equal(5, (tokens_of(text, "--tokens-per-char", "0.5")))
    assert.equal(22, (tokens_of(text, "--tokens-per-char", "2")))
    for words, name in pairs { ["--count=script"] = "estimated by script", ["--count=bytes"] = "bytes",
      ["--tokens-per-char=0.5"] = "0.5 a character" } do
      local _, result = tokens_of(text, words)
      assert.truthy(result.err:find("\n  tokens: " .. name .. ",", 1, true), result.err)
      _, result = tokens_of(text, words, "--json")
      assert.truthy(result.err:find('"tokens": "' .. name .. '"', 1, true), result.err)
    end
    local path = file("t.json", "[]")
    local result = command.run { "convert", path, "--count", "words", "--tokens-per-char", "1" }
    assert.same({ 2, "moontide: convert: --count and --tokens-per-char exclude each other\n" },
      { result.status, result.err })
  end)

  it("share the blocks of equal beginnings however they are counted", function()
    local talk = json.encode { { messages = { { role = "user", content = "a b c d e f g h" },
      { role = "assistant", content = "i j" }, { role = "user", content = "k" }, { role = "assistant", content = "l" } } } }
    for _, words in ipairs { "--count=script", "--count=words", "--count=chars", "--tokens-per-char=0.7" } do
      local requests = convert(talk, "talk.json", "--block-size", "4", words)
      local whole = requests[1].input_length // 4
      assert.same({ table.unpack(requests[1].hash_ids, 1, whole) }, { table.unpack(requests[2].hash_ids, 1, whole) })
      assert.equal((requests[2].input_length + 3) // 4, #requests[2].hash_ids)
    end
  end)

  it("are those of parts with a text, and of tool calls", function()
    local requests, result = convert([=[[{"id":"mm","messages":[
      {"role":"user","content":[{"type":"text","text":"what is in"},{"type":"image_url","image_url":{"url":"x"}}," this"]},
      {"role":"assistant","content":"a cat"}]},
      {"id":"t","messages":[{"role":"user","content":"weather?"},
      {"role":"assistant","content":null,"tool_calls":[{"id":"c1","function":{"name":"weather","arguments":"{\"at\": 1}"}}]},
      {"role":"tool","content":"18 degrees"},{"role":"assistant","content":"It is 18 degrees"}]}]]=], "m.json",
      "--count", "words")
    local lengths = {}
    for i, request in ipairs(requests) do lengths[i] = request.input_length .. "+" .. request.output_length end
    assert.same({ "4+2", "1+3", "6+4" }, lengths)
    assert.truthy(result.err:find("1 part of messages without a text (pictures, sounds) count no tokens", 1, true))
    local _, bad = convert('[{"messages":[{"role":"user","content":5},{"role":"assistant","content":"x"}]}]', "b.json")
    assert.truthy(bad.err:find("value (content) must be a string or a list of parts, not 5", 1, true), bad.err)
  end)
end)

describe("what prompts share", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  -- A log of so many rows, of 1 to 4 blocks of 128 each.
  local function rows(header, row, count)
    local lines = { header }
    for i = 1, count do lines[i + 1] = row:format(i, 100 + i * 37 % 400) end
    return table.concat(lines, "\n") .. "\n"
  end

  local function analysis(...)
    return json.decode(command.run({ "analyze", folder .. "/t.jsonl", "--block-size", "128", "--json", ... }).out)
  end

  it("is nothing where a log only has lengths, unless it is drawn; analyze tells", function()
    local log = file("a.csv", rows("TIMESTAMP,ContextTokens,GeneratedTokens", "%d,%d,1", 3000))
    local result = command.run { "convert", log, "-o", folder .. "/t.jsonl" }
    assert.truthy(result.out:find("3000 prompts are unique: the log does not say what they share", 1, true), result.out)
    local found = analysis()
    assert.equal(0, found.hit_infinite.block)
    assert.is_nil(found.drawn_from)
    for _, blocks in ipairs { 50, 1000, 10000 } do
      result = command.run { "convert", log, "-o", folder .. "/t.jsonl", "--num-hash-blocks", blocks }
      assert.truthy(result.out:find(("of 3000 prompts drawn from 0 to %d (--num-hash-blocks)"):format(blocks), 1, true))
      found = analysis()
      assert.is_true(found.hit_infinite.block > 0)
      assert.near(blocks + 1, found.drawn_from, 0.1 * blocks)
    end
    local text = command.run({ "analyze", folder .. "/t.jsonl", "--block-size", "128" }).out
    assert.truthy(text:find("What prompts share looks drawn, block by block from about ", 1, true), text)
  end)

  it("is drawn as BurstGPT's converter does it, and said", function()
    local log = file("b.csv", rows("Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type",
      "%d,m,%d,1,1,x", 3000))
    local result = command.run { "convert", log, "-o", folder .. "/t.jsonl" }
    assert.truthy(result.out:find("of 3000 prompts drawn from 0 to 10000 (--num-hash-blocks; this is the default of "
      .. "BurstGPT's converter): what they share is invented", 1, true), result.out)
    assert.near(10001, analysis().drawn_from, 1500)
  end)

  it("is not taken for drawn in a real trace", function()
    local real, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"
    if missing then return pending(missing) end
    local result = json.decode(command.run({ "analyze", real, "--json" }).out)
    assert.is_nil(result.drawn_from)
  end)

  it("is not taken for drawn where a first block is popular", function()
    -- 60 system prompts of a block, all as popular, and a block of one's own.
    local lines = {}
    for i = 1, 3000 do
      lines[i] = ('{"timestamp": %d, "input_length": 200, "output_length": 1, "hash_ids": [%d, %d]}'):format(i,
        i * 7919 % 60, 1000 + i)
    end
    file("t.jsonl", table.concat(lines, "\n") .. "\n")
    assert.is_nil(analysis().drawn_from)
  end)
end)
