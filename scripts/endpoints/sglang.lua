-- SGLang's own API: POST /generate with token ids. Each event has all of the text so far, and the counts.
local mt = require "moontide"

local nulls_absent = { nulls = false }

-- Members that SGLang has beside its sampling_params.
local beside = { "return_logprob", "logprob_start_len", "top_logprobs_num", "token_ids_logprob", "lora_path",
  "return_hidden_states", "session_params", "custom_logit_processor", "priority", "rid" }

return mt.endpoint {
  api = "tokens", path = "/generate",
  request = function(r)
    local settings = r.further
    local body = { input_ids = assert(r.prompt, "the row's payload has no prompt for the adapter"),
      stream = r.body.stream or false, sampling_params = settings }
    for _, name in ipairs(beside) do body[name], settings[name] = settings[name], nil end
    settings.max_new_tokens, settings.min_new_tokens = r.output_length, r.body.min_tokens
    settings.ignore_eos = r.body.ignore_eos
    return { body = body }
  end,
  event = function(text)
    if text == "[DONE]" then return { done = true } end
    local said = assert((mt.json.decode(text, nil, nulls_absent)), text)
    if said.error then
      local one = type(said.error) == "table" and said.error or { message = said.error }
      return { error = { message = one.message, status = one.code } }
    end
    local counts = said.meta_info or {}
    local has_ended = type(counts.finish_reason) == "table"
    if has_ended and counts.finish_reason.type == "abort" then
      return { error = { message = counts.finish_reason.message, status = counts.finish_reason.status_code } }
    end
    return {
      content = said.text, tokens = counts.completion_tokens ~= 0 and 1 or nil, finish = has_ended,
      usage = { prompt_tokens = counts.prompt_tokens, completion_tokens = counts.completion_tokens,
        cached_tokens = counts.cached_tokens },
    }
  end,
}
