--- What a run of a plan takes wherever it is asked for: options of w:requests, w:write, w:columns and w:plot,
-- and of every script with a plan.

local seed = { "seed", kind = "seed", default = 0, help = "of the random numbers; 64 bits" }

local run_options = {
  duration = { "duration", kind = "duration", above = 0,
    help = "how long the workload is (default: as the script says, else its longest curve, else 60 s)" },
  seed = seed,
  num_requests = { "num-requests", kind = "integer", min = 1, help = "stop after so many requests" },
  shard = { "shard", kind = "shard",
    help = "only every N-th session or request, beginning with the I-th (counted from 0)" },
}

--- All of them as a specification.
run_options.spec = { run_options.duration, seed, run_options.num_requests, run_options.shard }

--- The same where requests are given: with their stream's name, and their class's as a member, if asked for.
run_options.requests_spec = { run_options.duration, seed, run_options.num_requests, run_options.shard,
  { "tags", kind = "boolean", default = false } }

--- The same where all requests are made at once.
run_options.made_spec = table.move(run_options.requests_spec, 1, #run_options.requests_spec, 1, {})
table.insert(run_options.made_spec, { "yes", kind = "boolean", default = false })

--- More requests than this are taken for a mistake in a rate or a duration, unless `yes` says otherwise.
run_options.most_requests = 1e9

--- The seed of runs that are not given one: 0 until mt.seed, or .seed in the console, sets it for all
--- that follows.
---@param value integer
function run_options.set_default_seed(value)
  seed.default = value
end

return run_options
