--- Pictures of values in files: what `plot` of a curve, a workload, columns, a pipe, an analysis or a run does with
-- the options `file` and `what`. x:plot{ file = "x.svg" } draws by gnuplot into a file whose name ends in .png,
-- .svg or .pdf; `what` chooses figures by the names that `moontide plot --list` has, in the terminal too.
--
-- What draws is loaded when it is called for the first time.
local file = require "moontide.draw.file"
local options = require "moontide.kit.options"

function file.plot(value, opt)
  return require("moontide.look.values").plot(value, opt)
end

---@class moontide.drive_run
local methods = {}

---@class moontide.run_plot_options
---@field file? string a picture: its name ends in .png, .svg or .pdf; or in .gnuplot for what gnuplot is given
---@field what? string[] figures of a run, as `moontide plot --list` names them

--- Figures of the run over time: in the terminal a picture, with `file` into that file.
---@param given? moontide.run_plot_options
---@return (moontide.picture|true)? done, string? message, string? code
function methods:plot(given)
  return file.plot(self, options.table("plot", given, file.options))
end

return { methods = { { "drive_run", methods } } }
