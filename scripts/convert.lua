-- A real log becomes a trace: filtered, cut, faster or slower, with prompts made for its lengths.
local convert = require "moontide.trace.convert"
local figures = require "moontide.command.figures"
local log = require "moontide.trace.log"
local mt = require "moontide"
local report = require "moontide.kit.report"
local texts = require "moontide.kit.text"

return mt.script {
  summary = "Turn logs into traces (BurstGPT, Azure, any CSV, JSON lines, Bailian, AIBrix, ShareGPT, agents)",
  usage = "moontide convert LOG.csv [-o TRACE] [--model NAME] [--num-prompt N] [--speed-ratio X]\n"
    .. "       moontide convert FOLDER --start uniform:12h [-o TRACE]\n"
    .. "       moontide convert --segment LOG@SPEED --segment LOG@SPEED ... -o TRACE",
  options = {
    { "input-file", kind = "path", argument = true,
      help = "the log, - for standard input; .gz and .zst are decompressed; or a folder of kv-cache-tester's "
        .. "sessions (weka)" },
    { "segment", kind = "path", list = true, placeholder = "FILE[@SPEED]",
      help = "a log and its own speed, to be given several times: they follow one another" },
    { "output-file", short = "o", kind = "path",
      help = "the trace, - for standard output (default: the log's name with .jsonl)" },
    { "format", kind = "choice", choices = log.formats, placeholder = "FORMAT",
      help = "of the log: " .. table.concat(log.formats, ", ")
        .. " (default: found from its header or first bytes); dynamo: rows of Dynamo's "
        .. "replay, agents' too; dynamo-trace: its record, dynamo.request.trace.v1; weka: sessions of "
        .. "kv-cache-tester; lmcache: LMCache's lines of agents; claude-code: transcripts of Claude Code; "
        .. "codex: rollouts of the Codex CLI; otel: traces of OpenTelemetry in JSON; langfuse: "
        .. "observations of Langfuse, JSON or CSV; mini-swe-agent, swe-agent: "
        .. "trajectories of mini-SWE-agent and SWE-agent; results: of a run, AIPerf's or ours; "
        .. "vllm-bench: vLLM's or SGLang's; guidellm: GuideLLM's; inference-perf: its requests; "
        .. "perf-analyzer: Perf Analyzer's profile_export.json, for GenAI-Perf; inputs-json: AIPerf's, "
        .. "GenAI-Perf's and our inputs.json; "
        .. "json: lines of any kind, with --columns" },
    { "columns", kind = "string", placeholder = "LIST",
      help = "of a CSV: timestamp=NAME,input=NAME,output=NAME[,session=NAME][,model=NAME][,log_type=NAME]; "
        .. "of lines of JSON their members, usage.prompt_tokens the one of an object in them, "
        .. "input=A+B the sum of two or more, of which one that a row lacks counts 0" },
    { "delimiter", kind = "delimiter",
      help = "between a CSV's columns: ; or tab (default: found from its header)" },
    { "time-unit", kind = "choice", choices = log.time_units,
      help = "of numbers in the log's time (default: as the format has it, else s); a CSV may have ISO 8601's"
        .. " dates: 2023-11-16 18:17:03.25, 2023/11/16 18:17, 20231116T181703Z, 2023-W46-4T18+01:00" },
    { "count", kind = "choice", choices = log.token_rules,
      help = "what a token of a conversation's text is, where the log does not count them (default: script, "
        .. "an estimate by letters, signs, digits, code)" },
    { "tokens-per-char", kind = "number", above = 0, max = 16, help = "so many a character instead" },
    { "model", kind = "string",
      help = "keep only the rows of this model; requests have it as a member, where the log says it" },
    { "log-type", kind = "string",
      help = "keep only the rows of this type, which is a member of requests too (log_type)" },
    { "skip-num-prompt", kind = "integer", min = 0, default = 0, help = "then leave out so many rows" },
    { "num-prompt", kind = "integer", min = 1, help = "then keep so many rows at most" },
    { "in-order", kind = "flag",
      help = "rows are in the order of their times: write them while the log is read (no chart)" },
    { "speed-ratio", kind = "number", above = 0, default = 1, aliases = { "speedup-ratio" },
      help = "divide timestamps by this" },
    { "block-size", kind = "integer", min = 1, max = 1 << 31,
      help = ("tokens per block (%s)"):format(log.block_sizes) },
    { "num-hash-blocks", kind = "integer", min = 0,
      help = "draw blocks from 0 to this number, which invents what prompts share (default: of a burstgpt log"
        .. " 10000, as its own converter does; of others prompts are unique)" },
    { "start", kind = "start",
      help = "when sessions begin whose log does not say it (weka): 0, all at once (the default); anywhere "
        .. "in a time; or one after the other at random, so many a second" },
    { "no-sessions", kind = "flag", help = "take no notice of sessions: every prompt is like one without" },
    { "seed", kind = "seed", default = 0, help = "of the drawn blocks and --start; 64 bits" },
    { "timestamp-digits", kind = "integer", min = 0, max = 6, default = 0,
      help = "decimals of a millisecond in timestamps" },
    { "compact", kind = "flag", help = "write no spaces between JSON members" },
    { "skip-bad-lines", kind = "flag", help = "pass over bad rows, and count them" },
    { "json", kind = "flag", help = "print the statistics as one JSON value" },
    table.unpack(figures.options(true)),
  },
  check = function(opt)
    if not (opt.input_file or opt.segment) then
      return "a log is required (LOG, --input-file or --segment)"
    end
    if opt.input_file and opt.segment then return "--input-file and --segment exclude each other" end
    local wrong = figures.mistake(opt, "--series or --expect")
    if wrong then return wrong end
    if opt.count and opt.tokens_per_char then return "--count and --tokens-per-char exclude each other" end
    local is_named = opt.format == "csv" or opt.format == "json"
    if opt.columns and opt.format and not is_named then
      return "--columns goes with --format csv or json"
    end
    if is_named and not opt.columns then
      return ("--format %s needs --columns timestamp=NAME,input=NAME,output=NAME"):format(opt.format)
    end
  end,
  run = function(opt)
    local watch, message, code = figures.watch(opt)
    if not watch then return nil, message, code end
    local result
    result, message, code = convert.run(opt, watch)
    if not result then return nil, message, code end
    local to_stdout = result.output == "-"
    local text = opt.json and mt.json.encode(result) or tostring(result)
    if to_stdout then io.stderr:write(text, "\n") else print(text) end
    report.note(("%s: %d request%s in blocks of %d (seed %s)"):format(
      to_stdout and "standard output" or result.output, result.requests, result.requests == 1 and "" or "s",
      result.logs[1].block_size, texts.seed(opt.seed)))
  end,
}
