--- Phases: names for spans of a run, one after the other from its start, so that it reports them apart. A
--- kind of option, for workloads (phases = { { "before", "20s" }, { "storm", "30s" }, { "after" } }) and for
--- commands (--phases before=20s,storm=30s,after). Only the last may have no length: it lasts to the end.
local core = require "moontide.core"
local options = require "moontide.kit.options"

local phases = {}

local allowed = "a phase's name and how long it lasts (storm=30s; the last one may have no time)"

---@class moontide.phase
---@field name string
---@field from number seconds after the start of the run
---@field to number math.huge: it has no end

options.kinds.phase = { placeholder = "NAME=TIME", convert = function(value, what)
  local name, time
  if type(value) == "string" then
    name, time = value:match "^%s*([^=]-)%s*=%s*(.-)%s*$"
    name = name or value:match "^%s*(.-)%s*$"
  elseif options.is_plain(value) and #value >= 1 and #value <= 2 then
    name, time = value[1], value[2]
  end
  if type(name) ~= "string" or not name:find "^%a[%w_-]*$" then options.wrong(what, value, allowed) end
  local seconds = time ~= nil and options.duration(time, ("%s: %s"):format(what, name)) or nil
  if seconds and seconds <= 0 then
    core.base.raise(("%s: %s must last longer than 0 s, not %s"):format(what, name, options.show(time)))
  end
  return { name = name, seconds = seconds }
end }

--- The phases of a list of the option's values, in the order of time. Raises where two have one name, or one
--- before the last has no length.
---@param list { name: string, seconds: number? }[]
---@param what string for messages
---@return moontide.phase[]
function phases.of(list, what)
  local spans, seen, from = {}, {}, 0
  for i, one in ipairs(list) do
    if seen[one.name] then core.base.raise(("%s: two phases are named '%s'"):format(what, one.name)) end
    if not one.seconds and i < #list then
      core.base.raise(("%s: %s needs a time: only the last phase may have none"):format(what, one.name))
    end
    seen[one.name] = true
    spans[i] = { name = one.name, from = from, to = one.seconds and from + one.seconds or math.huge }
    from = spans[i].to
  end
  return spans
end

--- The same phases in a run whose times are divided by `ratio`.
---@param spans moontide.phase[]
---@param ratio number
---@return moontide.phase[]
function phases.faster(spans, ratio)
  local faster = {}
  for i, one in ipairs(spans) do
    faster[i] = { name = one.name, from = one.from / ratio, to = one.to / ratio }
  end
  return faster
end

--- When each ends, for core.
---@param spans moontide.phase[]
---@return number[]
function phases.ends(spans)
  local ends = {}
  for i, one in ipairs(spans) do ends[i] = one.to end
  return ends
end

return phases
