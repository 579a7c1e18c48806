--- The dot commands of the console: .help .load .run .seed .time .save .quit, or as much of a name as is
--- unambiguous.
local core = require "moontide.core"
local arguments = require "moontide.command.arguments"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"
local plans = require "moontide.script.plan"
local scripts = require "moontide.script.load"
local kit_text = require "moontide.kit.text"

local commands = {}

---@class moontide.repl_command
---@field [1] string its name
---@field [2] string its arguments
---@field [3] string what it does
---@field run fun(session: moontide.repl_session, words: string[])

---@type moontide.repl_command[]
local list = {}

local function define(name, takes, help, run)
  list[#list + 1] = { name, takes, help, run = run }
end

local function refuse(name, text)
  core.base.raise(("%s: %s"):format(name, text))
end

-- Raises unless there are between `least` and `most` words.
local function check_words(name, words, least, most)
  if #words > most then refuse(name, ("unexpected argument '%s'"):format(words[most + 1])) end
  if #words < least then refuse(name, "needs a name") end
end

-- --- .help -----------------------------------------------------------------------------------------

define(".help", "[NAME]", "these commands, or what help(NAME) says", function(session, words)
  check_words(".help", words, 0, 1)
  if words[1] then
    print(require("moontide.repl.help").text(words[1]))
    return
  end
  for _, command in ipairs(list) do
    print(("  %-24s %s"):format(command[1] .. " " .. command[2], command[3]))
  end
  print "A name may be shortened. help() explains the Lua module, Tab completes, Ctrl-C stops what runs."
  session.has_helped = true
end)

-- --- .load -----------------------------------------------------------------------------------------

-- The options given, as the script would get them from another one (mt.plan_of): texts, but numbers where
-- only numbers will do.
local function table_of(name, words, spec, opt)
  local as_texts = {}
  for i, option in ipairs(spec) do
    as_texts[i] = {}
    for key, value in pairs(option) do as_texts[i][key] = value end
    as_texts[i].required, as_texts[i].default, as_texts[i].list = nil, nil, nil
    if option.kind ~= "flag" then as_texts[i].kind = "any" else as_texts[i].default = option.default end
  end
  local texts, fields = arguments.parse(name, words, as_texts), {}
  for _, option in ipairs(spec) do
    local key = options.key(option[1])
    if options.given(texts, key) then
      local value = option.kind == "number" and not option.list and opt[key] or texts[key]
      local text = type(value) == "string" and ("%q"):format(value) or tostring(value)
      fields[#fields + 1] = ("[%q] = %s"):format(key, text)
    end
  end
  return #fields > 0 and ", { " .. table.concat(fields, ", ") .. " }" or ""
end

--- Loads a script and makes its plan; gives the plan and the expression that makes it again. Mistakes
--- raise.
---@param name string
---@param words string[] its options, as on the command line
---@return moontide.workload plan, string expression
function commands.load(name, words)
  local source, message = scripts.find(name)
  if not source then core.base.raise(message --[[@as string]]) end
  local self = scripts.load(source --[[@as moontide.source]])
  if not self.plan then refuse(self.name, "is a command, it has no plan (.run runs it)") end
  local opt = arguments.parse(self.name, words, self.options)
  local fields = table_of(self.name, words, self.options, opt)
  return plans.of_values(self, opt), ("mt.plan_of(%q%s)"):format(name, fields)
end

define(".load", "NAME [options]", "load a script, bundled or a file, and leave its plan as _",
  function(session, words)
    check_words(".load", words, 1, math.huge)
    local plan, expression = commands.load(words[1], table.move(words, 2, #words, 1, {}))
    session:keep(expression, plan)
    session:show { n = 1, plan }
  end)

-- --- .run ------------------------------------------------------------------------------------------

define(".run", "NAME [options]", "run a script as `moontide NAME [options]` does", function(session, words)
  check_words(".run", words, 1, math.huge)
  if words[1] == "repl" then refuse(".run", "this is the console already") end
  commands.seed(0)
  local status = require("moontide.command.cli").run_script(words[1], table.move(words, 2, #words, 1, {}))
  commands.seed(session.seed)
  session:note(".run " .. table.concat(words, " "))
  if status ~= 0 then error(session.failed_run, 0) end
end)

-- --- .seed .time -----------------------------------------------------------------------------------

--- Makes `seed` the one of everything that is random from now on: math.random, noise, and the methods of
--- workloads where they are not given another.
---@param seed integer
function commands.seed(seed)
  plans.public.seed(seed)
end

define(".seed", "[N]", "the seed of what is random from now on, or what it is", function(session, words)
  check_words(".seed", words, 0, 1)
  if words[1] then
    session.seed = options.integer(words[1], ".seed: the seed")
    commands.seed(session.seed)
    session:remember_statement(("mt.seed(%d)"):format(session.seed))
  else
    print("seed " .. kit_text.seed(session.seed))
  end
end)

define(".time", "[on|off]", "show what each input costs, on standard error", function(session, words)
  check_words(".time", words, 0, 1)
  local wanted = { on = true, off = false }
  if words[1] and wanted[words[1]] == nil then
    refuse(".time", ("takes on or off, not %s"):format(options.show(words[1])))
  end
  if words[1] then
    session.is_timed = wanted[words[1]]
  else
    print(("time %s"):format(session.is_timed and "on" or "off"))
  end
end)

-- --- .save .quit -----------------------------------------------------------------------------------

define(".save", "FILE.lua", "write what was typed as a script that runs by itself", function(session, words)
  check_words(".save", words, 1, 1)
  print(require("moontide.repl.save").write(session, words[1]))
end)

define(".quit", "", "leave, as Ctrl-D does", function(session, words)
  check_words(".quit", words, 0, 0)
  session.is_over = true
end)

-- --- finding ---------------------------------------------------------------------------------------

--- The names of all commands, in the order of .help.
---@return string[]
function commands.names()
  local names = {}
  for i, command in ipairs(list) do names[i] = command[1] end
  return names
end

-- The command of a name or of an unambiguous beginning of one.
local function find(name)
  local found = {}
  for _, command in ipairs(list) do
    if command[1] == name then return command end
    if command[1]:sub(1, #name) == name then found[#found + 1] = command end
  end
  if #found == 1 then return found[1] end
  if #found == 0 then
    core.base.raise(("unknown command '%s'%s"):format(name, nearest.hint(name, commands.names())))
  end
  local names = {}
  for i, command in ipairs(found) do names[i] = command[1] end
  core.base.raise(("'%s' is ambiguous: it could be %s"):format(name, table.concat(names, ", ")))
end

-- Words as a shell splits them: at spaces, but not between quotes of either kind.
local function split(text)
  local words, position = {}, 1
  while true do
    position = text:find("%S", position)
    if not position then return words end
    local word = ""
    while position <= #text and not text:find("^%s", position) do
      local quote = text:match("^[\"']", position)
      local last = quote and text:find(quote, position + 1, true)
      if quote and not last then core.base.raise("a quote is not closed: " .. text:sub(position)) end
      if quote then
        word, position = word .. text:sub(position + 1, last - 1), last + 1
      else
        local plain = text:match("^[^%s\"']+", position)
        word, position = word .. plain, position + #plain
      end
    end
    words[#words + 1] = word
  end
end

--- Is the line a dot command? Only at its start, and not ".5" or "...".
---@param line string
---@return boolean
function commands.is(line)
  return line:find "^%.%a" ~= nil
end

--- Runs a dot command; mistakes raise.
---@param session moontide.repl_session
---@param line string
function commands.run(session, line)
  local name, rest = line:match "^(%.%a+)%f[%s\0](.*)$"
  if not name then name, rest = line:match "^(%S+)(.*)$" end
  find(name).run(session, split(rest))
end

return commands
