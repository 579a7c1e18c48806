-- Prefix statistics of a trace: one table, or JSON with all digits.
local mt = require "moontide"

local function report_skipped(result)
  if result.skipped > 0 then
    io.stderr:write(("moontide: skipped %d bad line%s; the first: %s\n"):format(
      result.skipped, result.skipped == 1 and "" or "s", result.first_skipped))
  end
end

return mt.script {
  summary = "Prefix statistics of a trace: lengths, shared context, theoretical hit rates",
  usage = "moontide analyze TRACE [--block-size N] [--json]",
  options = {
    { "input-file", kind = "path", argument = true, default = "mooncake_trace.jsonl",
      help = "the trace, - for standard input; .gz is decompressed" },
    { "block-size", kind = "integer", default = 512, min = 1, help = "tokens per block" },
    { "json", kind = "flag", help = "print one JSON value, numbers with all their digits" },
    { "skip-bad-lines", kind = "flag", help = "pass over lines that cannot be analysed, and count them" },
  },
  run = function(opt)
    local result, message, code = mt.analyze(opt.input_file,
      { block_size = opt.block_size, skip_bad_lines = opt.skip_bad_lines })
    if not result then return nil, message, code end
    report_skipped(result)
    if opt.json then
      print(mt.json.encode(result))
    else
      print(("%s: %d request%s, %d blocks\n"):format(opt.input_file, result.requests,
        result.requests == 1 and "" or "s", result.blocks))
      print(result)
    end
  end,
}
