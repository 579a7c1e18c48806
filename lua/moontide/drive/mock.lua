--- The command `mock`: a server that speaks as an inference server does, to try a driver on.
local core = require "moontide.core"
local distribution = require "moontide.load.distribution"
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"
local texts = require "moontide.kit.text"
local units = require "moontide.kit.units"

local mock = {}

-- --- options ---------------------------------------------------------------------------------------

-- A time in milliseconds: 20, "20", "20ms", "1.5s".
local function milliseconds(value, what)
  local is_text = type(value) == "string"
  local is_plain = not is_text or value:find "^%s*[%d.+-]+[eE%d.+-]*%s*$"
  local ms = is_plain and units.number(value, what, is_text) or units.duration(value, what) * 1000
  if ms < 0 then core.base.raise(("%s must be at least 0, not %s"):format(what, units.show(value))) end
  return ms
end

options.kinds.milliseconds = { placeholder = "TIME", convert = milliseconds }

-- The same, or a distribution of milliseconds: "lognormal:mean=200,cv=0.5".
options.kinds.milliseconds_law = { placeholder = "TIME", convert = function(value, what)
  local is_law = type(value) == "userdata" or type(value) == "string" and value:find "^%s*%a"
  return distribution.of(is_law and value or milliseconds(value, what), what)
end }

-- What may be said after --fail.
local faults = {
  "refused", "first_byte_timeout", "stall", "gap_timeout", "total_timeout", "reset_before_byte",
  "reset_in_header", "reset_mid_stream", "closed_mid_event", "closed_before_byte", "not_http",
  "bad_chunk_size", "status", "status_NNN", "overload", "error_event", "malformed", "truncated", "no_content",
  "no_done", "stale_connection",
}

options.kinds.fault = { pair = "=", placeholder = "NAME=SHARE", convert = function(text, what)
  local drive = require "moontide.drive"
  local name, share = tostring(text):match "^%s*([%w_]+)%s*=%s*(.-)%s*$"
  name = name or tostring(text):match "^%s*([%w_]+)%s*$"
  if not name then units.wrong(what, text, "NAME=SHARE,...") end
  if not drive.mock.is_fault(name) then
    core.base.raise(("%s: a server cannot bring about '%s'%s: it takes %s"):format(
      what, name, nearest.hint(name, faults), table.concat(faults, ", ")))
  end
  local number = share and units.number(share, ("%s: %s"):format(what, name), true) or 1
  if number < 0 or number > 1 then
    core.base.raise(("%s: %s must be between 0 and 1, not %s"):format(what, name, units.show(number)))
  end
  return { name, number }
end }

-- The shares of all that can befall one request.
local function sum_of(read)
  local sum = 0
  for _, one in ipairs(read or {}) do
    if one[1] ~= "refused" then sum = sum + one[2] end
  end
  return sum
end

local longest_model = 95 -- bytes, of a request's

--- What is wrong with the options taken together.
---@param opt table
---@return string?
function mock.check(opt)
  if opt.load_factor ~= 1 and not opt.slots then return "--load-factor needs --slots" end
  if opt.queue and not opt.slots then return "--queue needs --slots" end
  if opt.hit_rule ~= "vllm" and not opt.kv_blocks then return "--hit-rule needs --kv-blocks" end
  local model = opt.model or "any"
  if model == "" or #model > longest_model or model:find "[^\32-\126]" or model:find '["\\]' then
    return ("--model: the mock takes names of 1 to %d printable ASCII characters without \" and \\, not %s")
      :format(longest_model, units.show(opt.model))
  end
  local sum = sum_of(opt.fail)
  if sum > 1 + 1e-9 then
    return ("--fail: the shares are %s together, more than 1"):format(units.show(sum))
  end
end

-- The function that a file of Lua returns.
local function timing_of(path)
  if not path then return nil end
  local scripts = require "moontide.script.load"
  local file, message = io.open(path, "rb")
  if not file then return nil, message, "io" end
  local text = file:read "a"
  file:close()
  local chunk, trouble = load(text, "@" .. path, "t", scripts.environment(path:match "^(.*)/[^/]*$" or "."))
  if not chunk then return nil, trouble, "callback" end
  local value = chunk()
  if type(value) ~= "function" then
    message = ("%s: must return function(request) ... end, not %s"):format(path, units.show(value))
    return nil, message, "callback"
  end
  return value
end

-- --- running ---------------------------------------------------------------------------------------

local function url(host, port)
  return ("http://%s:%d"):format(host:find ":" and "[" .. host .. "]" or host, port)
end

local function report(counts)
  io.stderr:write(("moontide: %d requests on %d connections: %d answered, %d refused, "
    .. "%d failed as asked for, %d left by their clients; "
    .. "prompt tokens %d (%d cached), generated %d\n"):format(
    counts.requests, counts.connections, counts.answered, counts.refused, counts.failed, counts.aborted,
    counts.prompt_tokens, counts.cached_tokens, counts.generated_tokens))
end

-- What drive.mock takes, of the options of scripts/mock.lua; or nil, message, code.
local function settings_of(opt)
  local timing, message, code = timing_of(opt.timing)
  if message then return nil, message, code end
  return {
    host = opt.host, port = opt.port, dialect = opt.dialect, model = opt.model, seed = opt.seed,
    ttft = opt.ttft, itl = opt.itl, prefill_per_token = opt.prefill_per_token,
    load_factor = opt.load_factor, slots = opt.slots, queue = opt.queue, rate_limit = opt.rate_limit,
    tokens_per_chunk = distribution.of(opt.tokens_per_chunk, "mock: tokens_per_chunk"),
    output_tokens = opt.osl and distribution.of(opt.osl, "mock: osl"),
    most_tokens = opt.max_model_len, kv_blocks = opt.kv_blocks, block_size = opt.block_size,
    hits_all = opt.hit_rule == "all", idle = opt.keep_alive, ping = opt.ping,
    requests_per_connection = opt.requests_per_connection, faults = opt.fail or {},
    log = opt.log,
    timing = timing and function(...) return { timing(...) } end,
  }
end

--- Serves until Ctrl-C.
---@param opt table the options of scripts/mock.lua
---@return true|nil, string?, string?
function mock.run(opt)
  local drive = require "moontide.drive"
  local settings, message, code = settings_of(opt)
  if not settings then return nil, message, code end
  local server
  server, message, code = drive.mock.open(settings)
  if not server then return nil, message, code end
  io.stderr:write("moontide: seed ", texts.seed(opt.seed), "\n")
  io.stderr:write("moontide: listening on ", url(opt.host, server:port()), "\n")
  local ok
  ok, message, code = server:run()
  report(server:counts())
  if not ok then return nil, message, code end
  return true
end

--- Starts one in a process of its own: the process, and its URL; or nil, message, code.
---@param opt table the options of scripts/mock.lua
---@return userdata? process, string url_or_message, string? code
function mock.spawn(opt)
  local drive = require "moontide.drive"
  local settings, message, code = settings_of(opt)
  if not settings then return nil, message --[[@as string]], code end
  local process
  process, message, code = drive.mock.spawn(settings)
  if not process then return nil, message --[[@as string]], code end
  return process, url(opt.host, process:port())
end

return mock
