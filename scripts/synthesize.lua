-- A new trace, of any length and rate, that behaves like an old one: in a cache, and on a clock.
local mt = require "moontide"
local options = require "moontide.options"
local plan_times = require "moontide.plan_times"
local report = require "moontide.report"
local synthesizer = require "moontide.synthesizer"

-- Beside the input, and named after what was asked for.
local function output_name(opt)
  local name = ("%s_synth_%dx%d+%s_speedup%s"):format(
    opt.input_file:gsub("%.gz$", ""):gsub("([^/])%.[^./]*$", "%1"),
    opt.prefix_len_multiplier // 1 | 0, opt.prefix_root_multiplier,
    options.python_number(opt.prompt_len_multiplier, true),
    options.python_number(opt.speed_ratio, options.given(opt, "speed-ratio")))
  for _, bound in ipairs { "max_isl", "min_isl", "min_osl", "max_osl" } do
    if opt[bound] then name = name .. ("_%s%d"):format(bound:gsub("_", ""), opt[bound]) end
  end
  if opt.osl_multiplier ~= 1 then name = name .. ("_oslx%.1f"):format(opt.osl_multiplier) end
  return name .. ".jsonl"
end

local function takes_plan(opt)
  return opt.arrivals and opt.arrivals ~= "iid" and opt.arrivals ~= "source"
end

-- Of the options, those of mt.synthesizer that were given.
local function constructor_options(opt)
  local given = {}
  for _, option in ipairs(synthesizer.options) do
    local key = options.key(option[1])
    given[key] = opt[key]
  end
  return given
end

local function tell(source, opt)
  if source.skipped > 0 then
    report.note(("skipped %d bad line%s; the first: %s"):format(
      source.skipped, source.skipped == 1 and "" or "s", source.first_skipped))
  end
  if opt.method == "reuse" and not opt.arrivals and source.arrivals == "iid" then
    report.note(("%s has gaps without their order: arrivals are iid"):format(opt.input_file))
  end
end

local spec = {
  { "input-file", kind = "path", argument = true, default = "mooncake_trace.jsonl",
    help = "the trace, or a model; - for standard input; .gz is decompressed" },
  { "output-file", short = "o", kind = "path",
    help = "the new trace, - for standard output (default: beside the input, named after the options)" },
  { "num-requests", kind = "request_count",
    help = "how many, or times the source's number, as 10x (default: 100000; with --arrivals SCRIPT as many "
      .. "as its plan has)" },
}
table.move(synthesizer.options, 1, #synthesizer.options, #spec + 1, spec)
table.move({
  { "timestamp-digits", kind = "integer", min = 0, max = 6, default = 0,
    help = "decimals of a millisecond in timestamps" },
  { "compact", kind = "flag", help = "write no spaces between JSON members" },
  { "json", kind = "flag", help = "print one JSON value instead of the table" },
}, 1, 3, #spec + 1, spec)

return mt.script {
  summary = "A new trace, of any length and rate, that behaves like a given one in a cache and on a clock",
  usage = "moontide synthesize [TRACE|MODEL] [-o FILE] [--num-requests N|Nx] [--method reuse|radix]",
  options = spec,
  check = function(opt)
    if opt.input_file == "-" and not opt.output_file then
      return "--output-file is needed where the trace is standard input"
    end
    if opt.duration and not takes_plan(opt) then return "--duration is for --arrivals SCRIPT" end
    return synthesizer.check_bounds(opt, function(name) return "--" .. name end)
  end,
  run = function(opt)
    local path = opt.output_file or output_name(opt)
    if path == "-" then report.divert(true) end
    if takes_plan(opt) then
      local plan, trouble, kind = plan_times.of(opt.arrivals, "--arrivals")
      if not plan then return nil, trouble, kind end
      for _, note in ipairs(plan_times.notes(plan, opt.duration)) do report.note(note) end
      opt.arrivals = plan
    end
    local source, message, code = mt.synthesizer(opt.input_file, constructor_options(opt))
    if not source then return nil, message, code end
    tell(source, opt)
    local made
    made, message, code = source:write(path, { num_requests = opt.num_requests,
      timestamp_digits = opt.timestamp_digits, compact = opt.compact })
    if not made then return nil, message, code end
    if made.missing and made.missing > 0 then
      report.note(("the plan ended %d request%s before the number asked for"):format(
        made.missing, made.missing == 1 and "" or "s"))
    end
    report.note(("%s: %d request%s over %.9g s (seed %d)"):format(path == "-" and "standard output" or path,
      made.requests, made.requests == 1 and "" or "s", made.duration, opt.seed))
    print(opt.json and mt.json.encode(made) or made)
  end,
}
