-- A sinusoidal request rate and a sinusoidal mix of two ISL/OSL pairs, prompts of random blocks.
local mt = require "moontide"
local options = require "moontide.kit.options"

-- lo at t = 0, hi half a period later.
local function from_minimum(lo, hi, period)
  return mt.sine { min = lo, max = hi, period = period, peak_at = period / 2 }
end

local function output_name(opt)
  local function number(name)
    return options.python_number(opt[options.key(name)], options.given(opt, name))
  end
  return ("sin_b%d_t%d_rr%s-%s-%s_io%d%d-%d%d-%s-%s-%s.jsonl"):format(
    opt.block_size, opt.time_duration,
    number "request-rate-min", number "request-rate-max", number "request-rate-period",
    opt.isl1, opt.osl1, opt.isl2, opt.osl2,
    number "isl-osl-ratio-min", number "isl-osl-ratio-max", number "isl-osl-ratio-period")
end

return mt.script {
  summary = "A sinusoidal request rate and ISL/OSL mix",
  usage = "moontide sin --time-duration 600 --request-rate-min 5 --request-rate-max 20 "
    .. "--request-rate-period 150",
  options = {
    { "block-size", kind = "integer", default = 512, min = 1, max = 1 << 31,
      help = "tokens per block" },
    { "total-blocks", kind = "integer", default = 10000, min = 1,
      help = "prompt blocks are drawn from so many" },
    { "time-duration", kind = "integer", default = 100, min = 1, stands_for = "duration",
      help = "seconds" },
    { "process-interval", kind = "number", default = 1, above = 0,
      help = "sampling step, seconds" },
    { "request-rate-min", kind = "number", default = 5, min = 0,
      help = "lowest requests per second" },
    { "request-rate-max", kind = "number", default = 10, min = 0,
      help = "highest requests per second" },
    { "request-rate-period", kind = "number", default = 10, above = 0,
      help = "seconds" },
    { "isl1", kind = "integer", default = 100, min = 1,
      help = "input tokens of pair 1" },
    { "osl1", kind = "integer", default = 2000, min = 0,
      help = "output tokens of pair 1" },
    { "isl2", kind = "integer", default = 5000, min = 1,
      help = "input tokens of pair 2" },
    { "osl2", kind = "integer", default = 100, min = 0,
      help = "output tokens of pair 2" },
    { "isl-osl-ratio-min", kind = "number", default = 0.2, min = 0, max = 1,
      help = "lowest share of pair 1" },
    { "isl-osl-ratio-max", kind = "number", default = 0.8, min = 0, max = 1,
      help = "highest share of pair 1" },
    { "isl-osl-ratio-period", kind = "number", default = 10, above = 0,
      help = "seconds" },
  },
  timestamp_digits = 0,
  output_name = output_name,
  check = function(opt)
    if opt.request_rate_min > opt.request_rate_max then
      return "--request-rate-min is above --request-rate-max"
    elseif opt.isl_osl_ratio_min > opt.isl_osl_ratio_max then
      return "--isl-osl-ratio-min is above --isl-osl-ratio-max"
    end
  end,
  plan = function(opt)
    local rate = from_minimum(opt.request_rate_min, opt.request_rate_max, opt.request_rate_period)
    local ratio = from_minimum(opt.isl_osl_ratio_min, opt.isl_osl_ratio_max, opt.isl_osl_ratio_period)
    return mt.workload {
      block_size = opt.block_size,
      mt.stream {
        arrivals = mt.poisson_counts(rate, opt.process_interval),
        lengths = mt.classes {
          { ratio, input = opt.isl1, output = opt.osl1 },
          { 1 - ratio, input = opt.isl2, output = opt.osl2 },
        },
        prompt = mt.random_blocks { total = opt.total_blocks },
      },
    }
  end,
}
