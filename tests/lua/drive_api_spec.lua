-- Driving from Lua: mt.drive, w:drive, the run as a value, mt.mock.
local command = require "tests.support.command"
local mt = require "moontide"

local function load_of(rate, duration)
  return mt.workload { duration = duration, mt.stream { arrivals = mt.even(rate), input = 100, output = 5 } }
end

local function options_for(server, more)
  local opt = { url = server.url, model = "any", warmup = 0 }
  for name, value in pairs(more or {}) do opt[name] = value end
  return opt
end

describe("driving from Lua", function()
  local server
  before_each(function() server = assert(mt.mock { ttft = 5, itl = 1 }) end)
  after_each(function()
    server:close()
    command.remove_folders()
  end)

  it("gives a run whose fields are its metrics", function()
    local run = assert(load_of(20, 1):drive(options_for(server, { slo = { ttft = "1h", e2e = 3600000 } })))
    assert.same({ due = 20, done = 20, failed = 0, cancelled = 0, not_sent = 0, resent = 0 }, run.counts)
    assert.is_true(run.time_to_first_token.p99 >= 5)
    assert.equal(run.time_to_first_token.p99, run:measure "ttft.p99")
    assert.equal(run.time_to_first_token.p50, run:measure "ttft")
    assert.equal(0, run:measure "error_rate")
    assert.is_true(run:measure "goodput" > 0)
    assert.same({ nil, "nonsense was not measured" }, { run:measure "nonsense" })
    assert.is_nil(run.nonsense)
    assert.equal(5, run.output_sequence_length.avg)
    assert.truthy(tostring(run):find("Time to First Token (ms)", 1, true))
    assert.truthy(tostring(run):find("20 requests due: 20 done", 1, true))
    local decoded = mt.json.decode(mt.json.encode(run))
    assert.equal(20, decoded.counts.done)
    assert.equal(run.verdict.name, decoded.verdict.name)
  end)

  it("leaves the options that it is given as they are", function()
    local plan = mt.workload { duration = 0.2, phases = { { "all" } }, fail_over = { ["ttft@all"] = "1h", error_rate = 0 },
      mt.stream { arrivals = mt.even(20), input = 100, output = 2 } }
    local function made()
      local spec = require("moontide.drive.calls").spec(require("moontide.drive.options").all {})
      local values = require("moontide.kit.options").table("drive", options_for(server), spec)
      values.fail_over = { { "error_rate", 0.5 } }
      return values
    end
    local given = made()
    local target = assert(require("moontide.drive.target").of_value(plan, given))
    local run = assert(require("moontide.drive.run").of(target, given))
    assert.same(made(), given)
    assert.same({ { "error_rate", 0.5 } }, run.options.fail_over)
    assert.same({ { "error_rate", 0.5 }, { "ttft@all", 3600000 } }, run.bounds)
  end)

  it("takes anything that may be a trace", function()
    local columns = load_of(10, 1):columns()
    local path = command.file(nil, "trace.jsonl")
    assert(columns:write(path))
    for _, trace in ipairs { columns, path, columns:first(10), { columns:first(4), columns:first(6):shift "1s" } } do
      local run = assert(mt.drive(trace, options_for(server, { speed_ratio = 10, api = "completions" })))
      assert.equal(10, run.counts.done)
    end
  end)

  it("sends for the duration, on the run's clock, whatever makes the plan's faster", function()
    local load = load_of(2, 100)
    local run = assert(load:drive(options_for(server, { speed_ratio = 10, duration = 0.5 })))
    assert.same({ 10, 10 }, { run.counts.due, run.counts.done })
    run = assert(load:compress(5):drive(options_for(server, { speed_ratio = 2, duration = 0.5 })))
    assert.equal(10, run.counts.due)
  end)

  it("draws the classes of turns that wait while later sessions are known of", function()
    local kinds = mt.classes { { 1, new_input = 100, output = 3 }, { mt.ramp(1, 3, 10), new_input = 300, output = 5 } }
    local talk = mt.workload { duration = 1, mt.stream { lengths = kinds,
      arrivals = mt.sessions { starts = mt.even(4), turns = 4, think = 0.1 } } }
    local run = assert(talk:drive(options_for(server)))
    assert.same({ 16, 16 }, { run.counts.due, run.counts.done })
  end)

  it("has a load's sessions and closed loops wait for the answers", function()
    local path = command.folder() .. "/r.jsonl"
    local opt = options_for(server, { record = path, live_history = true })
    local talk = mt.workload { duration = 1, mt.stream { new_input = 100, output = 5,
      arrivals = mt.sessions { starts = mt.even(5), turns = 3, think = 0.02 } } }
    local run = assert(talk:drive(opt))
    assert.same({ 15, 15 }, { run.counts.due, run.counts.done })
    local rows, before = {}, {}
    for line in io.lines(path) do rows[#rows + 1] = assert(mt.json.decode(line)) end
    table.sort(rows, function(a, b) return a.due < b.due end)
    for _, row in ipairs(rows) do
      local last = before[row.session_id]
      if last then assert.near(last.answered + row.delay, row.due, 0.002) end
      before[row.session_id] = row
    end
    local loop = mt.workload { duration = 0.5, mt.stream { arrivals = mt.closed { users = 1 }, input = 100, output = 2 } }
    run = assert(loop:drive(options_for(server)))
    assert.is_true(run.counts.done > 1)
    assert.equal(run.counts.due, run.counts.done)
    local refused, message = pcall(loop.drive, loop, options_for(server, { concurrency = 2 }))
    assert.is_false(refused)
    assert.truthy(message:find("drive: concurrency: the workload's mt.closed says", 1, true), message)
  end)

  it("writes the files and the record that are asked for", function()
    local folder = command.folder()
    assert(load_of(10, 1):drive(options_for(server, { output_dir = folder .. "/out", record = folder .. "/r.jsonl" })))
    assert.equal(10, mt.json.decode(command.read(folder .. "/out/run.json")).counts.done)
    assert.equal(10, #assert(mt.trace.read(folder .. "/r.jsonl")))
  end)

  it("sends members and headers given by name", function()
    local log = command.file(nil, "log.csv")
    local watched <close> = assert(mt.mock { ttft = 0, itl = 0, log = log, fail = { status_503 = 1 } })
    local run = assert(load_of(5, 1):drive(options_for(watched, { extra = { temperature = 0.5 },
      header = { ["X-Kind"] = "test" }, timeout = { first = "30s", total = 60 } })))
    assert.equal(5, run.counts.failed)
    assert.equal(1, run:measure "error_rate")
  end)

  it("looks at the server's own figures", function()
    local run = assert(load_of(20, 1):drive(options_for(server, { server_metrics = server.url })))
    local said = run.server
    assert.equal(0, said.failures)
    assert.equal(0, said.restarts)
    assert.is_true(#said.looks >= 2)
    assert.equal(run.results.input_tokens, said.counters.prompt_tokens)
    assert.equal(20 * 5, said.counters.output_tokens)
    assert.equal(0, said.gauges.running.before)
    assert.truthy(tostring(run):find("output tokens 100 (100 by the answers)", 1, true), tostring(run))
    local decoded = mt.json.decode(mt.json.encode(run)).server
    assert.equal(#said.looks, #decoded.looks)
    assert.equal(100, decoded.counters.output_tokens)
    -- One of two servers has half of it.
    local other <close> = assert(mt.mock { ttft = 5, itl = 1 })
    run = assert(load_of(20, 1):drive(options_for(server, { url = { server.url, other.url }, server_metrics = server.url })))
    assert.truthy(tostring(run):find("output tokens 50 (100 by the answers of all 2 URLs)", 1, true), tostring(run))
  end)

  it("says that the server was busy before the start", function()
    local slow <close> = assert(mt.mock { ttft = "1h", itl = 1, slots = 2 })
    local port = slow.url:match "%d+$"
    local held = {}
    for i = 1, 3 do -- two run, one waits; each ends when its pipe is closed
      held[i] = io.popen(("bash -c 'exec 3<>/dev/tcp/127.0.0.1/%s; printf \"POST /v1/completions HTTP/1.1\r\n"
        .. "Content-Length: 14\r\n\r\n{\\\"prompt\\\":[1]}\" >&3; cat >/dev/null'"):format(port), "w")
    end
    local said
    for _ = 1, 200 do
      local one = assert(require "moontide.drive".scraper(slow.url, 1))
      said = one:stop()[1]
      if said.running == 2 and said.waiting == 1 then break end
      os.execute "sleep 0.05"
    end
    assert.same({ 2, 1 }, { said.running, said.waiting })
    local run = assert(load_of(1, 1):drive(options_for(slow, { server_metrics = slow.url, grace = 0 })))
    assert.truthy(tostring(run):find("The server was busy before the start: 2 running, 1 waiting", 1, true), tostring(run))
    for _, pipe in ipairs(held) do pipe:close() end
  end)

  it("says what servers of other names say of themselves", function()
    local lines = require("moontide.drive.server").lines { urls = {}, server = { restarts = 0, failures = 0,
      gauges = { cache_hit_rate = { before = 0, avg = 0.8, max = 1 } },
      counters = { requests = 9, failed_requests = 2 } } }
    assert.same({ "The server says: prefix hits 0.80 on average of the last batches looked at; requests done 9; "
      .. "requests failed 2" }, lines)
  end)

  it("refuses metrics that it cannot have, before the start", function()
    local cases = {
      ["http://127.0.0.1:9"] = { "server_metrics: http://127.0.0.1:9: no connection: Connection refused", "io" },
      [server.url .. "/v1/models"] = { "none of its metrics is known: it is JSON (TensorRT-LLM has", "input" },
      [server.url .. "/nowhere"] = { "status 404", "io" },
    }
    assert.has_error(function()
      load_of(1, 1):drive(options_for(server, { server_metrics = "https://127.0.0.1:9/metrics" }))
    end, "drive: server_metrics: https://127.0.0.1:9/metrics: metrics are read over http:// only: name the server's own address")
    for url, expected in pairs(cases) do
      local run, message, code = load_of(1, 1):drive(options_for(server, { server_metrics = url }))
      assert.is_nil(run)
      assert.truthy(message:find(expected[1], 1, true), message)
      assert.equal(expected[2], code)
    end
    assert.has_error(function() load_of(1, 1):drive(options_for(server, { server_metrics = "nonsense" })) end)
  end)

  it("raises the caller's mistakes by their names in Lua", function()
    local load = load_of(1, 1)
    local cases = {
      { { url = server.url }, "drive: model is missing: the model's name, as the server has it" },
      { { model = "m" }, "drive: url is missing: the endpoint (http://127.0.0.1:8000)" },
      { { url = server.url, model = "m", speedratio = 2 },
        "drive: unknown option 'speedratio' (did you mean 'speed_ratio'?)" },
      { { url = server.url, model = "m", api_key_env = "NO_SUCH_KEY" },
        "drive: api_key_env: there is no variable NO_SUCH_KEY in the environment" },
      { { url = server.url, model = "m", slo = { nothing = 5 } }, "drive: slo: there is no metric 'nothing'" },
      { { url = server.url, model = "m", timeout = { read = 5 } }, "drive: timeout must be" },
      { { url = server.url, model = "m", fail_over = "ttft=5" }, "drive: unknown option 'fail_over'" },
    }
    for _, case in ipairs(cases) do
      local done, message = pcall(load.drive, load, case[1])
      assert.is_false(done)
      assert.truthy(tostring(message):find(case[2], 1, true), tostring(message))
    end
    assert.has_error(function() mt.drive(5, options_for(server)) end)
  end)

  it("returns the world's failures", function()
    server:close()
    local run, message, code = load_of(1, 1):drive(options_for(server, { warmup = 1 }))
    assert.is_nil(run)
    assert.truthy(message:find("Connection refused", 1, true))
    assert.equal("io", code)
  end)
end)

describe("mt.mock", function()
  after_each(command.remove_folders)

  local function answers(server)
    return (mt.drive(mt.trace.columns { { timestamp = 0, input_length = 5, output_length = 2 } },
      { url = server.url, model = "any", warmup = 0 }))
  end

  it("ends when it is closed, and again", function()
    local server = assert(mt.mock { ttft = 0, itl = 0 })
    assert.equal("mock server at " .. server.url, tostring(server))
    assert.equal(1, answers(server).counts.done)
    server:close()
    server:close()
    assert.is_nil(answers(server))
  end)

  it("leaves its log whole", function()
    local log = command.file(nil, "log.csv")
    local server = assert(mt.mock { ttft = 0, itl = 0, log = log })
    answers(server)
    server:close()
    local _, lines = command.read(log):gsub("\n", "\n")
    assert.is_true(lines > 2, command.read(log))
  end)

  it("ends with the process that holds it", function()
    if command.read(command.binary():match "^(.*)/" .. "/flags"):find("-fsanitize", 1, true) then
      return pending "a stock Lua lacks the sanitizers' runtime"
    end
    local script = command.file([[
      local mt = require "moontide"
      local server = assert(mt.mock {})
      io.stdout:write(server.url:match "%d+$")
      io.stdout:flush()
      os.exit(0, false)]], "x.lua")
    local line = ("LUA_PATH='%s' LUA_CPATH='%s' lua5.4 %s"):format(package.path, package.cpath, script)
    local pipe = assert(io.popen(line))
    local port = pipe:read "a"
    pipe:close()
    assert.truthy(port:find "^%d+$")
    for _ = 1, 100 do -- it is told by the kernel, and then it needs a moment
      if not os.execute(("bash -c 'exec 3<>/dev/tcp/127.0.0.1/%s' 2>/dev/null"):format(port)) then return end
    end
    error("it still listens at port " .. port)
  end)

  it("says what it cannot do", function()
    assert.same({ nil, "10.255.255.1:0: cannot listen: Cannot assign requested address", "io" },
      { mt.mock { host = "10.255.255.1" } })
    local done, message = pcall(mt.mock, { load_factor = 2 })
    assert.is_false(done)
    assert.truthy(tostring(message):find("mock: load_factor needs slots", 1, true))
    done, message = pcall(mt.mock, { fail = { stall = 2 } })
    assert.is_false(done)
    assert.truthy(tostring(message):find("stall must be between 0 and 1, not 2", 1, true))
  end)
end)

it("commands that do not drive do not load what drives", function()
  local result = command.shell [[LD_DEBUG=files $MOONTIDE help mt 2>&1 | grep -c drive.so]]
  assert.equal("0\n", result.out)
end)
