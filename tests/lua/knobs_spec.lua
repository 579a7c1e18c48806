-- A learnt model's knobs: the one thing moves as asked, the others stay; what goes together; what is refused.
-- Bounds are of fixed seeds.
local command = require "tests.support.command"
local mt = require "moontide"
local real_data = require "tests.support.real_data"
local refusal = require "tests.support.refusal".text

local block_size = 64

-- Sessions that go on, on three system prompts: 4.1 turns on average, 15 at once.
local source = mt.workload { duration = "10m", block_size = block_size,
  mt.stream { name = "chat", arrivals = mt.sessions { starts = mt.poisson(0.3), turns = mt.geometric(4),
    think = mt.exponential(20) }, new_input = mt.lognormal { mean = 300, cv = 1 },
    output = mt.geometric(50), prompt = mt.shared_prefix { tokens = 256, groups = 3 } } }:columns { seed = 1 }

local model = assert(mt.learn(source, { block_size = block_size }))
local now = assert(model:describe())

local function near(wanted, got, part, what)
  assert.is_true(math.abs(got - wanted) <= part * wanted, ("%s: %.9g, not %.9g"):format(what or "", got, wanted))
end

-- What a synthesiser makes in a lap, and the figures of that.
local function lap(given, of)
  local opt = { num_requests = "1x", seed = 1 }
  for name, value in pairs(given) do opt[name] = value end
  local made = assert(assert(mt.synthesizer(of or model, opt)):columns())
  return made, assert(assert(mt.learn(made, { block_size = (of or model):block_size() })):describe())
end

-- Turns a session, sessions at once and requests a second, by session_id.
local function sessions_of(columns)
  local first, last, sessions, sum, requests, latest = {}, {}, 0, 0, 0, 0
  for r in columns:requests() do
    local session = r.session_id
    if not first[session] then first[session], sessions = r.timestamp, sessions + 1 end
    last[session], latest, requests = r.timestamp, r.timestamp, requests + 1
  end
  for session, time in pairs(last) do sum = sum + (time - first[session]) end
  return { turns = requests / sessions, at_once = sum / latest, rate = 1000 * requests / latest }
end

local function lengths_of(columns)
  local list = columns:column("input_length"):values()
  table.sort(list)
  return list
end

local function times_of(columns) return columns:column("timestamp"):values() end

