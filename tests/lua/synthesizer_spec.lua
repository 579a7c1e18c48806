local command = require "tests.support.command"
local mt = require "moontide"
local a_trace = require "tests.support.any"
local records = require "tests.support.records"

local conversation, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"

local block_size = 64

-- Sessions that go on, on three system prompts.
local function chat()
  return mt.workload { duration = "10m", block_size = block_size,
    mt.stream { name = "chat", arrivals = mt.sessions { starts = mt.poisson(0.5), turns = mt.geometric(3),
      think = mt.exponential(20) }, new_input = mt.lognormal { mean = 300, cv = 1 },
      output = mt.geometric(50), prompt = mt.shared_prefix { tokens = 256, groups = 3 } } }
end

local source = chat():columns { seed = 1 }

local function synthesizer(given, trace)
  local opt = { block_size = block_size }
  for name, value in pairs(given or {}) do opt[name] = value end
  return assert(mt.synthesizer(trace or source, opt))
end

local refusal = require "tests.support.refusal".text

local file, temporary, read = command.file, command.file, command.read

local function written(s, given)
  local path = temporary()
  local made = assert(s:write(path, given))
  return read(path), made
end

-- The column's values in order.
local function values(columns, name)
  return columns:column(name):values()
end

-- Of texts too long to be shown.
local function assert_same_bytes(expected, text)
  assert.is_true(expected == text, "other bytes")
end

local methods = { "reuse", "radix" }

