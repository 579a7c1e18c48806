-- Rate curves as a script author sees them: units, coercion, errors with the script's line.
local command = require "tests.support.command"
local mt = require "moontide"
local a_trace = require "tests.support.any"
local core = require "moontide.core"
local curve = require "moontide.load.curve"

local function near(wanted, got, tolerance)
  assert.is_true(math.abs(wanted - got) <= (tolerance or 1e-9),
    ("%.17g, not %.17g"):format(got, wanted))
end

-- What the script `text`, called my.lua, fails with.
local refusal = require "tests.support.refusal"

local fails = refusal.script_is

describe("a rate curve", function()
  it("takes units", function()
    near(1, mt.const("60/m")(0))
    near(1500, mt.const("1.5k")(0))
    assert.equal(90, mt.const(1, "1m30s").duration)
    near(25, mt.ramp(0, 50, "1m")("30s"))
    near(10 * 60, mt.const(10):area(0, "1m"))
    near(4, mt.steps { { 1, "1m" }, { "240/m", "1h" } } (60))
    near(3, mt.points { { 2, 0 }, { 4, "2m" } } "1m")
  end)

  it("has a duration", function()
    assert.equal(math.huge, mt.const(5).duration)
    assert.equal(30, mt.ramp(0, 1, 30).duration)
    assert.equal(30, (mt.ramp(0, 1, 30) + 5).duration)
    assert.equal(70, (mt.ramp(0, 1, 30) .. mt.const(5, 40)).duration)
    assert.equal(90, mt.ramp(0, 1, 30):loop(3).duration)
    assert.equal(math.huge, mt.ramp(0, 1, 30):loop().duration)
    fails("return mt.const(5).durations", "my.lua:2: there is no 'durations' in a curve (did you mean 'duration'?)")
  end)

  it("says a sine in two ways", function()
    local a = mt.sine { mean = 20, amp = 10, period = 60, phase = 5 }
    local b = mt.sine { min = 10, max = 30, period = "1m", peak_at = 20 }
    for t = 0, 120, 7 do near(a(t), b(t)) end
    assert.equal(30, b(20))
    near(30, mt.sine { mean = 20, amp = -10, period = 60, peak_at = 20 } (20)) -- upside down
    assert.equal(30, a:max())
    near(20, a:mean())
  end)

  it("is combined by operators", function()
    local ramp = mt.ramp(0, 10, 10)
    near(7, (ramp + 2)(5))
    near(7, (2 + ramp)(5))
    near(3, (ramp - 2)(5))
    near(-3, (2 - ramp)(5))
    near(10, (ramp * 2)(5))
    near(2.5, (ramp / 2)(5))
    near(0.4, (2 / ramp)(5))
    near(-5, (-ramp)(5))
    near(5, (ramp - 8 + 8)(5)) -- signed inside an expression
    near(8, mt.max(ramp, 3, 8)(5))
    near(3, mt.min(ramp, 3, 8)(5))
    near(6, (ramp .. 6)(10))
    near(3, (ramp + function(t) return -t + 3 end)(7))
    near(12, (function() return 7 end + ramp)(5))
  end)

  it("follows a function that comes after it for longer than it lasts itself", function()
    near(30, (mt.ramp(0, 5, 10) .. function(t) return t end)(40))
    near(108000, mt.max(function(t) return t end, 0, mt.const(1, "48h"))(30 * 3600))
  end)

  it("is changed by methods", function()
    local ramp = mt.ramp(0, 10, 10)
    assert.equal(4, ramp:take(4).duration)
    assert.equal(60, ramp:pad("1m").duration)
    assert.equal(math.huge, ramp:pad(math.huge).duration)
    near(5, ramp:shift("1m")(65))
    near(8, ramp:shift(-3)(5))
    near(5, ramp:stretch(2)(10))
    near(10, ramp:speed(2)(2.5))
    near(3, ramp:clamp(nil, 3)(5))
    near(7, ramp:clamp(7)(5))
    near(20, ramp:scale_to { mean = 20 }:mean())
    near(20, ramp:scale_to { max = 20 }:max())
    near(50, ramp:area())
    near(5, ramp:mean())
    near(3, (mt.spike { at = 60, height = 10, rise = 5, fall = 20 } + 3):mean())
  end)

  it("reads as the expression it is", function()
    assert.equal("ramp(0, 50, 30) .. const(50)", tostring(mt.ramp(0, 50, 30) .. 50))
    assert.equal("(const(1) + sine{mean=20, amp=10, period=60}) * const(2)",
      tostring((1 + mt.sine { mean = 20, amp = 10, period = 60 }) * 2))
    assert.equal("curve(function, 60)", tostring(mt.curve(function() return 1 end, 60)))
  end)

  it("is closed once and for all", function()
    local released = mt.const(1)
    do local scoped <close> = released end -- luacheck: ignore scoped
    assert.equal("@the rate curve is closed", refusal.here(function() return released + 1 end))
    assert.equal("@the rate curve is closed", refusal.here(function() return released(0) end))
    assert.equal("the rate curve is closed", refusal.here(tostring, released))
  end)
end)

