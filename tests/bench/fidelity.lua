-- How near a synthesised trace is to its source: all that a cache, a clock and a session see of it.
-- Each figure is a difference from the source, over seeds: of ratios the mean and the largest, of the rest
-- parts of the source's own. Not a test: `moontide tests/bench/fidelity.lua TRACE...`.
--
-- --generated takes the sources of fidelity_sources.lua too; --table prints a line for each source. There,
-- of the ratios stand the means over seeds at the worst size or age, behind them the worst of one seed; of
-- hits per tenth the worst of one seed; of the rest the means over seeds, in percent of the source's.
local mt = require "moontide"
local generated = require "tests.bench.fidelity_sources"
local texts = require "moontide.kit.text"

local second = 1000 -- milliseconds
local ages = { 1, 5, 30, 300 }
local windows = { 10, 60, 300 }

-- Tokens per window: variance over mean of their sums.
local function variation(times, lengths, window)
  local sums, last = {}, 0
  for i, time in ipairs(times) do
    local w = time // (window * second)
    sums[w], last = (sums[w] or 0) + lengths[i], math.max(last, w)
  end
  local sum, squares = 0, 0
  for w = 0, last - 1 do
    local here = sums[w] or 0
    sum, squares = sum + here, squares + here * here
  end
  if last < 4 or sum == 0 then return nil end
  local mean = sum / last
  return math.sqrt(math.max(0, squares / last - mean * mean)) / mean
end

