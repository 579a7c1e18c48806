--- The requests of a workload: as a source, a pipe, columns, a trace, a digest or a picture.
local core = require "moontide.core"
local expectation = require "moontide.load.workload_expect"
local file = require "moontide.draw.file"
local of_run = require "moontide.load.run_options"
local options = require "moontide.kit.options"
local picture = require "moontide.load.workload_plot"
local pipe = require "moontide.trace.pipe"
local trace_plot = require "moontide.trace.trace_plot"
local workload = require "moontide.load.workload"

local runs = {}
---@class moontide.workload
local methods = {}

---@class moontide.run_options
---@field seed? integer
---@field duration number seconds
---@field num_requests? integer of the whole, over all shards
---@field most_at_once? integer so many requests of one time are an error
---@field rate_scale? number multiplies all rates
---@field shard? {index: integer, count: integer} index from 0
---@field tags? boolean requests have their stream's name, and their class's as a member
---@field compact? boolean
---@field whole_milliseconds? boolean

--- The requests of a run as a source of core.
---@param self moontide.workload
---@param opt moontide.run_options
---@param is_live? boolean sessions and closed loops wait for real answers, which whoever drives it tells it
---@return userdata|nil source, string? message, string? code
function runs.run(self, opt, is_live)
  local source, message, code = core.source.run(workload.plan_of(self, opt.tags), {
    seed = opt.seed, duration = opt.duration, most = opt.num_requests, most_at_once = opt.most_at_once,
    factor = opt.rate_scale,
    tags = opt.tags, compact = opt.compact, whole_milliseconds = opt.whole_milliseconds,
    live = is_live,
  })
  if source and opt.shard then
    source, message, code = core.source.shard(source, opt.shard.index, opt.shard.count)
  end
  if not source then return workload.failed(self, message, code) end
  return source
end

--- The requests of a run as a pipe.
---@param self moontide.workload
---@param opt moontide.run_options
---@param is_live? boolean as runs.run
---@return moontide.pipe
function runs.pipe(self, opt, is_live)
  local text = "workload" .. (self.name and " " .. self.name or "")
  return pipe.new(function() return runs.run(self, opt, is_live) end, text,
    { is_numbered = true, failed = function(message, code) return workload.failed(self, message, code) end })
end

-- More requests than this are not counted for a picture.
local most_plotted = 2e7

-- Seconds; no request comes later.
local longest_plot = 9.1e9

--- The rate over time, expected and as it comes out, with mean ISL and OSL; tostring is the picture.
---@param self moontide.workload
---@param opt table what runs.run takes
---@return moontide.picture|nil, string? message, string? code
function runs.plot(self, opt)
  local whole, failure, why = expectation.shown(self, opt)
  if not whole then return nil, failure, why end
  if math.min(whole.requests, opt.num_requests or math.huge) > most_plotted then
    core.base.raise(("plot: about %.3g requests are too many to draw; a shorter duration or "
      .. "num_requests helps"):format(whole.requests))
  end
  local bins, message, code = pipe.read(runs.pipe(self, opt), function(source)
    return trace_plot.bins(source, 0, math.min(opt.duration, longest_plot), picture.bins)
  end)
  if not bins then return nil, message, code end
  return picture.picture(opt, bins, picture.expected_rates(self, opt, whole))
end

--- Writes a run's trace; gives the number of requests and the seconds of the last one, or nil, message, code.
---@param self moontide.workload
---@param path string
---@param opt table what runs.run takes, compact, and timestamp_digits
---@param watch? { state: userdata?, judge: function? } a profile that takes the requests in while they pass,
--- and what is called when all have: nil, message, code of it leave the file as it was
---@return integer|nil, number|string? last_or_message, string? code
function runs.write(self, path, opt, watch)
  local format = { compact = opt.compact or false, timestamp_digits = opt.timestamp_digits or 3,
    judge = watch and watch.judge }
  local made = runs.pipe(self, opt)
  if watch and watch.state then made = pipe.watched(made, watch.state) end
  local total, run, code = pipe.write(made, path, format,
    function(done) return ("%s: %d requests"):format(path, done) end)
  if not total then return nil, run --[[@as string]], code end
  return total, run.last
end

-- --- methods ---------------------------------------------------------------------------------------

-- The options of a method, with the duration decided and the plan's sense checked.
local function run_options(self, name, opt, spec)
  local values = options.table(name, opt, spec or of_run.requests_spec)
  values.duration = (workload.duration(self, values.duration, nil, values.rate_scale))
  return values, expectation.expect(self, values.duration, values.seed, 1).requests
end

