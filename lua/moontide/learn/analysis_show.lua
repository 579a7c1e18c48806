--- How an analysis is shown to people: as tables and charts. For programs: analysis_json.
local axis = require "moontide.draw.axis"
local cache_options = require "moontide.learn.cache_options"
local lists = require "moontide.kit.lists"
local text = require "moontide.kit.text"

local show = {}

-- --- tables ----------------------------------------------------------------------------------------

local number, counted, layout, time_text = text.number, text.grouped_count, text.aligned, text.time

local statistics = {
  { "mean", "Mean" }, { "std", "Std Dev" }, { "min", "Min" }, { "p25", "P25" },
  { "median", "Median" }, { "p75", "P75" }, { "max", "Max" },
}

-- The same with what lies far out, of a trace that is analysed.
local far_statistics = {
  { "mean", "Mean" }, { "std", "Std Dev" }, { "min", "Min" }, { "p25", "P25" }, { "median", "Median" },
  { "p75", "P75" }, { "p90", "P90" }, { "p95", "P95" }, { "p99", "P99" }, { "max", "Max" },
}

local quantiles = {
  { "mean", "Mean" }, { "min", "Min" }, { "p10", "P10" }, { "p25", "P25" }, { "median", "Median" },
  { "p75", "P75" }, { "p90", "P90" }, { "p95", "P95" }, { "p99", "P99" },
  { "max", "Max" },
}

show.columns = { statistics = statistics, far_statistics = far_statistics, quantiles = quantiles }

--- The metrics of a trace, as `moontide analyze` orders them; the last one needs its order.
show.rows = {
  { "input_length", "Input Length" }, { "context_length", "Context Length" },
  { "unique_prompt_length", "Unique Prompt Length" }, { "output_length", "Output Length" },
  { "theoretical_hit_rate", "Theoretical Hit Rates" },
}

