-- Files as people have them: escapes, byte order marks, gzip data with a tail, pointers to files elsewhere.
local command = require "tests.support.command"
local json = require("moontide").json

local folder

local function file(name, text)
  return command.write(folder, name, text)
end

local function run(...)
  return command.run { ... }
end

-- Two turns of each of six sessions; one turn's name is written with escapes.
local function escaped_sessions()
  local lines, names = {}, { { [["gr\u00f6\u00DFe"]], [["größe"]] }, { [["a\/b"]], [["a/b"]] },
    { [["\u0041"]], [["A"]] }, { [["\ud83d\ude00"]], [["😀"]] }, { [["\u0022\u005c"]], [["\"\\"]] },
    { [["\u000A\uD800"]], [["\n\ud800"]] } }
  for i, both in ipairs(names) do
    for turn, name in ipairs(both) do
      lines[#lines + 1] = ('{"timestamp": %d, "input_length": %d, "output_length": 1, "hash_ids": [%s], '
        .. '"session_id": %s}\n'):format(2000 * i + 1000 * turn, 512 * turn, turn == 1 and i * 10
        or ("%d, %d"):format(i * 10, i * 10 + 1), name)
    end
  end
  return table.concat(lines)
end

describe("strings in JSON", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("name one session however they are written", function()
    local path = file("t.jsonl", escaped_sessions())
    local result = json.decode(run("analyze", path, "--json").out)
    assert.near(1 / 3, result.hit_sessions.within, 1e-3)
    assert.equal(6, result.sessions.count)
  end)

  it("keep a session in one shard and thin it whole", function()
    local path = file("t.jsonl", escaped_sessions())
    for _, words in ipairs { { "--shard", "0/2" }, { "--shard", "1/2" }, { "--thin", "0.5" } } do
      local turns = {}
      for line in run("cat", path, table.unpack(words)).out:gmatch "[^\n]+" do
        local name = line:match '"session_id": (.*)}'
        turns[name] = (turns[name] or 0) + 1
      end
      assert.truthy(next(turns))
      for _, count in pairs(turns) do assert.equal(2, count) end
    end
    local renumbered = run("cat", path, "--anonymise").out
    assert.truthy(renumbered:find '"s5"' and not renumbered:find '"s6"')
  end)

  it("name members, roles and chats however they are written", function()
    local talk = file("talk.json", [=[[{"\u0069d": "a", "mess\u0061ges": [{"role": "us\u0065r", "content": "x y"},
      {"role": "\u0061ssistant", "content": "z"}]}]]=])
    local result = run("convert", talk, "--json", "-o", folder .. "/talk.jsonl")
    assert.equal(1, json.decode(result.out).requests)
    local chats = file("chats.jsonl", [[
{"chat_id": "\u0061", "parent_chat_id": -1, "timestamp": 1, "input_length": 16, "output_length": 1, "hash_ids": [1]}
{"chat_id": "b", "parent_chat_id": "a", "timestamp": 2, "input_length": 16, "output_length": 1, "hash_ids": [1]}
{"chat_id": 5, "parent_chat_id": -1, "timestamp": 3, "input_length": 16, "output_length": 1, "hash_ids": [1]}
{"chat_id": 6, "parent_chat_id": "5", "timestamp": 4, "input_length": 16, "output_length": 1, "hash_ids": [1]}
]])
    assert.equal(2, json.decode(run("convert", chats, "--json", "-o", folder .. "/c.jsonl").out).sessions)
    local bursts = file("bursts.jsonl", [[
{"timestamp": 1, "requests": [{"prompt_length": 9, "output_length": 1, "session_id": "\u0061"}]}
{"timestamp": 2, "requests": [{"prompt_length": 9, "output_length": 1, "session_id": "a"}]}
]])
    assert.equal(1, json.decode(run("convert", bursts, "--json", "-o", folder .. "/b.jsonl").out).sessions)
  end)
end)
