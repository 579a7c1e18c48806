-- Known answers of the small trace in tests/data, through the real binary: what every clone can check.
local command = require "tests.support.command"
local json = require "moontide".json
local records = require "tests.support.records"

local trace, log = "tests/data/small.jsonl", "tests/data/small.csv"

local folder

setup(function() folder = command.folder() end)
teardown(command.remove_folders)

-- Runs a line, which must succeed, and gives what it printed.
local function out(line)
  local result = command.line(line)
  assert.equal(0, result.status, result.err)
  return result.out
end

local function near(wanted, got)
  assert.is_true(math.abs(wanted - got) <= 1e-12 * wanted, ("%.17g, not %.17g"):format(got, wanted))
end

-- How often each pair of lengths comes.
local function pairs_of(text)
  local count = {}
  for _, record in ipairs(records.read(text)) do
    local pair = record.isl .. " " .. record.osl
    count[pair] = (count[pair] or 0) + 1
  end
  return count
end

describe("of the small trace", function()
  it("the text is whole: blocks fit, ids are numbered by first appearance and have one parent", function()
    local list = records.read(command.read(trace))
    assert.equal(210, #list)
    assert.is_nil(records.fault(list, 64))
  end)

  it("cat passes every byte", function()
    assert.equal(command.read(trace), out("cat " .. trace))
  end)

  it("lint finds nothing", function()
    local result = json.decode(out("lint --json " .. trace))
    assert.equal(210, result.requests)
    assert.equal(64, result.block_size)
    assert.equal(0, #result.findings)
  end)

  it("analyze knows lengths, blocks and what caches hit", function()
    local result = json.decode(out("analyze --json --block-size 64 --cache-sizes 20,50,100 " .. trace))
    assert.equal(210, result.requests)
    assert.equal(2198, result.blocks)
    assert.equal(778, result.distinct_blocks)
    near(133597 / 210, result.metrics.input_length.mean)
    near(317.41560918914513, result.metrics.input_length.std)
    near(10752 / 210, result.metrics.output_length.mean)
    near(781 / 2198, result.lru["20"])
    near(1174 / 2198, result.lru["50"])
    near(1365 / 2198, result.lru["100"])
    near(1420 / 2198, result.hit_infinite.block)
    near(90880 / 133597, result.hit_infinite.token)
    near(0.5874404447241752, result.hit_infinite.request)
  end)

  it("a synthesis after it has its requests, and is the same from the trace and from what was learnt of it", function()
    local model = folder .. "/small.model"
    out("learn --block-size 64 " .. trace .. " -o " .. model)
    local made = out("synthesize --num-requests 210 --seed 3 " .. model .. " -o -")
    assert.equal(made, out("synthesize --block-size 64 --num-requests 210 --seed 3 " .. trace .. " -o -"))
    assert.are_not.equal(made, out("synthesize --num-requests 210 --seed 4 " .. model .. " -o -"))
    assert.same(pairs_of(command.read(trace)), pairs_of(made))
    assert.is_nil(records.fault(records.read(made), 64))
  end)

  it("a longer synthesis hits in large caches as it does", function()
    local made = command.write(folder, "made.jsonl",
      out("synthesize --block-size 64 --num-requests 20x --seed 5 " .. trace .. " -o -"))
    local function analysis_of(path)
      return json.decode(out("analyze --json --block-size 64 --cache-sizes 100,200 " .. path))
    end
    local source, synthesis = analysis_of(trace), analysis_of(made)
    near(source.hit_infinite.block, synthesis.hit_infinite.block)
    for size, bound in pairs { ["100"] = 0.03, ["200"] = 0.005 } do
      assert.is_true(math.abs(source.lru[size] - synthesis.lru[size]) < bound,
        ("%s blocks: %.4f, not %.4f"):format(size, synthesis.lru[size], source.lru[size]))
    end
  end)
end)

it("of the small log, convert keeps the model's rows, from time 0 on", function()
  local result = command.run { "convert", log, "--model", "chatty", "-o", "-", "--block-size", "128" }
  assert.equal(0, result.status, result.err)
  local made, k, input, output, blocks = records.read(result.out), 0, 0, 0, 0
  for time, isl, osl in command.read(log):gmatch "\n([%d.]+),chatty,(%d+),(%d+)" do
    k = k + 1
    assert.equal(math.tointeger(tonumber(time) * 1000 - 8317), math.tointeger(made[k].timestamp))
    assert.equal(tonumber(isl), made[k].isl)
    assert.equal(tonumber(osl), made[k].osl)
    assert.equal((made[k].isl + 127) // 128, #made[k].ids)
    input, output, blocks = input + made[k].isl, output + made[k].osl, blocks + #made[k].ids
  end
  assert.same({ 37, 37, 16522, 2864, 147 }, { k, #made, input, output, blocks })
end)
