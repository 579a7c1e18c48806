-- What the fuzz target `texts` does with a text: the first letter says what it stands for. A curve is written
-- as a script would have it and read again, and is the same; what is refused is refused in words, not by an
-- error in our own Lua.
local mt = require "moontide"

local caches = require "moontide.learn.cache_options"
local options = require "moontide.kit.options"
require "moontide.learn.expectation"
require "moontide.learn.compare"
require "moontide.learn.knobs"
require "moontide.load.phases"
require "moontide.synthesis.options"

local steps_of_a_text = 100000 -- virtual machine instructions, times 1000

local function refused(message)
  local text = tostring(message)
  assert(text ~= "" and #text < 10000, "a message of no use")
  assert(not text:find "^lua/moontide" and not text:find "^%.?/?lua/", text)
end

-- The value of a script's expression.
local function value_of(text)
  local chunk = load("local mt = ... return " .. text, "=again", "t", { math = math })
  return assert(chunk, text)(mt)
end

local function same(a, b) return a == b or math.abs(a - b) <= 1e-9 * math.max(math.abs(a), math.abs(b)) end

local function check_curve(value)
  local curve = type(value) == "number" and mt.const(value) or value
  local text = tostring(curve)
  for _, time in ipairs { 0, 0.5, 17, 3600 } do
    local rate, area = curve(time), curve:area(0, time)
    assert(rate == rate and area == area, text)
  end
  if text:find "%.%.%.$" or text:find "noise" then return end -- cut; a noise is another each time
  local again = value_of(text)
  if type(again) == "number" then again = mt.const(again) end
  for _, time in ipairs { 0, 0.5, 17, 3600 } do assert(same(curve(time), again(time)), text) end
end

local function check_length(value)
  if type(value) == "number" then return end
  local text, random = tostring(value), mt.random(1, "fuzz")
  for _ = 1, 3 do
    local drawn = random:draw(value)
    assert(drawn == drawn, text)
  end
  if not text:find "%.%.%.$" then value_of(text) end
end

local trace = mt.trace.columns {
  { timestamp = 0, input_length = 5, output_length = 1, hash_ids = { 0 }, session_id = "a" },
  { timestamp = 1000, input_length = 600, hash_ids = { 0, 1 } },
}

local function check_where(text) mt.trace.pipe(trace):where(text):columns() end

-- A value that is written can be read, and is then written the same.
local function check_json(text)
  local value, message = mt.json.decode(text)
  if value == nil and message then return refused(message) end
  local written = mt.json.encode(value)
  assert(mt.json.encode(mt.json.decode(written)) == written, written)
end

local function of_kind(kind, check, more)
  local option = { kind = kind }
  for key, value in pairs(more or {}) do option[key] = value end
  return function(text)
    local value = options.value(text, "fuzz", option, true)
    if check then check(value) end
  end
end

local uses = {
  c = of_kind("curve", check_curve), r = of_kind("rate", check_curve), l = of_kind("length", check_length),
  t = of_kind("tokens"), d = of_kind("duration"), R = of_kind("rate_number"), i = of_kind("integer"),
  n = of_kind("number"), S = of_kind("seed"), s = of_kind("shard"), b = of_kind("bytes"),
  C = of_kind("cache_size", function(sizes) caches.ascending(sizes, 512, 100) end, { list = true, min = 1 }),
  v = of_kind("service_times"), k = of_kind("change"), B = of_kind("bound"), p = of_kind("phase"),
  q = of_kind("request_count"), e = of_kind("expectation"), w = check_where, j = check_json,
}

local function stop() error("too long", 0) end

return function(input)
  local use = uses[input:sub(1, 1)]
  if not use then return end
  local thread = coroutine.create(use)
  debug.sethook(thread, stop, "", steps_of_a_text * 1000)
  local done, message = coroutine.resume(thread, input:sub(2))
  if not done then refused(message) end
  collectgarbage "step"
end
