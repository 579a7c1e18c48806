--- What a server would hold of a plan on average, over time: the expected course.
--
-- Arrivals have a formula: how many requests or sessions begin in each step. What one of them brings by and
-- by, how long it is and how many turns it has, is drawn: many of them that all begin in one step, whose
-- profile over time, divided by their number, is what a single one brings. The course is the one convolved
-- with the other, so that chance in the arrivals has no part in it. Where something in them follows time they
-- are drawn anew for each stretch of it.
local core = require "moontide.core"
local counted = require "moontide.load.counted"
local profile = require "moontide.learn.profile"
local prompt_kind = require "moontide.load.prompt_kind"
local stream = require "moontide.load.stream"
local workload = require "moontide.load.workload"

local average = {}

--- So many draws, each with a seed of its own, of so many requests in all.
average.draws, average.requests = 8, 200000

-- Units of a stream in each draw and stretch of time: at least so many.
local fewest_units = 8

-- Of prompts_of, whose k-th request has the k-th prompt, at most so many are looked at.
local most_recorded = 100000

-- Stretches of time, of what follows curves of it.
local stretches = 32

-- Steps of the course: at most so many, and so many over all streams.
local most_steps, most_of_all = 100000, 1000000

local lists = { "requests", "input_tokens", "output_tokens", "in_flight", "kv_tokens", "tokens_made" }

-- --- arrivals --------------------------------------------------------------------------------------

-- How many units begin in each step; NaN where nobody knows.
local function arrivals_of(entry, opt, steps)
  local starts <const> = core.process.starts(entry.stream.process)
  return core.process.areas(starts, opt.seed, entry.factor * (opt.rate_scale or 1),
    math.min(entry.last, opt.duration), 0, steps.count * steps.length, steps.count)
end

-- Leaves of the arrivals of all streams the first `most`, wherever they come; true where some are left out.
local function cut(all, most)
  local sum = 0
  for i = 1, #all[1] do
    local here = 0
    for _, areas in ipairs(all) do here = here + areas[i] end
    local share = here > 0 and math.max(0, math.min(1, (most - sum) / here)) or 1
    if share < 1 then
      for _, areas in ipairs(all) do areas[i] = areas[i] * share end
    end
    sum = sum + here
  end
  return sum > most * (1 + 1e-9)
end

-- --- what a unit brings ----------------------------------------------------------------------------

-- Does anything that its requests draw follow time?
local function follows_time(of)
  -- What a rule does nobody knows.
  local function lengths_do(lengths)
    return core.plan.lengths_follow_time(lengths) or core.lengths.have_rules(lengths)
  end
  local follows = core.process.follows_time(of.process) or lengths_do(of.lengths)
    or of.first and lengths_do(of.first)
  for _, level in ipairs(of.branches or {}) do follows = follows or lengths_do(level.lengths) end
  return follows
end

-- The series of `count` units that begin in the step at `from` seconds, up to `ends`, and how many there
-- really were; nil, message, code.
local function draw(self, entry, steps, from, ends, count, seed, opt)
  local changed = {}
  for key, value in pairs(entry.stream) do changed[key] = value end
  local burst = core.curve.constant(count / steps.length, steps.length)
  if from > 0 then burst = core.curve.shift(burst, from) end
  changed.process = core.process.restarted(changed.process, core.process.even(burst, 0.5))
  local plan <const> = core.plan.new(self.block_size)
  stream.add_to(plan, changed, entry.name)
  local source, message, code = core.source.run(plan,
    { seed = seed, duration = from + steps.length, factor = 1 })
  if source then source, message, code = core.source.window(source, nil, ends, false) end
  if not source then return nil, message, code end
  local state <const> = profile.open({ step = steps.length, service = opt.service }, from, ends)
  local read
  read, message, code = profile.read(state, source, false, true)
  if not read then return nil, message, code end
  local units = core.process.has_sessions(changed.process) and count or state:counted().requests
  return state:series(), units, read
end

-- Adds a draw's series to the kernels, in parts of `units`.
local function add(kernels, series, units)
  for _, name in ipairs(lists) do
    local kernel = kernels[name]
    for i, value in ipairs(series[name] or {}) do kernel[i] = (kernel[i] or 0) + value / units end
  end
end

