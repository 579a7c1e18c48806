--- Driving: a target is sent to an endpoint, and what came of it becomes a value.
local by_endpoint = require "moontide.drive.by_endpoint"
local core = require "moontide.core"
local drive = require "moontide.drive"
local endpoint = require "moontide.drive.endpoint"
local files = require "moontide.drive.files"
local gate = require "moontide.drive.gate"
local memory = require "moontide.drive.memory"
local phase = require "moontide.drive.phase"
local phases = require "moontide.load.phases"
local pipe = require "moontide.trace.pipe"
local promise = require "moontide.drive.promise"
local report = require "moontide.kit.report"
local result = require "moontide.drive.result"
local sending = require "moontide.drive.sending"
local server = require "moontide.drive.server"
local show = require "moontide.drive.show"
local start = require "moontide.drive.start"
local span = require "moontide.drive.span"
local target = require "moontide.drive.target"
local verdict = require "moontide.drive.verdict"
local warmup = require "moontide.drive.warmup"
local watch = require "moontide.drive.watch"

local run = {}

-- --- before the start ------------------------------------------------------------------------------

local default_input_bytes = 16 << 20

-- Where a record lies until it is sorted: beside it, so that there is room for it.
local function unsorted_record(path)
  return path:find "^/dev/" and os.tmpname() or path .. ".unsorted"
end

