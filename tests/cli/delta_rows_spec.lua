-- Session rows that hold only what a turn adds, where whole prompts are wanted or turns are cut off.
local command = require "tests.support.command"
local json = require("moontide").json
local mock = require "tests.support.mock"

local guessed = "look as if they counted only what a turn adds"

-- Three turns of each of four sessions, a second apart, as whole prompts.
local function whole_trace()
  local rows, id = {}, 0
  for session = 1, 4 do
    local ids, input = {}, 600
    for turn = 1, 3 do
      while #ids < (input + 511) // 512 do ids[#ids + 1], id = id, id + 1 end
      rows[#rows + 1] = { turn * 1000 + session, json.encode(json.object {
        { "timestamp", turn * 1000 + session }, { "input_length", input }, { "output_length", 100 },
        { "hash_ids", json.array(table.move(ids, 1, #ids, 1, {})) }, { "session_id", "s" .. session } }) }
      input = input + 1100
    end
  end
  table.sort(rows, function(a, b) return a[1] < b[1] end)
  for i, row in ipairs(rows) do rows[i] = row[2] end
  return command.file(table.concat(rows, "\n") .. "\n", "whole.jsonl")
end

local function made(words, expected_error)
  local path = command.folder() .. "/out.jsonl"
  local result = command.run { "cat", table.unpack(table.move({ "-o", path }, 1, 2, #words + 1, words)) }
  assert.equal(0, result.status, result.err)
  if expected_error then
    assert.truthy(result.err:find(expected_error, 1, true), result.err)
  else
    assert.is_nil(result.err:find("warning", 1, true), result.err)
  end
  return path
end

local function inputs(path)
  local lengths = {}
  for line in io.lines(path) do lengths[#lengths + 1] = json.decode(line).input_length end
  return lengths
end

describe("rows of what a turn adds", function()
  local whole, delta

  before_each(function()
    whole = whole_trace()
    delta = made { whole, "--sessions-to", "delta" }
    assert.same({ 600, 600, 600, 600, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000 }, inputs(delta))
  end)

  it("are told by what takes whole prompts", function()
    local folder = command.folder()
    local message = ("moontide: warning: %s: its session rows %s, and are taken as whole prompts (moontide cat "
      .. "--sessions-to cumulative makes them such)\n"):format(delta, guessed)
    for _, words in ipairs {
      { "analyze", delta }, { "compare", delta, whole }, { "compare", whole, delta },
      { "learn", delta, "-o", folder .. "/a.model" }, { "synthesize", delta, "-o", folder .. "/s.jsonl" },
      { "synthesize", delta, "--method", "radix", "-o", folder .. "/s.jsonl" },
    } do
      local result = command.run(words)
      assert.equal(0, result.status, result.err)
      assert.truthy(result.err:find(message, 1, true), result.err)
    end
    assert.equal("", command.run({ "analyze", whole }).err)
    assert.equal("", command.run({ "analyze", made { delta, "--sessions-to", "cumulative" } }).err)
  end)

  it("keep what was cut off where they are made whole before", function()
    local cut = { 1700, 1700, 1700, 1700, 2800, 2800, 2800, 2800 }
    assert.same(cut, inputs(made { whole, "--start", "2s" }))
    assert.same(cut, inputs(made { delta, "--start", "2s", "--sessions-to", "cumulative" }))
    local warning = "moontide: warning: the session rows " .. guessed .. ": turns that --%s leaves out are in no "
      .. "later prompt (--sessions-to cumulative keeps them there)\n"
    assert.same({ 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000 },
      inputs(made({ delta, "--start", "2s" }, warning:format "start")))
    made({ delta, "--where", "timestamp > 2000" }, warning:format "where")
    made { delta, "--end", "2s" } -- what goes on is not there
    -- What a turn adds is counted after the cut, so that nothing is lost.
    local after = made { whole, "--start", "2s", "--sessions-to", "delta" }
    assert.same({ 1700, 1700, 1700, 1700, 1000, 1000, 1000, 1000 }, inputs(after))
    assert.same(inputs(after), inputs(made { delta, "--start", "2s", "--sessions-to", "delta" }))
    assert.same(cut, inputs(made { after, "--sessions-to", "cumulative" }))
  end)

  it("are whole prompts when a window of them is replayed", function()
    local server = mock.start { "--ttft", "0", "--itl", "0" }
    local record = command.folder() .. "/record.jsonl"
    local result = command.run { "replay", delta, "--start", "2s", "--end", "3s", "--url",
      ("http://127.0.0.1:%d"):format(server.port), "--model", "m", "--warmup", "0", "--accept-invalid", "--record",
      record }
    mock.stop_all()
    assert.equal(0, result.status, result.err)
    assert.same({ 1700, 1700, 1700, 1700 }, inputs(record))
  end)
end)
