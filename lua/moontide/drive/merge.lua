--- The runs of the shards of one load as one run: every request is kept, so its figures are those that one
--- driver would have got.
local drive = require "moontide.drive"
local files = require "moontide.drive.files"
local past = require "moontide.drive.past"
local report = require "moontide.kit.report"
local requests = require "moontide.drive.requests"
local shard_runs = require "moontide.drive.shard_runs"
local texts = require "moontide.kit.text"
local verdict = require "moontide.drive.verdict"

local merge = {}

merge.default_skew = shard_runs.default_skew

-- --- one run of them -------------------------------------------------------------------------------

-- The requests of all shards, and how many lines each has.
local function read_all(by_index, count)
  local read, lines = drive.requests(), {}
  for i = 0, count - 1 do
    local one, before = by_index[i], #read
    if one and one.lines then
      local cut, message, code = read:read(one.lines, i, not one.has_ended)
      if cut == nil then return nil, ("shard %d/%d: %s"):format(i, count, message), code end
      if cut then report.note(one.lines .. ": its last line is cut, and left out") end
    end
    lines[i] = #read - before
  end
  return read, lines
end

-- What is wrong with the lines of a shard that has ended: it knows itself how many it wrote. nil: nothing.
local function wrong_lines(one, lines)
  local counts, outside = one.info.counts, one.info.outside
  local wanted = counts.due + outside.due
  if not one.has_ended or lines == wanted then return nil end
  return ("%s has %s in %s, and had %s when it ended"):format(shard_runs.name_of(one),
    texts.grouped_count(lines, "request"), files.names.lines, texts.number(wanted, 0))
end

-- How many requests each shard should have had; nil where nobody has read the whole, or a window ended it.
local function expected_of(list)
  local window = list[1].info.options.window
  if window and window.to ~= "inf" then return nil end
  for _, one in ipairs(list) do
    if one.info.shard.requests then return one.info.shard.requests end
  end
end

-- The driver's figures of all: the worst of each.
local function load_of(list)
  local load = { cpu = 0, stalled = 0, longest_turn = 0, connections_opened = 0, has_realtime = true,
    has_kernel_stamps = true }
  for _, one in ipairs(list) do
    local own_load = one.has_ended and past.load_of(one.info)
    if own_load then
      for _, name in ipairs { "cpu", "stalled", "longest_turn", "run_queue", "late_start" } do
        if own_load[name] then load[name] = math.max(load[name] or 0, own_load[name]) end
      end
      load.connections_opened = load.connections_opened + own_load.connections_opened
      load.has_realtime = load.has_realtime and own_load.has_realtime
      load.has_kernel_stamps = load.has_kernel_stamps and own_load.has_kernel_stamps
    end
  end
  return load
end

local ranks = { valid = 0, degraded = 1, invalid = 2 }

