-- Loops over requests: what a body does with its variable, and whether it could tell a table of its own.
local mt = require "moontide"

-- Sessions of two turns with members of their own, and a plain stream.
local function plan()
  return mt.workload { duration = 20, block_size = 16,
    mt.stream { name = "a", arrivals = mt.sessions { starts = mt.even(1), turns = 2, think = 3 }, new_input = 40,
      output = 10, fields = { model = "m" } },
    mt.stream { name = "b", arrivals = mt.poisson(3), input = mt.uniform(20, 60), prompt = mt.random_blocks { total = 3 } },
  }
end

-- The function of a body that stands in `for r in HEAD do BODY end`: it returns what `out` has become. `over` is
-- the plan, `held` its requests, which no compiler can see in the loop.
local function loop(head, body, before)
  local text = ("local over, held, out, first, mt = ...\n%s\nfor r in %s do %s end\nreturn out")
    :format(before or "", head, body)
  local made = assert(load(text, "=loop"))
  return function()
    local over = plan()
    return made(over, over:requests { tags = true }, {}, function(one) return one end, mt)
  end
end

local direct = "over:requests { tags = true }"

-- { body, does it only read?, what stands before the loop }
local bodies = {
  { "out[#out + 1] = r.timestamp + r.input_length", true },
  { "out[#out + 1] = r.nothing == nil and r.hash_count == nil and r.timestamp", true },
  { "out[#out + 1] = r.output_length or false", true },
  { "out[#out + 1] = r.hash_ids", true },
  { "for i = 1, #r.hash_ids do out[#out + 1] = r.hash_ids[i] end", true },
  { "for _, id in ipairs(r.hash_ids) do out[#out + 1] = id end", true },
  { "out[#out + 1] = r.session_id out[#out + 1] = r.delay out[#out + 1] = r.stream", true },
  { "out[#out + 1] = (r.session_id or '-') .. r.stream .. (r.extra or '')", true },
  { "out[#out + 1] = { r.timestamp, r.turn, r.line }", true },
  { "if r.turn == 1 then goto on end out[#out + 1] = r.input_length ::on::", true },
  { "if r.timestamp > 9000 then break end out[#out + 1] = r.input_length", true },
  { "local f = function(a) return a end out[#out + 1] = f(r.timestamp)", true },
  { "local s = r.stream local f = function() return s end out[#out + 1] = f", true },
  { "local function f(...) return ... end out[#out + 1] = f(r.timestamp, 2, 3)", true },
  { "out[1] = (out[1] or 0) + 1", true },
  { "out[#out + 1] = r.input_length while out.x do out.x = nil end repeat local y = r.turn until y or true", true },
  { "do local r = { 1 } out[#out + 1] = r end", true },
  { "r = { 1 } out[#out + 1] = r", false },
  { "out[#out + 1] = r", false },
  { "local q = r out[#out + 1] = q.timestamp", false },
  { "out[#out + 1] = first(r).timestamp", false },
  { "out[#out + 1] = function() return r.timestamp end", false },
  { "out[#out + 1] = function() return function() return r end end", false },
  { "r.mine = (r.mine or 0) + 1 out[#out + 1] = r.mine", false },
  { "r.output_length = nil out[#out + 1] = r.output_length or 0", false },
  { "for k, v in pairs(r) do out[k] = type(v) end", false },
  { "out[#out + 1] = r[out.x or 'timestamp']", false },
  { "out[#out + 1] = r[1] == nil", false },
  { "out[#out + 1] = rawget(r, 'timestamp')", false },
  { "out[#out + 1] = mt.json.encode(r)", false },
  { "out[#out + 1] = #r", false },
  { "out[#out + 1] = r == out.last out.last = r", false },
  { "out[#out + 1] = r and r.timestamp", false },
  { "out[#out + 1] = not r", false },
  { "out[#out + 1] = { r }", false },
  { "out = { out, r.timestamp, r }", false },
  { "if r.timestamp > 9000 then return r end", false },
  { "if r.timestamp > 9000 then return r.timestamp end", true },
  { "if r.timestamp > 9000 then return out, r.timestamp, r end", false },
  { "local t <close> = setmetatable({}, { __close = function() out[#out + 1] = r.turn end })", false },
  { "out[#out + 1] = first(r.timestamp, r)", false },
  { "out[#out + 1] = tostring(r):sub(1, 5)", false },
  { "if pcall(function() return r() end) then out[1] = 1 end", false },
  { "out[r] = nil out[#out + 1] = r.turn", false },
  { "out[#out + 1] = out[r] == nil", false },
  { "local u = first for q in over:requests { num_requests = 2 } do out[#out + 1] = q.timestamp - r.timestamp end", true },
  { "out[#out + 1] = r.timestamp", true, "local x, y, z = {}, out, 1\n\n\n" },
  { "out[#out + 1] = r.timestamp", true, ("local x = 1 "):rep(100) .. ("x = x + 1\n"):rep(400) },
  { "local n = 0 for _, v in ipairs { 1, 2 } do n = n + v * r.input_length end out[#out + 1] = n", true },
}

-- Bytes that Lua holds more after a loop over requests that are counted than before, its garbage included.
local function held_by(made)
  collectgarbage()
  collectgarbage "stop"
  local before = collectgarbage "count"
  made()
  local after = collectgarbage "count"
  collectgarbage "restart"
  return (after - before) * 1024
end

describe("a body gets what a table of its own would give it", function()
  for _, case in ipairs(bodies) do
    it(case[1]:sub(1, 70), function()
      local whole, seen = loop("held", case[1], case[3])(), loop(direct, case[1], case[3])()
      for i = 1, type(whole) == "table" and #whole or 0 do
        while type(whole[i]) == "function" do whole[i], seen[i] = whole[i](), seen[i]() end
      end
      assert.same(whole, seen)
    end)
  end
end)

