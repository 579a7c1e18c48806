--- Sweeps and their figures: folders NAME/cN with the results of a level each, ours, AIPerf's or
--- GenAI-Perf's; and sweep.json, where there is one, which knows other levels than those of concurrency. A
--- search for the most (find-max.json) is one too, whose levels are those that it tried.
local core = require "moontide.core"
local figure = require "moontide.look.figure"
local json = require("moontide.base.json").public.json
local shape = require "moontide.kit.shape"
local system = require "moontide.kit.system"

local sweep = {}

---@class moontide.sweep_level
---@field label string "8"
---@field x number? of the axis, where that is a number
---@field concurrency number? requests in flight
---@field metrics table<string, table> by key: avg, p50, p99, ...; what is missing is absent
---@field counts table?
---@field verdict string?
---@field status string?
---@field intervals table<string, table>? of repeated runs: half the width of the mean's 95 % interval

---@class moontide.sweep_subject
---@field kind "sweep"
---@field name string of the benchmark
---@field folder string
---@field axis string "concurrency"
---@field levels moontide.sweep_level[]
---@field about table? decoded sweep.json
---@field gpus integer that the server has

-- The newer name first: its file says more.
local summaries = { "profile_export_aiperf.json", "profile_export_genai_perf.json" }

-- --- reading ----------------------------------------------------------------------------------------

local function names_in(folder)
  local names, message, code = core.base.folder(folder)
  if not names then return nil, message, code end
  table.sort(names)
  return names
end

