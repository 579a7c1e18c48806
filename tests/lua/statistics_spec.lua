-- The samples that an analysis gives; what is computed of them is tested in tests/core.
local core = require "moontide.core"
local mt = require "moontide"

local refusal = require "tests.support.refusal".text

-- A sample of the input lengths of a trace.
local function sample_of(lengths)
  local columns = mt.trace.columns()
  for _, length in ipairs(lengths) do columns:append { input_length = length } end
  local state <close> = core.analysis.new(512)
  state:allow_no_output()
  assert(state:read(assert(core.source.columns(columns)), #lengths, false, true))
  return state:sample "input_length"
end

describe("a sample", function()
  it("has a distance to another, whatever the order", function()
    local one, other = sample_of { 10, 10, 20, 10 }, sample_of { 20, 20, 10, 20 }
    assert.equal(0.5, one:distance(other))
    assert.equal(0, one:distance(sample_of { 20, 10, 10, 10 }))
    assert.equal(1, one:distance(sample_of { 5 }))
  end)

  it("is what it was once the analysis is sealed, which then reads no more", function()
    local columns = mt.trace.columns()
    for i = 1, 30 do columns:append { input_length = 512 * 3, hash_ids = { 0, 1, i + 1 } } end
    local state <close> = core.analysis.new(512)
    state:allow_no_output()
    state:halve(512, 1)
    assert(state:read(assert(core.source.columns(columns)), 30, false, true))
    local result, found, prefixes = state:result(), state:locality(), state:prefixes(10)
    state:seal()
    state:seal()
    assert.same(result, state:result())
    assert.same(found, state:locality())
    assert.same(prefixes, state:prefixes(10))
    assert.equal(30, select(2, state:half(1)) + select(2, state:half(2)))
    assert.equal("analyze: it is sealed", refusal(function()
      state:read(assert(core.source.columns(columns)), 1, false, true)
    end))
  end)

  it("of blocks plays only what a sample tells", function()
    local columns = mt.trace.columns()
    for i = 1, 30 do columns:append { input_length = 512 * 3, hash_ids = { 0, 1, i + 1 } } end
    local state <close> = core.analysis.new(512)
    state:allow_no_output()
    assert(state:read(assert(core.source.columns(columns)), 30, false, true))
    local sample <close> = assert(state:block_sample(1, 0))
    assert.equal(58 / 90, sample:play({ policy = "clock", size = 20 }).block)
    for _, policy in ipairs { "lru", "fifo", "sieve", "s3-fifo", "lfu", "random", "optimum" } do
      assert.matches("policy", refusal(function() sample:play { policy = policy, size = 20 } end))
    end
    assert.matches("ttl_ns", refusal(function() sample:play { policy = "clock", size = 20, ttl_ns = 5 } end))
  end)

  it("has none to an empty one", function()
    assert.is_nil(sample_of { 1 }:distance(sample_of {}))
    assert.is_nil(sample_of {}:distance(sample_of { 1 }))
  end)

  it("is refused when it is closed, or none", function()
    local one = sample_of { 1 }
    assert.matches("moontide.sample expected", refusal(function() one:distance {} end))
    do local scoped <close> = one end -- luacheck: ignore scoped
    assert.equal("the sample is closed", refusal(function() return one:distance(one) end))
  end)
end)