-- What the analysis does not say: roots, hits of a cache without limit per tenth of the trace, tokens per
-- window, and turns that come before the answer they continue can have ended, at 1000 tokens a second.
local function walk(path)
  local times, lengths, known, tips, roots = {}, {}, {}, {}, {}
  local hits, early, turns, root_count = {}, 0, 0, 0
  for r in mt.trace.open(path) do
    local ids = r.hash_ids or {}
    times[#times + 1], lengths[#lengths + 1] = r.timestamp, r.input_length
    local depth = 0
    while depth < #ids and known[ids[depth + 1]] do depth = depth + 1 end
    hits[#hits + 1] = { depth, #ids }
    local before = depth > 0 and tips[ids[depth]]
    if before and before.depth - depth <= 1 and not before.continued then
      turns = turns + 1
      before.continued = true
      if r.timestamp - before.time < before.output then early = early + 1 end
    end
    if ids[1] and not roots[ids[1]] then roots[ids[1]], root_count = true, root_count + 1 end
    local tip = { time = r.timestamp, output = r.output_length or 0, depth = #ids }
    for _, id in ipairs(ids) do known[id], tips[id] = true, tip end
  end
  local tenths = {}
  for k = 1, 10 do
    local hit, all = 0, 0
    for i = (k - 1) * #hits // 10 + 1, k * #hits // 10 do hit, all = hit + hits[i][1], all + hits[i][2] end
    tenths[k] = all > 0 and hit / all or 0
  end
  local figures = { roots = root_count, tenths = tenths, early = turns > 0 and 100 * early / turns or 0 }
  for _, w in ipairs(windows) do figures["tokens." .. w] = variation(times, lengths, w) end
  return figures
end

local function measure(path, sizes)
  local analysis = assert(mt.analyze(path, { policy = { "fifo" }, cache_sizes = sizes, ttl = ages }))
  local a = mt.json.decode(mt.json.encode(analysis))
  local figures = walk(path)
  figures.lru, figures.fifo, figures.ttl = a.lru, {}, {}
  for size, hit in pairs(a.hits.fifo) do figures.fifo[size] = hit.block end
  for age, hit in pairs(a.ttl) do figures.ttl[age] = hit.block end
  figures.infinite = { a.hit_infinite.block }
  figures.sessions = a.sessions and a.sessions.count
  figures.turns = a.sessions and a.sessions.turns and a.sessions.turns.mean
  local think = a.sessions and a.sessions.think_time
  figures.think = think and think ~= mt.json.null and think.median
  for window, value in pairs(a.dispersion or {}) do figures["dispersion." .. window] = value end
  return figures
end

-- The largest difference of two tables of ratios, and where.
local function apart(a, b)
  local most, where = 0, nil
  for key, value in pairs(a) do
    local here = b[key] and b[key] - value
    if here and math.abs(here) > math.abs(most) then most, where = here, key end
  end
  return most, where
end

local function row(name, values)
  local sum, most = 0, 0
  for _, value in ipairs(values) do
    sum = sum + value
    if math.abs(value) > math.abs(most) then most = value end
  end
  return { name, ("%+.4f"):format(sum / #values), ("%+.4f"):format(most) }
end

-- Means over seeds of the largest difference at one size: by key, then the worst.
local function mean_apart(source, made, name)
  local sums = {}
  for _, one in ipairs(made) do
    for key, value in pairs(source[name]) do
      sums[key] = (sums[key] or 0) + ((one[name][key] or 0) - value) / #made
    end
  end
  local most = 0
  for _, value in pairs(sums) do if math.abs(value) > math.abs(most) then most = value end end
  return most
end

local parts = { "turns", "think", "tokens.10", "tokens.60", "tokens.300" }

-- A line of the table.
local function line(name, source, made)
  local cells = { name }
  for _, key in ipairs { "lru", "fifo", "ttl", "tenths" } do
    local values = {}
    for seed, one in ipairs(made) do values[seed] = apart(source[key], one[key]) end
    if key ~= "tenths" then cells[#cells + 1] = ("%+.3f"):format(mean_apart(source, made, key)) end
    cells[#cells + 1] = ("%.3f"):format(math.abs(tonumber(row(key, values)[3])))
  end
  for _, key in ipairs(parts) do
    local sum, count = 0, 0
    for _, one in ipairs(made) do
      if source[key] and one[key] and source[key] > 0 then
        sum, count = sum + one[key] / source[key] - 1, count + 1
      end
    end
    cells[#cells + 1] = count > 0 and ("%+.0f"):format(100 * sum / count) or "-"
  end
  return cells
end

local function compare(title, path, opt, lines)
  local sizes = {}
  for i, one in ipairs(assert(mt.analyze(path)).lru) do sizes[i] = one[1] end
  local source = measure(path, sizes)
  local made, ks = {}, { input_length = {}, output_length = {}, context_length = {} }
  local target = os.tmpname() .. ".jsonl"
  for seed = 1, opt.seeds do
    local s = assert(mt.synthesizer(path, { arrivals = opt.arrivals }))
    assert(s:write(target, { num_requests = opt.num_requests, seed = seed }))
    made[seed] = measure(target, sizes)
    local c = mt.compare(path, target)
    for name, list in pairs(ks) do list[seed] = c[name] and c[name].ks or 0 end
  end
  os.remove(target)
  if opt.table then
    lines[#lines + 1] = line(title, source, made)
    return
  end
  local rows = { { title, "mean", "one seed" } }
  for _, name in ipairs { "lru", "fifo", "ttl", "tenths", "infinite" } do
    local values = {}
    for seed, one in ipairs(made) do values[seed] = apart(source[name], one[name]) end
    rows[#rows + 1] = row(name, values)
    rows[#rows][2] = ("%+.4f"):format(mean_apart(source, made, name))
  end
  for _, name in ipairs { "sessions", "turns", "think", "tokens.10", "tokens.60", "tokens.300",
    "dispersion.1", "dispersion.10", "dispersion.60", "dispersion.300" } do
    local values = {}
    for seed, one in ipairs(made) do
      if source[name] and one[name] and source[name] > 0 then values[seed] = one[name] / source[name] - 1 end
    end
    if #values == #made then rows[#rows + 1] = row(name .. " (parts)", values) end
  end
  local early, roots = {}, {}
  for seed, one in ipairs(made) do
    early[seed], roots[seed] = one.early - source.early, one.roots - source.roots
  end
  rows[#rows + 1] = row(("too early, %% (source %.2f)"):format(source.early), early)
  rows[#rows + 1] = row(("roots (source %d)"):format(source.roots), roots)
  for name, list in pairs(ks) do rows[#rows + 1] = row("ks " .. name, list) end
  print(texts.aligned(rows) .. "\n")
end

-- Without session ids, which most logs have not.
local function write_source(source, path)
  local writer <close> = assert(mt.trace.writer(path))
  local requests = mt.workload { duration = "100d", source.stream }:requests { seed = 1 }
  for _ = 1, source.requests do
    local r = requests()
    assert(writer:write { timestamp = r.timestamp, input_length = r.input_length,
      output_length = r.output_length, hash_ids = r.hash_ids })
  end
  assert(writer:finish())
end

return mt.script {
  summary = "How near synthesised traces are to their sources: what a cache, a clock and a session see",
  options = {
    { "traces", kind = "path", argument = true, list = true, help = "sources" },
    { "generated", kind = "flag", help = "the sources of fidelity_sources.lua too" },
    { "table", kind = "flag", help = "a line for each source" },
    { "seeds", kind = "integer", min = 1, default = 3, help = "seeds 1 to this" },
    { "num-requests", kind = "string", default = "1x", help = "how many, as synthesize takes it" },
    { "arrivals", kind = "string", help = "as synthesize takes it" },
  },
  run = function(opt)
    local lines = { { opt.num_requests, "lru", "", "fifo", "", "ttl", "", "tenths", "turns", "think",
      "tokens.10", ".60", ".300" } }
    for _, path in ipairs(opt.traces or {}) do compare(path:match "[^/]*$", path, opt, lines) end
    for _, source in ipairs(opt.generated and generated or {}) do
      local path = os.tmpname() .. ".jsonl"
      write_source(source, path)
      compare(source.name, path, opt, lines)
      os.remove(path)
    end
    if opt.table then print(texts.aligned(lines)) end
  end,
}
