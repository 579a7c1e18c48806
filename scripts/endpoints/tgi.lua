-- Text Generation Inference's own API: POST /generate_stream. It takes texts, and forces no length.
local mt = require "moontide"

local null = mt.json.null

return mt.endpoint {
  api = "text", path = "/generate_stream",
  request = function(r)
    local settings = r.further
    settings.max_new_tokens, settings.details = r.output_length, true
    return { body = { inputs = assert(r.prompt, "the row's payload has no prompt for the adapter"),
      parameters = settings } }
  end,
  event = function(text)
    local said = assert((mt.json.decode(text)), text)
    if (said.error or null) ~= null then return { error = said.error } end
    local token = type(said.token) == "table" and said.token or nil
    local details = type(said.details) == "table" and said.details or {}
    return {
      content = token and not token.special and token.text or nil, tokens = token and 1,
      finish = details.finish_reason or false, done = details.finish_reason,
      usage = details.generated_tokens and { prompt_tokens = details.input_length,
        completion_tokens = details.generated_tokens },
    }
  end,
}
