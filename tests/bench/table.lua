-- table.lua BUILD FOLDER [--json FILE] [--against FILE] [--only TEXT]: the rows of the benchmark's table
-- (tests/bench/run says how to read it, and the options). Big files go into FOLDER, which is empty and is
-- removed by the caller.

local here = arg[0]:match "^(.*)/[^/]*$" or "."
package.path = here .. "/?.lua;" .. package.path
local measuring = require "measuring"
local against = require "against"

local build, folder = arg[1], arg[2]
local full = os.getenv "BENCH_FULL" == "1"

local asked = {}
for i = 3, #arg, 2 do
  local name = arg[i]:match "^%-%-(%l+)$"
  if not (name == "json" or name == "against" or name == "only") or not arg[i + 1] then
    io.stderr:write("tests/bench/run: --json FILE, --against FILE and --only TEXT are what there is, not ",
      arg[i], "\n")
    os.exit(2)
  end
  asked[name] = arg[i + 1]
end

local function is_readable(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local function size_of(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:seek "end"
end

-- --- the table ------------------------------------------------------------------------------------

local layout = "%-44s %9s %4s %13s %9s  %-24s %6s  %s"

local function print_line(...)
  print((layout:format(...):gsub("%s+$", "")))
  io.stdout:flush()
end

local function with_unit(value, units)
  for _, unit in ipairs(units) do
    if value >= unit[1] then return ("%.3g %s"):format(value / unit[1], unit[2]) end
  end
  local last = units[#units]
  return ("%.3g %s"):format(value / last[1], last[2])
end

local function seconds_text(seconds)
  return with_unit(seconds, { { 1, "s" }, { 1e-3, "ms" }, { 1e-6, "us" }, { 1e-9, "ns" } })
end

local function bytes_text(bytes)
  return (bytes < 1e7 and "%.1f MB" or "%.0f MB"):format(bytes / 1e6)
end

local function rate_text(rate, of)
  if of == "B" then return ("%.0f MB/s"):format(rate / 1e6) end
  return with_unit(rate, { { 1e6, "M " .. of .. "/s" }, { 1e3, "k " .. of .. "/s" }, { 1, of .. "/s" } })
end

-- A row: what, time (s), spread, count and of (what the rate counts), peak (bytes), floor and floor_is,
-- goal: a list of { text, is it met }. floor_bytes instead of floor compares peaks.
-- `floor` may be what bench:together gives, whose spread is kept too.
local printed = {}

local function print_row(row)
  if type(row.floor) == "table" then row.floor, row.floor_spread = row.floor.wall, row.floor.spread end
  printed[#printed + 1] = row
  local floor, ratio = "", ""
  if row.floor then
    floor = seconds_text(row.floor) .. " " .. row.floor_is
    ratio = ("%.2f"):format(row.time / row.floor)
  elseif row.floor_bytes then
    floor = bytes_text(row.floor_bytes) .. " " .. row.floor_is
    ratio = ("%.2f"):format(row.peak / row.floor_bytes)
  end
  local goal = ""
  if row.goal then goal = row.goal .. (row.met and "" or "  missed") end
  print_line(row.what, row.time and seconds_text(row.time) or "",
    row.spread and ("%.0f%%"):format(100 * row.spread) or "",
    row.count and rate_text(row.count / row.time, row.of) or "",
    row.peak and bytes_text(row.peak) or "", floor, ratio, goal)
end

-- --- the rows -------------------------------------------------------------------------------------

local sections = {}

local function section(name, measure)
  sections[#sections + 1] = { name = name, measure = measure }
end

section("sin", function(bench)
  local target = bench:file "sin.jsonl"
  local m = bench:together(9, {
    main = bench:moontide("sin", "--time-duration", 3600, "--request-rate-min", 20,
      "--request-rate-max", 100, "--request-rate-period", 600, "--output-file", target),
    floor = bench:program("naive_sin", target),
  }, { target })
  print_row {
    what = "sin, 216 000 requests, 1.2 M ids", time = m.main.wall, spread = m.main.spread,
    count = 216000, of = "req", peak = m.main.peak, floor = m.floor, floor_is = "naive C",
    goal = "ratio <= 0.4", met = m.main.wall <= 0.4 * m.floor.wall,
  }
end)

local function measure_analysis(bench, what, command)
  local m = bench:together(15, { main = command, floor = bench:program("floor", "read", bench.trace) })
  print_row {
    what = what .. ", " .. bench.trace_name, time = m.main.wall, spread = m.main.spread,
    count = size_of(bench.trace), of = "B", peak = m.main.peak,
    floor = m.floor, floor_is = "read(2)",
    goal = "<= 12 ms, 12 MB", met = m.main.wall <= 0.012 and m.main.peak <= 12e6,
  }
end

section("analyze", function(bench)
  measure_analysis(bench, "analyze", bench:moontide("analyze", bench.trace))
end)

section("analysis alone", function(bench)
  measure_analysis(bench, "analysis alone", bench:program("traces", "analyze", bench.trace))
end)

-- Each policy at one size, 40 times over the conversation trace; beside it the same without playing, which is
-- taken off.
section("caches played", function(bench)
  for _, policy in ipairs { "lru", "fifo", "clock", "sieve", "s3-fifo", "lfu", "random", "optimum" } do
    local times, blocks = 40, 288500
    local m = bench:together(3, {
      main = bench:program("traces", "play", bench.trace, policy, 10000, times),
      floor = bench:program("traces", "play", bench.trace, policy, 10000, 0),
    })
    local playing = math.max(m.main.wall - m.floor.wall, 1e-9)
    print_row {
      what = "cache of 10 000 blocks, " .. policy, time = playing, spread = m.main.spread,
      count = times * blocks, of = "block", peak = m.main.peak, floor = m.floor, floor_is = "reading it",
      goal = "20 M blocks/s", met = times * blocks / playing >= 20e6,
    }
  end
end)

-- Writes a trace whose ids are any numbers, all different: requests of `blocks` each.
local function write_unlike(path, requests, blocks)
  local file <close> = assert(io.open(path, "wb"))
  math.randomseed(7)
  for i = 1, requests do
    local ids = {}
    for k = 1, blocks do ids[k] = math.random(0) & math.maxinteger end
    assert(file:write(('{"timestamp": %d, "input_length": %d, "output_length": 10, "hash_ids": [%s]}\n')
      :format(i, blocks * 512, table.concat(ids, ", "))))
  end
end

section("analysis of many blocks", function(bench)
  local trace, unlike = bench:file "blocks.jsonl", bench:file "unlike.jsonl"
  bench:together(1, {
    main = bench:moontide(here .. "/conversation.lua", "--rate-scale", 35, "--output-file", trace),
  })
  write_unlike(unlike, 100000, 95)
  local function row(what, path, most)
    local m = bench:together(5, {
      main = bench:moontide("analyze", path), floor = bench:program("floor", "read", path),
    })
    print_row {
      what = what, time = m.main.wall, spread = m.main.spread,
      count = size_of(path), of = "B", peak = m.main.peak, floor = m.floor, floor_is = "read(2)",
      goal = ("<= 0.4 s, %.0f MB"):format(most / 1e6), met = m.main.wall <= 0.4 and m.main.peak <= most,
    }
  end
  row("analyze, 420 000 requests, 10 M ids", trace, 200e6)
  row("analyze, 9.5 M ids, any and all different", unlike, 330e6)
end)

-- Learning and making: reuse learns once into a model, of which it is made too.
section("synthesize", function(bench)
  local target, model = bench:file "synthetic.jsonl", bench:file "learnt.model"
  local learning = bench:together(5, {
    main = bench:moontide("learn", bench.trace, "--output-file", model),
    floor = bench:program("floor", "read", bench.trace),
  })
  print_row {
    what = "learn, " .. bench.trace_name, time = learning.main.wall, spread = learning.main.spread,
    count = size_of(bench.trace), of = "B", peak = learning.main.peak,
    floor = learning.floor, floor_is = "read(2)",
  }
  local goals = {
    { what = "radix", method = "radix", from = bench.trace, seconds = 0.045 },
    { what = "reuse", method = "reuse", from = bench.trace, seconds = 0.1, bytes = 64e6 },
    { what = "reuse of a model", method = "reuse", from = model, seconds = 0.1, bytes = 64e6 },
  }
  for _, goal in ipairs(goals) do
    local command = bench:moontide("synthesize", goal.from, "--method", goal.method,
      "--num-requests", 100000, "--output-file", target)
    bench:together(1, { main = command })
    local m = bench:together(5, {
      main = command, floor = bench:program("floor", "write", target, size_of(target)),
    }, { target })
    print_row {
      what = ("synthesize %s, 100 000 requests"):format(goal.what), time = m.main.wall,
      spread = m.main.spread, count = 100000, of = "req", peak = m.main.peak,
      floor = m.floor, floor_is = "write(2)",
      goal = ("<= %.2g s%s"):format(goal.seconds, goal.bytes and ", 64 MB" or ""),
      met = m.main.wall <= goal.seconds and m.main.peak <= (goal.bytes or math.huge),
    }
  end
end)

-- Ten times the requests in ten times the time, and in memory that is the same: what is made is not kept, but
-- for the tallies of lengths.
section("synthesize, long", function(bench)
  local requests = full and 10000000 or 1000000
  for _, method in ipairs { "radix", "reuse" } do
    local function made(count)
      return bench:moontide("synthesize", bench.trace, "--method", method, "--num-requests", count,
        "--output-file", "/dev/null")
    end
    local long = bench:together(1, { main = made(requests) }).main
    local short = bench:together(3, { main = made(requests / 10) }).main
    print_row {
      what = ("synthesize %s, %d M requests to /dev/null"):format(method, requests // 1000000),
      time = long.wall, count = requests, of = "req", peak = long.peak, floor = 10 * short.wall,
      floor_is = "10 x a tenth", goal = "ratio <= 1.1, 48 MB",
      met = long.wall <= 11 * short.wall and long.peak <= 48e6,
    }
  end
end)

-- A trace whose lines are full of ids, 300 MB or so many bytes: the conversation trace again and again.
local function repeat_trace(from, to, bytes)
  local input <close> = assert(io.open(from, "rb"))
  local text = input:read "a"
  local output <close> = assert(io.open(to, "wb"))
  for _ = 1, math.ceil((bytes or 300e6) / #text) do assert(output:write(text)) end
end

section("reading", function(bench)
  local long, target = bench:file "long.jsonl", bench:file "copy.jsonl"
  local made, short = bench:file "made.jsonl", bench:file "short.jsonl"
  repeat_trace(bench.trace, long)
  bench:together(1, { main = bench:moontide("steady", "--rate", 100, "--duration", "1000s",
    "--output-file", made) })
  repeat_trace(made, short, 100e6)
  local size = size_of(long)
  local m = bench:together(5, {
    reader = bench:program("traces", "read", long),
    nowhere = bench:moontide("cat", long, "--output-file", "/dev/null"),
    cat = bench:moontide("cat", long, "--output-file", target),
    read = bench:program("floor", "read", long),
    write = bench:program("floor", "write", target, size),
    short = bench:program("traces", "read", short),
    read_short = bench:program("floor", "read", short),
  }, { target })
  local function row(what, one, floor, floor_is, goal, met, bytes)
    print_row {
      what = what, time = one.wall, spread = one.spread, count = bytes or size, of = "B",
      peak = one.peak, floor = floor, floor_is = floor_is, goal = goal, met = met,
    }
  end
  row("trace reader, 300 MB", m.reader, m.read, "read(2)", "1300 MB/s", size / m.reader.wall >= 1.3e9)
  row("trace reader, 100 MB of short rows", m.short, m.read_short, "read(2)", nil, nil, size_of(short))
  row("cat to /dev/null, 300 MB", m.nowhere, m.read, "read(2)", "1000 MB/s", size / m.nowhere.wall >= 1e9)
  -- Reading and write(2) go beside each other: the slower of the two is the limit, by machine.
  local limit, limit_is = m.write.wall, "write(2)"
  if m.reader.wall > limit then limit, limit_is = m.reader.wall, "reader alone" end
  row("cat to a file, 300 MB", m.cat, m.write, "write(2)",
    ("<= 1.43 x %s, %s"):format(limit_is, seconds_text(limit)), m.cat.wall <= 1.43 * limit)
end)

-- Conversation traces one behind the other, packed and unpacked; the floors do the same with zlib, at the
-- level of the gzip program, and nothing else. Of .zst too: what it takes beside gzip's.
section("gzip", function(bench)
  local plain, packed = bench:file "plain.jsonl", bench:file "packed.jsonl.gz"
  local target, other = bench:file "new.jsonl.gz", bench:file "new.jsonl.zst"
  repeat_trace(bench.trace, plain, 60e6)
  bench:together(1, {
    main = bench:program("floor_gzip", "deflate", plain, packed),
    zst = bench:moontide("cat", plain, "--output-file", other),
  })
  local m = bench:together(5, {
    read = bench:moontide("cat", packed, "--output-file", "/dev/null"),
    write = bench:moontide("cat", plain, "--output-file", target),
    inflate = bench:program("floor_gzip", "inflate", packed),
    deflate = bench:program("floor_gzip", "deflate", plain, target),
    read_zst = bench:moontide("cat", other, "--output-file", "/dev/null"),
    write_zst = bench:moontide("cat", plain, "--output-file", other),
  }, { target })
  for _, way in ipairs { { "read", "cat of .gz to /dev/null, 60 MB of text", m.inflate, 1 },
    { "write", "cat to .gz, 60 MB of text", m.deflate, 0.33 },
    { "read_zst", "cat of .zst to /dev/null, 60 MB of text", m.inflate, 1 },
    { "write_zst", "cat to .zst, 60 MB of text", m.deflate, 0.33 } } do
    local main, floor = m[way[1]], way[3]
    print_row {
      what = way[2], time = main.wall, spread = main.spread, count = size_of(plain), of = "B",
      peak = main.peak, floor = floor, floor_is = "zlib", goal = ("ratio <= %.2g"):format(way[4]),
      met = main.wall <= way[4] * floor.wall,
    }
  end
end)

-- A BurstGPT log of a million rows, 39 MB, with a mean ISL of 664.
local function write_log(path, rows)
  local output <close> = assert(io.open(path, "wb"))
  local time = 0
  math.randomseed(1, 0)
  output:write "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
  for _ = 1, rows do
    local normal = math.sqrt(-2 * math.log(1 - math.random())) * math.cos(2 * math.pi * math.random())
    local input = math.ceil(375 * math.exp(1.07 * normal))
    local answer = math.floor(-250 * math.log(1 - math.random()))
    time = time - 5.27 * math.log(1 - math.random())
    output:write(("%d,%s,%d,%d,%d,%s\n"):format(time // 1,
      math.random() < 0.8 and "ChatGPT" or "GPT-4", input, answer, input + answer,
      math.random() < 0.5 and "Conversation log" or "API log"))
  end
end

section("convert", function(bench)
  local log, target, rows = bench:file "log.csv", bench:file "log.jsonl", 1000000
  write_log(log, rows)
  local command = bench:moontide("convert", log, "--output-file", target)
  bench:together(1, { main = command })
  local m = bench:together(5, {
    main = command,
    floor = bench:program("floor", "write", target, size_of(target)),
  }, { target })
  print_row {
    what = ("convert, 1 M rows, %.0f MB to %.0f MB"):format(size_of(log) / 1e6, size_of(target) / 1e6),
    time = m.main.wall, spread = m.main.spread, count = rows, of = "row", peak = m.main.peak,
    floor = m.floor, floor_is = "write(2)", goal = "<= 0.6 s, 200 MB",
    met = m.main.wall <= 0.6 and m.main.peak <= 200e6,
  }
end)

section("writing", function(bench)
  local times = math.ceil(300e6 / size_of(bench.trace))
  local medians, spreads = bench:figures(5, bench:program("traces", "write", bench.trace, "/dev/null", times))
  print_row {
    what = "trace writer to /dev/null, 300 MB", time = medians.write, spread = spreads.write,
    count = medians.bytes, of = "B", floor = medians.copy, floor_is = "memcpy",
    goal = "550 MB/s", met = medians.bytes / medians.write >= 550e6,
  }
end)

section("arrivals", function(bench)
  local requests = 2000000
  local m = bench:together(5, {
    main = bench:moontide(here .. "/columns.lua", "--requests", requests),
    floor = bench:program("floor", "arrivals", requests),
  })
  print_row {
    what = "Poisson arrivals into columns, 2 M", time = m.main.wall, spread = m.main.spread,
    count = requests, of = "req", peak = m.main.peak, floor = m.floor, floor_is = "naive C",
    goal = "2 M req/s", met = requests / m.main.wall >= 2e6,
  }
end)

section("a loop that keeps every request", function(bench)
  local requests = 400000
  local m = bench:together(5, {
    main = bench:moontide(here .. "/columns.lua", "--kept", "--requests", requests),
    floor = bench:moontide(here .. "/columns.lua", "--looped", "--requests", requests),
  })
  print_row {
    what = "a Lua loop that keeps 400 k requests", time = m.main.wall, spread = m.main.spread,
    count = requests, of = "req", peak = m.main.peak, floor = m.floor, floor_is = "none kept",
    goal = "5 x", met = m.main.wall <= 5 * m.floor.wall,
  }
end)

section("a look at three members", function(bench)
  local requests = 2000000
  local m = bench:together(5, {
    tables = bench:moontide(here .. "/columns.lua", "--passed-on", "--requests", requests),
    read = bench:moontide(here .. "/columns.lua", "--looked-at", "--requests", requests),
    named = bench:moontide(here .. "/columns.lua", "--named", "--requests", requests),
    indexed = bench:moontide(here .. "/columns.lua", "--indexed", "--requests", requests),
    computed = bench:moontide(here .. "/columns.lua", "--computed", "--requests", requests),
    floor = bench:moontide(here .. "/columns.lua", "--requests", requests),
  })
  for _, way in ipairs { { "tables", "a loop over tables" }, { "read", "a loop that only reads" },
    { "named", "a loop over members" }, { "indexed", "a loop over columns" },
    { "computed", "columns added without a loop" } } do
    local main = m[way[1]]
    print_row {
      what = way[2] .. ", 2 M requests made", time = main.wall, spread = main.spread,
      count = requests, of = "req", peak = main.peak, floor = m.floor, floor_is = "columns made",
      goal = "5 M req/s", met = requests / main.wall >= 5e6,
    }
  end
end)

section("a script's own arrivals", function(bench)
  local requests = 2000000
  local m = bench:together(5, {
    main = bench:moontide(here .. "/columns.lua", "--own-arrivals", "--requests", requests),
    floor = bench:moontide(here .. "/columns.lua", "--requests", requests),
  })
  print_row {
    what = "a Lua function's arrivals into columns, 2 M", time = m.main.wall, spread = m.main.spread,
    count = requests, of = "call", peak = m.main.peak, floor = m.floor, floor_is = "Poisson",
    goal = "1 M call/s", met = requests / m.main.wall >= 1e6,
  }
end)

section("requests to a file", function(bench)
  local requests, target = 2000000, bench:file "steady.jsonl"
  local command = bench:moontide("steady", "--rate", 1000, "--isl", "lognormal:mean=2000,cv=1.2",
    "--osl", "lognormal:mean=250,cv=1", "--num-requests", requests, "--duration", requests,
    "--output-file", target)
  bench:together(1, { main = command })
  local m = bench:together(5, {
    main = command,
    floor = bench:program("floor", "write", target, size_of(target)),
  }, { target })
  print_row {
    what = "Poisson, lognormal lengths to JSONL, 2 M", time = m.main.wall, spread = m.main.spread,
    count = requests, of = "req", peak = m.main.peak, floor = m.floor, floor_is = "write(2)",
    goal = "2 M req/s or ratio <= 1.67",
    met = requests / m.main.wall >= 2e6 or 0.6 * m.main.wall <= m.floor.wall,
  }
end)

section("curves", function(bench)
  local count = 1000000
  local medians, spreads = bench:figures(9, bench:program("arrivals", count))
  local function row(what, name, floor, floor_is, goal)
    print_row {
      what = what, time = medians[name] / count, spread = spreads[name], count = 1, of = "req",
      floor = medians[floor] / count, floor_is = floor_is,
      goal = goal and ("ratio <= %.1f"):format(goal), met = goal and medians[name] <= goal * medians[floor],
    }
  end
  row("an arrival, constant rate", "constant", "naive", "naive C")
  row("an arrival, 10 000 steps", "steps", "constant", "constant", 1.1)
  row("an arrival, sine", "sine", "constant", "constant")
end)

-- A million requests of one stream and of 1000, and 10 000 streams of which one request is made.
section("many streams", function(bench)
  local function streams(count, requests)
    return bench:moontide(here .. "/streams.lua", "--streams", count, "--num-requests", requests,
      "--output-file", "/dev/null")
  end
  local m = bench:together(5, {
    many = streams(1000, 1000000), one = streams(1, 1000000),
    made = streams(10000, 1), floor = bench:program("floor", "empty"),
  })
  print_row {
    what = "1 M requests of 1000 streams", time = m.many.wall, spread = m.many.spread, count = 1000000,
    of = "req", peak = m.many.peak, floor = m.one, floor_is = "one stream", goal = "ratio <= 2",
    met = m.many.wall <= 2 * m.one.wall,
  }
  print_row {
    what = "10 000 streams made", time = m.made.wall, spread = m.made.spread, count = 10000, of = "stream",
    peak = m.made.peak, floor = m.floor, floor_is = "empty exec", goal = "<= 50 ms",
    met = m.made.wall <= 0.05,
  }
end)

section("start-up", function(bench)
  local m = bench:together(31, { main = bench:moontide "help", floor = bench:program("floor", "empty") })
  print_row {
    what = "help", time = m.main.wall, spread = m.main.spread, peak = m.main.peak,
    floor = m.floor, floor_is = "empty exec", goal = "<= 10 ms", met = m.main.wall <= 0.01,
  }
end)

section("prompt", function(bench)
  local steps = bench:file "steps"
  local file <close> = assert(io.open(steps, "w"))
  assert(file:write("wait \\n> \ntype \\x04\nend\n"))
  file:close()
  local m = bench:together(31, {
    main = { "env", "TERM=xterm", bench.build .. "/tests/terminal", steps, bench.build .. "/moontide", "repl",
      "--no-init" },
    floor = bench:program("floor", "empty"),
  })
  print_row {
    what = "to the console and out again", time = m.main.wall, spread = m.main.spread, peak = m.main.peak,
    floor = m.floor, floor_is = "empty exec", goal = "<= 25 ms", met = m.main.wall <= 0.025,
  }
end)

section("memory of a long run", function(bench)
  local seconds = full and 36000 or 3600
  local function steady(duration)
    return bench:moontide("steady", "--rate", 1000, "--isl", 500, "--osl", 100,
      "--duration", duration, "--output-file", "/dev/null")
  end
  local long = bench:together(1, { main = steady(seconds) }).main
  local short = bench:together(5, { main = steady(seconds / 1000) }).main
  print_row {
    what = ("%s M requests to /dev/null"):format(full and "36" or "3.6"), time = long.wall,
    count = 1000 * seconds, of = "req", peak = long.peak, floor_bytes = short.peak,
    floor_is = "1000 times shorter", goal = "ratio <= 1.5", met = long.peak <= 1.5 * short.peak,
  }
end)

-- Prompts of 1000 blocks that cannot come back, and sessions whose prompts grow, to /dev/null.
section("10^9 ids", function(bench)
  if not full then return end
  for _, kind in ipairs { "unique", "sessions" } do
    local function made(ids)
      return bench:moontide(here .. "/billion.lua", "--kind", kind, "--ids", ids, "--output-file",
        "/dev/null")
    end
    local long = bench:together(1, { main = made(1000000000) }).main
    local short = bench:together(3, { main = made(10000000) }).main
    print_row {
      what = "10^9 ids to /dev/null, " .. kind, time = long.wall, count = 1e9, of = "id", peak = long.peak,
      floor_bytes = short.peak, floor_is = "100 times fewer", goal = "ratio <= 1.5",
      met = long.peak <= 1.5 * short.peak,
    }
  end
end)

section("ids", function(bench)
  local lookups = 1200000
  local function rows(count, title, runs, most)
    local command = bench:program("ids", count, lookups)
    local medians, spreads = bench:figures(runs, command)
    print_row {
      what = title .. " ids given, growing", time = medians.grow, spread = runs > 1 and spreads.grow or nil,
      count = count, of = "id", peak = medians.memory,
      goal = most and ("<= %.0f MB"):format(most / 1e6), met = most and medians.memory <= most,
    }
    print_row {
      what = "a look-up among " .. title, time = medians.look_up / lookups,
      spread = runs > 1 and spreads.look_up or nil, count = 1, of = "id",
      floor = medians.reads / lookups, floor_is = "random reads",
    }
  end
  rows(1200000, "1.2 M", 5)
  if full then rows(100000000, "100 M", 1, 4e9) end
end)

section("draws", function(bench)
  local count = 1000000
  local medians, spreads, names = bench:figures(5, bench:program("draws", count))
  for _, name in ipairs(names) do
    if name ~= "loop" then
      print_row {
        what = "a draw: " .. name, time = medians[name] / count, spread = spreads[name],
        count = 1, of = "draw", floor = medians.loop / count, floor_is = "empty loop",
      }
    end
  end
end)

-- Rate, seconds, events an answer, microseconds between them. Lags are judged by the better of two runs.
local function drive(bench, rate, seconds, chunks, interval, ...)
  return (bench:figures(1, bench:program("driving", rate, seconds, chunks, interval, ...)))
end

local function better(first, second)
  return first.lag_p99 <= second.lag_p99 and first or second
end

section("driving, processor time", function(bench)
  local load, cpu, floor = { 16000, 2, 8, 5000 }, {}, {}
  for run = 1, 3 do
    cpu[run] = drive(bench, table.unpack(load)).cpu
    floor[run] = bench:figures(1, bench:program("driving_floor", table.unpack(load))).cpu
  end
  local time, spread = measuring.summary(cpu)
  floor = measuring.summary(floor)
  print_row {
    what = "driving 16 000 requests/s, of a processor", time = time, spread = spread, count = 1, of = "req",
    floor = floor, floor_is = "plain epoll", goal = "ratio <= 1.25", met = time <= 1.25 * floor,
  }
end)

section("driving, lag", function(bench)
  local wake = bench:figures(1, bench:program("driving_floor", "timer", 3)).wake_p99
  for _, rate in ipairs { 3000, 6000 } do
    local run = better(drive(bench, rate, 5, 8, 5000, "spin"), drive(bench, rate, 5, 8, 5000, "spin"))
    print_row {
      what = ("driving %d 000 requests/s, lag p99"):format(rate // 1000), time = run.lag_p99,
      floor = wake, floor_is = "idle timer, p99", goal = "<= 0.5 ms, ratio <= 4",
      met = run.lag_p99 <= 0.0005 and run.lag_p99 <= 4 * wake and run.failed == 0,
    }
  end
end)

-- Turn about, so that both see the same machine.
section("driving, looked at", function(bench)
  local alone, watched = {}, {}
  for run = 1, 3 do
    alone[run] = drive(bench, 3000, 5, 8, 5000, "spin").lag_p99
    watched[run] = drive(bench, 3000, 5, 8, 5000, "spin", "page").lag_p99
  end
  local time, spread = measuring.summary(watched)
  local floor = measuring.summary(alone)
  print_row {
    what = "driving 3 000 requests/s, ten browsers look on, lag p99", time = time, spread = spread,
    floor = floor, floor_is = "nobody looks", goal = "ratio <= 1.5", met = time <= 1.5 * floor,
  }
end)

-- How far the times of events are from those at which they were sent: the kernel's stamps, as the driver has
-- them, against the clock after a read.
section("driving, arrival stamps", function(bench)
  local load = { 1000, 3, 50, 4000, "stamps" }
  local stamps, clock = {}, {}
  for run = 1, 3 do
    stamps[run] = drive(bench, table.unpack(load)).arrival_error_p99
    clock[run] = bench:figures(1, bench:program("driving_floor", table.unpack(load))).arrival_error_p99
  end
  local time, spread = measuring.summary(stamps)
  local floor = measuring.summary(clock)
  print_row {
    what = "driving 50 000 events/s, arrival error p99", time = time, spread = spread, floor = floor,
    floor_is = "clock after read", goal = "ratio <= 0.5", met = time <= 0.5 * floor,
  }
end)

section("driving, many in flight", function(bench)
  local few = better(drive(bench, 1000, 3, 8, 5000), drive(bench, 1000, 3, 8, 5000)).lag_p50
  local many = better(drive(bench, 1000, 12, 70, 100000), drive(bench, 1000, 12, 70, 100000))
  print_row {
    what = "driving with 7 000 in flight, lag p50", time = many.lag_p50, floor = few,
    floor_is = "40 in flight", goal = "ratio <= 2", met = many.lag_p50 <= 2 * few,
  }
  local run = drive(bench, 1000, 14, 100, 100000, "gaps")
  print_row {
    what = "driving 10 000 streams, 10 events/s each", peak = run.peak, goal = "<= 60 MB, none failed",
    met = run.peak <= 60e6 and run.failed == 0,
  }
end)

-- --- the run --------------------------------------------------------------------------------------

-- The conversation trace, or one of its size.
local function provide_trace(bench)
  local data = os.getenv "MOONTIDE_DATA" or here .. "/../../../shared/data"
  local real = data .. "/mooncake_conversation_trace.jsonl"
  if is_readable(real) then
    bench.trace, bench.trace_name = real, "conversation trace"
    return
  end
  bench.trace, bench.trace_name = bench:file "conversation.jsonl", "generated trace"
  bench:together(1, { main = bench:moontide(here .. "/conversation.lua", "--output-file", bench.trace) })
end

local function failure_text(failure)
  if type(failure) ~= "table" then return tostring(failure) end
  return ("%s (exit status %d of: %s)"):format(failure.said, failure.status, failure.command)
end

-- Not 0 when something could not be measured.
local function run_all(bench)
  local failures = 0
  provide_trace(bench)
  print_line("what", "time", "+-", "rate", "peak", "floor", "ratio", "goal")
  for _, one in ipairs(sections) do
    local is_wanted = not asked.only or one.name:find(asked.only, 1, true)
    local ok, failure = true, nil
    if is_wanted then ok, failure = pcall(one.measure, bench) end
    if not ok then
      print(("%s: could not be measured: %s"):format(one.name, failure_text(failure)))
      failures = failures + 1
      if type(failure) == "table" and failure.status == 130 or tostring(failure):find "interrupted!" then
        break
      end
    end
  end
  return failures
end

local function decoder()
  package.path = here .. "/../../lua/?.lua;" .. here .. "/../../lua/?/init.lua;" .. package.path
  package.cpath = build .. "/lib/?.so;" .. package.cpath
  return require "moontide".json.decode
end

local function stop(message)
  io.stderr:write("tests/bench/run: ", message, "\n")
  os.exit(false)
end

-- What is wrong with the files shows before an hour of measuring.
local before, kept
if asked.against then
  local message
  before, message = against.read(asked.against, decoder())
  if not before then stop(message) end
end
if asked.json then
  local message
  kept, message = io.open(asked.json, "w")
  if not kept then stop(message) end
end

local ok, failures = pcall(run_all, measuring.new(build, folder))
if not ok then print("the benchmark failed: " .. failure_text(failures)) end
if kept then
  for _, row in ipairs(printed) do assert(kept:write(against.line(row))) end
  assert(kept:close())
end
if before then io.write("\n", against.text(printed, before)) end
os.exit(ok and failures == 0)
