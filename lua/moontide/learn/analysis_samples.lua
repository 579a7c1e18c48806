--- What comparing takes beside an analysis: samples of core (lua/stats/statistics_binding.h there) of
--- input_length, output_length, context_length, turns and think_time, and the trace's course
--- (core/lua/prefix/course.c).
local samples = {}

local sampled_metrics = { "input_length", "output_length", "context_length" }

--- An answer ends no sooner than by this, seconds: faster than servers are, so that what comes earlier cannot
--- have known it.
samples.service = { ttft = 0, per_token = 0.001 }

--- The windows in which tokens are counted, seconds.
samples.token_windows = { 10, 60, 300 }

local function nanoseconds(seconds)
  return math.tointeger(math.min(seconds * 1e9 // 1, 2.0 ^ 62))
end

--- Takes them of a state of core that has taken in its requests.
---@param state userdata
---@param opt table service, else samples.service
---@return table<string, userdata>? samples by name, string? message, string? code
function samples.take(state, opt)
  local service = opt.service or samples.service
  local course, message, code = state:course(nanoseconds(service.ttft), nanoseconds(service.per_token),
    table.unpack(samples.token_windows))
  if not course then return nil, message, code end
  local taken = { course = course, turns = state:turns(), think_time = state:think_times() }
  for _, name in ipairs(sampled_metrics) do taken[name] = state:sample(name) end
  return taken
end

return samples
