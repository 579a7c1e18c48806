-- A helper of busted's, for tests/run --times: after each test a line "# took PROCESSOR LENGTH NAME", in
-- seconds. PROCESSOR is the user and system time of this process and of those that it ran and waited for.
local busted = require "busted"

local TICKS = 100 -- a second: USER_HZ, in which /proc tells times (proc(5)) on every Linux

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

-- Fields 14 to 17 of stat, counted behind the program's name, which may have spaces and brackets in it.
local function processor_time()
  local user, system, child_user, child_system =
    read "/proc/self/stat":match("^.*%) %S" .. (" %S+"):rep(10) .. " (%d+) (%d+) (%d+) (%d+)")
  return (user + system + child_user + child_system) / TICKS
end

local function length()
  return tonumber(read "/proc/uptime":match "%S+")
end

local processor_before, length_before = processor_time(), length()

busted.subscribe({ "test", "end" }, function(element)
  local processor, now = processor_time(), length()
  print(("# took %.2f %.2f %s"):format(processor - processor_before, now - length_before, element.name))
  processor_before, length_before = processor, now
  return nil, true
end)

return function() return true end
