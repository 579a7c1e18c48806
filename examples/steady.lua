-- A steady load: 10 requests a second with prompts of 2000 tokens that share nothing.
local mt = require "moontide"
return mt.workload { mt.stream { arrivals = mt.poisson(10), input = 2000, output = 250 } }
