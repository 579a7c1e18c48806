--- What a trace can be, handed to something that takes it request by request.
local core = require "moontide.core"
local options = require "moontide.kit.options"
local pipe = require "moontide.trace.pipe"
local report = require "moontide.kit.report"
core.base.own()

local intake = {}

-- Requests between two looks at whether progress is to be shown.
local step = 20000

--- All that is left of a reader or a pipe's source, in steps, with progress.
---@param take fun(most: integer): integer?, string?, string? takes so many requests, gives how many it took
---@param done string what has been done to a request: "learnt"
---@return true? done, string? message, string? code
function intake.steps(take, done)
  local total = 0
  repeat
    local count, message, code = take(step)
    if not count then
      report.finish()
      return nil, message, code
    end
    total = total + count
    report.progress(function() return ("%d requests %s"):format(total, done) end)
  until count < step
  report.finish()
  return true
end

--- Columns, or all that is left of a reader or a pipe's source, into a taker of core (lua/intake.h there).
---@param taker userdata with :read and :add
---@param source userdata
---@param skip boolean? pass over what does not fit, and count it
---@param done string as for steps
---@return true? done, string? message, string? code
function intake.into(taker, source, skip, done)
  if options.type_of(source) == "moontide.columns" then return taker:add(source, skip) end
  return intake.steps(function(most) return taker:read(source, most, skip) end, done)
end

--- Requests and lines that a taker passed over, those of its reader or source included.
---@param taker userdata with :skipped
---@param source userdata as `into` was given it
---@return integer count, string? first what was wrong with the first
function intake.skipped(taker, source)
  return taker:skipped(options.type_of(source) ~= "moontide.columns" and source or nil)
end

---@class moontide.intake_options
---@field what string the trace's name for messages
---@field allowed? string what it can be, for messages
---@field skip_bad_lines? boolean of a file
---@field open? fun(path: string, skip_bad_lines: boolean): userdata?, string?, string? opens a file, in place
--- of core.trace.open; only a reader is closed afterwards

--- Opens what a trace can be and does the work with it: columns, a reader, or a pipe's source. Raises when
--- `trace` is none; gives what work gives, or nil, message, code.
---@param trace string|moontide.columns|moontide.reader|moontide.pipe
---@param work fun(source: userdata): any, any, string?
---@param how moontide.intake_options
---@return any result, any message, string? code
function intake.open(trace, work, how)
  local kind = options.type_of(trace)
  if kind == "moontide.columns" or kind == "moontide.reader" then return work(trace) end
  if kind == "moontide.pipe" then return pipe.read(trace, work) end
  if type(trace) ~= "string" then
    options.wrong(how.what, trace, how.allowed or "a file's name, columns, a pipe or a reader")
  end
  local opened, message, code = (how.open or core.trace.open)(trace, how.skip_bad_lines or false)
  if not opened then return nil, message, code end
  if options.type_of(opened) ~= "moontide.reader" then return work(opened) end
  local reader <close> = opened
  return work(reader)
end

return intake
