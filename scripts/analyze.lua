-- What a trace is like: lengths, prefixes, caches, sessions, arrivals; as tables, or JSON with all digits.
local mt = require "moontide"

local function count(number, what)
  return ("%d %s%s"):format(number, what, number == 1 and "" or "s")
end

local function report_skipped(result)
  if result.skipped > 0 then
    io.stderr:write(("moontide: skipped %s; the first: %s\n"):format(
      count(result.skipped, "bad line"), result.first_skipped))
  end
end

return mt.script {
  summary = "What a trace is like: lengths, shared prefixes, hit ratios of caches, sessions, arrivals",
  usage = "moontide analyze [TRACE] [--block-size N] [--cache-sizes N,...] [--json]",
  options = {
    { "input-file", kind = "path", argument = true, default = "mooncake_trace.jsonl",
      help = "the trace, - for standard input; .gz is decompressed" },
    { "block-size", kind = "integer", default = 512, min = 1, help = "tokens per block" },
    { "cache-sizes", kind = "integer", list = true, min = 1,
      help = "sizes of an LRU cache in blocks (default: a series up to the number of distinct blocks)" },
    { "json", kind = "flag", help = "print one JSON value, numbers with all their digits" },
    { "skip-bad-lines", kind = "flag", help = "pass over lines that cannot be analysed, and count them" },
  },
  run = function(opt)
    local result, message, code = mt.analyze(opt.input_file,
      { block_size = opt.block_size, skip_bad_lines = opt.skip_bad_lines, cache_sizes = opt.cache_sizes })
    if not result then return nil, message, code end
    report_skipped(result)
    if opt.json then
      print(mt.json.encode(result))
    else
      local name = opt.input_file == "-" and "standard input" or opt.input_file
      print(("%s: %s, %s\n"):format(name, count(result.requests, "request"), count(result.blocks, "block")))
      print(result:report())
    end
  end,
}
