--- A sweep: one load driven at level after level, each into a folder of its own, the server quiet in between.
local axes = require "moontide.study.axes"
local core = require "moontide.core"
local drive = require "moontide.drive"
local drive_run = require "moontide.drive.run"
local figures = require "moontide.command.figures"
local gate = require "moontide.drive.gate"
local kept = require "moontide.study.kept"
local level = require "moontide.study.level"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
local sweep_report = require "moontide.study.sweep_report"
local sweep_value = require "moontide.study.sweep_value"
local targets = require "moontide.drive.target"

local sweep = {}

--- The options of a sweep beside the driving ones.
sweep.options = {
  { "repeat", kind = "integer", min = 1, max = 1000, default = 1,
    help = "drive each level so often, with other seeds, and say the mean and its 95 % interval" },
  { "settle", kind = "duration", min = 0, default = 1,
    help = "how long to rest between levels once the server has nothing to do" },
  { "resume", kind = "flag",
    help = "leave out levels whose results are whole and were driven with these options" },
  { "yes", kind = "flag", help = "drive more than a thousand levels" },
}

-- Options that say what varies and how, not how one level is driven.
local of_sweep = { "concurrencies", "request_rates", "rate_scales", "vary", "repeat", "yes", "resume",
  "benchmark_name", "endpoint_url", "name", "expect", "service", "step" }

local most_levels = 1000

-- --- one run ---------------------------------------------------------------------------------------

-- The settings of a level's run.
local function settings_of(self, one, number, opt)
  local settings = {}
  for name, value in pairs(one.settings) do settings[name] = value end
  settings.seed = level.seed(opt.seed, one.folder, number)
  local folder = self.repeats > 1 and ("%s/run%d"):format(one.folder, number) or one.folder
  settings.output_dir = self.folder and self.folder .. "/" .. folder
  local says_how_long = opt.num_requests or opt.duration or opt.window
  local concurrency = settings.concurrency or opt.concurrency
  if concurrency and not says_how_long then settings.num_requests = axes.request_count(concurrency) end
  return settings, folder
end

-- What became of it, and why it is not well, which is told on standard error.
local function status_of(run, opt)
  local status, reasons = gate.status(run, opt)
  return status == 0 and "done" or status == 130 and "interrupted" or "failed", reasons
end

-- The run that an earlier sweep has left, when it is whole.
local function find_kept(self, load, settings, opt, folder)
  local target, own, code = level.prepare(load, settings, opt)
  if not target then return nil, own, code end
  local run, why = kept.of(settings.output_dir, own)
  if run then run.bounds = drive_run.bounds(target, own) end
  if why then report.note(("%s/%s is driven again: %s"):format(self.name, folder, why)) end
  return run or false
end

-- The entry of a run that could be driven, or was kept.
local function note_run(self, entry, run, opt)
  entry.run, entry.message = run, run.message
  entry.status, entry.reasons = status_of(run, opt)
  entry.cache_was_reset = run.cache_was_reset
  if entry.status == "interrupted" then self.was_cancelled = true end
end

-- The entry of one that could not.
local function note_failure(self, entry, message, code)
  if code == "interrupted" or core.base.interrupted() then
    entry.status, self.was_cancelled = "interrupted", true
  else
    entry.message = message
    report.note(("%s failed: %s"):format(entry.folder, message))
  end
end

