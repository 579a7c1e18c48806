/* How often each whole number came: a summary of numbers without end, in memory that depends only
 * on how many different ones there are: 32 to 64 bytes each, but for small ones, whose counts lie side by
 * side, 8 KB for each 1024 of them in a row. Lengths in tokens are such. */
#ifndef MT_STATS_TALLY_H
#define MT_STATS_TALLY_H

#include "base/error.h"
#include "stats/summary.h"

typedef struct mt_tally_slot {
    uint64_t value, count; /* count 0: free */
} mt_tally_slot;

/* Numbers wait to be counted many at once: their counts are anywhere in memory, and are fetched
 * meanwhile. */
enum { MT_TALLY_WAITING = 64 };

/* Numbers below their product are small: counts of so many in a row are a page. */
enum { MT_TALLY_PAGE = 1024, MT_TALLY_PAGES = 64 };

/* Zero it before first use. */
typedef struct mt_tally {
    uint64_t *pages[MT_TALLY_PAGES]; /* NULL: none of them has come */
    mt_tally_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t filled;   /* of the slots */
    size_t used;     /* different numbers that are counted */
    size_t waiting;  /* numbers that are not counted yet */
    uint64_t values[MT_TALLY_WAITING];
} mt_tally;

/* Counts the numbers that wait. 0, or -1 when out of memory: then those that are not counted wait on. */
int mt_tally_count(mt_tally *tally);

/* Is the number one of those whose counts lie side by side? */
static inline int mt_tally_is_small(uint64_t value) {
    return value < (uint64_t)MT_TALLY_PAGE * MT_TALLY_PAGES;
}

/* Takes in one number. 0, or -1 when out of memory: then it is not taken in. */
static inline int mt_tally_add(mt_tally *tally, uint64_t value) {
    if (tally->waiting == MT_TALLY_WAITING && mt_tally_count(tally) != 0)
        return -1;
    const uint64_t *page = mt_tally_is_small(value) ? tally->pages[value / MT_TALLY_PAGE] : NULL;
    if (page)
        __builtin_prefetch(page + value % MT_TALLY_PAGE, 1);
    tally->values[tally->waiting++] = value;
    return 0;
}

/* Summarises the numbers as mt_summarise does a list of them (as doubles). 0, or -1 when out of
 * memory; the tally can go on in either case. O(n log n) in the different numbers. */
int mt_tally_summarise(mt_tally *tally, mt_summary *summary);

/* Frees what the tally holds, and empties it. */
void mt_tally_free(mt_tally *tally);

#endif
