--- Promises on a run's statistics ("ttft.p99=500"), with what failed counted against them.
--
-- A request that was not answered has no latency, and a run's percentiles are those of the answered ones:
-- alone they get better the more is refused. So, of times that a user waits for:
--
-- * a percentile is taken over all that were due; one that failed waited for ever. Of n values and f failures
--   the p-th is the (p * (n + f - 1) / (n - 1))-th of the values, and infinite beyond the last of them;
-- * avg, max, std: with failures they are infinite, unless error_rate is promised too, which then says how
--   many may fail;
-- * min and totals (throughputs, counts, error_rate) are what the run measured.
local drive = require "moontide.drive"
local summary = require "moontide.drive.summary"

local promise = {}

---@class moontide.promise
---@field name string as it was asked for
---@field limit number
---@field is_least boolean the limit is the least that it may be, not the most
---@field value number? infinite where too much failed; nil: it was not measured
---@field kept boolean
---@field text string what of it is so: "ttft.p99 is 812.4, over 500 ms"

-- Latencies that a user waits for: not those of the driver.
local function is_waited_for(metric)
  return metric.unit == "ms" and not metric.key:find "lag"
end

-- The value of one; nil and why when there is none.
local function value_of(run, name, percentile_of, allows_failures)
  local value, message = summary.measure(run, name)
  local results = run.results
  local failures = results.due - results.done
  local key, statistic = name:match "^([%w_]+)%.?([%w_]*)$"
  key = drive.metric(key) or key
  local metric = run.by_key[key]
  if failures == 0 or not (metric and metric.count and is_waited_for(metric)) then
    -- Nothing was answered: whatever it would have been, nobody saw it.
    if not value and results.due > 0 and results.done == 0 then return math.huge end
    return value, message
  end
  if statistic == "" then statistic = "p50" end
  local percent = tonumber(statistic:match "^p(%d+)$")
  if not percent then
    local is_infinite = statistic ~= "min" and not allows_failures
    return is_infinite and math.huge or value, message
  end
  local rank = percent / 100 * (metric.count + failures - 1)
  if rank > metric.count - 1 then return math.huge end
  return percentile_of(key, metric.count > 1 and 100 * rank / (metric.count - 1) or 0)
end

local function text_of(one, message)
  if not one.value then return message end
  if one.value == math.huge then return ("%s: too many requests failed"):format(one.name) end
  local stands = one.is_least and (one.kept and "at least" or "under") or one.kept and "within" or "over"
  return ("%s is %.6g, %s %.6g%s"):format(one.name, one.value, stands, one.limit, summary.unit_text(one.name))
end

--- How a run stands to its promises.
---@param run moontide.drive_run
---@param list table[] { name, most } or { name, least, "least" } each
---@param percentile_of fun(key: string, percentile: number): number? of the metric's values
---@return moontide.promise[]
function promise.of(run, list, percentile_of)
  local allows_failures, found = false, {}
  for _, one in ipairs(list) do allows_failures = allows_failures or one[1] == "error_rate" end
  for i, one in ipairs(list) do
    local value, message = value_of(run, one[1], percentile_of, allows_failures)
    local is_least = one[3] == "least"
    local kept = value ~= nil and value < math.huge
      and (is_least and value >= one[2] or not is_least and value <= one[2])
    found[i] = { name = one[1], limit = one[2], is_least = is_least, value = value, kept = kept }
    found[i].text = text_of(found[i], message)
  end
  return found
end

return promise
