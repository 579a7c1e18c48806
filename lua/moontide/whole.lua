--- The API with all of its parts loaded, for what reads its tables as they are: help and completion.
local mt = require "moontide"

pairs(mt)

return mt
