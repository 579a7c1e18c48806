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

local trace = [[
{"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]}
{"timestamp": 1000, "input_length": 700, "output_length": 5, "hash_ids": [0, 2]}
]]
local mark = "\xEF\xBB\xBF"

describe("many files", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("are joined one at a time, and merged where the process may have them open", function()
    for i = 1, 150 do
      file(("part%03d.jsonl"):format(i), ('{"timestamp": %d, "input_length": 5, "output_length": 1}\n'):format(i))
    end
    local function cat(limit, words)
      return command.shell(("ulimit -%s 64; exec $MOONTIDE cat part*.jsonl --parts %s"):format(limit, words),
        { folder = folder })
    end
    local whole = cat("Sn", "").out
    assert.equal(150, select(2, whole:gsub("\n", "")))
    assert.equal(whole, cat("n", "").out)
    assert.equal(whole, cat("Sn", "--merge").out)
    local result = cat("n", "--merge -o merged.jsonl")
    assert.equal(1, result.status)
    assert.truthy(result.err:find("cannot open: 64 files are open at once, and that is this process's limit (fewer "
      .. "at a time, or 'ulimit -n' to raise it)", 1, true), result.err)
    assert.falsy(command.exists(folder .. "/merged.jsonl"))
  end)
end)

describe("a byte order mark", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("is passed over by every reader, also where files with one were put together", function()
    local path = file("t.jsonl", mark .. trace .. mark .. trace:gsub("\n", "\r\n"))
    assert.same({ status = 0, out = trace .. trace, err = "" }, run("cat", path))
    assert.truthy(run("lint", path).out:find("4 requests", 1, true))
    assert.equal(4, json.decode(run("analyze", path, "--json").out).requests)
    local model = folder .. "/t.model"
    assert.equal(0, run("learn", file("once.jsonl", mark .. trace), "-o", model).status)
    command.write(folder, "t.model", mark .. command.read(model))
    assert.equal(0, run("synthesize", model, "-o", "-").status)
    for name, text in pairs {
      ["l.csv"] = "Timestamp,Request tokens,Response tokens\n1,2,3\n",
      ["l.json"] = '[{"conversations": [{"from": "human", "value": "a b"}, {"from": "gpt", "value": "c"}]}]',
      ["b.jsonl"] = '{"timestamp": 1, "requests": [{"prompt_length": 9, "output_length": 1}]}\n',
    } do
      assert.equal(1, json.decode(run("convert", file(name, mark .. text), "--json", "-o", folder .. "/x").out).requests)
    end
  end)

  it("does not cost lint --fix a line", function()
    local path = file("t.jsonl", mark .. trace .. "oops\n")
    assert.equal(1, run("lint", path, "--fix", folder .. "/mended.jsonl").status)
    assert.equal(trace, command.read(folder .. "/mended.jsonl"))
  end)
end)

describe("compressed files", function()
  before_each(function() folder = command.folder() end)
  after_each(command.remove_folders)

  it("are .gz and .zst, read and written", function()
    local path = file("t.jsonl", trace)
    for _, kind in ipairs { { ".gz", "zcat" }, { ".zst", "zstdcat" } } do
      local packed = folder .. "/packed.jsonl" .. kind[1]
      assert.equal(0, run("cat", path, "-o", packed).status)
      assert.equal(trace, run("cat", packed).out)
      if os.execute("command -v " .. kind[2] .. " >/dev/null") then
        assert.equal(trace, command.shell(kind[2] .. " " .. packed).out)
      end
      command.write(folder, "two.jsonl" .. kind[1], command.read(packed):rep(2))
      assert.equal(trace .. trace, run("cat", folder .. "/two.jsonl" .. kind[1]).out)
      command.write(folder, "cut" .. kind[1], command.read(packed):sub(1, -6))
      command.refuses(run("cat", folder .. "/cut" .. kind[1], "-o", folder .. "/x"),
        ("%s/cut%s: damaged %s data: the file is cut"):format(folder, kind[1], kind[1] == ".gz" and "gzip" or "zstd"))
    end
    local log = command.shell("printf 'Timestamp,Request tokens,Response tokens\n1,2,3\n' | gzip > l.csv.gz; "
      .. "exec $MOONTIDE convert l.csv.gz", { folder = folder })
    assert.equal(0, log.status)
    assert.truthy(command.exists(folder .. "/l.jsonl"))
  end)

  -- Large enough to be unpacked ahead of the work.
  it("are the same when they are large, whole and cut", function()
    local words = { "steady", "--rate", "1000", "--duration", "30s", "-o" }
    local function made(name)
      local path = folder .. "/" .. name
      assert.equal(0, run(words[1], words[2], words[3], words[4], words[5], words[6], path).status)
      return path
    end
    local plain = command.read(made "large.jsonl")
    for _, kind in ipairs { ".gz", ".zst" } do
      local packed = made("large.jsonl" .. kind)
      local bytes = command.read(packed)
      assert.is_true(#bytes > 300000)
      assert.is_true(run("cat", packed).out == plain)
      assert.equal(plain:match "^[^\n]+\n", run("cat", packed, "--num-requests", "1").out)
      local cut = command.write(folder, "cut.jsonl" .. kind, bytes:sub(1, -1000))
      command.refuses(run("cat", cut, "-o", folder .. "/x"),
        ("%s: damaged %s data: the file is cut"):format(cut, kind == ".gz" and "gzip" or "zstd"))
      assert.falsy(command.exists(folder .. "/x"))
    end
  end)

  -- Damage that leaves the data sound: only the checksum tells.
  it("are not taken for others where bytes in them are wrong", function()
    local path = file("t.jsonl", ('{"timestamp": 1, "input_length": 5, "note": "%s"}\n'):format(("0123456789abcdef"):rep(4)))
    for kind, name in pairs { [".gz"] = "gzip", [".zst"] = "zstd" } do
      local packed = folder .. "/t" .. kind
      assert.equal(0, run("cat", path, "-o", packed).status)
      local bytes = command.read(packed)
      local at = assert(bytes:find("imestamp", 1, true) or #bytes // 2)
      local wrong = command.write(folder, "wrong" .. kind, bytes:sub(1, at - 1) .. string.char(bytes:byte(at) ~ 1)
        .. bytes:sub(at + 1))
      local result = run("cat", wrong, "--skip-bad-lines", "-o", folder .. "/x")
      assert.equal(1, result.status)
      assert.matches(("^moontide: %s: damaged %s data: "):format(wrong, name), result.err)
      assert.falsy(command.exists(folder .. "/x"))
    end
  end)

  it("do not lose what was appended to them", function()
    local path = file("t.jsonl", trace)
    for kind, name in pairs { [".gz"] = "gzip", [".zst"] = "zstd" } do
      local packed = folder .. "/t" .. kind
      assert.equal(0, run("cat", path, "-o", packed).status)
      local bytes = command.read(packed)
      command.write(folder, "t" .. kind, bytes .. trace)
      local message = ("%s: behind the %s data, from byte %d of the file on, stands something else: was it "
        .. "appended to the compressed file?"):format(packed, name, #bytes + 1)
      for _, words in ipairs { { "cat", packed, "-o", folder .. "/x" }, { "analyze", packed }, { "lint", packed },
        { "learn", packed, "-o", "-" }, { "compare", packed, packed }, { "cat", packed, "--sort", "-o", folder .. "/x" },
        { "lint", packed, "--fix", folder .. "/x" } } do
        command.refuses(run(table.unpack(words)), message)
      end
      assert.falsy(command.exists(folder .. "/x"))
    end
  end)

  it("and others are told by their first bytes", function()
    for _, case in ipairs {
      { "version https://git-lfs.github.com/spec/v1\noid sha256:07\nsize 144\n",
        "this is a Git LFS pointer, which only says where the file is: 'git lfs pull' fetches it" },
      { ("{\"a\": 1}\n"):gsub(".", "%0\0"), "this is UTF-16, which has to be made UTF-8 first" },
      { ("{\"a\": 1}\n"):gsub(".", "\0%0"), "this is UTF-16, which has to be made UTF-8 first" },
      { "PAR1\21\4", "this is a Parquet file, which has to be made a CSV first" },
      { "PK\3\4", "this is a zip archive: 'unzip -p' prints what is in it" },
      { "\x28\xB5\x2F\xFD", "this is zstd data: it is decompressed where the file's name ends in .zst, and 'zstdcat' "
        .. "does it for standard input" },
    } do
      command.refuses(run("convert", file("l.csv", case[1]), "-o", "-"), folder .. "/l.csv:1: " .. case[2])
      local path = file("t.jsonl", case[1])
      for _, name in ipairs { "cat", "analyze", "lint", "learn" } do
        local result = name == "learn" and run(name, path, "-o", "-") or run(name, path)
        assert.truthy(result.err:find(case[2], 1, true) or result.out:find(case[2], 1, true), name .. result.err)
      end
      local rates = file("rates.lua", 'local mt = require "moontide"\nreturn mt.workload { mt.stream { arrivals = '
        .. 'mt.poisson(mt.rate_of("' .. file("r.csv", case[1]) .. '")), input = 1, output = 1 } }')
      assert.truthy(run(rates, "--check").err:find(case[2], 1, true))
    end
  end)
end)
