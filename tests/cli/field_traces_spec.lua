-- Traces as they come from other tools, through the real binary: blocks, units, members, windows.
local command = require "tests.support.command"
local mock = require "tests.support.mock"

local folder

setup(function() folder = command.folder() end)
teardown(command.remove_folders)

local function run(line) return command.line(line, { folder = folder }) end

local function has(text, part) assert.truthy(text:find(part, 1, true), text) end

-- A request as a line; members beside its lengths and ids as text.
local function row(timestamp, input, ids, more)
  return ('{"timestamp": %s, "input_length": %d, "output_length": 5, "hash_ids": [%s]%s}\n'):format(
    timestamp, input, table.concat(ids, ", "), more or "")
end

-- A trace in which only whole blocks of 64 have ids; 3 of them are shared by all.
local function whole_blocks()
  local rows, next_id = {}, 3
  for i = 1, 60 do
    local input, ids = 192 + 37 * i % 1000, { 0, 1, 2 }
    for _ = 4, input // 64 do
      ids[#ids + 1] = next_id
      next_id = next_id + 1
    end
    rows[i] = row(100 * i, input, ids)
  end
  return table.concat(rows)
end

describe("hash_ids of whole blocks only", function()
  setup(function() command.write(folder, "whole.jsonl", whole_blocks()) end)

  it("are nothing that contradicts itself", function()
    local result = run "lint whole.jsonl"
    assert.equal(0, result.status, result.out)
    has(result.out, "blocks of 64 tokens, with hash_ids for whole ones only")
    has(run("lint whole.jsonl --json").out, '"whole_blocks": true')
  end)

  it("are none where a prompt has no whole block", function()
    local rows = {}
    for i = 1, 30 do
      local input, ids = 100 + 777 * i % 5000, {}
      for k = 1, input // 1024 do ids[k] = 100 * i + k end
      rows[i] = row(100 * i, input, ids)
    end
    command.write(folder, "wide.jsonl", table.concat(rows))
    local result = run "lint wide.jsonl"
    assert.equal(0, result.status, result.out)
    has(result.out, "blocks of 1024 tokens, with hash_ids for whole ones only")
  end)

  it("are kept by --fit-ids, with an id for the rest", function()
    local before = whole_blocks()
    for _, size in ipairs { "", " --block-size 64" } do
      local result = run("cat whole.jsonl --fit-ids" .. size)
      assert.equal(0, result.status, result.err)
      local kept = 0
      local after = result.out:gmatch '"input_length": (%d+).-%[([%d, ]*)%]'
      for input, ids in before:gmatch '"input_length": (%d+).-%[([%d, ]*)%]' do
        local new_input, new_ids = after()
        assert.equal(input, new_input)
        assert.equal(ids, new_ids:sub(1, #ids))
        local _, commas = new_ids:gsub(",", "")
        assert.equal(math.ceil(tonumber(input) / 64), commas + 1)
        kept = kept + 1
      end
      assert.equal(60, kept)
    end
  end)

  it("are taken by analyze, compare, learn and synthesize, the size given or found", function()
    for _, size in ipairs { "", " --block-size 64" } do
      local result = run("analyze whole.jsonl --json" .. size)
      assert.equal(0, result.status, result.err)
      has(result.err, "whole ones only: the rest of a prompt counts as a new block")
      has(result.out, '"context_length": {"mean": 192')
      assert.equal(0, run("compare whole.jsonl whole.jsonl --fail-over ks=0,lru=0" .. size).status)
      assert.equal(0, run("learn whole.jsonl -o whole.model" .. size).status)
      for _, method in ipairs { "reuse", "radix" } do
        result = run(("synthesize whole.jsonl --method %s --num-requests 200 -o made.jsonl%s"):format(method, size))
        assert.equal(0, result.status, result.err)
        has(run("lint made.jsonl").out, "blocks of 64 tokens\n")
      end
    end
  end)
end)

describe("a block size", function()
  it("that fits is taken and said; the trace's own word comes first", function()
    command.write(folder, "small.jsonl", row(0, 40, { 1, 2, 3 }) .. row(1, 50, { 1, 2, 3, 4 }))
    local result = run "analyze small.jsonl"
    assert.equal(0, result.status, result.err)
    has(result.err, "small.jsonl: hash_ids fit blocks of 16 tokens (--block-size says otherwise)")
    command.write(folder, "stated.jsonl",
      row(0, 600, { 1, 2, 3 }, ', "other": {"block_size": 7}, "block_size": 256') .. row(1, 700, { 1, 2, 3 }))
    has(run("analyze stated.jsonl --json").out, '"context_length": {"mean": 650')
    assert.equal(1, run("analyze stated.jsonl --block-size 512").status)
  end)

  it("that fits only some is not: the line that contradicts it is named", function()
    command.write(folder, "odd.jsonl", row(0, 600, { 0, 1 }) .. row(1, 700, { 2 }))
    local result = run "analyze odd.jsonl"
    assert.equal(1, result.status)
    has(result.err, "odd.jsonl:2: hash_ids has 1 id, but input_length 700 makes 2 blocks of 512 tokens")
  end)
end)

it("replay finds the block size, and sends what prompts share", function()
  local small, whole = {}, {}
  for i = 1, 20 do
    local ids = {}
    for id = 1, 20 + i % 7 do ids[id] = id <= 20 and id or 100 * i + id end
    whole[i] = row(10 * i, 16 * #ids + i % 15 + 1, ids)
    ids[#ids + 1] = 100 * i
    small[i] = row(10 * i, 16 * (#ids - 1) + i % 15 + 1, ids)
  end
  command.write(folder, "small.jsonl", table.concat(small))
  command.write(folder, "whole.jsonl", table.concat(whole))
  local server = mock.start { "--block-size", "16", "--kv-blocks", "10000" }
  for _, name in ipairs { "small.jsonl", "whole.jsonl" } do
    local result = run(("replay %s --url http://127.0.0.1:%d --model m --accept-invalid"):format(name, server.port))
    assert.equal(0, result.status, result.err)
    has(result.err, name .. ": hash_ids fit blocks of 16 tokens")
    local cached = tonumber(result.out:match "Cached tokens: ([%d.]+) of the prompts' tokens")
    assert.is_true(cached > 0.7, result.out)
  end
  server.finish "INT"
end)

describe("lint", function()
  local function lint(name, rows)
    command.write(folder, name, table.concat(rows))
    return run("lint " .. name).out
  end

  -- Requests at `rate` a second, as lines whose times are so many units a second after `start` seconds.
  local function at_rate(rate, count, units, start)
    local lines = {}
    for i = 1, count do
      local time = i / rate + 0.3 / rate * math.sin(i)
      local shown = units == 1 and ("%.3f"):format(start + time) or ("%d"):format(start * units + time * units // 1)
      lines[i] = row(shown, 1100, { i, 1000 + i, 2000 + i })
    end
    return lines
  end

  local per_second = { s = 1, ms = 1000, us = 1000000, ns = 1000000000 }

  it("guesses units from what servers can do", function()
    for _, case in ipairs {
      { "s", 0.2, 10 }, { "s", 0.2, 300 }, { "s", 1, 10 }, { "s", 1, 3000 }, { "s", 40, 10 }, { "s", 40, 3000 },
      { "us", 0.02, 10 }, { "us", 0.02, 300 }, { "us", 1, 10 }, { "us", 1, 3000 },
      { "ns", 1, 10 }, { "ns", 1, 300 }, { "ns", 3, 3000 },
      { "ms", 0.02, 10 }, { "ms", 0.02, 300 }, { "ms", 1, 10 }, { "ms", 1, 3000 }, { "ms", 60, 10 }, { "ms", 60, 3000 },
    } do
      local unit, rate, count = table.unpack(case)
      local out = lint("unit.jsonl", at_rate(rate, count, per_second[unit], 0))
      assert.equal(unit ~= "ms" and unit or nil, out:match "%-%-time%-unit (%a+)", table.concat(case, " ") .. out)
    end
  end)

  it("knows times since 1970 in every unit, and cat reads them", function()
    for unit, units in pairs(per_second) do
      for _, rate in ipairs { 0.02, 50 } do
        local out = lint("since.jsonl", at_rate(rate, 20, units, 1700000000))
        assert.equal(unit ~= "ms" and unit or nil, out:match "%-%-time%-unit (%a+)", unit .. out)
      end
      local mended = run("cat since.jsonl --time-unit " .. unit .. " --timestamp-digits 0")
      assert.equal(1700000000025, tonumber(mended.out:match '"timestamp": (%d+)'), mended.err)
      if unit ~= "ms" then
        assert.equal(1, run("lint since.jsonl --fix mended.jsonl").status)
        has(run("lint mended.jsonl").out, "20 requests, blocks of 512 tokens\nNothing contradicts itself.")
      end
    end
    command.write(folder, "micro.jsonl", table.concat(at_rate(1, 10, 1000000, 1700000000)))
    has(run("analyze micro.jsonl").err, "'moontide cat --time-unit us' reads them")
    local result = command.shell("exec $MOONTIDE lint - --fix out.jsonl < micro.jsonl", { folder = folder })
    assert.equal(1, result.status)
    has(result.err, "standard input: no line is a request")
    assert.falsy(command.exists(folder .. "/out.jsonl"))
  end)

  it("names rows that are no requests, and ids that were not recorded", function()
    local log = lint("log.jsonl", { '{"messages": [], "model": "m"}\n', '{"messages": []}\n' })
    has(log, "log.jsonl:1: no timestamp, input_length, output_length or hash_ids: this is no request (and line 2)")
    has(log, "moontide convert")
    has(lint("events.jsonl", { '{"event": "start"}\n' }), "another tool's file")
    has(lint("empty.jsonl", { row(0, 600, { 0, 1 }), row(1000, 700, {}) }), "empty.jsonl:2: hash_ids is empty")
  end)
end)

it("lint --fix leaves session rows that have no input_length, and mends the rest", function()
  local rows = {}
  for i = 1, 20 do
    rows[i] = ('{"session_id": "s%d", "timestamp": %d, "hash_ids": [%d, %d], "output_length": 5}\n'):format(
      i % 5, 1000 * (i % 2 == 0 and i or i + 4) + i, 2 * i, 2 * i + 1)
  end
  command.write(folder, "bare_turns.jsonl", table.concat(rows))
  local result = run "lint bare_turns.jsonl --fix mended_turns.jsonl"
  assert.equal(1, result.status)
  has(result.out, "20 turns have no input_length: rows without it cannot be converted")
  has(result.err, "mended: decreasing_times; left: session_rows")
  assert.equal(20, select(2, command.read(folder .. "/mended_turns.jsonl"):gsub("\n", "")))
end)

it("learning says why a turn with only a delay is not enough", function()
  command.write(folder, "delays.jsonl", '{"session_id": 1, "timestamp": 0, "input_length": 9, "output_length": 5}\n'
    .. '{"session_id": 1, "delay": 5, "input_length": 20, "output_length": 5}\n')
  has(run("learn delays.jsonl -o delays.model").err, "delays.jsonl:2: timestamp is missing, and learning needs it: "
    .. "from a delay alone nobody knows when the answer before it ended (moontide cat --times-from-delays says it by")
end)

it("times come from delays, by a service's speed", function()
  command.write(folder, "turns.jsonl", [[
{"session_id": "a", "timestamp": 1000, "input_length": 600, "output_length": 50, "hash_ids": [1, 2]}
{"session_id": "a", "delay": 5000, "input_length": 1300, "output_length": 100, "hash_ids": [1, 3, 4]}
{"session_id": "a", "delay": 1.5, "input_length": 1400, "output_length": 1, "hash_ids": [1, 3, 5]}
{"timestamp": 3000, "input_length": 9, "output_length": 1, "hash_ids": [9]}
{"session_id": "b", "delay": 2500, "input_length": 600, "output_length": 50, "hash_ids": [6, 7]}
{"session_id": "b", "timestamp": 2600, "delay": 7, "input_length": 700, "hash_ids": [6, 8]}
{"session_id": "b", "delay": 7, "input_length": 800, "output_length": 1, "hash_ids": [6, 10]}
]])
  local function times(words)
    local result, all = run("cat turns.jsonl --times-from-delays " .. words), {}
    assert.equal(0, result.status, result.err)
    for line in result.out:gmatch "[^\n]+" do
      all[#all + 1] = line:match '"timestamp": ([%d.]+)' .. (line:match '"session_id": "(%a)"' or "")
    end
    return all
  end
  -- After 50 tokens of 20 ms and 200 ms: 1000 + 1200 + 5000; the turn after that 2200 + 1.5 later.
  assert.same({ "1000a", "2500b", "2600b", "2807b", "3000", "7200a", "9401.5a" }, times "")
  assert.same({ "1000a", "2500b", "2600b", "2607b", "3000", "6000a", "6001.5a" }, times "--ttft 0 --per-token 0")
  assert.same({ "1000a", "2500b", "2600b", "3000", "3607b", "7000a", "8001.5a" }, times "--ttft 1s --per-token 0")
  assert.equal(0, run("learn turns.jsonl --times-from-delays -o turns.model --skip-bad-lines").status)
  assert.equal(2, run("cat turns.jsonl --ttft 1s").status)
  assert.equal(2, run("cat turns.jsonl --times-from-delays --per-token -1").status)
  assert.equal(2, run("learn turns.jsonl -o x.model --per-token 1s").status)
  command.write(folder, "far.jsonl", '{"session_id": 1, "timestamp": 9000000000000, "output_length": 9}\n'
    .. '{"session_id": 1, "delay": 900000000000}\n')
  has(run("cat far.jsonl --times-from-delays").err, "far.jsonl:2: by its delay the session comes to more than 292 years")
end)

it("lint tells of a session that is a number in one line and a string in another", function()
  local rows = {}
  for i, name in ipairs { "7", '"7"', "7", '"a"', '"8"', "9", "8" } do
    rows[i] = row(1000 * i, 100, { i }, ', "session_id": ' .. name)
  end
  command.write(folder, "named.jsonl", table.concat(rows))
  local result = run "lint named.jsonl"
  assert.equal(1, result.status)
  has(result.out, 'session_id is 7 in some lines and "7" in others: a number and a string are two sessions (and 1 more '
    .. "such pair")
  assert.equal(0, run("lint named.jsonl --ignore named_twice,session_rows").status)
end)

it("messages about a bad line name the flag that passes over it, in every command that has it", function()
  local good = row(0, 600, { 1, 2 }) .. row(1, 700, { 1, 3 })
  command.write(folder, "form.jsonl", row(0, 600, { 1, 2 }) .. "oops\n" .. row(1, 700, { 1, 3 }))
  command.write(folder, "lacks.jsonl", row(0, 600, { 1, 2 }) .. '{"timestamp": 1}\n' .. row(2, 700, { 1, 3 }))
  command.write(folder, "good.jsonl", good)
  local flag = " (--skip-bad-lines passes over bad lines)\n"
  for _, line in ipairs { "analyze form.jsonl", "cat form.jsonl -o x", "cat good.jsonl form.jsonl --merge --parts -o x",
    "cat form.jsonl --sort -o x", "learn form.jsonl -o x.model", "compare good.jsonl form.jsonl",
    "synthesize form.jsonl -o x", "synthesize form.jsonl --method radix -o x", "analyze lacks.jsonl",
    "learn lacks.jsonl -o x.model", "compare lacks.jsonl good.jsonl", "synthesize lacks.jsonl -o x" } do
    local result = run(line)
    assert.equal(1, result.status)
    assert.equal(flag, result.err:sub(-#flag), line .. ": " .. result.err)
    result = run(line .. " --skip-bad-lines")
    assert.equal(0, result.status, line .. ": " .. result.err)
    has(result.err, "skipped 1 bad line")
  end
  -- Not where it would not help.
  command.write(folder, "back.jsonl", row(5, 600, { 1, 2 }) .. row(1, 700, { 1, 3 }))
  for _, line in ipairs { "cat back.jsonl --start 0s", "cat absent.jsonl", "lint absent.jsonl" } do
    local result = run(line)
    assert.equal(1, result.status)
    assert.falsy(result.err:find("skip-bad", 1, true), result.err)
  end
end)

it("names that other tools give our members are read", function()
  command.write(folder, "alias.jsonl", '{"created_time": 0, "input_tokens": 1024, "output_tokens": 5, "hash_ids": [0, 1]}\n'
    .. '{"created_time": 1000, "input_tokens": 1500, "output_tokens": 5, "hash_ids": [0, 1, 2], "delay_ms": 5}\n')
  has(run("analyze alias.jsonl").out, "1,262.00")
  assert.equal('{"timestamp": 1000, "input_length": 1500, "output_length": 5, "hash_ids": [0, 1, 2], "delay": 5, '
    .. '"created_time": 1000, "input_tokens": 1500, "output_tokens": 5, "delay_ms": 5}\n',
    run("cat alias.jsonl --start 1s").out)
  -- Ours come first, and a date is no time of ours.
  command.write(folder, "both.jsonl", '{"input_tokens": 7, "timestamp": 3, "input_length": 9, "created_time": "today"}\n')
  assert.equal('{"timestamp": 3, "input_length": 9, "input_tokens": 7, "created_time": "today"}\n', run("cat both.jsonl").out)
end)

it("--where: the trace's own members win, ours have names of their own", function()
  command.write(folder, "where.jsonl", row(0, 10, { 1 }, ', "line": 7, "hash_count": 9, "priority": 1')
    .. row(1, 20, { 2 }, ', "extra": {"nvext": {"priority": 3}}') .. row(2, 20, { 3 }, ', "turn": 4'))
  for expression, line in pairs {
    ["line == 7"] = 0, ["hash_count == 9"] = 0, ["priority == 1"] = 0, ["turn == 4"] = 2,
    ["extra and extra.nvext and extra.nvext.priority == 3"] = 1, ["request_line == 2"] = 1,
    ["request_hash_count == 1 and request_line == 3"] = 2,
  } do
    local result = command.run({ "cat", "where.jsonl", "--where", expression }, { folder = folder })
    assert.equal(0, result.status, result.err)
    assert.equal(tostring(line), result.out:match '^{"timestamp": (%d)[^\n]+\n$', expression)
  end
end)

it("--where: a short name that no request has is a mistake, however it is compared", function()
  command.write(folder, "short.jsonl", row(0, 10, { 1 }) .. row(1, 20, { 2 }))
  for expression, name in pairs {
    ["turn ~= 3"] = "request_turn", ["not line"] = "request_line", ["hash_count == 1"] = "request_hash_count",
    ["extra == nil"] = "request_extra", ["isl ~= 10"] = "input_length", ["osl and 1 or 2"] = "output_length",
    ["line > 1"] = "request_line",
  } do
    local result = command.run({ "cat", "short.jsonl", "-o", "kept.jsonl", "--where", expression }, { folder = folder })
    assert.not_equal(0, result.status)
    has(result.err, ("(did you mean '%s'?)"):format(name))
    assert.falsy(command.exists(folder .. "/kept.jsonl"))
  end
  command.write(folder, "short.lua", [[
local mt = require "moontide"
local columns, message = mt.trace.pipe("short.jsonl"):where("turn ~= 3"):columns()
assert(not columns and message:find("did you mean 'request_turn'", 1, true), message)
assert(not pcall(function() for _ in mt.trace.pipe("short.jsonl"):where("turn ~= 3"):requests() do end end))
assert(#mt.trace.pipe("short.jsonl"):where("request_turn ~= 3"):columns() == 2)
return mt.script { summary = "x", run = function() print "done" end }
]])
  local result = run "./short.lua"
  assert.equal("done\n", result.out, result.err)
end)

it("cat says what a part of a trace shares", function()
  command.write(folder, "parts.jsonl", row(0, 10, { 1 }) .. row(1, 20, { 1 }))
  has(run("cat parts.jsonl --thin 0.5").err, "prefixes lose the requests left out")
  has(run("cat parts.jsonl --shard 0/2").err, "--shard keeps sessions whole; prefixes lose the requests left out")
  assert.equal("", run("cat parts.jsonl --shard 0/1").err)
  command.write(folder, "bare.jsonl", '{"timestamp": 0}\n')
  assert.equal("moontide: seed 0\n", run("cat bare.jsonl --thin 0.5").err)
  has(run("cat parts.jsonl --where input_length>10").err, "--where keeps 1 of 2 requests: sessions and prefixes lose the others")
  assert.equal("", run("cat parts.jsonl").err)
end)

it("analyze tells of an incomplete last window", function()
  local rows = {}
  for t = 0, 299 do rows[#rows + 1] = row(1000 * t, 100, {}) end
  for t = 3000, 5989 do rows[#rows + 1] = row(100 * t, 100, {}) end
  command.write(folder, "half.jsonl", table.concat(rows))
  local result = run "analyze half.jsonl"
  has(result.out, "The last window of 300 s is incomplete (298.9 s) and not in mean and CV: 2,990 requests, 10.00 per second")
  has(result.out, "in windows of 300 s  1.00   9.97")
end)

it("compare holds a named bound apart from the one of all", function()
  local rows, others = {}, {}
  for i = 1, 100 do
    rows[i] = row(i, 100 + i, { i })
    others[i] = ('{"timestamp": %d, "input_length": %d, "output_length": 5, "hash_ids": [%d]}\n'):format(
      i, 100 + i, i > 97 and 1 or i)
  end
  command.write(folder, "a.jsonl", table.concat(rows))
  command.write(folder, "b.jsonl", table.concat(others))
  assert.equal(1, run("compare a.jsonl b.jsonl --fail-over ks=.005").status)
  local result = run "compare a.jsonl b.jsonl --fail-over ks=.005,context_length.ks=.2"
  assert.equal(0, result.status, result.err)
  result = run "compare a.jsonl b.jsonl --fail-over ks=.2,context_length.ks=.005"
  has(result.err, "--fail-over: context_length.ks is")
  assert.falsy(result.err:find(": ks is", 1, true))
end)