describe("noise", function()
  it("is the same for one seed, another for the next, and new in each call", function()
    local function one(seed)
      core.curve.reset(seed)
      return mt.noise { cv = 0.5, corr_time = 10 }, mt.noise { cv = 0.5, corr_time = 10 }
    end
    local a, b = one(1)
    local value, other = a(100), b(100)
    assert.not_equal(value, other)
    assert.equal(value, one(1)(100))
    assert.not_equal(value, one(2)(100))
    core.curve.reset(0)
  end)

  it("is one realisation wherever its value is used", function()
    local noise = mt.noise { cv = 0.5, corr_time = 10 }
    near(0, (noise * 20 - 20 * noise):area(0, 1000))
    near(1, noise:mean()) -- in the long run
    near(1, noise:mean(30))
    near(1, (noise * mt.noise { cv = 1, corr_time = 3 }):mean()) -- of its own, so that means multiply
    assert.is_nil(select(2, (noise * 20 - 3):mean()))
  end)

  it("has an estimated mean where it is not in proportion", function()
    local noise = mt.noise { cv = 0.5, corr_time = 10 }
    -- Its square has the mean 1 + cv^2. The smaller and the larger of it and 1 are 2 together; of the lognormal law
    -- of that cv, v = log(1.25), the smaller is 2 N(-sqrt(v) / 2), 0.8132; a little more between grid points.
    local function mean_of(c) return c:mean(), c:mean_error() end
    local square, wrong = mean_of(noise * noise:shift(0))
    assert.is_true(math.abs(square - 1.25) < 1.5 * wrong and wrong < 0.02, square)
    local less, wrong_less = mean_of(noise:clamp(nil, 1))
    local more, wrong_more = mean_of(mt.max(noise, 1))
    assert.is_true(math.abs(less - 0.8132) < 0.004 and wrong_less < 0.003, less)
    assert.is_true(math.abs(less + more - 2) < 1.5 * (wrong_less + wrong_more), less + more)
    assert.is_true((1 / noise):mean_error() > 0)
    assert.equal(0, noise:mean_error())
    assert.equal(1, select("#", noise:clamp(nil, 1):mean())) -- so that it is a rate wherever one is taken
    assert.is_true(math.abs(noise:clamp(nil, 1):mean(30) - less) < 3 * wrong_less)
    -- Of finite ones too where they are scaled.
    for _, scaled in ipairs { noise:clamp(nil, 1):scale_to { mean = 10 }, noise:clamp(nil, 1):take(60):scale_to { mean = 10 } } do
      local sum = 0
      for seed = 1, 4000 do sum = sum + scaled(seed % 60 + 0.37, seed) / 4000 end
      -- The deviation of a value is 2.7; of 4000 of them 0.043.
      assert.is_true(math.abs(sum - 10) < 0.15, sum)
    end
    assert.is_true(math.abs(noise:clamp(nil, 1):scale_to { mean = 10 }:mean() - 10) < 1e-9)
  end)

  it("loses its correlation as the reference says", function()
    -- ((1 + cv^2)^(1/e) - 1) / cv^2 after corr_time: 0.29 at cv 1. At grid points, where no line flattens it.
    local noise, mean, square, product = mt.noise { cv = 1, corr_time = 8 }, 0, 0, 0
    local count = 20000
    for seed = 1, count do
      local a, b = noise(80, seed), noise(88, seed)
      mean, square, product = mean + (a + b) / 2 / count, square + (a * a + b * b) / 2 / count, product + a * b / count
    end
    local wanted = (2 ^ math.exp(-1) - 1) / 1
    assert.is_true(math.abs((product - mean ^ 2) / (square - mean ^ 2) - wanted) < 0.04)
  end)
end)

