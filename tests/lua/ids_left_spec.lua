-- A pipe that only writes ids leaves those of a file as the text they are. What it writes is what its columns
-- write, which have the numbers.
local mt = require "moontide"
local command = require "tests.support.command"

local lines = {}
do
  local text = "%s{\"timestamp\": %d, \"input_length\": %d, \"output_length\": %d, \"hash_ids\": %s%s}"
  local lists = { "[0, 1]", "[0, 1, 2]", "[0,1,3]", "[0, 18446744073709551615]", "[ 4 ]", "[]", "null", "[5.0, 6]",
    "[0, 1234567890123456789, 99999999]" }
  for i = 1, 90 do
    lines[i] = text:format(i % 7 == 0 and " " or "", 1000 * i, 300 * (i % 5), i, lists[i % #lists + 1],
      i % 4 == 0 and (', "session_id": "s%d", "delay": 5'):format(i % 3) or ', "priority": 1')
  end
end

local folder = command.folder()
local path = command.write(folder, "ids.jsonl", table.concat(lines, "\n") .. "\n")
local small = command.write(folder, "small.jsonl", (table.concat(lines, "\n"):gsub("18446744073709551615", "17")))
local target = folder .. "/written.jsonl"

local function read(name)
  local file <close> = assert(io.open(name, "rb"))
  return file:read "a"
end

-- What the pipe writes, and what its columns do.
local function both(pipe, opt)
  assert(pipe():write(target, opt))
  local direct = read(target)
  assert(assert(pipe():columns()):write(target, opt))
  return direct, read(target)
end

local steps = {
  none = function(trace) return trace end,
  shift = function(trace) return trace:shift "2s" end,
  from_zero = function(trace) return trace:from_zero() end,
  speed = function(trace) return trace:speed(3) end,
  first = function(trace) return trace:first(40) end,
  window = function(trace) return trace:window { start = 10, stop = 60 } end,
  thin = function(trace) return trace:thin(0.5, { seed = 3 }) end,
  several = function(trace) return trace:window { start = 5 }:speed(2):thin(0.8, { seed = 1 }):first(20) end,
  where = function(trace) return trace:where "#(hash_ids or {}) > 1" end,
  count = function(trace) return trace:where "request_hash_count == 3":shift(1) end,
  sort = function(trace) return trace:speed(2):sort() end,
  renumber = function(trace) return trace:shift(1):renumber() end,
  anonymise = function(trace) return trace:first(50):anonymise() end,
  loop = function() return mt.trace.pipe(small):loop(2, { every = 100, fresh_ids = true }) end,
  reblock = function(trace) return trace:shift(1):reblock(1024) end,
  shard = function(trace) return trace:shard "0/2" end,
  join = function() return mt.trace.join { small, mt.trace.pipe(small):first(20) } end,
  merge = function() return mt.trace.merge { mt.trace.pipe(small):speed(2), small } end,
}

describe("ids that are left as text", function()
  teardown(command.remove_folders)

  local names = {}
  for name in pairs(steps) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    it("are written as columns write them: " .. name, function()
      for _, opt in ipairs { {}, { compact = true } } do
        local direct, through = both(function() return steps[name](mt.trace.pipe(path)) end, opt)
        assert.truthy(#direct > 500)
        assert.equal(through, direct)
      end
    end)
  end

  it("do not stay so in a reader whose rest a pipe has not taken", function()
    local reader <close> = assert(mt.trace.open(path))
    assert.same({ 0, 1, 2 }, reader:next().hash_ids)
    assert(mt.trace.pipe(reader):first(3):write(target))
    assert.equal(3, #assert(mt.trace.read(target)))
    assert.falsy(pcall(reader.next, reader))
  end)

  it("are refused as ever", function()
    for list, message in pairs {
      ["[1, 18446744073709551616]"] = "an id of hash_ids is out of range: 18446744073709551616",
      ["[1, 02]"] = "expected a number without leading zeros, found '02%]}'", ["[1, 2"] = "',' or '%]' in hash_ids",
      ["[1, -2]"] = "an id of hash_ids must be a whole number of at least 0, not %-2",
    } do
      local bad = command.write(folder, "bad.jsonl", lines[1] .. '\n{"hash_ids": ' .. list .. "}\n")
      local done, problem, code = mt.trace.pipe(bad):write(folder .. "/none.jsonl")
      assert.is_nil(done)
      assert.equal("input", code)
      assert.truthy(problem:find("bad.jsonl:2:", 1, true), problem)
      assert.truthy(problem:find(message), problem)
      assert.falsy(command.exists(folder .. "/none.jsonl"))
    end
  end)
end)
