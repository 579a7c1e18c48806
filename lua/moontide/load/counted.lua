--- What no formula knows of a plan, counted in a run: sessions whose context has limits, and arrivals of a
-- script's own.
local core = require "moontide.core"
local distribution = require "moontide.load.distribution"
local stream = require "moontide.load.stream"

local counted = {}

-- Times of requests lie within these, seconds.
local longest = 9.1e9

-- A run of more requests (before max_input cuts sessions short) is counted at a lower rate.
local most_requests = 2e6

-- The stream as a plan of its own: a source of its requests, at most so many.
local function run(entry, block_size, opt, factor, most)
  local plan = core.plan.new(block_size)
  stream.add_to(plan, entry.stream, entry.name, entry.factor * factor, entry.last)
  return core.source.run(plan, { seed = opt.seed, duration = opt.duration, factor = opt.rate_scale or 1,
    most = most })
end

-- Requests a bin over [0, to), with mean ISL and OSL; nil, message, code.
local function bins(entry, block_size, opt, factor, to, count)
  local source, message, code = run(entry, block_size, opt, factor)
  if not source then return nil, message, code end
  return core.source.bins(source, 0, to, count)
end

local function has_rules(entry)
  local lengths, first = entry.stream.lengths, entry.stream.first
  return core.lengths.have_rules(lengths) or first ~= nil and core.lengths.have_rules(first)
end

-- How many sessions begin in that run: as many as its starts have requests; nil, message, code.
local function sessions_of(entry, block_size, opt, factor)
  local starts = {}
  for key, value in pairs(entry.stream) do starts[key] = value end
  starts.process, starts.prompt = core.process.starts(entry.stream.process), core.prompt.unique()
  starts.lengths = core.lengths.pair { distribution.of(1, "sessions"), false, false }
  for _, part in ipairs { "first", "branches", "class_prompts", "class_fields", "fields" } do
    starts[part] = nil
  end
  local begun = { stream = starts, name = entry.name, factor = entry.factor, last = entry.last }
  local of, message, code = bins(begun, block_size, opt, factor, longest, 1)
  if not of then return nil, message, code end
  return of[1] / factor
end

-- What is wrong with 95 % of such a count, in parts of it, where requests were drawn at a lower rate.
local function error_of(drawn, factor)
  return factor < 1 and drawn > 0 and 2 / math.sqrt(drawn) or nil
end

--- Puts what arrivals of a script's own bring in the place of what nobody knows. A run of more than two
--- million requests is not waited for: what had come until then goes on.
---@param entry table a stream of a workload whose requests are not known
---@param one table what core.plan.expect gave
---@param block_size integer
---@param opt table duration, seed, rate_scale
---@return boolean? done, string? message, string? code
function counted.fill_unknown(entry, one, block_size, opt)
  local most = math.tointeger(most_requests)
  local source <close>, message, code = run(entry, block_size, opt, 1, most)
  if not source then return nil, message, code end
  local state = core.profile.new { step = math.max(1, opt.duration / 1000), from = 0, to = opt.duration,
    counts_only = one.sessions == 0 }
  local read
  read, message, code = state:read(source, most, false, true)
  if not read then return nil, message, code end
  local found = state:counted()
  one.requests, one.drawn, one.within = read, read, found.within
  if one.sessions ~= 0 then one.sessions = found.sessions end
  if read == most and found.last and found.last > 0 and found.last < opt.duration then
    one.requests, one.error = read * opt.duration / found.last, 2 / math.sqrt(read)
  elseif read == most then
    one.requests = 0 / 0 -- they stand still
  end
  return true
end

-- Do turns, think times, lengths or classes of its sessions follow curves of time? Each turn reads them at
-- its own time, which no formula knows.
local function follows_time(entry)
  local of = entry.stream
  if not core.process.has_sessions(of.process) then return false end
  return core.process.follows_time(of.process) or core.plan.lengths_follow_time(of.lengths)
    or of.first ~= nil and core.plan.lengths_follow_time(of.first)
end

--- Does the stream have sessions whose context has limits (max_input, compact, clear), sub-agents, or which
--- follow curves of time, or lengths by a rule?
---@param entry table a stream of a workload
---@return boolean
function counted.is_needed(entry)
  return not core.process.has_formula(entry.stream.process) or has_rules(entry) or follows_time(entry)
end

--- Puts what a stream brings in the place of what core.plan.expect says of it without these.
---@param entry table a stream of a workload
---@param one table what core.plan.expect gave
---@param block_size integer
---@param opt table duration, seed, rate_scale
---@return boolean? done, string? message, string? code
function counted.fill(entry, one, block_size, opt)
  local factor = math.min(1, most_requests / one.requests)
  local requests, inputs, outputs = bins(entry, block_size, opt, factor, longest, 1)
  if not requests then return nil, inputs, outputs end
  one.requests, one.drawn, one.error = requests[1] / factor, requests[1], error_of(requests[1], factor)
  if one.sessions > 0 then
    local sessions, message, code = sessions_of(entry, block_size, opt, factor)
    if not sessions then return nil, message, code end
    one.sessions = sessions
  end
  one.has_rules, one.follows_time = has_rules(entry), follows_time(entry)
  if requests[1] == 0 then return true end
  one.input_mean = inputs[1]
  if outputs[1] == outputs[1] then
    one.output_mean = outputs[1]
    if one.output_share == 0 then one.output_share = 1 end -- of a source of requests
  end
  return true
end

--- The stream's requests in each bin of the duration, as they come; nil, message, code.
---@param entry table a stream of a workload
---@param block_size integer
---@param opt table duration, seed, rate_scale
---@param expected number of requests
---@param count integer bins
---@return number[]? requests, string? message, string? code
function counted.areas(entry, block_size, opt, expected, count)
  local factor = math.min(1, most_requests / expected)
  -- What comes at the end itself is after it.
  local to = math.max(opt.duration - 1e-9, opt.duration / 2)
  local requests, message, code = bins(entry, block_size, opt, factor, to, count)
  if not requests then return nil, message, code end
  for i, number in ipairs(requests) do requests[i] = number / factor end
  return requests
end

return counted
