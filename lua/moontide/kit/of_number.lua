--- Values that are made of a number and never change: the same one serves whoever asks with the same number.
--- A plan of thousands of streams says the same few lengths over and over.
local of_number = {}

-- So many are kept; then the book begins anew, so that a plan of as many lengths as streams keeps no second
-- copy of them.
local most = 256

--- A function of a number that remembers what `make` made.
---@generic T
---@param make fun(number: number, what: string?): T nothing that can be closed or changed by who gets it; it
--- may raise, with a message that begins with `what`
---@return fun(number: number, what: string?): T
function of_number.remembered(make)
  local made, count = {}, 0
  return function(number, what)
    local known = made[number]
    if known == nil then
      known = make(number, what)
      if count == most then made, count = {}, 0 end
      made[number], count = known, count + 1
    end
    return known
  end
end

return of_number