-- Drives it, or takes what is there; nil, message, code when the sweep cannot go on.
local function drive_one(self, load, one, number, opt, base)
  local settings, folder = settings_of(self, one, number, base)
  local entry = { folder = folder, seed = settings.seed, status = "failed", is_kept = false }
  one.runs[#one.runs + 1] = entry
  local run, message, code
  if opt.resume and self.folder then
    run, message, code = find_kept(self, load, settings, base, folder)
    entry.is_kept = run and true or false
  end
  report.note(("%s: %s%s"):format(folder, table.concat(one.says, ", "), entry.is_kept and " (kept)" or ""))
  if not run and not message then
    run, message, code = level.drive(load, settings, base, not self.has_begun)
    self.has_begun = true
  end
  if not run and code == "usage" then return nil, message, code end
  if run then note_run(self, entry, run, opt) else note_failure(self, entry, message, code) end
  return true
end

local worst = { "interrupted", "failed", "not run", "done" }

local function status_of_level(one)
  local has = {}
  for _, entry in ipairs(one.runs) do has[entry.status] = true end
  for _, status in ipairs(worst) do
    if has[status] then return status end
  end
  return "not run"
end

-- --- all of them -----------------------------------------------------------------------------------

-- The driving options of the levels.
local function base_of(opt)
  local base = options.with(opt, {})
  for _, name in ipairs(of_sweep) do base[name] = nil end
  return base
end

-- "concurrency 8, isl 500"
local function name_levels(self)
  for _, one in ipairs(self.levels) do
    one.runs, one.says, one.status = {}, {}, "not run"
    for i, axis in ipairs(self.axes) do
      one.says[i] = ("%s %s"):format((axis.name:gsub("_", " ")), one.cells[i])
    end
  end
end

-- Everything that a level may have wrong in what it asks for is found before the first one is driven; the
-- load of each level is held against what is expected.
local function check_levels(self, load, opt, base)
  local loads = {}
  for i, one in ipairs(self.levels) do
    local settings = settings_of(self, one, 1, base)
    local target, own, code = level.prepare(load, settings, base)
    if not target then return nil, own, code end
    loads[i] = { name = one.folder, count = function(asked) return targets.profile(target, own, asked) end }
  end
  if not opt.expect then return true end
  return figures.judge(opt, loads)
end

-- Levels of an earlier sweep of that name are lost one by one, those that are not driven now stay.
local function note_earlier(self)
  local names = { sweep_report.names.json }
  for _, one in ipairs(self.levels) do
    names[#names + 1] = one.folder .. "/run.json"
    names[#names + 1] = one.folder .. "/run1/run.json"
  end
  kept.note_earlier(self.folder, names, "sweep", " (--resume keeps levels that are whole and were driven "
    .. "with the same options)")
end

local function drive_all(self, load, opt, base)
  for _, one in ipairs(self.levels) do
    for number = 1, self.repeats do
      local done, message, code = drive_one(self, load, one, number, opt, base)
      one.status = status_of_level(one)
      if not done then return nil, message, code end
      if self.was_cancelled then return true end
    end
  end
  return true
end

--- Drives all levels of a load. Gives the sweep, whose files are written, or nil, message, code when it could
--- not begin, or its files could not be written.
---@param load moontide.load
---@param opt table driving options, axes' and sweep.options; name, output_dir (nil: no files)
---@param by_default boolean without a word of it the concurrencies vary
---@return moontide.sweep? self, string? message, string? code
function sweep.run(load, opt, by_default)
  local list, wrong = axes.of(opt, by_default)
  if not list then return nil, wrong, "usage" end
  local count = axes.count(list) * opt["repeat"]
  if count > most_levels and not opt.yes then
    local repeats = opt["repeat"] > 1 and (", each driven %d times, are %d runs"):format(opt["repeat"], count)
    return nil, ("%d levels%s: --yes drives them"):format(axes.count(list), repeats or ""), "usage"
  end
  local self = sweep_value.new {
    name = opt.name or load.name, target = load.name, urls = opt.url, model = opt.model, seed = opt.seed,
    repeats = opt["repeat"], axes = list, levels = axes.levels(list), folder = opt.output_dir,
    was_cancelled = false, started = os.time(), words = opt.words or {},
  }
  name_levels(self)
  local base = base_of(opt)
  local done, message, code = check_levels(self, load, opt, base)
  if not done then return nil, message, code end
  if self.folder then
    if not opt.resume then note_earlier(self) end
    done, message, code = drive.make_folder(self.folder)
    if not done then return nil, message, code end
  end
  drive.bear_interrupts(true)
  local worked = table.pack(pcall(drive_all, self, load, opt, base))
  drive.bear_interrupts(false)
  if not worked[1] then error(worked[2], 0) end
  if self.folder then
    local written, trouble, kind = sweep_report.write(self, self.folder)
    if not written then return nil, trouble, kind end
  end
  if not worked[2] then return nil, worked[3], worked[4] end
  return self
end

--- The exit status: 130 interrupted, 1 when a level failed, else 0.
---@param self moontide.sweep
---@return integer
function sweep.status(self)
  if self.was_cancelled then return 130 end
  for _, one in ipairs(self.levels) do
    if one.status ~= "done" then return 1 end
  end
  return 0
end

return sweep
