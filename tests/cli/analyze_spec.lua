local command = require "tests.support.command"

local conversation, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"

local folder

local function analyze(words, opts)
  return command.run({ "analyze", table.unpack(words) }, opts)
end

local function file(name, text)
  return command.write(folder, name, text)
end

-- Runs analyze on the words, which must fail with one line on standard error.
local function refused(message, words, exit_status)
  command.refuses(analyze(words), message, exit_status)
end

-- A good line, then the given one as the second of the file: the message without the file's name.
local good = '{"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]}\n'

local function refused_line(message, line)
  local path = file("bad.jsonl", good .. line .. "\n" .. good)
  refused(path .. ":2" .. message, { path })
end

local small = [[
{"timestamp": 0, "input_length": 1000, "output_length": 10, "hash_ids": [0, 1]}
{"timestamp": 1500, "input_length": 1500, "output_length": 20, "hash_ids": [0, 1, 2]}

{"timestamp": 2000, "input_length": 600, "output_length": 30, "hash_ids": [3, 4]}
{"timestamp": 3250, "input_length": 1024, "output_length": 40, "hash_ids": [0, 1]}
]]

-- Charts are drawn for the terminal there is: here for none.
local plain = "LC_ALL=C COLUMNS=80"

local small_table = [[
4 requests, 9 blocks

                           Mean  Std Dev     Min     P25    Median       P75       P90       P95       P99       Max
Input Length           1,031.00   318.88  600.00  900.00  1,012.00  1,143.00  1,357.20  1,428.60  1,485.72  1,500.00
Context Length           762.00   440.05    0.00  750.00  1,012.00  1,024.00  1,024.00  1,024.00  1,024.00  1,024.00
Unique Prompt Length     269.00   272.55    0.00    0.00    238.00    507.00    562.80    581.40    596.28    600.00
Output Length             25.00    11.18   10.00   17.50     25.00     32.50     37.00     38.50     39.70     40.00
Theoretical Hit Rates      0.42     0.43    0.00    0.00      0.33      0.75      0.90      0.95      0.99      1.00
]]

-- Blocks 0 and 1 come back after 0, 1 and after 0, 1, 2, 3, 4; the second request goes on from the first,
-- the fourth is shorter than the second.
local small_rest = [[

LRU Cache, Blocks  Hit Ratio by Request  by Block  by Token
1                                 0.000     0.000     0.000
2                                 0.167     0.222     0.248
4                                 0.167     0.222     0.248
5                                 0.417     0.444     0.497
infinite                          0.417     0.444     0.497

5 distinct blocks; 5 blocks of cache (2,560 tokens) reach 90 % of the attainable hits
Infinite cache by block: 0.222 within a session, 0.222 across sessions

Hit ratio by block of an LRU cache, by its size
     0.6 +
         |
     0.4 +                                                                *****
         |                                                                *
         |                 ***********************************************
     0.2 +                 *
         |                 *
     0.0 +*****************
         ++----------------------------+-----------------+-----------+--------+
         1                            2                 3           4        5
                                                                        blocks

Shared Prefix  Requests    Share  Blocks  Tokens
1                     3  75.00 %       2   1,024

3 sessions (inferred: requests that go on where an earlier one ended), 2 of one turn
Where a prompt falls back a little, as a compacted one, another session begins; a model of 'learn' goes on with it.
                    Mean    Min    P10    P25  Median    P75    P90    P95    P99    Max
Reuse Time (s)     1.625  1.500  1.500  1.500   1.625  1.750  1.750  1.750  1.750  1.750
Turns per Session   1.33   1.00   1.00   1.00    1.00   1.50   1.80   1.90   1.98   2.00
Think Time (s)     1.500  1.500  1.500  1.500   1.500  1.500  1.500  1.500  1.500  1.500

Over time, infinite cache
From  Requests  per Second  Blocks  Hit Ratio by Block  Distinct Blocks
0s           1        1.00       2               0.000                2
1s           1        1.00       3               0.667                3
2s           1        1.00       2               0.000                2
3s           1         N/A       2               1.000                2

Requests per Second  Mean  Peak    CV  Variance/Mean
in windows of 1 s    1.00  1.00  0.00           0.00
in windows of 10 s    N/A   N/A   N/A            N/A
in windows of 60 s    N/A   N/A   N/A            N/A
in windows of 300 s   N/A   N/A   N/A            N/A
]]

