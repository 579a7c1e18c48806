local command = require "tests.support.command"
local records = require "tests.support.records"

local conversation, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"

local folder

local function run(line, opts)
  opts = opts or {}
  opts.folder = opts.folder or folder
  return command.line("synthesize " .. line, opts)
end

local function exists(name) return command.exists(folder .. "/" .. name) end

local function read(name) return command.read(folder .. "/" .. name) end

-- It must fail with that one line, and leave no file.
local function refused(message, line, exit_status)
  command.refuses(run(line .. " -o out.jsonl"), message, exit_status)
  assert.equal("", command.shell("ls -A | grep out", { folder = folder }).out)
end

-- It must succeed; gives what it printed.
local function works(line, opts)
  local result = run(line, opts)
  assert.equal(0, result.status, result.err)
  return result
end

local trace = [[
{"timestamp": 0, "input_length": 1000, "output_length": 10, "hash_ids": [0, 1]}
{"timestamp": 1500, "input_length": 1500, "output_length": 20, "hash_ids": [0, 1, 2]}
{"timestamp": 2000, "input_length": 600, "output_length": 30, "hash_ids": [3, 4]}
{"timestamp": 3250, "input_length": 1024, "output_length": 40, "hash_ids": [0, 1]}
]]

local twin = '{"timestamp": 0, "input_length": 1000, "output_length": 10, "hash_ids": [0, 1]}\n'

local twin_table = [[
                          Mean  Std Dev       Min       P25    Median       P75       Max
Input Length          1,000.00     0.00  1,000.00  1,000.00  1,000.00  1,000.00  1,000.00
Context Length        1,000.00     0.00  1,000.00  1,000.00  1,000.00  1,000.00  1,000.00
Unique Prompt Length      0.00     0.00      0.00      0.00      0.00      0.00      0.00
Output Length            10.00     0.00     10.00     10.00     10.00     10.00     10.00
]]

local function twins(count)
  local lines = {}
  for i = 1, count do
    lines[i] = '{"timestamp": 0, "input_length": 1000, "output_length": 10, "hash_ids": [0, 1], '
      .. '"context_len": 1000, "unique_user_prompt_len": 0}\n'
  end
  return table.concat(lines)
end

