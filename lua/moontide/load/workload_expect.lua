--- What a workload will be: totals on average, as plans say them and as people see them.
local class_expect = require "moontide.load.class_expect"
local core = require "moontide.core"
local counted = require "moontide.load.counted"
local expected = require "moontide.load.expected"
local interval = require "moontide.kit.interval"
local options = require "moontide.kit.options"
local picture = require "moontide.load.workload_plot"
local workload = require "moontide.load.workload"

local expectation = {}
---@class moontide.workload
local methods = {}

-- More than half inside their shared prefix is a mistake, not a workload.
local function check_inside(self, inside)
  if inside > 0.5 then
    error(self.place .. "more than half of the prompts lie wholly inside their shared prefix: input= is the "
      .. "whole prompt (did you mean new_input=, what comes after the prefix?)", 0)
  end
end

--- Expected totals of a run, without random numbers; its rows have their processes as such.
---@param self moontide.workload
---@param duration number seconds
---@param seed integer
---@param factor number
---@return moontide.expected
function expectation.expect(self, duration, seed, factor)
  local asked = ("%a %d %a"):format(duration, seed, factor)
  local known = self.expectations[asked]
  if known then return known end
  local plan, streams = workload.plan_of(self), self.streams
  local means = core.plan.means
  local function failed(i, message, code)
    message = ("stream '%s': %s"):format(streams[i].name, message)
    workload.failed(self, message, code)
    error(message, 0)
  end
  local whole, inside = expected.new(duration, #streams, function(i)
    local requests, sessions, input, output, share, is_inside, is_noted =
      means(plan, i, seed, duration, factor)
    if not requests then failed(i, sessions, input) end
    return requests, sessions, input, output, share, is_inside, is_noted
  end, function(i)
    local one, message, code = core.plan.expect(plan, i, seed, duration, factor)
    if not one then failed(i, message, code) end
    return streams[i].name, streams[i].stream.process, one
  end)
  check_inside(self, inside)
  whole.inside = inside
  self.expectations[asked] = whole
  return whole
end

-- Adds the classes of each stream that has some to its row: true, or nil, message, code.
local function add_classes(self, opt, whole)
  for i, entry in ipairs(self.streams) do
    local row = whole.streams[i]
    if entry.stream.classes and class_expect.is_known(entry, row.requests) then
      local one, message, code = core.plan.expect(workload.plan_of(self), i, opt.seed, opt.duration,
        opt.rate_scale or 1)
      if one then row.classes, message, code = class_expect.of(entry, one, opt) end
      if not row.classes then return nil, message, code end
    elseif entry.stream.classes then
      row.counts_classes = true
    end
  end
  return true
end

--- The expectation as people see it: with what only a run can tell (max_input, a script's own arrivals),
--- and how much of it comes within the duration.
---@param self moontide.workload
---@param opt table duration, seed, rate_scale
---@return moontide.expected|nil, string? message, string? code
function expectation.shown(self, opt)
  local whole = expectation.expect(self, opt.duration, opt.seed, opt.rate_scale or 1)
  local limited, unknown
  for _, entry in ipairs(self.streams) do limited = limited or counted.is_needed(entry) end
  unknown = whole.requests ~= whole.requests
  if limited or unknown then
    local plan, ones = workload.plan_of(self), {}
    for i, entry in ipairs(self.streams) do
      local one = core.plan.expect(plan, i, opt.seed, opt.duration, opt.rate_scale or 1)
      ones[i] = one
      local fill = counted.is_needed(entry) and counted.fill
        or one.requests ~= one.requests and counted.fill_unknown
      if fill then
        local done, message, code = fill(entry, one, self.block_size, opt)
        if not done then return workload.failed(self, message, code) end
      end
    end
    local inside = whole.inside
    whole = expected.new(opt.duration, #ones, function(i)
      local one = ones[i]
      return one.requests, one.sessions, one.input_mean, one.output_mean, one.output_share, one.inside, false,
        one.drawn, one.error, one.within
    end, function(i) return self.streams[i].name, self.streams[i].stream.process, ones[i] end)
    whole.inside, whole.is_counted, whole.is_drawn = inside, limited or nil, unknown or nil
  end
  expected.name_processes(whole)
  local added, trouble, kind = add_classes(self, opt, whole)
  if not added then return workload.failed(self, trouble, kind) end
  if whole.sessions == 0 then return whole end
  local rates, message, code = picture.stream_rates(self, opt, whole)
  if not rates then return workload.failed(self, message, code) end
  return expected.within(whole, rates)
end

-- Seeds whose requests are looked at where no formula knows their mean, and for how far apart they are.
local noise_seeds = 32

--- Over seeds, of a stream whose rate has noise: how many requests it has on average; `error`, what that may
--- be wrong by in 95 of 100 cases, 0 where a formula says it; and how far seeds are apart. nil without noise.
---@param self moontide.workload
---@param i integer stream
---@param opt table duration, seed, rate_scale
---@return { requests: number, error: number, deviation: number }?
function expectation.over_seeds(self, i, opt)
  local entry, scale = self.streams[i], opt.rate_scale or 1
  local process <const> = entry.stream.process
  if not core.process.is_noisy(process) then return nil end
  local plan, list, sum, is_clamped, ratio = workload.plan_of(self), {}, 0, false, 1
  for k = 1, noise_seeds do
    local one = core.plan.expect(plan, i, opt.seed + k, opt.duration, scale)
    if not one then return nil end
    list[k], sum = one.requests, sum + one.requests
    is_clamped = is_clamped or one.clamped_at ~= nil
    if one.sessions > 0 then ratio = one.requests / one.sessions end
  end
  local mean, squares = sum / noise_seeds, 0
  for _, requests in ipairs(list) do squares = squares + (requests - mean) ^ 2 end
  local deviation = math.sqrt(squares / (noise_seeds - 1))
  local starts = not is_clamped and not core.process.follows_time(process)
    and not core.prompt.decides(entry.stream.prompt) and core.process.mean_over_noise(process,
      entry.factor * scale, math.min(entry.last, opt.duration))
  if starts then return { requests = starts * ratio, error = 0, deviation = deviation } end
  return { requests = mean, deviation = deviation,
    error = interval.quantile(0.95, noise_seeds - 1) * deviation / math.sqrt(noise_seeds) }
end

---@class moontide.expected_options
---@field duration? number|string seconds; else the workload's own
---@field seed? integer of noise in curves, and of the run in which is counted what has no formula

local expected_options = {
  { "duration", kind = "duration", above = 0 },
  { "seed", kind = "seed", default = 0 },
}

--- Expected requests, ISL and OSL, stream by stream: by formulas, without random numbers; of streams that
--- have none (a limit such as max_input, lengths by a rule, arrivals of a script, sessions whose turns
--- follow time) as they are counted in the run of the seed.
---@param opt? moontide.expected_options
---@return moontide.expected
function methods:expected(opt)
  local values = options.table("expected", opt, expected_options)
  local whole, message = expectation.shown(self,
    { duration = (workload.duration(self, values.duration)), seed = values.seed })
  if not whole then error(message, 0) end
  return whole
end

---@class moontide
local public = {}

expectation.public = public
expectation.methods = { { "workload", methods } }

return expectation
