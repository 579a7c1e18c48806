--- A finished run, read back from the folder of its results: the same value as driving gave, with the same
--- figures, and its requests one by one. Also AIPerf's folders, of which less is known.
local by_endpoint = require "moontide.drive.by_endpoint"
local core = require "moontide.core"
local files = require "moontide.drive.files"
local json = require("moontide.base.json").public.json
local nearest = require "moontide.kit.nearest"
local phase = require "moontide.drive.phase"
local phases = require "moontide.load.phases"
local requests = require "moontide.drive.requests"
local result = require "moontide.drive.result"
local shape = require "moontide.kit.shape"
local span = require "moontide.drive.span"
local verdict = require "moontide.drive.verdict"

local past = {}

-- The folder of a run that is named by its run.json; else the path as it is.
local function whole_of(path)
  if path:match "[^/]*$" ~= files.names.run then return path end
  return path:match "^(.*)/[^/]*$" or "."
end

--- Is there a run: a folder with a profile_export.jsonl in it, or such a file, by its first line, or the
--- run.json beside it?
---@param path string
---@return boolean
function past.is_run(path)
  path = whole_of(path)
  local kind = requests.kind_of(path)
  if kind == "folder" then return requests.kind_of(path .. "/" .. files.names.lines) == "file" end
  local file = kind and io.open(path, "rb")
  local begin = file and file:read(256) or ""
  if file then file:close() end
  return begin:find '^%s*{%s*"metadata"%s*:' ~= nil
end

-- --- run.json --------------------------------------------------------------------------------------

local shard = { members = { index = "integer", count = "integer", ["digest?"] = "string",
  ["requests?"] = { list = "integer" } } }
local start = { members = { ["asked_ns?"] = "integer", ["late?"] = "number" } }

-- What files.begin says of a run, as far as anything here relies on it.
local shape_of_beginning = { members = {
  start_ns = "integer",
  options = { members = { ["slo?"] = { list = "table" }, ["limits?"] = { list = "table" } } },
  target = "string", urls = { list = "string" }, model = "string", ["by?"] = "string", ["start?"] = start,
  ["shard?"] = shard, ["wall_clock?"] = { members = { synchronised = "boolean" } }, ["command?"] = "table",
  ["bounds?"] = { list = "table" },
} }

local counts = { members = { due = "integer", done = "integer", failed = "integer", cancelled = "integer",
  not_sent = "integer" } }
local gauges = { each = { members = { before = "number", avg = "number", max = "number" } } }

-- What files.whole says beside that.
local shape_of_run = { members = {
  seconds = "number", was_cancelled = "boolean", ["failure?"] = "string", ["clock?"] = "string",
  ["groups?"] = { list = "table" }, counts = counts, outside = counts,
  verdict = { members = { name = "string", limited_by = { list = "string" }, measures = { list = { members = {
    name = "string", ["value?"] = "number", limit = "number", unit = "string" } } } } },
  driver = { members = { cpu = "number", stalled = "number", longest_turn = "number",
    connections_opened = "integer", ["run_queue?"] = "number" } },
  ["server?"] = { members = { gauges = gauges, counters = { each = "number" }, ["hit_ratio?"] = "number",
    restarts = "integer", failed_looks = "integer", ["why?"] = "string",
    looks = { list = { each = "number", members = { seconds = "number" } } } } },
  ["shards?"] = { list = { members = { index = "integer", ["folder?"] = "string", has_ended = "boolean",
    counts = counts, ["lost?"] = "integer", ["start?"] = "number", ["seconds?"] = "number",
    ["late?"] = "number", ["wall_clock?"] = "table", ["verdict?"] = "string", ["lag?"] = "number",
    ["first_token?"] = "number" } } },
} }

-- What is null in JSON is nil here.
local function without_null(value)
  if type(value) ~= "table" then return value end
  for name, one in pairs(value) do
    if one == json.null then value[name] = nil else without_null(one) end
  end
  return value
end

--- The decoded run.json, without its nulls; false where there is none and need be none: the folder is another
--- tool's.
---@param folder string
---@return table|false|nil info, string? message, string? code
function past.info(folder)
  local path = folder .. "/" .. files.names.run
  local text = requests.text_of(path)
  if text then
    local info, message, code = json.decode(text, path)
    if not info then return nil, message, code end
    local fault = shape.fault(info, shape_of_beginning) or shape.fault(info, shape_of_run)
    if fault then return nil, ("%s: this is no run.json of a run: %s"):format(path, fault), "input" end
    return without_null(info)
  end
  local own = requests.text_of(folder .. "/" .. files.names.summary)
  if own and own:find('"moontide_version"', 1, true) then
    return nil, ("%s: %s is not there: the run has not ended, or the folder was cut half-way"):format(folder,
      files.names.run), "input"
  end
  return false