describe("a summary up to a horizon", function()
  it("is of the time until then", function()
    local sine = mt.sine { mean = 5, amp = 3, period = 60 }
    near(5 + 3 * 2 / math.pi, sine:mean(30), 1e-9)
    near(5, sine:mean())
    near(5 + 3 * math.sin(math.pi / 3), sine:max(10), 1e-9)
    near(8, sine:max(), 1e-9)
    near(8, sine:max("1h"), 1e-9)
    near(7, mt.const(7):mean(3))
    near(2, mt.ramp(0, 4, 10):mean()) -- one that ends is itself
  end)
end)

describe("a function of time", function()
  it("is followed", function()
    local c = mt.curve(function(t) return 10 + 5 * math.sin(t / 7) end, 100)
    near(1000 + 35 * (1 - math.cos(100 / 7)), c:area(), 1e-2)
    for t = 0, 99.9, 0.37 do near(10 + 5 * math.sin(t / 7), c(t), 3e-4) end
  end)

  it("is looked at as often as is asked for", function()
    local function pulses(width)
      return function(t)
        local k = t // 6
        return t >= 6 * k + 1.3 + 0.0371 * k and t < 6 * k + 1.3 + 0.0371 * k + width and 100 or 0
      end
    end
    -- Ten pulses in a minute, of 1 ms: 1024 cells are 59 ms long.
    near(1, mt.curve(pulses(0.001), "1m", { step = "1ms" }):area(), 1e-6)
    assert.is_true(mt.curve(pulses(0.001), "1m"):area() < 1)
    near(30, mt.curve(pulses(0.03), "1m"):area(), 1e-6) -- more than 0.4 of a cell
    assert.has_error(function() mt.curve(pulses(1), "1m", { step = 0 }) end)
    assert.has_error(function() mt.curve(pulses(1), "1m", { steps = 1 }) end)
    local ok, message = pcall(mt.curve, pulses(1), "1h", { step = 1e-5 })
    assert.is_false(ok)
    assert.matches("curve: steps of 1e-05 s are 360000000 over 3600 s, at most 10000000 are taken", tostring(message), 1, true)
  end)

  it("keeps its jumps where they are", function()
    local c = mt.curve(function(t) return t < 30 and 10 or 50 end, 60)
    near(300 + 1500, c:area())
    assert.equal(10, c(29.9999999))
    assert.equal(50, c(30))
    local odd = mt.curve(function(t) return t < 100 / 7 and 1 or 2 end, 20)
    near(100 / 7 + 2 * (20 - 100 / 7), odd:area(), 1e-7)
  end)

  it("is endless over a day, then holds", function()
    local c = mt.curve(function(t) return t / 100 end)
    assert.equal(math.huge, c.duration)
    near(500, c(50000))
    near(864, c(1e6), 1e-3)
  end)

  it("is never asked for its end", function()
    near(200, mt.curve(function(t) return t < 10 and 20 or nil end, 10):area())
  end)

  it("says where it went wrong", function()
    fails("mt.curve(function(t) if t < 3 then return 1 end end, 6)",
      "my.lua:2: curve: the function must return a number, not nil (at t = 3 s)")
    fails("mt.curve(function(t) return 1 / t end, 6)",
      "my.lua:2: curve: the function must return a finite number, not inf (at t = 0 s)")
    fails("mt.curve(function(t) return 0 / (t - t) end, 6)",
      "my.lua:2: curve: the function must return a finite number, not NaN (at t = 0 s)")
    fails("mt.curve(function(t) error 'no' end, 6)",
      "my.lua:2: curve: the function failed at t = 0 s: my.lua:2: no")
    fails("local c = mt.const(1) + function() end",
      "my.lua:2: curve: the function must return a number, not nil (at t = 0 s)")
    assert.truthy(refusal.script("mt.curve(function() return math.random() end, 1000)"):find(
      "my.lua:2: curve: the function changes too fast to be followed over 1000 s", 1, true))
  end)
end)

