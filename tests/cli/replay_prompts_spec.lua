-- What a replay sends: prompts, turns, bodies as they are given, headers.
local command = require "tests.support.command"
local mock = require "tests.support.mock"
local replays = require "tests.support.replay"
local json = require("moontide.base.json").public.json

local start, trace_text, replay = replays.start, replays.trace_text, replays.run
local lines_of, accepts = replays.lines_of, replays.accepts

describe("moontide replay", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  -- The bodies sent, in their order.
  local function bodies(result)
    local list = {}
    for i, one in ipairs(json.decode(command.read(result.out_folder .. "/inputs.json")).data) do
      list[i] = one.payloads[1]
    end
    return list
  end

  it("makes prompts of exactly the length that was wanted, by the server's count", function()
    local url = start()
    local trace = trace_text(30, 2, function(i, row)
      row.input_length, row.hash_ids = 50 * i, {}
      for block = 1, (50 * i + 511) // 512 do row.hash_ids[block] = block == 1 and i % 3 or 100 * i + block end
    end)
    for _, words in ipairs { "--api completions", "--api completions --text", "--api chat" } do
      local result = replay(url, trace, words .. accepts, { warmup = "" })
      assert.equal(0, result.status, result.err)
      local difference = result.run.metrics.input_length_difference
      assert.same({ 0, 0 }, { difference.min, difference.max }, words)
    end
    local result = replay(url, trace, "--api completions --vocab 7..9" .. accepts)
    for _, body in ipairs(bodies(result)) do
      for _, token in ipairs(body.prompt) do assert.truthy(token >= 7 and token <= 9) end
    end
  end)

  it("equal ids are equal tokens, and only those", function()
    local url = start()
    local sent = bodies(replay(url, trace_text(3, 1, function(i, row)
      row.input_length, row.hash_ids = 600, { 5, i == 2 and 6 or 7 }
    end), "--api completions" .. accepts))
    assert.same(sent[1].prompt, sent[3].prompt)
    for i = 1, 512 do assert.equal(sent[1].prompt[i], sent[2].prompt[i]) end
    local equal = 0
    for i = 513, 600 do equal = equal + (sent[1].prompt[i] == sent[2].prompt[i] and 1 or 0) end
    assert.truthy(equal < 5)
    -- Rows without ids, or with fewer than they need, share nothing there.
    sent = bodies(replay(url, trace_text(2, 1, function(_, row)
      row.input_length, row.hash_ids = 600, { 5 }
    end), "--api completions" .. accepts))
    assert.equal(sent[1].prompt[512], sent[2].prompt[512])
    equal = 0
    for i = 513, 600 do equal = equal + (sent[1].prompt[i] == sent[2].prompt[i] and 1 or 0) end
    assert.truthy(equal < 5)
  end)

  it("takes the block size that the ids fit, and ids of whole blocks only", function()
    local url = start()
    local function equal_tokens(a, b)
      local count = 0
      while a[count + 1] and a[count + 1] == b[count + 1] do count = count + 1 end
      return count
    end
    local function sent_of(ids, words)
      local result = replay(url, trace_text(#ids, 1, function(i, row)
        row.input_length, row.hash_ids = 200, ids[i]
      end), "--api completions " .. (words or "") .. accepts)
      assert.equal(0, result.status, result.err)
      local sent = bodies(result)
      return sent[1].prompt, sent[2].prompt, result.err
    end
    local a, b, said = sent_of { { 1, 2, 3, 4 }, { 1, 2, 9, 10 } }
    assert.truthy(said:find("hash_ids fit blocks of 64 tokens (--block-size says otherwise)", 1, true), said)
    assert.equal(128, equal_tokens(a, b))
    for _, words in ipairs { "", "--block-size 64", "--sessions cumulative" } do
      a, b, said = sent_of({ { 1, 2, 3 }, { 1, 2, 3 } }, words)
      assert.truthy(said:find("hash_ids fit blocks of 64 tokens, whole ones only", 1, true), words .. said)
      assert.equal(200, #b)
      assert.is_true(equal_tokens(a, b) >= 192 and equal_tokens(a, b) < 200)
    end
    a, b, said = sent_of({ { 1, 2, 3, 4 }, { 1, 2, 9, 10 } }, "--block-size 50")
    assert.falsy(said:find("hash_ids fit", 1, true))
    assert.equal(100, equal_tokens(a, b))
    -- Where no size fits all, the one that most fit; a script knows its own.
    local result = replay(url, trace_text(30, 1, function(i, row)
      row.input_length, row.hash_ids = 200, i == 7 and { 1 } or { 1, 2, 3, 4 }
    end), "--api completions" .. accepts)
    assert.truthy(result.err:find("hash_ids fit blocks of 64 tokens", 1, true), result.err)
    result = replay(url, "steady", accepts .. "--num-requests 3 -- --isl 100")
    assert.falsy(result.err:find("hash_ids fit", 1, true))
  end)

  it("a turn begins with all that was said before it", function()
    local url = start()
    local rows = json.encode { timestamp = 0, input_length = 100, output_length = 8, session_id = "a", hash_ids = { 1 } }
      .. "\n" .. json.encode { timestamp = 5, input_length = 150, output_length = 8, session_id = "a", delay = 1,
        hash_ids = { 1 } } .. "\n"
    local sent = bodies(replay(url, rows, "--api completions" .. accepts))
    for i = 1, 100 do assert.equal(sent[1].prompt[i], sent[2].prompt[i]) end
    local result = replay(url, rows, accepts)
    sent = bodies(result)
    assert.equal(3, #sent[2].messages)
    assert.same(sent[1].messages[1], sent[2].messages[1])
    assert.equal("assistant", sent[2].messages[2].role)
    assert.equal(8, select(2, sent[2].messages[2].content:gsub("%S+", "")))
    local lines = lines_of(result)
    assert.equal(lines[1].metadata.x_correlation_id, lines[2].metadata.x_correlation_id)
    assert.truthy(lines[2].metadata.request_start_ns >= lines[1].metadata.request_end_ns + 1000000)
    -- The same as what each turn adds.
    local delta = rows:gsub('"input_length":%s*150', '"input_length":42')
    local of_delta = bodies(replay(url, delta, "--sessions delta" .. accepts))
    for i = 1, 3 do
      assert.equal(sent[2].messages[i].role, of_delta[2].messages[i].role)
      assert.equal(select(2, sent[2].messages[i].content:gsub("%S+", "")),
        select(2, of_delta[2].messages[i].content:gsub("%S+", "")))
    end
    assert.same(of_delta[1].messages[1], of_delta[2].messages[1])
    -- Rows that say neither are refused.
    local neither = replay(url, trace_text(4, 1, function(i, row)
      row.session_id, row.input_length, row.hash_ids = i <= 2 and "a" or "b", 900, { i <= 2 and 1 or i, 10 + i }
    end), accepts)
    assert.equal(1, neither.status)
    assert.truthy(neither.err:find("--sessions cumulative or --sessions delta", 1, true), neither.err)
  end)

  it("sends text_input, messages, payload and extra as they are", function()
    local url = start()
    local rows = { { text_input = "say it" }, { messages = { { role = "user", content = "hey" } }, extra = { top_k = 3 } },
      { payload = { model = "m", messages = { { role = "user", content = "all" } }, stream = true, max_tokens = 2 } } }
    local lines = {}
    for i, row in ipairs(rows) do
      row.timestamp, row.output_length = i, 3
      lines[i] = json.encode(row)
    end
    local sent = bodies(replay(url, table.concat(lines, "\n") .. "\n", "--extra temperature=0.5" .. accepts))
    assert.equal("say it", sent[1].messages[1].content)
    assert.equal(0.5, sent[1].temperature)
    assert.equal("hey", sent[2].messages[1].content)
    assert.equal(3, sent[2].top_k)
    assert.same(rows[3].payload, sent[3])
    assert.equal(3, sent[1].max_tokens)
    assert.is_true(sent[1].ignore_eos)
    sent = bodies(replay(url, trace_text(1, 1), "--no-force-output --max-tokens-field max_completion_tokens --no-stream"
      .. accepts))
    assert.equal(4, sent[1].max_completion_tokens)
    assert.is_nil(sent[1].max_tokens)
    assert.is_nil(sent[1].ignore_eos)
    assert.is_not_true(sent[1].stream)
  end)

  it("sends headers with members of the row, and the ids of its lines", function()
    local folder = command.folder()
    -- A server of one answer that keeps what it got.
    local result = command.shell([[cat >t.jsonl <<'END'
{"timestamp": 0, "input_length": 5, "output_length": 2, "priority": "high", "session_id": "s"}
END
perl -MIO::Socket::INET -e '
  my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", Proto => "tcp") or die;
  open(P, ">port.new"); print P $l->sockport; close P; rename "port.new", "port";
  alarm 20;
  while (my $c = $l->accept) { my $got = ""; while (sysread($c, my $part, 65536)) { $got .= $part;
    last if $got =~ /\r\nContent-Length: (\d+)\r\n(?:.*?\r\n)?\r\n(.*)/s && length($2) >= $1 }
    next if $got eq ""; open(R, ">request"); print R $got; close R; my $b = "{}";
    print $c "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}"; close $c; last }' &
until [ -e port ]; do sleep 0.02; done
API=secret "$MOONTIDE" replay t.jsonl --url http://127.0.0.1:$(cat port) --model m --warmup 0 --output-dir out \
  --header 'X-Priority: {priority}' --header 'X-None: {none}.' --header 'X-Session: {session_id}' --api-key-env API
wait]], { folder = folder })
    if result.err:find("perl", 1, true) then return pending "no perl here" end
    local request = command.read(folder .. "/request")
    assert.truthy(request:find("\r\nX-Priority: high\r\nX-None: .\r\nX-Session: s\r\n", 1, true), request)
    assert.truthy(request:find("\r\nAuthorization: Bearer secret\r\n", 1, true), request)
    local metadata = json.decode(command.read(folder .. "/out/profile_export.jsonl")).metadata
    assert.equal(metadata.x_request_id, request:match "X%-Request%-ID: (%S+)\r\n")
    assert.equal(metadata.x_correlation_id, request:match "X%-Correlation%-ID: (%S+)\r\n")
  end)
end)
