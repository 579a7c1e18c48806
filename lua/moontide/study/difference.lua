--- What differs between two runs: the measures that are compared, a difference with its interval, and bounds
--- on differences, "ttft.p99=+5%".
local core = require "moontide.core"
local drive = require "moontide.drive"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"
local summary = require "moontide.drive.summary"
local units = require "moontide.kit.units"

local difference = {}

--- The statistics of a metric that are compared, in their order: no smallest and largest value, of which the
--- bootstrap says nothing, and no deviation.
difference.statistics = { "avg", "p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99" }

local is_statistic = {}
for _, name in ipairs(difference.statistics) do is_statistic[name] = true end

--- What is one number of a run, in the order of core's contrast.
difference.rates = { "request_throughput", "output_token_throughput", "total_token_throughput", "goodput",
  "error_rate", "hit_ratio" }

local is_rate = {}
for _, name in ipairs(difference.rates) do is_rate[name] = true end

--- The metric's key and the statistic (nil of a rate) that a name means; raises when it means none.
---@param name string "ttft.p99", "ttft" (its median), "error_rate"
---@param what string for messages
---@return string key, string? statistic
function difference.measure(name, what)
  if name:find "@" then core.base.raise(("%s: %s: phases are not compared"):format(what, name)) end
  local metric, statistic = name:match "^([%w_]+)%.?([%w_]*)$"
  if is_rate[metric] and statistic == "" then return metric end
  local wrong = summary.wrong_name(name)
  if wrong then core.base.raise(("%s: %s"):format(what, wrong)) end
  local key = metric == "inter_chunk_latency" and metric or drive.metric(metric)
  if not key then
    core.base.raise(("%s: %s is not compared: metrics of requests are, and %s"):format(what, metric,
      table.concat(difference.rates, ", ")))
  end
  if statistic == "" then statistic = "p50" end
  if not is_statistic[statistic] then
    local hint = nearest.hint(statistic, difference.statistics)
    if hint == "" then hint = " (" .. table.concat(difference.statistics, ", ") .. " are)" end
    core.base.raise(("%s: %s of a metric is not compared%s"):format(what, statistic, hint))
  end
  return key, statistic
end

-- --- a difference ----------------------------------------------------------------------------------

---@class moontide.run_difference
---@field first number of the first run
---@field second number of the other one
---@field difference number second - first
---@field relative number? in parts of the first
---@field low number? the difference's 95 % interval; nil where there are too few requests or sessions
---@field high number?
---@field is_shown boolean the interval leaves out 0
---@field spreads number[]? of several runs against several: the sample deviation between the runs of either
--- side; first and second are then their means

--- A difference from core's numbers of both runs; nil where one of them has none.
---@param numbers table? first, second, low, high
---@return moontide.run_difference?
function difference.of(numbers)
  if not numbers or not numbers.first or not numbers.second then return nil end
  local distance = numbers.second - numbers.first
  return {
    first = numbers.first, second = numbers.second, difference = distance,
    relative = distance == 0 and 0 or numbers.first ~= 0 and distance / math.abs(numbers.first) or nil,
    low = numbers.low, high = numbers.high, spreads = numbers.spreads,
    is_shown = numbers.low ~= nil and (numbers.low > 0 or numbers.high < 0),
  }
end

--- The difference of a metric's statistic, or of a rate, from the first run to the one in that place.
---@param comparison moontide.run_comparison
---@param key string
---@param statistic string? nil of a rate
---@param place integer
---@return moontide.run_difference? one, string? message
function difference.find(comparison, key, statistic, place)
  local pair = comparison.pairs[place]
  local numbers
  if statistic then numbers = (pair.metrics[key] or {})[statistic] else numbers = pair.rates[key] end
  local one = difference.of(numbers)
  if one then return one end
  return nil, ("not both %s and %s have it%s"):format(comparison.names[1], comparison.names[place],
    key == "goodput" and ": it is counted by objectives (replay --slo)" or "")
end

--- Why the differences of the run in that place have no interval, or nil.
---@param comparison moontide.run_comparison
---@param place integer
---@param pair? moontide.run_pair a part of theirs
---@return string?
function difference.why_no_interval(comparison, place, pair)
  pair = pair or comparison.pairs[place]
  if pair.repeats then
    if math.min(pair.repeats[1], pair.repeats[2]) >= 2 then return nil end
    return ("an interval needs 2 runs of either side, and there are %d and %d"):format(pair.repeats[1],
      pair.repeats[2])
  end
  if math.min(pair.blocks[1], pair.blocks[2]) >= 8 then return nil end
  return ("an interval needs 8 %s of either run, and there are %d and %d"):format(
    pair.by_session and "sessions" or "requests", pair.units[1], pair.units[2])
