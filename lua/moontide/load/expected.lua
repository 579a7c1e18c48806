--- What a plan will be on average, as a value that prints as a table.
local core = require "moontide.core"
local json = require("moontide.base.json").public.json
local texts = require "moontide.kit.text"

local expected = {}

---@class moontide.expected
---@field duration number seconds
---@field requests number NaN where nobody knows: a script's own arrivals
---@field within number of the requests, those that come within the duration: sessions run on after it
---@field is_counted boolean? sessions end at their max_input, or follow curves of time, ...: its requests and
--- lengths are counted in a run
---@field is_drawn boolean? a script's own arrivals were counted in a run
---@field drawn integer? how many requests were drawn for that
---@field error number? what is wrong with their number, in parts of it, in 95 of 100 cases; absent where they
--- are all that this seed has
---@field part { index: integer, count: integer }? the shard that it is of
---@field sessions number 0 where there are none
---@field input_length number mean tokens
---@field output_length number? mean tokens of the requests that have one
---@field streams table[] the same a stream, with name, process (text), begins_as (the name of its process, or
--- of what begins its sessions), shared and whole_shared (tokens), clamped_at (seconds), and of mt.classes:
--- classes, a moontide.expected_class each, or, where no formula knows them, counts_classes
local expected_type = { __name = "moontide.expected" }

-- What nobody else looks at, by expectation: { row =, count = } until the rows are made, and the places of
-- those of which there is something to say.
local kept = setmetatable({}, { __mode = "k" })

local function grouped(number)
  return number == number and texts.number(number, 1) or "?"
end

local function tokens(mean)
  return mean and ("%.1f"):format(mean) or "-"
end

local function per_second(count, duration)
  return count == count and ("%.6g"):format(count / duration) or "?"
end

local function row_of(name, one, duration)
  return { name, grouped(one.requests), per_second(one.within, duration), tokens(one.input_length),
    tokens(one.output_length) }
end

-- Streams that a table shows one by one.
local most_rows = 40

-- From this part of the requests on it is said that they come after the duration.
local most_after = 0.001

-- Streams whose levels it shows (of an mmpp: the real ones, after scaling).
local most_levels = 10

-- What is not known without a run, of the processes as they print.
local limits = { { "branch=", "sub-agents come between" }, { "clear=", "clear takes tools' outputs away" },
  { "compact=", "compact shortens histories" }, { "max_input=", "max_input ends sessions" },
  { "requests(", "requests follow a function" },
  { "=function", "answers take what a function says" } }

