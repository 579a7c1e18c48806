-- replay over https://, through proxies and over HTTP/2: what only the transport through libcurl does.
local command = require "tests.support.command"
local mock = require "tests.support.mock"

local front = command.binary():match "^(.*)/[^/]*$" .. "/tests/tls_front"
local load = "-- --rate 50 --isl 100 --osl 4 --duration 1"

-- Runs a shell line in which $URL is an https:// address of the mock's.
local function behind_tls(server, line, names)
  local folder = command.folder()
  command.write(folder, "line", "URL=https://127.0.0.1:$FRONT_PORT\n" .. line .. "\n")
  return command.shell(("'%s' %d %s cert.pem sh line"):format(front, server.port, names or "IP:127.0.0.1"),
    { folder = folder })
end

local function has(text, part)
  if not text:find(part, 1, true) then error(("'%s' is not in:\n%s"):format(part, text), 2) end
end

describe("replay's transports", function()
  local server
  before_each(function()
    server = mock.start { "--ttft", "1", "--itl", "1" }
  end)
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("takes a certificate that --ca vouches for", function()
    local result = behind_tls(server, '"$MOONTIDE" replay steady --url $URL --model m --ca cert.pem --accept-invalid ' .. load)
    assert.equal(0, result.status)
    has(result.out, "requests due: ")
    assert.is_nil(result.out:find "failed")
  end)

  it("takes any certificate with --insecure", function()
    local result = behind_tls(server, '"$MOONTIDE" replay steady --url $URL --model m --insecure --accept-invalid ' .. load,
      "DNS:elsewhere")
    assert.equal(0, result.status)
    assert.is_nil(result.out:find "failed")
  end)

  it("says before the start what is wrong with a certificate", function()
    local result = behind_tls(server, '"$MOONTIDE" replay steady --url $URL --model m ' .. load)
    assert.equal(1, result.status)
    has(result.err, "no connection: SSL certificate problem: self-signed certificate "
      .. "(--ca FILE names who may sign it, --insecure takes any)")
    result = behind_tls(server, '"$MOONTIDE" replay steady --url $URL --model m --ca cert.pem ' .. load, "DNS:elsewhere")
    assert.equal(1, result.status)
    has(result.err, "SSL: no alternative certificate subject name matches")
    result = behind_tls(server, '"$MOONTIDE" replay steady --url $URL --model m --ca nowhere.pem ' .. load)
    assert.equal(1, result.status)
    has(result.err, "nowhere.pem: no certificates can be read from there")
  end)

  it("does over libcurl what it does directly", function()
    for _, transport in ipairs { "direct", "curl" } do
      local result = command.run { "replay", "steady", "--url", "http://127.0.0.1:" .. server.port, "--model", "m",
        "--transport", transport, "--connections", "4", "--accept-invalid", "--", "--rate", "50", "--isl", "100",
        "--osl", "4", "--duration", "1", "--seed", "3" }
      assert.equal(0, result.status)
      local due = result.out:match "(%d+) requests due"
      has(result.out, due .. " requests due: " .. due .. " done")
      assert.truthy(result.out:find "Output Sequence Length %(tokens%) +4.00 +4.00 +4.00")
    end
  end)

  it("knows the environment's proxies only over libcurl", function()
    local words = ("replay steady --url http://127.0.0.1:%d --model m --accept-invalid "):format(server.port)
    local away = { environment = "http_proxy=http://127.0.0.1:1 no_proxy=" }
    assert.equal(0, command.shell('"$MOONTIDE" ' .. words .. load, away).status)
    local result = command.shell('"$MOONTIDE" ' .. words .. "--transport curl " .. load, away)
    assert.equal(1, result.status)
    has(result.err, "no connection: Connection refused")
  end)

  it("speaks HTTP/2 where the server offers it", function()
    if not os.execute "command -v nghttpx >/dev/null" then return pending "nghttpx is not here: make check-http2" end
    local result = behind_tls(server, ([[
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=IP:127.0.0.1 -keyout key2.pem -out cert2.pem 2>/dev/null
      # A port above 32767 may be the near end of anybody's connection: it is sought below.
      for port in $(shuf -i 10000-32000 -n 40); do
        nghttpx --conf=/dev/null --no-ocsp --workers=1 -f127.0.0.1,$port -b127.0.0.1,%d \
          --accesslog-file=access key2.pem cert2.pem >proxy 2>&1 &
        for i in $(seq 40); do
          sleep 0.3
          kill -0 $! 2>/dev/null || break
          "$MOONTIDE" replay steady --url https://127.0.0.1:$port --model m --ca cert2.pem \
            --accept-invalid %s >out 2>err && break 2
        done
        kill $! 2>/dev/null
        wait
      done
      kill $!
      wait
      cat out err
      sed 's/.*"POST \([^"]*\)" \([0-9]*\).*/\1 \2/' access | sort -u]]):format(server.port, load))
    assert.is_nil(result.out:find "failed")
    has(result.out, "requests due: ")
    has(result.out, "/v1/chat/completions HTTP/2 200\n")
    assert.is_nil(result.out:find("HTTP/1.1", 1, true))
  end)

  it("refuses options that do not go together", function()
    local cases = {
      { "--url http://x --insecure", "--insecure goes with an https:// URL" },
      { "--url http://x --ca f", "--ca goes with an https:// URL" },
      { "--url https://x --ca f --insecure", "--insecure and --ca exclude each other" },
      { "--url HTTPS://x --transport direct", "--transport direct goes with http:// URLs: https:// needs curl" },
      { "--url http://x --transport quic", "--transport must be one of auto, direct, curl, not 'quic'" },
    }
    for _, case in ipairs(cases) do
      local result = command.line("replay steady --model m " .. case[1])
      assert.equal(2, result.status)
      has(result.err, case[2])
    end
  end)
end)
