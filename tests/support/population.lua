-- A small simulation of those who ask: lives that sleep, grow prompts and ask, each a coroutine, and the
-- trace of what they asked. The same seed gives the same bytes.
local mt = require "moontide"

local population = {}

local world_type = {}
world_type.__index = world_type

-- Whether event a comes before b; of two at one time, the one that was planned first.
local function before(a, b)
  return a.time < b.time or a.time == b.time and a.serial < b.serial
end

-- A binary heap, the earliest event first.
local function push(heap, event)
  local i = #heap + 1
  while i > 1 and before(event, heap[i // 2]) do
    heap[i], i = heap[i // 2], i // 2
  end
  heap[i] = event
end

local function pop(heap)
  local first, last = heap[1], table.remove(heap)
  local size, i = #heap, 1
  if size == 0 then return first end
  while 2 * i <= size do
    local child = 2 * i
    if child < size and before(heap[child + 1], heap[child]) then child = child + 1 end
    if not before(heap[child], last) then break end
    heap[i], i = heap[child], child
  end
  heap[i] = last
  return first
end

--- Starts a life `delay` seconds from now: body(...) runs in a coroutine of its own.
function world_type:spawn(delay, body, ...)
  local given = table.pack(...)
  local life = coroutine.create(function() body(table.unpack(given, 1, given.n)) end)
  self:plan(delay, life)
end

function world_type:plan(delay, life)
  self.serial = self.serial + 1
  push(self.events, { time = self.now + math.max(0, delay), serial = self.serial, life = life })
end

--- Lets a life wait, in seconds.
function world_type.sleep(_, seconds)
  coroutine.yield(seconds)
end

--- The prompt that follows the first `kept` tokens (all, when left out) of a prompt (nil: of nothing) with
--- `added` new ones. Whole blocks that are kept keep their ids; the block that was not full gets another.
function world_type:grow(prompt, added, kept)
  local size = self.block_size
  local tokens, ids = 0, {}
  if prompt then
    tokens = math.min(kept or prompt.tokens, prompt.tokens)
    table.move(prompt.ids, 1, tokens // size, 1, ids)
  end
  tokens = tokens + added
  for i = #ids + 1, (tokens + size - 1) // size do
    self.last_id = self.last_id + 1
    ids[i] = self.last_id
  end
  return { tokens = tokens, ids = ids }
end

--- Asks a prompt now, for an answer of `output` tokens. What is asked before time 0 is the past, of which
--- the trace tells nothing. `extra` is the text of a JSON object.
function world_type:ask(prompt, output, extra)
  if self.now < 0 or #self.asked >= self.wanted then return end
  local time = self.grid and self.now // self.grid * self.grid or self.now
  self.asked[#self.asked + 1] = {
    timestamp = math.floor(1000 * time), input_length = prompt.tokens, output_length = output,
    hash_ids = prompt.ids, extra = extra,
  }
end

--- Whole tokens of a lognormal distribution: its median, the standard deviation of its logarithm, bounds.
function world_type:tokens(median, sigma, least, most)
  local drawn = median * math.exp(sigma * self.random:normal())
  return math.floor(math.max(least or 1, math.min(drawn, most or 100000)))
end

--- Seconds, the same way.
function world_type:seconds(median, sigma, least, most)
  return math.max(least, math.min(median * math.exp(sigma * self.random:normal()), most))
end

--- The length of an answer: long questions get longer ones (by the root of their length), and some get none.
function world_type:answer(median, asked)
  return self:tokens(median * math.min(4, math.sqrt(asked / 300)), 0.8, 1, 2000)
end

--- The number of a thing whose weight falls with its rank as a power: 1 to n.
function world_type:rank(n, exponent)
  return self.random:zipf(n, exponent)
end

function world_type:chance(probability)
  return self.random:uniform() < probability
end

--- Starts body(...) at random times, `rate()` a second on average and never more than `most`, for ever.
function world_type:arrive(rate, most, body)
  self:spawn(0, function()
    while true do
      self:sleep(self.random:exponential(1 / most))
      if self.random:uniform() * most < rate() then self:spawn(0, body) end
    end
  end)
end

-- Ids by first appearance, from 0.
local function renumber(asked)
  local number, next_number = {}, 0
  for _, request in ipairs(asked) do
    local ids = {}
    for i, id in ipairs(request.hash_ids) do
      if not number[id] then number[id], next_number = next_number, next_number + 1 end
      ids[i] = number[id]
    end
    request.hash_ids = ids
  end
end

--- Lets a population live until it has asked `requests` times, and writes that as a trace.
-- What it needs: path, requests, seed, name (of its random numbers), block_size (512), warmup (seconds lived
-- before the trace begins: 0), grid (seconds that times are rounded down to: none), lives(world).
function population.write(options)
  local world = setmetatable({
    random = mt.random(options.seed, options.name), block_size = options.block_size or 512,
    grid = options.grid, wanted = options.requests, now = -(options.warmup or 0),
    events = {}, asked = {}, serial = 0, last_id = 0,
  }, world_type)
  options.lives(world)
  while #world.asked < world.wanted do
    local event = assert(pop(world.events), "nobody is left to ask")
    world.now = event.time
    local alive, delay = coroutine.resume(event.life)
    if not alive then error(debug.traceback(event.life, delay), 0) end
    if coroutine.status(event.life) == "suspended" then world:plan(delay, event.life) end
  end

  local start = world.asked[1] and world.asked[1].timestamp or 0
  renumber(world.asked)
  local writer <close> = assert(mt.trace.writer(options.path))
  for _, request in ipairs(world.asked) do
    request.timestamp = request.timestamp - start
    assert(writer:write(request))
  end
  assert(writer:finish())
end

return population