local function why_counted(self)
  local reasons = {}
  for _, limit in ipairs(limits) do
    for _, one in ipairs(self.streams) do
      if one.process:find(limit[1], 1, true) then
        reasons[#reasons + 1] = limit[2]
        break
      end
    end
  end
  for _, one in ipairs(self.streams) do
    if one.has_rules then
      reasons[#reasons + 1] = "lengths follow a rule"
      break
    end
  end
  for _, one in ipairs(self.streams) do
    if one.follows_time then
      reasons[#reasons + 1] = "turns read curves at their own times"
      break
    end
  end
  return table.concat(reasons, ", ")
end

function expected_type.__tostring(self)
  local rows = { { "stream", "requests", "per second", "mean ISL", "mean OSL" } }
  if #self.streams > 1 then
    for i = 1, math.min(#self.streams, most_rows) do
      local one = self.streams[i]
      rows[#rows + 1] = row_of(one.name, one, self.duration)
    end
    if #self.streams > most_rows then
      rows[#rows + 1] = { ("... and %d more"):format(#self.streams - most_rows), "", "", "", "" }
    end
  end
  local name = #self.streams == 1 and self.streams[1].name or "all"
  rows[#rows + 1] = row_of(name, self, self.duration)
  local of_part = self.part and (", shard %d/%d alone"):format(self.part.index, self.part.count) or ""
  local text = ("expected over %.9g s%s:\n"):format(self.duration, of_part) .. texts.aligned(rows)
  if self.sessions ~= 0 then
    text = ("%s\n%s sessions, %s per second"):format(text, grouped(self.sessions),
      per_second(self.sessions, self.duration))
  end
  if self.is_counted then
    text = ("%s\n%s: requests and lengths are counted in a run of this seed"):format(text, why_counted(self))
  end
  if self.is_drawn then
    text = text .. "\narrivals of the script's own: requests are counted in a run of this seed"
  end
  if self.error then
    text = ("%s\ncounted: %s drawn, so that requests are right within %.2g %%"):format(text,
      texts.count(self.drawn, "request"), 100 * self.error)
  end
  if self.drawn and not self.error then
    text = ("%s\ncounted: %s drawn, which are all of this seed's; another seed has its own"):format(text,
      texts.count(self.drawn, "request"))
  end
  local after = self.requests - self.within
  if after > most_after * self.requests then
    text = ("%s\n%s of the requests come after %.9g s: sessions that have begun run on"):format(text,
      grouped(after), self.duration)
  end
  for i = 1, math.min(#self.streams, most_levels) do
    local one = self.streams[i]
    if one.begins_as == "mmpp" then
      text = ("%s\nstream '%s': %s"):format(text, one.name, one.process)
    end
  end
  return text
end

local function stream_row(name, process, one)
  return {
    name = name, process = process, begins_as = core.process.name(core.process.starts(process)),
    requests = one.requests, within = one.within or one.requests, sessions = one.sessions,
    input_length = one.input_mean,
    output_length = one.output_share > 0 and one.output_mean or nil,
    has_rules = one.has_rules, follows_time = one.follows_time,
    clamped_at = one.clamped_at, shared = one.shared_mean, whole_shared = one.whole_shared_mean,
  }
end

--- What one stream is on average, as numbers: core.plan.means, and what only a run could tell.
---@alias moontide.means fun(i: integer): requests: number, sessions: number, input_mean: number,
--- output_mean: number, output_share: number, inside: number, is_noted: boolean, drawn: integer?,
--- error: number?, within: number?

--- The expectation of a whole plan from those of its streams, and the share of its requests that lie wholly
--- inside their shared prefix. Its rows are made when they are first asked for: a plan may have thousands of
--- streams at which nobody looks.
---@param duration number seconds
---@param count integer of streams
---@param means moontide.means of one stream
---@param row fun(i: integer): string, moontide.process, table its name, its process and what core.plan.expect
--- gives of it
---@return moontide.expected, number inside
function expected.new(duration, count, means, row)
  local self = { duration = duration, requests = 0, sessions = 0 }
  local weights, input, output, with_output, inside, wrong, later = 0, 0, 0, 0, 0, 0, 0
  local noted = {}
  for i = 1, count do
    local requests, sessions, input_mean, output_mean, share, is_inside, is_noted, drawn, error_of, within =
      means(i)
    -- What cannot be counted still has lengths: alone it is the mean, beside others it is left out.
    local weight = requests == requests and requests or (count == 1 and 1 or 0)
    self.requests, self.sessions = self.requests + requests, self.sessions + sessions
    if drawn then self.drawn = (self.drawn or 0) + drawn end
    if error_of then wrong = wrong + (error_of * requests) ^ 2 end
    if is_noted then noted[#noted + 1] = i end
    weights = weights + weight
    input = input + weight * input_mean
    output = output + weight * share * output_mean
    with_output = with_output + weight * share
    inside = inside + weight * is_inside
    later = later + ((within or requests) - requests)
  end
  self.input_length = weights > 0 and input / weights or 0
  self.output_length = with_output > 0 and output / with_output or nil
  self.within = self.requests + later
  kept[self] = { row = row, count = count, noted = noted }
  if wrong > 0 then self.error = math.sqrt(wrong) / self.requests end
  return setmetatable(self, expected_type), weights > 0 and inside / weights or 0
end

-- The rows, at the first look.
function expected_type:__index(key)
  if key ~= "streams" then return nil end
  local made, streams = kept[self], {}
  for i = 1, made.count do streams[i] = stream_row(made.row(i)) end
  self.streams, made.row = streams, nil
  return streams
end

--- The rows of which there is something to say: shared tokens that fill no block, a rate below 0.
---@param self moontide.expected
---@return table[]
function expected.noted(self)
  local rows = {}
  for i, at in ipairs(kept[self].noted) do rows[i] = self.streams[at] end
  return rows
end

--- Puts texts in the place of its rows' processes: to print thousands of them is dear where nobody looks.
---@param self moontide.expected
function expected.name_processes(self)
  for _, row in ipairs(self.streams) do row.process = tostring(row.process) end
end

local whole_members = { "duration", "requests", "within", "sessions", "input_length", "output_length" }
local row_members = { "requests", "within", "sessions", "input_length", "output_length", "shared",
  "whole_shared", "clamped_at", "process" }

-- { name, value } of each; what is not known is null.
local function members_of(values, names)
  local members = {}
  for i, name in ipairs(names) do
    local value = values[name]
    members[i] = { name, type(value) == "number" and math.tointeger(value) or value }
  end
  return members
end

local class_members = { "requests", "input_length", "output_length" }

-- The members of a stream's row: with its classes by their names, where they are known.
local function row_object(row)
  local members, classes = members_of(row, row_members), {}
  for i, class in ipairs(row.classes or {}) do
    classes[i] = { class.name, json.object(members_of(class, class_members)) }
  end
  if row.classes then members[#members + 1] = { "classes", json.object(classes) } end
  if row.over_seeds then
    members[#members + 1] = { "over_seeds",
      json.object(members_of(row.over_seeds, { "requests", "error", "deviation" })) }
  end
  if row.counts_classes then members[#members + 1] = { "counts_classes", true } end
  return json.object(members)
end

--- Its members for JSON, { name, value } each; the streams are an object by their names.
---@param self moontide.expected
---@return table[]
function expected.members(self)
  local members, streams = members_of(self, whole_members), {}
  for i, row in ipairs(self.streams) do
    streams[i] = { row.name, row_object(row) }
  end
  if self.drawn then members[#members + 1] = { "drawn", self.drawn } end
  if self.error then members[#members + 1] = { "error", self.error } end
  if self.part then
    members[#members + 1] = { "shard", ("%d/%d"):format(self.part.index, self.part.count) }
  end
  members[#members + 1] = { "streams", json.object(streams) }
  return members
end

function expected_type:__json()
  return json.object(expected.members(self))
end

--- Its classes as a table, and which streams' classes no formula knows; nil where no stream has classes.
---@param self moontide.expected
---@return string?
function expected.classes(self)
  local rows, lines = { { "class on average", "requests", "per second", "mean ISL", "mean OSL" } }, {}
  for _, row in ipairs(self.streams) do
    for _, class in ipairs(row.classes or {}) do
      local name = #self.streams > 1 and ("%s of '%s'"):format(class.name, row.name) or class.name
      rows[#rows + 1] = { name, grouped(class.requests), per_second(class.requests, self.duration),
        tokens(class.input_length), tokens(class.output_length) }
    end
    if row.counts_classes then
      lines[#lines + 1] = ("stream '%s': no formula knows its classes: they are counted in the run of this "
        .. "seed"):format(row.name)
    end
  end
  if #rows > 1 then table.insert(lines, 1, texts.aligned(rows)) end
  return #lines > 0 and table.concat(lines, "\n") or nil
end

local function copy(of)
  local other = {}
  for key, value in pairs(of) do other[key] = value end
  return other
end

--- The same, with how many of the requests come within the duration.
---@param self moontide.expected
---@param areas number[][] requests in bins of the duration, a list a stream
---@return moontide.expected
function expected.within(self, areas)
  local other = setmetatable(copy(self), expected_type)
  other.streams, other.within = {}, 0
  for i, one in ipairs(self.streams) do
    local row, sum = copy(one), 0
    for _, requests in ipairs(areas[i]) do sum = sum + requests end
    if one.sessions > 0 and sum == sum then row.within = math.min(sum, one.requests) end
    other.streams[i], other.within = row, other.within + row.within
  end
  return other
end

--- What one shard of several makes of it.
---@param self moontide.expected
---@param shard { index: integer, count: integer }
---@return moontide.expected
function expected.of_shard(self, shard)
  local other = setmetatable(copy(self), expected_type)
  other.part, other.streams = shard, {}
  for i, one in ipairs(self.streams) do
    other.streams[i] = copy(one)
    other.streams[i].classes = one.classes and copy(one.classes)
  end
  for _, row in ipairs { other, table.unpack(other.streams) } do
    for _, name in ipairs { "requests", "within", "sessions" } do row[name] = row[name] / shard.count end
    for i, class in ipairs(row.classes or {}) do
      row.classes[i] = copy(class)
      row.classes[i].requests = class.requests / shard.count
    end
  end
  return other
end

return expected
