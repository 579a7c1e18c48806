-- What each knob of a learnt model moves, and what stays, of sources that no method was tuned on
-- (fidelity_sources.lua). `moontide tests/bench/knobs.lua`: not a test.
--
-- A line is a knob on a source. `asked` and `got` are of the one thing, as learning finds it in what was
-- made: got is the mean over seeds, and `worst` the seed that is farthest off, in percent of what was asked.
-- Behind them stands what the rest became, means over seeds in percent of what the model makes without the
-- knob (the same seeds): requests, and requests a second; turns a session and think time, its median, of the
-- sessions as they are named; input tokens; sharing; sessions at once; the cliff. What cannot be had is "no".
local mt = require "moontide"
local generated = require "tests.bench.fidelity_sources"
local texts = require "moontide.kit.text"

local chosen = { ["a few agents"] = true, ["twenty agents"] = true, ["tasks on shared prompts"] = true,
  ["many chats"] = true, ["readers of documents"] = true }

local knobs = {
  { "sessions_at_once", "x2" }, { "sessions_at_once", "x0.5" }, { "session_length", "x0.5" },
  { "session_length", "x2" }, { "sharing", 0.7 }, { "cliff_at", 2 }, { "cliff_at", 0.5 },
}

local rest = { "requests", "rate", "turns", "think", "input", "sharing", "at_once", "cliff" }

local function median(list)
  table.sort(list)
  return #list > 0 and list[(#list + 1) // 2] or 0
end

-- Turns and pauses of the sessions as they are named.
local function sessions_of(columns, figures)
  local last, sessions, pauses, tokens = {}, 0, {}, 0
  for r in columns:requests() do
    local before = last[r.session_id]
    if before then pauses[#pauses + 1] = r.timestamp - before else sessions = sessions + 1 end
    last[r.session_id], figures.lasts, tokens = r.timestamp, r.timestamp, tokens + r.input_length
  end
  figures.requests, figures.turns, figures.think = #columns, #columns / sessions, median(pauses)
  figures.rate, figures.input = #columns / figures.lasts, tokens / #columns
end

-- What a lap of the model is, with the knob turned; nil and why it cannot be.
local function lap(model, given, seed)
  local opt = { with_sessions = true }
  for name, value in pairs(given) do opt[name] = value end
  local synthesizer, message = mt.synthesizer(model, opt)
  if not synthesizer then return nil, message end
  local columns, why = synthesizer:columns { num_requests = "1x", seed = seed }
  if not columns then return nil, why end
  local learnt = assert(assert(mt.learn(columns, { block_size = model:block_size() })):describe())
  local figures = { sharing = learnt.sharing, at_once = learnt.sessions_at_once, cliff = learnt.cliff }
  sessions_of(columns, figures)
  return figures
end

local figure_of = { sessions_at_once = "at_once", session_length = "turns", sharing = "sharing",
  cliff_at = "cliff" }

local function line(name, model, plain, knob, seeds)
  local option, value = knob[1], knob[2]
  local now = assert(model:describe())
  local figure = figure_of[option]
  local was = figure == "turns" and now.session_length or figure == "at_once" and now.sessions_at_once
    or now[figure]
  local asked = was * (type(value) == "string" and tonumber(value:sub(2)) or value)
  local given = { [option] = option == "cliff_at" and math.floor(asked) or value }
  local shown = option .. " " .. (option == "cliff_at" and "x" or "") .. value
  local got, worst, sums = 0, 0, {}
  for seed = 1, seeds do
    local made, message = lap(model, given, seed)
    if not made then
      print(("%s, %s: %s"):format(name, shown, message))
      return { name, shown, ("%.4g"):format(asked), "no" }
    end
    local off = 100 * (made[figure] / asked - 1)
    got = got + made[figure] / seeds
    if math.abs(off) > math.abs(worst) then worst = off end
    for _, other in ipairs(rest) do
      local before = plain[seed][other]
      sums[other] = (sums[other] or 0) + (before > 0 and 100 * (made[other] / before - 1) or 0) / seeds
    end
  end
  local cells = { name, shown, ("%.4g"):format(asked), ("%.4g"):format(got), ("%+.0f"):format(worst) }
  for _, other in ipairs(rest) do cells[#cells + 1] = ("%+.0f"):format(sums[other]) end
  return cells
end

return mt.script {
  summary = "What each knob of a learnt model moves, and what stays",
  options = { { "seeds", kind = "integer", min = 1, default = 3, help = "seeds 1 to this" } },
  run = function(opt)
    local lines = { { "source", "knob", "asked", "got", "worst", table.unpack(rest) } }
    for _, source in ipairs(generated) do
      if chosen[source.name] then
        local base = os.tmpname()
        local path = base .. ".jsonl"
        source:write(path)
        local model = assert(mt.learn(path))
        os.remove(path)
        os.remove(base)
        local plain = {}
        for seed = 1, opt.seeds do plain[seed] = assert(lap(model, {}, seed)) end
        for _, knob in ipairs(knobs) do
          lines[#lines + 1] = line(source.name, model, plain, knob, opt.seeds)
        end
      end
    end
    print(texts.aligned(lines))
  end,
}
