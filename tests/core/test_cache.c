/* Policies of caches: each beside a plain, slow model of itself; the optimum beside a search of all
 * that a cache can do; what holds between them; ages; memory that is out. */
#include "prefix/cache/cache.h"

#include "base/memory.h"
#include "cache_models.h"
#include "sweep.h"

#include <math.h>

/* ---- beside models ---- */

static const size_t sizes[] = {1, 2, 3, 5, 8, 10, 13, 20, 25, 40, 60, 100, 200, MOST};

enum { SIZES = sizeof sizes / sizeof *sizes };

/* Calls check with traces of all kinds. */
static void each_trace(void (*check)(const plain_trace *trace, const mt_locality *locality)) {
    static plain_trace trace;
    uint64_t random = 11;
    for (int round = 0; round < 2 * ID_KINDS; round++) {
        make_plain_trace(&trace, (id_kind)(round % ID_KINDS), &random);
        mt_locality *locality = locality_of(&trace);
        check(&trace, locality);
        mt_locality_free(locality);
    }
}

static void check_models(const plain_trace *trace, const mt_locality *locality) {
    uint32_t hits[TRACE_REQUESTS], plain[TRACE_REQUESTS];
    for (size_t m = 0; m < MODELS; m++)
        for (size_t s = 0; s < SIZES; s++)
            for (int order = MT_TOUCH_ROOT; order <= MT_TOUCH_LEAF; order++) {
                mt_touch_order here = (mt_touch_order)order;
                if (m == MODELS - 1 && here == MT_TOUCH_LEAF)
                    continue; /* the optimum is always touched from the root on */
                play_model(models[m].touch, trace, sizes[s], here, plain);
                mt_cache_spec spec = spec_of(models[m].name, sizes[s], here);
                play(locality, spec, MT_HIT_ALL, hits);
                for (size_t r = 0; r < TRACE_REQUESTS; r++)
                    if (hits[r] != plain[r])
                        fail_msg("%s of %zu, order %d, request %zu: %u hits, not %u",
                                 models[m].name, sizes[s], order, r, hits[r], plain[r]);
                /* And in the cheapest way. */
                assert_int_equal(mt_locality_hits(locality, &spec, MT_HIT_ALL, hits, NULL), MT_OK);
                assert_memory_equal(hits, plain, sizeof hits);
            }
}

static void test_models(void **state) {
    (void)state;
    size_t count;
    mt_policies(&count);
    assert_int_equal(count, MODELS);
    assert_null(mt_policy_named("mru"));
    each_trace(check_models);
}

/* The optimum is above all, LRU is what the runs say, and grows with its size; of one block FIFO is
 * LRU; a cache of everything misses only what is new. */
static void check_identities(const plain_trace *trace, const mt_locality *locality) {
    uint32_t hits[TRACE_REQUESTS], other[TRACE_REQUESTS];
    uint64_t before[] = {0, 0};
    for (size_t s = 0; s < SIZES; s++) {
        play(locality, spec_of("optimum", sizes[s], MT_TOUCH_ROOT), MT_HIT_ALL, hits);
        uint64_t bound = sum_of(hits);
        for (size_t m = 0; m < MODELS; m++)
            for (int order = MT_TOUCH_ROOT; order <= MT_TOUCH_LEAF; order++) {
                mt_cache_spec spec = spec_of(models[m].name, sizes[s], (mt_touch_order)order);
                play(locality, spec, MT_HIT_ALL, other);
                assert_true(sum_of(other) <= bound);
            }
        for (int order = MT_TOUCH_ROOT; order <= MT_TOUCH_LEAF; order++) {
            play(locality, spec_of("lru", sizes[s], (mt_touch_order)order), MT_HIT_ALL, hits);
            mt_locality_hits_lru(locality, sizes[s], (mt_touch_order)order, other);
            assert_memory_equal(hits, other, sizeof hits);
            assert_true(sum_of(hits) >= before[order]);
            before[order] = sum_of(hits);
        }
    }
    play(locality, spec_of("fifo", 1, MT_TOUCH_ROOT), MT_HIT_ALL, hits);
    play(locality, spec_of("lru", 1, MT_TOUCH_ROOT), MT_HIT_ALL, other);
    assert_memory_equal(hits, other, sizeof hits);
    for (size_t m = 0; m < MODELS; m++) {
        play(locality, spec_of(models[m].name, UINT64_MAX, MT_TOUCH_LEAF), MT_HIT_ALL, hits);
        for (size_t r = 0; r < TRACE_REQUESTS; r++)
            assert_int_equal(hits[r], trace->known[r]);
    }
}

