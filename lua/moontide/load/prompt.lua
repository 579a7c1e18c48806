--- Prompts: who shares which prefix.
local core = require "moontide.core"
local distribution = require "moontide.load.distribution"
local laws = require "moontide.load.distribution_laws"
local knobs = require "moontide.learn.knobs"
local models = require "moontide.learn.model"
local options = require "moontide.kit.options"
local stream = require "moontide.load.stream"

---@class moontide.prompt a prompt source

---@class moontide
local public = {}

--- Every prompt is new from its first token on.
---@return moontide.prompt
function public.unique(...)
  if select("#", ...) > 0 then core.base.raise "unique: takes nothing: every prompt is new" end
  return core.prompt.unique()
end

---@class moontide.random_blocks_options
---@field total integer at least 1

--- Every block is one of `total` contents, each as likely; a prefix is shared as far as they agree.
---@param opt moontide.random_blocks_options
---@return moontide.prompt
function public.random_blocks(opt)
  local values = options.table("random_blocks", opt, {
    { "total", kind = "integer", min = 1, required = true },
  })
  return core.prompt.random_blocks(values.total)
end

-- A value as it reads in a constructor: numbers whole where they are.
local function shown(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if math.type(value) == "float" and value == math.floor(value) then
    return ("%d"):format(value)
  end
  return tostring(value)
end

-- "key=value, ..." of the keys that are set, in order.
local function fields_text(values, keys)
  local texts = {}
  for _, key in ipairs(keys) do
    if values[key] ~= nil then texts[#texts + 1] = key .. "=" .. shown(values[key]) end
  end
  return table.concat(texts, ", ")
end

---@class moontide.shared_prefix_options
---@field tokens number|moontide.distribution drawn once a group; only whole blocks are shared
---@field groups? integer how many different ones; 1
---@field zipf? number exponent of their popularity; 0: all alike
---@field name? string equal names share their contents; without one they are the stream's own

--- A shared beginning: `groups` of them, chosen uniformly or by a Zipf law, each `tokens` long.
---
--- mt.shared_prefix{ tokens = 2000, groups = 50, zipf = 1.1, name = "system" }
---@param opt moontide.shared_prefix_options
---@return moontide.prompt
function public.shared_prefix(opt)
  local values = options.table("shared_prefix", opt, {
    { "tokens", kind = "length", required = true },
    { "groups", kind = "integer", min = 1, default = 1 },
    { "zipf", kind = "number", min = 0, default = 0 },
    { "name", kind = "string" },
  })
  stream.check_name(values.name, "shared_prefix: name")
  local pick = values.groups
  if values.zipf > 0 then
    pick = laws.public.zipf { n = values.groups, s = values.zipf }
  end
  local given = { tokens = values.tokens, name = values.name }
  if values.groups > 1 then given.groups = values.groups end
  if values.zipf > 0 then given.zipf = values.zipf end
  local text = "shared_prefix{" .. fields_text(given, { "tokens", "groups", "zipf", "name" }) .. "}"
  local tokens = distribution.of(values.tokens, "shared_prefix: tokens")
  return core.prompt.parts({ { tokens, pick, 1, values.name } }, text)
end

local part_options = {
  { "tokens", kind = "length", required = true },
  { "pick", kind = "any", default = 1 },
  { "count", kind = "integer", min = 1, default = 1 },
  { "name", kind = "string" },
}

-- How a part picks its content: a whole number of equally likely ones, or a distribution.
local function pick_of(value, where)
  if type(value) == "number" then
    local count = options.integer(value, where .. ": pick")
    if count < 1 then core.base.raise(where .. ": pick must be at least 1") end
    return count
  end
  return distribution.of(value, where .. ": pick")
end

---@class moontide.part_options
---@field tokens number|moontide.distribution drawn once a content
---@field pick? integer|moontide.distribution among so many contents, each as likely, or by a distribution
---@field count? integer picked so many times in a row
---@field name? string equal names share their contents

--- Contents chained in order, each picked anew by every request; what is left of the prompt is new.
---
--- mt.parts{ {tokens = 512}, {tokens = 2048, pick = mt.zipf{n = 1e6, s = 1}, count = 3} }
---@param list moontide.part_options[]
---@return moontide.prompt
function public.parts(list)
  if not options.is_plain(list) or #list == 0 then
    core.base.raise "parts: needs at least one part, as in parts{ {tokens=512}, {tokens=2048, pick=100} }"
  end
  options.table("parts", list, { items = true })
  local parts, texts = {}, {}
  for i, part in ipairs(list) do
    local where = ("parts: part %d"):format(i)
    local values = options.table(where, part, part_options)
    stream.check_name(values.name, where .. ": name")
    local tokens = distribution.of(values.tokens, where .. ": tokens")
    parts[i] = { tokens, pick_of(values.pick, where), values.count, values.name }
    texts[i] = "{" .. fields_text(part, { "tokens", "pick", "count", "name" }) .. "}"
  end
  return core.prompt.parts(parts, "parts{ " .. table.concat(texts, ", ") .. " }")
end

---@class moontide.prompts_of_options
---@field wrap? boolean again from the first when they run out

--- The prompts of a trace in its order, with their lengths: request k has the k-th. Without wrap the stream
--- ends with them; output= in the stream replaces their OSL.
---@param trace moontide.trace a file, or what else may be one; its block size is the workload's
---@param opt? moontide.prompts_of_options
---@return moontide.prompt
function public.prompts_of(trace, opt)
  local values = options.table("prompts_of", opt, { { "wrap", kind = "boolean", default = false } })
  return core.prompt.recorded(require("moontide.trace.any").columns(trace, "prompts_of"), values.wrap)
end

local learned_options = { { "block_size", kind = "integer", min = 1 }, table.unpack(knobs.fields) }

---@class moontide.learned_options: moontide.adjust_options
---@field block_size? integer tokens a block of a trace: 512; a model has its own

--- Prompts made anew that come back in a cache as those of a trace did, with their lengths, and never end:
--- request k of the stream has the k-th, whenever it comes. Every stream has a population of its own;
--- output= in the stream replaces their OSL. What model:adjust takes is taken here too: of more sessions at
--- once, say, their prompts come back later, in blocks touched between.
---
--- mt.stream{ arrivals = mt.poisson(mt.ramp(1, 20, "10m")), prompt = mt.learned "day.model" }
---@param source moontide.trace|moontide.model a trace, or what was learnt from one
---@param opt? moontide.learned_options
---@return moontide.prompt
function public.learned(source, opt)
  local values = options.table("learned", opt, learned_options)
  local problem = knobs.mistake(values, options.key)
  if problem then core.base.raise("learned: " .. problem) end
  local model, message = models.of(source, values, "learned: the trace")
  if model then model, message = knobs.turn(model, values, options.key) end
  if not model then core.base.raise("learned: " .. message) end
  return core.prompt.learned(model)
end

return { public = public }
