--- What a page says of runs: the verdict first, then figures over time and distributions, tables of metrics,
--- failures, streams and models, and the command that does it again.
local by_endpoint = require "moontide.drive.by_endpoint"
local catalogue = require "moontide.look.catalogue"
local json = require("moontide.base.json").public.json
local lists = require "moontide.kit.lists"
local show = require "moontide.drive.show"
local span = require "moontide.drive.span"
local texts = require "moontide.kit.text"

local run_page = {}

local number = texts.number

-- --- tables -----------------------------------------------------------------------------------------

local statistics = { "avg", "min", "p50", "p90", "p99", "max", "std" }

local function metrics_table(run)
  local one = { title = "Metrics of a request", head = { "", table.unpack(statistics) }, rows = {} }
  for _, metric in ipairs(run.metrics) do
    if metric.count then
      local row = { ("%s (%s)"):format(metric.title, metric.unit) }
      for _, name in ipairs(statistics) do row[#row + 1] = number(metric[name], 2) end
      one.rows[#one.rows + 1] = row
    end
  end
  return #one.rows > 0 and one or nil
end

local function totals_table(run)
  local one = { title = "Totals", head = { "", "" }, rows = {} }
  for _, metric in ipairs(run.metrics) do
    if not metric.count and metric.unit ~= "ns" then
      local decimals = math.type(metric.avg) == "integer" and 0 or 3
      local title = ("%s (%s)"):format(metric.title, metric.unit)
      one.rows[#one.rows + 1] = { title, number(metric.avg, decimals) }
    end
  end
  return #one.rows > 0 and one or nil
end

local function failures_table(run)
  local one = { title = "Failures", head = { "", "Requests", "The first said" }, rows = {}, is_text = true }
  for _, failure in ipairs(run.results.failures) do
    one.rows[#one.rows + 1] = { failure.name, number(failure.count, 0), failure.text }
  end
  return #one.rows > 0 and one or nil
end

local group_columns = {
  { "requests/s", "request_throughput", "avg", 2 }, { "out tokens/s", "output_token_throughput", "avg", 1 },
  { "TTFT p50", "time_to_first_token", "p50", 1 }, { "p99", "time_to_first_token", "p99", 1 },
  { "ITL p50", "inter_token_latency", "p50", 2 }, { "p99", "inter_token_latency", "p99", 2 },
  { "latency p50", "request_latency", "p50", 1 }, { "p99", "request_latency", "p99", 1 },
}

local most_groups = 50

local function text_of(value)
  local decoded = json.decode(value)
  if decoded == json.null then return "(none)" end
  return type(decoded) == "string" and decoded or value
end

local function groups_table(title, run, groups)
  local one = { title = title, head = { "", "Due", "Done", "Not" }, rows = {},
    note = "Times are milliseconds." }
  for _, column in ipairs(group_columns) do table.insert(one.head, column[1]) end
  for i, group in ipairs(groups) do
    if i > most_groups then
      one.note = ("%s %d more are not shown."):format(one.note, #groups - most_groups)
      break
    end
    local results = group.results
    local _, by_key = span.metrics_of_member(run, results)
    local row = { text_of(group.value), number(results.due, 0), number(results.done, 0),
      number(results.due - results.done, 0) }
    for _, column in ipairs(group_columns) do
      local metric = by_key[column[2]]
      row[#row + 1] = number(metric and metric[column[3]], column[4])
    end
    one.rows[i] = row
  end
  return one
end

-- Streams, models, and what the run was divided by: a table each where there are several.
local function group_tables(subject)
  local run, tables = subject.run, {}
  if run.by and #run.groups > 0 then
    tables[1] = groups_table("By " .. run.by, run, run.groups)
  end
  for _, name in ipairs { "stream", "model", by_endpoint.name } do
    if run.by ~= name then
      local window = span.window(run.options) or {}
      local inside, _, groups = subject.requests:results { by = name, start = run.start + run.epoch,
        window_begin = window.from, window_end = window.to }
      if inside and name == by_endpoint.name then
        groups = by_endpoint.groups(groups, run.urls, function()
          return (subject.requests:results { part = 0xffffffff })
        end)
      end
      if inside and #groups > 1 then tables[#tables + 1] = groups_table("By " .. name, run, groups) end
    end
  end
  return tables
end

-- Phases of a run, and shards of a merged one, as its report has them.
local function rows_table(title, rows, note)
  return { title = title, head = table.remove(rows, 1), rows = rows, note = note }
end

local function phases_table(run)
  return #run.phases > 0 and rows_table("By phase", show.phase_rows(run), "Times are milliseconds; "
    .. show.of_phases .. ".") or nil
end

local function shards_table(run)
  return run.shards and rows_table("Shards", show.shard_rows(run.shards), "Times are milliseconds.") or nil
end

-- --- texts ------------------------------------------------------------------------------------------

local function verdict(subject)
  local one = subject.run.verdict
  local lines = table.move(one.limited_by, 1, #one.limited_by, 1, {})
  if one.name == "valid" then lines[1] = "The driver was on time: the figures are the server's." end
  if subject.run.was_cancelled then lines[#lines + 1] = "It was interrupted." end
  if subject.run.message then lines[#lines + 1] = subject.run.message end
  return { name = one.name, lines = lines }
end

local function measures_table(run)
  local one = { title = "What the verdict is made of", head = { "", "Measured", "Limit" }, rows = {} }
  for _, measure in ipairs(run.verdict.measures) do
    local function text(value) return value and ("%.4g %s"):format(value, measure.unit) or "N/A" end
    one.rows[#one.rows + 1] = { measure.name, text(measure.value), text(measure.limit) }
  end
  return #one.rows > 0 and one or nil
end

local function lines_of(subject)
  local run, lines = subject.run, {}
  local results = run.results
  lines[1] = ("%s due: %s done, %s failed, %s cancelled, %s not sent; over %s s"):format(
    texts.grouped_count(results.due, "request"), number(results.done, 0), number(results.failed, 0),
    number(results.cancelled, 0), number(results.not_sent, 0), number(run.seconds, 1))
  if run.info then
    local urls = {}
    for i, url in ipairs(run.urls) do urls[i] = tostring(url) end
    lines[2] = ("%s at %s, model %s, begun %s UTC"):format(tostring(run.target), table.concat(urls, ", "),
      tostring(run.model), tostring(run.info.start_time))
  end
  local window = span.window(run.options)
  if window then
    lines[#lines + 1] = ("All this is of the window from %.9g s%s. Outside it: %s."):format(window.from,
      window.to < math.huge and (" to %.9g s"):format(window.to) or " on", show.accounting(run.outside))
  end
  for _, line in ipairs(show.cautions(run)) do lines[#lines + 1] = line .. "." end
  return lines
end

-- The words of a command as a shell reads them.
local function command_of(run)
  local words = run.info and run.info.command
  if type(words) ~= "table" or #words == 0 then return nil end
  local quoted = {}
  for i, word in ipairs(words) do
    word = tostring(word)
    local is_plain = word ~= "" and not word:find "[^%w%%+,./:=@_-]"
    quoted[i] = is_plain and word or "'" .. word:gsub("'", "'\\''") .. "'"
  end
  return table.concat(quoted, " ")
end

-- --- several runs -----------------------------------------------------------------------------------

local compared_metrics = {
  { "request_throughput", "avg" }, { "output_token_throughput", "avg" }, { "goodput", "avg" },
  { "time_to_first_token", "p50" }, { "time_to_first_token", "p99" }, { "inter_token_latency", "p50" },
  { "inter_token_latency", "p99" }, { "request_latency", "p50" }, { "request_latency", "p99" },
  { "hit_ratio", "avg" }, { "schedule_lag", "p99" },
}

-- The runs side by side, differences counted from the first.
local function beside(subjects)
  local one = { title = "Side by side", head = { "" }, rows = {} }
  for i, subject in ipairs(subjects) do
    table.insert(one.head, subject.name)
    if i > 1 then table.insert(one.head, "difference") end
  end
  for _, wanted in ipairs(compared_metrics) do
    local first = subjects[1].run.by_key[wanted[1]]
    local statistic = wanted[2] == "avg" and "" or " " .. wanted[2]
    local row = first and { ("%s%s (%s)"):format(first.title, statistic, first.unit) }
    for i, subject in ipairs(first and subjects or {}) do
      local metric = subject.run.by_key[wanted[1]]
      local value, from = metric and metric[wanted[2]], first[wanted[2]]
      row[#row + 1] = number(value, 3)
      if i > 1 then
        local has_both = value and from and from ~= 0
        row[#row + 1] = has_both and ("%+.1f %%"):format(100 * (value - from) / from) or "N/A"
      end
    end
    one.rows[#one.rows + 1] = row
  end
  return one
end

-- --- the document -----------------------------------------------------------------------------------

local function tables_of(subject)
  local run = subject.run
  local list = lists.present(6, totals_table(run), metrics_table(run), failures_table(run),
    phases_table(run), shards_table(run), measures_table(run))
  for _, one in ipairs(group_tables(subject)) do list[#list + 1] = one end
  return list
end

local function server_section(run)
  if not run.server then return nil end
  return { title = "The server", lines = require("moontide.drive.server").lines(run) }
end

--- The document of runs.
---@param subjects moontide.run_subject[]
---@return moontide.page_document
function run_page.document(subjects)
  local document = { title = "", lines = {}, verdicts = {}, sections = {} }
  local names = {}
  local function add(section)
    if section then document.sections[#document.sections + 1] = section end
  end
  for i, subject in ipairs(subjects) do
    names[i] = subject.name
    document.verdicts[i] = verdict(subject)
    if #subjects > 1 then table.insert(document.verdicts[i].lines, 1, subject.name) end
  end
  document.title = (#names == 1 and "Run " or "Runs ") .. texts.listed(names)
  if #subjects == 1 then document.lines = lines_of(subjects[1]) else add { tables = { beside(subjects) } } end
  add { title = "Figures", figures = catalogue.all(subjects) }
  for _, subject in ipairs(subjects) do
    local title = #subjects > 1 and subject.name or "In numbers"
    add { title = title, lines = #subjects > 1 and lines_of(subject) or nil, tables = tables_of(subject) }
    add(server_section(subject.run))
    local command = command_of(subject.run)
    if command then add { title = "The command to run it again", text = command } end
  end
  return document
end

return run_page
