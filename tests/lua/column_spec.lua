-- Columns computed from columns: operators, comparisons, masks, groups.
local mt = require "moontide"

local function message_of(call, ...)
  local ok, message = pcall(call, ...)
  assert.is_false(ok)
  return tostring(message)
end

-- Times, input and output lengths; the third request has no output, the fourth no input.
local function sample()
  return mt.trace.columns {
    { timestamp = 0, input_length = 10, output_length = 4 },
    { timestamp = 1500.5, input_length = 20, output_length = 8 },
    { timestamp = 3000, input_length = 30 },
    { timestamp = 4000, output_length = 2 },
    { timestamp = 5000, input_length = 50, output_length = 0 },
  }
end

-- A list with "-" for what is absent.
local function list(column)
  local all = {}
  for i = 1, #column do all[i] = column[i] or "-" end
  return all
end

-- So many that they are sorted by digits; keys of both signs and fractions, in no order.
it("many requests are grouped as few are", function()
  local rows, wanted = {}, {}
  for i = 1, 3000 do
    local value = i * 7919 % 3001
    rows[i] = { timestamp = i, input_length = i * 31 % 7, output_length = value }
    local key = i * 31 % 7 / 4 - 0.75
    local group = wanted[key] or { key = key, count = 0, sum = 0, min = math.huge, max = -math.huge }
    wanted[key] = group
    group.count, group.sum = group.count + 1, group.sum + value - 1500
    group.min, group.max = math.min(group.min, value - 1500), math.max(group.max, value - 1500)
  end
  local all = mt.trace.columns(rows)
  local groups = (all:column "output_length" - 1500):group_by(all:column "input_length" / 4 - 0.75)
  assert.equal(7, #groups)
  for i, group in ipairs(groups) do
    assert.equal((i - 1) / 4 - 0.75, group.key)
    local other = wanted[group.key]
    assert.same({ other.count, other.sum, other.min, other.max }, { group.count, group.sum, group.min, group.max })
  end
end)

-- Whole keys in whatever order they come, near to one another and far: beside a table.
it("whole numbers are grouped wherever the next one lies", function()
  local rows = {}
  for i = 1, 400 do
    rows[i] = { timestamp = i, input_length = i % 50 > 0 and i * 7919 % 401 or nil, output_length = i }
  end
  local all = mt.trace.columns(rows)
  local i, values = all:column "output_length", all:column "input_length" - 200
  for name, keys in pairs {
    down = i * -7, up = i * 5 - 900, outwards = i * 40 - (i % 2) * i * 70, near = i * 31 % 64 - 200,
    far = i % 5 + (i % 3):equals(0) * 70000, -- too far for a place each
    halves = i % 9 / (i:at_least(300) + 1), -- from the 300th on
    large = i % 9 * i:below(300) + i:at_least(300) * (2.0 ^ 53 + i % 4 * 2),
  } do
    local wanted, order = {}, {}
    for k = 1, 400 do
      local key, value = keys[k], values[k]
      if value then
        if not wanted[key] then order[#order + 1] = key end
        local group = wanted[key] or { key = key, count = 0, sum = 0, min = value, max = value }
        wanted[key] = group
        group.count, group.sum = group.count + 1, group.sum + value
        group.min, group.max = math.min(group.min, value), math.max(group.max, value)
        group.mean = group.sum / group.count
      end
    end
    table.sort(order)
    local groups = values:group_by(keys)
    assert.equal(#order, #groups, name)
    for k, group in ipairs(groups) do assert.same(wanted[order[k]], group, name) end
  end
end)

describe("columns of numbers", function()
  local trace = sample()
  local isl, osl, time = trace:column "input_length", trace:column "output_length", trace:column "timestamp"

  it("are computed with, request by request", function()
    assert.same({ 14, 28, "-", "-", 50 }, list(isl + osl))
    assert.same({ 6, 12, "-", "-", 50 }, list(isl - osl))
    assert.same({ 40, 160, "-", "-", 0 }, list(isl * osl))
    assert.same({ 0.4, 0.4, "-", "-", 0 }, list(osl / isl))
    assert.same({ 11, 21, 31, "-", 51 }, list(1 + isl))
    assert.same({ -9, -19, -29, "-", -49 }, list(1 - isl))
    assert.same({ 1, 2, 4, "-", 7 }, list(isl // 7))
    assert.same({ 3, 6, 2, "-", 1 }, list(isl % 7))
    assert.same({ -10, -20, -30, "-", -50 }, list(-isl))
    assert.same({ 0, 3.001, 6, 8, 10 }, list(time * 2 / 1000))
    assert.same({ -4, -1, -5, "-", -6 }, list(isl % -7))
    assert.same({ -2, -3, -5, "-", -8 }, list(isl // -7))
  end)

  it("have figures when computed", function()
    local total = isl + osl
    assert.equal(5, #total)
    assert.equal(3, total:count())
    assert.equal(92, total:sum())
    assert.equal("integer", math.type(total:sum()))
    assert.equal(92 / 3, total:mean())
    assert.equal(14, total:min())
    assert.equal(50, total:max())
    assert.same({ 14, 28, 50 }, total:values())
    assert.same({ 1, 2 }, total:histogram { 0, 20, 50 })
    assert.equal("column: computed of 5 requests", tostring(total))
    assert.is_nil(total[0])
    assert.is_nil(total[6])
    assert.is_nil(total[1.5])
    assert.is_nil(total.nothing)
    local none = total:where(0)
    assert.equal(0, none:count())
    assert.equal(0, none:sum())
    assert.is_nil(none:mean())
    assert.is_nil(none:min())
    assert.is_nil(none:max())
    assert.same({}, none:values())
  end)

  it("have no number where the result is none", function()
    local nothing = osl / osl
    assert.same({ 1, 1, "-", 1, "-" }, list(nothing))
    assert.same({ 2.5, 2.5, "-", "-", math.huge }, list(isl / osl))
  end)

  it("compare to 1, 0 or nothing", function()
    assert.same({ 0, 0, 1, "-", 1 }, list(isl:above(20)))
    assert.same({ 0, 1, 1, "-", 1 }, list(isl:at_least(20)))
    assert.same({ 1, 0, 0, "-", 0 }, list(isl:below(20)))
    assert.same({ 1, 1, 0, "-", 0 }, list(isl:at_most(20)))
    assert.same({ 0, 1, 0, "-", 0 }, list(isl:equals(20)))
    assert.same({ 1, 1, "-", "-", 1 }, list(isl:above(osl)))
    assert.same({ 0, 0, 1, "-", 0 }, list(isl:above(20) & isl:below(50)))
    assert.same({ 1, 1, 0, "-", 1 }, list(isl:below(30) | isl:above(30)))
    assert.same({ 1, 1, 0, "-", 0 }, list(~isl:above(20)))
  end)

  it("select numbers and requests", function()
    local long = isl:at_least(20)
    assert.same({ "-", 8, "-", "-", 0 }, list(osl:where(long)))
    assert.equal(4.0, osl:where(long):mean())
    local kept = trace:where(long)
    assert.equal("moontide.columns", getmetatable(kept).__name)
    assert.same({ 1500.5, 3000, 5000 }, kept:column("timestamp"):values())
    assert.same(trace:where("input_length and input_length >= 20"):column("timestamp"):values(),
      kept:column("timestamp"):values())
    assert.equal(0, #trace:where(isl:above(1000)))
    assert.equal(5, #trace:where(time:at_least(0)))
    assert.equal(4, #trace:where(isl))
  end)

  it("keep what a request is when they select", function()
    local one = mt.trace.columns {
      { timestamp = 1, input_length = 7, hash_ids = { 1, 2 }, session_id = "a", extra = '{"x": 1}' } }
    assert.same(one[1], one:where(one:column("input_length"):equals(7))[1])
  end)

  it("have Lua's quotients and rests, of all signs", function()
    local numbers = { 0, 1, 2, 3, 7, 10, 0.5, 0.1, 2.75, 1500.25, 1e9 + 0.125, 4503599627370497, 1e300, 1e-300, 5e-324 }
    for i = 1, #numbers do numbers[#numbers + 1] = -numbers[i] end
    local zero = mt.trace.columns { { input_length = 0 } }:column "input_length"
    for _, divisor in ipairs(numbers) do
      for _, number in ipairs(numbers) do
        local a, b = number + 0.0, divisor + 0.0
        local rest, quotient = ((zero + a) % b)[1], ((zero + a) // b)[1]
        if b == 0 then
          assert.is_nil(rest)
        else
          assert.equal(a % b, rest + 0.0, ("%.17g %% %.17g"):format(a, b))
          assert.equal(math.floor(a / b) + 0.0, quotient + 0.0, ("%.17g // %.17g"):format(a, b))
        end
      end
    end
    assert.equal(7, ((zero + 7) % math.huge)[1])
    assert.is_nil(((zero + math.huge) % 7)[1])
  end)

  it("keep of requests all there is, whichever are chosen", function()
    local rows = {}
    for i = 1, 300 do
      rows[i] = { timestamp = i, input_length = i % 5 > 0 and i or nil, hash_ids = i % 3 > 0 and { i, i + 1 } or nil,
        session_id = i % 4 > 0 and "s" .. i % 17 or nil, extra = i % 6 == 0 and '{"x": ' .. i .. "}" or nil }
    end
    local all = mt.trace.columns(rows)
    for _, step in ipairs { 1, 2, 7, 400 } do
      local kept, wanted = all:where((all:column "timestamp" % step):equals(0)), {}
      for i = step, 300, step do wanted[#wanted + 1] = all[i] end
      local found = {}
      for i = 1, #kept do found[i] = kept[i] end
      assert.same(wanted, found)
    end
  end)

  it("are grouped by numbers", function()
    assert.same({
      { key = 0, count = 2, sum = 12, mean = 6, min = 4, max = 8 },
      { key = 2, count = 2, sum = 2, mean = 1, min = 0, max = 2 },
    }, osl:group_by(time // 2000))
    assert.same({ { key = -0.5, count = 3, sum = 60, mean = 20, min = 10, max = 30 } },
      isl:where(isl:below(50)):group_by(-0.5))
    assert.same({}, isl:where(0):group_by(time))
    -- Sums do not depend on the order of the requests.
    local numbers, turned = mt.trace.columns(), mt.trace.columns()
    for i = 1, 500 do
      numbers:append { input_length = i * i * i, turn = i % 7 }
      turned:append { input_length = (501 - i) ^ 3 // 1 | 0, turn = (501 - i) % 7 }
    end
    local function groups(columns)
      return (columns:column "input_length" / 3):group_by(columns:column "turn")
    end
    local found = groups(numbers)
    assert.same(found, groups(turned))
    assert.equal(7, #found)
    local sum = 0
    for i = 3, 500, 7 do sum = sum + i ^ 3 / 3 end
    assert.equal(sum, found[4].sum)
    assert.same({ 3, 72, 9, 500 ^ 3 / 3 },
      { found[4].key, found[4].count, found[4].min, found[500 % 7 + 1].max })
  end)

  it("do not change when requests are added, and outlive the columns", function()
    local growing = sample()
    local sum = growing:column "input_length" + 0
    growing:append { input_length = 60 }
    assert.equal(5, #sum)
    assert.truthy(message_of(function() return sum + growing:column "input_length" end):find(
      "column +: one column is of 5 requests, the other of 6", 1, true))
    assert.truthy(message_of(growing.where, growing, sum):find(
      "where: the columns have 6 requests, the mask is of 5", 1, true))
    growing = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.equal(110, sum:sum())
  end)

  it("refuse what is no number", function()
    assert.truthy(message_of(function() return isl + "5" end):find(
      "column +: takes columns and numbers, not 5", 1, true))
    assert.truthy(message_of(function() return isl * {} end):find("column *: takes columns and numbers", 1, true))
    assert.truthy(message_of(isl.above, isl, nil):find("column above: takes columns and numbers, not nil", 1, true))
    assert.truthy(message_of(isl.where, isl, 0 / 0):find("column where: takes columns and numbers", 1, true))
    assert.truthy(message_of(isl.group_by, isl, "minute"):find("column group_by: takes columns", 1, true))
    local index = getmetatable(isl).__index
    assert.equal(20, index(isl, 2))
    assert.truthy(message_of(index, trace, 2):find("moontide.column expected", 1, true))
    assert.truthy(message_of(index, "text", 2):find("moontide.column expected", 1, true))
    assert.truthy(message_of(isl.above, 5, isl):find("moontide.column expected", 1, true))
    assert.truthy(message_of(function() return isl < 5 end):find("columns are compared by :below", 1, true))
    assert.truthy(message_of(function() return isl >= osl end):find("columns are compared by :below", 1, true))
    assert.truthy(message_of(function() return mt.trace.pipe(trace):where(isl) end):find(
      "where: the condition must be an expression or a function", 1, true))
  end)
end)
