-- One page that shows a run, a trace, a plan or a sweep: an HTML file that needs no network.
local figures = require "moontide.command.figures"
local mt = require "moontide"
local report = require "moontide.kit.report"

return mt.script {
  summary = "Make one page of a run, a trace, a plan or a sweep: an HTML file that needs no network",
  usage = "moontide report FILE... [-o report.html] [-- a script's own options]",
  options = {
    { "files", kind = "path", argument = true, list = true, required = true, placeholder = "FILE",
      help = "a run, a trace (- is standard input), a script or a sweep; several are put side by side" },
    { "output-file", short = "o", kind = "path", default = "report.html", help = "the page" },
    { "block-size", kind = "integer", min = 1,
      help = "of traces: tokens per block (default: 512, or what fits the hash_ids)" },
    { "skip-bad-lines", kind = "flag", help = "pass over lines that cannot be read" },
    { "gpus", kind = "integer", min = 1, default = 1, help = "of a sweep: how many the server has" },
    table.unpack(figures.options(false, "each of the traces and plans")),
  },
  check = function(opt) return figures.mistake(opt) end,
  run = function(opt)
    local size, message, code = require("moontide.look.report").write(opt.files, opt.output_file,
      { block_size = opt.block_size, skip_bad_lines = opt.skip_bad_lines, gpus = opt.gpus,
        expect = opt.expect, service = opt.service, step = opt.step })
    if not size then return nil, message, code end
    report.note(("%s: %.0f KB"):format(opt.output_file == "-" and "standard output" or opt.output_file,
      size / 1000))
  end,
}
