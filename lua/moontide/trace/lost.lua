--- Filters of a trace whose requests wait for one another: no request that is kept names one left out.
local core = require "moontide.core"
local pipe = require "moontide.trace.pipe"

local lost = {}

-- What answers are taken to take, seconds: where a trace does not say when they ended.
local ttft, per_token = 0.2, 0.02

-- The pipe, opened and looked through by a method of `known`: true, or nil, message, code.
local function look(known, method, trace)
  local source, message, code = trace.start { filters = {} }
  if not source then return nil, message, code end
  return known[method](known, source)
end

-- The source of `kept`, without the names of what only `whole` has.
local function settled(whole, kept, run)
  local known = core.lost.new(ttft, per_token)
  local done, message, code = look(known, "look_at_kept", kept)
  if not done then return nil, message, code end
  local names_any, may_time = known:names_any()
  if names_any then
    done, message, code = look(known, "look_at_whole", whole)
    if not done then return nil, message, code end
  end
  local source
  source, message, code = kept.start(run)
  if not source then return nil, message, code end
  if not names_any then return source end
  run.lost = rawget(run, "lost") or {}
  table.insert(run.lost, known)
  source, message, code = known:step(source)
  if source and may_time then return core.source.sort(source) end
  return source, message, code
end

-- What has been noted of a pipe's run, into another run of it.
local function adopt(run, noted)
  table.move(noted.filters, 1, #noted.filters, #run.filters + 1, run.filters)
  noted.filters = nil
  for name, value in pairs(noted) do run[name] = value end
end

--- What a filter keeps of a trace. Where requests wait for one another (wait_for, branches), the names of
--- those left out go, and who has waited for them comes when it would have come. Where requests wait or have
--- names (request_id), the trace is read up to three times; one that can be read only once is kept in memory.
-- run.lost of the pipe's run are then objects of core.lost, whose counts() say how much that was;
-- run.session_rows is what the trace's session rows look like.
---@param trace moontide.pipe
---@param filter fun(trace: moontide.pipe): moontide.pipe
---@return moontide.pipe
function lost.filtered(trace, filter)
  return pipe.new(function(run)
    local first = setmetatable({ filters = {} }, { __index = run })
    local source, message, code = trace.start(first)
    if not source then return nil, message, code end
    local looked, why, kind, _, _, has_waits, _, rows = core.source.sized(source, 0, true, true, true)
    if not looked then return nil, why, kind end
    run.session_rows = rows
    if not has_waits or first.is_once then adopt(run, first) end -- else it is opened again
    if not has_waits then
      return filter(pipe.new(function() return looked end, trace.text, trace)).start(run)
    elseif not first.is_once then
      core.source.close(looked)
      return settled(trace, filter(trace), run)
    end
    local columns
    columns, message, code = core.source.collect(looked)
    core.source.close(looked)
    if not columns then return nil, message, code end
    local again = pipe.new(function() return core.source.columns(columns) end, trace.text, trace)
    return settled(again, filter(again), run)
  end, trace.text, trace)
end

return lost
