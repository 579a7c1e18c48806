-- moontide synthesize with a learnt model's knobs, through the real binary: files, names, messages, exit codes.
local command = require "tests.support.command"
local json = require "moontide".json
local records = require "tests.support.records"

local folder
setup(function()
  folder = command.folder()
  command.write(folder, "chats.lua", [[
    local mt = require "moontide"
    return mt.workload { duration = "5m", block_size = 64,
      mt.stream { arrivals = mt.sessions { starts = mt.poisson(0.2), turns = mt.geometric(4), think = mt.exponential(20) },
        new_input = 300, output = 50, prompt = mt.shared_prefix { tokens = 256, groups = 3 } } }
  ]])
  for _, line in ipairs { "chats.lua -o chats.jsonl", "learn chats.jsonl --block-size 64 -o chats.model",
    "learn chats.jsonl --block-size 64 --no-gaps -o few.model" } do
    local result = command.shell('exec "$MOONTIDE" ' .. line, { folder = folder })
    assert.equal(0, result.status, result.err)
  end
end)
teardown(command.remove_folders)

local function run(line)
  return command.shell('exec "$MOONTIDE" ' .. line, { folder = folder })
end

local function works(line)
  local result = run(line)
  assert.equal(0, result.status, result.err)
  return result.out, result.err
end

local function figures_of(name)
  works(("learn %s --block-size 64 -o made.model"):format(name))
  return json.decode((works "learn --show made.model --json"))
end

it("makes the same of a trace and of its model, in a file named after what was asked for", function()
  works "synthesize chats.jsonl --block-size 64 --sharing 0.5 --session-length x2 --num-requests 300"
  local name = "chats_synth_1x1+1.0_speedup1_sessionlengthx2_sharing0.5.jsonl"
  local text = command.read(folder .. "/" .. name)
  assert.equal(300, #records.read(text))
  assert.is_nil(records.fault(records.read(text), 64))
  works "synthesize chats.model --sharing 0.5 --session-length x2 --num-requests 300 -o of_model.jsonl"
  assert.is_true(text == command.read(folder .. "/of_model.jsonl"))
end)

it("moves what is asked for, as learn --show says", function()
  local was = json.decode((works "learn --show chats.model --json"))
  works "synthesize chats.model --sessions-at-once 2x --with-sessions --num-requests 1x -o new.jsonl"
  local is = figures_of "new.jsonl"
  local _, told = works "synthesize chats.model --sessions-at-once x2 --num-requests x1 -o again.jsonl"
  assert.matches(("^moontide: knobs: sharing %%d%%d%%.%%d %%%%, session_length %.2f turns, sessions_at_once %.2f, "
    .. "cliff_at [%%d,]+ blocks\n"):format(was.session_length, 2 * was.sessions_at_once), told)
  assert.equal(is.requests, #records.read(command.read(folder .. "/again.jsonl")))
  _, told = works "synthesize chats.model --sessions-at-once 0.5 --num-requests 9 -o again.jsonl"
  assert.truthy(told:find("synthesize: --sessions-at-once: 0.5 is less than one; times what the source has is x0.5", 1,
    true), told)
  -- Over as long as the trace lasts, which the last of 126 sessions decides: other seeds are up to 0.03 off.
  assert.is_true(math.abs(is.sessions_at_once / (2 * was.sessions_at_once) - 1) < 0.03)
  assert.equal(2 * was.requests, is.requests)
  assert.equal(was.session_length, is.session_length)
  works "synthesize chats.model --cliff-at 20ktokens --num-requests 1x -o new.jsonl"
  assert.is_true(math.abs(figures_of("new.jsonl").cliff / (20000 // 64) - 1) < 0.1)
  assert.is_truthy((works "learn --show chats.model"):find "\nKnobs now: sharing %d%d%.%d %%, session_length %d")
end)

it("says what it cannot do, and leaves files alone", function()
  command.write(folder, "old.jsonl", "as it was\n")
  local function refused(status, line, message)
    local result = run("synthesize " .. line .. " -o old.jsonl")
    assert.equal(status, result.status, line .. result.err)
    assert.equal("", result.out)
    assert.is_truthy(result.err:find(message, 1, true), result.err)
    assert.equal("as it was\n", command.read(folder .. "/old.jsonl"))
  end
  for _, knob in ipairs { "--sharing 0.5", "--sessions-at-once x2", "--session-length x2", "--cliff-at 500" } do
    local name = knob:match "^%-%-(%S+)"
    refused(1, "few.model " .. knob, ("who continues whom is not known, and %s needs it: learn the model again from its "
      .. "trace, with the order of its gaps"):format("--" .. name))
    refused(2, "chats.jsonl --method radix " .. knob, "--" .. name
      .. " needs the reuse method: the radix method knows no sessions and no times")
  end
  for _, wrong in ipairs { "0", "nan", "x-2" } do
    for _, name in ipairs { "sessions-at-once", "session-length" } do
      refused(2, ("chats.model --%s %s"):format(name, wrong),
        ("--%s must be a number above 0, or times what the source has, as x2, not '%s'"):format(name, wrong))
    end
  end
  refused(2, "chats.model --sharing 1.5", "--sharing must be between 0 and 1, not 1.5")
  refused(2, "chats.model --sharing x0.5", "--sharing must be a number, not 'x0.5'")
  refused(2, "chats.model --cliff-at 0", "--cliff-at must be at least 1, not 0")
  refused(2, "chats.model --cliff-at 80GB", "--cliff-at is in bytes (80GB), and what a token takes is not known "
    .. "(--bytes-per-token)")
  refused(2, "chats.model --bytes-per-token 1KB", "--bytes-per-token needs --cliff-at")
  refused(2, "chats.model --cliff-at 100 --sessions-at-once x2", "--cliff-at and --sessions-at-once exclude each other")
  refused(2, "chats.model --cliff-at 100 --prefix-root-multiplier 2",
    "--cliff-at and --prefix-root-multiplier exclude each other")
  refused(2, "chats.model --session-length 3 --min-isl 100", "--session-length and --min-isl exclude each other")
  refused(2, "chats.model --session-length 3 --arrivals iid",
    "--session-length needs --arrivals follow, its default, or resample: others do not keep sessions")
  refused(1, "chats.model --cliff-at 1", "--cliff-at: the cliff cannot be at 1 blocks by how many sessions are at once: only")
  refused(1, "chats.model --cliff-at 10tokens", "--cliff-at: a cache of 10tokens has no room for a block of 64 tokens")
  refused(1, "chats.model --session-length x0.01", "--session-length: sessions would have 0.0")
  refused(1, "chats.model --session-length 1e7", "--session-length: sessions would have ")
  refused(1, "chats.model --sessions-at-once x1e9", "--sessions-at-once: so many sessions at once need 1e+09 times")
end)

it("tells of a cliff out of reach no lower than what there is", function()
  local rows = {}
  for i = 0, 999 do
    local ids = {}
    for k = 0, i % 9 do ids[k + 1] = i % 40 * 1000 + k end
    rows[i + 1] = ('{"timestamp": %d, "input_length": %d, "hash_ids": [%s]}\n'):format(i * 13, 512 * #ids,
      table.concat(ids, ", "))
  end
  command.write(folder, "blocks.jsonl", table.concat(rows))
  local result = run "synthesize blocks.jsonl --cliff-at 1953 --num-requests 10 -o new.jsonl"
  assert.equal(1, result.status)
  local reached, now = result.err:match "only as high as (%d+) %(now (%d+)%)"
  assert.equal(now, reached)
end)
