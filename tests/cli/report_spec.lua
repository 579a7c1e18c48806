-- moontide report: what is on the page, that it is one file that asks for nothing, and what is refused. How it looks
-- and behaves in a browser: make check-page.
local command = require "tests.support.command"
local mock = require "tests.support.mock"
local mt = require "moontide"
local results = require "tests.support.results"

teardown(command.remove_folders)

local function report(line, opts) return command.line("report " .. line, opts) end

-- The page of these words: its text, and its data.
local function page(words)
  local path = command.file(nil, "page.html")
  local done = report("-o " .. path .. " " .. words)
  assert.equal(0, done.status, done.err)
  local text = command.read(path)
  local data = assert(text:match '<script type="application/json" id="data">(.-)</script>')
  return text, assert(mt.json.decode(data)), done
end

local function figure(data, name)
  for _, section in ipairs(data.sections) do
    for _, one in ipairs(section.figures) do
      if one.name == name then return one end
    end
  end
end

local function table_of(data, title)
  for _, section in ipairs(data.sections) do
    for _, one in ipairs(section.tables) do
      if one.title == title then return one end
    end
  end
end

local function titles(data)
  local list = {}
  for i, section in ipairs(data.sections) do list[i] = section.title ~= mt.json.null and section.title or "" end
  return list
end

-- Nothing in it names something elsewhere that a browser would load.
local function asks_for_nothing(text)
  local own = text:gsub("<script.-</script>", ""):gsub("<style.-</style>", ""):gsub("<title>[^<]*</title>", "")
  for _, word in ipairs { "src%s*=", "href%s*=", "@import", "url%(" } do
    assert.is_nil(own:find(word), word)
    assert.is_nil(text:match "<style.-</style>":find(word), word)
  end
  assert.equal(3, select(2, text:gsub("<script", "")))
  assert.is_truthy(text:find("default-src 'none'", 1, true))
  assert.is_truthy(text:find("Permission is hereby granted, free of charge", 1, true))
  assert.is_truthy(text:find("Chart.js v3", 1, true))
end

local small = "tests/data/small.jsonl"

