--- A replay at hand as the shards of one load: the options of the commands that print jobs for a cluster, and
--- the words of the command line that each shard runs.
local arguments = require "moontide.command.arguments"
local core = require "moontide.core"
local drive_options = require "moontide.drive.options"
local merge = require "moontide.drive.merge"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
local secrets = require "moontide.drive.secrets"
local target = require "moontide.drive.target"

local shards = {}

-- What each shard has of its own, or what has no place in a job. The merged run is what a gate looks at.
local set = { ["shard"] = true, ["output-dir"] = true, ["record"] = true, ["start-at"] = true,
  ["json"] = true, ["fail-over"] = true }

local driving = {}
for _, option in ipairs(drive_options.all {}) do driving[option[1]] = not set[option[1]] end

local first = {
  { "target", kind = "string", argument = true, placeholder = "TARGET",
    help = "a trace, a script's file, or a bundled script (steady, burst, mixed, sin)" },
  { "words", kind = "string", argument = true, list = true, hidden = true },
  { "shards", kind = "integer", min = 1, max = 10000, required = true,
    help = "how many drivers send the load, each a part of its sessions and requests" },
}

local of_merging = {
  { "allow-missing", kind = "flag", help = "of the merge: go on without a shard that is lost" },
  { "max-skew", kind = "duration", min = 0, default = merge.default_skew,
    help = "of the merge: refuse shards that began further apart" },
}

--- All options of such a command: the load's, its own, those of merge and those of replay.
---@param own moontide.option[]
---@return moontide.option[]
function shards.options(own)
  local list = {}
  for _, part in ipairs { first, own, of_merging } do table.move(part, 1, #part, #list + 1, list) end
  for _, option in ipairs(drive_options.all {}) do
    if option[1] == "url" then option = options.with(option, { aliases = { "endpoint" } }) end
    if driving[option[1]] then list[#list + 1] = option end
  end
  return list
end

--- What is wrong among the options, or nil.
---@param opt table
---@return string?
function shards.check(opt)
  if opt.target == "-" then
    return "the load cannot come from standard input: a shard reads it from a file"
  end
  return drive_options.check(options.with(opt, { output_dir = "results" })) -- every shard has a folder
end

--- Tries whether a script and its options make a plan that can be driven in shards, before a cluster does.
---@param opt table
---@return true?, string? message, string? code
function shards.try(opt)
  if not target.is_plan(opt.target) then
    local wrong = target.wrong_for_trace(opt.words or {}, opt)
    if wrong then return nil, wrong, "usage" end
    return true
  end
  local made, message, code = target.of(opt.target, opt.words or {},
    options.with(opt, { shard = { index = 0, count = opt.shards } }))
  if not made then return nil, message, code end
  return true
end

-- Tells of headers and members that prove who somebody is: a job's words are seen by many.
local function note_secrets(words)
  for i, shown in ipairs(secrets.words(words)) do
    if shown ~= words[i] then
      report.note(("'%s': its value is printed, and whoever sees the job sees it (--api-key-env NAME: a key "
        .. "that the job has in its environment)"):format(shown))
    end
  end
end

---@class moontide.shard_words
---@field driving string[] options of replay, in full
---@field target string
---@field own string[] the script's own
---@field merging string[] options of merge

--- The words of the command at hand, apart.
---@param command string its name
---@param words string[] those of its command line
---@param opt table what they mean
---@param spec moontide.option[] by shards.options
---@return moontide.shard_words
function shards.words(command, words, opt, spec)
  local function of(wanted)
    return (arguments.again(command, words, spec, wanted))
  end
  local of_driving = of(function(option) return driving[option[1]] end)
  note_secrets(of_driving)
  return {
    driving = of_driving,
    merging = of(function(option) return option[1] == "allow-missing" or option[1] == "max-skew" end),
    target = opt.target, own = opt.words or {},
  }
end

-- A job's words are texts in UTF-8.
local function check_words(words)
  for _, word in ipairs(words) do
    if not utf8.len(word) or word:find "\0" then
      core.base.raise(("a job's words are UTF-8, which '%s' is not"):format(
        (word:gsub("[\0-\31\127-\255]", "?"))))
    end
  end
end

--- The words of one shard's replay, without the program's name.
---@param parts moontide.shard_words
---@param of_shard string[] the options that are a shard's own: --shard I/N, --start-at, --output-dir
---@param escaped? fun(words: string[]): string[] what the job's format wants of words that are not of_shard's
---@return string[]
function shards.replay(parts, of_shard, escaped)
  local load = table.move(parts.driving, 1, #parts.driving, 1, {})
  load[#load + 1] = parts.target
  if #parts.own > 0 then load[#load + 1] = "--" end
  table.move(parts.own, 1, #parts.own, #load + 1, load)
  check_words(load)
  if escaped then load = escaped(load) end
  local all = table.move(of_shard, 1, #of_shard, 2, { "replay" })
  return table.move(load, 1, #load, #all + 1, all)
end

return shards
