-- Gemini's API: POST /v1beta/models/MODEL:streamGenerateContent, :generateContent for whole answers. It
-- forces no length, and counts thoughts beside the answer. Google takes the key as
-- --header "x-goog-api-key: KEY".
local mt = require "moontide"

-- The parts of a message.
local function parts_of(one)
  if one.role == "tool" or one.tool_calls then
    error("gemini: messages of tools and their calls cannot be sent", 0)
  elseif type(one.content) ~= "table" then
    return { { text = one.content } }
  end
  local parts = {}
  for i, part in ipairs(one.content) do
    parts[i] = part.text and { text = part.text } or error("gemini: only parts of text can be sent", 0)
  end
  return parts
end

local function usage_of(usage)
  local function count(name) return usage[name] or 0 end
  return { prompt_tokens = usage.promptTokenCount, cached_tokens = usage.cachedContentTokenCount,
    completion_tokens = count "candidatesTokenCount" + count "thoughtsTokenCount",
    reasoning_tokens = usage.thoughtsTokenCount }
end

return mt.endpoint {
  api = "chat", path = "/v1beta/models",
  request = function(r)
    local settings, system, contents = r.further, nil, {}
    settings.maxOutputTokens = r.output_length
    for _, one in ipairs(r.prompt) do
      if one.role == "system" then
        system = { parts = parts_of(one) }
      else
        local role = one.role == "assistant" and "model" or "user"
        contents[#contents + 1] = { role = role, parts = parts_of(one) }
      end
    end
    local tools
    for i, tool in ipairs(r.body.tools or {}) do
      tools = tools or { { functionDeclarations = {} } }
      tools[1].functionDeclarations[i] = tool["function"] or tool
    end
    local call = r.body.stream and ":streamGenerateContent?alt=sse" or ":generateContent"
    return { path = "/v1beta/models/" .. r.model .. call,
      body = { contents = contents, systemInstruction = system, generationConfig = settings, tools = tools } }
  end,
  event = function(text)
    local said = assert(mt.json.decode(text))
    if said.error then return { error = { message = said.error.message, status = said.error.code } } end
    local blocked = said.promptFeedback and said.promptFeedback.blockReason
    if blocked then return { error = "blocked: " .. blocked } end
    local candidate = said.candidates and said.candidates[1] or {}
    local answer, thought = {}, {}
    for _, part in ipairs(candidate.content and candidate.content.parts or {}) do
      local to = part.thought and thought or answer
      to[#to + 1] = part.text or part.functionCall and part.functionCall.name
    end
    return {
      content = table.concat(answer), reasoning = table.concat(thought),
      finish = candidate.finishReason ~= nil, done = candidate.finishReason,
      usage = said.usageMetadata and usage_of(said.usageMetadata),
    }
  end,
}
