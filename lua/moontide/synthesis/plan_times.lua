--- The times of a plan, for requests that come from elsewhere: what `--arrivals SCRIPT` means.
local core = require "moontide.core"
local plans = require "moontide.script.plan"
local scripts = require "moontide.script.load"
local workload = require "moontide.load.workload"
local workload_expect = require "moontide.load.workload_expect"
local workload_run = require "moontide.load.workload_run"

local plan_times = {}

-- More than this is taken for a mistake in a rate or a duration, unless a number is asked for.
local most_requests = 1e9

--- Can the value name a script? A file's name can, whether there is one or not, and a bundled script.
---@param value any
---@return boolean
function plan_times.names_script(value)
  return type(value) == "string" and (scripts.is_file(value) or scripts.find(value) ~= nil)
end

--- The workload that gives the times: one as it is, or the plan of a script with its own options as they
--- are by default. Nil, message, code when the file cannot be read; raises for a script without a plan.
---@param value string|moontide.workload
---@param what string the value's name for messages
---@return moontide.workload|nil, string? message, string? code
function plan_times.of(value, what)
  if workload.is(value) then return value end
  local source, message, code = scripts.find(value)
  if not source then return nil, ("%s: %s"):format(what, message), code end
  local self = scripts.load(source)
  if not self.plan then
    core.base.raise(("%s: %s is a command, it has no plan with times"):format(what, self.name))
  end
  return plans.with(self)
end

--- What a command tells of the plan before it runs: lines.
---@param plan moontide.workload
---@param asked? number how long it is to be, seconds
---@return string[]
function plan_times.notes(plan, asked)
  local duration, is_said = workload.duration(plan, asked)
  return workload.duration_notes(plan, duration, not is_said)
end

--- Begins to run a plan for its times: core's source; or nil, message, code.
---@param plan moontide.workload
---@param opt table seed, duration (nil: as the plan says), num_requests (nil: as many as the plan has),
--- whole_milliseconds
---@return userdata|nil source, string? message, string? code
function plan_times.run(plan, opt)
  local duration = workload.duration(plan, opt.duration)
  local expected = workload_expect.expect(plan, duration, opt.seed, 1).requests
  if expected == 0 then
    return nil, plan.place .. "no rate is above 0 anywhere: there would be no requests"
  end
  if expected > most_requests and not opt.num_requests then
    return nil, ("about %.3g requests would be made: for more than 10^9 their number must be given")
      :format(expected), "usage"
  end
  return workload_run.run(plan, {
    seed = opt.seed, duration = duration, num_requests = opt.num_requests,
    whole_milliseconds = opt.whole_milliseconds,
  })
end

--- A failure while requests are made at a plan's times, which may be the plan's: see workload.failed.
---@param plan moontide.workload?
---@param message string
---@param code string
---@return nil, string message, string code
function plan_times.failed(plan, message, code)
  if plan and code == "callback" then error(message, 0) end
  return nil, message, code
end

return plan_times
