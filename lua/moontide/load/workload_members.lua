--- What is in a workload: streams, with the names that they have in it, and workloads.
local core = require "moontide.core"
local options = require "moontide.kit.options"

local members = {}

--- Adds all streams with their full names, rate factor and end, those of workloads inside included. Only
--- those inside end after their own duration: how long the whole is, the run says.
---@param self moontide.workload
---@param prefix string before the names
---@param factor number of the rates
---@param last number seconds: nothing begins at or after it
---@param into table[] the streams; given back
---@return {name: string, stream: moontide.stream, factor: number, last: number}[]
function members.flatten(self, prefix, factor, last, into)
  factor = factor * self.factor
  for i, member in ipairs(self.members) do
    if options.type_of(member) == "moontide.stream" then
      local name = member.name
      if not name and #self.members > 1 then
        core.base.raise(("workload: stream %d has no name; where there are several each needs one"):format(i))
      end
      into[#into + 1] = { name = prefix .. (name or "main"), stream = member, factor = factor, last = last }
    else
      local inner = member.name or member.script_name
      members.flatten(member, inner and prefix .. inner .. "/" or prefix, factor,
        math.min(last, member.duration or math.huge), into)
    end
  end
  return into
end

--- Raises where two streams have one name.
---@param streams {name: string}[]
function members.check_names(streams)
  local seen = {}
  for _, entry in ipairs(streams) do
    if seen[entry.name] then
      core.base.raise(("workload: two streams are named '%s'"):format(entry.name))
    end
    seen[entry.name] = true
  end
end

-- A workload that does not say its block size takes that of the workloads in it.
local function take_block_size(self, member)
  if not member.given_block_size then return end
  if not self.given_block_size then
    self.block_size, self.given_block_size = member.block_size, true
  elseif member.block_size ~= self.block_size then
    core.base.raise(("workload: the block_size of '%s' is %d, beside it or around it is %d"):format(
      member.name or member.script_name or "the inner workload", member.block_size, self.block_size))
  end
end

-- A workload that says neither phases nor bounds takes those of the workload in it that does.
local function take_phases(self, member)
  if self.says_phases or not (member.phases or member.fail_over) then return end
  local before = self.phases_of
  if before then
    core.base.raise(("workload: both '%s' and '%s' have phases or fail_over: say here what holds"):format(
      before.name or before.script_name or "an inner workload",
      member.name or member.script_name or "another one"))
  end
  self.phases, self.fail_over, self.phases_of = member.phases, member.fail_over, member
end

--- Raises where a member is nothing that can be one; block size, phases and bounds that the workload does
--- not say are those of the workloads in it.
---@param self moontide.workload
function members.check(self)
  if #self.members == 0 then core.base.raise "workload: needs at least one stream" end
  for i, member in ipairs(self.members) do
    if options.type_of(member) == "moontide.workload" then
      take_block_size(self, member)
      take_phases(self, member)
    elseif options.type_of(member) ~= "moontide.stream" then
      options.wrong(("workload: member %d"):format(i), member, "a stream, mt.clients{...} or a workload")
    end
  end
end

--- The list part, the streams of mt.clients in its place.
---@param values table
---@return (moontide.stream|moontide.workload)[]
function members.of(values)
  local list = {}
  for _, member in ipairs(values) do
    if options.type_of(member) == "moontide.clients" then
      table.move(member.streams, 1, #member.streams, #list + 1, list)
    else
      list[#list + 1] = member
    end
  end
  return list
end

return members
