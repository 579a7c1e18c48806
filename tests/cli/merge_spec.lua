-- Shards of one load, driven at the same time, as one run.
local command = require "tests.support.command"
local mock = require "tests.support.mock"
local json = require("moontide.base.json").public.json

local count, shards = 300, 3

-- Requests with and without sessions and ids, of two tenants, 4 ms apart.
local function trace_text()
  local lines = {}
  for i = 1, count do
    local row = { timestamp = 4 * i, input_length = 40 + i % 7, output_length = 4, tenant = i % 2 }
    if i % 3 > 0 then row.hash_ids = { i % 11 } end
    if i % 4 == 0 then row.session_id = "s" .. i % 37 end
    lines[i] = json.encode(row)
  end
  return table.concat(lines, "\n") .. "\n"
end

-- Seconds in which all shards have started: a program with sanitizers takes its time on a machine that is busy.
local lead = command.binary():find "sanitize" and 8 or 3

-- A folder with the results of the shards in s0, s1, s2; words(i) are further ones, after(i) a command beside.
local function driven(words, during)
  local server = mock.start { "--ttft", "5", "--itl", "1" }
  local folder = command.folder()
  command.write(folder, "trace.jsonl", trace_text())
  local url = ("http://127.0.0.1:%d"):format(server.port)
  local lines = { ("at=%s"):format(os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + lead)) }
  for i = 0, shards - 1 do
    lines[#lines + 1] = ('"$MOONTIDE" replay trace.jsonl --url %s --model m --warmup 0 --accept-invalid --sessions '
      .. 'cumulative --slo ttft=50 --by tenant --output-dir s%d --shard %d/%d --start-at $at %s '
      .. '>s%d.out 2>s%d.err & p%d=$!'):format(url, i, i, shards, words and words(i) or "", i, i, i)
  end
  if during then lines[#lines + 1] = during end
  lines[#lines + 1] = "wait"
  command.shell(table.concat(lines, "\n"), { folder = folder })
  return folder, url
end

local function moontide(folder, words)
  return command.shell('exec "$MOONTIDE" ' .. words, { folder = folder })
end

local function lines_of(path)
  local lines = {}
  for line in command.read(path):gmatch "[^\n]+" do lines[#lines + 1] = json.decode(line) end
  return lines
end

local function percentile(sorted, p)
  local rank = p / 100 * (#sorted - 1)
  local below = math.floor(rank)
  local low, high = sorted[below + 1], sorted[below + 2] or sorted[#sorted]
  return low + (rank - below) * (high - low)
end

local function bodies(path)
  local list = {}
  for i, one in ipairs(json.decode(command.read(path)).data) do list[i] = json.encode(one) end
  table.sort(list)
  return list
end

describe("moontide merge", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("makes of shards what one run would have been", function()
    local folder, url = driven()
    local result = moontide(folder, "merge s2 s0 s1 -o m")
    assert.equal(0, result.status, result.err)
    local run = json.decode(command.read(folder .. "/m/run.json"))
    assert.same({ due = count, done = count, failed = 0, cancelled = 0, not_sent = 0, resent = 0 }, run.counts)
    for _, name in ipairs { "profile_export_aiperf.json", "profile_export_genai_perf.json", "profile_export_aiperf.csv",
      "inputs.json" } do
      assert.is_true(command.exists(folder .. "/m/" .. name), name)
    end
    -- Every request once, in the order of their ends, and of each the very figures of its shard.
    local merged, before, seen, ttft, of_shard = lines_of(folder .. "/m/profile_export.jsonl"), 0, {}, {}, {}
    for i = 0, shards - 1 do
      for _, line in ipairs(lines_of(("%s/s%d/profile_export.jsonl"):format(folder, i))) do
        line.metadata.shard = i
        of_shard[line.metadata.session_num] = line
      end
    end
    for _, line in ipairs(merged) do
      local number = line.metadata.session_num
      assert.is_nil(seen[number])
      seen[number] = true
      assert.is_true(line.metadata.request_end_ns >= before)
      before = line.metadata.request_end_ns
      assert.same(of_shard[number], line)
      ttft[#ttft + 1] = line.metrics.time_to_first_token.value
    end
    assert.equal(count, #merged)
    table.sort(ttft)
    for _, p in ipairs { 1, 50, 90, 99 } do
      local wanted = percentile(ttft, p)
      assert.is_true(math.abs(run.metrics.time_to_first_token["p" .. p] - wanted) < 1e-6 * wanted)
    end
    assert.equal(2, #run.groups)
    local good = 0
    for _, one in ipairs(ttft) do good = good + (one <= 50 and 1 or 0) end
    assert.equal(good, run.metrics.good_request_count.avg)
    -- The table of shards.
    local sum = 0
    for i, one in ipairs(run.shards) do
      assert.equal(i - 1, one.index)
      assert.equal("s" .. i - 1, one.folder)
      sum = sum + one.counts.due
    end
    assert.equal(count, sum)
    assert.truthy(result.out:find("\nShard 2/3 ", 1, true), result.out)
    -- The merged folder is a run like any other.
    assert.equal(result.out, moontide(folder, "judge m --accept-invalid").out)
    assert.same(run, json.decode(moontide(folder, "judge m --accept-invalid --json").out))
    -- Ids and prompts are those of the unsharded run.
    local whole = moontide(folder, ("replay trace.jsonl --url %s --model m --warmup 0 --accept-invalid --sessions "
      .. "cumulative --output-dir whole"):format(url))
    assert.equal(0, whole.status, whole.err)
    for _, line in ipairs(lines_of(folder .. "/whole/profile_export.jsonl")) do
      local one = of_shard[line.metadata.session_num].metadata
      for _, name in ipairs { "x_request_id", "x_correlation_id", "trace_line", "conversation_id", "turn_index" } do
        assert.equal(line.metadata[name], one[name])
      end
    end
    assert.same(bodies(folder .. "/whole/inputs.json"), bodies(folder .. "/m/inputs.json"))
    -- Sessions are whole: all turns of one are of one shard.
    local shard_of = {}
    for _, line in ipairs(merged) do
      local session = line.metadata.conversation_id
      if session ~= json.null then
        shard_of[session] = shard_of[session] or line.metadata.shard
        assert.equal(shard_of[session], line.metadata.shard)
      end
    end
  end)

  it("takes what there is of a shard that was killed, and counts its rest as not sent", function()
    local folder = driven(function() return "--speed-ratio 0.3" end, "until [ $(cat s1/profile_export.jsonl.part "
      .. "2>/dev/null | wc -l) -gt 20 ] || ! kill -0 $p1; do sleep 0.02; done; kill -KILL $p1")
    assert.is_false(command.exists(folder .. "/s1/run.json"))
    local left = #lines_of(folder .. "/s1/profile_export.jsonl.part")
    assert.is_true(left > 20 and left < 100)
    local result = moontide(folder, "merge s0 s1 s2 -o m")
    assert.equal(1, result.status)
    assert.equal("moontide: s1: shard 1/3 has not ended: the run is still going on, or it was killed "
      .. "(--allow-missing takes what there is of it)\n", result.err)
    assert.is_false(command.exists(folder .. "/m"))
    -- Cut in the middle of a line.
    command.shell("printf '{\"metadata\": {\"session_num' >> s1/profile_export.jsonl.part", { folder = folder })
    result = moontide(folder, "merge s0 s1 s2 -o m --allow-missing")
    assert.equal(0, result.status, result.err)
    local run = json.decode(command.read(folder .. "/m/run.json"))
    local rest = run.shards[2].lost
    assert.equal(count, run.counts.due)
    assert.equal(rest, run.counts.not_sent)
    assert.equal(count - rest, run.counts.done)
    assert.equal(left, run.shards[2].counts.done)
    assert.equal("invalid", run.verdict.name)
    assert.truthy(result.err:find("its last line is cut, and left out", 1, true), result.err)
    assert.truthy(result.err:find(("shard 1/3 did not end (s1): %d requests it had to send are counted as not sent"):format(
      rest), 1, true), result.err)
    assert.truthy(result.out:find "\nShard 1/3 [^\n]* did not end +s1\n", result.out)
    assert.truthy(result.out:find(("not_sent: %d (its shard was lost)"):format(rest), 1, true), result.out)
    -- A folder that is not there at all.
    result = moontide(folder, "merge s0 s2 -o m2")
    assert.equal(1, result.status)
    assert.equal("moontide: shard 1/3 of s0 is missing (--allow-missing goes on without)\n", result.err)
    result = moontide(folder, "merge s0 s2 -o m2 --allow-missing")
    assert.equal(0, result.status, result.err)
    run = json.decode(command.read(folder .. "/m2/run.json"))
    assert.equal(count, run.counts.due)
    assert.equal(rest + left, run.counts.not_sent)
    assert.same(run, json.decode(moontide(folder, "judge m2 --accept-invalid --json").out))
  end)

  it("names a shard that was interrupted, and takes what there is of it only when told to", function()
    local folder = driven(function() return "--speed-ratio 0.3 --grace 0" end, "until [ $(cat s1/profile_export.jsonl.part "
      .. "2>/dev/null | wc -l) -gt 20 ] || ! kill -0 $p1; do sleep 0.02; done; kill -TERM $p1")
    local one = json.decode(command.read(folder .. "/s1/run.json"))
    assert.is_true(one.was_cancelled)
    local result = moontide(folder, "merge s0 s1 s2 -o m")
    assert.equal(1, result.status)
    assert.equal("moontide: s1: shard 1/3 was interrupted: not all of its load was sent (--allow-missing takes what "
      .. "there is of it)\n", result.err)
    assert.is_false(command.exists(folder .. "/m"))
    result = moontide(folder, "merge s0 s1 s2 -o m --allow-missing")
    assert.equal(0, result.status, result.err)
    local run = json.decode(command.read(folder .. "/m/run.json"))
    assert.equal(count, run.counts.due)
    assert.is_true(run.counts.not_sent > 0)
    assert.equal("invalid", run.verdict.name)
    assert.truthy(result.err:find(("shard 1/3 was interrupted (s1): %d request"):format(run.shards[2].lost), 1, true),
      result.err)
  end)

  it("refuses what are no shards of one load, and says how they differ", function()
    local folder, url = driven()
    command.shell(([[
      r() { "$MOONTIDE" replay --url %s --model m --warmup 0 --accept-invalid --sessions cumulative "$@" >/dev/null 2>&1; }
      one="trace.jsonl --slo ttft=50 --by tenant"
      r $one --shard 1/3 --seed 7 --output-dir seed
      r $one --shard 1/4 --output-dir four
      r $one --shard 1/3 --output-dir model --model other
      r $one --shard 1/3 --output-dir speed --speed-ratio 2
      r $one --shard 1/3 --output-dir window --window 10ms..
      r $one --shard 1/3 --output-dir late
      r $one --output-dir whole
      sed 's/"input_length": 41/"input_length": 42/' trace.jsonl > other.jsonl
      r other.jsonl --slo ttft=50 --by tenant --shard 1/3 --output-dir digest
      cp -r s1 again; cp -r s1 cut; cp -r s1 lost; mkdir empty
      head -c 3000 s1/profile_export.jsonl > cut/profile_export.jsonl; rm lost/profile_export.jsonl
      cp -r s1 short; cp -r s1 more; head -n 5 s1/profile_export.jsonl > short/profile_export.jsonl
      head -n 1 s1/profile_export.jsonl >> more/profile_export.jsonl
    ]]):format(url), { folder = folder })
    local bad = {
      { "", 2, "merge: RUN (--runs) is required" },
      { "s0 s1 s2", 2, "merge: --output-dir is required" },
      { "s0 s1 s2 -o s1", 2, "s1: the merged run would overwrite one of the shards" },
      { "s0 s1 s2 -o s1/", 2, "the merged run would overwrite one of the shards" },
      { "s0 s1 s2 -o ./s1", 2, "./s1: the merged run would overwrite one of the shards" },
      { 's0 s1 s2 -o "$PWD/s1"', 2, "/s1: the merged run would overwrite one of the shards" },
      { "s0 s1 s2 -o m --max-skew soon", 2, "--max-skew must be a time" },
      { "s0 s1 s2 -o /dev/null/x", 1, "/dev/null/x: cannot make the folder" },
      { "s0 nowhere s2 -o m", 1, "nowhere: cannot open: No such file or directory" },
      { "s0 empty s2 -o m", 1, "empty: this is no shard of a load" },
      { "s0 trace.jsonl s2 -o m", 1, "trace.jsonl: this is no folder of a run's results" },
      { "s0 whole s2 -o m", 1, "whole: this is no shard of a load: it was driven without --shard" },
      { "s0 again s1 s2 -o m", 1, "again and s1 are both shard 1/3" },
      { "s0 seed s2 -o m", 1, "seed is no shard of the load of s0: --seed is 7, not 0" },
      { "s0 four s2 -o m", 1, "four is no shard of the load of s0: the number of shards is 4, not 3" },
      { "s0 model s2 -o m", 1, "model is no shard of the load of s0: --model is other, not m" },
      { "s0 speed s2 -o m", 1, "speed is no shard of the load of s0: --speed-ratio is 2, not 1" },
      { "s0 window s2 -o m", 1, "window is no shard of the load of s0: --window is 0.01s.., and not given there" },
      { "window s0 s2 -o m", 1, "s0 is no shard of the load of window: --window is not given, and is 0.01s.. there" },
      { "s0 digest s2 -o m", 1, "digest is no shard of the load of s0: the digest of trace.jsonl is " },
      { "s0 late s2 -o m", 1, "late: shard 1/3 began " },
      { "s0 late s2 -o m", 1, "more than --max-skew 0.1 s" },
      { "s0 s2 -o m", 1, "shard 1/3 of s0 is missing (--allow-missing goes on without)" },
      { "s0 lost s2 -o m", 1, "lost: shard 1/3: profile_export.jsonl is not there" },
      { "s0 cut s2 -o m", 1, "shard 1/3: cut/profile_export.jsonl:" },
      { "s0 cut s2 -o m", 1, "the file ends within this line: it is cut (" },
      { "s0 short s2 -o m", 1, "short: shard 1/3 has 5 requests in profile_export.jsonl, and had " },
      { "s0 more s2 -o m", 1, " when it ended: the file was cut or is another run's (--allow-missing takes what there is" },
    }
    command.shell("mkdir -p taken/inputs.json", { folder = folder })
    assert.truthy(moontide(folder, "merge s0 s1 s2 -o taken").err:find("moontide: taken/inputs.json: cannot write\n", 1, true))
    assert.equal("inputs.json\nprofile_export.jsonl\n", command.shell("ls taken", { folder = folder }).out)
    for _, case in ipairs(bad) do
      local result = moontide(folder, "merge " .. case[1])
      assert.equal(case[2], result.status, case[1] .. ": " .. result.err)
      assert.truthy(result.err:find(case[3], 1, true), case[1] .. ": " .. result.err)
      assert.equal("", result.out)
      assert.is_false(command.exists(folder .. "/m/run.json"))
    end
    local result = moontide(folder, "merge s0 late s2 -o m --max-skew 1h")
    assert.equal(0, result.status, result.err)
    result = moontide(folder, "merge s0 short s2 -o n --allow-missing")
    assert.equal(0, result.status, result.err)
    assert.truthy(result.err:find("moontide: shard 1/3 is not whole (short): ", 1, true), result.err)
  end)

  it("shards of sessions that wait for real answers keep the prompts of the whole", function()
    local server = mock.start { "--ttft", "5", "--itl", "1" }
    local folder = command.folder()
    command.write(folder, "chat.lua", [[
      local mt = require "moontide"
      return mt.workload { duration = 1,
        mt.stream { name = "chat", new_input = 60, output = 5, prompt = mt.shared_prefix { tokens = 600 },
          arrivals = mt.sessions { starts = mt.even(20), turns = 3, think = 0.02 } },
        mt.stream { name = "api", arrivals = mt.even(20), input = 700, output = 3 } }
    ]])
    command.shell(([[
      r() { "$MOONTIDE" replay chat.lua --url http://127.0.0.1:%d --model m --warmup 0 --accept-invalid "$@" >/dev/null 2>&1; }
      at=$(date -u -d '+%d seconds' +%%Y-%%m-%%dT%%H:%%M:%%SZ)
      r --shard 0/2 --output-dir s0 --start-at $at & r --shard 1/2 --output-dir s1 --start-at $at &
      r --output-dir whole & wait
    ]]):format(server.port, lead), { folder = folder })
    local result = moontide(folder, "merge s0 s1 -o m")
    assert.equal(0, result.status, result.err)
    local function payloads(name)
      local list = {}
      for i, one in ipairs(json.decode(command.read(folder .. name)).data) do list[i] = json.encode(one.payloads) end
      table.sort(list)
      return list
    end
    assert.equal(80, #payloads "/m/inputs.json")
    assert.same(payloads "/whole/inputs.json", payloads "/m/inputs.json")
    local seen = {}
    for _, line in ipairs(lines_of(folder .. "/m/profile_export.jsonl")) do
      assert.is_nil(seen[line.metadata.x_request_id])
      seen[line.metadata.x_request_id] = true
    end
    -- How much the other one had to do nobody knows: it depends on answers.
    result = moontide(folder, "merge s0 -o m0 --allow-missing")
    assert.equal(0, result.status, result.err)
    assert.truthy(result.err:find("shard 1/2 is missing: how many requests it had to send is not known", 1, true))
    assert.equal(0, json.decode(command.read(folder .. "/m0/run.json")).counts.not_sent)
  end)

  it("a shard that comes late says so, and neither it nor the whole is valid", function()
    local folder = driven(function(i)
      return "--window 300ms..900ms "
        .. (i == 1 and "--start-at " .. os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - 1) or "")
    end)
    local one = json.decode(command.read(folder .. "/s1/run.json"))
    assert.is_true(one.start.late > 1)
    assert.truthy(command.read(folder .. "/s1.err"):find("the start was to be at ", 1, true))
    assert.are_not.equal("valid", one.verdict.name)
    assert.truthy(table.concat(one.verdict.limited_by, "\n"):find("late start is ", 1, true))
    local result = moontide(folder, "merge s0 s1 s2 -o m --max-skew 1m")
    assert.equal(0, result.status, result.err)
    assert.truthy(result.out:find("  shard 1/3: late start is ", 1, true), result.out)
    local run = json.decode(command.read(folder .. "/m/run.json"))
    assert.equal("invalid", run.verdict.name)
    -- The window is of each shard's own clock: what ended in it, by the shards' lines.
    local ended = 0
    for i = 0, shards - 1 do
      local start = json.decode(command.read(("%s/s%d/run.json"):format(folder, i))).start_ns
      for _, line in ipairs(lines_of(("%s/s%d/profile_export.jsonl"):format(folder, i))) do
        local since = line.metadata.request_end_ns - start
        if since >= 300000000 and since < 900000000 then ended = ended + 1 end
      end
    end
    assert.is_true(ended > 100)
    assert.is_true(math.abs(run.metrics.request_throughput.avg - ended / 0.6) < 1e-6)
    local compared = json.decode(moontide(folder, "compare m m --json").out)
    assert.is_true(math.abs(compared.comparisons[1].rates.request_throughput.first - ended / 0.6) < 1e-6)
  end)
end)