describe("the rate of a trace", function()
  local function trace_of(times)
    local requests = {}
    for i, time in ipairs(times) do requests[i] = { timestamp = time, input_length = 1 } end
    return mt.trace.columns(requests)
  end

  it("starts at 0, in bins", function()
    local c = mt.rate_of(trace_of { 5000, 5500, 14999, 15000, 44000 }, { bin = "10s" })
    assert.equal(40, c.duration)
    near(0.3, c(0))
    near(0.1, c(10))
    near(0, c(25))
    near(0.1, c(39))
    near(5, c:area())
    assert.equal(30, mt.rate_of(trace_of { 7 }).duration)
  end)

  it("reads a file, and says when it cannot", function()
    local path = os.tmpname()
    assert(trace_of({ 0, 1000, 2000, 60000 }):write(path))
    local c = assert(mt.rate_of(path))
    near(4, c:area())
    assert.equal(90, c.duration)
    assert.equal(("rate_of(%q)"):format(path), tostring(c))
    os.remove(path)
    local _, message = pcall(mt.rate_of, path)
    assert.equal("rate_of: " .. path .. ": cannot open: No such file or directory", message:match "rate_of: .*")
    local file = assert(io.open(path, "w"))
    file:write('{"input_length": 5}\n')
    file:close()
    _, message = pcall(mt.rate_of, path)
    os.remove(path)
    assert.equal("rate_of: " .. path .. ": 1 of 1 requests have no timestamp", message:match "rate_of: .*")
  end)

  it("of a real trace has all its requests", function()
    local path, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"
    if missing then return pending(missing) end
    near(12031, mt.rate_of(path):area())
  end)

  it("refuses what is no trace", function()
    fails("mt.rate_of(5)", "my.lua:2: rate_of: the trace must be " .. a_trace .. " or a list of these, not 5")
    fails("mt.rate_of(mt.trace.columns())", "my.lua:2: rate_of: there are no requests")
    fails("mt.rate_of('x', { bin = 0 })", "my.lua:2: rate_of: bin must be above 0, not 0")
    fails("mt.rate_of('x', { bins = 0 })", "my.lua:2: rate_of: unknown option 'bins' (did you mean 'bin'?)")
    fails("mt.rate_of(mt.trace.columns { { timestamp = 0 }, { timestamp = 1e12 } })",
      "my.lua:2: rate_of: bin (30 s) is too short for a trace of 1e+09 s")
  end)
end)

