--- An example for every public function and method, by its name, as the reference shows it: each runs by
--- itself in the console (and does so in the tests), in any folder. Files that it needs it makes.
--
-- Set in lines of at most 90 columns; what an example prints is part of its point.
return {
  -- --- rate curves ---------------------------------------------------------------------------------
  ["mt.const"] = 'mt.const(20, "10m") .. mt.const(5, "50m")',
  ["mt.ramp"] = 'mt.ramp(2, 20, "20m"):area()',
  ["mt.steps"] = 'mt.steps{ { 0, "9m" }, { 5, "1m" } }:loop():plot()',
  ["mt.points"] = 'mt.points{ { 2, 0 }, { 20, "8h" }, { 4, "24h" }, smooth = true }:plot()',
  ["mt.sine"] = 'mt.sine{ min = 5, max = 25, period = "24h", peak_at = "14h" }("14h")',
  ["mt.spike"] = '(10 + mt.spike{ at = "30s", height = 80, rise = "5s", fall = "20s" }):plot{ to = "2m" }',
  ["mt.noise"] = '(20 * mt.noise{ cv = 0.3, corr_time = "10s" }):plot{ to = "5m" }',
  ["mt.curve"] = 'mt.curve(function(t) return 10 + 5 * math.exp(-t / 60) end, "5m"):max()',
  ["mt.rate_of"] = [[
trace = mt.workload{ mt.stream{ arrivals = mt.poisson(20), input = 100 } }:columns()
mt.rate_of(trace, { bin = "10s" }):mean()]],
  ["mt.max"] = 'mt.max(mt.const(5), mt.sine{ mean = 5, amp = 4, period = 60 }):max("1m")',
  ["mt.min"] = 'mt.min(20, mt.ramp(0, 40, "10m")):mean()',
  ["curve:take"] = 'mt.sine{ mean = 20, amp = 10, period = 60 }:take("90s").duration',
  ["curve:pad"] = 'mt.ramp(0, 10, "1m"):pad("5m"):mean()',
  ["curve:shift"] = 'mt.ramp(0, 10, "1m"):shift("30s")("45s")',
  ["curve:loop"] = '(mt.ramp(0, 10, "1m") .. mt.ramp(10, 0, "1m")):loop(3):plot()',
  ["curve:stretch"] = 'mt.ramp(0, 10, "1m"):stretch(2).duration',
  ["curve:speed"] = 'mt.ramp(0, 10, "1m"):speed(2):area()',
  ["curve:clamp"] = 'mt.sine{ mean = 5, amp = 10, period = 60 }:clamp(0, 12)',
  ["curve:scale_to"] = 'mt.ramp(1, 3, "1h"):scale_to{ mean = 20 }:max()',
  ["curve:area"] = 'mt.const(20):area(0, "1h")',
  ["curve:mean"] = 'mt.sine{ mean = 20, amp = 10, period = 60 }:mean("10m")',
  ["curve:mean_error"] = 'mt.noise{ cv = 0.5, corr_time = 10 }:clamp(nil, 1):mean_error()',
  ["curve:max"] = 'mt.sine{ mean = 20, amp = 10, period = 60 }:max("10m")',
  ["curve:plot"] = 'mt.sine{ mean = 20, amp = 10, period = 60 }:plot{ to = "3m", height = 8 }',
  -- --- distributions -------------------------------------------------------------------------------
  ["mt.fixed"] = "mt.fixed(512) + 100",
  ["mt.uniform"] = "mt.uniform(100, 300):mean()",
  ["mt.normal"] = "mt.normal{ mean = 12000, std = 3000, min = 1000 }",
  ["mt.lognormal"] = "mt.lognormal{ median = 1500, p99 = 20000 }:mean()",
  ["mt.exponential"] = "mt.exponential(20):probability_below(20)",
  ["mt.gamma"] = "mt.renewal(20, mt.gamma{ cv = 2 })",
  ["mt.weibull"] = "mt.weibull{ mean = 20, shape = 0.7 }:highest()",
  ["mt.pareto"] = "mt.pareto{ mean = 2000, shape = 1.5 }:lowest()",
  ["mt.geometric"] = "mt.geometric(4):mean()",
  ["mt.zipf"] = "mt.zipf{ n = 1000, s = 1 }:probability_below(10)",
  ["mt.empirical"] = "mt.empirical{ 100, 200, 200, 5000 }:mean()",
  ["mt.mix"] = "mt.mix{ { 0.7, mt.lognormal{ mean = 200, cv = 1 } }, { 0.3, 6000 } }:mean()",
  ["mt.choice"] = 'mt.choice{ { 0.8, "large" }, { 0.2, "small" } }:draw(mt.random(1, "models"))',
  ["distribution:clamp"] = "mt.exponential(2000):clamp(1, 32000)",
  ["distribution:highest"] = "mt.uniform(1, 6):highest()",
  ["distribution:is_shape"] = "mt.gamma{ cv = 2 }:is_shape()",
  ["distribution:lowest"] = "mt.geometric(4):lowest()",
  ["distribution:mean"] = "(2 * mt.exponential(20) + 5):mean()",
  ["distribution:mean_rounded"] = "mt.exponential(20):mean_rounded(1, 100)",
  ["distribution:probability_below"] = "mt.normal{ mean = 100, std = 15 }:probability_below(130)",
  ["distribution:varies"] = 'mt.fixed(mt.ramp(100, 900, "1h")):varies()',
  -- --- arrival processes ---------------------------------------------------------------------------
  ["mt.even"] = "mt.even(10, { phase = 0.5 })",
  ["mt.poisson"] = 'mt.poisson(mt.ramp(2, 20, "20m"))',
  ["mt.poisson_counts"] = 'mt.poisson_counts(20, "1s")',
  ["mt.renewal"] = "mt.renewal(20, mt.weibull{ shape = 0.6 })",
  ["mt.on_off"] = 'mt.on_off(20, { on = "10s", off = "40s" })',
  ["mt.mmpp"] = 'mt.mmpp(20, { levels = { 1, 4, 0.5 }, dwell = { "60s", "5s", "30s" } })',
  ["mt.hawkes"] = 'mt.hawkes(20, { branching = 0.5, decay = "2s" })',
  ["mt.sessions"] = [[
talks = mt.sessions{ starts = mt.poisson(2), turns = mt.geometric(4), think = mt.exponential(20) }
mt.workload{ mt.stream{ arrivals = talks, new_input = 200, output = 300 } }:expected()]],
  ["mt.branch"] = [[
helpers = mt.branch{ every = 3, count = 2, turns = 4, new_input = 500, output = 150, join = "all" }
talks = mt.sessions{ starts = mt.poisson(0.1), turns = 12, think = 2, branch = helpers }
mt.workload{ mt.stream{ arrivals = talks, new_input = 800, output = 300 } }:expected()]],
  ["mt.times_of"] = [[
trace = mt.workload{ mt.stream{ arrivals = mt.poisson(20), input = 100 } }:columns()
mt.times_of(trace, { speed = 2 })]],
  ["mt.closed"] = 'mt.closed{ users = 32, think = "5s" }',
  ["mt.arrivals"] = [[
mt.arrivals(function(random)
  return function(now) return random:exponential(now < 30 and 0.1 or 0.02) end
end)]],
  -- --- lengths and prompts -------------------------------------------------------------------------
  ["mt.classes"] = "mt.classes{ { 0.7, input = 200, output = 900 }, { 0.3, input = 6000, output = 100 } }",
  ["mt.by_turn"] = [[
talks = mt.sessions{ starts = mt.poisson(2), turns = 4, think = 20 }
mt.stream{ arrivals = talks, new_input = mt.by_turn{ 900, 120, 120, 400 }, output = 300 }]],
  ["mt.length"] = [[
mt.stream{ arrivals = mt.poisson(20), output = 300,
  input = mt.length(function(random, event) return 100 + random:below(2000) end) }]],
  ["mt.lengths_of"] = [[
trace = mt.trace.columns{ { timestamp = 0, input_length = 700, output_length = 90, hash_ids = { 0, 1 } } }
mt.lengths_of(trace)]],
  ["mt.unique"] = "mt.stream{ arrivals = mt.poisson(5), input = 2000, prompt = mt.unique() }",
  ["mt.random_blocks"] = "mt.random_blocks{ total = 10000 }",
  ["mt.shared_prefix"] = 'mt.shared_prefix{ tokens = 2048, groups = 50, zipf = 1.1, name = "system" }',
  ["mt.parts"] = "mt.parts{ { tokens = 512 }, { tokens = 2048, pick = 1000, count = 3 } }",
  ["mt.prompts_of"] = [[
trace = mt.trace.columns{ { timestamp = 0, input_length = 700, output_length = 90, hash_ids = { 0, 1 } } }
mt.prompts_of(trace, { wrap = true })]],
  -- --- plans ---------------------------------------------------------------------------------------
  ["mt.stream"] = 'mt.stream{ name = "chat", arrivals = mt.poisson(20), input = 2400, output = 300 }',
  ["mt.clients"] = [[
mt.clients{ n = 40, zipf = 1.1, stream = function(i, share)
  return mt.stream{ arrivals = mt.poisson(100 * share), input = 500, output = 300 }
end }]],
  ["mt.workload"] = [[
mt.workload{ duration = "10m", mt.stream{ arrivals = mt.poisson(20), input = 2000 } }:expected()]],
  ["mt.script"] = [[
mt.script{ summary = "A steady load", options = { { "rate", kind = "rate", default = 20 } },
  plan = function(opt)
    return mt.workload{ mt.stream{ arrivals = mt.poisson(opt.rate), input = 2000 } }
  end }]],
  ["mt.seed"] = [[
mt.seed(7)
print(math.random(1000))]],
  ["mt.plan_of"] = 'mt.plan_of("burst", { peak = 80 }):expected()',
  ["workload:columns"] = 'mt.plan_of("steady", { rate = 5 }):columns{ duration = "1m", seed = 7 }',
  ["workload:expected"] = 'mt.plan_of("steady", { rate = 5 }):expected{ duration = "1h" }',
  ["columns:reblock"] = 'mt.plan_of("steady"):columns():reblock(2048, { block_size = 512 })',
  ["workload:compress"] = [[
day = mt.workload{ duration = "24h", mt.stream{ input = 900, output = 90,
  arrivals = mt.poisson(mt.sine{ min = 0.1, max = 1, period = "24h", peak_at = "15h" }) } }
day:compress(144):expected()]],
  ["workload:digest"] = 'mt.plan_of("steady", { rate = 5 }):digest{ seed = 7 }',
  ["mt.profile"] = [[
load = mt.profile(mt.plan_of("burst"), { service = { ttft = "200ms", per_token = "20ms" }, by = "stream" })
load
load.in_flight.peak, load.input_length.p99]],
  ["mt.expect"] = [[
assert(mt.expect(mt.plan_of("burst"), { requests = { 700, 800 }, ["rate.peak"] = "<100" }))
mt.expect(mt.plan_of("burst"), "input_length.p99<1000")]],
  ["profile:figure"] = 'mt.profile(mt.plan_of("burst")):figure "rate.peak"',
  ["profile:series"] = 'mt.profile(mt.plan_of("burst")):series().requests_per_second',
  ["profile:write_series"] = [[
path = os.tmpname()
mt.profile(mt.plan_of("burst"), { service = { ttft = "200ms" }, step = "10s" }):write_series(path)
for row in mt.csv.open(path) do print(row.time, row.requests, row.in_flight) end
os.remove(path)]],
  ["workload:plot"] = 'mt.plan_of("burst"):plot{ duration = "4m" }',
  ["workload:pipe"] = [[
mt.plan_of("burst"):pipe{ duration = "1m" }:thin(0.1):speed(2):columns():plot()]],
  ["workload:requests"] = [[
for r in mt.plan_of("steady"):requests{ num_requests = 3 } do print(r.timestamp, r.input_length) end]],
  ["workload:scale"] = 'mt.plan_of("steady", { rate = 5 }):scale(4):expected()',
  ["workload:write"] = [[
path = os.tmpname()
mt.plan_of("steady"):write(path, { duration = "10s" }), os.remove(path)]],
  -- --- traces --------------------------------------------------------------------------------------
  ["mt.trace.columns"] = "mt.trace.columns{ { timestamp = 0, input_length = 700, hash_ids = { 0, 1 } } }",
  ["mt.trace.open"] = [[
path = os.tmpname()
mt.plan_of("steady"):write(path, { num_requests = 3 })
for request in mt.trace.open(path) do print(request.timestamp) end
os.remove(path)]],
  ["mt.trace.read"] = [[
path = os.tmpname()
mt.plan_of("steady"):write(path, { num_requests = 3 })
mt.trace.read(path), os.remove(path)]],
  ["mt.trace.writer"] = [[
path = os.tmpname()
writer = mt.trace.writer(path)
writer:write{ timestamp = 0, input_length = 700, hash_ids = { 0, 1 } }
writer:finish(), os.remove(path)]],
  ["reader:next"] = [[
path = os.tmpname()
mt.plan_of("steady"):write(path, { num_requests = 3 })
mt.trace.open(path):next().input_length, os.remove(path)]],
  ["reader:columns"] = [[
path = os.tmpname()
mt.plan_of("steady"):write(path, { num_requests = 3 })
mt.trace.open(path):columns(), os.remove(path)]],
  ["reader:skipped"] = [[
path = os.tmpname()
io.open(path, "w"):write('{"timestamp": 0}\nno request\n'):close()
reader = mt.trace.open(path, { skip_bad_lines = true })
#reader:columns(), reader:skipped()
os.remove(path)]],
  ["reader:close"] = [[
path = os.tmpname()
reader = mt.trace.open(path)
reader:close(), os.remove(path)]],
  ["distribution:plot"] = "mt.lognormal{ mean = 300, cv = 1 }:plot()",
  ["writer:text"] = [[
path = os.tmpname()
writer = mt.trace.writer(path)
writer:text '{"prompt": "hello", "output_tokens": 5}\n'
writer:finish()
os.remove(path)]],
  ["writer:write"] = [[
path = os.tmpname()
writer = mt.trace.writer(path)
writer:write(mt.plan_of("steady"):columns{ duration = "10s" })
writer:finish(), os.remove(path)]],
  ["writer:finish"] = [[
path = os.tmpname()
writer = mt.trace.writer(path)
writer:write{ timestamp = 12.5, input_length = 700 }
writer:finish(), os.remove(path)]],
  ["writer:close"] = [[
path = os.tmpname()
writer = mt.trace.writer(path)
writer:close(), os.remove(path)]],
  ["columns:append"] = "mt.trace.columns():append{ timestamp = 0, input_length = 700 }",
  ["columns:column"] = 'mt.plan_of("steady"):columns():column("input_length")',
  ["columns:plot"] = 'mt.plan_of("burst"):columns{ duration = "5m" }:plot()',
  ["columns:requests"] = [[
columns = mt.plan_of("steady"):columns{ num_requests = 3 }
for request in columns:requests() do print(request.timestamp, #request.hash_ids) end]],
  ["columns:write"] = [[
path = os.tmpname()
mt.plan_of("steady"):columns():write(path, { compact = true }), os.remove(path)]],
  ["columns:window"] = 'mt.plan_of("steady"):columns():window{ start = "10s", stop = "20s" }',
  ["columns:where"] = 'mt.plan_of("sin"):columns():where("input_length > 1000")',
  ["columns:thin"] = 'mt.plan_of("steady"):columns():thin(0.5)',
  ["columns:shard"] = 'mt.plan_of("steady"):columns():shard("0/4")',
  ["columns:first"] = 'mt.plan_of("steady"):columns():first(10)',
  ["columns:shift"] = 'mt.plan_of("steady"):columns():shift("1h"):column("timestamp"):min()',
  ["columns:from_zero"] = 'mt.plan_of("steady"):columns():from_zero():column("timestamp"):min()',
  ["columns:speed"] = 'mt.plan_of("steady"):columns():speed(2)',
  ["columns:times_from_delays"] = [[
turns = mt.trace.columns{
  { session_id = 1, timestamp = 0, output_length = 100 }, { session_id = 1, delay = 500 },
}
turns:times_from_delays{ ttft = "200ms", per_token = "20ms" }:column("timestamp"):values()]],
  ["columns:dequantize"] = [[
ticking = mt.trace.columns{ { timestamp = 0 }, { timestamp = 0 }, { timestamp = 3000 } }
ticking:dequantize{ grid = "3s" }:column("timestamp"):values()]],
  ["columns:sort"] = [[
mt.trace.columns{ { timestamp = 5 }, { timestamp = 2 } }:sort():column("timestamp"):values()]],
  ["columns:prompts"] = [[
mt.trace.columns{ { input_length = 1000 }, { input_length = 1500 } }:prompts{ block_size = 512 }]],
  ["columns:loop"] = 'mt.plan_of("steady"):columns():loop(3)',
  ["columns:scale"] = 'mt.plan_of("steady"):columns():scale{ input = 2 }:column("input_length"):mean()',
  ["columns:fit_ids"] = [[
mt.trace.columns{ { timestamp = 0, input_length = 1500, hash_ids = { 7 } } }:fit_ids()]],
  ["columns:renumber"] = [[
trace = mt.trace.columns{ { timestamp = 0, input_length = 700, hash_ids = { 9, 4 } } }
trace:renumber()[1].hash_ids]],
  ["columns:anonymise"] = [[
mt.trace.columns{ { timestamp = 0, session_id = "anna" } }:anonymise()[1].session_id]],
  ["columns:sessions"] = [[
turns = mt.trace.columns{ { timestamp = 0, session_id = 1, input_length = 100, output_length = 20 } }
turns:sessions{ from = "delta", to = "cumulative" }]],
  ["columns:grid"] = [[
mt.trace.columns{ { timestamp = 0 }, { timestamp = 3000 }, { timestamp = 6000 } }:grid()]],
  ["pipe:columns"] = 'mt.trace.pipe(mt.plan_of("steady"):columns()):first(10):columns()',
  ["pipe:plot"] = 'mt.plan_of("burst"):pipe{ duration = "5m" }:thin(0.5):plot()',
  ["pipe:requests"] = [[
pipe = mt.trace.pipe(mt.plan_of("steady"):columns()):first(2)
for request in pipe:requests() do print(request.timestamp) end]],
  ["pipe:members"] = [[
pipe = mt.plan_of("steady"):pipe{ num_requests = 3 }
for i, time, isl in pipe:members("timestamp", "input_length") do print(i, time, isl) end]],
  ["pipe:write"] = [[
path = os.tmpname()
mt.trace.pipe(mt.plan_of("steady"):columns()):first(10):write(path), os.remove(path)]],
  ["mt.trace.pipe"] = 'mt.trace.pipe(mt.plan_of("steady"):columns()):speed(2):first(100)',
  ["mt.trace.merge"] = [[
mt.trace.merge{ mt.plan_of("steady"):columns(), mt.plan_of("burst"):columns() }:columns()]],
  ["mt.trace.join"] = [[
mt.trace.join{ mt.plan_of("steady"):columns(), mt.plan_of("burst"):columns() }:columns()]],
  ["mt.trace.log"] = [[
log = os.tmpname()
io.open(log, "w"):write("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,374,44\n"):close()
mt.trace.log(log):from_zero():prompts():columns(), os.remove(log)]],
  ["mt.lint"] = [[
mt.lint(mt.trace.columns{ { timestamp = 5, input_length = 9 }, { timestamp = 2, input_length = 9 } })]],
  ["lint:mended"] = "mt.lint(mt.trace.columns{ { timestamp = 5 }, { timestamp = 2 } }):mended()",
  ["mt.convert"] = [[
log, path = os.tmpname(), os.tmpname()
io.open(log, "w"):write("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,374,44\n"):close()
mt.convert(log, path, { format = "azure" })
mt.trace.read(path), os.remove(log), os.remove(path)]],
  ["column:count"] = 'mt.plan_of("steady"):columns():column("output_length"):count()',
  ["column:max"] = 'mt.plan_of("steady"):columns():column("timestamp"):max()',
  ["column:mean"] = 'mt.plan_of("steady"):columns():column("input_length"):mean()',
  ["column:min"] = 'mt.plan_of("steady"):columns():column("timestamp"):min()',
  ["column:sum"] = 'mt.plan_of("steady"):columns():column("output_length"):sum()',
  ["column:values"] = 'mt.plan_of("steady"):columns{ num_requests = 5 }:column("timestamp"):values()',
  ["column:histogram"] = 'mt.plan_of("steady"):columns():column("timestamp"):histogram{ 0, 2e4, 4e4, 6e4 }',
  ["column:above"] = [[
trace = mt.plan_of("mixed"):columns()
trace:where(trace:column("input_length"):above(1000))]],
  ["column:at_least"] = [[
trace = mt.plan_of("mixed"):columns()
trace:column("input_length"):at_least(trace:column("output_length") * 4):sum()]],
  ["column:at_most"] = 'mt.plan_of("mixed"):columns():column("output_length"):at_most(100):mean()',
  ["column:below"] = [[
trace = mt.plan_of("mixed"):columns()
time = trace:column "timestamp"
trace:where(time:at_least(10000) & time:below(20000))]],
  ["column:equals"] = 'mt.plan_of("mixed"):columns():column("hash_count"):equals(1):sum()',
  ["column:group_by"] = [[
trace = mt.plan_of("mixed"):columns()
minute = trace:column "timestamp" // 60000
trace:column("output_length"):group_by(minute)]],
  ["column:where"] = [[
trace = mt.plan_of("mixed"):columns()
trace:column("output_length"):where(trace:column("input_length"):above(1000)):mean()]],
  ["mt.radix"] = 'mt.radix(mt.plan_of("sin"):columns{ duration = "1m" })',
  ["radix:root"] = "mt.radix{ { 1, 2 }, { 1, 3 } }:root()",
  ["radix:children"] = [[
tree = mt.radix{ { 1, 2 }, { 1, 2, 4 }, { 1, 3 }, { 1, 3 } }
tree:children(tree:root())]],
  ["radix:visited"] = "tree = mt.radix{ { 1, 2 }, { 1, 3 } }\ntree:visited(tree:root())",
  ["radix:length"] = "tree = mt.radix{ { 1, 2 }, { 1, 3 } }\ntree:length(tree:root())",
  ["radix:to_leaf"] = "tree = mt.radix{ { 1, 2 }, { 1, 3 }, { 4 } }\ntree:to_leaf(tree:root())",
  ["radix:ends"] = [[
tree = mt.radix{ { 1, 2 }, { 1, 2 }, { 1, 3 } }
tree:ends(tree:children(tree:root())[1])]],
  ["radix:size"] = 'mt.radix(mt.plan_of("sin"):columns{ duration = "1m" }):size()',
  ["radix:depth"] = 'mt.radix(mt.plan_of("sin"):columns{ duration = "1m" }):depth()',
  ["radix:leaf_lengths"] = "mt.radix{ { 1, 2, 3 }, { 1, 4 } }:leaf_lengths()",
  ["radix:check"] = "mt.radix{ { 1, 2 }, { 1, 3 } }:check()",
  ["radix:close"] = "mt.radix{ { 1, 2 } }:close() print 'closed'",
  ["mt.compare"] = [[
original = mt.plan_of("sin"):columns{ duration = "2m" }
mt.compare(original, mt.plan_of("sin"):columns{ duration = "2m", seed = 1 })]],
  ["comparison:hit_ratios"] = [[
original = mt.plan_of("sin"):columns{ duration = "2m" }
mt.compare(original, mt.plan_of("sin"):columns{ duration = "2m", seed = 1 }):hit_ratios(1000)]],
  ["comparison:exceeded"] = [[
original = mt.plan_of("sin"):columns{ duration = "2m" }
mt.compare(original, original):exceeded{ ks = 0.02, lru = 0.015 }]],
  ["analysis:hit_ratio"] = [[
mt.analyze(mt.plan_of("sin"):columns{ duration = "2m" }):hit_ratio(5000, "token")]],
  ["analysis:plot"] = 'mt.analyze(mt.plan_of("sin"):columns{ duration = "2m" }):plot()',
  ["analysis:report"] = 'print(mt.analyze(mt.plan_of("sin"):columns{ duration = "2m" }):report())',
  ["mt.cache"] = [[
cache = mt.cache{ policy = "s3-fifo", size = 5000 }
cache:feed(mt.plan_of("sin"):columns{ duration = "2m" })]],
  ["cache:access"] = [[
cache = mt.cache{ size = 3 }
cache:access{ hash_ids = { 0, 1 } }, cache:access{ hash_ids = { 0, 1, 2 } }]],
  ["cache:feed"] = [[
cache = mt.cache{ policy = "sieve", size = "2Mtokens", hit_rule = "vllm" }
cache:feed(mt.plan_of("sin"):pipe{ duration = "1m" })]],
  ["cache:hit_ratio"] = [[
mt.cache{ size = 5000 }:feed(mt.plan_of("sin"):columns{ duration = "2m" }):hit_ratio "token"]],
  ["cache:figures"] = [[
mt.cache{ ttl = "30s" }:feed(mt.plan_of("sin"):columns{ duration = "2m" }):figures().held]],
  ["cache:close"] = 'mt.cache{ size = 10 }:close() print "closed"',
  ["mt.model.learn"] = 'mt.model.learn(mt.plan_of("sin"):columns{ duration = "2m" })',
  ["mt.model.open"] = [[
path = os.tmpname()
mt.model.learn(mt.plan_of("sin"):columns{ duration = "2m" }):write(path)
mt.model.open(path), os.remove(path)]],
  ["model:block_size"] = 'mt.model.learn(mt.plan_of("sin"):columns{ duration = "2m" }):block_size()',
  ["model:close"] = 'mt.model.learn(mt.plan_of("sin"):columns{ duration = "2m" }):close() print "closed"',
  ["model:adjust"] = [[
chat = mt.workload{ duration = "5m", mt.stream{ arrivals = mt.sessions{ starts = mt.poisson(0.2), turns = 4,
  think = 20 }, new_input = 900, output = 100 } }
model = mt.learn(chat)
model:adjust{ sessions_at_once = "x2", session_length = "x0.5" }:describe()]],
  ["model:describe"] = 'mt.model.learn(mt.plan_of("sin"):columns{ duration = "2m" }):describe()',
  ["model:keeps_order"] = 'mt.model.learn(mt.plan_of("sin"):columns{ duration = "2m" }):keeps_order()',
  ["model:requests"] = 'mt.model.learn(mt.plan_of("sin"):columns{ duration = "2m" }):requests()',
  ["model:write"] = [[
path = os.tmpname()
mt.model.learn(mt.plan_of("sin"):columns{ duration = "2m" }):write(path), os.remove(path)]],
  ["mt.synthesizer"] = [[
synthesizer = mt.synthesizer(mt.plan_of("sin"):columns{ duration = "2m" })
synthesizer:columns{ num_requests = 500 }]],
  ["synthesizer:pipe"] = [[
s = mt.synthesizer(mt.plan_of("sin"):pipe{ duration = "2m" })
mt.analyze(s:pipe{ num_requests = 500 }:where "input_length > 1000")]],
  ["synthesizer:columns"] = [[
trace = mt.plan_of("sin"):columns{ duration = "2m" }
mt.compare(trace, mt.synthesizer(trace):columns{ num_requests = 500, seed = 1 })]],
  ["synthesizer:requests"] = [[
synthesizer = mt.synthesizer(mt.plan_of("sin"):columns{ duration = "2m" })
for request in synthesizer:requests{ num_requests = 3 } do print(request.input_length) end]],
  ["synthesizer:write"] = [[
path = os.tmpname()
synthesizer = mt.synthesizer(mt.plan_of("sin"):columns{ duration = "2m" })
synthesizer:write(path, { num_requests = 100 }), os.remove(path)]],
  ["mt.learn"] = [[
mt.learn(mt.plan_of("sin"):pipe{ duration = "2m" }:speed(2)):describe()]],
  ["mt.learned"] = [[
trace = mt.plan_of("sin"):columns{ duration = "2m" }
mt.workload{ mt.stream{ arrivals = mt.poisson(5), prompt = mt.learned(trace) } }:columns()]],
  ["mt.analyze"] = 'mt.analyze(mt.plan_of("sin"):columns{ duration = "1m" })',
  -- --- files, numbers, pictures --------------------------------------------------------------------
  ["mt.csv.open"] = [[
path = os.tmpname()
io.open(path, "w"):write("time,rate\n0,5\n60,20\n"):close()
for row in mt.csv.open(path) do print(row.time, row.rate) end
os.remove(path)]],
  ["csv:next"] = [[
path = os.tmpname()
io.open(path, "w"):write("time,rate\n0,5\n"):close()
mt.csv.open(path):next(), os.remove(path)]],
  ["csv:names"] = [[
path = os.tmpname()
io.open(path, "w"):write("time,rate\n0,5\n"):close()
mt.csv.open(path):names(), os.remove(path)]],
  ["csv:line"] = [[
path = os.tmpname()
io.open(path, "w"):write("time,rate\n0,5\n"):close()
mt.csv.open(path):line(), os.remove(path)]],
  ["csv:close"] = [[
path = os.tmpname()
io.open(path, "w"):write("time,rate\n0,5\n"):close()
mt.csv.open(path):close(), os.remove(path)]],
  ["mt.json.array"] = "mt.json.encode(mt.json.array{})",
  ["mt.json.object"] = 'mt.json.encode(mt.json.object{ { "requests", 12 }, { "blocks", 96 } })',
  ["mt.json.decode"] = 'mt.json.decode(\'{"requests": 12, "rate": 0.5}\')',
  ["mt.json.encode"] = "mt.json.encode({ rates = { 1, 2.5 } }, { indent = 2 })",
  ["mt.hasher"] = 'mt.hasher{ block_size = 4 }:tokens{ 1, 2, 3, 4, 5 }',
  ["hasher:blocks"] = [[
hasher = mt.hasher()
hasher:blocks{ "system prompt", "question" }, hasher:blocks{ "system prompt", "another" }]],
  ["hasher:tokens"] = "mt.hasher{ block_size = 2 }:tokens{ 11, 12, 13 }",
  ["hasher:fresh"] = "mt.hasher():fresh(1000)",
  ["hasher:memory"] = "mt.hasher():memory()",
  ["hasher:close"] = "hasher = mt.hasher()\nhasher:close() print(hasher)",
  ["mt.random"] = 'mt.random(42, "sizes"):uniform()',
  ["mt.sampler"] = 'mt.sampler({ "a", "b" }, { 3, 1 }):draw(mt.random(1, "letters"))',
  ["random:below"] = 'mt.random(1, "dice"):below(6) + 1',
  ["random:draw"] = 'mt.random(1, "lengths"):draw(mt.lognormal{ mean = 2400, cv = 1.2 })',
  ["random:exponential"] = 'mt.random(1, "gaps"):exponential(0.05)',
  ["random:gamma"] = 'mt.random(1, "gaps"):gamma{ mean = 0.05, cv = 2 }',
  ["random:geometric"] = 'mt.random(1, "turns"):geometric(4)',
  ["random:normal"] = 'mt.random(1, "lengths"):normal(1000, 200)',
  ["random:poisson"] = 'mt.random(1, "counts"):poisson(20)',
  ["random:seek"] = 'mt.random(1, "gaps"):seek(1000):uniform()',
  ["random:u32"] = 'mt.random(1, "bits"):u32()',
  ["random:u64"] = 'mt.random(1, "bits"):u64()',
  ["random:uniform"] = 'mt.random(1, "places"):uniform(10, 20)',
  ["random:zipf"] = 'mt.random(1, "documents"):zipf(1000, 1.1)',
  ["sampler:draw"] = 'mt.sampler{ 10, 20, 30 }:draw(mt.random(1, "sizes"))',
  ["mt.chart.bars"] = 'print(mt.chart.bars{ rows = { { "hits", 70 }, { "misses", 30 } }, unit = "%" })',
  ["mt.chart.hist"] = 'mt.chart.hist(mt.plan_of("steady"):columns():column("timestamp"), { bins = 6 })',
  ["mt.chart.line"] = "print(mt.chart.line{ series = { { 1, 4, 9, 16 } }, x_from = 0, x_to = 4 })",
  -- --- driving -------------------------------------------------------------------------------------
  ["mt.drive"] = [[
server = mt.mock{ ttft = 5, itl = 1 }
trace = mt.trace.columns{ { timestamp = 0, input_length = 700, output_length = 20 } }
mt.drive(trace, { url = server.url, model = "any" })]],
  ["workload:drive"] = [[
server = mt.mock{ ttft = 5, itl = 1 }
load = mt.workload{ duration = "1s", mt.stream{ arrivals = mt.even(10), input = 100, output = 5 } }
load:drive{ url = server.url, model = "any", slo = { ttft = 500, e2e = "2s" } }]],
  ["drive_run:measure"] = [[
server = mt.mock{ ttft = 5, itl = 1 }
trace = mt.trace.columns{ { timestamp = 0, input_length = 700, output_length = 20 } }
run = mt.drive(trace, { url = server.url, model = "any" })
run:measure "ttft.p99", run:measure "error_rate", run.request_latency.max, run.counts.done]],
  ["mt.sweep"] = [[
server = mt.mock{ ttft = 5, itl = 1 }
load = function(v)
  return mt.workload{ duration = "10s", mt.stream{ arrivals = mt.even(10), input = v.isl, output = 5 } }
end
mt.sweep(load, { url = server.url, model = "any", warmup = 0, settle = 0, concurrencies = { 1, 4 },
  vary = { isl = { 100, 400 } } })]],
  ["workload:sweep"] = [[
server = mt.mock{ ttft = 5, itl = 1, slots = 2 }
load = mt.workload{ duration = "10s", mt.stream{ arrivals = mt.even(10), input = 100, output = 5 } }
load:sweep{ url = server.url, model = "any", warmup = 0, settle = 0, concurrencies = { 1, 2, 4 } }]],
  ["sweep:measure"] = [[
server = mt.mock{ ttft = 5, itl = 1, slots = 2 }
load = mt.workload{ duration = "10s", mt.stream{ arrivals = mt.even(10), input = 100, output = 5 } }
found = load:sweep{ url = server.url, model = "any", warmup = 0, settle = 0, concurrencies = { 1, 4 },
  ["repeat"] = 3 }
found:measure(2, "ttft.avg")]],
  ["mt.find_max"] = [[
server = mt.mock{ ttft = 5, itl = 1, slots = 2 }
trace = mt.plan_of("steady", { rate = 100, isl = 50, osl = 5 }):columns{ duration = "10s" }
mt.find_max(trace, { url = server.url, model = "any", warmup = 0, settle = 0, unit = "concurrency",
  slo = { ["e2e.avg"] = 25 }, probe = "200ms", ramp = "100ms", most = 8, accept_invalid = true })]],
  ["workload:find_max"] = [[
server = mt.mock{ ttft = 5, itl = 1, slots = 2 }
load = mt.workload{ mt.stream{ arrivals = mt.even(100), input = 50, output = 5 } }
found = load:find_max{ url = server.url, model = "any", warmup = 0, settle = 0, slo = { error_rate = 0 },
  probe = "200ms", ramp = "100ms", most = 100, accept_invalid = true }
found.max, found.unit, found.limited_by]],
  ["mt.run_of"] = [[
server = mt.mock{ ttft = 5, itl = 1 }
trace = mt.trace.columns{ { timestamp = 0, input_length = 700, output_length = 20 } }
mt.drive(trace, { url = server.url, model = "any", output_dir = "results" })
mt.run_of("results").counts.done, mt.run_of("results").time_to_first_token.p50]],
  ["drive_run:requests"] = [[
server = mt.mock{ ttft = 5, itl = 1 }
trace = mt.trace.columns{ { timestamp = 0, input_length = 700, output_length = 20 } }
run = mt.drive(trace, { url = server.url, model = "any", output_dir = "results" })
requests = run:requests()
#requests, requests:column("ttft")[1], requests:column("outcome")[1], #requests:gaps(1)]],
  ["mt.merge_runs"] = [[
server = mt.mock{ ttft = 5, itl = 1 }
load = mt.workload{ duration = "1s", mt.stream{ arrivals = mt.even(10), input = 100, output = 5 } }
load:drive{ url = server.url, model = "any", shard = "0/2", output_dir = "s0" }
load:drive{ url = server.url, model = "any", shard = "1/2", output_dir = "s1" }
mt.merge_runs({ "s0", "s1" }, { output_dir = "whole", max_skew = "1h" }).counts.done]],
  ["drive_run:judge"] = [[
server = mt.mock{ ttft = 5, itl = 1 }
trace = mt.trace.columns{ { timestamp = 0, input_length = 700, output_length = 20 } }
run = mt.drive(trace, { url = server.url, model = "any", output_dir = "results" })
run:judge{ slo = { ttft = 50, itl = 2 }, limits = { lag_p99 = 1 } }.good_request_count.avg]],
  ["run_comparison:difference"] = [[
load = mt.workload{ duration = "1s", mt.stream{ arrivals = mt.even(40), input = 100, output = 5 } }
for i, ttft in ipairs{ 5, 9 } do
  server = mt.mock{ ttft = ttft, itl = 1 }
  load:drive{ url = server.url, model = "any", output_dir = "run" .. i }
end
mt.compare("run1", "run2"):difference "ttft.avg"]],
  ["run_comparison:exceeded"] = [[
load = mt.workload{ duration = "1s", mt.stream{ arrivals = mt.even(40), input = 100, output = 5 } }
for i, ttft in ipairs{ 5, 9 } do
  server = mt.mock{ ttft = ttft, itl = 1 }
  load:drive{ url = server.url, model = "any", output_dir = "run" .. i }
end
#mt.compare("run1", "run2"):exceeded{ ["ttft.p50"] = "+50%", error_rate = "+0.01" }]],
  ["drive_run:plot"] = [[
server = mt.mock{ ttft = 5, itl = 1 }
trace = mt.trace.columns{ { timestamp = 0, input_length = 700, output_length = 20 } }
run = mt.drive(trace, { url = server.url, model = "any", output_dir = "results" })
run:plot{ what = { "rates", "latency_cdf" } }
run:plot{ file = "run.gnuplot" }]],
  ["mt.endpoint"] = [[
mt.endpoint{ path = "/generate", api = "text",
  request = function(r) return { body = { inputs = r.prompt, length = r.output_length } } end,
  event = function(text) return { content = text } end }]],
  ["mt.mock"] = 'mt.mock{ ttft = "lognormal:mean=200,cv=0.5", slots = 4, fail = { status_500 = 0.01 } }',
  ["mt.page"] = [[
page = mt.page()
page.url
page:close()]],
  ["page:close"] = [[
page = mt.page{ title = "ours" }
page:close(), page]],
  ["mock_server:close"] = [[
server = mt.mock{ dialect = "sglang", kv_blocks = 1000, prefill_per_token = 0.1 }
server:close(), server]],
}
