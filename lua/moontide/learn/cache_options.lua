--- Options of caches: sizes in blocks, tokens or bytes; policies, ages, what counts as a hit.
local core = require "moontide.core"
local lists = require "moontide.kit.lists"
local options = require "moontide.kit.options"

local cache_options = {}

--- The policies there are, { name =, summary =, looks_ahead =, is_sampled = } each.
cache_options.policies = core.analysis.policies()

--- How requests find their replica.
cache_options.routes = { "round-robin", "session", "prefix", "least-loaded" }

local most_tiers = 16
local names, online, is_online, sampled, is_sampled = {}, {}, {}, {}, {}
for i, policy in ipairs(cache_options.policies) do
  names[i] = policy.name
  is_online[policy.name] = not policy.looks_ahead
  if not policy.looks_ahead then online[#online + 1] = policy.name end
  is_sampled[policy.name] = policy.is_sampled
  if policy.is_sampled then sampled[#sampled + 1] = policy.name end
end

--- Their names, as choices; those of policies that need not know what comes.
cache_options.names, cache_options.online = names, online

--- By name: a sample tells its hits.
---@type table<string, boolean>
cache_options.is_sampled = is_sampled

-- What each evicts first, for the help: "lru: the least recently used block; ...".
local function explained()
  local texts = {}
  for i, policy in ipairs(cache_options.policies) do
    texts[i] = ("%s: %s"):format(policy.name, policy.summary)
  end
  return table.concat(texts, "; ")
end

-- --- sizes -----------------------------------------------------------------------------------------

local scales = { [""] = 1, k = 1e3, M = 1e6, G = 1e9, T = 1e12 }
local binary = { K = 2 ^ 10, M = 2 ^ 20, G = 2 ^ 30, T = 2 ^ 40 }
local decimal = { [""] = 1, K = 1e3, k = 1e3, M = 1e6, G = 1e9, T = 1e12 }

-- Bytes in a text such as "80GB", "64GiB", or nil.
local function bytes_of(text)
  local digits, scale, is_binary = text:match "^%s*([%d.]+)%s*([kKMGT]?)(i?)B%s*$"
  local factor = is_binary == "i" and binary[scale] or is_binary == "" and decimal[scale]
  local number = tonumber(digits)
  return number and factor and number * factor or nil
end

-- Tokens in a text such as "200ktokens", "2M tokens", or nil.
local function tokens_of(text)
  local digits, scale = text:match "^%s*([%d.]+)([kMGT]?)%s*tokens?%s*$"
  local number = tonumber(digits)
  return number and number * scales[scale] or nil
end

-- A number of blocks, { tokens = } or { bytes = }.
local function convert_size(value, what, option)
  if type(value) == "table" and (value.tokens or value.bytes) then return value end
  if type(value) == "string" then
    local tokens, bytes = tokens_of(value), bytes_of(value)
    if tokens and tokens > 0 then return { tokens = tokens, text = value } end
    if bytes and bytes > 0 then return { bytes = bytes, text = value } end
  end
  if type(value) == "string" and not tonumber((value:gsub("[kM]$", ""))) then
    options.wrong(what, value, "blocks (1000, 20k), tokens (2Mtokens) or bytes (80GB)")
  end
  if type(value) == "string" and value:find "^0%d%d$" then -- of "1,000"
    options.wrong(what, value, "sizes without commas in them (1000,20000)")
  end
  return options.kinds.integer.convert(value, what, option)
end

options.kinds.cache_size = { convert = convert_size, placeholder = "SIZE" }

local function convert_bytes(value, what, option, from_text)
  local bytes = type(value) == "string" and bytes_of(value)
  if bytes then value = bytes end
  if type(value) == "string" and not (from_text and tonumber(value)) then
    options.wrong(what, value, "a number of bytes (160KB, 163840)")
  end
  return options.kinds.number.convert(value, what, option, from_text)
end

options.kinds.bytes = { convert = convert_bytes, placeholder = "BYTES" }

--- Why the sizes cannot be said in blocks, or nil: bytes without bytes a token.
---@param sizes any[]? as the kind cache_size gives them
---@param bytes_per_token number?
---@param name string the option's, for the message
---@return string?
function cache_options.wrong_sizes(sizes, bytes_per_token, name)
  for _, size in ipairs(sizes or {}) do
    if type(size) == "table" and size.bytes and not bytes_per_token then
      return ("%s is in bytes (%s), and what a token takes is not known (%s)"):format(name, size.text,
        name:find "^%-%-" and "--bytes-per-token" or "bytes_per_token")
    end
  end
end

--- The sizes in blocks.
---@param sizes any[] as the kind cache_size gives them
---@param block_size integer
---@param bytes_per_token number?
---@return integer[]? blocks, string? message, string? code
function cache_options.blocks(sizes, block_size, bytes_per_token)
  local blocks = {}
  for i, size in ipairs(sizes) do
    if type(size) == "table" then
      local tokens = size.tokens or size.bytes / bytes_per_token
      blocks[i] = math.tointeger(math.min(tokens // block_size, 2.0 ^ 62))
      if blocks[i] < 1 then
        local message = "a cache of %s has no room for a block of %d tokens"
        return nil, message:format(size.text, block_size), "input"
      end
    else
      blocks[i] = size
    end
  end
  return blocks
end

-- --- the options -----------------------------------------------------------------------------------

--- Of one cache, or of each of several; `mt.cache` and `mt.analyze` have them.
cache_options.common = {
  { "bytes_per_token", kind = "bytes", above = 0,
    help = "what a token takes in a cache (160KB), for sizes in bytes" },
  { "touch", kind = "choice", choices = { "root", "leaf" }, default = "root",
    help = "a request touches its blocks from the first on, or from the last, so that last ones go first" },
  { "hit_rule", kind = "choice", choices = { "all", "vllm" }, default = "all",
    help = "what counts as a hit: all, or all but a prompt's last block, whose last token vLLM computes" },
  { "ttl_since", kind = "choice", choices = { "use", "write" }, default = "use",
    help = "a block's age counts from its last use, or from when it was computed" },
}

--- Options of analyses that play caches through.
cache_options.analysis = {
  { "cache_sizes", kind = "cache_size", list = true, min = 1, placeholder = "SIZE",
    help = "sizes of caches: blocks (1000), tokens (2Mtokens) or bytes (80GB); "
      .. "default: where the curve of LRU bends" },
  { "policy", kind = "choice", list = true, choices = names, placeholder = "NAME",
    help = "what caches evict first, played through at each size. " .. explained() },
  { "sample", kind = "number", above = 0, max = 1,
    help = "of " .. table.concat(sampled, ", ") .. ": play this part of the blocks (0.01), at sizes of "
      .. "1000 of them or more, with errors; saves no memory, and mostly no time; all other policies "
      .. "are played whole, ages are exact, tiers and replicas cannot be sampled" },
  { "ttl", kind = "duration", list = true, min = 0,
    help = "ages (5s,30s,5m) at which a cache without limit forgets a block (of one with a size: mt.cache)" },
  { "by", kind = "string", placeholder = "MEMBER",
    help = "hit ratios also by the values of a member of the requests (model, stream, ...)" },
  { "tiers", kind = "cache_size", list = true, min = 1, placeholder = "SIZE",
    help = "caches below one another, of these sizes: what one evicts the next one keeps (not of optimum)" },
  { "replicas", kind = "integer", list = true, min = 1, max = 4096,
    help = "how many servers (1,2,4), each with a cache of its own of each size, or with tiers of its own "
      .. "(not of optimum)" },
  { "route", kind = "choice", choices = cache_options.routes,
    help = "how requests find their replica: round-robin, one after the other (default); session, all of a "
      .. "session to one (session_id, or as it is inferred from prompts), sessions one after the other; "
      .. "least-loaded, to the one that had fewest blocks to compute so far, of equals the first; prefix, to "
      .. "the one that holds most of the leading blocks, of equals the least loaded, and to the least loaded "
      .. "of all where none holds half" },
  table.unpack(cache_options.common),
}

--- A list of the same options as the command line names them.
---@param list moontide.option[]
---@return moontide.option[]
function cache_options.flags(list)
  local flags = {}
  for i, option in ipairs(list) do
    flags[i] = {}
    for key, value in pairs(option) do flags[i][key] = value end
    flags[i][1] = option[1]:gsub("_", "-")
  end
  return flags
end

local function is_in_bytes(sizes)
  for _, size in ipairs(sizes or {}) do
    if type(size) == "table" and size.bytes then return true end
  end
  return false
end

-- An option that was given and is of others, which were not; or nil.
local function idle(opt, label)
  if options.given(opt, "ttl_since") and not opt.ttl then
    return ("%s needs %s"):format(label "ttl_since", label "ttl")
  end
  if not opt.bytes_per_token or not options.given(opt, "bytes_per_token") then return nil end
  for _, sizes in ipairs { opt.cache_sizes or {}, opt.tiers or {}, { opt.series_cache } } do
    if is_in_bytes(sizes) then return nil end
  end
  return label "bytes_per_token" .. " needs a size in bytes"
end

--- What the options say together, or nil.
---@param opt table
---@param label fun(name: string): string how an option is called in messages
---@return string?
function cache_options.check(opt, label)
  local wrong = cache_options.wrong_sizes(opt.cache_sizes, opt.bytes_per_token, label "cache_sizes")
    or cache_options.wrong_sizes(opt.tiers, opt.bytes_per_token, label "tiers")
  if wrong then return wrong end
  wrong = idle(opt, label)
  if wrong then return wrong end
  local tiers, replicas = label "tiers", label "replicas"
  if opt.route and not opt.replicas then return label "route" .. " needs " .. replicas end
  if opt.tiers and #opt.tiers > most_tiers then
    return ("%s are at most %d, not %d"):format(tiers, most_tiers, #opt.tiers)
  end
  if opt.sample and (opt.tiers or opt.replicas) then
    return ("%s is of policies: %s cannot be sampled"):format(label "sample", opt.tiers and tiers or replicas)
  end
  if (opt.tiers or opt.replicas) and opt.policy and #cache_options.played_online(opt.policy) == 0 then
    return (opt.tiers and tiers or replicas) .. " needs a policy that does not know what comes"
  end
end

--- That policies which were asked for are not sampled, though a sample was; nil when all are.
---@param opt table
---@param label fun(name: string): string how an option is called in messages
---@return string?
function cache_options.played_whole(opt, label)
  local whole = {}
  for _, name in ipairs(cache_options.once(opt.sample and (opt.policy or { "lru" }) or {})) do
    if not is_sampled[name] then whole[#whole + 1] = name end
  end
  if #whole == 0 then return nil end
  return ("%s is of %s: %s %s played whole"):format(label "sample", table.concat(sampled, ", "),
    table.concat(whole, ", "), #whole == 1 and "is" or "are")
end

--- Does anything draw the blocks of a sample?
---@param opt table
---@return boolean
function cache_options.draws(opt)
  for _, name in ipairs(opt.sample and opt.policy or {}) do
    if is_sampled[name] then return true end
  end
  return false
end

--- What is asked for and not played, as a note; nil when all is.
---@param opt table
---@param label fun(name: string): string how an option is called in messages
---@return string?
function cache_options.left_out(opt, label)
  local where = opt.tiers and "tiers" or opt.replicas and "replicas"
  if not where or not opt.policy then return nil end
  local left = {}
  for _, name in ipairs(cache_options.once(opt.policy)) do
    if not is_online[name] then left[#left + 1] = name end
  end
  if #left == 0 then return nil end
  return ("%s does without %s, which knows what comes: it is played only at the sizes of one cache")
    :format(label(where), table.concat(left, ", "))
end

--- Those of the policies that need not know what comes.
---@param list string[]
---@return string[]
function cache_options.played_online(list)
  local found = {}
  for _, name in ipairs(cache_options.once(list)) do
    if is_online[name] then found[#found + 1] = name end
  end
  return found
end

--- Those of the names that are there, once each.
---@param list string[]
---@return string[]
function cache_options.once(list)
  local seen, different = {}, {}
  for _, name in ipairs(list) do
    if not seen[name] then different[#different + 1] = name end
    seen[name] = true
  end
  return different
end

--- Sizes going up, none twice, in blocks.
---@param sizes any[]
---@param block_size integer
---@param bytes_per_token number?
---@return integer[]? blocks, string? message, string? code
function cache_options.ascending(sizes, block_size, bytes_per_token)
  local blocks, message, code = cache_options.blocks(sizes, block_size, bytes_per_token)
  if not blocks then return nil, message, code end
  return lists.ascending(blocks)
end

return cache_options
