local mt = require "moontide"

local refusal = require "tests.support.refusal".text

describe("mt.hasher", function()
  it("gives the ids of the known answer", function()
    local hasher = mt.hasher { block_size = 2 }
    assert.same({ 0, 1 }, hasher:tokens { "a", "b", "c", "d" })
    assert.same({ 0, 2 }, hasher:tokens { "a", "b", "e", "f" })
    assert.same({ 3, 4 }, hasher:tokens { "x", "y", "c", "d" })
    assert.equal(5, #hasher)
    assert.equal("hasher: 5 ids, block size 2", tostring(hasher))
    assert.equal("integer", math.type(hasher:tokens({ "a" })[1]))
  end)

  it("normalises ids to prefix ids", function()
    local hasher = mt.hasher {}
    assert.same({ 0, 1 }, hasher:blocks { 5, 6 })
    assert.same({ 0, 1 }, hasher:blocks { 5, 6 })
    assert.same({ 2 }, hasher:blocks { 6 })
    assert.same({ 0, 1, 3, 4 }, hasher:blocks { 5, 6, 5, 6 })
    assert.same({}, hasher:blocks {})
    assert.equal(5, #hasher)
  end)

  it("cuts tokens into blocks, the last one shorter", function()
    local hasher = mt.hasher { block_size = 3 }
    assert.same({}, hasher:tokens {})
    assert.same({ 0, 1 }, hasher:tokens { 1, 2, 3, 4 })
    assert.same({ 0, 2 }, hasher:tokens { 1, 2, 3, 4, 5 })
    assert.same({ 0, 3 }, hasher:tokens { 1, 2, 3, 4, 5, 6 })
    assert.same({ 4 }, hasher:tokens { 1, 2 })
    assert.same({ 0, 3 }, hasher:blocks { { 1, 2, 3 }, { 4, 5, 6 } })
    local by_512 = mt.hasher()
    local tokens = {}
    for i = 1, 1025 do tokens[i] = i end
    assert.same({ 0, 1, 2 }, by_512:tokens(tokens))
  end)

  it("knows contents by their tokens", function()
    local hasher = mt.hasher {}
    -- Each of these is a content of its own ...
    local contents = {
      1, "1", { 1, 2 }, { "1", 2 }, { 1, "2" }, { "12" }, { "1", "2" }, "", { "", "" }, { 12 }, -1,
      math.maxinteger, "s\1\0\0\0\0\0\0\0001", ("x"):rep(5000), "a\0b", { "a", "b" },
    }
    for i, content in ipairs(contents) do assert.same({ i - 1 }, hasher:blocks { content }) end
    assert.equal(#contents, #hasher)
    -- ... and these are some of them again.
    assert.same({ 0 }, hasher:blocks { { 1 } })
    assert.same({ 0 }, hasher:blocks { 1.0 })
    assert.same({ 1 }, hasher:blocks { { "1" } })
    assert.same({ 13 }, hasher:blocks { ("x"):rep(5000) })
  end)

  it("goes on after a parent", function()
    local hasher = mt.hasher { block_size = 2 }
    assert.same({ 0, 1, 2 }, hasher:blocks { 1, 2, 3 })
    assert.same({ 1, 2 }, hasher:blocks({ 2, 3 }, 0))
    assert.same({ 2 }, hasher:blocks({ 3 }, 1))
    assert.same({ 3 }, hasher:blocks({ 3 }, 0))
    assert.same({ 4 }, hasher:tokens({ 3, 4 }, 0))
    assert.same({ 4 }, hasher:blocks({ { 3, 4 } }, 0))
    assert.same({ 0 }, hasher:blocks({ 1 }, nil))
  end)

  it("numbers blocks that cannot come back", function()
    local hasher = mt.hasher {}
    assert.same({ 0 }, hasher:blocks { "a" })
    assert.same({ 1, 3 }, { hasher:fresh(3) })
    assert.same({ 4, 3 }, { hasher:fresh(0) })
    assert.same({ 4 }, hasher:blocks { "b" })
    assert.same({ 5 }, hasher:blocks({ "b" }, 2))
    assert.same({ 6 }, hasher:blocks({ "b" }, 3))
    assert.same({ 5 }, hasher:blocks({ "b" }, 2))
    assert.same({ 0 }, hasher:blocks { "a" })
    assert.equal(7, #hasher)
  end)

  it("gives the ids of a plain table of prefixes", function()
    local random, hasher = mt.random(7, "hasher"), mt.hasher { expected = 100 }
    local children, next_id = {}, 0
    for _ = 1, 3000 do
      local list, expected, node = {}, {}, children
      for i = 1, 1 + random:below(8) do
        list[i] = random:below(4)
        if not node[list[i]] then
          node[list[i]] = { id = next_id }
          next_id = next_id + 1
        end
        node = node[list[i]]
        expected[i] = node.id
      end
      assert.same(expected, hasher:blocks(list))
    end
    assert.equal(next_id, #hasher)
    assert.is_true(hasher:memory() > 24 * next_id)
  end)

  it("says what is wrong", function()
    local hasher = mt.hasher { block_size = 2 }
    hasher:blocks { "a", "b" }
    local function refused(message, fn, ...) assert.equal(message, refusal(fn, ...)) end
    refused("hasher: block_size must be at least 1, not 0", mt.hasher, { block_size = 0 })
    refused("hasher: block_size must be a whole number, not 1.5", mt.hasher, { block_size = 1.5 })
    refused("hasher: unknown option 'blocksize' (did you mean 'block_size'?)", mt.hasher, { blocksize = 1 })
    refused("hasher:blocks: the first argument must be a list, not string", hasher.blocks, hasher, "ab")
    refused("hasher:tokens: the first argument must be a list, not no value", hasher.tokens, hasher)
    refused("hasher:blocks: block 2 must be a whole number, a string or a list of them, not 1.5",
      hasher.blocks, hasher, { 1, 1.5 })
    refused("hasher:blocks: block 1 must be a whole number, a string or a list of them, not true",
      hasher.blocks, hasher, { true })
    refused("hasher:blocks: block 2 is an empty list", hasher.blocks, hasher, { 1, {} })
    refused("hasher:blocks: block 1: token 2 must be a whole number or a string, not false",
      hasher.blocks, hasher, { { 1, false } })
    refused("hasher:tokens: token 3 must be a whole number or a string, not 0.5",
      hasher.tokens, hasher, { 1, 2, 0.5 })
    refused("hasher:tokens: token 1 must be a whole number or a string, not nil",
      hasher.tokens, hasher, { nil, 2 })
    refused("hasher:blocks: parent 2 is no id of this hasher (it has given 2 ids)",
      hasher.blocks, hasher, { 1 }, 2)
    refused("hasher:blocks: parent must not be negative (it is -1)", hasher.blocks, hasher, { 1 }, -1)
    refused("hasher:fresh: the number of ids must not be negative (it is -1)", hasher.fresh, hasher, -1)
    refused("hasher:fresh: 1099511627776 more ids would pass 2^40", hasher.fresh, hasher, 1 << 40)
    -- What was refused has changed nothing.
    assert.equal(2, #hasher)
    assert.same({ 0, 1 }, hasher:blocks { "a", "b" })
  end)

  it("can be closed", function()
    local kept
    do
      local hasher <close> = mt.hasher()
      kept = hasher
    end
    assert.equal("hasher (closed)", tostring(kept))
    assert.equal("hasher: it is closed", refusal(kept.blocks, kept, { 1 }))
    kept:close()
  end)
end)
