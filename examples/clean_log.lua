-- A recorded trace made fit for use: what contradicts itself is mended, then a piece of it is taken, with a
-- share of its users and nobody's names. A command: it has run= where a workload has plan=.
local mt = require "moontide"

-- A trace to try it with, of a clock that ticks every 3 s.
local function own_trace()
  local recorded = mt.trace.columns()
  for request in mt.plan_of("mixed"):requests { duration = "5m" } do
    request.timestamp = request.timestamp // 3000 * 3000
    recorded:append(request)
  end
  return recorded
end

return mt.script {
  summary = "A recorded trace mended, cut, thinned out and without names",
  usage = "moontide examples/clean_log.lua [TRACE] [-o CLEAN] [--start 10m] [--end 20m] [--share 0.5]",
  options = {
    { "trace", kind = "path", argument = true, help = "the trace (default: a small one made here)" },
    { "output", short = "o", kind = "path", help = "where it goes (default: it is only analysed)" },
    { "start", kind = "duration", default = 0, min = 0, help = "leave out what came before" },
    { "end", kind = "duration", above = 0, help = "leave out what came from here on" },
    { "share", kind = "number", default = 1, above = 0, max = 1, help = "of the sessions" },
    { "seed", kind = "integer", default = 0, help = "of the share and of the clock's ticks" },
  },
  run = function(opt)
    local found, message, code = mt.lint(opt.trace or own_trace())
    if not found then return nil, message, code end
    print(found)
    local mended = found:mended(opt.seed)
    local piece = mended:window { start = opt.start, stop = opt["end"], needs_some = true }
    local clean = piece:thin(opt.share, { seed = opt.seed }):from_zero():anonymise()
    local analysis
    analysis, message, code = mt.analyze(clean, { block_size = found.block_size })
    if not analysis then return nil, message, code end
    local place = opt.output and " in " .. opt.output or ""
    print(("\n%d requests%s\n%s"):format(analysis.requests, place, analysis))
    if opt.output then return clean:write(opt.output, { timestamp_digits = 3 }) end
  end,
}
