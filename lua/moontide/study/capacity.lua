--- The command `find-max`: what it takes of the command line.
local drive_options = require "moontide.drive.options"
local figures = require "moontide.command.figures"
local find_max = require "moontide.study.find_max"
local json = require("moontide.base.json").public.json
local level = require "moontide.study.level"

local capacity = {}

-- Driving options that a probe sets by itself.
local replaced = {
  ["concurrency"] = true, ["rate-scale"] = true, ["duration"] = true, ["num-requests"] = true,
  ["window"] = true, ["start-at"] = true, ["record"] = true, ["slo"] = true, ["fail-over"] = true,
  ["grace"] = true, ["phases"] = true,
}

--- The driving options that a search takes.
---@return moontide.option[]
function capacity.driving()
  local list = {}
  for _, option in ipairs(drive_options.all {}) do
    if option[1] == "accept-invalid" then
      option = { option[1], kind = "flag", help = "probes count whatever the driver's verdict" }
    end
    if not replaced[option[1]] then list[#list + 1] = option end
  end
  return list
end

--- All options of the command, in order.
---@return moontide.option[]
function capacity.options()
  local list = {
    { "target", kind = "string", argument = true, placeholder = "TARGET",
      help = "a trace, a script's file, or a bundled script (steady, burst, mixed, sin)" },
    { "words", kind = "string", argument = true, list = true, hidden = true },
  }
  table.move(find_max.options, 1, #find_max.options, #list + 1, list)
  local more = figures.options(false, "that of the first probe, before it is driven")
  for _, part in ipairs { capacity.driving(), more } do
    table.move(part, 1, #part, #list + 1, list)
  end
  return list
end

--- What is wrong with the options, or nil.
---@param opt table
---@return string?
function capacity.check(opt)
  local wrong = drive_options.check(opt) or figures.mistake(opt)
  if wrong then return wrong end
  if not opt.slo then return "--slo is missing: the promises (ttft.p99=500,error_rate=0.01)" end
  for _, one in ipairs(opt.slo) do
    if one[1]:find "@" then return ("--slo: %s: a probe is not told by phase"):format(one[1]) end
    if one[1] == "goodput" or one[1] == "good_request_count" then
      return ("--slo: %s is of objectives of each request, which find-max does not have: name a percentile "
        .. "(ttft.p99=500)"):format(one[1])
    end
  end
  if opt.first and opt.most and opt.first > opt.most then return "--first must not be above --most" end
  for _, name in ipairs { "first", "most" } do
    if opt.unit == "concurrency" and opt[name] and opt[name] % 1 ~= 0 then
      return ("--%s must be a whole number of requests in flight, not %.9g"):format(name, opt[name])
    end
  end
  if opt.unit == "concurrency" and opt.speed_ratio ~= 1 then
    return "--unit concurrency and --speed-ratio exclude each other: a closed loop takes no notice of times"
  end
end

--- Runs the command.
---@param opt table checked
---@return integer? status, string? message, string? code
function capacity.run(opt)
  local load, message, code = level.load(opt.target, opt.words or {})
  if not load then return nil, message, code end
  local found
  found, message, code = find_max.run(load, opt)
  if not found then return nil, message, code end
  print(opt.json and json.encode(found) or found)
  return find_max.status(found)
end

return capacity
