--- How runs are compared: each with the first, or those of one side with those of another; whole, and by the
--- values of a member of their rows.
local difference = require "moontide.study.difference"
local repeats = require "moontide.study.compare_repeats"
local span = require "moontide.drive.span"
local subjects = require "moontide.study.compare_subjects"

local compare_runs = {}

-- Scripts draw other requests with another seed; where that is not known, lengths have to tell.
local function has_other_seed(apart)
  for _, one in ipairs(apart or {}) do
    if one.name == "seed" then return true end
  end
  return false
end

local function requests_of(runs)
  local requests = {}
  for i, run in ipairs(runs) do
    local message, code
    requests[i], message, code = run:requests()
    if not requests[i] then return nil, message, code end
  end
  return requests
end

local function pair_of(first, second, opt)
  local requests, message, code = requests_of { first, second }
  if not requests then return nil, message, code end
  local objectives, apart = subjects.objectives_of(first, second), subjects.differing(first, second)
  local function contrast(by, parts)
    local pair, why, kind = require("moontide.drive").contrast(requests[1], requests[2],
      { objectives = objectives, seed = opt.seed, drawn_apart = has_other_seed(apart), by = by,
        windows = { span.window_moments(first, by ~= nil), span.window_moments(second, by ~= nil) },
        values = parts and { parts[1].value, parts[2].value } })
    if not pair then return nil, why, kind end
    local has_goodput = objectives and first.by_key.goodput and second.by_key.goodput
    if not has_goodput then pair.rates.goodput = nil end
    return pair
  end
  local pair
  pair, message, code = contrast()
  if not pair then return nil, message, code end
  pair.differing = apart
  if not opt.by then return pair end
  local lists
  lists, message, code = subjects.groups_of({ first, second }, opt.by, objectives)
  if not lists then return nil, message, code end
  return subjects.add_groups(pair, lists, function(parts) return contrast(opt.by, parts) end)
end

--- Compares each run with the first: fills names, runs, members and pairs.
---@param self moontide.run_comparison
---@param values any[] where the runs are
---@param opt { seed: integer, by: string? }
---@return moontide.run_comparison? self, string? message, string? code
function compare_runs.each(self, values, opt)
  local message, code
  self.runs, message, code = subjects.runs_of(values, "compare: run")
  if not self.runs then return nil, message, code end
  self.names, self.members = message, {}
  for i, run in ipairs(self.runs) do self.members[i] = { name = self.names[i], run = run, side = i } end
  for place = 2, #values do
    local pair
    pair, message, code = pair_of(self.runs[1], self.runs[place], opt)
    if not pair then return nil, message, code end
    message = subjects.lacks_common(pair, self.names, place)
    if message then return nil, message, "input" end
    self.pairs[place] = pair
  end
  return self
end

-- --- several runs against several ------------------------------------------------------------------

local function side_name(names)
  if #names == 1 then return names[1] end
  return ("%s and %d more"):format(names[1], #names - 1)
end

-- The objectives that all the runs had, by which goodput counts.
local function common_objectives(runs)
  for i = 2, #runs do
    if not subjects.objectives_of(runs[1], runs[i]) then return nil end
  end
  return runs[1].options.slo
end

-- What the other runs of a side were asked and its first was not, each option once; repeats may well have
-- other seeds.
local function differing_within(runs)
  local list, known = {}, { seed = true }
  for i = 2, #runs do
    for _, one in ipairs(subjects.differing(runs[1], runs[i]) or {}) do
      if not known[one.name] then list[#list + 1] = one end
      known[one.name] = true
    end
  end
  return list
end

-- What sides are compared by: of each run its figures, or those of one part of it. The parts are those of all
-- runs in one list.
local function figures_of(sides, objectives, parts)
  local figures, at = {}, 0
  for s, runs in ipairs(sides) do
    figures[s] = {}
    for i, run in ipairs(runs) do
      at = at + 1
      figures[s][i] = repeats.figures(run, parts and parts[at].results, objectives ~= nil)
    end
  end
  return figures
end

--- Compares the runs of one side with those of another: fills the same.
---@param self moontide.run_comparison
---@param values any[] where the runs of the first side are
---@param opt { against: any[], by: string? }
---@return moontide.run_comparison? self, string? message, string? code
function compare_runs.sides(self, values, opt)
  local sides, all = {}, {}
  self.members, self.names, self.runs = {}, {}, {}
  for s, of_side in ipairs { values, opt.against } do
    local runs, names, code = subjects.runs_of(of_side, s == 1 and "compare: run" or "compare: against: run")
    if not runs then return nil, names, code end
    sides[s], self.names[s], self.runs[s] = runs, side_name(names), runs[1]
    for i, run in ipairs(runs) do
      all[#all + 1] = run
      self.members[#self.members + 1] = { name = names[i], run = run, side = s }
    end
  end
  local objectives = common_objectives(all)
  local function pair_of_parts(parts)
    return repeats.pair(figures_of(sides, objectives, parts), difference.statistics, difference.rates)
  end
  local pair = pair_of_parts()
  local lacking = subjects.lacks_common(pair, self.names, 2)
  if lacking then return nil, lacking, "input" end
  pair.differing = subjects.differing(self.runs[1], self.runs[2])
  pair.within = { differing_within(sides[1]), differing_within(sides[2]) }
  self.pairs[2] = pair
  if opt.by then
    local lists, message, code = subjects.groups_of(all, opt.by, objectives)
    if not lists then return nil, message, code end
    subjects.add_groups(pair, lists, pair_of_parts)
  end
  return self
end

return compare_runs
