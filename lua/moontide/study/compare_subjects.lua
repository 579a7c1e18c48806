--- The runs that are compared: read, fit for it, what was asked of them, and their parts by a member of the
--- rows.
local json = require("moontide.base.json").public.json

local compare_subjects = {}

-- Options that say where results go and what is made of them, not what was sent.
local beside = { output_dir = true, record = true, inputs = true, json = true, fail_over = true,
  accept_invalid = true, limits = true }

-- What was asked of a run, by name, as JSON texts; nil where that is not known.
local function asked_of(run)
  local info = run.info
  if not info then
    if not run.load or not run.load.cpu then return nil end
    info = json.decode(json.encode(run))
  end
  local asked = {}
  for name, value in pairs(info.options or {}) do
    if not beside[name] then asked[name] = json.encode(value) end
  end
  for _, name in ipairs { "target", "version" } do asked[name] = json.encode(info[name]) end
  return asked
end

--- What was asked of one run and not of the other, by name: { name =, first =, second = } each, JSON texts;
--- nil where that is not known of both.
---@param first moontide.drive_run
---@param second moontide.drive_run
---@return table[]?
function compare_subjects.differing(first, second)
  local a, b = asked_of(first), asked_of(second)
  local names, list = {}, {}
  if not a or not b then return nil end
  for name in pairs(a) do names[#names + 1] = name end
  for name in pairs(b) do
    if a[name] == nil then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    if a[name] ~= b[name] then
      list[#list + 1] = { name = name, first = a[name] or "null", second = b[name] or "null" }
    end
  end
  return list
end

--- The objectives of two runs, by which goodput counts when both had the same.
---@param first moontide.drive_run
---@param second moontide.drive_run
---@return table[]?
function compare_subjects.objectives_of(first, second)
  local a, b = first.options.slo, second.options.slo
  return a and b and json.encode(a) == json.encode(b) and a or nil
end

--- Fills the pair's groups: what `make` gives of the same part of all the runs.
---@param pair moontide.run_pair
---@param lists moontide.run_group[][] of each run
---@param make fun(parts: moontide.run_group[]): moontide.run_pair?, string?, string?
---@return moontide.run_pair? pair, string? message, string? code
function compare_subjects.add_groups(pair, lists, make)
  local groups = require "moontide.study.compare_groups"
  local shared
  shared, pair.alone, pair.left_out = groups.shared(lists)
  pair.groups = {}
  for i, parts in ipairs(shared) do
    local one, message, code = make(parts)
    if not one then return nil, message, code end
    pair.groups[i] = { name = groups.name(parts), pair = one }
  end
  return pair
end

--- Of each run its parts by a member of the rows.
---@param runs moontide.drive_run[]
---@param by string
---@param objectives table[]?
---@return moontide.run_group[][]? lists, string? message, string? code
function compare_subjects.groups_of(runs, by, objectives)
  local lists = {}
  for i, run in ipairs(runs) do
    local message, code
    lists[i], message, code = require("moontide.study.compare_groups").of(run, by, objectives)
    if not lists[i] then return nil, message, code end
  end
  return lists
end

-- What a run is called.
local function name_of(value, run)
  return type(value) == "string" and value or run.folder or run.target or "a run"
end

-- Why a run can be compared with no other, or nil.
local function why_not(run, name)
  local counts = run.counts
  if counts.due == 0 then return name .. ": no request was due in this run" end
  if counts.done > 0 then return nil end
  local parts = {}
  for _, one in ipairs(run.results.failures) do parts[#parts + 1] = ("%s %d"):format(one.name, one.count) end
  return ("%s: no request was answered (%s): there is nothing to compare"):format(name,
    table.concat(parts, ", "))
end

--- Runs by what says where they are, and what they are called, each fit to be compared; or nil, message,
--- code.
---@param values any[]
---@param what string for messages: "compare: run"
---@return moontide.drive_run[]? runs, string[]|string names, string? code
function compare_subjects.runs_of(values, what)
  local past = require "moontide.drive.past"
  local runs, names = {}, {}
  for i, value in ipairs(values) do
    local run, message, code = past.of(value, ("%s %d"):format(what, i))
    if not run then return nil, message, code end
    runs[i], names[i] = run, name_of(value, run)
    message = why_not(run, names[i])
    if message then return nil, message, "input" end
  end
  return runs, names
end

--- Why a pair is none: its runs have no metric in common; nil where they have.
---@param pair moontide.run_pair
---@param names string[]
---@param place integer of the second
---@return string?
function compare_subjects.lacks_common(pair, names, place)
  if next(pair.metrics) then return nil end
  return ("%s and %s have no metric in common"):format(names[1], names[place])
end

return compare_subjects
