--- The options of the commands that drive an endpoint: where to, what is sent, how long, what is asked of
--- the answers and of the driver.
local core = require "moontide.core"
local drive = require "moontide.drive"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"
local summary = require "moontide.drive.summary"
local endpoint = require "moontide.drive.endpoint" -- also for its kind of option
require "moontide.drive.moment" -- the same
local phases = require "moontide.load.phases"
local units = require "moontide.kit.units"
local verdict = require "moontide.drive.verdict"

local drive_options = {}

-- --- kinds of values -------------------------------------------------------------------------------

-- "NAME=VALUE" as name and value; the value may hold further signs.
local function pair(value, what, allowed)
  local name, text = tostring(value):match "^%s*([^=]-)%s*=%s*(.-)%s*$"
  if not name or name == "" or text == "" then units.wrong(what, value, allowed) end
  return name, text
end

-- Adapters by the last part of the path of the API that they speak, where that is not their name.
local by_path = { messages = "anthropic", generateContent = "gemini" }

-- A choice; of an API that only an adapter speaks it says so.
options.kinds.api = { convert = function(value, what, option)
  local wanted, form = by_path[value] or value, "adapter = '%s'"
  if what:find("--", 1, true) then form = "--adapter %s" end
  for _, name in ipairs(endpoint.names()) do
    if name == wanted then
      core.base.raise(("%s must be one of %s, not '%s' (%s speaks it)"):format(what,
        table.concat(option.choices, ", "), value, form:format(name)))
    end
  end
  return options.kinds.choice.convert(value, what, option)
end }

local timeouts = { connect = true, first = true, gap = true, total = true }

options.kinds.timeout = { pair = "=", placeholder = "NAME=TIME", convert = function(value, what)
  local name, text = pair(value, what, "connect=, first=, gap= or total= and a time")
  if not timeouts[name] then units.wrong(what, value, "connect=, first=, gap= or total= and a time") end
  local seconds = options.duration(text, what .. ": " .. name)
  if seconds <= 0 then core.base.raise(("%s: %s must be above 0, not %s"):format(what, name, text)) end
  return { name = name, seconds = seconds }
end }

-- A limit in the measure's own unit; of milliseconds also "2s", of ratios also "1%".
local function limit_of(text, what, unit)
  local number = tonumber(text)
  if number and number >= 0 and number < math.huge then return number end
  local percent = unit == "ratio" and tonumber(text:match "^(.-)%s*%%$")
  if percent and percent >= 0 and percent < math.huge then return percent / 100 end
  local is_time = unit == "ms" or unit == "s" or unit == "sec"
  local is_read, seconds = pcall(options.duration, is_time and not number and text or nil, what)
  if is_read and seconds >= 0 then return unit == "ms" and 1000 * seconds or seconds end
  local of_time = is_time and ("a number of %s of at least 0, or a time with its unit (2s)"):format(unit)
  local of_ratio = unit == "ratio" and "a number of at least 0, or so many in a hundred (1%)"
  units.wrong(what, text, of_time or of_ratio or "a number of at least 0")
end

options.kinds.objective = { pair = "=", placeholder = "METRIC=MOST", convert = function(value, what)
  local name, text = pair(value, what, "a metric and the most it may be (ttft=500, e2e=2s)")
  local key = drive.metric(name)
  if not key then
    core.base.raise(("%s: there is no metric '%s'%s (ttft, itl, e2e, lag, time_to_first_token, ...)"):format(
      what, name, nearest.hint(name, { "ttft", "ttst", "itl", "e2e", "lag", "isl", "osl" })))
  end
  return { key, limit_of(text, ("%s: %s"):format(what, name), summary.unit(key)) }
end }

-- A bound is { measure, most } or { measure, least, "least" }; "<=" says what "=" does, and has to be said
-- where more is better: "goodput=10" would hold whatever happens.
options.kinds.run_bound = { pair = "=", placeholder = "MEASURE=MOST", convert = function(value, what)
  local name, text = pair(value, what, "a measure and the most it may be (ttft.p99=500, error_rate=0.01), "
    .. "or the least (goodput>=10)")
  local side = name:match "%s*([<>])$"
  if side then name = name:match "^(.-)%s*[<>]$" end
  local wrong = summary.wrong_name(name)
  if wrong then core.base.raise(what .. ": " .. wrong) end
  if not side and summary.more_is_better(name) then
    core.base.raise(("%s: %s=%s is the most it may be, and more of it is better: '%s>=%s' is the least "
      .. "('%s<=%s', where the most is meant)"):format(what, name, text, name, text, name, text))
  end
  local limit = limit_of(text, ("%s: %s"):format(what, name), summary.unit(name))
  return { name, limit, side == ">" and "least" or nil }
end }

