-- Text Generation Inference's own API: POST /generate_stream. It takes texts, and forces no length.
local mt = require "moontide"

return mt.endpoint {
  api = "text", path = "/generate_stream",
  request = function(r)
    return { body = { inputs = r.prompt, parameters = { max_new_tokens = r.output_length, details = true } } }
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
