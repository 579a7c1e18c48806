/* Several caches: tiers beside plain lists and beside one cache of their sizes' sum, replicas
 * beside plain models that are routed by hand; memory that is out. */
#include "prefix/cache/replicas.h"
#include "prefix/cache/tiers.h"

#include "base/memory.h"
#include "cache_models.h"
#include "prefix/analysis/fed.h"
#include "sweep.h"

#include <math.h>

static plain_trace trace;

static void each_trace(void (*check)(const mt_locality *locality)) {
    uint64_t random = 23;
    for (int round = 0; round < 2 * ID_KINDS; round++) {
        make_plain_trace(&trace, (id_kind)(round % ID_KINDS), &random);
        mt_locality *locality = locality_of(&trace);
        check(locality);
        mt_locality_free(locality);
    }
}

/* ---- tiers ---- */

static const uint64_t tier_sizes[][3] = {{3, 5, 9}, {1, 1, 1}, {20, 10, 40}, {8, 100, 400}};

enum { TIER_SIZES = sizeof tier_sizes / sizeof *tier_sizes };

/* On one server. */
static mt_replicas *play_tiers(const mt_locality *locality, const char *name, size_t s,
                               mt_touch_order order, mt_hit_rule rule, uint32_t *hits) {
    mt_cache_spec spec = spec_of(name, 1, order);
    mt_replica_spec server = {.count = 1, .tiers = tier_sizes[s], .tier_count = 3};
    mt_replicas *replicas = mt_replicas_open(&spec, &server, rule, NULL);
    assert_non_null(replicas);
    assert_int_equal(mt_replicas_tier_count(replicas), 3);
    assert_int_equal(mt_locality_play_replicas(locality, replicas, hits, NULL), MT_OK);
    return replicas;
}

/* Of LRU all tiers are one cache, and the first is a cache of its own. */
static void check_lru_tiers(const mt_locality *locality) {
    uint32_t hits[TRACE_REQUESTS], one[TRACE_REQUESTS];
    for (size_t s = 0; s < TIER_SIZES; s++)
        for (int order = MT_TOUCH_ROOT; order <= MT_TOUCH_LEAF; order++) {
            uint64_t all = tier_sizes[s][0] + tier_sizes[s][1] + tier_sizes[s][2];
            mt_cache_spec spec = spec_of("lru", all, (mt_touch_order)order);
            mt_replicas *server =
                play_tiers(locality, "lru", s, (mt_touch_order)order, MT_HIT_ALL, hits);
            assert_int_equal(mt_locality_play(locality, &spec, MT_HIT_ALL, one, NULL), MT_OK);
            assert_memory_equal(hits, one, sizeof hits);
            mt_replicas_close(server);
        }
}

/* Lists, the next to leave first, of FIFO (a hit stays where it is) and LRU. */
typedef struct plain_tiers {
    uint32_t list[3][MOST];
    size_t count[3];
    mt_tier_counts counts[3];
} plain_tiers;

static size_t plain_tier(const plain_tiers *tiers, uint32_t block) {
    size_t at = 0;
    while (at < 3 && place_in(tiers->list[at], tiers->count[at], block) == tiers->count[at])
        at++;
    return at;
}

static void plain_touch(plain_tiers *tiers, const uint64_t *sizes, uint32_t block, int is_lru,
                        int is_hit) {
    size_t at = plain_tier(tiers, block);
    if (at == 0 && !is_lru)
        return;
    if (at > 0 && at < 3)
        tiers->counts[at].moved_up += (uint64_t)is_hit;
    if (at < 3)
        take_at(tiers->list[at], &tiers->count[at],
                place_in(tiers->list[at], tiers->count[at], block));
    for (size_t tier = 0; tier < 3; tier++) {
        tiers->list[tier][tiers->count[tier]++] = block;
        tiers->counts[tier].moved_down += tier > 0;
        if (tiers->count[tier] <= sizes[tier])
            return;
        tiers->counts[tier].evicted++;
        block = take_at(tiers->list[tier], &tiers->count[tier], 0);
    }
}