options.kinds.run_limit = { pair = "=", placeholder = "MEASURE=LIMIT", convert = function(value, what)
  local names = "lag_p50, lag_p99, read_lag_p99, rate, stalls, longest_stall, late_start"
  local name, text = pair(value, what, "one of " .. names .. " and its limit")
  if not verdict.defaults[name] then units.wrong(what, value, "one of " .. names .. " and its limit") end
  local limit = options.number(text, what .. ": " .. name, true)
  if limit < 0 then core.base.raise(("%s: %s must be at least 0, not %s"):format(what, name, text)) end
  return { name, limit }
end }

options.kinds.patience = { placeholder = "TIME", convert = function(value, what)
  local distribution = require "moontide.load.distribution"
  if type(value) == "string" and not value:find "^%s*%a" then value = options.duration(value, what) end
  if type(value) == "number" and value <= 0 then
    core.base.raise(("%s must be above 0, not %s"):format(what, units.show(value)))
  end
  return distribution.of(value, what)
end }

options.kinds.warmup = { placeholder = "N", convert = function(value, what, option)
  if type(value) == "string" and not tonumber(value) and pcall(options.duration, value, what) then
    options.wrong(what, value, "a number of requests (--window BEGIN..END leaves out a time)")
  end
  return options.kinds.integer.convert(value, what, option)
end }

options.kinds.window = { placeholder = "BEGIN..END", convert = function(value, what)
  local from, to = tostring(value):match "^%s*(.-)%s*%.%.%s*(.-)%s*$"
  if not from then units.wrong(what, value, "two times (30s..90s)") end
  from = from == "" and 0 or options.duration(from, what)
  to = to == "" and math.huge or options.duration(to, what)
  if from < 0 or to <= from then
    core.base.raise(("%s must begin at 0 or later and end after that, not %s"):format(what, value))
  end
  return { from = from, to = to }
end }

local function json_pair(name, value)
  return name .. "=" .. require("moontide.base.json").public.json.encode(value)
end

options.kinds.body_member = { is_whole = true, placeholder = "NAME=JSON", convert = function(value, what)
  local name, text = pair(value, what, "a member's name and its JSON value (temperature=0.7)")
  local json = require("moontide.base.json").public.json
  local decoded, message = json.decode(text, what)
  if decoded == nil then core.base.raise(message) end
  return { json.encode(name):sub(2, -2), text }
end, pair = json_pair }

-- What says where a request ends is the driver's own.
local framing = { ["content-length"] = true, ["transfer-encoding"] = true }

options.kinds.header = { is_whole = true, placeholder = "NAME: VALUE", convert = function(value, what)
  local name, text = tostring(value):match "^([%w!#$%%&'*+.^_`|~-]+):%s*(.*)$"
  if not name or text:find "[\r\n]" then units.wrong(what, value, "a header (X-Priority: {priority})") end
  if framing[name:lower()] then
    core.base.raise(("%s: %s is written by the driver itself"):format(what, name))
  end
  return name .. ": " .. text
end, pair = ": " }

options.kinds.vocabulary = { placeholder = "FIRST..LAST", convert = function(value, what)
  local first, last = tostring(value):match "^%s*(%d+)%s*%.%.%s*(%d+)%s*$"
  first, last = math.tointeger(tonumber(first)), math.tointeger(tonumber(last))
  if not first or not last or last < first or last > 9999999 then
    units.wrong(what, value, "two token ids up to 9999999 (1000..30000)")
  end
  return { first = first, last = last }
end }

local powers = { [""] = 0, k = 1, m = 2, g = 3, t = 4 }

-- Bytes: "500M", "4 GB", in powers of 1024.
options.kinds.memory = { placeholder = "SIZE", convert = function(value, what)
  local digits, unit = tostring(value):lower():match "^%s*([%d.]+)%s*([kmgt]?)i?b?%s*$"
  local number = tonumber(digits)
  if not number or number <= 0 then units.wrong(what, value, "a size above 0 (500M, 4G)") end
  return number * 1024 ^ powers[unit]
end }

-- --- the options -----------------------------------------------------------------------------------

