-- How a replay ends: all that was due is accounted for, whatever server, source, driver, disk or Ctrl-C do.
local command = require "tests.support.command"
local mock = require "tests.support.mock"
local replays = require "tests.support.replay"
local json = require("moontide.base.json").public.json

local start, trace_text, replay = replays.start, replays.trace_text, replays.run
local lines_of, accounts, accepts = replays.lines_of, replays.accounts, replays.accepts

describe("moontide replay", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("accounts for all that was due, however the run ends", function()
    local url = start("--ttft", "100", "--itl", "10")
    local trace = trace_text(40, 10)
    assert.equal(0, replay(url, trace, "--num-requests 7" .. accepts).status)
    accounts(replay(url, trace, accepts), { due = 40, done = 40 })
    accounts(replay(url, trace, "--num-requests 7" .. accepts), { due = 7, done = 7 })
    accounts(replay(url, trace, "--duration 0.2" .. accepts), { due = 20, done = 20 })
    accounts(replay(url, trace, "--end 0.2 --start 0.1" .. accepts), { due = 10, done = 10 })
    accounts(replay(url, trace, "--concurrency 5" .. accepts), { due = 40, done = 40 })
    local closed = replay(url, trace, "--concurrency 2 --duration 0.5" .. accepts)
    local counts = accounts(closed)
    assert.truthy(counts.due >= 2 and counts.due < 40 and counts.done == counts.due, closed.out)
    mock.stop_all()
    url = start("--ttft", "20000")
    closed = replay(url, trace, "--concurrency 2 --duration 0.5 --grace 0" .. accepts)
    counts = accounts(closed, { due = 2, cancelled = 2 })
    assert.equal(1, closed.status)
    assert.equal("cancelled_run_end", closed.run.error_summary[1].error_details.type)
    assert.equal(counts.due, #lines_of(closed))
  end)

  it("two shards together send what one would", function()
    local url = start()
    local trace, seen = trace_text(21, 2), {}
    for shard = 0, 1 do
      local result = replay(url, trace, ("--shard %d/2"):format(shard) .. accepts)
      for _, line in ipairs(lines_of(result)) do seen[line.metadata.trace_line] = (seen[line.metadata.trace_line] or 0) + 1 end
    end
    for i = 1, 21 do assert.equal(1, seen[i], "line " .. i) end
  end)

  it("takes requests due in the window as the result and ends when they have", function()
    local url = start("--ttft", "300")
    local trace = trace_text(2000, 10)
    for _, loop in ipairs { "", "--concurrency 10 " } do
      local result = replay(url, trace, loop .. "--window 0.5..1" .. accepts)
      local counts = accounts(result)
      assert.equal(counts.due, counts.done)
      assert.truthy(counts.due > 0)
      if loop == "" then assert.equal(50, counts.due) end
      local outside = result.run.outside
      assert.truthy(outside.due > 0 and outside.due < 1000, result.out)
      assert.equal(outside.due, outside.done + outside.failed + outside.cancelled + outside.not_sent)
      assert.equal(counts.due + outside.due, #lines_of(result))
    end
    -- A plan that would end before the window goes on for it.
    local result = replay(url, "steady", "--window 0.3..0.8" .. accepts .. "-- --rate 40 --isl 20 --osl 2")
    assert.truthy(accounts(result).due > 0)
  end)

  it("Ctrl-C stops sending and waits; a second one leaves at once; the files are whole", function()
    local url = start("--ttft", "700")
    local trace = trace_text(3000, 10)
    local result = replay(url, trace, "--record r.jsonl", { after = "kill -INT $p" })
    assert.equal(130, result.status, result.err)
    local counts = accounts(result, { failed = 0, cancelled = 0 })
    -- On a busy machine one may be due that the driver has not yet taken up when it is told to stop.
    assert.truthy(counts.done > 0 and counts.due == counts.done + counts.not_sent, result.out)
    assert.is_true(result.run.was_cancelled)
    assert.truthy(result.err:find("interrupted: nothing more is sent", 1, true))
    assert.equal(counts.done, select(2, command.read(result.folder .. "/r.jsonl"):gsub("\n", "")))
    result = replay(url, trace, "", { after = "kill -INT $p; sleep 0.1; kill -INT $p" })
    assert.equal(130, result.status, result.err)
    counts = accounts(result, { failed = 0 })
    assert.truthy(counts.cancelled > 0, result.out)
    assert.truthy(result.out:find("  cancelled_interrupt: ", 1, true), result.out)
    result = replay(url, trace, "--grace 0", { after = "kill -TERM $p" })
    assert.equal(130, result.status, result.err)
    assert.truthy(accounts(result).cancelled > 0)
    result = replay(url, trace, "--concurrency 4", { after = "kill -INT $p; sleep 0.1; kill -INT $p" })
    assert.equal(130, result.status, result.err)
    accounts(result, { failed = 0, not_sent = 0 })
  end)

  it("keeps what was sent when the source fails in mid-run", function()
    local url = start()
    local good = trace_text(300, 5)
    local result = replay(url, good .. "{\"timestamp\": oops}\n" .. trace_text(5, 5), accepts)
    assert.equal(1, result.status)
    assert.truthy(result.err:find("trace.jsonl:301:15: expected a value", 1, true), result.err)
    assert.truthy(result.err:find("(--skip-bad-lines passes over bad lines)", 1, true), result.err)
    local counts = accounts(result, { failed = 0 })
    assert.truthy(counts.done > 0)
    result = replay(url, good .. "{\"timestamp\": oops}\n", "--skip-bad-lines" .. accepts)
    assert.equal(0, result.status, result.err)
    accounts(result, { due = 300, done = 300 })
    result = replay(url, trace_text(300, 5, function(i, row) row.messages = i == 299 and "none" or nil end), accepts)
    assert.equal(1, result.status)
    assert.truthy(result.err:find("trace.jsonl:299: messages must be a list", 1, true), result.err)
    accounts(result)
    local folder = command.folder()
    local script = command.write(folder, "raises.lua", [[
      local mt = require "moontide"
      return mt.workload { duration = 20, mt.stream { input = 20, output = 3,
        arrivals = mt.arrivals(function()
          local n = 0
          return function() n = n + 1 if n > 3000 then error "boom" end return 0.001 end
        end) } }]])
    result = replay(url, script, accepts)
    assert.equal(1, result.status)
    assert.truthy(result.err:find("boom", 1, true), result.err)
    assert.truthy(accounts(result).done > 0)
  end)

  it("a server that is killed and comes back, and one that stops, show", function()
    local url, server = start()
    local trace = trace_text(250, 10)
    local pid = command.read(server.folder .. "/pid"):match "%d+"
    local result = replay(url, trace, accepts, { after =
      ("kill -KILL %s; sleep 0.7; \"$MOONTIDE\" mock --port %d 2>/dev/null & m=$!; wait $p; s=$?; kill -TERM $m; exit $s")
        :format(pid, server.port) })
    local counts = accounts(result)
    assert.truthy(counts.failed > 10 and counts.done > 10, result.out)
    assert.truthy(result.out:find("  refused: ", 1, true), result.out)
    mock.stop_all()
    url, server = start()
    pid = command.read(server.folder .. "/pid"):match "%d+"
    result = replay(url, trace, accepts, { after = ("kill -STOP %s; sleep 1; kill -CONT %s"):format(pid, pid) })
    accounts(result, { due = 250, done = 250 })
    assert.truthy(result.run.metrics.time_to_first_token_from_due.p99 > 700, result.out)
  end)

  it("a driver that was stopped is not valid", function()
    local url = start()
    local trace = trace_text(250, 10)
    local result = replay(url, trace, "", { after = "kill -STOP $p; sleep 1; kill -CONT $p" })
    assert.equal(1, result.status)
    assert.equal("invalid", result.run.verdict.name)
    accounts(result, { due = 250, done = 250 })
    assert.truthy(result.err:find("the run is invalid", 1, true))
    assert.truthy(result.out:find("schedule lag p99 is", 1, true), result.out)
  end)

  -- Nothing is due while it is stopped, so that of all measures only the longest stall tells.
  it("a driver that was stopped once is not valid, however little of the run that was", function()
    local others = " --limits lag_p50=1e6,lag_p99=1e6,read_lag_p99=1e6,rate=0,stalls=1"
    local stopped = { after = "kill -STOP $p; sleep 2; kill -CONT $p" }
    local running = {}
    for i, words in ipairs { "", " --transport curl", " --concurrency 1", " --concurrency 1 --transport curl" } do
      -- Open loop: the second request is due after the stop. Closed loop: its answer takes as long.
      local is_closed = words:find "concurrency"
      local url = start("--ttft", is_closed and "6000" or "2")
      running[i] = { words = words, is_closed = is_closed,
        finish = replays.begin(url, trace_text(is_closed and 1 or 2, 8000), others .. words, stopped) }
    end
    local long_stalls = replays.begin(start(), trace_text(2, 8000), others .. ",longest_stall=1e5", stopped)
    for _, one in ipairs(running) do
      local words, is_closed, result = one.words, one.is_closed, one.finish()
      assert.equal("invalid", result.run.verdict.name, words .. result.out)
      assert.equal(1, result.status)
      accounts(result, { done = is_closed and 1 or 2 })
      local stall = assert(result.out:match "longest stall is ([%d.]+) ms, the limit is 100", result.out)
      assert.is_true(tonumber(stall) > 1500, stall)
    end
    local result = long_stalls()
    assert.equal("valid", result.run.verdict.name, result.out)
    assert.equal(0, result.status, result.err)
  end)

  it("64 descriptors are a failure by name", function()
    local url = start("--ttft", "1s")
    local result = replay(url, trace_text(120, 2), accepts, { before = "ulimit -n 64; exec " })
    local counts = accounts(result, { due = 120 })
    assert.truthy(counts.done > 0 and counts.failed > 0, result.out)
    assert.equal("no_descriptor", result.run.error_summary[1].error_details.type)
  end)

  it("a full disk loses nothing that was measured and still ends with the report", function()
    local url = start()
    local result = replay(url, trace_text(400, 1), accepts, { before = "trap '' XFSZ; ulimit -f 100; exec " })
    assert.equal(1, result.status)
    assert.truthy(result.out:find("400 requests due: 400 done", 1, true), result.out)
    assert.truthy(result.err:find("not all of the results could be written", 1, true), result.err)
    assert.equal(400, result.run.counts.done)
    assert.is_false(command.exists(result.out_folder .. "/profile_export.jsonl"))
    local part = command.read(result.out_folder .. "/profile_export.jsonl.part")
    assert.truthy(#part > 10000 and part:sub(-1) == "\n")
    for line in part:gmatch "[^\n]+" do assert.truthy(json.decode(line)) end
    result = replay(url, trace_text(20, 1), "--record /dev/full" .. accepts)
    assert.equal(1, result.status)
    assert.truthy(result.out:find("20 requests due: 20 done", 1, true), result.out)
    assert.truthy(result.err:find("/dev/full: cannot write: No space left on device", 1, true), result.err)
    local kept = result.err:match "the record, in the order in which requests ended, is in (/[^\n]+)\n"
    assert.equal(20, select(2, command.read(kept):gsub("\n", "")))
    os.remove(kept)
    result = replay(url, trace_text(400, 1), "--record r.jsonl" .. accepts, { before = "trap '' XFSZ; ulimit -f 40; exec " })
    assert.equal(1, result.status)
    assert.truthy(result.err:find("is in r.jsonl.part\n", 1, true), result.err)
    assert.truthy(#command.read(result.folder .. "/r.jsonl.part") > 1000)
    assert.is_false(command.exists(result.folder .. "/r.jsonl"))
  end)

  it("keeps the record when it cannot be sorted or put in place, and takes no earlier one for it", function()
    local url = start()
    local result = replay(url, trace_text(60, 20), "--record r.jsonl" .. accepts, { after = "mkdir r.jsonl" })
    assert.equal(1, result.status)
    assert.truthy(result.err:find("not all of the results could be written: r.jsonl: is a directory, not a file",
      1, true), result.err)
    assert.truthy(result.err:find("the record, in the order in which requests ended, is in r.jsonl.part\n", 1, true),
      result.err)
    assert.equal(60, select(2, command.read(result.folder .. "/r.jsonl.part"):gsub("\n", "")))
    assert.is_false(command.exists(result.folder .. "/r.jsonl.unsorted"))
    result = replay(url, trace_text(5, 1), "--record r.jsonl" .. accepts,
      { before = "echo old >r.jsonl.unsorted.part; exec " })
    assert.equal(0, result.status, result.err)
    assert.equal(5, select(2, command.read(result.folder .. "/r.jsonl"):gsub("\n", "")))
    assert.is_false(command.exists(result.folder .. "/r.jsonl.part"))
    assert.equal("old\n", command.read(result.folder .. "/r.jsonl.unsorted.part"))
  end)

  it("names the failures that a server brings about", function()
    local named = {
      refused = "refused", first_byte_timeout = "first_byte_timeout", stall = "gap_timeout", gap_timeout = "gap_timeout",
      total_timeout = "total_timeout", reset_before_byte = "reset_before_byte", reset_in_header = "reset_in_header",
      reset_mid_stream = "reset_mid_stream", closed_mid_event = "closed_mid_event",
      closed_before_byte = "closed_before_byte", not_http = "not_http", bad_chunk_size = "bad_chunk_size",
      status_500 = "status_500", status_404 = "status_404", overload = "overload_503", error_event = "error_event",
      malformed = "malformed", truncated = "truncated", no_content = "no_content",
    }
    local trace = trace_text(4, 1)
    for fault, name in pairs(named) do
      local url = start("--fail", fault .. "=1")
      local result = replay(url, trace, "--timeout first=0.8,gap=0.9,total=2" .. accepts)
      if fault == "refused" then
        assert.equal(1, result.status)
        assert.truthy((result.err .. result.out):find("refused", 1, true), result.err .. result.out)
      else
        assert.equal(1, result.status, fault .. result.err)
        accounts(result, { due = 4, done = 0, failed = 4 })
        assert.equal(name, result.run.error_summary[1].error_details.type, fault)
        assert.truthy(result.out:find("  " .. name .. ": 4", 1, true), result.out)
      end
      mock.stop_all()
    end
    -- A whole answer whose finish_reason is null is no more finished than a stream that lacks one.
    local whole = replay(start("--fail", "truncated"), trace, "--no-stream" .. accepts)
    accounts(whole, { due = 4, done = 0, failed = 4 })
    assert.truthy(whole.out:find("  truncated: 4", 1, true), whole.out)
    local url = start("--fail", "no_done=1")
    local result = replay(url, trace, accepts)
    assert.equal(0, result.status)
    assert.truthy(result.out:find("4 streams ended without [DONE]", 1, true), result.out)
  end)

  it("says of which answers the server counted no tokens, and which came as a whole unasked", function()
    local url, trace = start(), trace_text(4, 1)
    local result = replay(url, trace, "--extra 'stream_options={\"include_usage\": false}'" .. accepts)
    local uncounted = "4 answers came without the server's count of tokens (usage): each piece of a stream counts as"
    assert.truthy(result.out:find(uncounted, 1, true), result.out)
    assert.equal(4, result.run.metrics.uncounted_answers.avg)
    local judged = command.line("judge " .. result.out_folder .. " --accept-invalid")
    assert.truthy(judged.out:find(uncounted, 1, true), judged.out)
    local counted = replay(url, trace, accepts)
    assert.is_nil(counted.out:find("usage", 1, true), counted.out)
    assert.is_nil(counted.run.metrics.uncounted_answers)
    local beside = command.line(("compare %s %s"):format(result.out_folder, counted.out_folder))
    assert.truthy(beside.out:find("\n   " .. uncounted, 1, true), beside.out)
    result = replay(url, trace, "--extra stream=false" .. accepts)
    local whole = "4 answers came as a whole though a stream was asked for: they have no first token"
    assert.truthy(result.out:find(whole, 1, true), result.out)
    result = replay(url, trace, "--no-stream" .. accepts)
    assert.is_nil(result.out:find("as a whole", 1, true), result.out)
  end)

  it("sends once more what died on a stale connection, and counts it", function()
    local url = start("--fail", "stale_connection=1")
    local result = replay(url, trace_text(6, 50), accepts)
    accounts(result, { due = 6, done = 6 })
    assert.truthy(result.run.counts.resent > 0, result.out)
    assert.truthy(result.out:find("sent once more on a fresh connection (stale_connection)", 1, true), result.out)
  end)

  it("gives up after --cancel-after, counted apart", function()
    local url = start("--ttft", "2s")
    local result = replay(url, trace_text(5, 1), "--cancel-after 0.1" .. accepts)
    assert.equal(1, result.status)
    accounts(result, { due = 5, cancelled = 5 })
    assert.equal("cancelled_after", result.run.error_summary[1].error_details.type)
    assert.is_true(lines_of(result)[1].metadata.was_cancelled)
    assert.equal(499, lines_of(result)[1].error.code)
  end)
end)
