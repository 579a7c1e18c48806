local mt = require "moontide"
local json = mt.json
local refusals = require "tests.support.refusal"

-- What fn's caller, a line of this file, is told.
local function refusal(fn)
  return assert(refusals.here(fn):match "^@(.*)", "no line of the caller")
end

describe("mt.json.decode", function()
  it("reads every kind of value", function()
    local value = json.decode ' {"a": [1, -2.5, true, false, null, "x\\u00e9\\n"], "b": {}, "": []} '
    assert.same({ 1, -2.5, true, false, json.null, "xé\n" }, value.a)
    assert.same({}, value.b)
    assert.equal("[]", json.encode(value[""]))
    assert.equal("{}", json.encode(value.b))
    assert.equal("null", tostring(json.null))
    assert.equal(3, json.decode "3")
  end)

  it("leaves out members that are null where it is asked to", function()
    local text = '{"a": null, "b": [1, null, {"c": null, "n": 5}], "d": {"e": null}, "a2": "null", "n": -6}'
    local value = json.decode(text, nil, { nulls = false })
    assert.same({ b = { 1, json.null, { n = 5 } }, d = {}, a2 = "null", n = -6 }, value)
    assert.equal(json.null, json.decode("null", nil, { nulls = false }))
    for _, given in ipairs { {}, { nulls = true } } do
      value = json.decode(text, nil, given)
      assert.equal(json.null, value.a)
      assert.equal(json.null, value.d.e)
    end
    local done, message = json.decode("{", "some", { nulls = false })
    assert.is_nil(done)
    assert.truthy(message:find("some:1:2", 1, true), message)
    for expected, given in pairs {
      ["unknown option 'null'"] = { null = false }, ["nulls must be true or false"] = { nulls = 5 },
      ["unknown option 'name'"] = { nulls = false, name = "x" },
    } do
      local ok, wrong = pcall(json.decode, text, nil, given)
      assert.is_false(ok)
      assert.truthy(tostring(wrong):find(expected, 1, true), tostring(wrong))
    end
    assert.is_false(pcall(json.decode, text, nil, 5))
  end)

  it("keeps integers exact in 64 bits and floats floats", function()
    local texts = { "0", "-0", "9007199254740993", "9223372036854775807", "-9223372036854775808", "5.0", "1e2",
      "0.1", "-1.5E-3" }
    local values = { 0, 0, 9007199254740993, math.maxinteger, math.mininteger, 5.0, 100.0, 0.1, -0.0015 }
    for i, text in ipairs(texts) do
      local value = json.decode(text)
      assert.equal(values[i], value)
      assert.equal(math.type(values[i]), math.type(value), text)
    end
    local mixed = json.decode '{"k1": "2", "x\\"3": [4, {"5": -6}, "\\\\", 7.5], "y": 9007199254740993}'
    assert.same({ 4, { ["5"] = -6 }, "\\", 7.5 }, mixed['x"3'])
    assert.equal(9007199254740993, mixed.y)
  end)

  it("refuses what is not JSON, with its place", function()
    local cases = {
      [""] = "^JSON:1:1: ",
      ["[1, 2"] = "^JSON:1:6: ",
      ["[01]"] = "^JSON:1:2: ",
      ["{'a': 1}"] = "^JSON:1:2: ",
      ["[1]\n{\"a\": x}"] = "^JSON:2:1: ",
      ["{\n  \"a\": x}"] = "^JSON:2:8: ",
      ["\"\1\""] = "^JSON:1:2: ",
      ["\"\255\""] = "^JSON:1:2: ",
      ["[NaN]"] = "^JSON:1:2: ",
      ["\"a\\u0000b\""] = "^JSON:1:3: \\u0000 in a string is not supported$",
      ["\"\\ud800\""] = "half a surrogate pair",
      ["[1, 9223372036854775808]"] = "^JSON:1:5: the whole number does not fit 64 bits",
      ["-9223372036854775809"] = "does not fit 64 bits",
      ["[18446744073709551616]"] = "does not fit 64 bits",
      ["1e999"] = "^JSON:1:1: the number is beyond the range of a double$",
    }
    for text, pattern in pairs(cases) do
      local value, message, code = json.decode(text)
      assert.is_nil(value)
      assert.equal("input", code, text)
      assert.is_truthy(message:find(pattern), text .. " gives " .. message)
    end
    local _, message = json.decode("[", "settings.json")
    assert.is_truthy(message:find "^settings.json:1:2: ")
    assert.equal("\\u0000", json.decode [["\\u0000"]])
  end)

  it("refuses deep nesting instead of overflowing the stack", function()
    local deep = ("["):rep(512) .. ("]"):rep(512)
    assert.equal(deep, json.encode(json.decode(deep)))
    assert.is_nil((json.decode(("["):rep(100000))))
    assert.is_nil((json.decode("[" .. deep .. "]")))
  end)

  it("names a wrong argument", function()
    assert.equal("json.decode: the text must be a string, not nil", refusal(function() return json.decode(nil) end))
  end)
end)

