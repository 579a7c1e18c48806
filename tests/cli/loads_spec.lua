-- What a script's load really brings, through the real binary.
local command = require "tests.support.command"

local folder

setup(function() folder = command.folder() end)
teardown(command.remove_folders)

local count = 0

-- Writes a script and runs it with the words of `line`.
local function run(text, line)
  count = count + 1
  local name = ("load%d.lua"):format(count)
  command.write(folder, name, 'local mt = require "moontide"\n' .. text .. "\n")
  return command.line(name .. " " .. (line or ""), { folder = folder })
end

-- How often each value of a member comes out.
local function tally(trace, pattern)
  local counts = {}
  for value in trace:gmatch(pattern) do counts[tonumber(value)] = (counts[tonumber(value)] or 0) + 1 end
  return counts
end

-- Every whole number in [low, high], and no other, within 5 deviations of as often.
local function assert_even(counts, low, high)
  local total = 0
  for _, n in pairs(counts) do total = total + n end
  local each = total / (high - low + 1)
  for value = low, high do
    local n = counts[value] or 0
    assert.is_true(math.abs(n - each) < 5 * math.sqrt(each), ("%d comes %d times, not %.0f"):format(value, n, each))
    counts[value] = nil
  end
  assert.is_nil(next(counts))
end

describe("whole numbers from a uniform law", function()
  it("are every length from low to high as often", function()
    local lengths = {
      { "mt.uniform(1, 3)", 1, 3 }, { "mt.uniform(1, 3) * 2", 2, 6 }, { "mt.uniform(1, 3) + 4", 5, 7 },
      { "mt.uniform(0.5, 3.5)", 1, 3 }, { "mt.uniform(mt.const(1), 3) * 2", 2, 6 },
      { "mt.mix{ {1, mt.uniform(1, 2)}, {1, mt.uniform(3, 4)} }", 1, 4 },
      { "mt.uniform{1, 9, max=9}", 1, 9 },
    }
    for _, length in ipairs(lengths) do
      local result = run(("return mt.workload { duration = 100, mt.stream { arrivals = mt.even(300), input = %s, "
        .. "output = %s } }"):format(length[1], length[1]), "-o -")
      assert.equal(0, result.status, result.err)
      assert_even(tally(result.out, '"input_length": (%d+)'), length[2], length[3])
      assert_even(tally(result.out, '"output_length": (%d+)'), length[2], length[3])
    end
  end)

  it("are every number of turns as often", function()
    local result = run("return mt.workload { duration = '1h', mt.stream { arrivals = mt.sessions { starts = mt.even(2), "
      .. "turns = mt.uniform(1, 3), think = mt.fixed(1) }, new_input = 10, output = 10 } }", "-o -")
    assert.equal(0, result.status, result.err)
    local turns = {}
    for _, n in pairs(tally(result.out, '"session_id": "main%-(%d+)"')) do turns[n] = (turns[n] or 0) + 1 end
    assert_even(turns, 1, 3)
  end)

  it("are the mean that a plan expects", function()
    local result = run("return mt.workload { duration = 100, mt.stream { arrivals = mt.even(300), "
      .. "input = mt.uniform(1.2, 3.7), output = 1 } }", "--check")
    assert.equal(0, result.status, result.err)
    assert.truthy(result.out:find(" 2.5 ", 1, true), result.out)
  end)
end)