describe("moontide synthesize", function()
  before_each(function()
    folder = command.folder()
    command.write(folder, "t.jsonl", trace)
    command.write(folder, "twins.jsonl", twin .. twin)
  end)
  after_each(command.remove_folders)

  it("writes a trace, and prints the table of what it made", function()
    assert.same({ status = 0, err = "moontide: new.jsonl: 2 requests over 0 s (seed 0)\n", out = twin_table },
      run "twins.jsonl --method radix --num-requests 2 -o new.jsonl")
    assert.equal(twins(2), read "new.jsonl")
  end)

  it("puts only the trace on standard output", function()
    local result = works("twins.jsonl --method radix --num-requests 2 -o - --seed 9")
    assert.equal(twins(2), result.out)
    assert.equal("moontide: standard output: 2 requests over 0 s (seed 9)\n" .. twin_table, result.err)
    result = works("twins.jsonl --method radix --num-requests 2 -o - --json --compact")
    assert.equal(twins(2):gsub("([,:]) ", "%1"), result.out)
    assert.is_truthy(result.err:find(
      '\n{"requests": 2, "blocks": 4, "duration": 0, "metrics": {"input_length": {"mean": 1000, ', 1, true))
  end)

  it("gives a short part a length in time, where nothing is shared", function()
    command.line("steady --rate 5 --duration 9 --isl 40 -o poisson.jsonl", { folder = folder })
    for _, count in ipairs { 2, 5, 10 } do
      local made = records.read(works(("poisson.jsonl --num-requests %d -o -"):format(count)).out)
      assert.equal(count, #made)
      assert.is_true(made[count].timestamp > 100 * count, made[count].timestamp) -- a half of the rate's
    end
  end)

  it("prints JSON", function()
    local result = works "twins.jsonl --method radix --num-requests 2x -o new.jsonl --json"
    local one = '{"mean": %d, "std": 0, "min": %d, "p25": %d, "median": %d, "p75": %d, "max": %d}'
    local function all(value) return (one:gsub("%%d", value)) end
    assert.equal(('{"requests": 4, "blocks": 8, "duration": 1, "metrics": {"input_length": %s, '
      .. '"context_length": %s, "unique_prompt_length": %s, "output_length": %s}}\n'):format(
        all(1000), all(1000), all(0), all(10)), result.out)
  end)

  it("names its file after the options, beside the input", function()
    command.write(folder, "sub/mooncake_trace.jsonl", trace)
    command.write(folder, "sub/packed.jsonl.gz", "")
    local function named(name, line)
      works(line .. " --num-requests 5", { folder = folder .. "/sub" })
      assert.is_true(exists("sub/" .. name), name)
    end
    named("mooncake_trace_synth_1x1+1.0_speedup1.jsonl", "")
    named("mooncake_trace_synth_1x1+1.0_speedup1.0.jsonl", "--speedup-ratio 1")
    named("mooncake_trace_synth_2x3+0.5_speedup2.5.jsonl",
      "--prefix-len-multiplier 2.7 --prefix-root-multiplier 3 --prompt-len-multiplier 0.5 --speed-ratio 2.5")
    named("mooncake_trace_synth_0x1+2.0_speedup1_maxisl2000_minisl10_minosl3_maxosl30_oslx1.5.jsonl",
      "--prefix-len-multiplier 0.5 --prompt-len-multiplier 2 --max-isl 2000 --min-isl 10 --min-osl 3 --max-osl 30 "
      .. "--osl-multiplier 1.5")
    works("sub/mooncake_trace.jsonl --num-requests 5 --osl-multiplier 2 --method radix")
    assert.is_true(exists "sub/mooncake_trace_synth_1x1+1.0_speedup1_oslx2.0.jsonl")
    command.shell("gzip -c sub/mooncake_trace.jsonl > sub/packed.jsonl.gz", { folder = folder })
    named("packed_synth_1x1+1.0_speedup1.jsonl", "--input-file packed.jsonl.gz")
  end)

  it("reads standard input and compressed traces, and writes compressed", function()
    local plain = works("t.jsonl --num-requests 50 -o -").out
    assert.equal(plain, works("- --num-requests 50 -o -", { input = trace }).out)
    assert.equal(plain, works("- --num-requests 50 -o - --method reuse", { input = trace }).out)
    command.shell("gzip t.jsonl", { folder = folder })
    works("t.jsonl.gz --num-requests 50 -o new.jsonl.gz")
    assert.equal(plain, command.shell("zcat new.jsonl.gz", { folder = folder }).out)
    local result = run "-"
    assert.equal("moontide: synthesize: --output-file is needed where the trace is standard input\n", result.err)
    assert.equal(2, result.status)
  end)

  it("makes of a model what it makes of its trace", function()
    assert.equal(0, command.run({ "learn", "t.jsonl", "-o", "t.model" }, { folder = folder }).status)
    assert.equal(0, command.run({ "learn", "t.jsonl", "-o", "known_by_its_first_line" }, { folder = folder }).status)
    local expected = works("t.jsonl --num-requests 100 --seed 3 -o -").out
    assert.equal(expected, works("--input-file t.model --num-requests 100 --seed 3 -o -").out)
    assert.equal(expected, works("known_by_its_first_line --num-requests 100 --seed 3 -o - --block-size 512").out)
    assert.equal(expected, works("- --num-requests 100 --seed 3 -o -", { input = read "t.model" }).out)
    refused("t.model: it is a model, and the radix method needs the trace itself", "t.model --method radix")
    refused("t.model: the model has blocks of 512 tokens, not of 16", "t.model --block-size 16")
    local large = read("t.model"):gsub("\n0 (%d+) (%d+):\n", "\n0 %1 100000000:\n", 1)
    command.write(folder, "large.model", large)
    local refusal = run "large.model -o out.jsonl"
    assert.equal(1, refusal.status)
    assert.is_truthy(refusal.err:find("^moontide: large.model:%d+: shared %+ returning %+ unique must be at most 16777216 "
      .. "blocks, not 1%d%d%d%d%d%d%d%d\n$"), refusal.err)
    assert.is_false(command.exists(folder .. "/out.jsonl"))
    command.write(folder, "cut.model", read("t.model"):sub(1, -10))
    local result = run "cut.model -o out.jsonl"
    assert.is_truthy(result.err:find "^moontide: cut.model:%d+:? ?.*\n$")
    assert.equal(1, result.status)
    assert.is_false(exists "out.jsonl")
  end)

  it("says that arrivals are iid where a model lacks the gaps' order", function()
    assert.equal(0, command.run({ "learn", "t.jsonl", "-o", "t.model", "--no-gaps" }, { folder = folder }).status)
    local result = works "t.model --num-requests 20 -o new.jsonl"
    assert.equal("moontide: t.model has gaps without their order: arrivals are iid\n",
      result.err:match "^[^\n]*\n")
    assert.equal(1, select(2, works("t.model --num-requests 20 -o new.jsonl --arrivals iid").err:gsub("\n", "")))
    assert.equal("moontide: standard input has gaps without their order: arrivals are iid\n",
      works("- --num-requests 20 -o new.jsonl", { input = read "t.model" }).err:match "^[^\n]*\n")
    refused("the model has its gaps without their order, and arrivals like the source's need it: only iid is left",
      "t.model --arrivals source")
  end)

  -- Sources with little in them are sources.
  local poor = {
    ["one request"] = twin,
    ["all requests identical"] = twin:rep(50),
    ["all at one instant"] = trace:gsub('"timestamp": %d+', '"timestamp": 77'),
    ["no repetition at all"] = trace:gsub("%[0, 1%]}\n$", "[5, 6]}\n"):gsub("%[0, 1, 2%]", "[7, 8, 9]"),
    ["empty hash_ids"] = trace:gsub("%[[%d, ]*%]", "[]"),
    ["hash_ids that are not there"] = trace:gsub(', "hash_ids": %[[%d, ]*%]', ""),
    ["some hash_ids that are not there"] = trace:gsub(', "hash_ids": %[3, 4%]', ""),
    ["ids of all 64 bits"] = trace:gsub("0, 1", "18446744073709551615, 9223372036854775808"),
    ["one token"] = '{"timestamp": 3, "input_length": 1, "output_length": 0, "hash_ids": [9]}\n',
  }
  for name, text in pairs(poor) do
    it("learns from " .. name, function()
      command.write(folder, "poor.jsonl", text)
      for _, ways in ipairs { "reuse --arrivals source", "reuse --arrivals iid", "radix" } do
        works(("poor.jsonl --method %s --num-requests 200 -o new.jsonl"):format(ways))
        local made = read "new.jsonl"
        assert.equal(200, select(2, made:gsub("\n", "")))
        if not name:find "hash_ids" then assert.is_nil(records.fault(records.read(made), 512)) end
        local checked = command.run({ "analyze", "new.jsonl" }, { folder = folder })
        assert.equal(0, checked.status, checked.err)
      end
    end)
  end

  for _, method in ipairs { "reuse", "radix" } do
    it("refuses a trace that it cannot learn from: " .. method, function()
      local function bad(message, text)
        command.write(folder, "bad.jsonl", text)
        refused("bad.jsonl" .. message, "bad.jsonl --method " .. method)
      end
      local needs = method == "reuse" and "learning" or "synthesis"
      bad(":2: timestamp is missing, and " .. needs .. " needs it", twin .. twin:gsub('"timestamp": 0, ', ""))
      bad(":2: the timestamp is earlier than the one before ('moontide cat --sort' puts a trace in order)",
        twin:gsub(": 0,", ": 5,") .. twin)
      bad(":2: hash_ids has 2 ids, but input_length 30 makes 1 block of 512 tokens; it fits a block size of 16",
        twin .. twin:gsub("1000", "30"))
      bad(": no requests", "")
      bad(":2:1: expected a request ('{'), found 'x'", twin .. "x\n")
      local result = run("cut.jsonl -o out.jsonl --method " .. method)
      assert.equal("moontide: cut.jsonl: cannot open: No such file or directory\n", result.err)
      command.write(folder, "cut.jsonl", (twin .. twin):sub(1, -30))
      result = run("cut.jsonl -o out.jsonl --method " .. method)
      assert.is_truthy(result.err:find "^moontide: cut.jsonl:2:%d+: .*it seems to be cut%) ")
      assert.equal(1, result.status)
      assert.is_false(exists "out.jsonl")
      refused("t.jsonl:1: hash_ids has 2 ids, but input_length 1000 makes 63 blocks of 16 tokens; it fits a block "
        .. "size of 512", "t.jsonl --block-size 16 --method " .. method)
      result = works("cut.jsonl --num-requests 3 -o new.jsonl --skip-bad-lines --method " .. method)
      assert.is_truthy(result.err:find "^moontide: skipped 1 bad line; the first: cut.jsonl:2:")
    end)

    it("refuses what nothing can pass or what cannot be made: " .. method, function()
      local function with(line) return "t.jsonl --method " .. method .. " " .. line end
      refused("no request has an ISL from 0 (min_isl) to 10 (max_isl): 10000 draws in a row", with "--max-isl 10")
      refused("no request has an ISL of 9000 or more (min_isl): 10000 draws in a row", with "--min-isl 9000")
      refused("no request has an ISL from 5000 (min_isl) to 6000 (max_isl): 10000 draws in a row",
        with "--min-isl 5000 --max-isl 6000")
      for _, name in ipairs { "--prefix-len-multiplier", "--prompt-len-multiplier" } do
        local result = run(with(name .. " 1e9 -o out.jsonl"))
        assert.is_truthy(result.err:find("134217728", 1, true))
        assert.is_truthy(result.err:find "smaller multipliers or a max_isl are needed\n$")
        assert.equal(1, result.status)
        assert.is_false(exists "out.jsonl")
      end
      works(with "--osl-multiplier 1e9 --speed-ratio 1e9 --num-requests 20 -o new.jsonl")
      for _, record in ipairs(records.read(read "new.jsonl")) do
        assert.is_true(record.osl >= 10 * 10 ^ 9 and record.osl <= 40 * 10 ^ 9)
      end
      refused("the speedup ratio makes times of more than 292 years", with "--speed-ratio 1e-9")
    end)
  end

  it("takes a thousand million populations, or says how many fit", function()
    works "t.jsonl --method radix --prefix-root-multiplier 1000000000 --num-requests 50 -o new.jsonl"
    assert.is_nil(records.fault(records.read(read "new.jsonl"), 512))
    local result = run "t.jsonl --prefix-root-multiplier 1000000000 --num-requests 50 -o out.jsonl"
    assert.equal(1, result.status)
    assert.is_truthy(result.err:find "^moontide: a prefix root multiplier of 1000000000 is too much .* populations fit")
    assert.is_false(exists "out.jsonl")
  end)

  it("refuses values that options cannot have", function()
    local function wrong(message, line) refused("synthesize: " .. message, "t.jsonl " .. line, 2) end
    for _, name in ipairs { "--prefix-len-multiplier", "--prompt-len-multiplier", "--osl-multiplier", "--speed-ratio" } do
      wrong(name .. " must be above 0, not 0", name .. " 0")
      wrong(name .. " must be above 0, not -1.5", name .. " -1.5")
      wrong(name .. " must be a number, not 'nan'", name .. " nan")
      wrong(name .. " must be a number, not 'inf'", name .. " inf")
    end
    wrong("--speedup-ratio must be above 0, not 0", "--speedup-ratio 0")
    wrong("--prefix-root-multiplier must be at least 1, not 0", "--prefix-root-multiplier 0")
    wrong("--prefix-root-multiplier must be at least 1, not -2", "--prefix-root-multiplier -2")
    wrong("--method must be one of reuse, radix, not 'tree'", "--method tree")
    wrong("--arrivals must be source, follow, resample, iid, or a script with a plan, as evening.lua, not 'poisson'",
      "--arrivals poisson")
    wrong("--min-isl (9) is above --max-isl (8)", "--min-isl 9 --max-isl 8")
    wrong("--min-osl (9) is above --max-osl (8)", "--min-osl 9 --max-osl 8")
    wrong("--block-size must be at least 1, not 0", "--block-size 0")
    for _, count in ipairs { "0", "-3", "10y", "0x", "-1x", "nanx", "1.5" } do
      wrong(("--num-requests must be a whole number, 1 or more, or times the source's number, as 10x, not '%s'"):format(
        count), "--num-requests " .. count)
    end
    wrong("option '--prefix' is ambiguous: it could be --prefix-len-multiplier, --prefix-root-multiplier",
      "--prefix 2")
    wrong("unknown option '--osl-multiplyer' (did you mean '--osl-multiplier'?)", "--osl-multiplyer 2")
  end)

  it("never replaces its own source", function()
    local result = run "t.jsonl -o t.jsonl"
    assert.equal("moontide: synthesize: the new trace would replace t.jsonl: say where else it goes with "
      .. "--output-file\n", result.err)
    assert.equal(2, result.status)
    assert.equal(trace, read "t.jsonl")
  end)

  it("leaves an older file as it was when it fails", function()
    command.write(folder, "kept.jsonl", "old\n")
    assert.equal(1, run("t.jsonl --max-isl 5 -o kept.jsonl").status)
    assert.equal("old\n", read "kept.jsonl")
    assert.equal(1, run("t.jsonl -o none/new.jsonl").status)
  end)

  it("a full disk is a failure, with 1", function()
    if command.shell("test -w /dev/full").status ~= 0 then return pending "there is no /dev/full" end
    local result = run "t.jsonl -o /dev/full"
    assert.equal(1, result.status)
    assert.is_truthy(result.err:find "^moontide: /dev/full: .*No space left on device")
  end)

  it("Ctrl-C leaves the whole requests so far in FILE.part and gives 130", function()
    local result = command.shell([[
      env --default-signal=INT "$MOONTIDE" synthesize t.jsonl --num-requests 100M --method radix -o long.jsonl & pid=$!
      until [ "$(awk '/^wchar/ { print $2 }' /proc/$pid/io)" -gt 100000 ]; do
        kill -0 $pid 2>/dev/null || break
        sleep 0.05
      done
      kill -INT $pid
      wait $pid; echo $?]], { folder = folder })
    assert.equal("130\n", result.out)
    assert.equal("moontide: interrupted\nmoontide: the whole requests so far are in long.jsonl.part\n", result.err)
    assert.is_false(exists "long.jsonl")
    assert.equal("}\n", command.shell("tail -c 2 long.jsonl.part", { folder = folder }).out)
  end)

  it("keeps the meaning of what is multiplied on the conversation trace", function()
    if missing then return pending(missing) end
    local here = command.shell("realpath " .. conversation).out:gsub("\n", "")
    for _, method in ipairs { "reuse", "radix" } do
      local first
      for case, options in ipairs {
        "", "--prefix-len-multiplier 2 --max-isl 20000", "--prefix-root-multiplier 5 --prompt-len-multiplier 0.3",
      } do
        works(("%s --method %s --num-requests 1500 -o new.jsonl %s"):format(here, method, options))
        local text = read "new.jsonl"
        local list = records.read(text)
        assert.equal(1500, #list)
        assert.is_nil(records.fault(list, 512))
        if case == 2 then
          for _, record in ipairs(list) do assert.is_true(record.isl <= 20000) end
        elseif case == 1 then
          first = text
          works(("%s --method %s --num-requests 1500 -o new.jsonl --seed 1"):format(here, method))
          assert.is_false(text == read "new.jsonl")
          works(("%s --method %s --num-requests 1500 -o new.jsonl --seed 0"):format(here, method))
          assert.is_true(first == read "new.jsonl")
        end
      end
    end
  end)
end)
