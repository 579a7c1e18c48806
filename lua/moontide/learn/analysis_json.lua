--- An analysis as JSON, and the pieces of it that other values share.
local analysis_show = require "moontide.learn.analysis_show"
local cache_options = require "moontide.learn.cache_options"
local json = require("moontide.base.json").public.json
local lists = require "moontide.kit.lists"

local analysis_json = {}

local statistics = analysis_show.columns.statistics
local far_statistics = analysis_show.columns.far_statistics
local quantiles = analysis_show.columns.quantiles

local function whole(value)
  return value and math.tointeger(value) or value
end

--- An object of these fields in this order; nil stays nil.
---@param values table?
---@param names (string|table)[] names, or lists that begin with one
---@return table?
function analysis_json.object(values, names)
  if not values then return nil end
  local members = {}
  for i, name in ipairs(names) do
    if type(name) == "table" then name = name[1] end
    members[i] = { name, whole(values[name]) }
  end
  return json.object(members)
end

local object = analysis_json.object

local function list(values, names)
  if not values then return nil end
  local items = {}
  for i, value in ipairs(values) do items[i] = object(value, names) end
  return json.array(items)
end

local function lru_object(points)
  if not points then return nil end
  local members = {}
  for i, point in ipairs(points) do members[i] = { tostring(point[1]), whole(point[2]) } end
  return json.object(members)
end

local function tiers_member(played)
  return { "tiers", list(played.tiers, { "size", "block", "moved_up", "moved_down", "evicted" }) }
end

local function replicas_array(replicas)
  local items = {}
  for i, replica in ipairs(replicas) do
    local members = {}
    for k, name in ipairs { "requests", "blocks", "block" } do members[k] = { name, whole(replica[name]) } end
    if replica.tiers then members[#members + 1] = tiers_member(replica) end
    items[i] = json.object(members)
  end
  return json.array(items)
end

-- What a cache hit, and what else is known of several.
local function figures_object(played)
  local members = {}
  for _, name in ipairs { "block", "request", "token", "within", "across" } do
    members[#members + 1] = { name, whole(played[name]) }
  end
  if played.by then
    local groups = {}
    local fields = { "requests", "blocks", "block", "request", "token", "within", "across" }
    for i, group in ipairs(played.by) do groups[i] = { group.value, object(group, fields) } end
    members[#members + 1] = { "by", json.object(groups) }
  end
  if played.error then
    members[#members + 1] = { "error", object(played.error, { "block", "request", "token" }) }
  end
  if played.tiers then members[#members + 1] = tiers_member(played) end
  if played.replicas then
    members[#members + 1] = { "imbalance", whole(played.imbalance) }
    members[#members + 1] = { "replicas", replicas_array(played.replicas) }
  end
  return json.object(members)
end

-- Figures by number (size, age), the numbers going up.
local function by_number(figures)
  if not figures then return nil end
  local members = {}
  for i, key in ipairs(lists.ascending(lists.sorted_keys(figures))) do
    members[i] = { ("%.17g"):format(key), figures_object(figures[key]) }
  end
  return json.object(members)
end

-- Those of replicas, by the cache of each and by how many they are.
local function by_cache(figures)
  local members = {}
  for i, key in ipairs(lists.ascending(lists.sorted_keys(figures))) do
    members[i] = { tostring(key), by_number(figures[key]) }
  end
  return json.object(members)
end

-- What `of` makes of each policy's figures.
local function by_policy(figures, of)
  if not figures then return nil end
  local members = {}
  for _, policy in ipairs(cache_options.names) do
    if figures[policy] then members[#members + 1] = { policy, of(figures[policy]) } end
  end
  return json.object(members)
end

-- Hit ratios of one stretch of time, by size.
local function ratios_by_size(ratios)
  local members = {}
  for i, size in ipairs(lists.ascending(lists.sorted_keys(ratios))) do
    members[i] = { tostring(size), whole(ratios[size]) }
  end
  return json.object(members)
end

local function over_time_array(bins)
  if not bins then return nil end
  local items = {}
  for i, bin in ipairs(bins) do
    local members = {}
    for k, name in ipairs { "start", "requests", "rate", "blocks", "hit_ratio", "distinct_blocks" } do
      members[k] = { name, whole(bin[name]) }
    end
    if bin.hits then members[#members + 1] = { "hits", by_policy(bin.hits, ratios_by_size) } end
    items[i] = json.object(members)
  end
  return json.array(items)
end

local function sessions_object(sessions)
  if not sessions then return nil end
  return json.object {
    { "count", sessions.count }, { "given", sessions.given }, { "single", sessions.single },
    { "turns", object(sessions.turns, quantiles) }, { "think_time", object(sessions.think_time, quantiles) },
  }
end

-- One member a window, by its seconds; without timestamps there is nothing to say.
local function by_window(arrivals, value)
  if #arrivals == 0 then return nil end
  local members = {}
  for i, window in ipairs(arrivals) do members[i] = { tostring(window.window), value(window) } end
  return json.object(members)
end

--- Metrics for JSON, numbers with all their digits; what is not known is null.
---@param metrics table<string, moontide.metric>
---@param rows { [1]: string, [2]: string }[] name and title, in this order
---@param columns? table[] statistics, seven without it
---@return table
function analysis_json.metrics(metrics, rows, columns)
  local members = {}
  for i, row in ipairs(rows) do members[i] = { row[1], object(metrics[row[1]], columns or statistics) } end
  return json.object(members)
end

--- An analysis for JSON: the metrics as they always were, then what is said of caches and of time. What
--- is not known is null.
---@param analysis moontide.analysis
---@return table
function analysis_json.analysis(analysis)
  local function rate(window)
    return object(window, { "windows", "requests", "mean", "peak", "coefficient_of_variation" })
  end
  local function dispersion(window) return whole(window.variance_over_mean) end
  local members = {
    { "requests", analysis.requests }, { "blocks", analysis.blocks },
    { "metrics", analysis_json.metrics(analysis.metrics, analysis_show.rows, far_statistics) },
    { "distinct_blocks", analysis.distinct_blocks },
    { "hit_infinite", object(analysis.hit_infinite, { "request", "block", "token" }) },
    { "hit_sessions", object(analysis.hit_sessions, { "within", "across" }) },
    { "lru", lru_object(analysis.lru) }, { "hits", by_policy(analysis.hits, by_number) },
    { "blocks_for_90_percent", analysis.blocks_for_90_percent },
    { "reuse_time", object(analysis.reuse_time, quantiles) },
    { "prefixes", list(analysis.prefixes, { "requests", "share", "blocks", "tokens" }) },
    { "sessions", sessions_object(analysis.sessions) },
    { "over_time", over_time_array(analysis.over_time) },
    { "arrivals", by_window(analysis.arrivals, rate) },
    { "dispersion", by_window(analysis.arrivals, dispersion) },
    { "clock", object(analysis.clock, { "period", "offset", "instants" }) },
  }
  for _, more in ipairs {
    { "ttl", by_number(analysis.ttl) }, { "tiers", by_policy(analysis.tiers, figures_object) },
    { "replicas", by_policy(analysis.replicas, by_cache) },
  } do
    if more[2] then members[#members + 1] = more end
  end
  if analysis.drawn_from then members[#members + 1] = { "drawn_from", analysis.drawn_from } end
  return json.object(members)
end

return analysis_json
