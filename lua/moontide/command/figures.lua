--- What commands that make or read a load do of --expect, --service, --step and --series: count its requests
-- in a profile while they pass, and judge and write what was counted.
local expectation = require "moontide.learn.expectation"
local options = require "moontide.kit.options"
local profile = require "moontide.learn.profile"

local figures = {}

--- The options; `series`: with those that only a command that shows figures has.
---@param is_shown? boolean
---@return moontide.option[]
function figures.options(is_shown)
  local list = { expectation.option, profile.spec[1], profile.spec[2] }
  if is_shown then
    list[4] = { "series", kind = "path", placeholder = "FILE.csv",
      help = "write rates, tokens and, with --service, what is in flight: a row a --step" }
  end
  return list
end

--- What of it was asked for, a table of its own: a command's options know no names but its own.
---@param opt table
---@return table
function figures.asked(opt)
  local asked = {}
  for _, name in ipairs { "expect", "service", "step", "series", "by" } do asked[name] = rawget(opt, name) end
  return asked
end

--- Puts the times of a run in the place of its folder; nil, message, code when there is no such run.
---@param opt table service; changed
---@return true? done, string? message, string? code
function figures.resolve(opt)
  local folder = opt.service and opt.service.run
  if not folder then return true end
  local run, message, code = require("moontide").run_of(folder)
  if not run then return nil, "--service: " .. message, code end
  opt.service = options.value(run, "--service", profile.spec[1])
  return true
end

--- What is wrong with the options together.
---@param opt table
---@return string?
function figures.mistake(opt)
  local wrong = expectation.mistake(opt.expect, opt.service, "--service")
  return wrong and "--expect: " .. wrong
end

--- Is anything asked for?
---@param opt table
---@return boolean
function figures.are_wanted(opt)
  return (opt.expect or opt.series or opt.service or opt.by) ~= nil
end

---@class moontide.watch
---@field state userdata? of core.profile, where something is asked for: for pipe.watched
---@field asked table?
---@field judge (fun(): true?, string?, string?)? to be called once all requests have passed

--- What is to watch a load that passes. Nil, message, code when a run cannot be read.
---@param opt table expect, service, step, series, by
---@param from? number seconds, as profile.open has it
---@param to? number
---@return moontide.watch? watch, string? message, string? code
function figures.watch(opt, from, to)
  local asked = figures.asked(opt)
  if not figures.are_wanted(asked) then return {} end
  local done, message, code = figures.resolve(asked)
  if not done then return nil, message, code end
  -- Totals by a member are known of requests in any order.
  asked.no_series = not (asked.expect or asked.series or asked.service)
  local state = profile.open(asked, from, to)
  return { state = state, asked = asked, judge = function()
    return figures.finish(profile.result(state, asked, to), asked)
  end }
end

--- Writes the series and judges: nil, message, code where something is not as expected.
---@param counted moontide.profile
---@param opt table expect, series
---@param more? table<string, number[]> further columns of the series
---@return true? done, string? message, string? code
function figures.finish(counted, opt, more)
  if opt.series then
    local done, message, code = counted:write_series(opt.series, more)
    if not done then return nil, message, code end
  end
  if not opt.expect then return true end
  return expectation.tell(opt.expect, counted)
end

--- Judges what count(asked) gives, a profile or nil, message, code.
---@param opt table
---@param count fun(asked: table): moontide.profile?, string?, string?
---@return true? done, string? message, string? code
function figures.judge(opt, count)
  local asked = figures.asked(opt)
  local done, message, code = figures.resolve(asked)
  if not done then return nil, message, code end
  local counted
  counted, message, code = count(asked)
  if not counted then return nil, message, code end
  return figures.finish(counted, asked)
end

return figures
