-- Triton's generate extension with the TensorRT-LLM backend: POST .../MODEL/generate_stream, with texts.
local mt = require "moontide"

return mt.endpoint {
  api = "text",
  path = "/v2/models",
  request = function(r)
    return { path = "/v2/models/" .. r.model .. "/generate_stream",
      body = { text_input = r.prompt, max_tokens = r.output_length, min_length = r.body.min_tokens,
        stream = true } }
  end,
  event = function(text)
    local said = assert(mt.json.decode(text))
    if said.error then return { error = said.error } end
    -- TensorRT-LLM never says that a sequence ends: the stream's end is the answer's.
    return { content = said.text_output, tokens = 1, done = said.sequence_end or nil }
  end,
}
