-- Results of runs and sweeps as other tools leave them, for the specs of what reads them.
local command = require "tests.support.command"

local results = {}

local line = [[{"metadata": {"session_num": %d, "conversation_id": "s%d", "credit_issued_ns": %d, ]]
  .. [["request_start_ns": %d, "request_ack_ns": %d, "request_end_ns": %d, "benchmark_phase": "profiling", ]]
  .. [["was_cancelled": false}, "metrics": {%s}, "error": %s}]]

local measured = [["time_to_first_token": {"value": %d, "unit": "ms"}, ]]
  .. [["inter_token_latency": {"value": 5, "unit": "ms"}, "request_latency": {"value": %d, "unit": "ms"}, ]]
  .. [["output_sequence_length": {"value": 21, "unit": "tokens"}]]

-- A folder of AIPerf's with `count` requests, one every 100 ms from 1750000000 s on: sent 10 ms late, the
-- first token after 20 + i ms, the end after 120 + i ms. one(i) may give how it failed: code, type, message.
function results.aiperf(count, one)
  local lines, begin = {}, 1750000000 * 1000000000
  for i = 0, count - 1 do
    local due = begin + i * 100000000
    local sent, problem = due + 10000000, "null"
    local failed = one and one(i)
    if failed then
      problem = ([[{"code": %d, "type": "%s", "message": "%s"}]]):format(table.unpack(failed))
    end
    lines[#lines + 1] = line:format(i, i, due, sent, sent + (20 + i) * 1000000,
      sent + (120 + i) * 1000000, failed and "" or measured:format(20 + i, 120 + i), problem)
  end
  return (command.file(table.concat(lines, "\n") .. "\n", "profile_export.jsonl"):match "^(.*)/")
end

local level = [[{"request_throughput": {"unit": "requests/sec", "avg": %g},
  "request_latency": {"unit": "ms", "avg": %g, "p99": 9}, "time_to_first_token": {"unit": "ms", "avg": %g},
  "inter_token_latency": {"unit": "ms", "avg": %g, "p50": %g},
  "output_token_throughput": {"unit": "tokens/sec", "avg": %g}}]]

-- Requests a second, latency, TTFT, mean and median ITL, tokens a second by concurrency.
local levels = { { 1, 2, 500, 40, 5, 4, 100 }, { 4, 6, 660, 50, 6, 5, 300 }, { 16, 8, 2000, 90, 8, 7, 400 } }

-- A benchmark NAME below a folder, its levels 1, 4 and 16 in files of GenAI-Perf's, or of that name.
function results.benchmark(folder, name, file)
  for _, one in ipairs(levels) do
    command.write(folder, ("%s/c%d/%s"):format(name, one[1], file or "profile_export_genai_perf.json"),
      level:format(table.unpack(one, 2)))
  end
  return folder .. "/" .. name
end

return results
