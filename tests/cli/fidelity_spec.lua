-- Whether a new trace behaves like its source, in a cache and on a clock: what the reuse method promises, held
-- against traces of very different kind, and against real ones where there are.
--
-- Of the sources one is held to it only in part: `cyclic`, whose documents are scanned in the same order again and
-- again, hits nothing in a cache below their size and nearly everything above. New traces of it hit in smaller
-- caches too, since some scans come early; from 5000 blocks up they are alike.
local command = require "tests.support.command"
local mt = require "moontide"
local sources = require "tests.support.sources"

local real_data = require "tests.support.real_data"

-- Sources, and how many requests where fewer than usual will do.
local names = { "sessions_long_gaps", "hot_system_prompt", "repeated_documents", "toolagent", "bailian", "bursts",
  "popular_mixture", "phases" }
local fewer = { toolagent = 12000, bailian = 10000, popular_mixture = 12000 }

local paths, made_sources = {}, {}
teardown(function()
  for _, path in ipairs(paths) do os.remove(path) end
  command.remove_folders()
end)

local function new_path()
  paths[#paths + 1] = os.tmpname()
  return paths[#paths]
end

local function source_of(columns, block_size)
  local analysis = assert(mt.analyze(columns, { block_size = block_size }))
  return { columns = columns, block_size = block_size, requests = #columns, analysis = analysis,
    model = assert(mt.model.learn(columns, { block_size = block_size })) }
end

-- { columns, block_size, requests, analysis, model } of a generated source.
local function generated(name)
  if not made_sources[name] then
    local path = new_path()
    sources[name](path, fewer[name])
    made_sources[name] = source_of(assert(mt.trace.read(path)), sources.block_size[name])
  end
  return made_sources[name]
end

-- A real trace; the test is pending where there is none.
local function real(name, read, block_size)
  local path, missing = real_data(name)
  if missing then pending(missing) end
  made_sources[name] = made_sources[name] or source_of(read(path), block_size or 512)
  return made_sources[name]
end

local function conversation()
  return real("mooncake_conversation_trace.jsonl", function(path) return assert(mt.trace.read(path)) end)
end

-- Twenty sizes, 211 blocks to nearly all: a geometric series on which no method's grid lies.
local function sizes_of(distinct)
  local sizes = {}
  for i = 1, 20 do sizes[i] = math.floor(211 * (0.97 * distinct / 211) ^ ((i - 1) / 19)) end
  return sizes
end

local function synthesis(source, opt, times)
  return assert(assert(mt.synthesizer(source.model, opt)):columns { num_requests = (times or 1) .. "x" })
end

local function compared(source, made, sizes)
  return assert(mt.compare(source.columns, made,
    { block_size = source.block_size, cache_sizes = sizes, ttl = { 1, 5, 30, 300 } }))
end

local function assert_within(bound, value, wanted, what)
  assert.is_true(math.abs(value - wanted) <= bound, ("%s: %.5f is not %.5f +- %g"):format(what, value, wanted, bound))
end

-- --- in a cache -------------------------------------------------------------------------------------

-- A request as it can be recognised: by its lengths.
local function requests_of(columns)
  local inputs, outputs = columns:column("input_length"):values(), columns:column("output_length"):values()
  local list = {}
  for i = 1, #inputs do list[i] = inputs[i] .. " " .. outputs[i] end
  return list
end

-- The share of the pairs of neighbours that are neighbours in the source.
local function old_neighbours(source, made)
  local neighbours, old, count = {}, requests_of(source.columns), 0
  for i = 2, #old do neighbours[old[i - 1] .. ", " .. old[i]] = true end
  local new = requests_of(made)
  for i = 2, #new do
    if neighbours[new[i - 1] .. ", " .. new[i]] then count = count + 1 end
  end
  return count / (#new - 1)
end

local lengths = { "input_length", "output_length", "context_length" }

local seeds = os.getenv "MOONTIDE_SLOW_TESTS" and 10 or 3

local function add(sums, key, value)
  sums[key] = (sums[key] or 0) + value
end

-- Means over the seeds of what is compared, at equal length: measured once for a source.
local function means_of(source)
  if source.means then return source.means end
  local sizes = sizes_of(math.max(1000, source.analysis.distinct_blocks))
  local means = { sizes = sizes, lru = {}, ks = {}, hit_infinite = 0, dispersion = {} }
  for seed = 1, seeds do
    local made <close> = synthesis(source, { seed = seed })
    local comparison = compared(source, made, sizes)
    assert.same({ source.requests, source.requests }, comparison.requests)
    for size, pair in pairs(comparison.lru or {}) do add(means.lru, size, pair[2] / seeds) end
    for _, name in ipairs(lengths) do add(means.ks, name, comparison[name] and comparison[name].ks / seeds or 0) end
    for window, pair in pairs(comparison.dispersion) do add(means.dispersion, window, pair[2] / pair[1] / seeds) end
    add(means, "hit_infinite", comparison.hit_infinite and comparison.hit_infinite[2] / seeds or 0)
    if seed == 1 then means.old_neighbours = old_neighbours(source, made) end
  end
  source.means = means
  return means
end

local function assert_alike(source, lru)
  local means = means_of(source)
  assert_within(0.005, means.ks.input_length, 0, "distance of ISL")
  assert_within(0.005, means.ks.output_length, 0, "distance of OSL")
  assert_within(0.02, means.ks.context_length, 0, "distance of context")
  assert_within(0.002, means.hit_infinite, source.analysis.hit_infinite.block, "hit ratio, infinite")
  for _, size in ipairs(means.sizes) do
    assert_within(lru, means.lru[size], source.analysis:hit_ratio(size), ("hit ratio, %d blocks"):format(size))
  end
end

describe("at equal length a new trace has its source's lengths and hit ratios:", function()
  it("the conversation trace", function()
    assert_alike(conversation(), 0.005)
  end)

  for _, name in ipairs(names) do
    it(name, function() assert_alike(generated(name), 0.010) end)
  end

  it("cyclic, from 5000 blocks up", function()
    local source = generated "cyclic"
    local made <close> = synthesis(source, { seed = 1 })
    local analysis = mt.analyze(made)
    assert_within(0.002, analysis.hit_infinite.block, source.analysis.hit_infinite.block, "hit ratio, infinite")
    for _, size in ipairs { 5000, 5500, 6500, 12000, 20000, 35000 } do
      assert_within(0.010, analysis:hit_ratio(size), source.analysis:hit_ratio(size), size)
    end
  end)
end)

describe("at three times the length nothing drifts:", function()
  local function assert_no_drift(source)
    local sizes = sizes_of(source.analysis.distinct_blocks)
    local made <close> = synthesis(source, { seed = 1 }, 3)
    local analysis = mt.analyze(made, { block_size = source.block_size })
    assert.equal(3 * source.requests, analysis.requests)
    for _, size in ipairs(sizes) do
      assert_within(0.015, analysis:hit_ratio(size), source.analysis:hit_ratio(size), size)
    end
  end

  it("the conversation trace", function()
    assert_no_drift(conversation())
  end)

  for _, name in ipairs { "sessions_long_gaps", "hot_system_prompt", "repeated_documents" } do
    it(name, function() assert_no_drift(generated(name)) end)
  end
end)

-- Against the whole source: sessions are whole, and as many at once; but what comes back after longer than the
-- new trace lasts cannot.
describe("shorter than the source it is alike, but for what comes back late:", function()
  for times, bound in pairs { [0.5] = 0.01, [0.25] = 0.0175 } do
    it(("the conversation trace at %g times its length"):format(times), function()
      local source = conversation()
      local sizes = sizes_of(source.analysis.distinct_blocks)
      local made <close> = synthesis(source, { seed = 1 }, times)
      local comparison = compared(source, made, sizes)
      assert.is_true(comparison.input_length.ks < 0.03, comparison.input_length.ks)
      for size, pair in pairs(comparison.lru) do assert_within(bound, pair[2], pair[1], size) end
    end)
  end

  -- Hit ratios of a cache without limit, of each tenth of the requests.
  local function tenths_of(columns)
    local known, tenths, count, at = {}, {}, columns:column("timestamp"):values(), 0
    for k = 1, 10 do tenths[k] = { hit = 0, all = 0 } end
    for r in columns:requests() do
      local ids, depth, here = r.hash_ids or {}, 0, tenths[at * 10 // #count + 1]
      while depth < #ids and known[ids[depth + 1]] do depth = depth + 1 end
      for _, id in ipairs(ids) do known[id] = true end
      here.hit, here.all, at = here.hit + depth, here.all + #ids, at + 1
    end
    for k, here in ipairs(tenths) do tenths[k] = here.hit / here.all end
    return tenths
  end

  -- LRU, hits per tenth, and turns a session in parts of the source's. Of one session a quarter is a quarter of one: chains of
  -- turns are counted, of which there are two or three then.
  local function assert_like(source, times, bound)
    local made <close> = synthesis(source, { seed = 1 }, times)
    local sizes = {} -- fewer blocks than a prompt has, too: there hits of few sessions bend
    for i = 1, 40 do sizes[i] = math.floor(30 * (source.analysis.distinct_blocks / 30) ^ (i / 40)) end
    local opt = { cache_sizes = sizes, block_size = source.block_size }
    local comparison = assert(mt.compare(source.columns, made, opt))
    local count = 0
    for size, pair in pairs(comparison.lru) do
      count = count + 1
      assert_within(bound.lru, pair[2], pair[1], size)
    end
    assert.equal(40, count)
    local early = mt.json.decode(mt.json.encode(comparison)).early
    assert.equal(0, early and early[2] or 0)
    local wanted = assert(mt.analyze(source.columns, opt)).sessions.turns.mean
    local turns = assert(mt.analyze(made, opt)).sessions.turns.mean
    assert_within(bound.turns * wanted, turns, wanted, "turns a session")
    local tenths = tenths_of(made)
    for k, ratio in ipairs(tenths_of(source.columns)) do
      assert_within(bound.tenth, tenths[k], ratio, k .. ". tenth")
    end

    -- A session goes on over what is left out of it: as many are named as are seen, or fewer; but now and then
    -- two look like one, as in these sources.
    local named <close> = synthesis(source, { seed = 1, with_sessions = true }, times)
    local known, seen = {}, 0
    for r in named:requests() do
      if not known[r.session_id] then known[r.session_id], seen = true, seen + 1 end
    end
    assert.is_true(seen <= assert(mt.analyze(made, opt)).sessions.count + 1, seen)
  end

  for name, bounds in pairs {
    agent_16_sessions = { [0.5] = { lru = 0.025, turns = 0.1, tenth = 0.06 },
      [0.25] = { lru = 0.04, turns = 0.15, tenth = 0.11 } },
    agent_4_sessions = { [0.5] = { lru = 0.045, turns = 0.2, tenth = 0.08 },
      [0.25] = { lru = 0.08, turns = 0.26, tenth = 0.22 } },
    agent_1_session = { [0.5] = { lru = 0.04, turns = 0.25, tenth = 0.11 },
      [0.25] = { lru = 0.08, turns = 0.26, tenth = 0.18 } },
    agents_shared_prompts_b16 = { [0.5] = { lru = 0.045, turns = 0.05, tenth = 0.08 },
      [0.25] = { lru = 0.075, turns = 0.05, tenth = 0.11 } },
  } do
    for times, bound in pairs(bounds) do
      it(("%s at %g times its length"):format(name, times), function()
        local block_size = name:find "b16" and 16 or 512
        assert_like(real(name .. ".jsonl", function(path)
          return assert(mt.trace.read(path))
        end, block_size), times, bound)
      end)
    end
  end

  -- The same of sources that need no data: sessions with long growing prompts, one or a few of them at once.
  for _, one in ipairs(require "tests.bench.fidelity_sources") do
    local bounds = { ["one agent after another"] = { [0.5] = { lru = 0.04, turns = 0.2, tenth = 0.09 },
        [0.25] = { lru = 0.065, turns = 0.25, tenth = 0.17 } },
      ["agents with helpers"] = { [0.5] = { lru = 0.025, turns = 0.1, tenth = 0.05 },
        [0.25] = { lru = 0.03, turns = 0.1, tenth = 0.07 } } }
    for times, bound in pairs(bounds[one.name] or {}) do
      it(("%s at %g times its length"):format(one.name, times), function()
        local path = new_path()
        one:write(path)
        assert_like(source_of(assert(mt.trace.read(path)), 512), times, bound)
      end)
    end
  end
end)

describe("the root multiplier divides reuse as independent populations would:", function()
  local function assert_divided(source)
    local made <close> = synthesis(source, { seed = 1, prefix_root_multiplier = 2 }, 2)
    local analysis = mt.analyze(made, { block_size = source.block_size })

    -- In a cache that is twice as large each of two has the room that one had. (Of a cache not much larger than
    -- a request that is only roughly true: there it matters who comes between.)
    for _, size in ipairs(sizes_of(source.analysis.distinct_blocks)) do
      if size >= 1000 then
        assert_within(0.012, analysis:hit_ratio(2 * size), source.analysis:hit_ratio(size), size)
      end
    end

    -- Two learnt streams at one rate, merged by Poisson arrivals, are two populations that know nothing of each
    -- other, and a request is as likely one's as the other's.
    local learnt, streams = mt.learned(source.model), { block_size = source.block_size, duration = 2 * source.requests }
    for i = 1, 2 do
      streams[i] = mt.stream { name = "population " .. i, arrivals = mt.poisson(1.2), prompt = learnt }
    end
    local wanted <close> = mt.workload(streams):columns { num_requests = 2 * source.requests }
    local populations = mt.analyze(wanted, { block_size = source.block_size })
    assert.equal(analysis.requests, populations.requests)
    assert_within(0.005, analysis.hit_infinite.block, populations.hit_infinite.block, "infinite")
    for _, size in ipairs(sizes_of(2 * source.analysis.distinct_blocks)) do
      assert_within(0.010, analysis:hit_ratio(size), populations:hit_ratio(size), size)
    end
  end

  it("the conversation trace", function()
    assert_divided(conversation())
  end)

  for _, name in ipairs { "sessions_long_gaps", "hot_system_prompt" } do
    it(name, function() assert_divided(generated(name)) end)
  end
end)

-- --- a new trace ------------------------------------------------------------------------------------

-- What families of sessions keep: those of a burst, of one document's readers or of one agent stay together,
-- and so some of them stay neighbours. The rest is chance: each of up to 96 that change places finds its old
-- neighbour again once in so many times.
local old_share = { sessions_long_gaps = 0.025, hot_system_prompt = 0.015, toolagent = 0.015, bailian = 0.04,
  popular_mixture = 0.04, repeated_documents = 0.09, bursts = 0.1, phases = 0.1 }

local function assert_new(source, bound)
  local share = means_of(source).old_neighbours
  assert.is_true(share < bound, share)
end

describe("few pairs of neighbours are the source's:", function()
  it("of the conversation trace fewer than 1 in 100", function()
    assert_new(conversation(), 0.01)
  end)

  for _, name in ipairs(names) do
    it(name, function() assert_new(generated(name), old_share[name]) end)
  end

  -- A turn comes after the turn before it; of the other pairs few are old.
  it("of 16 agents' sessions, but for turns of one session", function()
    local source = real("agent_16_sessions.jsonl", function(path) return assert(mt.trace.read(path)) end)
    local old, made = requests_of(source.columns), synthesis(source, { seed = 1, with_sessions = true })
    local neighbours, new, sessions = {}, requests_of(made), {}
    for r in made:requests() do sessions[#sessions + 1] = r.session_id end
    for i = 2, #old do neighbours[old[i - 1] .. ", " .. old[i]] = true end
    local across, count = 0, 0
    for i = 2, #new do
      if sessions[i] ~= sessions[i - 1] then
        count = count + 1
        across = across + (neighbours[new[i - 1] .. ", " .. new[i]] and 1 or 0)
      end
    end
    assert.is_true(count > 600 and across / count < 0.08, across / count)
  end)
end)

-- --- in sessions ------------------------------------------------------------------------------------

-- Block hit ratios of LRU, FIFO and of caches that keep blocks so many seconds, in one table.
local function hit_ratios(analysis)
  local a, ratios = mt.json.decode(mt.json.encode(analysis)), {}
  for size, hit in pairs(a.hits.fifo) do ratios["fifo " .. size] = hit.block end
  for age, hit in pairs(a.ttl) do ratios["ttl " .. age] = hit.block end
  for size, ratio in pairs(a.lru) do ratios["lru " .. size] = ratio end
  return ratios, a.sessions
end

-- cache: the bound of one seed's ratios and of their mean.
local function assert_keeps_sessions(source, cache)
  local opt = { policy = { "fifo" }, ttl = { 1, 5, 30, 300 }, cache_sizes = sizes_of(source.analysis.distinct_blocks) }
  local wanted, sessions = hit_ratios(assert(mt.analyze(source.columns, opt)))
  local sums = {}
  for seed = 1, seeds do
    local made <close> = synthesis(source, { seed = seed })
    local ratios, here = hit_ratios(assert(mt.analyze(made, opt)))
    for name, ratio in pairs(ratios) do
      assert_within(name:find "ttl" and 0.01 or cache.seed, ratio, wanted[name], name .. " of seed " .. seed)
      add(sums, name, ratio / seeds)
    end
    assert_within(0.1 * sessions.count, here.count, sessions.count, "sessions")
    assert_within(0.1 * sessions.turns.mean, here.turns.mean, sessions.turns.mean, "turns")
    assert_within(0.1 * sessions.think_time.median, here.think_time.median, sessions.think_time.median, "think time")
  end
  for name, ratio in pairs(sums) do assert_within(cache.mean, ratio, wanted[name], name) end
end

describe("sessions, turns, think times, and hits of LRU, FIFO and TTL are the source's:", function()
  it("the conversation trace", function()
    assert_keeps_sessions(conversation(), { seed = 0.01, mean = 0.005 })
  end)

  for name, cache in pairs { agent_16_sessions = { seed = 0.04, mean = 0.02 },
    agent_4_sessions = { seed = 0.06, mean = 0.03 }, agent_1_session = { seed = 0.02, mean = 0.01 } } do
    it(name, function()
      local source = real(name .. ".jsonl", function(path) return assert(mt.trace.read(path)) end)
      assert_keeps_sessions(source, cache)
    end)
  end
end)

local function roots_of(columns)
  local roots, count = {}, 0
  for r in columns:requests() do
    local root = r.hash_ids and r.hash_ids[1]
    if root and not roots[root] then roots[root], count = true, count + 1 end
  end
  return count
end

describe("roots:", function()
  it("N populations have N times as many, and what all share stays one at five times the length", function()
    local path = new_path()
    sources.sessions_long_gaps(path, 1500)
    local source = source_of(assert(mt.trace.read(path)))
    local wanted = roots_of(source.columns)
    local three <close> = synthesis(source, { seed = 1, prefix_root_multiplier = 3 }, 3)
    local longer <close> = synthesis(source, { seed = 1 }, 5)
    assert.equal(3 * wanted, roots_of(three))
    assert.equal(wanted, roots_of(longer))
  end)
end)

-- --- on a clock -------------------------------------------------------------------------------------

-- A trace of the times and lengths of a log of the Azure kind: its rows are of one day.
local function read_azure(path)
  local trace = new_path()
  local writer <close> = assert(mt.trace.writer(trace))
  local log <close> = assert(mt.csv.open(path))
  local start
  for row in log.next, log do
    local hours, minutes, seconds = row.TIMESTAMP:match "(%d+):(%d+):([%d.]+)"
    local time = 1000 * (3600 * hours + 60 * minutes + seconds)
    start = start or time
    assert(writer:write { timestamp = time - start, input_length = math.tointeger(tonumber(row.ContextTokens)),
      output_length = math.tointeger(tonumber(row.GeneratedTokens)) })
  end
  assert(writer:finish())
  return assert(mt.trace.read(trace))
end

local function assert_bunched(source)
  local dispersion = means_of(source).dispersion
  for window, bound in pairs { [1] = 0.2, [10] = 0.2, [60] = 0.2, [300] = 0.35 } do
    assert_within(bound, dispersion[window], 1, ("variance over mean at %d s, in parts of the source's"):format(window))
  end
end

local function times_of(columns)
  local times = columns:column("timestamp"):values()
  for i = #times, 1, -1 do times[i] = times[i] - times[1] end
  return times
end

-- The share of places at which two lists have the same time.
local function same_share(a, b)
  local count = 0
  for i = 1, #a do count = count + (a[i] == b[i] and 1 or 0) end
  return count / #a
end

describe("arrivals bunch as the source's do, at 1, 10, 60 and 300 s:", function()
  it("the conversation trace", function()
    assert_bunched(conversation())
  end)

  it("the Azure conversation log", function()
    local source = real("azure_llm_inference_conv.csv", read_azure)
    assert_bunched(source)
  end)

  for _, name in ipairs(names) do
    it(name, function() assert_bunched(generated(name)) end)
  end
end)

-- Readers who come in bursts and know nothing of each other; many of them seem to go on from one another.
local function burst_readers()
  for _, one in ipairs(require "tests.bench.fidelity_sources") do
    if one.name == "readers in bursts" and not made_sources[one.name] then
      local path = new_path()
      one:write(path)
      made_sources[one.name] = source_of(assert(mt.trace.read(path)), 512)
    end
  end
  return made_sources["readers in bursts"]
end

-- Each seed; and hit ratios of LRU and by age, their means. same: the share of places at which two seeds have
-- the same time.
local function assert_bunched_at(arrivals, source, same)
  local sizes, sums, ages, all_times = sizes_of(source.analysis.distinct_blocks), {}, {}, {}
  for seed = 1, seeds do
    local made <close> = synthesis(source, { seed = seed, arrivals = arrivals })
    local comparison = compared(source, made, sizes)
    for window, pair in pairs(comparison.dispersion) do
      assert_within(0.2 * pair[1], pair[2], pair[1], ("variance over mean at %s s, seed %d"):format(window, seed))
    end
    for size, pair in pairs(comparison.lru) do add(sums, size, (pair[2] - pair[1]) / seeds) end
    for age, pair in pairs(comparison.ttl or {}) do add(ages, age, (pair[2] - pair[1]) / seeds) end
    all_times[seed] = times_of(made)
  end
  for size, sum in pairs(sums) do assert_within(0.015, sum, 0, size .. " blocks") end
  for age, sum in pairs(ages) do assert_within(0.010, sum, 0, age .. " s") end
  for _, times in ipairs { all_times[2], times_of(source.columns) } do
    assert.is_true(same_share(all_times[1], times) < same, same_share(all_times[1], times))
  end
end

describe("resampled arrivals are others, and bunch as the source's do:", function()
  it("the conversation trace", function()
    assert_bunched_at("resample", conversation(), 0.6) -- its clock ticks every three seconds
  end)

  for _, name in ipairs { "bursts", "phases" } do
    it(name, function() assert_bunched_at("resample", generated(name), 0.25) end)
  end

  it("readers in bursts", function()
    assert_bunched_at("resample", burst_readers(), 0.25)
  end)
end)

-- Moved as the families that they seem to be, they would have two thirds of the dispersion at 1 and 10 s. They
-- come at the source's times, but in another order.
it("readers in bursts come in the source's bursts", function()
  assert_bunched_at("follow", burst_readers(), 1.1)
end)

-- Their order alone is searched where a trace is shorter, and times are those of a stretch: moved one by one they
-- would have two fifths of the dispersion at a quarter of the length. Hit ratios are off by about as much as a
-- trace must be that begins with an empty cache (0.020 and 0.062, as tests/bench/fidelity.lua computes).
for times, bound in pairs { [0.5] = 0.048, [0.25] = 0.085 } do
  it(("readers in bursts still come in bursts at %g times the length"):format(times), function()
    local source = burst_readers()
    local sizes = sizes_of(source.analysis.distinct_blocks)
    for _, arrivals in ipairs { "follow", "resample" } do
      local made <close> = synthesis(source, { seed = 1, arrivals = arrivals }, times)
      local comparison = compared(source, made, sizes)
      local count = 0
      for window, pair in pairs(comparison.dispersion) do
        if tonumber(window) <= 10 then
          count = count + 1
          assert_within(0.3 * pair[1], pair[2], pair[1], ("variance over mean at %s s, %s"):format(window, arrivals))
        end
      end
      assert.equal(2, count)
      for size, pair in pairs(comparison.lru) do assert_within(bound, pair[2], pair[1], size) end
    end
  end)
end

-- Each chat has a place of its own in a shorter trace. Placed for caches alone they would come twice as bunched
-- as they did.
it("chats bunch as the source's do at a quarter of the length", function()
  for _, one in ipairs(require "tests.bench.fidelity_sources") do
    if one.name == "many chats" then
      local path = new_path()
      one:write(path)
      local source = source_of(assert(mt.trace.read(path)), 512)
      local made <close> = synthesis(source, { seed = 1 }, 0.25)
      local dispersion, count = compared(source, made, { 1000 }).dispersion, 0
      for window, pair in pairs(dispersion) do
        if tonumber(window) == 10 or tonumber(window) == 60 then
          count = count + 1
          assert_within(0.6 * pair[1], pair[2], pair[1], ("variance over mean at %s s"):format(window))
        end
      end
      assert.equal(2, count)
    end
  end
end)

-- Gaps between the turns of sessions, ms, in order.
local function gaps_of(columns)
  local last, gaps = {}, {}
  for r in columns:requests() do
    if last[r.session_id] then gaps[#gaps + 1] = r.timestamp - last[r.session_id] end
    last[r.session_id] = r.timestamp
  end
  table.sort(gaps)
  return gaps
end

-- A few chats, which wait for their answers, go on as they did.
it("sessions among readers in bursts keep their gaps in a shorter trace", function()
  local path, service = new_path(), { ttft = "300ms", per_token = "20ms" }
  local readers = mt.stream { name = "readers", arrivals = mt.on_off(2, { on = "10s", off = "40s" }),
    prompt = mt.parts { { tokens = 1024 }, { tokens = 6000, pick = mt.zipf { n = 200, s = 0.9 } } },
    new_input = mt.lognormal { mean = 200, cv = 1 }, output = 200 }
  local chats = mt.stream { name = "chats", prompt = mt.shared_prefix { tokens = 512 }, new_input = 600,
    output = 200,
    arrivals = mt.sessions { starts = mt.poisson(0.045), turns = mt.geometric(5), think = mt.uniform(5, 15),
      service = service } }
  do
    local writer <close> = assert(mt.trace.writer(path))
    local number = 0
    for r in mt.workload { duration = "800s", readers, chats }:requests { seed = 1 } do
      number = number + 1
      assert(writer:write { timestamp = r.timestamp, input_length = r.input_length, hash_ids = r.hash_ids,
        output_length = r.output_length, session_id = r.session_id or "reader " .. number })
    end
    assert(writer:finish())
  end
  local source = source_of(assert(mt.trace.read(path)), 512)
  local old = gaps_of(source.columns)
  for seed = 1, 2 do
    local made <close> = synthesis(source, { seed = seed, with_sessions = true }, 0.5)
    local new = gaps_of(made)
    assert.is_true(#new > 20, #new)
    assert.is_true(new[1] > 9000 and new[#new] < 20000, new[1] .. " " .. new[#new]) -- answers take 4.3 s
    assert_within(2000, new[#new // 2], old[#old // 2], "median")
    local pair = compared(source, made, { 1000 }).dispersion[10]
    assert_within(0.3 * pair[1], pair[2], pair[1], "variance over mean")
  end
end)

it("arrival times are drawn anew for each seed", function()
  local source = generated "sessions_long_gaps"
  local one, other = synthesis(source, { seed = 1 }), synthesis(source, { seed = 2 })
  local old, first, second = times_of(source.columns), times_of(one), times_of(other)
  assert.is_true(same_share(old, first) < 0.25, same_share(old, first))
  assert.is_true(same_share(first, second) < 0.25, same_share(first, second))
end)

-- --- as it is used ----------------------------------------------------------------------------------

it("the command's trace passes the gate that compare is", function()
  local folder = command.folder()
  sources.sessions_long_gaps(folder .. "/source.jsonl")
  local result = command.shell('"$MOONTIDE" synthesize source.jsonl --num-requests 1x --seed 1 -o new.jsonl && '
    .. '"$MOONTIDE" compare source.jsonl new.jsonl --cache-sizes 200,900,3000,11000,47000 '
    .. '--fail-over input_length.ks=0.005,output_length.ks=0.005,context_length.ks=0.02,hit_infinite=0.002,'
    .. 'lru=0.01,dispersion.1=0.2,dispersion.10=0.2,dispersion.60=0.2,dispersion.300=0.35', { folder = folder })
  assert.equal(0, result.status, result.err)
  result = command.shell('"$MOONTIDE" synthesize source.jsonl --num-requests 1x --method radix -o other.jsonl && '
    .. '"$MOONTIDE" compare source.jsonl other.jsonl --fail-over lru=0.01', { folder = folder })
  assert.equal(1, result.status, "independent draws pass it as well: the gate holds nothing back")
end)
