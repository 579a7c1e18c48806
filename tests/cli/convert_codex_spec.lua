-- Rollouts of the Codex CLI through the real binary: what is a request, when it was asked for, what forks copy;
-- and everything that can be wrong with them.
local command = require "tests.support.command"
local mt = require "moontide"

local folder

before_each(function() folder = command.folder() end)
after_each(command.remove_folders)

local function run(line) return command.line(line, { folder = folder }) end

-- The requests that `convert LINE` makes of the rollout, and what it said on standard error.
local function converted(lines, more)
  command.write(folder, "r.jsonl", table.concat(lines, "\n") .. "\n")
  local result = run(("convert r.jsonl %s -o out.jsonl"):format(more or ""))
  assert.equal(0, result.status, result.err)
  local list = {}
  for one in mt.trace.open(folder .. "/out.jsonl") do
    list[#list + 1] = { one.session_id, one.timestamp, one.delay or "none", one.input_length, one.output_length }
  end
  return list, result
end

-- Milliseconds after 10 o'clock; a session's id that was made then, by its number.
local function at(ms) return ("2026-02-03T10:%02d:%02d.%03dZ"):format(ms // 60000, ms // 1000 % 60, ms % 1000) end
local function id(ms, number)
  local hex = ("%012x"):format(1770112800000 + ms) -- 2026-02-03T10:00:00Z
  return ("%s-%s-7abc-8def-%012d"):format(hex:sub(1, 8), hex:sub(9), number or 0)
end

local function line(ms, kind, payload)
  return ('{"timestamp":"%s","type":"%s","payload":{%s}}'):format(at(ms), kind, payload)
end
local function meta(ms, name, more)
  return line(ms, "session_meta", ('"id":"%s","timestamp":"%s","cwd":"/x","cli_version":"0.142.5"%s')
    :format(name, at(ms), more or ""))
end
local function turn(ms, made, model)
  local name = made and ('"turn_id":"%s",'):format(id(made, 9)) or ""
  return line(ms, "turn_context", ('%s"cwd":"/x","model":"%s"'):format(name, model or "gpt-5"))
end
local function item(ms, payload) return line(ms, "response_item", '"type":' .. payload) end
local function user(ms) return line(ms, "event_msg", '"type":"user_message","message":"do \\"input\\""') end
local reasoning, call, result, said = '"reasoning"', '"function_call","name":"shell"', '"function_call_output"',
  '"message","role":"assistant"'
local function tokens(ms, total, input, output, more)
  return line(ms, "event_msg", ('"type":"token_count","info":{"total_token_usage":{"input_tokens":%d,"total_tokens":%d},'
    .. '"last_token_usage":{"input_tokens":%d,"cached_input_tokens":2,"output_tokens":%d,"reasoning_output_tokens":1}'
    .. '%s},"rate_limits":null'):format(total, total, input, output, more or ""))
end

describe("convert of rollouts of the Codex CLI", function()
  it("makes a request of each answer, as it was asked for, with its delay", function()
    local a = id(0)
    local lines = { meta(0, a), item(10, '"message","role":"developer"'), turn(900, 800, "gpt-5"), user(1000),
      line(1010, "event_msg", '"type":"token_count","info":null'),
      item(2000, reasoning), item(2500, call), tokens(2510, 100, 100, 7), item(4000, result),
      tokens(4001, 100, 100, 7), -- a repeated figure
      item(4500, call), item(4700, result), tokens(4800, 220, 120, 9), -- the tool was done before the figures came
      item(6000, said), tokens(6100, 360, 140, 11),
      line(6200, "compacted", '"message":""'), tokens(6300, 361, 0, 0), -- what an estimate of the history says
      turn(60000, 60000, "o9"), user(60500), item(61000, said), tokens(61500, 400, 40, 3) }
    local rows, told = converted(lines)
    assert.matches("codex", told.out)
    assert.same({
      { a, 0, "none", 100, 7 },     -- asked for at 1 s
      { a, 3000, 1490, 120, 9 },    -- 4 s, when the tool's result came
      { a, 3700, 0, 140, 11 },      -- 4.7 s, which is before the last answer's figures
      { a, 59500, 54400, 40, 3 },
    }, rows)
    assert.same({ { a, 0, 54400, 40, 3 } }, (converted(lines, "--model o9 --format codex")))
  end)

  it("begins a turn anew where one was broken off", function()
    local a = id(0)
    assert.same({ { a, 0, "none", 10, 1 } }, (converted { meta(0, a), turn(1, 1), user(2), item(50, call),
      line(60, "event_msg", '"type":"turn_aborted"'), line(9000, "event_msg", '"type":"task_started"'), user(9001),
      item(9100, said), tokens(9200, 10, 10, 1), line(9300, "event_msg", '"type":"task_complete"') }))
    local rows = converted { meta(0, a), turn(1, 1), user(2), item(50, said), tokens(60, 5, 5, 1), item(70, call),
      item(80, result), turn(9000, 9000), item(9100, said), tokens(9200, 10, 10, 1) }
    assert.same({ a, 78, 20, 10, 1 }, rows[2])
  end)

  it("takes several rollouts one after another", function()
    local a, b = id(0, 1), id(500, 2)
    assert.same({ { a, 0, "none", 10, 1 }, { b, 90, "none", 20, 2 }, { b, 190, 90, 30, 3 } }, (converted {
      meta(0, a), turn(1, 1), user(10), item(20, said), tokens(30, 10, 10, 1), meta(31, a),
      meta(90, b), turn(91, 91), user(100), item(105, said), tokens(110, 20, 20, 2),
      user(200), item(205, said), tokens(210, 50, 30, 3) }))
  end)

  it("leaves out what a fork copies, under new times or old ones", function()
    local a, b, c = id(0, 1), id(5000, 2), id(9000, 3)
    local function copied(ms)
      return turn(ms, 1), user(ms), item(ms, said), tokens(ms, 10, 10, 1), turn(ms, 40), user(ms), item(ms, said),
        tokens(ms + 1, 30, 20, 2)
    end
    local lines = { meta(5000, b, (',"forked_from_id":"%s"'):format(a)), meta(5000, a), copied(5000) }
    for _, own in ipairs { turn(7000, 7000), user(7001), item(7002, said), tokens(7003, 30, 20, 2),
      tokens(7004, 60, 30, 3) } do lines[#lines + 1] = own end
    assert.same({ { b, 0, "none", 30, 3 } }, (converted(lines)))
    -- A fork of the fork, which has both their session_meta.
    local again = { meta(9000, c, (',"forked_from_id":"%s"'):format(b)), table.unpack(lines) }
    for _, own in ipairs { turn(9500, 9500), user(9501), item(9502, said), tokens(9503, 99, 39, 4) } do
      again[#again + 1] = own
    end
    assert.same({ { c, 0, "none", 39, 4 } }, (converted(again)))
    -- Turns without ids: the copy is over a second later.
    local old = { meta(5000, "x", ',"forked_from_id":"y"'), meta(5000, "y"), turn(5000), user(5000),
      tokens(5001, 10, 10, 1), turn(6000), user(6005), tokens(6010, 30, 20, 2) }
    assert.same({ { "x", 0, "none", 20, 2 } }, (converted(old)))
  end)

  it("takes an agent's own turns, behind its parent's session_meta", function()
    local a, b = id(0, 1), id(5000, 2)
    local source = (',"session_id":"%s","source":{"subagent":{"thread_spawn":{"parent_thread_id":"%s","depth":1}}}')
      :format(a, a)
    for _, made in ipairs { 5001, false } do
      assert.same({ { b, 0, "none", 10, 1 } }, (converted { meta(5000, b, source), meta(5000, a),
        turn(5002, made), item(5003, '"message","role":"user"'), item(5500, said), tokens(5600, 10, 10, 1) }))
    end
    assert.same({ { b, 0, "none", 10, 1 } }, (converted { meta(5000, b, (',"parent_thread_id":"%s"'):format(a)),
      meta(5000, a), turn(5002, 5002), user(5003), tokens(5600, 10, 10, 1) }))
  end)

  it("says which line is wrong, and passes over it when told to", function()
    local good = { meta(0, "s"), user(1), tokens(2, 10, 10, 1) }
    local function with(text)
      command.write(folder, "r.jsonl", table.concat(good, "\n") .. "\n" .. text .. "\n")
    end
    for text, message in pairs {
      [tokens(3, 30, 20, 2):sub(1, 100)] = ":4:100: the line ends inside the string '\"'",
      [tokens(3, 30, 20, 2) .. " x"] = ":4:%d: expected the end of the line, found 'x'",
      ["[1]"] = ":4:1: expected an object ('{'), found '[1]'",
      [tokens(3, 30, 20, 2):gsub('"last_token_usage":{', '"last":{')] = ":4: last_token_usage is missing",
      [tokens(3, 30, 20, 2):gsub('"input_tokens":20,', "")] = ":4: input_tokens is missing",
      [tokens(3, 30, 20, 2):gsub('"output_tokens":2', '"output_tokens":"2"')] =
        ':4:%d: output_tokens must be a whole number of at least 0, not "2"',
      [tokens(3, 30, 20, 2):gsub('"input_tokens":20', '"input_tokens":2.5')] =
        ":4:%d: input_tokens must be a whole number of at least 0, not 2.5",
      [tokens(3, 30, 20, 2):gsub('"timestamp":"[^"]*",', "")] = ":4: timestamp is missing",
      [tokens(3, 30, 20, 2):gsub('"timestamp":"[^"]*"', '"timestamp":5')] = ":4:14: timestamp must be a date, not 5",
      [user(3):gsub('"timestamp":"[^"]*"', '"timestamp":"soon"')] =
        ':4:14: timestamp must be a number or a date, not "soon"',
      [line(3, "session_meta", '"id":7')] = ":4: a session_meta lacks its id",
      [line(3, "session_meta", "")] = ":4: a session_meta lacks its id",
    } do
      with(text)
      local told = run "convert r.jsonl -o out.jsonl"
      assert.equal(1, told.status, text)
      message = message:gsub("[%(%)%[%]%.]", "%%%0"):gsub("%%d", "%%d+")
      assert.matches("^moontide: r%.jsonl" .. message .. " %(%-%-skip%-bad%-lines passes over bad rows%)\n$", told.err)
      assert.is_false(command.exists(folder .. "/out.jsonl"))
      assert.equal(0, run("convert r.jsonl -o out.jsonl --skip-bad-lines").status)
      os.remove(folder .. "/out.jsonl")
    end
    -- What follows a session_meta that is none is nobody's.
    with(line(3, "session_meta", "") .. "\n" .. tokens(4, 30, 20, 2))
    local told = run "convert r.jsonl -o out.jsonl --skip-bad-lines"
    assert.matches("2 bad rows", told.err)
    command.write(folder, "r.jsonl", tokens(4, 30, 20, 2) .. "\n")
    told = run "convert r.jsonl -o none.jsonl --format codex"
    assert.equal("moontide: r.jsonl:1: no session_meta stands before it (--skip-bad-lines passes over bad rows)\n",
      told.err)
    command.write(folder, "r.jsonl", meta(0, "s") .. "\n")
    assert.equal("moontide: r.jsonl: there are no rows\n", run("convert r.jsonl -o none.jsonl").err)
  end)
end)
