-- A finished run judged again: other objectives, other bounds, other limits, without driving anything.
local mt = require "moontide"
local drive_options = require "moontide.drive.options"
local gate = require "moontide.drive.gate"
local past = require "moontide.drive.past"

-- The option of driving; `more`: what its help says beside that.
local function of_driving(name, more)
  for _, option in ipairs(drive_options.result) do
    if option[1] == name then
      local own = {}
      for key, value in pairs(option) do own[key] = value end
      own.help = option.help .. (more or "")
      return own
    end
  end
end

return mt.script {
  summary = "Judge a finished run again: by other objectives, bounds and limits; a gate for CI",
  usage = "moontide judge RUN [--slo METRIC=MOST,...] [--fail-over MEASURE=MOST,...] [--by NAME]\n"
    .. "                [--phases NAME=TIME,...] [--json]",
  options = {
    { "run", kind = "path", argument = true, required = true, placeholder = "RUN",
      help = "the folder of its results (replay --output-dir), or its profile_export.jsonl or "
        .. "run.json; also AIPerf's" },
    of_driving "slo",
    of_driving("fail-over", "; where no bound is given for a measure, the run's own one holds"),
    of_driving "limits", of_driving "by", of_driving "phases",
    of_driving "accept-invalid", of_driving "json",
  },
  run = function(opt)
    local run, message, code = past.run(opt.run)
    if run then run, message, code = past.judge(run, opt) end
    if not run then return nil, message, code end
    run.bounds = gate.bounds(opt.fail_over, run.bounds)
    print(opt.json and mt.json.encode(run) or run)
    return gate.past_status(run, opt)
  end,
}
