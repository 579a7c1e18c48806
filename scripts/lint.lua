-- What contradicts itself in a trace; with --fix the trace without it.
local mt = require "moontide"
local names = require("moontide.lint").names
local report = require "moontide.report"

-- Standard input can be read only once: what is to be mended afterwards is kept.
local function trace_of(opt)
  if opt.input_file ~= "-" or not opt.fix then return opt.input_file end
  local reader <close>, message, code = mt.trace.open("-", { skip_bad_lines = true })
  if not reader then return nil, message, code end
  local columns
  columns, message, code = reader:columns()
  local count, first = reader:skipped()
  if count > 0 then
    report.note(("left out %d bad line%s; the first: %s"):format(count, count == 1 and "" or "s", first))
  end
  return columns, message, code
end

local function fix(result, opt)
  local trace, mended, left = result:mended(opt.seed)
  -- Times that are only passed on keep all their digits; times that are made have three.
  local are_made = table.concat(mended, " "):find("quantised_clock", 1, true)
  local done, message, code = trace:write(opt.fix, { timestamp_digits = are_made and 3 or 6 })
  if not done then return nil, message, code end
  report.note(("%s: mended: %s%s (seed %d)"):format(
    opt.fix, #mended > 0 and table.concat(mended, ", ") or "nothing",
    #left > 0 and "; left: " .. table.concat(left, ", ") or "", opt.seed))
  return true
end

return mt.script {
  summary = "Find what contradicts itself in a trace, guess why, and mend it",
  usage = "moontide lint TRACE [--fix OUT] [--block-size N] [--ignore NAME,...] [--json]",
  options = {
    { "input-file", kind = "path", argument = true, required = true,
      help = "the trace, - for standard input; .gz is decompressed" },
    { "fix", kind = "path", placeholder = "OUT", help = "write the mended trace here" },
    { "block-size", kind = "integer", min = 1,
      help = "tokens per block (default: the size that fits most prompts)" },
    { "ignore", kind = "choice", list = true, choices = names, placeholder = "NAME",
      help = "findings that are none: " .. table.concat(names, ", ") },
    { "json", kind = "flag", help = "print one JSON value" },
    { "seed", kind = "integer", default = 0, help = "for spreading the ticks of a recorded clock" },
  },
  run = function(opt)
    local trace, message, code = trace_of(opt)
    if not trace then return nil, message, code end
    local result
    result, message, code = mt.lint(trace, { block_size = opt.block_size, ignore = opt.ignore })
    if not result then return nil, message, code end
    print(opt.json and mt.json.encode(result) or result)
    if opt.fix then
      local done
      done, message, code = fix(result, opt)
      if not done then return nil, message, code end
    end
    return #result.findings > 0 and 1 or 0
  end,
}