describe("--check", function()
  local function talks(more)
    return ("return mt.workload { duration = 100, mt.stream { arrivals = mt.sessions { starts = mt.even(2, "
      .. "{ phase = 0.5 }), turns = 9, think = 20%s }, new_input = 1000, output = 1000 } }"):format(more)
  end

  -- Requests, requests a second and mean ISL as the table says.
  local function row(result)
    assert.equal(0, result.status, result.err)
    local requests, rate, input = result.out:match "main +([%d,.]+) +([%d.]+) +([%d.]+)"
    return tonumber((requests:gsub(",", ""))), tonumber(rate), tonumber(input)
  end

  it("counts what max_input leaves of sessions", function()
    local requests, rate, input = row(run(talks ", max_input = 8000", "--check"))
    local made = run(talks ", max_input = 8000", "-o -")
    local made_count, sum, within = 0, 0, 0
    for time, length in made.out:gmatch '"timestamp": ([%d.]+), "input_length": (%d+)' do
      made_count, sum = made_count + 1, sum + length
      if tonumber(time) < 100000 then within = within + 1 end
    end
    assert.equal(800, made_count)
    assert.same({ made_count, within / 100, sum / made_count }, { requests, rate, input })
    assert.equal(1600, (row(run(talks ", max_input = 8000", "--check --rate-scale 2"))))
  end)

  it("counts what compact and clear leave of histories, and says so", function()
    for name, more in pairs { compact = ", compact = { at = 8000, keep = 500 }",
      clear = ", clear = { at = 8000, share = 0.5 }" } do
      local checked = run(talks(more), "--check")
      local requests, _, input = row(checked)
      local made = run(talks(more), "-o -")
      local made_count, sum = 0, 0
      for length in made.out:gmatch '"input_length": (%d+)' do
        made_count, sum = made_count + 1, sum + length
      end
      assert.same({ made_count, math.floor(sum / made_count * 10 + 0.5) / 10 }, { requests, input })
      assert.truthy(checked.out:find(name .. " [^\n]+: requests and lengths are counted in a run of this seed"))
    end
  end)

  it("refuses a compaction that the shared beginning leaves no room for", function()
    local result = run(talks(", compact = { at = 2000, keep = 500 }"):gsub("new_input",
      "prompt = mt.shared_prefix { tokens = 1600 }, new_input"), "-o x.jsonl")
    assert.equal(1, result.status)
    assert.truthy(result.err:find("stream 'main': compact: at=2000 leaves no room: the shared beginning has 1600 "
      .. "tokens, the summary 500", 1, true), result.err)
    assert.is_false(command.exists(folder .. "/x.jsonl"))
    -- Of classes the one with the longest beginning counts.
    local classes = talks(", compact = { at = 2000, keep = 500 }"):gsub("new_input = 1000, output = 1000", [[
      lengths = mt.classes { { 1, new_input = 9, output = 9, prompt = mt.shared_prefix { tokens = 1600 } },
        { 1, new_input = 9, output = 9 } }]])
    result = run(classes, "-o x.jsonl")
    assert.truthy(result.err:find("the shared beginning has 1600 tokens, the summary 500", 1, true), result.err)
  end)

  it("refuses to clear below the shared beginning, of which clearing takes nothing", function()
    local function load_of(at)
      return (talks((", clear = { at = %d }"):format(at)):gsub("new_input",
        "prompt = mt.shared_prefix { tokens = 1600 }, new_input"))
    end
    local result = run(load_of(1600), "-o x.jsonl")
    assert.equal(1, result.status)
    assert.truthy(result.err:find("stream 'main': clear: at=1600 leaves no room: the shared beginning has 1600 tokens\n", 1,
      true), result.err)
    assert.is_false(command.exists(folder .. "/x.jsonl"))
    assert.equal(0, run(load_of(1601), "-o x.jsonl").status)
  end)

  it("does not spread sessions that outlive the duration over it", function()
    local requests, rate = row(run(talks "", "--check"))
    assert.equal(1800, requests)
    assert.is_true(math.abs(rate - 6) < 0.05, rate) -- turns come 20 s apart: 2 a second more every 20 s
    assert.truthy(run(talks "", "--check").out:find("of the requests come after 100 s", 1, true))
  end)

  it("is of one shard where a shard is asked for, and says so", function()
    local requests, rate = row(run(talks "", "--check"))
    local part = run(talks "", "--check --shard 1/4")
    local part_requests, part_rate = row(part)
    assert.same({ requests / 4, rate / 4 }, { part_requests, part_rate })
    assert.truthy(part.out:find("shard 1/4 alone", 1, true))
    assert.truthy(part.out:find("; of all shards)", 1, true))
    assert.truthy(part.out:find("busiest: 2.5 per second", 1, true), part.out)
  end)
end)

