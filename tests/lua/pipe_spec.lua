local mt = require "moontide"
local a_trace = require "tests.support.any"
local command = require "tests.support.command"

local refusal = require "tests.support.refusal".text

local function four()
  return mt.trace.columns {
    { timestamp = 0, input_length = 600, output_length = 5, hash_ids = { 0, 1 }, session_id = "a" },
    { timestamp = 1000, input_length = 100, output_length = 7, hash_ids = { 2 }, stream = "s" },
    { timestamp = 2000, input_length = 900, output_length = 9, hash_ids = { 0, 3 }, session_id = "a",
      extra = '{"priority": 2, "type": "text"}' },
    { timestamp = 4000, input_length = 50, hash_ids = { 4 } },
  }
end

-- One field of all requests, false where it is absent.
local function field(columns, name)
  local values = {}
  for request in columns:requests() do values[#values + 1] = request[name] or false end
  return values
end

local function times(columns) return field(columns, "timestamp") end

describe("a mistake in a step", function()
  it("has the caller's line: a window that ends before it begins, an expression that fails", function()
    assert.matches("pipe_spec.lua:%d+: window: stop %(3%) must be after start %(5%)",
      select(2, pcall(function() return four():window { start = 5, stop = 3 } end)))
    local pipe = mt.workload { duration = 3, mt.stream { arrivals = mt.even(1), input = 10 } }:pipe():where "foo > 3"
    for _, read in ipairs {
      function() return pipe:columns() end,
      function() return pipe:write "/dev/null" end,
      function() for _ in pipe:requests() do error "a request" end end,
    } do
      assert.matches("pipe_spec.lua:%d+: where: attempt to compare number with nil %(this request has no foo%)$",
        select(2, pcall(read)))
    end
  end)
end)

describe("steps of columns", function()
  it("give new columns and leave the old ones", function()
    local columns = four()
    assert.same({ 1000, 2000 }, times(columns:window { start = 1, stop = "4s" }))
    assert.same({ 0, 1000 }, times(columns:first(2)))
    assert.same({ 5000, 6000, 7000, 9000 }, times(columns:shift "5s"))
    assert.same({ 0, 500, 1000, 2000 }, times(columns:speed(2)))
    assert.same({ 0, 1000, 3000 }, times(columns:window { start = 1 }:from_zero()))
    assert.same({ 0, 1000, 2000, 4000 }, times(columns))
    columns:append { timestamp = 3 } -- nobody reads them any more
    assert.same({ 0, 3, 1000, 2000, 4000 }, times(columns:sort()))
  end)

  it("filter by an expression or a function", function()
    local columns = four()
    assert.same({ 0, 2000 }, times(columns:where "input_length > 500 and session_id"))
    assert.same({ 2000 }, times(columns:where "priority == 2 and type == 'text'"))
    assert.same({ 0, 2000 }, times(columns:where "request_hash_count == 2 and hash_ids[1] == 0"))
    assert.same({ 4000 }, times(columns:where "not output_length"))
    assert.same({ 1000 }, times(columns:where "stream and stream:find '^s'"))
    assert.same({ 4000 }, times(columns:where "math.max(input_length, 50) == 50 and request_line == nil and request_turn == nil"))
    assert.same({ 1000, 4000 }, times(columns:where(function(request) return not request.session_id end)))
    assert.same({}, times(columns:where "false"))
  end)

  it("say what is wrong with a condition", function()
    local columns = four()
    assert.truthy(refusal(columns.where, columns, "input_length >"):find "^where: 'input_length >' is no expression: ")
    for expression, hint in pairs { ["stream = 'a'"] = " (equal is written ==)", ["stream != 'a'"] = " (unlike is written ~=)",
      ["input_length >= 3 and stream = 'a'"] = " (equal is written ==)",
      ["input_length && delay"] = " (both is written and)", ["input_length || delay"] = " (either is written or)",
      ["input_length >= 3 4"] = "'4'", ["'a=b' 'c'"] = "''c''" } do
      local said = refusal(columns.where, columns, expression)
      assert.equal(hint, said:sub(-#hint), said)
    end
    assert.equal("where: the condition must be an expression or a function, not 5", refusal(columns.where, columns, 5))
    assert.equal("where: columns: where: attempt to compare nil with number (this request has no prioritty)",
      refusal(columns.where, columns, "prioritty < 5"))
    assert.truthy(refusal(columns.where, columns, "input_lenght < 5"):find "%(did you mean 'input_length'%?%)%)$")
    assert.truthy(refusal(columns.where, columns, function() error "no opinion" end):find "no opinion$")
    assert.truthy(refusal(columns.where, columns, function() columns:append { timestamp = 1 } end)
      :find "append: the columns are being read by a trace that is made of them$")
    local kept = columns:where(function()
      do local _ <close> = columns end -- not while they are being read
      collectgarbage()
      return true
    end)
    assert.same(times(columns), times(kept))
    assert.truthy(refusal(columns.where, columns, "(function() x = 1 end)()"):find "assigns nothing")
    columns:append { timestamp = 9000 }
    assert.equal(5, #columns)
  end)

  it("thin, shard and repeat", function()
    local columns = four()
    assert.equal(0, #columns:thin(0))
    assert.equal(4, #columns:thin(1, { seed = 5 }))
    assert.same({ 0, 2000, 4000 }, times(columns:shard "0/2"))
    assert.same({ 1000 }, times(columns:shard "1/2"))
    local laps = columns:loop(2, { fresh_ids = true, common_root = 1 })
    assert.equal(8, #laps)
    assert.same({ 0, 1 }, laps[1].hash_ids)
    assert.same({ 0, 6 }, laps[5].hash_ids)
    assert.same({ "a", false, "a", false, "a/2", false, "a/2", false }, field(laps, "session_id"))
    -- 4 s and a mean gap of 4/3 s.
    assert.equal(5333, laps[5].timestamp)
    assert.equal(60000, columns:loop(2, { every = "1m" })[5].timestamp)
  end)

  it("change lengths and ids", function()
    local columns = four()
    local doubled = columns:scale { input = 2, output = 0.5 }
    assert.same({ 1200, 200, 1800, 100 }, field(doubled, "input_length"))
    assert.same({ 3, 4, 5, false }, field(doubled, "output_length")) -- halves away from zero
    assert.same({ 0, 1, 3 }, doubled[1].hash_ids)
    assert.same({ 0, 1, 4, 5 }, doubled:renumber()[3].hash_ids)
    assert.same({ 0, 1 }, columns:renumber()[1].hash_ids)
    assert.same({ 7 }, mt.trace.columns { { input_length = 5, hash_ids = { 7, 8 } } }:fit_ids()[1].hash_ids)
    local anonymous = columns:anonymise()
    assert.same({ "s0", false, "s0", false }, field(anonymous, "session_id"))
    assert.same({ false, "stream0", false, false }, field(anonymous, "stream"))
    assert.is_nil(anonymous[3].extra)
  end)

  it("convert session rows", function()
    local whole = mt.trace.columns {
      { input_length = 20, output_length = 10, session_id = 1, hash_ids = { 0, 1 } },
      { input_length = 50, output_length = 10, session_id = 1, hash_ids = { 0, 2, 3, 4 } },
    }
    local added = whole:sessions { to = "delta", block_size = 16 }
    assert.same({ 20, 20 }, field(added, "input_length"))
    assert.same({ 20, 50 }, field(added:sessions { to = "cumulative", block_size = 16 }, "input_length"))
    assert.equal("sessions: to is required", refusal(whole.sessions, whole, {}))
  end)

  it("convert a plan's sessions without losing a token", function()
    local plan = mt.workload { duration = "60s", block_size = 64,
      mt.stream { arrivals = mt.sessions { starts = mt.poisson(2), turns = mt.uniform(1, 6), think = 2 },
        new_input = mt.lognormal { mean = 200, cv = 1 }, output = mt.uniform(0, 90),
        prompt = mt.shared_prefix { tokens = 640, groups = 3 } } }
    local whole = plan:columns { seed = 4 }
    local added = whole:sessions { to = "delta", block_size = 64 }
    assert.same({}, mt.lint(whole, { block_size = 64 }).findings)
    assert.same("session_rows", mt.lint(added).findings[1].name)
    -- What a server is sent when each row is what its turn adds to prompts and answers before it.
    local history = {}
    for i, request in ipairs(whole) do
      local row = added[i]
      local sent = (history[row.session_id] or 0) + row.input_length
      history[row.session_id] = sent + (row.output_length or 0)
      assert.equal(request.input_length, sent)
      assert.equal((row.input_length + 63) // 64, #row.hash_ids)
    end
    local again = added:sessions { to = "cumulative", block_size = 64 }
    assert.same(field(whole, "input_length"), field(again, "input_length"))
    assert.same({}, mt.lint(again, { block_size = 64 }).findings)
    assert.equal(mt.analyze(whole, { block_size = 64 }).metrics.theoretical_hit_rate.mean > 0.5, true)
    assert.is_true(#whole > 200)
  end)

  it("find a recording's clock and take it away", function()
    local columns = mt.trace.columns()
    assert.is_nil(columns:grid())
    for i = 0, 399 do columns:append { timestamp = (i * i % 1013 + i * 40) // 3000 * 3000 } end
    columns = columns:sort()
    local grid = columns:grid()
    assert.equal(3, grid.period)
    assert.equal(0, grid.offset)
    assert.equal(400, grid.times)
    assert.equal(0, grid.off)
    local spread = columns:dequantize { seed = 4 }
    assert.is_nil(spread:grid())
    assert.same(times(spread), times(columns:dequantize { grid = "3s", seed = 4 }))
    assert.not_same(times(spread), times(columns:dequantize { grid = "3s", seed = 5 }))
    local before = 0
    for i, time in ipairs(times(spread)) do
      assert.is_true(time >= before and time >= columns[i].timestamp and time < columns[i].timestamp + 3000)
      before = time
    end
    assert.truthy(refusal(spread.dequantize, spread):find "^dequantize: columns: its times lie on no grid")
  end)

  it("raise what goes wrong, for expressions have no place for a message", function()
    local columns = mt.trace.columns { { timestamp = 2 }, { timestamp = 1 } }
    assert.truthy(refusal(columns.window, columns, { start = 0 }):find "^window: columns: timestamp 1 is smaller")
    assert.equal("shift: columns: timestamp 2 moved by -1 s lies below 0", refusal(columns.shift, columns, -1))
    assert.equal("speed must be above 0, not 0", refusal(columns.speed, columns, 0))
    assert.equal("thin: share must be between 0 and 1, not 2", refusal(columns.thin, columns, 2))
    assert.equal("loop: laps must be at least 1, not 0", refusal(columns.loop, columns, 0))
    assert.truthy(refusal(columns.shard, columns, "2/2"):find "^shard must be I/N")
    assert.equal("first: the trace must be columns or a pipe (called with a colon), not 5",
      refusal(columns.first, 5, 5))
  end)
end)

describe("mt.trace.pipe", function()
  local folder
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("reads nothing before it is asked, and anew each time", function()
    local path = folder .. "/trace.jsonl"
    local pipe = mt.trace.pipe(path):window { start = 1 }:where "input_length > 60":shift(1)
    assert.truthy(tostring(pipe):find "trace.jsonl, window, where, shift$")
    local columns, message, code = pipe:columns()
    assert.is_nil(columns)
    assert.equal(path .. ": cannot open: No such file or directory", message)
    assert.equal("io", code)
    assert.is_true(four():write(path))
    assert.same({ 2000, 3000 }, times(pipe:columns()))
    assert.same({ 2000, 3000 }, times(pipe:columns()))
    local seen = {}
    for request in pipe:requests() do seen[#seen + 1] = request.timestamp end
    assert.same({ 2000, 3000 }, seen)
    assert.is_true(pipe:write(folder .. "/out.jsonl", { compact = true }))
    assert.equal('{"timestamp":2000,"input_length":100,"output_length":7,"hash_ids":[2],"stream":"s"}',
      command.read(folder .. "/out.jsonl"):match "^[^\n]*")
    -- Every step makes a new pipe.
    local base = mt.trace.pipe(path)
    assert.equal(1, #base:first(1):columns())
    assert.equal(4, #base:columns())
  end)

  it("gives the world's failures, and raises them in a loop", function()
    local path = command.write(folder, "bad.jsonl", '{"timestamp": 5}\n{"timestamp": 3}\n')
    local pipe = mt.trace.pipe(path):window { start = 0 }
    local columns, message, code = pipe:columns()
    assert.is_nil(columns)
    assert.truthy(message:find(path .. ":2: timestamp 3 is smaller than the 5 before it", 1, true))
    assert.equal("input", code)
    local ok, raised = pcall(function() for _ in pipe:requests() do end end)
    assert.is_false(ok)
    assert.equal(message, raised)
    local done, problem = pipe:write(folder .. "/out.jsonl")
    assert.is_nil(done)
    assert.equal(message, problem)
    assert.is_nil(io.open(folder .. "/out.jsonl"))
    assert.is_nil((mt.trace.pipe(path):where "nothing.at.all":columns()))
  end)

  it("stands where a trace is wanted", function()
    local pipe = mt.trace.pipe(four()):speed(2)
    local load = mt.workload { mt.stream { arrivals = mt.times_of(pipe), prompt = mt.prompts_of(pipe) } }
    assert.same({ 0, 500, 1000, 2000 }, times(load:columns { duration = 3 }))
    local empty = mt.trace.pipe(folder .. "/missing")
    assert.truthy(refusal(mt.times_of, empty):find "^times_of: .*missing: cannot open")
  end)

  it("merges and joins no blocks of two sizes", function()
    local small = mt.plan_of("steady", { rate = 2, isl = 8000 }):columns()
    local large = small:reblock(2048, { block_size = 512 })
    for _, put in ipairs { mt.trace.merge, mt.trace.join } do
      local columns, message, code = put { small, large }:columns()
      assert.is_nil(columns)
      assert.equal("columns has blocks of 512 tokens and columns of 2048: a trace has blocks of one size (moontide cat "
        .. "--reblock 2048 makes the small ones as large)", message)
      assert.equal("value", code)
      assert.equal(2 * #small, #put { large, large }:columns())
    end
  end)

  it("merges and joins", function()
    local merged = mt.trace.merge({ four(), four() }, { parts = true }):columns()
    assert.same({ 0, 0, 1000, 1000, 2000, 2000, 4000, 4000 }, times(merged))
    local apart = mt.trace.merge { four(), four():shift "500ms" }:columns()
    assert.same({ 0, 500, 1000, 1500, 2000, 2500, 4000, 4500 }, times(apart))
    assert.same({ 1, 3 }, apart[2].hash_ids)
    assert.equal("a/2", apart[2].session_id)
    local joined = mt.trace.join({ four(), four() }, { gap = "6s" }):columns()
    assert.same({ 0, 1000, 2000, 4000, 10000, 11000, 12000, 14000 }, times(joined))
    assert.same({ 5, 6 }, joined[5].hash_ids)
    local path = folder .. "/trace.jsonl"
    assert.is_true(four():write(path))
    assert.equal(12, #mt.trace.join { path, four(), mt.trace.pipe(path):speed(3) }:columns())
    local columns, message = mt.trace.join { path, folder .. "/missing" }:columns()
    assert.is_nil(columns)
    assert.truthy(message:find "missing: cannot open")
    assert.equal("trace.merge: the first argument must be a list of traces, not a table", refusal(mt.trace.merge, {}))
    assert.equal("trace.join: trace 2 must be " .. a_trace .. " or a list of these, not 5",
      refusal(mt.trace.join, { path, 5 }))
    assert.equal("trace.pipe: the trace must be " .. a_trace .. " or a list of these, not nil", refusal(mt.trace.pipe))
  end)

  it("passes over bad lines when asked to", function()
    local path = command.write(folder, "bad.jsonl", 'junk\n{"timestamp": 3}\n')
    assert.is_nil((mt.trace.pipe(path):columns()))
    assert.equal(1, #mt.trace.pipe(path, { skip_bad_lines = true }):columns())
  end)

  -- Whatever steps follow one another: a request at a time the same comes out as step by step through
  -- columns, where nothing points into what a step below may have changed.
  it("gives what columns give step by step", function()
    local possible = {
      function(t) return t:window { start = 2, stop = "40s" } end,
      function(t) return t:where "input_length % 3 > 0 or session_id" end,
      function(t) return t:thin(0.7, { seed = 2 }) end, function(t) return t:shard "1/3" end,
      function(t) return t:first(60) end, function(t) return t:shift "1500ms" end,
      function(t) return t:from_zero() end, function(t) return t:speed(1.5) end,
      function(t) return t:sort() end, function(t) return t:dequantize { grid = "2s", seed = 3 } end,
      function(t) return t:loop(2, { fresh_ids = true, common_root = 1, every = "1m" }) end,
      function(t) return t:scale { input = 1.3, output = 2, block_size = 16 } end,
      function(t) return t:fit_ids { block_size = 16, first_free = 1 << 40 } end,
      function(t) return t:renumber() end, function(t) return t:anonymise() end,
      function(t) return t:sessions { from = "delta", to = "cumulative", block_size = 16 } end,
      function(t) return t:sessions { from = "cumulative", to = "delta", block_size = 16 } end,
    }
    local random = mt.random(5, "pipes")
    local function below(n) return math.floor(random:uniform() * n) end
    local base = mt.trace.columns()
    for i = 0, 99 do
      local ids = {}
      for k = 0, below(5) do ids[k + 1] = k == 0 and below(3) or 3 + 10 * i + k end
      base:append { timestamp = 500 * i + below(400) / 8, input_length = 16 * #ids - below(16), output_length = below(50),
        hash_ids = ids, session_id = below(3) > 0 and "s" .. below(12) or nil, extra = '{"n": ' .. i .. "}",
        stream = below(2) > 0 and "name" .. below(4) or nil }
    end
    local succeeded = 0
    for _ = 1, 150 do
      local pipe, columns, failed = mt.trace.pipe(base), base, nil
      for _ = 1, 1 + below(5) do
        local step = possible[1 + below(#possible)]
        pipe = step(pipe)
        local ok, value = pcall(step, columns)
        failed = failed or not ok and value
        columns = ok and value or columns
      end
      local whole = pipe:columns()
      if failed then
        assert.is_nil(whole)
      else
        assert.equal(#columns, #whole)
        succeeded = succeeded + (#whole > 0 and 1 or 0)
        for i = 1, #columns do assert.same(columns[i], whole[i]) end
      end
    end
    assert.is_true(succeeded > 100, succeeded .. " of 150")
    assert.equal(100, #base)
  end)

  it("may be left in the middle, and collected", function()
    for _ = 1, 50 do
      local columns = four()
      local step = mt.trace.pipe(columns):where(function() return true end):loop(3):requests()
      assert.equal(0, step().timestamp)
      assert.is_false((pcall(columns.append, columns, { timestamp = 1 })))
    end
    collectgarbage()
    collectgarbage()
  end)

  it("gives members alone, each as in the table", function()
    local names = { "timestamp", "input_length", "output_length", "hash_ids", "hash_count", "session_id", "turn", "line" }
    local pipe = mt.trace.pipe(four()):where "input_length > 60"
    local step, count = pipe:requests(), 0
    for i, time, input, output, ids, id_count, session, turn, line in pipe:members(table.unpack(names)) do
      local request = step()
      count = count + 1
      assert.equal(count, i)
      assert.same({ request.timestamp, request.input_length, request.output_length, request.hash_ids,
        request.hash_ids and #request.hash_ids, request.session_id, request.turn, request.line },
        { time, input, output, ids, id_count, session, turn, line })
    end
    assert.is_true(count > 1)
    assert.is_nil(step())
  end)

  it("gives more of them than a function of C has room for", function()
    local names, count = {}, 0
    for i = 1, 90 do names[i] = i % 2 == 0 and "timestamp" or "hash_ids" end
    local step = mt.trace.pipe(four()):members(table.unpack(names))
    for request in mt.trace.pipe(four()):requests() do
      local values = table.pack(step())
      assert.equal(91, values.n)
      for i = 1, 90 do assert.same(request[names[i]], values[i + 1]) end
      count = count + 1
    end
    assert.is_true(count > 1)
  end)

  it("gives members that are absent as nil, and goes on", function()
    local columns = mt.trace.columns { { timestamp = 1 }, { input_length = 5 }, { timestamp = 3 } }
    local seen = {}
    local step = mt.trace.pipe(columns):members("timestamp", "input_length")
    for i, time, input in step do seen[i] = { time or "none", input or "none" } end
    assert.same({ { 1, "none" }, { "none", 5 }, { 3, "none" } }, seen)
    assert.is_nil(step())
    assert.is_nil(step())
  end)

  it("refuses members that no request has", function()
    local pipe = mt.trace.pipe(four())
    assert.has_error(function() pipe:members() end)
    for _, wrong in ipairs { "input_lenght", "model" } do
      local ok, message = pcall(pipe.members, pipe, "timestamp", wrong)
      assert.is_false(ok)
      assert.matches("members: the name", message)
      assert.matches(wrong, message, 1, true)
    end
    local failing = mt.trace.pipe "nowhere.jsonl"
    assert.has_error(function() failing:members "timestamp" end)
  end)

  it("raises what goes wrong among members, then and again", function()
    local pipe = mt.trace.pipe(four()):where(function() error "no more" end)
    local step = pipe:members "timestamp"
    for _ = 1, 2 do
      local ok, message = pcall(step)
      assert.is_false(ok)
      assert.matches("no more", message)
    end
  end)

  it("may be asked from coroutines in turn", function()
    local pipe = mt.trace.pipe(four()):where "input_length > 60"
    local step = pipe:requests()
    local seen = {}
    for _ = 1, 3 do
      coroutine.wrap(function() seen[#seen + 1] = step().timestamp end)()
      collectgarbage()
    end
    assert.same({ 0, 1000, 2000 }, seen)
    assert.is_nil(step())
    assert.is_nil(step())
  end)
end)

-- As where memory is out while a step is put on it: the source is lost with the step.
it("work that fails and has ended its source is told as it failed", function()
  local pipe, core = require "moontide.trace.pipe", require "moontide.core"
  local whole = pipe.new(function() return core.source.columns(mt.trace.columns { { timestamp = 0 } }) end, "columns")
  local result, message, code = pipe.read(whole, function(source)
    source:close()
    return nil, "out of memory (columns of requests)", "memory"
  end)
  assert.same({ nil, "out of memory (columns of requests)", "memory" }, { result, message, code })
end)
