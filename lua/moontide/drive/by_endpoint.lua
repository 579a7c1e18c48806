--- Results by endpoint: which of several URLs requests went to, by the name that `by` has for it, and how
--- far the endpoints are apart.
local json = require("moontide.base.json").public.json
local span = require "moontide.drive.span"

local by_endpoint = {}

--- The `by` of results by endpoint.
by_endpoint.name = "endpoint"

-- The URLs, of which one that is given twice is two endpoints.
local function names_of(urls)
  local names, seen = {}, {}
  for i, url in ipairs(urls) do
    local times = (seen[url] or 0) + 1
    seen[url], names[i] = times, times == 1 and url or ("%s (%d)"):format(url, times)
  end
  return names
end

--- Core's groups, whose values are the endpoints' numbers from 0, in the order of the URLs and by their
--- names. An endpoint that no request went to has the results that `empty` gives.
---@param groups table[] { value =, results = } each
---@param urls string[]
---@param empty fun(): table results of nothing
---@return table[] groups
function by_endpoint.groups(groups, urls, empty)
  local by_number, named = {}, {}
  for _, group in ipairs(groups) do by_number[group.value] = group.results end
  for i, name in ipairs(names_of(urls)) do
    named[i] = { value = json.encode(name), results = by_number[tostring(i - 1)] or empty() }
  end
  return named
end

-- What endpoints are compared in: a metric, its statistic, its title.
local measures = {
  { "time_to_first_token", "p50", "TTFT p50" }, { "time_to_first_token", "p99", "TTFT p99" },
  { "inter_token_latency", "p50", "ITL p50" }, { "request_latency", "p50", "latency p50" },
  { "request_latency", "p99", "latency p99" }, { "output_token_throughput", "avg", "output tokens/s" },
}

---@class moontide.endpoint_row
---@field name string
---@field results table
---@field values table<integer, number> by the place of their title

--- The endpoints of a run that was divided by them, side by side: a row each, the titles of their values, and
--- of each value, and of the requests that were due, how many times the least of them the largest is (nil
--- where not all have it, or one is 0).
---@param run moontide.drive_run
---@return moontide.endpoint_row[] rows, string[] titles, table<integer, number> ratios, number? due
function by_endpoint.rows(run)
  local rows, titles, ratios = {}, {}, {}
  local function ratio(value_of)
    local least, most
    for _, row in ipairs(rows) do
      local value = value_of(row)
      if not value or value <= 0 then return nil end
      least, most = math.min(least or value, value), math.max(most or value, value)
    end
    return least and most / least
  end
  for i, group in ipairs(run.groups) do
    local _, by_key = span.metrics_of_member(run, group.results)
    local values = {}
    for k, one in ipairs(measures) do values[k] = (by_key[one[1]] or {})[one[2]] end
    rows[i] = { name = json.decode(group.value), results = group.results, values = values }
  end
  for k, one in ipairs(measures) do
    titles[k] = one[3]
    ratios[k] = ratio(function(row) return row.values[k] end)
  end
  return rows, titles, ratios, ratio(function(row) return row.results.due end)
end

return by_endpoint
