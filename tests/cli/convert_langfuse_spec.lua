-- Exports of Langfuse through the real binary: JSON lines, lists, pages, traces, CSV, by either set of names; and
-- everything that can be wrong with them.
local command = require "tests.support.command"
local mt = require "moontide"

local folder

before_each(function() folder = command.folder() end)
after_each(command.remove_folders)

local function run(line) return command.line(line, { folder = folder }) end

-- The requests that `convert NAME` makes of the text.
local function converted(name, text, more)
  command.write(folder, name, text)
  local result = run(("convert %s %s -o out.jsonl"):format(name, more or ""))
  assert.equal(0, result.status, result.err)
  local list = {}
  for one in mt.trace.open(folder .. "/out.jsonl") do
    list[#list + 1] = { one.session_id, one.timestamp, one.input_length, one.output_length or "none" }
  end
  return list, result
end

local function observation(second, usage, more)
  return ('{"id":"o%s","traceId":"t","type":"GENERATION","startTime":"2026-02-03T10:00:%sZ",'
    .. '"endTime":"2026-02-03T10:01:00Z","model":"m"%s,"usageDetails":%s}'):format(second, second, more or "", usage)
end
local two = { observation("07.250", '{"input":20,"output":3}', ',"sessionId":"s"'),
  observation("05", '{"input":10,"output":2,"total":12}', ',"input":[{"messages":"requests"}]') }
local rows = { { "t", 0, 10, 2 }, { "s", 2250, 20, 3 } }

describe("convert of Langfuse's observations", function()
  it("reads JSON lines, a list, pages of the API and a trace", function()
    local list = "[" .. table.concat(two, ",\n") .. "]"
    for _, text in ipairs { table.concat(two, "\n") .. "\n", list, '{"data":' .. list .. ',"meta":{"page":1}}\n',
      '{"id":"t","timestamp":"x","observations":' .. list .. ',"scores":[]}' } do
      local found, told = converted("l.json", text)
      assert.same(rows, found)
      assert.matches("langfuse, 2 rows", told.out)
    end
    -- The trace says whose session its observations are of.
    assert.same({ { "of the trace", 0, 10, 2 }, { "s", 2250, 20, 3 } },
      (converted("l.json", '{"sessionId":"of the trace","observations":' .. list .. "}")))
    -- Several pages one after another, the sessions of the first not those of the second.
    assert.same({ { "of the trace", 0, 10, 2 }, { "t", 3000, 7, 1 } },
      (converted("l.json", '{"sessionId":"of the trace","observations":[' .. two[2] .. ']}\n{"data":['
        .. observation("08", '{"input":7,"output":1}') .. "]}\n")))
    assert.equal(1, #converted("l.json", table.concat(two, "\n") .. observation("09", '{"input":1}')
      :gsub('"model":"m"', '"model":"other"'), "--model other"))
  end)

  it("knows the names of the blob storage, and older ones of the usage", function()
    assert.same({ { "s", 0, 12, 4 }, { "t", 500, 3, 0 }, { "t", 1000, 8, 9 } }, (converted("l.jsonl",
      '{"id":"1","trace_id":"t","type":"GENERATION","start_time":"2024-05-29 13:46:19.963000","session_id":"s",'
      .. '"usage_details":{"input":"12","output":"4","total":"16"},"input":"a","session":1}\n'
      .. '{"id":"2","trace_id":"t","start_time":"2024-05-29 13:46:20.463000","session_id":"","promptTokens":3,'
      .. '"completionTokens":0}\n'
      .. '{"id":"3","trace_id":"t","start_time":"2024-05-29 13:46:20.963","session_id":null,'
      .. '"usage":{"input":8,"output":9,"unit":"TOKENS"}}\n')))
  end)

  it("adds what is cached to the prompt, unless the total says that it is in it", function()
    for usage, expected in pairs {
      ['{"input":86,"input_cached_tokens":900,"output":10,"output_reasoning_tokens":5,"total":1001}'] = { 986, 15 },
      ['{"input":86,"cache_read_input_tokens":900,"cache_creation_input_tokens":14,"output":10}'] = { 1000, 10 },
      ['{"input":986,"cache_read_input_tokens":900,"output":10,"output_reasoning_tokens":5,"total":996}'] = { 986, 10 },
      ['{"input":5,"output":null}'] = { 5, "none" },
    } do
      assert.same({ { "t", 0, table.unpack(expected) } }, (converted("l.json", observation("01", usage))))
    end
  end)

  it("passes over what is no call of a model", function()
    local others = {}
    for _, kind in ipairs { "SPAN", "EVENT", "AGENT", "TOOL", "EMBEDDING" } do
      others[#others + 1] = observation("01", '{"input":5}'):gsub("GENERATION", kind)
    end
    assert.same(rows, (converted("l.jsonl", table.concat(others, "\n") .. "\n" .. table.concat(two, "\n"))))
    command.write(folder, "none.jsonl", others[1])
    assert.equal("moontide: none.jsonl: there are no rows\n", run("convert none.jsonl -o none").err)
  end)

  it("reads CSV", function()
    local header = '"id","traceId","type","startTime","model","usageDetails","sessionId","input"\n'
    local text = header .. '"1","t","SPAN","2026-02-03T10:00:00.000Z","","{}","",""\n'
      .. '"2","t","GENERATION","2026-02-03T10:00:05.000Z","m","{""input"":10,""output"":2}","","a ""quoted""\ntext"\n'
      .. '"3","t","GENERATION","2026-02-03T10:00:07.250Z","m","{""input"":20,""output"":3}","s",""\n'
    local found, told = converted("l.csv", text)
    assert.same(rows, found)
    assert.matches("langfuse, 2 rows", told.out)
    assert.same({ { 'a "b"', 0, 4, 5 } }, (converted("l.csv", "trace_id,start_time,inputTokens,outputTokens\n"
      .. '"a ""b""",2026-02-03 10:00:00,4,5\n')))
    for row, message in pairs {
      ['"t","GENERATION","soon","m","{}","",""'] = ":4: startTime must be a date, not soon",
      ['"t","GENERATION","","m","{}","",""'] = ":4: startTime is missing",
      ['"t","GENERATION","2026-02-03","m","","",""'] = ":4: a generation lacks its usage of input tokens",
      ['"t","GENERATION","2026-02-03","m","{","",""'] = ":4: the usage must be an object of counts, not {",
      ['"t","GENERATION","2026-02-03","m","5","",""'] = ":4: the usage must be an object of counts, not 5",
      ['"t","GENERATION","2026-02-03","m","{""input"":1} 2","",""'] =
        ':4: the usage must be an object of counts, not {"input":1} 2',
      ['"t","GENERATION","2026-02-03","m","{""input"":1}","\xff",""'] = ":4: the session must be UTF-8, not ?",
      ['"t"'] = ":4: the row has 2 fields, the header has 8",
    } do
      command.write(folder, "bad.csv", header .. '"1","t","GENERATION","2026-02-03","m","{""input"":1}","","a\nb"\n'
        .. '"9",' .. row .. "\n" .. '"1","t","GENERATION","2026-02-03","m","{""input"":1}","",""\n')
      local result = run "convert bad.csv -o bad.jsonl"
      assert.equal("moontide: bad.csv" .. message .. " (--skip-bad-lines passes over bad rows)\n", result.err)
      assert.equal(1, result.status)
      assert.is_false(command.exists(folder .. "/bad.jsonl"))
      assert.equal(0, run("convert bad.csv -o bad.jsonl --skip-bad-lines").status)
      os.remove(folder .. "/bad.jsonl")
    end
    for text_of, message in pairs {
      ["a,usageDetails\n"] = "this is no export of Langfuse's observations: there is no column startTime",
      ["a,startTime\n"] = "this is no export of Langfuse's observations: there is no column usageDetails",
      ["startTime,usageDetails,startTime\n"] = "several columns are called 'startTime'",
    } do
      command.write(folder, "bad.csv", text_of)
      assert.equal("moontide: bad.csv:1: " .. message .. "\n", run("convert bad.csv --format langfuse -o b").err)
    end
  end)

  it("says which observation is wrong, and passes over it when told to", function()
    for text, message in pairs {
      [observation("01", "5")] = ":2:%d+: the usage must be an object of counts, not 5",
      [observation("01", "{}")] = ":2:1: a generation lacks its usage of input tokens",
      [observation("01", "null")] = ":2:1: a generation lacks its usage of input tokens",
      [observation("01", '{"input":-1}')] = ":2:%d+: the usage's counts must be whole numbers of at least 0, not %-1",
      [observation("01", '{"input":"x"}')] = ":2:%d+: the usage's counts must be whole numbers of at least 0, not \"x\"",
      [observation("01", '{"input":9223372036854775807,"input_a":9223372036854775807,"input_b":9}')] =
        ":2:%d+: the sum of the usage is 2%^64 or more",
      [observation("01", '{"input":9223372036854775807}')] = ":2:1: the prompt is too large",
      [observation("01", '{"input":1}'):gsub('"startTime":"[^"]*",', "")] = ":2:1: startTime is missing",
      [observation("01", '{"input":1}'):gsub('"startTime":"[^"]*"', '"startTime":5')] =
        ":2:%d+: startTime must be a date, not 5",
      [observation("01", '{"input":1}', ',"sessionId":5')] = ":2:%d+: the session must be a string, not 5",
      [observation("01", '{"input":1}'):gsub('"usageDetails":', '"usageDetails" ')] = ":2:%d+: expected ':', found '{\"in.*",
    } do
      command.write(folder, "l.jsonl", two[1] .. "\n" .. text .. "\n" .. two[2] .. "\n")
      local result = run "convert l.jsonl -o bad.jsonl"
      assert.equal(1, result.status, text)
      assert.matches("^moontide: l%.jsonl" .. message .. " %(%-%-skip%-bad%-lines passes over bad rows%)\n$", result.err)
      assert.is_false(command.exists(folder .. "/bad.jsonl"))
      assert.equal(0, run("convert l.jsonl -o bad.jsonl --skip-bad-lines").status)
      os.remove(folder .. "/bad.jsonl")
    end
    command.write(folder, "l.jsonl", two[1] .. "\n" .. two[2]:sub(1, 90))
    assert.matches("^moontide: l%.jsonl:2: the file ends inside the observation that begins here",
      run("convert l.jsonl -o bad.jsonl").err)
  end)
end)
