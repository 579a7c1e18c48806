/* Plain, slow models of the policies of caches: lists of held blocks that are looked through. For
 * tests that play caches beside them. */
#ifndef CACHE_MODELS_H
#define CACHE_MODELS_H

#include "prefix/analysis/played.h"
#include "prefix/cache/cache.h"
#include "prefix_support.h"
#include "random/generator.h"

enum { MOST = TRACE_REQUESTS * TRACE_BLOCKS, SEED = 7 };

/* What a model knows; which of it counts is the policy's. */
typedef struct model model;
typedef void model_touch(model *self, uint32_t block);

struct model {
    model_touch *touch; /* of one that forgets */
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
};

static inline size_t place_in(const uint32_t *list, size_t count, uint32_t block) {
    size_t at = 0;
    while (at < count && list[at] != block)
        at++;
    return at;
}

static inline uint32_t take_at(uint32_t *list, size_t *count, size_t at) {
    uint32_t block = list[at];
    memmove(list + at, list + at + 1, (--*count - at) * sizeof *list);
    return block;
}

/* Held blocks stand in list or main. */
static inline int model_holds(const model *self, uint32_t block) {
    return place_in(self->list, self->count, block) < self->count ||
           place_in(self->main, self->main_count, block) < self->main_count;
}

/* Oldest first. */
static inline void lru_model(model *self, uint32_t block) {
    size_t at = place_in(self->list, self->count, block);
    if (at < self->count)
        take_at(self->list, &self->count, at);
    else if (self->count == self->size)
        take_at(self->list, &self->count, 0);
    self->list[self->count++] = block;
}

static inline void fifo_model(model *self, uint32_t block) {
    if (model_holds(self, block))
        return;
    if (self->count == self->size)
        take_at(self->list, &self->count, 0);
    self->list[self->count++] = block;
}

/* A ring with a hand that moves, as a clock is drawn. */
static inline void clock_model(model *self, uint32_t block) {
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
static inline void sieve_model(model *self, uint32_t block) {
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
static inline int s3_evict_main(model *self) {
    for (;;) {
        uint32_t block = take_at(self->main, &self->main_count, 0);
        if (self->uses[block]-- == 0)
            return 1;
        self->main[self->main_count++] = block;
    }
}

static inline int s3_evict(model *self, size_t small, size_t main) {
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

static inline void s3_fifo_model(model *self, uint32_t block) {
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

static inline void lfu_model(model *self, uint32_t block) {
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

static inline void random_model(model *self, uint32_t block) {
    if (model_holds(self, block))
        return;
    if (self->count == self->size) {
        size_t at = (size_t)mt_random_below(&self->random, self->count);
        self->list[at] = self->list[--self->count];
    }
    self->list[self->count++] = block;
}

/* The request after the one being played that uses the block, TRACE_REQUESTS if none does. */
static inline size_t next_use(const model *self, uint32_t block) {
    for (size_t r = self->request + 1; r < TRACE_REQUESTS; r++)
        if (place_in(self->trace->block[r], self->trace->count[r], block) < self->trace->count[r])
            return r;
    return TRACE_REQUESTS;
}

/* All held and the block itself: who is used last leaves, of equals the one with the largest number
 * (a block's number is above that of the block before it). */
static inline void optimum_model(model *self, uint32_t block) {
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

static inline void start_model(model *self, const plain_trace *trace, size_t size) {
    memset(self, 0, sizeof *self);
    self->size = size;
    self->trace = trace;
    mt_random_begin(&self->random, SEED, "cache", "evictions");
}

/* Leading blocks of request r that it holds. */
static inline uint32_t model_leading(const model *self, size_t r) {
    uint32_t hits = 0;
    while (hits < self->trace->count[r] && model_holds(self, self->trace->block[r][hits]))
        hits++;
    return hits;
}

/* Request r comes: its hits. */
static inline uint32_t model_access(model *self, model_touch *touch, size_t r,
                                    mt_touch_order order) {
    size_t count = self->trace->count[r];
    uint32_t hits = model_leading(self, r);
    self->request = r;
    for (size_t i = 0; i < count; i++)
        touch(self, self->trace->block[r][order == MT_TOUCH_ROOT ? i : count - 1 - i]);
    return hits;
}

/* Plays the trace; hits of each request. */
static inline void play_model(model_touch *touch, const plain_trace *trace, size_t size,
                              mt_touch_order order, uint32_t *hits) {
    static model self;
    start_model(&self, trace, size);
    for (size_t r = 0; r < TRACE_REQUESTS; r++)
        hits[r] = model_access(&self, touch, r, order);
}

/* ---- what is played beside them ---- */

static inline mt_locality *locality_of(const plain_trace *trace) {
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

static inline mt_cache_spec spec_of(const char *name, uint64_t size, mt_touch_order order) {
    const mt_policy *policy = mt_policy_named(name);
    assert_non_null(policy);
    return (mt_cache_spec){
        .policy = policy, .size = size, .order = order, .ttl_ns = MT_NO_TTL, .seed = SEED};
}

static inline void play(const mt_locality *locality, mt_cache_spec spec, mt_hit_rule rule,
                        uint32_t *hits) {
    assert_int_equal(mt_locality_play(locality, &spec, rule, hits, NULL), MT_OK);
}

static inline uint64_t sum_of(const uint32_t *hits) {
    uint64_t sum = 0;
    for (size_t r = 0; r < TRACE_REQUESTS; r++)
        sum += hits[r];
    return sum;
}

#endif
