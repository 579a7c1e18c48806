--- The radix tree of a trace's prefixes: mt.radix.
local core = require "moontide.core"
local intake = require "moontide.learn.intake"
local options = require "moontide.kit.options"
core.base.own()

-- Adds a trace, columns, a pipe, what is left in a reader, or lists: true, or nil, message, code.
local function add(tree, trace)
  if type(trace) == "table" and not getmetatable(trace) then return core.radix.add_lists(tree, trace) end
  return intake.open(trace, function(source)
    if options.type_of(source) == "moontide.columns" then return core.radix.add_columns(tree, source) end
    return intake.steps(function(most) return core.radix.read(tree, source, most) end, "read")
  end, { what = "radix: the trace",
    allowed = "a file's name, columns, a pipe, a reader or a list of lists of ids" })
end

local fields = {
  { "raw", kind = "boolean", default = false },
}

---@class moontide.radix_options
---@field raw? boolean take the ids as they are, and refuse one that comes after two different ones

---@class moontide.radix
---@field root fun(self): integer the root's id, -1: it stands before the first block
---@field children fun(self, id: integer): integer[] ids of the nodes after it, by first appearance
---@field visited fun(self, id: integer): integer requests through it
---@field length fun(self, id: integer): integer its blocks; 0 for the root
---@field to_leaf fun(self, id: integer): integer requests that left the core from it into a tail of their own
---@field ends fun(self, id: integer): integer requests that end in it
---@field size fun(self): integer nodes, the root not counted
---@field depth fun(self): integer nodes on the longest path, the root not counted
---@field leaf_lengths fun(self): integer[] blocks of each unique tail, by first appearance
---@field check fun(self): true?, string?, string? is every node visited as often as its children, to_leaf and
--- ends together? Else nil and what is wrong
---@field close fun(self) gives the memory back at once

--- Builds the radix tree of what requests share: the core that at least two of them visit.
-- Ids are made prefix ids first (0, 1, 2, ... by first appearance), unless `raw`. Chains of blocks with
-- equal visits are one node, which goes by its last block's id; what only one request visited is cut
-- off as a unique tail. Requests without ids are passed over.
---@param trace string|moontide.columns|moontide.pipe|moontide.reader|integer[][] a path, columns, a pipe,
--- what is left in a reader, or a list of lists of ids
---@param given? moontide.radix_options
---@return moontide.radix? tree, string? message, string? code
local function radix(trace, given)
  local opt = options.table("radix", given, fields)
  local tree = core.radix.new(opt.raw)
  local added, message, code = add(tree, trace)
  if not added then return nil, message, code end
  return core.radix.finish(tree)
end

---@class moontide
local public = { radix = radix }

return { public = public, methods = { { "radix", core.radix.methods } } }