describe("the rate of a CSV", function()
  local path = command.file ""
  teardown(command.remove_folders)

  local function write(text)
    return command.write(path:match "^(.*)/", "file", text)
  end

  -- What rate_of of this text raises, without the file's name.
  local function problem_of(text, o)
    local message = refusal.message(mt.rate_of, write(text), o)
    local place = "rate_of: " .. path .. ":"
    return (message:sub(message:find("rate_of: ", 1, true), -1):gsub("^" .. place:gsub("%p", "%%%0") .. " ?", ""))
  end

  it("holds each row's rate to the next row", function()
    local c = mt.rate_of(write "time,rps,region\n0,2,x\n60,10,y\n120,4,x\n", { time = "time", rate = "rps" })
    assert.equal(180, c.duration)
    near(2, c(0))
    near(2, c(59.999))
    near(10, c(60))
    near(4, c(120))
    near(4, c(179.999))
    near(60 * (2 + 10 + 4), c:area())
    assert.equal(("rate_of(%q, rate=\"rps\")"):format(path), tostring(c))
  end)

  it("starts at 0 with the first row, and the last lasts as rows usually do", function()
    local c = mt.rate_of(write "n,t\n1,1000\n2,1060\n3,1120\n4,2000\n", { time = "t", rate = "n" })
    assert.equal(1060, c.duration)
    near(1, c(0))
    near(3, c(500)) -- a gap in the rows
    near(4, c(1000))
    near(60 + 120 + 3 * 880 + 240, c:area())
    assert.equal(20, mt.rate_of(write "n,t\n1,0\n2,10\n", { time = "t", rate = "n" }).duration)
    -- An even number of steps: the shorter of the two in the middle.
    assert.equal(37, mt.rate_of(write "n,t\n1,0\n1,7\n1,30\n", { time = "t", rate = "n" }).duration)
  end)

  it("counts rates per what is said", function()
    write "t,n\n0,120\n60,60\n"
    local function first(per) return mt.rate_of(path, { time = "t", rate = "n", per = per })(0) end
    near(120, first())
    near(120, first "s")
    near(2, first "m")
    near(2, first "min")
    near(2, first "60s")
    near(2, first(60))
    near(120 / 3600, first "h")
    near(120 / 86400, first "d")
    near(12, first "10s")
  end)

  it("reads dates and times with units", function()
    local o = { time = "t", rate = "n" }
    local c = mt.rate_of(write "t,n\n2023-11-16 18:15,1\n2023-11-16 18:16:00.5,2\n", o)
    near(121, c.duration)
    near(1, c(60.4))
    near(2, c(60.6))
    c = mt.rate_of(write "t,n\n2023-11-16T23:30:00+01:00,1\n2023-11-16T22:30:10Z,2\n", o)
    near(20, c.duration)
    c = mt.rate_of(write "t,n\n0,1\n90s,2\n1h,3\n", o)
    near(3600 + 90, c.duration)
    near(2, c(90))
    c = mt.rate_of(write "t,n\n-5m,1\n-90s,3\n", o)
    near(420, c.duration)
    c = mt.rate_of(write "t,n\n1700158546680,1\n1700158556680,3\n", { time = "t", rate = "n", unit = "ms" })
    near(20, c.duration)
    near(3, c(11))
    c = mt.rate_of(write "t,n\n.5,1\n0002,2\n1s,3\n", { time = "t", rate = "n", unit = "ms" })
    near(3, c(1))
    near(0.9995 + 0.0015, c.duration)
  end)

  it("keeps the digits of times since 1970", function()
    local c = mt.rate_of(write "t,n\n1700158546.000000001,1\n1700158546.000000003,3\n", { time = "t", rate = "n" })
    near(4e-9, c.duration, 1e-20)
    c = mt.rate_of(write "t,n\n2023-11-16 18:15:46.6805900,1\n2023-11-16 18:15:46.6805901,3\n",
      { time = "t", rate = "n" })
    near(2e-7, c.duration, 1e-18)
  end)

  it("counts each row as a request with bin", function()
    write "id,time\na,20\nb,5.5\nc,5\nd,15\ne,44\n"
    local c = mt.rate_of(path, { time = "time", bin = "10s" })
    assert.equal(40, c.duration)
    near(0.2, c(0))
    near(0.2, c(10))
    near(0, c(25))
    near(0.1, c(39))
    near(5, c:area())
    assert.equal(("rate_of(%q, time=\"time\")"):format(path), tostring(c))
  end)

  it("is a CSV by its name or by time", function()
    os.rename(write "t,n\n0,3\n1,5\n", path .. ".CSV")
    finally(function() os.remove(path .. ".CSV") end)
    near(8, mt.rate_of(path .. ".CSV", { time = "t", rate = "n" }):area())
    local function message_of(o)
      local _, message = pcall(mt.rate_of, path .. ".CSV", o)
      return message:match "rate_of: .*":gsub(path:gsub("%p", "%%%0"), "FILE")
    end
    assert.equal("rate_of: FILE.CSV: say in which column the time is (time=): 't', 'n'", (message_of()))
    assert.equal("rate_of: FILE.CSV: say in which column the time is (time=): 't', 'n'", (message_of { rate = "n" }))
    assert.equal("rate_of: FILE.CSV: say in which column the rate is (rate=): 't', 'n'; or give bin= to count "
      .. "each row as a request", (message_of { time = "t" }))
  end)

  it("says what is wrong with the file", function()
    local o = { time = "t", rate = "n" }
    assert.equal("1: no column 't' (did you mean 'T'?); the columns are 'T', 'n'", problem_of("T,n\n0,1\n", o))
    assert.equal("1: several columns are called 'n'", problem_of("t,n,n\n0,1,2\n", o))
    assert.equal("4: column 't': '59' does not come after the '1m' of the row before",
      problem_of("t,n\n0,1\n1m,2\n59,3\n", o))
    assert.equal("3: column 't': '0' does not come after the '0' of the row before", problem_of("t,n\n0,1\n0,2\n", o))
    assert.equal("5: column 'n': 'NaN' is not a number", problem_of("t,n\n0,1\n\n1,2\n2,NaN\n", o))
    assert.equal("3: column 'n': '' is not a number", problem_of("t,n\n0,1\n1,\n", o))
    assert.equal("2: column 'n': the rate must not be below 0, as -1 is", problem_of("t,n\n0,-1\n1,1\n", o))
    assert.equal("2: column 't': 'soon' is neither a time in seconds or with units (90s, 1h30m) nor a date "
      .. "(2023-11-16 18:15:46)", problem_of("t,n\nsoon,1\n", o))
    assert.equal("2: column 't': '1700158546680' is too far away for seconds (unit = \"ms\" reads milliseconds)",
      problem_of("t,n\n1700158546680,1\n", o))
    assert.equal("3: column 't': '9' is a time, the rows before have a date", problem_of("t,n\n2023-11-16,1\n9,1\n", o))
    assert.equal("3: the row has 3 fields, the header has 2", problem_of("t,n\n0,1\n1,2,3\n", o))
    assert.equal("there must be two rows or more to tell how long each lasts (there is 1)", problem_of("t,n\n0,1\n", o))
    assert.equal("there must be two rows or more to tell how long each lasts (there are none)", problem_of("t,n\n", o))
    assert.equal("there are no rows", problem_of("t,n\n", { time = "t", bin = 30 }))
    assert.equal("the file is empty: a row with the columns' names was expected", problem_of("", o))
  end)

  it("says what is wrong with the options", function()
    fails("mt.rate_of('missing.csv', { time = 't', rate = 'n' })",
      "my.lua:2: rate_of: missing.csv: cannot open: No such file or directory")
    fails("mt.rate_of('missing.csv')", "my.lua:2: rate_of: missing.csv: cannot open: No such file or directory")
    fails("mt.rate_of('x.csv', { time = 't', rate = 'n', bin = 30 })",
      "my.lua:2: rate_of: bin is for counting requests, not for a table of rates (rate=)")
    fails("mt.rate_of('x.csv', { time = 't', per = 'm' })",
      "my.lua:2: rate_of: per is for a table of rates: say in which column they are (rate=)")
    fails("mt.rate_of('x.csv', { time = 't', rate = 'n', per = 'week' })", "my.lua:2: rate_of: per (s, m, h, d) "
      .. "must be a time in seconds, or with units (90s, 250ms, 1h30m, 2d; m is minutes), not 'week'")
    fails("mt.rate_of('x.csv', { time = 't', rate = 'n', per = 0 })", "my.lua:2: rate_of: per must be above 0, not 0")
    fails("mt.rate_of('x.csv', { time = 't', rate = 'n', unit = 'min' })",
      "my.lua:2: rate_of: unit must be one of s, ms, us, ns, m, h, d, not 'min'")
    fails("mt.rate_of('x.csv', { time = 5 })", "my.lua:2: rate_of: time must be a string, not 5")
    for _, option in ipairs { "time = 't'", "rate = 'n'", "per = 'm'", "unit = 'ms'", "delimiter = ';'" } do
      fails(("mt.rate_of(mt.trace.columns(), { %s })"):format(option),
        "my.lua:2: rate_of: time, rate, per, unit and delimiter are for a CSV: the first argument must be its name")
    end
  end)

  it("of a real log has all its requests", function()
    local real, missing = require "tests.support.real_data" "azure_llm_inference_conv.csv"
    if missing then return pending(missing) end
    local c = mt.rate_of(real, { time = "TIMESTAMP", bin = "1m" })
    near(19366, c:area(), 1e-6)
    assert.equal(59 * 60, c.duration)
  end)
end)

