--- What `moontide help` prints. Nothing here runs a script's plan; the list of commands does not even
--- load the scripts.
local common = require "moontide.script.common"
local options = require "moontide.kit.options"
local scripts = require "moontide.script.load"
local text = require "moontide.kit.text"

local help = {}

-- The commands by what they are for; a bundled script that is not among them comes last.
local groups = {
  { "Generate a trace", "steady", "burst", "mixed", "sin" },
  { "Learn from traces", "convert", "lint", "cat", "analyze", "learn", "synthesize", "compare" },
  { "Drive an endpoint", "replay", "sweep", "find-max", "mock", "selftest" },
  { "Judge runs", "judge", "merge" },
  { "Beyond one machine", "kubernetes", "slurm" },
  { "Look", "plot", "report" },
  { "Explore", "repl", "list", "help", "run" },
}

-- The groups with only what exists, as { title, names }.
local function existing_groups()
  local left, result = {}, {}
  for _, name in ipairs(scripts.bundled_names()) do left[name] = true end
  local function add(title, candidates)
    local names = {}
    for _, name in ipairs(candidates) do
      if left[name] then names[#names + 1], left[name] = name, nil end
    end
    if #names > 0 then result[#result + 1] = { title, names } end
  end
  for _, group in ipairs(groups) do add(group[1], table.move(group, 2, #group, 1, {})) end
  add("More", scripts.bundled_names())
  return result
end

--- The bundled commands in the order of the overview.
---@return string[]
function help.ordered_names()
  local names = {}
  for _, group in ipairs(existing_groups()) do
    table.move(group[2], 1, #group[2], #names + 1, names)
  end
  return names
end

-- What a script's text says in a line of its own as `summary = "...",`, in quotes; nil: nothing. The word is
-- looked for first: a pattern that begins anywhere is tried at every byte.
local function quoted_summary(source)
  local from = source:find("summary", 1, true)
  while from do
    local quoted = source:match('^summary%s*=%s*("[^"\\\n]*")%s*,', from)
    if quoted and source:sub(math.max(1, from - 40), from - 1):find "\n%s*$" then return quoted end
    from = source:find("summary", from + 1, true)
  end
end

--- A bundled script's summary, read from its text: loading every script would make help slow. One
--- that does not say it as a plain `summary = "..."` is loaded.
---@param name string
---@return string
function help.summary(name)
  local source = scripts.find(name) --[[@as moontide.source]]
  local quoted = quoted_summary(source.text)
  if quoted then return quoted:sub(2, -2) end
  return scripts.load(source).summary
end

--- The overview: what Moontide is and the commands by what they are for.
---@return string
function help.overview()
  local lines = {
    "Moontide: load shapes for LLM serving as short Lua scripts, and the traces they become.",
    "",
    "usage: moontide COMMAND [options]",
    "       moontide FILE.lua [options]      a script of your own",
    "       moontide                         the console, on a terminal",
    "       moontide help NAME [--source]    explain a command, or print its script",
    "       moontide help mt | mt.spike      explain the Lua module, or a name in it",
  }
  for _, group in ipairs(existing_groups()) do
    lines[#lines + 1] = ""
    lines[#lines + 1] = group[1]
    for _, name in ipairs(group[2]) do
      lines[#lines + 1] = ("  %-12s %s"):format(name, help.summary(name))
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- --- one script ------------------------------------------------------------------------------------

local help_column, width = 30, 98

-- Words as lines of at most `room` columns; a word that is longer is broken behind a comma or bracket.
local function wrap(words, room)
  local pieces = {}
  for word in words:gmatch "%S+" do
    while #word > room do
      local head = word:sub(1, room):match "^.*[,%]]"
      if not head then break end
      pieces[#pieces + 1], word = head, word:sub(#head + 1)
    end
    pieces[#pieces + 1] = word
  end
  return text.filled(pieces, room)
end

local function placeholder(option)
  if option.kind == "flag" then return "" end
  local shown = option.placeholder or options.kinds[option.kind].placeholder
    or table.concat(option.choices, "|")
  return " " .. shown .. (option.list and not options.kinds[option.kind].is_whole and ",..." or "")
end

local function shown_name(option)
  local name = option[1]:gsub("_", "-")
  local is_on = option.kind == "flag" and option.default == true
  return (option.short and "-" .. option.short .. ", " or "") .. (is_on and "--no-" or "--") .. name
end

-- A default as one would give it on the command line, or nil when it has no such form.
local function shown_default(value)
  if type(value) == "number" then return options.python_number(value) end
  if type(value) == "string" then return value end
  if not options.is_plain(value) then return nil end
  local texts = {}
  for i, element in ipairs(value) do texts[i] = shown_default(element) end
  return #texts == #value and table.concat(texts, ",") or nil
end

local function explain(option)
  local parts = { option.help }
  local default = option.kind ~= "flag" and shown_default(option.default)
  if option.required then
    parts[#parts + 1] = "(required)"
  elseif default and default ~= "" then
    parts[#parts + 1] = "(default: " .. default .. ")"
  end
  return table.concat(parts, " ")
end

local function add_options(lines, title, list)
  local is_first = true
  for _, option in ipairs(list) do
    if not option.hidden then
      if is_first then
        lines[#lines + 1] = ""
        lines[#lines + 1] = title
        is_first = false
      end
      local left = "  " .. shown_name(option) .. placeholder(option)
      local texts = wrap(explain(option), width - help_column)
      if #left > help_column - 2 then
        lines[#lines + 1] = left
        left = ""
      end
      for i, line in ipairs(texts) do
        if line ~= "" then
          lines[#lines + 1] = ("%-" .. help_column .. "s%s"):format(i == 1 and left or "", line)
        elseif left ~= "" then
          lines[#lines + 1] = left
        end
      end
    end
  end
end

local function usage_of(self)
  if self.usage then return self.usage end
  local called = self.folder and self.chunk:sub(2) or self.name
  local words = { "moontide " .. called .. " [options]" }
  for _, option in ipairs(self.options) do
    if option.argument then
      local word = option.placeholder or option[1]:gsub("_", "-"):upper()
      if option.list then word = word .. " ..." end
      words[#words + 1] = option.required and word or "[" .. word .. "]"
    end
  end
  return table.concat(words, " ")
end

--- The help of one script: summary, usage, options in declared order with their defaults.
---@param self moontide.script
---@return string
function help.of_script(self)
  local lines = { self.summary, "", "usage: " .. usage_of(self) }
  add_options(lines, "options:", self.options)
  if self.plan then
    add_options(lines, "options of every workload:", common.of_script(self))
  end
  return table.concat(lines, "\n") .. "\n"
end

-- --- the same for the manual page ------------------------------------------------------------------

help.usage_of = usage_of

--- How an option is written, and what it does.
---@param option moontide.option
---@return string, string
function help.of_option(option)
  return shown_name(option) .. placeholder(option), explain(option)
end

return help
