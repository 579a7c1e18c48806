-- Two runs of the benchmark side by side (tests/bench/against.lua); nothing is measured here.
local mt = require "moontide"

local here = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$"
local against = dofile(here .. "/../bench/against.lua")

local function row(what, members)
  members.what = what
  return members
end

describe("a benchmark's rows", function()
  it("are kept and read again", function()
    local rows = { row("a \"row\"", { time = 0.25, spread = 0.125, floor = 0.5, floor_is = "read(2)", goal = "<= 1 s",
      met = true }), row("memory", { peak = 1000000, floor_bytes = 500000 }) }
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    for _, one in ipairs(rows) do file:write(against.line(one)) end
    file:close()
    assert.same({ ["a \"row\""] = rows[1], memory = rows[2] }, against.read(path, mt.json.decode))
    assert(io.open(path, "a")):write("no row\n"):close()
    local none, message = against.read(path, mt.json.decode)
    assert.is_nil(none)
    assert.equal(path .. ":3: this is no row of a benchmark", message)
    os.remove(path)
    assert.is_nil((against.read(path, mt.json.decode)))
  end)

  it("are compared by their ratio to the floor, and told apart beyond the noise", function()
    local before = row("x", { time = 1, spread = 0.02, floor = 2, floor_spread = 0.03, peak = 100 })
    local function verdict(time, floor, spread)
      return against.compare(row("x", { time = time, spread = spread or 0, floor = floor, peak = 50 }), before)
    end
    assert.equal("", verdict(10, 20).verdict) -- another machine
    assert.equal("slower", verdict(1.2, 2).verdict)
    assert.equal("faster", verdict(0.8, 2).verdict)
    assert.equal("", verdict(1.2, 2, 0.2).verdict) -- noisy
    assert.equal("", verdict(1.04, 2).verdict)
    assert.is_near(1.2, verdict(1.2, 2).change, 1e-9)
    assert.equal(0.5, verdict(1, 2).peak)
    assert.equal("larger", against.compare(row("m", { peak = 3 }), row("m", { peak = 2 })).verdict)
    assert.is_nil(against.compare(row("x", { time = 1 }), before))
  end)

  it("make a table that misses none", function()
    local text = against.text({ row("kept", { time = 2 }), row("added", { time = 1 }) },
      { kept = row("kept", { time = 1 }), lost = row("lost", { time = 1 }) })
    assert.matches("kept +time +2%.00 +slower\n", text)
    assert.matches("added +new\n", text)
    assert.matches("lost +not measured now\n", text)
  end)
end)
