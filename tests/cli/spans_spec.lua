-- Throughputs of spans of a run (windows, phases, members): known answers of records written by hand, and
-- driven runs beside their own lines.
local command = require "tests.support.command"
local mock = require "tests.support.mock"
local json = require("moontide.base.json").public.json
local past = require "moontide.drive.past"
local span = require "moontide.drive.span"

local function shell(folder, words)
  return command.shell('exec "$MOONTIDE" ' .. words, { folder = folder })
end

local function judged(folder, words)
  local result = shell(folder, ("judge %s --json --accept-invalid"):format(words))
  assert.is_true(result.status == 0 or result.status == 1, result.err)
  return json.decode(result.out), result
end

local function near(expected, value, what)
  assert.is_true(math.abs(expected - value) <= 1e-6 * math.max(1, math.abs(expected)),
    ("%s: %.9g, not %.9g"):format(what or "", value, expected))
end

-- A run's folder: of one request, to be written anew.
local function template()
  local server = mock.start { "--ttft", "1", "--itl", "1" }
  local folder = command.folder()
  command.write(folder, "trace.jsonl", '{"timestamp": 0, "input_length": 20, "output_length": 4, "hash_ids": [0]}\n')
  local result = shell(folder, ("replay trace.jsonl --url http://127.0.0.1:%d --model m --warmup 0 --output-dir out "
    .. "--accept-invalid"):format(server.port))
  assert.equal(0, result.status, result.err)
  mock.stop_all()
  return folder, json.decode(command.read(folder .. "/out/run.json"))
end

local begin = 1750000000 * 1000000000

local line = [[{"metadata": {"session_num": %d, "conversation_id": null, "credit_issued_ns": %d, ]]
  .. [["request_start_ns": %d, "request_sent_ns": %d, "request_ack_ns": %d, "request_end_ns": %d, ]]
  .. [["fields": {"model": "%s"}, "benchmark_phase": "%s", "was_cancelled": false, "saw_done": true}, ]]
  .. [["metrics": {"time_to_first_token": {"value": 100, "unit": "ms"}, ]]
  .. [["request_latency": {"value": %.3f, "unit": "ms"}, "output_sequence_length": {"value": 5, "unit": "tokens"}, ]]
  .. [["input_sequence_length": {"value": 20, "unit": "tokens"}, "cached_tokens": {"value": 0, "unit": "tokens"}}, ]]
  .. [["error": null}]]

-- Ten requests a second for 10 s, each answered after `latency` seconds; every fourth is of the model "rare".
local function write(folder, name, info, latency, window, seconds, change)
  local lines = {}
  for i = 0, 99 do
    local due = begin + i * 100000000
    local is_in = not window or i / 10 >= window.from and i / 10 < (tonumber(window.to) or math.huge)
    local last = due + math.floor(latency * 1e9 + 0.5)
    if (last - begin) / 1e9 <= seconds then
      lines[#lines + 1] = line:format(i, due, due, due, due + 1000000, last, i % 4 == 0 and "rare" or "common",
        is_in and "profiling" or "outside", latency * 1000)
    end
  end
  info.start_ns, info.seconds, info.options.window = begin, seconds, window or json.null
  for key, value in pairs(change or {}) do info[key] = value end
  command.write(folder, name .. "/profile_export.jsonl", table.concat(lines, "\n") .. "\n")
  command.write(folder, name .. "/run.json", json.encode(info))
end

local function throughputs(metrics, requests, seconds)
  near(requests / seconds, metrics.request_throughput.avg, "requests")
  near(5 * requests / seconds, metrics.output_token_throughput.avg, "output tokens")
  near(25 * requests / seconds, metrics.total_token_throughput.avg, "all tokens")
  near(seconds, metrics.benchmark_duration.avg, "seconds")
end

