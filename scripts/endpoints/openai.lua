-- OpenAI's own API, read in Lua: what the driver does by itself, to begin an adapter with.
local mt = require "moontide"

return mt.endpoint {
  request = function(r) return { body = r.body } end,
  event = function(text)
    if text == "[DONE]" then return { done = true } end
    local said = assert(mt.json.decode(text))
    if said.error and said.error ~= mt.json.null then return { error = said.error } end
    local choice = said.choices and said.choices[1] or {}
    local usage = said.usage ~= mt.json.null and said.usage or nil
    local details = usage and usage.prompt_tokens_details
    return {
      content = (choice.delta or choice.message or {}).content or choice.text,
      finish = choice.finish_reason and choice.finish_reason ~= mt.json.null,
      usage = usage and { prompt_tokens = usage.prompt_tokens, completion_tokens = usage.completion_tokens,
        cached_tokens = type(details) == "table" and details.cached_tokens or nil },
    }
  end,
}
