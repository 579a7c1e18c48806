--- Side by side: two traces, or the runs of a load.
--
-- mt.compare takes traces, or finished runs: values that mt.drive gave, folders of results. Of runs it gives
-- each metric's difference from the first run with an interval that holds it in 95 of 100 cases, and says
-- which differences are shown. The interval comes from how much a run varies in itself, from one tenth of it
-- to the next; what makes two days or two machines different it cannot know. Runs that sent the same requests
-- are paired request by request, which narrows it.
local core = require "moontide.core"
local json = require("moontide.base.json").public.json
local options = require "moontide.kit.options"
local traces = require "moontide.learn.compare"

-- --- the value -------------------------------------------------------------------------------------

---@class moontide.run_pair
---@field is_paired boolean both runs sent the same requests
---@field by_session boolean whole sessions were resampled, else requests
---@field matched integer requests that both sent
---@field units integer[] requests, or sessions, of either run
---@field differing table[]? nil: not known; options that differ: { name =, first =, second = }, JSON texts
---@field metrics table<string, table> differences by key and statistic, as core gives them
---@field rates table<string, table> by key

---@class moontide.run_comparison
---@field names string[] what the runs are called
---@field runs moontide.drive_run[]
---@field pairs moontide.run_pair[] by the place of the other run: the first one is 2
---@field seed integer of the bootstrap
local methods = {}
local metatable = { __name = "moontide.run_comparison", __index = methods }