static void check_tiers(const mt_locality *locality) {
    for (size_t s = 0; s < TIER_SIZES; s++)
        for (int is_lru = 0; is_lru < 2; is_lru++) {
            static plain_tiers plain;
            uint32_t hits[TRACE_REQUESTS];
            memset(&plain, 0, sizeof plain);
            mt_hit_rule rule = s % 2 ? MT_HIT_VLLM : MT_HIT_ALL;
            mt_replicas *server =
                play_tiers(locality, is_lru ? "lru" : "fifo", s, MT_TOUCH_ROOT, rule, hits);
            for (size_t r = 0; r < TRACE_REQUESTS; r++) {
                size_t expected = 0, at;
                while (expected < trace.count[r] &&
                       (at = plain_tier(&plain, trace.block[r][expected])) < 3) {
                    expected++;
                    plain.counts[at].hits += rule == MT_HIT_ALL || expected < trace.count[r];
                }
                assert_int_equal(hits[r], expected);
                for (size_t i = 0; i < trace.count[r]; i++)
                    plain_touch(&plain, tier_sizes[s], trace.block[r][i], is_lru, i < expected);
            }
            const mt_tier_counts *counts = mt_replicas_tiers(server, 0);
            for (size_t i = 0; i < 3; i++) {
                plain.counts[i].size = tier_sizes[s][i];
                assert_memory_equal(&counts[i], &plain.counts[i], sizeof plain.counts[i]);
            }
            mt_replicas_close(server);
        }
}

/* Whatever the policy: what one evicts the next is given, hits are those of all tiers. */
static void check_all_tiers(const mt_locality *locality) {
    for (size_t m = 0; m < MODELS; m++) {
        if (strcmp(models[m].name, "optimum") == 0)
            continue;
        for (size_t s = 0; s < TIER_SIZES; s++) {
            uint32_t hits[TRACE_REQUESTS];
            mt_replicas *server =
                play_tiers(locality, models[m].name, s, MT_TOUCH_LEAF, MT_HIT_ALL, hits);
            const mt_tier_counts *counts = mt_replicas_tiers(server, 0);
            assert_int_equal(counts[0].hits + counts[1].hits + counts[2].hits, sum_of(hits));
            assert_int_equal(counts[0].moved_up + counts[0].moved_down, 0);
            for (size_t i = 1; i < 3; i++) {
                assert_int_equal(counts[i].moved_down, counts[i - 1].evicted);
                assert_true(counts[i].moved_up + counts[i].evicted <= counts[i].moved_down);
            }
            mt_replicas_close(server);
        }
    }
}

/* Three tiers of a block, a path of three blocks twice: all hit, one in each tier, and each has
 * been pushed to the last tier when its turn comes. So all three move up from there, none from the
 * second, whose blocks all leave it downwards but the one that is there at the end. */
static void test_tiny_tiers(void **state) {
    (void)state;
    static const uint64_t sizes[] = {1, 1, 1};
    static const uint32_t blocks[] = {0, 1, 2};
    mt_cache_spec spec = spec_of("lru", 1, MT_TOUCH_ROOT);
    mt_tiers *tiers = mt_tiers_open(&spec, sizes, 3, MT_HIT_ALL, NULL);
    mt_cache_path path = {blocks, 3, NULL, 0};
    assert_int_equal(mt_tiers_reserve(tiers, 3, NULL), MT_OK);
    assert_int_equal(mt_tiers_access(tiers, &path), 0);
    assert_int_equal(mt_tiers_access(tiers, &path), 3);
    const mt_tier_counts *counts = mt_tiers_counts(tiers);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(counts[i].hits, 1);
    assert_int_equal(counts[1].moved_up, 0);
    assert_int_equal(counts[2].moved_up, 3);
    assert_int_equal(counts[1].moved_down, 5);
    assert_int_equal(counts[1].evicted, 4);
    assert_int_equal(counts[2].moved_down, 4);
    assert_int_equal(counts[2].evicted, 0);
    mt_tiers_close(tiers);
}

static void test_tiers(void **state) {
    (void)state;
    each_trace(check_lru_tiers);
    each_trace(check_tiers);
    each_trace(check_all_tiers);
}

/* ---- replicas ---- */

enum { REPLICAS = 3 };

/* The replica for request r by the header's words; loads: blocks computed so far. */
static size_t plain_place(mt_route route, const model *caches, const uint64_t *loads, size_t r,
                          uint32_t session) {
    size_t least = 0, best = 0;
    for (size_t i = 1; i < REPLICAS; i++)
        least = loads[i] < loads[least] ? i : least;
    if (route == MT_ROUTE_ROUND_ROBIN)
        return r % REPLICAS;
    if (route == MT_ROUTE_SESSION)
        return session % REPLICAS;
    if (route == MT_ROUTE_LEAST_LOADED)
        return least;
    for (size_t i = 1; i < REPLICAS; i++) {
        uint32_t here = model_leading(&caches[i], r), most = model_leading(&caches[best], r);
        if (here > most || (here == most && loads[i] < loads[best]))
            best = i;
    }
    uint32_t most = model_leading(&caches[best], r);
    return most > 0 && (size_t)2 * most >= trace.count[r] ? best : least;
}

