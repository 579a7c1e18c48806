--- The live page: what a command that drives is doing, in a browser while it does it. The page is page.lua's
-- with live.js beside it; drive.page serves it from a thread of its own, and this file tells it a moment a
-- second.
--
-- What is said to the page's script, as JSON by names: "begin" (a run begins), moments (no name), "done" (a
-- run has ended) and "end" (all has). Times are seconds since the first run's start.
local core = require "moontide.core"
local drive = require "moontide.drive"
local figure = require "moontide.look.figure"
local json = require("moontide.base.json").public.json
local options = require "moontide.kit.options"
local page = require "moontide.look.page"
local report = require "moontide.kit.report"
local texts = require "moontide.kit.text"
local watch = require "moontide.drive.watch"

local live = {}

-- --- what is on the page ------------------------------------------------------------------------------

-- { figure, title, axis of y, names of series }: what they show, live.js knows.
local figures = {
  { "rates", "Requests", { "Requests a second", "1/s" }, "sent", "done", "failed" },
  { "in_flight", "In flight", { "Requests", "" }, "in flight", "prepared, not due yet" },
  { "ttft", "Time to first token, of the last seconds", { "TTFT", "ms" }, "p50", "p99" },
  { "itl", "Inter-token latency, of the last seconds", { "ITL", "ms" }, "p50", "p99" },
  { "latency", "Request latency, of the last seconds", { "Latency", "ms" }, "p50", "p99" },
  { "lag", "Schedule lag, of the last seconds", { "Lag", "ms" }, "p50", "p99" },
  { "tokens", "Tokens", { "Tokens a second", "1/s" }, "of answers", "of prompts" },
  { "errors", "Failures by name", { "Failures a second", "1/s" } },
}

-- Of a run with --server-metrics, beside the client's own.
local figures_of_server = {
  { "server_requests", "Requests in the server, as it says", { "Requests", "" }, "running", "waiting" },
  { "server_cache", "KV cache in use, as the server says", { "Share in use", "", from = 0, to = 1 },
    "in use" },
}

local done_head = { "", "Verdict", "Due", "Done", "Failed", "requests/s", "out tokens/s", "TTFT p50", "p99",
  "ITL p50", "p99", "latency p50", "p99" }

local done_columns = {
  { "request_throughput", "avg", 2 }, { "output_token_throughput", "avg", 1 },
  { "time_to_first_token", "p50", 1 }, { "time_to_first_token", "p99", 1 },
  { "inter_token_latency", "p50", 2 }, { "inter_token_latency", "p99", 2 },
  { "request_latency", "p50", 1 }, { "request_latency", "p99", 1 },
}