--- Where requests go, and what of the HTTP they are.
drive_options.endpoint = {
  { "url", kind = "string", list = true, placeholder = "URL",
    help = "the endpoint: http://HOST[:PORT][/PATH] or https://...; several are taken in turn, and "
      .. "--by endpoint sets them side by side (required)" },
  { "model", kind = "string", placeholder = "NAME", help = "the model's name (required)" },
  { "api", kind = "api", choices = { "chat", "completions" }, default = "chat",
    help = "chat sends messages of words, completions token ids (words with --text)" },
  { "text", kind = "flag",
    help = "words instead of token ids, with completions or an adapter that takes either" },
  { "adapter", kind = "endpoint",
    help = "another API: anthropic, responses, gemini, embeddings, tgi, ollama, llamacpp, sglang, triton, or "
      .. "a file of Lua (mt.endpoint)" },
  { "by-session", kind = "flag", help = "with several URLs: a session stays at one of them" },
  { "header", kind = "header", list = true,
    help = "a further header (may be repeated); {NAME} in it becomes the row's member of that name" },
  { "api-key-env", kind = "string", placeholder = "NAME",
    help = "the environment's variable that holds the API key" },
  { "extra", kind = "body_member", list = true,
    help = "a further member of each body (may be repeated)" },
  { "transport", kind = "choice", choices = { "auto", "direct", "curl" }, default = "auto",
    help = "direct: plain HTTP/1.1; curl: also https://, HTTP/2 and the environment's proxies; "
      .. "auto: direct for http://" },
  { "insecure", kind = "flag", help = "of https://: take any certificate" },
  { "ca", kind = "path", placeholder = "FILE",
    help = "of https://: who may sign certificates (PEM; default: the system's)" },
  { "timeout", kind = "timeout", list = true,
    help = "connect=, first= (byte), gap= (between bytes), total= of each request (default: connect=10s)" },
  { "connections", kind = "integer", min = 0, max = 100000, default = 0,
    help = "so many are opened before the start (over libcurl by an OPTIONS request each)" },
}

--- What is sent, and when.
drive_options.load = {
  { "concurrency", kind = "integer", min = 1, max = 1000000,
    help = "closed loop: so many requests in flight, always; timestamps say only the order" },
  { "speed-ratio", kind = "number", above = 0, default = 1, aliases = { "speedup-ratio" },
    help = "divide timestamps and delays by this" },
  { "start", kind = "duration", min = 0, help = "leave out requests before this time" },
  { "end", kind = "duration", above = 0, help = "leave out requests at this time and after it" },
  { "duration", kind = "duration", above = 0, help = "send for so long" },
  { "num-requests", kind = "integer", min = 1, help = "send so many" },
  { "rate-scale", kind = "number", above = 0, default = 1, whole = true,
    help = "of a script: multiply all rates" },
  { "shard", kind = "shard", help = "send only every N-th session or request, beginning with the I-th" },
  { "start-at", kind = "moment",
    help = "begin at this time of the wall clock, with connections opened before: 2026-07-06T12:30:00Z, "
      .. "12:30:00, or +30s, so long after the next full minute" },
  { "dequantize", kind = "flag", help = "spread times over the ticks of the recording's clock" },
  { "window", kind = "window",
    help = "only requests due in it are the result; those before and after are told apart" },
  { "sessions", kind = "choice", choices = { "cumulative", "delta" },
    help = "what a row of a session counts: the whole prompt, or what it adds (default: guessed)" },
  { "live-history", kind = "flag",
    help = "later turns of a session carry the server's real answers, not words of their length" },
  { "block-size", kind = "integer", min = 1,
    help = "tokens per block of hash_ids (default: what fits a trace, a script's own; else 512)" },
  { "vocab", kind = "vocabulary", help = "token ids that prompts are made of (default: 1000..30000)" },
  { "max-tokens-field", kind = "string", placeholder = "NAME", default = "max_tokens",
    help = "what the body calls the output length: max_completion_tokens" },
  { "no-force-output", kind = "flag", help = "send neither min_tokens nor ignore_eos" },
  { "no-stream", kind = "flag", help = "ask for whole answers" },
  { "cancel-after", kind = "patience",
    help = "how long after its due time a user gives up on an answer: a time, or a distribution of seconds; "
      .. "a row's own cancel_after, in ms, goes before it (null: never)" },
  { "warmup", kind = "warmup", min = 0, max = 10000, default = 3,
    help = "requests to each URL before the start, outside the workload; they also measure the chat "
      .. "template" },
  { "reset-cache", kind = "flag",
    help = "before the run, or each of several, ask the server to empty its prefix cache (vLLM's and "
      .. "SGLang's can)" },
  { "grace", kind = "duration", min = 0, default = 60,
    help = "how long requests in flight are waited for at the end (sessions of mt.closed go on for so long), "
      .. "and after Ctrl-C" },
  { "seed", kind = "integer", default = 0, help = "of the texts of prompts, and of a script's plan" },
  { "skip-bad-lines", kind = "flag", help = "pass over lines of the trace that are no requests" },
}

