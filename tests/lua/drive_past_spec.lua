-- Runs read back from their folders: the figures are those of the run, digit for digit.
local command = require "tests.support.command"
local mt = require "moontide"

local server_options = {
  ttft = "lognormal:mean=20,cv=0.5", itl = 1.7, kv_blocks = 100,
  fail = { status_500 = 0.05, overload = 0.05, reset_mid_stream = 0.03, no_done = 0.1, malformed = 0.02 },
}

-- Requests alone and in sessions, of three tenants.
local function rows()
  local list = {}
  for i = 1, 200 do
    list[i] = { timestamp = i * 5, input_length = 100 + i, output_length = 5 + i % 7, hash_ids = { i % 10 },
      extra = ('{"tenant": %d, "name": "%s", "list": [1]}'):format(i % 3, i % 2 == 0 and 'a\\"b' or "é") }
  end
  for i = 1, 40 do
    list[#list + 1] = { timestamp = 1100 + i, session_id = "s" .. i % 5, input_length = 100 * (i // 5 + 1),
      output_length = 5, delay = 1, hash_ids = { 1000 + i % 5 } }
  end
  return mt.trace.columns(list)
end

-- Moments on one clock: those of a fresh run are monotonic.
local function on_wall_clock(results, epoch)
  local copy = {}
  for name, value in pairs(results) do
    copy[name] = (name:find "^first_" or name:find "^last_") and value + epoch or value
  end
  return copy
end

