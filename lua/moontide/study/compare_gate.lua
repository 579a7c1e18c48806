--- Whether a comparison of runs passes: bounds on differences, and runs that may be believed.
local difference = require "moontide.study.difference"
local report = require "moontide.kit.report"
local summary = require "moontide.drive.summary"

local gate = {}

-- "+9.8 % (95 % interval +8.1 .. +11.7)"
local function amount(one)
  local relative = one.relative and (" (%+.2f %%)"):format(100 * one.relative) or ""
  return ("%+.6g%s from %s, 95 %% interval %+.6g .. %+.6g"):format(one.difference, relative, one.first_run,
    one.low, one.high)
end

local function unanswered(run)
  return run.results.due > 0 and 1 - run.results.done / run.results.due or 0
end

-- Tells of a bound on times where a later run answered less than the first, if no other bound says so.
local function note_unanswered(comparison, bounds)
  local names, first = {}, unanswered(comparison.members[1].run)
  for i, bound in ipairs(bounds) do names[i] = bound.name end
  local name = summary.lets_refuse(names)
  for i, one in ipairs(comparison.members) do
    local share = unanswered(one.run)
    if i > 1 and name and share > first then
      report.note(("--fail-over: %s is of the answered requests: of %s %.2f %% were not answered, of %s "
        .. "%.2f %%, and there is no bound on error_rate"):format(name, one.name, 100 * share,
        comparison.members[1].name, 100 * first))
    end
  end
end

--- The exit status: 1 when a bound is exceeded or cannot be held against anything, or a run is invalid and
--- that is not accepted; else 0. What is over its bound but not shown to differ is told.
---@param comparison moontide.run_comparison
---@param opt table fail_over, accept_invalid
---@return integer status
function gate.status(comparison, opt)
  local exceeded, doubtful, missing = difference.check(comparison, opt.fail_over)
  for _, one in ipairs(exceeded) do
    report.note(("--fail-over: %s of %s is over %s: %s"):format(one.measure, one.run, one.bound, amount(one)))
  end
  for _, one in ipairs(doubtful) do
    report.note(("%s of %s is over %s, but is not shown to differ: %s"):format(one.measure, one.run,
      one.bound, amount(one)))
  end
  for _, message in ipairs(missing) do report.note("--fail-over: " .. message) end
  note_unanswered(comparison, opt.fail_over)
  local failed = #exceeded + #missing > 0
  for _, one in ipairs(comparison.members) do
    if one.run.verdict.name == "invalid" and not opt.accept_invalid then
      report.note(("%s is invalid (--accept-invalid takes it as it is)"):format(one.name))
      failed = true
    end
  end
  return failed and 1 or 0
end

return gate