/* LRU caches in one pass, touched in that order, beside one after the other: the same to the last bit. */
static void check_tallied_in(const mt_locality *locality, mt_touch_order order, mt_hit_rule rule) {
    mt_played played[MT_MOST_TALLIED];
    uint64_t each[MT_MOST_TALLIED];
    for (size_t i = 0; i < MT_MOST_TALLIED; i++)
        each[i] = i / 2 + 1 + (i > 40 ? i * i : 0);
    mt_locality_tally_lru(locality, each, MT_MOST_TALLIED, order, rule, played);
    for (size_t i = 0; i < MT_MOST_TALLIED; i++) {
        uint32_t hits[TRACE_REQUESTS];
        mt_locality_hits_lru(locality, each[i], order, hits);
        mt_played one = mt_locality_tally(locality, hits, rule);
        assert_int_equal(played[i].requests, one.requests);
        assert_int_equal(played[i].blocks, one.blocks);
        assert_int_equal(played[i].tokens, one.tokens);
        assert_true(played[i].ratio.request == one.ratio.request);
        assert_true(played[i].ratio.block == one.ratio.block);
        assert_true(played[i].ratio.token == one.ratio.token);
        assert_true(played[i].within == one.within);
    }
}

static void assert_close(double a, double b) {
    if (!(fabs(a - b) < 1e-12))
        fail_msg("%.17g is not %.17g", a, b);
}

/* The curve at every size beside the cache of that size played through, and its least size for a share. */
static void check_curve_in(const plain_trace *trace, const mt_locality *locality,
                           mt_touch_order order, mt_hit_rule rule) {
    mt_hit_curve *curve = mt_locality_hit_curve(locality, order, rule, NULL);
    mt_hit_ratio all = mt_hit_curve_at(curve, MT_INFINITE_CACHE);
    uint64_t least = 0;
    for (uint64_t size = 1; size <= trace->blocks + 1; size++) {
        uint32_t hits[TRACE_REQUESTS];
        play(locality, spec_of("lru", size, order), rule, hits);
        mt_played one = mt_locality_tally(locality, hits, rule);
        mt_hit_ratio ratio = mt_hit_curve_at(curve, size);
        assert_close(ratio.request, one.ratio.request);
        assert_true(ratio.block == one.ratio.block);
        assert_true(ratio.token == one.ratio.token);
        if (least == 0 && one.ratio.block >= 0.7 * all.block * (1 - 1e-12))
            least = size;
    }
    assert_int_equal(mt_hit_curve_size(curve, 0.7), least);
    assert_true(mt_hit_curve_at(curve, 0).block == 0);
    mt_hit_curve_free(curve);
}

static void check_tallied(const plain_trace *trace, const mt_locality *locality) {
    for (int order = MT_TOUCH_ROOT; order <= MT_TOUCH_LEAF; order++)
        for (int rule = MT_HIT_ALL; rule <= MT_HIT_VLLM; rule++) {
            check_tallied_in(locality, (mt_touch_order)order, (mt_hit_rule)rule);
            check_curve_in(trace, locality, (mt_touch_order)order, (mt_hit_rule)rule);
        }
}

static void test_tallied(void **state) {
    (void)state;
    each_trace(check_tallied);
}

static void test_identities(void **state) {
    (void)state;
    each_trace(check_identities);
}

/* The hits that the rule counts. */
static uint64_t counted(const plain_trace *trace, const uint32_t *hits, mt_hit_rule rule) {
    uint64_t sum = 0;
    for (size_t r = 0; r < TRACE_REQUESTS; r++)
        sum += mt_hits_by(rule, hits[r], trace->count[r]);
    return sum;
}

