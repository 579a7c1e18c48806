--- What is looked at: a trace, a plan, a run, a sweep, told apart by what lies there; for plot and report.
local any = require "moontide.trace.any"
local arguments = require "moontide.command.arguments"
local common = require "moontide.script.common"
local core = require "moontide.core"
local figures = require "moontide.command.figures"
local past = require "moontide.drive.past"
local plan = require "moontide.script.plan"
local profile = require "moontide.learn.profile"
local run = require "moontide.look.run"
local script = require "moontide.script.script"
local scripts = require "moontide.script.load"
local sweep = require "moontide.look.sweep"
local trace = require "moontide.look.trace"
local workload = require "moontide.load.workload"
local workload_expect = require "moontide.load.workload_expect"
local workload_run = require "moontide.load.workload_run"
local workload_plot = require "moontide.load.workload_plot"

local subject = {}

---@alias moontide.look_subject moontide.trace_subject|moontide.run_subject|moontide.sweep_subject

-- Of a plan more requests than this are not made for a picture, nor later ones.
local most_drawn, latest = 2e7, 9.1e9

--- A plan with one run of it drawn.
---@param made moontide.workload
---@param name string
---@param opt table duration (decided), seed, num_requests, rate_scale, shard
---@return moontide.trace_subject? subject, string? message, string? code
function subject.of_workload(made, name, opt)
  local whole, message, code = workload_expect.shown(made, opt)
  if not whole then return nil, message, code end
  if whole.requests == 0 then
    return nil, made.place .. "no rate is above 0 anywhere: there would be no requests", "value"
  end
  if math.min(whole.requests, opt.num_requests or math.huge) > most_drawn then
    return nil, ("%s: about %.3g requests are too many to draw; a shorter duration or num_requests helps")
      :format(name, whole.requests), "usage"
  end
  local self
  local drawn = workload_run.pipe(made, { duration = opt.duration, seed = opt.seed, tags = true,
    num_requests = opt.num_requests, rate_scale = opt.rate_scale, shard = opt.shard })
  local duration = math.min(opt.duration, latest)
  self, message, code = trace.subject(drawn, name, "plot: the plan", { from = 0, to = duration,
    block_size = made.block_size })
  if not self then return nil, message, code end
  self.kind, self.duration = "plan", duration
  self.expected = workload_plot.expected_rates(made, opt, whole)
  return self
end

