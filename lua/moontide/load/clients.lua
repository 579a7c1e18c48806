--- Clients: many streams alike, each with its share of the whole.
local options = require "moontide.kit.options"

local clients = {}
---@class moontide
local public = {}

---@class moontide.clients
---@field streams moontide.stream[]
local clients_type = { __name = "moontide.clients" }

-- The shares k^-s of n clients, summing to 1, the largest first.
local function shares_of(n, exponent)
  local shares, total = {}, 0
  for i = 1, n do
    shares[i] = i ^ -exponent
    total = total + shares[i]
  end
  for i = 1, n do shares[i] = shares[i] / total end
  return shares
end

---@class moontide.clients_options
---@field n integer how many, at most 100 000
---@field zipf? number exponent of their shares; 0: all alike
---@field stream fun(i: integer, share: number): moontide.stream

--- Many clients, each a stream of its own: stream(i, share) makes the i-th, share being its part of the whole
--- (k^-zipf, the largest first; they sum to 1). A stream without a name is called "client-i".
---
--- mt.clients{ n = 40, zipf = 1.1, stream = function(i, share)
---   return mt.stream{ arrivals = mt.poisson(100 * share), new_input = 200, output = 300,
---     prompt = mt.shared_prefix{ tokens = 500 * i } } end }
---@param opt moontide.clients_options
---@return moontide.clients
function public.clients(opt)
  local values = options.table("clients", opt, {
    { "n", kind = "integer", min = 1, max = 100000, required = true },
    { "zipf", kind = "number", min = 0, default = 0 },
    { "stream", kind = "any", required = true },
  })
  if type(values.stream) ~= "function" then
    options.wrong("clients: stream", values.stream, "a function(i, share) that returns mt.stream{...}")
  end
  local streams, digits = {}, #tostring(values.n)
  for i, share in ipairs(shares_of(values.n, values.zipf)) do
    local one = values.stream(i, share)
    if options.type_of(one) ~= "moontide.stream" then
      options.wrong(("clients: what stream(%d, share) returned"):format(i), one, "mt.stream{...}")
    end
    local named = {}
    for key, value in pairs(one) do named[key] = value end
    named.name = one.name or ("client-%0" .. digits .. "d"):format(i)
    streams[i] = setmetatable(named, getmetatable(one))
  end
  return setmetatable({ streams = streams }, clients_type)
end

function clients_type.__tostring(self)
  return ("clients (%d streams)"):format(#self.streams)
end

clients.public = public

return clients