/* Sessions are given, so that they are known here. */
static mt_locality *locality_with_sessions(void) {
    mt_locality *locality = mt_locality_new(TRACE_BLOCK_SIZE, NULL);
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        char name[16];
        mt_request request = plain_request(&trace, r);
        request.has |= MT_HAS_SESSION;
        request.session = (mt_span){
            name, (size_t)snprintf(name, sizeof name, "%d", (int)(r < 7 ? r : r * r % 7))};
        assert_int_equal(mt_locality_add(locality, &request, NULL), MT_OK);
    }
    return locality;
}

static void test_replicas(void **state) {
    (void)state;
    static model caches[REPLICAS];
    uint64_t random = 31;
    for (int round = 0; round < 16; round++) {
        mt_route route = (mt_route)(round % 4);
        make_plain_trace(&trace, (id_kind)(round / 4), &random);
        mt_locality *locality = locality_with_sessions();
        mt_cache_spec spec = spec_of("sieve", 15, MT_TOUCH_LEAF);
        mt_replica_spec servers = {.count = REPLICAS, .route = route};
        mt_replicas *replicas = mt_replicas_open(&spec, &servers, MT_HIT_VLLM, NULL);
        uint32_t hits[TRACE_REQUESTS];
        uint64_t loads[REPLICAS] = {0}, most = 0, all = 0;
        mt_replica_counts counts[REPLICAS] = {{0, 0, 0}};
        assert_non_null(replicas);
        assert_int_equal(mt_locality_play_replicas(locality, replicas, hits, NULL), MT_OK);
        for (size_t i = 0; i < REPLICAS; i++)
            start_model(&caches[i], &trace, 15);
        for (size_t r = 0; r < TRACE_REQUESTS; r++) {
            size_t at = plain_place(route, caches, loads, r, (uint32_t)(r < 7 ? r : r * r % 7));
            size_t plain = model_access(&caches[at], sieve_model, r, MT_TOUCH_LEAF);
            assert_int_equal(hits[r], plain);
            plain = mt_hits_by(MT_HIT_VLLM, plain, trace.count[r]);
            counts[at].requests++;
            counts[at].blocks += trace.count[r];
            counts[at].hits += plain;
            loads[at] += trace.count[r] - plain;
        }
        assert_int_equal(mt_replicas_tier_count(replicas), 0);
        assert_memory_equal(mt_replicas_counts(replicas), counts, sizeof counts);
        for (size_t i = 0; i < REPLICAS; i++) {
            most = loads[i] > most ? loads[i] : most;
            all += loads[i];
        }
        double expected = (double)most * REPLICAS / (double)all;
        assert_true(fabs(mt_replicas_imbalance(replicas) - expected) < 1e-12);
        mt_replicas_close(replicas);
        mt_locality_free(locality);
    }
}

/* ---- replicas with tiers ---- */

static size_t plain_tiers_leading(const plain_tiers *tiers, size_t r) {
    size_t hits = 0;
    while (hits < trace.count[r] && plain_tier(tiers, trace.block[r][hits]) < 3)
        hits++;
    return hits;
}

/* As plain_place has it, for tiers. */
static size_t plain_tiers_place(mt_route route, const plain_tiers *tiers, const uint64_t *loads,
                                size_t r, uint32_t session) {
    size_t least = 0, best = 0;
    if (route == MT_ROUTE_ROUND_ROBIN)
        return r % REPLICAS;
    if (route == MT_ROUTE_SESSION)
        return session % REPLICAS;
    for (size_t i = 1; i < REPLICAS; i++) {
        size_t here = plain_tiers_leading(&tiers[i], r);
        size_t most = plain_tiers_leading(&tiers[best], r);
        least = loads[i] < loads[least] ? i : least;
        best = here > most || (here == most && loads[i] < loads[best]) ? i : best;
    }
    size_t most = plain_tiers_leading(&tiers[best], r);
    int is_held = most > 0 && 2 * most >= trace.count[r];
    return route == MT_ROUTE_PREFIX && is_held ? best : least;
}

