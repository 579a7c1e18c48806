--- Lua text up to the cursor as tokens, for completion: it need not be whole, and is never run.

local tokens = {}

--- Lua's words that can be no names.
tokens.keywords = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then "
  .. "true until while"):gmatch "%a+" do
  tokens.keywords[word] = true
end

---@class moontide.token
---@field kind "name"|"string"|"number"|"symbol"
---@field text string
---@field first integer
---@field last integer
---@field partner integer? of a closing bracket: the index of the opening one

local closing = { [")"] = "(", ["]"] = "[", ["}"] = "{" }
local opening = { ["("] = true, ["["] = true, ["{"] = true }

-- The end of a long bracket's text that begins at `first` ("[[", "[=["), math.huge when it is open; nil
-- when none begins there.
local function long_bracket(text, first)
  local level = text:match("^%[(=*)%[", first)
  if not level then return nil end
  local _, last = text:find("]" .. level .. "]", first, true)
  return last or math.huge
end

--- Where the quoted string ends in which the position is, or nil.
---@param text string
---@param position integer
---@param quote string
---@return integer?
function tokens.end_of_quoted(text, position, quote)
  while position <= #text do
    local byte = text:sub(position, position)
    if byte == quote then return position end
    position = position + (byte == "\\" and 2 or 1)
  end
end

-- The end of a comment, math.huge when the cursor is in it; nil when none begins there.
local function comment(text, first)
  if text:sub(first, first + 1) ~= "--" then return nil end
  return long_bracket(text, first + 2) or (text:find("\n", first, true) or math.huge)
end

-- Kind and end of the token at `first`.
local function token_at(text, first)
  local long = long_bracket(text, first)
  if long then return "string", long end
  local quote = text:match("^[\"']", first)
  if quote then return "string", tokens.end_of_quoted(text, first + 1, quote) or math.huge end
  local _, last = text:find("^[%a_][%w_]*", first)
  if last then return "name", last end
  _, last = text:find("^%.?%d[%w.]*", first)
  if last then return "number", last end
  _, last = text:find("^%.%.%.?", first)
  return "symbol", last or first
end

---@class moontide.tokens
---@field [integer] moontide.token
---@field open integer[] the indices of brackets that are open at the cursor, innermost last
---@field inside "comment"|"string"|nil where the cursor is
---@field string_first integer? where the string that the cursor is in begins

--- The tokens of a text. A string that is open at its end is none of them: `inside` says so.
---@param text string
---@return moontide.tokens
function tokens.of(text)
  local list = { open = {} }
  local position = 1
  while true do
    position = text:find("%S", position)
    if not position then return list end
    local last = comment(text, position)
    if last == math.huge then
      list.inside = "comment"
      return list
    elseif not last then
      local kind
      kind, last = token_at(text, position)
      if last == math.huge then
        list.inside, list.string_first = "string", position
        return list
      end
      local token = { kind = kind, text = text:sub(position, last), first = position, last = last }
      list[#list + 1] = token
      if kind == "symbol" and opening[token.text] then
        table.insert(list.open, #list)
      elseif kind == "symbol" and closing[token.text] then
        token.partner = table.remove(list.open)
      end
    end
    position = last + 1
  end
end

return tokens
