--- Profiles of loads, and what is expected of them: of a plan, whose requests are made for it, and of a
-- trace.
local any = require "moontide.trace.any"
local average = require "moontide.load.average"
local core = require "moontide.core"
local expectation = require "moontide.learn.expectation"
local of_run = require "moontide.load.run_options"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local profile = require "moontide.learn.profile"
local profile_options = require "moontide.learn.profile_options"
local workload = require "moontide.load.workload"
local workload_expect = require "moontide.load.workload_expect"
local workload_run = require "moontide.load.workload_run"

local load_profile = {}

---@class moontide
local public = {}

-- A plan of more requests is not made for its figures alone.
local most_requests = 2e7

-- Runs are made, at least so many and of about so many requests in all, for what a plan is on average where
-- no formula says when its requests come.
local fewest_runs, counted_requests = 2, 2e6

-- Takes a plan's requests into a profile of core: true, or nil, message, code.
local function take_plan(state, self, opt, seed)
  local run = { seed = seed, duration = opt.duration, num_requests = opt.num_requests, shard = opt.shard,
    rate_scale = opt.rate_scale, tags = opt.by == "stream" or opt.by == "class",
    whole_milliseconds = opt.whole_milliseconds }
  local done, message, code = pipe.read(workload_run.pipe(self, run), function(source)
    return profile.read(state, source, false, true)
  end)
  if not done then return nil, message, code end
  return true
end

--- What a run of the plan is, counted over its requests: of this seed, shard and number.
---@param self moontide.workload
---@param opt table what workload_run.run takes; service, step, by
---@return moontide.profile? counted, string? message, string? code
function load_profile.of_plan(self, opt)
  local expected = workload_expect.expect(self, opt.duration, opt.seed, opt.rate_scale or 1).requests
  if math.min(expected, opt.num_requests or math.huge) > most_requests then
    return nil, ("about %.3g requests are too many to count for their figures: a shorter --duration or "
      .. "--num-requests helps"):format(expected), "value"
  end
  local state <const> = profile.open(opt, 0, opt.duration)
  local done, message, code = take_plan(state, self, opt, opt.seed)
  if not done then return nil, message, code end
  return profile.result(state, opt, opt.duration)
end

-- What the plan is on average over runs, each with a seed of its own. Each level has its `error`, from how
-- far the runs are apart.
local function of_runs(self, opt, requests)
  local count = average.draws
  if requests == requests then
    count = math.max(fewest_runs, math.min(count, math.floor(counted_requests / requests)))
  end
  local one = {}
  for name, value in pairs(opt) do one[name] = value end
  one.hits, one.by = nil, nil
  local state <const> = profile.open(one, 0, opt.duration)
  local after = {}
  for i = 1, count do
    local seed = core.random.new(opt.seed, "average", "draw"):seek(i):u32()
    local done, message, code = take_plan(state, self, one, seed)
    if not done then return nil, message --[[@as string]], code end
    after[i] = profile.result(state, one, opt.duration, count)
  end
  local mean = profile.result(state, one, opt.duration, count)
  profile.add_errors(mean, after)
  mean.runs = count
  return mean, math.floor(mean.requests * count + 0.5)
end

--- What the plan is on average: its expected course, where there is a formula for its arrivals; else the mean
--- of several runs, with `runs` of them. Peaks are those of that course or mean: a single run's is higher.
---@param self moontide.workload
---@param opt table as load_profile.of_plan
---@return moontide.profile? expected, string|number message_or_drawn, string? code
function load_profile.expected(self, opt)
  local requests = workload_expect.expect(self, opt.duration, opt.seed, opt.rate_scale or 1).requests
  if average.is_known(self, requests, opt) then return average.of(self, opt) end
  return of_runs(self, opt, math.min(requests, opt.num_requests or math.huge))
end

local trace_spec = table.move(profile_options.spec, 1, #profile_options.spec, 1, {})
trace_spec[#trace_spec + 1] = { "hits", kind = "any" }
local plan_spec = table.move(of_run.spec, 1, #of_run.spec, #trace_spec + 1,
  table.move(trace_spec, 1, #trace_spec, 1, {}))

-- The options that a script gave, as the plan or trace takes them.
local function options_of(name, load, given)
  local opt = options.table(name, given, workload.is(load) and plan_spec or trace_spec)
  if opt.service and opt.service.run then
    core.base.raise(("%s: service must be ttft=TIME,per_token=TIME or a run (mt.run_of(folder)), not %s")
      :format(name, options.show(opt.service.run)))
  end
  if opt.hits == true then
    opt.hits = {}
  elseif opt.hits then
    local blocks = { "hits", kind = "integer", min = 1 }
    opt.hits = { size = options.value(opt.hits, name .. ": hits", blocks) }
  end
  return opt
end

-- The profile of a plan or trace.
local function profile_of(name, load, opt)
  if workload.is(load) then
    opt.duration = workload.duration(load, opt.duration, nil, opt.rate_scale)
    return load_profile.of_plan(load, opt)
  end
  local state = profile.open(opt)
  local done, message, code = any.read(load, name .. ": the load", false, function(source, is_numbered)
    return profile.read(state, source, false, is_numbered)
  end)
  if not done then return nil, message, code end
  return profile.result(state, opt)
end

---@class moontide.profile_options
---@field service? table|string|moontide.drive_run what an answer takes: { ttft = "200ms",
--- per_token = "20ms" } or a measured run; then requests in flight and tokens held are known
---@field step? number|string the steps of peaks and series: 1 s
---@field by? string a member: totals by its values too; of plans also stream and class
---@field hits? boolean|integer true: series have the hit ratio of a cache without limit too; or of an LRU
--- cache of so many blocks
---@field seed? integer of a plan, like those that follow
---@field duration? number|string
---@field num_requests? integer
---@field shard? string

--- What a load is, counted over its requests: how many, how long, how fast they come and, with `service`,
--- what a server has in flight.
---
--- mt.profile(plan, { service = { ttft = "200ms", per_token = "20ms" } }).in_flight.peak
---@param load moontide.trace a plan or a trace
---@param given? moontide.profile_options
---@return moontide.profile? profile, string? message, string? code
function public.profile(load, given)
  return profile_of("profile", load, options_of("profile", load, given))
end

--- Is the load as expected? For tests: assert(mt.expect(plan, { requests = {900, 1100} })).
---
--- A figure by its name (mt.profile(load):figure) is a number, a range { least, most }, or a text "<20k".
---@param load moontide.trace a plan or a trace
---@param expected table<string, any>|string { ["input_length.p99"] = "<20k" }, or 'requests=900..1100,...'
---@param given? moontide.profile_options
---@return moontide.profile? profile, string? message all that is not as expected, string? code
function public.expect(load, expected, given)
  local opt = options_of("expect", load, given)
  local list = options.value(expected, "expect: the expectations", profile_options.expect)
  local wrong = expectation.mistake(list, opt.service, "service =")
  if wrong then core.base.raise("expect: " .. wrong) end
  local counted, message, code = profile_of("expect", load, opt)
  if not counted then return nil, message, code end
  local results, missed = expectation.judge(list, counted)
  if missed == 0 then return counted end
  local lines = {}
  for _, result in ipairs(results) do
    if not result.ok then lines[#lines + 1] = expectation.line(result) end
  end
  return nil, table.concat(lines, "\n"), "value"
end

load_profile.public = public
load_profile.methods = profile.methods

return load_profile
