-- Real parts of a source, to hold a made trace of that length against: a made one that is as far from the
-- whole source as these are is as near as a part of it comes by itself. There are two kinds:
-- - stretches: so many requests of the source in a row, as often as they fit. Of sessions that run on they
--   have the end or the beginning, and where one goes on nothing of it is known.
-- - folds, ten: sessions of the source, drawn without replacement, each moved by multiples of the part's time
--   into it, until so many requests come there. So sessions begin as they did, pauses stay, and about as many
--   run at once; who is still there at the end is cut.
-- parts.count(kind, all, count): how many there are of a kind, of `count` requests of `all`.
-- parts.write(path, kind, count, number, target) writes the `number`th.
local mt = require "moontide"

local parts = { kinds = { "stretches", "folds" } }

function parts.count(kind, all, count) return kind == "folds" and 10 or all // count end

-- The requests of a trace, each with the number of its session, as analyze infers sessions (roughly): a
-- request goes on where it has all blocks of the one that touched its deepest known block last, but a last
-- one that was not full, is longer, and no other session has touched that block.
local function read(path)
  local all, last, owner = {}, {}, {}
  for r in mt.trace.open(path) do
    local ids, depth = r.hash_ids or {}, 0
    while depth < #ids and last[ids[depth + 1]] do depth = depth + 1 end
    local one = { timestamp = r.timestamp, input_length = r.input_length, output_length = r.output_length,
      hash_ids = ids, session = #all + 1 }
    local before = depth > 0 and owner[ids[depth]] and last[ids[depth]]
    if before and depth + 1 >= #before.hash_ids and one.input_length > before.input_length then
      one.session = before.session
    end
    for _, id in ipairs(ids) do
      owner[id] = (not last[id] or owner[id] == one.session) and one.session
      last[id] = one
    end
    all[#all + 1] = one
  end
  return all
end

local function stretch_of(all, count, number)
  return table.move(all, (number - 1) * count + 1, number * count, 1, {})
end

local function sessions_of(all)
  local sessions, by = {}, {}
  for _, one in ipairs(all) do
    if not by[one.session] then
      by[one.session] = {}
      sessions[#sessions + 1] = by[one.session]
    end
    table.insert(by[one.session], one)
  end
  return sessions
end

-- Where all sessions have too few requests in that time, later ones make them up.
local function fold_of(all, count, number)
  local random, sessions, drawn = mt.random(number, "fold"), sessions_of(all), {}
  local start, within = all[1].timestamp, 0
  local length = math.max(1, (all[#all].timestamp - start) * count / #all)
  for i = 1, #sessions do
    local with = i + random:below(#sessions - i + 1)
    sessions[i], sessions[with] = sessions[with], sessions[i]
    local earlier = (sessions[i][1].timestamp - start) // length * length
    for _, one in ipairs(sessions[i]) do
      local moved = setmetatable({ timestamp = one.timestamp - earlier, at = #drawn }, { __index = one })
      drawn[#drawn + 1] = moved
      within = within + (moved.timestamp - start < length and 1 or 0)
    end
    if within >= count then break end
  end
  table.sort(drawn, function(a, b)
    if a.timestamp ~= b.timestamp then return a.timestamp < b.timestamp end
    return a.at < b.at
  end)
  return table.move(drawn, 1, count, 1, {})
end

function parts.write(path, kind, count, number, target)
  local part_of = kind == "folds" and fold_of or stretch_of
  local part = part_of(read(path), count, number)
  local writer <close> = assert(mt.trace.writer(target))
  for _, one in ipairs(part) do
    assert(writer:write { timestamp = one.timestamp - part[1].timestamp, input_length = one.input_length,
      output_length = one.output_length, hash_ids = one.hash_ids })
  end
  assert(writer:finish())
end

return parts
