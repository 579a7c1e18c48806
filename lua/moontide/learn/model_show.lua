--- How the figures of a model are shown: a screen of text, and JSON.
local analysis_json = require "moontide.learn.analysis_json"
local analysis_show = require "moontide.learn.analysis_show"
local json = require("moontide.base.json").public.json
local knobs = require "moontide.learn.knobs"
local texts = require "moontide.kit.text"

local show = {}

local counted, number = texts.grouped_count, texts.number

local function blocks_section(figures)
  local total = figures.shared_blocks + figures.returning_blocks + figures.unique_blocks
  if total == 0 then return "Blocks: N/A, no request has hash_ids" end
  local cells = { { "Blocks", "", "Share" } }
  for _, row in ipairs {
    { "known from earlier requests", figures.shared_blocks },
    { "new, and come back", figures.returning_blocks }, { "unique", figures.unique_blocks },
  } do
    cells[#cells + 1] = { row[1], number(row[2], 0), ("%.1f %%"):format(100 * row[2] / total) }
  end
  return texts.aligned(cells)
end

local function arrivals_section(figures)
  local text = ("%s at %s in %s; "):format(counted(figures.requests, "request"),
    counted(figures.instants, "instant"), texts.time(math.floor(figures.span + 0.5)))
  return text .. (figures.keeps_order and "the gaps are in order"
    or "the order of the gaps is left out: new times are drawn from them by --arrivals iid only")
end

-- What somebody who has the model knows of its source.
local function privacy_section(figures)
  local lines = {
    "It gives away, of each request, sorted by length:",
    ("  input and output length: of %s, no other request has both"):format(
      counted(figures.single_lengths, "request")),
  }
  if figures.shared_blocks > 0 then
    lines[#lines + 1] = ("  what was known of it, how often touched, how long ago: of %s, no other has all "
      .. "this"):format(counted(figures.single_descriptions, "request"))
  end
  lines[#lines + 1] = figures.keeps_order
    and "and the gaps between arrivals, in order ('learn --no-gaps' leaves that out);"
    or "and the gaps between arrivals, and how many requests come at once, without their order;"
  if figures.chains > 0 then
    lines[#lines + 1] = ("of %s, who continued whom, how long after, about when%s; no ids, texts or dates.")
      :format(counted(figures.chains, "session"), figures.stretch > 1
        and (" (%d in a row mix)"):format(figures.stretch) or "")
    lines[#lines + 1] = "(Without ids, a session goes on where its prompt falls back a little; "
      .. "'analyze' begins another.)"
  else
    lines[#lines + 1] = "no ids, no texts, no dates, and not in which order these requests came."
  end
  return table.concat(lines, "\n")
end

--- A screen of text.
---@param figures moontide.model_figures
---@return string
function show.text(figures)
  local parts = {
    ("Model of %s, in blocks of %s"):format(counted(figures.requests, "request"),
      counted(figures.block_size, "token")),
    analysis_show.metrics(figures --[[@as table]], { { "input_length", "Input Length" },
      { "shared_length", "Known from Earlier" }, { "output_length", "Output Length" } }),
    blocks_section(figures),
  }
  if figures.distance then
    parts[#parts + 1] = analysis_show.quantiles(figures --[[@as table]], { { "distance", "Reuse Distance" } })
  end
  parts[#parts + 1] = arrivals_section(figures)
    .. (figures.chains > 0 and "\nKnobs now: " .. knobs.shown(figures) or "")
  parts[#parts + 1] = privacy_section(figures)
  return table.concat(parts, "\n\n")
end

--- The same as one JSON value.
---@param figures moontide.model_figures
---@return table
function show.json(figures)
  local statistics = analysis_show.columns.statistics
  local members = {}
  local function add(name, value) members[#members + 1] = { name, value } end
  for _, name in ipairs { "requests", "block_size" } do add(name, figures[name]) end
  for _, name in ipairs { "input_length", "shared_length", "output_length" } do
    add(name, analysis_json.object(figures[name], statistics))
  end
  for _, name in ipairs { "shared_blocks", "returning_blocks", "unique_blocks", "runs" } do
    add(name, figures[name])
  end
  add("distance", analysis_json.object(figures.distance, analysis_show.columns.quantiles))
  for _, name in ipairs { "instants", "span", "keeps_order", "single_lengths", "single_descriptions",
    "chains", "stretch", "sharing", "session_length", "sessions_at_once", "cliff" } do
    add(name, figures[name])
  end
  return json.object(members)
end

return show
