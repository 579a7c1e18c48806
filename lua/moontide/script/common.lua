--- The options that every script with a plan has on the command line, beside its own.
local options = require "moontide.kit.options"
local profile_options = require "moontide.learn.profile_options"
local run = require "moontide.load.run_options"

local common = {}

local function command_options(timestamp_digits)
  return {
    { "output-file", short = "o", kind = "path",
      help = "the trace's file, - for standard output (default: NAME.jsonl)" },
    run.duration, run.seed, run.num_requests,
    { "rate-scale", kind = "number", above = 0, default = 1,
      help = "multiply all rates; request k (of sessions turn t of session j) keeps its lengths and prefix, "
        .. "but where they follow curves of time" },
    run.shard,
    { "check", kind = "flag", help = "only check the plan and print its expected totals and digest" },
    { "plot", kind = "flag", help = "only plot the plan's rates" },
    { "tags", kind = "flag", help = "add each request's stream name, and its class's" },
    { "timestamp-digits", kind = "integer", min = 0, max = 6, default = timestamp_digits,
      help = "decimals of a millisecond in timestamps" },
    { "compact", kind = "flag", help = "write no spaces between JSON members" },
    { "yes", kind = "flag", help = "make a trace of more than 10^9 requests, or of 10 000 at one time" },
  }
end

-- Those that came later than scripts of users: a script's own option of such a name stands before it.
local yielding = {
  { "json", kind = "flag", help = "with --check: print one JSON value" },
  { "compress", kind = "number", above = 0,
    help = "the plan's clock runs so many times faster: the same requests in that part of the time" },
  { "compress-think", kind = "flag", help = "and think times of sessions are so much shorter too" },
  profile_options.expect, table.unpack(profile_options.spec),
}
table.move(profile_options.series_spec, 1, #profile_options.series_spec, #yielding + 1, yielding)

local function is_own(script, name)
  for _, option in ipairs(script.options) do
    if options.key(option[1]) == options.key(name) then return true end
  end
  return false
end

--- The values of the common options that a script's own stand before, without those that are its own.
---@param script table
---@param opt table
---@return table
function common.figures(script, opt)
  local values, given = {}, {}
  for _, option in ipairs(yielding) do
    local key = options.key(option[1])
    if not is_own(script, key) then
      values[key] = opt[key]
      if options.given(opt, key) then given[key] = opt[key] end
    end
  end
  values.step = values.step or 1
  return options.with(values, given)
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
  for _, option in ipairs(yielding) do
    if not is_own(script, option[1]) then
      local copy = { common = true }
      for key, value in pairs(option) do copy[key] = value end
      left[#left + 1] = copy
    end
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
