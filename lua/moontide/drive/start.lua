--- Starting at a moment of the wall clock, so that the shards of a load on several hosts start together, and
--- what says afterwards that they did.
local core = require "moontide.core"
local drive = require "moontide.drive"
local pipe = require "moontide.trace.pipe"
local report = require "moontide.kit.report"

local start = {}

local second = 1000000000 -- ns

-- So long before the start the connections are opened: a server may close an idle one after five seconds.
local lead = 2 * second
local head_start = second // 50 -- in which the first requests are prepared

-- Connections that are opened for a start that is due, where nobody says how many.
local connections, most_connections = 16, 256

--- How many connections to open before the start.
---@param opt table by drive/options.lua
---@return integer
function start.connections(opt)
  if opt.connections > 0 or not opt.start_at or opt.transport == "curl" then return opt.connections end
  for _, url in ipairs(opt.url) do
    if not url:lower():find "^http://" then return 0 end -- libcurl opens one with a request
  end
  return math.min(opt.concurrency or connections, most_connections)
end

local function text_of(moment)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", moment // second)
end

--- Is the start so far away that connections are better opened later?
---@param opt table
---@return boolean
function start.is_far(opt)
  return opt.start_at ~= nil and opt.start_at - drive.epoch() > drive.now() + 2 * lead
end

--- Waits until it is time to open the connections.
---@param opt table
---@return true? done, string? message, string? code
function start.wait(opt)
  report.note("waiting for the start at " .. text_of(opt.start_at))
  return drive.wait_until(opt.start_at - drive.epoch() - lead)
end

--- When the run begins, on the monotonic clock, and how many seconds too late that is; nil: nobody has asked
--- for a time.
---@param opt table
---@param epoch integer ns
---@return integer moment, number? late
function start.moment(opt, epoch)
  local now = drive.now()
  if not opt.start_at then return now + head_start, nil end
  local asked = opt.start_at - epoch
  if asked >= now then return asked, 0 end
  local late = (now + head_start - asked) / 1e9
  report.note(("the start was to be at %s: it is %.3f s late"):format(text_of(opt.start_at), late))
  return now + head_start, late
end

local digest_requests = 10000

-- Of the target's first requests, by which shards of one load are known; nil where they cannot be read twice.
local function digest_of(self)
  if not self.is_plan and self.name ~= "columns" and not drive.file_size(self.name) then return nil end
  return (pipe.read(self.trace, function(source) return core.source.digest(source, digest_requests, 6) end))
end

---@class moontide.drive_shard
---@field index integer from 0
---@field count integer
---@field digest string? of the target's first requests
---@field requests integer[]? of each shard, where the whole was read

--- Which part of which load it is; nil: it is all of it.
---@param self moontide.target
---@param opt table
---@return moontide.drive_shard?
function start.shard(self, opt)
  return opt.shard and { index = opt.shard.index, count = opt.shard.count, digest = digest_of(self) }
end

return start
