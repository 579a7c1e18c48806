-- Charts for the terminal, in a fixed style each, to the last character.
local chart = require "moontide.draw.chart"
local mt = require "moontide"
local refusal = require "tests.support.refusal"

local ascii = { utf8 = false, colour = false, columns = 40 }
local unicode = { utf8 = true, colour = false, columns = 40 }
local colour = { utf8 = true, colour = true, columns = 40 }

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
  return lines
end

local function columns_of(line)
  return utf8.len((line:gsub("\27%[[%d;]*m", "")))
end

local function up(n)
  local values = {}
  for i = 1, n do values[i] = i end
  return values
end

describe("a line chart", function()
  local opts = { title = "rate", series = { up(30) }, x_from = 0, x_to = 30, y_unit = "requests/s", height = 6 }

  it("is drawn in ASCII", function()
    assert.equal([[
rate
requests/s
      30 +                          ***
         |                    ******
      20 +              ******
      10 +        ******
         |  ******
       0 +**
         ++-------------+-------------+
         0            15            30 s]], (chart.line(opts, ascii):gsub("[ ]+\n", "\n")))
  end)

  it("is drawn in braille", function()
    local lines = lines_of(chart.line(opts, unicode))
    assert.truthy(lines[3]:find("^      30 ┤"))
    assert.equal("         └┬─────────────┬─────────────┬", lines[9])
    for row = 4, 8 do
      local drawn = lines[row]:match "[│┤](.*)$"
      for _, code in utf8.codes(drawn) do
        assert.is_true(code == 32 or code > 0x2800 and code <= 0x28FF)
      end
    end
  end)

  it("never goes beyond its width", function()
    for _, style in ipairs { ascii, unicode, colour } do
      for _, width in ipairs { 20, 33, 80, 200 } do
        for _, to in ipairs { 1e-3, 7, 100, 3600, 5e5, 1e8 } do
          local text = chart.line({ title = ("long title "):rep(30), series = { up(500) }, x_from = 0,
            x_to = to, y_unit = "tokens/s", width = width }, style)
          for i, line in ipairs(lines_of(text)) do
            assert.is_true(columns_of(line) <= width + (i > 14 and 4 or 0), line)
          end
        end
      end
    end
  end)

  it("writes long times in units that read well", function()
    local function axis(to)
      local lines = lines_of(chart.line({ series = { { 1 } }, x_from = 0, x_to = to, width = 80 }, ascii))
      return (lines[#lines]:gsub("%s+", " "))
    end
    assert.equal(" 0 20 40 60 80 100 s", axis(100))
    assert.equal(" 0 2 4 6 8 10 min", axis(600))
    assert.equal(" 0 6 12 18 24 h", axis(86400))
    assert.equal(" 0 2 4 6 d", axis(7 * 86400))
    assert.equal(" 0 0.2 0.4 0.6 0.8 1 s", axis(1):gsub("0%.0", "0"):gsub("1%.0", "1"))
  end)

  it("has a logarithmic axis", function()
    local function axis(from, to)
      local lines = lines_of(chart.line({ series = { up(3) }, x_from = from, x_to = to, x_scale = "log",
        x_unit = "u", width = 40 }, ascii))
      return lines[#lines - 1]:sub(11), (lines[#lines]:gsub("%s+", " "))
    end
    local ticks, labels = axis(1, 1000)
    assert.equal("+--------+---------+--------+", ticks)
    assert.equal(" 1 10 100 1000 u", labels)
    ticks, labels = axis(3, 70)
    assert.equal(" 5 10 20 50 u", labels)
    assert.equal("----+------+-----+-------+---", ticks) -- columns 5, 12, 18 and 26 of 29
    assert.equal(" 80.06 80.08 u", select(2, axis(80.055, 80.085))) -- less than a power of ten
    assert.equal("chart.line: x_from must be above 0 on a logarithmic axis, not 0",
      refusal.text(mt.chart.line, { series = { { 1 } }, x_from = 0, x_to = 1, x_scale = "log" }))
  end)

  it("has room for values below 0, for one value, for none above 0, and for gaps", function()
    local lines = lines_of(chart.line({ series = { { -5, 5 } }, x_from = 0, x_to = 2, height = 4 }, ascii))
    assert.equal("       5 +               **************", (lines[1]:gsub("%s+$", "")))
    assert.equal("      -5 +***************", lines[4])
    lines = lines_of(chart.line({ series = { { 0, 0 } }, x_from = 0, x_to = 2, height = 4 }, ascii))
    assert.equal("     0.0 +" .. ("*"):rep(29), lines[4])
    local gap = chart.line({ series = { { 1, 0 / 0, 1 } }, x_from = 0, x_to = 3, height = 3, width = 23 }, ascii)
    assert.truthy(gap:find("****    ****", 1, true))
    assert.equal(gap, chart.line({ series = { { 1, 1 / 0, 1 } }, x_from = 0, x_to = 3, height = 3, width = 23 },
      ascii))
  end)

  it("leaves no value out when there are more than dots", function()
    local values = {}
    for i = 1, 1000 do values[i] = i == 777 and 9 or 1 end
    local lines = lines_of(chart.line({ series = { values }, x_from = 0, x_to = 1, height = 6 }, ascii))
    assert.equal(1, select(2, lines[1]:gsub("%*", "")))
    assert.equal(29, select(2, lines[6]:gsub("%*", "")) + select(2, lines[5]:gsub("%*", "")))
  end)

  it("tells several series apart", function()
    local two = { series = { { 1, 1 }, { 2, 2 } }, names = { "sent", "done" }, x_from = 0, x_to = 2, height = 4 }
    local text = chart.line(two, unicode)
    assert.truthy(text:find("***", 1, true) and text:find("+++", 1, true))
    assert.truthy(text:find("* sent   + done", 1, true))
    assert.is_nil(text:find "\27")
    text = chart.line(two, colour)
    assert.truthy(text:find("\27[36m", 1, true) and text:find("\27[33m", 1, true))
    assert.is_nil(text:find("***", 1, true))
    assert.is_nil(chart.line({ series = { { 1 } }, x_from = 0, x_to = 1 }, colour):find "\27")
  end)

  it("has its legend and its unit in lines of their own where they have no room", function()
    local names, series = {}, {}
    for i = 1, 10 do names[i], series[i] = ("a name of some length, %d"):format(i), { i } end
    names[3] = ("long "):rep(30)
    local text = chart.line({ series = series, names = names, x_from = 1, x_to = 1000, x_scale = "log",
      x_unit = ("unit "):rep(5), width = 60 }, ascii)
    local marks = {}
    for i, line in ipairs(lines_of(text)) do
      assert.is_true(columns_of(line) <= 60, line)
      if i > 14 then for mark in line:gmatch "(%S) a name" do marks[mark] = true end end
    end
    local count = 0
    for _ in pairs(marks) do count = count + 1 end
    assert.equal(9, count) -- each is told apart; the long name is cut
    assert.is_truthy(text:find("o " .. ("long "):rep(10), 1, true))
    assert.is_truthy(text:find("\n +unit unit unit unit unit *\n"))
  end)

  it("says how many bins it shows", function()
    assert.equal(29, chart.bins(nil, ascii))
    assert.equal(58, chart.bins(nil, unicode))
    assert.equal(49, chart.bins(60, ascii))
    assert.equal(29, chart.bins(nil, unicode, 2))
  end)
end)

describe("bars", function()
  local rows = { { "conversation", 40.13 }, { "tool", 80 }, { "none", 0 } }

  it("are drawn in ASCII", function()
    assert.equal([[
hits
conversation |########## 40.13 %
        tool |#################### 80 %
        none | 0 %]], chart.bars({ title = "hits", rows = rows, unit = "%", width = 42 }, ascii))
  end)

  it("are drawn in eighths of a column", function()
    assert.equal([[
a │██████████ 8
b │████▍ 3.5
c │▏ 0.1]], chart.bars({ rows = { { "a", 8 }, { "b", 3.5 }, { "c", 0.1 } }, width = 17 }, unicode))
  end)

  it("of nothing are nothing", function()
    assert.equal("", chart.bars({ rows = {} }, ascii))
    assert.equal("a | 0", chart.bars({ rows = { { "a", 0 } } }, ascii))
  end)
end)

describe("a chart in a script", function()
  local fails = refusal.script_is

  it("is mt.chart", function()
    local opts = { series = { { 1, 2 } }, x_from = 0, x_to = 2 }
    assert.equal(chart.line(opts, ascii), mt.chart.line(opts, ascii))
    assert.equal("a | 0", mt.chart.bars({ rows = { { "a", 0 } } }, ascii))
  end)

  it("says what is wrong with its options", function()
    fails("mt.chart.line { series = {}, x_form = 0 }",
      "my.lua:2: chart.line: unknown option 'x_form' (did you mean 'x_from'?)")
    fails("mt.chart.line { series = {}, x_from = 0 }", "my.lua:2: chart.line: x_to is required")
    fails("mt.chart.line { series = {}, x_from = 2, x_to = 2 }",
      "my.lua:2: chart.line: x_to (2) must be above x_from (2)")
    fails("mt.chart.line { series = 5, x_from = 0, x_to = 2 }",
      "my.lua:2: chart.line: series must be a list of lists of numbers, not 5")
    fails("mt.chart.line { series = { { 1 }, 2 }, x_from = 0, x_to = 2 }",
      "my.lua:2: chart.line: series 2 must be a list of numbers, not 2")
    fails("mt.chart.line { series = { { 1, '2' } }, x_from = 0, x_to = 2 }",
      "my.lua:2: chart.line: series 1, value 2 must be a number, not '2'")
    fails("mt.chart.line { series = {}, x_from = 0, x_to = 2, height = 2 }",
      "my.lua:2: chart.line: height must be between 3 and 200, not 2")
    fails("mt.chart.line(5)", "my.lua:2: chart.line: the argument must be a table of options, not 5")
    fails("mt.chart.bars { row = {} }", "my.lua:2: chart.bars: unknown option 'row' (did you mean 'rows'?)")
    fails("mt.chart.bars {}", "my.lua:2: chart.bars: rows is required")
    fails("mt.chart.bars { rows = { 'a' } }", "my.lua:2: chart.bars: row 1 must be {label, value}, not 'a'")
    fails("mt.chart.bars { rows = { { 'a', 1 }, { 2 } } }",
      "my.lua:2: chart.bars: row 2: the value must be a finite number that is not below 0, not nil")
    fails("mt.chart.bars { rows = { { 'a', -1 } } }",
      "my.lua:2: chart.bars: row 1: the value must be a finite number that is not below 0, not -1")
    fails("mt.chart.bars { rows = { { true, 1 } } }",
      "my.lua:2: chart.bars: row 1: the label must be a string, not true")
  end)
end)

describe("a plot of a curve", function()
  it("is a value that prints as its picture", function()
    local plot = mt.ramp(0, 50, 30):plot { width = 50, height = 5 }
    local lines = lines_of(tostring(plot))
    assert.equal("ramp(0, 50, 30)", lines[1])
    assert.equal("requests/s", lines[2])
    assert.equal(2 + 5 + 2, #lines)
  end)

  it("shows two periods, or what is asked for", function()
    local text = tostring(mt.sine { mean = 1, amp = 1, period = 50 }:plot { width = 80 })
    assert.truthy(text:find "100 s$")
    text = tostring(mt.const(5):plot { from = "1h", to = "5h", title = "five" })
    assert.equal("five", lines_of(text)[1])
    assert.truthy(text:find "h$")
  end)
end)

-- The style is that of the environment: asked of a process of its own.
describe("the style", function()
  local program = os.getenv "MOONTIDE" or "build/moontide"
  local script = os.tmpname()
  local file = assert(io.open(script, "w"))
  file:write [[
    local mt = require "moontide"
    return mt.script { summary = "Print the style", run = function()
      local style = require "moontide.draw.chart".style()
      print(style.utf8, style.colour, style.columns)
    end }
  ]]
  file:close()
  teardown(function() os.remove(script) end)

  local function style(environment)
    local pipe = assert(io.popen(("env -u LC_ALL -u LC_CTYPE -u LANG -u COLUMNS -u NO_COLOR -u TERM %s %s run %s")
      :format(environment, program, script)))
    local text = pipe:read "a"
    assert.is_true(pipe:close())
    return text
  end

  it("follows locale, terminal and width", function()
    assert.equal("false\tfalse\t80\n", style "")
    assert.equal("true\tfalse\t80\n", style "LANG=de_DE.UTF-8")
    assert.equal("true\tfalse\t80\n", style "LANG=C LC_CTYPE=C.utf8")
    assert.equal("false\tfalse\t80\n", style "LC_ALL=C LC_CTYPE=C.utf8")
    assert.equal("true\tfalse\t80\n", style "LC_ALL= LANG=C.UTF-8")
    assert.equal("false\tfalse\t80\n", style "LANG=C.UTF-8 TERM=dumb")
    assert.equal("false\tfalse\t80\n", style "LANG=C.UTF-8 NO_COLOR=1")
    assert.equal("true\tfalse\t80\n", style "LANG=C.UTF-8 NO_COLOR=")
    assert.equal("false\tfalse\t132\n", style "COLUMNS=132")
    assert.equal("false\tfalse\t80\n", style "COLUMNS=wide")
  end)
end)
