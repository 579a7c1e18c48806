local command = require "tests.support.command"

local conversation, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"

local first = [[
{"timestamp": 0, "input_length": 1000, "output_length": 10, "hash_ids": [0, 1]}
{"timestamp": 500, "input_length": 1500, "output_length": 20, "hash_ids": [0, 1, 2]}
{"timestamp": 2500, "input_length": 600, "output_length": 30, "hash_ids": [3, 4]}
{"timestamp": 4000, "input_length": 1024, "output_length": 40, "hash_ids": [0, 1]}
]]

local second = first:gsub("1000", "900", 1):gsub("500,", "1500,", 1):gsub("%[0, 1%]}\n$", "[0, 5]}\n")

local bare = second:gsub('"timestamp": %d+, ', ""):gsub(', "output_length": %d+, "hash_ids": [^}]*', "")

local expected = [[
A: a.jsonl
B: b.jsonl

                                       A         B  Difference      KS
Requests                               4         4       0.0 %
Blocks                                 9         9       0.0 %
Distinct Blocks                        5         6     +20.0 %
Input Length                                                    0.2500
  mean                          1,031.00  1,006.00      -2.4 %
  std dev                         318.88    324.20      +1.7 %
  P25                             900.00    825.00      -8.3 %
  median                        1,012.00    962.00      -4.9 %
  P75                           1,143.00  1,143.00       0.0 %
  max                           1,500.00  1,500.00       0.0 %
Output Length                                                   0.0000
  mean                             25.00     25.00       0.0 %
  std dev                          11.18     11.18       0.0 %
  P25                              17.50     17.50       0.0 %
  median                           25.00     25.00       0.0 %
  P75                              32.50     32.50       0.0 %
  max                              40.00     40.00       0.0 %
Context Length                                                  0.5000
  mean                            762.00    609.00     -20.1 %
  std dev                         440.05    399.12      -9.3 %
  P25                             750.00    384.00     -48.8 %
  median                        1,012.00    706.00     -30.2 %
  P75                           1,024.00    931.00      -9.1 %
  max                           1,024.00  1,024.00       0.0 %
Unique Prompt Length
  mean                            269.00    397.00     +47.6 %
  std dev                         272.55    233.60     -14.3 %
  P25                               0.00    357.00         N/A
  median                          238.00    494.00    +107.6 %
  P75                             507.00    534.00      +5.3 %
  max                             600.00    600.00       0.0 %
Hit Ratio by Block
  LRU, 1 block                    0.0000    0.0000      0.0000
  LRU, 2 blocks                   0.2222    0.2222      0.0000
  LRU, 4 blocks                   0.2222    0.2222      0.0000
  LRU, 5 blocks                   0.4444    0.3333     -0.1111
  LRU, 6 blocks                   0.4444    0.3333     -0.1111
  fifo, 1 block                   0.0000    0.0000      0.0000
  fifo, 2 blocks                  0.2222    0.2222      0.0000
  fifo, 4 blocks                  0.2222    0.2222      0.0000
  fifo, 5 blocks                  0.4444    0.3333     -0.1111
  fifo, 6 blocks                  0.4444    0.3333     -0.1111
  used at most 1 s ago            0.2222    0.0000     -0.2222
  used at most 5 s ago            0.4444    0.3333     -0.1111
  used at most 30 s ago           0.4444    0.3333     -0.1111
  used at most 300 s ago          0.4444    0.3333     -0.1111
  infinite cache                  0.4444    0.3333     -0.1111
    by request                    0.4167    0.2917     -0.1250
    by token                      0.4966    0.3817     -0.1149
Blocks for 90 % of the Hits            5         5       0.0 %
Reuse Time (s)
  mean                              2.00      1.83      -8.3 %
  median                            2.00      1.50     -25.0 %
  P90                               3.50      2.30     -34.3 %
  max                               3.50      2.50     -28.6 %
First Blocks                           2         2       0.0 %
  share of the commonest          0.7500    0.7500      0.0000
Sessions                               3         3       0.0 %
Turns per Session                                               0.0000
  mean                              1.33      1.33       0.0 %
  median                            1.00      1.00       0.0 %
  P90                               1.80      1.80       0.0 %
  max                               2.00      2.00       0.0 %
Think Time (s)                                                  1.0000
  mean                              0.50      1.50    +200.0 %
  median                            0.50      1.50    +200.0 %
  P90                               0.50      1.50    +200.0 %
  max                               0.50      1.50    +200.0 %
Turns Before Their Answer         0.0000    0.0000      0.0000
Requests per Second
  mean                              0.75      0.75       0.0 %
  peak                              2.00      1.00     -50.0 %
  CV                                1.28      0.67     -47.8 %
Variance over Mean of Requests
  in windows of 1 s                 1.22      0.33     -72.7 %

An answer ends 1 ms a token after its request, no sooner.

Chance is not known: a.jsonl has too few sessions to be halved.
]]

