-- How the benchmarks measure: whole processes and programs of tests/bench, medians of several runs.
local measuring = {}

--- A word of a shell command.
---@param word string
---@return string
function measuring.quote(word)
  if word:find "^[%w_./:=,@%%+-]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

---@param values number[] at least one; sorted afterwards
---@param share number 0 to 1
---@return number
local function quantile(values, share)
  table.sort(values)
  local place = 1 + share * (#values - 1)
  local below = math.floor(place)
  local above = math.min(below + 1, #values)
  return values[below] + (place - below) * (values[above] - values[below])
end

--- Median of some values, and how far apart their quartiles are as a share of it.
---@param values number[]
---@return number median, number spread
function measuring.summary(values)
  local median = quantile(values, 0.5)
  return median, (quantile(values, 0.75) - quantile(values, 0.25)) / median
end

-- What a command prints; raises its name and the end of its complaints when it fails.
local function output_of(words, complaints)
  local quoted = {}
  for i, word in ipairs(words) do quoted[i] = measuring.quote(tostring(word)) end
  local command = table.concat(quoted, " ")
  local pipe = assert(io.popen(command .. " 2>" .. measuring.quote(complaints) .. " </dev/null"))
  local text = pipe:read "a"
  local ok, how, number = pipe:close()
  if ok then return text end
  local file <close> = assert(io.open(complaints))
  local said = file:read "a":match "[^\n]+" or "nothing said"
  error({ command = command, status = how == "exit" and number or 128 + number, said = said }, 0)
end

--- A bench: where its programs are and where it writes.
---@class moontide.bench
---@field build string the build's folder
---@field folder string for big files
local bench = {}
bench.__index = bench

---@param build string
---@param folder string
---@return moontide.bench
function measuring.new(build, folder)
  return setmetatable({ build = build, folder = folder, complaints = folder .. "/stderr" }, bench)
end

--- A file in the folder for big files.
function bench:file(name)
  return self.folder .. "/" .. name
end

--- A program of tests/bench with its arguments, as a command.
function bench:program(name, ...)
  return { self.build .. "/bench/" .. name, ... }
end

--- The executable with its arguments, as a command.
function bench:moontide(...)
  return { self.build .. "/moontide", ... }
end

--- Runs some commands in turn, `runs` times over, so that what disturbs one disturbs all. Each is
--- timed as a whole process; `fresh` names the files to be removed before each run.
---@param runs integer
---@param commands table<string, string[]>
---@param fresh? string[]
---@return table<string, {wall: number, spread: number, peak: number}> seconds, a share, bytes; medians
function bench:together(runs, commands, fresh)
  local names, walls, peaks, results = {}, {}, {}, {}
  for name in pairs(commands) do names[#names + 1] = name end
  table.sort(names)
  for _ = 1, runs do
    for _, name in ipairs(names) do
      for _, path in ipairs(fresh or {}) do os.remove(path) end
      local words = self:program("measure", table.unpack(commands[name]))
      local wall, peak = output_of(words, self.complaints):match "^(%S+) %S+ %S+ (%d+)"
      walls[name], peaks[name] = walls[name] or {}, peaks[name] or {}
      table.insert(walls[name], tonumber(wall))
      table.insert(peaks[name], tonumber(peak))
    end
  end
  for _, name in ipairs(names) do
    local wall, spread = measuring.summary(walls[name])
    results[name] = { wall = wall, spread = spread, peak = quantile(peaks[name], 0.5) }
  end
  return results
end

--- Runs a program that measures itself and prints lines "NAME VALUE", `runs` times.
---@param runs integer
---@param command string[]
---@return table<string, number> medians, table<string, number> spreads, string[] names in their order
function bench:figures(runs, command)
  local values, medians, spreads, names = {}, {}, {}, {}
  for run = 1, runs do
    for name, value in output_of(command, self.complaints):gmatch "(%S+) (%S+)\n" do
      if run == 1 then names[#names + 1] = name end
      values[name] = values[name] or {}
      table.insert(values[name], tonumber(value))
    end
  end
  for name, list in pairs(values) do medians[name], spreads[name] = measuring.summary(list) end
  return medians, spreads, names
end

return measuring
