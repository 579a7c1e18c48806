-- Anthropic's messages, which vLLM, SGLang, llama.cpp and Ollama speak too: POST /v1/messages. It forces no
-- length, and does not count what is cached among the input. Anthropic itself takes its key as
-- --header "x-api-key: KEY".
local mt = require "moontide"

local null, nulls_absent = mt.json.null, { nulls = false }

-- What of a request may be null, absent or a text, as a table.
local function table_of(value) return type(value) == "table" and value or {} end

-- What a tool is asked, as an object: models give texts of JSON, or none.
local function input_of(arguments)
  if type(arguments) ~= "string" then return table_of(arguments) end
  return arguments:find "%S" and assert(mt.json.decode(arguments, "arguments of a tool's call")) or {}
end

-- Contents as one list of parts.
local function parts_of(content)
  if type(content) == "string" then return content ~= "" and { { type = "text", text = content } } or {} end
  return table.move(table_of(content), 1, #table_of(content), 1, {})
end

-- A message of OpenAI's API in Anthropic's form: what tools were asked, and what they said, are parts of it.
local function message_of(one)
  local content = one.content ~= null and one.content or nil
  if one.role == "tool" then
    return { role = "user",
      content = { { type = "tool_result", tool_use_id = one.tool_call_id, content = content } } }
  elseif not one.tool_calls or one.tool_calls == null then
    return { role = one.role, content = content }
  end
  local parts = parts_of(content)
  for _, call in ipairs(one.tool_calls) do
    parts[#parts + 1] = { type = "tool_use", id = call.id, name = call["function"].name,
      input = input_of(call["function"].arguments) }
  end
  return { role = one.role, content = parts }
end

-- What a further message of the system adds to those before: texts in lines, else parts.
local function with_system(before, content)
  if before == nil or before == null then return content end
  if type(before) == "string" and type(content) == "string" then return before .. "\n" .. content end
  local all, more = parts_of(before), parts_of(content)
  return table.move(more, 1, #more, #all + 1, all)
end

-- An event may say some of it only: no input is known by what of it was cached. Zeros are placeholders.
local function usage_of(usage)
  local function count(name) return math.type(usage[name]) == "integer" and usage[name] or nil end
  local cached, input = count "cache_read_input_tokens", count "input_tokens"
  if input == 0 and cached == 0 then cached = nil end
  if input then input = input + (cached or 0) + (count "cache_creation_input_tokens" or 0) end
  return { prompt_tokens = input ~= 0 and input or nil, cached_tokens = cached,
    completion_tokens = count "output_tokens" }
end

local status = { rate_limit_error = 429, overloaded_error = 529, api_error = 500, timeout_error = 504,
  authentication_error = 401, permission_error = 403, not_found_error = 404, invalid_request_error = 400 }

local function error_of(said)
  said = type(said) == "table" and said or { message = said }
  return { error = { message = said.message or said.type, status = status[said.type] } }
end

-- A whole answer.
local function answer_of(said)
  local text = {}
  for i, part in ipairs(said.content or {}) do text[i] = part.text or part.thinking or part.name or "" end
  return { content = table.concat(text), usage = usage_of(said.usage or {}),
    finish = said.stop_reason ~= nil }
end

local events = {
  message = answer_of,
  message_start = function(said)
    local usage = usage_of((said.message or {}).usage or {})
    usage.completion_tokens = nil -- the tokens before there are any
    return { usage = usage }
  end,
  content_block_delta = function(said)
    local delta = said.delta or {}
    return { content = delta.text or delta.partial_json, reasoning = delta.thinking, finish = false }
  end,
  message_delta = function(said)
    return { usage = usage_of(said.usage or {}), finish = (said.delta or {}).stop_reason ~= nil }
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
    for _, one in ipairs(assert(r.body.messages, "the row's payload has no messages for the adapter")) do
      if one.role == "system" or one.role == "developer" then
        body.system = with_system(body.system, one.content)
      else
        body.messages[#body.messages + 1] = message_of(one)
      end
    end
    for i, tool in ipairs(table_of(r.body.tools)) do
      body.tools = body.tools or {}
      body.tools[i] = tool["function"] and { name = tool["function"].name,
        description = tool["function"].description, input_schema = tool["function"].parameters } or tool
    end
    return { body = body, headers = { ["anthropic-version"] = "2023-06-01" } }
  end,
  event = function(text)
    local said = assert((mt.json.decode(text, nil, nulls_absent)), text)
    local read = events[said.type]
    return read and read(said) or said.error and error_of(said.error)
      or { finish = false }
  end,
}
