--- Streams of requests: an arrival process with lengths, a prompt source and fields, as a value.
local branch = require "moontide.load.branch"
local core = require "moontide.core"
local fields = require "moontide.load.fields"
local length = require "moontide.load.length"
local options = require "moontide.kit.options"
local prompt_kind = require "moontide.load.prompt_kind"
local sessions = require "moontide.load.sessions"
local stream_lengths = require "moontide.load.stream_lengths"

local stream = {}
---@class moontide
local public = {}

---@class moontide.stream
---@field name string?
---@field process moontide.process
local stream_type = { __name = "moontide.stream" }

local unique = core.prompt.unique() -- of streams that say nothing of prompts

--- Names are written into records and are keys of random numbers: not empty, UTF-8 without zero bytes.
---@param name string|nil
---@param what string
function stream.check_name(name, what)
  if name == "" then core.base.raise(what .. " must not be empty") end
  if name and (not utf8.len(name) or name:find("\0", 1, true)) then
    core.base.raise(what .. " must be UTF-8 without zero bytes")
  end
end

local function check_type(value, type_name, where, name, allowed)
  if value ~= nil and options.type_of(value) ~= type_name then
    options.wrong(where .. ": " .. name, value, allowed)
  end
  return value
end

local stream_options = {
  { "name", kind = "string" },
  { "arrivals", kind = "any" }, { "requests", kind = "any" },
  { "input", kind = "tokens" }, { "new_input", kind = "tokens" }, { "output", kind = "tokens" },
  { "lengths", kind = "any" },
  { "prompt", kind = "any" },
  { "first", kind = "any" },
  { "branch", kind = "any" },
  { "fields", kind = "any" },
  is_forgotten = true,
}

local first_options = {
  { "new_input", kind = "tokens" }, { "output", kind = "tokens" },
}

-- Turns add to what was said before: what decides whole prompts cannot be theirs.
local function check_turns(values, where)
  local what
  if values.input ~= nil then
    what = "input= is a whole prompt"
  elseif values.prompt and core.prompt.decides(values.prompt) then
    what = prompt_kind.name(values.prompt) .. " brings whole prompts"
  elseif values.lengths and not values.lengths.pairs then
    what = "lengths_of brings whole prompts"
  else
    for i, pair in ipairs(values.lengths and values.lengths.pairs or {}) do
      if not pair[2] then what = ("input= of class %d is a whole prompt"):format(i) break end
    end
  end
  if what then
    core.base.raise(where .. ": sessions need new_input=, what a turn adds to what was said before; " .. what)
  end
end

-- What records of sessions with sub-agents have.
local names_of_turns = { "request_id", "wait_for", "branches" }

