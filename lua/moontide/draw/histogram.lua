--- The histogram: how often which values occur, as bars.
local core = require "moontide.core"
local axis = require "moontide.draw.axis"
local bars = require "moontide.draw.bars"
local options = require "moontide.kit.options"
local styles = require "moontide.draw.style"
local texts = require "moontide.kit.text"

local hist_spec = {
  { "bins", kind = "integer", min = 1, max = 200, default = 15 },
  { "log", kind = "boolean", default = false },
  { "width", kind = "integer", min = 20, max = 1000 },
  { "title", kind = "string" },
}

local units = {
  timestamp = "ms", delay = "ms", input_length = "tokens", output_length = "tokens", hash_count = "blocks",
}

-- --- edges -----------------------------------------------------------------------------------------

-- Equal bins that begin and end at round numbers; of whole numbers at least 1 wide.
local function equal_edges(low, high, bins, are_whole)
  local step = low < high and axis.nice_step((high - low) / bins) or 1
  if are_whole then step = math.max(step, 1) end
  local edges = {}
  for i = math.floor(low / step), math.max(math.ceil(high / step), math.floor(low / step) + 1) do
    edges[#edges + 1] = i * step
  end
  return edges
end

-- Bins from one of the factors times a power of ten to another; the powers are `every` apart.
local function edges_of(low, high, factors, every)
  local edges = {}
  local power = (math.floor(math.log(low, 10)) - 1) // every * every
  while true do
    for _, factor in ipairs(factors) do
      local edge = factor * 10.0 ^ power
      if edge <= low then edges[1] = edge else edges[#edges + 1] = edge end
      if #edges > 1 and edge >= high then return edges end
    end
    power = power + every
  end
end

-- From few bins to many: the factors, and by how many powers of ten they go on.
local ladders = {
  { { 1 }, 16 }, { { 1 }, 8 }, { { 1 }, 4 }, { { 1 }, 3 }, { { 1 }, 2 }, { { 1 }, 1 }, { { 1, 3 }, 1 },
  { { 1, 2, 5 }, 1 }, { { 1, 1.5, 2, 3, 5, 7 }, 1 }, { { 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 }, 1 },
  { { 1, 1.1, 1.2, 1.3, 1.4, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3.2, 3.6, 4, 4.5, 5, 5.6, 6.3, 7, 8, 9 }, 1 },
}

-- Bins that grow: by 1, 2 and 5 times powers of ten, or, where it is said how many they are, by the steps
-- that come nearest to it.
local function growing_edges(low, high, bins)
  if not bins then return edges_of(low, high, { 1, 2, 5 }, 1) end
  local best
  for _, ladder in ipairs(ladders) do
    local edges = edges_of(low, high, ladder[1], ladder[2])
    if not best or math.abs(#edges - 1 - bins) < math.abs(#best - 1 - bins) then best = edges end
  end
  return best
end

-- --- values ----------------------------------------------------------------------------------------

-- How many values there are, the lowest and the highest, whether all are whole, what they are called, and a
-- function that counts them between edges.
local function look_at_column(column)
  local name = tostring(column):match "^column: ([%w_]+)"
  local low, high, count = column:min(), column:max(), column:count()
  return {
    count = count, absent = #column - count, low = low, high = high,
    are_whole = math.type(low) == "integer" and math.type(high) == "integer",
    name = name, unit = units[name],
    counts = function(edges) return column:histogram(edges) end,
  }
end

-- The bin of a value between edges; the last one has its upper edge too.
local function bin_of(edges, value)
  local low, high = 1, #edges
  while high - low > 1 do
    local middle = (low + high) // 2
    if edges[middle] <= value then low = middle else high = middle end
  end
  return low
end

local function look_at_list(values)
  local self = { count = #values, absent = 0, are_whole = true }
  for i, value in ipairs(values) do
    options.number(value, ("hist: value %d"):format(i))
    self.low, self.high = math.min(self.low or value, value), math.max(self.high or value, value)
    self.are_whole = self.are_whole and value == math.floor(value)
  end
  function self.counts(edges)
    local counts = {}
    for i = 1, #edges - 1 do counts[i] = 0 end
    for _, value in ipairs(values) do
      local bin = bin_of(edges, value)
      counts[bin] = counts[bin] + 1
    end
    return counts
  end
  return self
end

-- "input_length (tokens): 12031 values, 5 requests without one"
local function title_of(values, given)
  if given then return given end
  local unit = values.unit and (" (%s)"):format(values.unit) or ""
  local title = values.name and values.name .. unit .. ": " or ""
  title = title .. texts.count(values.count, "value")
  if values.absent == 0 then return title end
  return ("%s, %s without one"):format(title, texts.count(values.absent, "request"))
end

-- --- the picture -----------------------------------------------------------------------------------

---@class moontide.hist_options
---@field bins? integer about so many; 15
---@field log? boolean bins that grow with the value, for long tails; values must be above 0
---@field width? integer of the whole chart in columns
---@field title? string

--- How often which values occur, as bars: of a column of a trace, or of a list of numbers. A bin has its
--- first number and what is below its second; the last has both. Print it.
---@param values moontide.column|number[]
---@param given? moontide.hist_options
---@return moontide.picture
return function(values, given)
  local opt = options.table("hist", given, hist_spec)
  local looked
  if options.type_of(values) == "moontide.column" then
    looked = look_at_column(values)
  elseif options.is_plain(values) then
    looked = look_at_list(values)
  else
    options.wrong("hist: the values", values, "a column (columns:column 'input_length') or a list of numbers")
  end
  if looked.count == 0 then core.base.raise "hist: there are no values" end
  if opt.log and looked.low <= 0 then
    core.base.raise(("hist: log needs values above 0, the lowest is %s"):format(options.show(looked.low)))
  end
  local edges = opt.log and growing_edges(looked.low, looked.high, options.given(opt, "bins") and opt.bins)
    or equal_edges(looked.low, looked.high, opt.bins, looked.are_whole)
  local counts, message = looked.counts(edges)
  if not counts then core.base.raise("hist: " .. message) end
  local rows = {}
  for i, count in ipairs(counts) do
    rows[i] = { ("%s to %s"):format(axis.number(edges[i]), axis.number(edges[i + 1])), count }
  end
  local title = title_of(looked, opt.title)
  return styles.picture(function(style)
    return bars({ rows = rows, width = opt.width, title = title }, style)
  end)
end
