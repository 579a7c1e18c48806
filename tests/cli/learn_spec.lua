local command = require "tests.support.command"

local conversation, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"

local folder

local function learn(words, opts)
  return command.run({ "learn", table.unpack(words) }, opts)
end

local function file(name, text)
  return command.write(folder, name, text)
end

-- Runs learn on the words, which must fail with one line on standard error and leave no model.
local function refused(message, words, exit_status, opts)
  command.refuses(learn(words, opts), message, exit_status)
  assert.is_false(command.exists(folder .. "/out.model"))
end

local function refused_trace(message, text)
  local path = file("bad.jsonl", text)
  refused(path .. message, { path, "-o", folder .. "/out.model" })
end

local small = [[
{"timestamp": 0, "input_length": 1000, "output_length": 10, "hash_ids": [7, 18446744073709551615]}
{"timestamp": 1500.25, "input_length": 1500, "output_length": 20, "hash_ids": [7, 18446744073709551615, 2]}

{"timestamp": 2000, "input_length": 600, "hash_ids": [3, 4], "model": "secret", "text_input": "secret"}
{"timestamp": 2000, "input_length": 1024, "output_length": 40, "hash_ids": [7, 18446744073709551615]}
{"timestamp": 12000, "input_length": 77, "output_length": 1}
]]

local small_model = [[
moontide model 3
block_size 512
requests 5
runs 2
instants 4
order kept
# shared returning unique: tokens output visits distance elapsed beyond return end:distance
descriptions
0 0 0:
77 1
0 0 2:
88 -
0 2 0:
488 10
2 0 0:
512 40 2 5 5 0 2
2 0 1:
476 20 1 2 2 0 2
arrivals
0
1500.25
499.75 2
10000
chains 3
0 2 1500.25 4 499.75 3
2 0
1 1
]]

local small_shown = [[
Model of 5 requests, in blocks of 512 tokens

                      Mean  Std Dev    Min     P25    Median       P75       Max
Input Length        840.20   476.41  77.00  600.00  1,000.00  1,024.00  1,500.00
Known from Earlier  512.00   512.00   0.00    0.00    512.00  1,024.00  1,024.00
Output Length        17.75    14.50   1.00    7.75     15.00     25.00     40.00

Blocks                           Share
known from earlier requests  4  44.4 %
new, and come back           2  22.2 %
unique                       3  33.3 %

                Mean   Min   P10   P25  Median   P75   P90   P95   P99   Max
Reuse Distance  3.50  2.00  2.30  2.75    3.50  4.25  4.70  4.85  4.97  5.00

5 requests at 4 instants in 12s; the gaps are in order
Knobs now: sharing 44.4 %, session_length 1.67 turns, sessions_at_once 0.17, cliff_at 2 blocks

]]

