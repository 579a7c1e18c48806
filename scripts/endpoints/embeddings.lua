-- OpenAI's embeddings, which vLLM, SGLang, TEI and others speak too: POST /v1/embeddings with token ids, or
-- words with --text. An answer is a list of numbers: it has no tokens, no first one, and a latency alone.
local mt = require "moontide"

local nulls_absent = { nulls = false }

return mt.endpoint {
  api = { "tokens", "text" }, path = "/v1/embeddings", stream = false,
  request = function(r)
    local body = r.further
    body.model = r.model
    body.input = assert(body.input or r.prompt, "the row's payload has no input for the adapter")
    return { body = body }
  end,
  event = function(text)
    local said = assert((mt.json.decode(text, nil, nulls_absent)), text)
    if said.error then return { error = said.error } end
    local usage = said.usage or {}
    return { whole = #(said.data or {}) > 0,
      usage = { prompt_tokens = usage.prompt_tokens } }
  end,
}
