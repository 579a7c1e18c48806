--- Runs compared by a member of their rows: which values both have, and the requests of each.
local by_endpoint = require "moontide.drive.by_endpoint"
local json = require("moontide.base.json").public.json
local past = require "moontide.drive.past"
local span = require "moontide.drive.span"

local compare_groups = {}

--- So many values are compared: each costs as much as a comparison.
compare_groups.most = 50

---@class moontide.run_group
---@field value string as core has it
---@field name string as JSON
---@field results table

-- Numbers of URLs by size; other values stay in the order of their first request.
local function named(groups, by, urls)
  local list = {}
  for i, group in ipairs(groups) do
    list[i] = { value = group.value, name = group.value, results = group.results }
  end
  if by ~= by_endpoint.name then return list end
  table.sort(list, function(a, b) return tonumber(a.value) < tonumber(b.value) end)
  for _, one in ipairs(list) do one.name = json.encode(urls[tonumber(one.value) + 1] or one.value) end
  return list
end

--- The values that the requests of a run have of a member, with the results of each.
---@param run moontide.drive_run
---@param by string
---@param objectives table[]?
---@return moontide.run_group[]? groups, string? message, string? code
function compare_groups.of(run, by, objectives)
  local read, message, code = run:requests()
  if not read then return nil, message, code end
  if by == by_endpoint.name and not run.info and run.folder then -- a fresh run: its folder knows
    run, message, code = past.run(run.folder)
    if not run then return nil, message, code end
  end
  local wrong = past.wrong_by(run, read, by)
  if wrong then return nil, wrong, "usage" end
  local window = span.window(run.options) or {}
  local inside, outside, groups = read:results { by = by, objectives = objectives,
    start = run.start + run.epoch, window_begin = window.from, window_end = window.to }
  if not inside then return nil, outside, groups end
  return named(groups, by, run.urls)
end

--- The values that all have, in the order of the first list, each with a group of every list; the names of
--- those that not all have, in the order in which they are found; and how many more than `most` all have.
---@param lists moontide.run_group[][]
---@return moontide.run_group[][] shared, string[] alone, integer left_out
function compare_groups.shared(lists)
  local by_value, shared, alone, left_out = {}, {}, {}, 0
  for i, list in ipairs(lists) do
    for _, one in ipairs(list) do
      local found = by_value[one.value] or { count = 0, first = one }
      by_value[one.value] = found
      found[i], found.count = one, found.count + 1
    end
  end
  for _, list in ipairs(lists) do
    for _, one in ipairs(list) do
      local found = by_value[one.value]
      if found.first == one and found.count < #lists then
        alone[#alone + 1] = one.name
      elseif found.first == one and #shared < compare_groups.most then
        shared[#shared + 1] = found
      elseif found.first == one then
        left_out = left_out + 1
      end
    end
  end
  return shared, alone, left_out
end

--- What a value is called where several runs have it: the names that it has in them, which differ where URLs
--- do.
---@param groups moontide.run_group[] of every run
---@return string
function compare_groups.name(groups)
  local names, seen = {}, {}
  for _, one in ipairs(groups) do
    if not seen[one.name] then names[#names + 1] = one.name end
    seen[one.name] = true
  end
  return table.concat(names, " | ")
end

return compare_groups
