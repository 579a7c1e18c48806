-- Replay: what it refuses, its warm-up, and its load's times.
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
    local url, server = start()
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
    local url, first = start()
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
    local second_url, second = start()
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
