-- A real log becomes a trace: filtered, cut, faster or slower, with prompts made for its lengths.
local convert = require "moontide.convert"
local mt = require "moontide"

-- The logs of the command line as convert takes them.
local function logs_of(opt)
  if opt.input_file then return { opt.input_file } end
  local logs = {}
  for i, segment in ipairs(opt.segment) do logs[i] = convert.segment_of(segment, "convert: --segment") end
  return logs
end

local function output_of(opt, logs)
  local first = logs[1][1] or logs[1]
  local path = opt.output_file or convert.output_name(first)
  if path == first and not opt.output_file then
    return nil, ("convert: the trace would replace the log %s: say where it goes with --output-file")
      :format(first), "usage"
  end
  return path
end

return mt.script {
  summary = "Turn a log of a real server into a trace (BurstGPT, Azure, any CSV, Bailian, AIBrix, ShareGPT)",
  usage = "moontide convert LOG.csv [-o TRACE] [--model NAME] [--num-prompt N] [--speed-ratio X]\n"
    .. "       moontide convert --segment LOG@SPEED --segment LOG@SPEED ... -o TRACE",
  options = {
    { "input-file", kind = "path", argument = true,
      help = "the log, - for standard input; .gz is decompressed" },
    { "segment", kind = "path", list = true, placeholder = "FILE[@SPEED]",
      help = "a log and its own speed, to be given several times: they follow one another" },
    { "output-file", short = "o", kind = "path",
      help = "the trace, - for standard output (default: the log's name with .jsonl)" },
    { "format", kind = "choice", choices = convert.formats,
      help = "of the log (default: found from its header or first bytes)" },
    { "columns", kind = "string", placeholder = "LIST",
      help = "of a CSV: timestamp=NAME,input=NAME,output=NAME[,session=NAME][,model=NAME][,log_type=NAME]" },
    { "time-unit", kind = "choice", choices = convert.time_units,
      help = "of numbers in the log's time (default: as the format has it, else s)" },
    { "model", kind = "string", help = "keep only the rows of this model" },
    { "log-type", kind = "string", help = "keep only the rows of this type" },
    { "skip-num-prompt", kind = "integer", min = 0, default = 0, help = "then leave out so many rows" },
    { "num-prompt", kind = "integer", min = 1, help = "then keep so many rows at most" },
    { "speed-ratio", kind = "number", above = 0, default = 1, aliases = { "speedup-ratio" },
      help = "divide timestamps by this" },
    { "block-size", kind = "integer", min = 1, max = 1 << 31,
      help = "tokens per block (default: 128, of a bailian log 16)" },
    { "num-hash-blocks", kind = "integer", min = 0, default = 10000,
      help = "blocks are drawn from 0 to this number" },
    { "no-sessions", kind = "flag", help = "take no notice of sessions: every prompt is drawn at random" },
    { "seed", kind = "integer", default = 0, help = "of the drawn blocks; 64 bits" },
    { "timestamp-digits", kind = "integer", min = 0, max = 6, default = 0,
      help = "decimals of a millisecond in timestamps" },
    { "compact", kind = "flag", help = "write no spaces between JSON members" },
    { "skip-bad-lines", kind = "flag", help = "pass over bad rows, and count them" },
    { "json", kind = "flag", help = "print the statistics as one JSON value" },
  },
  check = function(opt)
    if not opt.input_file and not opt.segment then return "a log is required (LOG, --input-file or --segment)" end
    if opt.input_file and opt.segment then return "--input-file and --segment exclude each other" end
    if opt.columns and (opt.format or "csv") ~= "csv" then return "--columns goes with --format csv" end
    if opt.format == "csv" and not opt.columns then
      return "--format csv needs --columns timestamp=NAME,input=NAME,output=NAME"
    end
  end,
  run = function(opt)
    local given = {}
    for _, name in ipairs { "format", "time_unit", "model", "log_type", "skip_num_prompt", "num_prompt",
      "speed_ratio", "block_size", "num_hash_blocks", "no_sessions", "seed", "timestamp_digits", "compact",
      "skip_bad_lines" } do given[name] = opt[name] end
    given.columns = opt.columns and convert.columns_of(opt.columns, "convert: --columns")
    local logs = logs_of(opt)
    local path, problem, kind = output_of(opt, logs)
    if not path then return nil, problem, kind end
    local result, message, code = convert.convert(logs, path, given)
    if not result then return nil, message, code end
    convert.tell(result)
    local text = opt.json and mt.json.encode(result) or tostring(result)
    if path == "-" then
      io.stderr:write(text, "\n")
    else
      print(text)
    end
    if not opt.json then
      require("moontide.report").note(("%s: %d request%s (seed %d)"):format(path == "-" and "standard output"
        or path, result.requests, result.requests == 1 and "" or "s", opt.seed))
    end
  end,
}
