-- Every example, through the real binary: its help, a run without options, each of its options, and the
-- property that it claims. Seeds are fixed; "4 sigma" is a p-value of 6e-5.
local command = require "tests.support.command"
local records = require "tests.support.records"

-- What another value of each option is, where blocks are not of 512 tokens, and arguments with which the
-- first 10 000 requests show every option. PATH is a trace.
local examples = {
  steady = {},
  whole_site = { options = { api = "4", job = "9", chats = "1/s" } },
  faster_replay = { options = { trace = "PATH", ["block-size"] = "64", speed = "3", osl = "uniform:low=10,high=20" } },
  ramp = { options = { low = "1", high = "25", climb = "100s", hold = "90s" } },
  diurnal = {
    arguments = "--rate-scale 0.05",
    options = { mean = "2", ["peak-at"] = "14h", ["flash-at"] = "6h", flash = "0" },
  },
  rag = {
    block_size = 64,
    options = { rate = "sine:mean=9,amp=3,period=20", documents = "99", zipf = "0.3", retrieved = "2", tokens = "900" },
  },
  retry_storm = { options = {
    rate = "4", at = "5s", height = "600", length = "3s", branching = "0.2", decay = "1s",
  } },
  tenants = { block_size = 64, options = { tenants = "7", zipf = "0", rate = "5" } },
  bursty_tenants = { options = { rate = "4", cv = "2", on = "4s", off = "9s" } },
  priorities = { options = { interactive = "4", batch = "4", urgent = "0.5" } },
  canary = { options = { rate = "9", steps = "0.5,1", ["step-time"] = "50s" } },
  chat = { options = { rate = "2", turns = "2", think = "1s", ["max-input"] = "1500" } },
  agent = { options = { rate = "1", turns = "2", tools = "2048", kinds = "1", ["tool-time"] = "1s" } },
  coding_agent = { block_size = 64, options = { rate = "0.2", turns = "9", ["compact-at"] = "20000",
    ["search-chance"] = "0.3" } },
  voice_agent = { block_size = 16, options = { calls = "1", turns = "3", listens = "2s" } },
  deep_research = { block_size = 64, options = { rate = "0.1", rounds = "1", readers = "3" } },
  doubled_trace = { options = { trace = "PATH", lengths = "PATH", factor = "3", bin = "7s" } },
  learned_peak = { options = { trace = "PATH", ["block-size"] = "64", low = "3", peak = "9", rise = "2m" } },
  aibrix = { options = { shape = "slow-rise", rate = "9", over = "4m" } },
  own_arrivals = { options = { every = "30s", size = "5", gap = "1ms" } },
  preble = { block_size = 16, options = { mix = "embodied", groups = "5", rate = "5", osl = "20" } },
  collision = { options = { chat = "4", long = "2", isl = "9000", span = "30s" } },
  late_short = { options = { short = "9", long = "30", isl = "9000", osl = "400", span = "30s" } },
  burst_recovery = { options = { rate = "4", times = "3", burst = "5s", span = "40s" } },
  abort_storm = { options = { rate = "9", share = "0.3", patience = "2s", span = "30s" } },
  costs = { is_command = true, options = { requests = "20k" } },
  clean_log = { is_command = true, arguments = "--share 0.7", options = {
    trace = "PATH", output = "clean.jsonl", start = "1m", ["end"] = "50s", share = "0.5", seed = "3",
  } },
  rate_over_time = { is_command = true, options = { trace = "PATH", bins = "20" } },
}

