-- Sources for fidelity.lua that no method was tuned on: workloads of few and many sessions, with branches,
-- shared beginnings and long pauses, and of readers who come once. Small: some hundreds of requests each.
-- Returns { name, stream, requests } in order, always the same ones; source:write(path) writes one of them.
local mt = require "moontide"

local service = { ttft = "300ms", per_token = "20ms" }

local function agents(rate, turns)
  return mt.stream {
    arrivals = mt.sessions { starts = mt.poisson(rate), turns = mt.geometric { mean = turns, max = 200 },
      think = mt.mix { { 0.9, mt.exponential(4) }, { 0.1, mt.exponential(60) } }, service = service,
      max_input = 120000 },
    prompt = mt.shared_prefix { tokens = 9216, name = "tools" },
    first = { new_input = mt.lognormal { mean = 3000, cv = 1.2 } },
    new_input = mt.lognormal { mean = 1500, cv = 1.5, max = 20000 },
    output = mt.lognormal { mean = 300, cv = 1.2 },
  }
end

local function chats(rate, think)
  return mt.stream {
    arrivals = mt.sessions { starts = mt.poisson(rate), turns = mt.geometric(5), think = think,
      service = service },
    prompt = mt.shared_prefix { tokens = 1536, groups = 6, zipf = 1 },
    new_input = mt.lognormal { mean = 700, cv = 1.2 }, output = mt.lognormal { mean = 250, cv = 1 },
  }
end

local helpers = mt.branch { chance = 0.1, count = mt.uniform(1, 4), turns = mt.geometric(6),
  think = mt.exponential(2), new_input = mt.lognormal { mean = 1200, cv = 1.2, max = 12000 }, output = 200,
  prompt = mt.shared_prefix { tokens = 3072, name = "helper" }, join = "all" }

local with_helpers = mt.stream {
  arrivals = mt.sessions { starts = mt.poisson(0.012), turns = mt.geometric { mean = 25, max = 150 },
    think = mt.exponential(6), service = service, branch = helpers, compact = { at = 60000, keep = 4000 } },
  prompt = mt.shared_prefix { tokens = 7168, name = "tools" },
  new_input = mt.lognormal { mean = 1500, cv = 1.5, max = 20000 },
    output = mt.lognormal { mean = 250, cv = 1 },
}

-- Short tasks on prompts that many share, one after the other: more is shared across sessions than within.
local tasks = mt.stream {
  arrivals = mt.sessions { starts = mt.poisson(0.02), turns = mt.geometric(4), think = mt.exponential(3),
    service = service },
  prompt = mt.parts { { tokens = 2048 },
    { tokens = mt.uniform(2000, 20000), pick = mt.zipf { n = 30, s = 0.8 } } },
  new_input = mt.lognormal { mean = 500, cv = 1 }, output = 200,
}

local readers = mt.stream {
  arrivals = mt.poisson(1.5),
  prompt = mt.parts { { tokens = 1024 },
    { tokens = mt.lognormal { mean = 12000, cv = 0.8, max = 80000 }, pick = mt.zipf { n = 400, s = 0.9 } } },
  new_input = mt.lognormal { mean = 200, cv = 1 }, output = mt.lognormal { mean = 200, cv = 1 },
}

-- What comes in bursts: readers who know nothing of each other, and chats that begin then.
local burst_readers = mt.stream {
  arrivals = mt.on_off(2, { on = "10s", off = "40s" }),
  prompt = mt.parts { { tokens = 1024 },
    { tokens = mt.lognormal { mean = 12000, cv = 0.8, max = 80000 }, pick = mt.zipf { n = 400, s = 0.9 } } },
  new_input = mt.lognormal { mean = 200, cv = 1 }, output = mt.lognormal { mean = 200, cv = 1 },
}

local burst_chats = mt.stream {
  arrivals = mt.sessions { starts = mt.on_off(0.5, { on = "20s", off = "80s" }), turns = mt.geometric(4),
    think = mt.exponential(5), service = service },
  prompt = mt.shared_prefix { tokens = 1536, groups = 6, zipf = 1 },
  new_input = mt.lognormal { mean = 700, cv = 1.2 }, output = mt.lognormal { mean = 250, cv = 1 },
}

-- Without session ids, which most logs have not. The first request comes at 0, as what is made after it does:
-- figures per window of time go by where windows begin.
local function write(source, path)
  local start
  local writer <close> = assert(mt.trace.writer(path))
  local requests = mt.workload { duration = "100d", source.stream }:requests { seed = 1 }
  for _ = 1, source.requests do
    local r = requests()
    start = start or r.timestamp
    assert(writer:write { timestamp = r.timestamp - start, input_length = r.input_length,
      output_length = r.output_length, hash_ids = r.hash_ids })
  end
  assert(writer:finish())
end

local sources = {
  { name = "one agent after another", stream = agents(0.003, 30), requests = 300 },
  { name = "a few agents", stream = agents(0.02, 30), requests = 600 },
  { name = "twenty agents", stream = agents(0.12, 30), requests = 2000 },
  { name = "agents with helpers", stream = with_helpers, requests = 800 },
  { name = "tasks on shared prompts", stream = tasks, requests = 700 },
  { name = "many chats", stream = chats(0.5, mt.exponential(30)), requests = 4000 },
  { name = "chats with long pauses", stream = chats(0.1, mt.lognormal { mean = 300, cv = 2 }),
    requests = 3000 },
  { name = "readers of documents", stream = readers, requests = 3000 },
  { name = "readers in bursts", stream = burst_readers, requests = 4000 },
  { name = "chats in bursts", stream = burst_chats, requests = 4000 },
}

for _, source in ipairs(sources) do source.write = write end

return sources
