-- The examples: what another value of each option is, what all of them must do, and helpers for what each
-- claims. Seeds are fixed; "4 sigma" is a p-value of 6e-5.
local assert = require "luassert"
local command = require "tests.support.command"
local records = require "tests.support.records"

local examples = {}

--- By the spec that tests them (loads: examples_spec; the others: examples_NAME_spec): what another value of
--- each option is, where blocks are not of 512 tokens, and arguments with which the first 10 000 requests
--- show every option. PATH is a trace.
examples.groups = {
  loads = {
    steady = {},
    ramp = { options = { low = "1", high = "25", climb = "100s", hold = "90s" } },
    diurnal = {
      arguments = "--rate-scale 0.05",
      options = { mean = "2", ["peak-at"] = "14h", ["flash-at"] = "6h", flash = "0" },
    },
    retry_storm = { options = {
      rate = "4", at = "5s", height = "600", length = "3s", branching = "0.2", decay = "1s",
    } },
    bursty_tenants = { options = { rate = "4", cv = "2", on = "4s", off = "9s" } },
    priorities = { options = { interactive = "4", batch = "4", urgent = "0.5" } },
    canary = { options = { rate = "9", steps = "0.5,1", ["step-time"] = "50s" } },
    aibrix = { options = { shape = "slow-rise", rate = "9", over = "4m" } },
    own_arrivals = { options = { every = "30s", size = "5", gap = "1ms" } },
    collision = { options = { chat = "4", long = "2", isl = "9000", span = "30s" } },
    late_short = { options = { short = "9", long = "30", isl = "9000", osl = "400", span = "30s" } },
    burst_recovery = { options = { rate = "4", times = "3", burst = "5s", span = "40s" } },
    abort_storm = { options = { rate = "9", share = "0.3", patience = "2s", span = "30s" } },
    costs = { is_command = true, options = { requests = "20k" } },
  },
  sessions = {
    whole_site = { options = { api = "4", job = "9", chats = "1/s" } },
    chat = { options = { rate = "2", turns = "2", think = "1s", ["max-input"] = "1500" } },
    agent = { options = { rate = "1", turns = "2", tools = "2048", kinds = "1", ["tool-time"] = "1s" } },
    coding_agent = { block_size = 64, options = { rate = "0.2", turns = "9", ["compact-at"] = "20000",
      ["search-chance"] = "0.3" } },
    voice_agent = { block_size = 16, options = { calls = "1", turns = "3", listens = "2s" } },
    deep_research = { block_size = 64, options = { rate = "0.1", rounds = "1", readers = "3" } },
  },
  prompts = {
    rag = {
      block_size = 64,
      options = { rate = "sine:mean=9,amp=3,period=20", documents = "99", zipf = "0.3", retrieved = "2",
        tokens = "900" },
    },
    tenants = { block_size = 64, options = { tenants = "7", zipf = "0", rate = "5" } },
    preble = { block_size = 16, options = { mix = "embodied", groups = "5", rate = "5", osl = "20" } },
    doubled_trace = { options = { trace = "PATH", lengths = "PATH", factor = "3", bin = "7s" } },
    learned_peak = { options = {
      trace = "PATH", ["block-size"] = "64", low = "3", peak = "9", rise = "2m",
    } },
    faster_replay = { options = {
      trace = "PATH", ["block-size"] = "64", speed = "3", osl = "uniform:low=10,high=20",
    } },
    clean_log = { is_command = true, arguments = "--share 0.7", options = {
      trace = "PATH", output = "clean.jsonl", start = "1m", ["end"] = "50s", share = "0.5", seed = "3",
    } },
    rate_over_time = { is_command = true, options = { trace = "PATH", bins = "20" } },
  },
}

local all = {}
for _, group in pairs(examples.groups) do
  for name, example in pairs(group) do all[name] = example end
end

local folder

