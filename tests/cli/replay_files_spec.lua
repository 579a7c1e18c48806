-- What a replay writes: the files of results, the record, and what is never written.
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
    -- Tokens so far apart that a busy machine, too, reads no two at once.
    local url = start("--itl", "30", "--fail", "status_500=0.2")
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
    -- Nor where its texts begin with a blank line, or are no JSON.
    result = replay(url, trace_text(2, 1), "--adapter own.lua --extra api_key='\"hidden9\"'" .. accepts, { before = [[
      cat > own.lua <<'END'
      local mt = require "moontide"
      return mt.endpoint { request = function(r)
        return { body = r.number == 0 and "\n" .. mt.json.encode(r.body) or "api_key=" .. r.body.api_key }
      end }
END
      ]] })
    local inputs = command.read(result.out_folder .. "/inputs.json")
    assert.is_nil(inputs:find "hidden")
    body = json.decode(inputs).data
    assert.same({ "(not shown)", "(not shown)" }, { body[1].payloads[1].api_key, body[2].payloads[1] })
  end)

  it("has JSON in inputs.json where an adapter's text is none", function()
    local result = replay(start(), trace_text(1, 1), "--adapter own.lua" .. accepts, { before = [[
      cat > own.lua <<'END'
      local mt = require "moontide"
      return mt.endpoint { request = function() return { body = 'a="b"' .. "\n" } end }
END
      ]] })
    assert.same({ 'a="b"\n' }, json.decode(command.read(result.out_folder .. "/inputs.json")).data[1].payloads)
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
end)
