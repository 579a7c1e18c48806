--- Requests before the start, of prompts that the workload does not have: is the endpoint there, does it know
--- the model, and how many tokens does a chat template add to a prompt?
local core = require "moontide.core"
local drive = require "moontide.drive"
local report = require "moontide.kit.report"
local trace = require("moontide.trace.trace").public.trace

local warmup = {}

-- ISLs of the requests, in turn; the second of a session has both turns' templates in it.
local lengths = { 64, 256, 128 }

local function copy(settings)
  local own = {}
  for name, value in pairs(settings) do own[name] = value end
  own.lines, own.record, own.inputs, own.by, own.objectives = nil, nil, nil, nil, nil
  own.window_begin, own.window_end, own.cancel_after = nil, nil, nil
  own.seed = settings.seed ~ 0x5eed -- other texts than the workload's
  return own
end

-- Sends the rows one after the other, the first of them with this number, which says the endpoint; gives the
-- results, or nil, message, code.
local function send(driver, settings, rows, number)
  local source <close> = core.source.columns(trace.columns(rows))
  local own = copy(settings)
  own.slots, own.start, own.first_number = nil, drive.now(), number
  local replay <close>, message, code = drive.replay(driver, source, own)
  if not replay then return nil, message, code end
  repeat
    local more
    more, message, code = replay:step(1)
    if more == nil then
      replay:stop(0, "interrupt")
      while replay:step(1) do end
      return nil, message, code
    end
  until not more
  return (replay:results())
end

-- What went wrong with all of an endpoint's.
local function failure_of(results, opt, url)
  local one = results.failures[1]
  local said = one.text ~= "" and (": " .. one.text) or ""
  return ("%s: the endpoint does not answer as it should (%s%s); model %q"):format(url, one.name, said,
    opt.model)
end

local function difference(results)
  local one = results.metrics.input_length_difference
  return one and one.p50
end

-- Tokens that the template adds to one message, by the server's own count: of all endpoints the least. Each
-- must answer one request at least.
local function measure(driver, opt, settings)
  local found
  local done, failed = {}, {}
  for i = 1, opt.warmup do
    for k = 1, #opt.url do
      local results, message, code = send(driver, settings,
        { { timestamp = 0, input_length = lengths[(i - 1) % #lengths + 1], output_length = 2,
            hash_ids = { (1 << 40) + i } } }, (i - 1) * #opt.url + k - 1)
      if not results then return nil, message, code end
      done[k] = done[k] or results.done > 0
      failed[k] = results.done == 0 and results or failed[k]
      local now = difference(results)
      if now then found = math.min(found or now, now) end
    end
  end
  for k, url in ipairs(opt.url) do
    if not done[k] then return nil, failure_of(failed[k], opt, url), "io" end
  end
  return found or 0
end

local tries = 3

-- What a further message adds: two turns of a session, of which the second has two more. What the first adds
-- is in settings already. Where one of the two fails nothing is learnt, and they are sent again; false: of no
-- two both were answered.
local function measure_message(driver, settings)
  for _ = 1, tries do
    local results, message, code = send(driver, settings, {
      { timestamp = 0, input_length = 64, output_length = 8, session_id = "w", hash_ids = { 1 << 41 } },
      { timestamp = 1, input_length = 200, output_length = 8, session_id = "w", delay = 0,
        hash_ids = { 1 << 41 } } })
    if not results then return nil, message, code end
    local one = results.metrics.input_length_difference
    if results.done == 2 then return one and math.max(0, math.floor(one.max / 2 + 0.5)) or 0 end
  end
  return false
end

--- Sends them; settings.overhead and message_overhead become what the template adds.
---@param driver userdata
---@param opt table
---@param settings table of drive.replay
---@return true? done, string? message, string? code
function warmup.run(driver, opt, settings)
  if opt.warmup == 0 then return true end
  local added, message, code = measure(driver, opt, settings)
  if not added then return nil, message, code end
  if settings.api ~= "chat" or added <= 0 then return true end
  settings.overhead = math.floor(added + 0.5)
  local more
  more, message, code = measure_message(driver, settings)
  if more == nil then return nil, message, code end
  settings.message_overhead = more or 0
  local text = more and "the server's chat template adds %d tokens to a prompt, %d to each further message"
    or "the server's chat template adds %d tokens to a prompt; what it adds to each further message is not "
      .. "known, for the requests that should tell have failed"
  report.note_once(text:format(settings.overhead, settings.message_overhead))
  return true
end

return warmup
