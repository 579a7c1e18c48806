-- `moontide find-max` against mocks whose capacity is known.
local command = require "tests.support.command"
local mock = require "tests.support.mock"
local json = require("moontide.base.json").public.json

local server

local function start(...)
  server = mock.start { ... }
  return ("http://127.0.0.1:%d"):format(server.port)
end

local load = [[
local mt = require "moontide"
return mt.script {
  summary = "Requests of one rate",
  options = { { "rate", kind = "rate", default = 4 }, { "even", kind = "flag" } },
  plan = function(opt)
    local arrivals = opt.even and mt.even(opt.rate) or mt.poisson(opt.rate)
    return mt.workload { mt.stream { arrivals = arrivals, input = 20, output = 2 } }
  end,
}
]]

-- Runs find-max on the load; gives the result with .json, what it prints.
local function find(url, words, opts)
  opts = opts or {}
  local folder = command.folder()
  command.write(folder, "load.lua", load)
  local line = ('%s"$MOONTIDE" find-max %s --url %s --model m %s --settle 0 --json %s %s'):format(
    opts.before or "exec ", opts.target or "load.lua", url, words:find "%-%-warmup" and "" or "--warmup 0",
    opts.valid and "" or "--accept-invalid", words)
  if opts.after then
    line = ("env --default-signal=INT %s & p=$!\n%s\nwait $p"):format(line, opts.after)
  end
  local result = command.shell(line, { folder = folder })
  result.folder = folder
  result.json = result.out ~= "" and assert(json.decode(result.out)) or nil
  return result
end