-- The concurrencies of the folders cN in a folder, going up.
local function levels_in(folder)
  local levels = {}
  for _, name in ipairs(names_in(folder) or {}) do
    local digits = name:match "^c(%d+)$"
    if digits then levels[#levels + 1] = math.tointeger(tonumber(digits)) end
  end
  table.sort(levels)
  return levels
end

-- The file with a level's figures: in its folder, or in a folder there, as GenAI-Perf makes one.
local function summary_file(folder)
  local deeper = {}
  for _, name in ipairs(names_in(folder) or {}) do deeper[#deeper + 1] = folder .. "/" .. name end
  for _, place in ipairs { folder, table.unpack(deeper) } do
    for _, name in ipairs(summaries) do
      if system.exists(place .. "/" .. name) then return place .. "/" .. name end
    end
  end
end

local function decoded(path)
  local text, message = system.read(path)
  if not text then return nil, message, "io" end
  local value, why, code = json.decode(text, path)
  if value == nil then return nil, why, code end
  if type(value) ~= "table" then return nil, path .. ": expected an object", "input" end
  return value
end

-- Metrics by key, only what is a table with numbers; AIPerf puts them into `records` in some versions.
local function metrics_of(value)
  local metrics = {}
  for key, one in pairs(type(value.records) == "table" and value.records or value) do
    if type(one) == "table" and type(key) == "string" then metrics[key] = one end
  end
  return metrics
end

-- A benchmark's folder by its folders cN.
local function of_folders(self)
  for _, concurrency in ipairs(levels_in(self.folder)) do
    local path = summary_file(("%s/c%d"):format(self.folder, concurrency))
    if path then
      local value, message, code = decoded(path)
      if not value then return nil, message, code end
      self.levels[#self.levels + 1] = { label = tostring(concurrency), x = concurrency,
        concurrency = concurrency, metrics = metrics_of(value),
        counts = type(value.counts) == "table" and value.counts or nil }
    end
  end
  if #self.levels == 0 then
    return nil, ("%s: no level has results (c1/%s and the like)"):format(self.folder, summaries[2]), "input"
  end
  return self
end

local function worst_verdict(runs)
  local found = {}
  for _, run in ipairs(type(runs) == "table" and runs or {}) do found[run.verdict or ""] = true end
  return found.invalid and "invalid" or found.degraded and "degraded" or found.valid and "valid" or nil
end

local function label_of(axes, values)
  local parts = {}
  for i, axis in ipairs(axes) do parts[i] = tostring(values[axis.name]) end
  return table.concat(parts, ", ")
end

-- What is relied on in a sweep.json; metrics are looked at one by one.
local shape_of_sweep = { members = {
  ["name?"] = "string", axes = { list = { members = { name = "string" } } },
  levels = { list = { members = { values = "table", ["status?"] = "string", ["metrics?"] = "table",
    ["intervals?"] = "table", ["effective_concurrency?"] = "number", ["counts?"] = { each = "number" },
    ["runs?"] = { list = { members = { ["verdict?"] = "string" } } } } } },
} }

-- A benchmark by its sweep.json.
local function of_json(self, path)
  local about, message, code = decoded(path)
  if not about then return nil, message, code end
  local fault = shape.fault(about, shape_of_sweep) or not about.axes[1] and "axes is empty"
  if fault then return nil, ("%s: this is no sweep.json of a sweep: %s"):format(path, fault), "input" end
  self.about, self.axis = about, about.axes[1].name
  if type(about.name) == "string" then self.name = figure.clean(about.name) end
  for _, level in ipairs(about.levels) do
    local values, first = level.values, level.values[self.axis]
    local in_flight = level.effective_concurrency
    self.levels[#self.levels + 1] = { label = figure.clean(label_of(about.axes, values)),
      x = type(first) == "number" and first or nil, status = level.status,
      concurrency = self.axis == "concurrency" and type(first) == "number" and first
        or type(in_flight) == "number" and in_flight or nil,
      metrics = type(level.metrics) == "table" and metrics_of(level.metrics) or {},
      counts = type(level.counts) == "table" and level.counts or nil, verdict = worst_verdict(level.runs),
      intervals = type(level.intervals) == "table" and metrics_of(level.intervals) or nil }
  end
  if #self.levels == 0 then return nil, path .. ": there is no level in it", "input" end
  return self
end

-- What is relied on in a find-max.json.
local shape_of_search = { members = { unit = "string", ["max?"] = "number",
  probes = { list = { members = { level = "number", verdict = "string", ["folder?"] = "string",
    counts = { each = "number" } } } } } }

local axis_of_unit = { ["requests/s"] = "request_rate", ["requests in flight"] = "concurrency",
  ["times the rate"] = "rate_scale" }

-- A search by its find-max.json: the last probe of each level that it tried.
local function of_search(self, path)
  local found, message, code = decoded(path)
  if not found then return nil, message, code end
  local fault = shape.fault(found, shape_of_search)
  if fault then return nil, ("%s: this is no find-max.json of a search: %s"):format(path, fault), "input" end
  self.axis = axis_of_unit[found.unit] or figure.clean(found.unit)
  local is_found = type(found.max) == "number"
  self.name = is_found and ("%s: the most is %.4g %s"):format(self.name, found.max, figure.clean(found.unit))
    or self.name .. ": the most was not found"
  local by_level = {}
  for _, probe in ipairs(found.probes) do by_level[probe.level] = probe end
  for value, probe in pairs(by_level) do
    local name = type(probe.folder) == "string" and probe.folder:match "[^/]+$"
    local file = name and summary_file(self.folder .. "/" .. name)
    local figures = file and decoded(file)
    self.levels[#self.levels + 1] = { label = ("%.4g"):format(value), x = value,
      concurrency = self.axis == "concurrency" and value or nil,
      metrics = figures and metrics_of(figures) or {},
      counts = probe.counts, verdict = probe.verdict }
  end
  if #self.levels == 0 then return nil, path .. ": there is no probe in it", "input" end
  table.sort(self.levels, function(a, b) return a.x < b.x end)
  return self
end

--- Is there a sweep: a folder with a sweep.json or find-max.json, or with folders cN that have results?
---@param path string
---@return boolean
function sweep.is(path)
  local is_file = path:find "sweep%.json$" or path:find "find%-max%.json$"
  if is_file and system.exists(path) then return true end
  if not core.base.folder(path) then return false end
  if system.exists(path .. "/sweep.json") or system.exists(path .. "/find-max.json") then return true end
  for _, concurrency in ipairs(levels_in(path)) do
    if summary_file(("%s/c%d"):format(path, concurrency)) then return true end
  end
  return false
end

--- The sweep in a folder, or of a sweep.json or find-max.json.
---@param path string
---@param opt { gpus: integer? }
---@return moontide.sweep_subject? subject, string? message, string? code
function sweep.subject(path, opt)
  local folder = path:gsub("/?sweep%.json$", ""):gsub("/?find%-max%.json$", ""):gsub("(.)/+$", "%1")
  if folder == "" then folder = "." end
  local self = { kind = "sweep", name = figure.clean(folder:match "[^/]+$" or folder), folder = folder,
    axis = "concurrency", levels = {}, gpus = opt.gpus or 1 }
  local file = folder .. "/sweep.json"
  if system.exists(file) then return of_json(self, file) end
  local search = folder .. "/find-max.json"
  if system.exists(search) then return of_search(self, search) end
  return of_folders(self)
end

local none = "%s: there are no results (%s and the like)"

--- The benchmarks below a folder: all that have folders cN, a sweep.json or a find-max.json, or those of
--- these names, which must be there.
---@param folder string
---@param names string[]?
---@param opt { gpus: integer? }
---@return moontide.sweep_subject[]? list, string? message, string? code
function sweep.benchmarks(folder, names, opt)
  local there, message, code = names_in(folder)
  if not there then return nil, message, code end
  local list = {}
  for _, name in ipairs(names or there) do
    local path = folder .. "/" .. name
    if name ~= "plots" and (names or sweep.is(path)) then
      if not sweep.is(path) then
        return nil, none:format(path, path .. "/c1/" .. summaries[2]), "io"
      end
      local one
      one, message, code = sweep.subject(path, opt)
      if not one then return nil, message, code end
      list[#list + 1] = one
    end
  end
  if #list == 0 then
    return nil, none:format(folder, folder .. "/NAME/c1/" .. summaries[2]), "io"
  end
  return list
end

-- --- figures ----------------------------------------------------------------------------------------

--- A statistic of a level's metric; nil where it is missing.
---@param level moontide.sweep_level
---@param key string
---@param statistic string
---@return number?
function sweep.value(level, key, statistic)
  local value = level.metrics[key] and level.metrics[key][statistic]
  return type(value) == "number" and value == value and value + 0.0 or nil
end

--- Tokens a second that a user sees, and those that a GPU makes; nil where they are missing.
---@param subject moontide.sweep_subject
---@param level moontide.sweep_level
---@return number? of_user, number? of_gpu
function sweep.efficiency(subject, level)
  local all = sweep.value(level, "output_token_throughput", "avg")
  local of_user = sweep.value(level, "output_token_throughput_per_user", "avg")
    or all and level.concurrency and level.concurrency > 0 and all / level.concurrency or nil
  return of_user, all and all / subject.gpus
end

--- The level at the knee: where throughput over mean latency, the power of a system, is largest (Kleinrock,
--- "Power and deterministic rules of thumb for probabilistic problems in computer communications", 1979).
---@param subject moontide.sweep_subject
---@return moontide.sweep_level? level
function sweep.knee(subject)
  local best, most
  for _, level in ipairs(subject.levels) do
    local throughput = sweep.value(level, "request_throughput", "avg")
    local latency = sweep.value(level, "request_latency", "avg")
    local power = throughput and latency and latency > 0 and throughput / latency
    if power and (not most or power > most) then best, most = level, power end
  end
  return best
end

local function title_of(axis)
  return (axis:gsub("_", " "):gsub("^%l", string.upper))
end

-- Adds a series of each subject: point(subject, level) gives x and y, nil where it lacks something.
local function add_levels(self, subjects, point, has_labels)
  for _, subject in ipairs(subjects) do
    local points, lacking = {}, {}
    for _, level in ipairs(subject.levels) do
      local x, y = point(subject, level)
      if x and y then points[#points + 1] = { x, y, level.label } else lacking[#lacking + 1] = level.label end
    end
    if not has_labels then table.sort(points, function(a, b) return a[1] < b[1] end) end
    local x, y, labels = {}, {}, has_labels and {} or nil
    for i, one in ipairs(points) do
      x[i], y[i] = one[1], one[2]
      if labels then labels[i] = one[3] end
    end
    local is_there = self:add { subject.name, "both", x = x, y = y, labels = labels }
    if is_there and #lacking > 0 then
      self:note(("%s says nothing of it at %s."):format(subject.name, table.concat(lacking, ", ")))
    end
  end
  return self:or_why "no level says anything of it"
end

-- The 95 % intervals of the means of repeated runs, as a band.
local function add_intervals(self, subjects, key, statistic)
  for _, subject in ipairs(subjects) do
    local x, y, low = {}, {}, {}
    for _, level in ipairs(subject.levels) do
      local mean = sweep.value(level, key, statistic)
      local half = level.intervals and sweep.value({ metrics = level.intervals }, key, statistic)
      if level.x and mean and half then
        x[#x + 1], y[#y + 1], low[#low + 1] = level.x, mean + half, mean - half
      end
    end
    self:add { subject.name .. ", 95 % interval", "band", x = x, y = y, low = low }
  end
end

-- A figure of one statistic of a metric against what varies.
local function against_level(name, title, label, unit, key, statistic, is_log)
  return function(subjects)
    local axis = title_of(subjects[1].axis)
    local self = figure.new(name, ("%s vs %s"):format(title, axis),
      { axis, scale = is_log and "log" or nil }, { label, unit })
    local is_there, why = add_levels(self, subjects, function(_, level)
      return level.x, sweep.value(level, key, statistic)
    end)
    if is_there then add_intervals(self, subjects, key, statistic) end
    return is_there, why
  end
end

local function efficiency(subjects)
  local self = figure.new("efficiency", "Efficiency: tok/s/GPU vs tok/s/user", { "tok/s/user", nil },
    { "tok/s/GPU", nil })
  self:note(("Points are labelled with the %s; the server has %d GPU%s by --gpus."):format(
    subjects[1].axis:gsub("_", " "), subjects[1].gpus, subjects[1].gpus == 1 and "" or "s"))
  return add_levels(self, subjects, sweep.efficiency, true)
end

local function throughput_latency(subjects)
  local self = figure.new("throughput_latency", "Latency against throughput",
    { "Request throughput", "requests/s" }, { "Request latency, mean", "ms" })
  for _, subject in ipairs(subjects) do
    local knee = sweep.knee(subject)
    if knee then
      self:note(("%s: throughput over latency is largest at %s %s (the knee, after Kleinrock)."):format(
        subject.name, subject.axis:gsub("_", " "), knee.label))
    end
  end
  return add_levels(self, subjects, function(_, level)
    return sweep.value(level, "request_throughput", "avg"), sweep.value(level, "request_latency", "avg")
  end, true)
end

local function tail(name, title, label, key)
  return against_level(name, title, label, "ms", key, "p99")
end

--- The figures of sweeps: name, what it shows, make(subjects) -> figure | nil, why.
sweep.figures = {
  { "itl_p50", "median time between tokens at each level", against_level("itl_p50",
    "P50 Inter-Token Latency", "P50 Inter-Token Latency", "ms", "inter_token_latency", "p50") },
  { "itl_avg", "mean time between tokens", against_level("itl_avg", "Average Inter-Token Latency",
    "Average Inter-Token Latency", "ms", "inter_token_latency", "avg") },
  { "itl_p99", "99th percentile of the time between tokens", tail("itl_p99", "P99 Inter-Token Latency",
    "P99 Inter-Token Latency", "inter_token_latency") },
  { "request_throughput", "requests a second", against_level("request_throughput", "Request Throughput",
    "Request Throughput", "req/s", "request_throughput", "avg", true) },
  { "token_throughput", "output tokens a second", against_level("token_throughput",
    "Output Token Throughput", "Output Token Throughput", "tok/s", "output_token_throughput", "avg") },
  { "ttft_avg", "mean time to the first token", against_level("ttft_avg", "Average Time to First Token",
    "Average Time to First Token", "ms", "time_to_first_token", "avg") },
  { "ttft_p99", "99th percentile of the time to the first token", tail("ttft_p99",
    "P99 Time to First Token", "P99 Time to First Token", "time_to_first_token") },
  { "latency_p99", "99th percentile of the latency of requests", tail("latency_p99",
    "P99 Request Latency", "P99 Request Latency", "request_latency") },
  { "efficiency", "tokens a second of a GPU against those of a user", efficiency },
  { "throughput_latency", "latency against throughput, and the knee", throughput_latency },
}

return sweep
