-- The texts of options, of every command, bundled script and example: whole sentences' parts that say what an
-- option is, in what unit, and what it is without; and help prints all of it, within its width.
local common = require "moontide.script.common"
local help = require "moontide.command.help"
local scripts = require "moontide.script.load"

local width = 98

-- What a number may be of. An option of the kinds number and integer says one of these words, or how it works
-- on something (times, divide, multiply).
local units = { "token", "request", "second", "ms", "milli", "session", "turn", "block", "time", "byte", "share",
  "part", "ratio", "factor", "divide", "multiply", "seed", "worker", "user", "exponent", "bin", "column", "row", "server", "lap",
  "port", "kind", "chance", "likely", "often", "document", "coefficient", "rate", "gpu", "tenant" }

local function paths()
  local list = scripts.bundled_names()
  local found = assert(io.popen "ls examples/*.lua")
  for path in found:lines() do list[#list + 1] = path end
  found:close()
  return list
end

local function says_unit(text, of)
  text = text:lower()
  for _, word in ipairs(of) do
    if text:find(word, 1, true) then return true end
  end
  return false
end

-- What is wrong with an option's text; nil when nothing is.
local function fault(option)
  local text = option.help
  if type(text) ~= "string" or not text:find "%S" then return "has no text" end
  if text:find "^%s" or text:find "%s$" or text:find "%s%s" or text:find "[\n\t]" then return "has stray spaces" end
  if text:find "[.,;:]$" or text:find "%.%.%.$" then return "does not end as a text" end
  local last = text:match "(%a+)$"
  for _, word in ipairs { "and", "or", "of", "the", "a", "an", "to", "with", "by", "in", "for", "but", "is" } do
    if last == word then return "ends in the middle" end
  end
  local open = select(2, text:gsub("%(", ""))
  if open ~= select(2, text:gsub("%)", "")) then return "has a parenthesis that is not closed" end
  if select(2, select(2, help.of_option(option)):gsub("%(default:", "")) > 1 then return "says its default twice" end
  return nil
end

it("every option's text is whole, and help shows all of it", function()
  local wrong, options, scripts_seen = {}, 0, 0
  for _, name in ipairs(paths()) do
    local self = scripts.load(assert(scripts.find(name)))
    if type(self) == "table" and self.options then
      scripts_seen = scripts_seen + 1
      local page = help.of_script(self)
      for line in page:gmatch "[^\n]+" do
        if #line > width and not line:find "^usage" and not line:find "^%s+moontide" then
          wrong[#wrong + 1] = ("%s: a line of %d columns: %s"):format(name, #line, line)
        end
      end
      local flat = page:gsub("%s+", "") -- a long list is broken where it has no space
      local lists = { self.options, self.plan and common.of_script(self) or {} }
      for _, list in ipairs(lists) do
        for _, option in ipairs(list) do
          if not option.hidden then
            options = options + 1
            local problem = fault(option)
            local left, text = help.of_option(option)
            if not problem and not flat:find((left .. text):gsub("%s+", ""), 1, true) then
              problem = "is cut: " .. text
            end
            local is_number = option.kind == "number" or option.kind == "integer"
            if not problem and is_number and not says_unit(text .. " " .. left, units) then
              problem = "says no unit: " .. text
            end
            if problem then wrong[#wrong + 1] = ("%s --%s %s"):format(name, option[1], problem) end
          end
        end
      end
    end
  end
  assert.same({}, wrong)
  assert.is_true(scripts_seen > 50 and options > 600, scripts_seen .. " " .. options)
end)
