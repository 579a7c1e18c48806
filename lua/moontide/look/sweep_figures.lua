--- Figures of sweeps, and what a level is found to have: a line a benchmark, of a grid a line for each value
--- of its other axis.
local figure = require "moontide.look.figure"

local sweep_figures = {}

--- A statistic of a level's metric; nil where it is missing.
---@param level moontide.sweep_level
---@param key string
---@param statistic string
---@return number?
function sweep_figures.value(level, key, statistic)
  local value = level.metrics[key] and level.metrics[key][statistic]
  return type(value) == "number" and value == value and value + 0.0 or nil
end

--- Tokens a second that a user sees, and those that a GPU makes; nil where they are missing.
---@param subject moontide.sweep_subject
---@param level moontide.sweep_level
---@return number? of_user, number? of_gpu
function sweep_figures.efficiency(subject, level)
  local all = sweep_figures.value(level, "output_token_throughput", "avg")
  local of_user = sweep_figures.value(level, "output_token_throughput_per_user", "avg")
    or all and level.concurrency and level.concurrency > 0 and all / level.concurrency or nil
  return of_user, all and all / subject.gpus
end

--- The level at the knee: where throughput over mean latency, the power of a system, is largest (Kleinrock,
--- "Power and deterministic rules of thumb for probabilistic problems in computer communications", 1979).
---@param subject moontide.sweep_subject
---@return moontide.sweep_level? level
function sweep_figures.knee(subject)
  local best, most
  for _, level in ipairs(subject.levels) do
    local throughput = sweep_figures.value(level, "request_throughput", "avg")
    local latency = sweep_figures.value(level, "request_latency", "avg")
    local power = throughput and latency and latency > 0 and throughput / latency
    if power and (not most or power > most) then best, most = level, power end
  end
  return best
end

-- --- lines ------------------------------------------------------------------------------------------

--- What varies, in words: "request rate".
---@param axis string
---@return string
function sweep_figures.words_of(axis) return (axis:gsub("_", " ")) end

local words_of = sweep_figures.words_of

local abbreviations = { isl = "ISL", osl = "OSL" }

local function title_of(axis)
  return abbreviations[axis] or (words_of(axis):gsub("^%l", string.upper))
end

