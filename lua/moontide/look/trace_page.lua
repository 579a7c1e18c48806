--- What a page says of traces: what `analyze` knows, in tables and figures, by stream; the findings of
--- `lint`; two of them side by side by `compare`'s figures.
local catalogue = require "moontide.look.catalogue"
local compare = require "moontide.learn.compare"
local lint = require "moontide.trace.lint"
local lists = require "moontide.kit.lists"
local show = require "moontide.learn.analysis_show"
local texts = require "moontide.kit.text"

local trace_page = {}

local number, counted = texts.number, texts.grouped_count

-- A row of titles and the statistics of each of `rows` ({ name, title, decimals }).
local function statistics(title, values, rows, columns)
  local one = { title = title, head = { "" }, rows = {} }
  for _, column in ipairs(columns) do table.insert(one.head, column[2]) end
  for _, row in ipairs(rows) do
    local of, line = values[row[1]], { row[2] }
    for _, column in ipairs(columns) do line[#line + 1] = of and number(of[column[1]], row[3] or 2) end
    if of and of.mean then one.rows[#one.rows + 1] = line end
  end
  return #one.rows > 0 and one or nil
end

local function lengths(analysis)
  local rows = {}
  for i, row in ipairs(show.rows) do
    rows[i] = { row[1], row[2], row[1] == "theoretical_hit_rate" and 3 or 1 }
  end
  return statistics("Tokens of a request, and its hit rate", analysis.metrics, rows,
    show.columns.far_statistics)
end

local function times(analysis)
  local sessions = analysis.sessions or {}
  return statistics("Sessions and reuse",
    { reuse = analysis.reuse_time, turns = sessions.turns, think = sessions.think_time },
    { { "turns", "Turns of a session" }, { "think", "Think time (s)", 3 }, { "reuse", "Reuse time (s)", 3 } },
    show.columns.quantiles)
end

local function streams(subject)
  local time = subject.time
  if not time or #time.streams < 2 then return nil end
  local one = { title = "Streams", rows = {},
    head = { "", "Requests", "per second", "Mean ISL", "Mean OSL" } }
  local span = math.max(time.to - time.from, 1e-9)
  for _, stream in ipairs(time.streams) do
    local whole = stream.whole
    local function mean(sum, count) return count > 0 and number(sum / count, 1) or "-" end
    local requests = whole.requests[1]
    one.rows[#one.rows + 1] = { stream.name, number(requests, 0), number(requests / span, 3),
      mean(whole.input[1], whole.inputs[1]), mean(whole.output[1], whole.outputs[1]) }
  end
  return one
end

local function hits(analysis)
  if not analysis.hit_infinite then return nil end
  local one = { title = "Hit ratio of an LRU cache", rows = {},
    head = { "Blocks", "by request", "by block", "by token" } }
  for _, point in ipairs(analysis.lru) do
    local row = { number(point[1], 0) }
    for _, weight in ipairs { "request", "block", "token" } do
      row[#row + 1] = number(analysis:hit_ratio(point[1], weight), 3)
    end
    one.rows[#one.rows + 1] = row
  end
  local infinite = analysis.hit_infinite
  one.rows[#one.rows + 1] = { "infinite", number(infinite.request, 3), number(infinite.block, 3),
    number(infinite.token, 3) }
  if analysis.blocks_for_90_percent then
    one.note = ("%s of cache reach 90 %% of the attainable hits; %.3f of them within a session, %.3f across.")
      :format(counted(analysis.blocks_for_90_percent, "block"), analysis.hit_sessions.within,
        analysis.hit_sessions.across)
  end
  return one
end

local function prefixes(analysis)
  if not analysis.prefixes or #analysis.prefixes == 0 then return nil end
  local one = { title = "Shared prefixes", head = { "", "Requests", "Share", "Blocks", "Tokens" }, rows = {} }
  for i, prefix in ipairs(analysis.prefixes) do
    one.rows[i] = { tostring(i), number(prefix.requests, 0), ("%.2f %%"):format(100 * prefix.share),
      number(prefix.blocks, 0), number(prefix.tokens, 0) }
  end
  return one
end

local function arrivals(analysis)
  if #analysis.arrivals == 0 then return nil end
  local one = { title = "Requests per second", head = { "Windows", "Mean", "Peak", "CV", "Variance/mean" },
    rows = {} }
  for _, window in ipairs(analysis.arrivals) do
    one.rows[#one.rows + 1] = { number(window.window, 0) .. " s", number(window.mean, 2),
      number(window.peak, 2), number(window.coefficient_of_variation, 2),
      number(window.variance_over_mean, 2) }
  end
  if analysis.clock then
    one.note = ("The timestamps lie on a grid of %g s: replayed as they are, they make bursts that never "
      .. "were ('moontide cat --dequantize' spreads them)."):format(analysis.clock.period)
  end
  return one
end

local function facts(subject)
  local analysis = subject.analysis
  local lines = { ("%s, %s of %s"):format(counted(analysis.requests, "request"),
    counted(analysis.blocks, "block"), counted(analysis.block_size, "token")) }
  if analysis.first then
    lines[1] = ("%s, over %.6g s"):format(lines[1], analysis.last - analysis.first)
  end
  if analysis.sessions then
    lines[#lines + 1] = ("%s (%s)"):format(counted(analysis.sessions.count, "session"),
      show.sessions_origin(analysis))
  end
  if analysis.drawn_from then
    lines[#lines + 1] = "What prompts share looks drawn, by a tool that knew only their lengths."
  end
  if analysis.skipped > 0 then lines[#lines + 1] = texts.skipped(analysis.skipped, analysis.first_skipped) end
  return lines
end

local function findings(subject)
  local found = subject.lint
  if not found then return nil end
  local section = { title = "Findings of lint", lines = {} }
  if #found.findings == 0 then
    section.lines[1] = "Nothing contradicts itself."
    return section
  end
  local one = { head = { "Finding", "Count", "Line", "What", "Why", "Mended by" }, rows = {}, is_text = true }
  for i, finding in ipairs(found.findings) do
    one.rows[i] = { finding.name, number(finding.count, 0), tostring(finding.line or ""), finding.message,
      finding.cause, finding.mend and "moontide cat " .. finding.mend or "" }
  end
  section.tables = { one }
  return section
end

local function tables_of(subject)
  local analysis = subject.analysis
  return lists.present(6, streams(subject), lengths(analysis), times(analysis), hits(analysis),
    prefixes(analysis), arrivals(analysis))
end

local function what(subject)
  return subject.kind == "plan" and ("Plan of %s, one of its runs drawn"):format(subject.name)
    or "Trace " .. subject.name
end

-- What `compare` says of two subjects, which are read again for it: their caches are played, and one of them
-- is halved.
local function compared(first, second, opt)
  local size = first.analysis.block_size
  local both, message, code = compare.compare({ first.value, second.value }, {
    block_size = size == second.analysis.block_size and size or opt.block_size,
    skip_bad_lines = opt.skip_bad_lines,
  })
  if not both then return nil, message, code end
  both.traces = { first.name, second.name }
  return tostring(both)
end

--- The document of traces and plans.
---@param subjects moontide.trace_subject[]
---@param opt table block_size, skip_bad_lines
---@return moontide.page_document? document, string? message, string? code
function trace_page.document(subjects, opt)
  local document = { title = what(subjects[1]), lines = {}, sections = {} }
  local function add(section) document.sections[#document.sections + 1] = section end
  if #subjects == 1 then
    document.lines = facts(subjects[1])
    add(findings(subjects[1]))
    add { title = "Figures", figures = catalogue.all(subjects) }
    add { title = "In numbers", tables = tables_of(subjects[1]) }
    return document
  end
  local names = {}
  for i, one in ipairs(subjects) do names[i] = one.name end
  document.title = texts.listed(names)
  add { title = "Figures", figures = catalogue.all(subjects) }
  for i = 2, #subjects do
    local text, message, code = compared(subjects[1], subjects[i], opt)
    if not text then return nil, message, code end
    add { title = ("%s beside %s"):format(names[1], names[i]), text = text }
  end
  for _, one in ipairs(subjects) do
    add { title = what(one), lines = facts(one), tables = tables_of(one) }
    add(findings(one))
  end
  return document
end

--- Looks for what contradicts itself in a trace; of a plan nothing does.
---@param subject moontide.trace_subject
---@param opt table block_size
---@return true? done, string? message, string? code
function trace_page.lint(subject, opt)
  if subject.kind == "plan" then return true end
  local message, code
  subject.lint, message, code = lint.lint(subject.value, { block_size = opt.block_size })
  if not subject.lint then return nil, message, code end
  return true
end

return trace_page
