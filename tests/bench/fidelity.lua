-- How near a synthesised trace is to its source: all that a cache, a clock and a session see of it.
-- Each figure is a difference from the source, over seeds: of ratios the mean and the largest, of the rest
-- parts of the source's own. Behind it stands its goal, and "!" where it is farther off. Not a test:
-- `moontide tests/bench/fidelity.lua TRACE...`.
--
-- Of a figure over windows of time, chance stands there too: two standard errors of the source's own one,
-- in parts of it, as the jackknife has them that leaves out a window at a time (Tukey, 1958). A trace of 13
-- windows does not know its own dispersion to a fifth. "!" is where a difference is more than the goal and
-- than chance.
--
-- Of a trace shorter than its source each goal is half as far again, and sessions are held against as many
-- of the source's as its requests are of the source's.
--
-- Some of that no choice can give, since a new trace begins with an empty cache. What this alone makes of a
-- shorter trace's figures is computed of the source and printed behind the goal, as "floor". Of what is off
-- in the floor's direction, only what is more than the floor is held against the goal.
-- - Hits per tenth: how the source's own first requests, as many as the new trace has, differ from all of it
--   per tenth, and how all its stretches of that many do, on average. Of the two, at each tenth, the smaller;
--   0 where they have not the same sign.
-- - LRU and FIFO: a trace that begins with an empty cache misses each of its blocks once, and in a cache that
--   holds all of them no more. So with prompts as long as the source's it hits one and the same part in all
--   caches of that size or more, where the source hits more the larger they are. The floor is how far apart
--   they are at the worst size at least, by whichever number of different blocks the new trace has. It has no
--   sign: what is more than it at the worst size is held against the goal.
-- - FIFO besides: a cache from which nothing has left yet hits as often as one without limit, until as many
--   different blocks have come as it holds. The floor is that part of the new trace, by the source's
--   different blocks, times the difference of the source's hits without limit and in that cache. Of the two
--   floors the larger one counts.
--
-- What else of it no choice can be expected to give, real parts of the source say (fidelity_parts.lua): its
-- stretches of that many requests, and sessions of it laid over each other. "each" is how far one seed is on
-- average, whatever its direction. "real" is how far one real part is on average and the farthest of them, of
-- the kind of parts that is nearer. No goal is moved by it, but a bound that real parts are far beyond asks
-- for what no honest part is. At a quarter of the length, ten seeds, hits per tenth, "each" and "real":
--   conversation trace .120 .180, 16 agents .071 .112, 4 agents .130 .225, 1 session .118 .165, agents that
--   share prompts .065 .226, one agent after another .111 .206, a few .057 .109, twenty .074 .081, with
--   helpers .057 .139, tasks .054 .176, many chats .057 .102, with long pauses .071 .108, in bursts
--   .053 .093, readers of documents .177 .242, in bursts .213 .212.
-- Of LRU the made ones are at .010 to .075, the real ones at .063 to .272. Farther off than real parts are
-- requests per 10 s of readers of documents (25 %, real 10 %). At half the length it is those and their hits
-- by age (17 %, 7 %; .021, .015), requests per 10 s of readers in bursts (8 %, 4 %) and of agents that share
-- prompts (14 %, 5 %; per 60 s 20 %, 15 %), and of the conversation trace tokens per 10 s (9 %, 4 %) and
-- requests per 60 s (7 %, 2 %).
--
-- What more search would give: with a third of its work a part is 15 % more unlike its source (by what the
-- search makes least, over all sources, at a half and a quarter of the length), with twice as much 6 % less.
-- A tenth of one session has one root where the source has two: of its real tenths 78 of 228 have two,
-- and hit 0.078 off in a cache without limit, those with one 0.033.
--
-- --generated takes the sources of fidelity_sources.lua too; --table prints a line for each source. There,
-- of the ratios stand the means over seeds at the worst size or age, behind them the worst of one seed; of
-- hits per tenth the worst of one seed; of the rest the means over seeds, in percent of the source's. "over"
-- is what is more than the floor, at worst: of LRU and FIFO the means over seeds, of hits per tenth one seed.
-- Of shorter traces a second table holds "each" against that of real parts, of ratios and in percent.
local mt = require "moontide"
local generated = require "tests.bench.fidelity_sources"
local real_parts = require "tests.bench.fidelity_parts"
local texts = require "moontide.kit.text"

