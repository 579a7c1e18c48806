--- Kinds of options that stand above `kit`, and the module that brings each. init.lua loads it when a value
-- of that kind is read for the first time.
return {
  arrivals = "synthesis.options",
  bound = "learn.compare_measure",
  bytes = "learn.cache_options",
  cache_size = "learn.cache_options",
  change = "learn.knobs",
  curve = "load.curve",
  delimiter = "base.csv",
  expectation = "learn.expectation",
  length = "load.distribution",
  phase = "load.phases",
  rate = "load.curve",
  request_count = "synthesis.options",
  run_list = "study.compare",
  service = "learn.profile",
  service_times = "learn.compare",
  start = "trace.log",
  tokens = "load.length",
}
