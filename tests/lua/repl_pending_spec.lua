-- Long inputs of the console: which of their readings are left out.
local pending = require "moontide.repl.pending"

-- Which lines of the text the console would read the input after.
local function readings(text)
  local input, read_after = pending.new(), {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    input:take(line)
    read_after[#read_after + 1] = input:is_worth_reading()
  end
  return read_after
end

local function count(text)
  local read = 0
  for _, is_read in ipairs(readings(text)) do read = read + (is_read and 1 or 0) end
  return read
end

local function file_text(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

describe("a long input", function()
  it("is read after each of its first lines, and whenever it has doubled", function()
    assert.equal(100, count("x = {\n" .. ("1,\n"):rep(98) .. "2,"))
    -- 100 lines, 200, 400, ... 6400, and the last
    assert.equal(100 + 6 + 1, count("x = {\n" .. ("1,\n"):rep(9998) .. "}"))
    assert.is_true(readings("x = {\n" .. ("1,\n"):rep(9998) .. "}")[10000])
  end)

  local long = {
    { "strings of several lines", "x = [==[\n%s]==]", "]] ]=] (\n" },
    { "comments of several lines", "--[[\n%s]] x = 1", "]=] end }\n" },
    { "quoted strings that go on", "x = 'a\\\n%s'", "b\\\n" },
    { "functions", "function f(a)\n%send", "if a then for i = 1, 2 do repeat a = not a until a end end -- end\n" },
    { "calls", "print(\n%s1)", "#'it\\'s )' + #\")\" + #[[)]] + --[=[ ) ]=]\n" },
    { "brackets in a subscript", "x = {} y = x[\n%s1]", "#'end' +\n" },
  }
  for _, case in ipairs(long) do
    it("of " .. case[1] .. " is read when it is whole", function()
      local text = case[2]:gsub("%%s", (function() return case[3]:rep(1000) end))
      assert.is_truthy(load(text))
      local read_after = readings(text)
      assert.is_true(read_after[#read_after])
      assert.is_true(count(text) < 110)
    end)
  end

  it("is never passed over when it is whole: beginnings of real files", function()
    local whole = 0
    for _, name in ipairs { "learn/analysis", "draw/axis", "load/curve", "repl/tokens", "repl/complete", "script/script",
      "kit/units" } do
      local before = ("-- a line\n"):rep(100)
      local text = before .. file_text("lua/moontide/" .. name .. ".lua")
      local read_after = readings(text)
      local line = 0
      for ending in text:gmatch "()\n" do
        line = line + 1
        local compiles = line > 100 and load(text:sub(#before + 1, ending))
        if compiles then
          whole = whole + 1
          assert.is_true(read_after[line], name .. " up to line " .. line - 100)
        end
      end
    end
    assert.is_true(whole > 500, whole)
  end)
end)
