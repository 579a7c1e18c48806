-- What a run of all tests with sanitizers leaves out, and why (tests/run). Sanitizers look at what code does
-- to memory and to numbers, and it does that at the first seed and in the first thousand requests as well:
-- these tests are there for figures that only many give, of C that other tests run too. Entries: file, as
-- tests/run names it; reason; and test, words of the names of those that are left out, where that is not the
-- whole file (one entry a file). Named on the command line of tests/run they all run.
local claims = "figures of traces, read by Lua; the examples themselves are run before, with each of their "
  .. "options"

return {
  { file = "cli/fidelity_spec", reason = "figures of many traces at many seeds; synthesis of each kind is "
    .. "run by cli/synthesize_spec, lua/synthesizer_spec, lua/model_spec and the tests of core" },
  { file = "cli/examples_spec", test = "the example", reason = claims },
  { file = "cli/examples_sessions_spec", test = "the example", reason = claims },
  { file = "cli/examples_prompts_spec", test = "the example", reason = claims },
  { file = "lua/sources_spec", reason = "the made sources of other tests, written and read by Lua" },
  { file = "lua/compare_runs_spec", test = "says of at most 5 % of the measures",
    reason = "a share of 40 comparisons; others of this file compare runs" },
  { file = "lua/knobs_spec", test = "knobs move what they are for",
    reason = "figures of whole real traces; the same knobs are turned on a made one" },
  { file = "cli/synthesize_spec", test = "keeps the meaning of what is multiplied on the conversation trace",
    reason = "ten whole traces read by Lua; lua/synthesizer_spec multiplies all of it on a made one" },
}
