-- --series never takes the place of what a command reads, or of what it writes beside.
local command = require "tests.support.command"

local folder

local function run(line) return command.line(line, { folder = folder }) end

setup(function()
  folder = command.folder()
  assert.equal(0, run("steady --rate 5 --duration 4s -o t.jsonl").status)
  command.write(folder, "log.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.0,9,9\n")
  command.write(folder, "plan.lua", [[
local mt = require "moontide"
return mt.workload { duration = 4, mt.stream { input = 8, arrivals = mt.even(2) } }]])
end)

teardown(command.remove_folders)

describe("--series over a file", function()
  for line, message in pairs {
    ["cat t.jsonl --series t.jsonl"] = "cat: --series would replace t.jsonl",
    ["cat t.jsonl -o a.jsonl --series ./a.jsonl"] = "cat: --series and the trace both go to a.jsonl",
    ["cat t.jsonl -o - --series -"] = "cat: --series and the trace both go to standard output",
    ["analyze t.jsonl --series ./t.jsonl"] = "analyze: --series would replace t.jsonl",
    ["convert log.csv -o o.jsonl --series log.csv"] = "convert: --series would replace log.csv",
    ["convert log.csv -o o.jsonl --series o.jsonl"] = "convert: --series and the trace both go to o.jsonl",
    ["plan.lua --series plan.lua"] = "plan: --series would replace plan.lua",
    ["plan.lua --check --series plan.lua"] = "plan: --series would replace plan.lua",
    ["steady -o a.jsonl --series a.jsonl"] = "steady: --series and the trace both go to a.jsonl",
    ["replay t.jsonl --record ./t.jsonl --url http://127.0.0.1:9 --model m"] =
      "replay: --record would replace t.jsonl",
  } do
    it("is refused: " .. line, function()
      local before = { command.read(folder .. "/t.jsonl"), command.read(folder .. "/plan.lua"),
        command.read(folder .. "/log.csv") }
      local result = run(line)
      assert.equal(2, result.status)
      assert.equal("moontide: " .. message, result.err:match "^[^\n]*")
      assert.same(before, { command.read(folder .. "/t.jsonl"), command.read(folder .. "/plan.lua"),
        command.read(folder .. "/log.csv") })
      assert.is_false(command.exists(folder .. "/a.jsonl") or command.exists(folder .. "/o.jsonl"))
    end)
  end

  it("is written where an expectation is missed, to show why; the trace is not", function()
    local result = run("cat t.jsonl --series s.csv -o z.jsonl --expect requests<1")
    assert.equal(1, result.status)
    assert.is_true(command.exists(folder .. "/s.csv"))
    assert.is_false(command.exists(folder .. "/z.jsonl"))
  end)
end)
