--- The phases of a run: what was measured in each of them, and measures by their names.
local nearest = require "moontide.kit.nearest"
local span = require "moontide.drive.span"
local summary = require "moontide.drive.summary"

local phase = {}

---@class moontide.run_phase: moontide.phase
---@field results table of what was due in it (core's)
---@field metrics moontide.metric_summary[]
---@field by_key table<string, moontide.metric_summary>
---@field longest_gap number? ms: the longest time between two chunks of any answer, the most of which lay in
--- it; nil: there was none
---@field is_recovered boolean? nil: unknown, or it is the first or has no end
---@field recovery number? seconds from its end until TTFT was back (core/drive/measure/phases.h); where
--- it was not, for how long requests were due in vain

--- The phases' values.
---@param run table that they are of, with epoch, has_objectives, seconds, was_cancelled and message
---@param spans moontide.phase[]
---@param counted table[] core's, in their order
---@return moontide.run_phase[]
function phase.values(run, spans, counted)
  local list = {}
  for i, own in ipairs(spans) do
    local one = counted[i]
    one.name, one.from, one.to = own.name, own.from, own.to
    one.metrics, one.by_key = summary.of(one.results, run.epoch, run.has_objectives,
      span.of(run, one.results, own.from, own.to))
    list[i] = one
  end
  return list
end

--- The phases of a decoded run.json; nil where it had none.
---@param members table[]?
---@return moontide.phase[]?
function phase.of_members(members)
  if not members or #members == 0 then return nil end
  local spans = {}
  for i, one in ipairs(members) do
    spans[i] = { name = one.name, from = one.from, to = one.to or math.huge }
  end
  return spans
end

--- Why a bound cannot be held against a run with these phases, or nil.
---@param bounds table[]? { name, most } or { name, least, "least" } each
---@param spans moontide.phase[]?
---@return string?
function phase.wrong_bound(bounds, spans)
  local names = {}
  for i, one in ipairs(spans or {}) do names[i] = one.name end
  for _, bound in ipairs(bounds or {}) do
    local name = bound[1]:match "@(.*)$"
    local is_there = not name
    for _, one in ipairs(names) do is_there = is_there or one == name end
    if not is_there then
      return #names == 0 and ("%s: the run has no phases (--phases)"):format(bound[1])
        or ("%s: there is no phase '%s'%s (%s)"):format(bound[1], name, nearest.hint(name, names),
          table.concat(names, ", "))
    end
  end
end

return phase
