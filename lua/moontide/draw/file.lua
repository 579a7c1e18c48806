--- Pictures in files, and figures by name: what `plot` of a value takes beside what it says of the terminal.
-- What draws them stands above the values: look/api.lua, which puts it in here when it is first wanted.
local late = require "moontide.kit.late"

local file = late.methods("file", {})

--- Options of every `plot`: { "file", "what" }.
file.options = {
  { "file", kind = "path" },
  { "what", kind = "string", list = true },
}

--- The options of a `plot` with these two behind its own.
---@param own moontide.option[]
---@return moontide.option[]
function file.with(own)
  local spec = table.move(own, 1, #own, 1, {})
  return table.move(file.options, 1, #file.options, #spec + 1, spec)
end

--- Is another picture wanted than the value's usual one in the terminal?
---@param opt table
---@return boolean
function file.is_wanted(opt)
  return opt.file ~= nil or opt.what ~= nil
end

--- Draws figures of a value: into opt.file, or as a picture for the terminal. Set by look/api.lua.
---@alias moontide.file_plot fun(value: any, opt: table): (moontide.picture|true)?, string?, string?

return file
