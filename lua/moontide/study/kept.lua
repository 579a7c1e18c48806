--- Levels that an earlier sweep has left: is one whole, and was it driven as it would be now?
local files = require "moontide.drive.files"
local json = require("moontide.base.json").public.json
local lists = require "moontide.kit.lists"
local past = require "moontide.drive.past"
local report = require "moontide.kit.report"
local system = require "moontide.kit.system"

local kept = {}

-- Options that change nothing of what is sent or measured.
local passed_over = {
  json = true, accept_invalid = true, fail_over = true, output_dir = true, resume = true,
  yes = true, inputs = true,
}

local function text_of(value)
  return value == nil and "not given" or json.encode(value)
end

-- What differs between the options of then and now; nil: nothing that counts.
local function difference(before, now)
  now = json.decode(json.encode(files.plain_options(now)))
  local names = {}
  for name in pairs(before) do names[name] = true end
  for name in pairs(now) do names[name] = true end
  for _, name in ipairs(lists.sorted_keys(names)) do
    local was, is = text_of(before[name]), text_of(now[name])
    if was ~= is and not passed_over[name] then
      return ("its %s was %s and is %s"):format(name, was, is)
    end
  end
end

-- Why a run that could be read is no whole level.
local function objection(run, opt)
  if not run.info then return "it is another tool's" end
  if run.was_cancelled then return "it was interrupted" end
  local said, counts = run.info.counts, run.results
  if said.due ~= counts.due or said.done ~= counts.done or run.info.outside.due ~= run.outside.due then
    return ("%s has %d requests, %s says %d"):format(files.names.lines, counts.due + run.outside.due,
      files.names.run, said.due + run.info.outside.due)
  end
  if counts.done == 0 then return "nothing was answered" end
  return difference(run.info.options, opt)
end

--- The run in a folder, when all of it is there and it was driven with these options; nil and why not, nil
--- alone when there is nothing.
---@param folder string
---@param opt table driving options
---@return moontide.drive_run? run, string? why
function kept.of(folder, opt)
  local is_there = past.is_run(folder) or system.exists(folder .. "/" .. files.names.run)
  if not is_there then return nil end
  local run, message = past.run(folder)
  if not run then return nil, message end
  local why = objection(run, opt)
  if why then return nil, why end
  return run
end

--- Says that results are there which will be replaced.
---@param folder string
---@param names string[] files, of which one at least tells that
---@param what string "sweep", "search"
---@param way? string how to keep them
function kept.note_earlier(folder, names, what, way)
  for _, name in ipairs(names) do
    if system.exists(folder .. "/" .. name) then
      report.note(("%s: the results of an earlier %s there are replaced%s"):format(folder, what, way or ""))
      return
    end
  end
end

return kept
