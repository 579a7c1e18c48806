--- How large a target is, before it is read: of a plan what is expected, of a file what its first lines and
--- its last one say.
local drive = require "moontide.drive"
local options = require "moontide.kit.options"
local workload = require "moontide.load.workload"
local workload_expect = require "moontide.load.workload_expect"

local extent = {}

extent.endless = 1e9 -- seconds: of a plan that something else ends

local most_lines, tail = 1000, 1 << 16 -- lines looked at; bytes at the end, in which the last line is

local function number_of(line, name)
  return tonumber(line:match('"' .. name .. '"%s*:%s*([%d.]+)'))
end

local function mean_of(list)
  local sum = 0
  for _, value in ipairs(list) do sum = sum + value end
  return #list > 0 and sum / #list or nil
end

-- The last timestamp, in seconds.
local function last_time(file, bytes)
  file:seek("set", math.max(0, bytes - tail))
  local last
  for line in file:read("a"):gmatch "[^\n]+" do last = number_of(line, "timestamp") or last end
  return last and last / 1000
end

-- { requests =, input =, output =, first =, last = (seconds) } of a file of lines; nil: it is none.
local function of_file(path)
  local bytes = drive.file_size(path)
  local file <close> = bytes and bytes > 0 and io.open(path, "rb") or nil
  if not file then return nil end
  local lengths, inputs, outputs, first = {}, {}, {}, nil
  for line in file:lines "L" do
    if #lengths == 0 and not line:find "^%s*{" then return nil end -- compressed, or no trace
    lengths[#lengths + 1] = #line
    inputs[#inputs + 1] = number_of(line, "input_length")
    outputs[#outputs + 1] = number_of(line, "output_length")
    first = first or number_of(line, "timestamp")
    if #lengths == most_lines then break end
  end
  return { requests = bytes / mean_of(lengths), input = mean_of(inputs), output = mean_of(outputs),
    first = first and first / 1000, last = last_time(file, bytes) }
end

-- --num-requests counts the whole, over all shards.
local function of_shard(size, opt)
  local count = opt.shard and opt.shard.count or 1
  local requests = math.min(size.requests or math.huge, opt.num_requests or math.huge)
  size.requests = requests < math.huge and requests / count or nil
  size.rate = size.rate and size.rate / count
  return size
end

-- The part of it that the options leave: requests, and how many of them a second.
local function cut(size, opt)
  local first, last = size.first, size.last
  if first and last and last > first then
    local from = math.max(first, opt.start or first)
    local to = math.min(last, opt["end"] or last)
    if opt.duration and not opt.concurrency then
      to = math.min(to, (opt.start or 0) + opt.duration * opt.speed_ratio)
    end
    local share = math.max(0, to - from) / (last - first)
    size.rate = size.requests / (last - first) * opt.speed_ratio
    size.requests = math.max(1, size.requests * share)
  end
  return of_shard(size, opt)
end

--- Of a trace: a file's name, columns, or anything else, of which only the options say how much.
---@param trace any
---@param opt table by drive/options.lua
---@return moontide.drive_size
function extent.of_trace(trace, opt)
  local size
  if type(trace) == "string" then
    size = of_file(trace)
  elseif options.type_of(trace) == "moontide.columns" then
    size = { requests = #trace }
  end
  return cut(size or {}, opt)
end

--- Of a workload: what is expected of it in so many seconds. What answers end is not known.
---@param made moontide.workload
---@param seconds number
---@param values table seed and rate_scale
---@param opt table by drive/options.lua
---@return moontide.drive_size
function extent.of_workload(made, seconds, values, opt)
  local size = {}
  if seconds >= extent.endless or workload.waits(made).closed then return of_shard(size, opt) end
  local could, one = pcall(workload_expect.expect, made, seconds, values.seed, values.rate_scale or 1)
  if could and one.requests == one.requests then -- NaN: a script's own arrivals
    size = { requests = one.requests, input = one.input_length, output = one.output_length,
      rate = one.within / seconds * opt.speed_ratio }
  end
  return of_shard(size, opt)
end

return extent
