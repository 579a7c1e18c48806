--- May a run's figures be believed? By measures of the driver itself: was it late in sending, was it late in
--- reading, did it reach the rate it was to offer, was it stopped, much of the time or once for long.

local verdict = {}

-- Where a run is valid; up to ten times these (of the rate, 95 %) it is degraded.
verdict.defaults = {
  lag_p50 = 1, lag_p99 = 5, read_lag_p99 = 5, -- ms
  rate = 0.99,                                -- achieved over offered
  stalls = 0.005,                             -- of the time
  longest_stall = 100, late_start = 1,        -- ms; how long after --start-at it began
}
local degraded_factor, degraded_rate = 10, 0.95

-- How far over its limit a measure is: 0 within, 1 degraded, 2 beyond.
local function grade(value, limit)
  if not value or value <= limit then return 0 end
  return value <= degraded_factor * limit and 1 or 2
end

local function grade_rate(value, limit)
  if not value or value >= limit then return 0 end
  return value >= degraded_rate and 1 or 2
end

local names = { [0] = "valid", "degraded", "invalid" }

-- The longest time that the driver was held up, in ms, however long the run was: a turn of its thread's loop
-- (from when it should have woken up), or a request that it took up after it was due.
local function longest_stall(results, load)
  return 1000 * math.max(load.longest_turn, results.longest_late)
end

---@class moontide.verdict
---@field name "valid"|"degraded"|"invalid"
---@field measures table[] { name =, value =, limit =, unit =, grade = } each
---@field limited_by string[] what was over its limit, and why as far as it is known

-- Sent over due, over the time it took: a driver that falls behind spreads its sends. The last request may be
-- as late as any other; of a run of milliseconds that would else be much of its time.
local function achieved_rate(results, allowed_lag)
  local due = results.last_due and results.first_due and results.last_due - results.first_due
  if not due or due <= 0 or not results.last_sent then return nil end
  local took = math.max(results.last_sent - results.first_due - allowed_lag * 1e6, due)
  return (results.due - results.not_sent) / results.due * due / took
end

-- Why it was late: the driver's thread did not get a processor, was busy, or had nothing to send in time.
local function reasons(load, seconds)
  local found = {}
  if load.run_queue and load.run_queue > 0.005 * seconds then
    found[#found + 1] = ("other programs had its processor for %.2f s"):format(load.run_queue)
  end
  if load.cpu > 0.9 * seconds then found[#found + 1] = "its own processor was busy all the time" end
  return #found > 0 and " (" .. table.concat(found, "; ") .. ")" or ""
end

--- The verdict on a run.
---@param results table of the window
---@param load table the driver's look at its end
---@param seconds number how long the driver worked
---@param limits? table in place of the defaults
---@param is_open boolean open loop: the rate counts
---@return moontide.verdict
function verdict.of(results, load, seconds, limits, is_open)
  local limit = setmetatable(limits or {}, { __index = verdict.defaults })
  local lag = results.metrics.schedule_lag or {}
  local read = results.metrics.read_lag or {}
  local measures = {
    { name = "schedule lag p50", value = lag.p50, limit = limit.lag_p50, unit = "ms" },
    { name = "schedule lag p99", value = lag.p99, limit = limit.lag_p99, unit = "ms" },
    { name = "read lag p99", value = read.p99, limit = limit.read_lag_p99, unit = "ms" },
    { name = "achieved over offered rate", value = is_open and achieved_rate(results, limit.lag_p99) or nil,
      limit = limit.rate, unit = "", is_rate = true },
    { name = "stalls over 5 ms", value = seconds > 0 and load.stalled / seconds or 0, limit = limit.stalls,
      unit = "of the time" },
    { name = "longest stall", value = longest_stall(results, load), limit = limit.longest_stall,
      unit = "ms" },
  }
  if load.late_start then
    measures[#measures + 1] = { name = "late start", value = 1000 * load.late_start, limit = limit.late_start,
      unit = "ms" }
  end
  local worst, limited = 0, {}
  for _, measure in ipairs(measures) do
    measure.grade = (measure.is_rate and grade_rate or grade)(measure.value, measure.limit)
    worst = math.max(worst, measure.grade)
    if measure.grade > 0 then
      limited[#limited + 1] = ("%s is %.4g%s, the limit is %.4g"):format(measure.name, measure.value,
        measure.unit == "" and "" or " " .. measure.unit, measure.limit)
    end
  end
  if #limited > 0 then limited[#limited] = limited[#limited] .. reasons(load, seconds) end
  return { name = names[worst], measures = measures, limited_by = limited }
end

return verdict