describe("moontide find-max", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("refuses bad usage with one line and 2, before a request", function()
    local url = start()
    local bad = {
      { "", "what is to be sent is missing" },
      { "steady --slo ttft=5", "--url is missing" },
      { "steady --url URL --slo ttft=5", "--model is missing" },
      { "steady TO", "--slo is missing: the promises (ttft.p99=500,error_rate=0.01)" },
      { "steady TO --slo tftt.p99=5", "there is no measure 'tftt.p99' (did you mean 'ttft'?)" },
      { "steady TO --slo ttft.p98=5", "there is no statistic 'p98'" },
      { "steady TO --slo p98_ttft=5", "there is no measure 'p98_ttft' (ttft, ttst, " },
      { "steady TO --slo 'goodput>=5'", "--slo: goodput is of objectives of each request, which find-max does not have" },
      { "steady TO --slo ttft", "--slo must be a measure and the most it may be" },
      { "steady TO --slo ttft=-5", "--slo: ttft must be a number of ms of at least 0, or a time with its unit (2s), not '-5" },
      { "steady TO --slo ttft.p99=x", ": ttft.p99 must be a number of ms of at least 0, or a time with its unit (2s), not 'x'" },
      { "steady TO --slo error_rate=x%", ": error_rate must be a number of at least 0, or so many in a hundred (1%), not 'x%'" },
      { "steady TO --slo p99_ttft=5", "there is no measure 'p99_ttft' (did you mean 'ttft.p99'?)" },
      { "steady TO --slo request_throughput=5", "--slo: request_throughput=5 is the most it may be, and more of it is" },
      { "steady TO --slo throughput=5", "no measure 'throughput' (there are request_throughput, output_token_throughput, " },
      { "steady TO --slo foo=5", "there is no measure 'foo' (ttft, ttst, itl, e2e, lag, isl, osl, each with .avg, .p99" },
      { "steady TO --slo ttft=5 --precision 0", "--precision must be above 0 and below 1 (5% or 0.05), not '0'" },
      { "steady TO --slo ttft=5 --precision 100%", "--precision must be above 0 and below 1" },
      { "steady TO --slo ttft=5 --precision x%", "--precision must be a number, not 'x'" },
      { "steady TO --slo ttft=5 --unit users", "--unit must be one of rate, concurrency, rate-scale, not 'users'" },
      { "steady TO --slo ttft=5 --unit concurrency --first 1.5", "--first must be a whole number of requests in flight" },
      { "steady TO --slo ttft=5 --unit concurrency --speed-ratio 2", "exclude each other" },
      { "steady TO --slo ttft=5 --first 9 --most 3", "--first must not be above --most" },
      { "steady TO --slo ttft=5 --first 0", "--first must be above 0, not 0" },
      { "steady TO --slo ttft=5 --probe 0", "--probe must be above 0, not 0" },
      { "steady TO --slo ttft=5 --ramp -1", "--ramp must be at least 0, not -1" },
      { "steady TO --slo ttft=5 --duration 5", "unknown option '--duration'" },
      { "steady TO --slo ttft=5 -- --isll 3", "unknown option '--isll' (did you mean '--isl'?)" },
      { "analyze TO --slo ttft=5", "analyze is a command, not a load" },
      { "- TO --slo ttft=5", "standard input can be read only once" },
      { "closed.lua TO --slo ttft=5", "a closed loop (mt.closed) has no rate of its own" },
      { "closed.lua TO --slo ttft=5 --unit concurrency", "mt.closed says how many requests are in flight" },
    }
    local folder = command.folder()
    command.write(folder, "closed.lua", 'local mt = require "moontide"\n'
      .. "return mt.workload { duration = 1, mt.stream { arrivals = mt.closed { users = 2 }, input = 5, output = 1 } }\n")
    for _, case in ipairs(bad) do
      local line = case[1]:gsub("TO", "--url URL --model m"):gsub("URL", url)
      local result = command.shell('exec "$MOONTIDE" find-max ' .. line, { folder = folder })
      assert.equal(2, result.status, case[1] .. ": " .. result.err)
      assert.truthy(result.err:find(case[2], 1, true), case[1] .. ": " .. result.err)
      assert.equal("", result.out)
      assert.equal(1, select(2, result.err:gsub("\n", "\n")), result.err)
    end
    local result = find(url, "--slo ttft=5", { target = "no_such.jsonl" })
    assert.equal(1, result.status)
    assert.equal("moontide: no_such.jsonl: No such file or directory\n", result.err)
    assert.truthy(server.finish("INT").err:find("moontide: 0 requests on ", 1, true))
    result = find("http://127.0.0.1:1", "--slo ttft=5 --warmup 1")
    assert.equal(1, result.status)
    assert.truthy(result.err:find("http://127.0.0.1:1: no connection: Connection refused", 1, true), result.err)
  end)

  -- What is in the result of a search agrees with itself. step: levels are no nearer to each other.
  local function is_sound(result, precision, step)
    local found, passed_at_max = result.json, 0
    assert.is_true(found.confirmed)
    assert.equal(found.max, found.bracket[1])
    local width = found.bracket[2] - found.max
    assert.is_true(width > 0 and width <= math.max(step or 0, precision * found.max), width)
    for _, probe in ipairs(found.probes) do
      assert.equal(probe.passed, probe.reason == json.null)
      assert.equal(probe.counts.due, probe.counts.done + probe.counts.failed + probe.counts.cancelled)
      if probe.level == found.max and probe.passed then passed_at_max = passed_at_max + 1 end
      if not probe.passed then assert.truthy(result.err:find(probe.reason, 1, true)) end
    end
    assert.equal(2, passed_at_max)
    assert.are_not.equal(found.probes[1].seed, found.probes[2].seed)
  end

  -- Is more to be done here than twice what the processors can? A server is smaller then.
  local function is_busy()
    local processors = 0
    for line in io.lines "/proc/cpuinfo" do processors = processors + (line:find "^processor" and 1 or 0) end
    return tonumber(command.read("/proc/loadavg"):match "%S+") > 2 * processors
  end

  -- The result of a search: of a few where the machine disturbs them. It is at least what is wanted; on a machine that
  -- is busy at least a part of that (tests/lua/find_max_spec.lua has what is found where no machine disturbs).
  local function at_least(wanted, busy_wanted, search)
    local result
    local was_busy = false
    for _ = 1, 3 do
      result = search()
      was_busy = was_busy or is_busy()
      if result.status == 0 and (result.json.max >= wanted or was_busy) then break end
    end
    assert.equal(0, result.status, result.err)
    assert.is_true(result.json.max >= (was_busy and busy_wanted or wanted), result.err)
    return result
  end

  it("says 10 +- 1 of a server that answers 429 beyond 10 a second", function()
    -- One at a time, 0.094 s each, and nobody waits: evenly spaced requests are refused as soon as they come faster.
    local url = start("--dialect", "openai", "--ttft", "94", "--itl", "0", "--slots", "1", "--queue", "0")
    local result = at_least(9, 3, function()
      local found = find(url, "--slo error_rate=0.3,ttft.p50=500 --probe 1s --ramp 200ms --precision 8% "
        .. "--no-force-output --first 4 -- --even")
      assert.is_true(found.status ~= 0 or found.json.max <= 11, found.err)
      return found
    end)
    is_sound(result, 0.08)
    assert.equal("requests/s", result.json.unit)
    assert.truthy(result.json.limited_by:find "error_rate is 0.%d+, over 0.3"
      or result.json.limited_by:find "ttft.p50: too many requests failed", result.json.limited_by)
  end)

  it("finds the concurrency at which a closed loop's latency is known", function()
    -- Four slots of 20 ms: N in flight take N / 4 * 20 ms each (Little's law), so 54 ms allow 10.
    local url = start("--ttft", "19", "--itl", "1", "--slots", "4")
    local result = at_least(9, 2, function()
      local found = find(url, "--unit concurrency --slo e2e.avg=54,error_rate=0 --probe 800ms --ramp 200ms")
      assert.is_true(found.status ~= 0 or found.json.max <= 10, found.err)
      return found
    end)
    is_sound(result, 0.12, 1)
    assert.equal("requests in flight", result.json.unit)
    assert.equal(8, result.json.probes[1].level)
    assert.truthy(result.json.limited_by:find "e2e.avg is %d+%.?%d*, over 54", result.json.limited_by)
  end)

  it("says below its answer, and of each probe, when the server counted no tokens or answered whole", function()
    local url = start("--ttft", "5", "--itl", "40") -- a busy machine, too, reads no two tokens at once
    local words = "--unit concurrency --first 1 --most 1 --slo e2e.p50=5000 --probe 300ms --ramp 50ms --extra "
    local uncounted = words .. "'stream_options={\"include_usage\": false}'"
    local result = find(url, uncounted)
    assert.equal(0, result.status, result.err)
    for _, probe in ipairs(result.json.probes) do
      assert.truthy(probe.cautions[1]:find "^%d+ answers? came without the server's count of tokens %(usage%): each ")
    end
    local function text(words_of_it)
      local line = ('exec "$MOONTIDE" find-max load.lua --url %s --model m --warmup 0 --settle 0 --accept-invalid %s'):format(
        url, words_of_it)
      return command.shell(line, { folder = result.folder }).out
    end
    local told = text(uncounted .. " --output-dir r")
    assert.truthy(told:find "tried twice[^\n]*\n.*r/probe001: %d+ answers? came without the server's count", told)
    assert.truthy(told:find("\nSo it is of 1 run more (moontide judge FOLDER tells of each)\n", 1, true), told)
    told = text(words .. "stream=false")
    assert.truthy(told:find "\nprobe 1: %d+ answers? came as a whole though a stream was asked for", told)
    assert.truthy(told:find("\nSo it is of 1 run more\n", 1, true), told)
    local counted = find(url, words .. "x=1")
    for _, probe in ipairs(counted.json.probes) do assert.same({}, probe.cautions) end
  end)

  it("scales a trace, ends at --most, and says when nothing keeps the promises", function()
    local url = start("--ttft", "5", "--itl", "1")
    local lines = {}
    for i = 1, 100 do
      lines[i] = ('{"timestamp": %d, "input_length": 20, "output_length": 2, "hash_ids": [%d]}'):format(100 * i, i)
    end
    local trace = command.file(table.concat(lines, "\n") .. "\n")
    local result = find(url, "--unit rate-scale --first 2 --most 4 --slo ttft.p50=500 --probe 500ms --ramp 100ms",
      { target = trace })
    assert.equal(0, result.status, result.err)
    assert.same({ 4, "times the rate", "--most" }, { result.json.max, result.json.unit, result.json.limited_by })
    assert.same({ 2, 4, 4 }, { result.json.probes[1].level, result.json.probes[2].level, result.json.probes[3].level })
    -- Each level measures another stretch of the trace, which is told.
    assert.same({ { 0.2, 1.2 }, { 0.4, 2.4 } }, { result.json.probes[1].stretch, result.json.probes[2].stretch })
    local line = ('exec "$MOONTIDE" find-max %s --unit rate-scale --first 2 --most 2 --slo ttft.p50=500 --probe 500ms '
      .. "--ramp 100ms --start 1s --settle 0 --warmup 0 --accept-invalid --output-dir out --url %s --model m"):format(trace, url)
    local text = command.shell(line, { folder = result.folder })
    assert.truthy(text.out:find("\n2 +first +1.2 s to 2.2 s +%d"), text.out)
    assert.truthy(text.out:find("\nIt was measured of the trace from 1.2 s to 2.2 s; each level sees another stretch of it "
      .. "(--start says where they begin)", 1, true), text.out)
    local told = "moontide: out: the results of an earlier search there are replaced\n"
    assert.falsy(text.err:find(told, 1, true))
    assert.truthy(command.shell(line, { folder = result.folder }).err:find(told, 1, true))
    -- 10 s at 10 a second: at 200 a second it is over after half a second.
    result = find(url, "--first 200 --slo ttft.p50=500 --probe 1s --ramp 100ms --most 200 --precision 90%",
      { target = trace })
    assert.truthy(result.json.probes[1].reason:find "^the load was over after 0.[4-9]%d* s of 1.1 s$",
      result.json.probes[1].reason)
    -- The load's own rate is beyond it, as are five requests a probe.
    result = find(url, "--slo ttft.p50=500 --probe 500ms --ramp 0 --most 6 -- --rate 20 --even")
    assert.same({ 6, 6 }, { result.json.probes[1].level, result.json.max })
    assert.equal(json.null, result.json.probes[1].stretch)
    result = find(url, "--slo ttft.p50=1 --probe 400ms --ramp 0 --first 8")
    assert.equal(1, result.status)
    assert.equal(json.null, result.json.max)
    assert.is_false(result.json.confirmed)
    assert.truthy(result.json.limited_by:find("ttft.p50 is %d") or result.json.limited_by:find "no request was due",
      result.json.limited_by)
  end)

  it("has no least of answers that nobody got", function()
    local url = start("--fail", "status_503=1")
    local result = find(url, "--slo 'output_token_throughput>=900' --first 20 --most 40 --probe 300ms --ramp 0")
    assert.equal(1, result.status, result.err)
    assert.equal(json.null, result.json.max)
    assert.is_false(result.json.probes[1].passed)
  end)

  it("takes a trace's rate from the part that a probe sees, and begins where a probe has ten requests", function()
    local url = start("--ttft", "5", "--itl", "1")
    -- A slow hour, and then a fast one: on average 0.11 a second, at the beginning 0.01.
    local lines = {}
    for i = 0, 35 do
      lines[#lines + 1] = ('{"timestamp": %d, "input_length": 20, "output_length": 2}'):format(100000 * i)
    end
    for i = 0, 719 do
      lines[#lines + 1] = ('{"timestamp": %d, "input_length": 20, "output_length": 2}'):format(3600000 + 5000 * i)
    end
    local trace = command.file(table.concat(lines, "\n") .. "\n")
    local result = find(url, "--slo 'ttft.p99=500,request_throughput>=1' --probe 1s --ramp 0 --most 20", { target = trace })
    assert.equal(0, result.status, result.err)
    -- Every 100 s of the trace in 0.1 s: one at the beginning of the second, and the others after it.
    assert.same({ 10, 20, 20 }, { result.json.probes[1].level, result.json.probes[2].level, result.json.max })
    assert.same({ 10, 20 }, { result.json.probes[1].counts.due, result.json.probes[2].counts.due })
    assert.truthy(result.err:find("the load's own rate, 0.1049 requests/s, has 0.1 requests in a probe: "
      .. "the search begins at 10 requests/s (--first says otherwise)", 1, true), result.err)
    local promises = {}
    for _, one in ipairs(result.json.probes[1].promises) do
      table.move({ one.name, one.limit, one.is_least }, 1, 3, #promises + 1, promises)
    end
    assert.same({ "ttft.p99", 500, false, "request_throughput", 1, true }, promises)
    assert.truthy(result.err:find("within 500 ms; request_throughput is [%d.]+, at least 1 requests/sec\n"), result.err)
    -- What is true of all probes is told once.
    local text = command.run({ "find-max", trace, "--url", url, "--model", "m", "--warmup", "1", "--settle", "0",
      "--slo", "ttft.p99=500,itl.p50=2s", "--probe", "500ms", "--ramp", "0", "--most", "20", "--accept-invalid" })
    assert.truthy(text.out:find("ttft.p99=500 ms", 1, true), text.out)
    assert.truthy(text.out:find("\nttft.p99 of 10 requests is about their largest: a longer --probe says more", 1, true),
      text.out)
    assert.equal(1, select(2, text.err:gsub("chat template adds", "")), text.err)
    assert.truthy(text.err:find("ttft.p99 is [%d.]+, within 500 ms; itl.p50 is [%d.]+, within 2000 ms\n"), text.err)
  end)

  it("holds a load that is not even to what was due, and a least to what it is", function()
    local url = start("--ttft", "5", "--itl", "1")
    local folder = command.folder()
    command.write(folder, "late.lua", 'local mt = require "moontide"\nreturn mt.workload { duration = 60, mt.stream { '
      .. 'arrivals = mt.even(mt.steps { { 1, 1 }, { 100, 59 } }), input = 20, output = 2 } }\n')
    local line = ('exec "$MOONTIDE" find-max late.lua --url %s --model m --warmup 0 --settle 0 --ramp 1s --probe 1s '
      .. "--first 20 --most 20 --accept-invalid --slo '%s'"):format(url, "%s")
    local result = command.shell(line:format "ttft.p50=500", { folder = folder })
    assert.equal(0, result.status, result.err)
    assert.truthy(result.out:find("\nthe load is not even: [34]%d[.%d]* requests/s were due in what was measured"), result.out)
    result = command.shell(line:format "request_throughput>=1000" .. " --precision 50%", { folder = folder })
    assert.equal(1, result.status, result.err)
    assert.truthy(result.out:find("request_throughput>=1000 requests/sec", 1, true), result.out)
    assert.truthy(result.out:find "request_throughput is [%d.]+, under 1000 requests/sec", result.out)
  end)

  it("goes up while levels are too low for a least, and says so when none is enough", function()
    local url = start("--ttft", "5", "--itl", "1", "--rate-limit", "30")
    local words = "--slo 'request_throughput>=6,error_rate=0' --probe 1s --ramp 200ms --first 2 --precision 95%% --most %d -- "
      .. "--even"
    local result = find(url, words:format(8))
    assert.equal(0, result.status, result.err)
    local probes = result.json.probes
    assert.same({ 2, 4, 8, 8 }, { probes[1].level, probes[2].level, probes[3].level, result.json.max })
    assert.same({ true, true, false }, { probes[1].too_low, probes[2].too_low, probes[3].too_low })
    assert.truthy(result.err:find("2 requests/s (first): is too low; request_throughput is ", 1, true), result.err)
    assert.equal(json.null, result.json.too_low)
    result = find(url, words:format(4))
    assert.equal(1, result.status, result.err)
    assert.same({ json.null, 4, json.null }, { result.json.max, result.json.too_low, result.json.bracket[2] })
    assert.truthy(result.json.limited_by:find "^request_throughput is [345], under 6 requests/sec$", result.json.limited_by)
    -- More than the server takes: what is refused is no more of it.
    result = find(url, "--slo 'request_throughput>=300' --probe 1s --ramp 200ms --first 25 --precision 95% -- --even")
    assert.equal(1, result.status, result.err)
    assert.equal(json.null, result.json.max)
    assert.is_true(result.json.too_low >= 25 and result.json.bracket[2] > result.json.too_low) -- it bears a burst
    local folder = command.folder()
    command.write(folder, "load.lua", load)
    local text = command.shell(('exec "$MOONTIDE" find-max load.lua --url %s --model m --warmup 0 --settle 0 --ramp 0 '
      .. "--accept-invalid --slo 'request_throughput>=60' --probe 1s --first 4 --most 4 -- --even"):format(url),
      { folder = folder })
    assert.truthy(text.out:find "\n4 +first +%d +%d +[%d.]+ +%a+ +too low\n", text.out)
    assert.truthy(text.out:find("\nNo level keeps the promises; 4 requests/s is too low: request_throughput is "
      .. "[%d.]+, under 60 requests/sec; no more was tried %(%-%-most%)"), text.out)
  end)

  it("does not count probes of a late generator, repeats one once, and says so", function()
    local url = start("--ttft", "5", "--itl", "1")
    local result = find(url, "--slo ttft.p50=500 --probe 300ms --ramp 0 --first 8 --most 8 --limits lag_p50=0", { valid = true })
    assert.equal(1, result.status)
    assert.equal(json.null, result.json.max)
    assert.truthy(result.json.limited_by:find("^the generator: .* is .*, the limit is "), result.json.limited_by)
    local first, second = result.json.probes[1], result.json.probes[2]
    assert.same({ "first", "first, again" }, { first.why, second.why })
    assert.equal(first.level, second.level)
    assert.are_not.equal(first.seed, second.seed)
    assert.is_false(first.passed)
    assert.is_true(first.promises[1].kept)
  end)

  it("leaves what it knows after Ctrl-C, with 130, and writes its files", function()
    local url = start("--ttft", "5", "--itl", "1")
    local result = find(url, "--slo ttft.p50=500 --probe 500ms --ramp 0 --first 8 --output-dir out", { before = "",
      after = "until ls -d out/probe003 2>/dev/null >&2 || ! kill -0 $p; do sleep 0.02; done; sleep 0.2; kill -INT $p" })
    assert.equal(130, result.status, result.err)
    assert.is_true(result.json.was_cancelled)
    assert.equal(json.null, result.json.max)
    assert.is_true(#result.json.probes >= 2)
    assert.equal(result.out, json.encode(json.decode(command.read(result.folder .. "/out/find-max.json"))) ~= "" and result.out)
    assert.truthy(command.read(result.folder .. "/out/SUMMARY.txt"):find("The search was interrupted: so far ", 1, true))
    assert.is_true(command.exists(result.folder .. "/out/probe001/run.json"))
  end)

  it("prints a table of its probes and the answer", function()
    local url = start("--ttft", "5", "--itl", "1")
    local folder = command.folder()
    command.write(folder, "load.lua", load)
    local result = command.shell(('exec "$MOONTIDE" find-max load.lua --url %s --model m --warmup 0 --settle 0 '
      .. "--accept-invalid --slo ttft.p50=500,error_rate=0 --probe 300ms --ramp 0 --first 8 --most 8"):format(url),
      { folder = folder })
    assert.equal(0, result.status, result.err)
    assert.truthy(result.out:find("requests/s  +why  +due  +done  +ttft.p50=500 ms  +error_rate=0  +driver  +passed\n8 "),
      result.out)
    assert.truthy(result.out:find("The most is 8 requests/s, tried twice; no more was tried (--most)", 1, true), result.out)
  end)
end)
