-- Pictures of traces, plans, runs and sweeps: PNG, SVG or PDF by gnuplot, or drawn in the terminal.
local load_figures = require "moontide.command.figures"
local mt = require "moontide"
local style = require "moontide.draw.style"

-- One picture of what the words name, or that in the terminal.
local function draw(opt)
  local picture = require "moontide.look.picture"
  if opt.output_file then
    local can, message, code = picture.check(opt.output_file, "plot: --output-file")
    if not can then return nil, message, code end
  end
  local subjects, message, code = require("moontide.look.subject").all(opt.files,
    { block_size = opt.block_size, skip_bad_lines = opt.skip_bad_lines, gpus = opt.gpus })
  if not subjects then return nil, message, code end
  local done
  done, message, code = require("moontide.look.subject").judge(subjects, opt)
  if not done then return nil, message, code end
  local figures
  figures, message, code = require("moontide.look.catalogue").figures(subjects, opt.what)
  if not figures then return nil, message, code end
  if opt.output_file then return picture.write(figures, opt.output_file) end
  for i, figure in ipairs(figures) do
    print((i > 1 and "\n" or "") .. require("moontide.look.terminal").text(figure, style.current()))
  end
end

return mt.script {
  summary = "Draw traces, plans, runs and sweeps: PNG, SVG or PDF, or in the terminal",
  usage = "moontide plot FILE... [-o PICTURE] [--what NAME,...] [-- a script's own options]\n"
    .. "       moontide plot --data-dir DIR [--output-dir DIR] [--benchmark-name NAME]...",
  options = {
    { "files", kind = "path", argument = true, list = true, placeholder = "FILE",
      help = "traces, which are overlaid, scripts, runs or a sweep; - is a trace on standard input" },
    { "output-file", short = "o", kind = "path", placeholder = "PICTURE",
      help = "a name that ends in .png, .svg or .pdf, or .gnuplot for what gnuplot is given; without it the "
        .. "terminal" },
    { "what", kind = "string", list = true, placeholder = "NAME", help = "the figures to draw" },
    { "list", kind = "flag", help = "say what figures there are" },
    { "block-size", kind = "integer", min = 1,
      help = "of traces: tokens per block (default: 512, or what fits the hash_ids)" },
    { "skip-bad-lines", kind = "flag", help = "pass over lines that cannot be read" },
    { "gpus", kind = "integer", min = 1, default = 1, help = "of a sweep: how many the server has" },
    { "data-dir", kind = "path", placeholder = "DIR",
      help = "of a sweep: where DIR/NAME/cN/profile_export_genai_perf.json or ..._aiperf.json are" },
    { "output-dir", kind = "path", placeholder = "DIR",
      help = "where its five pictures and SUMMARY.txt go (default: plots in the data's folder)" },
    { "benchmark-name", kind = "string", list = true, placeholder = "NAME",
      help = "of these benchmarks only; may be given several times" },
    table.unpack(load_figures.options(false, "each of the traces and plans")),
  },
  check = function(opt)
    local wrong = load_figures.mistake(opt)
    if wrong then return wrong end
    if opt.data_dir and opt.expect then return "--expect is of traces and plans, not of a sweep's results" end
    if opt.data_dir and (opt.files or opt.output_file or opt.what) then
      return "--data-dir makes its own pictures: without FILE, --output-file and --what"
    end
    if not opt.data_dir and (opt.output_dir or opt.benchmark_name) then
      return (opt.output_dir and "--output-dir" or "--benchmark-name") .. " belongs to --data-dir"
    end
    if not (opt.files or opt.data_dir or opt.list) then return "FILE or --data-dir says what is drawn" end
  end,
  run = function(opt)
    if opt.list then
      print(require("moontide.look.catalogue").text())
      return
    end
    if opt.data_dir then return require("moontide.look.sweep_pictures").write(opt) end
    return draw(opt)
  end,
}
