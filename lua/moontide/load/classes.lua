--- Lengths that come together: classes of request, each with its lengths, and the pairs of a trace.
local core = require "moontide.core"
local curve = require "moontide.load.curve"
local fields = require "moontide.load.fields"
local options = require "moontide.kit.options"
local prompt_kind = require "moontide.load.prompt_kind"
local stream_lengths = require "moontide.load.stream_lengths"

local classes = {}
---@class moontide
local public = {}

---@class moontide.classes
local classes_type = { __name = "moontide.classes" }

local class_options = {
  { "name", kind = "string" },
  { "input", kind = "tokens" }, { "new_input", kind = "tokens" }, { "output", kind = "tokens" },
  { "prompt", kind = "any" }, { "fields", kind = "any" },
  items = true, is_forgotten = true,
}

local function class_of(self, i, given)
  local where = ("classes: class %d"):format(i)
  local values = options.table(where, given, class_options)
  if values[1] == nil or #values > 1 then
    core.base.raise(where .. ": begins with its weight, as in {1, input=100, output=20}")
  end
  local pair = stream_lengths.pair_of(values, where)
  if type(values[1]) == "number" and values[1] < 0 then
    options.wrong(where .. ": weight", values[1], "0 or more")
  end
  pair[4] = curve.of(values[1], where .. ": weight")
  self.pairs[i] = pair
  prompt_kind.check(values.prompt, where)
  if values.prompt and core.prompt.decides(values.prompt) then
    core.base.raise(("%s: %s decides the lengths of its prompts: it is for a stream of its own"):format(
      where, prompt_kind.name(values.prompt)))
  end
  self.prompts[i] = values.prompt or false
  self.fields[i] = values.fields or false
  fields.of(values.fields, where)
  local name = values.name or tostring(i)
  for k = 1, i - 1 do
    if self.names[k] == name then
      core.base.raise(("classes: classes %d and %d are both named '%s'"):format(k, i, name))
    end
  end
  self.names[i] = name
end

---@alias moontide.any_length number|moontide.distribution|moontide.length_rule

---@class moontide.class_options
---@field [1] number|moontide.curve|function its weight
---@field name? string for totals by class; else its number: "1", "2", ...
---@field input? moontide.any_length tokens of the whole prompt; or new_input
---@field new_input? moontide.any_length tokens after the shared part
---@field output? moontide.any_length tokens of the answer
---@field prompt? moontide.prompt instead of the stream's
---@field fields? table<string, any> beside the stream's

--- Classes of request: each has its lengths and may have its own prompts and fields.
---
--- mt.classes{ {0.7, input = 200, output = 900}, {0.3, name = "rag", input = 6000, fields = {kind = "rag"}} }
---
--- With --tags each record has its class's name as its member "class"; --by class gives totals by it.
---@param list moontide.class_options[] weights are read at the request's time; curves must last as long as
--- the stream
---@return moontide.classes
function public.classes(list)
  if not options.is_plain(list) or #list == 0 then
    core.base.raise "classes: needs at least one class, as in classes{ {1, input=100, output=20} }"
  end
  options.table("classes", list, { items = true })
  local self = { pairs = {}, prompts = {}, fields = {}, names = {} }
  for i, given in ipairs(list) do class_of(self, i, given) end
  self.lengths = core.lengths.classes(self.pairs)
  return setmetatable(self, classes_type)
end

--- The pairs of ISL and OSL of a trace: each request gets one of them whole, drawn with replacement.
---@param trace moontide.trace a file, or what else may be a trace
---@return moontide.classes
function public.lengths_of(trace)
  local columns = require("moontide.trace.any").columns(trace, "lengths_of")
  return setmetatable({ lengths = core.lengths.recorded(columns), prompts = { false }, fields = { false },
    text = ("lengths_of(%d requests)"):format(#columns) }, classes_type)
end

function classes_type.__tostring(self)
  return self.text or ("classes (%d)"):format(#self.prompts)
end

classes.public = public

return classes
