--- The largest rate (or number of requests in flight, or rate scale) at which a load's promises are kept.
--
-- A probe drives the load at one level: first for the ramp, whose requests are told apart, then for the
-- window that the promises are about. Beyond it the load goes on while the window's requests end, for as long
-- again at most: what has not ended then has failed. Only a valid probe counts; one that is not is made once
-- more, and when that is not either, the level is beyond the generator. But where the generator was on time
-- at as high a level or a higher one, the machine is busy with something else: it is tried some more times,
-- and then the search stops, for going down from there would find what the other work leaves.
--
-- A least of a throughput, a promise like another, is not kept by a level that is too low for it: where that
-- is all that is missing, and the server has kept up with the load, a level is no word on those above it, and
-- the search goes up until the promise is kept, the server keeps up no longer, or --most is reached. Once a
-- level has passed, what does not pass above it is too much.
--
-- The result is a value that prints as a table: max (nil: no level kept them), unit, limited_by,
-- is_confirmed, low and high (the bracket: what passed twice, and what did not), too_low (the largest level
-- that was too low for a least, where none passed), probes, was_cancelled,
-- stopped (why it ended before its end; max is nil then).
--
-- A probe: { level =, why = ("first", "grow", "shrink", "halve", "confirm"; with "again" the repeat of an
-- invalid one), passed =, is_too_low =, reason =, seed =, verdict =, counts =, promises =
-- (drive/promise.lua), cautions = (lines of how its figures were counted, none where all was as asked:
-- drive/show.lua), stretch = ({ from, to }, seconds of a trace that were measured: a faster level sees more
-- of it, and later parts), folder = }.
local core = require "moontide.core"
local drive = require "moontide.drive"
local figures = require "moontide.command.figures"
local find_report = require "moontide.study.find_report"
local kept = require "moontide.study.kept"
local level = require "moontide.study.level"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
local search = require "moontide.study.search"
local show = require "moontide.drive.show"
local summary = require "moontide.drive.summary"
local targets = require "moontide.drive.target"

local find_max = {}

---@class moontide.capacity
---@field max number? the largest level that kept every promise, twice
---@field unit string "requests/s", "requests in flight", "times the rate"
---@field limited_by string
---@field probes table[]
---@field was_cancelled boolean
---@field too_low number? the largest level that was too low for a least of a throughput, where none passed
---@field stopped string? why the search ended before it had an answer: the machine was too busy
local metatable = { __name = "moontide.capacity" }

function metatable:__tostring() return find_report.text(self) end
function metatable:__json() return find_report.json(self) end

options.kinds.share = { placeholder = "SHARE", convert = function(value, what)
  local percent = type(value) == "string" and value:match "^%s*(.-)%s*%%%s*$"
  local number = options.number(percent or value, what, percent ~= nil or type(value) == "string")
  number = percent and number / 100 or number
  if number <= 0 or number >= 1 then
    core.base.raise(("%s must be above 0 and below 1 (5%% or 0.05), not %s"):format(what,
      options.show(value)))
  end
  return number
end }

--- The options beside the driving ones.
find_max.options = {
  { "slo", kind = "run_bound", list = true, placeholder = "MEASURE=MOST",
    help = "the promises: statistics of a probe and the most they may be, "
      .. "ttft.p99=500,itl.p95=50,error_rate=1% (where no statistic is named, the median), or the least: "
      .. "'output_token_throughput>=900', for which a level may be too low: then it searches above it "
      .. "(required)" },
  { "unit", kind = "choice", choices = { "rate", "concurrency", "rate-scale" }, default = "rate",
    help = "what is searched for: requests a second, requests in flight, or a factor of all rates" },
  { "first", kind = "rate_number", above = 0,
    help = "the first level (default: the load's own rate, but ten requests a probe; 8 in flight; 1 times)" },
  { "most", kind = "rate_number", above = 0, help = "no level beyond this is tried" },
  { "precision", kind = "share", default = 0.05,
    help = "how near the level that passes is to one that does not, of itself (5% or 0.05)" },
  { "probe", kind = "duration", above = 0, default = 20, help = "how long a level is measured" },
  { "ramp", kind = "duration", min = 0, default = 5, help = "how long it is driven before that" },
  { "settle", kind = "duration", min = 0, default = 1,
    help = "how long to rest between probes once the server has nothing to do" },
}

local of_search = { "slo", "unit", "first", "most", "precision", "probe", "ramp", "target", "fail_over",
  "expect", "service", "step" }

local units = {
  rate = { name = "requests/s", setting = "request_rate" },
  concurrency = { name = "requests in flight", setting = "concurrency", is_whole = true, first = 8 },
  ["rate-scale"] = { name = "times the rate", setting = "rate_scale", first = 1 },
}

local most_wait = 60 -- seconds for the server to become quiet
local most_tries = 5 -- of a probe that cannot begin

-- --- a probe ---------------------------------------------------------------------------------------

