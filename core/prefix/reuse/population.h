/* One population of requests that share prefixes: its history, its plan, and who is due. Private to
 * the reuse method (prefix/reuse/reuse.h). */
#ifndef MT_PREFIX_REUSE_POPULATION_H
#define MT_PREFIX_REUSE_POPULATION_H

#include "base/heap.h"
#include "prefix/reuse/choice.h"
#include "prefix/reuse/plan.h"
#include "prefix/synthetic.h"
#include "random/generator.h"

/* An item waiting for a moment; in a heap the earliest comes first. */
typedef struct mt_reuse_wait {
    double moment;
    uint32_t item;
    uint32_t tries;
} mt_reuse_wait;

static inline int mt_reuse_is_sooner(const mt_reuse_wait *a, const mt_reuse_wait *b) {
    return a->moment < b->moment;
}

MT_HEAP(mt_reuse_heap, mt_reuse_wait, mt_reuse_is_sooner)

/* Where a successor is to come back to. */
typedef struct mt_reuse_promise {
    uint32_t node; /* whose end it is; MT_NO_NODE: it was forgotten */
    uint32_t slot; /* who made it; MT_NO_SLOT: that was forgotten */
} mt_reuse_promise;

typedef struct mt_reuse_population {
    const mt_reuse_items *items;
    mt_reuse_history history;
    mt_reuse_plan plan;
    mt_reuse_errors errors;
    mt_random plan_random, wait_random;
    uint64_t laps, made;
    double clock;               /* blocks touched, and skipped where nobody was due */
    mt_reuse_promise *promises; /* by item */
    mt_reuse_heap due;          /* successors, by the clock at which they may be due */
    mt_reuse_heap ready;        /* successors that are, by urgency */
    mt_reuse_heap waiting;      /* others that found no good place, by requests made */
    uint32_t dealt;             /* of the plan's deck */
    uint32_t *moved;            /* scratch of forgetting */
    size_t moved_capacity;
} mt_reuse_population;

/* *population must be zero; number tells the populations of one seed apart. Free it with
 * mt_reuse_population_free, on failure too. */
mt_code mt_reuse_population_open(mt_reuse_population *population, const mt_reuse_items *items,
                                 uint64_t seed, uint64_t number, mt_error *error);

/* The next request; new blocks are numbered from *next_id on. */
mt_code mt_reuse_population_next(mt_reuse_population *population, uint64_t *next_id,
                                 mt_synthetic *made, mt_error *error);

void mt_reuse_population_free(mt_reuse_population *population);

/* Bytes an open population takes at first. */
uint64_t mt_reuse_population_memory(const mt_reuse_items *items);

#endif