local names = {}
for name in pairs(examples) do names[#names + 1] = name end
table.sort(names)

-- A folder with examples/ in it, where the commands run, and a trace.
local folder
setup(function()
  folder = command.folder()
  os.execute(("ln -s \"$PWD/examples\" '%s/examples'"):format(folder))
  local made = command.shell("\"$MOONTIDE\" mixed --duration 100s --seed 5 -o trace.jsonl", { folder = folder })
  assert.equal(0, made.status, made.err)
end)
teardown(command.remove_folders)

-- What the example prints; it must succeed.
local function run(name, arguments)
  local result = command.shell(('exec "$MOONTIDE" examples/%s.lua %s'):format(name, arguments or ""),
    { folder = folder })
  assert.equal(0, result.status, name .. ": " .. result.err)
  return result.out
end

local function proper(name, text)
  local list = records.read(text)
  assert.is_nil(records.fault(list, examples[name].block_size or 512))
  return list
end

local function first_lines(text, count)
  local at = 0
  for _ = 1, count do
    at = text:find("\n", at + 1, true)
    if not at then return text end
  end
  return text:sub(1, at)
end

-- Of those whose claims are looked at in a run without options, what an earlier test has made of it.
local made = { steady = true, ramp = true, bursty_tenants = true, own_arrivals = true, priorities = true, canary = true,
  chat = true, coding_agent = true, voice_agent = true, deep_research = true }

-- The trace that it makes.
local function trace(name, arguments)
  local list = made[name]
  if not arguments and type(list) == "table" then
    made[name] = nil
    return list
  end
  return proper(name, run(name, "-o - " .. (arguments or "")))
end

-- A count of a Poisson law, or of one no wider.
local function is_about(mean, count, what)
  local bound = 4 * math.sqrt(mean)
  assert.is_true(math.abs(count - mean) <= bound, ("%s: %d is not %.1f +- %.1f"):format(what, count, mean, bound))
end

local function mean_of(list, value)
  local sum = 0
  for _, item in ipairs(list) do sum = sum + value(item) end
  return sum / #list
end

-- --- what all have ----------------------------------------------------------------------------------

describe("every example", function()
  it("is tested", function()
    local pipe = assert(io.popen "ls examples/*.lua")
    local count = 0
    for path in pipe:lines() do
      assert.is_truthy(examples[path:match "([%w_]+)%.lua$"], path)
      count = count + 1
    end
    pipe:close()
    assert.equal(#names, count)
  end)

  for _, name in ipairs(names) do
    local example = examples[name]

    it(name .. " explains itself", function()
      local path = "examples/" .. name .. ".lua"
      local result = command.run({ "help", path }, { folder = folder })
      assert.equal(0, result.status)
      local summary, usage = result.out:match "^([^\n]+)\n\nusage: ([^\n]+)\n"
      assert.is_true(#summary > 20)
      assert.is_truthy(usage:find("moontide " .. path, 1, true), usage)
      for option in (result.out:match "\noptions:\n(.-\n)\n" or result.out:match "\noptions:\n(.*)" or "")
        :gmatch "%-%-([%w-]+)" do
        assert.is_truthy(example.options[option], "--" .. option .. " is not tested")
      end
    end)

    if example.is_command then
      it(name .. " runs without options", function() assert.is_true(#run(name) > 200) end)
    else
      it(name .. " runs without options and makes a proper trace", function()
        assert.equal("", run(name))
        local text = command.read(folder .. "/" .. name .. ".jsonl")
        local _, count = text:gsub("\n", "")
        assert.is_true(count >= 100 and count < 200000)
        local list = proper(name, first_lines(text, 10000))
        made[name] = made[name] and list
      end)

      it(name .. " can be checked", function()
        assert.is_truthy(run(name, "--check"):find "^expected over .*digest of the first 10000 requests: %x+")
      end)
    end

    if example.options and name ~= "costs" then
      it(name .. " uses all its options", function()
        local arguments = (example.is_command and "" or "--check ") .. (example.arguments or "")
        local before = run(name, arguments)
        for option, value in pairs(example.options) do
          value = value == "PATH" and "trace.jsonl" or value
          local after = run(name, ("%s --%s '%s'"):format(arguments, option, value))
          assert.are_not.equal(before, after, "--" .. option)
        end
      end)
    end
  end
end)

-- --- what each claims -------------------------------------------------------------------------------

describe("the example", function()
  it("steady is steady and shares nothing", function()
    local list = trace "steady"
    for from = 0, 40, 20 do is_about(200, records.between(list, from, from + 20), "requests in 20 s") end
    for i, record in ipairs(list) do
      assert.same({ 2000, 250, 4 * (i - 1) }, { record.isl, record.osl, record.ids[1] })
    end
  end)

  it("ramp climbs, stays, and comes down", function()
    local list = trace "ramp"
    for i, mean in ipairs { 240, 1320, 2400, 1320, 240 } do
      is_about(mean, records.between(list, 120 * (i - 1), 120 * i), "phase " .. i)
    end
    is_about(30 * (2 + 6.5) / 2, records.between(list, 120, 150), "the climb's first quarter")
  end)

  -- Counts in 5 s: var/mean of a Poisson process is 1, its deviation sqrt(2/59) for 60 windows; gamma gaps
  -- of cv 4 come to 16, on and off of these times above 30 in long windows.
  it("bursty_tenants has three of one rate, and two of them burst", function()
    local expected = run("bursty_tenants", "--check")
    local dispersion = {}
    local list = trace "bursty_tenants"
    for tenant, own in pairs(records.by(list, function(record) return record:member "tenant" end)) do
      assert.is_truthy(expected:find("\n" .. tenant .. " +1,500.0 +5 "), expected)
      local counts = records.counts(own, 5, 60)
      local mean = mean_of(counts, function(count) return count end)
      dispersion[tenant] = mean_of(counts, function(count) return (count - mean) ^ 2 end) / mean
    end
    assert.is_true(math.abs(dispersion.steady - 1) < 4 * math.sqrt(2 / 59), dispersion.steady)
    assert.is_true(dispersion.bursty > 4, dispersion.bursty)
    assert.is_true(dispersion.sometimes > 8, dispersion.sometimes)
  end)

  it("own_arrivals sends volleys on the minute", function()
    local list = trace "own_arrivals"
    is_about(200, #list, "requests")
    local volleys = records.by(list, function(record) return record.timestamp // 60000 end)
    for minute = 1, 10 do
      for i, record in ipairs(volleys[minute]) do
        assert.is_true(math.abs(record.timestamp - 60000 * minute - 50 * (i - 1)) < 0.01)
      end
    end
    assert.is_nil(volleys[0])
  end)

  it("priorities says who a request is", function()
    local kinds = records.by(trace "priorities", function(record) return record:member "priority" end)
    is_about(8 * 60 * 0.9, #kinds.normal, "normal")
    is_about(8 * 60 * 0.1, #kinds.urgent, "urgent")
    is_about(2 * 60, #kinds.low, "low")
    for _, record in ipairs(kinds.low) do
      local deadline = record:member "deadline_s"
      assert.is_true(deadline >= 60 and deadline <= 600)
    end
    local users = records.by(kinds.normal, function(record) return record:member "user" end)
    assert.is_true(#users[1] > #users[5] and users[501] == nil and users[0] == nil)
  end)

  -- A background of height h (1 - b) (1 - s / D) during the cause of length D; each of its requests has
  -- b / (1 - b) descendants, later by an exponential time of rate (1 - b) / decay. So much of it comes
  -- after D. The deviation of the share, over clusters of 5 requests on average, is about 0.02.
  it("retry_storm outlives its cause", function()
    local branching, rate, length, after = 0.8, 0.2 / 5, 10, 0
    for i = 0.5, 999.5 do
      local s = length * i / 1000
      after = after + 2 * (1 - s / length) / 1000 * branching * math.exp(-rate * (length - s))
    end
    local list = trace("retry_storm", "--height 2000 --seed 3")
    local during_cause = records.between(list, 60, 70) - 5 * 10
    local afterwards = records.between(list, 70, 240) - 5 * 170
    local share = afterwards / (during_cause + afterwards)
    assert.is_true(after > 0.5)
    assert.is_true(math.abs(share - after) < 0.08, ("%.3f, not %.3f"):format(share, after))
  end)

  -- The mean of noise of cv 0.2 and 10 minutes over 4 hours has a deviation of 0.06.
  it("diurnal has its afternoon, its night and its crowd where it says", function()
    local function busiest(list)
      local best, most = nil, 0
      for i, count in ipairs(records.counts(list, 300, 288)) do
        if count > most then best, most = i, count end
      end
      return 300 * (best - 1) / 3600
    end
    local peak = busiest(trace("diurnal", "--mean 0.2"))
    assert.is_true(peak >= 20.4 and peak <= 20.75, peak)
    peak = busiest(trace("diurnal", "--mean 0.2 --flash-at 4h"))
    assert.is_true(peak >= 3.9 and peak <= 4.25, peak)
    local plain = trace("diurnal", "--mean 0.2 --flash 0")
    for _, window in ipairs { { 13, 17, 1 }, { 1, 5, -1 } } do
      local swing = 0.7 * math.sin(math.pi / 6) / (math.pi / 6)
      local mean = 0.2 * 4 * 3600 * (1 + window[3] * swing)
      local count = records.between(plain, window[1] * 3600, window[2] * 3600)
      assert.is_true(math.abs(count / mean - 1) < 4 * math.sqrt(0.06 ^ 2 + 1 / mean), count / mean)
    end
  end)

  it("canary moves the requests from one model to the other, and no prefix", function()
    local list = trace "canary"
    local owner = {}
    for step, share in ipairs { 0.01, 0.1, 0.5, 1 } do
      local all, new = 0, 0
      for _, record in ipairs(list) do
        if record.timestamp // 60000 == step - 1 then
          all = all + 1
          if record:member "model" == "new" then new = new + 1 end
        end
      end
      is_about(1200, all, "step " .. step)
      local bound = 4 * math.sqrt(all * share * (1 - share))
      assert.is_true(math.abs(new - all * share) <= bound, ("step %d: %d of %d"):format(step, new, all))
    end
    for _, record in ipairs(list) do
      local model = record:member "model"
      for _, id in ipairs(record.ids) do
        owner[id] = owner[id] or model
        assert.equal(owner[id], model)
      end
    end
    for _, record in ipairs(trace("canary", "--steps 0,1 --step-time 10s --duration 30s")) do
      assert.equal(record.timestamp < 10000 and "old" or "new", record:member "model")
    end
  end)

  -- Requests of a stream in each of three spans.
  local function check_spans(list, counts, ends)
    for stream, means in pairs(counts) do
      local own = records.by(list, function(record) return record:member "stream" end)[stream]
      for i, mean in ipairs(means) do
        is_about(mean, records.between(own, ends[i - 1] or 0, ends[i]), ("%s in span %d"):format(stream, i))
      end
    end
  end

  it("collision, late_short, burst_recovery and abort_storm have their disturbance in the middle alone", function()
    check_spans(trace("collision", "--tags"), { chat = { 100, 100, 100 }, long = { 0, 20, 0 } }, { 20, 40, 60 })
    local late = trace("late_short", "--tags")
    check_spans(late, { short = { 200, 200, 200 } }, { 20, 40, 60 })
    local long = records.by(late, function(record) return record.osl end)[500]
    assert.equal(20, #long)
    assert.equal(20, records.between(long, 20, 21))
    check_spans(trace("burst_recovery", "--tags"), { main = { 150, 400, 150 } }, { 30, 40, 70 })
    local storm = trace("abort_storm", "--tags")
    check_spans(storm, { stay = { 160, 80, 160 }, leave = { 0, 80, 0 } }, { 20, 40, 60 })
    for _, record in ipairs(storm) do
      assert.equal(record:member "stream" == "leave" and 1000 or nil, record:member "cancel_after")
    end
  end)

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

  -- The four hottest first documents and all others: chi-square with 4 degrees of freedom is above 23.5
  -- with p = 1e-4.
  it("rag has hot documents by Zipf's law", function()
    local list = trace("rag", "--duration 10m")
    local whole = 0
    for k = 1, 1000 do whole = whole + k ^ -1.2 end
    local counts, expected, rest = {}, {}, #list
    for _, group in pairs(records.by(list, function(record) return record.ids[9] end)) do
      counts[#counts + 1] = #group
    end
    table.sort(counts, function(a, b) return a > b end)
    for k = 1, 4 do
      expected[k] = #list * k ^ -1.2 / whole
      rest = rest - counts[k]
    end
    expected[5] = #list - expected[1] - expected[2] - expected[3] - expected[4]
    local chi_square = records.chi_square({ counts[1], counts[2], counts[3], counts[4], rest }, expected)
    assert.is_true(chi_square < 23.5, chi_square)
    for _, record in ipairs(list) do
      assert.equal(7, record.ids[8])
      assert.is_true(record.isl > 512 + 3 * 1024)
    end
  end)

  -- 40 tenants: chi-square with 39 degrees of freedom is above 80.8 with p = 1e-4.
  it("tenants have sizes by Zipf's law and prompts of their own", function()
    local list = trace "tenants"
    local tenants = records.by(list, function(record) return record:member "tenant" end)
    local whole, counts, expected, owner = 0, {}, {}, {}
    for k = 1, 40 do whole = whole + 1 / k end
    for k = 1, 40 do
      counts[k], expected[k] = #tenants[k], #list / k / whole
      for _, record in ipairs(tenants[k]) do
        for block = 1, 4 * (1 + k % 8) do assert.equal(tenants[k][1].ids[block], record.ids[block]) end
      end
      assert.is_nil(owner[tenants[k][1].ids[1]])
      owner[tenants[k][1].ids[1]] = k
    end
    is_about(3000, #list, "requests")
    local chi_square = records.chi_square(counts, expected)
    assert.is_true(chi_square < 80.8, chi_square)
  end)

  -- 10 bins: chi-square with 10 degrees of freedom is above 35.6 with p = 1e-4.
  it("doubled_trace doubles one trace's rate and draws another's lengths", function()
    command.write(folder, "lengths.jsonl", run("priorities", "-o -"))
    local pairs_of = records.by(records.read(command.read(folder .. "/lengths.jsonl")),
      function(record) return record.isl .. " " .. record.osl end)
    local before = records.read(command.read(folder .. "/trace.jsonl"))
    local after = trace("doubled_trace", "--trace trace.jsonl --lengths lengths.jsonl --bin 10s")
    local counts, expected = records.counts(after, 10, 10), {}
    local start = before[1].timestamp / 1000
    for i = 1, 10 do
      expected[i] = 2 * records.between(before, start + 10 * (i - 1), start + 10 * i)
    end
    local chi_square = records.chi_square(counts, expected)
    assert.is_true(chi_square < 35.6, chi_square)
    for _, record in ipairs(after) do assert.is_truthy(pairs_of[record.isl .. " " .. record.osl]) end
  end)

  it("doubled_trace doubles a real one", function()
    local real, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"
    if missing then return pending(missing) end
    local text = command.run { "examples/doubled_trace.lua", "--trace", real, "--lengths", real, "-o", "-" }.out
    local _, lines = text:gsub("\n", "\n")
    is_about(2 * 12031, lines, "requests")
  end)

  -- The rate climbs from 1 to 20 a second in three minutes: areas of trapezia.
  it("learned_peak sends a trace's prompts on a load of its own", function()
    local before = records.by(records.read(command.read(folder .. "/trace.jsonl")),
      function(record) return record.isl .. " " .. record.osl end)
    local list = trace("learned_peak", "--trace trace.jsonl")
    for i, mean in ipairs { 250, 630, 1010 } do
      is_about(mean, records.between(list, 60 * (i - 1), 60 * i), "minute " .. i)
    end
    for _, record in ipairs(list) do assert.is_truthy(before[record.isl .. " " .. record.osl]) end
  end)

  it("faster_replay is the trace, faster, with other answers", function()
    command.write(folder, "hot.jsonl", run("rag", "-o - --seed 2"))
    local before = records.read(command.read(folder .. "/hot.jsonl"))
    local after = records.read(run("faster_replay", "--trace hot.jsonl --block-size 64 --speed 4 --osl 77 -o -"))
    assert.is_nil(records.fault(after, 64))
    assert.equal(#before, #after)
    for i, record in ipairs(after) do
      assert.same({ before[i].isl, before[i].ids, 77 }, { record.isl, record.ids, record.osl })
      local due = (before[i].timestamp - before[1].timestamp) / 4
      assert.is_true(math.abs(record.timestamp - due) < 0.0011)
    end
  end)

  -- The mean of sin over its positive half is 2 / pi.
  it("aibrix has the four shapes", function()
    local half = 2 / math.pi
    local list = trace("aibrix", "--shape quick-rise")
    is_about(15 * (10 + 5 * half), records.between(list, 0, 15), "the rise")
    is_about(285 * 15, records.between(list, 15, 300), "above")
    list = trace("aibrix", "--shape slow-rise")
    for i = 1, 3 do
      local swing = 200 / (math.pi / 2) * (math.cos(math.pi / 6 * (i - 1)) - math.cos(math.pi / 6 * i))
      is_about(1000 + 5 * 1.5 * swing, records.between(list, 100 * (i - 1), 100 * i), "third " .. i)
    end
    list = trace("aibrix", "--shape slight-fluctuation")
    is_about(150 * (10 + half), records.between(list, 0, 150), "the upper half")
    is_about(150 * (10 - half), records.between(list, 150, 300), "the lower half")
    local upper = 0
    list = trace("aibrix", "--shape severe-fluctuation")
    for i = 0, 11 do upper = upper + records.between(list, 25 * i, 25 * i + 12.5) end
    is_about(150 * (10 + 5 * half), upper, "the upper halves")
    is_about(150 * (10 - 5 * half), #list - upper, "the lower halves")
  end)

  -- What is shared is found in at least two requests; a group of 12 requests on average has one only with
  -- p = 6e-6. Of a shared part (16 - 1) / 2 tokens are lost on average, being no whole block.
  local published = {
    toolbench = { 1835, 742, 0.85 }, embodied = { 2285, 471, 0.97 }, programming = { 3871, 1656, 0.97 },
    video = { 9865, 5976, 0.88 }, loogle = { 23474, 6105, 0.91 },
  }
  for mix, figures in pairs(published) do
    it("preble's " .. mix .. " shares what was published", function()
      local mean, _, share = table.unpack(figures)
      local arguments = "--mix " .. mix
      local expected = tonumber((run("preble", arguments .. " --check"):match "\nmain +[%d,.]+ +[%d.]+ +([%d.]+)"))
      assert.is_true(math.abs(expected - mean) < 0.5, expected)
      local list = trace("preble", arguments)
      local seen, shared, whole = {}, 0, 0
      for _, record in ipairs(list) do
        for _, id in ipairs(record.ids) do seen[id] = (seen[id] or 0) + 1 end
      end
      for _, record in ipairs(list) do
        for _, id in ipairs(record.ids) do
          if seen[id] > 1 then shared = shared + 16 end
        end
        whole = whole + record.isl
      end
      local due = share - 7.5 / mean
      assert.is_true(math.abs(shared / whole - due) < 0.02, ("%.3f, not %.3f"):format(shared / whole, due))
    end)
  end

  it("preble has the published mean and deviation of lengths", function()
    local list = trace("preble", "--groups 3000 --duration 10m")
    local mean = mean_of(list, function(record) return record.isl end)
    local variance = mean_of(list, function(record) return (record.isl - mean) ^ 2 end)
    assert.is_true(math.abs(mean / 1835 - 1) < 0.04, mean)
    assert.is_true(math.abs(math.sqrt(variance) / 742 - 1) < 0.1, math.sqrt(variance))
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

  it("clean_log mends a clock, cuts, and leaves out names", function()
    local lines = {}
    for _, record in ipairs(records.read(run("chat", "-o -"))) do
      lines[#lines + 1] = ('{"timestamp": %d, "input_length": %d, "output_length": %d, "hash_ids": [%s], '
        .. '"session_id": "user %s", "text_input": "secret"}\n'):format(record.timestamp // 3000 * 3000, record.isl,
        record.osl, table.concat(record.ids, ", "), record.session)
    end
    command.write(folder, "ticks.jsonl", table.concat(lines))
    local text = run("clean_log", "ticks.jsonl --start 60s --end 90s -o clean.jsonl")
    assert.is_truthy(text:find("ticks.jsonl: the clock ticks every 3 s", 1, true), text)
    local clean = command.read(folder .. "/clean.jsonl")
    assert.is_nil(clean:find "user" or clean:find "secret")
    local list = records.read(clean)
    assert.is_nil(records.fault(list, 512))
    assert.is_true(#list > 20 and list[1].timestamp == 0 and list[#list].timestamp < 30000)
    assert.equal(0, command.run({ "lint", "clean.jsonl" }, { folder = folder }).status)
    local half = tonumber(run("clean_log", "ticks.jsonl --share 0.5"):match "\n(%d+) requests\n")
    assert.is_true(half > #lines * 0.35 and half < #lines * 0.65, half)
    local result = command.run({ "examples/clean_log.lua", "ticks.jsonl", "--start", "9h" }, { folder = folder })
    assert.equal(1, result.status)
    assert.is_truthy(result.err:find "none of %d+ requests lies in the window")
  end)

  it("rate_over_time draws the trace it is given", function()
    local picture = run("rate_over_time", "trace.jsonl --bins 20")
    assert.is_truthy(picture:find "request rate")
    local result = command.run({ "examples/rate_over_time.lua", "no-such.jsonl" }, { folder = folder })
    assert.equal(1, result.status)
    assert.is_truthy(result.err:find "no%-such%.jsonl")
  end)

  it("costs has a line and a time for each thing", function()
    local count = 0
    for line in run("costs", "--requests 10k"):gmatch "[^\n]+" do
      local time = tonumber(line:match "([%d.]+) ns$")
      assert.is_true(time and time > 0, line)
      count = count + 1
    end
    assert.equal(13, count)
  end)
end)
