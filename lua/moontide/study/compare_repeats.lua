--- Several runs against several: is a difference larger than what repeated runs differ by anyway?
--
-- Each run gives one value of a measure (its mean, its p99, ...). Of the n values of a side stand the mean
-- and the spread, the sample deviation s between the runs. The difference of the two means has Welch's
-- interval (B. L. Welch, Biometrika 34, 1947): difference +- t * sqrt(sA^2 / nA + sB^2 / nB), with t of
-- Student's distribution at the degrees of freedom of Welch and Satterthwaite, rounded down, which widens it.
-- The sides need not vary alike. With two or three runs of a side t is large (12.7 at one degree, 4.3 at
-- two), and so only large differences are shown; a permutation of three against three could not show any at
-- 95 %.
local interval = require "moontide.kit.interval"
local span = require "moontide.drive.span"
local summary = require "moontide.drive.summary"

local compare_repeats = {}

-- The mean and the sample deviation; nil deviation of one value.
local function mean_and_spread(values)
  local sum, squares = 0, 0
  for _, value in ipairs(values) do sum = sum + value end
  local mean = sum / #values
  if #values < 2 then return mean, nil end
  for _, value in ipairs(values) do squares = squares + (value - mean) ^ 2 end
  return mean, math.sqrt(squares / (#values - 1))
end

--- The numbers of a measure of which each run of either side has a value: { first =, second = (means),
--- spreads = {of either}, low =, high = }, without those three where a side has one run.
---@param first number[]
---@param second number[]
---@param share? number of cases in which the interval is to hold the difference; 0.95
---@return table numbers
function compare_repeats.numbers(first, second, share)
  local means, spreads, parts = {}, {}, {}
  for s, values in ipairs { first, second } do
    means[s], spreads[s] = mean_and_spread(values)
    if not spreads[s] then return { first = mean_and_spread(first), second = mean_and_spread(second) } end
    parts[s] = spreads[s] ^ 2 / #values
  end
  local distance, variance = means[2] - means[1], parts[1] + parts[2]
  local half = 0
  if variance > 0 then
    local degrees = variance ^ 2 / (parts[1] ^ 2 / (#first - 1) + parts[2] ^ 2 / (#second - 1))
    -- Rounded down but for what rounding took from a whole number.
    degrees = math.max(1, math.floor(degrees * (1 + 1e-12)))
    half = interval.quantile(share or 0.95, degrees) * math.sqrt(variance)
  end
  return { first = means[1], second = means[2], spreads = spreads,
    low = distance - half, high = distance + half }
end

---@class moontide.run_figures
---@field by_key table<string, moontide.metric_summary>
---@field error_rate number?
---@field counts table<string, integer> of values by metric

--- What is compared of the results of a run, or of a part of it.
---@param run moontide.drive_run
---@param part table? the results of the part
---@param has_objectives boolean all the runs had the same
---@return moontide.run_figures
function compare_repeats.figures(run, part, has_objectives)
  local results = part or run.results
  local by_key = select(2, (part and span.metrics_of_member or span.metrics)(run, part))
  if not has_objectives then by_key.goodput = nil end
  local bad = results.due - results.done
  return { by_key = by_key, error_rate = results.due > 0 and bad / results.due or nil }
end

local function value_of(figures, key, statistic)
  if key == "error_rate" then return figures.error_rate end
  local metric = figures.by_key[key]
  return metric and metric[statistic or "avg"]
end

-- The numbers of a measure, nil where a run of either side lacks it.
local function numbers_of(sides, key, statistic)
  local values = { {}, {} }
  for s, side in ipairs(sides) do
    for i, figures in ipairs(side) do
      local value = value_of(figures, key, statistic)
      if not value then return nil end
      values[s][i] = value
    end
  end
  return compare_repeats.numbers(values[1], values[2])
end

local function count_of(side, key)
  local sum = 0
  for _, figures in ipairs(side) do sum = sum + ((figures.by_key[key] or {}).count or 0) end
  return sum
end

--- The differences of two sides of runs, as of two runs, but from run to run.
---@param sides moontide.run_figures[][] two lists
---@param statistics string[]
---@param rates string[]
---@return moontide.run_pair
function compare_repeats.pair(sides, statistics, rates)
  local pair = { repeats = { #sides[1], #sides[2] }, metrics = {}, rates = {} }
  for _, metric in ipairs(summary.of_requests()) do
    local counts = { count_of(sides[1], metric.key), count_of(sides[2], metric.key) }
    local one = { counts = counts }
    for _, statistic in ipairs(statistics) do one[statistic] = numbers_of(sides, metric.key, statistic) end
    if one.avg then pair.metrics[metric.key] = one end
  end
  for _, key in ipairs(rates) do pair.rates[key] = numbers_of(sides, key) end
  return pair
end

return compare_repeats
