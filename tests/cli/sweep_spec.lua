-- `moontide sweep` through the real binary: the upstream tool's contract, and what goes beyond it.
local command = require "tests.support.command"
local mock = require "tests.support.mock"
local json = require("moontide.base.json").public.json

local server

local function start(...)
  server = mock.start { "--ttft", "2", "--itl", "0.5", ... }
  return ("http://127.0.0.1:%d"):format(server.port)
end

-- Runs sweep in a folder (a new one without): { status, out, err, folder, results = the sweep's folder, json }.
local function sweep(url, words, opts)
  opts = opts or {}
  local folder = opts.folder or command.folder()
  local line = ('%s"$MOONTIDE" sweep --benchmark-name b --endpoint-url %s --warmup 0 --settle 0 --accept-invalid %s'
    ):format(opts.before or "exec ", url, words)
  if opts.after then
    line = ("env --default-signal=INT %s & p=$!\n%s\nwait $p"):format(line, opts.after)
  end
  local result = command.shell(line, { folder = folder, environment = opts.environment })
  result.folder, result.results = folder, folder .. "/benchmarks/results/b"
  if command.exists(result.results .. "/sweep.json") then
    result.json = json.decode(command.read(result.results .. "/sweep.json"))
  end
  return result
end

local function run_json(result, level)
  return json.decode(command.read(("%s/%s/run.json"):format(result.results, level)))
end

local function statuses(result)
  local list = {}
  for i, level in ipairs(result.json.levels) do list[i] = level.folder .. " " .. level.status end
  return list
end

local small = "--isl 50 --std 5 --osl 3"

describe("moontide sweep", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("says below the table of which levels the server counted no tokens", function()
    local result = sweep(start(), small .. " --concurrencies 1,2 --num-requests 3 --extra "
      .. "'stream_options={\"include_usage\": false}'")
    assert.truthy(result.out:find("\nc1: 3 answers came without the server's count of tokens (usage): ", 1, true), result.out)
    assert.truthy(result.out:find("\nSo it is of 1 run more (moontide judge FOLDER tells of each)\n", 1, true), result.out)
  end)

  it("refuses bad usage with one line and 2, before a request", function()
    local url = start()
    local trace = command.file '{"timestamp": 0, "input_length": 5, "output_length": 1, "hash_ids": [1]}\n'
    local numbers = {}
    for i = 1, 100 do numbers[i] = i end
    local hundred = table.concat(numbers, ",")
    local bad = {
      { "", "--benchmark-name is missing" },
      { "--benchmark-name a", "--endpoint-url is missing" },
      { "--benchmark-name a/b URL", "--benchmark-name must be letters, digits, _ and -, not 'a/b'" },
      { "--benchmark-name= URL", "--benchmark-name must be letters, digits, _ and -, not ''" },
      { "--benchmark-name 'a b' URL", "--benchmark-name must be letters, digits, _ and -, not 'a b'" },
      { "--benchmark-name plots URL", "--benchmark-name must not be 'plots'" },
      { "--benchmark-name a --endpoint-url 127.0.0.1:80", "must begin with http:// or https://, not '127.0.0.1:80'" },
      { "--benchmark-name a --endpoint-url ftp://a", "must begin with http:// or https://, not 'ftp://a'" },
      { "NAME --isl 0", "--isl must be at least 1, not 0" },
      { "NAME --isl x", "--isl must be a whole number, not 'x'" },
      { "NAME --std -1", "--std must be at least 0, not -1" },
      { "NAME --osl 0", "--osl must be at least 1, not 0" },
      { "NAME --model ''", "--model must not be empty" },
      { "NAME --concurrencies 1,x", "--concurrencies must be a whole number, not 'x'" },
      { "NAME --concurrencies 1,,2", "--concurrencies must be a whole number, not ''" },
      { "NAME --concurrencies 0", "--concurrencies must be between 1 and 1000000, not 0" },
      { "NAME --concurrencies 2,1,2", "--concurrencies: 2 is there twice" },
      { "NAME --request-rates 1,-3", "--request-rates must be above 0, not -3" },
      { "NAME --rate-scales a", "--rate-scales must be a number, not 'a'" },
      { "NAME --rate-scales 1 --request-rates 2", "--request-rates and --rate-scales exclude each other" },
      { "NAME --concurrencies 1 --request-rates 2", "--concurrencies and --request-rates exclude each other" },
      { "NAME --concurrencies 1 --concurrency 2", "--concurrencies and --concurrency exclude each other" },
      { "NAME --request-rates 1 --concurrency 2", "--concurrency takes no notice of times" },
      { "NAME --vary isl", "--vary must be a script's option and its values (isl=500,2000,8000), not 'isl'" },
      { "NAME --vary isl=5,,6", "--vary must be a script's option and its values" },
      { "NAME --vary isl=5,5", "--vary isl: 5 is there twice" },
      { "NAME --vary isl=5 --vary isl=6", "--vary isl: it is there twice" },
      { "NAME --vary isll=5", "--vary isll: the load without a target has isl, std and osl" },
      { "NAME --vary isl=x", "--vary isl must be a whole number, not 'x'" },
      { "NAME --vary isl=5 --vary osl=5 --vary std=5", "at most two of what a sweep varies" },
      { "NAME steady --vary isll=5", "unknown option '--isll' (did you mean '--isl'?)" },
      { "NAME steady --vary isl=5,-3", "--isl must be at least 0, not -3" },
      { "NAME steady --concurrencies 1 -- --isll 3", "unknown option '--isll' (did you mean '--isl'?)" },
      { "NAME steady --isl 3", "--isl is of the load without a target" },
      { "NAME analyze", "analyze is a command, not a load" },
      { "NAME -", "standard input can be read only once" },
      { "NAME -- --isl 3", "what is to be sent is missing before -- and '--isl'" },
      { "NAME " .. trace .. " --vary isl=3", "--vary isl: a trace has no options, only a script" },
      { "NAME " .. trace .. " --request-rates 3", "has no rate: it has no two times" },
      { "NAME " .. trace .. " --request-rates 3 --duration 1s", "has no rate: it has no two times" },
      { "NAME --slo tftt=3", "there is no metric 'tftt' (did you mean 'ttft'?)" },
      { "NAME --fail-over request_throughput=3", "'request_throughput>=3' is the least" },
      { "NAME --fail-over tftt.p99=3", "there is no measure 'tftt.p99' (did you mean 'ttft'?)" },
      { "NAME --repeat 0", "--repeat must be between 1 and 1000, not 0" },
      { "NAME --settle -1", "--settle must be at least 0, not -1" },
      { "NAME --concurencies 1", "unknown option '--concurencies' (did you mean '--concurrencies'?)" },
      { "NAME --concurrency 1 --vary isl=" .. hundred .. " --vary osl=" .. hundred,
        "10000 levels: --yes drives them" },
      { "NAME --concurrency 1 --repeat 11 --vary isl=" .. hundred,
        "100 levels, each driven 11 times, are 1100 runs: --yes drives them" },
    }
    local folder = command.folder()
    for _, case in ipairs(bad) do
      local line = case[1]:gsub("NAME", "--benchmark-name a URL"):gsub("URL", "--endpoint-url " .. url)
      local result = command.shell('exec "$MOONTIDE" sweep ' .. line, { folder = folder })
      assert.equal(2, result.status, case[1] .. ": " .. result.err)
      assert.truthy(result.err:find(case[2], 1, true), case[1] .. ": " .. result.err)
      assert.equal("", result.out)
      assert.equal(1, select(2, result.err:gsub("\n", "\n")), result.err)
    end
    for variable, said in pairs {
      ["CONCURRENCIES=1,x"] = "CONCURRENCIES in the environment must be a whole number, not 'x'",
      ["CONCURRENCIES=0"] = "CONCURRENCIES in the environment must be between 1 and 1000000, not 0",
      ["REQUEST_COUNT=-1"] = "REQUEST_COUNT in the environment must be at least 0, not -1",
      ["REQUEST_COUNT=many"] = "REQUEST_COUNT in the environment must be a whole number, not 'many'",
    } do
      local result = sweep(url, small, { environment = variable, folder = folder })
      assert.equal(2, result.status)
      assert.truthy(result.err:find(said, 1, true), result.err)
    end
    assert.is_false(command.exists(folder .. "/benchmarks/results/b/sweep.json"))
    assert.truthy(server.finish("INT").err:find("moontide: 0 requests on ", 1, true))
  end)

  it("keeps the upstream contract: levels, counts, lengths, layout, what a body says", function()
    local url = start()
    local result = sweep(url, small .. " --inputs", { environment = "CONCURRENCIES=1,2,5" })
    assert.equal(0, result.status, result.err)
    assert.same({ "c1 done", "c2 done", "c5 done" }, statuses(result))
    local seen, bodies = {}, 0
    for concurrency, count in pairs { [1] = 10, [2] = 10, [5] = 15 } do
      local run = run_json(result, "c" .. concurrency)
      assert.equal(count, run.counts.done)
      assert.equal("Qwen/Qwen3-0.6B", run.model)
      assert.equal(concurrency, run.options.concurrency)
      for _, name in ipairs { "profile_export_aiperf.json", "profile_export_genai_perf.json", "profile_export.jsonl",
        "profile_export_aiperf.csv" } do
        assert.is_true(command.exists(("%s/c%d/%s"):format(result.results, concurrency, name)), name)
      end
      for _, one in ipairs(json.decode(command.read(("%s/c%d/inputs.json"):format(result.results, concurrency))).data) do
        local body = one.payloads[1]
        assert.same({ 3, 3, true, true }, { body.max_tokens, body.min_tokens, body.ignore_eos, body.stream })
        local text = body.messages[1].content
        local words = select(2, text:gsub("%S+", ""))
        assert.is_true(words > 25 and words < 75, words)
        local begin = text:sub(1, 60)
        assert.is_nil(seen[begin], "a prompt comes back: " .. begin)
        seen[begin], bodies = true, bodies + 1
      end
    end
    assert.equal(35, bodies)
    -- Asked and effective concurrency.
    for i, level in ipairs(result.json.levels) do
      local asked = ({ 1, 2, 5 })[i]
      assert.equal(asked, level.values.concurrency)
      assert.is_true(level.effective_concurrency > 0.5 * asked and level.effective_concurrency <= asked + 1e-9)
    end
    assert.equal(result.out, command.read(result.results .. "/SUMMARY.txt"))
    assert.truthy(result.out:find("concurrency  in flight  done", 1, true), result.out)
    local header, first = command.read(result.results .. "/sweep.csv"):match "^([^\n]*)\n([^\n]*)\n"
    assert.truthy(header:find("^folder,concurrency,seed,status,verdict,due,done,failed,cancelled,not_sent,"), header)
    assert.truthy(header:find(",time_to_first_token.p99,", 1, true), header)
    assert.truthy(first:find "^c1,1,%d+,done,%l+,10,10,0,0,0,", first)
    assert.equal(select(2, header:gsub(",", "")), select(2, first:gsub(",", "")))
  end)

  it("takes the levels and counts that the environment says, and the default ones", function()
    local url = start()
    local result = sweep(url, small, { environment = "CONCURRENCIES=3 REQUEST_COUNT=7" })
    assert.same({ "c3 done" }, statuses(result))
    assert.equal(7, run_json(result, "c3").counts.done)
    result = sweep(url, small .. " --concurrencies 4 --num-requests 5", { environment = "CONCURRENCIES=3 REQUEST_COUNT=7" })
    assert.same({ "c4 done" }, statuses(result))
    assert.equal(5, run_json(result, "c4").counts.done)
    result = sweep(url, small, { environment = "CONCURRENCIES= REQUEST_COUNT=1" })
    assert.same({ "c1 done", "c2 done", "c5 done", "c10 done", "c50 done", "c100 done", "c250 done" }, statuses(result))
    -- Three for each in flight, however many the load's own minute would have.
    result = sweep(url, small .. " --vary osl=1,2 --concurrency 60")
    assert.equal(180, result.json.levels[2].counts.done)
  end)

  it("takes a name for a URL within a cluster", function()
    local url = start()
    local name = url:gsub("^http://", "")
    local result = sweep(name, small .. " --concurrencies 1", { environment = "KUBERNETES_SERVICE_HOST=10.0.0.1" })
    assert.equal(0, result.status, result.err)
    assert.equal(url, result.json.urls[1])
    result = sweep(name .. "/v1", small .. " --concurrencies 1", { environment = "KUBERNETES_SERVICE_HOST=10.0.0.1" })
    assert.equal(0, result.status, result.err)
    for wrong, said in pairs {
      ["KUBERNETES_SERVICE_HOST=a SERVICE_PROTOCOL=ftp"] = "SERVICE_PROTOCOL in the environment must be http or https",
      ["KUBERNETES_SERVICE_HOST="] = "must begin with http:// or https://",
    } do
      result = sweep(name, small .. " --concurrencies 1", { environment = wrong })
      assert.equal(2, result.status)
      assert.truthy(result.err:find(said, 1, true), result.err)
    end
    result = sweep("'a b'", small, { environment = "KUBERNETES_SERVICE_HOST=a" })
    assert.truthy(result.err:find("must be HOST[:PORT][/PATH]", 1, true), result.err)
  end)

  it("drives a trace and a script at rates, scales and options, and grids of two", function()
    local url = start()
    local lines = {}
    for i = 1, 41 do
      lines[i] = ('{"timestamp": %d, "input_length": 20, "output_length": 2, "hash_ids": [%d]}'):format(100 * (i - 1), i)
    end
    local trace = command.file(table.concat(lines, "\n") .. "\n")
    -- 10 a second over 4 s: at 40 a second over 1 s.
    local result = sweep(url, trace .. " --request-rates 40,80")
    assert.equal(0, result.status, result.err)
    assert.same({ "r40 done", "r80 done" }, statuses(result))
    assert.near(4, run_json(result, "r40").options.speed_ratio, 1e-9)
    assert.near(8, run_json(result, "r80").options.speed_ratio, 1e-9)
    assert.equal(41, run_json(result, "r80").counts.done)
    result = sweep(url, trace .. " --rate-scales 2,8 --speed-ratio 2")
    assert.near(4, run_json(result, "x2").options.speed_ratio, 1e-9)
    assert.near(16, run_json(result, "x8").options.speed_ratio, 1e-9)
    -- steady has a rate of 5 by its option: 20 a second are four times that.
    result = sweep(url, "steady --request-rates 20 --duration 1s -- --rate 5 --isl 20 --osl 2")
    assert.near(4, run_json(result, "r20").options.rate_scale, 1e-9)
    result = sweep(url, "steady --vary isl=20,lognormal:mean=90,cv=0.1 --vary osl=2,4 --duration 200ms -- --rate 50")
    assert.same({ "isl=20/osl=2 done", "isl=20/osl=4 done", "isl=lognormal:mean=90,cv=0.1/osl=2 done",
      "isl=lognormal:mean=90,cv=0.1/osl=4 done" }, statuses(result))
    local level = result.json.levels[2]
    assert.same({ isl = 20, osl = 4 }, level.values)
    assert.equal(4, level.metrics.output_sequence_length.avg)
    assert.same({ "isl", "osl" }, { result.json.axes[1].name, result.json.axes[2].name })
    result = sweep(url, small .. " --concurrencies 1,2 --vary osl=2,5")
    assert.same({ "osl=2/c1 done", "osl=2/c2 done", "osl=5/c1 done", "osl=5/c2 done" }, statuses(result))
    assert.truthy(result.out:find "osl  concurrency  in flight", result.out)
  end)

  it("gives each level a seed that does not depend on the others, and repeats others", function()
    local url = start()
    local one = sweep(url, small .. " --concurrencies 1,2 --num-requests 3")
    local other = sweep(url, small .. " --concurrencies 2 --num-requests 3 --repeat 3")
    local seed = one.json.levels[2].runs[1].seed
    assert.equal(seed, other.json.levels[1].runs[1].seed)
    assert.are_not.equal(seed, one.json.levels[1].runs[1].seed)
    assert.are_not.equal(seed, other.json.levels[1].runs[2].seed)
    assert.equal(run_json(other, "c2/run1").seed, seed)
    -- Mean and interval of three by hand: t = 4.302653 for two degrees of freedom.
    local level, values, sum = other.json.levels[1], {}, 0
    for i, run in ipairs(level.runs) do
      values[i] = run.metrics.request_latency.avg
      sum = sum + values[i]
    end
    local squares = 0
    for _, value in ipairs(values) do squares = squares + (value - sum / 3) ^ 2 end
    assert.near(sum / 3, level.metrics.request_latency.avg, 1e-9)
    assert.near(4.302653 * math.sqrt(squares / 2 / 3), level.intervals.request_latency.avg, 1e-5)
    assert.equal(9, level.counts.done)
    assert.truthy(other.out:find("+-", 1, true), other.out)
    assert.truthy(other.out:find("Means over 3 runs, +- half of a 95 % interval.", 1, true), other.out)
  end)

  it("tells a level that failed and drives the others; exit 1", function()
    local url = start("--max-model-len", "1000")
    local result = sweep(url, "steady --vary isl=20,5000,30 --duration 200ms -- --rate 50 --osl 2")
    assert.equal(1, result.status)
    assert.same({ "isl=20 done", "isl=5000 failed", "isl=30 done" }, statuses(result))
    assert.equal(result.json.levels[2].counts.due, result.json.levels[2].counts.failed)
    -- Why, below the table and in the JSON.
    local due = result.json.levels[2].counts.due
    local failure = result.json.levels[2].runs[1].failures[1]
    assert.same({ "status_400", due }, { failure.name, failure.count })
    assert.truthy(result.out:find(("\nisl=5000 failed: %d not done, status_400: %d (%s"):format(due, due,
      failure.text:sub(1, 60)), 1, true), result.out)
    assert.is_nil(result.out:find("\nisl=20 done: ", 1, true))
    -- With warm-up requests, whose ISL of 64 is too long, nothing is sent at all.
    mock.stop_all()
    url = start("--max-model-len", "60")
    result = sweep(url, "steady --vary isl=20,30 --warmup 1 --duration 200ms -- --rate 50 --osl 2")
    assert.equal(1, result.status)
    assert.same({ "isl=20 failed", "isl=30 failed" }, statuses(result))
    assert.truthy(result.err:find("isl=20 failed: .*the endpoint does not answer as it should"), result.err)
    assert.truthy(result.out:find("isl=30 failed: .*the endpoint does not answer as it should"), result.out)
    -- A bound that one of them exceeds.
    mock.stop_all()
    url = start()
    result = sweep(url, small .. " --vary osl=2,60 --concurrency 1 --num-requests 2 --fail-over osl.max=30")
    assert.equal(1, result.status)
    assert.same({ "osl=2 done", "osl=60 failed" }, statuses(result))
    assert.truthy(result.err:find("--fail-over: osl.max is 60, over 30", 1, true), result.err)
    assert.truthy(result.out:find("\nosl=60 failed: --fail-over: osl.max is 60, over 30 tokens\n", 1, true), result.out)
    assert.same({ "--fail-over: osl.max is 60, over 30 tokens" }, result.json.levels[2].runs[1].reasons)
  end)

  it("leaves what is done after Ctrl-C, with 130, and resumes", function()
    local url = start()
    local words = "steady --vary isl=20,30,40 --duration 1500ms -- --rate 20 --osl 2"
    local result = sweep(url, words, { before = "",
      after = "until [ -d benchmarks/results/b/isl=30 ] || ! kill -0 $p; do sleep 0.02; done; sleep 0.1; kill -INT $p" })
    assert.equal(130, result.status, result.err)
    assert.same({ "isl=20 done", "isl=30 interrupted", "isl=40 not run" }, statuses(result))
    assert.is_true(result.json.was_cancelled)
    assert.truthy(result.out:find("isl=20", 1, true) or result.out:find "\n20 ", result.out)
    local seed = result.json.levels[1].runs[1].seed
    result = sweep(url, words:gsub(" %-%-", " --resume --", 1), { folder = result.folder })
    assert.equal(0, result.status, result.err)
    assert.same({ "isl=20 done", "isl=30 done", "isl=40 done" }, statuses(result))
    assert.same({ true, false, false }, { result.json.levels[1].runs[1].kept, result.json.levels[2].runs[1].kept,
      result.json.levels[3].runs[1].kept })
    assert.equal(seed, result.json.levels[1].runs[1].seed)
    assert.truthy(result.err:find("b/isl=30 is driven again: it was interrupted", 1, true), result.err)
  end)

  it("resumes only what is whole and was driven with these options", function()
    local url = start()
    local words = small .. " --concurrencies 1,2,3,4 --num-requests 4"
    local result = sweep(url, words)
    local before = command.read(result.results .. "/sweep.json"):gsub('"kept": %l+', ""):gsub('"start_time"[^\n]*', "")
    local function again(more)
      local resumed = sweep(url, words .. " --resume " .. (more or ""), { folder = result.folder })
      local kept = {}
      for i, level in ipairs(resumed.json.levels) do kept[i] = level.runs[1].kept end
      return kept, resumed
    end
    local kept, resumed = again()
    assert.same({ true, true, true, true }, kept)
    -- The figures of levels that are kept are those that were measured.
    local after = command.read(result.results .. "/sweep.json"):gsub('"kept": %l+', ""):gsub('"start_time"[^\n]*', "")
    assert.equal(before, after)
    assert.equal(result.out, resumed.out)
    -- Without --resume what is there is replaced, and it is told, also where only some levels are.
    local told = "moontide: benchmarks/results/b: the results of an earlier sweep there are replaced (--resume keeps levels "
      .. "that are whole and were driven with the same options)\n"
    assert.falsy((result.err .. resumed.err):find(told, 1, true))
    os.remove(result.results .. "/sweep.json")
    assert.truthy(sweep(url, words, { folder = result.folder }).err:find(told, 1, true))
    local function cut(path, keeps)
      local text = command.read(result.results .. path)
      local file = assert(io.open(result.results .. path, "wb"))
      file:write(text:sub(1, keeps(text)))
      file:close()
    end
    cut("/c1/run.json", function(text) return #text // 2 end)
    cut("/c2/profile_export.jsonl", function(text) return #text - 10 end)
    cut("/c3/profile_export.jsonl", function(text) return text:find "\n" end)
    kept, resumed = again()
    assert.same({ false, false, false, true }, kept)
    for _, said in ipairs { "b/c1 is driven again: ", "c1/run.json:", "b/c2 is driven again: ",
      "profile_export.jsonl:4: the file ends within this line", "b/c3 is driven again: profile_export.jsonl has 1 requests, "
      .. "run.json says 4" } do
      assert.truthy(resumed.err:find(said, 1, true), said .. "\n" .. resumed.err)
    end
    kept, resumed = again "--speed-ratio 1 --accept-invalid --api completions"
    assert.same({ false, false, false, false }, kept)
    assert.truthy(resumed.err:find([[b/c1 is driven again: its api was "chat" and is "completions"]], 1, true), resumed.err)
    kept = again "--api completions --fail-over error_rate=0 --grace 60s"
    assert.same({ true, true, true, true }, kept)
    kept, resumed = again "--api completions --seed 7"
    assert.same({ false, false, false, false }, kept)
    assert.truthy(resumed.err:find "b/c1 is driven again: its seed was %d+ and is %d+", resumed.err)
  end)

  it("resumes a level with one answer, and drives again what had none", function()
    local url = start()
    local words = small .. " --concurrencies 1 --num-requests 1 --warmup 0"
    local result = sweep(url, words)
    assert.same({ "c1 done" }, statuses(result))
    assert.is_true(sweep(url, words .. " --resume", { folder = result.folder }).json.levels[1].runs[1].kept)
    url = start("--fail", "status_500")
    result = sweep(url, words)
    assert.same({ "c1 failed" }, statuses(result))
    result = sweep(url, words .. " --resume", { folder = result.folder })
    assert.truthy(result.err:find("b/c1 is driven again: nothing was answered\n", 1, true), result.err)
  end)

  it("begins a level when the server has nothing to do any longer", function()
    local log = command.file(nil, "log")
    local url = start("--log", log)
    local folder = command.folder()
    -- Somebody else's request of about 2 s; then two levels.
    local result = command.shell(('"$MOONTIDE" replay steady --url %s --model other --warmup 0 --num-requests 1 '
      .. '--accept-invalid -- --rate 1000 --isl 20 --osl 4000 >/dev/null 2>&1 & sleep 0.4; '
      .. '"$MOONTIDE" sweep %s --benchmark-name b --endpoint-url %s --warmup 0 --settle 300ms --accept-invalid '
      .. '--concurrencies 1,2 --num-requests 2; wait'):format(url, small, url), { folder = folder })
    assert.equal(0, result.status, result.err)
    server.finish "INT"
    local received, ended = {}, {}
    for line in io.lines(log) do
      local number, what, moment = line:match "^(%d+),(%a+),%d+,(%d+)"
      if what == "received" then received[tonumber(number)] = tonumber(moment) end
      if number then ended[tonumber(number)] = tonumber(moment) end
    end
    assert.is_true(received[1] > ended[0], "it was sent while another ran")
    -- --settle between the levels.
    assert.is_true(received[3] - ended[2] > 0.3e9)
  end)

  it("resets prefix caches in the servers' ways, and says whether that worked", function()
    for dialect, said in pairs {
      vllm = "was reset (/reset_prefix_cache)", sglang = "was reset (/flush_cache)",
      openai = "was not reset: /reset_prefix_cache gives status_404; /flush_cache gives status_404",
    } do
      local url = start("--dialect", dialect, "--kv-blocks", "10000")
      local result = sweep(url, "steady --vary osl=1,2 --num-requests 2 --reset-cache --no-force-output -- --isl 20 --rate 50")
      assert.equal(0, result.status, result.err)
      assert.truthy(result.err:find(("moontide: the cache of %s %s\n"):format(url, said), 1, true), result.err)
      assert.equal(dialect ~= "openai", result.json.levels[2].runs[1].cache_was_reset)
      mock.stop_all()
    end
    -- The same prompts again: without a reset they are in the cache, after one they are not.
    local trace = command.file(('{"timestamp": 0, "input_length": 600, "output_length": 1, "hash_ids": [1, 2]}\n'):rep(2))
    local url = start("--kv-blocks", "10000")
    local cold = sweep(url, trace .. " --concurrencies 1 --num-requests 1").json.levels[1].metrics.hit_ratio.avg
    local warm = sweep(url, trace .. " --concurrencies 1 --num-requests 1").json.levels[1].metrics.hit_ratio.avg
    local reset = sweep(url, trace .. " --concurrencies 1 --num-requests 1 --reset-cache").json.levels[1].metrics.hit_ratio.avg
    assert.equal(0, cold)
    assert.is_true(warm > 0.9, warm)
    assert.equal(0, reset)
  end)

  it("prints one JSON value with --json", function()
    local url = start()
    local result = sweep(url, small .. " --concurrencies 1 --num-requests 2 --json")
    local said = json.decode(result.out)
    assert.equal(2, said.levels[1].counts.done)
    assert.equal(result.json.name, said.name)
  end)

  it("fails where its results cannot be written, before a request", function()
    local url = start()
    local result = sweep(url, small .. " --concurrencies 1 --output-dir /dev/null/x")
    assert.equal(1, result.status)
    assert.truthy(result.err:find("/dev/null/x/b: cannot make the folder: Not a directory", 1, true), result.err)
    if command.shell("stat -f -c %T /sys").out == "sysfs\n" then -- where nobody makes folders
      result = sweep(url, small .. " --concurrencies 1 --output-dir /sys/none/x")
      assert.equal(1, result.status)
      assert.truthy(result.err:find("/sys/none/x/b: cannot make the folder: ", 1, true), result.err)
      assert.falsy(result.err:find("No such file", 1, true), result.err)
    end
    assert.truthy(server.finish("INT").err:find("moontide: 0 requests on ", 1, true))
  end)
end)
