--- A comparison as JSON: pairs of figures, then how far apart they are by each measure.
local figures = require "moontide.learn.compare_figures"
local groups = require "moontide.learn.compare_groups"
local json = require("moontide.base.json").public.json
local lists = require "moontide.kit.lists"
local measure = require "moontide.learn.compare_measure"
local yardstick = require "moontide.learn.compare_yardstick"

local compare_json = {}

local function whole(value)
  return math.tointeger(value) or value
end

local function json_pair(both)
  return both and { whole(both[1]), whole(both[2]) }
end

-- The members that there are, in this order; `before` comes first.
local function json_pairs(both, names, before)
  if not both then return nil end
  local members = { before }
  for _, name in ipairs(names) do
    if both[name] then members[#members + 1] = { tostring(name), json_pair(both[name]) } end
  end
  return json.object(members)
end

-- The same of figures that have a distance too, perhaps.
local function with_distance(both, names)
  return json_pairs(both, names, both and both.ks and { "ks", whole(both.ks) } or nil)
end

local function ascending_keys(of)
  return lists.ascending(lists.sorted_keys(of))
end

local function json_hits(self)
  if not self.hits then return nil end
  local members = {}
  for i, policy in ipairs(self.policies) do
    members[i] = { policy, json_pairs(self.hits[policy], ascending_keys(self.hits[policy])) }
  end
  return json.object(members)
end

-- A value of each measure; infinite is null.
local function json_measures(names, before, value_of)
  local members = { before }
  for _, name in ipairs(names) do
    local value = value_of(name)
    if value == math.huge then value = json.null end
    if value ~= nil then members[#members + 1] = { name, value == json.null and value or whole(value) } end
  end
  return json.object(members)
end

-- What chance makes of the measures, and what it comes from.
local function json_chance(self, names)
  if not self.chance then return nil end
  if self.chance.why then return json.object { { "of", self.chance.of }, { "why", self.chance.why } } end
  return json_measures(names, { "of", self.chance.of }, function(name)
    return yardstick.of_measure(self.chance, name)
  end)
end

--- The comparison's members in their order.
---@param self moontide.comparison
---@return table
function compare_json.of(self)
  local members = { { "traces", self.traces } }
  local function add(name, value)
    if value ~= nil then members[#members + 1] = { name, value } end
  end
  for _, name in ipairs { "requests", "blocks", "distinct_blocks" } do add(name, json_pair(self[name])) end
  for _, name in ipairs(figures.metrics) do add(name, with_distance(self[name], figures.statistics)) end
  for _, name in ipairs { "hit_infinite", "hit_infinite_request", "hit_infinite_token" } do
    add(name, json_pair(self[name]))
  end
  add("lru", json_pairs(self.lru, self.cache_sizes))
  add("hits", json_hits(self))
  add("ttl", self.ttl and json_pairs(self.ttl, ascending_keys(self.ttl)))
  add("tenths", json_pairs(self.tenths, measure.tenths))
  add("blocks_for_90_percent", json_pair(self.blocks_for_90_percent))
  add("reuse_time", json_pairs(self.reuse_time, figures.quantiles))
  add("roots", json_pair(self.roots))
  add("root_share", json_pair(self.root_share))
  add("sessions", json_pairs(self.sessions, { "count", "single" }))
  add("turns", with_distance(self.turns, figures.quantiles))
  add("think_time", with_distance(self.think_time, figures.quantiles))
  if self.early then
    add("service", json.object { { "ttft", self.service.ttft }, { "per_token", self.service.per_token } })
    add("early", json_pair(self.early))
  end
  add("rate", json_pairs(self.rate, figures.rates))
  add("dispersion", json_pairs(self.dispersion, measure.windows))
  add("input_tokens", json_pairs(self.input_tokens, measure.token_windows))
  add("output_tokens", json_pairs(self.output_tokens, measure.token_windows))
  add("by", self.by and groups.json(self.by))
  local names = measure.measurable(self)
  add("differences", json_measures(names, nil, function(name) return (measure.value(self, name)) end))
  add("chance", json_chance(self, names))
  return json.object(members)
end

return compare_json
