--- One cache of prefixes as a value, fed request by request or with whole traces: mt.cache.
local any = require "moontide.trace.any"
local cache_options = require "moontide.learn.cache_options"
local core = require "moontide.core"
local options = require "moontide.kit.options"
local text = require "moontide.kit.text"

local methods = {}
local metatable = { __name = "moontide.cache", __index = methods }

---@class moontide.cache
---@field policy string
---@field size integer? blocks, of each replica; absent where it is without limit, or in tiers
---@field tiers integer[]? blocks of each tier, of each replica
---@field replicas integer? how many
---@field route string? how requests find their replica
---@field block_size integer

-- The state of each cache; nil once it is closed.
local states = setmetatable({}, { __mode = "k" })

local function state_of(self, method)
  local state = states[self]
  if state then return state end
  if options.type_of(self) == "moontide.cache" then
    core.base.raise(("%s: the cache is closed"):format(method))
  end
  return options.wrong(method .. ": the cache", self, ("what mt.cache gave (cache:%s)"):format(method))
end

--- One request comes: gives how many of its leading blocks hit, and touches all of them.
-- The request is a table as traces give it: hash_ids and, for ages, timestamp (milliseconds); input_length
-- says how full the last block is. One that does not fit (too many ids, a time that goes back) is left out
-- and gives nil, a message and "input".
---@param request table
---@return integer? hits, string? message, string? code
function methods:access(request)
  return state_of(self, "access"):access(request)
end

--- All requests of a trace come, one after the other; gives the cache itself.
---@param trace moontide.trace a path, columns, a pipe, what is left in a reader, a workload, ...
---@return moontide.cache? cache, string? message, string? code
function methods:feed(trace)
  local state = state_of(self, "feed")
  local done, message, code = any.read(trace, "feed: the trace", false, function(source, is_numbered)
    return any.take(state, source, is_numbered, false, "fed")
  end)
  if not done then return nil, message, code end
  return self
end

local weight_option = { "weight", kind = "choice", choices = { "block", "request", "token" } }

--- The hit ratio so far, weighted by block, request or token as in analysis:hit_ratio; nil as long as no
--- request had hash_ids.
---@param weight? "block"|"request"|"token" default "block"
---@return number? ratio
function methods:hit_ratio(weight)
  local state = state_of(self, "hit_ratio")
  return state:figures()[options.value(weight or "block", "hit_ratio: the weight", weight_option)]
end

---@class moontide.cache_figures
---@field requests integer that had hash_ids
---@field blocks integer of them
---@field tokens integer
---@field held integer blocks that the cache holds, those too old included
---@field request number? hit ratios, weighted by request,
---@field block number? by block
---@field token number? and by token
---@field tiers moontide.tier[]? of a cache in tiers; of all replicas together
---@field replicas moontide.replica[]? where there are several, each with its own `tiers`
---@field imbalance number? of these: blocks to compute, the most of a replica / the mean

--- All figures so far.
---@return moontide.cache_figures
function methods:figures()
  return state_of(self, "figures"):figures()
end

--- Gives the memory back at once; the cache cannot be used any more.
function methods:close()
  state_of(self, "close"):close()
  states[self] = nil
end

metatable.__close = function(self)
  if states[self] then self:close() end
end

function metatable:__tostring()
  local state = states[self]
  if not state then return "cache, closed" end
  local figures = state:figures()
  local size = self.size and text.grouped_count(self.size, "block") or "no limit"
  if self.tiers then size = table.concat(self.tiers, ", ") .. " blocks in tiers" end
  if self.replicas then size = ("%s on each of %s"):format(size, text.count(self.replicas, "replica")) end
  return ("cache of %s, %s: %s, hit ratio by block %s"):format(size, self.policy,
    text.grouped_count(figures.requests, "request"), text.number(figures.block, 3))
end