describe("a value of another module", function()
  it("becomes a curve", function()
    near(5, curve.of(5, "rate")(1))
    near(5, curve.of("5", "rate")(1))
    near(2, curve.of("120/m", "rate")(1))
    near(30, curve.of("sine:mean=20,amp=10,period=60", "rate")(15))
    near(25, curve.of("ramp:from=0,to=50,duration=1m", "rate")(30))
    near(7, curve.of("spike:at=10,height=7,rise=5", "rate"):max())
    near(3, curve.of("const:rate=3,duration=9", "rate")(8))
    near(1, curve.of("noise:cv=0,corr_time=9", "rate")(8))
    near(4, curve.of(function() return 4 end, "rate")(8))
    local c = mt.const(1)
    assert.equal(c, curve.of(c, "rate"))
    assert.is_true(curve.is(c))
    assert.is_false(curve.is(5))
  end)

  it("names what it is when it is wrong", function()
    local function message_of(value) return refusal.message(curve.of, value, "poisson: rate") end
    assert.equal("poisson: rate must be a curve, a rate or a function of time, not true", message_of(true))
    assert.equal("poisson: rate: there is no curve called 'sin' (there are const, noise, ramp, sine, spike; "
      .. "steps: and points: have lists)",
      message_of "sin:mean=1")
    assert.equal("poisson: rate: sine: period is required", message_of "sine:mean=1,amp=1")
    assert.equal("poisson: rate must be a rate per second (20, 1.5k), or with a unit (60/m, 200/h), not 'fast'",
      message_of "fast")
  end)
end)

