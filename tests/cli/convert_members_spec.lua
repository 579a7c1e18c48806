-- `moontide convert --columns` of lines of JSON whose members nobody knows but the user.
local command = require "tests.support.command"
local json = require("moontide.base.json").public.json

local function row(time, usage, model, status, session)
  return ('{"@timestamp": "2026-11-23T00:00:%s", %s, "model": "%s", "status": %d, "conversation": {"id": %s}}\n'):format(time,
    usage, model, status, session)
end

local log = row("10.25Z", '"usage": {"prompt_tokens": 300, "completion_tokens": 20}', "large", 200, '"a"') .. "\n"
  .. row("12+00:00", '"usage": {"prompt_tokens": "130", "completion_tokens": 7.0}', "small", 429, "null")
  .. row("11Z", '"\\u0075sage": {"prompt_tokens": 5, "completion_tokens": 0}', "large", 200, "7")
local names = "timestamp=@timestamp,input=usage.prompt_tokens,output=usage.completion_tokens"

local function convert(text, words)
  local folder = command.folder()
  command.write(folder, "gateway.jsonl", text)
  local result = command.shell('exec "$MOONTIDE" convert gateway.jsonl -o out.jsonl --block-size 100 ' .. words,
    { folder = folder })
  result.rows = {}
  if result.status == 0 then
    for line in command.read(folder .. "/out.jsonl"):gmatch "[^\n]+" do result.rows[#result.rows + 1] = json.decode(line) end
  else
    assert.is_false(command.exists(folder .. "/out.jsonl"))
  end
  return result
end

describe("moontide convert --columns of lines of JSON", function()
  after_each(command.remove_folders)

  it("reads members by their names and by paths to them, in the order of their times", function()
    local result = convert(log, "--columns " .. names .. ",session=conversation.id,model=model,log_type=status")
    assert.equal(0, result.status, result.err)
    local found = {}
    for i, one in ipairs(result.rows) do
      found[i] = { one.timestamp, one.input_length, one.output_length, one.session_id, #one.hash_ids }
    end
    assert.same({ { 0, 300, 20, "a", 3 }, { 750, 5, 0, 7, 1 }, { 1750, 130, 7, nil, 2 } }, found)
    assert.truthy(result.out:find("gateway.jsonl: json, 3 rows\n  time: from 2026-11-23 00:00:10 to 2026-11-23 00:00:12",
      1, true), result.out)
  end)

  it("filters by model and type, be they strings or numbers", function()
    local all = "--columns " .. names .. ",model=model,log_type=status "
    assert.equal(2, #convert(log, all .. "--log-type 200").rows)
    assert.equal(1, #convert(log, all .. "--log-type 429 --model small").rows)
    assert.equal(2, #convert(log, all .. "--format json --model large").rows)
  end)

  it("takes a name that goes on behind a NUL for another one, and an empty session for none", function()
    local text = ([[{"t\\u0000%s": 7, "t": %%d, "i": 100, "o": 1, "s": ""}]]):format(("x"):rep(200))
    local result = convert((text .. "\n" .. text .. "\n"):format(1, 2),
      "--columns timestamp=t,input=i,output=o,session=s")
    assert.equal(0, result.status, result.err)
    assert.same({ 0, 1000 }, { result.rows[1].timestamp, result.rows[2].timestamp })
    for _, one in ipairs(result.rows) do assert.is_nil(one.session_id) end
    assert.not_same(result.rows[1].hash_ids, result.rows[2].hash_ids)
  end)

  it("tells rows apart by true and false", function()
    local text = '{"t": 1, "i": 100, "o": 1, "answered": true}\n{"t": 2, "i": 100, "o": 1, "answered": false}\n'
    local words = "--columns timestamp=t,input=i,output=o,log_type=answered --log-type "
    assert.equal(1, #convert(text, words .. "true").rows)
  end)

  it("takes a member of the whole name before one of an object, and the last of one name", function()
    local text = '{"t": 1, "a.b": 100, "a": {"b": 200}, "o": 1, "o": 2}\n{"t": 2, "a": {"b": 300}, "a.b": 400, "o": 3}\n'
      .. '{"t": 2.5, "a": {"b": 300, "b.c": 1}, "o": 3}\n'
    local result = convert(text, "--columns timestamp=t,input=a.b,output=o")
    assert.equal(0, result.status, result.err)
    local found = {}
    for i, one in ipairs(result.rows) do found[i] = { one.timestamp, one.input_length, one.output_length } end
    assert.same({ { 0, 100, 2 }, { 1000, 400, 3 }, { 1500, 300, 3 } }, found)
    result = convert(text, "--columns timestamp=t,input=a.b,output=o --time-unit ms --timestamp-digits 1")
    assert.same({ 0, 1, 1.5 }, { result.rows[1].timestamp, result.rows[2].timestamp, result.rows[3].timestamp })
  end)

  it("says of each bad row where and what it is, and passes over it when told to", function()
    local good = '{"t": 1, "n": {"in": 10, "out": 2}, "s": "x"}\n'
    local cases = {
      { '{"t": 1, "n": {"in": 10}, "s": 1}', ":2: 'n.out' is missing; the row has 't', 'n', 's' (--skip-bad-lines" },
      { '{"t": null, "n": {"in": 1, "out": 2}}', ":2: 't' is missing; the row has 't', 'n'" },
      { '{"t": 2, "n": [1]}', ":2: 'n.in' is missing; the row has 't', 'n'" },
      { '{"t": 2, "n": {"in": -1, "out": 2}}', ":2:22: n.in must be a whole number of at least 0, not -1" },
      { '{"t": 2, "n": {"in": "1.5", "out": 2}}', ':2:22: n.in must be a whole number of at least 0, not "1.5"' },
      { '{"t": 2, "n": {"in": {}, "out": 2}}', ":2:22: n.in must be a whole number of at least 0, not {}" },
      { '{"t": "noon", "n": {"in": 1, "out": 2}}', ':2:7: t must be a number or a date, not "noon"' },
      { '{"t": "2026-11-23", "n": {"in": 1, "out": 2}}', ":2:7: t is a date, that of line 1 is a number" },
      { '{"t": 1e30, "n": {"in": 1, "out": 2}}', ":2:7: t must be within 292 years (--time-unit names another unit), not 1e30" },
      { '{"t": 2, "n": {"in": 1, "out": 2}, "s": {}}', ":2:41: s must be a string or a number, not {}" },
      { '{"t": 2, "n": {"in": 1, "out": 2}', ":2:34: expected" },
      { '{"t": 2, "n": {"in": 1, "out": 2}} 3', ":2:36: expected the end of the line" },
      { "[1]", ":2:1: expected an object ('{')" },
    }
    for _, case in ipairs(cases) do
      local text = good .. case[1] .. "\n" .. good
      local columns = "--columns timestamp=t,input=n.in,output=n.out,session=s "
      local result = convert(text, columns)
      assert.equal(1, result.status, case[1])
      assert.truthy(result.err:find("moontide: gateway.jsonl" .. case[2], 1, true), result.err)
      result = convert(text, columns .. "--skip-bad-lines")
      assert.equal(0, result.status, case[1] .. result.err)
      assert.equal(2, #result.rows)
      assert.truthy(result.err:find("gateway.jsonl" .. case[2]:match "^[:%d]+", 1, true), result.err)
    end
  end)

  it("adds up members, of which those that are not there count nothing", function()
    local text = '{"t": 1, "u": {"in": 4, "read": "15000", "made": null}, "o": 2, "a+b": 9, "a": 1, "b": 1}\n'
      .. '{"t": 2, "u": {"read": 300}, "o": 3, "a": 1}\n'
    local result = convert(text, "--columns timestamp=t,input=u.in+u.read+u.made,output=o")
    assert.equal(0, result.status, result.err)
    assert.same({ 15004, 300 }, { result.rows[1].input_length, result.rows[2].input_length })
    -- A member of that very name goes before.
    result = convert(text, "--columns timestamp=t,input=o,output=a+b")
    assert.same({ 9, 1 }, { result.rows[1].output_length, result.rows[2].output_length })
    for words, message in pairs {
      ["input=u.x+u.y,output=o"] = "gateway.jsonl:1: 'u.x+u.y' is missing; the row has 't', 'u', 'o'",
      ["input=u.in+t+u,output=o"] = "gateway.jsonl:1:15: u must be a whole number of at least 0, not {",
      ["input=o+u.in,output=o+zz"] = "moontide: gateway.jsonl: no row has 'zz', a part of 'o+zz'",
      ["input=o+cachd,output=o --skip-bad-lines"] = "moontide: gateway.jsonl: no row has 'cachd', a part of 'o+cachd'",
      ["input=o+u.in+,output=o"] = "what is added up are names of members with a + between them, at most 64, not 'o+u.in+'",
      ["input=o,output=+"] = "at most 64, not '+'",
      ["input=o" .. ("+o"):rep(64) .. ",output=o"] = "at most 64, not 'o+o",
      ["input=o" .. ("+o"):rep(63) .. ",output=o"] = false,
    } do
      result = convert(text, "--columns timestamp=t," .. words)
      local is_usage = message and message:find "at most 64"
      assert.equal(is_usage and 2 or message and 1 or 0, result.status, result.err)
      if message then assert.truthy(result.err:find(message, 1, true), result.err) end
    end
    -- A row that is passed over has its parts all the same.
    result = convert('{"t": 1, "a": "x", "b": 1, "o": 1}\n{"t": 2, "a": 3, "o": 1}\n{"t": 3, "a": 4, "o": 1}\n',
      "--skip-bad-lines --columns timestamp=t,input=a+b,output=o")
    assert.equal(0, result.status, result.err)
    assert.equal(2, #result.rows)
    result = convert('{"t": 1, "a": 18446744073709551615, "b": 1, "o": 1}\n', "--columns timestamp=t,input=a+b,output=o")
    assert.truthy(result.err:find("gateway.jsonl:1: the sum of a+b is 2^64 or more", 1, true), result.err)
  end)

  it("guesses the names of a log that nobody knows, for its error", function()
    local cases = {
      { log, "perhaps --columns timestamp=@timestamp,input=usage.prompt_tokens,output=usage.completion_tokens)" },
      { '{"reqTime": 17.5, "tokIn": 3, "tokOut": 4, "latency": 1}\n',
        "perhaps --columns timestamp=reqTime,input=tokIn,output=tokOut)" },
      { "ts,model,prompt_tok,completion_tok,response_time\n0,a,1,2,3\n",
        "perhaps --columns timestamp=ts,input=prompt_tok,output=completion_tok\n" },
      { "ts,cached_prompt_tokens,prompt_tokens,completion_tokens,total_time\n0,1,2,3,4\n",
        "perhaps --columns timestamp=ts,input=prompt_tokens,output=completion_tokens\n" },
      { '{"created": 1, "usage": {"prompt_tokens_details": {"cached_tokens": 1}, "prompt_tokens": 2, '
        .. '"completion_tokens": 3}}\n',
        "perhaps --columns timestamp=created,input=usage.prompt_tokens,output=usage.completion_tokens)" },
      { "created_at,request,request_tokens,response_tokens\n0,a,1,2\n",
        "perhaps --columns timestamp=created_at,input=request_tokens,output=response_tokens\n" },
      { '{"startTime": "2026-01-01T00:00:00Z", "completionStartTime": 1, "usage": {"input": 2, "output": 3}}\n',
        "perhaps --columns timestamp=startTime,input=usage.input,output=usage.output)" },
      { "start_time,prompt_len,gen_len,user\n0,1,2,a\n",
        "perhaps --columns timestamp=start_time,input=prompt_len,output=gen_len\n" },
      { "arrived_at,num_prefill_tokens,num_decode_tokens\n0,1,2\n",
        "perhaps --columns timestamp=arrived_at,input=num_prefill_tokens,output=num_decode_tokens\n" },
      { '{"start": 1, "prefill_ms": 2, "prompt_size": 3, "decode_ms": 4, "gen_speed": 5, "generated": 6}\n',
        "perhaps --columns timestamp=start,input=prompt_size,output=generated)" },
      { '{"start": 1, "request_ms": 2, "output": 3}\n', "--columns names the members of other lines)\n" },
      { '{"start": 1, "input_tokens": 2, "gen_tokens_per_second": 3, "osl": 4}\n',
        "perhaps --columns timestamp=start,input=input_tokens,output=osl)" },
      { '{"t_start": 1, "isl": 2, "osl": 3}\n', "perhaps --columns timestamp=t_start,input=isl,output=osl)\n" },
      { '{"a": 1, "b": 2}\n', "--columns names the members of other lines)\n" },
      { "a,b\n1,2\n", "--columns says which of another CSV they are\n" },
      { '{"time": 1, "prompt=x": 2, "out,tokens": 3}\n', "--columns names the members of other lines)\n" },
    }
    for _, case in ipairs(cases) do
      local result = convert(case[1], "")
      assert.equal(1, result.status)
      assert.truthy(result.err:find(case[2], 1, true), result.err)
    end
  end)

  it("refuses options that do not fit", function()
    local cases = {
      { "--format json", 2, "--format json needs --columns timestamp=NAME,input=NAME,output=NAME" },
      { "--format weka --columns " .. names, 2, "--columns goes with --format csv or json" },
      { "--format csv --columns " .. names, 1, "found JSON" },
      { "--delimiter ';' --columns " .. names, 2, "a delimiter is for a CSV, this log is json" },
      { "--columns timestamp=a,input=b", 2, "output" },
    }
    for _, case in ipairs(cases) do
      local result = convert(log, case[1])
      assert.equal(case[2], result.status, result.err)
      assert.truthy(result.err:find(case[3], 1, true), result.err)
    end
  end)
end)
