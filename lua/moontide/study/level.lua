--- One level of a load: a target with one or two of its quantities set, driven into a folder of its own. What
--- sweeps and searches for the most are made of.
--
-- A *load* is { name =, make = function(varied, opt) -> target, or nil, message, code }: varied are the
-- options of a script that the level sets, { { name, text }, ... }; opt are the driving options.
-- A level's *settings*: concurrency, request_rate (requests a second on average), rate_scale, varied, and any
-- driving option (seed, output_dir, num_requests, window). The rate of a trace is changed by its speed.
local core = require "moontide.core"
local options = require "moontide.kit.options"
local quiet = require "moontide.study.quiet"
local reset = require "moontide.drive.reset"
local run = require "moontide.drive.run"
local targets = require "moontide.drive.target"

local level = {}

---@class moontide.load
---@field name string
---@field make fun(varied: table[], opt: table): moontide.target?, string?, string?

-- The rate of a trace is found by reading its times: once for all levels.
local function once_read(load)
  local make, known = load.make, nil
  function load.make(varied, opt)
    local made, message, code = make(varied, opt)
    local times = made and not made.is_plan and made.times
    if times then
      function made.times(...)
        if known then return known end
        local found, trouble, kind = times(...)
        known = found
        return found, trouble, kind
      end
    end
    return made, message, code
  end
  return load
end

--- The load that a target of the command line is: a trace, a script's file, or a bundled script, with words
--- of its own.
---@param name string
---@param words string[]
---@return moontide.load? load, string? message, string? code
function level.load(name, words)
  if name == "-" then
    return nil, "standard input can be read only once: the trace must be a file", "usage"
  end
  if name:find "^%-" then
    return nil, ("what is to be sent is missing before -- and '%s'"):format(name), "usage"
  end
  if targets.is_plan(name) then
    return { name = name, make = function(varied, opt)
      local all = table.move(words, 1, #words, 1, {})
      for _, one in ipairs(varied) do all[#all + 1] = ("--%s=%s"):format(one[1], one[2]) end
      return targets.of(name, all, opt)
    end }
  end
  local file, trouble = io.open(name, "rb")
  if not file then return nil, trouble, "io" end
  file:close()
  return once_read { name = name, make = function(varied, opt)
    if #varied > 0 then
      return nil, ("--vary %s: a trace has no options, only a script"):format(varied[1][1]), "usage"
    end
    return targets.of(name, words, opt)
  end }
end

-- The load of a function that makes a workload or a trace of what is varied.
local function load_of_function(make)
  return { name = "function", make = function(varied, opt)
    local given = {}
    for _, one in ipairs(varied) do given[options.key(one[1])] = tonumber(one[2]) or one[2] end
    return targets.of_value(make(given), opt)
  end }
end

--- The load that a value is: a workload, a trace, or a function that makes one of what is varied.
---@param value moontide.trace|fun(varied: table<string, any>): moontide.trace
---@param what string its name for messages: "sweep: the trace"
---@return moontide.load
function level.load_of_value(value, what)
  if type(value) == "function" then return load_of_function(value) end
  return once_read { name = targets.name_of(value, what), make = function(varied, opt)
    if #varied > 0 then
      return nil, ("--vary %s: only a function can make a load of it"):format(varied[1][1]), "usage"
    end
    return targets.of_value(value, opt)
  end }
end

local of_level = { request_rate = true, rate_scale = true, varied = true }

--- The seed of a level: another one for each level and repeat, the same whichever others there are.
---@param seed integer of the whole
---@param name string of the level
---@param number integer of the repeat, from 1
---@return integer
function level.seed(seed, name, number)
  return core.random.new(seed, name, "level"):seek(number):u32()
end

-- The target, and the options it is driven with.
local function prepare(load, settings, opt)
  local replaced = {}
  for name, value in pairs(settings) do
    if not of_level[name] then replaced[name] = value end
  end
  local varied, scale = settings.varied or {}, settings.rate_scale
  if #varied > 0 then
    replaced.varied = {}
    for _, one in ipairs(varied) do replaced.varied[one[1]] = one[2] end
  end
  local own = options.with(opt, replaced)
  local target, message, code = load.make(varied, own)
  if not target then return nil, message, code end
  if settings.request_rate then
    local rate
    rate, message, code = target:rate(own, settings.request_rate)
    if not rate then return nil, message, code end
    scale = settings.request_rate / rate
  end
  if not scale then return target, own end
  if not target.is_plan then return target, options.with(own, { speed_ratio = own.speed_ratio * scale }) end
  own = options.with(own, { rate_scale = own.rate_scale * scale })
  target, message, code = load.make(varied, own)
  if not target then return nil, message, code end
  return target, own
end

level.prepare = prepare

-- "request rate 5, isl 500"
local function name_of(settings)
  local parts = {}
  for _, name in ipairs { "concurrency", "request_rate", "rate_scale" } do
    if settings[name] then parts[#parts + 1] = ("%s %.9g"):format((name:gsub("_", " ")), settings[name]) end
  end
  for _, one in ipairs(settings.varied or {}) do parts[#parts + 1] = ("%s %s"):format(one[1], one[2]) end
  return table.concat(parts, ", ")
end

--- Waits until the server is quiet, resets its cache where that is asked for, and drives the level. Gives its
--- run, or nil, message, code.
---@param load moontide.load
---@param settings table
---@param opt table driving options, with settle and reset_cache
---@param is_first boolean nothing was sent before: there is nothing to rest from
---@return moontide.drive_run? run, string? message, string? code
function level.drive(load, settings, opt, is_first)
  local target, own, code = prepare(load, settings, opt)
  if not target then return nil, own --[[@as string]], code end
  if not quiet.wait(opt, is_first and 0 or opt.settle) then return nil, "interrupted", "interrupted" end
  local was_reset = reset.before(opt)
  if settings.stop_after then target.stop_after = settings.stop_after end
  target.level = name_of(settings)
  local made, message
  made, message, code = run.of(target, own)
  if made then made.cache_was_reset, made.is_of_trace = was_reset, not target.is_plan end
  return made, message, code
end

return level