--- For setup: a folder (examples.folder) with examples/ in it, where the commands run, and trace.jsonl.
function examples.make_folder()
  folder = command.folder()
  examples.folder = folder
  os.execute(("ln -s \"$PWD/examples\" '%s/examples'"):format(folder))
  local made = command.line("mixed --duration 100s --seed 5 -o trace.jsonl", { folder = folder })
  assert.equal(0, made.status, made.err)
end

--- What the example prints; it must succeed.
function examples.run(name, arguments)
  local result = command.shell(('exec "$MOONTIDE" examples/%s.lua %s'):format(name, arguments or ""),
    { folder = folder })
  assert.equal(0, result.status, name .. ": " .. result.err)
  return result.out
end

local run = examples.run

local function proper(name, text)
  local list = records.read(text)
  assert.is_nil(records.fault(list, all[name].block_size or 512))
  return list
end

local function first_lines(text, count)
  local at = 0
  for _ = 1, count do
    at = text:find("\n", at + 1, true)
    if not at then return text end
  end
  return text:sub(1, at)
end

-- Of those whose claims are looked at in a run without options, what an earlier test has made of it.
local made = { steady = true, ramp = true, bursty_tenants = true, own_arrivals = true, priorities = true,
  canary = true, chat = true, coding_agent = true, voice_agent = true, deep_research = true }

--- The trace that it makes.
function examples.trace(name, arguments)
  local list = made[name]
  if not arguments and type(list) == "table" then
    made[name] = nil
    return list
  end
  return proper(name, run(name, "-o - " .. (arguments or "")))
end

--- A count of a Poisson law, or of one no wider.
function examples.is_about(mean, count, what)
  local bound = 4 * math.sqrt(mean)
  assert.is_true(math.abs(count - mean) <= bound,
    ("%s: %d is not %.1f +- %.1f"):format(what, count, mean, bound))
end

--- The mean of value(item) over a list.
function examples.mean_of(list, value)
  local sum = 0
  for _, item in ipairs(list) do sum = sum + value(item) end
  return sum / #list
end

--- The tests that all of a group must pass, with busted's `it`.
function examples.check(group, it)
  local names = {}
  for name in pairs(examples.groups[group]) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local example = all[name]

    it(name .. " explains itself", function()
      local path = "examples/" .. name .. ".lua"
      local result = command.run({ "help", path }, { folder = folder })
      assert.equal(0, result.status)
      local summary, usage = result.out:match "^([^\n]+)\n\nusage: ([^\n]+)\n"
      assert.is_true(#summary > 20)
      assert.is_truthy(usage:find("moontide " .. path, 1, true), usage)
      for option in (result.out:match "\noptions:\n(.-\n)\n" or result.out:match "\noptions:\n(.*)" or "")
        :gmatch "%-%-([%w-]+)" do
        assert.is_truthy(example.options[option], "--" .. option .. " is not tested")
      end
    end)

    if example.is_command then
      it(name .. " runs without options", function() assert.is_true(#run(name) > 200) end)
    else
      it(name .. " runs without options and makes a proper trace", function()
        assert.equal("", run(name))
        local text = command.read(folder .. "/" .. name .. ".jsonl")
        local _, count = text:gsub("\n", "")
        assert.is_true(count >= 100 and count < 200000)
        local list = proper(name, first_lines(text, 10000))
        made[name] = made[name] and list
      end)

      it(name .. " can be checked", function()
        assert.is_truthy(run(name, "--check"):find "^expected over .*digest of the first 10000 requests: %x+")
      end)
    end

    if example.options and name ~= "costs" then
      it(name .. " uses all its options", function()
        local arguments = (example.is_command and "" or "--check ") .. (example.arguments or "")
        local before = run(name, arguments)
        for option, value in pairs(example.options) do
          value = value == "PATH" and "trace.jsonl" or value
          local after = run(name, ("%s --%s '%s'"):format(arguments, option, value))
          assert.are_not.equal(before, after, "--" .. option)
        end
      end)
    end
  end
end

return examples
