-- Figures as data, and pictures of values: x:plot{ file =, what = }.
local command = require "tests.support.command"
local figure = require "moontide.look.figure"
local gnuplot = require "moontide.look.gnuplot"
local mt = require "moontide"
local refusal = require "tests.support.refusal".text
local results = require "tests.support.results"
local terminal = require "moontide.look.terminal"

teardown(command.remove_folders)

local ascii = { utf8 = false, colour = false, columns = 60 }

local function new(x, y) return figure.new("name", "Title", x or { "x", "m" }, y or { "y" }) end

describe("a figure", function()
  it("leaves out series without numbers", function()
    local one = new()
    assert.is_false(one:add { "a", "line", x = {}, y = {} })
    assert.is_false(one:add { "a", "line", x = { 1, 2 }, y = { 0 / 0, math.huge } })
    assert.same({ "why" }, { select(2, one:or_why "why") })
    assert.is_true(one:add { "a", "line", x = { 1, 2 }, y = { 0 / 0, 3 } })
    assert.equal(one, one:or_why "why")
  end)

  it("keeps the extremes of a long series, and says so", function()
    local x, y = {}, {}
    for i = 1, 100000 do x[i], y[i] = i, math.sin(i) end
    y[77777], y[12345] = 50, -50
    local one = new()
    one:add { "a", "line", x = x, y = y }
    local series = one.series[1]
    assert.is_true(#series.x <= figure.most_points and #series.x > 1000)
    local kept = {}
    for i, value in ipairs(series.x) do kept[value] = series.y[i] end
    assert.same({ 50, -50 }, { kept[77777.0], kept[12345.0] })
    assert.equal("Of 100,000 points in a series those are drawn that are the first, last, smallest or largest in one "
      .. "of 400 stretches.", one.notes[1])
  end)

  it("shows no zero on a logarithmic axis", function()
    local one = new({ "x", scale = "log" }, { "y", scale = "log" })
    one:add { "a", "points", x = { 0, 1, 2, 3 }, y = { 1, 0, 5, 6 }, labels = { "p", "q", "r", "s" } }
    assert.same({ { 2, 3 }, { 5, 6 }, { "r", "s" } }, { one.series[1].x, one.series[1].y, one.series[1].labels })
    assert.equal("What is 0 has no place on a logarithmic axis.", one.notes[1])
  end)

  it("is JSON with short numbers", function()
    local one = new()
    one:add { "a\xffb", "band", x = { 1 / 3, 2 }, y = { 123456789, 0 / 0 }, low = { 1, 2 }, is_dashed = true }
    local data = mt.json.decode(mt.json.encode(one))
    assert.equal("a\u{FFFD}b", data.series[1].name)
    assert.same({ 0.3333333, 2 }, data.series[1].x)
    assert.same({ 123460000, mt.json.null }, data.series[1].y)
    assert.same({ 1, 2 }, data.series[1].low)
  end)

  it("is clean text whatever a name was", function()
    assert.equal("a", figure.clean "a")
    assert.equal("\u{FFFD}\u{FFFD}z\u{E9}", figure.clean "\xff\xc3z\u{E9}")
  end)

  it("is text for gnuplot in which nothing of its data is a command", function()
    local one = new()
    one:add { "it's\n`touch x`", "both", x = { 1 }, y = { 2 }, labels = { 'a"b\\' } }
    one:add { "band", "band", x = { 1, 2 }, y = { 4, 5 }, low = { 1, 2 } }
    local text = gnuplot.text({ one }, "it's.png", "png")
    assert.is_truthy(text:find("title 'it''s `touch x`' noenhanced", 1, true))
    assert.is_truthy(text:find("set output 'it''s.png'", 1, true))
    assert.is_truthy(text:find('\n1 2 "a b "\n', 1, true))
    assert.is_truthy(text:find("using 1:3:2 with filledcurves", 1, true))
    one:add { "its band", "band", x = { 1, 2 }, y = { 4, 5 }, low = { 1, 2 }, of = 1 }
    assert.is_truthy(gnuplot.text({ one }, "x.png", "png"):find( -- of the first series' colour
      "using 1:3:2 with filledcurves fs transparent solid 0.25 lc rgb '#0072b2' notitle", 1, true))
    assert.is_nil(text:find("multiplot", 1, true))
  end)

  it("says hours where seconds are many", function()
    local one = figure.new("name", "Title", figure.time(), { "y" })
    one:add { "a", "line", x = { 0, 36000 }, y = { 1, 2 } }
    local text = gnuplot.text({ one }, "x.svg", "svg")
    assert.is_truthy(text:find("set xlabel 'Time (h)'", 1, true))
    assert.is_truthy(text:find("\n10 2\n", 1, true))
  end)

  it("has colours and a key for many series with long names", function()
    local one = new()
    for i = 1, 9 do one:add { ("x"):rep(60) .. i, "line", x = { 1, 2 }, y = { i, i }, is_dashed = i == 2 } end
    local text = gnuplot.text({ one }, "x.png", "png")
    local dashes = {}
    for name, dash in text:gmatch "%$figure1_(%d) using 1:2 with lines lc rgb '#%x+' lw 1.5(.-) title" do
      dashes[tonumber(name)] = dash
    end
    assert.same({ "", " dt 2", "", "", "", "", "", "", " dt 3" }, dashes)
    assert.is_truthy(text:find("maxcols 1\n", 1, true))
    one = new()
    one:add { "a", "line", x = { 1, 2 }, y = { 1, 2 } }
    assert.is_truthy(gnuplot.text({ one }, "x.png", "png"):find("maxcols 8\n", 1, true))
  end)

  it("is drawn in the terminal", function()
    local one = new()
    one:add { "a", "line", x = { 0, 10 }, y = { 0, 10 } }
    one:add { "b", "steps", x = { 0, 5, 10 }, y = { 5, 5, 5 } }
    local text = terminal.text(one, ascii)
    assert.is_truthy(text:find "^Title\n *y\n")
    assert.is_truthy(text:find("* a   + b", 1, true))
    local single = new()
    single:add { "a", "line", x = { 3 }, y = { 1 } }
    assert.is_truthy(terminal.text(single, ascii):find("*", 1, true))
    local share = new()
    share:add { "a", "line", x = { 3, 3, 3 }, y = { 0, 0.5, 1 }, is_cumulative = true }
    assert.is_truthy(terminal.text(share, ascii):find("     1.0 %+%s*%*"))
    local time = figure.new("name", "Title", figure.time(), { "y" })
    time:add { "a", "line", x = { 3 }, y = { 1 } }
    assert.is_nil(terminal.text(time, ascii):find "%-%d") -- nothing is before the start
  end)
end)

describe("plot into a file", function()
  local function given(value, opt)
    opt.file = command.file(nil, "x.gnuplot")
    assert.is_true(value:plot(opt))
    return command.read(opt.file)
  end

  local columns = mt.trace.columns {
    { timestamp = 0, input_length = 100, output_length = 10, hash_ids = { 0 } },
    { timestamp = 1000, input_length = 600, output_length = 20, hash_ids = { 0, 1 } },
    { timestamp = 4000, input_length = 700, output_length = 30, hash_ids = { 0, 1 } },
    { timestamp = 9000, input_length = 500, output_length = 30, hash_ids = { 2 } },
  }

  it("draws a curve", function()
    local text = given(mt.ramp(0, 10, "100s"), { from = "50s" })
    assert.is_truthy(text:find("set title 'ramp", 1, true))
    assert.is_truthy(text:find("\n50.0625 5.00625\n", 1, true))
    assert.is_truthy(text:find("set xlabel 'Time (s)'", 1, true))
  end)

  it("draws a workload, columns and pipes, an analysis, a run", function()
    local load = mt.workload { duration = "10s", mt.stream { arrivals = mt.even(2), input = 50, output = 5 } }
    assert.is_truthy(given(load, { what = "rate", duration = "20s" }):find("title 'expected'", 1, true))
    assert.is_truthy(given(columns, {}):find("Input length (ISL)", 1, true))
    local part = given(columns, { what = { "rate" }, from = 0, to = 5 })
    assert.is_truthy(part:find("\n2.5 0.6\n", 1, true)) -- three requests in five seconds
    assert.is_truthy(given(columns:speed(2), { what = "mean_lengths" }):find("title 'OSL'", 1, true))
    local analysis = mt.analyze(columns)
    assert.is_truthy(given(analysis, {}):find("Cache size (blocks)", 1, true))
    local run = mt.run_of(results.aiperf(40))
    assert.is_truthy(given(run, { what = "ttft" }):find("title 'p99'", 1, true))
  end)

  it("chooses figures for the terminal too", function()
    local text = columns:plot { what = "input_length" }.draw(ascii)
    assert.is_truthy(text:find "^Input length %(ISL%)\n")
    text = mt.run_of(results.aiperf(40)):plot().draw(ascii)
    assert.is_truthy(text:find("Requests offered, sent and completed", 1, true))
  end)

  it("refuses what it cannot draw", function()
    assert.equal("plot: file: 'x.gif' must end in .png, .svg or .pdf, or in .gnuplot for what gnuplot is given",
      refusal(function() columns:plot { file = "x.gif" } end))
    assert.equal("plot: what: there is no figure 'rat' of a trace, or a script's plan (did you mean 'rate'?); 'moontide "
      .. "plot --list' says what there is", refusal(function() columns:plot { what = "rat" } end))
    local done, message, code = columns:plot { file = "/nowhere/x.svg" }
    assert.same({ nil, "/nowhere/x.svg: cannot write in the folder '/nowhere/': No such file or directory", "io" },
      { done, message, code })
    done, message, code = mt.trace.columns { { input_length = 5 } }:plot { what = "rate" }
    assert.same({ nil, "trace: no rate: no request has a timestamp", "input" }, { done, message, code })
  end)
end)