--- What is measured and written.
drive_options.result = {
  { "slo", kind = "objective", list = true,
    help = "objectives of each request, for goodput: ttft=500,itl=50,e2e=2s (a bare number is ms)" },
  { "by", kind = "string", placeholder = "NAME",
    help = "results also by this member of the rows (stream, session_id, model), or by endpoint: "
      .. "to which of several URLs a request went" },
  { "phases", kind = "phase", list = true,
    help = "results also by these spans of the run, the last to its end: before=20s,storm=30s,after" },
  { "server-metrics", kind = "string", placeholder = "URL",
    help = "the server's own figures, looked at once a second (http://HOST:PORT means its /metrics)" },
  { "output-dir", kind = "path", placeholder = "FOLDER", help = "folder for the results' files" },
  { "record", kind = "path", placeholder = "TRACE", help = "write what was sent as a trace" },
  { "inputs", kind = "flag", help = "all bodies into inputs.json, however large (default: the first 16 MB)" },
  { "fail-over", kind = "run_bound", list = true,
    help = "exit with 1 when a measure exceeds its bound: ttft.p99=500,error_rate=1% (where no statistic is "
      .. "named, the median), or is below it, as measures of which more is better want: 'goodput>=10' (with "
      .. "--slo); of a phase ttft.p99@storm=2s,longest_gap@storm=500,recovery@storm=10s" },
  { "limits", kind = "run_limit", list = true,
    help = "where a run is valid (default: lag_p50=1,lag_p99=5,read_lag_p99=5,rate=0.99,stalls=0.005,"
      .. "longest_stall=100,late_start=1; ms, of the rate, of the time)" },
  { "accept-invalid", kind = "flag", help = "do not exit with 1 when the run is invalid" },
  { "max-memory", kind = "memory",
    help = "refuse a run that would need more, as far as is known before (default: half of what there is)" },
  { "realtime", kind = "flag", help = "ask for a real-time priority of the driver's thread" },
  { "json", kind = "flag", help = "print one JSON value" },
}

--- What is wrong among values that are each right by themselves, or nil.
---@param opt table
---@return string?
function drive_options.check(opt)
  if not opt.target then
    return "what is to be sent is missing: a trace, a script's file or a script's name"
  end
  if not opt.url then return "--url is missing: the endpoint (http://127.0.0.1:8000)" end
  for _, name in ipairs { "model", "by", "max_tokens_field" } do
    if opt[name] == "" then return ("--%s must not be empty"):format((name:gsub("_", "-"))) end
  end
  if opt.start and opt["end"] and opt["end"] <= opt.start then
    return ("--end must be after --start, %s s, not %s s"):format(
      units.show(opt.start), units.show(opt["end"]))
  end
  if not opt.model then return "--model is missing: the model's name, as the server has it" end
  local has_tls = table.concat(opt.url, "\n"):lower():find("https://", 1, true)
  if opt.insecure and opt.ca then return "--insecure and --ca exclude each other" end
  if (opt.insecure or opt.ca) and not has_tls then
    return ("--%s goes with an https:// URL"):format(opt.insecure and "insecure" or "ca")
  end
  if opt.transport == "direct" and has_tls then
    return "--transport direct goes with http:// URLs: https:// needs curl"
  end
  if opt.text and opt.api ~= "completions" and not opt.adapter then
    return "--text goes with --api completions"
  end
  if opt.vocab and (opt.api ~= "completions" or opt.text) then
    return "--vocab is of token ids: --api completions without --text"
  end
  if opt.inputs and not opt.output_dir then
    return "--inputs needs --output-dir: inputs.json is one of the files in that folder"
  end
  if opt.live_history and opt.api ~= "chat" then return "--live-history goes with --api chat" end
  if opt.phases then phases.of(opt.phases, "--phases") end
  if opt.concurrency and opt.speed_ratio ~= 1 then
    return "--concurrency and --speed-ratio exclude each other: a closed loop takes no notice of timestamps"
  end
end

--- All of them in one list, with those of the command first.
---@param own moontide.option[]
---@return moontide.option[]
function drive_options.all(own)
  local all = table.move(own, 1, #own, 1, {})
  for _, part in ipairs { drive_options.endpoint, drive_options.load, drive_options.result } do
    table.move(part, 1, #part, #all + 1, all)
  end
  return all
end

return drive_options
