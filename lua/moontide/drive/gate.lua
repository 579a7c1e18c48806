--- Whether a run passes: its verdict, and bounds on what it measured.
local report = require "moontide.kit.report"
local summary = require "moontide.drive.summary"

local gate = {}

-- Which bounds are exceeded or cannot be held against anything.
local function exceeded(run, bounds)
  local reasons = {}
  for _, bound in ipairs(bounds or {}) do
    local name, most, is_least = bound[1], bound[2], bound[3] == "least"
    local value, message = summary.measure(run, name)
    if not value then
      reasons[#reasons + 1] = "--fail-over: " .. message
    elseif is_least and value < most or not is_least and value > most then
      local unit, beyond = summary.unit_text(name), is_least and "under" or "over"
      reasons[#reasons + 1] = value == math.huge
        and ("--fail-over: %s: not before the run was over, and %.6g%s is the most"):format(name, most, unit)
        or ("--fail-over: %s is %.6g, %s %.6g%s"):format(name, value, beyond, most, unit)
    end
  end
  return reasons
end

-- Tells of a bound on times where requests were not answered, if no other bound speaks of these.
local function note_unanswered(run, bounds)
  local names, bad = {}, run.results.due - run.results.done
  for i, bound in ipairs(bounds or {}) do names[i] = bound[1] end
  local name = bad > 0 and run.results.done > 0 and summary.lets_refuse(names)
  if not name then return end
  report.note(("--fail-over: %s is of the answered requests: %d of %d were not answered, and no bound on "
    .. "error_rate says how many may be so"):format(name, bad, run.results.due))
end

--- The bounds that are given, then those of a plan or run that they do not have; nil: none.
---@param given table[]? { measure, most } or { measure, least, "least" } each
---@param own table[]?
---@return table[]?
function gate.bounds(given, own)
  local bounds, known = table.move(given or {}, 1, #(given or {}), 1, {}), {}
  local function side(one) return one[1] .. (one[3] and " least" or "") end
  for _, one in ipairs(bounds) do known[side(one)] = true end
  for _, one in ipairs(own or {}) do
    if not known[side(one)] then bounds[#bounds + 1] = one end
  end
  return #bounds > 0 and bounds or nil
end

-- Why there is nothing to judge in a run of which parts were asked for, or nil. A shard may have nothing to
-- do.
local function empty_part(run)
  if run.results.due > 0 or run.shard or run.was_cancelled then return nil end
  if run.options.window then
    return ("no request was due in the window; outside it there were %d"):format(run.outside.due)
  end
  return #run.phases > 0 and "no request was due in any phase" or nil
end

--- The exit status of a run, whose script may have bounds of its own: 130 interrupted; 1 when the source
--- failed, nothing was done, nothing was due in its window or phases, a file could not be written, a bound is
--- exceeded, or it is invalid and that is not accepted; else 0. Why it is 1 is told, but where nothing was
--- done, which its report says.
---@param run moontide.drive_run
---@param opt table fail_over, accept_invalid
---@return integer status, string[] reasons those that were told
function gate.status(run, opt)
  local bounds = run.bounds or opt.fail_over
  local reasons = exceeded(run, bounds)
  local function add(text) reasons[#reasons + 1] = text end
  add(empty_part(run))
  if run.message then add(report.with_way_around(run.message)) end
  if run.write_error then add("not all of the results could be written: " .. run.write_error) end
  if run.verdict.name == "invalid" and not opt.accept_invalid then
    add "the run is invalid (--accept-invalid takes it as it is)"
  end
  for _, reason in ipairs(reasons) do report.note(reason) end
  note_unanswered(run, bounds)
  local failed = #reasons > 0 or run.results.due > 0 and run.results.done == 0
  if run.was_cancelled then return 130, reasons end
  return failed and 1 or 0, reasons
end

--- The same of a run that is over and judged again: it is not what was interrupted now.
---@param run moontide.drive_run
---@param opt table fail_over, accept_invalid
---@return integer status
function gate.past_status(run, opt)
  local status = gate.status(run, opt)
  if status ~= 130 then return status end
  report.note "the run was interrupted: not all of its load was sent"
  return 1
end

return gate
