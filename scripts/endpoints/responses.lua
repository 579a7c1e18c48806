-- OpenAI's responses, which vLLM and others speak too: POST /v1/responses. It forces no length.
local mt = require "moontide"

local null, nulls_absent = mt.json.null, { nulls = false }

-- A list of a request that may be null or absent.
local function list_of(value) return value ~= null and value or {} end

-- Messages as items of the input: what tools were asked, and what they said, are items by themselves.
local function input_of(messages)
  local input = {}
  local function add(item) input[#input + 1] = item end
  for _, one in ipairs(messages) do
    local content = one.content ~= null and one.content or nil
    if one.role == "tool" then
      add { type = "function_call_output", call_id = one.tool_call_id, output = content }
    elseif content and content ~= "" then
      add { role = one.role, content = content }
    end
    for _, call in ipairs(list_of(one.tool_calls)) do
      add { type = "function_call", call_id = call.id, name = call["function"].name,
        arguments = call["function"].arguments }
    end
  end
  return input
end

local function usage_of(usage)
  if not usage then return nil end
  local input, output = usage.input_tokens_details or {}, usage.output_tokens_details or {}
  return { prompt_tokens = usage.input_tokens, completion_tokens = usage.output_tokens,
    cached_tokens = input.cached_tokens, reasoning_tokens = output.reasoning_tokens }
end

local function error_of(said)
  local one = type(said) == "table" and said or { message = type(said) == "string" and said or nil }
  local code = tonumber(one.code) or one.code == "rate_limit_exceeded" and 429 or nil
  return { error = { message = one.message or one.type or "failed", status = code } }
end

-- The end of a stream, or a whole answer.
local function answer_of(said)
  if said.status == "failed" or said.status == "cancelled" then return error_of(said.error) end
  local text = {}
  for _, item in ipairs(said.output or {}) do
    text[#text + 1] = item.arguments
    for _, part in ipairs(item.content or {}) do
      text[#text + 1] = part.text or part.refusal
    end
  end
  local has_ended = said.status == "completed" or said.status == "incomplete"
  return { content = table.concat(text), usage = usage_of(said.usage), finish = has_ended }
end

local function ended(said)
  local answer = answer_of(said.response or {})
  answer.content, answer.done = nil, not answer.error
  return answer
end

local function piece(said) return { content = said.delta, finish = false } end

local events = {
  ["response.output_text.delta"] = piece, ["response.refusal.delta"] = piece,
  ["response.function_call_arguments.delta"] = piece,
  -- Not response.reasoning_summary_text.delta: a summary is no token of the reasoning.
  ["response.reasoning_text.delta"] = function(said) return { reasoning = said.delta, finish = false } end,
  ["response.completed"] = ended, ["response.incomplete"] = ended, ["response.failed"] = ended,
  ["response.cancelled"] = ended,
  error = function(said) return error_of(said.error or said) end,
}

return mt.endpoint {
  api = "chat", path = "/v1/responses",
  request = function(r)
    local body = r.further
    body.model, body.max_output_tokens = r.model, r.output_length
    body.input = input_of(assert(r.body.messages, "the row's payload has no messages for the adapter"))
    body.stream = r.body.stream
    if body.store == nil then body.store = false end
    for i, tool in ipairs(list_of(r.body.tools)) do
      local of = tool["function"]
      body.tools = body.tools or {}
      body.tools[i] = of and { type = "function", name = of.name, description = of.description,
        parameters = of.parameters, strict = of.strict } or tool
    end
    return { body = body }
  end,
  event = function(text)
    if text == "[DONE]" then return { done = true } end
    local said = assert((mt.json.decode(text, nil, nulls_absent)), text)
    local read = events[said.type]
    if read then return read(said) end
    if said.error then return error_of(said.error) end
    return said.object == "response" and answer_of(said) or { finish = false }
  end,
}
