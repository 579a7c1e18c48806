-- What goes wrong in a replay, where replay_ends_spec has it directly alone or not at all: failures of servers
-- and networks over both transports, and options that cannot be.
local command = require "tests.support.command"
local mock = require "tests.support.mock"
local json = require("moontide").json

local transports = { "direct", "curl" }

-- A trace of so many requests, every so many milliseconds.
local function trace_of(count, every)
  local lines = {}
  for i = 1, count do
    lines[i] = ('{"timestamp":%g,"input_length":20,"output_length":4,"hash_ids":[%d]}'):format((i - 1) * every, i)
  end
  return table.concat(lines, "\n") .. "\n"
end

-- A shell line with $MOONTIDE in a new folder with trace.jsonl; .run is what out/run.json says, if it is there.
local function run(trace, line, environment)
  local folder = command.folder()
  command.write(folder, "trace.jsonl", trace)
  local result = command.shell(line, { folder = folder, environment = environment })
  result.folder = folder
  if command.exists(folder .. "/out/run.json") then
    result.run = json.decode(command.read(folder .. "/out/run.json"))
  end
  return result
end

local function accounts(result)
  local counts = result.run.counts
  assert.equal(counts.due, counts.done + counts.failed + counts.cancelled + counts.not_sent)
  return counts
end

local function replay_line(url, words)
  return ('"$MOONTIDE" replay trace.jsonl --url %s --model m --warmup 0 --accept-invalid --output-dir out %s'):format(
    url, words or "")
end

