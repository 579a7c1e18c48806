--- The mean of a few repeated measurements, and how far from it the true mean may be.
--
-- The interval is Student's (1908): of n values with the sample deviation s it is mean +- t * s / sqrt(n), t
-- being the 97.5 % quantile of the t distribution with n - 1 degrees of freedom. That distribution is summed
-- exactly for whole degrees (Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4).
local interval = {}

-- The share of the t distribution with so many degrees of freedom that lies within -t .. t.
local function share_within(t, degrees)
  local angle = math.atan(t / math.sqrt(degrees))
  local sine, cosine = math.sin(angle), math.cos(angle)
  local is_odd = degrees % 2 == 1
  local term = is_odd and cosine or 1
  local sum = degrees > 1 and term or 0
  for k = is_odd and 3 or 2, degrees - 2, 2 do
    term = term * cosine * cosine * (k - 1) / k
    sum = sum + term
  end
  return is_odd and 2 / math.pi * (angle + sine * sum) or sine * sum
end

--- The t within which so much of the t distribution lies: quantile(0.95, 4) is 2.776.
---@param share number 0 < share < 1
---@param degrees integer of freedom, at least 1
---@return number
function interval.quantile(share, degrees)
  local low, high = 0, 1
  while share_within(high, degrees) < share do high = 2 * high end
  for _ = 1, 60 do
    local middle = (low + high) / 2
    if share_within(middle, degrees) < share then low = middle else high = middle end
  end
  return high
end

--- The mean of values and half the width of its 95 % interval, nil for fewer than two values.
---@param values number[] at least one
---@return number mean, number? half_width
function interval.of(values)
  local count, sum, squares = #values, 0, 0
  for _, value in ipairs(values) do sum = sum + value end
  local mean = sum / count
  if count < 2 then return mean, nil end
  for _, value in ipairs(values) do squares = squares + (value - mean) ^ 2 end
  local deviation = math.sqrt(squares / (count - 1))
  return mean, interval.quantile(0.95, count - 1) * deviation / math.sqrt(count)
end

return interval
