--- Figures of runs: over the time at which requests were due, from the columns of their lines.
--
-- Requests before the start (warm-up) are in no figure; those outside the window are in those over time, not
-- in distributions. All times are seconds since the run's start, as the schedule knows it.
local core = require "moontide.core"
local figure = require "moontide.look.figure"
local trace = require "moontide.look.trace"

local run = {}

---@class moontide.run_subject
---@field kind "run"
---@field name string
---@field run moontide.drive_run
---@field requests userdata its requests in columns
---@field from number the first moment of the figures, seconds
---@field to number the last
---@field count integer bins
---@field columns table<string, number[]> those that were asked for

-- --- columns ----------------------------------------------------------------------------------------

local nan = 0 / 0

-- Values of the requests that `keep` names: "all" but those of the warm-up, "window"; NaN in place of others.
local function masked(self, values, keep)
  local phases, list = self.phases, {}
  for i, value in ipairs(values) do
    local phase = phases[i]
    local is_kept = phase == "profiling" or keep == "all" and phase ~= "warmup"
    list[i] = is_kept and value or nan
  end
  return list
end

-- A moment of each request in seconds since the start; NaN where it never came.
local function moments(self, name)
  local known = self.columns[name]
  if known then return known end
  local zero, list = self.zero, {}
  for i, value in ipairs(self.requests:column(name) or {}) do list[i] = (value - zero) / 1e9 end
  list = masked(self, list, "all")
  self.columns[name] = list
  return list
end

-- A metric of each request, nil where no request has it.
local function metric(self, name)
  local known = self.columns[name]
  if known == nil then
    known = self.has[name] and self.requests:column(name) or false
    self.columns[name] = known
  end
  return known or nil
end

local function last_of(...)
  local first, last = math.huge, -math.huge
  for _, list in ipairs { ... } do
    for _, value in ipairs(list) do
      if value > last then last = value end
      if value < first then first = value end
    end
  end
  return first, last
end

local most_bins, least_in_bin = 200, 10

