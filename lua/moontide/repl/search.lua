--- Searching the help: subjects, functions, methods, commands and their options that have to do with a word.
local lists = require "moontide.kit.lists"
local records = require "moontide.reference.records"
local reference = require "moontide.reference"
local reference_methods = require "moontide.reference.methods"

local search = {}

-- The pattern of a word where words begin, so that "itl" is not found in "title"; or of it anywhere.
local function pattern_of(word, is_anywhere)
  local escaped = word:gsub("%p", "%%%0")
  return (is_anywhere or not word:find "^%a") and escaped or "%f[%a]" .. escaped
end

local function has(text, pattern)
  return text:lower():find(pattern) ~= nil
end

-- Columns for the text of an option in a list of what is found.
local room = 90

-- An option's text in a line: its beginning, or what stands about the word where that comes later.
local function excerpt(text, pattern)
  if #text <= room then return text end
  local at, last = text:lower():find(pattern)
  local first = (last or 1) + 1 <= room - 3 and 1 or at - 30
  local cut = text:sub(first, first + room - 6)
  if first > 1 then cut = "..." .. cut:gsub("^%S*%s", "") end
  if first + room - 6 < #text then cut = cut:gsub("%s+%S*$", "") .. "..." end
  return cut
end

-- Members of the tables that a function takes, where they have to do with the word.
local function members(name, pattern, found)
  for member, told in (reference.text(name) or ""):gmatch "\n    ([%a_]+)%?? ([^\n]+)" do
    if not told:find "^=" and has(member .. " " .. told, pattern) then -- no line of the example: name = value
      found[#found + 1] = ("  %-28s %s"):format(name .. " " .. member, excerpt(told, pattern))
    end
  end
end

-- Functions of the module under `prefix`, as lines "mt.spike  A spike: ...", and members of what they take.
local function functions(prefix, values, pattern, found)
  for _, name in ipairs(lists.sorted_keys(values)) do
    local value = values[name]
    if type(value) == "function" then
      local line = reference.line(prefix .. name, value)
      if has(line, pattern) then
        found[#found + 1] = line
      else
        members(prefix .. name, pattern, found)
      end
    elseif type(value) == "table" and getmetatable(value) == nil then
      functions(prefix .. name .. ".", value, pattern, found)
    end
  end
end

local function methods(pattern, found)
  for _, one in ipairs(reference_methods.types()) do
    for line in reference_methods.list(one):gmatch "[^\n]+" do
      if line:find("^%s*" .. one.name .. ":") and has(line, pattern) then found[#found + 1] = line end
    end
  end
end

local function commands(pattern, found)
  local scripts = require "moontide.script.load"
  for _, name in ipairs(scripts.bundled_names()) do
    local self = scripts.load(scripts.find(name))
    if has(name .. " " .. self.summary, pattern) then
      found[#found + 1] = ("  %-28s %s"):format(name, self.summary)
    end
    for _, option in ipairs(self.options) do
      if not option.hidden and has(option[1] .. " " .. (option.help or ""), pattern) then
        local told = excerpt(option.help or "", pattern)
        found[#found + 1] = ("  %-28s %s"):format(name .. " --" .. option[1], told)
      end
    end
  end
end

-- Lines of all that has the pattern.
local function lines_of(pattern, subjects)
  local found = {}
  for _, subject in ipairs(subjects) do
    if has(subject[1] .. " " .. subject[3], pattern) then
      found[#found + 1] = ("  %-28s %s"):format(subject[1], subject[3])
    end
  end
  for _, one in ipairs(records.all) do
    if has(one.name .. " " .. one.summary, pattern) then found[#found + 1] = records.line(one) end
  end
  functions("mt.", require "moontide.whole", pattern, found)
  methods(pattern, found)
  commands(pattern, found)
  return found
end

--- Lines of all that has to do with a word, with its singular, or else with a longer word that it is in.
---@param word string
---@param subjects table[] { name, module, summary } each
---@return string[]
function search.lines(word, subjects)
  word = word:lower()
  local singular = word:match "^(.+.)s$"
  local found = lines_of(pattern_of(word), subjects)
  if #found == 0 and singular then found = lines_of(pattern_of(singular), subjects) end
  if #found == 0 then found = lines_of(pattern_of(word, true), subjects) end
  if #found == 0 and singular then found = lines_of(pattern_of(singular, true), subjects) end
  return found
end

--- All names that help knows.
---@param subjects table[]
---@return string[]
function search.names(subjects)
  local names = {}
  for _, subject in ipairs(subjects) do names[#names + 1] = subject[1] end
  for _, one in ipairs(records.all) do names[#names + 1] = one.name end
  for _, name in ipairs(require("moontide.script.load").bundled_names()) do names[#names + 1] = name end
  for name in pairs(require "moontide.whole") do names[#names + 1] = "mt." .. name end
  for _, one in ipairs(reference_methods.types()) do
    for method in pairs(one.methods) do names[#names + 1] = one.name .. ":" .. method end
  end
  table.sort(names)
  return names
end

return search
