--- Sweeps: folders NAME/cN with the results of a level each, ours, AIPerf's or GenAI-Perf's; and sweep.json,
--- where there is one, which knows other levels than those of concurrency, and grids of two. A search for the
--- most (find-max.json) is one too, whose levels are those that it tried. What is drawn of them is in
--- sweep_figures.lua.
local core = require "moontide.core"
local figure = require "moontide.look.figure"
local json = require("moontide.base.json").public.json
local shape = require "moontide.kit.shape"
local system = require "moontide.kit.system"

local sweep = {}

---@class moontide.sweep_level
---@field label string "8", of a grid "500, 8"
---@field cells string[] the value of each axis
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
---@field axes string[] what varies: "isl", "concurrency"
---@field axis string the one of them that figures go along
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
      self.levels[#self.levels + 1] = { label = tostring(concurrency),
        cells = { tostring(concurrency) }, x = concurrency, concurrency = concurrency,
        metrics = metrics_of(value),
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

local function cells_of(axes, values)
  local cells = {}
  for i, axis in ipairs(axes) do cells[i] = figure.clean(tostring(values[axis])) end
  return cells
end

local is_of_load = { concurrency = true, request_rate = true, rate_scale = true }

-- The axis of several that figures go along: how much load there is, else the first that has numbers.
local function axis_along(axes, levels)
  local first
  for _, name in ipairs(axes) do
    local has_numbers = true
    for _, level in ipairs(levels) do
      has_numbers = has_numbers and type(level.values[name]) == "number"
    end
    if has_numbers and is_of_load[name] then return name end
    first = first or has_numbers and name or nil
  end
  return first or axes[1]
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
  self.about, self.axes = about, {}
  for i, axis in ipairs(about.axes) do self.axes[i] = axis.name end
  self.axis = axis_along(self.axes, about.levels)
  if type(about.name) == "string" then self.name = figure.clean(about.name) end
  for _, level in ipairs(about.levels) do
    local cells, along = cells_of(self.axes, level.values), level.values[self.axis]
    local in_flight = level.effective_concurrency
    self.levels[#self.levels + 1] = { label = table.concat(cells, ", "), cells = cells,
      x = type(along) == "number" and along or nil, status = level.status,
      concurrency = self.axis == "concurrency" and type(along) == "number" and along
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
  self.axes = { self.axis }
  local is_found = type(found.max) == "number"
  self.name = is_found and ("%s: the most is %.4g %s"):format(self.name, found.max, figure.clean(found.unit))
    or self.name .. ": the most was not found"
  local by_level = {}
  for _, probe in ipairs(found.probes) do by_level[probe.level] = probe end
  for value, probe in pairs(by_level) do
    local name = type(probe.folder) == "string" and probe.folder:match "[^/]+$"
    local file = name and summary_file(self.folder .. "/" .. name)
    local figures = file and decoded(file)
    local label = ("%.4g"):format(value)
    self.levels[#self.levels + 1] = { label = label, cells = { label }, x = value,
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
    axes = { "concurrency" }, axis = "concurrency", levels = {}, gpus = opt.gpus or 1 }
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

return sweep
