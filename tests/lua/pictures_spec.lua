-- Pictures of traces and of columns: values that draw themselves when printed, to the last character in a
-- fixed style.
local mt = require "moontide"
local refusal = require "tests.support.refusal".text

local ascii = { utf8 = false, colour = false, columns = 40 }
local unicode = { utf8 = true, colour = false, columns = 40 }

local function draw(picture, style)
  return (picture.draw(style or ascii):gsub("[ ]+\n", "\n"))
end

local trace = mt.trace.columns {
  { timestamp = 0, input_length = 100, output_length = 10 }, { timestamp = 1000, input_length = 200 },
  { timestamp = 1500, input_length = 250 }, { timestamp = 9000, input_length = 5000, output_length = 30 },
  { input_length = 7 },
}

describe("hist", function()
  it("draws a column with its unit and what has no value", function()
    assert.equal([[
input_length (tokens): 5 values
   0 to 1000 |######################## 4
1000 to 2000 | 0
2000 to 3000 | 0
3000 to 4000 | 0
4000 to 5000 |###### 1]], draw(mt.chart.hist(trace:column "input_length", { bins = 5 })))
    assert.equal([[
output_length (tokens): 2 values, 3 r...
10 to 20 |############################ 1
20 to 30 |############################ 1]], draw(mt.chart.hist(trace:column "output_length", { bins = 2 })))
    local picture = mt.chart.hist(trace:column "timestamp").draw { utf8 = false, colour = false, columns = 60 }
    assert.equal("timestamp (ms): 4 values, 1 request without one", picture:match "[^\n]+")
  end)

  it("draws a list of numbers", function()
    assert.equal("3 values\n1 to 2 |############### 1\n2 to 3 |############################## 2",
      draw(mt.chart.hist({ 1, 2.5, 3 }, { bins = 2 })))
    assert.equal("sizes\n5 to 6 |############################## 2", draw(mt.chart.hist({ 5, 5 }, { title = "sizes" })))
    assert.is_truthy(draw(mt.chart.hist { 1, 2, 3 }, unicode):find "█")
  end)

  it("grows its bins when asked", function()
    assert.equal([[
5 values
    5 to 10 |############# 1
   10 to 20 |######################### 2
   20 to 50 | 0
  50 to 100 | 0
 100 to 200 |############# 1
 200 to 500 | 0
500 to 1000 |############# 1]], draw(mt.chart.hist({ 7, 10, 19, 100, 1000 }, { log = true })))
  end)

  it("grows about as many as are asked for", function()
    local values = {}
    for i = 1, 1000 do values[i] = i end
    assert.equal([[
1000 values
    1 to 10 | 9
  10 to 100 |## 90
100 to 1000 |####################### 901]], draw(mt.chart.hist(values, { log = true, bins = 3 })))
    for bins = 1, 60 do
      local _, lines = draw(mt.chart.hist(values, { log = true, bins = bins })):gsub("\n", "\n")
      assert.is_true(lines <= 2 * bins and bins <= 2 * lines, bins .. " bins asked for, " .. lines .. " drawn")
    end
  end)

  it("counts every value once, whatever the bins", function()
    local random = mt.random(3, "values")
    for round = 1, 60 do
      local values, requests = {}, {}
      for i = 1, 1 + random:below(200) do
        values[i] = round % 2 == 0 and 1 + random:below(10 ^ (1 + round % 5) // 1)
          or math.max(1e-6, random:gamma { mean = 50, cv = 3 })
        requests[i] = { timestamp = 0, input_length = math.ceil(values[i]) }
      end
      local whole = {}
      for i, request in ipairs(requests) do whole[i] = request.input_length end
      local column = mt.trace.columns(requests):column "input_length"
      for _, opt in ipairs { { bins = 1 + random:below(30) }, { log = true } } do
        for _, picture in ipairs { draw(mt.chart.hist(values, opt)), draw(mt.chart.hist(column, opt)) } do
          local sum = 0
          for count in picture:gmatch " (%d+)%f[\n\0]" do sum = sum + tonumber(count) end
          assert.equal(#values, sum, picture)
        end
        -- A column counts in C what a list counts in Lua.
        assert.equal(draw(mt.chart.hist(whole, opt)):match "\n.*", draw(mt.chart.hist(column, opt)):match "\n.*")
      end
    end
  end)

  local wrong = "hist: the values must be a column (columns:column 'input_length') or a list of numbers, not "
  local refused = {
    { function() mt.chart.hist() end, wrong .. "nil" }, { function() mt.chart.hist(trace) end, wrong .. "a columns" },
    { function() mt.chart.hist {} end, "hist: there are no values" },
    { function() mt.chart.hist { 1, "x" } end, "hist: value 2 must be a number, not 'x'" },
    { function() mt.chart.hist { 0 / 0 } end, "hist: value 1 must be finite: a number, not nan" },
    { function() mt.chart.hist({ 0, 1 }, { log = true }) end, "hist: log needs values above 0, the lowest is 0" },
    { function() mt.chart.hist({ 1 }, { bin = 3 }) end, "hist: unknown option 'bin' (did you mean 'bins'?)" },
    { function() mt.chart.hist(trace:column "turn") end, "hist: there are no values" },
    { function() trace:column("turn"):histogram { 1 } end, "histogram: takes a list of two edges or more" },
    { function() trace:column("turn"):histogram { 1, 1 } end, "histogram: the edges must increase" },
    { function() trace:column("turn"):histogram { 1, "x" } end, "histogram: an edge must be a number, not string" },
  }
  for i, case in ipairs(refused) do
    it("refuses what it cannot draw, " .. i, function()
      assert.equal(case[2], (refusal(case[1]):gsub("'%-?nan'", "nan"):gsub("%-nan", "nan")))
    end)
  end
end)

describe("columns:plot", function()
  it("draws the rate and mean lengths over time, with units", function()
    assert.equal([[
rate
requests/s
       4 +*  **                       *
       2 + * * *                      *
       0 + **  ***********************
         ++---------------+------------
         0               5 s
mean ISL
   tokens
    5000 +                            *
         |
         |
         |
       0 +*  **
         ++---------------+------------
         0               5 s
mean OSL
   tokens
      40 +
         |                            *
      20 +
         |*
       0 +
         ++---------------+------------
         0               5 s]], draw(trace:plot { height = 3 }))
  end)

  it("has the area of its requests", function()
    local columns = mt.plan_of("steady", { rate = 50 }):columns { duration = 40 }
    local core = require "moontide.core"
    local counts, inputs = core.source.bins(core.source.columns(columns), 0, 40, 80)
    local sum = 0
    for _, count in ipairs(counts) do sum = sum + count end
    assert.equal(#columns, sum)
    for _, mean in ipairs(inputs) do assert.is_true(mean == 2000 or mean ~= mean) end
  end)

  it("takes a stretch of time, and begins where a late trace begins", function()
    assert.is_truthy(draw(trace:plot { from = 1, to = "2s" }):find("\n *1%.0 +1%.5 +2%.0 s\n"))
    local late = mt.trace.columns { { timestamp = 1e9 }, { timestamp = 1e9 + 5000 } }
    assert.equal([[
rate (0 is the first request, at 1000...
requests/s
      10 +
       5 +*                           *
       0 + ***************************
         ++---------------------------+
         0                           5 s]], draw(late:plot { height = 3 }))
    assert.is_string(draw(mt.trace.columns { { timestamp = 5 } }:plot()))
  end)

  it("refuses what it cannot draw", function()
    for _, case in ipairs {
      { function() mt.trace.columns():plot() end, "plot: no request has a timestamp" },
      { function() trace:plot { from = 5, to = 2 } end, "plot: to (2.0) must be after from (5.0)" },
      { function() trace:plot { widht = 40 } end, "plot: unknown option 'widht' (did you mean 'width'?)" },
    } do
      assert.equal(case[2], (refusal(case[1]):gsub("%((%d)%)", "(%1.0)")))
    end
  end)
end)
