-- What contradicts itself in a trace; with --fix the trace without it.
local mt = require "moontide"
local core = require "moontide.core"
local figures = require "moontide.command.figures"
local lint = require "moontide.trace.lint"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local profile = require "moontide.learn.profile"
local report = require "moontide.kit.report"
local target = require "moontide.trace.target"
local texts = require "moontide.kit.text"

local function fix(result, opt)
  if result.requests == 0 and #result.findings > 0 then
    return nil, ("%s: no line is a request: there is nothing to mend"):format(result.name), "input"
  end
  local trace, mended, left = result:mended(opt.seed)
  local watch, problem, why = figures.watch(opt)
  if not watch then return nil, problem, why end
  if watch.state then trace = pipe.watched(trace, watch.state) end
  -- Times that are only passed on keep all their digits; times that are made have three.
  local are_made = table.concat(mended, " "):find("quantised_clock", 1, true)
  core.trace.finish_is_last()
  local done, message, code = pipe.write(trace, opt.fix,
    { compact = false, timestamp_digits = are_made and 3 or 6, judge = watch.judge })
  if not done then return nil, message, code end
  report.note(("%s: mended: %s%s (seed %s)"):format(
    opt.fix == "-" and "standard output" or opt.fix, #mended > 0 and table.concat(mended, ", ") or "nothing",
    #left > 0 and "; left: " .. table.concat(left, ", ") or "", texts.seed(opt.seed)))
  return true
end

-- Holds the trace as it was read against what is expected.
local function judge(result, opt)
  local watch, message, code = figures.watch(opt)
  if not watch then return nil, message, code end
  if not watch.state then return true end
  local done
  done, message, code = pipe.read(result.trace, function(source)
    return profile.read(watch.state, source, true, result.trace.is_numbered)
  end)
  if not done then return nil, message, code end
  return watch.judge()
end

return mt.script {
  summary = "Find what contradicts itself in a trace, guess why, and mend it",
  usage = "moontide lint TRACE [--fix OUT] [--block-size N] [--ignore NAME,...] [--json]",
  options = {
    { "input-file", kind = "path", argument = true, required = true, placeholder = "TRACE",
      help = "the trace, - for standard input; .gz and .zst are decompressed" },
    { "fix", kind = "path", placeholder = "OUT", help = "write the mended trace here" },
    { "block-size", kind = "integer", min = 1,
      help = "tokens per block (default: the size that fits most prompts)" },
    { "ignore", kind = "choice", list = true, choices = lint.names, placeholder = "NAME",
      help = "findings that are none: " .. table.concat(lint.names, ", ") },
    { "json", kind = "flag", help = "print one JSON value" },
    { "seed", kind = "seed", default = 0, help = "for spreading the ticks of a recorded clock" },
    table.unpack(figures.options(false, "the trace as it is read, or with --fix as it is mended")),
  },
  check = function(opt)
    if options.given(opt, "seed") and not opt.fix then return "--seed needs --fix" end
    return opt.fix and target.output_mistake(opt.fix, { opt.input_file }) or figures.mistake(opt)
  end,
  run = function(opt)
    local given = { block_size = opt.block_size, ignore = opt.ignore }
    local result, message, code
    if opt.input_file == "-" and (opt.fix or opt.expect) then
      result, message, code = lint.standard_input(given)
    else
      result, message, code = mt.lint(opt.input_file, given)
    end
    if not result then return nil, message, code end
    local text = opt.json and mt.json.encode(result) or tostring(result)
    if opt.fix == "-" then io.stderr:write(text, "\n") else print(text) end
    local done
    done, message, code = (opt.fix and fix or judge)(result, opt)
    if not done then return nil, message, code end
    return #result.findings > 0 and 1 or 0
  end,
}
