--- What a picture may use on this terminal, and pictures as values.
local core = require "moontide.core"
local system = require "moontide.kit.system"
core.base.own()

local style = {}

---@class moontide.chart_style
---@field utf8 boolean
---@field colour boolean
---@field columns integer

--- The style for standard output.
---@return moontide.chart_style
function style.current()
  local locale = system.variable "LC_ALL" or system.variable "LC_CTYPE" or system.variable "LANG" or ""
  local terminal = system.variable "TERM"
  local is_plain = terminal == "dumb" or system.variable "NO_COLOR" ~= nil
  local columns = math.tointeger(tonumber(system.variable "COLUMNS")) or core.base.terminal_width() or 80
  return {
    utf8 = locale:lower():find "utf%-?8" ~= nil and not is_plain,
    colour = core.base.is_terminal(1) and not is_plain,
    columns = math.max(20, math.min(columns, 1000)),
  }
end

---@class moontide.picture

local picture_metatable = { __name = "moontide.picture" }
function picture_metatable:__tostring()
  return self.draw(style.current())
end

--- A value that is drawn when it is printed, in the style of the moment.
---@param draw fun(style: moontide.chart_style): string
---@return moontide.picture
function style.picture(draw)
  return setmetatable({ draw = draw }, picture_metatable)
end

--- A text on one line of at most so many columns; a longer one ends in "...".
---@param text any
---@param columns integer
---@return string
function style.cut(text, columns)
  text = tostring(text):gsub("%c", " ")
  local length = utf8.len(text) or #text
  if length <= columns then return text end
  local at = utf8.len(text) and utf8.offset(text, columns - 2) or columns - 2
  return text:sub(1, at - 1) .. "..."
end

return style
