--- What a page says of sweeps: the knee, the levels in a table, the figures.
local catalogue = require "moontide.look.catalogue"
local sweep_figures = require "moontide.look.sweep_figures"
local sweep_pictures = require "moontide.look.sweep_pictures"
local texts = require "moontide.kit.text"

local sweep_page = {}

local function knee_lines(subjects)
  local lines = {}
  for _, line in ipairs(sweep_figures.all_lines(subjects)) do
    local knee = sweep_figures.knee(line)
    if knee then
      lines[#lines + 1] = ("%s: the knee is at %s %s, where throughput over mean latency is largest: "
        .. "%s requests a second at %s ms."):format(line.name, sweep_figures.words_of(line.axis), knee.label,
        texts.number(sweep_figures.value(knee, "request_throughput", "avg"), 2),
        texts.number(sweep_figures.value(knee, "request_latency", "avg"), 1))
    end
  end
  return lines
end

local function table_of(subject)
  local rows = sweep_pictures.rows(subject)
  return { title = subject.name, head = table.remove(rows, 1), rows = rows }
end

local function about(subject)
  local known = subject.about
  if not known then return ("Results in %s"):format(subject.folder) end
  local urls = type(known.urls) == "table" and known.urls or {}
  for i, url in ipairs(urls) do urls[i] = tostring(url) end
  local function text(value) return type(value) == "string" and value or "?" end
  local line = ("%s: %s at %s, model %s"):format(subject.name, text(known.target), table.concat(urls, ", "),
    text(known.model))
  return type(known.start_time) == "string" and ("%s, begun %s UTC"):format(line, known.start_time) or line
end

--- The document of sweeps.
---@param subjects moontide.sweep_subject[]
---@return moontide.page_document
function sweep_page.document(subjects)
  local names, lines, tables = {}, {}, {}
  for i, subject in ipairs(subjects) do
    names[i], lines[i], tables[i] = subject.name, about(subject), table_of(subject)
  end
  return { title = (#names == 1 and "Sweep " or "Sweeps ") .. table.concat(names, ", "), lines = lines,
    sections = {
      { lines = knee_lines(subjects) },
      { title = "Figures", figures = catalogue.all(subjects) },
      { title = "Levels", tables = tables },
    } }
end

return sweep_page