local fields = {
  { "policy", kind = "choice", choices = cache_options.online, default = "lru" },
  { "size", kind = "cache_size", min = 1 },
  { "block_size", kind = "integer", min = 1, default = 512 },
  { "ttl", kind = "duration", min = 0, max = 9e9 },
  { "seed", kind = "seed", default = 0 },
  { "tiers", kind = "cache_size", min = 1, list = true },
  { "replicas", kind = "integer", min = 1, max = 4096 },
  { "route", kind = "choice", choices = cache_options.routes },
  table.unpack(cache_options.common),
}

---@class moontide.cache_options
---@field policy? string what it evicts first: lru (default), fifo, clock, sieve, s3-fifo, lfu, random
---@field size? integer|string blocks (1000), tokens ("2Mtokens") or bytes ("80GB"); default: no limit
---@field block_size? integer tokens a block, default 512
---@field bytes_per_token? number|string what a token takes ("160KB"), for a size in bytes
---@field touch? "root"|"leaf" a request touches its blocks from the first on, or from the last; default root
---@field hit_rule? "all"|"vllm" what counts as a hit: all, or all but the last block of a prompt
---@field ttl? number|string the age, seconds or "5m", at which a block is forgotten
---@field ttl_since? "use"|"write" the age counts from its last use, or from when it was computed
---@field seed? integer of the policy random
---@field tiers? any[] sizes of caches below one another (device, host, disk), in place of `size`: what one
--- evicts the next keeps
---@field replicas? integer servers, each with a cache of its own of `size`, or with `tiers` of its own
---@field route? "round-robin"|"session"|"prefix"|"least-loaded" how requests find their replica (default:
--- round-robin); a session is what a session_id names, a request without one is of none
--- (mt.analyze, which sees the whole trace, infers sessions from prompts where there is no session_id)

-- What the options say together, or nil.
local function wrong_together(opt)
  if opt.tiers then
    if opt.size then return "tiers have sizes of their own: there is no size beside them" end
    if opt.ttl then return "tiers keep blocks until they are evicted: there is no ttl beside them" end
  end
  return cache_options.check({ tiers = opt.tiers, replicas = opt.replicas, route = opt.route,
    bytes_per_token = opt.bytes_per_token }, function(name) return name end)
end

--- A cache of prefixes: a block of a request hits when the cache holds it and all blocks before it.
-- cache:access(request) gives how many blocks hit, cache:feed(trace) takes a whole trace. What it evicts is
-- its policy's; mt.analyze(trace, { policy = ... }) plays several at several sizes. With `tiers` it is
-- several caches below one another, with `replicas` several beside one another, with both each of these has
-- the tiers; cache:figures() tells each.
---@param given? moontide.cache_options
---@return moontide.cache
local function cache(given)
  local opt = options.table("cache", given, fields)
  local sizes = opt.tiers or opt.size and { opt.size } or nil
  local wrong = cache_options.wrong_sizes(sizes, opt.bytes_per_token, opt.tiers and "tiers" or "size")
    or wrong_together(opt)
  local blocks
  if sizes and not wrong then
    blocks, wrong = cache_options.blocks(sizes, opt.block_size, opt.bytes_per_token)
  end
  if wrong then core.base.raise("cache: " .. wrong) end
  local self = { policy = opt.policy, size = not opt.tiers and blocks and blocks[1] or nil,
    block_size = opt.block_size, tiers = opt.tiers and blocks, replicas = opt.replicas,
    route = opt.replicas and (opt.route or "round-robin") }
  states[self] = core.cache.new(opt.block_size, {
    policy = opt.policy, size = self.size, touch = opt.touch, hit_rule = opt.hit_rule, seed = opt.seed,
    tiers = self.tiers, replicas = self.replicas, route = self.route,
    ttl_ns = opt.ttl and math.tointeger(math.floor(opt.ttl * 1000000000 + 0.5)), ttl_since = opt.ttl_since,
  })
  return setmetatable(self, metatable)
end

---@class moontide
local public = { cache = cache }

return { public = public, methods = { { "cache", methods } } }
