-- A run becomes the trace that it was: convert reads profile_export.jsonl, AIPerf's and ours.
local command = require "tests.support.command"
local mt = require "moontide"

local folder

before_each(function() folder = command.folder() end)
after_each(command.remove_folders)

local function run(line) return command.line(line, { folder = folder }) end

local function row(fields)
  return ('{"metadata": {"conversation_id": %s, "benchmark_phase": "%s", "request_start_ns": %d%s}, "metrics": '
    .. '{"input_sequence_length": {"value": %s, "unit": "tokens"}%s}, "error": null}\n'):format(
    fields.session or "null", fields.phase or "profiling", fields.start, fields.issued or "", fields.input or "7",
    fields.output or "")
end

describe("convert of results", function()
  it("gives the lengths, times and sessions of a run of ours", function()
    local plan = mt.workload { duration = "10s", block_size = 128, mt.stream { new_input = 20, output = 5,
      arrivals = mt.sessions { starts = mt.even(0.5), turns = 2, think = 3 } } }
    plan:write(folder .. "/load.jsonl")
    local server = mt.mock { ttft = 1, itl = 0 }
    mt.drive(folder .. "/load.jsonl", { url = server.url, model = "m", speed_ratio = 50, output_dir = folder .. "/r" })
    server:close()
    local result = run "convert r/profile_export.jsonl -o back.jsonl"
    assert.equal(0, result.status, result.err)
    local lengths = {}
    for _, name in ipairs { "load.jsonl", "back.jsonl" } do
      for one in mt.trace.open(folder .. "/" .. name) do
        local key = ("%s %s"):format(one.session_id, one.input_length)
        lengths[key] = (lengths[key] or 0) + one.output_length
      end
    end
    for key, sum in pairs(lengths) do assert.equal(10, sum, key) end
  end)

  it("reads AIPerf's: due times before start times, in any order, without the warm-up", function()
    command.write(folder, "e.jsonl", row { start = 1759813207532900363, phase = "warmup" }
      .. row { start = 1759813209532900363, issued = ', "credit_issued_ns": 1759813209000000000', session = '"b"',
        output = ', "output_sequence_length": {"value": 3, "unit": "tokens"}' }
      .. row { start = 1759813208000000000, input = "300" })
    local result = run "convert e.jsonl -o t.jsonl"
    assert.equal(0, result.status, result.err)
    local found = {}
    for one in mt.trace.open(folder .. "/t.jsonl") do
      found[#found + 1] = { one.timestamp, one.input_length, one.output_length or "none", one.session_id or "none" }
    end
    assert.same({ { 0, 300, "none", "none" }, { 1000, 7, 3, "b" } }, found)
  end)

  it("takes AIPerf's requests that failed, and tells the times apart that a conversation is had", function()
    local function said(start, session, correlation, metric, output)
      return ('{"metadata":{"session_num":1,"x_request_id":"r","x_correlation_id":%s,"conversation_id":%s,"turn_index":0,'
        .. '"request_start_ns":%d,"request_ack_ns":null,"benchmark_phase":"profiling","was_cancelled":false},"metrics":'
        .. '{"%s":{"value":9,"unit":"tokens"}%s},"error":null}\n'):format(correlation, session, start * 1000000000, metric,
        output and ',"output_sequence_length":{"value":' .. output .. ',"unit":"tokens"}' or "")
    end
    local isl = "input_sequence_length"
    command.write(folder, "e.jsonl", said(1, '"a"', '"x"', isl, 5) .. said(2, '"a"', '"y"', "error_isl")
      .. said(3, "7", '"x"', isl, 6) .. said(4, '"a"', '"x"', isl, 7) .. said(5, '"a"', '"y"', isl, 8)
      .. said(6, "7", '"z"', isl, 4) .. said(7, '"a"', "null", isl, 3) .. said(8, "null", '"x"', isl, 2))
    local result = run "convert e.jsonl -o t.jsonl"
    assert.equal(0, result.status, result.err)
    local found = {}
    for one in mt.trace.open(folder .. "/t.jsonl") do
      assert.equal(9, one.input_length)
      found[#found + 1] = { one.timestamp, one.output_length or "none", one.session_id or "none" }
    end
    assert.same({ { 0, 5, "a" }, { 1000, "none", "a/2" }, { 2000, 6, 7 }, { 3000, 7, "a" }, { 4000, 8, "a/2" },
      { 5000, 4, "7/2" }, { 6000, 3, "a" }, { 7000, 2, "none" } }, found)
  end)

  it("says where a run's requests are when its folder or its summary is given", function()
    for name, text in pairs {
      ["run.json"] = '{\n  "command": ["a"],\n  "start_ns": 5,\n  "wall_clock": {}, "metrics": {}\n}\n',
      ["profile_export_aiperf.json"] = '{\n  "schema_version": "1",\n  "aiperf_version": "0.3",\n  "metrics": {}\n}\n',
    } do
      command.write(folder, name, text)
      command.refuses(run("convert " .. name .. " -o t.jsonl"),
        name .. ": this is a run summed up: its requests are in the profile_export.jsonl beside it", 1)
    end
    assert(os.execute(("mkdir -p '%s/of_run' && : >'%s/of_run/profile_export.jsonl'"):format(folder, folder)))
    command.refuses(run "convert of_run -o t.jsonl",
      "of_run: this is the folder of a run: its requests are in the profile_export.jsonl in it", 1)
  end)

  it("says which row is wrong, and passes over it when told to", function()
    command.write(folder, "raw.jsonl", '{"metadata": {"x_request_id": "a", "turn_index": 0}, "payload": {"messages": []}}\n')
    assert.matches("^moontide: raw.jsonl:1: metrics is missing %(of AIPerf's raw", run("convert raw.jsonl -o t.jsonl").err)
    for bad, message in pairs {
      ['{"metadata": {}}'] = "e.jsonl:2: metrics is missing (--skip",
      ['{"metadata": {"x_request_id": "a"}, "payload": {"messages": []}}'] =
        "e.jsonl:2: metrics is missing (of AIPerf's raw records profile_export.jsonl beside them has the lengths)",
      ['{"metadata": {"request_start_ns": 5}, "metrics": {}}'] = "e.jsonl:2: input_sequence_length is missing",
      ['{"metadata": {"request_start_ns": 5}, "metrics": {"input_sequence_length": {"value": -1}}}'] =
        "e.jsonl:2:86: input_sequence_length must be",
      ['{"metadata": {"request_start_ns": 5}, "metrics": null}'] = "e.jsonl:2: input_sequence_length is missing",
      ['{"metadata": 5, "metrics": {}}'] = "e.jsonl:2:14: ",
    } do
      command.write(folder, "e.jsonl", row { start = 5 } .. bad .. "\n" .. row { start = 6 })
      local result = run "convert e.jsonl -o t.jsonl"
      assert.equal(1, result.status, bad)
      assert.truthy(result.err:find(message, 1, true), result.err)
      assert.is_false(command.exists(folder .. "/t.jsonl"))
      assert.equal(0, run("convert e.jsonl -o t.jsonl --skip-bad-lines").status)
      assert.equal(2, #assert(mt.trace.read(folder .. "/t.jsonl")))
      os.remove(folder .. "/t.jsonl")
    end
  end)
end)
