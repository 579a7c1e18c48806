local mt = require "moontide"

local json = mt.json

-- The message of a call that must fail, without the script's line.
local function refusal(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return (tostring(message):gsub("^[^:]*:%d+: ", ""))
end

local function same_after_decoding(value, text)
  local decoded = json.decode(text)
  assert.same(value, decoded)
  assert.equal(math.type(value), math.type(decoded))
end

describe("mt.json.decode", function()
  it("runs in Lua 5.4", function() assert.equal("Lua 5.4", _VERSION) end)

  it("reads every kind of value", function()
    same_after_decoding(true, "true")
    same_after_decoding(false, " false ")
    same_after_decoding("a\"\\/\b\f\n\r\t\0é😀", [["a\"\\\/\b\f\n\r\t\u0000\u00e9\ud83d\ude00"]])
    same_after_decoding({ 1, "two", { 3, 4 }, { five = 6 } }, '[1, "two", [3,4], {"five":\t6}]')
    same_after_decoding({ [""] = 1, ["1"] = 2 }, '{"": 1, "1": 2}')
    assert.equal(json.null, json.decode "null")
    assert.equal(json.null, json.decode('{"a": [null]}').a[1])
    assert.equal("null", tostring(json.null))
  end)

  it("keeps integers exact and floats floats", function()
    same_after_decoding(0, "0")
    same_after_decoding(0, "-0")
    same_after_decoding(-12, "-12")
    same_after_decoding(9007199254740993, "9007199254740993")
    same_after_decoding(math.maxinteger, "9223372036854775807")
    same_after_decoding(math.mininteger, "-9223372036854775808")
    same_after_decoding("9223372036854775808", "9223372036854775808")
    same_after_decoding("-9223372036854775809", "-9223372036854775809")
    same_after_decoding("123456789012345678901234567890", "123456789012345678901234567890")
    same_after_decoding(5.0, "5.0")
    same_after_decoding(1000.0, "1e3")
    same_after_decoding(-0.25, "-25E-2")
    same_after_decoding(0.1, "0.1")
    same_after_decoding(0.0, "1e-400")
  end)

  it("tells empty arrays from empty objects", function()
    assert.equal('[[], {}, {"a": []}]', json.encode(json.decode '[ [ ] , { } , {"a":[]}]'))
    assert.is_nil(getmetatable(json.decode "[1]"))
  end)

  it("reads values nested 512 deep and no deeper", function()
    local deep = ("["):rep(512) .. ("]"):rep(512)
    assert.equal(deep, json.encode(json.decode(deep)))
    local objects = ('{"a":'):rep(511) .. "{}" .. ("}"):rep(511)
    assert.equal(objects, json.encode(json.decode(objects), { compact = true }))
    local value, message, code = json.decode("[" .. deep .. "]")
    assert.is_nil(value)
    assert.equal("json.decode: column 513: values are nested more than 512 deep", message)
    assert.equal("input", code)
  end)

  it("says what is wrong and where", function()
    local function wrong(text, message)
      assert.same({ nil, "json.decode: " .. message, "input" }, { json.decode(text) })
    end
    wrong("", "column 1: expected a value, but the line ends")
    wrong("[1,]", "column 4: expected a value, found ']'")
    wrong("[1] x", "column 5: expected nothing after the value, found 'x'")
    wrong('{"a" 1}', "column 6: expected ':' after a member's name, found '1}'")
    wrong("{'a': 1}", "column 2: expected a member's name in quotes, found ''a': 1}'")
    wrong("01", "column 1: expected a number without leading zeros, found '01'")
    wrong("NaN", "column 1: expected a value, found 'NaN'")
    wrong('"\xff"', "column 2: byte 0xFF is not UTF-8")
    wrong('[0, 1e999]', "column 5: the number 1e999 is too large")
    wrong('{"a": 1, "b": {"a": 2, "a": 3}}', 'column 24: the member "a" is there twice')
    wrong('{"a": null, "a": 3}', 'column 13: the member "a" is there twice')
    wrong('{"\\u0061": 1, "a": 3}', 'column 15: the member "a" is there twice')
    wrong('{\n  "a": 1,\n  "b": tru\n}', "line 3, column 8: expected a value, found 'tru?}'")
    assert.equal("json.decode: the text must be a string, not nil", refusal(json.decode, nil))
    assert.equal("json.decode: the text must be a string, not 5", refusal(json.decode, 5))
  end)
end)

describe("mt.json.encode", function()
  it("writes every kind of value", function()
    assert.equal('[true, false, null, "x", 1]', json.encode { true, false, json.null, "x", 1 })
    assert.equal([["\"\\/\b\f\n\r\t\u0000\u001fé😀"]], json.encode "\"\\/\b\f\n\r\t\0\31é😀")
    assert.equal("{}", json.encode {})
    assert.equal("[]", json.encode(json.array {}))
    assert.equal("[]", json.encode(json.array()))
    assert.equal("{}", json.encode(json.object {}))
    assert.equal("[1, [2, 3]]", json.encode(json.array { 1, { 2, 3 } }))
  end)

  it("writes numbers with the fewest digits that read back the same", function()
    assert.equal("9223372036854775807", json.encode(math.maxinteger))
    assert.equal("-9223372036854775808", json.encode(math.mininteger))
    assert.equal("9007199254740993", json.encode(9007199254740993))
    assert.equal("0.1", json.encode(0.1))
    assert.equal("0.30000000000000004", json.encode(0.1 + 0.2))
    assert.equal("0.3333333333333333", json.encode(1 / 3))
    assert.equal("12035.061341534369", json.encode(12035.061341534369))
    assert.equal("500", json.encode(1000 / 2))
    assert.equal("1e+300", json.encode(1e300))
    assert.equal("4.94065645841247e-324", json.encode(5e-324))
    assert.equal("[null, null, null]", json.encode { 0 / 0, math.huge, -math.huge })
  end)

  it("reads back what it wrote, for 10000 random doubles and integers", function()
    local random = mt.random(1, "json")
    for _ = 1, 10000 do
      local bits = random:u64()
      local number = string.unpack("d", string.pack("i8", bits))
      if number == number and math.abs(number) ~= math.huge then
        assert(tonumber(json.encode(number)) == number)
        assert(json.decode(json.encode(number)) == number)
      end
      assert(json.decode(json.encode(bits)) == bits)
    end
  end)

  it("sorts names, or keeps the order of mt.json.object", function()
    assert.equal('{"B": 1, "a": 2, "b": 3, "é": 4}', json.encode { b = 3, a = 2, ["é"] = 4, B = 1 })
    local ordered = json.object { { "z", 1 }, { "a", json.object { { "y", 2 }, { "b", 3 } } }, { "n", nil } }
    assert.equal('{"z": 1, "a": {"y": 2, "b": 3}, "n": null}', json.encode(ordered))
  end)

  it("indents, or leaves all spaces out", function()
    local value = { a = { 1, {} }, b = json.array {}, c = { d = "x y" } }
    assert.equal('{"a":[1,{}],"b":[],"c":{"d":"x y"}}', json.encode(value, { compact = true }))
    assert.equal([[
{
  "a": [
    1,
    {}
  ],
  "b": [],
  "c": {
    "d": "x y"
  }
}]], json.encode(value, { indent = 2 }))
    assert.equal("[\n1\n]", json.encode({ 1 }, { indent = 0 }))
  end)

  it("asks a value's __json what to write", function()
    local value = setmetatable({ 7 }, { __json = function(self) return { seven = self[1] } end })
    assert.equal('[{"seven": 7}]', json.encode { value })
  end)

  it("refuses what JSON cannot say, with its place", function()
    local function refused(message, ...)
      assert.equal("json.encode: " .. message, refusal(json.encode, ...))
    end
    refused("the value is nil, which JSON cannot say", nil)
    refused("the value.a[2].b is a function, which JSON cannot say", { a = { 1, { b = print } } })
    refused("the value[1] is not UTF-8 (byte 3)", { "ab\xff" })
    refused("the name of the value.\xff is not UTF-8 (byte 1)", { ["\xff"] = 1 })
    refused("the value is a table with both a list and names", { 1, a = 2 })
    refused("the value is a list with holes (mt.json.null fills them)", { 1, nil, 3 })
    refused("the value is a list with holes (mt.json.null fills them)", { [1] = 1, [3] = 1, [5] = 1 })
    refused("the value is a table with the key 0: it must be a list or have names", { [0] = 1 })
    refused("the value is a table with the key 1.5: it must be a list or have names", { [1.5] = 1 })
    refused("the value is a table with the key true: it must be a list or have names", { [true] = 1 })
    local array = json.array {}
    array.name = 1
    refused("the value is an array that has names", array)
    local deep = 1
    for _ = 1, 512 do deep = { deep } end
    assert.equal(("["):rep(512) .. "1" .. ("]"):rep(512), json.encode(deep))
    refused("tables are nested more than 512 deep (does one contain itself?)", { deep })
    local circle = {}
    circle.circle = circle
    refused("tables are nested more than 512 deep (does one contain itself?)", circle)
    refused("unknown option 'indnet' (did you mean 'indent'?)", 1, { indnet = 2 })
    refused("indent must be between 0 and 16, not -1", 1, { indent = -1 })
    refused("indent and compact exclude each other", 1, { indent = 2, compact = true })
  end)

  it("refuses wrong arrays and objects, with the script's line", function()
    assert.equal("json.array: the argument must be a list, not 5", refusal(json.array, 5))
    assert.equal("json.object: the argument must be a list of pairs, not nil", refusal(json.object))
    assert.equal('json.object: member 2 must be { "name", value }', refusal(json.object, { { "a", 1 }, { 1 } }))
    assert.equal("json.object: the member 'a' is there twice", refusal(json.object, { { "a" }, { "a" } }))
    local ok, message = pcall(function() return json.encode(print) .. "" end)
    assert.is_false(ok)
    assert.matches("^tests/lua/json_spec.lua:%d+: json.encode: ", message)
  end)
end)
