--- What is asked of a profile, as options: plain data, which every command with a load shows in its help.
-- What reads their values is in profile.lua, expectation.lua and cache_options.lua.
local profile_options = {}

--- What a profile takes beside where its requests come from.
profile_options.spec = {
  { "service", kind = "service", help = "what an answer takes, ttft=200ms,per_token=20ms or a run's folder: "
    .. "then requests in flight and tokens held are known" },
  { "step", kind = "duration", above = 0, default = 1, help = "the steps of peaks and of --series" },
  { "by", kind = "string", placeholder = "MEMBER",
    help = "totals by the values of this member too (stream, class, model, ...)" },
}

--- Of commands that write its series.
profile_options.series_spec = {
  { "series", kind = "path", placeholder = "FILE.csv",
    help = "write rates, tokens, hit ratio and, with --service, what is in flight: a row a --step" },
  { "series-cache", kind = "cache_size", min = 1, placeholder = "SIZE",
    help = "of --series: the hit ratio, by block, of an LRU cache of so many blocks (1000) or tokens "
      .. "(2Mtokens), instead of one without limit" },
}

local expect_help = "fail (exit 1) unless the load is so: "
  .. "'requests=900..1100,input_length.p99<20000,rate.peak<40'%s. "
  .. "hit_ratio is by block, of a cache without limit, hit_ratio.1000 of an LRU cache of so many blocks"

--- What is expected of it, where a command takes that.
profile_options.expect = { "expect", kind = "expectation", list = true, help = expect_help:format(
  "; the trace that it would write is left as it was, and --series is written all the same, to show why") }

--- The help of --expect and --step in commands without --series.
profile_options.without_series = { expect = expect_help:format "", step = "the steps of peaks" }

return profile_options
