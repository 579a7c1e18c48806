-- What a synthesiser learns from a trace, as a file that can be handed on instead of the trace.
local mt = require "moontide"
local core = require "moontide.core"
local figures = require "moontide.command.figures"
local model = require "moontide.learn.model"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local report = require "moontide.kit.report"
local texts = require "moontide.kit.text"

local function learn(opt)
  local trace, watch, problem, why = opt.input_file, figures.watch(opt)
  if not watch then return nil, problem, why end
  if opt.times_from_delays or watch.state then
    trace = mt.trace.pipe(trace, { skip_bad_lines = opt.skip_bad_lines })
  end
  if opt.times_from_delays then
    trace = trace:times_from_delays { ttft = opt.ttft, per_token = opt.per_token }
  end
  if watch.state then trace = pipe.watched(trace, watch.state) end
  local learnt, skipped, code = model.learned(trace, opt)
  if not learnt then return nil, skipped, code end
  if skipped[1] > 0 then
    report.note(texts.skipped(skipped[1], skipped[2]))
  end
  if watch.judge then
    local done, message, kind = watch.judge()
    if not done then return nil, message, kind end
  end
  core.trace.finish_is_last()
  local bytes, message, kind = learnt:write(opt.output_file, { gaps = opt.gaps })
  if not bytes then return nil, message, kind end
  if opt.output_file ~= "-" then
    report.note(("%s: %s in %d bytes of text; 'moontide learn --show' says what it gives away"):format(
      opt.output_file, texts.count(learnt:requests(), "request"), bytes))
  end
end

local function show(opt)
  local known, message, code = mt.model.open(opt.show)
  if not known then return nil, message, code end
  local held
  held, message, code = known:describe()
  if not held then return nil, message, code end
  print(opt.json and mt.json.encode(held) or held)
end

return mt.script {
  summary = "Learn what makes a trace, into a model that can be handed on without it",
  usage = "moontide learn TRACE -o NAME.model [--block-size N] [--no-gaps]\n"
    .. "       moontide learn --show NAME.model [--json]",
  options = {
    { "input-file", kind = "path", argument = true, placeholder = "TRACE",
      help = "the trace, - for standard input; .gz and .zst are decompressed" },
    { "output-file", short = "o", kind = "path",
      help = "the model's file, - for standard output; .gz and .zst are compressed" },
    { "block-size", kind = "integer", min = 1,
      help = "tokens per block (default: 512, or what fits the hash_ids)" },
    { "times-from-delays", kind = "flag",
      help = "turns that have only a delay get a time: so long after the answer before, which takes" },
    { "ttft", kind = "duration", min = 0, default = "200ms", help = "until its first token" },
    { "per-token", kind = "duration", min = 0, default = "20ms", help = "and for each of its tokens" },
    { "gaps", kind = "flag", default = true,
      help = "leave out the order of the gaps between arrivals, and with it their bunching" },
    { "skip-bad-lines", kind = "flag",
      help = "pass over lines that nothing can be learnt from, and count them" },
    { "show", kind = "path", placeholder = "MODEL",
      help = "say what a model holds, and so what it gives away" },
    { "json", kind = "flag", help = "with --show: print one JSON value, numbers with all their digits" },
    table.unpack(figures.options()),
  },
  check = function(opt)
    local wrong = figures.mistake(opt)
    if wrong then return wrong end
    for _, name in ipairs { "ttft", "per_token" } do
      if options.given(opt, name) and not opt.times_from_delays then
        return ("--%s needs --times-from-delays"):format((name:gsub("_", "-")))
      end
    end
    if opt.show then
      for _, name in ipairs { "input_file", "output_file", "block_size", "times_from_delays", "gaps",
        "skip_bad_lines", "expect" } do
        if options.given(opt, name) then return "--show goes alone: it learns and writes nothing" end
      end
    elseif opt.json then
      return "--json goes with --show"
    elseif not opt.input_file then
      return "a trace to learn from is missing (or --show NAME.model)"
    elseif not opt.output_file then
      return "--output-file is missing: -o NAME.model"
    elseif core.trace.replaces(opt.output_file, opt.input_file) then
      return ("the model would replace the trace %s: say where else it goes with --output-file"):format(
        opt.input_file)
    end
  end,
  run = function(opt)
    if opt.show then return show(opt) end
    return learn(opt)
  end,
}
