local command = require "tests.support.command"
local json = require("moontide").json
local mock = require "tests.support.mock"

-- Times in a record have six digits of a millisecond.
local nearly = 0.002

local function lines_of(path)
  local rows = {}
  for line in io.lines(path) do rows[#rows + 1] = assert(json.decode(line)) end
  return rows
end

local function script_of(stream, duration)
  return command.file(([[
    local mt = require "moontide"
    return mt.workload { duration = %g, block_size = 64, mt.stream { %s } }]]):format(duration, stream), "load.lua")
end

-- Drives the target against the mock; gives the record's rows and what the command said. may_fail: it
-- need not end with 0.
local function replay(server, target, more, may_fail)
  local record = command.folder() .. "/record.jsonl"
  local words = { "replay", target, "--url", ("http://127.0.0.1:%d"):format(server.port), "--model", "m",
    "--warmup", "0", "--accept-invalid", "--record", record }
  table.move(more or {}, 1, #(more or {}), #words + 1, words)
  local result = command.run(words)
  if not may_fail then assert.equal(0, result.status, result.err) end
  return command.exists(record) and lines_of(record) or {}, result
end

-- { session = { its rows in order } }
local function by_session(rows)
  local sessions = {}
  for _, row in ipairs(rows) do
    local own = sessions[row.session_id] or {}
    sessions[row.session_id] = own
    own[#own + 1] = row
  end
  return sessions
end

-- A later turn is due when the answer before it has ended and its delay has passed.
local function check_turns(sessions, turns)
  local count = 0
  for _, own in pairs(sessions) do
    count = count + 1
    assert.equal(turns, #own)
    for i = 2, #own do
      assert.near(own[i - 1].answered + own[i].delay, own[i].due, nearly)
    end
  end
  return count
end

local talk = "arrivals = mt.sessions { starts = mt.even(10), turns = 3, think = 0.02 }, new_input = 100, output = 5"

describe("moontide replay of a script", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("sends turns after the answers that really came", function()
    local server = mock.start { "--ttft", "150", "--itl", "1" }
    local rows, result = replay(server, script_of(talk, 0.4))
    assert.equal(4, check_turns(by_session(rows), 3))
    for _, own in pairs(by_session(rows)) do
      assert.same({ 100, 205, 310 }, { own[1].input_length, own[2].input_length, own[3].input_length })
      assert.is_true(own[3].due >= 2 * (150 + 20))
    end
    assert.truthy(result.out:find("12 requests due: 12 done", 1, true))
  end)

  it("sends sub-agents after the answers of the turns that start them, and joins them", function()
    local server = mock.start { "--ttft", "30", "--itl", "1" }
    local family = "arrivals = mt.sessions { starts = mt.even(5), turns = 4, think = 0.02 }, new_input = 100, "
      .. "output = 5, branch = mt.branch { every = 2, count = 3, turns = mt.uniform(1, 3), new_input = 50, "
      .. "output = 4, inherit = true, join = %s }"
    for _, join in ipairs { '"all"', '"any"', "false" } do
      local rows = replay(server, script_of(family:format(join), 0.5))
      local by_name, ends = {}, {} -- ends: of the sub-agents of a session
      for _, row in ipairs(rows) do by_name[row.request_id] = row end
      for _, row in ipairs(rows) do
        local parent = row.session_id:match "^(.*)%.%d+$"
        if parent and not by_name[("%s:%d"):format(row.session_id, tonumber(row.request_id:match "%d+$") + 1)] then
          ends[parent] = ends[parent] or {}
          table.insert(ends[parent], row.answered)
        end
      end
      local joined = 0
      for _, row in ipairs(rows) do
        local latest
        for _, name in ipairs(row.wait_for or {}) do
          latest = math.max(latest or 0, by_name[name].answered)
          if row.request_id:find "^main%-%d+:2$" and name:find(".", 1, true) then joined = joined + 1 end
        end
        if latest then assert.near(latest + row.delay, row.due, nearly) end
        if join == '"any"' and row.request_id:find "^main%-%d+:2$" then
          -- The first end that was seen: on a busy machine several may be seen at once.
          local nearest = math.huge
          for _, ended in ipairs(ends[row.session_id]) do
            nearest = math.min(nearest, math.abs(ended + row.delay - row.due))
          end
          assert.near(0, nearest, nearly)
        end
      end
      assert.equal(({ ['"all"'] = 9, ['"any"'] = 3, ["false"] = 0 })[join], joined)
      assert.equal(3 * 3, #(function()
        local begun = {}
        for _, row in ipairs(rows) do
          if row.request_id:find "%.%d+:0$" then
            begun[#begun + 1] = row
            assert.equal(205 + 5 + 50, row.input_length)
          end
        end
        return begun
      end)())
    end
  end)

  it("sends a written trace of sub-agents in the order of its waits", function()
    local trace = command.file(("%s"):format(""), "load.jsonl")
    local script = script_of("arrivals = mt.sessions { starts = mt.even(5), turns = 4, think = 0.02 }, "
      .. "new_input = 100, output = 5, branch = mt.branch { every = 2, count = 2, turns = 2, new_input = 50, "
      .. "output = 4 }", 0.5)
    assert.equal(0, command.run({ "run", script, "-o", trace }).status)
    local rows = replay(mock.start { "--ttft", "30", "--itl", "1" }, trace, { "--block-size", "64" })
    local by_name = {}
    for _, row in ipairs(rows) do by_name[row.request_id] = row end
    assert.equal(3 * (4 + 2 * 2), #rows)
    for _, row in ipairs(rows) do
      local latest
      for _, name in ipairs(row.wait_for or {}) do latest = math.max(latest or 0, by_name[name].answered) end
      if latest then assert.near(latest + row.delay, row.due, nearly) end
    end
  end)

  it("carries answers of the length that they had", function()
    local server = mock.start { "--ttft", "0", "--itl", "0" }
    local rows = replay(server, script_of(talk, 0.2), { "--no-force-output", "--extra", "max_tokens=2" })
    for _, own in pairs(by_session(rows)) do
      assert.same({ 100, 202, 304 }, { own[1].input_length, own[2].input_length, own[3].input_length })
      assert.equal(2, own[1].output_length)
    end
  end)

  it("goes on after a failed turn as if it had been answered as planned", function()
    local server = mock.start { "--ttft", "0", "--itl", "0", "--fail", "status_500=1" }
    local rows, result = replay(server, script_of(talk, 0.2), nil, true)
    assert.equal(2, check_turns(by_session(rows), 3))
    assert.equal(310, rows[#rows].input_length)
    assert.truthy(result.out:find("6 requests due: 0 done, 6 failed", 1, true), result.out)
  end)

  it("sends the same prompts for the same seed, whatever the server does", function()
    local prompts = {}
    for i, ttft in ipairs { 0, 80, 0 } do
      local server = mock.start { "--ttft", ttft, "--itl", "0" }
      local folder = command.folder()
      replay(server, script_of(talk, 0.4), { "--output-dir", folder, "--seed", i == 3 and 8 or 7 })
      local inputs = assert(json.decode(io.open(folder .. "/inputs.json"):read "a"))
      local bodies = {}
      for _, one in ipairs(inputs.data) do
        for _, body in ipairs(one.payloads) do
          bodies[#bodies + 1] = one.session_id .. json.encode(body.messages)
        end
      end
      table.sort(bodies)
      assert.equal(12, #bodies)
      prompts[i] = table.concat(bodies, "\n")
      server.finish "TERM"
    end
    assert.equal(prompts[1], prompts[2])
    assert.not_equal(prompts[1], prompts[3])
  end)

  it("carries the server's real answers with --live-history", function()
    local function instant() return mock.start { "--ttft", "0", "--itl", "0" } end
    -- The bodies of the one session, by how many messages they have.
    local function bodies_of(more)
      local folder = command.folder()
      local words = table.move(more, 1, #more, 3, { "--output-dir", folder })
      replay(instant(), script_of(talk, 0.1), words)
      local bodies = {}
      for _, one in ipairs(assert(json.decode(io.open(folder .. "/inputs.json"):read "a")).data) do
        bodies[#one.payloads[1].messages] = one.payloads[1]
      end
      return bodies
    end
    local planned = bodies_of {}
    -- What a mock says to its first request, which it says to whoever asks first.
    local body = planned[1]
    body.stream, body.stream_options = false, nil
    local answer = mock.ask(instant(), "/v1/chat/completions", json.encode(body))
    local said = assert(json.decode(answer:match "\r\n\r\n(.*)$")).choices[1].message.content
    assert.not_equal(said, planned[5].messages[2].content)
    for _, more in ipairs { { "--live-history" }, { "--live-history", "--no-stream" } } do
      local messages = bodies_of(more)[5].messages
      assert.same({ role = "assistant", content = said }, messages[2])
      assert.not_equal(said, messages[4].content)
      for i = 1, 5, 2 do assert.same(planned[5].messages[i], messages[i]) end
    end
  end)

  it("divides its sessions among shards", function()
    local server = mock.start { "--ttft", "0", "--itl", "0" }
    local names = {}
    for i = 0, 1 do
      local rows = replay(server, script_of(talk, 0.5), { "--shard", i .. "/2", "--speed-ratio", "2" })
      check_turns(by_session(rows), 3)
      for name in pairs(by_session(rows)) do names[#names + 1] = name end
    end
    table.sort(names)
    assert.same({ "main-0", "main-1", "main-2", "main-3", "main-4" }, names)
  end)

  it("keeps sessions in turn in the closed loop of --concurrency", function()
    local server = mock.start { "--ttft", "10", "--itl", "0" }
    local rows = replay(server, script_of(talk, 2), { "--concurrency", "3", "--num-requests", "30" })
    assert.equal(30, #rows)
    for _, own in pairs(by_session(rows)) do
      for i = 2, #own do assert.is_true(own[i].timestamp >= own[i - 1].answered + own[i].delay - nearly) end
    end
  end)
end)

describe("mt.closed", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  -- Each request but the first of each user is due so long after an answer, and no answer brings two.
  local function check_users(rows, users, think)
    local ends, first = {}, 0
    for _, row in ipairs(rows) do ends[#ends + 1] = row.answered + think end
    table.sort(ends)
    local dues = {}
    for _, row in ipairs(rows) do
      if row.due == 0 then first = first + 1 else dues[#dues + 1] = row.due end
    end
    assert.equal(users, first)
    table.sort(dues)
    for i, due in ipairs(dues) do assert.near(ends[i], due, nearly) end
    return #dues
  end

  it("has each user wait, think and send again until the end", function()
    local server = mock.start { "--ttft", "20", "--itl", "0" }
    local rows, result = replay(server,
      script_of("arrivals = mt.closed { users = 4, think = '30ms' }, input = 90, output = 3", 0.5))
    assert.is_true(check_users(rows, 4, 30) >= 4)
    for _, row in ipairs(rows) do assert.is_true(row.due < 500) end
    assert.truthy(result.out:find(("%d requests due: %d done\n"):format(#rows, #rows), 1, true), result.out)
  end)

  it("waits for no answer longer than --grace after the end", function()
    local server = mock.start { "--ttft", "1h" }
    local folder = command.folder() .. "/out"
    local _, result = replay(server, script_of("arrivals = mt.closed { users = 2 }, input = 90, output = 3", 0.1),
      { "--grace", "0", "--output-dir", folder }, true)
    assert.truthy(result.out:find("2 requests due: 0 done, 2 cancelled", 1, true), result.out)
    -- When the sending stops is worked out of the plan: it is no option.
    local given = json.decode(command.read(folder .. "/run.json")).options
    assert.same({ 0 }, { given.grace, given.stop_after, given.runs_on })
  end)

  it("goes on when requests fail", function()
    local server = mock.start { "--fail", "status_503=1" }
    local rows, result = replay(server,
      script_of("arrivals = mt.closed { users = 2, think = 0.05 }, input = 90, output = 3", 0.3), nil, true)
    assert.is_true(check_users(rows, 2, 50) >= 2)
    assert.truthy(result.out:find(("%d requests due: 0 done, %d failed"):format(#rows, #rows), 1, true), result.out)
  end)

  it("begins sessions, one after the other", function()
    local server = mock.start { "--ttft", "5", "--itl", "0" }
    local rows = replay(server, script_of("arrivals = mt.sessions { starts = mt.closed { users = 2, think = 0.05 }, "
      .. "turns = 2, think = 0.01 }, new_input = 90, output = 3", 0.3))
    local firsts, lasts = {}, {}
    assert.is_true(check_turns(by_session(rows), 2) > 2)
    for _, own in pairs(by_session(rows)) do
      firsts[#firsts + 1] = own[1].due
      lasts[#lasts + 1] = own[2].answered + 50
    end
    table.sort(firsts)
    table.sort(lasts)
    for i = 3, #firsts do assert.near(lasts[i - 2], firsts[i], nearly) end
  end)

  it("lets sessions run on after the end, for no longer than --grace", function()
    local server = mock.start { "--ttft", "50", "--itl", "0" }
    local long = script_of("arrivals = mt.sessions { starts = mt.closed { users = 2 }, turns = 100, think = 0.1 }, "
      .. "new_input = 30, output = 2", 0.2)
    local rows, result = replay(server, long, { "--grace", "0.5" }, true)
    local last = 0
    for _, row in ipairs(rows) do last = math.max(last, row.due) end
    assert.is_true(last > 1200 and last < 1700 + 1000, tostring(last)) -- 0.2 s, one for what is due, the grace
    local sessions = by_session(rows)
    assert.is_truthy(next(sessions, next(sessions)))
    assert.truthy(result.out:find(("%d requests due"):format(#rows), 1, true), result.out)
  end)

  it("and sessions refuse what is of traces or contradicts them", function()
    local closed = script_of("arrivals = mt.closed { users = 2 }, input = 90", 1)
    local sessions = script_of(talk, 1)
    local of_traces = " is of traces: the workload has sessions or closed loops, whose times depend on answers"
    local cases = {
      { closed, { "--concurrency", "3" }, "--concurrency: the workload's mt.closed says how many requests are in flight" },
      { closed, { "--shard", "0/2" },
        "--shard: the users of mt.closed are not divided; give each part its own number of users" },
      { sessions, { "--live-history", "--api", "completions" }, "--live-history goes with --api chat" },
      { sessions, { "--live-history", "--adapter", "tgi" }, "--live-history: not with an --adapter that reads events" },
      { sessions, { "--start", "1" }, "--start" .. of_traces },
      { sessions, { "--end", "1" }, "--end" .. of_traces },
      { sessions, { "--dequantize" }, "--dequantize" .. of_traces },
      { sessions, { "--sessions", "delta" }, "--sessions" .. of_traces },
    }
    for _, case in ipairs(cases) do
      local _, result = replay({ port = 1 }, case[1], case[2], true)
      assert.same({ 2, true }, { result.status, result.err:find(case[3], 1, true) ~= nil }, result.err)
    end
  end)

  it("has no times where nobody answers", function()
    local result = command.run { "run", script_of("arrivals = mt.sessions { starts = mt.closed { users = 2 }, "
      .. "turns = 2, think = 1 }, new_input = 90", 1), "-o", "-" }
    assert.equal(1, result.status)
    assert.truthy(result.err:find("closed: a closed loop sends when an answer has come", 1, true))
  end)
end)

describe("rows that wait", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  local function trace_of(rows)
    local texts = {}
    for i, row in ipairs(rows) do texts[i] = json.encode(row) end
    return command.file(table.concat(texts, "\n") .. "\n", "trace.jsonl")
  end

  local function row_of(name, waits, more)
    local row = { timestamp = 0, input_length = 20, output_length = 2, request_id = name, wait_for = waits }
    for key, value in pairs(more or {}) do row[key] = value end
    return row
  end

  local function by_name(rows)
    local names = {}
    for _, row in ipairs(rows) do names[row.request_id] = row end
    return names
  end

  it("for others wait for all of them, and then their delay and their tool", function()
    local server = mock.start { "--ttft", "30", "--itl", "10" }
    local rows = by_name(replay(server, trace_of {
      row_of("early", { "b", "a" }, { delay = 15, tool_wait_ms = 5 }), row_of("a"),
      row_of("b", nil, { output_length = 9 }), row_of("late", { "early" }), row_of("none", json.null),
      row_of("empty", json.array {}) }))
    assert.near(math.max(rows.a.answered, rows.b.answered) + 20, rows.early.due, nearly)
    assert.near(rows.early.answered, rows.late.due, nearly)
    assert.same({ 0, 0, 0, 0 }, { rows.a.due, rows.b.due, rows.none.due, rows.empty.due })
  end)

  it("go on when what they wait for has failed", function()
    local server = mock.start { "--fail", "status_500=1" }
    local rows = by_name(replay(server, trace_of { row_of("a"), row_of("b", { "a" }) }, nil, true))
    assert.near(rows.a.answered, rows.b.due, nearly)
  end)

  it("for nobody are not sent, and the report says why", function()
    local server = mock.start { "--ttft", "0", "--itl", "0" }
    local folder = command.folder()
    local rows, result = replay(server, trace_of { row_of("a"), row_of("b", { "a", "zzz" }), row_of("c", { "d" }),
      row_of("d", { "c" }), row_of("e", { "b" }), row_of("self", { "self" }) }, { "--output-dir", folder })
    assert.equal(1, #rows)
    assert.truthy(result.out:find("6 requests due: 1 done, 5 not sent", 1, true), result.out)
    local reasons = {}
    for _, line in ipairs(lines_of(folder .. "/profile_export.jsonl")) do
      reasons[line.metadata.trace_line] = line.error ~= json.null and line.error.message or nil
    end
    local others = "it waits for requests that were not sent (or that wait for it)"
    assert.same({ [2] = "it waits for a request_id that is not there", [3] = others, [4] = others, [5] = others,
      [6] = others }, reasons)
  end)

  it("must say so in a list", function()
    local server = mock.start {}
    local trace = trace_of { row_of("a"), row_of("b", "a") }
    local _, result = replay(server, trace, nil, true)
    assert.equal(1, result.status)
    assert.truthy(result.err:find(trace .. ":2: wait_for must be a list of request_ids", 1, true), result.err)
  end)

  it("as turns of a session are told apart by what they count", function()
    local server = mock.start { "--ttft", "0", "--itl", "0" }
    local function turn(input, ids) return
      { timestamp = 0, input_length = input, output_length = 10, session_id = "s", hash_ids = ids } end
    local delta = trace_of { turn(600, { 1, 2 }), turn(100, { 3 }), turn(50, { 4 }) }
    local rows, result = replay(server, delta)
    assert.truthy(result.err:find("sessions: delta rows (guessed)", 1, true))
    assert.same({ 600, 710, 770 }, { rows[1].input_length, rows[2].input_length, rows[3].input_length })
    rows, result = replay(server, delta, { "--sessions", "cumulative" })
    assert.falsy(result.err:find "guessed")
    assert.equal(100, rows[2].input_length)
    result = select(2, replay(server, trace_of { turn(600, { 1, 2 }), turn(700, { 1, 2 }), turn(900, { 1, 2 }) }))
    assert.truthy(result.err:find("sessions: cumulative rows (guessed)", 1, true))
    result = select(2, replay(server, trace_of { turn(600, { 1, 2 }), turn(700, { 3, 4 }), turn(900, { 3, 4 }) }, nil, true))
    assert.equal(1, result.status)
    assert.truthy(result.err:find("say it (--sessions cumulative or --sessions delta)", 1, true), result.err)
  end)
end)