local function settings_of(self, value, number)
  local window_end = self.ramp + self.probe
  local folder = self.folder and ("%s/probe%03d"):format(self.folder, number)
  return {
    [self.unit_of.setting] = value, window = { from = self.ramp, to = window_end },
    stop_after = window_end + self.probe, seed = level.seed(self.seed, "probe", number), output_dir = folder,
    promises = self.slo, grace = 0,
  }
end

-- Why a finished probe does not pass; nil: it does. Whether it is not for a promise.
local function objection(self, run)
  if run.message then return run.message, true end
  if run.seconds < self.ramp + self.probe then
    return ("the load was over after %.3g s of %.3g s"):format(run.seconds, self.ramp + self.probe), true
  end
  if run.results.due == 0 then
    return ("no request was due in the %.3g s that were measured: a longer --probe sees more")
      :format(self.probe), true
  end
  for _, one in ipairs(run.promises) do
    if not one.kept then return one.text, false end
  end
end

-- Whether the server followed the load: as much ended in the window as was due in it, or, where the window
-- begins with fewer in flight than it ends with, nearly all that was due was done.
local function kept_up(run)
  local results = run.results
  return results.ended.done >= 0.8 * results.due or results.done >= 0.9 * results.due
end

-- A closed loop always follows; four times as many in flight that bring no more are enough.
local function brings_no_more(self, probe, one, place)
  if self.unit_of.setting ~= "concurrency" then return false end
  for _, before in ipairs(self.probes) do
    local value = before.is_too_low and before.level <= probe.level / 4 and before.promises[place].value
    if value and one.value <= 1.05 * value then return true end
  end
  return false
end

-- Is all that a probe lacks a least that more load would bring?
local function is_too_low(self, probe, run)
  if probe.passed or not probe.is_valid or probe.is_broken or not kept_up(run) then return false end
  for place, one in ipairs(probe.promises) do
    local is_of_load = one.is_least and one.value and summary.grows_with_load(one.name)
    if not one.kept and (not is_of_load or brings_no_more(self, probe, one, place)) then return false end
  end
  return true
end

-- The seconds of a trace that were measured; nil: it is none, or is sent without its times.
local function stretch_of(self, run)
  local opt = run.options
  if not run.is_of_trace or opt.concurrency then return nil end
  local begin, ratio = opt.start or 0, opt.speed_ratio
  return { begin + self.ramp * ratio, begin + (self.ramp + self.probe) * ratio }
end

-- One drive at a level, into the list of probes; nil, message, code when the search cannot go on.
local function drive_once(self, load, value, why, base)
  local number = #self.probes + 1
  local settings = settings_of(self, value, number)
  local run, message, code = level.drive(load, settings, base, number == 1)
  -- A server that was just overrun may refuse the warm-up for a moment.
  for _ = 1, number > 1 and most_tries or 0 do
    if run or code == "usage" or code == "interrupted" or not drive.sleep(base.settle) then break end
    run, message, code = level.drive(load, settings, base, false)
  end
  if not run then return nil, message, code end
  if run.was_cancelled then return nil, "interrupted", "interrupted" end
  local reason, is_broken = objection(self, run)
  local probe = {
    level = value, why = why, passed = reason == nil, reason = reason, seed = settings.seed,
    verdict = run.verdict.name, limited_by = run.verdict.limited_by, counts = run.counts,
    promises = run.promises, cautions = show.cautions(run), folder = settings.output_dir,
    is_broken = is_broken, stretch = stretch_of(self, run),
  }
  probe.is_valid = run.verdict.name == "valid" or base.accept_invalid
  if not probe.is_valid then
    probe.passed = false
    probe.reason = "the generator: " .. table.concat(run.verdict.limited_by, "; ")
  end
  probe.is_too_low = is_too_low(self, probe, run)
  self.probes[number] = probe
  report.note(find_report.line(self, probe))
  return probe
end

-- Was the generator on time at a level that is as high?
local function has_driven(self, value)
  for _, probe in ipairs(self.probes) do
    if probe.verdict == "valid" and probe.level >= value then return true end
  end
  return false
end

local function probe_level(self, load, value, why, base)
  local probe, message, code = drive_once(self, load, value, why, base)
  local tries = has_driven(self, value) and most_tries or 2
  for _ = 2, tries do
    if not probe or probe.is_valid then break end
    probe, message, code = drive_once(self, load, value, why .. ", again", base)
  end
  return probe, message, code
end

-- Why a probe that is not valid says nothing of its level; nil: it does.
local function disturbance(self, probe)
  if probe.is_valid or not has_driven(self, probe.level) then return nil end
  return ("at %.4g %s the driver was late each time, and was on time at as much or more before: something "
    .. "else keeps this machine busy (%s)"):format(probe.level, self.unit,
      table.concat(probe.limited_by, "; "))
end

-- --- the search ------------------------------------------------------------------------------------

