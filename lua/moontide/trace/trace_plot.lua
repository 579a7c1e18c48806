--- The picture of a trace: columns:plot.
local core = require "moontide.core"
local chart = require "moontide.draw.chart"
local options = require "moontide.kit.options"
core.base.own()

local plot_spec = {
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

---@class moontide.columns_plot_options
---@field from? number|string seconds; else the trace's beginning
---@field to? number|string seconds; else its last request
---@field width? integer of the whole chart in columns
---@field height? integer of the rate's drawing in lines

--- A picture of the trace: requests a second over time, with mean ISL and OSL.
---@param self moontide.columns
---@param given? moontide.columns_plot_options
---@return moontide.picture
return function(self, given)
  local opt = options.table("plot", given, plot_spec)
  local from, to, zero = range_of(self, opt)
  return chart.picture(function(style)
    local bins = chart.bins(opt.width, style)
    local counts, inputs, outputs = core.columns.time_bins(self, from, to, bins)
    if not counts then error(inputs, 0) end
    local texts = {}
    local function draw(title, unit, height, values)
      texts[#texts + 1] = chart.line({ title = title, series = { values }, x_from = from - zero,
        x_to = to - zero, x_unit = "s", y_unit = unit, width = opt.width, height = height }, style)
    end
    local rates = {}
    for i, count in ipairs(counts) do rates[i] = count * bins / (to - from) end
    local title = zero > 0 and ("rate (0 is the first request, at %.9g s)"):format(zero) or "rate"
    draw(title, "requests/s", opt.height, rates)
    if has_number(inputs) then draw("mean ISL", "tokens", 5, inputs) end
    if has_number(outputs) then draw("mean OSL", "tokens", 5, outputs) end
    return table.concat(texts, "\n")
  end)
end
