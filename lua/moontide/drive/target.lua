--- What is driven: a trace, the plan of a script in a file, or that of a bundled script.
local any = require "moontide.trace.any"
local arguments = require "moontide.command.arguments"
local common = require "moontide.script.common"
local core = require "moontide.core"
require "moontide.drive.options" -- its kinds of option
local extent = require "moontide.drive.extent"
local options = require "moontide.kit.options"
local phases = require "moontide.load.phases"
local pipe = require "moontide.trace.pipe"
local plan = require "moontide.script.plan"
local profile = require "moontide.learn.profile"
local report = require "moontide.kit.report"
local script = require "moontide.script.script"
local scripts = require "moontide.script.load"
local workload = require "moontide.load.workload"
local workload_expect = require "moontide.load.workload_expect"
local workload_run = require "moontide.load.workload_run"

local target = {}

---@class moontide.target
---@field name string
---@field trace moontide.pipe
---@field seed integer? of a plan
---@field block_size integer? of its hash_ids; of a trace it is known once that is open
---@field is_empty boolean? a trace that is open has no request
---@field is_plan boolean
---@field duration number? seconds, of a plan
---@field phases moontide.phase[]? of the plan, in the run's time
---@field bounds table[]? of the plan, as --fail-over has them
---@field size fun(opt: table): moontide.drive_size how large it is, as far as is known before it is read
---@field stop_after number? seconds after which nothing more is sent, when only that ends it
---@field planned? fun(duration: number): moontide.pipe of a plan: its requests as if they were answered as
--- planned; nothing begins at `duration` or after it
---@field runs_on boolean? not quite: what was begun goes on, in sessions, for the --grace
---@field rate fun(self: moontide.target, opt: table, asked: number?): number?, string?, string? requests a
--- second on average: of a plan until a window's end, of a trace over all of it, or over the requests that a
--- window or a duration will have at the rate that is asked for
---@field times? fun(self: moontide.target, opt: table): moontide.column?, string?, string? of a trace: when
--- its requests come, in ms

local function is_bundled(name)
  for _, one in ipairs(scripts.bundled_names()) do
    if one == name then return true end
  end
  return false
end

-- Options of the script that the driving command has already taken: both mean the run.
local shared = { "seed", "duration", "num_requests", "rate_scale" }

-- Where the driver says when it is over, a plan goes on for as long: until a window's requests have ended, or
-- for the --duration or the --num-requests of a closed loop, which may take more of its requests than come in
-- that time.
local function is_ended_by_driver(opt)
  return opt.window and opt.window.to < math.huge and not opt.duration
    or opt.concurrency and (opt.duration or opt.num_requests)
end

local endless = extent.endless

-- The --duration of the driving command is the run's: so much of the clock of what is played faster. nil
-- where it says nothing of the plan.
local function duration_of_run(opt)
  if opt.concurrency or not options.given(opt, "duration") then return nil end
  return opt.duration * opt.speed_ratio
end