/* By vLLM's rule too nothing is above the optimum that knows it, and the totals count by it. */
static void check_rule(const plain_trace *trace, const mt_locality *locality) {
    uint32_t hits[TRACE_REQUESTS];
    for (size_t s = 0; s < SIZES; s++) {
        play(locality, spec_of("optimum", sizes[s], MT_TOUCH_ROOT), MT_HIT_VLLM, hits);
        uint64_t bound = counted(trace, hits, MT_HIT_VLLM);
        for (size_t m = 0; m < MODELS; m++) {
            mt_cache_spec spec = spec_of(models[m].name, sizes[s], MT_TOUCH_LEAF);
            play(locality, spec, MT_HIT_ALL, hits);
            assert_true(counted(trace, hits, MT_HIT_VLLM) <= bound);
        }
        mt_played all = mt_locality_tally(locality, hits, MT_HIT_ALL);
        mt_played less = mt_locality_tally(locality, hits, MT_HIT_VLLM);
        assert_true(fabs(all.ratio.block * (double)all.blocks - (double)sum_of(hits)) < 1e-6);
        uint64_t sum = counted(trace, hits, MT_HIT_VLLM);
        assert_true(fabs(less.ratio.block * (double)less.blocks - (double)sum) < 1e-6);
        assert_true(less.ratio.token <= all.ratio.token && less.within <= all.within);
    }
}

static void test_rule(void **state) {
    (void)state;
    each_trace(check_rule);
    assert_int_equal(mt_hits_by(MT_HIT_ALL, 3, 3), 3);
    assert_int_equal(mt_hits_by(MT_HIT_VLLM, 3, 3), 2);
    assert_int_equal(mt_hits_by(MT_HIT_VLLM, 2, 3), 2);
    assert_int_equal(mt_hits_by(MT_HIT_VLLM, 0, 0), 0);
}

/* ---- the optimum, searched for ---- */

enum { FEW_REQUESTS = 7, FEW_BLOCKS = 9, SETS = 1 << FEW_BLOCKS };

/* The most hits by any choice of what is held after each request: of what was held and what the
 * request had. A set is a bit a block. */
static int most_hits(const plain_trace *trace, size_t size) {
    static int most[FEW_REQUESTS + 1][SETS];
    for (int set = 0; set < SETS; set++)
        most[0][set] = set == 0 ? 0 : -1;
    int best = 0;
    for (size_t r = 0; r < FEW_REQUESTS; r++) {
        int path = 0;
        for (size_t i = 0; i < trace->count[r]; i++)
            path |= 1 << trace->block[r][i];
        for (int set = 0; set < SETS; set++)
            most[r + 1][set] = -1;
        for (int set = 0; set < SETS; set++) {
            if (most[r][set] < 0)
                continue;
            size_t hits = 0;
            while (hits < trace->count[r] && set >> trace->block[r][hits] & 1)
                hits++;
            int sum = most[r][set] + (int)hits, all = set | path;
            best = sum > best ? sum : best;
            for (int kept = all;; kept = (kept - 1) & all) {
                if ((size_t)__builtin_popcount((unsigned)kept) <= size && most[r + 1][kept] < sum)
                    most[r + 1][kept] = sum;
                if (kept == 0)
                    break;
            }
        }
    }
    return best;
}

static void test_optimum_is_one(void **state) {
    (void)state;
    static plain_trace trace;
    uint64_t random = 3;
    int looked = 0;
    for (int round = 0; round < 4000 && looked < 60; round++) {
        make_plain_trace(&trace, IDS_OF_CONTENT, &random);
        for (size_t r = 0; r < TRACE_REQUESTS; r++)
            trace.count[r] = r >= FEW_REQUESTS ? 0 : trace.count[r] % 5;
        find_plain_blocks(&trace);
        if (trace.blocks > FEW_BLOCKS)
            continue;
        looked++;
        mt_locality *locality = locality_of(&trace);
        for (size_t size = 1; size <= FEW_BLOCKS; size++) {
            uint32_t hits[TRACE_REQUESTS];
            play(locality, spec_of("optimum", size, MT_TOUCH_ROOT), MT_HIT_ALL, hits);
            assert_int_equal(sum_of(hits), most_hits(&trace, size));
        }
        mt_locality_free(locality);
    }
    assert_int_equal(looked, 60);
}

/* ---- the rest ---- */

/* Of 10 blocks held any one leaves as often: chi-square of 9 degrees of freedom, p = 0.001. */
static void test_random_is_even(void **state) {
    (void)state;
    mt_cache_spec spec = spec_of("random", 10, MT_TOUCH_ROOT);
    double chi_square = 0;
    int left[10] = {0}, rounds = 5000;
    for (int round = 0; round < rounds; round++) {
        spec.seed = (uint64_t)round;
        mt_cache *cache = mt_cache_open(&spec, NULL);
        assert_int_equal(mt_cache_reserve(cache, 11, NULL), MT_OK);
        for (uint32_t block = 0; block < 10; block++)
            assert_int_equal(mt_cache_touch(cache, block), MT_NO_VICTIM);
        uint32_t victim = mt_cache_touch(cache, 10);
        assert_true(victim < 10 && !mt_cache_holds(cache, victim) && mt_cache_holds(cache, 10));
        left[victim]++;
        mt_cache_close(cache);
    }
    for (int i = 0; i < 10; i++)
        chi_square += pow(left[i] - rounds / 10.0, 2) / (rounds / 10.0);
    assert_true(chi_square < 27.88);
}

