local command = require "tests.support.command"

local folder

local function lint(words, opts)
  return command.run({ "lint", table.unpack(words) }, opts)
end

local function file(name, text)
  return command.write(folder, name, text)
end

local clean = [[
{"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]}
{"timestamp": 900, "input_length": 500, "output_length": 7, "hash_ids": [2]}
]]

local bad = [[
{"timestamp": 500, "input_length": 655, "hash_ids": [0, 1, 2]}
junk
{"timestamp": 200, "input_length": 900, "hash_ids": [0, 3]}
{"timestamp": 400, "input_length": 900, "hash_ids": [3, 4]}
{"timestamp": 300, "input_length": 1000, "hash_ids": [7]}
{"timestamp": 600, "input_length": 300, "hash_ids": [8]}
]]

describe("moontide lint", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("finds nothing in a clean trace", function()
    local path = file("in.jsonl", clean)
    local expected = path .. ": 2 requests, blocks of 512 tokens\nNothing contradicts itself.\n"
    assert.same({ status = 0, out = expected, err = "" }, lint { path })
    assert.equal((expected:gsub("^[^:]*", "standard input")), lint({ "-" }, { input = clean }).out)
    assert.equal('{"requests": 2, "block_size": 512, "sessions": null, "findings": []}\n', lint({ path, "--json" }).out)
  end)

  it("finds that a trace is empty", function()
    local path = file("empty", "")
    local why = "\n  why:  what should have written it failed, or kept nothing\n"
    assert.same({ status = 1, err = "", out = ("%s: 0 requests\n\n%s: there is no request in it%s"):format(path, path, why) },
      lint { path })
    assert.equal(1, lint({ "-" }, { input = "\n" }).status)
    local ignored = lint { path, "--ignore", "empty_trace" }
    assert.same({ 0, path .. ": 0 requests\nNothing contradicts itself.\n" }, { ignored.status, ignored.out })
    assert.truthy(lint({ path, "--json" }).out:find('"findings": [{"name": "empty_trace"', 1, true))
  end)

  it("reports with lines, causes and what mends", function()
    local path = file("in.jsonl", bad)
    local result = lint { path }
    assert.equal(1, result.status)
    assert.equal("", result.err)
    local blocks = {}
    for block in (result.out .. "\n"):gmatch "(.-)\n\n" do blocks[#blocks + 1] = block end
    assert.equal(path .. ": 5 requests, blocks of 512 tokens", blocks[1])
    assert.equal(path .. ":2:1: expected a request ('{'), found 'junk'\n  why:  the line is no request in the trace "
      .. "format\n  mend: moontide cat " .. path .. " --skip-bad-lines", blocks[2])
    assert.equal(path .. ":3: timestamp 200 is smaller than the 500 before it (and line 5)\n  why:  several logs were "
      .. "put one after the other, or several writers wrote to one\n  mend: moontide cat " .. path .. " --sort", blocks[3])
    assert.equal(path .. ":1: 3 hash ids for 655 tokens, which are 2 blocks of 512 (and line 5)\n  why:  ids or lengths "
      .. "are wrong: no block size fits, 512 fits 3 of 5 prompts\n  mend: moontide cat " .. path
      .. " --fit-ids --block-size 512", blocks[4])
    assert.equal(path .. ":4: hash id 3 begins a prompt, but in line 3 it follows 0\n  why:  ids name contents rather "
      .. "than prefixes, or the ids of several traces were mixed\n  mend: moontide cat " .. path .. " --renumber", blocks[5])
    assert.equal(5, #blocks)
  end)

  it("gives one JSON value", function()
    local result = lint { file("in.jsonl", bad), "--json", "--ignore", "bad_lines,block_size,two_parents" }
    assert.equal(1, result.status)
    assert.equal('{"requests": 5, "block_size": 512, "sessions": null, "findings": [{"name": "decreasing_times", '
      .. '"line": 3, "count": 2, "lines": [3, 5], "message": "timestamp 200 is smaller than the 500 before it", '
      .. '"cause": "several logs were put one after the other, or several writers wrote to one", "mend": "--sort"}]}\n',
      result.out)
  end)

  it("writes the mended trace", function()
    local path, out = file("in.jsonl", bad), folder .. "/out.jsonl"
    local mended = [[
{"timestamp": 200, "input_length": 900, "hash_ids": [0, 1]}
{"timestamp": 300, "input_length": 1000, "hash_ids": [2, 3]}
{"timestamp": 400, "input_length": 900, "hash_ids": [4, 5]}
{"timestamp": 500, "input_length": 655, "hash_ids": [0, 6]}
{"timestamp": 600, "input_length": 300, "hash_ids": [7]}
]]
    local result = lint { path, "--fix", out }
    assert.equal(1, result.status)
    assert.equal(mended, command.read(out))
    assert.equal("moontide: " .. out .. ": mended: bad_lines, decreasing_times, block_size, two_parents (seed 0)\n", result.err)
    assert.equal(0, lint({ out }).status)
    assert.equal(1, lint({ "-", "--fix", out }, { input = bad }).status)
    assert.equal(mended, command.read(out))
    -- The report makes way for a trace on standard output.
    result = lint({ "-", "--fix", "-", "--json" }, { input = bad })
    assert.equal(mended, result.out)
    assert.truthy(result.err:find('^{"requests": 5, "block_size": 512, "sessions": null, "findings": %[{"name": "bad_lines"'))
    assert.truthy(result.err:find "\nmoontide: standard output: mended: bad_lines, [^\n]*\n$")
    assert.equal(0, lint({ file("clean.jsonl", clean), "--fix", out }).status)
    assert.equal(clean, command.read(out))
  end)

  it("does what it says mends: the flags of cat", function()
    local path = file("in.jsonl", bad)
    local words = { "cat", path, "-o", folder .. "/out.jsonl" }
    for flags in lint({ path }).out:gmatch "mend: moontide cat %S+ ([^\n]+)" do
      for word in flags:gmatch "%S+" do words[#words + 1] = word end
    end
    local result = command.run(words)
    assert.equal(0, result.status)
    assert.truthy(result.err:find "^moontide: skipped 1 bad line; the first: [^\n]*\nmoontide: [^\n]*/out.jsonl: 5 requests",
      result.err)
    assert.equal(0, lint({ folder .. "/out.jsonl" }).status)
  end)

  it("finds what a real recording has", function()
    local path, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"
    if missing then return pending(missing) end
    local result = lint { path, "--block-size", "512", "--fix", folder .. "/out.jsonl" }
    assert.equal(1, result.status)
    assert.truthy(result.out:find "the clock ticks every 3 s: 12031 requests at 1180 instants\n")
    assert.equal(0, lint({ folder .. "/out.jsonl" }).status)
    -- Written as seconds, and in the wrong block size.
    assert.equal(0, command.run({ "cat", path, "--speed-ratio", "1000", "-o", folder .. "/seconds.jsonl" }).status)
    result = lint { folder .. "/seconds.jsonl", "--block-size", "64" }
    assert.truthy(result.out:find "as milliseconds the trace has 3401 requests and 40.9 million input tokens a second\n")
    assert.truthy(result.out:find("mend: moontide cat " .. folder .. "/seconds.jsonl --time-unit s\n", 1, true))
    assert.truthy(result.out:find "blocks have 512 tokens: that fits 12031 of 12031 prompts\n")
    assert.truthy(result.out:find "the clock ticks every 3 s: 12031 requests at 1180 instants\n")
  end)

  it("takes a busy trace that was made for milliseconds, and a log in seconds for what it is", function()
    for _, line in ipairs { "steady --rate 500 --duration 6s", "steady --rate 500 --duration 6s --timestamp-digits 0",
      "steady --rate 900 --num-requests 5000",
      "steady --rate 900 --num-requests 600 --timestamp-digits 0" } do
      assert.equal(0, command.line(line .. " -o busy.jsonl", { folder = folder }).status)
      local result = lint { folder .. "/busy.jsonl" }
      assert.equal(0, result.status, line .. ": " .. result.out)
    end
    -- Two a second over 20 minutes, as a log in whole seconds and one with seven decimals has them.
    assert.equal(0, command.line("steady --rate 2 --duration 20m -o slow.jsonl --timestamp-digits 6",
      { folder = folder }).status)
    for _, digits in ipairs { 0, 6 } do
      assert.equal(0, command.line("cat slow.jsonl --speed-ratio 1000 -o seconds.jsonl --timestamp-digits " .. digits,
        { folder = folder }).status)
      local result = lint { folder .. "/seconds.jsonl" }
      assert.equal(1, result.status)
      assert.matches("timestamps are in seconds: that would be %d%.%d+ requests a second", result.out)
    end
  end)

  it("says what cannot be read or written, and loses nothing", function()
    local path = file("in.jsonl", bad)
    local result = lint { folder .. "/missing" }
    assert.same({ status = 1, out = "", err = "moontide: " .. folder .. "/missing: cannot open: No such file or directory\n" },
      result)
    result = lint { path, "--fix", folder .. "/no/out.jsonl" }
    assert.equal(1, result.status)
    assert.truthy(result.err:find "no/out.jsonl: cannot write in the folder")
    local csv = lint { file("log.csv", "Timestamp,Model\n1,ChatGPT\n") }
    assert.equal(1, csv.status)
    assert.truthy(csv.out:find(":1:1: expected a request ('{'), found 'Timestamp,Model' (this looks like a CSV: 'moontide "
      .. "convert' makes a trace of a log) (and 1 more)\n  why:  the file is no trace\n", 1, true))
  end)

  it("holds what it reads, or with --fix what it writes, against what is expected", function()
    local path = file("in.jsonl", bad)
    local result = lint { path, "--expect", "requests=5,input_length.max=1000" }
    assert.equal(1, result.status)
    assert.matches("why:  ", result.out)
    assert.truthy(result.err:find("expected requests=5: requests is 5\n", 1, true), result.err)
    result = lint({ "-", "--expect", "requests>2" }, { input = clean })
    assert.equal(1, result.status)
    assert.equal("moontide: expected requests>2: requests is 2, which is not so\n"
      .. "moontide: 1 of 1 expectations missed\n", result.err)
    assert.matches("Nothing contradicts itself", result.out)
    local out = file("out.jsonl", "old\n")
    result = lint { path, "--fix", out, "--expect", "requests=4" }
    assert.equal(1, result.status)
    assert.truthy(result.err:find("expected requests=4: requests is 5, which is not so", 1, true), result.err)
    assert.equal("old\n", command.read(out))
    result = lint { path, "--fix", out, "--expect", "requests=5" }
    assert.truthy(result.err:find("mended: ", 1, true), result.err)
    assert.not_equal("old\n", command.read(out))
  end)

  it("refuses wrong usage with status 2", function()
    local path = file("in.jsonl", clean)
    for _, words in ipairs {
      {}, { path, path }, { path, "--block-size", "0" }, { path, "--ignore", "order" }, { path, "--fxi", "x" },
      { path, "--seed", "2" }, { path, "--expect", "requets=3" }, { path, "--expect", "in_flight.peak<3" },
    } do
      local result = lint(words)
      assert.equal(2, result.status, table.concat(words, " "))
      assert.truthy(result.err:find "^moontide: lint: [^\n]+\n$", result.err)
    end
  end)
end)
