--- The radix tree of a trace's prefixes: mt.radix.
local core = require "moontide.core"
local options = require "moontide.options"
local pipe = require "moontide.pipe"
local report = require "moontide.report"
core.base.own()

-- Requests between two looks at whether progress is to be shown.
local step = 20000

local function is_type(value, type_name)
  local metatable = getmetatable(value)
  return type(metatable) == "table" and metatable.__name == type_name
end

local function read(tree, reader)
  local total = 0
  repeat
    local count, message, code = core.radix.read(tree, reader, step)
    if not count then
      report.finish()
      return nil, message, code
    end
    total = total + count
    report.progress(function() return ("%d requests read"):format(total) end)
  until count < step
  report.finish()
  return true
end

-- Adds a trace, columns, a pipe, what is left in a reader, or lists: true, or nil, message, code.
local function add(tree, source)
  if is_type(source, "moontide.columns") then return core.radix.add_columns(tree, source) end
  if is_type(source, "moontide.reader") then return read(tree, source) end
  if is_type(source, "moontide.pipe") then
    return pipe.read(source, function(requests) return read(tree, requests) end)
  end
  if type(source) == "table" and not getmetatable(source) then return core.radix.add_lists(tree, source) end
  if type(source) ~= "string" then
    options.wrong("radix: the trace", source,
      "a file's name, columns, a pipe, a reader or a list of lists of ids")
  end
  local reader <close>, message, code = core.trace.open(source, false)
  if not reader then return nil, message, code end
  return read(tree, reader)
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

return { public = public, methods = { core.radix.methods } }
