-- Two traces side by side: lengths, hit ratios, sessions, arrivals; and how far they may be apart.
local mt = require "moontide"
local caches = require "moontide.learn.cache_options"
local measure = require "moontide.learn.compare_measure"
local report = require "moontide.kit.report"
local texts = require "moontide.kit.text"

local function report_skipped(comparison)
  for i, one in ipairs(comparison.analyses) do
    if one.skipped > 0 then
      report.note(comparison.traces[i] .. ": " .. texts.skipped(one.skipped, one.first_skipped))
    end
  end
end

-- Says which bounds are exceeded and which cannot be held against anything; gives the exit status.
local function gate(comparison, bounds)
  local exceeded, missing = measure.check(comparison, bounds)
  for _, one in ipairs(exceeded) do
    report.note(("--fail-over: %s is %.4g, over %.4g by %.4g%s"):format(one.measure, one.value, one.bound,
      one.value - one.bound, one.detail and (" (%s)"):format(one.detail) or ""))
  end
  for _, message in ipairs(missing) do report.note("--fail-over: " .. message) end
  return #exceeded + #missing > 0 and 1 or 0
end

return mt.script {
  summary = "Two traces side by side: distances of lengths, hit ratios of caches, arrivals; a gate for CI",
  usage = "moontide compare A.jsonl B.jsonl [--json] [--cache-sizes N,...] [--fail-over MEASURE=MOST,...]",
  options = {
    { "first", kind = "path", argument = true, required = true, placeholder = "A",
      help = "a trace, - for standard input; .gz and .zst are decompressed" },
    { "second", kind = "path", argument = true, required = true, placeholder = "B",
      help = "another one; differences are counted from the first" },
    { "block-size", kind = "integer", min = 1,
      help = "tokens per block (default: 512, or what fits the hash_ids)" },
    { "cache-sizes", kind = "integer", list = true, min = 1,
      help = "sizes of an LRU cache in blocks (default: a series up to the number of distinct blocks)" },
    { "policy", kind = "choice", list = true, choices = caches.names, placeholder = "NAME",
      help = "compare caches of these policies too, at --cache-sizes: " .. table.concat(caches.names, ", ") },
    { "ttl", kind = "duration", list = true, min = 0,
      help = "and caches without limit that forget a block at these ages (1s,5s,30s,5m)" },
    { "touch", kind = "choice", choices = { "root", "leaf" }, default = "root",
      help = "of those policies: a request touches its blocks from the first on, or from the last" },
    { "fail-over", kind = "bound", list = true,
      help = "exit with 1 when a measure exceeds its bound (ks=0.02,lru=0.015): ks, input_length.ks, "
        .. "output_length.ks, context_length.ks, hit_infinite, lru, lru.SIZE, dispersion, "
        .. "dispersion.WINDOW, ttl, ttl.SECONDS, fifo, fifo.SIZE and so of every policy" },
    { "json", kind = "flag", help = "print one JSON value, numbers with all their digits" },
    { "skip-bad-lines", kind = "flag", help = "pass over lines that cannot be analysed, and count them" },
  },
  check = function(opt)
    if opt.first == "-" and opt.second == "-" then return "only one of the traces can be standard input" end
    if opt.policy and not opt.cache_sizes then return "--policy needs --cache-sizes" end
  end,
  run = function(opt)
    local comparison, message, code = mt.compare(opt.first, opt.second, {
      block_size = opt.block_size, cache_sizes = opt.cache_sizes, skip_bad_lines = opt.skip_bad_lines,
      policy = opt.policy, ttl = opt.ttl, touch = opt.touch })
    if not comparison then return nil, message, code end
    report_skipped(comparison)
    print(opt.json and mt.json.encode(comparison) or comparison)
    if opt.fail_over then return gate(comparison, opt.fail_over) end
  end,
}