local function names_of(result)
  local names = {}
  for _, one in ipairs(result.run.error_summary) do names[#names + 1] = one.error_details.type end
  return names
end

local function has_namespaces()
  return os.execute "unshare -rn sh -c 'ip link set lo up' 2>/dev/null" == true
end

describe("a replay's failures", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  local function start(...)
    local server = mock.start { "--ttft", "2", "--itl", "0.5", ... }
    return ("http://127.0.0.1:%d"):format(server.port), server
  end

  it("have the same names over libcurl", function()
    local named = {
      first_byte_timeout = "first_byte_timeout", stall = "gap_timeout", total_timeout = "total_timeout",
      reset_before_byte = "reset_before_byte", reset_in_header = "reset_in_header",
      reset_mid_stream = "reset_mid_stream", closed_mid_event = "closed_mid_event",
      closed_before_byte = "closed_before_byte", not_http = "not_http", bad_chunk_size = "bad_chunk_size",
      status_500 = "status_500", status_404 = "status_404", overload = "overload_503", error_event = "error_event",
      malformed = "malformed", truncated = "truncated", no_content = "no_content",
    }
    for fault, name in pairs(named) do
      local url, server = start("--fail", fault)
      local result = run(trace_of(4, 1),
        replay_line(url, "--transport curl --timeout first=0.2,gap=0.3,total=0.6"))
      assert.equal(1, result.status, fault .. result.err)
      assert.same({ name }, names_of(result), fault)
      assert.equal(4, accounts(result).failed)
      server.finish "KILL"
    end
  end)

  it("of an adapter that cannot make a request are of that request alone, until none can be made", function()
    local url = start()
    local adapter = [[
      local mt = require "moontide"
      return mt.endpoint { request = function(r)
        if r.number %% %d == 0 then error "no prompt for this one" end
        return { body = r.body }
      end }]]
    for _, words in ipairs { "--transport direct", "--transport curl", "--concurrency 2" } do
      local folder_line = ("cat > own.lua <<'END'\n%s\nEND\n"):format(adapter:format(3))
      local result = run(trace_of(12, 1), folder_line .. replay_line(url, "--adapter own.lua " .. words))
      assert.equal(0, result.status, words .. result.err)
      assert.same({ "adapter_error" }, names_of(result))
      local counts = accounts(result)
      assert.same({ 12, 8, 4, 0 }, { counts.due, counts.done, counts.failed, counts.not_sent }, words)
      assert.truthy(result.out:find('adapter_error: 4 (own.lua:3: no prompt for this one)', 1, true), result.out)
      local judged = command.shell('"$MOONTIDE" judge out --accept-invalid --fail-over error_rate=0.3',
        { folder = result.folder })
      assert.equal(1, judged.status)
      assert.truthy(judged.out:find("adapter_error: 4", 1, true), judged.out)
    end
    local result = run(trace_of(30, 1), ("cat > own.lua <<'END'\n%s\nEND\n"):format(adapter:format(1))
      .. replay_line(url, "--adapter own.lua"))
    assert.equal(1, result.status)
    assert.truthy(result.err:find("own.lua:3: no prompt for this one", 1, true), result.err)
    assert.same({ 0, true }, { accounts(result).done, result.run.counts.failed <= 10 })
  end)

  it("of a stale connection, an answer without [DONE] and a user who gives up are as directly", function()
    local url, server = start("--fail", "stale_connection")
    local result = run(trace_of(6, 50), replay_line(url, "--transport curl"))
    assert.equal(6, accounts(result).done)
    server.finish "KILL"
    url, server = start("--fail", "no_done")
    result = run(trace_of(4, 1), replay_line(url, "--transport curl"))
    assert.equal(4, accounts(result).done)
    assert.truthy(result.out:find("4 streams ended without [DONE]", 1, true), result.out)
    server.finish "KILL"
    url = start("--ttft", "2s")
    result = run(trace_of(5, 1), replay_line(url, "--transport curl --cancel-after 0.1"))
    assert.equal(5, accounts(result).cancelled)
    assert.same({ "cancelled_after" }, names_of(result))
  end)

  it("are that times count from 1970: nothing is waited for until then", function()
    local url = start()
    local trace = '{"timestamp":1747935001421,"input_length":20,"output_length":4}\n'
    local message = "moontide: trace.jsonl:1: the first request is due after 20231 days: 'moontide cat --from-zero' lets "
      .. "times begin at 0 (--start leaves out what is before)\n"
    local before = [[mkdir out && echo mine > out/profile_export.jsonl; ]]
    local result = run(trace, before .. replay_line(url) .. "; s=$?; ls out; cat out/*; exit $s")
    assert.equal(1, result.status)
    assert.equal(message, result.err)
    assert.equal("profile_export.jsonl\nmine\n", result.out) -- what an earlier run has left stays
    for _, words in ipairs { "--start 1747935001s", "--concurrency 1" } do
      assert.equal(1, accounts(run(trace, replay_line(url, words))).done)
    end
  end)

  it("to connect are told before the start", function()
    if not has_namespaces() then return pending "no network namespaces here" end
    for _, transport in ipairs(transports) do
      local words = "--transport " .. transport .. " --timeout connect=0.3"
      local result = run(trace_of(2, 1), "unshare -rn " .. replay_line("http://10.1.2.3:80", words))
      assert.equal(1, result.status)
      assert.truthy(result.err:find("10.1.2.3:80: no connection: ", 1, true), result.err)
      assert.truthy(result.err:find "[Nn]etwork is unreachable" or result.err:find "[Cc]ouldn't connect"
        or result.err:find "[Cc]ould not connect", result.err)
      result = run(trace_of(2, 1), ([[unshare -rn sh -c '
        ip link add d0 type dummy 2>/dev/null || exit 77
        ip addr add 10.1.2.1/24 dev d0; ip link set d0 up; exec %s']]):format(
          replay_line("http://10.1.2.3:80", words)))
      if result.status ~= 77 then
        assert.equal(1, result.status)
        assert.truthy(result.err:find "[Tt]imed out" or result.err:find "[Tt]imeout", result.err)
      end
    end
  end)

  it("for want of ports are named", function()
    if not has_namespaces() then return pending "no network namespaces here" end
    -- A namespace with three ports to leave from, and a mock in it.
    for _, transport in ipairs(transports) do
      local result = run(trace_of(30, 1), ([[unshare -rn sh -c '
        ip link set lo up
        echo 20000 20002 >/proc/sys/net/ipv4/ip_local_port_range || exit 77
        "$MOONTIDE" mock --port 9000 --ttft 500 2>mock.txt & mock=$!
        until grep -q listening mock.txt; do sleep 0.05; done
        %s; status=$?
        kill -TERM $mock; wait; exit $status']]):format(replay_line("http://127.0.0.1:9000", "--transport " .. transport)))
      if result.status == 77 then return pending "the range of ports cannot be set here" end
      local counts = accounts(result)
      assert.truthy(counts.done >= 1 and counts.failed > 20, result.out)
      assert.same({ "ports_used_up" }, names_of(result))
    end
  end)

  it("end when the server is back", function()
    for _, transport in ipairs(transports) do
      local url, server = start()
      local pid = command.read(server.folder .. "/pid"):match "%d+"
      local result = run(trace_of(450, 10), ([[%s >report 2>&1 & p=$!
        until ls -l /proc/$p/fd 2>/dev/null | grep -q "/out/" || ! kill -0 $p; do sleep 0.02; done; sleep 0.3
        kill -KILL %s; sleep 3
        "$MOONTIDE" mock --port %d 2>/dev/null & m=$!
        wait $p; s=$?; kill -TERM $m; cat report; exit $s]]):format(
          replay_line(url, "--transport " .. transport), pid, server.port))
      local counts = accounts(result)
      assert.equal(450, counts.due)
      assert.truthy(counts.failed > 200 and counts.failed < 400, result.out)
      -- The last ones are answered again.
      local last
      for line in command.read(result.folder .. "/out/profile_export.jsonl"):gmatch "[^\n]+" do
        local one = json.decode(line)
        if one.metadata.trace_line == 450 then last = one end
      end
      assert.equal(json.null, last.error)
      mock.stop_all()
    end
  end)

  it("for want of descriptors are named over libcurl too", function()
    local url = start("--ttft", "1s")
    local result = run(trace_of(120, 2), "ulimit -n 64; " .. replay_line(url, "--transport curl"))
    local counts = accounts(result)
    assert.truthy(counts.done > 0 and counts.failed > 0, result.out)
    assert.same({ "no_descriptor" }, names_of(result))
  end)

  it("of a folder that is full leave what was measured", function()
    local result = run(trace_of(1, 1), [[unshare -rm sh -c 'mkdir full; mount -t tmpfs -o size=64k none full' 2>/dev/null]])
    if result.status ~= 0 then return pending "no file system can be mounted here" end
    local url = start()
    result = run(trace_of(400, 1), ([[unshare -rm sh -c '
      mkdir out; mount -t tmpfs -o size=64k none out
      %s --record out/record.jsonl; status=$?
      ls out; exit $status']]):format(replay_line(url)))
    assert.equal(1, result.status)
    assert.truthy(result.out:find("400 requests due: 400 done", 1, true), result.out)
    assert.truthy(result.err:find("No space left on device", 1, true), result.err)
    assert.truthy(result.err:find("not all of the results could be written", 1, true), result.err)
    -- What is not whole has no name of something whole.
    assert.is_nil(result.out:find("\nprofile_export.jsonl\n", 1, true))
  end)

  it("of nobody: Ctrl-C at any moment leaves whole files, or none", function()
    local url = start("--ttft", "100")
    for _, transport in ipairs(transports) do
      for _, after in ipairs { 0, 0.01, 0.03, 0.1, 0.3, 0.6 } do
        for _, again in ipairs { "", "; kill -INT $p" } do
          local result = run(trace_of(60, 10), ("env --default-signal=INT %s & p=$!; sleep %g; kill -INT $p%s; wait $p"):format(
            replay_line(url, "--transport " .. transport .. " --record record.jsonl"), after, again))
          -- One that came before there was a handler ends the process as signals do.
          assert.truthy(result.status == 130 or result.status == 0, ("%g: %d %s"):format(after, result.status, result.err))
          if result.run then
            local counts = accounts(result)
            local lines = 0
            for line in command.read(result.folder .. "/out/profile_export.jsonl"):gmatch "[^\n]*\n" do
              assert.truthy(json.decode(line))
              lines = lines + 1
            end
            assert.equal(counts.due, lines)
            assert.truthy(command.exists(result.folder .. "/record.jsonl"))
          end
          assert.is_nil(result.err:find("traceback", 1, true))
        end
      end
    end
  end)

  it("of options are told in one line, with 2", function()
    for words, message in pairs {
      ["--start x"] = "--start must be a time in seconds",
      ["--start 5 --end 3"] = "--end must be after --start, 5 s, not 3 s",
      ["--end -1"] = "--end must be above 0, not -1",
      ["--duration 1y"] = "--duration must be a time in seconds",
      ["--rate-scale 0"] = "--rate-scale must be above 0, not 0",
      ["--timeout total=x"] = "--timeout: total must be a time in seconds",
      ["--timeout gap=-1"] = "--timeout: gap must be above 0, not -1",
      ["--timeout first"] = "--timeout must be connect=, first=, gap= or total= and a time",
      ["--max-tokens-field ''"] = "--max-tokens-field must not be empty",
      ["--model ''"] = "--model must not be empty",
      ["--by ''"] = "--by must not be empty",
      ["--cancel-after -1"] = "--cancel-after must be above 0, not -1",
      ["--cancel-after 0s"] = "--cancel-after must be above 0, not 0",
      ["--header 'content-length: 5'"] = "--header: content-length is written by the driver itself",
      ["--header 'Transfer-Encoding: chunked'"] = "--header: Transfer-Encoding is written by the driver itself",
      ["--header 'A B: c'"] = "--header must be a header",
      ["--extra =3"] = "--extra must be a member's name and its JSON value",
      ["--seed x"] = "--seed must be a whole number, not 'x'",
      ["--block-size 0"] = "--block-size must be at least 1, not 0",
      ["--concurrency 1.5"] = "--concurrency must be a whole number, not '1.5'",
      ["--warmup x"] = "--warmup must be a whole number, not 'x'",
      ["--grace 1y"] = "--grace must be a time in seconds",
      ["--inputs"] = "--inputs needs --output-dir",
      ["--sessions delta"] = "--sessions is of traces: the requests of a workload have whole prompts",
      ["--adapter anthropic --max-tokens-field max_completion_tokens"] =
        "--max-tokens-field: the adapter says by itself what an answer's length is called",
      ["--live-history --api completions"] = "--live-history goes with --api chat",
      ["--output-dir ''"] = "--output-dir must be a file's name, not ''",
      ["--record ''"] = "--record must be a file's name, not ''",
      ["--url ftp://x"] = "'ftp://x' is no address to send to",
      ["--json=5"] = "--json takes no value, not '5'",
      ["--adapter tgj"] = "there is no 'tgj' (did you mean 'tgi'?)",
    } do
      local result = command.shell('"$MOONTIDE" replay steady --url http://127.0.0.1:1 --model m ' .. words)
      assert.equal(2, result.status, words .. ": " .. result.err)
      assert.truthy(result.err:find(message, 1, true), words .. ": " .. result.err)
      assert.equal("", result.out)
      assert.equal(1, select(2, result.err:gsub("\n", "\n")), result.err)
    end
    local url = start()
    local result = command.shell('"$MOONTIDE" replay steady --model m --server-metrics nope --url ' .. url)
    assert.equal(2, result.status)
    assert.truthy(result.err:find("--server-metrics: 'nope' is no address to send to", 1, true), result.err)
  end)
end)
