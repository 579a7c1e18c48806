-- Answers from documents: the same instructions, some documents (a few of them hot), and a question. Order
-- matters: a document is only found again behind the same documents.
local mt = require "moontide"

return mt.script {
  summary = "A RAG service: instructions, retrieved documents by a Zipf law, a question",
  usage = "moontide examples/rag.lua --documents 10000 --zipf 0.9 --retrieved 5 --duration 10m",
  options = {
    { "rate", kind = "rate", default = 10, help = "questions per second" },
    { "documents", kind = "integer", default = 1000, min = 1, help = "how many documents there are" },
    { "zipf", kind = "number", default = 1.2, min = 0,
      help = "exponent of how often each is read; 0: all alike; the larger, the hotter a few are" },
    { "retrieved", kind = "integer", default = 3, min = 1, help = "documents in a prompt" },
    { "tokens", kind = "integer", default = 1024, min = 1, help = "length of a document" },
  },
  plan = function(opt)
    local hot = mt.zipf { n = opt.documents, s = opt.zipf }
    return mt.workload {
      block_size = 64,
      mt.stream {
        arrivals = mt.poisson(opt.rate),
        prompt = mt.parts { { tokens = 512 }, { tokens = opt.tokens, pick = hot, count = opt.retrieved } },
        new_input = mt.lognormal { mean = 40, cv = 0.6 }, output = mt.lognormal { mean = 350, cv = 0.7 },
      },
    }
  end,
}