describe("a caller's mistake", function()
  it("keeps the line in operators and tail calls", function()
    fails("local c = mt.const(1, 30)\nreturn c:take(-3)",
      "my.lua:3: take: the duration must be greater than 0, not -3")
    fails("local a, b = mt.const(1, 30), mt.const(1, 90)\nreturn a + b",
      "my.lua:3: a + b: the curves last 30 s and 90 s and cannot be combined: :take(30) cuts the long one, "
      .. ":pad(90) adds silence to the short one")
    fails("local a = mt.const(1)\n\nreturn a .. 5",
      "my.lua:4: a .. b: the curve on the left never ends, so nothing can follow it: end it with :take(d)")
    fails("return mt.const(0 / 0)", ("my.lua:2: const: the rate must be finite: a rate per second "
      .. "(20, 1.5k), or with a unit (60/m, 200/h), not nan"))
    fails("local a = mt.const(1)\nreturn a('soon')",
      "my.lua:3: the time must be a time in seconds, or with units (90s, 250ms, 1h30m, 2d; m is minutes), "
      .. "not 'soon'")
  end)

  it("in an operand is explained", function()
    fails("return mt.const(1, 5) .. 50 .. 0", "my.lua:2: a .. b: a string ('500') is not a curve; Lua reads "
      .. "`c .. 50 .. 0` as `c .. \"500\"`: write mt.const(50, d) for a piece of a curve")
    fails("return mt.const(1) + '5/m'",
      "my.lua:2: a + b: a string ('5/m') is not a curve; a rate with a unit is mt.const('5/m')")
    fails("return '5/m' * mt.const(1)",
      "my.lua:2: a * b: a string ('5/m') is not a curve; a rate with a unit is mt.const('5/m')")
    fails("return mt.const(1) - {}",
      "my.lua:2: a - b: the other operand must be a curve, a number or a function of time, not a table")
    fails("return mt.const(1) / nil",
      "my.lua:2: a / b: the other operand must be a curve, a number or a function of time, not nil")
    fails("return mt.const(1) * (0/0)", "my.lua:2: a * b: a number must be finite, not nan")
    fails("return 50 .. mt.const(1)",
      "my.lua:2: a .. b: the curve on the left never ends, so nothing can follow it: end it with :take(d)")
    fails("return mt.max(mt.const(1))", "my.lua:2: max: takes two curves or more (argument 2 is nil)")
    fails("return mt.max(mt.const(1), nil)", "my.lua:2: max: takes two curves or more (argument 2 is nil)")
    fails("return mt.min(mt.const(1), 'x')",
      "my.lua:2: min: a string ('x') is not a curve; a rate with a unit is mt.const('x')")
    fails("return mt.max(mt.const(1), nil, 3)",
      "my.lua:2: max: the other operand must be a curve, a number or a function of time, not nil")
  end)

  it("in a maker is named", function()
    fails("mt.spike { at = 1, hieght = 3 }",
      "my.lua:2: spike: unknown option 'hieght' (did you mean 'height'?)")
    fails("mt.spike { at = 1 }", "my.lua:2: spike: height is required")
    fails("mt.spike { at = 1, height = 2 }",
      "my.lua:2: spike: rise and fall must not be negative, and not both 0 (they are 0 and 0)")
    fails("mt.sine { period = 60 }", "my.lua:2: sine: mean and amp, or min and max, are required")
    fails("mt.sine { period = 60, mean = 1 }", "my.lua:2: sine: amp is required beside mean")
    fails("mt.sine { period = 60, amp = 1 }", "my.lua:2: sine: mean is required beside amp")
    fails("mt.sine { period = 60, min = 1 }", "my.lua:2: sine: max is required beside min")
    fails("mt.sine { period = 60, max = 1 }", "my.lua:2: sine: min is required beside max")
    fails("mt.sine { period = 60, max = 1, min = 2 }", "my.lua:2: sine: min (2) must not be above max (1)")
    fails("mt.sine { period = 60, mean = 1, max = 2 }",
      "my.lua:2: sine: give mean and amp, or min and max, not a mixture of them")
    fails("mt.sine { period = 60, mean = 1, amp = 1, phase = 0, peak_at = 0 }",
      "my.lua:2: sine: give phase or peak_at, not both")
    fails("mt.sine { mean = 1, amp = 2 }", "my.lua:2: sine: period is required")
    fails("mt.noise { cv = -1, corr_time = 1 }", "my.lua:2: noise: cv must be between 0 and 100, not -1")
    fails("mt.ramp(1, 2)", "my.lua:2: ramp: the duration must be a time in seconds, or with units "
      .. "(90s, 250ms, 1h30m, 2d; m is minutes), not nil")
    fails("mt.ramp(1, 2, 0)", "my.lua:2: ramp: the duration must be greater than 0 and finite, not 0")
    fails("mt.steps { { 1, 2 }, 3 }", "my.lua:2: steps: piece 2 must be {rate, duration}, not 3")
    fails("mt.steps { { 1, 2, 3 } }", "my.lua:2: steps: piece 1 must be {rate, duration}, not a table")
    fails("mt.steps {}", "my.lua:2: steps: there must be at least one step")
    fails("mt.steps(5)", "my.lua:2: steps: the argument must be a table of options, not 5")
    fails("mt.points { { 1, 2 }, { 3, 1 } }",
      "my.lua:2: points: times must increase: point 2 is at 1 s, the one before it at 2 s")
    fails("mt.points { { 1, 2 }, smoth = true }",
      "my.lua:2: points: unknown option 'smoth' (did you mean 'smooth'?)")
    fails("mt.curve(5)", "my.lua:2: curve: the first argument must be a function of time, not 5")
    fails("mt.curve(math.sin, 0)", "my.lua:2: curve: the duration must be above 0, not 0")
  end)

  it("in a method is named", function()
    fails("mt.const(1):loop(2)",
      "my.lua:2: loop: the curve never ends, so it cannot be repeated: end it with :take(d)")
    fails("mt.const(1, 2):loop(0)",
      "my.lua:2: loop: the number of rounds must be 1 or more (without one: for ever), not 0")
    fails("mt.const(1, 2):shift(-3)", "my.lua:2: shift: shifting by -3 s drops all of the curve's 2 s")
    fails("mt.const(1, 2):speed(0)", "my.lua:2: speed: the factor must be greater than 0 and finite, not 0")
    fails("mt.const(1, 2):clamp()", "my.lua:2: clamp: takes a lowest rate, a highest, or both")
    fails("mt.const(1, 2):clamp(3, 2)",
      "my.lua:2: clamp: the lower bound must not be above the upper (3 > 2)")
    fails("mt.const(1, 2):scale_to {}", "my.lua:2: scale_to: takes one of mean and max")
    fails("mt.const(0, 2):scale_to { mean = 2 }",
      "my.lua:2: scale_to: a curve whose mean is 0 cannot be scaled")
    fails("mt.const(1):area()",
      'my.lua:2: area: the curve never ends: say where the area does, c:area(0, "1h")')
    fails("mt.const(1):area(5, 4)", "my.lua:2: area: the end (4.0 s) is before the start (5.0 s)")
    fails("mt.noise { cv = 1, corr_time = 1 }:max()",
      'my.lua:2: max: the curve never ends and does not repeat itself: say up to when, c:max("1h")')
    fails("mt.curve(function() return 1 end):mean()",
      'my.lua:2: mean: the curve never ends and does not repeat itself: say up to when, c:mean("1h")')
    fails("mt.const(1, 5):plot { to = 0 }", "my.lua:2: plot: to (0) must be after from (0)")
    fails("mt.const(1).take(5, 6)", "my.lua:2: argument 1 must be a rate curve, not number")
  end)

  it("of dividing by 0 has its time", function()
    fails("return (1 / mt.steps { { 1, 5 }, { 0, 5 } }):area()",
      "my.lua:2: the rate is not finite at t = 5.0 s (a division by 0?)")
    fails("return (1 / (mt.ramp(-1, 1, 10)))(5)",
      "my.lua:2: the rate is infinite at t = 5.0 s (a division by 0?)")
  end)
end)

it("a function whose jumps are at no round times is followed", function()
  for k = 1, 12, 3 do
    local rate = 0.3 + k * 1.17
    local sawtooth = mt.curve(function(t) return rate * t % 7 end, 3000)
    local teeth = rate * 3000 / 7
    local area = 3000 * 3.5 * (teeth // 1) / teeth + (rate * 3000 % 7) ^ 2 / 2 / rate
    assert.is_true(math.abs(sawtooth:area(0, 3000) / area - 1) < 1e-5)
  end
end)