describe("mt.synthesizer", function()
  after_each(command.remove_folders)

  it("says what it is", function()
    local s = synthesizer()
    assert.equal("reuse", s.method)
    assert.equal("follow", s.arrivals)
    assert.equal(block_size, s.block_size)
    assert.equal(#source, s.source_requests)
    assert.equal(0, s.skipped)
    assert.equal(("synthesizer: reuse method, arrivals follow, blocks of 64 tokens, learnt from %d requests"):format(
      #source), tostring(s))
    assert.equal("iid", synthesizer({ method = "radix" }).arrivals)
    assert.equal("source", synthesizer({ method = "radix", arrivals = "source" }).arrivals)
    assert.equal("follow", synthesizer({ arrivals = "source" }).arrivals)
    assert.equal("resample", synthesizer({ arrivals = "resample" }).arrivals)
    assert.equal("iid", synthesizer({ arrivals = "iid" }).arrivals)
  end)

  for _, method in ipairs(methods) do
    it("gives the same requests in a loop, as columns and written: " .. method, function()
      local s = synthesizer { method = method, num_requests = 300 }
      local columns = s:columns()
      local text, made = written(s, { timestamp_digits = 6 })
      assert.equal(300, #columns)
      assert.equal(300, made.requests)
      local list, i = records.read(text), 0
      for request in s:requests() do
        i = i + 1
        assert.equal(list[i].timestamp, request.timestamp)
        assert.equal(list[i].isl, request.input_length)
        assert.equal(list[i].osl, request.output_length)
        assert.same(list[i].ids, request.hash_ids)
        assert.is_truthy(request.extra:find('^{"context_len": %d+, "unique_user_prompt_len": %d+}$'))
        assert.equal(request.input_length, list[i]:member "context_len" + list[i]:member "unique_user_prompt_len")
      end
      assert.equal(300, i)
      assert.same(values(columns, "input_length"), values(assert(mt.trace.read(file(text))), "input_length"))
    end)

    it("gives the same bytes for a seed, others for another: " .. method, function()
      local few = #source + 100 -- fewer than the source's come from a part of it
      local s = synthesizer { method = method, num_requests = few, seed = 5 }
      local first = written(s)
      assert_same_bytes(first, (written(s)))
      assert_same_bytes(first, (written(s, { seed = 5 })))
      assert_same_bytes(first, (written(synthesizer { method = method, num_requests = few }, { seed = 5 })))
      assert.is_false(first == (written(s, { seed = 6 })))
      -- A longer trace begins as the shorter one does.
      assert_same_bytes(first, written(s, { num_requests = few + 500 }):sub(1, #first))
    end)
  end

  it("counts requests, or times the source's", function()
    local s = synthesizer { method = "radix" }
    assert.equal(7, #s:columns { num_requests = 7 })
    assert.equal(2 * #source, #s:columns { num_requests = "2x" })
    assert.equal(math.floor(0.1 * #source + 0.5), #s:columns { num_requests = "0.1X" })
    assert.equal(1, #s:columns { num_requests = "1e-6x" })
    assert.equal(3 * #source, #synthesizer({ method = "radix", num_requests = "3x" }):columns())
    for _, wrong in ipairs { 0, -1, 1.5, "x", "0x", "-2x", "10y", "nanx", "infx", "1e10x", true, {} } do
      assert.is_truthy(refusal(s.columns, s, { num_requests = wrong }):find(
        "^columns: num_requests must be a whole number, 1 or more, or times the source's number, as 10x, not "))
    end
  end)

  -- What every trace must be, whatever is asked for.
  local asked = {
    {}, { prefix_len_multiplier = 2.5 }, { prefix_len_multiplier = 0.3 }, { prompt_len_multiplier = 3 },
    { prompt_len_multiplier = 0.01 }, { prefix_root_multiplier = 4 }, { max_isl = 400 },
    { min_isl = 500, max_isl = 900 }, { max_isl = 333, prefix_len_multiplier = 0.5, prompt_len_multiplier = 0.7 },
    { osl_multiplier = 2.5, min_osl = 30, max_osl = 200 }, { speed_ratio = 3, arrivals = "iid" },
    { prefix_len_multiplier = 3, prefix_root_multiplier = 7, prompt_len_multiplier = 0.5, max_isl = 5000 },
  }
  for _, method in ipairs(methods) do
    it("makes only what validates: " .. method, function()
      for case, given in ipairs(asked) do
        local opt = { method = method, num_requests = 400, seed = case }
        for name, value in pairs(given) do opt[name] = value end
        local list = records.read(written(synthesizer(opt), { timestamp_digits = 3 }))
        assert.equal(400, #list)
        assert.is_nil(records.fault(list, block_size), case)
        for _, record in ipairs(list) do
          assert.is_true(record.isl <= (given.max_isl or math.huge) and record.isl >= (given.min_isl or 1))
          assert.is_true(record.osl <= (given.max_osl or math.huge) and record.osl >= (given.min_osl or 0))
        end
      end
    end)
  end

  it("multiplies", function()
    -- Two requests share two blocks and have a tail of one each; the last blocks are full.
    local trace = mt.trace.columns {
      { timestamp = 0, input_length = 48, output_length = 7, hash_ids = { 0, 1, 2 } },
      { timestamp = 1000, input_length = 48, output_length = 7, hash_ids = { 0, 1, 3 } },
    }
    local function lengths(given)
      given.block_size, given.method, given.num_requests = 16, "radix", 1
      local request = assert(mt.synthesizer(trace, given)):requests()()
      return #request.hash_ids, request.output_length
    end
    assert.same({ 3, 7 }, { lengths {} })
    assert.same({ 7, 7 }, { lengths { prefix_len_multiplier = 3 } })
    assert.same({ 6, 7 }, { lengths { prompt_len_multiplier = 4 } })
    assert.same({ 3, 21 }, { lengths { osl_multiplier = 3 } })
    assert.same({ 3, 9 }, { lengths { osl_multiplier = 3, max_osl = 9 } })
    assert.same({ 3, 11 }, { lengths { min_osl = 11 } })
  end)

  for _, method in ipairs(methods) do
    it("divides times, and nothing else: " .. method, function()
      local slow = synthesizer({ method = method, num_requests = 200 }):columns()
      local fast = synthesizer({ method = method, num_requests = 200, speed_ratio = 4 }):columns()
      assert.same(values(slow, "input_length"), values(fast, "input_length"))
      for i, time in ipairs(values(fast, "timestamp")) do
        assert.is_true(math.abs(4 * time - values(slow, "timestamp")[i]) < 1e-5)
      end
    end)
  end

  it("spreads over populations that share nothing", function()
    local function roots(copies, requests)
      local seen, count = {}, 0
      for request in synthesizer({ prefix_root_multiplier = copies, num_requests = requests }):requests() do
        local root = request.hash_ids[1]
        if not seen[root] then seen[root], count = true, count + 1 end
      end
      return count
    end
    assert.equal(3, roots(1, "1x"))
    local spread = roots(4, "4.5x") -- a whole lap of each, and something of the next
    assert.is_true(spread >= 12 and spread <= 24)
  end)

  it("says what it made", function()
    local s = synthesizer { num_requests = 500 }
    local text, made = written(s, { timestamp_digits = 6 })
    local list = records.read(text)
    local blocks, contexts, whole = 0, 0, assert(mt.analyze(file(text), { block_size = block_size }))
    for _, record in ipairs(list) do
      blocks = blocks + #record.ids
      contexts = contexts + record:member "context_len"
    end
    assert.equal(blocks, made.blocks)
    assert.is_true(math.abs(list[500].timestamp / 1000 - made.duration) < 1e-9)
    assert.equal(contexts / 500, made.metrics.context_length.mean)
    for _, name in ipairs { "input_length", "output_length" } do
      for statistic, value in pairs(whole.metrics[name]) do
        assert.is_true(math.abs(value - made.metrics[name][statistic]) <= 1e-9 * value)
      end
    end
    local titles = {}
    for line in (tostring(made) .. "\n"):gmatch "(.-)\n" do titles[#titles + 1] = line:match "^(.-)%s%s" end
    assert.same({ "", "Input Length", "Context Length", "Unique Prompt Length", "Output Length" }, titles)
    assert.is_truthy(tostring(made):find "^ +Mean +Std Dev +Min +P25 +Median +P75 +Max\n")
    local decoded = mt.json.decode(mt.json.encode(made))
    assert.equal(500, decoded.requests)
    assert.equal(made.metrics.output_length.p75, decoded.metrics.output_length.p75)
    assert.is_truthy(mt.json.encode(made):find
      '^{"requests": 500, "blocks": %d+, "duration": [%d.]+, "metrics": {"input_length": {"mean": ')
  end)

  it("learns from a file, a reader and columns alike, and from a model", function()
    local path = file ""
    assert(source:write(path))
    local model = assert(mt.model.learn(path, { block_size = block_size }))
    local model_path = temporary()
    assert(model:write(model_path))
    for _, method in ipairs(methods) do
      local expected = written(synthesizer { method = method, num_requests = 300 })
      local reader <close> = assert(mt.trace.open(path))
      local sources = { path, reader }
      if method == "reuse" then table.move({ model, model_path }, 1, 2, 3, sources) end
      for _, one in ipairs(sources) do
        assert_same_bytes(expected, (written(synthesizer({ method = method, num_requests = 300 }, one))))
      end
    end
    -- A model says itself what its blocks are.
    assert.equal(block_size, assert(mt.synthesizer(model)).block_size)
    for _, one in ipairs { model, model_path } do
      local name = one == model and "the model" or model_path
      local none, message, code = mt.synthesizer(one, { block_size = 32 })
      assert.is_nil(none)
      assert.is_truthy(message:find("the model has blocks of 64 tokens, not of 32", 1, true))
      assert.equal("value", code)
      none, message, code = mt.synthesizer(one, { method = "radix" })
      assert.is_nil(none)
      assert.equal((one == model and "the trace" or name) .. ": it is a model, and the radix method needs the trace itself",
        message)
      assert.equal("value", code)
    end
  end)

  it("draws gaps by themselves where a model lacks their order", function()
    local path = temporary()
    assert(assert(mt.model.learn(source, { block_size = block_size })):write(path, { gaps = false }))
    local s = assert(mt.synthesizer(path))
    assert.equal("iid", s.arrivals)
    local expected = written(synthesizer { arrivals = "iid", num_requests = 500 })
    assert_same_bytes(expected, (written(s, { num_requests = 500 })))
    local none, message, code = mt.synthesizer(path, { arrivals = "source" })
    assert.is_nil(none)
    assert.equal("the model has its gaps without their order, and arrivals like the source's need it: only iid is left",
      message)
    assert.equal("value", code)
  end)

  it("outlives what it learnt from, and lets it go when closed", function()
    local model = assert(mt.model.learn(source, { block_size = block_size }))
    local s = assert(mt.synthesizer(model))
    local next_request = s:requests { num_requests = 5 }
    next_request()
    model:close()
    collectgarbage()
    assert.is_truthy(next_request().input_length)
    assert.equal("the model is closed", refusal(s.columns, s, { num_requests = 5 }))
  end)

  it("goes on with requests whose blocks are not known", function()
    local trace = mt.trace.columns {
      { timestamp = 0, input_length = 100, output_length = 5 },
      { timestamp = 10, input_length = 50, output_length = 6, hash_ids = {} },
    }
    for _, method in ipairs(methods) do
      local s = assert(mt.synthesizer(trace, { method = method, num_requests = 50 }))
      local text, made = written(s)
      assert.is_nil(text:find "hash_ids")
      assert.is_nil(text:find "context_len")
      assert.equal(50, made.requests)
      assert.equal(0, made.blocks)
      assert.is_nil(made.metrics.context_length.mean)
      assert.is_truthy(tostring(made):find "Context Length +N/A")
    end
  end)

  it("passes over bad requests and counts them", function()
    local good = '{"timestamp": %d, "input_length": 16, "output_length": 1, "hash_ids": [%d]}\n'
    local path = file(good:format(0, 0) .. "x\n" .. good:format(5, 1) .. good:format(3, 2)
      .. '{"timestamp": 9, "input_length": 99, "output_length": 1, "hash_ids": [4]}\n')
    for _, method in ipairs(methods) do
      local s = assert(mt.synthesizer(path, { method = method, block_size = 16, skip_bad_lines = true }))
      assert.equal(2, s.source_requests)
      assert.equal(3, s.skipped)
      assert.is_truthy(s.first_skipped:find("^" .. path:gsub("%p", "%%%0") .. ":2:1: "))
      local none, message, code = mt.synthesizer(path, { method = method, block_size = 16 })
      assert.is_nil(none)
      assert.is_truthy(message:find(path .. ":2:1: ", 1, true))
      assert.equal("input", code)
    end
  end)

  -- 24 documents of 16 blocks, read 20 times each by whoever comes: prompts of a little more than the document
  -- look as if they went on from each other, in chains of any length. When these are joined, no document may
  -- become more popular than it was (nor less); and few neighbours stay.
  it("keeps how often documents are read, and not who comes after whom", function()
    local trace = assert(mt.workload { duration = "480s",
      mt.stream { arrivals = mt.poisson(1), prompt = mt.parts { { tokens = 8192, pick = 24 } },
        new_input = mt.lognormal { mean = 800, cv = 1 }, output = mt.lognormal { mean = 300, cv = 0.7 } },
    }:columns { seed = 1 })
    local function figures(columns)
      local counts, names, list = {}, {}, {}
      for r in columns:requests() do
        local root = r.hash_ids[1]
        if not counts[root] then names[#names + 1] = root end
        counts[root] = (counts[root] or 0) + 1
        list[#list + 1] = r.input_length .. " " .. r.output_length
      end
      local squares = 0
      for _, name in ipairs(names) do squares = squares + (counts[name] - #columns / 24) ^ 2 end
      return squares / #columns, list
    end
    local spread, old = figures(trace)
    local pairs_of, kept, all = {}, 0, 0
    for i = 2, #old do pairs_of[old[i - 1] .. "," .. old[i]] = true end
    local made_after = assert(mt.synthesizer(trace))
    for seed = 1, 4 do
      local here, new = figures(assert(made_after:columns { num_requests = "1x", seed = seed }))
      assert.is_true(math.abs(here - spread) < 0.1, ("seed %d: %.3f, not %.3f"):format(seed, here, spread))
      for i = 2, #new do
        all, kept = all + 1, kept + (pairs_of[new[i - 1] .. "," .. new[i]] and 1 or 0)
      end
    end
    assert.is_true(kept / all < 0.03, kept / all)
  end)

  -- 300 ms to the first token and 10 ms each: a pause is what is left of the time between two turns.
  it("learns from delays how long answers took, and writes delays by it", function()
    local trace = assert(mt.workload { duration = "10m",
      mt.stream { arrivals = mt.sessions { starts = mt.poisson(0.2), turns = mt.geometric(4), think = mt.exponential(5),
        service = { ttft = "300ms", per_token = "10ms" } }, new_input = 700, output = mt.lognormal { mean = 200, cv = 1 } },
    }:columns { seed = 1 })
    local made = assert(assert(mt.synthesizer(trace, { with_sessions = true })):columns { num_requests = "1x", seed = 1 })
    local before = mt.analyze(trace).sessions.think_time.median
    local median = mt.analyze(made).sessions.think_time.median
    assert.is_true(math.abs(median / before - 1) < 0.02, ("%.3f s, not %.3f s"):format(median, before))
    local path = os.tmpname()
    assert(assert(mt.model.learn(trace)):write(path))
    local text = assert(io.open(path)):read "a"
    os.remove(path)
    assert.truthy(text:find("\nanswers 300 10\n", 1, true), text:match "\nanswers[^\n]*")
  end)

  it("says what nothing can be made of", function()
    for _, method in ipairs(methods) do
      local none, message, code = mt.synthesizer(mt.trace.columns(), { method = method })
      assert.is_nil(none)
      assert.equal("columns: no requests", message)
      assert.equal("input", code)
      none, message = mt.synthesizer(mt.trace.columns { { timestamp = 0, input_length = 5 },
        { input_length = 5, output_length = 1 } }, { method = method })
      assert.is_nil(none)
      assert.is_truthy(message:find "^request [12]: ")
      local s = synthesizer { method = method, min_isl = 50000 }
      none, message, code = s:columns { num_requests = 5 }
      assert.is_nil(none)
      assert.equal("no request has an ISL of 50000 or more (min_isl): 10000 draws in a row", message)
      assert.equal("value", code)
      local path = temporary()
      os.remove(path)
      assert.is_nil((s:write(path)))
      assert.is_nil(io.open(path))
      assert.is_truthy(refusal(function() for _ in s:requests() do end end):find "^no request has an ISL")
    end
  end)

  it("refuses what no option can be", function()
    local function refused(message, given) assert.equal("synthesizer: " .. message, refusal(mt.synthesizer, source, given)) end
    for _, name in ipairs { "prefix_len_multiplier", "prompt_len_multiplier", "osl_multiplier", "speed_ratio" } do
      refused(name .. " must be above 0, not 0", { [name] = 0 })
      refused(name .. " must be above 0, not -2", { [name] = -2 })
      assert.is_truthy(refusal(mt.synthesizer, source, { [name] = 0 / 0 }):find(name .. " must be finite", 1, true))
    end
    refused("prefix_root_multiplier must be at least 1, not 0", { prefix_root_multiplier = 0 })
    refused("method must be one of reuse, radix, not 'tree'", { method = "tree" })
    refused("arrivals must be source, follow, resample, iid, or a script with a plan, as evening.lua, not 'none'",
      { arrivals = "none" })
    refused("min_isl (9) is above max_isl (3)", { min_isl = 9, max_isl = 3 })
    refused("min_osl (9) is above max_osl (3)", { min_osl = 9, max_osl = 3 })
    refused("unknown option 'prompt_len_multiplyer' (did you mean 'prompt_len_multiplier'?)",
      { prompt_len_multiplyer = 3 })
    assert.equal("synthesizer: the trace must be " .. a_trace .. ", a list of these or a model, not 5",
      refusal(mt.synthesizer, 5))
    assert.equal("synthesizer: the trace must be " .. a_trace .. " or a list of these, not 5",
      refusal(mt.synthesizer, 5, { method = "radix" }))
  end)

  it("is within the source's lengths and hits on the conversation trace", function()
    if missing then return pending(missing) end
    local s = assert(mt.synthesizer(conversation, { num_requests = "1x" }))
    local made = s:columns()
    local compared = assert(mt.compare(conversation, made))
    assert.is_true(compared.input_length.ks <= 0.005)
    assert.is_true(compared.output_length.ks <= 0.005)
    assert.is_true(math.abs(compared.hit_infinite[1] - compared.hit_infinite[2]) <= 0.002)
  end)
end)
