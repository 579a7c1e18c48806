--- Whether it is worth reading a long input once more: each reading takes as long as the input is, so that
-- one of n lines, read after every line, would take n * n.
--
-- What has an open bracket, block or string cannot be whole. Inputs of few lines are read all the same,
-- for a mistake is to be told at once; that of a long one is told when the input has doubled.
local tokens = require "moontide.repl.tokens"

local pending = {}

-- Up to so many lines an input is read after each.
local few_lines = 100

-- What opens and what closes: keywords are no names, so that counting them is enough.
local change = {
  ["("] = 1, ["["] = 1, ["{"] = 1, ["function"] = 1, ["do"] = 1, ["if"] = 1, ["repeat"] = 1,
  [")"] = -1, ["]"] = -1, ["}"] = -1, ["end"] = -1, ["until"] = -1,
}

---@class moontide.pending
---@field lines integer
---@field tried integer lines when it was read last
---@field depth integer open brackets and blocks
---@field string_end string? what ends the long string or comment that the last line leaves open
---@field quote string? the same of a quoted string
local methods = {}
methods.__index = methods

--- An input that has no line yet.
---@return moontide.pending
function pending.new()
  return setmetatable({ lines = 0, tried = 0, depth = 0 }, methods)
end

-- Passes over the string or comment that is open: where the text goes on, or nil.
local function after_open(self, line, position)
  local last
  if self.string_end then
    last = select(2, line:find(self.string_end, position, true))
  else
    last = tokens.end_of_quoted(line, position, self.quote)
  end
  if not last then return nil end
  self.string_end, self.quote = nil, nil
  return last + 1
end

-- Takes one token that matters: where the text goes on, or nil behind a comment.
local function after_token(self, line, position)
  local is_comment = line:find("^%-%-", position) ~= nil
  local level, inside = line:match("^%[(=*)%[()", is_comment and position + 2 or position)
  if level then
    self.string_end = "]" .. level .. "]"
    return inside
  end
  if is_comment then return nil end
  local word = line:match("^[%w_]+", position) or line:sub(position, position)
  if word == '"' or word == "'" then self.quote = word end
  self.depth = self.depth + (change[word] or 0)
  return position + #word
end

--- Takes the next line of the input.
---@param line string
function methods:take(line)
  self.lines = self.lines + 1
  local position = 1
  while position do
    if self.string_end or self.quote then
      position = after_open(self, line, position)
    else
      position = line:find("[%w_%[%](){}\"'-]", position)
      position = position and after_token(self, line, position)
    end
  end
end

--- Is the input to be read after this line?
---@return boolean
function methods:is_worth_reading()
  local may_be_whole = self.depth <= 0 and not self.string_end and not self.quote
  if self.lines > few_lines and not may_be_whole and self.lines < 2 * self.tried then return false end
  self.tried = self.lines
  return true
end

return pending
