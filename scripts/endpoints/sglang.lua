-- SGLang's own API: POST /generate with token ids. Each event has all of the text so far, and the counts.
local mt = require "moontide"

return mt.endpoint {
  api = "tokens", path = "/generate",
  request = function(r)
    local settings = r.further
    settings.max_new_tokens, settings.min_new_tokens = r.output_length, r.body.min_tokens
    settings.ignore_eos = r.body.ignore_eos
    return { body = { input_ids = r.prompt, stream = r.body.stream or false, sampling_params = settings } }
  end,
  event = function(text)
    if text == "[DONE]" then return { done = true } end
    local said = assert(mt.json.decode(text))
    if said.error then return { error = { message = said.error.message, status = said.error.code } } end
    local counts = said.meta_info
    local has_ended = type(counts.finish_reason) == "table"
    if has_ended and counts.finish_reason.type == "abort" then
      return { error = { message = counts.finish_reason.message, status = counts.finish_reason.status_code } }
    end
    return {
      content = said.text, tokens = (counts.completion_tokens or 1) > 0 and 1 or nil, finish = has_ended,
      usage = { prompt_tokens = counts.prompt_tokens, completion_tokens = counts.completion_tokens,
        cached_tokens = counts.cached_tokens },
    }
  end,
}
