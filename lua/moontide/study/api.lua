--- Studies: a load driven at many levels (mt.sweep), and the largest level at which it keeps its promises
--- (mt.find_max).
--
-- What drives is loaded when it is called for the first time.
local calls = require "moontide.drive.calls"
local options = require "moontide.kit.options"
local sweep_value = require "moontide.study.sweep_value"

---@class moontide
local public = {}

-- Options that these functions do not have: of the command line, or set by each level.
local function without(list, names)
  local spec = {}
  for _, option in ipairs(list) do
    if not names[options.key(option[1])] then spec[#spec + 1] = option end
  end
  return spec
end

---@class moontide.sweep_options: moontide.driving_options
---@field concurrency? integer closed loop at all levels: so many requests in flight, always
---@field duration? number|string send for so long at each level
---@field num_requests? integer send so many at each level
---@field rate_scale? number of a workload: multiply all rates, those of levels too
---@field window? string "30s..90s": only requests due in it are the result
---@field grace? number|string how long requests in flight are waited for at the end of a level
---@field slo? string|table<string, number|string> objectives of each request: { ttft = 500, e2e = "2s" }
---@field phases? string|table[] results also by these spans of the run: { { "before", "20s" }, { "after" } }
---@field concurrencies? integer[] levels: requests in flight
---@field request_rates? number[] levels: requests a second on average
---@field rate_scales? number[] levels: all rates of a workload, or the speed of a trace, times this
---@field vary? table<string, any[]> levels of what the function is given: { isl = { 500, 2000 } }
---@field name? string of the sweep
---@field repeat? integer drive each level so often: ["repeat"] = 3
---@field settle? number|string rest between levels; 1 s
---@field resume? boolean leave out levels whose results in output_dir are whole
---@field yes? boolean drive more than a thousand levels
---@field accept_invalid? boolean an invalid run is no failed level
---@field expect? string|table<string, any> what the load of every level must be before the first is driven:
--- { requests = {900, 1100} }; nil, message, "value" where it is not
---@field service? table|string|moontide.drive_run for figures of it: what an answer takes
---@field step? number|string for figures of it: the steps of peaks; 1 s

-- A sweep of a value, in options checked.
local function sweep_spec()
  local list = { { "name", kind = "string" } }
  for _, part in ipairs { require("moontide.study.axes").options, require("moontide.study.sweep").options,
    without(require("moontide.drive.options").all {}, { record = true, start_at = true }),
    require("moontide.command.figures").options() } do
    table.move(part, 1, #part, #list + 1, list)
  end
  return calls.spec(list, { accept_invalid = true })
end

--- Drives a load at level after level and gives a value that prints as the table over them. With one of
--- concurrencies, request_rates and rate_scales, with vary, or with two of these: a grid. vary calls the
--- function that stands in place of the trace: mt.sweep(function(v) return mt.workload{...} end, { vary = ...
--- }).
---@param trace moontide.trace|fun(varied: table<string, any>): moontide.trace
---@param opt moontide.sweep_options
---@return moontide.sweep? sweep, string? message, string? code
function public.sweep(trace, opt)
  local values = options.table("sweep", opt, sweep_spec())
  values.target = "trace"
  local wrong = require("moontide.drive.options").check(values)
    or require("moontide.command.figures").mistake(values)
  values.target = nil
  if wrong then calls.refuse("sweep", wrong, "usage") end
  local load = require("moontide.study.level").load_of_value(trace, "sweep: the trace")
  local made, message, code = require("moontide.study.sweep").run(load, values, false)
  if not made then return calls.refuse("sweep", message, code) end
  return made
end

---@class moontide.find_max_options: moontide.driving_options
---@field slo string|table<string, number|string> the promises, statistics of a probe: { ["ttft.p99"] = 500 }
---@field unit? "rate"|"concurrency"|"rate-scale" what is searched for
---@field first? number the first level
---@field most? number no level beyond it is tried
---@field precision? number|string of the answer: 0.05, "5%"
---@field probe? number|string how long a level is measured; 20 s
---@field ramp? number|string how long it is driven before that; 5 s
---@field settle? number|string rest between probes; 1 s
---@field accept_invalid? boolean probes count whatever the driver's verdict
---@field expect? string|table<string, any> what the first probe's load must be before it is driven
---@field service? table|string|moontide.drive_run for figures of it: what an answer takes
---@field step? number|string for figures of it: the steps of peaks; 1 s

--- Finds the largest rate (or concurrency, or rate scale) at which every promise is kept, and gives a value
--- that prints as the table of its probes: result.max, result.limited_by.
---@param trace moontide.trace
---@param opt moontide.find_max_options
---@return moontide.capacity? capacity, string? message, string? code
function public.find_max(trace, opt)
  local capacity = require "moontide.study.capacity"
  local spec = calls.spec(capacity.options(), { accept_invalid = true })
  spec = without(spec, { target = true, words = true })
  local values = options.table("find_max", opt, spec)
  values.target = "trace"
  local wrong = capacity.check(values)
  values.target = nil
  if wrong then calls.refuse("find_max", wrong, "usage") end
  local load = require("moontide.study.level").load_of_value(trace, "find_max: the trace")
  local made, message, code = require("moontide.study.find_max").run(load, values)
  if not made then return calls.refuse("find_max", message, code) end
  return made
end

---@class moontide.workload
local workload_methods = {}

--- Drives the workload at level after level: w:sweep{ url =, model =, concurrencies = { 1, 8, 64 } }.
---@param opt moontide.sweep_options
---@return moontide.sweep? sweep, string? message, string? code
function workload_methods:sweep(opt)
  return public.sweep(self, opt)
end

--- Finds the largest rate at which the workload's promises are kept: w:find_max{ url =, model =, slo = {
--- ["ttft.p99"] = 500 } }.
---@param opt moontide.find_max_options
---@return moontide.capacity? capacity, string? message, string? code
function workload_methods:find_max(opt)
  return public.find_max(self, opt)
end

return {
  public = public,
  methods = { { "workload", workload_methods }, { "sweep", sweep_value.methods } },
}
