-- Triton's generate extension with the TensorRT-LLM backend: POST .../MODEL/generate_stream, with texts.
local mt = require "moontide"

local nulls_absent = { nulls = false }

return mt.endpoint {
  api = "text",
  path = "/v2/models",
  request = function(r)
    local body = r.further
    body.text_input = assert(r.prompt, "the row's payload has no prompt for the adapter")
    body.max_tokens = r.output_length
    body.min_length, body.stream = r.body.min_tokens, true
    return { path = "/v2/models/" .. r.model .. "/generate_stream", body = body }
  end,
  event = function(text)
    local said = assert((mt.json.decode(text, nil, nulls_absent)), text)
    if said.error then return { error = said.error } end
    -- TensorRT-LLM never says that a sequence ends: the stream's end is the answer's.
    return { content = said.text_output, tokens = 1, done = said.sequence_end or nil }
  end,
}
