--- Side by side: two traces, or the runs of a load.
--
-- mt.compare takes traces, or finished runs: values that mt.drive gave, folders of results. Of runs it gives
-- each metric's difference from the first run with an interval that holds it in 95 of 100 cases, and says
-- which differences are shown. The interval comes from how much a run varies in itself, from one tenth of it
-- to the next; what makes two days or two machines different it cannot know. Runs that sent the same requests
-- are paired request by request, which narrows it. Of several runs against several (`against`) the interval
-- comes from how they differ from run to run (study/compare_repeats.lua), and knows whatever changed between
-- them.
local core = require "moontide.core"
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
---@field groups table[]? by the values of a member that both have: { name =, pair = } each
---@field alone string[]? values that not both have
---@field left_out integer? values beyond those that are compared
---@field repeats integer[]? of sides: the runs of either
---@field within table[]? of sides: as differing, the first of the side's runs from the others of it

---@class moontide.run_comparison
---@field names string[] what the runs, or the two sides, are called
---@field runs moontide.drive_run[] of sides: the first run of either
---@field members { name: string, run: moontide.drive_run, side: integer }[] all runs; side: of its name
---@field pairs moontide.run_pair[] by the place of the other run: the first one is 2
---@field seed integer of the bootstrap
---@field by string?
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
-- A bound is the most by which a measure may be above the first run's, or with a minus below it, as measures
-- of which more is better want and times and errors do not: in percent, or in its own unit ("+20", of
-- milliseconds also "+2s"). It is exceeded when the difference is over it and
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

-- --- what may be compared ---------------------------------------------------------------------------

options.kinds.run_list = { placeholder = "RUN", convert = function(value, what)
  if type(value) == "table" and not getmetatable(value) and #value > 0 then return value end
  options.wrong(what, value, "a list of runs")
end }

local spec_of_runs = { { "seed", kind = "seed", default = 0 }, { "by", kind = "string" },
  { "against", kind = "run_list" } }

--- Compares runs as mt.compare does; what is wrong with an option is returned with the code "usage", in the
--- words of the command.
---@param values any[] runs, or the first side of them
---@param given table options
---@return moontide.run_comparison? comparison, string? message, string? code
local function of_runs(values, given)
  local opt = options.table("compare", given, spec_of_runs)
  local self = { pairs = {}, seed = opt.seed, by = opt.by }
  local make = require "moontide.study.compare_runs"
  local done, message, code = (opt.against and make.sides or make.each)(self, values, opt)
  if not done then return nil, message, code end
  return setmetatable(done, metatable)
end

local function compare_runs(values, given)
  local comparison, message, code = of_runs(values, given)
  if code == "usage" then core.base.raise("compare: " .. message:gsub("^%-%-", "")) end
  return comparison, message, code
end

local function is_folder(path)
  local file = io.open(path .. "/.", "rb")
  if file then file:close() end
  return file ~= nil
end

-- Is it a run? A run that was driven, a folder, a profile_export.jsonl, a run.json. Other files are not
-- opened: they may be pipes.
local function is_run(value)
  if options.type_of(value) == "moontide.drive_run" then return true end
  if type(value) ~= "string" then return false end
  local name = value:match "[^/]*$"
  return name:find "profile_export.*%.jsonl$" ~= nil or name == "run.json" or is_folder(value)
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
---@field by? string of traces: a member by whose values requests, rates and lengths are compared too; of
--- runs: a member of the rows, or "endpoint", by whose values all is compared too
---@field against? any[] of runs: those before it are repeats of one thing, these of another; how they differ
--- from run to run says what is shown
---@field service? table|string of traces: an answer ends no sooner than ttft + per_token * output_length
--- after its request ("ttft=200ms,per_token=20ms", or a run that was driven); default: 0 and 1 ms
---@field chance? "halves"|"none" of two traces: the yardstick of chance; default: halves
---@field seed? integer of runs: of the intervals; of traces: of the halves; 0 when left out

---@class moontide
local public = {}

--- Compares two traces (lengths with their Kolmogorov-Smirnov distances, hit ratios, sessions, arrivals), or
--- two and more runs (each metric's difference from the first run's, and whether it is shown), or several
--- runs of one thing with several of another: mt.compare(a1, a2, a3, { against = { b1, b2, b3 } }).
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
  local is_plain = type(last) == "table" and not getmetatable(last) and #last == 0
  if values.n > 2 and (last == nil or is_plain) or is_plain and last.against then
    given, values[values.n] = last, nil
    values.n = values.n - 1
  end
  if are_runs(values, "compare") then return compare_runs(values, given) end
  return traces.compare(values, given)
end

return {
  public = public, are_runs = are_runs, is_run = is_run, of_runs = of_runs,
  methods = { { "run_comparison", methods } },
}
