-- Two traces side by side, or runs of one load: how far apart they are, and how far they may be.
local mt = require "moontide"
local any = require "moontide.trace.any"
local caches = require "moontide.learn.cache_options"
local compare = require "moontide.study.compare"
local figures = require "moontide.command.figures"
local measure = require "moontide.learn.compare_measure"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
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

-- What is expected of the load is expected of the second trace: the one that was made to be like the first.
local function compare_traces(opt)
  local asked = figures.asked(opt)
  local done, message, code = figures.resolve(asked)
  if not done then return nil, message, code end
  local watch
  watch, message, code = figures.watch(opt.expect and asked or {})
  if not watch then return nil, message, code end
  local second = opt.second
  if watch.state then
    second = pipe.watched(any.pipe(second, "compare: the second trace", opt.skip_bad_lines), watch.state)
  end
  local comparison
  local traces = { opt.first, second, table.unpack(opt.others or {}) }
  traces[#traces + 1] = {
    block_size = opt.block_size, cache_sizes = opt.cache_sizes, skip_bad_lines = opt.skip_bad_lines,
    policy = opt.policy, ttl = opt.ttl, touch = opt.touch, service = asked.service, chance = opt.chance,
    seed = opt.seed, by = asked.by }
  comparison, message, code = mt.compare(table.unpack(traces))
  if not comparison then return nil, message, code end
  report_skipped(comparison)
  if comparison.chance and comparison.chance.of == "halves" then
    report.note(("chance: halves of the first trace, drawn with seed %s"):format(texts.seed(opt.seed)))
  end
  print(opt.json and mt.json.encode(comparison) or comparison)
  local status = opt.fail_over and gate(comparison, opt.fail_over)
  if not opt.expect then return status end
  done, message, code = watch.judge()
  if not done then return nil, message, code end
  return status
end

local function compare_runs(opt)
  local comparison, message, code = compare.of_runs(opt.runs, opt.of_runs)
  if not comparison then return nil, message, code end
  print(opt.json and mt.json.encode(comparison) or comparison)
  if opt.fail_over then return require("moontide.study.compare_gate").status(comparison, opt) end
end

-- The options that the other kind of comparison has.
local of_traces = { "block-size", "cache-sizes", "policy", "ttl", "touch", "service", "chance",
  "skip-bad-lines", "expect", "step" }
local of_runs = { "accept-invalid", "against" }

local function misplaced(opt, names, what)
  for _, name in ipairs(names) do
    if options.given(opt, name) then return ("--%s is of %s"):format(name, what) end
  end
end

-- --expect, --service and --step, of which --service has a help of its own here.
local of_expectations = figures.options(false, "B, the second trace")

