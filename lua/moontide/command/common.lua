--- The options that every plan takes: on the command line, and in w:requests, w:write, w:columns.
local core = require "moontide.core"
local options = require "moontide.kit.options"
local units = require "moontide.kit.units"
core.base.own()

local common = {}

-- "i/n", i from 0 to n - 1, as { index = i, count = n }.
local function shard(value, what)
  local text = type(value) == "string" and value or ""
  local index, count = text:match "^%s*(%d+)%s*/%s*(%d+)%s*$"
  index, count = math.tointeger(tonumber(index)), math.tointeger(tonumber(count))
  if not index or not count or index >= count then
    units.wrong(what, value, "I/N, a shard's number from 0 to N-1 and how many there are (0/4)")
  end
  return { index = index, count = count }
end

options.kinds.shard = { convert = shard, placeholder = "I/N" }

local duration = { "duration", kind = "duration", above = 0,
  help = "how long the workload is (default: as the script says, else its longest curve, else 60 s)" }
local seed = { "seed", kind = "integer", default = 0, help = "of the random numbers; 64 bits" }
local num_requests = { "num-requests", kind = "integer", min = 1, help = "stop after so many requests" }
local one_shard = { "shard", kind = "shard",
  help = "only every N-th session or request, beginning with the I-th (counted from 0)" }

--- What w:requests, w:write and w:columns take.
common.workload_options = { duration, seed, num_requests, one_shard }

--- The seed of workloads' methods where they are not given one; at the prompt, where nobody gives a --seed.
---@param value integer
function common.set_default_seed(value)
  seed.default = value
end

local function command_options(timestamp_digits)
  return {
    { "output-file", short = "o", kind = "path",
      help = "the trace's file, - for standard output (default: NAME.jsonl)" },
    duration, seed, num_requests,
    { "rate-scale", kind = "number", above = 0, default = 1, help = "multiply all rates" },
    one_shard,
    { "check", kind = "flag", help = "only check the plan and print its expected totals and digest" },
    { "plot", kind = "flag", help = "only plot the plan's rates" },
    { "tags", kind = "flag", help = "add each request's stream name" },
    { "timestamp-digits", kind = "integer", min = 0, max = 6, default = timestamp_digits,
      help = "decimals of a millisecond in timestamps" },
    { "compact", kind = "flag", help = "write no spaces between JSON members" },
    { "yes", kind = "flag", help = "make a trace of more than 10^9 requests" },
  }
end

--- Is it the name of a common option?
---@param name string
---@return boolean
function common.has(name)
  for _, option in ipairs(command_options(3)) do
    if options.key(option[1]) == options.key(name) then return true end
  end
  return false
end

--- The common options of a script with a plan: those that none of its own stands for.
---@param script table
---@return moontide.option[]
function common.of_script(script)
  local replaced = {}
  for _, option in ipairs(script.options) do
    if option.stands_for then replaced[options.key(option.stands_for)] = true end
  end
  local left = {}
  for _, option in ipairs(command_options(script.timestamp_digits)) do
    option.common = true
    if not replaced[options.key(option[1])] then left[#left + 1] = option end
  end
  return left
end

--- Where a plan's trace goes: --output-file, else what the script's output_name says, else NAME.jsonl
--- in the current folder.
---@param script table
---@param opt table
---@return string
function common.output_path(script, opt)
  if opt.output_file then return opt.output_file end
  return script.output_name and script.output_name(opt) or script.name .. ".jsonl"
end

return common