local function document(name, has_server)
  local empty, wanted = {}, table.move(figures, 1, #figures, 1, {})
  if has_server then table.move(figures_of_server, 1, #figures_of_server, #wanted + 1, wanted) end
  for i, one in ipairs(wanted) do
    local made = figure.new(one[1], one[2], figure.time(), one[3])
    made.x.from = 0
    for k = 4, #one do made.series[k - 3] = { name = one[k], kind = "line", x = {}, y = {} } end
    empty[i] = made
  end
  return { title = name, lines = {}, sections = {
    { title = "Now", figures = empty,
      lines = { "A point a second; of a long run every second one of the past is left out." } },
    { title = "Runs that have ended", tables = { { head = done_head, rows = {},
      note = "Times are milliseconds." } } },
  } }
end

-- --- the watcher ----------------------------------------------------------------------------------------

---@class moontide.live_page: moontide.watcher
---@field server userdata drive.page
---@field url string where it is, with its token
---@field origin integer? monotonic: the first run's start
---@field runs integer that have begun
---@field total table<string, number> counters of the runs before this one
---@field last table<string, number> this run's
local methods = {}
local metatable = { __index = methods }

-- Whoever cannot be told (there is no memory left for it) misses it: the run goes on.
local function say(self, name, members)
  self.server:say(name, json.encode(json.object(members), { compact = true }))
end

local function seconds_since(self, moment)
  return (moment - self.origin) / 1e9
end

function methods:begins(known)
  self.origin, self.runs = self.origin or known.start, self.runs + 1
  for name, value in pairs(self.last) do self.total[name] = (self.total[name] or 0) + value end
  self.last, self.known, self.started = {}, known, known.start
  local urls = {}
  for i, url in ipairs(known.urls) do urls[i] = figure.clean(url) end
  say(self, "begin", {
    { "t", seconds_since(self, known.start) }, { "run", self.runs },
    { "target", figure.clean(known.target) }, { "level", figure.clean(known.level or "") },
    { "model", figure.clean(known.model) }, { "urls", json.array(urls) },
  })
end

local function pair(values)
  return values and json.array { values[1], values[2] } or json.null
end

local counters = { "begun", "done", "failed", "cancelled", "not_sent", "input_tokens", "output_tokens" }
local recent = { "ttft", "itl", "latency", "lag" }

-- A server that no longer says anything has no figures.
local latest = 5 -- seconds

-- What the server says, by the names of figures.
local function server_members(said)
  if not said or drive.now() - said.at > latest * 1e9 then return json.null end
  local function list(...)
    local values = {}
    for i, name in ipairs { ... } do values[i] = said[name] or json.null end
    return json.array(values)
  end
  return json.object { { "server_requests", list("running", "waiting") }, { "server_cache", list "kv_use" } }
end

function methods:moment(seconds, load, progress, failures, begun_before, said)
  local counted = { begun = load.begun - begun_before, done = progress.done, failed = progress.failed,
    cancelled = progress.cancelled, not_sent = progress.not_sent, input_tokens = progress.input_tokens,
    output_tokens = progress.output_tokens }
  local flight = math.max(0, load.begun - load.ended)
  local by_name = {}
  for name, count in pairs(failures) do
    by_name[#by_name + 1] = { name, count }
    counted["failure:" .. name] = count
  end
  self.last = counted
  local members = { { "t", seconds_since(self, self.started) + seconds }, { "run", self.runs },
    { "seconds", seconds }, { "flight", flight }, { "waiting", load.waiting },
    { "stopping", drive.interrupts() } }
  for _, name in ipairs(counters) do
    members[#members + 1] = { name, counted[name] }
  end
  for _, name in ipairs(recent) do members[#members + 1] = { name, pair(progress[name]) } end
  members[#members + 1] = { "failures", json.object(by_name) }
  if said then members[#members + 1] = { "server", server_members(said) } end
  say(self, nil, members)
  self.server:show(self:metrics(seconds, flight, load.waiting, progress))
end

function methods:ends(run)
  local results, name = run.results, run.level ~= "" and run.level or run.target
  local row = { figure.clean(name), run.verdict.name, texts.number(results.due, 0),
    texts.number(results.done, 0), texts.number(results.due - results.done, 0) }
  for _, column in ipairs(done_columns) do
    local metric = run.by_key[column[1]]
    row[#row + 1] = texts.number(metric and metric[column[2]], column[3])
  end
  local lines = {}
  for i, text in ipairs(run.verdict.limited_by) do lines[i] = figure.clean(text) end
  if run.was_cancelled then lines[#lines + 1] = "It was interrupted." end
  if run.message then lines[#lines + 1] = figure.clean(run.message) end
  say(self, "done", { { "run", self.runs }, { "row", json.array(row) }, { "verdict", run.verdict.name },
    { "lines", json.array(lines) }, { "text", figure.clean(tostring(run)) } })
end

-- --- for those who scrape -------------------------------------------------------------------------------

local escapes = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

local function label(name, value)
  return ('%s="%s"'):format(name, (figure.clean(value):gsub('[\\"\n]', escapes)))
end

local metric_titles = { ttft = { "time_to_first_token", "Time to first token" },
  itl = { "inter_token_latency", "Inter-token latency" }, latency = { "request_latency", "Request latency" },
  lag = { "schedule_lag", "Schedule lag" } }

--- What /metrics shows (Prometheus' text format). Counters count over all runs of the command.
---@param seconds number
---@param flight integer
---@param waiting integer
---@param progress table
---@return string
function methods:metrics(seconds, flight, waiting, progress)
  local lines = {}
  local function metric(name, kind, help, ...)
    lines[#lines + 1] = ("# HELP moontide_%s %s\n# TYPE moontide_%s %s"):format(name, help, name, kind)
    for _, sample in ipairs { ... } do
      local labels = sample[1] ~= "" and "{" .. sample[1] .. "}" or ""
      lines[#lines + 1] = ("moontide_%s%s %.15g"):format(name, labels, sample[2])
    end
  end
  local function total(name) return (self.total[name] or 0) + (self.last[name] or 0) end
  metric("run_info", "gauge", "The run that goes on.", { table.concat({ label("version", core.version),
    label("target", self.known.target), label("level", self.known.level or ""),
    label("model", self.known.model) }, ","), 1 })
  metric("runs_total", "counter", "Runs that have begun.", { "", self.runs })
  metric("run_seconds", "gauge", "Since the start of the run.", { "", seconds })
  metric("requests_sent_total", "counter", "Requests that were begun.", { "", total "begun" })
  local ended = {}
  for i, name in ipairs { "done", "failed", "cancelled", "not_sent" } do
    ended[i] = { label("outcome", name), total(name) }
  end
  metric("requests_ended_total", "counter", "Requests that were due and have ended.", table.unpack(ended))
  metric("requests_in_flight", "gauge", "Requests begun and not ended.", { "", flight })
  metric("requests_waiting", "gauge", "Requests prepared and not begun.", { "", waiting })
  metric("tokens_total", "counter", "Tokens of requests that were done.",
    { label("of", "answers"), total "output_tokens" }, { label("of", "prompts"), total "input_tokens" })
  local names, seen = {}, {}
  for _, counted in ipairs { self.total, self.last } do
    for name in pairs(counted) do
      local failure = name:match "^failure:(.*)"
      if failure and not seen[failure] then names[#names + 1], seen[failure] = failure, true end
    end
  end
  table.sort(names)
  local samples = {}
  for i, name in ipairs(names) do samples[i] = { label("name", name), total("failure:" .. name) } end
  if #samples > 0 then metric("failures_total", "counter", "Failures by name.", table.unpack(samples)) end
  for _, name in ipairs(recent) do
    local values, title = progress[name], metric_titles[name]
    if values then
      metric("recent_" .. title[1] .. "_seconds", "gauge", title[2] .. " of the last seconds.",
        { 'quantile="0.5"', values[1] / 1000 }, { 'quantile="0.99"', values[2] / 1000 })
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- --- the command ----------------------------------------------------------------------------------------

--- Ends the page: whoever looks on is told, and nothing more is shown. Once is enough.
---@param trouble any? what failed
function methods:close(trouble)
  if watch.now ~= self then return end
  watch.now = nil
  say(self, "end", { { "failed", trouble ~= nil } })
  self.server:close()
end

metatable.__close = methods.close

local loopback = { ["127.0.0.1"] = true, ["::1"] = true }

--- Opens the page, which then shows all that is driven until it is closed.
---@param opt table page, page_host, page_token, checked
---@param name string what stands above it
---@return moontide.live_page? page, string? message, string? code
function live.open(opt, name)
  local host, token, message, code = opt.page_host or "127.0.0.1", opt.page_token, nil, nil
  if not token then token, message, code = drive.page_token() end
  if not token then return nil, message, code end
  local server
  server, message, code = drive.page { host = host, port = opt.page, token = token,
    guards_all = opt.page_host ~= nil and not loopback[host],
    html = page.html(document(name, opt.server_metrics ~= nil), { is_live = true }) }
  if not server then return nil, "--page: " .. message, code == "value" and "usage" or code end
  if host:find(":", 1, true) then host = "[" .. host .. "]" end
  local url = ("http://%s:%d/?token=%s"):format(host, server:port(), token)
  watch.now = setmetatable({ server = server, url = url, runs = 0, total = {}, last = {} }, metatable)
  return watch.now
end

--- The options of the page.
live.options = {
  { "page", kind = "integer", min = 0, max = 65535, bare = 0, placeholder = "[PORT]",
    help = "a page of the run while it runs, on 127.0.0.1, with a stop button; /metrics for Prometheus "
      .. "(without a port: any that is free)" },
  { "page-host", kind = "string", placeholder = "ADDRESS",
    help = "where the page listens instead; with --page-token" },
  { "page-token", kind = "string", placeholder = "TOKEN",
    help = "who has it may stop the run, and elsewhere than on this machine see the page "
      .. "(default: drawn at random)" },
}

--- What is wrong with the options of the page together; nil: nothing.
---@param opt table page, page_host, page_token
---@return string?
function live.wrong(opt)
  for _, name in ipairs { "page_host", "page_token" } do
    if opt[name] and not opt.page then return ("--%s goes with --page"):format((name:gsub("_", "-"))) end
  end
  if opt.page_host and not opt.page_token then
    return "--page-host needs --page-token: whoever reaches the page could stop the run"
  end
  local token = opt.page_token
  if token and (not token:find "^[%w._~-]+$" or #token < 8 or #token > 64) then
    return "--page-token must be 8 to 64 letters, digits, '-', '.', '_' or '~'"
  end
end

-- The options without the page's: what is driven does not depend on who looks.
local function without_page(opt)
  local left = options.with(opt, {})
  for _, one in ipairs(live.options) do left[options.key(one[1])] = nil end
  return left
end

--- A command that drives, with a page.
---@param name string "replay"
---@param spec table of mt.script: options, check, run
---@return table spec
function live.command(name, spec)
  local check, run = spec.check, spec.run
  spec.options = table.move(live.options, 1, #live.options, #spec.options + 1,
    table.move(spec.options, 1, #spec.options, 1, {}))
  function spec.check(opt)
    return check(opt) or live.wrong(opt)
  end
  function spec.run(opt)
    if not opt.page then return run(opt) end
    local watcher <close>, message, code = live.open(opt, ("moontide %s %s"):format(name, opt.target or ""))
    if not watcher then return nil, message, code end
    report.note("the page: " .. watcher.url)
    return run(without_page(opt))
  end
  return spec
end

return live
