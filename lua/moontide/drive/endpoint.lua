--- Endpoints that speak another API than OpenAI's: what mt.endpoint returns, found by name or file, and the
-- functions of it that a replay calls.
local core = require "moontide.core"
local json = require("moontide.base.json").public.json
local nearest = require "moontide.kit.nearest"
local options = require "moontide.kit.options"
local scripts = require "moontide.script.load"
local system = require "moontide.kit.system"

local endpoint = {}

---@class moontide.endpoint
---@field api "chat"|"text"|"tokens"|string[]|nil of two the first, and the other with the option --text
---@field stream boolean? false: its answers come as a whole
---@field path string?
---@field request fun(r: moontide.endpoint_request): table?
---@field event fun(text: string): table?
local metatable = { __name = "moontide.endpoint" }

function metatable.__tostring(self)
  return ("endpoint%s"):format(self.path and " " .. self.path or "")
end

---@class moontide.endpoint_request
---@field body table the body as OpenAI's API has it: model, prompt or messages, max_tokens, ...
---@field prompt any its prompt (a text or token ids) or messages; nil where a payload has neither
---@field model string the body's: the row's own or that of --extra, else the run's
---@field number integer of the request, from 0
---@field line integer of the trace
---@field input_length integer? tokens wanted
---@field output_length integer? the body's limit, else the row's
---@field session_id string? as JSON
---@field extra string the row's further members, as those of a JSON object
---@field further table members of the body that --extra and the row's `extra` have added to it

local apis = { kind = "choice", choices = { "chat", "text", "tokens" } }

-- What prompts are made of, or { "tokens", "text" } where --text is to choose.
options.kinds.endpoint_api = { placeholder = "NAME", convert = function(value, what)
  if type(value) ~= "table" then return options.value(value, what, apis) end
  if #value == 2 and value[1] == "tokens" and value[2] == "text" then return value end
  options.wrong(what, value, 'chat, text, tokens or { "tokens", "text" }')
end }

local spec = {
  { "api", kind = "endpoint_api" }, { "stream", kind = "boolean" },
  { "path", kind = "string" }, { "request", kind = "any" }, { "event", kind = "any" },
}

--- The value of mt.endpoint{...}.
---@param given table
---@return moontide.endpoint
function endpoint.new(given)
  local self = options.table("endpoint", given, spec)
  for _, name in ipairs { "request", "event" } do
    if self[name] ~= nil and type(self[name]) ~= "function" then
      options.wrong("endpoint: " .. name, self[name], "a function")
    end
  end
  if self.path and not self.path:find "^/" then
    options.wrong("endpoint: path", self.path, "a path (/generate)")
  end
  if not self.request and not self.event and not self.path then
    core.base.raise "endpoint: needs request = function(r) ... end, event = function(text) ... end or path"
  end
  return setmetatable(self, metatable)
end

options.kinds.endpoint = { placeholder = "NAME|FILE", convert = function(value, what)
  if getmetatable(value) == metatable or type(value) == "string" and value ~= "" then return value end
  options.wrong(what, value, "an adapter's name, a file, or mt.endpoint{...}")
end }

--- The names of those that are built in.
---@return string[]
function endpoint.names()
  local names = {}
  for _, path in ipairs(core.embedded_list()) do
    names[#names + 1] = path:match "^scripts/endpoints/([^/]+)%.lua$"
  end
  table.sort(names)
  return names
end

-- The text of an adapter by its name or file, and its chunk's name.
local function text_of(name)
  if scripts.is_file(name) then
    local text, message = system.read(name)
    return text, text and "@" .. name or message, "io"
  end
  local path = "scripts/endpoints/" .. name .. ".lua"
  local text = name:find "^[%w_]+$" and core.embedded(path)
  if text then return text, "@" .. path end
  local names = endpoint.names()
  return nil, ("--adapter: there is no '%s'%s: there are %s"):format(name, nearest.hint(name, names),
    table.concat(names, ", ")), "usage"
end

local function load_by_name(name)
  local text, chunk_name, code = text_of(name)
  if not text then return nil, chunk_name, code end
  local folder = scripts.is_file(name) and (name:match "^(.*)/[^/]*$" or ".") or nil
  local chunk, message = load(text, chunk_name, "t", scripts.environment(folder))
  if not chunk then return nil, message, "callback" end
  local done, value = xpcall(chunk, scripts.add_traceback)
  if not done then return nil, tostring(value), "callback" end
  if getmetatable(value) ~= metatable then
    return nil, ("%s: an adapter ends in return mt.endpoint{...}"):format(name), "callback"
  end
  return value
end

--- The endpoint that the options ask for; false when they ask for none; nil, message, code.
---@param opt table as options.table or the command line gave it
---@return moontide.endpoint|false|nil self, string? message, string? code
function endpoint.of(opt)
  local self = opt.adapter
  if not self then return false end
  local message, code
  if type(self) == "string" then self, message, code = load_by_name(self) end
  if not self then return nil, message, code end
  if self.api and (options.given(opt, "api") or opt.text and type(self.api) == "string") then
    return nil, "--api: the adapter says by itself what prompts are made of", "usage"
  end
  if self.api and self.request and options.given(opt, "max_tokens_field") then
    return nil, "--max-tokens-field: the adapter says by itself what an answer's length is called", "usage"
  end
  return self
end

local function headers_of(given)
  local list = {}
  for name, value in pairs(given or {}) do
    list[#list + 1] = type(name) == "number" and value or name .. ": " .. tostring(value)
  end
  table.sort(list)
  return list
end

-- Members of the body that core makes by itself.
local usual =
  { "model", "messages", "prompt", "tools", "stream", "stream_options", "min_tokens", "ignore_eos" }

-- What others have added to the body, and the most tokens that it asks for. `most` is the member that says
-- how long an answer is; a payload may use another of OpenAI's names.
local function further_of(body, most)
  local further, limit = {}, nil
  for name, value in pairs(body) do further[name] = value end
  for _, name in ipairs(usual) do further[name] = nil end
  for _, name in ipairs { most, "max_completion_tokens", "max_tokens" } do
    limit = limit or math.type(body[name]) == "integer" and body[name] or nil
    further[name] = nil
  end
  return further, limit
end

-- What core calls for each request: { body, path, headers } of the body that it has made and the row.
local function request_function(self, model, most)
  local own_path = self.path or ""
  return function(text, r)
    local base = self.path and r.path:sub(1, #r.path - #own_path) or r.path
    r.body = assert(json.decode(text))
    r.prompt = r.body.prompt or r.body.messages
    r.model = type(r.body.model) == "string" and r.body.model or model
    local limit
    r.further, limit = further_of(r.body, most)
    r.output_length = limit or r.output_length
    local made = self.request(r)
    if type(made) ~= "table" or made.body == nil then
      error("an adapter's request must return { body = ... }, not " .. options.show(made), 0)
    end
    local body = made.body
    return { type(body) == "string" and body or json.encode(body), made.path and base .. made.path,
      made.headers and headers_of(made.headers) }
  end
end

--- Sets what a replay needs of it.
---@param self moontide.endpoint
---@param settings table of drive.replay
---@param model string
---@param wants_text boolean --text was given
function endpoint.apply(self, settings, model, wants_text)
  local api = self.api
  if type(api) == "table" then api = api[wants_text and 2 or 1] end
  settings.api = api or settings.api
  settings.request = self.request and request_function(self, model, settings.output_field or "max_tokens")
  settings.event = self.event
end

return endpoint
