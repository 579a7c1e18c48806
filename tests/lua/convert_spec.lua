-- mt.convert: logs into traces from a script, and the mistakes it may make.
local command = require "tests.support.command"
local mt = require "moontide"
local convert = require "moontide.trace.convert"

local folder

local function path(name)
  return folder .. "/" .. name
end

local function write(name, text)
  return command.write(folder, name, text)
end

local function read(name)
  return command.read(path(name))
end

-- What the script `text`, called my.lua, fails with.
local fails = require "tests.support.refusal".script_is

local head = "Timestamp,Model,Request tokens,Response tokens,Log Type\n"

describe("mt.convert", function()
  setup(function() folder = command.folder() end)
  teardown(command.remove_folders)

  it("gives what it counted", function()
    local log = write("log.csv", head .. "1,a,300,4,x\n3,b,100,0,x\n5,a,20,2,y\n")
    local result = assert(mt.convert(log, path "t.jsonl", { model = "a", timestamp_digits = 3 }))
    assert.equal(path "t.jsonl", result.output)
    assert.equal(3, result.rows)
    assert.equal(2, result.requests)
    assert.same({ 20, 300, 160.0 },
      { result.input_length.min, result.input_length.max, result.input_length.mean })
    assert.equal(4.0, result.duration)
    assert.equal(0.5, result.rate)
    assert.same({ 1, 0, 0, 1 }, result.in_bin)
    assert.same({ 1.0, 5.0, 0.0, 4.0 },
      { result.logs[1].first, result.logs[1].last, result.logs[1].begins, result.logs[1].ends })
    assert.equal('{"timestamp": 0, "input_length": 300, "output_length": 4, "hash_ids": [0, 1, 2], '
      .. '"model": "a", "log_type": "x"}\n{"timestamp": 4000, "input_length": 20, "output_length": 2, "hash_ids": [3], '
      .. '"model": "a", "log_type": "y"}\n', read "t.jsonl")
    assert.matches("2 requests in 4 s: 0.5 RPS on average", tostring(result), 1, true)
    -- Of hours nobody reads seconds.
    local day = write("day.csv", "Timestamp,Request tokens,Response tokens\n0,1,1\n86400,1,1\n")
    local text = tostring(assert(mt.convert(day, path "day.jsonl")))
    assert.matches("\n2 requests in 86400 s (1d): ", text, 1, true)
    assert.matches("RPS in bins of 1h12m, peak", text, 1, true)
    assert.matches("\n *22h48m │", text)
    assert.matches('"requests": 2', mt.json.encode(result), 1, true)
  end)

  it("joins logs, each at its own speed", function()
    local log = write("log.csv", head .. "1,a,300,4,x\n3,b,100,0,x\n")
    local result = assert(mt.convert({ log, { log, speed = 4 } }, path "t.jsonl", { speed_ratio = 2 }))
    assert.same({ 0.0, 1.0, 1.0, 1.5 }, { result.logs[1].begins, result.logs[1].ends, result.logs[2].begins,
      result.logs[2].ends })
    assert.equal(4, result.requests)
  end)

  it("takes the names of a CSV's columns", function()
    local log = write("log.csv", "t,i,o,s\n1,300,4,x\n3,100,0,x\n")
    local result = assert(mt.convert(log, path "t.jsonl",
      { columns = { timestamp = "t", input = "i", output = "o", session = "s" }, no_sessions = true }))
    assert.equal(0, result.sessions)
    assert.equal("csv", result.logs[1].format)
    assert.is_nil(read("t.jsonl"):find "session")
  end)

  it("tells what the world does wrong", function()
    assert.same({ nil, path "none" .. ": cannot open: No such file or directory", "io" },
      { mt.convert(path "none", path "t2.jsonl") })
    local log = write("bad.csv", head .. "x,a,300,4,x\n2,a,1,1,x\n")
    assert.same({ nil, log .. ":2: column 'Timestamp' must be a time in seconds or a date (2023-11-16 18:15:46), "
      .. "not 'x'", "input" }, { mt.convert(log, path "t2.jsonl") })
    assert.is_nil(io.open(path "t2.jsonl"))
    local result = assert(mt.convert(log, path "t2.jsonl", { skip_bad_lines = true }))
    assert.equal(1, result.bad)
    assert.matches("bad.csv:2: column", result.first_bad, 1, true)
  end)

  it("raises the caller's mistakes with his line", function()
    fails("mt.convert(5, 'x')",
      "my.lua:2: convert: the log must be a file's name, or a list of names and { name, speed = ... }, not 5")
    fails("mt.convert({}, 'x')",
      "my.lua:2: convert: the log must be a file's name, or a list of names and { name, speed = ... }, not a table")
    fails("mt.convert({ { 'x', speed = 0 } }, 'y')", "my.lua:2: convert: log 1: speed must be above 0, not 0")
    fails("mt.convert({ { 'x', spede = 0 } }, 'y')",
      "my.lua:2: convert: log 1: unknown option 'spede' (did you mean 'speed'?)")
    fails("mt.convert('x')", "my.lua:2: convert: path must be a file's name, not nil")
    fails("mt.convert('x', 'y', { modle = 'a' })",
      "my.lua:2: convert: unknown option 'modle' (did you mean 'model'?)")
    fails("mt.convert('x', 'y', { columns = { timestamp = 'a', input = 'b' } })",
      "my.lua:2: convert: columns: output is required")
    local log = write("log.csv", head .. "1,a,300,4,x\n")
    fails(("mt.convert(%q, 'y', { format = 'csv' })"):format(log), "my.lua:2: convert: a log of format csv needs "
      .. "the names of its columns: timestamp, input and output")
  end)

  it("names a trace after its log", function()
    for log, name in pairs {
      ["a.csv"] = "a.jsonl", ["dir.d/a"] = "dir.d/a.jsonl", ["a.b.csv.gz"] = "a.b.jsonl", ["-"] = "convert.jsonl",
      ["d/.csv"] = "d/.csv.jsonl", ["a.json"] = "a.jsonl",
    } do
      assert.equal(name, convert.output_name(log))
    end
  end)

  it("reads FILE@SPEED", function()
    local odd = write("a@2", "")
    assert.same({ "a.csv" }, convert.segment_of("a.csv", "x"))
    assert.same({ "a.csv", speed = 0.5 }, convert.segment_of("a.csv@0.5", "x"))
    assert.same({ "a@b.csv", speed = 1e3 }, convert.segment_of("a@b.csv@1e3", "x"))
    assert.same({ path "a", speed = 2 }, convert.segment_of(odd, "x"))
    local kept = write("a@b", "")
    assert.same({ kept }, convert.segment_of(kept, "x"))
    assert.same({ kept, speed = 3 }, convert.segment_of(kept .. "@3", "x"))
  end)
end)

