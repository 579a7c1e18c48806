--- Searching the help: subjects, functions, methods, commands and their options that have to do with a word.
local lists = require "moontide.kit.lists"
local records = require "moontide.reference.records"
local reference = require "moontide.reference"
local reference_methods = require "moontide.reference.methods"

local search = {}

local function has(text, word)
  return text:lower():find(word, 1, true) ~= nil
end

-- Columns for the text of an option in a list of what is found.
local room = 90

-- An option's text in a line: its beginning, or what stands about the word where that comes later.
local function excerpt(text, word)
  if #text <= room then return text end
  local at = text:lower():find(word, 1, true) or 1
  local first = at + #word <= room - 3 and 1 or at - 30
  local cut = text:sub(first, first + room - 6)
  if first > 1 then cut = "..." .. cut:gsub("^%S*%s", "") end
  if first + room - 6 < #text then cut = cut:gsub("%s+%S*$", "") .. "..." end
  return cut
end

-- Members of the tables that a function takes, where they have to do with the word.
local function members(name, word, found)
  for member, told in (reference.text(name) or ""):gmatch "\n    ([%a_]+)%?? ([^\n]+)" do
    if not told:find "^=" and has(member .. " " .. told, word) then -- not a line of the example: name = value
      found[#found + 1] = ("  %-28s %s"):format(name .. " " .. member, excerpt(told, word))
    end
  end
end

-- Functions of the module under `prefix`, as lines "mt.spike  A spike: ...", and members of what they take.
local function functions(prefix, values, word, found)
  for _, name in ipairs(lists.sorted_keys(values)) do
    local value = values[name]
    if type(value) == "function" then
      local line = reference.line(prefix .. name, value)
      if has(line, word) then
        found[#found + 1] = line
      else
        members(prefix .. name, word, found)
      end
    elseif type(value) == "table" and getmetatable(value) == nil then
      functions(prefix .. name .. ".", value, word, found)
    end
  end
end

local function methods(word, found)
  for _, one in ipairs(reference_methods.types()) do
    for line in reference_methods.list(one):gmatch "[^\n]+" do
      if line:find("^%s*" .. one.name .. ":") and has(line, word) then found[#found + 1] = line end
    end
  end
end

local function commands(word, found)
  local scripts = require "moontide.script.load"
  for _, name in ipairs(scripts.bundled_names()) do
    local self = scripts.load(scripts.find(name))
    if has(name .. " " .. self.summary, word) then
      found[#found + 1] = ("  %-28s %s"):format(name, self.summary)
    end
    for _, option in ipairs(self.options) do
      if not option.hidden and has(option[1] .. " " .. (option.help or ""), word) then
        local told = excerpt(option.help or "", word)
        found[#found + 1] = ("  %-28s %s"):format(name .. " --" .. option[1], told)
      end
    end
  end
end

--- Lines of all that has to do with a word, or with its singular.
---@param word string
---@param subjects table[] { name, module, summary } each
---@return string[]
function search.lines(word, subjects)
  local found = {}
  word = word:lower()
  for _, subject in ipairs(subjects) do
    if has(subject[1] .. " " .. subject[3], word) then
      found[#found + 1] = ("  %-28s %s"):format(subject[1], subject[3])
    end
  end
  for _, one in ipairs(records.all) do
    if has(one.name .. " " .. one.summary, word) then found[#found + 1] = records.line(one) end
  end
  functions("mt.", require "moontide.whole", word, found)
  methods(word, found)
  commands(word, found)
  if #found == 0 and word:find "..s$" then return search.lines(word:sub(1, -2), subjects) end
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
