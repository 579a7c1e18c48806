--- Streams and workloads: what a script returns, and what can be done with it.
--
-- A stream is an arrival process with lengths, a prompt source and fields; a workload is streams and
-- other workloads. Both are values: nothing is made before a method asks for it.
local core = require "moontide.core"
local distribution = require "moontide.distribution"
local options = require "moontide.options"
core.base.own()

local workload = {}
local public = {}
local methods = {}

---@class moontide.stream
local stream_type = { __name = "moontide.stream" }
---@class moontide.classes
local classes_type = { __name = "moontide.classes" }
---@class moontide.workload
local workload_type = { __name = "moontide.workload", __index = methods }

local default_duration, default_block_size = 60, 512

-- --- values ---------------------------------------------------------------------------------------

local function is_type(value, type_name)
  local metatable = getmetatable(value)
  return type(metatable) == "table" and metatable.__name == type_name
end

local function check_type(value, type_name, what, allowed)
  if value ~= nil and not is_type(value, type_name) then options.wrong(what, value, allowed) end
  return value
end

-- --- fields ---------------------------------------------------------------------------------------

local our_members = {
  timestamp = true, input_length = true, output_length = true, hash_ids = true, session_id = true,
  delay = true, stream = true,
}

local function add_field(fields, json, key, value)
  local name = json.encode(key)
  if is_type(value, "moontide.distribution") then
    core.plan.add_number(fields, name, value)
  elseif is_type(value, "moontide.choice") then
    local texts = {}
    for i, one in ipairs(value.values) do texts[i] = json.encode(one) end
    core.plan.add_choice(fields, name, texts, value.weights)
  else
    core.plan.add_constant(fields, name, json.encode(value))
  end
end

-- Further members of a stream's records, in the order of their names; nil when there are none.
local function fields_of(given, where)
  if given == nil or next(given) == nil then return nil end
  local json = require("moontide.json").public.json
  local keys = {}
  for key in pairs(given) do
    if type(key) ~= "string" then
      core.base.raise(("%s: fields must have names, not %s"):format(where, options.show(key)))
    elseif our_members[key] then
      core.base.raise(("%s: fields cannot set '%s': the record has it"):format(where, key))
    end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  local fields = core.plan.fields()
  for _, key in ipairs(keys) do add_field(fields, json, key, given[key]) end
  return fields
end

-- --- lengths --------------------------------------------------------------------------------------

-- The pair {input, is_new, output or false} of a stream or class; exactly one input is given.
local function pair_of(values, where)
  if (values.input == nil) == (values.new_input == nil) then
    core.base.raise(where .. (values.input == nil
      and ": input= (the whole prompt) or new_input= (what is added to its shared part) is required"
      or ": input= is the whole prompt, new_input= what is added to its shared part: give one of them"))
  end
  local is_new = values.new_input ~= nil
  local name = is_new and "new_input" or "input"
  local output = false
  if values.output ~= nil then output = distribution.of(values.output, where .. ": output") end
  return { distribution.of(values[name], where .. ": " .. name), is_new, output }
end

local class_options = {
  { "input", kind = "length" }, { "new_input", kind = "length" }, { "output", kind = "length" },
  { "prompt", kind = "any" }, { "fields", kind = "any" },
  items = true,
}

--- Classes of request: each has its lengths and may have its prompts and fields; weights may be curves.
---@param list table[] { weight, input= | new_input=, output=, prompt=, fields= }
---@return moontide.classes
function public.classes(list)
  if type(list) ~= "table" or #list == 0 then
    core.base.raise "classes: needs at least one class, as in classes{ {1, input=100, output=20} }"
  end
  local pairs_list, prompts, fields = {}, {}, {}
  for i, class in ipairs(list) do
    local where = ("classes: class %d"):format(i)
    local values = options.table(where, class, class_options)
    if values[1] == nil then core.base.raise(where .. " begins with its weight") end
    local pair = pair_of(values, where)
    pair[4] = require("moontide.curve").of(values[1], where .. ": weight")
    pairs_list[i] = pair
    prompts[i] = check_type(values.prompt, "moontide.prompt", where .. ": prompt", "a prompt source") or false
    fields[i] = fields_of(values.fields, where) or false
  end
  return setmetatable({ lengths = core.lengths.classes(pairs_list), prompts = prompts, fields = fields },
    classes_type)
end

-- --- streams --------------------------------------------------------------------------------------

local stream_options = {
  { "name", kind = "string" },
  { "arrivals", kind = "any", required = true },
  { "input", kind = "length" }, { "new_input", kind = "length" }, { "output", kind = "length" },
  { "lengths", kind = "any" },
  { "prompt", kind = "any" },
  { "fields", kind = "any" },
}

