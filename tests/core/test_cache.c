/* Policies of caches: each beside a plain, slow model of itself; the optimum beside a search of all
 * that a cache can do; what holds between them; ages; memory that is out. */
#include "prefix/cache/cache.h"

#include "base/memory.h"
#include "prefix/analysis/played.h"
#include "prefix_support.h"
#include "random/generator.h"
#include "sweep.h"

#include <math.h>

enum { MOST = TRACE_REQUESTS * TRACE_BLOCKS, SEED = 7 };

/* ---- plain models: a list of held blocks, looked through ---- */

/* What a model knows; which of it counts is the policy's. */
typedef struct model {
    size_t size;
    uint32_t list[MOST]; /* held, in an order of the policy's own */
    size_t count, hand;
    uint32_t uses[MOST];        /* by block */
    uint64_t last[MOST], clock; /* by block: when it was touched last */
    uint32_t main[MOST], ghost[MOST];
    size_t main_count, ghost_count;
    mt_random random;
    const plain_trace *trace;
    size_t request; /* being played */
} model;

static size_t place_in(const uint32_t *list, size_t count, uint32_t block) {
    size_t at = 0;
    while (at < count && list[at] != block)
        at++;
    return at;
}

static uint32_t take_at(uint32_t *list, size_t *count, size_t at) {
    uint32_t block = list[at];
    memmove(list + at, list + at + 1, (--*count - at) * sizeof *list);
    return block;
}

/* Held blocks stand in list or main. */
static int model_holds(const model *self, uint32_t block) {
    return place_in(self->list, self->count, block) < self->count ||
           place_in(self->main, self->main_count, block) < self->main_count;
}

typedef void model_touch(model *self, uint32_t block);

/* Oldest first. */
static void lru_model(model *self, uint32_t block) {
    size_t at = place_in(self->list, self->count, block);
    if (at < self->count)
        take_at(self->list, &self->count, at);
    else if (self->count == self->size)
        take_at(self->list, &self->count, 0);
    self->list[self->count++] = block;
}

static void fifo_model(model *self, uint32_t block) {
    if (model_holds(self, block))
        return;
    if (self->count == self->size)
        take_at(self->list, &self->count, 0);
    self->list[self->count++] = block;
}

/* A ring with a hand that moves, as a clock is drawn. */
static void clock_model(model *self, uint32_t block) {
    if (model_holds(self, block)) {
        self->uses[block] = 1;
        return;
    }
    self->uses[block] = 0;
    if (self->count < self->size) {
        self->list[self->count++] = block;
        return;
    }
    while (self->uses[self->list[self->hand]]) {
        self->uses[self->list[self->hand]] = 0;
        self->hand = (self->hand + 1) % self->size;
    }
    self->list[self->hand] = block;
    self->hand = (self->hand + 1) % self->size;
}

/* Oldest first; the hand is a place in the list. */
static void sieve_model(model *self, uint32_t block) {
    if (model_holds(self, block)) {
        self->uses[block] = 1;
        return;
    }
    if (self->count == self->size) {
        for (;; self->hand++) {
            self->hand = self->hand >= self->count ? 0 : self->hand;
            if (!self->uses[self->list[self->hand]])
                break;
            self->uses[self->list[self->hand]] = 0;
        }
        take_at(self->list, &self->count, self->hand);
        self->hand = self->hand == self->count ? 0 : self->hand; /* it was the newest */
    }
    self->uses[block] = 0;
    self->list[self->count++] = block;
}

/* list: the small queue. */
static int s3_evict_main(model *self) {
    for (;;) {
        uint32_t block = take_at(self->main, &self->main_count, 0);
        if (self->uses[block]-- == 0)
            return 1;
        self->main[self->main_count++] = block;
    }
}

static int s3_evict(model *self, size_t small, size_t main) {
    if (self->count < small)
        return s3_evict_main(self);
    while (self->count > 0) {
        uint32_t block = take_at(self->list, &self->count, 0);
        if (self->uses[block] > 1) {
            self->uses[block] = 0;
            self->main[self->main_count++] = block;
            if (self->main_count > main)
                return s3_evict_main(self);
            continue;
        }
        self->ghost[self->ghost_count++] = block;
        if (self->ghost_count > main)
            take_at(self->ghost, &self->ghost_count, 0);
        return 1;
    }
    return s3_evict_main(self);
}

static void s3_fifo_model(model *self, uint32_t block) {
    size_t small = self->size < 20 ? 1 : self->size / 10;
    if (model_holds(self, block)) {
        self->uses[block] += self->uses[block] < 3;
        return;
    }
    if (self->count + self->main_count == self->size)
        s3_evict(self, small, self->size - small);
    self->uses[block] = 0;
    size_t at = place_in(self->ghost, self->ghost_count, block);
    if (at < self->ghost_count) {
        take_at(self->ghost, &self->ghost_count, at);
        self->main[self->main_count++] = block;
    } else {
        self->list[self->count++] = block;
    }
}

static void lfu_model(model *self, uint32_t block) {
    if (!model_holds(self, block)) {
        if (self->count == self->size) {
            size_t least = 0;
            for (size_t i = 1; i < self->count; i++) {
                uint32_t a = self->list[i], b = self->list[least];
                if (self->uses[a] < self->uses[b] ||
                    (self->uses[a] == self->uses[b] && self->last[a] < self->last[b]))
                    least = i;
            }
            take_at(self->list, &self->count, least);
        }
        self->uses[block] = 0;
        self->list[self->count++] = block;
    }
    self->uses[block]++;
    self->last[block] = ++self->clock;
}

