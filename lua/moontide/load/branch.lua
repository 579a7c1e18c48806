--- Sub-agents: sessions that turns of other sessions start, as a value for mt.stream.
local core = require "moontide.core"
local distribution = require "moontide.load.distribution"
local fields = require "moontide.load.fields"
local length = require "moontide.load.length"
local options = require "moontide.kit.options"
local session_shape = require "moontide.load.session_shape"

local branch = {}
---@class moontide
local public = {}

---@class moontide.branch
---@field levels table[] as core takes them: of its own sessions, then of those that these start, ...
---@field lengths table[] one a level: { lengths, prompt or false, fields or false, given_fields }
local branch_type = { __name = "moontide.branch" }

-- Levels of sub-agents of sub-agents, the first included.
local most_levels = 8

local branch_options = {
  { "chance", kind = "number", above = 0, max = 1 },
  { "every", kind = "integer", min = 1 },
  { "count", kind = "length", min = 1, default = 1 },
  { "turns", kind = "length", required = true, min = 1 },
  { "think", kind = "any", default = 0 },
  { "service", kind = "any" },
  { "new_input", kind = "tokens", required = true },
  { "output", kind = "tokens" },
  { "prompt", kind = "any" },
  { "inherit", kind = "boolean", default = false },
  { "join", kind = "any", default = "all" },
  { "clear", kind = "any" },
  { "compact", kind = "any" },
  { "max_input", kind = "integer", min = 1 },
  { "branch", kind = "any" },
  { "fields", kind = "any" },
}

local function check(values)
  if (values.chance == nil) == (values.every == nil) then
    core.base.raise(values.chance == nil
      and "branch: chance= (of a turn) or every= (each so many turns) is required"
      or "branch: chance= is drawn, every= is counted: give one of them")
  end
  if values.join ~= "all" and values.join ~= "any" and values.join ~= false then
    options.wrong("branch: join", values.join, '"all", "any" or false')
  end
  if values.prompt ~= nil and options.type_of(values.prompt) ~= "moontide.prompt" then
    options.wrong("branch: prompt", values.prompt, "a prompt source such as mt.shared_prefix{...}")
  end
  if values.prompt and values.inherit then
    core.base.raise "branch: inherit=true begins with what the parent has said: leave out prompt="
  end
  if values.prompt and core.prompt.decides(values.prompt) then
    core.base.raise "branch: its prompt source brings whole prompts: sub-agents need new_input="
  end
  branch.check(values.branch, "branch: branch")
end

--- Raises when the value is there and no branch.
---@param value any
---@param what string
function branch.check(value, what)
  if value ~= nil and options.type_of(value) ~= "moontide.branch" then
    options.wrong(what, value, "mt.branch{...}")
  end
end

---@class moontide.branch_options
---@field chance? number of a turn to start sub-agents, above 0 to 1; or every
---@field every? integer every so many turns start some: turn 5, 10, ... for 5
---@field count? number|moontide.distribution how many at a time, at least 1; 1
---@field turns number|moontide.distribution requests of each, at least 1
---@field think? number|string|moontide.distribution seconds from an answer to the next turn
---@field service? moontide.service_options what an answer takes; without it as the parent's
---@field new_input number|moontide.distribution|moontide.length_rule tokens that a turn adds
---@field output? number|moontide.distribution|moontide.length_rule tokens of an answer
---@field prompt? moontide.prompt how its first prompt begins; without it with its parent's shared beginning
---@field inherit? boolean its first prompt carries all that its parent has said; false
---@field join? "all"|"any"|false what the parent's next turn waits for: all of them, the first that ends, or
--- none; "all"
---@field clear? moontide.clear_options
---@field compact? moontide.compact_options
---@field max_input? integer tokens: it ends before a longer prompt
---@field branch? moontide.branch sub-agents of its own
---@field fields? table<string, any> members of its records, beside those of what started it (the
--- stream's, and those of the class of the session's turn): drawn once for each sub-agent, while those that
--- it inherits are as its session has them

--- Sub-agents, for mt.sessions{ ..., branch = mt.branch{...} }: when a turn that starts some has been
--- answered, each begins a session of its own, and the parent's next turn waits for them. The
--- last turn of a session starts none.
---
--- Records say it with "request_id", "wait_for" and "branches". A sub-agent's session_id is its parent's with
--- a number behind: "main-4.2" is the second of main-4.
---
--- mt.branch{ every = 5, count = 3, turns = mt.geometric(6), new_input = 400, output = 200, join = "all" }
---@param opt moontide.branch_options
---@return moontide.branch
function public.branch(opt)
  local values = options.table("branch", opt, branch_options)
  check(values)
  local service = values.service ~= nil and session_shape.service(values.service, "branch") or {}
  local level = {
    chance = values.chance, every = values.every, inherits = values.inherit, join = values.join or "none",
    count = distribution.of(values.count, "branch: count"),
    turns = distribution.of(values.turns, "branch: turns"),
    think = session_shape.seconds_of(values.think, "branch: think"),
    first_token = service.ttft, per_token = service.per_token, service = service.drawn,
    rules = session_shape.rules_of(values, "branch"),
  }
  local pair = core.lengths.pair { length.of(values.new_input, "branch: new_input"), true,
    values.output ~= nil and length.of(values.output, "branch: output") }
  local self = { levels = { level }, lengths = { { lengths = pair, prompt = values.prompt or false,
    fields = fields.of(values.fields, "branch") or false, given_fields = values.fields or false } } }
  if values.branch then
    table.move(values.branch.levels, 1, #values.branch.levels, 2, self.levels)
    table.move(values.branch.lengths, 1, #values.branch.lengths, 2, self.lengths)
  end
  if #self.levels > most_levels then
    core.base.raise(("branch: %d levels of sub-agents, at most %d"):format(#self.levels, most_levels))
  end
  return setmetatable(self, branch_type)
end

--- Its levels as core takes them.
---@param self moontide.branch
---@param by number multiplies think times and what answers take
---@return table[]? levels nil where an answer's time is drawn, and cannot be multiplied
function branch.levels(self, by)
  if by == 1 then return self.levels end
  local levels = {}
  for i, level in ipairs(self.levels) do
    if level.service then return nil end
    local copy = {}
    for name, value in pairs(level) do copy[name] = value end
    copy.think = level.think * by
    copy.first_token = level.first_token and level.first_token * by
    copy.per_token = level.per_token and level.per_token * by
    levels[i] = copy
  end
  return levels
end

function branch_type.__tostring(self)
  local level = self.levels[1]
  return ("branch (%s, %s of %s turns%s)"):format(
    level.every and ("every %d turns"):format(level.every) or ("chance %.9g"):format(level.chance),
    tostring(level.count), tostring(level.turns),
    #self.levels > 1 and (", %d levels"):format(#self.levels) or "")
end

branch.public = public

return branch
