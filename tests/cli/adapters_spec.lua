-- Each built-in adapter against the mock that speaks its server's own API, end to end and over both
-- transports.
local command = require "tests.support.command"
local json = require("moontide").json
local mock = require "tests.support.mock"

-- The dialect that an adapter is for; what its API says of tokens, whether it forces lengths, and whether
-- it tells the end of an answer.
local adapters = {
  openai = { dialect = "vllm", has_usage = true, cached = true, forces = true, tells_end = true },
  tgi = { has_usage = true, tells_end = true },
  ollama = { has_usage = true, tells_end = true },
  llamacpp = { has_usage = true, cached = true, forces = true, tells_end = true },
  sglang = { has_usage = true, cached = true, forces = true, tells_end = true },
  triton = { forces = true },
  anthropic = { has_usage = true, cached = true, tells_end = true },
  responses = { dialect = "openai", has_usage = true, cached = true, tells_end = true },
  gemini = { has_usage = true, tells_end = true },
}
-- Those that send messages, whose marks a warm-up would have told.
local chats = { openai = true, ollama = true, anthropic = true, responses = true, gemini = true }

local load = { "--", "--rate", "80", "--isl", "60", "--osl", "7", "--duration", "0.2" }

describe("the built-in adapter", function()
  after_each(function()
    mock.stop_all()
    command.remove_folders()
  end)

  local function start(adapter, ...)
    return mock.start { "--dialect", adapters[adapter].dialect or adapter, "--ttft", "20", "--itl", "2", ... }
  end

  -- The result of a replay with the adapter, as --json prints it; words go before the load's own.
  local function replay(server, adapter, ...)
    local words = { "replay", "steady", "--url", "http://127.0.0.1:" .. server.port, "--model", "tide", "--adapter",
      adapter, "--json", "--accept-invalid", "--warmup", "0", ... }
    table.move(load, 1, #load, #words + 1, words)
    local result = command.run(words)
    return json.decode(result.out), result
  end

  local function failure_of(run)
    local summary = run.error_summary
    assert.equal(1, #summary)
    assert.equal(run.counts.due, run.counts.failed)
    return summary[1].error_details.type
  end

  for adapter, of in pairs(adapters) do
    for _, transport in ipairs { "direct", "curl" } do
      it(adapter .. " drives its server over " .. transport, function()
        local server = start(adapter, "--kv-blocks", "1000", "--model", "tide")
        local run, result = replay(server, adapter, "--transport", transport)
        assert.equal(0, result.status, result.err)
        assert.truthy(run.counts.due > 5)
        assert.equal(run.counts.due, run.counts.done)
        assert.equal(7, run.metrics.output_sequence_length.min)
        assert.equal(7, run.metrics.output_sequence_length.max)
        assert.truthy(run.metrics.time_to_first_token.p50 >= 20)
        -- A busy machine lets answers come late and in one piece, but never early.
        assert.truthy(run.metrics.request_latency.p50 >= 20 + 6 * 1.5)
        if of.has_usage then
          assert.equal(chats[adapter] and 67 or 60, run.metrics.input_sequence_length.avg)
        end
        assert.equal(of.cached or false, (run.cache or run.metrics.cached_tokens) ~= nil)
        assert.truthy(server.finish("INT").err:find(
          ("%d requests on"):format(run.counts.due), 1, true))
      end)
    end

    it(adapter .. " is as long as its server makes it", function()
      local server = start(adapter, "--osl", "3")
      local run = replay(server, adapter, "--no-force-output")
      assert.equal(3, run.metrics.output_sequence_length.max)
      run = replay(server, adapter)
      assert.equal(of.forces and 7 or 3, run.metrics.output_sequence_length.min)
    end)

    it(adapter .. " names what goes wrong", function()
      for fault, name in pairs {
        error_event = "error_event", closed_mid_event = "closed_mid_event",
        truncated = of.tells_end and "truncated", no_content = "no_content",
      } do
        if name then
          local server = start(adapter, "--fail", fault)
          assert.equal(name, failure_of((replay(server, adapter))), fault)
          server.finish "TERM"
        end
      end
      local server = start(adapter, "--slots", "1", "--queue", "0")
      local run = replay(server, adapter)
      assert.truthy(run.counts.failed > 0)
      assert.truthy(run.error_summary[1].error_details.type:find "^overload_")
    end)
  end

  it("of a server that counts nothing says that lengths are pieces and what was planned", function()
    for adapter, tells in pairs { tgi = false, openai = false } do
      local server = start(adapter, "--model", "tide")
      local result = command.run { "replay", "steady", "--url", "http://127.0.0.1:" .. server.port, "--model",
        "tide", "--adapter", adapter, "--accept-invalid", "--warmup", "0", table.unpack(load) }
      assert.equal(tells, result.out:find("without the server's count of tokens", 1, true) ~= nil, adapter)
    end
    local folder = command.folder()
    command.write(folder, "silent.lua", [[
      local mt = require "moontide"
      return mt.endpoint { event = function(text)
        if text == "[DONE]" then return { done = true } end
        local choice = mt.json.decode(text).choices[1]
        return choice and { content = choice.delta.content }
      end }]])
    local server = start "openai"
    local result = command.run({ "replay", "steady", "--url", "http://127.0.0.1:" .. server.port, "--model", "tide",
      "--adapter", "silent.lua", "--accept-invalid", "--warmup", "0", table.unpack(load) }, { folder = folder })
    assert.equal(0, result.status, result.err)
    local count = result.out:match "(%d+) requests? due: %1 done"
    assert.truthy(count, result.out)
    assert.truthy(result.out:find(
      ("%s answers came without the server's count of tokens"):format(count), 1, true), result.out)
  end)

  it("says with the server's words that a model is not there", function()
    for _, adapter in ipairs { "ollama", "triton" } do
      local server = start(adapter, "--model", "other")
      local result = command.run { "replay", "steady", "--url", "http://127.0.0.1:" .. server.port, "--model", "tide",
        "--adapter", adapter, "--", "--duration", "1" }
      assert.equal(1, result.status)
      assert.truthy(result.err:find("status_404: The model `tide` does not exist", 1, true), result.err)
    end
  end)
end)
