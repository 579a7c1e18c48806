--- The options of a synthesis: mt.synthesizer's in a table, and the command's.
local knobs = require "moontide.learn.knobs"
local options = require "moontide.kit.options"
local plan_times = require "moontide.synthesis.plan_times"
local units = require "moontide.kit.units"
local workload = require "moontide.load.workload"

local synthesis_options = {}

local most_times = 1e9

-- A number of requests; of "10x", ten times the source's, the table { times = 10 }.
local function request_count(value, what)
  local is_times = type(value) == "table" and getmetatable(value) == nil and value.times ~= nil
  local text = is_times and value.times or type(value) == "string"
    and (value:match "^%s*(.-)[xX]%s*$" or value:match "^%s*[xX](.+)$")
  if text then
    local ok, times = pcall(units.number, text, what, true)
    if ok and times > 0 and times <= most_times then return { times = times } end
  else
    local ok, count = pcall(units.integer, value, what)
    if ok and count >= 1 then return count end
  end
  units.wrong(what, value, "a whole number, 1 or more, or times the source's number, as 10x")
end

options.kinds.request_count = { convert = request_count, placeholder = "N|Nx" }

-- "source", "follow", "resample", "iid", a script that has a plan, or (from Lua) a workload.
local own_arrivals = { iid = "iid", source = "source", follow = "follow", resample = "resample" }

local function arrivals(value, what)
  if own_arrivals[value] then return own_arrivals[value] end
  if workload.is(value) then return value end
  if plan_times.names_script(value) then return value end
  units.wrong(what, value, "source, follow, resample, iid, or a script with a plan, as evening.lua")
end

options.kinds.arrivals = { convert = arrivals, placeholder = "source|follow|resample|iid|SCRIPT" }

--- Are the arrivals those of a plan?
---@param opt table
---@return boolean
function synthesis_options.takes_plan(opt)
  return opt.arrivals ~= nil and not own_arrivals[opt.arrivals]
end

