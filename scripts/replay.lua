-- A trace or a script's load sent to an endpoint when it is due, and what came of it.
local live = require "moontide.look.live"
local mt = require "moontide"
local drive_options = require "moontide.drive.options"
local figures = require "moontide.command.figures"
local gate = require "moontide.drive.gate"
local file_target = require "moontide.trace.target"
local report = require "moontide.kit.report"
local texts = require "moontide.kit.text"

return mt.script(live.command("replay", {
  summary = "Send a trace or a script's load to an endpoint, on time, and say what came of it",
  usage = "moontide replay TARGET --url URL --model NAME [options] [-- the script's own options]",
  options = drive_options.all {
    { "target", kind = "string", argument = true, placeholder = "TARGET",
      help = "a trace, a script's file, or a bundled script (steady, burst, mixed, sin)" },
    { "words", kind = "string", argument = true, list = true, hidden = true },
    table.unpack(figures.options()),
  },
  check = function(opt)
    local replaced = opt.record and opt.target and file_target.replaced(opt.record, { opt.target })
    return replaced and ("--record would replace %s"):format(replaced)
      or figures.mistake(opt) or drive_options.check(opt)
  end,
  run = function(opt)
    local target, message, code = require("moontide.drive.target").of(opt.target, opt.words or {}, opt)
    if not target then return nil, message, code end
    if opt.expect then
      local done
      done, message, code = figures.judge(opt, { { count = function(asked)
        return require("moontide.drive.target").profile(target, opt, asked)
      end } })
      if not done then return nil, message, code end
    end
    require("moontide.drive.reset").before(opt)
    local run
    run, message, code = require("moontide.drive.run").of(target, opt)
    if not run then return nil, message, code end
    if target.is_plan then report.note(("%s: seed %s"):format(target.name, texts.seed(target.seed or 0))) end
    print(opt.json and mt.json.encode(run) or run)
    return (gate.status(run, opt))
  end,
}))
