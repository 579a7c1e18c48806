local mt = require "moontide"

local refusal = require "tests.support.refusal".text

local function requests()
  local list = {}
  for i = 1, 300 do
    local session = i * i % 17
    list[i] = {
      timestamp = i * 1000, input_length = 1536 - i % 100, output_length = 1,
      hash_ids = { session, 100 + session, 1000 + i * 7 % 31 },
    }
  end
  return list
end

describe("mt.cache", function()
  it("says of each request how much hits", function()
    local cache = mt.cache { size = 3 }
    assert.is_nil(cache:hit_ratio())
    assert.equal(0, cache:access { hash_ids = { 7, 8 } })
    assert.equal(2, cache:access { hash_ids = { 7, 8, 9 } })
    assert.equal(0, cache:access { hash_ids = { 5 } })
    assert.equal(0, cache:access { hash_ids = { 7, 8, 9 } }) -- 5 pushed out the root
    assert.equal(0, cache:access { input_length = 5 })
    assert.equal(2 / 9, cache:hit_ratio())
    assert.equal(2 / 3 / 4, cache:hit_ratio "request")
    assert.same({ requests = 4, blocks = 9, tokens = 9 * 512, held = 3, request = 2 / 3 / 4, block = 2 / 9,
      token = 2 / 9 }, cache:figures())
    assert.equal("cache of 3 blocks, lru: 4 requests, hit ratio by block 0.222", tostring(cache))
  end)

  local function named_requests()
    local list = requests()
    for i, request in ipairs(list) do
      request.session_id = "s" .. i * i % 17
      if i % 50 == 0 then request.hash_ids = nil end -- goes to a replica like others
    end
    return list
  end

  local function fields(of, names)
    local some = {}
    for _, name in ipairs(names) do some[name] = of[name] end
    return some
  end

  it("has tiers, as analyze plays them", function()
    local columns = mt.trace.columns(named_requests())
    for _, policy in ipairs { "lru", "fifo", "random" } do
      local figures = mt.analyze(columns, { policy = { policy }, tiers = { 5, "20kB", 100 }, bytes_per_token = 2,
        touch = "leaf", hit_rule = "vllm" }).tiers[policy]
      local cache = mt.cache { policy = policy, tiers = { 5, "20kB", 100 }, bytes_per_token = 2, touch = "leaf",
        hit_rule = "vllm" }
      assert.is_nil(cache.size)
      assert.same({ 5, 19, 100 }, cache.tiers)
      local fed = cache:feed(columns):figures()
      assert.same(figures.tiers, fed.tiers)
      assert.same(fields(figures, { "block" }), fields(fed, { "block" }))
      assert.is_true(fed.tiers[2].block > 0)
      assert.is_true(fed.held <= 124 and fed.held > 24)
      assert.matches("^cache of 5, 19, 100 blocks in tiers, " .. policy .. ": 294 requests, ", tostring(cache))
    end
  end)

  it("has replicas, as analyze plays them", function()
    local columns = mt.trace.columns(named_requests())
    for _, route in ipairs { "round-robin", "session", "prefix", "least-loaded" } do
      local figures = mt.analyze(columns, { replicas = 3, route = route, cache_sizes = { 20 } })
        .replicas.lru[20][3]
      local cache = mt.cache { replicas = 3, route = route, size = 20 }
      local fed = cache:feed(columns):figures()
      assert.same(fields(figures, { "replicas", "imbalance", "block" }), fields(fed, { "replicas", "imbalance", "block" }))
      assert.is_true(fed.block > 0)
      assert.equal(60, fed.held)
    end
    local cache = mt.cache { replicas = 2, route = "session", ttl = "2s" }
    local function access(second, session)
      return cache:access { timestamp = 1000 * second, hash_ids = { 1 }, session_id = session }
    end
    assert.same({ 0, 0, 1, 1, 0 }, { access(0, "a"), access(1, "b"), access(2, "a"), access(3, "b"), access(5, "a") })
    assert.equal("cache of no limit on each of 2 replicas, lru: 5 requests, hit ratio by block 0.400", tostring(cache))
    assert.equal("round-robin", mt.cache({ replicas = 2 }).route)
  end)

  it("has replicas with tiers, as analyze plays them", function()
    local columns = mt.trace.columns(named_requests())
    for _, route in ipairs { "round-robin", "session", "prefix", "least-loaded" } do
      local given = { replicas = 3, route = route, tiers = { 5, 10, 20 }, policy = "fifo", hit_rule = "vllm" }
      local figures = mt.analyze(columns, given).replicas.fifo["5,10,20"][3]
      local cache = mt.cache(given)
      local fed = cache:feed(columns):figures()
      local names = { "replicas", "tiers", "imbalance", "block" }
      assert.same(fields(figures, names), fields(fed, names))
      assert.is_true(fed.replicas[1].tiers[2].block > 0)
      assert.is_near(fed.block, fed.tiers[1].block + fed.tiers[2].block + fed.tiers[3].block, 1e-12)
      assert.matches("^cache of 5, 10, 20 blocks in tiers on each of 3 replicas, fifo: ", tostring(cache))
    end
  end)

  it("is what analyze says of the same cache, whatever feeds it", function()
    local columns = mt.trace.columns(requests())
    for _, policy in ipairs { "lru", "fifo", "clock", "sieve", "s3-fifo", "lfu", "random" } do
      for _, rule in ipairs { "all", "vllm" } do
        for _, touch in ipairs { "root", "leaf" } do
          local figures = mt.analyze(columns, { policy = policy, cache_sizes = { 20 }, touch = touch,
            hit_rule = rule }).hits[policy][20]
          local fed = mt.cache { policy = policy, size = 20, touch = touch, hit_rule = rule }
          local piped = mt.cache { policy = policy, size = 20, touch = touch, hit_rule = rule }
          for _, request in ipairs(requests()) do assert(fed:access(request)) end
          assert.equal(piped, piped:feed(mt.trace.pipe(columns)))
          assert.same(fed:figures(), piped:figures())
          for _, weight in ipairs { "block", "request", "token" } do
            assert.is_near(figures[weight], fed:hit_ratio(weight), 1e-12)
          end
        end
      end
    end
  end)

  it("is the curve of LRU at any size, from whichever end blocks are touched", function()
    local columns = mt.trace.columns(requests())
    for _, touch in ipairs { "root", "leaf" } do
      for _, rule in ipairs { "all", "vllm" } do
        local analysis = mt.analyze(columns, { touch = touch, hit_rule = rule, cache_sizes = { 1 } })
        local least
        for size = 1, analysis.distinct_blocks do
          local fed = mt.cache({ size = size, touch = touch, hit_rule = rule }):feed(columns)
          for _, weight in ipairs { "block", "request", "token" } do
            assert.is_near(fed:hit_ratio(weight), analysis:hit_ratio(size, weight), 1e-12)
          end
          if fed:hit_ratio() >= 0.9 * analysis.hit_infinite.block * (1 - 1e-12) then least = least or size end
        end
        assert.equal(least, analysis.blocks_for_90_percent)
      end
    end
  end)

  it("forgets by age, and then needs times in order", function()
    local columns = mt.trace.columns(requests())
    for _, since in ipairs { "use", "write" } do
      local ages = mt.analyze(columns, { ttl = { "5s" }, ttl_since = since }).ttl
      assert.is_near(ages[5].block, mt.cache({ ttl = 5, ttl_since = since }):feed(columns):hit_ratio(), 1e-12)
    end
    local cache = mt.cache { ttl = "2s" }
    assert.equal(0, cache:access { timestamp = 1000, hash_ids = { 1 } })
    assert.equal(1, cache:access { timestamp = 3000, hash_ids = { 1 } })
    local hits, message, code = cache:access { timestamp = 2000, hash_ids = { 1 } }
    assert.is_nil(hits)
    assert.matches("^the timestamp is earlier than the one before", message)
    assert.equal("input", code)
    assert.matches("timestamp is missing, and a cache that forgets by age needs it",
      (select(2, cache:access { hash_ids = { 1 } })))
    assert.equal(0, cache:access { timestamp = 5001, hash_ids = { 1 } })
    assert.equal(3, cache:figures().requests)
    local exact = mt.cache { ttl = "2s" }
    local function access(time) return exact:access { timestamp = time, hash_ids = { 1 } } end
    assert.same({ 0, 1, 0 }, { access(1000), access(3000), access(5000.000001) }) -- a nanosecond too old
  end)

  it("lets go of what is too old: it takes no room, and comes back as new", function()
    local cache = mt.cache { policy = "fifo", size = 2, ttl = 10 }
    local function access(second, ...)
      return cache:access { timestamp = 1000 * second, hash_ids = { ... } }
    end
    assert.same({ 0, 0 }, { access(0, 1), access(8, 2) })
    assert.equal(0, access(11, 1)) -- 1 was too old, and is now the newest
    assert.equal(2, cache:figures().held)
    assert.equal(0, access(12, 3)) -- which evicts 2, not 1
    assert.equal(1, access(13, 1))
    assert.equal(1, access(14, 3))
    assert.equal(0, access(40, 5)) -- 1 and 3 are gone by themselves
    assert.equal(1, cache:figures().held)
    local written = mt.cache { size = 2, ttl = 10, ttl_since = "write" }
    local function second(at, id) return written:access { timestamp = 1000 * at, hash_ids = { id } } end
    assert.same({ 0, 1, 0, 0, 1 }, { second(0, 1), second(9, 1), second(10.5, 2), second(11, 3), second(12, 2) })
  end)

  it("takes sizes in tokens and bytes", function()
    assert.equal(4, mt.cache({ size = "2048tokens" }).size)
    assert.equal(4, mt.cache({ size = "1KB", bytes_per_token = 2, block_size = 125 }).size)
    assert.is_nil(mt.cache().size)
    for i, unit in ipairs { "K", "M", "G", "T" } do
      assert.equal(1000 ^ i, mt.cache({ size = "1" .. unit .. "B", bytes_per_token = 1, block_size = 1 }).size)
      assert.equal(1024 ^ i, mt.cache({ size = "1" .. unit .. "iB", bytes_per_token = 1, block_size = 1 }).size)
    end
    assert.equal("cache: size is in bytes (80GB), and what a token takes is not known (bytes_per_token)",
      refusal(mt.cache, { size = "80GB" }))
    assert.equal("cache: a cache of 100tokens has no room for a block of 512 tokens",
      refusal(mt.cache, { size = "100tokens" }))
  end)

  it("refuses what it cannot do", function()
    assert.equal("cache: policy must be one of lru, fifo, clock, sieve, s3-fifo, lfu, random, not 'optimum'",
      refusal(mt.cache, { policy = "optimum" }))
    assert.equal("cache: size must be at least 1, not 0", refusal(mt.cache, { size = 0 }))
    assert.equal("cache: block_size must be at least 1, not 0", refusal(mt.cache, { block_size = 0 }))
    assert.equal("cache: unknown option 'sizes' (did you mean 'size'?)", refusal(mt.cache, { sizes = 1 }))
    assert.equal("cache: tiers have sizes of their own: there is no size beside them",
      refusal(mt.cache, { tiers = { 5 }, size = 5 }))
    assert.equal("cache: tiers keep blocks until they are evicted: there is no ttl beside them",
      refusal(mt.cache, { tiers = { 5 }, ttl = 5 }))
    assert.equal("cache: route needs replicas", refusal(mt.cache, { route = "session" }))
    assert.equal("cache: replicas must be between 1 and 4096, not 5000", refusal(mt.cache, { replicas = 5000 }))
    assert.equal("cache: tiers is in bytes (1KB), and what a token takes is not known (bytes_per_token)",
      refusal(mt.cache, { tiers = { 5, "1KB" } }))
    local many = {}
    for i = 1, 17 do many[i] = i end
    assert.equal("cache: tiers are at most 16, not 17", refusal(mt.cache, { tiers = many }))
    local cache = mt.cache { size = 5 }
    assert.equal("hit_ratio: the weight must be one of block, request, token, not 'time'",
      refusal(cache.hit_ratio, cache, "time"))
    assert.matches("^cache:access: ", refusal(cache.access, cache, 5))
    local hits, message, code = cache:access { hash_ids = { 0, 1 }, input_length = 5 }
    assert.same({ nil, "hash_ids has 2 ids, but input_length 5 makes 1 block of 512 tokens", "input" },
      { hits, message, code })
    assert.same({ nil, "no.jsonl: cannot open: No such file or directory", "io" }, { cache:feed "no.jsonl" })
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write '{"input_length": 512, "hash_ids": [1]}\njunk\n'
    file:close()
    local columns = mt.trace.columns { { input_length = 512, hash_ids = { 1 } }, { input_length = 5, hash_ids = { 1, 2 } } }
    assert.same({ nil, "request 2: hash_ids has 2 ids, but input_length 5 makes 1 block of 512 tokens", "input" },
      { mt.cache():feed(columns) })
    assert.same({ nil, path .. ":2:1: expected a request ('{'), found 'junk'", "input" }, { cache:feed(path) })
    os.remove(path)
    assert.equal("access: the cache must be what mt.cache gave (cache:access), not 5", refusal(cache.access, 5))
    cache:close()
    assert.equal("hit_ratio: the cache is closed", refusal(cache.hit_ratio, cache))
    assert.equal("cache, closed", tostring(cache))
  end)
end)
