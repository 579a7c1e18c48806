--- Streams of requests: an arrival process with lengths, a prompt source and fields, as a value.
local core = require "moontide.core"
local distribution = require "moontide.distribution"
local fields = require "moontide.fields"
local options = require "moontide.options"
core.base.own()

local stream = {}
local public = {}

---@class moontide.stream
---@field name string?
---@field process moontide.process
local stream_type = { __name = "moontide.stream" }
---@class moontide.classes
local classes_type = { __name = "moontide.classes" }

--- Is the value one of ours, by the name of its type ("moontide.stream")?
---@param value any
---@param type_name string
---@return boolean
function stream.is_type(value, type_name)
  local metatable = getmetatable(value)
  return type(metatable) == "table" and rawget(metatable, "__name") == type_name
end

local function check_type(value, type_name, what, allowed)
  if value ~= nil and not stream.is_type(value, type_name) then options.wrong(what, value, allowed) end
  return value
end

-- --- lengths --------------------------------------------------------------------------------------

-- The pair {input, is_new, output or false} of a stream or class; exactly one input is given.
local function pair_of(values, where)
  if (values.input == nil) == (values.new_input == nil) then
    core.base.raise(where .. (values.input == nil
      and ": input= (the whole prompt) or new_input= (what is added to its shared part) is required"
      or ": input= is the whole prompt, new_input= what is added to its shared part: give one of them"))
  end
  local is_new = values.new_input ~= nil
  local name = is_new and "new_input" or "input"
  local output = false
  if values.output ~= nil then output = distribution.of(values.output, where .. ": output") end
  return { distribution.of(values[name], where .. ": " .. name), is_new, output }
end

local class_options = {
  { "input", kind = "length" }, { "new_input", kind = "length" }, { "output", kind = "length" },
  { "prompt", kind = "any" }, { "fields", kind = "any" },
  items = true,
}

local function class_of(self, i, given)
  local where = ("classes: class %d"):format(i)
  local values = options.table(where, given, class_options)
  if values[1] == nil or #values > 1 then
    core.base.raise(where .. ": begins with its weight, as in {1, input=100, output=20}")
  end
  local pair = pair_of(values, where)
  if type(values[1]) == "number" and values[1] < 0 then
    options.wrong(where .. ": weight", values[1], "0 or more")
  end
  pair[4] = require("moontide.curve").of(values[1], where .. ": weight")
  self.pairs[i] = pair
  self.prompts[i] = check_type(values.prompt, "moontide.prompt", where .. ": prompt",
    "a prompt source such as mt.unique()") or false
  self.fields[i] = values.fields or false
  fields.of(values.fields, where)
end

--- Classes of request: each has its lengths and may have its own prompts and fields.
---
--- mt.classes{ {0.7, input = 200, output = 900}, {0.3, input = 6000, fields = {kind = "rag"}} }
---@param list table[] { weight, input= | new_input=, output=, prompt=, fields= } each: the weight is a number
--- or a curve, read at the request's time; lengths are tokens; fields are added to the stream's
---@return moontide.classes
function public.classes(list)
  if type(list) ~= "table" or getmetatable(list) or #list == 0 then
    core.base.raise "classes: needs at least one class, as in classes{ {1, input=100, output=20} }"
  end
  options.table("classes", list, { items = true })
  local self = { pairs = {}, prompts = {}, fields = {} }
  for i, given in ipairs(list) do class_of(self, i, given) end
  self.lengths = core.lengths.classes(self.pairs)
  return setmetatable(self, classes_type)
end

function classes_type.__tostring(self)
  return ("classes (%d)"):format(#self.prompts)
end

-- --- streams --------------------------------------------------------------------------------------

local stream_options = {
  { "name", kind = "string" },
  { "arrivals", kind = "any", required = true },
  { "input", kind = "length" }, { "new_input", kind = "length" }, { "output", kind = "length" },
  { "lengths", kind = "any" },
  { "prompt", kind = "any" },
  { "fields", kind = "any" },
}

local function use_classes(self, values, where)
  for _, name in ipairs { "input", "new_input", "output" } do
    if values[name] ~= nil then
      core.base.raise(("%s: lengths= says how long requests are: leave out %s="):format(where, name))
    end
  end
  self.lengths = values.lengths.lengths
  self.class_prompts, self.class_fields = values.lengths.prompts, {}
  for i, own in ipairs(values.lengths.fields) do
    self.class_fields[i] = own and fields.of(own, where, values.fields) or false
  end
end

---@class moontide.stream_options
---@field name? string
---@field arrivals moontide.process when requests come
---@field input? number|moontide.distribution tokens of the whole prompt; or new_input, or lengths
---@field new_input? number|moontide.distribution tokens after the shared part
---@field output? number|moontide.distribution tokens of the answer; without it records have no output_length
---@field lengths? moontide.classes
---@field prompt? moontide.prompt without it every prompt is unique
---@field fields? table<string, any> further members of the records

--- A stream of requests: when they come, how long they are, who shares which prefix.
---
--- mt.stream{ arrivals = mt.poisson(20), input = mt.lognormal{mean=2400, cv=1.2}, output = 300 }
---@param opt moontide.stream_options
---@return moontide.stream
function public.stream(opt)
  local values = options.table("stream", opt, stream_options)
  if values.name == "" then core.base.raise "stream: name must not be empty" end
  local where = values.name and ("stream '%s'"):format(values.name) or "stream"
  check_type(values.arrivals, "moontide.process", where .. ": arrivals",
    "an arrival process such as mt.poisson(20)")
  check_type(values.prompt, "moontide.prompt", where .. ": prompt", "a prompt source such as mt.unique()")
  check_type(values.lengths, "moontide.classes", where .. ": lengths", "mt.classes{...}")
  local self = {
    name = values.name, process = values.arrivals,
    prompt = values.prompt or core.prompt.unique(),
    fields = fields.of(values.fields, where),
  }
  if values.lengths then
    use_classes(self, values, where)
  else
    self.lengths = core.lengths.pair(pair_of(values, where))
  end
  return setmetatable(self, stream_type)
end

function stream_type.__tostring(self)
  return ("stream %s: %s, %s"):format(self.name or "main", tostring(self.process), tostring(self.prompt))
end

stream.public = public

return stream
