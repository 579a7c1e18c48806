--- How much memory a run will need, as far as that can be known before it starts, and the bound on it.
--
-- Three things grow. Every request leaves a figure for each metric. Requests that are ready before they are
-- due wait, with their bodies. And each stream in flight has its state, its body and its times. In the open
-- loop the server decides how many are in flight: an answer is reckoned to take a second and 30 ms a token,
-- and no longer than --timeout total= lets it.
local texts = require "moontide.kit.text"

local memory = {}

local megabyte = 1 << 20

-- Bytes, measured; of arrays that double when they are full the larger half of their room is counted.
local of_figures = 250                                    -- of a request, in all metrics
local of_row, most_rows, most_bodies = 600, 64 * megabyte, 64 * megabyte
local of_token = 6                                        -- in a body or an answer: a word, an id
local of_stream = { direct = 4000, curl = 24000, tls = 90000 }
local of_gap = 4                                          -- between two chunks of a stream
local to_first, per_token = 1, 0.03                       -- seconds that an answer is reckoned to take

---@class moontide.drive_size
---@field requests number? how many there are to be; nil: nobody knows
---@field rate number? a second
---@field input number? mean tokens of a prompt
---@field output number? mean tokens of an answer

local function stream_bytes(opt)
  local urls = table.concat(opt.url, "\n"):lower()
  if urls:find("https://", 1, true) then return of_stream.tls end
  return opt.transport == "curl" and of_stream.curl or of_stream.direct
end

local function in_flight(opt, size)
  if opt.concurrency then return opt.concurrency end
  local longest = to_first + per_token * (size.output or 0)
  for _, one in ipairs(opt.timeout or {}) do
    if one.name == "total" then longest = math.min(longest, one.seconds) end
  end
  return size.rate and size.rate * longest or 0
end

--- What the run needs, the most first, and the sum: bytes.
---@param opt table by drive/options.lua
---@param size moontide.drive_size
---@param has_phases boolean
---@return { what: string, bytes: number }[] parts, number sum
function memory.of(opt, size, has_phases)
  local requests = size.requests or 0
  local body, output = of_token * (size.input or 0), size.output or 0
  local streams = math.max(in_flight(opt, size), opt.connections or 0)
  if size.requests then streams = math.min(streams, math.max(requests, opt.connections or 0)) end
  local parts = {
    { what = ("figures of %s"):format(texts.grouped_count(math.floor(requests), "request")),
      bytes = requests * of_figures * (1 + (opt.by and 1 or 0) + (has_phases and 1 or 0)) },
    { what = "requests made ready before they are due",
      bytes = math.min(most_rows, requests * of_row)
        + math.min(most_bodies, math.min(requests, size.rate or requests) * body) },
    { what = ("%s in flight"):format(texts.grouped_count(math.floor(streams), "stream")),
      bytes = streams * (stream_bytes(opt) + body + of_gap * output) },
    { what = "answers kept by --live-history",
      bytes = opt.live_history and requests * of_token * output or 0 },
  }
  local sum = 0
  for _, one in ipairs(parts) do sum = sum + one.bytes end
  table.sort(parts, function(a, b) return a.bytes > b.bytes end)
  return parts, sum
end

local function number_in(path, pattern)
  local file = io.open(path)
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return tonumber(text:match(pattern))
end

--- Bytes that a run may need when nobody says: half of the machine's memory, or of its container's.
---@return number? nil where the machine does not say how much it has
function memory.default()
  local total = number_in("/proc/meminfo", "MemTotal:%s*(%d+) kB")
  local of_container = number_in("/sys/fs/cgroup/memory.max", "^(%d+)")
  local least = math.min(total and 1024 * total or math.huge, of_container or math.huge)
  return least < math.huge and least / 2 or nil
end

local function shown(bytes)
  if bytes < 1024 * megabyte then return ("%.3g MB"):format(bytes / megabyte) end
  return ("%.3g GB"):format(bytes / megabyte / 1024)
end

--- Why the run is refused: it would need more than it may. nil: it may run, as far as is known.
---@param opt table by drive/options.lua
---@param size moontide.drive_size
---@param has_phases boolean each request's figures are in a phase too
---@return string?
function memory.refusal(opt, size, has_phases)
  local limit = opt.max_memory or memory.default()
  local parts, sum = memory.of(opt, size, has_phases)
  if not limit or sum <= limit then return nil end
  local needs = {}
  for _, one in ipairs(parts) do
    if one.bytes >= 0.01 * sum then needs[#needs + 1] = ("%s %s"):format(one.what, shown(one.bytes)) end
  end
  return ("the run would need about %s of memory (%s), and %s is what it may have (--max-memory%s)"):format(
    shown(sum), table.concat(needs, ", "), shown(limit), opt.max_memory and "" or "; half of what there is")
end

return memory
