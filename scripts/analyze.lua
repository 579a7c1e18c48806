-- What a trace is like: lengths, prefixes, caches, sessions, arrivals; as tables, or JSON with all digits.
local mt = require "moontide"
local analysis = require "moontide.learn.analysis"
local caches = require "moontide.learn.cache_options"
local figures = require "moontide.command.figures"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
local target = require "moontide.trace.target"
local texts = require "moontide.kit.text"

local list = {
  { "input-file", kind = "path", argument = true, default = "mooncake_trace.jsonl",
    help = "the trace, - for standard input; .gz and .zst are decompressed" },
  { "block-size", kind = "integer", min = 1,
    help = "tokens per block (default: 512, or what fits the hash_ids)" },
  { "json", kind = "flag", help = "print one JSON value, numbers with all their digits" },
  { "skip-bad-lines", kind = "flag", help = "pass over lines that cannot be analysed, and count them" },
  { "caches-only", kind = "flag", help = "only figures of caches: requests need no output_length" },
}
table.move(caches.flags(caches.analysis), 1, #caches.analysis, #list + 1, list)
local more = figures.options(true)
table.move(more, 1, #more, #list + 1, list)

local function label(name) return "--" .. name:gsub("_", "-") end

-- What mt.analyze takes of the options.
local function given(opt)
  local taken = { block_size = opt.block_size, skip_bad_lines = opt.skip_bad_lines,
    caches_only = opt.caches_only }
  for _, option in ipairs(caches.analysis) do
    local name = option[1]
    if options.given(opt, name) then taken[name] = opt[name] end
  end
  return taken
end

-- The analysis, and the profile where something asks for one.
local function analyze(opt, watch)
  if not watch.state then
    local result, message, code = mt.analyze(opt.input_file, given(opt))
    return result, message, code
  end
  local result, message, code = analysis.watched(opt.input_file, given(opt), watch.state)
  if not result then return nil, message, code end
  return result, watch.counted()
end

-- A message, with the flag that does without what is missing.
local function with_way(message)
  local is_of_output = message:find("output_length is missing, and the analysis needs it", 1, true)
  return is_of_output and message .. "; --caches-only does not" or message
end

-- More input tokens a second than anybody sends: 4 times what lint takes for a test's.
local most_tokens = 1e7

-- Times that are probably no milliseconds are told once; lint knows more.
local function tell_of_unit(result)
  local span = result.first and result.last - result.first or 0
  local mean = result.metrics.input_length.mean
  if result.requests < 100 or span <= 0 or not mean then return end
  local tokens = mean * result.requests / span
  if tokens > most_tokens then
    report.warning(("as milliseconds the timestamps make %.3g million input tokens a second: "
      .. "'moontide lint' says what unit they look like"):format(tokens / 1e6))
  end
end

-- The result with what was counted as its last member.
local function with_profile(result, counted)
  local members = getmetatable(result).__json(result)
  members[#members + 1] = { "profile", counted }
  return members
end

local function name_of(opt)
  return opt.input_file == "-" and "standard input" or opt.input_file
end

return mt.script {
  summary = "What a trace is like: lengths, shared prefixes, hit ratios of caches, sessions, arrivals",
  usage = "moontide analyze [TRACE] [--block-size N] [--policy NAME,...] [--cache-sizes SIZE,...] [--json]",
  options = list,
  check = function(opt)
    return figures.mistake(opt, "--service, --series or --expect", true)
      or target.series_mistake(opt.series, { opt.input_file })
      or caches.check(opt, label)
  end,
  run = function(opt)
    local watch, message, code = figures.watch(opt, nil, nil, true)
    if not watch then return nil, message, code end
    local result, counted
    result, counted, code = analyze(opt, watch)
    if not result then return nil, options.of_default(opt, "input-file", with_way(counted)), code end
    local left_out = result.blocks > 0 and caches.left_out(opt, label)
    if left_out then report.note(left_out) end
    local whole = result.blocks > 0 and caches.played_whole(opt, label)
    if whole then report.note(whole) end
    if caches.draws(opt) and result.blocks > 0 then report.note("--sample: blocks are drawn with seed 0") end
    tell_of_unit(result)
    if result.skipped > 0 then report.note(texts.skipped(result.skipped, result.first_skipped)) end
    if opt.json then
      print(mt.json.encode(counted and with_profile(result, counted) or result))
    else
      print(("%s: %s, %s\n"):format(name_of(opt), texts.count(result.requests, "request"),
        texts.count(result.blocks, "block")))
      print(result:report())
      if counted then
        local profile = require "moontide.learn.profile"
        if counted.rate then print("\n" .. profile.levels(counted)) end
        if counted.by then print("\n" .. profile.groups(counted)) end
      end
    end
    if counted then return figures.finish(counted, watch.asked) end
  end,
}
