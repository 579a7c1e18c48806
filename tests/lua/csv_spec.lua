-- mt.csv: rows by column names, what fails and how.
local command = require "tests.support.command"
local mt = require "moontide"
local core = require "moontide.core"

local folder

local function path(name)
  return folder .. "/" .. name
end

local function write(text, name)
  return command.write(folder, name or "in.csv", text)
end

-- What the script `text`, called my.lua, fails with.
local refusal = require "tests.support.refusal"

local fails = refusal.script_is

local sample = "time,rps,\"model, name\"\r\n0,1.5,\"a \"\"big\"\" one\"\r\n\r\n60,2,\"two\nlines\"\r\n120,,\n"

describe("mt.csv", function()
  setup(function() folder = command.folder() end)
  teardown(command.remove_folders)

  it("gives rows as tables of texts", function()
    local rows = {}
    for row in mt.csv.open(write(sample)) do rows[#rows + 1] = row end
    assert.same({
      { time = "0", rps = "1.5", ["model, name"] = 'a "big" one' },
      { time = "60", rps = "2", ["model, name"] = "two\nlines" },
      { time = "120", rps = "", ["model, name"] = "" },
    }, rows)
  end)

  it("gives only the columns that are wanted", function()
    local reader = assert(mt.csv.open(write(sample), { columns = { "model, name", "time" } }))
    assert.same({ time = "0", ["model, name"] = 'a "big" one' }, reader:next())
    assert.same({ rps = "1.5" }, assert(mt.csv.open(write(sample), { columns = "rps" })):next())
  end)

  it("says names and lines", function()
    local reader = assert(mt.csv.open(write(sample)))
    assert.same({ "time", "rps", "model, name" }, reader:names())
    local lines = { reader:line() }
    while reader:next() do lines[#lines + 1] = reader:line() end
    assert.same({ 1, 2, 4, 6 }, lines)
    assert.equal("integer", math.type(lines[1]))
    assert.equal(0, select("#", reader:close()))
  end)

  it("ends for good", function()
    local reader = assert(mt.csv.open(write "a\n1\n"))
    assert.same({ a = "1" }, reader:next())
    assert.same({ nil }, { reader:next() })
    assert.is_nil(reader:next())
    assert.equal(1, select("#", reader:next()))
    for _ in mt.csv.open(write "a,b\n") do error "there is no row" end
  end)

  it("inflates", function()
    assert(os.execute("gzip -f " .. write(sample, "z.csv")))
    assert.equal("1.5", assert(mt.csv.open(path "z.csv.gz")):next().rps)
  end)

  it("returns the world's failures", function()
    assert.same({ nil, path "missing" .. ": cannot open: No such file or directory", "io" },
      { mt.csv.open(path "missing") })
    assert.same({ nil, path "in.csv" .. ": the file is empty: a row with the columns' names was expected", "input" },
      { mt.csv.open(write "") })
    local reader = assert(mt.csv.open(write "a,b\n1,2\n3\n"))
    assert.same({ a = "1", b = "2" }, reader:next())
    local wanted = { nil, path "in.csv" .. ":3: the row has 1 field, the header has 2", "input" }
    assert.same(wanted, { reader:next() })
    assert.same(wanted, { reader:next() })
    assert.equal(2, reader:line())
    assert.same({ nil, path "in.csv" .. ":2: a quote that opens here is never closed", "input" },
      { assert(mt.csv.open(write "a,b\n1,\"2\n3,4\n")):next() })
  end)

  it("raises them in a loop", function()
    assert.equal(path "in.csv" .. ":3:4: a quote inside a field that does not begin with one "
      .. '(a field with quotes is written "say ""so""")', refusal.message(function()
        for _ in mt.csv.open(write "a,b\n1,2\n3,4\"\n") do end -- luacheck: ignore
      end))
  end)

  it("says which columns there are", function()
    local function problem_of(text, columns)
      local reader, message, code = mt.csv.open(write(text), { columns = columns })
      assert.is_nil(reader)
      assert.equal("input", code)
      return message:sub(#path "in.csv" + 2)
    end
    assert.equal("1: no column 'tmie' (did you mean 'time'?); the columns are 'time', 'rps', 'model, name'",
      problem_of(sample, { "tmie", "rps" }))
    assert.equal("3: no column 'a', no 'TIME' (did you mean 'time'?); the columns are 'time'",
      problem_of("\n\ntime\n", { "a", "TIME" }))
    assert.equal("1: several columns are called 'a'", problem_of("a,b,a\n1,2,3\n", { "a" }))
    assert.equal("1: several columns are called 'a'", problem_of "a,b,a\n1,2,3\n")
    assert.same({ b = "2" }, assert(mt.csv.open(write "a,b,a\n1,2,3\n", { columns = { "b" } })):next())
    local many = {}
    for i = 1, 30 do many[i] = "c" .. i end
    assert.truthy(problem_of(table.concat(many, ",") .. "\n", { "x" }):find("'c20', and 10 more", 1, true))
  end)

  it("names a caller's mistake", function()
    fails("mt.csv.open()", "my.lua:2: csv.open: path must be a file's name, not nil")
    fails("mt.csv.open('x', { colums = {} })",
      "my.lua:2: csv.open: unknown option 'colums' (did you mean 'columns'?)")
    fails("return mt.csv.open('x', { columns = { 5 } })", "my.lua:2: csv.open: columns must be a string, not 5")
    fails(("local r = mt.csv.open(%q)\nr:close()\nr:next()"):format(write(sample)),
      "my.lua:4: the CSV reader is closed")
    fails(("local r = mt.csv.open(%q)\nr:close()\nr:names()"):format(write(sample)),
      "my.lua:4: the CSV reader is closed")
  end)

  it("closes once, by itself or not", function()
    local reader = assert(mt.csv.open(write(sample)))
    assert.equal("CSV reader of " .. path "in.csv", tostring(reader))
    do local scoped <close> = reader end -- luacheck: ignore scoped
    assert.equal("CSV reader (closed)", tostring(reader))
    reader:close()
    assert.equal("the CSV reader is closed", refusal.text(reader))
    assert.equal("the CSV reader is closed", refusal.text(reader.line, reader))
    for _ = 1, 100 do mt.csv.open(path "in.csv") end -- readers that nobody closes are collected
    collectgarbage()
  end)

  it("goes on after the columns are chosen anew", function()
    local reader = assert(mt.csv.open(write "a,b\n1,2\n3,4\n"))
    core.csv.select(reader, { 2 })
    assert.same({ b = "2" }, reader:next())
    assert.equal("there is no column 3", refusal.text(core.csv.select, reader, { 3 }))
    assert.matches("number expected, got string", refusal.text(core.csv.select, reader, { "x" }))
    assert.same({ b = "4" }, reader:next())
  end)
end)

describe("the text of a field", function()
  it("is a number, whole ones an integer", function()
    local number = core.csv.number
    assert.equal("integer", math.type(number "374"))
    assert.equal("integer", math.type(number "374.0"))
    assert.equal(math.maxinteger, number "9223372036854775807")
    assert.equal(9223372036854775808.0, number "9223372036854775808")
    assert.equal(0.25, number " 2.5e-1 ")
    for _, text in ipairs { "", "0x10", "nan", "1,5", "1e999" } do assert.is_nil(number(text)) end
  end)

  it("is a time in seconds, or a date", function()
    assert.same({ 1500000000, false }, { core.csv.time("1.5", 9) })
    assert.same({ 1700158546680590000, true }, { core.csv.time("2023-11-16 18:15:46.6805900", 9) })
    assert.same({ 1500000, false }, { core.csv.time("1.5", 6) })
    assert.is_nil(core.csv.time("90s", 9))
    assert.matches("must be between 0 and 9", refusal.text(core.csv.time, "1", 10))
    assert.is_nil(core.csv.time("9999-12-31", 9))
  end)
end)