/* Request r comes: counts by tier, and all hits by the rule of vLLM. */
static size_t plain_tiers_access(plain_tiers *tiers, const uint64_t *sizes, size_t r, int is_lru) {
    size_t hits = plain_tiers_leading(tiers, r);
    size_t counted = mt_hits_by(MT_HIT_VLLM, hits, trace.count[r]);
    for (size_t i = 0; i < counted; i++)
        tiers->counts[plain_tier(tiers, trace.block[r][i])].hits++;
    for (size_t i = 0; i < trace.count[r]; i++)
        plain_touch(tiers, sizes, trace.block[r][i], is_lru, i < hits);
    return counted;
}

static void check_same_tiers(const mt_replicas *replicas, const plain_tiers *plain,
                             const uint64_t *sizes) {
    mt_tier_counts all[MT_MOST_TIERS], sums[3] = {{0, 0, 0, 0, 0}};
    for (size_t i = 0; i < REPLICAS; i++)
        for (size_t t = 0; t < 3; t++) {
            mt_tier_counts expected = plain[i].counts[t];
            expected.size = sums[t].size = sizes[t];
            assert_memory_equal(&mt_replicas_tiers(replicas, i)[t], &expected, sizeof expected);
            sums[t].hits += expected.hits;
            sums[t].moved_up += expected.moved_up;
            sums[t].moved_down += expected.moved_down;
            sums[t].evicted += expected.evicted;
        }
    mt_replicas_all_tiers(replicas, all);
    assert_memory_equal(all, sums, sizeof sums);
}

/* Each of the replicas has the tiers: plain lists, to which requests are routed by hand. */
static void test_replicas_with_tiers(void **state) {
    (void)state;
    static plain_tiers plain[REPLICAS];
    uint64_t random = 37;
    for (int round = 0; round < 16; round++) {
        mt_route route = (mt_route)(round % 4);
        const uint64_t *sizes = tier_sizes[round / 4];
        int is_lru = round / 4 % 2;
        make_plain_trace(&trace, (id_kind)(round / 4), &random);
        mt_locality *locality = locality_with_sessions();
        mt_cache_spec spec = spec_of(is_lru ? "lru" : "fifo", 1, MT_TOUCH_ROOT);
        mt_replica_spec servers = {REPLICAS, route, sizes, 3};
        mt_replicas *replicas = mt_replicas_open(&spec, &servers, MT_HIT_VLLM, NULL);
        uint32_t hits[TRACE_REQUESTS];
        uint64_t loads[REPLICAS] = {0}, held = 0;
        mt_replica_counts counts[REPLICAS] = {{0, 0, 0}};
        memset(plain, 0, sizeof plain);
        assert_int_equal(mt_locality_play_replicas(locality, replicas, hits, NULL), MT_OK);
        for (size_t r = 0; r < TRACE_REQUESTS; r++) {
            uint32_t session = (uint32_t)(r < 7 ? r : r * r % 7);
            size_t at = plain_tiers_place(route, plain, loads, r, session);
            size_t expected = plain_tiers_access(&plain[at], sizes, r, is_lru);
            assert_int_equal(mt_hits_by(MT_HIT_VLLM, hits[r], trace.count[r]), expected);
            counts[at].requests++;
            counts[at].blocks += trace.count[r];
            counts[at].hits += expected;
            loads[at] += trace.count[r] - expected;
        }
        assert_memory_equal(mt_replicas_counts(replicas), counts, sizeof counts);
        check_same_tiers(replicas, plain, sizes);
        for (size_t i = 0; i < REPLICAS; i++)
            held += plain[i].count[0] + plain[i].count[1] + plain[i].count[2];
        assert_int_equal(mt_replicas_held(replicas), held);
        mt_replicas_close(replicas);
        mt_locality_free(locality);
    }
}

/* A request without blocks goes to a replica, and no time passes there. */
static void test_no_blocks(void **state) {
    (void)state;
    static const uint32_t block = 0;
    mt_cache_spec spec = spec_of("lru", 5, MT_TOUCH_ROOT);
    mt_replica_spec server = {.count = 1};
    size_t hits;
    spec.ttl_ns = 10;
    mt_replicas *replicas = mt_replicas_open(&spec, &server, MT_HIT_ALL, NULL);
    mt_cache_path path = {&block, 1, NULL, 0}, none = {NULL, 0, NULL, 100};
    assert_int_equal(mt_replicas_access(replicas, &path, 0, 1, &hits, NULL), MT_OK);
    assert_int_equal(mt_replicas_access(replicas, &none, 0, 1, &hits, NULL), MT_OK);
    path.time_ns = 10;
    assert_int_equal(mt_replicas_access(replicas, &path, 0, 1, &hits, NULL), MT_OK);
    assert_int_equal(hits, 1);
    assert_int_equal(mt_replicas_counts(replicas)[0].requests, 3);
    mt_replicas_close(replicas);
}

