--- What each class of mt.classes is on average, where a formula says it: how many requests, ISL and OSL.
--
-- Core knows the means of a stream. A stream in which all classes but one bring a prompt of one token and no
-- output has the share of that class as its share of requests with an output, and its lengths follow.
local core = require "moontide.core"
local distribution = require "moontide.load.distribution"
local process = require "moontide.load.process"
local stream = require "moontide.load.stream"

local class_expect = {}

---@class moontide.expected_class
---@field name string
---@field requests number
---@field input_length number? mean tokens; absent where no request is of it
---@field output_length number? mean tokens; absent where it has no output

-- What core expects of the stream with some of its parts replaced; nil, message, code.
local function expect(entry, parts, opt)
  local plan, changed = core.plan.new(512), {}
  for key, value in pairs(entry.stream) do changed[key] = value end
  changed.first, changed.branches, changed.class_fields = nil, nil, nil
  for key, value in pairs(parts) do changed[key] = value end
  stream.add_to(plan, changed, entry.name, entry.factor, entry.last)
  return core.plan.expect(plan, 1, opt.seed, opt.duration, opt.rate_scale or 1)
end

-- The share of requests that are of class i, and its mean ISL and OSL among them; nil, message, code.
local function class_alone(entry, i, of_process, opt)
  local classes, pairs_of, prompts = entry.stream.classes, {}, {}
  local one <const>, none <const> = distribution.of(1, "classes"), distribution.of(0, "classes")
  for k, pair in ipairs(classes.pairs) do
    pairs_of[k] = k == i and { pair[1], pair[2], pair[3] or none, pair[4] } or { one, false, false, pair[4] }
    prompts[k] = k == i and (classes.prompts[k] or entry.stream.prompt) or core.prompt.unique()
  end
  local found, message, code = expect(entry, { process = of_process, prompt = core.prompt.unique(),
    lengths = core.lengths.classes(pairs_of), class_prompts = prompts }, opt)
  if not found then return nil, message, code end
  local share = found.output_share
  return share, share > 0 and (found.input_mean - (1 - share)) / share,
    share > 0 and classes.pairs[i][3] and found.output_mean
end

--- Is there a formula for the classes of the stream? Not where there is none for the stream, where lengths
--- follow a rule, nor of sessions whose turns draw by weights or lengths that follow time, or whose classes
--- have prompts of their own (a first turn's stays).
---@param entry table a stream of a workload, which has classes
---@param requests number of the stream on average
---@return boolean
function class_expect.is_known(entry, requests)
  local of = entry.stream
  if requests ~= requests or not core.process.has_formula(of.process) or core.lengths.have_rules(of.lengths)
    or of.first and core.lengths.have_rules(of.first) then
    return false
  end
  if not core.process.has_sessions(of.process) then return true end
  for _, prompt in ipairs(of.classes.prompts) do
    if prompt then return false end
  end
  return not core.plan.lengths_follow_time(of.lengths)
    and not (of.first and core.plan.lengths_follow_time(of.first))
end

-- What turns that draw a class are: their number, and their mean ISL. The first turn has lengths of its own
-- where the stream has `first`, and is of no class.
local function turns_of(entry, whole, opt)
  if not entry.stream.first then return whole.requests, whole.input_mean end
  local first, message, code = expect(entry, { process = process.public.even(1),
    lengths = entry.stream.first, class_prompts = { false } }, opt)
  if not first then return nil, message, code end
  local later = whole.requests - whole.sessions
  return later, later > 0 and (whole.requests * whole.input_mean - whole.sessions * first.input_mean) / later
end

--- The classes of a stream on average, where is_known.
---@param entry table a stream of a workload, which has classes
---@param whole table what core.plan.expect says of it
---@param opt table duration, seed, rate_scale
---@return moontide.expected_class[]? classes, string? message, string? code
function class_expect.of(entry, whole, opt)
  local has_sessions = core.process.has_sessions(entry.stream.process)
  local names, list, requests, input = entry.stream.classes.names, {}, whole.requests, nil
  if has_sessions then
    local message, code
    requests, message, code = turns_of(entry, whole, opt)
    if not requests then return nil, message, code end
    input = message
  end
  -- Of turns: what they add; how much the history has is the same for all classes.
  local added, of_process = 0, has_sessions and process.public.even(1) or entry.stream.process
  for i, name in ipairs(names) do
    local share, mean, output = class_alone(entry, i, of_process, opt)
    if not share then return nil, mean, output end
    list[i] = { name = name, requests = share * requests, input_length = mean or nil,
      output_length = output or nil }
    added = added + share * (mean or 0)
  end
  for _, one in ipairs(has_sessions and list or {}) do
    if requests <= 0 then
      one.input_length, one.output_length = nil, nil
    elseif one.input_length then
      one.input_length = one.input_length + input - added
    end
  end
  return list
end

return class_expect
