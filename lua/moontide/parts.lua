--- The modules of which the API is made, in the order of the folders (lua/README.md).
--
-- Each returns { public = { name = function or table }, methods = { { type, table }, ... } }: `type` is the
-- name of the class whose methods the table holds, "curve".
return {
  "base.csv", "base.hash", "base.json", "base.random", "draw.chart", "trace.trace", "trace.convert",
  "trace.lint", "learn.analysis", "learn.cache", "learn.compare", "learn.radix", "learn.model",
  "load.distribution_laws", "load.distribution", "load.curve_shapes", "load.curve", "load.process",
  "load.length", "load.branch", "load.sessions", "load.prompt", "load.stream", "load.workload",
  "load.workload_expect", "load.workload_run", "load.profile", "script.script", "script.plan",
  "synthesis.synthesizer", "drive.api", "drive.study", "drive.compare",
  "look.api",
}
