local mt = require "moontide"
local command = require "tests.support.command"
local core = require "moontide.core"

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

-- The message of a call that must fail.
local message_of = require "tests.support.refusal".message

local sample = [[
{"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]}
{"timestamp": 1500.25, "input_length": 10, "session_id": "gr\u00fc\u00dfe \"x\"", "delay": 3, "stream": "main"}

{"priority": 3, "timestamp": 3000, "session_id": 17, "hash_ids": [18446744073709551615, 9223372036854775807], "model": "m"}
]]

describe("mt.trace", function()
  setup(function() folder = command.folder() end)
  teardown(command.remove_folders)

  it("gives requests as tables", function()
    local requests = {}
    for r in assert(mt.trace.open(write("in.jsonl", sample))) do requests[#requests + 1] = r end
    assert.same({
      { timestamp = 0, input_length = 600, output_length = 5, hash_ids = { 0, 1 }, line = 1 },
      { timestamp = 1500.25, input_length = 10, session_id = 'grüße "x"', delay = 3, stream = "main", line = 2 },
      { timestamp = 3000, session_id = 17, line = 4, extra = '{"priority": 3, "model": "m"}',
        hash_ids = { "18446744073709551615", math.maxinteger } },
    }, requests)
    assert.equal("integer", math.type(requests[1].timestamp))
    assert.equal("integer", math.type(requests[3].session_id))
  end)

  it("writes requests that read back the same", function()
    local first, second = {}, {}
    local writer = assert(mt.trace.writer(path "out.jsonl"))
    for r in assert(mt.trace.open(write("in.jsonl", sample))) do
      assert.is_true(writer:write(r))
      r.line, first[#first + 1] = nil, r
    end
    assert.is_nil(io.open(path "out.jsonl"))
    assert.is_true(writer:finish())
    for r in assert(mt.trace.open(path "out.jsonl")) do
      r.line, second[#second + 1] = nil, r
    end
    assert.same(first, second)
    assert.equal('{"timestamp": 3000, "hash_ids": [18446744073709551615, 9223372036854775807], '
      .. '"session_id": 17, "priority": 3, "model": "m"}', read("out.jsonl"):match "\n([^\n]*)\n$")
  end)

  it("writes compactly, with fewer digits, and compressed", function()
    local columns = mt.trace.columns {
      { timestamp = 1.23456, hash_ids = { 1, 2.0 }, extra = ' {\n"a" : [1,\r\n2] } ' },
      { delay = 2, session_id = 1.5 },
      {},
    }
    assert.is_true(columns:write(path "c.jsonl", { compact = true, timestamp_digits = 2 }))
    assert.equal('{"timestamp":1.23,"hash_ids":[1,2],"a" : [1,  2]}\n{"session_id":1.5,"delay":2}\n{}\n',
      read "c.jsonl")
    assert.is_true(columns:write(path "c.jsonl.gz"))
    assert.equal("\31\139", read("c.jsonl.gz"):sub(1, 2))
    assert.equal(3, #assert(mt.trace.read(path "c.jsonl.gz")))
  end)

  it("reads into columns and gives them back", function()
    local columns = assert(mt.trace.read(write("in.jsonl", sample)))
    assert.equal(3, #columns)
    assert.same({ 0, 1 }, columns[1].hash_ids)
    assert.equal('grüße "x"', columns[2].session_id)
    assert.same({ 0, 1 }, columns[1.0].hash_ids)
    assert.is_nil(columns[1.5])
    assert.is_nil(columns.nothing)
    assert.is_nil(columns[0])
    assert.is_nil(columns[4])
    assert.is_nil(columns[-1])
    local lines = {}
    for r in columns:requests() do lines[#lines + 1] = r.line end
    assert.same({ 1, 2, 4 }, lines)
    assert.equal("columns: 3 requests, 3 s, 4 blocks", tostring(columns))
    assert.equal("columns: 0 requests, 0 blocks", tostring(mt.trace.columns()))
    assert.is_true(columns:write(path "again.jsonl"))
    assert.equal(3, #assert(mt.trace.read(path "again.jsonl")))
  end)

  it("gives single columns", function()
    local columns = assert(mt.trace.read(write("in.jsonl", sample)))
    local isl, times = columns:column "input_length", columns:column "timestamp"
    assert.equal(3, #isl)
    assert.equal(2, isl:count())
    assert.equal(610, isl:sum())
    assert.equal("integer", math.type(isl:sum()))
    assert.equal(305.0, isl:mean())
    assert.equal(10, isl:min())
    assert.equal(600, isl:max())
    assert.same({ 600, 10 }, isl:values())
    assert.equal(600, isl[1])
    assert.is_nil(isl[3])
    assert.same({ 0, 1500.25, 3000 }, times:values())
    assert.equal(4500.25, times:sum())
    assert.equal(2, columns:column("hash_count"):max())
    assert.is_nil(columns:column("turn"):mean())
    assert.is_nil(columns:column("turn"):min())
    assert.equal(0, columns:column("turn"):sum())
    -- A column keeps its columns alive.
    columns = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.equal(610, isl:sum())
    local huge = mt.trace.columns { { input_length = "18446744073709551615" }, { input_length = 1 } }
    assert.equal(2.0 ^ 64, huge:column("input_length"):sum())
  end)

  it("returns the world's failures", function()
    local reader, message, code = mt.trace.open(path "missing")
    assert.is_nil(reader)
    assert.equal(path "missing" .. ": cannot open: No such file or directory", message)
    assert.equal("io", code)
    assert.same({ nil, path "missing" .. ": cannot open: No such file or directory", "io" },
      { mt.trace.read(path "missing") })
    local bad = write("bad.jsonl", "{}\n{\"delay\": -1}\n")
    reader = assert(mt.trace.open(bad))
    assert.same({ line = 1 }, reader:next())
    reader, message, code = reader:next()
    assert.is_nil(reader)
    assert.equal(bad .. ":2:11: delay must be a number of milliseconds of at least 0, not -1", message)
    assert.equal("input", code)
    assert.equal(message, select(2, mt.trace.read(bad)))
    local writer
    writer, message, code = mt.trace.writer(path "missing/file")
    assert.is_nil(writer)
    assert.equal("io", code)
    assert.truthy(message:find("missing/file", 1, true))
  end)

  it("raises a bad line inside a loop", function()
    local bad = write("bad.jsonl", "{}\n[]\n")
    local seen = 0
    local message = message_of(function()
      for _ in assert(mt.trace.open(bad)) do seen = seen + 1 end
    end)
    assert.equal(1, seen)
    assert.equal(bad .. ":2:1: expected a request ('{'), found '[]'", message)
  end)

  it("passes over bad lines when asked to", function()
    local bad = write("bad.jsonl", "junk\n{}\n[]\n{}\n")
    local reader = assert(mt.trace.open(bad, { skip_bad_lines = true }))
    assert.equal(0, (reader:skipped()))
    assert.equal(2, #reader:columns())
    local count, first = reader:skipped()
    assert.equal(2, count)
    assert.truthy(first:find(bad .. ":1:1: ", 1, true))
    assert.is_nil(reader:next())
    assert.is_nil((select(2, reader:next())))
  end)

  it("leaves the old file alone until it is finished", function()
    write("old.jsonl", "before")
    do
      local writer <close> = assert(mt.trace.writer(path "old.jsonl"))
      writer:write { timestamp = 1 }
    end
    assert.equal("before", read "old.jsonl")
    local writer = assert(mt.trace.writer(path "old.jsonl"))
    writer:write { timestamp = 1 }
    writer:close()
    writer:close()
    assert.equal("before", read "old.jsonl")
    assert.equal("trace writer (finished)", tostring(writer))
    assert.truthy(message_of(writer.write, writer, {}):find "trace writer is finished")
    assert.truthy(message_of(writer.finish, writer):find "trace writer is finished")
    assert.same({}, core.trace.kept_parts())
  end)

  it("names the caller's mistakes and where they are", function()
    local columns = mt.trace.columns()
    local function refused(request, expected)
      local message = message_of(function() columns:append(request) end)
      assert.truthy(message:find("trace_spec.lua:%d+: append: "), message)
      assert.truthy(message:find(expected, 1, true), message)
    end
    refused({ isl = 5 }, "a request has no field 'isl'")
    refused({ "x" }, "a request has no field '1'")
    refused({ timestamp = "1" }, "timestamp must be a number of milliseconds")
    refused({ timestamp = -1 }, "timestamp must be a number of milliseconds of at least 0")
    refused({ timestamp = 0 / 0 }, "timestamp must be")
    refused({ timestamp = math.huge }, "timestamp must be")
    refused({ delay = math.maxinteger }, "delay must be")
    refused({ input_length = 1.5 }, "input_length must be a whole number of at least 0, not 1.5")
    refused({ input_length = -1 }, "input_length must be a whole number of at least 0, not -1")
    refused({ output_length = "99999999999999999999" }, "output_length must be a whole number")
    refused({ hash_ids = 3 }, "hash_ids must be a list of whole numbers, not 3")
    refused({ hash_ids = { 1, "a" } }, "an id of hash_ids must be a whole number of at least 0, not a")
    refused({ session_id = true }, "session_id must be a string or a number, not true")
    refused({ session_id = "a\xff" }, "session_id is not UTF-8 (byte 2)")
    refused({ session_id = 0 / 0 }, "session_id must be finite")
    refused({ stream = 1 }, "stream must be a string")
    refused({ extra = {} }, "extra must be the text of a JSON object")
    refused({ extra = "[1]" }, "extra must be the text of a JSON object")
    refused({ extra = '{"a": 1' }, "column 8: ")
    refused({ extra = '{"a": "x\ny"}' }, "a control byte")
    refused({ extra = '{"timestamp": 5}' }, "extra must hold only what has no field of its own")
    refused(5, "a request must be a table, not 5")
    assert.equal(0, #columns)
    assert.truthy(message_of(mt.trace.open, 5):find "trace.open: path must be a file's name, not 5")
    assert.truthy(message_of(mt.trace.open, "x", { skip = true }):find "unknown option 'skip'")
    assert.truthy(message_of(mt.trace.writer, "x", { timestamp_digits = 7 }):find "between 0 and 6")
    assert.truthy(message_of(columns.column, columns, "isl"):find "unknown column 'isl'")
    local reader = assert(mt.trace.open(write("in.jsonl", sample)))
    reader:close()
    reader:close()
    assert.equal("trace reader (closed)", tostring(reader))
    assert.truthy(message_of(reader.next, reader):find "trace reader is closed")
  end)

  it("keeps every width of id and time through tables", function()
    local ids, times = {}, {}
    for bits = 0, 62 do
      ids[#ids + 1] = (1 << bits) - 1
      ids[#ids + 1] = 1 << bits
    end
    for nanoseconds = 0, 40 do times[#times + 1] = (1 << nanoseconds) / 1e6 end
    local columns = mt.trace.columns { { hash_ids = ids } }
    assert.same(ids, columns[1].hash_ids)
    for _, time in ipairs(times) do columns:append { timestamp = time } end
    columns:write(path "wide.jsonl")
    local again = assert(mt.trace.read(path "wide.jsonl"))
    assert.same(ids, again[1].hash_ids)
    for i, time in ipairs(times) do assert.equal(time, again[i + 1].timestamp) end
  end)
end)