describe("moontide learn", function()
  setup(function() folder = command.folder() end)
  teardown(command.remove_folders)

  it("writes what it has learnt, to the letter", function()
    local path = file("small.jsonl", small)
    local target = folder .. "/small.model"
    local result = learn { path, "-o", target }
    assert.equal("", result.out)
    assert.equal(("moontide: %s: 5 requests in %d bytes of text; 'moontide learn --show' says what it gives away\n")
      :format(target, #small_model), result.err)
    assert.equal(0, result.status)
    assert.equal(small_model, command.read(target))
  end)

  it("reads standard input and writes standard output", function()
    local result = learn({ "-", "-o", "-" }, { input = small })
    assert.equal("", result.err)
    assert.equal(small_model, result.out)
  end)

  it("leaves out the order of the gaps with --no-gaps", function()
    local result = learn({ "-", "-o", "-", "--no-gaps" }, { input = small })
    local wanted = small_model:gsub("model 3", "model 1"):gsub("order kept", "order left_out"):gsub("arrivals\n.*",
      "batches\n1 3\n2\ngaps\n499.75\n1500.25\n10000\n")
    assert.equal(wanted, result.out)
    local shown = learn({ "--show", "-" }, { input = result.out })
    assert.truthy(shown.out:find("4 instants in 12s; the order of the gaps is left out", 1, true))
    assert.truthy(shown.out:find("and how many requests come at once, without their order;", 1, true))
  end)

  it("does not give away ids, texts, other members or the beginning of time", function()
    local dated = small:gsub('"timestamp": (%d+)', function(time)
      return ('"timestamp": %d'):format(1760000000000 + time)
    end)
    assert.equal(small_model, learn({ "-", "-o", "-" }, { input = dated }).out)
    local renamed = small:gsub("18446744073709551615", "5"):gsub("%[7", "[123456789")
    assert.equal(small_model, learn({ "-", "-o", "-" }, { input = renamed }).out)
  end)

  it("shows what a model holds in one screen", function()
    local path = file("small.model", small_model)
    local result = learn { "--show", path }
    assert.equal("", result.err)
    assert.equal(small_shown, result.out:sub(1, #small_shown))
    local lines = select(2, result.out:gsub("\n", "\n"))
    assert.is_true(lines <= 24, lines .. " lines")
    assert.truthy(result.out:find("input and output length: of 5 requests, no other request has both", 1, true))
    assert.matches("\n%(Without ids, a session goes on where its prompt falls back a little; 'analyze' begins another%.%)\n",
      result.out)
    for line in result.out:gmatch "[^\n]+" do assert.is_true(#line <= 100, line) end
  end)

  it("shows it as JSON", function()
    local path = file("small.model", small_model)
    local result = learn { "--show", path, "--json" }
    assert.equal("", result.err)
    local shown = result.out
    assert.truthy(shown:find('^{"requests": 5, "block_size": 512, "input_length": {"mean": 840.2, "std": '))
    assert.truthy(shown:find('"shared_blocks": 4, "returning_blocks": 2, "unique_blocks": 3, "runs": 2, "distance": {',
      1, true))
    assert.truthy(shown:find('"instants": 4, "span": 12, "keeps_order": true, "single_lengths": 5, '
      .. '"single_descriptions": 5, "chains": 3, "stretch": 1, '
      .. '"sharing": 0.4444444444444444, "session_length": 1.6666666666666667, '
      .. '"sessions_at_once": 0.16666666666666666, "cliff": 2}\n$'))
  end)

  it("compresses when the name ends so", function()
    local path, target = file("small.jsonl", small), folder .. "/small.model.gz"
    assert.equal(0, learn({ path, "-o", target }).status)
    assert.equal("\x1f\x8b", command.read(target):sub(1, 2))
    assert.equal(small_model, command.shell("gzip -dc '" .. target .. "'").out)
    assert.equal(learn({ "--show", file("small.model", small_model) }).out, learn({ "--show", target }).out)
  end)

  it("takes traces with little to learn from", function()
    local line = '{"timestamp": 5, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]}\n'
    for name, text in pairs {
      ["one request"] = line, ["all the same, at one instant"] = line:rep(50),
      ["no repetition"] = line .. line:gsub("%[0, 1%]", "[2, 3]"),
      ["empty hash_ids"] = line:gsub("%[0, 1%]", "[]"):rep(3),
      ["no hash_ids, no output_length"] = '{"timestamp": 5, "input_length": 600}\n{"timestamp": 7, "input_length": 0}\n',
    } do
      local result = learn({ "-", "-o", "-" }, { input = text })
      assert.equal("", result.err, name)
      local shown = learn({ "--show", "-" }, { input = result.out })
      assert.equal("", shown.err, name)
      assert.equal(0, shown.status, name)
    end
  end)

  it("keeps the conversation trace in a quarter of its size", function()
    if missing then return pending(missing) end
    local target = folder .. "/conversation.model"
    assert.equal(0, learn({ conversation, "-o", target }).status)
    assert.is_true(4 * #command.read(target) <= 3029533)
    local shown = learn({ "--show", target }).out
    assert.truthy(shown:find("Model of 12,031 requests, in blocks of 512 tokens", 1, true))
    assert.truthy(shown:find("known from earlier requests  105,710  36.6 %", 1, true))
  end)

  -- --- what is refused -----------------------------------------------------------------------------

  it("reports traces that it cannot learn from", function()
    refused_trace(":1: timestamp is missing, and learning needs it", '{"input_length": 5, "output_length": 1}\n')
    refused_trace(":1: input_length is missing, and learning needs it", '{"timestamp": 5}\n')
    refused_trace(":3: the timestamp is earlier than the one before ('moontide cat --sort' puts a trace in order)",
      small:gsub('"timestamp": 2000, "input_length": 600', '"timestamp": 1, "input_length": 600', 1):gsub("\n\n", "\n"))
  end)

  it("names the block size that fits", function()
    local path = file("bad.jsonl", '{"timestamp": 0, "input_length": 5}\n'
      .. '{"timestamp": 1, "input_length": 1500, "hash_ids": [1, 2, 3]}\n')
    refused(path .. ":2: hash_ids has 3 ids, but input_length 1500 makes 2 blocks of 1024 tokens; it fits a block size "
      .. "of 512", { path, "--block-size", 1024, "-o", folder .. "/out.model" })
    assert.equal(0, learn({ path, "-o", "-" }).status)
  end)

  it("reports files that are missing, empty, no traces or models already", function()
    local target = folder .. "/out.model"
    refused("/nowhere/trace.jsonl: cannot open: No such file or directory", { "/nowhere/trace.jsonl", "-o", target })
    refused(folder .. ": is a directory, not a file", { folder, "-o", target })
    refused_trace(": no requests", "")
    refused("standard input: no requests", { "-", "-o", target }, 1, { input = "\n\n" })
    refused_trace(":1:1: expected a request ('{'), found 'hello'", "hello\n")
    refused_trace(": is a model already, not a trace", small_model)
    refused("/nowhere/out.model: cannot write in the folder '/nowhere/': No such file or directory",
      { file("small.jsonl", small), "-o", "/nowhere/out.model" })
  end)

  it("never replaces its own trace", function()
    local path = file("own.jsonl", small)
    refused(("learn: the model would replace the trace %s: say where else it goes with --output-file"):format(path),
      { path, "-o", path }, 2)
    assert.equal(small, command.read(path))
  end)

  it("leaves an old model as it was when it fails", function()
    local target, path = file("old.model", "old"), file("bad.jsonl", small .. "{\n")
    assert.equal(1, learn({ path, "-o", target }).status)
    assert.equal("old", command.read(target))
  end)

  it("fails when its result cannot be written", function()
    local result = command.shell("$MOONTIDE learn - -o - >/dev/full", { input = small })
    assert.equal(1, result.status)
    assert.equal("moontide: standard output: cannot write: No space left on device\n", result.err)
    result = command.shell("$MOONTIDE learn --show - >/dev/full", { input = small_model })
    assert.equal(1, result.status)
    assert.equal("moontide: standard output: cannot write: No space left on device\n", result.err)
  end)

  it("passes over bad lines when told to, and says so", function()
    local path = file("bad.jsonl", small .. '{"timestamp": 1, "input_length": 77, "output_length": 1}\n{\n')
    local result = learn { path, "-o", "-", "--skip-bad-lines" }
    assert.equal(small_model, result.out)
    assert.equal(("moontide: skipped 2 bad lines; the first: %s:7: the timestamp is earlier than the one before "
      .. "('moontide cat --sort' puts a trace in order)\n"):format(path), result.err)
    assert.equal(0, result.status)
  end)

  it("refuses a model that is cut, wherever it is cut", function()
    local path = folder .. "/cut.model"
    for length = 0, #small_model - 1, 31 do
      file("cut.model", small_model:sub(1, length))
      local result = learn { "--show", path }
      assert.equal(1, result.status)
      assert.equal("", result.out)
      assert.equal("moontide: " .. path .. ":", result.err:sub(1, #path + 11))
      assert.truthy(result.err:find "cut\n$" or length < 15, result.err)
    end
    refused(path .. ":18: the file ends without a newline here: it seems to be cut",
      { "--show", file("cut.model", (small_model:match "^.*476 20 1 2 2 0")) })
    refused(path .. ":18: a description should follow, but the file ends here: it seems to be cut",
      { "--show", file("cut.model", (small_model:match "^.*2 0 1:\n")) })
    refused(path .. ":23: an instant should follow, but the file ends here: it seems to be cut",
      { "--show", file("cut.model", (small_model:match "^.*499.75 2\n")) })
    local packed = folder .. "/cut.model.gz"
    assert.equal(0, learn({ file("small.jsonl", small), "-o", packed }).status)
    local bytes = command.read(packed)
    file("cut.model.gz", bytes:sub(1, -20))
    refused(packed .. ": damaged gzip data: the file is cut", { "--show", packed })
  end)

  it("refuses what is no model, or a newer one", function()
    local path = folder .. "/other.model"
    refused(path .. ": this is no model: it is empty", { "--show", file("other.model", "") })
    refused(path .. ":1: this is no model: it begins with '{\"timestamp\": 0, \"input_length\": 100...' "
      .. "(of a trace 'moontide learn TRACE -o NAME.model' makes one)",
      { "--show", file("other.model", small) })
    refused(path .. ":1: this is no model: it begins with '??'", { "--show", file("other.model", "\x1f\x8b") })
    refused(path .. ":1: a model of version 4: this moontide reads version 3, a newer one is needed",
      { "--show", file("other.model", (small_model:gsub("model 3", "model 4"))) })
    refused("/nowhere/x.model: cannot open: No such file or directory", { "--show", "/nowhere/x.model" })
  end)

  it("refuses numbers that are wrong or contradict each other", function()
    local path = folder .. "/wrong.model"
    local function wrong(message, from, to)
      local changed, count = small_model:gsub(from, to, 1)
      assert.equal(1, count)
      refused(path .. message, { "--show", file("wrong.model", changed) })
    end
    wrong(":2:12: block_size must be a whole number, not '5x2'", "512", "5x2")
    wrong(":14:1: tokens must be between 1 and 512, not 513", "488 10", "513 10")
    wrong(":16: 2 blocks touched, 5 of them different", "2 5 5 0", "2 5 2 0")
    wrong(":16: a run ends at block 3, not between 1 and 2", "0 2\n2 0 1", "0 2 3:4\n2 0 1")
    wrong(":16: a distance of 5 after one of 6, 2 blocks deep: they rise", "0 2\n2 0 1", "0 2 1:6\n2 0 1")
    wrong(":18: the descriptions have 2 runs, not 3", "runs 2", "runs 3")
    wrong(":18: 2 blocks come back for the first time, but 3 are new and come back", "0 2 0", "0 3 0")
    wrong(":23: the instants have more than 5 requests", "499.75 2", "499.75 3")
    wrong(":3:10: requests must be between 1 and 18446744073709551615, not 99999999999999999999", "requests 5",
      "requests 99999999999999999999")
    wrong(":19:1: tokens must be a whole number, not 'arrivals'", "requests 5\nruns 2\ninstants 4",
      "requests 1000000000000000000\nruns 2\ninstants 4")
  end)

  it("refuses wrong options", function()
    refused("learn: a trace to learn from is missing (or --show NAME.model)", { "-o", "x" }, 2)
    refused("learn: --output-file is missing: -o NAME.model", { "x" }, 2)
    refused("learn: --show goes alone: it learns and writes nothing", { "--show", "x", "-o", "y" }, 2)
    refused("learn: --show goes alone: it learns and writes nothing", { "x", "--show", "y" }, 2)
    for _, one in ipairs { { "--block-size", "64" }, { "--skip-bad-lines" }, { "--no-gaps" },
      { "--times-from-delays" }, { "--expect", "requests>1" } } do
      refused("learn: --show goes alone: it learns and writes nothing", { "--show", "x", table.unpack(one) }, 2)
    end
    refused("learn: --json goes with --show", { "x", "-o", "y", "--json" }, 2)
    refused("learn: --block-size must be at least 1, not 0", { "x", "-o", "y", "--block-size", "0" }, 2)
    refused("learn: unknown option '--gapps' (did you mean '--gaps'?)", { "x", "-o", "y", "--gapps" }, 2)
  end)

  it("has help", function()
    local result = learn { "--help" }
    assert.equal(0, result.status)
    assert.truthy(result.out:find("--no-gaps", 1, true))
    assert.truthy(result.out:find("moontide learn --show NAME.model", 1, true))
  end)
end)
