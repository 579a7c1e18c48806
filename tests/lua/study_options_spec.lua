-- What studies from Lua do not take: what each of their levels sets, and what is the command line's.
local mt = require "moontide"

local refusal = require "tests.support.refusal".text

local trace = mt.trace.columns { { timestamp = 0, input_length = 1, output_length = 1 } }

for name, refused in pairs {
  sweep = { "record", "start_at", "target", "words" },
  find_max = { "record", "start_at", "target", "words", "duration", "num_requests", "rate_scale", "concurrency", "window",
    "grace", "phases" },
} do
  it(name .. " has no options that its levels set", function()
    for _, option in ipairs(refused) do
      local message = refusal(mt[name], trace, { url = "http://127.0.0.1:1", model = "m", [option] = 1 })
      assert.truthy(message:find(("%s: unknown option '%s'"):format(name, option), 1, true), message)
    end
  end)
end