describe("a finished run", function()
  local server
  after_each(function()
    if server then server:close() end
    command.remove_folders()
  end)

  it("is read back as it was", function()
    server = assert(mt.mock(server_options))
    for _, own in ipairs {
      { by = "tenant", slo = { ttft = 20, e2e = 40 }, window = "0.2s..1.2s", cancel_after = "exponential:mean=0.2",
        phases = { { "a", 0.5 }, { "b", 0.3 }, { "c", 0.1 } } },
      { no_stream = true, num_requests = 100 },
      { concurrency = 4, api = "completions", by = "session_id", num_requests = 60, limits = { lag_p99 = 3 },
        phases = "first=50ms,second=100ms,rest" },
      { server_metrics = server.url, num_requests = 50, by = "name", slo = { osl = 6 } },
    } do
      local opt = { url = server.url, model = "any", warmup = 0, output_dir = command.folder() .. "/out" }
      for name, value in pairs(own) do opt[name] = value end
      local run = assert(mt.drive(rows(), opt))
      local back = assert(mt.run_of(opt.output_dir))
      assert.equal(tostring(run), tostring(back))
      assert.equal(mt.json.encode(run, { indent = 1 }), mt.json.encode(back, { indent = 1 }))
      assert.same(run.by_key, back.by_key)
      assert.same(on_wall_clock(run.results, run.epoch), back.results)
      assert.same(on_wall_clock(run.outside, run.epoch), back.outside)
      assert.equal(#run.groups, #back.groups)
      for i, group in ipairs(run.groups) do
        assert.equal(group.value, back.groups[i].value)
        assert.same(on_wall_clock(group.results, run.epoch), back.groups[i].results)
      end
      assert.equal(#(own.phases and run.phases or {}), #back.phases)
      for i, one in ipairs(run.phases) do
        local other = back.phases[i]
        assert.same(on_wall_clock(one.results, run.epoch), other.results)
        assert.same({ one.name, one.from, one.to, one.longest_gap or 0, one.recovery or 0 },
          { other.name, other.from, other.to, other.longest_gap or 0, other.recovery or 0 })
        -- A closed loop asks when it is answered: a busy machine may leave a tenth of a second without a request.
        assert.is_true(one.results.due > 0 or own.concurrency ~= nil)
        assert.equal(one.is_recovered, other.is_recovered)
      end
      assert.equal(run.counts.due + run.outside.due, #back:requests())
      assert.equal(#back:requests(), #run:requests()) -- of the fresh one too
      assert.same(tostring(back), tostring(mt.run_of(opt.output_dir .. "/profile_export.jsonl")))
    end
  end)

  it("has its requests in columns", function()
    server = assert(mt.mock { ttft = 5, itl = 1, fail = { status_503 = 0.2 } })
    local folder = command.folder() .. "/out"
    assert(mt.drive(rows(), { url = server.url, model = "any", warmup = 0, output_dir = folder, speed_ratio = 4 }))
    local run = assert(mt.run_of(folder))
    local requests = run:requests()
    local ttft, outcome, gap_count = requests:column "ttft", requests:column "outcome", 0
    assert.equal("requests of a run: 240", tostring(requests))
    assert.equal(240, #ttft)
    local sum, done = 0, 0
    for i, one in ipairs(outcome) do
      assert.is_true(one == "ok" or one == "overload_503")
      assert.equal(one ~= "ok", ttft[i] ~= ttft[i]) -- NaN where it failed
      if one == "ok" then sum, done = sum + ttft[i], done + 1 end
      gap_count = gap_count + #requests:gaps(i)
    end
    assert.equal(run.counts.done, done)
    assert.is_true(math.abs(run.time_to_first_token.sum - sum) < 1e-6)
    assert.equal(run.inter_chunk_latency.count, gap_count)
    local numbers = requests:column "number"
    table.sort(numbers)
    for i, number in ipairs(numbers) do assert.equal(i - 1, number) end
    for i, due in ipairs(requests:column "due") do
      assert.equal("integer", math.type(due))
      assert.is_true(requests:column("sent")[i] >= due)
    end
    assert.is_nil(requests:column "no_such_thing")
    local known = {}
    for _, name in ipairs(requests:names()) do
      known[name] = true
      assert.equal(240, #requests:column(name), name)
    end
    assert.is_true(known.schedule_lag and known.session and not known.cached_tokens)
    local tenants = {}
    for _, text in ipairs(requests:members "tenant") do tenants[text] = (tenants[text] or 0) + 1 end
    assert.same({ ["0"] = 66, ["1"] = 67, ["2"] = 67, [""] = 40 }, tenants)
  end)

  it("may be AIPerf's", function()
    local folder = command.folder()
    command.write(folder, "profile_export.jsonl", ([[
{"metadata":{"session_num":0,"conversation_id":"c","turn_index":0,"request_start_ns":1762987200000000000,
"request_end_ns":1762987201000000000,"worker_id":"w","record_processor_id":"r","benchmark_phase":"profiling",
"was_cancelled":false},"metrics":{"time_to_first_token":{"value":250.5,"unit":"ms"},
"request_latency":{"value":1000,"unit":"ms"},"output_sequence_length":{"value":3,"unit":"tokens"},
"inter_chunk_latency":{"value":[4.9,5.3],"unit":"ms"}},"error":null}]]):gsub("\n", "") .. "\n")
    local run = assert(mt.run_of(folder))
    assert.equal(1, run.counts.done)
    assert.equal(250.5, run.time_to_first_token.p50)
    assert.equal(1, run.benchmark_duration.avg)
    assert.equal("unjudged", run.verdict.name)
    assert.is_nil(run.info)
    assert.truthy(tostring(run):find("The run is unjudged", 1, true))
    assert(mt.json.decode(mt.json.encode(run)))
  end)

  it("says what is no run", function()
    local folder = command.folder()
    local _, message, code = mt.run_of(folder)
    assert.same({ folder .. ": profile_export.jsonl is not there: this is no folder of a run's results", "input" },
      { message, code })
    _, message, code = mt.run_of(folder .. "/none")
    assert.same({ folder .. "/none: cannot open: No such file or directory", "io" }, { message, code })
    command.write(folder, "profile_export.jsonl", '{"metadata": {}, "metrics": {}}\n{"metad')
    _, message, code = mt.run_of(folder)
    assert.same({ folder .. "/profile_export.jsonl:2: the file ends within this line: it is cut "
      .. "(1 whole lines are before it)", "input" }, { message, code })
    command.write(folder, "profile_export.jsonl", '{"metadata": {}, "metrics": {}}\n')
    assert(mt.run_of(folder)) -- another tool's
    command.write(folder, "profile_export_aiperf.json", '{"moontide_version": "0.1.0"}')
    _, message = mt.run_of(folder)
    assert.equal(folder .. ": run.json is not there: the run has not ended, or the folder was cut half-way", message)
    command.write(folder, "run.json", '{"command": [')
    _, message = mt.run_of(folder)
    assert.truthy(message:find(folder .. "/run.json:1:", 1, true), message)
    command.write(folder, "run.json", "[1]")
    _, message = mt.run_of(folder)
    assert.equal(folder .. "/run.json: this is no run.json of a run: model is missing", message)
    server = assert(mt.mock {})
    local run = assert(mt.drive(rows(), { url = server.url, model = "any", warmup = 0, num_requests = 1 }))
    local done, raised = pcall(run.requests, run)
    assert.is_false(done)
    assert.truthy(tostring(raised):find("requests: the run was driven without output_dir: it kept none", 1, true))
  end)
end)