-- A table a request is at least 200 bytes.
describe("no table is made", function()
  local count = 400
  local head = "mt.workload { duration = 400, mt.stream { arrivals = mt.even(1), input = 9, output = 1 } }"
    .. ":requests { tags = true }"
  local function bytes(body, before)
    return held_by(function() return loop(head, body, before)() end)
  end
  local none = bytes "out[1] = 1"
  local made = bytes "local q = r"
  it("where it is only read, unlike elsewhere", function()
    assert.is_true(made - none > 200 * count, made - none)
    for _, case in ipairs(bodies) do
      local body = case[1]
      -- Those that end early or make tables and functions of their own say nothing here.
      local is_plain = not (body:find "over" or body:find "hash_ids" or body:find "function" or body:find "break"
        or body:find "return" or body:find("{", 1, true))
      if is_plain then
        local grown = bytes("" .. body, case[3]) - none
        assert.equal(case[2], grown < 150 * count, body .. ": " .. grown)
      end
    end
  end)
end)

describe("the function of a loop is no other's", function()
  local function kept_are_apart(text)
    local made = assert(load("local over, first = ...\nlocal kept = {}\n" .. text .. "\nreturn kept", "=loop"))
    local kept = made(plan(), function(one) return one end)
    assert.is_true(#kept > 1)
    for i = 2, #kept do assert.are_not.equal(kept[i - 1], kept[i]) end
    assert.is_true(kept[2].timestamp > kept[1].timestamp)
  end

  for name, text in pairs {
    ["it was held first"] = [[
      local it = over:requests()
      for r in it do local x = r.turn if x == 1 or r.timestamp > 3000 then break end end
      for r in it do kept[#kept + 1] = r end]],
    ["it went through another"] = [[
      local mine
      local function mine_of(it) mine = it return it end
      for r in mine_of(over:requests()) do if r.timestamp > 3000 then break end end
      for r in mine do kept[#kept + 1] = r end]],
    ["two are on one line"] = [[
      local it = over:requests() for r in over:requests() do if r.timestamp > 3000 then break end end
      for r in it do kept[#kept + 1] = r end]],
    ["there are more values beside it"] = [[
      for r in over:requests(), nil do if r.timestamp > 1 then kept[#kept + 1] = r end end]],
    ["a function gives it"] = [[
      local mine
      local function give() mine = over:requests() return mine end
      for r in give() do if r.timestamp > 3000 then break end end
      for r in mine do kept[#kept + 1] = r end]],
    ["a function ends in it"] = [[
      local function give() return over:requests() end
      for r in give() do kept[#kept + 1] = r end]],
    ["it is called as a function"] = [[
      local requests = over.requests
      for r in requests(over) do kept[#kept + 1] = r end]],
    ["it is called as a function, beside a loop"] = [[
      local requests = over.requests
      local it = requests(over) for r in over:requests() do if r.timestamp > 3000 then break end end
      for r in it do kept[#kept + 1] = r end]],
    ["it is called by pcall"] = [[
      local _, it = pcall(over.requests, over)
      for r in it do kept[#kept + 1] = r end]],
    ["it is called in a coroutine"] = [[
      local it = coroutine.wrap(function() return over:requests() end)()
      for r in it do kept[#kept + 1] = r end]],
    ["the loop is within another's line"] = [[
      for q in over:requests() do for r in over:requests() do kept[#kept + 1] = r end break end]],
  } do
    it(name, function() kept_are_apart(text) end)
  end

  it("without line numbers each has a table of its own", function()
    local text = "local over = ... local n = 0 for r in over:requests() do n = n + r.input_length end return n"
    local stripped = load(string.dump(load(text), true), "=stripped", "b")
    assert.equal(load(text)(plan()), stripped(plan()))
  end)
end)

it("in a coroutine, between whose steps others run", function()
  local function walk()
    return coroutine.wrap(function()
      for r in plan():requests() do coroutine.yield(r.timestamp) coroutine.yield(r.timestamp) end
    end)
  end
  local one, other = walk(), walk()
  other()
  for time in one do assert.equal(time, one()) end
end)

it("of pipes, columns, traces and synthesizers alike", function()
  local columns = plan():columns { tags = true }
  local pipe = plan():pipe { tags = true }
  local function sum_of(over)
    local sum = 0
    for r in over:requests() do sum = sum + r.timestamp + #r.hash_ids end
    return sum
  end
  local kept = 0
  local all = {}
  for r in pipe:requests() do all[#all + 1] = r end
  for _, r in ipairs(all) do kept = kept + r.timestamp + #r.hash_ids end
  assert.equal(kept, sum_of(pipe))
  assert.equal(kept, sum_of(columns))
  local synthesizer = mt.synthesizer(columns, { num_requests = 40 })
  local listed = {}
  for r in synthesizer:requests() do listed[#listed + 1] = r end
  local i = 0
  for r in synthesizer:requests() do
    i = i + 1
    assert.equal(listed[i].timestamp, r.timestamp)
    assert.same(listed[i].hash_ids, r.hash_ids)
  end
  assert.equal(40, i)
end)

it("a failure on the way raises as ever", function()
  local bad = mt.workload { mt.stream { input = 5, arrivals = mt.arrivals(function()
    return function(now) return now < 3 and 1 or "soon" end
  end) } }
  local ok, message = pcall(function()
    for r in bad:requests() do assert(r.input_length == 5) end
  end)
  assert.is_false(ok)
  assert.is_truthy(message:find "must return the gap in seconds", message)
end)
