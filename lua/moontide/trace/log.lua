--- Logs of real servers as traces: mt.trace.log, a pipe of a log's rows, and the step that gives prompts to
-- requests of which only the lengths are known.
require "moontide.base.csv" -- for its kind of option
local any = require "moontide.trace.any"
local core = require "moontide.core"
local kinds = require "moontide.kit.kinds"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local units = require "moontide.kit.units"

local log = {
  time_units = { "s", "ms", "us", "ns" },
  -- What a token of a text is: an estimate by script, a word, a code point, a byte.
  token_rules = { "script", "words", "chars", "bytes" },
}

local time_digits = { s = 9, ms = 6, us = 3, ns = 0 }

--- The formats' names and titles, and the sentence on blocks, as the core's table has them.
log.formats, log.titles = {}, {}
log.block_sizes = ("default: %d"):format(core.log.formats[1].block_size)
for i, format in ipairs(core.log.formats) do
  log.formats[i], log.titles[i] = format.name, format.title
  if format.block_size ~= 0 and format.block_size ~= core.log.formats[1].block_size then
    log.block_sizes = ("%s, of a %s log %d"):format(log.block_sizes, format.name, format.block_size)
  end
end

log.block_sizes = log.block_sizes .. "; logs with hash_ids of their own say it, or show it"

-- When sessions begin: { law =, value = }.
local start_laws = {
  uniform = function(text, what)
    return { law = "uniform", value = options.value(text, what, { "start", kind = "duration", above = 0 },
      true) }
  end,
  poisson = function(text, what)
    return { law = "poisson", value = options.value(text, what, { "start", kind = "rate_number", above = 0 },
      true) }
  end,
}

kinds.by_name.start = { placeholder = "0|uniform:TIME|poisson:RATE", convert = function(value, what)
  if type(value) == "table" and value.law then return value end -- read already
  if value == "0" or value == 0 then return { law = "together" } end
  local law, text = (type(value) == "string" and value or ""):match "^(%a+):(.+)$"
  if not start_laws[law] then
    units.wrong(what, value, "0 (all at once), uniform:TIME (uniform:12h) or poisson:RATE (poisson:0.5)")
  end
  return start_laws[law](text, what .. ": " .. law)
end }

local column_fields = {
  { "timestamp", kind = "string", required = true }, { "input", kind = "string", required = true },
  { "output", kind = "string", required = true }, { "session", kind = "string" },
  { "model", kind = "string" }, { "log_type", kind = "string" },
}

--- The names of columns in a text "timestamp=...,input=...,output=...", as a table; raises what is wrong.
---@param text string
---@param what string the text's name for messages
---@return table<string, string>
function log.columns_of(text, what)
  local names = {}
  for piece in (text .. ","):gmatch "([^,]*)," do
    local role, name = piece:match "^%s*([%a_-]+)%s*=%s*(.-)%s*$"
    if not role or name == "" then
      options.wrong(what, text,
        "timestamp=NAME,input=NAME,output=NAME and perhaps session=, model=, log_type=")
    end
    names[options.key(role)] = name
  end
  return options.table(what, names, column_fields)
end

--- What can be said of a log, for options tables.
log.fields = {
  { "format", kind = "choice", choices = log.formats }, { "columns", kind = "any" },
  { "delimiter", kind = "delimiter" },
  { "time_unit", kind = "choice", choices = log.time_units },
  { "count", kind = "choice", choices = log.token_rules },
  { "tokens_per_char", kind = "number", above = 0, max = 16 },
  { "model", kind = "string" }, { "log_type", kind = "string" },
  { "block_size", kind = "integer", min = 1, max = 1 << 31 },
  { "skip_bad_lines", kind = "boolean", default = false },
  { "start", kind = "start" },
}

--- Checks an options table of log.fields and perhaps more; `name` is the function's.
function log.options(name, given, fields)
  local opt = options.table(name, given, fields)
  if opt.count and opt.tokens_per_char then
    core.base.raise(name .. ": count and tokens_per_char exclude each other")
  end
  if opt.columns ~= nil then opt.columns = options.table(name .. ": columns", opt.columns, column_fields) end
  return opt
end

--- What a token of a log's texts is, in words.
---@param opt table as log.options gives it
---@return string
function log.counted(opt)
  if opt.tokens_per_char then return ("%.6g a character"):format(opt.tokens_per_char) end
  return (opt.count or "script") == "script" and "estimated by script" or opt.count
end