--- A stream of requests: when they come, how long they are, who shares which prefix.
---@param opt {name?: string, arrivals: moontide.process, input?: any, new_input?: any, output?: any, lengths?: moontide.classes, prompt?: moontide.prompt, fields?: table}
---@return moontide.stream
function public.stream(opt)
  local values = options.table("stream", opt, stream_options)
  local where = values.name and ("stream '%s'"):format(values.name) or "stream"
  check_type(values.arrivals, "moontide.process", where .. ": arrivals",
    "an arrival process such as mt.poisson(20)")
  check_type(values.prompt, "moontide.prompt", where .. ": prompt", "a prompt source such as mt.unique()")
  check_type(values.lengths, "moontide.classes", where .. ": lengths", "mt.classes{...}")
  if values.name == "" then core.base.raise "stream: a name cannot be empty" end
  local self = {
    name = values.name, process = values.arrivals,
    prompt = values.prompt or core.prompt.unique(),
    fields = fields_of(values.fields, where),
  }
  if values.lengths then
    if values.input or values.new_input or values.output then
      core.base.raise(where .. ": lengths= has the input and output lengths: leave out input=, new_input=, output=")
    end
    self.lengths = values.lengths.lengths
    self.class_prompts, self.class_fields = values.lengths.prompts, values.lengths.fields
  else
    self.lengths = core.lengths.pair(pair_of(values, where))
  end
  return setmetatable(self, stream_type)
end

function stream_type.__tostring(self)
  return ("stream %s: %s, %s"):format(self.name or "main", tostring(self.process), tostring(self.prompt))
end

-- --- workloads ------------------------------------------------------------------------------------

