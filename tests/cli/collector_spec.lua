-- Memory that core holds for a script's values: garbage goes before much of it is there.
local command = require "tests.support.command"

-- 200 columns of 4 MB, each forgotten at once; then one that stays, and the peak in MiB.
local script = [[
mt = require "moontide"
ids, rows = {}, {}
for i = 1, 500 do ids[i] = i end
for i = 1, 1000 do rows[i] = { timestamp = i, input_length = 10, output_length = 1, hash_ids = ids } end
all = mt.trace.columns(rows)
for _ = 1, 200 do assert(#all:where(all:column "input_length") == 1000) end
peak = io.open "/proc/self/status":read "a":match "VmHWM:%s*(%d+)"
print(#all, peak // 1024)]]

describe("columns that a script makes and forgets", function()
  after_each(command.remove_folders)

  -- All of them are 800 MiB; two times what stays, at least 32 MiB, and the program are less than 100.
  local function check(line)
    if not command.exists "/proc/self/status" then return pending "there is no /proc" end
    if command.read(command.binary():match "^(.*)/" .. "/flags"):find("-fsanitize", 1, true) then
      return pending "sanitizers keep what is freed"
    end
    local pipe = assert(io.popen(line))
    local text = pipe:read "a"
    pipe:close()
    local count, peak = text:match "^(%d+)%s+(%d+)\n$"
    assert.equal("1000", count, text)
    assert.is_true(tonumber(peak) < 100, peak .. " MiB")
  end

  it("are collected in the executable", function()
    check(("%s repl < %s"):format(command.binary(), command.file(script, "x.lua")))
  end)

  it("are collected in a stock lua5.4", function()
    check(("LUA_PATH='%s' LUA_CPATH='%s' lua5.4 %s"):format(package.path, package.cpath, command.file(script, "x.lua")))
  end)
end)
