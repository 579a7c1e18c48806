--- What a script with a plan does on the command line: writes its trace, checks it or plots it.
local core = require "moontide.core"
local common = require "moontide.script.common"
local expectation = require "moontide.load.expected"
local figures = require "moontide.command.figures"
local json = require("moontide.base.json").public.json
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local plot = require "moontide.load.workload_plot"
local report = require "moontide.kit.report"
local run_options = require "moontide.load.run_options"
local target = require "moontide.trace.target"
local texts = require "moontide.kit.text"
local workload = require "moontide.load.workload"
local workload_expect = require "moontide.load.workload_expect"
local workload_run = require "moontide.load.workload_run"

local generate = {}

local digest_requests = 10000

-- So many requests of a load whose end nobody knows, or whose times are given, are made to see whether it
-- goes on.
local most_checked = 2000000

-- So many of one time are taken for arrivals that stand still, unless --yes says otherwise.
local most_at_once = 10000

-- Lines a stream each are for few streams.
local most_lines = 10

-- When the last request comes, where the duration does not say it: sessions run on after it, and a number of
-- requests may be reached long before.
local function last_text(opt, total, last)
  if not last or last < opt.duration and total ~= opt.num_requests then return "" end
  return (", the last at %.6g s"):format(last)
end

-- How requests come; of an mmpp the table has said it.
local function write_processes(expected)
  for i, row in ipairs(expected.streams) do
    if i > most_lines then break end
    if row.begins_as ~= "mmpp" then
      report.write(("stream '%s': %s\n"):format(row.name, row.process))
    end
  end
end

-- When about so many requests have come as a run stops after; nil where nobody knows.
local function time_of(self, opt, expected, whole)
  local rates = plot.expected_rates(self, opt, expected)
  local width, sum = opt.duration / plot.bins, 0
  local most = opt.num_requests * (expected.requests / whole)
  for i, rate in ipairs(rates or {}) do
    if sum + rate * width >= most then return (i - 1) * width + (most - sum) / rate end
    sum = sum + rate * width
  end
end

-- Processes whose rate is another one in each run.
local surges = { mmpp = true, hawkes = true }

-- The busiest stretch of the expected rate; where nobody knows it, nothing.
local function write_peak(self, opt, expected)
  local busiest, on_average = plot.busiest(self, opt, expected), ""
  if not busiest then return end
  if expected.is_counted or expected.is_drawn then on_average = " in the run of this seed" end
  for _, row in ipairs(expected.streams) do
    -- What a run's own levels and clusters add to it is the run's.
    if on_average == "" and surges[row.begins_as] then on_average = " on average over seeds" end
  end
  if busiest.is_flat then
    report.write(("busiest: %.6g per second%s, the same all the time\n"):format(busiest.rate, on_average))
    return
  end
  local clock = busiest.from < 3600 and "" or (" (%s)"):format(texts.time(math.floor(busiest.from + 0.5)))
  report.write(("busiest: %.6g per second%s from %.6g s%s on, over %.6g s\n"):format(busiest.rate, on_average,
    busiest.from, clock, busiest.width))
end

-- Can many requests have one time, though no rate says so?
local function has_given_times(self)
  for _, entry in ipairs(self.streams) do
    if core.process.name(core.process.starts(entry.stream.process)) == "times_of" then return true end
  end
  return false
end

-- What is on average in the busiest stretches, and what in this run; nil, message, code. `shown` gets both.
local function count(self, opt, asked, shown)
  local done, message, code = figures.resolve(asked)
  if not done then return nil, message, code end
  local given = {}
  for name, value in pairs(opt) do given[name] = value end
  for name, value in pairs(asked) do given[name] = value end
  given.by = asked.by
  local load_profile = require "moontide.load.profile"
  if asked.service then
    shown.average, message, code = load_profile.expected(self, given)
    if not shown.average then return nil, message, code end
    shown.drawn = message
  end
  if asked.expect or asked.series or asked.service or asked.by then
    shown.run, message, code = load_profile.of_plan(self, given)
    if not shown.run then return nil, message, code end
  end
  return true
end

local function write_counted(opt, shown)
  local profile = require "moontide.learn.profile"
  local seed = ("seed %s"):format(texts.seed(opt.seed))
  if shown.average then
    report.write(("\non average%s, from %s; means are so near in 95 of 100 cases:\n%s\n"):format(
      opt.shard and (" of shard %d/%d alone"):format(opt.shard.index, opt.shard.count) or "",
      texts.count(shown.drawn, "drawn request"), profile.levels(shown.average)))
    report.write(shown.average.runs
      and ("peaks are those of the mean of %d runs: that of many would be lower\n"):format(shown.average.runs)
      or "peaks are those of the expected course: chance puts a run's above them\n")
  end
  if shown.run then
    report.write(("\nthis run (%s): %s\n%s\n"):format(seed, texts.count(shown.run.requests, "request"),
      profile.levels(shown.run)))
    local groups = profile.groups(shown.run)
    if groups then report.write("\n", groups, "\n") end
  end
