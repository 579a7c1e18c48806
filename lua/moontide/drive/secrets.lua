--- What of a run's options proves who somebody is, and is therefore not shown in its files: values of headers
-- whose name is not known to be harmless, and members of bodies whose name says that they are secret.
local secrets = {}

local hidden = "(not shown)"

local harmless_headers = {}
for name in ([[accept accept-charset accept-encoding accept-language anthropic-beta anthropic-version
  baggage cache-control connection content-encoding content-type date expect from host idempotency-key
  keep-alive openai-beta openai-organization openai-project origin pragma prefer priority referer te
  traceparent tracestate user-agent via x-correlation-id x-priority
  x-request-id x-session-id]]):gmatch "%S+" do
  harmless_headers[name] = true
end

--- A header without its value, unless that is harmless: by its name, or because it is a row's member alone.
---@param text string "NAME: VALUE"
---@return string
function secrets.header(text)
  local name, value = text:match "^%s*([^:%s]+)%s*:%s*(.-)%s*$"
  if not name or harmless_headers[name:lower()] or value:find "^{[^{}]*}$" then return text end
  return ("%s: %s"):format(name, hidden)
end

local harmless_members = { prompt_cache_key = true, max_token = true, min_token = true, author = true }

local function is_secret(name)
  local lower = name:lower()
  if harmless_members[lower] then return false end
  for _, part in ipairs { "auth", "secret", "passw", "cookie", "credential" } do
    if lower:find(part, 1, true) then return true end
  end
  -- "api_key", "accessToken", but not "max_tokens" and "stop_token_ids".
  return lower:find "keys?$" ~= nil or lower:find "token$" ~= nil
end

--- The JSON of a body's member, unless its name or one within it is that of a secret.
---@param name string
---@param text string
---@return string
function secrets.member(name, text)
  if is_secret(name) then return hidden end
  for inner in text:gmatch '"([^"]*)"%s*:' do
    if is_secret(inner) then return hidden end
  end
  return text
end

--- The names of a body's further members that are not shown.
---@param extra {[1]: string, [2]: string}[]? name and JSON text of each
---@return string[]
function secrets.hidden_members(extra)
  local names = {}
  for _, one in ipairs(extra or {}) do
    if secrets.member(one[1], one[2]) == hidden then names[#names + 1] = one[1] end
  end
  return names
end

local function pair(text)
  local name, value = text:match "^%s*([^=]-)%s*=(.*)$"
  return name and ("%s=%s"):format(name, secrets.member(name, value)) or text
end

local of_option = { header = secrets.header, extra = pair,
  ["page-token"] = function() return hidden end }

-- The option that a word is, "--name" or the beginning of its name, and what it says in the same word.
local function option_of(word)
  local given, value = word:match "^%-%-([%a-]+)=(.*)$"
  given = given or word:match "^%-%-([%a-]+)$"
  for name, show in pairs(of_option) do
    -- "--page" and "--page-host" are options of their own.
    if given and given ~= "page" and name:sub(1, #given) == given then return given, show, value end
  end
end

--- The words of a command line as they may be shown.
---@param words string[]
---@return string[]
function secrets.words(words)
  local shown, show_next = {}, nil
  for i, word in ipairs(words) do
    local given, show, value = option_of(word)
    if value then
      shown[i], show_next = ("--%s=%s"):format(given, show(value)), nil
    elseif show_next and not show then
      shown[i], show_next = show_next(word), nil
    else
      shown[i], show_next = word, show
    end
  end
  return shown
end

--- An options table as it may be shown: a copy where something is hidden.
---@param opt table
---@return table
function secrets.options(opt)
  local shown = {}
  for name, value in pairs(opt) do shown[name] = value end
  if type(opt.header) == "table" then
    shown.header = {}
    for i, text in ipairs(opt.header) do shown.header[i] = secrets.header(text) end
  end
  if type(opt.extra) == "table" then
    shown.extra = {}
    for i, one in ipairs(opt.extra) do
      shown.extra[i] = type(one) == "table" and { one[1], secrets.member(one[1], one[2]) } or one
    end
  end
  return shown
end

return secrets