/* One replica is one cache; of no session every request takes its turn. */
static void test_one_replica(void **state) {
    (void)state;
    uint64_t random = 5;
    make_plain_trace(&trace, IDS_BY_APPEARANCE, &random);
    mt_locality *locality = locality_of(&trace);
    for (int route = MT_ROUTE_ROUND_ROBIN; route <= MT_ROUTE_LEAST_LOADED; route++) {
        uint32_t hits[TRACE_REQUESTS], one[TRACE_REQUESTS];
        mt_cache_spec spec = spec_of("lru", 20, MT_TOUCH_ROOT);
        mt_replica_spec server = {.count = 1, .route = (mt_route)route};
        mt_replicas *replicas = mt_replicas_open(&spec, &server, MT_HIT_ALL, NULL);
        assert_true(isnan(mt_replicas_imbalance(replicas)));
        assert_int_equal(mt_locality_play_replicas(locality, replicas, hits, NULL), MT_OK);
        mt_locality_hits_lru(locality, 20, MT_TOUCH_ROOT, one);
        assert_memory_equal(hits, one, sizeof hits);
        assert_true(mt_replicas_imbalance(replicas) == 1);
        mt_replicas_close(replicas);
    }
    mt_locality_free(locality);
    mt_cache_spec spec = spec_of("fifo", 5, MT_TOUCH_ROOT);
    mt_replica_spec servers = {.count = 2, .route = MT_ROUTE_SESSION};
    mt_replicas *replicas = mt_replicas_open(&spec, &servers, MT_HIT_ALL, NULL);
    for (uint32_t block = 0; block < 6; block++) {
        size_t hits;
        mt_cache_path path = {.blocks = &block, .count = 1};
        assert_int_equal(mt_replicas_access(replicas, &path, MT_ROUTE_NO_SESSION, 6, &hits, NULL),
                         MT_OK);
    }
    assert_int_equal(mt_replicas_counts(replicas)[0].requests, 3);
    mt_replicas_close(replicas);
}

/* ---- one that is fed ---- */

static mt_request timed_request(size_t r) {
    mt_request request = plain_request(&trace, r);
    request.has |= MT_HAS_TIME;
    request.time_ns = (int64_t)(r * r);
    return request;
}

/* Fed request by request, a cache hits as when the whole trace is there. */
static void check_fed(const mt_locality *locality) {
    for (size_t m = 0; m < MODELS; m++) {
        uint32_t hits[TRACE_REQUESTS];
        mt_cache_spec spec = spec_of(models[m].name, 30, MT_TOUCH_LEAF);
        if (spec.policy->looks_ahead)
            continue;
        spec.ttl_ns = m % 2 ? 3000 : MT_NO_TTL;
        assert_int_equal(mt_locality_play(locality, &spec, MT_HIT_VLLM, hits, NULL), MT_OK);
        mt_fed_cache *fed = mt_fed_cache_new(&spec, NULL, MT_HIT_VLLM, TRACE_BLOCK_SIZE, NULL);
        for (size_t r = 0; r < TRACE_REQUESTS; r++) {
            mt_request request = timed_request(r);
            size_t here;
            assert_int_equal(mt_fed_cache_access(fed, &request, &here, NULL), MT_OK);
            assert_int_equal(here, mt_hits_by(MT_HIT_VLLM, hits[r], trace.count[r]));
        }
        mt_played played = mt_fed_cache_played(fed);
        mt_played whole = mt_locality_tally(locality, hits, MT_HIT_VLLM);
        assert_int_equal(played.requests, whole.requests);
        assert_true(fabs(played.ratio.request - whole.ratio.request) < 1e-12);
        assert_true(played.ratio.block == whole.ratio.block);
        assert_true(played.ratio.token == whole.ratio.token);
        assert_true(mt_fed_cache_held(fed) <= 30);
        mt_fed_cache_free(fed);
    }
}

