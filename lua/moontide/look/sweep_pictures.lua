--- The five pictures of a folder of benchmarks, and SUMMARY.txt: `moontide plot --data-dir`.
local catalogue = require "moontide.look.catalogue"
local drive = require "moontide.drive"
local gnuplot = require "moontide.look.gnuplot"
local picture = require "moontide.look.picture"
local report = require "moontide.kit.report"
local sweep = require "moontide.look.sweep"
local sweep_figures = require "moontide.look.sweep_figures"
local texts = require "moontide.kit.text"

local sweep_pictures = {}

-- File and figure.
sweep_pictures.files = {
  { "p50_inter_token_latency_vs_concurrency.png", "itl_p50" },
  { "avg_inter_token_latency_vs_concurrency.png", "itl_avg" },
  { "request_throughput_vs_concurrency.png", "request_throughput" },
  { "avg_time_to_first_token_vs_concurrency.png", "ttft_avg" },
  { "efficiency_tok_s_gpu_vs_user.png", "efficiency" },
}

-- Of a level's metric.
local function statistic(key, name)
  return function(_, level) return sweep_figures.value(level, key, name) end
end

local columns = {
  { "req/s", 2, statistic("request_throughput", "avg") },
  { "out tok/s", 1, statistic("output_token_throughput", "avg") },
  { "TTFT avg (ms)", 2, statistic("time_to_first_token", "avg") },
  { "TTFT p99", 2, statistic("time_to_first_token", "p99") },
  { "ITL p50 (ms)", 2, statistic("inter_token_latency", "p50") },
  { "ITL avg", 2, statistic("inter_token_latency", "avg") },
  { "ITL p99", 2, statistic("inter_token_latency", "p99") },
  { "latency avg (ms)", 1, statistic("request_latency", "avg") },
  { "tok/s/user", 2, function(subject, level) return (sweep_figures.efficiency(subject, level)) end },
  { "tok/s/GPU", 2, function(subject, level)
    return (select(2, sweep_figures.efficiency(subject, level)))
  end },
}

--- The levels of a sweep as rows of cells, the heading first.
---@param subject moontide.sweep_subject
---@return string[][]
function sweep_pictures.rows(subject)
  local rows = { {} }
  for i, axis in ipairs(subject.axes) do rows[1][i] = sweep_figures.words_of(axis) end
  for _, column in ipairs(columns) do table.insert(rows[1], column[1]) end
  local has_verdicts = false
  for _, level in ipairs(subject.levels) do has_verdicts = has_verdicts or level.verdict or level.status end
  if has_verdicts then table.insert(rows[1], "driver") end
  for _, level in ipairs(subject.levels) do
    local row = table.move(level.cells, 1, #level.cells, 1, {})
    for _, column in ipairs(columns) do row[#row + 1] = texts.number(column[3](subject, level), column[2]) end
    if has_verdicts then
      row[#row + 1] = level.status and level.status ~= "done" and level.status or level.verdict or "-"
    end
    rows[#rows + 1] = row
  end
  return rows
end

local function summary(subjects, folder)
  local parts = { ("Benchmarks in %s"):format(folder) }
  for _, subject in ipairs(subjects) do
    parts[#parts + 1] = subject.name .. "\n" .. texts.aligned(sweep_pictures.rows(subject))
    local lines = sweep_figures.lines(subject, true)
    for _, line in ipairs(lines) do
      local knee = sweep_figures.knee(line)
      if knee then
        parts[#parts] = ("%s\n%shroughput over latency is largest at %s %s."):format(parts[#parts],
          #lines > 1 and line.name .. ": t" or "T", sweep_figures.words_of(line.axis), knee.label)
      end
    end
  end
  parts[#parts + 1] = ("tok/s/GPU: of a server of %s. N/A: the results do not say it."):format(
    texts.count(subjects[1].gpus, "GPU"))
  return table.concat(parts, "\n\n") .. "\n"
end

--- Makes all of them. What no level says anything of has no picture, which is told.
---@param opt table data_dir, output_dir, benchmark_name, gpus
---@return true? done, string? message, string? code
function sweep_pictures.write(opt)
  local subjects, message, code = sweep.benchmarks(opt.data_dir, opt.benchmark_name, { gpus = opt.gpus })
  if not subjects then return nil, message, code end
  local folder = opt.output_dir or opt.data_dir .. "/plots"
  local done
  done, message, code = drive.make_folder(folder)
  if not done then return nil, message, code end
  done, message, code = drive.write_file(folder .. "/SUMMARY.txt", summary(subjects, opt.data_dir))
  if not done then return nil, message, code end
  local first = folder .. "/" .. sweep_pictures.files[1][1]
  if gnuplot.missing() then return gnuplot.draw({}, first, "png") end
  for _, one in ipairs(sweep_pictures.files) do
    local figures, why = catalogue.figures(subjects, { one[2] })
    if figures then
      done, message, code = picture.write(figures, folder .. "/" .. one[1])
      if not done then return nil, message, code end
    else
      report.note(("%s is not made: %s"):format(one[1], why))
    end
  end
  report.note(("%s: the pictures of %s, and SUMMARY.txt"):format(folder,
    texts.count(#subjects, "benchmark")))
  return true
end

return sweep_pictures
