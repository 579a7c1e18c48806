-- An arrival process of one's own: a job that wakes on every full minute and sends a volley.
local mt = require "moontide"

-- Called once a run; the function it returns is called with the time of the last request and returns
-- the gap to the next.
local function volleys(every, size, gap)
  return function(random)
    local left = 0
    return function(now)
      if left > 0 then
        left = left - 1
        return gap
      end
      repeat left = random:poisson(size) until left > 0
      left = left - 1
      local rounds = math.floor(now / every)
      return (rounds + 1) * every - now
    end
  end
end

return mt.script {
  summary = "Arrivals written in Lua: volleys of requests at regular times",
  usage = "moontide examples/own_arrivals.lua --every 1m --size 20 --gap 50ms --duration 1h",
  default_duration = "10m30s",
  options = {
    { "every", kind = "duration", default = "1m", above = 0, help = "from volley to volley" },
    { "size", kind = "number", default = 20, above = 0, help = "mean number of requests in a volley" },
    { "gap", kind = "duration", default = "50ms", min = 0, help = "between the requests of a volley" },
  },
  plan = function(opt)
    return mt.workload {
      mt.stream { arrivals = mt.arrivals(volleys(opt.every, opt.size, opt.gap)), input = 4000, output = 50 },
    }
  end,
}
