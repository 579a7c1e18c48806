-- moontide plot: what gnuplot is given, one rendered picture of each kind, and what it refuses.
local command = require "tests.support.command"
local results = require "tests.support.results"

teardown(command.remove_folders)

-- Eight requests, one a second, of two streams.
local lines = {}
for i = 0, 7 do
  lines[i + 1] = ('{"timestamp": %d, "input_length": %d, "output_length": %d, "hash_ids": [0, %d], "stream": "%s"}'):format(
    i * 1000, 600 + i, 10 * (i + 1), i % 2 + 1, i % 4 == 0 and "it's <b>" or "chat")
end
local trace = command.file(table.concat(lines, "\n") .. "\n", "day.jsonl")

local function plot(line, opts) return command.line("plot " .. line, opts) end

-- What gnuplot is given for these words: { text =, [name of a series] = { {x, y}, ... } } and the figures' titles.
local function given(words)
  local path = command.file(nil, "x.gnuplot")
  local done = plot("-o " .. path .. " " .. words)
  assert.equal(0, done.status, done.err)
  local text = command.read(path)
  local found, blocks = { text = text, titles = {} }, {}
  for name, block in text:gmatch "%$(%w+_%d+) << EOD\n(.-)\nEOD" do
    local points = {}
    for x, y in (block .. "\n"):gmatch "(%S+) (%S+)[^\n]*\n" do points[#points + 1] = { tonumber(x), tonumber(y) } end
    blocks[name] = points
  end
  for title in text:gmatch "set title '([^\n]*)' noenhanced" do found.titles[#found.titles + 1] = title end
  for name, title in text:gmatch "%$(%w+_%d+) using [^\n]- title '(.-)' noenhanced" do found[title] = blocks[name] end
  return found, done
end

-- gnuplot is given nine digits.
local function near(wanted, points)
  assert.equal(#wanted, #points)
  for i, point in ipairs(wanted) do
    assert.is_true(math.abs(points[i][1] - point[1]) <= 1e-8 * math.abs(point[1]))
    assert.is_true(math.abs(points[i][2] - point[2]) <= 1e-8 * math.abs(point[2]))
  end
end

describe("plot gives gnuplot", function()
  it("requests per second, in all and by stream", function()
    local found = given(trace .. " --what rate")
    assert.same({ "Requests per second" }, found.titles)
    near({ { 1.75, 4 / 3.5 }, { 5.25, 4 / 3.5 } }, found.all)
    near({ { 1.75, 3 / 3.5 }, { 5.25, 3 / 3.5 } }, found.chat)
    near({ { 1.75, 1 / 3.5 }, { 5.25, 1 / 3.5 } }, found["it''s <b>"])
    assert.is_truthy(found.text:find("set xlabel 'Time (s)' noenhanced", 1, true))
    assert.is_truthy(found.text:find("set ylabel 'Rate (requests/s)' noenhanced", 1, true))
  end)

  it("tokens, mean lengths and distributions", function()
    local found = given(trace .. " --what tokens,mean_lengths,input_length,output_length")
    near({ { 1.75, (600 + 601 + 602 + 603) / 3.5 }, { 5.25, (604 + 605 + 606 + 607) / 3.5 } }, found.input)
    near({ { 1.75, 100 / 3.5 }, { 5.25, 260 / 3.5 } }, found.output)
    near({ { 1.75, 601.5 }, { 5.25, 605.5 } }, found.ISL)
    local shares = { { 10, 0 } } -- it rises from 0 at the smallest
    for i = 1, 8 do shares[i + 1] = { 10 * i, i / 8 } end
    assert.same(shares, found.day) -- the last figure's
    assert.equal(2, select(2, found.text:gsub("set logscale x", "")))
    assert.is_truthy(found.text:find("set multiplot layout 2,2", 1, true))
  end)

  it("the hit ratio that analyze tells", function()
    local found = given(trace .. " --what hit_curve")
    local told = command.line("analyze --json --cache-sizes 1,2,3 " .. trace)
    assert.equal(0, told.status)
    for size = 1, 3 do
      local ratio = tonumber(told.out:match(('"lru": {.-"%d": ([%%d.e-]+)'):format(size)))
      assert.is_true(math.abs(found["by block"][size][2] - ratio) < 1e-8)
      assert.equal(size, found["by block"][size][1])
    end
  end)

  it("several traces over one another", function()
    local other = command.file('{"timestamp": 0, "input_length": 5}\n{"timestamp": 10, "input_length": 9}\n', "b.jsonl")
    local found, done = given(trace .. " " .. other .. " --what rate,input_length")
    assert.same({ { 5, 0 }, { 5, 0.5 }, { 9, 1 } }, found.b)
    assert.equal(9, #found.day)
    assert.equal("", done.err)
  end)

  it("a plan, as expected and as drawn", function()
    local found = given "steady --what rate -- --rate 5 --duration 100s --seed 7"
    local expected, drawn = 0, 0
    for _, point in ipairs(found.expected) do expected = expected + point[2] / #found.expected end
    for _, point in ipairs(found.drawn) do drawn = drawn + point[2] / #found.drawn end
    assert.is_true(math.abs(expected - 5) < 1e-6)
    assert.is_true(math.abs(drawn - 5) < 4 * (5 / 100) ^ 0.5) -- four deviations of a Poisson count
    local again = given "steady --what rate -- --rate 5 --duration 100s --seed 7"
    assert.same(found.drawn, again.drawn)
  end)

  it("a run over time, by when requests were due", function()
    local folder = results.aiperf(100, function(i) return i == 50 and { 503, "Overload", "busy" } or nil end)
    local found = given(folder .. " --what rates,ttft,in_flight,errors,latency_cdf")
    local whole = 0
    for _, point in ipairs(found.offered) do whole = whole + point[2] end
    assert.is_true(math.abs(whole * 10.029 / 10 - 100) < 2) -- ten bins over 10.029 s
    assert.is_true(found["p50"][1][2] < found["p50"][9][2])
    local most = 0
    for _, point in ipairs(found["in flight"]) do most = math.max(most, point[2]) end
    assert.equal(3, most) -- 120 to 219 ms each, one every 100 ms
    assert.is_truthy(found.text:find("Failed requests", 1, true))
    local cdf = found["from sent"] or found.all
    near({ { 120, 0 }, { 120, 1 / 99 } }, { cdf[1], cdf[2] })
    assert.equal(219, cdf[#cdf][1])
  end)

  it("of many values the points of a curve and its tails", function()
    local path = command.file(nil, "x.gnuplot")
    local many = {}
    for i = 1, 5000 do many[i] = ('{"timestamp": %d, "input_length": %d}'):format(i, i) end
    local done = plot(command.file(table.concat(many, "\n") .. "\n") .. " --what input_length -o " .. path)
    assert.equal(0, done.status, done.err)
    local points = select(2, command.read(path):gsub("\n%d+ [%d.]+", ""))
    assert.is_true(points > 300 and points < 450, points)
  end)
end)

describe("plot draws", function()
  local kinds = {
    { "a trace", function() return trace end, "Requests per second" },
    { "a plan", function() return "burst" end, "Requests per second" },
    { "a run", function() return results.aiperf(100) end, "Request latency" },
    { "a sweep", function() return results.benchmark(command.folder(), "base") end, "Request Throughput vs Concurrency" },
  }
  for _, kind in ipairs(kinds) do
    it(kind[1] .. " as SVG with title, labels and data", function()
      local path = command.file(nil, "x.svg")
      local done = plot(kind[2]() .. " -o " .. path)
      assert.equal(0, done.status, done.err)
      local text = command.read(path)
      assert.is_truthy(text:find "^<%?xml")
      assert.is_truthy(text:find(kind[3], 1, true))
      assert.is_truthy(text:find "%(requests/s%)" or text:find "%(req/s%)")
      assert.is_true(select(2, text:gsub("<path", "")) > 5)
    end)
  end

  it("PNG and PDF", function()
    local png, pdf = command.file(nil, "x.png"), command.file(nil, "x.PDF")
    assert.equal(0, plot(trace .. " --what rate -o " .. png).status)
    assert.equal(0, plot(trace .. " --what rate -o " .. pdf).status)
    local bytes = command.read(png)
    assert.equal("\137PNG\r\n\26\n", bytes:sub(1, 8))
    local width, height = (">I4I4"):unpack(bytes, 17)
    assert.same({ 1000, 500 }, { width, height })
    assert.is_true(#bytes > 3000)
    assert.equal("%PDF-", command.read(pdf):sub(1, 5))
  end)

  it("in the terminal without a file", function()
    local done = plot(trace .. " --what rate", { environment = "COLUMNS=60 NO_COLOR=1" })
    assert.equal(0, done.status)
    assert.is_truthy(done.out:find "^Requests per second\n")
    assert.is_truthy(done.out:find("* all   + chat   o it's <b>", 1, true))
  end)

  it("standard input", function()
    local done = plot("- --what rate -o " .. command.file(nil, "x.gnuplot"), { input = command.read(trace) })
    assert.equal(0, done.status, done.err)
  end)
end)

describe("plot --data-dir", function()
  local names = { "p50_inter_token_latency_vs_concurrency.png", "avg_inter_token_latency_vs_concurrency.png",
    "request_throughput_vs_concurrency.png", "avg_time_to_first_token_vs_concurrency.png",
    "efficiency_tok_s_gpu_vs_user.png", "SUMMARY.txt" }

  it("makes the five pictures and a summary", function()
    local folder = command.folder()
    results.benchmark(folder, "base")
    results.benchmark(folder, "tuned", "profile_export_aiperf.json")
    local done = plot("--data-dir " .. folder)
    assert.equal(0, done.status, done.err)
    for _, name in ipairs(names) do assert.is_true(command.exists(folder .. "/plots/" .. name), name) end
    local summary = command.read(folder .. "/plots/SUMMARY.txt")
    assert.is_truthy(summary:find "\nbase\nconcurrency +req/s")
    assert.is_truthy(summary:find "\n16 +8.00 +400.0 +90.00 +N/A +7.00 +8.00 +N/A +2,000.0 +25.00 +400.00\n")
    assert.is_truthy(summary:find("Throughput over latency is largest at concurrency 4.", 1, true))
    -- Once more: what is in plots is no benchmark.
    assert.equal(0, plot("--data-dir " .. folder .. " --benchmark-name base --gpus 2 --output-dir " .. folder .. "/two").status)
    summary = command.read(folder .. "/two/SUMMARY.txt")
    assert.is_nil(summary:find("tuned", 1, true))
    assert.is_truthy(summary:find "\n16 [^\n]* 25.00 +200.00\n")
  end)

  it("has upstream's axes", function()
    local found = given(results.benchmark(command.folder(), "base") .. " --what itl_p50,request_throughput,efficiency")
    assert.same({ "P50 Inter-Token Latency vs Concurrency", "Request Throughput vs Concurrency",
      "Efficiency: tok/s/GPU vs tok/s/user" }, found.titles)
    assert.same({ { 100, 100 }, { 75, 300 }, { 25, 400 } }, found.base) -- of the last figure
    assert.is_truthy(found.text:find("set ylabel 'P50 Inter-Token Latency (ms)' noenhanced", 1, true))
    local throughput = found.text:match "Request Throughput vs Concurrency.-\nplot"
    assert.is_truthy(throughput:find("set logscale x", 1, true))
    assert.is_truthy(found.text:find('25 400 "16"', 1, true))
  end)

  it("does with levels and members missing", function()
    local folder = command.folder()
    results.benchmark(folder, "base")
    command.write(folder, "base/c4/profile_export_genai_perf.json", '{"request_throughput": {"avg": 6}, "odd": [1]}')
    command.write(folder, "base/c8/other.txt", "")
    local found = given(folder .. "/base --what itl_avg")
    assert.same({ { 1, 5 }, { 16, 8 } }, found.base)
    command.write(folder, "base/c4/profile_export_genai_perf.json", '{"request_throughput": {"avg": 6}')
    local done = plot("--data-dir " .. folder)
    assert.equal(1, done.status)
    assert.is_truthy(done.err:find("c4/profile_export_genai_perf.json:1:", 1, true))
  end)

  it("refuses folders without results", function()
    local folder = command.folder()
    local none = ": there are no results (%s/c1/profile_export_genai_perf.json and the like)"
    command.refuses(plot("--data-dir " .. folder), folder .. none:format(folder .. "/NAME"))
    results.benchmark(folder, "base")
    local other = folder .. "/other"
    command.refuses(plot("--benchmark-name other --data-dir " .. folder), other .. none:format(other))
    command.refuses(plot("--data-dir " .. folder .. "/nowhere"),
      folder .. "/nowhere: cannot open the folder: No such file or directory")
  end)
end)

describe("plot refuses", function()
  it("a picture that cannot be made, and leaves the old one", function()
    local path = command.file("old", "x.png")
    local bare = command.folder()
    os.execute(("ln -s /bin/sh '%s/sh'"):format(bare))
    command.refuses(plot(trace .. " -o " .. path, { environment = "PATH=" .. bare }),
      path .. ": gnuplot draws it and is not there: the package gnuplot-nox brings it")
    assert.equal("old", command.read(path))
    command.refuses(plot(trace .. " -o x.jpeg"), "plot: --output-file: 'x.jpeg' must end in .png, .svg or .pdf, or in "
      .. ".gnuplot for what gnuplot is given", 2)
    command.refuses(plot(trace .. " -o /nowhere/x.png"),
      "/nowhere/x.png: cannot write in the folder '/nowhere/': No such file or directory")
    command.refuses(plot("/nowhere/a.jsonl -o " .. path), "/nowhere/a.jsonl: cannot open: No such file or directory")
    assert.equal("old", command.read(path))
  end)

  it("half a picture, of which gnuplot says nothing when it is an SVG", function()
    local folder = command.folder()
    for _, name in ipairs { "x.svg", "x.png", "x.pdf" } do
      command.write(folder, name, "old")
      local done = command.shell(("ulimit -f 12; exec $MOONTIDE plot %s --what rate,tokens -o %s"):format(trace, name),
        { folder = folder })
      assert.equal(1, done.status, name)
      assert.is_truthy(done.err:find("moontide: " .. name .. ": ", 1, true), done.err)
      assert.equal("old", command.read(folder .. "/" .. name))
    end
  end)

  it("no folder for temporary files, where the picture has one", function()
    local folder = command.folder()
    command.write(folder, "gnuplot", "#!/bin/sh\necho \"called with $1\" >&2\nexit 1\n")
    local function call(temporary)
      return command.shell(("chmod +x gnuplot; PATH=$PWD:$PATH TMPDIR=%s exec $MOONTIDE plot %s -o p.png")
        :format(temporary, trace), { folder = folder })
    end
    local done = call "$PWD"
    assert.matches("^moontide: p.png: gnuplot could not draw it: called with " .. folder .. "/moontide%-%w+/script \n$",
      done.err)
    done = call "/nowhere"
    assert.matches("^moontide: p.png: gnuplot could not draw it: called with %./%.moontide%-%w+/script \n$", done.err)
    assert.equal("gnuplot\n", command.shell("ls -A", { folder = folder }).out)
  end)

  it("figures that there are not", function()
    command.refuses(plot(trace .. " --what raet"),
      "plot: --what: there is no figure 'raet' of a trace, or a script's plan (did you mean 'rate'?); "
      .. "'moontide plot --list' says what there is", 2)
    local bare = command.file('{"input_length": 5}\n', "bare.jsonl")
    command.refuses(plot(bare .. " --what rate"), "bare: no rate: no request has a timestamp")
    assert.equal(0, plot(bare).status) -- what there is
    local list = plot "--list"
    for _, name in ipairs { "rate", "hit_curve", "ttft", "in_flight", "efficiency", "throughput_latency" } do
      assert.is_truthy(list.out:find("\n  " .. name .. " ", 1, true), name)
    end
  end)

  it("what has nothing in it, or does not go together", function()
    local empty = command.file("", "empty.jsonl")
    command.refuses(plot(empty), empty .. ": no requests")
    assert.equal(0, plot(command.file '{"timestamp": 5, "input_length": 5}\n').status)
    local folder = results.benchmark(command.folder(), "base")
    command.refuses(plot(trace .. " " .. folder),
      ("%s is a trace and %s a sweep: they have no figures in common"):format(trace, folder), 2)
    command.refuses(plot "replay", "replay is a command, not a load: there is nothing to look at", 2)
    command.refuses(plot(trace .. " -- --rate 5"), "unexpected argument '--rate': only a script has options of its own", 2)
    command.refuses(plot "-- --rate 5", "FILE says what is looked at, before the options of a script", 2)
    local bare = command.folder()
    command.refuses(plot(bare), bare
      .. ": there are no results in it: neither of a run (profile_export.jsonl) nor of sweeps (c1, ...)")
    command.refuses(plot "", "plot: FILE or --data-dir says what is drawn", 2)
    command.refuses(plot("--data-dir x " .. trace),
      "plot: --data-dir makes its own pictures: without FILE, --output-file and --what", 2)
  end)

  it("runs that were cut, are empty, or of another version", function()
    local folder = results.aiperf(5)
    local path = folder .. "/profile_export.jsonl"
    local whole = command.read(path)
    command.write(folder, "profile_export.jsonl", whole:sub(1, -100))
    local cut = plot(folder)
    assert.equal(1, cut.status)
    assert.is_truthy(cut.err:find(path .. ":5", 1, true), cut.err)
    command.write(folder, "profile_export.jsonl", "")
    assert.equal(1, plot(folder).status)
    command.write(folder, "profile_export.jsonl", whole)
    command.write(folder, "run.json", '{"version": "9"}')
    command.refuses(plot(folder), folder .. "/run.json: this is no run.json of a run: model is missing")
  end)

  it("a sweep.json that is none", function()
    local folder = command.folder()
    for text, why in pairs {
      ['{"levels": 3, "axes": []}'] = "levels must be a list",
      ['{"levels": [], "axes": []}'] = "axes is empty",
      ['{"levels": [3], "axes": [{"name": "rate"}]}'] = "levels.1 must be an object",
      ['{"levels": [{"values": {"rate": 3}, "runs": {"a": 1}, "counts": {"due": "3"}}], "axes": [{"name": "rate"}]}'] =
        "levels.1.counts.due must be a number",
    } do
      command.write(folder, "sweep.json", text)
      local message = folder .. "/sweep.json: this is no sweep.json of a sweep: " .. why
      command.refuses(plot(folder), message)
      command.refuses(command.line("report -o /dev/null " .. folder), message)
    end
  end)
end)
