--- The plans of scripts: made for options, and inside one another (mt.plan_of).
local core = require "moontide.core"
local common = require "moontide.script.common"
local options = require "moontide.kit.options"
local run_options = require "moontide.load.run_options"
local script = require "moontide.script.script"
local scripts = require "moontide.script.load"
local system = require "moontide.kit.system"

local plan = {}

---@class moontide
local public = {}

-- The scripts whose plans are being made, innermost last: for relative names and against recursion. It is
-- empty when no plan is being made.
local making = {}

-- One spelling for the ways to write a path. Links are not followed: against these there is `deepest`.
local function plain_path(path)
  local parts, root = {}, path:match "^/*"
  for part in path:gmatch "[^/]+" do
    if part == ".." and #parts > 0 and parts[#parts] ~= ".." then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return (root ~= "" and "/" or "") .. table.concat(parts, "/")
end

local deepest = 30

local function refuse_recursion(self)
  for position, other in ipairs(making) do
    if plain_path(other.chunk:sub(2)) == plain_path(self.chunk:sub(2)) then
      local names = {}
      for i = position, #making do names[#names + 1] = making[i].name end
      core.base.raise(("plan_of: %s asks for its own plan (%s -> %s)"):format(
        self.name, table.concat(names, " -> "), self.name))
    end
  end
  if #making == deepest then
    core.base.raise(("plan_of: %s: plans of plans of plans, %d deep"):format(self.name, deepest))
  end
end

--- The workload of a script's plan for its options; mistakes in the plan raise.
---@param self moontide.script
---@param opt table
---@return table workload
function plan.make(self, opt)
  refuse_recursion(self)
  making[#making + 1] = self
  local ok, value = xpcall(self.plan, scripts.add_traceback, script.strict(self, opt))
  making[#making] = nil
  if not ok then error(value, 0) end
  if not scripts.is_workload(value) then
    error(("%s: plan returned %s, it must return mt.workload{...}"):format(
      self.chunk:sub(2), value == nil and "nothing" or options.show(value)), 0)
  end
  return require("moontide.load.workload").with_script_name(value, self.name)
end

-- The seed of the run: what plans inside plans are made with. One for the process, as math.random is.
local seed_of_run = 0

--- Seeds math.random, the noise curves and the workloads' methods of the scripts loaded from now on.
---@param seed integer
function plan.seed(seed)
  seed_of_run = seed
  run_options.set_default_seed(seed)
  math.randomseed(seed, 0)
  core.curve.reset(seed)
end

--- The plan of a loaded script for values of its own options; the common ones are as they are by
--- themselves, the seed is the one of the run.
---@param self moontide.script
---@param opt table
---@return table workload
function plan.of_values(self, opt)
  script.check_options(self, opt)
  for _, option in ipairs(common.of_script(self)) do
    local key = options.key(option[1])
    if opt[key] == nil then opt[key] = option.default end
  end
  opt.seed = seed_of_run
  return plan.make(self, opt)
end

-- A file's name as the script that asks means it: beside that script, else in the current folder.
local function beside_caller(name)
  local caller = making[#making]
  if not (caller and caller.folder) or name:find "^/" or not scripts.is_file(name) then return name end
  local path = plain_path(caller.folder .. "/" .. name)
  if not system.exists(path) then return name end
  return scripts.is_file(path) and path or "./" .. path
end

--- The plan of a loaded script that has one, for options that are checked as on the command line.
---@param self moontide.script
---@param given? table
---@return table workload
function plan.with(self, given)
  return plan.of_values(self, options.table(self.name, given, self.options))
end

--- The plan of another script, bundled or a file (beside this one, or in the current folder).
---@param name string "burst", "lib/evening.lua"
---@param given? table its options, checked as on the command line: { peak = 80 }
---@return table workload
function public.plan_of(name, given)
  if type(name) ~= "string" then options.wrong("plan_of: the script", name, "a name") end
  local source, message = scripts.find(beside_caller(name))
  if not source then core.base.raise("plan_of: " .. message:gsub("^unknown command", "unknown script")) end
  local self = scripts.load(source)
  if not self.plan then
    core.base.raise(("plan_of: %s is a command, it has no plan"):format(self.name))
  end
  return plan.with(self, given)
end

--- Makes a number the seed of everything that is random from now on: math.random, the noise of curves made
--- later, and the methods of workloads where they are not given another. As .seed does in the console; on the
--- command line --seed says the seed of a run.
---@param seed integer 64 bits
function public.seed(seed)
  local value = options.value(seed, "seed: the seed", { "seed", kind = "seed" })
  plan.seed(value)
end

plan.public = public

return plan
