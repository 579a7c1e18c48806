-- Running the real binary, and folders and files for it. The binary is $MOONTIDE, else build/moontide.
-- A test is mostly the starting of processes, so nothing here starts one that it can do without.
local assert = require "luassert"
local lfs = require "lfs"

local command = {}

local function quote(word)
  return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

-- The path of the binary, absolute, so that it can be run from any folder.
function command.binary()
  local path = os.getenv "MOONTIDE" or "build/moontide"
  if path:sub(1, 1) == "/" then return path end
  return lfs.currentdir() .. "/" .. path
end

-- A new empty folder; command.remove_folders() removes all of them, with what is in them.
local folders = {}

function command.folder()
  local path = os.tmpname()
  assert(os.remove(path))
  assert(lfs.mkdir(path))
  folders[#folders + 1] = path
  return path
end

local function remove(path)
  if lfs.symlinkattributes(path, "mode") ~= "directory" then return os.remove(path) end
  local names = {}
  local is_readable = pcall(function()
    for name in lfs.dir(path) do names[#names + 1] = name end
  end)
  if not is_readable then return os.execute("rm -rf " .. quote(path)) end
  for _, name in ipairs(names) do
    if name ~= "." and name ~= ".." then remove(path .. "/" .. name) end
  end
  return lfs.rmdir(path)
end

function command.remove_folders()
  for i, path in ipairs(folders) do
    remove(path)
    folders[i] = nil
  end
end

-- Writes a file below a folder (sub-folders are made) and gives its path.
function command.write(folder, name, text)
  local path = folder .. "/" .. name
  if lfs.attributes(path:match "^(.*)/", "mode") ~= "directory" then
    os.execute("mkdir -p " .. quote(path:match "^(.*)/"))
  end
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

-- The path of a new file with this text (nil: there is no file yet) in a folder of its own.
function command.file(text, name)
  local folder = command.folder()
  if not text then return folder .. "/" .. (name or "file") end
  return command.write(folder, name or "file", text)
end

command.read = read

function command.exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

-- What the shell is to run, and what gives the result when it has.
local function prepared(line, opts)
  opts = opts or {}
  local scratch = os.tmpname()
  local input = "/dev/null"
  if opts.input then
    input = scratch .. ".in"
    command.write(input:match "^(.*)/", input:match "[^/]+$", opts.input)
  end
  local full = ("cd %s && export MOONTIDE=%s %s && {\n%s\n} <%s >%s 2>%s"):format(
    quote(opts.folder or "."), quote(command.binary()), opts.environment or "", line,
    quote(input), quote(scratch), quote(scratch .. ".err"))
  return full, function(_, how, number)
    local result = {
      status = how == "exit" and number or 128 + number,
      out = read(scratch), err = read(scratch .. ".err"),
    }
    for _, path in ipairs { scratch, scratch .. ".err", scratch .. ".in" } do os.remove(path) end
    return result
  end
end

-- Runs a shell line in which $MOONTIDE is the binary. opts.folder: the working folder; opts.input:
-- standard input's text; opts.environment: "NAME=value NAME=value". Gives { status, out, err }.
function command.shell(line, opts)
  local full, result = prepared(line, opts)
  return result(os.execute(full))
end

-- Begins the same, beside what follows; gives a function that waits for its end and gives what command.shell
-- gives.
function command.start(line, opts)
  local full, result = prepared(line, opts)
  local pipe = assert(io.popen(full))
  return function() return result(pipe:close()) end
end

-- Runs the binary with words: command.run({ "help", "sin" }, opts).
function command.run(words, opts)
  local quoted = { '"$MOONTIDE"' }
  for _, word in ipairs(words) do quoted[#quoted + 1] = quote(word) end
  return command.shell("exec " .. table.concat(quoted, " "), opts)
end

-- Runs the binary with the words of a line, separated by spaces.
function command.line(line, opts)
  local words = {}
  for word in line:gmatch "%S+" do words[#words + 1] = word end
  return command.run(words, opts)
end

-- The result must be a refusal: one line on standard error, nothing on standard output, and the exit
-- status (nil: 1). The flag that passes over a bad line, which every such message ends with, may be left out.
function command.refuses(result, message, exit_status)
  local err = result.err
  if not message:find("--skip-bad-lines", 1, true) then
    err = err:gsub(" %(%-%-skip%-bad%-lines passes over bad lines%)\n$", "\n")
  end
  assert.equal("moontide: " .. message .. "\n", err)
  assert.equal("", result.out)
  assert.equal(exit_status or 1, result.status)
end

return command
