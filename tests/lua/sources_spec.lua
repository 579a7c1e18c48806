-- The sources on which a synthesiser is judged: whole traces, each as its seed says, and of their kind.
local command = require "tests.support.command"
local records = require "tests.support.records"
local sources = require "tests.support.sources"

teardown(command.remove_folders)

local function write(name, requests, seed)
  local path = command.file()
  sources[name](path, requests, seed)
  return command.read(path)
end

-- The shares of blocks that were seen before, and of requests none of whose blocks were.
local function sharing(list)
  local seen, blocks, hits, strangers = {}, 0, 0, 0
  for _, record in ipairs(list) do
    local before = hits
    for _, id in ipairs(record.ids) do
      if seen[id] then hits = hits + 1 end
      seen[id] = true
    end
    blocks = blocks + #record.ids
    if hits == before then strangers = strangers + 1 end
  end
  return hits / blocks, strangers / #list
end

describe("source traces", function()
  for _, name in ipairs(sources.names) do
    it("of " .. name .. " are whole, and the same for the same seed", function()
      local requests = math.min(500, sources.requests[name])
      local text = write(name, requests, 3)
      local list = records.read(text)
      assert.are.equal(requests, #list)
      assert.is_nil(records.fault(list, sources.block_size[name]))
      assert.are.equal(0, list[1].timestamp)
      assert.are.equal(text, write(name, requests, 3))
      assert.are_not.equal(text, write(name, requests, 4))
    end)
  end

  it("of toolagent have about the published input, output and hit ratio", function()
    local list = records.read(write("toolagent"))
    local input, output = 0, 0
    for _, record in ipairs(list) do input, output = input + record.isl, output + record.osl end
    assert.are.equal(23608, #list)
    assert.is_near(8600, input / #list, 600)
    assert.is_near(182, output / #list, 15)
    assert.is_near(0.6, sharing(list), 0.04)
    assert.is_near(3600, list[#list].timestamp / 1000, 200)
  end)

  it("of bailian have a stranger in about three requests, and chats that go on from a parent", function()
    local list = records.read(write("bailian", 3000))
    local _, strangers = sharing(list)
    assert.is_near(0.32, strangers, 0.05)
    local chats, branches, followed = {}, 0, {}
    for _, record in ipairs(list) do
      local parent = chats[record:member "parent_chat_id"]
      if parent then
        assert.are.equal(parent:member "turn" + 1, record:member "turn")
        branches = branches + (followed[parent] and 1 or 0)
        followed[parent] = true
        for i = 1, parent.isl // 16 do assert.are.equal(parent.ids[i], record.ids[i]) end
      end
      chats[record:member "chat_id"] = record
    end
    assert.is_true(branches > 20, branches)
  end)

  it("of bursts come back within seconds or not at all", function()
    local last, longest = {}, 0
    for _, record in ipairs(records.read(write("bursts", 5000))) do
      for _, id in ipairs(record.ids) do
        longest = math.max(longest, record.timestamp - (last[id] or record.timestamp))
        last[id] = record.timestamp
      end
    end
    assert.is_true(longest > 1000 and longest < 40000, longest)
  end)
end)
