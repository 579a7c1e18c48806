--- CSV files: a row at a time, as texts by the names of their columns.
--
-- A file is read as RFC 4180 says: the first row is the header; quotes, "" for a quote and line ends
-- within quotes; every row as many fields as the header; blank lines are skipped. Fields keep their
-- blanks, the columns' names do not. A compressed file (.gz, .zst) is decompressed; "-" is standard input.
-- What stands between columns is the comma, or, where the header has none, the semicolon, tab or bar that it
-- has; or what a first line "sep=;" says. A file that cannot be read, or is not such a CSV, gives nil, a
-- message and a code.
local core = require "moontide.core"
local kinds = require "moontide.kit.kinds"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"

local raw = core.csv
local most_names = 20 -- of columns that a message lists

---@class moontide.csv
---@operator call: table<string, string>?
---@field next fun(self): table<string, string>?, string?, string? a row by column names; nil alone is the end
---@field names fun(self): string[] all columns' names, in the file's order
---@field line fun(self): integer the line on which the last row began; before the first, the header's
---@field close fun(self)

local csv = {}

-- The names for a message, the first of them when there are many.
local function list_of(names)
  local shown = {}
  for i = 1, math.min(#names, most_names) do shown[i] = options.show(names[i]) end
  if #names > most_names then shown[#shown + 1] = ("and %d more"):format(#names - most_names) end
  return table.concat(shown, ", ")
end

-- " (did you mean 'X'?)" or "": a name in other letters' case is near too.
local function hint_of(name, names)
  for _, candidate in ipairs(names) do
    if candidate:lower() == name:lower() then
      return (" (did you mean %s?)"):format(options.show(candidate))
    end
  end
  return nearest.hint(name, names)
end

-- The indices of the wanted columns, or nil and what is wrong with them.
local function indices_of(reader, wanted)
  local names, indices, missing = reader:names(), {}, {}
  for i, name in ipairs(wanted or names) do
    local index, is_repeated = raw.column(reader, name)
    if is_repeated then return nil, ("several columns are called %s"):format(options.show(name)) end
    if not index then missing[#missing + 1] = options.show(name) .. hint_of(name, names) end
    indices[i] = index
  end
  if #missing == 0 then return indices end
  return nil, ("no column %s; the columns are %s"):format(table.concat(missing, ", no "), list_of(names))
end

-- The same as csv.open, its arguments checked.
local function open(path, wanted, delimiter)
  local reader, message, code = raw.open(path, delimiter)
  if not reader then return nil, message, code end
  local indices, problem = indices_of(reader, wanted)
  if not indices then
    message = ("%s: %s"):format(raw.where(reader), problem)
    reader:close()
    return nil, message, "input"
  end
  raw.select(reader, indices)
  return reader
end

-- What stands between columns: one character, or "tab".
kinds.by_name.delimiter = { placeholder = "CHARACTER", convert = function(value, what)
  if value == "tab" or value == "\\t" then return "\t" end
  if type(value) ~= "string" or not value:find '^[^"\r\n%z\x80-\xFF]$' then
    options.wrong(what, value, "one character, as ; or |, or tab")
  end
  return value
end }

local open_spec = { { "columns", kind = "string", list = true }, { "delimiter", kind = "delimiter" } }

---@class moontide.csv_options
---@field columns? string[] which ones rows have; all when left out
---@field delimiter? string between columns: a character or "tab"; found from the header without it

--- Opens a CSV for reading: `for row in mt.csv.open(path) do print(row.time) end`.
-- Rows are tables of texts, of the wanted columns only where columns = {"time", ...} says which; a
-- column that is not there fails here. In such a loop a bad row raises its message, for the loop has
-- no place to return it; reader:next() returns it.
---@param path string
---@param given? moontide.csv_options
---@return moontide.csv? reader, string? message, string? code
function csv.open(path, given)
  options.value(path, "csv.open: path", { "path", kind = "path" })
  local opt = options.table("csv.open", given, open_spec)
  return open(path, opt.columns, opt.delimiter)
end

---@class moontide
local public = { csv = csv }

return {
  open = open,
  list_of = list_of,
  public = public,
  methods = { { "csv", raw.methods } },
}
