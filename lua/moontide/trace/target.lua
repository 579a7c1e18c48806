--- Files that a command must not write over.
local core = require "moontide.core"

local target = {}

--- The first of the files that writing to `path` would replace: known by what they are, not by their names.
---@param path string
---@param files (string|boolean)[] false is none
---@return string?
function target.replaced(path, files)
  for _, file in ipairs(files) do
    if file and core.trace.replaces(path, file) then return file end
  end
end

--- What is wrong with writing a trace to a name that nobody gave, or nil: what stands there must be a trace.
---@param path string
---@return string?
function target.not_a_trace(path)
  if not core.trace.replaces(path, path) then return nil end -- it is not there, or no regular file
  local reader <close> = core.source.open(path)
  if not reader then return nil end -- who writes says what is wrong
  local request, message = reader:next()
  local is_trace = request and (request.timestamp or request.input_length or request.hash_ids)
  if is_trace or (not request and not message) then return nil end
  return ("%s is there and is no trace: say with --output-file where the trace goes (-o %s replaces it)")
    :format(path, path)
end

--- What is wrong with writing a trace to `path` while the files are read, or nil: standard output is one of
--- them. (Any other path gets a whole new file when all is read.)
---@param path string
---@param files (string|boolean)[] false is none
---@return string?
function target.output_mistake(path, files)
  local read = path == "-" and target.replaced(path, files)
  if read then
    return ("standard output is %s, which is read: say where the trace goes with a file's name")
      :format(read == "-" and "standard input" or read)
  end
end

-- Two names of one file, be it there or not yet.
local function is_one_file(a, b)
  return a:gsub("^%./+", "") == b:gsub("^%./+", "") or target.replaced(a, { b }) ~= nil
end

--- What the file of --series must not be: one that the command reads, or that it writes beside. Nil when it
--- is none.
---@param series string?
---@param inputs (string|boolean)[] false is none
---@param output string? the trace's path
---@return string?
function target.series_mistake(series, inputs, output)
  if not series then return nil end
  if output and is_one_file(series, output) then
    return ("--series and the trace both go to %s"):format(output == "-" and "standard output" or output)
  end
  local replaced = series ~= "-" and target.replaced(series, inputs)
  if replaced then return ("--series would replace %s"):format(replaced) end
end

return target
