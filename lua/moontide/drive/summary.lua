--- What a run measured, as values: every metric with its unit and statistics, in a fixed order, and the
--- run's totals; by the definitions and names of AIPerf's exports where it has them.
local drive = require "moontide.drive"
local nearest = require "moontide.kit.nearest"

local summary = {}

-- The statistics of a metric in the order in which they are written.
summary.statistics = {
  "avg", "min", "max", "std", "p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99",
}

-- Metrics of each request in the order of the table, then the totals.
local gap_metric = { key = "inter_chunk_latency", unit = "ms", title = "Inter Chunk Latency" }

---@class moontide.metric_summary
---@field key string "time_to_first_token"
---@field unit string
---@field title string
---@field avg number for totals the value itself
---@field count integer? of values; nil for totals
---@field p50 number? and the other statistics

--- The metrics that requests may have, in the order of the table.
---@return {key: string, unit: string, title: string}[]
function summary.of_requests()
  local list = {}
  for _, metric in ipairs(drive.metrics()) do
    list[#list + 1] = metric
    if metric.key == "inter_token_latency" then list[#list + 1] = gap_metric end
  end
  return list
end

local function measured(results)
  local list = {}
  local function add(metric)
    local values = results.metrics[metric.key]
    if not values then return end
    local one = { key = metric.key, unit = metric.unit, title = metric.title }
    for name, value in pairs(values) do one[name] = value end
    list[#list + 1] = one
  end
  for _, metric in ipairs(summary.of_requests()) do add(metric) end
  return list
end

local function seconds_between(from, to)
  return from and to and to > from and (to - from) / 1e9 or nil
end

---@class moontide.throughput_basis
---@field ended table what is counted: done, good, output_tokens, input_tokens
---@field seconds number? over what time; nil: there are no throughputs

-- { key, unit, title, value }; nil values are left out. over: what throughputs are made of where the results
-- are not a whole run's (drive/span.lua).
local function totals(results, epoch, has_goodput, over)
  over = over or { ended = results, seconds = seconds_between(results.first_begun, results.last_answer) }
  local ended, duration = over.ended, over.seconds
  local function per_second(count) return duration and count / duration or nil end
  return {
    { "request_throughput", "requests/sec", "Request Throughput", per_second(ended.done) },
    { "output_token_throughput", "tokens/sec", "Output Token Throughput", per_second(ended.output_tokens) },
    { "total_token_throughput", "tokens/sec", "Total Token Throughput",
      per_second(ended.output_tokens + ended.input_tokens) },
    { "goodput", "requests/sec", "Goodput", has_goodput and per_second(ended.good) or nil },
    { "request_count", "requests", "Request Count", results.done },
    { "error_request_count", "requests", "Error Request Count",
      results.failed + results.cancelled + results.not_sent },
    { "good_request_count", "requests", "Good Request Count", has_goodput and results.good or nil },
    { "total_isl", "tokens", "Total Input Sequence Length", results.input_tokens },
    { "total_osl", "tokens", "Total Output Sequence Length", results.output_tokens },
    { "error_isl", "tokens", "Input Sequence Length of Errors", results.failed_input },
    { "uncounted_answers", "requests", "Answers of Which the Server Counted no Tokens",
      results.done > results.usage_said and results.done - results.usage_said or nil },
    { "hit_ratio", "ratio", "Cached Tokens over Prompt Tokens",
      results.cached_said > 0 and results.prompt_tokens > 0 and results.cached_tokens / results.prompt_tokens
      or nil },
    { "benchmark_duration", "sec", "Benchmark Duration", duration },
    { "min_request_timestamp", "ns", "Minimum Request Timestamp",
      results.first_begun and results.first_begun + epoch or nil },
    { "max_response_timestamp", "ns", "Maximum Response Timestamp",
      results.last_answer and results.last_answer + epoch or nil },
  }
end

-- Measures of which more is better: a bound on the most that they may be lets everything bad pass.
local better = {
  request_throughput = true, output_token_throughput = true, total_token_throughput = true, goodput = true,
  request_count = true, good_request_count = true, hit_ratio = true, cached_tokens = true,
  output_token_throughput_per_user = true, e2e_output_token_throughput = true,
  prefill_throughput_per_user = true,
}

--- Is more of a measure better? By its name, "goodput@storm" and "cached_tokens.avg" too.
---@param name string
---@return boolean
function summary.more_is_better(name)
  return better[name:match "^[%w_]*"] or false
end

--- Is less of it better? Of what is compared of runs: times, and the error rate.
---@param key string a metric's key, or a rate's
---@return boolean
function summary.less_is_better(key)
  return key == "error_rate" or summary.unit(key) == "ms"
end

-- Measures that get worse the more is refused.
local of_answering = { error_rate = true, error_request_count = true, request_count = true, goodput = true,
  good_request_count = true, request_throughput = true, output_token_throughput = true,
  total_token_throughput = true }

--- A bound on the times of what was answered, where none says how much may be left unanswered: such a bound
--- is kept the better the more is refused. Its name; nil: there is none.
---@param names string[] of bounds: "ttft.p99", "error_rate@storm"
---@return string?
function summary.lets_refuse(names)
  local found
  for _, name in ipairs(names) do
    local metric = name:match "^[%w_]*"
    if of_answering[metric] then return nil end
    local key = drive.metric(metric)
    if key and summary.unit(key) == "ms" and not key:find "lag" then found = found or name end
  end
  return found
end

local of_load = { request_throughput = true, output_token_throughput = true, total_token_throughput = true,
  request_count = true, total_isl = true, total_osl = true }

--- Is it a measure that more load makes more, as far as the server can follow?
---@param name string
---@return boolean
function summary.grows_with_load(name)
  return of_load[name] or false
end

-- Measures that only phases have.
local of_phase = { longest_gap = true, recovery = true }

local short_names = { "ttft", "ttst", "itl", "e2e", "lag", "isl", "osl" }

-- What a name that is none probably meant: "p99_ttft" is ttft.p99, "throughput" is one of three; else what
-- there is.
local function has_statistic(name)
  for _, one in ipairs(summary.statistics) do
    if one == name then return true end
  end
  return false
end

local function hint_of(name, known)
  local statistic, metric = name:match "^(p%d+)_(.+)$"
  if not statistic then metric, statistic = name:match "^(.+)_(p%d+)$" end
  if metric and drive.metric(metric) and has_statistic(statistic) then
    return (" (did you mean '%s.%s'?)"):format(metric, statistic)
  end
  local near = nearest.hint(name, known)
  if near ~= "" then return near end
  local alike = {}
  for _, one in ipairs(known) do
    if #name > 3 and one:find(name, 1, true) then alike[#alike + 1] = one end
  end
  if #alike > 0 then return (" (there are %s)"):format(table.concat(alike, ", ")) end
  return (" (%s, each with .avg, .p99 and the like; error_rate, goodput, hit_ratio, request_throughput, "
    .. "output_token_throughput, ...)"):format(table.concat(short_names, ", "))
end

--- The unit of a measure by its name, of a phase's too: "ms", "requests/sec", "ratio"; nil: there is no such.
---@param name string
---@return string?
function summary.unit(name)
  local metric = name:match "^[%w_]+"
  local other = { longest_gap = "ms", recovery = "s", error_rate = "ratio",
    inter_chunk_latency = gap_metric.unit }
  local key = drive.metric(metric) or metric
  for _, one in ipairs(drive.metrics()) do
    if one.key == key then return one.unit end
  end
  for _, row in ipairs(totals(setmetatable({}, { __index = function() return 1 end }), 0, true)) do
    if row[1] == metric then return row[2] end
  end
  return other[metric]
end

--- The same behind a number: " ms"; "" of a ratio, which has none.
---@param name string
---@return string
function summary.unit_text(name)
  local unit = summary.unit(name)
  return unit and unit ~= "ratio" and unit ~= "" and " " .. unit or ""
end

--- What is wrong with the name of a measure ("ttft.p99", "error_rate", "ttft.p99@storm" of a phase), or nil.
---@param name string
---@return string?
function summary.wrong_name(name)
  local measure, phase = name:match "^(.-)@(.*)$"
  if phase and not phase:find "^%a[%w_-]*$" then
    return ("'%s' names no phase: MEASURE@PHASE (ttft.p99@storm)"):format(name)
  end
  if of_phase[measure or name] then
    return not measure and ("%s is of a phase: %s@PHASE"):format(name, name) or nil
  end
  name = measure or name
  local metric, statistic = name:match "^([%w_]+)%.?([%w_]*)$"
  local known = { "error_rate", "inter_chunk_latency" }
  local is_total = metric == "error_rate"
  for _, row in ipairs(totals(setmetatable({}, { __index = function() return 1 end }), 0, true)) do
    known[#known + 1] = row[1]
    is_total = is_total or row[1] == metric
  end
  local is_known = is_total or metric == "inter_chunk_latency" or metric and drive.metric(metric)
  if not is_known then
    for _, one in ipairs(short_names) do known[#known + 1] = one end
    for _, one in ipairs(drive.metrics()) do known[#known + 1] = one.key end
    return ("there is no measure '%s'%s"):format(name, hint_of(metric or name, known))
  end
  if statistic == "" then return nil end
  if has_statistic(statistic) and not is_total then return nil end
  return is_total and ("%s is one number and has no '%s'"):format(metric, statistic)
    or ("there is no statistic '%s'%s"):format(statistic, nearest.hint(statistic, summary.statistics))
end

--- The metrics of which there is an objective and that no answer has: goodput was not measured then.
---@param results table as drive.replay gives them
---@return {key: string, title: string}[]
function summary.unmeasured(results)
  local list = {}
  for _, metric in ipairs(drive.metrics()) do
    if results.lacking[metric.key] and not results.metrics[metric.key] then list[#list + 1] = metric end
  end
  return list
end

--- All metrics of results, those of each request first, then the totals.
---@param results table as drive.replay gives them
---@param epoch integer nanoseconds
---@param has_objectives boolean
---@param over? moontide.throughput_basis of results that are not a whole run's (drive/span.lua)
---@return moontide.metric_summary[] list, table<string, moontide.metric_summary> by_key
function summary.of(results, epoch, has_objectives, over)
  local list = measured(results)
  local has_goodput = has_objectives and #summary.unmeasured(results) == 0
  for _, row in ipairs(totals(results, epoch, has_goodput, over)) do
    if row[4] then list[#list + 1] = { key = row[1], unit = row[2], title = row[3], avg = row[4] } end
  end
  local by_key = {}
  for _, one in ipairs(list) do by_key[one.key] = one end
  return list, by_key
end

-- A measure of one of the run's phases. Not to have recovered is to need for ever.
local function measure_of_phase(run, name, measure, phase_name)
  local phase
  for _, one in ipairs(run.phases or {}) do
    if one.name == phase_name then phase = one end
  end
  if not phase then return nil, ("%s: the run has no phase '%s'"):format(name, phase_name) end
  if measure == "longest_gap" then
    if phase.longest_gap then return phase.longest_gap end
    return nil, name .. " was not measured: no answer had two chunks in it"
  elseif measure == "recovery" then
    if phase.is_recovered == nil then
      return nil, name .. " was not measured: it takes ten requests in the first phase, more than half of "
        .. "all that were due in it, and ten after this one"
    end
    return phase.is_recovered and phase.recovery or math.huge
  end
  local value, message = summary.measure(phase, measure)
  return value, message and ("%s: %s"):format(name, message)
end

-- Why a total is not there, where more can be said than that.
local function why_not(run, key)
  if key ~= "goodput" and key ~= "good_request_count" then return "" end
  if run.has_objectives == false then return ": there are no objectives (--slo ttft=500,itl=50)" end
  local lacking = run.results.lacking and summary.unmeasured(run.results)[1]
  if not lacking then return "" end
  return (": no answer has a %s, of which there is an objective (--slo)"):format(lacking.key)
end

--- A measure of a run by its name: "ttft.p99" (p50 where nothing is named), "error_rate", "goodput"; of one
--- of its phases: "ttft.p99@storm", "longest_gap@storm", "recovery@storm" (infinite: it did not recover).
---@param run table a run's results (drive/run.lua)
---@param name string
---@return number? value, string? message why there is none
function summary.measure(run, name)
  local of, phase_name = name:match "^(.-)@(.*)$"
  if of then return measure_of_phase(run, name, of, phase_name) end
  if name == "error_rate" then
    local results = run.results
    if results.due == 0 then return nil, "error_rate was not measured: no request was due" end
    return (results.failed + results.cancelled + results.not_sent) / results.due
  end
  local metric, statistic = name:match "^([%w_]+)%.([%w_]+)$"
  local key = drive.metric(metric or name) or metric or name
  local one = run.by_key[key]
  if not one then return nil, ("%s was not measured%s"):format(name, why_not(run, key)) end
  statistic = statistic or (one.p50 and "p50" or "avg")
  if not one[statistic] then return nil, ("%s: there is no statistic '%s' of it"):format(name, statistic) end
  return one[statistic]
end

return summary
