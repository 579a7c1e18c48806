-- Runs compared by a member of their rows, and by the endpoint that requests went to.
local command = require "tests.support.command"
local mt = require "moontide"
local groups = require "moontide.study.compare_groups"
local runs = require "tests.support.runs"

local json = mt.json

-- A folder of a run whose lines have a member "tenant": a, b, a, b, ...; those of `slow` take so many times as
-- long as the others.
local function folder_of(opts, slow, factor, names)
  local folder = runs.folder(opts)
  local number = 0
  local text = command.read(folder .. "/profile_export.jsonl"):gsub("[^\n]+", function(line)
    number = number + 1
    local tenant = (names or { "a", "b" })[number % 2 + 1]
    if tenant == slow then
      line = line:gsub('("inter_token_latency": {"value": )([%d.]+)', function(before, value)
        return ("%s%.4f"):format(before, tonumber(value) * factor)
      end)
    end
    return (line:gsub('"benchmark_phase"', ('"fields": {"tenant": "%s"}, %%0'):format(tenant)))
  end)
  command.write(folder, "profile_export.jsonl", text)
  return folder
end

describe("mt.compare of runs by a member", function()
  after_each(command.remove_folders)

  it("finds the part that has become slower, and that the other has not", function()
    local first = folder_of { count = 600, load = 0.3, plan = 1, seed = 1 }
    local second = folder_of({ count = 600, load = 0.3, plan = 1, seed = 1 }, "b", 1.2)
    local comparison = assert(mt.compare(first, second, { by = "tenant" }))
    local pair = comparison.pairs[2]
    assert.same({ '"b"', '"a"' }, { pair.groups[1].name, pair.groups[2].name })
    local slower, same = pair.groups[1].pair, pair.groups[2].pair
    assert.is_true(slower.is_paired and same.is_paired)
    assert.same({ 300, 300 }, { slower.matched, same.matched })
    local b, a = slower.metrics.inter_token_latency.avg, same.metrics.inter_token_latency.avg
    assert.near(1.2, b.second / b.first, 1e-4)
    assert.is_true(b.low > 0)
    assert.same({ 0, 0, 0 }, { a.second - a.first, a.low, a.high })
    assert.near((a.first + b.first) / 2, comparison:difference("itl.avg").first, 0.01 * a.first)
    local text = tostring(comparison)
    assert.truthy(text:find('\ntenant = "b"\nPaired by request: both sent the same 300 requests\n', 1, true), text)
    assert.truthy(text:find('\ntenant = "a"\n', 1, true))
    local members = json.decode(json.encode(comparison))
    assert.equal("tenant", members.by)
    assert.equal('"b"', members.comparisons[1].groups[1].name)
    assert.is_true(members.comparisons[1].groups[1].metrics.inter_token_latency.avg.is_shown)
    assert.is_false(members.comparisons[1].groups[2].metrics.inter_token_latency.avg.is_shown)
    -- Without a member there are no groups, and what is compared of the whole is the same.
    local whole = assert(mt.compare(first, second))
    assert.is_nil(whole.pairs[2].groups)
    assert.same(whole.pairs[2].metrics, pair.metrics)
    assert.same(whole.pairs[2].rates, pair.rates)
  end)

  it("says which values only some have, and of several runs what each part does from run to run", function()
    local a, b = { "x", "y" }, { "x", "z" }
    local opts = { count = 100, load = 0.3, plan = 1, seed = 1 }
    local comparison = assert(mt.compare(folder_of(opts, nil, nil, a), folder_of(opts, nil, nil, b), { by = "tenant" }))
    local pair = comparison.pairs[2]
    assert.same({ 1, '"x"' }, { #pair.groups, pair.groups[1].name })
    assert.same({ '"y"', '"z"' }, pair.alone)
    assert.truthy(tostring(comparison):find('\nNot in all of them: tenant = "y", "z"', 1, true))
    local first, second = {}, {}
    for i = 1, 3 do
      first[i] = folder_of { count = 300, load = 0.3, plan = i, seed = i }
      second[i] = folder_of({ count = 300, load = 0.3, plan = 9 + i, seed = 9 + i }, "b", 1.5)
    end
    comparison = assert(mt.compare(first[1], first[2], first[3], { against = second, by = "tenant" }))
    local shown = {}
    for _, group in ipairs(comparison.pairs[2].groups) do
      local one = group.pair.metrics.inter_token_latency.avg
      shown[group.name] = one.low > 0
      local sum = 0
      for i = 1, 3 do
        for _, part in ipairs(assert(mt.run_of(first[i]):judge { by = "tenant" }).groups) do
          if part.value == group.name then sum = sum + part.results.metrics.inter_token_latency.avg end
        end
      end
      assert.near(sum / 3, one.first, 1e-9)
    end
    assert.same({ ['"a"'] = false, ['"b"'] = true }, shown)
    assert.truthy(tostring(comparison):find('\ntenant = "b"\nMeans over 3 runs of A and 3 runs of B; ', 1, true))
  end)

  it("compares no more values than can be read", function()
    local many, few = {}, {}
    for i = 1, 60 do many[i] = { value = tostring(i), name = tostring(i) } end
    for i = 1, 55 do few[i] = { value = tostring(56 - i), name = tostring(56 - i) } end
    local shared, alone, left_out = groups.shared { many, few }
    assert.same({ 50, 5, 5 }, { #shared, #alone, left_out })
    assert.same({ "1", "1" }, { shared[1][1].value, shared[1][2].value })
    assert.equal("56", alone[1])
  end)

  it("sets the endpoints of one beside those of the other in their order", function()
    local quick <close> = assert(mt.mock { ttft = 5, itl = 1 })
    local slow <close> = assert(mt.mock { ttft = 60, itl = 1 })
    local rows = {}
    for i = 1, 40 do rows[i] = { timestamp = 4 * i, input_length = 50, output_length = 3 } end
    local function drive(urls)
      return assert(mt.drive(mt.trace.columns(rows), { url = urls, model = "any", warmup = 0,
        output_dir = command.folder() .. "/out" }))
    end
    local first, second = drive { quick.url, quick.url }, drive { quick.url, slow.url }
    local comparison = assert(mt.compare(first, second, { by = "endpoint" }))
    local list = comparison.pairs[2].groups
    assert.same({ ('"%s"'):format(quick.url), ('"%s" | "%s"'):format(quick.url, slow.url) },
      { list[1].name, list[2].name })
    local ttft = list[2].pair.metrics.time_to_first_token.avg
    assert.is_true(ttft.second > 60 and ttft.low > 0)
    local result = command.run { "compare", first.folder, second.folder, "--by", "endpoint" }
    assert.equal(0, result.status, result.err)
    assert.truthy(result.out:find(('\nendpoint = "%s" | "%s"\nPaired by request'):format(quick.url, slow.url), 1, true),
      result.out)
    result = command.run { "compare", first.folder, second.folder, "--by", "endpiont" }
    assert.equal(2, result.status)
    assert.truthy(result.err:find("has a member 'endpiont' (did you mean 'endpoint'?)", 1, true), result.err)
    assert.equal("", result.out)
  end)
end)
