--- What a trace says of lengths and prefixes: mt.analyze.
local core = require "moontide.core"
local json = require("moontide.json").public.json
local options = require "moontide.options"
local report = require "moontide.report"
core.base.own()

local analysis = {}

local columns = {
  { "mean", "Mean" }, { "std", "Std Dev" }, { "min", "Min" }, { "p25", "P25" },
  { "median", "Median" }, { "p75", "P75" }, { "max", "Max" },
}

local rows = {
  { "input_length", "Input Length" },
  { "context_length", "Context Length" },
  { "unique_prompt_length", "Unique Prompt Length" },
  { "output_length", "Output Length" },
  { "theoretical_hit_rate", "Theoretical Hit Rates" },
}

-- --- the result ------------------------------------------------------------------------------------

---@class moontide.metric
---@field mean number? absent, like the others, when no request has a value
---@field std number? population standard deviation
---@field min number?
---@field p25 number? percentiles by linear interpolation
---@field median number?
---@field p75 number?
---@field max number?

---@class moontide.hit_weights
---@field request number mean over the requests of the share of their blocks that hit
---@field block number hits / blocks
---@field token number tokens of the blocks that hit / tokens

---@class moontide.quantiles
---@field mean number
---@field min number
---@field p10 number
---@field p25 number
---@field median number
---@field p75 number
---@field p90 number
---@field p99 number
---@field max number

---@class moontide.shared_prefix
---@field requests integer that begin with it
---@field share number of the requests that have hash_ids, 0 to 1
---@field blocks integer
---@field tokens integer

---@class moontide.session_figures
---@field count integer
---@field given integer requests whose session_id said their session; that of all others was inferred
---@field single integer sessions of one turn
---@field turns moontide.quantiles turns of a session
---@field think_time moontide.quantiles? seconds between two turns: their `delay`, else from the one
--- turn's timestamp to the next one's

---@class moontide.hit_bin
---@field start number seconds
---@field requests integer that have hash_ids
---@field blocks integer
---@field hit_ratio number? by block, infinite cache

---@class moontide.analysis
---@field requests integer
---@field blocks integer hash ids of all requests
---@field metrics table<string, moontide.metric> input_length, context_length, unique_prompt_length,
--- output_length (tokens), theoretical_hit_rate (0 to 1)
---@field distinct_blocks integer
---@field hit_infinite moontide.hit_weights? hit ratios of an infinite cache; absent, like all that
--- follows about blocks, where no request has hash_ids
---@field hit_sessions { within: number, across: number }? hit_infinite.block in two parts: up to the
--- deepest block that the request's own session touched last, and the rest
---@field lru { [1]: integer, [2]: number }[]? { size, hit ratio by block } of an LRU cache, sizes going up
---@field blocks_for_90_percent integer? the least LRU cache with 90 % of the infinite one's hits
---@field reuse_time moontide.quantiles? seconds since a block that hits was touched last; absent where
--- timestamps are missing or go back
---@field prefixes moontide.shared_prefix[]? the prefixes that most requests share
---@field sessions moontide.session_figures?
---@field over_time moontide.hit_bin[]? equal stretches of time
---@field hit_ratio fun(self, size: number, weight?: "block"|"request"|"token"): number? of an LRU cache of
--- `size` blocks, exact at every size
---@field plot fun(self): moontide.picture? hit ratio against cache size
---@field report fun(self): string all of it for people, as `moontide analyze` prints it
local metatable = { __name = "moontide.analysis" }

-- "12,035.06"; "N/A" without a value.
local function show(value)
  if not value then return "N/A" end
  local sign, whole, fraction = ("%.2f"):format(value):match "^(-?)(%d+)(%.%d+)$"
  local grouped = whole:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
  return sign .. grouped .. fraction
end

