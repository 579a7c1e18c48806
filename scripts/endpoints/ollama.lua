-- Ollama's own API: POST /api/chat, an answer in lines of JSON. It takes messages, and forces no length.
local mt = require "moontide"

local nulls_absent = { nulls = false }

-- Members that Ollama has beside its options.
local beside = { "think", "format", "keep_alive", "logprobs", "top_logprobs" }

return mt.endpoint {
  api = "chat", path = "/api/chat",
  request = function(r)
    local options = r.further
    local body = { model = r.model, tools = r.body.tools, stream = r.body.stream or false, options = options }
    body.messages = assert(r.body.messages, "the row's payload has no messages for the adapter")
    for _, name in ipairs(beside) do body[name], options[name] = options[name], nil end
    options.num_predict = r.output_length
    return { body = body }
  end,
  event = function(text)
    local said = assert((mt.json.decode(text, nil, nulls_absent)), text)
    if said.error then return { error = said.error } end
    local message = said.message or {}
    return {
      content = message.content ~= "" and message.content or nil, reasoning = message.thinking,
      done = said.done,
      finish = said.done, usage = said.eval_count and {
        prompt_tokens = said.prompt_eval_count, completion_tokens = said.eval_count },
    }
  end,
}