--- What is to be known of a run for its figures.
---@param value moontide.drive_run with its requests
---@param name string
---@return moontide.run_subject? subject, string? message, string? code
function run.subject(value, name)
  local requests, message, code = value:requests()
  if not requests then return nil, message, code end
  if #requests == 0 then return nil, name .. ": there is no request in it", "input" end
  local self = { kind = "run", name = figure.clean(name), run = value, requests = requests, columns = {},
    has = {}, zero = value.start + value.epoch, phases = requests:column "phase" }
  for _, one in ipairs(requests:names()) do self.has[one] = true end
  if self.zero == 0 then self.zero = last_of(requests:column "due") end
  local from, to = last_of(moments(self, "due"), moments(self, "end"))
  if from == math.huge then return nil, name .. ": no request of it was due in the run", "input" end
  self.from, self.to = math.min(from, 0), math.max(to, from + 1e-3)
  self.count = math.max(1, math.min(most_bins, #requests // least_in_bin))
  return self
end

-- --- over time --------------------------------------------------------------------------------------

local function over_time(name, title, y, subjects, add)
  local self = figure.new(name, title, figure.time "Time since the start", y)
  for _, subject in ipairs(subjects) do
    add(self, subject, #subjects > 1 and subject.name .. ", " or "")
  end
  return self:or_why "no request says anything of it"
end

-- Something counted in each bin, a second.
local function add_rate(self, subject, name, at, weights)
  local sums = core.series.sums(at, weights, subject.from, subject.to, subject.count)
  local width = (subject.to - subject.from) / subject.count
  for i, sum in ipairs(sums) do sums[i] = sum / width end
  self:add { name, "line", x = figure.middles(subject.from, subject.to, subject.count), y = sums }
end

local function where(subject, values, outcome)
  local outcomes, list = subject.outcomes or subject.requests:column "outcome", {}
  subject.outcomes = outcomes
  for i, value in ipairs(values) do list[i] = outcomes[i] == outcome and value or nan end
  return list
end

-- The first of two lists, or the second where nobody knows anything of the first: AIPerf does not say when a
-- request had gone out.
local function first_known(list, other)
  for _, value in ipairs(list) do
    if value == value then return list end
  end
  return other
end

local function rates(subjects)
  return over_time("rates", "Requests offered, sent and completed", { "Rate", "requests/s" }, subjects,
    function(self, subject, prefix)
      add_rate(self, subject, prefix .. "offered", moments(subject, "due"))
      add_rate(self, subject, prefix .. "sent",
        first_known(moments(subject, "sent"), moments(subject, "begun")))
      add_rate(self, subject, prefix .. "completed", where(subject, moments(subject, "end"), "ok"))
    end)
end

local function tokens(subjects)
  return over_time("tokens", "Tokens per second, by when the answer was complete", { "Rate", "tokens/s" },
    subjects, function(self, subject, prefix)
      for _, one in ipairs { { "output_sequence_length", "output" }, { "input_sequence_length", "input" } } do
        local values = metric(subject, one[1])
        if values then
          add_rate(self, subject, prefix .. one[2], moments(subject, "end"), masked(subject, values, "all"))
        end
      end
    end)
end

-- Percentiles of a metric in each bin of the time at which the requests were due.
local function add_percentiles(self, subject, key, name, percentiles, is_dashed)
  local values = metric(subject, key)
  if not values then return end
  local lists = table.pack(core.series.quantiles(moments(subject, "due"), values, subject.from, subject.to,
    subject.count, percentiles))
  if not lists[1] then error(lists[2], 0) end
  local x = figure.middles(subject.from, subject.to, subject.count)
  for i, percentile in ipairs(percentiles) do
    self:add { name .. (percentile == 100 and "largest" or "p" .. percentile), "line", x = x, y = lists[i],
      is_dashed = is_dashed }
  end
end

-- A figure of a latency: from the sending, and from the time at which it was due.
local function latency(name, title, key, key_from_due)
  return function(subjects)
    return over_time(name, title .. ", by when the request was due", { title, "ms" }, subjects,
      function(self, subject, prefix)
        local has_both = key_from_due and subject.has[key_from_due]
        add_percentiles(self, subject, key, prefix .. (has_both and "from sent, " or ""), { 50, 99 })
        if not has_both then return end
        add_percentiles(self, subject, key_from_due, prefix .. "from due, ", { 50, 99 }, true)
      end)
  end
end

local function lag(subjects)
  return over_time("lag", "How late the driver was: sending after the due time, reading after arrival",
    { "Lag", "ms" }, subjects, function(self, subject, prefix)
      add_percentiles(self, subject, "schedule_lag", prefix .. "sending, ", { 50, 99, 100 })
      add_percentiles(self, subject, "read_lag", prefix .. "reading, ", { 99 })
    end)
end

local function in_flight(subjects)
  return over_time("in_flight", "Requests in flight", { "In flight", "requests" }, subjects,
    function(self, subject, prefix)
      local x, levels = core.series.levels(moments(subject, "begun"), moments(subject, "end"))
      self:add { prefix .. "in flight", "steps", x = x, y = levels }
    end)
end

local function errors(subjects)
  local self = over_time("errors", "Failed requests by what failed, by when they were due",
    { "Failures", "requests/s" }, subjects, function(self, subject, prefix)
      where(subject, {}, "") -- has the outcomes read
      local counts, names = {}, {}
      for i, name in ipairs(subject.outcomes) do
        if name ~= "ok" and subject.phases[i] ~= "warmup" then
          if not counts[name] then names[#names + 1] = name end
          counts[name] = (counts[name] or 0) + 1
        end
      end
      table.sort(names, function(a, b) return counts[a] > counts[b] or counts[a] == counts[b] and a < b end)
      for i, name in ipairs(names) do
        if i <= figure.most_series then
          add_rate(self, subject, prefix .. name, where(subject, moments(subject, "due"), name))
        else
          self:note(("Also %d %s."):format(counts[name], name))
        end
      end
    end)
  if not self then return nil, "no request failed" end
  if #self.series == 1 then self:note(("All of them: %s."):format(self.series[1].name)) end
  return self
end

-- --- caches -----------------------------------------------------------------------------------------

-- The hit ratio that the trace itself would have in an infinite cache, where it is there and was sent whole:
-- points of its own time at the run's speed.
local function add_wanted(self, subject, prefix)
  local info = subject.run.info
  local opt = info and type(info.options) == "table" and info.options
  if not opt or opt.start or opt["end"] or opt.num_requests or opt.shard or opt.duration then return end
  local target = info.target
  if type(target) ~= "string" or not target:find "%.jsonl" or target:find "%.lua$" then return end
  local analyses = require "moontide.learn.analysis"
  local analysis = analyses.sampled(target, { skip_bad_lines = true }, "run: the trace")
  if not analysis or not analysis.hit_infinite or not analysis.over_time then return end
  local x, y, speed = {}, {}, type(opt.speed_ratio) == "number" and opt.speed_ratio or 1
  for i, bin in ipairs(analysis.over_time) do
    local upper = analysis.over_time[i + 1] and analysis.over_time[i + 1].start or analysis.last
    x[i], y[i] = (math.max(bin.start, analysis.first) + upper) / 2 / speed, bin.hit_ratio or nan
  end
  self:add { prefix .. "wanted", "line", x = x, y = y, is_dashed = true }
  self:note "Wanted: of the trace's blocks in an infinite cache. Got: cached tokens by the answers."
end

local function hit_ratio(subjects)
  return over_time("hit_ratio", "Hit ratio of the prompts, wanted and got", { "Hit ratio", from = 0, to = 1 },
    subjects, function(self, subject, prefix)
      local cached, all = metric(subject, "cached_tokens"), metric(subject, "input_sequence_length")
      if not cached or not all then return end
      local at, said = moments(subject, "due"), {}
      for i, value in ipairs(all) do said[i] = cached[i] == cached[i] and value or nan end
      local hits = core.series.sums(at, cached, subject.from, subject.to, subject.count)
      local of = core.series.sums(at, said, subject.from, subject.to, subject.count)
      for i, sum in ipairs(hits) do hits[i] = of[i] > 0 and sum / of[i] or nan end
      local x = figure.middles(subject.from, subject.to, subject.count)
      self:add { prefix .. "got", "line", x = x, y = hits }
      add_wanted(self, subject, prefix)
    end)
end

-- --- the server -------------------------------------------------------------------------------------

-- What the server said of itself, a series a metric.
local function server(name, title, y, wanted)
  return function(subjects)
    local self = over_time(name, title, y, subjects, function(self, subject, prefix)
      local said = subject.run.server
      for _, one in ipairs(said and wanted or {}) do
        local x, values = {}, {}
        for _, look in ipairs(said.looks) do
          if look[one[1]] then
            x[#x + 1], values[#values + 1] = (look.at - subject.run.start) / 1e9, look[one[1]] + 0.0
          end
        end
        self:add { prefix .. one[2], "line", x = x, y = values }
      end
    end)
    if not self then return nil, "the server's own figures were not looked at (--server-metrics)" end
    return self
  end
end

-- --- distributions ----------------------------------------------------------------------------------

local function distribution(name, title, unit, keys)
  return function(subjects)
    local list = {}
    for _, subject in ipairs(subjects) do
      for _, one in ipairs(keys) do
        local values = metric(subject, one[1])
        if values then
          local prefix = #subjects > 1 and subject.name .. (one[2] and ", " or "") or ""
          list[#list + 1] = { one[2] and prefix .. one[2] or #subjects > 1 and prefix or "all",
            masked(subject, values) }
        end
      end
    end
    return trace.distributions(name, title, { title, unit }, list):or_why "no request says anything of it"
  end
end

--- The figures of runs: name, what it shows, make(subjects) -> figure | nil, why.
run.figures = {
  { "rates", "requests offered, sent and completed over time", rates },
  { "ttft", "time to the first token over time, p50 and p99, from due and from sent",
    latency("ttft", "Time to first token", "time_to_first_token", "time_to_first_token_from_due") },
  { "itl", "time between tokens over time, p50 and p99", latency("itl", "Inter-token latency",
    "inter_token_latency") },
  { "latency", "latency of requests over time, p50 and p99, from due and from sent",
    latency("latency", "Request latency", "request_latency", "latency_from_due") },
  { "in_flight", "requests in flight over time", in_flight },
  { "lag", "how late the driver sent and read, over time", lag },
  { "errors", "failed requests by what failed, over time", errors },
  { "tokens", "input and output tokens a second over time", tokens },
  { "hit_ratio", "cached tokens of the prompts over time, wanted and got", hit_ratio },
  { "server_requests", "requests running and waiting, as the server says", server("server_requests",
    "Requests in the server, as it says", { "Requests" },
    { { "running", "running" }, { "waiting", "waiting" } }) },
  { "server_cache", "KV cache in use, as the server says", server("server_cache",
    "KV cache in use, as the server says", { "Share in use", from = 0, to = 1 },
    { { "kv_use", "in use" } }) },
  { "ttft_cdf", "distribution of the time to the first token", distribution("ttft_cdf", "Time to first token",
    "ms", { { "time_to_first_token", "from sent" }, { "time_to_first_token_from_due", "from due" } }) },
  { "itl_cdf", "distribution of the time between tokens", distribution("itl_cdf", "Inter-token latency", "ms",
    { { "inter_token_latency" } }) },
  { "latency_cdf", "distribution of the latency of requests", distribution("latency_cdf", "Request latency",
    "ms", { { "request_latency", "from sent" }, { "latency_from_due", "from due" } }) },
  { "lag_cdf", "distribution of how late the driver was", distribution("lag_cdf", "Driver's lag", "ms",
    { { "schedule_lag", "sending" }, { "read_lag", "reading" } }) },
}

return run