-- The lengths, prompts and fields of sub-agents, where there are some.
local function use_branch(self, values, found, where)
  if not found then return end
  self.branches = found.lengths
  local given = { values.fields or false }
  for _, one in ipairs(values.lengths and values.lengths.fields or {}) do given[#given + 1] = one end
  for _, level in ipairs(found.lengths) do given[#given + 1] = level.given_fields end
  for _, one in ipairs(given) do fields.refuse(one, names_of_turns, where, "branch=") end
end

-- What only sessions have, and what they need.
local function check_sessions(self, values, where)
  local has_sessions = core.process.has_sessions(self.process)
  if has_sessions then
    check_turns(values, where)
  elseif values.branch == nil and values.first == nil then
    return
  end
  branch.check(values.branch, where .. ": branch")
  if values.branch and not has_sessions then
    core.base.raise(where .. ": branch= is for turns of mt.sessions{...}")
  end
  local inner = sessions.branch_of(self.process)
  if values.branch and inner then
    core.base.raise(where .. ": branch= is in mt.sessions{...}, too: give one of them")
  elseif values.branch then
    self.process = sessions.branched(self.process, values.branch)
  end
  use_branch(self, values, values.branch or inner, where)
  if values.first ~= nil and not has_sessions then
    core.base.raise(where .. ": first= is for the first turns of mt.sessions{...}")
  elseif values.first ~= nil then
    local first = options.table(where .. ": first", values.first, first_options)
    if first.new_input == nil and values.new_input == nil then
      core.base.raise(where .. ": first: new_input is required beside lengths=")
    end
    self.first = core.lengths.pair(stream_lengths.pair_of({ new_input = first.new_input or values.new_input,
      output = first.output ~= nil and first.output or values.output }, where .. ": first"))
  end
end

-- Raises when a length is given though something else decides: `why` says what.
local function refuse_given(values, names, why, more)
  for _, name in ipairs(names) do
    if values[name] ~= nil then core.base.raise(("%s: leave out %s=%s"):format(why, name, more or "")) end
  end
end

-- A prompt source that decides the lengths itself leaves only the output to the stream.
local function use_decided(self, values, where)
  local why = ("%s: %s decides the lengths of its prompts"):format(where, prompt_kind.name(values.prompt))
  refuse_given(values, { "input", "new_input", "lengths" }, why, " (output= may replace its OSL)")
  local output = values.output ~= nil and length.of(values.output, where .. ": output")
  self.lengths = core.lengths.pair { false, false, output }
end

local function use_classes(self, values, where)
  refuse_given(values, { "input", "new_input", "output" }, where .. ": lengths= says how long requests are")
  self.lengths = values.lengths.lengths
  self.class_prompts, self.class_fields = values.lengths.prompts, {}
  self.classes = values.lengths.pairs and values.lengths -- of mt.classes; what is drawn of a trace has none
  local names = values.lengths.names
  self.tagged_fields = names and {}
  for i, own in ipairs(values.lengths.fields) do
    self.class_fields[i] = own and fields.of(own, where, values.fields) or false
    if names then self.tagged_fields[i] = fields.of(own or nil, where, values.fields, names[i]) end
  end
end

--- Adds a stream to a plan in core; raises where its parts do not go together.
---@param plan userdata
---@param self moontide.stream
---@param name string
---@param factor? number of its rates
---@param last? number seconds: it begins nothing at or after it
---@param are_tagged? boolean requests have their class's name as a member
function stream.add_to(plan, self, name, factor, last, are_tagged)
  if not self.is_whole then
    core.plan.add(plan, name, self.process, self.lengths, self.prompt, nil, factor, nil, last)
    return
  end
  local class_fields = are_tagged and self.tagged_fields or self.class_fields
  local has_more = self.first or self.branches or self.class_prompts or class_fields
  core.plan.add(plan, name, self.process, self.lengths, self.prompt, self.fields, factor, self.pace, last,
    has_more and { first = self.first, branches = self.branches, class_prompts = self.class_prompts,
      class_fields = class_fields })
end

---@class moontide.first_options
---@field new_input? moontide.any_length
---@field output? moontide.any_length

---@class moontide.given_request
---@field time number seconds, not before the last one's
---@field session? string|integer requests of one session carry what was said before
---@field input? integer tokens of the whole prompt; or new_input
---@field new_input? integer tokens that are added
---@field output? integer tokens of the answer
---@field prompt? moontide.prompt how it begins, instead of the stream's; made outside of the function

---@class moontide.stream_options
---@field name? string
---@field arrivals? moontide.process when requests come; or requests
---@field requests? fun(random: moontide.random): fun(): moontide.given_request? a source of requests of your
--- own, in place of arrivals and lengths
---@field input? moontide.any_length tokens of the whole prompt; or new_input, or lengths
---@field new_input? moontide.any_length tokens after the shared part
---@field output? moontide.any_length tokens of the answer; without it records have no output_length
---@field lengths? moontide.classes
---@field prompt? moontide.prompt without it every prompt is unique
---@field first? moontide.first_options other lengths of a session's first turn
---@field branch? moontide.branch sub-agents that turns of its sessions start; or branch= of mt.sessions
---@field fields? table<string, any> further members of the records: priority, tenant, model, what a router
--- or server reads; values, distributions or mt.choice

-- The arrivals: given, or of a source of requests, which says all of them but how prompts begin.
local function arrivals_of(values, where)
  if values.requests == nil then
    if values.arrivals == nil then core.base.raise(where .. ": arrivals is required") end
    return check_type(values.arrivals, "moontide.process", where, "arrivals",
      "an arrival process such as mt.poisson(20)")
  end
  if type(values.requests) ~= "function" then
    options.wrong(where .. ": requests", values.requests,
      "a function(random) that returns a function of requests")
  end
  refuse_given(values, { "arrivals", "input", "new_input", "output", "lengths", "first", "branch" },
    where .. ": requests= says when they come and how long they are")
  if values.prompt and core.prompt.decides(values.prompt) then
    core.base.raise(("%s: requests= says how long prompts are, which %s decides, too"):format(where,
      prompt_kind.name(values.prompt)))
  end
  return core.process.given(values.requests)
end

-- Any stream; raises where its parts do not go together.
local function whole(values)
  stream.check_name(values.name, "stream: name")
  local where = values.name and "stream '" .. values.name .. "'" or "stream"
  local process = arrivals_of(values, where)
  prompt_kind.check(values.prompt, where)
  check_type(values.lengths, "moontide.classes", where, "lengths",
    "mt.classes{...} or mt.lengths_of(trace)")
  local self = setmetatable({
    name = values.name, process = process, prompt = values.prompt or unique,
    fields = values.fields ~= nil and fields.of(values.fields, where) or nil,
    lengths = false, -- there are always some: its place
    is_whole = true, -- it may have more than these
  }, stream_type)
  check_sessions(self, values, where)
  if values.prompt and core.prompt.decides(values.prompt) then
    use_decided(self, values, where)
  elseif values.requests then
    self.lengths = core.lengths.pair { false, false, false }
  elseif values.lengths then
    use_classes(self, values, where)
  else
    self.lengths = stream_lengths.of(values, where)
  end
  if not core.process.has_formula(self.process) or core.lengths.have_rules(self.lengths) then
    -- its parts must go together
    stream.add_to(core.plan.new(512), self, self.name or "main")
  end
  return self
end

--- A stream of requests: when they come, how long they are, who shares which prefix.
---
--- mt.stream{ arrivals = mt.poisson(20), input = mt.lognormal{mean=2400, cv=1.2}, output = 300 }
---
--- Or a whole source of your own, of which one function is made for each run; nil ends it. Its times are its
--- own: no scale of rates can apply.
---
--- mt.stream{ requests = function(random) local t = 0 return function() t = t + random:exponential(1)
---   return { time = t, session = t // 60, new_input = 100, output = 20 } end end }
---@param opt moontide.stream_options
---@return moontide.stream
function public.stream(opt)
  -- What most streams of plans of thousands are is known by one look.
  local process, name, prompt, input, new_input, output = core.plan.plain(opt)
  if not process then return whole(options.table("stream", opt, stream_options)) end
  return setmetatable({
    name = name, process = process, prompt = prompt or unique,
    lengths = stream_lengths.of_numbers(input, new_input, output),
  }, stream_type)
end

function stream_type.__tostring(self)
  return ("stream %s: %s, %s"):format(self.name or "main", tostring(self.process), tostring(self.prompt))
end

stream.public = public

return stream
