--- The runs of the shards of one load, as their folders have them: read, and held against one another.
local core = require "moontide.core"
local files = require "moontide.drive.files"
local past = require "moontide.drive.past"
local report = require "moontide.kit.report"
local requests = require "moontide.drive.requests"

local shard_runs = {}

shard_runs.default_skew = 0.1 -- seconds

---@class moontide.run_shard
---@field folder string
---@field info table decoded run.json, or what was written of it when the run began
---@field has_ended boolean
---@field lines string? the file of its requests; nil: there is none

-- --- reading ---------------------------------------------------------------------------------------

--- How a shard is called in messages.
---@param one moontide.run_shard
---@return string
function shard_runs.name_of(one)
  return ("%s: shard %d/%d"):format(one.folder, one.info.shard.index, one.info.shard.count)
end

--- A folder as a shard: one that has ended, or, where that may be, what is left of one that has not.
---@param folder string
---@param allow_missing boolean?
---@return moontide.run_shard? one, string? message, string? code
function shard_runs.of(folder, allow_missing)
  local kind, why = requests.kind_of(folder)
  if kind ~= "folder" then return nil, why or folder .. ": this is no folder of a run's results", "io" end
  local info, message, code = past.info(folder)
  if not info and not requests.kind_of(folder .. "/" .. files.names.run .. ".part") then
    return nil, message or ("%s: this is no shard of a load: it has no %s"):format(folder, files.names.run),
      code or "input"
  end
  local one = { folder = folder, info = info, has_ended = info and true or false }
  if not info then
    one.info, message, code = past.beginning(folder)
    if not one.info then return nil, message, code end
  end
  if not one.info.shard then
    return nil, folder .. ": this is no shard of a load: it was driven without --shard", "input"
  end
  local lines = folder .. "/" .. files.names.lines
  local path = one.has_ended and lines or lines .. ".part"
  one.lines = requests.kind_of(path) == "file" and path or nil
  if one.has_ended and not one.lines then
    return nil, ("%s: %s is not there"):format(shard_runs.name_of(one), files.names.lines), "input"
  end
  if not one.has_ended and not allow_missing then
    return nil, shard_runs.name_of(one) .. " has not ended: the run is still going on, or it was killed "
      .. "(--allow-missing takes what there is of it)", "input"
  end
  if one.has_ended and one.info.was_cancelled and not allow_missing then
    return nil, shard_runs.name_of(one) .. " was interrupted: not all of its load was sent (--allow-missing "
      .. "takes what there is of it)", "input"
  end
  return one
end

-- --- are they shards of one load? ------------------------------------------------------------------

-- Options in which the shards of one load may differ.
local own = {
  shard = true, output_dir = true, record = true, realtime = true, json = true, accept_invalid = true,
  fail_over = true, inputs = true, server_metrics = true, ca = true, start_at = true, max_memory = true,
  target = true, grace = true, connections = true, reset_cache = true,
}

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for name, value in pairs(a) do
    if not same(value, b[name]) then return false end
  end
  for name in pairs(b) do
    if a[name] == nil then return false end
  end
  return true
end

local function shown(value)
  if type(value) ~= "table" then return tostring(value) end
  if value.from then -- a window
    local stop = tonumber(value.to) and ("%gs"):format(value.to) or "" -- no number: without an end
    return ("%gs..%s"):format(value.from, stop)
  end
  return require("moontide.base.json").public.json.encode(value)
end