local second = 1000 -- milliseconds
local ages = { 1, 5, 30, 300 }
local windows = { 10, 60, 300 }

-- Of sums per window, of which there are `count`, those of requests (1 each) or of tokens.
local function coefficient_of_variation(count, sum, squares)
  local mean = sum / count
  return math.sqrt(math.max(0, squares / count - mean * mean)) / mean
end

local function variance_over_mean(count, sum, squares)
  return (squares - sum * sum / count) / (count - 1) / (sum / count)
end

-- The figure over a trace's windows, and its chance. nil: fewer than four windows, or nothing in them.
local function over_windows(figure, times, values, window)
  local sums, last = {}, 0
  for i, time in ipairs(times) do
    local w = time // (window * second)
    sums[w], last = (sums[w] or 0) + values(i), math.max(last, w)
  end
  local sum, squares, first = 0, 0, times[1] // (window * second)
  for w = first, last - 1 do
    local here = sums[w] or 0
    sum, squares = sum + here, squares + here * here
  end
  local count = last - first
  if count < 4 or sum == 0 then return nil end
  local without, mean, apart = {}, 0, 0
  for w = first, last - 1 do
    local here = sums[w] or 0
    without[#without + 1] = here < sum and figure(count - 1, sum - here, squares - here * here) or 0
    mean = mean + without[#without] / count
  end
  for _, value in ipairs(without) do apart = apart + (value - mean) ^ 2 end
  local all = figure(count, sum, squares)
  return all, all > 0 and 2 * math.sqrt((count - 1) / count * apart) / all or nil
end

-- Hits of a cache without limit per tenth of requests `first` to `last`; of each its { hit, all } blocks.
local function tenths_of(hits, first, last)
  local tenths, count = {}, last - first + 1
  for k = 1, 10 do
    local hit, all = 0, 0
    for i = first + (k - 1) * count // 10, first + k * count // 10 - 1 do
      hit, all = hit + hits[i][1], all + hits[i][2]
    end
    tenths[k] = all > 0 and hit / all or 0
  end
  return tenths
end

-- What the analysis does not say: roots, hits of a cache without limit per tenth of the trace, tokens per
-- window.
local function walk(path)
  local times, lengths, known, roots = {}, {}, {}, {}
  local hits, root_count = {}, 0
  for r in mt.trace.open(path) do
    local ids = r.hash_ids or {}
    times[#times + 1], lengths[#lengths + 1] = r.timestamp, r.input_length
    local depth = 0
    while depth < #ids and known[ids[depth + 1]] do depth = depth + 1 end
    hits[#hits + 1] = { depth, #ids }
    if ids[1] and not roots[ids[1]] then roots[ids[1]], root_count = true, root_count + 1 end
    for _, id in ipairs(ids) do known[id] = true end
  end
  local figures, chance = { roots = root_count, tenths = tenths_of(hits, 1, #hits) }, {}
  figures.chance = chance
  for _, w in ipairs(windows) do
    local name = "tokens." .. w
    figures[name], chance[name] = over_windows(coefficient_of_variation, times,
      function(i) return lengths[i] end, w)
  end
  for _, w in ipairs { 1, 10, 60, 300 } do
    local name = "dispersion." .. w
    figures[name], chance[name] = over_windows(variance_over_mean, times, function() return 1 end, w)
  end
  return figures
end

-- The floors of hits per tenth of `count` requests, by tenth. whole: the source's hits per tenth.
local function tenths_floor(path, count, whole)
  local hits, last, start = {}, {}, 0
  for r in mt.trace.open(path) do
    local ids, i, depth = r.hash_ids or {}, #hits, 0
    if i % count == 0 then start = i end
    while depth < #ids and (last[ids[depth + 1]] or -1) >= start do depth = depth + 1 end
    hits[i + 1] = { depth, #ids }
    for _, id in ipairs(ids) do last[id] = i end
  end
  local stretches, floor = #hits // count, {}
  local first = tenths_of(hits, 1, count)
  for s = 1, stretches do
    local tenths = tenths_of(hits, (s - 1) * count + 1, s * count)
    for k = 1, 10 do floor[k] = (floor[k] or 0) + (tenths[k] - whole[k]) / stretches end
  end
  for k = 1, 10 do
    local one = first[k] - whole[k]
    if one * floor[k] <= 0 then
      floor[k] = 0
    elseif math.abs(one) < math.abs(floor[k]) then
      floor[k] = one
    end
  end
  return floor
end

-- The floors of FIFO caches, by size, of a trace that is such a part of the source.
-- By size.
local function fifo_floors(source, part)
  local floors = {}
  for size, hit in pairs(source.fifo) do
    local filling = math.min(1, tonumber(size) / (part * source.distinct_blocks))
    floors[size] = filling * math.max(0, source.infinite[1] - hit)
  end
  return floors
end

-- How far a part's hits are from the source's, by size of a cache, at the worst size, however it is chosen.
local function least_apart(source, hits, part)
  local steps, least = 1000, 1
  for i = 1, steps do
    local distinct = source.distinct_blocks * i / steps
    local hit = 1 - distinct / (part * source.blocks)
    local worst = math.abs(hit - source.infinite[1])
    for size, whole in pairs(hits) do
      if tonumber(size) >= distinct then worst = math.max(worst, math.abs(hit - whole)) end
    end
    least = math.min(least, worst)
  end
  return least
end

-- Of each figure { by = floors by its keys, least = one without a sign }, or nil.
local function floors_of(path, source, requests)
  local part = requests / source.requests
  if part >= 1 then return {} end
  local lru = { by = {}, least = least_apart(source, source.lru, part) }
  return { lru = lru, infinite = lru,
    fifo = { by = fifo_floors(source, part), least = least_apart(source, source.fifo, part) },
    tenths = { by = tenths_floor(path, requests, source.tenths), least = 0 } }
end

local function measure(path, sizes)
  local analysis = assert(mt.analyze(path, { policy = { "fifo" }, cache_sizes = sizes, ttl = ages }))
  local a = mt.json.decode(mt.json.encode(analysis))
  local figures = walk(path)
  figures.lru, figures.fifo, figures.ttl = a.lru, {}, {}
  for size, hit in pairs(a.hits.fifo) do figures.fifo[size] = hit.block end
  for age, hit in pairs(a.ttl) do figures.ttl[age] = hit.block end
  figures.infinite = { a.hit_infinite.block }
  figures.requests, figures.blocks, figures.distinct_blocks = a.requests, a.blocks, a.distinct_blocks
  figures.sessions = a.sessions and a.sessions.count
  figures.turns = a.sessions and a.sessions.turns and a.sessions.turns.mean
  local think = a.sessions and a.sessions.think_time
  figures.think = think and think ~= mt.json.null and think.median
  return figures
end

-- The largest of these differences, its floor, and the largest that is left of one beyond its floor.
local function worst_of(values, floors)
  local most, floor, over = 0, 0, 0
  for key, value in pairs(values) do
    local here = floors and floors.by[key] or 0
    here = math.max(here * value > 0 and math.abs(here) or 0, floors and floors.least or 0)
    if value < 0 then here = -here end
    if math.abs(value) > math.abs(most) then most, floor = value, here end
    over = math.max(over, math.abs(value) - math.abs(here))
  end
  return most, floor, over
end

-- How tables of ratios differ from the source's: of the means over seeds the worst, its floor and what is
-- over; the same of single seeds.
local function apart(source, made, name, floors)
  local means, one_seed = {}, { 0, 0, 0 }
  for _, one in ipairs(made) do
    local values = {}
    for key, value in pairs(source[name]) do
      values[key] = (one[name][key] or 0) - value
      means[key] = (means[key] or 0) + values[key] / #made
    end
    local most, floor, over = worst_of(values, floors[name])
    if math.abs(most) > math.abs(one_seed[1]) then one_seed[1], one_seed[2] = most, floor end
    one_seed[3] = math.max(one_seed[3], over)
  end
  return { worst_of(means, floors[name]) }, one_seed
end

-- How far each of these is from the source by itself, on average and at most. name: of ratios.
local function ratios_each(source, all, name)
  local sum, most = 0, 0
  for _, one in ipairs(all) do
    local worst = 0
    for key, value in pairs(source[name]) do
      worst = math.max(worst, math.abs((one[name][key] or 0) - value))
    end
    sum, most = sum + worst, math.max(most, worst)
  end
  return sum / #all, most
end

-- The same of a figure, in parts of the source's; nil where somebody has none.
local function parts_each(source, all, name)
  local sum, most = 0, 0
  for _, one in ipairs(all) do
    if not one[name] or not source[name] or source[name] <= 0 then return nil end
    local off = math.abs(one[name] / source[name] - 1)
    sum, most = sum + off, math.max(most, off)
  end
  return sum / #all, most
end

-- Of the kinds of real parts the one that is nearer on average. nil: none has the figure.
local function nearest_each(each, source, real, name)
  local least, its_most
  for _, all in ipairs(real) do
    local mean, most = each(source, all, name)
    if mean and (not least or mean < least) then least, its_most = mean, most end
  end
  return least, its_most
end

local function real_text(each, source, real, name)
  local mean, most = nearest_each(each, source, real, name)
  return mean and ("%.4f, %.4f"):format(mean, most) or ""
end

local function goal_text(goal)
  return ("%g"):format(goal[1]) .. (goal[2] and (", %g"):format(goal[2]) or "")
end

local function is_met(goal, mean, one_seed)
  return math.abs(mean) <= goal[1] + 1e-9 and math.abs(one_seed) <= (goal[2] or math.huge) + 1e-9
end

local function ratio_row(name, source, made, real, goal, floors)
  local mean, one = apart(source, made, name, floors)
  return { name, ("%+.4f"):format(mean[1]), ("%.4f"):format(ratios_each(source, made, name)),
    ("%+.4f"):format(one[1]), goal_text(goal),
    floors[name] and ("%+.4f, %+.4f"):format(mean[2], one[2]) or "", "",
    real_text(ratios_each, source, real, name), is_met(goal, mean[3], one[3]) and "" or "!" }
end

-- goal: of the mean, and of one seed. chance: of figures over windows. real: real_text.
local function row(name, values, goal, chance, real)
  local sum, most, each = 0, 0, 0
  for _, value in ipairs(values) do
    sum, each = sum + value, each + math.abs(value)
    if math.abs(value) > math.abs(most) then most = value end
  end
  local mean = sum / #values
  local is_fine = not goal or is_met({ math.max(goal[1], chance or 0), goal[2] }, mean, most)
  return { name, ("%+.4f"):format(mean), ("%.4f"):format(each / #values), ("%+.4f"):format(most),
    goal and goal_text(goal) or "", "", chance and ("%.2f"):format(chance) or "", real or "",
    is_fine and "" or "!" }
end

-- Sizes at which the curve bends, and some evenly over its logarithm.
local function sizes_of(analysis)
  local sizes, seen, most = {}, {}, math.max(2, analysis.distinct_blocks)
  local function add(size)
    if not seen[size] then seen[size], sizes[#sizes + 1] = true, size end
  end
  for _, one in ipairs(analysis.lru) do add(one[1]) end
  for i = 1, 16 do add(math.max(1, math.floor(most ^ (i / 16)))) end
  table.sort(sizes)
  return sizes
end

-- What a ratio may differ by, mean over seeds and one seed: by how many sessions are there at once.
local function goal_of(at_once)
  if at_once >= 30 then return { 0.010 } end
  return at_once >= 8 and { 0.020, 0.05 } or { 0.03, 0.08 }
end

-- A request as it can be recognised.
local function requests_of(columns)
  local list, sessions = {}, {}
  for r in columns:requests() do
    list[#list + 1] = r.input_length .. " " .. (r.output_length or "")
    sessions[#sessions + 1] = r.session_id or ""
  end
  return list, sessions
end

-- Parts of the pairs of neighbours that are the source's: of all, of those of two sessions, and of all after
-- a shuffle (what lengths that are alike make of it).
local function old_neighbours(old, new, sessions)
  local pairs_of, count, across, across_count, chance = {}, 0, 0, 0, 0
  for i = 2, #old do pairs_of[old[i - 1] .. ", " .. old[i]] = true end
  for i = 2, #new do
    local is_old = pairs_of[new[i - 1] .. ", " .. new[i]] and 1 or 0
    count = count + is_old
    if sessions[i] ~= sessions[i - 1] then across, across_count = across + is_old, across_count + 1 end
  end
  for i = #new, 2, -1 do
    local with = math.random(i)
    new[i], new[with] = new[with], new[i]
  end
  for i = 2, #new do chance = chance + (pairs_of[new[i - 1] .. ", " .. new[i]] and 1 or 0) end
  return count / (#new - 1), across_count > 0 and across / across_count or 0, chance / (#new - 1)
end

local parts = { "turns", "think", "tokens.10", "tokens.60", "tokens.300", "dispersion.10", "dispersion.60" }

local function head_of(title, floors)
  local cells = { title, "lru", "", "fifo", "", "ttl", "", "tenths" }
  if floors.fifo then
    table.insert(cells, 6, "over") -- of FIFO
    table.insert(cells, 4, "over") -- of LRU
    cells[#cells + 1] = "over"
  end
  for _, name in ipairs { "turns", "think", "tokens.10", ".60", ".300", "dispersion.10", ".60" } do
    cells[#cells + 1] = name
  end
  return cells
end

-- A line of the table.
local function line(title, source, made, floors)
  local cells = { title }
  for _, key in ipairs { "lru", "fifo", "ttl", "tenths" } do
    local mean, one = apart(source, made, key, floors)
    if key ~= "tenths" then cells[#cells + 1] = ("%+.3f"):format(mean[1]) end
    cells[#cells + 1] = ("%.3f"):format(math.abs(one[1]))
    if floors[key] then cells[#cells + 1] = ("%.3f"):format(key == "tenths" and one[3] or mean[3]) end
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

-- Real parts of so many requests, measured, a list for each kind; none where all of the source is made.
local function measure_parts(path, source, requests, sizes)
  local real, target = {}, os.tmpname() .. ".jsonl"
  for _, kind in ipairs(requests < source.requests and real_parts.kinds or {}) do
    local all = {}
    for k = 1, real_parts.count(kind, source.requests, requests) do
      real_parts.write(path, kind, requests, k, target)
      all[k] = measure(target, sizes)
    end
    real[#real + 1] = all
  end
  os.remove(target)
  return real
end

-- A line of the table of each, made and real.
local function each_line(title, source, made, real)
  local cells = { title }
  local function add(each, name, form, scale)
    local mean, real_mean = each(source, made, name), nearest_each(each, source, real, name)
    cells[#cells + 1] = mean and form:format(scale * mean) or "-"
    cells[#cells + 1] = real_mean and form:format(scale * real_mean) or "-"
  end
  for _, name in ipairs { "lru", "fifo", "ttl", "tenths" } do add(ratios_each, name, "%.3f", 1) end
  for _, name in ipairs(parts) do add(parts_each, name, "%.0f", 100) end
  return cells
end

local function each_head()
  local cells = { "each" }
  for _, name in ipairs { "lru", "fifo", "ttl", "tenths", "turns", "think", "tokens.10", ".60", ".300",
    "dispersion.10", ".60" } do
    cells[#cells + 1], cells[#cells + 2] = name, "real"
  end
  return cells
end

local function compare(title, path, opt, lines, each_lines)
  local analysis = assert(mt.analyze(path))
  local sizes = sizes_of(analysis)
  local source = measure(path, sizes)
  local old, source_sessions = requests_of(assert(mt.trace.read(path)))
  local is_named = false
  for _, name in ipairs(source_sessions) do is_named = is_named or name ~= "" end
  local made, ks = {}, { input_length = {}, output_length = {}, context_length = {} }
  local target = os.tmpname() .. ".jsonl"
  local near = { all = {}, across = {}, chance = {} }
  for seed = 1, opt.seeds do
    local s = assert(mt.synthesizer(path, { arrivals = opt.arrivals, with_sessions = is_named }))
    assert(s:write(target, { num_requests = opt.num_requests, seed = opt.first_seed + seed - 1 }))
    made[seed] = measure(target, sizes)
    local c = mt.json.decode(mt.json.encode(mt.compare(path, target)))
    local before, early = table.unpack(c.early or { 0, 0 })
    source.early, made[seed].early = 100 * before, 100 * early
    for name, list in pairs(ks) do list[seed] = c[name] and c[name].ks or 0 end
    if seed <= opt.neighbours then
      local named = assert(mt.synthesizer(path, { arrivals = opt.arrivals, with_sessions = true }))
      local columns = assert(named:columns {
        num_requests = opt.num_requests, seed = opt.first_seed + seed - 1 })
      near.all[seed], near.across[seed], near.chance[seed] = old_neighbours(old, requests_of(columns))
    end
  end
  os.remove(target)
  local floors = floors_of(path, source, made[1].requests)
  local real = measure_parts(path, source, made[1].requests, sizes)
  if opt.table then
    if #lines == 0 then lines[1] = head_of(opt.num_requests, floors) end
    lines[#lines + 1] = line(title, source, made, floors)
    if #real > 0 then
      if #each_lines == 0 then each_lines[1] = each_head() end
      each_lines[#each_lines + 1] = each_line(title, source, made, real)
    end
    return
  end
  local at_once = opt.at_once or assert(mt.model.learn(path)):describe().sessions_at_once or 0
  local part = math.min(1, made[1].requests / #old)
  local wider = part < 1 and 1.5 or 1
  local ratio = goal_of(at_once)
  for i, goal in ipairs(ratio) do ratio[i] = wider * goal end
  source.sessions = source.sessions and part * source.sessions
  local rows = { { title, "mean", "each", "one seed", "goal", floors.fifo and "floor" or "", "chance",
    floors.fifo and "real" or "", "" } }
  for _, name in ipairs { "lru", "fifo", "ttl", "tenths", "infinite" } do
    local goal = name == "tenths" and { 0.05 * wider, 0.05 * wider } or ratio
    rows[#rows + 1] = ratio_row(name, source, made, real, goal, floors)
  end
  for _, name in ipairs { "sessions", "turns", "think", "tokens.10", "tokens.60", "tokens.300",
    "dispersion.1", "dispersion.10", "dispersion.60", "dispersion.300" } do
    local values = {}
    for seed, one in ipairs(made) do
      if source[name] and one[name] and source[name] > 0 then values[seed] = one[name] / source[name] - 1 end
    end
    local goal = { wider * ((name:find "tokens" or name:find "dispersion") and 0.2 or 0.1) }
    if name:find "dispersion" and opt.arrivals ~= "resample" then goal = nil end
    if #values == #made then
      rows[#rows + 1] = row(name .. " (parts)", values, goal, source.chance[name],
        real_text(parts_each, source, real, name))
    end
  end
  local early, roots = {}, {}
  for seed, one in ipairs(made) do
    early[seed], roots[seed] = math.max(0, one.early - source.early), one.roots - source.roots
  end
  rows[#rows + 1] = row(("too early, %% (source %.2f)"):format(source.early), early, { 0.1 })
  rows[#rows + 1] = row(("roots (source %d)"):format(source.roots), roots, { 0, 0 })
  for _, name in ipairs { "input_length", "output_length", "context_length" } do
    rows[#rows + 1] = row("ks " .. name, ks[name], part == 1 and { name == "context_length" and 0.006 or 0 })
  end
  rows[#rows + 1] = row("old neighbours", near.all, at_once >= 8 and { 0.01 } or nil)
  rows[#rows + 1] = row("  of two sessions", near.across, at_once >= 8 and { 0.01 } or nil)
  rows[#rows + 1] = row("  by chance", near.chance)
  if opt.brief then
    for i = #rows, 2, -1 do
      if rows[i][9] ~= "!" then table.remove(rows, i) end
    end
  end
  print(("%d requests, %.1f at once"):format(#old, at_once))
  print(texts.aligned(rows) .. "\n")
end

return mt.script {
  summary = "How near synthesised traces are to their sources: what a cache, a clock and a session see",
  options = {
    { "traces", kind = "path", argument = true, list = true, help = "sources" },
    { "generated", kind = "flag", help = "the sources of fidelity_sources.lua too" },
    { "table", kind = "flag", help = "a line for each source" },
    { "seeds", kind = "integer", min = 1, default = 3, help = "so many seeds" },
    { "first-seed", kind = "integer", min = 0, default = 1, help = "the first of them" },
    { "neighbours", kind = "integer", min = 1, default = 2,
      help = "of these, looked at for neighbours" },
    { "num-requests", kind = "string", default = "1x", help = "how many, as synthesize takes it" },
    { "arrivals", kind = "string", help = "as synthesize takes it" },
    { "at-once", kind = "number", min = 0, help = "sessions at once, by which goals go" },
    { "brief", kind = "flag", help = "only what is farther off than its goal" },
  },
  run = function(opt)
    local lines, each_lines = {}, {}
    for _, path in ipairs(opt.traces or {}) do compare(path:match "[^/]*$", path, opt, lines, each_lines) end
    for _, source in ipairs(opt.generated and generated or {}) do
      local path = os.tmpname() .. ".jsonl"
      source:write(path)
      compare(source.name, path, opt, lines, each_lines)
      os.remove(path)
    end
    if opt.table then print(texts.aligned(lines)) end
    if #each_lines > 0 then print("\n" .. texts.aligned(each_lines)) end
  end,
}
