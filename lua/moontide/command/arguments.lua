--- The command line: words to option values, by the rules of kit/options.lua.
--
--   --name VALUE   --name=VALUE   -o VALUE   -oVALUE   --flag   --no-flag (of a flag whose default
--   is true)   --name (of an option that has a value without one: then only a number that follows is
--   its value)   -- (what follows is plain arguments)
-- A name may be shortened as far as it stays unambiguous, but for the options that every workload has and
-- those that say `whole`: `--rate` of a script without one, or of a command that drives one whose `--rate`
-- stands behind a --, must not become --rate-scale. A value may be negative (--phase -3) or
-- "-"; it may begin with "--" only as --name=--value. A plain argument goes to the options with
-- argument = true, in their order; the last of them takes all that are left when it is a list. An
-- option given twice holds the last value, as the tools of Python have it and wrappers rely on, a list all of
-- them; one that takes_words also the words after its value, up to the next option.
local core = require "moontide.core"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"

local arguments = {}

--- How an option is called on the command line: "--corr-time".
---@param option moontide.option
---@return string
function arguments.long_name(option)
  return "--" .. option[1]:gsub("_", "-")
end

--- How an option that may be a plain argument is called in a command's usage: "TRACE".
---@param option moontide.option
---@return string
function arguments.plain_name(option)
  return ("%s (%s)"):format(option.placeholder or options.kinds[option.kind].placeholder,
    arguments.long_name(option))
end

local function hyphens(name)
  return (name:gsub("_", "-"))
end

