-- What a trace is like: lengths, prefixes, caches, sessions, arrivals; as tables, or JSON with all digits.
local mt = require "moontide"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
local texts = require "moontide.kit.text"

return mt.script {
  summary = "What a trace is like: lengths, shared prefixes, hit ratios of caches, sessions, arrivals",
  usage = "moontide analyze [TRACE] [--block-size N] [--cache-sizes N,...] [--json]",
  options = {
    { "input-file", kind = "path", argument = true, default = "mooncake_trace.jsonl",
      help = "the trace, - for standard input; .gz and .zst are decompressed" },
    { "block-size", kind = "integer", min = 1,
      help = "tokens per block (default: 512, or what fits the hash_ids)" },
    { "cache-sizes", kind = "integer", list = true, min = 1,
      help = "sizes of an LRU cache in blocks (default: a series up to the number of distinct blocks)" },
    { "json", kind = "flag", help = "print one JSON value, numbers with all their digits" },
    { "skip-bad-lines", kind = "flag", help = "pass over lines that cannot be analysed, and count them" },
  },
  run = function(opt)
    local result, message, code = mt.analyze(opt.input_file,
      { block_size = opt.block_size, skip_bad_lines = opt.skip_bad_lines, cache_sizes = opt.cache_sizes })
    if not result then return nil, options.of_default(opt, "input-file", message), code end
    if result.skipped > 0 then report.note(texts.skipped(result.skipped, result.first_skipped)) end
    if opt.json then
      print(mt.json.encode(result))
    else
      local name = opt.input_file == "-" and "standard input" or opt.input_file
      print(("%s: %s, %s\n"):format(name, texts.count(result.requests, "request"),
        texts.count(result.blocks, "block")))
      print(result:report())
    end
  end,
}
