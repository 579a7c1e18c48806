-- busted inside the moontide executable, for builds that a stock Lua cannot load:
-- moontide run tests/support/busted.lua --output=TAP tests/lua/options_spec.lua
local mt = require "moontide"

return mt.script {
  summary = "Run busted specs in this executable",
  usage = "moontide run tests/support/busted.lua [busted's options] SPEC",
  raw = true,
  run = function(words)
    _G.arg = table.move(words, 1, #words, 1, { [0] = "busted" })
    require "busted.runner" { standalone = false }
  end,
}
