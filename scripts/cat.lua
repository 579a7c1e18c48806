local core = require "moontide.core"
local mt = require "moontide"

-- Times that are only passed on keep all their digits; times that are made have three.
local function timestamp_digits(opt)
  return opt.timestamp_digits or (opt.speed_ratio == 1 and 6 or 3)
end

local function report_skipped(reader)
  local count, first = reader:skipped()
  if count > 0 then
    io.stderr:write(("moontide: skipped %d bad line%s; the first: %s\n"):format(
      count, count == 1 and "" or "s", first))
  end
end

return mt.script {
  summary = "Pass a trace on: all of it, a window of time, faster or slower, or written compactly",
  usage = "moontide cat TRACE [-o FILE] [--start TIME] [--end TIME] [--num-requests N] [--speed-ratio X]",
  options = {
    { "input-file", kind = "path", argument = true, required = true,
      help = "the trace, - for standard input; .gz is decompressed" },
    { "output-file", short = "o", kind = "path", default = "-",
      help = "where it goes, - for standard output; .gz is compressed" },
    { "start", kind = "duration", help = "leave out requests before this time" },
    { "end", kind = "duration", help = "leave out requests at this time and after it" },
    { "num-requests", kind = "integer", min = 0, help = "stop after so many requests" },
    { "speed-ratio", kind = "number", above = 0, default = 1, aliases = { "speedup-ratio" },
      help = "divide timestamps and delays by this" },
    { "timestamp-digits", kind = "integer", min = 0, max = 6,
      help = "most decimals of a millisecond (default: 6, with --speed-ratio 3)" },
    { "compact", kind = "flag", help = "write no spaces between JSON members" },
    { "skip-bad-lines", kind = "flag", help = "pass over lines that are no requests, and count them" },
  },
  check = function(opt)
    if opt.start and opt["end"] and opt["end"] <= opt.start then return "--end must be later than --start" end
  end,
  run = function(opt)
    local reader <close>, message, code = mt.trace.open(opt.input_file,
      { skip_bad_lines = opt.skip_bad_lines })
    if not reader then return nil, message, code end
    local writer <close>, problem, kind = mt.trace.writer(opt.output_file,
      { compact = opt.compact, timestamp_digits = timestamp_digits(opt) })
    if not writer then return nil, problem, kind end
    local written
    written, message, code = core.trace.copy(reader, writer, opt.start, opt["end"], opt.num_requests,
      opt.speed_ratio)
    report_skipped(reader)
    if not written then return nil, message, code end
    local done
    done, message, code = writer:finish()
    if not done then return nil, message, code end
  end,
}