end

-- --- bounds ----------------------------------------------------------------------------------------

local allowed = "a difference (+5%, -10%, +20, +2s)"

-- A number, or of milliseconds also "2s", "10ms".
local function amount_of(text, key, what)
  local number = not text:find "[xX]" and tonumber(text)
  if number and number < math.huge then return number end
  local is_time = false
  for _, metric in ipairs(drive.metrics()) do
    if metric.key == key then is_time = metric.unit == "ms" end
  end
  is_time = is_time or key == "inter_chunk_latency"
  if not is_time or not text:find "^%d" then return nil end
  return 1000 * options.duration(text, what)
end

---@class moontide.difference_bound
---@field name string as it was given
---@field key string
---@field statistic string?
---@field sign integer 1: the difference may not be above, -1: not below
---@field most number in parts of the first run's where is_relative
---@field is_relative boolean
---@field text string as it was given

--- A bound on a difference.
---@param name string
---@param most string|number "+5%", "-10%", "+20", 20
---@param what string for messages
---@return moontide.difference_bound
function difference.bound(name, most, what)
  local key, statistic = difference.measure(name, what)
  local here = ("%s: %s"):format(what, name)
  if type(most) ~= "string" and type(most) ~= "number" then options.wrong(here, most, allowed) end
  local text = tostring(most):match "^%s*(.-)%s*$"
  local sign, size, percent = text:match "^([+-]?)(.-)%s*(%%?)$"
  local amount = not size:find "^[+-]" and amount_of(size, key, here) or nil
  if not amount or percent == "%" and not tonumber(size) then units.wrong(here, most, allowed) end
  if sign ~= "-" and summary.more_is_better(name) then
    core.base.raise(("%s=%s is how far it may be above, and more of it is better: %s=-%s%s is how far it may "
      .. "be below"):format(here, text, name, size, percent))
  end
  if sign == "-" and summary.less_is_better(key) then -- it would let pass what is worse
    core.base.raise(("%s=%s is how far it may be below, and less of it is better: %s=+%s%s is how far it may "
      .. "be above"):format(here, text, name, size, percent))
  end
  return { name = name, key = key, statistic = statistic, sign = sign == "-" and -1 or 1,
    most = percent == "%" and amount / 100 or amount, is_relative = percent == "%", text = text }
end

--- Bounds from the texts of the command line, "ttft.p99=+5%" each.
---@param texts string[]
---@param what string for messages
---@return moontide.difference_bound[]
function difference.of_texts(texts, what)
  local list = {}
  for i, text in ipairs(texts) do
    local name, most = text:match "^%s*([^%s=]+)%s*=%s*(.-)%s*$"
    if not name or name:find "[<>]$" then units.wrong(what, text, "MEASURE=DIFFERENCE (ttft.p99=+5%)") end
    list[i] = difference.bound(name, most, what)
  end
  return list
end

-- A bound is exceeded when the difference is over it and is shown to be one at all.
local function judge(bound, one)
  local distance = bound.sign * one.difference
  if bound.is_relative then distance = distance == 0 and 0 or distance / math.abs(one.first) end
  if distance <= bound.most then return "kept" end
  if not one.low then return "missing" end
  return one.is_shown and "exceeded" or "doubtful"
end

--- Holds a comparison against difference. exceeded: over their bound; doubtful: over it, but not shown to
--- differ; missing: sentences on what was not measured.
---@param comparison moontide.run_comparison
---@param list moontide.difference_bound[]
---@return table[] exceeded, table[] doubtful, string[] missing
function difference.check(comparison, list)
  local found = { exceeded = {}, doubtful = {}, kept = {} }
  local missing = {}
  for place = 2, #comparison.names do
    for _, bound in ipairs(list) do
      local one, message = difference.find(comparison, bound.key, bound.statistic, place)
      local how = one and judge(bound, one)
      if how == "missing" then
        message = difference.why_no_interval(comparison, place) or "it has no interval"
      end
      if not one or how == "missing" then
        missing[#missing + 1] = ("%s: %s"):format(bound.name, message)
      else
        one.measure, one.bound, one.run = bound.name, bound.text, comparison.names[place]
        one.first_run = comparison.names[1]
        table.insert(found[how], one)
      end
    end
  end
  return found.exceeded, found.doubtful, missing
end

return difference