/* What is dropped is held no more, whoever held it, and the others leave as before. */
static void test_drop(void **state) {
    (void)state;
    size_t count;
    const mt_policy *const *policies = mt_policies(&count);
    for (size_t p = 0; p < count; p++) {
        if (policies[p]->looks_ahead)
            continue;
        mt_cache_spec spec = spec_of(policies[p]->name, 20, MT_TOUCH_ROOT);
        mt_cache *cache = mt_cache_open(&spec, NULL);
        uint64_t random = 5;
        int is_held[64] = {0};
        size_t held = 0;
        for (int step = 0; step < 20000; step++) {
            uint32_t block = (uint32_t)below(&random, 64);
            assert_int_equal(mt_cache_reserve(cache, 64, NULL), MT_OK);
            assert_int_equal(mt_cache_holds(cache, block), is_held[block]);
            if (is_held[block] && below(&random, 3) == 0) {
                mt_cache_drop(cache, block);
                is_held[block] = 0;
                held--;
            } else {
                uint32_t victim = mt_cache_touch(cache, block);
                held += !is_held[block];
                is_held[block] = 1;
                if (victim != MT_NO_VICTIM) {
                    assert_true(victim != block && is_held[victim] && held == 21);
                    is_held[victim] = 0;
                    held--;
                }
            }
            assert_int_equal(mt_cache_count(cache), held);
        }
        mt_cache_close(cache);
    }
}

/* Ages beside a list of when each block was used or written; LRU and FIFO without limit. */
static void check_ages(const plain_trace *trace, const mt_locality *locality) {
    static const int64_t ages[] = {0, 1, 50, 1000, 5000, 1000000};
    for (size_t a = 0; a < sizeof ages / sizeof *ages; a++)
        for (int since = MT_TTL_SINCE_USE; since <= MT_TTL_SINCE_WRITE; since++) {
            int64_t times[MOST];
            uint32_t hits[TRACE_REQUESTS], by_runs[TRACE_REQUESTS];
            mt_cache_spec spec = spec_of("lru", UINT64_MAX, MT_TOUCH_ROOT);
            spec.ttl_ns = ages[a];
            spec.since = (mt_ttl_since)since;
            play(locality, spec, MT_HIT_ALL, hits);
            mt_locality_hits_by_age(locality, ages[a], by_runs);
            for (size_t b = 0; b < MOST; b++)
                times[b] = INT64_MIN / 2;
            for (size_t r = 0; r < TRACE_REQUESTS; r++) {
                int64_t now = (int64_t)(r * r);
                size_t expected = 0;
                while (expected < trace->count[r] &&
                       now - times[trace->block[r][expected]] <= ages[a])
                    expected++;
                assert_int_equal(hits[r], expected);
                if (since == MT_TTL_SINCE_USE)
                    assert_int_equal(by_runs[r], expected);
                for (size_t i = since == MT_TTL_SINCE_USE ? 0 : expected; i < trace->count[r]; i++)
                    times[trace->block[r][i]] = now;
            }
        }
}

static void test_ages(void **state) {
    (void)state;
    each_trace(check_ages);
}

/* Takes a block out of a model, as one that its policy never saw. */
static void forget_in_model(model *self, uint32_t block) {
    size_t at = place_in(self->list, self->count, block);
    if (at == self->count) {
        take_at(self->main, &self->main_count, place_in(self->main, self->main_count, block));
        return;
    }
    if (self->touch == random_model) { /* the last takes its place */
        self->list[at] = self->list[--self->count];
        return;
    }
    take_at(self->list, &self->count, at);
    self->hand -= at < self->hand; /* it stands where it stood */
}

/* The clock as a queue: who was used goes back to its end. Its ring does not say where what comes is put once
 * there are holes in it. */