-- The members of its JSON after the metrics.
local small_json = [[
"distinct_blocks": 5,
 "hit_infinite": {"request": 0.41666666666666663, "block": 0.4444444444444444, "token": 0.49660523763336567},
 "hit_sessions": {"within": 0.2222222222222222, "across": 0.2222222222222222},
 "lru": {"1": 0, "2": 0.2222222222222222, "4": 0.2222222222222222, "5": 0.4444444444444444},
 "hits": {"lru": {"1": {"block": 0, "request": 0, "token": 0, "within": 0, "across": 0},
 "2": {"block": 0.2222222222222222, "request": 0.16666666666666666, "token": 0.24830261881668284,
 "within": 0.2222222222222222, "across": 0},
 "4": {"block": 0.2222222222222222, "request": 0.16666666666666666, "token": 0.24830261881668284,
 "within": 0.2222222222222222, "across": 0},
 "5": {"block": 0.4444444444444444, "request": 0.41666666666666663, "token": 0.49660523763336567,
 "within": 0.2222222222222222, "across": 0.2222222222222222}}},
 "blocks_for_90_percent": 5,
 "reuse_time": {"mean": 1.625, "min": 1.5, "p10": 1.5, "p25": 1.5, "median": 1.625,
 "p75": 1.75, "p90": 1.75, "p95": 1.75, "p99": 1.75, "max": 1.75},
 "prefixes": [{"requests": 3, "share": 0.75, "blocks": 2, "tokens": 1024}],
 "sessions": {"count": 3, "given": 0, "single": 2,
 "turns": {"mean": 1.3333333333333333, "min": 1, "p10": 1, "p25": 1, "median": 1, "p75": 1.5,
 "p90": 1.8, "p95": 1.9, "p99": 1.98, "max": 2},
 "think_time": {"mean": 1.5, "min": 1.5, "p10": 1.5, "p25": 1.5, "median": 1.5, "p75": 1.5,
 "p90": 1.5, "p95": 1.5, "p99": 1.5, "max": 1.5}},
 "over_time": [{"start": 0, "requests": 1, "rate": 1, "blocks": 2, "hit_ratio": 0, "distinct_blocks": 2},
 {"start": 1, "requests": 1, "rate": 1, "blocks": 3, "hit_ratio": 0.6666666666666666,
 "distinct_blocks": 3},
 {"start": 2, "requests": 1, "rate": 1, "blocks": 2, "hit_ratio": 0, "distinct_blocks": 2},
 {"start": 3, "requests": 1, "rate": null, "blocks": 2, "hit_ratio": 1, "distinct_blocks": 2}],
 "arrivals": {"1": {"windows": 3, "requests": 3, "mean": 1, "peak": 1, "coefficient_of_variation": 0},
 "10": {"windows": 0, "requests": 0, "mean": null, "peak": null, "coefficient_of_variation": null},
 "60": {"windows": 0, "requests": 0, "mean": null, "peak": null, "coefficient_of_variation": null},
 "300": {"windows": 0, "requests": 0, "mean": null, "peak": null, "coefficient_of_variation": null}},
 "dispersion": {"1": 0, "10": null, "60": null, "300": null},
 "clock": null}
]]

