--- The order in which `moontide cat` does what its options ask for.
local any = require "moontide.trace.any"
local core = require "moontide.core"
local figures = require "moontide.command.figures"
local hand_over = require "moontide.command.hand_over"
local lost = require "moontide.trace.lost"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local report = require "moontide.kit.report"
local target = require "moontide.trace.target"
local texts = require "moontide.kit.text"
local where = require "moontide.trace.where"

local cat = {}

-- Are turns left out that later ones continue?
local function cuts(opt)
  return opt.start or opt["end"] or opt.where or opt.thin
end

-- May the inputs have blocks of several sizes, which --reblock makes one before they are put together?
local function blocks_differ(opt)
  return opt.reblock and #opt.input_file > 1
end

-- One input with what mends a recording, which each has for itself.
local function input(path, opt)
  local trace = any.trace.pipe(path, { skip_bad_lines = opt.skip_bad_lines, time_unit = opt.time_unit })
  if opt.times_from_delays then
    trace = trace:times_from_delays { ttft = opt.ttft, per_token = opt.per_token }
  end
  if opt.sort then trace = trace:sort() end
  if opt.dequantize then trace = trace:dequantize { grid = opt.grid, seed = opt.seed } end
  if opt.fit_ids then trace = trace:fit_ids { block_size = opt.block_size } end
  if opt.sessions_to then
    local to = cuts(opt) and "cumulative" or opt.sessions_to -- what is cut off is in whole prompts
    trace = trace:sessions { to = to, from = opt.sessions, block_size = opt.block_size }
  end
  if blocks_differ(opt) then trace = trace:reblock(opt.reblock, { block_size = opt.block_size }) end
  return trace
end

local function inputs(opt)
  local list = {}
  for i, path in ipairs(opt.input_file) do list[i] = input(path, opt) end
  if #list == 1 then return list[1] end
  if opt.merge then return any.trace.merge(list, { parts = opt.parts }) end
  return any.trace.join(list, { parts = opt.parts, gap = opt.gap })
end

-- Which requests are kept, by what they are.
local function filtered(trace, opt)
  if opt.start or opt["end"] then
    trace = trace:window { start = opt.start, stop = opt["end"], needs_some = true }
  end
  for _, expression in ipairs(opt.where or {}) do trace = trace:where(expression) end
  if opt.thin then trace = trace:thin(opt.thin, { seed = opt.seed }) end
  return trace
end

--- The trace that the options describe.
---@param opt table the command's options
---@return moontide.pipe
function cat.trace(opt)
  local trace = inputs(opt)
  local block_size = blocks_differ(opt) and opt.reblock or opt.block_size
  if cuts(opt) then
    trace = lost.filtered(trace, function(whole) return filtered(whole, opt) end)
    if opt.sessions_to == "delta" then
      trace = trace:sessions { to = "delta", from = "cumulative", block_size = block_size }
    end
  end
  if opt.shard then trace = trace:shard(("%d/%d"):format(opt.shard.index, opt.shard.count)) end
  if opt["repeat"] then
    trace = trace:loop(opt["repeat"],
      { every = opt.every, fresh_ids = opt.fresh_ids, common_root = opt.common_root })
  end
  if opt.isl_multiplier ~= 1 or opt.osl_multiplier ~= 1 then
    trace = trace:scale {
      input = opt.isl_multiplier, output = opt.osl_multiplier, block_size = block_size,
    }
  end
  if opt.reblock and not blocks_differ(opt) then
    trace = trace:reblock(opt.reblock, { block_size = opt.block_size })
  end
  if opt.speed_ratio ~= 1 then trace = trace:speed(opt.speed_ratio) end
  if opt.from_zero then trace = trace:from_zero() end
  if opt.shift then trace = trace:shift(opt.shift) end
  if opt.anonymise then
    trace = trace:anonymise()
  elseif opt.renumber then
    trace = trace:renumber()
  end
  if opt.num_requests then
    trace = lost.filtered(trace, function(whole) return whole:first(opt.num_requests) end)
  end
  return trace
end

local needs = {
  { "gap", "several inputs, joined" }, { "merge", "several inputs" }, { "parts", "several inputs" },
  { "grid", "--dequantize", "dequantize" },
  { "ttft", "--times-from-delays", "times_from_delays" },
  { "per_token", "--times-from-delays", "times_from_delays" },
  { "sessions", "--sessions-to", "sessions_to" },
  { "fresh_ids", "--repeat", "repeat" }, { "every", "--repeat", "repeat" },
  { "common_root", "--fresh-ids", "fresh_ids" },
}

