-- The page of what is driven, from Lua: mt.page.
local mt = require "moontide"
local refusal = require "tests.support.refusal"
local watch = require "moontide.drive.watch"

-- What a page answers to GET.
local function get(page, path)
  local port = page.url:match "^http://127%.0%.0%.1:(%d+)/%?token=%x+$"
  local ask = assert(io.popen(([[bash -c 'exec 3<>/dev/tcp/127.0.0.1/%s
    printf "GET %s HTTP/1.1\r\nHost: a\r\n\r\n" >&3; cat <&3']]):format(port, path)))
  local answer = ask:read "a"
  ask:close()
  return answer
end

describe("mt.page", function()
  after_each(function() assert.is_nil(watch.now) end)

  it("shows what is driven until it is closed", function()
    local server <close> = assert(mt.mock { ttft = 1, itl = 0 })
    local load = mt.workload { mt.stream { arrivals = mt.even(20), input = 20, output = 2 } }
    local function drive()
      return assert(load:drive { url = server.url, model = "m", warmup = 0, num_requests = 10 })
    end
    do
      local page <close> = assert(mt.page { title = "twenty a second" })
      assert.is_truthy(get(page, "/"):find("twenty a second", 1, true))
      assert.equal(10, drive().counts.done)
      assert.equal(10, drive().counts.done)
      local metrics = get(page, "/metrics")
      assert.equal("20", metrics:match '\nmoontide_requests_ended_total{outcome="done"} (%d+)', metrics)
      assert.equal("page at " .. page.url, tostring(page))
      page:close()
      assert.equal(("page at %s (closed)"):format(page.url), tostring(page))
    end
    assert.is_nil(watch.now)
    assert.equal(10, drive().counts.done)
  end)

  it("may be opened again, once at a time", function()
    for _ = 1, 2 do
      local page <close> = assert(mt.page())
      assert.is_truthy(get(page, "/metrics"):find "^HTTP/1.1 200")
      assert.equal("@page: one is open, which shows all that is driven: close it first",
        refusal.here(function() mt.page() end))
    end
  end)

  it("is as private as that of the commands", function()
    assert.equal("@page: host needs token: whoever reaches the page could stop the run",
      refusal.here(function() mt.page { host = "0.0.0.0" } end))
    assert.equal("@page: token must be 8 to 64 letters, digits, '-', '.', '_' or '~'",
      refusal.here(function() mt.page { token = "short" } end))
    assert.equal("@page: port must be between 0 and 65535, not 70000",
      refusal.here(function() mt.page { port = 70000 } end))
  end)

  it("says when a port is taken", function()
    local page <close> = assert(mt.page())
    local port = tonumber(page.url:match ":(%d+)/")
    page:close()
    local server <close> = mt.mock { port = port }
    if not server then return end -- somebody else was quicker
    local other, message = mt.page { port = port }
    assert.is_nil(other)
    assert.matches("^127%.0%.0%.1:" .. port .. ": cannot listen: ", message)
  end)
end)
