-- Is a merged run what one driver would have made? same.lua WHOLE MERGED SHARDS [LOST]: the same requests,
-- all done, from so many shards; or, with the index of a shard that was lost, as many, some of that one's not
-- sent.
local mt = require "moontide"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return assert(mt.json.decode(text))
end

local function bodies(folder)
  local list = {}
  for i, one in ipairs(read(folder .. "/inputs.json").data) do list[i] = mt.json.encode(one.payloads) end
  table.sort(list)
  return table.concat(list, "\n")
end

return mt.script {
  summary = "Is a merged run what one driver would have made?",
  options = {
    { "whole", kind = "path", argument = true, required = true },
    { "merged", kind = "path", argument = true, required = true },
    { "shards", kind = "integer", argument = true, required = true },
    { "lost", kind = "integer", argument = true },
  },
  run = function(opt)
    local whole, merged = read(opt.whole .. "/run.json"), read(opt.merged .. "/run.json")
    local counts = merged.counts
    print(mt.json.encode(whole.counts))
    print(mt.json.encode(counts))
    assert(whole.counts.done == whole.counts.due and whole.counts.due > 200)
    assert(counts.due == whole.counts.due, "as many requests")
    assert(#merged.shards == opt.shards, "of all shards")
    if opt.lost then
      local shard = merged.shards[opt.lost + 1]
      local ended = counts.done + counts.failed + counts.cancelled
      assert(counts.not_sent > 0 and ended + counts.not_sent == counts.due)
      assert(shard.counts.not_sent == counts.not_sent, "the lost shard's")
      assert(merged.verdict.name == "invalid")
      return
    end
    assert(counts.done == counts.due, "all done")
    assert(bodies(opt.merged) == bodies(opt.whole), "the same bodies")
    for _, shard in ipairs(merged.shards) do assert(shard.counts.due > counts.due // opt.shards // 2) end
  end,
}