--- What is wrong with the options together.
---@param opt table
---@return string?
function cat.check(opt)
  if opt.start and opt["end"] and opt["end"] <= opt.start then return "--end must be later than --start" end
  for _, expression in ipairs(opt.where or {}) do
    local mistake = where.mistake(expression)
    if mistake then return "--where " .. mistake end
  end
  local seen_input
  for _, path in ipairs(opt.input_file) do
    if path == "-" and seen_input then return "standard input can be read only once" end
    seen_input = seen_input or path == "-"
  end
  for _, need in ipairs(needs) do
    local name, what, other = table.unpack(need)
    local is_there = #opt.input_file > 1
    if other then is_there = opt[other] and true or false end
    if options.given(opt, name) and opt[name] and not is_there then
      return ("--%s needs %s"):format(name:gsub("_", "-"), what)
    end
  end
  if options.given(opt, "seed") and not (opt.thin or opt.dequantize or hand_over.is_wanted(opt)) then
    return "--seed needs --thin, --dequantize or --texts"
  end
  local wrong = figures.mistake(opt, "--series or --expect")
    or target.output_mistake(opt.output_file, opt.input_file)
    or target.series_mistake(opt.series, opt.input_file, opt.output_file)
  if wrong then return wrong end
  if opt.gap and (opt.merge or opt.parts) then
    return "--gap needs inputs that are joined and are no parts"
  end
end

local function notes(opt)
  for _, path in ipairs(opt.input_file) do
    if path == "-" and opt["repeat"] and opt["repeat"] > 1 then
      report.note "standard input is kept to be repeated: in memory, beyond 64 MiB in a temporary file"
    end
  end
  if #opt.input_file > 1 and not opt.parts then
    report.note(("hash_ids, sessions and request_ids of the %d traces are kept apart (--parts: they are "
      .. "parts of one)")
      :format(#opt.input_file))
  end
end

-- What a part of a trace still shares.
local function tell_of_sharing(run)
  for _, one in ipairs(run.filters) do
    local seen, kept = one.filter:counts()
    if kept < seen then
      report.note(("--where keeps %d of %d requests: sessions and prefixes lose the others, and fewer "
        .. "blocks hit than in the whole trace"):format(kept, seen))
    end
  end
  if run.thins_ids then
    report.note(("--%s keeps sessions whole; prefixes lose the requests left out, and fewer blocks hit than "
      .. "in the whole trace%s"):format(run.thins_ids, run.thins_ids == "thin"
        and " (--speed-ratio below 1 thins a load and keeps them)" or ""))
  end
end

-- Rows that hold only what a turn adds, once turns before them are cut off.
local function tell_of_history(opt, run)
  if run.session_rows ~= "delta" or not (opt.start or opt.where) then return end
  report.warning(("the session rows look as if they counted only what a turn adds: turns that --%s leaves "
    .. "out are in no later prompt (--sessions-to cumulative keeps them there)"):format(
    opt.start and "start" or "where"))
end

-- What became of those who waited for requests that are left out.
local function tell_of_lost(run)
  for _, one in ipairs(run.lost or {}) do
    local requests, names, times, delays = one:counts()
    local instead = {}
    if times > 0 then instead[1] = texts.count(times, "timestamp") end
    if delays > 0 then instead[#instead + 1] = texts.count(delays, "longer delay") end
    report.note(("%s named %s left out in wait_for or branches, and no longer %s%s"):format(
      texts.count(requests, "request"), texts.count(names, "request"), requests == 1 and "does" or "do",
      #instead > 0 and (": %s instead, to come when they would have come"):format(
        table.concat(instead, " and ")) or ""))
  end
end

-- What went where, and by which seed. A pipe without a seed needs no word.
local function result_text(opt, written)
  local seed = (opt.thin or opt.dequantize) and "seed " .. texts.seed(opt.seed)
  if opt.output_file == "-" then return seed end
  return ("%s: %s%s"):format(opt.output_file, texts.count(written, "request"),
    seed and (" (%s)"):format(seed) or "")
end

-- Times that are only passed on keep all their digits; times that are made have three.
local function timestamp_digits(opt)
  local are_made = opt.speed_ratio ~= 1 or opt.dequantize or opt.times_from_delays
  return opt.timestamp_digits or (are_made and 3 or 6)
end

--- Writes the trace that the options describe.
---@param opt table
---@return nil nothing, string? message, string? code
function cat.run(opt)
  local trace = cat.trace(opt)
  local watch, problem, why = figures.watch(opt)
  if not watch then return nil, problem, why end
  if watch.state then trace = pipe.watched(trace, watch.state) end
  notes(opt)
  local writer <close>, message, code = core.trace.writer(
    opt.output_file, opt.compact, timestamp_digits(opt))
  if not writer then return nil, message, code end
  local written, run, kind
  if hand_over.is_wanted(opt) then
    written, run, kind = hand_over.write(trace, writer, opt)
  else
    written, run, kind = pipe.copy(trace, writer)
  end
  if type(run) == "table" and (run.skipped or 0) > 0 then
    report.note(texts.skipped(run.skipped, run.first_skipped))
  end
  if not written then return nil, run --[[@as string]], kind end
  if run.nothing then return nil, "--" .. run.nothing, "value" end
  core.trace.finish_is_last()
  local done = true
  if watch.judge then done, message, code = watch.judge() end
  if done then done, message, code = writer:finish() end
  if not done then return nil, message, code end
  tell_of_sharing(run)
  tell_of_history(opt, run)
  tell_of_lost(run)
  local text = result_text(opt, written)
  if text then report.note(text) end
end

return cat
