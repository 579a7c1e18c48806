local command = require "tests.support.command"
local mock = require "tests.support.mock"
local json = require("moontide.base.json").public.json

local server

local function start(...)
  server = mock.start { "--ttft", "2", "--itl", "0.5", ... }
  return ("http://127.0.0.1:%d"):format(server.port)
end

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- A trace of so many requests, every so many milliseconds; each(i, row) changes the rows.
local function trace_text(count, every, each)
  local lines = {}
  for i = 1, count do
    local row = { timestamp = (i - 1) * every, input_length = 20, output_length = 4, hash_ids = { i } }
    if each then each(i, row) end
    lines[i] = json.encode(row)
  end
  return table.concat(lines, "\n") .. "\n"
end

-- Runs replay on a trace's text (or a target's name) with further words; gives the result with .folder, where
-- the results are below "out", and .run, what run.json says.
local function replay(url, target, words, opts)
  opts = opts or {}
  local folder = command.folder()
  if target:find "\n" then target = command.write(folder, "trace.jsonl", target) end
  local line = ('%s"$MOONTIDE" replay %s --url %s --model m %s --output-dir out %s'):format(opts.before or "exec ",
    quote(target), url, opts.warmup or "--warmup 0", words or "")
  if opts.after then
    -- In the background, where SIGINT would be ignored; $p is its process.
    line = ("env --default-signal=INT %s & p=$!\n"):format(line:gsub("^exec ", ""))
      .. "until ls -l /proc/$p/fd 2>/dev/null | grep -q '/out/' || ! kill -0 $p; do sleep 0.02; done; sleep 0.3\n"
      .. opts.after .. "\nwait $p"
  end
  local result = command.shell(line, { folder = folder, environment = opts.environment })
  result.folder, result.out_folder = folder, folder .. "/out"
  if command.exists(result.out_folder .. "/run.json") then
    result.run = json.decode(command.read(result.out_folder .. "/run.json"))
  end
  return result
end

