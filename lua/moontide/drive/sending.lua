--- What requests are sent with, by the options: where to, their headers and bodies, and the driver that sends
--- them.
local drive = require "moontide.drive"
local endpoint = require "moontide.drive.endpoint"
local json = require("moontide.base.json").public.json
local secrets = require "moontide.drive.secrets"
local start = require "moontide.drive.start"

local sending = {}

local paths = { chat = "/chat/completions", completions = "/completions" }

-- An adapter's path below a URL's own: what of its beginning the URL ends in is there once.
local function joined(base, own)
  for last = #own, 1, -1 do
    local is_part = last == #own or own:sub(last + 1, last + 1) == "/"
    if is_part and base:sub(-last) == own:sub(1, last) then return base .. own:sub(last + 1) end
  end
  return base .. own
end

-- The path of requests below a URL's own: what the user has written of it stays.
local function request_path(base, api, own)
  if own then return joined(base, own) end
  local wanted = paths[api]
  if base:find(wanted .. "$") then return base end
  if base == "" then return "/v1" .. wanted end
  return base .. wanted
end

local function endpoints_of(opt, own_path)
  local endpoints = {}
  for i, url in ipairs(opt.url) do
    local read, message, code = drive.url(url)
    if not read then return nil, "--url: " .. message, code == "value" and "usage" or code end
    endpoints[i] = { host = read.host, path = request_path(read.path, opt.api, own_path) }
  end
  return endpoints
end

--- The headers of requests, with the key that the environment has.
---@param opt table by drive/options.lua
---@return string[]? headers, string? message, string? code
function sending.headers(opt)
  local headers = table.move(opt.header or {}, 1, #(opt.header or {}), 1, {})
  if opt.api_key_env then
    local key = os.getenv(opt.api_key_env)
    if not key or key == "" then
      return nil, ("--api-key-env: there is no variable %s in the environment"):format(opt.api_key_env),
        "usage"
    end
    if key:find "[%c{}]" then
      return nil, ("--api-key-env: %s holds no key: it has characters that a header cannot have"):format(
        opt.api_key_env), "usage"
    end
    headers[#headers + 1] = "Authorization: Bearer " .. key
  end
  return headers
end

local function timeouts_of(opt)
  local timeouts = { connect = 10 }
  for _, one in ipairs(opt.timeout or {}) do timeouts[one.name] = one.seconds end
  return timeouts
end

--- What drive.replay needs, but for the source, its block size and what the run's own files and ends are.
---@param opt table by drive/options.lua
---@param adapter moontide.endpoint|false what endpoint.of gave
---@return table? settings, string? message, string? code
function sending.settings(opt, adapter)
  local endpoints, message, code = endpoints_of(opt, adapter and adapter.path)
  if not endpoints then return nil, message, code end
  local headers
  headers, message, code = sending.headers(opt)
  if not headers then return nil, message, code end
  local settings = {
    api = opt.api == "chat" and "chat" or opt.text and "text" or "tokens",
    model = json.encode(opt.model), output_field = opt.max_tokens_field,
    forces_output = not opt.no_force_output, streams = not opt.no_stream,
    members = opt.extra, hidden = secrets.hidden_members(opt.extra), seed = opt.seed,
    first_token = opt.vocab and opt.vocab.first, last_token = opt.vocab and opt.vocab.last,
    endpoints = endpoints, headers = headers, live_history = opt.live_history, by_session = opt.by_session,
    slots = opt.concurrency, objectives = opt.slo, by = opt.by,
    window_begin = opt.window and opt.window.from, window_end = opt.window and opt.window.to,
  }
  if adapter then endpoint.apply(adapter, settings, opt.model, opt.text) end
  return settings
end

--- A driver for the endpoints of the options.
---@param opt table by drive/options.lua
---@param keeps_events boolean whole events are kept, for an adapter that reads them
---@return userdata? driver, string? message, string? code
function sending.driver(opt, keeps_events)
  local timeouts = timeouts_of(opt)
  return drive.driver {
    urls = opt.url, transport = opt.transport, insecure = opt.insecure, ca = opt.ca,
    slots = opt.concurrency, connections = start.connections(opt),
    connect_timeout = timeouts.connect, first_timeout = timeouts.first, gap_timeout = timeouts.gap,
    total_timeout = timeouts.total, realtime = opt.realtime, gaps = true, texts = opt.live_history,
    keep_events = keeps_events,
  }
end

return sending