static void test_fed(void **state) {
    (void)state;
    each_trace(check_fed);
    mt_cache_spec spec = spec_of("lru", 30, MT_TOUCH_ROOT);
    spec.ttl_ns = 5;
    mt_error error;
    size_t hits;
    mt_fed_cache *fed = mt_fed_cache_new(&spec, NULL, MT_HIT_ALL, 16, NULL);
    uint64_t ids[] = {0, 1};
    mt_request request = {.has = MT_HAS_INPUT_LENGTH | MT_HAS_HASH_IDS | MT_HAS_TIME,
                          .input_length = 32,
                          .time_ns = 10,
                          .hash_ids = ids,
                          .hash_count = 2,
                          .line = 9};
    assert_int_equal(mt_fed_cache_access(fed, &request, &hits, NULL), MT_OK);
    request.time_ns = 9;
    assert_int_equal(mt_fed_cache_access(fed, &request, &hits, &error), MT_ERROR_INPUT);
    assert_int_equal(error.line, 9);
    request.has &= ~(unsigned)MT_HAS_TIME;
    assert_int_equal(mt_fed_cache_access(fed, &request, &hits, &error), MT_ERROR_INPUT);
    request.has |= MT_HAS_TIME;
    request.time_ns = 12;
    request.input_length = 33;
    assert_int_equal(mt_fed_cache_access(fed, &request, &hits, &error), MT_ERROR_INPUT);
    request.input_length = 32;
    assert_int_equal(mt_fed_cache_access(fed, &request, &hits, NULL), MT_OK);
    assert_int_equal(hits, 2);
    assert_int_equal(mt_fed_cache_played(fed).requests, 2);
    /* What failed midway fails for ever: the tree may have the path in part. */
    uint64_t others[] = {UINT64_C(1) << 40, 7};
    request.hash_ids = others;
    mt_memory_fail_at(1, 0);
    assert_int_equal(mt_fed_cache_access(fed, &request, &hits, &error), MT_ERROR_MEMORY);
    mt_memory_fail_at(0, 0);
    request.hash_ids = ids;
    assert_int_equal(mt_fed_cache_access(fed, &request, &hits, &error), MT_ERROR_MEMORY);
    assert_non_null(strstr(error.message, "make a new one"));
    assert_int_equal(mt_fed_cache_played(fed).requests, 2);
    mt_fed_cache_free(fed);
}

static void test_memory(void **state) {
    (void)state;
    uint64_t random = 1;
    uint32_t hits[TRACE_REQUESTS];
    make_plain_trace(&trace, IDS_BY_APPEARANCE, &random);
    mt_locality *locality = locality_of(&trace);
    mt_cache_spec spec = spec_of("lfu", 20, MT_TOUCH_ROOT);
    const mt_replica_spec servers[] = {
        {.count = 1, .tiers = tier_sizes[0], .tier_count = 3},
        {.count = 3, .route = MT_ROUTE_PREFIX, .tiers = tier_sizes[0], .tier_count = 3},
        {.count = 3, .route = MT_ROUTE_SESSION},
    };
    for (size_t kind = 0; kind < sizeof servers / sizeof *servers; kind++)
        for (sweep all = {0}; sweep_next(&all);) {
            mt_replicas *replicas = mt_replicas_open(&spec, &servers[kind], MT_HIT_ALL, &all.error);
            all.code = replicas ? mt_locality_play_replicas(locality, replicas, hits, &all.error)
                                : all.error.code;
            mt_replicas_close(replicas);
        }
    for (size_t kind = 0; kind < sizeof servers / sizeof *servers; kind++)
        for (sweep all = {0}; sweep_next(&all);) {
            mt_fed_cache *fed =
                mt_fed_cache_new(&spec, &servers[kind], MT_HIT_ALL, TRACE_BLOCK_SIZE, &all.error);
            all.code = fed ? MT_OK : all.error.code;
            for (size_t r = 0; all.code == MT_OK && r < TRACE_REQUESTS; r++) {
                mt_request request = timed_request(r);
                size_t here;
                request.has |= MT_HAS_SESSION;
                request.session = (mt_span){r % 2 ? "1" : "2", 1};
                all.code = mt_fed_cache_access(fed, &request, &here, &all.error);
            }
            mt_fed_cache_free(fed);
        }
    mt_locality_free(locality);
    mt_fed_cache_free(NULL);
    mt_tiers_close(NULL);
    mt_replicas_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiers),
        cmocka_unit_test(test_tiny_tiers),
        cmocka_unit_test(test_replicas),
        cmocka_unit_test(test_one_replica),
        cmocka_unit_test(test_replicas_with_tiers),
        cmocka_unit_test(test_no_blocks),
        cmocka_unit_test(test_fed),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
