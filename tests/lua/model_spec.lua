local command = require "tests.support.command"
local core = require "moontide.core"
local model = require "moontide.learn.model"
local mt = require "moontide"
local a_trace = require "tests.support.any"
local refusal = require "tests.support.refusal"

local conversation, missing = require "tests.support.real_data" "mooncake_conversation_trace.jsonl"

local requests = {
  { timestamp = 0, input_length = 1000, output_length = 10, hash_ids = { 0, 1 } },
  { timestamp = 1500, input_length = 1500, output_length = 20, hash_ids = { 0, 1, 2 } },
  { timestamp = 2000, input_length = 600, output_length = 30, hash_ids = { 3, 4 } },
  { timestamp = 2000, input_length = 1024, hash_ids = { 0, 1 } },
}

local function file(text, suffix)
  return command.file(text, suffix and "file" .. suffix)
end

local content = command.read

local function text_of(learnt, given)
  local path = file()
  assert(learnt:write(path, given))
  return content(path)
end

local function trace_file()
  local path = file(nil, ".jsonl")
  assert(mt.trace.columns(requests):write(path))
  return path
end

local function raised(message, fn, ...)
  assert.equal(message, refusal.text(fn, ...))
end

describe("mt.model", function()
  teardown(command.remove_folders)

  it("learns the same from columns, a reader, a pipe and a path", function()
    local path = trace_file()
    local from_path = assert(mt.model.learn(path))
    local from_columns = assert(mt.model.learn(mt.trace.columns(requests)))
    local reader <close> = assert(mt.trace.open(path))
    local from_reader = assert(mt.model.learn(reader))
    assert.equal("model of 4 requests, blocks of 512 tokens, gaps in order", tostring(from_path))
    assert.equal(4, from_path:requests())
    assert.equal(512, from_path:block_size())
    assert.is_true(from_path:keeps_order())
    assert.equal(text_of(from_path), text_of(from_columns))
    assert.equal(text_of(from_path), text_of(from_reader))
    assert.equal(text_of(from_path), text_of(assert(mt.model.learn(mt.trace.pipe(path)))))
  end)

  it("reads what it has written, compressed or not", function()
    local learnt = assert(mt.model.learn(mt.trace.columns(requests)))
    local plain, packed = file(nil, ".model"), file(nil, ".model.gz")
    assert.equal(#content(file(text_of(learnt))), assert(learnt:write(plain)))
    assert.equal(#content(plain), assert(learnt:write(packed)))
    assert.equal("\x1f\x8b", content(packed):sub(1, 2))
    assert.equal(content(plain), text_of(assert(mt.model.open(plain))))
    assert.equal(content(plain), text_of(assert(mt.model.open(packed))))
  end)

  it("leaves out the order of the gaps when told to", function()
    local learnt = assert(mt.model.learn(mt.trace.columns(requests)))
    local path = file(text_of(learnt, { gaps = false }))
    local read = assert(mt.model.open(path))
    assert.is_false(read:keeps_order())
    assert.equal("model of 4 requests, blocks of 512 tokens, gaps without their order", tostring(read))
    assert.truthy(content(path):find("\norder left_out\n", 1, true))
    assert.truthy(content(path):find("\nbatches\n1 2\n2\ngaps\n500\n1500\n$"))
    assert.equal(content(path), text_of(read))
  end)

  it("says what a model holds", function()
    local figures = assert(assert(mt.model.learn(mt.trace.columns(requests))):describe())
    assert.equal(4, figures.requests)
    assert.equal(512, figures.block_size)
    assert.equal(1031, figures.input_length.mean)
    assert.equal(20, figures.output_length.mean)
    assert.equal(1024, figures.shared_length.max)
    assert.equal(512, figures.shared_length.mean)
    assert.same({ 4, 2, 3 }, { figures.shared_blocks, figures.returning_blocks, figures.unique_blocks })
    assert.equal(2, figures.runs)
    assert.same({ 2, 5 }, { figures.distance.min, figures.distance.max })
    assert.equal(3, figures.instants)
    assert.equal(2, figures.span)
    assert.is_true(figures.keeps_order)
    assert.equal(4, figures.single_lengths)
    assert.equal(4, figures.single_descriptions)
    assert.truthy(tostring(figures):find("Model of 4 requests, in blocks of 512 tokens", 1, true))
    assert.truthy(mt.json.encode(figures):find('"keeps_order": true', 1, true))
  end)

  it("tells what is single from what is not", function()
    local list = {}
    for i = 1, 6 do
      list[i] = { timestamp = i, input_length = i < 4 and 100 or 200, output_length = i < 6 and 5 or 6 }
    end
    local figures = assert(assert(mt.model.learn(mt.trace.columns(list))):describe())
    assert.equal(1, figures.single_lengths) -- the last one's 200, 6
    assert.equal(1, figures.single_descriptions)
    assert.is_nil(figures.distance)
    for _, request in ipairs(list) do request.output_length = nil end
    figures = assert(assert(mt.model.learn(mt.trace.columns(list))):describe())
    assert.equal(0, figures.single_lengths)
    assert.is_nil(figures.output_length.mean)
    assert.truthy(tostring(figures):find("Blocks: N/A, no request has hash_ids", 1, true))
  end)

  it("gives nil and a message for what is no trace and no model", function()
    local path = trace_file()
    local found, message, code = mt.model.open(path)
    assert.is_nil(found)
    assert.equal(path .. ":1: this is no model: it begins with '{\"timestamp\": 0, \"input_length\": 100...' "
      .. "(of a trace 'moontide learn TRACE -o NAME.model' makes one)", message)
    assert.equal("input", code)
    found, message, code = mt.model.learn "/nowhere/trace.jsonl"
    assert.is_nil(found)
    assert.equal("/nowhere/trace.jsonl: cannot open: No such file or directory", message)
    assert.equal("io", code)
    found, message, code = mt.model.learn(mt.trace.columns {})
    assert.is_nil(found)
    assert.equal("columns: no requests", message)
    assert.equal("input", code)
    found, message = mt.model.learn(mt.trace.columns { requests[1], requests[2], requests[1] })
    assert.is_nil(found)
    assert.equal("request 3: the timestamp is earlier than the one before ('moontide cat --sort' puts a trace in "
      .. "order)", message)
    local known = file(text_of(assert(mt.model.learn(mt.trace.columns(requests)))))
    found, message = mt.model.learn(known)
    assert.is_nil(found)
    assert.equal(known .. ": is a model already, not a trace", message)
  end)

  it("passes over what does not fit when told to", function()
    local learnt, skipped = model.learned(mt.trace.columns { requests[2], requests[1], requests[3] },
      { block_size = 512, skip_bad_lines = true })
    assert.equal(2, assert(learnt):requests())
    assert.equal(1, skipped[1])
    assert.truthy(skipped[2]:find("request 2: the timestamp is earlier", 1, true))
  end)

  it("raises the caller's mistakes", function()
    raised("model.learn: the trace must be " .. a_trace .. " or a list of these, not 5", mt.model.learn, 5)
    raised("model.learn: block_size must be at least 1, not 0", mt.model.learn, "x", { block_size = 0 })
    raised("model.open: path must be a file's name, not 5", mt.model.open, 5)
    local learnt = assert(mt.model.learn(mt.trace.columns(requests)))
    raised("write: unknown option 'gap' (did you mean 'gaps'?)", learnt.write, learnt, "x", { gap = false })
    learnt:close()
    learnt:close()
    raised("the model is closed", learnt.requests, learnt)
    assert.equal("model (closed)", tostring(learnt))
  end)

  it("cannot be used once a learner is finished", function()
    local learner <close> = core.model.learner(512)
    assert(learner:read(core.source.columns(mt.trace.columns(requests)), 1000))
    assert(learner:finish())
    raised("learn: it is closed", learner.finish, learner)
  end)
end)

describe("model.of", function()
  local function of(value, opt) return model.of(value, opt or {}, "synthesizer: the trace") end

  it("takes a model, a trace in any form, or a file that is either", function()
    local learnt = assert(mt.model.learn(mt.trace.columns(requests)))
    local wanted = text_of(learnt)
    assert.equal(learnt, of(learnt))
    assert.equal(wanted, text_of((assert(of(mt.trace.columns(requests))))))
    assert.equal(wanted, text_of((assert(of(trace_file())))))
    local reader <close> = assert(mt.trace.open(trace_file()))
    assert.equal(wanted, text_of((assert(of(reader)))))
    for _, suffix in ipairs { ".jsonl", ".gz" } do -- it is known by its first line, not its name
      local path = file(nil, suffix)
      assert(learnt:write(path))
      assert.equal(wanted, text_of((assert(of(path)))))
    end
  end)

  it("asks of a model that its blocks are those that are asked for", function()
    local learnt = assert(mt.model.learn(mt.trace.columns(requests)))
    assert.equal(learnt, of(learnt, { block_size = 512 }))
    local found, message, code = of(learnt, { block_size = 16 })
    assert.is_nil(found)
    assert.equal("synthesizer: the trace: the model has blocks of 512 tokens, not of 16", message)
    assert.equal("value", code)
    local path = file(text_of(learnt))
    found, message = of(path, { block_size = 16 })
    assert.is_nil(found)
    assert.equal(path .. ": the model has blocks of 512 tokens, not of 16", message)
  end)

  it("raises when it gets anything else", function()
    raised("synthesizer: the trace must be " .. a_trace .. ", a list of these or a model, not 5", of, 5)
  end)
end)

it("a model has at most a quarter of its trace's size", function()
  if missing then return pending(missing) end
  local trace = assert(io.open(conversation))
  local size = trace:seek "end"
  trace:close()
  local learnt = assert(mt.model.learn(conversation))
  assert.is_true(assert(learnt:write "/dev/null") * 4 <= size)
end)
