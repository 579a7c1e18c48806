/* Which of many hashes occur more than once? Two bits a place: a hash that was noted twice is always
 * found to be, one that was noted once seldom (about once in MT_MET_PLACES). */
#ifndef MT_TRACE_STEP_MET_TWICE_H
#define MT_TRACE_STEP_MET_TWICE_H

#include "base/fetch.h"
#include "base/memory.h"

#define MT_MET_PLACES UINT64_C(16) /* at least, for each hash that is expected */

/* Zero it, make room, note hashes, ask, free it. */
typedef struct mt_met_twice {
    uint64_t *words; /* in pairs: met once, met again */
    uint64_t mask;   /* over the places */
} mt_met_twice;

/* Room for so many hashes, none of which is noted yet. 0, or -1 when out of memory. */
static inline int mt_met_twice_make(mt_met_twice *met, uint64_t hashes) {
    uint64_t places = 64;
    while (places < MT_MET_PLACES * hashes)
        places *= 2;
    mt_free(met->words);
    met->mask = places - 1;
    met->words = mt_allocate_zero(2 * (places / 64), sizeof *met->words);
    return met->words ? 0 : -1;
}

static inline uint64_t *mt_met_twice_words(const mt_met_twice *met, uint64_t hash, uint64_t *bit) {
    uint64_t place = hash & met->mask;
    *bit = UINT64_C(1) << place % 64;
    return met->words + 2 * (place / 64);
}

/* The table is larger than the caches: ask for a hash's words some time before they are needed. */
static MT_FETCHES void mt_met_twice_prefetch(const mt_met_twice *met, uint64_t hash) {
    uint64_t bit;
    __builtin_prefetch(mt_met_twice_words(met, hash, &bit), 1);
}

static inline void mt_met_twice_note(mt_met_twice *met, uint64_t hash) {
    uint64_t bit, *words = mt_met_twice_words(met, hash, &bit);
    words[1] |= words[0] & bit;
    words[0] |= bit;
}

static inline int mt_met_twice_has(const mt_met_twice *met, uint64_t hash) {
    uint64_t bit;
    return (mt_met_twice_words(met, hash, &bit)[1] & bit) != 0;
}

static inline void mt_met_twice_free(mt_met_twice *met) {
    mt_free(met->words);
    met->words = NULL;
}

#endif