describe("a load", function()
  it("of even arrivals over whole periods has no request at its very end", function()
    for periods = 1, 40 do
      local result = run(("return mt.workload { duration = %d, mt.stream { arrivals = mt.even(mt.sine { mean = 3, "
        .. "amp = 2, period = 60 }), input = 100 } }"):format(60 * periods), "-o -")
      local _, lines = result.out:gsub("\n", "\n")
      assert.equal(180 * periods, lines)
    end
  end)

  it("that never moves on is an error, for --check too", function()
    for _, case in ipairs { { "0", "--check --yes" }, { "1e-300", "-o - --yes" },
      { "now == 0 and 2 or 1e-17", "--check --yes" } } do
      local result = run(("return mt.workload { mt.stream { arrivals = mt.arrivals(function() return function(now) "
        .. "return %s end end), input = 100 } }"):format(case[1]), case[2])
      assert.equal(1, result.status)
      assert.truthy(result.err:find("such a load would never end", 1, true), result.err)
    end
  end)

  it("of 10 000 requests at one instant is an error without --yes", function()
    local still = "return mt.workload { mt.stream { arrivals = mt.arrivals(function() local n = 0 return "
      .. "function(now) n = n + 1 if n > %d then return end return n == 20 and 1 or (n < 20 and 0.1 or 0) end end), "
      .. "input = 100 } }"
    local message = "10000 requests come at the same time, t = 2.9 s: the arrivals stand still there (--yes makes "
      .. "them all the same)"
    for _, line in ipairs { "--check", "-o still.jsonl", "--plot" } do
      local result = run(still:format(10019), line)
      assert.equal(1, result.status)
      assert.truthy(result.err:find(message, 1, true), result.err)
    end
    assert.is_false(command.exists(folder .. "/still.jsonl"))
    for _, line in ipairs { "--check --yes", "-o still.jsonl --yes" } do
      assert.equal(0, run(still:format(10019), line).status)
      assert.equal(0, run(still:format(10018), (line:gsub(" %-%-yes", ""))).status)
    end
    -- Given times, far behind the first requests.
    local rows = {}
    for i = 1, 30000 do rows[i] = ('{"timestamp": %d, "input_length": 9}'):format(math.min(i, 15000)) end
    command.write(folder, "given.jsonl", table.concat(rows, "\n") .. "\n")
    local given = "return mt.workload { mt.stream { arrivals = mt.times_of('given.jsonl'), input = 100 } }"
    local result = run(given, "--check")
    assert.equal(1, result.status)
    assert.truthy(result.err:find("t = 14.999 s: the arrivals stand still there", 1, true), result.err)
    assert.equal(0, run(given, "--check --yes").status)
  end)

  it("lasts as long as the curves of its lengths and weights, where its rate is endless", function()
    local text = [[
local new = mt.steps { { 0.1, "10m" }, { 0.9, "5m" } }
return mt.workload { mt.stream { arrivals = mt.poisson(2), lengths = mt.classes {
  { new, input = 100, output = 10 }, { 1 - new, input = 200, output = 10 } } } }]]
    assert.matches("^expected over 900 s:\n", run(text, "--check").out)
    assert.matches("^expected over 60 s:\n", run(text, "--check --duration 60").out)
    assert.matches("^expected over 300 s:\n", run('return mt.workload { mt.stream { arrivals = mt.poisson(2), '
      .. 'input = mt.lognormal { mean = mt.ramp(100, 900, "5m"), cv = 1 } } }', "--check").out)
  end)

  it("goes to a second model in part, at the same times, with the run's seed", function()
    local text = [[
local main = mt.workload { duration = "1m",
  mt.stream { name = "chat", arrivals = mt.poisson(20), input = mt.lognormal { mean = 900, cv = 1 }, output = 9 } }
local part = main:pipe():thin(0.1)
return mt.workload { main, mt.stream { name = "shadow", arrivals = mt.times_of(part, { from_zero = false }),
  prompt = mt.prompts_of(part), fields = { model = "next" } } }]]
    local trace = run(text, "-o - --seed 7").out
    local left, copies = {}, 0
    for line in trace:gmatch "[^\n]+" do
      local what = line:match '^{"timestamp": [%d.]+, "input_length": %d+'
      local is_copy = line:find('"model"', 1, true)
      if is_copy then copies = copies + 1 end
      left[what] = (left[what] or 0) + (is_copy and -1 or 1)
    end
    for what, number in pairs(left) do assert.is_true(number >= 0, what) end
    assert.is_true(copies > 60 and copies < 200, copies .. " copies")
  end)

  it("says that the levels of an mmpp are a run's own", function()
    local out = run("return mt.workload { mt.stream { arrivals = mt.mmpp(20, { levels = { 1, 9 }, dwell = { 5, 1 } }), "
      .. "input = 9 } }", "--check").out
    assert.matches("\nbusiest: 20 per second on average over seeds, the same all the time\n", out)
  end)

  it("of points whose times stand first is told", function()
    local plan = "return mt.workload { mt.stream { arrivals = mt.even(mt.points{%s}), input = 100 } }"
    assert.truthy(run(plan:format "{0, 2}, {600, 20}", "--check").err:find("were times meant to come first?", 1, true))
    for _, right in ipairs { "{2, 0}, {20, 600}", "{0, '2s'}, {600, '20s'}", "{0, 0}, {0, 2}, {600, 20}" } do
      assert.equal("", run(plan:format(right), "--check").err)
    end
  end)

  it("has choices inside of fields, and names what has no place there", function()
    local plan = "return mt.workload { duration = 500, mt.stream { arrivals = mt.even(2), input = 100, fields = { extra = "
      .. "{ nvext = { priority = %s, list = { 7, mt.choice{ {1, 'a'}, {1, 'b'} } } } } } } }"
    local result = run(plan:format "mt.choice{ {0.75, 1}, {0.25, 2} }", "-o -")
    assert.equal(0, result.status, result.err)
    local counts, total = {}, 0
    for list, priority in result.out:gmatch '"extra": {"nvext": {"list": %[7, "(%l)"%], "priority": (%d)}}' do
      counts[list .. priority], total = (counts[list .. priority] or 0) + 1, total + 1
    end
    assert.equal(1000, total)
    for value, share in pairs { a1 = 0.375, b1 = 0.375, a2 = 0.125, b2 = 0.125 } do
      assert.is_true(math.abs(counts[value] / total - share) < 0.06, value)
    end
    result = run(plan:format "mt.uniform(1, 2)", "-o -")
    assert.truthy(result.err:find("fields.extra.nvext.priority: a distribution stands for a whole field", 1, true), result.err)
  end)

  it("has seeds up to 2^64 - 1", function()
    local function digest(seed)
      return command.line("steady --check --seed " .. seed, { folder = folder })
    end
    local result = digest "18446744073709551615"
    assert.truthy(result.out:find("seed 18446744073709551615)", 1, true), result.out)
    assert.not_equal(result.out:match "requests: (%x+)", digest("18446744073709551614").out:match "requests: (%x+)")
    assert.equal(2, digest("18446744073709551616").status)
    assert.truthy(digest("9223372036854775808").out:find("seed 9223372036854775808)", 1, true))
  end)

  it("can be kept in tables without the collector working at every one", function()
    local result = run([[
local cycles = 0
local function sentinel() setmetatable({}, { __gc = function() cycles = cycles + 1 sentinel() end }) end
sentinel()
local kept = {}
local load = mt.workload { duration = 200, mt.stream { arrivals = mt.even(100), input = 1500 } }
for request in load:requests() do kept[#kept + 1] = request end
assert(#kept == 20000)
return mt.script { summary = "Counts", run = function() print(cycles) end }]])
    assert.equal(0, result.status, result.err)
    assert.is_true(tonumber(result.out) < 40, result.out)
  end)

  it("keeps request k's lengths at every scale, and says where not", function()
    local plan = "return mt.workload { duration = 20, mt.stream { arrivals = mt.poisson(10), lengths = mt.classes { "
      .. "{ %s, input = mt.uniform(1, 9), output = 1 }, { 1, input = mt.uniform(100, 900), output = 2 } } } }"
    local function lengths(text, line)
      local result, all = run(text, line), {}
      for input in result.out:gmatch '"input_length": (%d+)' do all[#all + 1] = input end
      return table.concat(all, " ", 1, 100), result.err
    end
    local once = lengths(plan:format "1", "-o -")
    local thrice, told = lengths(plan:format "1", "-o - --rate-scale 3")
    assert.equal(once, thrice)
    assert.falsy(told:find("follow curves", 1, true))
    thrice, told = lengths(plan:format "mt.ramp(0, 9, 20)", "-o - --rate-scale 3")
    assert.are_not.equal(lengths(plan:format "mt.ramp(0, 9, 20)", "-o -"), thrice)
    assert.truthy(told:find("stream 'main': its lengths or classes follow curves of time", 1, true), told)
  end)
end)

-- What a script's functions give, in the middle of a run, and sub-agents that cannot be.
describe("what cannot be is an error that says where, and leaves no file", function()
  local function of_length(value)
    return ([[local n = 0
return mt.workload { mt.stream { arrivals = mt.even(100), input = mt.length(function()
  n = n + 1
  if n == 1000 then return %s end
  return 10 end) } }]]):format(value)
  end

  local function of_service(value)
    return ([[return mt.workload { mt.stream { new_input = 10, output = 5, arrivals = mt.sessions { starts = mt.even(10),
  turns = 3, service = { ttft = function() return %s end } } } }]]):format(value)
  end

  local function of_requests(value)
    return ([[return mt.workload { mt.stream { requests = function()
  local k = 0
  return function()
    k = k + 1
    if k == 4 then return %s end
    return { time = k / 10, input = 10 } end end } }]]):format(value)
  end

  local function of_branch(shape, more)
    return ([[local leaf = mt.branch { chance = 1, count = 50, turns = 50, new_input = 5 }
return mt.workload { mt.stream { new_input = 500, arrivals = mt.sessions { starts = mt.even(1), turns = 4%s,
  branch = mt.branch { turns = 50, new_input = 5, %s } }, prompt = mt.shared_prefix { tokens = 4000 } } }]]):format(
      more or "", shape)
  end

  local whole = "; it must return a whole number of tokens, 1 or more\n"
  local cases = {
    { of_length "nil", ": length: the function returned nil (at t = 9.99 s)" .. whole },
    { of_length "1.5", ": length: the function returned 1.5 (at t = 9.99 s)" .. whole },
    { of_length "-3", ": length: the function returned -3 (at t = 9.99 s)" .. whole },
    { of_length "0/0", ": length: the function returned NaN (at t = 9.99 s)" .. whole },
    { of_length "error('boom')", ":5: boom\n" },
    { of_service "nil", ": service: the function returned nil (with 15 tokens in flight); it must return seconds, 0 or more\n" },
    { of_service "-1", ": service: the function returned -1 (with 15 tokens in flight); it must return seconds, 0 or more\n" },
    { of_service "error('boom')", ":3: boom\n" },
    { of_requests "{ time = 1 }", ": requests: request 4: input or new_input is required\n" },
    { of_requests "{ time = 1, input = 1.5 }",
      ": requests: request 4: input must be a whole number of tokens, 1 or more, not 1.5\n" },
    { of_requests "{ time = -1, input = 5 }", ": requests: request 4: time must be seconds, 0 or more, not -1\n" },
    { of_requests "7", ": requests: request 4: it must be a table, or nil at the end, not 7\n" },
    { of_requests "{ time = 0.1, input = 5 }", ": stream 'main': requests: the function gave request 4 at t = 0.1 s, "
      .. "after one at t = 0.3 s: times must not decrease\n" },
    { of_branch "chance = 1, count = 50, branch = leaf", ": branch: a session and its sub-agents bring 1.84e+07 requests "
      .. "on average, at most 1000000: fewer levels, a smaller count or chance\n" },
    { of_branch "every = 4, join = 'all'", ": branch: no turn ever starts a sub-agent: turn 4 would be the first, sessions "
      .. "have at most 4 turns, and their last one starts none\n" },
    { of_branch("every = 2", ", compact = { at = 2000, keep = 100 }"), ": stream 'main': compact: at=2000 leaves no room: "
      .. "the shared beginning has 4000 tokens, the summary 100\n" },
  }
  it("of functions and sub-agents", function()
    for _, case in ipairs(cases) do
      local result = run(case[1], "-o bad.jsonl")
      assert.equal(1, result.status, result.err)
      assert.truthy(result.err:find(case[2], 1, true), result.err .. "\nis not\n" .. case[2])
      assert.matches("^moontide: load%d+%.lua:%d+: ", result.err)
      assert.is_false(command.exists(folder .. "/bad.jsonl"))
    end
  end)
end)
