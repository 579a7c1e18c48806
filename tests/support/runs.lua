-- Folders of results that no server made: a queue with some slots answers, with times drawn at a seed. Who
-- waits there waits behind others, so latencies near in time are alike.
local command = require "tests.support.command"
local mt = require "moontide"

local runs = {}

local slots, mean_prefill, mean_token, mean_length = 8, 0.05, 0.01, 60

local function exponential(random)
  return -math.log(1 - random:uniform())
end

local function normal(random)
  return math.sqrt(2 * exponential(random)) * math.cos(2 * math.pi * random:uniform())
end

-- How many slots are taken at a time, and the one that is free first.
local function look(free, time)
  local busy, soonest = 0, 1
  for k = 1, slots do
    if free[k] < free[soonest] then soonest = k end
    if free[k] > time then busy = busy + 1 end
  end
  return busy, soonest
end

--- The requests of a run: { time, ttft, itl, e2e (seconds), length } each. opts.count; opts.load: the share
--- of its slots that the server needs; opts.plan: the seed of times and lengths; opts.seed: of the answers;
--- opts.slower: all takes so many times as long.
function runs.simulate(opts)
  local plan, random = mt.random(opts.plan, "plan"), mt.random(opts.seed, "answers")
  local rate = opts.load * slots / (mean_prefill + mean_length * mean_token)
  local factor, free, time, list = opts.slower or 1, {}, 0, {}
  for k = 1, slots do free[k] = 0 end
  for i = 1, opts.count do
    time = time + exponential(plan) / rate
    local length = 1 + math.floor(exponential(plan) * mean_length)
    local busy, slot = look(free, time)
    local first = math.max(time, free[slot]) + factor * mean_prefill * math.exp(0.3 * normal(random))
    local itl = factor * mean_token * (1 + 0.02 * busy) * math.exp(0.1 * normal(random))
    free[slot] = first + length * itl
    list[i] = { time = time, ttft = first - time, itl = itl, e2e = free[slot] - time, length = length }
  end
  return list
end

local function metric(key, value, unit)
  return ('"%s": {"value": %.4f, "unit": "%s"}'):format(key, value, unit)
end

-- Two parts of a line: what was asked, and what was measured.
local metadata = '{"metadata": {"session_num": %d, "x_request_id": "r%d", "conversation_id": null, '
  .. '"turn_index": 0, "credit_issued_ns": %d, "request_start_ns": %d, "request_end_ns": %d, '
  .. '"worker_id": "w", "benchmark_phase": "profiling", "was_cancelled": false%s}, '

-- The line of a request. opts.lines = false: as AIPerf writes it, which knows no trace.
local function line_of(one, i, opts)
  local due = 1000000000000 + math.floor(one.time * 1e9)
  local line, metrics = "", {
    metric("time_to_first_token", 1000 * one.ttft, "ms"), metric("request_latency", 1000 * one.e2e, "ms"),
    metric("inter_token_latency", 1000 * one.itl, "ms"),
    metric("output_sequence_length", one.length, "tokens"),
  }
  if opts.lines ~= false then
    line = (', "trace_line": %d'):format(i + (opts.first_line or 0))
    metrics[5] = metric("wanted_output_length", one.length, "tokens")
  end
  return metadata:format(i - 1, i, due, due, due + math.floor(one.e2e * 1e9), line)
    .. ('"metrics": {%s}, "error": null}'):format(table.concat(metrics, ", "))
end

--- A folder of results of such a run; opts as runs.simulate has them, and lines = false, first_line: what is
--- added to the numbers of lines, so that it is another trace.
function runs.folder(opts)
  local lines = {}
  for i, one in ipairs(runs.simulate(opts)) do lines[i] = line_of(one, i, opts) end
  local folder = command.folder()
  command.write(folder, "profile_export.jsonl", table.concat(lines, "\n") .. "\n")
  return folder
end

return runs