-- A level as one of a line: it is called by what varies along the line. Texts stand in the order in which
-- they are met, in all lines of a figure the same: `places` has where.
local function along(level, place, places)
  local one = {}
  for name, value in pairs(level) do one[name] = value end
  one.label = level.cells[place] or level.label
  if not level.x then
    if not places[one.label] then
      places[#places + 1] = one.label
      places[one.label] = #places
    end
    one.x = places[one.label]
  end
  return one
end

--- A sweep as the lines that figures have of it: itself, or of a grid one for each value of what does not
--- vary along the figures' axis.
---@param subject moontide.sweep_subject
---@param is_alone boolean its name goes without saying
---@param places? table where texts stand in other sweeps' lines
---@return moontide.sweep_subject[]
function sweep_figures.lines(subject, is_alone, places)
  local place, lines, by_name = 1, {}, {}
  for i, name in ipairs(subject.axes) do place = name == subject.axis and i or place end
  places = places or {}
  for _, level in ipairs(subject.levels) do
    local parts = { not is_alone and subject.name or nil }
    for i, name in ipairs(subject.axes) do
      if i ~= place then parts[#parts + 1] = words_of(name) .. " " .. level.cells[i] end
    end
    local name = #subject.axes == 1 and subject.name or table.concat(parts, ", ")
    local line = by_name[name]
    if not line then
      line = { kind = "sweep", name = name, folder = subject.folder, axes = { subject.axis },
        axis = subject.axis, levels = {}, gpus = subject.gpus, has_texts = not level.x }
      by_name[name], lines[#lines + 1] = line, line
    end
    line.levels[#line.levels + 1] = along(level, place, places)
  end
  return lines
end

--- The lines of several sweeps.
---@param subjects moontide.sweep_subject[]
---@return moontide.sweep_subject[]
function sweep_figures.all_lines(subjects)
  local all, places = {}, {}
  for _, subject in ipairs(subjects) do
    local lines = sweep_figures.lines(subject, #subjects == 1, places)
    table.move(lines, 1, #lines, #all + 1, all)
  end
  return all
end

-- --- figures ----------------------------------------------------------------------------------------

-- What a line has of a figure: points { x, y, label }, and the labels of the levels that lack it.
local function points_of(line, point)
  local points, lacking = {}, {}
  for _, level in ipairs(line.levels) do
    local x, y = point(line, level)
    if x and y then points[#points + 1] = { x, y, level.label } else lacking[#lacking + 1] = level.label end
  end
  return points, lacking
end

-- Adds a series of each line: point(line, level) gives x and y, nil where it lacks something.
local function add_levels(self, lines, point, has_labels)
  local notes = {}
  for _, line in ipairs(lines) do
    local points, lacking = points_of(line, point)
    local is_labelled = has_labels or line.has_texts
    if not has_labels then table.sort(points, function(a, b) return a[1] < b[1] end) end
    local x, y, labels = {}, {}, is_labelled and {} or nil
    for i, one in ipairs(points) do
      x[i], y[i] = one[1], one[2]
      if labels then labels[i] = one[3] end
    end
    self:add { line.name, "both", x = x, y = y, labels = labels }
    if #lacking > 0 then
      notes[#notes + 1] = ("%s says nothing of it at %s %s."):format(line.name, words_of(line.axis),
        table.concat(lacking, ", "))
    end
    if line.has_texts and not has_labels then
      self:note(("The values of %s are texts: they stand in their order."):format(words_of(line.axis)))
    end
  end
  for _, note in ipairs(#self.series > 0 and notes or {}) do self:note(note) end
  return self:or_why "no level says anything of it"
end

-- The 95 % intervals of the means of repeated runs, as a band.
local function add_intervals(self, lines, key, statistic)
  for _, line in ipairs(lines) do
    local x, y, low = {}, {}, {}
    for _, level in ipairs(line.levels) do
      local mean = sweep_figures.value(level, key, statistic)
      local half = level.intervals and sweep_figures.value({ metrics = level.intervals }, key, statistic)
      if level.x and mean and half then
        x[#x + 1], y[#y + 1] = level.x, mean + half
        low[#x] = math.max(0, mean - half) -- nothing of it is below 0
      end
    end
    local of
    for i, series in ipairs(self.series) do
      if series.name == line.name then of = i end
    end
    if self:add { line.name .. ", 95 % interval", "band", x = x, y = y, low = low, of = of } then
      self:note "Shaded: the 95 % interval of the mean of the repeated runs."
    end
  end
end

-- Those of the lines that vary what the first one does; others have no place on its axis, which is noted.
local function alike(self, lines)
  local kept = {}
  for _, line in ipairs(lines) do
    if line.axis == lines[1].axis then
      kept[#kept + 1] = line
    else
      self:note(("%s varies its %s, and is not drawn here."):format(line.name, words_of(line.axis)))
    end
  end
  return kept
end

-- A figure of one statistic of a metric against what varies.
local function against_level(name, title, label, unit, key, statistic, is_log)
  return function(subjects)
    local axis, lines = title_of(subjects[1].axis), sweep_figures.all_lines(subjects)
    local has_texts = false
    for _, line in ipairs(lines) do has_texts = has_texts or line.has_texts end
    local self = figure.new(name, ("%s vs %s"):format(title, axis),
      { axis, scale = is_log and not has_texts and "log" or nil }, { label, unit })
    lines = alike(self, lines)
    local is_there, why = add_levels(self, lines, function(_, level)
      return level.x, sweep_figures.value(level, key, statistic)
    end)
    if is_there then add_intervals(self, lines, key, statistic) end
    return is_there, why
  end
end

local function efficiency(subjects)
  local self = figure.new("efficiency", "Efficiency: tok/s/GPU vs tok/s/user", { "tok/s/user", nil },
    { "tok/s/GPU", nil })
  local lines, labels, seen = sweep_figures.all_lines(subjects), {}, {}
  for _, line in ipairs(lines) do
    if not seen[line.axis] then labels[#labels + 1], seen[line.axis] = words_of(line.axis), true end
  end
  self:note(("Points are labelled with the %s; the server has %d GPU%s by --gpus."):format(
    table.concat(labels, " or the "), subjects[1].gpus, subjects[1].gpus == 1 and "" or "s"))
  return add_levels(self, lines, sweep_figures.efficiency, true)
end

local function throughput_latency(subjects)
  local self = figure.new("throughput_latency", "Latency against throughput",
    { "Request throughput", "requests/s" }, { "Request latency, mean", "ms" })
  local lines = sweep_figures.all_lines(subjects)
  for _, line in ipairs(lines) do
    local knee = sweep_figures.knee(line)
    if knee then
      self:note(("%s: throughput over latency is largest at %s %s (the knee, after Kleinrock)."):format(
        line.name, words_of(line.axis), knee.label))
    end
  end
  return add_levels(self, lines, function(_, level)
    return sweep_figures.value(level, "request_throughput", "avg"),
      sweep_figures.value(level, "request_latency", "avg")
  end, true)
end

local function tail(name, title, label, key)
  return against_level(name, title, label, "ms", key, "p99")
end

--- The figures of sweeps: name, what it shows, make(subjects) -> figure | nil, why.
sweep_figures.figures = {
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

return sweep_figures
