--- Two traces side by side by the values of a member: requests, rates and mean lengths of each.
local json = require("moontide.base.json").public.json
local profile = require "moontide.learn.profile"
local texts = require "moontide.kit.text"

local groups = {}

---@class moontide.group_pair
---@field value string of the member; "" of requests without it
---@field requests moontide.number_pair 0 where a trace has none with it
---@field requests_per_second moontide.number_pair? absent where a trace has no two times
---@field input_length { [1]: number?, [2]: number? } mean tokens; nil where there are none
---@field output_length { [1]: number?, [2]: number? }

--- What counts a trace's requests by a member: a profile of core.
---@param by string
---@return userdata
function groups.open(by)
  return profile.open { by = by, no_series = true }
end

local function by_value(counted)
  local known = {}
  for _, group in ipairs(counted.by) do known[group.value] = group end
  return known
end

local function mean_of(group, sum)
  if not group or group.requests == 0 then return nil end
  return group[sum] / group.requests
end

--- Puts what was counted of two traces side by side, in the order in which values come in the first, then in
--- the second.
---@param by string
---@param first userdata what groups.open gave
---@param second userdata
---@return moontide.group_pair[]
function groups.of(by, first, second)
  local counted = { profile.result(first, { by = by }), profile.result(second, { by = by }) }
  local known = { by_value(counted[1]), by_value(counted[2]) }
  local list, seen = {}, {}
  for _, one in ipairs(counted) do
    for _, group in ipairs(one.by) do
      local value = group.value
      if not seen[value] then
        seen[value] = true
        local a, b = known[1][value], known[2][value]
        local requests = { a and a.requests or 0, b and b.requests or 0 }
        local durations = { counted[1].duration or 0, counted[2].duration or 0 }
        list[#list + 1] = { value = value, requests = requests,
          requests_per_second = durations[1] > 0 and durations[2] > 0
            and { requests[1] / durations[1], requests[2] / durations[2] } or nil,
          input_length = { mean_of(a, "input_tokens"), mean_of(b, "input_tokens") },
          output_length = { mean_of(a, "output_tokens"), mean_of(b, "output_tokens") } }
      end
    end
  end
  return list
end

local function rate_text(value)
  return value and ("%.6g"):format(value) or "N/A"
end

local function difference(requests)
  if requests[1] == 0 then return "N/A" end
  return ("%+.1f %%"):format(100 * (requests[2] - requests[1]) / requests[1])
end

--- As a table for people.
---@param by string
---@param list moontide.group_pair[]
---@return string
function groups.text(by, list)
  local cells = { { "by " .. by, "Requests A", "B", "Difference", "per Second A", "B", "Mean ISL A", "B",
    "Mean OSL A", "B" } }
  for _, one in ipairs(list) do
    local rates = one.requests_per_second or {}
    cells[#cells + 1] = { one.value == "" and "(none)" or one.value, texts.number(one.requests[1], 0),
      texts.number(one.requests[2], 0), difference(one.requests), rate_text(rates[1]), rate_text(rates[2]),
      texts.number(one.input_length[1], 1), texts.number(one.input_length[2], 1),
      texts.number(one.output_length[1], 1), texts.number(one.output_length[2], 1) }
  end
  return texts.aligned(cells)
end

local function pair(both)
  if not both then return nil end
  local values = {}
  for i = 1, 2 do
    values[i] = both[i] == nil and json.null or math.tointeger(both[i]) or both[i]
  end
  return json.array(values)
end

--- For JSON: an object by the values.
---@param list moontide.group_pair[]
---@return table
function groups.json(list)
  local members = {}
  for i, one in ipairs(list) do
    members[i] = { one.value, json.object {
      { "requests", pair(one.requests) }, { "requests_per_second", pair(one.requests_per_second) },
      { "input_length", pair(one.input_length) }, { "output_length", pair(one.output_length) } } }
  end
  return json.object(members)
end

return groups
