-- Every example of prompts and of traces, through the real binary, as examples_spec has those of loads.
local command = require "tests.support.command"
local examples = require "tests.support.examples"
local records = require "tests.support.records"

local run, trace, is_about, mean_of = examples.run, examples.trace, examples.is_about, examples.mean_of

setup(examples.make_folder)
teardown(command.remove_folders)

describe("every example", function()
  examples.check("prompts", it)
end)

describe("the example", function()
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
    command.write(examples.folder, "lengths.jsonl", run("priorities", "-o -"))
    local pairs_of = records.by(records.read(command.read(examples.folder .. "/lengths.jsonl")),
      function(record) return record.isl .. " " .. record.osl end)
    local before = records.read(command.read(examples.folder .. "/trace.jsonl"))
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
    local before = records.by(records.read(command.read(examples.folder .. "/trace.jsonl")),
      function(record) return record.isl .. " " .. record.osl end)
    local list = trace("learned_peak", "--trace trace.jsonl")
    for i, mean in ipairs { 250, 630, 1010 } do
      is_about(mean, records.between(list, 60 * (i - 1), 60 * i), "minute " .. i)
    end
    for _, record in ipairs(list) do assert.is_truthy(before[record.isl .. " " .. record.osl]) end
  end)

  it("faster_replay is the trace, faster, with other answers", function()
    command.write(examples.folder, "hot.jsonl", run("rag", "-o - --seed 2"))
    local before = records.read(command.read(examples.folder .. "/hot.jsonl"))
    local after = records.read(run("faster_replay", "--trace hot.jsonl --block-size 64 --speed 4 --osl 77 -o -"))
    assert.is_nil(records.fault(after, 64))
    assert.equal(#before, #after)
    for i, record in ipairs(after) do
      assert.same({ before[i].isl, before[i].ids, 77 }, { record.isl, record.ids, record.osl })
      local due = (before[i].timestamp - before[1].timestamp) / 4
      assert.is_true(math.abs(record.timestamp - due) < 0.0011)
    end
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

  it("clean_log mends a clock, cuts, and leaves out names", function()
    local lines = {}
    for _, record in ipairs(records.read(run("chat", "-o -"))) do
      lines[#lines + 1] = ('{"timestamp": %d, "input_length": %d, "output_length": %d, "hash_ids": [%s], '
        .. '"session_id": "user %s", "text_input": "secret"}\n'):format(record.timestamp // 3000 * 3000, record.isl,
        record.osl, table.concat(record.ids, ", "), record.session)
    end
    command.write(examples.folder, "ticks.jsonl", table.concat(lines))
    local text = run("clean_log", "ticks.jsonl --start 60s --end 90s -o clean.jsonl")
    assert.is_truthy(text:find("ticks.jsonl: the clock ticks every 3 s", 1, true), text)
    local clean = command.read(examples.folder .. "/clean.jsonl")
    assert.is_nil(clean:find "user" or clean:find "secret")
    local list = records.read(clean)
    assert.is_nil(records.fault(list, 512))
    assert.is_true(#list > 20 and list[1].timestamp == 0 and list[#list].timestamp < 30000)
    assert.equal(0, command.run({ "lint", "clean.jsonl" }, { folder = examples.folder }).status)
    local half = tonumber(run("clean_log", "ticks.jsonl --share 0.5"):match "\n(%d+) requests\n")
    assert.is_true(half > #lines * 0.35 and half < #lines * 0.65, half)
    local result = command.run({ "examples/clean_log.lua", "ticks.jsonl", "--start", "9h" }, { folder = examples.folder })
    assert.equal(1, result.status)
    assert.is_truthy(result.err:find "none of %d+ requests lies in the window")
  end)

  it("rate_over_time draws the trace it is given", function()
    local picture = run("rate_over_time", "trace.jsonl --bins 20")
    assert.is_truthy(picture:find "request rate")
    local result = command.run({ "examples/rate_over_time.lua", "no-such.jsonl" }, { folder = examples.folder })
    assert.equal(1, result.status)
    assert.is_truthy(result.err:find "no%-such%.jsonl")
  end)
end)
