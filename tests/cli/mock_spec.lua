local command = require "tests.support.command"
local mock = require "tests.support.mock"

local streamed = '{"messages":[{"role":"user","content":"one two"}],"max_tokens":3,"stream":true}'

describe("moontide mock", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("serves until Ctrl-C, which is a good end, and says what it did", function()
    local server = mock.start { "--ttft", "0", "--itl", "0" }
    assert.truthy(mock.ask(server, "/health"):find("HTTP/1.1 200 OK\r\n", 1, true))
    local answer = mock.ask(server, "/v1/chat/completions", streamed)
    assert.truthy(answer:find("\r\ncontent-type: text/event-stream", 1, true))
    assert.truthy(answer:find("data: [DONE]\n\n", 1, true))
    assert.truthy(mock.ask(server, "/v1/completions", '{"prompt":[1,2,3]}'):find('"prompt_tokens":3,', 1, true))
    assert.truthy(mock.ask(server, "/v1/completions", "{}"):find("HTTP/1.1 400 Bad Request", 1, true))
    assert.same({
      status = 0,
      err = ("moontide: seed 0\nmoontide: listening on http://127.0.0.1:%d\n"
        .. "moontide: 3 requests on 4 connections: 2 answered, 1 refused, 0 failed as asked for, 0 left by their clients; "
        .. "prompt tokens 12 (0 cached), generated 19\n"):format(server.port),
    }, server.finish "INT")
  end)

  it("ends with SIGTERM as well, and in the middle of an answer", function()
    local server = mock.start { "--ttft", "1h" }
    os.execute(("bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d; printf \"POST /v1/completions HTTP/1.1\\r\\n"
      .. "Content-Length: 14\\r\\n\\r\\n{\\\"prompt\\\":[1]}\" >&3; sleep 0.2'"):format(server.port))
    local result = server.finish "TERM"
    assert.equal(0, result.status)
    assert.truthy(result.err:find("1 requests on 1 connections: 0 answered, 0 refused", 1, true))
  end)

  it("says when the port is in use", function()
    local server = mock.start {}
    local result = command.run { "mock", "--port", server.port }
    assert.same({
      status = 1, out = "",
      err = ("moontide: 127.0.0.1:%d: cannot listen: Address already in use\n"):format(server.port),
    }, { status = result.status, out = result.out, err = result.err })
    server.finish "INT"
  end)

  it("listens at an IPv6 address", function()
    if not io.open "/proc/net/if_inet6" then return pending "no IPv6 here" end
    local server = mock.start { "--host", "::1" }
    assert.truthy(server.err():find("listening on http://[::1]:", 1, true))
    server.finish "INT"
  end)

  it("refuses bad values", function()
    local cases = {
      { "--port 70000", "--port must be between 0 and 65535, not 70000" },
      { "--host localhost", "host must be an address of this machine, not 'localhost'" },
      { "--dialect vlm", "--dialect must be one of vllm, sglang, trtllm, llamacpp, tgi, ollama, dynamo, openai, triton, "
        .. "anthropic, gemini, not 'vlm' (did you mean 'vllm'?)" },
      { "--ttft -1", "--ttft must be at least 0, not '-1'" },
      { "--ttft soon", "distribution 'soon'" },
      { "--ttft 5parsecs", "--ttft" },
      { "--ttft lognormal:mean=20", "lognormal" },
      { "--itl 1e400", "--itl" },
      { "--prefill-per-token normal:mean=1,std=1", "--prefill-per-token" },
      { "--tokens-per-chunk 0", "--tokens-per-chunk must be at least 1, not 0" },
      { "--osl 0", "--osl must be at least 1, not 0" },
      { "--slots 0", "--slots must be at least 1, not 0" },
      { "--queue 5", "--queue needs --slots" },
      { "--load-factor 2", "--load-factor needs --slots" },
      { "--load-factor 0.5 --slots 2", "--load-factor must be between 1 and 1000000, not 0.5" },
      { "--rate-limit 0", "--rate-limit must be above 0, not 0" },
      { "--model 'a\"b'", "--model: the mock takes names of 1 to 95 printable ASCII characters without \" and \\, not 'a\"b'" },
      { "--model 'a\\b'", "--model: the mock takes names" },
      { "--model ''", "--model: the mock takes names" },
      { "--model $(printf 'm%095d' 0)", "--model: the mock takes names" },
      { "--model m\195\169", "--model: the mock takes names" },
      { "--hit-rule all", "--hit-rule needs --kv-blocks" },
      { "--kv-blocks 0", "--kv-blocks must be between 1 and 1000000000, not 0" },
      { "--ping -1", "--ping must be at least 0, not -1" },
      { "--keep-alive -1", "--keep-alive must be at least 0, not -1" },
      { "--fail stal=1", "--fail: a server cannot bring about 'stal' (did you mean 'stall'?)" },
      { "--fail tls=1", "--fail: a server cannot bring about 'tls'" },
      { "--fail status_200=1", "--fail: a server cannot bring about 'status_200'" },
      { "--fail stall=2", "--fail: stall must be between 0 and 1, not 2" },
      { "--fail stall=x", "--fail: stall" },
      { "--fail =1", "--fail must be NAME=SHARE" },
      { "--fail stall=0.7,overload=0.4", "--fail: the shares are 1.1 together, more than 1" },
      { "--seed x", "--seed" },
      { "stray", "unexpected argument 'stray'" },
    }
    for _, case in ipairs(cases) do
      local result = command.shell("$MOONTIDE mock --port 0 " .. case[1])
      assert.equal(2, result.status, case[1] .. ": " .. result.err)
      assert.truthy(result.err:find(case[2], 1, true), case[1] .. ": " .. result.err)
      assert.equal(1, select(2, result.err:gsub("\n", "\n")), result.err)
    end
  end)

  it("takes times as milliseconds, times and distributions", function()
    local server = mock.start { "--ttft", "lognormal:mean=2,cv=0.5", "--itl", "0.5ms", "--prefill-per-token", "0.01" }
    assert.truthy(mock.ask(server, "/v1/chat/completions", streamed):find("[DONE]", 1, true))
    server.finish "INT"
  end)

  it("asks a file of Lua for times", function()
    local folder = command.folder()
    local path = command.write(folder, "slow.lua", [[
      return function(request)
        assert(request.prompt_tokens == 3 and request.cached_tokens == 0 and request.output_tokens == 2)
        assert(request.number >= 0 and request.running == 1 and request.waiting == 0 and request.time >= 0)
        if request.number == 1 then error "no more" end
        return 300, nil
      end]])
    local server = mock.start { "--itl", "0", "--timing", path }
    local body = '{"prompt":"a b c","max_tokens":2}'
    local before = io.popen("date +%s%N"):read "n"
    assert.truthy(mock.ask(server, "/v1/completions", body):find("200 OK", 1, true))
    assert.truthy(io.popen("date +%s%N"):read "n" - before >= 300e6)
    mock.ask(server, "/v1/completions", body)
    local result = server.finish()
    assert.equal(1, result.status)
    assert.truthy(result.err:find("slow.lua:4: no more", 1, true), result.err)
  end)

  it("says what is wrong with that file", function()
    local folder = command.folder()
    local cases = {
      { "return 5", ": must return function(request) ... end, not 5" },
      { "return function(", "slow.lua:1:" },
      { "error 'broken'", "broken" },
      { "return function() return 'x' end", "must return two numbers of milliseconds", true },
      { "return function() return -1 end", "must return two numbers of milliseconds", true },
      { "return function() return 0, 1/0 end", "must return two numbers of milliseconds", true },
    }
    for _, case in ipairs(cases) do
      local path = command.write(folder, "slow.lua", case[1])
      local result
      if case[3] then
        local server = mock.start { "--timing", path }
        mock.ask(server, "/v1/completions", '{"prompt":[1]}')
        result = server.finish()
      else
        result = command.run { "mock", "--port", "0", "--timing", path }
      end
      assert.equal(1, result.status, case[1])
      assert.truthy(result.err:find(case[2], 1, true), result.err)
    end
    local result = command.run { "mock", "--port", "0", "--timing", folder .. "/none.lua" }
    assert.equal("moontide: " .. folder .. "/none.lua: No such file or directory\n", result.err)
    assert.equal(1, result.status)
  end)

  it("logs, and the log is whole after Ctrl-C", function()
    local server = mock.start { "--ttft", "0", "--itl", "0", "--log", "log.csv" }
    mock.ask(server, "/v1/chat/completions", streamed)
    assert.equal(0, server.finish("INT").status)
    local log = command.read(server.folder .. "/log.csv")
    assert.truthy(log:find "^request,event,tokens,time_ns\n0,received,0,%d+\n0,tokens,1,%d+\n0,tokens,1,%d+\n0,tokens,1,%d+\n"
      and log:find "0,end,3,%d+\n$", log)
    -- One that the client leaves does not end, nor does one that fails as asked for.
    for _, one in ipairs { { "aborted", "--itl", "1m" }, { "failed", "--fail", "reset_mid_stream" } } do
      server = mock.start { "--ttft", "0", "--log", "log.csv", one[2], one[3] }
      mock.ask(server, "/v1/chat/completions", streamed, 0.5)
      local left = mock.ask(server, "/metrics")
      assert.equal(0, server.finish("INT").status)
      log = command.read(server.folder .. "/log.csv")
      assert.truthy(log:find("\n0,tokens,1,%d+\n0," .. one[1] .. ",[12],%d+\n$"), log)
      assert.truthy(left:find('finished_reason="length",model_name="mock"} 0', 1, true), left)
    end
    local result = command.run { "mock", "--port", "0", "--log", "/nowhere/log.csv" }
    assert.equal(1, result.status)
    assert.truthy(result.err:find("/nowhere/log.csv", 1, true), result.err)
  end)

  it("says after Ctrl-C that its log is not whole", function()
    if command.shell("test -c /dev/full").status ~= 0 then return pending "there is no /dev/full" end
    local result = mock.start({ "--log", "/dev/full" }).finish "INT"
    assert.equal(1, result.status)
    assert.matches("\nmoontide: 0 requests on 0 connections: .*\nmoontide: /dev/full: cannot write: "
      .. "No space left on device\n$", result.err)
  end)

  it("gives the failures asked for", function()
    local server = mock.start { "--fail", "status_418" }
    assert.truthy(mock.ask(server, "/v1/completions", '{"prompt":[1]}'):find("HTTP/1.1 418", 1, true))
    local result = server.finish "INT"
    assert.truthy(result.err:find("0 answered, 0 refused, 1 failed as asked for", 1, true), result.err)
  end)
end)
