/* LRU caches of several sizes in one pass: a request's runs come by rising distance, so that what hits
 * in a size also hits in the next, whichever end blocks are touched from. Sums are made in the order of the requests, as those of one size
 * are, and come out the same to the last digit. */
#include "prefix/analysis/played_sums.h"

#include "base/assert.h"

#include <string.h>

/* Sums by size. Of those of whole numbers what a request adds from one size on and not at smaller ones,
 * until they are added up at the end: most requests hit in all but a few of the sizes alike. */
typedef struct sums_by_size {
    double share[MT_MOST_TALLIED];
    struct step {
        uint64_t blocks, tokens, within;
    } from[MT_MOST_TALLIED];
} sums_by_size;

/* From sizes[i] on `now` blocks of the request hit, and `before` of them at smaller sizes. */
static void add_step(const mt_locality *locality, const mt_locality_row *row, uint32_t before,
                     uint32_t now, struct step *to) {
    uint32_t within = row->within;
    to->blocks += now - before;
    to->tokens += mt_locality_tokens(locality, row, now) -
                  (before > 0 ? mt_locality_tokens(locality, row, before) : 0);
    to->within += (now < within ? now : within) - (before < within ? before : within);
}

/* Adds what hits of a request, whose runs are runs[0..run_count). */
static void add_hits(const mt_locality *locality, const mt_locality_row *row,
                     const mt_locality_run *runs, size_t run_count, mt_hit_rule rule,
                     const uint64_t *sizes, size_t count, sums_by_size *sums) {
    size_t leading = 0, from = 0;
    uint32_t hits = 0;
    double share = 0;
    for (size_t run = 0; run < run_count; run++) {
        size_t begins = from;
        while (begins < count && sizes[begins] < runs[run].distance)
            begins++;
        for (; hits > 0 && from < begins; from++)
            sums->share[from] += share;
        from = begins;
        if (from == count)
            return;
        leading += runs[run].blocks;
        uint32_t now = (uint32_t)mt_hits_by(rule, leading, row->blocks);
        if (now > hits)
            add_step(locality, row, hits, now, &sums->from[from]);
        share = (double)now / (double)row->blocks;
        hits = now;
    }
    for (; hits > 0 && from < count; from++)
        sums->share[from] += share;
}

/* The hits in a cache of that size that is touched from the leaf on, of a request with those runs. */
static uint32_t hits_of_leaf(const mt_locality *locality, const mt_locality_run *runs,
                             size_t run_count, uint64_t size) {
    uint32_t before = 0;
    for (size_t run = 0; run < run_count; before += runs[run++].blocks) {
        uint32_t held = mt_locality_held_of_run(locality, &runs[run], before, size);
        if (held < runs[run].blocks)
            return before + held;
    }
    return before;
}

/* Touched from the leaf on a run hits block by block as sizes rise. */
static void tally_leaf(const mt_locality *locality, const uint64_t *sizes, size_t count,
                       mt_hit_rule rule, mt_played *played) {
    mt_played_sums sums[MT_MOST_TALLIED];
    const mt_locality_run *runs = locality->runs;
    for (size_t i = 0; i < count; i++)
        sums[i] = (mt_played_sums){.totals = locality->so_far.totals};
    for (size_t at = 0, end; at < locality->run_count; at = end) {
        const mt_locality_row *row = &locality->rows[runs[at].request];
        for (end = at + 1; end < locality->run_count && runs[end].request == runs[at].request;)
            end++;
        for (size_t i = 0; i < count; i++) {
            uint32_t hits = hits_of_leaf(locality, runs + at, end - at, sizes[i]);
            mt_played_add_hits(&sums[i], locality, row,
                               (uint32_t)mt_hits_by(rule, hits, row->blocks));
        }
    }
    for (size_t i = 0; i < count; i++)
        played[i] = mt_played_of(&sums[i]);
}

void mt_locality_tally_lru(const mt_locality *locality, const uint64_t *sizes, size_t count,
                           mt_touch_order order, mt_hit_rule rule, mt_played *played) {
    sums_by_size sums;
    mt_assert(count <= MT_MOST_TALLIED);
    if (order == MT_TOUCH_LEAF) {
        tally_leaf(locality, sizes, count, rule, played);
        return;
    }
    memset(&sums, 0, sizeof sums);
    const mt_locality_run *runs = locality->runs;
    for (size_t at = 0, end; at < locality->run_count; at = end) {
        uint32_t request = runs[at].request;
        for (end = at + 1; end < locality->run_count && runs[end].request == request;)
            end++;
        add_hits(locality, &locality->rows[request], runs + at, end - at, rule, sizes, count,
                 &sums);
    }
    struct step here = {0, 0, 0};
    for (size_t i = 0; i < count; i++) {
        here.blocks += sums.from[i].blocks;
        here.tokens += sums.from[i].tokens;
        here.within += sums.from[i].within;
        played[i] = mt_played_of(&(mt_played_sums){locality->so_far.totals, sums.share[i],
                                                   here.blocks, here.tokens, here.within});
    }
}
