-- Source traces of very different kind, on which a synthesiser is judged: each is a function of (path,
-- requests, seed) that writes a trace in the Mooncake format. They imitate the structure that public traces
-- are known to have (who shares which prefix, and when it comes back); none of them holds a line of one.
--
-- sources.names lists them; sources.requests and sources.block_size say, by name, how many requests each
-- has by default and how many tokens a block.
local population = require "tests.support.population"

local sources = { names = {}, requests = {}, block_size = {} }

-- Adds a source: its name, its usual number of requests, what population.write needs, and its lives.
local function source(name, requests, options, lives)
  sources.names[#sources.names + 1] = name
  sources.requests[name] = requests
  sources.block_size[name] = options.block_size or 512
  sources[name] = function(path, wanted, seed)
    population.write {
      path = path, requests = wanted or requests, seed = seed or 1, name = name, lives = lives,
      block_size = options.block_size, warmup = options.warmup, grid = options.grid,
    }
  end
end

-- A rate that does not change.
local function steady(rate)
  return function() return rate end
end

-- A rate that goes up and down by a share of its mean, over `period` seconds.
local function wave(world, mean, share, period)
  return function() return mean * (1 + share * math.sin(2 * math.pi * world.now / period)) end
end

-- A conversation: every prompt carries all that was said, until it would be longer than `most` tokens.
-- first, following: new tokens of the first and of later turns; think: seconds between turns.
local function converse(world, chat)
  local added = chat.first()
  local prompt = world:grow(chat.system, added)
  for turn = 1, chat.turns do
    local output = world:answer(chat.output, added)
    world:ask(prompt, output)
    if turn == chat.turns then return end
    world:sleep(chat.think() + output * 0.02)
    added = chat.following()
    if prompt.tokens + output + added > chat.most then return end
    prompt = world:grow(prompt, output + added)
  end
end

-- Chats of many turns whose users think from a second to an hour. After Mooncake's conversation trace (Qin
-- et al., FAST '25: mean input about 12 000 tokens, block 512, all but a few requests share the system
-- prompt); long gaps between the turns of a chat as Wang et al., ATC '25, find in a to-C service. A few
-- assistants, each with its system prompt; a seventh of the chats begin with a document.
source("sessions_long_gaps", 16000, { warmup = 3600 }, function(world)
  local systems = {}
  for i, tokens in ipairs { 1180, 530, 2210, 700 } do systems[i] = world:grow(nil, tokens) end
  world:arrive(wave(world, 0.55, 0.4, 2400), 0.77, function()
    local has_document = world:chance(1 / 7)
    local median = has_document and 9000 or 700
    converse(world, {
      system = systems[world:rank(#systems, 1.2)], most = 128000, output = 300,
      turns = math.floor(world:seconds(4, 1.1, 1, 80)),
      first = function() return world:tokens(median, 1.1, 10, 100000) end,
      following = function() return world:tokens(120, 1.4, 4, 20000) end,
      think = function() return world:seconds(75, 1.7, 1, 3600) end,
    })
  end)
end)

-- A few hot prompts with tails that never come back: an application that calls with one template. After the
-- to-B trace of Wang et al., ATC '25 (requests of a single turn give 97 of 100 hits, by shared system
-- prompts). Hot prompts end inside a block, as real ones do; one call in 30 has no template.
source("hot_system_prompt", 20000, {}, function(world)
  local templates = { world:grow(nil, 3200), world:grow(nil, 11900), world:grow(nil, 1100) }
  world:arrive(steady(6), 6, function()
    local kind, added = world.random:uniform(), world:tokens(800, 0.9, 20, 16000)
    local template = templates[kind < 0.85 and 1 or kind < 0.95 and 2 or kind < 0.967 and 3 or 4]
    world:ask(world:grow(template, added), world:answer(150, added))
  end)
end)

-- One reading of a document: a question, often a second one within seconds, as a rule at the document and not
-- at the answer before.
local function read(world, document)
  local last, output
  for _ = 1, world.random:geometric(1.6) do
    local added = world:tokens(60, 0.8, 8, 900)
    local follows = last and world:chance(0.3)
    last = follows and world:grow(last, output + added) or world:grow(document, added)
    output = world:answer(250, added)
    world:ask(last, output)
    world:sleep(world.random:exponential(6) + output * 0.02)
  end
end

-- Long documents that are asked again. A document comes into fashion, is asked by many, and goes: the shot
-- noise of Traverso et al., CCR 2013, with Pareto numbers of readers (so popularity is about Zipf) and lives
-- of minutes or hours. Some are manuals, asked all day with Zipf popularity. Every tenth reader has a new
-- edition, which differs from some place on. 20 to 250 blocks, as in suites of long documents.
source("repeated_documents", 12000, { warmup = 7200 }, function(world)
  local function document() return world:grow(nil, world:tokens(62 * 512, 0.6, 20 * 512, 250 * 512)) end
  world:arrive(steady(0.07), 0.07, function()
    local text, life = document(), world:seconds(1500, 1.3, 20, 14400)
    local readers = math.min(150, math.floor(world.random:uniform() ^ (-1 / 1.15)))
    for _ = 1, readers do
      world:spawn(world.random:exponential(life), function()
        if world:chance(0.1) then
          local kept = world.random:below(text.tokens)
          text = world:grow(text, text.tokens - kept, kept)
        end
        read(world, text)
      end)
    end
  end)
  local manuals = {}
  for i = 1, 120 do manuals[i] = document() end
  world:arrive(steady(0.13), 0.13, function() read(world, manuals[world:rank(#manuals, 0.9)]) end)
end)

-- An agent: a prompt that grows quickly by what tools answer; now and then a step is tried again from an
-- earlier one, or two steps go out at once from one prompt.
-- steps: how many on average; growth: median tokens a step; waits: how often a step waits for its user.
local function act(world, tool, agent)
  local path = { world:grow(tool, world:tokens(agent.growth, 1, 20, 20000)) }
  for _ = 1, world.random:geometric(agent.steps) do
    local prompt = path[#path]
    local output = world:answer(80, 400)
    world:ask(prompt, output)
    world:sleep(output * 0.02
      + (world:chance(agent.waits) and world:seconds(90, 1.4, 5, 1800) or world.random:exponential(5)))
    if world:chance(0.12) then
      world:spawn(world.random:exponential(3), function()
        world:ask(world:grow(prompt, world:tokens(agent.growth, 1, 20, 12000)), world:answer(80, 400))
      end)
    end
    if world:chance(0.1) then
      for _ = 1, math.min(#path - 1, world.random:geometric(2)) do path[#path] = nil end
    end
    path[#path + 1] = world:grow(path[#path], output + world:tokens(agent.growth, 1.1, 20, 20000))
    if path[#path].tokens > 100000 then return end
  end
end

-- Calls of tools and agents. After Mooncake's toolagent trace (Qin et al., FAST '25: 23 608 requests in an
-- hour, mean input 8 600 and output 182 tokens, infinite hit ratio 0.59; three quarters of its blocks come
-- once, a few prompts thousands of times; times lie on a grid of about 3 s). Most requests are one of a dozen
-- long prompts that everybody shares and a few blocks of their own; some are steps of agents, quick ones
-- after each other and slow ones after their users.
source("toolagent", 23608, { warmup = 1800, grid = 3 }, function(world)
  local tools = {}
  for i, blocks in ipairs { 12, 3, 4, 7, 2, 14, 3, 6, 20, 4, 8, 36, 2, 10 } do
    tools[i] = world:grow(nil, blocks * 512 + 90 * i % 512)
  end
  world:arrive(wave(world, 4.65, 0.3, 1500), 6.1, function()
    local added = world:tokens(650, 1.3, 20, 60000)
    world:ask(world:grow(tools[world:rank(#tools, 1.3)], added), world:answer(80, added))
  end)
  world:arrive(steady(0.3), 0.3, function()
    act(world, tools[world:rank(#tools, 0.5)], { steps = 4, growth = 1700, waits = 0.6 })
  end)
  world:arrive(steady(0.4), 0.4, function()
    local added = world:tokens(12000, 1, 200, 120000)
    world:ask(world:grow(nil, added), world:answer(40, added))
  end)
end)

-- Blocks of 16 tokens and a tree of chats. After the Qwen-Bailian to-C trace (its README: chat_id,
-- parent_chat_id, type, turn; Wang et al., ATC '25: infinite hit ratio 0.54 to 0.62, four of five reuses
-- within ten minutes, a tenth of the blocks gives three quarters of the reuse). A turn may go on from any
-- earlier one of its chat, or begin again (an edited question); three requests of ten share nothing.
source("bailian", 16000, { block_size = 16, warmup = 1800 }, function(world)
  local systems, last_chat = {}, 0
  for i = 1, 250 do systems[i] = world:grow(nil, world:tokens(450, 0.8, 20, 3000)) end
  local types = { "text", "text", "text", "search", "file", "image" }
  local added_by_type = { text = 60, search = 350, file = 700, image = 250 }

  local function chat()
    local kind = types[1 + world.random:below(#types)]
    local system = world:chance(0.6) and systems[world:rank(#systems, 1.3)] or nil
    local said = {}
    for turn = 1, math.floor(world:seconds(1.3, 0.9, 1, 40)) do
      local from = said[#said]
      if from and world:chance(0.25) then from = said[world.random:below(#said)] end
      local added = world:tokens(added_by_type[kind], 0.9, 4, 8000)
      local prompt = world:grow(from and from.prompt or system, added + (from and from.output or 0))
      local output = world:answer(260, added)
      last_chat = last_chat + 1
      world:ask(prompt, output, ('{"chat_id": %d, "parent_chat_id": %d, "type": "%s", "turn": %d}'):format(
        last_chat, from and from.id or -1, kind, from and from.turn + 1 or 1))
      said[turn] = { prompt = prompt, output = output, id = last_chat, turn = from and from.turn + 1 or 1 }
      world:sleep(world:seconds(100, 1.7, 1, 3600) + output * 0.02)
      if prompt.tokens > 30000 then return end
    end
  end
  world:arrive(wave(world, 2, 0.5, 5400), 3, chat)
end)

-- The same documents scanned in the same order again and again, so that all their reuse lies at about one
-- distance (the case that defeats LRU: nothing below that size, everything above), among random documents
-- and new prompts: a nightly job beside its users.
source("cyclic", 12000, {}, function(world)
  local scanned, others = {}, {}
  for i = 1, 110 do scanned[i] = world:grow(nil, world:tokens(36 * 512, 0.4, 10 * 512, 70 * 512)) end
  for i = 1, 1500 do others[i] = world:grow(nil, world:tokens(9 * 512, 0.5, 3 * 512, 30 * 512)) end
  world:spawn(0, function()
    while true do
      for _, document in ipairs(scanned) do
        world:ask(world:grow(document, world:tokens(150, 0.4, 20, 900)), world:tokens(40, 0.3, 1, 200))
        world:sleep(world.random:uniform(0.6, 1.4))
      end
    end
  end)
  world:arrive(steady(0.35), 0.35, function()
    local document = world:chance(0.7) and others[1 + world.random:below(#others)] or nil
    local added = world:tokens(document and 120 or 4000, 0.9, 10, 40000)
    world:ask(world:grow(document, added), world:answer(200, added))
  end)
end)

-- A shared link: those who follow it come within seconds and may bring others, who know more of it.
local function follow(world, prefix)
  local added = world:tokens(250, 1, 10, 9000)
  local prompt = world:grow(prefix, added)
  world:ask(prompt, world:answer(180, added))
  for _ = 1, world.random:poisson(0.78) do
    world:spawn(world.random:exponential(2.5), follow, world, world:chance(0.25) and prompt or prefix)
  end
end

-- Everything that is shared comes back within seconds, and never later: a Hawkes process whose families share
-- a prefix (Hawkes, Biometrika 1971), at a rate that jumps between calm and bursts. BurstGPT (Wang et al.,
-- 2024) finds arrivals far burstier than Poisson; the to-B trace of Wang et al., ATC '25, four of five
-- reuses within ten seconds.
source("bursts", 18000, {}, function(world)
  local rate = 0.5
  world:spawn(0, function()
    while true do
      world:sleep(world.random:exponential(rate == 0.5 and 180 or 25))
      rate = rate == 0.5 and 6 or 0.5
    end
  end)
  world:arrive(function() return rate end, 6, function()
    follow(world, world:grow(nil, world:tokens(4500, 1.1, 100, 60000)))
  end)
end)

-- Independent draws by popularity, without any memory: Zipf over 50 000 prefixes in a random tree of one to
-- five levels (the independent reference model of the literature on caches; Breslau et al., INFOCOM 1999,
-- find exponents of 0.64 to 0.83 on the web, here it is 0.9). A popular prefix may lie deep or shallow.
source("popular_mixture", 20000, {}, function(world)
  local nodes, order = {}, {}
  for i = 1, 50000 do
    local parent = i > 400 and nodes[1 + world.random:below(i - 1)] or nil
    while parent and parent.level == 5 do parent = nodes[1 + world.random:below(i - 1)] end
    nodes[i] = { parent = parent, level = parent and parent.level + 1 or 1,
      tokens = world:tokens(parent and 700 or 1600, 0.7, 60, 6000) }
    local other = 1 + world.random:below(i)
    order[i] = order[other]
    order[other] = i
  end
  local function prompt_of(node)
    if not node.prompt then
      node.prompt = world:grow(node.parent and prompt_of(node.parent), node.tokens)
    end
    return node.prompt
  end
  world:arrive(steady(5), 5, function()
    local node = nodes[order[world:rank(#order, 0.9)]]
    local added = world:chance(0.1) and 0 or world:tokens(400, 1, 10, 12000)
    world:ask(world:grow(prompt_of(node), added), world:answer(220, node.tokens + added))
  end)
end)

-- What goes on in one quarter of an hour, each with contents of its own; false once it is over.
local phases = {
  function(world, is_over) -- chats
    local system = world:grow(nil, 1900)
    return 0.7, function()
      converse(world, {
        system = system, turns = world.random:geometric(5), output = 260,
        first = function() return world:tokens(500, 1, 10, 30000) end,
        following = function() return world:tokens(90, 1, 4, 8000) end,
        think = function() return is_over() and 1e9 or world:seconds(25, 1.2, 1, 900) end,
        most = 64000,
      })
    end
  end,
  function(world) -- documents asked again
    local documents = {}
    for i = 1, 60 do documents[i] = world:grow(nil, world:tokens(24 * 512, 0.7, 5 * 512, 120 * 512)) end
    return 1.2, function() read(world, documents[world:rank(#documents, 0.8)]) end
  end,
  function(world) -- one template, much of it
    local template = world:grow(nil, 7300)
    return 4.5, function()
      local added = world:tokens(500, 0.6, 20, 4000)
      world:ask(world:grow(template, added), world:answer(60, added))
    end
  end,
  function(world) -- agents
    local tools = { world:grow(nil, 5200), world:grow(nil, 2900), world:grow(nil, 12800) }
    local agent = { steps = 6, growth = 500, waits = 0 }
    return 0.35, function() act(world, tools[1 + world.random:below(3)], agent) end
  end,
}

-- The population changes abruptly every 15 minutes, with its contents, its lengths and its rate: what a
-- learner with one set of descriptions for the whole trace must mix. Azure's traces (Patel et al., ISCA 2024)
-- and BurstGPT show such changes over the day; here they come all at once.
source("phases", 16000, {}, function(world)
  local kind = 0
  world:spawn(0, function()
    while true do
      kind = kind + 1
      local mine = kind
      local function is_over() return kind ~= mine end
      local rate, live = phases[(kind - 1) % #phases + 1](world, is_over)
      world:spawn(0, function()
        while true do
          world:sleep(world.random:exponential(1 / rate))
          if is_over() then return end
          world:spawn(0, live)
        end
      end)
      world:sleep(900)
    end
  end)
end)

-- As little as somebody may have: 50 requests of a test system, a system prompt, three documents, some chats.
source("tiny", 50, {}, function(world)
  local system, documents = world:grow(nil, 1300), {}
  for i = 1, 3 do documents[i] = world:grow(nil, 4000 * i) end
  world:arrive(steady(0.05), 0.05, function()
    if world:chance(0.4) then return read(world, documents[1 + world.random:below(3)]) end
    converse(world, {
      system = system, turns = world.random:geometric(3), output = 150, most = 32000,
      first = function() return world:tokens(400, 0.9, 10, 9000) end,
      following = function() return world:tokens(60, 0.8, 4, 900) end,
      think = function() return world:seconds(20, 1, 1, 600) end,
    })
  end)
end)

return sources
