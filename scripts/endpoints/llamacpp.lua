-- llama.cpp's own API: POST /completion with token ids.
local mt = require "moontide"

local nulls_absent = { nulls = false }

return mt.endpoint {
  api = "tokens", path = "/completion",
  request = function(r)
    local body = r.further
    body.prompt = assert(r.prompt, "the row's payload has no prompt for the adapter")
    body.n_predict, body.ignore_eos = r.output_length, r.body.ignore_eos
    body.stream, body.return_tokens = r.body.stream or false, true
    if body.cache_prompt == nil then body.cache_prompt = true end
    return { body = body }
  end,
  event = function(text)
    local said = assert((mt.json.decode(text, nil, nulls_absent)), text)
    if said.error then
      local one = type(said.error) == "table" and said.error or { message = said.error }
      return { error = { message = one.message, status = one.code } }
    end
    local timings = said.timings or {}
    return {
      content = said.content, tokens = said.tokens and #said.tokens,
      done = said.stop, finish = said.stop,
      usage = said.tokens_predicted and said.stop and { prompt_tokens = said.tokens_evaluated,
        completion_tokens = said.tokens_predicted, cached_tokens = timings.cache_n },
    }
  end,
}
