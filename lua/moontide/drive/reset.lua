--- Before a run the server's prefix cache is empty, where it can be: else a run finds what the last one has
--- left there, and the second of two alike is faster.
local core = require "moontide.core"
local drive = require "moontide.drive"
local options = require "moontide.kit.options"
local report = require "moontide.kit.report"
local sending = require "moontide.drive.sending"
local trace = require("moontide.trace.trace").public.trace

local reset = {}

local look_every = 0.2 -- seconds

-- A POST to a path of the server, over the driver's own transports and with the run's headers. The request
-- that carries it says nothing to the server, and any answer is one. Gives how it failed; nil: it did not.
local function post(opt, url, path)
  local headers, message, code = sending.headers(opt)
  if not headers then return message, code end
  local own = options.with(opt, { url = { url }, connections = 0, live_history = false })
  own.concurrency = nil
  local driver <close>, trouble, kind = sending.driver(own, true)
  if not driver then return trouble, kind end
  local source <close> = core.source.columns(trace.columns { { timestamp = 0, input_length = 1,
    output_length = 1, hash_ids = { 0 } } })
  local replay <close> = drive.replay(driver, source, {
    api = "text", model = '""', output_field = "max_tokens", streams = false,
    endpoints = { { host = drive.url(url).host, path = path } }, headers = headers,
    event = function() return { content = "-", done = true } end, start = drive.now() })
  if not replay then return "it could not be sent" end
  repeat
    local more = replay:step(look_every)
    if more == nil then replay:stop(0, "interrupt") end
  until more == false
  local failed = replay:results().failures[1]
  if failed and failed.name ~= "no_content" then return failed.name end
end

local resets = {
  { path = "/reset_prefix_cache", server = "vLLM" }, { path = "/flush_cache", server = "SGLang" },
}

-- SGLang refuses while it still has something to do.
local most_tries = 10

-- Asks each server to empty its prefix cache, in vLLM's way and in SGLang's: what came of it, for people,
-- and whether all of them said yes.
local function ask(opt)
  local worked, texts, seen = true, {}, {}
  for _, url in ipairs(opt.url) do
    local read, said = drive.url(url), nil
    for _, way in ipairs(not seen[read.host] and resets or {}) do
      local failed
      for _ = 1, most_tries do
        failed = post(opt, url, way.path)
        if failed ~= "status_400" or not drive.sleep(look_every) then break end
      end
      if not failed then
        said = { true, ("%s was reset (%s)"):format(url, way.path) }
        break
      end
      said = said or { false, ("%s was not reset:"):format(url) }
      said[2] = ("%s %s gives %s;"):format(said[2], way.path, failed)
    end
    seen[read.host] = true
    if said then
      worked = worked and said[1]
      texts[#texts + 1] = (said[2]:gsub(";$", ""))
    end
  end
  return worked, "the cache of " .. table.concat(texts, ", that of ")
end

--- Where --reset-cache asks for it: each server is asked to empty its prefix cache, and what came of it is
--- told on standard error. Gives whether all of them said yes; nil: nobody was asked.
---@param opt table driving options
---@return boolean?
function reset.before(opt)
  if not opt.reset_cache then return nil end
  local worked, text = ask(opt)
  report.note(text)
  return worked
end

return reset