-- The cells as lines, the first column to the left, numbers to the right.
local function layout(table_rows)
  local widths = {}
  for _, cells in ipairs(table_rows) do
    for i, cell in ipairs(cells) do widths[i] = math.max(widths[i] or 0, #cell) end
  end
  local lines = {}
  for _, cells in ipairs(table_rows) do
    local padded = {}
    for i, cell in ipairs(cells) do
      local space = (" "):rep(widths[i] - #cell)
      padded[i] = i == 1 and cell .. space or space .. cell
    end
    lines[#lines + 1] = table.concat(padded, "  ")
  end
  return table.concat(lines, "\n")
end

--- Metrics as a table for people: a line a metric, the seven statistics in columns.
---@param metrics table<string, moontide.metric>
---@param wanted { [1]: string, [2]: string }[] name and title of each line
---@return string
function analysis.table(metrics, wanted)
  local cells = { { "" } }
  for _, column in ipairs(columns) do table.insert(cells[1], column[2]) end
  for _, row in ipairs(wanted) do
    local line = { row[2] }
    for _, column in ipairs(columns) do line[#line + 1] = show(metrics[row[1]][column[1]]) end
    cells[#cells + 1] = line
  end
  return layout(cells)
end

function metatable:__tostring()
  return analysis.table(self.metrics, rows)
end

function metatable:__json()
  local metrics = {}
  for i, row in ipairs(rows) do
    local statistics = {}
    for k, column in ipairs(columns) do
      local value = self.metrics[row[1]][column[1]]
      statistics[k] = { column[1], value and math.tointeger(value) or value }
    end
    metrics[i] = { row[1], json.object(statistics) }
  end
  return json.object {
    { "requests", self.requests }, { "blocks", self.blocks }, { "metrics", json.object(metrics) },
  }
end

-- --- analysing -------------------------------------------------------------------------------------

-- Requests between two looks at whether progress is to be shown.
local step = 20000

local function read(state, reader, skip)
  local total = 0
  repeat
    local count, message, code = state:read(reader, step, skip)
    if not count then
      report.finish()
      return nil, message, code
    end
    total = total + count
    report.progress(function() return ("%d requests analysed"):format(total) end)
  until count < step
  report.finish()
  return true
end

local function is_type(value, type_name)
  local value_metatable = getmetatable(value)
  return type(value_metatable) == "table" and value_metatable.__name == type_name
end

local fields = {
  { "block_size", kind = "integer", min = 1, default = 512 },
  { "skip_bad_lines", kind = "boolean", default = false },
}

-- Analyses what is left in the reader, or the columns.
local function analyse(source, opt)
  local state <close> = core.analysis.new(opt.block_size)
  local is_reader = is_type(source, "moontide.reader")
  local done, message, code
  if is_reader then
    done, message, code = read(state, source, opt.skip_bad_lines)
  else
    done, message, code = state:add(source, opt.skip_bad_lines)
  end
  if not done then return nil, message, code end
  local result
  result, message, code = state:result()
  if not result then return nil, message, code end
  result.skipped, result.first_skipped = state:skipped(is_reader and source or nil)
  return setmetatable(result, metatable)
end

---@class moontide.analyze_options
---@field block_size? integer tokens a block: 512
---@field skip_bad_lines? boolean pass over them, and count them

--- Analyses a trace: lengths, contexts shared with other requests, theoretical hit rates.
-- A (position, id) pair that occurs in several places of the trace is repeated. A request's context is
-- its repeated pairs in tokens (its whole input when all are), the rest is its unique prompt. Its
-- theoretical hit rate is the share of leading ids that earlier requests had. The result prints as a
-- table; `skipped` counts bad lines that were passed over and `first_skipped` says what was wrong with
-- the first.
---@param trace string|moontide.columns|moontide.reader a path, columns, or what is left in a reader
---@param given? moontide.analyze_options
---@return moontide.analysis? result, string? message, string? code
function analysis.analyze(trace, given)
  local opt = options.table("analyze", given, fields)
  if is_type(trace, "moontide.columns") or is_type(trace, "moontide.reader") then
    return analyse(trace, opt)
  elseif type(trace) ~= "string" then
    options.wrong("analyze: the trace", trace, "a file's name, columns or a reader")
  end
  local reader <close>, message, code = core.trace.open(trace, opt.skip_bad_lines)
  if not reader then return nil, message, code end
  return analyse(reader, opt)
end

---@class moontide
local public = { analyze = analysis.analyze }
analysis.public = public

return analysis
