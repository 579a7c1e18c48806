-- A server to try a driver on: it speaks as an inference server does, with the times and failures asked for.
local mt = require "moontide"
local mock = require "moontide.drive.mock"

return mt.script {
  summary = "A server that speaks as an inference server does, to try a driver on",
  usage = "moontide mock [--port N] [--ttft TIME] [--itl TIME] [--slots N] [--fail NAME=SHARE,...] [options]",
  options = {
    { "port", kind = "integer", min = 0, max = 65535, default = 8000,
      help = "where it listens; 0: any that is free" },
    { "host", kind = "string", default = "127.0.0.1", help = "the address it listens at" },
    { "dialect", kind = "choice", default = "vllm",
      choices = { "vllm", "sglang", "trtllm", "llamacpp", "tgi", "ollama", "dynamo", "openai", "triton",
        "anthropic", "gemini" },
      help = "whose streams, errors, habits and own API it has" },
    { "model", kind = "string", help = "the only model there is (default: any name is answered to)" },
    -- Time.
    { "ttft", kind = "milliseconds_law", default = "20",
      help = "to the first token: milliseconds, \"1.5s\", or a distribution of milliseconds" },
    { "itl", kind = "milliseconds_law", default = "5", help = "from token to token, the same" },
    { "prefill-per-token", kind = "milliseconds", default = "0",
      help = "added to the TTFT for each token of the prompt that is not cached" },
    { "tokens-per-chunk", kind = "length", min = 1, default = 1, help = "tokens that come at once" },
    { "osl", kind = "length", min = 1,
      help = "where an answer ends by itself, unless ignore_eos (default: at max_tokens)" },
    { "timing", kind = "path",
      help = "a Lua file: return function(request) return ttft, itl end, in milliseconds" },
    -- Load.
    { "slots", kind = "integer", min = 1, help = "requests that run at once (default: all)" },
    { "queue", kind = "integer", min = 0,
      help = "requests that wait for a slot; more are refused (default: all wait)" },
    { "load-factor", kind = "number", min = 1, max = 1000000, default = 1,
      help = "all takes so many times as long when all slots are in use" },
    { "rate-limit", kind = "rate_number", above = 0,
      help = "requests in any second at most; more are refused with 429" },
    { "max-model-len", kind = "integer", min = 1,
      help = "tokens of prompt and answer together; more are refused" },
    -- The prefix cache.
    { "kv-blocks", kind = "integer", min = 1, max = 1000000000,
      help = "size of an LRU prefix cache (default: none)" },
    { "block-size", kind = "integer", min = 1, max = 1000000, default = 16, help = "tokens per block" },
    { "hit-rule", kind = "choice", choices = { "vllm", "all" }, default = "vllm",
      help = "vllm: whole blocks, the last token is always computed; all: a last, partial block is one" },
    -- Connections and failures.
    { "keep-alive", kind = "duration", min = 0,
      help = "an idle connection is closed then; 0: never (default: as the dialect's server does)" },
    { "ping", kind = "duration", min = 0,
      help = "a stream says a comment after so long a silence; 0: never (default: as the dialect's server)" },
    { "requests-per-connection", kind = "integer", min = 1,
      help = "then it is closed (default: as the dialect's server does)" },
    { "fail", kind = "fault", list = true,
      help = "failures by the names of the report and their shares: stall=0.01,status_500=0.05; those that "
        .. "begin with reset_ abort the connection (a TCP reset: before a byte, in the header, mid-stream)" },
    { "seed", kind = "integer", default = 0, help = "of times, words and failures" },
    { "log", kind = "path",
      help = "CSV of what was received and said when, in nanoseconds (CLOCK_MONOTONIC): received, refused, "
        .. "tokens, and end, aborted (by the client) or failed (as asked for)" },
  },
  check = mock.check,
  run = mock.run,
}