-- The names of a specification: by long name (hyphens, aliases, the common option it stands for),
-- by letter, and the visible long names in declared order.
local function index(spec)
  local names = { long = {}, short = {}, visible = {} }
  for _, option in ipairs(spec) do
    names.takes_words = names.takes_words or (option[1] == "words" or option[1] == "files") and option.list
    local all = { option[1], option.stands_for }
    for _, alias in ipairs(option.aliases or {}) do all[#all + 1] = alias end
    for _, name in ipairs(all) do
      name = hyphens(name)
      names.long[name] = option
      if not option.hidden then names.visible[#names.visible + 1] = name end
    end
    if option.kind == "flag" and option.default == true then
      names.long["no-" .. hyphens(option[1])] = option
    end
    if option.short then names.short[option.short] = option end
  end
  return names
end

-- The nearest name, else one that begins like it.
local function hint_of(exact, names)
  local hint = nearest.hint(exact, names.visible, "--")
  for _, candidate in ipairs(names.visible) do
    if hint == "" and candidate:sub(1, #exact) == exact then
      hint = (" (did you mean '--%s'?%s)"):format(candidate, names.takes_words
        and " Options of the script itself stand behind a --" or "")
    end
  end
  return hint
end

-- Where no name is near, the help has them all; and who drives a script takes its options, too.
local function help_hint(hint, names)
  if hint ~= "" then return hint end
  return names.takes_words and " (--help lists them; options of the script itself stand behind a --)"
    or " (--help lists them)"
end

-- The option a long name means and its full name; raises when there is none or more than one.
local function find_long(command, name, names)
  local exact = hyphens(name)
  if names.long[exact] then return names.long[exact], exact end
  local found, full, candidates = nil, nil, {}
  for _, candidate in ipairs(names.visible) do
    local option = names.long[candidate]
    local may_shorten = exact ~= "" and not option.common and not option.whole
    if may_shorten and candidate:sub(1, #exact) == exact then
      if not found or found ~= names.long[candidate] then candidates[#candidates + 1] = "--" .. candidate end
      found, full = names.long[candidate], candidate
    end
  end
  if #candidates > 1 then
    core.base.raise(("%s: option '--%s' is ambiguous: it could be %s"):format(
      command, name, table.concat(candidates, ", ")))
  elseif not found then
    core.base.raise(("%s: unknown option '--%s'%s"):format(command, name,
      help_hint(hint_of(exact, names), names)))
  end
  return found, full
end

-- May the word be an option's value? Not when it looks like an option itself; "-3" and "-19h" are
-- values.
local function is_value(word, names)
  if word == nil or word == "--" then return false end
  if word:find "^%-%-%a" or word:find "^%-%a$" then return false end
  return not (word:find "^%-%a" and names.short[word:sub(2, 2)])
end

-- A list of { option, text | true | false, written } and the plain arguments, from the words. The first
-- missing value is kept rather than raised: unknown names come first.
local function scan(command, words, names)
  local found, plain = {}, {}
  local position, problem = 1, nil

  local function take(option, written, inline)
    local text = inline
    if option.kind == "flag" then
      if inline and not problem then
        problem = ("%s: %s takes no value, not '%s'"):format(command, written, inline)
      end
      text = not written:find("^%-%-no%-") or option[1]:find "^no[-_]" ~= nil
    elseif not inline then
      text = words[position + 1]
      if option.bare ~= nil and not (text and text:find "^%d+$") then
        text = option.bare
      elseif is_value(text, names) then
        position = position + 1
      else
        problem = problem or ("%s: %s needs a value%s"):format(command, written, option.placeholder
          and (": %s %s"):format(written, option.placeholder) or "")
      end
    end
    found[#found + 1] = { option = option, text = text, written = written }
    while option.takes_words and not inline and is_value(words[position + 1], names) do
      position = position + 1
      found[#found + 1] = { option = option, text = words[position], written = written }
    end
  end

  while position <= #words do
    local word = words[position]
    local long, inline = word:match "^%-%-([^=]+)=?(.*)$"
    if word == "--" then
      table.move(words, position + 1, #words, #plain + 1, plain)
      break
    elseif long then
      local option, full = find_long(command, long, names)
      take(option, "--" .. full, word:find "=" and inline or nil)
    elseif word:find "^%-%a" then
      local letter = word:sub(2, 2)
      if not names.short[letter] then
        core.base.raise(("%s: unknown option '%s'%s"):format(command, word, help_hint("", names)))
      end
      local rest = word:sub(3):gsub("^=", "")
      take(names.short[letter], "-" .. letter, #word > 2 and rest or nil)
    else
      plain[#plain + 1] = word
    end
    position = position + 1
  end
  return found, plain, problem
end

-- Gives the plain arguments to the options that take them, as if they had been given by name.
local function place_plain(command, plain, spec, found)
  local by_name = {}
  for _, item in ipairs(found) do by_name[item.option] = true end
  local position = 1
  for _, option in ipairs(spec) do
    if option.argument and (option.list or not by_name[option]) then
      local last = option.list and #plain or math.min(position, #plain)
      for i = position, last do
        found[#found + 1] = { option = option, text = plain[i], written = arguments.long_name(option) }
      end
      position = math.max(position, last + 1)
    end
  end
  if position <= #plain then
    core.base.raise(("%s: unexpected argument '%s'"):format(command, plain[position]))
  end
end

--- Reads the words after a command's name. Raises a usage error, unknown options before everything
--- else, missing ones last.
---@param command string the command's name, which begins every message
---@param words string[]
---@param spec moontide.option[]
---@return table values by key (options.key), see options.given
function arguments.parse(command, words, spec)
  local names = index(spec)
  local found, plain, problem = scan(command, words, names)
  place_plain(command, plain, spec, found)
  if problem then core.base.raise(problem) end
  local values = {}
  for _, item in ipairs(found) do
    local option, key = item.option, options.key(item.option[1])
    local is_text = type(item.text) == "string"
    local value = options.value(item.text, command .. ": " .. item.written, option, is_text)
    if option.list and values[key] then
      table.move(value, 1, #value, #values[key] + 1, values[key])
    else
      values[key] = value
    end
  end
  return options.complete(values, spec, function(option)
    local name = option.argument and arguments.plain_name or arguments.long_name
    return command .. ": " .. name(option)
  end)
end

--- The words again, with names in full, of those options that are wanted; plain arguments come last.
---@param command string
---@param words string[] that parse takes
---@param spec moontide.option[]
---@param wanted fun(option: moontide.option): boolean
---@return string[] words, string[] plain
function arguments.again(command, words, spec, wanted)
  local found, plain = scan(command, words, index(spec))
  local again = {}
  for _, item in ipairs(found) do
    if wanted(item.option) then
      local name = arguments.long_name(item.option)
      if item.option.kind == "flag" then
        again[#again + 1] = item.text and name or "--no-" .. name:sub(3)
      elseif item.text:find "^%-" then
        again[#again + 1] = name .. "=" .. item.text
      else
        table.move({ name, item.text }, 1, 2, #again + 1, again)
      end
    end
  end
  return again, plain
end

--- Is help asked for among the words (before a "--")?
---@param words string[]
---@return boolean
function arguments.asks_help(words)
  for _, word in ipairs(words) do
    if word == "--" then return false end
    if word == "-h" or word == "--help" then return true end
  end
  return false
end

return arguments
