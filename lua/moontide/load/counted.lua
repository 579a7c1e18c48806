--- What no formula knows of a plan, counted: sessions whose context has limits are run.
local core = require "moontide.core"
local stream = require "moontide.load.stream"

local counted = {}

-- Times of requests lie within these, seconds.
local longest = 9.1e9

-- A run of more requests (before max_input cuts sessions short) is counted at a lower rate.
local most_requests = 2e6

-- The stream as a plan of its own: a source of its requests.
local function run(entry, block_size, opt, factor)
  local plan = core.plan.new(block_size)
  stream.add_to(plan, entry.stream, entry.name, entry.factor * factor, entry.last)
  return core.source.run(plan, { seed = opt.seed, duration = opt.duration, factor = opt.rate_scale or 1 })
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

--- Does the stream have sessions whose context has limits (max_input, compact, clear), sub-agents, or lengths
--- by a rule?
---@param entry table a stream of a workload
---@return boolean
function counted.is_needed(entry)
  return not core.process.has_formula(entry.stream.process) or has_rules(entry)
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
  one.requests, one.has_rules = requests[1] / factor, has_rules(entry)
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
  local requests, message, code = bins(entry, block_size, opt, factor, opt.duration, count)
  if not requests then return nil, message, code end
  for i, number in ipairs(requests) do requests[i] = number / factor end
  return requests
end

return counted
