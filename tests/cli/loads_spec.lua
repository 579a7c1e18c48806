-- What a script's load really brings, through the real binary.
local command = require "tests.support.command"

local folder

setup(function() folder = command.folder() end)
teardown(command.remove_folders)

local count = 0

-- Writes a script and runs it with the words of `line`.
local function run(text, line)
  count = count + 1
  local name = ("load%d.lua"):format(count)
  command.write(folder, name, 'local mt = require "moontide"\n' .. text .. "\n")
  return command.line(name .. " " .. (line or ""), { folder = folder })
end

-- How often each value of a member comes out.
local function tally(trace, pattern)
  local counts = {}
  for value in trace:gmatch(pattern) do counts[tonumber(value)] = (counts[tonumber(value)] or 0) + 1 end
  return counts
end

-- Every whole number in [low, high], and no other, within 5 deviations of as often.
local function assert_even(counts, low, high)
  local total = 0
  for _, n in pairs(counts) do total = total + n end
  local each = total / (high - low + 1)
  for value = low, high do
    local n = counts[value] or 0
    assert.is_true(math.abs(n - each) < 5 * math.sqrt(each), ("%d comes %d times, not %.0f"):format(value, n, each))
    counts[value] = nil
  end
  assert.is_nil(next(counts))
end

describe("whole numbers from a uniform law", function()
  it("are every length from low to high as often", function()
    local lengths = {
      { "mt.uniform(1, 3)", 1, 3 }, { "mt.uniform(1, 3) * 2", 2, 6 }, { "mt.uniform(1, 3) + 4", 5, 7 },
      { "mt.uniform(0.5, 3.5)", 1, 3 }, { "mt.uniform(mt.const(1), 3) * 2", 2, 6 },
      { "mt.mix{ {1, mt.uniform(1, 2)}, {1, mt.uniform(3, 4)} }", 1, 4 },
      { "mt.uniform{1, 9, max=9}", 1, 9 },
    }
    for _, length in ipairs(lengths) do
      local result = run(("return mt.workload { duration = 100, mt.stream { arrivals = mt.even(300), input = %s, "
        .. "output = %s } }"):format(length[1], length[1]), "-o -")
      assert.equal(0, result.status, result.err)
      assert_even(tally(result.out, '"input_length": (%d+)'), length[2], length[3])
      assert_even(tally(result.out, '"output_length": (%d+)'), length[2], length[3])
    end
  end)

  it("are every number of turns as often", function()
    local result = run("return mt.workload { duration = '1h', mt.stream { arrivals = mt.sessions { starts = mt.even(2), "
      .. "turns = mt.uniform(1, 3), think = mt.fixed(1) }, new_input = 10, output = 10 } }", "-o -")
    assert.equal(0, result.status, result.err)
    local turns = {}
    for _, n in pairs(tally(result.out, '"session_id": "main%-(%d+)"')) do turns[n] = (turns[n] or 0) + 1 end
    assert_even(turns, 1, 3)
  end)

  it("are the mean that a plan expects", function()
    local result = run("return mt.workload { duration = 100, mt.stream { arrivals = mt.even(300), "
      .. "input = mt.uniform(1.2, 3.7), output = 1 } }", "--check")
    assert.equal(0, result.status, result.err)
    assert.truthy(result.out:find(" 2.5 ", 1, true), result.out)
  end)
end)
