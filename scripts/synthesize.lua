-- A new trace, of any length and rate, that behaves like an old one: in a cache, and on a clock.
local mt = require "moontide"
local core = require "moontide.core"
local figures = require "moontide.command.figures"
local options = require "moontide.kit.options"
local plan_times = require "moontide.synthesis.plan_times"
local report = require "moontide.kit.report"
local synthesis = require "moontide.synthesis.options"
local synthesizer = require "moontide.synthesis.synthesizer"
local target = require "moontide.trace.target"
local texts = require "moontide.kit.text"

local spec = {
  { "input-file", kind = "path", argument = true, default = "mooncake_trace.jsonl",
    help = "the trace, or a model; - for standard input; .gz and .zst are decompressed" },
  { "output-file", short = "o", kind = "path",
    help = "the new trace, - for standard output (default: beside the input, named after the options)" },
  { "num-requests", kind = "request_count",
    help = "how many, or times the source's number (with knobs: times what they make of it), as 10x "
      .. "(default: 100000; with --arrivals SCRIPT as many as its plan has)" },
  { "timestamp-digits", kind = "integer", min = 0, max = 6, default = 0,
    help = "decimals of a millisecond in timestamps" },
  { "compact", kind = "flag", help = "write no spaces between JSON members" },
  { "json", kind = "flag", help = "print one JSON value instead of the table" },
}
table.move(spec, 4, 6, 4 + #synthesis.list)
table.move(synthesis.list, 1, #synthesis.list, 4, spec)

local function flag(name) return "--" .. name:gsub("_", "-") end

local function name_of(path, stream) return path == "-" and stream or path end

local function tell(source, opt)
  if source.skipped > 0 then
    report.note(texts.skipped(source.skipped, source.first_skipped))
  end
  if source.knobs then report.note("knobs: " .. source.knobs) end
  if opt.method == "reuse" and not opt.arrivals and source.arrivals == "iid" then
    report.note(("%s has gaps without their order: arrivals are iid"):format(
      name_of(opt.input_file, "standard input")))
  end
end

local more = figures.options()
table.move(more, 1, #more, #spec + 1, spec)

return mt.script {
  summary = "A new trace, of any length and rate, that behaves like a given one in a cache and on a clock",
  usage = "moontide synthesize [TRACE|MODEL] [-o FILE] [--num-requests N|Nx] [--method reuse|radix]",
  options = spec,
  check = function(opt)
    if opt.input_file == "-" and not opt.output_file then
      return "--output-file is needed where the trace is standard input"
    end
    local plan = opt.arrivals and synthesis.takes_plan(opt) and opt.arrivals
    local replaced = opt.output_file and target.replaced(opt.output_file, { opt.input_file, plan or false })
    if replaced then
      return ("the new trace would replace %s: say where else it goes with --output-file"):format(replaced)
    end
    local problem = not opt.output_file and target.not_a_trace(synthesis.output_name(opt))
    if problem then return problem end
    if opt.duration and not synthesis.takes_plan(opt) then return "--duration is for --arrivals SCRIPT" end
    if opt.dequantize and synthesis.takes_plan(opt) then
      return "--dequantize is for the source's arrivals, not for --arrivals SCRIPT"
    end
    local wrong = figures.mistake(opt)
    if wrong then return wrong end
    return synthesis.check(opt, flag)
  end,
  run = function(opt)
    local path = opt.output_file or synthesis.output_name(opt)
    if path == "-" then report.divert(true) end
    if synthesis.takes_plan(opt) then
      local plan, trouble, kind = plan_times.of(opt.arrivals, "--arrivals")
      if not plan then return nil, trouble, kind end
      for _, note in ipairs(plan_times.notes(plan, opt.duration)) do report.note(note) end
      opt.arrivals = plan
    end
    local source, message, code = synthesizer.labelled(opt.input_file, synthesis.of_command(opt), flag)
    if not source then return nil, options.of_default(opt, "input-file", message), code end
    tell(source, opt)
    local watch, made
    watch, message, code = figures.watch(opt)
    if not watch then return nil, message, code end
    core.trace.finish_is_last()
    made, message, code = synthesizer.write(source, path,
      { num_requests = opt.num_requests, timestamp_digits = opt.timestamp_digits, compact = opt.compact },
      watch)
    if not made then return nil, message, code end
    if made.missing and made.missing > 0 then
      report.note(("the plan ended %s before the number asked for"):format(
        texts.count(made.missing, "request")))
    end
    report.note(("%s: %s over %.9g s (seed %s)"):format(name_of(path, "standard output"),
      texts.count(made.requests, "request"), made.duration, texts.seed(opt.seed)))
    print(opt.json and mt.json.encode(made) or made)
  end,
}