static void random_model(model *self, uint32_t block) {
    if (model_holds(self, block))
        return;
    if (self->count == self->size) {
        size_t at = (size_t)mt_random_below(&self->random, self->count);
        self->list[at] = self->list[--self->count];
    }
    self->list[self->count++] = block;
}

/* The request after the one being played that uses the block, TRACE_REQUESTS if none does. */
static size_t next_use(const model *self, uint32_t block) {
    for (size_t r = self->request + 1; r < TRACE_REQUESTS; r++)
        if (place_in(self->trace->block[r], self->trace->count[r], block) < self->trace->count[r])
            return r;
    return TRACE_REQUESTS;
}

/* All held and the block itself: who is used last leaves, of equals the one with the largest number
 * (a block's number is above that of the block before it). */
static void optimum_model(model *self, uint32_t block) {
    if (!model_holds(self, block))
        self->list[self->count++] = block;
    if (self->count <= self->size)
        return;
    size_t last = 0;
    for (size_t i = 1; i < self->count; i++) {
        size_t a = next_use(self, self->list[i]), b = next_use(self, self->list[last]);
        if (a > b || (a == b && self->list[i] > self->list[last]))
            last = i;
    }
    take_at(self->list, &self->count, last);
}

static const struct {
    const char *name;
    model_touch *touch;
} models[] = {
    {"lru", lru_model},       {"fifo", fifo_model},       {"clock", clock_model},
    {"sieve", sieve_model},   {"lfu", lfu_model},         {"s3-fifo", s3_fifo_model},
    {"random", random_model}, {"optimum", optimum_model},
};

enum { MODELS = sizeof models / sizeof *models };

/* Plays the trace; hits of each request. */
static void play_model(model_touch *touch, const plain_trace *trace, size_t size,
                       mt_touch_order order, uint32_t *hits) {
    static model self;
    memset(&self, 0, sizeof self);
    self.size = size;
    self.trace = trace;
    mt_random_begin(&self.random, SEED, "cache", "evictions");
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        size_t count = trace->count[r];
        self.request = r;
        for (hits[r] = 0; hits[r] < count; hits[r]++)
            if (!model_holds(&self, trace->block[r][hits[r]]))
                break;
        for (size_t i = 0; i < count; i++)
            touch(&self, trace->block[r][order == MT_TOUCH_ROOT ? i : count - 1 - i]);
    }
}

/* ---- beside them ---- */

static mt_locality *locality_of(const plain_trace *trace) {
    mt_locality *locality = mt_locality_new(TRACE_BLOCK_SIZE, NULL);
    assert_non_null(locality);
    for (size_t r = 0; r < TRACE_REQUESTS; r++) {
        mt_request request = plain_request(trace, r);
        request.has |= MT_HAS_TIME;
        request.time_ns = (int64_t)(r * r); /* gaps of all sizes */
        assert_int_equal(mt_locality_add(locality, &request, NULL), MT_OK);
    }
    return locality;
}

static mt_cache_spec spec_of(const char *name, uint64_t size, mt_touch_order order) {
    const mt_policy *policy = mt_policy_named(name);
    assert_non_null(policy);
    return (mt_cache_spec){
        .policy = policy, .size = size, .order = order, .ttl_ns = MT_NO_TTL, .seed = SEED};
}

static void play(const mt_locality *locality, mt_cache_spec spec, mt_hit_rule rule,
                 uint32_t *hits) {
    assert_int_equal(mt_locality_play(locality, &spec, rule, hits, NULL), MT_OK);
}

static uint64_t sum_of(const uint32_t *hits) {
    uint64_t sum = 0;
    for (size_t r = 0; r < TRACE_REQUESTS; r++)
        sum += hits[r];
    return sum;
}

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
                play(locality, spec_of(models[m].name, sizes[s], here), MT_HIT_ALL, hits);
                for (size_t r = 0; r < TRACE_REQUESTS; r++)
                    if (hits[r] != plain[r])
                        fail_msg("%s of %zu, order %d, request %zu: %u hits, not %u",
                                 models[m].name, sizes[s], order, r, hits[r], plain[r]);
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
    uint64_t before = 0;
    for (size_t s = 0; s < SIZES; s++) {
        play(locality, spec_of("optimum", sizes[s], MT_TOUCH_ROOT), MT_HIT_ALL, hits);
        uint64_t bound = sum_of(hits);
        for (size_t m = 0; m < MODELS; m++)
            for (int order = MT_TOUCH_ROOT; order <= MT_TOUCH_LEAF; order++) {
                mt_cache_spec spec = spec_of(models[m].name, sizes[s], (mt_touch_order)order);
                play(locality, spec, MT_HIT_ALL, other);
                assert_true(sum_of(other) <= bound);
            }
        play(locality, spec_of("lru", sizes[s], MT_TOUCH_ROOT), MT_HIT_ALL, hits);
        mt_locality_hits_lru(locality, sizes[s], other);
        assert_memory_equal(hits, other, sizeof hits);
        assert_true(sum_of(hits) >= before);
        before = sum_of(hits);
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
        cmocka_unit_test(test_rule),           cmocka_unit_test(test_optimum_is_one),
        cmocka_unit_test(test_random_is_even), cmocka_unit_test(test_drop),
        cmocka_unit_test(test_ages),           cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
