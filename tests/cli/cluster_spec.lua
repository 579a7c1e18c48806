-- The jobs that `kubernetes` and `slurm` print for a replay: what is in them is what was said, whatever it was, and
-- their commands run. Whether Kubernetes and Slurm themselves take them is what make check-kubernetes and
-- make check-slurm try.
local command = require "tests.support.command"
local mock = require "tests.support.mock"
local json = require("moontide.base.json").public.json

local nasty = { "a b", "it's", 'say "so"', "$HOME", "$(id)", "$(A)$$(B)$", "`id`", "back\\slash", "two\nlines",
  "END_OF_JOB", "\nEND_OF_JOB\n", "*", "#no", ": x", "- y", "true", "é\127\194\133x", "{name}", "%d %1", "" }

-- The documents of a stream of manifests.
local function documents(text)
  local list = {}
  for one in (text .. "\n---\n"):gmatch "(.-\n)%-%-%-\n" do list[#list + 1] = one end
  return list
end

-- The args of a job's container, as the kubelet gives them to it.
local function args_of(document, environment)
  local args = {}
  for line in document:match "\n          args:\n(.-)\n          %l":gmatch "[^\n]+" do
    local word = json.decode(line:match "^            %- (.*)$")
    args[#args + 1] = word:gsub("%$(%$?)(%(?[%w_]*%)?)", function(dollar, rest)
      if dollar == "$" then return "$" .. rest end
      local name = rest:match "^%(([%w_]+)%)$"
      return name and environment[name] or nil
    end)
  end
  return args
end

local function with_words(words)
  local all = { "kubernetes" }
  for _, word in ipairs(words) do all[#all + 1] = word end
  return all
end

local script = [[
local mt = require "moontide"
return mt.script { summary = "A load", options = { { "text", kind = "string", default = "", list = true } },
  plan = function() return mt.workload { duration = "1s", mt.stream { arrivals = mt.even(20), input = 20, output = 3 } } end }
]]

describe("moontide kubernetes", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("prints words that are the ones it was given, whatever they are", function()
    local folder = command.folder()
    command.write(folder, "load.lua", script)
    local words = { "load.lua", "--url", "http://inference:8000", "--model", "it's a", "--shards", "3",
      "--start-at", "2030-01-02T03:04:05Z" }
    local expected = { "replay", "--shard", "2/3", "--start-at", "2030-01-02T03:04:05Z", "--output-dir",
      "/data/moontide/shards/2", "--url", "http://inference:8000", "--model", "it's a" }
    for i, word in ipairs(nasty) do
      if word ~= "" then
        local member = ("n%d=%s"):format(i, json.encode(word))
        words[#words + 1] = "--extra=" .. member
        table.move({ "--extra", member }, 1, 2, #expected + 1, expected)
      end
    end
    table.move({ "--max-memory", "2Gi", "--accept-invalid", "/load/load.lua", "--" }, 1, 5, #expected + 1, expected)
    words[#words + 1] = "--"
    for _, word in ipairs(nasty) do
      table.move({ "--text=" .. word }, 1, 1, #words + 1, words)
      table.move({ "--text=" .. word }, 1, 1, #expected + 1, expected)
    end
    local result = command.run(with_words(words), { folder = folder })
    assert.same({ 0, "" }, { result.status, result.err })
    local list = documents(result.out)
    assert.equal(5, #list) -- the introduction is one
    assert.same(expected, args_of(list[4], { JOB_COMPLETION_INDEX = "2" }))
    assert.same({ "merge", "/data/moontide/shards", "--output-dir", "/data/moontide/merged" }, args_of(list[5], {}))
    assert.equal(script, json.decode(list[3]:match '\n  "load.lua": (.*)\n'))
  end)

  it("prints what runs", function()
    local server = mock.start { "--ttft", "2", "--itl", "1" }
    local folder = command.folder()
    command.write(folder, "load.lua", script)
    local at = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + 3)
    local result = command.run({ "kubernetes", "load.lua", "--endpoint", "http://127.0.0.1:" .. server.port, "--model",
      "m", "--shards", "2", "--name", "try", "--start-at", at, "--warmup", "0", "--max-skew", "20s" }, { folder = folder })
    assert.same({ 0, "" }, { result.status, result.err })
    local list = documents(result.out)
    local lines = { "mkdir data load; cp load.lua load" }
    local function add(args, stop)
      local quoted = {}
      for i, word in ipairs(args) do quoted[i] = "'" .. word:gsub("^/", "") .. "'" end
      lines[#lines + 1] = '"$MOONTIDE" ' .. table.concat(quoted, " ") .. stop
    end
    add(args_of(list[4], { JOB_COMPLETION_INDEX = "0" }), " >0.out 2>0.err &")
    add(args_of(list[4], { JOB_COMPLETION_INDEX = "1" }), " >1.out 2>1.err; wait")
    add(args_of(list[5], {}), "")
    local ran = command.shell(table.concat(lines, "\n"), { folder = folder })
    assert.equal(0, ran.status, ran.err .. command.read(folder .. "/1.err"))
    local run = json.decode(command.read(folder .. "/data/try/merged/run.json"))
    assert.same({ due = 20, done = 20, failed = 0, cancelled = 0, not_sent = 0, resent = 0 }, run.counts)
    assert.equal(2, #run.shards)
  end)

  it("tells of secrets that it prints, and of what deletes the results", function()
    for _, name in ipairs { "kubernetes", "slurm" } do
      local result = command.run { name, "steady", "--url", "http://a", "--model", "m", "--shards", "2", "--header",
        "Authorization: Bearer sk-1", "--header", "Accept: x", '--extra=api_key="k"' }
      assert.equal(0, result.status)
      for _, shown in ipairs { "'Authorization: (not shown)'", "'api_key=(not shown)'" } do
        assert.is_truthy(result.err:find("moontide: " .. shown .. ": its value is printed, ", 1, true), result.err)
      end
      assert.equal(2, select(2, result.err:gsub("\n", "")))
      assert.is_nil(result.err:find "sk%-1")
    end
    local plain = "kubernetes steady --url http://a --model m --shards 2"
    assert.is_truthy(command.line(plain).out:find("'kubectl delete -f THIS_FILE' deletes them, too.\n---\n", 1, true))
    assert.is_nil(command.line(plain .. " --claim mine").out:find("kubectl delete", 1, true))
  end)

  it("takes a volume, a Secret and resources by name", function()
    local result = command.line("kubernetes /data/big.jsonl --url http://s:1 --model m --shards 2 --claim mine "
      .. "--api-key-env OPENAI_API_KEY --secret keys --cpu 500m --memory 512Mi --image a.example/b/moontide:1")
    assert.equal(0, result.status, result.err)
    local list = documents(result.out)
    assert.equal(3, #list)
    local job = list[2]
    for _, part in ipairs { 'claimName: "mine"', 'name: "keys"\n                  key: "OPENAI_API_KEY"', 'cpu: "500m"',
      'memory: "512Mi"', 'image: "a.example/b/moontide:1"', '- "/data/big.jsonl"', "backoffLimitPerIndex: 0",
      "runAsNonRoot: true", "readOnlyRootFilesystem: true", 'drop: ["ALL"]', "type: RuntimeDefault" } do
      assert.truthy(job:find(part, 1, true), part)
    end
    assert.falsy(list[3]:find("keys", 1, true))
    local made = command.line "kubernetes steady --url http://s:1 --model m --shards 2 --storage 5Gi --storage-class nfs"
    assert.truthy(made.out:find('storageClassName: "nfs"', 1, true))
    assert.truthy(made.out:find('storage: "5Gi"', 1, true))
  end)

  it("refuses what a cluster would", function()
    local folder = command.folder()
    command.write(folder, "binary.jsonl", "\255\0")
    command.write(folder, "with space.lua", script)
    command.write(folder, "load.lua", script)
    command.write(folder, "large.jsonl", ("x"):rep(1000001))
    local function refuses(words, message, status)
      local all = { "kubernetes" }
      for word in words:gmatch "%S+" do all[#all + 1] = word:gsub("_", " ") end
      table.move({ "--url", "http://s:1", "--model", "m" }, 1, 4, #all + 1, all)
      command.refuses(command.run(all, { folder = folder }), message, status or 2)
    end
    refuses("steady", "kubernetes: --shards is required")
    refuses("--shards 2", "kubernetes: what is to be sent is missing: a trace, a script's file or a script's name")
    refuses("steady --shards 0", "kubernetes: --shards must be between 1 and 10000, not 0")
    refuses("steady --shards 2 --name Upper", "kubernetes: --name must be small letters, digits and '-', 50 at most, not "
      .. "'Upper'")
    refuses("steady --shards 2 --name " .. ("a"):rep(51), "kubernetes: --name must be small letters, digits and '-', 50 at "
      .. "most, not '" .. ("a"):rep(51) .. "'")
    refuses("steady --shards 2 --storage many", "kubernetes: --storage must be a size (10Gi), not 'many'")
    refuses("steady --shards 2 --cpu 0", "kubernetes: --cpu must be a number of processors (2, 500m), not '0'")
    refuses("steady --shards 2 --start-at never", "kubernetes: --start-at must be a time of the clock "
      .. "(2026-07-06T12:30:00Z, 2026-07-06T12:30:00.5+02:00, 12:30:00, +30s after the next full minute, seconds since "
      .. "1970), not 'never'")
    refuses("--shards 2 -- -", "kubernetes: the load cannot come from standard input: a shard reads it from a file")
    refuses("none.jsonl --shards 2", "none.jsonl: No such file or directory", 1)
    refuses("none.lua --shards 2", "none.lua: No such file or directory", 1)
    refuses("binary.jsonl --shards 2", "binary.jsonl is no text, as a ConfigMap has it: put it into the volume, and name "
      .. "it /data/...")
    refuses("large.jsonl --shards 2", "large.jsonl: what goes with the jobs would have 1000001 bytes, more than the "
      .. "1000000 of a ConfigMap: put it into the volume, and name it /data/...")
    refuses("with_space.lua --shards 2", "with space.lua: a ConfigMap has no names but of letters, digits, '.', '_' and "
      .. "'-'")
  end)

  it("tries a script and its options before a cluster does", function()
    local closed = command.file([[
      local mt = require "moontide"
      return mt.workload { mt.stream { arrivals = mt.closed { users = 3 }, input = 9, output = 2 } }
    ]], "closed.lua")
    command.refuses(command.run { "kubernetes", closed, "--url", "http://s:1", "--model", "m", "--shards", "2" },
      "--shard: the users of mt.closed are not divided; give each part its own number of users", 2)
    local result = command.line "kubernetes steady --url http://s:1 --model m --shards 2 -- --rat 5"
    assert.equal(0, result.status)
    result = command.line "kubernetes steady --url http://s:1 --model m --shards 2 -- --rate none"
    assert.equal(2, result.status)
    assert.truthy(result.err:find("steady: --rate", 1, true))
    result = command.line "kubernetes steady --url http://s:1 --model m --shards 2 --shard 0/2"
    assert.equal(2, result.status)
    result = command.line "kubernetes steady --url http://s:1 --model m --shards 2 --fail-over ttft.p99=1"
    command.refuses(result, "kubernetes: unknown option '--fail-over' (--help lists them; "
      .. "options of the script itself stand behind a --)", 2)
  end)
end)

-- A Slurm that runs the tasks of an array at once, and a job that depends on it when they have ended; in place of
-- moontide what tells its words.
local fake_sbatch = [[
#!/bin/bash
set -eu
last=-1
for word; do
  case $word in --array=0-*) last=${word#--array=0-};; --export=ALL,*) export "${word#--export=ALL,}";; esac
done
printf '%s\n' "$*" >>sbatch.calls
script=$(mktemp ./job.XXXXXX); cat >"$script"
if [ "$last" -ge 0 ]; then
  for i in $(seq 0 "$last"); do
    SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_COUNT=$((last + 1)) \
      bash "$script" >"$i.out" 2>"$i.err" &
  done
  wait
  echo '7;cluster'
else
  bash "$script" >merge.out 2>merge.err
fi
]]

describe("moontide slurm", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  local function submitted(words, moontide)
    local folder = command.folder()
    command.write(folder, "load.lua", script)
    command.write(folder, "bin/sbatch", fake_sbatch)
    command.write(folder, "bin/moontide", moontide)
    local all = { "slurm" }
    table.move(words, 1, #words, 2, all)
    local printed = command.run(all, { folder = folder })
    assert.same({ 0, "" }, { printed.status, printed.err })
    command.write(folder, "submit.sh", printed.out)
    local result = command.shell("chmod +x bin/*; PATH=$PWD/bin:$PATH exec sh submit.sh", { folder = folder })
    assert.equal(0, result.status, result.err)
    return folder
  end

  it("prints words that are the ones it was given, whatever they are", function()
    local words = { "load.lua", "--url", "http://s:1", "--model=-m", "--shards", "2", "--allow-missing", "--start-after", "5" }
    local expected = { "--url", "http://s:1", "--model=-m" }
    for _, word in ipairs(nasty) do
      if word ~= "" then
        local member = "n=" .. json.encode(word)
        words[#words + 1] = "--extra=" .. member
        table.move({ "--extra", member }, 1, 2, #expected + 1, expected)
      end
    end
    table.move({ "load.lua", "--" }, 1, 2, #expected + 1, expected)
    words[#words + 1] = "--"
    for _, word in ipairs(nasty) do
      words[#words + 1] = "--text=" .. word
      expected[#expected + 1] = "--text=" .. word
    end
    local before = os.time()
    local folder = submitted(words, "#!/bin/bash\nprintf '%s\\0' \"$@\"\n")
    local starts = {}
    for i = 0, 1 do
      local given = {}
      for word in command.read(("%s/%d.out"):format(folder, i)):gmatch "([^%z]*)%z" do given[#given + 1] = word end
      assert.same({ "replay", "--shard", i .. "/2", "--start-at" }, table.move(given, 1, 4, 1, {}))
      starts[i] = given[5]
      assert.same({ "--output-dir", "results/7/shards/" .. i }, table.move(given, 6, 7, 1, {}))
      assert.same(expected, table.move(given, 8, #given, 1, {}))
    end
    -- The first task's moment is everybody's.
    assert.equal(starts[0], starts[1])
    local year, month, day, hour, minute, second = starts[0]:match "^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)Z$"
    local at = os.time { year = year, month = month, day = day, hour = hour, min = minute, sec = second, isdst = false }
    local utc = os.time(os.date("!*t", before))
    assert.is_true(at - utc >= 5 and at - utc < 65, starts[0])
    -- A task that Slurm began again would be late.
    assert.is_truthy(command.read(folder .. "/submit.sh"):find("\n#SBATCH --no-requeue\n", 1, true))
    assert.equal("merge\0results/7/shards\0--output-dir\0results/7/merged\0--allow-missing\0",
      command.read(folder .. "/merge.out"))
    assert.equal("--parsable --array=0-1 --job-name=moontide\n--dependency=afterany:7 --export=ALL,SHARDS_JOB=7 "
      .. "--job-name=moontide-merge\n", command.read(folder .. "/sbatch.calls"))
  end)

  it("prints what runs", function()
    local server = mock.start { "--ttft", "2", "--itl", "1" }
    local folder = submitted({ "load.lua", "--endpoint", "http://127.0.0.1:" .. server.port, "--model", "m", "--shards",
      "2", "--start-after", "3s", "--accept-invalid", "--warmup", "0", "--max-skew", "20s", "--results", "my 'runs'" },
      "#!/bin/sh\nexec \"$MOONTIDE\" \"$@\"\n")
    assert.truthy(command.exists(folder .. "/my 'runs'/7/merged/run.json"), command.read(folder .. "/merge.err"))
    local run = json.decode(command.read(folder .. "/my 'runs'/7/merged/run.json"))
    assert.same({ due = 20, done = 20, failed = 0, cancelled = 0, not_sent = 0, resent = 0 }, run.counts)
  end)

  it("refuses what is wrong", function()
    command.refuses(command.line "slurm steady --url http://s:1 --model m --shards 2 --name=-a",
      "slurm: --name must be letters, digits, '_', '.' and '-', not '-a'", 2)
    command.refuses(command.line "slurm steady --url http://s:1 --model m --shards 2 --name a/b",
      "slurm: --name must be letters, digits, '_', '.' and '-', not 'a/b'", 2)
    command.refuses(command.line "slurm trace.jsonl --url http://s:1 --model m --shards 2 -- x",
      "unexpected argument 'x': only a script has options of its own", 2)
  end)
end)
