--- Moments of the wall clock, as people write them: a kind of option.
local drive = require "moontide.drive"
local options = require "moontide.kit.options"
local units = require "moontide.kit.units"

local moment = {}

local allowed = "a time of the clock (2026-07-06T12:30:00Z, 2026-07-06T12:30:00.5+02:00, 12:30:00, "
  .. "+30s after the next full minute, seconds since 1970)"

-- Days from 1970-01-01 to a date of the Gregorian calendar; nil: there is no such date.
local function days_of(year, month, day)
  local lengths = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
  local is_leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  if is_leap then lengths[2] = 29 end
  if month < 1 or month > 12 or day < 1 or day > lengths[month] then return nil end
  local before = year - 1
  local days = 365 * before + before // 4 - before // 100 + before // 400 + day - 1 - 719162
  for i = 1, month - 1 do days = days + lengths[i] end
  return days
end

-- Seconds of "Z" or "+02:00" ahead of UTC; false: local time; nil: it is neither.
local function offset_of(zone)
  if zone == "" then return false end
  if zone == "Z" or zone == "z" then return 0 end
  local sign, hours, minutes = zone:match "^([+-])(%d%d):(%d%d)$"
  if not sign or tonumber(hours) > 23 or tonumber(minutes) > 59 then return nil end
  return (sign == "-" and -1 or 1) * (3600 * tonumber(hours) + 60 * tonumber(minutes))
end

-- Seconds since 1970 of a date and a time (RFC 3339); without an offset it is local.
local function seconds_of_date(text)
  local year, month, day, clock, zone = text:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)[Tt ](%d%d:%d%d:?%d*)(.*)$"
  local hour, minute, second = (clock or ""):match "^(%d%d):(%d%d):?(%d?%d?)$"
  if not hour then return nil end
  local days, offset = days_of(tonumber(year), tonumber(month), tonumber(day)), offset_of(zone)
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second) or 0
  if not days or offset == nil then return nil end
  if hour > 23 or minute > 59 or second > 60 then return nil end -- 60: a leap second
  if offset then return 86400 * days + 3600 * hour + 60 * minute + second - offset end
  return os.time { year = tonumber(year), month = tonumber(month), day = tonumber(day), hour = hour,
    min = minute, sec = second }
end

-- The next time that the clock shows this.
local function seconds_of_clock(text, now)
  local hour, minute, second = text:match "^(%d%d):(%d%d):?(%d?%d?)$"
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second) or 0
  if not hour or hour > 23 or minute > 59 or second > 59 then return nil end
  local parts = os.date("*t", now)
  parts.hour, parts.min, parts.sec, parts.isdst = hour, minute, second, nil
  local seconds = os.time(parts)
  if seconds > now then return seconds end
  parts.day = parts.day + 1
  return os.time(parts)
end

--- A moment of the wall clock, in nanoseconds since 1970. "+30s" is so long after the next full minute:
--- whoever says it within a minute, on whichever host, means the same moment.
---@param value string|number
---@param what string whose it is, for messages
---@param now? integer seconds since 1970
---@return integer
function moment.of(value, what, now)
  local text, fraction = tostring(value), 0
  now = now or (drive.now() + drive.epoch()) // 1000000000
  if text:find "^%+" then
    local after = options.duration(text:sub(2), what)
    if after < 0 then units.wrong(what, value, allowed) end
    return (now // 60 + 1) * 60000000000 + math.floor(after * 1e9)
  end
  local before, digits, zone = text:match "^(.*%d)%.(%d+)(.*)$"
  if before then
    text = before .. zone
    fraction = math.tointeger(tonumber((digits .. "000000000"):sub(1, 9)))
  end
  local plain = text:find "^%d+$" and #text <= 10 and math.tointeger(tonumber(text))
  local seconds = plain or seconds_of_date(text) or seconds_of_clock(text, now)
  if not seconds then units.wrong(what, value, allowed) end
  return seconds * 1000000000 + fraction
end

options.kinds.moment = { placeholder = "TIME", convert = function(value, what)
  return moment.of(value, what)
end }

return moment
