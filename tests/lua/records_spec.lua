-- What help says of records, held against the records themselves.
local command = require "tests.support.command"
local mt = require "moontide"
local records = require "moontide.reference.records"
local system = require "moontide.kit.system"

-- The names that a record's page has: "metadata.fields" as its last part, all of one line's.
local function names_of(one)
  local names = {}
  for _, member in ipairs(records.members(one)) do
    for name in (", " .. member):gmatch "%f[%w_][%w_]+%f[^%w_]" do names[name] = true end
  end
  return names
end

local function check(one, record, but)
  local names = names_of(assert(records.find(one)))
  for name in pairs(record) do
    assert.is_true(names[name] or but and but[name] or false, ("%s is not in help '%s'"):format(name, one))
  end
end

-- Every member that is there without a question mark is there.
local function check_all_there(one, record)
  for _, member in ipairs(records.members(assert(records.find(one)))) do
    local name, rest = member:match "^([%w_]+)%s+(.*)$"
    if name and not rest:find "^[^%s]*%?" and not rest:find "^%b()%?" and not rest:find "^%b{}%?" then
      assert.is_true(record[name] ~= nil, ("%s of help '%s' is not there"):format(name, one))
    end
  end
end

it("of the module are what functions give", function()
  local plan = mt.workload { duration = 5, mt.stream { arrivals = mt.even(4), input = 100, output = 5 } }
  local whole = plan:expected()
  check("expected()", whole, { inside = true })
  check_all_there("expected", whole)
  for request in plan:requests() do check("request", request) end
  local event
  local rule = mt.length(function(_, given) event = given return 50 end)
  mt.workload { duration = 3, mt.stream { new_input = rule, output = 5,
    arrivals = mt.sessions { starts = mt.even(1), turns = 2 } } }:columns()
  check("event", event)
  check_all_there("event", event)
end)

it("of files are what a run has written", function()
  local folder = command.folder()
  local server <close> = assert(mt.mock { ttft = 2, itl = 1 })
  local run = mt.workload { duration = 1, mt.stream { arrivals = mt.even(20), input = 100, output = 4 } }
    :drive { url = server.url, model = "any", output_dir = folder .. "/run", slo = { ttft = 1000 } }
  assert.is_truthy(run)
  local function read(name) return mt.json.decode(assert(system.read(folder .. "/run/" .. name))) end
  local file = read "run.json"
  check("run.json", file)
  check_all_there("run.json", file)
  for _, inner in ipairs { "start", "counts", "driver", "verdict" } do check("run.json", file[inner]) end
  local metrics = names_of(records.find "metrics")
  local summary = read "profile_export_aiperf.json"
  check("results.json", summary, metrics)
  for name in pairs(file.metrics) do assert.is_true(metrics[name], name) end
  local lines = assert(system.read(folder .. "/run/profile_export.jsonl"))
  local line = mt.json.decode(lines:match "[^\n]+")
  check("results.jsonl", line)
  check("results.jsonl", line.metadata)
  for name in pairs(line.metrics) do assert.is_true(metrics[name], name) end
  -- As a value.
  for name in pairs(run.verdict) do check("verdict", { [name] = true }) end
  check_all_there("run", run)
  command.remove_folders()
end)

it("have names that help knows, and a line in the list", function()
  local help = require "moontide.repl.help"
  local list = help.text "records"
  for _, one in ipairs(records.all) do
    assert.is_truthy(list:find("\n  " .. one.name .. " ", 1, true), one.name)
    assert.is_true(#records.members(one) > 0, one.name)
    for _, name in ipairs { one.name, table.unpack(one.also) } do
      assert.equal(records.page(one):gsub("\n$", ""), help.text(name), name)
    end
  end
  assert.is_truthy(help.text("workload:expected"):find('its members: help "expected"', 1, true))
end)
