--- Where the console's lines come from: a terminal, edited with libedit where moontide.edit is there, or
--- whatever else standard input is, as it comes.
local core = require "moontide.core"
local report = require "moontide.kit.report"
local system = require "moontide.kit.system"
core.base.own()

local input = {}

-- --- history ---------------------------------------------------------------------------------------

-- Lines that the next session knows, and from which length on the file is cut back to them.
local most_remembered, most_kept = 1000, 4000

-- The lines of the last sessions; cuts the file back when it has grown long.
local function read_history(path)
  local lines = {}
  local file = io.open(path, "r")
  if not file then return lines end
  for line in file:lines() do lines[#lines + 1] = line end
  file:close()
  local count = #lines
  local last = table.move(lines, math.max(1, count - most_remembered + 1), count, 1, {})
  file = count > most_kept and io.open(path .. ".new", "w") or nil
  if file then
    local is_whole = file:write(table.concat(last, "\n"), "\n") and file:close()
    if is_whole then os.rename(path .. ".new", path) else os.remove(path .. ".new") end
  end
  return last
end

-- --- an edited terminal ----------------------------------------------------------------------------

local edited = {}
edited.__index = edited

function edited:read(prompt)
  io.stdout:flush()
  return self.editor:read(prompt)
end

-- Each line goes into the file at once: a session may end in many ways.
function edited:remember(line)
  if line == self.last then return end
  self.last = line
  self.editor:remember(line)
  local file = self.path and io.open(self.path, "a")
  if file and file:write(line, "\n") and file:close() then return end
  if self.path then report.note("the history cannot be kept in " .. self.path) end
  self.path = nil
end

function edited:close()
  self.editor:close()
end

local function open_edited(complete)
  if system.variable "TERM" == nil or system.variable "TERM" == "dumb" then return nil end
  local is_there, edit = pcall(require, "moontide.edit")
  local editor = is_there and edit.new(function(before) return complete(before, edit.list) end)
  if not editor then return nil end
  local self = setmetatable({ editor = editor }, edited)
  local folder = system.folder("XDG_STATE_HOME", ".local/state")
  if folder then
    edit.make_folder(folder)
    self.path = folder .. "/history"
    for _, line in ipairs(read_history(self.path)) do editor:remember(line) end
  end
  return self
end

-- --- lines as they come ----------------------------------------------------------------------------

local plain = {}
plain.__index = plain

function plain:read(prompt)
  if self.is_terminal then
    io.stdout:write(prompt):flush()
    core.interrupt.wait_for_line()
    if core.base.interrupted() then return nil, "interrupted" end
  end
  local line, message = io.stdin:read "L" -- io.input may be another file
  if line then return (line:gsub("\r?\n$", "")) end
  if core.base.interrupted() then return nil, "interrupted" end
  return nil, message or "end"
end

function plain.remember() end
function plain.close() end

--- Opens the prompt's input. Its methods: read(prompt) -> line | nil, "end" | nil, "interrupted" | nil,
--- message; remember(line); close().
---@param is_terminal boolean
---@param complete fun(before: string, list_folder: function): string?, string? what Tab inserts and lists
---@return table
function input.open(is_terminal, complete)
  return is_terminal and open_edited(complete) or setmetatable({ is_terminal = is_terminal }, plain)
end

return input
