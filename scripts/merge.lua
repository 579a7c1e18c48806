-- The runs of the shards of one load as one.
local mt = require "moontide"
local merge = require "moontide.drive.merge"

return mt.script {
  summary = "Make one run of the runs of shards: exact, because every request is kept",
  usage = "moontide merge RUN... -o RUN [--allow-missing] [--max-skew TIME] [--json]",
  options = {
    { "runs", kind = "path", argument = true, required = true, list = true, placeholder = "RUN",
      help = "the folders of results of replay --shard 0/N, 1/N, ... --output-dir, or one that holds them" },
    { "output-dir", short = "o", kind = "path", required = true, placeholder = "FOLDER",
      help = "folder for the merged run's files" },
    { "allow-missing", kind = "flag",
      help = "go on without a shard that is lost or did not end; its rest is counted as not sent" },
    { "max-skew", kind = "duration", min = 0, default = merge.default_skew,
      help = "refuse shards that began further apart" },
    { "json", kind = "flag", help = "print one JSON value" },
  },
  run = function(opt)
    local run, message, code = merge.of(opt.runs, opt)
    if not run then return nil, message, code end
    print(opt.json and mt.json.encode(run) or run)
  end,
}
