--- The command `selftest`: how much this machine's driver holds on time, beside a mock server on the same
--- machine. What it says here bounds what may be believed of a run from here.
local api = require("moontide.drive.api").public
local drive = require "moontide.drive"
local json = require("moontide.base.json").public.json
local process = require("moontide.load.process").public
local report = require "moontide.kit.report"
local stream = require("moontide.load.stream").public
local texts = require "moontide.kit.text"
local workload = require("moontide.load.workload").public

local selftest = {}

local most_lag = 1 -- ms
local limits = { lag_p50 = most_lag, lag_p99 = most_lag, read_lag_p99 = most_lag, stalls = 1,
  longest_stall = 1e6 }

-- The mock is slower than it was told to be: by so many ms it is the mock's limit that was found.
local most_mock_delay = 10

---@class moontide.selftest_measure
---@field name string
---@field unit string
---@field key string
---@field first number where the search begins
---@field share number of the time that there is; what one leaves the next has
---@field seconds number how long requests leave
---@field chunks integer of an answer
---@field itl number ms
---@field a_second fun(level: number): number requests

-- Each search doubles the level until it is not held, then halves the step.
local ttft = 5
local measures = {
  { key = "request_rate", name = "requests a second, short streams", unit = "/s", first = 500, share = 0.25,
    seconds = 1, chunks = 8, itl = 5, a_second = function(level) return level end },
  { key = "chunk_rate", name = "chunks a second", unit = "/s", first = 10000, share = 0.25, seconds = 1,
    chunks = 50, itl = 4, a_second = function(level) return level / 50 end },
  { key = "streams_in_flight", name = "streams in flight, 10 chunks/s each", unit = "", first = 1000,
    share = 0.5, seconds = 1.5, chunks = 17, itl = 100, a_second = function(level) return level / 1.5 end },
}

-- One level: nil when it was held, else what ended it; nil, message, code when nothing could be sent.
local function try(one, url, level)
  local rate = one.a_second(level)
  local in_flight = rate * math.min(one.seconds, (ttft + one.chunks * one.itl) / 1000)
  local run, message, code = api.drive(workload.workload { duration = one.seconds,
    stream.stream { arrivals = process.even(rate), input = 50, output = one.chunks } },
    { url = url, model = "selftest", api = "completions", warmup = 0, limits = limits,
      connections = math.min(100000, math.ceil(1.1 * in_flight) + 8) })
  if not run then return nil, message, code end
  if run.was_cancelled then return nil, "interrupted", "interrupted" end
  local counts = run.counts
  if counts.done < counts.due then
    local first = run.results.failures[1]
    return { reason = ("%d of %d requests were not done%s"):format(counts.due - counts.done, counts.due,
      first and (": %s"):format(first.name) or "") }
  end
  local mock_delay = run.time_to_first_token.p50 - ttft
  if run.verdict.name ~= "valid" then return { reason = table.concat(run.verdict.limited_by, "; ") } end
  if mock_delay > most_mock_delay then
    return { reason = ("the mock was %.0f ms late: it, not the driver, is at its end"):format(mock_delay) }
  end
  return { is_held = true }
end

-- Two digits of it.
local function rounded(level)
  local step = 10 ^ math.max(0, math.floor(math.log(level, 10)) - 1)
  return math.tointeger(level // step * step)
end

-- The highest level that was held until the time is over, and what ended the search. A level that was not
-- held is tried again, as long as there is time: other programs take the processor now and then.
local function search(one, url, stop_at)
  local held, lost, reason = 0, nil, nil
  local level, took = one.first, 0
  while held == 0 and not lost or drive.now() + took < stop_at do
    report.progress(("%s: %s"):format(one.name, texts.number(level, 0)))
    local began = drive.now()
    local tried, message, code = try(one, url, level)
    took = drive.now() - began
    if tried and not tried.is_held and drive.now() + took < stop_at then
      tried, message, code = try(one, url, level)
    end
    if not tried then return nil, message, code end
    if tried.is_held then
      held = level
    else
      lost, reason = level, ("at %s%s %s"):format(texts.number(level, 0), one.unit, tried.reason)
    end
    level = rounded(lost and (held + lost) / 2 or 2 * level)
    if level <= held or level == lost or lost and lost - held <= 0.1 * lost then break end
  end
  return { key = one.key, name = one.name, unit = one.unit, held = held,
    reason = reason or "the time that it was given (--seconds)" }
end

-- How long a program that only looks at the clock is stopped: its share of the time, and the longest stop.
local function stalls_of_machine()
  local start, lost, longest = drive.now(), 0, 0
  local last = start
  while last - start < 1000000000 do
    local now = drive.now()
    if now - last > 100000 then lost, longest = lost + (now - last), math.max(longest, now - last) end
    last = now
  end
  return { share = lost / (last - start), longest = longest / 1e6 }
end

local function show(found, stalls)
  local lines = { { "", "held" } }
  for i, one in ipairs(found) do
    lines[i + 1] = { one.name, texts.number(one.held, 0) .. one.unit }
  end
  print(texts.aligned(lines))
  print(("\nHeld is what the driver sent and read with a lag of at most %g ms (p99), beside a mock on the "
    .. "same machine."):format(most_lag))
  print "What ended it:"
  for _, one in ipairs(found) do print(("  %s: %s"):format(one.name, one.reason)) end
  print(("The machine itself stops a program that only looks at the clock for up to %.2f ms, %.2f %% of the "
    .. "time."):format(stalls.longest, 100 * stalls.share))
end

local function show_json(found, stalls)
  local members = {}
  for i, one in ipairs(found) do
    members[i] = { one.key, json.object { { "held", one.held }, { "ended_by", one.reason } } }
  end
  members[#members + 1] = { "lag_p99_limit", most_lag }
  local of_machine = json.object { { "share", stalls.share }, { "longest", stalls.longest } }
  members[#members + 1] = { "stalls", of_machine }
  print(json.encode(json.object(members)))
end

--- Finds them and prints them.
---@param opt table seconds, json
---@return integer? status, string? message, string? code
function selftest.run(opt)
  local start = drive.now()
  local stalls, found, status, share = stalls_of_machine(), {}, 0, 0
  for i, one in ipairs(measures) do
    share = share + one.share
    local server <close>, message, code = api.mock { ttft = ttft, itl = one.itl }
    if not server then return nil, message, code end
    found[i], message, code = search(one, server.url, start + math.floor(share * opt.seconds * 1e9))
    report.finish()
    if not found[i] then return nil, message, code end
    if found[i].held == 0 then status = 1 end
  end
  (opt.json and show_json or show)(found, stalls)
  return status
end

return selftest
