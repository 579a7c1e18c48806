--- Pictures of values in files: what `plot` of a curve, workload, columns, pipe, analysis or run does
-- with the options `file` and `what`. x:plot{ file = "x.svg" } draws by gnuplot into a file; its name ends in
-- .png, .svg or .pdf. `what` chooses figures as `moontide plot --list` names them, in the terminal too.
--
-- What draws is loaded when it is called for the first time.
local file = require "moontide.draw.file"
local options = require "moontide.kit.options"

function file.plot(value, opt)
  return require("moontide.look.values").plot(value, opt)
end

---@class moontide
local public = {}

---@class moontide.drive_run
local methods = {}

---@class moontide.run_plot_options
---@field file? string a picture's name: it ends in .png, .svg or .pdf, or in .gnuplot (what gnuplot is given)
---@field what? string[] figures of a run, as `moontide plot --list` names them

--- Figures of the run over time: in the terminal a picture, with `file` into that file.
---@param given? moontide.run_plot_options
---@return (moontide.picture|true)? done, string? message, string? code
function methods:plot(given)
  return file.plot(self, options.table("plot", given, file.options))
end

return { public = public, methods = { { "drive_run", methods } } }