-- The place of a run other than the first.
local function place_of(self, place, what)
  if place == nil then return 2 end
  local option = { "place", kind = "integer", min = 2, max = #self.names }
  return options.value(place, what .. ": the run", option)
end

--- How a measure differs from the first run: comparison:difference "ttft.p99". A metric or a short name of it
--- and a statistic (avg, p1, ..., p99; the median where none is said), or request_throughput,
--- output_token_throughput, total_token_throughput, goodput, error_rate, hit_ratio.
---@param name string
---@param place? integer of which run, 2 to the number of runs; 2 when left out
---@return moontide.run_difference? difference, string? message, string? code when a run does not have it
function methods:difference(name, place)
  local differences = require "moontide.study.difference"
  name = options.value(name, "difference: the name", { kind = "string" })
  place = place_of(self, place, "difference")
  local key, statistic = differences.measure(name, "difference")
  local one, message = differences.find(self, key, statistic, place)
  if not one then return nil, ("%s: %s"):format(name, message), "input" end
  return one
end

--- Which bounds are exceeded: comparison:exceeded{ ["ttft.p99"] = "+5%", request_throughput = "-2%" }.
-- A bound is the most by which a measure may be above the first run's, or with a minus below it: in percent,
-- or in its own unit ("+20", of milliseconds also "+2s"). It is exceeded when the difference is over it and
-- the interval leaves out 0: a difference that may be none fails nothing. Gives a list of { measure =, bound
-- =, run =, difference =, low =, high =, ... }, empty when all are kept; nil and a message when a run lacks
-- what a measure needs.
---@param bounds_by_name table<string, string|number>
---@return table[]? exceeded, string? message, string? code
function methods:exceeded(bounds_by_name)
  local differences = require "moontide.study.difference"
  if type(bounds_by_name) ~= "table" or getmetatable(bounds_by_name) then
    options.wrong("exceeded: the argument", bounds_by_name, "a table of bounds")
  end
  local list = {}
  for name, most in pairs(bounds_by_name) do
    if type(name) ~= "string" then options.wrong("exceeded: a measure", name, "a name") end
    list[#list + 1] = differences.bound(name, most, "exceeded")
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  local exceeded, _, missing = differences.check(self, list)
  if #missing > 0 then return nil, table.concat(missing, "; "), "input" end
  return exceeded
end

function metatable:__tostring()
  return require("moontide.study.compare_show").text(self)
end

function metatable:__json()
  return require("moontide.study.compare_show").members(self)
end

-- --- what the runs were ----------------------------------------------------------------------------

-- Options that say where results go and what is made of them, not what was sent.
local beside = { output_dir = true, record = true, inputs = true, json = true, fail_over = true,
  accept_invalid = true, limits = true }

-- What was asked of a run, by name, as JSON texts; nil where that is not known.
local function asked_of(run)
  local info = run.info
  if not info then
    if not run.load or not run.load.cpu then return nil end
    info = json.decode(json.encode(run))
  end
  local asked = {}
  for name, value in pairs(info.options or {}) do
    if not beside[name] then asked[name] = json.encode(value) end
  end
  for _, name in ipairs { "target", "version" } do asked[name] = json.encode(info[name]) end
  return asked
end

-- What was asked of one run and not of the other, by name.
local function differing(first, second)
  local a, b = asked_of(first), asked_of(second)
  local names, list = {}, {}
  if not a or not b then return nil end
  for name in pairs(a) do names[#names + 1] = name end
  for name in pairs(b) do
    if a[name] == nil then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    if a[name] ~= b[name] then
      list[#list + 1] = { name = name, first = a[name] or "null", second = b[name] or "null" }
    end
  end
  return list
end

-- Goodput counts when both runs had the same objectives.
local function objectives_of(first, second)
  local a, b = first.options.slo, second.options.slo
  return a and b and json.encode(a) == json.encode(b) and a or nil
end

-- Scripts draw other requests with another seed; where that is not known, lengths have to tell.
local function has_other_seed(apart)
  for _, one in ipairs(apart or {}) do
    if one.name == "seed" then return true end
  end
  return false
end

-- --- comparing -------------------------------------------------------------------------------------

local function pair_of(first, second, seed)
  local requests = {}
  for i, run in ipairs { first, second } do
    local message, code
    requests[i], message, code = run:requests()
    if not requests[i] then return nil, message, code end
  end
  local objectives, apart = objectives_of(first, second), differing(first, second)
  local span = require "moontide.drive.span"
  local pair, message, code = require("moontide.drive").contrast(requests[1], requests[2],
    { objectives = objectives, seed = seed, drawn_apart = has_other_seed(apart),
      windows = { span.window_moments(first), span.window_moments(second) } })
  if not pair then return nil, message, code end
  if not objectives then pair.rates.goodput = nil end
  pair.differing = apart
  return pair
end

-- What a run is called.
local function name_of(value, run)
  return type(value) == "string" and value or run.folder or run.target or "a run"
end

-- Why a run can be compared with no other, or nil.
local function why_not(run, name)
  local counts = run.counts
  if counts.due == 0 then return name .. ": no request was due in this run" end
  if counts.done > 0 then return nil end
  local parts = {}
  for _, one in ipairs(run.results.failures) do parts[#parts + 1] = ("%s %d"):format(one.name, one.count) end
  return ("%s: no request was answered (%s): there is nothing to compare"):format(name,
    table.concat(parts, ", "))
end

local function compare_runs(values, given)
  local past = require "moontide.drive.past"
  local opt = options.table("compare", given, { { "seed", kind = "seed", default = 0 } })
  local self = { names = {}, runs = {}, pairs = {}, seed = opt.seed }
  for i, value in ipairs(values) do
    local run, message, code = past.of(value, ("compare: run %d"):format(i))
    if not run then return nil, message, code end
    self.runs[i], self.names[i] = run, name_of(value, run)
    message = why_not(run, self.names[i])
    if message then return nil, message, "input" end
  end
  for place = 2, #values do
    local pair, message, code = pair_of(self.runs[1], self.runs[place], opt.seed)
    if not pair then return nil, message, code end
    if not next(pair.metrics) then
      return nil, ("%s and %s have no metric in common"):format(self.names[1], self.names[place]), "input"
    end
    self.pairs[place] = pair
  end
  return setmetatable(self, metatable)
end

local function is_folder(path)
  local file = io.open(path .. "/.", "rb")
  if file then file:close() end
  return file ~= nil
end

-- Is it a run? A run that was driven, a folder, a profile_export.jsonl. Other files are not opened: they may
-- be pipes.
local function is_run(value)
  if options.type_of(value) == "moontide.drive_run" then return true end
  if type(value) ~= "string" then return false end
  return value:find "profile_export[^/]*%.jsonl$" ~= nil or is_folder(value)
end

local function shown(value)
  return type(value) == "string" and value or options.show(value)
end

--- Are the values runs? Raises where some are and others are traces.
---@param values any[]
---@param what string for messages
---@return boolean are_runs
local function are_runs(values, what)
  local run, trace
  for _, value in ipairs(values) do
    if is_run(value) then run = run or value else trace = trace or value end
  end
  if run and trace then
    core.base.raise(("%s: %s is a trace and %s a run: compare traces with traces, runs with runs"):format(
      what, shown(trace), shown(run)))
  end
  return run ~= nil
end

---@class moontide.compare_options
---@field block_size? integer of traces: tokens a block; else found, 512 where that fits
---@field cache_sizes? integer[] of traces: of caches, blocks; default: where one of the two curves bends
---@field skip_bad_lines? boolean of traces: pass over them, and count them
---@field policy? string[] of traces: what caches of these sizes forget, as in mt.analyze; default: fifo
---@field ttl? any[] of traces: ages, seconds or texts ("5m"), at which a cache without limit forgets a block;
--- default: 1, 5, 30 and 300 s, where timestamps do not go back
---@field touch? "root"|"leaf" of those policies: from the first block of a request on, or from the last
---@field by? string of traces: a member by whose values requests, rates and lengths are compared too
---@field service? table|string of traces: an answer ends no sooner than ttft + per_token * output_length
--- after its request ("ttft=200ms,per_token=20ms", or a run that was driven); default: 0 and 1 ms
---@field chance? "halves"|"none" of two traces: the yardstick of chance; default: halves
---@field seed? integer of runs: of the intervals; of traces: of the halves; 0 when left out

---@class moontide
local public = {}

--- Compares two traces (lengths with their Kolmogorov-Smirnov distances, hit ratios, sessions, arrivals), or
--- two and more runs (each metric's difference from the first run's, and whether it is shown).
-- Beside each difference of traces stands what chance makes of it: by further traces, made as the second was
-- with other seeds, or without any by halves of the first one's sessions.
-- What one of the traces lacks (timestamps, hash_ids, output lengths) is absent from the comparison. It
-- prints as a table; comparison:exceeded{ ks = 0.02 } tells whether they are further apart than allowed, and
-- of runs comparison:exceeded{ ["ttft.p99"] = "+5%" }.
---@param first moontide.trace|moontide.drive_run a path, columns, a pipe, ...; a run, a folder of results
---@param second moontide.trace|moontide.drive_run
---@param ... moontide.trace|moontide.drive_run|moontide.compare_options more traces or runs; options
---@return moontide.comparison|moontide.run_comparison? comparison, string? message, string? code
function public.compare(first, second, ...)
  local values = table.pack(first, second, ...)
  local last, given = values[values.n], nil
  if values.n > 2 and (last == nil or type(last) == "table" and not getmetatable(last) and #last == 0) then
    given, values[values.n] = last, nil
    values.n = values.n - 1
  end
  if are_runs(values, "compare") then return compare_runs(values, given) end
  return traces.compare(values, given)
end

return {
  public = public, are_runs = are_runs, is_run = is_run,
  methods = { { "run_comparison", methods } },
}
