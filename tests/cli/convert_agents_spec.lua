-- Loads of agents through the real binary: Dynamo's rows and request traces, kv-cache-tester's sessions,
-- LMCache's lines; and everything that can be wrong with them.
local command = require "tests.support.command"
local mt = require "moontide"

local folder

before_each(function() folder = command.folder() end)
after_each(command.remove_folders)

local function write(name, text) return command.write(folder, name, text) end

-- Requests of the trace, their extra members beside the others.
local function requests_of(name)
  local list = {}
  for one in mt.trace.open(folder .. "/" .. name) do
    local row = one.extra and mt.json.decode(one.extra) or {}
    for key, value in pairs(one) do row[key] = value end
    row.extra, row.line, row.turn = nil, nil, nil
    list[#list + 1] = row
  end
  return list
end

-- The same requests, each with that model.
local function all_of(model, list)
  for _, row in ipairs(list) do row.model = row.model or model end
  return list
end

local function run(line) return command.line(line, { folder = folder }) end

-- The requests that `convert LINE` makes, and what it said on standard error.
local function converted(line)
  local result = run(("convert %s -o out.jsonl"):format(line))
  assert.equal(0, result.status, result.err)
  return requests_of "out.jsonl", result.err
end

-- It fails with the message, and leaves nothing.
local function refused(line, message, status)
  local result = run(("convert %s -o out.jsonl"):format(line))
  assert.equal(status or 1, result.status, line)
  assert.equal("moontide: " .. message .. "\n", result.err)
  assert.is_false(command.exists(folder .. "/out.jsonl"))
end

local passes_over = " (--skip-bad-lines passes over bad rows)"

describe("convert of Dynamo's rows", function()
  it("reads back the load of agents that cat --to dynamo writes", function()
    local service = { ttft = 0.1, per_token = 0.01 }
    mt.workload { block_size = 16, duration = 12, mt.stream { name = "a", new_input = 40, output = 20,
      arrivals = mt.sessions { starts = mt.even(0.5), turns = 4, think = 1.5, service = service },
      branch = mt.branch { every = 2, count = 2, turns = 2, think = 0.5, new_input = 30, output = 10, inherit = true },
      prompt = mt.shared_prefix { tokens = 32 } } }:write(folder .. "/plan.jsonl")
    assert.equal(0, run("cat plan.jsonl --to dynamo -o d.jsonl").status)
    local back, told = converted "d.jsonl --timestamp-digits 6"
    assert.matches("in blocks of 16", told)
    local plan = requests_of "plan.jsonl"
    assert.is_true(#plan > 30)
    for _, row in ipairs(plan) do row.stream = nil end
    assert.same(plan, back)
  end)

  it("finds the block size of a few rows as of many, and names the log's line that fits none", function()
    local row = '{"timestamp": %d, "input_length": %d, "output_length": 1, "hash_ids": [%s]}\n'
    local good = row:format(0, 40, "1, 2, 3") .. row:format(5, 16, "9")
    write("few.jsonl", good)
    for _, order in ipairs { "", " --in-order" } do
      local rows, told = converted("few.jsonl --format dynamo" .. order)
      assert.matches("in blocks of 16", told)
      assert.same({ 0, 1, 2 }, rows[1].hash_ids)
      assert.same({ 3 }, rows[2].hash_ids)
    end
    os.remove(folder .. "/out.jsonl")
    write("unfit.jsonl", good .. row:format(9, 1, "1, 2, 3"))
    refused("unfit.jsonl --format dynamo", "unfit.jsonl:1: hash_ids has 3 ids, but input_length 40 makes 1 block of "
      .. "512 tokens; it fits a block size of 16 (--block-size must be the log's; cat --fit-ids cuts or adds ids of rows)")
  end)

  it("knows the other names, and who needs no timestamp", function()
    write("d.jsonl", '{"request_id": "a", "created_time": 2000.5, "input_tokens": 900, "output_tokens": 7, '
      .. '"hash_ids": [18446744073709551615, 3], "priority": 2}\n'
      .. '{"request_id": "b", "input_length": 300, "output_length": 8, "hash_ids": [5], "delay_ms": 40.5, '
      .. '"wait_for": ["a", "c"], "tool_wait_ms": 12}\n'
      .. '{"request_id": "c", "session_id": 7, "timestamp": 1000, "input_length": 512, "output_length": 9, "hash_ids": [5]}\n'
      .. '{"session_id": 7, "input_length": 513, "output_length": 1, "hash_ids": [5, 6]}\n')
    local rows, told = converted "d.jsonl --timestamp-digits 1"
    assert.matches("blocks of 512", told)
    assert.same({
      { request_id = "c", session_id = 7, timestamp = 0, input_length = 512, output_length = 9, hash_ids = { 0 } },
      { session_id = 7, input_length = 513, output_length = 1, hash_ids = { 0, 1 } },
      { request_id = "a", timestamp = 1000.5, input_length = 900, output_length = 7, hash_ids = { 2, 3 }, priority = 2 },
      { request_id = "b", input_length = 300, output_length = 8, hash_ids = { 0 }, delay = 40.5, tool_wait_ms = 12,
        wait_for = { "a", "c" } },
    }, rows)
    write("n.jsonl", '{"request_id": "a", "timestamp": 0, "output_length": 7, "hash_ids": [1, 2]}\n')
    assert.equal(32, converted("n.jsonl --block-size 16")[1].input_length)
    os.remove(folder .. "/out.jsonl")
    refused("n.jsonl", "n.jsonl:1: input_length is missing, and --block-size does not say how long the prompt's blocks are"
      .. passes_over)
  end)

  it("refuses names that are not there, circles, and rows that lack something", function()
    local function row(id, more)
      return ('{"request_id": "%s", "timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [1]%s}\n')
        :format(id, more and ", " .. more or "")
    end
    for text, message in pairs {
      [row("a", '"wait_for": ["b"]')] = ":1: wait_for names the request_id 'b', which no row has",
      [row "a" .. row("c", '"branches": ["a", "d"]')] = ":2: branches names the request_id 'd', which no row has",
      [row("a", '"wait_for": ["b"]') .. row("b", '"wait_for": ["c"]') .. row("c", '"wait_for": ["a"]')] =
        ":1: rows wait for one another in a circle: line 1 for line 2, it for line 3, it for line 1",
      [row("a", '"wait_for": ["a"]')] = ":1: rows wait for one another in a circle: line 1 for line 1",
      -- The session's next turn waits for the one before it, which waits for it.
      [row("a", '"session_id": 1, "wait_for": ["b"]') .. row("b", '"session_id": 1')] =
        ":1: rows wait for one another in a circle: line 1 for line 2, it for line 1",
      [row "a" .. row "a"] = ":2: request_id 'a' is that of line 1 already",
      [row("a", '"wait_for": "b"')] = ":1: wait_for must be a list of request ids, not \"b\"",
      [row("a", '"wait_for": [{}]')] = ":1: wait_for must be a list of request ids, not of {}",
    } do
      write("d.jsonl", text)
      refused("d.jsonl", "d.jsonl" .. message)
    end
    for text, message in pairs {
      ['{"request_id": "a", "input_length": 5, "output_length": 1, "hash_ids": []}'] = ":1: timestamp is missing",
      ['{"request_id": "a", "timestamp": 0, "input_length": 5, "hash_ids": [1]}'] = ":1: output_length is missing",
      ['{"request_id": "a", "timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [-1]}'] =
        ":1:89: an id of hash_ids must be a whole number of at least 0, not -1",
      ['{"request_id": "a", "timestamp": 0, "input_length": 5, "output_length": 1, "delay": -1, "hash_ids": []}'] =
        ":1:85: delay must be a number of at least 0, not -1",
      ['{"request_id": "a", "timestamp": 0, "input_length": 5, "input_tokens": 6, "hash_ids": []}'] =
        ":1:72: input_tokens says again what another member has said",
      ['{"request_id": "a", "timestamp": 0, "input_length": 5, "outp'] = ":1:56: the line ends inside the string '\"outp'",
    } do
      write("d.jsonl", text .. "\n")
      local result = run "convert d.jsonl -o out.jsonl"
      assert.equal(1, result.status)
      assert.equal("moontide: d.jsonl" .. message .. passes_over .. "\n", result.err)
    end
    write("d.jsonl", row "a" .. row("b", '"wait_for": ["a"]'))
    refused("d.jsonl --skip-num-prompt 1",
      "d.jsonl:2: wait_for names the request_id 'a', which no row has "
        .. "(rows that are left out are not there: convert all of them, then moontide cat --where)")
    refused("--segment d.jsonl@1 --segment d.jsonl@1", "convert: d.jsonl: requests that may wait for each other by "
      .. "their names (dynamo) stand in one log, not in several", 2)
    refused("d.jsonl --start uniform:1h",
      "convert: a start is for logs whose sessions' own is not known, this log is dynamo", 2)
  end)
end)

-- A line of Dynamo's record. Milliseconds since `epoch`.
local epoch = 1700000000000

local function recorded(id, from, to, hashes, more)
  more = more or {}
  return ('{"timestamp": 5, "event": {"schema": "dynamo.request.trace.v1", "event_type": "request_end", '
    .. '"event_time_unix_ms": %d, %s"request": {"request_id": "%s", "model": "%s", "output_tokens": 6, '
    .. '"request_received_ms": %d, "total_time_ms": %d, "replay": {"trace_block_size": 64, "input_length": %d, '
    .. '"input_sequence_hashes": [%s]}}}}\n'):format(epoch + to, more.session and ('"agent_context": {"session_id": "%s"%s}, ')
      :format(more.session, more.parent and (', "parent_session_id": "%s"'):format(more.parent) or "") or "", id,
      more.model or "m", epoch + from, to - from, more.input or 64 * #hashes, table.concat(hashes, ", "))
end

local function tool(session, from, to)
  return ('{"schema": "dynamo.request.trace.v1", "event_type": "tool_end", "event_time_unix_ms": %d, "session_id": "%s", '
    .. '"tool": {"started_at_unix_ms": %d, "ended_at_unix_ms": %d}}\n'):format(epoch + to, session, epoch + from, epoch + to)
end

describe("convert of Dynamo's request traces", function()
  it("finds who waited for whom, and tells tools' work apart", function()
    local main, child = { session = "main" }, { session = "sub", parent = "main" }
    write("r.jsonl", recorded("A", 0, 1000, { 11, 12 }, main) .. tool("main", 1100, 1500) .. tool("main", 1400, 1600)
      .. recorded("S1", 2000, 3000, { 21 }, child) .. recorded("B", 1700, 2500, { 11, 12, 13 }, main)
      .. recorded("S2", 3500, 4000, { 21, 22 }, child) .. recorded("C", 4250, 9000, { 11, 12, 13, 14 }, main))
    local rows = converted "r.jsonl"
    assert.same(all_of("m", {
      { request_id = "A", session_id = "main", timestamp = 0, input_length = 128, output_length = 6,
        hash_ids = { 0, 1 }, branches = { "S1" } },
      { request_id = "B", session_id = "main", timestamp = 1700, input_length = 192, output_length = 6,
        hash_ids = { 0, 1, 2 }, wait_for = { "A" }, delay = 200, tool_wait_ms = 500 },
      { request_id = "S1", session_id = "sub", timestamp = 2000, input_length = 64, output_length = 6,
        hash_ids = { 3 }, wait_for = { "A" }, delay = 1000, prefix_reset = true },
      { request_id = "S2", session_id = "sub", timestamp = 3500, input_length = 128, output_length = 6,
        hash_ids = { 3, 4 }, wait_for = { "S1" }, delay = 500 },
      { request_id = "C", session_id = "main", timestamp = 4250, input_length = 256, output_length = 6,
        hash_ids = { 0, 1, 2, 5 }, wait_for = { "B", "S2" }, delay = 250 },
    }), rows)
    local second = converted("r.jsonl --speed-ratio 2")[2] -- a tool is as much faster as everything
    assert.same({ 850, 100, 250 }, { second.timestamp, second.delay, second.tool_wait_ms })
  end)

  it("reads requests without agents as they come, by model too", function()
    write("r.jsonl", recorded("A", 500, 900, { 5 }, { input = 40 }) .. recorded("B", 0, 1000, { 5, 6 }, { model = "n" })
      .. '{"event_type": "request_payload", "request_id": "B"}\n')
    assert.same({ { timestamp = 0, input_length = 128, output_length = 6, hash_ids = { 0, 1 }, model = "n" },
      { timestamp = 500, input_length = 40, output_length = 6, hash_ids = { 0 }, model = "m" } }, (converted "r.jsonl"))
    assert.equal(1, #converted "r.jsonl --model n")
  end)

  it("says which event is wrong", function()
    local good = recorded("A", 0, 10, { 5 })
    for text, message in pairs {
      [good .. recorded("B", 0, 9, { 5 }, { session = "s" })] =
        ":2: an agent_context, which the requests before have not: the two do not mix",
      [recorded("B", 0, 9, { 5 }, { session = "s" }) .. good] =
        ":2: agent_context is missing, which the requests before have: who waits for whom is not known of a part",
      [good .. recorded("B", 0, 9, { 5, 6 }, { input = 64 })] =
        ":2: input_sequence_hashes has 2 hashes, but 64 tokens are 1 blocks of 64",
      [good .. (good:gsub('"trace_block_size": 64', '"trace_block_size": 32'))] =
        ":2: trace_block_size is 32, and 64 is asked for, or that of the requests before (cat --reblock makes blocks larger)",
      [good .. (good:gsub('"output_tokens": 6, ', ""))] = ":2: output_tokens is missing",
      [good .. '{"schema": "dynamo.request.trace.v1"}\n'] =
        ":2: event_type is missing: this is no event of dynamo.request.trace.v1",
      [recorded("A", 0, 9, { 5 }, { session = "s" }):rep(2)] = ':2: request_id "A" was there before',
      [good .. good:sub(1, 100)] = ":2:94: the line ends inside the string '\"event_'",
    } do
      write("r.jsonl", text)
      refused("r.jsonl", "r.jsonl" .. message .. passes_over)
      assert.equal(1, #converted "r.jsonl --skip-bad-lines", text)
      os.remove(folder .. "/out.jsonl")
    end
    write("r.jsonl", good)
    refused("r.jsonl --time-unit s", "convert: a dynamo-trace log's times are in milliseconds: it has no other unit", 2)
  end)
end)

-- A session of kv-cache-tester with two sub-agents; the times of the first count from its own start.
local session = [[
{"id": "two", "models": ["m"], "block_size": 64, "hash_id_scope": "local", "tool_tokens": 5, "requests": [
 {"t": 0.0, "type": "s", "model": "m", "in": 130, "out": 10, "hash_ids": [1, 2], "api_time": 2.0, "think_time": 0},
 {"t": 3.0, "type": "n", "model": "m", "in": 200, "out": 12, "hash_ids": [1, 2, 3], "api_time": 1.5, "think_time": 1.0},
 {"t": 5.0, "type": "subagent", "agent_id": "x", "duration_ms": 4000, "requests": [
   {"t": 0.0, "type": "n", "model": "h", "in": 64, "out": 5, "hash_ids": [9], "api_time": 1},
   {"t": 2.0, "type": "n", "model": "h", "in": 128, "out": 6, "hash_ids": [9, 10], "api_time": 1.25, "think_time": 0.75}]},
 {"t": 5.0, "type": "subagent", "agent_id": "y", "requests": [
   {"t": 0.5, "type": "n", "model": "h", "in": 70, "out": 7, "hash_ids": [9], "api_time": 1}]},
 {"t": 10.0, "type": "n", "model": "m", "in": 256, "out": 13, "hash_ids": [1, 2, 3, 4], "api_time": 1.5, "think_time": 1.0}
]}
]]

local function small(id, more)
  return ('{"id": "%s", "block_size": 64, %s"requests": [{"t": 1.5, "in": 128, "out": 3, "hash_ids": [1, 2]}, '
    .. '{"t": 4, "in": 192, "out": 3, "hash_ids": [1, 2, 3]}]}\n'):format(id, more or "")
end

describe("convert of kv-cache-tester's sessions", function()
  -- Thousands of both, each on a line of its own: nothing is looked for again and again.
  it("takes a session of many sub-agents", function()
    local turn = '{"t": %d, "type": "n", "in": 64, "out": 5, "hash_ids": [3], "api_time": 1}'
    local lines = { turn:format(0) }
    for i = 1, 4000 do
      lines[i + 1] = ('{"t": 5, "type": "subagent", "duration_ms": 4000, "requests": [%s]}'):format(turn:format(5))
    end
    lines[#lines + 1] = turn:format(900)
    write("many.json", '{"id": "s", "block_size": 64, "requests": [\n' .. table.concat(lines, ",\n") .. "]}")
    local rows = converted "many.json"
    assert.equal(4002, #rows)
    assert.equal(4000, #rows[1].branches)
    assert.equal("s.4000:0", rows[1].branches[4000])
    assert.equal(4001, #rows[4002].wait_for)
    assert.same({ "s:0", "s.1:0", "s.2:0" }, { table.unpack(rows[4002].wait_for, 1, 3) })
    os.remove(folder .. "/out.jsonl")
    write("bad.json", (command.read(folder .. "/many.json"):gsub("%[3%], \"api_time\": 1}%]}$", "[3, 4, 5]}]}")))
    refused("bad.json", "bad.json:4003:1: hash_ids has 3 ids, but 64 tokens (in) are 1 whole blocks of 64 "
      .. "(--skip-bad-lines passes over bad rows)")
  end)

  it("makes sub-agents wait for what started them, and the session for them", function()
    write("s.json", session)
    assert.same(all_of("h", {
      { session_id = "two", model = "m", request_id = "two:0", timestamp = 0, input_length = 130, output_length = 10,
        hash_ids = { 0, 1, 2 } },
      { session_id = "two", model = "m", request_id = "two:1", timestamp = 3000, input_length = 200, output_length = 12,
        hash_ids = { 0, 1, 3, 4 }, delay = 1000, wait_for = { "two:0" }, branches = { "two.1:0", "two.2:0" } },
      { session_id = "two.1", request_id = "two.1:0", timestamp = 5000, input_length = 64, output_length = 5,
        hash_ids = { 5 }, delay = 500, wait_for = { "two:1" }, prefix_reset = true },
      { session_id = "two.2", request_id = "two.2:0", timestamp = 5500, input_length = 70, output_length = 7,
        hash_ids = { 5, 6 }, delay = 1000, wait_for = { "two:1" }, prefix_reset = true },
      { session_id = "two.1", request_id = "two.1:1", timestamp = 7000, input_length = 128, output_length = 6,
        hash_ids = { 5, 7 }, delay = 750, wait_for = { "two.1:0" } },
      { session_id = "two", model = "m", request_id = "two:2", timestamp = 10000, input_length = 256, output_length = 13,
        hash_ids = { 0, 1, 3, 8 }, delay = 1750, wait_for = { "two:1", "two.1:1", "two.2:0" } },
    }), (converted "s.json"))
    assert.equal(4, #converted("s.json --format weka --num-prompt 4"))
    os.remove(folder .. "/out.jsonl")
    refused("s.json --model h", "s.json:5: wait_for names the request_id 'two:1', which no row has (rows that are left "
      .. "out are not there: convert all of them, then moontide cat --where)")
  end)

  it("reads a folder; equal ids of two sessions are equal only where they are said to be", function()
    write("all/b.json", small "two")
    write("all/a.json.gz", "")
    command.shell("printf '%s' '" .. small("one") .. "' | gzip > all/a.json.gz; echo x > all/README", { folder = folder })
    local rows, told = converted "all"
    assert.same({ { 0, 1 }, { 2, 3 }, { 0, 1, 4 }, { 2, 3, 5 } },
      { rows[1].hash_ids, rows[2].hash_ids, rows[3].hash_ids, rows[4].hash_ids })
    assert.same({ "one", "two" }, { rows[1].session_id, rows[2].session_id })
    assert.matches("all: 1 file passed over, not called %*%.json or %*%.jsonl", told)
    assert.matches("all: when sessions began is not known: all begin at 0 %(%-%-start uniform:12h spreads them%)", told)
    write("g.jsonl", small("one", '"hash_id_scope": "global", ') .. small("two", '"hash_id_scope": "global", '))
    rows = converted "g.jsonl --start 0"
    assert.same(rows[1].hash_ids, rows[2].hash_ids)
  end)

  it("spreads sessions over a time, or begins one after the other, by seed", function()
    local count = 400
    local text = {}
    for i = 1, count do
      text[i] = ('{"id": %d, "block_size": 64, "requests": [{"t": 0, "in": 64, "out": 3, "hash_ids": [1]}]}\n'):format(i)
    end
    write("many.jsonl", table.concat(text))
    local function times(more)
      local list = {}
      for i, row in ipairs(converted("many.jsonl --timestamp-digits 6 " .. more)) do list[i] = row.timestamp / 1000 end
      return list
    end
    local uniform = times "--start uniform:10m --seed 7"
    assert.same(uniform, times "--start uniform:600 --seed 7")
    assert.not_same(uniform, times "--start uniform:600 --seed 8")
    -- Kolmogorov-Smirnov, the bound of p = 0.001.
    local worst = 0
    for i, time in ipairs(uniform) do worst = math.max(worst, math.abs(time / 600 - i / count)) end
    assert.is_true(worst < 1.95 / math.sqrt(count), worst)
    local poisson = times "--start poisson:0.5 --seed 7"
    local gaps, above = poisson[count] / (count - 1), 0
    for i = 2, count do above = above + (poisson[i] - poisson[i - 1] > 2 * math.log(2) and 1 or 0) end
    assert.is_true(math.abs(gaps - 2) < 3.3 * 2 / math.sqrt(count), gaps) -- 3.3 standard errors of the mean
    assert.is_true(math.abs(above / count - 0.5) < 3.3 * 0.5 / math.sqrt(count), above)
    local result = run "convert many.jsonl --start later"
    assert.equal(2, result.status)
    assert.matches("%-%-start must be 0 %(all at once%), uniform:TIME %(uniform:12h%) or poisson:RATE "
      .. "%(poisson:0%.5%), not 'later'", result.err)
  end)

  it("says which file and line is no session, and passes over it when told to", function()
    write("all/a.json", small "one")
    for text, message in pairs {
      ["[1, 2]"] = ":1:2: expected a session ('{'), found '1, 2]'",
      ['{"hello": 1}\n'] = ":1:1: requests is missing: this is no session of kv-cache-tester",
      [small("two"):sub(1, 60)] = ":1: the file ends inside the session that begins here (it seems to be cut)",
      [""] = ": the file is empty",
      [small "one"] = ':1:1: the session "one" was there before',
      [small("two"):gsub('"block_size": 64', '"block_size": 32')] = ":1:1: block_size is 32, and 64 is asked for, or "
        .. "that of the sessions before (cat --reblock makes blocks larger)",
      [small("two"):gsub('"t": 4, ', "")] = ":1:99: t is missing",
      [small("two"):gsub('"in": 192', '"in": "x"')] = ":1:114: in must be a whole number of at least 0, not \"x\"",
      [small("two"):gsub("%[1, 2, 3%]", "[1]")] =
        ":1:99: hash_ids has 1 ids, but 192 tokens (in) are 3 whole blocks of 64",
      [small("two", '"hash_id_scope": "x", ')] = ":1:50: hash_id_scope must be \"local\" or \"global\", not \"x\"",
      [small("two"):gsub('"in": 128', '"type": "subagent", "in": 128')] = ":1:46: requests is missing",
    } do
      write("all/b.json", text)
      local result = run "convert all -o out.jsonl"
      assert.equal(1, result.status, text)
      assert.equal("moontide: all/b.json" .. message .. passes_over .. "\n", result.err)
      assert.is_false(command.exists(folder .. "/out.jsonl"))
    end
    write("all/b.json", '{"hello": 1}\n')
    write("all/c.json", small("two"):gsub("%[1, 2, 3%]", "[1]")) -- only this request is lost
    local _, told = converted "all --skip-bad-lines"
    assert.equal(3, #requests_of "out.jsonl")
    assert.matches("2 bad rows", told)
    os.remove(folder .. "/out.jsonl")
    command.shell("mkdir none other; echo x > other/README", { folder = folder })
    refused("none", "none: no session is in this folder: no file of it is called *.json or *.jsonl")
    refused("other", "other: no session is in this folder: no file of it is called *.json or *.jsonl")
  end)
end)

describe("convert of LMCache's lines", function()
  it("hashes texts into blocks", function()
    write("l.jsonl", '{"timestamp": 1700000000000000, "session_id": "s", "input": "a b c d e", "output": "f g h"}\n'
      .. '{"timestamp": 1700000002500000, "session_id": "s", "input": "a b c d e f g h i", "output": ""}\n'
      .. '{"timestamp": 1700000003000000, "session_id": "t", "model": "m", "pre_gap": 0.5, "output_length": 9, '
      .. '"input": [{"role": "user", "content": "a b c d"}, {"role": "assistant", "content": null, '
      .. '"tool_calls": [{"function": {"name": "x", "arguments": "y"}}]}]}\n')
    assert.same({
      { timestamp = 0, session_id = "s", input_length = 5, output_length = 3, hash_ids = { 0, 1 } },
      { timestamp = 2500, session_id = "s", input_length = 9, output_length = 0, hash_ids = { 0, 2, 3 } },
      { timestamp = 3000, session_id = "t", delay = 500, input_length = 6, output_length = 9, hash_ids = { 0, 4 },
        model = "m" },
    }, (converted "l.jsonl --count words --block-size 4"))
    assert.equal(1, #converted "l.jsonl --model m")
  end)

  it("says which line is wrong", function()
    local good = '{"timestamp": 1, "session_id": "s", "input": "a b", "output": "c"}\n'
    for text, message in pairs {
      ['{"timestamp": 1, "session_id": "s", "output": "c"}\n'] = ":2: input is missing",
      ['{"timestamp": "x", "session_id": "s", "input": "a"}\n'] = ':2:15: timestamp must be a number or a date, not "x"',
      ['{"timestamp": 1, "session_id": {}, "input": "a"}\n'] = ":2:32: session_id must be a string or a number, not {}",
      ['{"timestamp": 1, "session_id": 1, "input": 5}\n'] = ":2:44: input must be a string or a list of parts, not 5",
      ['{"timestamp": 1, "session_id": 1, "input": "a", "pre_gap": -1}\n'] =
        ":2:60: pre_gap must be a number of at least 0, not -1",
      ['{"timestamp": 1, "session_id": 1, "inp'] = ":2:35: the line ends inside the string '\"inp'",
    } do
      write("l.jsonl", good .. text)
      refused("l.jsonl", "l.jsonl" .. message .. passes_over)
      assert.equal(1, #converted "l.jsonl --skip-bad-lines")
      os.remove(folder .. "/out.jsonl")
    end
  end)
end)

describe("convert of transcripts of Claude Code", function()
  local function said(kind, second, more, name)
    return ('{"parentUuid": null, "sessionId": "%s", "timestamp": "2025-11-01T00:00:%sZ", "type": "%s"%s}\n')
      :format(name or "s", second, kind, more or "")
  end
  local function answer(second, id, name)
    return said("assistant", second, (', "requestId": "r", "message": {"id": "%s", "model": "m", "usage": '
      .. '{"input_tokens": 4, "cache_read_input_tokens": 300, "output_tokens": 7}}'):format(id), name)
  end
  local function delays()
    local list = {}
    for _, one in ipairs(converted "l.jsonl") do
      list[#list + 1] = ("%s %d %s"):format(one.session_id, one.timestamp, one.delay or "none")
    end
    return list
  end

  it("counts a turn's delay from the last line of the answer before it", function()
    -- The tool's result, in the midst of an answer, and after it; what nobody asked for has no delay.
    write("l.jsonl", said("user", "00") .. answer("02", "a") .. answer("03.25", "a") .. said("user", "04")
      .. answer("05", "b") .. said("user", "06") .. answer("07", "b") .. answer("08", "c") .. answer("09", "d"))
    assert.same({ "s 0 none", "s 4000 750", "s 6000 0", "s 9000 none" }, delays())
    -- A session that goes on from another one begins with a copy of its lines, which are no turns of its own.
    write("l.jsonl", said("user", "00") .. answer("02", "a") .. said("user", "00", "", "t") .. answer("02", "a", "t")
      .. said("user", "10", "", "t") .. answer("12", "b", "t") .. said("user", "14", "", "t") .. answer("15", "c", "t"))
    assert.same({ "s 0 none", "t 10000 none", "t 14000 2000" }, delays())
  end)
end)
