local arguments = require "moontide.command.arguments"
local core = require "moontide.core"
local kinds = require "moontide.kit.kinds"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"

-- The message of the usage error that fn(...) raises.
local function refusal(fn, ...)
  local ok, value = pcall(fn, ...)
  assert.is_false(ok, "nothing was raised")
  assert.is_true(core.base.is_usage(value), tostring(value))
  return value.message
end

it("runs under Lua 5.4", function()
  assert.equal("Lua 5.4", _VERSION)
end)

describe("units", function()
  it("read durations", function()
    local known = {
      [90] = 90, ["90"] = 90, ["90s"] = 90, ["1h30m"] = 5400, ["250ms"] = 0.25, ["-19h"] = -68400, ["1d"] = 86400,
      ["1.5h"] = 5400, [" 2m "] = 120, ["+2m"] = 120, ["1m250ms"] = 60.25, ["500us"] = 0.0005, ["1e3"] = 1000,
      [-3] = -3, [".5s"] = 0.5,
    }
    for text, seconds in pairs(known) do assert.equal(seconds, options.duration(text, "at")) end
  end)

  it("refuse what is no duration", function()
    for _, text in ipairs { "", "s", "1x", "1h1h", "1k", "0x10", "1 h", "--3s", "nan", "h1", "1.2.3s" } do
      assert.matches("^at must be a time in seconds, or with units .*, not '", refusal(options.duration, text, "at"))
    end
    assert.matches("finite", refusal(options.duration, math.huge, "at"))
    assert.matches("finite", refusal(options.duration, 0 / 0, "at"))
    assert.matches("not a table", refusal(options.duration, {}, "at"))
    assert.matches("not nil", refusal(options.duration, nil, "at"))
  end)

  it("read rates per second", function()
    local known = { [20] = 20, ["60/m"] = 1, ["200/h"] = 200 / 3600, ["5/s"] = 5, ["1.5k"] = 1500, ["2M"] = 2e6,
      ["6k/m"] = 100, ["0.5"] = 0.5, ["-3"] = -3, ["24/d"] = 24 / 86400 }
    for text, rate in pairs(known) do assert.equal(rate, options.rate_number(text, "rate")) end
    for _, text in ipairs { "60/x", "/m", "5/ms", "5m", "k", "", "1kk" } do
      assert.matches("^rate must be a rate per second", refusal(options.rate_number, text, "rate"))
    end
  end)

  it("read whole numbers exactly", function()
    local known = { ["100"] = 100, ["1e3"] = 1000, [1e3] = 1000, ["10k"] = 10000, ["4.35k"] = 4350, ["2M"] = 2000000,
      ["-7"] = -7, ["9007199254740993"] = 9007199254740993, ["-9223372036854775808"] = math.mininteger }
    for text, number in pairs(known) do
      local got = options.integer(text, "n")
      assert.equal(number, got)
      assert.equal("integer", math.type(got))
    end
    assert.equal("n must be a whole number, not '100.5'", refusal(options.integer, "100.5", "n"))
    assert.equal("n must be a whole number, not 100.5", refusal(options.integer, 100.5, "n"))
    assert.equal("n must be a whole number, not '1.0001k'", refusal(options.integer, "1.0001k", "n"))
    assert.equal("n must be a whole number of at most 64 bits, not '1e19'", refusal(options.integer, "1e19", "n"))
    assert.equal("n must be a whole number, not '0x10'", refusal(options.integer, "0x10", "n"))
    assert.equal("n must be 0 or more, not '-1'", refusal(options.count, "-1", "n"))
  end)

  it("print numbers as Python does", function()
    local known = {
      { 20.0, "20.0" }, { 5, "5" }, { 0.1, "0.1" }, { 1e16, "1e+16" }, { 1e15, "1000000000000000.0" },
      { 123456.75, "123456.75" }, { 1e-5, "1e-05" }, { 0.0001, "0.0001" }, { -2.5, "-2.5" },
      { 1 / 3, "0.3333333333333333" }, { 1.5e300, "1.5e+300" }, { -0.0, "-0.0" }, { 5e-324, "5e-324" },
      { math.huge, "inf" }, { 0.30000000000000004, "0.30000000000000004" },
    }
    for _, pair in ipairs(known) do assert.equal(pair[2], options.python_number(pair[1])) end
    assert.equal("20.0", options.python_number(20, true))
  end)
end)

