--- Figures into a file: a picture, or what gnuplot would be given for it.
local core = require "moontide.core"
local gnuplot = require "moontide.look.gnuplot"

local picture = {}

--- Refuses a name whose ending says no kind of picture, and a file that cannot be written, before the work.
---@param path string
---@param what string the option's name for messages
---@return true? done, string? message, string? code
function picture.check(path, what)
  if not gnuplot.format(path) then
    return nil, ("%s: '%s' must end in .png, .svg or .pdf, or in .gnuplot for what gnuplot is given")
      :format(what, path), "usage"
  end
  return require("moontide.drive").can_write(path)
end

--- Writes figures as one picture: the file is there whole, or as it was.
---@param figures moontide.figure[]
---@param path string ends in .png, .svg, .pdf or .gnuplot
---@return true? done, string? message, string? code
function picture.write(figures, path)
  local format = gnuplot.format(path)
  if not format then core.base.raise(("plot: '%s' says no kind of picture"):format(path)) end
  local bytes, message, code
  if format == "gnuplot" then
    bytes = gnuplot.text(figures, path:gsub("%.[^.]*$", "") .. ".png", "png")
  else
    bytes, message, code = gnuplot.draw(figures, path, format)
    if not bytes then return nil, message, code end
  end
  return require("moontide.drive").write_file(path, bytes)
end

return picture
