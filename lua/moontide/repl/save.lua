--- What was typed in the console as a script that runs by itself: a plan when the last result is a workload,
--- else a command that prints what the console showed.
local core = require "moontide.core"
local report = require "moontide.kit.report"
local system = require "moontide.kit.system"
local texts = require "moontide.kit.text"

local save = {}

---@class moontide.repl_entry
---@field text string
---@field kind "expression"|"statement"|"returning"|"note"
---@field is_kept boolean? its first value became _
---@field is_printed boolean? the value has a text that print shows as the console did

-- An input as lines of a script. Statements that begin with "(" would go on with the line before.
local function lines_of(entry, is_command)
  local text = entry.text
  if entry.kind == "note" then return "-- " .. text end
  if entry.kind == "statement" then return text:find "^%s*%(" and ";" .. text or text end
  if entry.kind == "returning" then text = "(function()\n" .. text .. "\nend)()" end
  if not entry.is_kept then
    -- A call whose value nobody kept; what is no statement by itself has done nothing.
    if not load(text) then return "-- " .. text:gsub("\n", "\n-- ") end
    return text:find "^%s*%(" and ";" .. text or text
  end
  local kept = "_ = " .. text
  return is_command and entry.is_printed and kept .. "\nprint(_)" or kept
end

-- The lines indented, unless that could change a string that goes over several.
local function indented(text)
  if text:find "%[=*%[" or text:find "\\\n" then return text end
  return "    " .. text:gsub("\n", "\n    ")
end

local function uses(entries, name)
  for _, entry in ipairs(entries) do
    if entry.kind ~= "note" and entry.text:find("%f[%w_]" .. name .. "%f[^%w_]") then return true end
  end
  return false
end

local function keeps(entries)
  for _, entry in ipairs(entries) do
    if entry.is_kept then return true end
  end
  return uses(entries, "_")
end

-- The script's text.
local function text_of(session, is_plan)
  local entries = session.entries
  local lines = { ("-- Typed in the console of Moontide %s."):format(core.version) }
  lines[2] = 'local mt = require "moontide"'
  if uses(entries, "hist") then lines[#lines + 1] = "local hist = mt.chart.hist" end
  if keeps(entries) then lines[#lines + 1] = "local _" end
  lines[#lines + 1] = is_plan and ""
    or '\nreturn mt.script {\n  summary = "Typed in the console",\n  run = function()'
  for _, entry in ipairs(entries) do
    local text = lines_of(entry, not is_plan)
    lines[#lines + 1] = is_plan and text or indented(text)
  end
  lines[#lines + 1] = is_plan and "\nreturn _" or "  end,\n}"
  return table.concat(lines, "\n") .. "\n"
end

-- Writes beside the target and renames, so that a failure leaves nothing half done.
local function write_file(path, text)
  local beside = path .. ".new"
  local file, message = io.open(beside, "wb")
  if not file then core.base.raise(".save: " .. message) end
  local is_written, trouble = file:write(text)
  local is_closed, at_close = file:close()
  if is_written and is_closed then
    is_written, trouble = os.rename(beside, path)
  else
    is_written, trouble = nil, trouble or at_close
  end
  if not is_written then
    os.remove(beside)
    core.base.raise((".save: %s: %s"):format(path, trouble))
  end
end

--- Writes the script; gives a line that says what it is. A file that this session has not written is not
--- overwritten.
---@param session moontide.repl_session
---@param path string
---@return string
function save.write(session, path)
  if not path:find "%.lua$" then core.base.raise(".save: the name must end in .lua, not '" .. path .. "'") end
  if system.exists(path) and not session.saved[path] then
    core.base.raise((".save: %s is there already; another name, or remove it first"):format(path))
  end
  local is_plan = require("moontide.load.workload").is(session:last())
  local text = text_of(session, is_plan)
  local is_whole, message = load(text, "@" .. path)
  if not is_whole then core.base.raise(".save: what was typed is no script as a whole: " .. message) end
  write_file(path, text)
  session.saved[path] = true
  if session.seed ~= 0 and is_plan then
    report.note((".save: the seed was %s: moontide %s --seed %s"):format(texts.seed(session.seed), path,
      texts.seed(session.seed)))
  end
  return ("%s: %s"):format(path, is_plan and "a plan, as --check, --plot and -o take it" or "a command")
end

return save