describe("the nearest name", function()
  it("counts edits, a swap as one", function()
    local known = { { "height", "hieght", 1 }, { "a", "a", 0 }, { "", "ab", 2 }, { "kitten", "sitting", 3 },
      { "ca", "abc", 3 }, { "rate", "rtae", 1 } }
    for _, case in ipairs(known) do
      assert.equal(case[3], nearest.distance(case[1], case[2], 3))
      assert.equal(case[3], nearest.distance(case[2], case[1], 3))
    end
    assert.is_nil(nearest.distance("kitten", "sitting", 2))
    assert.is_nil(nearest.distance("a", "abcdef", 3))
  end)

  it("is only suggested when near", function()
    assert.equal("height", nearest.name("hieght", { "width", "height" }))
    assert.is_nil(nearest.name("zzz", { "width", "height" }))
    assert.is_nil(nearest.name("at", { "period" }))
    assert.equal("rate", nearest.name("rat", { "rate", "ratio" }))
  end)
end)

describe("a table of options", function()
  local spec = {
    { "at", kind = "duration", required = true },
    { "height", kind = "number", above = 0 },
    { "corr-time", kind = "duration", default = "1m" },
    { "shape", kind = "choice", choices = { "flat", "round" }, default = "flat" },
    { "sizes", kind = "integer", list = true, min = 1 },
    { "loud", kind = "flag" },
    { "digits", kind = "integer", min = 0, max = 6 },
    { "share", kind = "number", above = 0, below = 1 },
  }
  local function read(given) return options.table("spike", given, spec) end

  it("is converted, with defaults", function()
    local values = read { at = "1h", sizes = "1,2,4k", height = 3 }
    assert.same({ at = 3600, sizes = { 1, 2, 4000 }, height = 3, corr_time = 60, shape = "flat", loud = false }, values)
    assert.same({ 1, 2 }, read({ at = 0, sizes = { 1, 2 } }).sizes)
    assert.same({ 7 }, read({ at = 0, sizes = 7 }).sizes)
  end)

  it("knows what was given", function()
    local values = read { at = 1, corr_time = 60 }
    assert.is_true(options.given(values, "corr-time"))
    assert.is_true(options.given(values, "corr_time"))
    assert.is_false(options.given(values, "shape"))
    assert.is_false(options.given({}, "at"))
  end)

  it("is named by who asks, whoever asked of the same specification before", function()
    local shared = { { "height", kind = "number" }, is_forgotten = true }
    for _, name in ipairs { "spike", "ramp", "spike" } do
      assert.equal(name .. ": height must be a number, not 'x'",
        refusal(function(given) return options.table(name, given, shared) end, { height = "x" }))
    end
  end)

  it("gives a table with nothing to convert back as it is, where the specification is forgotten", function()
    require "moontide.load.length" -- whose kind is tokens
    local forgotten = { { "name", kind = "string" }, { "height", kind = "tokens" }, { "at", kind = "number", min = 1 },
      { "of", kind = "any" }, is_forgotten = true }
    local function read_it(given) return options.table("spike", given, forgotten) end
    local as_it_is = { name = "a", height = 3, at = 1, of = {} }
    assert.is_true(rawequal(as_it_is, read_it(as_it_is)))
    assert.same({ height = 2000 }, read_it { height = "2k" }) -- converted, in a new table
    for _, case in ipairs {
      { { name = 3 }, "spike: name must be a string, not 3" },
      { { height = -1 }, "spike: height must be at least 0, not -1" },
      { { height = 0 / 0 }, "spike: height must be finite: a number, not nan" },
      { { height = math.huge }, "spike: height must be finite: a number, not inf" },
      { { at = 0 }, "spike: at must be at least 1, not 0" },
      { { name = 3, at = 0 }, "spike: name must be a string, not 3" },
      { { name = "a", hieght = 3 }, "spike: unknown option 'hieght' (did you mean 'height'?)" },
    } do
      assert.equal(case[2], (refusal(read_it, case[1]):gsub("%-nan", "nan")))
    end
  end)

  it("leaves the table it was given alone", function()
    local given = { at = "1h" }
    read(given)
    assert.same({ at = "1h" }, given)
  end)

  local refusals = {
    { { hieght = 3 }, "spike: unknown option 'hieght' (did you mean 'height'?)" },
    { { zzzzzz = 3 }, "spike: unknown option 'zzzzzz' (it takes at, height, corr_time, shape, sizes, loud, digits, share)" },
    { { height = 3 }, "spike: at is required" },
    { { at = 1, height = 0 }, "spike: height must be above 0, not 0" },
    { { at = 1, height = "3" }, "spike: height must be a number, not '3'" },
    { { at = 1, height = math.huge }, "spike: height must be finite: a number, not inf" },
    { { at = 1, shape = "rond" }, "spike: shape must be one of flat, round, not 'rond' (did you mean 'round'?)" },
    { { at = 1, shape = 3 }, "spike: shape must be one of flat, round, not 3" },
    { { at = 1, sizes = "1,x" }, "spike: sizes must be a whole number, not 'x'" },
    { { at = 1, sizes = { 1, 0 } }, "spike: sizes must be at least 1, not 0" },
    { { at = 1, sizes = {} }, "spike: sizes must be a list of at least one value, not a table" },
    { { at = 1, loud = "yes" }, "spike: loud must be true or false, not 'yes'" },
    { { at = 1, digits = 7 }, "spike: digits must be between 0 and 6, not 7" },
    { { at = 1, share = 1 }, "spike: share must be below 1, not 1" },
    { { 5, at = 1 }, "spike: takes named options, not a list (item 1 is 5)" },
    { 5, "spike: the argument must be a table of options, not 5" },
  }
  for _, case in ipairs(refusals) do
    it("refuses: " .. case[2], function() assert.equal(case[2], refusal(read, case[1])) end)
  end

  describe("with curves and distributions", function()
    local seen
    local function stand_in(value, what)
      seen = what
      return { of = value }
    end
    local before = {}
    setup(function()
      for name, kind in pairs {
        rate = kinds.number_or(options.rate_number, stand_in, "RATE"), curve = { convert = stand_in },
        length = kinds.number_or(options.integer, stand_in, "LENGTH"),
      } do
        before[name], kinds.by_name[name] = kinds.by_name[name], kind
      end
    end)
    teardown(function()
      for name in pairs { rate = 1, curve = 1, length = 1 } do kinds.by_name[name] = before[name] end
    end)
    local function read_one(kind, value) return options.table("x", { v = value }, { { "v", kind = kind } }).v end

    it("takes a number for a rate or a length as it is, else asks who knows", function()
      assert.equal(20, read_one("rate", 20))
      assert.equal(1, read_one("rate", "60/m"))
      assert.same({ of = "sine:mean=20" }, read_one("rate", "sine:mean=20"))
      assert.equal("x: v", seen)
      assert.same({ of = print }, read_one("rate", print))
      assert.same({ of = 20 }, read_one("curve", 20))
      assert.equal(2000, read_one("length", 2000))
      assert.equal(2000, read_one("length", "2k"))
      assert.same({ of = "fixed:n=3" }, read_one("length", "fixed:n=3"))
      assert.same({ of = true }, read_one("length", true))
    end)

    it("refuses negative rates and lengths unless a range is given", function()
      assert.equal("x: v must be at least 0, not -1", refusal(read_one, "rate", -1))
      assert.equal("x: v must be at least 0, not -1", refusal(read_one, "length", "-1"))
      assert.equal(-1, read_one("rate_number", -1))
      assert.equal(-1, options.table("x", { v = -1 }, { { "v", kind = "rate", min = -5 } }).v)
    end)

    it("splits a list between them, not inside them", function()
      local spec_of_list = { { "v", kind = "length", list = true } }
      assert.same({ 7, { of = "normal:mean=2,cv=1" }, { of = "fixed:n=3" } },
        options.table("x", { v = "7,normal:mean=2,cv=1,fixed:n=3" }, spec_of_list).v)
    end)
  end)

  it("lets list items through where that is said", function()
    local values = options.table("mix", { "a", "b", n = 2 }, { { "n", kind = "integer" }, items = true })
    assert.same({ "a", "b", n = 2 }, values)
  end)

  it("refuses a list with a hole, which loops would end at", function()
    local mt = require "moontide"
    local class, part = { 1, input = 5 }, { tokens = 5 }
    for name, call in pairs {
      workload = function() mt.workload { mt.stream { arrivals = mt.poisson(1), input = 5 }, nil, 5 } end,
      points = function() mt.points { { 1, 0 }, nil, { 2, 5 } } end,
      mix = function() mt.mix { { 1, 5 }, nil, { 1, 5 } } end,
      choice = function() mt.choice { { 1, 5 }, nil, { 1, 5 } } end,
      classes = function() mt.classes { class, nil, class } end,
      parts = function() mt.parts { part, nil, part } end,
      by_turn = function() mt.by_turn { 1, nil, 5 } end,
      ["script: options"] = function()
        mt.script { summary = "", plan = print, options = { { "a", kind = "any" }, nil, { "b", kind = "any" } } }
      end,
      ["cache: tiers"] = function() mt.cache { tiers = { 10, nil, 1000 } } end,
      ["trace.columns"] = function() mt.trace.columns { { timestamp = 0 }, nil, { timestamp = 1 } } end,
      ["trace.merge: trace"] = function() mt.trace.merge { "a.jsonl", nil, "b.jsonl" } end,
    } do
      local ok, message = pcall(call)
      assert.is_false(ok, name)
      assert.truthy(tostring(message):find(name .. ": item 2 of the list is nil, and item 3 is not", 1, true), message)
    end
  end)

  it("reads NAME:key=value texts", function()
    local name, texts = options.call("sine:mean=20,corr-time=1m", "rate")
    assert.equal("sine", name)
    assert.same({ mean = "20", corr_time = "1m" }, texts)
    assert.same({ mean = 20, corr_time = 60 }, options.table("sine", texts,
      { { "mean", kind = "number" }, { "corr-time", kind = "duration" } }, true))
    assert.equal("unique", (options.call("unique", "prompt")))
    for _, text in ipairs { ":", "3", "sine mean", "sine:mean", "sine:=3" } do
      assert.matches("^rate must be NAME:key=value", refusal(options.call, text, "rate"))
    end
  end)
end)

