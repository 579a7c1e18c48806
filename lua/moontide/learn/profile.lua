--- What a load is, counted over its requests: how many, how long, how fast they come, and what a server
-- that answers in a known time holds of them. `moontide.learn.expectation` judges it,
-- `moontide.load.profile` makes it of plans too.
require "moontide.learn.cache_options" -- its kinds of option
local core = require "moontide.core"
local json = require("moontide.base.json").public.json
local kinds = require "moontide.kit.kinds"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
local texts = require "moontide.kit.text"

local profile = {}

-- --- options ---------------------------------------------------------------------------------------

local service_options = {
  { "ttft", kind = "duration", min = 0, default = 0 },
  { "per_token", kind = "duration", min = 0, default = 0 },
}

-- What the answers of a run took: milliseconds there.
local function of_run(run, what)
  local first, token = run.time_to_first_token, run.inter_token_latency
  if not (first and first.avg and token and token.avg) then
    core.base.raise(what .. ": the run has no time to first token and inter token latency (did it stream?)")
  end
  return { ttft = first.avg / 1000, per_token = token.avg / 1000 }
end

-- Times that no server takes, seconds: whoever writes them without a unit means milliseconds.
local most = { ttft = 60, per_token = 1 }

local function warn_of_unit(name, text, seconds)
  if not tonumber(text) or not most[name] or seconds <= most[name] then return end
  report.warning(("a service with %s=%s: without a unit that is seconds (%s=%sms: milliseconds)"):format(name,
    text, name, text))
end

-- "ttft=200ms,per_token=20ms", a table of these, or a measured run; a folder's name is `run`.
local function service(value, what)
  local is_table = type(value) == "table"
  if is_table and value.time_to_first_token then return of_run(value, what) end
  if options.is_plain(value) then return options.table(what, value, service_options) end
  if type(value) ~= "string" then
    options.wrong(what, value, "ttft=TIME,per_token=TIME or a run (ttft=200ms,per_token=20ms)")
  end
  if not value:find("=", 1, true) then return { run = value } end
  local given = {}
  for piece in (value .. ","):gmatch "([^,]*)," do
    local name, text = piece:match "^%s*([%w_-]+)%s*=%s*(.-)%s*$"
    if not name then options.wrong(what, value, "ttft=TIME,per_token=TIME or a run's folder") end
    given[options.key(name)] = text
  end
  local times = options.table(what, given, service_options)
  for name, text in pairs(given) do warn_of_unit(name, text, times[name]) end
  return times
end

kinds.by_name.service = { convert = service, placeholder = "TIMES|RUN" }

-- --- the value -------------------------------------------------------------------------------------

---@class moontide.profile_level
---@field mean number
---@field peak number the mean of the step with most
---@field peak_at number when that step begins, seconds
---@field error number? of what was drawn several times: what is wrong with the mean, in parts of it, in 95 of
--- 100 cases

---@class moontide.profile_lengths
---@field count integer
---@field sum number
---@field mean number
---@field std number
---@field min number
---@field p10 number percentiles by linear interpolation; p25, p50, p75, p90, p95, p99 alike
---@field max number

---@class moontide.profile_group
---@field value string of the member; "" of requests without it
---@field requests integer
---@field input_tokens number
---@field output_tokens number

---@class moontide.profile
---@field requests integer
---@field within integer of them, those that come within the duration
---@field sessions integer that have a session_id
---@field duration number? seconds: of a plan its own, of a trace from its first request to its last
---@field rate moontide.profile_level? requests a second; absent without timestamps
---@field input_length moontide.profile_lengths?
---@field output_length moontide.profile_lengths?
---@field turns { mean: number }? requests of a session
---@field input_tokens moontide.profile_level? a second
---@field output_tokens moontide.profile_level? a second: as answers are made where a service is known, else
--- when their requests come
---@field in_flight moontide.profile_level? where a service is known
---@field kv_tokens moontide.profile_level? tokens of prompts and answers that requests in flight hold
---@field hit_ratios table<string, number>? by the names of figures that were expected
---@field by moontide.profile_group[]? by the values of a member, in order of appearance
---@field step number seconds
---@field hits table? what its series have a hit ratio of: size (blocks; nil: without limit), touch,
--- hit_rule
local methods = {}
local metatable = { __name = "moontide.profile", __index = methods }

