--- Over what time the throughputs of a run count (request_throughput, output_token_throughput,
--- total_token_throughput, goodput), and what in it.
--
-- * A whole run: what was done, from the first request's beginning to the last answer's end, as AIPerf
--   (request_count / benchmark_duration) and vLLM's bench (completed / dur_s) have it, so that their runs and
--   ours can be set side by side.
-- * A span of it, the window or a phase: all that *ended* in it, whenever it was due, over the length of the
--   span. Its own requests over the time they took would be another figure: that time goes on beyond the
--   span, by the latency of the last of them.
-- * A member (--by): what of it was done, or ended in the window, over the time of the whole, so that members
--   add up to it.
--
-- Of a merged run each shard has the window and the phases on its own clock, from its own start.
--
-- Latencies, counts and error rates are of the requests that were due in the span: what those felt.
local summary = require "moontide.drive.summary"

local span = {}

-- How long a run was on its own clock: a merged one as long as the longest of its shards.
local function seconds_of(run)
  local most = 0
  for _, shard in ipairs(run.shards or {}) do most = math.max(most, shard.seconds or 0) end
  return most > 0 and most or run.seconds
end

-- When there was nothing more to measure, in seconds after the start: the last answer had come and the last
-- request had been due. The run itself goes on for as long as it waits for what never comes.
local function last_moment(run)
  local last = 0
  for _, results in ipairs { run.results, run.outside } do
    last = math.max(last, results.last_answer or run.start, results.last_due or run.start)
  end
  return math.min(seconds_of(run), (last - run.start) / 1e9)
end

-- The seconds of a run's span: to that moment where it has no end of its own, or the run was broken off
-- before its end; nil where the run was over before it began.
local function length(run, from, to)
  local was_cut, seconds = run.was_cancelled or run.message ~= nil, seconds_of(run)
  if to == math.huge or was_cut then to = math.min(to, last_moment(run)) end
  from = math.max(0, from)
  if from >= seconds or to <= from then return nil end
  return to - from
end

--- What throughputs of a span are made of, for summary.of; the run knows seconds, was_cancelled and message.
---@param run table
---@param results table core's, with what ended in the span
---@param from number seconds after the start
---@param to number math.huge: it has no end
---@return moontide.throughput_basis
function span.of(run, results, from, to)
  return { ended = results.ended, seconds = length(run, from, to) }
end

--- The window that was the result of a run, in seconds after its start; nil: it was the whole. Of a run that
--- was read back, too, whose JSON has no infinite number.
---@param options table the run's
---@return { from: number, to: number }?
function span.window(options)
  local window = options.window
  if type(window) ~= "table" or not tonumber(window.from) then return nil end
  return { from = tonumber(window.from), to = tonumber(window.to) or math.huge }
end

--- The same on the clock of its moments, nanoseconds since 1970: { begin, end }; false: it was the whole, or
--- the run was over before it. Of a member of a whole run it is the time of that run, else it is of each
--- shard's own clock, which is said as the third.
---@param run moontide.drive_run
---@param of_member? boolean
---@return any[]|false
function span.window_moments(run, of_member)
  local window = span.window(run.options)
  local first, last = run.results.first_begun, run.results.last_answer
  if of_member and not window and first and last and last > first then
    return { first + run.epoch, last + run.epoch + 1 } -- the last one ended in it
  end
  local seconds = window and length(run, window.from, window.to)
  if not seconds then return false end
  local begin = run.start + run.epoch + math.floor(window.from * 1e9 + 0.5)
  local is_open = window.to == math.huge -- then the last answer ended in it
  return { begin, begin + math.floor(seconds * 1e9 + 0.5) + (is_open and 1 or 0), true }
end

--- The metrics of a run's results: list and by key.
---@param run table with results, options, epoch, has_objectives, seconds
---@return moontide.metric_summary[] list, table<string, moontide.metric_summary> by_key
function span.metrics(run)
  local window = span.window(run.options)
  local over = window and span.of(run, run.results, window.from, window.to)
  return summary.of(run.results, run.epoch, run.has_objectives, over)
end

--- The same of a member's results: one of run.groups.
---@param run moontide.drive_run
---@param results table
---@return moontide.metric_summary[] list, table<string, moontide.metric_summary> by_key
function span.metrics_of_member(run, results)
  local whole = run.by_key.benchmark_duration
  return summary.of(results, run.epoch, run.has_objectives,
    { ended = span.window(run.options) and results.ended or results, seconds = whole and whole.avg })
end

--- Requests in flight on average, of those that were answered: the time that they took in the run's time, or
--- in its window, over it (Little's law). nil where nothing was answered.
---@param run moontide.drive_run
---@return number?
function span.in_flight(run)
  local latency, duration = run.by_key.request_latency, run.by_key.benchmark_duration
  local seconds = duration and duration.avg or 0
  local taken = span.window(run.options) and run.results.ended.in_flight or latency and latency.sum / 1000
  return seconds > 0 and taken and taken > 0 and taken / seconds or nil
end

return span
