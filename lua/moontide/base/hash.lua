--- From the contents of blocks to hash ids: mt.hasher.
local core = require "moontide.core"
local options = require "moontide.kit.options"
core.base.own()

local fields = {
  { "block-size", kind = "integer", min = 1, default = 512 },
  { "expected", kind = "integer", min = 0, default = 0 },
}

---@class moontide.hasher
---@field blocks fun(self, list: (integer|string|(integer|string)[])[], parent?: integer): integer[] ids of
--- blocks that follow one another, by their contents; the first comes after `parent`, an id given before,
--- or begins a prompt. An integer n and the list { n } are the same content, and so are "s" and { "s" }.
---@field tokens fun(self, list: (integer|string)[], parent?: integer): integer[] ids of a prompt's tokens,
--- cut into blocks of block_size; the last block may be shorter
---@field fresh fun(self, n: integer): integer, integer numbers n blocks that can never come back and gives
--- the first and the last of their ids, which are consecutive; they take no memory, and may be parents
---@field memory fun(self): integer bytes in use
---@field close fun(self) gives the memory back at once

---@class moontide.hasher_options
---@field block_size? integer tokens, for :tokens; 512
---@field expected? integer different blocks, a hint

--- A table of hash ids: equal contents after the same blocks get the same id, new ones the next.
--- `#hasher` is the number of ids given so far. Ids are 0, 1, 2, ... by first appearance.
---@param spec? moontide.hasher_options
---@return moontide.hasher
local function hasher(spec)
  local opt = options.table("hasher", spec, fields)
  return core.hash.new(opt.block_size, opt.expected)
end

---@class moontide
local public = { hasher = hasher }

return { public = public, methods = { { "hasher", core.hash.methods } } }
