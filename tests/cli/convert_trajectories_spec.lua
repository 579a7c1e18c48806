-- Trajectories of SWE-agent and mini-SWE-agent through the real binary, and everything that can be wrong with them.
local command = require "tests.support.command"
local mt = require "moontide"

local folder

before_each(function() folder = command.folder() end)
after_each(command.remove_folders)

local function run(line) return command.line(line, { folder = folder }) end

-- The requests that `convert NAME` makes of the text.
local function converted(text, more)
  command.write(folder, "t.traj", text)
  local result = run(("convert t.traj %s -o out.jsonl"):format(more or ""))
  assert.equal(0, result.status, result.err)
  local list = {}
  for one in mt.trace.open(folder .. "/out.jsonl") do
    one.line, one.turn = nil, nil
    list[#list + 1] = one
  end
  return list, result
end

-- It fails with the message, where # is some column, leaves nothing, and passes over the bad row when told to: then
-- `left` are left.
local function refused(text, message, left)
  command.write(folder, "t.traj", text)
  local result = run "convert t.traj -o bad.jsonl"
  assert.equal(1, result.status, text)
  local shown = message:find "#" and result.err:gsub("^(.-:%d+:)%d+", "%1#") or result.err
  assert.equal("moontide: t.traj" .. message .. " (--skip-bad-lines passes over bad rows)\n", shown)
  assert.is_false(command.exists(folder .. "/bad.jsonl"))
  assert.equal(left, #converted(text, "--skip-bad-lines"), text)
end

local cut = "^moontide: t%.traj:%d+: the file ends inside the trajectory that begins here"

describe("convert of mini-SWE-agent's trajectories", function()
  local function answer(at, created, input, output, model)
    return ('{"role": "assistant", "content": "a", "extra": {%s"response": {"object": "x", "created": %d, "model": "%s", '
      .. '"usage": {"prompt_tokens": %d, "completion_tokens": %d}}}}'):format(at and '"timestamp": ' .. at .. ", " or "",
      created, model or "m", input, output)
  end
  local function done(at)
    return ('{"role": "tool", "content": "o", "extra": {"timestamp": %s}}'):format(at)
  end
  local function trajectory(messages, more)
    return ('{"info": {"model_stats": {"api_calls": 2}, "config": {}},\n "messages": [\n{"role": "user", "content": "q"},\n'
      .. '%s]%s, "trajectory_format": "mini-swe-agent-1.1"}\n'):format(table.concat(messages, ",\n"), more or "")
  end
  local good = { answer(1763500005.25, 1763500001, 100, 7), done(1763500008.5), answer(1763500009, 1763500008, 120, 9) }
  local function row(session, timestamp, input, output, delay)
    return { session_id = session, timestamp = timestamp, input_length = input, output_length = output, delay = delay }
  end
  local function lengths(text, more)
    local list, told = converted(text, more)
    for _, one in ipairs(list) do one.hash_ids, one.extra = nil, nil end
    return list, told
  end

  it("makes a request of each answer, asked for when the message before it was done", function()
    local list, told = lengths(trajectory(good, ', "instance_id": "django__1"'))
    assert.matches("mini%-swe%-agent, 2 rows", told.out)
    assert.same({ row("django__1", 0, 100, 7), row("django__1", 7500, 120, 9, 3250) }, list)
    -- Several, one after another and in a list; by model.
    local other = trajectory { answer(1763500010, 1763500010, 5, 1, "n") }
    assert.same({ row("trajectory 1", 0, 100, 7), row("trajectory 1", 7500, 120, 9, 3250), row("trajectory 2", 9000, 5, 1) },
      (lengths(trajectory(good) .. other)))
    assert.same({ row("trajectory 2", 0, 5, 1) }, (lengths("[" .. trajectory(good) .. "," .. other .. "]", "--model n")))
  end)

  it("reads the API of responses, and the first versions' messages", function()
    assert.same({ row("trajectory 1", 0, 8, 2), row("trajectory 1", 4500, 9, 3, 2500) }, (lengths(trajectory {
      '{"object": "response", "created_at": 1763500000, "usage": {"input_tokens": 8, "output_tokens": 2}, '
        .. '"extra": {"timestamp": 1763500002}}', '{"type": "function_call_output", "extra": {"timestamp": 1763500004.5}}',
      '{"object": "response", "usage": {"input_tokens": 9, "output_tokens": 3}, "extra": {"timestamp": 1763500006}}' })))
    -- A time of their own; none but those of the responses, which say nothing of delays.
    assert.same({ row("trajectory 1", 0, 8, 2), row("trajectory 1", 500, 9, 3, 500) }, (lengths(trajectory {
      (answer(nil, 99, 8, 2):gsub('"content"', '"timestamp": 99, "content"')), '{"role": "user", "timestamp": 99.5}',
      answer(100, 100, 9, 3) })))
    assert.same({ row("trajectory 1", 0, 8, 2), row("trajectory 1", 6000, 9, 3) },
      (lengths(trajectory { answer(nil, 100, 8, 2), '{"role": "user"}', answer(nil, 106, 9, 3) })))
  end)

  it("says what is wrong", function()
    local with = function(text) return trajectory(good) .. trajectory { text } end
    for text, message in pairs {
      [answer("null", 1, 5, 1):gsub('"created": 1, ', "")] = ":10:1: when the answer was asked for is not known: no "
        .. "message here has a timestamp, and its response was not created at a time",
      [answer('"x"', 1, 5, 1)] = ":10:#: timestamp must be a number of seconds",
      [answer("null", 1, 5, 1):gsub('"created": 1', '"created": []')] = ":10:#: created must be a number of seconds",
      [answer(5, 1, 5, 1):gsub('"usage"', '"use"')] = ":10:1: an answer lacks the usage of its response: prompt_tokens",
      [answer(5, 1, 5, 1):gsub('"completion_tokens": 1', '"x": 1')] =
        ":10:1: an answer lacks the usage of its response: completion_tokens",
      [answer(5, 1, -5, 1)] = ":10:#: prompt_tokens must be a whole number of at least 0",
      [answer(5, 1, 5, 1):gsub('"completion_tokens": 1', '"completion_tokens": "1"')] =
        ":10:#: completion_tokens must be a whole number of at least 0",
      [answer(5, 1, 9223372036854775807, 1)] = ":10:1: the prompt is too large",
      ["7"] = ":10:1: a message must be an object",
    } do refused(with(text), message, 2) end
    refused(trajectory(good) .. '{"info": {}, "messages": {}}', ":7:#: messages must be a list", 2)
    refused(trajectory(good) .. '{"info": {"model_stats": 1}}', ":7:1: messages is missing: this is no trajectory of "
      .. "mini-SWE-agent", 2)
    refused(trajectory(good) .. '{"messages" []}', ":7:#: expected ':', found '[]}'", 2)
    command.write(folder, "t.traj", trajectory(good):sub(1, 300))
    assert.matches(cut, run("convert t.traj -o bad").err)
  end)
end)

describe("convert of SWE-agent's trajectories", function()
  local first = '{"query": [{"role": "system", "content": "a b"}, {"role": "user", "content": "c d e"}], "response": "f g", '
    .. '"thought": "f", "action": "g", "execution_time": 1.5}'
  local second = '{"query": [{"role": "system", "content": "a b"}, {"role": "user", "content": "c d e"}, {"role": '
    .. '"assistant", "content": "f g"}, {"role": "tool", "content": [{"type": "text", "text": "h"}]}], "response": "i", '
    .. '"tool_calls": [{"function": {"name": "x", "arguments": "y"}}], "execution_time": 0.25}'
  local demonstration = '{"action": "", "query": [], "response": "z", "execution_time": 9}'
  local function trajectory(steps)
    return ('{"environment": "swe_main", "trajectory": [\n%s\n], "history": [], "info": {"model_stats": {}}}\n')
      :format(table.concat(steps, ",\n"))
  end
  local options = "--count words --block-size 4"
  local expected = { { session_id = "trajectory 1", input_length = 5, output_length = 2, hash_ids = { 0, 1 } },
    { session_id = "trajectory 1", input_length = 8, output_length = 3, hash_ids = { 0, 2 }, delay = 1500 } }

  it("counts what each step was asked and answered, and waits for its action", function()
    local text = trajectory { demonstration, first, second }
    local list, told = converted(text, options)
    assert.same(expected, list)
    assert.matches("swe%-agent, 2 rows.*the log has no times", told.out)
    list = converted(text .. (text:gsub('"query"', '"messages"'):gsub('"execution_time": 1.5', '"x": 0')), options)
    assert.equal(4, #list)
    assert.same({ session_id = "trajectory 2", input_length = 8, output_length = 3, hash_ids = { 0, 2 } }, list[4])
    assert.same(expected, (converted("[" .. text .. "]", options .. " --format swe-agent")))
  end)

  it("says what is wrong", function()
    for step, message in pairs {
      ["[]"] = ":7:1: a step must be an object",
      [second:gsub('"execution_time": 0.25', '"execution_time": "1"')] =
        ":7:#: execution_time must be a number of seconds, at least 0",
      [second:gsub('"execution_time": 0.25', '"execution_time": -1')] =
        ":7:#: execution_time must be a number of seconds, at least 0",
    } do refused(trajectory { first, second } .. trajectory { first, step }:gsub("^{", "{ "), message, 2) end
    -- Only such a step is lost.
    for step, message in pairs {
      ['{"query": "text", "response": ""}'] = ":3:#: query must be a list of messages",
      ['{"query": [123], "response": ""}'] = ":3:#: a message of query must be an object",
      ['{"query": [{"content": 5}], "response": ""}'] = ":3:#: content must be a string or a list of parts, not 5",
      ['{"query": [{"content": "a"}], "response": 7}'] = ":3:#: response must be a string or a list of parts, not 7",
    } do refused(trajectory { first, step, second }, message, 2) end
    refused(trajectory { demonstration } .. trajectory { first }, ":1:#: no step has its query: what the model was sent "
      .. "is not known", 1)
    refused(trajectory { first } .. '{"trajectory": 5}', ":4:#: trajectory must be a list of steps", 1)
    refused(trajectory { first } .. '{"history": []}', ":4:1: trajectory is missing: this is no trajectory of SWE-agent", 1)
    refused(trajectory { first } .. '{"trajectory": [1,]}', ":4:#: expected a value, found ']}'", 1)
    command.write(folder, "t.traj", trajectory { first }:sub(1, 100))
    assert.matches(cut, run("convert t.traj -o bad").err)
  end)
end)
