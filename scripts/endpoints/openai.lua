-- OpenAI's own API, read in Lua as the driver reads it by itself (core/drive/event.c), to begin an adapter
-- with. One thing is left out: an event of which each choice has an empty text is no token here. Nulls are
-- read, for a finish_reason that is null says that an end is to come, and one that is absent does not.
local mt = require "moontide"

local null = mt.json.null

-- What may be null or absent, as a table.
local function table_of(value) return type(value) == "table" and value or {} end

-- Of values that may be absent or null the first that is a count.
local function count_of(...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if math.type(value) == "integer" and value >= 0 then return value end
  end
end

local function usage_of(usage)
  local asked = type(usage.prompt_tokens_details) == "table" and usage.prompt_tokens_details
    or table_of(usage.input_tokens_details)
  local input, output = count_of(usage.prompt_tokens), count_of(usage.completion_tokens)
  local reasoning = count_of(table_of(usage.completion_tokens_details).reasoning_tokens)
  local total = count_of(usage.total_tokens) or 0
  -- xAI and Gemini count reasoning beside the answer: the total tells, or that there is more of it.
  local is_beside
  if output and (reasoning or 0) > 0 then
    is_beside = reasoning > output
    if total > 0 and input then is_beside = total - input - output == reasoning end
  end
  return { prompt_tokens = input, completion_tokens = is_beside and output + reasoning or output,
    reasoning_tokens = reasoning, cached_tokens = count_of(asked.cached_tokens, usage.prompt_cache_hit_tokens,
      usage.cached_tokens, usage.cache_read_input_tokens) }
end

-- A text that is not empty, or a list or an object with something in it.
local function add(texts, value)
  if type(value) == "table" and next(value) ~= nil then value = mt.json.encode(value) end
  if type(value) == "string" then texts[#texts + 1] = value end
end

local reasons = { "reasoning_content", "reasoning", "thinking" }
local others = { "refusal", "tool_calls", "function_call", "audio" }

-- delta of a chunk, message of a whole answer.
local function read_delta(delta, answer, thought)
  local content = delta.content
  for _, part in ipairs(table_of(content)) do -- Mistral's thoughts are parts of the content
    if table_of(part).type == "thinking" then add(thought, content) end
  end
  add(answer, content)
  for _, name in ipairs(reasons) do add(thought, delta[name]) end
  for _, part in ipairs(table_of(delta.reasoning_details)) do -- OpenRouter's: a summary is no token of it
    if table_of(part).type ~= "reasoning.encrypted" and table_of(part).type ~= "reasoning.summary" then
      add(thought, part)
    end
  end
  for _, name in ipairs(others) do add(answer, delta[name]) end
end

-- Ends of an answer that is not whole, and the status that they stand for.
local broken = { abort = 0, aborted = 0, error = 0, cancelled = 0, timeout = 0, network_error = 0,
  insufficient_system_resource = 503 }

local function error_of(one)
  if type(one) ~= "table" then return { message = type(one) == "string" and one or nil } end
  local by_type = { overloaded_error = 529, rate_limit_error = 429 }
  local status
  for _, name in ipairs { "code", "http_status_code", "status" } do
    status = status or math.tointeger(tonumber(one[name] ~= null and one[name] or nil))
  end
  local message = type(one.message) == "string" and one.message or one.detail
  return { message = message, status = status or by_type[one.type] }
end

-- The error of an event, in its forms: error, {"object":"error",...}, {"message":...}, {"detail":...}.
local function said_error(said)
  if (said.error or null) ~= null then return error_of(said.error) end
  local is_flat = type(said.message) == "string" or type(said.detail) == "string"
  if said.object == "error" or is_flat and not said.choices then return error_of(said) end
end

return mt.endpoint {
  request = function(r) return { body = r.body } end,
  event = function(text)
    if text == "[DONE]" then return { done = true } end
    local said = assert((mt.json.decode(text)), text)
    local answer, thought, finish, failure = {}, {}, nil, said_error(said)
    local usage = type(said.usage) == "table" and said.usage or table_of(said.x_groq).usage
    for _, choice in ipairs(table_of(said.choices)) do
      read_delta(table_of(choice.delta), answer, thought)
      read_delta(table_of(choice.message), answer, thought)
      add(answer, choice.text)
      local reason = choice.finish_reason
      if reason ~= nil then finish = finish or false end -- not yet: an end is to come
      if type(reason) == "string" and reason ~= "" then
        finish = true
        if broken[reason] then
          failure = failure or { message = "finish_reason " .. reason, status = broken[reason] }
        end
      end
      if type(choice.usage) == "table" then usage = choice.usage end -- Moonshot's
    end
    usage = type(usage) == "table" and usage_of(usage) or nil
    local cached = count_of(table_of(said.timings).cache_n) -- llama.cpp's
    if cached then
      usage = usage or {}
      usage.cached_tokens = usage.cached_tokens or cached
    end
    return { content = table.concat(answer), reasoning = table.concat(thought), finish = finish,
      usage = usage, error = failure }
  end,
}
