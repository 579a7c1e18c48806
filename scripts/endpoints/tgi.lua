-- Text Generation Inference's own API: POST /generate_stream. It takes texts, and forces no length.
local mt = require "moontide"

return mt.endpoint {
  api = "text", path = "/generate_stream",
  request = function(r)
    local settings = r.further
    settings.max_new_tokens, settings.details = r.output_length, true
    return { body = { inputs = r.prompt, parameters = settings } }
  end,
  event = function(text)
    local said = assert(mt.json.decode(text))
    if said.error then return { error = said.error } end
    local details = type(said.details) == "table" and said.details or {}
    return {
      content = said.token and not said.token.special and said.token.text or nil, tokens = said.token and 1,
      finish = details.finish_reason or false, done = details.finish_reason,
      usage = details.generated_tokens and { prompt_tokens = details.input_length,
        completion_tokens = details.generated_tokens },
    }
  end,
}