describe("mt.json.encode", function()
  it("writes every kind of value", function()
    assert.equal('{"a": [1, 2.5, true, null], "b": {}, "c": "x\\"\\\\\\né"}',
      json.encode { b = {}, a = { 1, 2.5, true, json.null }, c = 'x"\\\né' })
    assert.equal('[]', json.encode(json.array {}))
    assert.equal('null', json.encode(nil))
    assert.equal('{"a":[1,2]}', json.encode({ a = { 1, 2 } }, { compact = true }))
  end)

  it("writes numbers so that they read back the same", function()
    local cases = { [1] = "1", [-7] = "-7", [math.maxinteger] = "9223372036854775807", [0.1] = "0.1",
      [1 / 3] = "0.3333333333333333", [5.5] = "5.5", [1e300] = "1e+300",
      [0.1 + 0.2] = "0.30000000000000004", [math.huge] = "null" }
    for value, text in pairs(cases) do assert.equal(text, json.encode(value)) end
    assert.equal("5.0", json.encode(5.0))
    assert.equal("9007199254740992.0", json.encode(2.0 ^ 53))
    assert.equal("null", json.encode(0 / 0))
    local state = 1
    for _ = 1, 2000 do
      state = state * 6364136223846793005 + 1442695040888963407
      local value = string.unpack("d", string.pack("j", state))
      if value == value and value ~= math.huge and value ~= -math.huge then
        local back = json.decode(json.encode(value))
        assert.equal(value, back)
        assert.equal("float", math.type(back))
      end
    end
  end)

  it("keeps a declared order and sorts otherwise", function()
    assert.equal('{"z": 1, "a": {"y": null, "b": 2}}',
      json.encode(json.object { { "z", 1 }, { "a", json.object { { "y", nil }, { "b", 2 } } } }))
    assert.equal("{}", json.encode(json.object {}))
    local many = {}
    for i = 1, 50 do many["k" .. i] = { ["in" .. i] = { i }, a = i } end
    local names = {}
    for name in json.encode(many):gmatch '"(k%d+)"' do names[#names + 1] = name end
    local sorted = table.move(names, 1, #names, 1, {})
    table.sort(sorted)
    assert.equal(50, #names)
    assert.same(sorted, names)
    assert.same(many, json.decode(json.encode(many)))
  end)

  it("indents", function()
    assert.equal('{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}',
      json.encode({ a = { 1, {} }, b = json.array {} }, { indent = 2 }))
  end)

  it("refuses what JSON cannot say, naming the place", function()
    local loop = {}
    loop.x = loop
    local cases = {
      ["json.encode: cannot encode a function (at .a[2])"] = function() return json.encode { a = { 1, print } } end,
      ["json.encode: a list has holes; mt.json.null stands for null (at .a)"] =
        function() return json.encode { a = { 1, nil, nil, 4 } } end,
      ["json.encode: a table is neither a list nor an object, it has items and other keys"] =
        function() return json.encode { 1, x = 2 } end,
      ["json.encode: a table has keys that are no strings and is no list either"] =
        function() return json.encode { [true] = 1 } end,
      ["json.encode: a string is not valid UTF-8 (at .s)"] = function() return json.encode { s = "\255" } end,
      ["json.encode: nested more than 512 deep: does a table contain itself? (at .x.x.x.x.x.x.x.x...)"] =
        function() return json.encode(loop) end,
      ["json.encode: indent and compact exclude each other"] =
        function() return json.encode(1, { indent = 1, compact = true }) end,
      ["json.encode: unknown option 'ident' (did you mean 'indent'?)"] =
        function() return json.encode(1, { ident = 1 }) end,
      ["json.object: member 1 must be { name, value }"] = function() return json.object { 1 } end,
      ["json.object: the name 'a' is there twice"] = function() return json.object { { "a", 1 }, { "a", 2 } } end,
      ["json.array: the argument must be a list, not number"] = function() return json.array(1) end,
    }
    for message, fn in pairs(cases) do assert.equal(message, refusal(fn)) end
  end)

  it("asks a value what it is in JSON", function()
    local point = setmetatable({ 3, 4 }, { __json = function(self) return json.object { { "x", self[1] } } end })
    assert.equal('[{"x": 3}]', json.encode { point })
  end)
end)