-- Decides on the files and sees that each can be opened, before a request is sent.
local function output_paths(opt, settings)
  settings.record = opt.record and unsorted_record(opt.record)
  local outputs = { opt.record, settings.record }
  if opt.output_dir then
    local made, message, code = drive.make_folder(opt.output_dir)
    if not made then return nil, message, code end
    settings.lines = opt.output_dir .. "/" .. files.names.lines
    settings.inputs = opt.output_dir .. "/" .. files.names.inputs
    settings.input_bytes = not opt.inputs and default_input_bytes or nil
    for _, name in pairs(files.names) do outputs[#outputs + 1] = opt.output_dir .. "/" .. name end
  end
  for _, path in ipairs(outputs) do
    local can, message, code = drive.can_write(path)
    if not can then return nil, message, code end
  end
  return true
end

-- --- the run ---------------------------------------------------------------------------------------

local look_every, tell_every = 0.25, { terminal = 0.5, pipe = 10 }

-- tell(driver, replay) of how the run goes, when that is due: to standard error, and to who watches.
local function status_teller(started, begun_before, scraper)
  local is_terminal = core.base.is_terminal(2)
  local every = is_terminal and tell_every.terminal or tell_every.pipe
  local next_at, next_moment = started + every * 1e9, watch.now and started
  return function(driver, replay)
    local now = drive.now()
    if next_moment and now >= next_moment then
      next_moment = math.max(next_moment + 1e9, now + 5e8)
      watch.now:moment((now - started) / 1e9, driver:look(), replay:look(), replay:failures(), begun_before,
        scraper and scraper:last())
    end
    if now < next_at then return end
    next_at = now + every * 1e9
    local line = show.status((now - started) / 1e9, driver:look(), replay:look(), begun_before)
    if is_terminal then report.progress(line) else report.note(line) end
  end
end

-- Seconds after which the sending stops, nil where the last request ends it, and the seconds that what is in
-- flight then has.
local function end_of(self, opt)
  local stop_after = opt.concurrency and opt.duration or self.stop_after
  if stop_after and self.runs_on and not opt.concurrency then return stop_after + opt.grace, 0 end
  return stop_after, opt.grace
end

-- Steps until all has ended. Ctrl-C stops the sending, a second one the waiting; so does the end of the
-- time. Gives { was_cancelled =, message =, code = }.
local function work(driver, replay, self, opt, started, scraper)
  local begun_before = driver:look().begun
  local ended, tell = { was_cancelled = false }, status_teller(started, begun_before, scraper)
  local stop_after, end_grace = end_of(self, opt)
  local stop_at = stop_after and stop_after < 9e9 and started + math.floor(stop_after * 1e9)
  local interrupts = 0
  local function stop(grace, how)
    replay:stop(grace, how)
    stop_at = nil
  end
  local is_waiting
  while true do
    local left = stop_at and math.max(0, (stop_at - drive.now()) / 1e9) or look_every
    local more, message, code = replay:step(math.min(look_every, left))
    if more == false then break end
    if more == nil then
      if code == "interrupted" then
        ended.was_cancelled, interrupts = true, drive.interrupts()
        report.note(("interrupted: nothing more is sent; requests in flight have %.9g s (Ctrl-C again: none)")
          :format(opt.grace))
        stop(opt.grace, "interrupt")
      elseif ended.message then
        stop(0, "run_end")
      else
        ended.message, ended.code = message, code
        stop(opt.grace, "run_end")
      end
    elseif ended.was_cancelled and drive.interrupts() > interrupts then
      interrupts = math.huge
      stop(0, "interrupt")
    end
    if stop_at and drive.now() >= stop_at then stop(end_grace, "run_end") end
    -- Beyond a window's end requests are sent only for the sake of the window's own.
    if not is_waiting and replay:window_has_ended() then
      is_waiting = true
      stop(0, "run_end")
    end
    if not is_waiting and not stop_at and not ended.was_cancelled and replay:look().source_ended then
      local load = driver:look()
      if load.waiting == 0 and replay:look().held == load.begun - load.ended then
        is_waiting = true
        stop(opt.grace, "run_end")
      end
    end
    tell(driver, replay)
  end
  report.finish()
  if watch.now then
    local seconds = (drive.now() - started) / 1e9
    watch.now:moment(seconds, driver:look(), replay:look(), replay:failures(), begun_before,
      scraper and scraper:last())
  end
  return ended
end

-- The driver's work since an earlier look.
local function load_since(before, driver)
  local load = driver:look()
  for _, name in ipairs { "cpu", "run_queue", "stalled" } do
    load[name] = load[name] and before[name] and load[name] - before[name]
  end
  return load
end

-- What is known of the run when it begins.
local function known_of(self, opt, settings, started, late)
  return {
    options = opt, target = self.name, level = self.level, urls = opt.url, model = opt.model,
    seed = opt.seed, by = opt.by, objectives = opt.slo, has_objectives = opt.slo ~= nil,
    spans = settings.spans, bounds = settings.bounds, start = started, epoch = settings.epoch,
    start_asked = opt.start_at, late = late, shard = settings.shard, wall_clock = drive.wall_clock(),
  }
end

-- And what became of it: known, completed.
local function value_of(replay, driver, before, known, ended)
  local opt = known.options
  local results, outside, groups, counted = replay:results()
  if opt.by == by_endpoint.name then groups = by_endpoint.groups(groups, opt.url) end
  local seconds = math.max(0, (drive.now() - known.start) / 1e9)
  local load, progress = load_since(before, driver), replay:look()
  load.late_start = known.late
  for name, one in pairs {
    results = results, outside = outside, groups = groups, load = load, seconds = seconds,
    was_cancelled = ended.was_cancelled, write_error = progress.write_error, message = ended.message,
    code = ended.code,
  } do known[name] = one end
  if known.shard and progress.read_whole then known.shard.requests = replay:shard() end
  local value = result.new(known)
  value.metrics, value.by_key = span.metrics(value)
  value.phases = phase.values(value, known.spans, counted)
  value.promises = opt.promises and promise.of(value, opt.promises, function(key, percentile)
    return replay:percentile(key, percentile)
  end)
  local limits = {}
  for _, one in ipairs(opt.limits or {}) do limits[one[1]] = one[2] end
  value.verdict = verdict.of(results, load, seconds, limits, not opt.concurrency)
  return value
end

-- What there is of a record that could not be finished is kept, and said.
local function keep_part(opt, path)
  local part = opt.record .. ".part"
  local is_kept = os.rename(path, part) and part or drive.file_size(path) and path
  if is_kept then
    report.note(("the record, in the order in which requests ended, is in %s"):format(is_kept))
  end
end

-- The record in the order of its times; of a run whose writing failed, as much as there is.
local function finish_record(opt, unsorted, is_whole)
  if not opt.record then return true end
  if not is_whole then return keep_part(opt, unsorted .. ".part") or true end
  local any = require "moontide.trace.any"
  local done, message, code = any.pipe(unsorted, "record"):sort():write(opt.record, { timestamp_digits = 6 })
  if not done then return keep_part(opt, unsorted), message, code end
  os.remove(unsorted)
  return true
end

-- A driver of whom the endpoint is known, with the connections that were asked for.
local function ready_driver(opt, settings)
  local keeps_events = settings.event ~= nil
  local driver, message, code = sending.driver(opt, keeps_events)
  if not driver then return nil, message, code end
  local ready
  ready, message, code = warmup.run(driver, opt, settings)
  if ready and not start.is_far(opt) then return driver end
  driver:close()
  if ready then ready, message, code = start.wait(opt) end
  if not ready then return nil, message, code end
  return sending.driver(opt, keeps_events)
end

-- With the source open: from the driver's start to the value.
local function drive_source(source, self, opt, settings)
  settings.block_size = opt.block_size or self.block_size
  local driver <close>, message, code = ready_driver(opt, settings)
  if not driver then return nil, message, code end
  local scraper
  if opt.server_metrics then
    scraper, message, code = server.start(opt.server_metrics)
    if not scraper then return nil, message, code end
  end
  local epoch = drive.epoch()
  settings.epoch = epoch
  local replay <close>, trouble, kind = drive.replay(driver, source, settings)
  if not replay then return nil, trouble, kind end
  local started, late = start.moment(opt, epoch)
  replay:start(started)
  driver:watch()
  local before = driver:look()
  drive.bear_interrupts(true)
  local known = known_of(self, opt, settings, started, late)
  if opt.output_dir then files.begin(known, opt.output_dir) end
  if watch.now then watch.now:begins(known) end
  local ended = work(driver, replay, self, opt, started, scraper)
  ended.was_cancelled = drive.bear_interrupts(false) or ended.was_cancelled
  local said = scraper and server.finish(scraper, opt.server_metrics)
  local value = value_of(replay, driver, before, known, ended)
  value.server = said
  local finished, failure, _, is_recorded = replay:finish()
  if not finished then value.write_error = value.write_error or failure end
  settings.is_recorded = finished or is_recorded
  driver:close()
  if watch.now then watch.now:ends(value) end
  return value
end

--- What a run is held against: the bounds of the options, then those of the target's plan that they do not
--- have; nil: nothing.
---@param self moontide.target
---@param opt table by drive/options.lua
---@return table[]?
function run.bounds(self, opt)
  return gate.bounds(opt.fail_over, self.bounds)
end

-- Phases of the options before those of the plan, and bounds.
local function take_phases(self, opt, settings)
  settings.spans = opt.phases and phases.of(opt.phases, "--phases") or self.phases or {}
  settings.phases = phases.ends(settings.spans)
  settings.bounds = run.bounds(self, opt)
  local wrong = phase.wrong_bound(settings.bounds, settings.spans)
  if wrong then return nil, "--fail-over: " .. wrong, "usage" end
  return true
end

--- Drives a target: a value whose tostring is the report; or nil, message, code when nothing could be sent.
--- A failure in mid-run is in its fields message and code.
---@param self moontide.target
---@param opt table by drive/options.lua
---@return moontide.drive_run? run, string? message, string? code
function run.of(self, opt)
  local given = opt
  opt = {}
  for name, value in pairs(given) do opt[name] = value end
  local adapter, message, code = endpoint.of(given)
  if adapter == nil then return nil, message, code end
  if adapter and adapter.event and opt.live_history then
    return nil, "--live-history: not with an --adapter that reads events: it says no text of the answers",
      "usage"
  end
  if adapter and adapter.stream == false then opt.no_stream = true end
  local refusal = memory.refusal(opt, self.size(), (opt.phases or self.phases) ~= nil)
  if refusal then return nil, refusal, "memory" end
  local settings
  settings, message, code = sending.settings(opt, adapter)
  if not settings then return nil, message, code end
  local ready
  ready, message, code = take_phases(self, opt, settings)
  if not ready then return nil, message, code end
  settings.cancel_after = opt.cancel_after
  settings.shard = start.shard(self, opt)
  local value
  value, message, code = pipe.read(target.steps(self, opt), function(source)
    if self.is_empty then return nil, self.name .. ": no requests", "input" end
    local can, problem, kind = output_paths(opt, settings) -- now that there is something to send
    if not can then return nil, problem, kind end
    return drive_source(source, self, opt, settings)
  end)
  if not value then return nil, message, code end
  local recorded, trouble = finish_record(opt, settings.record, settings.is_recorded)
  if not recorded then value.write_error = value.write_error or trouble end
  if opt.output_dir then
    local written
    written, trouble = files.write(value, opt.output_dir)
    if not written then value.write_error = value.write_error or trouble end
    value.folder = opt.output_dir
  end
  return value
end

return run