describe("the command line", function()
  local spec = {
    { "time-duration", kind = "integer", default = 100 },
    { "total-blocks", kind = "integer", default = 10000, min = 1 },
    { "amp", kind = "number" },
    { "output-file", kind = "path", short = "o" },
    { "verbose", kind = "flag", short = "v" },
    { "merge", kind = "flag", default = true },
    { "levels", kind = "integer", list = true, aliases = { "concurrencies" } },
    { "input-file", kind = "path", argument = true },
    { "more", kind = "path", argument = true, list = true },
    { "secret", kind = "number", hidden = true },
  }
  local function parse(...) return arguments.parse("sin", { ... }, spec) end

  it("reads every form", function()
    local values = parse("--time-dur", "5", "--total-blocks=7", "--amp", "-3", "-o", "-", "-v", "in.jsonl")
    assert.same({ time_duration = 5, total_blocks = 7, amp = -3, output_file = "-", verbose = true, merge = true,
      input_file = "in.jsonl" }, values)
    assert.equal("x=y", parse("-ox=y").output_file)
    assert.equal("x", parse("-o=x").output_file)
    assert.equal("--odd", parse("--output-file=--odd").output_file)
    assert.equal(1, parse("--time_duration", "1").time_duration)
    assert.is_false(parse("--no-merge").merge)
    assert.equal(3, parse("--secret", "3").secret)
  end)

  it("repeats: the last value holds, a list has all", function()
    assert.equal(2, parse("--amp", "1", "--amp=2").amp)
    assert.same({ 1, 2, 4 }, parse("--levels", "1,2", "--concurrencies", "4").levels)
  end)

  it("takes only a number that follows as the value of an option that has one without", function()
    local bare = { { "page", kind = "integer", bare = 0, max = 9 }, { "file", kind = "path", argument = true },
      { "verbose", kind = "flag" } }
    local function page(...) return arguments.parse("sin", { ... }, bare) end
    assert.is_nil(page().page)
    assert.equal(0, page("--page").page)
    assert.equal(7, page("--page", "7").page)
    assert.equal(7, page("--page=7").page)
    assert.same({ 0, "7x" }, { page("--page", "7x").page, page("--page", "7x").file })
    assert.same({ 0, true }, { page("--page", "--verbose").page, page("--page", "--verbose").verbose })
    assert.same({ 3, "5" }, { page("--page", "3", "5").page, page("--page", "3", "5").file })
    assert.same({ 0, "5" }, { page("--page", "--", "5").page, page("--page", "--", "5").file })
    assert.has_error(function() page("--page", "12") end, "sin: --page must be at most 9, not 12")
    assert.has_error(function() page("--page=") end)
  end)

  it("gives plain arguments out in order", function()
    local values = parse("a,b", "--amp", "1", "c", "--", "--d", "-v")
    assert.equal("a,b", values.input_file)
    assert.same({ "c", "--d", "-v" }, values.more)
    assert.is_false(values.verbose)
    assert.same({ "x", "y" }, parse("--input-file", "a", "x", "y").more)
    assert.equal("-3", parse("-3").input_file)
  end)

  it("knows what was given, for names as Python prints them", function()
    local values = parse("--amp", "20")
    assert.is_true(options.given(values, "amp"))
    assert.is_false(options.given(values, "time-duration"))
  end)

  it("lets an option stand for a common one", function()
    local values = arguments.parse("sin", { "--duration", "7" },
      { { "time-duration", kind = "integer", default = 100, stands_for = "duration" } })
    assert.same({ time_duration = 7, duration = 7 }, values)
  end)

  local refusals = {
    { { "--ampp", "3" }, "sin: unknown option '--ampp' (did you mean '--amp'?)" },
    { { "--t", "3" }, "sin: option '--t' is ambiguous: it could be --time-duration, --total-blocks" },
    { { "--amp" }, "sin: --amp needs a value" },
    { { "--amp", "--verbose" }, "sin: --amp needs a value" },
    { { "--amp", "-v" }, "sin: --amp needs a value" },
    { { "--amp", "-o" }, "sin: --amp needs a value" },
    { { "--amp", "--" }, "sin: --amp needs a value" },
    { { "--amp", "x" }, "sin: --amp must be a number, not 'x'" },
    { { "--amp=" }, "sin: --amp must be a number, not ''" },
    { { "--time-d", "100.5" }, "sin: --time-duration must be a whole number, not '100.5'" },
    { { "--total-blocks", "0" }, "sin: --total-blocks must be at least 1, not 0" },
    { { "--verbose=yes" }, "sin: --verbose takes no value, not 'yes'" },
    { { "--no-verbose" }, "sin: unknown option '--no-verbose' (did you mean '--verbose'?)" },
    { { "-x" }, "sin: unknown option '-x' (--help lists them)" },
    { { "--amp", "x", "--bogus" }, "sin: unknown option '--bogus' (--help lists them)" },
    { { "--amp", "--bogus" }, "sin: unknown option '--bogus' (--help lists them)" },
    { { "--output-file=" }, "sin: --output-file must be a file's name, not ''" },
    { { "--secr", "3" }, "sin: unknown option '--secr' (--help lists them)" },
  }
  for _, case in ipairs(refusals) do
    it("refuses: " .. table.concat(case[1], " "), function()
      assert.equal(case[2], refusal(parse, table.unpack(case[1])))
    end)
  end

  it("refuses an argument nobody takes, and misses what is required", function()
    assert.equal("x: unexpected argument 'a'", refusal(arguments.parse, "x", { "a" }, {}))
    local required = { { "url", kind = "string", required = true } }
    assert.equal("x: --url is required", refusal(arguments.parse, "x", {}, required))
    assert.equal("x: unknown option '--bogus' (--help lists them)", refusal(arguments.parse, "x", { "--bogus" }, required))
  end)

  it("sees a request for help", function()
    assert.is_true(arguments.asks_help { "--amp", "--help" })
    assert.is_true(arguments.asks_help { "-h" })
    assert.is_false(arguments.asks_help { "--", "-h" })
    assert.is_false(arguments.asks_help { "help" })
  end)

  it("reads a shard", function()
    local shard_spec = { { "shard", kind = "shard" } }
    assert.same({ index = 3, count = 4 }, arguments.parse("x", { "--shard", "3/4" }, shard_spec).shard)
    for _, text in ipairs { "4/4", "-1/4", "1", "1/0", "a/b", "1/2/3" } do
      assert.matches("^x: %-%-shard must be I/N, .*, not '", refusal(arguments.parse, "x", { "--shard=" .. text }, shard_spec))
    end
  end)
end)