--- What mt.synthesizer and the command take, the command with hyphens.
synthesis_options.list = {
  { "method", kind = "choice", choices = { "reuse", "radix" }, default = "reuse",
    help = "reuse: prompts come back when the source's did; radix: each is drawn by itself from the tree "
      .. "of prefixes" },
  { "arrivals", kind = "arrivals",
    help = "follow: sessions begin and go on as the source's do, along its rate (default of reuse, for it "
      .. "keeps what caches, clocks and sessions see); resample: they begin at other times, bunched alike; "
      .. "source: follow, or gaps in the source's order where sessions are not known; iid: gaps drawn by "
      .. "themselves (default of radix); a script: the times of its plan" },
  { "with-sessions", kind = "flag",
    help = "write which session a request is of, as session_id, and the delay since its last answer, as if "
      .. "answers took 0.2 s and 20 ms a token (needs follow, the default, or resample)" },
  { "duration", kind = "duration", above = 0,
    help = "how long the plan of --arrivals SCRIPT is (default: as the script says)" },
  { "dequantize", kind = "flag",
    help = "spread the source's times over the ticks of its clock before they are learnt from" },
  { "speed-ratio", kind = "number", above = 0, default = 1, aliases = { "speedup-ratio" },
    help = "divide times by this" },
  { "prefix-len-multiplier", kind = "number", above = 0, default = 1.0,
    help = "stretch what requests share" },
  { "prefix-root-multiplier", kind = "integer", min = 1, default = 1,
    help = "spread over so many populations that share nothing" },
  { "prompt-len-multiplier", kind = "number", above = 0, default = 1.0,
    help = "stretch what is a request's own" },
  { "osl-multiplier", kind = "number", above = 0, default = 1.0, help = "multiply output lengths" },
  { "max-isl", kind = "integer", min = 1, help = "make no request with more input tokens" },
  { "min-isl", kind = "integer", min = 0, help = "make no request with fewer input tokens" },
  { "min-osl", kind = "integer", min = 0, help = "raise output lengths below so many tokens to it" },
  { "max-osl", kind = "integer", min = 0, help = "cut output lengths above so many tokens to it" },
  { "block-size", kind = "integer", min = 1,
    help = "tokens per block (default: 512, or what fits; of a model its own)" },
  { "seed", kind = "seed", default = 0, help = "of the random numbers; 64 bits" },
  { "skip-bad-lines", kind = "flag", help = "pass over lines that cannot be learnt from, and count them" },
}
table.move(knobs.list, 1, #knobs.list, #synthesis_options.list + 1, synthesis_options.list)

-- What would move a knob's one thing again: it is refused beside it.
local not_beside = {
  sessions_at_once = { "prefix_root_multiplier", "min_isl", "max_isl" },
  session_length = { "min_isl", "max_isl" },
  cliff_at = { "prefix_root_multiplier", "prefix_len_multiplier", "prompt_len_multiplier", "min_isl",
    "max_isl" },
}

-- What is wrong with the knobs beside the other options, or nil.
local function knob_mistake(opt, label)
  local first = knobs.first(opt)
  if first and opt.method == "radix" then
    return ("%s needs the reuse method: the radix method knows no sessions and no times"):format(label(first))
  end
  local of_sessions = knobs.first(opt, knobs.of_sessions)
  if of_sessions and opt.arrivals and opt.arrivals ~= "follow" and opt.arrivals ~= "resample" then
    return ("%s needs %s follow, its default, or resample: others do not keep sessions"):format(
      label(of_sessions), label "arrivals")
  end
  for _, knob in ipairs { "sessions_at_once", "session_length", "cliff_at" } do
    for _, other in ipairs(opt[knob] and not_beside[knob] or {}) do
      if opt[other] and (opt[other] ~= 1 or not other:find "multiplier") then
        return ("%s and %s exclude each other: %s would move what the first sets"):format(label(knob),
          label(other), label(other))
      end
    end
  end
  return knobs.mistake(opt, label)
end

--- What is wrong with the options together: a message, or nil. `label` names an option.
---@param opt table
---@param label fun(name: string): string
---@return string?
function synthesis_options.check(opt, label)
  for _, name in ipairs { "isl", "osl" } do
    local least, most = opt["min_" .. name], opt["max_" .. name]
    if least and most and least > most then
      return ("%s (%d) is above %s (%d)"):format(label("min-" .. name), least, label("max-" .. name), most)
    end
  end
  return knob_mistake(opt, label)
end

--- Of the command's options, those of mt.synthesizer.
---@param opt table
---@return moontide.synthesizer_options
function synthesis_options.of_command(opt)
  local given = {}
  for _, option in ipairs(synthesis_options.list) do
    local key = options.key(option[1])
    given[key] = opt[key]
  end
  return given
end

--- The new trace's file where none is named: beside the input, and named after what was asked for.
---@param opt table the command's options
---@return string
function synthesis_options.output_name(opt)
  local name = ("%s_synth_%dx%d+%s_speedup%s"):format(
    opt.input_file:gsub("%.gz$", ""):gsub("%.zst$", ""):gsub("([^/])%.[^./]*$", "%1"),
    opt.prefix_len_multiplier // 1 | 0, opt.prefix_root_multiplier,
    options.python_number(opt.prompt_len_multiplier, true),
    options.python_number(opt.speed_ratio, options.given(opt, "speed-ratio")))
  for _, bound in ipairs { "max_isl", "min_isl", "min_osl", "max_osl" } do
    if opt[bound] then name = name .. ("_%s%d"):format(bound:gsub("_", ""), opt[bound]) end
  end
  if opt.osl_multiplier ~= 1 then name = name .. ("_oslx%.1f"):format(opt.osl_multiplier) end
  for _, knob in ipairs(knobs.texts(opt)) do
    name = name .. ("_%s%s"):format(knob[1]:gsub("_", ""), knob[2]:gsub("%s", ""))
  end
  return name .. ".jsonl"
end

return synthesis_options
