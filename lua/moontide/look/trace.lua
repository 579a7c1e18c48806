--- Figures of traces and of plans: what is looked at once (a subject), and the figures of one or several.
--
-- A subject is read twice, each time a request at a time: for its analysis, and then into bins of time, whose
-- range the analysis has told. Nothing grows with the trace but what the analysis keeps.
local any = require "moontide.trace.any"
local analyses = require "moontide.learn.analysis"
local core = require "moontide.core"
local figure = require "moontide.look.figure"
local json = require("moontide.base.json").public.json

local trace = {}

---@class moontide.trace_subject
---@field kind "trace"|"plan"
---@field name string
---@field value moontide.trace what it was made of; what was standard input is in columns
---@field analysis moontide.analysis
---@field lint moontide.lint? where somebody asked for it
---@field samples table<string, userdata> of input_length, output_length, context_length
---@field time moontide.trace_times? absent where no request has a timestamp
---@field expected number[]? of a plan: requests a second in equal bins of its duration
---@field duration number? of a plan, seconds

---@class moontide.trace_times
---@field zero number seconds: what the figures call 0
---@field from number
---@field to number
---@field width number seconds a bin
---@field count integer bins
---@field all table requests, inputs, outputs, input, output: a number a bin
---@field streams table[] the same of each stream, with name, and whole (the same of all its requests)

-- --- looking ----------------------------------------------------------------------------------------

local most_bins, least_in_bin = 240, 4