describe("mt.trace.log", function()
  local log

  setup(function()
    log = os.tmpname()
    local file = assert(io.open(log, "wb"))
    file:write(head, "9,a,300,4,x\n5,b,100,0,x\nbad\n7,a,20,2,y\n")
    file:close()
  end)

  teardown(function() os.remove(log) end)

  it("is a pipe of the log's rows, on which every step works", function()
    local pipe = mt.trace.log(log, { skip_bad_lines = true })
    assert.equal("trace: " .. log, tostring(pipe))
    for _ = 1, 2 do
      local columns = assert(pipe:columns())
      assert.same({ 9000.0, 5000.0, 7000.0 }, columns:column("timestamp"):values())
    end
    local rows = {}
    for request in pipe:sort():from_zero():speed(2):where("input_length < 300"):requests() do
      rows[#rows + 1] = { request.timestamp, request.input_length, request.line }
    end
    assert.same({ { 0, 100, 3 }, { 1000, 20, 5 } }, rows)
    assert.equal(2, #mt.trace.log(log, { skip_bad_lines = true, model = "a" }):columns())
    assert.matches("Input Length +140%.00", tostring(mt.analyze(pipe:sort():from_zero():prompts { block_size = 128 },
      { block_size = 128 })))
  end)

  it("has prompts that depend on the row's place, not on filters, order or how often it is read", function()
    local function blocks(requests, given)
      given = given or {}
      given.num_hash_blocks, given.block_size = 1, 8
      local ids = {}
      for request in requests:prompts(given):requests() do ids[request.line] = request.hash_ids end
      return ids
    end
    local pipe = mt.trace.log(log, { skip_bad_lines = true })
    local all = blocks(pipe)
    assert.equal(38, #all[2])
    assert.same(all, blocks(pipe, { twice = true }))
    assert.same(all, blocks(pipe:columns()))
    -- Numbered by first appearance: a single request has 0, 1, 2, ... whatever it draws.
    assert.same({ 0, 1, 2 }, blocks(pipe:where "input_length == 20")[5])
    local two = blocks(pipe:where "input_length < 300")
    local function same_as(ids)
      local shared = 0
      while ids[3][shared + 1] and ids[3][shared + 1] == ids[5][shared + 1] do shared = shared + 1 end
      return shared
    end
    assert.equal(same_as(all), same_as(two))
  end)

  it("tells what is wrong when it is read", function()
    assert.same({ nil, log .. ":4: the row has 1 field, the header has 5", "input" },
      { mt.trace.log(log):columns() })
    assert.same({ nil, "no: cannot open: No such file or directory", "io" }, { mt.trace.log("no"):columns() })
    assert.same({ nil, "a bailian log has blocks of 16 tokens: the block size must be a multiple of 16, not 20",
      "value" }, { mt.trace.log(log, { format = "bailian", block_size = 20 }):columns() })
    fails("mt.trace.log(5)", "my.lua:2: trace.log: path must be a file's name, not 5")
    fails("mt.trace.log('x', { fromat = 'azure' })",
      "my.lua:2: trace.log: unknown option 'fromat' (did you mean 'format'?)")
    fails("mt.trace.log('x', { format = 'azur' })", "my.lua:2: trace.log: format must be one of burstgpt, azure, csv, "
      .. "langfuse, mini-swe-agent, swe-agent, bailian, vllm-bench, guidellm, inference-perf, perf-analyzer, inputs-json, "
      .. "results, dynamo, dynamo-trace, weka, aibrix, "
      .. "lmcache, claude-code, codex, otel, sharegpt, json, not 'azur' (did you mean 'azure'?)")
    assert.same({ nil, "columns: no input_length, which a prompt is made by", "input" },
      { mt.trace.pipe(mt.trace.columns { { timestamp = 1 } }):prompts():columns() })
  end)
end)

describe("mt.trace.join", function()
  it("keeps ids and not sessions with shared_ids", function()
    local one = mt.trace.columns { { timestamp = 0, hash_ids = { 3 }, session_id = "a" },
      { timestamp = 5, hash_ids = { 4 } } }
    local ids, names, times = {}, {}, {}
    for request in mt.trace.join({ one, one }, { gap = 0, shared_ids = true }):requests() do
      ids[#ids + 1], names[#names + 1], times[#times + 1] = request.hash_ids[1], request.session_id or "", request.timestamp
    end
    assert.same({ 3, 4, 3, 4 }, ids)
    assert.same({ "a", "", "a/2", "" }, names)
    assert.same({ 0, 5, 5, 10 }, times)
  end)
end)
