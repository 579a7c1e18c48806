--- What is expected of a load: 'requests=900..1100', 'input_length.p99<20000', 'rate.peak<40'; and whether a
-- profile (moontide.learn.profile) keeps it.
local core = require "moontide.core"
local kinds = require "moontide.kit.kinds"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"
local profile = require "moontide.learn.profile"
local report = require "moontide.kit.report"

local expectation = {}

---@class moontide.expectation
---@field name string
---@field text string as it was given
---@field low number -math.huge: no bound
---@field high number
---@field above boolean low itself is too little
---@field below boolean high itself is too much

local forms = "NAME=VALUE, NAME=LEAST..MOST, NAME<MOST, NAME<=MOST, NAME>LEAST or NAME>=LEAST"

local function check_name(name, what)
  if profile.cache_of(name) then return end
  for _, known in ipairs(profile.names) do
    if name == known then return end
  end
  core.base.raise(("%s: there is no figure '%s'%s; there are %s, hit_ratio.BLOCKS"):format(what, name,
    nearest.hint(name, profile.names), table.concat(profile.names, ", ")))
end

-- A bound: a number, "20k", "60/m", "1h30m".
local function bound(text, name, what)
  if name == "duration" then return options.duration(text, what .. ": " .. name) end
  if not tonumber((text:gsub("%s*/%s*%a+$", ""):gsub("%s*[kM]$", ""))) then
    core.base.raise(("%s: %s is held against a number (20, 1.5k; of a rate 60/m), not '%s'")
      :format(what, name, text))
  end
  return options.rate_number(text, what .. ": " .. name)
end

local makers = {
  ["="] = function(low, high) return { low = low, high = high or low } end,
  ["<"] = function(high) return { low = -math.huge, high = high, below = true } end,
  ["<="] = function(high) return { low = -math.huge, high = high } end,
  [">"] = function(low) return { low = low, high = math.huge, above = true } end,
  [">="] = function(low) return { low = low, high = math.huge } end,
}

-- One expectation of its text.
local function of_text(text, what)
  local name, sign, rest = text:match "^%s*([%w_.]+)%s*([<>=]=?)%s*(.-)%s*$"
  if sign == "==" then sign = "=" end
  if not name or not makers[sign] or rest == "" then options.wrong(what, text, forms) end
  check_name(name, what)
  local low, high = rest:match "^(.-)%.%.(.+)$"
  if low and sign ~= "=" then options.wrong(what, text, forms) end
  local self = makers[sign](bound(low or rest, name, what), high and bound(high, name, what) or nil)
  if self.low > self.high then
    core.base.raise(("%s: %s: the least is above the most"):format(what, text))
  end
  self.name, self.text = name, text:match "^%s*(.-)%s*$"
  return self
end

-- The text of name = value in a table: { requests = { 900, 1100 }, ["rate.peak"] = "<40" }.
local function pair(name, value, what)
  if type(value) == "table" and #value ~= 2 then
    core.base.raise(("%s: %s: a list is { LEAST, MOST }, two numbers"):format(what, name))
  end
  if type(value) == "table" then return ("%s=%s..%s"):format(name, value[1], value[2]) end
  if type(value) == "string" and value:find "^%s*[<>=]" then return name .. value end
  return ("%s=%s"):format(name, tostring(value))
end

kinds.by_name.expectation = { placeholder = "FIGURE=RANGE", pair = pair, convert = function(value, what)
  if type(value) ~= "string" then options.wrong(what, value, forms) end
  return of_text(value, what)
end }

--- What is wrong with expectations beside other options; nil: nothing.
---@param list moontide.expectation[]?
---@param service table? what an answer takes
---@param flag string how a service is given: "--service"
---@return string?
function expectation.mistake(list, service, flag)
  local caches, known = 0, {}
  for _, one in ipairs(list or {}) do
    if profile.cache_of(one.name) and not known[one.name] then known[one.name], caches = true, caches + 1 end
  end
  if caches >= profile.most_caches then -- one is left for --series
    return ("hit ratios of at most %d caches are counted, not of %d"):format(profile.most_caches - 1, caches)
  end
  for _, one in ipairs(list or {}) do
    if profile.needs_service(one.name) and not service then
      return ("%s is known only with %s"):format(one.name, flag)
    end
  end
end

local function number(value)
  return options.python_number(math.tointeger(value) or tonumber(("%.6g"):format(value)))
end

---@class moontide.expectation_result
---@field name string
---@field text string
---@field value number? nil: the load has no such figure
---@field ok boolean

--- Whether a load is as expected: all the results, and how many are not.
---@param list moontide.expectation[]
---@param counted moontide.profile
---@return moontide.expectation_result[], integer missed
function expectation.judge(list, counted)
  local results, missed = {}, 0
  for i, one in ipairs(list) do
    local value = counted:figure(one.name)
    local ok = value ~= nil and value >= one.low and value <= one.high
      and not (one.above and value == one.low) and not (one.below and value == one.high)
    results[i] = { name = one.name, text = one.text, value = value, ok = ok }
    if not ok then missed = missed + 1 end
  end
  return results, missed
end

-- Why a load lacks a figure, where that is not plain.
local function why_none(name)
  if not profile.cache_of(name) then return "" end
  return ": no request of it names blocks (hash_ids); results of a run have lengths alone, the trace that "
    .. "was sent has the blocks (replay --record)"
end

--- A result as a line.
---@param result moontide.expectation_result
---@return string
function expectation.line(result)
  if not result.value then
    return ("expected %s: the load has no %s%s"):format(result.text, result.name, why_none(result.name))
  end
  return ("expected %s: %s is %s%s"):format(result.text, result.name, number(result.value),
    result.ok and "" or ", which is not so")
end

--- For a command: tells each result on standard error; nil, message, code when one is missed.
---@param list moontide.expectation[]
---@param loads { profile: moontide.profile, name: string? }[] what is judged; a name stands before its lines
---@return true? ok, string? message, string? code
function expectation.tell(list, loads)
  local missed = 0
  for _, load in ipairs(loads) do
    local results, missed_here = expectation.judge(list, load.profile)
    for _, result in ipairs(results) do
      report.note((load.name and load.name .. ": " or "") .. expectation.line(result))
    end
    missed = missed + missed_here
  end
  if missed == 0 then return true end
  return nil, ("%d of %d expectations missed"):format(missed, #list * #loads), "value"
end

return expectation