-- The sum over the first `last` steps of what units that begin in steps a to b bring, by the kernel's sums.
local function sum_until(areas, a, b, series, last, units)
  local sums, sum, total = {}, 0, 0
  for i, value in ipairs(series) do
    sum = sum + value
    sums[i] = sum
  end
  if #sums == 0 then return 0 end
  for j = a, math.min(b, last) do total = total + areas[j] * sums[math.min(last - j + 1, #sums)] end
  return total / units
end

-- Adds a stream's stretch of steps a to b to the course, and its sums to those of each draw: requests that
-- were drawn; nil, message, code.
local function add_stretch(self, entry, areas, a, b, count, steps, course, sums, opt)
  local is_whole = a == 1 and b == steps.count
  local kernels, drawn = {}, 0
  for _, name in ipairs(lists) do kernels[name] = {} end
  -- Units that follow time are those of the stretch's middle; what begins before it has longer until the end.
  local middle = is_whole and a or (a + b) // 2
  local from, ends = (middle - 1) * steps.length, (steps.count + middle - a) * steps.length
  for i = 1, average.draws do
    local seed = core.random.new(opt.seed, "average", "draw"):seek(i):u32()
    local series, units, read = draw(self, entry, steps, from, ends, count, seed, opt)
    if not series then return nil, units, read end
    if units > 0 then
      add(kernels, series, units * average.draws)
      for _, name in ipairs(lists) do
        sums[i][name] = sums[i][name] + sum_until(areas, a, b, series[name] or {}, steps.count, units)
      end
    end
    drawn = drawn + read
  end
  for _, name in ipairs(lists) do
    core.process.spread(course[name], areas, a, b, kernels[name])
  end
  return drawn
end

-- --- the course ------------------------------------------------------------------------------------

-- The steps of the course: as asked for, or as much longer as there would be too many.
local function steps_of(self, opt)
  local step = opt.step or 1
  local most = math.max(100, math.min(most_steps, most_of_all // #self.streams))
  step = step * math.max(1, math.ceil(opt.duration / step / most - 1e-9))
  local count = math.max(1, math.ceil(opt.duration / step - 1e-9))
  return { length = step, count = count }
end

--- Is there a formula for when the plan's requests or sessions begin, so that the course is known? Not for a
--- script's own arrivals, closed loops, answers that take as long as a function of the load says, and
--- sessions of which a number of requests is taken.
---@param self moontide.workload
---@param requests number on average; NaN where nobody knows
---@param opt table num_requests
---@return boolean
function average.is_known(self, requests, opt)
  if requests ~= requests then return false end
  local is_cut = opt.num_requests and opt.num_requests < requests
  for _, entry in ipairs(self.streams) do
    local process = entry.stream.process
    if core.process.is_closed(process) or core.process.follows_load(process)
      or is_cut and core.process.has_sessions(process) then
      return false
    end
  end
  return true
end

local function zeros(count)
  local list = {}
  for i = 1, count do list[i] = 0.0 end
  return list
end

-- Of a shard every so-and-so-many-th request or session comes: on average that part of each step's.
local function take_part(all, shard)
  if not shard then return end
  for _, areas in ipairs(all) do
    for i, area in ipairs(areas) do areas[i] = area / shard.count end
  end
end

-- Their units that begin, on average, of each stream in each step.
local function all_arrivals(self, ones, steps, opt)
  local all = {}
  for i, entry in ipairs(self.streams) do
    all[i] = arrivals_of(entry, opt, steps)
    -- A prompt source may have no more.
    if ones[i].sessions == 0 then cut({ all[i] }, ones[i].requests) end
  end
  if opt.num_requests then cut(all, opt.num_requests) end
  return all
end

--- What the plan is on average where it is known: the expected course in steps, its means and peaks, and how
--- far the means may be off for what is drawn.
---@param self moontide.workload
---@param opt table duration, seed, rate_scale, num_requests, shard, service, step
---@return moontide.profile? expected, string|number message_or_drawn, string? code
function average.of(self, opt)
  local steps, ones, total, drawn = steps_of(self, opt), {}, 0, 0
  for i in ipairs(self.streams) do
    local message, code
    ones[i], message, code = core.plan.expect(workload.plan_of(self), i, opt.seed, opt.duration,
      opt.rate_scale or 1)
    if not ones[i] then return workload.failed(self, message, code) end
    total = total + ones[i].requests
  end
  local course, sums = {}, {}
  for _, name in ipairs(lists) do course[name] = zeros(steps.count) end
  for i = 1, average.draws do
    sums[i] = {}
    for _, name in ipairs(lists) do sums[i][name] = 0 end
  end
  local all, sessions, part_of = all_arrivals(self, ones, steps, opt), 0, opt.shard and opt.shard.count or 1
  take_part(all, opt.shard)
  for i, entry in ipairs(self.streams) do
    local of, sum = ones[i], 0 -- the sum is of the whole
    for _, area in ipairs(all[i]) do sum = sum + area * part_of end
    if of.sessions > 0 then sessions = sessions + sum / part_of end
    local parts = follows_time(entry.stream) and math.min(stretches, steps.count) or 1
    local count = average.requests / average.draws / parts * sum / math.max(total, 1)
    if prompt_kind.name(entry.stream.prompt) == "prompts_of" then count = math.min(sum, most_recorded) end
    count = math.max(fewest_units, math.ceil(count))
    for part = 1, sum > 0 and parts or 0 do
      local a, b = steps.count * (part - 1) // parts + 1, steps.count * part // parts
      local read, message, code = add_stretch(self, entry, all[i], a, b, count, steps, course, sums, opt)
      if not read then return workload.failed(self, message, code) end
      drawn = drawn + read
    end
  end
  local taken = opt.num_requests and math.min(opt.num_requests, total) or total
  local totals = { requests = taken / part_of, sessions = sessions, within = 0 }
  for _, entry in ipairs(self.streams) do
    if counted.is_needed(entry) then totals.requests = nil end -- the formula leaves out what ends sessions
  end
  for _, requests in ipairs(course.requests) do totals.within = totals.within + requests end
  course.from, course.step = 0, steps.length
  return profile.of_course(course, sums, totals, opt.duration), drawn
end

return average