end

-- All of a check as one JSON value.
local function check_json(opt, expected, script, digest, shown)
  local members = expectation.members(expected)
  local more = {
    { "script", script.name }, { "seed", texts.seed(opt.seed) }, { "digest", digest },
    { "num_requests", opt.num_requests }, { "on_average", shown.average }, { "run", shown.run },
  }
  for _, member in ipairs(more) do
    if member[2] ~= nil then members[#members + 1] = member end
  end
  return json.encode(json.object(members))
end

-- Puts what is expected over seeds, beside this one's, into the rows of streams whose curves have noise.
local function add_noise(self, opt, expected)
  local share = expected.part and expected.part.count or 1
  for i, row in ipairs(expected.streams) do
    local over = workload_expect.over_seeds(self, i, opt)
    if over then
      row.over_seeds = { requests = over.requests / share, error = over.error / share,
        deviation = over.deviation / share }
    end
  end
end

local function write_noise(opt, expected)
  for i, row in ipairs(expected.streams) do
    if i > most_lines then break end
    local over = row.over_seeds
    if over and over.deviation > 0 then
      report.write(("stream '%s': its curve has noise, of which %.6g requests are seed %s's; over seeds "
        .. "%.6g%s, give or take %.3g\n"):format(row.name, row.requests, texts.seed(opt.seed), over.requests,
        over.error > 0 and (" (estimated, right within %.2g)"):format(over.error) or "", over.deviation))
    end
  end
end

local function write_check(self, opt, expected, whole, script, digest, by)
  report.write(tostring(expected), "\n")
  local classes = by == "class" and expectation.classes(expected)
  if classes then report.write(classes, "\n") end
  write_peak(self, opt, expected)
  write_processes(expected)
  write_noise(opt, expected)
  if opt.num_requests and opt.num_requests < whole then
    local at = time_of(self, opt, expected, whole)
    report.write(("stops after %d requests%s%s: the table is of all\n"):format(opt.num_requests,
      opt.shard and " of all shards" or "", at and (", at about %.3g s"):format(at) or ""))
  end
  for i, row in ipairs(expected.streams) do
    if row.shared > 0 and i <= most_lines then
      report.write(("stream '%s': %.6g tokens shared on average, %.6g of them in whole blocks of %d\n")
        :format(row.name, row.shared, row.whole_shared, self.block_size))
    end
  end
  report.write(("digest of the first %d requests: %s (%s, seed %s%s)\n"):format(
    digest_requests, digest, script.name, texts.seed(opt.seed), opt.shard and "; of all shards" or ""))
end

local function check(self, opt, known, script, asked)
  local digits = opt.timestamp_digits
  local run = { seed = opt.seed, duration = opt.duration, rate_scale = opt.rate_scale,
    num_requests = opt.num_requests, whole_milliseconds = digits == 0, most_at_once = opt.most_at_once }
  local digest, message, code = pipe.read(workload_run.pipe(self, run), function(source)
    return core.source.digest(source, digest_requests, digits)
  end)
  if not digest then return nil, message, code end
  if known.requests ~= known.requests or has_given_times(self) then
    local ends, why, kind = pipe.read(workload_run.pipe(self, run), function(source)
      return core.source.digest(source, most_checked, digits)
    end)
    if not ends then return nil, why, kind end
  end
  local expected
  expected, message, code = workload_expect.shown(self, opt)
  if not expected then return nil, message, code end
  local whole, shown = expected.requests, {}
  if opt.shard then expected = expectation.of_shard(expected, opt.shard) end
  add_noise(self, opt, expected)
  local done
  done, message, code = count(self, opt, asked, shown)
  if not done then return nil, message, code end
  if asked.json then
    report.write(check_json(opt, expected, script, digest, shown), "\n")
  else
    write_check(self, opt, expected, whole, script, digest, asked.by)
    write_counted(opt, shown)
  end
  if shown.run then return figures.finish(shown.run, asked) end
end

-- From this share of prompts on that end inside their shared prefix it is told; more than half is an error.
local inside_told = 0.05

local function tell_notes(self, opt, expected, is_default)
  local notes = workload.duration_notes(self, opt.duration, is_default, opt.rate_scale)
  for _, note in ipairs(notes) do report.note(note) end
  if expected.inside > inside_told then
    report.warning(("%.0f %% of the prompts end inside their shared prefix: input= is the whole prompt "
      .. "(did you mean new_input=, what comes after the prefix?)"):format(100 * expected.inside))
  end
  for _, entry in ipairs(opt.rate_scale ~= 1 and self.streams or {}) do
    if core.plan.lengths_follow_time(entry.stream.lengths) then
      report.note(("stream '%s': its lengths or classes follow curves of time: at this scale request k comes "
        .. "at another time and may have others"):format(entry.name))
    end
  end
  for _, row in ipairs(expectation.noted(expected)) do
    if row.shared > 0 and row.whole_shared == 0 then
      report.warning(("stream '%s': %.9g shared tokens are less than a block of %d: nothing is shared")
        :format(row.name, row.shared, self.block_size))
    end
    if row.clamped_at then
      report.note(("stream '%s': its rate is below 0 from t = %.9g s on and counts as 0 there"):format(
        row.name, row.clamped_at))
    end
  end
end

-- The files that the trace is made of: the script, and what its options name. False is none.
local function files_of(script, opt)
  local files = { script.folder and script.chunk:sub(2) or false }
  for _, option in ipairs(script.options) do
    local value = option.kind == "path" and opt[options.key(option[1])]
    if type(value) == "string" and option[1] ~= "output-file" then files[#files + 1] = value end
  end
  return files
end

-- Why the trace must not go there, or nil: over what it is made of, or over something that is no trace where
-- nobody named it.
local function refusal(script, opt, path)
  local replaced = target.replaced(path, files_of(script, opt))
  if replaced then
    return ("the trace would replace %s: say where %sit goes with --output-file"):format(replaced,
      opt.output_file and "else " or "")
  end
  return not opt.output_file and target.not_a_trace(path) or nil
end

-- What is wrong with the options together, or nil.
local function mistake(script, opt, asked)
  if asked.json and not opt.check then return "--json goes with --check" end
  if asked.by and not (opt.check or opt.plot) then return "--by goes with --check or --plot" end
  if asked.compress_think and not asked.compress then return "--compress-think goes with --compress" end
  local output = not (opt.check or opt.plot) and common.output_path(script, opt) or nil
  return figures.mistake(asked, "--check, --plot, --series or --expect", opt.check or opt.plot,
    "--series, --expect or --service")
    or target.series_mistake(asked.series, files_of(script, opt), output)
end

local function draw(self, opt, asked, script)
  local picture, message, code = workload_run.plot(self, opt)
  if not picture then return nil, message, code end
  report.write(tostring(picture), "\n")
  report.note(("%s: seed %s"):format(script.name, texts.seed(opt.seed)))
  local shown, done = {}
  done, message, code = count(self, opt, asked, shown)
  if not done then return nil, message, code end
  write_counted(opt, shown)
  if shown.run then return figures.finish(shown.run, asked) end
end

--- Does what the command line asks of a plan: writes its trace, checks or plots it.
---@param script moontide.script
---@param self moontide.workload its plan
---@param opt table its options and the common ones
---@return integer|nil status, string? message, string? code
function generate.run(script, self, opt)
  local is_said
  local asked = common.figures(script, opt)
  asked.block_size = self.block_size
  local wrong = mistake(script, opt, asked)
  if wrong then return nil, script.name .. ": " .. wrong, "usage" end
  local fallback = script.default_duration
  if asked.compress then
    self = workload.compressed(self, asked.compress, asked.compress_think or false)
    -- Durations are of the plan's own clock.
    opt.duration = opt.duration and opt.duration / asked.compress
    fallback = (fallback or workload.default_duration) / asked.compress
  end
  opt.duration, is_said = workload.duration(self, opt.duration, fallback, opt.rate_scale)
  opt.whole_milliseconds = opt.timestamp_digits == 0
  opt.most_at_once = opt.yes and math.maxinteger or most_at_once
  local expected = workload_expect.expect(self, opt.duration, opt.seed, opt.rate_scale)
  tell_notes(self, opt, expected, not is_said)
  if expected.requests == 0 then
    return nil, self.place .. "no rate is above 0 anywhere: there would be no requests"
  end
  if opt.check then return check(self, opt, expected, script, asked) end
  local requests = math.min(expected.requests, opt.num_requests or math.huge)
  if opt.plot then return draw(self, opt, asked, script) end
  if requests > run_options.most_requests and not opt.yes then
    return nil, ("about %.3g requests would be made; --yes makes more than 10^9, --num-requests fewer")
      :format(requests), "usage"
  end
  local path = common.output_path(script, opt)
  local problem = refusal(script, opt, path)
  if problem then return nil, problem, "usage" end
  local watch, message, code = figures.watch(asked, 0, opt.duration)
  if not watch then return nil, message, code end
  core.trace.finish_is_last()
  local total, last, kind = workload_run.write(self, path, opt, watch)
  if not total then return nil, last, kind end
  report.note(("%s: %s over %.9g s%s (seed %s)"):format(path == "-" and "standard output" or path,
    texts.count(total, "request"), opt.duration, last_text(opt, total, last), texts.seed(opt.seed)))
end

return generate
