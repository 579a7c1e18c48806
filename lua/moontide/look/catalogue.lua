--- All figures there are, by what they are of: what --list prints and --what chooses from.
local core = require "moontide.core"
local nearest = require "moontide.kit.nearest"
local run = require "moontide.look.run"
local sweep_figures = require "moontide.look.sweep_figures"
local trace = require "moontide.look.trace"

local catalogue = {}

-- { kinds of subjects, heading, figures: { name, summary, make }, those that are drawn unless others are
-- chosen }
local groups = {
  { kinds = { trace = true, plan = true }, title = "a trace, or a script's plan", figures = trace.figures,
    usual = { "rate", "tokens", "input_length", "output_length", "hit_curve", "sessions" } },
  { kinds = { analysis = true }, title = "an analysis", figures = trace.of_analyses, usual = { "hit_curve" },
    is_hidden = true },
  { kinds = { run = true }, title = "a run", figures = run.figures,
    usual = { "rates", "ttft", "itl", "latency", "in_flight", "lag", "ttft_cdf", "latency_cdf" } },
  { kinds = { sweep = true }, title = "a sweep", figures = sweep_figures.figures,
    usual = { "itl_p50", "itl_avg", "request_throughput", "ttft_avg", "efficiency", "throughput_latency" } },
}

local function group_of(kind)
  for _, group in ipairs(groups) do
    if group.kinds[kind] then return group end
  end
end

--- The list of all figures for people.
---@return string
function catalogue.text()
  local lines = {}
  for _, group in ipairs(groups) do
    if group.is_hidden then goto continue end
    lines[#lines + 1] = (#lines > 0 and "\n" or "") .. "Figures of " .. group.title .. ":"
    local usual = {}
    for _, name in ipairs(group.usual) do usual[name] = true end
    for _, one in ipairs(group.figures) do
      lines[#lines + 1] = ("  %-18s %s%s"):format(one[1], one[2], usual[one[1]] and " *" or "")
    end
    ::continue::
  end
  lines[#lines + 1] = "\n* is drawn unless --what chooses others."
  return table.concat(lines, "\n")
end

local function find(group, name, option)
  local names = {}
  for i, one in ipairs(group.figures) do
    if one[1] == name then return one end
    names[i] = one[1]
  end
  core.base.raise(("%s: there is no figure '%s' of %s%s; 'moontide plot --list' says what there is"):format(
    option, name, group.title, nearest.hint(name, names)))
end

--- The figures of subjects of one kind: those of these names, which must be there; without names the usual
--- ones that there are.
---@param subjects moontide.look_subject[]
---@param names string[]?
---@param option? string what these names were given as, for messages
---@return moontide.figure[]? figures, string? message, string? code
function catalogue.figures(subjects, names, option)
  local group, made, reason = group_of(subjects[1].kind), {}, nil
  local chosen = {}
  for i, name in ipairs(names or group.usual) do
    chosen[i] = find(group, name, option or "plot: --what")
  end
  for _, one in ipairs(chosen) do
    local figure, why = one[3](subjects)
    if not figure and names then
      return nil, ("%s: no %s: %s"):format(subjects[1].name, one[1], why), "input"
    end
    reason = reason or why
    made[#made + 1] = figure
  end
  if #made == 0 then return nil, ("%s: nothing to draw: %s"):format(subjects[1].name, reason), "input" end
  return made
end

--- All figures that there are of subjects.
---@param subjects moontide.look_subject[]
---@return moontide.figure[]
function catalogue.all(subjects)
  local made = {}
  for _, one in ipairs(group_of(subjects[1].kind).figures) do made[#made + 1] = (one[3](subjects)) end
  return made
end

return catalogue
