-- Text Generation Inference's own API: POST /generate_stream. It takes texts, and forces no length.
local mt = require "moontide"

local nulls_absent = { nulls = false }

return mt.endpoint {
  api = "text", path = "/generate_stream",
  request = function(r)
    local settings = r.further
    settings.max_new_tokens, settings.details = r.output_length, true
    return { body = { inputs = assert(r.prompt, "the row's payload has no prompt for the adapter"),
      parameters = settings } }
  end,
  event = function(text)
    local said = assert((mt.json.decode(text, nil, nulls_absent)), text)
    if said.error then return { error = said.error } end
    local token = said.token
    local details = said.details or {}
    return {
      content = token and not token.special and token.text or nil, tokens = token and 1,
      finish = details.finish_reason or false, done = details.finish_reason,
      usage = details.generated_tokens and { prompt_tokens = details.input_length,
        completion_tokens = details.generated_tokens },
    }
  end,
}
