local command = require "tests.support.command"
local mock = require "tests.support.mock"
local json = require("moontide.base.json").public.json

-- A folder of results: 60 requests of three tenants, some of which fail.
local function driven(words)
  local server = mock.start { "--ttft", "lognormal:mean=10,cv=0.8", "--itl", "1", "--fail", "status_500=0.1" }
  local folder, lines = command.folder(), {}
  for i = 1, 60 do
    lines[i] = ('{"timestamp": %d, "input_length": 20, "output_length": 4, "hash_ids": [%d], "tenant": "t%d"}'):format(
      i * 5, i, i % 3)
  end
  command.write(folder, "trace.jsonl", table.concat(lines, "\n") .. "\n")
  local result = command.shell(('exec "$MOONTIDE" replay trace.jsonl --url http://127.0.0.1:%d --model m --warmup 0 '
    .. '--output-dir out --accept-invalid %s'):format(server.port, words or ""), { folder = folder })
  assert.equal(0, result.status, result.err)
  return folder, result
end

local function judge(folder, words)
  return command.shell('exec "$MOONTIDE" judge ' .. words, { folder = folder })
end

local function lines_of(folder)
  local lines = {}
  for line in command.read(folder .. "/out/profile_export.jsonl"):gmatch "[^\n]+" do
    lines[#lines + 1] = json.decode(line)
  end
  return lines
end

describe("moontide judge", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("gives the run's own report and JSON where nothing else is asked", function()
    local folder, result = driven "--slo ttft=12 --by tenant"
    assert.equal(result.out, judge(folder, "out --accept-invalid").out)
    assert.equal(result.out, judge(folder, "out/profile_export.jsonl --accept-invalid").out)
    local again = judge(folder, "out --json --accept-invalid")
    assert.equal(0, again.status, again.err)
    assert.same(json.decode(command.read(folder .. "/out/run.json")), json.decode(again.out))
    assert.equal(again.out, judge(folder, "out/run.json --json --accept-invalid").out)
  end)

  it("writes the bounds that it was given into its JSON, and what a goodput wants", function()
    local folder = driven "--fail-over error_rate=0.9"
    local again = judge(folder, "out --json --accept-invalid --fail-over ttft.p99=1m,'goodput>=3'")
    assert.same({ { "ttft.p99", 60000 }, { "goodput", 3, "least" }, { "error_rate", 0.9 } },
      json.decode(again.out).bounds)
    assert.same({ 1, "moontide: --fail-over: goodput was not measured: there are no objectives "
      .. "(--slo ttft=500,itl=50)\n" }, { again.status, again.err })
  end)

  it("says that pieces came together, were more than tokens or that nobody counted those, where it was so", function()
    local folder, result = driven ""
    local kept, text = "keeps them back", command.read(folder .. "/out/profile_export.jsonl")
    local uncounted = "came without the server's count of tokens"
    assert.falsy(result.out:find(uncounted, 1, true))
    text = text:gsub('("chunks_read_together": {"value": )%d', "%12"):gsub('("read_lag": {"value": )[%d.]+', "%10.1")
    local late = text:gsub('("read_lag": {"value": )[%d.]+', "%150")
    text = text:gsub('"usage_said": true', '"usage_said": false', 7)
    command.write(folder, "out/profile_export.jsonl", text)
    local told = judge(folder, "out --accept-invalid").out
    assert.truthy(told:find("67 % of the pieces came together with the one before: the server or what stands between "
      .. kept, 1, true), told)
    command.write(folder, "out/profile_export.jsonl", late)
    assert.falsy(judge(folder, "out --accept-invalid").out:find(kept, 1, true)) -- by this machine
    assert.truthy(told:find("7 answers " .. uncounted, 1, true), told)
    assert.falsy(told:find("more pieces than", 1, true))
    local fewer = text:gsub('("tokens_per_chunk": {"value": )%d', "%10.5", 1)
    command.write(folder, "out/profile_export.jsonl", fewer)
    assert.truthy(judge(folder, "out --accept-invalid").out:find("Answers came in more pieces than the server counts "
      .. "tokens, down to 0.50 tokens a piece: it counts something else, or pieces are no tokens", 1, true))
    local nearly = text:gsub('("tokens_per_chunk": {"value": )%d', "%10.999", 1)
    command.write(folder, "out/profile_export.jsonl", nearly)
    assert.falsy(judge(folder, "out --accept-invalid").out:find("more pieces than", 1, true))
    -- Of another tool's results nobody knows it: they count by themselves.
    command.write(folder, "out/profile_export.jsonl", (text:gsub('"usage_said": %a+, ', "")))
    assert.falsy(judge(folder, "out/profile_export.jsonl --accept-invalid").out:find(uncounted, 1, true))
  end)

  it("counts goodput by other objectives, of whole requests", function()
    local folder = driven "--slo ttft=1000000"
    for _, most in ipairs { 3, 8, 15, 1000000 } do
      local good = 0
      for _, line in ipairs(lines_of(folder)) do
        local is_good = line.error == json.null and line.metrics.time_to_first_token.value <= most
          and line.metrics.request_latency.value <= 20
        good = good + (is_good and 1 or 0)
      end
      local run = json.decode(judge(folder, ("out --json --accept-invalid --slo ttft=%d,e2e=20"):format(most)).out)
      assert.equal(good, run.metrics.good_request_count.avg)
      assert.equal(good / run.metrics.benchmark_duration.avg, run.metrics.goodput.avg)
      -- Whoever reads the value alone knows by which: the options are those of the run as it was made.
      assert.same({ { "time_to_first_token", most }, { "request_latency", 20 } }, run.objectives)
      assert.same({ { "time_to_first_token", 1000000 } }, run.options.slo)
    end
    assert.same({ { "time_to_first_token", 1000000 } },
      json.decode(command.read(folder .. "/out/run.json")).objectives)
  end)

  it("groups by any short member of the rows", function()
    local folder = driven()
    local run = json.decode(judge(folder, "out --json --accept-invalid --by tenant").out)
    local counted = {}
    for _, line in ipairs(lines_of(folder)) do
      local tenant = line.metadata.fields.tenant
      counted[tenant] = (counted[tenant] or 0) + (line.error == json.null and 1 or 0)
    end
    assert.equal(3, #run.groups)
    for _, group in ipairs(run.groups) do
      assert.equal(20, group.counts.due)
      assert.equal(counted[group.value], group.counts.done)
    end
    assert.equal("t1", run.groups[1].value) -- the first row's
  end)

  it("keeps every plain member of the rows, and says which are too long for that", function()
    local server, folder = mock.start {}, command.folder()
    local many = {}
    for i = 1, 300 do many[i] = ('"member_%03d": "%s"'):format(i, ("v"):rep(20)) end -- 12 KB
    command.write(folder, "t.jsonl", ('{"timestamp": 0, "input_length": 20, "output_length": 2, "long": "%s", %s, "last": 3}\n')
      :format(("x"):rep(400), table.concat(many, ", ")))
    local result = command.shell(('exec "$MOONTIDE" replay t.jsonl --url http://127.0.0.1:%d --model m --warmup 0 '
      .. '--output-dir out --accept-invalid'):format(server.port), { folder = folder })
    assert.equal(0, result.status, result.err)
    local fields = lines_of(folder)[1].metadata.fields
    assert.same({ left_out = 402 }, fields.long)
    assert.equal(("v"):rep(20), fields.member_300)
    for name, value in pairs { last = 3, member_300 = ("v"):rep(20) } do
      local run = json.decode(judge(folder, "out --json --accept-invalid --by " .. name).out)
      assert.equal(value, run.groups[1].value)
    end
    command.refuses(judge(folder, "out --by long"),
      "--by: 'long' is too long for the lines of out, which keep members of up to 200 bytes", 2)
  end)

  it("exits as a run does", function()
    local folder = driven()
    local cases = {
      { "--accept-invalid --fail-over error_rate=1,ttft.p99=100000", 0 },
      -- A percentile of what was answered says nothing of the rest.
      { "--accept-invalid --fail-over ttft.p99=100000", 0, "moontide: --fail-over: ttft.p99 is of the answered requests: " },
      { "--accept-invalid --fail-over 'ttft.p99=100000,goodput>=0' --slo ttft=1h", 0 },
      { "--accept-invalid --fail-over lag.p99=100000", 0 },
      { "--accept-invalid --fail-over error_rate=0", 1, "--fail-over: error_rate is 0.0" },
      { "--accept-invalid --fail-over ttft.p50=0.001", 1, "--fail-over: ttft.p50 is " },
      { "--accept-invalid --fail-over 'goodput>=5'", 1, "--fail-over: goodput was not measured" },
      { "--accept-invalid --fail-over 'goodput<=1000000' --slo ttft=50", 0 },
      { "--accept-invalid --fail-over goodput=10 --slo ttft=50", 2, "moontide: judge: --fail-over: goodput=10 is the most it "
        .. "may be, and more of it is better: 'goodput>=10' is the least ('goodput<=10', where the most is meant)\n" },
      { "--limits lag_p50=0,lag_p99=0", 1, "the run is invalid (--accept-invalid takes it as it is)" },
      { "--limits lag_p50=0,lag_p99=0 --accept-invalid", 0 },
      { "--limits lag_p50=1e9,lag_p99=1e9,read_lag_p99=1e9,rate=0,stalls=1,longest_stall=1e9", 0 },
    }
    for _, case in ipairs(cases) do
      local result = judge(folder, "out " .. case[1])
      assert.equal(case[2], result.status, case[1] .. result.err)
      if case[3] then assert.truthy(result.err:find(case[3], 1, true), result.err) else assert.equal("", result.err) end
    end
    local result = judge(folder, "out --accept-invalid --limits lag_p50=0,lag_p99=0")
    assert.truthy(result.out:find("The run is invalid\n  schedule lag p50 is ", 1, true), result.out)
    assert.truthy(result.out:find(", the limit is 0", 1, true), result.out)
  end)

  it("holds a run to the least that a measure may be, its own bounds too", function()
    local folder = driven "--slo ttft=1000000 --fail-over 'goodput>=1,error_rate=60%,error_rate>=0.1%'"
    assert.same({ { "goodput", 1, "least" }, { "error_rate", 0.6 }, { "error_rate", 0.001, "least" } },
      json.decode(command.read(folder .. "/out/run.json")).bounds)
    local cases = {
      { "'goodput>=100000'", 1, "^moontide: %-%-fail%-over: goodput is [%d.]+, under 100000 requests/sec\n$" },
      { "'goodput >= 1, ttft.p99 <= 1000s'", 0, "^$" },
      { "'ttft.p50>=1m'", 1, "ttft.p50 is [%d.]+, under 60000 ms\n" },
      { "ttft.p50=0", 1, "ttft.p50 is [%d.]+, over 0 ms\n" },
      { "error_rate=0.01%", 1, "error_rate is 0.[%d]+, over 0.0001\n" },
      -- The run's own goodput of 1 holds beside a most of it.
      { "'goodput<=100000' --slo ttft=0.001", 1, "^moontide: %-%-fail%-over: goodput is 0, under 1 requests/sec\n$" },
    }
    for _, case in ipairs(cases) do
      local result = judge(folder, "out --accept-invalid --fail-over " .. case[1])
      assert.equal(case[2], result.status, case[1] .. ": " .. result.err)
      assert.truthy(result.err:find(case[3]), case[1] .. ": " .. result.err)
    end
    local result = judge(folder, "out --accept-invalid --fail-over 'goodputt>=1'")
    assert.equal(2, result.status)
    assert.truthy(result.err:find("there is no measure 'goodputt' (did you mean 'goodput'?)", 1, true), result.err)
  end)

  it("does not count as good what was not measured, and says what that is", function()
    local folder, result = driven "--no-stream --slo ttft=0.001,itl=0.001,itl=5"
    local both = "No answer has a Time to First Token, of which there is an objective: goodput was not measured\n"
      .. "No answer has a Inter Token Latency, of which"
    assert.truthy(result.out:find(both, 1, true), result.out)
    assert.falsy(result.out:find("Goodput", 1, true), result.out)
    local run = json.decode(command.read(folder .. "/out/run.json"))
    assert.same({ time_to_first_token = run.counts.done, inter_token_latency = run.counts.done },
      run.objectives_lacking)
    assert.falsy(run.metrics.goodput or run.metrics.good_request_count)
    local again = judge(folder, "out --accept-invalid --fail-over 'goodput>=1'")
    assert.equal(1, again.status)
    assert.equal("moontide: --fail-over: goodput was not measured: no answer has a time_to_first_token, of which there "
      .. "is an objective (--slo)\n", again.err)
    again = judge(folder, "out --accept-invalid --slo e2e=1h --fail-over 'goodput>=1,ttft=1'")
    assert.equal("moontide: --fail-over: ttft=1 was not measured\n", (again.err:gsub("ttft was", "ttft=1 was")))
    again = json.decode(judge(folder, "out --accept-invalid --json --slo e2e=1h").out)
    assert.equal(again.counts.done, again.metrics.good_request_count.avg)
    assert.equal(json.null, again.objectives_lacking)

    folder = driven "--slo cached_tokens=1000000" -- the mock without a cache counts none
    local lines = command.read(folder .. "/out/profile_export.jsonl")
    local lacking, count = lines:gsub('"time_to_first_token": {[^}]*}, ', "", 7)
    assert.equal(7, count)
    command.write(folder, "out/profile_export.jsonl", lacking)
    local seven = judge(folder, "out --accept-invalid --slo ttft=1h").out
    assert.truthy(seven:find("7 answers have no Time to First Token, of which there is an objective: not counted as good",
      1, true), seven)
    run = json.decode(judge(folder, "out --accept-invalid --json --slo ttft=1h").out)
    assert.equal(run.counts.done - 7, run.metrics.good_request_count.avg)
    -- An answer of one token has no time between tokens.
    command.write(folder, "out/profile_export.jsonl", (lines:gsub('"inter_token_latency": {[^}]*}, ', "")
      :gsub('("output_sequence_length": {"value": )%d', "%11"):gsub('("output_token_count": {"value": )%d', "%11")))
    run = json.decode(judge(folder, "out --accept-invalid --json --slo itl=0.001").out)
    assert.equal(run.counts.done, run.metrics.good_request_count.avg)
    assert.falsy(run.metrics.inter_token_latency)
    assert.equal(json.null, run.objectives_lacking)
  end)

  it("fails where nothing was due in the window or the phases, with a bound and without", function()
    local folder = command.folder()
    local server = mock.start {}
    command.write(folder, "s.jsonl", '{"timestamp": 0, "input_length": 20, "output_length": 2, "hash_ids": [1]}\n'
      .. '{"timestamp": 9, "input_length": 20, "output_length": 2, "hash_ids": [2]}\n')
    local words = ('exec "$MOONTIDE" replay s.jsonl --url http://127.0.0.1:%d --model m --warmup 0 --accept-invalid ')
      :format(server.port)
    for _, case in ipairs {
      { "--window 100..200 --output-dir out", "no request was due in the window; outside it there were 2\n" },
      { "--window 100..200 --fail-over error_rate=0.01", "--fail-over: error_rate was not measured: no request was due\n" },
      { "--phases quiet=5s,busy=6s --fail-over error_rate@busy=0.01",
        "--fail-over: error_rate@busy: error_rate was not measured: no request was due\n" },
    } do
      local result = command.shell(words .. case[1], { folder = folder })
      assert.equal(1, result.status, case[1] .. result.err)
      assert.truthy(result.err:find(case[2], 1, true), case[1] .. result.err)
    end
    local again = judge(folder, "out --accept-invalid")
    assert.equal(1, again.status)
    assert.equal("moontide: no request was due in the window; outside it there were 2\n", again.err)
    assert.equal(0, command.shell(words .. "--window 0..200", { folder = folder }).status)
  end)

  it("a run that was interrupted fails", function()
    local folder = driven()
    local path = folder .. "/out/run.json"
    command.write(folder .. "/out", "run.json",
      (command.read(path):gsub('"was_cancelled": false', '"was_cancelled": true')))
    local result = judge(folder, "out --accept-invalid")
    assert.equal(1, result.status)
    assert.truthy(result.err:find("the run was interrupted: not all of its load was sent", 1, true), result.err)
  end)

  it("refuses a run.json whose members are of other kinds than a run's", function()
    local folder = driven()
    local whole = command.read(folder .. "/out/run.json")
    for _, one in ipairs {
      { '"seconds": [%d.e-]+', '"seconds": "long"', "seconds must be a number" },
      { '"failure": null', '"failure": true', "failure must be a text" },
      { '"limited_by": %b[]', '"limited_by": [3]', "verdict.limited_by.1 must be a text" },
      { '"measures": %b[]', '"measures": [{"name": "lag"}]', "verdict.measures.1.limit is missing" },
      { '"urls": %b[]', '"urls": 3', "urls must be a list" },
      { '"server": null', '"server": 3', "server must be an object" },
      { '"by": null', '"by": {}', "by must be a text" },
      { '"clock": %b""', '"clock": 1e3', "clock must be a text" },
      { '"start_ns": %d+', '"start_ns": 1.5', "start_ns must be a whole number" },
    } do
      local text, count = whole:gsub(one[1], one[2], 1)
      assert.equal(1, count, one[1])
      command.write(folder, "out/run.json", text)
      for _, words in ipairs { "judge out", "report out", "plot out", "compare out out" } do
        local result = command.shell("exec $MOONTIDE " .. words, { folder = folder })
        command.refuses(result, "out/run.json: this is no run.json of a run: " .. one[3])
      end
    end
  end)

  it("says what is wrong with a run or an option, in one line", function()
    local folder = driven()
    command.shell("mkdir empty; cp -r out cut; cp -r out lost; cp -r out half; head -c 3000 out/profile_export.jsonl "
      .. "> cut/profile_export.jsonl; mkdir foreign; cp out/profile_export.jsonl foreign; rm lost/run.json; "
      .. "head -c 300 out/run.json > half/run.json", { folder = folder })
    local bad = {
      { "", 2, "judge: RUN (--run) is required" },
      { "out stray", 2, "unexpected argument 'stray'" },
      { "out --slo tfft=3", 2, "there is no metric 'tfft' (did you mean 'ttft'?)" },
      { "out --slo ttft", 2, "--slo must be a metric and the most it may be" },
      { "out --fail-over tftt.p99=3", 2, "there is no measure 'tftt.p99' (did you mean 'ttft'?)" },
      { "out --limits lag=3", 2, "--limits must be one of lag_p50" },
      { "out --by tenat", 2, "--by: no request of out has a member 'tenat' (did you mean 'tenant'?)" },
      { "out --sol ttft=3", 2, "unknown option '--sol' (did you mean '--slo'?)" },
      { "foreign --limits lag_p50=1", 2, "--limits: foreign has no run.json: what its driver did is not known" },
      { "nowhere", 1, "nowhere: cannot open: No such file or directory" },
      { "empty", 1, "empty: profile_export.jsonl is not there: this is no folder of a run's results" },
      { "trace.jsonl", 1, "trace.jsonl:1:1: this is no request of a run: it has no metadata" },
      { "lost", 1, "lost: run.json is not there: the run has not ended, or the folder was cut half-way" },
      { "half", 1, "half/run.json:" },
      { "cut", 1, "the file ends within this line: it is cut (" },
    }
    for _, case in ipairs(bad) do
      local result = judge(folder, case[1])
      assert.equal(case[2], result.status, case[1] .. ": " .. result.err)
      assert.truthy(result.err:find(case[3], 1, true), case[1] .. ": " .. result.err)
      assert.equal("", result.out)
      assert.equal(1, select(2, result.err:gsub("\n", "\n")), result.err)
    end
  end)
end)
