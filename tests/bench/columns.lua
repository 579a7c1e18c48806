-- Benchmark: arrivals into columns, Poisson or by a script's own function.
local mt = require "moontide"

-- The same process, a call a request.
local function own()
  return mt.arrivals(function(random) return function() return random:exponential(0.001) end end)
end

return mt.script {
  summary = "Arrivals with one block each, kept in memory as columns",
  options = {
    { "requests", kind = "integer", min = 1, default = 2000000, help = "how many" },
    { "looped", kind = "flag", help = "instead, a loop over them as tables" },
    { "kept", kind = "flag", help = "the same, each table kept" },
    { "looked-at", kind = "flag", help = "as tables too, and three members of each added, by their names" },
    { "passed-on", kind = "flag", help = "the same of a table that could go elsewhere" },
    { "named", kind = "flag", help = "by a loop over three members of each, which it names" },
    { "indexed", kind = "flag", help = "as columns, and three numbers of each request added in a loop" },
    { "computed", kind = "flag", help = "as columns, and three of them added without a loop" },
    { "own-arrivals", kind = "flag", help = "by a Lua function instead of mt.poisson" },
  },
  run = function(opt)
    local sum = 0
    local workload = mt.workload {
      mt.stream { arrivals = opt.own_arrivals and own() or mt.poisson(1000), input = 500, output = 100,
        prompt = mt.unique() },
    }
    if opt.looped or opt.kept then
      local kept, count = {}, 0
      for request in workload:requests { num_requests = opt.requests, duration = opt.requests } do
        count = count + 1
        if opt.kept then kept[count] = request end
      end
      if opt.kept and #kept ~= count then return nil, "kept too few" end
      return
    end
    if opt.looked_at then
      for r in workload:requests { num_requests = opt.requests, duration = opt.requests } do
        sum = sum + r.timestamp + r.input_length + r.output_length
      end
      return sum > 0 or nil, "no sum"
    end
    if opt.passed_on then
      for r in workload:requests { num_requests = opt.requests, duration = opt.requests } do
        local passed = r
        sum = sum + passed.timestamp + passed.input_length + passed.output_length
      end
      return sum > 0 or nil, "no sum"
    end
    if opt.named then
      local pipe = workload:pipe { num_requests = opt.requests, duration = opt.requests }
      for _, time, input, output in pipe:members("timestamp", "input_length", "output_length") do
        sum = sum + time + input + output
      end
      return sum > 0 or nil, "no sum"
    end
    local columns, message, code = workload:columns { num_requests = opt.requests, duration = opt.requests }
    if not columns then return nil, message, code end
    if #columns ~= opt.requests then return nil, ("made %d requests"):format(#columns) end
    local time = columns:column "timestamp"
    local input, output = columns:column "input_length", columns:column "output_length"
    if opt.indexed then
      for i = 1, #columns do sum = sum + time[i] + input[i] + output[i] end
    elseif opt.computed then
      sum = (time + input + output):sum()
    end
    if (opt.indexed or opt.computed) and sum <= 0 then return nil, "no sum" end
  end,
}
