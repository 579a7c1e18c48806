-- llama.cpp's own API: POST /completion with token ids.
local mt = require "moontide"

local null = mt.json.null

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
    local said = assert((mt.json.decode(text)), text)
    if (said.error or null) ~= null then
      local one = type(said.error) == "table" and said.error or { message = said.error }
      return { error = { message = one.message, status = one.code } }
    end
    local timings = type(said.timings) == "table" and said.timings or {}
    return {
      content = said.content, tokens = type(said.tokens) == "table" and #said.tokens or nil,
      done = said.stop, finish = said.stop,
      usage = said.tokens_predicted and said.stop and { prompt_tokens = said.tokens_evaluated,
        completion_tokens = said.tokens_predicted, cached_tokens = timings.cache_n },
    }
  end,
}
