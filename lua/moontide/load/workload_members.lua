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
  local list = self.members
  for i = 1, #list do
    local member = list[i]
    if not member.members then -- a stream
      local name = member.name
      if not name and #list > 1 then
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
  for i = 1, #streams do
    local name = streams[i].name
    if seen[name] then core.base.raise(("workload: two streams are named '%s'"):format(name)) end
    seen[name] = true
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
---@param others table<integer, string|false> what members.of gave
function members.check(self, others)
  if #self.members == 0 then core.base.raise "workload: needs at least one stream" end
  if next(others) == nil then return end
  for i, member in ipairs(self.members) do
    if others[i] == "moontide.workload" then
      take_block_size(self, member)
      take_phases(self, member)
    elseif others[i] ~= nil then
      options.wrong(("workload: member %d"):format(i), member, "a stream, mt.clients{...} or a workload")
    end
  end
end

--- The list part, the streams of mt.clients in its place; and the types, by their places in it, of those that
--- are no streams (false: it has none).
---@param values table
---@return (moontide.stream|moontide.workload)[] list, table<integer, string|false> others
function members.of(values)
  local list, others, count = {}, {}, 0
  local type_of = options.type_of
  for i = 1, math.maxinteger do
    local member = values[i]
    if member == nil then break end
    local kind = type_of(member)
    if kind == "moontide.clients" then
      table.move(member.streams, 1, #member.streams, count + 1, list)
      count = #list
    else
      count = count + 1
      list[count] = member
      if kind ~= "moontide.stream" then others[count] = kind or false end
    end
  end
  return list, others
end

return members
