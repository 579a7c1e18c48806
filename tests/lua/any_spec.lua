-- What may be a trace: every function that takes one takes all of them, and says so in its own name.
assert(_VERSION == "Lua 5.4")
local mt = require "moontide"

local paths = {}

local function new_path()
  local path = os.tmpname()
  paths[#paths + 1] = path
  return path
end

teardown(function()
  for _, path in ipairs(paths) do os.remove(path) end
end)

local load = mt.workload { duration = 20, mt.stream {
  arrivals = mt.poisson(20), new_input = mt.lognormal { mean = 600, cv = 1 }, output = 30,
  prompt = mt.shared_prefix { tokens = 1024, groups = 3 },
} }

local path = new_path()
assert(load:write(path))
local columns = assert(mt.trace.read(path))

local function text_of(requests)
  local to = new_path()
  assert(mt.trace.pipe(requests):write(to, { timestamp_digits = 3 }))
  local file <close> = assert(io.open(to))
  return file:read "a"
end

-- The same requests in all forms; each makes a new one, for a reader can be read only once.
local halfway = columns:column("timestamp")[#columns // 2] / 1000
local forms = {
  path = function() return path end,
  columns = function() return columns end,
  pipe = function() return mt.trace.pipe(path) end,
  reader = function() return assert(mt.trace.open(path)) end,
  workload = function() return load end,
  list = function() return { columns:window { stop = halfway }, mt.trace.pipe(path):window { start = halfway } } end,
}

-- What a function makes of the trace, as a text; mt.plan_of stands in for what is no function of a trace.
local functions = {
  { "analyze", function(trace) return tostring(mt.analyze(trace)) end },
  { "learn", function(trace) return tostring(mt.learn(trace):describe()) end },
  { "model.learn", function(trace) return tostring(mt.model.learn(trace):describe()) end },
  { "synthesizer", function(trace)
    return text_of(mt.synthesizer(trace):columns { num_requests = 50 })
  end },
  { "radix", function(trace) return tostring(mt.radix(trace)) end },
  { "lint", function(trace)
    local result = assert(mt.lint(trace))
    return ("%d %d %s"):format(result.requests, #result.findings, #result:mended():columns())
  end },
  { "trace.columns", function(trace) return text_of(mt.trace.columns(trace)) end },
  { "trace.pipe", function(trace) return text_of(mt.trace.pipe(trace)) end },
  { "trace.merge", function(trace) return text_of(mt.trace.merge { trace }) end },
  { "trace.join", function(trace) return text_of(mt.trace.join { trace }) end },
  { "times_of", function(trace)
    return text_of(mt.workload { duration = 30, mt.stream { arrivals = mt.times_of(trace), input = 5 } })
  end },
  { "lengths_of", function(trace)
    return text_of(mt.workload { duration = 9, mt.stream { arrivals = mt.poisson(9), lengths = mt.lengths_of(trace) } })
  end },
  { "prompts_of", function(trace)
    return text_of(mt.workload { duration = 9, mt.stream { arrivals = mt.poisson(9), prompt = mt.prompts_of(trace) } })
  end },
  { "learned", function(trace)
    return text_of(mt.workload { duration = 9, mt.stream { arrivals = mt.poisson(9), prompt = mt.learned(trace) } })
  end },
  { "rate_of", function(trace) return ("%.9g"):format(mt.rate_of(trace, { bin = 5 }):area(0, 20)) end },
}

-- A workload's times are not cut to what a trace's digits can say.
local function like(text)
  return (text:gsub("(%d+%.%d%d%d)%d*", "%1"))
end

describe("a trace in any form", function()
  for _, one in ipairs(functions) do
    local name, fn = one[1], one[2]
    local wanted = like(fn(path))

    for form, make in pairs(forms) do
      -- Of a workload not every digit of a time is in its file, which a mean or a draw may show.
      local is_exact = form ~= "workload" or name:find "^trace" or name == "analyze" or name == "radix"
      it(("is taken by %s: %s"):format(name, form), function()
        local got = like(fn(make()))
        if is_exact then assert.equal(wanted, got) else assert.is_true(#got > 0) end
      end)
    end

    it(("that is none is refused in the name of %s"):format(name), function()
      local ok, problem = pcall(fn, 5)
      assert.is_false(ok)
      assert.truthy(tostring(problem):find(": " .. name .. ": t", 1, true), problem)
      assert.truthy(tostring(problem):find("a file's name, columns, a pipe, a reader, a workload, a synthesizer", 1, true))
    end)
  end

  it("is compared with any other", function()
    local synthesizer = assert(mt.synthesizer(load, { num_requests = 300 }))
    for _, make in pairs(forms) do
      local same = assert(mt.compare(make(), path))
      assert.equal(same.requests[1], same.requests[2])
      assert.same({}, same:exceeded { ks = 0, hit_infinite = 0 })
    end
    assert.equal(300, assert(mt.compare(synthesizer, load)).requests[1])
  end)

  it("is named by its place where a list has what is none", function()
    local ok, problem = pcall(mt.analyze, { path, 5 })
    assert.is_false(ok)
    assert.truthy(tostring(problem):find("analyze: the trace, part 2 must be a file's name", 1, true))
  end)
end)

describe("a workload's pipe", function()
  it("takes every step, and is made anew each time", function()
    local pipe = load:pipe { seed = 3 }:where "input_length > 1500":thin(0.5):speed(2)
    local first, second = assert(pipe:columns()), assert(pipe:columns())
    assert.is_true(#first > 5 and #first < #columns)
    assert.equal(text_of(first), text_of(second))
    local by_hand = load:columns { seed = 3 }:where "input_length > 1500":thin(0.5):speed(2)
    assert.equal(text_of(by_hand), text_of(first))
  end)

  it("has the options of the run", function()
    assert.equal(10, #load:pipe { num_requests = 10 }:columns())
    assert.equal(5, #load:pipe { num_requests = 10, shard = "1/2" }:columns())
    assert.truthy(select(2, pcall(load.pipe, load, { sead = 1 })):find "pipe: unknown option 'sead' %(did you mean 'seed'")
  end)

  it("tells a mistake in the plan as the workload itself does", function()
    local bad = mt.workload { duration = 9, mt.stream {
      arrivals = mt.poisson(mt.const(1) / mt.const(0)), input = 5,
    } }
    local wanted = select(2, pcall(function() return bad:columns() end))
    assert.truthy(tostring(wanted):find "any_spec%.lua:%d+: ")
    assert.equal(wanted, select(2, pcall(function() return bad:pipe():first(900):columns() end)))
    assert.equal(wanted, select(2, pcall(function() return mt.analyze(bad) end)))
  end)

  it("says which of its requests does not fit", function()
    local result, message, code = mt.analyze(mt.workload { duration = 9, mt.stream {
      arrivals = mt.even(1), input = 5,
    } })
    assert.is_nil(result)
    assert.equal("request 1: output_length is missing, and the analysis needs it", message)
    assert.equal("input", code)
  end)

  it("is a trace for what is learnt, and times for what was learnt", function()
    local learnt = assert(mt.learn(load:pipe():speed(2)))
    assert.equal(#columns, learnt:requests())
    local synthesizer = assert(mt.synthesizer(learnt, { arrivals = load }))
    local made = assert(synthesizer:pipe { seed = 0 }:first(7):columns())
    assert.equal(7, #made)
    assert.equal(columns:column("timestamp")[7] // 1, made:column("timestamp")[7] // 1)
  end)
end)

it("a pipe is drawn as its columns are", function()
  assert.equal(tostring(columns:plot { width = 60 }), tostring(mt.trace.pipe(path):plot { width = 60 }))
  assert.truthy(select(2, pcall(function() return mt.trace.pipe("/nowhere"):plot() end)):find "plot: /nowhere: cannot open")
end)

describe("a reader", function()
  it("is taken by a pipe once, from where it stands", function()
    local reader = assert(mt.trace.open(path))
    assert(reader:next())
    local pipe = mt.trace.pipe(reader):first(3)
    local some = assert(pipe:columns())
    assert.equal(2, some[1].line)
    assert.equal(3, #some)
    assert.truthy(select(2, pcall(reader.next, reader)):find "a pipe has taken its rest")
    assert.is_false(pcall(pipe.columns, pipe))
  end)

  it("stays open after what reads it to its end", function()
    local reader = assert(mt.trace.open(path))
    assert(mt.analyze(reader))
    assert.is_nil(reader:next())
    assert.equal(0, reader:skipped())
    reader:close()
  end)
end)

it("an output format is one of those there are", function()
  local to = new_path()
  assert(load:pipe { num_requests = 3 }:write(to, { format = "jsonl", compact = true }))
  assert.equal(3, #mt.trace.read(to))
  assert.truthy(select(2, pcall(columns.write, columns, to, { format = "xml" })):find "format must be one of jsonl")
end)
