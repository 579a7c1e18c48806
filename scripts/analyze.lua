-- What a trace is like: lengths, prefixes, caches, sessions, arrivals; as tables, or JSON with all digits.
local mt = require "moontide"
local caches = require "moontide.learn.cache_options"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
local texts = require "moontide.kit.text"

local list = {
  { "input-file", kind = "path", argument = true, default = "mooncake_trace.jsonl",
    help = "the trace, - for standard input; .gz and .zst are decompressed" },
  { "block-size", kind = "integer", min = 1,
    help = "tokens per block (default: 512, or what fits the hash_ids)" },
  { "json", kind = "flag", help = "print one JSON value, numbers with all their digits" },
  { "skip-bad-lines", kind = "flag", help = "pass over lines that cannot be analysed, and count them" },
}
table.move(caches.flags(caches.analysis), 1, #caches.analysis, #list + 1, list)

-- What mt.analyze takes of the options.
local function given(opt)
  local taken = { block_size = opt.block_size, skip_bad_lines = opt.skip_bad_lines }
  for _, option in ipairs(caches.analysis) do taken[option[1]] = opt[option[1]] end
  return taken
end

return mt.script {
  summary = "What a trace is like: lengths, shared prefixes, hit ratios of caches, sessions, arrivals",
  usage = "moontide analyze [TRACE] [--block-size N] [--policy NAME,...] [--cache-sizes SIZE,...] [--json]",
  options = list,
  check = function(opt)
    return caches.check(opt, function(name) return "--" .. name:gsub("_", "-") end)
  end,
  run = function(opt)
    local result, message, code = mt.analyze(opt.input_file, given(opt))
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
