-- What is cheap and what is dear: one load with other processes, lengths and prompts, and the time that a
-- request of it takes on this machine.
local mt = require "moontide"

local day = mt.sine { min = 500, max = 1500, period = "100s" }
local documents = { tokens = 2048, pick = mt.zipf { n = 10000, s = 1 }, count = 3 }

-- What a stream has instead of even arrivals, 500 tokens and unique prompts.
local variants = {
  { "even, fixed lengths, unique", {} },
  { "poisson", { arrivals = mt.poisson(1000) } },
  { "poisson, sine * noise", { arrivals = mt.poisson(day * mt.noise { cv = 0.3, corr_time = "5s" }) } },
  { "renewal, gamma gaps", { arrivals = mt.renewal(1000, mt.gamma { cv = 2 }) } },
  { "on_off", { arrivals = mt.on_off(1000, { on = "1s", off = "4s" }) } },
  { "hawkes", { arrivals = mt.hawkes(1000, { branching = 0.5, decay = "5s" }) } },
  { "arrivals in Lua", { arrivals = mt.arrivals(function() return function() return 0.001 end end) } },
  { "sessions of 4 turns", { arrivals = mt.sessions { starts = mt.poisson(250), turns = 4, think = 5 } } },
  { "lengths lognormal", { new_input = mt.lognormal { mean = 500, cv = 1 } } },
  { "two fields", { fields = { model = "large", priority = mt.choice { { 9, 0 }, { 1, 1 } } } } },
  { "shared_prefix, 4 blocks", { prompt = mt.shared_prefix { tokens = 2048, groups = 100, zipf = 1 } } },
  { "parts, 13 blocks", { prompt = mt.parts { { tokens = 512 }, documents } } },
  { "unique, 100 blocks", { new_input = 51200 } },
}

-- Nanoseconds a request, the best of three runs.
local function cost(changes, requests)
  local stream = { arrivals = mt.even(1000), new_input = 500, output = 200 }
  for name, value in pairs(changes) do stream[name] = value end
  local workload = mt.workload { duration = requests / 500, mt.stream(stream) }
  local best = math.huge
  for _ = 1, 3 do
    local start = os.clock()
    local columns <close> = workload:columns { num_requests = requests }
    best = math.min(best, (os.clock() - start) / #columns)
  end
  return best * 1e9
end

return mt.script {
  summary = "What is cheap and what is dear: nanoseconds a request into memory, on this machine",
  usage = "moontide examples/costs.lua --requests 1M",
  options = {
    { "requests", kind = "integer", default = 100000, min = 10000,
      help = "how many requests a measurement takes" },
  },
  run = function(opt)
    for _, variant in ipairs(variants) do
      print(("%-30s %6.0f ns"):format(variant[1], cost(variant[2], opt.requests)))
    end
  end,
}
