--- A page: one HTML file that shows figures, tables and texts, and needs nothing else. What is on it is data
--- (a document); page.html, page.css and page.js beside this file show it, with Chart.js built in.
--
-- Nothing of a document is ever read as HTML: it is JSON in which "<" is escaped, and the page's script puts
-- all of it into the page as text.
local core = require "moontide.core"
local figure = require "moontide.look.figure"
local json = require("moontide.base.json").public.json

local page = {}

---@class moontide.page_table
---@field title string?
---@field head string[]
---@field rows string[][]
---@field note string?
---@field is_text boolean? its cells are sentences

---@class moontide.page_section
---@field title string?
---@field lines string[]? paragraphs
---@field tables moontide.page_table[]?
---@field text string? as it is, in a fixed font
---@field figures moontide.figure[]?

---@class moontide.page_document
---@field title string
---@field lines string[] below the title
---@field verdicts { name: string, lines: string[] }[]?
---@field sections moontide.page_section[]

local function texts(list)
  local clean = {}
  for i, text in ipairs(list or {}) do clean[i] = figure.clean(text) end
  return json.array(clean)
end

local function table_object(one)
  local rows = {}
  for i, row in ipairs(one.rows) do rows[i] = texts(row) end
  return json.object {
    { "title", one.title and figure.clean(one.title) or json.null }, { "head", texts(one.head) },
    { "rows", json.array(rows) }, { "note", one.note and figure.clean(one.note) or json.null },
    { "is_text", one.is_text or false },
  }
end

local function section_object(one)
  local tables = {}
  for i, each in ipairs(one.tables or {}) do tables[i] = table_object(each) end
  return json.object {
    { "title", one.title and figure.clean(one.title) or json.null }, { "lines", texts(one.lines) },
    { "tables", json.array(tables) }, { "text", one.text and figure.clean(one.text) or json.null },
    { "figures", json.array(table.move(one.figures or {}, 1, #(one.figures or {}), 1, {})) },
  }
end

--- What the page's script is given.
---@param document moontide.page_document
---@return table for json.encode
function page.data(document)
  local sections, verdicts = {}, {}
  for i, one in ipairs(document.sections) do sections[i] = section_object(one) end
  for i, one in ipairs(document.verdicts or {}) do
    verdicts[i] = json.object { { "name", one.name }, { "lines", texts(one.lines) } }
  end
  return json.object {
    { "title", figure.clean(document.title) }, { "lines", texts(document.lines) },
    { "verdicts", json.array(verdicts) }, { "sections", json.array(sections) },
    { "foot", ("Made by Moontide %s. Charts: drag to choose a span of time or values, double-click to see "
      .. "all again; a click on a name in a legend hides its series."):format(core.version) },
  }
end

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function part(name)
  return assert(core.embedded("lua/moontide/look/" .. name), name .. " is not built in")
end

--- The page as HTML.
---@param document moontide.page_document
---@param opt? table is_live: its script asks the server that it came from how things go on
---@return string
function page.html(document, opt)
  local is_live = opt and opt.is_live
  local data = json.encode(page.data(document), { compact = true })
  local parts = {
    version = core.version, title = figure.clean(document.title):gsub('[&<>"]', entities),
    style = part "page.css", script = part "page.js" .. (is_live and part "live.js" or ""),
    connect = is_live and "; connect-src 'self'" or "", licence = part "chartjs_licence.txt",
    library = assert(core.embedded "packages/chart.js", "Chart.js is not built in"),
    data = data:gsub("<", "\\u003c"),
  }
  return (part "page.html":gsub("{{(%l+)}}", parts))
end

return page
