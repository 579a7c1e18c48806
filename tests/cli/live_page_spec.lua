-- --page of the commands that drive, through the real binary: what the page, its events and /metrics say while
-- a run goes on, who may stop it, and readers that never read.
local command = require "tests.support.command"
local mock = require "tests.support.mock"
local json = require("moontide.base.json").public.json

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- What goes before a script that asks the page: ask METHOD PATH prints the answer, head and body; `hold` keeps
-- a connection open and reads nothing of what was asked for.
local asking = [[
until PAGE=$(sed -n 's/^moontide: the page: //p' err) && [ -n "$PAGE" ] || ! kill -0 $p; do sleep 0.02; done
PORT=$(echo "$PAGE" | sed 's/.*:\([0-9]*\)\/.*/\1/'); TOKEN=${PAGE##*=}
ask() { exec 3<>/dev/tcp/127.0.0.1/$PORT; printf '%s %s HTTP/1.1\r\nHost: a\r\n\r\n' "$1" "$2" >&3; cat <&3; exec 3>&-; }
hold() { exec {held}<>/dev/tcp/127.0.0.1/$PORT; printf 'GET %s HTTP/1.1\r\nHost: a\r\n\r\n' "$1" >&$held; }
sent() { ask GET "/metrics?token=$TOKEN" | grep -q '^moontide_requests_sent_total [1-9]'; }
begun() { until sent || ! kill -0 $p; do sleep 0.05; done; }
]]

-- Runs a command in the background with `script`, of bash, beside it; gives what it left in files too.
local function beside(words, script, opts)
  local folder = command.folder()
  command.write(folder, "script", ("%s \"$MOONTIDE\" %s >out 2>err & p=$!\n%s%s\nwait $p\n"):format(
    opts and opts.before or "env --default-signal=INT", words, asking, script))
  local result = command.shell("exec bash script", { folder = folder })
  result.folder = folder
  result.out, result.err = command.read(folder .. "/out"), command.read(folder .. "/err")
  function result.file(name) return command.read(folder .. "/" .. name) end
  return result
end

-- The events of a stream: { name, value }.
local function events_of(text)
  local list = {}
  for name, data in text:match("\r\n\r\n(.*)"):gmatch "e?v?e?n?t?:? ?([^\n]-)\n?data: ([^\n]*)\n\n" do
    list[#list + 1] = { name, assert(json.decode(data)) }
  end
  return list
end

local function named(events, name)
  local list = {}
  for _, event in ipairs(events) do
    if event[1] == name then list[#list + 1] = event[2] end
  end
  return list
end

local server, url

local function replay(words, more)
  return ("replay steady --url %s --model m --warmup 0 --accept-invalid %s -- --isl 20 --osl 3 %s"):format(url, words, more)
end

describe("the live page", function()
  before_each(function()
    server = mock.start { "--ttft", "2", "--itl", "0.5" }
    url = ("http://127.0.0.1:%d"):format(server.port)
  end)

  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  it("has every metric that the dashboard for Grafana shows, and that its page tells of", function()
    server = mock.start { "--ttft", "2", "--itl", "0.5", "--fail", "status_500=0.3" }
    url = ("http://127.0.0.1:%d"):format(server.port)
    local done = beside(replay("--page", "--rate 100 --duration 4s"), [[
begun; until ask GET /metrics >metrics; grep -q moontide_failures metrics && grep -q request_latency metrics \
  || ! kill -0 $p; do sleep 0.1; done]])
    local metrics, known, shown = done.file "metrics", {}, {}
    for name in metrics:gmatch "\n# TYPE (moontide_[%l_]+) " do known[name] = true end
    local dashboard = command.read "examples/prometheus/dashboard.json"
    assert.equal(8, #json.decode(dashboard).panels)
    for name in dashboard:gmatch "moontide_[%l_]+" do
      shown[name] = true
      assert.is_true(known[name] == true, name)
    end
    local page = command.read "examples/prometheus/README.md"
    for name in page:gmatch "moontide_[%l_]+" do assert.is_true(known[name] == true, name) end
    for name in pairs(known) do
      local short = name:match "^moontide_recent_([%l_]+)_seconds$" or name
      assert.truthy(page:find(short, 1, true), name)
    end
    assert.is_true(shown.moontide_failures_total)
  end)

  it("shows a run while it goes on", function()
    local done = beside(replay("--page", "--rate 40 --duration 3s"),
      [[begun; ask GET / >page; ask GET /metrics >metrics; ask GET /events >events]])
    assert.equal(0, done.status, done.err)
    assert.is_truthy(done.err:find "^moontide: the page: http://127%.0%.0%.1:%d+/%?token=%x+\n")
    local page = done.file "page"
    assert.is_truthy(page:find "^HTTP/1.1 200 OK\r\n")
    assert.is_truthy(page:find("connect-src 'self'", 1, true))
    assert.is_truthy(page:find("Chart.js v3", 1, true))
    assert.is_nil(page:find(done.err:match "token=(%x+)", 1, true))
    local metrics = done.file "metrics"
    local sent = tonumber(metrics:match "\nmoontide_requests_sent_total (%d+)\n")
    assert.is_true(sent >= 1 and sent <= 200)
    for line in metrics:match("\r\n\r\n(.*)"):gmatch "[^\n]+" do
      assert.is_truthy(line:find "^# %u+ moontide_[%l_]+ ." or line:find "^moontide_[%l_]+%b{} [%d.e+-]+$"
        or line:find "^moontide_[%l_]+ [%d.e+-]+$", line)
    end
    local events = events_of(done.file "events")
    assert.equal("begin", events[1][1])
    assert.equal("steady", events[1][2].target)
    assert.equal("end", events[#events][1])
    local moments, last_before = named(events, ""), -1
    assert.is_true(#moments >= 3)
    for _, moment in ipairs(moments) do
      assert.is_true(moment.t > last_before and moment.begun <= 200)
      last_before = moment.t
    end
    local last, ended = moments[#moments], named(events, "done")
    assert.equal(last.begun, last.done)
    assert.equal(3 * last.done, last.output_tokens)
    assert.equal(1, #ended)
    assert.equal(("%d"):format(last.done), ended[1].row[4])
    assert.equal(done.out, ended[1].text .. "\n")
  end)

  it("shows what the server says of itself beside it, where that is looked at", function()
    local done = beside(replay("--page --server-metrics " .. url, "--rate 40 --duration 3s"),
      [[begun; ask GET / >page; ask GET /events >events]])
    assert.equal(0, done.status, done.err)
    for _, title in ipairs { "Requests in the server, as it says", "KV cache in use, as the server says" } do
      assert.is_truthy(done.file "page":find(title, 1, true), title)
    end
    local moments = named(events_of(done.file "events"), "")
    for _, moment in ipairs(moments) do
      assert.equal(2, #moment.server.server_requests)
      assert.is_true(moment.server.server_requests[1] >= 0 and moment.server.server_requests[1] <= 200)
      assert.equal(0, moment.server.server_requests[2]) -- it has slots enough
      assert.equal(1, #moment.server.server_cache)
    end
    assert.is_true(#moments >= 3)
    local plain = beside(replay("--page", "--rate 40 --duration 2s"), "begun; ask GET / >page; ask GET /events >events")
    assert.is_nil(plain.file "page":find("as the server says", 1, true))
    for _, moment in ipairs(named(events_of(plain.file "events"), "")) do assert.is_nil(moment.server) end
  end)

  it("stops the run as Ctrl-C does, for who has the token", function()
    local done = beside(replay("--page --output-dir results", "--rate 20 --duration 100s"),
      [[begun; ask POST /stop >refused; ask POST "/stop?token=x$TOKEN" >refused2; ask POST "/stop?token=$TOKEN" >stopped]])
    assert.is_truthy(done.file "refused":find "^HTTP/1.1 403 ")
    assert.is_truthy(done.file "refused2":find "^HTTP/1.1 403 ")
    assert.is_truthy(done.file "stopped":find "^HTTP/1.1 200 ")
    assert.equal(130, done.status)
    assert.is_truthy(done.err:find("interrupted: nothing more is sent", 1, true))
    local counts = json.decode(done.file "results/run.json").counts
    assert.is_true(counts.done >= 1 and counts.done < 2000)
    assert.equal(counts.due, counts.done + counts.failed + counts.cancelled + counts.not_sent)
  end)

  it("stops a run that was started to ignore Ctrl-C", function()
    local done = beside(replay("--page", "--rate 20 --duration 100s"), [[begun; ask POST "/stop?token=$TOKEN" >stopped]],
      { before = "env --ignore-signal=INT" })
    assert.equal(130, done.status)
    assert.is_truthy(done.err:find("interrupted: nothing more is sent", 1, true))
  end)

  it("is not held up by ten readers that never read", function()
    local done = beside(replay("--page --output-dir results", "--rate 40 --duration 3s"),
      [[for i in 1 2 3 4 5; do hold /events; hold /; done; begun; ask GET /metrics >metrics]])
    assert.equal(0, done.status, done.err)
    local counts = json.decode(done.file "results/run.json").counts
    assert.equal(counts.due, counts.done)
    assert.is_true(counts.done > 60)
    assert.is_truthy(done.file "metrics":find("moontide_requests_in_flight", 1, true))
  end)

  it("keeps its token out of the results", function()
    local done = beside(replay("--page --page-token secret-of-mine --output-dir results", "--rate 20 --duration 200ms"), "")
    assert.equal(0, done.status, done.err)
    assert.is_truthy(done.err:find("?token=secret-of-mine\n", 1, true))
    local written = command.shell("cat results/*", { folder = done.folder }).out
    assert.is_truthy(written:find("--page-token", 1, true))
    assert.is_nil(written:find("secret-of-mine", 1, true))
    written = json.decode(done.file "results/run.json")
    assert.is_nil(written.options.page)
  end)

  it("shows nothing without the token where it listens elsewhere", function()
    local done = beside(replay("--page --page-host 0.0.0.0 --page-token a.token-of-12", "--rate 20 --duration 2s"),
      [[ask GET / >without; ask GET /metrics >metrics; ask GET "/?token=$TOKEN" >with]])
    assert.equal(0, done.status, done.err)
    assert.is_truthy(done.err:find("the page: http://0.0.0.0:", 1, true))
    assert.is_truthy(done.file "without":find "^HTTP/1.1 403 ")
    assert.is_truthy(done.file "metrics":find "^HTTP/1.1 403 ")
    assert.is_truthy(done.file "with":find "^HTTP/1.1 200 ")
  end)

  it("shows all levels of a sweep, and what they came to", function()
    local done = beside(("sweep --benchmark-name b --endpoint-url %s --warmup 0 --settle 0 --accept-invalid --isl 20 "
      .. "--std 0 --osl 3 --request-rates 20,40 --duration 1s --page"):format(url), [[ask GET /events >events]])
    assert.equal(0, done.status, done.err)
    local events = events_of(done.file "events")
    local begins, ended = named(events, "begin"), named(events, "done")
    assert.equal("request rate 20", begins[1].level)
    assert.equal("request rate 40", begins[2].level)
    assert.is_true(begins[2].t > 0.9)
    assert.equal("request rate 40", ended[2].row[1])
    assert.equal(2, #ended)
  end)

  it("shows a search's probes", function()
    local done = beside(("find-max steady --url %s --model m --warmup 0 --settle 0 --accept-invalid --page --first 20 "
      .. "--most 20 --probe 300ms --ramp 100ms --slo error_rate=0.5 -- --isl 20 --osl 3"):format(url),
      [[ask GET /events >events]])
    assert.equal(0, done.status, done.err)
    assert.equal("request rate 20", named(events_of(done.file "events"), "begin")[1].level)
  end)

  it("takes a port of its own, and refuses one in use before a request is sent", function()
    local taken = server.port
    local done = command.line(replay("--page " .. taken, "--duration 1s"))
    command.refuses(done, ("--page: 127.0.0.1:%d: cannot listen: Address already in use"):format(taken))
    done = command.line(("replay --page %d steady --url %s --model m"):format(taken, url))
    command.refuses(done, ("--page: 127.0.0.1:%d: cannot listen: Address already in use"):format(taken))
  end)

  it("refuses bad usage with one line and 2", function()
    for _, one in ipairs {
      { "--page-host 0.0.0.0 --page", "--page-host needs --page-token: whoever reaches the page could stop the run" },
      { "--page-host 0.0.0.0", "--page-host goes with --page" },
      { "--page-token 12345678", "--page-token goes with --page" },
      { "--page --page-token 1234567", "--page-token must be 8 to 64 letters, digits, '-', '.', '_' or '~'" },
      { "--page --page-token 'a token/x'", "--page-token must be 8 to 64 letters, digits, '-', '.', '_' or '~'" },
      { "--page 70000", "--page must be between 0 and 65535, not 70000" },
      { "--page=x", "--page must be a whole number, not 'x'" },
      { "--page --page-host here --page-token 12345678",
        "--page: host must be an address of this machine, not 'here'" },
    } do
      local done = command.shell(('exec "$MOONTIDE" replay steady --url %s --model m %s'):format(quote(url), one[1]))
      assert.equal(2, done.status, one[1])
      assert.is_truthy(done.err:find(one[2], 1, true), done.err)
      assert.equal(1, select(2, done.err:gsub("\n", "")))
    end
  end)
end)
