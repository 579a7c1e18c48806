-- Every example of sessions, through the real binary, as examples_spec has those of loads.
local command = require "tests.support.command"
local examples = require "tests.support.examples"
local records = require "tests.support.records"

local trace, is_about, mean_of = examples.trace, examples.is_about, examples.mean_of

setup(examples.make_folder)
teardown(command.remove_folders)

describe("every example", function()
  examples.check("sessions", it)
end)

describe("the example", function()
  -- Turns come in order; each prompt begins with the whole blocks of the one before, has its answer and
  -- something new in it, and comes `delay` after it was answered.
  local function check_sessions(list, ttft, per_token)
    local sessions, count = records.by(list, function(record) return record.session end), 0
    for _, turns in pairs(sessions) do
      count = count + 1
      assert.is_nil(turns[1].delay)
      for i = 2, #turns do
        local before, turn = turns[i - 1], turns[i]
        assert.is_true(turn.isl > before.isl + before.osl)
        assert.same(table.move(before.ids, 1, before.isl // 512, 1, {}),
          table.move(turn.ids, 1, before.isl // 512, 1, {}))
        local due = before.timestamp + ttft + per_token * before.osl + turn.delay
        assert.is_true(math.abs(turn.timestamp - due) < 0.01)
      end
    end
    return sessions, count
  end

  -- The number of turns has a deviation of sqrt(4 * 3); sessions longer than max_input hardly occur.
  it("chat has sessions that grow", function()
    local list = trace "chat"
    local _, count = check_sessions(list, 300, 20)
    is_about(180, count, "sessions")
    assert.is_true(math.abs(#list / count - 4) < 4 * math.sqrt(12 / count), #list / count)
    for _, record in ipairs(list) do assert.same({ 0, 1 }, { record.ids[1], record.ids[2] }) end
    for _, record in ipairs(trace("chat", "--max-input 2000")) do
      assert.is_true(record.isl <= 2000 or not record.delay)
    end
  end)

  -- The number of turns has a deviation of 11; pauses of 1.5 s have one of 1.5 s.
  it("agent calls tools in quick succession, below descriptions that tasks of a kind share", function()
    local list = trace("agent", "--duration 10m")
    local sessions, count = check_sessions(list, 200, 15)
    is_about(180, count, "tasks")
    assert.is_true(math.abs(#list / count - 12) < 4 * 11 / math.sqrt(count), #list / count)
    local firsts, later = {}, {}
    for _, turns in pairs(sessions) do
      firsts[turns[1].ids[12]] = true
      table.move(turns, 2, #turns, #later + 1, later)
    end
    local kinds = 0
    for _ in pairs(firsts) do kinds = kinds + 1 end
    assert.equal(4, kinds)
    local pause = mean_of(later, function(record) return record.delay end)
    assert.is_true(math.abs(pause - 1500) < 4 * 1500 / math.sqrt(#later), pause)
  end)

  -- Shares of all blocks that an unbounded cache has seen before: in the same session, and in others.
  local function seen_before(list)
    local seen, of_session, within, across, blocks = {}, {}, 0, 0, 0
    for _, record in ipairs(list) do
      local own = of_session[record.session] or {}
      of_session[record.session] = own
      for _, id in ipairs(record.ids) do
        blocks = blocks + 1
        if own[id] then
          within = within + 1
        elseif seen[id] then
          across = across + 1
        end
        own[id], seen[id] = true, true
      end
    end
    return within / blocks, across / blocks
  end

  local function between(low, value, high)
    assert.is_true(low <= value and value <= high, ("%g is not within %g and %g"):format(value, low, high))
  end

  -- What the examples of agents say of their traces, at two seeds.
  it("a coding agent's context grows and is compacted, and sub-agents are joined", function()
    for seed = 0, 1 do
      local list = trace("coding_agent", seed > 0 and "--seed " .. seed or nil) -- 0 is the seed of a run without options
      local within, across = seen_before(list)
      between(0.88, within, 0.94)
      between(0.01, across, 0.03)
      local resets, joins, known, before = 0, 0, {}, {}
      for _, record in ipairs(list) do
        assert.is_true(record.isl <= 60000)
        known[record:member "request_id"] = true
        for waits in record.line:gmatch '"wait_for": %[(.-)%]' do
          for name in waits:gmatch '"([^"]+)"' do assert.is_true(known[name]) end
          if waits:find(".", 1, true) and not record.session:find(".", 1, true) then joins = joins + 1 end
        end
        if record.line:find('"prefix_reset": true', 1, true) then
          resets = resets + 1
          assert.is_true(record.isl < before[record.session])
        end
        before[record.session] = record.isl
      end
      assert.is_true(resets >= 10 and joins >= 30, resets .. " " .. joins)
    end
  end)

  it("a voice agent's turns are short, and its pauses never are", function()
    for seed = 0, 1 do
      local list = trace("voice_agent", seed > 0 and "--seed " .. seed or nil) -- 0 is the seed of a run without options
      local within, across = seen_before(list)
      between(0.87, within, 0.94)
      between(0.03, across, 0.08)
      local growth, first = 0, {}
      for _, record in ipairs(list) do
        first[record.session] = first[record.session] or record.isl
        growth = growth + record.isl / first[record.session]
        assert.is_true(record.delay == nil or record.delay >= 700)
        assert.is_true(record.osl <= 150)
        assert.is_true(record.delay ~= nil or record.osl == 25 and record.isl >= 1650 and record.isl <= 1850)
      end
      between(1.2, growth / #list, 1.6)
    end
  end)

  it("deep research fans out wide and joins", function()
    for seed = 0, 1 do
      local list = trace("deep_research", seed > 0 and "--seed " .. seed or nil) -- 0 is the seed of a run without options
      local within, across = seen_before(list)
      between(0.55, within, 0.7)
      between(0.015, across, 0.05)
      local begun, leaders, resets = {}, 0, 0
      for _, record in ipairs(list) do
        if not record.session:find(".", 1, true) then
          leaders = leaders + 1
        elseif record:member("request_id"):find ":0$" then
          local parent = record.line:match '"wait_for": %["([^"]+)"%]'
          begun[parent] = begun[parent] or {}
          table.insert(begun[parent], record.timestamp)
        end
        if record.line:find('"prefix_reset": true', 1, true) then resets = resets + 1 end
      end
      local rounds = 0
      for _, times in pairs(begun) do
        rounds = rounds + 1
        assert.equal(8, #times)
        for _, time in ipairs(times) do assert.equal(times[1], time) end
      end
      assert.equal(leaders / 4 * 3, rounds)
      assert.is_true(resets > 100)
    end
  end)

  it("whole_site has the streams of three scripts", function()
    local streams = records.by(trace("whole_site", "--tags"), function(record) return record:member "stream" end)
    is_about(900, #streams["steady/main"], "steady")
    is_about(900, #streams["burst/main"], "burst")
    for _, record in ipairs(streams["burst/main"]) do
      assert.is_true(record.timestamp % 60000 >= 50000)
    end
    local _, sessions = check_sessions(streams["chat/main"], 300, 20)
    is_about(90, sessions, "sessions")
  end)
end)