end

--- What was written of a run when it began (files.begin), where it has not ended.
---@param folder string
---@return table? info, string? message, string? code
function past.beginning(folder)
  local path = folder .. "/" .. files.names.run .. ".part"
  local info, message, code = json.decode(requests.text_of(path) or "", path)
  if not info then return nil, message, code end
  local fault = shape.fault(info, shape_of_beginning)
  if fault then
    return nil, ("%s: this is not what a run writes when it begins: %s"):format(path, fault), "input"
  end
  return without_null(info)
end

--- The driver's look at its end.
---@param info table
---@return table
function past.load_of(info)
  local driver = info.driver
  return { cpu = driver.cpu, run_queue = driver.run_queue, stalled = driver.stalled,
    longest_turn = driver.longest_turn, connections_opened = driver.connections_opened,
    has_realtime = driver.realtime, has_kernel_stamps = info.clock and not info.clock:find "after reading",
    late_start = info.start and info.start.late }
end

-- --- the value -------------------------------------------------------------------------------------

-- Asks for the results of no request.
local of_nothing = { part = 0xffffffff }

-- Groups that had nothing due in the window leave no line there.
local function with_empty_groups(groups, info, read)
  local known, place = {}, {}
  for _, group in ipairs(groups) do known[group.value] = group end
  local ordered = {}
  for _, one in ipairs(info.groups) do
    local value = json.encode(one.value == nil and json.null or one.value)
    if not known[value] then
      known[value] = { value = value, results = (read:results(of_nothing)) }
    end
    ordered[#ordered + 1], place[value] = known[value], true
  end
  for _, group in ipairs(groups) do
    if not place[group.value] then return groups end -- its texts are written otherwise: as they came
  end
  return ordered
end

-- What another tool's run says of itself.
local function foreign(results, folder)
  local first = results.first_begun or results.first_due or 0
  local last = results.last_answer or first
  return {
    load = {}, start = first, seconds = math.max(0, (last - first) / 1e9), was_cancelled = false,
    options = {}, target = folder, urls = {}, model = "",
    verdict = { name = "unjudged", measures = {},
      limited_by = { "what the driver itself did is not known of another tool's run" } },
  }
end

local function of_own(info)
  return {
    load = past.load_of(info), start = info.start_ns, seconds = info.seconds,
    was_cancelled = info.was_cancelled, options = info.options, target = info.target, urls = info.urls,
    model = info.model, seed = info.seed, by = info.by, message = info.failure, verdict = info.verdict,
    shard = info.shard, start_asked = info.start and info.start.asked_ns,
    late = info.start and info.start.late, wall_clock = info.wall_clock, command = info.command,
    version = info.version,
    shards = info.shards,
    server = info.server and require("moontide.drive.server").of_members(info.server, info.start_ns),
  }
end

-- When each shard of a merged run began, after the run, in seconds; nil: it is none.
local function starts_of(info)
  local starts = {}
  for _, one in ipairs(info and info.shards or {}) do starts[one.index + 1] = one.start or 0 end
  return #starts > 0 and starts or nil
end

-- What the run was held against. Other phases than its own leave out the bounds of phases that are none now.
local function bounds_of(info, spans)
  local bounds = {}
  for _, one in ipairs(info and info.bounds or {}) do
    if not phase.wrong_bound({ one }, spans) then bounds[#bounds + 1] = one end
  end
  return #bounds > 0 and bounds or nil
end

--- The value of requests that were read, with what else is known of the run.
---@param read userdata
---@param info table|false decoded run.json; false: another tool's
---@param folder string
---@param objectives? table[] in place of the run's own
---@param by? string in place of the run's own
---@param spans? moontide.phase[] in place of the run's own
---@return moontide.drive_run? run, string? message, string? code
function past.value(read, info, folder, objectives, by, spans)
  local options = info and info.options or {}
  objectives, by = objectives or options.slo, by or info and info.by or nil
  spans = spans or info and phase.of_members(info.phases) or {}
  local starts = starts_of(info)
  if starts then
    local done, message, code = read:apart(starts)
    if not done then return nil, message, code end
  end
  local window = span.window(options) or {}
  local asked = { objectives = objectives, by = by, phases = phases.ends(spans),
    start = info and info.start_ns or nil, window_begin = window.from, window_end = window.to }
  local results, outside, groups, counted = read:results(asked)
  if results and not info and #spans > 0 then -- another tool's run starts with its first request
    asked.start = foreign(results, folder).start
    results, outside, groups, counted = read:results(asked)
  end
  if not results then return nil, outside, groups end
  local self = info and of_own(info) or foreign(results, folder)
  self.results, self.outside, self.groups, self.by = results, outside, groups, by
  if info and by == by_endpoint.name then
    self.groups = by_endpoint.groups(groups, info.urls, function() return (read:results(of_nothing)) end)
  elseif info and by and by == info.by then self.groups = with_empty_groups(groups, info, read) end
  self.epoch, self.objectives, self.has_objectives = 0, objectives, objectives ~= nil
  self.phases = phase.values(self, spans, counted)
  self.folder, self.info, self.columns = folder, info or nil, read
  self.bounds = bounds_of(info, spans)
  self.metrics, self.by_key = span.metrics(self)
  return result.new(self)
end

--- The run whose results are in a folder, or in a folder's profile_export.jsonl or run.json.
---@param path string
---@param objectives? table[] { metric, limit } each: its goodput by these
---@param by? string its groups by this member of the rows
---@return moontide.drive_run? run, string? message, string? code
function past.run(path, objectives, by)
  path = whole_of(path)
  local read, message, code = requests.of(path)
  if not read then return nil, message, code end
  local folder = requests.kind_of(path) == "folder" and path or path:match "^(.*)/[^/]*$" or "."
  local info
  info, message, code = past.info(folder)
  if info == nil then return nil, message, code end
  return past.value(read, info, folder, objectives, by)
end

--- Limits of the verdict as a table by their names.
---@param list table[]? { name, limit } each
---@return table<string, number>
function past.as_table(list)
  local limits = {}
  for _, one in ipairs(list or {}) do limits[one[1]] = one[2] end
  return limits
end

--- Why results cannot be by that member of the rows; nil where they can.
---@param run moontide.drive_run
---@param read userdata its requests
---@param by string
---@return string?
function past.wrong_by(run, read, by)
  local names, left_out = read:member_names()
  if left_out[by] then
    return ("--by: '%s' is too long for the lines of %s, which keep members of up to 200 bytes"):format(by,
      run.folder)
  end
  local known = {}
  names[#names + 1] = "session_id"
  for _, name in ipairs(names) do known[name] = true end
  if run.info and not known[by_endpoint.name] then names[#names + 1] = by_endpoint.name end
  known[by_endpoint.name] = run.info ~= nil -- another tool's lines do not say it
  if known[by] then return nil end
  return ("--by: no request of %s has a member '%s'%s (%s)"):format(run.folder, by, nearest.hint(by, names),
    table.concat(names, ", "))
end

--- The run judged again: goodput by other objectives, groups by another member, other phases, the verdict by
--- other limits.
--- What is not given stays the run's own.
---@param run moontide.drive_run with a folder
---@param opt { slo: table[]?, by: string?, limits: table[]?, phases: table[]? }
---@return moontide.drive_run? run, string? message, string? code
function past.judge(run, opt)
  if not run.columns or run.epoch ~= 0 then -- a fresh run: its folder knows it as it is to be known
    local message, code
    run, message, code = past.run(run.folder)
    if not run then return nil, message, code end
  end
  local read = run:requests()
  local wrong = opt.by and past.wrong_by(run, read, opt.by)
  if wrong then return nil, wrong, "usage" end
  if opt.limits and not run.info then
    return nil, ("--limits: %s has no run.json: what its driver did is not known, and there is no verdict")
      :format(run.folder), "usage"
  end
  local judged, message, code = past.value(read, run.info or false, run.folder, opt.slo, opt.by,
    opt.phases and phases.of(opt.phases, "--phases"))
  if not judged then return nil, message, code end
  if opt.limits then
    judged.verdict = verdict.of(judged.results, judged.load, judged.seconds, past.as_table(opt.limits),
      not judged.options.concurrency)
  end
  return judged
end

--- May the value be a finished run: a folder of results or its profile_export.jsonl by its name, or a run
--- that was driven? Raises when it is of another kind.
---@param value string|moontide.drive_run
---@param what string whose argument it is, for messages: "compare: the first run"
---@return moontide.drive_run? run, string? message, string? code
function past.of(value, what)
  local metatable = type(value) == "table" and getmetatable(value)
  if metatable and metatable.__name == "moontide.drive_run" then return value end
  if type(value) ~= "string" then
    core.base.raise(("%s must be a folder of results or a run, not a %s"):format(what, type(value)))
  end
  return past.run(value)
end

return past