-- Raises where so many requests would be made that they are taken for a mistake.
local function check_count(name, values, expected)
  local requests = math.min(expected, values.num_requests or math.huge)
  if requests > of_run.most_requests and not values.yes then
    core.base.raise(("%s: about %.3g requests would be made; yes = true makes more than 10^9, num_requests "
      .. "fewer"):format(name, requests))
  end
end

-- The options where all requests are made at once.
local function made_options(self, name, opt)
  local values, expected = run_options(self, name, opt, of_run.made_spec)
  check_count(name, values, expected)
  return values
end

---@class moontide.requests_options
---@field duration? number|string seconds; else the workload's own
---@field seed? integer of the random numbers; 0
---@field num_requests? integer stop after so many, of all shards together
---@field shard? string "0/4": the first of four
---@field tags? boolean each has its stream's name, and that of its class as the member "class"; false

---@class moontide.made_options: moontide.requests_options
---@field yes? boolean also more than 10^9 requests, which else are taken for a mistake; false

--- The requests as a pipe, so that steps can be put on them: w:pipe():thin(0.1):speed(2). Each time that it
--- is read they are made anew.
---@param opt? moontide.made_options `yes` is of what reads all of it, pipe:columns and pipe:write
---@return moontide.pipe
function methods:pipe(opt)
  local values, expected = run_options(self, "pipe", opt, of_run.made_spec)
  local made = runs.pipe(self, values)
  made.check = function(name) check_count(name, values, expected) end
  return made
end

--- Iterates over the requests in time order: for r in w:requests{ seed = 1 } do ... end. A failure while
--- iterating raises. Each is a table of its own; where the loop only reads members of it by name
--- (r.timestamp) none is made that nobody would see, and it is nearly as fast as one over
--- w:pipe():members(...).
---@param opt? moontide.requests_options
---@return fun(): table|nil
function methods:requests(opt)
  local reads = core.source.reads()
  return pipe.requests(runs.pipe(self, (run_options(self, "requests", opt))), reads)
end

--- All requests as columns in memory; nil, message, code when that fails.
---@param opt? moontide.made_options
---@return moontide.columns|nil, string? message, string? code
function methods:columns(opt)
  return runs.pipe(self, made_options(self, "columns", opt)):columns()
end

--- Writes the trace; gives the number of requests, or nil, message, code.
---@param path string "-" is standard output; compressed when it ends in .gz or .zst
---@param opt? moontide.made_options
---@return integer|nil, string? message, string? code
function methods:write(path, opt)
  path = options.value(path, "write: the path", { kind = "path" })
  local total, message, code = runs.write(self, path, made_options(self, "write", opt))
  if not total then return nil, message --[[@as string]], code end
  return total
end

local digest_options = {
  of_run.duration, of_run.spec[2], { "num_requests", kind = "integer", min = 1, default = 10000 },
  { "timestamp_digits", kind = "integer", min = 0, max = 6, default = 3 },
}

---@class moontide.digest_options
---@field duration? number|string seconds; else the workload's own
---@field seed? integer of the random numbers; 0
---@field num_requests? integer the first so many; 10 000
---@field timestamp_digits? integer of a millisecond, as they would be written: 3

--- The digest of its first requests, 16 hexadecimal digits: equal for equal requests. It is what --check
--- prints, so that two machines, or a test and what it knew yesterday, can be compared.
---@param opt? moontide.digest_options
---@return string|nil digest, string? message, string? code
function methods:digest(opt)
  local values = run_options(self, "digest", opt, digest_options)
  local most = values.num_requests
  values.num_requests, values.whole_milliseconds = nil, values.timestamp_digits == 0
  return pipe.read(runs.pipe(self, values), function(source)
    return core.source.digest(source, most, values.timestamp_digits)
  end)
end

---@class moontide.workload_plot_options
---@field duration? number|string seconds; else the workload's own
---@field seed? integer of the random numbers; 0
---@field num_requests? integer stop after so many, of all shards together
---@field shard? string "0/4": the first of four
---@field file? string a picture's name: it ends in .png, .svg or .pdf, or in .gnuplot (what gnuplot is given)
---@field what? string[] figures of a plan, as `moontide plot --list` names them

--- The rate over time, expected and as it comes out for a seed, with mean ISL and OSL: a value whose
--- tostring is the picture. With `file` its figures are drawn into that file.
---@param opt? moontide.workload_plot_options
---@return (moontide.picture|true)? done, string? message, string? code
function methods:plot(opt)
  local values = run_options(self, "plot", opt, file.with(of_run.spec))
  if file.is_wanted(values) then return file.plot(self, values) end
  return runs.plot(self, values)
end

---@class moontide
local public = {}

runs.public = public
runs.methods = { { "workload", methods } }

return runs
