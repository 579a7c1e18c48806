-- Results by endpoint: with several URLs, which of them requests went to and how far the endpoints are apart.
local by_endpoint = require "moontide.drive.by_endpoint"
local command = require "tests.support.command"
local mt = require "moontide"

local json = mt.json

describe("results by endpoint", function()
  local quick, slow
  setup(function()
    quick, slow = assert(mt.mock { ttft = 5, itl = 1 }), assert(mt.mock { ttft = 80, itl = 1 })
  end)
  teardown(function()
    quick:close()
    slow:close()
  end)
  after_each(command.remove_folders)

  local function rows(count, more)
    local list = {}
    for i = 1, count do
      list[i] = { timestamp = 4 * i, input_length = 50, output_length = 4, extra = '{"endpoint": "its own"}' }
      for name, value in pairs(more and more(i) or {}) do list[i][name] = value end
    end
    return mt.trace.columns(list)
  end

  local function drive(trace, more)
    local opt = { url = { quick.url, slow.url }, model = "any", warmup = 0, by = "endpoint",
      output_dir = command.folder() .. "/out" }
    for name, value in pairs(more or {}) do opt[name] = value end
    if opt.by == "none" then opt.by = nil end
    return assert(mt.drive(trace, opt))
  end

  local function counts_of(run)
    local list = {}
    for i, group in ipairs(run.groups) do list[i] = { json.decode(group.value), group.results.due, group.results.done } end
    return list
  end

  it("are of each URL, in their order, and as different as the servers", function()
    local run = drive(rows(41))
    assert.same({ { quick.url, 21, 21 }, { slow.url, 20, 20 } }, counts_of(run))
    local first, second = run.groups[1].results.metrics, run.groups[2].results.metrics
    assert.is_true(second.time_to_first_token.min >= 80)
    assert.is_true(first.time_to_first_token.min < 80)
    -- As each request says by itself.
    local requests = assert(run:requests())
    local endpoint, ttft, least = requests:column "endpoint", requests:column "ttft", { math.huge, math.huge }
    for i = 1, #requests do least[endpoint[i] + 1] = math.min(least[endpoint[i] + 1], ttft[i]) end
    assert.near(first.time_to_first_token.min, least[1], 1e-3)
    assert.near(second.time_to_first_token.min, least[2], 1e-3)
  end)

  it("stand side by side in the report, with how far they are apart", function()
    local run = drive(rows(40))
    local rows_of, titles, ratios, due = by_endpoint.rows(run)
    assert.equal(1, due)
    assert.same({ quick.url, slow.url }, { rows_of[1].name, rows_of[2].name })
    assert.equal("TTFT p50", titles[1])
    assert.near(rows_of[2].values[1] / rows_of[1].values[1], ratios[1], 1e-9)
    assert.equal(math.max(rows_of[1].values[1], rows_of[2].values[1]), run.groups[2].results.metrics.time_to_first_token.p50)
    local text = tostring(run)
    assert.truthy(text:find("By endpoint %(times in ms%)\nendpoint +due +done +not done +TTFT p50 +TTFT p99 "))
    assert.truthy(text:find(quick.url .. " +20 +20 +0 "), text)
    assert.truthy(text:find "\nmost over least +1.00 +", text)
    assert.truthy(text:find(('\nendpoint = "%s": 20 requests due: 20 done'):format(slow.url), 1, true), text)
    -- One URL is not side by side with any.
    run = drive(rows(5), { url = quick.url })
    assert.same({ { quick.url, 5, 5 } }, counts_of(run))
    assert.falsy(tostring(run):find("By endpoint", 1, true))
  end)

  it("are read back, and made afterwards of a run that was not divided", function()
    local run = drive(rows(20))
    local back = assert(mt.run_of(run.folder))
    assert.equal(tostring(run), tostring(back))
    assert.equal(json.encode(run), json.encode(back))
    local plain = drive(rows(20), { by = "none" })
    assert.equal(0, #plain.groups)
    local judged = assert(plain:judge { by = "endpoint" })
    assert.same(counts_of(run), counts_of(judged))
    local members = json.decode(json.encode(judged))
    assert.equal("endpoint", members.by)
    assert.same({ quick.url, slow.url }, { members.groups[1].value, members.groups[2].value })
  end)

  it("are of an endpoint that nothing went to, too", function()
    for _, more in ipairs { {}, { concurrency = 1 } } do
      local run = drive(rows(1), more)
      assert.same({ { quick.url, 1, 1 }, { slow.url, 0, 0 } }, counts_of(run))
      assert.equal(tostring(run), tostring(assert(mt.run_of(run.folder))))
      assert.truthy(tostring(run):find(slow.url .. " +0 +0 +0 +%- "), tostring(run))
    end
  end)

  it("follow sessions that stay, requests that fail, and those that were not sent", function()
    local run = drive(rows(12, function(i) return { session_id = "s" .. i % 3, delay = 0 } end), { by_session = true })
    local requests = assert(run:requests())
    local endpoint, session, of = requests:column "endpoint", requests:column "session", {}
    for i = 1, #requests do
      assert.equal(of[session[i]] or endpoint[i], endpoint[i])
      of[session[i]] = endpoint[i]
    end
    assert.same({ 4, 8 }, { run.groups[1].results.due, run.groups[2].results.due })
    -- What waits for a request that there is none of is not sent, and would have gone somewhere.
    run = drive(rows(4, function(i) return { extra = i > 2 and '{"wait_for": ["none"]}' or nil } end))
    assert.equal(2, run.counts.not_sent)
    for i, group in ipairs(run.groups) do
      assert.same({ 2, 1, 1 }, { group.results.due, group.results.done, group.results.not_sent }, i)
    end
    assert.equal(tostring(run), tostring(assert(mt.run_of(run.folder))))
    -- A broken endpoint has all the failures.
    local broken <close> = assert(mt.mock { fail = { status_500 = 1 } })
    run = drive(rows(4), { url = { quick.url, broken.url } })
    assert.same({ { quick.url, 2, 2 }, { broken.url, 2, 0 } }, counts_of(run))
    assert.equal(2, run.groups[2].results.failures[1].count)
  end)

  it("tell apart a URL that is given twice", function()
    local run = drive(rows(4), { url = { quick.url, quick.url } })
    assert.same({ { quick.url, 2, 2 }, { quick.url .. " (2)", 2, 2 } }, counts_of(run))
    assert.equal(tostring(run), tostring(assert(mt.run_of(run.folder))))
  end)

  it("are a table of the page of a run with several URLs, asked for or not", function()
    for _, by in ipairs { "endpoint", "none" } do
      local run = drive(rows(6), { by = by })
      local file = run.folder .. "/page.html"
      assert(command.run { "report", run.folder, "-o", file })
      local text = command.read(file)
      assert.truthy(text:find("By endpoint", 1, true))
      assert.equal(1, select(2, text:gsub('"title": ?"By endpoint"', "%0")) + select(2, text:gsub(">By endpoint<", "%0")))
      local one = drive(rows(6), { by = "none", url = quick.url })
      assert(command.run { "report", one.folder, "-o", file })
      assert.falsy(command.read(file):find("By endpoint", 1, true))
    end
  end)

  it("are not there of another tool's run", function()
    local run = drive(rows(4), { by = "none" })
    os.remove(run.folder .. "/run.json")
    command.write(run.folder, "profile_export_aiperf.json", "{}")
    local result = command.run { "judge", run.folder, "--by", "endpoint" }
    assert.equal(2, result.status)
    assert.truthy(result.err:find("has a member 'endpoint'", 1, true), result.err)
  end)
end)
