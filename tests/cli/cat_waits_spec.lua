-- Requests that wait for one another, of which some are left out.
local command = require "tests.support.command"

local a = '{"timestamp": 0, "input_length": 40, "output_length": 10, "request_id": "a"}\n'
local b = '{"input_length": 60, "output_length": 5, "delay": 100, "request_id": "b", "wait_for": ["a"], "tool_wait_ms": 50}\n'
local c = '{"input_length": 16, "output_length": 5, "delay": 10, "request_id": "c", "wait_for": ["a", "b"]}\n'
local d = '{"timestamp": 4000, "input_length": 16, "output_length": 5, "request_id": "d", "wait_for": ["c"]}\n'

describe("moontide cat of requests that wait", function()
  local folder, path
  setup(function()
    folder = command.folder()
    path = command.write(folder, "waits.jsonl", a .. b .. c .. d)
  end)
  teardown(command.remove_folders)

  -- What cat gives, and what it says beside how many --where keeps.
  local function cat(words, input)
    local result = command.run({ "cat", table.unpack(words) }, { input = input })
    assert.equal(0, result.status, result.err)
    return result.out, (result.err:gsub("moontide: %-%-[^\n]*\n", ""))
  end

  it("drops the names of those left out, and keeps when the others come", function()
    local wanted = '{"timestamp": 550, "input_length": 60, "output_length": 5, "request_id": "b", "tool_wait_ms": 50}\n'
      .. c:gsub('"a", ', "") .. d
    local told = "moontide: 2 requests named 1 request left out in wait_for or branches, and no longer do: 1 timestamp "
      .. "instead, to come when they would have come\n"
    assert.same({ wanted, told }, { cat { path, "--where", "request_id ~= 'a'" } })
    assert.same({ wanted, told }, { cat({ "-", "--where", "request_id ~= 'a'" }, a .. b .. c .. d) })
    -- Filters one after the other; b has come when its time was made.
    local out, err = cat { path, "--where", "request_id ~= 'a'", "--num-requests", "1" }
    assert.equal(wanted:match "[^\n]*\n", out)
    assert.equal(told, err)
    out, err = cat { path, "--where", "request_id == 'a' or request_id == 'c'" }
    assert.equal(a .. '{"input_length": 16, "output_length": 5, "delay": 460, "request_id": "c", "wait_for": ["a"]}\n', out)
    assert.matches("and no longer does: 1 longer delay instead, to come when they would have come\n$", err)
    assert.equal('{"timestamp": 4000, "input_length": 16, "output_length": 5, "request_id": "d"}\n',
      (cat({ "-", "--start", "1s" }, a .. d:gsub('"c"', '"a"'))))
  end)

  it("gives no delay to who still waits for one that ends later", function()
    local late = '{"timestamp": 4000, "input_length": 16, "output_length": 5, "request_id": "late"}\n'
    local e = '{"input_length": 16, "output_length": 5, "request_id": "e", "wait_for": ["a", "late", "late"]}\n'
    local told = "moontide: 1 request named 1 request left out in wait_for or branches, and no longer does\n"
    assert.same({ late .. e:gsub('"a", ', ""), told }, { cat({ "-", "--where", "request_id ~= 'a'" }, a .. late .. e) })
  end)

  it("takes requests that wait for themselves, in a circle or under one name, as they are", function()
    local b_circle = '{"input_length": 6, "output_length": 5, "request_id": "b", "wait_for": ["c", "b", "a"]}\n'
    local c_circle = '{"input_length": 6, "output_length": 5, "request_id": "c", "wait_for": ["b"]}\n'
    assert.equal((b_circle .. c_circle):gsub(', "a"', ""),
      (cat({ "-", "--where", "request_id ~= 'a'" }, a .. b_circle .. c_circle)))
    -- It has no time of its own in a circle: it gets one all the same, and waits for nobody.
    assert.matches('^{"timestamp": %d+, "input_length": 6, "output_length": 5, "request_id": "c"}\n$',
      (cat({ "-", "--where", "request_id == 'c'" }, a .. a .. b_circle .. c_circle)))
  end)

  it("knows those that wait far behind the first requests", function()
    local rows = {}
    local row = '{"timestamp": %d, "input_length": 6, "output_length": 5, "request_id": "r%d"}\n'
    for i = 1, 1500 do rows[i] = row:format(i, i) end
    local far = '{"timestamp": 9000, "input_length": 6, "output_length": 5, "request_id": "z", "wait_for": ["r1", "r2"]}\n'
    local whole = table.concat(rows) .. far
    for _, name in ipairs { "-", command.write(folder, "far.jsonl", whole) } do
      local out = cat({ name, "--where", "request_id ~= 'r1'" }, whole)
      assert.equal(table.concat(rows, "", 2) .. far:gsub('"r1", ', ""), out)
    end
  end)

  it("keeps what names nobody who was left out", function()
    for _, words in ipairs { { path }, { path, "--thin", "1" }, { path, "--num-requests", "4" } } do
      assert.equal(a .. b .. c .. d, (cat(words)))
    end
    assert.same({ a .. b, "" }, { cat { path, "--num-requests", "2" } })
    local never = a .. '{"timestamp": 5, "wait_for": ["never"]}\n'
    assert.equal(never, (cat({ "-", "--where", "true" }, never)))
  end)

  it("fails where the trace does, and leaves the old file", function()
    local bad = command.write(folder, "bad.jsonl", a .. b .. "{\n")
    local old = command.write(folder, "old.jsonl", "old\n")
    local result = command.run { "cat", bad, "--where", "request_id ~= 'a'", "-o", old }
    command.refuses(result, bad .. ":3:2: expected a member's name in quotes, but the line ends"
      .. " (--skip-bad-lines passes over bad lines)")
    assert.equal("old\n", command.read(old))
  end)

  it("is named by lint where it was done by something else", function()
    assert.equal(0, command.run({ "lint", path }).status)
    local result = command.run({ "lint", "-" }, { input = b .. c .. d })
    assert.equal(1, result.status)
    assert.equal("standard input: 3 requests\n\nstandard input:1: wait_for or branches names the request_id 'a', which no "
      .. "request has\n  why:  requests were left out without their names: what waits for one of them is never sent\n",
      result.out)
  end)
end)
