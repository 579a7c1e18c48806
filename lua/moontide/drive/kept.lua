--- Levels that an earlier sweep has left: is one whole, and was it driven as it would be now?
local files = require "moontide.drive.files"
local json = require("moontide.base.json").public.json
local lists = require "moontide.kit.lists"
local system = require "moontide.kit.system"

local kept = {}

-- Options that change nothing of what is sent or measured.
local passed_over = {
  json = true, accept_invalid = true, fail_over = true, output_dir = true, stop_after = true, resume = true,
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

-- Lines of a file; nil when it cannot be read, or its last line has no end.
local function whole_lines(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local count, last = 0, "\n"
  for text in function() return file:read(1 << 20) end do
    count = count + select(2, text:gsub("\n", ""))
    last = text:sub(-1)
  end
  file:close()
  return last == "\n" and count or nil
end

local function metrics_of(said)
  local by_key = {}
  for key, one in pairs(said) do
    one.key = key
    by_key[key] = one
  end
  return by_key
end

--- The run in a folder, when all of it is there and it was driven with these options; nil and why not, nil
--- alone when there is nothing.
---@param folder string
---@param opt table driving options
---@return table? run with results, by_key, verdict, was_cancelled, message as moontide.drive_run has them
---@return string? why
function kept.of(folder, opt)
  local path = folder .. "/" .. files.names.run
  local text = system.read(path)
  if not text then return nil end
  local said, message = json.decode(text, path)
  if type(said) ~= "table" or not said.options or not said.counts or not said.metrics then
    return nil, said and path .. " is not what a run has written" or message
  end
  if said.was_cancelled then return nil, "it was interrupted" end
  if said.counts.done == 0 then return nil, "nothing was answered" end
  local why = difference(said.options, opt)
  if why then return nil, why end
  local due, lines = said.counts.due + said.outside.due, whole_lines(folder .. "/" .. files.names.lines)
  if lines ~= due then
    return nil, ("%s has %s, not %d"):format(files.names.lines, lines and lines .. " lines" or "no whole lines",
      due)
  end
  return {
    results = said.counts, by_key = metrics_of(said.metrics), verdict = said.verdict, was_cancelled = false,
    message = said.message ~= json.null and said.message or nil, is_kept = true,
  }
end

return kept
