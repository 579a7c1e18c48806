-- A mock in the background, the binary as a child process, and a client of it that is a shell's.
local command = require "tests.support.command"
local system = require "system" -- that busted has with it

local mock = {}

local function quote(word)
  return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

local function output_of(line)
  local pipe = assert(io.popen(line))
  local text = pipe:read "a"
  pipe:close()
  return text
end

local function file_text(path)
  local file = io.open(path, "rb")
  if not file then return "" end
  local text = file:read "a"
  file:close()
  return text
end

-- Waits for what fn() gives, at most 20 s of sleep.
local function wait_for(what, fn)
  for _ = 1, 4000 do
    local value = fn()
    if value then return value end
    system.sleep(0.005)
  end
  error("waited in vain for " .. what, 2)
end

local running = {}

--- Starts `moontide mock --port 0 WORDS`; gives { port, err(), finish(signal) }.
function mock.start(words)
  local folder = command.folder()
  local quoted = {}
  for i, word in ipairs(words or {}) do quoted[i] = quote(word) end
  -- A background job would ignore SIGINT.
  local inner = ("echo $$ >pid; exec env --default-signal=INT %s mock --port 0 %s 2>err"):format(
    quote(command.binary()), table.concat(quoted, " "))
  os.execute(("cd %s && { sh -c %s; echo $? >status; } </dev/null >out 2>/dev/null &"):format(
    quote(folder), quote(inner)))
  local self = { folder = folder }
  function self.err() return file_text(folder .. "/err") end

  --- Sends the signal and gives { status, err }; without one it must end by itself.
  function self.finish(signal)
    running[self] = nil
    local pid = file_text(folder .. "/pid"):match "%d+"
    if signal and pid then os.execute(("kill -%s %s 2>/dev/null"):format(signal, pid)) end
    local status = wait_for("the mock's end", function()
      return file_text(folder .. "/status"):match "%d+"
    end)
    return { status = tonumber(status), err = self.err() }
  end

  running[self] = true
  self.port = tonumber(wait_for("the mock's port", function()
    local ended = file_text(folder .. "/status"):match "%d"
    if ended then error("it ended: " .. self.err()) end
    return self.err():match "listening on http://[^\n]*:(%d+)\n"
  end))
  return self
end

--- Ends those that a failed test left.
function mock.stop_all()
  for self in pairs(running) do self.finish "KILL" end
end

--- The whole answer, head and body, to POST path with a body, or to GET path without one; or what had come
--- of it after so many seconds, when the client leaves.
function mock.ask(self, path, body, seconds)
  local head = ("%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"):format(
    body and "POST" or "GET", path, #(body or ""))
  local file = command.write(self.folder, "request", head .. (body or ""))
  return output_of(("%sbash -c %s"):format(seconds and ("timeout %g "):format(seconds) or "", quote(
    ("exec 3<>/dev/tcp/127.0.0.1/%d; cat %s >&3; cat <&3"):format(self.port, file))))
end

return mock