-- All streams with their full names, rate factor and end, those of workloads inside included.
local function flatten(self, prefix, factor, last, into)
  factor = factor * self.factor
  last = math.min(last, self.duration or math.huge)
  for i, member in ipairs(self.members) do
    if is_type(member, "moontide.stream") then
      local name = member.name
      if not name and #self.members > 1 then
        core.base.raise(("workload: stream %d has no name; where there are several each needs one"):format(i))
      end
      into[#into + 1] = { name = prefix .. (name or "main"), stream = member, factor = factor, last = last }
    else
      local inner = member.name or member.script_name
      flatten(member, inner and prefix .. inner .. "/" or prefix, factor, last, into)
    end
  end
  return into
end

local function check_names(streams)
  local seen = {}
  for _, entry in ipairs(streams) do
    if seen[entry.name] then
      core.base.raise(("workload: two streams are named '%s'"):format(entry.name))
    end
    seen[entry.name] = true
  end
end

local function check_members(self)
  if #self.members == 0 then core.base.raise "workload: needs at least one stream" end
  for i, member in ipairs(self.members) do
    if is_type(member, "moontide.workload") then
      if member.given_block_size and member.block_size ~= self.block_size then
        core.base.raise(("workload: the block_size of '%s' is %d, that of the workload around it %d"):format(
          member.name or member.script_name or "the inner workload", member.block_size, self.block_size))
      end
    elseif not is_type(member, "moontide.stream") then
      options.wrong(("workload: member %d"):format(i), member, "a stream or a workload")
    end
  end
end

local workload_options = {
  { "name", kind = "string" },
  { "duration", kind = "duration", above = 0 },
  { "block_size", kind = "integer", min = 1 },
  items = true,
}

--- A workload: named streams and other workloads that run together.
---@param opt {name?: string, duration?: number|string, block_size?: integer, [integer]: moontide.stream|moontide.workload}
---@return moontide.workload
function public.workload(opt)
  local values = options.table("workload", opt, workload_options)
  local self = setmetatable({
    name = values.name, duration = values.duration,
    block_size = values.block_size or default_block_size,
    given_block_size = values.block_size ~= nil,
    members = table.move(values, 1, #values, 1, {}),
    factor = 1,
    where = core.base.where(),
  }, workload_type)
  check_members(self)
  self.streams = flatten(self, "", 1, math.huge, {})
  check_names(self.streams)
  return self
end

--- Is the value a workload?
---@param value any
---@return boolean
function workload.is(value)
  return is_type(value, "moontide.workload")
end

local function copy(self)
  local other = {}
  for key, value in pairs(self) do other[key] = value end
  other.plan = nil
  return setmetatable(other, workload_type)
end

--- The workload as made by a script: its streams get the script's name inside another workload.
---@param self moontide.workload
---@param name string
---@return moontide.workload
function workload.with_script_name(self, name)
  local named = copy(self)
  named.script_name = name
  return named
end

--- All rates times k; request number k keeps its lengths and prefix at every scale.
---@param k number above 0
---@return moontide.workload
function methods:scale(k)
  k = options.number(k, "scale: the factor")
  if k <= 0 then core.base.raise(("scale: the factor must be above 0, not %s"):format(options.show(k))) end
  local scaled = copy(self)
  scaled.factor = self.factor * k
  scaled.streams = flatten(scaled, "", 1, math.huge, {})
  return scaled
end

-- The plan in core, made once.
local function plan_of(self)
  if self.plan then return self.plan end
  local plan = core.plan.new(self.block_size)
  for _, entry in ipairs(self.streams) do
    local stream = entry.stream
    core.plan.add(plan, {
      name = entry.name, process = stream.process, lengths = stream.lengths, prompt = stream.prompt,
      fields = stream.fields, class_prompts = stream.class_prompts, class_fields = stream.class_fields,
      factor = entry.factor, last = entry.last,
    })
  end
  self.plan = plan
  return plan
end

-- --- durations ------------------------------------------------------------------------------------

local function longest_curve(self)
  local longest
  for _, entry in ipairs(self.streams) do
    local duration = math.min(core.process.duration(entry.stream.process), entry.last)
    if duration < math.huge then longest = math.max(longest or 0, duration) end
  end
  return longest
end

--- How long the workload is: what is asked, else its own, else its longest finite curve, else 60 s.
---@param self moontide.workload
---@param asked? number seconds
---@param fallback? number seconds, instead of 60
---@return number seconds
function workload.duration(self, asked, fallback)
  return asked or self.duration or longest_curve(self) or fallback or default_duration
end

--- Lines that say where a curve ends before the workload does, or is cut by its end.
---@param self moontide.workload
---@param duration number seconds
---@return string[]
function workload.duration_notes(self, duration)
  local notes = {}
  for _, entry in ipairs(self.streams) do
    local curve = core.process.duration(entry.stream.process)
    if curve < math.huge and math.abs(curve - duration) > 1e-9 * duration then
      notes[#notes + 1] = ("stream '%s': its curve lasts %.9g s, the workload %.9g s: it %s"):format(
        entry.name, curve, duration, curve < duration and "ends early" or "is cut")
    end
  end
  return notes
end

-- --- what it will be ------------------------------------------------------------------------------

---@class moontide.expected
---@field duration number seconds
---@field requests number
---@field input_length number mean tokens
---@field output_length number? mean tokens of the requests that have one
---@field streams table[] the same a stream, with name
local expected_type = { __name = "moontide.expected" }

local function grouped(number, decimals)
  local whole, rest = string.format("%." .. decimals .. "f", number):match "^(%-?%d+)(.*)$"
  whole = whole:reverse():gsub("(%d%d%d)", "%1 "):reverse():gsub("^ ", ""):gsub("^%- ", "-")
  return whole .. rest
end

local function expected_row(name, row, duration)
  local output = row.output_length and ("%.1f"):format(row.output_length) or "-"
  return { name, grouped(row.requests, 1), ("%.6g"):format(row.requests / duration),
    ("%.1f"):format(row.input_length), output }
end

local function aligned(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, utf8.len(cell) or #cell) end
  end
  local lines = {}
  for _, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      local space = (" "):rep(widths[i] - (utf8.len(cell) or #cell))
      cells[i] = i == 1 and cell .. space or space .. cell
    end
    lines[#lines + 1] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return table.concat(lines, "\n")
end

function expected_type.__tostring(self)
  local rows = { { "stream", "requests", "per second", "mean ISL", "mean OSL" } }
  if #self.streams > 1 then
    for _, row in ipairs(self.streams) do rows[#rows + 1] = expected_row(row.name, row, self.duration) end
  end
  local name = #self.streams == 1 and self.streams[1].name or "all"
  rows[#rows + 1] = expected_row(name, self, self.duration)
  return ("expected over %.9g s:\n"):format(self.duration) .. aligned(rows)
end

local function check_inside(self, expected, inside)
  if expected.requests > 0 and inside > 0.5 * expected.requests then
    error(self.where .. "more than half of the prompts lie wholly inside their shared prefix: input= is the "
      .. "whole prompt (did you mean new_input=, what comes after the prefix?)", 0)
  end
end

--- Expected totals of a run, without random numbers: a value whose tostring is a table.
---@param self moontide.workload
---@param duration number seconds
---@param seed integer
---@param factor number
---@return moontide.expected
function workload.expect(self, duration, seed, factor)
  local plan, rows = plan_of(self), {}
  local expected = { duration = duration, requests = 0, streams = rows }
  local input, output, with_output, inside = 0, 0, 0, 0
  for i, entry in ipairs(self.streams) do
    local one = core.plan.expect(plan, i, seed, duration, factor)
    rows[i] = {
      name = entry.name, requests = one.requests, input_length = one.input_mean,
      output_length = one.output_share > 0 and one.output_mean or nil,
      clamped_at = one.clamped_at, shared = one.shared_mean, whole_shared = one.whole_shared_mean,
    }
    expected.requests = expected.requests + one.requests
    input = input + one.requests * one.input_mean
    output = output + one.requests * one.output_share * one.output_mean
    with_output = with_output + one.requests * one.output_share
    inside = inside + one.requests * one.inside
  end
  expected.input_length = expected.requests > 0 and input / expected.requests or 0
  expected.output_length = with_output > 0 and output / with_output or nil
  check_inside(self, expected, inside)
  return setmetatable(expected, expected_type)
end

--- Starts a run: core's userdata, for core.plan.next, write, columns, count, digest.
---@param self moontide.workload
---@param opt {seed?: integer, duration: number, num_requests?: integer, rate_scale?: number, shard?: {index: integer, count: integer}, tags?: boolean, compact?: boolean, whole_milliseconds?: boolean}
---@return userdata|nil run, string? message, string? code
function workload.run(self, opt)
  return core.plan.run(plan_of(self), {
    seed = opt.seed, duration = opt.duration, most = opt.num_requests, factor = opt.rate_scale,
    shard = opt.shard and opt.shard.index, shards = opt.shard and opt.shard.count,
    tags = opt.tags, compact = opt.compact, whole_milliseconds = opt.whole_milliseconds,
  })
end

-- The options of a method, with the duration decided and the plan's sense checked.
local function run_options(self, name, opt)
  local values = options.table(name, opt, require("moontide.common").workload_options)
  values.duration = workload.duration(self, values.duration)
  workload.expect(self, values.duration, values.seed, 1)
  return values
end

--- Expected requests, ISL and OSL, stream by stream, without random numbers.
---@param opt? {duration?: number|string, seed?: integer}
---@return moontide.expected
function methods:expected(opt)
  local values = run_options(self, "expected", opt)
  return workload.expect(self, values.duration, values.seed, 1)
end

local function raise_failure(message)
  error(message, 0)
end

--- Iterates over the requests in time order: for r in w:requests{ seed = 1 } do ... end. A failure while
--- iterating raises.
---@param opt? {seed?: integer, duration?: number|string, num_requests?: integer, shard?: string}
---@return fun(): table|nil
function methods:requests(opt)
  local run, message = workload.run(self, run_options(self, "requests", opt))
  if not run then raise_failure(message) end
  return function()
    local request, trouble = core.plan.next(run)
    if trouble then raise_failure(trouble) end
    return request
  end
end

--- All requests as columns in memory; nil, message, code when that fails.
---@param opt? {seed?: integer, duration?: number|string, num_requests?: integer, shard?: string}
---@return moontide.columns|nil, string? message, string? code
function methods:columns(opt)
  local run, message, code = workload.run(self, run_options(self, "columns", opt))
  if not run then return nil, message, code end
  return core.plan.columns(run)
end

--- Writes the trace; gives the number of requests, or nil, message, code.
---@param path string "-" is standard output; compressed when it ends in .gz
---@param opt? {seed?: integer, duration?: number|string, num_requests?: integer, shard?: string}
---@return integer|nil, string? message, string? code
function methods:write(path, opt)
  local values = run_options(self, "write", opt)
  return require("moontide.generate").write(self, path, values)
end

--- The rate over time, expected and as it comes out for a seed, with mean ISL and OSL: a value whose
--- tostring is the picture.
---@param opt? {seed?: integer, duration?: number|string, num_requests?: integer, shard?: string}
---@return moontide.picture
function methods:plot(opt)
  return require("moontide.generate").plot(self, run_options(self, "plot", opt))
end

function workload_type.__tostring(self)
  local names = {}
  for i, entry in ipairs(self.streams) do names[i] = entry.name end
  return ("workload%s: %d stream%s (%s), %.9g s"):format(self.name and " " .. self.name or "", #names,
    #names == 1 and "" or "s", table.concat(names, ", ", 1, math.min(#names, 5))
    .. (#names > 5 and ", ..." or ""), workload.duration(self))
end

workload.public = public
workload.methods = { methods }

return workload
