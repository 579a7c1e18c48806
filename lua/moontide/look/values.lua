--- Figures of values in Lua: x:plot{ file = "x.svg", what = { "rate" } }.
local any = require "moontide.trace.any"
local catalogue = require "moontide.look.catalogue"
local core = require "moontide.core"
local curve = require "moontide.load.curve"
local options = require "moontide.kit.options"
local picture = require "moontide.look.picture"
local run = require "moontide.look.run"
local style = require "moontide.draw.style"
local subject = require "moontide.look.subject"
local terminal = require "moontide.look.terminal"
local trace = require "moontide.look.trace"

local values = {}

local curve_bins = 400

-- The subject that a value is; figures of a curve.
local subject_of = {
  ["moontide.workload"] = function(value, opt)
    return subject.of_workload(value, value.name or "workload", opt)
  end,
  ["moontide.columns"] = function(value, opt)
    return trace.subject(any.pipe(value, "plot: the trace"), "trace", "plot: the trace",
      { from = opt.from, to = opt.to })
  end,
  ["moontide.analysis"] = function(value)
    return { kind = "analysis", name = "trace", analysis = value, samples = {} }
  end,
  ["moontide.drive_run"] = function(value) return run.subject(value, value.target or "run") end,
}

local function figures_of(value, opt)
  if curve.is(value) then
    return { trace.of_rates(opt.title, curve.means(value, opt.from, opt.to, curve_bins), opt.from, opt.to) }
  end
  local one, message, code = subject_of[options.type_of(value)](value, opt)
  if not one then return nil, message, code end
  return catalogue.figures({ one }, opt.what, "plot: what")
end

--- What draw/file.lua's `plot` is.
---@param value any
---@param opt table file or what, and the value's own options
---@return (moontide.picture|true)? done, string? message, string? code
function values.plot(value, opt)
  if opt.file then
    local can, message, code = picture.check(opt.file, "plot: file")
    if not can and code == "usage" then core.base.raise(message) end
    if not can then return nil, message, code end
  end
  local figures, message, code = figures_of(value, opt)
  if not figures then return nil, message, code end
  if opt.file then return picture.write(figures, opt.file) end
  return style.picture(function(how)
    local parts = {}
    for i, one in ipairs(figures) do parts[i] = terminal.text(one, how) end
    return table.concat(parts, "\n\n")
  end)
end

return values