--- Opens a log as a source. `rows` says what it has of the logs before, as core.log.open takes it.
---@param path string
---@param opt table as log.options gives it
---@param rows? table
---@return userdata? source, table|string about_or_message, string? code
function log.open(path, opt, rows)
  local all = { format = opt.format, columns = opt.columns, delimiter = opt.delimiter,
    time_digits = time_digits[opt.time_unit], count = opt.count, tokens_per_char = opt.tokens_per_char,
    model = opt.model, log_type = opt.log_type, block_size = opt.block_size,
    skip_bad_lines = opt.skip_bad_lines }
  if opt.start then
    all.start, all.start_value, all.start_seed = opt.start.law, opt.start.value, opt.seed
  end
  for name, value in pairs(rows or {}) do all[name] = value end
  return core.log.open(path, all)
end

local pipe_fields = { { "seed", kind = "seed", default = 0 }, table.unpack(log.fields) }

---@class moontide.log_options
---@field format? string burstgpt, azure, csv, json, langfuse, mini-swe-agent, swe-agent, bailian, vllm-bench,
--- guidellm, inference-perf, perf-analyzer, inputs-json, results, dynamo, dynamo-trace, weka, aibrix,
--- lmcache, claude-code, codex, otel or sharegpt; found from the file without it
---@field columns? { timestamp: string, input: string, output: string, session: string?, model: string?,
--- log_type: string? } names of a CSV's columns, or of JSON lines' members
---@field delimiter? string what stands between a CSV's columns: a character or "tab"; found from its header
---@field time_unit? string what a number in the log's time counts: "s", "ms", "us" or "ns"
---@field count? string what a token of a text is where the log does not count them: "script" (an estimate by
--- its letters), "words", "chars" or "bytes"
---@field tokens_per_char? number so many a character instead
---@field model? string keep only the rows of this model
---@field log_type? string keep only the rows of this type
---@field block_size? integer tokens a block, where the log knows what its blocks contain: 128, of a
--- bailian log 16
---@field skip_bad_lines? boolean pass over bad rows, and count them
---@field start? string|integer when the sessions of a weka log begin: 0 (all at once), "uniform:12h"
--- (anywhere in that time), "poisson:0.5" (one after the other, so many a second on average)
---@field seed? integer of their start

--- A log of a real server as a pipe: BurstGPT's and Azure's CSVs, any CSV, Bailian's, AIBrix's, Dynamo's and
-- LMCache's JSON lines, ShareGPT's conversations, kv-cache-tester's sessions (a file, or a folder of them).
-- Its requests come as the log has them: on the log's own clock, and with hash_ids only where the log knows
-- its prompts. `:sort()`, `:from_zero()` and `:prompts()` make a trace of them; mt.convert does all of it.
---@param path string "-" is standard input
---@param given? moontide.log_options
---@return moontide.pipe
function any.trace.log(path, given)
  local opt = log.options("trace.log", given, pipe_fields)
  options.value(path, "trace.log: path", { "path", kind = "path" })
  return pipe.new(function() return log.open(path, opt) end, path)
end

-- How prompts are made, for options tables.
log.prompt_fields = {
  { "num_hash_blocks", kind = "integer", min = 0 },
  { "no_sessions", kind = "boolean", default = false },
  { "seed", kind = "seed", default = 0 },
}

local step_fields = {
  { "block_size", kind = "integer", min = 1, max = 1 << 31, default = 128 },
  { "twice", kind = "boolean", default = false },
  table.unpack(log.prompt_fields),
}

---@class moontide.prompts_options
---@field block_size? integer tokens a block: 128
---@field num_hash_blocks? integer blocks are drawn from 0 to this, both included; without it they are new,
--- for nobody knows what prompts share
---@field no_sessions? boolean turns of a session share no prefix and lose its name
---@field seed? integer of the drawn blocks
---@field twice? boolean read the trace twice, the first time to see which blocks come again: only those are
--- remembered then. Columns are always read twice, standard input cannot be

--- Gives hash_ids to requests of which only the lengths are known.
-- The turns of a session share a growing prefix; the blocks of other prompts are new, or drawn at random from
-- num_hash_blocks. hash_ids that are there stay, numbered anew.
---@param given? moontide.prompts_options
---@return moontide.pipe|moontide.columns
function pipe.steps:prompts(given)
  local opt = options.table("prompts", given, step_fields)
  return pipe.apply(self, "prompts", function(source, _, before)
    local ahead, message, code
    if opt.twice or options.type_of(self) == "moontide.columns" then
      ahead, message, code = before.start { filters = {} }
      if not ahead then
        core.source.close(source)
        return nil, message, code
      end
    end
    return core.log.prompts(source, ahead, opt.block_size, opt.num_hash_blocks, opt.seed, opt.no_sessions)
  end)
end

return log