describe("throughputs", function()
  local folder, info

  setup(function() folder, info = template() end)
  teardown(command.remove_folders)
  after_each(mock.stop_all)

  it("of a window count what ended in it, over its length", function()
    write(folder, "window", info, 4.05, { from = 5, to = 10 }, 14)
    local run = judged(folder, "window --slo ttft=100")
    throughputs(run.metrics, 50, 5) -- begun at 1, ..., 5.9 s
    near(10, run.metrics.goodput.avg)
    assert.equal(50, run.counts.due)
    assert.equal(50, run.metrics.request_count.avg)
    near(40.5, span.in_flight(past.run(folder .. "/window"))) -- ten a second, 4.05 s each
    local text = shell(folder, "judge window --accept-invalid").out
    assert.truthy(text:find("Request Throughput 10.00 requests/sec, Output Token Throughput 50.00 tokens/sec, over the "
      .. "window's 5.00 s: of 50 answers that ended in it\n", 1, true), text)
    -- Nobody answers in the first seconds, and half of the second window's begins are answered in it.
    write(folder, "window", info, 4.05, { from = 0, to = 3 }, 14)
    run = judged(folder, "window")
    throughputs(run.metrics, 0, 3)
    write(folder, "window", info, 4.05, { from = 2, to = 6 }, 14)
    throughputs(judged(folder, "window").metrics, 20, 4)
  end)

  it("of a window without an end last until the last answer, of one that was broken off as well", function()
    -- However long the run went on to wait for one that hangs.
    for _, seconds in ipairs { 14, 74 } do
      write(folder, "open", info, 4.05, { from = 5, to = "inf" }, seconds)
      throughputs(judged(folder, "open").metrics, 90, 8.95)
      near(90 / 8.95, json.decode(shell(folder, "compare open open --json").out).comparisons[1].rates
        .request_throughput.first)
    end
    write(folder, "cut", info, 4.05, { from = 5, to = 12 }, 8, { was_cancelled = true })
    throughputs(judged(folder, "cut").metrics, 30, 2.95)
    write(folder, "short", info, 1, { from = 5, to = 25 }, 11, { was_cancelled = false })
    throughputs(judged(folder, "short").metrics, 60, 20)
    local text = shell(folder, "judge short --accept-invalid").out
    assert.truthy(text:find("over the window's 20.00 s: of 60 answers that ended in it; the run was over after 11.00 s",
      1, true), text)
    write(folder, "never", info, 1, { from = 12, to = 25 }, 11)
    assert.is_nil(judged(folder, "never").metrics.request_throughput)
  end)

  it("of phases likewise, the last one to the last answer; a bound on one without an answer is exceeded", function()
    write(folder, "whole", info, 4.05, nil, 14)
    local run, result = judged(folder, "whole --phases quiet=2s,busy=4s,rest --slo ttft=100 --fail-over "
      .. "'goodput@quiet>=1,goodput@busy>=5,request_throughput@rest>=10.1'")
    throughputs(run.phases[1].metrics, 0, 2)
    throughputs(run.phases[2].metrics, 20, 4)
    throughputs(run.phases[3].metrics, 80, 7.95)
    near(5, run.phases[2].metrics.goodput.avg)
    assert.equal(20, run.phases[1].counts.due)
    assert.equal(1, result.status)
    assert.equal("moontide: --fail-over: goodput@quiet is 0, under 1 requests/sec\n"
      .. "moontide: --fail-over: request_throughput@rest is 10.0629, under 10.1 requests/sec\n", result.err)
    -- The whole is what peers have: from the first request to the last answer.
    throughputs(run.metrics, 100, 13.95)
    near(405 / 13.95, span.in_flight(past.run(folder .. "/whole")))
    -- A phase counts what ended in it, due in the window or not.
    write(folder, "both", info, 4.05, { from = 5, to = 10 }, 14)
    throughputs(judged(folder, "both --phases a=6s,b").phases[1].metrics, 20, 6)
    local text = shell(folder, "judge both --phases a=6s,b --accept-invalid").out
    assert.truthy(text:find("ended/s", 1, true) and not text:find("good/s", 1, true))
  end)

  it("of members are over the time of the whole, and add up to it", function()
    for name, window in pairs { whole = false, window = { from = 5, to = 10 } } do
      write(folder, "members", info, 4.05, window or nil, 14)
      local run = judged(folder, "members --by model --slo ttft=100")
      assert.equal(2, #run.groups)
      for _, key in ipairs { "request_throughput", "output_token_throughput", "total_token_throughput", "goodput" } do
        local sum = 0
        for _, group in ipairs(run.groups) do sum = sum + group.metrics[key].avg end
        near(run.metrics[key].avg, sum, name .. " " .. key)
      end
      assert.equal("rare", run.groups[1].value)
      near(window and 12 / 5 or 25 / 13.95, run.groups[1].metrics.request_throughput.avg, name)
      local text = shell(folder, "judge members --by model --slo ttft=100 --accept-invalid").out
      local wanted = window and "2.40 requests/sec, Output Token Throughput 12.00 tokens/sec, Goodput 2.40 "
        .. "requests/sec, over the window's 5.00 s: of 12 answers that ended in it"
        or "1.79 requests/sec, Output Token Throughput 8.96 tokens/sec, Goodput 1.79 requests/sec, over the run's 13.95 s"
      assert.truthy(text:find("\nRequest Throughput " .. wanted .. "\n", 1, true), text)
    end
  end)

  it("are those that compare gives", function()
    write(folder, "a", info, 4.05, { from = 5, to = 10 }, 14)
    write(folder, "b", info, 2.05, nil, 12)
    local result = shell(folder, "compare a b --json")
    assert.equal(0, result.status, result.err)
    local rates = json.decode(result.out).comparisons[1].rates
    near(10, rates.request_throughput.first)
    near(50, rates.output_token_throughput.first)
    near(250, rates.total_token_throughput.first)
    near(100 / 11.95, rates.request_throughput.second)
  end)

  -- What ended in [from, to), counted from the lines.
  local function counted(run, path, from, to, member)
    local count = 0
    for text in command.read(path .. "/profile_export.jsonl"):gmatch "[^\n]+" do
      local one = json.decode(text)
      local latency = one.error == json.null and one.metrics.request_latency.value
      local at = latency and (one.metadata.request_start_ns - run.start_ns) / 1e9 + latency / 1000
      local is_of = not member or one.metadata.fields.model == member
      if at and at >= from and at < to and is_of then count = count + 1 end
    end
    return count
  end

  it("of a driven run are those of its lines; judge, shards and merge agree", function()
    local server = mock.start { "--ttft", "600", "--itl", "1" }
    local lines = {}
    for i = 0, 119 do
      lines[i + 1] = ('{"timestamp": %d, "input_length": 20, "output_length": 4, "hash_ids": [%d], "model": "%s"}')
        :format(i * 20, i, i % 10 == 0 and "rare" or "common")
    end
    command.write(folder, "trace.jsonl", table.concat(lines, "\n") .. "\n")
    local words = ("replay trace.jsonl --url http://127.0.0.1:%d --model m --warmup 0 --accept-invalid --window 1s..2s "
      .. "--phases early=500ms,mid=1s,late --by model --json --output-dir "):format(server.port)
    local first = shell(folder, words .. "one")
    assert.equal(0, first.status, first.err)
    local run = json.decode(first.out)
    local count = counted(run, folder .. "/one", 1, 2)
    assert.is_true(count > 30) -- 50 a second, but late where the machine is busy
    near(count, run.metrics.request_throughput.avg)
    near(0, run.phases[1].metrics.request_throughput.avg)
    near(counted(run, folder .. "/one", 0.5, 1.5), run.phases[2].metrics.request_throughput.avg)
    local late = run.phases[3].metrics.benchmark_duration.avg
    assert.is_true(late > 1 and late <= run.seconds - 1.5)
    near(counted(run, folder .. "/one", 1.5, 100) / late, run.phases[3].metrics.request_throughput.avg)
    for _, group in ipairs(run.groups) do
      near(counted(run, folder .. "/one", 1, 2, group.value), group.metrics.request_throughput.avg, group.value)
    end
    local again = judged(folder, "one")
    assert.same(run, again)
    local of_shards = 0 -- each has the window on its own clock
    for i = 0, 1 do
      local shard = shell(folder, ("%sshard%d --shard %d/2"):format(words, i, i))
      assert.equal(0, shard.status, shard.err)
      of_shards = of_shards + counted(json.decode(shard.out), folder .. "/shard" .. i, 1, 2)
    end
    local merged = shell(folder, "merge shard0 shard1 -o both --max-skew 1h --json")
    assert.equal(0, merged.status, merged.err)
    merged = json.decode(merged.out)
    near(of_shards, merged.metrics.request_throughput.avg)
    assert.same(merged.metrics, judged(folder, "both").metrics)
    assert.same(merged.phases, judged(folder, "both").phases)
  end)
end)
