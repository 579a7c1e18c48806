--- The modules of which the API is made, in the order of the folders (lua/README.md), and what each gives.
-- init.lua loads one when something of it is first named.
--
-- Each returns { public = { name = function or table }, methods = { { type, table }, ... } }: `type` is the
-- name of the class whose methods the table holds, "curve". What it says there must be known here before:
--   public   the names of mt that it gives
--   adds     by class: methods that it gives to a class of another part (file: draw/file.lua)
--   late     by class: methods that it gives to a class of its own, whose values may be there before it is
--   with     modules that complete what its values can do: they are loaded with it
--
-- A test holds this list against the modules.

---@class moontide.part
---@field module string "load.curve"
---@field public string[]
---@field adds table<string, string[]>?
---@field late table<string, string[]>?
---@field with string[]?

-- What pipes and columns have from trace/pipe_steps.lua, trace/log.lua and trace/trace.lua.
local steps = {
  "anonymise", "dequantize", "first", "fit_ids", "from_zero", "loop", "plot", "prompts", "reblock",
  "renumber", "scale", "sessions", "shard", "shift", "sort", "speed", "thin", "times_from_delays", "where",
  "window", "write",
}

---@type moontide.part[]
return {
  { module = "base.csv", public = { "csv" } },
  { module = "base.hash", public = { "hasher" } },
  { module = "base.json", public = { "json" } },
  { module = "base.random", public = { "random", "sampler" } },
  { module = "draw.chart", public = { "chart" } },
  { module = "trace.trace", public = { "trace" },
    late = { pipe = steps, columns = steps } },
  { module = "trace.convert", public = { "convert" } },
  { module = "trace.lint", public = { "lint" } },
  { module = "learn.analysis", public = { "analyze" } },
  { module = "learn.cache", public = { "cache" } },
  { module = "learn.compare", public = {} },
  { module = "learn.radix", public = { "radix" } },
  { module = "learn.model", public = { "learn", "model" } },
  { module = "load.distribution_laws", public = {
      "exponential", "fixed", "gamma", "geometric", "lognormal", "normal", "pareto", "uniform", "weibull",
      "zipf",
    }, with = { "load.distribution" } },
  { module = "load.distribution", public = { "choice", "empirical", "mix" } },
  { module = "load.curve_shapes",
    public = { "const", "noise", "points", "ramp", "sine", "spike", "steps" },
    with = { "load.curve" } },
  { module = "load.curve", public = { "curve", "max", "min", "rate_of" } },
  { module = "load.process", public = {
      "arrivals", "closed", "even", "hawkes", "mmpp", "on_off", "poisson", "poisson_counts", "renewal",
      "times_of",
    }, with = { "base.random" } },
  { module = "load.length", public = { "by_turn", "length" }, with = { "base.random" } },
  { module = "load.branch", public = { "branch" } },
  { module = "load.sessions", public = { "sessions" } },
  { module = "load.prompt", public = {
      "learned", "parts", "prompts_of", "random_blocks", "shared_prefix", "unique",
    } },
  { module = "load.classes", public = { "classes", "lengths_of" } },
  { module = "load.stream", public = { "stream" } },
  { module = "load.clients", public = { "clients" } },
  { module = "load.workload", public = { "workload" } },
  { module = "load.workload_expect", public = {}, adds = { workload = { "expected" } } },
  { module = "load.workload_run",
    public = {},
    adds = { workload = { "columns", "digest", "pipe", "plot", "requests", "write" } } },
  { module = "load.profile", public = { "expect", "profile" } },
  { module = "script.script", public = { "script" } },
  { module = "script.plan", public = { "plan_of", "seed" } },
  { module = "synthesis.synthesizer", public = { "synthesizer" } },
  { module = "drive.api",
    public = { "drive", "endpoint", "merge_runs", "mock", "run_of" },
    adds = { workload = { "drive" } } },
  { module = "study.api", public = { "find_max", "sweep" }, adds = { workload = { "find_max", "sweep" } } },
  { module = "study.compare", public = { "compare" } },
  { module = "look.api", public = { "page" }, adds = { drive_run = { "plot" }, file = { "plot" } } },
}
