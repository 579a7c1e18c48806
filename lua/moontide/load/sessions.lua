--- Sessions: conversations of turns, and the sub-agents that turns start.
local branch = require "moontide.load.branch"
local core = require "moontide.core"
local distribution = require "moontide.load.distribution"
local options = require "moontide.kit.options"
local process = require "moontide.load.process"
local session_shape = require "moontide.load.session_shape"

local sessions = {}
---@class moontide
local public = {}

-- The sub-agents of sessions that have some: their stream needs to know how long their requests are.
local branches = setmetatable({}, { __mode = "k" })

--- The sessions whose turns start sub-agents.
---@param self moontide.process mt.sessions{...} without any
---@param given moontide.branch
---@return moontide.process
function sessions.branched(self, given)
  local made = process.made(function(k, with_think)
    local faster = k == 1 and self or process.faster(self, k, with_think)
    local levels = branch.levels(given, with_think and 1 / k or 1)
    return faster and levels and core.process.branched(faster, levels)
  end)
  branches[made] = given
  return made
end

--- The sub-agents of mt.sessions{ branch = }; nil where it has none.
---@param self moontide.process
---@return moontide.branch?
function sessions.branch_of(self)
  return branches[self]
end

---@class moontide.sessions_options
---@field starts moontide.process sessions a second, or mt.closed: one after the other of each user
---@field turns number|moontide.distribution requests of a session, at least 1
---@field think? number|string|moontide.distribution seconds from the end of an answer to the next turn
---@field service? moontide.service_options what an answer takes
---@field clear? moontide.clear_options tools' outputs that leave the context
---@field compact? moontide.compact_options a summary that takes the history's place
---@field max_input? integer tokens: a session ends before a longer prompt
---@field branch? moontide.branch sub-agents that turns start; as branch= of the stream

--- Conversations: each begins as `starts` says and has `turns` requests; a turn's prompt carries the earlier
--- prompts and answers, and comes when the answer before it has taken its time and the user has thought.
---
--- mt.sessions{ starts = mt.poisson(2), turns = mt.geometric(4), think = mt.exponential(20),
---   service = { ttft = "200ms", per_token = "20ms" }, max_input = 32000 }
---
--- A context that grows too long can be cut. With `clear` the tools' outputs of all but the last turns leave
--- it. With `compact` a fresh summary takes the place of all that came after the shared beginning. Both are
--- told in the record ("prefix_reset": true), for the prompt then does not carry the whole one before it.
---
--- compact = { at = 60000, keep = 4000 }, clear = { at = 30000, keep = 3, share = 0.8 }
---@param opt moontide.sessions_options
---@return moontide.process
function public.sessions(opt)
  local values = options.table("sessions", opt, {
    { "starts", kind = "any", required = true },
    { "turns", kind = "length", required = true, min = 1 },
    { "think", kind = "any", default = 0 },
    { "service", kind = "any" },
    { "clear", kind = "any" },
    { "compact", kind = "any" },
    { "max_input", kind = "integer", min = 1 },
    { "branch", kind = "any" },
  })
  branch.check(values.branch, "sessions: branch")
  if options.type_of(values.starts) ~= "moontide.process" then
    options.wrong("sessions: starts", values.starts, "an arrival process such as mt.poisson(2)")
  end
  local service = session_shape.service(values.service, "sessions")
  local turns = distribution.of(values.turns, "sessions: turns")
  local think = session_shape.seconds_of(values.think, "sessions: think")
  local rules = session_shape.rules_of(values, "sessions")
  local self = process.made(function(k, with_think)
    local starts = k == 1 and values.starts or process.faster(values.starts, k, with_think)
    local by = with_think and 1 / k or 1
    if not starts or by ~= 1 and service.drawn then return nil end
    return core.process.sessions(starts, turns, by == 1 and think or think * by, service.ttft * by,
      service.per_token * by, rules, service.drawn)
  end)
  return values.branch and sessions.branched(self, values.branch) or self
end

sessions.public = public

return sessions
