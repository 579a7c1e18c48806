-- Anthropic's messages, which vLLM, SGLang, llama.cpp and Ollama speak too: POST /v1/messages. It forces no
-- length, and does not count what is cached among the input. Anthropic itself takes its key as
-- --header "x-api-key: KEY".
local mt = require "moontide"

local null = mt.json.null

-- A message of OpenAI's API in Anthropic's form: what tools were asked, and what they said, are parts of it.
local function message_of(one)
  local content = one.content ~= null and one.content or nil
  if one.role == "tool" then
    return { role = "user",
      content = { { type = "tool_result", tool_use_id = one.tool_call_id, content = content } } }
  elseif not one.tool_calls or one.tool_calls == null then
    return { role = one.role, content = content }
  end
  local parts = {}
  if type(content) == "string" and content ~= "" then parts[1] = { type = "text", text = content } end
  for _, call in ipairs(one.tool_calls) do
    parts[#parts + 1] = { type = "tool_use", id = call.id, name = call["function"].name,
      input = assert(mt.json.decode(call["function"].arguments)) }
  end
  return { role = one.role, content = parts }
end

-- An event may say some of it only: no input is known by what of it was cached. Zeros are placeholders.
local function usage_of(usage)
  local function count(name) return math.type(usage[name]) == "integer" and usage[name] or nil end
  local cached, input = count "cache_read_input_tokens", count "input_tokens"
  if input then input = input + (cached or 0) + (count "cache_creation_input_tokens" or 0) end
  return { prompt_tokens = input ~= 0 and input or nil, cached_tokens = cached,
    completion_tokens = count "output_tokens" }
end

local status = { rate_limit_error = 429, overloaded_error = 529, api_error = 500, timeout_error = 504,
  authentication_error = 401, permission_error = 403, not_found_error = 404, invalid_request_error = 400 }

local function error_of(said)
  return { error = { message = said.message or said.type, status = status[said.type] } }
end

-- A whole answer.
local function answer_of(said)
  local text = {}
  for i, part in ipairs(said.content or {}) do text[i] = part.text or part.thinking or part.name or "" end
  return { content = table.concat(text), usage = usage_of(said.usage or {}),
    finish = (said.stop_reason or null) ~= null }
end

local events = {
  message = answer_of,
  message_start = function(said)
    local usage = usage_of(said.message.usage or {})
    usage.completion_tokens = nil -- the tokens before there are any
    return { usage = usage }
  end,
  content_block_delta = function(said)
    local delta = said.delta
    return { content = delta.text or delta.partial_json, reasoning = delta.thinking, finish = false }
  end,
  message_delta = function(said)
    return { usage = usage_of(said.usage or {}), finish = (said.delta.stop_reason or null) ~= null }
  end,
  message_stop = function() return { done = true } end,
  error = function(said) return error_of(said.error) end,
}

return mt.endpoint {
  api = "chat", path = "/v1/messages",
  request = function(r)
    local body = r.further
    body.model, body.max_tokens, body.stream = r.model, r.output_length or 4096, r.body.stream
    body.messages = {}
    for _, one in ipairs(r.prompt) do
      if one.role == "system" or one.role == "developer" then
        local before = type(body.system) == "string" and body.system .. "\n" or ""
        body.system = type(one.content) == "string" and before .. one.content or one.content
      else
        body.messages[#body.messages + 1] = message_of(one)
      end
    end
    for i, tool in ipairs(r.body.tools or {}) do
      body.tools = body.tools or {}
      body.tools[i] = tool["function"] and { name = tool["function"].name,
        description = tool["function"].description, input_schema = tool["function"].parameters } or tool
    end
    return { body = body, headers = { ["anthropic-version"] = "2023-06-01" } }
  end,
  event = function(text)
    local said = assert(mt.json.decode(text))
    local read = events[said.type]
    return read and read(said) or said.error and error_of(said.error) or { finish = false }
  end,
}
