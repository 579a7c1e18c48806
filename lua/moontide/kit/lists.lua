--- Lists in order.

local lists = {}

--- The keys of a table, sorted. Keys that are no texts stand where their text would.
---@param of table
---@return any[]
function lists.sorted_keys(of)
  local keys = {}
  for key in pairs(of) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

--- Numbers going up, none twice.
---@param numbers number[]
---@return number[] a new list
function lists.ascending(numbers)
  local sorted, different = table.move(numbers, 1, #numbers, 1, {}), {}
  table.sort(sorted)
  for _, number in ipairs(sorted) do
    if number ~= different[#different] then different[#different + 1] = number end
  end
  return different
end

--- A list without what is not there.
---@param count integer places, each of which may hold nil or false
---@param ... any what stands in them
---@return any[]
function lists.present(count, ...)
  local list, given = {}, { ... }
  for i = 1, count do
    if given[i] then list[#list + 1] = given[i] end
  end
  return list
end

return lists
