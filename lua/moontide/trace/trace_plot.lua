--- Requests over time as a picture: columns:plot, and the plot of a workload.
local core = require "moontide.core"
local file = require "moontide.draw.file"
local options = require "moontide.kit.options"
local styles = require "moontide.draw.style"

local trace_plot = {}

local plot_spec = file.with {
  { "from", kind = "duration" }, { "to", kind = "duration" },
  { "width", kind = "integer", min = 20, max = 1000 },
  { "height", kind = "integer", min = 3, max = 200, default = 12 },
}

-- The stretch of time that is drawn, and the time that the axis calls 0: of a trace that begins late, as one
-- of clock times does, its first request.
local function range_of(columns, opt)
  local first, last = core.columns.time_range(columns)
  if not first then core.base.raise "plot: no request has a timestamp" end
  local is_late = first > math.max(60, last - first)
  if not is_late then first = 0 end
  local from, to = opt.from or first, opt.to or last
  if opt.to == nil and to <= from then to = from + 1 end
  if to <= from then
    core.base.raise(("plot: to (%s) must be after from (%s)"):format(options.show(to), options.show(from)))
  end
  return from, to, is_late and not opt.from and not opt.to and first or 0
end

local function has_number(values)
  for _, value in ipairs(values) do
    if value == value then return true end
  end
  return false
end

---@class moontide.time_bins
---@field from number seconds
---@field to number
---@field rates number[] requests a second
---@field inputs number[] mean ISL; NaN where there is none
---@field outputs number[] mean OSL

--- Counts what is left in a source of core; or nil, message, code.
---@param source userdata
---@param from number seconds
---@param to number
---@param count integer bins
---@return moontide.time_bins? bins, string? message, string? code
function trace_plot.bins(source, from, to, count)
  local rates, inputs, outputs = core.source.bins(source, from, to, count)
  if not rates then return nil, inputs, outputs end
  for i, requests in ipairs(rates) do rates[i] = requests * count / (to - from) end
  return { from = from, to = to, rates = rates, inputs = inputs, outputs = outputs }
end

--- The bins drawn: the rate, mean ISL and mean OSL.
---@param bins moontide.time_bins
---@param how table zero (the time that the axis calls 0), title, height (lines), width (columns, or nil),
--- expected (rates to draw beside, or nil), names (of the two)
---@param style table
---@return string
function trace_plot.text(bins, how, style)
  local texts = {}
  local function draw(title, unit, height, series, names)
    texts[#texts + 1] = require("moontide.draw.line").draw({ title = title, series = series, names = names,
      x_from = bins.from - how.zero, x_to = bins.to - how.zero, x_unit = "s", y_unit = unit,
      width = how.width, height = height }, style)
  end
  draw(how.title, "requests/s", how.height, { bins.rates, how.expected }, how.names)
  if has_number(bins.inputs) then draw("mean ISL", "tokens", 5, { bins.inputs }) end
  if has_number(bins.outputs) then draw("mean OSL", "tokens", 5, { bins.outputs }) end
  return table.concat(texts, "\n")
end

---@class moontide.columns_plot_options
---@field from? number|string seconds; else the trace's beginning
---@field to? number|string seconds; else its last request
---@field width? integer of the whole chart in columns
---@field height? integer of the rate's drawing in lines
---@field file? string a picture's name: it ends in .png, .svg or .pdf, or in .gnuplot (what gnuplot is given)
---@field what? string[] figures of a trace, as `moontide plot --list` names them

--- A picture of the trace: requests a second over time, with mean ISL and OSL. With `file` its
--- figures are drawn into that file.
---@param self moontide.columns
---@param given? moontide.columns_plot_options
---@return (moontide.picture|true)? done, string? message, string? code
function trace_plot.plot(self, given)
  local opt = options.table("plot", given, plot_spec)
  if file.is_wanted(opt) then return file.plot(self, opt) end
  local from, to, zero = range_of(self, opt)
  local title = zero > 0 and ("rate (0 is the first request, at %.9g s)"):format(zero) or "rate"
  return styles.picture(function(style)
    local source <close> = assert(core.source.columns(self))
    local count = require("moontide.draw.line").bins(opt.width, style)
    local bins, message = trace_plot.bins(source, from, to, count)
    if not bins then error(message, 0) end
    local how = { zero = zero, title = title, height = opt.height, width = opt.width }
    return trace_plot.text(bins, how, style)
  end)
end

return trace_plot
