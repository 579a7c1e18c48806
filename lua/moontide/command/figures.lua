--- What commands that make or read a load do of --expect, --service, --step and --series: count its requests
-- in a profile while they pass, and judge and write what was counted. What counts and judges is required
-- where somebody asks for it.
local options = require "moontide.kit.options"
local profile_options = require "moontide.learn.profile_options"

local figures = {}

--- The options; `series`: with those that only a command that shows figures has.
---@param is_shown? boolean
---@param whose? string what the load is, for the help, where that is not plain
---@return moontide.option[]
function figures.options(is_shown, whose)
  local service, step = profile_options.spec[1], profile_options.spec[2]
  local plain = is_shown and { expect = profile_options.expect.help, step = step.help }
    or profile_options.without_series
  local help = plain.expect .. (whose and ". The load is " .. whose or "")
  local list = { options.with(profile_options.expect, { help = help }), service,
    options.with(step, { help = plain.step }) }
  if is_shown then
    table.move(profile_options.series_spec, 1, #profile_options.series_spec, #list + 1, list)
  end
  return list
end

local names = { "expect", "service", "step", "series", "series_cache", "by", "touch", "hit_rule",
  "block_size", "bytes_per_token" }

--- What of it was asked for, a table of its own: a command's options know no names but its own.
---@param opt table
---@return table
function figures.asked(opt)
  local asked = {}
  for _, name in ipairs(names) do asked[name] = rawget(opt, name) end
  return asked
end

-- What the series have a hit ratio of.
local function hits_of(asked)
  local hits = { touch = asked.touch, hit_rule = asked.hit_rule }
  if not asked.series_cache then return hits end
  local cache_options = require "moontide.learn.cache_options"
  local sizes, message, code = cache_options.blocks({ asked.series_cache }, asked.block_size,
    asked.bytes_per_token)
  if not sizes then return nil, message, code end
  hits.size = sizes[1]
  return hits
end

--- Puts the times of a run in the place of its folder, and adds what hits are counted of; nil, message, code
--- when there is no such run, or no such cache.
---@param asked table service, series, series_cache, block_size; changed
---@return true? done, string? message, string? code
function figures.resolve(asked)
  local message, code
  if asked.series then
    asked.hits, message, code = hits_of(asked)
    if not asked.hits then return nil, "--series-cache: " .. message, code end
  end
  local folder = asked.service and asked.service.run
  if not folder then return true end
  local run
  run, message, code = require("moontide").run_of(folder)
  if not run then return nil, "--service: " .. message, code end
  asked.service = options.value(run, "--service", profile_options.spec[1])
  return true
end

-- --service or --step, where nobody asked for a figure that they are of.
local function idle(opt, asked, wants, is_shown, wants_of_step)
  if asked.expect or asked.series then return nil end
  if asked.service and not is_shown then return "--service goes with " .. wants end
  if options.given(opt, "step") and not asked.service then return "--step goes with " .. wants_of_step end
end

--- What is wrong with the options together.
---@param opt table
---@param wants? string the options that --service and --step are of, for messages: "--expect"
---@param is_shown? boolean with --service alone figures are shown
---@param wants_of_step? string the same of --step, where those of --service are others
---@return string?
function figures.mistake(opt, wants, is_shown, wants_of_step)
  local asked = figures.asked(opt)
  local wrong = asked.expect
    and require("moontide.learn.expectation").mistake(asked.expect, asked.service, "--service")
  if wrong then return "--expect: " .. wrong end
  wrong = idle(opt, asked, wants or "--expect", is_shown, wants_of_step or wants or "--expect")
  if wrong then return wrong end
  local size = asked.series_cache
  if not size then return nil end
  if not asked.series then return "--series-cache goes with --series" end
  local cache_options = require "moontide.learn.cache_options"
  wrong = cache_options.wrong_sizes({ size }, asked.bytes_per_token, "--series-cache")
  if wrong then return wrong end
  if type(size) == "table" and not asked.block_size then
    return ("--series-cache: %s are blocks only with --block-size"):format(size.text)
  end
end

--- Is anything asked for?
---@param opt table
---@return boolean
function figures.are_wanted(opt)
  return (opt.expect or opt.series or opt.service or opt.by) ~= nil
end

-- Is there a figure that needs the requests in the order of their times?
local function needs_order(asked)
  for _, one in ipairs(asked.expect or {}) do
    if require("moontide.learn.profile").needs_order(one.name) then return true end
  end
  return (asked.series or asked.service) ~= nil
end

---@class moontide.watch
---@field state userdata? of core.profile, where something is asked for: for pipe.watched
---@field asked table?
---@field counted (fun(): moontide.profile)? what was counted, once all requests have passed
---@field judge (fun(): true?, string?, string?)? to be called once all requests have passed

--- What is to watch a load that passes. Nil, message, code when a run cannot be read.
---@param opt table expect, service, step, series, series_cache, by
---@param from? number seconds, as profile.open has it
---@param to? number
---@param is_shown? boolean all that is known of it is shown
---@return moontide.watch? watch, string? message, string? code
function figures.watch(opt, from, to, is_shown)
  local asked = figures.asked(opt)
  if not figures.are_wanted(asked) then return {} end
  local done, message, code = figures.resolve(asked)
  if not done then return nil, message, code end
  -- Totals, lengths and what goes by a member are known of requests in any order.
  asked.no_series = not (needs_order(asked) or is_shown and asked.expect)
  local profile = require "moontide.learn.profile"
  local state = profile.open(asked, from, to)
  local function counted() return profile.result(state, asked, to) end
  return { state = state, asked = asked, counted = counted,
    judge = function() return figures.finish(counted(), asked) end }
end

--- Writes the series and judges: nil, message, code where something is not as expected.
---@param counted moontide.profile
---@param opt table expect, series
---@param name? string whose figures they are, where there are several
---@return true? done, string? message, string? code
function figures.finish(counted, opt, name)
  if opt.series then
    local done, message, code = counted:write_series(opt.series)
    if not done then return nil, message, code end
  end
  if not opt.expect then return true end
  return require("moontide.learn.expectation").tell(opt.expect, { { profile = counted, name = name } })
end

--- Judges loads that are counted before anything is done with them, one after the other.
---@param opt table
---@param loads { name: string?, count: fun(asked: table): moontide.profile?, string?, string? }[]
---@return true? done, string? message, string? code
function figures.judge(opt, loads)
  local asked, counted = figures.asked(opt), {}
  local done, message, code = figures.resolve(asked)
  if not done then return nil, message, code end
  for i, load in ipairs(loads) do
    local one
    one, message, code = load.count(asked)
    if not one then return nil, message, code end
    counted[i] = { profile = one, name = load.name }
  end
  return require("moontide.learn.expectation").tell(asked.expect, counted)
end

return figures