-- The values of a script's own and common options.
local function values_of(self, words)
  local spec = table.move(self.options, 1, #self.options, 1, {})
  local of_script = common.of_script(self)
  table.move(of_script, 1, #of_script, #spec + 1, spec)
  local values = arguments.parse(self.name, words, spec)
  script.check_options(self, values)
  return values
end

local function of_script(name, words)
  local source, message, code = scripts.find(name)
  if not source then return nil, message, code end
  plan.seed(0)
  local self = scripts.load(source)
  if not self.plan then
    return nil, ("%s is a command, not a load: there is nothing to look at"):format(name), "usage"
  end
  local values = values_of(self, words)
  plan.seed(values.seed)
  if values.seed ~= 0 then self = scripts.load(source) end
  local made = plan.make(self, values)
  local asked, fallback = common.figures(self, values), self.default_duration
  for _, option in ipairs { "expect", "service", "series", "series_cache", "by", "json" } do
    if asked[option] then
      return nil, ("--%s after the script's name is of '%s' alone: here it stands before --"):format(
        option:gsub("_", "-"), self.name), "usage"
    end
  end
  if asked.compress then
    made = workload.compressed(made, asked.compress, asked.compress_think or false)
    values.duration = values.duration and values.duration / asked.compress
    fallback = (fallback or workload.default_duration) / asked.compress
  end
  values.duration = (workload.duration(made, values.duration, fallback, values.rate_scale))
  return subject.of_workload(made, self.name, values)
end

local function is_script(name)
  if name:find "%.lua$" then return true end
  for _, one in ipairs(scripts.bundled_names()) do
    if one == name then return true end
  end
  return false
end

--- What lies there: a script's plan, a run's folder or file, a sweep's folder; else it is a trace.
---@param name string
---@param words string[] the script's own options, where it is one
---@param opt table block_size, skip_bad_lines; gpus, of a sweep
---@return moontide.look_subject? subject, string? message, string? code
function subject.of(name, words, opt)
  if is_script(name) then return of_script(name, words) end
  if #words > 0 then
    return nil, ("unexpected argument '%s': only a script has options of its own"):format(words[1]), "usage"
  end
  if sweep.is(name) then return sweep.subject(name, opt) end
  if name ~= "-" and past.is_run(name) then
    local value, message, code = past.run(name)
    if not value then return nil, message, code end
    return run.subject(value, name)
  end
  return trace.subject(name, name == "-" and "standard input" or name, "plot: the trace", opt)
end

-- Names without folder and ending, where they are still told apart.
local function shorten(list)
  local seen, short = {}, {}
  if list[1] and list[1].kind == "sweep" then return end -- is called by its benchmark's name
  for i, one in ipairs(list) do
    short[i] = one.name:gsub("/+$", ""):match "([^/]+)$" or one.name
    short[i] = short[i]:gsub("%.zst$", ""):gsub("%.gz$", ""):gsub("%.jsonl$", "")
    if seen[short[i]] then return end
    seen[short[i]] = true
  end
  for i, one in ipairs(list) do one.name = short[i] end
end

local may_go_together = { trace = "trace", plan = "trace", run = "run", sweep = "sweep" }

-- The subjects that a name stands for: a folder of benchmarks is all of them.
local function several(name, words, opt)
  if core.base.folder(name) and not sweep.is(name) and not past.is_run(name) then
    local list, message, code = sweep.benchmarks(name, nil, opt)
    if list or code ~= "io" then return list, message, code end
    return nil, name .. ": there are no results in it: neither of a run (profile_export.jsonl) nor of sweeps "
      .. "(c1, ...)", code
  end
  local one, message, code = subject.of(name, words, opt)
  if not one then return nil, message, code end
  return { one }
end

--- All that words of a command line name: files, then from the first one that begins with a hyphen on the
--- options of a script.
---@param words string[]
---@param opt table
---@return moontide.look_subject[]? list, string? message, string? code
function subject.all(words, opt)
  local names, own = {}, {}
  for _, word in ipairs(words) do
    local list = (#own > 0 or word:find "^%-." ) and own or names
    list[#list + 1] = word
  end
  if #names == 0 then return nil, "FILE says what is looked at, before the options of a script", "usage" end
  local list = {}
  for _, name in ipairs(names) do
    local some, message, code = several(name, is_script(name) and own or #names == 1 and own or {}, opt)
    if not some then return nil, message, code end
    local one = some[1]
    table.move(some, 1, #some, #list + 1, list)
    if may_go_together[one.kind] ~= may_go_together[list[1].kind] then
      return nil, ("%s is a %s and %s a %s: they have no figures in common"):format(names[1], list[1].kind,
        name, one.kind), "usage"
    end
  end
  shorten(list)
  return list
end

-- The requests of a subject, counted; nil, message, code.
local function count(self, opt, asked)
  local from = self.kind == "plan" and 0 or nil
  local state = profile.open(asked, from, self.duration)
  local done, message, code = any.read(self.value, "plot: the trace", opt.skip_bad_lines,
    function(source, is_numbered) return profile.read(state, source, opt.skip_bad_lines, is_numbered) end)
  if not done then return nil, message, code end
  return profile.result(state, asked, self.duration)
end

--- Holds the traces and plans among what is looked at against what is expected.
---@param list moontide.look_subject[]
---@param opt table expect, service, step; skip_bad_lines
---@return true? done, string? message, string? code
function subject.judge(list, opt)
  if not opt.expect then return true end
  local loads = {}
  for i, one in ipairs(list) do
    if one.kind ~= "trace" and one.kind ~= "plan" then
      return nil, ("--expect is of traces and plans, and %s is a %s"):format(one.name, one.kind), "usage"
    end
    loads[i] = { name = #list > 1 and one.name or nil,
      count = function(asked) return count(one, opt, asked) end }
  end
  return figures.judge(opt, loads)
end

return subject
