local command = require "tests.support.command"

local folder

local function cat(words, opts)
  return command.run({ "cat", table.unpack(words) }, opts)
end

local function file(name, text)
  return command.write(folder, name, text)
end

-- Runs cat on the words, which must fail with one line on standard error that ends in `message`.
local function refused(words, message, exit_status, opts)
  command.refuses(cat(words, opts), message, exit_status)
end

local four = [[
{"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]}
{"timestamp": 1000, "delay": 3}
{"timestamp": 1000.25, "session_id": "a"}
{"timestamp": 2000, "x": [1]}
]]

describe("moontide cat", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("passes a trace on unchanged", function()
    local path = file("in.jsonl", four)
    assert.same({ status = 0, out = four, err = "" }, cat { path })
    assert.same({ status = 0, out = four, err = "" }, cat({ "-" }, { input = four }))
    local written = folder .. "/out.jsonl"
    assert.same({ status = 0, out = "", err = "moontide: " .. written .. ": 4 requests\n" }, cat { path, "-o", written })
    assert.equal(four, command.read(folder .. "/out.jsonl"))
    assert.same({ status = 0, out = "", err = "moontide: " .. path .. ": 4 requests (seed 3)\n" },
      cat { path, "--thin", "1", "--seed", "3", "-o", path })
    assert.equal(four, command.read(path))
  end)

  it("passes the real trace on byte for byte", function()
    local path, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"
    if missing then return pending(missing) end
    local result = command.shell(("$MOONTIDE cat '%s' | cmp - '%s'"):format(path, path))
    assert.same({ status = 0, out = "", err = "" }, result)
  end)

  it("tolerates line ends, blank lines and an empty file", function()
    assert.equal("{\"timestamp\": 1}\n{}\n", cat { file("crlf", "{\"timestamp\":1}\r\n\r\n \n{}") }.out)
    assert.same({ status = 0, out = "", err = "" }, cat { file("empty", "") })
    assert.equal("moontide: " .. folder .. "/out: 0 requests\n", cat({ file("empty", ""), "-o", folder .. "/out" }).err)
    assert.equal("", command.read(folder .. "/out"))
  end)

  it("reads and writes .gz", function()
    local path = file("in.jsonl", four)
    assert.equal(0, cat({ path, "-o", folder .. "/t.jsonl.gz" }).status)
    assert.equal("\31\139", command.read(folder .. "/t.jsonl.gz"):sub(1, 2))
    assert.equal(four, cat({ folder .. "/t.jsonl.gz" }).out)
    local whole = command.read(folder .. "/t.jsonl.gz")
    local cut = file("cut.jsonl.gz", whole:sub(1, -10))
    refused({ cut, "-o", folder .. "/x" }, cut .. ": damaged gzip data: the file is cut")
  end)

  it("cuts a window, a number, and changes the speed", function()
    local path = file("in.jsonl", four)
    assert.equal(four:match "\n(.*\n)[^\n]*\n$", cat({ path, "--start", "1", "--end", "2s" }).out)
    assert.equal(four:match "^[^\n]*\n", cat({ path, "--end", "1" }).out)
    assert.equal(four:match "^[^\n]*\n[^\n]*\n", cat({ path, "--num-requests", "2" }).out)
    assert.equal("", cat({ path, "--num-requests", "0" }).out)
    local fast = [[
{"timestamp":0,"input_length":600,"output_length":5,"hash_ids":[0,1]}
{"timestamp":333.333,"delay":1}
{"timestamp":333.417,"session_id":"a"}
{"timestamp":666.667,"x": [1]}
]]
    assert.equal(fast, cat({ path, "--speed-ratio", "3", "--compact" }).out)
    assert.equal(fast:gsub("(%d)%.%d+", "%1"):gsub("666,", "667,"),
      cat({ path, "--speedup-ratio=3", "--compact", "--timestamp-digits", "0" }).out)
    assert.equal('{"timestamp": 333.416667, "session_id": "a"}\n',
      cat({ path, "--start", "1000.2ms", "--end", "2", "--speed-ratio", "3", "--timestamp-digits", "6" }).out)
  end)

  it("keeps all six digits that were read, and rounds further ones", function()
    assert.equal('{"timestamp": 1760000000000.123457, "delay": 0.000001}\n',
      cat({ "-" }, { input = '{"timestamp": 1760000000000.1234565, "delay": 1e-6}\n' }).out)
  end)

  it("keeps 64-bit ids and other members as they are", function()
    local line = '{"hash_ids": [18446744073709551615, 0], "session_id": 1.50, "a": 1e999, "b" :\t"\\u00e9\xc3\xa9"}\n'
    assert.equal(line, cat({ "-" }, { input = line }).out)
  end)

  it("names a bad line, and leaves the old file alone", function()
    local bad = {
      ['{"timestamp": 1'] = ":2:16: expected ',' or '}' after a member, but the line ends "
        .. "(the file ends without a newline here: it seems to be cut)",
      ['{"input_length": -5}\n'] = ":2:18: input_length must be a whole number of at least 0, not -5",
      ['{"output_length": 1.5}\n'] = ":2:19: output_length must be a whole number of at least 0, not 1.5",
      ['{"hash_ids": [1, "2"]}\n'] = ':2:18: an id of hash_ids must be a whole number of at least 0, not "2"',
      ['{"hash_ids": [1, -2]}\n'] = ":2:18: an id of hash_ids must be a whole number of at least 0, not -2",
      ["\0\1\2\xff\xfe\27[31m\n"] = ":2:1: expected a request ('{'), found '??????[31m'",
      ["timestamp,input_length\n"] = ":2:1: expected a request ('{'), found 'timestamp,input_length'",
      ['{"a": "\xff"}\n'] = ":2:8: byte 0xFF is not UTF-8",
    }
    for text, message in pairs(bad) do
      local path = file("bad.jsonl", "{}\n" .. text)
      local old = file("old.jsonl", "before")
      refused({ path, "-o", old }, path .. message)
      assert.equal("before", command.read(old))
      assert.equal(0, command.shell("test $(ls -A '" .. folder .. "' | wc -l) = 2").status)
    end
  end)

  it("says what a file seems to be that is no trace, in whichever command", function()
    local csv = "(this looks like a CSV: 'moontide convert' makes a trace of a log)"
    local list = "(this is a JSON list, a trace has a request a line; 'moontide convert' makes a trace of a list "
      .. "of conversations)"
    local files = {
      { "a.csv", "TIMESTAMP,ContextTokens\r\n1,2\r\n", "expected a request ('{'), found 'TIMESTAMP,ContextTokens?' " .. csv },
      { "one.csv", "a;b", "expected a request ('{'), found 'a;b' " .. csv },
      { "bom.csv", "\xEF\xBB\xBFa,b\n", "expected a request ('{'), found 'a,b' " .. csv },
      { "list.json", "[{}]\n", "expected a request ('{'), found '[{}]' " .. list },
      { "plan.lua", "return 1\n", "expected a request ('{'), found 'return 1' "
        .. "(this is a script: 'moontide SCRIPT -o TRACE' makes its trace)" },
      { "day.model", "moontide model 1\n", "expected a request ('{'), found 'moontide model 1' (this is a model: "
        .. "'moontide synthesize' makes a trace like the one it was learnt from)" },
      { "zipped", "\x1f\x8b\8\n", "expected a request ('{'), found '???' (this is gzip data: it is decompressed where the "
        .. "file's name ends in .gz, and 'zcat' does it for standard input)" },
      { "utf16", "\xff\xfe{\0\n", "expected a request ('{'), found '??{?' (this is UTF-16, which has to be made UTF-8 first)" },
      { "word", "junk\n", "expected a request ('{'), found 'junk'" },
    }
    for _, one in ipairs(files) do
      local path = file(one[1], one[2])
      refused({ path }, path .. ":1:1: " .. one[3])
    end
    local path = folder .. "/a.csv"
    for _, words in ipairs { { "analyze", path }, { "compare", path, path }, { "cat", "--merge", "--parts", path, path } } do
      local result = command.run(words)
      assert.equal("moontide: " .. path .. ":1:1: " .. files[1][3] .. "\n", result.err)
      assert.equal(1, result.status)
    end
  end)

  it("says that standard input is bad", function()
    local result = cat({ "-" }, { input = "{}\n[]\n" })
    command.refuses(result, "standard input:2:1: expected a request ('{'), found '[]' (--skip-bad-lines passes over "
      .. "bad lines)")
  end)

  it("passes over bad lines when asked to, and counts them", function()
    local path = file("bad.jsonl", "junk\n{}\n{\"delay\": -1}\n{\"delay\": 1}\n")
    assert.same({ status = 0, out = "{}\n{\"delay\": 1}\n", err = "moontide: skipped 2 bad lines; the first: " .. path
      .. ":1:1: expected a request ('{'), found 'junk'\n" }, cat { path, "--skip-bad-lines" })
  end)

  it("wants a window's trace in order", function()
    local path = file("in.jsonl", '{"timestamp": 5}\n{"timestamp": 3}\n')
    local message = ":2: timestamp 3 is smaller than the 5 before it: a window of time needs a trace in the order "
      .. "of its times (moontide cat --sort)"
    refused({ path, "--start", "0", "-o", folder .. "/x" }, path .. message)
    assert.equal(0, cat({ path }).status)
    path = file("in.jsonl", '{"delay": 5}\n')
    refused({ path, "--end", "9", "-o", folder .. "/x" }, path .. ":1: no timestamp, which a window of time needs")
  end)

  it("says what cannot be read", function()
    refused({ folder .. "/missing" }, folder .. "/missing: cannot open: No such file or directory")
    refused({ folder }, folder .. ": is a directory, not a file")
  end)

  it("refuses wrong usage with status 2", function()
    local path = file("in.jsonl", four)
    for _, words in ipairs {
      {}, { path, "--speed-ratio", "0" }, { path, "--speed-ratio", "-1" }, { path, "--num-requests", "-1" },
      { path, "--timestamp-digits", "7" }, { path, "--start", "x" }, { path, "--strat", "1" },
      { path, "--start", "2", "--end", "1" }, { path, "--speed-ratio", "nan" }, { path, "--thin", "1.5" },
      { path, "--thin", "-1" }, { path, "--repeat", "0" }, { path, "--shard", "2/2" }, { path, "--shard", "x" },
      { path, "--where", "input_length >" }, { path, "--isl-multiplier", "0" }, { path, "--osl-multiplier", "-2" },
      { path, "--grid", "3s" }, { path, "--dequantize", "--grid", "0" }, { path, "--sessions", "delta" },
      { path, "--sessions-to", "deltas" }, { path, "--fresh-ids" }, { path, "--seed", "2" }, { path, "--every", "5s" },
      { path, "--repeat", "2", "--common-root", "1" }, { path, "--merge" }, { path, "--gap", "1s" }, { "-", "-" },
      { path, path, "--merge", "--gap", "1s" }, { path, "--time-unit", "minutes" }, { path, "--block-size", "0" },
    } do
      local result = cat(words)
      assert.equal(2, result.status, table.concat(words, " "))
      assert.truthy(result.err:find "^moontide: cat: [^\n]+\n$", result.err)
      assert.equal("", result.out)
    end
  end)

  it("filters by an expression", function()
    local path = file("in.jsonl", four)
    assert.equal(four:match "^[^\n]*\n", cat({ path, "--where", "input_length and input_length > 500" }).out)
    assert.equal(four:match "\n([^\n]*\n)[^\n]*\n[^\n]*\n$", cat({ path, "--where", "delay == 3" }).out)
    assert.equal(four:match "[^\n]*\n$", cat({ path, "--where", "x and #x == 1" }).out)
    assert.equal(cat({ path, "--where", "timestamp > 0 and timestamp < 2000" }).out,
      cat({ path, "--where", "timestamp > 0", "--where", "timestamp < 2000" }).out)
  end)

  it("says what values there are when a filter keeps nothing, and leaves the old file alone", function()
    local path = file("in.jsonl", four)
    local old = file("old.jsonl", "before")
    refused({ path, "-o", old, "--where", "timestamp > 5000" },
      "--where 'timestamp > 5000' keeps none of 4 requests: timestamp is between 0 and 2000")
    refused({ path, "-o", old, "--where", "session_id == 'b' or delay == 4" },
      "--where 'session_id == 'b' or delay == 4' keeps none of 4 requests: "
      .. "session_id is 'a' (in 1 of them); delay is 3 (in 1 of them)")
    refused({ path, "-o", old, "--where", "inputlength" },
      "--where 'inputlength' keeps none of 4 requests: no request has inputlength (did you mean 'input_length'?)")
    refused({ path, "-o", old, "--where", "false" }, "--where 'false' keeps none of 4 requests")
    refused({ path, "-o", old, "--start", "3", "--end", "4" },
      path .. ": none of 4 requests lies in the window: the trace goes from 0 to 2 seconds")
    local late = file("late.jsonl", '{"timestamp": 1500}\n{"timestamp": 2500}\n')
    refused({ late, "-o", old, "--start", "3", "--end", "4" },
      late .. ": none of 2 requests lies in the window: the trace goes from 1.5 to 2.5 seconds")
    assert.equal("before", command.read(old))
    -- Nothing to look at is no mistake.
    assert.equal(0, cat({ file("empty", ""), "--where", "delay", "--start", "3" }).status)
  end)

  it("names the line where a filter fails", function()
    refused({ file("in.jsonl", four), "--where", "input_length > 5", "-o", folder .. "/x" }, folder
      .. "/in.jsonl:2: where: attempt to compare number with nil (this request has no input_length)")
  end)

  it("joins traces, the time going on, and keeps them apart", function()
    local a = file("a.jsonl", '{"timestamp": 0, "hash_ids": [0, 1], "session_id": "x"}\n{"timestamp": 100, "hash_ids": [0, 2]}\n')
    local b = file("b.jsonl", '{"timestamp": 7, "hash_ids": [0], "session_id": "x"}\n')
    local result = cat { a, b }
    assert.equal(command.read(a) .. '{"timestamp": 200, "hash_ids": [3], "session_id": "x/2"}\n', result.out)
    assert.equal("moontide: hash_ids, sessions and request_ids of the 2 traces are kept apart (--parts: they are parts of one)\n",
      result.err)
    assert.equal(command.read(a) .. command.read(b), cat({ a, b, "--parts" }).out)
    assert.equal(command.read(a) .. '{"timestamp": 101, "hash_ids": [3], "session_id": "x/2"}\n',
      cat({ a, b, "--gap", "1ms" }).out)
    assert.equal(command.read(b) .. '{"timestamp": 7, "hash_ids": [1, 2], "session_id": "x/2"}\n{"timestamp": 107, '
      .. '"hash_ids": [1, 3]}\n', cat({ "-", a }, { input = command.read(b) }).out)
  end)

  -- Twenty requests in blocks of that size; what their first line says of it.
  local function blocks(name, size, says)
    local lines = {}
    for i = 1, 20 do
      local ids = {}
      for k = 1, (99 + i + size - 1) // size do ids[k] = 100 * i + k end
      lines[i] = ('{"timestamp": %d, "input_length": %d, "hash_ids": [%s]%s}\n'):format(100 * i, 99 + i,
        table.concat(ids, ", "), i == 1 and says and (', "block_size": %d'):format(says) or "")
    end
    return file(name, table.concat(lines))
  end

  it("refuses to put blocks of two sizes together, where it shows that they are, and writes nothing", function()
    local out, before = file("out.jsonl", "as it was"), "as it was"
    local says16, says64 = blocks("says16", 16, 16), blocks("says64", 64, 64)
    local fits16, fits64, fits24 = blocks("fits16", 16), blocks("fits64", 64), blocks("fits24", 24)
    local function two(a, small, b, large, help)
      return ("moontide: %s has blocks of %d tokens and %s of %d: a trace has blocks of one size (moontide cat --reblock %s)\n")
        :format(a, small, b, large, help or "64 makes the small ones as large")
    end
    for _, how in ipairs { {}, { "--merge" }, { "--merge", "--parts" }, { "--parts" } } do
      for _, case in ipairs {
        { says16, 16, says64, 64 }, { fits16, 16, fits64, 64 }, { says64, 64, fits16, 16 }, { fits64, 64, fits16, 16 },
        { says16, 16, fits24, 24, "makes blocks larger by whole numbers" },
      } do
        local result = cat { case[1], case[3], "-o", out, table.unpack(how) }
        assert.equal(1, result.status)
        assert.truthy(result.err:find(two(table.unpack(case)), 1, true), result.err)
        assert.equal(before, command.read(out))
      end
    end
    local result = cat({ says64, "-", "--parts", "-o", out }, { input = command.read(fits16) })
    assert.equal(two(says64, 64, "standard input", 16), result.err)
    -- Which of three is of another size, and the same size said and found.
    assert.truthy(cat({ says16, fits16, says64 }).err:find(two(says16, 16, says64, 64), 1, true))
    assert.equal(0, cat({ says16, fits16, says16, "-o", out }).status)
  end)

  it("puts together what may be of one size, or is not known to be of two", function()
    local says16, fits64 = blocks("says16", 16, 16), blocks("fits64", 64)
    local text = command.read(fits64)
    local few = file("few", text:gsub("^(" .. ("[^\n]*\n"):rep(9) .. ").*", "%1"))
    local misfit = file("misfit", '{"timestamp": 0, "input_length": 9, "hash_ids": [1, 2, 3, 4]}\n' .. text)
    local bare = file("bare", (text:gsub(', "hash_ids": %[[^]]*%]', "")))
    for _, other in ipairs { few, misfit, bare, file("empty", "") } do
      assert.equal(0, cat({ says16, other }).status, other)
      assert.equal(0, cat({ other, says16, "--merge" }).status, other)
    end
  end)

  it("gives inputs blocks of one size before they are put together", function()
    local small, large, alone, out = blocks("small", 16), blocks("large", 64), folder .. "/alone", folder .. "/both"
    assert.equal(0, cat({ small, "--reblock", "64", "-o", alone }).status)
    for _, how in ipairs { "--merge", "--parts" } do
      local result = cat { small, large, how, "--reblock", "64", "-o", out }
      assert.equal(0, result.status, result.err)
      assert.equal(cat({ alone, large, how }).out, command.read(out))
    end
  end)

  it("says the new size where larger blocks are made of those that the first line tells of", function()
    local out = folder .. "/coarse"
    assert.equal(0, cat({ blocks("says16", 16, 16), "--reblock", "64", "-o", out }).status)
    assert.equal('{"timestamp": 100, "input_length": 100, "hash_ids": [104, 107], "block_size": 64}',
      command.read(out):match "[^\n]*")
    assert.equal(0, cat({ out, blocks("says64", 64, 64), "-o", folder .. "/both" }).status)
    local both = command.run { "lint", folder .. "/both", "--json" }
    assert.truthy(both.out:find('"block_size": 64', 1, true), both.out)
    local other = file("other", '{"x": {"block_size": 1}, "block_size" : 16, "y": "block_size", "input_length": 32, '
      .. '"hash_ids": [1, 2]}\n')
    assert.equal('{"input_length": 32, "hash_ids": [2], "x": {"block_size": 1}, "block_size" : 32, "y": "block_size"}\n',
      cat({ other, "--reblock", "32" }).out)
  end)

  it("merges traces, and puts a sharded one together again", function()
    local whole = folder .. "/whole.jsonl"
    assert.equal(0, command.run({ "steady", "--rate", "50", "--duration", "4s", "--seed", "3", "-o", whole }).status)
    for i = 0, 2 do
      assert.equal(0, cat({ whole, "--shard", i .. "/3", "-o", ("%s/%d.jsonl"):format(folder, i) }).status)
    end
    local parts = { folder .. "/2.jsonl", folder .. "/0.jsonl", folder .. "/1.jsonl" }
    assert.same({ status = 0, out = command.read(whole), err = "" }, cat { "--merge", "--parts", table.unpack(parts) })
    local unsorted = file("unsorted.jsonl", '{"timestamp": 9}\n{"timestamp": 4}\n')
    local merging = ":2: timestamp 4 is smaller than the 9 before it: merging needs traces in the order of their "
      .. "times (--sort)"
    refused({ "--merge", "--parts", unsorted, parts[1], "-o", folder .. "/x" }, unsorted .. merging)
    assert.equal(0, cat({ "--merge", "--sort", "--parts", unsorted, parts[1] }).status)
    assert.equal('{"timestamp": 4}\n{"timestamp": 9}\n', cat({ unsorted, "--sort" }).out)
  end)

  it("thins by seed, whole sessions together", function()
    local lines = {}
    for i = 1, 400 do lines[i] = ('{"timestamp": %d, "session_id": %d}\n'):format(i, i % 50) end
    local path = file("in.jsonl", table.concat(lines))
    local result = cat { path, "--thin", "0.4", "--seed", "9" }
    assert.equal("moontide: seed 9\n", result.err)
    local counts = {}
    for session in result.out:gmatch '"session_id": (%d+)' do counts[session] = (counts[session] or 0) + 1 end
    local sessions = 0
    for _, count in pairs(counts) do
      assert.equal(8, count)
      sessions = sessions + 1
    end
    assert.is_true(sessions > 8 and sessions < 32, sessions .. " of 50")
    assert.equal(result.out, cat({ path, "--thin", "0.4", "--seed", "9" }).out)
    assert.not_equal(result.out, cat({ path, "--thin", "0.4", "--seed", "10" }).out)
  end)

  it("repeats, from standard input too", function()
    local text = '{"timestamp": 0, "hash_ids": [0, 1]}\n{"timestamp": 100, "hash_ids": [0, 2]}\n'
    assert.equal(text .. '{"timestamp": 200, "hash_ids": [0, 4]}\n{"timestamp": 300, "hash_ids": [0, 5]}\n',
      cat({ "-", "--repeat", "2", "--fresh-ids", "--common-root", "1" }, { input = text }).out)
    assert.equal(text .. '{"timestamp": 60000, "hash_ids": [0, 1]}\n{"timestamp": 60100, "hash_ids": [0, 2]}\n',
      cat({ "-", "--repeat", "2", "--every", "1m" }, { input = text }).out)
    local path = file("one.jsonl", '{"timestamp": 5}\n')
    refused({ path, "--repeat", "2", "-o", folder .. "/x" },
      path .. ": all requests come at one instant: to repeat them, say how often (--every)")
  end)

  it("moves times, and mends their unit", function()
    local path = file("in.jsonl", '{"timestamp": 1700000000.5, "delay": 2}\n{"timestamp": 1700000003}\n')
    assert.equal('{"timestamp": 0, "delay": 2000}\n{"timestamp": 2500}\n',
      cat({ path, "--time-unit", "s", "--from-zero" }).out)
    assert.equal('{"timestamp": 1700000060000, "delay": 2000}\n{"timestamp": 1700000062500}\n',
      cat({ path, "--time-unit", "s", "--shift", "59.5s" }).out)
    assert.equal('{"timestamp": 1700000.0005, "delay": 0.002}\n{"timestamp": 1700000.003}\n',
      cat({ path, "--time-unit", "us" }).out)
    refused({ path, "--shift", "-2000000000", "-o", folder .. "/x" },
      path .. ":1: timestamp 1700000000.5 moved by -2e+09 s lies below 0")
  end)

  it("multiplies lengths, ids with them", function()
    local path = file("in.jsonl", four)
    assert.equal('{"timestamp": 0, "input_length": 1200, "output_length": 10, "hash_ids": [0, 1, 3]}\n',
      cat({ path, "--isl-multiplier", "2", "--osl-multiplier", "2", "--num-requests", "1" }).out)
    assert.equal('{"timestamp": 0, "input_length": 1200, "output_length": 5, "hash_ids": [0, 1, 2]}\n',
      cat({ path, "--isl-multiplier", "2", "--num-requests", "1", "--renumber" }).out)
    local misfit = file("misfit.jsonl", '{"input_length": 655, "hash_ids": [7, 8, 9]}\n')
    assert.equal('{"input_length": 655, "hash_ids": [7, 8]}\n', cat({ misfit, "--fit-ids" }).out)
    assert.equal('{"input_length": 655, "hash_ids": [7, 8, 9, 4611686018427387904]}\n',
      cat({ misfit, "--fit-ids", "--block-size", "200" }).out)
    refused({ misfit, "--isl-multiplier", "2", "--block-size", "16", "-o", folder .. "/x" }, misfit
      .. ":1: hash_ids has 3 ids, but input_length 655 makes 41 blocks of 16 tokens; it fits a block size of 256 "
      .. "(--block-size must be the trace's; --fit-ids cuts or adds ids)")
    refused({ misfit, "--isl-multiplier", "2000000" }, "cat: --isl-multiplier must be at most 1000000, not 2000000", 2)
    assert.equal('{"input_length": 655, "hash_ids": [7, 8, 9]}\n', cat({ misfit, "--osl-multiplier", "2" }).out)
    assert.equal(0, cat({ misfit, "--fit-ids", "--isl-multiplier", "2", "--block-size", "16" }).status)
  end)

  it("makes no prompt that has no place in a line, nor takes memory for one", function()
    local long = file("long.jsonl", '{"input_length": 1000000000000, "hash_ids": [7]}\n')
    refused({ long, "--fit-ids" }, long .. ":1: 1 hash_ids for 1000000000000 tokens: too many are missing")
    local wide = file("wide.jsonl", '{"input_length": 1000, "hash_ids": [7]}\n')
    refused({ wide, "--isl-multiplier", "1000000", "--block-size", "1", "--fit-ids", "-o", folder .. "/x" },
      wide .. ":1: a prompt of 1000000000 blocks is too long to be scaled")
    local deep = file("deep.jsonl", '{"input_length": 9, "output_length": 1000000000000, "hash_ids": [1], "session_id": 1}\n'
      .. '{"input_length": 9, "output_length": 1, "hash_ids": [2], "session_id": 1}\n')
    refused({ deep, "--sessions-to", "cumulative", "--sessions", "delta", "-o", folder .. "/x" },
      deep .. ":2: the session's prompt becomes too long")
  end)

  it("makes a trace that can be shown to others", function()
    local path = file("in.jsonl", '{"hash_ids": [18446744073709551615, 3], "session_id": "me", "stream": "acme", '
      .. '"text_input": "secret"}\n')
    assert.equal('{"hash_ids": [0, 1], "session_id": "s0", "stream": "stream0"}\n', cat({ path, "--anonymise" }).out)
    assert.equal(cat({ path, "--anonymise" }).out, cat({ path, "--anonymize" }).out)
  end)

  it("converts session rows either way", function()
    local whole = [[
{"input_length": 700, "output_length": 100, "hash_ids": [0, 1], "session_id": "a"}
{"input_length": 1500, "output_length": 100, "hash_ids": [0, 2, 3], "session_id": "a"}
]]
    local added = [[
{"input_length": 700, "output_length": 100, "hash_ids": [0, 1], "session_id": "a"}
{"input_length": 700, "output_length": 100, "hash_ids": [2, 3], "session_id": "a"}
]]
    assert.same({ status = 0, out = added, err = "" }, cat({ "-", "--sessions-to", "delta" }, { input = whole }))
    assert.equal(whole, cat({ "-", "--sessions-to", "cumulative" }, { input = added }).out)
    -- Where the second turn's prompt is no longer than what was said, another session begins.
    local function turns(...)
      return (('{"input_length": %d, "output_length": 50, "session_id": "%s"}\n'):rep(3)):format(...)
    end
    assert.equal(turns(700, "a", 300, "a/2", 150, "a/2"), cat({ "-", "--sessions", "cumulative", "--sessions-to", "delta" },
      { input = turns(700, "a", 300, "a", 500, "a") }).out)
    local alone = '{"input_length": 5, "output_length": 1}\n' -- of no session: it says nothing, and stays
    assert.same({ status = 0, out = alone .. added, err = "" },
      cat({ "-", "--sessions-to", "delta" }, { input = alone .. whole }))
    assert.equal(whole, cat({ "-", "--sessions-to", "cumulative" }, { input = whole }).out)
    local path = file("unclear.jsonl", ('{"input_length": 9, "session_id": 1}\n{"input_length": 20, "session_id": 1}\n'
      .. '{"input_length": 30, "session_id": 1}\n{"input_length": 5, "session_id": 1}\n'))
    refused({ path, "--sessions-to", "delta", "-o", folder .. "/x" }, path .. ": the session rows do not say whether "
      .. "they count whole prompts or only what each turn adds: say it (--sessions cumulative or --sessions delta)")
    assert.equal(0, cat({ path, "--sessions-to", "delta", "--sessions", "cumulative" }).status)
    -- In blocks of another size ids would be lost.
    local small = file("small.jsonl", whole)
    for _, to in ipairs { "delta", "cumulative" } do
      local words = { small, "--sessions-to", to, "--block-size", "128", "-o", folder .. "/x" }
      if to == "cumulative" then table.move({ "--sessions", "delta" }, 1, 2, #words + 1, words) end
      refused(words, small .. ":1: hash_ids has 2 ids, but input_length 700 makes 6 blocks of 128 tokens; it fits a "
        .. "block size of 512 (--block-size must be the trace's; --fit-ids cuts or adds ids)")
    end
  end)

  it("takes the ticks of a recorded clock away", function()
    local lines = {}
    for i = 0, 199 do lines[i + 1] = ('{"timestamp": %d, "line_number": %d}\n'):format((i * 37 + i * i % 90) // 500 * 500, i) end
    local path = file("in.jsonl", table.concat(lines))
    local result = cat { path, "--sort", "--dequantize", "--seed", "2" }
    assert.equal("moontide: seed 2\n", result.err)
    local before, count, number = 0, 0, -1
    for time, given in result.out:gmatch '"timestamp": ([%d.]+), "line_number": (%d+)' do
      assert.is_true(tonumber(time) >= before)
      before, count = tonumber(time), count + 1
      number = math.max(number, tonumber(given))
    end
    assert.equal(200, count)
    assert.equal(199, number)
    assert.equal(result.out, cat({ path, "--sort", "--dequantize", "--seed", "2", "--grid", "500ms" }).out)
    assert.not_equal(result.out, cat({ path, "--sort", "--dequantize", "--seed", "3" }).out)
    -- What has no time is passed over, and stays where it is.
    local timeless = '{"line_number": 200}\n'
    path = file("timeless.jsonl", table.concat(lines, "", 1, 1) .. timeless .. table.concat(lines, "", 2))
    result = cat { path, "--sort", "--dequantize", "--seed", "2" }
    assert.equal(0, result.status, result.err)
    assert.equal(201, select(2, result.out:gsub("\n", "")))
    path = file("plain.jsonl", four)
    refused({ path, "--dequantize", "-o", folder .. "/x" }, path .. ": its times lie on no grid "
      .. "(4 looked at): there is nothing to dequantize, or the grid must be given (--grid 3s)")
  end)

  it("is interrupted in a filter", function()
    local result = command.shell([[mkfifo p
      env --default-signal=INT "$MOONTIDE" cat p --where '(function() while true do end end)()' -o x 2>err & cat=$!
      echo '{"timestamp": 1}' >p; sleep 0.1; kill -INT $cat; wait $cat; echo $?; cat err; ls]], { folder = folder })
    assert.equal("130\nmoontide: interrupted\nerr\np\n", result.out)
  end)

  it("reads a line of 100 MB", function()
    local path = folder .. "/large.jsonl"
    -- 100 MB of one string, and its end cut off in the second file.
    local made = command.shell(([[{ printf '{"timestamp": 1, "text_input": "'; head -c 100000000 /dev/zero | tr '\0' x
      printf '"}\n{}\n'; } > '%s' && head -c 90000000 '%s' > '%s.cut']]):format(path, path, path))
    assert.equal(0, made.status)
    assert.same({ status = 0, out = "", err = "" },
      command.shell(("$MOONTIDE cat '%s' | cmp - '%s'"):format(path, path)))
    local result = command.shell(("$MOONTIDE cat '%s.cut' -o '%s/x'"):format(path, folder))
    assert.equal(1, result.status)
    assert.truthy(result.err:find("large.jsonl.cut:1:32: the line ends inside the string '\"x", 1, true), result.err)
    assert.is_true(#result.err < 400)
  end)
end)
