--- What the server said of itself while it was driven: requests that ran and waited, its cache, tokens.
local drive = require "moontide.drive"
local texts = require "moontide.kit.text"

local server = {}

local every = 1 -- seconds

---@class moontide.server_report
---@field url string
---@field looks table[] { at = (monotonic ns), running =, waiting =, ... } each, what the server gives
---@field failures integer looks that failed
---@field why string of the first of them; ""
---@field gauges table<string, { before: number, avg: number, max: number }> running, waiting, kv_use,
--- cache_hit_rate (of the last batch each)
---@field counters table<string, number> how much each grew over the run
---@field hit_ratio number? of its prefix cache, over the run
---@field restarts integer how often counters fell: the server, or a part of it, began anew

--- Begins to look; the first look is made at once.
---@param url string
---@return userdata? scraper, string? message, string? code
function server.start(url)
  local scraper, message, code = drive.scraper(url, every)
  if not scraper then
    return nil, "--server-metrics: " .. message --[[@as string]], code == "value" and "usage" or code
  end
  return scraper
end

-- The first look is from before the start, the last one from after the end.
local function gauge(looks, name)
  local sum, count, most, before = 0, 0, nil, looks[1][name]
  for i, one in ipairs(looks) do
    if one[name] and i > 1 and (i < #looks or i == 2) then
      sum, count, most = sum + one[name], count + 1, math.max(most or one[name], one[name])
    end
  end
  if count == 0 then return nil end
  return { before = before or 0, avg = sum / count, max = most }
end

-- How much it grew, and how often it fell: then what it has is new. A series that comes later was 0 before.
local function growth(looks, name)
  local grown, falls, last, is_there = 0, 0, 0, false
  for i, one in ipairs(looks) do
    local value = one[name]
    if value then
      is_there = true
      if i > 1 then grown = grown + (value >= last and value - last or value) end
      if value < last then falls = falls + 1 end
      last = value
    end
  end
  return is_there and grown or nil, falls
end

local function hit_ratio(counters)
  local hits, of = counters.prefix_hits, counters.prefix_queries
  if not of or of == 0 then hits, of = counters.cached_tokens, counters.prompt_tokens end
  return hits and of and of > 0 and hits / of or nil -- of tokens, or of blocks
end

--- Ends the looking and gives what was seen.
---@param scraper userdata
---@param url string
---@return moontide.server_report
function server.finish(scraper, url)
  local looks, failures, why = scraper:stop()
  scraper:close()
  local self = { url = url, looks = looks, failures = failures, why = why, restarts = 0 }
  self.gauges, self.counters = {}, {}
  for _, metric in ipairs(drive.server_metrics()) do
    local name, is_counter = metric[1], metric[2]
    if is_counter then
      local grown, falls = growth(looks, name)
      self.counters[name] = grown
      self.restarts = math.max(self.restarts, falls)
    else
      self.gauges[name] = gauge(looks, name)
    end
  end
  self.hit_ratio = hit_ratio(self.counters)
  return self
end

-- "prompt tokens 12,345 (12,340 by the answers)". With several URLs one server's count stands beside the
-- answers of all.
local function beside(run, name, theirs, key)
  if not theirs then return nil end
  local ours = run.results[key] + run.outside[key]
  return ("%s %s (%s by the answers%s)"):format(name, texts.number(theirs, 0),
    texts.number(ours, 0), #run.urls > 1 and (" of all %d URLs"):format(#run.urls) or "")
end

--- The lines of the report.
---@param run moontide.drive_run with a server
---@return string[]
function server.lines(run)
  local self, lines, parts = run.server, {}, {}
  local running, waiting, kv_use = self.gauges.running, self.gauges.waiting, self.gauges.kv_use
  if running and running.before + (waiting and waiting.before or 0) > 0 then
    lines[1] = ("The server was busy before the start: %s running, %s waiting"):format(
      texts.number(running.before, 0), texts.number(waiting and waiting.before or 0, 0))
  end
  for _, one in ipairs {
    { running, "running %s on average, at most %s", 1, 1 }, { waiting, "waiting %s, at most %s", 1, 1 },
    { kv_use, "KV cache %s %% in use, at most %s %%", 100, 1 },
  } do
    if one[1] then
      parts[#parts + 1] = one[2]:format(texts.number(one[3] * one[1].avg, one[4]),
        texts.number(one[3] * one[1].max, one[4]))
    end
  end
  local of_batches = self.gauges.cache_hit_rate
  parts[#parts + 1] = self.hit_ratio and ("prefix hits %.4f"):format(self.hit_ratio)
    or of_batches and ("prefix hits %.2f on average of the last batches looked at"):format(of_batches.avg)
  parts[#parts + 1] = self.counters.requests and ("requests done %s"):format(
    texts.number(self.counters.requests, 0))
  parts[#parts + 1] = (self.counters.failed_requests or 0) > 0 and ("requests failed %s"):format(
    texts.number(self.counters.failed_requests, 0)) or nil
  parts[#parts + 1] = beside(run, "prompt tokens", self.counters.prompt_tokens, "input_tokens")
  parts[#parts + 1] = beside(run, "output tokens", self.counters.output_tokens, "output_tokens")
  if (self.counters.preemptions or 0) > 0 then
    parts[#parts + 1] = texts.grouped_count(math.floor(self.counters.preemptions), "preemption")
  end
  if #parts > 0 then lines[#lines + 1] = "The server says: " .. table.concat(parts, "; ") end
  if self.restarts > 0 then lines[#lines + 1] = "Its counters fell: it, or a part of it, began anew" end
  if self.failures > 0 then
    lines[#lines + 1] = ("%s at its metrics failed (%s)"):format(
      texts.grouped_count(self.failures, "look"), self.why)
  end
  return lines
end

--- The same for run.json: times in seconds since the start of the run.
---@param self moontide.server_report
---@param start integer monotonic ns
---@return table for json.encode
function server.members(self, start)
  local json = require("moontide.base.json").public.json
  local gauges, counters, looks = {}, {}, {}
  local names = drive.server_metrics()
  for _, metric in ipairs(names) do
    local name = metric[1]
    local one = self.gauges[name]
    if one then
      local values = json.object { { "before", one.before }, { "avg", one.avg }, { "max", one.max } }
      gauges[#gauges + 1] = { name, values }
    end
    if self.counters[name] then counters[#counters + 1] = { name, self.counters[name] } end
  end
  for i, look in ipairs(self.looks) do
    local members = { { "seconds", (look.at - start) / 1e9 } }
    for _, metric in ipairs(names) do
      if look[metric[1]] then members[#members + 1] = { metric[1], look[metric[1]] } end
    end
    looks[i] = json.object(members)
  end
  return json.object {
    { "url", self.url }, { "gauges", json.object(gauges) }, { "counters", json.object(counters) },
    { "hit_ratio", self.hit_ratio or json.null }, { "restarts", self.restarts },
    { "failed_looks", self.failures }, { "why", self.why or json.null }, { "looks", json.array(looks) } }
end

--- What members() has written, read back.
---@param members table
---@param start integer ns
---@return moontide.server_report
function server.of_members(members, start)
  local self = { url = members.url, gauges = members.gauges, counters = members.counters,
    hit_ratio = members.hit_ratio, restarts = members.restarts, failures = members.failed_looks,
    why = members.why, looks = {} }
  for i, look in ipairs(members.looks) do
    self.looks[i] = {}
    for name, value in pairs(look) do self.looks[i][name] = value end
    self.looks[i].at = start + math.floor(look.seconds * 1e9 + 0.5)
    self.looks[i].seconds = nil
  end
  return self
end

return server