static void clock_queue_model(model *self, uint32_t block) {
    if (model_holds(self, block)) {
        self->uses[block] = 1;
        return;
    }
    while (self->count == self->size) {
        uint32_t oldest = take_at(self->list, &self->count, 0);
        if (self->uses[oldest])
            self->list[self->count++] = oldest;
        self->uses[oldest] = 0;
    }
    self->uses[block] = 0;
    self->list[self->count++] = block;
}

/* Forgets what is too old, the oldest first: all blocks are looked at. aged[]: by block, when its age
 * began, in nanoseconds and among all touches. */
static void forget_old_in_model(model *self, int64_t before, const int64_t aged[][2]) {
    for (;;) {
        uint32_t oldest = MOST;
        for (uint32_t b = 0; b < self->trace->blocks; b++)
            if (aged[b][0] < before && model_holds(self, b) &&
                (oldest == MOST || aged[b][1] < aged[oldest][1]))
                oldest = b;
        if (oldest == MOST)
            return;
        forget_in_model(self, oldest);
    }
}

/* Plays the trace through a model that forgets. */
static void play_forgetting(model_touch *touch, const plain_trace *trace, const mt_cache_spec *spec,
                            uint32_t *hits) {
    static model self;
    static int64_t aged[MOST][2];
    int64_t touches = 0;
    start_model(&self, trace, (size_t)spec->size);
    self.touch = touch;
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        int64_t now = (int64_t)(r * r);
        forget_old_in_model(&self, now - spec->ttl_ns, aged);
        self.request = r;
        hits[r] = model_leading(&self, r);
        for (size_t i = 0, count = trace->count[r]; i < count; i++) {
            size_t at = spec->order == MT_TOUCH_ROOT ? i : count - 1 - i;
            uint32_t block = trace->block[r][at];
            if (spec->since == MT_TTL_SINCE_USE || at >= hits[r] || !model_holds(&self, block)) {
                aged[block][0] = now;
                aged[block][1] = touches++;
            }
            touch(&self, block);
        }
    }
}

/* Every policy at several sizes and ages beside its model that forgets. */
static void check_forgetting(const plain_trace *trace, const mt_locality *locality) {
    static const int64_t ages[] = {50, 5000};
    for (size_t m = 0; m < MODELS; m++)
        for (size_t c = 0; c < 2 * 2 * 2 * 2; c++) {
            uint32_t hits[TRACE_REQUESTS], plain[TRACE_REQUESTS];
            int looks_ahead = mt_policy_named(models[m].name)->looks_ahead;
            mt_cache_spec spec =
                spec_of(models[m].name, sizes[c % 2 * 5 + 5], (mt_touch_order)(c / 2 % 2));
            spec.since = (mt_ttl_since)(c / 4 % 2);
            spec.ttl_ns = ages[c / 8];
            if (looks_ahead)
                continue; /* what it knows of is what would be used, not what would be forgotten */
            model_touch *touch =
                models[m].touch == clock_model ? clock_queue_model : models[m].touch;
            play(locality, spec, MT_HIT_ALL, hits);
            play_forgetting(touch, trace, &spec, plain);
            for (size_t r = 0; r < TRACE_REQUESTS; r++)
                if (hits[r] != plain[r])
                    fail_msg("%s of %d, ttl %d, case %zu, request %zu: %u hits, not %u",
                             models[m].name, (int)spec.size, (int)spec.ttl_ns, c, r, hits[r],
                             plain[r]);
        }
}

static void test_forgetting(void **state) {
    (void)state;
    each_trace(check_forgetting);
}

static void test_memory(void **state) {
    (void)state;
    static plain_trace trace;
    uint64_t random = 1;
    make_plain_trace(&trace, IDS_BY_APPEARANCE, &random);
    mt_locality *locality = locality_of(&trace);
    for (size_t m = 0; m < MODELS; m++)
        for (sweep all = {0}; sweep_next(&all);) {
            uint32_t hits[TRACE_REQUESTS];
            mt_cache_spec spec = spec_of(models[m].name, 40, MT_TOUCH_ROOT);
            spec.ttl_ns = 100;
            all.code = mt_locality_play(locality, &spec, MT_HIT_ALL, hits, &all.error);
        }
    mt_locality_free(locality);
    mt_cache_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),         cmocka_unit_test(test_identities),
        cmocka_unit_test(test_tallied),        cmocka_unit_test(test_rule),
        cmocka_unit_test(test_optimum_is_one), cmocka_unit_test(test_random_is_even),
        cmocka_unit_test(test_drop),           cmocka_unit_test(test_ages),
        cmocka_unit_test(test_forgetting),     cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
