-- Ollama's own API: POST /api/chat, an answer in lines of JSON. It takes messages, and forces no length.
local mt = require "moontide"

return mt.endpoint {
  api = "chat", path = "/api/chat",
  request = function(r)
    local options = r.further
    options.num_predict = r.output_length
    return { body = { model = r.model, messages = r.body.messages, tools = r.body.tools,
      stream = r.body.stream or false, options = options } }
  end,
  event = function(text)
    local said = assert(mt.json.decode(text))
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