local function lines_of(result)
  local lines = {}
  for line in command.read(result.out_folder .. "/profile_export.jsonl"):gmatch "[^\n]+" do
    lines[#lines + 1] = json.decode(line)
  end
  return lines
end

-- due = done + failed + cancelled + not_sent, the same everywhere, and a line of each.
local function accounts(result, expected)
  local counts = result.run.counts
  assert.equal(counts.due, counts.done + counts.failed + counts.cancelled + counts.not_sent)
  local summary = json.decode(command.read(result.out_folder .. "/profile_export_aiperf.json"))
  assert.same(counts, summary.counts)
  assert.equal(counts.done, summary.request_count.avg)
  assert.equal(counts.due - counts.done, summary.error_request_count.avg)
  local inside, errors = 0, 0
  for _, line in ipairs(lines_of(result)) do
    if line.metadata.benchmark_phase == "profiling" then
      inside = inside + 1
      errors = errors + (line.error ~= json.null and 1 or 0)
    end
  end
  assert.equal(counts.due, inside)
  assert.equal(counts.due - counts.done, errors)
  local of_names = 0
  for _, one in ipairs(result.run.error_summary) do of_names = of_names + one.count end
  assert.equal(errors, of_names)
  assert.truthy(result.out:gsub("(%d),(%d)", "%1%2"):find(("%d request"):format(counts.due), 1, true), result.out)
  for name, count in pairs(expected or {}) do assert.equal(count, counts[name], name .. "\n" .. result.out) end
  return counts
end

local accepts = " --accept-invalid "

describe("moontide replay", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("refuses bad usage with one line and 2", function()
    local bad = {
      { "", "what is to be sent is missing" },
      { "steady", "--url is missing" },
      { "steady --url http://a", "--model is missing" },
      { "steady --url a --model m", "it must begin with http:// or https://" },
      { "steady --urll a", "unknown option '--urll' (did you mean '--url'?)" },
      { "analyze URL", "analyze is a command, not a load" },
      { "steady URL stray", "unexpected argument 'stray'" },
      { "steady URL -- --isll 3", "unknown option '--isll' (did you mean '--isl'?)" },
      { "steady URL --warmup 1s", "--warmup must be a number of requests (--window BEGIN..END leaves out a time), not '1s'" },
      { "steady URL --warmup x", "--warmup must be a whole number, not 'x'" },
      { "steady URL --api cha", "did you mean 'chat'?" },
      { "steady URL --api responses",
        "--api must be one of chat, completions, not 'responses' (--adapter responses speaks it)" },
      { "steady URL --api messages", "not 'messages' (--adapter anthropic speaks it)" },
      { "steady URL --api completion", "(did you mean 'completions'?)" },
      { "steady URL --text", "--text goes with --api completions" },
      { "steady URL --vocab 1..2", "--vocab is of token ids" },
      { "steady URL --api completions --vocab 5..2", "--vocab must be two token ids" },
      { "steady URL --fail-over tftt.p99=3", "there is no measure 'tftt.p99' (did you mean 'ttft'?)" },
      { "steady URL --fail-over ttft.p98=3", "there is no statistic 'p98'" },
      { "steady URL --fail-over goodput.p99=3", "goodput is one number and has no 'p99'" },
      { "steady URL --slo ttft=9 --fail-over goodput@a=3 --phases a", "'goodput@a>=3' is the least" },
      { "steady URL --fail-over output_token_throughput_per_user.p10=3", "more of it is better" },
      { "steady URL --fail-over ttft", "--fail-over must be a measure and the most it may be" },
      { "steady URL --slo tfft=3", "there is no metric 'tfft' (did you mean 'ttft'?)" },
      { "steady URL --slo ttft=-3", "--slo: ttft must be a number of ms of at least 0, or a time with its unit (2s), not '-3'" },
      { "steady URL --slo osl=2s", "must be a number of at least 0, not '2s'" },
      { "steady URL --limits lag_p50=x", "--limits: lag_p50 must be a number, not 'x'" },
      { "steady URL --limits rate=-1", "--limits: rate must be at least 0" },
      { "steady URL --limits lag=3", "--limits must be one of lag_p50" },
      { "steady URL --limits longest_stall=-1", "--limits: longest_stall must be at least 0" },
      { "steady URL --window 3..2", "--window must begin at 0 or later and end after that" },
      { "steady URL --window 3", "--window must be two times" },
      { "steady URL --timeout firts=3", "--timeout must be connect=" },
      { "steady URL --timeout first=0", "first must be above 0" },
      { "steady URL --extra a", "--extra must be a member's name" },
      { "steady URL --extra a={", "--extra:1:2:" },
      { "steady URL --header x", "--header must be a header" },
      { "steady URL --start-at x", "--start-at must be a time of the clock" },
      { "steady URL --max-memory much", "--max-memory must be a size above 0 (500M, 4G), not 'much'" },
      { "steady URL --max-memory 0", "--max-memory must be a size above 0" },
      { "steady URL --shard 3/2", "--shard must be I/N" },
      { "steady URL --cancel-after soon", "there is no distribution 'soon'" },
      { "steady URL --concurrency 0", "--concurrency must be between 1 and 1000000" },
      { "steady URL --concurrency 3 --speed-ratio 2", "exclude each other" },
      { "steady URL --speed-ratio 0", "--speed-ratio must be above 0" },
      { "steady URL --num-requests 0", "--num-requests must be at least 1" },
      { "steady URL --duration 0", "--duration must be above 0" },
      { "steady URL --warmup -1", "--warmup must be between 0 and 10000" },
      { "steady URL --grace -1", "--grace must be at least 0" },
      { "steady URL --connections -1", "--connections must be between 0 and 100000" },
      { "steady URL --api-key-env NO_SUCH_NAME", "there is no variable NO_SUCH_NAME" },
      { "steady URL --transport pigeon", "--transport must be one of" },
      { "t.jsonl URL --rate-scale 3", "--rate-scale is of a script's load: of a trace --speed-ratio divides the times" },
      { "steady URL --sessions both", "--sessions must be one of cumulative, delta" },
    }
    for _, case in ipairs(bad) do
      local line = case[1]:gsub("URL", "--url http://127.0.0.1:1 --model m")
      local result = command.shell("exec \"$MOONTIDE\" replay " .. line)
      assert.equal(2, result.status, case[1] .. ": " .. result.err)
      assert.truthy(result.err:find(case[2], 1, true), case[1] .. ": " .. result.err)
      assert.equal("", result.out)
      assert.equal(1, select(2, result.err:gsub("\n", "\n")), result.err)
    end
  end)

  it("fails with 1 before a request where nobody can be reached, read or written", function()
    local url = start()
    local cases = {
      { "steady --url http://127.0.0.1:1", "http://127.0.0.1:1: no connection: Connection refused" },
      { "steady --url http://no-such-host.invalid", "no-such-host.invalid" },
      { "no_such_trace.jsonl --url " .. url, "no_such_trace.jsonl: cannot open: No such file or directory" },
      { "steady --output-dir /dev/null/x --url " .. url, "/dev/null/x: cannot make the folder: Not a directory" },
      { "steady --output-dir /proc/x --url " .. url, "/proc/x: cannot make the folder" },
      { "steady --record /nowhere/r.jsonl --url " .. url, "/nowhere/r.jsonl: cannot write" },
      { "steady --max-memory 1M --url " .. url, "the run would need about " },
    }
    for _, case in ipairs(cases) do
      local result = command.shell("exec \"$MOONTIDE\" replay --model m " .. case[1])
      assert.equal(1, result.status, case[1] .. ": " .. result.err)
      assert.truthy(result.err:find(case[2], 1, true), case[1] .. ": " .. result.err)
      assert.equal("", result.out)
    end
    assert.truthy(server.finish("INT").err:find("moontide: 0 requests on ", 1, true))
  end)

  it("refuses a run that would need more memory than it may have, and names what needs it", function()
    local url = start()
    local trace = trace_text(900, 10, function(_, row) row.input_length, row.output_length = 1000, 100 end)
    local function refusal(target, words)
      local result = replay(url, target, words)
      assert.equal(1, result.status, words .. result.out .. result.err)
      assert.equal("", result.out)
      assert.is_nil(result.run)
      return result.err
    end
    -- 100 requests a second, each 4 s in flight with a body of 6 kB.
    local said = refusal(trace, "--max-memory 3M")
    local pattern = "need about ([%d.]+) MB of memory %(400 streams in flight ([%d.]+) MB, requests made ready before "
      .. "they are due ([%d.]+) MB, figures of 900 requests ([%d.]+) MB%), and 3 MB is what it may have %(%-%-max%-memory%)"
    local sum, streams, ready, figures = said:match(pattern)
    assert.truthy(sum, said)
    assert.near(tonumber(sum), streams + ready + figures, 0.05)
    local function names(words, what)
      said = refusal(trace, words)
      assert.truthy(said:find(what, 1, true), words .. ": " .. said)
    end
    names("--max-memory 3MB --by stream", "figures of 900 requests 0.429 MB")
    names("--max-memory 512k --shard 1/4", "figures of 225 requests")
    names("--max-memory 0.5MiB --num-requests 300", "figures of 300 requests")
    names("--max-memory 0.5M --start 5s --end 7s", "figures of 200 requests")
    names("--max-memory 0.3M --duration 2s", "figures of 200 requests")
    names("--max-memory 3M --concurrency 1000", "900 streams in flight")
    names("--max-memory 1M --timeout total=1s", "100 streams in flight")
    names("--max-memory 2M --live-history", "answers kept by --live-history 0.515 MB")
    names("--max-memory 30M --transport curl --connections 9000", "9,000 streams in flight")
    said = refusal("steady", "--max-memory 3M --duration 60s -- --rate 1000 --isl 100 --osl 10")
    assert.truthy(said:find("figures of 60,000 requests 14.3 MB", 1, true), said)
    -- What cannot be known does not stop a run, nor does what is enough.
    local before = ("printf '%s' | exec "):format((trace_text(3, 10):gsub("\n", "\\n")))
    assert.equal(0, replay(url, "-", "--max-memory 1k" .. accepts, { before = before }).status)
    assert.equal(0, replay(url, trace, "--max-memory 100M --num-requests 3" .. accepts).status)
  end)

  it("says of a server that answers nothing well in the warm-up", function()
    local url = start("--model", "other")
    local result = replay(url, "steady", "", { warmup = "" })
    assert.equal(1, result.status)
    assert.truthy(result.err:find("the endpoint does not answer as it should (status_404", 1, true), result.err)
    assert.truthy(result.err:find('model "m"', 1, true), result.err)
  end)

  it("learns what the chat template adds from the warm-up's answers alone, whichever of its requests fail", function()
    -- Of these seeds' first requests these end: the first; the third, fourth, sixth and seventh; the second, third and
    -- eighth. Three are of the prompt, and each two after them of a further message.
    local adds = { [3] = "7 tokens to a prompt, 4 to each further message\n",
      [9] = "7 tokens to a prompt, 4 to each further message\n",
      [4] = "7 tokens to a prompt; what it adds to each further message is not known, for the requests that should tell "
        .. "have failed\n" }
    for seed, text in pairs(adds) do
      local url = start("--fail", "status_500=0.5", "--seed", seed)
      local result = replay(url, trace_text(1, 1), accepts, { warmup = "" })
      assert.truthy(result.err:find("moontide: the server's chat template adds " .. text, 1, true), result.err)
    end
  end)

  it("warms up every URL, and names the one that does not answer", function()
    local servers = { mock.start { "--ttft", "0", "--itl", "0" }, mock.start { "--ttft", "0", "--itl", "0" } }
    local function url(i) return ("http://127.0.0.1:%d"):format(servers[i].port) end
    local result = replay(url(1) .. "," .. url(2), trace_text(1, 1), accepts, { warmup = "--warmup 2" })
    assert.equal(0, result.status, result.err)
    -- Two each, the one of the trace, and the two turns that measure what a message adds, where a template adds any.
    local asked = {}
    for i, one in ipairs(servers) do asked[i] = tonumber(one.finish "INT".err:match "moontide: (%d+) requests on") end
    assert.truthy(asked[1] >= 3 and asked[2] >= 2, table.concat(asked, " "))
    local good, other = start(), start("--model", "other")
    result = replay(good .. "," .. other, "steady", "", { warmup = "" })
    assert.equal(1, result.status)
    assert.truthy(result.err:find("moontide: " .. other .. ": the endpoint does not answer as it should (status_404", 1, true),
      result.err)
  end)

  it("says the seed of a script's load, its own where it has one", function()
    local url = start()
    local few = "--num-requests 2 --seed 7" .. accepts
    local result = replay(url, "steady", few .. "-- --rate 50 --isl 20 --osl 2")
    assert.equal(0, result.status, result.err)
    assert.equal("moontide: steady: seed 7\n", result.err)
    result = replay(url, "steady", "--num-requests 2" .. accepts .. "-- --rate 50 --isl 20 --osl 2 --seed 3")
    assert.equal("moontide: steady: seed 3\n", result.err)
    assert.equal("", replay(url, trace_text(2, 1), few).err)
  end)

  it("refuses a trace whose times go back, where it is sent by them", function()
    local url = start()
    local trace = trace_text(5, 10, function(i, row) row.timestamp = i == 4 and 5 or row.timestamp end)
    local result = replay(url, trace, accepts)
    assert.equal(1, result.status)
    assert.truthy(result.err:find("trace.jsonl:4: timestamp 5 is smaller than the 20 before it: what is sent by its times "
      .. "needs them in order (moontide cat --sort)\n", 1, true), result.err)
    assert.equal(0, replay(url, trace, "--concurrency 1" .. accepts).status)
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
    local url = start()
    local trace = trace_text(250, 10)
    local pid = command.read(server.folder .. "/pid"):match "%d+"
    local result = replay(url, trace, accepts, { after =
      ("kill -KILL %s; sleep 0.7; \"$MOONTIDE\" mock --port %d 2>/dev/null & m=$!; wait $p; s=$?; kill -TERM $m; exit $s")
        :format(pid, server.port) })
    local counts = accounts(result)
    assert.truthy(counts.failed > 10 and counts.done > 10, result.out)
    assert.truthy(result.out:find("  refused: ", 1, true), result.out)
    mock.stop_all()
    url = start()
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
    for _, words in ipairs { "", " --transport curl", " --concurrency 1", " --concurrency 1 --transport curl" } do
      -- Open loop: the second request is due after the stop. Closed loop: its answer takes as long.
      local is_closed = words:find "concurrency"
      local url = start("--ttft", is_closed and "3000" or "2")
      local result = replay(url, trace_text(is_closed and 1 or 2, 4000), others .. words, stopped)
      assert.equal("invalid", result.run.verdict.name, words .. result.out)
      assert.equal(1, result.status)
      accounts(result, { done = is_closed and 1 or 2 })
      local stall = assert(result.out:match "longest stall is ([%d.]+) ms, the limit is 100", result.out)
      assert.is_true(tonumber(stall) > 1500, stall)
    end
    local result = replay(start(), trace_text(2, 4000), others .. ",longest_stall=1e5", stopped)
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

  -- --- files -----------------------------------------------------------------------------------------

  local statistics = { "avg", "min", "max", "std", "p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99" }
  local of_requests = {
    time_to_first_token = "ms", time_to_second_token = "ms", request_latency = "ms", inter_token_latency = "ms",
    output_token_throughput_per_user = "tokens/sec/user", output_sequence_length = "tokens",
    input_sequence_length = "tokens", output_token_count = "tokens",
  }
  local of_runs = {
    request_throughput = "requests/sec", output_token_throughput = "tokens/sec", request_count = "requests",
    error_request_count = "requests", good_request_count = "requests", goodput = "requests/sec",
    benchmark_duration = "sec", total_isl = "tokens", total_osl = "tokens", min_request_timestamp = "ns",
    max_response_timestamp = "ns",
  }
  local of_metadata = {
    session_num = "number", x_request_id = "string", x_correlation_id = "string", turn_index = "number",
    request_start_ns = "number", request_ack_ns = "number", request_end_ns = "number", worker_id = "string",
    record_processor_id = "string", benchmark_phase = "string", was_cancelled = "boolean",
  }

  -- Percentile p of sorted values, linear between ranks.
  local function percentile(sorted, p)
    local rank = p / 100 * (#sorted - 1)
    local below = math.floor(rank)
    local low, high = sorted[below + 1], sorted[below + 2] or sorted[#sorted]
    return low + (rank - below) * (high - low)
  end

  local function has_no_null(value, where)
    for name, one in pairs(value) do
      assert.are_not.equal(json.null, one, where .. "." .. tostring(name))
      if type(one) == "table" and name ~= "error_summary" then has_no_null(one, where .. "." .. tostring(name)) end
    end
  end

  it("writes the files that the field's tools read, with their keys", function()
    local url = start("--fail", "status_500=0.2")
    local result = replay(url, trace_text(60, 2, function(i, row) row.session_id = "s" .. i end),
      "--slo ttft=500,e2e=2s" .. accepts)
    assert.equal(0, result.status, result.err)
    local counts = accounts(result)
    assert.truthy(counts.failed > 0 and counts.done > 10)
    local text = command.read(result.out_folder .. "/profile_export_aiperf.json")
    assert.equal(text, command.read(result.out_folder .. "/profile_export_genai_perf.json"))
    local summary = json.decode(text)
    has_no_null(summary, "summary")
    assert.is_nil(summary.reasoning_token_count) -- the server counts none
    for key, unit in pairs(of_requests) do
      assert.equal(unit, summary[key].unit, key)
      for _, name in ipairs(statistics) do assert.equal("number", type(summary[key][name]), key .. "." .. name) end
    end
    for key, unit in pairs(of_runs) do
      assert.equal(unit, summary[key].unit, key)
      assert.equal("number", type(summary[key].avg), key)
      assert.is_nil(summary[key].p50)
    end
    assert.equal("table", type(summary.input_config))
    assert.is_false(summary.was_cancelled)
    assert.truthy(summary.start_time:find "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d+$")
    assert.truthy(summary.end_time > summary.start_time)
    assert.equal(500, summary.error_summary[1].error_details.code)
    assert.equal("status_500", summary.error_summary[1].error_details.type)
    assert.equal("string", type(summary.error_summary[1].error_details.message))

    local values, gaps = {}, 0
    for _, line in ipairs(lines_of(result)) do
      for key, kind in pairs(of_metadata) do assert.equal(kind, type(line.metadata[key]), key) end
      assert.equal("s", line.metadata.conversation_id:sub(1, 1))
      if line.error == json.null then
        for key, one in pairs(line.metrics) do
          if type(one.value) == "table" then gaps = gaps + #one.value
          else
            values[key] = values[key] or {}
            table.insert(values[key], one.value)
          end
          assert.equal(summary[key].unit, one.unit, key)
        end
        local metadata, metrics = line.metadata, line.metrics
        assert.truthy(metadata.request_start_ns <= metadata.request_ack_ns
          and metadata.request_ack_ns <= metadata.request_end_ns)
        assert.truthy(math.abs(metrics.inter_token_latency.value - (metrics.request_latency.value
          - metrics.time_to_first_token.value) / (metrics.output_sequence_length.value - 1)) < 1e-9)
      end
    end
    assert.equal(counts.done, #values.request_latency)
    assert.equal(gaps, summary.inter_chunk_latency.count)
    for key in pairs(of_requests) do
      table.sort(values[key])
      for _, name in ipairs(statistics) do
        local p = tonumber(name:match "^p(%d+)$")
        if p then
          local expected = percentile(values[key], p)
          assert.truthy(math.abs(summary[key][name] - expected) <= 1e-6 * math.abs(expected), key .. "." .. name)
        end
      end
      local sum, squares = 0, 0
      for _, value in ipairs(values[key]) do sum = sum + value end
      local mean = sum / #values[key]
      for _, value in ipairs(values[key]) do squares = squares + (value - mean) ^ 2 end
      assert.truthy(math.abs(summary[key].avg - mean) <= 1e-6 * mean, key)
      assert.truthy(math.abs(summary[key].std - math.sqrt(squares / #values[key])) <= 1e-4 * mean + 1e-9, key)
      assert.truthy(math.abs(summary[key].max - values[key][#values[key]]) <= 1e-6 * summary[key].max, key)
    end
    local csv = command.read(result.out_folder .. "/profile_export_aiperf.csv")
    assert.truthy(csv:find("^Metric,avg,min,max,std,p1,p5,p10,p25,p50,p75,p90,p95,p99\nTime to First Token %(ms%),"))
    assert.truthy(csv:find(("\nRequest Count (requests),%d.00\n"):format(counts.done), 1, true)
      or csv:find(("\nRequest Count (requests),%d\n"):format(counts.done), 1, true), csv)
    local inputs = json.decode(command.read(result.out_folder .. "/inputs.json"))
    assert.equal(60, #inputs.data)
    assert.equal("s1", inputs.data[1].session_id)
    assert.equal("m", inputs.data[1].payloads[1].model)
  end)

  it("prints one JSON value with --json and nothing else", function()
    local url = start()
    local result = replay(url, trace_text(5, 1), "--json" .. accepts)
    assert.equal(0, result.status, result.err)
    local value = json.decode(result.out)
    assert.same(result.run.counts, value.counts)
    assert.equal(1, select(2, result.out:gsub("\n", "")))
  end)

  it("writes neither the API key nor a header that proves who somebody is", function()
    local url = start()
    local result = replay(url, trace_text(5, 1), "--api-key-env MY_KEY --record r.jsonl --inputs "
      .. "--header 'Authorization: Basic hidden2'" .. accepts, { environment = "MY_KEY=hidden1" })
    assert.equal(0, result.status, result.err)
    local found = command.shell("grep -rl hidden . ; true", { folder = result.folder })
    assert.equal("", found.out)
    assert.is_nil((result.out .. result.err):find "hidden")

    result = replay(url, trace_text(5, 1), [[--header 'X-Auth: hidden3' --head='X-Tenant: hidden4' --header 'User-Agent: me/1' \
      --header 'X-Row: {priority}' --extra 'api_key="hidden5"' --extra 'nested={"authToken": "hidden6"}' \
      --extra='password="hidden7"' --extra 'max_x_tokens={"a": 1}' --extra 'stop_token_ids=[3]' --json ]] .. accepts)
    assert.equal(0, result.status, result.err)
    found = command.shell("grep -rl hidden . ; true", { folder = result.folder })
    assert.equal("", found.out)
    local body = json.decode(command.read(result.out_folder .. "/inputs.json")).data[5].payloads[1]
    assert.same({ "(not shown)", "(not shown)", "(not shown)", { a = 1 }, { 3 }, "m" }, { body.api_key, body.nested,
      body.password, body.max_x_tokens, body.stop_token_ids, body.model })
    assert.is_nil((result.out .. result.err):find "hidden")
    assert.same({ "X-Auth: (not shown)", "X-Tenant: (not shown)", "User-Agent: me/1", "X-Row: {priority}" },
      result.run.options.header)
    assert.same({ { "api_key", "(not shown)" }, { "nested", "(not shown)" }, { "password", "(not shown)" },
      { "max_x_tokens", '{"a": 1}' }, { "stop_token_ids", "[3]" } }, result.run.options.extra)
    local words = table.concat(result.run.command, " ")
    for _, text in ipairs { "--header X-Auth: (not shown) --head=X-Tenant: (not shown) --header User-Agent: me/1",
      "--extra api_key=(not shown) --extra nested=(not shown) --extra=password=(not shown) --extra max_x_tokens={" } do
      assert.truthy(words:find(text, 1, true), words)
    end
    -- Nor where an adapter has put them in its API.
    url = start("--dialect", "gemini")
    result = replay(url, trace_text(3, 1), "--adapter gemini --extra 'nested={\"authToken\": \"hidden8\"}'" .. accepts)
    assert.equal("", command.shell("grep -rl hidden . ; true", { folder = result.folder }).out)
    body = json.decode(command.read(result.out_folder .. "/inputs.json")).data[1].payloads[1]
    assert.same({ maxOutputTokens = 4, nested = "(not shown)" }, body.generationConfig)
  end)

  it("records what was sent as a trace in order, to be replayed and analysed", function()
    local url = start("--ttft", "lognormal:mean=20,cv=1")
    local trace = trace_text(80, 3, function(i, row) row.hash_ids, row.priority = { i % 7 }, i end)
    local result = replay(url, trace, "--record r.jsonl" .. accepts)
    assert.equal(0, result.status, result.err)
    local before, count = -1, 0
    for line in command.read(result.folder .. "/r.jsonl"):gmatch "[^\n]+" do
      local row = json.decode(line)
      count = count + 1
      assert.truthy(row.timestamp >= before)
      assert.truthy(row.due <= row.sent and row.sent <= row.answered)
      assert.equal(4, row.output_length)
      assert.equal(20, row.input_length)
      assert.equal("ok", row.outcome)
      assert.same({ row.priority % 7 }, row.hash_ids)
      before = row.timestamp
    end
    assert.equal(80, count)
    local analysed = command.run({ "analyze", "r.jsonl", "--json" }, { folder = result.folder })
    local own = command.run({ "analyze", "trace.jsonl", "--json" }, { folder = result.folder })
    assert.equal(0, analysed.status, analysed.err)
    assert.equal(json.decode(own.out).requests, json.decode(analysed.out).requests)
    -- Recorded once more, the members that a record has of its own are there once.
    result = replay(url, command.read(result.folder .. "/r.jsonl"), "--record r.jsonl" .. accepts)
    accounts(result, { due = 80, done = 80 })
    local line = command.read(result.folder .. "/r.jsonl"):match "[^\n]+"
    assert.equal(1, select(2, line:gsub('"outcome"', "")))
    assert.equal(1, select(2, line:gsub('"due"', "")))
    -- What never left has no time at which it was sent.
    url = start("--fail", "refused=1")
    result = replay(url, trace_text(3, 1), "--record r.jsonl" .. accepts)
    assert.equal(1, result.status)
  end)

  it("tells results by a member apart, and holds objectives and bounds against them", function()
    local url = start("--ttft", "30")
    local trace = trace_text(30, 2, function(i, row) row.model_size = i % 3 == 0 and "large" or "small" end)
    local result = replay(url, trace, "--by model_size --slo ttft=1" .. accepts)
    assert.equal(0, result.status, result.err)
    assert.equal(2, #result.run.groups)
    local counts = {}
    for _, group in ipairs(result.run.groups) do counts[group.value] = group.counts.due end
    assert.same({ small = 20, large = 10 }, counts)
    assert.truthy(result.out:find('model_size = "large": 10 requests due: 10 done', 1, true), result.out)
    assert.equal(0, result.run.metrics.good_request_count.avg)
    assert.is_nil(result.out:find("has a value of", 1, true))
    result = replay(url, trace, "--slo tpot=60s --by modelsize" .. accepts)
    assert.truthy(result.out:find("\nNo request has a value of 'modelsize'\n", 1, true), result.out)
    assert.equal(30, result.run.metrics.good_request_count.avg)
    result = replay(url, trace, "--fail-over ttft.p50=1" .. accepts)
    assert.equal(1, result.status)
    assert.truthy(result.err:find("--fail-over: ttft.p50 is ", 1, true), result.err)
    assert.equal(0, replay(url, trace, "--fail-over ttft.p99=60s,error_rate=0" .. accepts).status)
    result = replay(url, trace, "--limits lag_p50=0,lag_p99=0")
    assert.equal(1, result.status)
    assert.equal("invalid", result.run.verdict.name)
    assert.equal(0, replay(url, trace, "--limits lag_p50=0,lag_p99=0 --accept-invalid").status)
  end)

  -- --- what is sent ----------------------------------------------------------------------------------

  -- The bodies sent, in their order.
  local function bodies(result)
    local list = {}
    for i, one in ipairs(json.decode(command.read(result.out_folder .. "/inputs.json")).data) do
      list[i] = one.payloads[1]
    end
    return list
  end

  it("makes prompts of exactly the length that was wanted, by the server's count", function()
    local url = start()
    local trace = trace_text(30, 2, function(i, row)
      row.input_length, row.hash_ids = 50 * i, {}
      for block = 1, (50 * i + 511) // 512 do row.hash_ids[block] = block == 1 and i % 3 or 100 * i + block end
    end)
    for _, words in ipairs { "--api completions", "--api completions --text", "--api chat" } do
      local result = replay(url, trace, words .. accepts, { warmup = "" })
      assert.equal(0, result.status, result.err)
      local difference = result.run.metrics.input_length_difference
      assert.same({ 0, 0 }, { difference.min, difference.max }, words)
    end
    local result = replay(url, trace, "--api completions --vocab 7..9" .. accepts)
    for _, body in ipairs(bodies(result)) do
      for _, token in ipairs(body.prompt) do assert.truthy(token >= 7 and token <= 9) end
    end
  end)

  it("equal ids are equal tokens, and only those", function()
    local url = start()
    local sent = bodies(replay(url, trace_text(3, 1, function(i, row)
      row.input_length, row.hash_ids = 600, { 5, i == 2 and 6 or 7 }
    end), "--api completions" .. accepts))
    assert.same(sent[1].prompt, sent[3].prompt)
    for i = 1, 512 do assert.equal(sent[1].prompt[i], sent[2].prompt[i]) end
    local equal = 0
    for i = 513, 600 do equal = equal + (sent[1].prompt[i] == sent[2].prompt[i] and 1 or 0) end
    assert.truthy(equal < 5)
    -- Rows without ids, or with fewer than they need, share nothing there.
    sent = bodies(replay(url, trace_text(2, 1, function(_, row)
      row.input_length, row.hash_ids = 600, { 5 }
    end), "--api completions" .. accepts))
    assert.equal(sent[1].prompt[512], sent[2].prompt[512])
    equal = 0
    for i = 513, 600 do equal = equal + (sent[1].prompt[i] == sent[2].prompt[i] and 1 or 0) end
    assert.truthy(equal < 5)
  end)

  it("takes the block size that the ids fit, and ids of whole blocks only", function()
    local url = start()
    local function equal_tokens(a, b)
      local count = 0
      while a[count + 1] and a[count + 1] == b[count + 1] do count = count + 1 end
      return count
    end
    local function sent_of(ids, words)
      local result = replay(url, trace_text(#ids, 1, function(i, row)
        row.input_length, row.hash_ids = 200, ids[i]
      end), "--api completions " .. (words or "") .. accepts)
      assert.equal(0, result.status, result.err)
      local sent = bodies(result)
      return sent[1].prompt, sent[2].prompt, result.err
    end
    local a, b, said = sent_of { { 1, 2, 3, 4 }, { 1, 2, 9, 10 } }
    assert.truthy(said:find("hash_ids fit blocks of 64 tokens (--block-size says otherwise)", 1, true), said)
    assert.equal(128, equal_tokens(a, b))
    for _, words in ipairs { "", "--block-size 64", "--sessions cumulative" } do
      a, b, said = sent_of({ { 1, 2, 3 }, { 1, 2, 3 } }, words)
      assert.truthy(said:find("hash_ids fit blocks of 64 tokens, whole ones only", 1, true), words .. said)
      assert.equal(200, #b)
      assert.is_true(equal_tokens(a, b) >= 192 and equal_tokens(a, b) < 200)
    end
    a, b, said = sent_of({ { 1, 2, 3, 4 }, { 1, 2, 9, 10 } }, "--block-size 50")
    assert.falsy(said:find("hash_ids fit", 1, true))
    assert.equal(100, equal_tokens(a, b))
    -- Where no size fits all, the one that most fit; a script knows its own.
    local result = replay(url, trace_text(30, 1, function(i, row)
      row.input_length, row.hash_ids = 200, i == 7 and { 1 } or { 1, 2, 3, 4 }
    end), "--api completions" .. accepts)
    assert.truthy(result.err:find("hash_ids fit blocks of 64 tokens", 1, true), result.err)
    result = replay(url, "steady", accepts .. "--num-requests 3 -- --isl 100")
    assert.falsy(result.err:find("hash_ids fit", 1, true))
  end)

  it("a turn begins with all that was said before it", function()
    local url = start()
    local rows = json.encode { timestamp = 0, input_length = 100, output_length = 8, session_id = "a", hash_ids = { 1 } }
      .. "\n" .. json.encode { timestamp = 5, input_length = 150, output_length = 8, session_id = "a", delay = 1,
        hash_ids = { 1 } } .. "\n"
    local sent = bodies(replay(url, rows, "--api completions" .. accepts))
    for i = 1, 100 do assert.equal(sent[1].prompt[i], sent[2].prompt[i]) end
    local result = replay(url, rows, accepts)
    sent = bodies(result)
    assert.equal(3, #sent[2].messages)
    assert.same(sent[1].messages[1], sent[2].messages[1])
    assert.equal("assistant", sent[2].messages[2].role)
    assert.equal(8, select(2, sent[2].messages[2].content:gsub("%S+", "")))
    local lines = lines_of(result)
    assert.equal(lines[1].metadata.x_correlation_id, lines[2].metadata.x_correlation_id)
    assert.truthy(lines[2].metadata.request_start_ns >= lines[1].metadata.request_end_ns + 1000000)
    -- The same as what each turn adds.
    local delta = rows:gsub('"input_length":%s*150', '"input_length":42')
    local of_delta = bodies(replay(url, delta, "--sessions delta" .. accepts))
    for i = 1, 3 do
      assert.equal(sent[2].messages[i].role, of_delta[2].messages[i].role)
      assert.equal(select(2, sent[2].messages[i].content:gsub("%S+", "")),
        select(2, of_delta[2].messages[i].content:gsub("%S+", "")))
    end
    assert.same(of_delta[1].messages[1], of_delta[2].messages[1])
    -- Rows that say neither are refused.
    local neither = replay(url, trace_text(4, 1, function(i, row)
      row.session_id, row.input_length, row.hash_ids = i <= 2 and "a" or "b", 900, { i <= 2 and 1 or i, 10 + i }
    end), accepts)
    assert.equal(1, neither.status)
    assert.truthy(neither.err:find("--sessions cumulative or --sessions delta", 1, true), neither.err)
  end)

  it("sends text_input, messages, payload and extra as they are", function()
    local url = start()
    local rows = { { text_input = "say it" }, { messages = { { role = "user", content = "hey" } }, extra = { top_k = 3 } },
      { payload = { model = "m", messages = { { role = "user", content = "all" } }, stream = true, max_tokens = 2 } } }
    local lines = {}
    for i, row in ipairs(rows) do
      row.timestamp, row.output_length = i, 3
      lines[i] = json.encode(row)
    end
    local sent = bodies(replay(url, table.concat(lines, "\n") .. "\n", "--extra temperature=0.5" .. accepts))
    assert.equal("say it", sent[1].messages[1].content)
    assert.equal(0.5, sent[1].temperature)
    assert.equal("hey", sent[2].messages[1].content)
    assert.equal(3, sent[2].top_k)
    assert.same(rows[3].payload, sent[3])
    assert.equal(3, sent[1].max_tokens)
    assert.is_true(sent[1].ignore_eos)
    sent = bodies(replay(url, trace_text(1, 1), "--no-force-output --max-tokens-field max_completion_tokens --no-stream"
      .. accepts))
    assert.equal(4, sent[1].max_completion_tokens)
    assert.is_nil(sent[1].max_tokens)
    assert.is_nil(sent[1].ignore_eos)
    assert.is_not_true(sent[1].stream)
  end)

  it("sends headers with members of the row, and the ids of its lines", function()
    local folder = command.folder()
    -- A server of one answer that keeps what it got.
    local result = command.shell([[cat >t.jsonl <<'END'
{"timestamp": 0, "input_length": 5, "output_length": 2, "priority": "high", "session_id": "s"}
END
perl -MIO::Socket::INET -e '
  my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", Proto => "tcp") or die;
  open(P, ">port.new"); print P $l->sockport; close P; rename "port.new", "port";
  alarm 20;
  while (my $c = $l->accept) { my $got = ""; while (sysread($c, my $part, 65536)) { $got .= $part;
    last if $got =~ /\r\nContent-Length: (\d+)\r\n(?:.*?\r\n)?\r\n(.*)/s && length($2) >= $1 }
    next if $got eq ""; open(R, ">request"); print R $got; close R; my $b = "{}";
    print $c "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}"; close $c; last }' &
until [ -e port ]; do sleep 0.02; done
API=secret "$MOONTIDE" replay t.jsonl --url http://127.0.0.1:$(cat port) --model m --warmup 0 --output-dir out \
  --header 'X-Priority: {priority}' --header 'X-None: {none}.' --header 'X-Session: {session_id}' --api-key-env API
wait]], { folder = folder })
    if result.err:find("perl", 1, true) then return pending "no perl here" end
    local request = command.read(folder .. "/request")
    assert.truthy(request:find("\r\nX-Priority: high\r\nX-None: .\r\nX-Session: s\r\n", 1, true), request)
    assert.truthy(request:find("\r\nAuthorization: Bearer secret\r\n", 1, true), request)
    local metadata = json.decode(command.read(folder .. "/out/profile_export.jsonl")).metadata
    assert.equal(metadata.x_request_id, request:match "X%-Request%-ID: (%S+)\r\n")
    assert.equal(metadata.x_correlation_id, request:match "X%-Correlation%-ID: (%S+)\r\n")
  end)

  -- --- load ------------------------------------------------------------------------------------------

  it("finds in the server's cache what analyze says for its size", function()
    local text = command.read "tests/data/small.jsonl":gsub(', "session_id": "[^"]*"', ""):gsub(', "delay": %d+', "")
    local path = command.file(text, "trace.jsonl")
    for _, blocks in ipairs { 20, 60, 1000 } do
      local url = start("--ttft", "0", "--itl", "0", "--kv-blocks", blocks, "--block-size", "64", "--hit-rule", "all")
      local result = replay(url, path, "--api completions --concurrency 1" .. accepts)
      local analysed = command.run { "analyze", path, "--block-size", "64", "--cache-sizes", tostring(blocks) }.out
      local expected = tonumber(analysed:match "by Token\n[%d,]+ +[%d.]+ +[%d.]+ +([%d.]+)\n")
      assert.truthy(math.abs(result.run.metrics.hit_ratio.avg - expected) < 0.005,
        ("%d blocks: %g, not %g"):format(blocks, result.run.metrics.hit_ratio.avg, expected))
      mock.stop_all()
    end
  end)

  it("keeps times: --speed-ratio, --start-at, several URLs", function()
    local url = start()
    local first = server
    local trace = trace_text(50, 40)
    local result = replay(url, trace, "--speed-ratio 4" .. accepts)
    local lines = lines_of(result)
    table.sort(lines, function(a, b) return a.metadata.credit_issued_ns < b.metadata.credit_issued_ns end)
    for i = 2, #lines do
      local apart = lines[i].metadata.credit_issued_ns - lines[1].metadata.credit_issued_ns
      assert.truthy(math.abs(apart - (i - 1) * 10e6) < 1000, "request " .. i)
    end
    local asked = os.time() + 6
    local moment = os.date("!%Y-%m-%dT%H:%M:%S.25Z", asked)
    result = replay(url, trace_text(3, 1), "--start-at " .. moment .. accepts)
    lines = lines_of(result)
    table.sort(lines, function(a, b) return a.metadata.credit_issued_ns < b.metadata.credit_issued_ns end)
    assert.equal(asked * 1000000000 + 250000000, lines[1].metadata.credit_issued_ns)
    assert.equal(lines[1].metadata.credit_issued_ns, result.run.start_ns)
    assert.same({ asked_ns = result.run.start_ns, late = 0.0 }, result.run.start)
    assert.equal("boolean", type(result.run.wall_clock.synchronised))
    assert.truthy(result.err:find("waiting for the start at " .. moment:gsub("%.25", ""), 1, true), result.err)
    local second_url = start()
    local second = server
    result = replay(url .. "," .. second_url, trace_text(20, 2), accepts)
    accounts(result, { due = 20, done = 20 })
    assert.truthy(second.finish("INT").err:find("moontide: 10 requests on ", 1, true))
    assert.truthy(first.finish("INT").err:find("moontide: 63 requests on ", 1, true))
  end)

  it("--duration is the run's, and the plan's own stands behind --", function()
    local url = start()
    local folder = command.folder()
    command.write(folder, "slow.lua", 'local mt = require "moontide"\nreturn mt.workload { duration = "1h", '
      .. "mt.stream { arrivals = mt.even(0.2), input = 9, output = 1 } }\n")
    for _, case in ipairs {
      { "--duration 500ms -- --compress 100", 10 }, { "--speed-ratio 100 --duration 500ms", 10 },
      { "--speed-ratio 4 --duration 500ms -- --compress 25", 10 }, { "-- --compress 100 --duration 50", 10 },
      { "--speed-ratio 4 -- --compress 25 --duration 50", 10 },
    } do
      local result = command.shell(('exec "$MOONTIDE" replay slow.lua --url %s --model m --warmup 0 --json --accept-invalid %s')
        :format(url, case[1]), { folder = folder })
      assert.equal(0, result.status, result.err)
      assert.equal(case[2], json.decode(result.out).counts.due, case[1])
    end
  end)

  it("the status line counts what was sent, done and failed, without the warm-up", function()
    local url = start("--fail", "status_500=0.5", "--seed", "3")
    local result = replay(url, trace_text(1100, 10), accepts, { warmup = "--warmup 6" })
    local sent, done, failed, in_flight = result.err:match "10s  sent (%d+)  done (%d+)  failed (%d+)  in flight (%d+)"
    assert.truthy(sent, result.err)
    assert.truthy(math.abs(sent - done - failed - in_flight) <= 2, result.err)
    assert.truthy(tonumber(sent) <= 1100 and tonumber(failed) > 300 and tonumber(done) > 300, result.err)
  end)

  it("sends nothing, and makes no folder, when there is no trace or no request in it", function()
    local folder = command.folder()
    command.write(folder, "empty.jsonl", "\n")
    for name, message in pairs { ["empty.jsonl"] = "empty.jsonl: no requests",
      ["missing.jsonl"] = "missing.jsonl: cannot open: No such file or directory" } do
      command.refuses(command.line(("replay %s --url http://127.0.0.1:9 --model m --output-dir out"):format(name),
        { folder = folder }), message)
      assert.equal("", command.shell("ls -d out 2>/dev/null", { folder = folder }).out)
    end
    command.refuses(command.line("replay - --url http://127.0.0.1:9 --model m --output-dir out",
      { folder = folder, input = "" }), "standard input: no requests")
  end)
end)
