-- Gemini's API: POST /v1beta/models/MODEL:streamGenerateContent, :generateContent for whole answers. It
-- forces no length, and counts thoughts beside the answer. Google takes the key as
-- --header "x-goog-api-key: KEY".
local mt = require "moontide"

local null, nulls_absent = mt.json.null, { nulls = false }

-- Members that Gemini has beside its generationConfig.
local beside = { "safetySettings", "toolConfig", "cachedContent", "labels" }

-- The parts of a message.
local function parts_of(one)
  if one.role == "tool" or (one.tool_calls or null) ~= null and #one.tool_calls > 0 then
    error("gemini: messages of tools and their calls cannot be sent", 0)
  elseif one.content == nil or one.content == null then
    return { { text = "" } }
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
  local function count(name) return math.type(usage[name]) == "integer" and usage[name] or 0 end
  return { prompt_tokens = usage.promptTokenCount, cached_tokens = usage.cachedContentTokenCount,
    completion_tokens = count "candidatesTokenCount" + count "thoughtsTokenCount",
    reasoning_tokens = usage.thoughtsTokenCount }
end

return mt.endpoint {
  api = "chat", path = "/v1beta/models",
  request = function(r)
    local settings, system, contents, body = r.further, nil, {}, {}
    for _, name in ipairs(beside) do body[name], settings[name] = settings[name], nil end
    settings.maxOutputTokens = r.output_length
    for _, one in ipairs(assert(r.body.messages, "the row's payload has no messages for the adapter")) do
      if one.role == "system" or one.role == "developer" then
        system = system or { parts = {} }
        for _, part in ipairs(parts_of(one)) do system.parts[#system.parts + 1] = part end
      else
        local role = one.role == "assistant" and "model" or "user"
        contents[#contents + 1] = { role = role, parts = parts_of(one) }
      end
    end
    local tools
    for i, tool in ipairs(r.body.tools ~= null and r.body.tools or {}) do
      tools = tools or { { functionDeclarations = {} } }
      tools[1].functionDeclarations[i] = tool["function"] or tool
    end
    local call = r.body.stream and ":streamGenerateContent?alt=sse" or ":generateContent"
    body.contents, body.systemInstruction, body.generationConfig = contents, system, settings
    body.tools = tools
    return { path = "/v1beta/models/" .. r.model .. call, body = body }
  end,
  event = function(text)
    local said = assert((mt.json.decode(text, nil, nulls_absent)), text)
    if said.error then
      local one = type(said.error) == "table" and said.error or { message = said.error }
      return { error = { message = one.message, status = one.code } }
    end
    local blocked = (said.promptFeedback or {}).blockReason
    if blocked then return { error = "blocked: " .. blocked } end
    local candidate = (said.candidates or {})[1] or {}
    local answer, thought = {}, {}
    for _, part in ipairs((candidate.content or {}).parts or {}) do
      local to = part.thought == true and thought or answer
      to[#to + 1] = part.text or (part.functionCall or {}).name
    end
    local has_ended = candidate.finishReason ~= nil
    return {
      content = table.concat(answer), reasoning = table.concat(thought),
      finish = has_ended, done = has_ended,
      usage = said.usageMetadata and usage_of(said.usageMetadata),
    }
  end,
}
