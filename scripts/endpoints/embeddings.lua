-- OpenAI's embeddings, which vLLM, SGLang, TEI and others speak too: POST /v1/embeddings with token ids, or
-- words with --text. An answer is a list of numbers: it has no tokens, no first one, and a latency alone.
local mt = require "moontide"

local null = mt.json.null

return mt.endpoint {
  api = { "tokens", "text" }, path = "/v1/embeddings", stream = false,
  request = function(r)
    local body = r.further
    body.model = r.model
    body.input = assert(body.input or r.prompt, "the row's payload has no input for the adapter")
    return { body = body }
  end,
  event = function(text)
    local said = assert((mt.json.decode(text)), text)
    if (said.error or null) ~= null then return { error = said.error } end
    local usage = type(said.usage) == "table" and said.usage or {}
    return { whole = type(said.data) == "table" and #said.data > 0,
      usage = { prompt_tokens = usage.prompt_tokens } }
  end,
}
