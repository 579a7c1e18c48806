-- A written trace, read from its text without anything that is tested, and what holds of every trace.
local records = {}

-- The members whose values are plain numbers or texts.
local function member(line, name)
  local value = line:match('"' .. name .. '": ("?[^,"}]*)')
  if value and value:sub(1, 1) == '"' then return value:sub(2) end
  return tonumber(value)
end

-- The methods of a record: record:member "tenant" is a further member.
local record_type = { __index = { member = function(self, name) return member(self.line, name) end } }

--- The requests of a trace's text, in order: timestamp, delay (milliseconds), isl, osl, ids, session, line.
function records.read(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    local ids = {}
    for id in line:match('"hash_ids": %[([%d, ]*)%]'):gmatch "%d+" do ids[#ids + 1] = math.tointeger(id) end
    list[#list + 1] = setmetatable({
      timestamp = member(line, "timestamp"), delay = member(line, "delay"),
      isl = member(line, "input_length"), osl = member(line, "output_length"),
      session = member(line, "session_id"), ids = ids, line = line,
    }, record_type)
  end
  return list
end

--- The requests that a plan, columns or a pipe gives.
function records.of(from, opt)
  local list = {}
  for request in from:requests(opt) do list[#list + 1] = request end
  return list
end

--- What is wrong with a trace, or nil: times go up, prompts fill their blocks (the last one perhaps in
--- part), ids are numbered by first appearance, and an id has one parent.
function records.fault(list, block_size)
  local next_id, parents, time = 0, {}, 0
  for i, record in ipairs(list) do
    local where = "request " .. i .. ": "
    if record.timestamp < time then return where .. "comes before the one before it" end
    time = record.timestamp
    local last = record.isl - (#record.ids - 1) * block_size
    if last <= 0 or last > block_size then
      return ("%s%d tokens are not %d blocks of %d"):format(where, record.isl, #record.ids, block_size)
    end
    local parent = -1
    for _, id in ipairs(record.ids) do
      if id == next_id then
        parents[id], next_id = parent, next_id + 1
      elseif id > next_id then
        return ("%sid %d, while %d was due"):format(where, id, next_id)
      elseif parents[id] ~= parent then
        return ("%sid %d comes after %d and after %d"):format(where, id, parents[id], parent)
      end
      parent = id
    end
  end
end

--- How many requests come at or after `from` and before `to` (seconds).
function records.between(list, from, to)
  local count = 0
  for _, record in ipairs(list) do
    if record.timestamp >= 1000 * from and record.timestamp < 1000 * to then count = count + 1 end
  end
  return count
end

--- How many requests come in each of `bins` stretches of `width` seconds, from 0 on.
function records.counts(list, width, bins)
  local counts = {}
  for i = 1, bins do counts[i] = 0 end
  for _, record in ipairs(list) do
    local i = record.timestamp // (1000 * width) + 1
    if i <= bins then counts[i] = counts[i] + 1 end
  end
  return counts
end

--- The requests by a key: { [key(record)] = list }.
function records.by(list, key)
  local groups = {}
  for _, record in ipairs(list) do
    local value = key(record)
    groups[value] = groups[value] or {}
    table.insert(groups[value], record)
  end
  return groups
end

--- Pearson's chi-square of counts against what was expected of each.
function records.chi_square(counts, expected)
  local sum = 0
  for i, mean in ipairs(expected) do sum = sum + ((counts[i] or 0) - mean) ^ 2 / mean end
  return sum
end

return records