return mt.script {
  summary = "Two traces or several runs side by side; a gate for CI",
  usage = "moontide compare A.jsonl B.jsonl [C.jsonl...] [--json] [--fail-over MEASURE=MOST,...]\n"
    .. "       moontide compare RUN RUN [RUN...] [--json] [--fail-over MEASURE=DIFFERENCE,...]\n"
    .. "       moontide compare RUN [RUN...] --against RUN [RUN...] [--json] [--fail-over ...]",
  options = {
    { "first", kind = "path", argument = true, required = true, placeholder = "A",
      help = "a trace, - for standard input, .gz and .zst are decompressed; or a run: the folder of its "
        .. "results (--output-dir, or AIPerf's)" },
    { "second", kind = "path", argument = true, placeholder = "B",
      help = "another one; differences are counted from the first" },
    { "others", kind = "path", argument = true, list = true, placeholder = "RUN",
      help = "further runs, each compared with the first; or traces made as B was, with other seeds: how far "
        .. "they are from B is the yardstick of chance beside each difference" },
    { "against", kind = "path", list = true, takes_words = true, placeholder = "RUN...",
      help = "of runs: those before it are repeats of one thing (A), these of another (B): the difference of "
        .. "their means, how far the runs of each are from one another, and whether the difference is larger "
        .. "than that noise (Welch's interval, 95 %; of two or three runs it is wide)" },
    { "block-size", kind = "integer", min = 1,
      help = "tokens per block (default: 512, or what fits the hash_ids)" },
    { "cache-sizes", kind = "integer", list = true, min = 1,
      help = "sizes of caches in blocks (default: where one of the two curves of LRU bends)" },
    { "policy", kind = "choice", list = true, choices = caches.names, placeholder = "NAME",
      help = "beside LRU, compare caches of these policies (default: fifo): "
        .. table.concat(caches.names, ", ") },
    { "ttl", kind = "duration", list = true, min = 0,
      help = "and caches without limit that forget a block at these ages (default: 1s,5s,30s,300s, where "
        .. "timestamps do not go back)" },
    { "touch", kind = "choice", choices = { "root", "leaf" }, default = "root",
      help = "of all these caches: a request touches its blocks from the first on, or from the last" },
    { "service", kind = "service",
      help = "an answer ends no sooner than ttft + per_token * output_length after its request: turns before "
        .. "that could not know what they continue (ttft=200ms,per_token=20ms or a run's folder; default: "
        .. "0 and 1 ms, faster than servers are). Of --expect: how long B's requests are in flight" },
    { "chance", kind = "choice", choices = { "halves", "none" },
      help = "of two traces, the yardstick of chance: A's sessions are drawn to two halves (--seed), and how "
        .. "far these are apart, over the square root of 2, is what two such traces differ by. It is one "
        .. "draw and no bound; what all of A's sessions have in common (a busy hour) is no part of it "
        .. "(default: halves)" },
    { "fail-over", kind = "string", list = true, placeholder = "MEASURE=MOST",
      help = "exit with 1 when a measure exceeds its bound. Of traces (ks=0.02,lru=0.015,lru.1000=0.05: a "
        .. "bound of one size, age, tenth or window takes it out of the largest of all): ks, "
        .. "input_length.ks, output_length.ks, context_length.ks; hit_infinite, lru, lru.SIZE, fifo, "
        .. "fifo.SIZE and so of every policy, ttl, ttl.SECONDS, tenths, tenths.N (hits in the Nth tenth of "
        .. "the requests); roots (the number of blocks that prompts begin with), root_share (of the "
        .. "commonest); sessions, turns, turns.ks, think_time, think_time.ks, early (turns before their "
        .. "answer, beyond A's); dispersion, dispersion.WINDOW, input_tokens, input_tokens.WINDOW, "
        .. "output_tokens, output_tokens.WINDOW (the "
        .. "variation of tokens per window of 10, 60 or 300 s). Numbers of things, means, medians and "
        .. "variations are in parts of A's. Of runs "
        .. "(ttft.p99=+5%,itl.avg=+2ms,request_throughput=-3%): how far avg, p1, ..., p99 of a metric, or a "
        .. "rate, may be above the first run's, or with a minus below it, as measures of which more is "
        .. "better want (the other sign is refused of times, rates and errors); it fails when the "
        .. "difference is "
        .. "over the bound and its 95 % interval leaves out 0, so what may be chance fails nothing, but is "
        .. "told" },
    { "json", kind = "flag", help = "print one JSON value, numbers with all their digits" },
    { "skip-bad-lines", kind = "flag", help = "pass over lines that cannot be analysed, and count them" },
    { "accept-invalid", kind = "flag", help = "of runs: --fail-over takes invalid ones too" },
    { "seed", kind = "seed", default = 0, help = "of the intervals of runs, of the halves of a trace" },
    { "by", kind = "string", placeholder = "MEMBER",
      help = "of traces: requests, rates and mean lengths by the values of this member too (stream, class, "
        .. "model, ...), side by side; of runs: all of it again for the requests of each value (model, "
        .. "session_id, or endpoint: the first URL of the one with the first of the other, and so on)" },
    of_expectations[1], of_expectations[3],
  },
  check = function(opt)
    local wrong = figures.mistake(opt, nil, true)
    if wrong then return wrong end
    if options.given(opt, "step") and not opt.expect then return "--step goes with --expect" end
    local others = opt.others or {}
    local values = { opt.first, opt.second, table.unpack(others) }
    if not opt.second and not opt.against then return "B (--second) is required" end
    local what = "compare: --fail-over"
    local all = table.move(opt.against or {}, 1, #(opt.against or {}), #values + 1, { table.unpack(values) })
    if compare.are_runs(all, "compare") then
      opt.runs = values
      opt.of_runs = { seed = opt.seed, by = opt.by, against = opt.against }
      local bounds = opt.fail_over and require("moontide.study.difference").of_texts(opt.fail_over, what)
      opt.fail_over = bounds
      return misplaced(opt, of_traces, "traces, and these are runs")
    end
    local inputs = 0
    for _, value in ipairs(values) do inputs = inputs + (value == "-" and 1 or 0) end
    if inputs > 1 then return "only one of the traces can be standard input" end
    if #others > 0 and opt.chance then return "--chance is of two traces; further ones are the yardstick" end
    if opt.fail_over then
      opt.fail_over = options.value(opt.fail_over, what, { "fail-over", kind = "bound", list = true }, true)
    end
    return misplaced(opt, of_runs, "runs, and these are traces")
  end,
  run = function(opt)
    if rawget(opt, "runs") then return compare_runs(opt) end
    return compare_traces(opt)
  end,
}