-- What differs between two shards that should be of one load; nil: nothing.
local function difference(first, other)
  local a, b = first.info, other.info
  local pairs_of = {
    { "the number of shards", a.shard.count, b.shard.count }, { "--seed", a.seed, b.seed },
    { "--model", a.model, b.model },
  }
  if a.shard.digest and b.shard.digest then
    pairs_of[#pairs_of + 1] = { "the digest of " .. a.target, a.shard.digest, b.shard.digest }
  else
    pairs_of[#pairs_of + 1] = { "the target", a.target, b.target }
  end
  local names = {}
  for _, options in ipairs { a.options, b.options } do
    for name in pairs(options) do names[name] = true end
  end
  local sorted = {}
  for name in pairs(names) do sorted[#sorted + 1] = name end
  table.sort(sorted)
  for _, name in ipairs(sorted) do
    if not own[name] then
      pairs_of[#pairs_of + 1] = { "--" .. name:gsub("_", "-"), a.options[name], b.options[name] }
    end
  end
  if a.shard.requests and b.shard.requests then
    pairs_of[#pairs_of + 1] = { "the number of requests of the shards", a.shard.requests, b.shard.requests }
  end
  for _, one in ipairs(pairs_of) do
    if not same(one[2], one[3]) then
      if one[3] == nil then return ("%s is not given, and is %s there"):format(one[1], shown(one[2])) end
      return (one[2] == nil and "%s is %s, and not given there" or "%s is %s, not %s"):format(one[1],
        shown(one[3]), shown(one[2]))
    end
  end
end

--- The shards by their index, from 0; or nil, message, code.
---@param list moontide.run_shard[]
---@return table<integer, moontide.run_shard>? by_index, string? message, string? code
function shard_runs.in_order(list)
  local by_index = {}
  for _, one in ipairs(list) do
    local other = by_index[one.info.shard.index]
    if other then
      return nil, ("%s and %s are both shard %d/%d"):format(other.folder, one.folder, one.info.shard.index,
        one.info.shard.count), "input"
    end
    local what = difference(list[1], one)
    if what then
      return nil, ("%s is no shard of the load of %s: %s"):format(one.folder, list[1].folder, what), "input"
    end
    by_index[one.info.shard.index] = one
  end
  return by_index
end

--- The shards that there are not, "1/3" each.
---@param by_index table<integer, moontide.run_shard>
---@param count integer
---@return string[]
function shard_runs.missing(by_index, count)
  local list = {}
  for i = 0, count - 1 do
    if not by_index[i] then list[#list + 1] = ("%d/%d"):format(i, count) end
  end
  return list
end

--- Why the shards were not together; nil: they were near enough.
---@param list moontide.run_shard[]
---@param most number seconds
---@return string?
function shard_runs.wrong_skew(list, most)
  local first, last = list[1], list[1]
  for _, one in ipairs(list) do
    if one.info.start_ns < first.info.start_ns then first = one end
    if one.info.start_ns > last.info.start_ns then last = one end
  end
  local apart = (last.info.start_ns - first.info.start_ns) / 1e9
  if apart > most then
    return ("%s began %.3f s after %s: more than --max-skew %.9g s"):format(shard_runs.name_of(last), apart,
      first.folder, most)
  end
end

--- Tells of a host whose clock is not synchronised.
---@param list moontide.run_shard[]
function shard_runs.note_clocks(list)
  for _, one in ipairs(list) do
    if one.info.wall_clock and not one.info.wall_clock.synchronised then
      report.note(shard_runs.name_of(one) .. ": its clock is not synchronised (the kernel says): times of "
        .. "different hosts may be apart by more than is seen")
      return
    end
  end
end

-- --- folders ----------------------------------------------------------------------------------------

local function holds_run(folder)
  local path = folder .. "/" .. files.names.run
  return requests.kind_of(path) ~= nil or requests.kind_of(path .. ".part") ~= nil
end

--- The shards' folders: one that is no run itself stands for the runs in it.
---@param folders string[]
---@return string[]
function shard_runs.folders(folders)
  local all = {}
  for _, folder in ipairs(folders) do
    local names = not holds_run(folder) and core.base.folder(folder) or {}
    table.sort(names)
    local before = #all
    for _, name in ipairs(names) do
      if holds_run(folder .. "/" .. name) then all[#all + 1] = folder .. "/" .. name end
    end
    if #all == before then all[#all + 1] = folder end
  end
  return all
end

return shard_runs
