-- What is said when a function refuses: the message that it raises, in the forms that specs compare.
local assert = require "luassert"

local refusal = {}

-- As it is; a usage error's own text.
function refusal.message(fn, ...)
  local ok, message = pcall(fn, ...)
  if ok then error("nothing was raised", 2) end
  return tostring(message)
end

-- Without the place where it was raised.
function refusal.text(fn, ...)
  return (refusal.message(fn, ...):gsub("^[^:]*:%d+: ", ""))
end

-- With "@" for a place in a spec, so that a message that names another place is seen.
function refusal.here(fn, ...)
  return (refusal.message(fn, ...):gsub("^[^:]*_spec%.lua:%d+: ", "@"))
end

-- fn must raise this message, the spec's place being "@".
function refusal.is(message, fn)
  assert.equal(message, refusal.here(fn))
end

-- What a script named my.lua raises; its text begins in line 2, and `mt` is there.
function refusal.script(text)
  return refusal.message(assert(load("local mt = require 'moontide'\n" .. text, "@my.lua")))
end

function refusal.script_is(text, message)
  assert.equal(message, refusal.script(text))
end

return refusal