local folder

-- Runs compare in the folder, where a.jsonl and b.jsonl are.
local seed_note = "moontide: chance: halves of the first trace, drawn with seed 0\n"

-- The result, without the note of the seed of the halves; with_seed: it must be there.
local function compare(words, opts, with_seed)
  opts = opts or {}
  opts.folder = folder
  local result = command.run({ "compare", table.unpack(words) }, opts)
  local from, to = result.err:find(seed_note, 1, true)
  if from then result.err = result.err:sub(1, from - 1) .. result.err:sub(to + 1) end
  if with_seed ~= nil then assert.equal(with_seed, from ~= nil) end
  return result
end

local function refused(message, words, exit_status)
  command.refuses(compare(words), message, exit_status)
end

describe("moontide compare", function()
  before_each(function()
    folder = command.folder()
    command.write(folder, "a.jsonl", first)
    command.write(folder, "b.jsonl", second)
    command.write(folder, "bare.jsonl", bare)
  end)
  after_each(command.remove_folders)

  it("prints both side by side", function()
    assert.same({ status = 0, err = "", out = expected }, compare { "a.jsonl", "b.jsonl" })
    assert.same({ status = 0, err = "", out = expected }, compare { "--first", "a.jsonl", "--second", "b.jsonl" })
    local out = expected:gsub("B: b.jsonl", "B: standard input")
    assert.same({ status = 0, err = "", out = out }, compare({ "a.jsonl", "-" }, { input = second }))
    local ratios = " 0.2222    0.2222      0.0000\n  %s, 100,000 blocks %s 0.4444    0.3333     -0.1111"
    out = expected:gsub("\n  LRU, 1 block .-(\n  used)", "\n  LRU, 2 blocks                  "
      .. ratios:format("LRU", "           ") .. "\n  fifo, 2 blocks                 "
      .. ratios:format("fifo", "          ") .. "%1")
    assert.same({ status = 0, err = "", out = out }, compare { "a.jsonl", "b.jsonl", "--cache-sizes", "100k,2" })
  end)

  it("prints JSON with stable names", function()
    local result = compare { "a.jsonl", "b.jsonl", "--json", "--cache-sizes=5,2" }
    assert.equal("", result.err)
    assert.equal(0, result.status)
    local function has(text) assert.truthy(result.out:find(text, 1, true), text .. " is not in " .. result.out) end
    assert.matches('^{"traces": %["a.jsonl", "b.jsonl"%], "requests": %[4, 4%], "blocks": %[9, 9%], ', result.out)
    has '"input_length": {"ks": 0.25, "mean": [1031, 1006], "std": [318.8777195101596, 324.2036397081316], '
    has '"min": [600, 600], "p25": [900, 825], "median": [1012, 962], "p75": [1143, 1143], "max": [1500, 1500]}, '
    has '"output_length": {"ks": 0, "mean": [25, 25], '
    has '"context_length": {"ks": 0.5, "mean": [762, 609], '
    has '"unique_prompt_length": {"mean": [269, 397], '
    has '"hit_infinite": [0.4444444444444444, 0.3333333333333333], '
    has '"lru": {"2": [0.2222222222222222, 0.2222222222222222], "5": [0.4444444444444444, 0.3333333333333333]}, '
    has '"dispersion": {"1": [1.222222222222222, 0.3333333333333333]}, '
    has '"hits": {"fifo": {"2": [0.2222222222222222, 0.2222222222222222], "5": [0.4444444444444444, '
    has '"ttl": {"1": [0.2222222222222222, 0], "5": '
    has '"roots": [2, 2], "root_share": [0.75, 0.75], "sessions": {"count": [3, 3], "single": [2, 2]}, "turns": {"ks": 0, '
    has '"think_time": {"ks": 1, "mean": [0.5, 1.5], '
    has '"service": {"ttft": 0, "per_token": 0.001}, "early": [0, 0], "rate": '
    has '"differences": {"ks": 0.5, "hit_infinite": 0.1111111111111111, "lru": 0.1111111111111111, '
    has '"lru.5": 0.1111111111111111, "fifo.2": 0, '
    assert.matches('"dispersion.1": 0.72727272727272%d*}, "chance": {"of": "halves", "why": '
      .. '"a.jsonl has too few sessions to be halved"}}\n$', result.out)
  end)

  it("leaves out what one trace lacks and says so", function()
    local result = compare { "a.jsonl", "bare.jsonl" }
    assert.equal(0, result.status)
    assert.truthy(result.out:find("\nNot compared: bare.jsonl has no output_length; bare.jsonl has no hash_ids; "
      .. "bare.jsonl has no timestamps\n", 1, true))
    assert.matches("\n  mean +1,031.00  1,006.00      %-2.4 %%\n", result.out)
    for _, title in ipairs { "Output Length", "Context Length", "Hit Ratio", "Sessions", "Variance" } do
      assert.falsy(result.out:find(title, 1, true))
    end
    result = compare { "bare.jsonl", "bare.jsonl", "--json" }
    assert.equal('{"traces": ["bare.jsonl", "bare.jsonl"], "requests": [4, 4], "blocks": [0, 0], "input_length": '
      .. '{"ks": 0, "mean": [1006, 1006], "std": [324.2036397081316, 324.2036397081316], "min": [600, 600], '
      .. '"p25": [825, 825], "median": [962, 962], "p75": [1143, 1143], "max": [1500, 1500]}, '
      .. '"differences": {"ks": 0, "input_length.ks": 0}, "chance": {"of": "halves", "why": '
      .. '"bare.jsonl has too few sessions to be halved"}}\n', result.out)
    local both = compare { "bare.jsonl", "bare.jsonl" }
    assert.truthy(both.out:find("\nNot compared: neither trace has output_length; ", 1, true))
  end)

  it("shows windows that one trace only is long enough for, and times that go back", function()
    command.write(folder, "long.jsonl", (second:gsub("4000", "40000")))
    local result = compare { "a.jsonl", "long.jsonl" }
    assert.matches("\n  in windows of 10 s +N/A +3.00 +N/A\n", result.out)
    assert.matches("\nCV of Input Tokens\n  in windows of 10 s +N/A +2.00 +N/A\nCV of Output", result.out)
    assert.falsy(compare({ "a.jsonl", "long.jsonl", "--json" }).out:find('"10"', 1, true))
    command.write(folder, "back.jsonl", (second:gsub("1500,", "3000,", 1)))
    result = compare { "a.jsonl", "back.jsonl" }
    assert.truthy(result.out:find("\nNot compared: reuse times and ages, as the timestamps of back.jsonl go back "
      .. "('moontide cat --sort' puts them in order)\n", 1, true))
  end)

  it("compares policies and ages where they are asked for", function()
    local words = { "a.jsonl", "b.jsonl", "--cache-sizes", "5,2", "--policy", "fifo,optimum", "--ttl", "1s,30s" }
    local result = compare { "--json", table.unpack(words) }
    assert.equal("", result.err)
    assert.truthy(result.out:find('"hits": {"fifo": {"2": [0.2222222222222222, 0.2222222222222222], '
      .. '"5": [0.4444444444444444, 0.3333333333333333]}, "optimum": {"2": [', 1, true), result.out)
    assert.truthy(result.out:find('"ttl": {"1": [0.2222222222222222, 0], "30": [0.4444444444444444, ', 1, true))
    local shown = compare { "--fail-over", "fifo=0.2,fifo.5=0.1,ttl=0.1,ttl.30=0.2,sieve=1,ttl.7=1",
      table.unpack(words) }
    assert.matches("\n  fifo, 5 blocks +0.4444 +0.3333 +%-0.1111\n  optimum, 2 blocks ", shown.out)
    assert.matches("\n  used at most 1 s ago +0.2222 +0.0000 +%-0.2222\n", shown.out)
    assert.equal(1, shown.status)
    assert.equal([[
moontide: --fail-over: fifo.5 is 0.1111, over 0.1 by 0.01111 (at 5 blocks: 0.4444 and 0.3333)
moontide: --fail-over: ttl is 0.2222, over 0.1 by 0.1222 (at 1 s: 0.2222 and 0)
moontide: --fail-over: sieve cannot be measured: it was not compared (--policy)
moontide: --fail-over: ttl.7 cannot be measured: 7 was not compared (--ttl)
]], shown.err)
    shown = compare { "a.jsonl", "b.jsonl", "--policy", "sieve,lru" }
    assert.matches("\n  sieve, 6 blocks +0.4444 +0.3333 +%-0.1111\n", shown.out)
    assert.is_nil(shown.out:find("\n  lru,", 1, true)) -- it is LRU above
    assert.is_nil(shown.out:find("fifo", 1, true))
    refused("compare: --ttl must be at least 0, not -1", { "a.jsonl", "b.jsonl", "--ttl", "-1" }, 2)
    command.write(folder, "timeless.jsonl", (first:gsub('"timestamp": %d+, ', "")))
    refused("timeless.jsonl: ages need timestamps, which 4 of 4 requests lack", { "a.jsonl", "timeless.jsonl", "--ttl", "1" }, 1)
  end)

  it("fails over bounds, each that is exceeded named", function()
    local kept = compare { "a.jsonl", "b.jsonl", "--fail-over", "KS=0.5,lru=0.12,dispersion=0.73" }
    assert.same({ status = 0, err = "", out = expected }, kept)
    assert.same({ status = 1, out = expected, err = [[
moontide: --fail-over: ks is 0.5, over 0.02 by 0.48 (context_length)
moontide: --fail-over: lru is 0.1111, over 0.015 by 0.09611 (at 5 blocks: 0.4444 and 0.3333)
]] }, compare { "a.jsonl", "b.jsonl", "--fail-over", "KS=0.02,lru=0.015" })
    assert.same({ status = 1, out = expected, err = [[
moontide: --fail-over: input_length.ks is 0.25, over 0.2 by 0.05
moontide: --fail-over: hit_infinite is 0.1111, over 0.1 by 0.01111 (0.4444 and 0.3333)
moontide: --fail-over: dispersion is 0.7273, over 0.5 by 0.2273 (at 1 s: 1.222 and 0.3333)
]] }, compare { "a.jsonl", "b.jsonl", "--fail-over=input_length.ks=0.2,output_length.ks=0",
      "--fail-over=hit_infinite=0.1,lru.4=0,dispersion=.5" })
    local json = compare { "a.jsonl", "b.jsonl", "--fail-over", "ks=0", "--json" }
    assert.equal(1, json.status)
    assert.matches("^{.*}\n$", json.out)
  end)

  it("lets a bound on one size, window, tenth or age win over the general one", function()
    local long = {}
    for i = 0, 39 do
      long[i] = ('{"timestamp": %d, "input_length": %d, "output_length": 5, "hash_ids": [%d]}\n'):format(1000 * i,
        i % 9 == 0 and 500 or 90, i % 20)
    end
    local text = table.concat(long, "", 0, 39)
    command.write(folder, "a.jsonl", text)
    command.write(folder, "b.jsonl", (text:gsub("%[(%d)%]", "[3%1]")))
    local function over(bounds)
      return compare({ "a.jsonl", "b.jsonl", "--cache-sizes", "5,20", "--fail-over", bounds }).err
    end
    command.write(folder, "b.jsonl", (text:gsub('"hash_ids": %[19%]', '"hash_ids": [0]')))
    assert.matches("^moontide: %-%-fail%-over: lru is 0.025, over 0.01 by 0.015 %(at 20 blocks: [^\n]*\n$", over "lru=0.01")
    assert.equal("", over "lru=0.01,lru.5=0.1,lru.20=0.1")
    assert.matches("fail%-over: lru.5 is ", over "lru=1,lru.5=0.001")
    assert.equal("", over "fifo=0.01,fifo.5=0.5,fifo.20=0.5")
    assert.equal("", over "tenths=0.01,tenths.10=0.5,tenths.5=0.5")
    assert.matches("fail%-over: tenths is 0.25, over 0.01 by 0.24 %(in tenth 5: 0 and 0.25%)", over "tenths=0.01,tenths.10=0.5")
    command.write(folder, "b.jsonl", (text:gsub('"input_length": 500', '"input_length": 400')))
    assert.matches("fail%-over: input_tokens is [^\n]* %(at 10 s: ", over "input_tokens=0.01")
    assert.equal("", over "input_tokens=0.01,input_tokens.10=2")
  end)

  it("says the seed of the halves, where it draws them", function()
    compare({ "a.jsonl", "b.jsonl" }, nil, true)
    compare({ "a.jsonl", "b.jsonl", "--chance", "none" }, nil, false)
    compare({ "a.jsonl", "b.jsonl", "b.jsonl" }, nil, false)
  end)

  it("takes further traces as the yardstick of chance", function()
    command.write(folder, "c.jsonl", (second:gsub("2500", "2600", 1):gsub("%[3, 4%]", "[0, 1]")))
    local result = compare { "a.jsonl", "b.jsonl", "c.jsonl" }
    assert.equal("", result.err)
    assert.matches("\n +A +B +Difference +KS +Chance\n", result.out)
    assert.matches("\n  infinite cache +0.4444 +0.3333 +%-0.1111 +0.2222\n", result.out)
    assert.matches("\nDistinct Blocks +5 +6 +%+20.0 %% +33.3 %%\n", result.out)
    assert.matches("\nChance: how far B is from c.jsonl.\n", result.out)
    local both = compare { "a.jsonl", "b.jsonl", "c.jsonl", "b.jsonl", "--json" }
    assert.matches('"chance": {"of": %["c.jsonl", "b.jsonl"%], "ks": ', both.out)
    local decoded = require("moontide").json.decode(both.out)
    assert.equal(0.1111, tonumber(("%.4f"):format(decoded.chance.hit_infinite))) -- the mean of two
    assert.equal(decoded.chance.hit_infinite, decoded.chance["lru.6"])
    assert.is_nil(compare({ "a.jsonl", "b.jsonl", "--chance", "none" }).out:find("hance", 1, true))
  end)

  it("fails over what cannot be measured, with the rest held against its bounds", function()
    local result = compare { "a.jsonl", "bare.jsonl", "--fail-over", "lru=1,input_length.ks=0,dispersion=1" }
    assert.equal(1, result.status)
    assert.matches("^A: a.jsonl\n", result.out)
    assert.equal([[
moontide: --fail-over: input_length.ks is 0.25, over 0 by 0.25
moontide: --fail-over: lru cannot be measured: bare.jsonl has no hash_ids
moontide: --fail-over: dispersion cannot be measured: bare.jsonl has no timestamps
]], result.err)
  end)

  it("refuses bounds that cannot be", function()
    local function bound(message, text)
      refused("compare: --fail-over" .. message, { "a.jsonl", "b.jsonl", "--fail-over", text }, 2)
    end
    bound(": unknown measure 'luru' (did you mean 'lru'?)", "luru=1")
    bound(": unknown measure 'input_length' (did you mean 'input_length.ks'?)", "ks=1,input_length=1")
    bound(": unknown measure 'fidelity' (it must be one of ks, hit_infinite, lru, ttl, fifo, clock, sieve, "
      .. "s3-fifo, lfu, random, optimum, tenths, roots, root_share, sessions, turns, turns.ks, think_time, "
      .. "think_time.ks, early, dispersion, input_tokens, output_tokens, input_length.ks, output_length.ks, "
      .. "context_length.ks)", "fidelity=1")
    bound(": tokens are counted in windows of 10, 60, 300 s, not of 1", "input_tokens.1=1")
    bound(": tenths are numbered 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, not 11", "tenths.11=1")
    bound(": arrivals are counted in windows of 1, 10, 60, 300 s, not of 7", "dispersion.7=1")
    bound(" must be MEASURE=MOST (lru=0.015), not 'lru'", "lru")
    bound(": lru must be at least 0, not -0.1", "lru=-0.1")
    bound(": ks must be a number, not 'nan'", "ks=nan")
    bound(": ks must be a number, not ''", "ks=")
  end)

  it("refuses wrong usage", function()
    refused("compare: A (--first) is required", {}, 2)
    refused("compare: B (--second) is required", { "a.jsonl" }, 2)
    refused("compare: only one of the traces can be standard input", { "-", "-" }, 2)
    refused("compare: only one of the traces can be standard input", { "a.jsonl", "-", "-" }, 2)
    refused("compare: --chance is of two traces; further ones are the yardstick",
      { "a.jsonl", "b.jsonl", "b.jsonl", "--chance", "halves" }, 2)
    refused("compare: --chance must be one of halves, none, not 'thirds'", { "a.jsonl", "b.jsonl", "--chance", "thirds" }, 2)
    refused("compare: --service must be ttft=TIME,per_token=TIME or a run's folder, not 'ttft=1s,5'",
      { "a.jsonl", "b.jsonl", "--service", "ttft=1s,5" }, 2)
    refused("nowhere.jsonl: cannot open: No such file or directory", { "a.jsonl", "b.jsonl", "nowhere.jsonl" })
    refused("compare: --cache-sizes must be at least 1, not 0", { "a.jsonl", "b.jsonl", "--cache-sizes", "5,0" }, 2)
    refused("compare: unknown option '--fail-ower' (did you mean '--fail-over'?)",
      { "a.jsonl", "b.jsonl", "--fail-ower", "ks=1" }, 2)
  end)

  it("reports traces that cannot be read", function()
    refused("nowhere.jsonl: cannot open: No such file or directory", { "a.jsonl", "nowhere.jsonl" })
    command.write(folder, "empty.jsonl", "")
    refused("empty.jsonl: no requests", { "empty.jsonl", "a.jsonl" })
    command.write(folder, "bad.jsonl", second .. '{"input_length": 600, "hash_ids": [7]}\n')
    refused("bad.jsonl:5: hash_ids has 1 id, but input_length 600 makes 2 blocks of 512 tokens; it fits a block "
      .. "size of 1024", { "a.jsonl", "bad.jsonl" })
    local result = compare { "a.jsonl", "bad.jsonl", "--skip-bad-lines" }
    assert.equal(0, result.status)
    assert.equal("moontide: bad.jsonl: skipped 1 bad line; the first: bad.jsonl:5: hash_ids has 1 id, but "
      .. "input_length 600 makes 2 blocks of 512 tokens; it fits a block size of 1024\n", result.err)
    assert.equal((expected:gsub("b.jsonl", "bad.jsonl")), result.out)
    result = compare { "a.jsonl", "b.jsonl", "--block-size", "1024" }
    assert.equal("moontide: a.jsonl:1: hash_ids has 2 ids, but input_length 1000 makes 1 block of 1024 tokens; it "
      .. "fits a block size of 512 (--skip-bad-lines passes over bad lines)\n", result.err)
  end)

  it("compares traces of one request, all alike, all at one instant", function()
    local one = first:match "^[^\n]*\n"
    for name, text in pairs { ["one.jsonl"] = one, ["alike.jsonl"] = one:rep(3),
      ["unlike.jsonl"] = first:gsub('"timestamp": %d+', '"timestamp": 7'):gsub("%[0, 1%]", "[8, 9]", 1) } do
      command.write(folder, name, text)
      local result = compare { "a.jsonl", name }
      assert.equal("", result.err)
      assert.equal(0, result.status)
      assert.equal(0, compare({ name, name, "--json", "--fail-over", "ks=0,lru=0,hit_infinite=0" }).status)
      assert.equal("moontide: --fail-over: dispersion cannot be measured: neither trace has two whole windows of 1 s\n",
        compare({ name, name, "--fail-over", "dispersion=1" }).err)
    end
  end)

  it("fails when its result cannot be written", function()
    local result = command.shell("$MOONTIDE compare a.jsonl b.jsonl --chance none --fail-over ks=1 >/dev/full",
      { folder = folder })
    assert.equal(1, result.status)
    assert.matches("^moontide: standard output: [^\n]*\n$", result.err)
  end)

  it("has help", function()
    local result = compare { "--help" }
    assert.equal(0, result.status)
    for _, word in ipairs { "--cache-sizes", "--fail-over MEASURE=MOST", "dispersion.WINDOW", "--block-size", "--json" } do
      assert.truthy(result.out:find(word, 1, true))
    end
  end)

  it("finds a real trace equal to itself", function()
    if missing then return pending(missing) end
    local result = command.run { "compare", conversation, conversation, "--fail-over",
      "ks=0,lru=0,hit_infinite=0,dispersion=0,fifo=0,ttl=0,tenths=0,roots=0,root_share=0,sessions=0,turns=0,turns.ks=0,"
      .. "think_time=0,think_time.ks=0,early=0,input_tokens=0,output_tokens=0" }
    assert.equal(seed_note, result.err)
    assert.equal(0, result.status)
    assert.matches("\n  LRU, 10,000 blocks +0.2112 +0.2112 +0.0000 +0.0079\n", result.out)
    assert.matches("\n  infinite cache +0.3664 +0.3664 +0.0000 .-\n    by request +0.3843 .-\n    by token +0.3736 ", result.out)
    assert.matches("\n    in tenth 1 of the requests +0.2334 +0.2334 +0.0000 +0.0172\n", result.out)
    assert.matches("\n  in windows of 300 s +7.98 +7.98 +0.0 %% +70.6 %%\n", result.out)
    assert.matches("\nFirst Blocks +1 +1 +0.0 %% +0.0 %%\n", result.out)
  end)

  it("warns where the blocks of the two are not as large", function()
    local fine = '{"timestamp": 0, "input_length": 300, "output_length": 1, "hash_ids": [0, 1, 2]}\n'
    command.write(folder, "fine.jsonl", fine:rep(10))
    local result = compare { "a.jsonl", "fine.jsonl" }
    assert.equal(0, result.status)
    assert.truthy(result.err:find("warning: a.jsonl has blocks of 512 tokens and fine.jsonl of 128: contexts and hit "
      .. "ratios are counted in them, and a cache of as many blocks is not as large (moontide cat --reblock 512 makes the "
      .. "small ones as large)\n", 1, true), result.err)
    command.run({ "cat", "fine.jsonl", "--reblock", "512", "-o", "coarse.jsonl" }, { folder = folder })
    assert.is_nil(compare({ "a.jsonl", "coarse.jsonl" }).err:find("warning", 1, true))
    assert.is_nil(compare({ "fine.jsonl", "bare.jsonl" }).err:find("warning", 1, true))
  end)

  it("says when the sessions of one trace are named and those of the other inferred", function()
    local named = first:gsub("}\n", ', "session_id": "s"}\n')
    local other = command.write(folder, "a.jsonl", first)
    local result = command.run { "compare", command.write(folder, "named.jsonl", named), other }
    assert.matches("\nSessions are not told alike: A's by session_id, B's inferred.\n$", result.out)
    -- Answers end 1.599, 1.799 and 1.999 s after requests that are followed 0.5, 2 and 1.5 s later.
    local late = command.run { "compare", other, command.write(folder, "named.jsonl", named), "--service",
      "ttft=1399ms,per_token=20ms", "--fail-over", "early=0.1" }
    assert.matches("\nTurns Before Their Answer +1.0000 +0.6667 +%-0.3333\n", late.out)
    assert.matches("\nAn answer ends 1399 ms and 20 ms a token after its request, no sooner.\n", late.out)
    assert.equal(0, late.status)
    assert.is_nil(command.run({ "compare", other, other }).out:find "not told alike")
  end)
end)
