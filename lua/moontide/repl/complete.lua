--- What Tab knows: names, fields and methods, options inside `mt.spike{`, files inside strings, commands.
--
-- It evaluates nothing: tables are read raw, along __index where that is a table (or a function in C that
-- holds one); what a call gives is known by the annotation of the function.
local commands = require "moontide.repl.commands"
local evaluate = require "moontide.repl.evaluate"
local reference = require "moontide.reference"
local reference_methods = require "moontide.reference.methods"
local scripts = require "moontide.script.load"
local tokens = require "moontide.repl.tokens"

local complete = {}

local keywords = tokens.keywords

-- --- values, without running anything --------------------------------------------------------------

local deepest = 10

-- Tables in which a value's fields are looked up, in order.
local function tables_of(value)
  local list = {}
  if type(value) == "table" then list[1] = value end
  for _ = 1, deepest do
    local metatable = debug.getmetatable(value)
    value = type(metatable) == "table" and reference_methods.of_metatable(metatable) or nil
    if not value then break end
    list[#list + 1] = value
  end
  return list
end

-- A value, or a type whose values nobody has yet: { value = } or { type = }.
local function field(base, name)
  if base.type then
    local one = reference_methods.find(base.type)
    return one and { value = one.methods[name] }
  end
  for _, one in ipairs(tables_of(base.value)) do
    local found = rawget(one, name)
    if found ~= nil then return { value = found } end
  end
end

local function global(name, environment)
  local value = rawget(environment, name)
  if value == nil then value = rawget(_G, name) end
  return value ~= nil and { value = value } or nil
end

-- Does a call's argument follow this token: a name, a closing bracket?
local function may_be_called(token)
  if not token then return false end
  return token.kind == "name" and not keywords[token.text] or token.text == ")" or token.text == "]"
end

local function is_one_of(token, a, b)
  return token and token.kind == "symbol" and (token.text == a or token.text == b)
end

local resolve

local function result_of_call(list, last, environment)
  local callee = resolve(list, last, environment)
  local fn = callee and callee.value
  local name = type(fn) == "function" and reference_methods.result_of(fn)
  return name and { type = name } or nil
end

-- What the expression is that ends with token `last`, as far as that can be known: nil where it cannot.
function resolve(list, last, environment)
  local token = list[last]
  if not token then return nil end
  if token.kind == "name" then
    if keywords[token.text] then return nil end
    if not is_one_of(list[last - 1], ".", ":") then return global(token.text, environment) end
    local base = resolve(list, last - 2, environment)
    return base and field(base, token.text)
  elseif token.kind == "string" then
    if may_be_called(list[last - 1]) then return result_of_call(list, last - 1, environment) end
    return { value = "" }
  elseif token.partner and token.text ~= "]" then
    local before = token.partner - 1
    if may_be_called(list[before]) then return result_of_call(list, before, environment) end
    -- In brackets: what the last operand is, for operators keep the kind: (10 + mt.spike{...})
    if token.text == ")" then return resolve(list, last - 1, environment) end
  end
end

-- --- candidates ------------------------------------------------------------------------------------

-- Adds the names in a table that a program could write and that begin like `word`.
local function add_names(into, names, word, wanted)
  for name, value in next, names do
    if type(name) == "string" and name:find "^[%a_][%w_]*$" and name:sub(1, #word) == word
      and name ~= evaluate.hidden_name and not keywords[name] and (not wanted or wanted(value)) then
      into[name] = name
    end
  end
end

local function is_callable(value)
  local metatable = debug.getmetatable(value)
  return type(value) == "function" or type(metatable) == "table" and rawget(metatable, "__call") ~= nil
end

local function is_metamethod(name)
  return name:find "^__" ~= nil
end

local function fields_of(base, word, wanted)
  local found = {}
  if base.type then
    local one = reference_methods.find(base.type)
    add_names(found, one and one.methods or {}, word, wanted)
  else
    for _, one in ipairs(tables_of(base.value)) do add_names(found, one, word, wanted) end
  end
  for name in pairs(found) do
    if is_metamethod(name) and not is_metamethod(word) then found[name] = nil end
  end
  return found
end

-- The names given already in the table that opens at token `first`.
local function given_names(list, first)
  local given, depth = {}, 0
  for i = first + 1, #list do
    local text = list[i].kind == "symbol" and list[i].text
    if text == "{" or text == "(" then depth = depth + 1 end
    if text == "}" or text == ")" then depth = depth - 1 end
    if depth == 0 and text == "=" and list[i - 1].kind == "name" then given[list[i - 1].text] = true end
  end
  return given
end

-- The last token of what is called with the table that opens at `first`: mt.spike{, mt.spike({,
-- load:write("a.jsonl", {. Nil where the table is no argument.
local function callee_of_table(list, first)
  local before, around = first - 1, list.open[#list.open - 1]
  if is_one_of(list[before], "(") then return before - 1 end
  if not is_one_of(list[before], ",") then return before end
  return around and list[around].text == "(" and around - 1 or nil
end

-- The options that may stand at the cursor: where a table that a function is called with opens an item.
local function options_at(list, last, word, environment)
  local found, first = {}, list.open[#list.open]
  local before = list[last]
  if not first or list[first].text ~= "{" then return found end
  if not (last == first or before.text == "," or before.text == ";") then return found end
  local callee_last = callee_of_table(list, first)
  local callee = callee_last and may_be_called(list[callee_last]) and resolve(list, callee_last, environment)
  if not callee or type(callee.value) ~= "function" then return found end
  local given = given_names(list, first)
  for _, name in ipairs(reference.option_names(callee.value)) do
    if name:sub(1, #word) == word and not given[name] then found[name] = name .. " = " end
  end
  return found
end

-- Options where they may stand and one begins so, else names and keywords.
local function names_at(list, last, word, environment)
  local found = options_at(list, last, word, environment)
  if word == "" or next(found) then return found end
  add_names(found, _G, word)
  add_names(found, environment, word)
  for keyword in pairs(keywords) do
    if keyword:sub(1, #word) == word then found[keyword] = keyword end
  end
  return found
end

local function in_code(list, text, environment)
  local last, word = #list, ""
  if last > 0 and list[last].kind == "name" and list[last].last == #text then
    word, last = list[last].text, last - 1
  end
  if last > 0 and list[last].kind == "number" and list[last].last == #text then return {}, word end
  if not is_one_of(list[last], ".", ":") then return names_at(list, last, word, environment), word end
  local base = resolve(list, last - 1, environment)
  if not base then return {}, word end
  return fields_of(base, word, list[last].text == ":" and is_callable or nil), word
end

-- --- files and commands ----------------------------------------------------------------------------

-- Files whose path begins like `word`; `closing` follows one that is not a folder.
local function files(word, list_folder, closing)
  local folder, name = word:match "^(.*/)([^/]*)$"
  if not folder then folder, name = "", word end
  local found = {}
  for _, file in ipairs(list_folder(folder == "" and "." or folder)) do
    local is_hidden = file:sub(1, 1) == "." and name == "" or file:find "%c"
    if file:sub(1, #name) == name and not is_hidden and file ~= "./" and file ~= "../" then
      found[folder .. file] = folder .. file .. (file:sub(-1) == "/" and "" or closing)
    end
  end
  return found
end

local function add_list(into, list, word, closing)
  for _, name in ipairs(list) do
    if name:sub(1, #word) == word then into[name] = name .. closing end
  end
  return into
end

-- Functions whose first argument is a file's name.
local takes_file = {}
for name in ("read write open writer pipe analyze compare convert lint learn times_of prompts_of lengths_of "
  .. "rate_of learned synthesizer radix dofile loadfile lines input output"):gmatch "%a[%w_]*" do
  takes_file[name] = true
end

local function in_string(list, text, list_folder)
  local quote = text:sub(list.string_first, list.string_first)
  local word = text:sub(list.string_first + 1)
  local last = #list
  if is_one_of(list[last], "(") then last = last - 1 end
  local callee = list[last]
  if not callee or callee.kind ~= "name" then return {}, word end
  if takes_file[callee.text] then return files(word, list_folder, quote), word end
  if callee.text == "plan_of" then
    return add_list(files(word, list_folder, quote), scripts.bundled_names(), word, quote), word
  elseif callee.text == "help" then
    local found = add_list({}, require("moontide.repl.help").subjects(), word, quote)
    return add_list(found, scripts.bundled_names(), word, quote), word
  end
  return {}, word
end

local function in_command(text, list_folder)
  local name, word = text:match "^(%.%a*)()$", text
  if name then return add_list({}, commands.names(), name, " "), word end
  name, word = text:match "^(%.%a+)%s.-([^%s]*)$"
  if not name then return {}, "" end
  local function is(whole) return whole:sub(1, #name) == name end
  if is ".time" then return add_list({}, { "on", "off" }, word, ""), word end
  if is ".help" then return add_list({}, require("moontide.repl.help").subjects(), word, ""), word end
  local found = files(word, list_folder, "")
  if is ".load" or is ".run" then add_list(found, scripts.bundled_names(), word, " ") end
  return found, word
end

-- --- what Tab does ---------------------------------------------------------------------------------

local function common_beginning(a, b)
  local length = 0
  while length < #a and length < #b and a:byte(length + 1) == b:byte(length + 1) do length = length + 1 end
  while length > 0 and length < #a and a:byte(length + 1) & 0xC0 == 0x80 do length = length - 1 end
  return a:sub(1, length)
end

local most_listed = 120

-- Names in columns, sorted downwards.
local function in_columns(names, width)
  local widest = 0
  local rest = #names - most_listed
  names = table.move(names, 1, math.min(#names, most_listed), 1, {})
  for i, name in ipairs(names) do
    names[i] = name:match "([^/]+/?)$" or name
    widest = math.max(widest, utf8.len(names[i]) or #names[i])
  end
  local columns = math.max(1, (width + 2) // (widest + 2))
  local rows = (#names + columns - 1) // columns
  local lines = {}
  for row = 1, rows do
    local cells = {}
    for i = row, #names, rows do
      cells[#cells + 1] = names[i] .. (" "):rep(widest - (utf8.len(names[i]) or #names[i]))
    end
    lines[row] = table.concat(cells, "  "):gsub("%s+$", "")
  end
  if rest > 0 then lines[#lines + 1] = ("... and %d more"):format(rest) end
  return table.concat(lines, "\n")
end

--- What may stand at the cursor, by name: the text that it stands for; and what of it is there already.
---@param before string the line up to the cursor
---@param pending string? the lines of the input before it
---@param environment table
---@param list_folder fun(path: string): string[] names, those of folders ending in "/"
---@return table<string, string> candidates, string word
function complete.candidates(before, pending, environment, list_folder)
  require "moontide.whole" -- what is read raw is to be there
  if not pending and before:find "^%.%a*" and not before:find "^%.%." and not before:find "^%.%d" then
    return in_command(before, list_folder)
  end
  local text = pending and pending .. "\n" .. before or before
  local list = tokens.of(text)
  if list.inside == "comment" then return {}, "" end
  if list.inside == "string" then return in_string(list, text, list_folder) end
  return in_code(list, text, environment)
end

--- What Tab inserts and what it lists: nil, nil when nothing is known.
---@param before string the line up to the cursor
---@param pending string? the lines of the input before it
---@param environment table
---@param list_folder fun(path: string): string[]
---@param width integer columns of the terminal
---@return string? insert, string? list
function complete.complete(before, pending, environment, list_folder, width)
  if not before:find "%S" then return "  " end
  local candidates, word = complete.candidates(before, pending, environment, list_folder)
  local names, common = {}, nil
  for name in pairs(candidates) do
    names[#names + 1] = name
    common = common and common_beginning(common, name) or name
  end
  if #names == 0 then return nil end
  if #names == 1 then return candidates[names[1]]:sub(#word + 1) end
  if #common > #word then return common:sub(#word + 1) end
  table.sort(names)
  return nil, in_columns(names, width)
end

return complete
