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
  local result = cat(words, opts)
  assert.equal("moontide: " .. message .. "\n", result.err)
  assert.equal(exit_status or 1, result.status)
  assert.equal("", result.out)
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
    assert.same({ status = 0, out = "", err = "" }, cat { path, "-o", folder .. "/out.jsonl" })
    assert.equal(four, command.read(folder .. "/out.jsonl"))
    assert.same({ status = 0, out = "", err = "" }, cat { path, "-o", path })
    assert.equal(four, command.read(path))
  end)

  it("passes the real trace on byte for byte", function()
    local data = os.getenv "MOONTIDE_DATA" or "../shared/data"
    local path = data .. "/mooncake_conversation_trace.jsonl"
    if not io.open(path) then return pending("no " .. path) end
    local result = command.shell(("$MOONTIDE cat '%s' | cmp - '%s'"):format(path, path))
    assert.same({ status = 0, out = "", err = "" }, result)
  end)

  it("tolerates line ends, blank lines and an empty file", function()
    assert.equal("{\"timestamp\": 1}\n{}\n", cat { file("crlf", "{\"timestamp\":1}\r\n\r\n \n{}") }.out)
    assert.same({ status = 0, out = "", err = "" }, cat { file("empty", "") })
    assert.same({ status = 0, out = "", err = "" }, cat { file("empty", ""), "-o", folder .. "/out" })
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

  it("says that standard input is bad", function()
    local result = cat({ "-" }, { input = "{}\n[]\n" })
    assert.equal("moontide: standard input:2:1: expected a request ('{'), found '[]'\n", result.err)
    assert.equal(1, result.status)
  end)

  it("passes over bad lines when asked to, and counts them", function()
    local path = file("bad.jsonl", "junk\n{}\n{\"delay\": -1}\n{\"delay\": 1}\n")
    assert.same({ status = 0, out = "{}\n{\"delay\": 1}\n", err = "moontide: skipped 2 bad lines; the first: " .. path
      .. ":1:1: expected a request ('{'), found 'junk'\n" }, cat { path, "--skip-bad-lines" })
  end)

  it("wants a window's trace in order", function()
    local path = file("in.jsonl", '{"timestamp": 5}\n{"timestamp": 3}\n')
    local message = ":2: timestamp 3 is smaller than the 5 before it: a window of time needs a trace in the order "
      .. "of its times"
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
      { path, "--start", "2", "--end", "1" }, { path, path },
    } do
      local result = cat(words)
      assert.equal(2, result.status, table.concat(words, " "))
      assert.truthy(result.err:find "^moontide: cat: [^\n]+\n$", result.err)
      assert.equal("", result.out)
    end
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