-- The worst of the verdict on the sum and those on the shards.
local function verdict_of(sum, list, missing)
  local worst, limited = sum.name, {}
  for _, one in ipairs(list) do
    local of_shard = one.info.verdict
    local name = not one.has_ended and "invalid" or of_shard.name
    if ranks[name] > ranks[worst] then worst = name end
    local shard = ("shard %d/%d"):format(one.info.shard.index, one.info.shard.count)
    if not one.has_ended then limited[#limited + 1] = shard .. " did not end" end
    for _, text in ipairs(one.has_ended and of_shard.limited_by or {}) do
      limited[#limited + 1] = shard .. ": " .. text
    end
  end
  for _, name in ipairs(missing) do
    worst = "invalid"
    limited[#limited + 1] = ("shard %s is missing"):format(name)
  end
  table.move(sum.limited_by, 1, #sum.limited_by, #limited + 1, limited)
  return { name = worst, limited_by = limited, measures = sum.measures }
end

local function table_of_shards(by_index, count, read, lost, begin)
  local shards = {}
  for i = 0, count - 1 do
    local one = by_index[i]
    local results = read:results { part = i }
    shards[i + 1] = {
      index = i, folder = one and one.folder, has_ended = one and one.has_ended or false,
      counts = { due = results.due, done = results.done, failed = results.failed,
        cancelled = results.cancelled, not_sent = results.not_sent },
      lost = lost[i] or nil, start = one and (one.info.start_ns - begin) / 1e9,
      seconds = one and one.has_ended and one.info.seconds or nil,
      late = one and one.info.start and one.info.start.late, wall_clock = one and one.info.wall_clock,
      verdict = one and one.has_ended and one.info.verdict.name or nil,
      lag = results.metrics.schedule_lag and results.metrics.schedule_lag.p99,
      first_token = results.metrics.time_to_first_token and results.metrics.time_to_first_token.p50,
    }
  end
  return shards
end

-- What one run.json would have said.
local function whole_info(list, begin)
  local first, info = list[1].info, {}
  for name, value in pairs(first) do info[name] = value end
  info.options = {}
  for name, value in pairs(first.options) do info.options[name] = value end
  info.options.shard, info.options.output_dir = nil, nil
  info.shard, info.start_ns, info.groups = nil, begin, {}
  info.command, info.was_cancelled, info.failure, info.server = nil, false, nil, nil
  for _, one in ipairs(list) do
    info.was_cancelled = info.was_cancelled or one.info.was_cancelled or false
    info.failure = info.failure or one.info.failure
    info.server = info.server or one.info.server
  end
  return info
end

local function note_what_is_missing(by_index, count, lost, expected, lines)
  for i = 0, count - 1 do
    local one = by_index[i]
    local what = not one and "is missing" or nil
    if one and not one.has_ended then
      what = ("did not end (%s)"):format(one.folder)
    elseif one and one.info.was_cancelled then
      what = ("was interrupted (%s)"):format(one.folder)
    elseif one and wrong_lines(one, lines[i]) then
      what = ("is not whole (%s)"):format(one.folder)
    end
    if what and not expected then
      report.note(("shard %d/%d %s: how many requests it had to send is not known, and those that are not "
        .. "in its results are not counted"):format(i, count, what))
    elseif what or (lost[i] or 0) > 0 then
      report.note(("shard %d/%d %s: %s it had to send %s counted as not sent"):format(i, count,
        what or "was stopped", texts.grouped_count(lost[i] or 0, "request"), lost[i] == 1 and "is" or "are"))
    end
  end
end

-- The bodies that the shards kept, one list of them.
local function merge_inputs(by_index, count, folder)
  local path = folder .. "/" .. files.names.inputs
  local output, message = io.open(path .. ".part", "wb")
  if not output then return nil, path .. ": cannot write: " .. tostring(message), "io" end
  local is_whole, between = output:write '{"data": [\n', ""
  for i = 0, count - 1 do
    local one = by_index[i]
    local input = one and one.has_ended and io.open(one.folder .. "/" .. files.names.inputs, "rb")
    for line in input and input:lines() or function() end do
      if line:find "^{\"session_id\"" then
        is_whole = is_whole and output:write(between, (line:gsub(",$", "")))
        between = ",\n"
      end
    end
    if input then input:close() end
  end
  is_whole = output:write "\n]}\n" and is_whole
  is_whole = output:close() and is_whole
  if is_whole and os.rename(path .. ".part", path) then return true end
  os.remove(path .. ".part")
  return nil, path .. ": cannot write", "io"
end

local function is_among(list, folder)
  for _, one in ipairs(list) do
    if drive.is_same_place(one.folder, folder) then return true end
  end
end

-- Writes the lines of all shards, and those of what is lost; gives them, read again, and how many of each
-- shard are lost.
local function write_lines(list, by_index, count, folder, allow_missing)
  local read, lines, code = read_all(by_index, count)
  if not read then return nil, lines, code end
  for _, one in ipairs(list) do
    local wrong = not allow_missing and wrong_lines(one, lines[one.info.shard.index])
    if wrong then
      return nil, wrong .. ": the file was cut or is another run's (--allow-missing takes what there is "
        .. "of it)", "input"
    end
  end
  local expected, lost, paths, not_sent = expected_of(list), {}, {}, {}
  for i = 0, count - 1 do
    lost[i] = expected and math.max(0, expected[i + 1] - lines[i]) or 0
    paths[i + 1] = by_index[i] and by_index[i].lines or false
    not_sent[i + 1] = lost[i]
  end
  local done, message
  done, message, code = drive.make_folder(folder)
  if not done then return nil, message, code end
  done, message, code = read:merge(folder .. "/" .. files.names.lines, paths, not_sent, "its shard was lost")
  read:close()
  if not done then return nil, message, code end
  note_what_is_missing(by_index, count, lost, expected, lines)
  read, message, code = requests.of(folder)
  return read, message or lost, code
end

-- The run that the lines are, with what the shards say of their drivers.
local function value_of(read, list, by_index, count, lost, folder)
  local begin = math.huge
  for _, one in ipairs(list) do begin = math.min(begin, one.info.start_ns) end
  local info = whole_info(list, begin)
  info.verdict, info.driver, info.seconds = { measures = {}, limited_by = {} }, {}, 0
  for _, one in ipairs(list) do
    info.seconds = math.max(info.seconds, (one.info.start_ns - begin) / 1e9 + (one.info.seconds or 0))
  end
  info.shards = table_of_shards(by_index, count, read, lost, begin)
  local run, message, code = past.value(read, info, folder)
  if not run then return nil, message, code end
  run.load = load_of(list)
  local of_sum = verdict.of(run.results, run.load, run.seconds, past.as_table(info.options.limits),
    not info.options.concurrency)
  run.verdict = verdict_of(of_sum, list, shard_runs.missing(by_index, count))
  return run
end

-- The one run, written into the folder.
local function write_whole(list, by_index, count, folder, allow_missing)
  local read, lost, code = write_lines(list, by_index, count, folder, allow_missing)
  if not read then return nil, lost, code end
  local run, message
  run, message, code = value_of(read, list, by_index, count, lost, folder)
  if not run then return nil, message, code end
  local done
  done, message, code = merge_inputs(by_index, count, folder)
  if done then done, message, code = files.write(run, folder) end
  if not done then return nil, message, code end
  return run
end

--- Makes one run of the runs of shards, in a folder of its own.
---@param folders string[] the shards' own, or one that holds them all
---@param opt { output_dir: string, allow_missing: boolean?, max_skew: number? }
---@return moontide.drive_run? run, string? message, string? code
function merge.of(folders, opt)
  local list = {}
  for i, folder in ipairs(shard_runs.folders(folders)) do
    local one, message, code = shard_runs.of(folder, opt.allow_missing)
    if not one then return nil, message, code end
    list[i] = one
  end
  if is_among(list, opt.output_dir) then
    return nil, opt.output_dir .. ": the merged run would overwrite one of the shards", "usage"
  end
  local by_index, message, code = shard_runs.in_order(list)
  if not by_index then return nil, message, code end
  local count = list[1].info.shard.count
  local missing = shard_runs.missing(by_index, count)
  if #missing > 0 and not opt.allow_missing then
    return nil, ("shard %s of %s %s missing (--allow-missing goes on without)"):format(
      table.concat(missing, ", "), list[1].folder, #missing == 1 and "is" or "are"), "input"
  end
  local skew = shard_runs.wrong_skew(list, opt.max_skew or merge.default_skew)
  if skew then return nil, skew, "input" end
  shard_runs.note_clocks(list)
  return write_whole(list, by_index, count, opt.output_dir, opt.allow_missing)
end

return merge
