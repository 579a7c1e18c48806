--- Workloads: what a script returns, and what can be done with it.
--
-- A workload is streams and other workloads. It is a value: nothing is made before a method asks for
-- it.
local arrival = require "moontide.load.process"
local core = require "moontide.core"
local counted = require "moontide.load.counted"
local expected = require "moontide.load.expected"
local file = require "moontide.draw.file"
local of_run = require "moontide.load.run_options"
local options = require "moontide.kit.options"
local picture = require "moontide.load.workload_plot"
local phases = require "moontide.load.phases"
local pipe = require "moontide.trace.pipe"
local stream = require "moontide.load.stream"
local texts = require "moontide.kit.text"
local trace_plot = require "moontide.trace.trace_plot"

local workload = {}
---@class moontide
local public = {}
---@class moontide.workload
local methods = {}

local workload_type = { __name = "moontide.workload", __index = methods }

local default_duration, default_block_size = 60, 512
workload.default_duration = default_duration -- seconds, where nothing says how long one is

-- --- workloads ------------------------------------------------------------------------------------

-- All streams with their full names, rate factor and end, those of workloads inside included. Only those
-- inside end after their own duration: how long the whole is, the run says.
local function flatten(self, prefix, factor, last, into)
  factor = factor * self.factor
  for i, member in ipairs(self.members) do
    if options.type_of(member) == "moontide.stream" then
      local name = member.name
      if not name and #self.members > 1 then
        core.base.raise(("workload: stream %d has no name; where there are several each needs one"):format(i))
      end
      into[#into + 1] = { name = prefix .. (name or "main"), stream = member, factor = factor, last = last }
    else
      local inner = member.name or member.script_name
      flatten(member, inner and prefix .. inner .. "/" or prefix, factor,
        math.min(last, member.duration or math.huge), into)
    end
  end
  return into
end

local function check_names(streams)
  local seen = {}
  for _, entry in ipairs(streams) do
    if seen[entry.name] then
      core.base.raise(("workload: two streams are named '%s'"):format(entry.name))
    end
    seen[entry.name] = true
  end
end

-- A workload that does not say its block size takes that of the workloads in it.
local function take_block_size(self, member)
  if not member.given_block_size then return end
  if not self.given_block_size then
    self.block_size, self.given_block_size = member.block_size, true
  elseif member.block_size ~= self.block_size then
    core.base.raise(("workload: the block_size of '%s' is %d, beside it or around it is %d"):format(
      member.name or member.script_name or "the inner workload", member.block_size, self.block_size))
  end
end

-- A workload that says neither phases nor bounds takes those of the workload in it that does.
local function take_phases(self, member)
  if self.says_phases or not (member.phases or member.fail_over) then return end
  local before = self.phases_of
  if before then
    core.base.raise(("workload: both '%s' and '%s' have phases or fail_over: say here what holds"):format(
      before.name or before.script_name or "an inner workload",
      member.name or member.script_name or "another one"))
  end
  self.phases, self.fail_over, self.phases_of = member.phases, member.fail_over, member
end

local function check_members(self)
  if #self.members == 0 then core.base.raise "workload: needs at least one stream" end
  for i, member in ipairs(self.members) do
    if options.type_of(member) == "moontide.workload" then
      take_block_size(self, member)
      take_phases(self, member)
    elseif options.type_of(member) ~= "moontide.stream" then
      options.wrong(("workload: member %d"):format(i), member, "a stream, mt.clients{...} or a workload")
    end
  end
end

-- The list part, the streams of mt.clients in its place.
local function members_of(values)
  local members = {}
  for _, member in ipairs(values) do
    if options.type_of(member) == "moontide.clients" then
      table.move(member.streams, 1, #member.streams, #members + 1, members)
    else
      members[#members + 1] = member
    end
  end
  return members
end

local workload_options = {
  { "name", kind = "string" },
  { "duration", kind = "duration", above = 0 },
  { "block_size", kind = "integer", min = 1, max = 1 << 31 },
  { "phases", kind = "phase", list = true },
  { "fail_over", kind = "any" },
  items = true,
}

---@class moontide.workload_options
---@field name? string before the names of its streams inside another workload
---@field duration? number|string seconds; else its longest curve, else 60 s
---@field block_size? integer tokens per block, 512 unless a workload in it says otherwise
---@field phases? table[] spans of a run, which it reports apart: { { "before", "20s" }, { "after" } }
---@field fail_over? table<string, number|string> bounds of a run, as --fail-over: { error_rate = 0.01 }
---@field [integer] moontide.stream|moontide.clients|moontide.workload

--- A workload: named streams and other workloads that run together.
---
--- mt.workload{ duration = "10m", mt.stream{ arrivals = mt.poisson(20), input = 2000, output = 250 } }
---@param opt moontide.workload_options
---@return moontide.workload
function public.workload(opt)
  local values = options.table("workload", opt, workload_options)
  stream.check_name(values.name, "workload: name")
  if values.fail_over then
    options.list(values.fail_over, "workload: fail_over", "a table of measures and the most they may be")
  end
  local self = setmetatable({
    phases = values.phases and phases.of(values.phases, "workload: phases"), fail_over = values.fail_over,
    says_phases = (values.phases or values.fail_over) ~= nil,
    name = values.name, duration = values.duration,
    block_size = values.block_size or default_block_size,
    given_block_size = values.block_size ~= nil,
    members = members_of(values),
    factor = 1,
    expectations = {}, -- by what they were asked for
    place = core.base.where(), -- in the script, for messages: "a.lua:14: "
  }, workload_type)
  check_members(self)
  self.streams = flatten(self, "", 1, math.huge, {})
  check_names(self.streams)
  return self
end

--- Is the value a workload?
---@param value any
---@return boolean
function workload.is(value)
  return options.type_of(value) == "moontide.workload"
end

local function copy(self)
  local other = {}
  for key, value in pairs(self) do other[key] = value end
  other.plan, other.expectations = nil, {}
  return setmetatable(other, workload_type)
end

--- The workload as made by a script: its streams get the script's name inside another workload.
---@param self moontide.workload
---@param name string
---@return moontide.workload
function workload.with_script_name(self, name)
  local named = copy(self)
  named.script_name = name
  return named
end

--- All rates times k; request number k keeps its lengths and prefix at every scale. Where a class's weight,
--- or a parameter of a length or pick, is a curve, it is read at the request's time, which is another one at
--- another scale: there lengths, classes and prefixes follow the time, not the number.
---@param k number above 0
---@return moontide.workload
function methods:scale(k)
  k = options.number(k, "scale: the factor")
  if k <= 0 then core.base.raise(("scale: the factor must be above 0, not %s"):format(options.show(k))) end
  local scaled = copy(self)
  scaled.factor = self.factor * k
  scaled.streams = flatten(scaled, "", 1, math.huge, {})
  return scaled
end

local compress_options = { { "think", kind = "boolean", default = false } }

-- The members k times faster: streams, and workloads in them.
local function faster_members(self, k, think)
  local members = {}
  for i, member in ipairs(self.members) do
    if workload.is(member) then
      members[i] = workload.compressed(member, k, think)
    else
      local stream_of, faster = {}, arrival.faster(member.process, k, think)
      for key, value in pairs(member) do stream_of[key] = value end
      if not faster then
        core.base.raise(("compress: stream '%s': %s cannot run faster"):format(member.name or "main",
          tostring(member.process)))
      end
      stream_of.process, stream_of.pace = faster, (member.pace or 1) * k
      members[i] = setmetatable(stream_of, getmetatable(member))
    end
  end
  return members
end

--- The workload k times faster.
---@param self moontide.workload
---@param k number above 0
---@param think boolean
---@return moontide.workload
function workload.compressed(self, k, think)
  local other = copy(self)
  other.members = faster_members(self, k, think)
  other.duration = self.duration and self.duration / k
  other.streams = flatten(other, "", 1, math.huge, {})
  return other
end

---@class moontide.compress_options
---@field think? boolean think times, and the times of answers between turns, are shorter too

--- The whole plan's clock runs k times faster: the same requests in 1/k of the time, a day in ten minutes
--- with k = 144. Rates, curves, noise, bursts and times of traces all follow; think times of sessions stay as
--- people are, unless think = true.
---@param k number above 0
---@param given? moontide.compress_options
---@return moontide.workload
function methods:compress(k, given)
  k = options.number(k, "compress: the factor")
  if k <= 0 then
    core.base.raise(("compress: the factor must be above 0, not %s"):format(options.show(k)))
  end
  return workload.compressed(self, k, options.table("compress", given, compress_options).think)
end

-- The plan in core, made once.
local function plan_of(self)
  if self.plan then return self.plan end
  local plan = core.plan.new(self.block_size)
  for _, entry in ipairs(self.streams) do
    stream.add_to(plan, entry.stream, entry.name, entry.factor, entry.last)
  end
  self.plan = plan
  return plan
end

-- --- durations ------------------------------------------------------------------------------------

local function longest_curve(self)
  local longest
  for _, entry in ipairs(self.streams) do
    local duration = math.min(core.process.duration(entry.stream.process), entry.last)
    if duration < math.huge then longest = math.max(longest or 0, duration) end
  end
  return longest
end

--- How long the workload is: what is asked, else its own, else its longest finite curve, else 60 s.
---@param self moontide.workload
---@param asked? number seconds
---@param fallback? number seconds, instead of 60
---@return number seconds, boolean is_said false when nothing says it and it is the 60 s
function workload.duration(self, asked, fallback)
  local said = asked or self.duration or longest_curve(self) or fallback
  return said or default_duration, said ~= nil
end

---@class moontide.waits
---@field any boolean has it sessions or closed loops?
---@field closed boolean has it closed loops?
---@field all_closed boolean is all of it closed loops?
---@field only_closed boolean are they without sessions, so that its end ends it?

--- What in it waits for answers.
---@param self moontide.workload
---@return moontide.waits
function workload.waits(self)
  local waits = { any = false, closed = false, all_closed = true, only_closed = true }
  for _, entry in ipairs(self.streams) do
    local process = entry.stream.process
    local is_closed = core.process.is_closed(process)
    waits.any = waits.any or core.process.wants_answers(process)
    waits.closed = waits.closed or is_closed
    waits.all_closed = waits.all_closed and is_closed
    waits.only_closed = waits.only_closed and is_closed and not core.process.has_sessions(process)
  end
  return waits
end

--- Lines that say where a curve ends before the workload does, or is cut by its end.
---@param self moontide.workload
---@param duration number seconds
---@param is_default? boolean nothing said how long the workload is
---@return string[]
function workload.duration_notes(self, duration, is_default)
  local notes = {}
  for _, entry in ipairs(self.streams) do
    local curve = core.process.duration(entry.stream.process)
    if curve < math.huge and math.abs(curve - duration) > 1e-9 * duration then
      notes[#notes + 1] = ("stream '%s': its curve lasts %.9g s, the workload %.9g s: it %s"):format(
        entry.name, curve, duration, curve < duration and "ends early" or "is cut")
    end
    local period = is_default and core.process.period(entry.stream.process) or 0
    if period > duration * (1 + 1e-9) then
      notes[#notes + 1] = ("stream '%s': its curve repeats every %.9g s, and nothing says how long the "
        .. "workload is (duration= or --duration): it ends after %.9g s"):format(entry.name, period, duration)
    end
  end
  return notes
end

-- --- what it will be ------------------------------------------------------------------------------

--- A failure of a run: nil, message, code for the world's; a mistake in the plan that only shows when
--- it runs raises with the workload's line, a failure of a script's function with its own.
---@param self moontide.workload
---@param message string
---@param code string
---@return nil, string message, string code
function workload.failed(self, message, code)
  if code == "value" then error(self.place .. message, 0) end
  if code == "callback" then error(message, 0) end
  return nil, message, code
end

-- More than half inside their shared prefix is a mistake, not a workload.
local function check_inside(self, inside)
  if inside > 0.5 then
    error(self.place .. "more than half of the prompts lie wholly inside their shared prefix: input= is the "
      .. "whole prompt (did you mean new_input=, what comes after the prefix?)", 0)
  end
end

--- Expected totals of a run, without random numbers: a value whose tostring is a table.
---@param self moontide.workload
---@param duration number seconds
---@param seed integer
---@param factor number
---@return moontide.expected
function workload.expect(self, duration, seed, factor)
  local asked = ("%a %d %a"):format(duration, seed, factor)
  local known = self.expectations[asked]
  if known then return known end
  local plan, names, processes, ones = plan_of(self), {}, {}, {}
  for i, entry in ipairs(self.streams) do
    names[i], processes[i] = entry.name, tostring(entry.stream.process)
    local one, message, code = core.plan.expect(plan, i, seed, duration, factor)
    if not one then
      message = ("stream '%s': %s"):format(entry.name, message)
      workload.failed(self, message, code)
      error(message, 0)
    end
    ones[i] = one
  end
  local whole, inside = expected.new(duration, names, processes, ones)
  check_inside(self, inside)
  whole.inside = inside
  self.expectations[asked] = whole
  return whole
end

---@class moontide.run_options
---@field seed? integer
---@field duration number seconds
---@field num_requests? integer of the whole, over all shards
---@field most_at_once? integer so many requests of one time are an error
---@field rate_scale? number multiplies all rates
---@field shard? {index: integer, count: integer} index from 0
---@field tags? boolean
---@field compact? boolean
---@field whole_milliseconds? boolean

--- The requests of a run as a source of core.
---@param self moontide.workload
---@param opt moontide.run_options
---@param is_live? boolean sessions and closed loops wait for real answers, which whoever drives it tells it
---@return userdata|nil source, string? message, string? code
function workload.run(self, opt, is_live)
  local source, message, code = core.source.run(plan_of(self), {
    seed = opt.seed, duration = opt.duration, most = opt.num_requests, most_at_once = opt.most_at_once,
    factor = opt.rate_scale,
    tags = opt.tags, compact = opt.compact, whole_milliseconds = opt.whole_milliseconds,
    live = is_live,
  })
  if source and opt.shard then
    source, message, code = core.source.shard(source, opt.shard.index, opt.shard.count)
  end
  if not source then return workload.failed(self, message, code) end
  return source
end

--- The requests of a run as a pipe.
---@param self moontide.workload
---@param opt moontide.run_options
---@param is_live? boolean as workload.run
---@return moontide.pipe
function workload.pipe(self, opt, is_live)
  local text = "workload" .. (self.name and " " .. self.name or "")
  return pipe.new(function() return workload.run(self, opt, is_live) end, text,
    { is_numbered = true, failed = function(message, code) return workload.failed(self, message, code) end })
end

--- The expectation as people see it: with what only a run can tell (max_input, a script's own arrivals),
--- and how much of it comes within the duration.
---@param self moontide.workload
---@param opt table duration, seed, rate_scale
---@return moontide.expected|nil, string? message, string? code
function workload.shown(self, opt)
  local whole = workload.expect(self, opt.duration, opt.seed, opt.rate_scale or 1)
  local limited, unknown
  for _, entry in ipairs(self.streams) do limited = limited or counted.is_needed(entry) end
  unknown = whole.requests ~= whole.requests
  if limited or unknown then
    local plan, names, processes, ones = plan_of(self), {}, {}, {}
    for i, entry in ipairs(self.streams) do
      names[i], processes[i] = entry.name, tostring(entry.stream.process)
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
    whole = expected.new(opt.duration, names, processes, ones)
    whole.inside, whole.is_counted, whole.is_drawn = inside, limited or nil, unknown or nil
  end
  if whole.sessions == 0 then return whole end
  local rates, message, code = picture.stream_rates(self, opt, whole)
  if not rates then return workload.failed(self, message, code) end
  return expected.within(whole, rates)
end

-- More requests than this are not counted for a picture.
local most_plotted = 2e7

-- Seconds; no request comes later.
local longest_plot = 9.1e9

--- The rate over time, expected and as it comes out, with mean ISL and OSL; tostring is the picture.
---@param self moontide.workload
---@param opt table what workload.run takes
---@return moontide.picture|nil, string? message, string? code
function workload.plot(self, opt)
  local whole, failure, why = workload.shown(self, opt)
  if not whole then return nil, failure, why end
  if math.min(whole.requests, opt.num_requests or math.huge) > most_plotted then
    core.base.raise(("plot: about %.3g requests are too many to draw; a shorter duration or "
      .. "num_requests helps"):format(whole.requests))
  end
  local bins, message, code = pipe.read(workload.pipe(self, opt), function(source)
    return trace_plot.bins(source, 0, math.min(opt.duration, longest_plot), picture.bins)
  end)
  if not bins then return nil, message, code end
  return picture.picture(opt, bins, picture.expected_rates(self, opt, whole))
end

-- --- methods --------------------------------------------------------------------------------------

-- The options of a method, with the duration decided and the plan's sense checked.
local function run_options(self, name, opt, spec)
  local values = options.table(name, opt, spec or of_run.spec)
  values.duration = (workload.duration(self, values.duration))
  workload.expect(self, values.duration, values.seed, 1)
  return values
end

---@class moontide.requests_options
---@field duration? number|string seconds; else the workload's own
---@field seed? integer of the random numbers; 0
---@field num_requests? integer stop after so many, of all shards together
---@field shard? string "0/4": the first of four

---@class moontide.expected_options
---@field duration? number|string seconds; else the workload's own
---@field seed? integer only noise in a curve depends on it

local expected_options = {
  { "duration", kind = "duration", above = 0 },
  { "seed", kind = "seed", default = 0 }, -- only noise in a curve depends on it
}

--- Expected requests, ISL and OSL, stream by stream, without random numbers.
---@param opt? moontide.expected_options
---@return moontide.expected
function methods:expected(opt)
  local values = options.table("expected", opt, expected_options)
  local whole, message = workload.shown(self,
    { duration = (workload.duration(self, values.duration)), seed = values.seed })
  if not whole then error(message, 0) end
  return whole
end

--- The requests as a pipe, so that steps can be put on them: w:pipe():thin(0.1):speed(2). Each time that it
--- is read they are made anew.
---@param opt? moontide.requests_options
---@return moontide.pipe
function methods:pipe(opt)
  return workload.pipe(self, run_options(self, "pipe", opt))
end

--- Iterates over the requests in time order: for r in w:requests{ seed = 1 } do ... end. A failure while
--- iterating raises. Each is a table of its own; w:pipe():members(...) gives single members without one.
---@param opt? moontide.requests_options
---@return fun(): table|nil
function methods:requests(opt)
  return workload.pipe(self, run_options(self, "requests", opt)):requests()
end

--- All requests as columns in memory; nil, message, code when that fails.
---@param opt? moontide.requests_options
---@return moontide.columns|nil, string? message, string? code
function methods:columns(opt)
  return workload.pipe(self, run_options(self, "columns", opt)):columns()
end

--- Writes a run's trace; gives the number of requests, or nil, message, code.
---@param self moontide.workload
---@param path string
---@param opt table what workload.run takes, compact, and timestamp_digits
---@param watch? { state: userdata?, judge: function? } a profile that takes the requests in while they pass,
--- and what is called when all have: nil, message, code of it leave the file as it was
---@return integer|nil, string? message, string? code
function workload.write(self, path, opt, watch)
  local format = { compact = opt.compact or false, timestamp_digits = opt.timestamp_digits or 3,
    judge = watch and watch.judge }
  local made = workload.pipe(self, opt)
  if watch and watch.state then made = pipe.watched(made, watch.state) end
  local total, message, code = pipe.write(made, path, format,
    function(done) return ("%s: %d requests"):format(path, done) end)
  if not total then return nil, message --[[@as string]], code end
  return total
end

--- Writes the trace; gives the number of requests, or nil, message, code.
---@param path string "-" is standard output; compressed when it ends in .gz or .zst
---@param opt? moontide.requests_options
---@return integer|nil, string? message, string? code
function methods:write(path, opt)
  path = options.value(path, "write: the path", { kind = "path" })
  return workload.write(self, path, run_options(self, "write", opt))
end

local digest_options = {
  of_run.duration, of_run.spec[2], { "num_requests", kind = "integer", min = 1, default = 10000 },
  { "timestamp_digits", kind = "integer", min = 0, max = 6, default = 3 },
}

---@class moontide.digest_options
---@field duration? number|string seconds; else the workload's own
---@field seed? integer of the random numbers; 0
---@field num_requests? integer the first so many; 10 000
---@field timestamp_digits? integer of a millisecond, as they would be written: 3

--- The digest of its first requests, 16 hexadecimal digits: equal for equal requests. It is what --check
--- prints, so that two machines, or a test and what it knew yesterday, can be compared.
---@param opt? moontide.digest_options
---@return string|nil digest, string? message, string? code
function methods:digest(opt)
  local values = run_options(self, "digest", opt, digest_options)
  local most = values.num_requests
  values.num_requests, values.whole_milliseconds = nil, values.timestamp_digits == 0
  return pipe.read(workload.pipe(self, values), function(source)
    return core.source.digest(source, most, values.timestamp_digits)
  end)
end

---@class moontide.workload_plot_options: moontide.requests_options
---@field file? string a picture's name: it ends in .png, .svg or .pdf, or in .gnuplot (what gnuplot is given)
---@field what? string[] figures of a plan, as `moontide plot --list` names them

--- The rate over time, expected and as it comes out for a seed, with mean ISL and OSL: a value whose
--- tostring is the picture. With `file` its figures are drawn into that file.
---@param opt? moontide.workload_plot_options
---@return (moontide.picture|true)? done, string? message, string? code
function methods:plot(opt)
  local values = run_options(self, "plot", opt, file.with(of_run.spec))
  if file.is_wanted(values) then return file.plot(self, values) end
  return workload.plot(self, values)
end

function workload_type.__tostring(self)
  local names = {}
  for i, entry in ipairs(self.streams) do names[i] = entry.name end
  return ("workload%s: %s (%s), %.9g s"):format(self.name and " " .. self.name or "",
    texts.count(#names, "stream"), table.concat(names, ", ", 1, math.min(#names, 5))
    .. (#names > 5 and ", ..." or ""), workload.duration(self))
end

workload.public = public
workload.methods = { { "workload", methods } }

return workload
