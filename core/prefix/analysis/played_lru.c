/* LRU caches of several sizes in one pass: a request's runs come by rising distance, so that what hits
 * in a size also hits in the next. Sums are made in the order of the requests, as those of one size
 * are, and come out the same to the last digit. */
#include "prefix/analysis/played_sums.h"

#include "base/assert.h"

#include <string.h>

/* What a request adds at one size and, as long as no more hits, at those after it. */
typedef struct share {
    double share;
    uint64_t blocks, tokens, within;
} share;

static share share_of(const mt_locality *locality, const mt_locality_row *row, size_t hits) {
    uint32_t some = (uint32_t)hits;
    return (share){(double)some / (double)row->blocks, some,
                   mt_locality_tokens(locality, row, some),
                   some < row->within ? some : row->within};
}

/* Adds what hits of a request, whose runs are runs[0..run_count). */
static void add_hits(const mt_locality *locality, const mt_locality_row *row,
                     const mt_locality_run *runs, size_t run_count, mt_hit_rule rule,
                     const uint64_t *sizes, size_t count, mt_played_sums *sums) {
    size_t run = 0, leading = 0, hits = 0;
    share here = {0};
    for (size_t i = 0; i < count; i++) {
        for (; run < run_count && runs[run].distance <= sizes[i]; run++)
            leading += runs[run].blocks;
        size_t now = mt_hits_by(rule, leading, row->blocks);
        if (now != hits)
            here = share_of(locality, row, now);
        hits = now;
        sums[i].share += here.share;
        sums[i].blocks += here.blocks;
        sums[i].tokens += here.tokens;
        sums[i].within += here.within;
    }
}

void mt_locality_tally_lru(const mt_locality *locality, const uint64_t *sizes, size_t count,
                           mt_hit_rule rule, mt_played *played) {
    mt_played_sums sums[MT_MOST_TALLIED];
    mt_assert(count <= MT_MOST_TALLIED);
    memset(sums, 0, sizeof sums);
    const mt_locality_run *runs = locality->runs;
    for (size_t r = 0, at = 0; r < locality->row_count; r++) {
        size_t begin = at;
        while (at < locality->run_count && runs[at].request == r)
            at++;
        if (at > begin)
            add_hits(locality, &locality->rows[r], runs + begin, at - begin, rule, sizes, count,
                     sums);
    }
    for (size_t i = 0; i < count; i++) {
        sums[i].totals = locality->so_far.totals;
        played[i] = mt_played_of(&sums[i]);
    }
}