-- How time is cut: bins that are all full, from where, how many, and how wide. Of a clock that ticks, so many
-- ticks in each, and no edge on one.
local function bins_of(from, to, analysis)
  if to <= from then return from, 1, 1 end
  local count = math.max(1, math.min(most_bins, analysis.requests // least_in_bin))
  local width, clock = (to - from) / count, analysis.clock
  if not clock or clock.period < width / 8 then return from, count, width end
  width = clock.period * math.ceil(width / clock.period - 1e-9)
  local edge = analysis.first - clock.period / 2
  from = edge - math.max(0, math.ceil((edge - from) / width)) * width
  return from, math.max(1, math.floor((to + clock.period / 2 - from) / width + 1e-9)), width
end

local members = { "requests", "inputs", "outputs", "input", "output" }

local function sum_of(streams, count)
  local all = {}
  for _, name in ipairs(members) do
    local sums = {}
    for i = 1, count do
      sums[i] = 0.0
      for _, stream in ipairs(streams) do sums[i] = sums[i] + stream[name][i] end
    end
    all[name] = sums
  end
  return all
end

local function stream_name(token)
  local name = token ~= "" and json.decode(token)
  return name and figure.clean(name) or "(others)"
end

-- The requests of what may be a trace in bins of time; nil, message, code.
local function times_of(value, what, opt, analysis, range)
  local first, last = analysis.first, analysis.last
  local is_late = first > math.max(60, last - first)
  local from, to = is_late and first or math.min(0, first), last
  if range then from, to = range.from or from, range.to or to end
  if to < from then return nil, ("plot: to (%.9g) is before from (%.9g)"):format(to, from), "value" end
  local count, width
  from, count, width = bins_of(from, to, analysis)
  to = from + count * width
  local streams, message, code = any.read(value, what, opt.skip_bad_lines, function(source)
    return core.series.streams(source, from, to, count, figure.most_series)
  end)
  if not streams then return nil, message, code end
  for _, stream in ipairs(streams) do
    stream.name = #streams == 1 and stream.name == "" and "all" or stream_name(stream.name)
  end
  table.sort(streams, function(a, b) return a.whole.requests[1] > b.whole.requests[1] end)
  return { zero = is_late and first or 0, from = from, to = to, width = width, count = count,
    all = sum_of(streams, count), streams = streams }
end

--- What is to be known of a trace for its figures: a file's name, "-", or whatever may be a trace.
---@param value moontide.trace
---@param name string
---@param what string begins the message where it is none
---@param opt table block_size, skip_bad_lines; from, to: seconds, the stretch of time that is shown
---@return moontide.trace_subject? subject, string? message, string? code
function trace.subject(value, name, what, opt)
  if value == "-" then -- is read twice
    local columns, message, code = any.read(value, what, opt.skip_bad_lines, core.source.collect)
    if not columns then return nil, message, code end
    value = columns
  end
  local given = { block_size = opt.block_size, skip_bad_lines = opt.skip_bad_lines }
  local analysis, samples, code = analyses.sampled(value, given, what)
  if not analysis then return nil, samples, code end
  local self = { kind = "trace", name = figure.clean(name), value = value, analysis = analysis,
    samples = samples }
  if analysis.first then
    local time, message
    local range = (opt.from or opt.to) and { from = opt.from, to = opt.to } or nil
    time, message, code = times_of(value, what, opt, analysis, range)
    if not time then return nil, message, code end
    self.time = time
  end
  return self
end

-- --- figures over time ------------------------------------------------------------------------------

local no_time = "no request has a timestamp"

-- Values of bins over time as a series of the figure.
local function add_bins(self, name, time, values, kind)
  local x = figure.middles(time.from - time.zero, time.to - time.zero, time.count)
  return self:add { name, kind or "line", x = x, y = values }
end

local function divided(values, by)
  local list = {}
  for i, value in ipairs(values) do
    local divisor = type(by) == "table" and by[i] or by
    list[i] = divisor > 0 and value / divisor or 0 / 0
  end
  return list
end

local function note_zero(self, subject)
  local time = subject.time
  if time.zero ~= 0 then
    self:note(("0 is the first request of %s, at %.9g s."):format(subject.name, time.zero))
  end
end

-- The rate of each stream where there are several, else what there is to expect.
local function add_parts(self, subject)
  local time = subject.time
  if #time.streams > 1 then
    for _, stream in ipairs(time.streams) do
      add_bins(self, stream.name, time, divided(stream.requests, time.width))
    end
  end
  if subject.expected then
    local x = figure.middles(0, subject.duration, #subject.expected)
    self:add { "expected", "line", x = x, y = subject.expected, is_dashed = true }
  end
end

-- A figure over time of all subjects that have times: add(self, subject, prefix).
local function over_time(name, title, y, subjects, add)
  local self = figure.new(name, title, figure.time(), y)
  for _, subject in ipairs(subjects) do
    if subject.time then
      add(self, subject, #subjects > 1 and subject.name or nil)
      note_zero(self, subject)
    end
  end
  return self:or_why(no_time)
end

local function rate(subjects)
  return over_time("rate", "Requests per second", { "Rate", "requests/s" }, subjects,
    function(self, subject, name)
      add_bins(self, name or subject.kind == "plan" and "drawn" or "all", subject.time,
        divided(subject.time.all.requests, subject.time.width))
      if not name then add_parts(self, subject) end
    end)
end

local function tokens(subjects)
  return over_time("tokens", "Tokens per second", { "Rate", "tokens/s" }, subjects,
    function(self, subject, name)
      local time = subject.time
      for _, one in ipairs { { "input", "inputs" }, { "output", "outputs" } } do
        if subject.samples[one[1] .. "_length"] then
          add_bins(self, (name and name .. ", " or "") .. one[1], time, divided(time.all[one[1]], time.width))
        end
      end
    end)
end

local function mean_lengths(subjects)
  return over_time("mean_lengths", "Mean lengths of the requests of a time", { "Length", "tokens" }, subjects,
    function(self, subject, name)
      local time = subject.time
      add_bins(self, (name and name .. ", " or "") .. "ISL", time, divided(time.all.input, time.all.inputs))
      add_bins(self, (name and name .. ", " or "") .. "OSL", time, divided(time.all.output, time.all.outputs))
    end)
end

local function hits_over_time(subjects)
  return over_time("hits_over_time", "Hit ratio over time, by block, of an infinite cache",
    { "Hit ratio", from = 0, to = 1 }, subjects, function(self, subject, name)
      local x, y, bins = {}, {}, subject.analysis.over_time or {}
      for i, bin in ipairs(bins) do
        local next_start = bins[i + 1] and bins[i + 1].start or subject.analysis.last
        x[i] = math.max(bin.start, subject.time.from) / 2 + next_start / 2 - subject.time.zero
        y[i] = bin.hit_ratio or 0 / 0
      end
      self:add { name or "hit ratio", "both", x = x, y = y }
    end)
end

-- --- distributions ----------------------------------------------------------------------------------

local cdf_points = 300

--- A figure of distribution functions: a series each of { name, values (a list, or a sample of core) }.
---@param name string
---@param title string
---@param x table axis
---@param list table[]
---@return moontide.figure
function trace.distributions(name, title, x, list)
  x.scale = x.scale or "log"
  local self = figure.new(name, title, x, { "Share that is not above", from = 0, to = 1 })
  for _, one in ipairs(list) do
    local values, shares = core.series.cdf(one[2], cdf_points)
    if #values > 0 then -- rises from 0 at the smallest
      table.insert(values, 1, values[1])
      table.insert(shares, 1, 0.0)
    end
    self:add { one[1], "line", x = values, y = shares, is_cumulative = true }
  end
  return self
end

local function lengths(name, title, label)
  return function(subjects)
    local list = {}
    for _, subject in ipairs(subjects) do
      if subject.samples[name] then list[#list + 1] = { subject.name, subject.samples[name] } end
    end
    return trace.distributions(name, title, { label, "tokens" }, list):or_why("no request has an " .. name)
  end
end

local shares = { { "min", 0 }, { "p10", 0.1 }, { "p25", 0.25 }, { "median", 0.5 }, { "p75", 0.75 },
  { "p90", 0.9 }, { "p99", 0.99 }, { "max", 1 } }

-- A figure of what is known by its quantiles alone: of(analysis) gives them or nil.
local function quantiles(name, title, x, why, of)
  return function(subjects)
    local self = figure.new(name, title, { x[1], x[2], scale = "log" },
      { "Share that is not above", from = 0, to = 1 })
    for _, subject in ipairs(subjects) do
      local known, values, at = of(subject.analysis), {}, {}
      for i, share in ipairs(known and shares or {}) do values[i], at[i] = known[share[1]], share[2] end
      self:add { subject.name, "both", x = values, y = at }
    end
    self:note "Smallest, P10, P25, median, P75, P90, P99, largest."
    return self:or_why(why)
  end
end

-- --- caches and arrivals ----------------------------------------------------------------------------

local weights = { "block", "request", "token" }

local function hit_curve(subjects)
  local self = figure.new("hit_curve", "Hit ratio of an LRU cache by its size",
    { "Cache size", "blocks", scale = "log" }, { "Hit ratio", from = 0, to = 1 })
  for _, subject in ipairs(subjects) do
    local analysis = subject.analysis
    local to = math.max(2, analysis.distinct_blocks)
    for _, weight in ipairs(analysis.lru and (#subjects > 1 and { "block" } or weights) or {}) do
      local x, y = {}, {}
      for i = 0, 120 do
        local size = math.floor(to ^ (i / 120) + 0.5)
        if size ~= x[#x] then x[#x + 1], y[#y + 1] = size, analysis:hit_ratio(size, weight) end
      end
      self:add { #subjects > 1 and subject.name or "by " .. weight, "line", x = x, y = y }
    end
  end
  return self:or_why "no request has hash_ids"
end

local function dispersion(subjects)
  local self = figure.new("dispersion", "How arrivals bunch: variance over mean of requests in windows",
    { "Window", "s", scale = "log" }, { "Variance over mean", scale = "log" })
  for _, subject in ipairs(subjects) do
    local x, y = {}, {}
    for _, window in ipairs(subject.analysis.arrivals) do
      if window.variance_over_mean then
        x[#x + 1], y[#y + 1] = window.window, window.variance_over_mean
      end
    end
    self:add { subject.name, "both", x = x, y = y }
  end
  self:note "1 is a Poisson process."
  return self:or_why "it is too short for windows of a second, or has no timestamps"
end

--- The figures of traces and plans: name, what it shows, make(subjects) -> figure | nil, why.
trace.figures = {
  { "rate", "requests per second over time, by stream; of a plan expected and as drawn", rate },
  { "tokens", "input and output tokens per second over time", tokens },
  { "mean_lengths", "mean ISL and OSL over time", mean_lengths },
  { "input_length", "distribution of ISL", lengths("input_length", "Input length (ISL)", "ISL") },
  { "output_length", "distribution of OSL", lengths("output_length", "Output length (OSL)", "OSL") },
  { "hit_curve", "hit ratio of an LRU cache by its size", hit_curve },
  { "hits_over_time", "hit ratio of an infinite cache over time", hits_over_time },
  { "sessions", "turns of a session", quantiles("sessions", "Turns of a session", { "Turns" },
    "it has no sessions", function(analysis) return analysis.sessions and analysis.sessions.turns end) },
  { "think_time", "time between two turns of a session", quantiles("think_time",
    "Think time between two turns", { "Think time", "s" }, "it has no think times",
    function(analysis) return analysis.sessions and analysis.sessions.think_time end) },
  { "reuse_time", "time until a block comes back", quantiles("reuse_time", "Time until a block comes back",
    { "Reuse time", "s" }, "no block comes back, or there are no times",
    function(analysis) return analysis.reuse_time end) },
  { "dispersion", "variance over mean of requests by window", dispersion },
}

-- Those for which an analysis alone is enough.
local by_analysis = { hit_curve = true, sessions = true, think_time = true, reuse_time = true,
  dispersion = true }

trace.of_analyses = {}
for _, one in ipairs(trace.figures) do
  if by_analysis[one[1]] then table.insert(trace.of_analyses, one) end
end

-- --- a curve by itself ------------------------------------------------------------------------------

--- The figure of a rate curve: requests a second expected in equal bins.
---@param title string
---@param values number[]
---@param from number seconds
---@param to number
---@return moontide.figure
function trace.of_rates(title, values, from, to)
  local self = figure.new("rate", title, figure.time(), { "Rate", "requests/s" })
  self:add { "expected", "line", x = figure.middles(from, to, #values), y = values }
  return self
end

return trace
