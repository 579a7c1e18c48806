--- A sweep as a value: it prints as its table, and its levels' measures are asked for by name.
--
--   name, target, words, urls, model, seed, repeats, axes (study/axes.lua), folder (nil: no files),
--   was_cancelled
--   levels   { folder =, cells =, settings =, status =, runs = { ... } } each
--   run      { folder =, seed =, status =, message =, reasons = (why it failed), is_kept =, run = (a
--            moontide.drive_run), cache_was_reset = } each: one a level, or --repeat of them
--
-- A status is "done", "failed" (nothing was answered, it was invalid, or a bound was exceeded), "interrupted"
-- or "not run". A level is as its worst run.
--
-- What shows it is loaded when it is asked for: this file is a part of every start.
local core = require "moontide.core"
local options = require "moontide.kit.options"

local sweep_value = {}

---@class moontide.sweep
---@field levels table[] in the order in which they were driven
---@field was_cancelled boolean Ctrl-C ended it
local methods = {}

local metatable = { __name = "moontide.sweep", __index = methods }

function metatable:__tostring() return require("moontide.study.sweep_report").text(self) end
function metatable:__json() return require("moontide.study.sweep_report").json(self) end
function metatable:__len() return #self.levels end

--- A measure of a level as run:measure names them, "ttft.p99": its mean over the repeats, and half the width
--- of the mean's 95 % interval where there are repeats; nil where it was not measured.
---@param level integer which, from 1
---@param name string
---@return number? mean, number? half_width
function methods:measure(level, name)
  level = options.integer(level, "measure: the level")
  local one = self.levels[level]
  if not one then core.base.raise(("measure: there is no level %d of %d"):format(level, #self.levels)) end
  name = options.value(name, "measure: the name", { kind = "string" })
  local wrong = require("moontide.drive.summary").wrong_name(name)
  if wrong then core.base.raise("measure: " .. wrong) end
  return require("moontide.study.sweep_report").measure(one, name)
end

--- The value of a sweep's figures.
---@param self table
---@return moontide.sweep
function sweep_value.new(self)
  return setmetatable(self, metatable)
end

sweep_value.methods = methods

return sweep_value