describe("the report", function()
  it("of a trace has analyze's figures and lint's findings", function()
    local text, data, done = page(small)
    asks_for_nothing(text)
    assert.is_truthy(done.err:find "page.html: %d+ KB\n$")
    assert.equal("Trace small", data.title)
    assert.same({ "Findings of lint", "Figures", "In numbers" }, titles(data))
    assert.same({ "Nothing contradicts itself." }, data.sections[1].lines)
    for _, name in ipairs { "rate", "tokens", "input_length", "output_length", "hit_curve", "sessions", "reuse_time" } do
      assert.is_truthy(figure(data, name), name)
    end
    local told = mt.analyze(small)
    local lengths = table_of(data, "Tokens of a request, and its hit rate")
    assert.same({ "", "Mean", "Std Dev", "Min", "P25", "Median", "P75", "P90", "P95", "P99", "Max" },
      lengths.head)
    assert.equal(("%.1f"):format(told.metrics.input_length.mean), lengths.rows[1][2])
    local curve = figure(data, "hit_curve").series[1]
    assert.equal(told.distinct_blocks, curve.x[#curve.x])
    assert.is_true(math.abs(curve.y[#curve.y] - told.hit_infinite.block) < 1e-4)
  end)

  it("of a trace that contradicts itself says where", function()
    local broken = command.file('{"timestamp": 5, "input_length": 5, "output_length": 1}\n'
      .. '{"timestamp": 1, "input_length": 5, "output_length": 1}\n')
    local _, data = page(broken)
    assert.equal("decreasing_times", data.sections[1].tables[1].rows[1][1])
    assert.equal("2", data.sections[1].tables[1].rows[1][3])
  end)

  it("of two traces has what compare says", function()
    local other = command.file('{"timestamp": 0, "input_length": 700, "output_length": 3}\n', "other.jsonl")
    local _, data = page(small .. " " .. other)
    local compared = command.line(("compare %s %s"):format(small, other))
    local function plain(whole) return (whole:match "\n\n(.*)$":gsub("%s+", " "):gsub("%s+$", "")) end
    local text
    for _, section in ipairs(data.sections) do
      if section.title == "small beside other" then text = section.text end
    end
    -- The command says its names whole.
    assert.equal(plain((compared.out:gsub(other, "other"))), plain(text))
    assert.equal(2, #figure(data, "input_length").series)
  end)

  it("of a plan has the expectation beside one run", function()
    local _, data = page "steady -- --rate 5 --duration 100s"
    local rate = figure(data, "rate")
    assert.same({ "drawn", "expected" }, { rate.series[1].name, rate.series[2].name })
    assert.is_true(rate.series[2].is_dashed)
    assert.is_nil(table.concat(titles(data), " "):find "lint")
  end)

  it("of a run begins with the verdict", function()
    local folder = results.aiperf(200, function(i) return i % 20 == 3 and { 503, "Overload", "busy" } or nil end)
    local text, data = page(folder)
    asks_for_nothing(text)
    assert.equal("unjudged", data.verdicts[1].name)
    assert.is_truthy(data.lines[1]:find("200 requests due: 190 done, 10 failed", 1, true))
    for _, name in ipairs { "rates", "ttft", "itl", "latency", "in_flight", "errors", "ttft_cdf", "latency_cdf" } do
      assert.is_truthy(figure(data, name), name)
    end
    assert.equal("10", table_of(data, "Failures").rows[1][2])
    local metrics = table_of(data, "Metrics of a request")
    assert.equal("Time to First Token (ms)", metrics.rows[1][1])
    assert.equal("219.00", metrics.rows[1][7])
  end)

  it("of a run that was driven says how to run it again", function()
    local folder = command.folder()
    local server = assert(mt.mock { ttft = 5, itl = 1 })
    local done = command.line(("replay steady --url %s --model m --accept-invalid --output-dir %s -- --rate 50 "
      .. "--duration 1s"):format(server.url, folder .. "/it's"))
    server:close()
    assert.equal(0, done.status, done.err)
    local path = command.file(nil, "x.html")
    local made = command.run { "report", folder .. "/it's", "-o", path }
    assert.equal(0, made.status, made.err)
    local data = mt.json.decode(command.read(path):match 'id="data">(.-)</script>')
    local again = data.sections[#data.sections]
    assert.equal("The command to run it again", again.title)
    assert.is_truthy(again.text:find("replay steady --url " .. server.url .. " --model m", 1, true))
    assert.is_truthy(again.text:find("/it'\\''s'", 1, true))
    assert.is_truthy(data.verdicts[1].name:find "^%l+alid$" or data.verdicts[1].name == "degraded")
    assert.is_truthy(figure(data, "lag"))
  end)

  it("of two runs puts them side by side", function()
    local _, data = page(results.aiperf(50) .. " " .. results.aiperf(100))
    local beside = table_of(data, "Side by side")
    assert.equal("difference", beside.head[4])
    for _, row in ipairs(beside.rows) do
      if row[1] == "Time to First Token p50 (ms)" then
        assert.same({ "44.500", "69.500", "+56.2 %" }, { table.unpack(row, 2) })
      end
    end
    assert.equal(2, #data.verdicts)
    local folder = command.folder()
    for _, name in ipairs { "a", "b", "c" } do
      command.shell(("cp -r '%s' %s"):format(results.aiperf(3), name), { folder = folder })
    end
    _, data = page(("%s/a %s/b %s/c"):format(folder, folder, folder))
    assert.equal("Runs a, b and c", data.title)
  end)

  it("of a run says its window, its phases and what failed, of a merged one its shards", function()
    local server = mock.start { "--ttft", "5", "--itl", "1", "--max-model-len", "60" }
    local folder = command.folder()
    local line = '"$MOONTIDE" replay steady --url http://127.0.0.1:%d --model m --warmup 0 --accept-invalid %s -- '
      .. "--rate 100 --duration 400ms --osl 3 --isl %d"
    local made = command.shell(table.concat({
      line:format(server.port, "--output-dir w --window 100ms..300ms", 20),
      line:format(server.port, "--output-dir s0 --shard 0/1 --phases calm=100ms,storm", 20),
      line:format(server.port, "--output-dir f", 100) .. " || true",
      '"$MOONTIDE" merge s0 -o m',
    }, " && "), { folder = folder })
    mock.stop_all()
    assert.equal(0, made.status, made.err)
    local _, data = page(folder .. "/w")
    local run = mt.json.decode(command.read(folder .. "/w/run.json"))
    assert.equal(("All this is of the window from 0.1 s to 0.3 s. Outside it: %d requests due: %d done."):format(
      run.outside.due, run.outside.done), data.lines[3])
    _, data = page(folder .. "/m")
    run = mt.json.decode(command.read(folder .. "/m/run.json"))
    local phases, parts = table_of(data, "By phase"), table_of(data, "Shards")
    assert.same({ "calm", "0 s to 0.1 s", "storm", "from 0.1 s" },
      { phases.rows[1][1], phases.rows[1][2], phases.rows[2][1], phases.rows[2][2] })
    assert.equal(run.counts.due, tonumber(phases.rows[1][3]) + tonumber(phases.rows[2][3]))
    assert.same({ "Shard 0/1", tostring(run.counts.due) }, { parts.rows[1][1], parts.rows[1][3] })
    _, data = page(folder .. "/f")
    assert.same({ "All of them: status_400." }, figure(data, "errors").notes)
  end)

  it("of a sweep has the curves and the knee", function()
    local _, data = page(results.benchmark(command.folder(), "base"))
    assert.is_truthy(data.sections[1].lines[1]:find("the knee is at concurrency 4", 1, true))
    assert.same({ 2, 6, 8 }, figure(data, "throughput_latency").series[1].x)
    assert.same({ "1", "4", "16" }, figure(data, "efficiency").series[1].labels)
    assert.equal(3, #table_of(data, "base").rows)
  end)

  it("of a sweep.json has its own axis", function()
    local folder = command.folder() .. "/s"
    local function level(rate, status, verdict)
      return ('{"folder": "r%d", "values": {"request_rate": %d}, "status": "%s", "effective_concurrency": 2.5, '
        .. '"metrics": {"request_throughput": {"avg": %d}, "request_latency": {"avg": 10}}, '
        .. '"intervals": {"request_throughput": {"avg": 0.5}}, "runs": [{"verdict": "%s"}]}')
        :format(rate, rate, status, rate, verdict)
    end
    command.write(folder, "sweep.json", ('{"name": "day", "target": "t.jsonl", "urls": ["http://x"], "model": "m", '
      .. '"axes": [{"name": "request_rate", "values": [1, 2]}], "levels": [%s, %s]}'):format(
        level(1, "done", "valid"), level(2, "interrupted", "invalid")))
    local _, data = page(folder)
    assert.equal("Sweep day", data.title)
    local throughput = figure(data, "request_throughput")
    assert.equal("Request Throughput vs Request rate", throughput.title)
    assert.same({ 1, 2 }, throughput.series[1].x)
    assert.same({ "band", { 1.5, 2.5 }, { 0.5, 1.5 }, 0 }, -- of the first series, as the page counts them
      { throughput.series[2].kind, throughput.series[2].y, throughput.series[2].low, throughput.series[2].of })
    assert.same({ "Shaded: the 95 % interval of the mean of the repeated runs." }, throughput.notes)
    local rows = table_of(data, "day").rows
    assert.same({ "valid", "interrupted" }, { rows[1][#rows[1]], rows[2][#rows[2]] })
  end)

  -- A sweep.json of a grid, a level for each pair of values; a level without metrics failed.
  local function grid(folder, axes, levels)
    local texts = {}
    for i, one in ipairs(levels) do
      local metrics = one[3] and ('{"request_throughput": {"avg": %d}, "request_latency": {"avg": %d}}'):format(one[3],
        one[4]) or "{}"
      texts[i] = ('{"values": {"%s": %s, "%s": %s}, "status": "%s", "metrics": %s}'):format(axes[1], one[1], axes[2],
        one[2], one[3] and "done" or "failed", metrics)
    end
    command.write(folder, "sweep.json", ('{"name": "grid", "axes": [{"name": "%s"}, {"name": "%s"}], "levels": [%s]}')
      :format(axes[1], axes[2], table.concat(texts, ", ")))
    return folder
  end

  it("of a grid has a line for each value of the other axis, along the load", function()
    local _, data = page(grid(command.folder() .. "/g", { "isl", "concurrency" }, { { 500, 1, 10, 10 },
      { 500, 2, 20, 11 }, { 500, 4, 30, 30 }, { 900, 1, 8, 12 }, { 900, 2, 15, 13 }, { 900, 4, 40, 14 }, { 2000, 1 },
      { 2000, 2 } }))
    local throughput = figure(data, "request_throughput")
    assert.equal("Request Throughput vs Concurrency", throughput.title)
    assert.same({ { "isl 500", { 1, 2, 4 }, { 10, 20, 30 } }, { "isl 900", { 1, 2, 4 }, { 8, 15, 40 } } },
      { { throughput.series[1].name, throughput.series[1].x, throughput.series[1].y },
        { throughput.series[2].name, throughput.series[2].x, throughput.series[2].y } })
    assert.same({ "isl 2000 says nothing of it at concurrency 1, 2." }, throughput.notes)
    local latency = figure(data, "throughput_latency")
    assert.same({ { "1", "2", "4" }, { "1", "2", "4" } }, { latency.series[1].labels, latency.series[2].labels })
    assert.is_truthy(data.sections[1].lines[1]:find("^isl 500: the knee is at concurrency 2,"))
    assert.is_truthy(data.sections[1].lines[2]:find("^isl 900: the knee is at concurrency 4,"))
    local levels = table_of(data, "grid")
    assert.same({ "isl", "concurrency", "req/s" }, { levels.head[1], levels.head[2], levels.head[3] })
    assert.same({ "900", "4", "40.00" }, { levels.rows[6][1], levels.rows[6][2], levels.rows[6][3] })
  end)

  it("of sweeps that vary other things draws what has a place on the axis, and says so", function()
    local one = grid(command.folder() .. "/one", { "isl", "concurrency" }, { { 500, 1, 10, 10 }, { 500, 2, 20, 11 } })
    local other = grid(command.folder() .. "/other", { "isl", "request_rate" }, { { 500, 7, 9, 10 } })
    local _, data = page(one .. " " .. other)
    local throughput = figure(data, "request_throughput")
    assert.same({ 1, { 1, 2 } }, { #throughput.series, throughput.series[1].x })
    assert.same({ "grid, isl 500 varies its request rate, and is not drawn here." }, throughput.notes)
    assert.equal(2, #figure(data, "throughput_latency").series)
  end)

  it("of what varies by texts has them in their order, with their names", function()
    local _, data = page(grid(command.folder() .. "/g", { "policy", "mode" }, { { '"b"', '"x"', 1, 1 },
      { '"a"', '"x"', 2, 1 }, { '"b"', '"y"', 3, 1 }, { '"a"', '"y"', 4, 1 } }))
    local throughput = figure(data, "request_throughput")
    assert.equal("linear", throughput.x.scale)
    assert.same({ { "mode x", { 1, 2 }, { "b", "a" } }, { "mode y", { 1, 2 }, { "b", "a" } } },
      { { throughput.series[1].name, throughput.series[1].x, throughput.series[1].labels },
        { throughput.series[2].name, throughput.series[2].x, throughput.series[2].labels } })
    assert.same({ "The values of policy are texts: they stand in their order." }, throughput.notes)
    -- Of several sweeps a value stands in one place, whichever comes first in each.
    local first = grid(command.folder() .. "/1", { "policy", "mode" }, { { '"b"', '"x"', 1, 1 }, { '"a"', '"x"', 2, 1 } })
    local second = grid(command.folder() .. "/2", { "policy", "mode" }, { { '"a"', '"x"', 4, 1 }, { '"b"', '"x"', 3, 1 } })
    _, data = page(first .. " " .. second)
    throughput = figure(data, "request_throughput")
    for i, y in ipairs { { 1, 2 }, { 3, 4 } } do
      local series = throughput.series[i]
      assert.same({ { 1, 2 }, y, { "b", "a" } }, { series.x, series.y, series.labels })
    end
  end)

  it("of a search for the most has the levels that it tried, wherever its folder is now", function()
    local folder = command.folder() .. "/s"
    local function probe(number, level, verdict)
      if number > 0 then
        command.write(folder, ("probe%03d/profile_export_aiperf.json"):format(number),
          ('{"request_throughput": {"unit": "requests/sec", "avg": %d}}'):format(level))
      end
      return ('{"level": %d, "verdict": "%s", "folder": "elsewhere/probe%03d", "counts": {"due": 9, "done": 8}}'):format(
        level, verdict, number)
    end
    local function write(max, probes)
      command.write(folder, "find-max.json", ('{"unit": "requests/s", "max": %s, "probes": [%s]}'):format(max,
        table.concat(probes, ", ")))
    end
    write("8", { probe(1, 8, "valid"), probe(2, 16, "invalid"), probe(3, 16, "degraded"), probe(4, 4, "valid") })
    for _, path in ipairs { folder, folder .. "/find-max.json" } do
      local _, data = page(path)
      assert.equal("Sweep s: the most is 8 requests/s", data.title)
      assert.same({ 4, 8, 16 }, figure(data, "request_throughput").series[1].x)
      assert.same({ 4, 8, 16 }, figure(data, "request_throughput").series[1].y)
    end
    write("null", { probe(1, 8, "valid") })
    local _, data = page(folder)
    assert.equal("Sweep s: the most was not found", data.title)
    for text, message in pairs {
      ['{"unit": "requests/s", "max": null, "probes": []}'] = "there is no probe in it",
      ['{"unit": 3, "probes": []}'] = "this is no find-max.json of a search: ",
      ['{"unit": "x", "probes": [{"level": "high"}]}'] = "this is no find-max.json of a search: ",
      ["{"] = "find-max.json:1:2: ",
    } do
      command.write(folder, "find-max.json", text)
      local result = command.run { "report", folder, "-o", folder .. "/r.html" }
      assert.equal(1, result.status)
      assert.truthy(result.err:find(message, 1, true), result.err)
    end
  end)

  it("is never taken over by what it shows", function()
    local markup = "</script><script>alert(1)</script><!--"
    local folder = command.folder()
    local name = "<img src=x onerror=alert(2)>\255.jsonl"
    local trace = command.write(folder, name, ('{"timestamp": 0, "input_length": 5, "stream": "%s"}\n'
      .. '{"timestamp": 9, "input_length": 5, "stream": "b"}\n'):format(markup))
    local path = folder .. "/page.html"
    local done = command.run { "report", trace, "-o", path }
    assert.equal(0, done.status, done.err)
    local text = command.read(path)
    asks_for_nothing(text)
    assert.is_nil(text:find("<script>alert", 1, true))
    assert.is_nil(text:find("<img", 1, true))
    assert.is_truthy(utf8.len(text))
    local data = mt.json.decode(text:match 'id="data">(.-)</script>')
    assert.equal(markup, figure(data, "rate").series[2].name)
    -- A server that answers HTML.
    local run = results.aiperf(20, function(i) return i == 3 and { 502, markup:gsub("/", "\\/"), "<html>" } or nil end)
    text, data = page(run)
    assert.is_nil(text:find("<script>alert", 1, true))
    assert.equal("<html>", table_of(data, "Failures").rows[1][3])
  end)

  it("is below 1.5 MB for a million requests, and says that points were left out", function()
    local trace = command.file(nil, "million.jsonl")
    local made = command.line("steady --rate 1000 --num-requests 1M --duration 1h --compact -o " .. trace)
    assert.equal(0, made.status, made.err)
    local text, data = page(trace)
    assert.is_true(#text < 1500000, #text)
    assert.is_truthy(data.lines[1]:find("1,000,000 requests", 1, true))
    os.remove(trace)
    local run
    text, run = page(results.aiperf(20000))
    assert.is_true(#text < 1500000, #text)
    local flight = figure(run, "in_flight")
    assert.is_true(#flight.series[1].x <= 1600)
    assert.is_truthy(flight.notes[1]:find "^Of [%d,]+ points in a series those are drawn that are the first, last")
  end)

  it("goes to standard output", function()
    local done = report("-o - " .. small)
    assert.equal(0, done.status)
    assert.is_truthy(done.out:find "^<!DOCTYPE html>.*</html>\n$")
  end)

  it("refuses what cannot be read or written, and leaves the old page", function()
    local old = command.file("old", "page.html")
    command.refuses(report("/nowhere -o " .. old), "/nowhere: cannot open: No such file or directory")
    local empty = command.file("", "empty.jsonl")
    command.refuses(report(empty .. " -o " .. old), empty .. ": no requests")
    assert.equal("old", command.read(old))
    command.refuses(report(small .. " -o /nowhere/x.html"),
      "/nowhere/x.html: cannot write in the folder '/nowhere/': No such file or directory")
    local trace = command.file(command.read(small), "t.jsonl")
    command.refuses(report(("%s -o %s"):format(trace, trace)),
      ("the page would replace %s: say where else it goes with --output-file"):format(trace), 2)
    assert.equal(command.read(small), command.read(trace))
    command.refuses(report "", "report: FILE (--files) is required", 2)
    local run = results.aiperf(3)
    command.write(run, "profile_export_aiperf.json", '{"moontide_version": "0.1.0"}')
    command.refuses(report(run .. " -o " .. old), run
      .. ": run.json is not there: the run has not ended, or the folder was cut half-way")
  end)
end)