-- The state in core of each.
local states = setmetatable({}, { __mode = "k" })

-- The figures of hits that it counts, by its state, behind the caches of its series.
local hit_names = setmetatable({}, { __mode = "k" })

local lengths = { "mean", "std", "min", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "max" }

-- Levels by their lists in core's series: what a second's value is divided by.
local levels = {
  { "rate", "requests", "Requests per Second" },
  { "input_tokens", "input_tokens", "Input Tokens per Second" },
  { "output_tokens", "output_tokens", "Output Tokens per Second" },
  { "in_flight", "in_flight", "Requests in Flight" },
  { "kv_tokens", "kv_tokens", "KV Tokens Held" },
}

--- The names of figures, "input_length.p99", in the order in which they are shown.
profile.names = { "requests", "within", "sessions", "turns.mean", "duration", "rate.mean", "rate.peak" }
for _, name in ipairs { "input_length", "output_length" } do
  for _, of in ipairs(lengths) do table.insert(profile.names, name .. "." .. of) end
end
for i = 2, #levels do
  for _, of in ipairs { "mean", "peak" } do table.insert(profile.names, levels[i][1] .. "." .. of) end
end

table.insert(profile.names, "hit_ratio")

--- At most so many caches may have their hits counted at once.
profile.most_caches = 8

--- Of a figure of hits, the cache that it is of: { size = blocks, nil without limit }; nil for others.
---@param name string "hit_ratio", "hit_ratio.1000"
---@return { size: integer? }?
function profile.cache_of(name)
  if name == "hit_ratio" then return {} end
  local size = math.tointeger(tonumber(name:match "^hit_ratio%.(%d+)$"))
  return size and size > 0 and { size = size } or nil
end

--- Does the figure need a service?
---@param name string
---@return boolean
function profile.needs_service(name)
  return name:find "^in_flight%." ~= nil or name:find "^kv_tokens%." ~= nil
end

--- Does the figure need the requests in the order of their times?
---@param name string
---@return boolean
function profile.needs_order(name)
  local of = name:match "^([%w_]+)%."
  for _, level in ipairs(levels) do
    if of == level[1] then return true end
  end
  return false
end

-- Two values of a course that differ by no more are told apart by rounding alone.
local same = 1 + 1e-9