describe("a learnt model", function()
  it("says how its knobs stand", function()
    near(0.72, now.sharing, 0.1)
    near(#source / now.chains, now.session_length, 1e-9)
    assert.is_true(now.sessions_at_once > 5 and now.cliff > 50)
    local text = tostring(now)
    assert.is_truthy(text:find(("\nKnobs now: sharing %.1f %%, session_length %.2f turns, sessions_at_once %.2f, "
      .. "cliff_at %d blocks\n"):format(100 * now.sharing, now.session_length, now.sessions_at_once, now.cliff), 1, true))
    local decoded = mt.json.decode(mt.json.encode(now))
    for _, name in ipairs { "sharing", "session_length", "sessions_at_once", "cliff" } do
      assert.equal(now[name], decoded[name])
    end
  end)

  it("shares less: its lengths stay, and its times but for what changes places", function()
    local whole = lap { arrivals = "follow" }
    for _, part in ipairs { 0, 0.3, 0.7 } do
      local made, figures = lap { sharing = part, arrivals = "follow" }
      assert.is_true(math.abs(figures.sharing - part * now.sharing) < 0.002, part)
      assert.same(lengths_of(whole), lengths_of(made))
      local before, after = times_of(whole), times_of(made)
      for i = 1, #before, #before // 10 do
        assert.is_true(math.abs(before[i] - after[i]) < 0.05 * before[#before], part)
      end
      near(before[#before], after[#after], 1e-9)
    end
  end)

  it("has more or fewer sessions at once: what a session is stays, the rate moves alike", function()
    local was = sessions_of(lap { with_sessions = true })
    for _, case in ipairs { { "x2", 2 }, { "0.5x", 0.5 }, { " x1.5 ", 1.5 }, { 3 * now.sessions_at_once, 3 } } do
      local made, figures = lap { sessions_at_once = case[1], with_sessions = true }
      local is = sessions_of(made)
      near(case[2] * now.sessions_at_once, is.at_once, 0.05, "at once")
      near(case[2] * was.rate, is.rate, 0.05, "rate")
      near(was.turns, is.turns, 1e-9, "turns")
      near(now.sharing, figures.sharing, 0.005, "sharing")
      near(now.input_length.mean, figures.input_length.mean, 1e-9, "input length")
      near(now.output_length.median, figures.output_length.median, 1e-9, "output length")
    end
    -- Twice the requests in the same time; half as many at once in twice the time.
    assert.equal(2 * #source, #(lap { sessions_at_once = "x2" }))
    assert.equal(#source, #(lap { sessions_at_once = "x0.5" }))
  end)

  it("has longer or shorter sessions, which begin when they did", function()
    for _, case in ipairs { { "x0.5", 0.5 }, { "x2", 2 }, { 1.5 * now.session_length, 1.5 } } do
      local made = lap { session_length = case[1], with_sessions = true }
      local is = sessions_of(made)
      near(case[2] * now.session_length, is.turns, 0.005, "turns")
      near(case[2] * #source, #made, 0.005, "requests")
    end
    -- All sessions are there, with the same first turns.
    local firsts = {}
    for _, length in ipairs { "x1", "x0.5", "x2" } do
      local columns = lap { session_length = length, with_sessions = true }
      local seen, lengths = {}, {}
      for r in columns:requests() do
        if not seen[r.session_id] then lengths[#lengths + 1] = r.input_length end
        seen[r.session_id] = true
      end
      table.sort(lengths)
      firsts[#firsts + 1] = lengths
    end
    assert.equal(now.chains, #firsts[1])
    assert.same(firsts[1], firsts[2])
    assert.same(firsts[1], firsts[3])
  end)

  it("has its cliff elsewhere", function()
    for _, times in ipairs { 0.6, 1.7, 3 } do
      local size = math.floor(times * now.cliff)
      for _, arrivals in ipairs { "follow", "source" } do
        local made, figures = lap { cliff_at = size, arrivals = arrivals }
        near(size, figures.cliff, 0.1, arrivals)
        near(now.sharing, figures.sharing, 0.005, "sharing")
        near(now.input_length.mean, figures.input_length.mean, 1e-9, "input length")
        assert.is_true(#made % #source == 0)
      end
    end
    local blocks = assert(model:adjust { cliff_at = 500 }):describe().cliff
    assert.equal(blocks, assert(model:adjust { cliff_at = "32ktokens" }):describe().cliff)
    assert.equal(blocks, assert(model:adjust { cliff_at = "32MB", bytes_per_token = "1KB" }):describe().cliff)
  end)

  it("has several knobs turned, each to times of what it was", function()
    local made = assert(model:adjust { session_length = "x0.5", sharing = 0.5, sessions_at_once = "x1" })
    local figures = made:describe()
    near(0.5 * now.session_length, figures.session_length, 0.005)
    near(now.sessions_at_once, figures.sessions_at_once, 0.01)
    near(0.5 * model:adjust { session_length = "x0.5" }:describe().sharing, figures.sharing, 0.02)
    local _, of_synthesis = lap { session_length = "x0.5", sharing = 0.5, sessions_at_once = "x1" }
    near(figures.sharing, of_synthesis.sharing, 0.005)
  end)

  it("goes together with what else is asked for", function()
    local plain = lap { sharing = 0.5, arrivals = "follow" }
    local fast = lap { sharing = 0.5, arrivals = "follow", speed_ratio = 4 }
    near(times_of(plain)[#plain] / 4, times_of(fast)[#fast], 1e-6)
    near(sessions_of(lap { sessions_at_once = "x2", with_sessions = true }).at_once,
      sessions_of(lap { sessions_at_once = "x2", with_sessions = true, speed_ratio = 4 }).at_once, 1e-6)
    local _, spread = lap { sharing = 0.5, prefix_root_multiplier = 3, num_requests = "3x" }
    near(0.5 * now.sharing, spread.sharing, 0.02)
    local _, few = lap { sharing = 0.5, max_isl = 1500 }
    local _, all = lap { max_isl = 1500 }
    near(0.5 * all.sharing, few.sharing, 0.1)
    local _, longer = lap { sessions_at_once = "x2", prefix_len_multiplier = 2, osl_multiplier = 3 }
    near(3 * now.output_length.mean, longer.output_length.mean, 0.02)
    near(2 * now.sessions_at_once, sessions_of((lap { sessions_at_once = "x2", arrivals = "resample",
      with_sessions = true })).at_once, 0.15)
  end)

  it("is a model: written, read, and the same at every turn", function()
    local path = command.file ""
    local half = assert(model:adjust { sharing = 0.5 })
    assert(half:write(path))
    assert.same(half:describe(), assert(mt.model.open(path)):describe())
    assert.same(lap({}, half):column("input_length"):values(), lap { sharing = 0.5 }:column("input_length"):values())
    assert.equal(now.sharing, model:describe().sharing) -- as it was
    command.remove_folders()
  end)

  it("gives its prompts to a load, with knobs turned", function()
    local function sharing(given)
      local load = mt.workload { duration = "20m", block_size = block_size,
        mt.stream { arrivals = mt.even(#source / 1200), prompt = mt.learned(model, given) } }
      return assert(mt.learn(load, { block_size = block_size })):describe().sharing
    end
    near(now.sharing, sharing {}, 0.02)
    near(0.5 * now.sharing, sharing { sharing = 0.5 }, 0.02)
    assert.equal("learned: sharing must be between 0 and 1, not 2", refusal(mt.learned, model, { sharing = 2 }))
    assert.equal("learned: cliff_at and sessions_at_once exclude each other: the cliff is moved by how many sessions "
      .. "are at once", refusal(mt.learned, model, { cliff_at = 5, sessions_at_once = 2 }))
  end)

  it("refuses what cannot be", function()
    local function refused(message, given) assert.equal("synthesizer: " .. message, refusal(mt.synthesizer, model, given)) end
    for _, name in ipairs { "sessions_at_once", "session_length" } do
      for _, wrong in ipairs { 0, -1, 0 / 0, 1 / 0, "x0", "x-2", "xnan", "x", "two", "2y", "x2x", true, {} } do
        assert.is_truthy(refusal(mt.synthesizer, model, { [name] = wrong }):find(("^synthesizer: %s must be a number "
          .. "above 0, or times what the source has, as x2, not "):format(name)), tostring(wrong))
      end
      refused(name .. " needs arrivals follow, its default, or resample: others do not keep sessions",
        { [name] = "x2", arrivals = "source" })
      refused(name .. " and max_isl exclude each other: max_isl would move what the first sets",
        { [name] = "x2", max_isl = 5000 })
    end
    refused("sharing must be between 0 and 1, not -0.5", { sharing = -0.5 })
    assert.is_truthy(refusal(mt.synthesizer, model, { sharing = 0 / 0 }):find("sharing must be finite", 1, true))
    refused("cliff_at must be at least 1, not 0", { cliff_at = 0 })
    refused("cliff_at is in bytes (80GB), and what a token takes is not known (bytes_per_token)", { cliff_at = "80GB" })
    refused("bytes_per_token needs cliff_at", { bytes_per_token = 5 })
    refused("sharing needs the reuse method: the radix method knows no sessions and no times",
      { sharing = 0.5, method = "radix" })
    for _, other in ipairs { "prefix_root_multiplier", "prefix_len_multiplier", "prompt_len_multiplier" } do
      refused(("cliff_at and %s exclude each other: %s would move what the first sets"):format(other, other),
        { cliff_at = 100, [other] = 2 })
    end
    refused("sessions_at_once and prefix_root_multiplier exclude each other: prefix_root_multiplier would move what the "
      .. "first sets", { sessions_at_once = 2, prefix_root_multiplier = 2 })
    assert.equal("adjust: one of sharing, sessions_at_once, session_length, cliff_at is needed",
      refusal(model.adjust, model))
    assert.is_truthy(refusal(model.adjust, model, { cliff = 5 }):find "^adjust: unknown option 'cliff'")
    local none, message, code = mt.synthesizer(model, { session_length = "x0.1" })
    assert.is_nil(none)
    assert.is_truthy(message:find "^session_length: sessions would have 0%.%d+ turns on average, and have one at least")
    assert.equal("value", code)
    none, message, code = model:adjust { cliff_at = 1 }
    assert.is_nil(none)
    assert.is_truthy(message:find "^cliff_at: the cliff cannot be at 1 blocks by how many sessions are at once: only")
    assert.equal("value", code)
    none, message = model:adjust { cliff_at = "10tokens" }
    assert.is_nil(none)
    assert.equal("cliff_at: a cache of 10tokens has no room for a block of 64 tokens", message)
    local instant = assert(mt.learn(mt.trace.columns { { timestamp = 0, input_length = 5 },
      { timestamp = 0, input_length = 6 } }))
    none, message = instant:adjust { sessions_at_once = "x2" }
    assert.is_nil(none)
    assert.equal("sessions_at_once: all requests come at one instant, so no session lasts", message)
    local single = assert(mt.learn(mt.trace.columns { { timestamp = 0, input_length = 5 },
      { timestamp = 1000, input_length = 6 } }))
    none, message = single:adjust { sessions_at_once = "x1e9" }
    assert.is_nil(none)
    assert.equal("sessions_at_once: no session lasts, so there are never several at once: all have one turn, or all "
      .. "of theirs at one instant", message)
  end)
end)

-- On real traces: what moves, by its figure of all requests; what stays.
describe("of real traces", function()
  for _, name in ipairs { "mooncake_conversation_trace", "agent_16_sessions", "agent_4_sessions", "agent_1_session",
    "agents_shared_prompts_b16" } do
    local path, missing = real_data(name .. ".jsonl")
    local test = missing and pending or it
    test(name .. ": knobs move what they are for" .. (missing and ": " .. missing or ""), function()
      local real = assert(mt.learn(path, { block_size = name:find "b16" and 16 or 512 }))
      local was = assert(real:describe())
      local _, less = lap({ sharing = 0.7, arrivals = "follow" }, real)
      near(0.7 * was.sharing, less.sharing, 0.001, "sharing")
      near(was.input_length.mean, less.input_length.mean, 1e-9, "input length")
      for _, times in ipairs { 0.5, 2 } do
        local made, figures = lap({ sessions_at_once = "x" .. times, with_sessions = true }, real)
        near(times * was.sessions_at_once, sessions_of(made).at_once, 0.05, "at once")
        near(was.sharing, figures.sharing, 0.005, "sharing")
        near(was.session_length, sessions_of(made).turns, 1e-9, "turns")
      end
      local longer = lap({ session_length = "x2", with_sessions = true }, real)
      near(2 * was.session_length, sessions_of(longer).turns, 0.001, "turns")
    end)
  end
end)