local function own_values(self, words, opt)
  local spec = table.move(self.options, 1, #self.options, 1, {})
  local of_script = common.of_script(self)
  table.move(of_script, 1, #of_script, #spec + 1, spec)
  local values = arguments.parse(self.name, words, spec)
  for _, name in ipairs(shared) do
    local is_of_loop = name == "duration" and opt.concurrency
    if options.given(opt, name) and not is_of_loop then values[name] = opt[name] end
  end
  values.duration = duration_of_run(opt) or values.duration
  script.check_options(self, values)
  return values
end

-- Options that make no sense where requests wait for real answers.
local function what_waiting_refuses(opt, waits)
  for _, name in ipairs { "start", "end", "dequantize", "sessions" } do
    if opt[name] then
      return ("--%s is of traces: the workload has sessions or closed loops, whose times depend on answers")
        :format(name)
    end
  end
  if waits.closed and opt.concurrency then
    return "--concurrency: the workload's mt.closed says how many requests are in flight"
  end
  if waits.closed and opt.shard then
    return "--shard: the users of mt.closed are not divided; give each part its own number of users"
  end
end

-- Requests a second on average that a plan is expected to have: of all of it, or until a window's end.
local function rate_of_workload(made, values, opt, duration)
  local span = math.min(duration, opt.window and opt.window.to or math.huge)
  if workload.waits(made).closed then
    return nil, "a closed loop (mt.closed) has no rate of its own", "usage"
  end
  local expected, message, code = workload_expect.shown(made, { duration = span, seed = values.seed,
    rate_scale = values.rate_scale })
  if not expected then return nil, message, code end
  if expected.within > 0 then return expected.within / span end
  return nil, ("nobody knows what rate '%s' has: its arrivals are a script's own, or there are none"):format(
    made.name or made.script_name or "the workload"), "usage"
end

-- When a trace's requests come, in a column of its own: a view would hold all of the trace.
local function times_of_trace(self, opt)
  local whole = options.with(opt, {})
  whole.duration, whole.num_requests = nil, nil
  local columns, message, code = pipe.read(target.steps(self, whole), core.source.collect)
  if not columns then return nil, message, code end
  return columns:column "timestamp" + 0
end

-- How many of the first requests come at a rate within a time: of times in order; else all of them.
local function requests_within(times, rate, span)
  if #times < 2 or times:count() < #times then return #times end
  local last = math.max(2, math.min(#times, math.floor(rate * span + 0.5) + 1))
  for i = 2, last do
    if times[i] < times[i - 1] then return #times end
  end
  while last < #times and times[last] <= times[1] do last = last + 1 end
  return last
end

-- The same of a trace: requests after the first over the time they take. A trace's rate has a course, and a
-- window or a duration sees its beginning only: at a rate that is asked for, so many requests of it.
local function rate_of_trace(self, opt, asked)
  local times, message, code = self:times(opt)
  if not times then return nil, message, code end
  local span = opt.window and opt.window.to or opt.duration
  local last = asked and span and requests_within(times, asked, span) or #times
  local first, final = times:min(), last < #times and times[last] or times:max()
  if first and final > first then return 1000 * (last - 1) / (final - first) end
  return nil, ("%s has no rate: it has no two times"):format(self.name), "usage"
end

-- What a workload's own fail_over says, as the option does.
local function bounds_of(made)
  return made.fail_over and options.value(made.fail_over, made.place .. "workload: fail_over",
    { "fail-over", kind = "run_bound", list = true })
end

-- The target that a workload is, for the values of a run: seed, duration, num_requests, rate_scale. fallback:
-- seconds, where nothing says how long it is.
local function of_workload(made, name, values, opt, fallback)
  local duration = workload.duration(made, values.duration, fallback, values.rate_scale)
  local waits = workload.waits(made)
  local misfit = waits.any and what_waiting_refuses(opt, waits)
    or opt.sessions and "--sessions is of traces: the requests of a workload have whole prompts"
  if misfit then return nil, misfit, "usage" end
  local run = { duration = duration, seed = values.seed, num_requests = values.num_requests,
    rate_scale = values.rate_scale, tags = true }
  return {
    -- What was due by the end has been sent a second later.
    runs_on = not waits.only_closed,
    stop_after = waits.all_closed and duration < endless and duration / opt.speed_ratio + 1 or nil,
    name = name, is_plan = true, seed = values.seed, duration = duration, block_size = made.block_size,
    phases = made.phases and phases.faster(made.phases, opt.speed_ratio), bounds = bounds_of(made),
    rate = function() return rate_of_workload(made, values, opt, duration) end,
    size = function()
      local seconds = duration >= endless and opt.window and opt.window.to or duration
      return extent.of_workload(made, seconds, values, opt)
    end,
    trace = workload_run.pipe(made, run, true),
    planned = function(last) return workload_run.pipe(made, options.with(run, { duration = last })) end,
  }
end

local function of_plan(name, words, opt)
  local source, message, code = scripts.find(name)
  if not source then return nil, message, code end
  plan.seed(opt.seed)
  local self = scripts.load(source)
  if not self.plan then
    return nil, ("%s is a command, not a load: there is nothing to drive"):format(name), "usage"
  end
  local values = own_values(self, words, opt)
  local made = plan.make(self, values)
  local asked = common.figures(self, values)
  for _, option in ipairs { "expect", "service", "series", "by", "json" } do
    if asked[option] then return nil, ("--%s stands before the --"):format(option), "usage" end
  end
  local default_duration = self.default_duration
  if asked.compress then
    made = workload.compressed(made, asked.compress, asked.compress_think or false)
    local is_own = values.duration and not duration_of_run(opt)
    if is_own then values.duration = values.duration / asked.compress end
    default_duration = (default_duration or workload.default_duration) / asked.compress
  end
  if not options.given(values, "duration") and is_ended_by_driver(opt) then values.duration = endless end
  return of_workload(made, self.name, values, opt, default_duration)
end

--- What is wrong with the options for a trace, or nil.
---@param words string[]
---@param opt table
---@return string?
function target.wrong_for_trace(words, opt)
  if #words > 0 then
    return ("unexpected argument '%s': only a script has options of its own"):format(words[1])
  end
  if opt.rate_scale and opt.rate_scale ~= 1 then
    return "--rate-scale is of a script's load: of a trace --speed-ratio divides the times"
  end
end

local function of_trace(name, words, opt)
  local wrong = target.wrong_for_trace(words, opt)
  if wrong then return nil, wrong, "usage" end
  return {
    name = name == "-" and "standard input" or name, is_plan = false,
    rate = rate_of_trace, times = times_of_trace,
    trace = any.pipe(name, "replay: the trace", opt.skip_bad_lines),
    size = function() return extent.of_trace(name ~= "-" and name, opt) end,
  }
end

--- Is it a script's name, rather than a trace's?
---@param name string
---@return boolean
function target.is_plan(name)
  return name:find "%.lua$" ~= nil or is_bundled(name)
end

--- The target of that name, with the script's own words after it. Mistakes in a script raise.
---@param name string
---@param words string[]
---@param opt table the driving command's options
---@return moontide.target? target, string? message, string? code
function target.of(name, words, opt)
  if target.is_plan(name) then return of_plan(name, words, opt) end
  return of_trace(name, words, opt)
end

--- What a value that is driven is called.
---@param value moontide.trace
---@param what string its name for messages: "drive: the trace"
---@return string
function target.name_of(value, what)
  if workload.is(value) then return value.name or "workload" end
  return any.pipe(value, what).text
end

--- The target that a value is: a workload, or whatever may be a trace.
---@param value moontide.trace
---@param opt table the options of drive/options.lua
---@return moontide.target? target, string? message, string? code
function target.of_value(value, opt)
  if workload.is(value) then
    local duration = is_ended_by_driver(opt) and endless or duration_of_run(opt)
    local values = duration and options.with(opt, { duration = duration }) or opt
    return of_workload(value, value.name or "workload", values, opt)
  end
  local wrong = target.wrong_for_trace({}, opt)
  if wrong then return nil, wrong, "usage" end
  local trace = any.pipe(value, "drive: the trace", opt.skip_bad_lines)
  return { name = trace.text, is_plan = false, trace = trace, rate = rate_of_trace, times = times_of_trace,
    size = function() return extent.of_trace(value, opt) end }
end

--- What the options do to the trace: a window of time, speed, order, a shard.
---@param self moontide.target
---@param opt table
---@return moontide.pipe
function target.steps(self, opt)
  local trace = self.trace
  if not self.is_plan then
    trace = pipe.in_blocks(trace, opt.block_size, function(size, is_empty)
      self.block_size, self.is_empty = size, is_empty
    end)
  end
  if opt.dequantize then trace = trace:dequantize { seed = opt.seed } end
  -- Before the window: what it cuts off is what later turns continue.
  if not self.is_plan and opt.sessions ~= "cumulative" then
    trace = trace:sessions { from = opt.sessions, to = "cumulative", block_size = opt.block_size,
      guessed = function(rows)
        if rows == "unknown" or opt.is_quiet then return end
        report.note_once(("sessions: %s rows (guessed)"):format(rows))
      end }
  end
  if opt.start or opt["end"] then
    trace = trace:window { start = opt.start, stop = opt["end"], needs_some = true }
    if opt.start and not self.is_plan then trace = trace:shift(-opt.start) end
  end
  if opt.speed_ratio ~= 1 then trace = trace:speed(opt.speed_ratio) end
  if opt.duration and not self.is_plan and not opt.concurrency then
    trace = trace:window { stop = opt.duration }
  end
  if opt.num_requests and not self.is_plan then trace = trace:first(opt.num_requests) end
  if opt.shard then trace = trace:shard(("%d/%d"):format(opt.shard.index, opt.shard.count)) end
  return trace
end

-- Does nobody know how much of it is sent before that is done?
local function is_open_ended(opt)
  return opt.concurrency and not opt.num_requests and (opt.duration or opt.window)
end

-- How long a plan is counted, seconds of its own time; endless where a number of requests ends it.
local function counted_until(self, opt)
  if self.duration < endless or not opt.window then return self.duration end
  return opt.window.to * opt.speed_ratio
end

--- What will be sent, counted before anything is: of a plan as if it were answered as planned.
---@param self moontide.target
---@param opt table the driving command's options
---@param asked table service, step
---@return moontide.profile? counted, string? message, string? code
function target.profile(self, opt, asked)
  if self.name == "standard input" then
    return nil, "--expect reads the trace before it is sent, and standard input can be read only once",
      "usage"
  end
  if is_open_ended(opt) then
    return nil, "--expect: how many requests a closed loop sends in a time is not known before "
      .. "(--num-requests says it)", "usage"
  end
  local last = self.is_plan and counted_until(self, opt)
  local before = setmetatable({ trace = last and self.planned(last) or self.trace }, { __index = self })
  local to = last and last < endless and last / opt.speed_ratio or nil
  local state = profile.open(asked, self.is_plan and 0 or nil, to)
  local steps = target.steps(before, options.with(opt, { is_quiet = true }))
  if to and self.duration >= endless then steps = steps:window { stop = to } end -- sessions run on
  local done, message, code = pipe.read(steps, function(source) return profile.read(state, source) end)
  if not done then return nil, message, code end
  return profile.result(state, asked, to)
end

return target