-- The load's own rate: where a search for one begins.
local function own_rate(self, load, base)
  local window = { from = self.ramp, to = self.ramp + self.probe }
  local target, message, code = load.make({}, options.with(base, { window = window }))
  if not target then return nil, message, code end
  return target:rate(options.with(base, { window = window }))
end

-- Holds the load of the first probe against what is expected: its ramp and its window.
local function check_first(self, load, opt, base, first)
  local target, own, code = level.prepare(load, settings_of(self, first, 1), base)
  if not target then return nil, own, code end
  return figures.judge(opt, { { name = ("first probe, %.9g %s"):format(first, self.unit),
    count = function(asked) return targets.profile(target, own, asked) end } })
end

-- The level at which a probe has ten requests, where that is more than the load's own: less says nothing.
local function first_level(self, load, base)
  local setting = self.unit_of.setting
  if setting == "concurrency" then return self.unit_of.first end
  local rate, message, code = own_rate(self, load, base)
  if not rate then
    if setting == "rate_scale" and code ~= "interrupted" then return self.unit_of.first end
    return nil, message, code
  end
  local least = 10 / self.probe
  if rate >= least then return self.unit_of.first or rate end
  report.note(("the load's own rate, %.4g requests/s, has %.2g requests in a probe: the search begins at "
    .. "%.4g requests/s (--first says otherwise)"):format(rate, rate * self.probe, least))
  return setting == "rate_scale" and least / rate or least
end

-- Below five requests a probe there is nothing to measure.
local function least_level(self, load, base, first)
  if self.unit_of.is_whole then return 1 end
  local rate = 1
  if self.unit_of.setting == "rate_scale" then rate = own_rate(self, load, base) end
  return math.min(first, rate and 5 / (self.probe * rate) or first / 1024)
end

local function work(self, load, base, looking)
  for value, why in looking.next, looking do
    local probe, message, code = probe_level(self, load, value, why, base)
    if not probe then return nil, message, code end
    self.stopped = disturbance(self, probe)
    if self.stopped then return true end
    looking:tell(value, probe.passed, probe.is_too_low)
  end
  return true
end

-- The last word on a level that did not pass.
local function reason_at(self, value)
  local reason
  for _, probe in ipairs(self.probes) do
    if probe.level == value and not probe.passed then reason = probe.reason end
  end
  return reason
end

-- Why no larger level passes.
local function limit_of(self, looking)
  return reason_at(self, looking.high) or not looking.low and reason_at(self, looking.under)
    or looking.low and "--most" or "nothing was tried"
end

--- Searches. Gives the result, or nil, message, code when nothing could be driven.
---@param load moontide.load
---@param opt table driving options and find_max.options
---@return moontide.capacity? self, string? message, string? code
function find_max.run(load, opt)
  local unit = units[opt.unit]
  local self = setmetatable({
    name = load.name, unit = unit.name, unit_of = unit, slo = opt.slo, probes = {}, seed = opt.seed,
    ramp = opt.ramp, probe = opt.probe, precision = opt.precision, folder = opt.output_dir, urls = opt.url,
    model = opt.model, was_cancelled = false,
  }, metatable)
  local base = options.with(opt, { grace = most_wait, rate_scale = 1 })
  for _, name in ipairs(of_search) do base[name] = nil end
  local first, message, code = opt.first, nil, nil
  if not first then first, message, code = first_level(self, load, base) end
  if not first then return nil, message, code end
  first = math.min(first, opt.most or first)
  if opt.expect then
    local done
    done, message, code = check_first(self, load, opt, base, first)
    if not done then return nil, message, code end
  end
  local looking = search.new { first = first, precision = opt.precision, most = opt.most,
    least = least_level(self, load, base, first), is_whole = unit.is_whole }
  if self.folder then kept.note_earlier(self.folder, { "find-max.json", "probe001/run.json" }, "search") end
  drive.bear_interrupts(true)
  local worked = table.pack(pcall(work, self, load, base, looking))
  drive.bear_interrupts(false)
  if not worked[1] then error(worked[2], 0) end
  self.low, self.high = looking.low, looking.high
  self.too_low = not looking.low and looking.under or nil
  self.low_reason = reason_at(self, self.too_low)
  self.limited_by = self.stopped or limit_of(self, looking)
  if self.stopped then
    self.is_confirmed = false
  elseif worked[2] then
    self.max, self.is_confirmed = looking.low, looking.low ~= nil
  elseif worked[4] == "interrupted" then
    self.was_cancelled, self.is_confirmed = true, false
  else
    return nil, worked[3], worked[4]
  end
  if self.folder then
    local written, trouble, kind = find_report.write(self, self.folder)
    if not written then return nil, trouble, kind end
  end
  return self
end

--- The exit status: 130 interrupted, 1 when no level kept the promises or that could not be found out, else
--- 0.
---@param self moontide.capacity
---@return integer
function find_max.status(self)
  if self.was_cancelled then return 130 end
  return self.max and 0 or 1
end

return find_max
