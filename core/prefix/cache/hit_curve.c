#include "prefix/cache/hit_curve.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/sort.h"

/* steps[i] is what hits in a cache of steps[i].size blocks, and of any size below steps[i +
 * 1].size: the sum of all hits that need no more. */
struct mt_hit_curve {
    mt_hit_totals totals;
    mt_hits *steps;
    size_t count;
};

mt_hit_curve *mt_hit_curve_new(mt_hits *hits, size_t count, const mt_hit_totals *totals,
                               mt_error *error) {
    if (mt_sort_by_number(hits, count, sizeof *hits, error) != MT_OK)
        return NULL;
    size_t different = 0;
    for (size_t i = 0; i < count; i++)
        different += i == 0 || hits[i].size != hits[i - 1].size;
    mt_hit_curve *curve = mt_new(sizeof *curve, "hit ratios", error);
    if (!curve)
        return NULL;
    if (!(curve->steps = mt_allocate(different, sizeof *curve->steps))) {
        mt_hit_curve_free(curve);
        return mt_null(mt_fail_memory(error, "hit ratios"));
    }
    curve->totals = *totals;
    mt_hits sum = {0};
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || hits[i].size != hits[i - 1].size)
            curve->count++;
        sum.size = hits[i].size;
        sum.share += hits[i].share;
        sum.blocks += hits[i].blocks;
        sum.tokens += hits[i].tokens;
        curve->steps[curve->count - 1] = sum;
    }
    mt_assert(curve->count == different && sum.blocks <= totals->blocks);
    return curve;
}

void mt_hit_curve_free(mt_hit_curve *curve) {
    if (!curve)
        return;
    mt_free(curve->steps);
    mt_free(curve);
}

/* What hits in a cache of that size. */
static mt_hits hits_at(const mt_hit_curve *curve, uint64_t size) {
    size_t low = 0, high = curve->count; /* steps[0..low) are small enough, steps[high..) are not */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (curve->steps[middle].size <= size)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? curve->steps[low - 1] : (mt_hits){0};
}

mt_hit_ratio mt_hit_curve_at(const mt_hit_curve *curve, uint64_t size) {
    mt_hits hits = hits_at(curve, size);
    return (mt_hit_ratio){.request = mt_ratio_of(hits.share, curve->totals.requests),
                          .block = mt_ratio_of((double)hits.blocks, curve->totals.blocks),
                          .token = mt_ratio_of((double)hits.tokens, curve->totals.tokens)};
}

uint64_t mt_hit_curve_size(const mt_hit_curve *curve, double share) {
    double wanted = share * (double)hits_at(curve, MT_INFINITE_CACHE).blocks;
    if (!(wanted > 0))
        return 0;
    for (size_t i = 0; i < curve->count; i++)
        if ((double)curve->steps[i].blocks >= wanted)
            return curve->steps[i].size;
    return 0;
}