describe("moontide analyze", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("prints the table", function()
    local path = file("small.jsonl", small)
    local expected = { status = 0, err = "", out = path .. ": " .. small_table .. small_rest }
    assert.same(expected, analyze({ path }, { environment = plain }))
    assert.same(expected, analyze({ "--input-file", path, "--block-size=512" }, { environment = plain }))
    expected.out = "standard input: " .. small_table .. small_rest
    assert.same(expected, analyze({ "-" }, { input = small, environment = plain }))
  end)

  it("prints JSON", function()
    local result = analyze { file("small.jsonl", small), "--json" }
    assert.equal(0, result.status)
    assert.equal((small_json:gsub(",\n ?", ", ")), result.out:match '("distinct_blocks".*)$')
    assert.matches('^{"requests": 4, "blocks": 9, "metrics": {"input_length": {"mean": 1031, ', result.out)
  end)

  it("reads mooncake_trace.jsonl of the current folder when no trace is named", function()
    refused("mooncake_trace.jsonl: cannot open: No such file or directory (nothing was named: this is what is "
      .. "looked for then)", {})
    file("mooncake_trace.jsonl", small)
    local result = analyze({}, { folder = folder, environment = plain })
    assert.same({ status = 0, err = "", out = "mooncake_trace.jsonl: " .. small_table .. small_rest }, result)
  end)

  it("takes lines of other block sizes with --block-size, or finds the size", function()
    local path = file("small.jsonl", '{"input_length": 33, "output_length": 1, "hash_ids": [7, 8, 9]}\n')
    refused(path .. ":1: hash_ids has 3 ids, but input_length 33 makes 1 block of 512 tokens;"
      .. " it fits a block size of 16", { path, "--block-size", "512" })
    local found = analyze { path }
    assert.equal(("moontide: %s: hash_ids fit blocks of 16 tokens (--block-size says otherwise)\n"):format(path), found.err)
    assert.equal(analyze({ path, "--block-size", "16" }).out, found.out)
    local result = analyze { path, "--block-size", "16" }
    assert.equal(0, result.status)
    assert.matches("Unique Prompt Length   33.00 ", result.out)
    assert.matches(": 1 request, 3 blocks\n", result.out)
  end)

  it("prints the known answers of the conversation trace with --json, and goes on after them", function()
    if missing then return pending(missing) end
    local result = analyze { conversation, "--json" }
    assert.equal("", result.err)
    local metrics = ([[
{"requests": 12031, "blocks": 288500, "metrics": {
"input_length": {"mean": 12035.061341534369, "std": 15800.344851301792, "min": 891, "p25": 2306.5,
 "median": 6909, "p75": 15367,
 "p90": 27367, "p95": 39550.5, "p99": 85400.4, "max": 126195},
"context_length": {"mean": 6373.585487490649, "std": 12024.627428204118, "min": 512, "p25": 512,
 "median": 1536, "p75": 7168,
 "p90": 17408, "p95": 26624, "p99": 65382.40000000037, "max": 122880},
"unique_prompt_length": {"mean": 5661.475854043721, "std": 12353.496775322432, "min": 0, "p25": 350,
 "median": 594, "p75": 6071.5,
 "p90": 15558, "p95": 24795.5, "p99": 66504, "max": 125683},
"output_length": {"mean": 342.6189011719724, "std": 249.90803456204557, "min": 1, "p25": 156.5,
 "median": 350, "p75": 472,
 "p90": 597, "p95": 698, "p99": 1118.5000000000036, "max": 2000},
"theoretical_hit_rate": {"mean": 0.38425808746366197, "std": 0.33651244604875785, "min": 0,
 "p25": 0.06666666666666667, "median": 0.3333333333333333, "p75": 0.6666666666666666,
 "p90": 0.9285714285714286, "p95": 0.9642857142857143, "p99": 0.9948660714285715, "max": 1}},
]]):gsub(",\n ?", ", "):gsub("{\n", "{")
    metrics = metrics .. '"distinct_blocks": 182790, "hit_infinite": {'
    assert.equal(metrics, result.out:sub(1, #metrics))
    assert.matches('"clock": {"period": 3, "offset": 0, "instants": 1180}}\n$', result.out)
  end)

  it("prints the conversation trace's table", function()
    if missing then return pending(missing) end
    local result = analyze { conversation }
    assert.equal("", result.err)
    local expected = conversation .. [[
: 12031 requests, 288500 blocks

                            Mean    Std Dev     Min       P25    Median        P75        P90        P95        P99         Max
Input Length           12,035.06  15,800.34  891.00  2,306.50  6,909.00  15,367.00  27,367.00  39,550.50  85,400.40  126,195.00
Context Length          6,373.59  12,024.63  512.00    512.00  1,536.00   7,168.00  17,408.00  26,624.00  65,382.40  122,880.00
Unique Prompt Length    5,661.48  12,353.50    0.00    350.00    594.00   6,071.50  15,558.00  24,795.50  66,504.00  125,683.00
Output Length             342.62     249.91    1.00    156.50    350.00     472.00     597.00     698.00   1,118.50    2,000.00
Theoretical Hit Rates       0.38       0.34    0.00      0.07      0.33       0.67       0.93       0.96       0.99        1.00

LRU Cache, Blocks  Hit Ratio by Request  by Block  by Token
]]
    assert.equal(expected, result.out:sub(1, #expected))
    for _, line in ipairs {
      "10,000                            0.275     0.211     0.215",
      "182,790                           0.384     0.366     0.374",
      "infinite                          0.384     0.366     0.374",
      "182,790 distinct blocks; 31,589 blocks of cache (16,173,568 tokens) reach 90 % of the attainable hits",
      "1                12,031  100.00 %       1     512",
      "The timestamps lie on a grid of 3 s (1,180 instants): replayed as they are, they make bursts that never were.",
    } do
      assert.truthy(result.out:find("\n" .. line .. "\n", 1, true), line)
    end
  end)

  it("gives the hit ratios at the sizes that are asked for", function()
    local path = file("small.jsonl", small)
    local result = analyze({ path, "--cache-sizes", "1k,4,4,2" }, { environment = plain })
    assert.equal(0, result.status)
    assert.truthy(result.out:find([[

LRU Cache, Blocks  Hit Ratio by Request  by Block  by Token
2                                 0.167     0.222     0.248
4                                 0.167     0.222     0.248
1,000                             0.417     0.444     0.497
infinite ]], 1, true))
    assert.matches('"lru": {"5": 0.4444444444444444}, ', analyze({ path, "--cache-sizes=5", "--json" }).out)
    refused("analyze: --cache-sizes must be at least 1, not 0", { path, "--cache-sizes", "5,0" }, 2)
    refused("analyze: --cache-sizes must be a whole number, not '1.5'", { path, "--cache-sizes", "1.5" }, 2)
    refused("analyze: --cache-sizes must be blocks (1000, 20k), tokens (2Mtokens) or bytes (80GB), not ''",
      { path, "--cache-sizes", "" }, 2)
  end)

  it("says N/A of what a trace has no members for", function()
    local nothing = analyze { file("t.jsonl", '{"input_length": 10, "output_length": 2}\n') }
    assert.equal(0, nothing.status)
    assert.matches("\nHit ratio of an LRU cache: N/A, no request has hash_ids\n", nothing.out)
    assert.matches("\nSessions: N/A, no request has hash_ids or a session_id\n", nothing.out)
    assert.matches("\nRequests per Second: N/A, no request has a timestamp\n$", nothing.out)

    local no_times = analyze { file("t.jsonl", (small:gsub('"timestamp": %d+, ', ""))) }
    assert.equal(0, no_times.status)
    assert.matches("\nReuse Time %(s%) +N/A ", no_times.out)
    assert.matches("\nThink Time %(s%) +N/A ", no_times.out)
    assert.matches("\n2 +0%.167 +0%.222 +0%.248\n", no_times.out)
    assert.is_nil(no_times.out:find("Over time", 1, true))
    local json = analyze({ file("t.jsonl", (small:gsub('"timestamp": %d+, ', ""))), "--json" }).out
    assert.matches('"reuse_time": null, ', json)
    assert.matches('"over_time": null, "arrivals": null, "dispersion": null, "clock": null}\n$', json)
  end)

  it("says that times go back, and what puts them in order", function()
    local result = analyze { file("t.jsonl", (small:gsub('"timestamp": 2000', '"timestamp": 1'))) }
    assert.equal(0, result.status)
    assert.matches("\nReuse Time %(s%) +N/A ", result.out)
    assert.matches("\nReuse Time: N/A, the timestamps of 1 request go back %('moontide cat %-%-sort'", result.out)
    assert.matches("\n0s +2 +2.00 +4 +0.000 +N/A\n", result.out)
  end)

  it("takes traces with nothing to tell apart", function()
    local line = '{"timestamp": 5, "input_length": 512, "output_length": 1, "hash_ids": [0]}\n'
    for requests, hits in pairs { [1] = "0.000", [50] = "0.980" } do
      local result = analyze { file("t.jsonl", line:rep(requests)) }
      assert.equal(0, result.status)
      assert.matches("\ninfinite +" .. hits .. " +" .. hits .. " +" .. hits .. "\n", result.out)
      assert.matches("\nin windows of 300 s +N/A +N/A +N/A +N/A", result.out)
    end
    local unlike = {}
    for i = 1, 60 do
      unlike[i] = ('{"timestamp": %d, "input_length": 512, "output_length": 1, "hash_ids": [%d]}\n'):format(i * i, 7 * i)
    end
    local result = analyze { file("t.jsonl", table.concat(unlike)) }
    assert.equal(0, result.status)
    assert.matches("\n60 distinct blocks\nInfinite cache by block: 0.000 within a session, 0.000 across sessions\n", result.out)
    assert.matches("\nShared Prefixes: none\n", result.out)
    assert.matches('"blocks_for_90_percent": null, "reuse_time": null, "prefixes": %[%], ',
      analyze({ file("t.jsonl", table.concat(unlike)), "--json" }).out)
  end)

  it("counts lines without hash_ids in lengths only", function()
    local path = file("t.jsonl", '{"input_length": 10, "output_length": 2}\n'
      .. '{"input_length": 20, "output_length": 4, "hash_ids": []}\n')
    local result = analyze { path }
    assert.equal(0, result.status)
    assert.matches("\nInput Length           15.00 ", result.out)
    assert.matches("\nContext Length           N/A ", result.out)
    assert.equal(0, analyze({ path, "--json" }).status)
  end)

  it("reports files that are no traces", function()
    refused(folder .. "/none: cannot open: No such file or directory", { folder .. "/none" })
    refused(folder .. ": is a directory, not a file", { folder })
    local whole = file("whole", good)
    refused(whole .. ": no request has modl (--by)", { whole, "--by", "modl" })
    refused(file("empty", "") .. ": no requests", { folder .. "/empty" })
    refused(file("blank", "\n \n") .. ": no requests", { folder .. "/blank" })
    local cut = file("cut", good .. good:sub(1, 40))
    refused(cut .. ":2:39: the line ends inside the string '\"o'"
      .. " (the file ends without a newline here: it seems to be cut)", { cut })
  end)

  it("reports lines that are no requests", function()
    refused_line(":19: expected a value, found 'x}'", '{"input_length":  x}')
    refused_line(": input_length is missing, and the analysis needs it", '{"output_length": 1, "hash_ids": [0]}')
    refused_line(": output_length is missing, and the analysis needs it; --caches-only does not",
      '{"input_length": 1, "hash_ids": [0]}')
    refused_line(": input_length is missing, and the analysis needs it", '{"text_input": "Hi"}')
    for _, case in ipairs {
      { "input_length", '{"input_length": -5, "output_length": 1}' },
      { "input_length", '{"input_length": 5.5, "output_length": 1}' },
      { "input_length", '{"input_length": "5", "output_length": 1}' },
      { "output_length", '{"input_length": 5, "output_length": -1}' },
      { "hash_ids", '{"input_length": 5, "output_length": 1, "hash_ids": [-1]}' },
      { "hash_ids", '{"input_length": 5, "output_length": 1, "hash_ids": [1.5]}' },
      { "hash_ids", '{"input_length": 5, "output_length": 1, "hash_ids": ["a"]}' },
      { "hash_ids", '{"input_length": 5, "output_length": 1, "hash_ids": 3}' },
    } do
      local path = file("bad.jsonl", good .. case[2] .. "\n")
      local result = analyze { path }
      assert.equal(1, result.status)
      assert.equal("", result.out)
      assert.matches("^moontide: " .. path:gsub("%p", "%%%0") .. ":2:%d+: [^\n]*" .. case[1] .. "[^\n]*\n$", result.err)
    end
  end)

  it("reports too many and too few ids", function()
    refused_line(": hash_ids has 3 ids, but input_length 600 makes 2 blocks of 512 tokens; it fits a block size of 256",
      '{"input_length": 600, "output_length": 1, "hash_ids": [0, 1, 2]}')
    refused_line(": hash_ids has 1 id, but input_length 600 makes 2 blocks of 512 tokens; it fits a block size of 1024",
      '{"input_length": 600, "output_length": 1, "hash_ids": [0]}')
    refused_line(": hash_ids has 7 ids, but input_length 3 makes 1 block of 512 tokens",
      '{"input_length": 3, "output_length": 1, "hash_ids": [0, 1, 2, 3, 4, 5, 6]}')
  end)

  it("passes over bad lines when told to, and says so", function()
    local path = file("bad.jsonl", small .. '{"input_length": 1}\n' .. "nonsense\n")
    local result = analyze { path, "--skip-bad-lines" }
    assert.equal(0, result.status)
    assert.equal(path .. ": " .. small_table, result.out:sub(1, #path + 2 + #small_table))
    assert.equal(("moontide: skipped 2 bad lines; the first: %s:6: output_length is missing, "
      .. "and the analysis needs it\n"):format(path), result.err)

    local json = analyze { file("bad.jsonl", "nonsense\n" .. '{"input_length": 1}\n' .. small), "--skip", "--json" }
    assert.equal(0, json.status)
    assert.matches('^{"requests": 4, "blocks": 9, [^\n]*}\n$', json.out)
    assert.matches("skipped 2 bad lines; the first: [^\n]*bad.jsonl:1:1: ", json.err)

    refused(file("none.jsonl", "nonsense\n") .. ": no requests", { folder .. "/none.jsonl", "--skip-bad-lines" })
  end)

  it("refuses wrong options", function()
    refused("analyze: --block-size must be at least 1, not 0", { "x", "--block-size", "0" }, 2)
    refused("analyze: --block-size must be a whole number, not 'many'", { "x", "--block-size", "many" }, 2)
    refused("analyze: unknown option '--blocksize' (did you mean '--block-size'?)", { "x", "--blocksize", "1" }, 2)
    assert.equal(2, analyze({ "x", "y" }).status)
    assert.equal(2, analyze({ "x", "--json=yes" }).status)
  end)

  it("fails when its result cannot be written", function()
    local path = file("small.jsonl", small)
    for _, words in ipairs { "", "--json" } do
      local result = command.shell(("$MOONTIDE analyze '%s' %s >/dev/full"):format(path, words))
      assert.equal(1, result.status)
      assert.matches("^moontide: standard output: [^\n]*\n$", result.err)
    end
  end)

  it("has help", function()
    local result = analyze { "--help" }
    assert.equal(0, result.status)
    for _, word in ipairs { "--input-file", "--block-size", "--json", "--skip-bad-lines", "--cache-sizes",
      "mooncake_trace.jsonl" } do
      assert.truthy(result.out:find(word, 1, true))
    end
  end)
end)
