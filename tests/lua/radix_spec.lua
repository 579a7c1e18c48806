local command = require "tests.support.command"
local mt = require "moontide"

local conversation, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"

local refusal = require "tests.support.refusal".text

local structure = {
  { 0, 1 }, { 0, 1, 2, 3, 4 }, { 0, 1, 2, 3, 4, 5, 6 }, { 7, 8 }, { 7, 8, 9, 10 }, { 11, 12 },
}

-- A node as a table: visited, length, to_leaf, ends, and its children's ids.
local function node(tree, id)
  return {
    visited = tree:visited(id), length = tree:length(id), to_leaf = tree:to_leaf(id), ends = tree:ends(id),
    children = tree:children(id),
  }
end

local function with_file(text, fn)
  fn(command.file(text))
end

teardown(command.remove_folders)

describe("mt.radix", function()
  for _, raw in ipairs { false, true } do
    it("gives the known structure" .. (raw and ", ids as they are" or ""), function()
      local tree = assert(mt.radix(structure, { raw = raw }))
      assert.equal(-1, tree:root())
      assert.same({ visited = 6, length = 0, to_leaf = 1, ends = 0, children = { 1, 8 } }, node(tree, tree:root()))
      assert.same({ visited = 3, length = 2, to_leaf = 0, ends = 1, children = { 4 } }, node(tree, 1))
      assert.same({ visited = 2, length = 3, to_leaf = 1, ends = 1, children = {} }, node(tree, 4))
      assert.same({ visited = 2, length = 2, to_leaf = 1, ends = 1, children = {} }, node(tree, 8))
      assert.equal(3, tree:size())
      assert.equal(2, tree:depth())
      assert.same({ 2, 2, 2 }, tree:leaf_lengths())
      assert.is_true(tree:check())
      assert.equal("radix tree: 3 core nodes, depth 2, 3 unique tails", tostring(tree))
    end)
  end

  it("gives the worked example's core and tails", function()
    local tree = assert(mt.radix { { 0, 1, 2, 3 }, { 0, 1 }, { 0, 1, 2 }, { 0, 4, 5 } })
    assert.same({ 0 }, tree:children(-1))
    assert.same({ 1 }, tree:children(0))
    assert.same({ 2 }, tree:children(1))
    assert.same({}, tree:children(2))
    assert.same({ 1, 2 }, tree:leaf_lengths())
    assert.equal(1, tree:to_leaf(0))
    assert.equal(3, tree:depth())
  end)

  it("makes ids prefix ids first", function()
    local tree = assert(mt.radix { { 5, 6 }, { 5, 6 } })
    assert.same({ 1 }, tree:children(-1))
    assert.same({ visited = 2, length = 2, to_leaf = 0, ends = 2, children = {} }, node(tree, 1))
    tree = assert(mt.radix { { 1, 7 }, { 2, 7 }, { 2, 7 } })
    assert.same({ 3 }, tree:children(-1))
    assert.equal(2, tree:length(3))
    assert.equal("radix tree: 1 core node, depth 1, 1 unique tail", tostring(tree))
  end)

  it("reports a node with two parents by name where ids are raw", function()
    local tree, message, code = mt.radix({ { 1, 7 }, { 2, 7 } }, { raw = true })
    assert.is_nil(tree)
    assert.equal("list 2: id 7 has two parents, 1 and 2", message)
    assert.equal("input", code)
    local columns = mt.trace.columns { { hash_ids = { 7 } }, { hash_ids = { 7, 7 } } }
    assert.equal("request 2: id 7 has two parents, the root and 7", select(2, mt.radix(columns, { raw = true })))
    with_file('{"hash_ids": [3, 4]}\n\n{"hash_ids": [4]}\n', function(path)
      assert.equal(path .. ":3: id 4 has two parents, 3 and the root", select(2, mt.radix(path, { raw = true })))
      assert.equal(2, assert(mt.radix(path)):visited(-1))
    end)
  end)

  it("keeps ids that no integer holds", function()
    local big = "18446744073709551614"
    local tree = assert(mt.radix({ { 5, big }, { 5, big }, { 6 } }, { raw = true }))
    assert.same({ big }, tree:children(-1))
    assert.equal(2, tree:visited(big))
    assert.equal("integer", math.type(mt.radix({ { math.maxinteger }, { math.maxinteger } }, { raw = true }):children(-1)[1]))
  end)

  it("passes over requests without ids and needs no lengths", function()
    local tree = assert(mt.radix(mt.trace.columns { { input_length = 5 }, { hash_ids = {} }, { hash_ids = { 0 } } }))
    assert.same({ visited = 1, length = 0, to_leaf = 1, ends = 0, children = {} }, node(tree, -1))
    tree = assert(mt.radix {})
    assert.equal(0, tree:size())
    assert.equal(0, tree:depth())
    assert.same({}, tree:leaf_lengths())
    assert.equal("radix tree: 0 core nodes, depth 0, 0 unique tails", tostring(tree))
  end)

  it("reads a file, a reader, columns and a pipe alike", function()
    with_file('{"hash_ids": [3, 4]}\n{"hash_ids": [3, 4, 5]}\n', function(path)
      local reader <close> = assert(mt.trace.open(path))
      for _, source in ipairs { path, reader, mt.trace.read(path), mt.trace.pipe(path):first(2) } do
        assert.same({ 1 }, assert(mt.radix(source)):children(-1))
      end
    end)
  end)

  it("refuses what is no trace and no id", function()
    assert.equal("radix: the trace must be a file's name, columns, a pipe, a reader or a list of lists of ids, not 5",
      refusal(mt.radix, 5))
    assert.equal("radix: list 2 must be a list of ids, not 7", refusal(mt.radix, { { 1 }, 7 }))
    for _, id in ipairs { -1, 0.5, "x", "", "-3", "18446744073709551615", "99999999999999999999", true } do
      assert.equal("radix: list 1: id 2 must be a whole number, 0 or more, not " .. tostring(id),
        refusal(mt.radix, { { 1, id } }))
    end
    assert.matches("^radix: unknown option 'rwa'", refusal(mt.radix, {}, { rwa = true }))
    local tree, message, code = mt.radix "/nowhere/x.jsonl"
    assert.is_nil(tree)
    assert.matches("^/nowhere/x.jsonl: ", message)
    assert.equal("io", code)
    with_file('{"hash_ids": [3, 4}\n', function(path)
      assert.matches("^" .. path:gsub("%p", "%%%0") .. ":1:", select(2, mt.radix(path)))
    end)
  end)

  it("refuses a node that is not in the core", function()
    local tree = mt.radix(structure)
    for _, method in ipairs { "children", "visited", "length", "to_leaf", "ends" } do
      assert.equal(("radix:%s: the core has no node 0"):format(method), refusal(tree[method], tree, 0))
      assert.equal(("radix:%s: the node must be an id, or -1 for the root, not nil"):format(method),
        refusal(tree[method], tree))
    end
    assert.equal("radix:visited: the core has no node 5", refusal(tree.visited, tree, 5))
    assert.equal("radix:visited: the node must be an id, or -1 for the root, not -2", refusal(tree.visited, tree, -2))
  end)

  it("can be closed, twice", function()
    local tree = mt.radix(structure)
    tree:close()
    tree:close()
    assert.equal("radix tree (closed)", tostring(tree))
    assert.equal("radix: it is closed", refusal(tree.size, tree))
    assert.equal("radix: it is closed", refusal(tree.visited, tree, 1))
  end)

  it("has the conversation trace's weights right", function()
    if missing then return pending(missing) end
    local tree, raw = assert(mt.radix(conversation)), assert(mt.radix(conversation, { raw = true }))
    assert.is_true(tree:check())
    assert.equal(12031, tree:visited(-1))
    assert.equal(tostring(tree), tostring(raw)) -- its ids are prefix ids
    assert.same(tree:leaf_lengths(), raw:leaf_lengths())
    -- Every request ends in the core or in a tail of its own, and all distinct blocks are in one of them.
    local ends, blocks, nodes = 0, 0, { -1 }
    for _, length in ipairs(tree:leaf_lengths()) do blocks = blocks + length end
    for i = 1, tree:size() + 1 do
      local id = nodes[i]
      ends, blocks = ends + tree:ends(id) + tree:to_leaf(id), blocks + tree:length(id)
      table.move(tree:children(id), 1, #tree:children(id), #nodes + 1, nodes)
    end
    assert.equal(tree:size() + 1, #nodes)
    assert.equal(12031, ends)
    assert.equal(182790, blocks)
  end)
end)
