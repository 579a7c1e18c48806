--- Workloads: what a script returns. What can be done with one is in other files: what it will be on average
--- (workload_expect), its requests (workload_run).
--
-- A workload is streams and other workloads. It is a value: nothing is made before a method asks for
-- it.
local arrival = require "moontide.load.process"
local core = require "moontide.core"
local late = require "moontide.kit.late"
local members = require "moontide.load.workload_members"
local options = require "moontide.kit.options"
local phases = require "moontide.load.phases"
local stream = require "moontide.load.stream"
local texts = require "moontide.kit.text"

local workload = {}
---@class moontide
local public = {}
---@class moontide.workload
local methods = late.methods("workload", {})

local workload_type = { __name = "moontide.workload", __index = methods }

local default_duration, default_block_size = 60, 512
workload.default_duration = default_duration -- seconds, where nothing says how long one is

-- --- workloads ------------------------------------------------------------------------------------

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
---@field duration? number|string seconds; else its longest curve (of an endless rate those of its lengths and
--- of the weights of its classes), else 60 s
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
  local list, others = members.of(values)
  local self = setmetatable({
    phases = values.phases and phases.of(values.phases, "workload: phases"), fail_over = values.fail_over,
    says_phases = (values.phases or values.fail_over) ~= nil,
    name = values.name, duration = values.duration,
    block_size = values.block_size or default_block_size,
    given_block_size = values.block_size ~= nil,
    members = list,
    factor = 1,
    expectations = {}, -- by what they were asked for
    place = core.base.where(), -- in the script, for messages: "a.lua:14: "
  }, workload_type)
  members.check(self, others)
  self.streams = members.flatten(self, "", 1, math.huge, {})
  members.check_names(self.streams)
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
  other.plan, other.tagged_plan, other.expectations = nil, nil, {}
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

--- All rates times k; request number k keeps its lengths and prefix at every scale, and of sessions turn t of
--- session j, which is another request then. Where a class's weight, or a parameter of a length or pick, is a
--- curve, it is read at the request's time, which is another one at another scale: there lengths,
--- classes and prefixes follow the time, not the number.
---@param k number above 0
---@return moontide.workload
function methods:scale(k)
  k = options.number(k, "scale: the factor")
  if k <= 0 then core.base.raise(("scale: the factor must be above 0, not %s"):format(options.show(k))) end
  local scaled = copy(self)
  scaled.factor = self.factor * k
  scaled.streams = members.flatten(scaled, "", 1, math.huge, {})
  return scaled
end

local compress_options = { { "think", kind = "boolean", default = false } }

-- The members k times faster: streams, and workloads in them.
local function faster_members(self, k, think)
  local faster = {}
  for i, member in ipairs(self.members) do
    if workload.is(member) then
      faster[i] = workload.compressed(member, k, think)
    else
      local stream_of, process = {}, arrival.faster(member.process, k, think)
      for key, value in pairs(member) do stream_of[key] = value end
      if not process then
        core.base.raise(("compress: stream '%s': %s cannot run faster"):format(member.name or "main",
          tostring(member.process)))
      end
      stream_of.process, stream_of.pace = process, (member.pace or 1) * k
      faster[i] = setmetatable(stream_of, getmetatable(member))
    end
  end
  return faster
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
  other.streams = members.flatten(other, "", 1, math.huge, {})
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

-- --- durations ------------------------------------------------------------------------------------

-- Seconds after which a curve in a stream's lengths has ended, the first of several;
-- math.huge where none ends.
local function lengths_duration(of)
  if not of.is_whole then return math.huge end -- it has plain numbers
  local lengths = core.plan.lengths_duration(of.lengths)
  if of.first then lengths = math.min(lengths, core.plan.lengths_duration(of.first)) end
  for _, level in ipairs(of.branches or {}) do
    lengths = math.min(lengths, core.plan.lengths_duration(level.lengths))
  end
  return lengths / (of.pace or 1)
end

local function longest_curve(self, rate_scale)
  local longest
  local streams, duration_of, endless = self.streams, core.process.duration, math.huge
  for i = 1, #streams do
    local entry = streams[i]
    local duration = duration_of(entry.stream.process, entry.factor * rate_scale)
    if duration == endless then duration = lengths_duration(entry.stream) end
    if entry.last < duration then duration = entry.last end
    if duration < endless and (not longest or duration > longest) then longest = duration end
  end
  return longest
end

--- How long the workload is: what is asked, else its own, else its longest finite curve (of an endless
--- rate: of its lengths, and the weights of its classes), else 60 s.
---@param self moontide.workload
---@param asked? number seconds
---@param fallback? number seconds, instead of 60
---@param rate_scale? number multiplies all rates: recorded times come in as small a part of their time
---@return number seconds, boolean is_said false when nothing says it and it is the 60 s
function workload.duration(self, asked, fallback, rate_scale)
  local said = asked or self.duration or longest_curve(self, rate_scale or 1) or fallback
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

-- Lines that say where a curve in a stream's lengths, turns or think times ends before its requests or
-- sessions do.
local function length_notes(entry, last)
  local of, notes = entry.stream, {}
  for _, part in ipairs { { "lengths", lengths_duration(of) },
    { "turns or think times", core.process.shape_duration(of.process) } } do
    if part[2] < last * (1 - 1e-9) then
      notes[#notes + 1] = ("stream '%s': a curve in its %s lasts %.9g s, and requests come until %.9g s: its "
        .. "last value holds from then on"):format(entry.name, part[1], part[2], last)
    end
  end
  return notes
end

--- Lines that say where a curve ends before the workload does, or is cut by its end.
---@param self moontide.workload
---@param duration number seconds
---@param is_default? boolean nothing said how long the workload is
---@param rate_scale? number as of workload.duration
---@return string[]
function workload.duration_notes(self, duration, is_default, rate_scale)
  local notes = {}
  for _, entry in ipairs(self.streams) do
    local curve = core.process.duration(entry.stream.process, entry.factor * (rate_scale or 1))
    if curve < math.huge and math.abs(curve - duration) > 1e-9 * duration then
      notes[#notes + 1] = ("stream '%s': its curve lasts %.9g s, the workload %.9g s: it %s"):format(
        entry.name, curve, duration, curve < duration and "ends early" or "is cut")
    end
    local last = math.min(duration, entry.last, curve)
    for _, note in ipairs(length_notes(entry, last)) do notes[#notes + 1] = note end
    local period = is_default and core.process.period(entry.stream.process) or 0
    if period > duration * (1 + 1e-9) then
      notes[#notes + 1] = ("stream '%s': its curve repeats every %.9g s, and nothing says how long the "
        .. "workload is (duration= or --duration): it ends after %.9g s"):format(entry.name, period, duration)
    end
  end
  return notes
end

-- --- runs ------------------------------------------------------------------------------------------

--- The plan in core, made once; and the one whose requests say their class, made once too.
---@param self moontide.workload
---@param are_tagged? boolean
---@return userdata
function workload.plan_of(self, are_tagged)
  local place = are_tagged and "tagged_plan" or "plan"
  if self[place] then return self[place] end
  local plan = core.plan.new(self.block_size)
  local streams = self.streams
  for i = 1, #streams do
    local entry = streams[i]
    stream.add_to(plan, entry.stream, entry.name, entry.factor, entry.last, are_tagged)
  end
  self[place] = plan
  return plan
end

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