-- Mean up to the end and peak of a list of values a step, which are divided. Of a trace, whose last request
-- is its end, the sums of all steps count.
local function level_of(values, series, per, duration, scale, is_trace)
  local sum, peak, at = 0, 0, 1
  local whole = math.min(#values, math.max(1, math.ceil((duration or math.huge) / series.step - 1e-9)))
  if per and is_trace then whole = #values end
  for i, value in ipairs(values) do
    if i <= whole then sum = sum + value end
    if value > peak * same then peak, at = value, i end
  end
  local seconds = duration and duration > 0 and duration or #values * series.step
  return { mean = sum * (per and 1 or series.step) / seconds / scale, peak = peak / (per or 1) / scale,
    peak_at = series.from + (at - 1) * series.step }
end

--- A profile in core, for a source to pass (core.source.watch) or to be read.
---@param opt table service, step, by, hits, expect
---@param from? number seconds: where its series begin; without it with the first request
---@param to? number seconds: where the duration ends
---@return userdata
function profile.open(opt, from, to)
  local service_of = opt.service
  local state = core.profile.new { step = opt.step or 1, from = from, to = to, by = opt.by,
    no_series = opt.no_series,
    ttft = service_of and service_of.ttft, per_token = service_of and service_of.per_token }
  if opt.hits then state:count_hits(opt.hits) end
  local names = {}
  for _, one in ipairs(opt.expect or {}) do
    local cache = not names[one.name] and profile.cache_of(one.name)
    if cache then
      names[#names + 1], names[one.name] = one.name, true
      state:count_hits { size = cache.size, touch = opt.touch, hit_rule = opt.hit_rule }
    end
  end
  hit_names[state] = { names = names, before = opt.hits and 1 or 0 }
  return state
end

local function add_levels(self, series, scale, is_trace)
  for _, level in ipairs(levels) do
    local values = series[level[2]]
    -- What is in flight is a level; all else are sums of a step.
    local per = level[1] ~= "in_flight" and level[1] ~= "kv_tokens" and series.step or nil
    if level[1] == "output_tokens" and series.tokens_made then values, per = series.tokens_made, nil end
    if values and #values > 0 then
      self[level[1]] = level_of(values, series, per, self.duration, scale, is_trace)
    end
  end
end

-- A raw JSON value as people see it.
local function plain_value(raw)
  return raw:match '^"(.*)"$' or raw
end

--- What it has counted.
---@param state userdata what profile.open gave
---@param opt table service, step, by, hits
---@param duration? number seconds, of a plan
---@param scale? number its rates were so many times higher
---@return moontide.profile
function profile.result(state, opt, duration, scale)
  scale = scale or 1
  local counted, series = state:counted(), state:series()
  local self = {
    requests = counted.requests, within = counted.within, sessions = counted.sessions,
    input_length = counted.input_length, output_length = counted.output_length,
    duration = duration or (counted.first and counted.last - counted.first), step = series.step,
  }
  if scale ~= 1 then
    for _, name in ipairs { "requests", "within", "sessions" } do self[name] = self[name] / scale end
  end
  if counted.sessions > 0 then
    self.turns = { mean = (counted.requests - counted.without_session) / counted.sessions }
  end
  add_levels(self, series, scale, duration == nil)
  local hits = hit_names[state]
  for i, name in ipairs(hits.names) do
    self.hit_ratios = self.hit_ratios or {}
    self.hit_ratios[name] = counted.hit_ratios[hits.before + i] or nil
  end
  if opt.by then
    self.by, self.by_name = {}, opt.by
    for i, group in ipairs(counted.groups) do
      self.by[i] = { value = plain_value(group.value), requests = group.requests / scale,
        input_tokens = group.input_tokens / scale, output_tokens = group.output_tokens / scale }
    end
  end
  states[self] = { state = state, scale = scale }
  return setmetatable(self, metatable)
end

-- How wrong the mean of a level is (Student 1908): half the width of the 95 % interval of its draws' means,
-- in parts of it; nil where it cannot be said.
local function error_of(means)
  local count, sum = #means, 0
  for _, mean in ipairs(means) do sum = sum + mean end
  local mean, squares = sum / count, 0
  if count < 2 or mean <= 0 then return nil end
  for _, one in ipairs(means) do squares = squares + (one - mean) ^ 2 end
  local deviation = math.sqrt(squares / (count - 1))
  -- What differs by rounding alone does not differ.
  if deviation < 1e-12 * mean then return 0 end
  return profile.student_975[count - 1] * deviation / math.sqrt(count) / mean
end

--- Adds to each level of an average over several runs how wrong its mean is.
---@param self moontide.profile the average
---@param draws moontide.profile[] what was counted after the first run, after the first two, ...
function profile.add_errors(self, draws)
  for _, level in ipairs(levels) do
    local of, before, means = self[level[1]], 0, {}
    for i, counted in ipairs(of and draws or {}) do
      -- Means add up: what one run has is what it added.
      local whole = counted[level[1]] and counted[level[1]].mean or 0
      means[i], before = whole - before, whole
    end
    if of then of.error = error_of(means) end
  end
end

--- An expected course as a profile: its levels, with the errors of their means.
---@param course table lists by the names of core's series, from 0 on; step
---@param sums table<string, number>[] of each draw that it was made of: what the lists' sums are by it alone
---@param totals { requests: number?, within: number, sessions: number }
---@param duration number seconds
---@return moontide.profile
function profile.of_course(course, sums, totals, duration)
  local self = { requests = totals.requests, within = totals.within, sessions = totals.sessions,
    duration = duration, step = course.step }
  add_levels(self, course, 1, false)
  for _, level in ipairs(levels) do
    local of, means = self[level[1]], {}
    local name = level[1] == "output_tokens" and course.tokens_made and "tokens_made" or level[2]
    for i, sum in ipairs(sums) do means[i] = sum[name] end
    if of then of.error = error_of(means) end
  end
  return setmetatable(self, metatable)
end

--- The 97.5 % quantiles of Student's distribution, by degrees of freedom.
profile.student_975 = { 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262 }

--- Reads all that is left of a source of core.
---@param state userdata
---@param source userdata
---@param skip? boolean pass over what does not fit
---@param is_numbered? boolean
---@return integer? requests, string? message, string? code
function profile.read(state, source, skip, is_numbered)
  return require("moontide.trace.any").take(state, source, is_numbered, skip, "counted")
end

--- A figure by its name, "input_length.p99"; nil where it is not known.
---@param name string one of those that `moontide analyze --expect` knows
---@return number?
function methods:figure(name)
  if profile.cache_of(name) then return self.hit_ratios and self.hit_ratios[name] end
  options.value(name, "figure: the name", { "name", kind = "choice", choices = profile.names })
  local first, second = name:match "^([%w_]+)%.([%w_]+)$"
  if not first then return self[name] end
  return self[first] and self[first][second]
end

-- --- series ----------------------------------------------------------------------------------------

local columns = {
  { "requests" }, { "input_tokens", true }, { "output_tokens", true },
  { "tokens_made", false, "output_tokens_made" }, { "in_flight" }, { "kv_tokens" },
}

--- Its series: a table of lists, a value a step: time (seconds), requests, requests_per_second,
--- input_tokens_per_second, output_tokens_per_second (of the requests that come then) and, where a service is
--- known, output_tokens_made_per_second, in_flight, kv_tokens. Where hits were counted and there are blocks,
--- hit_ratio (by block; nil in steps without blocks).
---@return table<string, number[]>
function methods:series()
  local held = states[self] or options.wrong("series: the profile", self, "what mt.profile gave")
  local series = held.state:series()
  local count = #series.requests
  if series.in_flight then count = math.max(count, #series.in_flight) end
  local result = { time = {}, requests_per_second = {} }
  for i = 1, count do
    result.time[i] = series.from + (i - 1) * series.step
    result.requests_per_second[i] = (series.requests[i] or 0) / series.step / held.scale
  end
  for _, column in ipairs(columns) do
    local values, list = series[column[1]], {}
    local per = column[2] and series.step or 1
    for i = 1, values and count or 0 do list[i] = (values[i] or 0) / per / held.scale end
    local name = (column[3] or column[1]) .. ((column[2] or column[3]) and "_per_second" or "")
    if values then result[name] = list end
  end
  local ratios = {}
  for i, ratio in ipairs(series.hit_ratio or {}) do ratios[i] = ratio or nil end
  result.hit_ratio = next(ratios) and ratios or nil
  return result
end

local order = { "time", "requests", "requests_per_second", "input_tokens_per_second",
  "output_tokens_per_second", "output_tokens_made_per_second", "in_flight", "kv_tokens", "hit_ratio" }

--- Writes its series as a CSV, a row a step.
---@param path string
---@return true? done, string? message, string? code
function methods:write_series(path)
  options.value(path, "write_series: the path", { "path", kind = "path" })
  local series, names = self:series(), {}
  for _, name in ipairs(order) do
    if series[name] then names[#names + 1] = name end
  end
  local lines = { table.concat(names, ",") }
  for i in ipairs(series.time) do
    local cells = {}
    for k, name in ipairs(names) do
      local value = series[name][i]
      cells[k] = value and ("%.10g"):format(value) or ""
    end
    lines[#lines + 1] = table.concat(cells, ",")
  end
  lines[#lines + 1] = ""
  return require("moontide.drive").write_file(path, table.concat(lines, "\n"))
end

-- --- how it is shown -------------------------------------------------------------------------------

local shown = { { "mean", "Mean" }, { "min", "Min" }, { "p50", "P50" }, { "p90", "P90" }, { "p95", "P95" },
  { "p99", "P99" }, { "max", "Max" } }

local function lengths_table(self)
  local cells = { { "" } }
  for _, column in ipairs(shown) do table.insert(cells[1], column[2]) end
  for _, row in ipairs { { "input_length", "Input Length" }, { "output_length", "Output Length" } } do
    local line, of = { row[2] }, self[row[1]] or {}
    for _, column in ipairs(shown) do line[#line + 1] = texts.number(of[column[1]], 2) end
    cells[#cells + 1] = line
  end
  return texts.aligned(cells)
end

--- Its levels as a table: mean, peak, when that is and, of an average over draws, how wrong the mean is.
---@param self moontide.profile
---@return string
function profile.levels(self)
  local cells, has_errors = { { ("In Steps of %.9g s"):format(self.step), "Mean", "Peak", "At" } }, false
  for _, level in ipairs(levels) do
    local of = self[level[1]]
    if of then
      cells[#cells + 1] = { level[3], texts.number(of.mean, 2), texts.number(of.peak, 2),
        ("%.9g s"):format(of.peak_at), of.error and ("%.2g %%"):format(100 * of.error) }
      has_errors = has_errors or of.error ~= nil
    end
  end
  if has_errors then table.insert(cells[1], "Mean to within") end
  return texts.aligned(cells)
end

--- Has no request the member by whose values groups were asked for?
---@param self moontide.profile
---@return boolean
function profile.lacks_member(self)
  return self.by ~= nil and #self.by == 1 and self.by[1].value == ""
end

--- Its totals by the values of a member as a table; nil without one.
---@param self moontide.profile
---@return string?
function profile.groups(self)
  if not self.by then return nil end
  local cells = { { "by " .. self.by_name, "Requests", "per Second", "Mean ISL", "Mean OSL" } }
  for _, group in ipairs(self.by) do
    local seconds = self.duration and self.duration > 0 and self.duration or nil
    cells[#cells + 1] = { group.value == "" and "(none)" or group.value, texts.number(group.requests, 0),
      seconds and ("%.6g"):format(group.requests / seconds) or "N/A",
      texts.number(group.input_tokens / group.requests, 1),
      texts.number(group.output_tokens / group.requests, 1) }
  end
  local text = texts.aligned(cells)
  local later = self.requests - (self.within or self.requests)
  if later > 0.5 then
    text = text
      .. ("\nper second of the duration, with the %s that come after it"):format(texts.number(later, 0))
  end
  if profile.lacks_member(self) then
    text = text .. ("\nno request has the member '%s'"):format(self.by_name)
  end
  return text
end

function metatable:__tostring()
  local parts = { ("%s requests%s%s"):format(texts.number(self.requests, 0),
    self.sessions > 0 and (" in %s sessions"):format(texts.number(self.sessions, 0)) or "",
    self.duration and (" over %.9g s"):format(self.duration) or ""), lengths_table(self) }
  if self.rate then parts[#parts + 1] = profile.levels(self) end
  parts[#parts + 1] = profile.groups(self)
  return table.concat(parts, "\n\n")
end

local function object(values, names)
  if not values then return nil end
  local members = {}
  for i, name in ipairs(names) do
    members[i] = { name, values[name] and math.tointeger(values[name]) or values[name] }
  end
  return json.object(members)
end

--- Its members for JSON, { name, value } each.
---@param self moontide.profile
---@return table[]
function profile.members(self)
  local members = {}
  for _, name in ipairs { "requests", "within", "sessions", "duration" } do
    members[#members + 1] = { name, self[name] }
  end
  for _, name in ipairs { "input_length", "output_length" } do
    members[#members + 1] = { name, object(self[name], { "count", "sum", table.unpack(lengths) }) }
  end
  for _, level in ipairs(levels) do
    if self[level[1]] then
      members[#members + 1] = { level[1], object(self[level[1]], self[level[1]].error
        and { "mean", "peak", "peak_at", "error" } or { "mean", "peak", "peak_at" }) }
    end
  end
  if self.by then
    local groups = {}
    for i, group in ipairs(self.by) do
      groups[i] = { group.value, object(group, { "requests", "input_tokens", "output_tokens" }) }
    end
    members[#members + 1] = { "by", json.object(groups) }
  end
  return members
end

function metatable:__json()
  return json.object(profile.members(self))
end

profile.methods = { { "profile", methods } }

return profile
