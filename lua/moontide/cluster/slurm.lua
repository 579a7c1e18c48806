--- The command `slurm`: a shell script that submits the replay at hand as a job array, a task a shard, and
--- the merge after it. The jobs are those of examples/slurm, built in, with the words of this command line.
local core = require "moontide.core"
local shards = require "moontide.cluster.shards"
local units = require "moontide.kit.units"

local slurm = {}

local own = {
  { "name", kind = "string", default = "moontide", placeholder = "NAME", help = "the jobs' name" },
  { "results", kind = "path", default = "results", placeholder = "FOLDER",
    help = "a folder that all nodes see; each job has one of its own in it" },
  { "start-after", kind = "duration", min = 1, default = 60,
    help = "the shards begin so long after the first of them has come; one that comes later says so" },
}

local all = shards.options(own)

--- All options of the command.
---@return moontide.option[]
function slurm.options()
  return all
end

--- What is wrong with the options, or nil.
---@param opt table
---@return string?
function slurm.check(opt)
  if not opt.name:find "^[%w_][%w_.-]*$" then
    return ("--name must be letters, digits, '_', '.' and '-', not %s"):format(units.show(opt.name))
  end
  return shards.check(opt)
end

-- A word as a POSIX shell reads it back, whatever is in it.
local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function line(words)
  local texts = {}
  for i, word in ipairs(words) do texts[i] = quoted(word) end
  return table.concat(texts, " ")
end

-- A job of examples/slurm that begins with these assignments and words.
local function job(name, begin)
  local text = assert(core.embedded("examples/slurm/" .. name), name .. " is not built in")
  local _, stop = text:find "\nset %-eu\n"
  return text:sub(1, stop) .. begin .. "\n" .. text:sub(stop + 1)
end

-- `sbatch` of a text, in a here-document that ends with a line that the text has not.
local function submitted(arguments_of_sbatch, text, variable)
  local mark = "END_OF_JOB"
  while text:find(mark, 1, true) do mark = mark .. "_" end
  local call = ("sbatch %s <<'%s'"):format(arguments_of_sbatch, mark)
  if variable then
    return ("%s=$(%s\n%s%s\n)\n"):format(variable, call, text, mark)
  end
  return ("%s\n%s%s\n"):format(call, text, mark)
end

--- Runs the command: prints the script.
---@param opt table checked
---@param words string[] of the command line
---@return true?, string? message, string? code
function slurm.run(opt, words)
  local is_right, message, code = shards.try(opt)
  if not is_right then return nil, message, code end
  local parts = shards.words("slurm", words, opt, all)
  local replay = shards.replay(parts, {})
  table.remove(replay, 1) -- the job has it
  local results = "RESULTS=" .. quoted(opt.results)
  local settings = ("%s START_AFTER=%d"):format(results, math.ceil(opt.start_after))
  local name = "--job-name=" .. opt.name
  print(([[
#!/bin/sh
# Submits %d shards of one load and the merge of what they measure: sh THIS_FILE. What sites want beside it
# (partition, account, time) sbatch takes from SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT.
set -eu
]]):format(opt.shards)
    .. submitted(("--parsable --array=0-%d %s"):format(opt.shards - 1, name),
      job("shards.sbatch", settings .. "\nset -- " .. line(replay)), "job")
    .. "job=${job%%;*}\n"
    .. submitted(("--dependency=afterany:$job --export=ALL,SHARDS_JOB=$job %s-merge"):format(name),
      job("merge.sbatch", ('%s\nset -- "$SHARDS_JOB" %s'):format(results, line(parts.merging)))))
  return true
end

return slurm