-- A line each of `wanted` ({ name, title }), the statistics of values[name] in columns. `fine` ones have
-- three decimals where they are small.
local function statistics_table(values, wanted, columns)
  local cells = { { "" } }
  for _, column in ipairs(columns) do table.insert(cells[1], column[2]) end
  for _, row in ipairs(wanted) do
    local line, of = { row[2] }, values[row[1]] or {}
    local decimals = row.fine and of.max and of.max < 10 and 3 or 2
    for _, column in ipairs(columns) do line[#line + 1] = number(of[column[1]], decimals) end
    cells[#cells + 1] = line
  end
  return layout(cells)
end

--- Metrics as a table for people: a line a metric, seven statistics in columns.
---@param metrics table<string, moontide.metric>
---@param wanted { [1]: string, [2]: string }[] name and title of each line
---@param columns? table[] statistics instead of those seven
---@return string
function show.metrics(metrics, wanted, columns)
  return statistics_table(metrics, wanted, columns or statistics)
end

--- The same of quantiles; a line with `fine = true` has three decimals where its values are small.
---@param values table<string, moontide.quantiles>
---@param wanted table[] name and title of each line
---@return string
function show.quantiles(values, wanted)
  return statistics_table(values, wanted, quantiles)
end

-- --- the parts of the report -----------------------------------------------------------------------

--- The hit ratio of an LRU cache drawn against its size.
---@param analysis moontide.analysis with hash_ids
---@param style moontide.chart_style
---@return string
function show.hit_curve(analysis, style)
  local to = math.max(2, analysis.distinct_blocks)
  local from = to < 1000 and 1 or 100
  local line = require "moontide.draw.line"
  local bins, values = line.bins(nil, style), {}
  for i = 1, bins do
    values[i] = analysis:hit_ratio(math.floor(from * (to / from) ^ (i / bins) + 0.5))
  end
  return line.draw({
    series = { values }, x_from = from, x_to = to, x_scale = "log", x_unit = "blocks", height = 8,
    title = "Hit ratio by block of an LRU cache, by its size",
  }, style)
end

local function ratio(value) return number(value, 3) end

local function hits_section(analysis)
  if not analysis.hit_infinite then return "Hit ratio of an LRU cache: N/A, no request has hash_ids" end
  local cells = { { "LRU Cache, Blocks", "Hit Ratio by Request", "by Block", "by Token" } }
  for _, point in ipairs(analysis.lru) do
    local size = point[1]
    cells[#cells + 1] = { number(size, 0), ratio(analysis:hit_ratio(size, "request")),
      ratio(point[2]), ratio(analysis:hit_ratio(size, "token")) }
  end
  local infinite = analysis.hit_infinite
  cells[#cells + 1] = { "infinite", ratio(infinite.request), ratio(infinite.block), ratio(infinite.token) }
  if analysis.touch == "root" then return layout(cells) end
  return layout(cells) .. "\nTouched from the last block of a request to the first, here and below"
end

-- Hit ratios by block, a line a size and a column a policy; nil where only LRU as above was asked for.
local function policies_section(analysis)
  local hits = analysis.hits
  local wanted, sizes, is_sampled = {}, {}, false
  for _, policy in ipairs(cache_options.names) do
    if hits and hits[policy] then wanted[#wanted + 1] = policy end
  end
  if #wanted == 0 or (#wanted == 1 and wanted[1] == "lru") then return nil end
  local cells = { { "Hit Ratio by Block, Cache of" } }
  for _, policy in ipairs(wanted) do table.insert(cells[1], policy) end
  for size in pairs(hits[wanted[1]]) do sizes[#sizes + 1] = size end
  for _, size in ipairs(lists.ascending(sizes)) do
    local line = { number(size, 0) .. " blocks" }
    for _, policy in ipairs(wanted) do
      local played = hits[policy][size]
      line[#line + 1] = ratio(played.block)
        .. (played.error and (" +- %.3f"):format(2 * played.error.block) or "")
      is_sampled = is_sampled or played.error ~= nil
    end
    cells[#cells + 1] = line
  end
  local shown = layout(cells)
  return is_sampled and shown .. "\n+-: two standard errors of what is sampled" or shown
end

-- Hit ratios by block by the values of a member: a line a policy, size and value.
local function groups_section(analysis)
  if not analysis.by then return nil end
  local title = "by " .. analysis.by
  local cells = { { title, "Cache", "Requests", "Hit Ratio by Request", "by Block", "by Token" } }
  for _, policy in ipairs(cache_options.names) do
    local sizes = analysis.hits[policy]
    for _, size in ipairs(sizes and lists.ascending(lists.sorted_keys(sizes)) or {}) do
      for _, group in ipairs(sizes[size].by or {}) do
        cells[#cells + 1] = { group.value == "" and "(none)" or group.value,
          ("%s, %s"):format(policy, number(size, 0)), number(group.requests, 0), ratio(group.request),
          ratio(group.block), ratio(group.token) }
      end
    end
  end
  return layout(cells)
end

local function ages_section(analysis)
  if not analysis.ttl then return nil end
  local since = analysis.ttl_since == "write" and "Computed" or "Used"
  local cells = {
    { ("Without Limit, %s At Most"):format(since), "Hit Ratio by Request", "by Block", "by Token" },
  }
  for _, age in ipairs(lists.ascending(lists.sorted_keys(analysis.ttl))) do
    local played = analysis.ttl[age]
    cells[#cells + 1] = { axis.number(age) .. " s ago", ratio(played.request), ratio(played.block),
      ratio(played.token) }
  end
  return layout(cells)
end

local function tier_cells(name, size, tier)
  return { name, size, ratio(tier.block), number(tier.moved_up, 0), number(tier.moved_down, 0),
    number(tier.evicted, 0) }
end

local moves = "Moved up: blocks that hit here and went to the first tier; moved down: that the tier above "
  .. "evicted\nto this one; evicted: from this one, of the last tier for good"

local function tiers_section(analysis)
  if not analysis.tiers then return nil end
  local cells = { { "Tiers", "Blocks", "Hit Ratio by Block", "Moved Up", "Moved Down", "Evicted" } }
  for _, policy in ipairs(cache_options.names) do
    local played = analysis.tiers[policy]
    local all = { block = played and played.block, moved_up = 0, moved_down = 0 }
    for i, tier in ipairs(played and played.tiers or {}) do
      cells[#cells + 1] = tier_cells(("%s %d"):format(policy, i), number(tier.size, 0), tier)
      all.moved_up, all.moved_down = all.moved_up + tier.moved_up, all.moved_down + tier.moved_down
      all.evicted = tier.evicted
    end
    if played then cells[#cells + 1] = tier_cells(policy, "all", all) end
  end
  return layout(cells) .. "\n" .. moves
end

-- The least and the most of a field over the replicas.
local function span(replicas, field, decimals)
  local least, most = math.huge, -math.huge
  for _, replica in ipairs(replicas) do
    if replica[field] then
      least, most = math.min(least, replica[field]), math.max(most, replica[field])
    end
  end
  if most < least then return "N/A" end
  return number(least, decimals) .. " to " .. number(most, decimals)
end

-- Calls with policy, cache of each, how many, and the figures of the replicas, in their order.
local function each_replicas(analysis, call)
  for _, policy in ipairs(cache_options.names) do
    local by_cache = analysis.replicas[policy] or {}
    for _, cache in ipairs(lists.ascending(lists.sorted_keys(by_cache))) do
      for _, count in ipairs(lists.ascending(lists.sorted_keys(by_cache[cache]))) do
        call(policy, cache, count, by_cache[cache][count])
      end
    end
  end
end

local function replicas_section(analysis)
  if not analysis.replicas then return nil end
  local cells = { { "Replicas, " .. analysis.route, "Cache of Each", "Hit Ratio by Block", "of Each",
    "Requests of Each", "Imbalance" } }
  each_replicas(analysis, function(policy, cache, count, played)
    local size = played.tiers and text.count(#played.tiers, "tier") or counted(cache, "block")
    cells[#cells + 1] = { number(count, 0), policy .. ", " .. size, ratio(played.block),
      span(played.replicas, "block", 3), span(played.replicas, "requests", 0), number(played.imbalance, 2) }
  end)
  return layout(cells) .. "\nImbalance: what the replica with most to compute had, in parts of the mean"
end

-- Of replicas that have tiers: a line a tier, of all of them together.
local function replica_tiers_section(analysis)
  if not analysis.replicas then return nil end
  local cells = { { "Replicas", "Tiers of Each", "Blocks of Each", "Hit Ratio by Block", "of Each",
    "Moved Up", "Moved Down", "Evicted" } }
  each_replicas(analysis, function(policy, _, count, played)
    for i, tier in ipairs(played.tiers or {}) do
      local of_each = {}
      for k, replica in ipairs(played.replicas) do of_each[k] = replica.tiers[i] end
      local line = tier_cells(number(count, 0), ("%s %d"):format(policy, i), tier)
      table.insert(line, 3, number(tier.size, 0))
      table.insert(line, 5, span(of_each, "block", 3))
      cells[#cells + 1] = line
    end
  end)
  return cells[2] and layout(cells) .. "\n" .. moves
end

local function drawn_section(analysis)
  if not analysis.drawn_from then return nil end
  return ("What prompts share looks drawn, block by block from about %s: a tool that knew only their "
    .. "lengths\ninvented it, and no server would see it. 'moontide convert' makes prompts unique unless "
    .. "told otherwise."):format(number(analysis.drawn_from, 0))
end

local function attainable(analysis)
  local hits = analysis.hit_sessions
  if not hits then return nil end
  local lines = { counted(analysis.distinct_blocks, "distinct block") }
  if analysis.blocks_for_90_percent then
    local blocks = analysis.blocks_for_90_percent
    lines[1] = ("%s; %s of cache (%s) reach 90 %% of the attainable hits"):format(lines[1],
      counted(blocks, "block"), counted(blocks * analysis.block_size, "token"))
  end
  lines[2] = ("Infinite cache by block: %s within a session, %s across sessions"):format(ratio(hits.within),
    ratio(hits.across))
  return table.concat(lines, "\n")
end

--- How an analysis knows which requests make a session.
---@param analysis moontide.analysis with sessions
---@return string
function show.sessions_origin(analysis)
  local given = analysis.sessions.given
  if given == analysis.requests then return "by session_id" end
  if given > 0 then return ("session_id of %s, the rest inferred"):format(counted(given, "request")) end
  return "inferred: requests that go on where an earlier one ended"
end

local function sessions_title(analysis)
  local sessions = analysis.sessions
  if not sessions then return "Sessions: N/A, no request has hash_ids or a session_id" end
  local title = ("%s (%s), %s of one turn"):format(counted(sessions.count, "session"),
    show.sessions_origin(analysis), number(sessions.single, 0))
  if sessions.given == analysis.requests then return title end
  return title .. "\nWhere a prompt falls back a little, as a compacted one, another session begins; a model "
    .. "of 'learn' goes on with it."
end

local function times_section(analysis)
  local sessions = analysis.sessions or {}
  local shown = sessions_title(analysis) .. "\n" .. statistics_table(
    { reuse = analysis.reuse_time, turns = sessions.turns, think = sessions.think_time },
    { { "reuse", "Reuse Time (s)", fine = true }, { "turns", "Turns per Session" },
      { "think", "Think Time (s)", fine = true } }, quantiles)
  if analysis.backward > 0 then
    shown = shown .. "\nReuse Time: N/A, the timestamps of " .. counted(analysis.backward, "request")
      .. " go back ('moontide cat --sort' puts them in order)"
  end
  return shown
end

local function prefixes_section(analysis)
  if not analysis.prefixes then return nil end
  if #analysis.prefixes == 0 then return "Shared Prefixes: none" end
  local cells = { { "Shared Prefix", "Requests", "Share", "Blocks", "Tokens" } }
  for i, prefix in ipairs(analysis.prefixes) do
    cells[#cells + 1] = { tostring(i), number(prefix.requests, 0), ("%.2f %%"):format(100 * prefix.share),
      number(prefix.blocks, 0), number(prefix.tokens, 0) }
  end
  return layout(cells)
end

-- From this share of the requests on the incomplete last window is told.
local least_last = 0.05
local few_requests = 100

local function arrivals_section(analysis)
  if #analysis.arrivals == 0 then return "Requests per Second: N/A, no request has a timestamp" end
  local cells = { { "Requests per Second", "Mean", "Peak", "CV", "Variance/Mean" } }
  for _, window in ipairs(analysis.arrivals) do
    local cv, dispersion = window.coefficient_of_variation, window.variance_over_mean
    cells[#cells + 1] = { ("in windows of %s s"):format(number(window.window, 0)), number(window.mean, 2),
      number(window.peak, 2), number(cv, 2), number(dispersion, 2) }
  end
  local lines = { layout(cells) }
  for _, window in ipairs(analysis.arrivals) do
    local all = window.requests + window.last_requests
    if window.last_seconds > 0 and all >= few_requests and window.last_requests > least_last * all then
      lines[#lines + 1] = ("The last window of %s s is incomplete (%.4g s) and not in mean and CV: %s "
        .. "requests, %s per second"):format(number(window.window, 0), window.last_seconds,
        number(window.last_requests, 0),
        number(window.last_requests / window.last_seconds, 2))
    end
  end
  return table.concat(lines, "\n")
end

local function over_time_section(analysis)
  local bins = analysis.over_time
  if not bins then return nil end
  local cells = { { "From", "Requests", "per Second", "Blocks", "Hit Ratio by Block", "Distinct Blocks" } }
  for _, bin in ipairs(bins) do
    cells[#cells + 1] = { time_text(bin.start), number(bin.requests, 0), number(bin.rate, 2),
      number(bin.blocks, 0), ratio(bin.hit_ratio), number(bin.distinct_blocks, 0) }
  end
  return "Over time, infinite cache\n" .. layout(cells)
end

local function clock_section(analysis)
  local clock = analysis.clock
  if not clock then return nil end
  return table.concat {
    "The timestamps lie on a grid of ", axis.number(clock.period), " s (",
    counted(clock.instants, "instant"), "): replayed as they are, they make bursts that never were.\n",
    "'moontide cat --dequantize' spreads them.",
  }
end

--- All of an analysis for people.
---@param analysis moontide.analysis
---@param style moontide.chart_style
---@return string
function show.report(analysis, style)
  local parts = { hits_section(analysis) }
  if not analysis.caches_only then table.insert(parts, 1, tostring(analysis)) end
  local function add(part) parts[#parts + 1] = part end
  add(policies_section(analysis))
  add(groups_section(analysis))
  add(ages_section(analysis))
  add(tiers_section(analysis))
  add(replicas_section(analysis))
  add(replica_tiers_section(analysis))
  add(drawn_section(analysis))
  add(attainable(analysis))
  add(analysis.lru and show.hit_curve(analysis, style))
  add(prefixes_section(analysis))
  if analysis.caches_only then return table.concat(parts, "\n\n") end
  add(times_section(analysis))
  add(over_time_section(analysis))
  add(arrivals_section(analysis))
  add(clock_section(analysis))
  return table.concat(parts, "\n\n")
end

return show
