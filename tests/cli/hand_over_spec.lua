-- Traces for other tools, through the real binary: cat --to, --texts, --reblock.
local command = require "tests.support.command"
local mt = require "moontide"

local folder

before_each(function() folder = command.folder() end)
after_each(command.remove_folders)

local function run(line) return command.line(line, { folder = folder }) end

-- Two sessions of two turns, in blocks of 16, with a member of their own.
local function write_sessions()
  local plan = mt.workload { duration = "10s", block_size = 16, mt.stream {
    arrivals = mt.sessions { starts = mt.even(0.2), turns = 2, think = 3 }, new_input = 20, output = 5,
    fields = { priority = 2, kind = "x" }, prompt = mt.shared_prefix { tokens = 32 } } }
  plan:write(folder .. "/s.jsonl")
end

local function rows(name, more)
  local result = run(("cat s.jsonl --to %s -o out %s"):format(name, more or ""))
  assert.equal(0, result.status, result.err)
  local list = {}
  for line in command.read(folder .. "/out"):gmatch "[^\n]+" do list[#list + 1] = line end
  return list, result.err
end

local function decoded(name, more)
  local list, told = rows(name, more)
  for i, line in ipairs(list) do list[i] = assert(mt.json.decode(line)) end
  return list, told
end

describe("cat --to", function()
  it("writes AIPerf's rows: deltas, delays instead of times, one block a block, the rest in extra", function()
    write_sessions()
    local list, told = decoded "aiperf"
    assert.equal(4, #list)
    assert.matches("aiperf: blocks of 16 tokens", told)
    assert.is_nil(told:find("warning", 1, true))
    local tokens = { 0, 0 }
    for i, row in ipairs(list) do
      assert.is_true((#row.hash_ids - 1) * 16 < row.input_length and row.input_length <= #row.hash_ids * 16)
      assert.equal("string", type(row.session_id))
      assert.same({ kind = "x", priority = 2 }, row.extra)
      local at = (i + 1) // 2
      tokens[at] = tokens[at] + row.input_length + row.output_length
      assert.equal(i % 2 == 1, row.timestamp ~= nil)
      assert.equal(i % 2 == 0, row.delay ~= nil)
    end
    assert.same({ 82, 82 }, tokens) -- the last prompt of each, 77, and its answer
  end)

  it("writes Dynamo's rows: whole prompts, a delay only after a turn", function()
    write_sessions()
    local list, told = decoded "dynamo"
    assert.same({ 52, 77, 52, 77 }, { list[1].input_length, list[2].input_length, list[3].input_length,
      list[4].input_length })
    assert.equal("r2", list[2].request_id)
    assert.equal(3000, list[2].delay)
    assert.is_nil(list[1].delay)
    assert.equal(2, list[1].priority)
    assert.matches("dynamo has no place for: member 'kind' of 4\n", told)
    command.write(folder, "bare.jsonl", '{"timestamp": 0, "input_length": 5}\n')
    local result = run "cat bare.jsonl --to dynamo -o out2"
    assert.equal(1, result.status)
    assert.matches("request 1 has no output_length, which dynamo needs", result.err)
    assert.is_false(command.exists(folder .. "/out2"))
  end)

  it("writes times in the unit that each reads", function()
    write_sessions()
    assert.equal(3, decoded("guidellm")[2].timestamp)
    local list, told = decoded "inference-perf"
    assert.equal(3000, list[2].timestamp)
    assert.matches("sessions %(each turn comes at its own time%) of 4", told)
    command.write(folder, "short.jsonl", '{"timestamp": 29.069, "input_length": 5, "output_length": 1}\n')
    assert.equal('{"timestamp": 0.029069, "input_length": 5, "output_length": 1}\n',
      run("cat short.jsonl --to guidellm -o -").out)
    command.write(folder, "bare.jsonl", '{"input_length": 5, "output_length": 1}\n')
    assert.matches("request 1 has no timestamp", run("cat bare.jsonl --to guidellm -o out2").err)
  end)

  it("writes prompts for tools that send texts", function()
    write_sessions()
    local list, told = decoded "vllm"
    assert.equal(5, list[1].output_tokens)
    assert.equal(52, select(2, list[1].prompt:gsub("%a+", "")))
    assert.equal(77, select(2, list[2].prompt:gsub("%a+", "")))
    assert.equal(list[1].prompt, list[2].prompt:sub(1, #list[1].prompt))
    assert.matches("timestamps of 4", told)
    assert.equal(list[1].prompt, decoded("guidellm", "--texts")[1].prompt)
    assert.equal(list[1].prompt:gsub("^ ", ""), rows("genai-bench")[1])
    assert.equal(4, #rows "genai-bench")
  end)

  it("writes conversations that convert reads again", function()
    write_sessions()
    rows "sharegpt"
    local talks = mt.json.decode(command.read(folder .. "/out"))
    assert.equal(2, #talks)
    assert.equal(4, #talks[1].conversations)
    assert.equal(5, select(2, talks[1].conversations[4].value:gsub("%a+", "")))
    os.rename(folder .. "/out", folder .. "/talks.json")
    local result = run "convert talks.json --count words -o back.jsonl"
    assert.equal(0, result.status, result.err)
    local back = assert(mt.trace.read(folder .. "/back.jsonl"))
    assert.equal(20, back:column("output_length"):sum())
  end)

  it("names the nearest tool", function()
    write_sessions()
    local result = run "cat s.jsonl --to aipref"
    assert.equal(2, result.status)
    assert.matches("did you mean 'aiperf'", result.err)
  end)
end)

describe("cat --texts", function()
  it("adds the words that a replay sends, which a replay sends as they are", function()
    write_sessions()
    assert.equal(0, run("cat s.jsonl --texts -o t.jsonl").status)
    local texts = {}
    for one in mt.trace.open(folder .. "/t.jsonl") do
      local extra = mt.json.decode(one.extra)
      texts[#texts + 1] = extra
      assert.equal(2, extra.priority)
    end
    assert.equal(52, select(2, texts[1].text_input:gsub("%a+", "")))
    assert.equal(3, #texts[2].messages)
    assert.equal(texts[1].text_input, texts[2].messages[1].content)
    local server = mt.mock { ttft = 1, itl = 0 }
    local run_of = mt.drive(folder .. "/t.jsonl", { url = server.url, model = "m", speed_ratio = 100 })
    assert.equal(4, run_of.counts.done)
    server:close()
  end)
end)

describe("cat --reblock", function()
  it("makes larger blocks, one a block, that share what whole ones shared", function()
    write_sessions()
    assert.equal(0, run("cat s.jsonl --reblock 32 --renumber -o big.jsonl").status)
    local found = {}
    for one in mt.trace.open(folder .. "/big.jsonl") do found[#found + 1] = one.hash_ids end
    assert.same({ { 0, 1 }, { 0, 2, 3 }, { 0, 4 }, { 0, 5, 6 } }, found)
    local result = run "cat s.jsonl --reblock 40 -o no.jsonl"
    assert.equal(1, result.status)
    assert.matches("blocks of 16 tokens become larger by whole numbers, as 32 or 64; not 40", result.err)
    assert.equal(1, run("cat s.jsonl --reblock 8 -o no.jsonl").status)
    assert.is_false(command.exists(folder .. "/no.jsonl"))
  end)
end)
